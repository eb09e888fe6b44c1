//! Street patrol on the networks of the LineCoverage-dataset, against the integer-programming optimum of its table.
//!
//! `cargo run --release -p missions --example streets -- [--json] [--effort N] [--seed S] [FOLDER...]`
//! (folder: `$PATROL_DATA/street_graphs`, or `../shared/data/street_graphs`; `NAME.node_data` with `NAME.req_edge_list`)
//!
//! Optima: `streets::figures`; a table SRLCresults50cities.csv in the folder is read instead.

use missions::planner::streets::Effort;
use missions::planner::streets::figures::{ILP_TOUR_S, street_figures};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is asked: this much above the optimum.
const ALLOWED: f64 = 1.04;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut as_json = false;
    let mut effort = Effort::default();
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(w) = words.next() {
        let mut value = || words.next().ok_or(format!("{w} needs a value"));
        match w.as_str() {
            "--json" => as_json = true,
            "--effort" => effort.steps = value()?.parse()?,
            "--seed" => effort.seed = value()?.parse()?,
            path => folders.push(path.into()),
        }
    }
    if folders.is_empty() {
        let data = std::env::var("PATROL_DATA").unwrap_or_else(|_| "../shared/data".into());
        folders.push(PathBuf::from(data).join("street_graphs"));
    }
    let mut optimum: BTreeMap<String, f64> = ILP_TOUR_S
        .iter()
        .map(|(n, c)| ((*n).to_owned(), *c))
        .collect();
    let mut rows = Vec::new();
    for folder in &folders {
        if let Ok(table) = std::fs::read_to_string(folder.join("SRLCresults50cities.csv")) {
            let mut lines = table.lines();
            let column = lines
                .next()
                .and_then(|h| h.split(',').position(|c| c == "ILP-TourCost"));
            for line in lines {
                let cells: Vec<&str> = line.split(',').collect();
                if let (Some(name), Some(cost)) = (cells.first(), column.and_then(|c| cells.get(c)))
                    && let Ok(cost) = cost.parse()
                {
                    optimum.insert((*name).to_owned(), cost);
                }
            }
        }
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
            .map(|e| e.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        files.retain(|p| p.extension().is_some_and(|x| x == "node_data"));
        files.sort();
        for file in files {
            let name = file
                .file_stem()
                .map(|s| s.to_string_lossy().into_owned())
                .unwrap_or_default();
            let best = optimum.get(&name).copied();
            let f = street_figures(
                &std::fs::read(&file)?,
                &std::fs::read(file.with_extension("req_edge_list"))?,
                best,
                effort,
                &mut || false,
            )?;
            rows.push(json!({
                "name": name,
                "streets": f.streets,
                "pieces": f.pieces,
                "ilp_s": best,
                "bound": best.map(|b| ALLOWED * b),
                "first_s": f.first_s,
                "measured": f.cost_s,
                "above_ilp_percent": best.map(|b| 100.0 * (f.cost_s / b - 1.0)),
                "first_above_ilp_percent": best.map(|b| 100.0 * (f.first_s / b - 1.0)),
                "own_bound_s": f.bound_s,
                "above_own_bound_percent": 100.0 * (f.cost_s / f.bound_s - 1.0),
                "steps": f.steps,
                "pass": best.map(|b| f.cost_s <= ALLOWED * b),
            }));
        }
    }
    if as_json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("seconds of one tour of every street; must be <= optimum + 4 %");
    println!(
        "{:16} {:>7} {:>6} {:>9} {:>9} {:>9} {:>7} {:>9} {:>7} {:>9} {:>7}  pass",
        "name",
        "streets",
        "pieces",
        "optimum",
        "bound",
        "measured",
        "above",
        "no kicks",
        "above",
        "own bound",
        "above"
    );
    for r in &rows {
        let f = |k: &str| r[k].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:16} {:>7} {:>6} {:9.2} {:9.2} {:9.2} {:6.2}% {:9.2} {:6.2}% {:9.2} {:6.2}%  {}",
            r["name"].as_str().unwrap_or("?"),
            r["streets"],
            r["pieces"],
            f("ilp_s"),
            f("bound"),
            f("measured"),
            f("above_ilp_percent"),
            f("first_s"),
            f("first_above_ilp_percent"),
            f("own_bound_s"),
            f("above_own_bound_percent"),
            r["pass"],
        );
    }
    Ok(())
}
