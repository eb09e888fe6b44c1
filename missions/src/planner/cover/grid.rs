//! Segments in square buckets: which are near this piece of way?

use super::geom::{P, between, dist, nearer_than, nearest_on, pt};
use std::sync::OnceLock;

/// Most buckets a grid may have; beyond that its cells grow.
const MAX_CELLS: f64 = 1_500_000.0;

/// A fixed set of segments, each listed in every cell it comes within `reach_m` of.
pub(super) struct SegmentGrid {
    origin: P,
    cell_m: f64,
    cols: usize,
    rows: usize,
    /// First entry of each cell in `items`, one more than cells.
    starts: Vec<u32>,
    items: Vec<u32>,
    segments: Vec<(P, P)>,
    /// Whether a cell that lists nothing lies inside the rings that the segments make.
    inside: OnceLock<Vec<bool>>,
}

impl SegmentGrid {
    /// Lists the segments. `cell_m` is a wish.
    pub fn new(segments: Vec<(P, P)>, reach_m: f64, cell_m: f64) -> Self {
        let (mut lo, mut hi) = (
            pt(f64::INFINITY, f64::INFINITY),
            pt(f64::NEG_INFINITY, f64::NEG_INFINITY),
        );
        for p in segments.iter().flat_map(|s| [s.0, s.1]) {
            lo = pt(lo.x.min(p.x), lo.y.min(p.y));
            hi = pt(hi.x.max(p.x), hi.y.max(p.y));
        }
        if segments.is_empty() {
            (lo, hi) = (pt(0.0, 0.0), pt(1.0, 1.0));
        }
        let pad = reach_m + cell_m;
        let origin = pt(lo.x - pad, lo.y - pad);
        let (w, h) = (hi.x - lo.x + 2.0 * pad, hi.y - lo.y + 2.0 * pad);
        let cell_m = cell_m.max((w * h / MAX_CELLS).sqrt());
        let (cols, rows) = (
            (w / cell_m).ceil() as usize + 1,
            (h / cell_m).ceil() as usize + 1,
        );
        let mut grid = SegmentGrid {
            origin,
            cell_m,
            cols,
            rows,
            starts: Vec::new(),
            items: Vec::new(),
            segments,
            inside: OnceLock::new(),
        };
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        let half = cell_m / 2.0;
        // Half a cell's diagonal further, so that only the cell's middle has to be compared.
        let near2 = (reach_m + half * std::f64::consts::SQRT_2 + 1e-6).powi(2);
        for (i, (a, b)) in grid.segments.iter().enumerate() {
            let (c0, c1) = grid.span(
                a.x.min(b.x) - reach_m,
                a.x.max(b.x) + reach_m,
                grid.origin.x,
                grid.cols,
            );
            let (r0, r1) = grid.span(
                a.y.min(b.y) - reach_m,
                a.y.max(b.y) + reach_m,
                grid.origin.y,
                grid.rows,
            );
            for r in r0..=r1 {
                for c in c0..=c1 {
                    let mid = pt(
                        grid.origin.x + (c as f64 + 0.5) * grid.cell_m,
                        grid.origin.y + (r as f64 + 0.5) * grid.cell_m,
                    );
                    if nearer_than(mid, mid, *a, *b, near2) {
                        pairs.push(((r * grid.cols + c) as u32, i as u32));
                    }
                }
            }
        }
        let mut starts = vec![0u32; cols * rows + 1];
        for (cell, _) in &pairs {
            if let Some(s) = starts.get_mut(*cell as usize + 1) {
                *s += 1;
            }
        }
        let mut sum = 0;
        for s in &mut starts {
            sum += *s;
            *s = sum;
        }
        // Each where its cell's next free place is: the segments of a cell stay in their order.
        let mut items = vec![0u32; pairs.len()];
        let mut next = starts.clone();
        for (cell, i) in pairs {
            if let Some(n) = next.get_mut(cell as usize) {
                if let Some(item) = items.get_mut(*n as usize) {
                    *item = i;
                }
                *n += 1;
            }
        }
        grid.starts = starts;
        grid.items = items;
        grid
    }

