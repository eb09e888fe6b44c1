//! Flights: launch, orders, losses, the guard.

use super::*;
use missions::flight::InCharge;

fn both(story: impl Fn(Kind)) {
    story(Kind::Px4);
    story(Kind::ArduPilot);
}

#[test]
fn a_patrol_is_flown_from_bundle_to_landing_inside_the_fence() {
    both(|kind| {
        let p = plan(None);
        let mut s = Stage::new(kind);
        let id = s.launch(&p);
        s.until("on patrol", 90.0, |s| {
            s.phase() == Some(FlightPhase::Patrolling)
        });
        s.until("home and disarmed", 900.0, |s| {
            !s.fake.armed && s.phase() == Some(FlightPhase::Ready)
        });
        assert_eq!(s.fate(id), Some(OrderFate::Done));
        assert!(s.closest_m > 0.0, "{kind:?} {}", s.closest_m);
        assert!(
            s.fake
                .at
                .distance_m(missions::plane::EastNorth::new(0.0, 0.0))
                < 3.0
        );
        let last = s.fake.server.list(link::items::ListKind::Mission).len() - 1;
        assert_eq!(usize::from(s.fake.seq), last, "{kind:?}: the whole plan");
        assert!(!s.said.iter().any(|t| t.contains("guard")), "{:?}", s.said);
        // The companion stands for the ground station as long as it lives.
        assert!(s.fake.station_beats > 100);
    });
}

#[test]
fn hold_stops_resume_goes_on_return_comes_home() {
    both(|kind| {
        let p = plan(None);
        let mut s = Stage::new(kind);
        s.fly_to_patrol(&p);
        s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
        let hold = s.order(OrderKind::Hold);
        s.until("stands still", 8.0, |s| {
            s.fate(hold) == Some(OrderFate::Done)
        });
        assert!(s.fake.speed() < 0.6);
        s.run(5.0);
        assert_eq!(s.phase(), Some(FlightPhase::Holding));
        let resume = s.order(OrderKind::Resume);
        s.until("goes on", 10.0, |s| s.fate(resume) == Some(OrderFate::Done));
        s.until("moves", 20.0, |s| s.fake.speed() > 5.0);
        let home = s.order(OrderKind::Return);
        s.until("returning", 20.0, |s| s.fate(home) == Some(OrderFate::Done));
        s.until("landed", 400.0, |s| !s.fake.armed);
        assert!(s.closest_m > 0.0);
    });
}

#[test]
fn a_place_is_looked_at_and_the_plan_goes_on() {
    both(|kind| {
        let p = plan(None);
        let mut s = Stage::new(kind);
        s.fly_to_patrol(&p);
        s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
        s.run(5.0);
        // Where the plan's second place is: inside, by construction.
        let (at, _) = p.path()[3];
        let id = s.order(OrderKind::Look {
            at,
            above_home_m: None,
        });
        s.until("looking", 5.0, |s| {
            s.phase() == Some(FlightPhase::Investigating)
        });
        s.until("back on the plan", 300.0, |s| {
            s.fate(id) == Some(OrderFate::Done)
        });
        s.until("said so", 1.0, |s| {
            s.phase() == Some(FlightPhase::Patrolling)
        });
        s.until("home", 900.0, |s| !s.fake.armed);
        assert!(s.closest_m > 0.0, "{}", s.closest_m);
    });
}

#[test]
fn a_place_outside_is_not_looked_at() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.fly_to_patrol(&p);
    let far = missions::place::LatLon::from_degrees(27.80, 120.10).unwrap();
    let id = s.order(OrderKind::Look {
        at: far,
        above_home_m: None,
    });
    assert!(matches!(
        s.fate(id),
        Some(OrderFate::Refused {
            why: Some(link::codes::Refusal::TargetOutside)
        })
    ));
    s.run(1.0);
    assert_eq!(s.phase(), Some(FlightPhase::Patrolling));
}

#[test]
fn the_lost_link_does_what_the_plan_says_and_its_return_revives_nothing() {
    let p = plan_with(None, OnLinkLoss::HoldThenReturn { wait_s: 10.0 });
    let mut s = Stage::new(Kind::Px4);
    s.fly_to_patrol(&p);
    s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
    s.ground_silent = true;
    s.until("holds", 5.0, |s| s.phase() == Some(FlightPhase::Holding));
    s.run(2.0);
    s.ground_silent = false;
    s.run(20.0);
    assert_eq!(
        s.phase(),
        Some(FlightPhase::Holding),
        "waits for an officer"
    );
    s.ground_silent = true;
    s.run(5.0);
    s.until("returns", 12.0, |s| {
        s.phase() == Some(FlightPhase::Returning)
    });
    s.until("lands", 400.0, |s| !s.fake.armed);
}

