//! In which order and which way the lines are flown.
//!
//! Nearest neighbour for a first tour, then 2-opt and Or-opt with neighbour lists and don't-look bits (Bentley 1992),
//! over lines that may be flown either way: the tour is a sequence of line ends, of which each pair stays together.

use super::geom::{P, dist};
use super::lines::Line;
use super::ways::Ways;
use std::collections::BTreeMap;

/// Neighbours remembered for each line end.
const NEAR: usize = 10;

/// A tour under improvement. Stop `2k` is line `k`'s first end, `2k + 1` the other.
pub(super) struct Tour<'a> {
    ways: &'a Ways<'a>,
    ends: Vec<P>,
    near: Vec<Vec<u32>>,
    cache: BTreeMap<(u32, u32), f64>,
    /// Stops in the order flown; `order[2i]` and `order[2i + 1]` are one line.
    order: Vec<u32>,
    pos: Vec<u32>,
    closed: bool,
}

impl<'a> Tour<'a> {
    /// A first tour by nearest neighbour.
    pub fn new(ways: &'a Ways<'a>, lines: &[Line], closed: bool) -> Self {
        let ends: Vec<P> = lines.iter().flat_map(|l| [l.a, l.b]).collect();
        let near = neighbours(&ends, NEAR);
        let n = ends.len();
        let mut tour = Tour { ways, ends, near, cache: BTreeMap::new(), order: Vec::new(), pos: vec![0; n], closed };
        tour.nearest_neighbour();
        tour
    }

    fn end(&self, i: u32) -> P {
        self.ends.get(i as usize).copied().unwrap_or(P { x: 0.0, y: 0.0 })
    }

    fn at(&self, i: usize) -> u32 {
        self.order.get(i).copied().unwrap_or(0)
    }

    fn cost(&mut self, a: u32, b: u32) -> f64 {
        let key = (a.min(b), a.max(b));
        if let Some(d) = self.cache.get(&key) {
            return *d;
        }
        let (p, q) = (self.end(a), self.end(b));
        let d = self.ways.length_m(p, q);
        // Where no way was found, a leg is dear, not impossible: the plan then falls apart there, and is mended.
        let d = if d.is_finite() { d } else { 1e4 + 10.0 * dist(p, q) };
        self.cache.insert(key, d);
        d
    }

    fn nearest_neighbour(&mut self) {
        let n = self.ends.len();
        let mut used = vec![false; n / 2];
        let mut left = Remaining::new(&self.ends);
        // From the end that lies lowest and leftmost: a corner.
        let start = (0..n as u32).min_by(|a, b| {
            let f = |i: u32| self.end(i).x + self.end(i).y;
            f(*a).total_cmp(&f(*b))
        });
        let mut here = match start {
            Some(s) => s,
            None => return,
        };
        loop {
            let other = here ^ 1;
            self.order.push(here);
            self.order.push(other);
            if let Some(u) = used.get_mut(here as usize / 2) {
                *u = true;
            }
            left.take(here);
            left.take(other);
            let mut candidates: Vec<u32> = self
                .near
                .get(other as usize)
                .into_iter()
                .flatten()
                .copied()
                .filter(|c| used.get(*c as usize / 2) == Some(&false))
                .collect();
            if candidates.is_empty() {
                match left.nearest(self.end(other), &self.ends) {
                    Some(c) => candidates.push(c),
                    None => break,
                }
            }
            let mut best = (f64::INFINITY, here);
            for c in candidates {
                if dist(self.end(other), self.end(c)) < best.0 {
                    let d = self.cost(other, c);
                    if d < best.0 {
                        best = (d, c);
                    }
                }
            }
            here = best.1;
        }
        self.number();
    }

    fn number(&mut self) {
        for (i, s) in self.order.iter().enumerate() {
            if let Some(p) = self.pos.get_mut(*s as usize) {
                *p = i as u32;
            }
        }
    }

    fn place(&self, stop: u32) -> usize {
        self.pos.get(stop as usize).copied().unwrap_or(0) as usize
    }

    /// 2-opt and Or-opt until nothing helps or `stop` says so.
    pub fn improve(&mut self, mut stop: impl FnMut() -> bool) {
        let n = self.ends.len();
        if n < 6 {
            return;
        }
        let mut queue: std::collections::VecDeque<u32> = self.order.iter().copied().collect();
        let mut queued = vec![true; n];
        while let Some(s) = queue.pop_front() {
            if let Some(q) = queued.get_mut(s as usize) {
                *q = false;
            }
            if stop() {
                break;
            }
            while let Some(touched) = self.improve_at(s) {
                for t in touched {
                    if let Some(q) = queued.get_mut(t as usize)
                        && !*q
                    {
                        *q = true;
                        queue.push_back(t);
                    }
                }
            }
        }
    }

    /// The stop joined to `s` by a leg (not by its line), if any.
    fn mate(&self, s: u32) -> Option<u32> {
        let i = self.place(s);
        let n = self.order.len();
        if i % 2 == 0 {
            if i > 0 {
                Some(self.at(i - 1))
            } else if self.closed {
                Some(self.at(n - 1))
            } else {
                None
            }
        } else if i + 1 < n {
            Some(self.at(i + 1))
        } else if self.closed {
            Some(self.at(0))
        } else {
            None
        }
    }

