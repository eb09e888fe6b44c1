//! The sweep, by one aircraft.

use super::ground::Ground;
use super::{Budget, Patterned};
use crate::cli::plan::Plan;
use crate::cli::plan::drawn::Route;
use anyhow::Context;
use geo::Area;
use missions::planner::cover::{self, CoverRequest};
use serde_json::{Value, json};

/// What to cover, by the flags.
pub(in crate::cli) fn request(a: &Plan, ground: &Ground) -> CoverRequest {
    let swath_m = a.seen().swath_m;
    CoverRequest {
        closed: a.drawing.closed,
        seed: a.drawing.seed,
        effort: a
            .drawing
            .effort
            .unwrap_or_else(|| cover::thorough(ground.target.unsigned_area(), swath_m)),
        angle_deg: a.angle,
        ..CoverRequest::new(ground.target.clone(), swath_m, a.margin + ground.off_m)
    }
}

pub(super) fn sweep(a: &Plan, ground: &Ground) -> anyhow::Result<Patterned> {
    let request = request(a, ground);
    let mut budget = Budget::new(a.drawing.budget_ms);
    let plan = cover::plan(&request, || budget.over()).context("no plan")?;
    let s = plan.stats;
    let late = budget.was_over() && s.effort < request.effort;
    let mut out = Patterned::default();
    let figures = json!({
        "flyable": false,
        "pattern": "sweep",
        "routes": plan.routes.len(),
        "length_m": s.length_m,
        "turns": s.turns,
        "area_m2": s.target_m2,
        "reachable_m2": s.reachable_m2,
        "coverage": s.coverage,
        "min_clearance_m": s.clearance_m,
        "length_by_area_and_swath": s.ratio,
        "seed": a.drawing.seed,
        "effort": s.effort,
        "effort_asked": request.effort,
        "stopped_by_budget": late,
        "margin_m": a.margin,
        "swath_m": request.swath_m,
    });
    if let Value::Object(f) = figures {
        out.figures = f;
    }
    camera(a, &mut out);
    out.words.extend([
        format!(
            "{:.0} m in {} way(s), {} turns; {:.2} % of what can be reached is seen",
            s.length_m,
            plan.routes.len(),
            s.turns,
            100.0 * s.coverage
        ),
        format!(
            "keeps {:.2} m from every edge; {:.3} times area ÷ swath",
            s.clearance_m, s.ratio
        ),
        format!(
            "seed {}, effort {} of {}",
            a.drawing.seed, s.effort, request.effort
        ),
    ]);
    if s.reachable_m2 < 0.995 * s.target_m2 {
        out.notes.push(format!(
            "{:.1} % of the area cannot be seen at a margin of {} m: a smaller margin or a wider swath sees more",
            100.0 * (1.0 - s.reachable_m2 / s.target_m2),
            a.margin
        ));
    }
    if late {
        out.words.push(Budget::words(a, s.effort));
    }
    out.routes = plan.routes.into_iter().map(|r| Route::new(1, r)).collect();
    Ok(out)
}

/// What the camera sees, where one was given.
pub(in crate::cli) fn camera(a: &Plan, out: &mut Patterned) {
    let seen = a.seen();
    let Some((across_m, along_m, gsd_cm)) = seen.camera else {
        return;
    };
    out.figures.insert(
        "camera".into(),
        json!({"footprint_across_m": across_m, "footprint_along_m": along_m, "gsd_cm": gsd_cm}),
    );
    let gsd = gsd_cm.map_or(String::new(), |g| format!(", {g:.1} cm a pixel"));
    out.words.push(format!(
        "the camera sees {across_m:.1} × {along_m:.1} m from {:.0} m{gsd}: swath {:.1} m",
        a.altitude, seen.swath_m
    ));
}
