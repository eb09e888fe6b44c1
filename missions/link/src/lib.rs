//! MAVLink without sockets.
//!
//! Framing, peers, mission transfer, commands, telemetry, receipts, logs: bytes and time in, bytes and facts out.
//! The only crate that names `mavlink::`; everyone else sees [`frame::Msg`], [`common`] and [`patrol`], or domain types.
//! Never opens a socket or a file, never reads a clock.

// Stations in the field still speak the protocol's old names (MISSION_REQUEST, MISSION_ITEM): they must be answered.
#![allow(deprecated)]

pub mod blob;
pub mod camera;
pub mod codes;
pub mod control;
pub mod frame;
pub mod items;
pub mod journal;
pub mod lines;
pub mod meaning;
pub mod orders;
pub mod pace;
pub mod pack;
pub mod reading;
pub mod receipts;
pub mod record;
pub mod signing;
pub mod state;
pub mod telemetry;
pub mod tlog;
pub mod transfer;

/// MAVLink's common dialect.
pub use mavlink::dialects::common;

/// Our own small dialect, generated from `patrol.xml`.
#[allow(
    missing_docs,
    clippy::all,
    unused,
    unexpected_cfgs,
    nonstandard_style,
    rustdoc::all
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}
pub use generated::patrol;
