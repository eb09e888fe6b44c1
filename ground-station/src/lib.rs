//! The ground station: plans, launches, watches, records, replays.
//!
//! `desk` is the core; `console`, `record` and `cli` are the shell around it. Only `rehearse` names the other two
//! programs.

pub mod cli;
pub mod console;
pub mod desk;
pub mod draw;
pub mod record;
pub mod rehearse;
pub mod replay;
