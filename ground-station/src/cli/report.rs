//! `report`: the after-action report of a recorded flight.

use super::settings::Settings;
use crate::report::{Lang, io, page};
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
    /// The page; nothing is written over
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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
        let lang = Lang::of(s.lang.as_deref().unwrap_or("zh-CN"));
        let html = page(&figures, &facts, plan.as_deref(), lang);
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
