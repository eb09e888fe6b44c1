//! A flight recorded in virtual time, and what its files hold.

use super::*;
use crate::desk::{DeskConfig, DeskIn, DeskOut};
use link::common::{
    ATTITUDE_DATA, GLOBAL_POSITION_INT_DATA, HEARTBEAT_DATA, MavAutopilot, MavMessage as Common,
    SYSTEM_TIME_DATA,
};
use link::frame::Stamper;
use link::journal::MemDisk;
use link::state::anomaly_to_message;
use missions::anomaly::{AnomalyKind, Ellipse, Priority};
use missions::place::LatLon;
use missions::time::Now;

/// A recorder's setup with the key of the tests.
pub(crate) fn setup(dir: &Path, rrd: bool) -> RecorderSetup {
    RecorderSetup {
        dir: dir.to_owned(),
        signer: Signer::from_seed(&[7; 32]),
        syncing: Syncing::Always,
        seal: true,
        venue: Venue::sixi_river(),
        rerun: None,
        rrd,
    }
}

/// UTC at the start of the flights below.
pub(crate) const START: Utc = Utc(1_790_856_000_000_000);
/// The store the anomalies below are from.
pub(crate) const STORE: u64 = 5;

/// Latitude at a second of the flight, degrees × 10⁷: it goes north.
pub(crate) fn lat_e7(second: u64) -> i32 {
    277_870_000 + i32::try_from(second).unwrap() * 450
}

/// What an aircraft says in one second of its flight, as bytes.
pub(crate) fn second_of_flight(s: &mut Stamper, second: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let ms = u32::try_from(second * 1_000).unwrap();
    for m in [
        Common::HEARTBEAT(HEARTBEAT_DATA {
            autopilot: MavAutopilot::MAV_AUTOPILOT_PX4,
            ..HEARTBEAT_DATA::default()
        }),
        Common::SYSTEM_TIME(SYSTEM_TIME_DATA {
            time_unix_usec: u64::try_from(START.0).unwrap() + second * 1_000_000,
            time_boot_ms: ms,
        }),
        Common::GLOBAL_POSITION_INT(GLOBAL_POSITION_INT_DATA {
            time_boot_ms: ms,
            lat: lat_e7(second),
            lon: 1_200_910_000,
            alt: 100_000,
            relative_alt: 60_000,
            vx: 500,
            hdg: 0,
            ..GLOBAL_POSITION_INT_DATA::default()
        }),
        Common::ATTITUDE(ATTITUDE_DATA {
            time_boot_ms: ms,
            ..ATTITUDE_DATA::default()
        }),
    ] {
        bytes.extend_from_slice(s.frame(m).bytes());
    }
    bytes
}

