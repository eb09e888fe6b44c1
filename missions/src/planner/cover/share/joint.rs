//! All ways of a part annealed together over one lattice of what they see.
//!
//! The moves are those of [`Polish`], way by way in short turns, and one more: a few places of one way are flown by
//! another. A metre of way `j` costs `λ_j`; those who fly too far for their weight see their metres grow dearer
//! (the prices of a Lagrangian relaxation of "as long as its weight says").

use super::super::free::Free;
use super::super::geom::{Dice, P, dist, length_m};
use super::super::path::Path;
use super::super::polish::{Costs, Polish};
use super::super::raster::Raster;
use super::super::tidy;
use super::super::ways::Ways;
use super::super::{AIM, SEEN_PART_OF_RADIUS};
use super::loops::{self, Pace};
use super::time::Time;
use super::{Done, EVEN, JOINT, Member, SHAPED, Task, corners};
use geo::MultiPolygon;

/// Moves of one way before another's turn.
const TURN: u64 = 40;
/// Moves of each start while it finds its shape, and of the best of them afterwards, against those of the one way.
const ROUGH: f64 = 1.0;
const FINE: f64 = 1.2;
/// How far a metre's price may stray from 1.
const DEAREST: f64 = 1.7;
/// By so many times the share that a way is too long, a metre of it is dearer: while ways find their shape, and in the end.
const STEEP: f64 = 30.0;
const STEEPEST: f64 = 60.0;

/// Lattices on which ways are polished finely, one after the other, so that none of them is learnt by heart: how far each is
/// turned, heat first and last in swaths, part of the moves.
const STAGES: [(f64, f64, f64, f64); 3] = [
    (0.131, 0.006, 0.0015, 0.5),
    (-0.171, 0.0015, 0.0007, 0.3),
    (0.213, 0.0009, 0.0004, 0.2),
];

/// How long loops are evened again where time presses.
const HASTY_PATIENCE: f64 = 0.2;
/// Heat at which ways that keep their shape begin, swaths.
const KEPT: f64 = 0.015;

/// How much of what only the last lattice saw is aimed higher on the next.
const BY_HEART: f64 = 0.9;
/// Samples a swath of these lattices.
const FINE_STEPS: f64 = 32.0;

struct Joint<'a> {
    free: &'a Free,
    group: &'a [Member],
    ways: Vec<Polish<'a>>,
    raster: Raster,
    allowed: usize,
    lengths_m: Vec<f64>,
    dues_m: Vec<f64>,
    /// How fast a metre's price rises with what a way is too long.
    steep: f64,
    swath_m: f64,
    price_m: f64,
    heat_m: f64,
    dearest: f64,
    dice: Dice,
}

/// Lattice of the part: so many samples a swath, turned so far.
fn lattice(task: &Task<'_>, per_swath: f64, turned: f64) -> Raster {
    let swath_m = task.request.swath_m;
    Raster::new(
        &task.part.reachable,
        swath_m / 2.0 * SEEN_PART_OF_RADIUS,
        swath_m / per_swath,
        turned,
    )
}

fn add(raster: &mut Raster, way: &[P]) {
    for w in way.windows(2) {
        if let [a, b] = w {
            raster.add(*a, *b);
        }
    }
    if let [p] = way {
        raster.add(*p, *p);
    }
}

impl<'a> Joint<'a> {
    fn new(
        task: &'a Task<'a>,
        ways: &'a Ways<'a>,
        places: &[Vec<P>],
        mut raster: Raster,
        aim: f64,
        seed: u64,
    ) -> Self {
        let swath_m = task.request.swath_m;
        let (lo, hi) = corners(task.part);
        let costs = Costs::of(task.request);
        raster.clear();
        for w in places {
            add(&mut raster, w);
        }
        let allowed = ((1.0 - aim) * raster.asked as f64) as usize;
        let step_m = raster.sample_m2().sqrt();
        let polished = places
            .iter()
            .zip(task.group)
            .enumerate()
            .map(|(j, (way, m))| {
                let mut way = way.clone();
                if m.closed && way.len() > 1 {
                    way.pop();
                }
                let path = Path::new(&way, m.closed, swath_m, lo, hi);
                // The lattice is lent to the way whose turn it is; at other times it holds an empty one.
                let empty = Raster::new(&MultiPolygon(Vec::new()), swath_m / 2.0, step_m, 0.0);
                let seed = seed.wrapping_add(1000 * j as u64);
                let mut p = Polish::new(task.free, ways, empty, path, costs, allowed, seed);
                p.pin = m.site;
                p
            })
            .collect();
        let mut joint = Joint {
            free: task.free,
            group: task.group,
            ways: polished,
            allowed,
            lengths_m: Vec::new(),
            dues_m: Vec::new(),
            steep: 4.0,
            swath_m,
            price_m: 8.0 / swath_m * raster.sample_m2(),
            heat_m: 0.0,
            dearest: 20.0,
            dice: Dice::new(seed ^ 0x5EED),
            raster,
        };
        joint.list();
        joint.measure();
        joint
    }

