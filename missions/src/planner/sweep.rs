//! Back and forth: parallel lines over the free region, joined by proven ways.
//!
//! Lines are cut at the free region's edge, so each is inside by itself; the order is greedy (nearest next end by proven
//! way, neighbours preferred), the direction the one that gives the shortest whole.

use super::{Ground2d, PlanRefusal};
use crate::place::LatLon;
use crate::plane::EastNorth;

/// Directions tried when none is asked for.
const ANGLES: u32 = 12;
/// Ends looked at by proven way before the nearest is taken.
const CANDIDATES: usize = 5;
/// Lines shorter than this part of the swath see nothing their neighbours do not.
const SHORTEST: f64 = 0.15;
/// Returns are looked at this often along a line, metres.
const PROBE_M: f64 = 4.0;
/// Most lines a sweep may have.
const MAX_LINES: usize = 1_500;

struct Line {
    a: LatLon,
    b: LatLon,
}

/// The whole way, from the start and back to it.
pub(super) fn sweep(
    g: &Ground2d<'_>,
    swath_m: f64,
    angle_deg: Option<f64>,
) -> Result<(Vec<LatLon>, f64), PlanRefusal> {
    let angles: Vec<f64> = match angle_deg {
        Some(a) => vec![a],
        None => (0..ANGLES)
            .map(|i| 180.0 * f64::from(i) / f64::from(ANGLES))
            .collect(),
    };
    let mut best: Option<(f64, Vec<LatLon>, f64)> = None;
    let mut refusal = None;
    for angle in angles {
        let lines = lines(g, swath_m, angle);
        if lines.is_empty() || lines.len() > MAX_LINES {
            continue;
        }
        let plane = g.fence.plane();
        let patrolled_m: f64 = lines
            .iter()
            .map(|l| plane.to_local(l.a).distance_m(plane.to_local(l.b)))
            .sum();
        match join(g, lines) {
            Ok(way) => {
                // Every turn costs braking and accelerating again: count it as a piece of way.
                let cost = (g.router.length_m(&way) + 10.0 * way.len() as f64) / patrolled_m;
                if best.as_ref().is_none_or(|(b, ..)| cost < *b) {
                    best = Some((cost, way, patrolled_m));
                }
            }
            Err(e) => refusal = Some(e),
        }
    }
    match best {
        Some((_, way, patrolled_m)) => Ok((way, patrolled_m)),
        None => Err(refusal.unwrap_or(PlanRefusal::NothingLeft {
            margin_m: g.rules.margin_m,
            alt_m: g.alt_amsl_m - g.fence.home().alt.metres(),
        })),
    }
}

/// Parallel lines over the free region, `swath_m` apart, evenly laid.
fn lines(g: &Ground2d<'_>, swath_m: f64, angle_deg: f64) -> Vec<Line> {
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    // `along` runs in the direction of the lines, `across` to their right.
    let turn = |x: f64, y: f64| (x * sin + y * cos, x * cos - y * sin);
    let back = |along: f64, across: f64| {
        EastNorth::new(along * sin + across * cos, along * cos - across * sin)
    };
    let mut edges: Vec<((f64, f64), (f64, f64))> = Vec::new();
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for polygon in &g.free {
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            for l in ring.lines() {
                let (p, q) = (turn(l.start.x, l.start.y), turn(l.end.x, l.end.y));
                low = low.min(p.1).min(q.1);
                high = high.max(p.1).max(q.1);
                edges.push((p, q));
            }
        }
    }
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return Vec::new();
    }
    // The region already lies a margin inside, so a line on its edge would waste half a swath.
    let n = (span / swath_m).ceil().max(1.0) as usize;
    let step = span / n as f64;
    let mut out = Vec::new();
    for i in 0..n.min(MAX_LINES) {
        let across = low + (i as f64 + 0.5) * step;
        let mut cuts: Vec<f64> = edges
            .iter()
            .filter(|(p, q)| (p.1 > across) != (q.1 > across))
            .map(|(p, q)| p.0 + (across - p.1) / (q.1 - p.1) * (q.0 - p.0))
            .collect();
        cuts.sort_by(f64::total_cmp);
        for pair in cuts.chunks_exact(2) {
            let [from, to] = pair else { continue };
            if to - from < swath_m * SHORTEST {
                continue;
            }
            for (from, to) in returnable(g, back, *from, *to, across) {
                if to - from < swath_m * SHORTEST {
                    continue;
                }
                let plane = g.fence.plane();
                if let (Some(a), Some(b)) = (
                    plane.to_latlon(back(from, across)),
                    plane.to_latlon(back(to, across)),
                ) && g.router.sees(a, b)
                {
                    out.push(Line { a, b });
                }
            }
        }
    }
    out
}

/// The pieces of a line from which the autopilot's own return stays inside.
fn returnable(
    g: &Ground2d<'_>,
    back: impl Fn(f64, f64) -> EastNorth,
    from: f64,
    to: f64,
    across: f64,
) -> Vec<(f64, f64)> {
    let n = ((to - from) / PROBE_M).ceil().max(1.0) as u32;
    let step = (to - from) / f64::from(n);
    let mut out = Vec::new();
    let mut open: Option<f64> = None;
    for i in 0..=n {
        let along = from + step * f64::from(i);
        let fine = g.returns.check(back(along, across), g.alt).is_ok();
        match (fine, open) {
            (true, None) => open = Some(along),
            (false, Some(a)) => {
                out.push((a, along - step));
                open = None;
            }
            _ => {}
        }
    }
    if let Some(a) = open {
        out.push((a, to));
    }
    out
}

/// Joins lines into one way from the start and back.
fn join(g: &Ground2d<'_>, mut lines: Vec<Line>) -> Result<Vec<LatLon>, PlanRefusal> {
    let plane = g.fence.plane();
    let mut way = vec![g.start];
    let mut here = g.start;
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
        let mut best: Option<(f64, usize, bool, Vec<LatLon>)> = None;
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
            let to = lines.first().map_or(here, |l| l.a);
            return Err(PlanRefusal::NoWay { from: here, to });
        };
        let l = lines.swap_remove(i);
        way.extend(leg.into_iter().skip(1));
        here = if reversed { l.a } else { l.b };
        way.push(here);
    }
    let home = g.router.route(here, g.start).ok_or(PlanRefusal::NoWay {
        from: here,
        to: g.start,
    })?;
    way.extend(home.into_iter().skip(1));
    way.dedup();
    Ok(way)
}
