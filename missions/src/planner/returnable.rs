//! From where may it return? The places from which the autopilot's own return, straight to whichever site it may take
//! for the nearest, stays inside: as polygons, for sweeps to be laid in.
//!
//! A supply of good lines, not a proof: every leg is proven by [`Returns`](crate::plan::Returns) afterwards.

use super::ground::polygon;
use super::patterns::rings::shrink;
use crate::fence::Fence;
use crate::fence::contain::Rules;
use crate::plane::EastNorth;
use geo::{Area, BooleanOps, Coord, LineString, MultiPolygon, Polygon};

/// Two sites whose distances differ by less than this may each be taken for the nearest, metres: a little more than the
/// proof allows, which judges pieces of legs.
const DOUBT_M: f64 = 6.0;
/// Outlines with more corners are not looked through: the proof alone cuts what cannot be returned from.
const MAX_CORNERS: usize = 3_000;
/// Beyond everything, metres.
const FAR_M: f64 = 50_000.0;
/// Half of the corners that draw where one site becomes nearer than another.
const BRANCH: i32 = 40;
/// A ray passes a corner on either side by this angle, radians.
const BESIDE_RAD: f64 = 1e-6;
/// Seen and unseen places that differ by less than this part of the area are the same.
const SAME: f64 = 1e-3;

/// Heights above the sea: of the patrol, and of the returns from it.
pub(super) struct Heights {
    pub patrol_m: f64,
    pub return_m: f64,
}

/// What of `free` (places that keep the margin at the patrol's height) may be returned from to `sites`. `None` where
/// that is all of it, or was not looked for.
pub(super) fn returnable(
    free: &MultiPolygon<f64>,
    fence: &Fence,
    rules: &Rules,
    heights: &Heights,
    sites: &[EastNorth],
) -> Option<MultiPolygon<f64>> {
    let counting = |low_m: f64, high_m: f64| {
        let keepouts: Vec<Polygon<f64>> = fence
            .keepout_areas()
            .filter(|(k, _)| fence.counts(k, low_m, high_m, rules))
            .map(|(_, area)| polygon(area))
            .collect();
        let left = super::cover::target(&[polygon(fence.boundary())], &keepouts);
        shrink(&left, rules.margin_m)
    };
    let top_m = heights.return_m.max(heights.patrol_m);
    let level = counting(top_m, top_m);
    let corners: usize = rings(&level).map(|r| r.0.len()).sum();
    if corners > MAX_CORNERS {
        return None;
    }
    let mut left = free.intersection(&counting(heights.patrol_m, top_m));
    for (i, site) in sites.iter().enumerate() {
        let mut mine = MultiPolygon(vec![around()]);
        for (j, other) in sites.iter().enumerate() {
            if i != j {
                mine = mine.difference(&surely_nearer(*other, *site)?);
            }
        }
        // Small on purpose: rays that graze a corner would leave slivers.
        let seen = seen_from(*site, &level);
        left = left.difference(&mine.difference(&seen));
    }
    (left.unsigned_area() < (1.0 - SAME) * free.unsigned_area()).then_some(left)
}

fn rings(shape: &MultiPolygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    shape
        .0
        .iter()
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
}

fn around() -> Polygon<f64> {
    let corner = |x: f64, y: f64| Coord {
        x: x * FAR_M,
        y: y * FAR_M,
    };
    Polygon::new(
        LineString(vec![
            corner(-1.0, -1.0),
            corner(1.0, -1.0),
            corner(1.0, 1.0),
            corner(-1.0, 1.0),
        ]),
        Vec::new(),
    )
}

/// Places that are nearer to `a` than to `b` beyond doubt: inside one branch of a hyperbola, whose chords lie inside it.
/// `None` where the two are so near to each other that nowhere is.
fn surely_nearer(a: EastNorth, b: EastNorth) -> Option<Polygon<f64>> {
    let half_m = a.distance_m(b) / 2.0;
    if half_m <= DOUBT_M {
        return Some(Polygon::new(LineString(Vec::new()), Vec::new()));
    }
    let (along_m, across_m) = (
        DOUBT_M / 2.0,
        (half_m * half_m - DOUBT_M * DOUBT_M / 4.0).sqrt(),
    );
    let (ux, uy) = (
        (a.east_m - b.east_m) / (2.0 * half_m),
        (a.north_m - b.north_m) / (2.0 * half_m),
    );
    let (mx, my) = (
        f64::midpoint(a.east_m, b.east_m),
        f64::midpoint(a.north_m, b.north_m),
    );
    let place = |x: f64, y: f64| Coord {
        x: mx + x * ux - y * uy,
        y: my + x * uy + y * ux,
    };
    let last = (0.4 * FAR_M / across_m).asinh();
    let mut ring: Vec<Coord<f64>> = (-BRANCH..=BRANCH)
        .map(|k| {
            let t = last * f64::from(k) / f64::from(BRANCH);
            place(along_m * t.cosh(), across_m * t.sinh())
        })
        .collect();
    // Closed far behind.
    ring.push(place(FAR_M, 0.4 * FAR_M));
    ring.push(place(FAR_M, -0.4 * FAR_M));
    Some(Polygon::new(LineString(ring), Vec::new()))
}

/// What is seen from a place: rays past every corner, to the nearest outline.
fn seen_from(from: EastNorth, inside: &MultiPolygon<f64>) -> MultiPolygon<f64> {
    let edges: Vec<(f64, f64, f64, f64)> = rings(inside)
        .flat_map(LineString::lines)
        .map(|l| {
            let (a, b) = (l.start, l.end);
            (
                a.x - from.east_m,
                a.y - from.north_m,
                b.x - from.east_m,
                b.y - from.north_m,
            )
        })
        .collect();
    let mut angles: Vec<f64> = edges
        .iter()
        .flat_map(|e| {
            let angle = e.1.atan2(e.0);
            [angle - BESIDE_RAD, angle + BESIDE_RAD]
        })
        .collect();
    angles.sort_by(f64::total_cmp);
    let ring: Vec<Coord<f64>> = angles
        .into_iter()
        .filter_map(|angle| {
            let (sin, cos) = angle.sin_cos();
            let nearest = edges
                .iter()
                .filter_map(|(ax, ay, bx, by)| {
                    // Where the ray's line passes between the ends.
                    let (s, t) = (cos * ay - sin * ax, cos * by - sin * bx);
                    if (s > 0.0) == (t > 0.0) {
                        return None;
                    }
                    let part = s / (s - t);
                    let along = cos * (ax + part * (bx - ax)) + sin * (ay + part * (by - ay));
                    (along > 0.0).then_some(along)
                })
                .fold(f64::INFINITY, f64::min);
            nearest.is_finite().then_some(Coord {
                x: from.east_m + nearest * cos,
                y: from.north_m + nearest * sin,
            })
        })
        .collect();
    if ring.len() < 3 {
        return MultiPolygon(Vec::new());
    }
    MultiPolygon(vec![Polygon::new(LineString(ring), Vec::new())]).intersection(inside)
}
