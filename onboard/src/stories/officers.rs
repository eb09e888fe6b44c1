//! Who has the aircraft: sessions lost, hand-overs, and nobody left.

use super::*;
use link::control::{HandOver, OfficerReport, Seat};
use link::state::CauseWord;

fn sits(s: &mut Stage, seat: Seat, officer: &str) {
    let m = OfficerReport {
        seat,
        officer: officer.into(),
    }
    .to_message(1);
    s.to_companion(m);
    s.run(0.1);
}

/// A second station, by its own frames.
fn other_sits(s: &mut Stage, other: &mut Stamper, seat: Seat, officer: &str) {
    let m = OfficerReport {
        seat,
        officer: officer.into(),
    }
    .to_message(1);
    let f = other.frame(m);
    s.bytes_to_companion(f.bytes());
    s.run(0.1);
}

fn hand_over(s: &Stage) -> HandOver {
    s.control.as_ref().map_or(HandOver::None, |c| c.hand_over)
}

/// In the air under officer Li's plan; the station speaks on whatever happens to him.
fn under_li(plan: &PatrolPlan) -> Stage {
    let mut s = Stage::new(Kind::Px4);
    s.run(3.0);
    sits(&mut s, Seat::Present, "Li");
    s.fly_to_patrol(plan);
    s.until("Li has it", 3.0, |s| {
        s.control.as_ref().is_some_and(|c| c.officer == "Li")
    });
    s
}

#[test]
fn a_lost_session_alarms_every_station_for_a_minute_and_then_the_plan_says() {
    let p = plan_with(None, OnLinkLoss::Return);
    let mut s = under_li(&p);
    assert_eq!(s.control.as_ref().unwrap().holder, Some((0, 255, 190)));
    sits(&mut s, Seat::Lost, "Li");
    let lost = s.now;
    s.until("alarm", 1.0, |s| {
        matches!(hand_over(s), HandOver::Alarm { left_s: 58..=60 })
    });
    assert!(
        s.said
            .iter()
            .any(|t| t.contains("NO OFFICER") && t.contains("Li"))
    );
    assert_eq!(s.control.as_ref().unwrap().holder, None);
    // A lost session is no lost link: the patrol goes on until the minute is over.
    s.run(55.0);
    assert_eq!(s.phase(), Some(FlightPhase::Patrolling));
    assert!(!s.said.iter().any(|t| t.contains("link lost")));
    s.until("the plan's action", 6.0, |s| {
        s.phase() == Some(FlightPhase::Returning)
    });
    let after_s = s.now.since(lost).as_secs_f64();
    assert!((59.0..61.5).contains(&after_s), "{after_s} s");
    assert_eq!(s.state.unwrap().cause, CauseWord::NoOfficer);
    assert_eq!(hand_over(&s), HandOver::Acted);
    s.until("home", 400.0, |s| !s.fake.armed);
}

#[test]
fn the_plan_may_say_otherwise_for_no_officer_than_for_a_lost_link() {
    let mut file = plan_with(None, OnLinkLoss::Return).file().clone();
    file.on_no_officer = Some(OnLinkLoss::HoldThenReturn { wait_s: 30.0 });
    let p = PatrolPlan::check(file).unwrap();
    let mut s = under_li(&p);
    sits(&mut s, Seat::Lost, "Li");
    s.until("hold", 62.0, |s| s.phase() == Some(FlightPhase::Holding));
    assert_eq!(s.state.unwrap().cause, CauseWord::NoOfficer);
    // Somebody comes in that time: it does not go home by itself any more, and goes on only when told.
    sits(&mut s, Seat::Takes, "Wang");
    s.run(40.0);
    assert_eq!(s.phase(), Some(FlightPhase::Holding));
    let id = s.order(OrderKind::Resume);
    s.until("on patrol again", 10.0, |s| {
        s.phase() == Some(FlightPhase::Patrolling)
    });
    assert_eq!(s.fate(id), Some(OrderFate::Done));
    let c = s.control.clone().unwrap();
    assert_eq!((c.officer.as_str(), c.before.as_str()), ("Wang", "Li"));
}

