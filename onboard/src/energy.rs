//! How long the battery lasts before the way home must begin.

use crate::facts::Position;
use missions::plan::PatrolPlan;

/// What the battery allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Endurance {
    /// Seconds of flight left before the return must begin; 0 or less: now.
    pub seconds: f64,
    /// Energy the way home takes, Wh.
    pub home_wh: f64,
}

/// From a battery reading, a position and the plan's figures: what is left above the way home and the reserve.
///
/// The way home is taken a quarter longer than the straight line, for keep-outs on the way.
#[must_use]
pub fn endurance(plan: &PatrolPlan, at: &Position, battery_pct: f64) -> Endurance {
    const DETOUR: f64 = 1.25;
    let file = plan.file();
    let spec = &file.vehicle;
    let plane = plan.fence().plane();
    let way_m = plane
        .to_local(at.at)
        .distance_m(plane.to_local(file.home.at))
        * DETOUR;
    let speed = file.speed_mps.clamp(1.0, spec.max_mps.max(1.0));
    let climb_m = (file.return_alt.metres() - at.above_home_m).max(0.0);
    let down_m = at.above_home_m.max(file.return_alt.metres());
    let home_wh = (way_m / speed * spec.cruise_w
        + climb_m / spec.climb_mps * spec.climb_w
        + down_m / spec.descend_mps * spec.hover_w)
        / 3600.0;
    let left_wh = spec.battery_wh * (battery_pct - spec.reserve_pct) / 100.0 - home_wh;
    let power_w = spec.cruise_w.max(spec.hover_w);
    Endurance {
        seconds: left_wh * 3600.0 / power_w.max(1.0),
        home_wh,
    }
}
