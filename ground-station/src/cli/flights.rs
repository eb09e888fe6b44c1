//! `flights`: what has been recorded, from the index.

use super::settings::Settings;
use crate::record::index::Index;
use missions::time::Utc;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `flights`.
#[derive(Debug, clap::Args)]
pub struct Flights {
    /// Folder of recordings [default: as in the settings]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only flights with an anomaly of this kind or rule
    #[arg(long, value_name = "WORD")]
    anomaly: Option<String>,
}

/// Runs it.
pub fn run(a: &Flights, s: &Settings) -> anyhow::Result<ExitCode> {
    let dir = a.dir.as_ref().unwrap_or(&s.record);
    let flights = Index::open(dir)?.flights(a.anomaly.as_deref())?;
    if s.json {
        println!("{}", serde_json::to_string_pretty(&flights)?);
        return Ok(ExitCode::SUCCESS);
    }
    for f in &flights {
        let state = match (f.closed, f.sealed) {
            (true, true) => "closed",
            (true, false) => "closed, not sealed",
            _ => "OPEN",
        };
        println!(
            "{:<32} {}  {:>6} s  {:>8} frames  {:>3} anomalies  {:>3} pictures  {:<8} {state}",
            f.dir,
            Utc(f.from_us).to_rfc3339(),
            (f.to_us - f.from_us) / 1_000_000,
            f.frames,
            f.anomalies,
            f.pictures,
            f.retention,
        );
    }
    println!(
        "{} flights; `verify DIR` says whether one is as it was recorded",
        flights.len()
    );
    Ok(ExitCode::SUCCESS)
}
