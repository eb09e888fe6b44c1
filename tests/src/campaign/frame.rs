//! What all campaigns share: arguments, seeds, the results file, progress, and the table of rows.
//!
//! Never judges: each campaign makes its own rows.

use anyhow::Context;
pub use ground_station::rehearse::campaign::Row;
use ground_station::rehearse::campaign::{build_id, parse_seeds};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Failing seeds of which the command to replay them is printed, a row.
const MAX_REPLAYS: usize = 3;

/// Arguments of every campaign.
#[derive(clap::Args, Clone, Debug)]
pub struct Common {
    /// Seeds: a number N means 1 to N; also 17-17, 1-500, 3,5,9-12
    #[arg(long, global = true, value_name = "SEEDS")]
    pub seeds: Option<String>,
    /// Only these rows (see the names in the table)
    #[arg(long, global = true, value_name = "ROWS", value_delimiter = ',')]
    pub rows: Vec<String>,
    /// Hours that campaigns count which count hours, simulated
    #[arg(long, global = true, value_name = "H")]
    pub hours: Option<f64>,
    /// Stop after so many minutes of the clock; with --results the same command goes on
    #[arg(long, global = true, value_name = "MINUTES")]
    pub minutes: Option<f64>,
    /// Rows as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// File that keeps results, so that a campaign can be stopped and go on
    #[arg(long, global = true, value_name = "FILE")]
    pub results: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    campaign: String,
    row: String,
    seed: u64,
    /// A result counts only for the build it is of: a changed program is judged anew.
    build: String,
    value: Value,
}

/// A campaign under way.
pub struct Bench {
    name: &'static str,
    common: Common,
    build: String,
    done: BTreeMap<(String, u64), Value>,
    started: Instant,
    told: Instant,
}

impl Bench {
    /// Reads what an earlier run of the same build left.
    ///
    /// # Errors
    /// When the results file cannot be read.
    #[expect(
        clippy::disallowed_methods,
        reason = "a shell: the real clock bounds the campaign and never enters a simulation"
    )]
    pub fn new(name: &'static str, common: Common) -> anyhow::Result<Bench> {
        let build = build_id()?;
        let mut done = BTreeMap::new();
        if let Some(file) = &common.results {
            let text = match std::fs::read_to_string(file) {
                Ok(t) => t,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(e) => return Err(e).with_context(|| format!("reading {}", file.display())),
            };
            // A torn last line (a killed campaign) is run again.
            for l in text
                .lines()
                .filter_map(|l| serde_json::from_str::<Line>(l).ok())
                .filter(|l| l.build == build && l.campaign == name)
            {
                done.insert((l.row, l.seed), l.value);
            }
        }
        Ok(Bench {
            name,
            common,
            build,
            done,
            started: Instant::now(),
            told: Instant::now(),
        })
    }

    /// The seeds asked for, or `default` of them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn seeds(&self, default: u64) -> anyhow::Result<Vec<u64>> {
        match self.common.seeds.as_deref() {
            None => Ok((1..=default).collect()),
            Some(t) => match t.trim().parse::<u64>() {
                Ok(n) => parse_seeds(&format!("1-{}", n.max(1))),
                Err(_) => parse_seeds(t),
            },
        }
    }
    /// The seeds asked for; `None` where none were.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn named_seeds(&self) -> anyhow::Result<Option<Vec<u64>>> {
        self.common
            .seeds
            .is_some()
            .then(|| self.seeds(1))
            .transpose()
    }
    /// Simulated hours asked for, or `default`.
    #[must_use]
    pub fn hours(&self, default: f64) -> f64 {
        self.common.hours.unwrap_or(default)
    }
    /// Minutes asked for, or `default`: for a campaign whose length is its measure.
    #[must_use]
    pub fn minutes(&self, default: f64) -> f64 {
        self.common.minutes.unwrap_or(default)
    }
    /// The rows asked for, as they were written.
    #[must_use]
    pub fn rows(&self) -> &[String] {
        &self.common.rows
    }
    /// Whether a row is asked for. A name stands for all rows that begin with it.
    #[must_use]
    pub fn wants(&self, row: &str) -> bool {
        self.common.rows.is_empty() || self.common.rows.iter().any(|r| row.starts_with(r.as_str()))
    }
    /// The clock's limit is over.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.common
            .minutes
            .is_some_and(|m| self.started.elapsed() >= Duration::from_secs_f64(m.max(0.0) * 60.0))
    }

    /// Runs `f` for every seed that has no result yet. What is missing at the end was not reached in time.
    ///
    /// # Errors
    /// What `f` says, or the results file.
    pub fn each<T: Serialize + DeserializeOwned>(
        &mut self,
        row: &str,
        seeds: &[u64],
        mut f: impl FnMut(u64) -> anyhow::Result<T>,
    ) -> anyhow::Result<BTreeMap<u64, T>> {
        let mut out = BTreeMap::new();
        for (n, seed) in seeds.iter().enumerate() {
            let key = (row.to_owned(), *seed);
            if let Some(v) = self.done.get(&key)
                && let Ok(t) = serde_json::from_value(v.clone())
            {
                out.insert(*seed, t);
                continue;
            }
            if self.is_late() {
                continue;
            }
            self.progress(row, n, seeds.len());
            let value = f(*seed).with_context(|| format!("{row}, seed {seed}"))?;
            self.keep(&key, serde_json::to_value(&value)?)?;
            out.insert(*seed, value);
        }
        self.progress_over();
        Ok(out)
    }

    /// Every result of a row that this build has, this run's and those of earlier runs in the results file: seed ranges
    /// add up.
    #[must_use]
    pub fn kept<T: DeserializeOwned>(&self, row: &str) -> BTreeMap<u64, T> {
        self.done
            .iter()
            .filter(|((r, _), _)| r == row)
            .filter_map(|((_, seed), v)| Some((*seed, serde_json::from_value(v.clone()).ok()?)))
            .collect()
    }

    fn keep(&mut self, key: &(String, u64), value: Value) -> anyhow::Result<()> {
        if let Some(path) = &self.common.results {
            let line = Line {
                campaign: self.name.into(),
                row: key.0.clone(),
                seed: key.1,
                build: self.build.clone(),
                value: value.clone(),
            };
            let mut file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("opening {}", path.display()))?;
            // One write: two runs may append to one file.
            let mut text = serde_json::to_string(&line)?;
            text.push('\n');
            file.write_all(text.as_bytes())?;
        }
        self.done.insert(key.clone(), value);
        Ok(())
    }

    /// Tells how far it is, on standard error.
    #[expect(
        clippy::disallowed_methods,
        reason = "a shell: the real clock paces the progress line and never enters a simulation"
    )]
    pub fn progress(&mut self, row: &str, done: usize, of: usize) {
        if self.told.elapsed() < Duration::from_millis(500) {
            return;
        }
        self.told = Instant::now();
        let s = self.started.elapsed().as_secs();
        if std::io::stderr().is_terminal() {
            eprint!("\r{} {row}: {done} of {of}, {s} s gone   ", self.name);
        }
    }
    fn progress_over(&self) {
        if std::io::stderr().is_terminal() {
            eprint!("\r{:60}\r", "");
        }
    }

    /// Prints, on standard error, the commands that replay failing seeds.
    pub fn replays(&self, row: &str, failing: impl IntoIterator<Item = (u64, String)>) {
        for (n, (seed, why)) in failing.into_iter().enumerate() {
            if n == MAX_REPLAYS {
                eprintln!("{row}: … and more");
                break;
            }
            eprintln!(
                "{row}: seed {seed}: {why}\n    replay: campaign {} --rows {row} --seeds {seed}-{seed}",
                self.name
            );
        }
    }
}

