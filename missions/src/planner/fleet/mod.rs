//! Several aircraft: one area shared among them, their distance from each other in time, and points shared on patrol.
//!
//! Geometry, on the local plane, in metres, as [`crate::planner::cover`] and [`crate::planner::rounds`] are.
//! [`plan`] shares an area so that the longest flight, for its aircraft's battery, is as short as can be, the legs to and
//! from launch sites counted.
//!
//! [`team`] makes plans of such shares that fly: each proven in the 4-D fence, all kept apart ([`apart`]).
//!
//! Never: a clock, a file.

pub mod apart;
mod keep;
mod layers;
pub mod points;
pub mod separation;
mod shares;
pub mod team;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_apart;
#[cfg(test)]
mod tests_team;
mod weigh;

use crate::plane::EastNorth;
use crate::planner::cover::share::{ShareFault, Sharer, Shares, share};
use crate::planner::cover::{CoverRefusal, CoverRequest};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most aircraft in one plan.
pub const MOST_AIRCRAFT: usize = 16;

/// What an aircraft can fly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Battery {
    /// Metres of flight that one battery gives, reserve already taken off. Shares are as the metres, and no flight is
    /// longer.
    Metres(f64),
    /// A share against the others' (1 for all: equal flights); nothing is said about how far it lasts.
    Share(f64),
}

/// One of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aircraft {
    /// Where it starts and lands. It must lie in the free space, the margin kept. Without one nothing is said about how
    /// it gets to its way and back.
    pub site: Option<EastNorth>,
    /// Its battery.
    pub battery: Battery,
}

/// What to share, and among whom.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetRequest {
    /// The area and how to cover it. `effort` polishes the one way that the shares are compared with; the shares take up
    /// to half as many moves again where ways are cut, and some five times as many where loops are made. An aircraft with
    /// a site comes back to it, whether `closed` is asked or not. Wished ends (`start`, `end`) are one aircraft's and do
    /// not count here.
    pub cover: CoverRequest,
    /// Who flies, at most [`MOST_AIRCRAFT`].
    pub aircraft: Vec<Aircraft>,
}

/// What would do in place of a plan that asks too much of a battery.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Remedy {
    /// So many aircraft, the further ones like the one refused. Tried: their first plan fits.
    pub aircraft: Option<usize>,
    /// A swath so wide, metres. Tried: its first plan fits.
    pub swath_m: Option<f64>,
}

impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.aircraft, self.swath_m) {
            (Some(k), Some(w)) => write!(f, "{k} aircraft would do, or a swath of {w:.1} m"),
            (Some(k), None) => write!(f, "{k} aircraft would do"),
            (None, Some(w)) => write!(f, "a swath of {w:.1} m would do"),
            (None, None) => write!(f, "neither more aircraft nor a wider swath was found to do"),
        }
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FleetRefusal {
    /// The area cannot be covered by anyone.
    #[error(transparent)]
    Cover(#[from] CoverRefusal),
    /// Nobody, or too many.
    #[error("{0} aircraft: there must be 1 to {MOST_AIRCRAFT}")]
    NoAircraft(usize),
    /// A battery or a site that is no number.
    #[error("aircraft {aircraft}: {what} is {is}, and must be {must}")]
    BadFigure {
        /// Which, from 1.
        aircraft: usize,
        /// Which figure.
        what: &'static str,
        /// What it must be.
        must: &'static str,
        /// What it is.
        is: f64,
    },
    /// Metres and shares cannot be compared.
    #[error("batteries must all be in metres, or all be shares")]
    MixedBatteries,
    /// The site is not where the aircraft may fly.
    #[error(
        "the launch site of aircraft {aircraft} is outside the area, in a keep-out, or nearer to an edge than the margin{}",
        match nearest { Some(p) => format!("; {:.1} m east and {:.1} m north, {:.1} m from it, would do", p.east_m, p.north_m, p.distance_m(*site)), None => String::new() }
    )]
    SiteOutside {
        /// Which, from 1.
        aircraft: usize,
        /// The site, metres on the plane.
        site: EastNorth,
        /// The place nearest to it that would do.
        nearest: Option<EastNorth>,
    },
    /// A part of the area that none can fly to.
    #[error(
        "part {part} of the area ({area_m2:.0} m² around {:.0} m east, {:.0} m north) cannot be flown to from any launch site at this margin",
        middle.east_m, middle.north_m
    )]
    Unreached {
        /// Number of the part, largest first, from 1.
        part: usize,
        /// Square metres.
        area_m2: f64,
        /// Its middle, metres on the plane.
        middle: EastNorth,
    },
    /// A battery that is too small for its share.
    #[error(
        "aircraft {aircraft} would fly {needed_m:.0} m and its battery gives {has_m:.0} m: {remedy}"
    )]
    BatteryTooSmall {
        /// Which, from 1: the one that lacks most.
        aircraft: usize,
        /// Metres of its share.
        needed_m: f64,
        /// Metres it has.
        has_m: f64,
        /// What would do.
        remedy: Remedy,
    },
}

