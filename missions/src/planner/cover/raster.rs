//! What has been seen: a lattice of samples over the reachable target, each with the number of legs that see it.
//!
//! The lattice is turned away from the lines flown, so that a gap between two of them cannot hide between rows.

use super::geom::{P, pt};
use geo::MultiPolygon;

/// Added to samples that are not asked for, so that they never count as unseen.
const NOT_ASKED: u16 = 0x4000;

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
        raster
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
    }

    /// A leg is flown.
    pub fn add(&mut self, a: P, b: P) {
        self.exchange(&[], &[(a, b)]);
    }

    /// `new` legs are flown instead of `old` ones.
    pub fn exchange(&mut self, old: &[(P, P)], new: &[(P, P)]) {
        let legs = self.swept(old, new);
        let (mut gained, mut lost) = (0usize, 0usize);
        let (cols, rows) = (self.cols, self.rows);
        let counts = &mut self.counts;
        changes(&legs, rows, cols, |from, to, by| {
            let Some(cells) = counts.get_mut(from..to) else {
                return true;
            };
            let mut n = 0usize;
            if by > 0 {
                for c in cells {
                    n = n.wrapping_add(usize::from(*c == 0));
                    *c = c.wrapping_add(by as u16);
                }
                gained = gained.wrapping_add(n);
            } else {
                let less = by.unsigned_abs();
                for c in cells {
                    *c = c.wrapping_sub(less);
                    n = n.wrapping_add(usize::from(*c == 0));
                }
                lost = lost.wrapping_add(n);
            }
            true
        });
        self.unseen = self.unseen.wrapping_add(lost).wrapping_sub(gained);
    }

    /// Samples that would be newly seen by the exchange, and newly unseen; the second is given up on (`None`) where it
    /// exceeds what `bearable` says of the first.
    pub fn trial(
        &self,
        old: &[(P, P)],
        new: &[(P, P)],
        bearable: impl Fn(usize) -> f64,
    ) -> Option<(usize, usize)> {
        let legs = self.swept(old, new);
        let mut gained = 0usize;
        let any = self.unseen > 0;
        let mut less: Vec<(u32, u32, u16)> = Vec::with_capacity(256);
        changes(&legs, self.rows, self.cols, |from, to, by| {
            if by < 0 {
                less.push((from as u32, to as u32, by.unsigned_abs()));
            } else if any && let Some(cells) = self.counts.get(from..to) {
                gained = gained.wrapping_add(zeros(cells, 0));
            }
            true
        });
        let most = bearable(gained);
        if most < 0.0 {
            return None;
        }
        let mut lost = 0usize;
        for (from, to, by) in less {
            if let Some(cells) = self.counts.get(from as usize..to as usize) {
                lost = lost.wrapping_add(zeros(cells, by));
                if lost as f64 > most {
                    return None;
                }
            }
        }
        Some((gained, lost))
    }

    /// Samples unseen now that a look from `p` would see.
    pub fn gain(&self, p: P) -> usize {
        self.trial(&[], &[(p, p)], |_| 0.0).map_or(0, |t| t.0)
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
        let (head, tail) = self.counts.split_at(from);
        let k = match tail.iter().position(|c| *c == 0) {
            Some(i) => from + i,
            None => head.iter().position(|c| *c == 0)?,
        };
        Some(self.place(k))
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

/// What a leg sweeps, row by row, in lattice units.
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
    /// The rectangle between the discs, as bounds on `x − a.x` that are linear in `y − a.y`:
    /// `max(p0 + p y, q0 + q y) ≤ x ≤ min(p1 + p y, q1 + q y)`.
    p: f64,
    p0: f64,
    p1: f64,
    q: f64,
    q0: f64,
    q1: f64,
    flat: bool,
}

