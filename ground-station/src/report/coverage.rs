//! How much of the plan was flown, and how long ago each part of it was last passed.

use crate::evidence::export::Fix;
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use serde::Serialize;
use std::collections::BTreeMap;

/// One place of the planned path every so many metres.
pub const STEP_M: f64 = 5.0;
/// A place is flown where a recorded position came within this, metres.
pub const NEAR_M: f64 = 10.0;
/// Places of a path at most: 500 km of it.
const MAX_PLACES: usize = 100_000;
/// Lower than this over home nobody is on a patrol, metres.
const ALOFT_M: f64 = 2.0;

/// What was flown of the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Places of the planned path.
    pub places: usize,
    /// Of them, flown.
    pub flown: usize,
    /// The same in per cent.
    pub flown_pct: f64,
    /// Of what was flown: seconds from the last pass to the end of the flight, median.
    pub age_median_s: Option<f64>,
    /// The same, longest.
    pub age_worst_s: Option<f64>,
}

/// Whether an aircraft was in the air at a fix.
pub fn aloft(f: &Fix) -> bool {
    f.armed != Some(false) && f.above_home_m >= ALOFT_M
}

/// Places along the path, `STEP_M` apart.
fn along(path: &[EastNorth]) -> Vec<EastNorth> {
    let mut out = Vec::new();
    let mut left = 0.0;
    for pair in path.windows(2) {
        let [a, b] = pair else { continue };
        let (de, dn) = (b.east_m - a.east_m, b.north_m - a.north_m);
        let length = de.hypot(dn);
        if !length.is_finite() || length <= 0.0 {
            continue;
        }
        while left <= length && out.len() < MAX_PLACES {
            let k = left / length;
            out.push(EastNorth::new(a.east_m + k * de, a.north_m + k * dn));
            left += STEP_M;
        }
        left -= length;
    }
    out
}

/// Holds the path against the fixes; `None`: there is no path.
#[must_use]
pub fn coverage(plane: &LocalPlane, path: &[LatLon], fixes: &[Fix]) -> Option<Coverage> {
    let path: Vec<EastNorth> = path.iter().map(|p| plane.to_local(*p)).collect();
    let places = along(&path);
    if places.is_empty() {
        return None;
    }
    // Fixes in squares as wide as what counts as near: only the nine around a place are asked.
    let square = |p: &EastNorth| {
        (
            (p.east_m / NEAR_M).floor() as i64,
            (p.north_m / NEAR_M).floor() as i64,
        )
    };
    let mut squares: BTreeMap<(i64, i64), Vec<(EastNorth, i64)>> = BTreeMap::new();
    let mut end_us = None::<i64>;
    for f in fixes.iter().filter(|f| aloft(f)) {
        let Ok(at) = LatLon::from_degrees(f.lat_deg, f.lon_deg) else {
            continue;
        };
        let at = plane.to_local(at);
        squares.entry(square(&at)).or_default().push((at, f.utc.0));
        end_us = end_us.max(Some(f.utc.0));
    }
    let last_pass = |p: &EastNorth| {
        let (e, n) = square(p);
        let around = (e - 1..=e + 1).flat_map(|e| (n - 1..=n + 1).map(move |n| (e, n)));
        around
            .filter_map(|s| squares.get(&s))
            .flatten()
            .filter(|(q, _)| (q.east_m - p.east_m).hypot(q.north_m - p.north_m) <= NEAR_M)
            .map(|(_, t_us)| *t_us)
            .max()
    };
    let mut ages: Vec<f64> = places
        .iter()
        .filter_map(last_pass)
        .filter_map(|t| Some((end_us? - t) as f64 * 1e-6))
        .collect();
    ages.sort_by(f64::total_cmp);
    Some(Coverage {
        places: places.len(),
        flown: ages.len(),
        flown_pct: 100.0 * ages.len() as f64 / places.len() as f64,
        age_median_s: ages.get(ages.len() / 2).copied(),
        age_worst_s: ages.last().copied(),
    })
}
