//! Rows 7 to 11 and 27: the companion or the ground goes, the link goes one way or both, and comes back after long.

use super::world::{Outcome, Stage, World, fair};
use super::{Line, Run, line, not_built};
use ground_station::rehearse::AutopilotKind;
use link::state::VerdictWord;
use missions::anomaly::Priority;
use rand::RngExt;
use sim::autopilot::Mode;
use sim::fault::{Fault, House, Side, Way};
use sim::radio::RadioSpec;
use std::time::Duration;

pub const LINES: [Line; 7] = [
    line(
        7,
        "07-companion-killed",
        "companion killed aloft; started again, the guard on, known on the ground",
        companion_killed,
    ),
    line(
        8,
        "08-companion-power",
        "companion without power; the autopilot's own action; at most 1 s of records lost",
        companion_power,
    ),
    line(
        9,
        "09-uplink-dead",
        "uplink dead; the plan's link-loss action in the air",
        uplink_dead,
    ),
    line(
        10,
        "10-ground-hangs",
        "ground loop hung; its heartbeat stops, the plan's action in the air",
        ground_hangs,
    ),
    Line {
        number: 11,
        name: "11-outage-fast",
        asks: "30 min outage, 10,000 anomalies, 500 kbit/s; all delivered once (figure: s to the first urgent one, 2 at most)",
        apart: true,
        run: Run::World(outage_fast),
    },
    Line {
        number: 11,
        name: "11-outage-slow",
        asks: "the same at 57.6 kbit/s (figure: s to the first urgent one, 2 at most)",
        apart: true,
        run: Run::World(outage_slow),
    },
    not_built(
        27,
        "27-several-aircraft",
        "returns of several aircraft staggered in height and landing site: not in this build",
    ),
];

fn companion_killed(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.mark();
    // systemd's RestartSec and the program's start.
    let off_s = Some(0.1 + 0.4 * w.rng.random::<f64>());
    w.rig.fault(Fault::House(House::Kill {
        side: Side::Onboard,
        power: false,
        off_s,
    }));
    let took = w.until(8.0, |w| {
        !w.rig.is_dead(Side::Onboard)
            && w.new_state()
                .is_some_and(|r| r.margin_m.is_some() && r.verdict != VerdictWord::NotKnown)
    });
    w.run(2.0);
    Ok(w.end(took, 2.0, 8.0, true))
}

fn companion_power(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(2.0, 4.0);
    w.mark();
    let cut_at = w.now();
    let bound_s = match w.kind {
        // FS_GCS_TIMEOUT; COM_DL_LOSS_T and the hold that follows.
        AutopilotKind::ArduPilot => 5.0 + 1.0,
        AutopilotKind::Px4 => 10.0 + 5.0 + 1.0,
    };
    w.rig.fault(Fault::House(House::Kill {
        side: Side::Onboard,
        power: true,
        off_s: Some(bound_s + 0.5),
    }));
    let took = w.until(bound_s + 0.4, |w| w.mode() == Mode::Return);
    w.until(bound_s + 2.5, |_| false);
    // What was taken within the last second before the cut may be gone; everything older must be there in the end.
    w.taken
        .retain(|(_, t)| *t >= cut_at || cut_at.since(*t) > Duration::from_secs(1));
    w.spare_the_rest();
    Ok(w.end(took, bound_s, 6.0, true))
}

/// The plan holds first, then returns.
fn acts(w: &World) -> bool {
    matches!(w.mode(), Mode::Hold | Mode::Brake | Mode::Return)
}

fn uplink_dead(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    if acts(&w) {
        w.wrong("acted before anything failed");
    }
    w.mark();
    w.rig.fault(Fault::House(House::Cut { way: Way::Up }));
    let took = w.until(8.0, |w| acts(w));
    // The receipts cannot come either: nothing is lost, all of it waits aboard.
    w.run(2.0);
    w.rig.fault(Fault::House(House::Mend { way: Way::Up }));
    let held = w.mode();
    w.run(2.0);
    // A link that is back revives nothing by itself.
    if w.mode() == Mode::Mission || w.mode() != held && w.mode() != Mode::Return {
        w.wrong("the link came back and the mission went on by itself");
    }
    Ok(w.end(took, 3.0, 8.0, true))
}

fn ground_hangs(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.mark();
    w.rig.fault(Fault::House(House::Hang {
        side: Side::Ground,
        lasts_s: 8.0,
    }));
    let took = w.until(7.9, |w| acts(w));
    w.until(9.0, |_| false);
    Ok(w.end(took, 2.0 + 3.0, 8.0, true))
}

fn outage_fast(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    outage(s, seed, 500_000.0, &HALF_AN_HOUR, 60.0)
}
fn outage_slow(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    outage(s, seed, 57_600.0, &HALF_AN_HOUR, 360.0)
}

/// How long nothing passes, and what is flagged meanwhile.
struct Outage {
    lasts_s: f64,
    anomalies: usize,
}
const HALF_AN_HOUR: Outage = Outage {
    lasts_s: 1_800.0,
    anomalies: 10_000,
};

/// Long without a link, on the ground: the records are the same as aloft and no battery ends it.
fn outage(
    s: &Stage,
    seed: u64,
    bits_per_s: f64,
    outage: &Outage,
    bound_s: f64,
) -> anyhow::Result<Outcome> {
    let Outage { lasts_s, anomalies } = *outage;
    let mut w = s.grounded(seed);
    w.rig.radio().set_spec(RadioSpec {
        bits_per_s,
        ..fair()
    });
    w.run(1.0);
    w.rig.fault(Fault::House(House::Cut { way: Way::Both }));
    w.mark();
    let mut last_urgent = String::new();
    let mut flagged = 0;
    w.until(lasts_s, |w| {
        while flagged < anomalies
            && w.since() >= lasts_s * 0.999 * flagged as f64 / anomalies as f64
        {
            let priority = match flagged % 10 {
                0 => Priority::Urgent,
                1..=3 => Priority::High,
                _ => Priority::Notice,
            };
            let subject = format!("o-{flagged}");
            w.flag(&subject, priority);
            if priority == Priority::Urgent {
                last_urgent = subject;
            }
            flagged += 1;
        }
        false
    });
    w.mark();
    w.rig.fault(Fault::House(House::Mend { way: Way::Both }));
    let there = |w: &World, n: usize| w.desk().anomalies().count() >= n;
    let mut first_s = None;
    let total = w.taken.len();
    let mut look_s = 0.0;
    let took = w.until(bound_s * 2.0, |w| {
        if w.since() < look_s {
            return false;
        }
        look_s = w.since() + 0.02;
        if first_s.is_none() && w.desk().anomalies().any(|(_, a)| a.subject == last_urgent) {
            first_s = Some(w.since());
        }
        there(w, total)
    });
    if !first_s.is_some_and(|t| t <= 2.0) {
        w.wrong(&format!("the newest urgent one came after {first_s:?} s"));
    }
    let mut o = w.end(took, bound_s, 20.0, true);
    o.figure = first_s;
    Ok(o)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PX4 streams four times what the radio carries, unasked: nothing paced it, and records came at fifteen a second
    /// where the radio carries some forty.
    #[test]
    fn after_an_outage_a_slow_radio_carries_records_at_its_own_rate_whatever_the_autopilot_streams()
    {
        let stage = Stage::new().unwrap();
        let short = Outage {
            lasts_s: 120.0,
            anomalies: 700,
        };
        for seed in [2, 3] {
            let o = outage(&stage, seed, 57_600.0, &short, 30.0).unwrap();
            assert!(o.passes(), "seed {seed}: {}", o.why());
        }
    }
}
