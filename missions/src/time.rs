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

impl Utc {
    /// From RFC 3339: `2026-10-01T12:02:00Z`, or with an offset; fractions of a second down to 1 µs are kept.
    /// `None` when it is no such time.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Utc> {
        let digits = |a: usize, b: usize| {
            let part = text.get(a..b)?;
            part.bytes()
                .all(|c| c.is_ascii_digit())
                .then(|| part.parse::<i64>().ok())?
        };
        let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
        let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
        let marks = [
            text.get(4..5)?,
            text.get(7..8)?,
            text.get(10..11)?,
            text.get(13..14)?,
            text.get(16..17)?,
        ];
        if !matches!(marks, ["-", "-", "T" | "t" | " ", ":", ":"])
            || !(1..=12).contains(&month)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let month_days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        };
        if !(1..=month_days).contains(&day) {
            return None;
        }
        let rest = text.get(19..)?;
        let zone_at = rest.find(['Z', 'z', '+', '-'])?;
        let micros = match rest.get(..zone_at)? {
            "" => 0,
            fraction => {
                let d = fraction.strip_prefix('.')?;
                if d.is_empty() || !d.bytes().all(|c| c.is_ascii_digit()) {
                    return None;
                }
                let six: String = d.chars().chain("000000".chars()).take(6).collect();
                six.parse::<i64>().ok()?
            }
        };
        let zone = rest.get(zone_at..)?;
        let offset_min = if zone.eq_ignore_ascii_case("z") {
            0
        } else {
            let part = |a: usize, b: usize| {
                let t = zone.get(a..b)?;
                t.bytes()
                    .all(|c| c.is_ascii_digit())
                    .then(|| t.parse::<i64>().ok())?
            };
            if zone.len() != 6 || zone.get(3..4)? != ":" {
                return None;
            }
            let minutes = part(1, 3)? * 60 + part(4, 6)?;
            if zone.starts_with('-') {
                -minutes
            } else {
                minutes
            }
        };
        // Days from civil (Howard Hinnant, "chrono-compatible low-level date algorithms").
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let year_of_era = y.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let seconds = days * 86_400 + hour * 3_600 + (minute - offset_min) * 60 + second;
        Some(Utc(seconds * 1_000_000 + micros))
    }

    /// As RFC 3339 in UTC, with a fraction only where there is one.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let seconds = self.0.div_euclid(1_000_000);
        let micros = self.0.rem_euclid(1_000_000);
        let (days, in_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Civil from days (same source).
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let (h, m, s) = (in_day / 3_600, in_day / 60 % 60, in_day % 60);
        let fraction = if micros == 0 {
            String::new()
        } else {
            format!(".{micros:06}").trim_end_matches('0').to_owned()
        };
        format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}{fraction}Z")
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_evening_of_the_show_reads_as_it_is_written() {
        let t = Utc::from_rfc3339("2026-10-01T20:00:00+08:00").unwrap();
        assert_eq!(t, Utc(1_790_856_000_000_000));
        assert_eq!(t.to_rfc3339(), "2026-10-01T12:00:00Z");
        for bad in [
            "2026-02-30T00:00:00Z",
            "2026-10-01",
            "2026-10-01T12:00:00",
            "２026-10-01T12:00:00Z",
            "",
        ] {
            assert_eq!(Utc::from_rfc3339(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn times_survive_writing(us in -60_000_000_000_000_000i64..250_000_000_000_000_000) {
            prop_assert_eq!(Utc::from_rfc3339(&Utc(us).to_rfc3339()), Some(Utc(us)));
        }
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Utc::from_rfc3339(&text);
        }
    }
}
