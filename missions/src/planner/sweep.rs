//! Back and forth: parallel lines over the free region, joined by proven ways.
//!
//! Lines are cut at the free region's edge, so each is inside by itself; the order is greedy (nearest next end by proven
//! way, neighbours preferred), the direction the one that gives the shortest whole.

use super::{Ground2d, Line, PlanRefusal, Way};
use crate::fence::route::SLACK_M;
use crate::plane::EastNorth;

/// Directions tried when none is asked for.
const ANGLES: u32 = 12;
/// Ends looked at by proven way before the nearest is taken.
const CANDIDATES: usize = 5;
/// Lines shorter than this part of the swath see nothing their neighbours do not.
const SHORTEST: f64 = 0.15;
/// Most lines a sweep may have.
const MAX_LINES: usize = 1_500;

/// The whole way, from the start and back to it.
pub(super) fn sweep(
    g: &Ground2d<'_>,
    swath_m: f64,
    angle_deg: Option<f64>,
) -> Result<Way, PlanRefusal> {
    let angles: Vec<f64> = match angle_deg {
        Some(a) => vec![a],
        None => (0..ANGLES)
            .map(|i| 180.0 * f64::from(i) / f64::from(ANGLES))
            .collect(),
    };
    let mut best: Option<(f64, Way)> = None;
    let mut refusal = None;
    for angle in angles {
        let (lines, lost_m) = lines(g, swath_m, angle);
        if lines.is_empty() || lines.len() > MAX_LINES {
            continue;
        }
        match join(g, lines) {
            Ok(mut way) => {
                way.left_out_m += lost_m;
                // Every turn costs braking and accelerating again: count it as a piece of way.
                let cost = (g.router.length_m(&way.places) + 10.0 * way.places.len() as f64)
                    / way.patrolled_m;
                if best.as_ref().is_none_or(|(b, _)| cost < *b) {
                    best = Some((cost, way));
                }
            }
            Err(e) => refusal = Some(e),
        }
    }
    match best {
        Some((_, way)) => Ok(way),
        None => Err(refusal.unwrap_or_else(|| g.nothing_left())),
    }
}

/// Parallel lines over the free region, at most `swath_m` apart, and the metres of them that cannot be flown because a
/// return from there would not stay inside.
fn lines(g: &Ground2d<'_>, swath_m: f64, angle_deg: f64) -> (Vec<Line>, f64) {
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    // `along` runs in the direction of the lines, `across` to their right.
    let turn = |p: EastNorth| {
        (
            p.east_m * sin + p.north_m * cos,
            p.east_m * cos - p.north_m * sin,
        )
    };
    let back = |along: f64, across: f64| {
        EastNorth::new(along * sin + across * cos, along * cos - across * sin)
    };
    let (mut low, mut high) = (
        (f64::INFINITY, f64::INFINITY),
        (f64::NEG_INFINITY, f64::NEG_INFINITY),
    );
    let outline = g.zone.as_ref().unwrap_or(g.fence.boundary());
    for p in outline.vertices() {
        let (along, across) = turn(p);
        low = (low.0.min(along), low.1.min(across));
        high = (high.0.max(along), high.1.max(across));
    }
    // The outermost lines see to the edge where the margin lets them.
    let margin_m = if g.zone.is_some() {
        0.0
    } else {
        g.rules.margin_m + 2.0 * SLACK_M
    };
    let edge_m = margin_m.max(swath_m / 2.0).min((high.1 - low.1) / 2.0);
    let (first, last) = (low.1 + edge_m, high.1 - edge_m);
    let span = last - first;
    if !span.is_finite() {
        return (Vec::new(), 0.0);
    }
    let steps = (span / swath_m).ceil().max(0.0) as usize;
    let mut out = Vec::new();
    let mut lost_m = 0.0;
    for i in 0..=steps.min(MAX_LINES) {
        let across = first + span * i as f64 / steps.max(1) as f64;
        let line = (back(low.0, across), back(high.0, across));
        let (found, lost) = g.flyable_pieces(line, 0.0, swath_m * SHORTEST);
        out.extend(found);
        lost_m += lost;
    }
    (out, lost_m)
}

/// Joins lines into one way from the start and back. Lines that cannot be reached are left out and counted.
fn join(g: &Ground2d<'_>, mut lines: Vec<Line>) -> Result<Way, PlanRefusal> {
    let plane = g.fence.plane();
    let mut way = vec![g.start];
    let mut here = g.start;
    let (mut patrolled_m, mut left_out_m) = (0.0, 0.0);
    while !lines.is_empty() {
        let p = plane.to_local(here);
        let mut ends: Vec<(f64, usize, bool)> = lines
            .iter()
            .enumerate()
            .flat_map(|(i, l)| {
                [
                    (plane.to_local(l.a).distance_m(p), i, false),
                    (plane.to_local(l.b).distance_m(p), i, true),
                ]
            })
            .collect();
        ends.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        let mut best: Option<(f64, usize, bool, Vec<crate::place::LatLon>)> = None;
        let mut tried = 0;
        for (straight_m, i, reversed) in ends {
            if tried >= CANDIDATES || best.as_ref().is_some_and(|b| straight_m >= b.0) {
                break;
            }
            let Some(l) = lines.get(i) else { continue };
            let entry = if reversed { l.b } else { l.a };
            if let Some(leg) = g.router.route(here, entry) {
                tried += 1;
                let d = g.router.length_m(&leg);
                if best.as_ref().is_none_or(|b| d < b.0) {
                    best = Some((d, i, reversed, leg));
                }
            }
        }
        let Some((_, i, reversed, leg)) = best else {
            // None of the rest can be reached from here, and ways run both ways.
            left_out_m += lines.iter().map(|l| g.length_m(l)).sum::<f64>();
            break;
        };
        let l = lines.swap_remove(i);
        patrolled_m += g.length_m(&l);
        way.extend(leg.into_iter().skip(1));
        here = if reversed { l.a } else { l.b };
        way.push(here);
    }
    if patrolled_m <= 0.0 {
        return Err(g.nothing_left());
    }
    let home = g.router.route(here, g.start).ok_or(PlanRefusal::NoWay {
        from: here,
        to: g.start,
    })?;
    way.extend(home.into_iter().skip(1));
    Ok(Way {
        places: g.tidy(way),
        patrolled_m,
        left_out_m,
    })
}
