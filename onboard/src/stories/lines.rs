//! Two lines to one station, a radio and a mobile network: either may die.

use super::*;
use crate::eyes::schema::{NewAnomaly, Up};
use missions::anomaly::{AnomalyKind, Ellipse, Priority};
use missions::place::LatLon;

const RADIO: usize = 0;
const MOBILE: usize = 1;
/// PATROL_BLOB_OFFER and _CHUNK.
const PICTURES: [u32; 2] = [54_103, 54_104];

/// Line 0 is a radio of 57.6 kbit/s, line 1 has no limit.
fn stage() -> Stage {
    Stage::with(
        Kind::Px4,
        plan(None).file().home,
        Config {
            ground_ports: 2,
            ground_station: vec![1, 1],
            ground_bytes_per_s: vec![5_760, 0],
            ..Config::default()
        },
        SharedDisk::default(),
    )
}

fn flag(s: &mut Stage, n: u32) {
    let up = Up::Flagged(NewAnomaly {
        kind: AnomalyKind::PersonInZone,
        priority: Priority::High,
        rule: "story".into(),
        subject: format!("{n}"),
        first_seen: None,
        at: LatLon::from_degrees(27.787, 120.091).unwrap(),
        alt_amsl_m: None,
        error: Ellipse {
            major_m: 3.0,
            minor_m: 3.0,
            bearing_deg: 0.0,
        },
        confidence: 0.9,
        picture: Some(vec![n as u8; 3_000]),
    });
    let now = s.now();
    s.onboard.handle(now, Input::Eyes(&up));
}

/// Receipts for everything heard since, over whatever lives.
fn receipts(s: &mut Stage, from: usize) -> usize {
    let store = s.onboard.store_id();
    let heard: Vec<u32> = s.anomalies.get(from..).unwrap_or_default().to_vec();
    for number in heard {
        s.to_companion(Patrol::PATROL_RECEIPT(link::patrol::PATROL_RECEIPT_DATA {
            store_id: store,
            number,
        }));
    }
    s.anomalies.len()
}

fn link_lost(s: &Stage) -> bool {
    s.said.iter().any(|t| t.contains("link lost"))
}

#[test]
fn the_radio_dies_and_nothing_is_lost_while_the_mobile_line_lives() {
    let p = plan(None);
    let mut s = stage();
    s.fly_to_patrol(&p);
    let mut seen = 0;
    for n in 1..=5 {
        flag(&mut s, n);
        s.run(0.5);
        seen = receipts(&mut s, seen);
    }
    s.line_lives[RADIO] = false;
    for n in 6..=40 {
        flag(&mut s, n);
        s.run(0.5);
        seen = receipts(&mut s, seen);
    }
    s.run(3.0);
    receipts(&mut s, seen);
    s.run(0.5);
    let mut numbers = s.anomalies.clone();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    assert_eq!(
        s.onboard.stored_and_pending(),
        (40, 0),
        "receipts over any line"
    );
    assert!(!link_lost(&s), "{:?}", s.said);
    assert_eq!(s.phase(), Some(FlightPhase::Patrolling));
    assert!(
        s.said
            .iter()
            .any(|t| t == "Patrol: ground line 0 fell silent")
    );
    let c = s.control.clone().unwrap();
    assert_eq!((c.lines[RADIO].up, c.lines[MOBILE].up), (false, true));
    assert_eq!(c.best_line, Some(1));

    // Both dead: link loss, at its time and not before.
    s.line_lives[MOBILE] = false;
    let died = s.now;
    let lost = |s: &Stage| !s.onboard.ground_is_heard();
    s.until("link loss", 4.0, lost);
    let after_s = s.now.since(died).as_secs_f64();
    assert!((2.5..3.5).contains(&after_s), "{after_s} s");
    s.run(1.0);
    // The plan's action shows in the vehicle; nobody hears of it.
    s.line_lives[RADIO] = true;
    s.until("told over the radio", 3.0, |s| {
        s.phase() == Some(FlightPhase::Holding)
    });
    assert_eq!(s.state.unwrap().cause, link::state::CauseWord::LinkLoss);
}

#[test]
fn an_order_over_both_lines_is_carried_out_once_and_answered_over_both() {
    let p = plan(None);
    let mut s = stage();
    s.fly_to_patrol(&p);
    s.fake.commands.clear();
    let speed = Common::COMMAND_LONG(c::COMMAND_LONG_DATA {
        param1: 1.0,
        param2: 4.0,
        param3: -1.0,
        command: c::MavCmd::MAV_CMD_DO_CHANGE_SPEED,
        target_system: 1,
        target_component: 1,
        ..c::COMMAND_LONG_DATA::default()
    });
    s.came.iter_mut().for_each(Vec::clear);
    s.to_companion(speed);
    s.run(0.5);
    let sent = s.fake.commands.iter().filter(|c| c.0 == 178).count();
    assert_eq!(sent, 1, "two copies are one command");
    for line in [RADIO, MOBILE] {
        let acks = s.came[line].iter().filter(|m| **m == 77).count();
        assert_eq!(acks, 1, "line {line}");
    }
    // The same station on both lines holds control on both.
    assert!(
        !s.said.iter().any(|t| t.contains("refused")),
        "{:?}",
        s.said
    );
}

#[test]
fn pictures_take_the_better_line_and_the_other_when_it_dies() {
    let p = plan(None);
    let mut s = stage();
    s.fly_to_patrol(&p);
    let chunks = |s: &Stage, line: usize| {
        let of_pictures = |m: &&u32| PICTURES.contains(m);
        s.came[line].iter().filter(of_pictures).count()
    };
    // A picture goes once its anomaly is receipted.
    flag(&mut s, 1);
    s.run(0.5);
    let seen = receipts(&mut s, 0);
    s.until("over the mobile line", 5.0, |s| chunks(s, MOBILE) > 0);
    assert_eq!(chunks(&s, RADIO), 0, "the radio has better things to carry");
    s.line_lives[MOBILE] = false;
    s.run(3.0);
    flag(&mut s, 2);
    s.run(2.0);
    receipts(&mut s, seen);
    s.until("over the radio", 20.0, |s| chunks(s, RADIO) > 0);
    assert!(!link_lost(&s));
}

#[test]
fn lines_to_different_stations_share_nothing() {
    let mut s = Stage::with(
        Kind::Px4,
        plan(None).file().home,
        Config {
            ground_ports: 2,
            ..Config::default()
        },
        SharedDisk::default(),
    );
    s.ground_silent = true;
    s.run(3.0);
    // The same identity on another line is another station: it may not take what the first one holds.
    let count = |n| {
        Common::MISSION_COUNT(c::MISSION_COUNT_DATA {
            count: n,
            target_system: 1,
            target_component: 1,
            mission_type: c::MavMissionType::MAV_MISSION_TYPE_MISSION,
            opaque_id: 0,
        })
    };
    let mut a = Stamper::new(255, 190);
    let f = a.frame(count(2));
    s.bytes_over(0, f.bytes());
    s.run(0.2);
    s.came.iter_mut().for_each(Vec::clear);
    let g = a.frame(count(3));
    s.bytes_over(1, g.bytes());
    s.run(0.2);
    assert!(s.came[1].contains(&47), "denied");
    assert!(
        s.said
            .iter()
            .any(|t| t.starts_with("Control: 255 on line 0 has it")),
        "{:?}",
        s.said
    );
}
