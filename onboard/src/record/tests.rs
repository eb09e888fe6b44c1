//! The companion's own log: what is in it, what a bad disk does, and what it may cost.

use super::aboard::Reader;
use super::*;
use link::journal::{Disk, DiskError, MemDisk};
use link::patrol::MavMessage as Patrol;
use link::record::chain::CHAIN;
use link::record::key::Signer;
use missions::time::Reading;
use std::sync::{Arc, Mutex};

/// A disk that can be looked into, and that can refuse.
#[derive(Clone, Default)]
struct Shared {
    disk: Arc<Mutex<MemDisk>>,
    refuses: Arc<Mutex<bool>>,
}

impl Shared {
    fn file(&self, name: &str) -> Vec<u8> {
        self.disk.lock().unwrap().read(name).unwrap()
    }
    fn ask(&self, file: &str) -> Result<(), DiskError> {
        if *self.refuses.lock().unwrap() {
            return Err(DiskError::Full {
                doing: "writing",
                file: file.into(),
            });
        }
        Ok(())
    }
}

impl Disk for Shared {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.ask(file)?;
        self.disk.lock().unwrap().append(file, bytes)
    }
    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.ask(file)
    }
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        self.disk.lock().unwrap().read(file)
    }
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.ask(file)?;
        self.disk.lock().unwrap().replace(file, bytes)
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.disk.lock().unwrap().truncate(file, len)
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        self.disk.lock().unwrap().list()
    }
}

fn begin(disk: &Shared) -> Recorder {
    let setup = AboardSetup {
        signer: Signer::from_seed(&[3; 32]),
        flight: [5; 16],
    };
    Recorder::begin(Box::new(disk.clone()), setup).unwrap()
}

fn note(ms: u64, what: What) -> Note {
    Note {
        mono: Mono::from_millis(ms),
        utc: Utc(1_790_856_000_000_000 + i64::try_from(ms).unwrap() * 1_000),
        what,
    }
}

fn tick(ms: u64) -> Note {
    note(
        ms,
        What::In {
            kind: Kind::Tick,
            machine: None,
            bytes: Vec::new(),
        },
    )
}

#[test]
fn every_second_is_signed_and_a_head_of_the_ground_is_kept_before_it_is_receipted() {
    let disk = Shared::default();
    let mut r = begin(&disk);
    let offer = Offer {
        flight: "ab".repeat(16),
        n: 7,
        head: "cd".repeat(32),
    };
    let mut heads = 0;
    for ms in (0..10_000).step_by(50) {
        let before = r.head();
        r.take(tick(ms));
        heads += u32::from(r.head() != before);
        if ms == 5_000 {
            r.take(note(
                ms,
                What::Head {
                    station: 255,
                    offer: offer.clone(),
                },
            ));
        }
    }
    assert!((9..=11).contains(&heads), "{heads} segments in ten seconds");
    let durable = r.commit();
    assert!(durable);
    assert_eq!(r.take_heads(), [(255, offer.clone())]);
    let events = String::from_utf8(disk.file(EVENTS)).unwrap();
    let line: serde_json::Value = events
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .find(|l: &serde_json::Value| l["type"] == "head")
        .unwrap();
    assert_eq!(
        (&line["n"], &line["by"]),
        (&7.into(), &"station 255".into())
    );
    assert_eq!(
        Reader::new(&disk.file(INPUTS))
            .filter(Result::is_ok)
            .count(),
        200
    );
    r.finish().unwrap();
    assert!(!disk.file(CHAIN).is_empty());
}

#[test]
fn a_full_disk_loses_notes_says_so_once_and_the_log_goes_on_when_there_is_room() {
    let disk = Shared::default();
    let mut r = begin(&disk);
    r.take(tick(0));
    assert!(r.commit());
    *disk.refuses.lock().unwrap() = true;
    for n in 0..400u64 {
        r.take(note(n * 50, What::ToAutopilot(vec![0x55; 100_000])));
    }
    assert!(!r.commit());
    let mut words = Vec::new();
    while let Some(w) = r.next_trouble() {
        words.push(w);
    }
    assert!(!words.is_empty() && words.len() <= 5, "{words:?}");
    *disk.refuses.lock().unwrap() = false;
    r.take(tick(30_000));
    r.commit();
    r.finish().unwrap();
    // The log itself says that something is missing.
    let chain = String::from_utf8_lossy(&disk.file(CHAIN)).into_owned();
    assert!(chain.contains("\"lost\":"), "nothing lost is told");
    // The last tick is there.
    let log = disk.file(INPUTS);
    assert!(
        Reader::new(&log)
            .flatten()
            .any(|r| r.mono == Mono::from_millis(30_000))
    );
}

#[test]
fn notes_that_nobody_fetches_are_dropped_and_counted_and_nothing_is_noted_without_a_log() {
    let mut tap = Tap::default();
    tap.note(|| panic!("nobody logs"));
    tap.open();
    tap.at(Now {
        mono: Mono::from_millis(5),
        utc: Reading::NotYet,
    });
    for _ in 0..MOST + 10 {
        tap.note(|| What::ToAutopilot(vec![1]));
    }
    assert_eq!(tap.waiting.len(), MOST);
    let first = tap.pop().unwrap();
    assert_eq!((first.mono, first.utc), (Mono::from_millis(5), Utc(0)));
    tap.pop();
    tap.note(|| What::ToAutopilot(vec![2]));
    let said: Vec<_> = std::iter::from_fn(|| tap.pop()).collect();
    assert!(said.iter().any(|n| n.what == What::Dropped(10)));
    assert_eq!(tap.bytes, 0);
    // Bytes are bounded too.
    for _ in 0..100 {
        tap.note(|| What::ToAutopilot(vec![0; 1 << 20]));
    }
    assert!(tap.bytes <= MOST_BYTES);
}

#[test]
fn what_the_guard_found_and_the_gate_refused_stands_in_it_once() {
    let disk = Shared::default();
    let mut r = begin(&disk);
    let state = |ms: u32, margin_m: f32| {
        let mut stamper = link::frame::Stamper::new(1, 191);
        let mut d = link::patrol::PATROL_STATE_DATA {
            time_boot_ms: ms,
            margin_m,
            ..link::patrol::PATROL_STATE_DATA::default()
        };
        d.response = u8::from(margin_m < 5.0);
        What::ToGround(stamper.frame(Patrol::PATROL_STATE(d)).bytes().to_vec())
    };
    for ms in 0..20u32 {
        let margin = if ms < 10 { 20.0 } else { 3.0 };
        r.take(note(u64::from(ms), state(ms, margin)));
    }
    r.commit();
    let events = String::from_utf8(disk.file(EVENTS)).unwrap();
    assert_eq!(events.matches("aboard.state").count(), 2, "{events}");
    assert!(events.contains("\"response\":\"Warn\"") || events.contains("\"response\":\"warn\""));
}
