//! Outlines on the local plane: inside, distance, crossing. Pure geometry, total functions, no panics.
//!
//! Inside-ness is decided by exact orientation (Shewchuk's predicates through the `geo` crate), so that no answer
//! depends on rounding; distances are plain floating point.

use crate::plane::EastNorth;
use geo::Coord;
use geo::algorithm::kernels::{Kernel, Orientation, RobustKernel};

/// A segment.
pub type Edge = (EastNorth, EastNorth);

/// An area on the plane.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// Rings, not closed; a point inside an odd number of them is inside.
    Rings(Vec<Vec<EastNorth>>),
    /// A disc.
    Disc {
        /// Middle.
        centre: EastNorth,
        /// Radius, metres.
        radius_m: f64,
    },
}

fn coord(p: EastNorth) -> Coord<f64> {
    Coord {
        x: p.east_m,
        y: p.north_m,
    }
}

fn orient(a: EastNorth, b: EastNorth, c: EastNorth) -> Orientation {
    RobustKernel::orient2d(coord(a), coord(b), coord(c))
}

/// Distance from `p` to the segment, metres.
#[must_use]
pub fn point_to_edge_m(p: EastNorth, (a, b): Edge) -> f64 {
    p.distance_m(nearest_on_edge(p, (a, b)))
}

/// Point of the segment nearest to `p`.
#[must_use]
pub fn nearest_on_edge(p: EastNorth, (a, b): Edge) -> EastNorth {
    let (dx, dy) = (b.east_m - a.east_m, b.north_m - a.north_m);
    let len2 = dx * dx + dy * dy;
    if len2 <= 0.0 {
        return a;
    }
    let t = (((p.east_m - a.east_m) * dx + (p.north_m - a.north_m) * dy) / len2).clamp(0.0, 1.0);
    EastNorth::new(a.east_m + t * dx, a.north_m + t * dy)
}

/// Whether two segments share a point, exactly.
#[must_use]
pub fn edges_meet((a, b): Edge, (c, d): Edge) -> bool {
    let (o1, o2, o3, o4) = (
        orient(a, b, c),
        orient(a, b, d),
        orient(c, d, a),
        orient(c, d, b),
    );
    if o1 != o2 && o3 != o4 && o1 != Orientation::Collinear && o2 != Orientation::Collinear {
        return true;
    }
    let on = |o: Orientation, p: EastNorth, (u, v): Edge| {
        o == Orientation::Collinear
            && p.east_m >= u.east_m.min(v.east_m)
            && p.east_m <= u.east_m.max(v.east_m)
            && p.north_m >= u.north_m.min(v.north_m)
            && p.north_m <= u.north_m.max(v.north_m)
    };
    if on(o1, c, (a, b)) || on(o2, d, (a, b)) || on(o3, a, (c, d)) || on(o4, b, (c, d)) {
        return true;
    }
    o1 != o2 && o3 != o4
}

/// Least distance between two segments, metres; 0 where they meet.
#[must_use]
pub fn edge_to_edge_m(e: Edge, f: Edge) -> f64 {
    if edges_meet(e, f) {
        return 0.0;
    }
    point_to_edge_m(e.0, f)
        .min(point_to_edge_m(e.1, f))
        .min(point_to_edge_m(f.0, e))
        .min(point_to_edge_m(f.1, e))
}

/// Edges of a ring, the closing one included.
pub fn edges(ring: &[EastNorth]) -> impl Iterator<Item = Edge> + '_ {
    ring.iter()
        .copied()
        .zip(ring.iter().copied().cycle().skip(1))
}

fn ring_contains(p: EastNorth, ring: &[EastNorth]) -> bool {
    let mut inside = false;
    for (a, b) in edges(ring) {
        if (a.north_m > p.north_m) != (b.north_m > p.north_m) {
            let up = b.north_m > a.north_m;
            let side = orient(a, b, p);
            if (up && side == Orientation::CounterClockwise)
                || (!up && side == Orientation::Clockwise)
            {
                inside = !inside;
            }
        }
    }
    inside
}

