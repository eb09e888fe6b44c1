//! Plans that fly for several aircraft, or for several batteries of one: shared, proven one by one, kept apart.
//!
//! A sweep is shared by [`super::plan`] over the area that may be flown and returned from, watch points by
//! [`super::points`]; every share becomes a plan as any other, from its own launch site, judged whole by
//! [`crate::plan::PatrolPlan::check`]. Shares are weighed anew until every battery is used alike. Then the plans are kept
//! apart: by heights of their own, so that it does not matter when each flies; where that does not do (pads next to each
//! other, a low ceiling) by hours of their own, which their launch windows then say. See [`super::apart`].

use super::FleetRefusal;
use super::MOST_AIRCRAFT;
use super::keep::keep_apart;
use super::points::PointsRefusal;
use super::shares::{Parts, Task, points};
use super::weigh::{all_flights, balance, even, flown, plan_part, shared_evenly};
use crate::place::LatLon;
use crate::planner::{PatrolRequest, Pattern, PlanEffort, PlanRefusal, Planned};
use crate::time::Window;
use crate::vehicle::VehicleSpec;
use crate::venue::{Role, Venue};
use std::time::Duration;
use thiserror::Error;

/// Height between layers where nothing else is wished, metres.
pub const LAYER_M: f64 = 10.0;
/// Most sorties of one aircraft.
pub const MOST_SORTIES: usize = 16;

/// One aircraft of a team.
#[derive(Clone, Debug, PartialEq)]
pub struct Craft {
    /// What flies.
    pub vehicle: VehicleSpec,
    /// Where it starts and lands. When absent, a launch site of the venue, each taken once as far as they go.
    pub launch: Option<LatLon>,
}

/// How a team is kept apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keeping {
    /// Least distance over ground, metres…
    pub across_m: f64,
    /// … or in height. Also the height between layers.
    pub layer_m: f64,
    /// Whether layers may be used.
    pub layers: bool,
    /// Longest wait for a start, seconds.
    pub longest_wait_s: f64,
}

impl Default for Keeping {
    fn default() -> Self {
        Keeping {
            across_m: super::separation::SEPARATION_M,
            layer_m: LAYER_M,
            layers: true,
            longest_wait_s: 4.0 * 3_600.0,
        }
    }
}

/// One plan of a team.
#[derive(Clone, Debug)]
pub struct TeamFlight {
    /// Which aircraft, from 0.
    pub aircraft: usize,
    /// Where it starts.
    pub launch: LatLon,
    /// Its plan, and what it leaves out.
    pub planned: Planned,
    /// Height layer, 0 the height asked for.
    pub layer: usize,
    /// Its launch window begins so much after the first one, seconds.
    pub start_s: f64,
    /// What it uses of what its battery may give, 0 to 1.
    pub battery_part: f64,
}

/// Why two plans are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptBy {
    /// Places and heights: it does not matter when they fly.
    Space,
    /// Their hours, as the launch windows say.
    Time,
}

/// Plans of a team.
#[derive(Clone, Debug)]
pub struct Team {
    /// In the order of the aircraft; for sorties in the order flown.
    pub flights: Vec<TeamFlight>,
    /// What keeps them apart.
    pub kept_by: KeptBy,
    /// The most used battery against the mean: 1 is even.
    pub balance: f64,
    /// Square metres of the area that no launch site leads to.
    pub unreached_m2: f64,
    /// Watch points: longest absence of each over the shift, seconds, batteries swapped. Rounds flown one after the other.
    pub promise_s: Vec<f64>,
}

/// Why there are no plans.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum TeamRefusal {
    /// Nobody, or too many.
    #[error("{0} aircraft: there must be 1 to {MOST_AIRCRAFT}")]
    NoAircraft(usize),
    /// This is not shared.
    #[error("{0} is flown by one aircraft: only sweep and watch_points are shared")]
    Pattern(&'static str),
    /// More aircraft than places.
    #[error("{aircraft} aircraft and {points} watch points: give each at least one")]
    FewPoints {
        /// Places.
        points: usize,
        /// Aircraft.
        aircraft: usize,
    },
    /// The area cannot be shared.
    #[error(transparent)]
    Shared(#[from] FleetRefusal),
    /// The points cannot be shared.
    #[error(transparent)]
    Points(PointsRefusal),
    /// One of the plans is refused.
    #[error("aircraft {aircraft}: {refusal}{}", would_do.map_or(String::new(), |n| format!("; {n} of them (or so many sorties) would do")))]
    Plan {
        /// Which, from 1.
        aircraft: usize,
        /// Why.
        refusal: Box<PlanRefusal>,
        /// So many flights would do where a battery is too small. Tried, unpolished.
        would_do: Option<usize>,
    },
    /// Nothing keeps two of them apart.
    #[error(
        "aircraft {one} and {other} come within {across_m:.1} m of each other at {at}, and {room_m:.0} m or {layer_m:.0} m of height are asked: no start within {longest_wait_s:.0} s keeps them apart; give each its own launch site, {room_m:.0} m from the others', or more height below the ceiling"
    )]
    TooNear {
        /// One, from 1.
        one: usize,
        /// The other.
        other: usize,
        /// Where.
        at: LatLon,
        /// How near, metres.
        across_m: f64,
        /// What was asked, metres.
        room_m: f64,
        /// In height.
        layer_m: f64,
        /// Seconds allowed.
        longest_wait_s: f64,
    },
}

