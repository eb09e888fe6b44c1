//! Random venues, and an oracle that shares no line with the planner: winding numbers, brute-force distances, samples.

use super::*;

pub(super) type Ring = Vec<(f64, f64)>;
type Segment = ((f64, f64), (f64, f64));

/// A venue as drawn: nothing cleaned, nothing clipped.
pub(super) struct Drawn {
    pub(super) inclusion: Ring,
    pub(super) exclusions: Vec<Ring>,
    pub(super) swath_m: f64,
    pub(super) margin_m: f64,
    pub(super) closed: bool,
    pub(super) seed: u64,
}

pub(super) fn dice(seed: u64) -> impl FnMut() -> f64 {
    // A Lehmer generator, so that the drawing does not share the planner's dice.
    let mut s = u128::from(seed) * 2 + 0x1234_5679;
    move || {
        s = s.wrapping_mul(0xda94_2042_e4dd_58b5);
        ((s >> 64) as u64 >> 11) as f64 / (1u64 << 53) as f64
    }
}

pub(super) fn draw(seed: u64) -> Drawn {
    let mut r = dice(seed);
    for _ in 0..8 {
        r();
    }
    // Now and then no larger than a yard.
    let size = if r() < 0.05 { 4.0 } else { 25.0 } + 120.0 * r() * r();
    let star = |n: usize,
                cx: f64,
                cy: f64,
                rad: f64,
                rough: f64,
                squash: f64,
                r: &mut dyn FnMut() -> f64|
     -> Ring {
        let turn = r() * 3.0;
        (0..n)
            .map(|i| {
                let a = std::f64::consts::TAU * (i as f64 + 0.4 * r()) / n as f64;
                let d = rad * (1.0 - rough * r());
                let (x, y) = (d * a.cos(), d * squash * a.sin());
                (
                    cx + x * turn.cos() - y * turn.sin(),
                    cy + x * turn.sin() + y * turn.cos(),
                )
            })
            .collect()
    };
    // Mostly a few corners; now and then hundreds, as surveys draw them.
    let many = if r() < 0.04 { 800.0 } else { 40.0 };
    let n = 4 + (r() * r() * many) as usize;
    let rough = if n > 60 { 0.05 } else { 0.7 } * r();
    let mut inclusion = star(n, 0.0, 0.0, size, rough, 0.4 + 0.6 * r(), &mut r);
    let comb = r() < 0.08;
    if comb {
        // Corridors about as narrow as the margins ask: some may be flown, some not, some by a hair.
        inclusion = vec![(-size, -size), (size, -size), (size, size)];
        let mut x = size;
        while x > -0.8 * size {
            let wide = [0.0, 4.0, 10.0, 0.3 * size][(r() * 4.0) as usize % 4] + 0.06 * r();
            let wall = 0.05 * size * (0.2 + r());
            inclusion.push((x - wide, size));
            inclusion.push((x - wide - 0.4 * r(), -0.5 * size * r()));
            inclusion.push((x - wide - wall - 0.4, -0.5 * size * r()));
            x -= wide + wall + 0.5;
            inclusion.push((x, size));
        }
        inclusion.push((-size, size));
    }
    if r() < 0.15 {
        // Places on the edges, and places again, a hair beside.
        inclusion = inclusion
            .iter()
            .zip(inclusion.iter().cycle().skip(1))
            .flat_map(|(a, b)| {
                let mid = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
                let beside = (a.0 + 1e-7 * r(), a.1 + 1e-4 * r() * r());
                [*a, beside, mid, mid]
            })
            .collect();
    }
    let mut exclusions: Vec<Ring> = Vec::new();
    for _ in 0..(r() * 9.0) as usize {
        let (d, a) = (size * r(), r() * 7.0);
        let (cx, cy) = (d * a.cos(), d * a.sin());
        let rad = size * (0.02 + 0.25 * r() * r());
        exclusions.push(match (r() * 7.0) as u32 {
            // Inside the one before.
            5 if !exclusions.is_empty() => {
                let last = &exclusions[exclusions.len() - 1];
                let mid = last.iter().fold((0.0, 0.0), |m, p| (m.0 + p.0, m.1 + p.1));
                let mid = (mid.0 / last.len() as f64, mid.1 / last.len() as f64);
                let nested =
                    |p: &(f64, f64)| (mid.0 + 0.4 * (p.0 - mid.0), mid.1 + 0.4 * (p.1 - mid.1));
                last.iter().map(nested).collect()
            }
            // Sharing an edge with the one before, turned over.
            6 if !exclusions.is_empty() => {
                let last = &exclusions[exclusions.len() - 1];
                let (a, b) = (last[0], last[1]);
                vec![
                    a,
                    b,
                    (2.0 * b.0 - cx * 0.1, b.1 + rad),
                    (a.0 + rad, 2.0 * a.1 - b.1),
                ]
            }
            // A sliver.
            0 => star(4, cx, cy, rad * 2.0, 0.1, 0.01, &mut r),
            // One that shares a vertex with the boundary.
            1 => {
                let mut h = star(4, cx, cy, rad, 0.2, 1.0, &mut r);
                let at = (r() * inclusion.len() as f64) as usize % inclusion.len();
                h[0] = inclusion[at];
                if winding((h[0].0, h[0].1), &h) == 99 {
                    h
                } else {
                    star(4, inclusion[at].0, inclusion[at].1, rad, 0.2, 1.0, &mut r)
                }
            }
            // Nearly touching the one before.
            2 if !exclusions.is_empty() => {
                let last = &exclusions[exclusions.len() - 1];
                let (lo, hi) = last
                    .iter()
                    .fold((f64::MAX, f64::MIN), |m, p| (m.0.min(p.0), m.1.max(p.0)));
                let gap = hi - lo + 0.01 + 2.0 * r() * r();
                last.iter().map(|p| (p.0 + gap, p.1)).collect()
            }
            _ => star(
                3 + (r() * 9.0) as usize,
                cx,
                cy,
                rad,
                0.6 * r(),
                0.3 + 0.7 * r(),
                &mut r,
            ),
        });
    }
    Drawn {
        inclusion,
        exclusions,
        swath_m: size * (0.1 + 0.35 * r()),
        margin_m: [0.0, 2.0, 5.0][(r() * 3.0) as usize % 3],
        closed: r() < 0.4,
        seed,
    }
}

