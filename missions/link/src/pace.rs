//! How fast a line carries: the ground measures it, the aircraft keeps to it.
//!
//! A queue that grows on the way shows as frames that come later than at best; loss alone does not, so that a radio that
//! loses half is not taken for a slow one. The times are those under which frames were signed, so that nothing is sent to
//! measure. After Google's congestion control (draft-ietf-rmcat-gcc-02: 0.85 of what arrives when a queue grows, slowly more
//! while none does), by the delay itself as LEDBAT has it (RFC 6817).

use crate::frame::Frame;
use crate::patrol::PATROL_LINE_DATA;
use crate::signing::signed_at;
use missions::time::Mono;
use std::time::Duration;

/// What is heard is told so often.
pub const EVERY: Duration = Duration::from_millis(500);
/// The least delay is that of the last one to two of these, heard.
const FLOOR_LIFE: Duration = Duration::from_secs(30);
/// No radio keeps a frame longer: that is a clock that stepped, milliseconds.
const MOST_LATE_MS: i64 = 10_000;
/// A queue cannot grow faster than time goes; a clock can. So much more, and it was the clock, milliseconds.
const STEP_MS: i64 = 150;
/// Frames later than this: the line is full. Earlier than that: it has room. Milliseconds.
const FULL_MS: u16 = 120;
const ROOM_MS: u16 = 60;
/// Of what arrives over a full line so much is sent, and more by this factor with each report while there is room.
const BACK_OFF: f64 = 0.85;
const GO_ON: f64 = 1.05;
/// A rate that is not used so far tells nothing about whether more would pass.
const USED: f64 = 0.6;

/// What is heard on a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Bytes a second.
    pub bytes_per_s: u32,
    /// How long the least delayed frame waited beyond the least delay known, milliseconds; `None`: not known.
    pub late_ms: Option<u16>,
}

impl Heard {
    /// As a message to that aircraft.
    #[must_use]
    pub fn to_data(self, system: u8) -> PATROL_LINE_DATA {
        PATROL_LINE_DATA {
            heard: self.bytes_per_s,
            late_ms: self.late_ms.unwrap_or(u16::MAX),
            target_system: system,
        }
    }
    /// From a message.
    #[must_use]
    pub fn of(d: &PATROL_LINE_DATA) -> Heard {
        Heard {
            bytes_per_s: d.heard,
            late_ms: (d.late_ms != u16::MAX).then_some(d.late_ms),
        }
    }
}

/// The ground's ear on one line.
#[derive(Clone, Debug, Default)]
pub struct Ear {
    since: Option<Mono>,
    bytes: usize,
    /// Least delay in this window, by two clocks that were never set to each other, milliseconds.
    least: Option<i64>,
    /// That of the window before, and when that one ended.
    before: Option<(i64, Mono)>,
    /// Least delays known: of this and of the [`FLOOR_LIFE`] before.
    floors: [Option<i64>; 2],
    floor_heard: Duration,
}

impl Ear {
    /// A frame came that is to be believed.
    pub fn hears(&mut self, now: Mono, frame: &Frame) {
        self.since.get_or_insert(now);
        self.bytes += frame.bytes().len();
        let Some(sent) = signed_at(frame).and_then(|t| i64::try_from(t / 100).ok()) else {
            return;
        };
        let late = i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX) - sent;
        self.least = Some(self.least.map_or(late, |l| l.min(late)));
    }

    /// What to tell now: half a second after something was first heard since the last report.
    pub fn report(&mut self, now: Mono) -> Option<Heard> {
        let since = self.since?;
        let took = now.since(since);
        if took < EVERY {
            return None;
        }
        self.since = None;
        let bytes = std::mem::take(&mut self.bytes);
        let late_ms = self.least.take().map(|least| {
            self.know(now, least, took);
            let floor = self.floors.iter().flatten().min().copied();
            u16::try_from(least - floor.unwrap_or(least)).unwrap_or(u16::MAX - 1)
        });
        Some(Heard {
            bytes_per_s: (bytes as f64 / took.as_secs_f64()) as u32,
            late_ms,
        })
    }

    fn know(&mut self, now: Mono, least: i64, took: Duration) {
        let floor = self.floors.iter().flatten().min().copied();
        let stepped = self.before.is_some_and(|(b, at)| {
            let passed = i64::try_from(now.since(at).as_millis()).unwrap_or(i64::MAX);
            least.saturating_sub(b) > passed.saturating_add(STEP_MS)
        }) || floor.is_some_and(|f| least.saturating_sub(f) > MOST_LATE_MS);
        self.before = Some((least, now));
        if stepped {
            self.floors = [None; 2];
            self.floor_heard = Duration::ZERO;
        }
        self.floor_heard += took;
        let [this, last] = &mut self.floors;
        if self.floor_heard > FLOOR_LIFE {
            self.floor_heard = Duration::ZERO;
            *last = this.take();
        }
        *this = Some(this.map_or(least, |f| f.min(least)));
    }
}

