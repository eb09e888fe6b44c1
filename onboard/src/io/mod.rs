//! The shell: processes and the main loop; lines, files and the clock are `link_io`'s. Does nothing clever.

mod eyes;
mod log;
pub mod run;
