//! The shell: the world kept in pace with the real clock, its lines and its camera. Does nothing clever.

mod camera;
mod pace;
pub mod run;
