//! `demo`: the whole house with a simulated aircraft, live with the console or headless in virtual time.

use super::serve::announce;
use super::settings::{Settings, order_base, run_name};
use crate::console::{Entrance, ServeSetup};
use crate::desk::DeskConfig;
use crate::evidence::io::seal_folder;
use crate::record::fresh;
use crate::rehearse::children::{Aircraft, World};
use crate::rehearse::fleet::{MOST, SIXI_HOLDS, fleet_plans};
use crate::rehearse::headless::demo_start;
use crate::rehearse::{AutopilotKind, HeadlessOptions, Progress, Scenario, Summary, fly};
use anyhow::{Context, bail};
use link_io::{Clock, Endpoint};
use missions::plan::PatrolPlan;
use missions::venue::Venue;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// `--auto` asks for a launch this often until one is taken.
const AUTO_EVERY: Duration = Duration::from_secs(3);
/// And for so long: a real PX4 needs some 40 s until it is ready.
const AUTO_TRIES: u32 = 60;
/// Of a fleet the next few are asked for: their plans are rehearsed in order, and each refusal is recorded.
const AUTO_AT_ONCE: usize = 4;
/// And so much longer for each further aircraft.
const AUTO_TRIES_EACH: u32 = 10;
/// Who sits at the demonstration's console, in its record.
const DEMO_OFFICER: &str = "demo officer";
/// The console answers within this, or something is wrong.
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer of the console that is read, bytes.
const MOST_ANSWER: u64 = 1 << 20;

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Without a browser, in virtual time, judged by oracles; fails when anything was not as it should be
    #[arg(long)]
    headless: bool,
    /// Live: how many aircraft, 1 to 50, each with a plan of its own. Up to 6 share the Sixi River; more have a field each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(MOST)), conflicts_with = "headless")]
    aircraft: u8,
    /// Which autopilot the simulator behaves like: px4 or ardupilot
    #[arg(long = "as", value_name = "KIND", default_value = "px4", value_parser = kind)]
    kind: AutopilotKind,
    /// Everything random follows from it
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// Headless: ceiling on the pace, times real time, or max; never changes what happens
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = speed, requires = "headless")]
    speed: Pace,
    /// Folder for the flight's files [default: live, a folder in the recordings; headless, none]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Headless: the world (TOML): wind, radio, what is staged, what fails and when [default: an evening over the Sixi
    /// River]
    #[arg(long, value_name = "FILE", requires = "headless")]
    scenario: Option<PathBuf>,
    /// Headless: part of the radio's datagrams that is lost, each way, 0 to 1 [default: as the scenario says]
    #[arg(long, value_name = "PART", value_parser = loss, requires = "headless")]
    loss: Option<f64>,
    /// Headless: the companion's guard, on or off; off is a control run
    #[arg(long, value_name = "on|off", default_value = "on", value_parser = guard, requires = "headless")]
    guard: Guard,
    /// Headless: exchange the plan in flight for one that leaves the fence, behind the companion's back; with
    /// --guard off the judge must report an escape
    #[arg(long, requires = "headless")]
    sabotage: bool,
    /// Headless: write the companion's log to standard error
    #[arg(long, requires = "headless")]
    verbose: bool,
    /// Live: open the page in this machine's browser
    #[arg(long, conflicts_with = "headless")]
    open: bool,
    /// Live: launch by itself as soon as the checks pass
    #[arg(long, conflicts_with = "headless")]
    auto: bool,
}

/// Ceiling on the pace; `None`: as fast as it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pace(Option<f64>);

/// Whether the guard may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Guard(bool);

/// An autopilot by its word.
pub fn kind(s: &str) -> Result<AutopilotKind, String> {
    match s {
        "px4" => Ok(AutopilotKind::Px4),
        "ardupilot" => Ok(AutopilotKind::ArduPilot),
        _ => Err("px4 or ardupilot".into()),
    }
}

/// A share between 0 and 1.
pub fn loss(s: &str) -> Result<f64, String> {
    match s.parse::<f64>() {
        Ok(v) if (0.0..=1.0).contains(&v) => Ok(v),
        _ => Err("a part between 0 and 1, such as 0.2".into()),
    }
}

fn speed(s: &str) -> Result<Pace, String> {
    match s.parse::<f64>() {
        _ if s == "max" => Ok(Pace(None)),
        Ok(v) if v > 0.0 && v <= 1e6 => Ok(Pace(Some(v))),
        _ => Err("a pace above 0, or max".into()),
    }
}

fn guard(s: &str) -> Result<Guard, String> {
    match s {
        "on" => Ok(Guard(true)),
        "off" => Ok(Guard(false)),
        _ => Err("on or off".into()),
    }
}

/// Runs it.
pub fn run(a: &Demo, s: &Settings) -> anyhow::Result<ExitCode> {
    if a.headless {
        headless(a, s)
    } else {
        live(a, s)
    }
}

