//! Watches whether the fence would be crossed, and says what must be done about it.
//!
//! Works on each position: where would the aircraft stand still if it braked now? Boundary, keep-outs, floor, ceiling and
//! the clock of a keep-out are one distance ([`Fence::clearance_m`]). Never commands anything itself, never allocates,
//! never panics.

mod braking;
mod trust;

pub use braking::Braking;
pub use trust::{Doubt, Trust};

use crate::facts::{Heard, Mode, Position};
use missions::fence::{Fence, Verdict};
use missions::flight::{Cause, Response};
use missions::place::Alt;
use missions::plane::EastNorth;
use missions::time::{Mono, Now, Reading};
use missions::vehicle::VehicleSpec;
use std::time::Duration;

/// A position older than this is none.
pub const STALE: Duration = Duration::from_millis(700);
/// A keep-out whose window opens within this time counts already: long enough to leave it.
const CLOCK_AHEAD: Duration = Duration::from_secs(20);
/// Vertical braking taken for granted, m/s² (ArduCopter's usual WPNAV_ACCEL_Z is 1.0).
const VERTICAL_BRAKE_MPS2: f64 = 0.75;
/// An acceleration that still goes on is reckoned with up to this, m/s².
const MOST_ACCEL_MPS2: f64 = 4.0;
/// An aircraft sent out again on its way home is stopped anew so often; then it comes down.
const STOPS: u8 = 4;
/// And it counts as sent out again when the prediction falls by this, metres.
const AGAIN_M: f64 = 1.5;
/// After Hold was answered this long, the way home begins.
const HOLD_THEN_RETURN: Duration = Duration::from_secs(3);
/// Braking that shows no effect for this long is escalated.
const IGNORED: Duration = Duration::from_secs(2);
/// Without a position for this long, warnings become a hold.
const UNKNOWN_HOLD: Duration = Duration::from_millis(500);
/// And the hold becomes the autopilot's own way home, by the estimate it may still have.
const UNKNOWN_RETURN: Duration = Duration::from_secs(20);
/// After a jump the aircraft stands for so long before it goes home.
const JUMPED_RETURN: Duration = Duration::from_secs(10);
/// The guard acts when no more than this share of a plan's room for position error and gust is left.
const SPENT: f64 = 0.7;
/// A hold that stands after this begins its way home at once: it stands near an edge.
const STANDS_THEN_RETURN: Duration = Duration::from_secs(1);
/// Points of the way to a stop are no further apart than this, metres, where the fence is near.
const STEP_M: f64 = 0.75;
/// Most points of one way; a longer way is looked at more coarsely.
const MAX_STEPS: f64 = 160.0;

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
    /// Mode the autopilot shows.
    pub mode: Option<Heard<Mode>>,
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
    /// What is doubted about the position.
    pub doubt: Option<Doubt>,
    /// Goes up when the same answer must be given once more, now: somebody else's command moves the aircraft.
    pub again: u8,
}

/// An answer under way.
#[derive(Clone, Copy, Debug)]
struct Answer {
    response: Response,
    since: Mono,
    /// Speed when it was given, m/s.
    from_mps: f64,
    /// Best prediction since, metres, and when it last got better.
    best_m: f64,
    better_at: Mono,
    clear_since: Option<Mono>,
    stops: u8,
}

/// The guard.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    answer: Option<Answer>,
    unknown_since: Option<Mono>,
    again: u8,
    jumped_since: Option<Mono>,
    holding: bool,
    followed: Mono,
    last_vel: Option<([f64; 3], u32)>,
    /// North, east, down.
    accel_mps2: [f64; 3],
    braking: Braking,
    trust: Trust,
}

impl Guard {
    /// What was learnt about braking.
    #[must_use]
    pub fn braking(&self) -> &Braking {
        &self.braking
    }

