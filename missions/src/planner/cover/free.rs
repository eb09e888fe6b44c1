//! Where the aircraft may be: the target less the margin, exactly by clearance, and as rings to walk along.
//!
//! Two descriptions on purpose. *Legal* is a test on the target's own outline: a segment is legal when it keeps
//! `margin + 1 mm` from every edge, so no offset polygon and no boolean operation decides what is flown. *Rings* are an
//! eroded copy, a little deeper, with its arcs cut inwards: a supply of legal places and of ways around.

use super::geom::{P, cross, dist, nearest_on};
use super::grid::SegmentGrid;
use geo::algorithm::buffer::{Buffer, BufferStyle, LineJoin};
use geo::orient::{Direction, Orient};
use geo::{Area, BooleanOps, LineString, MultiPolygon, Polygon, Simplify};

/// Kept beyond the margin by every segment, metres: far above rounding, far below what anyone measures.
pub(super) const SLACK_M: f64 = 0.001;
/// Corners nearer to the one before than this part of the margin may be cut off by those who check, see [`cut_ring`].
const BAY: f64 = 0.0101;
/// Part of the margin that is grown back first, see [`grown_back`].
const BACK: f64 = 0.95;
/// Passes of cutting: each takes at most every other corner of a bay.
const BAY_PASSES: usize = 64;
/// Rings lie this much deeper than legal asks, metres: a passage may be that narrow.
const RING_SLACK_M: f64 = 0.0002;
/// The same without a margin: there a ring lies beside every edge, and is walked along.
const EDGE_SLACK_M: f64 = 0.002;
/// What the chords of an arc may take beside it, metres.
const CHORD_SLACK_M: f64 = 0.0005;
/// How far a piece may be drawn off where it is only looked from, metres.
const COARSE_M: f64 = 0.003;
/// A piece smaller than this is rounding, square metres. One that is not may see a whole footprint.
const CRUMB_M2: f64 = 1e-5;

/// One connected piece of free space.
pub(super) struct Part {
    /// Eroded piece: all but the narrowest passages and spurs are in it.
    pub shape: Polygon<f64>,
    /// Its rings, outer first, without the repeated last point. Every place on them is legal.
    pub rings: Vec<Vec<P>>,
    /// What of the target a way inside it can see.
    pub reachable: MultiPolygon<f64>,
}

