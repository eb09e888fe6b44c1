//! Slower where a fence is near: a leg whose margin at the plan's speed does not fit is flown at the speed whose margin
//! does, rather than refused.

use super::check::leg_of;
use super::{HEIGHT_ERROR_M, PlanFile, PlanItem, StepKind, margin_of};
use crate::energy::{estimate, timeline, window};
use crate::fence::contain::Rules;
use crate::fence::{Fence, Leg};
use crate::place::LatLon;
use crate::plane::EastNorth;

/// Slower than this a leg is refused rather than slowed, m/s.
const SLOWEST_MPS: f64 = 1.5;
/// Speeds are set in steps of this, m/s: finer ones would not survive a pilot's reading.
const STEP_MPS: f64 = 0.5;
/// Legs are cut no finer than this, metres.
const FINEST_M: f64 = 10.0;
/// Proven speeds keep this much more than their margin, metres: places are rounded to the wire's grid.
const SLACK_M: f64 = 0.02;

/// A piece of a plan that was made slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowed {
    /// Item of the plan as it was.
    pub item: usize,
    /// Start.
    pub from: LatLon,
    /// End.
    pub to: LatLon,
    /// m/s.
    pub speed_mps: f64,
    /// Its length, metres.
    pub length_m: f64,
}

/// Fastest speed, in steps, at which a leg may be flown by its clearance. `None`: none that is worth it.
fn speed_on(file: &PlanFile, fence: &Fence, leg: &Leg, rules: &Rules, most: f64) -> Option<f64> {
    let fits = |v: f64| {
        let rules = Rules {
            margin_m: margin_of(file, v) + SLACK_M,
            ..*rules
        };
        fence.contain_with(leg, &rules).is_ok()
    };
    if fits(most) {
        return Some(most);
    }
    // The margin grows with the speed: halve between the slowest and the fastest.
    let lowest = (SLOWEST_MPS / STEP_MPS).ceil() as u32;
    let highest = (most / STEP_MPS).floor() as u32;
    let all: Vec<u32> = (lowest..=highest).collect();
    let n = all.partition_point(|k| fits(f64::from(*k) * STEP_MPS));
    all.get(n.checked_sub(1)?).map(|k| f64::from(*k) * STEP_MPS)
}

/// The plan with its waypoint legs slowed where the fence is near, and what was slowed. Legs that no speed makes legal
/// stay as they are: the check refuses them, with the place. Where a slower piece begins the aircraft stops for a
/// second, so that it never enters it faster than was proven. Orbits keep their speed.
#[must_use]
pub fn slow_where_near(file: &PlanFile, fence: &Fence) -> (PlanFile, Vec<Slowed>) {
    let mut out = file.clone();
    let mut slowed = Vec::new();
    let plane = fence.plane();
    let all = timeline(file);
    out.items.clear();
    let mut speed_mps = file.speed_mps;
    // Speeds the plan itself asks for, and the one that holds after what was put in.
    let mut asked_mps = file.speed_mps;
    for (n, item) in file.items.iter().enumerate() {
        let step = all
            .iter()
            .find(|t| t.step.item == n && t.step.kind == StepKind::Fly)
            .filter(|_| matches!(item, PlanItem::Waypoint { .. } | PlanItem::Land { .. }));
        if let PlanItem::Speed { speed_mps: v } = item {
            asked_mps = *v;
        }
        let Some(t) = step else {
            if speed_mps != asked_mps && !matches!(item, PlanItem::Return) {
                out.items.push(PlanItem::Speed {
                    speed_mps: asked_mps,
                });
                speed_mps = asked_mps;
            }
            if !matches!(item, PlanItem::Speed { .. }) {
                out.items.push(item.clone());
            }
            continue;
        };
        let s = &t.step;
        let leg = leg_of(file, s);
        // The clocks of the plan as it was; slower it is later, which the check sees.
        let rules = Rules {
            margin_m: 0.0,
            height_error_m: HEIGHT_ERROR_M,
            when: window(file, t, 0.0),
            over_crowds: file.over_crowds,
        };
        let pieces = pieces(file, fence, &leg, &rules, asked_mps);
        let count = pieces.len();
        let (a, b) = (plane.to_local(s.from), plane.to_local(s.to));
        for (k, (u0, u1, v)) in pieces.into_iter().enumerate() {
            if v != speed_mps {
                if v < speed_mps {
                    stop_before(&mut out.items);
                }
                out.items.push(PlanItem::Speed { speed_mps: v });
                speed_mps = v;
            }
            let at = |u: f64| {
                plane
                    .to_latlon(EastNorth::new(
                        a.east_m + u * (b.east_m - a.east_m),
                        a.north_m + u * (b.north_m - a.north_m),
                    ))
                    .unwrap_or(s.to)
            };
            let alt_m = s.from_alt.metres() + u1 * (s.to_alt.metres() - s.from_alt.metres());
            if v < asked_mps {
                slowed.push(Slowed {
                    item: n,
                    from: at(u0),
                    to: at(u1),
                    speed_mps: v,
                    length_m: (u1 - u0) * a.distance_m(b),
                });
            }
            if k + 1 == count {
                out.items.push(item.clone());
            } else if let Ok(alt) = crate::place::Alt::from_metres(alt_m) {
                out.items.push(PlanItem::Waypoint {
                    at: at(u1),
                    alt,
                    hold_s: 0.0,
                });
            }
        }
    }
    out.estimate = crate::plan::Estimate {
        left_out_m: file.estimate.left_out_m,
        ..estimate(&out)
    };
    (out, slowed)
}

