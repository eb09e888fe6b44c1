//! Landing sites that a plan gains where the autopilot's own return would leave the fence.
//!
//! An autopilot alone neither goes around nor retraces: it climbs and flies straight to the nearest site. Where that is
//! not legal, a nearer site can make it so. A gained site is only legal as far as fence and crowds say; whether one can
//! land there an officer must have seen, so each is named.

use super::check::leg_of;
use super::{
    HEIGHT_ERROR_M, PatrolPlan, PlanFault, PlanFile, Returns, StepKind, aloft_window, margin_of,
    steps,
};
use crate::energy::estimate;
use crate::fence::contain::Rules;
use crate::fence::{Fence, Leg};
use crate::place::LatLon;
use crate::plane::EastNorth;
use crate::venue::{Role, Venue};

/// Most sites a plan gains: PX4 takes 32 rally points and an officer can look at few.
pub const MAX_GAINED: usize = 6;
/// Places of the plan itself that are looked at.
const MAX_CANDIDATES: usize = 20;
/// Places on a side of the grid that is laid over the plan: those of the plan hug the corners of keep-outs, from where
/// little is seen.
const GRID: u32 = 7;
/// The grid reaches so far beyond the plan, metres, and so far again as this part of it.
const BEYOND_M: f64 = 40.0;
const BEYOND_PART: f64 = 0.1;
/// Pieces of the plan from which returns are looked at while choosing, at most; the plan itself is then proven whole.
const MAX_PIECES: f64 = 150.0;

/// A landing site that a plan gained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GainedRally {
    /// Where.
    pub at: LatLon,
    /// Whether the venue names it as a landing site. If not, somebody must look at it before the plan is flown.
    pub of_venue: bool,
}

/// Landing sites that leave least of a plan without a legal return, one after the other: none where no site helps. What
/// is left after them is not looked at. The plan's own legs and its energy are not judged.
#[must_use]
pub fn gain_sites(file: &PlanFile, fence: &Fence) -> Vec<GainedRally> {
    let mut file = file.clone();
    file.estimate = estimate(&file);
    let all = possible(&file, fence);
    let mut gained = Vec::new();
    while gained.len() < MAX_GAINED {
        let before = bad_m(&file, fence);
        let Some(c) = best_of(&all, &file, fence, before) else {
            break;
        };
        file.rally.push(c.at);
        gained.push(c);
    }
    gained
}

/// The site that leaves least of the way without a legal return; the venue's own before any other that helps.
fn best_of(
    all: &[GainedRally],
    file: &PlanFile,
    fence: &Fence,
    before: u64,
) -> Option<GainedRally> {
    all.iter()
        .enumerate()
        .filter(|(_, c)| before > 0 && !file.rally.contains(&c.at))
        .map(|(k, c)| {
            let mut with = file.clone();
            with.rally.push(c.at);
            (!c.of_venue, bad_m(&with, fence), k)
        })
        .filter(|(_, bad, _)| *bad < before)
        .min()
        .and_then(|b| all.get(b.2).copied())
}

/// Adds landing sites until every return of a plan that fails only for its returns is legal.
///
/// # Errors
/// The [`PlanFault`] that remains: another one than returns, or returns that no such site makes legal.
pub fn gain_rally(file: &PlanFile) -> Result<(PatrolPlan, Vec<GainedRally>), PlanFault> {
    let mut file = file.clone();
    file.estimate = super::Estimate {
        left_out_m: file.estimate.left_out_m,
        ..estimate(&file)
    };
    let mut gained: Vec<GainedRally> = Vec::new();
    let fence = super::build_fence(&file)?;
    let mut candidates: Option<Vec<GainedRally>> = None;
    loop {
        let why = match PatrolPlan::check(file.clone()) {
            Ok(plan) => return Ok((plan, gained)),
            Err(why) => why,
        };
        if why.code != "plan.return_leaves" || gained.len() >= MAX_GAINED {
            return Err(why);
        }
        let all = candidates.get_or_insert_with(|| possible(&file, &fence));
        let before = bad_m(&file, &fence);
        let Some(c) = best_of(all, &file, &fence, before) else {
            return Err(why);
        };
        file.rally.push(c.at);
        if !c.of_venue {
            file.gained.push(c.at);
        }
        gained.push(c);
    }
}

fn cruise(file: &PlanFile) -> Rules {
    Rules {
        margin_m: margin_of(file, file.speed_mps),
        height_error_m: HEIGHT_ERROR_M,
        when: aloft_window(file.launch_window, file.estimate.time_s),
        over_crowds: false,
    }
}

