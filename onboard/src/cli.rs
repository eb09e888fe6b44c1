//! The command line of the companion.

use crate::config::{Config, GuardSwitch};
use crate::core::KEY_FILE;
use crate::eyes::child::{self, ChildConfig};
use crate::eyes::rules::{RosterEntry, with_roster};
use crate::failsafe;
use crate::io::run::{Setup, run};
use anyhow::{Context, bail};
use clap::{CommandFactory, Parser, Subcommand};
use link::signing::{Key, Trust};
use link_io::Endpoint;
use serde::Deserialize;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::process::ExitCode;

/// The patrol companion: sits on the aircraft between the autopilot and the ground station.
///
/// It lets only checked plans and commands through to the autopilot, holds or turns the aircraft back before it leaves
/// the fence, and keeps every anomaly until the ground says that it has it.
#[derive(Debug, Parser)]
#[command(name = "onboard", version, propagate_version = true)]
struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Line to the autopilot: udp:0.0.0.0:14540 (listens), udp-to:HOST:PORT, tcp:HOST:PORT or serial:/dev/ttyX:921600
    #[arg(long, env = "PATROL_AUTOPILOT", value_name = "LINE")]
    autopilot: Option<String>,
    /// Line to a ground station, may be given several times: udp:HOST:PORT (sends there), udp-listen:0.0.0.0:14550
    /// (answers whoever calls), tcp:HOST:PORT, tcp-listen:HOST:PORT or serial:/dev/ttyX:57600. Several lines to one
    /// station, such as a radio and a mobile network, are joined: serial:/dev/ttyUSB0:57600+udp:HOST:PORT
    #[arg(
        long,
        env = "PATROL_GROUND",
        value_name = "LINE",
        value_delimiter = ','
    )]
    ground: Vec<String>,
    /// How far each ground line is trusted, in their order: signed, or wired-lab (loopback and serial lines only)
    /// [default: wired-lab on the loopback, signed everywhere else]
    #[arg(
        long,
        env = "PATROL_TRUST",
        value_name = "TRUST",
        value_delimiter = ','
    )]
    trust: Vec<Trust>,
    /// Directory for plans and anomalies; they survive a restart [default: patrol-store]
    #[arg(long, env = "PATROL_STORE", value_name = "DIR")]
    store: Option<PathBuf>,
    /// Key that signs the flight log, made at the first start [default: record.key in the store]
    #[arg(long, env = "PATROL_RECORD_KEY", value_name = "FILE")]
    record_key: Option<PathBuf>,
    /// Camera stream for the eyes, tcp:HOST:PORT
    #[arg(long, env = "PATROL_CAMERA", value_name = "LINE")]
    camera: Option<String>,
    /// Where the Remote ID receiver sends, udp:HOST:PORT
    #[arg(long, env = "PATROL_SENSOR", value_name = "LINE")]
    sensor: Option<String>,
    /// Settings file (TOML); environment and flags go before it
    #[arg(long, env = "PATROL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Guard: on, or off for a control run with our own simulator
    #[arg(long, env = "PATROL_GUARD", value_name = "on|off", value_parser = parse_guard)]
    guard: Option<GuardSwitch>,
    /// Write the log, or the answer, as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print who does what when something fails
    Failsafes,
    /// Make or show the key that signs this aircraft's ground lines
    Key {
        /// new, set or show
        #[arg(value_parser = ["new", "set", "show"])]
        what: String,
        /// The key for set: 64 hexadecimal digits
        hex: Option<String>,
    },
    /// Print the configuration in force (file, environment and flags together) and stop
    Settings,
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    #[command(name = "__eyes", hide = true)]
    Eyes {
        #[arg(long)]
        camera: Option<String>,
        #[arg(long)]
        sensor: Option<String>,
        #[arg(long)]
        diary: bool,
    },
}

fn parse_guard(s: &str) -> Result<GuardSwitch, String> {
    match s {
        "on" => Ok(GuardSwitch::On),
        "off" => Ok(GuardSwitch::Off),
        _ => Err("on or off".into()),
    }
}

/// A ground line in the settings file: as on the command line, or a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum GroundLine {
    Lines(String),
    Table(GroundTable),
}

