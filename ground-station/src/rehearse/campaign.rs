//! Many flights: seeds × autopilots, one after another, with a results file that a later call goes on with.
//!
//! `results.jsonl` holds one line a flight. A line counts only for the build that wrote it, so that a changed program
//! is judged anew. Never judges: [`Summary::missed`] does.

use super::{
    headless::{HeadlessOptions, fly},
    summary::Summary,
};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sim::autopilot::AutopilotKind;
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What to fly.
#[derive(Clone, Debug)]
pub struct CampaignOptions {
    /// Seeds, in order.
    pub seeds: Vec<u64>,
    /// Autopilots.
    pub kinds: Vec<AutopilotKind>,
    /// Folder of the results file.
    pub out: PathBuf,
    /// Stop after so long, minutes; a later call goes on.
    pub minutes: Option<f64>,
    /// Loss of the radio, each way; `None` as the scenario says.
    pub loss: Option<f64>,
    /// Print rows as JSON instead of tables.
    pub json: bool,
}

/// One figure against its bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What.
    pub name: String,
    /// The bound, in words.
    pub bound: String,
    /// Measured.
    pub measured: f64,
    /// Whether the bound was met.
    pub pass: bool,
}

#[derive(Serialize, Deserialize)]
struct Line {
    build: String,
    loss: Option<f64>,
    summary: Summary,
}

/// Name of an autopilot on the command line and in results.
#[must_use]
pub fn kind_name(kind: AutopilotKind) -> &'static str {
    match kind {
        AutopilotKind::Px4 => "px4",
        AutopilotKind::ArduPilot => "ardupilot",
    }
}

/// Seeds from `1-50`, `7` or `1,4,9-12`.
///
/// # Errors
/// When the text is no such list, or names more than 100,000 seeds.
pub fn parse_seeds(text: &str) -> anyhow::Result<Vec<u64>> {
    let mut seeds = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        let (a, b) = part.split_once('-').unwrap_or((part, part));
        let number = |t: &str| {
            t.trim()
                .parse::<u64>()
                .with_context(|| format!("`{part}` is no seed or range of seeds such as 1-50"))
        };
        let (a, b) = (number(a)?, number(b)?);
        anyhow::ensure!(a <= b, "`{part}`: the range runs backwards");
        anyhow::ensure!(
            b - a < 100_000 && seeds.len() < 100_000,
            "more than 100000 seeds"
        );
        seeds.extend(a..=b);
    }
    Ok(seeds)
}

/// Flies what is missing, prints the table and the bounds. `true` when every flight asked for was flown and every
/// bound was met.
///
/// # Errors
/// When the results file cannot be used.
#[expect(
    clippy::disallowed_methods,
    reason = "a shell: the real clock bounds the campaign and never enters the simulation"
)]
pub fn campaign(options: &CampaignOptions) -> anyhow::Result<bool> {
    std::fs::create_dir_all(&options.out)
        .with_context(|| format!("creating {}", options.out.display()))?;
    let results = options.out.join("results.jsonl");
    let build = build_id()?;
    let mut flown = read_results(&results, &build, options.loss)?;
    let wanted: Vec<(AutopilotKind, u64)> = options
        .seeds
        .iter()
        .flat_map(|s| options.kinds.iter().map(|k| (*k, *s)))
        .collect();
    let todo: Vec<(AutopilotKind, u64)> = wanted
        .iter()
        .filter(|(k, s)| !flown.contains_key(&key(*k, *s)))
        .copied()
        .collect();
    let started = Instant::now();
    let limit = options
        .minutes
        .map(|m| Duration::from_secs_f64(m.max(0.0) * 60.0));
    let bar = indicatif::ProgressBar::new(wanted.len() as u64);
    if let Ok(style) = indicatif::ProgressStyle::with_template(
        "{bar:30} {pos}/{len} flights, {elapsed} gone, {eta} to go  {msg}",
    ) {
        bar.set_style(style);
    }
    bar.set_position((wanted.len() - todo.len()) as u64);
    for (kind, seed) in todo {
        if limit.is_some_and(|l| started.elapsed() >= l) {
            break;
        }
        bar.set_message(format!("{} seed {seed}", kind_name(kind)));
        let summary = fly(
            &HeadlessOptions {
                kind,
                seed,
                loss: options.loss,
                ..HeadlessOptions::default()
            },
            None,
        )
        .with_context(|| format!("seed {seed} as {}", kind_name(kind)))?;
        let line = Line {
            build: build.clone(),
            loss: options.loss,
            summary: summary.clone(),
        };
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&results)?;
        writeln!(file, "{}", serde_json::to_string(&line)?)?;
        file.sync_all()?;
        flown.insert(key(kind, seed), summary);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let asked: Vec<Summary> = wanted
        .iter()
        .filter_map(|(k, s)| flown.get(&key(*k, *s)).cloned())
        .collect();
    let rows = rows(&asked, wanted.len());
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print!("{}", table(&asked));
        println!();
        print!("{}", row_table(&rows));
    }
    Ok(rows.iter().all(|r| r.pass))
}