impl Swept {
    fn new(a: P, b: P, r: f64, by: i16) -> Self {
        let (a, b) = if a.y <= b.y { (a, b) } else { (b, a) };
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let len = (dx * dx + dy * dy).sqrt();
        let far = 1e12;
        let mut s = Swept {
            by,
            a,
            b,
            r,
            r2: r * r,
            r0: (a.y - r).ceil(),
            r1: (b.y + r).floor() + 1.0,
            p: 0.0,
            p0: -far,
            p1: far,
            q: 0.0,
            q0: -far,
            q1: far,
            flat: len < 1e-9,
        };
        if !s.flat {
            let (ux, uy) = (dx / len, dy / len);
            if ux.abs() > 1e-9 {
                // 0 ≤ x ux + y uy ≤ len
                s.p = -uy / ux;
                (s.p0, s.p1) = if ux > 0.0 {
                    (0.0, len / ux)
                } else {
                    (len / ux, 0.0)
                };
            }
            if uy > 1e-9 {
                // −r ≤ x uy − y ux ≤ r
                s.q = ux / uy;
                (s.q0, s.q1) = (-r / uy, r / uy);
            }
        }
        s
    }

    /// The cells of row `y`, from and to.
    fn span(&self, y: f64) -> Option<(f64, f64)> {
        if y < self.r0 || y >= self.r1 {
            return None;
        }
        let (ya, yb) = (y - self.a.y, y - self.b.y);
        let (mut x0, mut x1) = (f64::INFINITY, f64::NEG_INFINITY);
        let sa = self.r2 - ya * ya;
        if sa >= 0.0 {
            let s = sa.sqrt();
            (x0, x1) = (self.a.x - s, self.a.x + s);
        }
        let sb = self.r2 - yb * yb;
        if sb >= 0.0 {
            let s = sb.sqrt();
            (x0, x1) = (x0.min(self.b.x - s), x1.max(self.b.x + s));
        }
        // A level leg's rectangle is bounded by its rows alone, an upright one's by the sides and its ends' rows.
        let level_out = self.q1 >= 1e12 && ya.abs() > self.r;
        let upright_out = self.p1 >= 1e12 && (ya < 0.0 || yb > 0.0);
        if !(self.flat || level_out || upright_out) {
            let lo = (self.p0 + self.p * ya).max(self.q0 + self.q * ya);
            let hi = (self.p1 + self.p * ya).min(self.q1 + self.q * ya);
            if lo <= hi {
                (x0, x1) = (x0.min(self.a.x + lo), x1.max(self.a.x + hi));
            }
        }
        (x0 <= x1).then_some((x0, x1))
    }
}

/// Calls `f(from, to, by)` for every run of cells whose number of legs changes by `by` ≠ 0; ends where `f` says no.
fn changes(
    legs: &[Swept],
    rows: usize,
    cols: usize,
    mut f: impl FnMut(usize, usize, i16) -> bool,
) -> bool {
    let lo = legs
        .iter()
        .map(|l| l.r0)
        .fold(f64::INFINITY, f64::min)
        .max(0.0) as usize;
    let hi = (legs.iter().map(|l| l.r1).fold(0.0, f64::max) as usize).min(rows);
    let last = cols as f64;
    let mut marks: Vec<(u32, i16)> = Vec::with_capacity(2 * legs.len());
    for row in lo..hi {
        marks.clear();
        for l in legs {
            if let Some((x0, x1)) = l.span(row as f64) {
                // Whole numbers by casts: `floor` is a call on plain x86-64.
                let (from, to) = (x0.clamp(0.0, last), x1.clamp(-1.0, last - 1.0) + 1.0);
                let c0 = from as u32;
                let (c0, c1) = (c0 + u32::from(f64::from(c0) < from), to as u32);
                if c0 < c1 {
                    marks.push((c0, l.by));
                    marks.push((c1, -l.by));
                }
            }
        }
        // Mostly a handful, for which insertion is the quickest; a long way around has hundreds.
        let few = marks.len() <= 32;
        if !few {
            marks.sort_unstable();
        }
        for i in 1..if few { marks.len() } else { 0 } {
            let mut j = i;
            while j > 0 && marks.get(j).map(|m| m.0) < marks.get(j - 1).map(|m| m.0) {
                marks.swap(j, j - 1);
                j -= 1;
            }
        }
        let base = row * cols;
        let mut by = 0i16;
        let mut from = 0u32;
        for (at, step) in &marks {
            if by != 0 && *at > from && !f(base + from as usize, base + *at as usize, by) {
                return false;
            }
            by += step;
            from = *at;
        }
    }
    true
}
