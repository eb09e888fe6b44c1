//! The house in virtual time: one seed, one trace; whole patrols; a judge that condemns.

use super::again::{feed_aboard, fly_logged};
use super::headless::{HeadlessOptions, fly, rig_for};
use super::officer::{Deed, LOOK, Officer, Words};
use super::rig::Rig;
use crate::evidence::verify::{Asked, verify};
use missions::time::Mono;
use onboard::record::INPUTS;
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

#[test]
fn a_flight_fed_to_the_cores_again_gives_the_same_alarms_and_one_changed_rule_gives_others() {
    let f = fly_logged(&HeadlessOptions::default(), 2, 1_500.0).unwrap();
    assert_eq!(f.alarms.len(), 2, "{:?}", f.alarms);
    let c = f.compare().unwrap();
    assert!(c.same(), "{c:#?}");
    assert!(c.differs());
    assert!(
        !c.other_rule
            .iter()
            .any(|a| a.rule == "unknown-drone" && c.flown.contains(a))
    );
    // A log that a power cut tore is fed as far as it goes.
    let log = &f.aboard.0[INPUTS];
    let torn = feed_aboard(&log[..log.len() - 1], None).unwrap();
    assert!(
        torn.torn && torn.eyes_inputs > 1_000,
        "{}",
        torn.eyes_inputs
    );
    // A bit that flips is found, and placed.
    let mut hurt = f.aboard.clone();
    let middle = log.len() / 2;
    hurt.0.get_mut(INPUTS).unwrap()[middle] ^= 1;
    let r = verify(&hurt, &Asked::default()).unwrap();
    assert_eq!(r.findings.len(), 1, "{:?}", r.findings);
    assert_eq!(r.findings[0].file, INPUTS);
    let at = r.findings[0].offset..r.findings[0].offset + r.findings[0].len;
    assert!(at.contains(&(middle as u64)));
    // Both sides keep each other's heads, never more than ten seconds apart.
    let events = String::from_utf8(f.aboard.0["events.jsonl"].clone()).unwrap();
    assert!(events.contains("aboard.plan") && events.contains("aboard.state"));
}

/// Twenty flights, both autopilots: `bench-again` prints the same.
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
        let c = fly_logged(&options, 3, 700.0).unwrap().compare().unwrap();
        assert!(c.same(), "seed {seed}: {c:#?}");
        alarms += c.flown.len();
        changed += usize::from(c.differs());
    }
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
