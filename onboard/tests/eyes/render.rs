//! A thermal world of our own for testing the eyes: warm rectangles on cool ground, seen by a body-fixed camera.
//!
//! Its geometry is written independently of `onboard::eyes::ground` (rays are turned by three single rotations).

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use link::camera::{CameraFrame, CameraHeader};
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use onboard::eyes::schema::Pose;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const GROUND_AMSL_M: f64 = 52.0;

pub struct Thing {
    pub at: EastNorth,
    /// East and north size, metres.
    pub size_m: (f64, f64),
    pub kelvin: f64,
}

pub fn person(east_m: f64, north_m: f64) -> Thing {
    Thing {
        at: EastNorth::new(east_m, north_m),
        size_m: (0.5, 0.5),
        kelvin: 307.0,
    }
}
pub fn bonnet(east_m: f64, north_m: f64) -> Thing {
    Thing {
        at: EastNorth::new(east_m, north_m),
        size_m: (1.6, 1.2),
        kelvin: 330.0,
    }
}

/// The aircraft as it truly is, metres on the plane, radians.
#[derive(Clone, Copy)]
pub struct Truth {
    pub east_m: f64,
    pub north_m: f64,
    pub height_m: f64,
    pub roll: f64,
    pub pitch: f64,
    pub yaw: f64,
    pub vel_ned: [f64; 3],
}

pub struct World {
    pub plane: LocalPlane,
    pub things: Vec<Thing>,
    pub rng: ChaCha8Rng,
    pub focal_px: f64,
    pub seq: u32,
}

impl World {
    pub fn new(seed: u64, things: Vec<Thing>) -> World {
        World {
            plane: LocalPlane::new(LatLon::from_degrees(27.787, 120.091).unwrap()),
            things,
            rng: ChaCha8Rng::seed_from_u64(seed),
            focal_px: 320.0,
            seq: 0,
        }
    }

    pub fn pose(&self, t: &Truth, boot_us: u64) -> Pose {
        let (lat_deg, lon_deg) = self.plane.to_degrees(EastNorth::new(t.east_m, t.north_m));
        Pose {
            boot_us,
            lat_deg,
            lon_deg,
            alt_amsl_m: GROUND_AMSL_M + t.height_m,
            roll: t.roll,
            pitch: t.pitch,
            yaw: t.yaw,
            vel_ned: t.vel_ned,
            pos_error_m: 1.0,
            utc: Some(missions::time::Utc(1_790_000_000_000_000 + boot_us as i64)),
        }
    }

    /// Where a ray that leaves the body as (forward, right, down) meets the ground.
    fn hit(t: &Truth, f: f64, r: f64, d: f64) -> EastNorth {
        let (s, c) = t.roll.sin_cos();
        let (r, d) = (c * r - s * d, s * r + c * d);
        let (s, c) = t.pitch.sin_cos();
        let (f, d) = (c * f + s * d, -s * f + c * d);
        let (s, c) = t.yaw.sin_cos();
        let (n, e) = (c * f - s * r, s * f + c * r);
        let k = t.height_m / d;
        EastNorth::new(t.east_m + e * k, t.north_m + n * k)
    }

    fn kelvin_at(&self, p: EastNorth) -> f64 {
        let on = self.things.iter().find(|o| {
            (p.east_m - o.at.east_m).abs() <= 0.5 * o.size_m.0
                && (p.north_m - o.at.north_m).abs() <= 0.5 * o.size_m.1
        });
        // Ground: a gentle slope of temperature and patches of a few metres.
        on.map_or_else(
            || 290.0 + 0.01 * p.east_m + 0.6 * (p.east_m / 7.0).sin() * (p.north_m / 5.0).cos(),
            |o| o.kelvin,
        )
    }

    pub fn shoot(&mut self, t: &Truth, boot_us: u64) -> CameraFrame {
        const W: usize = 320;
        const H: usize = 256;
        const SUB: usize = 3;
        let (offset, scale) = (200.0, 0.01);
        let mut bytes = Vec::with_capacity(W * H * 2);
        for y in 0..H {
            for x in 0..W {
                let mut k = 0.0;
                for i in 0..SUB * SUB {
                    let part = |i: usize| (i as f64 + 0.5) / SUB as f64;
                    let right = (x as f64 + part(i % SUB) - 0.5 * W as f64) / self.focal_px;
                    let back = (y as f64 + part(i / SUB) - 0.5 * H as f64) / self.focal_px;
                    k += self.kelvin_at(Self::hit(t, -back, right, 1.0)) / (SUB * SUB) as f64;
                }
                // About 60 mK of noise: the sum of four even draws.
                let noise: f64 = (0..4).map(|_| self.rng.random_range(-0.05..0.05)).sum();
                let count = ((k + noise - offset) / scale).round().clamp(0.0, 65535.0) as u16;
                bytes.extend_from_slice(&count.to_ne_bytes());
            }
        }
        let mut png = Vec::new();
        PngEncoder::new(&mut png)
            .write_image(&bytes, W as u32, H as u32, ExtendedColorType::L16)
            .unwrap();
        self.seq += 1;
        CameraFrame {
            header: CameraHeader {
                camera: "thermal".into(),
                seq: self.seq,
                captured_boot_us: boot_us,
                width: W as u32,
                height: H as u32,
                focal_px: self.focal_px,
                mount_pitch_deg: -90.0,
                kelvin_offset: offset,
                kelvin_per_count: scale,
            },
            image: png,
        }
    }
}
