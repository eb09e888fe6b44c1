//! The world around the aircraft: things that stand, walk and fly, wind, and what a Remote ID receiver hears.
//!
//! Everything follows from one seed. Detectors never see this: they get frames and messages only.

pub mod director;
pub mod remote_id;
pub mod route;
pub mod things;
pub mod wind;