    /// For each cell whether its middle is inside (even–odd); asked only of cells that list nothing, where it holds for
    /// all of the cell.
    fn empty_inside(&self) -> Vec<bool> {
        let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); self.rows];
        for (a, b) in &self.segments {
            let (lo, hi) = if a.y < b.y { (a, b) } else { (b, a) };
            let r0 = ((lo.y - self.origin.y) / self.cell_m - 0.5).ceil().max(0.0) as usize;
            for (r, row) in crossings.iter_mut().enumerate().skip(r0) {
                let y = self.origin.y + (r as f64 + 0.5) * self.cell_m;
                if y >= hi.y {
                    break;
                }
                if y >= lo.y {
                    row.push(lo.x + (y - lo.y) / (hi.y - lo.y) * (hi.x - lo.x));
                }
            }
        }
        let mut inside = Vec::with_capacity(self.cols * self.rows);
        for row in &mut crossings {
            row.sort_unstable_by(f64::total_cmp);
            let mut before = row.iter().peekable();
            let mut odd = false;
            for c in 0..self.cols {
                let x = self.origin.x + (c as f64 + 0.5) * self.cell_m;
                while before.next_if(|at| **at < x).is_some() {
                    odd = !odd;
                }
                inside.push(odd);
            }
        }
        inside
    }

    fn span(&self, lo: f64, hi: f64, origin: f64, n: usize) -> (usize, usize) {
        let at = |v: f64| {
            (((v - origin) / self.cell_m).floor().max(0.0) as usize).min(n.saturating_sub(1))
        };
        (at(lo), at(hi))
    }

    /// The segment of this number.
    pub fn segment(&self, i: u32) -> Option<(P, P)> {
        self.segments.get(i as usize).copied()
    }

    fn cell(&self, col: usize, row: usize) -> &[u32] {
        let k = row * self.cols + col;
        match (self.starts.get(k), self.starts.get(k + 1)) {
            (Some(a), Some(b)) => self.items.get(*a as usize..*b as usize).unwrap_or(&[]),
            _ => &[],
        }
    }

    /// Calls `visit` with the numbers listed in each cell that `a`–`b` passes; stops when it says `true`, and says so.
    /// A segment may be shown more than once.
    pub fn along(&self, a: P, b: P, mut visit: impl FnMut(&[u32]) -> bool) -> bool {
        let to = |v: f64, o: f64| (v - o) / self.cell_m;
        let (ax, ay) = (to(a.x, self.origin.x), to(a.y, self.origin.y));
        let (bx, by) = (to(b.x, self.origin.x), to(b.y, self.origin.y));
        let last_row = self.rows.saturating_sub(1);
        let last_col = self.cols.saturating_sub(1);
        // The cast rounds down: `floor` is a call on plain x86-64.
        let clamp = |v: f64, last: usize| (v.max(0.0) as usize).min(last);
        let (r0, r1) = (
            clamp(ay.min(by) - 1e-9, last_row),
            clamp(ay.max(by) + 1e-9, last_row),
        );
        let slope = if (by - ay).abs() > 1e-12 {
            (bx - ax) / (by - ay)
        } else {
            0.0
        };
        for r in r0..=r1 {
            // The part of the segment inside this row of cells, a hair wider.
            let (x0, x1) = if r0 == r1 {
                (ax, bx)
            } else {
                let x_at = |y: f64| ax + (y.clamp(ay.min(by), ay.max(by)) - ay) * slope;
                (x_at(r as f64 - 1e-9), x_at(r as f64 + 1.0 + 1e-9))
            };
            let (c0, c1) = (
                clamp(x0.min(x1) - 1e-6, last_col),
                clamp(x0.max(x1) + 1e-6, last_col),
            );
            for c in c0..=c1 {
                let items = self.cell(c, r);
                if !items.is_empty() && visit(items) {
                    return true;
                }
            }
        }
        false
    }

    /// The segment's place nearest to `p` and how far that is, among all. `None` where there is no segment.
    pub fn nearest(&self, p: P) -> Option<(f64, P)> {
        let at = |v: f64, o: f64, n: usize| {
            (((v - o) / self.cell_m).floor() as i64).clamp(0, n.saturating_sub(1) as i64)
        };
        let (cx, cy) = (
            at(p.x, self.origin.x, self.cols),
            at(p.y, self.origin.y, self.rows),
        );
        // Beyond the grid its nearest cell is the start; rings of cells then say less than how far they are.
        let outside_m = dist(
            p,
            pt(
                p.x.clamp(
                    self.origin.x,
                    self.origin.x + self.cols as f64 * self.cell_m,
                ),
                p.y.clamp(
                    self.origin.y,
                    self.origin.y + self.rows as f64 * self.cell_m,
                ),
            ),
        );
        let mut best: Option<(f64, P)> = None;
        for ring in 0..=self.cols.max(self.rows) as i64 {
            let sure_m = ((ring - 1) as f64 * self.cell_m - outside_m).max(0.0);
            if best.is_some_and(|b| b.0 <= sure_m) {
                break;
            }
            for y in (cy - ring).max(0)..=(cy + ring).min(self.rows as i64 - 1) {
                let whole = (y - cy).abs() == ring;
                let mut x = cx - ring;
                while x <= cx + ring {
                    if x >= 0 && x < self.cols as i64 {
                        for i in self.cell(x as usize, y as usize) {
                            if let Some((a, b)) = self.segment(*i) {
                                let q = nearest_on(p, a, b);
                                let d = dist(p, q);
                                if best.is_none_or(|b| d < b.0) {
                                    best = Some((d, q));
                                }
                            }
                        }
                    }
                    x += if whole { 1 } else { (2 * ring).max(1) };
                }
            }
        }
        best
    }

    /// Whether any segment comes nearer than `d_m` (at most the grid's reach) to `a`–`b`.
    pub fn any_nearer(&self, a: P, b: P, d_m: f64) -> bool {
        let d2 = d_m * d_m;
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        // Twice as far to one side of the whole line is far enough, rounding and all; so it is beside the leg's box.
        let reach = d_m + 1e-6;
        let far = 2.0 * reach * (dx * dx + dy * dy).sqrt();
        let (left, right) = (a.x.min(b.x) - reach, a.x.max(b.x) + reach);
        let (low, high) = (a.y.min(b.y) - reach, a.y.max(b.y) + reach);
        self.along(a, b, |items| {
            items.iter().any(|i| {
                self.segment(*i).is_some_and(|(c, e)| {
                    let beside = (c.x < left && e.x < left)
                        || (c.x > right && e.x > right)
                        || (c.y < low && e.y < low)
                        || (c.y > high && e.y > high);
                    if beside {
                        return false;
                    }
                    let s = dx * (c.y - a.y) - dy * (c.x - a.x);
                    let t = dx * (e.y - a.y) - dy * (e.x - a.x);
                    let aside = (s > far && t > far) || (s < -far && t < -far);
                    !aside && nearer_than(a, b, c, e, d2)
                })
            })
        })
    }

    /// Least distance of a way from the segments listed where it passes, metres; right where it is at most the reach.
    pub fn least_m(&self, way: &[P]) -> f64 {
        let mut least = f64::INFINITY;
        for w in way.windows(2) {
            let [a, b] = w else { continue };
            let (left, right) = (a.x.min(b.x), a.x.max(b.x));
            let (low, high) = (a.y.min(b.y), a.y.max(b.y));
            self.along(*a, *b, |items| {
                for (c, e) in items.iter().filter_map(|i| self.segment(*i)) {
                    let beside = c.x.min(e.x) > right + least
                        || c.x.max(e.x) < left - least
                        || c.y.min(e.y) > high + least
                        || c.y.max(e.y) < low - least;
                    if !beside {
                        least = least.min(between(*a, *b, c, e));
                    }
                }
                false
            });
        }
        least
    }

    /// Whether `p` is inside the rings that the segments make (even–odd).
    pub fn inside(&self, p: P) -> bool {
        let (x, y) = (
            (p.x - self.origin.x) / self.cell_m,
            (p.y - self.origin.y) / self.cell_m,
        );
        if !(x >= 0.0 && y >= 0.0 && x < self.cols as f64 && y < self.rows as f64) {
            return false;
        }
        let (col, row) = (x as usize, y as usize);
        // A ray to the middle of the next cell on the left that no segment comes near: there the answer is known.
        let empty = (0..=col).rev().find(|c| self.cell(*c, row).is_empty());
        let known = empty.and_then(|c| {
            let inside = self.inside.get_or_init(|| self.empty_inside());
            inside.get(row * self.cols + c).copied()
        });
        let from = empty.map_or(0, |c| c + 1);
        let from_x = empty.map_or(f64::NEG_INFINITY, |c| {
            self.origin.x + (c as f64 + 0.5) * self.cell_m
        });
        let mut crossings: Vec<u32> = Vec::new();
        for c in from..=col {
            for i in self.cell(c, row) {
                if let Some((a, b)) = self.segment(*i)
                    && (a.y > p.y) != (b.y > p.y)
                {
                    let x = a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x);
                    if x > from_x && x < p.x {
                        crossings.push(*i);
                    }
                }
            }
        }
        crossings.sort_unstable();
        crossings.dedup();
        (crossings.len() % 2 == 1) != known.unwrap_or(false)
    }
}
