//! Corners are cut: what both autopilots fly between two legs is proven too, and so is slowing down.
//!
//! PX4 takes the next leg when it is within NAV_ACC_RAD of a corner and passes it at `sqrt(a·r·tan(inner/2))`
//! (`computeMaxSpeedInWaypoint`). ArduCopter lays the legs' S-curves over one another; captured, its velocity changes by
//! at most 3.7 m/s in a corner at the factory's radius of 2 m, on an arc inside the corner. Neither leaves the triangle
//! between the legs and the chord where it turns off.
//!
//! Along the legs the triangle has their margin. Only its chord may be nearer to something inside the turn, and there
//! the aircraft does not fly towards it but past: the component across the chord is `v·sin(turn/2)` at most, and
//! margin(v) of that component is what the chord must keep.

use super::{PlanFault, PlanFile, Step, fault, leg_fault};
use crate::fence::contain::Rules;
use crate::fence::{Fence, Leg};
use crate::place::Alt;
use crate::plane::EastNorth;

/// Most change of velocity in a corner of ArduCopter, m/s, as captured.
const COPTER_CHANGE_MPS: f64 = 3.7;
/// ArduCopter's WPNAV_ACCEL from the factory, m/s².
const COPTER_ACCEL_MPS2: f64 = 2.5;
/// A corner is never cut further back than this part of the shorter leg.
const SHARE: f64 = 0.5;
/// Where a person's margin binds, corners may come this much nearer, metres: at the factory's radii they are cut by 1.4.
const CUT_M: f64 = 1.5;

/// Proves the corner between two legs, and that the second is not entered faster than its margin allows.
pub(super) fn check(
    file: &PlanFile,
    fence: &Fence,
    a: &Step,
    b: &Step,
    own: &Rules,
) -> Result<(), PlanFault> {
    let v = &file.vehicle;
    let plane = fence.plane();
    let [p0, p1, p2] = [a.from, a.to, b.to].map(|p| plane.to_local(p));
    let (len_a, len_b) = (p0.distance_m(p1), p1.distance_m(p2));
    if a.hold_s > 0.0 || len_a < 0.5 || len_b < 0.5 {
        // It comes to rest, or does not turn on the level.
        return Ok(());
    }
    let unit = |p: EastNorth, q: EastNorth, l: f64| {
        ((q.east_m - p.east_m) / l, (q.north_m - p.north_m) / l)
    };
    let (u, w) = (unit(p0, p1, len_a), unit(p1, p2, len_b));
    let turn = (u.0 * w.0 + u.1 * w.1).clamp(-1.0, 1.0).acos();
    let half_sin = (turn / 2.0).sin();
    let fastest = a.speed_mps.max(b.speed_mps);
    let at = |p: EastNorth| {
        plane
            .to_latlon(p)
            .ok_or_else(|| fault("plan.place", "a corner is no place".into()))
    };
    let level = |alt: Alt<_>| file.home.to_amsl(alt);
    if b.speed_mps < a.speed_mps {
        // Still at the old speed at the corner: it brakes on the first metres of the slow leg.
        let brake_m =
            fastest * v.react_s + (fastest.powi(2) - b.speed_mps.powi(2)) / (2.0 * v.brake_mps2);
        let d = brake_m.min(len_b);
        let first = Leg {
            from: b.from,
            from_alt: level(b.from_alt),
            to: at(EastNorth::new(p1.east_m + w.0 * d, p1.north_m + w.1 * d))?,
            to_alt: level(b.to_alt),
        };
        let rules = Rules {
            margin_m: super::margin_of(file, a.speed_mps),
            ..*own
        };
        fence
            .contain_with(&first, &rules)
            .map_err(|f| leg_fault(b.item, "slowing down on the leg to it", &f))?;
    }
    if turn < 1e-3 {
        return Ok(());
    }
    let radius_m = v.corner_radius_m();
    let inner_half = (std::f64::consts::PI - turn) / 2.0;
    let px4_mps = (v.brake_mps2 * radius_m * inner_half.tan().max(0.0))
        .sqrt()
        .min(fastest);
    let copter_mps = (COPTER_CHANGE_MPS / (2.0 * half_sin)).min(fastest);
    let arc_m = copter_mps.powi(2) / COPTER_ACCEL_MPS2 * (turn / 2.0).tan().min(1e3);
    let lead_m = radius_m.max(arc_m).min(SHARE * len_a.min(len_b));
    let across_mps = px4_mps.max(copter_mps) * half_sin;
    let rules = Rules {
        margin_m: v.margin_m(across_mps).max(file.margin_m - CUT_M),
        ..*own
    };
    let base = Leg {
        from: at(EastNorth::new(
            p1.east_m - u.0 * lead_m,
            p1.north_m - u.1 * lead_m,
        ))?,
        from_alt: level(a.to_alt),
        to: at(EastNorth::new(
            p1.east_m + w.0 * lead_m,
            p1.north_m + w.1 * lead_m,
        ))?,
        to_alt: level(a.to_alt),
    };
    fence
        .contain_fan(&base, a.to, &rules)
        .map_err(|f| PlanFault {
            code: "plan.corner_leaves",
            ..leg_fault(
                a.item,
                "the turn at it, which the autopilot cuts by some metres,",
                &f,
            )
        })
}
