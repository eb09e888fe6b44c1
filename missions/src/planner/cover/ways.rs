//! Ways around: from place to place inside free space, short and always legal.
//!
//! A straight leg that leaves the eroded piece is led along the rings it meets, each from its first to its last
//! crossing (so no ring is met twice and the walk ends), the shorter way round; then the string is pulled tight.

use super::free::{Free, Part};
use super::geom::{P, dist, length_m, lerp};
use super::grid::SegmentGrid;

/// How far inside the rings a place is led, metres.
const INWARD_M: f64 = 5e-4;

/// Places up to which a way is pulled tight by looking from each to every other.
const FEW: usize = 12;

/// Ways inside one part.
pub(super) struct Ways<'a> {
    free: &'a Free,
    part: &'a Part,
    grid: SegmentGrid,
    /// Ring and place in it of each segment of the grid.
    owner: Vec<(u32, u32)>,
    /// Distance of each ring's places along it from its first, and its whole length last.
    along_m: Vec<Vec<f64>>,
}

struct Crossing {
    t: f64,
    ring: u32,
    edge: u32,
}

impl<'a> Ways<'a> {
    /// Prepares the rings.
    pub fn new(free: &'a Free, part: &'a Part, cell_m: f64) -> Self {
        let mut segments = Vec::new();
        let mut owner = Vec::new();
        for (r, ring) in part.rings.iter().enumerate() {
            for (i, a) in ring.iter().enumerate() {
                if let Some(b) = ring.get(i + 1).or_else(|| ring.first()) {
                    segments.push((*a, *b));
                    owner.push((r as u32, i as u32));
                }
            }
        }
        let along_m = part
            .rings
            .iter()
            .map(|ring| {
                let next = ring.iter().skip(1).chain(ring.first());
                let steps = ring.iter().zip(next).scan(0.0, |sum, (a, b)| {
                    *sum += dist(*a, *b);
                    Some(*sum)
                });
                std::iter::once(0.0).chain(steps).collect()
            })
            .collect();
        Ways {
            free,
            part,
            grid: SegmentGrid::new(segments, 0.0, cell_m),
            owner,
            along_m,
        }
    }

    /// A legal way from `p` to `q`, both included. `None` where none was found.
    pub fn way(&self, p: P, q: P) -> Option<Vec<P>> {
        if self.free.legal(p, q) {
            return Some(vec![p, q]);
        }
        // Places between the rings and the exact margin are led in first: only from inside do crossings pair up.
        let (ends, p, q) = ((p, q), self.inward(p), self.inward(q));
        let mut crossings: Vec<Crossing> = Vec::new();
        self.grid.along(p, q, |items| {
            for i in items {
                if let (Some((a, b)), Some((ring, edge))) =
                    (self.grid.segment(*i), self.owner.get(*i as usize))
                    && let Some(t) = crossing(p, q, a, b)
                {
                    crossings.push(Crossing {
                        t,
                        ring: *ring,
                        edge: *edge,
                    });
                }
            }
            false
        });
        crossings.sort_by(|x, y| {
            x.t.total_cmp(&y.t)
                .then(x.ring.cmp(&y.ring))
                .then(x.edge.cmp(&y.edge))
        });
        let mut way = vec![ends.0, p];
        let mut next = 0;
        while let Some(first) = crossings.get(next) {
            let last_at = crossings
                .iter()
                .rposition(|c| c.ring == first.ring)
                .unwrap_or(next);
            if let Some(last) = crossings.get(last_at) {
                self.walk(
                    first,
                    last,
                    lerp(p, q, first.t),
                    lerp(p, q, last.t),
                    &mut way,
                );
            }
            next = last_at.max(next) + 1;
        }
        way.push(q);
        way.push(ends.1);
        way.dedup_by(|a, b| dist(*a, *b) < 1e-9);
        let legal = |w: &[P]| {
            w.windows(2)
                .all(|s| matches!(s, [a, b] if self.free.legal(*a, *b)))
        };
        self.tighten(&mut way);
        (way.len() >= 2 && legal(&way)).then_some(way)
    }

    /// `p`, or just inside the rings next to it where it lies outside them.
    fn inward(&self, p: P) -> P {
        if self.grid.inside(p) {
            return p;
        }
        let Some((d, f)) = self.grid.nearest(p) else {
            return p;
        };
        // Near a sharp corner a longer step may be outside again.
        [INWARD_M, 0.2 * INWARD_M, 4.0 * INWARD_M]
            .into_iter()
            .map(|step_m| lerp(p, f, 1.0 + step_m / d.max(1e-9)))
            .find(|q| self.grid.inside(*q))
            .unwrap_or(p)
    }

