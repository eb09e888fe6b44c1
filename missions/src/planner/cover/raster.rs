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
        let (mut lo, mut hi) = (pt(f64::INFINITY, f64::INFINITY), pt(f64::NEG_INFINITY, f64::NEG_INFINITY));
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
                    if let Some(cells) = raster.counts.get_mut(r * cols + c0..(r * cols + c1).max(r * cols + c0)) {
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
        let mut gained = 0usize;
        self.each_row(a, b, |cells| {
            let mut n = 0u16;
            for c in cells {
                n = n.wrapping_add(u16::from(*c == 0));
                *c = c.wrapping_add(1);
            }
            gained = gained.wrapping_add(n as usize);
        });
        self.unseen = self.unseen.wrapping_sub(gained);
    }

    /// A leg that was flown no longer is.
    pub fn remove(&mut self, a: P, b: P) {
        let mut lost = 0usize;
        self.each_row(a, b, |cells| {
            let mut n = 0u16;
            for c in cells {
                *c = c.wrapping_sub(1);
                n = n.wrapping_add(u16::from(*c == 0));
            }
            lost = lost.wrapping_add(n as usize);
        });
        self.unseen = self.unseen.wrapping_add(lost);
    }

    fn each_row(&mut self, a: P, b: P, mut f: impl FnMut(&mut [u16])) {
        let r = self.radius;
        let (a, b) = (self.to_lattice(a), self.to_lattice(b));
        // The lower end first, so that the sloping sides are told apart by sign alone.
        let (a, b) = if a.y <= b.y { (a, b) } else { (b, a) };
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let len = dx.hypot(dy);
        let (ux, uy) = if len > 1e-9 { (dx / len, dy / len) } else { (1.0, 0.0) };
        let r0 = (a.y - r).ceil().max(0.0) as usize;
        let r1 = ((b.y + r).floor().max(-1.0) + 1.0) as usize;
        let (inv_ux, inv_uy) = (
            if ux.abs() > 1e-9 { 1.0 / ux } else { f64::INFINITY },
            if uy > 1e-9 { 1.0 / uy } else { f64::INFINITY },
        );
        let r2 = r * r;
        for row in r0..r1.min(self.rows) {
            let y = row as f64;
            let (mut x0, mut x1) = (f64::INFINITY, f64::NEG_INFINITY);
            let (ya, yb) = (y - a.y, y - b.y);
            let sa = r2 - ya * ya;
            if sa >= 0.0 {
                let s = sa.sqrt();
                (x0, x1) = (x0.min(a.x - s), x1.max(a.x + s));
            }
            let sb = r2 - yb * yb;
            if sb >= 0.0 {
                let s = sb.sqrt();
                (x0, x1) = (x0.min(b.x - s), x1.max(b.x + s));
            }
            // The rectangle between the end discs: along in [0, len], aside in [-r, r].
            let (mut lo, mut hi) = (f64::NEG_INFINITY, f64::INFINITY);
            if inv_ux.is_finite() {
                let (p, q) = (-ya * uy * inv_ux, (len - ya * uy) * inv_ux);
                (lo, hi) = (lo.max(p.min(q)), hi.min(p.max(q)));
            } else if ya * uy < 0.0 || ya * uy > len {
                hi = f64::NEG_INFINITY;
            }
            if inv_uy.is_finite() {
                let (p, q) = ((ya * ux - r) * inv_uy, (ya * ux + r) * inv_uy);
                (lo, hi) = (lo.max(p), hi.min(q));
            } else if ya.abs() > r {
                hi = f64::NEG_INFINITY;
            }
            if lo <= hi {
                (x0, x1) = (x0.min(a.x + lo), x1.max(a.x + hi));
            }
            if x0 > x1 {
                continue;
            }
            let c0 = (x0.ceil().max(0.0) as usize).min(self.cols);
            let c1 = ((x1.floor().max(-1.0) + 1.0) as usize).clamp(c0, self.cols);
            let base = row * self.cols;
            if let Some(cells) = self.counts.get_mut(base + c0..base + c1) {
                f(cells);
            }
        }
    }

    /// To lattice units, samples at whole numbers.
    fn to_lattice(&self, p: P) -> P {
        let q = turn(p, self.cos, self.sin);
        pt((q.x - self.lo.x) / self.step_m - 0.5, (q.y - self.lo.y) / self.step_m - 0.5)
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

    fn place(&self, k: usize) -> P {
        let (row, col) = (k / self.cols.max(1), k % self.cols.max(1));
        let q = pt(self.lo.x + (col as f64 + 0.5) * self.step_m, self.lo.y + (row as f64 + 0.5) * self.step_m);
        turn(q, self.cos, -self.sin)
    }

    /// Number of cells, asked for or not.
    pub fn cells(&self) -> usize {
        self.counts.len()
    }

    /// Part of the samples asked for that are seen, 0 to 1.
    pub fn seen_part(&self) -> f64 {
        if self.asked == 0 { 1.0 } else { 1.0 - self.unseen as f64 / self.asked as f64 }
    }
}

fn turn(p: P, cos: f64, sin: f64) -> P {
    pt(p.x * cos + p.y * sin, p.y * cos - p.x * sin)
}
