//! The shared language of the patrol: places, times, venues, fences, plans, sightings.
//!
//! Pure domain. No I/O, no async, no MAVLink, no clock: time and randomness are arguments.

pub mod anomaly;
pub mod camera;
pub mod energy;
pub mod fence;
pub mod flight;
pub mod formats;
pub mod place;
pub mod plan;
pub mod plane;
pub mod planner;
pub mod terrain;
#[cfg(test)]
pub(crate) mod testkit;
pub mod time;
pub mod vehicle;
pub mod venue;
