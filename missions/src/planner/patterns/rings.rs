//! Rings: the perimeter of every part, and circles around a point of interest.

use super::lay::{Scene, Stroke};
use super::{DrawRefusal, Round, step};
use crate::plane::EastNorth;
use geo::algorithm::buffer::{Buffer, BufferStyle, LineJoin};
use geo::{Area, BooleanOps, LineString, MultiPolygon, Polygon};

/// The perimeter keeps this much more than the margin, as a part of it: room for chords across its arcs.
const ROOM: f64 = 0.03;
/// Chords may cut off this part of the offset.
const CHORD: f64 = 0.025;
/// Step of an arc before chords are laid across, radians.
const ARC_RAD: f64 = 0.08;
/// Most places that a chord may pass.
const CHORD_PLACES: usize = 64;
/// A ring around less than this is rounding, square metres.
const CRUMB_M2: f64 = 1.0;
/// A circle's chords cut off at most this part of its radius.
const SAG: f64 = 0.02;

/// Once around every part of the area, at `offset_m` inside its boundary and at the margin from keep-outs.
pub(super) fn perimeter(offset_m: f64, scene: &Scene<'_>) -> Result<Vec<Stroke>, DrawRefusal> {
    let asked_m = offset_m.max(scene.margin_m * (1.0 + ROOM) + 0.02);
    let keepouts_m = scene.margin_m * (1.0 + ROOM) + 0.02;
    let boundary = MultiPolygon(
        (scene.target.0.iter())
            .map(|p| Polygon::new(p.exterior().clone(), Vec::new()))
            .collect(),
    );
    let left = shrink(&boundary, asked_m).intersection(&shrink(scene.target, keepouts_m));
    let mut strokes: Vec<Stroke> = left
        .0
        .iter()
        .filter(|p| p.unsigned_area() > CRUMB_M2)
        .map(|p| {
            let ring = begin_near(places(p.exterior()), scene.from);
            Stroke::along(chords(ring, CHORD * asked_m, scene))
        })
        .filter(|s| s.places.len() > 3)
        .collect();
    if strokes.is_empty() {
        return Err(DrawRefusal::MarginLeavesNothing { margin_m: asked_m });
    }
    // The nearest part first.
    if let Some(from) = scene.from {
        let to = |s: &Stroke| {
            s.places
                .first()
                .map_or(f64::INFINITY, |p| p.distance_m(from))
        };
        strokes.sort_by(|a, b| to(a).total_cmp(&to(b)));
    }
    Ok(strokes)
}

/// What lies at least `by_m` inside the outline.
pub(in crate::planner) fn shrink(shape: &MultiPolygon<f64>, by_m: f64) -> MultiPolygon<f64> {
    // Chords of a round join lie nearer to the corner than its arc, by up to twice the asked step.
    let by_m = by_m / ARC_RAD.cos();
    shape.buffer_with_style(BufferStyle::new(-by_m).line_join(LineJoin::Round(ARC_RAD)))
}

fn places(ring: &LineString<f64>) -> Vec<EastNorth> {
    ring.coords().map(|c| EastNorth::new(c.x, c.y)).collect()
}

/// Turns a closed way (its first place repeated) so that it begins at the place nearest to `from`.
pub(super) fn begin_near(mut ring: Vec<EastNorth>, from: Option<EastNorth>) -> Vec<EastNorth> {
    let Some(from) = from else { return ring };
    if ring.len() < 3 || ring.first() != ring.last() {
        // An open way begins at its nearer end.
        let to = |p: Option<&EastNorth>| p.map_or(f64::INFINITY, |p| p.distance_m(from));
        if to(ring.last()) < to(ring.first()) {
            ring.reverse();
        }
        return ring;
    }
    ring.pop();
    let nearest = ring
        .iter()
        .enumerate()
        .min_by(|a, b| a.1.distance_m(from).total_cmp(&b.1.distance_m(from)))
        .map_or(0, |(i, _)| i);
    ring.rotate_left(nearest);
    if let Some(first) = ring.first().copied() {
        ring.push(first);
    }
    ring
}

/// Fewer places: chords that cut off no more than `cut_m`, and may be flown.
fn chords(ring: Vec<EastNorth>, cut_m: f64, scene: &Scene<'_>) -> Vec<EastNorth> {
    let mut out: Vec<EastNorth> = Vec::new();
    let mut i = 0;
    while let Some(p) = ring.get(i) {
        out.push(*p);
        let mut next = i + 1;
        for j in i + 2..ring.len().min(i + CHORD_PLACES) {
            let (Some(q), Some(between)) = (ring.get(j), ring.get(i + 1..j)) else {
                break;
            };
            let near = |b: &EastNorth| crate::fence::flat::point_to_edge_m(*b, (*p, *q)) <= cut_m;
            if !between.iter().all(near) {
                break;
            }
            if scene.ground.sees(*p, *q) {
                next = j;
            }
        }
        i = next;
    }
    out
}

/// Around a place, beginning at the side next to `from`.
pub(super) fn orbit(centre: EastNorth, round: &Round, from: Option<EastNorth>) -> Stroke {
    let corners = corners(round.radius_m);
    let begin_deg = from
        .filter(|f| f.distance_m(centre) > 1e-3)
        .map_or(0.0, |f| {
            (f.east_m - centre.east_m)
                .atan2(f.north_m - centre.north_m)
                .to_degrees()
        });
    let step_deg = 360.0 / f64::from(corners) * round.turn.sign();
    Stroke {
        places: (0..=corners * round.turns)
            // Counted anew each turn, so that every turn has the very same places.
            .map(|k| {
                let toward_deg = begin_deg + step_deg * f64::from(k % corners);
                step(centre, toward_deg, round.radius_m)
            })
            .collect(),
        hold_s: 0.0,
        look_at: Some(centre),
    }
}

/// Corners of a circle's polygon.
fn corners(radius_m: f64) -> u32 {
    let sag_m = (SAG * radius_m).max(0.25);
    let half_rad = (1.0 - sag_m / radius_m).clamp(-1.0, 1.0).acos();
    (std::f64::consts::PI / half_rad).ceil().clamp(8.0, 72.0) as u32
}
