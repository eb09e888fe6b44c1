//! `demo --headless`: one whole patrol in virtual time, judged by oracles.
//!
//! A shell: it reads the real clock for the progress bar, the pace and the real-time factor, and writes files. None of
//! that enters the simulation: `--speed` never changes the trace.

use super::{
    campaign::kind_name,
    officer::{Deed, LOOK, Officer, Step, Words},
    plan::{SIXI_GEOJSON, demo_plan},
    record::Recording,
    rig::{Rig, RigConfig},
    sabotage::Saboteur,
    summary::Summary,
};
use crate::desk::DeskConfig;
use crate::evidence::io::{Folder, Syncing, random};
use crate::evidence::key::Signer;
use anyhow::Context;
use link::signing::Trust;
use missions::{
    plan::{PatrolPlan, StepKind},
    time::{Mono, Reading},
    venue::Venue,
};
use onboard::{
    config::{Config as OnboardConfig, GuardSwitch},
    eyes::rules::{RosterEntry, with_roster},
};
use sim::{
    autopilot::AutopilotKind,
    oracle::{Completion, Goal, judge},
    scenario::Scenario,
    simulation::{STEP_US, serial_of},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// A flight that is not over by then is given up, simulated seconds.
const LIMIT_S: f64 = 3_600.0;
/// Progress is told this often, simulated seconds.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What to fly.
#[derive(Clone, Debug)]
pub struct HeadlessOptions {
    /// Autopilot.
    pub kind: AutopilotKind,
    /// Everything random follows from it.
    pub seed: u64,
    /// Ceiling on the pace, simulated seconds a real second; `None` = as fast as it goes.
    pub speed: Option<f64>,
    /// Where `flight.tlog`, `plan.json`, `summary.json` and `flight.rrd` go, and the key that signs them; `None` = no
    /// files.
    pub out: Option<(PathBuf, Signer)>,
    /// The world; `None`: the shipped evening. Its faults are played.
    pub scenario: Option<Scenario>,
    /// Loss of the radio, each way; `None` as the scenario says.
    pub loss: Option<f64>,
    /// Whether the radio is signed on both sides, as radios are; if not, it is a laboratory's cable.
    pub signed: bool,
    /// Whether the guard may act.
    pub guard: bool,
    /// Whether somebody exchanges the plan and takes away the autopilot's fence behind the companion's back.
    pub sabotage: bool,
    /// Give up after so long, simulated seconds.
    pub limit_s: f64,
    /// Write the companion's log to standard error as it comes.
    pub verbose: bool,
}

impl Default for HeadlessOptions {
    fn default() -> Self {
        HeadlessOptions {
            kind: AutopilotKind::Px4,
            seed: 7,
            speed: None,
            out: None,
            scenario: None,
            loss: None,
            signed: false,
            guard: true,
            sabotage: false,
            limit_s: LIMIT_S,
            verbose: false,
        }
    }
}

/// How far a flight is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Simulated seconds gone.
    pub simulated_s: f64,
    /// Where the officer stands.
    pub step: Step,
    /// Places of the plan flown (by the oracle), and all of them.
    pub places: (u32, u32),
    /// Anomalies on the ground.
    pub anomalies: u32,
}

/// Puts world, companion and desk together as these options say.
///
/// # Errors
/// When the world cannot be staged or the plan is refused.
pub fn rig_for(options: &HeadlessOptions) -> anyhow::Result<(Rig, PatrolPlan)> {
    let scenario = scenario_of(options)?;
    let roster = scenario.staging.roster_drone.as_deref();
    let onboard = onboard_config(options, &scenario, roster);
    rig_with(options, scenario, onboard)
}

fn scenario_of(options: &HeadlessOptions) -> anyhow::Result<Scenario> {
    match &options.scenario {
        Some(s) => Ok(s.clone()),
        None => Ok(Scenario::sixi()?),
    }
}

/// The companion's configuration in these flights. `roster`: the drone that its rules know.
#[must_use]
pub fn onboard_config(
    options: &HeadlessOptions,
    scenario: &Scenario,
    roster: Option<&str>,
) -> OnboardConfig {
    OnboardConfig {
        guard: if options.guard {
            GuardSwitch::On
        } else {
            GuardSwitch::Off
        },
        new_store_id: options.seed.wrapping_mul(2).wrapping_add(1),
        eyes_rules: rules_with_roster(roster),
        own_remote_id: scenario.staging.own_remote_id.clone().unwrap_or_default(),
        ground_trust: vec![if options.signed {
            Trust::Signed
        } else {
            Trust::WiredLab
        }],
        ..OnboardConfig::default()
    }
}