/// `[[ground]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroundTable {
    line: String,
    trust: Option<Trust>,
    /// What it carries; absent: no limit, or the rate of its baud.
    bytes_per_s: Option<u32>,
    /// Lines of the same name lead to one station; absent: one of its own.
    station: Option<String>,
}

/// Every line with its table; lines joined by `+` are of one station.
fn ground_lines(given: &[GroundLine]) -> Vec<GroundTable> {
    let mut out = Vec::new();
    for (n, g) in given.iter().enumerate() {
        match g {
            GroundLine::Table(t) => out.push(t.clone()),
            GroundLine::Lines(joined) => out.extend(joined.split('+').map(|line| GroundTable {
                line: line.trim().to_owned(),
                trust: None,
                bytes_per_s: None,
                // No name a person gives has a NUL in it.
                station: Some(format!("\0{n}")),
            })),
        }
    }
    out
}

/// The settings file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    autopilot: Option<String>,
    ground: Vec<GroundLine>,
    trust: Vec<Trust>,
    store: Option<PathBuf>,
    record_key: Option<PathBuf>,
    camera: Option<String>,
    sensor: Option<String>,
    /// File with rules for the eyes.
    eyes_rules: Option<PathBuf>,
    /// Drones that belong here, beside those of the rules file.
    roster: Vec<RosterEntry>,
    settings: Config,
}

fn resolve(a: &RunArgs) -> anyhow::Result<Setup> {
    let file: File = match &a.config {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            toml::from_str(&text)
                .with_context(|| format!("{} is not a settings file", path.display()))?
        }
        None => File::default(),
    };
    let mut config = file.settings;
    if let Some(rules) = file.eyes_rules {
        config.eyes_rules = std::fs::read_to_string(&rules)
            .with_context(|| format!("cannot read {}", rules.display()))?;
    }
    if !file.roster.is_empty() {
        config.eyes_rules = with_roster(&config.eyes_rules, &file.roster);
    }
    if let Some(g) = a.guard {
        config.guard = g;
    }
    let Some(autopilot) = a.autopilot.clone().or(file.autopilot) else {
        bail!(
            "no line to the autopilot: give --autopilot, for example --autopilot udp:0.0.0.0:14540"
        );
    };
    let grounds = ground_lines(&if a.ground.is_empty() {
        file.ground
    } else {
        a.ground.iter().cloned().map(GroundLine::Lines).collect()
    });
    if grounds.is_empty() {
        bail!("no line to the ground: give --ground, for example --ground udp:127.0.0.1:14550");
    }
    // The only draw of chance in the program: what tells this aircraft's anomaly store from all others.
    config.new_store_id = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
        | 1;
    let tables = grounds;
    let grounds: Vec<Endpoint> = tables
        .iter()
        .map(|g| g.line.parse())
        .collect::<Result<_, _>>()?;
    let mut names: Vec<Option<&String>> = Vec::new();
    config.ground_station.clear();
    for t in &tables {
        let known = names
            .iter()
            .position(|n| n.is_some() && *n == t.station.as_ref());
        let number = known.unwrap_or(names.len());
        if known.is_none() {
            names.push(t.station.as_ref());
        }
        config
            .ground_station
            .push(u8::try_from(number).context("too many ground lines")?);
    }
    if tables.iter().any(|t| t.bytes_per_s.is_some()) {
        config.ground_bytes_per_s = tables.iter().map(|t| t.bytes_per_s.unwrap_or(0)).collect();
    }
    let said = if a.trust.is_empty() {
        file.trust
    } else {
        a.trust.clone()
    };
    config.ground_trust.clear();
    for (n, line) in grounds.iter().enumerate() {
        let trust = match said.get(n).copied().or(tables.get(n).and_then(|t| t.trust)) {
            Some(t) => t,
            None if line.is_loopback() => Trust::WiredLab,
            None => Trust::Signed,
        };
        if trust == Trust::WiredLab && !line.is_loopback() && !line.is_serial() {
            bail!(
                "{line} cannot be wired-lab: only the loopback and serial lines can. Sign it (make a key with `onboard key new`)"
            );
        }
        config.ground_trust.push(trust);
    }
    Ok(Setup {
        autopilot: Endpoint::of_autopilot(&autopilot)?,
        grounds,
        store: store(a, file.store),
        record_key: a.record_key.clone().or(file.record_key),
        camera: a.camera.clone().or(file.camera),
        sensor: a.sensor.clone().or(file.sensor),
        config,
    })
}

