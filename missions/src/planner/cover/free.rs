//! Where the aircraft may be: the target less the margin, exactly by clearance, and as rings to walk along.
//!
//! Two descriptions on purpose. *Legal* is a test on the target's own outline: a segment is legal when it keeps
//! `margin + 1 mm` from every edge, so no offset polygon and no boolean operation decides what is flown. *Rings* are an
//! eroded copy, a little deeper, with its arcs cut inwards: a supply of legal places and of ways around.

use super::geom::{P, between, cross, dist};
use super::grid::SegmentGrid;
use geo::algorithm::buffer::{Buffer, BufferStyle, LineJoin};
use geo::orient::{Direction, Orient};
use geo::{Area, BooleanOps, Contains, LineString, MultiPolygon, Polygon};

/// Kept beyond the margin by every segment, metres: far above rounding, far below what anyone measures.
pub(super) const SLACK_M: f64 = 0.001;
/// Bays shallower than this part of the margin may be cut off by those who check: GEOS (so shapely, so PostGIS) drops
/// such corners before it buffers (`BufferInputLineSimplifier`), and its erosion is that much deeper there.
const BAY: f64 = 0.0101;
/// Corners that one chord may cut off.
const BAY_CORNERS: usize = 48;
/// Rings lie this much deeper than legal asks, metres.
const RING_SLACK_M: f64 = 0.003;

/// One connected piece of free space.
pub(super) struct Part {
    /// Eroded piece.
    pub shape: Polygon<f64>,
    /// Its rings, outer first, without the repeated last point.
    pub rings: Vec<Vec<P>>,
    /// Rings of the whole erosion around this piece, without the depth kept for cut bays: where seeing the last corners
    /// is possible from. The same as `rings` where that could not be told from another piece's.
    pub brim: Vec<Vec<P>>,
    /// What of the target a way inside it can see.
    pub reachable: MultiPolygon<f64>,
}

/// Free space.
pub(super) struct Free {
    outline: SegmentGrid,
    /// Chords of shallow bays, see [`chords`].
    chords: SegmentGrid,
    clearance_m: f64,
    /// How far most places of the rings may be moved, whichever way, and still be legal.
    pub spare_m: f64,
    /// Pieces, largest first.
    pub parts: Vec<Part>,
}

pub(super) fn ring_points(ring: &LineString<f64>) -> Vec<P> {
    let mut v: Vec<P> = ring.0.clone();
    if v.len() > 1 && v.first() == v.last() {
        v.pop();
    }
    v.dedup();
    v
}

fn rings_of(shape: &Polygon<f64>) -> Vec<Vec<P>> {
    std::iter::once(shape.exterior())
        .chain(shape.interiors())
        .map(ring_points)
        .filter(|r| r.len() >= 3)
        .collect()
}

/// Edges of all rings.
pub(super) fn edges(shape: &MultiPolygon<f64>) -> Vec<(P, P)> {
    let mut out = Vec::new();
    for poly in &shape.0 {
        for ring in std::iter::once(poly.exterior()).chain(poly.interiors()) {
            out.extend(ring.0.windows(2).filter_map(|w| match w {
                [a, b] if a != b => Some((*a, *b)),
                _ => None,
            }));
        }
    }
    out
}

/// For every corner the longest chord ahead that cuts off nothing deeper than `deep_m`, where the free side lies in the
/// bay (rings run with it to their left).
fn chords(shape: &MultiPolygon<f64>, deep_m: f64) -> Vec<(P, P)> {
    let mut out = Vec::new();
    if deep_m <= 0.0 {
        return out;
    }
    for poly in &shape.0 {
        for ring in std::iter::once(poly.exterior()).chain(poly.interiors()) {
            let ring = ring_points(ring);
            let n = ring.len();
            for (i, a) in ring.iter().enumerate() {
                let mut longest = None;
                let mut last = *a;
                let ahead: Vec<P> = ring
                    .iter()
                    .cycle()
                    .skip(i + 1)
                    .take(BAY_CORNERS.min(n.saturating_sub(2)))
                    .copied()
                    .collect();
                for (k, b) in ahead.iter().enumerate().skip(1) {
                    let Some(before) = ahead.get(k - 1) else {
                        break;
                    };
                    let shallow = |p: &P| cross(*a, *b, *p).abs() <= deep_m * dist(*a, *b);
                    if cross(last, *before, *b) < 0.0 || !ahead.iter().take(k).all(shallow) {
                        break;
                    }
                    longest = Some(*b);
                    last = *before;
                }
                if let Some(b) = longest {
                    out.push((*a, b));
                }
            }
        }
    }
    out
}

fn grow(shape: &MultiPolygon<f64>, by_m: f64, arc_rad: f64) -> MultiPolygon<f64> {
    shape.buffer_with_style(BufferStyle::new(by_m).line_join(LineJoin::Round(arc_rad)))
}

