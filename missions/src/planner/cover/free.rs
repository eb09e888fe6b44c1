//! Where the aircraft may be: the target less the margin, exactly by clearance, and as rings to walk along.
//!
//! Two descriptions on purpose. *Legal* is a test on the target's own outline: a segment is legal when it keeps
//! `margin + 1 mm` from every edge, so no offset polygon and no boolean operation decides what is flown. *Rings* are an
//! eroded copy, a little deeper, with its arcs cut inwards: a supply of legal places and of ways around.

use super::geom::{P, between, cross, dist};
use super::grid::SegmentGrid;
use geo::algorithm::buffer::{Buffer, BufferStyle, LineJoin};
use geo::orient::{Direction, Orient};
use geo::{Area, BooleanOps, BoundingRect, Contains, LineString, MultiPolygon, Polygon};

/// Kept beyond the margin by every segment, metres: far above rounding, far below what anyone measures.
pub(super) const SLACK_M: f64 = 0.001;
/// Bays shallower than this part of the margin may be cut off by those who check: GEOS (so shapely, so PostGIS) drops
/// such corners before it buffers (`BufferInputLineSimplifier`), and its erosion is that much deeper there.
const BAY: f64 = 0.0101;
/// Corners that one chord may cut off.
const BAY_CORNERS: usize = 48;
/// Chords in a row that cut off too much before no longer one is looked for.
const BAY_MISSES: usize = 3;
/// Rings lie this much deeper than legal asks, metres.
const RING_SLACK_M: f64 = 0.003;
/// The brim lies this much deeper than legal asks, metres: a passage may be that narrow.
const BRIM_SLACK_M: f64 = 0.0002;
/// A piece smaller than this is rounding, square metres. One that is not may see a whole footprint.
const CRUMB_M2: f64 = 1e-5;

