//! How much faster than real time virtual time runs, in CPU time of the one thread that runs it.
//!
//! `house`: world, companion, eyes and desk fly whole patrols, every frame encoded and signed, every camera frame drawn and
//! looked at. `one`: the very bytes that the companion sent to the autopilot make the world alone fly the same patrol,
//! pictures and all. `fifty`: the same in one world with fifty aircraft. Setting up (planning, reading the venue) is not
//! counted; judging along the way is.

mod cpu;
mod fleet;
mod patrol;

use crate::frame::{Bench, Row, none, row};
use ground_station::rehearse::AutopilotKind;
use ground_station::rehearse::campaign::kind_name;
use patrol::{Flown, Told};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Bounds, times real time.
const ONE: f64 = 1_000.0;
const FIFTY: f64 = 20.0;
const HOUSE: f64 = 250.0;
/// Aircraft of the fleet.
const AIRCRAFT: u8 = 50;
/// Patrols a row when none are named.
const SEEDS: u64 = 3;

/// Virtual time against CPU time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pace {
    simulated_s: f64,
    cpu_s: f64,
    /// What went otherwise than it must, in words.
    wrong: Vec<String>,
}

/// Patrols flown in the house by this process, so that the world alone can fly them again.
#[derive(Default)]
struct Patrols(BTreeMap<(AutopilotKind, u64), Flown>);

impl Patrols {
    fn get(&mut self, kind: AutopilotKind, seed: u64) -> anyhow::Result<&Flown> {
        let flown: &Flown = match self.0.entry((kind, seed)) {
            Entry::Occupied(e) => e.into_mut(),
            Entry::Vacant(e) => e.insert(patrol::fly(kind, seed)?),
        };
        Ok(flown)
    }
}

/// Runs the rows.
pub fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let seeds = bench.seeds(SEEDS)?;
    let first: Vec<u64> = seeds.iter().take(1).copied().collect();
    let mut patrols = Patrols::default();
    let mut rows = Vec::new();
    for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
        let name = kind_name(kind);
        if bench.wants("house") {
            let paces = bench.each(&format!("house-{name}"), &seeds, |s| {
                Ok(patrols.get(kind, s)?.pace.clone())
            })?;
            let what = "world, companion and desk, every frame encoded and signed";
            tell(&mut rows, bench, ("house", name, what), &paces, HOUSE, 1.0);
        }
        if bench.wants("one") {
            let paces = bench.each(&format!("one-{name}"), &seeds, |s| {
                fleet::one(kind, s, patrols.get(kind, s)?)
            })?;
            let what = "one aircraft, camera and all";
            tell(&mut rows, bench, ("one", name, what), &paces, ONE, 1.0);
        }
        if bench.wants("fifty") {
            let paces = bench.each(&format!("fifty-{name}"), &first, |s| {
                fleet::many(kind, s, AIRCRAFT, patrols.get(kind, s)?)
            })?;
            let what = "50 aircraft in one world, cameras and all";
            tell(
                &mut rows,
                bench,
                ("fifty", name, what),
                &paces,
                FIFTY,
                f64::from(AIRCRAFT),
            );
        }
    }
    Ok(rows)
}

fn tell(
    rows: &mut Vec<Row>,
    bench: &Bench,
    (part, kind, what): (&str, &str, &str),
    paces: &BTreeMap<u64, Pace>,
    bound: f64,
    aircraft: f64,
) {
    let simulated_s: f64 = paces.values().map(|p| p.simulated_s).sum();
    let cpu_s: f64 = paces.values().map(|p| p.cpu_s).sum();
    // Nothing flown is no figure.
    let factor = if cpu_s > 0.0 {
        simulated_s / cpu_s
    } else {
        f64::NAN
    };
    eprintln!(
        "{part} {kind}: {simulated_s:.0} s in {cpu_s:.2} CPU s, {:.0} µs a second of one aircraft",
        cpu_s * 1e6 / (simulated_s * aircraft).max(1e-9)
    );
    rows.push(row(
        format!(
            "{part}: {kind}, {what}, times real time ({} patrols)",
            paces.len()
        ),
        format!(">= {bound}"),
        factor,
        factor >= bound,
    ));
    let wrong = paces.values().filter(|p| !p.wrong.is_empty()).count();
    rows.push(none(
        format!("{part}: {kind}, of these, otherwise than they must be"),
        wrong,
    ));
    bench.replays(
        part,
        paces
            .iter()
            .filter(|(_, p)| !p.wrong.is_empty())
            .map(|(s, p)| (*s, p.wrong.join("; "))),
    );
}
