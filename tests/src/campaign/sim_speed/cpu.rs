//! CPU time of this thread: what a figure on a shared machine is measured in.

use anyhow::Context;

/// CPU seconds this thread has used, of the kernel's own account (nanoseconds, brought up to date at every tick).
///
/// # Errors
/// Where the kernel does not tell: on anything but Linux.
pub fn thread_s() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")
        .context("CPU time is read from /proc")?;
    let ns: f64 = text
        .split_whitespace()
        .next()
        .context("no CPU time in /proc")?
        .parse()?;
    Ok(ns * 1e-9)
}
