//! The ground station: plans, launches, watches, records, replays.
//!
//! `desk`, `evidence`, `incidents`, `people`, `replay` and `report` are cores; `console`, `record` and `cli` are the shell around them. Only `rehearse` names the other two
//! programs.

pub mod cli;
pub mod console;
pub mod desk;
pub mod draw;
pub mod evidence;
pub mod incidents;
pub mod people;
pub mod record;
pub mod rehearse;
pub mod replay;
pub mod report;
