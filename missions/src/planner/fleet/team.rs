//! Plans that fly for several aircraft, or for several batteries of one: shared, proven one by one, kept apart.
//!
//! A sweep is shared by [`super::plan`] over the area that may be flown and returned from, watch points by
//! [`super::points`]; every share becomes a plan as any other, from its own launch site, judged whole by
//! [`crate::plan::PatrolPlan::check`]. Shares are weighed anew until every battery is used alike. Then the plans are kept
//! apart: by heights of their own, so that it does not matter when each flies; where that does not do (pads next to each
//! other, a low ceiling) by hours of their own, which their launch windows then say. See [`super::apart`].

use super::apart::{Room, meetings};
use super::layers::{Above, Apart, layers};
use super::points::PointsRefusal;
use super::shares::{Part, Parts, Task, points, rough, sweep};
use super::{FleetRefusal, MOST_AIRCRAFT};
use crate::energy::usable_wh;
use crate::place::{Alt, LatLon};
use crate::plan::PlanFile;
use crate::plane::LocalPlane;
use crate::planner::patterns::lay::Stroke;
use crate::planner::{
    PatrolRequest, Pattern, PlanEffort, PlanRefusal, Planned, Wanted, plan_wanted,
};
use crate::time::Window;
use crate::vehicle::VehicleSpec;
use crate::venue::{Role, Venue};
use std::time::Duration;
use thiserror::Error;

/// Height between layers where nothing else is wished, metres.
pub const LAYER_M: f64 = 10.0;
/// Where starts are told apart by time, each may be launched within so long of its own, seconds.
const PUNCTUAL_S: f64 = 120.0;
/// Starts are tried in steps of this, seconds.
const STEP_S: f64 = 30.0;
/// Times that shares are weighed anew.
const WEIGHINGS: usize = 3;
/// Batteries used this unevenly (most against the mean) are shared anew.
const UNEVEN: f64 = 1.05;
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

/// Plans that do not all pass.
struct Short {
    aircraft: usize,
    refusal: PlanRefusal,
    /// The battery used most, 1 being all that may be used; 1 too where something else is wrong.
    most: f64,
}

impl Short {
    fn is_energy(&self) -> bool {
        matches!(&self.refusal, PlanRefusal::NotLegal { fault, .. } if ENERGY.contains(&fault.code))
    }

    fn refusal(self, would_do: Option<usize>) -> TeamRefusal {
        TeamRefusal::Plan {
            aircraft: self.aircraft + 1,
            refusal: Box::new(self.refusal),
            would_do,
        }
    }
}

/// Faults of a battery that is too small.
const ENERGY: [&str; 2] = ["plan.energy", "plan.no_way_back"];

type Shared = (Parts, Vec<TeamFlight>);

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

/// A plan for one part, launched so much later, its height so many metres up.
fn plan_part(
    task: &Task<'_>,
    part: &Part,
    i: usize,
    up_m: f64,
    launch: Window,
) -> Result<Planned, PlanRefusal> {
    let (Some(craft), Some(pad)) = (task.crafts.get(i), task.pads.get(i)) else {
        return Err(PlanRefusal::NoLaunchSite);
    };
    let number = if task.crafts.len() > 1 {
        format!(" {}/{}", i + 1, task.crafts.len())
    } else {
        String::new()
    };
    let mut request = PatrolRequest {
        name: format!("{}{number}", task.request.name),
        launch_window: launch,
        ..task.request.clone()
    };
    if up_m > 0.0 {
        request.alt = Alt::from_metres(request.alt.metres() + up_m)
            .map_err(|e| PlanRefusal::BadRequest(e.to_string()))?;
    }
    let laid = match part {
        Part::Ways(ways) => {
            let plane = LocalPlane::new(*pad);
            let laid: Vec<Stroke> = ways
                .iter()
                .map(|w| Stroke::along(w.iter().map(|p| plane.to_local(*p)).collect()))
                .collect();
            Some(laid)
        }
        Part::Points(points) => {
            request.pattern = Pattern::WatchPoints {
                points: points.clone(),
            };
            None
        }
    };
    plan_wanted(
        Wanted {
            venue: task.venue,
            vehicle: &craft.vehicle,
            request: &request,
            effort: task.effort,
            home: Some(*pad),
            sites: task.pads,
            laid,
            advises: false,
        },
        &mut || false,
    )
}

