//! Time and energy of a plan: leg by leg in the wind, and of the way home from every moment of it. Judges nothing about
//! places.

mod advice;
mod home;
pub mod power;

pub use advice::{Advice, advise, cut_after, go_on_after};
pub(crate) use home::moments_of;
pub use home::{Moment, moments, tightest};
pub use power::Wind;

use crate::plan::{Estimate, PlanFile, Step, StepKind, steps};
use crate::plane::LocalPlane;
use crate::time::Window;
use std::time::Duration;

/// A plan may take this much longer than reckoned before its clocks are in doubt.
const LATE: f64 = 1.5;
/// And this much later on top: waiting at launch, seconds.
const LATE_S: f64 = 120.0;
/// Nothing is flown faster than this many times what was asked.
const EARLY: f64 = 0.85;

/// A step with its times and energy, counted from take-off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timed {
    /// The step.
    pub step: Step,
    /// Reckoned start, seconds: rest to rest on every leg, in the plan's wind at its worst.
    pub start_s: f64,
    /// Reckoned end, seconds.
    pub end_s: f64,
    /// Earliest start, seconds: never stopping, a little fast.
    pub early_s: f64,
    /// Energy used at the start, Wh.
    pub start_wh: f64,
    /// Energy used at the end, Wh.
    pub end_wh: f64,
    /// Speed over ground on its level part, m/s. `None`: the wind leaves no progress.
    pub ground_mps: Option<f64>,
    /// Horizontal length, metres.
    pub length_m: f64,
}

/// The steps of a plan in time. Where the wind leaves no progress the figures go on with the least speed; whoever flies
/// must look at [`Timed::ground_mps`].
#[must_use]
pub fn timeline(file: &PlanFile) -> Vec<Timed> {
    let plane = LocalPlane::new(file.home.at);
    let (v, wind) = (&file.vehicle, &file.wind);
    let (mut t_s, mut early_s, mut wh) = (0.0, 0.0, 0.0);
    steps(file)
        .into_iter()
        .map(|step| {
            let (a, b) = (plane.to_local(step.from), plane.to_local(step.to));
            let length_m = a.distance_m(b);
            let (start_s, start_wh, start_early_s) = (t_s, wh, early_s);
            let mut spend = |seconds: f64, watts: f64, least_s: f64| {
                t_s += seconds;
                early_s += least_s * EARLY;
                wh += seconds * watts / 3600.0;
            };
            let mut ground_mps = Some(step.speed_mps);
            if length_m > 0.0 {
                let unit = (
                    (b.east_m - a.east_m) / length_m,
                    (b.north_m - a.north_m) / length_m,
                );
                let gait = power::along(v, wind, unit, step.speed_mps);
                ground_mps = gait.map(|g| g.ground_mps);
                let (mps, watts) = gait.map_or(
                    (power::LEAST_GROUND_MPS, power::level_w(v, v.max_air_mps())),
                    |g| (g.ground_mps, g.watts),
                );
                spend(
                    v.leg_time_s(length_m, mps),
                    watts,
                    length_m / step.speed_mps.max(0.1),
                );
            }
            let up_m = step.to_alt.metres() - step.from_alt.metres();
            let rate_mps = if up_m > 0.0 {
                v.climb_mps
            } else {
                v.descend_mps
            };
            // A slope is climbed while it is flown: the least time counts only the longer of both.
            let least_s = if length_m > 0.0 {
                0.0
            } else {
                up_m.abs() / rate_mps
            };
            spend(
                up_m.abs() / rate_mps,
                power::vertical_w(v, wind, up_m > 0.0),
                least_s,
            );
            spend(step.hold_s, power::hover_w(v, wind), step.hold_s);
            Timed {
                step,
                start_s,
                end_s: t_s,
                early_s: start_early_s,
                start_wh,
                end_wh: wh,
                ground_mps,
                length_m,
            }
        })
        .collect()
}

/// Time, way and energy of a plan's steps: rest to rest on every leg, in the plan's wind at its worst.
#[must_use]
pub fn estimate(file: &PlanFile) -> Estimate {
    let all = timeline(file);
    let (time_s, energy_wh) = all.last().map_or((0.0, 0.0), |t| (t.end_s, t.end_wh));
    Estimate {
        time_s: tidy_number(time_s),
        distance_m: tidy_number(all.iter().map(|t| t.length_m).sum()),
        energy_wh: tidy_number(energy_wh),
        reserve_pct: tidy_number(100.0 * (1.0 - energy_wh / file.vehicle.battery_wh)),
        left_out_m: 0.0,
    }
}

/// Energy that may be planned with, Wh.
#[must_use]
pub fn usable_wh(file: &PlanFile) -> f64 {
    file.vehicle.battery_wh * (1.0 - file.vehicle.reserve_pct / 100.0)
}

/// When the aircraft may be on a step, and `more_s` after it (for a return that begins there): from the earliest launch
/// and the least time to the latest launch and the most.
#[must_use]
pub fn window(file: &PlanFile, t: &Timed, more_s: f64) -> Window {
    let wait_s = [Some(file.on_link_loss), file.on_no_officer]
        .into_iter()
        .flatten()
        .map(|action| match action {
            crate::flight::OnLinkLoss::HoldThenReturn { wait_s } => wait_s,
            _ => 0.0,
        })
        .fold(0.0, f64::max);
    let span = |s: f64| Duration::from_secs_f64(s.clamp(0.0, 86_400.0));
    let late_s = (t.end_s + more_s) * LATE + LATE_S + wait_s;
    Window {
        from: file.launch_window.from.after(span(t.early_s)),
        until: file.launch_window.until.after(span(late_s)),
    }
}

/// Whether a step is flown by the plan itself.
fn is_flown(t: &Timed) -> bool {
    t.step.kind != StepKind::Return
}

/// To a thousandth: JSON numbers of few digits are the same number after every reading and writing.
fn tidy_number(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}