/// Metres of the plan from some point of which the return is not legal, by pieces: whole legs would hide that a site
/// makes half of one good.
fn bad_m(file: &PlanFile, fence: &Fence) -> u64 {
    let rules = cruise(file);
    let returns = Returns::new(file, fence, rules);
    let plane = fence.plane();
    let piece_m = (file.estimate.distance_m / MAX_PIECES).max(super::RETURN_PIECE_M);
    let mut bad_m = 0.0;
    for s in steps(file).iter().filter(|s| s.kind == StepKind::Fly) {
        let own = Rules {
            margin_m: margin_of(file, s.speed_mps),
            ..rules
        };
        let leg = leg_of(file, s);
        if returns.check_from(&leg, &own).is_ok() {
            continue;
        }
        let (a, b) = (plane.to_local(leg.from), plane.to_local(leg.to));
        let length_m = a.distance_m(b);
        let n = (length_m / piece_m).ceil().max(1.0);
        let at = |u: f64| {
            plane.to_latlon(EastNorth::new(
                a.east_m + u * (b.east_m - a.east_m),
                a.north_m + u * (b.north_m - a.north_m),
            ))
        };
        for k in 0..n as u32 {
            let piece = at(f64::from(k) / n).zip(at(f64::from(k + 1) / n));
            let legal = piece.is_some_and(|(from, to)| {
                returns.check_from(&Leg { from, to, ..leg }, &own).is_ok()
            });
            if !legal {
                bad_m += (length_m / n).max(1.0);
            }
        }
    }
    bad_m.round() as u64
}

/// Places that could be landed at by the fence: the venue's landing sites, then places of the plan and around it.
fn possible(file: &PlanFile, fence: &Fence) -> Vec<GainedRally> {
    let venue = Venue::from_value(&file.venue);
    let named: Vec<LatLon> = venue
        .iter()
        .flat_map(|v| v.zones_of(Role::Landing))
        .filter_map(|z| z.shape.middle())
        .collect();
    let flown: Vec<LatLon> = steps(file)
        .iter()
        .filter(|s| s.kind == StepKind::Fly)
        .map(|s| s.to)
        .collect();
    let stride = flown.len().div_ceil(MAX_CANDIDATES).max(1);
    let all = steps(file);
    let top_m = all
        .iter()
        .map(|s| s.to_alt.metres())
        .fold(file.return_alt.metres(), f64::max);
    let Ok(top) = crate::place::Alt::from_metres(top_m) else {
        return Vec::new();
    };
    let spot = Rules {
        margin_m: margin_of(file, file.vehicle.climb_mps),
        ..cruise(file)
    };
    named
        .iter()
        .map(|at| (*at, true))
        .chain(flown.iter().step_by(stride).map(|at| (*at, false)))
        .chain(grid(&flown, fence).into_iter().map(|at| (at, false)))
        .filter(|(at, _)| {
            let down = Leg {
                from: *at,
                from_alt: file.home.to_amsl(top),
                to: *at,
                to_alt: file.home.alt,
            };
            fence.contain_with(&down, &spot).is_ok()
        })
        .map(|(at, of_venue)| GainedRally { at, of_venue })
        .collect()
}

/// Places spread evenly over what a plan covers, and a little beyond.
fn grid(flown: &[LatLon], fence: &Fence) -> Vec<LatLon> {
    let plane = fence.plane();
    let (mut low, mut high) = (
        EastNorth::new(f64::INFINITY, f64::INFINITY),
        EastNorth::new(f64::NEG_INFINITY, f64::NEG_INFINITY),
    );
    for p in flown.iter().map(|p| plane.to_local(*p)) {
        low = EastNorth::new(low.east_m.min(p.east_m), low.north_m.min(p.north_m));
        high = EastNorth::new(high.east_m.max(p.east_m), high.north_m.max(p.north_m));
    }
    let long_m = (high.east_m - low.east_m).max(high.north_m - low.north_m);
    if !long_m.is_finite() {
        return Vec::new();
    }
    let beyond_m = BEYOND_M + BEYOND_PART * long_m;
    let at = |low: f64, high: f64, k: u32| {
        let t = f64::from(k) / f64::from(GRID - 1);
        low - beyond_m + t * (high - low + 2.0 * beyond_m)
    };
    (0..GRID * GRID)
        .filter_map(|k| {
            plane.to_latlon(EastNorth::new(
                at(low.east_m, high.east_m, k % GRID),
                at(low.north_m, high.north_m, k / GRID),
            ))
        })
        .collect()
}
