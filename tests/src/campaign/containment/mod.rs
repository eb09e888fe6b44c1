//! Random plans over random venues in random winds, with faults, by the thousand hours: does anything get out?
//!
//! The companion's pilot (facts, guard, flight, after its own check of the plan) is driven directly, without encoding
//! ([`flight`]); a share of the hours is flown again through frames, radio, gate and desk ([`encoded`]). The judge is
//! `sim::oracle::Containment`, which shares no line with the fence. A seed is one plan, flown once by every class of fault
//! on both autopilots.

mod encoded;
mod flight;
mod venue;

use crate::frame::{Bench, Row, none, row};
use flight::{Class, Loaded, Outcome, fly};
use ground_station::rehearse::AutopilotKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Hours flown when none are named: some minutes of one core.
const HOURS: f64 = 200.0;
/// Plans taken before the hours are counted again.
const CHUNK: u64 = 10;
/// Share of the hours repeated through the encoded link.
const ENCODED_SHARE: f64 = 0.01;
/// Plans flown by a class that is named alone.
const CLASS_PLANS: u64 = 100;
/// Plans flown with the guard off.
const CONTROL_PLANS: u64 = 6;
/// Each class flies a plan so often, alternating between the autopilots.
const ROUNDS: u64 = 2;
/// Metres beyond the fence that the issue allows at 10 m/s. Counted apart: the campaign's own bound is the fence itself.
const BUFFER_M: f64 = 25.0;

/// Whether a clearance is more than `buffer_m` on the wrong side. No figure is the worst figure.
fn outside(clearance_m: f64, buffer_m: f64) -> bool {
    clearance_m.is_nan() || clearance_m < -buffer_m
}

/// Sums of one class.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sum {
    flights: u64,
    hours: f64,
    /// Flights that crossed the fence at all.
    crossed: u64,
    /// Flights that got further than the buffer.
    escaped: u64,
    complete: u64,
    landed: u64,
    interventions: u64,
    /// Least clearance, metres.
    least_m: Option<f64>,
    /// Furthest drift, metres.
    drift_m: Option<f64>,
}

impl Sum {
    fn add(&mut self, o: &Outcome) {
        self.flights += 1;
        self.hours += o.flown_s / 3600.0;
        self.crossed += u64::from(outside(o.least_m, 0.0));
        self.escaped += u64::from(outside(o.least_m, BUFFER_M));
        self.complete += u64::from(o.complete);
        self.landed += u64::from(o.landed);
        self.interventions += u64::from(o.interventions);
        self.least_m = Some(self.least_m.map_or(o.least_m, |a| a.min(o.least_m)));
        if o.drift_m.is_finite() {
            self.drift_m = Some(self.drift_m.map_or(o.drift_m, |d| d.max(o.drift_m)));
        }
    }
    fn join(&mut self, o: &Sum) {
        self.flights += o.flights;
        self.hours += o.hours;
        self.crossed += o.crossed;
        self.escaped += o.escaped;
        self.complete += o.complete;
        self.landed += o.landed;
        self.interventions += o.interventions;
        if let Some(m) = o.least_m {
            self.least_m = Some(self.least_m.map_or(m, |a| a.min(m)));
        }
        if let Some(m) = o.drift_m {
            self.drift_m = Some(self.drift_m.map_or(m, |a| a.max(m)));
        }
    }
}

/// What one plan gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Flown {
    by_class: BTreeMap<Class, Sum>,
    /// What went wrong, in words.
    wrong: Vec<String>,
    /// Seconds of this core, flying only.
    cpu_s: f64,
    /// Simulated seconds, those before the launch included.
    simulated_s: f64,
}

/// Seconds this thread has had of a core; `None` where the system does not tell.
fn cpu_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns * 1e-9)
}

/// Flies the plan of a seed by those `classes` that are `wanted`. A flight's own seed hangs on its place in the list, so that
/// a class flown alone flies what it flies among the others.
fn fly_plan(
    seed: u64,
    classes: &[Class],
    wanted: impl Fn(Class) -> bool,
    rounds: u64,
    guard: bool,
) -> anyhow::Result<Flown> {
    let mut out = Flown::default();
    let Some(case) = venue::case(seed) else {
        return Ok(out);
    };
    let mut kinds = Vec::new();
    for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
        match Loaded::new(&case, kind) {
            Ok(l) => kinds.push(l),
            // A plan that the companion refuses is not flown.
            Err(why) => out.wrong.push(format!("refused by the companion: {why}")),
        }
    }
    if kinds.is_empty() {
        return Ok(out);
    }
    let began = cpu_s();
    for (n, class) in (0u64..).zip(classes).filter(|(_, c)| wanted(**c)) {
        for round in 0..rounds {
            let which = usize::try_from((n + round) % kinds.len() as u64)?;
            let Some(loaded) = kinds.get(which) else {
                continue;
            };
            let flight_seed = seed * 1_000 + n * 10 + round;
            let o = fly(&case, loaded, flight_seed, *class, guard)
                .map_err(|why| anyhow::anyhow!("{}: {why}", class.name()))?;
            out.simulated_s += o.flown_s + 42.0;
            let buffer_m = if class.runs_away() { BUFFER_M } else { 0.0 };
            let clear_and_not_well = *class == Class::Clear && !o.complete;
            if outside(o.least_m, buffer_m) || clear_and_not_well || !o.landed {
                out.wrong.push(format!(
                    "{} {which}: clearance {:.1} m ({}), complete {}, landed {}, places {} of {}, left for: {}",
                    class.name(),
                    o.least_m,
                    o.zone,
                    o.complete,
                    o.landed,
                    o.places.0,
                    o.places.1,
                    if o.left_for.is_empty() {
                        "nothing"
                    } else {
                        &o.left_for
                    }
                ));
            }
            out.by_class.entry(*class).or_default().add(&o);
        }
    }
    if let (Some(a), Some(b)) = (began, cpu_s()) {
        out.cpu_s = b - a;
    }
    Ok(out)
}

