//! Street-network patrol: every street of a network flown along once, back to the start, in the least time.
//!
//! The single-robot line coverage problem (Agarwal, Akella: "The Single Robot Line Coverage Problem: Theory, Algorithms
//! and Experiments", arXiv:2208.09861), which is the rural postman problem with costs that depend on the direction.
//! Looking along a street (*patrolling*) and flying across (*transit*) have costs of their own; transit is possible
//! between any two places.
//!
//! How: cheapest pairs of the odd places ([`matching`], Edmonds), pieces joined where it costs least, the directions of
//! the resulting round trip chosen by cancelling negative cycles (`roundtrip`), then exchanges on the order of the
//! streets with seeded kicks (`improve`), back and forth between the two views until the effort is spent.
//!
//! Never: a clock, a file, a word about whether a leg is legal; fences are the caller's.

pub mod figures;
mod improve;
pub mod matching;
pub mod read;
mod roundtrip;
mod split;
#[cfg(test)]
mod tests;

pub use split::{flight_s, split_by_battery};

use super::rounds::kit::{At, Budget, Dice, Sets};
use crate::plane::EastNorth;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How fast the aircraft is through the air, and the wind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AirSpeeds {
    /// Through the air along a street that is looked at, m/s.
    pub patrol_mps: f64,
    /// Through the air elsewhere, m/s.
    pub transit_mps: f64,
    /// The wind blows towards the east, m/s.
    pub wind_east_mps: f64,
    /// The wind blows towards the north, m/s.
    pub wind_north_mps: f64,
}

impl AirSpeeds {
    /// Seconds to fly `d` metres east and north at an air speed, held on the straight line against the wind (the wind
    /// triangle).
    fn seconds(&self, east_m: f64, north_m: f64, air_mps: f64) -> f64 {
        let (we, wn) = (self.wind_east_mps, self.wind_north_mps);
        let along = we * east_m + wn * north_m;
        let across = we * north_m - wn * east_m;
        let air2 = air_mps * air_mps;
        let d2 = east_m * east_m + north_m * north_m;
        ((air2 * d2 - across * across).max(0.0).sqrt() - along) / (air2 - we * we - wn * wn)
    }
}

/// A street to fly along, in either direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Street {
    /// One end, as a number of a place.
    pub from: usize,
    /// The other.
    pub to: usize,
    /// Seconds from → to.
    pub there_s: f64,
    /// Seconds to → from.
    pub back_s: f64,
}

/// Seconds between places when no street is looked at.
#[derive(Clone, Debug)]
enum Transit {
    /// Straight lines.
    Straight(Vec<EastNorth>, AirSpeeds),
    /// Row by row, from × to.
    Table(usize, Vec<f64>),
}

/// Places, streets and the ways between.
#[derive(Clone, Debug)]
pub struct StreetNetwork {
    transit: Transit,
    streets: Vec<Street>,
}

/// Why a network is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum StreetFault {
    /// No streets.
    #[error("there is no street to patrol")]
    Empty,
    /// A number that is none.
    #[error("{what} {index}: {value} is not a usable number")]
    BadNumber {
        /// Of what.
        what: &'static str,
        /// Which.
        index: usize,
        /// What stands there.
        value: f64,
    },
    /// A street's end.
    #[error("street {street} names place {place}, and there are {places}")]
    NoSuchPlace {
        /// Which street.
        street: usize,
        /// The place it names.
        place: usize,
        /// How many there are.
        places: usize,
    },
    /// The table is not square.
    #[error("the table of transit times has {entries} entries for {places} places")]
    NotSquare {
        /// Entries.
        entries: usize,
        /// Places.
        places: usize,
    },
    /// The wind is too strong.
    #[error("a wind of {wind_mps:.1} m/s cannot be held against at {air_mps:.1} m/s")]
    TooWindy {
        /// Wind.
        wind_mps: f64,
        /// Air speed.
        air_mps: f64,
    },
    /// A file.
    #[error("{file}, line {line}: {what}")]
    BadLine {
        /// Which.
        file: &'static str,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A street alone is more than a battery.
    #[error(
        "street {street} and the way there and back take {needed_s:.0} s, a battery gives {endurance_s:.0} s"
    )]
    BeyondBattery {
        /// Which street.
        street: usize,
        /// Seconds.
        needed_s: f64,
        /// Seconds.
        endurance_s: f64,
    },
}

