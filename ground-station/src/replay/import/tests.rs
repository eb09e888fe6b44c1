//! Real logs of other people, held against what pyulog and pymavlink say of them (`SOURCES.md` beside the files), and
//! damaged ones.

use super::*;
use crate::replay::{Player, Recording};
use missions::time::Utc;
use std::path::PathBuf;

fn log(name: &str) -> Option<Vec<u8>> {
    let data = std::env::var_os("PATROL_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let file = data.join("logs").join(name);
    if file.is_file() {
        return Some(std::fs::read(file).unwrap());
    }
    assert!(
        std::env::var_os("CI").is_none_or(|v| v != "true"),
        "{name} is missing in CI"
    );
    println!("skipped: {name} is not here");
    None
}

/// Latitude and longitude of the first and the last position, the length in seconds, the start.
fn shown(bytes: &[u8]) -> ([f64; 4], f64, Utc) {
    let i = import(bytes).unwrap();
    let r = Recording::new(i.tlog, &i.events).unwrap();
    assert_eq!(r.damaged(), (0, 0));
    let (from, to) = r.span();
    let mut p = Player::new(r, 1.0);
    // The first moments have no fix yet.
    let mut first = None;
    let mut at = from;
    while first.is_none() && at < to {
        p.seek(at);
        first = p.aircraft().first().and_then(|a| a.telemetry.position);
        at = Utc(at.0 + 500_000);
    }
    p.seek(to);
    let place = |p: &link::telemetry::Position| [p.at.lat_deg(), p.at.lon_deg()];
    let [a, b] = place(&first.unwrap().0);
    let last = p
        .aircraft()
        .first()
        .and_then(|a| a.telemetry.position)
        .unwrap();
    let [c, d] = place(&last.0);
    assert_eq!(p.aircraft().len(), 1);
    ([a, b, c, d], (to.0 - from.0) as f64 * 1e-6, from)
}

#[test]
fn px4_s_logs_are_where_and_as_long_as_pyulog_says() {
    for (name, lat, lon, seconds) in [
        ("pyulog_sample_px4_events.ulg", 47.3977, 8.5456, 31.0),
        // Its header is of the start of the day; what it logged is short.
        ("pyulog_sample_log_small.ulg", 63.4170, 10.4082, 6.5),
        ("px4ulogrs_6ba1abc7.ulg", 40.7423, -74.1793, 29.0),
    ] {
        let Some(bytes) = log(name) else { continue };
        let (places, length_s, _) = shown(&bytes);
        let [a, b, c, d] = places;
        for (is, should) in [(a, lat), (b, lon), (c, lat), (d, lon)] {
            assert!((is - should).abs() < 2e-4, "{name}: {places:?}");
        }
        assert!((length_s - seconds).abs() < 3.0, "{name}: {length_s} s");
    }
}

#[test]
fn ardupilot_s_log_is_where_pymavlink_says() {
    let Some(bytes) = log("pymavlink_test_dataflash.BIN") else {
        return;
    };
    let ([lat, lon, ..], length_s, from) = shown(&bytes);
    assert!(
        (lat + 35.3626).abs() < 2e-4 && (lon - 149.1653).abs() < 2e-4,
        "{lat} {lon}"
    );
    assert!(length_s < 5.0, "{length_s} s");
    println!("starts {}", from.to_rfc3339());
}

#[test]
fn a_tlog_of_somebody_else_is_taken_as_it_is() {
    let Some(bytes) = log("uavlogviewer_vtol.tlog") else {
        return;
    };
    let (places, length_s, from) = shown(&bytes);
    assert!((places[0] + 35.363).abs() < 0.01, "{places:?}");
    assert!((length_s - 208.0).abs() < 2.0, "{length_s} s");
    assert!(
        from.to_rfc3339().starts_with("2018-08-08T14:06"),
        "{}",
        from.to_rfc3339()
    );
}

#[test]
fn a_log_that_says_nowhere_where_it_was_is_refused_in_words() {
    assert_eq!(import(b"hello"), Err(BadLog::Unknown));
    assert_eq!(import(b""), Err(BadLog::Unknown));
    if let Some(bytes) = log("yulelog_short_list.ulg") {
        assert_eq!(import(&bytes), Err(BadLog::NoPosition));
    }
}

/// Every log that lies there, whoever wrote it: taken and played from end to end, or refused in words. Prints its figures.
#[test]
fn every_log_there_is_plays_or_is_refused_in_words() {
    for (name, frames, seconds, aircraft) in [
        ("dronekit_flight.tlog", 70_000, 1_377.0, 1),
        ("uavlogviewer_vtol.tlog", 23_000, 208.0, 1),
        // One message, and nobody's heartbeat.
        ("pymavlink_mav2_battery_status.tlog", 1, 0.0, 0),
        ("px4ulogrs_6ba1abc7.ulg", 300, 29.0, 1),
        ("pyulog_sample_log_small.ulg", 50, 6.5, 1),
        ("pyulog_sample_px4_events.ulg", 300, 31.0, 1),
        ("pymavlink_test_dataflash.BIN", 10, 1.5, 1),
    ] {
        let Some(bytes) = log(name) else { continue };
        let i = import(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let damaged = i.damaged;
        let r = Recording::new(i.tlog, &i.events).unwrap();
        let (n, (from, to)) = (r.frames(), r.span());
        let length_s = (to.0 - from.0) as f64 * 1e-6;
        let mut p = Player::new(r, 1.0);
        for share in 0..=20 {
            p.seek(Utc(from.0 + (to.0 - from.0) / 20 * share));
            assert!(!p.batch().is_empty() || p.aircraft().is_empty());
        }
        println!(
            "{name}: {n} frames, {length_s:.1} s, {} aircraft, {}",
            p.aircraft().len(),
            if damaged { "damaged in part" } else { "whole" }
        );
        assert!(n >= frames, "{name}: {n} frames");
        assert!((length_s - seconds).abs() < 3.0, "{name}: {length_s} s");
        assert_eq!(p.aircraft().len(), aircraft, "{name}");
    }
    for (name, why) in [
        ("yulelog_short_list.ulg", BadLog::NoPosition),
        ("nodemavlink_GH-5_rawstream.raw", BadLog::NoTimes),
        ("pymavlink_common.pcapng", BadLog::Capture),
        ("pymavlink_gps_raw_int.pcapng", BadLog::Capture),
        ("ardupilot_loganalyzer_nan.log", BadLog::Unknown),
        ("dronekit_fake-gps-data_nmea.log", BadLog::Unknown),
    ] {
        if let Some(bytes) = log(name) {
            assert_eq!(import(&bytes).map(|i| i.tlog.len()), Err(why), "{name}");
        }
    }
}

/// Flipped, cut and spliced logs: an error or part of the flight, never a panic that gets out, never a position off the
/// globe.
#[test]
fn damaged_logs_break_nothing() {
    use rand::{RngExt, SeedableRng};
    for name in [
        "pyulog_sample_px4_events.ulg",
        "pymavlink_test_dataflash.BIN",
    ] {
        let Some(whole) = log(name) else { continue };
        for seed in 0..25 {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let mut bytes = whole.clone();
            for _ in 0..rng.random_range(1..20) {
                let at = rng.random_range(7..bytes.len());
                bytes[at] = rng.random();
            }
            bytes.truncate(rng.random_range(1_000..=bytes.len()));
            if let Ok(i) = import(&bytes) {
                let r = Recording::new(i.tlog, &i.events).unwrap();
                assert_eq!(r.damaged(), (0, 0));
            }
        }
    }
}
