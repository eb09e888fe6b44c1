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
        if !is_head(bytes) {
            self.sha.update(bytes);
        }
        self.frames += 1;
    }
    /// A camera's picture passed: its digest is noted. Pictures are most of all bytes by far, and only whether they are the
    /// same is asked.
    pub fn note_picture(&mut self, now: Mono, image: &[u8]) {
        let len = (image.len() as u64).to_le_bytes();
        let mut piece = [0u8; 40];
        let words = std::iter::once(len).chain(digest(image).map(u64::to_le_bytes));
        for (to, from) in piece.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *to = from;
        }
        self.note(Wire::Camera, now, &piece);
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

/// Whether this is one PATROL_HEAD: a hash over what a station signed with its own key, and so of no flight alone. That it
/// passed, when and how long it was, is noted.
fn is_head(bytes: &[u8]) -> bool {
    const HEAD: [u8; 3] = [0x60, 0xD3, 0];
    bytes.first() == Some(&0xFD) && bytes.get(7..10) == Some(&HEAD)
}

/// Four words that tell one picture from another; not against people, who have no hand in it. Every step is one-to-one in what
/// was before and in the word that comes in: pictures that differ in one word differ here.
fn digest(bytes: &[u8]) -> [u64; 4] {
    // Odd, from the golden ratio.
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut lanes = [1u64, 2, 3, 4];
    let mut take = |four: &[u8; 32]| {
        for (lane, word) in lanes.iter_mut().zip(four.as_chunks::<8>().0) {
            *lane = (*lane ^ u64::from_le_bytes(*word))
                .wrapping_mul(ODD)
                .rotate_left(29);
        }
    };
    let (fours, rest) = bytes.as_chunks::<32>();
    fours.iter().for_each(&mut take);
    let mut last = [0u8; 32];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    take(&last);
    lanes
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

    #[test]
    fn every_byte_of_a_picture_counts_and_so_does_its_length() {
        let base: Vec<u8> = (0..200u8).collect();
        let hash = |picture: &[u8]| {
            let mut t = Trace::default();
            t.note_picture(Mono(7), picture);
            t.hex()
        };
        for i in 0..base.len() {
            let mut other = base.clone();
            other[i] ^= 1;
            assert_ne!(hash(&base), hash(&other), "byte {i}");
        }
        let mut longer = base.clone();
        longer.push(0);
        assert_ne!(hash(&base), hash(&longer));
        let mut turned = base.clone();
        turned.rotate_left(32);
        assert_ne!(hash(&base), hash(&turned));
    }
}
