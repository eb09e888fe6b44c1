//! `plan`: a patrol inside a venue's fence, as plan.json, QGroundControl's .plan or GeoJSON.

use super::settings::{Settings, import};
use anyhow::{Context, bail};
use link_io::Clock;
use missions::flight::OnLinkLoss;
use missions::formats::{to_geojson, to_imported, write_plan};
use missions::place::{Alt, Datum};
use missions::plan::{PatrolPlan, hex};
use missions::planner::{PatrolRequest, Pattern, plan_patrol};
use missions::time::{Utc, Window};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Flags of `plan`. With a vehicle (`--vehicle`) the plan flies: home, returns, heights, energy. Without, it is geometry
/// only.
#[derive(Debug, clap::Args)]
pub struct Plan {
    /// Venue: GeoJSON, KML, KMZ, QGroundControl .plan, ArduPilot fence, ED-269 or ED-318 zones (roles: inclusion,
    /// exclusion, show, crowd, watch_zone, launch, landing, …)
    #[arg(value_name = "VENUE")]
    pub(super) venue: PathBuf,
    /// Grid of the file's coordinates where the file does not say it: WGS-84, GCJ-02 or BD-09. A plan that flies needs it
    #[arg(long, value_name = "GRID", value_parser = datum)]
    pub(super) datum: Option<Datum>,
    #[command(flatten)]
    ground: super::ground::GroundFlags,
    /// sweep: back and forth over the free area; perimeter: once around, inside the boundary
    #[arg(long, value_name = "PATTERN", default_value = "sweep", value_parser = ["sweep", "perimeter"])]
    pub(super) pattern: String,
    /// Height above the launch site, metres
    #[arg(long, value_name = "METRES", default_value_t = 60.0)]
    pub(super) altitude: f64,
    /// Speed on legs, metres a second [default: the vehicle's cruise speed]
    #[arg(long, value_name = "M/S")]
    speed: Option<f64>,
    /// Sweep: distance between lines, metres [default: what the camera sees from that height]
    #[arg(long, value_name = "METRES")]
    pub(super) swath: Option<f64>,
    /// Sweep: direction of the lines, degrees from north [default: the shortest]
    #[arg(long, value_name = "DEGREES")]
    angle: Option<f64>,
    /// Perimeter: distance from the boundary, metres; never less than the margin
    #[arg(long, value_name = "METRES", default_value_t = 20.0)]
    pub(super) offset: f64,
    /// Least distance to keep from the fence, metres; more is kept where the vehicle's braking needs it
    #[arg(long, value_name = "METRES", default_value_t = 5.0)]
    pub(super) margin: f64,
    /// Only inside this zone of the venue, by its id
    #[arg(long, value_name = "ZONE")]
    area: Option<String>,
    /// When it may be launched: now, or a time such as 2026-10-01T12:02:00Z (when the simulator's evening begins)
    #[arg(long, value_name = "WHEN", default_value = "now")]
    launch_from: String,
    /// For how long it may be launched, minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 15.0)]
    launch_within: f64,
    /// When the ground link is lost: hold-then-return, return or continue
    #[arg(long, value_name = "WHAT", default_value = "hold-then-return", value_parser = ["hold-then-return", "return", "continue"])]
    on_link_loss: String,
    /// There is a permit to fly over assembled crowds
    #[arg(long)]
    over_crowds: bool,
    /// Name of the plan [default: the venue's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where it goes: *.json (ours), *.plan (QGroundControl) or *.geojson
    #[arg(short, long, value_name = "FILE", default_value = "plan.json")]
    pub(super) out: PathBuf,
    /// Without a vehicle: end the sweep where it began
    #[arg(long)]
    pub(super) closed: bool,
    /// Without a vehicle: moves of the optimiser; the same effort and seed give the same bytes [default: by the area]
    #[arg(long, value_name = "N")]
    pub(super) effort: Option<u64>,
    /// Without a vehicle: of the optimiser's dice
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(super) seed: u64,
    /// Without a vehicle: stop optimising after so long, milliseconds; a legal plan stands by then
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(super) budget_ms: u64,
}

fn datum(s: &str) -> Result<Datum, String> {
    match s.to_ascii_uppercase().replace(['-', '_'], "").as_str() {
        "WGS84" => Ok(Datum::Wgs84),
        "GCJ02" => Ok(Datum::Gcj02),
        "BD09" => Ok(Datum::Bd09),
        _ => Err("WGS-84, GCJ-02 or BD-09".into()),
    }
}

/// What a plan is written as, by its file name.
fn encode(plan: &PatrolPlan, out: &Path) -> anyhow::Result<Vec<u8>> {
    match out.extension().and_then(|e| e.to_str()) {
        Some("json") => Ok(plan.to_json()),
        Some("plan") => Ok(write_plan(&to_imported(plan)).into_bytes()),
        Some("geojson") => Ok(to_geojson(plan).into_bytes()),
        _ => bail!(
            "{}: name the file *.json (to fly it), *.plan (QGroundControl) or *.geojson (a map)",
            out.display()
        ),
    }
}

