//! In which order and which way the lines are flown.
//!
//! Nearest neighbour for a first tour, then 2-opt and Or-opt with neighbour lists and don't-look bits (Bentley 1992),
//! over lines that may be flown either way: the tour is a sequence of line ends, of which each pair stays together.

use super::geom::{Dice, P, dist};
use super::lines::Line;
use super::near::{Cache, Remaining, neighbours};
use super::polish::Costs;
use super::ways::Ways;

/// Neighbours remembered for each line end.
const NEAR: usize = 10;

/// A tour under improvement. Stop `2k` is line `k`'s first end, `2k + 1` the other.
pub(super) struct Tour<'a> {
    ways: &'a Ways<'a>,
    ends: Vec<P>,
    near: Vec<Vec<u32>>,
    cache: Cache,
    /// Of the legs between the lines.
    transit_m: f64,
    /// Stops in the order flown; `order[2i]` and `order[2i + 1]` are one line.
    order: Vec<u32>,
    pos: Vec<u32>,
    closed: bool,
    /// Where it matters where an open way begins or ends: a line that nobody flies, from the wished end to the wished
    /// start. The tour is then closed by it.
    bond: Option<(u32, Costs)>,
}

impl<'a> Tour<'a> {
    /// A first tour by nearest neighbour.
    pub fn new(ways: &'a Ways<'a>, lines: &[Line], closed: bool, costs: &Costs) -> Self {
        let mut ends: Vec<P> = lines.iter().flat_map(|l| [l.a, l.b]).collect();
        let wished = costs.wished().filter(|_| !closed);
        let bond = wished.map(|(start, end)| {
            ends.extend([end, start]);
            (lines.len() as u32, *costs)
        });
        let near = neighbours(&ends, NEAR);
        let n = ends.len();
        let mut tour = Tour {
            ways,
            ends,
            near,
            cache: Cache::new(),
            transit_m: 0.0,
            order: Vec::new(),
            pos: vec![0; n],
            closed: closed || bond.is_some(),
            bond,
        };
        tour.nearest_neighbour();
        tour
    }

    fn end(&self, i: u32) -> P {
        self.ends
            .get(i as usize)
            .copied()
            .unwrap_or(P { x: 0.0, y: 0.0 })
    }

    fn at(&self, i: usize) -> u32 {
        self.order.get(i).copied().unwrap_or(0)
    }

    fn cost(&mut self, a: u32, b: u32) -> f64 {
        if let Some((bond, costs)) = &self.bond {
            for (x, y) in [(a, b), (b, a)] {
                if x / 2 == *bond {
                    return if x.is_multiple_of(2) {
                        costs.to_end_m(self.end(y))
                    } else {
                        costs.from_start_m(self.end(y))
                    };
                }
            }
        }
        let key = (u64::from(a.min(b)) << 32) | u64::from(a.max(b));
        if let Some(d) = self.cache.get(key) {
            return d;
        }
        let (p, q) = (self.end(a), self.end(b));
        let d = self.ways.length_m(p, q);
        // Where no way was found, a leg is dear, not impossible: the plan then falls apart there, and is mended.
        let d = if d.is_finite() {
            d
        } else {
            1e4 + 10.0 * dist(p, q)
        };
        self.cache.put(key, d);
        d
    }

    fn nearest_neighbour(&mut self) {
        let n = self.ends.len();
        let mut used = vec![false; n / 2];
        let mut left = Remaining::new(&self.ends);
        // From the wished start, or from the end that lies lowest and leftmost: a corner.
        let start = (0..n as u32).min_by(|a, b| {
            let f = |i: u32| self.end(i).x + self.end(i).y;
            f(*a).total_cmp(&f(*b))
        });
        let start = self.bond.map(|b| 2 * b.0).or(start);
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
        self.number_part(0, self.order.len());
    }

