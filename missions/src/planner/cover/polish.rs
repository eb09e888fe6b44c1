//! Shorter, seeing as much: annealing of the way itself over the samples it sees.
//!
//! The state is the polyline, legal at every moment; a move changes a few of its nodes and is judged by length against
//! newly unseen area at a price `λ` that is led so that the unseen area stays within what is allowed (Lagrangian
//! relaxation; Kirkpatrick, Gelatt, Vecchi 1983 for the cooling). Lines, turns and ways around are all the same to it,
//! so transits come to see, ends draw back and doubled lines vanish.

use super::CoverRequest;
use super::free::Free;
use super::geom::{Dice, P, dist, lerp, nearest_on, pt};
use super::path::Path;
use super::raster::Raster;
use super::ways::Ways;

/// Moves between two listings of the legs.
const LIST_EVERY: u64 = 3_000;
/// Moves between two corrections of the price.
const PRICE_EVERY: u64 = 400;

/// What a way costs beside its length.
#[derive(Clone, Copy)]
pub(super) struct Costs {
    pub(super) swath_m: f64,
    /// What a corner costs, metres: the aircraft brakes there.
    pub(super) corner_m: f64,
    /// Whence an open way is flown to.
    start: Option<P>,
    /// Whither it leads on.
    end: Option<P>,
}

impl Costs {
    pub(super) fn of(request: &CoverRequest) -> Self {
        let hint = |h: Option<crate::plane::EastNorth>| {
            h.filter(|_| !request.closed)
                .map(|h| pt(h.east_m, h.north_m))
        };
        Costs {
            swath_m: request.swath_m,
            corner_m: request.corner_m,
            start: hint(request.start),
            end: hint(request.end),
        }
    }

    /// Whether it matters where a way begins or ends.
    pub(super) fn ends_matter(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }

    /// Straight to the first place, metres; 0 where nothing is wished.
    pub(super) fn from_start_m(&self, first: P) -> f64 {
        self.start.map_or(0.0, |s| dist(s, first))
    }

    /// Straight on from the last place, metres; 0 where nothing is wished.
    pub(super) fn to_end_m(&self, last: P) -> f64 {
        self.end.map_or(0.0, |e| dist(last, e))
    }

    /// Both.
    pub(super) fn ends_m(&self, first: P, last: P) -> f64 {
        self.from_start_m(first) + self.to_end_m(last)
    }

    /// The places wished for, each in the other's stead where one is missing.
    pub(super) fn wished(&self) -> Option<(P, P)> {
        Some((self.start.or(self.end)?, self.end.or(self.start)?))
    }
}

/// A way, what it sees, and the dice.
pub(super) struct Polish<'a> {
    pub(super) free: &'a Free,
    pub(super) ways: &'a Ways<'a>,
    /// What the way sees.
    pub raster: Raster,
    /// The way.
    pub path: Path,
    pub(super) dice: Dice,
    pub(super) swath_m: f64,
    /// Samples that may stay unseen.
    pub allowed: usize,
    /// Metres a sample is worth.
    pub(super) price_m: f64,
    pub(super) heat_m: f64,
    /// Highest price, swaths' worth a square metre.
    pub dearest: f64,
    costs: Costs,
    /// Whether unseen samples are sought by ways around at every try.
    pub(super) desperate: bool,
    /// A place that the way keeps passing.
    pub(super) pin: Option<P>,
    pub(super) near: Vec<usize>,
}

/// How far to go.
pub(super) struct Cooling {
    /// Moves.
    pub moves: u64,
    /// Heat at the start, metres.
    pub from_m: f64,
    /// Heat at the end, metres.
    pub to_m: f64,
}

impl<'a> Polish<'a> {
    /// Takes the way as it is, and what the raster says is seen by others already.
    pub fn new(
        free: &'a Free,
        ways: &'a Ways<'a>,
        mut raster: Raster,
        path: Path,
        costs: Costs,
        allowed: usize,
        seed: u64,
    ) -> Self {
        let swath_m = costs.swath_m;
        for i in 0..path.legs() {
            if let Some(b) = path.from(i + 1) {
                raster.add(path.at(i), b);
            }
        }
        if path.len() == 1 {
            raster.add(path.at(0), path.at(0));
        }
        let price_m = 8.0 / swath_m * raster.sample_m2();
        Polish {
            free,
            ways,
            raster,
            path,
            dice: Dice::new(seed),
            swath_m,
            allowed,
            price_m,
            heat_m: 0.0,
            dearest: 24.0,
            costs,
            desperate: false,
            pin: None,
            near: Vec::new(),
        }
    }

