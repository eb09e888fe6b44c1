//! One upload in virtual time, watched from outside.

use anyhow::Context;
use ground_station::desk::{DeskConfig, Upload};
use ground_station::rehearse::plan::{SIXI_GEOJSON, demo_plan};
use ground_station::rehearse::{AutopilotKind, Rig, RigConfig};
use link::items::{ListKind, WireItem};
use missions::place::{Alt, LatLon};
use missions::plan::{PatrolPlan, PlanItem};
use missions::time::Mono;
use missions::venue::Venue;
use onboard::Config as OnboardConfig;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use sim::radio::RadioSpec;
use sim::scenario::Scenario;
use std::time::Duration;

/// An upload that is not over by then is given up, simulated seconds.
pub const LIMIT_S: f64 = 60.0;
/// Items of the plan that is uploaded.
const ITEMS: usize = 200;
/// The old plan must be aboard by then, simulated seconds.
const FIRST_BY_S: f64 = 60.0;
/// Watched on after the end, so that a later untruth is seen, simulated seconds.
const AFTER_S: f64 = 2.0;

/// The plan aboard before, and the one uploaded over bad radio.
pub struct Plans {
    scenario: Scenario,
    venue: Venue,
    old: PatrolPlan,
    new: PatrolPlan,
}

impl Plans {
    /// Plans them.
    ///
    /// # Errors
    /// When the planner refuses.
    pub fn new() -> anyhow::Result<Plans> {
        let mut scenario = Scenario::sixi()?;
        // Nobody looks: pictures cost time and decide nothing here.
        scenario.camera.rate_hz = 0.01;
        scenario.staging.spectators = 0;
        let venue = Venue::sixi_river();
        let start = scenario.start()?;
        Ok(Plans {
            old: demo_plan(&venue, 3, start)?,
            new: with_items(&demo_plan(&venue, 7, start)?, ITEMS)?,
            venue,
            scenario,
        })
    }
}

/// The same way with more places on it.
fn with_items(plan: &PatrolPlan, items: usize) -> anyhow::Result<PatrolPlan> {
    let mut file = plan.file().clone();
    let place = |i: &PlanItem| match i {
        PlanItem::Waypoint { at, alt, .. } => Some((*at, alt.metres())),
        _ => None,
    };
    while file.items.len() < items {
        // The longest leg is cut in half.
        let (n, at, alt) = file
            .items
            .windows(2)
            .enumerate()
            .filter_map(|(n, w)| {
                let [a, b] = w else { return None };
                let ((a, ha), (b, hb)) = (place(a)?, place(b)?);
                let (dx, dy) = (b.lat_deg() - a.lat_deg(), b.lon_deg() - a.lon_deg());
                let at =
                    LatLon::from_degrees(a.lat_deg() + dx * 0.5, a.lon_deg() + dy * 0.5).ok()?;
                Some((n, dx.hypot(dy), at, (ha + hb) * 0.5))
            })
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(n, _, at, alt)| (n, at, alt))
            .context("a plan without legs")?;
        let item = PlanItem::Waypoint {
            at,
            alt: Alt::from_metres(alt)?,
            hold_s: 0.0,
        };
        file.items.insert(n + 1, item);
    }
    file.estimate = missions::planner::estimate(&file);
    PatrolPlan::check(file).map_err(|f| anyhow::anyhow!("the longer plan: {f}"))
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Seconds from the click until the desk knows that the companion has it whole and checked.
    pub staged_s: Option<f64>,
    /// Seconds from the click until the desk shows it on the aircraft, read back equal.
    pub aboard_s: Option<f64>,
    /// Bytes of the bundle on the wire, sent once.
    pub bundle_wire_bytes: usize,
    /// Times the autopilot took the new mission.
    pub commits: u32,
    /// Success was said while the autopilot held something else.
    pub false_success: bool,
    /// Failure was said although nothing failed.
    pub false_failure: bool,
    /// A launch would have been let through while the autopilot held neither plan whole.
    pub mixed: bool,
    /// What was wrong, in words.
    pub wrong: Vec<String>,
}

/// Which of two plans the autopilot's mission is, by places and heights alone.
pub fn holds(plan: &PatrolPlan, stored: &[WireItem]) -> bool {
    const WAYPOINT: u16 = 16;
    let want = plan.file().items.iter().filter_map(|i| match i {
        PlanItem::Waypoint { at, alt, .. } => Some((
            at.lat_e7(),
            at.lon_e7(),
            (alt.metres() * 10.0).round() as i64,
        )),
        _ => None,
    });
    // ArduPilot's item 0 is home; take-off and landing are other commands.
    let have = stored
        .iter()
        .enumerate()
        .filter(|(n, i)| i.command == WAYPOINT && !(*n == 0 && i.frame == 0))
        .map(|(_, i)| (i.x, i.y, (f64::from(i.z) * 10.0).round() as i64));
    let lands_by_waypoint = matches!(plan.file().items.last(), Some(PlanItem::Land { .. }));
    let have: Vec<_> = have.collect();
    let want: Vec<_> = want.collect();
    if lands_by_waypoint {
        have.get(..want.len()) == Some(&want[..]) && have.len() <= want.len() + 1
    } else {
        have == want
    }
}

