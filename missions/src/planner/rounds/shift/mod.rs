//! Rounds over a whole shift: times, promised absences, battery swaps, and orders that cannot be foreseen.
//!
//! The shift begins with every aircraft on its round, all points just seen and all batteries full. A *promise* is the
//! longest absence of a point; it holds from the shift's first second to its last, swaps included.
//!
//! Orders that cannot be foreseen are drawn in `drawn`.

mod drawn;

pub use drawn::{drawn_shift, drawn_shift_each};

use super::bound::as_f64;
use super::costs::Costs;
use super::kit::At;
use super::weave::Round;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Batteries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Battery {
    /// Place where batteries are swapped.
    pub base: usize,
    /// Seconds of flight that one gives, reserve already taken off.
    pub endurance_s: f64,
    /// Seconds on the ground for a swap.
    pub swap_s: f64,
}

/// A lap shorter than this is refused, seconds.
const SHORTEST_LAP_S: f64 = 0.5;
/// Most stops of one aircraft in a shift.
const MOST_STOPS: usize = 500_000;

/// What a shift asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShiftRequest {
    /// Speed over ground between stops, m/s.
    pub speed_mps: f64,
    /// Longest absence promised for each point (the first places), seconds.
    pub promise_s: Vec<f64>,
    /// Seconds of the shift.
    pub length_s: f64,
    /// Swaps; none when the aircraft outlast the shift.
    pub battery: Option<Battery>,
    /// Seed of what is drawn: the same request gives the same shift.
    pub seed: u64,
}

/// A stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// Seconds after the shift's begin, on arrival.
    pub at_s: f64,
    /// Seconds after the shift's begin, on leaving: later than `at_s` only where it waits.
    pub until_s: f64,
    /// Number of the place.
    pub place: usize,
    /// For a new battery, and not to look.
    pub swap: bool,
}

impl Visit {
    const fn passing(at_s: f64, place: usize) -> Self {
        Visit {
            at_s,
            until_s: at_s,
            place,
            swap: false,
        }
    }
    const fn swapping(at_s: f64, base: usize, swap_s: f64) -> Self {
        Visit {
            at_s,
            until_s: at_s + swap_s,
            place: base,
            swap: true,
        }
    }
}

/// A shift, one list of stops an aircraft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShiftPlan {
    /// Stops in order of time, an aircraft a list.
    pub duties: Vec<Vec<Visit>>,
    /// Longest absence of each point, seconds, measured on the stops.
    pub absence_s: Vec<f64>,
    /// Bits an observer lacks about the next stop, in the mean, knowing all that was and all but the seed.
    pub entropy_bits: f64,
    /// The same as a share of what an order without any promise would have.
    pub entropy_rate: f64,
}

/// Why a shift is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ShiftFault {
    /// A figure of the request.
    #[error("{what}: {value} is not usable")]
    BadNumber {
        /// Which.
        what: &'static str,
        /// What stands there.
        value: f64,
    },
    /// The rounds leave a point out, or name one that is not there.
    #[error("place {place} is on no round, or is no place")]
    BadPlace {
        /// Which.
        place: usize,
    },
    /// A leg that no battery allows.
    #[error("place {place} is too far from the base for one battery")]
    BeyondBattery {
        /// Which.
        place: usize,
    },
    /// The promise does not hold.
    #[error(
        "point {point} is promised at most {promised_s:.0} s and would be left for {held_s:.0} s"
    )]
    Promise {
        /// Which.
        point: usize,
        /// What is asked, seconds.
        promised_s: f64,
        /// What these rounds can hold, seconds.
        held_s: f64,
    },
    /// Chance needs a round for each aircraft.
    #[error(
        "round {round} is shared by {aircraft} aircraft: orders are drawn for rounds of one each"
    )]
    Shared {
        /// Which.
        round: usize,
        /// How many.
        aircraft: usize,
    },
}

/// The rounds flown as they are, swaps at the places where they cost least for what is flown between them.
///
/// # Errors
/// [`ShiftFault`]: figures, places, a battery too small, a promise that does not hold (with what would).
pub fn steady_shift(
    costs: &Costs,
    rounds: &[Round],
    request: &ShiftRequest,
) -> Result<ShiftPlan, ShiftFault> {
    steady_shift_each(costs, rounds, request, &alike(rounds, request))
}

/// As [`steady_shift`], each aircraft with a battery and a base of its own (`None`: it outlasts the shift), in the order
/// of the rounds; the request's own battery does not count.
///
/// # Errors
/// [`ShiftFault`], as [`steady_shift`].
pub fn steady_shift_each(
    costs: &Costs,
    rounds: &[Round],
    request: &ShiftRequest,
    batteries: &[Option<Battery>],
) -> Result<ShiftPlan, ShiftFault> {
    check(costs, rounds, request)?;
    let mut duties = Vec::new();
    for round in rounds {
        for n in 0..round.aircraft {
            let own = with_battery(costs, rounds, request, batteries, duties.len())?;
            duties.push(steady_duty(costs, round, n, &own)?);
        }
    }
    let plan = measured(duties, request, 0.0, 0.0);
    kept(&plan, request)?;
    Ok(plan)
}

