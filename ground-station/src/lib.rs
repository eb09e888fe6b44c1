//! The ground station: plans, launches, watches, records, replays.
//!
//! `desk` is the core; `console`, `cli` and `io` are the shell around it. Only `rehearse` names the other two programs.

pub mod desk;
