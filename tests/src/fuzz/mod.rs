//! Fuzz targets: each a `fn(&[u8])` that must return, whatever it is given, without panic and without growing.
//!
//! Driven by `campaign fuzz` and a bounded test on stable Rust, and by the `cargo fuzz` crate in `tests/fuzz` (outside
//! the workspace, nightly). A target asserts what must hold of any input.
//!
//! Targets that take traffic read records: `[how][len][bytes…]`. Bit 7 of `how` clear: the bytes go in as they are. Set:
//! the bytes are a message id (3) and a payload, and go in as a frame with a right checksum, because a fuzzer seldom
//! guesses one. Bits 0 and 1: where they come in.

pub mod make;

use ground_station::desk::{Desk, DeskConfig, DeskIn};
use ground_station::replay::Recording;
use link::common::{HEARTBEAT_DATA, MavAutopilot, MavMessage, MavModeFlag, MavState, MavType};
use link::frame::{Frame, Framer, Stamper};
use link::journal::{Disk, Journal, MemDisk};
use link::receipts::{Inbox, Outbox};
use missions::time::{Mono, Now, Reading, Utc};
use onboard::{Config, Input, Onboard, Output, Port};
use std::time::Duration;

/// A target.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 6] = [
    ("decoder", decoder),
    ("gate", gate),
    ("autopilot", autopilot),
    ("desk", desk),
    ("plans", plans),
    ("logs", logs),
];

/// Records of an input that are looked at: more time is not worth more.
const MAX_RECORDS: usize = 4_096;
/// Virtual time between records.
const EACH: Duration = Duration::from_millis(3);
/// Outputs one input may cause before somebody must have gone mad.
const MAX_OUT: usize = 20_000;
const STATION: u8 = 255;

/// One record of an input, as bytes for a line.
fn records(data: &[u8], stamper: &mut Stamper) -> Vec<(u8, Vec<u8>)> {
    let mut out = Vec::new();
    let mut rest = data;
    while let Some((head, body)) = rest.split_first_chunk::<2>() {
        let [how, len] = *head;
        let (bytes, after) = body.split_at(usize::from(len).min(body.len()));
        rest = after;
        let bytes = match (how & 0x80 != 0, bytes.split_first_chunk::<3>()) {
            (true, Some(([a, b, c], payload))) => {
                let id = u32::from_le_bytes([*a, *b, *c, 0]);
                match stamper.raw(id, payload) {
                    Some(f) => f.bytes().to_vec(),
                    None => bytes.to_vec(),
                }
            }
            _ => bytes.to_vec(),
        };
        out.push((how & 3, bytes));
        if out.len() >= MAX_RECORDS {
            break;
        }
    }
    out
}

/// How many frames and pieces of noise an input holds.
#[must_use]
pub fn frames_in(data: &[u8]) -> usize {
    records(data, &mut Stamper::new(STATION, 190)).len()
}

/// Framing and decoding: what comes out of a stream is whole, and comes out the same when it is cut again.
pub fn decoder(data: &[u8]) {
    let mut stamper = Stamper::new(STATION, 190);
    let mut framer = Framer::new();
    let mut now = Mono::ZERO;
    let mut fed = 0;
    let mut got = 0;
    for (_, bytes) in records(data, &mut stamper) {
        now = now.after(EACH);
        fed += bytes.len();
        framer.push(now, &bytes);
        while let Some(f) = framer.next_frame() {
            got += f.bytes().len();
            let again = Frame::from_bytes(f.bytes());
            assert_eq!(again.as_ref(), Some(&f));
            assert!(f.payload().len() <= 255);
            let _ = (f.decode(), f.target());
        }
    }
    assert!(got <= fed && framer.bad_bytes() <= fed as u64);
}

fn beat() -> MavMessage {
    MavMessage::HEARTBEAT(HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype: MavType::MAV_TYPE_QUADROTOR,
        autopilot: MavAutopilot::MAV_AUTOPILOT_PX4,
        base_mode: MavModeFlag::empty(),
        system_status: MavState::MAV_STATE_STANDBY,
        mavlink_version: 3,
    })
}

fn aboard(mono: Mono) -> Now {
    Now {
        mono,
        utc: Reading::Missing,
    }
}

/// Messages of a station's that may reach the autopilot; commands among them are judged by number.
const MAY_PASS: [u32; 13] = [4, 11, 20, 21, 41, 75, 76, 110, 111, 117, 119, 122, 511];
/// Commands that may pass on the ground without a plan (DO_CHANGE_SPEED only to a speed the margins allow).
const COMMANDS: [u16; 15] = [
    17, 20, 21, 176, 178, 193, 207, 224, 400, 410, 510, 511, 512, 519, 520,
];

