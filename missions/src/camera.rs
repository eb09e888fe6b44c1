//! What a camera sees of flat ground: sampling distance, footprint, swath, trigger distance.
//!
//! Plain pinhole geometry, no lens distortion. The image's width lies across the track, its height along it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A camera by its sensor and lens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// Sensor width, across the track, mm.
    pub sensor_width_mm: f64,
    /// Sensor height, along the track, mm.
    pub sensor_height_mm: f64,
    /// Real focal length (not the 35 mm equivalent), mm.
    pub focal_mm: f64,
    /// Image width, pixels.
    pub width_px: u32,
    /// Image height, pixels.
    pub height_px: u32,
}

/// How it is flown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Height above the ground that is seen, metres.
    pub height_m: f64,
    /// The gimbal's tilt ahead of straight down, degrees; 0 looks at the nadir.
    #[serde(default)]
    pub tilt_deg: f64,
    /// Part of a strip's width that the next one sees too, 0 to below 1.
    #[serde(default)]
    pub side_overlap: f64,
    /// Part of an image's length that the next one sees too, 0 to below 1.
    #[serde(default)]
    pub forward_overlap: f64,
}

/// What is seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Ground sampling distance across the track at the image's middle, cm/px.
    pub gsd_cm: f64,
    /// The same along the track; larger with tilt.
    pub gsd_along_cm: f64,
    /// Width of the footprint at its near edge, metres: what every image sees at least.
    pub near_width_m: f64,
    /// Width of the footprint at its far edge, metres.
    pub far_width_m: f64,
    /// Length of the footprint, metres.
    pub length_m: f64,
    /// Its near edge, metres ahead of the aircraft (behind it: negative).
    pub near_m: f64,
    /// Its far edge, metres ahead of the aircraft.
    pub far_m: f64,
    /// Distance between lines, metres: the near width less the side overlap.
    pub swath_m: f64,
    /// Metres flown between two images: the footprint's length less the forward overlap.
    pub trigger_m: f64,
}

/// Why nothing is seen.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum CameraError {
    /// A figure makes no sense.
    #[error("camera: `{what}` must be {must}, and is {is}")]
    BadFigure {
        /// Which.
        what: &'static str,
        /// What it must be.
        must: &'static str,
        /// What it is.
        is: f64,
    },
    /// The upper edge of the image looks at the sky.
    #[error(
        "camera: tilted by {tilt_deg:.0}° the image reaches up to {edge_deg:.0}° from straight down: tilt it less, so that no edge comes near the horizon"
    )]
    SeesTheSky {
        /// Degrees.
        tilt_deg: f64,
        /// Of the image's far edge, degrees from straight down.
        edge_deg: f64,
    },
}

/// The far edge must stay this far from straight down, degrees: beyond it the ground is seen too flat for anything.
const FLATTEST_DEG: f64 = 80.0;

impl Camera {
    /// A camera by its fields of view, degrees across and along the track, and its image size.
    ///
    /// # Errors
    /// [`CameraError::BadFigure`] for an angle that no lens has.
    pub fn from_fov(
        across_deg: f64,
        along_deg: f64,
        width_px: u32,
        height_px: u32,
    ) -> Result<Self, CameraError> {
        let half_tan = |what, deg: f64| {
            if deg > 0.0 && deg < 170.0 {
                Ok((deg.to_radians() / 2.0).tan())
            } else {
                Err(CameraError::BadFigure {
                    what,
                    must: "between 0 and 170 degrees",
                    is: deg,
                })
            }
        };
        // Any focal length does: only its proportion to the sensor counts.
        Ok(Camera {
            sensor_width_mm: 2.0 * half_tan("fov_across_deg", across_deg)?,
            sensor_height_mm: 2.0 * half_tan("fov_along_deg", along_deg)?,
            focal_mm: 1.0,
            width_px,
            height_px,
        })
    }

