//! What has been seen: a lattice of samples over the reachable target, each with the number of legs that see it.
//!
//! The lattice is turned away from the lines flown, so that a gap between two of them cannot hide between rows.

use super::geom::{P, pt};
use geo::MultiPolygon;

/// Added to samples that are not asked for, so that they never count as unseen.
const NOT_ASKED: u16 = 0x4000;

/// Rows and columns of a tile, in which unseen samples are counted.
const TILE: (usize, usize) = (16, 64);
/// Fewer cells than this are counted one by one.
const FEW_CELLS: usize = 12;

/// The lattice.
pub(super) struct Raster {
    cos: f64,
    sin: f64,
    /// Lower left of the lattice, in turned metres.
    lo: P,
    step_m: f64,
    cols: usize,
    rows: usize,
    counts: Vec<u16>,
    /// Unseen samples of each tile, and its columns.
    blank: Vec<u32>,
    tiles: usize,
    /// Footprint's radius, in steps.
    radius: f64,
    /// Samples asked for.
    pub asked: usize,
    /// Samples asked for that no leg sees.
    pub unseen: usize,
}

impl Raster {
    /// Samples `step_m` apart over `area`, on a lattice turned by `angle_rad`.
    pub fn new(area: &MultiPolygon<f64>, radius_m: f64, step_m: f64, angle_rad: f64) -> Self {
        let (sin, cos) = angle_rad.sin_cos();
        let turned: Vec<(P, P)> = super::free::edges(area)
            .into_iter()
            .map(|(a, b)| (turn(a, cos, sin), turn(b, cos, sin)))
            .collect();
        let (mut lo, mut hi) = (
            pt(f64::INFINITY, f64::INFINITY),
            pt(f64::NEG_INFINITY, f64::NEG_INFINITY),
        );
        for p in turned.iter().map(|e| e.0) {
            lo = pt(lo.x.min(p.x), lo.y.min(p.y));
            hi = pt(hi.x.max(p.x), hi.y.max(p.y));
        }
        if turned.is_empty() {
            (lo, hi) = (pt(0.0, 0.0), pt(0.0, 0.0));
        }
        let cols = ((hi.x - lo.x) / step_m).ceil() as usize + 1;
        let rows = ((hi.y - lo.y) / step_m).ceil() as usize + 1;
        let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); rows];
        for (a, b) in &turned {
            let (a, b) = if a.y < b.y { (a, b) } else { (b, a) };
            let r0 = ((a.y - lo.y) / step_m - 0.5).ceil().max(0.0) as usize;
            for (r, row) in crossings.iter_mut().enumerate().skip(r0) {
                let y = lo.y + (r as f64 + 0.5) * step_m;
                if y >= b.y {
                    break;
                }
                if y >= a.y {
                    row.push(a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x));
                }
            }
        }
        let mut raster = Raster {
            cos,
            sin,
            lo,
            step_m,
            cols,
            rows,
            counts: vec![NOT_ASKED; cols * rows],
            blank: vec![0; (cols / TILE.1 + 1) * (rows / TILE.0 + 1)],
            tiles: cols / TILE.1 + 1,
            radius: radius_m / step_m,
            asked: 0,
            unseen: 0,
        };
        for (r, row) in crossings.iter_mut().enumerate() {
            row.sort_by(f64::total_cmp);
            for pair in row.chunks_exact(2) {
                if let [x0, x1] = pair {
                    let c0 = ((x0 - lo.x) / step_m - 0.5).ceil().max(0.0) as usize;
                    let c1 = (((x1 - lo.x) / step_m - 0.5).ceil().max(0.0) as usize).min(cols);
                    if let Some(cells) = raster
                        .counts
                        .get_mut(r * cols + c0..(r * cols + c1).max(r * cols + c0))
                    {
                        raster.asked += cells.len();
                        cells.fill(0);
                    }
                }
            }
        }
        raster.unseen = raster.asked;
        raster.count_blank();
        raster
    }

    /// Counts the unseen samples of every tile afresh.
    fn count_blank(&mut self) {
        self.blank.fill(0);
        for (r, row) in self.counts.chunks(self.cols.max(1)).enumerate() {
            for (t, cells) in row.chunks(TILE.1).enumerate() {
                if let Some(b) = self.blank.get_mut(r / TILE.0 * self.tiles + t) {
                    *b = b.wrapping_add(zeros(cells, 0) as u32);
                }
            }
        }
    }

    /// Square metres a sample stands for.
    pub fn sample_m2(&self) -> f64 {
        self.step_m * self.step_m
    }

    /// Forgets every leg.
    pub fn clear(&mut self) {
        for c in &mut self.counts {
            *c &= NOT_ASKED;
        }
        self.unseen = self.asked;
        self.count_blank();
    }

    /// A leg is flown.
    pub fn add(&mut self, a: P, b: P) {
        self.exchange(&[], &[(a, b)]);
    }

    /// `new` legs are flown instead of `old` ones.
    pub fn exchange(&mut self, old: &[(P, P)], new: &[(P, P)]) {
        let legs = self.swept(old, new);
        let (mut gained, mut lost) = (0usize, 0usize);
        let (cols, tiles) = (self.cols, self.tiles);
        let (counts, blank) = (&mut self.counts, &mut self.blank);
        let mut marks = Marks::with_capacity(2 * legs.len());
        for row in rows_of(&legs, self.rows) {
            let tile_row = row / TILE.0 * tiles;
            changes(&legs, row, cols, &mut marks, |from, to, by| {
                // Tile by tile, each of which counts what is unseen in it.
                let mut at = from;
                while at < to {
                    let end = ((at / TILE.1 + 1) * TILE.1).min(to);
                    let Some(cells) = counts.get_mut(row * cols + at..row * cols + end) else {
                        return;
                    };
                    let mut n = 0u32;
                    let fewer = if by > 0 {
                        for c in cells {
                            n = n.wrapping_add(u32::from(*c == 0));
                            *c = c.wrapping_add(by as u16);
                        }
                        gained = gained.wrapping_add(n as usize);
                        n.wrapping_neg()
                    } else {
                        let less = by.unsigned_abs();
                        for c in cells {
                            *c = c.wrapping_sub(less);
                            n = n.wrapping_add(u32::from(*c == 0));
                        }
                        lost = lost.wrapping_add(n as usize);
                        n
                    };
                    if n > 0
                        && let Some(b) = blank.get_mut(tile_row + at / TILE.1)
                    {
                        *b = b.wrapping_add(fewer);
                    }
                    at = end;
                }
            });
        }
        self.unseen = self.unseen.wrapping_add(lost).wrapping_sub(gained);
    }

    /// Whether the exchange leaves no more samples newly unseen than `bearable` says of those newly seen (the more are
    /// seen, the more are bearable; less than 0 is not).
    pub fn bears(&self, old: &[(P, P)], new: &[(P, P)], bearable: impl Fn(usize) -> f64) -> bool {
        let legs = self.swept(old, new);
        // Most exchanges lose more than they could gain at best, and show it within a few rows.
        let (at_best, bands) = self.at_best(&legs);
        let most = bearable(at_best);
        if most < 0.0 {
            return false;
        }
        let mut lost = 0usize;
        let mut marks = Marks::with_capacity(2 * legs.len());
        let rows = rows_of(&legs, self.rows);
        let middle = match (old, new) {
            (_, [(_, p), _, ..]) | ([(_, p), ..], _) => self.to_lattice(*p).y.max(0.0) as usize,
            _ => rows.start,
        };
        let middle = middle.clamp(rows.start, rows.end);
        // From where the way is bent outwards: there the most is lost.
        let (mut up, mut down) = (middle..rows.end, (rows.start..middle).rev());
        loop {
            let (one, other) = (up.next(), down.next());
            if one.is_none() && other.is_none() {
                break;
            }
            for row in [one, other].into_iter().flatten() {
                let base = row * self.cols;
                changes(&legs, row, self.cols, &mut marks, |from, to, by| {
                    if by < 0
                        && let Some(cells) = self.counts.get(base + from..base + to)
                    {
                        lost = lost.wrapping_add(zeros(cells, by.unsigned_abs()));
                    }
                });
            }
            if lost as f64 > most {
                return false;
            }
        }
        let enough = |gained: usize| {
            let most = bearable(gained);
            most >= 0.0 && lost as f64 <= most
        };
        at_best == 0 || self.gained(&legs, &bands, enough)
    }

    /// Whether legs newly see enough samples, of those in these bands.
    fn gained(&self, legs: &[Swept], bands: &[usize], enough: impl Fn(usize) -> bool) -> bool {
        let mut gained = 0usize;
        if enough(gained) {
            return true;
        }
        let mut marks = Marks::with_capacity(2 * legs.len());
        let all = rows_of(legs, self.rows);
        for band in bands {
            let first = band * TILE.0;
            for row in first.max(all.start)..(first + TILE.0).min(all.end) {
                let base = row * self.cols;
                changes(legs, row, self.cols, &mut marks, |from, to, by| {
                    if by > 0
                        && let Some(cells) = self.counts.get(base + from..base + to)
                    {
                        gained = gained.wrapping_add(zeros(cells, 0));
                    }
                });
            }
            if enough(gained) {
                return true;
            }
        }
        false
    }

    /// No less than the unseen samples that lie under the legs that are to be flown, and the bands of rows they lie in.
    fn at_best(&self, legs: &[Swept]) -> (usize, Vec<usize>) {
        let mut sum = 0usize;
        let mut bands = Vec::new();
        for l in legs.iter().filter(|l| l.by > 0) {
            let rows = rows_of(std::slice::from_ref(l), self.rows);
            let (first, last) = (rows.start / TILE.0, rows.end.div_ceil(TILE.0));
            for band in first..last {
                let (y0, y1) = ((band * TILE.0) as f64, ((band + 1) * TILE.0) as f64);
                let (x0, x1) = l.reach(y0, y1);
                let from = x0.max(0.0) as usize / TILE.1;
                let to = (x1.max(0.0) as usize / TILE.1 + 1).min(self.tiles);
                let row = band * self.tiles;
                let tiles = self.blank.get(row + from.min(to)..row + to);
                let blank = tiles
                    .into_iter()
                    .flatten()
                    .fold(0usize, |s, b| s.wrapping_add(*b as usize));
                if blank > 0 {
                    sum += blank;
                    bands.push(band);
                }
            }
        }
        bands.sort_unstable();
        bands.dedup();
        (sum.min(self.unseen), bands)
    }

    /// Samples unseen now that a look from `p` would see.
    pub fn gain(&self, p: P) -> usize {
        let legs = self.swept(&[], &[(p, p)]);
        let (_, bands) = self.at_best(&legs);
        let seen = std::cell::Cell::new(0);
        self.gained(&legs, &bands, |n| {
            seen.set(n);
            false
        });
        seen.get()
    }

    fn swept(&self, old: &[(P, P)], new: &[(P, P)]) -> Vec<Swept> {
        let r = self.radius;
        old.iter()
            .map(|l| (l, -1))
            .chain(new.iter().map(|l| (l, 1)))
            .map(|(l, by)| Swept::new(self.to_lattice(l.0), self.to_lattice(l.1), r, by))
            .collect()
    }

    /// To lattice units, samples at whole numbers.
    fn to_lattice(&self, p: P) -> P {
        let q = turn(p, self.cos, self.sin);
        pt(
            (q.x - self.lo.x) / self.step_m - 0.5,
            (q.y - self.lo.y) / self.step_m - 0.5,
        )
    }

    /// The first unseen sample at or after cell `from` (any number), going round.
    pub fn unseen_after(&self, from: usize) -> Option<P> {
        if self.unseen == 0 {
            return None;
        }
        let from = from % self.counts.len().max(1);
        let k = self
            .first_unseen(from, self.counts.len())
            .or_else(|| self.first_unseen(0, from))?;
        Some(self.place(k))
    }

    /// The first unseen of these cells. Tiles without any are passed over.
    fn first_unseen(&self, from: usize, to: usize) -> Option<usize> {
        let cols = self.cols.max(1);
        let mut at = from;
        while at < to {
            let (row, col) = (at / cols, at % cols);
            let end = to.min(row * cols + ((col / TILE.1 + 1) * TILE.1).min(cols));
            let tile = row / TILE.0 * self.tiles + col / TILE.1;
            if self.blank.get(tile).is_some_and(|b| *b > 0)
                && let Some(i) = self.counts.get(at..end)?.iter().position(|c| *c == 0)
            {
                return Some(at + i);
            }
            at = end;
        }
        None
    }

    /// Numbers of the cells asked for that no leg sees.
    pub fn unseen_cells(&self, out: &mut Vec<u32>) {
        out.clear();
        let cells = self.counts.iter().enumerate();
        out.extend(cells.filter(|c| *c.1 == 0).map(|c| c.0 as u32));
    }

    /// The place of a cell that no leg sees; `None` where it is seen by now.
    pub fn still_unseen(&self, cell: u32) -> Option<P> {
        (self.counts.get(cell as usize) == Some(&0)).then(|| self.place(cell as usize))
    }

    fn place(&self, k: usize) -> P {
        let (row, col) = (k / self.cols.max(1), k % self.cols.max(1));
        let q = pt(
            self.lo.x + (col as f64 + 0.5) * self.step_m,
            self.lo.y + (row as f64 + 0.5) * self.step_m,
        );
        turn(q, self.cos, -self.sin)
    }

    /// Number of cells, asked for or not.
    pub fn cells(&self) -> usize {
        self.counts.len()
    }

    /// Part of the samples asked for that are seen, 0 to 1.
    pub fn seen_part(&self) -> f64 {
        if self.asked == 0 {
            1.0
        } else {
            1.0 - self.unseen as f64 / self.asked as f64
        }
    }
}

