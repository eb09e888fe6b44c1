//! Fifty aircraft at 10 Hz against the real desk and console, with a good page, a slow one, a stalled one and a flood of alarms.
//!
//! Real time, real sockets, the desk as a process of its own. The first third is quiet: only the good page is there. Then
//! the slow and the stalled one come, and at two thirds every aircraft flags several anomalies at once. What is asserted is
//! counted at the ends: aircraft, page, the desk's store, its recording.

#![expect(
    clippy::disallowed_methods,
    reason = "real programs run by the real clock: that is what is measured"
)]

mod fleet;
mod pages;
pub mod station;

use crate::frame::{Bench, Row, at_most, none, quantile, row};
use crate::process::free_udp_port;
use anyhow::Context;
use fleet::{Aircraft, TICK, store_id};
use ground_station::desk::anomaly_id;
use ground_station::evidence::io::{Folder, Syncing};
use ground_station::evidence::verify::{Asked, verify};
use ground_station::record::EVENTS;
use link::receipts::Inbox;
use link_io::{Clock, DirDisk};
use missions::anomaly::Priority;
use pages::{Habit, Heard, page};
use serde_json::Value;
use station::Station;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Anomalies of the flood.
const FLOOD: usize = 200;
/// An aircraft flags one this often otherwise.
const FLAG_EVERY: Duration = Duration::from_secs(120);
/// The first comes after this: all pages are there.
const SETTLE: Duration = Duration::from_secs(3);
/// After the last anomaly receipts and pages have this long.
const DRAIN: Duration = Duration::from_secs(12);
/// The memory is read this often.
const LOOK: Duration = Duration::from_secs(5);
/// Memory is judged from here on, or from a third of a shorter run.
const WARM: Duration = Duration::from_secs(300);
/// A slope over less than this says nothing, minutes.
const LEAST_SLOPE_MIN: f64 = 5.0;
/// How often the fleet's thread looks at its sockets.
const STEP: Duration = Duration::from_millis(3);

/// Arguments.
#[derive(clap::Args, Clone, Debug)]
pub struct DeskArgs {
    /// How many aircraft, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    aircraft: u8,
    /// Round trip between aircraft and desk, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50)]
    rtt: u64,
}

/// One anomaly as it was flagged.
struct Flagged {
    id: String,
    at: Instant,
    when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Quiet,
    Crowded,
    Flood,
}

/// What is known of the whole run.
struct Ran {
    flagged: Vec<Flagged>,
    receipted: u32,
    unreceipted: usize,
    refused: usize,
    late_ticks: u64,
    rss: Vec<(f64, f64)>,
    cpu_part: f64,
    load: Vec<f64>,
    good: Heard,
    slow: Heard,
    stalled: Heard,
}

/// When each tick of each aircraft was.
type Ticks = RwLock<Vec<Vec<Instant>>>;

/// Runs it.
///
/// # Errors
/// When the station does not come up, or a page is not let in.
pub fn run(bench: &mut Bench, a: &DeskArgs) -> anyhow::Result<Vec<Row>> {
    let minutes = bench.minutes(30.0);
    let dir = tempfile::tempdir()?;
    let ran = flown(dir.path(), a, Duration::from_secs_f64(minutes * 60.0))?;
    judged(dir.path(), a, minutes, ran)
}

