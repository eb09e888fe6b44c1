//! The desk against a scripted companion, in virtual time.

use super::*;
use link::codes::Refusal;
use link::frame::{Frame, Msg, Stamper};
use link::journal::MemDisk;
use link::patrol::MavMessage as Patrol;
use link::state::*;
use link::telemetry::station_heartbeat;
use missions::anomaly::{Anomaly, AnomalyKind, Ellipse, Priority};
use missions::flight::InCharge;

fn at(ms: u64) -> Now {
    Now::new(
        Mono::from_millis(ms),
        Utc(1_790_856_000_000_000 + ms as i64 * 1_000),
    )
}

fn desk() -> Desk {
    Desk::new(DeskConfig::default(), Box::new(MemDisk::default())).unwrap()
}

pub(crate) fn state(plan_id: Option<u64>, simulated: bool) -> StateReport {
    StateReport {
        plan_id,
        store_id: 5,
        time_boot_ms: 0,
        margin_m: None,
        last_anomaly: 0,
        order_id: None,
        refused_frames: 0,
        pending: 0,
        endurance_s: None,
        item: None,
        phase: FlightPhase::Ready,
        in_charge: InCharge::Companion,
        plan_state: PlanState::OnAircraft,
        verdict: VerdictWord::Inside,
        response: ResponseWord::Continue,
        cause: CauseWord::None,
        autopilot: AutopilotWord::Px4,
        eyes: EyesWord::Running,
        storage_ok: true,
        simulated,
    }
}

fn sent(desk: &mut Desk) -> Vec<Patrol> {
    std::iter::from_fn(|| desk.poll())
        .filter_map(|o| match o {
            DeskOut::Bytes { bytes, .. } => match Frame::from_bytes(&bytes)?.decode() {
                Msg::Patrol(m) => Some(*m),
                _ => None,
            },
            DeskOut::Event(_) => None,
        })
        .collect()
}

fn hear(desk: &mut Desk, s: &mut Stamper, now: Now, m: Patrol) {
    let f = s.frame(m);
    desk.handle(
        now,
        DeskIn::Bytes {
            link: 0,
            bytes: f.bytes(),
        },
    );
}

pub(super) fn anomaly() -> Anomaly {
    Anomaly {
        number: 1,
        kind: AnomalyKind::UnknownDrone,
        priority: Priority::Urgent,
        rule: "unknown-drone".into(),
        subject: "X".into(),
        first_seen: Utc(1),
        flagged: Utc(2),
        at: LatLon::from_degrees(27.787, 120.091).unwrap(),
        alt_amsl_m: None,
        error: Ellipse {
            major_m: 3.0,
            minor_m: 3.0,
            bearing_deg: 0.0,
        },
        confidence: 0.9,
        picture_sha256: None,
        picture_len: 0,
    }
}

#[test]
fn the_keep_alive_runs_at_eight_hertz_or_more() {
    let mut d = desk();
    let mut beats = 0;
    let mut now = Mono::ZERO;
    while now < Mono::from_millis(10_000) {
        d.handle(
            Now {
                mono: now,
                utc: Reading::NotYet,
            },
            DeskIn::Tick,
        );
        beats += std::iter::from_fn(|| d.poll())
            .filter(|o| matches!(o, DeskOut::Bytes { .. }))
            .count();
        now = d.next_wakeup().unwrap().max(Mono(now.0 + 1));
    }
    assert!(beats >= 80, "{beats} in 10 s");
}

#[test]
fn an_anomaly_sent_three_times_is_shown_once_and_receipted_each_time() {
    let mut d = desk();
    let mut s = Stamper::new(1, 191);
    for k in 0..3 {
        hear(
            &mut d,
            &mut s,
            at(100 * k),
            anomaly_to_message(5, &anomaly()),
        );
    }
    let mut shown = 0;
    let mut receipts = 0;
    while let Some(o) = d.poll() {
        match o {
            DeskOut::Event(DeskEvent::Anomaly { new: true, .. }) => shown += 1,
            DeskOut::Bytes { bytes, .. } => {
                if let Msg::Patrol(m) = Frame::from_bytes(&bytes).unwrap().decode()
                    && matches!(*m, Patrol::PATROL_RECEIPT(_))
                {
                    receipts += 1;
                }
            }
            DeskOut::Event(_) => {}
        }
    }
    assert_eq!((shown, receipts), (1, 3));
    assert_eq!(d.anomaly_views().len(), 1);
}

