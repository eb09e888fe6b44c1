//! Orders of stops that cannot be foreseen, and never break a promise.
//!
//! Drawn one stop at a time among all stops after which a *witness* still exists: a way to go on (the round forwards,
//! backwards, or the last witness with the drawn stop put first) under which every promise holds to the end of the
//! shift, swaps included. So a promise is never given up for chance, and whoever knows everything but the seed is still
//! left with the stated entropy. (Cf. Basilico, Gatti, Amigoni 2012 on patrols that an observer watches; Duan, George,
//! Bullo 2021 on entropy rates of surveillance.)

use super::super::bound::as_f64;
use super::super::costs::Costs;
use super::super::kit::{At, Dice};
use super::super::weave::Round;
use super::{
    Battery, MOST_STOPS, ShiftFault, ShiftPlan, ShiftRequest, Visit, alike, check, kept, kept_on,
    lone_duty, measured, steady_duty, with_battery,
};

/// Orders drawn anew at every stop, each aircraft on its own round.
///
/// # Errors
/// [`ShiftFault`], as [`steady_shift`]; also when a round is shared.
pub fn drawn_shift(
    costs: &Costs,
    rounds: &[Round],
    request: &ShiftRequest,
) -> Result<ShiftPlan, ShiftFault> {
    drawn_shift_each(costs, rounds, request, &alike(rounds, request))
}

/// As [`drawn_shift`], each aircraft with a battery and a base of its own (`None`: it outlasts the shift), in the order of
/// the rounds; the request's own battery does not count.
///
/// # Errors
/// [`ShiftFault`], as [`drawn_shift`].
pub fn drawn_shift_each(
    costs: &Costs,
    rounds: &[Round],
    request: &ShiftRequest,
    batteries: &[Option<Battery>],
) -> Result<ShiftPlan, ShiftFault> {
    check(costs, rounds, request)?;
    let whole = request;
    let mut dice = Dice::new(request.seed);
    let mut duties = Vec::new();
    let (mut bits, mut most_bits, mut draws) = (0.0, 0.0, 0.0);
    for (i, round) in rounds.iter().enumerate() {
        if round.aircraft != 1 {
            return Err(ShiftFault::Shared {
                round: i,
                aircraft: round.aircraft,
            });
        }
        let own = with_battery(costs, rounds, whole, batteries, i)?;
        let request = &own;
        let duty = Drawing::new(costs, round, request);
        let first = *round
            .stops
            .first()
            .ok_or(ShiftFault::BadPlace { place: 0 })?;
        let mut state = duty.start(first);
        if round.stops.len() == 1 {
            duties.push(lone_duty(costs, first, request));
            continue;
        }
        let mut visits = vec![Visit::passing(0.0, first)];
        // Without a first witness the promise is too tight for this round.
        if duty
            .slack(
                &state,
                Onward::Round {
                    from: 1,
                    back: false,
                },
                &[],
            )
            .is_none()
        {
            let steady = steady_duty(costs, round, 0, request)?;
            let held = measured(vec![steady], request, 0.0, 0.0);
            kept_on(&held, request, &duty.points)?;
            return Err(duty.tightest(request));
        }
        while state.time_s < request.length_s && duty.points.len() > 1 && visits.len() < MOST_STOPS
        {
            let choices = duty.choices(&state);
            let all: f64 = choices.iter().map(Choice::weight).sum();
            let mut mark = dice.unit() * all;
            let drawn = choices.iter().find(|c| {
                mark -= c.weight();
                mark < 0.0
            });
            let Some(choice) = drawn.or(choices.last()) else {
                break;
            };
            bits -= choices
                .iter()
                .map(|c| c.weight() / all * (c.weight() / all).log2())
                .sum::<f64>();
            most_bits += as_f64(duty.points.len() - 1).log2();
            draws += 1.0;
            state = duty.follow(&state, choice, &mut visits);
        }
        visits.retain(|v| v.at_s <= request.length_s);
        duties.push(visits);
    }
    let share = if most_bits > 0.0 {
        bits / most_bits
    } else {
        0.0
    };
    // To a millionth: the logarithm's last bit may hang on the machine.
    let tidy = |x: f64| (x * 1e6).round() / 1e6;
    let mean = if draws > 0.0 { bits / draws } else { 0.0 };
    let plan = measured(duties, request, tidy(mean), tidy(share));
    kept(&plan, request)?;
    Ok(plan)
}