fn flown(dir: &Path, a: &DeskArgs, length: Duration) -> anyhow::Result<Ran> {
    let ports = (0..a.aircraft)
        .map(|_| free_udp_port())
        .collect::<anyhow::Result<Vec<u16>>>()?;
    let station = Station::start(dir, &ports)?;
    let fleet = (1u8..)
        .zip(&ports)
        .map(|(n, port)| Aircraft::new(n, *port))
        .collect::<anyhow::Result<Vec<Aircraft>>>()?;
    let ticks: Ticks = RwLock::new(vec![Vec::new(); fleet.len()]);
    let (stop, stop_bad) = (AtomicBool::new(false), AtomicBool::new(false));
    let age = |id: u8, tick: i64| {
        let all = ticks.read().ok()?;
        let of = all.get(usize::from(id.checked_sub(1)?))?;
        let at = of.get(usize::try_from(tick - 1).ok()?)?;
        Some(at.elapsed().as_secs_f64() * 1e3)
    };
    let at = station.at;
    let (flags, good, slow, stalled, watched) = std::thread::scope(|scope| {
        let (stop, stop_bad, ticks, age, station) = (&stop, &stop_bad, &ticks, &age, &station);
        let good = scope.spawn(move || page(at, Habit::Good, stop, age));
        let bad = |habit| {
            scope.spawn(move || -> anyhow::Result<Heard> {
                let until = Instant::now() + length / 3;
                while Instant::now() < until && !stop_bad.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                page(at, habit, stop_bad, age)
            })
        };
        let (slow, stalled) = (bad(Habit::Slow), bad(Habit::Stalled));
        let watched = scope.spawn(move || watch(station, stop));
        let flown = fly(fleet, a, length, ticks);
        stop_bad.store(true, Ordering::Relaxed);
        stop.store(true, Ordering::Relaxed);
        let joined = |t: std::thread::ScopedJoinHandle<'_, anyhow::Result<Heard>>| {
            t.join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a page died")))
        };
        (
            flown,
            joined(good),
            joined(slow),
            joined(stalled),
            watched
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("the watch died"))),
        )
    });
    let (flagged, fleet, late_ticks) = flags?;
    let watched = watched?;
    station.stop()?;
    Ok(Ran {
        receipted: fleet.iter().map(|f| f.receipted).sum(),
        unreceipted: fleet.iter().map(Aircraft::pending).sum(),
        refused: fleet.iter().map(|f| f.refused).sum(),
        late_ticks,
        flagged,
        rss: watched.rss,
        cpu_part: watched.cpu_part,
        load: watched.load,
        good: good?,
        slow: slow?,
        stalled: stalled?,
    })
}

/// The fleet's thread: every aircraft's ticks, the anomalies, the flood.
fn fly(
    mut fleet: Vec<Aircraft>,
    a: &DeskArgs,
    length: Duration,
    ticks: &Ticks,
) -> anyhow::Result<(Vec<Flagged>, Vec<Aircraft>, u64)> {
    let half = Duration::from_millis(a.rtt) / 2;
    let clock = Clock::start();
    let began = Instant::now();
    let n = u32::try_from(fleet.len()).unwrap_or(1);
    let crowded_from = length / 3;
    let flood_at = length * 2 / 3;
    let last_flag = length.saturating_sub(DRAIN);
    let mut flagged: Vec<Flagged> = Vec::new();
    // Spread evenly: one after the other, again and again.
    let step = (FLAG_EVERY / n).min(last_flag / 20);
    let mut next = SETTLE;
    let mut turn = 0usize;
    let mut flooded = false;
    while began.elapsed() < length {
        let now = clock.now();
        for (i, f) in fleet.iter_mut().enumerate() {
            let before = f.ticks();
            f.run(now, half);
            if f.ticks() > before
                && let Ok(mut all) = ticks.write()
                && let Some(of) = all.get_mut(i)
            {
                of.push(Instant::now());
            }
        }
        let t = began.elapsed();
        let mut flag = |f: &mut Aircraft, number: usize, when: When| -> anyhow::Result<()> {
            let id = f.id();
            let priority = match number % 3 {
                0 => Priority::Urgent,
                1 => Priority::High,
                _ => Priority::Notice,
            };
            let at = Instant::now();
            let number = f.sees(clock.now(), priority, half)?;
            flagged.push(Flagged {
                id: anomaly_id(store_id(id), number),
                at,
                when,
            });
            Ok(())
        };
        if !flooded && t >= flood_at {
            flooded = true;
            for k in 0..FLOOD {
                let i = k % fleet.len();
                if let Some(f) = fleet.get_mut(i) {
                    flag(f, k, When::Flood)?;
                }
            }
        }
        // What comes while the flood is told is part of it.
        let in_flood = t >= flood_at && t < flood_at + Duration::from_secs(5);
        if t >= next && t < last_flag && !in_flood {
            next = t + step;
            turn += 1;
            let when = if t < crowded_from {
                When::Quiet
            } else {
                When::Crowded
            };
            let i = turn % fleet.len();
            if let Some(f) = fleet.get_mut(i) {
                flag(f, turn, when)?;
            }
        }
        std::thread::sleep(STEP);
    }
    let due = u64::try_from(length.as_millis() / TICK.as_millis()).unwrap_or(0);
    let late = fleet.iter().map(|f| due.saturating_sub(f.ticks())).sum();
    Ok((flagged, fleet, late))
}

struct Watched {
    rss: Vec<(f64, f64)>,
    cpu_part: f64,
    load: Vec<f64>,
}