fn rig_with(
    options: &HeadlessOptions,
    mut scenario: Scenario,
    onboard: OnboardConfig,
) -> anyhow::Result<(Rig, PatrolPlan)> {
    if let Some(loss) = options.loss {
        anyhow::ensure!(
            (0.0..=1.0).contains(&loss),
            "a radio loss of {loss} is no share between 0 and 1"
        );
        scenario.radio.loss = loss;
    }
    let venue = Venue::sixi_river();
    let plan = demo_plan(&venue, options.seed, scenario.start()?)?;
    let rig = Rig::new(RigConfig {
        seed: options.seed,
        kind: options.kind,
        scenario,
        venue_geojson: SIXI_GEOJSON.to_owned(),
        onboard,
        desk: DeskConfig {
            venue,
            ..DeskConfig::default()
        },
    })?;
    Ok((rig, plan))
}

/// The companion's built-in rules, with the show's own drone on the roster: what an officer enters before a show.
pub(super) fn rules_with_roster(uas_id: Option<&str>) -> String {
    let entry = uas_id.map(|id| RosterEntry {
        uas_id: id.into(),
        name: "Light show".into(),
    });
    with_roster("", entry.as_slice())
}

/// The rules file of the demonstration, and the Remote ID serial numbers of its aircraft. Aircraft of a fleet know each other.
///
/// # Errors
/// Never in a tested build: the embedded scenario is read by a test.
pub fn demo_identities(aircraft: u8) -> anyhow::Result<(String, Vec<String>)> {
    let staging = Scenario::sixi()?.staging;
    let own = staging.own_remote_id.unwrap_or_default();
    let serials: Vec<String> = (0..aircraft).map(|n| serial_of(&own, n)).collect();
    let show = staging.roster_drone.map(|uas_id| RosterEntry {
        uas_id,
        name: "Light show".into(),
    });
    let others = serials.iter().filter(|_| aircraft > 1);
    let others = others.map(|uas_id| RosterEntry {
        uas_id: uas_id.clone(),
        name: "Patrol".into(),
    });
    let roster: Vec<RosterEntry> = show.into_iter().chain(others).collect();
    Ok((with_roster("", &roster), serials))
}

/// The places of a plan, for the oracle.
pub(super) fn goals(plan: &PatrolPlan) -> Vec<Goal> {
    let file = plan.file();
    let home = file.home;
    missions::plan::steps(file)
        .iter()
        .filter(|s| matches!(s.kind, StepKind::Climb | StepKind::Fly))
        .map(|s| Goal {
            lat_deg: s.to.lat_deg(),
            lon_deg: s.to.lon_deg(),
            alt_amsl_m: home.to_amsl(s.to_alt).metres(),
        })
        .collect()
}

