//! A team's plans kept apart: heights of their own, and where these do not do, hours.

use super::apart::{Room, meetings};
use super::layers::{Above, Apart, layers};
use super::shares::{Parts, Task};
use super::team::{Keeping, KeptBy, Team, TeamFlight, TeamRefusal, window_at};
use super::weigh::{balance, plan_part};
use crate::energy::usable_wh;
use crate::plan::PlanFile;
use crate::plane::LocalPlane;

/// Where starts are told apart by time, each may be launched within so long of its own, seconds.
const PUNCTUAL_S: f64 = 120.0;
/// Starts are tried in steps of this, seconds.
const STEP_S: f64 = 30.0;

/// Gives heights, and where these do not do hours, until no two aircraft may meet.
pub(super) fn keep_apart(
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