    /// Anneals. Returns the moves made; fewer than asked only where `stop` said so, or where `led`, told how far the moves
    /// are (0 to 1), says that the cooling should be further.
    pub fn run(
        &mut self,
        cooling: &Cooling,
        mut stop: impl FnMut() -> bool,
        mut led: impl FnMut(f64) -> f64,
    ) -> u64 {
        let ratio = (cooling.to_m / cooling.from_m).max(1e-9);
        for k in 0..cooling.moves {
            if k.is_multiple_of(64) && stop() {
                return k;
            }
            if k.is_multiple_of(LIST_EVERY) {
                self.path.list();
            }
            if k.is_multiple_of(PRICE_EVERY) {
                let t = led(k as f64 / cooling.moves as f64);
                if t >= 1.0 {
                    return k;
                }
                self.heat_m = cooling.from_m * ratio.powf(t);
                self.lead_price(t);
            }
            self.step();
        }
        cooling.moves
    }

    fn lead_price(&mut self, t: f64) {
        // What is still unseen late is dear, and has to be.
        let dearest = self.dearest * (1.0 + 6.0 * (t - 0.4).max(0.0));
        let (have, may) = (self.raster.unseen as f64, self.allowed.max(1) as f64);
        let base = self.raster.sample_m2() / self.swath_m;
        let factor = (have / may).clamp(0.5, 2.0).powf(0.02);
        self.price_m = (self.price_m * factor).clamp(2.0 * base, dearest * base);
    }

    pub(super) fn step(&mut self) {
        let n = self.path.len();
        if n < 2 {
            self.see_unseen();
            return;
        }
        let over = self.raster.unseen > self.allowed;
        let kind = match self.dice.below(100) {
            0..25 => 0,
            25..36 => 1,
            36..48 => 2,
            48..52 => 3,
            52..60 => 4,
            60..70 => 5,
            70..80 => 6,
            _ => {
                if over || self.dice.below(4) == 0 {
                    7
                } else {
                    0
                }
            }
        };
        match kind {
            0 => self.move_node(),
            1 => self.drop_nodes(),
            2 => self.move_leg(),
            3 => self.split_leg(),
            4 => self.draw_end(),
            5 => self.reorder(),
            6 => self.relocate(),
            _ => self.see_unseen(),
        };
    }

    fn scale(&mut self) -> f64 {
        // Mostly small, now and then a whole swath.
        let u = self.dice.unit();
        self.swath_m * 0.9 * u * u * u + 0.001 * self.swath_m
    }

    fn move_node(&mut self) -> bool {
        let i = self.dice.below(self.path.len());
        let p = self.path.at(i);
        let s = self.scale();
        let q = match (
            self.path.before(i),
            self.path.from(i + 1),
            self.dice.below(3),
        ) {
            (Some(a), Some(b), 0) => {
                // Towards the straight leg between its neighbours.
                let foot = nearest_on(p, a, b);
                let d = dist(p, foot).max(1e-9);
                lerp(p, foot, (s / d).min(1.0))
            }
            (Some(a), Some(b), 1) => {
                // Along one of its legs, out or in.
                let to = if self.dice.below(2) == 0 { a } else { b };
                let d = dist(p, to).max(1e-9);
                let t = (s / d * if self.dice.below(3) == 0 { -1.0 } else { 1.0 }).clamp(-1.0, 1.0);
                lerp(p, to, t)
            }
            _ => pt(p.x + s * self.dice.signed(), p.y + s * self.dice.signed()),
        };
        self.try_replace(i, 1, &[q])
    }

    fn drop_nodes(&mut self) -> bool {
        let n = self.path.len();
        let k = 1 + self.dice.below(3);
        if n <= k + 1 {
            return false;
        }
        let i = self.dice.below(n - k + 1);
        self.try_replace(i, k, &[])
    }

    fn move_leg(&mut self) -> bool {
        let n = self.path.len();
        let i = self.dice.below(n - 1);
        let (a, b) = (self.path.at(i), self.path.at(i + 1));
        let d = dist(a, b);
        if d < 1e-9 {
            return false;
        }
        let s = self.scale() * if self.dice.below(2) == 0 { 1.0 } else { -1.0 };
        let (nx, ny) = (-(b.y - a.y) / d * s, (b.x - a.x) / d * s);
        // Both ends by the same, or turned about one of them.
        let (u, v) = match self.dice.below(4) {
            0 => (1.0, 0.3),
            1 => (0.3, 1.0),
            _ => (1.0, 1.0),
        };
        self.try_replace(
            i,
            2,
            &[
                pt(a.x + u * nx, a.y + u * ny),
                pt(b.x + v * nx, b.y + v * ny),
            ],
        )
    }