/// The request's battery for everyone.
fn alike(rounds: &[Round], request: &ShiftRequest) -> Vec<Option<Battery>> {
    vec![request.battery; rounds.iter().map(|r| r.aircraft).sum()]
}

/// The request as it is for the `n`-th aircraft.
fn with_battery(
    costs: &Costs,
    rounds: &[Round],
    request: &ShiftRequest,
    batteries: &[Option<Battery>],
    n: usize,
) -> Result<ShiftRequest, ShiftFault> {
    let Some(battery) = batteries.get(n) else {
        return Err(ShiftFault::BadNumber {
            what: "number of batteries",
            value: as_f64(batteries.len()),
        });
    };
    let own = ShiftRequest {
        battery: *battery,
        ..request.clone()
    };
    check(costs, rounds, &own)?;
    Ok(own)
}

fn check(costs: &Costs, rounds: &[Round], r: &ShiftRequest) -> Result<(), ShiftFault> {
    let positive = |what, value: f64| {
        if value.is_finite() && value > 0.0 {
            Ok(())
        } else {
            Err(ShiftFault::BadNumber { what, value })
        }
    };
    positive("speed", r.speed_mps)?;
    positive("length of the shift", r.length_s)?;
    if r.length_s > 7.0 * 86_400.0 {
        return Err(ShiftFault::BadNumber {
            what: "length of the shift",
            value: r.length_s,
        });
    }
    let mut on_round = vec![false; costs.places()];
    for p in rounds.iter().flat_map(|x| &x.stops) {
        if *p >= costs.places() {
            return Err(ShiftFault::BadPlace { place: *p });
        }
        on_round.put(*p, true);
    }
    for (p, s) in r.promise_s.iter().enumerate() {
        positive("promise", *s)?;
        if on_round.get(p) != Some(&true) {
            return Err(ShiftFault::BadPlace { place: p });
        }
    }
    if let Some(b) = r.battery {
        positive("endurance", b.endurance_s)?;
        if !(b.swap_s.is_finite() && b.swap_s >= 0.0) {
            return Err(ShiftFault::BadNumber {
                what: "swap",
                value: b.swap_s,
            });
        }
        if b.base >= costs.places() {
            return Err(ShiftFault::BadPlace { place: b.base });
        }
    }
    // A round without length would be flown infinitely often.
    for round in rounds {
        if round.aircraft == 0 || round.stops.is_empty() {
            return Err(ShiftFault::BadNumber {
                what: "aircraft or stops of a round",
                value: 0.0,
            });
        }
        let lap_s = round.lap_m(costs) / r.speed_mps;
        if round.stops.len() > 1 && lap_s < SHORTEST_LAP_S {
            return Err(ShiftFault::BadNumber {
                what: "seconds of a lap",
                value: lap_s,
            });
        }
    }
    Ok(())
}

/// The longest absences, measured on the stops alone.
fn measured(
    duties: Vec<Vec<Visit>>,
    r: &ShiftRequest,
    entropy_bits: f64,
    entropy_rate: f64,
) -> ShiftPlan {
    let mut seen: Vec<(usize, f64, f64)> = duties
        .iter()
        .flatten()
        .filter(|v| !v.swap && v.place < r.promise_s.len())
        .map(|v| (v.place, v.at_s, v.until_s))
        .collect();
    seen.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut absence_s = vec![0.0f64; r.promise_s.len()];
    let mut last_s = vec![0.0f64; r.promise_s.len()];
    for (p, at_s, until_s) in seen {
        absence_s.put(p, absence_s.at(p).max(at_s - last_s.at(p)));
        last_s.put(p, last_s.at(p).max(until_s));
    }
    for (p, last) in last_s.iter().enumerate() {
        absence_s.put(p, absence_s.at(p).max(r.length_s - last));
    }
    ShiftPlan {
        duties,
        absence_s,
        entropy_bits,
        entropy_rate,
    }
}

fn kept(plan: &ShiftPlan, r: &ShiftRequest) -> Result<(), ShiftFault> {
    let all: Vec<usize> = (0..r.promise_s.len()).collect();
    kept_on(plan, r, &all)
}

fn kept_on(plan: &ShiftPlan, r: &ShiftRequest, points: &[usize]) -> Result<(), ShiftFault> {
    let over = |p: &usize| plan.absence_s.at(*p) - r.promise_s.at(*p);
    match points
        .iter()
        .copied()
        .max_by(|a, b| over(a).total_cmp(&over(b)))
    {
        Some(point) if over(&point) > 1e-6 => Err(ShiftFault::Promise {
            point,
            promised_s: r.promise_s.at(point),
            held_s: plan.absence_s.at(point),
        }),
        _ => Ok(()),
    }
}