/// A second of rest at the last place.
fn stop_before(items: &mut [PlanItem]) {
    if let Some(PlanItem::Waypoint { hold_s, .. }) = items.last_mut() {
        *hold_s = hold_s.max(1.0);
    }
}

/// A leg cut into pieces with the speed of each: whole where it fits, halved where it does not, neighbours of one speed
/// joined again.
fn pieces(
    file: &PlanFile,
    fence: &Fence,
    leg: &Leg,
    rules: &Rules,
    most: f64,
) -> Vec<(f64, f64, f64)> {
    let plane = fence.plane();
    let (a, b) = (plane.to_local(leg.from), plane.to_local(leg.to));
    let length_m = a.distance_m(b);
    let part = |u0: f64, u1: f64| {
        let at = |u: f64| {
            plane
                .to_latlon(EastNorth::new(
                    a.east_m + u * (b.east_m - a.east_m),
                    a.north_m + u * (b.north_m - a.north_m),
                ))
                .unwrap_or(leg.from)
        };
        // The whole span of heights: what is proven for it holds for the piece.
        Leg {
            from: if u0 <= 0.0 { leg.from } else { at(u0) },
            to: if u1 >= 1.0 { leg.to } else { at(u1) },
            ..*leg
        }
    };
    let as_asked = Rules {
        margin_m: margin_of(file, most),
        ..*rules
    };
    if fence.contain_with(leg, &as_asked).is_ok() {
        return vec![(0.0, 1.0, most)];
    }
    let mut out: Vec<(f64, f64, f64)> = Vec::new();
    let mut todo = vec![(0.0, 1.0)];
    while let Some((u0, u1)) = todo.pop() {
        let v = speed_on(file, fence, &part(u0, u1), rules, most);
        let cut = (u1 - u0) * length_m > 2.0 * FINEST_M;
        if v != Some(most) && cut {
            let mid = (u0 + u1) / 2.0;
            todo.push((mid, u1));
            todo.push((u0, mid));
            continue;
        }
        let v = v.unwrap_or(most);
        match out.last_mut() {
            Some(last) if last.2 == v => last.1 = u1,
            _ => out.push((u0, u1, v)),
        }
    }
    // Few changes: a fast piece shorter than what stopping and speeding up again costs is flown slowly too.
    let mut k = 1;
    while k + 1 < out.len() {
        let (Some(before), Some(this), Some(after)) = (
            out.get(k - 1).copied(),
            out.get(k).copied(),
            out.get(k + 1).copied(),
        ) else {
            break;
        };
        let short = (this.1 - this.0) * length_m < this.2 * this.2 / file.vehicle.brake_mps2;
        if short && this.2 > before.2 && this.2 > after.2 {
            let slow = before.2.min(after.2);
            let whole = (before.0, after.1, slow);
            out.splice(k - 1..=k + 1, [whole]);
            k = 1;
        } else {
            k += 1;
        }
    }
    out
}