pub(super) fn winding(p: (f64, f64), ring: &Ring) -> i32 {
    let mut w = 0;
    for (i, a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        let left = (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0);
        if a.1 <= p.1 && b.1 > p.1 && left > 0.0 {
            w += 1;
        }
        if a.1 > p.1 && b.1 <= p.1 && left < 0.0 {
            w -= 1;
        }
    }
    w
}

pub(super) fn from_segment(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let t =
        (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy).max(1e-300)).clamp(0.0, 1.0);
    ((p.0 - a.0 - t * dx).powi(2) + (p.1 - a.1 - t * dy).powi(2)).sqrt()
}

pub(super) fn free_place(d: &Drawn, p: (f64, f64)) -> bool {
    winding(p, &d.inclusion) != 0 && d.exclusions.iter().all(|e| winding(p, e) == 0)
}

pub(super) fn request(d: &Drawn, effort: u64) -> CoverRequest {
    let poly = |r: &Ring| polygon(&[r.iter().map(|p| EastNorth::new(p.0, p.1)).collect()]);
    let exclusions: Vec<Polygon<f64>> = d.exclusions.iter().map(poly).collect();
    let target = target(&[poly(&d.inclusion)], &exclusions);
    CoverRequest {
        closed: d.closed,
        seed: d.seed,
        effort,
        ..CoverRequest::new(target, d.swath_m, d.margin_m)
    }
}

/// What the oracle found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Metres flown outside, inside a keep-out, or nearer to an edge than the margin.
    pub(super) illegal_m: f64,
    /// Part of what a way at the margin can see that is seen.
    pub(super) coverage: f64,
}

/// Segments by where they lie: those within reach of a place, and a few more.
struct Index {
    lo: (f64, f64),
    cell_m: f64,
    cols: usize,
    cells: Vec<Vec<Segment>>,
}

impl Index {
    fn new(segments: &[Segment], reach_m: f64, cell_m: f64) -> Self {
        let (mut lo, mut hi) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for p in segments.iter().flat_map(|s| [s.0, s.1]) {
            lo = (lo.0.min(p.0 - reach_m), lo.1.min(p.1 - reach_m));
            hi = (hi.0.max(p.0 + reach_m), hi.1.max(p.1 + reach_m));
        }
        let cell_m = cell_m.max((hi.0 - lo.0).max(hi.1 - lo.1) / 300.0);
        let count = |far: f64| (far / cell_m).max(0.0) as usize + 1;
        let (cols, rows) = (count(hi.0 - lo.0), count(hi.1 - lo.1));
        let mut cells = vec![Vec::new(); cols * rows];
        for (a, b) in segments {
            let span = |u: f64, v: f64, from: f64| {
                count(u.min(v) - reach_m - from) - 1..count(u.max(v) + reach_m - from)
            };
            for row in span(a.1, b.1, lo.1) {
                for col in span(a.0, b.0, lo.0) {
                    let mid = (
                        lo.0 + (col as f64 + 0.5) * cell_m,
                        lo.1 + (row as f64 + 0.5) * cell_m,
                    );
                    if from_segment(mid, *a, *b) <= reach_m + 0.75 * cell_m {
                        cells[row * cols + col].push((*a, *b));
                    }
                }
            }
        }
        Index {
            lo,
            cell_m,
            cols,
            cells,
        }
    }

    /// Whether a segment comes as near to `p` as `far_m`, at most the reach.
    fn any_within(&self, p: (f64, f64), far_m: f64) -> bool {
        let (x, y) = (
            (p.0 - self.lo.0) / self.cell_m,
            (p.1 - self.lo.1) / self.cell_m,
        );
        if !(x >= 0.0 && y >= 0.0 && x < self.cols as f64) {
            return false;
        }
        let here = self.cells.get(y as usize * self.cols + x as usize);
        here.is_some_and(|c| c.iter().any(|(a, b)| from_segment(p, *a, *b) <= far_m))
    }
}

