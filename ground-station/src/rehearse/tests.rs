//! The house in virtual time: one seed, one trace; whole patrols; a judge that condemns.

use super::headless::{HeadlessOptions, fly, rig_for, rules_with_roster};
use super::officer::{Deed, LOOK, Officer, Words};
use super::rig::Rig;
use crate::evidence::campaign::{Folder, SharedDisk};
use crate::evidence::verify::{Asked, verify};
use crate::replay::again::{Alarm, of_desk, of_frames};
use missions::anomaly::Anomaly;
use missions::time::Mono;
use onboard::record::INPUTS;
use onboard::record::again::{FedAgain, feed_again};
use sim::autopilot::AutopilotKind;

/// Runs with the officer for some simulated seconds.
fn hash_after(kind: AutopilotKind, seed: u64, seconds: f64) -> (String, u64) {
    let options = HeadlessOptions {
        kind,
        seed,
        ..HeadlessOptions::default()
    };
    let (mut rig, plan) = rig_for(&options).unwrap();
    let mut officer = Officer::new(
        Words {
            purpose: "p".into(),
            incident: "i".into(),
            pilot: "n".into(),
        },
        true,
    );
    let bytes = plan.to_json();
    let mut next = Mono::ZERO;
    while rig.now().mono.as_secs_f64() < seconds {
        rig.advance();
        if rig.now().mono >= next {
            next = rig.now().mono.after(LOOK);
            act(&mut rig, &mut officer, &bytes);
        }
    }
    (rig.trace().hex(), rig.trace().pieces())
}

fn act(rig: &mut Rig, officer: &mut Officer, bytes: &[u8]) {
    let now = rig.now().mono;
    if let Some(deed) = officer.look(now, rig.desk()) {
        let answer = match &deed {
            Deed::LoadPlan => rig.load_plan(bytes),
            Deed::Intent(i) => rig.command(i),
        };
        officer.answered(now, &deed, &answer);
    }
    rig.take_heard();
    rig.take_events();
    rig.take_logs();
}

#[test]
fn one_seed_gives_one_trace_and_another_seed_another() {
    for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
        let (a, pieces) = hash_after(kind, 3, 50.0);
        assert!(pieces > 1_000, "{pieces} pieces");
        assert_eq!(hash_after(kind, 3, 50.0).0, a);
        assert_ne!(hash_after(kind, 4, 50.0).0, a);
    }
}

/// A flight in virtual time, with everything to feed it again.
struct Logged {
    /// The companion's own log.
    aboard: Folder,
    /// Of what the ground heard and said.
    tlog: Vec<u8>,
    anomalies: Vec<Anomaly>,
    alarms: Vec<Alarm>,
}

/// Flies until so many anomalies are on the ground, or so many seconds.
fn logged_flight(options: HeadlessOptions, anomalies: usize, seconds: f64) -> Logged {
    let (mut rig, plan) = rig_for(&options).unwrap();
    let disk = SharedDisk::default();
    rig.log_aboard(Box::new(disk.clone())).unwrap();
    let mut officer = Officer::new(
        Words {
            purpose: "p".into(),
            incident: "i".into(),
            pilot: "n".into(),
        },
        true,
    );
    let bytes = plan.to_json();
    let mut next = Mono::ZERO;
    let mut tlog = Vec::new();
    while rig.now().mono.as_secs_f64() < seconds && rig.desk().anomalies().count() < anomalies {
        rig.advance();
        for (utc, datagram) in rig.take_heard() {
            for frame in link::tlog::frames_of_stream(&datagram) {
                tlog.extend(link::tlog::record(utc, frame.bytes()));
            }
        }
        if rig.now().mono >= next {
            next = rig.now().mono.after(LOOK);
            act(&mut rig, &mut officer, &bytes);
        }
    }
    rig.finish_aboard().unwrap();
    Logged {
        aboard: disk.folder(),
        tlog,
        anomalies: rig.desk().anomalies().map(|(_, a)| a.clone()).collect(),
        alarms: of_desk(rig.desk()),
    }
}

/// Number, rule, time and place.
fn gist(found: &[Anomaly]) -> Vec<(u32, String, i64, i32, i32)> {
    found
        .iter()
        .map(|a| {
            (
                a.number,
                a.rule.clone(),
                a.flagged.0,
                a.at.lat_e7(),
                a.at.lon_e7(),
            )
        })
        .collect()
}

