//! `.tlog`: what QGroundControl, Mission Planner and pymavlink write: per frame the UTC in µs (u64, big endian), then
//! the frame's bytes.

use crate::frame::{Frame, Framer};
use missions::time::{Mono, Utc};

/// One frame as it stands in the file.
#[must_use]
pub fn record(utc: Utc, frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + frame.len());
    out.extend_from_slice(&u64::try_from(utc.0).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(frame);
    out
}

/// Reads a file: frames with their times, in file order. Damaged stretches are skipped and counted.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes that belonged to no record.
    pub skipped: usize,
}

impl<'a> Reader<'a> {
    /// Reads these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader {
            bytes,
            at: 0,
            skipped: 0,
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = (Utc, Frame);
    fn next(&mut self) -> Option<(Utc, Frame)> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            if rest.len() < 8 + 8 {
                self.skipped += rest.len();
                self.at = self.bytes.len();
                return None;
            }
            let stamp: [u8; 8] = rest.get(..8)?.try_into().ok()?;
            let window = rest.get(8..(8 + crate::frame::MAX_FRAME_LEN).min(rest.len()))?;
            // A frame must start right after the time stamp; otherwise look for the next place where one does.
            if let Some(frame) = frame_at_start(window) {
                self.at += 8 + frame.bytes().len();
                return Some((
                    Utc(i64::try_from(u64::from_be_bytes(stamp)).unwrap_or(0)),
                    frame,
                ));
            }
            self.at += 1;
            self.skipped += 1;
        }
    }
}

fn frame_at_start(bytes: &[u8]) -> Option<Frame> {
    let len = match (bytes.first()?, bytes.get(1)?) {
        (0xFD, n) => 12 + usize::from(*n) + if bytes.get(2)? & 1 == 1 { 13 } else { 0 },
        (0xFE, n) => 8 + usize::from(*n),
        _ => return None,
    };
    Frame::from_bytes(bytes.get(..len)?)
}

/// All frames of a raw byte stream (no time stamps), e.g. a serial capture.
#[must_use]
pub fn frames_of_stream(bytes: &[u8]) -> Vec<Frame> {
    let mut framer = Framer::new();
    framer.push(Mono::ZERO, bytes);
    std::iter::from_fn(|| framer.next_frame()).collect()
}
