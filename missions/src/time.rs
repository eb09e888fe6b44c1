//! Time as an argument. Nothing in this workspace's cores reads a clock.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Microseconds since the process (or the simulated world) started. Never goes backwards.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Mono(pub u64);

impl Mono {
    /// The start of time.
    pub const ZERO: Mono = Mono(0);

    /// From whole milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Mono(ms.saturating_mul(1_000))
    }

    /// Seconds since the start, for arithmetic that tolerates floating point.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 * 1e-6
    }

    /// Time since `earlier`; zero when `earlier` is in the future.
    #[must_use]
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// `self + d`, saturating at the end of time.
    #[must_use]
    pub fn after(self, d: Duration) -> Mono {
        Mono(
            self.0
                .saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

/// Microseconds since 1970-01-01T00:00:00Z, leap seconds ignored (POSIX).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Utc(pub i64);

impl Utc {
    /// `self + d`, saturating.
    #[must_use]
    pub fn after(self, d: Duration) -> Utc {
        Utc(self
            .0
            .saturating_add(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// A value that may not be known. Never a sentinel number.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub enum Reading<T> {
    /// No source has spoken yet.
    #[default]
    NotYet,
    /// The source says it does not know.
    Missing,
    /// A value.
    Valid(T),
}

impl<T: Copy> Reading<T> {
    /// The value, if there is one.
    #[must_use]
    pub fn valid(self) -> Option<T> {
        match self {
            Reading::Valid(v) => Some(v),
            Reading::NotYet | Reading::Missing => None,
        }
    }
}

/// The only time argument a core takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Now {
    /// Monotonic time: decides every timer.
    pub mono: Mono,
    /// Wall time, where a trusted source gave it: stamps records and judges validity windows.
    pub utc: Reading<Utc>,
}

impl Now {
    /// A `Now` with both clocks known.
    #[must_use]
    pub fn new(mono: Mono, utc: Utc) -> Self {
        Now {
            mono,
            utc: Reading::Valid(utc),
        }
    }
}

/// A half-open span of wall time, `from <= t < until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First instant inside.
    pub from: Utc,
    /// First instant after.
    pub until: Utc,
}

impl Window {
    /// Whether `[a, b]` touches the window at all.
    #[must_use]
    pub fn overlaps(&self, a: Utc, b: Utc) -> bool {
        a < self.until && b >= self.from
    }
}