/// The piece of the line `origin + t·unit` nearer than `radius_m` to a segment, as `(t_from, t_to)`: a line cuts the
/// segment's capsule in one piece.
#[must_use]
pub fn near_edge(
    origin: EastNorth,
    unit: (f64, f64),
    (a, b): Edge,
    radius_m: f64,
) -> Option<(f64, f64)> {
    let mut piece = near_point(origin, unit, a, radius_m);
    let mut take = |other: Option<(f64, f64)>| {
        piece = match (piece, other) {
            (Some((f, t)), Some((g, u))) => Some((f.min(g), t.max(u))),
            (one, two) => one.or(two),
        };
    };
    take(near_point(origin, unit, b, radius_m));
    let (dx, dy) = (b.east_m - a.east_m, b.north_m - a.north_m);
    let len = dx.hypot(dy);
    if len > 0.0 {
        let (dx, dy) = (dx / len, dy / len);
        let (ox, oy) = (origin.east_m - a.east_m, origin.north_m - a.north_m);
        // Along the segment: 0..len. Across it: -radius..radius. Both are linear in t.
        let along = strip(ox * dx + oy * dy, unit.0 * dx + unit.1 * dy, 0.0, len);
        let across = strip(
            oy * dx - ox * dy,
            unit.1 * dx - unit.0 * dy,
            -radius_m,
            radius_m,
        );
        if let (Some((f, t)), Some((g, u))) = (along, across) {
            let (from, to) = (f.max(g), t.min(u));
            if from < to {
                take(Some((from, to)));
            }
        }
    }
    piece
}

/// Where `at + t·rate` lies in `low..high`.
fn strip(at: f64, rate: f64, low: f64, high: f64) -> Option<(f64, f64)> {
    if rate == 0.0 {
        return (at > low && at < high).then_some((f64::NEG_INFINITY, f64::INFINITY));
    }
    let (t, u) = ((low - at) / rate, (high - at) / rate);
    Some((t.min(u), t.max(u)))
}

fn near_point(
    origin: EastNorth,
    unit: (f64, f64),
    p: EastNorth,
    radius_m: f64,
) -> Option<(f64, f64)> {
    let (dx, dy) = (p.east_m - origin.east_m, p.north_m - origin.north_m);
    let (along, across) = (dx * unit.0 + dy * unit.1, dy * unit.0 - dx * unit.1);
    let half2 = radius_m * radius_m - across * across;
    (half2 > 0.0).then(|| (along - half2.sqrt(), along + half2.sqrt()))
}

impl Area {
    /// Pieces of the line `origin + t·unit` nearer than `radius_m` to the outline; a disc counts with its inside.
    pub fn near_outline(
        &self,
        origin: EastNorth,
        unit: (f64, f64),
        radius_m: f64,
        out: &mut Vec<(f64, f64)>,
    ) {
        match self {
            Area::Rings(rings) => out.extend(
                rings
                    .iter()
                    .flat_map(|r| edges(r))
                    .filter_map(|e| near_edge(origin, unit, e, radius_m)),
            ),
            Area::Disc {
                centre,
                radius_m: r,
            } => {
                out.extend(near_point(origin, unit, *centre, r + radius_m));
            }
        }
    }

