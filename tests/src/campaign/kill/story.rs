//! One short evening with a stop in it.

use super::pair::{Pair, Side};
use ground_station::rehearse::AutopilotKind;
use ground_station::rehearse::plan::demo_plan;
use link::items::ListKind;
use missions::anomaly::Priority;
use missions::plan::{PatrolPlan, PlanItem};
use missions::venue::Venue;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sim::disk::End;
use sim::radio::RadioSpec;
use sim::scenario::Scenario;
use std::collections::BTreeMap;

/// After the stop everything must be right again within this, simulated seconds.
pub const SETTLE_S: f64 = 30.0;
/// Anomalies flagged in an evening.
const ANOMALIES: u32 = 12;
/// They are flagged, decided on and a new plan is loaded from here on, simulated seconds.
const BEGIN_S: f64 = 5.0;
const SPAN_S: f64 = 6.0;
/// A prime: stops of consecutive seeds are spread over the evening's disk calls.
const SPREAD: u64 = 7_919;
/// The stopped side stays off this long, simulated seconds: at least and at most.
const OFF_S: [f64; 2] = [0.2, 1.5];

/// What all evenings share.
pub struct Story {
    old: PatrolPlan,
    new: PatrolPlan,
}

impl Story {
    /// Plans.
    ///
    /// # Errors
    /// When the planner refuses.
    pub fn new() -> anyhow::Result<Story> {
        let venue = Venue::sixi_river();
        let start = Scenario::sixi()?.start()?;
        Ok(Story {
            old: demo_plan(&venue, 3, start)?,
            new: demo_plan(&venue, 7, start)?,
        })
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The disk call the stop fell into, counted from the evening's begin.
    pub call: u64,
    /// Disk calls of that side in the same evening without a stop.
    pub calls: u64,
    /// The stop happened.
    pub stopped: bool,
    /// Something acknowledged was gone.
    pub lost: bool,
    /// Something came twice.
    pub doubled: bool,
    /// Something in doubt could have flown.
    pub mixed: bool,
    /// In the end all was delivered and a plan may fly.
    pub settled: bool,
    /// In words.
    pub wrong: Vec<String>,
}

fn holds(plan: &PatrolPlan, pair: &Pair) -> bool {
    let have: Vec<(i32, i32)> = pair
        .stored(ListKind::Mission)
        .iter()
        .enumerate()
        .filter(|(n, i)| i.command == 16 && !(*n == 0 && i.frame == 0))
        .map(|(_, i)| (i.x, i.y))
        .collect();
    let want: Vec<(i32, i32)> = plan
        .file()
        .items
        .iter()
        .filter_map(|i| match i {
            PlanItem::Waypoint { at, .. } => Some((at.lat_e7(), at.lon_e7())),
            _ => None,
        })
        .collect();
    have.get(..want.len()) == Some(&want[..]) && have.len() <= want.len() + 1
}

/// One evening: the old plan comes aboard, anomalies and decisions fall, the new plan is loaded, and a side is stopped
/// within a disk call that the seed names.
///
/// # Errors
/// When a side does not start again.
pub fn stop(story: &Story, seed: u64, side: Side, end: End) -> anyhow::Result<Outcome> {
    let calls = evening(story, seed, side, end, None)?.calls;
    evening(
        story,
        seed,
        side,
        end,
        Some(1 + seed * SPREAD % calls.max(1)),
    )
}

/// The evening, with a stop in a disk call or (`None`) without one, to count them.
fn evening(
    story: &Story,
    seed: u64,
    side: Side,
    end: End,
    call: Option<u64>,
) -> anyhow::Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let kind = if seed.is_multiple_of(2) {
        AutopilotKind::ArduPilot
    } else {
        AutopilotKind::Px4
    };
    let radio = RadioSpec {
        loss: 0.1,
        duplicate: 0.02,
        delay_ms: 20.0,
        jitter_ms: 10.0,
        bits_per_s: 1e6,
        ..RadioSpec::default()
    };
    let mut pair = Pair::new(seed, kind, radio)?;
    let mut o = Outcome {
        call: call.unwrap_or(0),
        ..Outcome::default()
    };
    let mut loaded = [false; 2];
    let mut begin = None;
    let mut calls_before = 0;
    let mut deeds: Vec<f64> = (0..ANOMALIES)
        .map(|_| rng.random::<f64>() * SPAN_S)
        .collect();
    deeds.sort_by(f64::total_cmp);
    let mut flagged = 0u32;
    let new_at = rng.random::<f64>() * SPAN_S;
    let off_s = OFF_S[0] + rng.random::<f64>() * (OFF_S[1] - OFF_S[0]);
    let mut up_again: Option<f64> = None;
    // Taken aboard and lived; decided and said yes to.
    let mut taken: Vec<String> = Vec::new();
    let mut perhaps: Vec<String> = Vec::new();
    let mut decided: Vec<String> = Vec::new();
    let mut stopped_at: Option<f64> = None;
    loop {
        pair.step();
        let t = pair.mono().as_secs_f64();
        let down = pair.is_down(side);
        if down && stopped_at.is_none() {
            o.stopped = true;
            stopped_at = Some(t);
            up_again = Some(t + off_s);
        }
        if up_again.is_some_and(|u| t >= u) {
            up_again = None;
            pair.start(side)?;
            if side == Side::Ground {
                check_ground(&pair, &decided, &mut o);
            }
        }
        let up = pair
            .desk()
            .and_then(|d| d.aircraft(1))
            .is_some_and(|a| a.state.is_some());
        if up && !loaded[0] {
            loaded[0] = pair.load_plan(&story.old.to_json());
        }
        if begin.is_none() && t >= BEGIN_S && pair.onboard().is_some_and(|b| b.plan_ready()) {
            begin = Some(t);
            calls_before = pair.calls(side);
            if let Some(n) = call {
                pair.stop_at(side, n, end);
            }
        }
        let since = begin.map_or(-1.0, |b| t - b);
        while deeds.get(flagged as usize).is_some_and(|d| since >= *d)
            && !pair.is_down(Side::Onboard)
        {
            let subject = format!("s-{flagged}");
            let priority =
                [Priority::Urgent, Priority::High, Priority::Notice][flagged as usize % 3];
            let picture = flagged
                .is_multiple_of(3)
                .then(|| vec![flagged as u8; 300 + 200 * flagged as usize]);
            flagged += 1;
            if pair.flag(&subject, priority, picture) {
                taken.push(subject);
            } else {
                perhaps.push(subject);
            }
        }
        if (0.0..SPAN_S).contains(&since) && rng.random::<f64>() < 0.02 {
            let open = pair
                .on_the_ground()
                .into_iter()
                .map(|(_, id, _)| id)
                .find(|id| !decided.contains(id));
            if let Some(id) = open
                && pair.confirm(&id)
            {
                decided.push(id);
            }
        }
        if since >= new_at && !loaded[1] {
            loaded[1] = pair.load_plan(&story.new.to_json());
        }
        let ready = pair.onboard().is_some_and(|b| b.plan_ready());
        if ready && !holds(&story.old, &pair) && !holds(&story.new, &pair) && !o.mixed {
            o.mixed = true;
            o.wrong.push("a mixed plan may fly".into());
        }
        if call.is_none() && since >= SPAN_S + 1.0 {
            // Only counted: those before this moment fall into every run of this evening.
            o.calls = pair.calls(side) - calls_before;
            return Ok(o);
        }
        let over = since >= SPAN_S && (o.stopped || since >= SPAN_S + 4.0) && up_again.is_none();
        if over && !pair.is_down(side) {
            // The desk forgets the plan it was sending when it dies: the officer loads it again.
            if side == Side::Ground
                && !ready
                && loaded[1]
                && pair.desk().is_some_and(|d| d.plan().is_none())
            {
                pair.load_plan(&story.new.to_json());
            }
            let pending = pair.onboard().map_or(1, |b| b.stored_and_pending().1);
            if pending == 0 && ready {
                o.settled = true;
            }
            let waited = t - stopped_at.unwrap_or(0.0).max(begin.unwrap_or(t) + SPAN_S);
            // A little longer, so that a second delivery would be seen.
            if o.settled && waited > 2.0 || waited > SETTLE_S {
                break;
            }
        }
        anyhow::ensure!(t < 120.0, "the evening does not end");
    }
    if !o.settled {
        o.wrong.push(format!(
            "not settled: stopped in call {}, {:?} pending, ready {:?}; the companion said: {:?}",
            o.call,
            pair.onboard().map(|b| b.stored_and_pending()),
            pair.onboard().map(|b| b.plan_ready()),
            pair.log
        ));
    }
    check_ground(&pair, &decided, &mut o);
    let mut by_subject: BTreeMap<String, u32> = BTreeMap::new();
    for (_, _, subject) in pair.on_the_ground() {
        *by_subject.entry(subject).or_default() += 1;
    }
    for s in &taken {
        if !by_subject.contains_key(s) {
            o.lost = true;
            o.wrong
                .push(format!("{s} was taken and is not on the ground"));
        }
    }
    for (s, n) in &by_subject {
        if *n > 1 || !(taken.contains(s) || perhaps.contains(s)) {
            o.doubled = true;
            o.wrong.push(format!("{s} is on the ground {n} times"));
        }
    }
    for (id, n) in pair.shown.iter().filter(|(_, n)| **n > 1) {
        o.doubled = true;
        o.wrong.push(format!("{id} was shown as new {n} times"));
    }
    if !pair.wrong.is_empty() {
        o.doubled = true;
        o.wrong.append(&mut pair.wrong);
    }
    Ok(o)
}

/// What was receipted or decided is there.
fn check_ground(pair: &Pair, decided: &[String], o: &mut Outcome) {
    let Some(desk) = pair.desk() else { return };
    let have: Vec<(u64, u32)> = pair.on_the_ground().into_iter().map(|(k, ..)| k).collect();
    for r in &pair.receipted {
        if !have.contains(r) {
            o.lost = true;
            o.wrong
                .push(format!("number {} was receipted and is gone", r.1));
        }
    }
    for id in decided {
        let state = desk
            .anomaly_view(id)
            .and_then(|v| v.get("state").and_then(|s| s.as_str().map(str::to_owned)));
        if state.as_deref() != Some("confirmed") {
            o.lost = true;
            o.wrong
                .push(format!("the decision on {id} is gone: {state:?}"));
        }
    }
}
