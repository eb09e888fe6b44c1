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

/// Where the threshold begins, as a share of the value and of a stop in the round.
const WARM: f64 = 0.5;
/// Gaps drawn for a stop, of which the one with the shortest detour is taken.
const GAPS: usize = 6;
/// Longest piece that is moved or turned in one try.
const PIECE: usize = 12;

/// Tries to pass points more or less often and in another order; the best round met. Threshold accepting (Dueck, Scheuer
/// 1990) on a high power mean of the weighted absences: several points are often equally bad, so the worst alone would
/// not fall before all of them are helped.
pub(crate) fn weave(
    costs: &Costs,
    weight: &[f64],
    round: &Round,
    steps: u64,
    dice: &mut Dice,
    budget: &mut Budget<'_>,
) -> Round {
    let mut best = (round.worst(costs, weight).0, round.clone());
    if round.stops.len() < 3 {
        return best.1;
    }
    let scale = best.0.max(1e-9);
    let energy = |r: &Round| {
        let (mut worst, mut sum, mut points) = (0.0f64, 0.0, 0.0);
        for (p, m) in r.absences_m(costs) {
            let x = m * weight.at(p);
            worst = worst.max(x);
            let x2 = (x / scale) * (x / scale);
            let x4 = x2 * x2;
            sum += x4 * x4;
            points += 1.0;
        }
        let mean: f64 = sum / points;
        (scale * mean.sqrt().sqrt().sqrt(), worst)
    };
    let mut now = round.clone();
    let mut value = energy(&now).0;
    let warm = WARM * value / as_f64(round.stops.len());
    let longest = round.stops.len() * 4;
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let whole = steps.max(1) as f64;
    let mut done = 0.0;
    for _ in 0..steps {
        let left = 1.0 - done / whole;
        done += 1.0;
        if !budget.step() {
            break;
        }
        let mut next = now.clone();
        if !vary(costs, &mut next.stops, longest, dice) {
            continue;
        }
        let (e, worst) = energy(&next);
        if e - value < warm * left * dice.unit() {
            value = e;
            if worst < best.0 - 1e-9 {
                best = (worst, next.clone());
            }
            now = next;
        }
    }
    best.1
}

/// One change of the order of stops; false when the drawn one is not possible.
fn vary(costs: &Costs, stops: &mut Vec<usize>, longest: usize, dice: &mut Dice) -> bool {
    let n = stops.len();
    let i = dice.below(n);
    let p = stops.at(i);
    match dice.below(4) {
        0 => {
            // Passed once more.
            if n >= longest {
                return false;
            }
            let gap = short_gap(costs, stops, p, p, dice);
            stops.insert(gap, p);
        }
        1 => {
            // Passed once less.
            if stops.iter().filter(|q| **q == p).count() < 2 {
                return false;
            }
            stops.remove(i);
        }
        2 => {
            let end = (i + 2 + dice.below(PIECE)).min(n);
            match stops.get_mut(i..end) {
                Some(piece) if piece.len() > 1 => piece.reverse(),
                _ => return false,
            }
        }
        _ => {
            let end = (i + 1 + dice.below(3)).min(n);
            let piece: Vec<usize> = stops.drain(i..end).collect();
            let (first, last) = (piece.at(0), piece.at(piece.len() - 1));
            let gap = short_gap(costs, stops, first, last, dice);
            stops.splice(gap..gap, piece);
        }
    }
    true
}

/// Of some drawn gaps in the round, the one where a piece with these ends makes the shortest detour.
fn short_gap(costs: &Costs, stops: &[usize], first: usize, last: usize, dice: &mut Dice) -> usize {
    let n = stops.len();
    let mut best = (f64::INFINITY, 0);
    for _ in 0..GAPS.min(n) {
        let gap = dice.below(n);
        let (a, b) = (stops.at((gap + n - 1) % n), stops.at(gap));
        let m = costs.m(a, first) + costs.m(last, b) - costs.m(a, b);
        if m < best.0 {
            best = (m, gap);
        }
    }
    best.1
}
