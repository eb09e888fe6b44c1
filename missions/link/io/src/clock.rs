//! The real clock, as cores want it.

use missions::time::{Mono, Now, Reading, Utc};
use std::time::{Instant, SystemTime};

/// 2020-01-01, µs since 1970: a board without a battery wakes up before that.
const BELIEVABLE_US: i64 = 1_577_836_800_000_000;

/// Time since it was made, and UTC where the machine has it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts at [`Mono::ZERO`].
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "a shell owns the clock")]
    pub fn start() -> Self {
        Clock {
            start: Instant::now(),
        }
    }
    /// Now.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "a shell owns the clock")]
    pub fn now(&self) -> Now {
        let utc = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .and_then(|d| i64::try_from(d.as_micros()).ok())
            .filter(|us| *us > BELIEVABLE_US);
        Now {
            mono: Mono(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)),
            utc: utc.map_or(Reading::Missing, |us| Reading::Valid(Utc(us))),
        }
    }
}