fn headless(a: &Demo, s: &Settings) -> anyhow::Result<ExitCode> {
    let json = s.json;
    let bar = indicatif::ProgressBar::new(0);
    if let Ok(style) = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} places  {msg}")
    {
        bar.set_style(style);
    }
    let mut tell = |p: &Progress| {
        bar.set_length(u64::from(p.places.1));
        bar.set_position(u64::from(p.places.0));
        bar.set_message(format!(
            "{:.0} s simulated, {:?}, {} anomalies",
            p.simulated_s, p.step, p.anomalies
        ));
    };
    let out = match &a.out {
        Some(dir) => Some((fresh(dir)?, s.signer()?)),
        None => None,
    };
    let scenario = match &a.scenario {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let read = Scenario::from_toml(&text).with_context(|| path.display().to_string())?;
            Some(read)
        }
    };
    let summary = fly(
        &HeadlessOptions {
            kind: a.kind,
            seed: a.seed,
            speed: a.speed.0,
            out: out.clone(),
            scenario,
            loss: a.loss,
            guard: a.guard.0,
            sabotage: a.sabotage,
            verbose: a.verbose,
            ..HeadlessOptions::default()
        },
        Some(&mut tell),
    )?;
    bar.finish_and_clear();
    let missed = summary.missed();
    if json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        print!("{}", in_words(&summary));
        if let Some((dir, _)) = &out {
            println!("files           {}", dir.display());
        }
    }
    if missed.is_empty() && summary.faults.is_empty() {
        if !json {
            println!("all bounds kept");
        }
        return Ok(ExitCode::SUCCESS);
    }
    for words in missed.iter().chain(&summary.faults) {
        eprintln!("MISSED: {words}");
    }
    Ok(ExitCode::FAILURE)
}

fn in_words(s: &Summary) -> String {
    let clearance = s.min_clearance_m.map_or_else(
        || "never flew".to_owned(),
        |m| format!("{m:.1} m (to {})", s.min_clearance_zone),
    );
    format!(
        "seed            {} as {}, radio loss {:.1} %\n\
         plan flown      {} ({} of {} places)\n\
         least clearance {clearance}\n\
         anomalies       {} staged, {} delivered, {} doubled, {} of {} receipted, {} pictures\n\
         false alarms    {} ({} decoys)\n\
         location error  {:.1} m at most\n\
         time            {:.0} s in the air, {:.0} s in all, {:.0} times real time\n\
         trace           {} ({} pieces)\n",
        s.seed,
        s.autopilot,
        100.0 * s.loss,
        if s.complete { "whole" } else { "NOT whole" },
        s.places.0,
        s.places.1,
        s.staged,
        s.delivered,
        s.doubled,
        s.receipted,
        s.stored,
        s.pictures,
        s.false_alarms,
        s.decoys,
        s.location_error_m,
        s.flight_s,
        s.simulated_s,
        s.real_time_factor,
        s.trace_hash,
        s.trace_pieces,
    )
}

fn live(a: &Demo, s: &Settings) -> anyhow::Result<ExitCode> {
    let now = Clock::start().now();
    let dir = a
        .out
        .clone()
        .unwrap_or_else(|| s.record.join(run_name("demo", now)));
    let dir = fresh(&dir)?;
    let signer = s.signer()?;
    let number = a.aircraft;
    match number {
        1 => println!("planning a patrol over {}", Venue::sixi_river().name),
        n => println!("planning patrols for {n} aircraft"),
    }
    let fleet = fleet_plans(number, a.seed, demo_start()?)?;
    if number > SIXI_HOLDS {
        println!(
            "{} holds {SIXI_HOLDS} aircraft at once: each of the {number} has a field of its own on a practice ground",
            Venue::sixi_river().name
        );
    }
    let world = World {
        kind: a.kind,
        seed: a.seed,
        venue: fleet.geojson,
    };
    let mut aircraft = Aircraft::start(
        &world,
        number,
        &dir,
        &s.station_key.with_file_name("demo-aircraft.key"),
    )?;
    let grounds = aircraft.grounds.iter().cloned();
    let setup = ServeSetup {
        links: grounds.map(Endpoint::UdpListen).collect(),
        // Two demonstrations at a time are nobody's mistake: any free port, unless one was asked for.
        http: if s.http_chosen {
            s.http
        } else {
            SocketAddr::from(([127, 0, 0, 1], 0))
        },
        // One command, no login: who may start this may do all of it, and it flies simulated aircraft only.
        entrance: Entrance::Open {
            officer: DEMO_OFFICER.to_owned(),
        },
        tls: None,
        names: Vec::new(),
        store: dir.join("ground"),
        record: Some(dir.clone()),
        signer: Some(signer.clone()),
        // The simulated aircraft writes to the folder until it is stopped.
        seal: false,
        desk: DeskConfig {
            venue: fleet.venue,
            bulk_bytes_per_s: s.bulk_bytes_per_s,
            first_order: order_base(now),
            simulated_day: Some(demo_start()?),
            ..DeskConfig::default()
        },
        plan: None,
        plans: fleet.plans.iter().map(PatrolPlan::to_json).collect(),
        vehicle: s.vehicle_chosen.then(|| s.vehicle.clone()),
        rehearse: Some(super::rehearse::for_the_console),
        rerun: s.rerun.clone(),
        lang: s.lang.clone(),
        json: s.json,
    };
    let (open, auto, json, seed) = (a.open, a.auto, s.json, a.seed);
    let over = AtomicBool::new(false);
    let served = std::thread::scope(|scope| {
        let over = &over;
        let watch = scope.spawn(|| watch(&mut aircraft, over));
        let served = crate::console::serve(setup, |said| {
            let at = said.at;
            announce("console", &said, open, json);
            if auto {
                scope.spawn(move || {
                    if let Err(e) = launch_by_itself(at, seed, number, over) {
                        eprintln!("--auto: {e:#}");
                    }
                });
            } else {
                match number {
                    1 => println!("the aircraft is ready in some 30 s; launch it from the page"),
                    n => println!(
                        "{n} aircraft are ready in some 30 s, their plans rehearsed one after the other; launch each from the page"
                    ),
                }
            }
        });
        over.store(true, Ordering::Relaxed);
        let _ = watch.join();
        served
    });
    drop(aircraft);
    served?;
    seal_folder(&dir, &signer)?;
    println!("recorded in {}", dir.display());
    Ok(ExitCode::SUCCESS)
}

