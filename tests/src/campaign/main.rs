//! `campaign upload|…`: figures against bounds, by the thousand, that anyone can run again.
//!
//! Prints rows `{name, bound, measured, pass}`; exits 0 when every row passes, 1 when one misses, 2 on bad usage.
//! Progress goes to standard error. With `--results FILE` a stopped campaign goes on where it stopped.

mod attack;
mod containment;
mod desk;
mod faults;
mod frame;
mod fuzz;
mod kill;
mod link_loss;
mod process;
mod route;
mod sim_speed;
mod upload;

use clap::{Parser, Subcommand};
use frame::{Bench, Common};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "campaign",
    about = "Fault campaigns: figures against bounds, by the thousand"
)]
struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Plan bundles over bad radios: click to staged, to read back on the autopilot
    Upload,
    /// Ten million frames through decoder, gate, uploads, receipts, plan and log readers
    Fuzz,
    /// False link losses at 50 % loss, both ways (--hours H)
    LinkLoss,
    /// Raw routing through the real companion: messages a CPU-second, latency, slow clients, garbage
    Route,
    /// Stops in every disk call, power cuts, kill -9: what was acknowledged stays
    Kill,
    /// The 28 rows of faults, from snapshots on the ground and aloft (--rows 1,5,9-12)
    Faults,
    /// How much faster than real time: one aircraft, fifty, and the whole house; CPU time of one thread
    SimSpeed,
    /// Random plans, venues, winds and faults, by the hour: does anything get out?
    Containment,
    /// Fifty aircraft at 10 Hz against the real desk and console with slow and stalled pages and a flood (--minutes 30)
    Desk(desk::DeskArgs),
    #[command(name = "__desk-station", hide = true)]
    DeskStation(desk::station::StationArgs),
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(a) => a,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let json = args.common.json;
    if let What::DeskStation(a) = &args.what {
        return match desk::station::run(a) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("station: {e:#}");
                ExitCode::FAILURE
            }
        };
    }
    let run = || -> anyhow::Result<Vec<frame::Row>> {
        match args.what {
            What::Fuzz => fuzz::run(&mut Bench::new("fuzz", args.common)?),
            What::Route => route::run(&mut Bench::new("route", args.common)?),
            What::LinkLoss => link_loss::run(&mut Bench::new("link-loss", args.common)?),
            What::Faults => faults::run(&mut Bench::new("faults", args.common)?),
            What::SimSpeed => sim_speed::run(&mut Bench::new("sim-speed", args.common)?),
            What::Kill => kill::run(&mut Bench::new("kill", args.common)?),
            What::Upload => upload::run(&mut Bench::new("upload", args.common)?),
            What::Desk(a) => desk::run(&mut Bench::new("desk", args.common)?, &a),
            What::DeskStation(_) => Ok(Vec::new()),
            What::Containment => containment::run(&mut Bench::new("containment", args.common)?),
        }
    };
    match run() {
        Ok(rows) => frame::tell(&rows, json),
        Err(e) => {
            eprintln!("campaign: {e:#}");
            ExitCode::from(2)
        }
    }
}
