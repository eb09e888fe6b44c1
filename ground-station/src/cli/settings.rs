//! Settings: a TOML file, overridden by the environment, overridden by flags. Read raw, then resolved once.

use crate::evidence::io::{default_path, load_or_make};
use crate::evidence::key::Signer;
use crate::record::retention::{Classes, DEFAULT_CLASSES};
use anyhow::{Context, bail};
use link_io::Endpoint;
use missions::formats::{ImportedVenue, import_venue};
use missions::place::Datum;
use missions::vehicle::VehicleSpec;
use missions::venue::Venue;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags that every subcommand takes.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Settings (by flag, environment or file)")]
pub struct Common {
    /// Settings file (TOML); environment and flags go before it
    #[arg(long, env = "PATROL_GROUND_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Line to an aircraft's companion, may be given several times: udp-listen:HOST:PORT (it calls us),
    /// udp:HOST:PORT, tcp:HOST:PORT, tcp-listen:HOST:PORT or serial:/dev/ttyX:57600.
    /// Several lines to one aircraft, such as a radio and a mobile network, are joined: LINE+LINE
    /// [default: udp-listen:0.0.0.0:14550]
    #[arg(
        long,
        env = "PATROL_GROUND_LINK",
        value_name = "LINE",
        value_delimiter = ',',
        global = true
    )]
    pub link: Vec<String>,
    /// Where the console's page is served; `serve` may take an address that others reach, with TLS
    /// [default: 127.0.0.1:8080]
    #[arg(
        long,
        env = "PATROL_GROUND_HTTP",
        value_name = "HOST:PORT",
        global = true
    )]
    pub http: Option<String>,
    /// Directory for anomalies, pictures and decisions; they survive a restart [default: patrol-ground]
    #[arg(long, env = "PATROL_GROUND_STORE", value_name = "DIR", global = true)]
    pub store: Option<PathBuf>,
    /// Directory for recordings, one folder a run [default: patrol-flights]
    #[arg(long, env = "PATROL_GROUND_RECORD", value_name = "DIR", global = true)]
    pub record: Option<PathBuf>,
    /// Venue (GeoJSON) that the console shows before a plan brings its own [default: the Sixi River]
    #[arg(
        long = "venue",
        env = "PATROL_GROUND_VENUE",
        value_name = "FILE",
        global = true
    )]
    pub venue_file: Option<PathBuf>,
    /// Vehicle (TOML): speeds, braking, energy; once an aircraft for `plan --aircraft K`
    /// [default: the simulator's quadrotor]
    #[arg(
        long,
        env = "PATROL_GROUND_VEHICLE",
        value_name = "FILE",
        value_delimiter = ',',
        global = true
    )]
    pub vehicle: Vec<PathBuf>,
    /// Language of the page: zh-CN or en [default: the browser's]
    #[arg(long, env = "PATROL_GROUND_LANG", value_name = "LANG", value_parser = ["zh-CN", "en"], global = true)]
    pub lang: Option<String>,
    /// Stream to a running Rerun viewer, for example rerun+http://127.0.0.1:9876/proxy
    #[arg(long, env = "PATROL_GROUND_RERUN", value_name = "URL", global = true)]
    pub rerun: Option<String>,
    /// The station's signing key; made on the first run [default: with the user's state, patrol/station.key]
    #[arg(long, env = "PATROL_GROUND_KEY", value_name = "FILE", global = true)]
    pub station_key: Option<PathBuf>,
    /// People who may log in at the console [default: with the user's state, patrol/people.json]
    #[arg(
        long = "people",
        env = "PATROL_GROUND_PEOPLE",
        value_name = "FILE",
        global = true
    )]
    pub people_file: Option<PathBuf>,
    /// Write answers and the log as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// The settings file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    link: Vec<String>,
    http: Option<String>,
    store: Option<PathBuf>,
    record: Option<PathBuf>,
    venue: Option<PathBuf>,
    vehicle: Option<PathBuf>,
    lang: Option<String>,
    rerun: Option<String>,
    station_key: Option<PathBuf>,
    people: Option<PathBuf>,
    /// File with classes of retention.
    retention: Option<PathBuf>,
    bulk_bytes_per_s: Option<f64>,
}