fn turn(p: P, cos: f64, sin: f64) -> P {
    pt(p.x * cos + p.y * sin, p.y * cos - p.x * sin)
}

/// How many of the cells hold exactly `value`.
fn zeros(cells: &[u16], value: u16) -> usize {
    if cells.len() < FEW_CELLS {
        let mut k = 0u16;
        for c in cells {
            k = k.wrapping_add(u16::from(*c == value));
        }
        return usize::from(k);
    }
    let mut n = 0usize;
    for block in cells.chunks(4_096) {
        // Counted in the cells' own width, so that the compiler can take many at once.
        let mut k = 0u16;
        for c in block {
            k = k.wrapping_add(u16::from(*c == value));
        }
        n = n.wrapping_add(usize::from(k));
    }
    n
}

/// What a leg sweeps, row by row, in lattice units: a band with round ends. Going up either of its sides follows the disc of
/// the lower end, a straight line, and the disc of the upper end.
struct Swept {
    by: i16,
    /// Lower end.
    a: P,
    /// Upper end.
    b: P,
    r: f64,
    r2: f64,
    /// First row, and one beyond the last (may be below zero).
    r0: f64,
    r1: f64,
    /// Rows up to which the lower end's disc, and above which the upper end's bounds it: on the left and on the right.
    left: (f64, f64),
    right: (f64, f64),
    /// Its sides lie at `x − a.x = q0 + q (y − a.y)` and at `q1 + q (y − a.y)`.
    q: f64,
    q0: f64,
    q1: f64,
}

