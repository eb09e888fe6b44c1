//! The record of a flight, as both sides keep it: files that only grow, and beside them a chain that signs them second by
//! second. The desk and the companion write the same format; `docs/record.md` is its description.
//!
//! A core: disk, time and key are arguments. There is no call that deletes.

pub mod chain;
pub mod heads;
pub mod key;
pub mod logfile;
