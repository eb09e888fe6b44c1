//! Electric power against airspeed, and what wind does to a straight leg.
//!
//! Calibrated from the vehicle file: hover and cruise, or a measured curve. A multicopter's power falls a little from
//! hover, then rises with the cube of airspeed, and is convex in between (Leishman, Principles of Helicopter
//! Aerodynamics, ch. 5): straight lines between measured points are never below it.

use crate::vehicle::VehicleSpec;
use serde::{Deserialize, Serialize};

/// Part of the power at the fastest measured airspeed that is taken to grow with its cube beyond it. Measure a faster
/// point to know better.
const PARASITE_SHARE: f64 = 0.35;
/// Slower over ground than this is no progress, m/s.
pub const LEAST_GROUND_MPS: f64 = 1.0;

/// The wind a plan reckons with, everywhere and all the time.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wind {
    /// Where it comes from, degrees clockwise from north.
    pub from_deg: f64,
    /// How strong, m/s.
    pub speed_mps: f64,
    /// By how much the vector may be off, m/s, in any direction.
    #[serde(default)]
    pub unsure_mps: f64,
}

/// Part of a stated wind's strength that is taken as unsure, in any direction. Chosen, not measured: a forecast is given
/// in whole metres a second for a county, and gusts are told apart from it.
pub const STATED_WIND_UNSURE: f64 = 0.25;

impl Wind {
    /// A wind as a person states it: where it comes from, degrees clockwise from north, and how strong, m/s. A part of
    /// it is taken as unsure.
    #[must_use]
    pub fn stated(from_deg: f64, speed_mps: f64) -> Wind {
        Wind {
            from_deg: from_deg.rem_euclid(360.0),
            speed_mps,
            unsure_mps: speed_mps * STATED_WIND_UNSURE,
        }
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.speed_mps == 0.0 && self.unsure_mps == 0.0
    }
    /// Whether its figures are ones a wind can have.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        self.from_deg.is_finite()
            && (0.0..=60.0).contains(&self.speed_mps)
            && (0.0..=60.0).contains(&self.unsure_mps)
    }
    /// Where the air goes, m/s east and north.
    #[must_use]
    pub fn towards_mps(&self) -> (f64, f64) {
        let (sin, cos) = self.from_deg.to_radians().sin_cos();
        (-self.speed_mps * sin, -self.speed_mps * cos)
    }
}

/// What a straight leg takes of the aircraft.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gait {
    /// Speed over ground, m/s: as asked, or as the wind lets it.
    pub ground_mps: f64,
    /// Most power while at that speed, W.
    pub watts: f64,
}

/// Corners of the power curve, by airspeed: m/s, W.
fn curve(spec: &VehicleSpec) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = if spec.power_w.is_empty() {
        vec![(spec.cruise_mps, spec.cruise_w)]
    } else {
        spec.power_w.iter().map(|[v, w]| (*v, *w)).collect()
    };
    if out.first().is_none_or(|p| p.0 > 0.0) {
        out.insert(0, (0.0, spec.hover_w));
    }
    out
}

/// Power in level flight at an airspeed, W. An airspeed that is no number costs infinitely much.
#[must_use]
pub fn level_w(spec: &VehicleSpec, air_mps: f64) -> f64 {
    if !air_mps.is_finite() {
        return f64::INFINITY;
    }
    let v = air_mps.max(0.0);
    let points = curve(spec);
    for pair in points.windows(2) {
        if let [(v0, w0), (v1, w1)] = pair
            && v <= *v1
        {
            return w0 + (w1 - w0) * (v - v0) / (v1 - v0);
        }
    }
    let (last_mps, last_w) = points.last().copied().unwrap_or((0.0, spec.hover_w));
    if last_mps > 0.0 {
        last_w * (1.0 + PARASITE_SHARE * ((v / last_mps).powi(3) - 1.0))
    } else {
        last_w
    }
}

/// Most power over a span of airspeeds, W: at an end, or at a corner of the curve between.
#[must_use]
pub fn most_w(spec: &VehicleSpec, low_mps: f64, high_mps: f64) -> f64 {
    curve(spec)
        .into_iter()
        .filter(|(v, _)| *v > low_mps && *v < high_mps)
        .map(|p| p.1)
        .fold(
            level_w(spec, low_mps).max(level_w(spec, high_mps)),
            f64::max,
        )
}

/// How a leg towards `(east, north)` (a unit vector) is flown at `speed_mps` over ground. `None` when the wind leaves no
/// progress.
#[must_use]
pub fn along(spec: &VehicleSpec, wind: &Wind, unit: (f64, f64), speed_mps: f64) -> Option<Gait> {
    let (we, wn) = wind.towards_mps();
    let (tail, side) = (we * unit.0 + wn * unit.1, wn * unit.0 - we * unit.1);
    // |ground·unit − wind| must stay within what the aircraft can fly, less what the wind may be off.
    let most_air_mps = spec.max_air_mps() - wind.unsure_mps;
    let forward2 = most_air_mps * most_air_mps - side * side;
    if !(most_air_mps > 0.0 && forward2 >= 0.0) {
        return None;
    }
    let ground_mps = speed_mps.min(tail + forward2.sqrt());
    // A speed that the wind pushes past (a tail wind above what braking against it may fly) is held back by the same
    // airspeed: it must not be left at the lower end either.
    if !(ground_mps >= LEAST_GROUND_MPS.min(speed_mps) && ground_mps >= tail - forward2.sqrt()) {
        return None;
    }
    let air_mps = (ground_mps - tail).hypot(side);
    Some(Gait {
        ground_mps,
        watts: most_w(
            spec,
            (air_mps - wind.unsure_mps).max(0.0),
            air_mps + wind.unsure_mps,
        ),
    })
}

/// Most power to stay over a place, W.
#[must_use]
pub fn hover_w(spec: &VehicleSpec, wind: &Wind) -> f64 {
    most_w(
        spec,
        (wind.speed_mps - wind.unsure_mps).max(0.0),
        wind.speed_mps + wind.unsure_mps,
    )
}

/// Most power on the way straight up or down, W: the vehicle's figure, and what standing against the wind adds to hover.
#[must_use]
pub fn vertical_w(spec: &VehicleSpec, wind: &Wind, up: bool) -> f64 {
    let still_w = if up {
        spec.climb_w
    } else {
        spec.descend_w.unwrap_or(spec.hover_w)
    };
    still_w + (hover_w(spec, wind) - level_w(spec, 0.0)).max(0.0)
}

/// The speed over ground that takes the least energy a metre along `unit` in this wind, m/s, to a tenth; `None` when no
/// speed makes progress.
#[must_use]
pub fn best_range_mps(spec: &VehicleSpec, wind: &Wind, unit: (f64, f64)) -> Option<f64> {
    let tenths = (spec.max_mps * 10.0).floor().clamp(10.0, 1_000.0) as u32;
    (10..=tenths)
        .map(|t| f64::from(t) / 10.0)
        .filter_map(|v| {
            let g = along(spec, wind, unit, v)?;
            (g.ground_mps >= v - 1e-9).then_some((v, g.watts / v))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|p| p.0)
}