    fn list(&mut self) {
        for w in &mut self.ways {
            w.path.list();
        }
    }

    fn places(&self) -> Vec<Vec<P>> {
        self.ways
            .iter()
            .zip(self.group)
            .map(|(w, m)| {
                let mut places = w.path.places();
                if let Some(s) = m.site
                    && let Some(at) = places.iter().position(|p| *p == s)
                {
                    places.pop();
                    places.rotate_left(at);
                    places.push(s);
                }
                places
            })
            .collect()
    }

    /// Measures all ways, and what each should measure.
    fn measure(&mut self) {
        self.lengths_m = self
            .ways
            .iter()
            .map(|w| length_m(&w.path.places()))
            .collect();
        let all: f64 = self.lengths_m.iter().sum();
        let whole: f64 = self.group.iter().map(|m| m.weight).sum();
        let due = |m: &Member| (all * m.weight / whole.max(1e-12)).max(self.swath_m);
        self.dues_m = self.group.iter().map(due).collect();
    }

    /// By how many metres way `j` is too long, and what it should measure.
    fn excess_m(&self, j: usize) -> (f64, f64) {
        let due_m = self.dues_m.get(j).copied().unwrap_or(1.0);
        (self.lengths_m.get(j).copied().unwrap_or(0.0) - due_m, due_m)
    }

    /// Price of a metre of way `j`.
    fn lambda(&self, j: usize) -> f64 {
        if self.ways.len() < 2 {
            return 1.0;
        }
        let (over_m, due_m) = self.excess_m(j);
        (1.0 + self.steep * over_m / due_m).clamp(1.0 / DEAREST, DEAREST)
    }

    /// What `by_m` more metres of way `j` cost: their length, and what it is more or less even then.
    fn cost_m(&self, j: usize, by_m: f64) -> f64 {
        let (over_m, due_m) = self.excess_m(j);
        by_m + 0.5 * self.steep * by_m * (2.0 * over_m + by_m) / due_m
    }

    /// A way makes some moves on the common lattice.
    fn turn(&mut self, j: usize, moves: u64) {
        let lambda = self.lambda(j);
        let Some(way) = self.ways.get_mut(j) else {
            return;
        };
        std::mem::swap(&mut way.raster, &mut self.raster);
        way.price_m = self.price_m / lambda;
        way.heat_m = self.heat_m / lambda;
        for _ in 0..moves {
            way.step();
        }
        std::mem::swap(&mut way.raster, &mut self.raster);
        if let Some(l) = self.lengths_m.get_mut(j) {
            *l = length_m(&way.path.places());
        }
    }

    fn run(&mut self, moves: u64, (from_m, to_m): (f64, f64), time: &Time<'_>, until: f64) -> u64 {
        let spell = time.spell(until);
        let ratio = (to_m / from_m).max(1e-9);
        let mut k = 0;
        let mut bounds = self.bounds();
        let mut last = 0.0;
        let several = self.ways.len() > 1;
        while k < moves {
            if time.over(JOINT) {
                return k;
            }
            if k.is_multiple_of(50 * TURN) {
                self.list();
                self.measure();
                bounds = self.bounds();
            }
            if k.is_multiple_of(10 * TURN) {
                let t = spell.at(time, k as f64 / moves as f64);
                if t >= 1.0 {
                    return k;
                }
                self.heat_m = from_m * ratio.powf(t);
                // Where the clock leads, the price takes longer steps.
                let step = (t - last) * moves as f64 / (10.0 * TURN as f64);
                self.lead_price(t, step.max(1.0));
                last = t;
            }
            let mark = self.dice.unit() * bounds.last().copied().unwrap_or(0.0);
            let j = bounds.iter().position(|b| mark < *b).unwrap_or(0);
            self.turn(j, TURN - 8);
            for _ in 0..8 {
                if several {
                    self.hand_over(j);
                } else {
                    self.turn(j, 1);
                }
            }
            k += TURN;
        }
        moves
    }

