//! The thermal camera: what a body-fixed microbolometer looking straight down would deliver.
//!
//! Rendered from the true pose over flat ground: every pixel's ray meets the ground; ground is textured, warm things
//! cover the share of a pixel they cover, and every pixel has its own noise. Never told what the things mean.

mod ground;

use crate::{scenario::CameraSpec, site::Spot, world::things::Thing};
use ground::GroundTexture;
use link::camera::{CameraFrame, CameraHeader};
use missions::time::Mono;
use nalgebra::{Matrix3, Vector3};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::sync::Arc;

const KELVIN_OFFSET: f64 = 200.0;
const KELVIN_PER_COUNT: f64 = 0.01;
/// Length of the noise table (a power of two); a frame begins at a random place in it and strides by an odd number.
const NOISE_LEN: usize = 1 << 16;
/// Below this the picture is of our own landing gear: the camera is treated as this high, metres.
const LEAST_HEIGHT_M: f64 = 0.5;
/// Side of the grid of samples in a pixel that a thing's edge is drawn with.
const SUBPIXELS: u32 = 4;

/// Where the camera is and looks.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Above the site.
    pub spot: Spot,
    /// Height above the ground, metres.
    pub above_ground_m: f64,
    /// Turns body vectors (forward, right, down) into north, east, down.
    pub ned_from_body: Matrix3<f64>,
    /// Autopilot's time since boot, µs: the hardware trigger's stamp.
    pub boot_us: u64,
}

/// A camera with its own noise.
#[derive(Clone, Debug)]
pub struct ThermalCamera {
    spec: CameraSpec,
    seq: u32,
    ground: Arc<GroundTexture>,
    /// [`NOISE_LEN`] and its beginning once more, so that a row never ends in its middle.
    noise_counts: Vec<f32>,
    rng: ChaCha8Rng,
    /// Numbers of the columns.
    columns: Vec<f32>,
    pixels: Vec<u16>,
}

impl ThermalCamera {
    /// A camera whose ground and noise follow from the seed.
    #[must_use]
    pub fn new(spec: CameraSpec, seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        let noise_counts = noise(&spec, &mut rng);
        let ground = Arc::new(GroundTexture::new(&mut rng));
        ThermalCamera::with(spec, ground, noise_counts, rng)
    }

    /// A camera of the same make over the same ground, with noise of its own.
    #[must_use]
    pub fn another(&self, seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        let noise_counts = noise(&self.spec, &mut rng);
        ThermalCamera::with(self.spec.clone(), self.ground.clone(), noise_counts, rng)
    }

    fn with(
        spec: CameraSpec,
        ground: Arc<GroundTexture>,
        noise_counts: Vec<f32>,
        rng: ChaCha8Rng,
    ) -> Self {
        let pixels = vec![0; (spec.width * spec.height) as usize];
        let columns = (0..spec.width).map(|c| c as f32).collect();
        ThermalCamera {
            spec,
            seq: 0,
            ground,
            noise_counts,
            rng,
            columns,
            pixels,
        }
    }

    /// Takes a picture of whatever of `things` is there at `now`.
    pub fn shoot(&mut self, pose: &Pose, things: &[Thing], now: Mono) -> CameraFrame {
        let view = View::new(&self.spec, pose);
        self.draw_ground(&view);
        for thing in things {
            if thing.kind.is_warm() && thing.is_present(now) {
                self.draw_thing(&view, thing, now);
            }
        }
        let header = CameraHeader {
            camera: "thermal".to_owned(),
            seq: self.seq,
            captured_boot_us: pose.boot_us,
            width: self.spec.width,
            height: self.spec.height,
            focal_px: self.spec.focal_px,
            mount_pitch_deg: -90.0,
            kelvin_offset: KELVIN_OFFSET,
            kelvin_per_count: KELVIN_PER_COUNT,
        };
        self.seq = self.seq.wrapping_add(1);
        CameraFrame {
            header,
            image: self.png(),
        }
    }