impl StreetNetwork {
    /// Streets as straight lines between places, transit straight through the air.
    ///
    /// # Errors
    /// [`StreetFault`]: no street, a place that is not there, numbers that are none, a wind stronger than the aircraft.
    pub fn straight(
        places: Vec<EastNorth>,
        streets: &[(usize, usize)],
        air: AirSpeeds,
    ) -> Result<Self, StreetFault> {
        let wind_mps = air.wind_east_mps.hypot(air.wind_north_mps);
        for air_mps in [air.patrol_mps, air.transit_mps] {
            // Written so that NaN is refused too.
            if !(air_mps.is_finite() && wind_mps.is_finite() && air_mps > wind_mps * 1.01) {
                return Err(StreetFault::TooWindy { wind_mps, air_mps });
            }
        }
        for (index, p) in places.iter().enumerate() {
            for value in [p.east_m, p.north_m] {
                if !value.is_finite() || value.abs() > 1e7 {
                    return Err(StreetFault::BadNumber {
                        what: "place",
                        index,
                        value,
                    });
                }
            }
        }
        let n = places.len();
        let mut out = Vec::with_capacity(streets.len());
        for (street, (from, to)) in streets.iter().enumerate() {
            let (Some(a), Some(b)) = (places.get(*from), places.get(*to)) else {
                return Err(StreetFault::NoSuchPlace {
                    street,
                    place: (*from).max(*to),
                    places: n,
                });
            };
            let (e, nn) = (b.east_m - a.east_m, b.north_m - a.north_m);
            out.push(Street {
                from: *from,
                to: *to,
                there_s: air.seconds(e, nn, air.patrol_mps),
                back_s: air.seconds(-e, -nn, air.patrol_mps),
            });
        }
        Self::checked(Transit::Straight(places, air), out, n)
    }

    /// Costs as the caller measured them: `transit_s` row by row (from × to). Ways through a third place that are
    /// shorter than the direct entry are found and used (Floyd 1962, Warshall 1962).
    ///
    /// # Errors
    /// [`StreetFault`]: no street, a table that is not square, a place that is not there, numbers that are none.
    pub fn with_table(
        places: usize,
        streets: Vec<Street>,
        mut transit_s: Vec<f64>,
    ) -> Result<Self, StreetFault> {
        if transit_s.len() != places * places {
            return Err(StreetFault::NotSquare {
                entries: transit_s.len(),
                places,
            });
        }
        for (index, value) in transit_s.iter().enumerate() {
            if !(value.is_finite() && *value >= 0.0) {
                return Err(StreetFault::BadNumber {
                    what: "transit",
                    index,
                    value: *value,
                });
            }
        }
        for via in 0..places {
            for a in 0..places {
                let first = transit_s.at(a * places + via);
                for b in 0..places {
                    let s = first + transit_s.at(via * places + b);
                    if s < transit_s.at(a * places + b) {
                        transit_s.put(a * places + b, s);
                    }
                }
            }
        }
        for i in 0..places {
            transit_s.put(i * places + i, 0.0);
        }
        Self::checked(Transit::Table(places, transit_s), streets, places)
    }

    fn checked(transit: Transit, streets: Vec<Street>, places: usize) -> Result<Self, StreetFault> {
        if streets.is_empty() {
            return Err(StreetFault::Empty);
        }
        for (index, s) in streets.iter().enumerate() {
            let place = s.from.max(s.to);
            if place >= places {
                return Err(StreetFault::NoSuchPlace {
                    street: index,
                    place,
                    places,
                });
            }
            for value in [s.there_s, s.back_s] {
                if !(value.is_finite() && value >= 0.0) {
                    return Err(StreetFault::BadNumber {
                        what: "street",
                        index,
                        value,
                    });
                }
            }
        }
        Ok(StreetNetwork { transit, streets })
    }

    /// Number of places.
    #[must_use]
    pub fn places(&self) -> usize {
        match &self.transit {
            Transit::Straight(p, _) => p.len(),
            Transit::Table(n, _) => *n,
        }
    }
    /// The streets.
    #[must_use]
    pub fn streets(&self) -> &[Street] {
        &self.streets
    }
    /// Seconds across from one place to another.
    #[inline]
    #[must_use]
    pub fn transit_s(&self, from: usize, to: usize) -> f64 {
        if from == to {
            return 0.0;
        }
        match &self.transit {
            Transit::Straight(places, air) => match (places.get(from), places.get(to)) {
                (Some(a), Some(b)) => {
                    air.seconds(b.east_m - a.east_m, b.north_m - a.north_m, air.transit_mps)
                }
                _ => f64::INFINITY,
            },
            Transit::Table(n, s) => s.get(from * n + to).copied().unwrap_or(f64::INFINITY),
        }
    }
    /// Number of connected pieces of the streets alone.
    #[must_use]
    pub fn pieces(&self) -> usize {
        let mut sets = Sets::new(self.places());
        let mut used = vec![false; self.places()];
        for s in &self.streets {
            sets.join(s.from, s.to);
            used.put(s.from, true);
            used.put(s.to, true);
        }
        let lonely = used.iter().filter(|u| !**u).count();
        sets.count - lonely
    }
    /// Seconds of a tour: every street as flown, and the ways across between them and back to the first.
    #[must_use]
    pub fn tour_s(&self, tour: &[Pass]) -> f64 {
        let mut total_s = 0.0;
        for (i, pass) in tour.iter().enumerate() {
            let next = tour.get(i + 1).or_else(|| tour.first());
            total_s += self.pass_s(*pass);
            if let Some(next) = next {
                total_s += self.transit_s(self.end(*pass), self.start(*next));
            }
        }
        total_s
    }
    /// Where a pass begins.
    #[inline]
    #[must_use]
    pub fn start(&self, pass: Pass) -> usize {
        let s = self.streets.at(pass.street);
        if pass.reversed { s.to } else { s.from }
    }
    /// Where a pass ends.
    #[inline]
    #[must_use]
    pub fn end(&self, pass: Pass) -> usize {
        let s = self.streets.at(pass.street);
        if pass.reversed { s.from } else { s.to }
    }
    /// Seconds of a pass.
    #[inline]
    #[must_use]
    pub fn pass_s(&self, pass: Pass) -> f64 {
        let s = self.streets.at(pass.street);
        if pass.reversed { s.back_s } else { s.there_s }
    }
}