fn window(from: &str, minutes: f64) -> anyhow::Result<Window> {
    let from = match from {
        "now" => Clock::start()
            .now()
            .utc
            .valid()
            .context("this machine does not know the time: give --launch-from")?,
        text => Utc::from_rfc3339(text).with_context(|| {
            format!("--launch-from {text} is no time such as 2026-10-01T12:02:00Z")
        })?,
    };
    if !(1.0..=1_440.0).contains(&minutes) {
        bail!("--launch-within {minutes}: give 1 to 1440 minutes");
    }
    Ok(Window {
        from,
        until: from.after(Duration::from_secs_f64(minutes * 60.0)),
    })
}

/// Plans and writes.
pub fn run(a: &Plan, s: &Settings) -> anyhow::Result<ExitCode> {
    if !s.vehicle_chosen {
        return super::geometry::run(a, s.json);
    }
    let got = import(&a.venue, a.datum)?;
    let mut venue = got.venue;
    a.ground.give(&mut venue)?;
    let request = PatrolRequest {
        name: a.name.clone().unwrap_or_else(|| venue.name.clone()),
        pattern: match a.pattern.as_str() {
            "perimeter" => Pattern::Perimeter { offset_m: a.offset },
            _ => Pattern::Sweep {
                swath_m: a.swath.unwrap_or(a.altitude * 0.9),
                angle_deg: a.angle,
            },
        },
        alt: Alt::from_metres(a.altitude).with_context(|| format!("--altitude {}", a.altitude))?,
        speed_mps: a.speed,
        margin_m: a.margin,
        launch_window: window(&a.launch_from, a.launch_within)?,
        area: a.area.clone(),
        on_link_loss: match a.on_link_loss.as_str() {
            "return" => OnLinkLoss::Return,
            "continue" => OnLinkLoss::Continue,
            _ => OnLinkLoss::HoldThenReturn { wait_s: 10.0 },
        },
        over_crowds: a.over_crowds,
    };
    let plan = plan_patrol(&venue, &s.vehicle, &request)
        .with_context(|| format!("no plan over {}", venue.name))?;
    let bytes = encode(&plan, &a.out)?;
    std::fs::write(&a.out, bytes).with_context(|| format!("cannot write {}", a.out.display()))?;
    let f = plan.file();
    let e = f.estimate;
    if s.json {
        let out = serde_json::json!({
            "file": a.out,
            "hash": hex(&plan.hash()),
            "items": f.items.len(),
            "estimate": e,
            "margin_m": plan.margin_m(),
            "min_clearance_m": plan.min_clearance_m(),
            "return_above_home_m": f.return_alt.metres(),
            "launch_from": f.launch_window.from.to_rfc3339(),
            "launch_until": f.launch_window.until.to_rfc3339(),
        });
        println!("{}", serde_json::to_string_pretty(&out)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} -> {}", f.name, a.out.display());
    println!(
        "  {} steps, {:.0} m, {:.1} min at {:.1} m/s",
        f.items.len(),
        e.distance_m,
        e.time_s / 60.0,
        f.speed_mps
    );
    println!(
        "  {:.0} Wh; {:.0} % of the battery left at the landing",
        e.energy_wh, e.reserve_pct
    );
    println!(
        "  keeps {:.1} m from the fence ({:.1} m needed); returns at {:.0} m above home",
        plan.min_clearance_m(),
        plan.margin_m(),
        f.return_alt.metres()
    );
    println!(
        "  may be launched from {} to {}",
        f.launch_window.from.to_rfc3339(),
        f.launch_window.until.to_rfc3339()
    );
    if e.left_out_m > 0.0 {
        println!(
            "  {:.0} m of the pattern are left out: not to be reached, or no return from there stays inside",
            e.left_out_m
        );
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::plan::demo_plan;
    use missions::venue::Venue;

    #[test]
    fn the_file_name_says_the_format_and_a_flyable_plan_is_read_again() {
        let start = Utc::from_rfc3339("2026-10-01T12:02:00Z").unwrap();
        let plan = demo_plan(&Venue::sixi_river(), 7, start).unwrap();
        let json = encode(&plan, Path::new("a.json")).unwrap();
        assert_eq!(PatrolPlan::from_json(&json).unwrap().id(), plan.id());
        let qgc = encode(&plan, Path::new("a.plan")).unwrap();
        assert!(missions::formats::read_any("a.plan", &qgc).is_ok());
        assert!(encode(&plan, Path::new("a.geojson")).is_ok());
        let e = encode(&plan, Path::new("a.kml")).unwrap_err().to_string();
        assert!(e.contains("*.json"), "{e}");
    }

    #[test]
    fn a_window_needs_a_time_and_a_sane_length() {
        assert!(window("2026-10-01T12:02:00Z", 15.0).is_ok());
        assert!(window("tonight", 15.0).is_err());
        assert!(window("2026-10-01T12:02:00Z", f64::NAN).is_err());
    }
}
