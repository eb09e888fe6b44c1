//! What an aircraft can do: speeds, braking, errors, energy. Numbers come from `missions/vehicles/*.toml`.
//!
//! Judges nothing about places.

use serde::{Deserialize, Serialize};
use thiserror::Error;

const QUAD_X4: &str = include_str!("../vehicles/quad-x4.toml");

/// Why a vehicle file is refused.
#[derive(Debug, Error)]
pub enum VehicleError {
    /// Not TOML, a key is missing, or a key is not known.
    #[error("vehicle file: {0}")]
    Toml(#[from] toml::de::Error),
    /// A number that no aircraft has.
    #[error("vehicle file: `{key}` is {value}, but must be {must}")]
    Value {
        /// Key in the file.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
}

/// An aircraft as the planner and the guard see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehicleSpec {
    /// Name of the type.
    pub name: String,
    /// Take-off mass, kg.
    pub mass_kg: f64,
    /// Usual patrol speed over ground, m/s.
    pub cruise_mps: f64,
    /// Fastest level speed the autopilot is set to, m/s.
    pub max_mps: f64,
    /// Climb rate, m/s.
    pub climb_mps: f64,
    /// Descent rate above the last metres, m/s.
    pub descend_mps: f64,
    /// Measured braking of this autopilot with this airframe, m/s².
    pub brake_mps2: f64,
    /// From danger seen to braking begun, seconds.
    pub react_s: f64,
    /// Horizontal position error to reckon with, metres.
    pub position_error_m: f64,
    /// Displacement by a gust, metres.
    pub gust_m: f64,
    /// Usable energy of a full battery, Wh.
    pub battery_wh: f64,
    /// Part of the battery that stays unplanned, percent.
    pub reserve_pct: f64,
    /// Electric power in hover, W.
    pub hover_w: f64,
    /// Electric power at cruise, W.
    pub cruise_w: f64,
    /// Electric power in a climb, W.
    pub climb_w: f64,
    /// Measured power in level flight, `[airspeed m/s, W]`, slowest first; without it a line from hover to cruise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub power_w: Vec<[f64; 2]>,
    /// Electric power in a descent, W; as in hover when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descend_w: Option<f64>,
    /// Fastest airspeed it can hold against the wind, m/s; `max_mps` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_air_mps: Option<f64>,
    /// How far before a corner its autopilot turns, metres (PX4's NAV_ACC_RAD, ArduPilot's WPNAV_RADIUS: 2 on both).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corner_radius_m: Option<f64>,
}

/// Points of a power curve: enough for any test stand, and a bound.
const MAX_CURVE: usize = 32;
/// What both autopilots come with from the factory for multicopters, metres.
const CORNER_RADIUS_M: f64 = 2.0;

impl VehicleSpec {
    /// From a TOML file's text.
    ///
    /// # Errors
    /// [`VehicleError`] naming the key.
    pub fn from_toml(text: &str) -> Result<Self, VehicleError> {
        let spec: VehicleSpec = toml::from_str(text)?;
        spec.check()?;
        Ok(spec)
    }

    /// Whether each number is one an aircraft can have.
    ///
    /// # Errors
    /// [`VehicleError::Value`] naming the key.
    pub fn check(&self) -> Result<(), VehicleError> {
        let positive = [
            ("mass_kg", self.mass_kg),
            ("cruise_mps", self.cruise_mps),
            ("max_mps", self.max_mps),
            ("climb_mps", self.climb_mps),
            ("descend_mps", self.descend_mps),
            ("brake_mps2", self.brake_mps2),
            ("battery_wh", self.battery_wh),
            ("hover_w", self.hover_w),
            ("cruise_w", self.cruise_w),
            ("climb_w", self.climb_w),
        ];
        for (key, value) in positive {
            if !(value.is_finite() && value > 0.0 && value < 1e6) {
                return Err(VehicleError::Value {
                    key,
                    value,
                    must: "above 0",
                });
            }
        }
        for (key, value) in [
            ("react_s", self.react_s),
            ("position_error_m", self.position_error_m),
            ("gust_m", self.gust_m),
        ] {
            if !(0.0..1000.0).contains(&value) {
                return Err(VehicleError::Value {
                    key,
                    value,
                    must: "0 or more, and below 1000",
                });
            }
        }
        if !(0.0..100.0).contains(&self.reserve_pct) {
            return Err(VehicleError::Value {
                key: "reserve_pct",
                value: self.reserve_pct,
                must: "0 or more, and below 100",
            });
        }
        for (key, value) in [
            ("descend_w", self.descend_w),
            ("max_air_mps", self.max_air_mps),
            ("corner_radius_m", self.corner_radius_m),
        ] {
            if let Some(value) = value
                && !(value.is_finite() && value > 0.0 && value < 1e6)
            {
                return Err(VehicleError::Value {
                    key,
                    value,
                    must: "above 0",
                });
            }
        }
        let mut slowest = -1.0;
        for [speed, watts] in &self.power_w {
            let ascends = *speed > slowest && *speed >= 0.0 && *speed < 1e3;
            if !(ascends && watts.is_finite() && *watts > 0.0 && *watts < 1e6) {
                return Err(VehicleError::Value {
                    key: "power_w",
                    value: *speed,
                    must: "pairs of airspeed and watts, slowest first, all above 0",
                });
            }
            slowest = *speed;
        }
        if self.power_w.len() > MAX_CURVE {
            return Err(VehicleError::Value {
                key: "power_w",
                value: self.power_w.len() as f64,
                must: "at most 32 pairs",
            });
        }
        if self.cruise_mps > self.max_mps {
            return Err(VehicleError::Value {
                key: "cruise_mps",
                value: self.cruise_mps,
                must: "no faster than max_mps",
            });
        }
        Ok(())
    }

