//! Time and energy of a plan. Judges nothing about places.

use crate::plan::{Estimate, PlanFile, Step, steps};
use crate::plane::LocalPlane;

/// Time, way and energy of a plan's steps: rest to rest on every leg, still air.
#[must_use]
pub fn estimate(file: &PlanFile) -> Estimate {
    let plane = LocalPlane::new(file.home.at);
    let v = &file.vehicle;
    let mut e = Estimate::default();
    let mut distance_m = 0.0;
    for s in steps(file) {
        let mut spend = |seconds: f64, watts: f64| {
            e.time_s += seconds;
            e.energy_wh += seconds * watts / 3600.0;
        };
        let d = length_m(&plane, &s);
        distance_m += d;
        if d > 0.0 {
            spend(v.leg_time_s(d, s.speed_mps), v.cruise_w);
        }
        let up_m = s.to_alt.metres() - s.from_alt.metres();
        if up_m > 0.0 {
            spend(up_m / v.climb_mps, v.climb_w);
        } else {
            spend(-up_m / v.descend_mps, v.hover_w);
        }
        spend(s.hold_s, v.hover_w);
    }
    e.reserve_pct = tidy_number(100.0 * (1.0 - e.energy_wh / v.battery_wh));
    e.distance_m = tidy_number(distance_m);
    e.time_s = tidy_number(e.time_s);
    e.energy_wh = tidy_number(e.energy_wh);
    e
}

/// Horizontal length of a step, metres.
fn length_m(plane: &LocalPlane, s: &Step) -> f64 {
    plane.to_local(s.from).distance_m(plane.to_local(s.to))
}

/// To a thousandth: JSON numbers of few digits are the same number after every reading and writing.
fn tidy_number(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}
