//! `plan` with a vehicle: a plan that flies, proven leg by leg, with home, returns, heights and energy.

use super::Plan;
use super::explain;
use super::picture;
use super::wish;
use crate::cli::geometry::Budget;
use crate::cli::ground::GroundFlags;
use crate::cli::settings::{Settings, import};
use crate::draw::{Picture, Track, on_plane};
use anyhow::{Context, bail};
use link_io::Clock;
use missions::energy::Wind;
use missions::flight::OnLinkLoss;
use missions::formats::{to_geojson, to_imported, write_plan};
use missions::place::{Alt, LatLon};
use missions::plan::{PatrolPlan, hex};
use missions::plane::LocalPlane;
use missions::planner::{LeftPiece, PatrolRequest, PlanEffort, Planned, plan_patrol_within};
use missions::time::{Utc, Window};
use missions::venue::Venue;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Flags of plans that fly.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "With a vehicle")]
pub(in crate::cli) struct Flying {
    #[command(flatten)]
    pub ground: GroundFlags,
    /// When it may be launched: now, or a time such as 2026-10-01T12:02:00Z (when the simulator's evening begins)
    #[arg(long, value_name = "WHEN", default_value = "now")]
    pub launch_from: String,
    /// For how long it may be launched, minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 15.0)]
    pub launch_within: f64,
    /// When the ground link is lost: hold-then-return, return or continue
    #[arg(long, value_name = "WHAT", default_value = "hold-then-return", value_parser = ["hold-then-return", "return", "continue"])]
    pub on_link_loss: String,
    /// There is a permit to fly over assembled crowds
    #[arg(long)]
    pub over_crowds: bool,
}