/// Whether a round flown for ever keeps its promises even with swaps at the worst moments.
fn lasting(costs: &Costs, round: &Round, r: &ShiftRequest) -> bool {
    let absences = round.absences_m(costs);
    let promised = |p: usize| r.promise_s.get(p).copied().unwrap_or(f64::INFINITY);
    let Some(b) = r.battery else {
        return absences
            .iter()
            .all(|(p, m)| m / r.speed_mps <= promised(*p));
    };
    let leg_s = |x: usize, y: usize| costs.m(x, y) / r.speed_mps;
    let (mut detour_s, mut reach_s) = (0.0f64, 0.0f64);
    for (i, x) in round.stops.iter().enumerate() {
        let y = round.stops.at((i + 1) % round.stops.len());
        detour_s = detour_s.max(leg_s(*x, b.base) + leg_s(b.base, y) - leg_s(*x, y) + b.swap_s);
        reach_s = reach_s.max(leg_s(*x, y) + leg_s(y, b.base));
    }
    // At least this long a battery lasts until the next swap falls due.
    let between_s = b.endurance_s - reach_s;
    absences.iter().all(|(p, m)| {
        let mut swaps = 1.0;
        let mut gone_s = m / r.speed_mps + detour_s;
        while between_s > 0.0 && gone_s <= promised(*p) {
            let due = 1.0 + (gone_s / between_s).floor();
            if due <= swaps {
                return true;
            }
            swaps = due;
            gone_s = m / r.speed_mps + swaps * detour_s;
        }
        false
    })
}

/// How an aircraft may go on.
#[derive(Clone, Copy)]
enum Onward {
    /// Along the round from this stop on, forwards or backwards.
    Round { from: usize, back: bool },
}

/// Where an aircraft is, and what it has seen when.
#[derive(Clone)]
struct State {
    time_s: f64,
    here: usize,
    flown_s: f64,
    /// By number of point.
    seen_s: Vec<f64>,
    /// Stops to make before the round is joined again.
    first: Vec<usize>,
    onward: Onward,
}

/// A stop that may be drawn, with its witness.
struct Choice {
    to: usize,
    /// Least share of a promise left over on the witness.
    left: f64,
    first: Vec<usize>,
    onward: Onward,
}

impl Choice {
    /// Stops that leave more room for later chance are drawn more often: on most `patrolling_sim` graphs that left an
    /// observer a few per cent more bits than an even draw.
    fn weight(&self) -> f64 {
        self.left + 0.02
    }
}

struct Drawing<'a> {
    costs: &'a Costs,
    r: &'a ShiftRequest,
    stops: &'a [usize],
    /// Points of this round, each once.
    points: Vec<usize>,
    /// Once joined, the round keeps every promise for ever, wherever swaps fall due: no need to look further.
    lasting: bool,
}

