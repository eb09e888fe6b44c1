//! Rows 1 to 6: a plan uploaded over a bad radio, or while a side dies.

use super::world::{Outcome, Stage, World, fair, key};
use super::{Line, line};
use ground_station::desk::Upload;
use link::common::{self, MavCmd, MavMessage, MavModeFlag};
use link::frame::{Outgoing, Stamper};
use link::items::ListKind;
use link::journal::MemDisk;
use link::signing::Seal;
use missions::time::Now;
use rand::RngExt;
use sim::fault::{Fault, House, Side, Way};
use sim::radio::{Burst, RadioSpec};

pub const LINES: [Line; 6] = [
    line(
        1,
        "01-loss-30",
        "30 % loss both ways; the plan verified aboard",
        loss_30,
    ),
    line(
        2,
        "02-bursts-50",
        "50 % loss in bursts; the plan verified aboard",
        bursts_50,
    ),
    line(
        3,
        "03-jitter-duplicates",
        "20 % duplicates, 150 ms jitter; exactly one commit",
        jitter,
    ),
    line(
        4,
        "04-last-word-lost",
        "an acknowledgement lost; the truth by read-back, later than without by at most this",
        last_word,
    ),
    line(
        5,
        "05-cut-mid-upload",
        "link cut or a side killed; never a mixed plan that could fly (figure: s that one lay there)",
        cut_mid_upload,
    ),
    line(
        6,
        "06-ground-killed",
        "ground killed; resumed or rolled back, known on the ground",
        ground_killed,
    ),
];

/// MISSION_ACK.
const ACK: u32 = 47;
/// An upload that is not done by then is given up, seconds.
const LIMIT_S: f64 = 20.0;

/// Watches an upload of the new plan: until the desk shows it aboard, whether that is true, how often it was committed.
fn watch(s: &Stage, w: &mut World, limit_s: f64) -> (Option<f64>, u32) {
    let (mut commits, mut was_new) = (0u32, false);
    let took = w.until(limit_s, |w| {
        let is_new = w.holds(&s.new);
        commits += u32::from(is_new && !was_new);
        was_new = is_new;
        let a = w.desk().aircraft(1);
        let said = a.is_some_and(|a| a.has_plan(s.new.id()) && a.upload == Upload::OnAircraft);
        let failed = a.is_some_and(|a| matches!(a.upload, Upload::Failed(_)));
        if failed {
            w.wrong("failure said although nothing failed");
        }
        let fenced = !w.rig.stored(ListKind::Fence).is_empty();
        if said && !(is_new && fenced) {
            w.wrong("success said, but not so aboard");
        }
        never_mixed(s, w);
        said
    });
    (took, commits)
}

/// Old or new as a whole, or it may not fly.
fn never_mixed(s: &Stage, w: &mut World) -> bool {
    let mixed = !w.holds(&s.old) && !w.holds(&s.new);
    if mixed && !w.rig.is_dead(Side::Onboard) && w.rig.plan_ready() {
        w.wrong("a mixed plan may fly");
    }
    mixed
}

fn upload_over(s: &Stage, seed: u64, radio: RadioSpec, bound_s: f64) -> anyhow::Result<Outcome> {
    let mut w = s.grounded(seed);
    w.rig.radio().set_spec(radio);
    w.run_between(0.1, 0.6);
    w.mark();
    w.rig.load_plan(&s.new.to_json());
    let (took, mut commits) = watch(s, &mut w, LIMIT_S);
    // A second commit would come after the first.
    let mut was_new = w.holds(&s.new);
    let end = w.since() + 1.5;
    w.until(end, |w| {
        let is_new = w.holds(&s.new);
        commits += u32::from(is_new && !was_new);
        was_new = is_new;
        false
    });
    // What was flagged meanwhile is delivered once the radio is fair again.
    w.rig.radio().set_spec(fair());
    if took.is_some() && commits != 1 {
        w.wrong(&format!("{commits} commits"));
    }
    Ok(w.end(took, bound_s, 14.0, true))
}

fn loss_30(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let radio = RadioSpec {
        loss: 0.3,
        ..fair()
    };
    upload_over(s, seed, radio, 3.0)
}

fn bursts_50(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    // Half of all datagrams, ten in a row on average.
    let radio = RadioSpec {
        loss: 0.0,
        burst: Some(Burst {
            loss: 1.0,
            into: 0.1,
            out_of: 0.1,
        }),
        ..fair()
    };
    upload_over(s, seed, radio, 8.0)
}

fn jitter(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let radio = RadioSpec {
        duplicate: 0.2,
        jitter_ms: 150.0,
        ..fair()
    };
    upload_over(s, seed, radio, 3.0)
}