/// What a plan, or one refused for its energy, uses of what its battery may give.
fn battery_part(task: &Task<'_>, i: usize, made: &Result<Planned, PlanRefusal>) -> Option<f64> {
    let vehicle = &task.crafts.get(i)?.vehicle;
    let usable_wh = vehicle.battery_wh * (1.0 - vehicle.reserve_pct / 100.0);
    match made {
        Ok(p) => Some(p.plan.file().estimate.energy_wh / usable_wh.max(1e-9)),
        Err(PlanRefusal::NotLegal { fault, .. }) if ENERGY.contains(&fault.code) => {
            Some(1.0 + fault.value.max(0.0) / usable_wh.max(1e-9))
        }
        Err(_) => None,
    }
}

fn flown(task: &Task<'_>, parts: &Parts) -> Vec<Result<Planned, PlanRefusal>> {
    parts
        .parts
        .iter()
        .enumerate()
        .map(|(i, p)| plan_part(task, p, i, 0.0, task.request.launch_window))
        .collect()
}

/// The flights, or the aircraft that lacks most.
fn all_flights(
    task: &Task<'_>,
    made: Vec<Result<Planned, PlanRefusal>>,
) -> Result<Vec<TeamFlight>, Short> {
    let used: Vec<Option<f64>> = made
        .iter()
        .enumerate()
        .map(|(i, m)| battery_part(task, i, m))
        .collect();
    let most = used.iter().flatten().copied().fold(1.0, f64::max);
    let mut out = Vec::new();
    let mut short: Option<Short> = None;
    for ((i, m), used) in made.into_iter().enumerate().zip(used) {
        match m {
            Ok(planned) => out.push(TeamFlight {
                aircraft: i,
                launch: task
                    .pads
                    .get(i)
                    .copied()
                    .unwrap_or(planned.plan.file().home.at),
                battery_part: used.unwrap_or(0.0),
                planned,
                layer: 0,
                start_s: 0.0,
            }),
            // What is wrong beside energy is told first: no weighing mends it.
            Err(refusal) => {
                let new = Short {
                    aircraft: i,
                    refusal,
                    most,
                };
                if short
                    .as_ref()
                    .is_none_or(|s| s.is_energy() && !new.is_energy())
                {
                    short = Some(new);
                }
            }
        }
    }
    match short {
        Some(s) => Err(s),
        None => Ok(out),
    }
}

/// The most used battery against the mean.
fn balance(flights: &[TeamFlight]) -> f64 {
    let all: f64 = flights.iter().map(|f| f.battery_part).sum();
    let most = flights.iter().map(|f| f.battery_part).fold(0.0, f64::max);
    if all > 0.0 {
        most * flights.len() as f64 / all
    } else {
        1.0
    }
}

/// A sweep shared, planned, and shared anew until batteries are used alike: the best of these.
fn shared_evenly(
    task: &Task<'_>,
    stop: &mut dyn FnMut(f64) -> bool,
) -> Result<Result<Shared, Short>, TeamRefusal> {
    let mut weights = task.reach_m();
    let mut best: Option<(f64, Shared)> = None;
    let mut short: Option<Short> = None;
    for round in 0..WEIGHINGS {
        let last = round + 1 == WEIGHINGS;
        let parts = sweep(task, &weights, stop)?;
        let made = flown(task, &parts);
        let used: Vec<Option<f64>> = made
            .iter()
            .enumerate()
            .map(|(i, m)| battery_part(task, i, m))
            .collect();
        let mean = used.iter().flatten().sum::<f64>() / used.len().max(1) as f64;
        let worst = used.iter().flatten().copied().fold(0.0, f64::max);
        match all_flights(task, made) {
            Ok(flights) => {
                if best.as_ref().is_none_or(|b| worst < b.0) {
                    best = Some((worst, (parts, flights)));
                }
            }
            Err(s) if !s.is_energy() => {
                if best.is_none() {
                    return Ok(Err(s));
                }
            }
            Err(s) => {
                if short.as_ref().is_none_or(|o| s.most < o.most) {
                    short = Some(s);
                }
                // No weighing makes all of them enough.
                if mean > 1.0 {
                    break;
                }
            }
        }
        if last || worst <= UNEVEN * mean || (best.is_some() && stop(1.0)) {
            break;
        }
        for (w, u) in weights.iter_mut().zip(&used) {
            *w *= u.map_or(1.0, |u| (mean / u.max(1e-6)).clamp(0.5, 2.0));
        }
    }
    Ok(match (best, short) {
        (Some(b), _) => Ok(b.1),
        (None, Some(s)) => Err(s),
        (None, None) => return Err(TeamRefusal::NoAircraft(0)),
    })
}

