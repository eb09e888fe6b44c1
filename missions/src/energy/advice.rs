//! A plan that does not fit: the nearest plans that do. Each is checked whole before it is offered.

use super::{estimate, home, timeline, usable_wh};
use crate::fence::Fence;
use crate::plan::{PatrolPlan, PlanFile, PlanItem, build_fence};
use std::fmt;

/// Speeds are tried in steps of this, m/s.
const STEP_MPS: f64 = 0.5;
/// Slower than this no patrol is offered, m/s.
const SLOWEST_MPS: f64 = 2.0;
/// Most whole checks of one kind of advice: a check costs some milliseconds to a second.
const MAX_CHECKS: usize = 6;

/// A plan near the one asked for that may fly.
#[derive(Clone, Debug, PartialEq)]
pub enum Advice {
    /// The same way at another speed.
    Speed {
        /// m/s.
        speed_mps: f64,
        /// Seconds.
        time_s: f64,
        /// Wh.
        energy_wh: f64,
    },
    /// Only the first items, then home.
    Shorter {
        /// Last item flown.
        last_item: usize,
        /// Metres of way it has.
        distance_m: f64,
        /// Wh.
        energy_wh: f64,
    },
    /// Two flights with a full battery each.
    TwoBatteries {
        /// Last item of the first flight.
        last_item: usize,
        /// Wh of the first.
        first_wh: f64,
        /// Wh of the second.
        second_wh: f64,
    },
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Advice::Speed {
                speed_mps,
                time_s,
                energy_wh,
            } => write!(
                f,
                "fly at {speed_mps:.1} m/s: {energy_wh:.0} Wh, {:.0} min",
                time_s / 60.0
            ),
            Advice::Shorter {
                last_item,
                distance_m,
                energy_wh,
            } => write!(
                f,
                "turn back after item {last_item}: {distance_m:.0} m, {energy_wh:.0} Wh"
            ),
            Advice::TwoBatteries {
                last_item,
                first_wh,
                second_wh,
            } => write!(
                f,
                "use two batteries: change after item {last_item} ({first_wh:.0} Wh, then {second_wh:.0} Wh)"
            ),
        }
    }
}

/// What would work instead of a plan that is refused for energy, time or wind. Empty when the plan's fence cannot be
/// built, or when nothing near it works.
#[must_use]
pub fn advise(file: &PlanFile) -> Vec<Advice> {
    let Ok(fence) = build_fence(file) else {
        return Vec::new();
    };
    let speed = other_speed(file, &fence);
    let shorter = shorter(file, &fence);
    let split = two_batteries(file, &fence);
    speed.into_iter().chain(shorter).chain(split).collect()
}

/// Only items `0..=last` of a plan, then home.
#[must_use]
pub fn cut_after(file: &PlanFile, last: usize) -> PlanFile {
    let mut out = file.clone();
    out.items.truncate(last + 1);
    out.items.push(PlanItem::Return);
    out.estimate = estimate(&out);
    out
}

/// The items after `last` as a flight of their own, at the speed that held there.
#[must_use]
pub fn go_on_after(file: &PlanFile, last: usize) -> PlanFile {
    let mut out = file.clone();
    let (done, rest) = file
        .items
        .split_at_checked(last + 1)
        .unwrap_or((&file.items, &[]));
    out.items = done.first().cloned().into_iter().collect();
    let speed = done
        .iter()
        .rev()
        .find(|i| matches!(i, PlanItem::Speed { .. }));
    out.items.extend(speed.cloned());
    out.items.extend_from_slice(rest);
    out.estimate = estimate(&out);
    out
}

/// Whether energy and wind would allow it, without looking at the fence again.
fn fits(file: &PlanFile, fence: &Fence) -> bool {
    let t = timeline(file);
    t.iter().all(|t| t.ground_mps.is_some())
        && t.last().is_some_and(|l| l.end_wh <= usable_wh(file))
        && home::tightest(&home::moments_of(file, fence, &t)).is_some_and(|m| m.spare_wh >= 0.0)
}