#[test]
fn a_dismissal_needs_a_known_anomaly_and_survives_a_restart() {
    let mut d = desk();
    let dismiss = |id: &str| Intent::Dismiss {
        anomaly: id.into(),
        reason: "staff".into(),
        note: String::new(),
    };
    assert_eq!(
        d.command(at(0), "k1", &dismiss("nothing"))
            .reason
            .unwrap()
            .code,
        "desk.anomaly_unknown"
    );
    let mut s = Stamper::new(1, 191);
    hear(&mut d, &mut s, at(1), anomaly_to_message(5, &anomaly()));
    let id = anomaly_id(5, 1);
    // Nobody is sent away without a reason, nor with one that nobody knows.
    for reason in ["", "because"] {
        let without = Intent::Dismiss {
            anomaly: id.clone(),
            reason: reason.into(),
            note: "x".into(),
        };
        let no = d.command(at(1), reason, &without).reason.unwrap();
        assert_eq!(no.code, "desk.no_reason");
    }
    assert!(d.command(at(2), "k2", &dismiss(&id)).accepted);
    assert_eq!(d.anomaly_view(&id).unwrap()["state"], "dismissed");
}

#[test]
fn nothing_launches_without_names_plan_and_preflight_or_on_a_real_aircraft() {
    let mut d = desk();
    let launch = |pilot: &str| Intent::Launch {
        aircraft: 1,
        purpose: "show".into(),
        incident: "7".into(),
        pilot: pilot.into(),
    };
    assert_eq!(
        d.command(at(0), "", &launch(" ")).reason.unwrap().code,
        "refusal.incomplete"
    );
    assert_eq!(
        d.command(at(0), "", &launch("Li")).reason.unwrap().code,
        "desk.no_plan"
    );
    let plan = perimeter_plan(60.0);
    assert!(d.load_plan(at(1), &plan.to_json()).accepted);
    assert_eq!(
        d.command(at(2), "", &launch("Li")).reason.unwrap().code,
        "refusal.no_link"
    );
    let mut s = Stamper::new(1, 191);
    hear(&mut d, &mut s, at(10), state(None, false).to_message());
    assert_eq!(
        d.command(at(11), "", &launch("Li")).reason.unwrap().code,
        "refusal.real_aircraft"
    );
    hear(&mut d, &mut s, at(12), state(None, true).to_message());
    assert_eq!(
        d.command(at(13), "", &launch("Li")).reason.unwrap().code,
        "refusal.not_on_aircraft"
    );
    hear(
        &mut d,
        &mut s,
        at(14),
        state(Some(plan.id()), true).to_message(),
    );
    assert_eq!(
        d.command(at(15), "", &launch("Li")).reason.unwrap().code,
        "refusal.preflight"
    );
    let ready = PreflightReport {
        token: Some(99),
        checks: [(CheckStatus::Pass, None); 12],
    };
    hear(&mut d, &mut s, at(16), ready.to_message());
    sent(&mut d);
    assert!(d.command(at(17), "key", &launch("Li")).accepted);
    assert!(
        d.command(at(18), "key", &launch("Li")).accepted,
        "the same key gives the same answer"
    );
    d.handle(at(60), DeskIn::Tick);
    let orders: Vec<_> = sent(&mut d)
        .into_iter()
        .filter(|m| matches!(m, Patrol::PATROL_ORDER(o) if o.kind == 1))
        .collect();
    assert_eq!(orders.len(), 1, "one launch, not two");
}

#[test]
fn a_lost_link_is_said_and_hold_all_answers_with_the_reason() {
    let mut d = desk();
    let mut s = Stamper::new(1, 191);
    hear(&mut d, &mut s, at(10), state(None, true).to_message());
    d.handle(at(3_200), DeskIn::Tick);
    let lost = std::iter::from_fn(|| d.poll())
        .any(|o| matches!(o, DeskOut::Event(DeskEvent::Log(e)) if e.code == "link_lost"));
    assert!(lost);
    let a = d.command(at(3_300), "", &Intent::Hold { aircraft: None });
    assert_eq!(a.reason.unwrap().code, "refusal.no_link");
}

