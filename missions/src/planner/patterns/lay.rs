//! A pattern as strokes: what would be flown if nothing were in the way.

use super::join::Ground;
use super::{DrawRefusal, Drift, Pace, Pattern, Round, corridor, creeping, rings, searches, spots};
use crate::plane::EastNorth;
use crate::planner::cover::{self, CoverRequest};
use geo::MultiPolygon;

/// Most places of a corridor's middle, and of an area's ring.
const MAX_PLACES: usize = 2_000;
/// Most watch points: each pair of them is asked for its way.
const MAX_POINTS: usize = 100;
/// Most passes of a corridor.
const MAX_PASSES: f64 = 200.0;
/// Most turns of an orbit.
const MAX_TURNS: u32 = 50;
/// Most legs of an expanding square.
const MAX_LEGS: u32 = 200;
/// A drift of more than this part of the aircraft's speed leaves no search.
const FASTEST_DRIFT: f64 = 0.7;

/// Places to be flown in order, in one go.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::planner) struct Stroke {
    /// One place for a spot to hover at.
    pub places: Vec<EastNorth>,
    /// Seconds at the last.
    pub hold_s: f64,
    /// Where to look.
    pub look_at: Option<EastNorth>,
}

impl Stroke {
    /// Places without a stop.
    pub fn along(places: Vec<EastNorth>) -> Self {
        Stroke {
            places,
            hold_s: 0.0,
            look_at: None,
        }
    }
}

/// What a pattern is laid over.
pub(in crate::planner) struct Scene<'a> {
    /// What may be flown.
    pub ground: &'a dyn Ground,
    /// Area less keep-outs.
    pub target: &'a MultiPolygon<f64>,
    /// Metres kept from the target's outline.
    pub margin_m: f64,
    /// Where the aircraft comes from.
    pub from: Option<EastNorth>,
    /// Whether it goes back to where it began.
    pub back: bool,
    /// How fast.
    pub pace: Pace,
    /// When the first place is reached and each stroke is done, from a first try; for what drifts.
    pub times_s: Option<&'a [f64]>,
    /// Moves of the optimiser of sweeps.
    pub effort: u64,
    /// Of its dice.
    pub seed: u64,
}

/// Whether the figures of a pattern make sense.
///
/// # Errors
/// [`DrawRefusal::BadFigure`].
pub(in crate::planner) fn check(
    pattern: &Pattern<EastNorth>,
    pace: &Pace,
) -> Result<(), DrawRefusal> {
    let within = |what, is: f64, low: f64, high: f64, must| {
        if is.is_finite() && (low..=high).contains(&is) {
            Ok(())
        } else {
            Err(DrawRefusal::BadFigure { what, must, is })
        }
    };
    let metres = |what, is| within(what, is, 1.0, 20_000.0, "between 1 and 20000 m");
    let swath = |is| within("the swath", is, 1.0, 1_000.0, "between 1 and 1000 m");
    let angle = |what, is| within(what, is, -720.0, 720.0, "degrees");
    let hold = |is| within("a hold", is, 0.0, 3_600.0, "between 0 and 3600 s");
    let number = |what, is: usize, least: usize, most: usize, must| {
        if (least..=most).contains(&is) {
            Ok(())
        } else {
            let is = is as f64;
            Err(DrawRefusal::BadFigure { what, must, is })
        }
    };
    let circle = |r: &Round| {
        metres("the radius", r.radius_m)?;
        number(
            "the number of turns",
            r.turns as usize,
            1,
            MAX_TURNS as usize,
            "between 1 and 50",
        )
    };
    let drifts = |d: &Option<Drift>| {
        let Some(d) = d else { return Ok(()) };
        within(
            "the age of the datum",
            d.age_s,
            0.0,
            86_400.0,
            "between 0 and 86400 s",
        )?;
        let w = d.velocity_mps();
        within(
            "the drift",
            w.east_m.hypot(w.north_m),
            0.0,
            FASTEST_DRIFT * pace.speed_mps,
            "less than 0.7 of the aircraft's speed, in m/s",
        )
    };
    within(
        "the speed",
        pace.speed_mps,
        0.1,
        100.0,
        "between 0.1 and 100 m/s",
    )?;
    if pace.brake_mps2.is_nan() || pace.brake_mps2 <= 0.0 {
        let is = pace.brake_mps2;
        return Err(DrawRefusal::BadFigure {
            what: "the braking",
            must: "above 0",
            is,
        });
    }
    match pattern {
        Pattern::Sweep { swath_m, angle_deg } => {
            swath(*swath_m)?;
            angle_deg.map_or(Ok(()), |a| angle("the angle", a))
        }
        Pattern::Perimeter { offset_m } => within(
            "the offset",
            *offset_m,
            0.0,
            20_000.0,
            "a distance in metres",
        ),
        Pattern::Corridor {
            line,
            width_m,
            swath_m,
        } => {
            number(
                "the number of places of the corridor's middle",
                line.len(),
                2,
                MAX_PLACES,
                "between 2 and 2000",
            )?;
            if super::length_m(line) < 1.0 {
                return Err(DrawRefusal::BadFigure {
                    what: "the corridor's length",
                    must: "at least 1 m",
                    is: super::length_m(line),
                });
            }
            swath(*swath_m)?;
            within(
                "the corridor's width",
                *width_m,
                0.0,
                MAX_PASSES * swath_m,
                "0 m (one pass) to 200 swaths",
            )
        }
        Pattern::WatchPoints { points } => {
            number(
                "the number of watch points",
                points.len(),
                1,
                MAX_POINTS,
                "between 1 and 100",
            )?;
            points.iter().try_for_each(|p| hold(p.hold_s))
        }
        Pattern::Orbit { round, .. } => circle(round),
        Pattern::ExpandingSquare {
            spacing_m,
            first_leg_deg,
            legs,
            drift,
            ..
        } => {
            metres("the track spacing", *spacing_m)?;
            angle("the first leg", *first_leg_deg)?;
            number(
                "the number of legs",
                *legs as usize,
                1,
                MAX_LEGS as usize,
                "between 1 and 200",
            )?;
            drifts(drift)
        }
        Pattern::SectorSearch {
            radius_m,
            first_leg_deg,
            runs,
            drift,
            ..
        } => {
            metres("the radius", *radius_m)?;
            angle("the first leg", *first_leg_deg)?;
            number("the number of runs", *runs as usize, 1, 2, "1 or 2")?;
            drifts(drift)
        }
        Pattern::CreepingLine {
            spacing_m,
            leg_deg,
            area,
            ..
        } => {
            within(
                "the track spacing",
                *spacing_m,
                1.0,
                1_000.0,
                "between 1 and 1000 m",
            )?;
            if let Some(ring) = area {
                number(
                    "the number of corners of the area",
                    ring.len(),
                    3,
                    MAX_PLACES,
                    "between 3 and 2000",
                )?;
            }
            leg_deg.map_or(Ok(()), |a| angle("the direction of the legs", a))
        }
        Pattern::Revisit { hold_s, round, .. } => {
            hold(*hold_s)?;
            round.as_ref().map_or(Ok(()), circle)
        }
    }
}