    /// A distance from the fence that the aircraft keeps on its way to a stop, metres: exact where it is below
    /// `enough_m`, otherwise at least that. NaN where the fence cannot tell.
    #[must_use]
    pub fn predicted_m(&self, i: &GuardIn<'_>, p: &Position, enough_m: f64) -> f64 {
        let age_s = i.now.mono.since(p.heard).as_secs_f64();
        let react_s = Braking::react_s(i.spec) + age_s;
        // Until braking begins it goes on as it does now, and gets faster as it does now.
        let [an, ae, ad] = self.accel_mps2;
        let [north, east, down] = p.vel_ned;
        let (mut vn, mut ve) = (north + an * react_s, east + ae * react_s);
        let v = p.ground_speed_mps();
        if vn.hypot(ve) < v {
            (vn, ve) = (north, east);
        }
        let u = vn.hypot(ve);
        let way_m = 0.5 * (v + u) * react_s
            + u * u / (2.0 * self.braking.believed_mps2(i.spec, on_plan(i)));
        let up_mps = -down;
        let mut up_later = up_mps - ad * react_s;
        if up_later.abs() < up_mps.abs() {
            up_later = up_mps;
        }
        let rise_m = 0.5 * (up_mps + up_later) * react_s
            + up_later.signum() * up_later * up_later / (2.0 * VERTICAL_BRAKE_MPS2);
        let here = i.fence.plane().to_local(p.at);
        let (de, dn) = if u > 0.05 {
            (ve / u, vn / u)
        } else {
            (0.0, 0.0)
        };
        let reach_m = way_m.hypot(rise_m);
        if !reach_m.is_finite() {
            return f64::NAN;
        }
        let step_m = STEP_M.max(reach_m / MAX_STEPS);
        let clocked = i.fence.keepouts().iter().any(|k| k.window.is_some());
        let ahead = ahead(i.now.utc).filter(|_| clocked);
        let mut least = f64::INFINITY;
        let mut gone_m = 0.0;
        loop {
            let f = if reach_m > 0.0 { gone_m / reach_m } else { 0.0 };
            let at = EastNorth::new(here.east_m + de * way_m * f, here.north_m + dn * way_m * f);
            let alt = p.alt_amsl_m + rise_m * f;
            let mut clear = clearance(i, at, alt, i.now.utc);
            if let Some(utc) = ahead {
                clear = clear.min(clearance(i, at, alt, utc));
            }
            if clear.is_nan() {
                return f64::NAN;
            }
            least = least.min(clear);
            if gone_m >= reach_m {
                return least;
            }
            // A distance changes by no more than one goes: what is skipped is further off than `enough_m`.
            gone_m = (gone_m + (clear - enough_m).max(step_m)).min(reach_m);
        }
    }

    /// Looks once. Call at 10 Hz or more and on every position.
    pub fn look(&mut self, i: &GuardIn<'_>) -> Finding {
        let now = i.now.mono;
        self.learn(i);
        let doubt = self.trust.doubt(now).filter(|_| i.airborne);
        let fresh = i
            .position
            .filter(|p| now.since(p.heard) <= STALE && doubt != Some(Doubt::Frozen));
        let doubt_m = match doubt {
            Some(Doubt::Jumped { by_m } | Doubt::Pulled { by_m }) => by_m,
            _ => 0.0,
        };
        let error_m = i.position_error_m.unwrap_or(i.spec.position_error_m) + doubt_m;
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
        // A plan keeps position error and gust beyond the way to a stop; when too much of that is spent, we act.
        let trigger_m = (SPENT * (i.spec.position_error_m + i.spec.gust_m)).max(error_m.min(3.0));
        let predicted_m = fresh
            .map(|p| self.predicted_m(i, &p, trigger_m + doubt_m) - doubt_m)
            .filter(|m| m.is_finite());
        let (response, cause) = if i.airborne {
            self.judge(i, fresh.as_ref(), predicted_m, trigger_m, doubt)
        } else {
            *self = Guard {
                braking: self.braking,
                ..Guard::default()
            };
            (Response::Continue, None)
        };
        Finding {
            verdict,
            margin_m,
            predicted_m,
            response,
            cause,
            doubt,
            again: self.again,
        }
    }

    /// Watches how it stops, and whether its position moves as its velocity says.
    fn learn(&mut self, i: &GuardIn<'_>) {
        let Some(p) = i.position else { return };
        if !i.airborne || p.heard == self.followed {
            return;
        }
        self.followed = p.heard;
        let plane = i.fence.plane();
        self.trust.look(plane, &p);
        if let Some((v, boot_ms)) = self.last_vel.replace((p.vel_ned, p.boot_ms)) {
            let dt_s = f64::from(p.boot_ms.saturating_sub(boot_ms)) * 1e-3;
            let usable = (0.02..1.0).contains(&dt_s);
            for ((a, new), old) in self.accel_mps2.iter_mut().zip(p.vel_ned).zip(v) {
                let raw = if usable { (new - old) / dt_s } else { 0.0 };
                let raw = if raw.is_finite() { raw } else { 0.0 };
                // Half old, half new: single differences are noisy.
                *a = (0.5 * *a + 0.5 * raw).clamp(-MOST_ACCEL_MPS2, MOST_ACCEL_MPS2);
            }
        }
        let holding = i.mode.is_some_and(|m| m.value == Mode::Hold) || self.asked_to_hold();
        match (self.holding, holding) {
            (false, true) => self.braking.begin(plane, &p),
            (true, false) => self.braking.forget(),
            _ => {}
        }
        self.holding = holding;
        if holding {
            self.braking.follow(i.spec, plane, &p);
        }
    }

    fn asked_to_hold(&self) -> bool {
        self.answer.is_some_and(|a| a.response == Response::Hold)
    }

