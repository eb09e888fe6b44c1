//! Watches whether the fence would be crossed, and says what must be done about it.
//!
//! Works on each position: where would the aircraft stand still if it braked now? Boundary, keep-outs, floor, ceiling and
//! the clock of a keep-out are one distance ([`Fence::clearance_m`]). Never commands anything itself.

use crate::facts::Position;
use missions::fence::{Fence, Verdict};
use missions::flight::{Cause, Response};
use missions::place::Alt;
use missions::plane::EastNorth;
use missions::time::{Mono, Now, Reading};
use missions::vehicle::VehicleSpec;
use std::time::Duration;

/// A position older than this is none.
pub const STALE: Duration = Duration::from_millis(1000);
/// A keep-out whose window opens within this time counts already: long enough to leave it.
const CLOCK_AHEAD: Duration = Duration::from_secs(20);
/// Vertical braking taken for granted, m/s².
const VERTICAL_BRAKE_MPS2: f64 = 2.0;
/// After Hold was answered this long, the way home begins.
const HOLD_THEN_RETURN: Duration = Duration::from_secs(3);
/// Braking that shows no effect for this long is escalated.
const IGNORED: Duration = Duration::from_secs(2);

/// What the guard looks at.
#[derive(Clone, Copy, Debug)]
pub struct GuardIn<'a> {
    /// Time.
    pub now: Now,
    /// The fence in force.
    pub fence: &'a Fence,
    /// Braking, reaction, errors of this aircraft.
    pub spec: &'a VehicleSpec,
    /// Newest position.
    pub position: Option<Position>,
    /// Reported one-sigma error, metres.
    pub position_error_m: Option<f64>,
    /// Off the ground.
    pub airborne: bool,
    /// On the way down over a proven site: the floor does not count.
    pub landing: bool,
    /// The safety pilot flies: only warn.
    pub safety_pilot: bool,
}

/// What the guard found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// Where the aircraft stands.
    pub verdict: Verdict,
    /// Distance to the nearest fence element, metres.
    pub margin_m: Option<f64>,
    /// The same where it would stop, metres.
    pub predicted_m: Option<f64>,
    /// What must be done.
    pub response: Response,
    /// Why.
    pub cause: Option<Cause>,
}

/// The guard.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    since: Option<Mono>,
    worst_m: f64,
    better_at: Mono,
    response: Option<Response>,
    unknown_since: Option<Mono>,
    clear_since: Option<Mono>,
}

impl Guard {
    /// The least distance from the fence along the way to a stop, metres.
    #[must_use]
    pub fn predicted_m(i: &GuardIn<'_>, p: &Position) -> f64 {
        let age_s = i.now.mono.since(p.heard).as_secs_f64();
        let delay_s = i.spec.react_s + age_s;
        let v = p.ground_speed_mps();
        let way_m = v * delay_s + v * v / (2.0 * i.spec.brake_mps2.max(0.1));
        let [north, east, down] = p.vel_ned;
        let up_mps = -down;
        let rise_m =
            up_mps * delay_s + up_mps.signum() * up_mps * up_mps / (2.0 * VERTICAL_BRAKE_MPS2);
        let here = i.fence.plane().to_local(p.at);
        let (de, dn) = if v > 0.05 {
            (east / v, north / v)
        } else {
            (0.0, 0.0)
        };
        let steps = ((way_m.max(rise_m.abs()) / 1.5).ceil() as u32).clamp(1, 60);
        let mut least = f64::INFINITY;
        for k in 0..=steps {
            let f = f64::from(k) / f64::from(steps);
            let at = EastNorth::new(here.east_m + de * way_m * f, here.north_m + dn * way_m * f);
            let alt = p.alt_amsl_m + rise_m * f;
            for utc in [Some(i.now.utc), ahead(i.now.utc)].into_iter().flatten() {
                let c = clearance(i, at, alt, utc);
                if c.is_nan() {
                    return f64::NAN;
                }
                least = least.min(c);
            }
        }
        least
    }