/// An anomaly of the flights below.
pub(crate) fn anomaly(number: u32) -> Anomaly {
    Anomaly {
        number,
        kind: AnomalyKind::UnknownDrone,
        priority: Priority::Urgent,
        rule: "unknown-drone".into(),
        subject: "X".into(),
        first_seen: START,
        flagged: START,
        at: LatLon::from_degrees(27.787, 120.091).unwrap(),
        alt_amsl_m: Some(130.0),
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

/// A frame with an anomaly.
pub(crate) fn anomaly_frame(s: &mut Stamper, number: u32) -> Vec<u8> {
    s.frame(anomaly_to_message(STORE, &anomaly(number)))
        .bytes()
        .to_vec()
}

/// Records a flight of so many seconds with an anomaly every 20th; returns frames recorded.
pub(crate) fn fly(dir: &Path, seconds: u64, rrd: bool) -> u64 {
    let mut r = Recorder::create(setup(dir, rrd)).unwrap();
    let mut desk = Desk::new(DeskConfig::default(), Box::new(MemDisk::default())).unwrap();
    let mut autopilot = Stamper::new(1, 1);
    let mut companion = Stamper::new(1, 191);
    for second in 0..seconds {
        let now = Now::new(
            Mono::from_millis(second * 1_000),
            Utc(START.0 + i64::try_from(second).unwrap() * 1_000_000),
        );
        let mut said = vec![second_of_flight(&mut autopilot, second)];
        if second % 20 == 10 {
            let number = u32::try_from(second / 20 + 1).unwrap();
            said.push(anomaly_frame(&mut companion, number));
        }
        for bytes in said {
            r.frame(desk.utc_at(now), &bytes);
            desk.handle(
                now,
                DeskIn::Bytes {
                    link: 0,
                    bytes: &bytes,
                },
            );
        }
        while let Some(out) = desk.poll() {
            match out {
                DeskOut::Bytes { bytes, .. } => r.frame(desk.utc(), &bytes),
                DeskOut::Event(e) => r.event(&e, &desk),
            }
        }
    }
    let hold = Intent::Hold { aircraft: None };
    r.intent(desk.utc(), &hold, &Answer::yes());
    assert_eq!(r.next_trouble(), None);
    let frames = r.frames();
    assert_eq!(r.finish().unwrap(), Vec::<String>::new());
    frames
}

#[test]
fn every_frame_is_in_the_tlog_and_every_line_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let frames = fly(dir.path(), 60, true);
    let files = read_folder(dir.path()).unwrap();
    let mut reader = link::tlog::Reader::new(&files.tlog);
    assert_eq!(reader.by_ref().count() as u64, frames);
    assert_eq!(reader.skipped, 0);
    let (lines, bad) = line::read(&files.events);
    assert_eq!(bad, 0);
    assert!(lines.iter().all(|l| l.frame <= frames));
    let count = |f: fn(&Fact) -> bool| lines.iter().filter(|l| f(&l.fact)).count();
    assert_eq!(count(|f| matches!(f, Fact::Anomaly { new: true, .. })), 3);
    assert_eq!(count(|f| matches!(f, Fact::Intent { .. })), 1);
    assert_eq!(count(|f| matches!(f, Fact::Venue { .. })), 1);
    assert!(matches!(&lines[0].fact, Fact::Recording { format, .. } if format == FORMAT));
    let rrd = std::fs::read(dir.path().join(RRD)).unwrap();
    assert_eq!(&rrd[..3], b"RRF");
    // The same folder again: nothing recorded is replaced, and the next one goes beside it.
    assert!(Recorder::create(setup(dir.path(), false)).is_err());
    assert_eq!(read_folder(dir.path()).unwrap().tlog, files.tlog);
    let beside = fresh(dir.path()).unwrap();
    assert_ne!(beside, dir.path());
    assert_eq!(fresh(&beside).unwrap(), beside);
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_frames() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = Recorder::create(setup(dir.path(), false)).unwrap();
    let mut s = Stamper::new(1, 1);
    let bytes: Vec<u8> = (0..5).flat_map(|n| second_of_flight(&mut s, n)).collect();
    for (piece, n) in bytes.chunks(7).zip(0i64..) {
        r.take(Entry::Bytes {
            stream: 0,
            utc: START.after(std::time::Duration::from_millis(u64::try_from(n).unwrap())),
            bytes: piece.to_vec(),
        });
    }
    assert_eq!(r.frames(), 20);
    r.finish().unwrap();
    let files = read_folder(dir.path()).unwrap();
    let back: Vec<u8> = link::tlog::Reader::new(&files.tlog)
        .flat_map(|(_, f)| f.bytes().to_vec())
        .collect();
    assert_eq!(back, bytes);
}

#[test]
fn a_picture_is_named_by_its_hash_and_nothing_else_becomes_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = Recorder::create(setup(dir.path(), false)).unwrap();
    let sha256 = "ab".repeat(32);
    for name in [sha256.clone(), "../../../x".into()] {
        r.take(Entry::Picture {
            utc: START,
            sha256: name,
            bytes: b"jpeg".to_vec(),
        });
    }
    assert!(r.next_trouble().is_some());
    assert_eq!(r.finish().unwrap().len(), 1);
    let kept = std::fs::read(dir.path().join(PICTURES).join(format!("{sha256}.jpg")));
    assert_eq!(kept.unwrap(), b"jpeg");
    assert_eq!(
        std::fs::read_dir(dir.path().join(PICTURES))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn folders_never_repeat_and_the_newest_recording_is_found() {
    let dir = tempfile::tempdir().unwrap();
    assert!(find(dir.path()).is_err());
    let a = new_folder(dir.path(), START).unwrap();
    let b = new_folder(dir.path(), START).unwrap();
    assert_ne!(a, b);
    fly(&a, 1, false);
    assert_eq!(find(dir.path()).unwrap(), a);
    fly(&b, 1, false);
    assert_eq!(find(dir.path()).unwrap(), b);
    assert_eq!(find(&a).unwrap(), a);
}

#[test]
fn a_viewer_that_is_not_there_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = Recorder::create(RecorderSetup {
        // Port 9 is "discard": nobody listens there.
        rerun: Some("rerun+http://127.0.0.1:9/proxy".into()),
        syncing: Syncing::AtEnd,
        ..setup(dir.path(), false)
    })
    .unwrap();
    let mut s = Stamper::new(1, 1);
    for second in 0..3_000 {
        let at = Utc(START.0 + second * 1_000_000);
        r.frame(
            at,
            &second_of_flight(&mut s, u64::try_from(second).unwrap()),
        );
    }
    assert_eq!(r.frames(), 12_000);
    assert_eq!(r.finish().unwrap().len(), 1, "the viewer's trouble is told");
    let files = read_folder(dir.path()).unwrap();
    assert_eq!(link::tlog::Reader::new(&files.tlog).count(), 12_000);
}
