//! Points parted into routes so that the worst route is as short as can be.
//!
//! Threshold accepting (Dueck, Scheuer 1990) on relocations, swaps, reversals and exchanged tails (Or 1976; Potvin,
//! Rousseau 1995; Taillard et al. 1997); the worst route is approached through a high power mean, so that the others
//! keep room for it. No function whose last bit hangs on the machine is used.

use super::bound::as_f64;
use super::costs::Costs;
use super::kit::{At, Budget, Dice, push_to, row};

/// Nearest points that are tried beside each.
const NEAR: usize = 9;
/// Where the threshold begins, as a share of the value.
const WARM: f64 = 0.05;
/// Independent searches: several short ones were surer than a long one (tried with four seeds on three of the
/// `patrolling_sim` graphs).
const SPELLS: u64 = 10;

/// What is parted, and how a route is judged.
pub(crate) struct Parting<'a> {
    pub costs: &'a Costs,
    /// Numbers of places.
    pub points: &'a [usize],
    /// By number of place.
    pub weight: &'a [f64],
    /// Routes come back to their first point.
    pub closed: bool,
    /// Aircraft on each route.
    pub shares: &'a [usize],
}

impl Parting<'_> {
    /// Weighted metres of a route an aircraft.
    pub(crate) fn value(&self, route: &[usize], share: usize) -> f64 {
        let heaviest = route.iter().map(|p| self.weight.at(*p)).fold(0.0, f64::max);
        self.costs.length_m(route, self.closed) * heaviest / as_f64(share.max(1))
    }
    /// The worst of all routes.
    pub(crate) fn worst(&self, routes: &[Vec<usize>]) -> f64 {
        routes
            .iter()
            .zip(self.shares)
            .map(|(r, s)| self.value(r, *s))
            .fold(0.0, f64::max)
    }

    /// Cuts a tour into pieces by length and shares, from the best place to begin.
    pub(crate) fn cut(&self, tour: &[usize]) -> Vec<Vec<usize>> {
        let all: usize = self.shares.iter().sum();
        let mut best: (f64, Vec<Vec<usize>>) = (f64::INFINITY, vec![tour.to_vec()]);
        for from in 0..tour.len() {
            let mut t = tour.to_vec();
            t.rotate_left(from);
            let whole_m = self.costs.length_m(&t, true);
            let mut routes: Vec<Vec<usize>> = vec![Vec::new(); self.shares.len()];
            let (mut route, mut done_m, mut due) = (0, 0.0, self.shares.at(0));
            for (i, p) in t.iter().enumerate() {
                if i > 0 {
                    done_m += self.costs.m(t.at(i - 1), *p);
                }
                let left = t.len() - i;
                let due_m = whole_m * as_f64(due) / as_f64(all.max(1));
                let routes_left = self.shares.len() - route;
                let full =
                    !row(&routes, route).is_empty() && (done_m > due_m || left < routes_left);
                if full && route + 1 < self.shares.len() {
                    route += 1;
                    due += self.shares.at(route);
                }
                push_to(&mut routes, route, *p);
            }
            let worst = self.worst(&routes);
            if worst < best.0 && routes.iter().all(|r| !r.is_empty()) {
                best = (worst, routes);
            }
        }
        best.1
    }

    /// Improves the routes by so many tries, in independent spells; the best met.
    pub(crate) fn improve(
        &self,
        routes: Vec<Vec<usize>>,
        steps: u64,
        dice: &mut Dice,
        budget: &mut Budget<'_>,
    ) -> Vec<Vec<usize>> {
        if routes.len() < 2 || self.points.len() <= routes.len() {
            return routes;
        }
        let mut best = (self.worst(&routes), routes.clone());
        for _ in 0..SPELLS {
            let mut spell = (self.worst(&routes), routes.clone());
            self.spell(&mut spell, steps / SPELLS, dice, budget);
            if spell.0 < best.0 {
                best = spell;
            }
        }
        best.1
    }

    fn spell(
        &self,
        best: &mut (f64, Vec<Vec<usize>>),
        steps: u64,
        dice: &mut Dice,
        budget: &mut Budget<'_>,
    ) {
        let mut s = State::new(self, best.1.clone());
        let mut energy = s.energy(&s.values);
        let start = energy;
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let whole = steps.max(1) as f64;
        let mut done = 0.0;
        for _ in 0..steps {
            let left: f64 = 1.0 - done / whole;
            done += 1.0;
            if !budget.step() {
                break;
            }
            let Some((a, b)) = s.propose(dice) else {
                continue;
            };
            let mut values = s.values.clone();
            values.put(a, self.value(&s.new_a, self.shares.at(a)));
            if a != b {
                values.put(b, self.value(&s.new_b, self.shares.at(b)));
            }
            let next = s.energy(&values);
            if next - energy < WARM * start * left * dice.unit() {
                energy = next;
                s.values = values;
                s.take(a, b);
                let worst = s.values.iter().copied().fold(0.0, f64::max);
                if worst < best.0 - 1e-9 {
                    *best = (worst, s.routes.clone());
                }
            }
        }
    }
}