    /// Fields of view across and along the track, degrees.
    #[must_use]
    pub fn fov_deg(&self) -> (f64, f64) {
        let of = |mm: f64| 2.0 * (mm / 2.0 / self.focal_mm).atan().to_degrees();
        (of(self.sensor_width_mm), of(self.sensor_height_mm))
    }

    /// What is seen of flat ground.
    ///
    /// # Errors
    /// [`CameraError`] for figures that make no sense, or a view that reaches the horizon.
    pub fn sees(&self, view: &View) -> Result<Seen, CameraError> {
        let within = |what, is: f64, low: f64, below: f64, must| {
            if is >= low && is < below {
                Ok(())
            } else {
                Err(CameraError::BadFigure { what, must, is })
            }
        };
        let above_0 = "above 0, and below 10000";
        within("sensor_width_mm", self.sensor_width_mm, 1e-6, 1e4, above_0)?;
        within(
            "sensor_height_mm",
            self.sensor_height_mm,
            1e-6,
            1e4,
            above_0,
        )?;
        within("focal_mm", self.focal_mm, 1e-6, 1e4, above_0)?;
        within("width_px", f64::from(self.width_px), 1.0, 1e6, "at least 1")?;
        within(
            "height_px",
            f64::from(self.height_px),
            1.0,
            1e6,
            "at least 1",
        )?;
        within("height_m", view.height_m, 0.1, 1e4, "between 0.1 and 10000")?;
        within("tilt_deg", view.tilt_deg, 0.0, 90.0, "between 0 and 90")?;
        let part = "between 0 and below 0.99";
        within("side_overlap", view.side_overlap, 0.0, 0.99, part)?;
        within("forward_overlap", view.forward_overlap, 0.0, 0.99, part)?;
        let tilt = view.tilt_deg.to_radians();
        let half_along = (self.sensor_height_mm / 2.0 / self.focal_mm).atan();
        let edge_deg = (tilt + half_along).to_degrees();
        if edge_deg > FLATTEST_DEG {
            return Err(CameraError::SeesTheSky {
                tilt_deg: view.tilt_deg,
                edge_deg,
            });
        }
        let h = view.height_m;
        // A row of the image that looks `angle` from straight down is seen at `h / cos(angle)` along the ray; across the
        // track it is as wide as that ray's depth along the optical axis makes it.
        let width_at = |angle: f64| {
            let depth_m = h / angle.cos() * (angle - tilt).cos();
            depth_m * self.sensor_width_mm / self.focal_mm
        };
        let (near, far) = (tilt - half_along, tilt + half_along);
        let near_m = h * near.tan();
        let far_m = h * far.tan();
        let slant_m = h / tilt.cos();
        let across_cm =
            100.0 * slant_m * self.sensor_width_mm / self.focal_mm / f64::from(self.width_px);
        let along_cm = 100.0 * slant_m / tilt.cos() * self.sensor_height_mm
            / self.focal_mm
            / f64::from(self.height_px);
        // Straight down both edges are alike; the narrowest row of a view on both sides of the nadir is at its near edge.
        let near_width_m = width_at(near).min(width_at(far));
        Ok(Seen {
            gsd_cm: across_cm,
            gsd_along_cm: along_cm,
            near_width_m,
            far_width_m: width_at(far),
            length_m: far_m - near_m,
            near_m,
            far_m,
            swath_m: near_width_m * (1.0 - view.side_overlap),
            trigger_m: (far_m - near_m) * (1.0 - view.forward_overlap),
        })
    }

