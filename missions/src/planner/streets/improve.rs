//! Exchanges on the order and the directions of the streets, with kicks.
//!
//! 2-opt (Croes 1958) and Or-opt (Or 1976) over near streets with a work list (Bentley 1992), for costs that depend on
//! the direction; kicks are local double bridges (Martin, Otto, Felten 1991; Applegate et al. 2003) and a kick that ends
//! worse is undone. Up to [`EXACT_UP_TO`] streets the order is the optimum (Held, Karp 1962).

use super::super::rounds::kit::{At, Budget, Dice, push_to, row};
use super::{Pass, StreetNetwork};
use std::collections::VecDeque;

/// Up to this many streets all orders are compared.
const EXACT_UP_TO: usize = 9;
/// Streets that are tried beside each.
const NEAR: usize = 14;
/// Longest piece of the order that is moved in one exchange.
const PIECE: usize = 3;
/// Longest piece in a kick.
const KICK: usize = 50;
/// An exchange must save this much, seconds: less is rounding.
const LEAST_S: f64 = 1e-7;

/// A street and its direction as one number: twice the street, plus one when reversed.
type Code = usize;

fn pass(code: Code) -> Pass {
    Pass {
        street: code / 2,
        reversed: code % 2 == 1,
    }
}

/// The state of the search; built once for a network.
pub(super) struct Search<'a> {
    net: &'a StreetNetwork,
    start: Vec<usize>,
    end: Vec<usize>,
    cost_s: Vec<f64>,
    /// Codes that may well follow a code.
    after: Vec<Vec<Code>>,
    order: Vec<Code>,
    at: Vec<usize>,
    /// Up to each place of the order: seconds that flying it all backwards would add.
    turned_s: Vec<f64>,
    todo: VecDeque<usize>,
    waiting: Vec<bool>,
    /// What stood where before the changes since the last kick.
    undo: Vec<(usize, Vec<Code>)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(net: &'a StreetNetwork, near: &[Vec<usize>]) -> Self {
        let m = net.streets().len();
        let codes = 2 * m;
        let start: Vec<usize> = (0..codes).map(|c| net.start(pass(c))).collect();
        let end: Vec<usize> = (0..codes).map(|c| net.end(pass(c))).collect();
        let mut leaving: Vec<Vec<Code>> = vec![Vec::new(); net.places()];
        for c in 0..codes {
            push_to(&mut leaving, start.at(c), c);
        }
        let after = (0..codes)
            .map(|c| {
                let here = end.at(c);
                std::iter::once(here)
                    .chain(row(near, here).iter().copied())
                    .flat_map(|p| row(&leaving, p).iter().copied())
                    .filter(|b| b / 2 != c / 2)
                    .take(NEAR)
                    .collect()
            })
            .collect();
        Search {
            net,
            cost_s: (0..codes).map(|c| net.pass_s(pass(c))).collect(),
            start,
            end,
            after,
            order: Vec::new(),
            at: vec![0; m],
            turned_s: vec![0.0; m],
            todo: VecDeque::new(),
            waiting: vec![false; m],
            undo: Vec::new(),
        }
    }

    /// Improves a tour by `steps` kicks; never returns a worse one.
    pub(super) fn run(
        &mut self,
        tour: Vec<Pass>,
        steps: u64,
        dice: &mut Dice,
        budget: &mut Budget<'_>,
    ) -> Vec<Pass> {
        let m = tour.len();
        if m <= EXACT_UP_TO {
            for _ in 0..steps {
                budget.done += 1;
            }
            return self.exact(m);
        }
        self.order = tour
            .iter()
            .map(|p| 2 * p.street + usize::from(p.reversed))
            .collect();
        for (i, c) in self.order.iter().enumerate() {
            self.at.put(c / 2, i);
        }
        self.measure(0, m - 1);
        for street in 0..m {
            self.wake(street);
        }
        self.settle();
        for _ in 0..steps {
            self.undo.clear();
            let saved_s = self.kick(dice) + self.settle();
            if saved_s < -LEAST_S {
                while let Some((lo, old)) = self.undo.pop() {
                    self.write(lo, &old);
                }
            }
            if !budget.step() {
                break;
            }
        }
        self.order.iter().map(|c| pass(*c)).collect()
    }

    #[inline]
    fn hop(&self, a: Code, b: Code) -> f64 {
        self.net.transit_s(self.end.at(a), self.start.at(b))
    }
    #[inline]
    fn code(&self, i: usize) -> Code {
        self.order.at(i)
    }
    #[inline]
    fn prev(&self, i: usize) -> usize {
        if i == 0 { self.order.len() - 1 } else { i - 1 }
    }
    #[inline]
    fn next(&self, i: usize) -> usize {
        if i + 1 == self.order.len() { 0 } else { i + 1 }
    }
    fn wake(&mut self, street: usize) {
        if !self.waiting.at(street) {
            self.waiting.put(street, true);
            self.todo.push_back(street);
        }
    }

    /// Seconds that reversing the piece adds inside.
    fn turning_s(&self, lo: usize, hi: usize) -> f64 {
        let c = self.code(lo);
        self.turned_s.at(hi) - self.turned_s.at(lo) + self.cost_s.at(c ^ 1) - self.cost_s.at(c)
    }

    /// Works out `turned_s` from `lo` to `hi` anew and shifts what follows.
    fn measure(&mut self, lo: usize, hi: usize) {
        let mut sum = if lo == 0 {
            0.0
        } else {
            self.turned_s.at(lo - 1)
        };
        for i in lo..=hi {
            let c = self.code(i);
            sum += self.cost_s.at(c ^ 1) - self.cost_s.at(c);
            if i > 0 {
                let p = self.code(i - 1);
                sum += self.hop(c ^ 1, p ^ 1) - self.hop(p, c);
            }
            self.turned_s.put(i, sum);
        }
        // The hop after the piece has changed too.
        let m = self.order.len();
        if hi + 1 < m {
            let (p, c) = (self.code(hi), self.code(hi + 1));
            let before = self.turned_s.at(hi + 1);
            sum += self.cost_s.at(c ^ 1) - self.cost_s.at(c);
            sum += self.hop(c ^ 1, p ^ 1) - self.hop(p, c);
            let shift = sum - before;
            for x in self.turned_s.iter_mut().skip(hi + 1) {
                *x += shift;
            }
        }
    }

    /// Writes a piece of the order.
    fn write(&mut self, lo: usize, piece: &[Code]) {
        for (k, c) in piece.iter().enumerate() {
            self.order.put(lo + k, *c);
            self.at.put(c / 2, lo + k);
        }
        self.measure(lo, lo + piece.len() - 1);
    }

    /// Seconds of a piece with the hops into and out of it.
    fn seconds(&self, before: Code, piece: &[Code], after: Code) -> f64 {
        let mut last = before;
        let mut sum = 0.0;
        for c in piece {
            sum += self.hop(last, *c) + self.cost_s.at(*c);
            last = *c;
        }
        sum + self.hop(last, after)
    }

    /// Replaces a piece by another order of the same streets; seconds saved.
    fn replace(&mut self, lo: usize, piece: &[Code]) -> f64 {
        let hi = lo + piece.len() - 1;
        let old = self.order.get(lo..=hi).unwrap_or(&[]).to_vec();
        let (before, after) = (self.code(self.prev(lo)), self.code(self.next(hi)));
        // With the whole order in the piece the neighbours are its own ends.
        let whole = piece.len() == self.order.len();
        let ends = |p: &[Code]| match (p.last(), p.first(), whole) {
            (Some(l), Some(f), true) => (*l, *f),
            _ => (before, after),
        };
        let ((b0, a0), (b1, a1)) = (ends(&old), ends(piece));
        let mut saved = self.seconds(b0, &old, a0) - self.seconds(b1, piece, a1);
        if whole {
            // The closing hop was counted twice in each.
            saved -= self.hop(b0, old.first().copied().unwrap_or(0));
            saved += self.hop(b1, piece.first().copied().unwrap_or(0));
        }
        self.write(lo, piece);
        self.undo.push((lo, old));
        saved
    }

    fn try_turn(&self, lo: usize, hi: usize) -> f64 {
        if lo > hi || (lo == 0 && hi + 1 == self.order.len()) {
            return 0.0;
        }
        let (p, n) = (self.code(self.prev(lo)), self.code(self.next(hi)));
        let (f, l) = (self.code(lo), self.code(hi));
        self.hop(p, f) + self.hop(l, n)
            - self.hop(p, l ^ 1)
            - self.hop(f ^ 1, n)
            - self.turning_s(lo, hi)
    }

    fn turn(&mut self, lo: usize, hi: usize) -> f64 {
        let piece: Vec<Code> = self
            .order
            .get(lo..=hi)
            .unwrap_or(&[])
            .iter()
            .rev()
            .map(|c| c ^ 1)
            .collect();
        for i in [self.prev(lo), lo, hi, self.next(hi)] {
            self.wake(self.code(i) / 2);
        }
        self.replace(lo, &piece)
    }

    /// Seconds saved by moving the piece to behind place `gap`.
    fn try_move(&self, lo: usize, hi: usize, gap: usize, turned: bool) -> f64 {
        let before = self.prev(lo);
        if (lo..=hi).contains(&gap) || gap == before || self.next(hi) == before {
            return 0.0;
        }
        let (p, n) = (self.code(before), self.code(self.next(hi)));
        let (f, l) = (self.code(lo), self.code(hi));
        let (g, h) = (self.code(gap), self.code(self.next(gap)));
        let gone = self.hop(p, f) + self.hop(l, n) + self.hop(g, h);
        let (first, last, inside) = if turned {
            (l ^ 1, f ^ 1, self.turning_s(lo, hi))
        } else {
            (f, l, 0.0)
        };
        gone - self.hop(p, n) - self.hop(g, first) - self.hop(last, h) - inside
    }

    fn shift(&mut self, lo: usize, hi: usize, gap: usize, turned: bool) -> f64 {
        for i in [self.prev(lo), lo, hi, self.next(hi), gap, self.next(gap)] {
            self.wake(self.code(i) / 2);
        }
        let mut moved: Vec<Code> = self.order.get(lo..=hi).unwrap_or(&[]).to_vec();
        if turned {
            moved.reverse();
            for c in &mut moved {
                *c ^= 1;
            }
        }
        if gap < lo {
            moved.extend_from_slice(self.order.get(gap + 1..lo).unwrap_or(&[]));
            self.replace(gap + 1, &moved)
        } else {
            let mut piece: Vec<Code> = self.order.get(hi + 1..=gap).unwrap_or(&[]).to_vec();
            piece.append(&mut moved);
            self.replace(lo, &piece)
        }
    }

    /// Exchanges until none helps; seconds saved.
    fn settle(&mut self) -> f64 {
        let mut saved = 0.0;
        while let Some(street) = self.todo.pop_front() {
            self.waiting.put(street, false);
            while let Some(s) = self.better_beside(street) {
                saved += s;
            }
        }
        saved
    }

    /// The best exchange that puts a near street beside this one.
    fn better_beside(&mut self, street: usize) -> Option<f64> {
        enum Move {
            Turn(usize, usize),
            Shift(usize, usize, usize, bool),
        }
        let i = self.at.at(street);
        let a = self.code(i);
        let m = self.order.len();
        let mut best: (f64, Option<Move>) = (LEAST_S, None);
        let mut offer = |s: f64, mv: Move| {
            if s > best.0 {
                best = (s, Some(mv));
            }
        };
        // A turn on the spot.
        offer(self.try_turn(i, i), Move::Turn(i, i));
        for b in row(&self.after, a) {
            let j = self.at.at(b / 2);
            if self.code(j) == *b {
                for hi in j..(j + PIECE).min(m) {
                    offer(self.try_move(j, hi, i, false), Move::Shift(j, hi, i, false));
                }
            } else {
                let (lo, hi) = if j > i { (i + 1, j) } else { (j + 1, i) };
                offer(self.try_turn(lo, hi), Move::Turn(lo, hi));
                for lo in j.saturating_sub(PIECE - 1)..=j {
                    offer(self.try_move(lo, j, i, true), Move::Shift(lo, j, i, true));
                }
            }
        }
        // The same looking backwards: what may follow `a` reversed may, reversed, come before it.
        let gap = self.prev(i);
        for b in row(&self.after, a ^ 1) {
            let c = b ^ 1;
            let j = self.at.at(c / 2);
            if self.code(j) == c {
                for lo in j.saturating_sub(PIECE - 1)..=j {
                    offer(
                        self.try_move(lo, j, gap, false),
                        Move::Shift(lo, j, gap, false),
                    );
                }
            } else {
                let (lo, hi) = if j < i { (j, i - 1) } else { (i, j - 1) };
                offer(self.try_turn(lo, hi), Move::Turn(lo, hi));
                for hi in j..(j + PIECE).min(m) {
                    offer(
                        self.try_move(j, hi, gap, true),
                        Move::Shift(j, hi, gap, true),
                    );
                }
            }
        }
        match best.1? {
            Move::Turn(lo, hi) => Some(self.turn(lo, hi)),
            Move::Shift(lo, hi, gap, turned) => Some(self.shift(lo, hi, gap, turned)),
        }
    }

    /// Two neighbouring pieces change places; seconds saved (mostly below 0).
    fn kick(&mut self, dice: &mut Dice) -> f64 {
        let m = self.order.len();
        let longest = KICK.min((m - 1) / 2);
        let (x, y) = (1 + dice.below(longest), 1 + dice.below(longest));
        let lo = dice.below(m - x - y + 1);
        let (mid, hi) = (lo + x, lo + x + y - 1);
        for i in [self.prev(lo), lo, mid - 1, mid, hi, self.next(hi)] {
            self.wake(self.code(i) / 2);
        }
        let mut piece: Vec<Code> = self.order.get(mid..=hi).unwrap_or(&[]).to_vec();
        piece.extend_from_slice(self.order.get(lo..mid).unwrap_or(&[]));
        self.replace(lo, &piece)
    }

    /// The best order of a few streets.
    fn exact(&self, m: usize) -> Vec<Pass> {
        let (a, b) = (self.exact_from(m, 0), self.exact_from(m, 1));
        if self.net.tour_s(&b) < self.net.tour_s(&a) {
            b
        } else {
            a
        }
    }

    /// For every set of streets flown and every last one: the fastest way so far that began with `first`.
    fn exact_from(&self, m: usize, first: Code) -> Vec<Pass> {
        let codes = 2 * m;
        let sets = 1usize << m;
        let mut best = vec![f64::INFINITY; sets * codes];
        let mut came = vec![usize::MAX; sets * codes];
        best.put(codes + first, self.cost_s.at(first));
        for set in 1..sets {
            for c in 0..codes {
                let s = best.at(set * codes + c);
                if !s.is_finite() {
                    continue;
                }
                for d in (0..codes).filter(|d| set >> (d / 2) & 1 == 0) {
                    let to = (set | 1 << (d / 2)) * codes + d;
                    let t = s + self.hop(c, d) + self.cost_s.at(d);
                    if t < best.at(to) {
                        best.put(to, t);
                        came.put(to, c);
                    }
                }
            }
        }
        let mut set = sets - 1;
        let closed = |c: &usize| best.at(set * codes + *c) + self.hop(*c, first);
        let mut c = (0..codes)
            .min_by(|a, b| closed(a).total_cmp(&closed(b)))
            .unwrap_or(first);
        let mut tour = Vec::with_capacity(m);
        while set != 0 && c != usize::MAX {
            tour.push(pass(c));
            let up = came.at(set * codes + c);
            set &= !(1 << (c / 2));
            c = up;
        }
        tour.reverse();
        tour
    }
}
