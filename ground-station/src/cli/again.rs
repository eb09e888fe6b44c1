//! `again` and `bench-again`: recordings fed to the cores again.

use super::settings::Settings;
use crate::record::{ABOARD_INPUTS, read_folder};
use crate::rehearse::again::{feed_aboard, fly_logged};
use crate::rehearse::{AutopilotKind, HeadlessOptions};
use crate::replay::again::{Alarm, again};
use anyhow::{Context, ensure};
use missions::time::Utc;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `again`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ends with 0 when the same alarms come out, by id, time and place; 1 when others do; 2 on bad usage."
)]
pub struct Again {
    /// Folder of a recorded flight, or of a companion's own log
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Rules file (TOML) instead of the one that was in force; for a companion's log, where rules are judged
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

/// Runs it.
pub fn run(a: &Again, s: &Settings) -> anyhow::Result<ExitCode> {
    let inputs = a.dir.join(ABOARD_INPUTS);
    let (what, recorded, again) = if inputs.is_file() {
        let rules = match &a.rules {
            None => None,
            Some(f) => Some(
                std::fs::read_to_string(f)
                    .with_context(|| format!("cannot read {}", f.display()))?,
            ),
        };
        let log =
            std::fs::read(&inputs).with_context(|| format!("cannot read {}", inputs.display()))?;
        let fed =
            feed_aboard(&log, rules.as_deref()).with_context(|| inputs.display().to_string())?;
        if fed.torn {
            eprintln!(
                "the log breaks off within a record, as after a power cut; fed as far as it goes"
            );
        }
        (
            "the companion's eyes and pilot half",
            fed.recorded,
            fed.again,
        )
    } else {
        ensure!(
            a.rules.is_none(),
            "{} is the desk's recording: rules are judged aboard. Give the companion's own log",
            a.dir.display()
        );
        let files = read_folder(&a.dir)?;
        let fed = again(&files.tlog, &files.events)?;
        ("the desk", fed.recorded, fed.again)
    };
    let same = recorded == again;
    if s.json {
        println!(
            "{}",
            serde_json::json!({"fed": what, "recorded": recorded, "again": again, "same": same})
        );
    } else {
        println!("fed to          {what}");
        for x in &recorded {
            let mark = if again.contains(x) { "same" } else { "GONE" };
            println!("{mark:<15} {}", in_words(x));
        }
        for x in again.iter().filter(|x| !recorded.contains(x)) {
            println!("{:<15} {}", "NEW", in_words(x));
        }
        println!(
            "{} alarms recorded, {} again: {}",
            recorded.len(),
            again.len(),
            if same { "the same" } else { "NOT the same" }
        );
    }
    Ok(if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn in_words(a: &Alarm) -> String {
    format!(
        "{} {} at {} {:.7},{:.7}",
        a.id,
        a.rule,
        Utc(a.flagged_ms.saturating_mul(1_000)).to_rfc3339(),
        f64::from(a.lat_e7) * 1e-7,
        f64::from(a.lon_e7) * 1e-7
    )
}

/// Flags of `bench-again`.
#[derive(Debug, clap::Args)]
pub struct BenchAgain {
    /// Flights, as PX4 and as ArduPilot in turn
    #[arg(long, value_name = "N", default_value_t = 20)]
    flights: u64,
    /// Seed of the first
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Simulated seconds of each at most
    #[arg(long, value_name = "S", default_value_t = 700.0)]
    seconds: f64,
}

/// Makes flights and feeds each again.
pub fn bench(a: &BenchAgain, json: bool) -> anyhow::Result<ExitCode> {
    let (mut alarms, mut same, mut differ) = (0, 0u64, 0u64);
    for seed in (a.seed..).take(usize::try_from(a.flights).unwrap_or(usize::MAX)) {
        let kind = if seed % 2 == 0 {
            AutopilotKind::Px4
        } else {
            AutopilotKind::ArduPilot
        };
        let options = HeadlessOptions {
            kind,
            seed,
            ..HeadlessOptions::default()
        };
        let c = fly_logged(&options, 3, a.seconds)?.compare()?;
        alarms += c.flown.len();
        same += u64::from(c.same());
        differ += u64::from(c.differs());
        if !json {
            println!(
                "seed {seed:>4} {kind:?}: {} alarms in flight, {} by the desk again, {} by the companion again ({}), {} with one rule changed",
                c.flown.len(),
                c.desk.len(),
                c.companion.len(),
                if c.same() { "identical" } else { "DIFFERENT" },
                c.other_rule.len()
            );
        }
    }
    let rows = [
        (
            "recordings that gave other alarms",
            a.flights - same,
            0,
            a.flights == same,
        ),
        ("alarms compared", alarms as u64, 1, alarms > 0),
        (
            "recordings that differ with one rule changed",
            differ,
            1,
            differ > 0,
        ),
    ];
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, n, bound, pass)| {
                serde_json::json!({"name": name, "bound": bound, "measured": n, "pass": pass})
            })
            .collect();
        println!("{}", serde_json::json!({"rows": rows}));
    } else {
        for (name, n, _, pass) in &rows {
            println!("{:<5} {n:>6} {name}", if *pass { "pass" } else { "MISS" });
        }
    }
    Ok(if rows.iter().all(|r| r.3) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
