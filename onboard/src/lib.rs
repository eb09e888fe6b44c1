//! The companion computer: gate, guard, flight, eyes.
//!
//! [`Onboard`] is the pilot half as one core: bytes and time in, bytes out. Never opens a socket, never reads a clock,
//! never waits for the eyes.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod bulk;
pub mod cli;
pub mod config;
pub mod control;
pub mod core;
pub mod energy;
pub mod eyes;
pub mod facts;
pub mod failsafe;
mod feed;
pub mod flight;
pub mod gate;
pub mod gauge;
pub mod guard;
pub mod io;
pub mod params;
pub mod preflight;
pub mod record;
pub mod shaper;
#[cfg(test)]
mod stories;
pub mod wires;

use link::record::chain::Head;
use link::record::heads::Offer;

pub use crate::core::Onboard;
pub use config::Config;

/// Where bytes come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// The local line to the autopilot.
    Autopilot,
    /// A ground port, counted from 0.
    Ground(u8),
}

/// What the core takes in.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Bytes that arrived.
    Bytes {
        /// Where.
        port: Port,
        /// Bytes.
        bytes: &'a [u8],
    },
    /// Something from the eyes.
    Eyes(&'a eyes::schema::Up),
    /// How the eyes' process is (the shell that supervises it says so).
    EyesProcess(EyesProcess),
    /// How the companion's own log stands (the shell's recorder says so).
    Logged(&'a Logged),
    /// Time passes.
    Tick,
}

/// How the companion's own log stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logged {
    /// Its newest durable entry.
    pub head: Option<Head>,
    /// Heads of stations that are durable in it from now on, or (`false`) found no room.
    pub kept: Vec<(u8, Offer, bool)>,
    /// What went wrong with it, in plain words.
    pub trouble: Option<String>,
}

/// State of the eyes' process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EyesProcess {
    /// Not configured.
    Off,
    /// Runs (and wants its settings again after a restart).
    Running,
    /// Died; will be started again.
    Restarting,
    /// Died too often.
    Failed,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the record.
    Info,
    /// Somebody should know.
    Warn,
    /// Something failed.
    Error,
}

/// What the core wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Bytes to send.
    Bytes {
        /// Where.
        port: Port,
        /// One frame.
        bytes: Vec<u8>,
    },
    /// For the eyes; may be dropped when they are not there.
    ToEyes(eyes::schema::Down),
    /// A line for the log.
    Log(LogLevel, String),
}
