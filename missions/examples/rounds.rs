//! Patrol rounds on the graphs of `patrolling_sim`: worst idleness of four aircraft against one loop shared by all, and
//! against the bounds; then a shift with promises, swaps and orders drawn by chance.
//!
//! `cargo run --release -p missions --example rounds -- [--json] [--aircraft K] [--effort N] [--seed S] [FOLDER|FILE...]`
//! (folder: `$PATROL_DATA/patrol_graphs`, or `../shared/data/patrol_graphs`)

use missions::planner::rounds::shift::{Battery, ShiftRequest, drawn_shift, steady_shift};
use missions::planner::rounds::{Differing, Effort, PatrolGraph, RoundsRequest, plan_rounds};
use serde_json::{Value, json};
use std::path::PathBuf;

struct Args {
    json: bool,
    aircraft: usize,
    effort: Effort,
    files: Vec<PathBuf>,
}

fn args() -> Result<Args, Box<dyn std::error::Error>> {
    let mut out = Args {
        json: false,
        aircraft: 4,
        effort: Effort::default(),
        files: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(w) = words.next() {
        let mut value = || words.next().ok_or(format!("{w} needs a value"));
        match w.as_str() {
            "--json" => out.json = true,
            "--aircraft" => out.aircraft = value()?.parse()?,
            "--effort" => out.effort.steps = value()?.parse()?,
            "--seed" => out.effort.seed = value()?.parse()?,
            path => out.files.push(path.into()),
        }
    }
    if out.files.is_empty() {
        let data = std::env::var("PATROL_DATA").unwrap_or_else(|_| "../shared/data".into());
        out.files.push(PathBuf::from(data).join("patrol_graphs"));
    }
    let mut files = Vec::new();
    for f in out.files {
        if f.is_dir() {
            let listed: Vec<_> = std::fs::read_dir(f)?.collect::<Result<_, _>>()?;
            files.extend(
                listed
                    .into_iter()
                    .map(|e| e.path())
                    .filter(|p| p.extension().is_some_and(|x| x == "graph")),
            );
        } else {
            files.push(f);
        }
    }
    files.sort();
    out.files = files;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = args()?;
    let mut rows = Vec::new();
    for file in &args.files {
        let graph = PatrolGraph::parse(&std::fs::read_to_string(file)?)?;
        let costs = graph.costs(Differing::Shorter)?;
        let points = costs.places();
        let request = RoundsRequest {
            costs: costs.clone(),
            importance: vec![1.0; points],
            aircraft: args.aircraft,
            one_each: false,
            effort: args.effort,
        };
        let plan = plan_rounds(&request, &mut || false)?;
        let mut row = json!({
            "name": file.file_stem().map(|s| s.to_string_lossy().into_owned()),
            "bound": plan.one_loop_m,
            "measured": plan.worst_m,
            "pass": plan.worst_m <= plan.one_loop_m + 1e-9,
            "manner": plan.manner,
            "forest_bound_m": plan.forest_bound_m,
            "ratio_to_forest": plan.worst_m / plan.forest_bound_m,
            "ways_bound_m": plan.bound_m,
            "ratio_to_ways_bound": plan.worst_m / plan.bound_m,
            "longest_open_way_m": plan.longest_open_way_m,
            "ratio_to_open_ways": plan.worst_m / plan.longest_open_way_m,
            "ways_with_two_lengths": graph.differing().len(),
            "steps": plan.steps,
        });
        row["shift"] = shift(&request)?;
        rows.push(row);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!(
        "worst idleness of {} aircraft, metres; must be <= one loop shared by all",
        args.aircraft
    );
    println!(
        "{:16} {:>8} {:>9} {:5} {:10} {:>7} {:>6} {:>7} {:>6} {:>7} {:>6}   shift of 8 h, promise 1.5 laps: entropy",
        "name",
        "bound",
        "measured",
        "pass",
        "manner",
        "forest",
        "ratio",
        "ways>=",
        "ratio",
        "ways",
        "ratio"
    );
    for r in &rows {
        let f = |k: &str| r[k].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:16} {:8.2} {:9.2} {:5} {:10} {:7.2} {:6.3} {:7.2} {:6.3} {:7.2} {:6.3}   {}{}",
            r["name"].as_str().unwrap_or("?"),
            f("bound"),
            f("measured"),
            r["pass"],
            r["manner"].as_str().unwrap_or("?"),
            f("forest_bound_m"),
            f("ratio_to_forest"),
            f("ways_bound_m"),
            f("ratio_to_ways_bound"),
            f("longest_open_way_m"),
            f("ratio_to_open_ways"),
            r["shift"],
            if f("ways_with_two_lengths") > 0.0 {
                "  (a way has two lengths: the shorter counts)"
            } else {
                ""
            },
        );
    }
    Ok(())
}

/// Eight hours at 5 m/s with batteries of 25 minutes, swapped at place 0: the promise is the round's worst absence and
/// half of it again, and the detour of a swap.
fn shift(request: &RoundsRequest) -> Result<Value, Box<dyn std::error::Error>> {
    let alone = RoundsRequest {
        one_each: true,
        ..request.clone()
    };
    let plan = plan_rounds(&alone, &mut || false)?;
    let speed_mps = 5.0;
    let furthest_m = (0..request.costs.places())
        .map(|p| request.costs.m(p, 0))
        .fold(0.0, f64::max);
    let swap_s = 60.0;
    let mut shift = ShiftRequest {
        speed_mps,
        promise_s: vec![
            1.5 * plan.worst_m / speed_mps + swap_s + 2.0 * furthest_m / speed_mps;
            request.importance.len()
        ],
        length_s: 8.0 * 3600.0,
        battery: Some(Battery {
            base: 0,
            endurance_s: 1500.0,
            swap_s,
        }),
        seed: request.effort.seed,
    };
    let worst = |a: &[f64]| a.iter().copied().fold(0.0, f64::max);
    let steady = steady_shift(&request.costs, &plan.rounds, &shift)?;
    let drawn = drawn_shift(&request.costs, &plan.rounds, &shift)?;
    shift.battery = None;
    shift.promise_s = vec![1.5 * plan.worst_m / speed_mps; request.importance.len()];
    let free = drawn_shift(&request.costs, &plan.rounds, &shift)?;
    Ok(json!({
        "promise_s": (1.5 * plan.worst_m + 2.0 * furthest_m) / speed_mps + swap_s,
        "steady_worst_s": worst(&steady.absence_s),
        "drawn_worst_s": worst(&drawn.absence_s),
        "entropy_bits": drawn.entropy_bits,
        "entropy_rate": drawn.entropy_rate,
        "entropy_rate_without_swaps": free.entropy_rate,
    }))
}
