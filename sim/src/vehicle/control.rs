//! The inner cascade: position and velocity errors to an acceleration, that to a thrust and a tilt.

use super::spec::{AirframeSpec, GRAVITY_MPS2};
use nalgebra::Vector3;

/// What the motors are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demand {
    /// Thrust over mass, m/s².
    pub thrust_mps2: f64,
    /// Roll, rad.
    pub roll_rad: f64,
    /// Pitch, rad.
    pub pitch_rad: f64,
    /// Yaw rate, rad/s.
    pub yaw_rate_rad_s: f64,
}

/// Where the moving target of the path is now, and how it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Target {
    /// Metres north, east, down.
    pub position_ned_m: Vector3<f64>,
    /// m/s.
    pub velocity_ned_mps: Vector3<f64>,
    /// m/s².
    pub acceleration_ned_mps2: Vector3<f64>,
    /// Where the nose should point, rad from north.
    pub yaw_rad: f64,
}

/// Gains of one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gains {
    /// Velocity asked for over position error, 1/s.
    pub position_p: f64,
    /// Acceleration over velocity error, 1/s.
    pub velocity_p: f64,
    /// Acceleration over summed velocity error, 1/s².
    pub velocity_i: f64,
}

const YAW_P: f64 = 2.0;
const WINDUP_MPS2: f64 = 4.5;

/// The cascade with its integrator.
#[derive(Clone, Debug)]
pub struct Controller {
    flat: Gains,
    vertical: Gains,
    integral_mps2: Vector3<f64>,
}

impl Controller {
    /// At rest.
    #[must_use]
    pub fn new(flat: Gains, vertical: Gains) -> Self {
        Controller {
            flat,
            vertical,
            integral_mps2: Vector3::zeros(),
        }
    }

    /// Forgets what it learned (motors stopped).
    pub fn reset(&mut self) {
        self.integral_mps2 = Vector3::zeros();
    }

    /// One step from the *estimated* state towards `target`.
    pub fn step(
        &mut self,
        dt_s: f64,
        spec: &AirframeSpec,
        target: &Target,
        position_ned_m: Vector3<f64>,
        velocity_ned_mps: Vector3<f64>,
        yaw_rad: f64,
    ) -> Demand {
        let each =
            |g: fn(&Gains) -> f64| Vector3::new(g(&self.flat), g(&self.flat), g(&self.vertical));
        let position_error = target.position_ned_m - position_ned_m;
        let mut correction = position_error.component_mul(&each(|g| g.position_p));
        let reach = correction.norm();
        if reach > 4.0 {
            correction *= 4.0 / reach;
        }
        let velocity_error = target.velocity_ned_mps + correction - velocity_ned_mps;
        let grows = velocity_error.component_mul(&each(|g| g.velocity_i)) * dt_s;
        self.integral_mps2 += grows;
        for i in 0..3 {
            self.integral_mps2[i] = self.integral_mps2[i].clamp(-WINDUP_MPS2, WINDUP_MPS2);
        }
        let wanted = target.acceleration_ned_mps2
            + velocity_error.component_mul(&each(|g| g.velocity_p))
            + self.integral_mps2;

        // Lift first, then as much tilt as is allowed.
        let up_mps2 = (GRAVITY_MPS2 - wanted.z).clamp(1.5, GRAVITY_MPS2 * 1.9);
        let mut side = Vector3::new(wanted.x, wanted.y, 0.0);
        let most = up_mps2 * spec.max_tilt_rad.tan();
        let asked = side.norm();
        if asked > most {
            side *= most / asked;
        }
        let (s, c) = yaw_rad.sin_cos();
        let forward = side.x * c + side.y * s;
        let right = -side.x * s + side.y * c;
        let pitch = -(forward / up_mps2).atan();
        let roll = (right * pitch.cos() / up_mps2).atan();
        Demand {
            thrust_mps2: up_mps2 / (pitch.cos() * roll.cos()).max(0.5),
            roll_rad: roll,
            pitch_rad: pitch,
            yaw_rate_rad_s: YAW_P * super::body::wrap_pi(target.yaw_rad - yaw_rad),
        }
    }
}