/// As [`shared_evenly`]; a refusal for energy says how many aircraft like the one refused would do.
fn even(task: &Task<'_>, stop: &mut dyn FnMut(f64) -> bool) -> Result<Shared, TeamRefusal> {
    let short = match shared_evenly(task, stop)? {
        Ok(s) => return Ok(s),
        Err(s) => s,
    };
    if !short.is_energy() {
        return Err(short.refusal(None));
    }
    let (k, i) = (task.crafts.len(), short.aircraft);
    let least = ((k as f64 * short.most).ceil() as usize).max(k + 1);
    let would_do = (least..=MOST_AIRCRAFT).take(2).find(|n| {
        let mut crafts = task.crafts.to_vec();
        let mut pads = task.pads.to_vec();
        if let (Some(c), Some(p)) = (task.crafts.get(i), task.pads.get(i)) {
            crafts.resize(*n, c.clone());
            pads.resize(*n, *p);
        }
        let larger = Task {
            crafts: &crafts,
            pads: &pads,
            effort: rough(task.effort),
            ..*task
        };
        matches!(shared_evenly(&larger, &mut |_| true), Ok(Ok(_)))
    });
    Err(short.refusal(would_do))
}

fn window_at(first: Window, start_s: f64, width_s: Option<f64>) -> Window {
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

/// Gives heights, and where these do not do hours, until no two aircraft may meet.
fn keep_apart(
    task: &Task<'_>,
    parts: &Parts,
    keeping: &Keeping,
    team: &mut Team,
) -> Result<(), TeamRefusal> {
    let room = Room {
        across_m: keeping.across_m,
        up_m: keeping.layer_m,
    };
    let mut most = vec![
        if keeping.layers {
            team.flights.len()
        } else {
            1
        };
        team.flights.len()
    ];
    for how in [Apart::Always, Apart::Aloft] {
        // A layer that is not legal for an aircraft is not offered to it again: bounded by aircraft × layers.
        for _ in 0..=team.flights.len() * team.flights.len() {
            let Some(taken) = layers(&above(team, &most), keeping.across_m, how) else {
                break;
            };
            let Some(raised) = at_layers(task, parts, keeping, team, &taken, &mut most) else {
                continue;
            };
            let apart = pairs(&raised).all(|(a, b)| meetings(file(a), file(b), room).is_empty());
            if apart {
                team.flights = raised;
                team.kept_by = KeptBy::Space;
                team.balance = balance(&team.flights);
                return Ok(());
            }
            if how == Apart::Aloft {
                return by_hours(task, parts, keeping, team, raised, room);
            }
            break;
        }
    }
    let flights = team.flights.clone();
    by_hours(task, parts, keeping, team, flights, room)
}

fn file(f: &TeamFlight) -> &PlanFile {
    f.planned.plan.file()
}

fn pairs(flights: &[TeamFlight]) -> impl Iterator<Item = (&TeamFlight, &TeamFlight)> {
    flights
        .iter()
        .enumerate()
        .flat_map(move |(i, b)| flights.iter().take(i).map(move |a| (a, b)))
}

fn above(team: &Team, most: &[usize]) -> Vec<Above> {
    let plane = team.flights.first().map(|f| LocalPlane::new(f.launch));
    team.flights
        .iter()
        .zip(most)
        .filter_map(|(f, most)| {
            let plane = plane.as_ref()?;
            Some(Above {
                pad: plane.to_local(f.launch),
                way: f
                    .planned
                    .plan
                    .path()
                    .iter()
                    .map(|p| plane.to_local(p.0))
                    .collect(),
                most: *most,
            })
        })
        .collect()
}

/// The flights at these layers; `None` (and the layer not offered again) where one is not legal there.
fn at_layers(
    task: &Task<'_>,
    parts: &Parts,
    keeping: &Keeping,
    team: &Team,
    taken: &[usize],
    most: &mut [usize],
) -> Option<Vec<TeamFlight>> {
    let mut out = Vec::with_capacity(taken.len());
    for (i, ((f, part), layer)) in team.flights.iter().zip(&parts.parts).zip(taken).enumerate() {
        let mut flight = f.clone();
        if *layer > 0 {
            let up_m = keeping.layer_m * *layer as f64;
            let made = plan_part(task, part, i, up_m, task.request.launch_window);
            // Higher up less may be legal: it must still fly nearly all of what it flies below.
            let legal = made
                .ok()
                .filter(|p| p.pattern_m >= 0.95 * f.planned.pattern_m);
            let Some(planned) = legal else {
                if let Some(m) = most.get_mut(i) {
                    *m = *layer;
                }
                return None;
            };
            flight.layer = *layer;
            flight.battery_part =
                planned.plan.file().estimate.energy_wh / usable_wh(planned.plan.file()).max(1e-9);
            flight.planned = planned;
        }
        out.push(flight);
    }
    Some(out)
}

/// Hours of their own for those that may meet: each starts as early as it may after those before it.
fn by_hours(
    task: &Task<'_>,
    parts: &Parts,
    keeping: &Keeping,
    team: &mut Team,
    mut flights: Vec<TeamFlight>,
    room: Room,
) -> Result<(), TeamRefusal> {
    let first = task.request.launch_window;
    // All as if launched at the first hour: what is later is told beside.
    let narrow: Vec<PlanFile> = flights
        .iter()
        .map(|f| PlanFile {
            launch_window: window_at(first, 0.0, Some(PUNCTUAL_S)),
            ..file(f).clone()
        })
        .collect();
    let mut starts: Vec<f64> = Vec::new();
    for (j, b) in narrow.iter().enumerate() {
        let met: Vec<_> = narrow
            .iter()
            .take(j)
            .map(|a| meetings(a, b, room))
            .collect();
        let steps = (keeping.longest_wait_s / STEP_S).floor().max(0.0) as u32;
        let start_s = (0..=steps).map(|n| f64::from(n) * STEP_S).find(|s| {
            !met.iter()
                .zip(&starts)
                .any(|(all, a_s)| all.iter().any(|m| m.may_happen_between(*a_s, *s)))
        });
        let Some(start_s) = start_s else {
            let nearest = met
                .iter()
                .enumerate()
                .flat_map(|(i, all)| all.iter().map(move |m| (i, m)))
                .min_by(|a, b| a.1.across_m.total_cmp(&b.1.across_m));
            let (one, at, across_m) =
                nearest.map_or((0, b.home.at, 0.0), |(i, m)| (i, m.at, m.across_m));
            return Err(TeamRefusal::TooNear {
                one: one + 1,
                other: j + 1,
                at,
                across_m,
                room_m: keeping.across_m,
                layer_m: keeping.layer_m,
                longest_wait_s: keeping.longest_wait_s,
            });
        };
        starts.push(start_s);
    }
    for (i, ((f, part), start_s)) in flights
        .iter_mut()
        .zip(&parts.parts)
        .zip(&starts)
        .enumerate()
    {
        let up_m = keeping.layer_m * f.layer as f64;
        let launch = window_at(first, *start_s, Some(PUNCTUAL_S));
        f.planned =
            plan_part(task, part, i, up_m, launch).map_err(|refusal| TeamRefusal::Plan {
                aircraft: i + 1,
                refusal: Box::new(refusal),
                would_do: None,
            })?;
        f.start_s = *start_s;
    }
    // Proven as they are now: a clock of a keep-out may have led one another way.
    for (a, b) in pairs(&flights) {
        let met = meetings(file(a), file(b), room);
        if let Some(m) = met.iter().find(|m| m.may_happen_between(0.0, 0.0)) {
            return Err(TeamRefusal::TooNear {
                one: a.aircraft + 1,
                other: b.aircraft + 1,
                at: m.at,
                across_m: m.across_m,
                room_m: keeping.across_m,
                layer_m: keeping.layer_m,
                longest_wait_s: keeping.longest_wait_s,
            });
        }
    }
    team.balance = balance(&flights);
    team.flights = flights;
    team.kept_by = KeptBy::Time;
    Ok(())
}
