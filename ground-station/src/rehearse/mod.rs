//! The whole house in virtual time, flown by a scripted officer and judged by oracles; and the children of `demo`.
//!
//! The only module of the ground station that names `sim` and `onboard`. Nothing here flies a real aircraft: the
//! officer's script alone is also used over a real link (`ground-station fly`), and it commands nothing an officer
//! could not.

pub mod again;
pub mod campaign;
pub mod children;
pub mod fleet;
pub mod headless;
pub mod officer;
pub mod plan;
pub mod play;
mod record;
pub mod rig;
pub mod sabotage;
pub mod study;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod turnaround;

pub use headless::{HeadlessOptions, Progress, fly};
pub use rig::{Rig, RigConfig};
pub use sim::autopilot::AutopilotKind;
pub use sim::scenario::Scenario;
pub use summary::Summary;
