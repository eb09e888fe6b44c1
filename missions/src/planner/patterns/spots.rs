//! Places to hover at: rounds in the shortest order, and the one place of an anomaly.

use super::lay::{Scene, Stroke};
use super::{DrawRefusal, Round, WatchPoint, rings};
use crate::plane::EastNorth;
use crate::planner::rounds::kit::{Budget, Dice};
use crate::planner::streets::order_points;

/// Kicks of the search for the shortest order, for each place.
const KICKS: u64 = 40;

/// A place that cannot be flown over is looked at from the nearest that can, but from no further away than this, metres:
/// further off a tilted camera no longer shows a person as one.
pub const LOOK_FROM_M: f64 = 250.0;

/// Watch points in the order of the shortest way from the start (and back), by the ways that may be flown.
pub(super) fn round(points: &[WatchPoint<EastNorth>], scene: &Scene<'_>) -> Vec<Stroke> {
    let ground = scene.ground;
    // What is not to be reached has no place in the order: it comes last, and is left out when the way is joined.
    let (points, lost): (Vec<_>, Vec<_>) = points.iter().copied().partition(|w| {
        let at = ground.on_grid(w.at);
        match scene.from {
            Some(from) => ground.route(from, at).is_some(),
            None => ground.sees(at, at),
        }
    });
    let places: Vec<EastNorth> = points.iter().map(|w| ground.on_grid(w.at)).collect();
    let n = points.len();
    // The start is one place more; other parts of the area lie far away.
    let far_m = 1e7;
    let at = |i: usize| places.get(i).copied().or(scene.from);
    let way_m = |i: usize, j: usize| match (at(i), at(j)) {
        (Some(a), Some(b)) if a == b => 0.0,
        (Some(a), Some(b)) => ground
            .route(a, b)
            .map_or(far_m, |way| super::length_m(&way)),
        // Without a start the way may begin anywhere.
        _ => 0.0,
    };
    let mut table = vec![vec![0.0; n + 1]; n + 1];
    for i in 0..=n {
        for j in i + 1..=n {
            let m = way_m(i, j);
            for (a, b) in [(i, j), (j, i)] {
                if let Some(cell) = table.get_mut(a).and_then(|r| r.get_mut(b)) {
                    *cell = m;
                }
            }
        }
    }
    let cell = |i: usize, j: usize| {
        table
            .get(i)
            .and_then(|r| r.get(j))
            .copied()
            .unwrap_or(far_m)
    };
    // An open way from the start ends anywhere: one place more, next to the start alone.
    let end = n + 1;
    let cost = |i: usize, j: usize| match (i.max(j) == end, i.min(j) == n) {
        (true, true) => 0.0,
        (true, false) => far_m,
        (false, _) => cell(i, j),
    };
    let nodes = match (scene.from, scene.back) {
        (None, true) => n,
        (None, false) | (Some(_), true) => n + 1,
        (Some(_), false) => n + 2,
    };
    let mut stop = || false;
    let mut order = if nodes > 3 {
        let mut budget = Budget::new(&mut stop);
        let mut dice = Dice::new(scene.seed);
        order_points(nodes, &cost, KICKS * nodes as u64, &mut dice, &mut budget)
    } else {
        (0..nodes).collect()
    };
    if let Some(begin) = order.iter().position(|i| *i == n) {
        order.rotate_left(begin);
        if order.get(1) == Some(&end) {
            order.reverse();
        }
    }
    order
        .into_iter()
        .filter_map(|i| points.get(i))
        .chain(&lost)
        .map(|w| Stroke {
            places: vec![w.at],
            hold_s: w.hold_s,
            look_at: None,
        })
        .collect()
}

/// To one place and hover there, or as near as may be; or around it.
///
/// # Errors
/// [`DrawRefusal::DatumOutside`] where nothing within [`LOOK_FROM_M`] may be flown over.
pub(super) fn revisit(
    place: EastNorth,
    hold_s: f64,
    round: Option<&Round>,
    scene: &Scene<'_>,
) -> Result<Vec<Stroke>, DrawRefusal> {
    if let Some(round) = round {
        return Ok(vec![rings::orbit(place, round, scene.from)]);
    }
    let on_grid = scene.ground.on_grid(place);
    let over = if scene.ground.sees(on_grid, on_grid) {
        on_grid
    } else {
        let nearest = scene
            .ground
            .nearest(place)
            .ok_or(DrawRefusal::MarginLeavesNothing {
                margin_m: scene.margin_m,
            })?;
        if nearest.distance_m(place) > LOOK_FROM_M {
            return Err(DrawRefusal::DatumOutside {
                datum: place,
                nearest: Some(nearest),
            });
        }
        nearest
    };
    Ok(vec![Stroke {
        places: vec![over],
        hold_s,
        look_at: Some(place),
    }])
}