    /// Corners of a way around the outline at `distance_m`: outside it (`outside`), or within it at corners that point
    /// inwards. Each corner that has to be gone around gets points on a polygon about the circle of that radius.
    #[must_use]
    pub fn way_corners(&self, distance_m: f64, outside: bool) -> Vec<EastNorth> {
        use std::f64::consts::{FRAC_PI_2, FRAC_PI_3, FRAC_PI_6, PI, TAU};
        let mut out = Vec::new();
        let mut arc = |c: EastNorth, radius_m: f64, from: f64, turn: f64, step: f64| {
            let n = (turn / step).ceil().max(1.0);
            let reach_m = radius_m / (turn / n / 2.0).cos();
            for i in 0..n as u32 {
                let (sin, cos) = (from + turn * (f64::from(i) + 0.5) / n).sin_cos();
                out.push(EastNorth::new(
                    c.east_m + reach_m * cos,
                    c.north_m + reach_m * sin,
                ));
            }
        };
        match self {
            Area::Disc { centre, radius_m } if outside => {
                // Six corners would reach out by 15 %, twelve by 4 %: a shorter way round.
                arc(*centre, radius_m + distance_m, 0.0, TAU, FRAC_PI_6);
            }
            Area::Disc { .. } => {}
            Area::Rings(rings) => {
                for (k, ring) in rings.iter().enumerate() {
                    let area: f64 = edges(ring)
                        .map(|(a, b)| a.east_m * b.north_m - b.east_m * a.north_m)
                        .sum();
                    // Walk every ring with the free side to the right.
                    let free_right = (area > 0.0) == (outside == (k == 0));
                    let n = ring.len();
                    for i in 0..n {
                        let at = |j: usize| ring.get(j % n).copied();
                        let (Some(a), Some(b), Some(c)) = (at(i), at(i + 1), at(i + 2)) else {
                            continue;
                        };
                        let (a, c) = if free_right { (a, c) } else { (c, a) };
                        if orient(a, b, c) != Orientation::CounterClockwise {
                            continue;
                        }
                        let heading = |p: EastNorth, q: EastNorth| {
                            (q.north_m - p.north_m).atan2(q.east_m - p.east_m)
                        };
                        let from = heading(a, b) - FRAC_PI_2;
                        let turn = (heading(b, c) - heading(a, b)).rem_euclid(TAU).min(PI);
                        arc(b, distance_m, from, turn, FRAC_PI_3);
                    }
                }
            }
        }
        out
    }

    /// Whether `p` is inside (a point on the edge may be either; its distance to the edge is 0).
    #[must_use]
    pub fn contains(&self, p: EastNorth) -> bool {
        match self {
            Area::Rings(rings) => rings.iter().filter(|r| ring_contains(p, r)).count() % 2 == 1,
            Area::Disc { centre, radius_m } => p.distance_m(*centre) < *radius_m,
        }
    }

    /// Distance from `p` to the outline, metres, whichever side.
    #[must_use]
    pub fn to_outline_m(&self, p: EastNorth) -> f64 {
        match self {
            Area::Rings(rings) => rings
                .iter()
                .flat_map(|r| edges(r))
                .map(|e| point_to_edge_m(p, e))
                .fold(f64::INFINITY, f64::min),
            Area::Disc { centre, radius_m } => (p.distance_m(*centre) - radius_m).abs(),
        }
    }

    /// Signed distance: positive inside, negative outside, metres.
    #[must_use]
    pub fn depth_m(&self, p: EastNorth) -> f64 {
        let d = self.to_outline_m(p);
        if self.contains(p) { d } else { -d }
    }

    /// Least distance from the segment to the outline, metres; 0 where it crosses.
    #[must_use]
    pub fn edge_to_outline_m(&self, e: Edge) -> f64 {
        match self {
            Area::Rings(rings) => {
                let (lo_e, hi_e) = (e.0.east_m.min(e.1.east_m), e.0.east_m.max(e.1.east_m));
                let (lo_n, hi_n) = (e.0.north_m.min(e.1.north_m), e.0.north_m.max(e.1.north_m));
                let mut best = f64::INFINITY;
                for f in rings.iter().flat_map(|r| edges(r)) {
                    // Boxes further apart than the best so far cannot be nearer.
                    let gap_e = (f.0.east_m.min(f.1.east_m) - hi_e)
                        .max(lo_e - f.0.east_m.max(f.1.east_m))
                        .max(0.0);
                    let gap_n = (f.0.north_m.min(f.1.north_m) - hi_n)
                        .max(lo_n - f.0.north_m.max(f.1.north_m))
                        .max(0.0);
                    if gap_e.hypot(gap_n) < best {
                        best = best.min(edge_to_edge_m(e, f));
                    }
                }
                best
            }
            Area::Disc { centre, radius_m } => {
                let nearest = point_to_edge_m(*centre, e);
                let farthest = centre.distance_m(e.0).max(centre.distance_m(e.1));
                if nearest > *radius_m {
                    nearest - radius_m
                } else if farthest < *radius_m {
                    radius_m - farthest
                } else {
                    0.0
                }
            }
        }
    }

