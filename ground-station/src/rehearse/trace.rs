//! One number for everything that was said: SHA-256 over every frame on every link, with its time.
//!
//! Same seed, same build: same hash (invariant 10). Never looks into a frame.

use missions::time::Mono;
use sha2::{Digest, Sha256};

/// A place where bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Companion to autopilot, as it left.
    ToAutopilot = 1,
    /// Autopilot to companion, as it left.
    FromAutopilot = 2,
    /// Ground to aircraft, as it left.
    Up = 3,
    /// Ground to aircraft, as it arrived.
    UpArrived = 4,
    /// Aircraft to ground, as it left.
    Down = 5,
    /// Aircraft to ground, as it arrived.
    DownArrived = 6,
    /// Remote ID receiver to the eyes.
    Sensor = 7,
    /// Camera to the eyes.
    Camera = 8,
    /// Past the companion into the autopilot.
    Saboteur = 9,
}

/// Hashes frames as they pass.
#[derive(Clone, Default)]
pub struct Trace {
    sha: Sha256,
    frames: u64,
}

impl Trace {
    /// Bytes passed.
    pub fn note(&mut self, wire: Wire, now: Mono, bytes: &[u8]) {
        self.sha.update([wire as u8]);
        self.sha.update(now.0.to_le_bytes());
        self.sha.update((bytes.len() as u64).to_le_bytes());
        self.sha.update(bytes);
        self.frames += 1;
    }
    /// Pieces that passed.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.frames
    }
    /// The hash so far, lower-case hex.
    #[must_use]
    pub fn hex(&self) -> String {
        self.sha
            .clone()
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_time_and_cut_all_count() {
        let hash = |pieces: &[(Wire, u64, &[u8])]| {
            let mut t = Trace::default();
            for (w, at, b) in pieces {
                t.note(*w, Mono(*at), b);
            }
            t.hex()
        };
        let base = hash(&[(Wire::Up, 5, b"ab")]);
        assert_eq!(base, hash(&[(Wire::Up, 5, b"ab")]));
        assert_ne!(base, hash(&[(Wire::Down, 5, b"ab")]));
        assert_ne!(base, hash(&[(Wire::Up, 6, b"ab")]));
        assert_ne!(base, hash(&[(Wire::Up, 5, b"a"), (Wire::Up, 5, b"b")]));
    }
}