fn store(a: &RunArgs, file: Option<PathBuf>) -> PathBuf {
    a.store
        .clone()
        .or(file)
        .unwrap_or_else(|| "patrol-store".into())
}

/// Makes, takes or shows the aircraft's key. Done by hand at the aircraft, never over a link.
fn key(a: &RunArgs, what: &str, hex: Option<&str>) -> anyhow::Result<()> {
    use link::journal::Disk;
    let mut disk = link_io::DirDisk::open(&store(a, None)).context("the store cannot be opened")?;
    let old = String::from_utf8(disk.read(KEY_FILE)?)
        .ok()
        .and_then(|t| Key::from_hex(&t));
    let key = match (what, hex) {
        ("show", None) => {
            old.context("this aircraft has no key: make one with `onboard key new`")?
        }
        ("new", None) => {
            let mut bytes = [0u8; 32];
            std::fs::File::open("/dev/urandom")
                .and_then(|mut f| std::io::Read::read_exact(&mut f, &mut bytes))
                .context("the system gives no random bytes")?;
            Key::new(bytes)
        }
        ("set", Some(hex)) => {
            Key::from_hex(hex).context("a key has 64 hexadecimal digits; nothing was changed")?
        }
        _ => bail!("write `key new`, `key show` or `key set HEX`"),
    };
    if what != "show" {
        disk.replace(KEY_FILE, key.to_hex().as_bytes())?;
    }
    if a.json {
        println!(
            "{}",
            serde_json::json!({"key": key.to_hex(), "fingerprint": key.fingerprint()})
        );
    } else {
        // The key alone on standard output: `onboard key show > GROUND-STORE/link-1.key`.
        println!("{}", key.to_hex());
        eprintln!(
            "fingerprint {}. The ground station wants it as link-AIRCRAFT.key in its store; nobody else may have it.",
            key.fingerprint()
        );
    }
    Ok(())
}

fn print_failsafes(json: bool) -> anyhow::Result<()> {
    let table = failsafe::table();
    if json {
        println!("{}", serde_json::to_string_pretty(&table)?);
        return Ok(());
    }
    for r in table {
        println!("{}: {}", r.id, r.cause);
        println!("    seen by   {}", r.detection);
        println!("    {:<9} {}", r.who, r.response);
        println!("    within    {}", r.within);
        println!("    ends by   {}", r.clears);
    }
    let figures = failsafe::PlanFigures {
        return_above_home_m: 40.0,
        ceiling_above_home_m: 120.0,
        rally: false,
        speed_mps: 8.0,
    };
    for (kind, name) in [
        (crate::facts::Kind::Px4, "PX4"),
        (crate::facts::Kind::ArduPilot, "ArduPilot"),
    ] {
        println!(
            "\n{name}: set and verified with every plan (heights and speed from the plan; here 40 m, 120 m, 8 m/s)"
        );
        for r in failsafe::requirements(kind, &figures) {
            println!("  {:<18} {:>9}  {}", r.name, r.want.value(), r.why);
        }
    }
    Ok(())
}

