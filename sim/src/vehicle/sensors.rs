//! What GNSS, barometer and compass claim, seeded: telemetry differs from the truth by their errors.
//!
//! The estimate that flies the aircraft is the truth plus slowly wandering errors (a filter removes the fast part),
//! as real position estimates wander by a metre or so while looking perfectly smooth.

use nalgebra::Vector3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// One-sigma horizontal wander, m.
const GNSS_SIGMA_M: f64 = 0.55;
/// Correlation time of the wander, s.
const GNSS_TAU_S: f64 = 70.0;
/// One-sigma height wander of the barometer, m.
const BARO_SIGMA_M: f64 = 0.25;
const BARO_TAU_S: f64 = 120.0;
const VELOCITY_SIGMA_MPS: f64 = 0.03;
const YAW_SIGMA_RAD: f64 = 0.012;

/// A Gauss-Markov error.
#[derive(Clone, Copy, Debug)]
struct Wander {
    value: f64,
    sigma: f64,
    tau_s: f64,
}

impl Wander {
    fn new(sigma: f64, tau_s: f64, rng: &mut ChaCha8Rng) -> Self {
        let n: f64 = StandardNormal.sample(rng);
        Wander {
            value: n * sigma,
            sigma,
            tau_s,
        }
    }
    fn step(&mut self, dt_s: f64, rng: &mut ChaCha8Rng) {
        let keep = (-dt_s / self.tau_s).exp();
        let n: f64 = StandardNormal.sample(rng);
        self.value = self.value * keep + n * self.sigma * (1.0 - keep * keep).sqrt();
    }
}

/// Errors of all sensors at this moment.
#[derive(Clone, Debug)]
pub struct Sensors {
    rng: ChaCha8Rng,
    north: Wander,
    east: Wander,
    height: Wander,
    yaw: Wander,
    velocity_noise: Vector3<f64>,
    raw_noise: Vector3<f64>,
    until_next_s: f64,
}

impl Sensors {
    /// Errors that follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5E45_0125);
        Sensors {
            north: Wander::new(GNSS_SIGMA_M, GNSS_TAU_S, &mut rng),
            east: Wander::new(GNSS_SIGMA_M, GNSS_TAU_S, &mut rng),
            height: Wander::new(BARO_SIGMA_M, BARO_TAU_S, &mut rng),
            yaw: Wander::new(YAW_SIGMA_RAD, 200.0, &mut rng),
            velocity_noise: Vector3::zeros(),
            raw_noise: Vector3::zeros(),
            until_next_s: 0.0,
            rng,
        }
    }

    /// The errors wander on from where they are as this seed has it.
    pub fn reseed(&mut self, seed: u64) {
        self.rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5E45_0125);
    }

    /// Moves the errors on; new draws ten times a second.
    pub fn step(&mut self, dt_s: f64) {
        self.until_next_s -= dt_s;
        if self.until_next_s > 0.0 {
            return;
        }
        const EVERY_S: f64 = 0.1;
        self.until_next_s += EVERY_S;
        let rng = &mut self.rng;
        self.north.step(EVERY_S, rng);
        self.east.step(EVERY_S, rng);
        self.height.step(EVERY_S, rng);
        self.yaw.step(EVERY_S, rng);
        for i in 0..3 {
            let n: f64 = StandardNormal.sample(rng);
            self.velocity_noise[i] = self.velocity_noise[i] * 0.8 + n * VELOCITY_SIGMA_MPS * 0.6;
            let n: f64 = StandardNormal.sample(rng);
            self.raw_noise[i] = self.raw_noise[i] * 0.6 + n * 0.25;
        }
    }

    /// Position estimate less truth, m north, east, down.
    #[must_use]
    pub fn position_error_m(&self) -> Vector3<f64> {
        Vector3::new(self.north.value, self.east.value, -self.height.value)
    }
    /// Raw GNSS position less truth, m north, east, down.
    #[must_use]
    pub fn gnss_error_m(&self) -> Vector3<f64> {
        self.position_error_m() + self.raw_noise
    }
    /// Velocity estimate less truth, m/s.
    #[must_use]
    pub fn velocity_error_mps(&self) -> Vector3<f64> {
        self.velocity_noise
    }
    /// Heading estimate less truth, rad.
    #[must_use]
    pub fn yaw_error_rad(&self) -> f64 {
        self.yaw.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_within_metres_and_follow_from_the_seed() {
        let (mut a, mut b) = (Sensors::new(3), Sensors::new(3));
        let mut worst: f64 = 0.0;
        for _ in 0..60_000 {
            a.step(0.01);
            b.step(0.01);
            worst = worst.max(a.position_error_m().norm());
        }
        assert_eq!(a.position_error_m(), b.position_error_m());
        assert!((0.3..4.0).contains(&worst), "{worst} m");
        assert_ne!(a.position_error_m(), Sensors::new(4).position_error_m());
    }
}