    /// Sums of what each way has of the moves: the longer, the more.
    fn bounds(&self) -> Vec<f64> {
        let mut sum = 0.0;
        self.ways
            .iter()
            .map(|w| {
                sum += w.path.len() as f64;
                sum
            })
            .collect()
    }

    /// As [`Polish`] leads it.
    fn lead_price(&mut self, t: f64, step: f64) {
        let dearest = self.dearest * (1.0 + 6.0 * (t - 0.4).max(0.0));
        let (have, may) = (self.raster.unseen as f64, self.allowed.max(1) as f64);
        let base = self.raster.sample_m2() / self.swath_m;
        let factor = (have / may).clamp(0.5, 2.0).powf(0.02 * step);
        self.price_m = (self.price_m * factor).clamp(2.0 * base, dearest * base);
    }

    /// Some places of way `j` are flown by another that passes near.
    fn hand_over(&mut self, j: usize) -> bool {
        let others = self.ways.len();
        let i = (j + 1 + self.dice.below(others - 1)) % others;
        let (Some(giver), Some(taker)) = (self.ways.get(j), self.ways.get(i)) else {
            return false;
        };
        let n = giver.path.len();
        let k = 1 + self.dice.below(6);
        if n < k + 3 || taker.path.legs() == 0 {
            return false;
        }
        let lo = self.dice.below(n - k + 1);
        let hi = lo + k - 1;
        let moved: Vec<P> = (lo..=hi).map(|x| giver.path.at(x)).collect();
        if giver.pin.is_some_and(|p| moved.contains(&p)) {
            return false;
        }
        let (Some(a), Some(b)) = (moved.first().copied(), moved.last().copied()) else {
            return false;
        };
        let mut near = Vec::new();
        let end = if self.dice.below(2) == 0 { a } else { b };
        taker.path.near(end, &mut near);
        let Some(at) = near.get(self.dice.below(near.len())).copied() else {
            return false;
        };
        let (p, Some(q)) = (taker.path.at(at), taker.path.from(at + 1)) else {
            return false;
        };
        let (before, after) = (giver.path.before(lo), giver.path.from(hi + 1));
        let mut old = vec![(p, q)];
        let mut new = Vec::with_capacity(3);
        let mut less_m = 0.0;
        if let Some(x) = before {
            old.push((x, a));
            less_m += dist(x, a);
        }
        if let Some(y) = after {
            old.push((b, y));
            less_m += dist(b, y);
        }
        if let (Some(x), Some(y)) = (before, after) {
            new.push((x, y));
            less_m -= dist(x, y);
        }
        let inside_m = length_m(&moved);
        less_m += inside_m;
        let reversed = dist(p, a) + dist(q, b) > dist(p, b) + dist(q, a);
        let (first, last) = if reversed { (b, a) } else { (a, b) };
        new.push((p, first));
        new.push((last, q));
        let more_m = dist(p, first) + dist(last, q) - dist(p, q) + inside_m;
        let cost_m = self.cost_m(i, more_m) + self.cost_m(j, -less_m);
        let bar_m = if self.heat_m > 0.0 {
            -self.heat_m * (1.0 - self.dice.unit()).ln()
        } else {
            0.0
        };
        if cost_m > bar_m + self.price_m * self.raster.unseen as f64 {
            return false;
        }
        if new.iter().any(|l| !self.free.legal(l.0, l.1)) {
            return false;
        }
        let price_m = self.price_m;
        let bearable = |gained: usize| (bar_m - cost_m) / price_m + gained as f64;
        if !self.raster.bears(&old, &new, bearable) {
            return false;
        }
        self.raster.exchange(&old, &new);
        let mut moved = moved;
        if reversed {
            moved.reverse();
        }
        if let Some(g) = self.ways.get_mut(j) {
            g.path.replace(lo, k, &[]);
        }
        if let Some(t) = self.ways.get_mut(i) {
            t.path.replace(at + 1, 0, &moved);
        }
        for (x, by_m) in [(i, more_m), (j, -less_m)] {
            if let Some(l) = self.lengths_m.get_mut(x) {
                *l += by_m;
            }
        }
        true
    }

