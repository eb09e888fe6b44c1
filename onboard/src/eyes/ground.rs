//! From a pixel to a place on the ground, and how far off it may be.
//!
//! Body-fixed camera, attitude in the aerospace order (yaw, pitch, roll), flat ground of stated height. Local metres
//! are those of one [`LocalPlane`]. Never answers for a ray that does not meet the ground below.

use super::rules::Placing;
use super::schema::Pose;
use link::camera::CameraHeader;
use missions::anomaly::Ellipse;
use missions::plane::{EastNorth, LocalPlane};
use nalgebra::{Matrix2, Matrix3, Vector2, Vector3};

/// A ray flatter than this meets the ground too far away to mean anything (cosine of the angle to straight down).
const MIN_DOWN: f64 = 0.3;

/// A pixel placed on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundFix {
    /// Where.
    pub at: EastNorth,
    /// East-north covariance, m², of what changes from frame to frame (attitude, pixel, time, ground height).
    pub covariance: Matrix2<f64>,
    /// One-sigma error of the aircraft's own position, metres: common to all frames, so no number of them removes it.
    pub position_error_m: f64,
    /// Side of the square a pixel covers at that depth, metres.
    pub pixel_m: f64,
    /// Height of the camera above the ground, metres.
    pub height_m: f64,
}

fn ned_from_body(pose: &Pose) -> Matrix3<f64> {
    let (sr, cr) = pose.roll.sin_cos();
    let (sp, cp) = pose.pitch.sin_cos();
    let (sy, cy) = pose.yaw.sin_cos();
    Matrix3::new(
        cp * cy,
        sr * sp * cy - cr * sy,
        cr * sp * cy + sr * sy,
        cp * sy,
        sr * sp * sy + cr * cy,
        cr * sp * sy - sr * cy,
        -sp,
        sr * cp,
        cr * cp,
    )
}

/// Where the pixel `(x, y)` lies on the ground. `None` when the ray does not go down, or nothing is finite.
#[must_use]
pub fn place(
    plane: &LocalPlane,
    pose: &Pose,
    camera: &CameraHeader,
    (x, y): (f64, f64),
    ground_amsl_m: f64,
    errors: &Placing,
) -> Option<GroundFix> {
    let height_m = pose.alt_amsl_m - ground_amsl_m;
    if !(height_m.is_finite() && height_m > 0.1) {
        return None;
    }
    let (sm, cm) = camera.mount_pitch_deg.to_radians().sin_cos();
    let axis = Vector3::new(cm, 0.0, -sm);
    let right = Vector3::new(0.0, 1.0, 0.0);
    let up = Vector3::new(-sm, 0.0, -cm);
    let u = (x - 0.5 * f64::from(camera.width)) / camera.focal_px;
    let v = (y - 0.5 * f64::from(camera.height)) / camera.focal_px;
    let ray = ned_from_body(pose) * (axis + right * u - up * v);
    let down = ray.z / ray.norm();
    if !(down.is_finite() && down > MIN_DOWN) {
        return None;
    }
    // `depth` is along the optical axis, because `axis` has unit length in `ray`.
    let depth = height_m / ray.z;
    let offset = Vector2::new(ray.y * depth, ray.x * depth); // east, north
    let pixel_m = depth / camera.focal_px;

    let slant = height_m / down;
    let tilt = errors.attitude_error_deg.get().to_radians();
    let pixel = errors.pixel_error_px.get() * pixel_m;
    let reach = offset.norm();
    let radial = (slant / down * tilt)
        .hypot(pixel / down)
        .hypot(reach / height_m * errors.ground_error_m.get());
    let across = (slant * tilt)
        .hypot(pixel)
        .hypot(reach * errors.heading_error_deg.get().to_radians());
    let along = if reach > 1e-6 {
        offset / reach
    } else {
        Vector2::new(0.0, 1.0)
    };
    let side = Vector2::new(along.y, -along.x);
    let [vn, ve, _] = pose.vel_ned;
    let smear = Vector2::new(ve, vn) * errors.timing_error_s.get();
    let covariance = along * along.transpose() * (radial * radial)
        + side * side.transpose() * (across * across)
        + smear * smear.transpose();

    let here = plane.to_local_degrees(pose.lat_deg, pose.lon_deg);
    let at = EastNorth::new(here.east_m + offset.x, here.north_m + offset.y);
    (at.east_m.is_finite() && at.north_m.is_finite()).then_some(GroundFix {
        at,
        covariance,
        position_error_m: pose.pos_error_m,
        pixel_m,
        height_m,
    })
}