/// Uploads the new plan over `radio` while the old one is aboard.
///
/// # Errors
/// When the world cannot be put together or the old plan cannot be put aboard over a good radio.
pub fn upload(
    plans: &Plans,
    kind: AutopilotKind,
    seed: u64,
    radio: RadioSpec,
    bulk_bytes_per_s: Option<f64>,
) -> anyhow::Result<Outcome> {
    let mut scenario = plans.scenario.clone();
    scenario.radio = RadioSpec {
        delay_ms: 1.0,
        ..RadioSpec::default()
    };
    let mut desk = DeskConfig {
        venue: plans.venue.clone(),
        ..DeskConfig::default()
    };
    if let Some(b) = bulk_bytes_per_s {
        desk.bulk_bytes_per_s = b;
    }
    let mut rig = Rig::new(RigConfig {
        seed,
        kind,
        scenario,
        venue_geojson: SIXI_GEOJSON.to_owned(),
        onboard: OnboardConfig {
            new_store_id: seed | 1,
            // What `onboard` takes from the baud of a serial line.
            ground_bytes_per_s: match radio.bits_per_s {
                b if b > 0.0 && b < 1e6 => vec![(b / 10.0 * 0.9) as u32],
                _ => Vec::new(),
            },
            ..OnboardConfig::default()
        },
        desk,
    })?;
    let mut draw = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    aboard_first(&mut rig, &plans.old)?;
    rig.radio().set_spec(radio);
    let settle_s = 0.3 + draw.random::<f64>();
    let until = rig.now().mono.after(Duration::from_secs_f64(settle_s));
    while rig.now().mono < until {
        step(&mut rig);
    }
    Ok(watch(&mut rig, plans))
}

fn step(rig: &mut Rig) {
    rig.advance();
    rig.take_heard();
    rig.take_events();
    rig.take_logs();
}

fn aboard_first(rig: &mut Rig, plan: &PatrolPlan) -> anyhow::Result<()> {
    let mut asked = false;
    while !rig
        .desk()
        .aircraft(1)
        .is_some_and(|a| a.has_plan(plan.id()))
    {
        anyhow::ensure!(
            rig.now().mono.as_secs_f64() < FIRST_BY_S,
            "the old plan never came aboard"
        );
        step(rig);
        let up = rig.desk().aircraft(1).is_some_and(|a| a.state.is_some());
        if up && !asked {
            asked = true;
            rig.load_plan(&plan.to_json());
        }
    }
    Ok(())
}

fn watch(rig: &mut Rig, plans: &Plans) -> Outcome {
    let mut o = Outcome::default();
    let click = rig.now().mono;
    let since = |t: Mono| t.since(click).as_secs_f64();
    rig.load_plan(&plans.new.to_json());
    let limit = click.after(Duration::from_secs_f64(LIMIT_S));
    let mut end = limit;
    let mut was_new = false;
    while rig.now().mono < end {
        step(rig);
        let now = rig.now().mono;
        let stored = rig.stored(ListKind::Mission);
        let (is_old, is_new) = (holds(&plans.old, stored), holds(&plans.new, stored));
        o.commits += u32::from(is_new && !was_new);
        was_new = is_new;
        let fenced = !rig.stored(ListKind::Fence).is_empty();
        let Some(a) = rig.desk().aircraft(1) else {
            continue;
        };
        if let Upload::Sending { total, .. } = a.upload {
            o.bundle_wire_bytes = o.bundle_wire_bytes.max(total * 221);
        }
        let said_new = a.has_plan(plans.new.id());
        match &a.upload {
            Upload::Checking { .. } | Upload::OnAircraft if o.staged_s.is_none() => {
                o.staged_s = Some(since(now));
            }
            Upload::Failed(why) if !o.false_failure => {
                o.false_failure = true;
                o.wrong.push(format!("failure said: {why:?}"));
            }
            _ => {}
        }
        if said_new && a.upload == Upload::OnAircraft && o.aboard_s.is_none() {
            o.aboard_s = Some(since(now));
            end = now.after(Duration::from_secs_f64(AFTER_S)).min(limit);
        }
        if said_new && !(is_new && fenced) && !o.false_success {
            o.false_success = true;
            o.wrong.push("success said, but not so aboard".into());
        }
        if rig.plan_ready() && !(is_old || is_new) && !o.mixed {
            o.mixed = true;
            o.wrong.push("could be launched with a mixed plan".into());
        }
    }
    if o.aboard_s.is_none() {
        o.wrong.push("not done".into());
    }
    o
}