/// Settings in force.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Lines to companions.
    pub links: Vec<Endpoint>,
    /// Which aircraft each leads to, counted from 0: lines joined by `+` lead to one.
    pub lines: Vec<u8>,
    /// The page's address.
    pub http: SocketAddr,
    /// Whether somebody chose the page's address.
    pub http_chosen: bool,
    /// Anomalies, pictures, decisions.
    pub store: PathBuf,
    /// Recordings.
    pub record: PathBuf,
    /// Venue shown first.
    pub venue: Venue,
    /// Vehicle planned for.
    pub vehicle: VehicleSpec,
    /// All vehicles that were given, the one planned for first: a team's.
    pub vehicles: Vec<VehicleSpec>,
    /// Whether somebody chose the vehicle.
    pub vehicle_chosen: bool,
    /// The page's language.
    pub lang: Option<String>,
    /// A running viewer.
    pub rerun: Option<String>,
    /// Bytes a second for plan bundles on each link.
    pub bulk_bytes_per_s: f64,
    /// The station's signing key.
    pub station_key: PathBuf,
    /// People who may log in.
    pub people: PathBuf,
    /// Classes of retention.
    pub retention: Classes,
    /// Answers as JSON.
    pub json: bool,
}

impl Settings {
    /// The station's key. When this run makes it, its fingerprint is said, to be written down.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn signer(&self) -> anyhow::Result<Signer> {
        let (signer, new) = load_or_make(&self.station_key)?;
        if new {
            eprintln!(
                "this station's key was made: {}\nits fingerprint, to be written down: {}",
                self.station_key.display(),
                signer.public().fingerprint()
            );
        }
        Ok(signer)
    }
}

/// Reads a text file, with its name in the error.
pub fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a venue file of any kind that is known. `datum`: what somebody says the coordinates are on.
pub fn import(path: &Path, datum: Option<Datum>) -> anyhow::Result<ImportedVenue> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.display().to_string();
    import_venue(&name, &bytes, datum).with_context(|| format!("{name} cannot be used as a venue"))
}

/// Puts file, environment and flags together. The page is for this machine only.
pub fn resolve(a: &Common) -> anyhow::Result<Settings> {
    let s = resolve_for_others(a)?;
    if !s.http.ip().is_loopback() {
        bail!(
            "--http {}: this page is for this machine only, because whoever opens it is let in: give 127.0.0.1:{}, or use `serve`",
            s.http,
            s.http.port()
        );
    }
    Ok(s)
}