    fn improve_at(&mut self, s: u32) -> Option<Vec<u32>> {
        let mate = self.mate(s);
        let have = mate.map_or(f64::INFINITY, |m| self.cost(s, m));
        let near = self.near.get(s as usize).cloned().unwrap_or_default();
        for c in near {
            if c / 2 == s / 2 || Some(c) == mate {
                continue;
            }
            let straight = dist(self.end(s), self.end(c));
            if straight >= have {
                break;
            }
            if let Some(t) = self.two_opt(s, c, mate) {
                return Some(t);
            }
            if let Some(t) = self.or_opt(s, c) {
                return Some(t);
            }
        }
        None
    }

    /// Joins `s` to `c` by turning the stretch between them round.
    fn two_opt(&mut self, s: u32, c: u32, s_mate: Option<u32>) -> Option<Vec<u32>> {
        let c_mate = self.mate(c);
        let (ps, pc) = (self.place(s), self.place(c));
        // Both must leave their lines in the same sense, or the reversal would break a line.
        if ps % 2 != pc % 2 {
            return None;
        }
        let old = s_mate.map_or(0.0, |m| self.cost(s, m)) + c_mate.map_or(0.0, |m| self.cost(c, m));
        let new = self.cost(s, c);
        if new >= old - 1e-9 {
            return None;
        }
        let new = new
            + match (s_mate, c_mate) {
                (Some(a), Some(b)) => self.cost(a, b),
                _ => 0.0,
            };
        if new >= old - 1e-6 {
            return None;
        }
        let (lo, hi) = (ps.min(pc), ps.max(pc));
        if ps % 2 == 1 {
            // … lo][lo+1 … hi][…: turn lo+1 ..= hi.
            self.turn(lo + 1, hi);
        } else {
            self.turn(lo, hi - 1);
        }
        Some([Some(s), Some(c), s_mate, c_mate].into_iter().flatten().collect())
    }

    /// Moves a run of up to three lines that begins with `s` next to `c`.
    fn or_opt(&mut self, s: u32, c: u32) -> Option<Vec<u32>> {
        let n = self.order.len();
        let ps = self.place(s);
        let pc = self.place(c);
        for run in 1..=3usize {
            // The run has `s` at its outer end: it lies after `s` where `s` opens its line, before it otherwise.
            let (lo, hi) = if ps % 2 == 0 {
                (ps, ps + 2 * run - 1)
            } else {
                match (ps + 1).checked_sub(2 * run) {
                    Some(lo) => (lo, ps),
                    None => break,
                }
            };
            if hi >= n || (lo..=hi).contains(&pc) || hi + 1 - lo + 4 > n {
                break;
            }
            let tail = if ps % 2 == 0 { self.at(hi) } else { self.at(lo) };
            let before = lo.checked_sub(1).map(|i| self.at(i));
            let after = (hi + 1 < n).then(|| self.at(hi + 1));
            let ends = (self.at(lo), self.at(hi));
            let mut freed = before.map_or(0.0, |b| self.cost(b, ends.0)) + after.map_or(0.0, |a| self.cost(ends.1, a));
            if let (Some(a), Some(b)) = (before, after) {
                freed -= self.cost(a, b);
            } else if self.closed {
                // A run at the array's seam: leave it to 2-opt.
                continue;
            }
            let c_mate = self.mate(c);
            if c_mate.is_some_and(|m| (lo..=hi).contains(&self.place(m))) {
                continue;
            }
            if self.closed && c_mate.is_some_and(|m| self.place(m).abs_diff(pc) != 1) {
                continue;
            }
            let mut paid = self.cost(s, c) - c_mate.map_or(0.0, |m| self.cost(c, m));
            if paid >= freed - 1e-9 {
                continue;
            }
            paid += c_mate.map_or(0.0, |m| self.cost(tail, m));
            if paid >= freed - 1e-6 {
                continue;
            }
            let mut stops: Vec<u32> = self.order.drain(lo..=hi).collect();
            let pc = if pc > hi { pc - stops.len() } else { pc };
            // `s` goes next to `c`, on the side of `c` that leaves its line.
            let (at, s_first) = if pc % 2 == 1 { (pc + 1, true) } else { (pc, false) };
            if (stops.first() == Some(&s)) != s_first {
                stops.reverse();
            }
            self.order.splice(at..at, stops);
            self.number();
            return Some(
                [Some(s), Some(c), Some(tail), c_mate, before, after].into_iter().flatten().collect(),
            );
        }
        None
    }

    fn turn(&mut self, lo: usize, hi: usize) {
        if let Some(part) = self.order.get_mut(lo..=hi) {
            part.reverse();
        }
        for i in lo..=hi {
            let s = self.at(i);
            if let Some(p) = self.pos.get_mut(s as usize) {
                *p = i as u32;
            }
        }
    }