#[test]
fn the_autopilots_own_link_loss_is_answered_for_while_the_companion_lives() {
    let p = plan_with(None, OnLinkLoss::Continue);
    let mut s = Stage::new(Kind::ArduPilot);
    s.fly_to_patrol(&p);
    s.ground_silent = true;
    let before = s.fake.station_beats;
    s.run(30.0);
    assert!(s.fake.station_beats >= before + 29);
    assert_eq!(s.phase(), Some(FlightPhase::Patrolling));
}

#[test]
fn the_guard_stops_a_sabotaged_mission_before_the_edge() {
    both(|kind| {
        for speed in [4.0, 8.0] {
            let p = plan(Some(speed));
            let mut s = Stage::new(kind);
            s.fake.max_speed = speed;
            s.fly_to_patrol(&p);
            s.until("under way", 60.0, |s| s.fake.speed() > speed * 0.7);
            // Somebody swaps the mission aboard for one that leads straight out.
            let mut list = s.fake.server.list(link::items::ListKind::Mission).to_vec();
            for i in &mut list {
                if i.command == link::items::cmd::WAYPOINT {
                    i.y += 300_000;
                    i.x += 300_000;
                }
            }
            s.fake.server.set_list(link::items::ListKind::Mission, list);
            s.until("the guard acts", 200.0, |s| {
                s.state
                    .is_some_and(|r| r.response != link::state::ResponseWord::Continue)
            });
            s.until("home again", 600.0, |s| !s.fake.armed);
            assert!(
                s.closest_m > 0.0,
                "{kind:?} at {speed} m/s: {} m",
                s.closest_m
            );
        }
    });
}

#[test]
fn with_the_guard_off_the_same_sabotage_escapes_but_only_before_our_simulator() {
    let p = plan(None);
    let config = Config {
        guard: crate::config::GuardSwitch::Off,
        ..Config::default()
    };
    for simulated in [true, false] {
        let mut s = Stage::with(
            Kind::Px4,
            p.file().home,
            config.clone(),
            SharedDisk::default(),
        );
        s.fake.simulated = simulated;
        s.fly_to_patrol(&p);
        s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
        let mut list = s.fake.server.list(link::items::ListKind::Mission).to_vec();
        for i in &mut list {
            i.y += 300_000;
            i.x += 300_000;
        }
        s.fake.server.set_list(link::items::ListKind::Mission, list);
        s.run(150.0);
        assert_eq!(s.closest_m < 0.0, simulated, "{}", s.closest_m);
    }
}

#[test]
fn a_deaf_autopilot_is_told_again_and_louder() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.fly_to_patrol(&p);
    s.fake.deaf = true;
    s.fake.commands.clear();
    s.order(OrderKind::Hold);
    s.run(12.0);
    let modes: Vec<_> = s
        .fake
        .commands
        .iter()
        .filter(|c| c.0 == 176)
        .map(|c| c.1[2])
        .collect();
    let first = |m: f32| modes.iter().position(|x| *x == m);
    let (hold, rtl, land) = (first(3.0), first(5.0), first(6.0));
    assert!(
        hold < rtl && rtl < land && hold.is_some() && land.is_some(),
        "{modes:?}"
    );
    s.fake.deaf = false;
    s.until("obeys", 60.0, |s| !s.fake.armed);
}

#[test]
fn the_safety_pilot_has_it_and_the_guard_only_warns() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.fly_to_patrol(&p);
    s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
    s.fake.enter("sticks");
    s.until("manual", 3.0, |s| s.phase() == Some(FlightPhase::Manual));
    assert_eq!(s.state.unwrap().in_charge, InCharge::SafetyPilot);
    let id = s.order(OrderKind::Hold);
    assert!(matches!(s.fate(id), Some(OrderFate::Refused { .. })));
    s.fake.commands.clear();
    s.fake.vel = [0.0, 8.0, 0.0];
    s.run(90.0);
    assert!(s.closest_m < 0.0, "the pilot flew out");
    assert!(
        s.fake.commands.iter().all(|c| c.0 == 511 || c.0 == 512),
        "{:?}",
        s.fake.commands
    );
    assert!(s.said.iter().any(|t| t.contains("guard")));
}

#[test]
fn an_autopilot_that_goes_home_by_itself_is_told_apart() {
    let p = plan(None);
    let mut s = Stage::new(Kind::ArduPilot);
    s.fly_to_patrol(&p);
    s.fake.enter("rtl");
    s.until("seen", 3.0, |s| s.phase() == Some(FlightPhase::Returning));
    assert_eq!(s.state.unwrap().in_charge, InCharge::AutopilotFailsafe);
    s.until("down", 400.0, |s| !s.fake.armed);
}