impl Free {
    /// Free space of `target` at `margin_m`, seen by a footprint of `radius_m`. No parts where the margin leaves none.
    pub fn new(target: &MultiPolygon<f64>, margin_m: f64, radius_m: f64) -> Self {
        let clearance_m = margin_m + SLACK_M;
        let outline_edges = edges(target);
        // i_overlay draws an arc with chords of up to twice the asked angle, so a chord may come `cos(angle)` near.
        let lost_m = match outline_edges.len() {
            0..3_000 => 0.006,
            3_000..8_000 => 0.02,
            _ => 0.06,
        };
        // A footprint's arc is drawn finer: what its chords cut off would never be asked for.
        let fine_rad = if outline_edges.len() < 6_000 {
            0.05
        } else {
            0.12
        };
        let ring_m = margin_m * (1.0 + BAY) + RING_SLACK_M;
        let arc_rad = (ring_m / (ring_m + lost_m)).acos().clamp(0.05, 0.7);
        let depth_m = if margin_m > 0.0 {
            ring_m / arc_rad.cos()
        } else {
            ring_m
        };
        let eroded = grow(target, -depth_m, arc_rad);
        // A piece that cannot hold a footprint of one percent of the swath's square is rounding.
        let crumb_m2 = (0.02 * radius_m).powi(2);
        let mut parts: Vec<Part> = eroded
            .0
            .into_iter()
            .filter(|p| p.unsigned_area() > crumb_m2)
            .map(|shape| {
                let rings = rings_of(&shape);
                Part {
                    shape,
                    brim: rings.clone(),
                    rings,
                    reachable: MultiPolygon(Vec::new()),
                }
            })
            .collect();
        parts.sort_by(|a, b| b.shape.unsigned_area().total_cmp(&a.shape.unsigned_area()));
        let alone = parts.len() == 1 && margin_m <= 0.0;
        let brim_m = if margin_m > 0.0 {
            (margin_m + RING_SLACK_M) / arc_rad.cos()
        } else {
            depth_m
        };
        let spare_m = (brim_m - clearance_m - 1e-4).max(0.0);
        let brims = if margin_m > 0.0 {
            grow(target, -brim_m, arc_rad).0
        } else {
            Vec::new()
        };
        let homes: Vec<Option<usize>> = parts
            .iter()
            .map(|p| {
                brims.iter().position(|b| {
                    p.shape
                        .exterior()
                        .points()
                        .next()
                        .is_some_and(|q| b.contains(&q))
                })
            })
            .collect();
        for (i, part) in parts.iter_mut().enumerate() {
            let home = homes.get(i).copied().flatten();
            let own = home
                .filter(|_| homes.iter().filter(|h| **h == home).count() == 1)
                .and_then(|h| brims.get(h));
            let (whole, seen_m) = match own {
                Some(brim) => {
                    part.brim = rings_of(brim);
                    // What erosion took beyond the margin is given back.
                    (brim.clone(), 0.9995 * radius_m + 0.7 * spare_m)
                }
                None if margin_m > 0.0 => (part.shape.clone(), 0.9996 * radius_m),
                // Without a margin nothing is seen through walls that is not free by itself.
                None => (part.shape.clone(), 2.0 * RING_SLACK_M),
            };
            part.reachable = if alone {
                target.clone()
            } else {
                grow(&MultiPolygon(vec![whole]), seen_m, fine_rad).intersection(target)
            };
        }
        let cell_m = radius_m.max(clearance_m);
        let chords = chords(&target.orient(Direction::Default), BAY * margin_m);
        Free {
            outline: SegmentGrid::new(outline_edges, clearance_m, cell_m),
            chords: SegmentGrid::new(chords, clearance_m, cell_m),
            clearance_m,
            spare_m,
            parts,
        }
    }

    /// Whether a way along `a`–`b` keeps the margin, given that one end lies inside the target.
    pub fn legal(&self, a: P, b: P) -> bool {
        !self.outline.any_nearer(a, b, self.clearance_m)
            && !self.chords.any_nearer(a, b, self.clearance_m)
    }

    /// Whether `p` lies inside the target and keeps the margin.
    pub fn legal_place(&self, p: P) -> bool {
        self.legal(p, p) && self.outline.inside(p)
    }

    /// Least distance of a way from the outline, metres; not looked for beyond `far_m`.
    pub fn clearance_m(&self, path: &[P], edges: &[(P, P)], far_m: f64) -> f64 {
        let cell_m = far_m.max(1.0);
        let grid = SegmentGrid::new(edges.to_vec(), far_m, cell_m);
        let mut least = f64::INFINITY;
        for w in path.windows(2) {
            if let [a, b] = w {
                grid.along(*a, *b, |items| {
                    for i in items {
                        if let Some((c, e)) = grid.segment(*i) {
                            least = least.min(between(*a, *b, c, e));
                        }
                    }
                    false
                });
            }
        }
        least
    }
}
