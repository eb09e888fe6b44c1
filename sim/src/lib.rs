//! A deterministic world with aircraft, autopilots, a camera, a Remote ID receiver and a radio.
//!
//! As a library it is stepped in virtual time: one seed gives one trace. Knows nothing of `onboard` or
//! `ground-station`: they meet it through bytes only.

pub mod autopilot;
pub mod camera;
pub mod cli;
mod craft;
pub mod disk;
pub mod fault;
pub mod io;
pub mod oracle;
pub mod radio;
pub mod scenario;
pub mod simulation;
pub mod site;
pub mod vehicle;
pub mod world;

pub use simulation::{Sim, SimConfig, SimError, Truth};