/// A street, and which way it is flown along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pass {
    /// Number of the street.
    pub street: usize,
    /// From `to` to `from`.
    pub reversed: bool,
}

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Kicks of the search.
    pub steps: u64,
    /// Seed of the search: the same network, seed and steps give the same tour.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Effort {
            steps: 20_000,
            seed: 1,
        }
    }
}

/// A patrol of every street.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreetPlan {
    /// Every street once; from the last back to the first.
    pub tour: Vec<Pass>,
    /// Seconds of the whole.
    pub cost_s: f64,
    /// Seconds of it along streets.
    pub patrol_s: f64,
    /// Seconds of it across.
    pub transit_s: f64,
    /// No tour is faster than this.
    pub bound_s: f64,
    /// Steps done; fewer than asked when the caller ended the search.
    pub steps: u64,
}

/// Of all the steps, each spell on one view of the problem is this share.
const SPELLS: u64 = 20;

/// Finds a patrol of every street. `stop` is asked now and then, and may only end the search early.
///
/// # Errors
/// [`StreetFault`] as of the network; a checked network is never refused.
pub fn plan_streets(
    network: &StreetNetwork,
    effort: Effort,
    stop: &mut dyn FnMut() -> bool,
) -> Result<StreetPlan, StreetFault> {
    let mut dice = Dice::new(effort.seed);
    let mut budget = Budget::new(stop);
    let near = roundtrip::near_places(network);
    let mut best = roundtrip::construct(network, &near, &mut dice);
    let mut best_s = network.tour_s(&best);
    let mut search = improve::Search::new(network, &near);
    let spell = (effort.steps / SPELLS).max(1);
    while budget.done < effort.steps && !budget.is_stopped() {
        let steps = spell.min(effort.steps - budget.done);
        let tour = search.run(best.clone(), steps, &mut dice, &mut budget);
        // The same passes as a graph: other orders of the same cost open other exchanges.
        let tour = roundtrip::redirect(network, &near, &tour, &mut dice);
        let cost_s = network.tour_s(&tour);
        if cost_s <= best_s + 1e-9 {
            best_s = cost_s;
            best = tour;
        }
    }
    let patrol_s: f64 = best.iter().map(|p| network.pass_s(*p)).sum();
    Ok(StreetPlan {
        patrol_s,
        transit_s: best_s - patrol_s,
        cost_s: best_s,
        bound_s: roundtrip::bound_s(network, &near),
        steps: budget.done,
        tour: best,
    })
}

/// A short closed order of `n` points with the given symmetric costs: a point is a street without length.
pub(crate) fn order_points(
    n: usize,
    cost: &dyn Fn(usize, usize) -> f64,
    kicks: u64,
    dice: &mut Dice,
    budget: &mut Budget<'_>,
) -> Vec<usize> {
    let table = (0..n)
        .flat_map(|a| (0..n).map(move |b| (a, b)))
        .map(|(a, b)| if a == b { 0.0 } else { cost(a, b) });
    let network = StreetNetwork {
        transit: Transit::Table(n, table.collect()),
        streets: (0..n)
            .map(|i| Street {
                from: i,
                to: i,
                there_s: 0.0,
                back_s: 0.0,
            })
            .collect(),
    };
    let near = roundtrip::near_places(&network);
    // From a start that is not senseless: always on to the nearest that is left.
    let mut left: Vec<usize> = (1..n).collect();
    let mut tour = vec![Pass {
        street: 0,
        reversed: false,
    }];
    while let Some(last) = tour.last().copied() {
        let next = left
            .iter()
            .enumerate()
            .min_by(|a, b| {
                cost(last.street, *a.1)
                    .total_cmp(&cost(last.street, *b.1))
                    .then(a.1.cmp(b.1))
            })
            .map(|x| x.0);
        let Some(i) = next else { break };
        tour.push(Pass {
            street: left.swap_remove(i),
            reversed: false,
        });
    }
    let tour = improve::Search::new(&network, &near).run(tour, kicks, dice, budget);
    tour.into_iter().map(|p| p.street).collect()
}
