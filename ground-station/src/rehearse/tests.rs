//! The house in virtual time: one seed, one trace; whole patrols; a judge that condemns.

use super::aboard::feed_again;
use super::headless::{HeadlessOptions, fly, onboard_config, rig_for};
use super::officer::{Deed, LOOK, Officer, Words};
use super::rig::Rig;
use missions::anomaly::Anomaly;
use missions::time::Mono;
use sim::autopilot::AutopilotKind;
use sim::scenario::Scenario;

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

/// One flight until so many anomalies are aboard, its companion's log, and what the desk heard.
fn logged_flight(options: &HeadlessOptions, anomalies: u32) -> (Vec<u8>, Vec<Anomaly>) {
    let (mut rig, plan) = rig_for(options).unwrap();
    rig.log_aboard();
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
    while rig.now().mono.as_secs_f64() < 1_500.0
        && (rig.desk().anomalies().count() as u32) < anomalies
    {
        rig.advance();
        if rig.now().mono >= next {
            next = rig.now().mono.after(LOOK);
            act(&mut rig, &mut officer, &bytes);
        }
    }
    let heard = rig.desk().anomalies().map(|(_, a)| a.clone()).collect();
    (rig.take_aboard().unwrap().bytes().to_vec(), heard)
}

/// Number, rule, time and place.
fn gist(a: &Anomaly) -> (u32, String, i64, i32, i32) {
    (
        a.number,
        a.rule.clone(),
        a.flagged.0,
        a.at.lat_e7(),
        a.at.lon_e7(),
    )
}

#[test]
fn a_flight_fed_to_the_cores_again_gives_the_same_anomalies_and_one_changed_rule_gives_others() {
    let options = HeadlessOptions::default();
    let (log, heard) = logged_flight(&options, 2);
    let heard: Vec<_> = heard.iter().map(gist).collect();
    assert!(heard.len() >= 2, "{heard:?}");
    let scenario = Scenario::sixi().unwrap();
    let config = |roster: Option<&str>| onboard_config(&options, &scenario, roster);
    let roster = scenario.staging.roster_drone.as_deref();
    let same: Vec<_> = feed_again(&log, config(roster))
        .unwrap()
        .iter()
        .map(gist)
        .collect();
    assert_eq!(same, heard);
    // The show's own drone is struck off the roster: it becomes an alarm.
    let other: Vec<_> = feed_again(&log, config(None))
        .unwrap()
        .iter()
        .map(gist)
        .collect();
    assert_ne!(other, heard);
    assert!(other.len() > heard.len(), "{other:?}");
    assert!(
        feed_again(&log[..log.len() - 1], config(roster)).is_err(),
        "a torn log is told"
    );
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
