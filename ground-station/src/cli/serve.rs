//! `serve` and `replay`: the console.

use super::settings::{Settings, order_base, run_name};
use crate::console::tls::{Certificate, Identity, identity};
use crate::console::{Entrance, Ready, ReplaySetup, ServeSetup};
use crate::desk::DeskConfig;
use anyhow::{Context, bail};
use link_io::{Clock, Endpoint};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// What somebody must type before an aircraft that is not our simulator may be launched.
pub const REAL_WORDS: &str = "I answer for this real aircraft";

/// Flags of `serve`.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Plan to load at the start (plan.json)
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Do not record
    #[arg(long)]
    no_record: bool,
    /// Speak TLS on this machine's loopback too; elsewhere it is always spoken
    #[arg(long)]
    tls: bool,
    /// Certificate and those that signed it (PEM) [default: our own, made on the first run beside the people's file]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM), for its owner's eyes only
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Name under which officers reach this machine, such as patrol.example; may be given several times
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    name: Vec<String>,
    /// Open the page in this machine's browser
    #[arg(long)]
    open: bool,
    /// Allow launching an aircraft that is not our simulator; asks for words to be typed
    #[arg(long)]
    real_aircraft: bool,
}

/// Flags of `replay`.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// Folder of a recorded flight, or a log: anybody's .tlog, PX4's .ulg, ArduPilot's .bin
    #[arg(value_name = "FLIGHT")]
    dir: PathBuf,
    /// Pace at the start, 0.25 to 16 times real time
    #[arg(long, value_name = "N", default_value = "1", value_parser = pace)]
    speed: f64,
    /// Let others hear the recorded aircraft as if it flew now, for example udp:127.0.0.1:14550 for QGroundControl; it begins
    /// to play at once, follows the scrubber, and takes no orders
    #[arg(long, value_name = "LINE")]
    mavlink: Option<Endpoint>,
    /// Open the page in this machine's browser
    #[arg(long)]
    open: bool,
}

fn pace(s: &str) -> Result<f64, String> {
    match s.parse::<f64>() {
        Ok(v) if (0.25..=16.0).contains(&v) => Ok(v),
        _ => Err("a pace from 0.25 to 16".into()),
    }
}

/// Asks for the words on the terminal.
///
/// # Errors
/// When they are not typed.
pub fn ask_real_words() -> anyhow::Result<()> {
    eprintln!("This lets the ground station launch an aircraft that is NOT our simulator.");
    eprintln!("People and property below it are your responsibility. Type: {REAL_WORDS}");
    eprint!("> ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if line.trim() != REAL_WORDS {
        bail!("the words were not typed; nothing was launched");
    }
    Ok(())
}

/// Says where the page is and how to get in, and opens it if asked to.
pub fn announce(what: &str, said: &Ready, open: bool, json: bool) {
    let url = &said.url;
    if json {
        let mut line = serde_json::json!({"console": url});
        if let Some(o) = line.as_object_mut() {
            if let Some(f) = &said.fingerprint {
                o.insert("certificate_sha256".into(), f.as_str().into());
            }
            if let Some(c) = &said.first_code {
                o.insert("first_code".into(), c.as_str().into());
            }
        }
        println!("{line}");
    } else {
        println!("{what}: {url}   (Ctrl-C stops)");
        if let Some(f) = &said.fingerprint {
            println!("certificate, SHA-256, to be compared in the browser: {f}");
        }
        if let Some(c) = &said.first_code {
            println!(
                "nobody can log in here yet. Code that makes the first admin, good until this ends: {c}"
            );
        }
    }
    let _ = std::io::stdout().flush();
    if open && let Err(e) = open::that_detached(url) {
        eprintln!("no browser could be opened ({e}): open {url} yourself");
    }
}

/// The page's certificate: given, or our own where there must be one.
fn certificate(a: &Serve, s: &Settings) -> anyhow::Result<Option<Identity>> {
    let from = match (&a.tls_cert, &a.tls_key) {
        (Some(cert), Some(key)) => Certificate::Given {
            cert: cert.clone(),
            key: key.clone(),
        },
        _ if a.tls || !s.http.ip().is_loopback() => {
            let mut names = a.name.clone();
            if !s.http.ip().is_unspecified() && !s.http.ip().is_loopback() {
                names.push(s.http.ip().to_string());
            }
            Certificate::Own {
                file: s.people.with_file_name("console-tls.pem"),
                names,
            }
        }
        _ => return Ok(None),
    };
    let made = identity(&from)?;
    if made.new {
        eprintln!(
            "this station's certificate was made: {}",
            s.people.with_file_name("console-tls.pem").display()
        );
    }
    Ok(Some(made))
}

/// Runs the console until interrupted.
pub fn serve(a: &Serve, s: Settings) -> anyhow::Result<ExitCode> {
    if a.real_aircraft {
        ask_real_words()?;
    }
    let now = Clock::start().now();
    let plan = match &a.plan {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    let links = u8::try_from(s.links.len()).context("too many links: 255 at most")?;
    let record = (!a.no_record).then(|| s.record.join(run_name("flight", now)));
    let tls = certificate(a, &s)?;
    let signer = record.is_some().then(|| s.signer()).transpose()?;
    let setup = ServeSetup {
        links: s.links,
        http: s.http,
        entrance: Entrance::People { file: s.people },
        tls,
        names: a.name.clone(),
        store: s.store,
        record,
        signer,
        seal: true,
        desk: DeskConfig {
            links,
            lines: s.lines,
            venue: s.venue,
            real_aircraft: a.real_aircraft,
            bulk_bytes_per_s: s.bulk_bytes_per_s,
            first_order: order_base(now),
            ..DeskConfig::default()
        },
        plan,
        plans: Vec::new(),
        vehicle: s.vehicle_chosen.then_some(s.vehicle),
        rehearse: Some(super::rehearse::for_the_console),
        rerun: s.rerun,
        lang: s.lang,
        json: s.json,
    };
    let (open, json) = (a.open, s.json);
    crate::console::serve(setup, move |said| announce("console", &said, open, json))?;
    Ok(ExitCode::SUCCESS)
}

/// Shows a recording until interrupted.
pub fn replay(a: &Replay, s: &Settings) -> anyhow::Result<ExitCode> {
    if !a.dir.exists() {
        bail!(
            "{} is not there: give the folder of a recorded flight, such as {}/flight-…, or a log",
            a.dir.display(),
            s.record.display()
        );
    }
    let setup = ReplaySetup {
        dir: a.dir.clone(),
        http: s.http,
        speed: a.speed,
        lang: s.lang.clone(),
        rerun: s.rerun.clone(),
        refly: Some(super::refly::for_the_console),
        mavlink: a.mavlink.clone(),
    };
    let (open, json) = (a.open, s.json);
    crate::console::replay(setup, move |said| announce("replay", &said, open, json))?;
    Ok(ExitCode::SUCCESS)
}