    /// Row by row in three passes, so that all but the look into the table runs several pixels at a time.
    fn draw_ground(&mut self, view: &View) {
        let width = self.spec.width as usize;
        let start: usize = self.rng.random_range(0..NOISE_LEN);
        // A fresh odd stride each frame: the same pixel never meets the same row of noise twice in a row.
        let stride = 2 * self.rng.random_range(0..NOISE_LEN / 2) + 1;
        let mut places = ground::Row::new(width);
        for (row, line) in self.pixels.chunks_exact_mut(width).enumerate() {
            let from = start.wrapping_add(row.wrapping_mul(stride.wrapping_mul(641)));
            let v = row as f64 + 0.5;
            // Single precision will do within a row: 0.1 mm at a kilometre from the middle of the site.
            let (ray, step) = view.row(v);
            let (rn, re, rd) = (ray.x as f32, ray.y as f32, ray.z as f32);
            let (sn, se, sd) = (step.x as f32, step.y as f32, step.z as f32);
            let (x_m, y_m) = (ground::near(view.camera.x_m), ground::near(view.camera.y_m));
            let (height_m, least_down) = (view.above_ground_m as f32, view.least_down() as f32);
            places.look(self.columns.iter().map(|k| {
                let scale = height_m / (rd + sd * k).max(least_down);
                (x_m + (re + se * k) * scale, y_m + (rn + sn * k) * scale)
            }));
            let noise = self.noise_counts.get(from & (NOISE_LEN - 1)..);
            places.draw(&self.ground, noise.unwrap_or(&[]), line);
        }
    }

    fn draw_thing(&mut self, view: &View, thing: &Thing, now: Mono) {
        let (spot, height_m) = thing.place(now);
        let Some((u, v)) = view.pixel_of(spot, height_m) else {
            return;
        };
        let (long_m, wide_m) = thing.size_m;
        let reach_px = 2.0 + view.pixels_per_m(spot) * long_m.hypot(wide_m) / 2.0;
        let span = |middle: f64, limit: u32| {
            let lo = (middle - reach_px).floor().max(0.0);
            let hi = (middle + reach_px).ceil().min(f64::from(limit));
            (lo as u32, hi.max(0.0) as u32)
        };
        let ((u0, u1), (v0, v1)) = (span(u, self.spec.width), span(v, self.spec.height));
        let (sin, cos) = thing.heading_rad.sin_cos();
        let warm = ((thing.kelvin - KELVIN_OFFSET) / KELVIN_PER_COUNT) as f32;
        for row in v0..v1 {
            for col in u0..u1 {
                let mut covered = 0u32;
                for i in 0..SUBPIXELS * SUBPIXELS {
                    let share = |k: u32| (f64::from(k) + 0.5) / f64::from(SUBPIXELS);
                    let at = view.ground_at(
                        f64::from(col) + share(i % SUBPIXELS),
                        f64::from(row) + share(i / SUBPIXELS),
                    );
                    let (dx, dy) = (at.x_m - spot.x_m, at.y_m - spot.y_m);
                    let (along, across) = (dx * sin + dy * cos, dx * cos - dy * sin);
                    if along.abs() <= long_m / 2.0 && across.abs() <= wide_m / 2.0 {
                        covered += 1;
                    }
                }
                if covered == 0 {
                    continue;
                }
                let share = covered as f32 / (SUBPIXELS * SUBPIXELS) as f32;
                let pixel = &mut self.pixels[(row * self.spec.width + col) as usize];
                *pixel = (f32::from(*pixel) * (1.0 - share) + warm * share) as u16;
            }
        }
    }

    /// 16-bit grey. A camera beside its computer need not spare bytes: packing them would cost more than taking the picture.
    fn png(&self) -> Vec<u8> {
        let mut bytes = vec![0u8; self.pixels.len() * 2];
        for (to, p) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(&self.pixels) {
            *to = p.to_be_bytes();
        }
        let mut out = Vec::with_capacity(bytes.len() + 4_096);
        let mut encoder = png::Encoder::new(&mut out, self.spec.width, self.spec.height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Sixteen);
        encoder.set_compression(png::Compression::NoCompression);
        encoder.set_filter(png::Filter::NoFilter);
        let written = encoder
            .write_header()
            .and_then(|mut w| w.write_image_data(&bytes).and_then(|()| w.finish()));
        match written {
            Ok(()) => out,
            // Writing to memory cannot fail; an empty picture is what a receiver rejects.
            Err(_) => Vec::new(),
        }
    }
}

