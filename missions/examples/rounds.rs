//! Patrol rounds on the graphs of `patrolling_sim`: worst idleness of four aircraft against one loop shared by all, and
//! against the bounds; then a shift with promises, swaps and orders drawn by chance.
//!
//! `cargo run --release -p missions --example rounds -- [--json] [--aircraft K] [--effort N] [--seed S] [FOLDER|FILE...]`
//! (folder: `$PATROL_DATA/patrol_graphs`, or `../shared/data/patrol_graphs`)

use missions::planner::rounds::Effort;
use missions::planner::rounds::figures::graph_figures;
use serde_json::json;
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
        let figures = graph_figures(
            &std::fs::read(file)?,
            args.aircraft,
            args.effort,
            &mut || false,
        )?;
        let mut row = serde_json::to_value(&figures)?;
        row["name"] = json!(file.file_stem().map(|s| s.to_string_lossy().into_owned()));
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
            f("one_loop_m"),
            f("worst_m"),
            r["within_one_loop"],
            r["manner"].as_str().unwrap_or("?"),
            f("forest_bound_m"),
            f("ratio_to_forest"),
            f("bound_m"),
            f("ratio_to_bound"),
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