/// Free space.
pub(super) struct Free {
    outline: SegmentGrid,
    /// Where small bays are cut off, see [`cut_ring`].
    chords: SegmentGrid,
    clearance_m: f64,
    /// Of the look-up, metres.
    cell_m: f64,
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

/// A ring without its small bays as GEOS (so shapely, so PostGIS, and JTS) cuts them before it erodes
/// (`BufferInputLineSimplifier`): a corner with the bay on the free side goes where it lies within `near_m` of the corner
/// before it and of the chord that replaces it, pass by pass, so that a finely rounded bay goes altogether. What is left
/// depends on where the ring begins and which way it runs; here it begins elsewhere in every pass. The number of each
/// corner left, with the corner. `left`: the free side lies to the left.
fn cut_ring(ring: &[P], near_m: f64, left: bool) -> Vec<(usize, P)> {
    let mut kept: Vec<(usize, P)> = ring.iter().copied().enumerate().collect();
    let mut same = 0;
    for _ in 0..BAY_PASSES {
        let mut out: Vec<(usize, P)> = Vec::with_capacity(kept.len());
        out.extend(kept.first());
        let mut k = 1;
        while let (Some(p0), Some(p1)) = (out.last().copied(), kept.get(k).copied()) {
            let next = kept.get(k + 1).copied();
            let p2 = next.or(kept.first().copied()).unwrap_or(p1);
            let turn = cross(p0.1, p1.1, p2.1);
            let bay = if left { turn > 0.0 } else { turn < 0.0 };
            let shallow =
                dist(p0.1, p1.1) < near_m && dist(p1.1, nearest_on(p1.1, p0.1, p2.1)) < near_m;
            if bay && shallow && kept.len() > 3 {
                out.extend(next);
                k += 2;
            } else {
                out.push(p1);
                k += 1;
            }
        }
        same = if out.len() == kept.len() { same + 1 } else { 0 };
        if same > 1 || out.len() < 3 {
            break;
        }
        kept = out;
        let by = kept.len() / 3;
        kept.rotate_left(by);
    }
    kept
}

/// `target` without its small bays, whichever way its rings are read, and the chords that cut them off.
fn cut(target: &MultiPolygon<f64>, near_m: f64) -> (MultiPolygon<f64>, Vec<(P, P)>) {
    let mut chords = Vec::new();
    let target = target.orient(Direction::Default);
    let mut read = |forward: bool| -> MultiPolygon<f64> {
        let mut line = |ring: &LineString<f64>| {
            let mut places = ring_points(ring);
            if !forward {
                places.reverse();
            }
            let n = places.len();
            let kept = cut_ring(&places, near_m, forward);
            let next = kept.iter().skip(1).chain(kept.first());
            for (a, b) in kept.iter().zip(next) {
                if (a.0 + 1) % n.max(1) != b.0 {
                    chords.push((a.1, b.1));
                }
            }
            LineString(kept.iter().map(|k| k.1).collect())
        };
        let polygon = |p: &Polygon<f64>| {
            let outer = line(p.exterior());
            Polygon::new(outer, p.interiors().iter().map(&mut line).collect())
        };
        MultiPolygon(target.0.iter().map(polygon).collect())
    };
    let (one, other) = (read(true), read(false));
    if chords.is_empty() {
        return (target, chords);
    }
    (one.intersection(&other), chords)
}

fn grow(shape: &MultiPolygon<f64>, by_m: f64, arc_rad: f64) -> MultiPolygon<f64> {
    shape.buffer_with_style(BufferStyle::new(by_m).line_join(LineJoin::Round(arc_rad)))
}

/// Grown from where the margin ends, first nearly back to the outline: there the arcs round its corners are a few
/// places each. Grown at once, they would turn inside out, and cross each other a thousandfold.
fn grown_back(shape: &Polygon<f64>, by_m: f64, margin_m: f64, arc_rad: f64) -> MultiPolygon<f64> {
    let back_m = BACK * margin_m;
    let shape = MultiPolygon(vec![shape.simplify(COARSE_M)]);
    if by_m <= back_m {
        return grow(&shape, by_m, arc_rad);
    }
    let near = grow(&shape, back_m, arc_rad).simplify(COARSE_M);
    grow(&near, by_m - back_m, arc_rad)
}

/// Whether places of the rings see all of the target: no place of it lies farther from its outline than `ring_m` and a
/// little, unless it is free itself, so it is enough that all of the outline is seen from that much nearer. Says `false`
/// where that is not plain; then what is seen is drawn.
fn all_seen(rings: &[Vec<P>], outline: &[(P, P)], ring_m: f64, seen_m: f64) -> bool {
    let step_m = 0.2 * seen_m;
    let far_m = seen_m - 1.05 * ring_m - 0.5 * step_m;
    if ring_m > 0.25 * seen_m {
        return false;
    }
    let segments: Vec<(P, P)> = (rings.iter())
        .flat_map(|r| r.iter().zip(r.iter().cycle().skip(1)))
        .map(|(a, b)| (*a, *b))
        .collect();
    let grid = SegmentGrid::new(segments, 0.0, step_m);
    outline.iter().all(|(a, b)| {
        let steps = (dist(*a, *b) / step_m).ceil().max(1.0) as usize;
        (0..steps).all(|k| {
            let p = super::geom::lerp(*a, *b, k as f64 / steps as f64);
            grid.nearest(p).is_some_and(|(d, _)| d <= far_m)
        })
    })
}

impl Free {
    /// Free space of `target` at `margin_m`, seen by a footprint of `radius_m`. No parts where the margin leaves none.
    pub fn new(target: &MultiPolygon<f64>, margin_m: f64, radius_m: f64) -> Self {
        let clearance_m = margin_m + SLACK_M;
        let outline_edges = edges(target);
        // i_overlay draws an arc with chords of up to twice the asked angle, so a chord may come `cos(angle)` near.
        let fine_rad: f64 = match (margin_m > 0.0, outline_edges.len()) {
            (false, _) => 0.7,
            (true, 0..3_000) => 0.02,
            (true, 3_000..8_000) => 0.05,
            (true, _) => 0.1,
        };
        // The arcs of a margin of centimetres need few chords to come within half a millimetre of it.
        let plain_rad = (1.0 / (1.0 + CHORD_SLACK_M / clearance_m)).acos();
        let arc_rad = fine_rad.max(plain_rad.min(0.5));
        // A footprint's arc is drawn finer: what its chords cut off would never be asked for.
        let foot_rad = if outline_edges.len() < 6_000 {
            0.05
        } else {
            0.12
        };
        let (ring_m, cut) = if margin_m > 0.0 {
            (
                (clearance_m + RING_SLACK_M) / arc_rad.cos(),
                Some(cut(target, BAY * margin_m)),
            )
        } else {
            (clearance_m + EDGE_SLACK_M, None)
        };
        let spare_m = (ring_m - clearance_m - 1e-4).max(0.0);
        let (inside, chords) = match cut {
            Some((inside, chords)) => (inside, chords),
            None => (target.clone(), Vec::new()),
        };
        let mut parts: Vec<Part> = grow(&inside, -ring_m, arc_rad)
            .0
            .into_iter()
            .filter(|p| p.unsigned_area() > CRUMB_M2)
            .map(|shape| Part {
                rings: rings_of(&shape),
                shape,
                reachable: MultiPolygon(Vec::new()),
            })
            .filter(|p| !p.rings.is_empty())
            .collect();
        parts.sort_by(|a, b| b.shape.unsigned_area().total_cmp(&a.shape.unsigned_area()));
        let alone = parts.len() == 1 && margin_m <= 0.0;
        let single = if parts.len() == 1 {
            parts.first()
        } else {
            None
        };
        let all = alone
            || single
                .is_some_and(|p| all_seen(&p.rings, &outline_edges, ring_m, 0.9995 * radius_m));
        for part in &mut parts {
            let seen_m = if margin_m > 0.0 {
                // What erosion took beyond the margin is given back.
                0.9995 * radius_m + 0.7 * spare_m
            } else {
                // Without a margin nothing is seen through walls that is not free by itself.
                2.0 * ring_m
            };
            part.reachable = if all {
                target.clone()
            } else {
                let seen = if margin_m > 0.0 {
                    grown_back(&part.shape, seen_m, margin_m, foot_rad)
                } else {
                    grow(&MultiPolygon(vec![part.shape.clone()]), seen_m, foot_rad)
                };
                seen.intersection(target)
            };
        }
        // A few edges a cell: where they are short and many, a cell as wide as the footprint would list hundreds.
        let outline_m: f64 = outline_edges.iter().map(|e| dist(e.0, e.1)).sum();
        let few_edges_m = 4.0 * outline_m / outline_edges.len().max(1) as f64;
        let cell_m = radius_m.min(few_edges_m).max(clearance_m);
        Free {
            outline: SegmentGrid::new(outline_edges, clearance_m, cell_m),
            chords: SegmentGrid::new(chords, clearance_m, cell_m),
            clearance_m,
            cell_m,
            spare_m,
            fringe_deep_m: 0.0005 * radius_m + ring_m - margin_m + COARSE_M,
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
        // Farther than any rounding of the outline, nearer than what a margin leaves unseen.
        let near_m = self.clearance_m.min(0.05);
        let mut fringe_m = 0.0;
        for (a, b) in edges(&part.reachable) {
            let mid = super::geom::lerp(a, b, 0.5);
            if !self.outline.any_nearer(mid, mid, near_m) {
                fringe_m += dist(a, b);
            }
        }
        let part_m2 = part.reachable.unsigned_area().max(1e-9);
        (aim + fringe_m * self.fringe_deep_m / part_m2).min(aim.max(0.9999))
    }

    /// Least distance of a way from the outline, metres; not looked for beyond `far_m`.
    pub fn clearance_m(&self, path: &[P], edges: &[(P, P)], far_m: f64) -> f64 {
        // Mostly something lies little farther than the margin: then nothing beyond has to be looked at.
        for reach_m in [self.clearance_m + 0.02 * far_m, far_m] {
            let grid = SegmentGrid::new(edges.to_vec(), reach_m, reach_m.max(self.cell_m));
            let least_m = grid.least_m(path);
            if least_m <= reach_m {
                return least_m;
            }
        }
        f64::INFINITY
    }
}