impl<'a> Drawing<'a> {
    fn new(costs: &'a Costs, round: &'a Round, r: &'a ShiftRequest) -> Self {
        let mut points: Vec<usize> = round
            .stops
            .iter()
            .copied()
            .filter(|p| *p < r.promise_s.len())
            .collect();
        points.sort_unstable();
        points.dedup();
        Drawing {
            costs,
            r,
            stops: &round.stops,
            points,
            lasting: lasting(costs, round, r),
        }
    }
    fn start(&self, here: usize) -> State {
        State {
            time_s: 0.0,
            here,
            flown_s: 0.0,
            seen_s: vec![0.0; self.r.promise_s.len()],
            first: Vec::new(),
            onward: Onward::Round {
                from: 1,
                back: false,
            },
        }
    }
    /// Flies to a stop, over the base where the battery would not last to it and from it to the base. False when even a
    /// full one would not.
    fn fly(&self, s: &mut (f64, usize, f64), to: usize, log: &mut dyn FnMut(Visit)) -> bool {
        let leg_s = |a: usize, b: usize| self.costs.m(a, b) / self.r.speed_mps;
        let (time_s, here, flown_s) = s;
        let mut way_s = leg_s(*here, to);
        if let Some(b) = self.r.battery {
            let home_s = leg_s(to, b.base);
            if *flown_s + way_s + home_s > b.endurance_s {
                *time_s += leg_s(*here, b.base);
                log(Visit::swapping(*time_s, b.base, b.swap_s));
                *time_s += b.swap_s;
                *flown_s = 0.0;
                way_s = leg_s(b.base, to);
                if way_s + home_s > b.endurance_s {
                    return false;
                }
            }
        }
        *time_s += way_s;
        *flown_s += way_s;
        *here = to;
        log(Visit::passing(*time_s, to));
        true
    }
    /// The least share of a promise that is left over when the aircraft goes on like this to the end of the shift; none
    /// when a promise breaks.
    fn slack(&self, s: &State, onward: Onward, first: &[usize]) -> Option<f64> {
        let mut now = (s.time_s, s.here, s.flown_s);
        let mut seen_s = s.seen_s.clone();
        let mut least = 1.0f64;
        let m = self.stops.len();
        let Onward::Round { from, back } = onward;
        let mut k = 0;
        while now.0 <= self.r.length_s {
            if self.lasting && k > first.len() + m {
                return Some(least);
            }
            let to = match first.get(k) {
                Some(p) => *p,
                None => {
                    let along = (k - first.len()) % m;
                    self.stops.at(if back {
                        (from + m - along) % m
                    } else {
                        (from + along) % m
                    })
                }
            };
            k += 1;
            if to == now.1 {
                if self.points.len() < 2 {
                    break;
                }
                // Already there.
                continue;
            }
            if !self.fly(&mut now, to, &mut |_| {}) {
                return None;
            }
            if let (Some(last_s), Some(promise_s)) = (seen_s.get_mut(to), self.r.promise_s.get(to))
            {
                let left = 1.0 - (now.0.min(self.r.length_s) - *last_s) / promise_s;
                if left < 0.0 {
                    return None;
                }
                least = least.min(left);
                *last_s = now.0;
            }
        }
        // What the end of the shift finds unseen.
        for p in &self.points {
            if self.r.length_s - seen_s.at(*p) > self.r.promise_s.at(*p) {
                return None;
            }
        }
        Some(least)
    }
    /// All stops that may be made next, each with the witness that leaves most.
    fn choices(&self, s: &State) -> Vec<Choice> {
        let mut out = Vec::new();
        let m = self.stops.len();
        for to in self.points.iter().copied().filter(|p| *p != s.here) {
            let mut witnesses: Vec<(Vec<usize>, Onward)> = Vec::new();
            for (i, _) in self.stops.iter().enumerate().filter(|(_, p)| **p == to) {
                for (from, back) in [((i + 1) % m, false), ((i + m - 1) % m, true)] {
                    witnesses.push((Vec::new(), Onward::Round { from, back }));
                }
            }
            witnesses.push(self.put_first(s, to));
            let mut best: Option<(f64, Vec<usize>, Onward)> = None;
            for (first, onward) in witnesses {
                let mut way = vec![to];
                way.extend_from_slice(&first);
                if let Some(left) = self.slack(s, onward, &way)
                    && best.as_ref().is_none_or(|b| left > b.0)
                {
                    best = Some((left, first, onward));
                }
            }
            if let Some((left, first, onward)) = best {
                out.push(Choice {
                    to,
                    left,
                    first,
                    onward,
                });
            }
        }
        out
    }
    /// The state's witness with one stop taken out of the lap to come.
    fn put_first(&self, s: &State, to: usize) -> (Vec<usize>, Onward) {
        let m = self.stops.len();
        let Onward::Round { from, back } = s.onward;
        let mut first: Vec<usize> = s.first.clone();
        if first.is_empty() {
            first = (0..m)
                .map(|k| {
                    self.stops.at(if back {
                        (from + m - k) % m
                    } else {
                        (from + k) % m
                    })
                })
                .collect();
        }
        if let Some(i) = first.iter().position(|p| *p == to) {
            first.remove(i);
        }
        (first, s.onward)
    }
    fn follow(&self, s: &State, choice: &Choice, visits: &mut Vec<Visit>) -> State {
        let mut now = (s.time_s, s.here, s.flown_s);
        self.fly(&mut now, choice.to, &mut |v| visits.push(v));
        let mut seen_s = s.seen_s.clone();
        if choice.to < seen_s.len() {
            seen_s.put(choice.to, now.0);
        }
        State {
            time_s: now.0,
            here: now.1,
            flown_s: now.2,
            seen_s,
            first: choice.first.clone(),
            onward: choice.onward,
        }
    }
    /// The point with the tightest promise, for the refusal: with swaps wherever they fall due a lap may take this long.
    fn tightest(&self, r: &ShiftRequest) -> ShiftFault {
        let lap_s = self.costs.length_m(self.stops, true) / r.speed_mps;
        let swap_s = r.battery.map_or(0.0, |b| {
            let way_m = self
                .points
                .iter()
                .map(|p| self.costs.m(*p, b.base))
                .fold(0.0, f64::max);
            b.swap_s + 2.0 * way_m / r.speed_mps
        });
        let point = self
            .points
            .iter()
            .copied()
            .min_by(|a, b| r.promise_s.at(*a).total_cmp(&r.promise_s.at(*b)))
            .unwrap_or(0);
        ShiftFault::Promise {
            point,
            promised_s: r.promise_s.at(point),
            held_s: lap_s + swap_s,
        }
    }
}
