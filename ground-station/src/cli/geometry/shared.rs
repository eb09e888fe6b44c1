//! The sweep, shared among several aircraft.

use super::ground::Ground;
use super::sweep::{camera, request};
use super::{Budget, Patterned};
use crate::cli::plan::Plan;
use crate::cli::plan::drawn::Route;
use anyhow::Context;
use missions::planner::fleet::{self, Aircraft, Battery, FleetRequest};
use serde_json::{Value, json};

pub(super) fn shared(a: &Plan, ground: &Ground) -> anyhow::Result<Patterned> {
    let cover = request(a, ground);
    let (swath_m, effort) = (cover.swath_m, cover.effort);
    let k = usize::try_from(a.aircraft)?;
    let request = FleetRequest {
        cover,
        // Geometry knows no batteries and no launch sites: even shares.
        aircraft: vec![
            Aircraft {
                site: None,
                battery: Battery::Share(1.0),
            };
            k
        ],
    };
    let mut budget = Budget::new(a.drawing.budget_ms);
    let plan = fleet::plan(&request, |part| {
        budget.over();
        budget.part() >= part
    })
    .context("no plan")?;
    let s = plan.stats;
    let late = s.hurried || budget.was_over();
    let mut out = Patterned::default();
    let figures = json!({
        "aircraft": k,
        "length_m": s.sum_m,
        "longest_m": s.longest_m,
        "balance": s.balance,
        "alone_m": s.alone_m,
        "sum_by_alone": s.sum_ratio,
        "turns": s.turns,
        "coverage": s.coverage,
        "min_clearance_m": s.clearance_m,
        "seed": a.drawing.seed,
        "effort": s.effort,
        "effort_asked": effort,
        "stopped_by_budget": late,
        "margin_m": a.margin,
        "swath_m": swath_m,
    });
    if let Value::Object(f) = figures {
        out.figures = f;
    }
    camera(a, &mut out);
    out.words.extend([
        format!(
            "{k} aircraft: {:.0} m in all, {:+.1} % against one alone; the longest {:.0} m, {:.3} times an even share",
            s.sum_m,
            100.0 * (s.sum_ratio - 1.0),
            s.longest_m,
            s.balance
        ),
        format!(
            "{:.2} % of what can be reached is seen; keeps {:.2} m from every edge; {} turns",
            100.0 * s.coverage,
            s.clearance_m,
            s.turns
        ),
        format!("seed {}, effort {}", a.drawing.seed, s.effort),
    ]);
    if late {
        out.words.push(format!(
            "stopped by --budget-ms {}: more time may give shorter and more even shares",
            a.drawing.budget_ms
        ));
    }
    for (i, share) in plan.shares.into_iter().enumerate() {
        if share.flights.len() > 1 {
            out.notes.push(format!(
                "aircraft {} has {} flights: the margin cuts the area into pieces, and it has to be carried between them",
                i + 1,
                share.flights.len()
            ));
        }
        out.routes
            .extend(share.flights.into_iter().map(|f| Route::new(i + 1, f)));
    }
    Ok(out)
}