    /// Place on the outline nearest to the segment's nearest point, for messages.
    #[must_use]
    pub fn nearest_to_edge(&self, e: Edge) -> EastNorth {
        let mut best = (f64::INFINITY, e.0);
        // Sampling is enough to point at a place; the judgement itself is exact.
        for i in 0..=64 {
            let t = f64::from(i) / 64.0;
            let p = EastNorth::new(
                e.0.east_m + t * (e.1.east_m - e.0.east_m),
                e.0.north_m + t * (e.1.north_m - e.0.north_m),
            );
            let d = self.to_outline_m(p);
            if d < best.0 {
                best = (d, p);
            }
        }
        best.1
    }

    /// Where the outline crosses a segment, as parts of its length (touching ends may count once, twice or not).
    #[must_use]
    pub fn crossings(&self, (a, b): Edge) -> Vec<f64> {
        let length_m = a.distance_m(b);
        let unit = (
            (b.east_m - a.east_m) / length_m,
            (b.north_m - a.north_m) / length_m,
        );
        match self {
            Area::Rings(rings) => rings
                .iter()
                .flat_map(|r| edges(r))
                .filter_map(|(c, d)| {
                    let side = |p: EastNorth| {
                        (p.north_m - a.north_m) * unit.0 - (p.east_m - a.east_m) * unit.1
                    };
                    let along = |p: EastNorth| {
                        (p.east_m - a.east_m) * unit.0 + (p.north_m - a.north_m) * unit.1
                    };
                    let (u, v) = (side(c), side(d));
                    ((u > 0.0) != (v > 0.0))
                        .then(|| (along(c) + u / (u - v) * (along(d) - along(c))) / length_m)
                })
                .collect(),
            Area::Disc { centre, radius_m } => near_point(a, unit, *centre, *radius_m)
                .into_iter()
                .flat_map(|(f, t)| [f / length_m, t / length_m])
                .collect(),
        }
    }

    /// A point of the outline strictly inside the triangle, if a vertex (or a disc's centre) is one. For an outline
    /// that crosses no side this decides whether it lies within.
    #[must_use]
    pub fn point_within(&self, [a, b, c]: [EastNorth; 3]) -> Option<EastNorth> {
        let inside = |p: EastNorth| {
            let sides = [orient(a, b, p), orient(b, c, p), orient(c, a, p)];
            sides == [Orientation::CounterClockwise; 3] || sides == [Orientation::Clockwise; 3]
        };
        match self {
            Area::Rings(rings) => rings.iter().flatten().copied().find(|p| inside(*p)),
            Area::Disc { centre, .. } => Some(*centre).filter(|p| inside(*p)),
        }
    }

    /// All vertices (a disc gives eight points on its rim).
    #[must_use]
    pub fn vertices(&self) -> Vec<EastNorth> {
        match self {
            Area::Rings(rings) => rings.iter().flatten().copied().collect(),
            Area::Disc { centre, radius_m } => (0..8)
                .map(|i| {
                    let a = std::f64::consts::TAU * f64::from(i) / 8.0;
                    EastNorth::new(
                        centre.east_m + radius_m * a.cos(),
                        centre.north_m + radius_m * a.sin(),
                    )
                })
                .collect(),
        }
    }
}