    fn number_part(&mut self, from: usize, to: usize) {
        for (i, s) in self.order.iter().enumerate().take(to).skip(from) {
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
        let all = self.order.clone();
        self.settle(all, &mut stop);
    }

    /// Length of the legs between the lines, metres.
    fn count_transit_m(&mut self) -> f64 {
        let n = self.order.len();
        let mut sum = 0.0;
        for i in (2..n).step_by(2) {
            sum += self.cost(self.at(i - 1), self.at(i));
        }
        if self.closed && n > 2 {
            sum += self.cost(self.at(n - 1), self.at(0));
        }
        sum
    }

    /// Iterated local search (Lourenço, Martin, Stützle 2003): near each other three legs are cut and the stretches
    /// between them exchanged (a double bridge); what does not pay after settling is undone.
    pub fn shake(&mut self, rounds: u64, dice: &mut Dice, mut stop: impl FnMut() -> bool) {
        let lines = self.order.len() / 2;
        if lines < 8 {
            return;
        }
        self.transit_m = self.count_transit_m();
        let mut best_m = self.transit_m;
        let mut best = self.order.clone();
        for round in 0..rounds {
            if round.is_multiple_of(8) && stop() {
                break;
            }
            let span = lines.min(40);
            let first = 1 + dice.below(lines - 3);
            let second = first + 1 + dice.below(span / 2);
            let third = second + 1 + dice.below(span / 2);
            let [a, b, c] = [first, second, third].map(|c| 2 * c.min(lines));
            if a >= b || b >= c {
                continue;
            }
            self.transit_m = best_m + self.bridge_m(a, b, c);
            if let Some(part) = self.order.get_mut(a..c) {
                part.rotate_left(b - a);
            }
            self.number_part(a, c);
            let m = a + (c - b);
            let touched: Vec<u32> = [
                a.wrapping_sub(1),
                a,
                m.wrapping_sub(1),
                m,
                c.wrapping_sub(1),
                c,
            ]
            .into_iter()
            .filter_map(|i| self.order.get(i).copied())
            .collect();
            self.settle(touched, &mut stop);
            let now_m = self.transit_m;
            if now_m < best_m - 1e-9 {
                best_m = now_m;
                best.clone_from(&self.order);
            } else {
                self.order.clone_from(&best);
                self.number();
            }
        }
    }

    /// What exchanging the stretches `a..b` and `b..c` adds, metres.
    fn bridge_m(&mut self, a: usize, b: usize, c: usize) -> f64 {
        let n = self.order.len();
        let (first, middle, last) = (self.at(a), self.at(b), self.at(b - 1));
        let end = self.at(c - 1);
        let before = (a > 0)
            .then(|| self.at(a - 1))
            .or_else(|| self.closed.then(|| self.at(n - 1)));
        let after = (c < n)
            .then(|| self.at(c))
            .or_else(|| self.closed.then(|| self.at(0)));
        let mut added = self.cost(end, first) - self.cost(last, middle);
        if let Some(x) = before {
            added += self.cost(x, middle) - self.cost(x, first);
        }
        if let Some(y) = after {
            added += self.cost(last, y) - self.cost(end, y);
        }
        added
    }

    fn settle(&mut self, start: Vec<u32>, stop: &mut impl FnMut() -> bool) {
        let mut queued = vec![false; self.ends.len()];
        for s in &start {
            if let Some(q) = queued.get_mut(*s as usize) {
                *q = true;
            }
        }
        let mut queue: std::collections::VecDeque<u32> = start.into();
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
        if i.is_multiple_of(2) {
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
        // A way is never shorter than straight: most exchanges are out before any way is looked for.
        let straight = dist(self.end(s), self.end(c))
            + match (s_mate, c_mate) {
                (Some(a), Some(b)) => dist(self.end(a), self.end(b)),
                _ => 0.0,
            };
        if straight >= old - 1e-6 {
            return None;
        }
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
        self.transit_m += new - old;
        let (lo, hi) = (ps.min(pc), ps.max(pc));
        if ps % 2 == 1 {
            // … lo][lo+1 … hi][…: turn lo+1 ..= hi.
            self.turn(lo + 1, hi);
        } else {
            self.turn(lo, hi - 1);
        }
        Some(
            [Some(s), Some(c), s_mate, c_mate]
                .into_iter()
                .flatten()
                .collect(),
        )
    }

    /// Moves a run of up to three lines that begins with `s` next to `c`.
    fn or_opt(&mut self, s: u32, c: u32) -> Option<Vec<u32>> {
        let n = self.order.len();
        let ps = self.place(s);
        let pc = self.place(c);
        for run in 1..=3usize {
            // The run has `s` at its outer end: it lies after `s` where `s` opens its line, before it otherwise.
            let (lo, hi) = if ps.is_multiple_of(2) {
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
            let tail = if ps.is_multiple_of(2) {
                self.at(hi)
            } else {
                self.at(lo)
            };
            let before = lo.checked_sub(1).map(|i| self.at(i));
            let after = (hi + 1 < n).then(|| self.at(hi + 1));
            let ends = (self.at(lo), self.at(hi));
            let c_mate = self.mate(c);
            let gap = |x: Option<u32>, y: Option<u32>| match (x, y) {
                (Some(x), Some(y)) => dist(self.end(x), self.end(y)),
                _ => 0.0,
            };
            let straight =
                dist(self.end(s), self.end(c)) + gap(Some(tail), c_mate) + gap(before, after);
            let now = before.map_or(0.0, |b| self.cost(b, ends.0))
                + after.map_or(0.0, |a| self.cost(ends.1, a))
                + c_mate.map_or(0.0, |m| self.cost(c, m));
            if straight >= now - 1e-6 {
                continue;
            }
            let mut freed = before.map_or(0.0, |b| self.cost(b, ends.0))
                + after.map_or(0.0, |a| self.cost(ends.1, a));
            if let (Some(a), Some(b)) = (before, after) {
                freed -= self.cost(a, b);
            } else if self.closed {
                // A run at the array's seam: leave it to 2-opt.
                continue;
            }
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
            self.transit_m += paid - freed;
            let mut stops: Vec<u32> = self.order.drain(lo..=hi).collect();
            let pc = if pc > hi { pc - stops.len() } else { pc };
            // `s` goes next to `c`, on the side of `c` that leaves its line.
            let (at, s_first) = if pc % 2 == 1 {
                (pc + 1, true)
            } else {
                (pc, false)
            };
            if (stops.first() == Some(&s)) != s_first {
                stops.reverse();
            }
            let (from, to) = (lo.min(at), (hi + 1).max(at + stops.len()));
            self.order.splice(at..at, stops);
            self.number_part(from, to);
            return Some(
                [Some(s), Some(c), Some(tail), c_mate, before, after]
                    .into_iter()
                    .flatten()
                    .collect(),
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

    /// Stops in the order flown, without the line that nobody flies.
    fn flown(&self) -> Vec<u32> {
        let mut order = self.order.clone();
        let Some((bond, _)) = self.bond else {
            return order;
        };
        if let Some(k) = order.iter().position(|s| *s / 2 == bond) {
            let backward = order.get(k).is_some_and(|s| s % 2 == 1);
            order.rotate_left(k);
            order.drain(..2.min(order.len()));
            if backward {
                order.reverse();
            }
        }
        order
    }

    /// The tour as a polyline, and the number of legs for which no legal way was found.
    pub fn path(&self) -> (Vec<P>, usize) {
        let mut out: Vec<P> = Vec::new();
        let mut broken = 0;
        let order = self.flown();
        let n = order.len();
        let mut last = None;
        for (i, s) in order.iter().enumerate() {
            if i.is_multiple_of(2) {
                if let Some(last) = last {
                    match self.ways.way(self.end(last), self.end(*s)) {
                        Some(w) => out.extend(w.into_iter().skip(1)),
                        None => broken += 1,
                    }
                } else {
                    out.push(self.end(*s));
                }
            } else {
                out.push(self.end(*s));
            }
            last = Some(*s);
        }
        if self.closed
            && self.bond.is_none()
            && n > 2
            && let (Some(last), Some(first)) = (last, order.first())
        {
            match self.ways.way(self.end(last), self.end(*first)) {
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