impl Swept {
    fn new(a: P, b: P, r: f64, by: i16) -> Self {
        let (a, b) = if a.y <= b.y { (a, b) } else { (b, a) };
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let len = (dx * dx + dy * dy).sqrt();
        let (ux, uy) = if len < 1e-9 {
            (0.0, 0.0)
        } else {
            (dx / len, dy / len)
        };
        let mut s = Swept {
            by,
            a,
            b,
            r,
            r2: r * r,
            r0: (a.y - r).ceil(),
            r1: (b.y + r).floor() + 1.0,
            left: (a.y + r * ux, b.y + r * ux),
            right: (a.y - r * ux, b.y - r * ux),
            q: 0.0,
            q0: 0.0,
            q1: 0.0,
        };
        if uy > 1e-9 {
            // −r ≤ x uy − y ux ≤ r
            s.q = ux / uy;
            (s.q0, s.q1) = (-r / uy, r / uy);
        } else {
            // Level, or a place: discs alone.
            s.left.1 = s.left.0;
            s.right.1 = s.right.0;
        }
        s
    }

    /// Half a disc's width at a row so far from its middle.
    fn half(&self, dy: f64) -> f64 {
        (self.r2 - dy * dy).max(0.0).sqrt()
    }

    /// The cells of row `y`, from and to.
    fn span(&self, y: f64) -> Option<(f64, f64)> {
        if y < self.r0 || y >= self.r1 {
            return None;
        }
        let (ya, yb) = (y - self.a.y, y - self.b.y);
        let x0 = if y <= self.left.0 {
            self.a.x - self.half(ya)
        } else if y < self.left.1 {
            self.a.x + (self.q0 + self.q * ya)
        } else {
            self.b.x - self.half(yb)
        };
        let x1 = if y <= self.right.0 {
            self.a.x + self.half(ya)
        } else if y < self.right.1 {
            self.a.x + (self.q1 + self.q * ya)
        } else {
            self.b.x + self.half(yb)
        };
        (x0 <= x1).then_some((x0, x1))
    }