#[test]
fn a_short_battery_comes_home() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.fly_to_patrol(&p);
    s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
    s.fake.battery_pct = 27.0;
    s.until("returns", 8.0, |s| {
        s.phase() == Some(FlightPhase::Returning)
    });
    assert_eq!(s.state.unwrap().cause, link::state::CauseWord::Battery);
}

#[test]
fn a_companion_that_restarts_aloft_guards_again_within_seconds() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.fly_to_patrol(&p);
    s.until("under way", 60.0, |s| s.fake.speed() > 5.0);
    s.restart_companion();
    s.state = None;
    s.until("guard knows the fence again", 2.5, |s| {
        s.state.is_some_and(|r| r.margin_m.is_some())
    });
    s.until("patrolling", 6.0, |s| {
        s.phase() == Some(FlightPhase::Patrolling)
    });
    s.until("home", 900.0, |s| !s.fake.armed);
    assert!(s.closest_m > 0.0);
}

#[test]
fn a_launch_needs_a_living_token_and_uses_it_up() {
    let p = plan(None);
    let mut s = Stage::new(Kind::Px4);
    s.upload(&p);
    s.until("a token", 40.0, |s| {
        s.preflight.is_some_and(|p| p.token.is_some())
    });
    let token = s.preflight.unwrap().token.unwrap();
    let no = s.order(OrderKind::Launch {
        plan_id: p.id(),
        token: token ^ 1,
    });
    assert!(matches!(
        s.fate(no),
        Some(OrderFate::Refused {
            why: Some(link::codes::Refusal::Token)
        })
    ));
    let no = s.order(OrderKind::Launch {
        plan_id: p.id() ^ 1,
        token,
    });
    assert!(matches!(
        s.fate(no),
        Some(OrderFate::Refused {
            why: Some(link::codes::Refusal::PlanDiffers)
        })
    ));
    s.run(70.0);
    let no = s.order(OrderKind::Launch {
        plan_id: p.id(),
        token,
    });
    assert!(matches!(
        s.fate(no),
        Some(OrderFate::Refused {
            why: Some(link::codes::Refusal::Token)
        })
    ));
    s.run(1.0);
    // A check that fails takes all tokens away.
    s.fake.battery_pct = 30.0;
    s.until("no token", 5.0, |s| {
        s.preflight.is_some_and(|p| p.token.is_none())
    });
    assert!(!s.fake.armed);
}

#[test]
fn parameters_that_matter_are_set_with_the_plan_and_a_wrong_one_blocks() {
    both(|kind| {
        let p = plan(None);
        let mut s = Stage::new(kind);
        s.upload(&p);
        s.until("a token", 40.0, |s| {
            s.preflight.is_some_and(|p| p.token.is_some())
        });
        let name = if kind == Kind::Px4 {
            "NAV_DLL_ACT"
        } else {
            "FS_GCS_ENABLE"
        };
        assert!(s.fake.params[name].0 > 0.0);
        // Somebody at the bench changes it; nobody lets us set it back.
        s.fake.params.remove(name);
        s.run(1.0);
    });
}

#[test]
fn anomalies_are_sent_until_receipted() {
    use crate::eyes::schema::{NewAnomaly, Up};
    use missions::anomaly::{AnomalyKind, Ellipse, Priority};
    let mut s = Stage::new(Kind::Px4);
    s.run(3.0);
    let up = Up::Flagged(NewAnomaly {
        kind: AnomalyKind::PersonInZone,
        priority: Priority::Urgent,
        rule: "r".into(),
        subject: "bank".into(),
        first_seen: None,
        at: s.fake.latlon(),
        alt_amsl_m: None,
        error: Ellipse {
            major_m: 1.0,
            minor_m: 1.0,
            bearing_deg: 0.0,
        },
        confidence: 0.9,
        picture: Some(vec![7; 5000]),
    });
    let now = s.now();
    s.onboard.handle(now, Input::Eyes(&up));
    s.run(3.0);
    assert!(
        s.anomalies.len() > 1 && s.anomalies.iter().all(|n| *n == 1),
        "{:?}",
        s.anomalies
    );
    assert!(s.said.iter().any(|t| t.starts_with("#1 person")));
    // A restart forgets nothing.
    s.restart_companion();
    s.anomalies.clear();
    s.run(3.0);
    assert_eq!(s.anomalies.first(), Some(&1));
    let store_id = s.onboard.store_id();
    s.to_companion(Patrol::PATROL_RECEIPT(link::patrol::PATROL_RECEIPT_DATA {
        store_id,
        number: 1,
    }));
    s.run(0.2);
    s.anomalies.clear();
    s.run(10.0);
    assert!(s.anomalies.is_empty());
    assert!(
        s.heard.iter().any(|f| f.header().msg_id == 54_103),
        "the picture is offered"
    );
}