/// One figure against its bound.
#[must_use]
pub fn row(name: impl Into<String>, bound: impl Into<String>, measured: f64, pass: bool) -> Row {
    Row {
        name: name.into(),
        bound: bound.into(),
        measured,
        pass,
    }
}

/// A figure that must not be above `most`. No figure (NaN) is a miss.
#[must_use]
pub fn at_most(name: impl Into<String>, most: f64, measured: f64) -> Row {
    row(name, format!("<= {most}"), measured, measured <= most)
}

/// A count that must be zero.
#[must_use]
pub fn none(name: impl Into<String>, count: usize) -> Row {
    row(name, "0", count as f64, count == 0)
}

/// The value below which a share `q` (0..=1) of the values lies; NaN of nothing.
#[must_use]
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * q).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

/// Prints the rows. Success when there are some and every one passes.
#[must_use]
pub fn tell(rows: &[Row], json: bool) -> ExitCode {
    if json {
        // NaN is no JSON: it becomes null, and its row a miss.
        match serde_json::to_string_pretty(rows) {
            Ok(t) => println!("{t}"),
            Err(e) => eprintln!("campaign: {e}"),
        }
    } else {
        let width = rows
            .iter()
            .map(|r| r.name.chars().count())
            .max()
            .unwrap_or(0);
        for r in rows {
            println!(
                "{}  {:width$}  {:>12}  bound {}",
                if r.pass { "ok  " } else { "MISS" },
                r.name,
                figure(r.measured),
                r.bound,
            );
        }
    }
    if rows.is_empty() {
        eprintln!("campaign: no row of that name");
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(!rows.iter().all(|r| r.pass)))
}

fn figure(x: f64) -> String {
    if x.fract() == 0.0 {
        format!("{x:.0}")
    } else if x.abs() < 10.0 {
        format!("{x:.3}")
    } else {
        format!("{x:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_rows_say_what_they_measure() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 0.5), 2.0);
        assert!(quantile(&mut [], 0.5).is_nan());
        assert!(!at_most("nothing measured", 1.0, f64::NAN).pass);
        assert!(at_most("x", 1.0, 1.0).pass && !none("x", 1).pass);
    }
}