    /// Until no more is unseen than allowed, or nothing helps: the price of what is unseen rises, so who has the
    /// shortest detour goes.
    fn mend(&mut self) {
        let tries = (150 / self.ways.len().max(1)).max(20);
        for round in 0..40u32 {
            self.list();
            let price_m = self.raster.sample_m2() / self.swath_m * 8.0 * 1.4f64.powi(round as i32);
            let mut won = false;
            for j in 0..self.ways.len() {
                let lambda = self.lambda(j);
                let Some(way) = self.ways.get_mut(j) else {
                    continue;
                };
                std::mem::swap(&mut way.raster, &mut self.raster);
                way.heat_m = 0.0;
                way.desperate = true;
                way.price_m = price_m / lambda;
                for _ in 0..tries {
                    if way.raster.unseen <= self.allowed {
                        break;
                    }
                    won |= way.see_unseen();
                }
                std::mem::swap(&mut way.raster, &mut self.raster);
            }
            if self.raster.unseen <= self.allowed || (!won && round > 24) {
                return;
            }
        }
    }
}

/// Polishes all ways of a part together, mends what is unseen, and makes each as others will read it.
pub(super) fn polish(
    task: &Task<'_>,
    ways: &Ways<'_>,
    starts: Vec<Vec<Vec<P>>>,
    rough: bool,
    time: &Time<'_>,
) -> Done {
    let request = task.request;
    let swath_m = request.swath_m;
    // As for one way: see `cover_part`.
    let aim = if request.margin_m > swath_m / 2.0 {
        AIM + 0.0006
    } else if request.margin_m > 0.0 {
        AIM + 0.00015
    } else {
        AIM
    };
    let untouched = starts.first().cloned().unwrap_or_default();
    let all = task.moves as f64 + 10_000.0 * task.group.len() as f64;
    let mut done = 0;
    let mut places = untouched.clone();
    let n = starts.len();
    let began = time.used();
    let shaped_by = began + SHAPED * (task.until - began).max(0.0);
    if rough && task.moves > 0 {
        let mut best: Option<(f64, Vec<Vec<P>>)> = None;
        for (i, start) in starts.into_iter().enumerate() {
            // The first is the most promising: where time presses, the others are left.
            if i > 0 && time.used() > 0.5 * (began + shaped_by) {
                time.hurry();
                break;
            }
            let raster = lattice(task, 10.0, task.along_rad + 0.093);
            let seed = task.seed.wrapping_add(i as u64);
            let mut joint = Joint::new(task, ways, &start, raster, aim, seed);
            joint.steep = STEEP;
            let moves = (all * ROUGH) as u64;
            // In little time the shape of the one way is kept.
            let hot = if time.was_short() { KEPT } else { 0.03 };
            let heat = (hot * swath_m, 0.004 * swath_m);
            let now = time.used();
            let until = now + (shaped_by - now) / (n - i) as f64;
            done += joint.run(moves, heat, time, until);
            let shaped = joint.places();
            let over = joint.raster.unseen.saturating_sub(joint.allowed) as f64;
            let cost_m = task.score_m(&shaped) + 3.0 / swath_m * over * joint.raster.sample_m2();
            if best.as_ref().is_none_or(|b| cost_m < b.0) {
                best = Some((cost_m, shaped));
            }
        }
        places = best.map_or(places, |b| b.1);
    }
    if task.moves > 0 {
        let hot = if rough { 1.0 } else { 0.7 };
        let mut price: Option<f64> = None;
        let mut by_heart = 0.0;
        for (i, (turned, from, to, part)) in STAGES.iter().copied().enumerate() {
            if rough {
                places = evened(task, places, i as u64, time);
            }
            let raster = lattice(task, FINE_STEPS, task.along_rad + turned);
            let seed = task.seed.wrapping_add(50 + i as u64);
            let mut joint = Joint::new(task, ways, &places, raster, aim, seed);
            joint.steep = STEEPEST;
            joint.dearest = 32.0;
            // What was seen on the last lattice only is not seen; and what mending still adds is dearer than polishing.
            let may = joint.allowed as f64;
            let only_here = BY_HEART * by_heart * joint.raster.asked as f64;
            joint.allowed = (may - only_here).max(0.2 * may) as usize;
            if let Some(p) = price {
                joint.price_m = p * joint.raster.sample_m2();
            }
            let moves = (part * all * if rough { FINE } else { 0.4 }) as u64;
            let heat = (hot * from * swath_m, hot * to * swath_m);
            let now = time.used();
            // Of what is left, as the parts of the stages that are left.
            let left: f64 = STAGES.iter().skip(i).map(|s| s.3).sum();
            let until = now + (task.until - now) * part / left;
            done += joint.run(moves, heat, time, until);
            price = Some(joint.price_m / joint.raster.sample_m2());
            places = joint.places();
            let mut other = lattice(task, FINE_STEPS, task.along_rad + turned + 0.39);
            for w in &places {
                add(&mut other, w);
            }
            by_heart = (joint.raster.seen_part() - other.seen_part()).max(0.0);
        }
    }
    let (mut out, mut coverage) = mended(task, ways, places, aim);
    if !rough && task.score_m(&untouched) < task.score_m(&out) {
        // Cut and no more: as good as the one way, and even.
        let (plain, seen) = mended(task, ways, untouched, aim);
        if task.score_m(&plain) < task.score_m(&out) {
            (out, coverage) = (plain, seen);
        }
    }
    Done {
        ways: out,
        coverage,
        moves: done,
    }
}