/// One aircraft on a round, the `n`-th of those that share it.
fn steady_duty(
    costs: &Costs,
    round: &Round,
    n: usize,
    r: &ShiftRequest,
) -> Result<Vec<Visit>, ShiftFault> {
    let stops = round.stops.as_slice();
    let m = stops.len();
    let leg_s = |a: usize, b: usize| costs.m(a, b) / r.speed_mps;
    let stop = |i: usize| stops.at(i % m);
    if m == 1 {
        // Nothing to fly; swaps leave the point alone for the way and the swap.
        return Ok(lone_duty(costs, stop(0), r));
    }
    // Where the aircraft is at the beginning: so many metres along the round, between two stops.
    let lap_m = round.lap_m(costs);
    let start_m = lap_m * as_f64(n) / as_f64(round.aircraft.max(1));
    let (mut i, mut at_m) = (0, 0.0);
    while i + 1 < m && at_m + costs.m(stop(i), stop(i + 1)) <= start_m {
        at_m += costs.m(stop(i), stop(i + 1));
        i += 1;
    }
    let ahead_m = (start_m - at_m).min(costs.m(stop(i), stop(i + 1)));
    let mut visits = Vec::new();
    let mut time_s = -ahead_m / r.speed_mps;
    if ahead_m <= 0.0 {
        visits.push(Visit::passing(0.0, stop(i)));
    }
    let mut swap_after = next_swap(costs, round, i, 0.0, r)?;
    while time_s <= r.length_s {
        let (x, y) = (stop(i), stop(i + 1));
        match r.battery {
            Some(b) if swap_after == 0 => {
                time_s += leg_s(x, b.base);
                visits.push(Visit::swapping(time_s, b.base, b.swap_s));
                time_s += b.swap_s + leg_s(b.base, y);
                swap_after = next_swap(costs, round, i + 1, leg_s(b.base, y), r)?;
            }
            _ => {
                time_s += leg_s(x, y);
                swap_after = swap_after.saturating_sub(usize::from(r.battery.is_some()));
            }
        }
        visits.push(Visit::passing(time_s, y));
        i = (i + 1) % m;
    }
    visits.retain(|v| (0.0..=r.length_s).contains(&v.at_s));
    Ok(visits)
}

/// After how many legs from stop `i` the battery is swapped: where the detour and the swap cost least for the time flown.
fn next_swap(
    costs: &Costs,
    round: &Round,
    i: usize,
    flown_s: f64,
    r: &ShiftRequest,
) -> Result<usize, ShiftFault> {
    let Some(b) = r.battery else { return Ok(0) };
    let m = round.stops.len();
    let leg_s = |p: usize, q: usize| costs.m(p, q) / r.speed_mps;
    let stop = |k: usize| round.stops.at((i + k) % m);
    let mut best: Option<(f64, usize)> = None;
    let mut used_s = flown_s;
    let mut k = 0;
    // Every lap takes some of the battery, so this ends; the cap is for laps of almost no length.
    while used_s + leg_s(stop(k), b.base) <= b.endurance_s && k < 100_000 {
        let (x, y) = (stop(k), stop(k + 1));
        let detour_s = leg_s(x, b.base) + leg_s(b.base, y) - leg_s(x, y) + b.swap_s;
        let price = detour_s / (used_s - flown_s).max(1e-3);
        // A swap right away takes nobody further.
        if k > 0 && best.is_none_or(|c| price < c.0) {
            best = Some((price, k));
        }
        used_s += leg_s(x, y);
        k += 1;
    }
    match best {
        Some((_, k)) => Ok(k),
        None => Err(ShiftFault::BeyondBattery { place: stop(1) }),
    }
}

/// One point alone: it hovers there, and leaves it for the ways and the swap.
fn lone_duty(costs: &Costs, point: usize, r: &ShiftRequest) -> Vec<Visit> {
    let mut visits = Vec::new();
    let mut at_s = 0.0;
    let mut way_s = 0.0;
    while at_s <= r.length_s && visits.len() < MOST_STOPS {
        let mut stay = Visit::passing(at_s, point);
        let Some(b) = r.battery else {
            stay.until_s = r.length_s;
            visits.push(stay);
            break;
        };
        // Hovering takes battery as flight does.
        let home_s = costs.m(point, b.base) / r.speed_mps;
        stay.until_s = at_s + (b.endurance_s - way_s - home_s).max(0.0);
        visits.push(stay);
        visits.push(Visit::swapping(stay.until_s + home_s, b.base, b.swap_s));
        at_s = stay.until_s + 2.0 * home_s + b.swap_s;
        way_s = home_s;
        if b.endurance_s + b.swap_s < SHORTEST_LAP_S {
            break;
        }
    }
    visits.retain(|v| v.at_s <= r.length_s);
    visits
}
