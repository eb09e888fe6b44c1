//! The house in virtual time: one seed, one trace; whole patrols; a judge that condemns.

use super::headless::{HeadlessOptions, fly, rig_for};
use super::officer::{Deed, LOOK, Officer, Words};
use super::rig::Rig;
use missions::time::Mono;
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
