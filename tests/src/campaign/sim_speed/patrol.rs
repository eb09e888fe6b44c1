//! One patrol of the demonstration by the whole house, the radio signed; judged, and what the autopilot was told kept.

use super::{Pace, cpu};
use ground_station::rehearse::headless::rig_for;
use ground_station::rehearse::officer::{Deed, LOOK, Officer, Words};
use ground_station::rehearse::{AutopilotKind, HeadlessOptions};
use missions::time::Mono;
use sim::autopilot::AircraftTruth;
use sim::oracle::judge;

/// MAVLink 2's first byte, and the bit of its third that says that it is signed.
const STX: u8 = 0xFD;
const SIGNED: u8 = 1;

/// Bytes that reached an autopilot, and when.
pub type Told = Vec<(Mono, Vec<u8>)>;

/// A patrol.
pub struct Flown {
    /// How fast.
    pub pace: Pace,
    /// What the autopilot was told.
    pub told: Told,
    /// How many bytes it said.
    pub said: u64,
    /// When it was over, and the aircraft then.
    pub end: Mono,
    /// The truth at the end.
    pub truth: AircraftTruth,
    /// Seconds in the air.
    pub airborne_s: f64,
}

/// Flies it.
///
/// # Errors
/// When the house cannot be put together.
pub fn fly(kind: AutopilotKind, seed: u64) -> anyhow::Result<Flown> {
    let options = HeadlessOptions {
        kind,
        seed,
        signed: true,
        ..HeadlessOptions::default()
    };
    let (mut rig, plan) = rig_for(&options)?;
    let bytes = plan.to_json();
    let mut officer = Officer::new(
        Words {
            purpose: "how fast".into(),
            incident: format!("S-{seed}"),
            pilot: "scripted officer".into(),
        },
        true,
    );
    rig.log_told();
    rig.tap();
    let (mut said, mut heard, mut unsigned) = (0u64, 0u64, 0u64);
    let (mut next_look, mut airborne_steps) = (Mono::ZERO, 0u64);
    let began_s = cpu::thread_s()?;
    while !officer.is_over() && rig.now().mono.as_secs_f64() < options.limit_s {
        if rig.advance() {
            airborne_steps += u64::from(rig.truth().airborne);
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
            said += rig.tap().len() as u64;
            for (_, datagram) in rig.take_heard() {
                heard += 1;
                let signed =
                    matches!(datagram.as_slice(), [STX, _, flags, ..] if flags & SIGNED == SIGNED);
                unsigned += u64::from(!signed);
            }
            rig.take_events();
            rig.take_logs();
        }
    }
    let cpu_s = cpu::thread_s()? - began_s;
    said += rig.tap().len() as u64;
    let end = rig.now().mono;
    let anomalies: Vec<_> = rig.desk().anomalies().map(|(_, a)| a.clone()).collect();
    let truth = rig.truth();
    let judgement = judge(truth.things, rig.start(), &truth.flat, &anomalies);
    let truth = truth.aircraft;
    let mut wrong = officer.problems().to_vec();
    wrong.extend(judgement.words);
    if !officer.is_over() {
        wrong.push(format!("given up at {:?}", officer.step()));
    }
    if judgement.staged == 0 || judgement.delivered != judgement.staged {
        wrong.push(format!(
            "{} of {} anomalies delivered",
            judgement.delivered, judgement.staged
        ));
    }
    if heard == 0 || unsigned > 0 {
        wrong.push(format!("{unsigned} of {heard} frames without a signature"));
    }
    if rig
        .containment()
        .worst()
        .is_none_or(|w| w.metres.is_nan() || w.metres < 0.0)
    {
        wrong.push("outside the fence".into());
    }
    Ok(Flown {
        pace: Pace {
            simulated_s: end.as_secs_f64(),
            cpu_s,
            wrong,
        },
        told: rig.take_told(),
        said,
        end,
        truth,
        airborne_s: airborne_steps as f64 * sim::simulation::STEP_US as f64 * 1e-6,
    })
}
