//! What each aircraft of a team gets: a part of the sweep, or some of the watch points.

use super::points::{PointsRequest, split_points};
use super::team::{Craft, TeamRefusal};
use super::{Aircraft, Battery, FleetRefusal, FleetRequest};
use crate::energy::power;
use crate::place::LatLon;
use crate::plane::EastNorth;
use crate::planner::cover::CoverRequest;
use crate::planner::patterns::rings::shrink;
use crate::planner::propose::Proposer;
use crate::planner::rounds::shift;
use crate::planner::rounds::{Costs, Effort};
use crate::planner::{PatrolRequest, Pattern, PlanEffort, Wanted, WatchPoint, bare};
use crate::venue::Venue;
use geo::{BooleanOps, Contains, Distance, Euclidean, MultiPolygon, Point};

/// Most moves of a team's sweep where none are asked for.
const MOST_MOVES: u64 = 40_000;
/// Seconds on the ground for a new battery, where points are shared for a shift.
pub(super) const SWAP_S: f64 = 120.0;
/// Tries at rounds over watch points.
const ROUND_STEPS: u64 = 300_000;

/// What one aircraft is to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// Ways to sweep along.
    Ways(Vec<Vec<LatLon>>),
    /// Places to hover at.
    Points(Vec<WatchPoint<LatLon>>),
}

/// A venue, a wish, and who flies it from where.
pub(super) struct Task<'a> {
    pub venue: &'a Venue,
    pub request: &'a PatrolRequest,
    pub crafts: &'a [Craft],
    pub pads: &'a [LatLon],
    pub effort: PlanEffort,
}

/// Parts, and square metres of the area that no launch site leads to.
pub(super) struct Parts {
    pub parts: Vec<Part>,
    pub unreached_m2: f64,
    /// Longest absence promised for each watch point over the shift, seconds.
    pub promise_s: Vec<f64>,
}

impl Task<'_> {
    /// What a fleet of one is made from: the vehicle that needs most room, at the first pad, all pads to land at.
    fn wanted(&self) -> Option<Wanted<'_>> {
        let speed = |c: &Craft| self.request.speed_mps.unwrap_or(c.vehicle.cruise_mps);
        let widest = self.crafts.iter().max_by(|a, b| {
            let m = |c: &Craft| c.vehicle.margin_m(speed(c));
            m(a).total_cmp(&m(b))
        })?;
        Some(Wanted {
            venue: self.venue,
            vehicle: &widest.vehicle,
            request: self.request,
            effort: self.effort,
            home: self.pads.first().copied(),
            sites: self.pads,
            laid: None,
            advises: false,
        })
    }

    /// Metres that each battery lasts: what may be used, less climb and descent, at the speed flown.
    pub fn reach_m(&self) -> Vec<f64> {
        self.crafts
            .iter()
            .map(|c| {
                let (v, wind) = (&c.vehicle, &self.request.wind);
                let mps = self.request.speed_mps.unwrap_or(v.cruise_mps);
                let up_m = self.request.alt.metres();
                let climb_ws = up_m
                    * (power::vertical_w(v, wind, true) / v.climb_mps
                        + power::vertical_w(v, wind, false) / v.descend_mps);
                let usable_ws = 3600.0 * v.battery_wh * (1.0 - v.reserve_pct / 100.0);
                let watts = power::level_w(v, mps).max(1.0);
                ((usable_ws - climb_ws) / watts * mps).max(1.0)
            })
            .collect()
    }
}

/// Shares a sweep as the weights say.
pub(super) fn sweep(
    task: &Task<'_>,
    weights: &[f64],
    stop: &mut dyn FnMut(f64) -> bool,
) -> Result<Parts, TeamRefusal> {
    let Pattern::Sweep { swath_m, angle_deg } = task.request.pattern else {
        return Err(TeamRefusal::Pattern(task.request.pattern.name()));
    };
    let wanted = task.wanted().ok_or(TeamRefusal::NoAircraft(0))?;
    let plan = |refusal| TeamRefusal::Plan {
        aircraft: 1,
        refusal: Box::new(refusal),
        would_do: None,
    };
    let (file, fence, rules) = bare(&wanted).map_err(plan)?;
    let plane = *fence.plane();
    let proposer = Proposer::new(&fence, task.venue, task.request, rules, task.effort, None);
    let (target, margin_m) = proposer.target(&file).map_err(plan)?;
    let mut pads: Vec<EastNorth> = task.pads.iter().map(|p| plane.to_local(*p)).collect();
    let (target, unreached_m2) = reached(target, margin_m, &pads);
    let mut cover = CoverRequest::new(target, swath_m, margin_m);
    cover.effort = task.effort.moves.unwrap_or(cover.effort.min(MOST_MOVES));
    cover.seed = task.effort.seed;
    cover.angle_deg = angle_deg;
    let mut tries = pads.len();
    let shared = loop {
        let request = FleetRequest {
            cover: cover.clone(),
            aircraft: pads
                .iter()
                .zip(weights)
                .map(|(site, w)| Aircraft {
                    site: Some(*site),
                    battery: Battery::Share(*w),
                })
                .collect(),
        };
        match super::plan(&request, &mut *stop) {
            Ok(p) => break p,
            // A pad may lie between what returns leave of the area and the fence: from there it is led by proven ways.
            Err(FleetRefusal::SiteOutside {
                aircraft,
                nearest: Some(p),
                ..
            }) if tries > 0 => {
                tries -= 1;
                if let Some(pad) = pads.get_mut(aircraft - 1) {
                    *pad = p;
                }
            }
            Err(f) => return Err(f.into()),
        }
    };
    let parts = shared
        .shares
        .into_iter()
        .zip(&pads)
        .map(|(s, pad)| {
            let inner = |flight: Vec<EastNorth>| -> Vec<LatLon> {
                flight
                    .into_iter()
                    .filter(|p| p.distance_m(*pad) > 1e-6)
                    .filter_map(|p| plane.to_latlon(p))
                    .collect()
            };
            Part::Ways(
                s.flights
                    .into_iter()
                    .map(inner)
                    .filter(|w| w.len() > 1)
                    .collect(),
            )
        })
        .collect();
    Ok(Parts {
        parts,
        unreached_m2,
        promise_s: Vec::new(),
    })
}