fn key(kind: AutopilotKind, seed: u64) -> (String, u64) {
    (kind_name(kind).to_owned(), seed)
}

/// SHA-256 of the running program: what a result belongs to.
///
/// # Errors
/// When the program cannot read its own file.
pub fn build_id() -> anyhow::Result<String> {
    let exe = std::env::current_exe().context("finding the running program")?;
    let mut file = std::fs::File::open(&exe)?;
    let mut sha = Sha256::new();
    std::io::copy(&mut file, &mut sha)?;
    Ok(sha
        .finalize()
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect())
}

fn read_results(
    file: &Path,
    build: &str,
    loss: Option<f64>,
) -> anyhow::Result<BTreeMap<(String, u64), Summary>> {
    let text = match std::fs::read_to_string(file) {
        Ok(t) => t,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(e).with_context(|| format!("reading {}", file.display())),
    };
    // A torn last line (a killed campaign) is flown again.
    Ok(text
        .lines()
        .filter_map(|l| serde_json::from_str::<Line>(l).ok())
        .filter(|l| l.build == build && l.loss == loss)
        .map(|l| ((l.summary.autopilot.clone(), l.summary.seed), l.summary))
        .collect())
}

/// The bounds of a campaign.
#[must_use]
pub fn rows(flights: &[Summary], wanted: usize) -> Vec<Row> {
    let count = |f: &dyn Fn(&Summary) -> bool| flights.iter().filter(|s| f(s)).count() as f64;
    let sum = |f: &dyn Fn(&Summary) -> u32| flights.iter().map(f).sum::<u32>();
    let most = |f: &dyn Fn(&Summary) -> f64| flights.iter().map(f).fold(0.0, f64::max);
    let least = |f: &dyn Fn(&Summary) -> f64| flights.iter().map(f).fold(f64::INFINITY, f64::min);
    let all = flights.len() as f64;
    let clearance = least(&|s| s.min_clearance_m.unwrap_or(f64::NEG_INFINITY));
    let staged = sum(&|s| s.staged);
    let row = |name: &str, bound: String, measured: f64, pass: bool| Row {
        name: name.into(),
        bound,
        measured,
        pass: pass && !flights.is_empty(),
    };
    let none = |name: &str, n: u32| row(name, "0".into(), f64::from(n), n == 0);
    let complete = count(&|s| s.complete);
    let delivered = sum(&|s| s.delivered);
    let unreceipted = sum(&|s| s.stored.saturating_sub(s.receipted));
    let error_m = most(&|s| s.location_error_m);
    let fewest = least(&|s| f64::from(s.staged));
    let most_staged = most(&|s| f64::from(s.staged));
    let decoys = least(&|s| f64::from(s.decoys));
    vec![
        row(
            "flights flown",
            format!("{wanted}"),
            all,
            flights.len() == wanted,
        ),
        row(
            "plans flown whole",
            format!("{all}"),
            complete,
            complete == all,
        ),
        row(
            "least clearance to the fence, m",
            "> 0".into(),
            clearance,
            clearance > 0.0,
        ),
        row(
            "fewest anomalies staged",
            ">= 2".into(),
            fewest,
            fewest >= 2.0,
        ),
        row(
            "most anomalies staged",
            "<= 4".into(),
            most_staged,
            most_staged <= 4.0,
        ),
        row(
            "anomalies delivered",
            format!("{staged} of {staged}"),
            f64::from(delivered),
            delivered == staged,
        ),
        none("anomalies doubled", sum(&|s| s.doubled)),
        none("anomalies not receipted", unreceipted),
        none("false alarms", sum(&|s| s.false_alarms)),
        row("fewest decoys", ">= 2".into(), decoys, decoys >= 2.0),
        row(
            "worst location error, m",
            "<= 15".into(),
            error_m,
            error_m <= 15.0,
        ),
    ]
}

