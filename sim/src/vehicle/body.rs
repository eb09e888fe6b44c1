//! Rigid-body truth: position, velocity, attitude, thrust; moved by gravity, thrust, drag and the ground.

use super::{
    battery::Battery,
    control::Demand,
    spec::{AirframeSpec, GRAVITY_MPS2},
};
use nalgebra::{Matrix3, Rotation3, Vector3};

const AIR_KG_M3: f64 = 1.2;

/// The truth about one aircraft.
#[derive(Clone, Debug)]
pub struct Body {
    spec: AirframeSpec,
    /// Metres north, east, down of the start; down is at most 0 (flat ground).
    pub position_ned_m: Vector3<f64>,
    /// Metres a second.
    pub velocity_ned_mps: Vector3<f64>,
    /// Acceleration less gravity as an accelerometer on the body feels it, in the body frame, m/s².
    pub specific_force_mps2: Vector3<f64>,
    /// Roll, pitch, yaw (from north, clockwise), rad.
    pub rpy_rad: Vector3<f64>,
    /// Rates of roll, pitch, yaw, rad/s.
    pub rates_rad_s: Vector3<f64>,
    /// Thrust, N.
    pub thrust_n: f64,
    /// The pack.
    pub battery: Battery,
    /// Whether it stands on the ground.
    pub on_ground: bool,
}

impl Body {
    /// Standing on the ground, nose to `yaw_rad`, the battery charged to `charge` (0..1).
    #[must_use]
    pub fn new(spec: AirframeSpec, yaw_rad: f64, charge: f64) -> Self {
        Body {
            battery: Battery::new(&spec, charge),
            spec,
            position_ned_m: Vector3::zeros(),
            velocity_ned_mps: Vector3::zeros(),
            specific_force_mps2: Vector3::new(0.0, 0.0, -GRAVITY_MPS2),
            rpy_rad: Vector3::new(0.0, 0.0, yaw_rad),
            rates_rad_s: Vector3::zeros(),
            thrust_n: 0.0,
            on_ground: true,
        }
    }

    /// The airframe.
    #[must_use]
    pub fn spec(&self) -> &AirframeSpec {
        &self.spec
    }

    /// Turns body vectors (forward, right, down) into north, east, down.
    #[must_use]
    pub fn ned_from_body(&self) -> Matrix3<f64> {
        let r = self.rpy_rad;
        *Rotation3::from_euler_angles(r.x, r.y, r.z).matrix()
    }

    /// Thrust that carries the weight, N.
    #[must_use]
    pub fn weight_n(&self) -> f64 {
        self.spec.mass_kg * GRAVITY_MPS2
    }

    /// Throttle, 0..1 of what the motors can give at this voltage.
    #[must_use]
    pub fn throttle(&self) -> f64 {
        (self.thrust_n / self.max_thrust_n()).clamp(0.0, 1.0)
    }

    fn max_thrust_n(&self) -> f64 {
        (self.weight_n() * self.spec.thrust_to_weight * self.battery.thrust_share()).max(0.1)
    }

    /// Moves on by `dt_s`. `demand` is what the flight controller asks of the motors; `None`: motors stopped.
    pub fn step(&mut self, dt_s: f64, demand: Option<&Demand>, wind_ned_mps: Vector3<f64>) {
        let wanted_n = demand.map_or(0.0, |d| {
            (d.thrust_mps2 * self.spec.mass_kg).clamp(0.0, self.max_thrust_n())
        });
        self.thrust_n += (wanted_n - self.thrust_n) * (dt_s / (self.spec.motor_lag_s + dt_s));
        self.turn(dt_s, demand);

        let ned_from_body = self.ned_from_body();
        let up = -ned_from_body.column(2);
        let air = self.velocity_ned_mps - wind_ned_mps;
        let speed = air.norm();
        let area = Vector3::new(
            self.spec.drag_area_m2,
            self.spec.drag_area_m2,
            self.spec.drag_area_vertical_m2,
        );
        let drag = air.component_mul(&area) * (-0.5 * AIR_KG_M3 * speed);
        let gravity = Vector3::new(0.0, 0.0, GRAVITY_MPS2);
        let mut felt = (up * self.thrust_n + drag) / self.spec.mass_kg;
        if self.on_ground && felt.z + GRAVITY_MPS2 >= 0.0 {
            // The legs carry what the motors do not; friction holds it in place.
            felt = -gravity;
            self.velocity_ned_mps = Vector3::zeros();
            self.position_ned_m.z = 0.0;
        } else {
            self.on_ground = false;
            self.velocity_ned_mps += (felt + gravity) * dt_s;
            self.position_ned_m += self.velocity_ned_mps * dt_s;
            if self.position_ned_m.z >= 0.0 {
                self.position_ned_m.z = 0.0;
                self.velocity_ned_mps = Vector3::zeros();
                self.on_ground = true;
            }
        }
        self.specific_force_mps2 = ned_from_body.transpose() * felt;

        // Induced power goes with thrust to the 3/2 (momentum theory).
        let share = (self.thrust_n / self.weight_n()).max(0.0);
        let spinning = if demand.is_some() { 0.06 } else { 0.0 };
        let motors_w = (self.spec.hover_w - self.spec.idle_w) * (share * share.sqrt() + spinning);
        self.battery.step(dt_s, self.spec.idle_w + motors_w);
    }

    fn turn(&mut self, dt_s: f64, demand: Option<&Demand>) {
        if self.on_ground {
            self.rates_rad_s = Vector3::zeros();
            self.rpy_rad.x *= 1.0 - 5.0 * dt_s;
            self.rpy_rad.y *= 1.0 - 5.0 * dt_s;
            return;
        }
        let (roll, pitch, yaw_rate) = demand.map_or((0.0, 0.0, 0.0), |d| {
            (d.roll_rad, d.pitch_rad, d.yaw_rate_rad_s)
        });
        let w = self.spec.attitude_rad_s;
        let limit = self.spec.max_tilt_rad * 1.3;
        for (axis, target) in [(0, roll), (1, pitch)] {
            let acc =
                w * w * (target - self.rpy_rad[axis]) - 2.0 * 0.9 * w * self.rates_rad_s[axis];
            self.rates_rad_s[axis] += acc * dt_s;
            self.rpy_rad[axis] =
                (self.rpy_rad[axis] + self.rates_rad_s[axis] * dt_s).clamp(-limit, limit);
        }
        let yaw_rate = yaw_rate.clamp(-self.spec.max_yaw_rate_rad_s, self.spec.max_yaw_rate_rad_s);
        self.rates_rad_s.z += (yaw_rate - self.rates_rad_s.z) * (dt_s * 8.0).min(1.0);
        self.rpy_rad.z = wrap_pi(self.rpy_rad.z + self.rates_rad_s.z * dt_s);
    }
}

/// An angle brought into -π..π, rad.
#[must_use]
pub fn wrap_pi(a: f64) -> f64 {
    (a + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU) - std::f64::consts::PI
}
