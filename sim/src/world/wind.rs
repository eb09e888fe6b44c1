//! Wind: a mean, and gusts after Dryden (MIL-F-8785C, low altitude), first order on each axis.

use crate::fault::Gust;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// What wind to draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindSpec {
    /// The mean is drawn uniformly between these, metres a second.
    pub mean_mps: (f64, f64),
    /// Factor on Dryden's turbulence; 1 = as the standard says for this mean, 0 = none.
    pub gusts: f64,
    /// Where it comes from, degrees clockwise from north; absent: drawn.
    #[serde(default)]
    pub from_deg: Option<f64>,
}

/// The wind of one simulation.
#[derive(Clone, Debug)]
pub struct Wind {
    /// Mean, north-east-down, metres a second (where it blows to).
    mean_ned_mps: [f64; 3],
    mean_mps: f64,
    gusts: f64,
    gust_ned_mps: [f64; 3],
    /// Discrete gusts under way, and how long each has been, seconds.
    discrete: Vec<(Gust, f64)>,
    /// Where the mean is turning to; the same as the mean when the weather stays.
    turning_to: [f64; 3],
    rng: ChaCha8Rng,
}

/// Discrete gusts at once.
const MAX_GUSTS: usize = 16;
/// Time constant of a mean wind that turns, seconds.
const TURN_S: f64 = 4.0;

impl Wind {
    /// Draws speed and direction.
    #[must_use]
    pub fn new(spec: WindSpec, seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        let (lo, hi) = spec.mean_mps;
        let mean_mps = lo + (hi - lo) * rng.random::<f64>();
        let drawn_rad = rng.random::<f64>() * std::f64::consts::TAU;
        let towards_rad = match spec.from_deg {
            Some(from) => (from + 180.0).to_radians(),
            None => drawn_rad,
        };
        let mean_ned_mps = [
            mean_mps * towards_rad.cos(),
            mean_mps * towards_rad.sin(),
            0.0,
        ];
        Wind {
            mean_ned_mps,
            turning_to: mean_ned_mps,
            discrete: Vec::new(),
            mean_mps,
            gusts: spec.gusts,
            gust_ned_mps: [0.0; 3],
            rng,
        }
    }

    /// Another weather from here on: its mean is drawn as at the start and reached within seconds, its gusts follow from
    /// the seed.
    pub fn reseed(&mut self, spec: WindSpec, seed: u64, stream: u64) {
        let other = Wind::new(spec, seed, stream);
        self.turning_to = other.mean_ned_mps;
        self.gusts = other.gusts;
        self.rng = other.rng;
    }

    /// A discrete gust begins.
    pub fn gust(&mut self, gust: Gust) {
        if self.discrete.len() < MAX_GUSTS {
            self.discrete.push((gust, 0.0));
        }
    }

    /// What the discrete gusts add, north-east-down, metres a second.
    fn discrete(&mut self, dt_s: f64) -> [f64; 3] {
        let mut sum = [0.0; 3];
        for (g, t) in &mut self.discrete {
            *t += dt_s;
            let share = (1.0 - (std::f64::consts::TAU * *t / g.lasts_s).cos()) / 2.0;
            let to = g.towards_deg.to_radians();
            sum[0] += g.mps * share * to.cos();
            sum[1] += g.mps * share * to.sin();
        }
        self.discrete.retain(|(g, t)| *t < g.lasts_s);
        sum
    }

    /// The same mean with gusts of its own: for another aircraft in the same air.
    pub fn gust_by(&mut self, seed: u64, stream: u64) {
        self.rng = ChaCha8Rng::seed_from_u64(seed);
        self.rng.set_stream(stream);
    }

    /// The mean, north-east-down, metres a second.
    #[must_use]
    pub fn mean_ned_mps(&self) -> [f64; 3] {
        self.mean_ned_mps
    }

