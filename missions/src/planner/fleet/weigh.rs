//! Parts of a team as plans, weighed anew until batteries are used alike.

use super::MOST_AIRCRAFT;
use super::shares::{Part, Parts, Task, rough, sweep};
use super::team::{TeamFlight, TeamRefusal};
use crate::place::Alt;
use crate::planner::{PatrolRequest, Pattern, PlanRefusal, Planned, Wanted, plan_wanted};
use crate::time::Window;

/// Times that shares are weighed anew.
const WEIGHINGS: usize = 3;
/// Batteries used this unevenly (most against the mean) are shared anew.
const UNEVEN: f64 = 1.05;

/// Plans that do not all pass.
pub(super) struct Short {
    aircraft: usize,
    refusal: Box<PlanRefusal>,
    /// The battery used most, 1 being all that may be used; 1 too where something else is wrong.
    pub most: f64,
}

impl Short {
    fn is_energy(&self) -> bool {
        matches!(&*self.refusal, PlanRefusal::NotLegal { fault, .. } if ENERGY.contains(&fault.code))
    }

    pub fn refusal(self, would_do: Option<usize>) -> TeamRefusal {
        TeamRefusal::Plan {
            aircraft: self.aircraft + 1,
            refusal: self.refusal,
            would_do,
        }
    }
}

/// Faults of a battery that is too small.
const ENERGY: [&str; 2] = ["plan.energy", "plan.no_way_back"];

pub(super) type Shared = (Parts, Vec<TeamFlight>);

/// A plan for one part, launched so much later, its height so many metres up.
pub(super) fn plan_part(
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
        Part::Ways(ways) => Some(ways.clone()),
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

pub(super) fn flown(task: &Task<'_>, parts: &Parts) -> Vec<Result<Planned, PlanRefusal>> {
    parts
        .parts
        .iter()
        .enumerate()
        .map(|(i, p)| plan_part(task, p, i, 0.0, task.request.launch_window))
        .collect()
}

/// The flights, or the aircraft that lacks most.
pub(super) fn all_flights(
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
                    refusal: Box::new(refusal),
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
pub(super) fn balance(flights: &[TeamFlight]) -> f64 {
    let all: f64 = flights.iter().map(|f| f.battery_part).sum();
    let most = flights.iter().map(|f| f.battery_part).fold(0.0, f64::max);
    if all > 0.0 {
        most * flights.len() as f64 / all
    } else {
        1.0
    }
}

/// A sweep shared, planned, and shared anew until batteries are used alike: the best of these.
pub(super) fn shared_evenly(
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
pub(super) fn even(
    task: &Task<'_>,
    stop: &mut dyn FnMut(f64) -> bool,
) -> Result<Shared, TeamRefusal> {
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