/// What a plan is written as, by its file name.
pub(super) fn encode(plan: &PatrolPlan, out: &Path) -> anyhow::Result<Vec<u8>> {
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

pub(super) fn window(from: &str, minutes: f64) -> anyhow::Result<Window> {
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

pub(super) fn request(
    a: &Plan,
    venue: &Venue,
    lines: &[missions::formats::import::DrawnLine],
) -> anyhow::Result<PatrolRequest> {
    let f = &a.flying;
    Ok(PatrolRequest {
        name: a.name.clone().unwrap_or_else(|| venue.name.clone()),
        pattern: wish::pattern(a, venue, lines)?,
        alt: Alt::from_metres(a.altitude).with_context(|| format!("--altitude {}", a.altitude))?,
        speed_mps: a.speed,
        margin_m: a.margin,
        launch_window: window(&f.launch_from, f.launch_within)?,
        area: a.area.clone(),
        on_link_loss: match f.on_link_loss.as_str() {
            "return" => OnLinkLoss::Return,
            "continue" => OnLinkLoss::Continue,
            _ => OnLinkLoss::HoldThenReturn { wait_s: 10.0 },
        },
        over_crowds: f.over_crowds,
        wind: a
            .graphs
            .wind
            .map_or_else(Wind::default, |w| Wind::stated(w.toward_deg + 180.0, w.mps)),
    })
}

/// Plans and writes.
pub(super) fn run(a: &Plan, s: &Settings) -> anyhow::Result<ExitCode> {
    let got = import(&a.files.venue, a.datum)?;
    let mut venue = got.venue;
    a.flying.ground.give(&mut venue)?;
    let request = request(a, &venue, &got.lines)?;
    let effort = PlanEffort {
        moves: a.drawing.effort,
        seed: a.drawing.seed,
    };
    let mut budget = Budget::new(a.drawing.budget_ms);
    let made = plan_patrol_within(&venue, &s.vehicle, &request, &effort, || budget.over());
    let Planned {
        plan,
        left_out,
        pattern_m,
        slowed,
    } = match made {
        Ok(p) => p,
        Err(refusal) => return Err(explain::flying(a, s, &venue, &request, refusal)),
    };
    let out = &a.files.out;
    let bytes = encode(&plan, out)?;
    std::fs::write(out, bytes).with_context(|| format!("cannot write {}", out.display()))?;
    let seen = coverage(a, &venue, &[&plan]);
    let figures = figures(a, &plan, &left_out, pattern_m, seen);
    let mut words = words(&plan);
    if let Some(least) = slowed.iter().map(|s| s.speed_mps).min_by(f64::total_cmp) {
        words.push(format!(
            "{:.0} m near the fence are flown slower, down to {least:.1} m/s",
            slowed.iter().map(|s| s.length_m).sum::<f64>()
        ));
    }
    if let Some(part) = seen {
        words.push(format!(
            "{:.1} % of the whole area seen at a swath of {:.1} m",
            100.0 * part,
            a.seen().swath_m
        ));
    }
    if budget.was_over() {
        words.push(format!(
            "stopped by --budget-ms {}: more time may give a shorter way",
            a.drawing.budget_ms
        ));
    }
    if let Some(path) = &a.files.draw {
        picture::write(&drawing(a, &venue, &plan, &left_out, &words), path)?;
    }
    if s.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} -> {}", plan.file().name, out.display());
    for w in words {
        println!("  {w}");
    }
    for l in left_out
        .iter()
        .take(if a.explain { left_out.len() } else { 3 })
    {
        println!("  left out: {l}");
    }
    if left_out.len() > 3 && !a.explain {
        println!(
            "  … and {} pieces more: --explain tells all",
            left_out.len() - 3
        );
    }
    for n in &got.notes {
        println!("  note: {}", n.words);
    }
    Ok(ExitCode::SUCCESS)
}

/// Part of the area that the way sees at the swath, by a measure of our own; the whole venue is the area.
pub(super) fn coverage(a: &Plan, venue: &Venue, plans: &[&PatrolPlan]) -> Option<f64> {
    let ground = crate::cli::geometry::ground::Ground::on_grid(venue, a.area.as_deref()).ok()?;
    let ways: Vec<_> = plans
        .iter()
        .map(|plan| {
            let places: Vec<LatLon> = plan.path().iter().map(|p| p.0).collect();
            on_plane(&ground.plane, &places)
        })
        .collect();
    let m = crate::cli::measure::measure(&ground.target, &ways, a.seen().swath_m, 0.0);
    Some(m.coverage)
}

fn figures(
    a: &Plan,
    plan: &PatrolPlan,
    left_out: &[LeftPiece],
    pattern_m: f64,
    coverage: Option<f64>,
) -> Value {
    let f = plan.file();
    let e = f.estimate;
    let places: Vec<LatLon> = plan.path().iter().map(|p| p.0).collect();
    let turns = super::drawn::turns(&on_plane(&LocalPlane::new(f.home.at), &places));
    json!({
        "file": a.files.out,
        "hash": hex(&plan.hash()),
        "flyable": true,
        "pattern": a.pattern.text(),
        "items": f.items.len(),
        "estimate": e,
        "length_m": e.distance_m,
        "turns": turns,
        "time_s": e.time_s,
        "energy_wh": e.energy_wh,
        "pattern_m": pattern_m,
        "coverage": coverage,
        // Flown again at once, the same ground is seen again after so long.
        "revisit_s": e.time_s,
        "left_out_m": e.left_out_m,
        "left_out": left_out,
        "margin_m": plan.margin_m(),
        "min_clearance_m": plan.min_clearance_m(),
        "gained": f.gained,
        "return_above_home_m": f.return_alt.metres(),
        "launch_from": f.launch_window.from.to_rfc3339(),
        "launch_until": f.launch_window.until.to_rfc3339(),
    })
}

pub(super) fn words(plan: &PatrolPlan) -> Vec<String> {
    let f = plan.file();
    let e = f.estimate;
    let mut out = vec![
        format!(
            "{} steps, {:.0} m, {:.1} min at {:.1} m/s",
            f.items.len(),
            e.distance_m,
            e.time_s / 60.0,
            f.speed_mps
        ),
        format!(
            "{:.0} Wh; {:.0} % of the battery left at the landing",
            e.energy_wh, e.reserve_pct
        ),
        format!(
            "keeps {:.1} m from the fence ({:.1} m needed); returns at {:.0} m above home",
            plan.min_clearance_m(),
            plan.margin_m(),
            f.return_alt.metres()
        ),
        format!(
            "may be launched from {} to {}",
            f.launch_window.from.to_rfc3339(),
            f.launch_window.until.to_rfc3339()
        ),
    ];
    if !f.gained.is_empty() {
        let places: Vec<String> = f.gained.iter().map(ToString::to_string).collect();
        out.push(format!(
            "gains {} that the venue does not name, for the autopilot's own return: {}; look at the ground there before the flight",
            if places.len() == 1 {
                "a landing site".to_owned()
            } else {
                format!("{} landing sites", places.len())
            },
            places.join("; ")
        ));
    }
    if e.left_out_m > 0.0 {
        out.push(format!(
            "{:.0} m of the pattern are left out: not to be reached, or no return from there stays inside",
            e.left_out_m
        ));
    }
    out
}

fn drawing(
    a: &Plan,
    venue: &Venue,
    plan: &PatrolPlan,
    left_out: &[LeftPiece],
    words: &[String],
) -> Picture {
    let plane = LocalPlane::new(plan.file().home.at);
    let name = &plan.file().name;
    let plain = if name.is_ascii() {
        name.as_str()
    } else {
        "plan"
    };
    let mut p = Picture {
        title: format!("{name}: {}", a.pattern.text()),
        plain_title: format!("{plain}: {}", a.pattern.text()),
        figures: words.to_vec(),
        north_is_up: true,
        ..Picture::default()
    };
    p.add_venue(venue, &plane);
    let places: Vec<LatLon> = plan.path().iter().map(|q| q.0).collect();
    p.left_out = left_out
        .iter()
        .map(|l| (plane.to_local(l.from), plane.to_local(l.to)))
        .collect();
    p.tracks.push(Track {
        name: format!("way, {:.2} km", plan.file().estimate.distance_m / 1000.0),
        places: on_plane(&plane, &places),
    });
    p
}
