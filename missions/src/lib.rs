//! The shared language of the patrol: places, times, venues, fences, plans, sightings.
//!
//! Pure domain. No I/O, no async, no MAVLink, no clock: time and randomness are arguments.

pub mod anomaly;
pub mod fence;
pub mod flight;
pub mod place;
pub mod plane;
pub mod time;
pub mod vehicle;
pub mod venue;