/// Flies plans until the hours are there or the clock's limit is over, and repeats the encoded share after every few: a
/// run that is stopped has its share too. Then everything kept counts: seed ranges add up over runs in a results file.
fn fly_hours(
    bench: &mut Bench,
    seeds: Option<Vec<u64>>,
    hours: f64,
) -> anyhow::Result<BTreeMap<u64, Flown>> {
    let mut direct_h = 0.0;
    let mut encoded = encoded::Share::default();
    let mut named = seeds.map(Vec::into_iter);
    let mut next = 1u64;
    loop {
        let chunk: Vec<u64> = match &mut named {
            Some(n) => n.by_ref().take(usize::try_from(CHUNK)?).collect(),
            None => (next..next + CHUNK).collect(),
        };
        next += CHUNK;
        let flown = bench.each("guarded", &chunk, |s| {
            fly_plan(s, &Class::ALL, |_| true, ROUNDS, true)
        })?;
        direct_h += total(&flown).values().map(|s| s.hours).sum::<f64>();
        if bench.wants("encoded") {
            encoded.fly(bench, &chunk, direct_h * ENCODED_SHARE)?;
        }
        let short = flown.len() < chunk.len() || chunk.len() < usize::try_from(CHUNK)?;
        if short || (named.is_none() && direct_h >= hours) {
            return Ok(bench.kept("guarded"));
        }
    }
}

fn total(all: &BTreeMap<u64, Flown>) -> BTreeMap<Class, Sum> {
    let mut out: BTreeMap<Class, Sum> = BTreeMap::new();
    for f in all.values() {
        for (c, s) in &f.by_class {
            out.entry(*c).or_default().join(s);
        }
    }
    out
}

/// The whole campaign.
///
/// # Errors
/// When a plan cannot be flown at all, or the results file fails.
pub fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let hours = bench.hours(HOURS);
    let seeds = bench.named_seeds()?;
    let mut rows = Vec::new();
    let mut flown_hours = 0.0;
    if bench.wants("guard-off") {
        // First, and a few plans only: a run that the clock stops has its control too.
        let mut seeds = seeds
            .clone()
            .unwrap_or_else(|| (1..=CONTROL_PLANS).collect());
        seeds.truncate(usize::try_from(CONTROL_PLANS)?);
        let all = bench.each("guard-off", &seeds, |s| {
            fly_plan(
                s,
                &[Class::Runaway, Class::RunawayUp],
                |_| true,
                ROUNDS,
                false,
            )
        })?;
        let escaped: u64 = total(&all).values().map(|s| s.escaped).sum();
        rows.push(row(
            "guard-off: flights that got out further than the buffer (control run)",
            "> 0",
            escaped as f64,
            escaped > 0,
        ));
    }
    if bench.wants("guarded") {
        let all = fly_hours(bench, seeds.clone(), hours)?;
        bench.replays("guarded", wrong(&all));
        flown_hours = guarded_rows(&all, &mut rows);
    }
    // One class alone, where it is named: `--rows class/runaway-gusts`.
    for class in Class::named() {
        let name = format!("class/{}", class.name());
        if !bench.rows().contains(&name) {
            continue;
        }
        let seeds = seeds.clone().unwrap_or_else(|| (1..=CLASS_PLANS).collect());
        let all = bench.each(&name, &seeds, |s| {
            fly_plan(s, &Class::ALL, |c| c == class, ROUNDS, true)
        })?;
        bench.replays(&name, wrong(&all));
        class_rows(&total(&all), &mut rows);
    }
    if bench.wants("position") {
        let seeds = seeds.clone().unwrap_or_else(|| (1..=40).collect());
        let all = bench.each("position", &seeds, |s| {
            fly_plan(s, &Class::WITHOUT_POSITION, |_| true, ROUNDS, true)
        })?;
        for (class, s) in total(&all) {
            rows.push(row(
                format!("position/{}: flights down and disarmed", class.name()),
                "all of them",
                s.landed as f64,
                s.landed == s.flights && s.flights > 0,
            ));
            rows.push(row(
                format!("position/{}: furthest from where it began, m", class.name()),
                "told, not bounded: no position is left to hold by",
                s.drift_m.unwrap_or(f64::NAN),
                s.drift_m.is_some(),
            ));
        }
    }
    if bench.wants("encoded") {
        let wanted_h = if flown_hours > 0.0 {
            flown_hours * ENCODED_SHARE
        } else {
            hours * ENCODED_SHARE
        };
        let mut share = encoded::Share::default();
        if bench.wants("guarded") {
            // What other runs of the results file left short.
            let flown: Vec<u64> = bench.kept::<Flown>("guarded").into_keys().collect();
            share.fly(bench, &flown, wanted_h)?;
        } else {
            let seeds = seeds.unwrap_or_else(|| (1..=100_000).collect());
            share.fly(bench, &seeds, wanted_h)?;
        }
        rows.extend(encoded::rows(bench, wanted_h));
    }
    Ok(rows)
}

