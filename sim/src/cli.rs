//! The command line of the simulator.

use crate::autopilot::AutopilotKind;
use crate::io::run::{Lines, Setup, run};
use crate::scenario::Scenario;
use crate::simulation::SimConfig;
use crate::site::utc_us_from_rfc3339;
use anyhow::{Context, bail};
use clap::{CommandFactory, Parser, Subcommand};
use link_io::{Clock, Endpoint};
use missions::time::Utc;
use serde::Deserialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where PX4's simulator sends, and a companion or MAVSDK listens.
const USUAL_AUTOPILOT: &str = "udp:127.0.0.1:14540";
const USUAL_VENUE: &str = include_str!("../../missions/venues/sixi-river.geojson");
/// Fastest pace asked for, times real time.
const MOST_SPEED: f64 = 50.0;

/// A simulated aircraft with its autopilot, in real time: it flies, sees and broadcasts, and harms nobody.
///
/// Companions, MAVSDK and QGroundControl talk to it as to a real PX4 or ArduCopter. Several lines may be given: all hear
/// the autopilot, and it obeys them all.
#[derive(Debug, Parser)]
#[command(name = "sim", version, propagate_version = true)]
struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Which autopilot it behaves like: px4 or ardupilot [default: px4]
    #[arg(long = "as", env = "PATROL_SIM_AS", value_name = "KIND", value_parser = kind)]
    kind: Option<AutopilotKind>,
    /// Everything random follows from it [default: 1]
    #[arg(long, env = "PATROL_SIM_SEED", value_name = "N")]
    seed: Option<u64>,
    /// Scenario (TOML): wind, radio, camera, what is staged, what fails and when [default: an evening over the Sixi
    /// River]
    #[arg(long, env = "PATROL_SIM_SCENARIO", value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Venue (GeoJSON) with a launch site, where the aircraft stands [default: the Sixi River]
    #[arg(long, env = "PATROL_SIM_VENUE", value_name = "FILE")]
    venue: Option<PathBuf>,
    /// Line of the autopilot, may be given several times: udp:HOST:PORT (sends there, as PX4 does to 14540),
    /// udp-listen:HOST:PORT, tcp:HOST:PORT, tcp-listen:HOST:PORT or serial:/dev/pts/N:921600
    /// [default: udp:127.0.0.1:14540]
    #[arg(
        long,
        env = "PATROL_SIM_AUTOPILOT",
        value_name = "LINE",
        value_delimiter = ','
    )]
    autopilot: Vec<String>,
    /// Serve camera frames: tcp-listen:HOST:PORT
    #[arg(long, env = "PATROL_SIM_CAMERA", value_name = "LINE")]
    camera: Option<String>,
    /// Send what the Remote ID receiver hears: udp:HOST:PORT
    #[arg(long, env = "PATROL_SIM_SENSOR", value_name = "LINE")]
    sensor: Option<String>,
    /// Put the scenario's radio between the autopilot and its lines: loss, bursts, delay, cuts as it plans them
    #[arg(long, env = "PATROL_SIM_RADIO")]
    radio: bool,
    /// Pace, times real time. For foreign clients only: at any other pace than 1 it does not say that it is our
    /// simulator, and the companion and the ground station launch it no more than a stranger's aircraft [default: 1]
    #[arg(long, env = "PATROL_SIM_SPEED", value_name = "N")]
    speed: Option<f64>,
    /// The aircraft's MAVLink system id [default: 1]
    #[arg(long, env = "PATROL_SIM_SYSTEM_ID", value_name = "N")]
    system_id: Option<u8>,
    /// How many aircraft: one a launch site of the venue, side by side where there are fewer; for each next one the
    /// system id and every port are one higher (as PX4's simulator counts) [default: 1]
    #[arg(long, env = "PATROL_SIM_AIRCRAFT", value_name = "N")]
    aircraft: Option<u8>,
    /// The world's time at the start: scenario (as it says), now, or a time such as 2026-10-01T12:00:00Z
    /// [default: scenario]
    #[arg(long, env = "PATROL_SIM_START", value_name = "WHEN")]
    start: Option<String>,
    /// Settings file (TOML); environment and flags go before it
    #[arg(long, env = "PATROL_SIM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the log as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the settings in force (file, environment and flags together) and stop
    Settings,
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

fn kind(s: &str) -> Result<AutopilotKind, String> {
    match s {
        "px4" => Ok(AutopilotKind::Px4),
        "ardupilot" => Ok(AutopilotKind::ArduPilot),
        _ => Err("px4 or ardupilot".into()),
    }
}