/// A table of noise, counts, long enough for a row that begins anywhere in its first [`NOISE_LEN`].
fn noise(spec: &CameraSpec, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut counts: Vec<f32> = (0..NOISE_LEN)
        .map(|_| {
            let normal: f64 = rng.sample(StandardNormal);
            (normal * spec.noise_k / KELVIN_PER_COUNT) as f32
        })
        .collect();
    counts.extend_from_within(..(spec.width as usize).min(NOISE_LEN));
    counts
}

/// The pinhole over the plane.
struct View {
    width: f64,
    height: f64,
    focal_px: f64,
    camera: Spot,
    above_ground_m: f64,
    ned_from_body: Matrix3<f64>,
}

impl View {
    fn new(spec: &CameraSpec, pose: &Pose) -> Self {
        View {
            width: f64::from(spec.width),
            height: f64::from(spec.height),
            focal_px: spec.focal_px,
            camera: pose.spot,
            above_ground_m: pose.above_ground_m.max(LEAST_HEIGHT_M),
            ned_from_body: pose.ned_from_body,
        }
    }

    /// North-east-down ray of a place in the picture. Up in the picture is forward, right is right.
    fn ray(&self, u: f64, v: f64) -> Vector3<f64> {
        self.ned_from_body
            * Vector3::new(
                -(v - self.height / 2.0),
                u - self.width / 2.0,
                self.focal_px,
            )
    }

    /// Ray of the first pixel's middle in a row, and what to add for each next one.
    fn row(&self, v: f64) -> (Vector3<f64>, Vector3<f64>) {
        (
            self.ray(0.5, v),
            self.ned_from_body * Vector3::new(0.0, 1.0, 0.0),
        )
    }

    /// Rays near or above the horizon (a tumbling aircraft) are bent down: there is nothing but ground to see.
    fn least_down(&self) -> f64 {
        self.focal_px * 0.05
    }

    fn ground_below(&self, ray: Vector3<f64>) -> Spot {
        let scale = self.above_ground_m / ray.z.max(self.least_down());
        Spot::new(
            self.camera.x_m + ray.y * scale,
            self.camera.y_m + ray.x * scale,
        )
    }

    fn ground_at(&self, u: f64, v: f64) -> Spot {
        self.ground_below(self.ray(u, v))
    }

    /// Where in the picture a spot is; `None` when behind the camera or far outside.
    fn pixel_of(&self, spot: Spot, height_m: f64) -> Option<(f64, f64)> {
        let ned = Vector3::new(
            spot.y_m - self.camera.y_m,
            spot.x_m - self.camera.x_m,
            self.above_ground_m - height_m,
        );
        let body = self.ned_from_body.transpose() * ned;
        if body.z <= 0.1 {
            return None;
        }
        let u = self.width / 2.0 + body.y / body.z * self.focal_px;
        let v = self.height / 2.0 - body.x / body.z * self.focal_px;
        let near = |x: f64, limit: f64| (-64.0..limit + 64.0).contains(&x);
        (near(u, self.width) && near(v, self.height)).then_some((u, v))
    }

