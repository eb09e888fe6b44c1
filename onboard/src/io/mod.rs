//! The shell: sockets, serial lines, files, processes and the real clock. Does nothing clever.

pub mod disk;
pub mod endpoint;
mod eyes;
mod ports;
pub mod run;
