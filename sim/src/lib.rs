//! A deterministic world with aircraft, autopilots, a camera, a Remote ID receiver and a radio.
//!
//! As a library it is stepped in virtual time: one seed gives one trace. Knows nothing of `onboard` or
//! `ground-station`: they meet it through bytes only.

pub mod camera;
pub mod oracle;
pub mod radio;
pub mod scenario;
pub mod site;
pub mod world;