    /// Looks once. Call at 10 Hz or more and on every position.
    pub fn look(&mut self, i: &GuardIn<'_>) -> Finding {
        let now = i.now.mono;
        let fresh = i.position.filter(|p| now.since(p.heard) <= STALE);
        let error_m = i.position_error_m.unwrap_or(i.spec.position_error_m);
        let (at, alt) = match fresh {
            Some(p) => (
                Reading::Valid(p.at),
                Alt::from_metres(p.alt_amsl_m).map_or(Reading::Missing, Reading::Valid),
            ),
            None => (Reading::Missing, Reading::Missing),
        };
        let near_m = i.spec.margin_m(fresh.map_or(0.0, |p| p.ground_speed_mps()));
        let verdict = i.fence.verdict(at, alt, i.now.utc, error_m, near_m);
        let margin_m = match verdict {
            Verdict::Inside { margin_m } | Verdict::Near { margin_m } => Some(margin_m),
            Verdict::Outside { by_m } => Some(-by_m),
            Verdict::Unknown { .. } => None,
        };
        let predicted_m = fresh
            .map(|p| Self::predicted_m(i, &p))
            .filter(|m| m.is_finite());
        let (response, cause) = if i.airborne {
            self.judge(i, predicted_m, error_m)
        } else {
            *self = Guard::default();
            (Response::Continue, None)
        };
        Finding {
            verdict,
            margin_m,
            predicted_m,
            response,
            cause,
        }
    }

    fn judge(
        &mut self,
        i: &GuardIn<'_>,
        predicted_m: Option<f64>,
        error_m: f64,
    ) -> (Response, Option<Cause>) {
        let now = i.now.mono;
        let Some(predicted) = predicted_m else {
            // Unknown is never inside. A moment's silence only warns; then hold, which needs no position of ours.
            let since = *self.unknown_since.get_or_insert(now);
            let r = if now.since(since) > Duration::from_millis(500) && !i.safety_pilot {
                Response::Hold
            } else {
                Response::Warn
            };
            return (r, Some(Cause::Position));
        };
        self.unknown_since = None;
        // A plan keeps position error and gust beyond the way to a stop; half of that is spent before we act.
        let trigger_m = (0.5 * (i.spec.position_error_m + i.spec.gust_m)).max(error_m.min(3.0));
        if predicted >= trigger_m && self.since.is_none() {
            return (Response::Continue, None);
        }
        if i.safety_pilot {
            self.since = None;
            self.response = None;
            return if predicted < trigger_m {
                (Response::Warn, Some(Cause::Fence))
            } else {
                (Response::Continue, None)
            };
        }
        let since = *self.since.get_or_insert(now);
        if self.response.is_none() {
            self.response = Some(Response::Hold);
            self.worst_m = predicted;
            self.better_at = now;
            self.clear_since = None;
        }
        if predicted > self.worst_m + 0.2 || predicted >= trigger_m {
            self.better_at = now;
            self.worst_m = self.worst_m.max(predicted);
        } else {
            self.worst_m = self.worst_m.min(predicted);
        }
        let response = match self.response.unwrap_or(Response::Hold) {
            Response::Hold
                if now.since(since) > HOLD_THEN_RETURN || now.since(self.better_at) > IGNORED =>
            {
                self.better_at = now;
                Response::Return
            }
            // Going home is never escalated while it leads away from the edge.
            Response::Return
                if predicted < -2.0 * near(i) && now.since(self.better_at) > IGNORED * 4 =>
            {
                Response::LandHere
            }
            same => same,
        };
        self.response = Some(response);
        // What clears it: a returning aircraft well inside for a while.
        if predicted >= trigger_m {
            let clear = *self.clear_since.get_or_insert(now);
            if response > Response::Hold && now.since(clear) > Duration::from_secs(5) {
                self.since = None;
                self.response = None;
            }
        } else {
            self.clear_since = None;
        }
        (response, Some(Cause::Fence))
    }
}

fn near(i: &GuardIn<'_>) -> f64 {
    i.spec.margin_m(0.0).max(2.0)
}

fn ahead(utc: Reading<missions::time::Utc>) -> Option<Reading<missions::time::Utc>> {
    utc.valid().map(|t| Reading::Valid(t.after(CLOCK_AHEAD)))
}

/// Clearance; while landing, the floor under us is where we want to be.
fn clearance(
    i: &GuardIn<'_>,
    at: EastNorth,
    alt_amsl_m: f64,
    utc: Reading<missions::time::Utc>,
) -> f64 {
    let alt = match i.fence.floor_amsl_m() {
        Some(f) if i.landing => alt_amsl_m.max(f + 10.0),
        _ => alt_amsl_m,
    };
    i.fence.clearance_m(at, alt, utc)
}