#[test]
fn a_companion_that_falls_silent_never_looks_fine_while_its_autopilot_talks_on() {
    let mut d = desk();
    let (mut companion, mut autopilot) = (Stamper::new(1, 191), Stamper::new(1, 1));
    hear(
        &mut d,
        &mut companion,
        at(10),
        state(None, true).to_message(),
    );
    let in_charge_and_verdict = |d: &Desk, ms: u64| {
        let b = d.batch(1, at(ms).mono, Utc(0));
        (b[13 + 2], b[13 + 3])
    };
    assert_eq!(in_charge_and_verdict(&d, 20), (1, 1));
    assert_eq!(d.aircraft_view(1).unwrap()["eyes"], "running");
    for ms in [1_000, 2_000, 3_000, 4_000] {
        let f = autopilot.frame(station_heartbeat());
        let bytes = f.bytes();
        d.handle(at(ms), DeskIn::Bytes { link: 0, bytes });
    }
    assert!(d.aircraft(1).unwrap().link_up(at(4_000).mono));
    assert_eq!(in_charge_and_verdict(&d, 4_000), (0, 0));
    let view = d.aircraft_view(1).unwrap();
    assert_eq!(
        (&view["eyes"], &view["storage_ok"]),
        (&"off".into(), &Value::Null)
    );
}

#[test]
fn the_log_is_bounded_whatever_is_refused() {
    let mut d = desk();
    let mut s = Stamper::new(1, 191);
    for k in 0..300 {
        let m = busy(&format!("plan {k}")).to_message();
        hear(&mut d, &mut s, at(k), m);
    }
    let log = d.snapshot(Utc(0))["log"].as_array().unwrap().len();
    assert_eq!(log, LOG_LEN);
}

fn busy(words: &str) -> RefusalReport {
    RefusalReport {
        why: Some(Refusal::Busy),
        what: Some(RefusedThing::Bundle),
        item: None,
        value: None,
        at: None,
        text: words.into(),
    }
}

#[test]
fn a_refusal_said_three_times_over_a_radio_is_shown_once_and_a_later_one_again() {
    let mut d = desk();
    let mut s = Stamper::new(1, 191);
    let refusals = |d: &Desk| {
        let log = d.snapshot(Utc(0));
        let log = log["log"].as_array().unwrap();
        log.iter().filter(|e| e["code"] == "plan_refused").count()
    };
    for ms in [0, 200, 400] {
        hear(&mut d, &mut s, at(ms), busy("plan").to_message());
    }
    assert_eq!(refusals(&d), 1);
    // Another one within that time is another one; the same after it is news.
    hear(&mut d, &mut s, at(500), busy("other plan").to_message());
    assert_eq!(refusals(&d), 2);
    hear(&mut d, &mut s, at(3_000), busy("plan").to_message());
    assert_eq!(refusals(&d), 3);
}

fn control(officer: &str, hand_over: link::control::HandOver, holder: u8) -> Patrol {
    link::control::ControlReport {
        holder: (holder != 0).then_some((0, holder, 190)),
        hand_over,
        officer: officer.into(),
        lines: vec![link::control::LineReport {
            trust: Some(link::signing::Trust::Signed),
            up: true,
            loss_pct: Some(3),
        }],
        best_line: Some(0),
        refused: 2,
        dropped: 5,
        ..link::control::ControlReport::default()
    }
    .to_message()
}

fn codes(desk: &mut Desk) -> Vec<String> {
    std::iter::from_fn(|| desk.poll())
        .filter_map(|o| match o {
            DeskOut::Event(DeskEvent::Log(e)) => Some(e.code),
            _ => None,
        })
        .collect()
}

