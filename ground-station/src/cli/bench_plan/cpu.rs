//! Seconds of the processor that this thread has used.

use link_io::Clock;

/// Where a measurement began.
pub(super) struct Stopwatch {
    spent_ns: Option<u64>,
    clock: Clock,
}

/// Nanoseconds that this thread was on a processor, as Linux tells them.
fn spent_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Stopwatch {
            spent_ns: spent_ns(),
            clock: Clock::start(),
        }
    }

    /// Seconds, and what they are seconds of.
    pub(super) fn stop(&self) -> (f64, &'static str) {
        match (self.spent_ns, spent_ns()) {
            (Some(a), Some(b)) => (b.saturating_sub(a) as f64 / 1e9, "processor"),
            _ => {
                let wall = self.clock.now().mono.since(missions::time::Mono::ZERO);
                (wall.as_secs_f64(), "wall clock")
            }
        }
    }
}