fn wrong(all: &BTreeMap<u64, Flown>) -> Vec<(u64, String)> {
    all.iter()
        .filter(|(_, f)| !f.wrong.is_empty())
        .map(|(s, f)| (*s, f.wrong.join("; ")))
        .collect()
}

fn guarded_rows(all: &BTreeMap<u64, Flown>, rows: &mut Vec<Row>) -> f64 {
    let by_class = total(all);
    let hours: f64 = by_class.values().map(|s| s.hours).sum();
    let escaped: u64 = by_class.values().map(|s| s.escaped).sum();
    let crossed: u64 = by_class
        .iter()
        .filter(|(c, _)| !c.runs_away())
        .map(|(_, s)| s.crossed)
        .sum();
    rows.push(row(
        "guarded: hours aloft",
        ">= 30000",
        hours,
        hours >= 30_000.0,
    ));
    rows.push(none(
        format!("guarded: flights more than {BUFFER_M} m outside"),
        usize::try_from(escaped).unwrap_or(usize::MAX),
    ));
    rows.push(none(
        "guarded: flights that crossed the fence at all, nobody sending them out",
        usize::try_from(crossed).unwrap_or(usize::MAX),
    ));
    // With no escape in n hours the rate is below 3/n at 95 %.
    let bound = if escaped == 0 { 3.0 / hours } else { f64::NAN };
    rows.push(row(
        "guarded: escapes per hour are below (95 %, rule of three)",
        "<= 1e-4",
        bound,
        bound <= 1e-4,
    ));
    class_rows(&by_class, rows);
    let (sim_s, cpu): (f64, f64) = all
        .values()
        .fold((0.0, 0.0), |(a, b), f| (a + f.simulated_s, b + f.cpu_s));
    let factor = sim_s / cpu;
    rows.push(row(
        "guarded: simulated seconds a second of one core",
        ">= 20000",
        factor,
        factor >= 20_000.0,
    ));
    hours
}

/// Least clearance of each class; completeness and needless interventions of fault-free flights.
fn class_rows(by_class: &BTreeMap<Class, Sum>, rows: &mut Vec<Row>) {
    for (class, s) in by_class {
        // Whoever sends it out at full speed again while it brakes gets it into the buffer, and no further.
        let allowed_m = if class.runs_away() { BUFFER_M } else { 0.0 };
        rows.push(row(
            format!(
                "guarded/{}: least clearance, m ({} flights, {:.1} h, {} over the line)",
                class.name(),
                s.flights,
                s.hours,
                s.crossed
            ),
            format!(">= -{allowed_m}"),
            s.least_m.unwrap_or(f64::NAN),
            s.least_m.is_some_and(|m| m >= -allowed_m),
        ));
    }
    if let Some(s) = by_class.get(&Class::Clear) {
        let share = s.complete as f64 / s.flights.max(1) as f64;
        rows.push(row(
            "guarded/clear: missions complete",
            ">= 0.995",
            share,
            share >= 0.995,
        ));
        let per_100h = s.interventions as f64 / s.hours * 100.0;
        rows.push(row(
            "guarded/clear: unneeded interventions in 100 h",
            "<= 1",
            per_100h,
            per_100h <= 1.0,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two got 47 and 74 m outside, sent upwind faster than they can fly and held by a target that had gone on; the
    /// others were fault-free and ended by PX4's own fence, beside two corners close together.
    #[test]
    fn flights_that_once_got_out_or_ended_early_do_not_again() {
        let once = [
            (Class::RunawayGusts, 188),
            (Class::RunawayGusts, 347),
            (Class::Clear, 20),
            (Class::Clear, 98),
        ];
        for (class, seed) in once {
            let flown = fly_plan(seed, &Class::ALL, |c| c == class, ROUNDS, true).unwrap();
            assert!(flown.wrong.is_empty(), "{seed}: {:?}", flown.wrong);
            assert!(flown.by_class.contains_key(&class), "{seed}: not flown");
        }
    }
}
