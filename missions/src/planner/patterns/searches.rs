//! Searches around a datum, as the IAMSAR Manual draws them; for what drifts, in the frame that moves with it.

use super::lay::{Scene, Stroke};
use super::{DrawRefusal, Drift, Hand, step};
use crate::plane::EastNorth;

/// Rounds of the fixed point "where it will be when we are there": drift is less than the aircraft's speed, so each
/// round leaves at most that part of the error.
const ROUNDS: u32 = 60;

/// Corners of an expanding square, relative to the datum: legs d, d, 2d, 2d, 3d … and 90° turns.
pub(super) fn square(spacing_m: f64, first_leg_deg: f64, legs: u32, turn: Hand) -> Vec<EastNorth> {
    let mut at = EastNorth::new(0.0, 0.0);
    let corners = (0..legs).map(|k| {
        let toward_deg = first_leg_deg + 90.0 * f64::from(k % 4) * turn.sign();
        at = step(at, toward_deg, spacing_m * f64::from(k / 2 + 1));
        at
    });
    std::iter::once(EastNorth::new(0.0, 0.0))
        .chain(corners)
        .collect()
}

/// Corners of a sector search, relative to the datum: out, across, back and on through the datum, three times; the next
/// run is turned by 30°.
pub(super) fn sector(radius_m: f64, first_leg_deg: f64, runs: u32, turn: Hand) -> Vec<EastNorth> {
    let datum = EastNorth::new(0.0, 0.0);
    let mut out = vec![datum];
    for run in 0..runs {
        // After each triangle it goes straight on, which is 240° (three turns of 120° less one) from the leg before.
        for triangle in 0..3 {
            let from_first = 30.0 * f64::from(run) + 240.0 * f64::from(triangle);
            let spoke_deg = first_leg_deg + from_first * turn.sign();
            let tip = step(datum, spoke_deg, radius_m);
            out.push(tip);
            out.push(step(datum, spoke_deg + 60.0 * turn.sign(), radius_m));
            out.push(datum);
        }
    }
    out
}

/// Legs over ground.
///
/// # Errors
/// [`DrawRefusal::DatumOutside`] where the datum, when it is reached, lies where nothing may fly.
pub(super) fn strokes(
    datum: EastNorth,
    offsets: &[EastNorth],
    drift: Option<&Drift>,
    scene: &Scene<'_>,
) -> Result<Vec<Stroke>, DrawRefusal> {
    let (w, age_s) = drift.map_or((EastNorth::new(0.0, 0.0), 0.0), |d| {
        (d.velocity_mps(), d.age_s)
    });
    let when = |offset: EastNorth, t: f64| {
        EastNorth::new(
            datum.east_m + offset.east_m + w.east_m * (age_s + t),
            datum.north_m + offset.north_m + w.north_m * (age_s + t),
        )
    };
    let mut here = scene.from;
    let mut clock_s = scene.pace.start_s;
    let mut places = Vec::with_capacity(offsets.len());
    for (k, offset) in offsets.iter().enumerate() {
        clock_s = match scene.times_s.and_then(|t| t.get(k)) {
            Some(t) => *t,
            None => meet(here, clock_s, scene, |t| when(*offset, t)),
        };
        let at = when(*offset, clock_s);
        places.push(at);
        here = Some(at);
    }
    if let Some(first) = places.first().map(|p| scene.ground.on_grid(*p))
        && !scene.ground.sees(first, first)
    {
        return Err(DrawRefusal::DatumOutside {
            datum: first,
            nearest: scene.ground.nearest(first),
        });
    }
    Ok(places
        .iter()
        .zip(places.iter().skip(1))
        .map(|(a, b)| Stroke::along(vec![*a, *b]))
        .collect())
}

/// When a straight leg begun at `clock_s` meets a place that moves.
fn meet(
    here: Option<EastNorth>,
    clock_s: f64,
    scene: &Scene<'_>,
    place: impl Fn(f64) -> EastNorth,
) -> f64 {
    let Some(here) = here else { return clock_s };
    let mut t = clock_s;
    for _ in 0..ROUNDS {
        let next = clock_s + scene.pace.leg_time_s(here.distance_m(place(t)));
        if (next - t).abs() < 1e-9 {
            break;
        }
        t = next;
    }
    t
}
