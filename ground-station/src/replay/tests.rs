//! A recorded flight read back: the same places, the same anomalies, at any moment.

use super::*;
use crate::desk::Intent;
use crate::record::tests::{START, fly, lat_e7};
use crate::record::{Files, read_folder};
use missions::time::Utc;
use serde_json::Value;
use std::time::Duration;

fn second(n: u64) -> Utc {
    START.after(Duration::from_secs(n))
}

fn recorded(seconds: u64) -> Files {
    let dir = tempfile::tempdir().unwrap();
    fly(dir.path(), seconds, false);
    read_folder(dir.path()).unwrap()
}

fn player(files: Files) -> Player {
    Player::new(Recording::new(files.tlog, &files.events).unwrap(), 1.0)
}

/// Latitude in the binary batch, degrees × 10⁷.
fn shown_lat(p: &mut Player) -> i32 {
    let b = p.batch();
    assert_eq!(b[12], 1, "one aircraft");
    i32::from_le_bytes(b[17..21].try_into().unwrap())
}

fn replay(op: &str, value: f64) -> Intent {
    Intent::Replay {
        op: op.into(),
        value,
    }
}

fn anomalies(p: &Player) -> Vec<u64> {
    p.snapshot()["anomalies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["number"].as_u64().unwrap())
        .collect()
}

#[test]
fn it_shows_what_was_flown_and_found() {
    let mut p = player(recorded(100));
    assert_eq!(p.recording().damaged(), (0, 0));
    assert_eq!(p.recording().span().0, START);
    assert!(p.snapshot()["venue"]["features"].is_array());
    assert!(p.command(&replay("play", 0.0)).0.accepted);
    let mut told: Vec<Value> = Vec::new();
    for n in 0..99u64 {
        // Half a second into each second: its frames have been taken, the next one's not.
        let passed = if n == 0 { 500 } else { 1_000 };
        for c in p.advance(Duration::from_millis(passed)) {
            if let Change::Message(m) = c {
                told.push(m);
            }
        }
        assert_eq!(shown_lat(&mut p), lat_e7(n), "second {n}");
    }
    let new: Vec<u64> = told
        .iter()
        .filter(|m| m["type"] == "anomaly")
        .map(|m| m["anomaly"]["number"].as_u64().unwrap())
        .collect();
    assert_eq!(new, [1, 2, 3, 4, 5]);
    assert_eq!(anomalies(&p), new);
    assert_eq!(p.status()["ticks"].as_array().unwrap().len(), 5);
    p.advance(Duration::from_secs(60));
    assert!(!p.playing(), "it stops at the end");
    assert!(p.command(&replay("play", 0.0)).0.accepted);
    assert_eq!(p.now(), START, "and starts again from there");
}

#[test]
fn a_seek_anywhere_equals_playing_up_to_there() {
    let files = recorded(100);
    let mut sought = player(files.clone());
    for n in [73u64, 5, 98, 0, 31, 31] {
        let at = second(n).after(Duration::from_millis(500));
        let (answer, changes) = sought.command(&replay("seek", at.0 as f64 / 1e3));
        assert!(answer.accepted);
        assert_eq!(changes, [Change::All]);
        let mut played = player(files.clone());
        played.command(&replay("play", 0.0));
        let mut left_ms = n * 1_000 + 500;
        while left_ms > 0 {
            let step = left_ms.min(100);
            played.advance(Duration::from_millis(step));
            left_ms -= step;
        }
        assert_eq!(sought.batch()[4..], played.batch()[4..], "second {n}");
        let (a, mut b) = (sought.snapshot(), played.snapshot());
        b["replay"]["playing"] = false.into();
        assert_eq!(a, b, "second {n}");
    }
}

#[test]
fn speed_pause_and_nonsense() {
    let mut p = player(recorded(30));
    for (op, value, good) in [
        ("speed", 16.0, true),
        ("speed", 17.0, false),
        ("speed", f64::NAN, false),
        ("seek", f64::INFINITY, false),
        ("rewind", 0.0, false),
        ("play", 0.0, true),
    ] {
        let (a, _) = p.command(&replay(op, value));
        assert_eq!(a.accepted, good, "{op} {value}");
    }
    p.advance(Duration::from_secs(1));
    assert_eq!(p.now(), second(16));
    p.command(&replay("pause", 0.0));
    assert!(p.advance(Duration::from_secs(9)).is_empty());
    assert_eq!(p.now(), second(16));
    let (a, _) = p.command(&Intent::Hold { aircraft: None });
    assert_eq!(a.reason.unwrap().code, "desk.replay_only");
    // Beyond either end is the end.
    p.command(&replay("seek", 0.0));
    assert_eq!(p.now(), START);
}

#[test]
fn a_tlog_of_another_station_plays_without_events_and_damage_is_counted() {
    let files = recorded(20);
    let mut tlog = files.tlog.clone();
    tlog.splice(0..0, [0xFD; 5]);
    let r = Recording::new(tlog, "{\"torn").unwrap();
    assert_eq!(r.damaged(), (1, 5));
    let mut p = Player::new(r, f64::NAN);
    p.seek(second(12));
    assert_eq!(shown_lat(&mut p), lat_e7(12));
    assert_eq!(p.snapshot()["aircraft"][0]["autopilot"], "px4");
    assert!(matches!(
        Recording::new(Vec::new(), ""),
        Err(BadRecording::Empty)
    ));
}

#[test]
fn a_recording_whose_clock_was_set_in_flight_has_no_leap() {
    let files = recorded(40);
    // The first ten seconds were stamped by a machine whose clock stood a month ahead.
    let mut tlog = Vec::new();
    let mut before = 0u64;
    for (utc, f) in link::tlog::Reader::new(&files.tlog) {
        let early = utc.0 < second(10).0;
        before += u64::from(early);
        let ahead = if early { 30 * 86_400_000_000 } else { 0 };
        tlog.extend(link::tlog::record(Utc(utc.0 + ahead), f.bytes()));
    }
    let events: String = files
        .events
        .lines()
        .map(|l| {
            let mut v: Value = serde_json::from_str(l).unwrap();
            if v["frame"].as_u64().unwrap() <= before && v["t_ms"].as_i64().unwrap() > 0 {
                v["t_ms"] = (v["t_ms"].as_i64().unwrap() + 30 * 86_400_000).into();
            }
            v.to_string() + "\n"
        })
        .collect();
    let r = Recording::new(tlog, &events).unwrap();
    let (from, until) = r.span();
    let length_s = (until.0 - from.0) / 1_000_000;
    assert!((37..=40).contains(&length_s), "{length_s} s");
    let mut p = Player::new(r, 1.0);
    p.seek(second(35));
    assert_eq!(shown_lat(&mut p), lat_e7(35));
    assert_eq!(anomalies(&p), [1, 2]);
}

/// An hour at the rate of a real link: a seek must feel immediate.
#[test]
#[cfg(not(debug_assertions))]
#[allow(clippy::disallowed_methods, reason = "it measures")]
fn a_seek_in_a_long_flight_is_short() {
    let mut p = player(recorded(3_600));
    let mut worst = Duration::ZERO;
    for n in [3_500u64, 10, 1_800, 3_599, 900] {
        let began = std::time::Instant::now();
        p.seek(second(n));
        worst = worst.max(began.elapsed());
    }
    assert!(worst < Duration::from_millis(100), "{worst:?}");
}

#[test]
fn whoever_listens_hears_every_frame_of_the_aircraft_once_in_order_and_after_a_jump_what_comes_then()
 {
    let files = recorded(30);
    let vehicle = link::tlog::Reader::new(&files.tlog)
        .map(|(_, f)| f)
        .filter(|f| f.header().system == 1)
        .map(|f| f.bytes().to_vec());
    let all: Vec<Vec<u8>> = vehicle.collect();
    assert!(all.len() > 100, "{}", all.len());
    let mut p = player(files);
    // What lies on its very first moment was there before it began to play.
    assert_eq!(p.hand_on(), None, "nothing is said while it stands still");
    p.command(&replay("play", 0.0));
    let mut heard = Vec::new();
    while p.playing() {
        p.advance(Duration::from_millis(700));
        heard.extend(std::iter::from_fn(|| p.hand_on()));
    }
    assert!(all.ends_with(&heard), "{} of {}", heard.len(), all.len());
    assert!(heard.len() + 20 > all.len());
    p.command(&replay("seek", second(20).0 as f64 / 1e3));
    assert_eq!(p.hand_on(), None);
    p.command(&replay("play", 0.0));
    p.advance(Duration::from_secs(60));
    let late: Vec<Vec<u8>> = std::iter::from_fn(|| p.hand_on()).collect();
    assert!(
        all.ends_with(&late) && late.len() * 2 < all.len(),
        "{}",
        late.len()
    );
}