fn watch(station: &Station, stop: &AtomicBool) -> anyhow::Result<Watched> {
    let began = Instant::now();
    let cpu_s = station.cpu_s()?;
    let mut w = Watched {
        rss: Vec::new(),
        cpu_part: 0.0,
        load: Vec::new(),
    };
    let mut next = Instant::now();
    let mut told = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if Instant::now() >= next {
            next += LOOK;
            let t_s = began.elapsed().as_secs_f64();
            w.rss.push((t_s, station.rss_mb()?));
            w.load.push(load());
            if told.elapsed() > Duration::from_secs(60) {
                told = Instant::now();
                let mb = w.rss.last().map_or(0.0, |r| r.1);
                eprintln!(
                    "minute {:.0}: desk {mb:.1} MB, load {:.1}",
                    t_s / 60.0,
                    load()
                );
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    w.cpu_part = (station.cpu_s()? - cpu_s) / began.elapsed().as_secs_f64();
    Ok(w)
}

/// Who waits for a processor on this machine, mean of the last minute.
fn load() -> f64 {
    std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|t| t.split_whitespace().next()?.parse().ok())
        .unwrap_or(f64::NAN)
}

/// Least squares: MB an hour.
fn slope_mb_per_h(samples: &[(f64, f64)]) -> f64 {
    let n = samples.len() as f64;
    let (mt, mm) = samples
        .iter()
        .fold((0.0, 0.0), |(t, m), s| (t + s.0 / n, m + s.1 / n));
    let (up, down) = samples.iter().fold((0.0, 0.0), |(u, d), s| {
        (u + (s.0 - mt) * (s.1 - mm), d + (s.0 - mt).powi(2))
    });
    3_600.0 * up / down
}

fn judged(dir: &Path, a: &DeskArgs, minutes: f64, ran: Ran) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let count = |name: &str, x: f64| row(name, "told", x, true);
    rows.push(count("aircraft", f64::from(a.aircraft)));
    rows.push(count("minutes", minutes));
    rows.push(count("round trip, ms", a.rtt as f64));
    let mut load = ran.load;
    rows.push(count(
        "load of the machine, median",
        quantile(&mut load, 0.5),
    ));
    rows.push(count("CPU of the desk, cores", ran.cpu_part));
    rows.push(count(
        "ticks of aircraft left out here",
        ran.late_ticks as f64,
    ));

    let sent = ran.flagged.len();
    rows.push(row(
        "anomalies flagged",
        format!(">= {FLOOD}"),
        sent as f64,
        sent > FLOOD,
    ));
    rows.push(none(
        "not receipted to their aircraft",
        ran.unreceipted + sent.abs_diff(usize::try_from(ran.receipted)?),
    ));
    rows.push(none("frames of the desk not signed by it", ran.refused));
    let good = &ran.good;
    let times = |f: &Flagged| good.anomalies.get(&f.id).map_or(0, |(_, n)| *n);
    rows.push(none(
        "never on the good page",
        ran.flagged.iter().filter(|f| times(f) == 0).count(),
    ));
    rows.push(none(
        "more than once on the good page",
        ran.flagged.iter().filter(|f| times(f) > 1).count(),
    ));
    rows.push(none(
        "on the good page and flagged by nobody",
        good.anomalies.len().saturating_sub(
            ran.flagged
                .iter()
                .filter(|f| good.anomalies.contains_key(&f.id))
                .count(),
        ),
    ));
    rows.push(none(
        "good page closed, or not let in at once",
        usize::try_from(good.closed + good.refused)?,
    ));
    rows.push(none(
        "bad pages not let in at once",
        usize::try_from(ran.slow.refused + ran.stalled.refused)?,
    ));
    rows.push(none("good page: gaps", usize::try_from(good.gaps)?));
    rows.push(none(
        "good page: positions that went back",
        usize::try_from(good.went_back)?,
    ));
    rows.push(none("slow page: gaps", usize::try_from(ran.slow.gaps)?));
    rows.push(none(
        "slow page: positions that went back",
        usize::try_from(ran.slow.went_back)?,
    ));
    rows.push(count("slow page: let in", ran.slow.opened as f64));
    rows.push(count("slow page: batches", ran.slow.batches as f64));
    rows.push(count("stalled page: let in", ran.stalled.opened as f64));
    let mut slow_age = ran.slow.age_ms.clone();
    rows.push(count(
        "slow page: oldest position p50, ms",
        quantile(&mut slow_age, 0.5),
    ));
    rows.push(count(
        "slow page: oldest position p95, ms",
        quantile(&mut slow_age, 0.95),
    ));
    let shown = good.batches as f64 / (minutes * 60.0);
    rows.push(row(
        "good page: batches a second",
        ">= 9",
        shown,
        shown >= 9.0,
    ));
    let mut ages = good.age_ms.clone();
    rows.push(at_most(
        "good page: oldest position p95, ms",
        400.0,
        quantile(&mut ages, 0.95),
    ));
    rows.push(at_most(
        "good page: longest without a batch, s",
        1.0,
        good.longest_silence_s,
    ));

    for (when, name) in [
        (When::Quiet, "good page alone"),
        (When::Crowded, "with a slow and a stalled page"),
        (When::Flood, "in a flood of 200"),
    ] {
        let mut ms: Vec<f64> = ran
            .flagged
            .iter()
            .filter(|f| f.when == when)
            .filter_map(|f| {
                let (at, _) = good.anomalies.get(&f.id)?;
                Some(at.duration_since(f.at).as_secs_f64() * 1e3)
            })
            .collect();
        rows.push(count(&format!("{name}: anomalies"), ms.len() as f64));
        rows.push(count(
            &format!("{name}: aircraft to page p50, ms"),
            quantile(&mut ms, 0.5),
        ));
        rows.push(at_most(
            format!("{name}: aircraft to page p95, ms"),
            400.0,
            quantile(&mut ms, 0.95),
        ));
        rows.push(count(
            &format!("{name}: aircraft to page p99, ms"),
            quantile(&mut ms, 0.99),
        ));
        // What is left of it is the desk's: reading, checking, making durable, telling.
        rows.push(at_most(
            format!("{name}: desk to page p95, ms"),
            250.0,
            quantile(&mut ms, 0.95) - a.rtt as f64 / 2.0,
        ));
    }

    let from_s = WARM.as_secs_f64().min(minutes * 60.0 / 3.0);
    let warm: Vec<(f64, f64)> = ran
        .rss
        .iter()
        .copied()
        .filter(|(t, _)| *t >= from_s)
        .collect();
    rows.push(count(
        "desk's memory at the end, MB",
        warm.last().map_or(f64::NAN, |s| s.1),
    ));
    rows.push(count("memory judged from minute", from_s / 60.0));
    let slope = slope_mb_per_h(&warm);
    if minutes - from_s / 60.0 >= LEAST_SLOPE_MIN {
        rows.push(at_most("desk's memory, MB an hour", 6.0, slope));
    }

    durable(dir, &ran.flagged, &mut rows)?;
    Ok(rows)
}

