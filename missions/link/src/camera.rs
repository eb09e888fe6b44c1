//! Camera frames on their way from a camera (real or simulated) to the companion's eyes.
//!
//! One frame on the stream: `b"PCF1"`, u32 LE header length, u32 LE image length, JSON [`CameraHeader`], image bytes.
//! Thermal images are 16-bit greyscale PNG: kelvin = `kelvin_offset + kelvin_per_count × count`.

use serde::{Deserialize, Serialize};

/// Largest image accepted, bytes.
pub const MAX_IMAGE_LEN: usize = 4 << 20;
const MAX_HEADER_LEN: usize = 4096;
const MAGIC: &[u8; 4] = b"PCF1";

/// How to read the image and where the camera looked from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CameraHeader {
    /// Camera name.
    pub camera: String,
    /// Counts frames from 0.
    pub seq: u32,
    /// Shutter time in the autopilot's time since boot, µs (as a hardware trigger stamps it).
    pub captured_boot_us: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Focal length in pixels (square pixels, principal point in the middle, no distortion).
    pub focal_px: f64,
    /// Mount angle of the optical axis against the body: -90 looks straight down (body-fixed, no gimbal). Image
    /// "up" is the body's forward, image "right" the body's right.
    pub mount_pitch_deg: f64,
    /// Kelvin at count 0.
    pub kelvin_offset: f64,
    /// Kelvin a count.
    pub kelvin_per_count: f64,
}

/// A frame as it travels.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraFrame {
    /// How to read it.
    pub header: CameraHeader,
    /// Encoded image (PNG, 16-bit grey).
    pub image: Vec<u8>,
}

impl CameraFrame {
    /// The bytes on the stream.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.header).unwrap_or_default();
        let mut out = Vec::with_capacity(12 + header.len() + self.image.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&u32::try_from(header.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&u32::try_from(self.image.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(&self.image);
        out
    }
}

/// Cuts frames out of a byte stream; bounded; resynchronises on garbage.
#[derive(Debug, Default)]
pub struct CameraDecoder {
    buf: Vec<u8>,
    skipped: u64,
}

impl CameraDecoder {
    /// Takes bytes as they arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }
    /// Bytes thrown away because they were no frame.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
    fn skip(&mut self, n: usize) {
        self.buf.drain(..n);
        self.skipped += n as u64;
    }
    /// The next whole frame.
    pub fn next_frame(&mut self) -> Option<CameraFrame> {
        loop {
            let start = self.buf.windows(4).position(|w| w == MAGIC);
            match start {
                None => {
                    let keep = self.buf.len().min(3);
                    self.skip(self.buf.len() - keep);
                    return None;
                }
                Some(0) => {}
                Some(n) => self.skip(n),
            }
            let h: [u8; 4] = self.buf.get(4..8)?.try_into().ok()?;
            let i: [u8; 4] = self.buf.get(8..12)?.try_into().ok()?;
            let (h, i) = (
                u32::from_le_bytes(h) as usize,
                u32::from_le_bytes(i) as usize,
            );
            if h > MAX_HEADER_LEN || i > MAX_IMAGE_LEN {
                self.skip(4);
                continue;
            }
            if self.buf.len() < 12 + h + i {
                return None;
            }
            let header = self
                .buf
                .get(12..12 + h)
                .and_then(|b| serde_json::from_slice(b).ok());
            let image = self.buf.get(12 + h..12 + h + i).map(<[u8]>::to_vec);
            match (header, image) {
                (Some(header), Some(image)) => {
                    self.buf.drain(..12 + h + i);
                    return Some(CameraFrame { header, image });
                }
                _ => self.skip(4),
            }
        }
    }
}