struct State<'a> {
    task: &'a Parting<'a>,
    near: Vec<Vec<usize>>,
    routes: Vec<Vec<usize>>,
    values: Vec<f64>,
    /// By number of place: route and place in it.
    at: Vec<(usize, usize)>,
    scale: f64,
    new_a: Vec<usize>,
    new_b: Vec<usize>,
}

impl<'a> State<'a> {
    fn new(task: &'a Parting<'a>, routes: Vec<Vec<usize>>) -> Self {
        let mut near: Vec<Vec<usize>> = vec![Vec::new(); task.costs.places()];
        for p in task.points {
            let mut all: Vec<usize> = task.points.iter().copied().filter(|q| q != p).collect();
            all.sort_by(|x, y| {
                task.costs
                    .m(*p, *x)
                    .total_cmp(&task.costs.m(*p, *y))
                    .then(x.cmp(y))
            });
            all.truncate(NEAR);
            if let Some(slot) = near.get_mut(*p) {
                *slot = all;
            }
        }
        let values: Vec<f64> = routes
            .iter()
            .zip(task.shares)
            .map(|(r, s)| task.value(r, *s))
            .collect();
        let scale = values.iter().copied().fold(1e-9, f64::max);
        let mut s = State {
            task,
            near,
            values,
            at: vec![(0, 0); task.costs.places()],
            scale,
            routes,
            new_a: Vec::new(),
            new_b: Vec::new(),
        };
        for r in 0..s.routes.len() {
            s.index(r);
        }
        s
    }

    fn index(&mut self, r: usize) {
        for (i, p) in row(&self.routes, r).iter().enumerate() {
            self.at.put(*p, (r, i));
        }
    }

    /// The eighth-power mean of the routes' values: near the worst, yet every route pulls a little.
    fn energy(&self, values: &[f64]) -> f64 {
        let sum: f64 = values
            .iter()
            .map(|v| {
                let x2 = (v / self.scale) * (v / self.scale);
                let x4 = x2 * x2;
                x4 * x4
            })
            .sum();
        self.scale * (sum / as_f64(values.len())).sqrt().sqrt().sqrt()
    }

    fn take(&mut self, a: usize, b: usize) {
        if let Some(r) = self.routes.get_mut(a) {
            std::mem::swap(r, &mut self.new_a);
        }
        self.index(a);
        if a != b {
            if let Some(r) = self.routes.get_mut(b) {
                std::mem::swap(r, &mut self.new_b);
            }
            self.index(b);
        }
    }