fn act(args: Args) -> anyhow::Result<()> {
    match args.what {
        Some(What::Failsafes) => print_failsafes(args.run.json),
        Some(What::Key { what, hex }) => key(&args.run, &what, hex.as_deref()),
        Some(What::Completions { shell }) => {
            clap_complete::generate(
                shell,
                &mut Args::command(),
                "onboard",
                &mut std::io::stdout(),
            );
            Ok(())
        }
        Some(What::Eyes {
            camera,
            sensor,
            diary,
        }) => Ok(child::run(
            &ChildConfig {
                camera,
                sensor,
                diary,
            },
            std::io::stdin(),
            std::io::stdout(),
        )?),
        Some(What::Settings) => {
            let s = resolve(&args.run)?;
            let out = serde_json::json!({
                "autopilot": s.autopilot.to_string(),
                "ground": s.grounds.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "store": s.store, "camera": s.camera, "sensor": s.sensor, "settings": s.config,
            });
            println!("{}", serde_json::to_string_pretty(&out)?);
            Ok(())
        }
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
            eprintln!("onboard: {e:#}");
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

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn only_cables_may_go_unsigned() {
        let trust = |lines: &[&str]| {
            let mut args = vec!["onboard", "--autopilot", "udp:0.0.0.0:14540"];
            args.extend(lines);
            resolve(&Args::try_parse_from(args).unwrap().run).map(|s| s.config.ground_trust)
        };
        let radio = [
            "--ground",
            "udp:10.0.0.1:14550,serial:/dev/ttyUSB0:57600,udp:127.0.0.1:1",
        ];
        assert_eq!(
            trust(&radio).unwrap(),
            [Trust::Signed, Trust::Signed, Trust::WiredLab]
        );
        let cable = ["--ground", "serial:/dev/ttyUSB0", "--trust", "wired-lab"];
        assert_eq!(trust(&cable).unwrap(), [Trust::WiredLab]);
        for open in [
            "udp:10.0.0.1:14550",
            "tcp-listen:0.0.0.0:5760",
            "udp-listen:[::]:14550",
        ] {
            assert!(
                trust(&["--ground", open, "--trust", "wired-lab"]).is_err(),
                "{open}"
            );
        }
    }

    #[test]
    fn lines_to_one_station_are_joined_or_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(
            &path,
            "autopilot = 'udp:0.0.0.0:14540'\n[[ground]]\nline = 'serial:/dev/ttyUSB0:57600'\nbytes_per_s = 5000\nstation = 'desk'\n\
             [[ground]]\nline = 'udp-listen:127.0.0.1:14550'\n[[ground]]\nline = 'udp:10.0.0.1:14550'\nstation = 'desk'\ntrust = 'signed'\n",
        )
        .unwrap();
        let of = |more: &[&str]| {
            let mut args = vec!["onboard", "--config", path.to_str().unwrap()];
            args.extend(more);
            resolve(&Args::try_parse_from(args).unwrap().run).unwrap()
        };
        let s = of(&[]);
        assert_eq!(s.config.ground_station, [0, 1, 0]);
        assert_eq!(s.config.ground_bytes_per_s, [5000, 0, 0]);
        assert_eq!(
            s.config.ground_trust,
            [Trust::Signed, Trust::WiredLab, Trust::Signed]
        );
        let s = of(&["--ground", "udp:10.0.0.1:1+udp:10.0.0.2:1,udp:10.0.0.3:1"]);
        assert_eq!(s.config.ground_station, [0, 0, 1]);
        assert_eq!(s.grounds.len(), 3);
    }

    #[test]
    fn flags_go_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(
            &path,
            "autopilot = 'serial:/dev/ttyAMA0:921600'\nground = ['udp:10.0.0.1:14550']\nstore = 'here'\n[[roster]]\nuas_id = 'S-1'\nname = 'Show'\n[settings]\nmax_wind_mps = 7.0\n",
        )
        .unwrap();
        let a = Args::try_parse_from([
            "onboard",
            "--config",
            path.to_str().unwrap(),
            "--ground",
            "tcp-listen:127.0.0.1:5760",
        ])
        .unwrap();
        let s = resolve(&a.run).unwrap();
        assert_eq!(s.autopilot.to_string(), "serial:/dev/ttyAMA0:921600");
        assert_eq!(s.grounds[0].to_string(), "tcp-listen:127.0.0.1:5760");
        assert_eq!(s.config.ground_trust, [Trust::WiredLab]);
        assert_eq!((s.store, s.config.max_wind_mps), ("here".into(), 7.0));
        assert!(s.config.eyes_rules.contains("uas_id = \"S-1\""));
        std::fs::write(&path, "[settings]\nmax_wnd_mps = 7.0\n").unwrap();
        assert!(resolve(&a.run).is_err());
    }
}