/// Says it once when the aircraft's processes end by themselves; ends them in the end.
fn watch(aircraft: &mut Aircraft, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        for what in aircraft.ended() {
            eprintln!("{what}");
        }
        pause(Duration::from_millis(200));
    }
}

#[expect(clippy::disallowed_methods, reason = "a shell may wait")]
fn pause(d: Duration) {
    std::thread::sleep(d);
}

/// The officer of `--auto`: uses the page's own door, with all its checks.
fn launch_by_itself(
    at: SocketAddr,
    seed: u64,
    number: u8,
    over: &AtomicBool,
) -> anyhow::Result<()> {
    let hello = http(at, "GET", "/api/hello", None, "")?;
    let csrf = hello
        .get("csrf")
        .and_then(|c| c.as_str())
        .context("the console gave no token")?
        .to_owned();
    let mut last = String::new();
    let mut waiting: Vec<u8> = (1..=number).collect();
    // Every plan of a fleet is rehearsed before it may fly, one after the other.
    for n in 0..AUTO_TRIES + u32::from(number - 1) * AUTO_TRIES_EACH {
        let mut still = Vec::new();
        for (k, id) in waiting.into_iter().enumerate() {
            if k >= AUTO_AT_ONCE {
                still.push(id);
                continue;
            }
            let key = match number {
                1 => format!("auto-{seed}-{n}"),
                _ => format!("auto-{seed}-{n}-{id}"),
            };
            let body = serde_json::json!({
                "key": key,
                "intent": {
                    "kind": "launch", "aircraft": id, "purpose": "light show patrol",
                    "incident": format!("DEMO-{seed}"), "pilot": "demo --auto",
                },
            });
            let answer = http(at, "POST", "/api/command", Some(&csrf), &body.to_string())?;
            if answer.get("accepted").and_then(serde_json::Value::as_bool) == Some(true) {
                match number {
                    1 => println!("launched"),
                    _ => println!("launched {id}"),
                }
                continue;
            }
            still.push(id);
            last = answer
                .get("reason")
                .and_then(|r| r.get("code"))
                .and_then(|c| c.as_str())
                .unwrap_or("unknown")
                .to_owned();
        }
        waiting = still;
        if waiting.is_empty() {
            return Ok(());
        }
        for _ in 0..AUTO_EVERY.as_millis() / 100 {
            if over.load(Ordering::Relaxed) {
                return Ok(());
            }
            pause(Duration::from_millis(100));
        }
    }
    bail!("the console refused to launch {waiting:?} to the end: {last}")
}

/// One request to our own console, in the plainest HTTP.
fn http(
    at: SocketAddr,
    method: &str,
    path: &str,
    csrf: Option<&str>,
    body: &str,
) -> anyhow::Result<serde_json::Value> {
    let mut s = TcpStream::connect_timeout(&at, HTTP_TIMEOUT)?;
    s.set_read_timeout(Some(HTTP_TIMEOUT))?;
    s.set_write_timeout(Some(HTTP_TIMEOUT))?;
    let csrf = csrf.map_or_else(String::new, |c| format!("X-CSRF: {c}\r\n"));
    write!(
        s,
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\n{csrf}Content-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut text = String::new();
    s.take(MOST_ANSWER).read_to_string(&mut text)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("the console's answer was cut")?;
    let status = head.split(' ').nth(1).unwrap_or("");
    if status != "200" {
        bail!("the console answered {status} to {path}");
    }
    // A chunked answer is never used for these small bodies; whatever stands around the object is not it.
    let (from, to) = (body.find('{'), body.rfind('}'));
    let object = match (from, to) {
        (Some(f), Some(t)) if f <= t => body.get(f..=t).unwrap_or(""),
        _ => bail!("the console's answer to {path} is no object"),
    };
    Ok(serde_json::from_str(object)?)
}
