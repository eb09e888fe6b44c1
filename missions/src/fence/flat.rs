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

impl Area {
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