/// Feeds a flight to the cores again, with the rules it flew by and with one changed. The anomalies of the latter.
fn fed_again(f: &Logged) -> Vec<Anomaly> {
    let report = verify(&f.aboard, &Asked::default()).unwrap();
    assert!(report.is_complete(), "{report:#?}");
    let log = &f.aboard.0[INPUTS];
    let same: FedAgain = feed_again(log, None).unwrap();
    assert!(
        !same.torn && same.eyes_inputs > 1_000,
        "{}",
        same.eyes_inputs
    );
    assert_eq!(gist(&same.recorded), gist(&f.anomalies), "the pilot half");
    assert_eq!(gist(&same.again), gist(&f.anomalies), "and the eyes");
    assert_eq!(of_frames(&f.tlog).unwrap(), f.alarms, "the desk");
    // What went down, as the companion kept it, gives a desk the same alarms.
    assert_eq!(of_frames(&f.aboard.0["flight.tlog"]).unwrap(), f.alarms);
    assert!(feed_again(&log[..log.len() - 1], None).unwrap().torn);
    // One rule: the intruder is on the roster instead of the show's own drone.
    let intruder = f.anomalies.iter().find(|a| a.rule == "unknown-drone");
    let rules = rules_with_roster(intruder.map(|a| a.subject.as_str()));
    feed_again(log, Some(&rules)).unwrap().again
}

#[test]
fn a_flight_fed_to_the_cores_again_gives_the_same_anomalies_and_one_changed_rule_gives_others() {
    let f = logged_flight(HeadlessOptions::default(), 2, 1_500.0);
    assert_eq!(f.anomalies.len(), 2, "{:?}", f.anomalies);
    let other = fed_again(&f);
    assert_ne!(gist(&other), gist(&f.anomalies));
    let intruder = f
        .anomalies
        .iter()
        .find(|a| a.rule == "unknown-drone")
        .unwrap();
    assert!(!other.iter().any(|a| a.subject == intruder.subject));
}

/// Twenty flights, both autopilots: prints what it found.
#[test]
#[ignore = "some ten minutes"]
fn twenty_flights_fed_again_give_identical_alarms() {
    let (mut alarms, mut changed) = (0, 0);
    for seed in 1..=20 {
        let options = HeadlessOptions {
            kind: [AutopilotKind::Px4, AutopilotKind::ArduPilot][seed as usize % 2],
            seed,
            ..HeadlessOptions::default()
        };
        let f = logged_flight(options, 3, 700.0);
        let other = fed_again(&f);
        alarms += f.anomalies.len();
        changed += usize::from(gist(&other) != gist(&f.anomalies));
        println!(
            "seed {seed}: {} alarms, {} with one rule changed",
            f.anomalies.len(),
            other.len()
        );
    }
    println!(
        "20 recordings, {alarms} alarms identical by id, time and place; {changed} differ with one rule changed"
    );
    assert!(alarms >= 20 && changed >= 10, "{alarms} {changed}");
}

#[test]
fn a_whole_patrol_keeps_every_bound_as_either_autopilot_and_the_pace_changes_nothing() {
    for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
        let options = HeadlessOptions {
            kind,
            ..HeadlessOptions::default()
        };
        let s = fly(&options, None).unwrap();
        assert_eq!(s.missed(), Vec::<String>::new(), "{s:#?}");
        assert_eq!(s.faults, Vec::<String>::new());
        let paced = HeadlessOptions {
            // Far above what any machine does: the ceiling is looked at and never reached.
            speed: Some(1e6),
            ..options
        };
        assert_eq!(fly(&paced, None).unwrap().trace_hash, s.trace_hash);
    }
}

#[test]
fn with_the_guard_off_a_sabotaged_plan_is_seen_to_escape() {
    for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
        let s = fly(
            &HeadlessOptions {
                kind,
                guard: false,
                sabotage: true,
                limit_s: 600.0,
                ..HeadlessOptions::default()
            },
            None,
        )
        .unwrap();
        assert!(s.min_clearance_m.is_some_and(|m| m < -20.0), "{s:#?}");
        assert!(!s.missed().is_empty());
    }
}
