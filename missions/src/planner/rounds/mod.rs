//! Patrol rounds: points seen again and again by several aircraft, the worst absence as short as can be.
//!
//! Terms as in Machado et al. 2002 and Chevaleyre 2004: the *idleness* of a point is how long nobody has seen it; the
//! worst over all points and an endless patrol is minimised, each point weighted by its importance. In metres flown, so
//! that any speed will do; [`shift`] turns metres into times, promises, battery swaps and orders that cannot be foreseen.
//!
//! Schedules compared: one loop followed by all at equal distances ("TSP/k"); a loop for each; loops with several
//! aircraft (every schedule that repeats its set of positions is one of these); open ways flown to and fro; and loops
//! on which important points are passed more than once.
//!
//! Never: a clock, a file, a word about whether a leg is legal; the costs are the caller's.

pub mod bound;
mod clusters;
pub mod costs;
pub mod figures;
pub(crate) mod kit;
pub mod shift;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_figures;
mod tour;
mod weave;

pub use costs::{Costs, Differing, PatrolGraph};
pub use weave::Round;

use bound::as_f64;
use clusters::Parting;
use kit::{At, Budget, Dice};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why there are no rounds.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum RoundsFault {
    /// Nothing to see.
    #[error("there is no point to patrol")]
    NoPoints,
    /// Nobody to fly.
    #[error("there is no aircraft, or more than {0}")]
    NoAircraft(usize),
    /// A weight.
    #[error("point {point}: an importance of {value} is not above 0 and finite")]
    BadImportance {
        /// Which.
        point: usize,
        /// What stands there.
        value: f64,
    },
    /// More weights than places.
    #[error("{points} points are given importance, and there are {places} places")]
    MorePointsThanPlaces {
        /// Points.
        points: usize,
        /// Places.
        places: usize,
    },
    /// The table is not square.
    #[error("the table of costs has {entries} entries for {places} places")]
    NotSquare {
        /// Entries.
        entries: usize,
        /// Places.
        places: usize,
    },
    /// Places apart, or a cost that is no number.
    #[error("there is no usable way from place {from} to place {to}")]
    NoWay {
        /// From.
        from: usize,
        /// To.
        to: usize,
    },
    /// A graph file.
    #[error("graph file, word {word}: {what}")]
    BadGraph {
        /// Counted from 1; 0 at the end.
        word: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// Most aircraft in one plan.
pub const MOST_AIRCRAFT: usize = 16;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct RoundsRequest {
    /// Ways between the places. Places beyond the points are not patrolled (a base, say).
    pub costs: Costs,
    /// Importance of the points, which are the first places: the worst of importance × absence is minimised. For promised
    /// absences give 1 / promise.
    pub importance: Vec<f64>,
    /// How many fly.
    pub aircraft: usize,
    /// Only schedules in which no two aircraft share a round, as orders that cannot be foreseen need.
    pub one_each: bool,
    /// How hard to try.
    pub effort: Effort,
}

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Tries, over all searches.
    pub steps: u64,
    /// Seed: the same request, seed and steps give the same plan.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Effort {
            steps: 3_000_000,
            seed: 1,
        }
    }
}

/// How the aircraft share the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// All follow one loop.
    OneLoop,
    /// A loop for each.
    LoopEach,
    /// Loops, some with several aircraft.
    Mixed,
    /// Open ways, each flown to and fro by one.
    ToAndFro,
    /// Loops on which some points are passed more than once.
    Woven,
}

/// Rounds, and what they are worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundsPlan {
    /// How the aircraft share the points.
    pub manner: Manner,
    /// The rounds; every point is on one.
    pub rounds: Vec<Round>,
    /// Worst importance × metres of absence.
    pub worst_m: f64,
    /// The point it happens at.
    pub worst_point: usize,
    /// The best of every manner tried.
    pub compared: Vec<(Manner, f64)>,
    /// The shortest loop found over all points, over the number of aircraft.
    pub one_loop_m: f64,
    /// No schedule is better: cheapest forest (unweighted points of the heaviest importance that binds).
    pub forest_bound_m: f64,
    /// No schedule is better, and this one is nearer.
    pub bound_m: f64,
    /// The best open ways found, one each: the longest of the optimal ones would bound every schedule too.
    pub open_ways: Vec<Vec<usize>>,
    /// Metres of the longest of them.
    pub longest_open_way_m: f64,
    /// Tries done; fewer than asked when the caller ended the search.
    pub steps: u64,
}

