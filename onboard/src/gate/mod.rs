//! The gate: what may pass from the ground to the autopilot.
pub mod command;
