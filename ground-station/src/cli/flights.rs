//! `flights`: what has been recorded, from the index, and from when each may be removed. `retain`: who keeps what.

use super::export::releaser;
use super::settings::Settings;
use crate::evidence::io::{Folder, Syncing, load_or_make};
use crate::record::index::{Flight, Index};
use crate::record::retention::{Deed, Keeping, Ledger, Noted, Removal};
use anyhow::{Context, ensure};
use link_io::Clock;
use missions::time::Utc;
use serde::Serialize;
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

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    flight: Flight,
    #[serde(flatten)]
    keeping: Keeping,
    /// Whether that moment has come, by this machine's clock.
    may_be_removed: bool,
    /// Who did what about it.
    ledger: Vec<Noted>,
}

fn ended(f: &Flight) -> Option<i64> {
    f.closed.then_some(f.to_us)
}

/// Runs it.
pub fn run(a: &Flights, s: &Settings) -> anyhow::Result<ExitCode> {
    let dir = a.dir.as_ref().unwrap_or(&s.record);
    let flights = Index::open(dir)?.flights(a.anomaly.as_deref())?;
    let ledger = Ledger::open(&mut Folder::open(dir, Syncing::Always)?)?;
    let now = Clock::start().now().utc.valid();
    let shown: Vec<Shown> = flights
        .into_iter()
        .map(|flight| {
            let keeping = ledger.keeping(
                &s.retention,
                &flight.flight,
                ended(&flight),
                flight.confirmed,
            );
            let from = match keeping.removal {
                Removal::From { at_us } => Some(at_us),
                _ => None,
            };
            Shown {
                // Without a clock nothing has come.
                may_be_removed: from.zip(now).is_some_and(|(from, now)| now.0 >= from),
                ledger: ledger.of(&flight.flight).cloned().collect(),
                keeping,
                flight,
            }
        })
        .collect();
    if s.json {
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(ExitCode::SUCCESS);
    }
    for x in &shown {
        let f = &x.flight;
        let state = match (f.closed, f.sealed) {
            (true, true) => "closed",
            (true, false) => "closed, not sealed",
            _ => "OPEN",
        };
        println!(
            "{:<32} {}  {:>6} s  {:>8} frames  {:>3} anomalies  {:>3} pictures  {state:<8}  {:<9} {}",
            f.dir,
            Utc(f.from_us).to_rfc3339(),
            (f.to_us - f.from_us) / 1_000_000,
            f.frames,
            f.anomalies,
            f.pictures,
            x.keeping.class,
            in_words(&x.keeping.removal),
        );
    }
    if let Some(why) = ledger.damaged() {
        println!("the ledger of retention is DAMAGED: {why}. No flight may be removed");
    }
    println!(
        "{} flights; `verify DIR` says whether one is as it was recorded. Nothing here deletes",
        shown.len()
    );
    Ok(ExitCode::SUCCESS)
}

fn day(us: i64) -> String {
    Utc(us).to_rfc3339().chars().take(10).collect()
}

fn in_words(r: &Removal) -> String {
    match r {
        Removal::From { at_us } => format!("may be removed from {}", day(*at_us)),
        Removal::Held {
            by,
            reason,
            since_us,
        } => format!("HELD by {by} since {}: {reason}", day(*since_us)),
        Removal::UntilReleased => "kept until released".into(),
        Removal::Unknown { why } => format!("must be kept: {why}"),
    }
}

/// Flags of `retain`.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("deed").required(true).args(["class", "hold", "lift", "release"]),
    after_help = "What shortens the keeping of a flight takes a second person: another name and another key. Nothing is deleted."
)]
pub struct Retain {
    /// Folder of a recorded flight
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Put it into this class
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Legal hold: it may not be removed at all
    #[arg(long)]
    hold: bool,
    /// Lift the hold that somebody else set
    #[arg(long)]
    lift: bool,
    /// Release what is kept until released
    #[arg(long)]
    release: bool,
    /// Who, with the file of their own key (made when absent)
    #[arg(long, value_name = "NAME=KEYFILE", value_parser = releaser)]
    by: (String, PathBuf),
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs it.
pub fn retain(a: &Retain, s: &Settings) -> anyhow::Result<ExitCode> {
    let dir = std::path::absolute(&a.dir)?;
    let (root, name) = dir
        .parent()
        .zip(dir.file_name())
        .context("give the folder of one flight")?;
    let name = name.to_string_lossy();
    let flight = Index::open(root)?
        .flights(None)?
        .into_iter()
        .find(|f| f.dir == name)
        .with_context(|| format!("{} is no recorded flight", a.dir.display()))?;
    ensure!(
        !flight.flight.is_empty(),
        "{}: the first entry of its chain is damaged, and nobody can say which flight it is",
        a.dir.display()
    );
    let deed = match (&a.class, a.hold, a.lift) {
        (Some(class), ..) => Deed::Class {
            class: class.clone(),
        },
        (_, true, _) => Deed::Hold,
        (_, _, true) => Deed::Lift,
        _ => Deed::Release,
    };
    let (signer, new) = load_or_make(&a.by.1)?;
    if new {
        eprintln!(
            "{}'s key was made: {} ({})",
            a.by.0,
            a.by.1.display(),
            signer.public().fingerprint()
        );
    }
    let mut disk = Folder::open(root, Syncing::Always)?;
    let mut ledger = Ledger::open(&mut disk)?;
    let now = Clock::start()
        .now()
        .utc
        .valid()
        .context("this machine has no clock")?;
    ledger.note(
        &mut disk,
        &s.retention,
        &flight.flight,
        deed,
        (&a.by.0, &signer),
        &a.reason,
        flight.confirmed,
        now,
    )?;
    let keeping = ledger.keeping(
        &s.retention,
        &flight.flight,
        ended(&flight),
        flight.confirmed,
    );
    if s.json {
        println!("{}", serde_json::to_string_pretty(&keeping)?);
    } else {
        println!("{name}: {}, {}", keeping.class, in_words(&keeping.removal));
    }
    Ok(ExitCode::SUCCESS)
}