/// Flies the plan through the drawing, half a metre at a time, and looks at some `samples` places whether they are seen.
pub(super) fn judge(d: &Drawn, plan: &CoverPlan, samples: usize) -> Found {
    let rings: Vec<&Ring> = std::iter::once(&d.inclusion).chain(&d.exclusions).collect();
    let edges: Vec<Segment> = rings
        .iter()
        .flat_map(|r| r.iter().zip(r.iter().cycle().skip(1)))
        .map(|(a, b)| (*a, *b))
        .collect();
    let legs: Vec<Segment> = plan
        .routes
        .iter()
        .flat_map(|r| r.windows(2))
        .map(|w| ((w[0].east_m, w[0].north_m), (w[1].east_m, w[1].north_m)))
        .collect();
    let near_m = d.margin_m + CLEAR_BY_M;
    let walls = Index::new(&edges, near_m, near_m.max(1.0));
    let mut illegal_m = 0.0;
    for (a, b) in &legs {
        let long = (b.0 - a.0).hypot(b.1 - a.1);
        let steps = ((long / 0.5).ceil() as usize).max(1);
        let corner = rings
            .iter()
            .flat_map(|r| r.iter())
            .any(|c| from_segment(*c, *a, *b) < d.margin_m);
        let bad = (0..=steps).filter(|s| {
            let t = *s as f64 / steps as f64;
            let p = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            // A nanometre: what is exactly at the margin keeps it.
            !free_place(d, p) || walls.any_within(p, d.margin_m - 1e-9)
        });
        let bad = bad.count().max(usize::from(corner));
        illegal_m += bad as f64 * (long / steps as f64).max(0.01);
    }
    let (mut lo, mut hi) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for p in &d.inclusion {
        lo = (lo.0.min(p.0), lo.1.min(p.1));
        hi = (hi.0.max(p.0), hi.1.max(p.1));
    }
    let step = ((hi.0 - lo.0) * (hi.1 - lo.1) / samples as f64).sqrt();
    let mut r = dice(d.seed ^ 77);
    let radius = d.swath_m / 2.0;
    let flown = Index::new(&legs, radius, radius / 2.0);
    let mut clear = ClearPlaces::new(d, &walls, lo, hi);
    let (mut seen, mut missed) = (0usize, 0usize);
    let mut y = lo.1 + step * r();
    while y < hi.1 {
        let mut x = lo.0 + step * r();
        while x < hi.0 {
            let p = (x + 0.3 * step * r(), y + 0.3 * step * r());
            x += step;
            if !free_place(d, p) {
                continue;
            }
            if flown.any_within(p, radius) {
                seen += 1;
            } else if clear.any_sees(p) {
                missed += 1;
            }
        }
        y += step;
    }
    Found {
        illegal_m,
        coverage: seen as f64 / (seen + missed).max(1) as f64,
    }
}

/// Places a twelfth of the footprint's radius apart; which of them keep the margin by a centimetre is found out when asked.
struct ClearPlaces<'a> {
    d: &'a Drawn,
    walls: &'a Index,
    lo: (f64, f64),
    step_m: f64,
    cols: i64,
    rows: i64,
    known: Vec<Option<bool>>,
}

/// Kept beyond the margin by a place that counts as one to look from, metres.
const CLEAR_BY_M: f64 = 0.01;

impl<'a> ClearPlaces<'a> {
    fn new(d: &'a Drawn, walls: &'a Index, lo: (f64, f64), hi: (f64, f64)) -> Self {
        let step_m = d.swath_m / 2.0 / 12.0;
        let count = |far: f64| (far / step_m) as i64 + 1;
        let (cols, rows) = (count(hi.0 - lo.0), count(hi.1 - lo.1));
        ClearPlaces {
            d,
            walls,
            lo,
            step_m,
            cols,
            rows,
            known: vec![None; (cols * rows) as usize],
        }
    }

    /// Whether one of them sees `p`.
    fn any_sees(&mut self, p: (f64, f64)) -> bool {
        if self.d.margin_m <= 0.0 {
            return true;
        }
        let far = 0.998 * self.d.swath_m / 2.0;
        let (x, y) = (
            ((p.0 - self.lo.0) / self.step_m).round() as i64,
            ((p.1 - self.lo.1) / self.step_m).round() as i64,
        );
        for row in (y - 13).max(0)..(y + 14).min(self.rows) {
            for col in (x - 13).max(0)..(x + 14).min(self.cols) {
                let q = (
                    self.lo.0 + col as f64 * self.step_m,
                    self.lo.1 + row as f64 * self.step_m,
                );
                if (q.0 - p.0).hypot(q.1 - p.1) > far {
                    continue;
                }
                let (d, walls) = (self.d, self.walls);
                let clear = self.known[(row * self.cols + col) as usize].get_or_insert_with(|| {
                    !walls.any_within(q, d.margin_m + CLEAR_BY_M) && free_place(d, q)
                });
                if *clear {
                    return true;
                }
            }
        }
        false
    }
}
