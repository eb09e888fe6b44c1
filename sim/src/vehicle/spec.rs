//! The airframe's numbers.

use serde::{Deserialize, Serialize};

/// Standard gravity, m/s².
pub const GRAVITY_MPS2: f64 = 9.806_65;

/// A quadrotor of the 2 kg class: what its makers would print on the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AirframeSpec {
    /// Take-off mass, kg.
    pub mass_kg: f64,
    /// Drag area times drag coefficient, side and front alike, m².
    pub drag_area_m2: f64,
    /// Drag area times drag coefficient against vertical flow, m².
    pub drag_area_vertical_m2: f64,
    /// Greatest thrust over weight with a full battery.
    pub thrust_to_weight: f64,
    /// Time constant of motors and propellers, s.
    pub motor_lag_s: f64,
    /// Natural frequency of the attitude loop, rad/s.
    pub attitude_rad_s: f64,
    /// Greatest tilt, rad.
    pub max_tilt_rad: f64,
    /// Greatest yaw rate, rad/s.
    pub max_yaw_rate_rad_s: f64,
    /// Electric power in hover at take-off mass, W.
    pub hover_w: f64,
    /// Power of the electronics, W.
    pub idle_w: f64,
    /// Cells in series.
    pub cells: u8,
    /// Capacity, mAh.
    pub capacity_mah: f64,
    /// Internal resistance of the whole pack, ohm.
    pub resistance_ohm: f64,
}

impl Default for AirframeSpec {
    fn default() -> Self {
        AirframeSpec {
            mass_kg: 2.0,
            drag_area_m2: 0.042,
            drag_area_vertical_m2: 0.075,
            thrust_to_weight: 2.1,
            motor_lag_s: 0.05,
            attitude_rad_s: 11.0,
            max_tilt_rad: 0.61,
            max_yaw_rate_rad_s: 1.57,
            hover_w: 290.0,
            idle_w: 9.0,
            cells: 4,
            capacity_mah: 10_000.0,
            resistance_ohm: 0.024,
        }
    }
}
