//! A recording read back: at any moment of it, what the officer's page showed.
//!
//! A core: the recording's bytes and the passing of time are arguments. Positions come from the frames by the same code
//! as in flight; anomalies, plan, preflight and log from `events.jsonl`. Sends nothing to anybody.

pub mod again;
pub mod import;
mod index;
mod player;
#[cfg(test)]
mod tests;

pub use index::{BadRecording, Recording};
pub use player::{Change, Player};