/// Finds rounds. `stop` is asked now and then, and may only end the search early.
///
/// # Errors
/// [`RoundsFault`]: no points, no aircraft, an importance that is none.
pub fn plan_rounds(
    request: &RoundsRequest,
    stop: &mut dyn FnMut() -> bool,
) -> Result<RoundsPlan, RoundsFault> {
    let (costs, weight, k) = (
        &request.costs,
        request.importance.as_slice(),
        request.aircraft,
    );
    check(request)?;
    let points: Vec<usize> = (0..weight.len()).collect();
    let mut dice = Dice::new(request.effort.seed);
    let mut budget = Budget::new(stop);
    let mut full_weight = weight.to_vec();
    full_weight.resize(costs.places(), 0.0);
    let weight = full_weight.as_slice();
    // A kick of the tour costs some fifty tries of the parting.
    let steps = request.effort.steps;
    let kicks = steps / 200 + 20;
    let tour = tour::closed(costs, &points, kicks, &mut dice, &mut budget);
    let one_loop_m = costs.length_m(&tour, true) / as_f64(k);
    let mut found: Vec<(Manner, Vec<Round>)> = Vec::new();
    let patterns = sharings(k.min(points.len()), k, points.len());
    let unequal = weight
        .iter()
        .take(points.len())
        .any(|w| (w - weight.at(0)).abs() > 1e-12);
    let tries = as_share(steps, patterns.len() + 1);
    for shares in &patterns {
        let manner = if shares.len() == 1 {
            Manner::OneLoop
        } else if shares.iter().all(|s| *s == 1) {
            Manner::LoopEach
        } else {
            Manner::Mixed
        };
        if request.one_each && shares.iter().any(|s| *s > 1) {
            continue;
        }
        // With unequal importance a second parting is by length alone: passing points more often evens it out.
        let even = vec![1.0; costs.places()];
        let by: &[&[f64]] = if unequal { &[weight, &even] } else { &[weight] };
        for weight_of_parting in by {
            let parting = Parting {
                costs,
                points: &points,
                weight: weight_of_parting,
                closed: true,
                shares,
            };
            let mut routes = parting.improve(parting.cut(&tour), tries, &mut dice, &mut budget);
            if routes.len() > 1 {
                for r in &mut routes {
                    let again = tour::closed(costs, r, kicks / 20 + 10, &mut dice, &mut budget);
                    if costs.length_m(&again, true) < costs.length_m(r, true) {
                        *r = again;
                    }
                }
            }
            let rounds: Vec<Round> = routes
                .into_iter()
                .zip(shares)
                .map(|(stops, aircraft)| Round {
                    stops,
                    aircraft: *aircraft,
                })
                .collect();
            if unequal {
                // Judging a woven round costs some ten tries of a parting.
                let spell = as_share(tries, 10 * rounds.len());
                let woven = rounds
                    .iter()
                    .map(|r| weave::weave(costs, weight, r, spell, &mut dice, &mut budget))
                    .collect();
                found.push((Manner::Woven, woven));
            }
            found.push((manner, rounds));
        }
    }
    let open_ways = open_ways(costs, &points, k, &tour, tries, &mut dice, &mut budget);
    let longest_open_way_m = open_ways
        .iter()
        .map(|w| costs.length_m(w, false))
        .fold(0.0, f64::max);
    found.push((
        Manner::ToAndFro,
        open_ways.iter().map(|w| to_and_fro(w)).collect(),
    ));
    let judged: Vec<(Manner, f64, usize, Vec<Round>)> = found
        .into_iter()
        .map(|(manner, rounds)| {
            let (m, p) = worst(costs, weight, &rounds);
            (manner, m, p, rounds)
        })
        .collect();
    let mut compared: Vec<(Manner, f64)> = judged.iter().map(|j| (j.0, j.1)).collect();
    compared.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    compared.dedup_by_key(|c| c.0);
    let (forest_bound_m, bound_m) = bounds(costs, weight, &points, k, longest_open_way_m);
    let best = judged
        .into_iter()
        .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let (manner, worst_m, worst_point, rounds) = best.ok_or(RoundsFault::NoPoints)?;
    Ok(RoundsPlan {
        manner,
        rounds,
        worst_m,
        worst_point,
        compared,
        one_loop_m,
        forest_bound_m,
        bound_m,
        open_ways,
        longest_open_way_m,
        steps: budget.done,
    })
}