    fn split_leg(&mut self) -> bool {
        let i = self.dice.below(self.path.legs());
        let (a, Some(b)) = (self.path.at(i), self.path.from(i + 1)) else {
            return false;
        };
        let m = lerp(a, b, 0.1 + 0.8 * self.dice.unit());
        let s = 0.5 * self.scale();
        let q = pt(m.x + s * self.dice.signed(), m.y + s * self.dice.signed());
        self.try_replace(i + 1, 0, &[q])
    }

    /// Replaces a node by two, cutting the corner.
    fn draw_end(&mut self) -> bool {
        let n = self.path.len();
        let i = self.dice.below(n);
        let p = self.path.at(i);
        match (self.path.before(i), self.path.from(i + 1)) {
            (Some(a), Some(b)) => {
                let (s, t) = (self.scale(), self.scale());
                let u = lerp(p, a, (s / dist(p, a).max(1e-9)).min(0.9));
                let v = lerp(p, b, (t / dist(p, b).max(1e-9)).min(0.9));
                self.try_replace(i, 1, &[u, v])
            }
            (Some(a), None) | (None, Some(a)) => {
                let s = self.scale();
                let u = lerp(p, a, (s / dist(p, a).max(1e-9)).min(1.0));
                self.try_replace(i, 1, &[u])
            }
            _ => false,
        }
    }

    /// A leg start near `p`, at random.
    fn pick_near(&mut self, p: P) -> Option<usize> {
        let mut near = std::mem::take(&mut self.near);
        self.path.near(p, &mut near);
        let k = self.dice.below(near.len());
        let got = near.get(k).copied();
        self.near = near;
        got
    }

    /// 2-opt: the stretch between two near legs is flown the other way.
    fn reorder(&mut self) -> bool {
        let n = self.path.len();
        let i = self.dice.below(n);
        let Some(j) = self.pick_near(self.path.at(i)) else {
            return false;
        };
        let (i, j) = (i.min(j), i.max(j));
        let (Some(b), Some(d)) = (self.path.from(i + 1), self.path.from(j + 1)) else {
            return self.reorder_end(i, j);
        };
        if j < i + 2 || j >= n || (self.path.closed && i == 0 && j + 1 == n) {
            return false;
        }
        let (a, c) = (self.path.at(i), self.path.at(j));
        if self.judge(&[(a, b), (c, d)], &[(a, c), (b, d)], 0.0) {
            self.path.turn(i + 1, j);
            return true;
        }
        false
    }

    /// 2-opt at an open end: the stretch from a leg to the end is turned round.
    fn reorder_end(&mut self, i: usize, j: usize) -> bool {
        let n = self.path.len();
        if self.path.closed || i + 2 >= n || j + 1 != n {
            return false;
        }
        let (a, c) = (self.path.at(i), self.path.at(j));
        let Some(b) = self.path.from(i + 1) else {
            return false;
        };
        let ends_m = self.costs.to_end_m(b) - self.costs.to_end_m(c);
        if self.judge(&[(a, b)], &[(a, c)], ends_m) {
            self.path.turn(i + 1, n - 1);
            return true;
        }
        false
    }

    /// Or-opt: a few nodes are flown in another near leg.
    fn relocate(&mut self) -> bool {
        let n = self.path.len();
        let k = 1 + self.dice.below(4);
        if n < k + 3 {
            return false;
        }
        let lo = self.dice.below(n - k + 1);
        let hi = lo + k - 1;
        let (a, b) = (self.path.at(lo), self.path.at(hi));
        let end = if self.dice.below(2) == 0 { a } else { b };
        let Some(j) = self.pick_near(end) else {
            return false;
        };
        // The leg j → j+1 must not touch the nodes moved.
        if j + 1 >= lo && j <= hi {
            return false;
        }
        let (p, Some(q)) = (self.path.at(j), self.path.from(j + 1)) else {
            return false;
        };
        if j + 1 == n && lo == 0 {
            return false;
        }
        let reversed = dist(p, a) + dist(q, b) > dist(p, b) + dist(q, a);
        let mut old = vec![(p, q)];
        let mut new = if reversed {
            vec![(p, b), (a, q)]
        } else {
            vec![(p, a), (b, q)]
        };
        let (before, after) = (self.path.before(lo), self.path.from(hi + 1));
        if let Some(x) = before {
            old.push((x, a));
        }
        if let Some(y) = after {
            old.push((b, y));
        }
        if let (Some(x), Some(y)) = (before, after) {
            new.push((x, y));
        }
        let mut ends_m = 0.0;
        if let (false, true, Some(y)) = (self.path.closed, lo == 0, after) {
            ends_m += self.costs.from_start_m(y) - self.costs.from_start_m(a);
        }
        if let (false, true, Some(x)) = (self.path.closed, hi + 1 == n, before) {
            ends_m += self.costs.to_end_m(x) - self.costs.to_end_m(b);
        }
        if self.judge(&old, &new, ends_m) {
            self.path.shift(lo, hi, j + 1, reversed);
            return true;
        }
        false
    }