    /// The height above ground that gives a sampling distance straight down, metres.
    #[must_use]
    pub fn height_for_gsd_m(&self, gsd_cm: f64) -> f64 {
        gsd_cm / 100.0 * f64::from(self.width_px) * self.focal_mm / self.sensor_width_mm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(height_m: f64) -> View {
        View {
            height_m,
            tilt_deg: 0.0,
            side_overlap: 0.0,
            forward_overlap: 0.0,
        }
    }

    /// Pix4D's ground sampling distance calculator, its own example: Sw 13.125 mm, FR 15.4 mm, H 100 m, 4608 × 3456 px
    /// give 1.85 cm/px and 85 × 64 m.
    #[test]
    fn the_calculators_published_examples_come_out() {
        let camera = Camera {
            sensor_width_mm: 13.125,
            sensor_height_mm: 13.125 * 3456.0 / 4608.0,
            focal_mm: 15.4,
            width_px: 4608,
            height_px: 3456,
        };
        let s = camera.sees(&down(100.0)).unwrap();
        assert!((s.gsd_cm - 1.85).abs() < 0.005, "{s:?}");
        assert!((s.near_width_m - 85.0).abs() < 0.5 && (s.length_m - 64.0).abs() < 0.5);
        assert!((camera.height_for_gsd_m(s.gsd_cm) - 100.0).abs() < 1e-9);
        // calhub.xyz, "GSD Calculator": 13.2 mm, 8.8 mm, 5472 px at 100 m give 2.741 cm/px.
        let one_inch = Camera {
            sensor_width_mm: 13.2,
            sensor_height_mm: 8.8,
            focal_mm: 8.8,
            width_px: 5472,
            height_px: 3648,
        };
        let s = one_inch.sees(&down(100.0)).unwrap();
        assert!((s.gsd_cm - 2.741).abs() < 0.0005, "{s:?}");
        assert!((s.near_width_m - 150.0).abs() < 1e-9);
    }

    #[test]
    fn overlaps_narrow_the_swath_and_the_trigger_distance() {
        let camera = Camera::from_fov(60.0, 45.0, 4000, 3000).unwrap();
        let v = View {
            side_overlap: 0.7,
            forward_overlap: 0.8,
            ..down(60.0)
        };
        let s = camera.sees(&v).unwrap();
        let across_m = 2.0 * 60.0 * 30f64.to_radians().tan();
        let along_m = 2.0 * 60.0 * 22.5f64.to_radians().tan();
        assert!((s.swath_m - 0.3 * across_m).abs() < 1e-9);
        assert!((s.trigger_m - 0.2 * along_m).abs() < 1e-9);
        let (a, b) = camera.fov_deg();
        assert!((a - 60.0).abs() < 1e-9 && (b - 45.0).abs() < 1e-9);
    }

    /// Against rays: each corner of the image is turned by the tilt and led to the ground.
    #[test]
    fn a_tilted_footprint_is_where_its_corner_rays_meet_the_ground() {
        let camera = Camera::from_fov(60.0, 40.0, 4000, 3000).unwrap();
        for tilt_deg in [0.0, 15.0, 20.0, 35.0, 55.0] {
            let s = camera
                .sees(&View {
                    tilt_deg,
                    ..down(80.0)
                })
                .unwrap();
            let (sin, cos) = f64::to_radians(tilt_deg).sin_cos();
            let ground = |x: f64, y: f64| {
                // Right, ahead, down in the camera, looking along its axis; then tilted ahead.
                let (ahead, below) = (y * cos + sin, cos - y * sin);
                (80.0 * x / below, 80.0 * ahead / below)
            };
            let (hx, hy) = (30f64.to_radians().tan(), 20f64.to_radians().tan());
            let (near, far) = (ground(hx, -hy), ground(hx, hy));
            assert!((s.near_m - near.1).abs() < 1e-9 && (s.far_m - far.1).abs() < 1e-9);
            assert!((s.far_width_m - 2.0 * far.0).abs() < 1e-9, "{tilt_deg}");
            assert!((s.near_width_m - 2.0 * near.0.min(far.0)).abs() < 1e-9);
        }
        let e = camera
            .sees(&View {
                tilt_deg: 70.0,
                ..down(80.0)
            })
            .unwrap_err();
        assert!(e.to_string().contains("horizon"), "{e}");
        assert!(camera.sees(&down(f64::NAN)).is_err());
        assert!(Camera::from_fov(180.0, 40.0, 1, 1).is_err());
    }
}
