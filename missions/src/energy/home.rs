//! What the way home takes from every moment of a plan, and where least is left for it: the point of no return.
//!
//! The way is the one that is judged: climb to the return height, straight to whichever landing site the autopilot may
//! find nearest, down there. Against the wind at its worst.

use super::{Timed, is_flown, power, timeline, usable_wh};
use crate::fence::{Fence, Leg};
use crate::place::LatLon;
use crate::plan::{PlanFile, Returns, StepKind};
use crate::plane::EastNorth;

/// Moments are this far apart along a leg, metres.
const APART_M: f64 = 20.0;

/// A moment of a plan, with the way home from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Item being flown.
    pub item: usize,
    /// Where.
    pub at: LatLon,
    /// Seconds since take-off.
    pub time_s: f64,
    /// Energy used so far, Wh.
    pub used_wh: f64,
    /// Energy the way home takes from here, Wh; infinite where the wind leaves no progress.
    pub home_wh: f64,
    /// Seconds it takes.
    pub home_s: f64,
    /// Where it leads.
    pub site: LatLon,
    /// What is left of the usable energy after it, Wh: below 0 is past the point of no return.
    pub spare_wh: f64,
}

/// The way home from a place: seconds and Wh.
fn way_home(file: &PlanFile, from: EastNorth, height_m: f64, site: EastNorth) -> (f64, f64) {
    let (v, wind) = (&file.vehicle, &file.wind);
    let top_m = height_m.max(file.return_alt.metres());
    let up_s = (top_m - height_m).max(0.0) / v.climb_mps;
    let down_s = top_m.max(0.0) / v.descend_mps;
    let mut s = up_s + down_s;
    let mut ws =
        up_s * power::vertical_w(v, wind, true) + down_s * power::vertical_w(v, wind, false);
    let length_m = from.distance_m(site);
    if length_m > 0.0 {
        let unit = (
            (site.east_m - from.east_m) / length_m,
            (site.north_m - from.north_m) / length_m,
        );
        let Some(g) = power::along(v, wind, unit, file.speed_mps) else {
            return (f64::INFINITY, f64::INFINITY);
        };
        let across_s = v.leg_time_s(length_m, g.ground_mps);
        s += across_s;
        ws += across_s * g.watts;
    }
    (s, ws / 3600.0)
}

/// Moments of a plan, at most some 20 m apart on its legs, each with the costliest way home from it.
#[must_use]
pub fn moments(file: &PlanFile, fence: &Fence) -> Vec<Moment> {
    moments_of(file, fence, &timeline(file))
}

pub(crate) fn moments_of(file: &PlanFile, fence: &Fence, timeline: &[Timed]) -> Vec<Moment> {
    let plane = fence.plane();
    let returns = Returns::sites_only(file, fence);
    let usable_wh = usable_wh(file);
    let mut out = Vec::new();
    for t in timeline.iter().filter(|t| is_flown(t)) {
        let s = &t.step;
        let leg = Leg {
            from: s.from,
            from_alt: file.home.to_amsl(s.from_alt),
            to: s.to,
            to_alt: file.home.to_amsl(s.to_alt),
        };
        // On the spot: only the end counts. Coming down at a site is home already.
        if s.kind == StepKind::Down {
            continue;
        }
        let start = plane.to_local(s.from);
        for (from, to, site) in returns.ways(&leg) {
            let (a, b, goal) = (
                plane.to_local(from),
                plane.to_local(to),
                plane.to_local(site),
            );
            let n = (a.distance_m(b) / APART_M).ceil().max(1.0);
            for k in 0..=n as u32 {
                let u = f64::from(k) / n;
                let p = EastNorth::new(
                    a.east_m + u * (b.east_m - a.east_m),
                    a.north_m + u * (b.north_m - a.north_m),
                );
                let share = if t.length_m > 0.0 {
                    (start.distance_m(p) / t.length_m).clamp(0.0, 1.0)
                } else {
                    1.0
                };
                let height_m =
                    s.from_alt.metres() + share * (s.to_alt.metres() - s.from_alt.metres());
                let (home_s, home_wh) = way_home(file, p, height_m, goal);
                let used_wh = t.start_wh + share * (t.end_wh - t.start_wh);
                let Some(at) = plane.to_latlon(p) else {
                    continue;
                };
                out.push(Moment {
                    item: s.item,
                    at,
                    time_s: t.start_s + share * (t.end_s - t.start_s),
                    used_wh,
                    home_wh,
                    home_s,
                    site,
                    spare_wh: usable_wh - used_wh - home_wh,
                });
            }
        }
    }
    out
}

/// The moment of a plan that leaves least energy after the way home: at and after it the aircraft is nearest to having
/// no way back. `None` for a plan that flies nothing.
#[must_use]
pub fn tightest(moments: &[Moment]) -> Option<Moment> {
    moments
        .iter()
        .copied()
        .min_by(|a, b| a.spare_wh.total_cmp(&b.spare_wh))
}