    /// The place of free space nearest to `p`: on the rings, and as much further as they lie too deep.
    pub fn nearest_free(&self, p: P) -> Option<P> {
        let (d, q) = self.grid.nearest(p)?;
        [1.0, 0.7, 0.4, 0.15, 0.0]
            .map(|part| lerp(q, p, (part * self.free.spare_m / d.max(1e-9)).min(1.0)))
            .into_iter()
            .find(|n| self.free.legal(*n, *n))
    }

    /// Length of the way, metres; infinite where there is none.
    pub fn length_m(&self, p: P, q: P) -> f64 {
        self.way(p, q).map_or(f64::INFINITY, |w| length_m(&w))
    }

    /// Along the ring from one crossing to another, the shorter way round.
    fn walk(&self, from: &Crossing, to: &Crossing, start: P, end: P, way: &mut Vec<P>) {
        way.push(start);
        let Some(ring) = self.part.rings.get(from.ring as usize) else {
            return;
        };
        let n = ring.len();
        if from.edge != to.edge && n > 0 {
            let at = |c: &Crossing, p: P| {
                let along = self
                    .along_m
                    .get(from.ring as usize)
                    .and_then(|v| v.get(c.edge as usize));
                let first = ring.get(c.edge as usize).map_or(0.0, |q| dist(*q, p));
                along.copied().unwrap_or(0.0) + first
            };
            let girth_m = self
                .along_m
                .get(from.ring as usize)
                .and_then(|v| v.last())
                .copied()
                .unwrap_or(0.0);
            let ahead_m = (at(to, end) - at(from, start)).rem_euclid(girth_m.max(1e-9));
            if ahead_m <= girth_m / 2.0 {
                way.extend((1..=n).scan(from.edge as usize, |at, _| {
                    if *at == to.edge as usize {
                        return None;
                    }
                    *at = (*at + 1) % n;
                    ring.get(*at).copied()
                }));
            } else {
                let behind = (1..=n).scan(from.edge as usize, |at, _| {
                    if *at == to.edge as usize {
                        return None;
                    }
                    let p = ring.get(*at).copied();
                    *at = (*at + n - 1) % n;
                    p
                });
                way.extend(behind);
            }
        }
        way.push(end);
    }

    /// Pulls the string: from each place as far ahead as a legal leg reaches.
    fn tighten(&self, way: &mut Vec<P>) {
        // Doubling steps first: rings have many vertices, and looking from each to each is quadratic.
        let sees = |i: usize, j: usize| matches!((way.get(i), way.get(j)), (Some(a), Some(b)) if self.free.legal(*a, *b));
        let last = way.len().saturating_sub(1);
        let mut kept: Vec<usize> = vec![0];
        let mut i = 0;
        while i < last {
            let mut near = 1;
            while i + 2 * near <= last && sees(i, i + 2 * near) {
                near *= 2;
            }
            let (mut near, mut far) = (i + near, (i + 2 * near).min(last + 1));
            while far - near > 1 {
                let mid = usize::midpoint(near, far);
                if sees(i, mid) {
                    near = mid;
                } else {
                    far = mid;
                }
            }
            kept.push(near);
            i = near;
        }
        let way_now: Vec<P> = kept.iter().filter_map(|k| way.get(*k)).copied().collect();
        *way = way_now;
        let n = way.len();
        let mut out: Vec<P> = Vec::with_capacity(n);
        let mut i = 0;
        while let Some(p) = way.get(i) {
            out.push(*p);
            if i + 1 >= n {
                break;
            }
            // A way that hugs an arc has hundreds of places, each of which sees only the next: it looks less often.
            let next = |j: usize| {
                if n <= FEW { j - 1 } else { i + (j - i) * 2 / 3 }
            };
            let far = std::iter::successors(Some(n - 1), |j| (*j > i + 2).then(|| next(*j)))
                .filter(|j| *j >= i + 2)
                .find(|j| way.get(*j).is_some_and(|q| self.free.legal(*p, *q)));
            i = far.unwrap_or(i + 1);
        }
        *way = out;
    }
}

/// Where `p`–`q` crosses `a`–`b`, as a part of its length.
fn crossing(p: P, q: P, a: P, b: P) -> Option<f64> {
    let side = |o: P| (q.x - p.x) * (o.y - p.y) - (q.y - p.y) * (o.x - p.x);
    let (u, v) = (side(a), side(b));
    if (u > 0.0) == (v > 0.0) {
        return None;
    }
    let x = lerp(a, b, u / (u - v));
    let (dx, dy) = (q.x - p.x, q.y - p.y);
    let t = ((x.x - p.x) * dx + (x.y - p.y) * dy) / (dx * dx + dy * dy);
    (0.0..=1.0).contains(&t).then_some(t)
}