    /// Columns that it may reach between rows `y0` and `y1`, from and to.
    fn reach(&self, y0: f64, y1: f64) -> (f64, f64) {
        // The part of its middle line whose footprints come there.
        let rise = (self.b.y - self.a.y).max(1e-9);
        let t0 = ((y0 - self.r - self.a.y) / rise).clamp(0.0, 1.0);
        let t1 = ((y1 + self.r - self.a.y) / rise).clamp(0.0, 1.0);
        let run = self.b.x - self.a.x;
        let (u, v) = (self.a.x + t0 * run, self.a.x + t1 * run);
        (u.min(v) - self.r - 1.0, u.max(v) + self.r + 1.0)
    }
}

/// Where legs begin or end in a row, and what changes there: column and step, packed to be sorted quickly.
type Marks = Vec<u64>;

/// Rows that any of the legs sweeps.
fn rows_of(legs: &[Swept], rows: usize) -> std::ops::Range<usize> {
    let lo = legs
        .iter()
        .map(|l| l.r0)
        .fold(f64::INFINITY, f64::min)
        .max(0.0) as usize;
    let hi = (legs.iter().map(|l| l.r1).fold(0.0, f64::max) as usize).min(rows);
    lo.min(hi)..hi
}

/// Calls `f(from, to, by)` for every run of columns of the row whose number of legs changes by `by` ≠ 0.
fn changes(
    legs: &[Swept],
    row: usize,
    cols: usize,
    marks: &mut Marks,
    mut f: impl FnMut(usize, usize, i16),
) {
    /// Added to a step, so that it packs as a number without a sign.
    const ZERO: i16 = 0x100;
    let last = cols as f64;
    marks.clear();
    for l in legs {
        if let Some((x0, x1)) = l.span(row as f64) {
            // Whole numbers by casts: `floor` is a call on plain x86-64.
            let (from, to) = (x0.clamp(0.0, last), x1.clamp(-1.0, last - 1.0) + 1.0);
            let c0 = from as u32;
            let (c0, c1) = (c0 + u32::from(f64::from(c0) < from), to as u32);
            if c0 < c1 {
                marks.push(u64::from(c0) << 16 | u64::from((ZERO + l.by) as u16));
                marks.push(u64::from(c1) << 16 | u64::from((ZERO - l.by) as u16));
            }
        }
    }
    // Mostly a handful, for which insertion is the quickest; a long way around has hundreds.
    if marks.len() > 32 {
        marks.sort_unstable();
    } else {
        for i in 1..marks.len() {
            let (head, tail) = marks.split_at_mut(i);
            let Some(mut place) = tail.first_mut() else {
                break;
            };
            let mark = *place;
            for m in head.iter_mut().rev() {
                if *m <= mark {
                    break;
                }
                *place = *m;
                place = m;
            }
            *place = mark;
        }
    }
    let mut by = 0i16;
    let mut from = 0usize;
    for mark in marks.iter() {
        let (at, step) = ((mark >> 16) as usize, (mark & 0xFFFF) as i16 - ZERO);
        if by != 0 && at > from {
            f(from, at, by);
        }
        by += step;
        from = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::cover::geom::Dice;

    #[test]
    fn what_is_said_before_an_exchange_is_what_the_exchange_then_does() {
        let square = geo::Rect::new(
            geo::Coord { x: 0.0, y: 0.0 },
            geo::Coord { x: 90.0, y: 70.0 },
        );
        let area = MultiPolygon(vec![square.to_polygon()]);
        let mut dice = Dice::new(7);
        let (mut said_yes, mut said_no) = (0, 0);
        for n in 0..400 {
            let angle_rad = 3.0 * dice.unit();
            let mut raster = Raster::new(&area, 6.0, 1.0, angle_rad);
            let mut place = || pt(90.0 * dice.unit(), 70.0 * dice.unit());
            let mut way: Vec<P> = (0..40).map(|_| place()).collect();
            for w in way.windows(2) {
                raster.add(w[0], w[1]);
            }
            let (old, to) = (way.clone(), place());
            let i = 1 + n % 38;
            way[i] = if n % 3 == 0 {
                to
            } else {
                pt(way[i].x + 2.0, way[i].y - 1.0)
            };
            let legs = |w: &[P]| [(w[i - 1], w[i]), (w[i], w[i + 1])];
            let before = raster.counts.clone();
            let at_most =
                |lost: usize, gained: usize, worth: f64| lost as f64 <= worth + gained as f64;
            let worth = [-20.0, 0.0, 15.0, 200.0][n % 4];
            let said = raster.bears(&legs(&old), &legs(&way), |g| worth + g as f64);
            raster.exchange(&legs(&old), &legs(&way));
            let changed = |x: u16, y: u16| {
                before
                    .iter()
                    .zip(&raster.counts)
                    .filter(|(b, a)| {
                        ((**b == 0) == (x == 0)) && ((**a == 0) == (y == 0)) && **b < NOT_ASKED
                    })
                    .count()
            };
            let (gained, lost) = (changed(0, 1), changed(1, 0));
            let is = worth + gained as f64 >= 0.0 && at_most(lost, gained, worth);
            assert_eq!(
                said, is,
                "case {n}: {gained} gained, {lost} lost, worth {worth}"
            );
            let blank: usize = raster.blank.iter().map(|b| *b as usize).sum();
            assert_eq!(
                blank, raster.unseen,
                "case {n}: the tiles count as the lattice does"
            );
            if said { said_yes += 1 } else { said_no += 1 }
        }
        assert!(
            said_yes > 50 && said_no > 50,
            "{said_yes} to {said_no}: both must occur"
        );
    }
}
