//! One multicopter: what the air, the motors, the battery and gravity do to it, and the cascade that flies it.
//!
//! Everything is in metres north, east, down of the place where it was switched on. Stepped by a fixed 10 ms. Knows
//! nothing of MAVLink, modes or missions: it is told where to go ([`guide::Guide`]) and says where it truly is
//! ([`Body`]) and what its sensors claim ([`sensors::Sensors`]).

pub mod battery;
pub mod body;
pub mod control;
pub mod guide;
pub mod sensors;
pub mod spec;

pub use body::Body;
pub use spec::AirframeSpec;

#[cfg(test)]
mod tests;