fn companion(data: &[u8], ground_first: bool) {
    let config = Config {
        ground_ports: 2,
        ..Config::default()
    };
    let Ok(mut core) = Onboard::new(config, Box::new(MemDisk::default())) else {
        return;
    };
    let mut autopilot = Stamper::new(1, 1);
    let mut station = Stamper::new(STATION, 190);
    let hello = autopilot.frame(beat());
    let mut now = Mono::from_millis(1);
    core.handle(
        aboard(now),
        Input::Bytes {
            port: Port::Autopilot,
            bytes: hello.bytes(),
        },
    );
    let mut out = 0;
    let stamper = if ground_first {
        &mut station
    } else {
        &mut autopilot
    };
    for (how, bytes) in records(data, stamper) {
        now = now.after(EACH);
        let port = match (how, ground_first) {
            (3, _) => {
                core.handle(aboard(now), Input::Tick);
                continue;
            }
            (n, true) => Port::Ground(n & 1),
            (0 | 1, false) => Port::Autopilot,
            (_, false) => Port::Ground(0),
        };
        core.handle(
            aboard(now),
            Input::Bytes {
                port,
                bytes: &bytes,
            },
        );
        while let Some(o) = core.poll() {
            out += 1;
            if let Output::Bytes {
                port: Port::Autopilot,
                bytes,
            } = o
            {
                check_passed(&bytes);
            }
        }
    }
    assert!(out < MAX_OUT + 40 * MAX_RECORDS, "{out} outputs");
}

/// Nothing in a station's name reaches the autopilot but what is on the list.
fn check_passed(bytes: &[u8]) {
    let Some(f) = Frame::from_bytes(bytes) else {
        panic!("a torn frame to the autopilot");
    };
    let h = f.header();
    if h.system == 1 || h.msg_id == 0 {
        return; // Our own: judged by the stories of the companion.
    }
    assert!(MAY_PASS.contains(&h.msg_id), "message {} passed", h.msg_id);
    if matches!(h.msg_id, 75 | 76) {
        let mut p = [0u8; 30];
        for (to, from) in p.iter_mut().zip(f.payload()) {
            *to = *from;
        }
        let command = u16::from_le_bytes([p[28], p[29]]);
        assert!(COMMANDS.contains(&command), "command {command} passed");
        if command == 178 {
            let speed = f32::from_le_bytes([p[4], p[5], p[6], p[7]]);
            assert!(speed <= 15.0, "a speed of {speed} m/s passed");
        }
        if command == 400 {
            let arm = f32::from_le_bytes([p[0], p[1], p[2], p[3]]);
            let force = f32::from_le_bytes([p[4], p[5], p[6], p[7]]);
            assert!(arm != 1.0, "arming passed without a plan");
            assert!(force == 0.0 || force.is_nan(), "forced disarming passed");
        }
    }
}

/// The gate and everything behind it, from the ground: commands, uploads, bundles, orders, receipts.
pub fn gate(data: &[u8]) {
    companion(data, true);
}

/// The companion from the autopilot's side.
pub fn autopilot(data: &[u8]) {
    companion(data, false);
}

/// The desk, from the aircraft's side.
pub fn desk(data: &[u8]) {
    let Ok(mut core) = Desk::new(DeskConfig::default(), Box::new(MemDisk::default())) else {
        return;
    };
    let mut stamper = Stamper::new(1, 191);
    let mut mono = Mono::from_millis(1);
    let mut out = 0;
    for (_, bytes) in records(data, &mut stamper) {
        mono = mono.after(EACH);
        let now = Now::new(mono, Utc(1_790_000_000_000_000));
        core.handle(
            now,
            DeskIn::Bytes {
                link: 0,
                bytes: &bytes,
            },
        );
        while core.poll().is_some() {
            out += 1;
        }
    }
    let _ = core.anomaly_views();
    assert!(out < MAX_OUT + 40 * MAX_RECORDS, "{out} outputs");
}

/// Readers of plans and venues.
pub fn plans(data: &[u8]) {
    let (kind, body) = data.split_first().unwrap_or((&0, &[]));
    let names = [
        "a.plan",
        "a.geojson",
        "a.json",
        "a.waypoints",
        "a.kml",
        "a.kmz",
        "a.poly",
        "a.txt",
    ];
    let name = names
        .get(usize::from(*kind) % names.len())
        .copied()
        .unwrap_or("a");
    let _ = missions::formats::read_any(name, body);
    let _ = missions::plan::PatrolPlan::from_json(body);
    if let Ok(text) = std::str::from_utf8(body) {
        let _ = missions::venue::Venue::from_geojson(text);
    }
    if let Some(plan) = link::pack::unpack(body) {
        assert!(plan.len() <= link::pack::MAX_PLAN);
    }
}

/// Readers of logs: journals, stores, `.tlog`, recordings. What is read is what was whole; opening again finds the same.
pub fn logs(data: &[u8]) {
    let mut disk = MemDisk::default();
    for file in ["log", "anomalies.log", "inbox.log"] {
        let _ = disk.append(file, data);
    }
    if let Ok((_, found)) = Journal::open(&mut disk, "log") {
        let again = Journal::open(&mut disk, "log").map(|(_, f)| f.records);
        assert_eq!(again, Ok(found.records));
    }
    let _ = Outbox::open(&mut disk, 1);
    let _ = Inbox::open(&mut disk, "inbox.log");
    let mut reader = link::tlog::Reader::new(data);
    let read: usize = reader.by_ref().map(|(_, f)| 8 + f.bytes().len()).sum();
    assert_eq!(read + reader.skipped, data.len());
    let half = data.len() / 2;
    let (tlog, events) = data.split_at(half);
    let _ = Recording::new(tlog.to_vec(), &String::from_utf8_lossy(events));
}
