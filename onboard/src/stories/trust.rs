//! Who is believed on a ground line.

use super::{SharedDisk, Stage, plan};
use crate::Config;
use crate::core::KEY_FILE;
use crate::facts::Kind;
use link::common::{self as c, MavMessage as Common};
use link::frame::{Frame, Stamper};
use link::journal::{Disk, MemDisk};
use link::signing::{Key, Seal, Trust};

const KEY: [u8; 32] = [7; 32];

fn config(trust: Trust) -> Config {
    Config {
        ground_trust: vec![trust],
        ..Config::default()
    }
}

fn stage(trust: Trust, disk: &SharedDisk) -> Stage {
    let mut s = Stage::with(
        Kind::Px4,
        plan(None).file().home,
        config(trust),
        disk.clone(),
    );
    // The stage's own station would speak in between.
    s.ground_silent = true;
    s
}

fn with_key() -> SharedDisk {
    let mut disk = SharedDisk::default();
    disk.replace(KEY_FILE, Key::new(KEY).to_hex().as_bytes())
        .unwrap();
    disk
}

/// What a station does that begins an upload and asks for a mode.
fn station(s: &mut Stamper) -> Vec<Frame> {
    vec![
        s.frame(Common::MISSION_COUNT(c::MISSION_COUNT_DATA {
            count: 3,
            target_system: 1,
            target_component: 1,
            mission_type: c::MavMissionType::MAV_MISSION_TYPE_MISSION,
            opaque_id: 0,
        })),
        s.frame(Common::COMMAND_LONG(c::COMMAND_LONG_DATA {
            command: c::MavCmd::MAV_CMD_NAV_RETURN_TO_LAUNCH,
            target_system: 1,
            target_component: 1,
            ..c::COMMAND_LONG_DATA::default()
        })),
    ]
}

fn asked_for_items(s: &Stage) -> bool {
    s.heard.iter().any(|f| matches!(f.header().msg_id, 40 | 51))
}

fn returns(s: &Stage) -> usize {
    s.fake.commands.iter().filter(|c| c.0 == 20).count()
}

#[test]
fn the_same_client_is_served_on_a_cable_and_dropped_on_a_signed_line() {
    for (trust, served) in [(Trust::WiredLab, true), (Trust::Signed, false)] {
        let mut s = stage(trust, &with_key());
        s.run(3.0);
        let refused = s.state.unwrap().refused_frames;
        let mut client = Stamper::new(252, 190);
        for f in station(&mut client) {
            s.bytes_to_companion(f.bytes());
        }
        s.run(1.0);
        assert_eq!(asked_for_items(&s), served, "{trust:?}");
        assert_eq!(returns(&s) > 0, served, "{trust:?}");
        // Dropped, counted, and alarmed within the second.
        let alarmed = s.said.iter().any(|t| t.contains("unsigned frames dropped"));
        assert_eq!(alarmed, !served, "{:?}", s.said);
        let more = s.state.unwrap().refused_frames - refused;
        assert_eq!(more, if served { 0 } else { 2 });
    }
}

#[test]
fn a_signed_line_without_a_key_does_not_start() {
    let none = SharedDisk::default();
    let started = crate::Onboard::new(config(Trust::Signed), Box::new(none));
    assert!(matches!(started, Err(crate::core::StartError::NoKey(0))));
}

#[test]
fn with_the_key_it_is_served_and_its_recording_is_refused_after_a_reboot() {
    let disk = with_key();
    let mut s = stage(Trust::Signed, &disk);
    s.run(3.0);
    let mut own = MemDisk::default();
    let mut seal = Seal::open(&mut own, "times", Key::new(KEY), 9).unwrap();
    seal.tend(s.now(), &mut own);
    let mut client = Stamper::new(252, 190);
    let recording: Vec<Frame> = station(&mut client)
        .iter()
        .map(|f| seal.sign(f).unwrap())
        .collect();
    for f in &recording {
        s.bytes_to_companion(f.bytes());
    }
    s.run(0.5);
    assert!(asked_for_items(&s));
    assert_eq!(returns(&s), 1);
    // What we say on that line is signed too.
    assert!(s.heard.iter().all(|f| f.header().signed));
    s.onboard = crate::Onboard::new(config(Trust::Signed), Box::new(disk.clone())).unwrap();
    s.heard.clear();
    s.run(3.0);
    for f in &recording {
        s.bytes_to_companion(f.bytes());
    }
    s.run(1.0);
    assert!(!asked_for_items(&s));
    assert_eq!(returns(&s), 1);
    assert!(s.said.iter().any(|t| t.contains("replayed frames dropped")));
    // True frames are believed again.
    seal.tend(s.now(), &mut own);
    for f in station(&mut client) {
        s.bytes_to_companion(seal.sign(&f).unwrap().bytes());
    }
    s.run(0.5);
    assert_eq!(returns(&s), 2);
}
