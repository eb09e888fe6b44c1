//! The world alone, told what an autopilot was told on a patrol of the whole house: one aircraft, or a fleet of them.

use super::{Flown, Pace, Told, cpu};
use anyhow::Context;
use ground_station::rehearse::AutopilotKind;
use ground_station::rehearse::plan::SIXI_GEOJSON;
use link::common::MavMessage;
use link::frame::{Frame, Framer, Msg, Stamper};
use missions::time::Mono;
use sim::scenario::Scenario;
use sim::simulation::{STEP_US, Sim, SimConfig};
use std::collections::BTreeMap;

/// Everything the world has to say is fetched this often, steps.
const FETCH: u64 = 10;
/// System id of the aircraft on the patrol.
const SYSTEM: u8 = 1;

fn world(kind: AutopilotKind, seed: u64, aircraft: u8) -> anyhow::Result<Sim> {
    let scenario = Scenario::sixi()?;
    Ok(Sim::fleet(
        SimConfig {
            seed,
            kind,
            start: scenario.start()?,
            scenario,
            venue_geojson: SIXI_GEOJSON.to_owned(),
            system_id: SYSTEM,
            real_pace: true,
        },
        aircraft,
    )?)
}

/// What came out of a world.
#[derive(Default)]
struct Heard {
    said: u64,
    sensor: u64,
    pictures: u64,
    airborne_s: f64,
}

/// Runs the world to `end`, each aircraft told its part: what came of each, and the CPU seconds.
fn run(sim: &mut Sim, told: &[Told], end: Mono) -> anyhow::Result<(Vec<Heard>, f64)> {
    let mut next = vec![0usize; told.len()];
    let mut heard: Vec<Heard> = told.iter().map(|_| Heard::default()).collect();
    let began_s = cpu::thread_s()?;
    while sim.now() < end {
        let until = Mono((sim.now().0 + FETCH * STEP_US).min(end.0));
        loop {
            // The earliest of what is said to anybody before then.
            let due = told
                .iter()
                .zip(&next)
                .enumerate()
                .filter_map(|(n, (t, i))| t.get(*i).map(|(at, bytes)| (*at, n, bytes)))
                .filter(|(at, ..)| *at < until || *at == end)
                .min_by_key(|(at, n, _)| (*at, *n));
            let Some((at, n, bytes)) = due else { break };
            sim.step_until(at);
            sim.autopilot_in_of(n, at, bytes);
            if let Some(i) = next.get_mut(n) {
                *i += 1;
            }
        }
        let before = sim.now();
        sim.step_until(until);
        if sim.now() == before && until == end {
            break;
        }
        for (n, h) in heard.iter_mut().enumerate() {
            h.said += sim.autopilot_out_of(n).len() as u64;
            h.sensor += sim.sensor_out_of(n).len() as u64;
            while let Some(frame) = sim.camera_out_of(n) {
                h.pictures += u64::from(!frame.image.is_empty());
            }
        }
        for ((_, airborne), h) in sim.fleet_truth().zip(&mut heard) {
            h.airborne_s += f64::from(u8::from(airborne)) * (FETCH * STEP_US) as f64 * 1e-6;
        }
    }
    for (n, h) in heard.iter_mut().enumerate() {
        h.said += sim.autopilot_out_of(n).len() as u64;
    }
    Ok((heard, cpu::thread_s()? - began_s))
}

/// Pictures there must be at least, of the camera's rate.
fn pictures_due(flown: &Flown) -> anyhow::Result<u64> {
    let rate_hz = Scenario::sixi()?.camera.rate_hz;
    Ok((flown.end.as_secs_f64() * rate_hz * 0.99) as u64)
}