/// Plans for a team. `stop(part)` is asked whether that part of the time allowed is used up, and only ends polishing.
/// `shift_s`: length of the shift over which watch points are shared, seconds.
///
/// # Errors
/// [`TeamRefusal`].
pub fn plan_team(
    venue: &Venue,
    crafts: &[Craft],
    request: &PatrolRequest,
    keeping: &Keeping,
    shift_s: f64,
    effort: &PlanEffort,
    mut stop: impl FnMut(f64) -> bool,
) -> Result<Team, TeamRefusal> {
    let k = crafts.len();
    if k == 0 || k > MOST_AIRCRAFT {
        return Err(TeamRefusal::NoAircraft(k));
    }
    let pads = pads(venue, crafts)?;
    let task = Task {
        venue,
        request,
        crafts,
        pads: &pads,
        effort: *effort,
    };
    let (parts, flights) = match request.pattern {
        Pattern::WatchPoints { .. } => {
            let parts = points(&task, shift_s, &mut stop)?;
            let flights = all_flights(&task, flown(&task, &parts)).map_err(|s| s.refusal(None))?;
            (parts, flights)
        }
        _ => even(&task, &mut stop)?,
    };
    let mut team = Team {
        balance: balance(&flights),
        flights,
        kept_by: KeptBy::Space,
        unreached_m2: parts.unreached_m2,
        promise_s: parts.promise_s.clone(),
    };
    keep_apart(&task, &parts, keeping, &mut team)?;
    Ok(team)
}

/// One aircraft's sweep over several batteries: sorties from one launch site, one after the other, `swap_s` on the ground
/// between them. `sorties`: so many, or as few as do. Each is a plan of its own, judged whole.
///
/// # Errors
/// [`TeamRefusal`].
pub fn plan_sorties(
    venue: &Venue,
    craft: &Craft,
    request: &PatrolRequest,
    sorties: Option<usize>,
    swap_s: f64,
    effort: &PlanEffort,
    mut stop: impl FnMut(f64) -> bool,
) -> Result<Team, TeamRefusal> {
    let most = sorties.unwrap_or(MOST_SORTIES);
    let mut n = sorties.unwrap_or(1);
    if n == 0 || n > MOST_SORTIES {
        return Err(TeamRefusal::NoAircraft(n));
    }
    let pad = pads(venue, std::slice::from_ref(craft))?;
    loop {
        let crafts = vec![craft.clone(); n];
        let pads: Vec<LatLon> = pad.iter().copied().cycle().take(n).collect();
        let task = Task {
            venue,
            request,
            crafts: &crafts,
            pads: &pads,
            effort: *effort,
        };
        match shared_evenly(&task, &mut stop)? {
            Ok((parts, flights)) => return in_turn(&task, &parts, flights, swap_s),
            Err(short) => {
                // At least one more, and no fewer than the energy asks for.
                let more = ((n as f64 * short.most).floor() as usize).clamp(n + 1, 2 * n + 2);
                if more > most {
                    return Err(short.refusal(None));
                }
                n = more;
            }
        }
    }
}

/// Where each starts: as told, else the venue's launch sites in their order, those taken left out as far as they go.
fn pads(venue: &Venue, crafts: &[Craft]) -> Result<Vec<LatLon>, TeamRefusal> {
    let named: Vec<LatLon> = venue
        .zones_of(Role::Launch)
        .filter_map(|z| z.shape.middle())
        .collect();
    let told: Vec<LatLon> = crafts.iter().filter_map(|c| c.launch).collect();
    let mut free: Vec<LatLon> = named
        .iter()
        .copied()
        .filter(|p| !told.contains(p))
        .collect();
    if free.is_empty() {
        free = if named.is_empty() { told } else { named };
    }
    let mut free = free.into_iter().cycle();
    crafts
        .iter()
        .enumerate()
        .map(|(i, c)| {
            c.launch
                .or_else(|| free.next())
                .ok_or_else(|| TeamRefusal::Plan {
                    aircraft: i + 1,
                    refusal: Box::new(PlanRefusal::NoLaunchSite),
                    would_do: None,
                })
        })
        .collect()
}

pub(super) fn window_at(first: Window, start_s: f64, width_s: Option<f64>) -> Window {
    let later = Duration::from_secs_f64(start_s.max(0.0));
    let from = first.from.after(later);
    let whole = first.until.after(later);
    let until = match width_s {
        Some(w) => from.after(Duration::from_secs_f64(w)).min(whole),
        None => whole,
    };
    Window { from, until }
}

/// Sorties one after the other: each may be launched when the one before is down and the battery changed.
fn in_turn(
    task: &Task<'_>,
    parts: &Parts,
    flights: Vec<TeamFlight>,
    swap_s: f64,
) -> Result<Team, TeamRefusal> {
    let mut start_s = 0.0;
    let mut out: Vec<TeamFlight> = Vec::new();
    for (i, (f, part)) in flights.into_iter().zip(&parts.parts).enumerate() {
        let mut flight = f;
        if i > 0 {
            // Clocks of keep-outs are another matter later on: planned again for its own hour.
            let launch = window_at(task.request.launch_window, start_s, None);
            flight.planned =
                plan_part(task, part, i, 0.0, launch).map_err(|refusal| TeamRefusal::Plan {
                    aircraft: i + 1,
                    refusal: Box::new(refusal),
                    would_do: None,
                })?;
        }
        flight.aircraft = 0;
        flight.start_s = start_s;
        start_s += (flight.planned.plan.file().estimate.time_s + swap_s).ceil();
        out.push(flight);
    }
    Ok(Team {
        balance: balance(&out),
        flights: out,
        kept_by: KeptBy::Time,
        unreached_m2: parts.unreached_m2,
        promise_s: Vec::new(),
    })
}
