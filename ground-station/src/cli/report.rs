//! `report`: the after-action report of a recorded flight.

use super::settings::Settings;
use crate::report::{How, Lang, MAX_AHEAD_MIN, io, page};
use anyhow::{Context, bail, ensure};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `report`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The page asks nothing of any machine and runs no script: print it, or keep it beside the record. Its \
language is that of --lang (zh-CN or en). --json prints the same figures"
)]
pub struct ReportArgs {
    /// Folder of a recorded flight
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Clock of the readers, ahead of UTC; the record's own times are UTC
    #[arg(long, value_name = "+HH:MM", default_value = "+00:00", value_parser = zone, allow_hyphen_values = true)]
    zone: i32,
    /// The page; nothing is written over
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `+08:00`, in minutes.
fn zone(text: &str) -> Result<i32, String> {
    let bad = || "such as +08:00".to_owned();
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return Err(bad()),
    };
    let (h, m) = rest.split_once(':').ok_or_else(bad)?;
    let of = |s: &str, most: i32| s.parse::<i32>().ok().filter(|v| (0..=most).contains(v));
    let (h, m) = (of(h, 14).ok_or_else(bad)?, of(m, 59).ok_or_else(bad)?);
    let minutes = sign * (h * 60 + m);
    (minutes.abs() <= MAX_AHEAD_MIN)
        .then_some(minutes)
        .ok_or_else(bad)
}

/// Runs it.
pub fn run(a: &ReportArgs, s: &Settings) -> anyhow::Result<ExitCode> {
    if !a.dir.is_dir() {
        bail!(
            "{} is no folder: give the folder of a recorded flight",
            a.dir.display()
        );
    }
    ensure!(
        a.output.is_some() || s.json,
        "nothing is asked for: give -o FILE.html, or --json for the figures"
    );
    if let Some(out) = &a.output
        && std::path::absolute(out)?.starts_with(std::path::absolute(&a.dir)?)
    {
        bail!("{}: not into the record itself", out.display());
    }
    let (figures, facts, plan) = io::read(&a.dir)?;
    if let Some(out) = &a.output {
        let how = How {
            lang: Lang::of(s.lang.as_deref().unwrap_or("zh-CN")),
            ahead_min: a.zone,
        };
        let html = page(&figures, &facts, plan.as_deref(), how);
        let mut file = File::create_new(out)
            .with_context(|| format!("making {} (nothing is written over)", out.display()))?;
        file.write_all(html.as_bytes())
            .with_context(|| format!("writing {}", out.display()))?;
    }
    if s.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else if let Some(out) = &a.output {
        println!("made          {}", out.display());
        println!("record        {}", figures.record_state);
    }
    if figures.record_state == "damaged" {
        eprintln!("the record is damaged; the report says where");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
