//! Legs of one direction, one strictly after the other.

use super::DrawRefusal;
use super::lay::Stroke;
use crate::plane::EastNorth;
use geo::{BooleanOps, ConvexHull, Coord, LineString, MultiPolygon, Polygon};

/// Most legs.
const MAX_LEGS: f64 = 1_500.0;
/// Ends are drawn in by no more than this part of a leg.
const DRAWN_IN: f64 = 0.4;

/// Legs over `target` (inside `area`), beginning at the corner next to `commence`: half a track spacing inside.
pub(super) fn legs(
    spacing_m: f64,
    leg_deg: Option<f64>,
    commence: Option<EastNorth>,
    area: Option<&[EastNorth]>,
    target: &MultiPolygon<f64>,
) -> Result<Vec<Stroke>, DrawRefusal> {
    let inside;
    let target = match area {
        Some(ring) => {
            let line = LineString(
                ring.iter()
                    .map(|p| Coord {
                        x: p.east_m,
                        y: p.north_m,
                    })
                    .collect(),
            );
            inside = target.intersection(&Polygon::new(line, Vec::new()));
            &inside
        }
        None => target,
    };
    let deg = leg_deg.unwrap_or_else(|| along_short_side_deg(target));
    let (sin, cos) = deg.to_radians().sin_cos();
    // `along` runs with the legs, `across` to their right.
    let turn = |e: f64, n: f64| (e * sin + n * cos, e * cos - n * sin);
    let back = |along: f64, across: f64| {
        EastNorth::new(along * sin + across * cos, along * cos - across * sin)
    };
    let rings: Vec<Vec<(f64, f64)>> = target
        .0
        .iter()
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
        .map(|r| r.0.iter().map(|c| turn(c.x, c.y)).collect())
        .collect();
    let (low, high) = rings
        .iter()
        .flatten()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| {
            (l.min(p.1), h.max(p.1))
        });
    if low >= high || !(high - low).is_finite() {
        return Err(DrawRefusal::NoTarget);
    }
    let n = ((high - low) / spacing_m - 1e-6).ceil().max(1.0);
    if n > MAX_LEGS {
        return Err(DrawRefusal::BadFigure {
            what: "the number of legs",
            must: "at most 1500",
            is: n,
        });
    }
    let even_m = (high - low) / n;
    let mut rows: Vec<Vec<(EastNorth, EastNorth)>> = Vec::new();
    for k in 0..n as u32 {
        let across = low + (f64::from(k) + 0.5) * even_m;
        let mut cuts: Vec<f64> = Vec::new();
        for ring in &rings {
            for (a, b) in ring.iter().zip(ring.iter().skip(1)) {
                if (a.1 > across) != (b.1 > across) {
                    cuts.push(a.0 + (across - a.1) / (b.1 - a.1) * (b.0 - a.0));
                }
            }
        }
        cuts.sort_by(f64::total_cmp);
        let row: Vec<(EastNorth, EastNorth)> = cuts
            .chunks_exact(2)
            .filter_map(|pair| {
                let [from, to] = pair else { return None };
                let drawn_m = (even_m / 2.0).min(DRAWN_IN * (to - from));
                (to - from > 1e-6)
                    .then(|| (back(from + drawn_m, across), back(to - drawn_m, across)))
            })
            .collect();
        if !row.is_empty() {
            rows.push(row);
        }
    }
    if let Some(commence) = commence {
        let nearest = |row: Option<&Vec<(EastNorth, EastNorth)>>| {
            row.and_then(|r| {
                let (a, b) = (r.first()?.0, r.last()?.1);
                Some((a.distance_m(commence), b.distance_m(commence)))
            })
            .unwrap_or((f64::INFINITY, f64::INFINITY))
        };
        let (first, last) = (nearest(rows.first()), nearest(rows.last()));
        if last.0.min(last.1) < first.0.min(first.1) {
            rows.reverse();
        }
        let begin = nearest(rows.first());
        if begin.1 < begin.0 {
            rows.iter_mut().for_each(|row| turn_about(row));
        }
    }
    for (k, row) in rows.iter_mut().enumerate() {
        if k % 2 == 1 {
            turn_about(row);
        }
    }
    Ok(rows
        .into_iter()
        .flatten()
        .map(|(a, b)| Stroke::along(vec![a, b]))
        .collect())
}

fn turn_about(row: &mut [(EastNorth, EastNorth)]) {
    row.reverse();
    row.iter_mut().for_each(|leg| *leg = (leg.1, leg.0));
}

/// Direction of the short side of the smallest rectangle around the area: one of its sides lies along the hull.
fn along_short_side_deg(target: &MultiPolygon<f64>) -> f64 {
    let hull = target.convex_hull();
    let mut best = (f64::INFINITY, 0.0);
    for side in hull.exterior().lines() {
        let d = side.delta();
        let length_m = d.x.hypot(d.y);
        if length_m <= 0.0 {
            continue;
        }
        let (ux, uy) = (d.x / length_m, d.y / length_m);
        let span = |x: f64, y: f64| {
            let (l, h) = hull
                .exterior()
                .coords()
                .map(|c| c.x * x + c.y * y)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                    (l.min(v), h.max(v))
                });
            h - l
        };
        let (along_m, across_m) = (span(ux, uy), span(-uy, ux));
        // Clockwise from north.
        let deg = ux.atan2(uy).to_degrees();
        if along_m * across_m < best.0 {
            best = (
                along_m * across_m,
                if along_m <= across_m { deg } else { deg + 90.0 },
            );
        }
    }
    best.1.rem_euclid(180.0)
}