/// The patrol again by one aircraft without companion and desk: it must come out the same to the last bit.
///
/// # Errors
/// When the world cannot be made.
pub fn one(kind: AutopilotKind, seed: u64, flown: &Flown) -> anyhow::Result<Pace> {
    let mut sim = world(kind, seed, 1)?;
    let (heard, cpu_s) = run(&mut sim, std::slice::from_ref(&flown.told), flown.end)?;
    let h = heard.first().context("no aircraft")?;
    let mut wrong = Vec::new();
    if h.said != flown.said {
        wrong.push(format!(
            "the autopilot said {} bytes, {} in the house",
            h.said, flown.said
        ));
    }
    if sim.truth().aircraft != flown.truth {
        wrong.push("it ended elsewhere than in the house".into());
    }
    if h.pictures < pictures_due(flown)? || h.sensor == 0 {
        wrong.push("no pictures, or nothing heard of other drones".into());
    }
    Ok(Pace {
        simulated_s: sim.now().as_secs_f64(),
        cpu_s,
        wrong,
    })
}

/// The patrol by many in one world, each told the same under its own system id.
///
/// # Errors
/// When the world cannot be made, or something said to the autopilot cannot be said to another.
pub fn many(kind: AutopilotKind, seed: u64, aircraft: u8, flown: &Flown) -> anyhow::Result<Pace> {
    let told: Vec<Told> = (0..aircraft)
        .map(|n| to_another(&flown.told, SYSTEM + n))
        .collect::<anyhow::Result<_>>()?;
    let mut sim = world(kind, seed, aircraft)?;
    let (heard, cpu_s) = run(&mut sim, &told, flown.end)?;
    let least_pictures = pictures_due(flown)?;
    let mut wrong = Vec::new();
    for (n, (h, (truth, airborne))) in heard.iter().zip(sim.fleet_truth()).enumerate() {
        if h.airborne_s < 0.9 * flown.airborne_s {
            wrong.push(format!(
                "number {n} was in the air for {:.0} s of {:.0}",
                h.airborne_s, flown.airborne_s
            ));
        }
        if airborne || truth.armed {
            wrong.push(format!("number {n} did not end on the ground, disarmed"));
        }
        if h.pictures < least_pictures || h.sensor == 0 {
            wrong.push(format!("number {n} took {} pictures", h.pictures));
        }
    }
    Ok(Pace {
        simulated_s: sim.now().as_secs_f64(),
        cpu_s,
        wrong,
    })
}

/// What was said to system 1, said to `system` by its own companion.
fn to_another(told: &Told, system: u8) -> anyhow::Result<Told> {
    let mut stampers: BTreeMap<(u8, u8), Stamper> = BTreeMap::new();
    let mut out = Told::with_capacity(told.len());
    let mut framer = Framer::new();
    for (at, bytes) in told {
        framer.push(*at, bytes);
        let mut again = Vec::with_capacity(bytes.len());
        while let Some(frame) = framer.next_frame() {
            let h = frame.header();
            let from = if h.system == SYSTEM { system } else { h.system };
            let stamper = stampers
                .entry((from, h.component))
                .or_insert_with(|| Stamper::new(from, h.component));
            again.extend_from_slice(readdressed(&frame, system, stamper)?.bytes());
        }
        out.push((*at, again));
    }
    Ok(out)
}

fn readdressed(frame: &Frame, system: u8, stamper: &mut Stamper) -> anyhow::Result<Frame> {
    use MavMessage as M;
    let id = frame.header().msg_id;
    if frame.target().0 != Some(SYSTEM) {
        return stamper
            .raw(id, frame.payload())
            .with_context(|| format!("message {id} cannot be said again"));
    }
    let Msg::Common(mut m) = frame.decode() else {
        anyhow::bail!("message {id} to the autopilot is none of the common ones");
    };
    match &mut *m {
        M::COMMAND_LONG(d) => d.target_system = system,
        M::COMMAND_INT(d) => d.target_system = system,
        M::MISSION_ACK(d) => d.target_system = system,
        M::MISSION_CLEAR_ALL(d) => d.target_system = system,
        M::MISSION_COUNT(d) => d.target_system = system,
        M::MISSION_ITEM_INT(d) => d.target_system = system,
        M::MISSION_REQUEST_INT(d) => d.target_system = system,
        M::MISSION_REQUEST_LIST(d) => d.target_system = system,
        M::PARAM_REQUEST_READ(d) => d.target_system = system,
        M::PARAM_SET(d) => d.target_system = system,
        _ => anyhow::bail!("message {id} to the autopilot is one this campaign does not know"),
    }
    Ok(stamper.frame(*m))
}