/// Flies one whole patrol and judges it.
///
/// # Errors
/// When it cannot be set up or a file cannot be written. A patrol that went badly is no error: see
/// [`Summary::missed`].
#[expect(
    clippy::disallowed_methods,
    reason = "a shell: the real clock paces and measures the run and never enters the simulation"
)]
pub fn fly(
    options: &HeadlessOptions,
    mut progress: Option<&mut dyn FnMut(&Progress)>,
) -> anyhow::Result<Summary> {
    let started = Instant::now();
    let (mut rig, plan) = rig_for(options)?;
    let bytes = plan.to_json();
    let home = plan.file().home;
    let mut recording = match &options.out {
        Some((dir, signer)) => {
            let r = Recording::begin(dir, rig.desk().venue(), &plan, signer)?;
            let disk = Folder::open(&r.aboard_dir(), Syncing::AtEnd)?;
            rig.log_aboard(Box::new(disk), random()?)?;
            Some(r)
        }
        None => None,
    };
    let goals = goals(&plan);
    let mut completion = Completion::new(&goals, home.at.lat_deg(), home.at.lon_deg());
    let mut saboteur = options
        .sabotage
        .then(|| Saboteur::new(options.kind, plan.clone()));
    let mut officer = Officer::new(
        Words {
            purpose: "light show patrol".into(),
            incident: format!("DEMO-{}", options.seed),
            pilot: "scripted officer".into(),
        },
        true,
    );
    let (mut next_look, mut next_tell) = (Mono::ZERO, Mono::ZERO);
    let mut airborne_steps = 0u64;
    let loop_started = Instant::now();
    while !officer.is_over() && rig.now().mono.as_secs_f64() < options.limit_s {
        if rig.advance() {
            let truth = rig.truth();
            let a = &truth.aircraft;
            airborne_steps += u64::from(truth.airborne);
            completion.observe(truth.airborne, a.armed, a.lat_deg, a.lon_deg, a.alt_amsl_m);
            if let Some(s) = &mut saboteur {
                s.look(&mut rig);
            }
        }
        let now = rig.now();
        if now.mono >= next_look {
            next_look = now.mono.after(LOOK);
            if let Some(deed) = officer.look(now.mono, rig.desk()) {
                let answer = match &deed {
                    Deed::LoadPlan => rig.load_plan(&bytes),
                    Deed::Intent(intent) => rig.command(intent),
                };
                officer.answered(now.mono, &deed, &answer);
                if let (Some(r), Reading::Valid(utc)) = (&mut recording, now.utc) {
                    r.deed(utc, &deed, &answer);
                }
            }
            match &mut recording {
                Some(r) => r.take(&mut rig),
                None => {
                    rig.take_heard();
                    rig.take_events();
                }
            }
            let logs = rig.take_logs();
            if options.verbose {
                for line in logs {
                    eprintln!("{line}");
                }
            }
        }
        if now.mono >= next_tell {
            next_tell = now.mono.after(TELL_EVERY);
            if let Some(tell) = progress.as_mut() {
                tell(&Progress {
                    simulated_s: now.mono.as_secs_f64(),
                    step: officer.step(),
                    places: (completion.met() as u32, completion.goals() as u32),
                    anomalies: rig.desk().anomalies().count() as u32,
                });
            }
            if let Some(speed) = options.speed {
                let due = Duration::from_secs_f64(now.mono.as_secs_f64() / speed.max(1e-3));
                // In pieces of a real second at most, so that an interrupt is never far away.
                while let Some(left) = due.checked_sub(loop_started.elapsed()) {
                    if left.is_zero() {
                        break;
                    }
                    std::thread::sleep(left.min(Duration::from_secs(1)));
                }
            }
        }
    }
    let simulated_s = rig.now().mono.as_secs_f64();
    let real_s = loop_started.elapsed().as_secs_f64().max(1e-9);
    tracing::debug!("set up in {:.1} s", (loop_started - started).as_secs_f64());
    let anomalies: Vec<_> = rig.desk().anomalies().map(|(_, a)| a.clone()).collect();
    let truth = rig.truth();
    let judgement = judge(truth.things, rig.start(), &truth.flat, &anomalies);
    let (stored, pending) = rig.stored_and_pending();
    let worst = rig.containment().worst();
    let mut faults = officer.problems().to_vec();
    if !officer.is_over() {
        faults.push(format!(
            "given up after {simulated_s:.0} simulated seconds: the officer was at {:?}",
            officer.step()
        ));
    }
    faults.extend(judgement.words.iter().cloned());
    faults.extend(saboteur.as_ref().and_then(Saboteur::failure));
    let pictures = anomalies
        .iter()
        .filter(|a| {
            a.picture_sha256
                .is_some_and(|h| rig.desk().picture(&missions::plan::hex(&h)).is_some())
        })
        .count() as u32;
    let mut summary = Summary {
        seed: options.seed,
        autopilot: kind_name(options.kind).into(),
        loss: match options.loss {
            Some(l) => l,
            None => scenario_of(options)?.radio.loss,
        },
        complete: completion.is_complete(),
        places: (completion.met() as u32, completion.goals() as u32),
        min_clearance_m: worst.map(|w| w.metres),
        min_clearance_zone: worst.map_or_else(String::new, |w| w.zone.clone()),
        staged: judgement.staged,
        delivered: judgement.delivered,
        doubled: judgement.doubled,
        stored,
        receipted: stored.saturating_sub(pending),
        false_alarms: judgement.false_alarms,
        decoys: judgement.decoys,
        pictures,
        location_error_m: judgement.location_error_m,
        flight_s: airborne_steps as f64 * STEP_US as f64 * 1e-6,
        simulated_s,
        real_time_factor: simulated_s / real_s,
        trace_hash: rig.trace().hex(),
        trace_pieces: rig.trace().pieces(),
        faults,
    };
    if let Some(mut r) = recording {
        r.take(&mut rig);
        rig.finish_aboard()?;
        let problems = r.finish(&summary).context("finishing the recording")?;
        summary.faults.extend(problems);
    }
    Ok(summary)
}

/// World UTC when the demonstration begins.
///
/// # Errors
/// Never in a tested build: the embedded scenario is read by a test.
pub fn demo_start() -> anyhow::Result<missions::time::Utc> {
    Ok(Scenario::sixi()?.start()?)
}
