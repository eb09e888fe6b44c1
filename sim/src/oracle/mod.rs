//! Judges of a simulated flight, by the world's truth alone: never by telemetry, never with `missions::fence`.

mod completion;
mod containment;
mod deliveries;

pub use completion::{Completion, Goal};
pub use containment::{Clearance, Containment, Escape};
pub use deliveries::{Judgement, judge};