#[test]
fn a_session_that_comes_back_in_time_changes_nothing() {
    let p = plan(None);
    let mut s = under_li(&p);
    sits(&mut s, Seat::Lost, "Li");
    s.run(30.0);
    sits(&mut s, Seat::Present, "Li");
    s.until("Li again", 1.5, |s| hand_over(s) == HandOver::None);
    s.run(60.0);
    assert_eq!(s.phase(), Some(FlightPhase::Patrolling));
    assert_eq!(s.control.as_ref().unwrap().holder, Some((0, 255, 190)));
}

#[test]
fn control_is_handed_over_in_so_many_words_and_both_names_are_told() {
    let p = plan(None);
    let mut s = under_li(&p);
    let mut other = Stamper::new(252, 190);
    other_sits(&mut s, &mut other, Seat::Present, "Wang");
    // Wanting it is not enough while Li sits there, and both are told.
    other_sits(&mut s, &mut other, Seat::Takes, "Wang");
    s.run(1.2);
    let c = s.control.clone().unwrap();
    assert_eq!((c.officer.as_str(), c.holder), ("Li", Some((0, 255, 190))));
    assert!(
        s.said
            .iter()
            .any(|t| t.starts_with("Control: 255 on line 0 has it, 252")),
        "{:?}",
        s.said
    );
    sits(&mut s, Seat::HandsOver, "Li");
    s.until("the alarm of an open hand-over", 1.5, |s| {
        matches!(hand_over(s), HandOver::Alarm { .. })
    });
    other_sits(&mut s, &mut other, Seat::Takes, "Wang");
    s.until("Wang has it", 1.5, |s| {
        s.control
            .as_ref()
            .is_some_and(|c| c.officer == "Wang" && c.before == "Li")
    });
    assert_eq!(
        s.control.as_ref().unwrap().holder,
        Some((0, 252, 190)),
        "the second station"
    );
    assert!(
        s.said.iter().any(|t| t == "Control: Li -> Wang"),
        "{:?}",
        s.said
    );
    assert_eq!(hand_over(&s), HandOver::None);
    // Now it is Li's station that is refused.
    let id = s.order(OrderKind::Look {
        at: s.fake.latlon(),
        above_home_m: None,
    });
    s.until("refused", 2.0, |s| {
        matches!(s.fate(id), Some(OrderFate::Refused { .. }))
    });
    assert_eq!(s.phase(), Some(FlightPhase::Patrolling));
}

#[test]
fn another_officer_at_the_same_station_is_a_hand_over_too() {
    let p = plan(None);
    let mut s = under_li(&p);
    sits(&mut s, Seat::Present, "Wang");
    s.until("told", 1.5, |s| {
        s.said.iter().any(|t| t == "Control: Li -> Wang")
    });
    assert_eq!(hand_over(&s), HandOver::None);
}

#[test]
fn when_the_link_dies_the_link_loss_action_comes_and_no_minute_is_waited() {
    let p = plan_with(None, OnLinkLoss::Return);
    let mut s = under_li(&p);
    s.ground_silent = true;
    s.until("home for the link", 4.5, |s| {
        s.phase() == Some(FlightPhase::Returning)
    });
    assert_eq!(s.state.unwrap().cause, CauseWord::LinkLoss);
    assert!(!s.said.iter().any(|t| t.contains("NO OFFICER")));
}

#[test]
fn preflight_tells_the_lines_and_their_trust_before_the_launch() {
    let mut s = Stage::new(Kind::Px4);
    s.run(3.0);
    s.until("told", 2.0, |s| s.control.is_some());
    let c = s.control.clone().unwrap();
    assert_eq!(c.lines.len(), 1);
    assert_eq!(c.lines[0].trust, Some(link::signing::Trust::WiredLab));
    assert!(c.lines[0].up && c.best_line == Some(0));
    assert_eq!((c.refused, c.dropped), (0, 0));
}