/// Loops that came out uneven while they found their shape, joined and parted once more.
fn evened(task: &Task<'_>, places: Vec<Vec<P>>, salt: u64, time: &Time<'_>) -> Vec<Vec<P>> {
    let alike = task.group.iter().all(|m| m.closed && m.site.is_none());
    let sum_m: f64 = places.iter().map(|w| length_m(w)).sum();
    if !alike || task.worst(&places) <= EVEN * sum_m || places.iter().any(|w| w.len() < 4) {
        return places;
    }
    let weights: Vec<f64> = task.group.iter().map(|m| m.weight).collect();
    let pressed = time.was_short();
    let pace = Pace {
        patience: if pressed { HASTY_PATIENCE } else { 1.0 },
        again: true,
    };
    let seed = task.seed.wrapping_add(200 + salt);
    let swath_m = task.request.swath_m;
    let stop = &mut || time.over(JOINT);
    match loops::parted(task.free, &places, &weights, swath_m, pace, seed, stop) {
        Some(new) if new.worst * sum_m < task.worst(&places) => new.ways,
        _ => places,
    }
}

/// A finer lattice, turned otherwise, says what is really seen; what is short is mended.
fn mended(
    task: &Task<'_>,
    ways: &Ways<'_>,
    mut places: Vec<Vec<P>>,
    aim: f64,
) -> (Vec<Vec<P>>, f64) {
    let mut coverage = 0.0;
    for round in 0..5u64 {
        for w in &mut places {
            *w = tidy::tidy(task.free, w);
        }
        let (per_swath, aim) = if task.moves == 0 {
            (14.0, aim + 0.0001)
        } else {
            (32.0, aim)
        };
        let raster = lattice(task, per_swath, 0.417 + 0.31 * round as f64);
        let seed = task.seed.wrapping_add(100 + round);
        let mut joint = Joint::new(task, ways, &places, raster, aim, seed);
        let before = joint.raster.unseen;
        coverage = joint.raster.seen_part();
        if before <= joint.allowed || round == 4 {
            break;
        }
        joint.mend();
        coverage = joint.raster.seen_part();
        places = joint.places();
        if joint.raster.unseen >= before {
            break;
        }
    }
    (places, coverage)
}