/// The one-sigma ellipse of an east-north covariance.
#[must_use]
pub fn ellipse(c: &Matrix2<f64>) -> Ellipse {
    let (ee, nn, en) = (c.m11, c.m22, 0.5 * (c.m12 + c.m21));
    let mean = 0.5 * (ee + nn);
    let spread = (0.25 * (ee - nn) * (ee - nn) + en * en).sqrt();
    // Bearing from north of the larger eigenvector; a circle points north.
    let bearing = if spread < 1e-9 {
        0.0
    } else {
        0.5 * (2.0 * en).atan2(nn - ee).to_degrees()
    };
    Ellipse {
        major_m: (mean + spread).max(0.0).sqrt(),
        minor_m: (mean - spread).max(0.0).sqrt(),
        bearing_deg: bearing.rem_euclid(180.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eyes::rules::Rules;
    use missions::place::LatLon;

    fn setup() -> (LocalPlane, Pose, CameraHeader, Placing) {
        let origin = LatLon::from_degrees(27.787, 120.091).unwrap();
        let pose = Pose {
            boot_us: 0,
            lat_deg: 27.787,
            lon_deg: 120.091,
            alt_amsl_m: 160.0,
            roll: 0.0,
            pitch: 0.0,
            yaw: 0.0,
            vel_ned: [0.0; 3],
            pos_error_m: 1.0,
            utc: None,
        };
        let camera = CameraHeader {
            camera: String::new(),
            seq: 0,
            captured_boot_us: 0,
            width: 320,
            height: 256,
            focal_px: 400.0,
            mount_pitch_deg: -90.0,
            kelvin_offset: 0.0,
            kelvin_per_count: 0.01,
        };
        (
            LocalPlane::new(origin),
            pose,
            camera,
            Rules::parse("").unwrap().placing,
        )
    }

    fn near(fix: Option<GroundFix>, east: f64, north: f64) {
        let at = fix.unwrap().at;
        assert!(at.distance_m(EastNorth::new(east, north)) < 1e-3, "{at:?}");
    }

    #[test]
    fn straight_down_up_is_forward_and_right_is_right() {
        let (plane, mut pose, cam, e) = setup();
        near(
            place(&plane, &pose, &cam, (160.0, 128.0), 100.0, &e),
            0.0,
            0.0,
        );
        near(
            place(&plane, &pose, &cam, (160.0, 88.0), 100.0, &e),
            0.0,
            6.0,
        );
        near(
            place(&plane, &pose, &cam, (200.0, 128.0), 100.0, &e),
            6.0,
            0.0,
        );
        pose.yaw = 90f64.to_radians(); // flying east: image up is east, image right is south
        near(
            place(&plane, &pose, &cam, (160.0, 88.0), 100.0, &e),
            6.0,
            0.0,
        );
        near(
            place(&plane, &pose, &cam, (200.0, 128.0), 100.0, &e),
            0.0,
            -6.0,
        );
    }

    #[test]
    fn nose_up_looks_ahead_and_right_side_down_looks_left() {
        let (plane, mut pose, cam, e) = setup();
        pose.pitch = 10f64.to_radians();
        let ahead = 60.0 * 10f64.to_radians().tan();
        near(
            place(&plane, &pose, &cam, (160.0, 128.0), 100.0, &e),
            0.0,
            ahead,
        );
        pose.pitch = 0.0;
        pose.roll = 10f64.to_radians();
        near(
            place(&plane, &pose, &cam, (160.0, 128.0), 100.0, &e),
            -ahead,
            0.0,
        );
    }

    #[test]
    fn a_ray_at_the_horizon_or_from_below_the_ground_has_no_place() {
        let (plane, mut pose, mut cam, e) = setup();
        assert!(place(&plane, &pose, &cam, (160.0, 128.0), 200.0, &e).is_none());
        pose.pitch = 89f64.to_radians();
        assert!(place(&plane, &pose, &cam, (160.0, 128.0), 100.0, &e).is_none());
        pose.pitch = 0.0;
        cam.mount_pitch_deg = 0.0;
        assert!(place(&plane, &pose, &cam, (160.0, 128.0), 100.0, &e).is_none());
    }

    #[test]
    fn the_error_grows_with_height_and_towards_the_edge_and_points_the_right_way() {
        let (plane, mut pose, cam, mut e) = setup();
        let low = place(&plane, &pose, &cam, (160.0, 128.0), 130.0, &e).unwrap();
        let high = place(&plane, &pose, &cam, (160.0, 128.0), 100.0, &e).unwrap();
        assert!(high.covariance.trace() > 3.0 * low.covariance.trace());
        pose.pitch = 40f64.to_radians();
        e.heading_error_deg = 0.1.try_into().unwrap();
        let far = place(&plane, &pose, &cam, (160.0, 128.0), 100.0, &e).unwrap();
        let el = ellipse(&far.covariance);
        assert!(el.bearing_deg < 1.0 || el.bearing_deg > 179.0, "{el:?}");
        assert!(el.major_m > el.minor_m);
        let east = ellipse(&Matrix2::new(9.0, 0.0, 0.0, 1.0));
        assert!((east.bearing_deg - 90.0).abs() < 1e-9 && (east.major_m - 3.0).abs() < 1e-9);
        let ne = ellipse(&Matrix2::new(5.0, 4.0, 4.0, 5.0));
        assert!((ne.bearing_deg - 45.0).abs() < 1e-9);
    }
}