fn seats(sent: &[Patrol]) -> Vec<(u8, String)> {
    sent.iter()
        .filter_map(|m| match m {
            Patrol::PATROL_OFFICER(d) => {
                Some((d.seat, d.officer.to_str().unwrap_or("").to_owned()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_lost_session_is_told_to_the_aircraft_within_the_second_and_is_no_lost_link() {
    let mut d = desk();
    // Before a page was ever there nothing is told.
    d.session(at(0), false);
    assert!(seats(&sent(&mut d)).is_empty());
    d.session(at(100), true);
    d.command(
        at(150),
        "",
        &Intent::TakeControl {
            officer: "Li".into(),
        },
    );
    let said = seats(&sent(&mut d));
    assert_eq!(said.last(), Some(&(3, "Li".to_owned())), "takes control");
    // It asks for three seconds, then it is present: told four times in the first second, for frames are lost, then each.
    let mut said = Vec::new();
    for ms in (200..6_000).step_by(50) {
        d.session(at(ms), true);
        d.handle(at(ms), DeskIn::Tick);
        said.extend(seats(&sent(&mut d)));
    }
    let takes = said.iter().filter(|s| s.0 == 3).count();
    let present = said.iter().filter(|s| s.0 == 1).count();
    assert!((8..=14).contains(&takes), "{takes}");
    assert!((5..=8).contains(&present), "{present}");
    d.session(at(6_000), false);
    let mut beats = 0;
    let mut lost = Vec::new();
    for ms in (6_000..8_000).step_by(25) {
        d.session(at(ms), false);
        d.handle(at(ms), DeskIn::Tick);
        while let Some(o) = d.poll() {
            let DeskOut::Bytes { bytes, .. } = o else {
                continue;
            };
            match Frame::from_bytes(&bytes).unwrap().decode() {
                Msg::Patrol(m) => lost.extend(seats(&[*m])),
                _ => beats += 1,
            }
        }
    }
    assert_eq!(lost.first(), Some(&(0, "Li".to_owned())));
    assert!(lost.len() >= 2 && lost.iter().all(|s| s.0 == 0));
    assert!(beats >= 14, "the desk itself is heard as before: {beats}");
}

#[test]
fn a_hand_over_needs_both_names_and_the_right_one() {
    let mut d = desk();
    d.session(at(0), true);
    d.command(
        at(10),
        "",
        &Intent::TakeControl {
            officer: "Li".into(),
        },
    );
    let wrong = d.command(
        at(20),
        "",
        &Intent::HandOver {
            from: "Wang".into(),
            to: "Zhao".into(),
        },
    );
    assert_eq!(wrong.reason.unwrap().code, "desk.not_in_charge");
    assert_eq!(d.officer(), "Li");
    codes(&mut d);
    let right = d.command(
        at(30),
        "",
        &Intent::HandOver {
            from: "Li".into(),
            to: "Wang".into(),
        },
    );
    assert!(right.accepted && d.officer() == "Wang");
    assert!(codes(&mut d).contains(&"hand_over".to_owned()));
    // To whoever takes it: the seat says so until control is taken again.
    d.command(
        at(4_000),
        "",
        &Intent::HandOver {
            from: "Wang".into(),
            to: String::new(),
        },
    );
    d.session(at(6_000), true);
    let said = seats(&sent(&mut d));
    assert_eq!(said.last(), Some(&(2, "Wang".to_owned())));
}

#[test]
fn every_desk_sees_who_has_the_aircraft_and_when_nobody_does() {
    use link::control::HandOver;
    let mut d = desk();
    let mut s = Stamper::new(1, 191);
    hear(&mut d, &mut s, at(0), control("Li", HandOver::None, 254));
    assert!(codes(&mut d).contains(&"control".to_owned()));
    let view = d.aircraft_view(1).unwrap();
    assert_eq!(view["control"]["station"], 254);
    assert_eq!(view["control"]["officer"], "Li");
    assert_eq!(
        (&view["control"]["refused"], &view["control"]["dropped"]),
        (&2.into(), &5.into())
    );
    assert_eq!(view["control"]["lines"][0]["trust"], "signed");
    hear(
        &mut d,
        &mut s,
        at(1_000),
        control("Li", HandOver::Alarm { left_s: 60 }, 0),
    );
    let said = codes(&mut d);
    assert_eq!(
        said.iter().filter(|c| *c == "no_officer").count(),
        1,
        "{said:?}"
    );
    // Seconds running down are shown, and are no new event.
    hear(
        &mut d,
        &mut s,
        at(2_000),
        control("Li", HandOver::Alarm { left_s: 59 }, 0),
    );
    assert!(!codes(&mut d).contains(&"no_officer".to_owned()));
    assert_eq!(d.aircraft_view(1).unwrap()["control"]["left_s"], 59);
    hear(
        &mut d,
        &mut s,
        at(60_000),
        control("Li", HandOver::Acted, 0),
    );
    assert!(codes(&mut d).contains(&"no_officer_acted".to_owned()));
}

#[test]
fn over_two_lines_an_aircraft_is_one_and_a_copy_is_a_sign_of_life_only() {
    let config = DeskConfig {
        lines: vec![0, 0],
        ..DeskConfig::default()
    };
    let mut d = Desk::new(config, Box::new(MemDisk::default())).unwrap();
    let mut s = Stamper::new(1, 191);
    let f = s.frame(anomaly_to_message(5, &anomaly()));
    for (ms, link) in [(0, 1), (40, 0)] {
        d.handle(
            at(ms),
            DeskIn::Bytes {
                link,
                bytes: f.bytes(),
            },
        );
    }
    let mut receipts = Vec::new();
    let mut shown = 0;
    while let Some(o) = d.poll() {
        match o {
            DeskOut::Bytes { link, bytes } => {
                if Frame::from_bytes(&bytes).unwrap().header().msg_id == 54_102 {
                    receipts.push(link);
                }
            }
            DeskOut::Event(DeskEvent::Anomaly { new: true, .. }) => shown += 1,
            DeskOut::Event(_) => {}
        }
    }
    // One receipt, over every line.
    assert_eq!((receipts, shown), (vec![0, 1], 1));
    // Line 1 falls silent: the link is up for as long as line 0 is heard.
    for k in 1..100u64 {
        let f = s.frame(state(None, true).to_message());
        d.handle(
            at(40 + k * 100),
            DeskIn::Bytes {
                link: 0,
                bytes: f.bytes(),
            },
        );
    }
    assert!(d.aircraft(1).unwrap().link_up(Mono::from_millis(9_900)));
    assert!(!codes(&mut d).contains(&"link_lost".to_owned()));
    d.handle(at(14_000), DeskIn::Tick);
    assert!(codes(&mut d).contains(&"link_lost".to_owned()));
}

#[test]
fn before_a_simulated_aircraft_tells_the_time_the_desk_plans_for_the_simulated_day() {
    let day = Utc(1_790_856_000_000_000);
    let d = Desk::new(
        DeskConfig {
            simulated_day: Some(day),
            ..DeskConfig::default()
        },
        Box::new(MemDisk::default()),
    )
    .unwrap();
    // The wall says another day altogether; a plan made now is flown in the simulated evening, past its show.
    let wall = day.after(Duration::from_secs(5_000_000));
    let now = Now::new(Mono::from_millis(3_000), wall);
    assert_eq!(d.utc_at(now), day.after(Duration::from_secs(3)));
    let real = Desk::new(DeskConfig::default(), Box::new(MemDisk::default())).unwrap();
    assert_eq!(real.utc_at(now), wall);
}

/// A plan over the shipped venue, this high above home.
pub(crate) fn perimeter_plan(alt_m: f64) -> PatrolPlan {
    let request = missions::planner::PatrolRequest {
        name: "p".into(),
        pattern: missions::planner::Pattern::Perimeter { offset_m: 25.0 },
        alt: missions::place::Alt::from_metres(alt_m).unwrap(),
        speed_mps: None,
        margin_m: 5.0,
        launch_window: missions::time::Window {
            from: Utc(1_790_856_000_000_000),
            until: Utc(1_790_856_600_000_000),
        },
        area: None,
        on_link_loss: missions::flight::OnLinkLoss::Return,
        over_crowds: false,
        wind: missions::energy::Wind::default(),
    };
    missions::planner::plan_patrol(
        &Venue::sixi_river(),
        &missions::vehicle::VehicleSpec::default_quad(),
        &request,
    )
    .unwrap()
}

#[test]
fn a_plan_flies_only_after_its_own_rehearsal_or_on_a_duty_officers_word() {
    let config = DeskConfig {
        rehearsals: true,
        ..DeskConfig::default()
    };
    let mut d = Desk::new(config, Box::new(MemDisk::default())).unwrap();
    let launch = Intent::Launch {
        aircraft: 1,
        purpose: "show".into(),
        incident: "7".into(),
        pilot: "Li".into(),
    };
    let mut s = Stamper::new(1, 191);
    let (plan, other) = (perimeter_plan(60.0), perimeter_plan(50.0));
    let ready = |d: &mut Desk, s: &mut Stamper, ms: u64, plan: &PatrolPlan| {
        assert!(d.load_plan(at(ms), &plan.to_json()).accepted);
        hear(d, s, at(ms), state(Some(plan.id()), true).to_message());
        let checks = PreflightReport {
            token: Some(99),
            checks: [(CheckStatus::Pass, None); 12],
        };
        hear(d, s, at(ms + 1), checks.to_message());
    };
    let asked = |d: &mut Desk, ms: u64| d.command(at(ms), "", &launch).reason.map(|r| r.code);
    let done = |passed: bool| Rehearsing::Done {
        passed,
        result: serde_json::json!({"name": "p", "blocking": [{"code": "rehearsal.not_down"}]}),
    };
    ready(&mut d, &mut s, 10, &plan);
    assert_eq!(asked(&mut d, 20).as_deref(), Some("desk.not_rehearsed"));
    d.rehearsal(at(21), plan.id(), Rehearsing::Part(0.5));
    assert_eq!(d.plan_view()["rehearsal"]["state"], "running");
    assert_eq!(asked(&mut d, 22).as_deref(), Some("desk.not_rehearsed"));
    // Of another plan: nothing.
    d.rehearsal(at(23), other.id(), done(true));
    assert_eq!(asked(&mut d, 24).as_deref(), Some("desk.not_rehearsed"));
    d.rehearsal(at(25), plan.id(), done(false));
    assert_eq!(asked(&mut d, 26).as_deref(), Some("desk.rehearsal_blocks"));
    // Nobody in particular, or for no reason, answers for nothing.
    let word = |officer: &str, reason: &str| Intent::OverrideRehearsal {
        officer: officer.into(),
        reason: reason.into(),
        aircraft: None,
    };
    for (officer, reason) in [("", "flood"), ("Wang", "  ")] {
        let no = d
            .command(at(27), "", &word(officer, reason))
            .reason
            .unwrap();
        assert_eq!(no.code, "refusal.incomplete");
    }
    assert!(
        d.command(at(28), "", &word("Wang", "child missing"))
            .accepted
    );
    assert_eq!(d.plan_view()["rehearsal"]["overridden"]["officer"], "Wang");
    let log = d.snapshot(Utc(0));
    let said = log["log"].as_array().unwrap().iter();
    let said: Vec<&str> = said.filter_map(|e| e["code"].as_str()).collect();
    assert!(said.contains(&"rehearsal_blocked") && said.contains(&"rehearsal_overridden"));
    // Another plan needs its own, and a word for one is no word for the next.
    ready(&mut d, &mut s, 40, &other);
    assert_eq!(asked(&mut d, 50).as_deref(), Some("desk.not_rehearsed"));
    d.rehearsal(at(51), other.id(), done(true));
    assert_eq!(asked(&mut d, 52), None);
}

#[test]
fn an_alarm_is_put_aside_with_a_reason_for_a_quarter_of_an_hour_at_most_and_the_log_says_so() {
    let mut d = desk();
    let put = |d: &mut Desk, reason: &str, minutes: u32| {
        let intent = Intent::Shelve {
            alarm: "battery".into(),
            words: "Battery low: 28 %".into(),
            reason: reason.into(),
            minutes,
        };
        d.command(at(1), "", &intent).reason.map(|r| r.code)
    };
    assert_eq!(put(&mut d, " ", 5).as_deref(), Some("desk.shelve_reason"));
    assert_eq!(
        put(&mut d, "it lands next", 0).as_deref(),
        Some("desk.shelve_time")
    );
    assert_eq!(
        put(&mut d, "it lands next", 16).as_deref(),
        Some("desk.shelve_time")
    );
    assert_eq!(put(&mut d, "it lands next", 15), None);
    let log = d.snapshot(Utc(0));
    let told: Vec<_> = log["log"].as_array().unwrap().iter().collect();
    let told: Vec<_> = told
        .iter()
        .filter(|e| e["code"] == "alarm_shelved")
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["params"]["why"], "it lands next");
}
