//! The same plans once more through the whole house: frames, serial line, radio, gate and desk, flown by the scripted
//! officer; every other flight is sent out by somebody past the gate, the autopilot's own fence switched off.

use super::venue::{Case, case};
use crate::attack::run_out;
use crate::frame::{Bench, Row, none, row};
use ground_station::desk::DeskConfig;
use ground_station::rehearse::officer::{Deed, LOOK, Officer, Step, Words};
use ground_station::rehearse::{AutopilotKind, Rig, RigConfig};
use link::frame::Stamper;
use missions::time::Mono;
use missions::venue::Venue;
use serde::{Deserialize, Serialize};
use sim::scenario::Scenario;
use std::time::Duration;

/// A flight longer than this is given up, simulated seconds.
const LIMIT_S: f64 = 2_400.0;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Encoded {
    flights: u64,
    hours: f64,
    crossed: u64,
    least_m: Option<f64>,
    wrong: Vec<String>,
}

/// Hours flown again so far.
#[derive(Debug, Default)]
pub struct Share {
    hours: f64,
    seen: std::collections::BTreeSet<u64>,
}

impl Share {
    /// Flies plans of `seeds` until this many hours are there. Seeds it had before are not counted again.
    ///
    /// # Errors
    /// When the house cannot be put together, or the results file fails.
    pub fn fly(&mut self, bench: &mut Bench, seeds: &[u64], hours: f64) -> anyhow::Result<()> {
        for seed in seeds {
            if self.hours >= hours {
                break;
            }
            if !self.seen.insert(*seed) {
                continue;
            }
            let flown = bench.each("encoded", &[*seed], fly_seed)?;
            let Some(f) = flown.get(seed) else { break };
            self.hours += f.hours;
        }
        Ok(())
    }
}

/// The figures of all that is kept.
pub fn rows(bench: &Bench, wanted_h: f64) -> Vec<Row> {
    let all = bench.kept::<Encoded>("encoded");
    bench.replays(
        "encoded",
        all.iter()
            .filter(|(_, f)| !f.wrong.is_empty())
            .map(|(s, f)| (*s, f.wrong.join("; "))),
    );
    let sum = |f: fn(&Encoded) -> u64| all.values().map(f).sum::<u64>();
    let hours: f64 = all.values().map(|f| f.hours).sum();
    let crossed = sum(|f| f.crossed);
    let wrong: usize = all.values().map(|f| f.wrong.len()).sum();
    let least_m = all
        .values()
        .filter_map(|f| f.least_m)
        .fold(f64::INFINITY, f64::min);
    vec![
        row(
            "encoded: hours flown again through the link",
            format!(">= {wanted_h:.2} (1 % of those flown directly)"),
            hours,
            hours >= wanted_h && hours > 0.0,
        ),
        none(
            format!(
                "encoded: of {} flights, those that crossed the fence (least clearance {least_m:.1} m)",
                sum(|f| f.flights)
            ),
            usize::try_from(crossed).unwrap_or(usize::MAX),
        ),
        none("encoded: flights that went otherwise than they must", wrong),
    ]
}

fn fly_seed(seed: u64) -> anyhow::Result<Encoded> {
    let mut out = Encoded::default();
    let Some(case) = case(seed) else {
        return Ok(out);
    };
    let kind = if seed.is_multiple_of(2) {
        AutopilotKind::Px4
    } else {
        AutopilotKind::ArduPilot
    };
    for attacked in [false, true] {
        let name = if attacked { "runaway" } else { "clear" };
        match fly(&case, seed, kind, attacked) {
            Ok((flown_s, least_m)) => {
                out.flights += 1;
                out.hours += flown_s / 3600.0;
                out.crossed += u64::from(least_m.is_nan() || least_m < 0.0);
                out.least_m = Some(out.least_m.map_or(least_m, |a| a.min(least_m)));
            }
            Err(why) => out.wrong.push(format!("{name}: {why}")),
        }
    }
    Ok(out)
}

fn fly(case: &Case, seed: u64, kind: AutopilotKind, attacked: bool) -> Result<(f64, f64), String> {
    let mut scenario = Scenario::sixi().map_err(|e| e.to_string())?;
    scenario.staging.anomalies = (0, 0);
    scenario.staging.bonnets = (0, 0);
    scenario.staging.spectators = 0;
    scenario.staging.roster_drone = None;
    scenario.wind.mean_mps = (0.0, 8.0);
    let venue = Venue::from_geojson(&case.venue_geojson).map_err(|e| e.to_string())?;
    let mut rig = Rig::new(RigConfig {
        seed,
        kind,
        scenario,
        venue_geojson: case.venue_geojson.clone(),
        onboard: onboard::Config {
            new_store_id: seed.wrapping_mul(2).wrapping_add(1),
            ..onboard::Config::default()
        },
        desk: DeskConfig {
            venue,
            ..DeskConfig::default()
        },
    })
    .map_err(|e| format!("{e:#}"))?;
    let bytes = case.plan.to_json();
    let mut officer = Officer::new(
        Words {
            purpose: "containment campaign".into(),
            incident: format!("C-{seed}"),
            pilot: "scripted officer".into(),
        },
        true,
    );
    let mut next_look = Mono::ZERO;
    let mut airborne_steps = 0u64;
    let mut airborne_at = None;
    let mut attacks = 0u32;
    let mut foe = Stamper::new(252, 190);
    while !officer.is_over() && rig.now().mono.as_secs_f64() < LIMIT_S {
        if rig.advance() && rig.truth().airborne {
            airborne_steps += 1;
            airborne_at.get_or_insert(rig.now().mono);
        }
        let now = rig.now().mono;
        if now >= next_look {
            next_look = now.after(LOOK);
            if let Some(deed) = officer.look(now, rig.desk()) {
                let answer = match &deed {
                    Deed::LoadPlan => rig.load_plan(&bytes),
                    Deed::Intent(intent) => rig.command(intent),
                };
                officer.answered(now, &deed, &answer);
            }
            rig.take_heard();
            rig.take_events();
            rig.take_logs();
            let due = airborne_at.is_some_and(|t: Mono| {
                now.since(t) > Duration::from_secs(40) + Duration::from_secs(4) * attacks
            });
            if attacked && due && attacks < 3 && officer.step() == Step::Flying {
                attacks += 1;
                let heading = (seed as f64 * 2.399_963).rem_euclid(std::f64::consts::TAU);
                for m in run_out(kind, &rig.truth().aircraft, heading, 10.0) {
                    let f = foe.frame(m);
                    rig.past_the_companion(f.bytes());
                }
            }
        }
    }
    if !officer.is_over() {
        return Err(format!("given up at {:?}", officer.step()));
    }
    if airborne_at.is_none() {
        return Err(format!("never flew: {}", officer.problems().join("; ")));
    }
    let least_m = rig.containment().worst().map_or(f64::NAN, |w| w.metres);
    Ok((
        airborne_steps as f64 * sim::simulation::STEP_US as f64 * 1e-6,
        least_m,
    ))
}