/// What one aircraft flies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Its flights, mostly one; several only where the free space falls into parts at this margin and it works in more
    /// than one of them: between these it cannot fly, and has to be carried. From a site a flight begins and ends there.
    /// Empty where there was nothing left for it.
    pub flights: Vec<Vec<EastNorth>>,
    /// Metres of all of them.
    pub length_m: f64,
    /// Metres that its battery would make its even share of all that is flown.
    pub due_m: f64,
}

/// Figures of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FleetStats {
    /// Metres of all.
    pub sum_m: f64,
    /// Metres of the longest.
    pub longest_m: f64,
    /// The longest against its due: 1 is even.
    pub balance: f64,
    /// Metres of one aircraft alone, of no battery and no site.
    pub alone_m: f64,
    /// Sum against one alone.
    pub sum_ratio: f64,
    /// Corners of more than 15°.
    pub turns: usize,
    /// Part of the reachable area seen, 0 to 1.
    pub coverage: f64,
    /// Least distance from the target's outline, metres; looked for as far as margin + swath.
    pub clearance_m: f64,
    /// Moves made.
    pub effort: u64,
    /// Whether polishing was cut short for want of time. If not, the same request gives the same bytes.
    pub hurried: bool,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FleetPlan {
    /// By aircraft, in the order asked.
    pub shares: Vec<Share>,
    /// Figures.
    pub stats: FleetStats,
}

/// Shares an area. `stop(part)` is asked often whether `part` (0 to 1) of the time allowed is used up, and may only end
/// the polishing early; what stands by then is legal. Without a limit give `|_| false`: then the same request gives the
/// same bytes.
///
/// # Errors
/// [`FleetRefusal`].
pub fn plan(
    request: &FleetRequest,
    mut stop: impl FnMut(f64) -> bool,
) -> Result<FleetPlan, FleetRefusal> {
    let sharers = check(request)?;
    let shares = share(&request.cover, &sharers, &mut stop).map_err(|f| refusal(request, f))?;
    let plan = finished(&sharers, shares);
    let short = short_of(request, &plan);
    match short {
        None => Ok(plan),
        Some((aircraft, needed_m, has_m)) => Err(FleetRefusal::BatteryTooSmall {
            aircraft: aircraft + 1,
            needed_m,
            has_m,
            remedy: remedy(request, aircraft, needed_m / has_m, &mut stop),
        }),
    }
}

fn check(request: &FleetRequest) -> Result<Vec<Sharer>, FleetRefusal> {
    let k = request.aircraft.len();
    if k == 0 || k > MOST_AIRCRAFT {
        return Err(FleetRefusal::NoAircraft(k));
    }
    let in_metres = |a: &Aircraft| matches!(a.battery, Battery::Metres(_));
    let metres = request.aircraft.iter().filter(|a| in_metres(a)).count();
    if metres != 0 && metres != k {
        return Err(FleetRefusal::MixedBatteries);
    }
    let mut sharers = Vec::with_capacity(k);
    for (i, a) in request.aircraft.iter().enumerate() {
        let (Battery::Metres(weight) | Battery::Share(weight)) = a.battery;
        // Written so that NaN is refused too.
        if !(weight > 0.0 && weight <= 1e9) {
            return Err(FleetRefusal::BadFigure {
                aircraft: i + 1,
                what: "the battery",
                must: "above 0",
                is: weight,
            });
        }
        if let Some(s) = a.site {
            let bad = [s.east_m, s.north_m]
                .into_iter()
                .find(|v| !v.is_finite() || v.abs() > 1e6);
            if let Some(is) = bad {
                return Err(FleetRefusal::BadFigure {
                    aircraft: i + 1,
                    what: "the launch site",
                    must: "within 1000 km of the origin",
                    is,
                });
            }
        }
        sharers.push(Sharer {
            site: a.site,
            weight,
        });
    }
    Ok(sharers)
}