    /// The tour as a polyline, and the number of legs for which no legal way was found.
    pub fn path(&self) -> (Vec<P>, usize) {
        let mut out: Vec<P> = Vec::new();
        let mut broken = 0;
        let n = self.order.len();
        for (i, s) in self.order.iter().enumerate() {
            if i % 2 == 0 {
                if i > 0 {
                    match self.ways.way(self.end(self.at(i - 1)), self.end(*s)) {
                        Some(w) => out.extend(w.into_iter().skip(1)),
                        None => broken += 1,
                    }
                } else {
                    out.push(self.end(*s));
                }
            } else {
                out.push(self.end(*s));
            }
        }
        if self.closed && n > 2 {
            match self.ways.way(self.end(self.at(n - 1)), self.end(self.at(0))) {
                Some(w) => {
                    let inner = w.len().saturating_sub(2);
                    out.extend(w.into_iter().skip(1).take(inner));
                }
                None => broken += 1,
            }
        }
        out.dedup_by(|a, b| dist(*a, *b) < 1e-9);
        (out, broken)
    }
}

/// The `k` nearest ends of other lines for each end, nearest first.
fn neighbours(ends: &[P], k: usize) -> Vec<Vec<u32>> {
    let mut left = Remaining::new(ends);
    (0..ends.len() as u32)
        .map(|i| match ends.get(i as usize) {
            Some(p) => left.nearest_k(*p, ends, k, i / 2),
            None => Vec::new(),
        })
        .collect()
}

/// Ends not yet taken, in buckets.
struct Remaining {
    lo: P,
    cell_m: f64,
    cols: usize,
    rows: usize,
    cells: Vec<Vec<u32>>,
    left: usize,
    where_is: Vec<usize>,
}

impl Remaining {
    fn new(ends: &[P]) -> Self {
        let mut lo = P { x: f64::INFINITY, y: f64::INFINITY };
        let mut hi = P { x: f64::NEG_INFINITY, y: f64::NEG_INFINITY };
        for p in ends {
            lo = P { x: lo.x.min(p.x), y: lo.y.min(p.y) };
            hi = P { x: hi.x.max(p.x), y: hi.y.max(p.y) };
        }
        if ends.is_empty() {
            (lo, hi) = (P { x: 0.0, y: 0.0 }, P { x: 1.0, y: 1.0 });
        }
        let area = ((hi.x - lo.x) * (hi.y - lo.y)).max(1.0);
        let cell_m = (2.0 * area / ends.len().max(1) as f64).sqrt().max((hi.x - lo.x).max(hi.y - lo.y) / 2_000.0);
        let cols = ((hi.x - lo.x) / cell_m) as usize + 1;
        let rows = ((hi.y - lo.y) / cell_m) as usize + 1;
        let mut cells = vec![Vec::new(); cols * rows];
        let mut where_is = Vec::with_capacity(ends.len());
        for (i, p) in ends.iter().enumerate() {
            let k = ((p.y - lo.y) / cell_m) as usize * cols + ((p.x - lo.x) / cell_m) as usize;
            where_is.push(k);
            if let Some(c) = cells.get_mut(k) {
                c.push(i as u32);
            }
        }
        Remaining { lo, cell_m, cols, rows, cells, left: ends.len(), where_is }
    }

    fn take(&mut self, i: u32) {
        if let Some(k) = self.where_is.get(i as usize)
            && let Some(c) = self.cells.get_mut(*k)
            && let Some(at) = c.iter().position(|x| *x == i)
        {
            c.swap_remove(at);
            self.left -= 1;
        }
    }

    fn nearest(&mut self, p: P, ends: &[P]) -> Option<u32> {
        self.nearest_k(p, ends, 1, u32::MAX).first().copied()
    }

    /// The `k` nearest that are left and are not of line `but`.
    fn nearest_k(&mut self, p: P, ends: &[P], k: usize, but: u32) -> Vec<u32> {
        let mut found: Vec<(f64, u32)> = Vec::new();
        if self.left == 0 {
            return Vec::new();
        }
        let (cx, cy) = (((p.x - self.lo.x) / self.cell_m) as i64, ((p.y - self.lo.y) / self.cell_m) as i64);
        let last = self.cols.max(self.rows) as i64;
        for ring in 0..=last {
            for y in cy - ring..=cy + ring {
                let step = if (y - cy).abs() == ring { 1 } else { (2 * ring).max(1) };
                let mut x = cx - ring;
                while x <= cx + ring {
                    if x >= 0
                        && y >= 0
                        && (x as usize) < self.cols
                        && let Some(cell) = self.cells.get(y as usize * self.cols + x as usize)
                    {
                        for i in cell {
                            if *i / 2 != but
                                && let Some(q) = ends.get(*i as usize)
                            {
                                found.push((dist(p, *q), *i));
                            }
                        }
                    }
                    x += step;
                }
            }
            // Everything nearer than `ring` cells has been seen by now.
            let sure_m = ring as f64 * self.cell_m;
            if found.iter().filter(|f| f.0 <= sure_m).count() >= k {
                break;
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.truncate(k);
        found.into_iter().map(|f| f.1).collect()
    }
}