/// The settings file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    #[serde(rename = "as")]
    kind: Option<AutopilotKind>,
    seed: Option<u64>,
    scenario: Option<PathBuf>,
    venue: Option<PathBuf>,
    autopilot: Vec<String>,
    camera: Option<String>,
    sensor: Option<String>,
    radio: bool,
    speed: Option<f64>,
    system_id: Option<u8>,
    aircraft: Option<u8>,
    start: Option<String>,
}

/// The lines of aircraft number `n`: every port `n` higher. A serial line has no port: there is one of it.
fn lines_of(first: &Lines, n: u8) -> anyhow::Result<Lines> {
    let higher = |address: &str| -> anyhow::Result<String> {
        let (host, port) = address.rsplit_once(':').context("an address has a port")?;
        let port = port.parse::<u16>()?.checked_add(u16::from(n));
        let port = port.with_context(|| format!("{address}: no port is {n} higher"))?;
        Ok(format!("{host}:{port}"))
    };
    let of = |e: &Endpoint| -> anyhow::Result<Endpoint> {
        Ok(match e {
            Endpoint::UdpListen(a) => Endpoint::UdpListen(higher(a)?),
            Endpoint::UdpTo(a) => Endpoint::UdpTo(higher(a)?),
            Endpoint::Tcp(a) => Endpoint::Tcp(higher(a)?),
            Endpoint::TcpListen(a) => Endpoint::TcpListen(higher(a)?),
            Endpoint::Serial { .. } if n == 0 => e.clone(),
            Endpoint::Serial { .. } => bail!("{e}: one serial line cannot serve several aircraft"),
        })
    };
    Ok(Lines {
        autopilot: first.autopilot.iter().map(of).collect::<Result<_, _>>()?,
        camera: first.camera.as_deref().map(higher).transpose()?,
        sensor: first.sensor.as_ref().map(of).transpose()?,
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn start(text: &str, scenario: &Scenario) -> anyhow::Result<Utc> {
    match text {
        "scenario" => Ok(scenario.start()?),
        "now" => Clock::start()
            .now()
            .utc
            .valid()
            .context("this machine does not know the time: give --start scenario"),
        t => Ok(Utc(utc_us_from_rfc3339(t)?)),
    }
}

fn resolve(a: &RunArgs) -> anyhow::Result<Setup> {
    let file: File = match &a.config {
        Some(path) => toml::from_str(&read(path)?)
            .with_context(|| format!("{} is not a settings file", path.display()))?,
        None => File::default(),
    };
    let scenario = match a.scenario.as_ref().or(file.scenario.as_ref()) {
        Some(path) => {
            Scenario::from_toml(&read(path)?).with_context(|| path.display().to_string())?
        }
        None => Scenario::sixi()?,
    };
    let venue_geojson = match a.venue.as_ref().or(file.venue.as_ref()) {
        Some(path) => read(path)?,
        None => USUAL_VENUE.to_owned(),
    };
    let speed = a.speed.or(file.speed).unwrap_or(1.0);
    if !(0.1..=MOST_SPEED).contains(&speed) {
        bail!("--speed {speed}: give a pace between 0.1 and {MOST_SPEED}");
    }
    let system_id = a.system_id.or(file.system_id).unwrap_or(1);
    if system_id == 0 {
        bail!("--system-id 0 means everybody: give 1 to 255");
    }
    let aircraft = a.aircraft.or(file.aircraft).unwrap_or(1);
    if aircraft == 0 || system_id.checked_add(aircraft - 1).is_none() {
        bail!("--aircraft {aircraft}: give at least 1, and system ids up to 255");
    }
    let mut lines = a.autopilot.clone();
    if lines.is_empty() {
        lines = file.autopilot;
    }
    if lines.is_empty() {
        lines.push(USUAL_AUTOPILOT.into());
    }
    let when = a.start.clone().or(file.start);
    let camera = match a.camera.clone().or(file.camera) {
        None => None,
        Some(line) => match line.parse()? {
            Endpoint::TcpListen(address) => Some(address),
            _ => bail!(
                "--camera {line}: the camera serves its frames: give tcp-listen:HOST:PORT, and tcp:HOST:PORT to the companion"
            ),
        },
    };
    let first = Lines {
        autopilot: lines.iter().map(|l| l.parse()).collect::<Result<_, _>>()?,
        camera,
        sensor: a
            .sensor
            .clone()
            .or(file.sensor)
            .map(|s| s.parse())
            .transpose()?,
    };
    Ok(Setup {
        world: SimConfig {
            seed: a.seed.or(file.seed).unwrap_or(1),
            kind: a.kind.or(file.kind).unwrap_or(AutopilotKind::Px4),
            start: start(when.as_deref().unwrap_or("scenario"), &scenario)?,
            scenario,
            venue_geojson,
            system_id,
            real_pace: speed == 1.0,
        },
        fleet: (0..aircraft)
            .map(|n| lines_of(&first, n))
            .collect::<Result<_, _>>()?,
        speed,
        radio: a.radio || file.radio,
    })
}

fn print_settings(s: &Setup) -> anyhow::Result<()> {
    let first = s.fleet.first().context("no aircraft")?;
    let out = serde_json::json!({
        "as": s.world.kind,
        "seed": s.world.seed,
        "scenario": s.world.scenario,
        "autopilot": first.autopilot.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "camera": first.camera.as_ref().map(|a| format!("tcp-listen:{a}")),
        "sensor": first.sensor.as_ref().map(ToString::to_string),
        "aircraft": s.fleet.len(),
        "radio": s.radio,
        "speed": s.speed,
        "system_id": s.world.system_id,
        "start": s.world.start.to_rfc3339(),
    });
    println!("{}", serde_json::to_string_pretty(&out)?);
    Ok(())
}

fn act(args: Args) -> anyhow::Result<()> {
    match args.what {
        Some(What::Completions { shell }) => {
            clap_complete::generate(shell, &mut Args::command(), "sim", &mut std::io::stdout());
            Ok(())
        }
        Some(What::Settings) => print_settings(&resolve(&args.run)?),
        None => {
            let setup = resolve(&args.run)?;
            link_io::log::init(args.run.json);
            run(setup)
        }
    }
}

/// Runs with these arguments; the first is the program's name.
pub fn main_from(args: Vec<OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(a) => a,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    match act(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("sim: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    main_from(std::env::args_os().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(flags: &[&str]) -> anyhow::Result<Setup> {
        let args = Args::try_parse_from(std::iter::once(&"sim").chain(flags))?;
        resolve(&args.run)
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_flags_it_is_px4_on_its_usual_port_at_real_time() {
        let s = resolved(&[]).unwrap();
        let [only] = s.fleet.as_slice() else {
            panic!("one aircraft");
        };
        assert_eq!(only.autopilot, [Endpoint::UdpTo("127.0.0.1:14540".into())]);
        assert_eq!((s.world.kind, s.speed), (AutopilotKind::Px4, 1.0));
        assert_eq!(s.world.start.to_rfc3339(), "2026-10-01T12:02:00Z");
    }

    #[test]
    fn flags_go_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sim.toml");
        let file = path.to_str().unwrap();
        std::fs::write(
            &path,
            "as = 'ardupilot'\nseed = 5\nautopilot = ['tcp-listen:127.0.0.1:5760', 'udp:127.0.0.1:14550']\nstart = '2026-10-01T13:00:00Z'\n",
        )
        .unwrap();
        let s = resolved(&["--config", file, "--seed", "7"]).unwrap();
        assert_eq!(
            (s.world.kind, s.world.seed, s.fleet[0].autopilot.len()),
            (AutopilotKind::ArduPilot, 7, 2)
        );
        assert_eq!(s.world.start.to_rfc3339(), "2026-10-01T13:00:00Z");
        std::fs::write(&path, "sed = 5\n").unwrap();
        assert!(resolved(&["--config", file]).is_err());
    }

    #[test]
    fn each_aircraft_of_a_fleet_has_ports_of_its_own() {
        let s = resolved(&[
            "--aircraft",
            "50",
            "--camera",
            "tcp-listen:127.0.0.1:5600",
            "--sensor",
            "udp:127.0.0.1:14660",
        ])
        .unwrap();
        assert_eq!(s.fleet.len(), 50);
        assert_eq!(
            s.fleet[49],
            Lines {
                autopilot: vec![Endpoint::UdpTo("127.0.0.1:14589".into())],
                camera: Some("127.0.0.1:5649".into()),
                sensor: Some(Endpoint::UdpTo("127.0.0.1:14709".into())),
            }
        );
        for bad in [
            ["--aircraft", "2", "--autopilot", "serial:/dev/ttyX:921600"],
            ["--aircraft", "2", "--autopilot", "udp:127.0.0.1:65535"],
            ["--aircraft", "2", "--system-id", "255"],
        ] {
            assert!(resolved(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            ["--speed", "0"],
            ["--aircraft", "0"],
            ["--speed", "NaN"],
            ["--system-id", "0"],
            ["--camera", "tcp:127.0.0.1:5600"],
            ["--autopilot", "14540"],
            ["--start", "tomorrow"],
            ["--as", "betaflight"],
            ["--venue", "no-such-file.geojson"],
        ] {
            assert!(resolved(&bad).is_err(), "{bad:?}");
        }
    }
}