/// The same world twice, with and without the loss: the difference is what it cost.
fn last_word(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let fly = |loses: bool| {
        let mut w = s.grounded(seed);
        w.run_between(0.1, 0.6);
        w.mark();
        let after = w.rng.random_range(0..3u32);
        let on_the_radio = w.rng.random::<bool>();
        if loses && !on_the_radio {
            w.rig.line_loses(ACK, after, 1);
        }
        w.rig.load_plan(&s.new.to_json());
        if loses && on_the_radio {
            // What the companion says when it has it is lost.
            w.until(LIMIT_S, |w| w.holds(&s.new));
            w.rig.fault(Fault::House(House::Cut { way: Way::Down }));
            let begin = w.since();
            w.until(begin + 0.15, |_| false);
            w.rig.fault(Fault::House(House::Mend { way: Way::Down }));
        }
        let (took, commits) = watch(s, &mut w, LIMIT_S);
        if commits > 1 {
            w.wrong("committed twice");
        }
        (took, w)
    };
    let (plain, _) = fly(false);
    let (took, w) = fly(true);
    let cost = took.zip(plain).map(|(a, b)| (a - b).max(0.0));
    Ok(w.end(cost, 1.0, 8.0, true))
}

/// A station with the key and a way past the radio, that wants to start a mixed plan.
struct Fool {
    stamper: Stamper,
    seal: Option<Seal>,
}

impl Fool {
    fn new(w: &World) -> Fool {
        let mut disk = MemDisk::default();
        let mut seal = Seal::open(&mut disk, "fool", key(), 9).ok();
        if let Some(s) = &mut seal {
            s.tend(
                Now::new(
                    w.now(),
                    w.rig
                        .start()
                        .after(w.now().since(missions::time::Mono::ZERO)),
                ),
                &mut disk,
            );
        }
        Fool {
            stamper: Stamper::new(255, 190),
            seal,
        }
    }
    fn says(&mut self, w: &mut World, m: impl Into<Outgoing>) {
        let f = self.stamper.frame(m);
        if let Some(f) = self.seal.as_mut().and_then(|s| s.sign(&f)) {
            w.rig.past_the_radio(f.bytes());
        }
    }
    /// Arm, and fly the mission.
    fn starts(&mut self, w: &mut World) {
        self.says(
            w,
            MavMessage::COMMAND_LONG(common::COMMAND_LONG_DATA {
                param1: 1.0,
                command: MavCmd::MAV_CMD_COMPONENT_ARM_DISARM,
                target_system: 1,
                target_component: 1,
                ..Default::default()
            }),
        );
        let (p2, p3) = match w.kind {
            ground_station::rehearse::AutopilotKind::Px4 => (4.0, 4.0),
            ground_station::rehearse::AutopilotKind::ArduPilot => (3.0, 0.0),
        };
        self.says(
            w,
            MavMessage::COMMAND_LONG(common::COMMAND_LONG_DATA {
                param1: MavModeFlag::MAV_MODE_FLAG_CUSTOM_MODE_ENABLED.bits().into(),
                param2: p2,
                param3: p3,
                command: MavCmd::MAV_CMD_DO_SET_MODE,
                target_system: 1,
                target_component: 1,
                ..Default::default()
            }),
        );
    }
}

fn cut_mid_upload(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.grounded(seed);
    let mut fool = Fool::new(&w);
    w.run_between(0.1, 0.6);
    w.rig.load_plan(&s.new.to_json());
    w.run_between(0.0, 1.0);
    w.mark();
    let off_s = Some(0.2 + 1.3 * w.rng.random::<f64>());
    let power = w.rng.random::<bool>();
    let cut = seed / 2 % 3;
    w.rig.fault(Fault::House(match cut {
        0 => House::Cut { way: Way::Both },
        1 => House::Kill {
            side: Side::Onboard,
            power,
            off_s,
        },
        _ => House::Kill {
            side: Side::Ground,
            power,
            off_s,
        },
    }));
    let mut tried = -1.0;
    let (mut mixed_s, mut last_s) = (0.0, 0.0);
    w.until(8.0, |w| {
        let t = w.since();
        if cut == 0 && (3.0..3.1).contains(&t) {
            w.rig.fault(Fault::House(House::Mend { way: Way::Both }));
        }
        if never_mixed(s, w) {
            mixed_s += t - last_s;
            if t - tried > 0.1 {
                tried = t;
                fool.starts(w);
            }
            if w.rig.truth().aircraft.armed {
                w.wrong("armed with a mixed plan");
            }
        }
        last_s = t;
        false
    });
    // At once: no moment between was wrong, or `wrong` says so.
    let mut o = w.end(Some(0.0), 0.0, 10.0, true);
    o.figure = (mixed_s > 0.0).then_some(mixed_s);
    Ok(o)
}

fn ground_killed(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.grounded(seed);
    w.run_between(0.1, 0.6);
    w.rig.load_plan(&s.new.to_json());
    w.run_between(0.0, 0.8);
    w.mark();
    let off_s = Some(0.3 + 0.7 * w.rng.random::<f64>());
    w.rig.fault(Fault::House(House::Kill {
        side: Side::Ground,
        power: false,
        off_s,
    }));
    let took = w.until(12.0, |w| {
        never_mixed(s, w);
        let whole = w.holds(&s.old) || w.holds(&s.new);
        let known = w.new_state().is_some_and(|r| {
            r.plan_state == link::state::PlanState::OnAircraft
                && [s.old.id(), s.new.id()].map(Some).contains(&r.plan_id)
        });
        !w.rig.is_dead(Side::Ground) && whole && w.rig.plan_ready() && known
    });
    Ok(w.end(took, 5.0, 8.0, true))
}