/// Every anomaly in the desk's store and, once, in its recording; the recording whole and signed.
fn durable(dir: &Path, flagged: &[Flagged], rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let mut disk = DirDisk::open(&station::store(dir)).context("the desk's store")?;
    let inbox = Inbox::open(&mut disk, "inbox.log").context("the desk's inbox")?;
    let kept: std::collections::BTreeSet<String> =
        inbox.all().map(|(s, a)| anomaly_id(s, a.number)).collect();
    rows.push(none(
        "not in the desk's store",
        flagged.iter().filter(|f| !kept.contains(&f.id)).count(),
    ));
    let text = std::fs::read_to_string(station::record(dir).join(EVENTS))?;
    let mut recorded: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let v: Value = serde_json::from_str(line).context("a line of the recording")?;
        let id = v.get("anomaly").and_then(|a| a.get("id")?.as_str());
        if let (Some(id), Some(true)) = (id, v.get("new").and_then(Value::as_bool)) {
            *recorded.entry(id.to_owned()).or_default() += 1;
        }
    }
    rows.push(none(
        "not exactly once in the recording",
        flagged
            .iter()
            .filter(|f| recorded.get(&f.id) != Some(&1))
            .count(),
    ));
    let folder = Folder::open(&station::record(dir), Syncing::Always)?;
    let report = verify(&folder, &Asked::default()).map_err(|e| anyhow::anyhow!(e))?;
    rows.push(none("findings in the recording", report.findings.len()));
    rows.push(row(
        "recording closed and complete",
        "1",
        f64::from(u8::from(report.is_complete())),
        report.is_complete(),
    ));
    Ok(())
}
