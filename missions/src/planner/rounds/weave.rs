//! Rounds on which important points are passed more often than others.
//!
//! A round is a closed walk, and a point may stand on it several times. The aircraft of a round follow each other at
//! equal distances, so what one sees at metre x of a round of T metres is seen again every T / aircraft.

use super::bound::as_f64;
use super::costs::Costs;
use super::kit::{At, Budget, Dice};
use serde::{Deserialize, Serialize};

/// A closed walk, and how many aircraft follow it at equal distances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Numbers of places; from the last back to the first.
    pub stops: Vec<usize>,
    /// How many fly it.
    pub aircraft: usize,
}

impl Round {
    /// Metres of one lap.
    #[must_use]
    pub fn lap_m(&self, costs: &Costs) -> f64 {
        costs.length_m(&self.stops, true)
    }

    /// Longest absence from each place of the round, in metres flown: (place, metres), by place.
    #[must_use]
    pub fn absences_m(&self, costs: &Costs) -> Vec<(usize, f64)> {
        let period_m = self.lap_m(costs) / as_f64(self.aircraft.max(1));
        let mut seen: Vec<(usize, f64)> = Vec::with_capacity(self.stops.len());
        let mut at_m = 0.0;
        for (i, p) in self.stops.iter().enumerate() {
            if i > 0 {
                at_m += costs.m(self.stops.at(i - 1), *p);
            }
            let folded_m = if period_m > 0.0 { at_m % period_m } else { 0.0 };
            seen.push((*p, folded_m));
        }
        seen.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut out: Vec<(usize, f64)> = Vec::new();
        for visits in seen.chunk_by(|a, b| a.0 == b.0) {
            let (Some(first), Some(last)) = (visits.first(), visits.last()) else {
                continue;
            };
            let mut gap_m = first.1 + period_m - last.1;
            for two in visits.windows(2) {
                if let [a, b] = two {
                    gap_m = gap_m.max(b.1 - a.1);
                }
            }
            out.push((first.0, gap_m));
        }
        out
    }

    /// The worst weighted absence and where: (metres × weight, place).
    #[must_use]
    pub fn worst(&self, costs: &Costs, weight: &[f64]) -> (f64, usize) {
        self.absences_m(costs)
            .into_iter()
            .map(|(p, m)| (m * weight.at(p), p))
            .fold((0.0, 0), |a, b| if b.0 > a.0 { b } else { a })
    }
}

/// Adds, drops and moves passes of points for as long as the worst weighted absence of the round falls; then kicks.
pub(crate) fn weave(
    costs: &Costs,
    weight: &[f64],
    round: &Round,
    kicks: u64,
    dice: &mut Dice,
    budget: &mut Budget<'_>,
) -> Round {
    let mut best = descend(costs, weight, round.clone(), budget);
    let mut best_m = best.worst(costs, weight).0;
    for _ in 0..kicks {
        if budget.is_stopped() {
            break;
        }
        let mut next = best.clone();
        let n = next.stops.len();
        // A kick: a point passed once more somewhere, or a piece turned round.
        let (i, j) = (dice.below(n), dice.below(n));
        if dice.below(2) == 0 {
            next.stops.insert(i, next.stops.at(j));
        } else if let Some(piece) = next.stops.get_mut(i.min(j)..=i.max(j)) {
            piece.reverse();
        }
        next = descend(costs, weight, next, budget);
        let m = next.worst(costs, weight).0;
        if m < best_m - 1e-9 {
            best = next;
            best_m = m;
        }
    }
    best
}

fn descend(costs: &Costs, weight: &[f64], mut round: Round, budget: &mut Budget<'_>) -> Round {
    let mut worst = round.worst(costs, weight);
    loop {
        let mut best: Option<(f64, Vec<usize>)> = None;
        let n = round.stops.len();
        let mut offer = |stops: Vec<usize>| {
            let r = Round {
                stops,
                aircraft: round.aircraft,
            };
            let m = r.worst(costs, weight).0;
            if m < best.as_ref().map_or(worst.0 - 1e-9, |b| b.0) {
                best = Some((m, r.stops));
            }
        };
        for i in 0..n {
            let mut more = round.stops.clone();
            more.insert(i, worst.1);
            offer(more);
        }
        for i in 0..n {
            let p = round.stops.at(i);
            let again = round.stops.iter().filter(|q| **q == p).count() > 1;
            let mut less = round.stops.clone();
            less.remove(i);
            if again {
                offer(less.clone());
            }
            // Moved a little way along the round, or next to where the worst point is passed.
            for step in [1, 2, 3, 5, 8, 13] {
                let mut moved = less.clone();
                let to = (i + step) % n.max(1);
                moved.insert(to.min(moved.len()), p);
                offer(moved);
            }
            if !budget.step() {
                return round;
            }
        }
        match best {
            Some((_, stops)) => {
                round.stops = stops;
                worst = round.worst(costs, weight);
            }
            None => return round,
        }
    }
}