/// Strokes of a pattern, in the order to be flown.
///
/// # Errors
/// [`DrawRefusal`] where there is nothing to lay, or its datum lies where nothing may fly.
pub(in crate::planner) fn lay(
    pattern: &Pattern<EastNorth>,
    scene: &Scene<'_>,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Vec<Stroke>, DrawRefusal> {
    check(pattern, &scene.pace)?;
    match pattern {
        Pattern::Sweep { swath_m, angle_deg } => sweep(*swath_m, *angle_deg, scene, stop),
        Pattern::Perimeter { offset_m } => rings::perimeter(*offset_m, scene),
        Pattern::Corridor {
            line,
            width_m,
            swath_m,
        } => Ok(corridor::passes(line, *width_m, *swath_m, scene.from)),
        Pattern::WatchPoints { points } => Ok(spots::round(points, scene)),
        Pattern::Orbit { centre, round } => Ok(vec![rings::orbit(*centre, round, scene.from)]),
        Pattern::ExpandingSquare {
            datum,
            spacing_m,
            first_leg_deg,
            legs,
            turn,
            drift,
        } => {
            let offsets = searches::square(*spacing_m, *first_leg_deg, *legs, *turn);
            searches::strokes(*datum, &offsets, drift.as_ref(), scene)
        }
        Pattern::SectorSearch {
            datum,
            radius_m,
            first_leg_deg,
            runs,
            turn,
            drift,
        } => {
            let offsets = searches::sector(*radius_m, *first_leg_deg, *runs, *turn);
            searches::strokes(*datum, &offsets, drift.as_ref(), scene)
        }
        Pattern::CreepingLine {
            spacing_m,
            leg_deg,
            commence,
            area,
        } => creeping::legs(
            *spacing_m,
            *leg_deg,
            commence.or(scene.from),
            area.as_deref(),
            scene.target,
        ),
        Pattern::Revisit {
            place,
            hold_s,
            round,
        } => spots::revisit(*place, *hold_s, round.as_ref(), scene),
    }
}

/// The coverage planner's ways, each in one go.
fn sweep(
    swath_m: f64,
    angle_deg: Option<f64>,
    scene: &Scene<'_>,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Vec<Stroke>, DrawRefusal> {
    let plan = cover::plan(
        &CoverRequest {
            // Home is no part of the area to be seen: a way that is open, with both ends next to it, is the shorter one.
            closed: scene.back && scene.from.is_none(),
            seed: scene.seed,
            effort: scene.effort,
            // Braking and going on from rest cost as much time as so many metres do.
            corner_m: scene.pace.corner_m(),
            angle_deg,
            start: scene.from,
            end: scene.from.filter(|_| scene.back),
            ..CoverRequest::new(scene.target.clone(), swath_m, scene.margin_m)
        },
        stop,
    )?;
    Ok(plan.routes.into_iter().map(Stroke::along).collect())
}