    /// A change of one or two routes, left in `new_a` and `new_b`.
    fn propose(&mut self, dice: &mut Dice) -> Option<(usize, usize)> {
        let u = if dice.below(2) == 0 {
            let worst = (0..self.values.len())
                .max_by(|x, y| self.values.at(*x).total_cmp(&self.values.at(*y)))?;
            let r = row(&self.routes, worst);
            r.at(dice.below(r.len()))
        } else {
            self.task.points.at(dice.below(self.task.points.len()))
        };
        let list = row(&self.near, u);
        let v = list.at(dice.below(list.len()));
        let ((a, i), (b, j)) = (self.at.at(u), self.at.at(v));
        let (r, s) = (row(&self.routes, a), row(&self.routes, b));
        self.new_a.clear();
        self.new_b.clear();
        if a == b {
            if r.len() < 3 {
                return None;
            }
            if dice.below(2) == 0 {
                let (lo, hi) = if i < j { (i + 1, j) } else { (j, i - 1) };
                if lo >= hi {
                    return None;
                }
                self.new_a.extend_from_slice(r);
                self.new_a.get_mut(lo..=hi)?.reverse();
            } else {
                let end = (i + 1 + dice.below(3)).min(r.len());
                if (i..end).contains(&j) {
                    return None;
                }
                let mut rest: Vec<usize> = r.get(..i)?.to_vec();
                rest.extend_from_slice(r.get(end..)?);
                let gap = rest.iter().position(|p| *p == v)? + dice.below(2);
                insert(
                    &mut self.new_a,
                    &rest,
                    gap,
                    r.get(i..end)?,
                    dice.below(2) == 0,
                );
            }
            return Some((a, b));
        }
        match dice.below(5) {
            0 | 1 => {
                let longest = if dice.below(4) == 0 { r.len() / 2 } else { 3 };
                let length = 1 + dice.below(longest.max(1));
                let (from, to) = if dice.below(2) == 0 {
                    (i, (i + length).min(r.len()))
                } else {
                    ((i + 1).saturating_sub(length), i + 1)
                };
                if to - from >= r.len() {
                    return None;
                }
                self.new_a.extend_from_slice(r.get(..from)?);
                self.new_a.extend_from_slice(r.get(to..)?);
                let after = dice.below(2);
                // `u` comes to lie beside `v`.
                let turned = (from == i) != (after == 1) && to - from > 1;
                insert(&mut self.new_b, s, j + after, r.get(from..to)?, turned);
            }
            2 => {
                let w = if dice.below(2) == 0 {
                    (j + 1) % s.len()
                } else {
                    (j + s.len() - 1) % s.len()
                };
                self.new_a.extend_from_slice(r);
                self.new_b.extend_from_slice(s);
                self.new_a.put(i, s.at(w));
                self.new_b.put(w, u);
            }
            kind => {
                // Where a closed route begins means nothing: begin anywhere.
                let (mut r, mut s, mut i, mut j) = (r.to_vec(), s.to_vec(), i, j);
                if self.task.closed {
                    let (x, y) = (dice.below(r.len()), dice.below(s.len()));
                    r.rotate_left(x);
                    s.rotate_left(y);
                    i = (i + r.len() - x) % r.len();
                    j = (j + s.len() - y) % s.len();
                }
                self.new_a.extend_from_slice(r.get(..=i)?);
                if kind == 3 {
                    self.new_a.extend_from_slice(s.get(j..)?);
                    self.new_b.extend_from_slice(s.get(..j)?);
                    self.new_b.extend_from_slice(r.get(i + 1..)?);
                } else {
                    self.new_a.extend(s.get(..=j)?.iter().rev());
                    self.new_b.extend(r.get(i + 1..)?.iter().rev());
                    self.new_b.extend_from_slice(s.get(j + 1..)?);
                }
                if self.new_b.is_empty() {
                    return None;
                }
            }
        }
        Some((a, b))
    }
}

fn insert(into: &mut Vec<usize>, rest: &[usize], gap: usize, piece: &[usize], turned: bool) {
    let (before, after) = rest.split_at_checked(gap).unwrap_or((rest, &[]));
    into.extend_from_slice(before);
    if turned {
        into.extend(piece.iter().rev());
    } else {
        into.extend_from_slice(piece);
    }
    into.extend_from_slice(after);
}