/// One connected piece of free space.
pub(super) struct Part {
    /// The piece, as exactly as it is drawn: all but the narrowest passages and spurs are in it.
    pub shape: Polygon<f64>,
    /// Rings of what is left of it a little deeper, where every place and every walk along is legal; outer first where
    /// that is one piece, without the repeated last point. The same as `brim` where nothing is left.
    pub rings: Vec<Vec<P>>,
    /// Its own rings: where seeing the last corners is possible from. A place on them may be illegal by a cut bay.
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
    /// How much further another's drawing of what can be reached may go, metres.
    fringe_deep_m: f64,
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

/// For every corner the longest chord ahead beside which every corner cut off lies no deeper than `deep_m`, and those
/// shorter ones that reach further into the free side (rings run with it to their left).
fn chords(shape: &MultiPolygon<f64>, deep_m: f64) -> Vec<(P, P)> {
    let mut out = Vec::new();
    if deep_m <= 0.0 {
        return out;
    }
    let mut ahead: Vec<P> = Vec::new();
    let mut found: Vec<P> = Vec::new();
    for poly in &shape.0 {
        for ring in std::iter::once(poly.exterior()).chain(poly.interiors()) {
            let ring = ring_points(ring);
            let n = ring.len();
            for (i, a) in ring.iter().enumerate() {
                let most = BAY_CORNERS.min(n.saturating_sub(2));
                ahead.clear();
                ahead.extend(ring.iter().cycle().skip(i + 1).take(most));
                found.clear();
                let mut missed = 0;
                for (k, b) in ahead.iter().enumerate().skip(1) {
                    let deep = deep_m * dist(*a, *b);
                    let mut cut = false;
                    let shallow = ahead.iter().take(k).all(|p| {
                        let aside = cross(*a, *b, *p);
                        cut |= aside < 0.0;
                        aside.abs() <= deep
                    });
                    missed = if shallow { 0 } else { missed + 1 };
                    if missed > BAY_MISSES {
                        break;
                    }
                    if shallow && cut {
                        found.push(*b);
                    }
                }
                if let Some(longest) = found.last() {
                    out.extend(
                        found
                            .iter()
                            .filter(|b| *b == longest || cross(*a, *longest, **b) > 0.0)
                            .map(|b| (*a, *b)),
                    );
                }
            }
        }
    }
    out
}

/// The part that a deeper piece lies in.
fn home<'a>(parts: &'a mut [Part], deep: &Polygon<f64>) -> Option<&'a mut Part> {
    let place = deep.exterior().points().next()?;
    parts.iter_mut().find(|p| {
        p.shape
            .bounding_rect()
            .is_some_and(|b| b.contains(&place) && p.shape.contains(&place))
    })
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
        let (lost_m, brim_rad): (f64, f64) = match outline_edges.len() {
            0..3_000 => (0.006, 0.02),
            3_000..8_000 => (0.02, 0.05),
            _ => (0.06, 0.1),
        };
        // A footprint's arc is drawn finer: what its chords cut off would never be asked for.
        let fine_rad = if outline_edges.len() < 6_000 {
            0.05
        } else {
            0.12
        };
        let ring_m = margin_m * (1.0 + BAY) + RING_SLACK_M;
        let arc_rad = (ring_m / (ring_m + lost_m)).acos().clamp(0.05, 0.7);
        let (brim_m, brim_rad) = if margin_m > 0.0 {
            ((clearance_m + BRIM_SLACK_M) / brim_rad.cos(), brim_rad)
        } else {
            (ring_m, arc_rad)
        };
        let spare_m = (brim_m - clearance_m - 1e-4).max(0.0);
        let mut parts: Vec<Part> = grow(target, -brim_m, brim_rad)
            .0
            .into_iter()
            .filter(|p| p.unsigned_area() > CRUMB_M2)
            .map(|shape| Part {
                brim: rings_of(&shape),
                rings: Vec::new(),
                shape,
                reachable: MultiPolygon(Vec::new()),
            })
            .filter(|p| !p.brim.is_empty())
            .collect();
        parts.sort_by(|a, b| b.shape.unsigned_area().total_cmp(&a.shape.unsigned_area()));
        if margin_m > 0.0 {
            for deep in grow(target, -ring_m / arc_rad.cos(), arc_rad).0 {
                if let Some(part) = home(&mut parts, &deep) {
                    part.rings.extend(rings_of(&deep));
                }
            }
        }
        let alone = parts.len() == 1 && margin_m <= 0.0;
        for part in &mut parts {
            if part.rings.is_empty() {
                part.rings.clone_from(&part.brim);
            }
            let seen_m = if margin_m > 0.0 {
                // What erosion took beyond the margin is given back.
                0.9995 * radius_m + 0.7 * spare_m
            } else {
                // Without a margin nothing is seen through walls that is not free by itself.
                2.0 * RING_SLACK_M
            };
            part.reachable = if alone {
                target.clone()
            } else {
                grow(&MultiPolygon(vec![part.shape.clone()]), seen_m, fine_rad).intersection(target)
            };
        }
        let cell_m = radius_m.max(clearance_m);
        let chords = chords(&target.orient(Direction::Default), BAY * margin_m);
        Free {
            outline: SegmentGrid::new(outline_edges, clearance_m, cell_m),
            chords: SegmentGrid::new(chords, clearance_m, cell_m),
            clearance_m,
            spare_m,
            fringe_deep_m: 0.0005 * radius_m + brim_m - margin_m,
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

    /// Whether all of a way is legal.
    pub fn proven(&self, way: &[P]) -> bool {
        way.first().is_some_and(|p| self.legal_place(*p))
            && way
                .windows(2)
                .all(|w| matches!(w, [a, b] if self.legal(*a, *b)))
    }

    /// How much of what this part can see on our drawing of it is to be seen, so that `aim` of it is seen on another's.
    ///
    /// Where the margin keeps the footprint from the outline, what can be reached ends inside the target, and another's
    /// drawing of that end lies deeper or less deep by as much as erosion and footprints are drawn coarsely. What lies
    /// there counts as unseen.
    pub fn aim(&self, part: &Part, aim: f64) -> f64 {
        if self.clearance_m <= SLACK_M {
            return aim;
        }
        let mut fringe_m = 0.0;
        for (a, b) in edges(&part.reachable) {
            let mid = super::geom::lerp(a, b, 0.5);
            if !self.outline.any_nearer(mid, mid, SLACK_M) {
                fringe_m += dist(a, b);
            }
        }
        let part_m2 = part.reachable.unsigned_area().max(1e-9);
        (aim + fringe_m * self.fringe_deep_m / part_m2).min(aim.max(0.9999))
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