    /// Moves on by `dt_s` for an aircraft `above_ground_m` high with this ground velocity; the wind there and then,
    /// north-east-down, metres a second.
    pub fn step(&mut self, dt_s: f64, above_ground_m: f64, velocity_ned_mps: [f64; 3]) -> [f64; 3] {
        if self.turning_to != self.mean_ned_mps {
            let share = (dt_s / TURN_S).min(1.0);
            for (m, to) in self.mean_ned_mps.iter_mut().zip(self.turning_to) {
                *m += (to - *m) * share;
            }
            self.mean_mps = self.mean_ned_mps[0].hypot(self.mean_ned_mps[1]);
        }
        let h_ft = above_ground_m.clamp(3.0, 300.0) / 0.3048;
        let base = 0.177 + 0.000_823 * h_ft;
        let sigma_w = 0.1 * self.mean_mps * self.gusts;
        let sigma_u = sigma_w / base.powf(0.4);
        let length_u_m = h_ft / base.powf(1.2) * 0.3048;
        let length_w_m = h_ft * 0.3048;
        // The standard's V is airspeed; a hovering multicopter still has the wind blowing past.
        let air: f64 = velocity_ned_mps
            .iter()
            .zip(self.mean_ned_mps)
            .map(|(v, w)| (v - w).powi(2))
            .sum::<f64>()
            .sqrt()
            .max(1.0);
        let axes = [
            (sigma_u, length_u_m),
            (sigma_u, length_u_m),
            (sigma_w, length_w_m),
        ];
        for (gust, (sigma, length_m)) in self.gust_ned_mps.iter_mut().zip(axes) {
            let a = (air / length_m * dt_s).min(1.0);
            let n: f64 = self.rng.sample(StandardNormal);
            *gust += -a * *gust + sigma * (2.0 * a).sqrt() * n;
        }
        let mut wind = self.mean_ned_mps;
        for (w, g) in wind.iter_mut().zip(self.gust_ned_mps) {
            *w += g;
        }
        if !self.discrete.is_empty() {
            for (w, g) in wind.iter_mut().zip(self.discrete(dt_s)) {
                *w += g;
            }
        }
        // Below some metres the ground slows the wind (log profile, roughness 0.1 m, 1 at 20 m).
        let near_ground = ((above_ground_m.max(0.2) / 0.1).ln() / 200f64.ln()).clamp(0.1, 1.0);
        wind.map(|w| w * near_ground)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gusts_have_the_variance_the_standard_gives_and_the_mean_stays() {
        let spec = WindSpec {
            mean_mps: (6.0, 6.0),
            gusts: 1.0,
            from_deg: None,
        };
        let mut wind = Wind::new(spec, 5, 1);
        let n = 400_000;
        let (mut sum, mut sum2) = ([0.0; 3], 0.0);
        for _ in 0..n {
            let w = wind.step(0.05, 60.0, [0.0; 3]);
            for (total, now) in sum.iter_mut().zip(w) {
                *total += now;
            }
            sum2 += (w[2]).powi(2);
        }
        for (total, mean) in sum.iter().zip(wind.mean_ned_mps()).take(2) {
            assert!((total / f64::from(n) - mean).abs() < 0.25);
        }
        let sigma_w = (sum2 / f64::from(n)).sqrt();
        assert!((0.5..0.7).contains(&sigma_w), "0.1 × 6 m/s: {sigma_w}");
    }

    #[test]
    fn a_discrete_gust_swells_and_falls_and_is_gone() {
        let spec = WindSpec {
            mean_mps: (0.0, 0.0),
            gusts: 0.0,
            from_deg: None,
        };
        let mut wind = Wind::new(spec, 5, 1);
        wind.gust(Gust {
            mps: 8.0,
            towards_deg: 90.0,
            lasts_s: 4.0,
        });
        let w: Vec<[f64; 3]> = (0..500).map(|_| wind.step(0.01, 50.0, [0.0; 3])).collect();
        assert!(w[0][1] < 0.01 && (w[199][1] - 8.0).abs() < 0.01 && w[450] == [0.0; 3]);
        assert!(w.iter().all(|w| w[0].abs() < 1e-9));
    }

    #[test]
    fn no_gusts_means_a_steady_wind() {
        let spec = WindSpec {
            mean_mps: (4.0, 4.0),
            gusts: 0.0,
            from_deg: None,
        };
        let mut wind = Wind::new(spec, 5, 1);
        let w = wind.step(0.01, 50.0, [0.0; 3]);
        assert!((w[0].hypot(w[1]) - 4.0).abs() < 1e-9);
    }
}
