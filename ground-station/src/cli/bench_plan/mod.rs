//! `bench-plan`: what the planner is asked to reach, measured over a folder of venues and graphs and over made-up ones.
//!
//! A row is a bound and what was measured; a row that misses says so. Plans are made by the `plan` command's own code.
//! With `--judge` the neutral judge of plans measures them, as a child process; without, `cli::measure` does, which shares no
//! code with the planner. Only bounds stand here, never results.

mod area;
mod cases;
mod cpu;
mod fleets;
mod graphs;
mod judge;
mod made;

use super::plan::Plan;
use anyhow::{Context, bail};
use link_io::Clock;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `bench-plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ground-station bench-plan ../shared/data --quick
  ground-station bench-plan ../shared/data --judge check_plan.py --python python3 --resume rows.jsonl --minutes 60
  ground-station bench-plan ../shared/data --only closed,same --json > figures.json
  ground-station bench-plan ../shared/data --only fleet --fleet-budget-ms 2000,30000 --resume fleets.jsonl

The folder holds venues (*.geojson, or in venues/), patrol graphs (*.graph, or in patrol_graphs/) and street networks
(*.node_data, or in street_graphs/). Sections: area, random, closed, speed, large, fleet, rounds, streets, same.
Times are of the processor, not of the wall, where the system tells them.")]
pub struct BenchPlan {
    /// Folder of venues, patrol graphs and street networks
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Fewer and smaller cases, little polish: to see that it works, not for figures
    #[arg(long)]
    quick: bool,
    /// The judge of plans (check_plan.py); without it our own measure, which is coarser, is used
    #[arg(long, value_name = "FILE")]
    judge: Option<PathBuf>,
    /// Python that runs the judge
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Only these sections
    #[arg(long, value_name = "SECTIONS", value_delimiter = ',', value_parser = SECTIONS)]
    only: Vec<String>,
    /// Made-up venues that must be legal, each against our own measure
    #[arg(long, value_name = "N")]
    random: Option<u64>,
    /// Budgets that fleets, and the one aircraft they are held against, are planned with, milliseconds
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "2000")]
    fleet_budget_ms: Vec<u64>,
    /// Of made-up cases and of the optimiser
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Take rows from this file that are there already, and add the new ones
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Begin no further case after so many minutes
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<f64>,
}

const SECTIONS: [&str; 9] = [
    "area", "random", "closed", "speed", "large", "fleet", "rounds", "streets", "same",
];

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    /// The case that gave it: `area/park/5`.
    pub case: String,
    /// What is measured.
    pub name: String,
    /// What it must reach; none where it is only told.
    pub bound: Option<f64>,
    /// What it reached.
    pub measured: Option<f64>,
    /// Whether it did.
    pub pass: Option<bool>,
    /// `m`, `%`, `s`, or nothing for a ratio.
    pub unit: String,
    /// Who measured: `check_plan.py`, `own measure`, `planner`, `clock`.
    pub by: String,
    /// Beside it: the anchors' coverage, the clearance, a refusal.
    pub note: String,
}

/// Which side of the bound is good.
#[derive(Clone, Copy)]
pub(super) enum Good {
    AtMost(f64),
    AtLeast(f64),
    Told,
}

impl Row {
    pub(super) fn new(
        case: &str,
        name: &str,
        good: Good,
        measured: f64,
        unit: &str,
        by: &str,
    ) -> Row {
        // Written so that NaN never passes.
        let (bound, pass) = match good {
            Good::AtMost(b) => (Some(b), Some(measured <= b)),
            Good::AtLeast(b) => (Some(b), Some(measured >= b)),
            Good::Told => (None, None),
        };
        Row {
            case: case.into(),
            name: name.into(),
            bound,
            measured: measured.is_finite().then_some(measured),
            pass,
            unit: unit.into(),
            by: by.into(),
            note: String::new(),
        }
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Row {
        self.note = note.into();
        self
    }

    /// A case that could not be measured: it misses.
    pub(super) fn failed(case: &str, name: &str, why: &str) -> Row {
        Row {
            case: case.into(),
            name: name.into(),
            bound: None,
            measured: None,
            pass: Some(false),
            unit: String::new(),
            by: String::new(),
            note: why.into(),
        }
    }
}

/// Measures a case.
type Measuring<'a> = Box<dyn Fn(&Bench) -> anyhow::Result<Vec<Row>> + 'a>;

/// A case: its key, and what measures it.
pub(super) struct Case<'a> {
    pub key: String,
    pub run: Measuring<'a>,
}

/// What all cases share.
pub(super) struct Bench {
    pub quick: bool,
    pub seed: u64,
    pub random: u64,
    pub fleet_budgets_ms: Vec<u64>,
    judge: judge::Judge,
    /// Made-up venues and plans for the judge are written here.
    pub work: tempfile::TempDir,
}

impl Bench {
    /// A `plan` command line, understood.
    pub(super) fn plan(&self, words: &[String]) -> anyhow::Result<Plan> {
        use clap::Parser;
        let args = ["ground-station".to_owned(), "plan".to_owned()]
            .into_iter()
            .chain(words.iter().cloned());
        match super::Args::try_parse_from(args)?.what {
            super::What::Plan(p) => Ok(*p),
            _ => bail!("not a plan"),
        }
    }
}

/// Measures and prints.
pub fn run(a: &BenchPlan, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::start();
    let bench = Bench {
        quick: a.quick,
        seed: a.seed,
        random: a.random.unwrap_or(if a.quick { 100 } else { 10_000 }),
        fleet_budgets_ms: a.fleet_budget_ms.clone(),
        judge: judge::Judge::new(a.judge.clone(), a.python.clone())?,
        work: tempfile::tempdir().context("no folder for made-up venues")?,
    };
    let wanted = |section: &str| a.only.is_empty() || a.only.iter().any(|o| o == section);
    let folder = cases::Folder::read(&a.dir)?;
    let mut all: Vec<Case> = Vec::new();
    area::cases(&folder, &bench, &wanted, &mut all);
    graphs::cases(&folder, &wanted, &mut all);
    let (mut rows, mut store) = stored(a)?;
    let mut out_of_time = 0;
    let bar = indicatif::ProgressBar::new(all.len() as u64);
    if let Ok(style) =
        indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed}  {msg}")
    {
        bar.set_style(style);
    }
    for (i, case) in all.iter().enumerate() {
        bar.set_position(i as u64);
        if rows.iter().any(|r| r.case == case.key) {
            continue;
        }
        let minutes = clock
            .now()
            .mono
            .since(missions::time::Mono::ZERO)
            .as_secs_f64()
            / 60.0;
        if a.minutes.is_some_and(|m| minutes >= m) {
            out_of_time += 1;
            continue;
        }
        bar.set_message(case.key.clone());
        // A bar is drawn on a terminal only.
        if bar.is_hidden() {
            let of = all.len();
            eprintln!("{:4} of {of}  {minutes:5.1} min  {}", i + 1, case.key);
        }
        let new = (case.run)(&bench)
            .unwrap_or_else(|e| vec![Row::failed(&case.key, &case.key, &format!("{e:#}"))]);
        for r in &new {
            if let Some(f) = &mut store {
                writeln!(f, "{}", serde_json::to_string(r)?)?;
            }
        }
        rows.extend(new);
    }
    bar.finish_and_clear();
    rows.extend(area::over_all(&rows));
    rows.extend(fleets::over_all(&rows));
    print(&rows, &bench, json, out_of_time)?;
    Ok(
        if rows.iter().all(|r| r.pass != Some(false)) && out_of_time == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        },
    )
}

/// Rows of an earlier run, and the file that takes the new ones.
fn stored(a: &BenchPlan) -> anyhow::Result<(Vec<Row>, Option<std::fs::File>)> {
    let Some(path) = &a.resume else {
        return Ok((Vec::new(), None));
    };
    let mut rows = Vec::new();
    if path.exists() {
        for (n, line) in super::settings::read(path)?.lines().enumerate() {
            let row: Row = serde_json::from_str(line)
                .with_context(|| format!("{}:{} is no row", path.display(), n + 1))?;
            rows.push(row);
        }
    }
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok((rows, Some(file)))
}

fn print(rows: &[Row], bench: &Bench, json: bool, out_of_time: usize) -> anyhow::Result<()> {
    let passed = rows.iter().filter(|r| r.pass == Some(true)).count();
    let missed = rows.iter().filter(|r| r.pass == Some(false)).count();
    if json {
        let out = serde_json::json!({
            "rows": rows,
            "passed": passed,
            "missed": missed,
            "not_begun": out_of_time,
            "quick": bench.quick,
            "seed": bench.seed,
            "judge": bench.judge.name(),
        });
        println!("{}", serde_json::to_string_pretty(&out)?);
        return Ok(());
    }
    println!(
        "{:58} {:>10} {:>10} {:>2}  {:6}  {:13}  note",
        "row", "bound", "measured", "", "pass", "by"
    );
    for r in rows {
        let f = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.4}"));
        println!(
            "{:58} {:>10} {:>10} {:>2}  {:6}  {:13}  {}",
            r.name,
            f(r.bound),
            f(r.measured),
            r.unit,
            match r.pass {
                Some(true) => "yes",
                Some(false) => "MISSED",
                None => "-",
            },
            r.by,
            r.note
        );
    }
    if missed > 0 {
        println!("missed:");
    }
    for r in rows.iter().filter(|r| r.pass == Some(false)) {
        let f = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.4}"));
        println!("  {:56} {:>10} {:>10}", r.name, f(r.bound), f(r.measured));
    }
    println!(
        "{passed} reached, {missed} missed{}{}",
        if out_of_time > 0 {
            format!(", {out_of_time} cases not begun in time")
        } else {
            String::new()
        },
        if bench.quick {
            "; --quick: little polish, not the planner's figures"
        } else {
            ""
        }
    );
    Ok(())
}

#[cfg(test)]
mod tests;