    fn pixels_per_m(&self, spot: Spot) -> f64 {
        let slant_m = self.above_ground_m.hypot(spot.distance_m(self.camera));
        self.focal_px / self.above_ground_m * (slant_m / self.above_ground_m).min(3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scenario::Scenario,
        world::things::{Knot, ThingKind},
    };

    fn thing(kind: ThingKind, x_m: f64, y_m: f64, size_m: (f64, f64), kelvin: f64) -> Thing {
        Thing {
            id: 1,
            kind,
            subject: String::new(),
            from: Mono::ZERO,
            until: Mono(u64::MAX),
            path: vec![Knot {
                at: Mono::ZERO,
                spot: Spot::new(x_m, y_m),
                above_ground_m: 0.0,
            }],
            size_m,
            heading_rad: 0.0,
            kelvin,
        }
    }

    fn shoot(pose: &Pose, things: &[Thing]) -> Vec<Vec<f64>> {
        let spec = Scenario::sixi().unwrap().camera;
        let mut camera = ThermalCamera::new(spec, 3, 1);
        let frame = camera.shoot(pose, things, Mono::ZERO);
        let h = &frame.header;
        let image = image::load_from_memory(&frame.image).unwrap().into_luma16();
        image
            .rows()
            .map(|r| {
                r.map(|p| h.kelvin_offset + h.kelvin_per_count * f64::from(p.0[0]))
                    .collect()
            })
            .collect()
    }

    fn level(above_ground_m: f64) -> Pose {
        Pose {
            spot: Spot::new(0.0, 0.0),
            above_ground_m,
            ned_from_body: Matrix3::identity(),
            boot_us: 1,
        }
    }

    #[test]
    fn bare_ground_is_about_290_kelvin_everywhere() {
        let image = shoot(&level(80.0), &[]);
        let all: Vec<f64> = image.into_iter().flatten().collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        assert!((288.0..292.0).contains(&mean), "{mean}");
        let (lo, hi) = all
            .iter()
            .fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(*x), b.max(*x)));
        assert!(lo > 284.0 && hi < 297.0, "{lo} {hi}");
    }

    #[test]
    fn something_ahead_and_to_the_right_is_up_and_right_in_the_picture() {
        // 10 m north (ahead, heading north), 20 m east (right) from 80 m: 343 / 80 = 4.29 px a metre.
        let bonnet = thing(ThingKind::WarmBonnet, 20.0, 10.0, (1.6, 1.2), 330.0);
        let image = shoot(&level(80.0), &[bonnet]);
        let (mut sum, mut us, mut vs) = (0.0, 0.0, 0.0);
        for (v, row) in image.iter().enumerate() {
            for (u, k) in row.iter().enumerate() {
                let over = (k - 298.0).max(0.0);
                sum += over;
                us += over * (u as f64 + 0.5);
                vs += over * (v as f64 + 0.5);
            }
        }
        assert!((us / sum - (160.0 + 20.0 * 343.0 / 80.0)).abs() < 0.5);
        assert!((vs / sum - (128.0 - 10.0 * 343.0 / 80.0)).abs() < 0.5);
    }

    #[test]
    fn a_person_radiates_what_its_area_says_whatever_the_height() {
        for height_m in [40.0, 60.0, 80.0, 100.0] {
            let with = shoot(
                &level(height_m),
                &[thing(ThingKind::Person, 3.1, -4.7, (0.5, 0.5), 307.0)],
            );
            let without = shoot(&level(height_m), &[]);
            let m_per_px = height_m / 343.0;
            let excess: f64 = with
                .iter()
                .flatten()
                .zip(without.iter().flatten())
                .map(|(a, b)| (a - b) * m_per_px * m_per_px)
                .sum();
            assert!(
                (3.0..5.5).contains(&excess),
                "0.25 m² × 17 K = 4.2 K·m², got {excess} at {height_m} m"
            );
        }
    }

    #[test]
    fn a_roll_to_the_right_moves_the_view_to_the_left_on_the_ground() {
        // Rolled 10° right-side-down the belly looks left: a spot left of track is then in the middle.
        let roll = nalgebra::Rotation3::from_euler_angles(10f64.to_radians(), 0.0, 0.0);
        let pose = Pose {
            ned_from_body: *roll.matrix(),
            ..level(80.0)
        };
        let view = View::new(&Scenario::sixi().unwrap().camera, &pose);
        let left_m = -80.0 * 10f64.to_radians().tan();
        let (u, v) = view.pixel_of(Spot::new(left_m, 0.0), 0.0).unwrap();
        assert!(
            (u - 160.0).abs() < 1e-6 && (v - 128.0).abs() < 1e-6,
            "{u} {v}"
        );
        let back = view.ground_at(u, v);
        assert!(back.distance_m(Spot::new(left_m, 0.0)) < 1e-6);
    }

    #[test]
    fn frames_carry_new_noise_each_time_and_the_same_for_the_same_seed() {
        let spec = Scenario::sixi().unwrap().camera;
        let mut a = ThermalCamera::new(spec.clone(), 3, 1);
        let mut b = ThermalCamera::new(spec, 3, 1);
        let first = a.shoot(&level(50.0), &[], Mono::ZERO);
        assert_eq!(first, b.shoot(&level(50.0), &[], Mono::ZERO));
        let second = a.shoot(&level(50.0), &[], Mono::ZERO);
        assert_ne!(first.image, second.image);
        assert_eq!(second.header.seq, 1);
    }
}
