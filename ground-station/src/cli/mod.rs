//! The command line: every subcommand an officer types. One file a group; a shell that does nothing clever.

mod again;
mod bench;
mod bench_plan;
mod demo;
mod export;
mod flights;
mod fly;
mod geometry;
mod graphs;
mod ground;
mod measure;
mod people;
mod plan;
mod refly;
mod rehearse;
mod report;
mod seek;
mod serve;
mod settings;
mod verify;

use crate::rehearse::children::run_as_child;
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// The ground station for patrol drones: plans, launches, watches, records, replays.
///
/// Start with `demo`: it flies a simulated aircraft over a light show and opens the console. With a real link:
/// `serve` is the console, `plan` draws a patrol inside a venue's fence, `fly` flies it from the command line,
/// `replay` shows a recorded flight again.
#[derive(Debug, Parser)]
#[command(
    name = "ground-station",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Args {
    #[command(flatten)]
    common: settings::Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Fly a simulated aircraft over a light show: with the console, or --headless in virtual time
    Demo(demo::Demo),
    /// The officers' console: on this machine, or with TLS for others
    Serve(serve::Serve),
    /// Who may log in at the console: list, add, disable, enable, reset, roles
    People(people::PeopleArgs),
    /// Make a patrol plan inside a venue's fence
    Plan(Box<plan::Plan>),
    /// Rehearse a plan in the simulator: what it sees, what each failsafe would do where, and whether anything blocks it
    Rehearse(rehearse::Rehearse),
    /// Fly a plan from the command line: upload, checks, confirmation, launch, watch
    Fly(fly::Fly),
    /// Show a recorded flight again in the console
    Replay(serve::Replay),
    /// Fly a recorded flight again in the simulator, with other wind, a fault or other rules, and lay both tracks side by side
    Refly(refly::ReflyArgs),
    /// Feed a recording to the cores again: the same alarms must come out, and others under another rules file
    Again(again::Again),
    /// List what has been recorded, how long it is kept, and who holds it
    Flights(flights::Flights),
    /// Put a flight into a class of retention, hold it, or (a second person) let it go
    Retain(flights::Retain),
    /// Check a recorded flight offline: every flipped, dropped, moved, cut or added byte is found and placed
    Verify(verify::Verify),
    /// Fly the headless demonstration at many seeds and judge all flights together
    BenchDemo(bench::BenchDemo),
    /// Measure the planner over a folder of venues and graphs: the figures it is asked to reach
    BenchPlan(bench_plan::BenchPlan),
    /// A recorded flight for others: evidence pack (zip, two-person release), MCAP, CSV, KML, GeoJSON, Rerun
    Export(export::Export),
    /// After-action report of a recorded flight: one HTML file to print, or its figures as JSON
    Report(report::ReportArgs),
    /// Damage records in 10,000 ways and break the recorder's disk at every call; all must be found, nothing lost
    BenchRecord(verify::BenchRecord),
    /// Make flights in virtual time and feed each again: identical alarms, and others with one rule changed
    BenchAgain(again::BenchAgain),
    /// Measure how fast any moment of a long recording is found: 2 hours, 1 GB
    BenchSeek(seek::BenchSeek),
    /// Print the settings in force (file, environment and flags together) and stop
    Settings,
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

fn act(args: Args) -> anyhow::Result<ExitCode> {
    let json = args.common.json;
    if !matches!(args.what, What::Completions { .. } | What::Settings) {
        link_io::log::init(json);
    }
    match args.what {
        What::Demo(d) => demo::run(&d, &settings::resolve(&args.common)?),
        What::Serve(s) => serve::serve(&s, settings::resolve_for_others(&args.common)?),
        What::People(p) => people::run(&p, &settings::resolve(&args.common)?),
        What::Plan(p) => plan::run(&p, &settings::resolve(&args.common)?),
        What::Fly(f) => fly::run(&f, &settings::resolve(&args.common)?),
        What::Replay(r) => serve::replay(&r, &settings::resolve(&args.common)?),
        What::Flights(f) => flights::run(&f, &settings::resolve(&args.common)?),
        What::Rehearse(r) => rehearse::run(&r, json),
        What::Refly(r) => refly::run(&r, json),
        What::Again(a) => again::run(&a, &settings::resolve(&args.common)?),
        What::BenchAgain(b) => again::bench(&b, json),
        What::BenchSeek(b) => seek::bench(&b, json),
        What::Retain(r) => flights::retain(&r, &settings::resolve(&args.common)?),
        What::Verify(v) => verify::run(&v, json),
        What::BenchDemo(b) => bench::run(&b, json),
        What::BenchPlan(b) => bench_plan::run(&b, json),
        What::Report(r) => report::run(&r, &settings::resolve(&args.common)?),
        What::Export(e) => export::run(&e, &settings::resolve(&args.common)?),
        What::BenchRecord(b) => verify::bench(&b, json),
        What::Settings => settings::print(&settings::resolve(&args.common)?),
        What::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Args::command(),
                "ground-station",
                &mut std::io::stdout(),
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs with these arguments; the first is the program's name.
#[must_use]
pub fn main_from(args: Vec<OsString>) -> ExitCode {
    if let Some(code) = run_as_child(&args) {
        return code;
    }
    let args = match Args::try_parse_from(args) {
        Ok(a) => a,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    match act(args) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("ground-station: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ends quietly, as other programs do, when whoever read our answer has seen enough (`flights | head`).
fn end_when_nobody_reads() {
    /// 128 and SIGPIPE: what a shell shows for a program that was ended so.
    const NOBODY_READS: i32 = 141;
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |p| {
        let words = p.payload_as_str().unwrap_or("");
        if words.starts_with("failed printing to stdout") && words.contains("Broken pipe") {
            std::process::exit(NOBODY_READS);
        }
        usual(p);
    }));
}

/// Runs with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    end_when_nobody_reads();
    main_from(std::env::args_os().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn what_the_readme_says_is_understood() {
        for line in [
            "demo",
            "demo --open --auto",
            "demo --headless --as ardupilot --speed 20 --seed 7 --out x",
            "demo --headless --speed max --loss 0.2",
            "demo --headless --guard off --sabotage",
            "serve --link udp-listen:127.0.0.1:14550 --http 127.0.0.1:8080",
            "serve --http 0.0.0.0:8443 --name patrol.example --tls-cert a.pem --tls-key b.pem",
            "people list --json",
            "people add 王建国 --role pilot,admin --role viewer",
            "people roles Li pilot,viewer",
            "people reset Li",
            "plan venue.geojson --pattern perimeter --altitude 60 --speed 7.5 --swath 50 -o plan.json",
            "fly plan.json --link serial:/dev/ttyUSB0:57600 --yes",
            "replay flights/1 --speed 4",
            "plan park.geojson --swath 20 --margin 5 --closed --aircraft 3 --seed 2 -o park.geojson --draw park.svg",
            "plan lake.kmz --pattern sector --at 30.1,119.9 --radius 150 --current 90,0.4 -o search.geojson",
            "plan cumberland.graph --pattern rounds --aircraft 4 --shift 8 --endurance 25 -o rounds.json",
            "plan beijing.node_data --pattern streets --speed 7 --wind 45,2 -o streets.geojson",
            "bench-plan data --quick --only closed,same --json",
            "bench-demo --seeds 1-50 --as px4,ardupilot --minutes 20 --out x",
            "export flights/1 --pack p.zip --release-by A=a.key --release-by B=b.key --csv x --mcap y.mcap",
            "report flights/1 --lang en --zone -03:30 -o report.html",
            "report flights/1 --json",
            "bench-record --rounds 10000 --seed 1",
            "flights --anomaly unknown-drone",
            "again flights/1/aboard --rules strict.toml",
            "bench-again --flights 2",
            "bench-seek --hours 0.1 --mb 10",
            "retain flights/1 --hold --by Li=li.key --reason x",
            "retain flights/1 --class evidence --by Li=li.key --reason x",
            "verify flights/1 --receipt flights/1/aboard",
            "replay log.ulg --speed 2",
            "verify flights/1 --key 0123-4567 --receipt heads.jsonl --json",
            "settings",
            "completions bash",
        ] {
            let args = std::iter::once("ground-station").chain(line.split(' '));
            assert!(Args::try_parse_from(args).is_ok(), "{line}");
        }
        for line in [
            "demo --headless --speed 0",
            "demo --headless --as betaflight",
            "demo --headless --loss 2",
            "demo --sabotage",
            "serve --tls-cert a.pem",
            "people add Li",
            "people roles Li emperor",
            "fly",
            "replay x --speed 99",
            "plan v --pattern zigzag",
            "plan v --aircraft 0",
            "plan v --at 91,0",
            "bench-plan data --only everything",
            "export flights/1 --pack p.zip",
            "export flights/1 --release-by A",
            "report flights/1 --zone Beijing -o x.html",
            "retain flights/1 --by Li=li.key --reason x",
            "retain flights/1 --hold --lift --by Li=li.key --reason x",
            "retain flights/1 --hold --by Li --reason x",
        ] {
            let args = std::iter::once("ground-station").chain(line.split(' '));
            assert!(Args::try_parse_from(args).is_err(), "{line}");
        }
    }
}
