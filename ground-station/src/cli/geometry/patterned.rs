//! Every pattern but the sweep, drawn over the free area.

use super::ground::Ground;
use super::{Budget, Patterned};
use crate::cli::measure;
use crate::cli::plan::drawn::{PACE, Route};
use crate::cli::plan::{Plan, wish};
use anyhow::bail;
use missions::formats::ImportedVenue;
use missions::planner::patterns::{DrawRequest, LeftOut, Pace, Why, draw};
use serde_json::json;

pub(super) fn patterned(
    a: &Plan,
    ground: &Ground,
    got: &ImportedVenue,
) -> anyhow::Result<Patterned> {
    if a.aircraft > 1 {
        bail!(
            "--aircraft {}: only sweep and rounds are shared among several; plan {} for each with --area ZONE",
            a.aircraft,
            a.pattern.text()
        );
    }
    let pattern = wish::pattern(a, &got.venue, &got.lines)?.map(|p| ground.plane.to_local(*p));
    let request = DrawRequest {
        closed: a.drawing.closed,
        seed: a.drawing.seed,
        effort: a.drawing.effort.unwrap_or(0),
        pace: Pace {
            speed_mps: a.speed.unwrap_or(PACE.0),
            brake_mps2: PACE.1,
            start_s: 0.0,
        },
        ..DrawRequest::new(ground.target.clone(), a.margin + ground.off_m, pattern)
    };
    let mut budget = Budget::new(a.drawing.budget_ms);
    let done = draw(&request, || budget.over())?;
    let s = done.stats;
    let mut out = Patterned::default();
    for way in &done.ways {
        let mut route = Route::new(1, way.iter().map(|p| p.at).collect());
        route.holds_s = way
            .iter()
            .enumerate()
            .filter(|(_, p)| p.hold_s > 0.0)
            .map(|(i, p)| (i, p.hold_s))
            .collect();
        out.routes.push(route);
    }
    let seen = a.seen();
    let ways: Vec<_> = out.routes.iter().map(|r| r.places.clone()).collect();
    let measured = measure::measure(&ground.target, &ways, seen.swath_m, a.margin);
    for (k, v) in [
        ("length_m", json!(s.length_m)),
        ("pattern_m", json!(s.pattern_m)),
        ("left_out_m", json!(s.left_out_m)),
        ("spots_left_out", json!(s.spots_left_out)),
        ("turns", json!(s.turns)),
        ("time_s", json!(s.time_s)),
        ("coverage", json!(measured.coverage)),
        ("min_clearance_m", json!(s.clearance_m)),
        ("margin_m", json!(a.margin)),
        ("swath_m", json!(seen.swath_m)),
    ] {
        out.figures.insert(k.into(), v);
    }
    super::sweep::camera(a, &mut out);
    out.words.push(format!(
        "{:.0} m in {} way(s), {:.0} m of it pattern, {} turns",
        s.length_m,
        out.routes.len(),
        s.pattern_m,
        s.turns
    ));
    out.words.push(format!(
        "keeps {:.2} m from every edge; {:.1} % of the whole area seen at a swath of {:.1} m",
        s.clearance_m,
        100.0 * measured.coverage,
        seen.swath_m
    ));
    left_out(a, ground, &done.left_out, &mut out);
    Ok(out)
}

/// What is not flown, and why: in one note, or each piece with its place under `--explain`.
fn left_out(a: &Plan, ground: &Ground, pieces: &[LeftOut], out: &mut Patterned) {
    if pieces.is_empty() {
        return;
    }
    let why = |w: Why| match w {
        Why::TooNear => "leaves the area or comes nearer to an edge than the margin",
        Why::TooShort => "too short to fly to",
        Why::NoWay => "no way leads there",
    };
    for w in [Why::TooNear, Why::TooShort, Why::NoWay] {
        let mine: Vec<&LeftOut> = pieces.iter().filter(|p| p.why == w).collect();
        if !mine.is_empty() {
            out.notes.push(format!(
                "left out: {} piece(s), {:.0} m: {}",
                mine.len(),
                mine.iter().map(|p| p.metres).sum::<f64>(),
                why(w)
            ));
        }
    }
    for p in pieces {
        out.left_out.push((p.from, p.to));
        if a.explain {
            let (lat, lon) = ground.plane.to_degrees(p.from);
            let (lat2, lon2) = ground.plane.to_degrees(p.to);
            out.notes.push(format!(
                "left out {:.1} m from {lat:.7}, {lon:.7} to {lat2:.7}, {lon2:.7}: {}",
                p.metres,
                why(p.why)
            ));
        }
    }
    let each: Vec<_> = pieces
        .iter()
        .map(|p| {
            let (lat, lon) = ground.plane.to_degrees(p.from);
            let (lat2, lon2) = ground.plane.to_degrees(p.to);
            json!({"from": [lon, lat], "to": [lon2, lat2], "metres": p.metres, "why": p.why})
        })
        .collect();
    out.figures.insert("left_out".into(), json!(each));
}