    fn judge(
        &mut self,
        i: &GuardIn<'_>,
        fresh: Option<&Position>,
        predicted_m: Option<f64>,
        trigger_m: f64,
        doubt: Option<Doubt>,
    ) -> (Response, Option<Cause>) {
        let now = i.now.mono;
        let (Some(predicted), Some(p)) = (predicted_m, fresh) else {
            // Unknown is never inside. A moment's silence only warns; then hold, which needs no position of ours. A frozen
            // position is no silence: it was watched for long enough.
            let silent = now.since(*self.unknown_since.get_or_insert(now));
            let frozen = doubt == Some(Doubt::Frozen);
            let r = if i.safety_pilot || silent <= UNKNOWN_HOLD && !frozen {
                Response::Warn
            } else if silent <= UNKNOWN_RETURN {
                Response::Hold
            } else {
                Response::Return
            };
            return (r, Some(Cause::Position));
        };
        self.unknown_since = None;
        let fence = self.against_fence(i, p, predicted, trigger_m);
        let position = self.against_doubt(now, i.safety_pilot, doubt);
        // The graver answer counts; the fence's at the same gravity.
        match (fence, position) {
            ((r, _), Some(q)) if q > r => (q, Some(Cause::Position)),
            (f, _) => f,
        }
    }

    /// An estimate that is being pulled flies the aircraft away however it is told to hold: down, at once. One that
    /// leapt may be right or wrong by so much: stand, then home with that much less room.
    fn against_doubt(
        &mut self,
        now: Mono,
        safety_pilot: bool,
        doubt: Option<Doubt>,
    ) -> Option<Response> {
        if !matches!(doubt, Some(Doubt::Jumped { .. })) {
            self.jumped_since = None;
        }
        let r = match doubt? {
            Doubt::Frozen => Response::Hold,
            Doubt::Jumped { .. } => {
                let since = *self.jumped_since.get_or_insert(now);
                if now.since(since) > JUMPED_RETURN {
                    Response::Return
                } else {
                    Response::Hold
                }
            }
            Doubt::Pulled { .. } => Response::LandHere,
        };
        Some(if safety_pilot { Response::Warn } else { r })
    }

    fn against_fence(
        &mut self,
        i: &GuardIn<'_>,
        p: &Position,
        predicted: f64,
        trigger_m: f64,
    ) -> (Response, Option<Cause>) {
        let now = i.now.mono;
        let clear = predicted >= trigger_m;
        if clear && self.answer.is_none() {
            return (Response::Continue, None);
        }
        if i.safety_pilot {
            self.answer = None;
            return if clear {
                (Response::Continue, None)
            } else {
                (Response::Warn, Some(Cause::Fence))
            };
        }
        let speed = p.ground_speed_mps();
        let mut a = self.answer.unwrap_or(Answer {
            response: Response::Hold,
            since: now,
            from_mps: speed,
            best_m: predicted,
            better_at: now,
            clear_since: None,
            stops: 1,
        });
        if clear || predicted > a.best_m + 0.2 {
            a.better_at = now;
            a.best_m = a.best_m.max(predicted);
        }
        let gone = now.since(a.since);
        let no_better = now.since(a.better_at);
        // Obeyed means that it slows, whatever it acknowledged: a third of the braking believed will do.
        let braking_s = gone.as_secs_f64() - Braking::react_s(i.spec) - 0.6;
        let allowed_mps = (a.from_mps
            - 0.35 * self.braking.believed_mps2(i.spec, true) * braking_s.max(0.0))
        .max(1.5);
        let runs = braking_s > 0.0 && speed > allowed_mps + 0.3;
        // It had begun to get better, or should have by now, and gets worse: told anew at once, not at the next repeat.
        if a.response == Response::Hold
            && gone.as_secs_f64() > Braking::react_s(i.spec)
            && predicted < a.best_m - AGAIN_M
        {
            a.best_m = predicted;
            self.again = self.again.wrapping_add(1);
        }
        let graver = match a.response {
            Response::Hold
                if gone > HOLD_THEN_RETURN
                    || (gone > STANDS_THEN_RETURN && p.speed_mps() < 0.7)
                    || runs
                    || no_better > IGNORED =>
            {
                Some(Response::Return)
            }
            // Sent out again while it goes home: stop it first, a few times.
            Response::Return if !clear && predicted < a.best_m - AGAIN_M && p.speed_mps() > 1.0 => {
                Some(if a.stops < STOPS {
                    Response::Hold
                } else {
                    Response::LandHere
                })
            }
            // Going home is not escalated while it leads away from the edge, or stands there and climbs.
            Response::Return if predicted < 0.0 && no_better > IGNORED && speed > 2.0 => {
                Some(Response::LandHere)
            }
            _ => None,
        };
        if let Some(response) = graver {
            if response == Response::Hold {
                a.stops = a.stops.saturating_add(1);
            }
            a.response = response;
            a.since = now;
            a.from_mps = speed;
            a.best_m = predicted;
            a.better_at = now;
        }
        // What clears it: a returning aircraft well inside for a while.
        let mut over = false;
        if clear {
            let since = *a.clear_since.get_or_insert(now);
            over = a.response > Response::Hold && now.since(since) > Duration::from_secs(5);
        } else {
            a.clear_since = None;
        }
        let response = a.response;
        self.answer = (!over).then_some(a);
        (response, Some(Cause::Fence))
    }
}

/// Whether it flies what was proven: the mission, or the autopilot's own way home or down.
fn on_plan(i: &GuardIn<'_>) -> bool {
    i.mode.is_some_and(|m| {
        matches!(
            m.value,
            Mode::Mission | Mode::Return | Mode::Land | Mode::TakeOff
        )
    })
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
