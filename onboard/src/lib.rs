//! The companion computer: gate, guard, flight, eyes.

pub mod eyes;