fn table(flights: &[Summary]) -> String {
    let mut out = format!(
        "{:>5} {:<9} {:>4} {:>9} {:>10} {:>6} {:>9} {:>9} {:>5} {:>6} {:>8} {:>7} {:>6}  {}\n",
        "seed",
        "as",
        "ok",
        "places",
        "clear m",
        "staged",
        "delivered",
        "receipted",
        "false",
        "decoys",
        "error m",
        "time s",
        "x real",
        "trace"
    );
    for s in flights {
        let ok = if s.missed().is_empty() { "yes" } else { "NO" };
        out.push_str(&format!(
            "{:>5} {:<9} {:>4} {:>9} {:>10} {:>6} {:>9} {:>9} {:>5} {:>6} {:>8.1} {:>7.0} {:>6.0}  {}\n",
            s.seed,
            s.autopilot,
            ok,
            format!("{}/{}", s.places.0, s.places.1),
            s.min_clearance_m.map_or("-".into(), |m| format!("{m:.1}")),
            s.staged,
            s.delivered,
            format!("{}/{}", s.receipted, s.stored),
            s.false_alarms,
            s.decoys,
            s.location_error_m,
            s.flight_s,
            s.real_time_factor,
            s.trace_hash.get(..12).unwrap_or(&s.trace_hash),
        ));
        for words in s.missed().iter().chain(&s.faults) {
            out.push_str(&format!("        {words}\n"));
        }
    }
    out
}

fn row_table(rows: &[Row]) -> String {
    rows.iter()
        .map(|r| {
            format!(
                "{} {:<34} bound {:<14} measured {:.2}\n",
                if r.pass { "pass" } else { "FAIL" },
                r.name,
                r.bound,
                r.measured
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::summary::tests::good;

    #[test]
    fn seeds_are_ranges_and_lists() {
        assert_eq!(parse_seeds("7").unwrap(), [7]);
        assert_eq!(parse_seeds("1-3, 9").unwrap(), [1, 2, 3, 9]);
        for bad in ["", "x", "3-1", "1-", "0-100000000"] {
            assert!(parse_seeds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_bad_flight_fails_its_rows_only_and_a_missing_flight_fails_the_count() {
        let mut bad = good();
        bad.delivered = 2;
        let failed = |rows: Vec<Row>| -> Vec<String> {
            rows.into_iter()
                .filter(|r| !r.pass)
                .map(|r| r.name)
                .collect()
        };
        assert!(failed(rows(&[good(), good()], 2)).is_empty());
        assert_eq!(failed(rows(&[good(), bad], 2)), ["anomalies delivered"]);
        assert_eq!(failed(rows(&[good()], 2)), ["flights flown"]);
        assert_eq!(
            failed(rows(&[], 0)).len(),
            11,
            "nothing flown proves nothing"
        );
    }

    #[test]
    fn results_of_another_build_and_torn_lines_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("results.jsonl");
        let line = |build: &str, seed: u64| {
            serde_json::to_string(&Line {
                build: build.into(),
                loss: None,
                summary: Summary { seed, ..good() },
            })
            .unwrap()
        };
        let whole = format!(
            "{}\n{}\n{}",
            line("a", 1),
            line("b", 2),
            &line("a", 3)[..40]
        );
        std::fs::write(&file, whole).unwrap();
        let got = read_results(&file, "a", None).unwrap();
        assert_eq!(got.keys().map(|k| k.1).collect::<Vec<_>>(), [1]);
        assert!(read_results(&file, "a", Some(0.2)).unwrap().is_empty());
    }
}