fn check(request: &RoundsRequest) -> Result<(), RoundsFault> {
    let points = request.importance.len();
    if points == 0 {
        return Err(RoundsFault::NoPoints);
    }
    if points > request.costs.places() {
        return Err(RoundsFault::MorePointsThanPlaces {
            points,
            places: request.costs.places(),
        });
    }
    if request.aircraft == 0 || request.aircraft > MOST_AIRCRAFT {
        return Err(RoundsFault::NoAircraft(MOST_AIRCRAFT));
    }
    for (point, value) in request.importance.iter().enumerate() {
        if !(value.is_finite() && *value > 0.0) {
            return Err(RoundsFault::BadImportance {
                point,
                value: *value,
            });
        }
    }
    Ok(())
}

/// Worst importance × absence over rounds, and where. A place on several rounds counts by the better of them.
fn worst(costs: &Costs, weight: &[f64], rounds: &[Round]) -> (f64, usize) {
    let mut absence = vec![f64::INFINITY; costs.places()];
    for r in rounds {
        for (p, m) in r.absences_m(costs) {
            absence.put(p, absence.at(p).min(m));
        }
    }
    absence
        .iter()
        .zip(weight)
        .enumerate()
        .filter(|(_, (_, w))| **w > 0.0)
        .map(|(p, (m, w))| (m * w, p))
        .fold((0.0, 0), |a, b| if b.0 > a.0 { b } else { a })
}

/// An open way as a round: out over all, back over all but the ends.
fn to_and_fro(way: &[usize]) -> Round {
    let mut stops = way.to_vec();
    if way.len() > 2 {
        stops.extend(way.iter().rev().skip(1).take(way.len() - 2));
    }
    Round { stops, aircraft: 1 }
}

/// Short open ways over all points, one each: the longest counts.
fn open_ways(
    costs: &Costs,
    points: &[usize],
    k: usize,
    tour: &[usize],
    tries: u64,
    dice: &mut Dice,
    budget: &mut Budget<'_>,
) -> Vec<Vec<usize>> {
    let shares = vec![1; k.min(points.len())];
    let ones = vec![1.0; costs.places()];
    let parting = Parting {
        costs,
        points,
        weight: &ones,
        closed: false,
        shares: &shares,
    };
    let mut ways = parting.improve(parting.cut(tour), tries, dice, budget);
    for w in &mut ways {
        let again = tour::open(costs, w, tries / 4_000 + 10, dice, budget);
        if costs.length_m(&again, false) < costs.length_m(w, false) {
            *w = again;
        }
    }
    ways
}

/// Bounds over the points of at least each importance: these alone must be seen so often.
fn bounds(costs: &Costs, weight: &[f64], points: &[usize], k: usize, longest_m: f64) -> (f64, f64) {
    let mut levels: Vec<f64> = points.iter().map(|p| weight.at(*p)).collect();
    levels.sort_by(|a, b| b.total_cmp(a));
    levels.dedup();
    // A few levels will do; the lightest, over all points, is always among them.
    let stride = levels.len().div_ceil(8).max(1);
    let mut out = (0.0f64, 0.0f64);
    for w in levels.iter().rev().step_by(stride) {
        let heavy: Vec<usize> = points
            .iter()
            .copied()
            .filter(|p| weight.at(*p) >= *w)
            .collect();
        let forest = bound::forest_bound_m(costs, &heavy, k);
        let ways = bound::ways_bound_m(costs, &heavy, k, longest_m).max(forest);
        out = (out.0.max(w * forest), out.1.max(w * ways));
    }
    out
}

/// All ways to share `k` aircraft among up to `parts` rounds, none with fewer points than one, largest first.
fn sharings(parts: usize, k: usize, points: usize) -> Vec<Vec<usize>> {
    fn extend(
        left: usize,
        most: usize,
        parts: usize,
        so_far: &mut Vec<usize>,
        out: &mut Vec<Vec<usize>>,
    ) {
        if left == 0 {
            out.push(so_far.clone());
            return;
        }
        if parts == 0 {
            return;
        }
        for s in (1..=most.min(left)).rev() {
            so_far.push(s);
            extend(left - s, s, parts - 1, so_far, out);
            so_far.pop();
        }
    }
    let mut out = Vec::new();
    extend(k, k, parts.min(points), &mut Vec::new(), &mut out);
    // With many aircraft there are very many: the even ones and the extremes serve.
    if out.len() > 30 {
        out.retain(|s| {
            s.iter().max().copied().unwrap_or(0) - s.iter().min().copied().unwrap_or(0) <= 1
        });
    }
    out
}

fn as_share(steps: u64, parts: usize) -> u64 {
    steps / u64::try_from(parts.max(1)).unwrap_or(1)
}