    /// Replaces `k` nodes from `i` on, if that pays.
    pub(super) fn try_replace(&mut self, i: usize, k: usize, by: &[P]) -> bool {
        let n = self.path.len();
        if i + k > n || n + by.len() < k + 2 {
            return false;
        }
        let before = self.path.before(i);
        let after = if i + k < n {
            self.path.from(i + k)
        } else if self.path.closed {
            Some(self.path.at(0))
        } else {
            None
        };
        if k >= n && (self.path.closed || !by.first().is_some_and(|p| self.free.legal_place(*p))) {
            // Nothing of the old way would stay to tell inside from outside.
            return false;
        }
        let mut old: Vec<(P, P)> = Vec::with_capacity(k + 1);
        let mut last = before;
        for j in 0..k {
            let p = self.path.at(i + j);
            if let Some(l) = last {
                old.push((l, p));
            }
            last = Some(p);
        }
        if let (Some(l), Some(a)) = (last, after) {
            old.push((l, a));
        }
        let mut new: Vec<(P, P)> = Vec::with_capacity(by.len() + 1);
        let mut last = before;
        for p in by {
            if let Some(l) = last {
                new.push((l, *p));
            }
            last = Some(*p);
        }
        if let (Some(l), Some(a)) = (last, after) {
            new.push((l, a));
        }
        let ends_m = self.ends_change_m(i, k, by);
        if self.judge(&old, &new, ends_m) {
            self.path.replace(i, k, by);
            return true;
        }
        false
    }

    /// What replacing `k` nodes from `i` on adds to the legs from the wished start and to the wished end, metres.
    fn ends_change_m(&self, i: usize, k: usize, by: &[P]) -> f64 {
        let n = self.path.len();
        if self.path.closed || !self.costs.ends_matter() || n == 0 {
            return 0.0;
        }
        let mut ends_m = 0.0;
        if i == 0 {
            let first = by.first().copied().or_else(|| self.path.from(k));
            let now = self.costs.from_start_m(self.path.at(0));
            ends_m += first.map_or(0.0, |p| self.costs.from_start_m(p) - now);
        }
        if i + k == n {
            let before = i.checked_sub(1).map(|j| self.path.at(j));
            let last = by.last().copied().or(before);
            let now = self.costs.to_end_m(self.path.at(n - 1));
            ends_m += last.map_or(0.0, |p| self.costs.to_end_m(p) - now);
        }
        ends_m
    }

    /// Whether to fly `new` legs instead of `old` ones, where the wished ends come `ends_m` further away. If so the
    /// samples are brought up to date.
    fn judge(&mut self, old: &[(P, P)], new: &[(P, P)], ends_m: f64) -> bool {
        let sum = |legs: &[(P, P)]| legs.iter().map(|l| dist(l.0, l.1)).sum::<f64>();
        let corners = new.len() as f64 - old.len() as f64;
        let longer_m = sum(new) - sum(old) + ends_m + self.costs.corner_m * corners;
        let bar_m = if self.heat_m > 0.0 {
            -self.heat_m * (1.0 - self.dice.unit()).ln()
        } else {
            0.0
        };
        // All that could be gained is what is unseen now.
        if longer_m > bar_m + self.price_m * self.raster.unseen as f64 {
            return false;
        }
        let pinned = |legs: &[(P, P)]| {
            legs.iter()
                .any(|l| Some(l.0) == self.pin || Some(l.1) == self.pin)
        };
        if self.pin.is_some() && pinned(old) && !pinned(new) {
            return false;
        }
        if new.iter().any(|l| !self.free.legal(l.0, l.1)) {
            return false;
        }
        let price_m = self.price_m;
        // longer + price (lost − gained) ≤ bar
        let bearable = |gained: usize| (bar_m - longer_m) / price_m + gained as f64;
        if !self.raster.bears(old, new, bearable) {
            return false;
        }
        self.raster.exchange(old, new);
        true
    }
}