/// The rate to keep to after a report, bytes a second; `None`: as fast as it comes. `now`: the rate in force.
#[must_use]
pub fn rate_after(now: Option<f64>, heard: Heard) -> Option<f64> {
    let arrives = f64::from(heard.bytes_per_s);
    match (heard.late_ms, now) {
        (Some(late), now) if late > FULL_MS => {
            let less = BACK_OFF * arrives;
            Some(now.map_or(less, |r| r.min(less)))
        }
        (Some(late), Some(r)) if late < ROOM_MS && arrives > USED * r => Some(r * GO_ON),
        (_, now) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::{HEARTBEAT_DATA, MavMessage};
    use crate::frame::Stamper;
    use crate::journal::MemDisk;
    use crate::signing::{Key, Seal};
    use missions::time::{Now, Reading};
    use std::collections::VecDeque;

    /// A sender that always has something to say, a radio of `capacity` bytes a second that keeps half a second and drops
    /// the rest, and loses one frame in `loses_one_in`. Rate kept to after each report, and the longest wait since then.
    fn flown(capacity: f64, loses_one_in: u64, seconds: u64) -> Vec<(Option<f64>, f64)> {
        let mut disk = MemDisk::default();
        let mut seal = Seal::open(&mut disk, "seal", Key::new([1; 32]), 0).unwrap();
        let mut stamper = Stamper::new(1, 191);
        let mut ear = Ear::default();
        let mut air: VecDeque<(u64, Frame)> = VecDeque::new();
        let (mut rate, mut room, mut free_us, mut longest_s) = (None, 0.0f64, 0u64, 0.0f64);
        let (mut n, mut out) = (0u64, Vec::new());
        for ms in 0..seconds * 1_000 {
            let now = Mono::from_millis(ms);
            // No clock: the times go on all the same.
            seal.tend(
                Now {
                    mono: now,
                    utc: Reading::Missing,
                },
                &mut disk,
            );
            room = (room + rate.unwrap_or(80_000.0) / 1_000.0).min(200.0);
            while room > 0.0 {
                // As often as anything happens aboard: times must not run fast for it.
                seal.tend(
                    Now {
                        mono: now,
                        utc: Reading::Missing,
                    },
                    &mut disk,
                );
                let f = seal
                    .sign(&stamper.frame(MavMessage::HEARTBEAT(HEARTBEAT_DATA::default())))
                    .unwrap();
                room -= f.bytes().len() as f64;
                let start = free_us.max(ms * 1_000);
                if start - ms * 1_000 > 500_000 {
                    continue;
                }
                longest_s = longest_s.max((start - ms * 1_000) as f64 * 1e-6);
                free_us = start + (f.bytes().len() as f64 / capacity * 1e6) as u64;
                n += 1;
                if n % loses_one_in != 0 {
                    air.push_back((free_us + 30_000 + n * 7_919 % 20_000, f));
                }
            }
            while air.front().is_some_and(|(t, _)| *t <= ms * 1_000) {
                let (_, f) = air.pop_front().unwrap();
                ear.hears(now, &f);
            }
            if let Some(h) = ear.report(now) {
                rate = rate_after(rate, h);
                out.push((rate, longest_s));
                longest_s = 0.0;
            }
        }
        out
    }

    #[test]
    fn a_slow_line_is_found_within_two_seconds_and_kept_nearly_full_with_a_short_queue() {
        let told = flown(7_200.0, u64::MAX, 60);
        assert!(told.get(3).unwrap().0.is_some(), "{:?}", told.get(3));
        let kept: Vec<_> = told.get(12..).unwrap().to_vec();
        let mean = kept.iter().filter_map(|k| k.0).sum::<f64>() / kept.len() as f64;
        assert!((0.85 * 7_200.0..1.02 * 7_200.0).contains(&mean), "{mean}");
        let waited = kept.iter().map(|k| k.1).fold(0.0, f64::max);
        assert!(waited < 0.35, "{waited} s");
    }

    #[test]
    fn a_radio_that_loses_every_second_frame_and_has_room_is_not_slowed() {
        assert!(flown(400_000.0, 2, 20).iter().all(|(r, _)| r.is_none()));
    }

    #[test]
    fn a_clock_that_steps_is_no_queue() {
        let mut disk = MemDisk::default();
        let mut seal = Seal::open(&mut disk, "seal", Key::new([1; 32]), 0).unwrap();
        let mut stamper = Stamper::new(1, 191);
        let mut ear = Ear::default();
        let mut told = Vec::new();
        // The ground's clock leaps by an hour, and by three seconds, as of a sender that was started again.
        for ms in 0..30_000u64 {
            let sent = Mono::from_millis(ms);
            seal.tend(
                Now {
                    mono: sent,
                    utc: Reading::Missing,
                },
                &mut disk,
            );
            let leaps = (ms / 10_000).min(1) * 3_600_000 + (ms / 20_000).min(1) * 3_000;
            let now = Mono::from_millis(ms + leaps);
            if ms % 100 == 0 {
                ear.hears(
                    now,
                    &seal
                        .sign(&stamper.frame(MavMessage::HEARTBEAT(HEARTBEAT_DATA::default())))
                        .unwrap(),
                );
            }
            told.extend(ear.report(now));
        }
        assert!(told.len() > 40);
        let late = told
            .iter()
            .filter(|h| h.late_ms.is_some_and(|l| l > FULL_MS));
        assert_eq!(late.count(), 0, "{told:?}");
    }

    #[test]
    fn a_report_survives_its_message() {
        for late_ms in [None, Some(0), Some(417)] {
            let h = Heard {
                bytes_per_s: 6_100,
                late_ms,
            };
            assert_eq!(Heard::of(&h.to_data(3)), h);
        }
    }
}