fn refusal(request: &FleetRequest, fault: ShareFault) -> FleetRefusal {
    match fault {
        ShareFault::Cover(c) => FleetRefusal::Cover(c),
        ShareFault::SiteOutside { sharer, nearest } => FleetRefusal::SiteOutside {
            aircraft: sharer + 1,
            site: request
                .aircraft
                .get(sharer)
                .and_then(|a| a.site)
                .unwrap_or(EastNorth::new(0.0, 0.0)),
            nearest,
        },
        ShareFault::Unreached {
            part,
            area_m2,
            middle,
        } => FleetRefusal::Unreached {
            part,
            area_m2,
            middle,
        },
    }
}

fn length_m(flight: &[EastNorth]) -> f64 {
    flight
        .iter()
        .zip(flight.iter().skip(1))
        .map(|(a, b)| a.distance_m(*b))
        .sum()
}

fn finished(sharers: &[Sharer], shares: Shares) -> FleetPlan {
    let lengths: Vec<f64> = shares
        .ways
        .iter()
        .map(|w| w.iter().map(|f| length_m(f)).sum())
        .collect();
    let sum_m: f64 = lengths.iter().sum();
    let whole: f64 = sharers.iter().map(|s| s.weight).sum();
    let dues: Vec<f64> = sharers.iter().map(|s| sum_m * s.weight / whole).collect();
    let balance = lengths
        .iter()
        .zip(&dues)
        .map(|(l, d)| if *d > 0.0 { l / d } else { 1.0 })
        .fold(0.0, f64::max);
    let alone_m = shares.alone.stats.length_m;
    FleetPlan {
        stats: FleetStats {
            sum_m,
            longest_m: lengths.iter().copied().fold(0.0, f64::max),
            balance,
            alone_m,
            sum_ratio: if alone_m > 0.0 { sum_m / alone_m } else { 1.0 },
            turns: shares.turns,
            coverage: shares.coverage,
            clearance_m: shares.clearance_m,
            effort: shares.effort,
            hurried: shares.hurried,
        },
        shares: shares
            .ways
            .into_iter()
            .zip(lengths)
            .zip(dues)
            .map(|((flights, length_m), due_m)| Share {
                flights,
                length_m,
                due_m,
            })
            .collect(),
    }
}

/// Who lacks most: (aircraft, metres needed, metres had).
fn short_of(request: &FleetRequest, plan: &FleetPlan) -> Option<(usize, f64, f64)> {
    request
        .aircraft
        .iter()
        .zip(&plan.shares)
        .enumerate()
        .filter_map(|(i, (a, s))| match a.battery {
            Battery::Metres(m) if s.length_m > m => Some((i, s.length_m, m)),
            _ => None,
        })
        .max_by(|x, y| (x.1 / x.2).total_cmp(&(y.1 / y.2)))
}

/// What would do, each tried by a first plan.
fn remedy(
    request: &FleetRequest,
    short: usize,
    lack: f64,
    stop: &mut dyn FnMut(f64) -> bool,
) -> Remedy {
    let fits = |r: &FleetRequest, stop: &mut dyn FnMut(f64) -> bool| {
        let Ok(sharers) = check(r) else { return false };
        share(&r.cover, &sharers, stop).is_ok_and(|s| short_of(r, &finished(&sharers, s)).is_none())
    };
    let mut first = request.clone();
    first.cover.effort = 0;
    let mut out = Remedy::default();
    let k = request.aircraft.len();
    let model = request.aircraft.get(short).copied();
    // A first plan is longer than a polished one, so a few more are tried than are needed in the end.
    let enough = ((k as f64) * lack).ceil().max(k as f64 + 1.0) as usize;
    for more in (enough..=MOST_AIRCRAFT).take(4) {
        let mut r = first.clone();
        if let Some(m) = model {
            r.aircraft.resize(more, m);
        }
        if fits(&r, stop) {
            out.aircraft = Some(more);
            break;
        }
    }
    for wider in [1.02, 1.15, 1.35, 1.7] {
        let mut r = first.clone();
        r.cover.swath_m *= lack.min(100.0) * wider;
        if fits(&r, stop) {
            out.swath_m = Some(r.cover.swath_m);
            break;
        }
    }
    out
}
