//! A plan's items unrolled into what an autopilot flies: straight pieces, each with its speed and its stay.
//!
//! The one place that knows what an item flies: checks, estimates, mission items and pictures all follow it, so that
//! nothing is proven that is not flown. An orbit is flown as straight chords, on both autopilots alike: PX4's
//! multicopters refuse MAV_CMD_NAV_LOITER_TURNS, and ArduPilot keeps only whole turns, coarse radii, and a speed from a
//! parameter of its own.

use super::{PlanFile, PlanItem};
use crate::place::{AboveHome, Alt, LatLon};
use crate::plane::{EastNorth, LocalPlane};
use std::f64::consts::TAU;

/// Most pieces a plan may unroll into.
pub const MAX_STEPS: usize = 4_000;
/// Smallest and largest radius of an orbit, metres.
pub const ORBIT_RADIUS_M: (f64, f64) = (3.0, 2_000.0);
/// Most turns of an orbit.
pub const MAX_TURNS: f64 = 50.0;
/// Chords of an orbit are about this long, metres, as long as there are 6 to 36 of them a turn: the path then stays
/// within 13 % (6 chords) to 0.4 % (36) of the radius inside the circle, never outside it.
const CHORD_M: f64 = 8.0;

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Straight up from home.
    Climb,
    /// Straight to a place.
    Fly,
    /// Straight down at a landing site.
    Down,
    /// Part of the autopilot's own return, which is judged as such.
    Return,
}

/// One straight piece.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Index of its item.
    pub item: usize,
    /// What it is.
    pub kind: StepKind,
    /// Start.
    pub from: LatLon,
    /// Height at the start.
    pub from_alt: Alt<AboveHome>,
    /// End.
    pub to: LatLon,
    /// Height at the end.
    pub to_alt: Alt<AboveHome>,
    /// Speed over ground, m/s (level part).
    pub speed_mps: f64,
    /// Seconds to hover at the end.
    pub hold_s: f64,
}

/// The steps of a plan. Items with figures that nothing can fly give none; [`super::check_items`] refuses those.
#[must_use]
pub fn steps(file: &PlanFile) -> Vec<Step> {
    let home = file.home.at;
    let plane = LocalPlane::new(home);
    let mut out: Vec<Step> = Vec::with_capacity(file.items.len() + 2);
    let zero = Alt::<AboveHome>::ZERO;
    let (mut at, mut alt, mut speed_mps) = (home, zero, file.speed_mps);
    for (item, i) in file.items.iter().enumerate() {
        let (here, level) = (at, alt);
        let mut push = |kind, to: LatLon, to_alt: Alt<AboveHome>, hold_s: f64| {
            if out.len() <= MAX_STEPS {
                out.push(Step {
                    item,
                    kind,
                    from: at,
                    from_alt: alt,
                    to,
                    to_alt,
                    speed_mps,
                    hold_s,
                });
            }
            (at, alt) = (to, to_alt);
        };
        match i {
            PlanItem::Takeoff { alt: top } => push(StepKind::Climb, home, *top, 0.0),
            PlanItem::Waypoint {
                at: to,
                alt: to_alt,
                hold_s,
            } => push(StepKind::Fly, *to, *to_alt, *hold_s),
            PlanItem::Orbit {
                centre,
                radius_m,
                alt: to_alt,
                turns,
                clockwise,
            } => {
                for corner in orbit_corners(&plane, here, *centre, *radius_m, *turns, *clockwise) {
                    push(StepKind::Fly, corner, *to_alt, 0.0);
                }
            }
            PlanItem::Speed { speed_mps: v } => speed_mps = *v,
            PlanItem::Return => {
                let top = if level.metres() > file.return_alt.metres() {
                    level
                } else {
                    file.return_alt
                };
                push(StepKind::Return, here, top, 0.0);
                push(StepKind::Return, home, top, 0.0);
                push(StepKind::Return, home, zero, 0.0);
            }
            PlanItem::Land { at: to } => {
                push(StepKind::Fly, *to, level, 0.0);
                push(StepKind::Down, *to, zero, 0.0);
            }
        }
    }
    out
}

/// Whether an orbit's figures can be flown.
#[must_use]
pub fn orbit_is_sane(radius_m: f64, turns: f64) -> bool {
    (ORBIT_RADIUS_M.0..=ORBIT_RADIUS_M.1).contains(&radius_m) && turns > 0.0 && turns <= MAX_TURNS
}

/// Corners of an orbit, in order: from the point of the circle nearest to `from` (north of the centre when `from` is
/// there), all on the circle. Empty for figures that are none.
#[must_use]
pub fn orbit_corners(
    plane: &LocalPlane,
    from: LatLon,
    centre: LatLon,
    radius_m: f64,
    turns: f64,
    clockwise: bool,
) -> Vec<LatLon> {
    if !orbit_is_sane(radius_m, turns) {
        return Vec::new();
    }
    let (c, f) = (plane.to_local(centre), plane.to_local(from));
    let start = if c.distance_m(f) > 0.5 {
        (f.east_m - c.east_m).atan2(f.north_m - c.north_m)
    } else {
        0.0
    };
    let chords = (TAU * radius_m / CHORD_M).floor().clamp(6.0, 36.0);
    let n = (chords * turns).ceil().max(1.0);
    let sweep = TAU * turns * if clockwise { 1.0 } else { -1.0 };
    (0..=n as u32)
        .filter_map(|k| {
            let (sin, cos) = (start + sweep * f64::from(k) / n).sin_cos();
            plane.to_latlon(EastNorth::new(
                c.east_m + radius_m * sin,
                c.north_m + radius_m * cos,
            ))
        })
        .collect()
}
