//! How long an autopilot takes over a message: drawn from what real ones were seen to take.
//!
//! Without it the answer would wait for the world's 10 ms grid, and an upload of 200 items would be timed by the grid.
//! Source: times from MISSION_ITEM_INT to the next MISSION_REQUEST in captures of ArduCopter 4.7 (221 items, mean
//! 3.7 ms) and PX4 1.15 (231 items, mean 1.4 ms) on an idle line. The wait is for the next slice of the autopilot's loop,
//! which takes all that has arrived by then (ArduPilot: `GCS_MAVLINK::update_receive`), each message costing as much as
//! the quickest that were seen.

use missions::time::Mono;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::autopilot::AutopilotKind;
use std::time::Duration;

/// Deciles, ms, from least to most. ArduCopter's are of two heaps: a message meets its loop's slice or waits for the
/// next one.
const COPTER_MS: [f64; 11] = [
    0.24, 0.34, 0.42, 0.51, 0.84, 1.82, 5.92, 6.19, 6.50, 6.90, 16.46,
];
const PX4_MS: [f64; 11] = [
    0.33, 0.46, 0.57, 0.74, 0.85, 0.91, 1.06, 1.22, 1.55, 2.24, 13.23,
];
/// Stream of the generator, apart from every stream of the world.
const STREAM: u64 = 0x7A17;

/// Draws turnarounds, one after the other.
#[derive(Clone, Debug)]
pub struct Turnaround {
    deciles_ms: [f64; 11],
    rng: ChaCha8Rng,
    /// The slice in which what waits is taken, or was taken last; then the end of its last answer.
    slice: Mono,
    free: Mono,
}

impl Turnaround {
    /// Of an autopilot that has nothing to do.
    #[must_use]
    pub fn new(kind: AutopilotKind, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(STREAM);
        Turnaround {
            deciles_ms: match kind {
                AutopilotKind::ArduPilot => COPTER_MS,
                AutopilotKind::Px4 => PX4_MS,
            },
            rng,
            slice: Mono::ZERO,
            free: Mono::ZERO,
        }
    }

    /// What is drawn from here on follows from this seed.
    pub fn reseed(&mut self, seed: u64) {
        self.rng = ChaCha8Rng::seed_from_u64(seed);
        self.rng.set_stream(STREAM);
    }

    /// When the answer to what arrived at `now` begins to leave.
    pub fn answer_at(&mut self, now: Mono) -> Mono {
        let x = self.rng.random::<f64>() * 10.0;
        let i = (x as usize).min(9);
        let [lo, hi] = [i, i + 1].map(|k| self.deciles_ms.get(k).copied().unwrap_or(1.0));
        let ms = lo + (hi - lo) * (x - i as f64);
        let work = Duration::from_secs_f64(self.deciles_ms.first().copied().unwrap_or(0.3) * 1e-3);
        self.free = if now < self.slice {
            self.free.after(work)
        } else {
            self.slice = now.after(Duration::from_secs_f64(ms * 1e-3));
            self.slice.max(self.free.after(work))
        };
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_take_what_real_ones_took_and_leave_in_order() {
        for (kind, mean_ms) in [(AutopilotKind::ArduPilot, 3.7), (AutopilotKind::Px4, 1.4)] {
            let mut t = Turnaround::new(kind, 5);
            let mut last = Mono::ZERO;
            for _ in 0..4_000 {
                let at = t.answer_at(last);
                assert!(at > last);
                last = at;
            }
            let got = last.as_secs_f64() * 1e3 / 4_000.0;
            assert!((got - mean_ms).abs() < 0.5, "{kind:?}: {got}");
            // Two that arrive together are taken in one slice, one after the other.
            let last = last.after(Duration::from_millis(1));
            let (a, b) = (t.answer_at(last), t.answer_at(last));
            assert!(b > a && b.since(a) < Duration::from_millis(1));
        }
    }
}