fn flies(file: &PlanFile) -> bool {
    PatrolPlan::check(file.clone()).is_ok()
}

/// The speed nearest to the one asked for at which it fits. Speed changes within the plan are scaled along.
fn other_speed(file: &PlanFile, fence: &Fence) -> Option<Advice> {
    let most = (file.vehicle.max_mps / STEP_MPS).floor() as u32;
    let mut speeds: Vec<f64> = (1..=most.min(200))
        .map(|k| f64::from(k) * STEP_MPS)
        .filter(|v| *v >= SLOWEST_MPS && (v - file.speed_mps).abs() > 0.25)
        .collect();
    speeds.sort_by(|a, b| {
        (a - file.speed_mps)
            .abs()
            .total_cmp(&(b - file.speed_mps).abs())
    });
    let at = |v: f64| {
        let mut out = file.clone();
        let scale = v / file.speed_mps;
        for i in &mut out.items {
            if let PlanItem::Speed { speed_mps } = i {
                *speed_mps = (*speed_mps * scale).min(file.vehicle.max_mps);
            }
        }
        out.speed_mps = v;
        out.estimate = estimate(&out);
        out
    };
    speeds
        .into_iter()
        .map(at)
        .filter(|f| fits(f, fence))
        .take(MAX_CHECKS)
        .find(flies)
        .map(|f| Advice::Speed {
            speed_mps: f.speed_mps,
            time_s: f.estimate.time_s,
            energy_wh: f.estimate.energy_wh,
        })
}

/// Items after which the way home may begin: those that fly somewhere, the ends left out.
fn turning_items(file: &PlanFile) -> Vec<usize> {
    let inner = file.items.len().saturating_sub(2);
    file.items
        .iter()
        .enumerate()
        .skip(1)
        .take(inner)
        .filter(|(_, i)| matches!(i, PlanItem::Waypoint { .. } | PlanItem::Orbit { .. }))
        .map(|p| p.0)
        .collect()
}

fn shorter(file: &PlanFile, fence: &Fence) -> Option<Advice> {
    let ends = turning_items(file);
    // The longer the costlier: the last that fits is found by halving, then proven, or one of those before it.
    let fitting = ends.partition_point(|last| fits(&cut_after(file, *last), fence));
    ends.iter()
        .take(fitting)
        .rev()
        .take(MAX_CHECKS)
        .map(|last| (*last, cut_after(file, *last)))
        .find(|(_, f)| flies(f))
        .map(|(last_item, f)| Advice::Shorter {
            last_item,
            distance_m: f.estimate.distance_m,
            energy_wh: f.estimate.energy_wh,
        })
}

fn two_batteries(file: &PlanFile, fence: &Fence) -> Option<Advice> {
    let ends = turning_items(file);
    let parts = |last: usize| (cut_after(file, last), go_on_after(file, last));
    // The first flight grows with the split and the second shrinks: fairest where they cross, or beside it.
    let middle = ends.partition_point(|last| {
        let (a, b) = parts(*last);
        a.estimate.energy_wh < b.estimate.energy_wh
    });
    let mut splits: Vec<(usize, PlanFile, PlanFile)> = ends
        .iter()
        .skip(middle.saturating_sub(MAX_CHECKS))
        .take(2 * MAX_CHECKS)
        .map(|last| {
            let (a, b) = parts(*last);
            (*last, a, b)
        })
        .filter(|(_, a, b)| fits(a, fence) && fits(b, fence))
        .collect();
    let worse =
        |s: &(usize, PlanFile, PlanFile)| s.1.estimate.energy_wh.max(s.2.estimate.energy_wh);
    splits.sort_by(|x, y| worse(x).total_cmp(&worse(y)));
    splits
        .into_iter()
        .take(MAX_CHECKS)
        .find(|(_, a, b)| flies(a) && flies(b))
        .map(|(last_item, a, b)| Advice::TwoBatteries {
            last_item,
            first_wh: a.estimate.energy_wh,
            second_wh: b.estimate.energy_wh,
        })
}
