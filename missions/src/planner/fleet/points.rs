//! Watch points shared among aircraft of different bases and batteries, over a whole shift.
//!
//! [`crate::planner::rounds`] finds the rounds; here each is given to the aircraft that can keep it best, its battery
//! swaps at its own base counted, and what each point can be promised is measured on the stops of the whole shift. With
//! `drawn` every aircraft draws its own order within those promises.

use crate::planner::rounds::shift::{
    Battery, ShiftFault, ShiftPlan, ShiftRequest, drawn_shift_each, steady_shift_each,
};
use crate::planner::rounds::{
    Costs, Effort, Round, RoundsFault, RoundsPlan, RoundsRequest, plan_rounds,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is asked.
#[derive(Clone, Debug)]
pub struct PointsRequest {
    /// Ways between the places: the points first, then whatever else, bases among them.
    pub costs: Costs,
    /// Importance of the points: the worst of importance × absence is minimised.
    pub importance: Vec<f64>,
    /// Battery and base of each aircraft; `None` where it outlasts the shift.
    pub aircraft: Vec<Option<Battery>>,
    /// Speed over ground, m/s.
    pub speed_mps: f64,
    /// Seconds of the shift.
    pub length_s: f64,
    /// Where given, orders are drawn that cannot be foreseen, and absences may grow to this factor (above 1) of what
    /// rounds flown as they are hold.
    pub drawn: Option<f64>,
    /// How hard to try, and the seed of all that is drawn.
    pub effort: Effort,
    /// Every aircraft has a round of its own; otherwise several may follow each other on one where that is better.
    pub one_each: bool,
}

/// Why there is no shift.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PointsRefusal {
    /// No rounds.
    #[error(transparent)]
    Rounds(#[from] RoundsFault),
    /// No shift over the rounds.
    #[error(transparent)]
    Shift(#[from] ShiftFault),
    /// Too little room for chance.
    #[error("absences may grow by a factor above 1, and {0} is asked")]
    NoRoom(f64),
}

/// Points shared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointsPlan {
    /// The rounds, and what they are compared with.
    pub rounds: RoundsPlan,
    /// For each aircraft the number of its round.
    pub round_of: Vec<usize>,
    /// For each aircraft its stops over the shift, swaps among them, and the longest absence of each point.
    pub shift: ShiftPlan,
    /// Longest absence promised for each point, seconds: kept from the first second to the last, swaps included.
    pub promise_s: Vec<f64>,
    /// The worst of importance × promised absence.
    pub worst_s: f64,
}

/// A promise so long that it refuses nothing.
const ANY_S: f64 = 1e9;

/// Shares points among aircraft. `stop` may end the search for rounds early.
///
/// # Errors
/// [`PointsRefusal`].
pub fn split_points(
    request: &PointsRequest,
    stop: &mut dyn FnMut() -> bool,
) -> Result<PointsPlan, PointsRefusal> {
    if let Some(f) = request.drawn
        && !(f.is_finite() && f > 1.0)
    {
        return Err(PointsRefusal::NoRoom(f));
    }
    let rounds = |one_each: bool, stop: &mut dyn FnMut() -> bool| {
        plan_rounds(
            &RoundsRequest {
                costs: request.costs.clone(),
                importance: request.importance.clone(),
                aircraft: request.aircraft.len(),
                one_each,
                effort: request.effort,
            },
            stop,
        )
    };
    let mut tried = vec![rounds(true, stop)?];
    if request.drawn.is_none() && !request.one_each {
        tried.push(rounds(false, stop)?);
    }
    let mut best: Option<PointsPlan> = None;
    let mut refused = None;
    for plan in tried {
        match shift_over(request, plan) {
            Ok(p) if best.as_ref().is_none_or(|b| p.worst_s < b.worst_s) => best = Some(p),
            Ok(_) => {}
            Err(f) => refused = Some(f),
        }
    }
    match (best, refused) {
        (Some(p), _) => Ok(p),
        (None, Some(f)) => Err(f.into()),
        (None, None) => Err(RoundsFault::NoPoints.into()),
    }
}

fn shift_over(request: &PointsRequest, plan: RoundsPlan) -> Result<PointsPlan, ShiftFault> {
    let mut ask = ShiftRequest {
        speed_mps: request.speed_mps,
        promise_s: vec![ANY_S; request.importance.len()],
        length_s: request.length_s,
        battery: None,
        seed: request.effort.seed,
    };
    let who = assigned(request, &plan.rounds, &ask)?;
    let batteries: Vec<Option<Battery>> = who
        .iter()
        .map(|a| request.aircraft.get(*a).copied().flatten())
        .collect();
    let mut shift = steady_shift_each(&request.costs, &plan.rounds, &ask, &batteries)?;
    ask.promise_s.clone_from(&shift.absence_s);
    if let Some(factor) = request.drawn {
        // A swap may fall due anywhere on a drawn order: until a first witness is found, promises grow.
        for p in &mut ask.promise_s {
            *p *= factor;
        }
        let mut drawn = drawn_shift_each(&request.costs, &plan.rounds, &ask, &batteries);
        for _ in 0..12 {
            if !matches!(drawn, Err(ShiftFault::Promise { .. })) {
                break;
            }
            for p in &mut ask.promise_s {
                *p *= 1.1;
            }
            drawn = drawn_shift_each(&request.costs, &plan.rounds, &ask, &batteries);
        }
        shift = drawn?;
    }
    // Duties stand in the order of the rounds; they are handed out by aircraft.
    let mut round_of = vec![0; request.aircraft.len()];
    let mut duties = vec![Vec::new(); request.aircraft.len()];
    let seats = plan
        .rounds
        .iter()
        .enumerate()
        .flat_map(|(i, r)| std::iter::repeat_n(i, r.aircraft));
    for ((round, duty), a) in seats.zip(shift.duties).zip(&who) {
        if let (Some(r), Some(d)) = (round_of.get_mut(*a), duties.get_mut(*a)) {
            *r = round;
            *d = duty;
        }
    }
    shift.duties = duties;
    let worst_s = ask
        .promise_s
        .iter()
        .zip(&request.importance)
        .map(|(p, w)| p * w)
        .fold(0.0, f64::max);
    Ok(PointsPlan {
        rounds: plan,
        round_of,
        shift,
        promise_s: ask.promise_s,
        worst_s,
    })
}

/// Which aircraft takes each seat on the rounds (in the rounds' order): the worst absence is as short as can be.
fn assigned(
    request: &PointsRequest,
    rounds: &[Round],
    ask: &ShiftRequest,
) -> Result<Vec<usize>, ShiftFault> {
    let seats: Vec<&Round> = rounds
        .iter()
        .flat_map(|r| std::iter::repeat_n(r, r.aircraft))
        .collect();
    let k = request.aircraft.len();
    let mut refused = None;
    let mut cost: Vec<Vec<f64>> = Vec::with_capacity(seats.len());
    for round in &seats {
        let alone = [Round {
            stops: round.stops.clone(),
            aircraft: 1,
        }];
        let mut row = Vec::with_capacity(k);
        for battery in &request.aircraft {
            // Only this round's points are asked of it.
            let on = |p: usize| round.stops.contains(&p);
            let one = steady_shift_each(
                &request.costs,
                &alone,
                &ShiftRequest {
                    promise_s: Vec::new(),
                    ..ask.clone()
                },
                &[*battery],
            );
            row.push(match one {
                Ok(plan) => worst_on(&plan, request, &on),
                Err(f) => {
                    refused = Some(f);
                    f64::INFINITY
                }
            });
        }
        cost.push(row);
    }
    // Bottleneck assignment: the lowest bar under which everyone finds a seat (augmenting paths).
    let mut bars: Vec<f64> = cost
        .iter()
        .flatten()
        .copied()
        .filter(|c| c.is_finite())
        .collect();
    bars.sort_by(f64::total_cmp);
    bars.dedup();
    for bar in bars {
        if let Some(who) = matching(&cost, k, bar) {
            return Ok(who);
        }
    }
    match refused {
        Some(f) => Err(f),
        None if seats.is_empty() => Ok(Vec::new()),
        None => Err(ShiftFault::BadPlace { place: 0 }),
    }
}

/// Worst importance × absence on the stops of one duty, over the points that are on its round.
fn worst_on(plan: &ShiftPlan, request: &PointsRequest, on: &dyn Fn(usize) -> bool) -> f64 {
    let mut worst = 0.0f64;
    for (p, w) in request
        .importance
        .iter()
        .enumerate()
        .filter(|(p, _)| on(*p))
    {
        let mut last_s = 0.0;
        for v in plan
            .duties
            .iter()
            .flatten()
            .filter(|v| v.place == p && !v.swap)
        {
            worst = worst.max(w * (v.at_s - last_s));
            last_s = v.until_s;
        }
        worst = worst.max(w * (request.length_s - last_s));
    }
    worst
}

fn matching(cost: &[Vec<f64>], k: usize, bar: f64) -> Option<Vec<usize>> {
    fn seat(
        s: usize,
        cost: &[Vec<f64>],
        bar: f64,
        taken: &mut [Option<usize>],
        tried: &mut [bool],
    ) -> bool {
        let row = cost.get(s).map_or(&[][..], Vec::as_slice);
        for (a, c) in row.iter().enumerate() {
            if *c > bar || tried.get(a) != Some(&false) {
                continue;
            }
            if let Some(t) = tried.get_mut(a) {
                *t = true;
            }
            let free = match taken.get(a).copied().flatten() {
                None => true,
                Some(other) => seat(other, cost, bar, taken, tried),
            };
            if free {
                if let Some(t) = taken.get_mut(a) {
                    *t = Some(s);
                }
                return true;
            }
        }
        false
    }
    let mut taken: Vec<Option<usize>> = vec![None; k];
    for s in 0..cost.len() {
        if !seat(s, cost, bar, &mut taken, &mut vec![false; k]) {
            return None;
        }
    }
    let mut who = vec![0; cost.len()];
    for (a, s) in taken.iter().enumerate() {
        if let Some(w) = s.and_then(|s| who.get_mut(s)) {
            *w = a;
        }
    }
    Some(who)
}