/// The target without what no pad leads to at the margin, and how much of it that is, m².
fn reached(
    target: MultiPolygon<f64>,
    margin_m: f64,
    pads: &[EastNorth],
) -> (MultiPolygon<f64>, f64) {
    use geo::Area;
    let free = shrink(&target, margin_m);
    if free.0.len() < 2 {
        return (target, 0.0);
    }
    let all_m2 = free.unsigned_area();
    let points: Vec<Point<f64>> = pads
        .iter()
        .map(|p| Point::new(p.east_m, p.north_m))
        .collect();
    let home = |p: &Point<f64>| {
        let away = |q: &geo::Polygon<f64>| {
            if q.contains(p) {
                0.0
            } else {
                Euclidean.distance(q, p)
            }
        };
        free.0
            .iter()
            .enumerate()
            .min_by(|a, b| away(a.1).total_cmp(&away(b.1)))
            .map(|b| b.0)
    };
    let homes: Vec<usize> = points.iter().filter_map(home).collect();
    let kept = MultiPolygon(
        free.0
            .iter()
            .enumerate()
            .filter(|(i, _)| homes.contains(i))
            .map(|(_, q)| q.clone())
            .collect(),
    );
    let lost_m2 = all_m2 - kept.unsigned_area();
    (shrink(&kept, -margin_m).intersection(&target), lost_m2)
}

/// Shares watch points: rounds over a shift, the worst absence as short as can be, batteries swapped at each one's pad.
pub(super) fn points(
    task: &Task<'_>,
    shift_s: f64,
    stop: &mut dyn FnMut(f64) -> bool,
) -> Result<Parts, TeamRefusal> {
    let Pattern::WatchPoints { points } = &task.request.pattern else {
        return Err(TeamRefusal::Pattern(task.request.pattern.name()));
    };
    let (n, k) = (points.len(), task.crafts.len());
    if n < k {
        return Err(TeamRefusal::FewPoints {
            points: n,
            aircraft: k,
        });
    }
    let wanted = task.wanted().ok_or(TeamRefusal::NoAircraft(0))?;
    let plan = |refusal| TeamRefusal::Plan {
        aircraft: 1,
        refusal: Box::new(refusal),
        would_do: None,
    };
    let (file, fence, rules) = bare(&wanted).map_err(plan)?;
    let proposer = Proposer::new(&fence, task.venue, task.request, rules, task.effort, None);
    let places: Vec<LatLon> = points
        .iter()
        .map(|p| p.at)
        .chain(task.pads.iter().copied())
        .collect();
    let mut metres = proposer.ways_m(&file, &places).map_err(plan)?;
    // Hovering is told in metres of flight: half before it, half after.
    let hold_m = |i: usize| {
        points
            .get(i)
            .map_or(0.0, |p| p.hold_s * file.speed_mps / 2.0)
    };
    for (x, m) in metres.iter_mut().enumerate() {
        let (i, j) = (x / places.len(), x % places.len());
        if i != j {
            *m += hold_m(i) + hold_m(j);
        }
    }
    let costs = Costs::table(places.len(), metres).map_err(|f| TeamRefusal::Points(f.into()))?;
    let shared = split_points(
        &PointsRequest {
            costs,
            importance: vec![1.0; n],
            aircraft: task
                .reach_m()
                .iter()
                .enumerate()
                .map(|(i, m)| {
                    Some(shift::Battery {
                        base: n + i,
                        endurance_s: m / file.speed_mps,
                        swap_s: SWAP_S,
                    })
                })
                .collect(),
            speed_mps: file.speed_mps,
            length_s: shift_s,
            drawn: None,
            effort: Effort {
                steps: task.effort.moves.unwrap_or(ROUND_STEPS),
                seed: task.effort.seed,
            },
            one_each: true,
        },
        &mut || stop(1.0),
    )
    .map_err(TeamRefusal::Points)?;
    let parts = shared
        .round_of
        .iter()
        .map(|r| {
            let stops = shared.rounds.rounds.get(*r).map_or(&[][..], |r| &r.stops);
            let mut mine: Vec<usize> = stops.iter().copied().filter(|p| *p < n).collect();
            mine.sort_unstable();
            mine.dedup();
            Part::Points(
                mine.iter()
                    .filter_map(|p| points.get(*p).copied())
                    .collect(),
            )
        })
        .collect();
    Ok(Parts {
        parts,
        unreached_m2: 0.0,
        promise_s: shared.promise_s,
    })
}

/// Moves for a first look.
pub(super) fn rough(effort: PlanEffort) -> PlanEffort {
    PlanEffort {
        moves: Some(0),
        ..effort
    }
}