    /// The quadrotor that ships with the program and that `sim` flies by default.
    #[must_use]
    pub fn default_quad() -> Self {
        // The file is part of the program; a test proves that it equals this fallback's source.
        Self::from_toml(QUAD_X4).unwrap_or(VehicleSpec {
            name: "quad-x4".to_owned(),
            mass_kg: 2.4,
            cruise_mps: 8.0,
            max_mps: 12.0,
            climb_mps: 3.0,
            descend_mps: 1.5,
            brake_mps2: 3.0,
            react_s: 0.5,
            position_error_m: 2.0,
            gust_m: 1.5,
            battery_wh: 178.0,
            reserve_pct: 25.0,
            hover_w: 330.0,
            cruise_w: 360.0,
            climb_w: 450.0,
            power_w: Vec::new(),
            descend_w: None,
            max_air_mps: None,
            corner_radius_m: None,
        })
    }

    /// Fastest airspeed it can hold, m/s.
    #[must_use]
    pub fn max_air_mps(&self) -> f64 {
        self.max_air_mps.unwrap_or(self.max_mps)
    }

    /// How far before a corner its autopilot turns, metres.
    #[must_use]
    pub fn corner_radius_m(&self) -> f64 {
        self.corner_radius_m.unwrap_or(CORNER_RADIUS_M)
    }

    /// Fastest speed whose margin is no more than `room_m`, m/s; `None` when even standing still needs more.
    #[must_use]
    pub fn speed_for_margin_mps(&self, room_m: f64) -> Option<f64> {
        // v²/2a + v·t + still = room, solved for v.
        let spare_m = room_m - self.margin_m(0.0);
        if spare_m.is_nan() || spare_m < 0.0 {
            return None;
        }
        let at = self.brake_mps2 * self.react_s;
        Some(((at * at + 2.0 * self.brake_mps2 * spare_m).sqrt() - at).min(self.max_mps))
    }

    /// Distance to keep from a fence at `speed_mps`: `v·t_react + v²/2a + position error + gust`, metres.
    /// A speed that is no number, or negative, counts as the fastest this aircraft can fly.
    #[must_use]
    pub fn margin_m(&self, speed_mps: f64) -> f64 {
        let v = if speed_mps.is_finite() && speed_mps >= 0.0 {
            speed_mps
        } else {
            self.max_mps
        };
        v * self.react_s + v * v / (2.0 * self.brake_mps2) + self.position_error_m + self.gust_m
    }

    /// Seconds for a straight leg flown from rest to rest at up to `speed_mps`, braking and accelerating alike.
    #[must_use]
    pub fn leg_time_s(&self, length_m: f64, speed_mps: f64) -> f64 {
        let (v, a) = (speed_mps.max(0.1), self.brake_mps2);
        if length_m < v * v / a {
            2.0 * (length_m.max(0.0) / a).sqrt()
        } else {
            length_m / v + v / a
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_quad_is_what_the_file_says() {
        let from_file = VehicleSpec::from_toml(QUAD_X4).unwrap();
        assert_eq!(from_file, VehicleSpec::default_quad());
        let m = from_file.margin_m(8.0);
        assert!((15.0..22.0).contains(&m), "{m}");
        assert!(from_file.margin_m(f64::NAN) > m);
    }

    #[test]
    fn a_wrong_file_is_refused_by_key() {
        let slow = QUAD_X4.replace("brake_mps2 = 3.0", "brake_mps2 = 0.0");
        let why = VehicleSpec::from_toml(&slow).unwrap_err().to_string();
        assert!(why.contains("brake_mps2"), "{why}");
        let why = VehicleSpec::from_toml("name = 'x'")
            .unwrap_err()
            .to_string();
        assert!(why.contains("mass_kg"), "{why}");
    }
}
