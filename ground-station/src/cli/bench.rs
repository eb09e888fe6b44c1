//! `bench-demo`: the headless demonstration at many seeds.

use super::demo::{kind, loss};
use crate::rehearse::AutopilotKind;
use crate::rehearse::campaign::{CampaignOptions, campaign, parse_seeds};
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `bench-demo`.
#[derive(Debug, clap::Args)]
pub struct BenchDemo {
    /// Seeds: 7, 1-50 or 1,4,9-12
    #[arg(long, value_name = "SEEDS", default_value = "1-50")]
    seeds: String,
    /// Autopilots: px4, ardupilot or both
    #[arg(long = "as", value_name = "KINDS", default_value = "px4,ardupilot", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<AutopilotKind>,
    /// Stop after so many minutes; the same command goes on where it stopped
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<f64>,
    /// Folder for the results
    #[arg(long, value_name = "DIR", default_value = "patrol-bench")]
    out: PathBuf,
    /// Part of the radio's datagrams that is lost, each way, 0 to 1 [default: as the scenario says]
    #[arg(long, value_name = "PART", value_parser = loss)]
    loss: Option<f64>,
}

/// Flies them.
pub fn run(a: &BenchDemo, json: bool) -> anyhow::Result<ExitCode> {
    let good = campaign(&CampaignOptions {
        seeds: parse_seeds(&a.seeds)?,
        kinds: a.kinds.clone(),
        out: a.out.clone(),
        minutes: a.minutes,
        loss: a.loss,
        json,
    })?;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