/// The same for a page that others may reach: it asks for passwords and speaks TLS.
pub fn resolve_for_others(a: &Common) -> anyhow::Result<Settings> {
    let file: File = match &a.config {
        Some(path) => toml::from_str(&read(path)?)
            .with_context(|| format!("{} is not a settings file", path.display()))?,
        None => File::default(),
    };
    let mut links = a.link.clone();
    if links.is_empty() {
        links = file.link;
    }
    if links.is_empty() {
        links.push("udp-listen:0.0.0.0:14550".into());
    }
    let chosen = a.http.clone().or(file.http);
    let text = chosen.clone().unwrap_or_else(|| "127.0.0.1:8080".into());
    let http: SocketAddr = text.parse().with_context(|| {
        format!("--http {text} is not an address and a port such as 127.0.0.1:8080")
    })?;
    let bulk_bytes_per_s = file.bulk_bytes_per_s.unwrap_or(60_000.0);
    if !(200.0..=10_000_000.0).contains(&bulk_bytes_per_s) {
        bail!("bulk_bytes_per_s = {bulk_bytes_per_s}: give 200 to 10000000");
    }
    if let Some(lang) = &file.lang
        && !["zh-CN", "en"].contains(&lang.as_str())
    {
        bail!("lang = \"{lang}\": the page speaks zh-CN and en");
    }
    let chosen_vehicles = if a.vehicle.is_empty() {
        file.vehicle.as_slice()
    } else {
        a.vehicle.as_slice()
    };
    let vehicles = chosen_vehicles
        .iter()
        .map(|path| {
            VehicleSpec::from_toml(&read(path)?).with_context(|| path.display().to_string())
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut lines = Vec::new();
    let mut endpoints = Vec::new();
    for (aircraft, joined) in links.iter().enumerate() {
        for line in joined.split('+') {
            lines.push(u8::try_from(aircraft).context("too many links: 255 at most")?);
            endpoints.push(line.trim().parse()?);
        }
    }
    Ok(Settings {
        links: endpoints,
        lines,
        http,
        http_chosen: chosen.is_some(),
        store: a
            .store
            .clone()
            .or(file.store)
            .unwrap_or_else(|| "patrol-ground".into()),
        record: a
            .record
            .clone()
            .or(file.record)
            .unwrap_or_else(|| "patrol-flights".into()),
        venue: match a.venue_file.as_ref().or(file.venue.as_ref()) {
            Some(path) => import(path, None)?.venue,
            None => Venue::sixi_river(),
        },
        vehicle: vehicles
            .first()
            .cloned()
            .unwrap_or_else(VehicleSpec::default_quad),
        vehicle_chosen: !vehicles.is_empty(),
        vehicles,
        lang: a.lang.clone().or(file.lang),
        rerun: a.rerun.clone().or(file.rerun),
        bulk_bytes_per_s,
        station_key: a
            .station_key
            .clone()
            .or(file.station_key)
            .unwrap_or_else(default_path),
        people: a
            .people_file
            .clone()
            .or(file.people)
            .unwrap_or_else(crate::people::io::default_path),
        retention: match &file.retention {
            None => Classes::parse(DEFAULT_CLASSES)?,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Classes::parse(&text).with_context(|| path.display().to_string())?
            }
        },
        json: a.json,
    })
}

/// Prints the settings in force.
pub fn print(s: &Settings) -> anyhow::Result<ExitCode> {
    let out = serde_json::json!({
        "link": s.links.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "http": s.http.to_string(),
        "store": s.store,
        "record": s.record,
        "venue": s.venue.name,
        "vehicle": s.vehicle,
        "lang": s.lang,
        "rerun": s.rerun,
        "station_key": s.station_key,
        "people": s.people,
        "bulk_bytes_per_s": s.bulk_bytes_per_s,
        "retention": s.retention,
    });
    println!("{}", serde_json::to_string_pretty(&out)?);
    Ok(ExitCode::SUCCESS)
}

/// Seconds since 1970 as orders are numbered by, so that a restarted desk never repeats a number.
pub fn order_base(now: missions::time::Now) -> u32 {
    now.utc
        .valid()
        .and_then(|u| u32::try_from(u.0.div_euclid(1_000_000)).ok())
        .unwrap_or(0)
}

/// A folder name for a run that begins now.
pub fn run_name(what: &str, now: missions::time::Now) -> String {
    let stamp = now
        .utc
        .valid()
        .map_or_else(|| "undated".to_owned(), missions::time::Utc::to_rfc3339);
    // No colons: some file systems refuse them.
    let stamp: String = stamp
        .chars()
        .take(19)
        .filter(|c| *c != ':' && *c != '-')
        .collect();
    format!("{what}-{stamp}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_before_the_file_and_nonsense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ground.toml");
        std::fs::write(
            &path,
            "link = ['serial:/dev/ttyUSB0:57600']\nhttp = '127.0.0.1:9000'\nlang = 'en'\nbulk_bytes_per_s = 4000\n",
        )
        .unwrap();
        let mut a = Common {
            config: Some(path.clone()),
            http: Some("127.0.0.1:9001".into()),
            ..Common::default()
        };
        let s = resolve(&a).unwrap();
        assert_eq!(s.http.port(), 9001);
        assert_eq!(s.links[0].to_string(), "serial:/dev/ttyUSB0:57600");
        assert_eq!(
            (s.lang.as_deref(), s.bulk_bytes_per_s),
            (Some("en"), 4000.0)
        );
        a.http = Some("0.0.0.0:9001".into());
        let e = resolve(&a).unwrap_err().to_string();
        assert!(e.contains("this machine only"), "{e}");
        assert_eq!(resolve_for_others(&a).unwrap().http.port(), 9001);
        for bad in [
            "lnk = ['udp:a:1']\n",
            "lang = 'fr'\n",
            "bulk_bytes_per_s = nan\n",
            "link = ['udp']\n",
        ] {
            std::fs::write(&path, bad).unwrap();
            let a = Common {
                config: Some(path.clone()),
                ..Common::default()
            };
            assert!(resolve(&a).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_is_named_by_its_time_without_colons() {
        let utc = missions::time::Utc::from_rfc3339("2026-10-01T12:02:03Z").unwrap();
        let now = missions::time::Now::new(missions::time::Mono::ZERO, utc);
        assert_eq!(run_name("flight", now), "flight-20261001T120203");
    }
}
