//! The failsafe table's rows that no other story plays.

use super::*;
use crate::facts::{Facts, Position};
use crate::guard::{Guard, GuardIn};
use crate::preflight::{CODES, Preflight, PreflightIn, Status};
use link::state::{ResponseWord, VerdictWord};
use missions::time::Reading;
use missions::venue::Role;
use std::sync::atomic::Ordering;

#[test]
fn a_mission_resumed_against_the_guard_is_stopped_again() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.fly_to_patrol(&p);
    s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
    let mut list = s.fake.server.list(link::items::ListKind::Mission).to_vec();
    for i in &mut list {
        if i.command == link::items::cmd::WAYPOINT {
            i.y += 300_000;
            i.x += 300_000;
        }
    }
    s.fake.server.set_list(link::items::ListKind::Mission, list);
    let acts = |s: &Stage| {
        s.state
            .is_some_and(|r| matches!(r.response, ResponseWord::Hold | ResponseWord::Return))
    };
    s.until("the guard acts", 200.0, acts);
    // Somebody past the gate sets the mission going again, and again.
    for _ in 0..3 {
        s.fake.enter("mission");
        s.run(2.0);
    }
    s.until("home again", 600.0, |s| !s.fake.armed);
    assert!(s.closest_m > 0.0, "{} m", s.closest_m);
}

#[test]
fn a_line_that_falls_silent_is_an_alarm_and_not_a_margin() {
    let p = plan(None);
    let mut s = Stage::new(Kind::ArduPilot);
    s.fly_to_patrol(&p);
    s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
    s.fake.blind = true;
    s.until("not known, and a hold", 2.6, |s| {
        s.state.is_some_and(|r| {
            r.verdict == VerdictWord::NotKnown
                && r.margin_m.is_none()
                && r.response == ResponseWord::Hold
        })
    });
    assert!(
        s.said.iter().any(|t| t.contains("Position")),
        "{:?}",
        s.said
    );
    s.fake.blind = false;
    s.until("known again", 3.0, |s| {
        s.state.is_some_and(|r| r.margin_m.is_some())
    });
}

#[test]
fn a_rebooted_autopilot_is_an_alarm_and_is_verified_anew() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.upload(&p);
    s.until("a token", 40.0, |s| {
        s.preflight.is_some_and(|p| p.token.is_some())
    });
    s.said.clear();
    // A clock that steps back by less than a second may be messages overtaking each other.
    s.run(2.0);
    s.fake.boot_us = s.now.0;
    s.until("alarm", 1.5, |s| {
        s.said.iter().any(|t| t.contains("rebooted"))
    });
    s.preflight = None;
    s.until("read back and checked anew", 30.0, |s| {
        s.state
            .is_some_and(|r| r.plan_state == PlanState::OnAircraft)
            && s.preflight.is_some_and(|p| p.token.is_some())
    });
}

#[test]
fn wind_above_the_limit_blocks_a_launch() {
    let config = Config::default();
    let facts = |mps: f64| {
        let mut facts = Facts::default();
        facts.take(
            Mono::ZERO,
            &Common::WIND_COV(c::WIND_COV_DATA {
                wind_x: mps as f32,
                ..Default::default()
            }),
        );
        facts
    };
    let status = |mps: f64| {
        let mut list = Preflight::new(1);
        list.compute(&PreflightIn {
            now: Now::new(Mono::ZERO, START),
            config: &config,
            facts: &facts(mps),
            params: &crate::params::Params::default(),
            required: &[],
            plan: None,
            ground_silent: None,
            storage_ok: true,
        });
        let at = CODES.iter().position(|c| *c == "wind").unwrap();
        list.checks()[at].status
    };
    assert_eq!(status(config.max_wind_mps - 0.5), Status::Pass);
    assert_eq!(status(config.max_wind_mps + 0.5), Status::Fail);
}

#[test]
fn a_clock_that_steps_opens_no_keep_out() {
    let p = plan(None);
    let fence = p.fence();
    let (show, area) = fence
        .keepout_areas()
        .find(|(k, _)| k.role == Role::Show && k.window.is_some())
        .unwrap();
    let window = show.window.unwrap();
    // A place deep inside the show's box: allowed only while its window is shut.
    let plane = fence.plane();
    let at = (-300..300)
        .flat_map(|e| (-300..300).map(move |n| (f64::from(e), f64::from(n))))
        .map(|(e, n)| missions::plane::EastNorth::new(e, n))
        .max_by(|a, b| area.depth_m(*a).total_cmp(&area.depth_m(*b)))
        .unwrap();
    let alt = show.floor_amsl_m.unwrap() + 15.0;
    let margin = |utc| {
        let found = Guard::default().look(&GuardIn {
            now: Now {
                mono: Mono::ZERO,
                utc,
            },
            fence,
            spec: &p.file().vehicle,
            position: Some(Position {
                at: plane.to_latlon(at).unwrap(),
                alt_amsl_m: alt,
                above_home_m: 50.0,
                vel_ned: [0.0; 3],
                boot_ms: 0,
                heard: Mono::ZERO,
            }),
            position_error_m: Some(1.0),
            mode: None,
            airborne: true,
            landing: false,
            safety_pilot: false,
        });
        found.margin_m.unwrap_or(f64::NAN)
    };
    let hour = Duration::from_secs(3600);
    let during = margin(Reading::Valid(window.from));
    let long_after = margin(Reading::Valid(window.until.after(hour)));
    assert!(during < 0.0 && long_after > 0.0, "{during} {long_after}");
    // No clock at all: the keep-out is in force.
    assert!(margin(Reading::Missing) < 0.0);
    assert!(margin(Reading::NotYet) < 0.0);
}

#[test]
fn a_full_disk_blocks_a_launch_and_no_flight() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.fly_to_patrol(&p);
    s.disk.1.store(true, Ordering::Relaxed);
    let flagged = crate::eyes::schema::Up::Flagged(crate::eyes::schema::NewAnomaly {
        kind: missions::anomaly::AnomalyKind::PersonInZone,
        priority: missions::anomaly::Priority::High,
        rule: "test".into(),
        subject: "one".into(),
        first_seen: None,
        at: p.file().home.at,
        alt_amsl_m: None,
        error: missions::anomaly::Ellipse {
            major_m: 2.0,
            minor_m: 1.0,
            bearing_deg: 0.0,
        },
        confidence: 0.9,
        picture: None,
    });
    let now = s.now();
    s.onboard.handle(now, Input::Eyes(&flagged));
    s.until("alarm", 1.0, |s| s.state.is_some_and(|r| !r.storage_ok));
    s.until("the anomaly reaches the ground from memory", 2.0, |s| {
        !s.anomalies.is_empty()
    });
    assert_eq!(s.phase(), Some(FlightPhase::Patrolling));
    s.until("home", 900.0, |s| !s.fake.armed);
    s.run(3.0);
    assert!(
        s.preflight.is_some_and(|p| p.token.is_none()),
        "no launch on a disk that takes nothing"
    );
    assert!(s.closest_m > 0.0);
}
