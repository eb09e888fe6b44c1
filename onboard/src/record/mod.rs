//! The companion's own flight log: what it heard, said, decided and saw, in the very format of the ground's record
//! (`docs/record.md`): files that only grow, and a chain beside them that signs them second by second.
//!
//! ```text
//! Onboard ─ Tap (bounded, counts what it drops) ─► shell's queue (bounded) ─► recorder's thread ─► disk
//!    ▲                                                                              │
//!    └──────────────── Input::Logged: how far it is durable, what went wrong ◄──────┘
//! ```
//!
//! The control loop only ever puts a [`Note`] into memory. A disk that is slow, full or broken costs notes, which are
//! counted in the chain and told to the ground, and never a moment of flight.

pub mod aboard;
pub mod again;
mod recorder;
#[cfg(test)]
mod tests;

pub use recorder::{AboardSetup, EVENTS, INPUTS, Recorder, TLOG};

use crate::LogLevel;
use aboard::Kind;
use link::record::chain::{ClockSource, Receipted};
use link::record::heads::Offer;
use missions::time::{Mono, Now, Utc};
use std::collections::VecDeque;

/// Notes that may wait for the shell: it fetches them after every input.
const MOST: usize = 4_096;
/// Bytes of them.
const MOST_BYTES: usize = 8 << 20;

/// Something for the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The companion's counter.
    pub mono: Mono,
    /// Its UTC; 0 before it is known.
    pub utc: Utc,
    /// What.
    pub what: What,
}

/// What is noted.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// An input of the pilot half, as it came.
    In {
        /// Of which kind.
        kind: Kind,
        /// The machine's own UTC at that moment, where it has one.
        machine: Option<Utc>,
        /// Bytes.
        bytes: Vec<u8>,
    },
    /// A frame to the autopilot.
    ToAutopilot(Vec<u8>),
    /// A message of our own to the ground, before any line's room was asked.
    ToGround(Vec<u8>),
    /// Words.
    Words(LogLevel, String),
    /// The plan in force from here on, as its bytes.
    Plan {
        /// First 8 bytes of its hash.
        id: u64,
        /// `plan.json`.
        bytes: Vec<u8>,
    },
    /// An anomaly's picture.
    Picture {
        /// SHA-256, hex.
        sha256: String,
        /// JPEG.
        bytes: Vec<u8>,
    },
    /// What the eyes took in.
    Eyes(Vec<u8>),
    /// Where [`Note::utc`] comes from.
    Clock(ClockSource, Option<Utc>),
    /// A station's head, to be kept.
    Head {
        /// The station's system.
        station: u8,
        /// Its head.
        offer: Offer,
    },
    /// A station has a head of this log.
    Receipted(Receipted),
    /// So many notes were dropped before this one.
    Dropped(u64),
}

impl What {
    fn len(&self) -> usize {
        match self {
            What::In { bytes, .. }
            | What::ToAutopilot(bytes)
            | What::ToGround(bytes)
            | What::Plan { bytes, .. }
            | What::Picture { bytes, .. }
            | What::Eyes(bytes) => bytes.len(),
            What::Words(_, words) => words.len(),
            _ => 0,
        }
    }
}

/// Notes on their way to the shell.
#[derive(Clone, Debug)]
pub struct Tap {
    on: bool,
    now: (Mono, Utc),
    waiting: VecDeque<Note>,
    bytes: usize,
    dropped: u64,
}

impl Default for Tap {
    fn default() -> Self {
        Tap {
            on: false,
            now: (Mono::ZERO, Utc(0)),
            waiting: VecDeque::new(),
            bytes: 0,
            dropped: 0,
        }
    }
}

impl Tap {
    /// From here on notes are taken.
    pub fn open(&mut self) {
        self.on = true;
    }
    /// Whether somebody logs.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.on
    }
    /// The time of what is noted next.
    pub fn at(&mut self, now: Now) {
        self.now = (now.mono, now.utc.valid().unwrap_or(Utc(0)));
    }
    /// Takes a note. Where there is no room the newest is dropped: what led to something must not be lost before it.
    pub fn note(&mut self, what: impl FnOnce() -> What) {
        if !self.on {
            return;
        }
        let what = what();
        if self.waiting.len() >= MOST || self.bytes + what.len() > MOST_BYTES {
            self.dropped += 1;
            return;
        }
        let (mono, utc) = self.now;
        if self.dropped > 0 {
            let lost = std::mem::take(&mut self.dropped);
            let what = What::Dropped(lost);
            self.waiting.push_back(Note { mono, utc, what });
        }
        self.bytes += what.len();
        self.waiting.push_back(Note { mono, utc, what });
    }
    /// The next note.
    pub fn pop(&mut self) -> Option<Note> {
        let note = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(note.what.len());
        Some(note)
    }
}
