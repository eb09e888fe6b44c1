//! One world of the fault campaign: the whole house forked from a snapshot, and what judges it.
//!
//! Snapshots are made once: on the ground with a plan aboard, and aloft on patrol at several moments. Each seed goes on
//! from a copy with its own weather, its own radio and its own faults. Every radio is signed.

use crate::upload::flight::holds;
use ground_station::desk::{Desk, DeskConfig, DeskEvent, Event, Intent};
use ground_station::rehearse::plan::{SIXI_GEOJSON, demo_plan};
use ground_station::rehearse::{AutopilotKind, Rig, RigConfig};
use link::items::ListKind;
use link::signing::Key;
use link::state::{FlightPhase, StateReport};
use missions::anomaly::{AnomalyKind, Ellipse, Priority};
use missions::place::LatLon;
use missions::plan::PatrolPlan;
use missions::time::Mono;
use missions::venue::Venue;
use onboard::eyes::schema::NewAnomaly;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sim::autopilot::Mode;
use sim::fault::Side;
use sim::radio::RadioSpec;
use sim::scenario::Scenario;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Snapshots are taken at these moments of the patrol, seconds.
const MOMENTS_S: [f64; 3] = [4.0, 22.0, 41.0];
/// A snapshot that is not there by then never will be, simulated seconds.
const SNAPSHOT_BY_S: f64 = 240.0;
/// Anomalies flagged in every world, in the first seconds.
const ANOMALIES: usize = 3;
const FLAGGED_WITHIN_S: f64 = 5.0;
/// Lines of the log that are kept for a failing world.
const LOG: usize = 10;

/// The key of this aircraft's radio.
#[must_use]
pub fn key() -> Key {
    Key::new([0x5A; 32])
}

/// A fair radio.
#[must_use]
pub fn fair() -> RadioSpec {
    RadioSpec {
        loss: 0.01,
        duplicate: 0.005,
        delay_ms: 25.0,
        jitter_ms: 20.0,
        bits_per_s: 1e6,
        ..RadioSpec::default()
    }
}

/// Where every world begins.
pub struct Stage {
    /// The plan aboard, and another one.
    pub old: PatrolPlan,
    /// The other one.
    pub new: PatrolPlan,
    ground: [Rig; 2],
    air: [Vec<Rig>; 2],
}

fn kinds() -> [AutopilotKind; 2] {
    [AutopilotKind::Px4, AutopilotKind::ArduPilot]
}

impl Stage {
    /// Takes off once with each autopilot.
    ///
    /// # Errors
    /// When a flight does not begin.
    pub fn new() -> anyhow::Result<Stage> {
        let venue = Venue::sixi_river();
        let mut scenario = Scenario::sixi()?;
        // Nobody looks: pictures cost time and decide nothing here.
        scenario.camera.rate_hz = 0.01;
        scenario.staging.spectators = 0;
        scenario.staging.anomalies = (0, 0);
        scenario.staging.bonnets = (0, 0);
        scenario.staging.roster_drone = None;
        scenario.staging.own_remote_id = None;
        scenario.radio = fair();
        let start = scenario.start()?;
        let (old, new) = (demo_plan(&venue, 3, start)?, demo_plan(&venue, 7, start)?);
        let grounded = |kind| -> anyhow::Result<Rig> {
            let mut rig = Rig::with_key(
                RigConfig {
                    seed: 11,
                    kind,
                    scenario: scenario.clone(),
                    venue_geojson: SIXI_GEOJSON.to_owned(),
                    onboard: onboard::Config {
                        new_store_id: 0xFA17,
                        ..onboard::Config::default()
                    },
                    desk: DeskConfig {
                        venue: venue.clone(),
                        ..DeskConfig::default()
                    },
                },
                Some(&key()),
            )?;
            let mut loaded = false;
            run(&mut rig, "a plan aboard and a token", |rig| {
                let now = rig.now().mono;
                let (up, ready) = rig.desk().aircraft(1).map_or((false, false), |a| {
                    (
                        a.state.is_some(),
                        a.has_plan(old.id()) && a.token(now).is_some(),
                    )
                });
                if up && !loaded {
                    loaded = true;
                    rig.load_plan(&old.to_json());
                }
                ready
            })?;
            Ok(rig)
        };
        let ground = [
            grounded(AutopilotKind::Px4)?,
            grounded(AutopilotKind::ArduPilot)?,
        ];
        let aloft = |rig: &Rig| -> anyhow::Result<Vec<Rig>> {
            let mut rig = rig.fork(12);
            let answer = rig.command(&Intent::Launch {
                aircraft: 1,
                purpose: "fault campaign".into(),
                incident: "F-1".into(),
                pilot: "scripted officer".into(),
            });
            anyhow::ensure!(answer.accepted, "no launch: {:?}", answer.reason);
            run(&mut rig, "patrolling", |rig| {
                let now = rig.now().mono;
                rig.desk()
                    .aircraft(1)
                    .and_then(|a| a.fresh_state(now))
                    .is_some_and(|s| s.phase == FlightPhase::Patrolling)
                    && rig.truth().aircraft.mode == Mode::Mission
                    && speed_mps(rig) > 3.0
            })?;
            let begin = rig.now().mono;
            let mut out = Vec::new();
            for s in MOMENTS_S {
                let until = begin.after(Duration::from_secs_f64(s));
                run(&mut rig, "the next moment", |rig| rig.now().mono >= until)?;
                out.push(rig.fork(13));
            }
            Ok(out)
        };
        let [px4, copter] = &ground;
        let air = [aloft(px4)?, aloft(copter)?];
        Ok(Stage {
            old,
            new,
            ground,
            air,
        })
    }

    /// On the ground, the old plan aboard, a launch allowed. The seed says which autopilot.
    #[must_use]
    pub fn grounded(&self, seed: u64) -> World {
        let which = usize::from(!seed.is_multiple_of(2));
        let [px4, copter] = &self.ground;
        let rig = if which == 0 { px4 } else { copter };
        World::new(rig, kinds()[which], seed)
    }
    /// On patrol. The seed says which autopilot and at which moment.
    #[must_use]
    pub fn aloft(&self, seed: u64) -> World {
        let which = usize::from(!seed.is_multiple_of(2));
        let moments = &self.air[which];
        let rig = &moments[(seed / 2) as usize % moments.len()];
        World::new(rig, kinds()[which], seed)
    }
}

fn run(rig: &mut Rig, what: &str, mut done: impl FnMut(&mut Rig) -> bool) -> anyhow::Result<()> {
    let by = rig.now().mono.after(Duration::from_secs_f64(SNAPSHOT_BY_S));
    while !done(rig) {
        let logs = rig.take_logs();
        anyhow::ensure!(
            rig.now().mono < by,
            "the snapshot never came to: {what}; {:?}",
            logs.last()
        );
        rig.advance();
        rig.take_heard();
        rig.take_events();
    }
    Ok(())
}

/// Ground speed, metres a second.
#[must_use]
pub fn speed_mps(rig: &Rig) -> f64 {
    let [n, e, _] = rig.truth().aircraft.vel_ned;
    n.hypot(e)
}

/// What came of a world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// From the fault to the reaction, seconds; `None`: it did not come.
    pub took_s: Option<f64>,
    /// At the latest, seconds.
    pub bound_s: f64,
    /// What was wrong, in words.
    pub wrong: Vec<String>,
    /// Simulated seconds of this world.
    pub simulated_s: f64,
    /// A figure of this row's own: see its words.
    pub figure: Option<f64>,
}

impl Outcome {
    /// Whether everything was as it must be.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.wrong.is_empty() && self.took_s.is_some_and(|t| t <= self.bound_s + 1e-9)
    }
    /// Why not.
    #[must_use]
    pub fn why(&self) -> String {
        match (self.took_s, self.wrong.is_empty()) {
            (_, false) => self.wrong.join("; "),
            (Some(t), _) => format!("{t:.3} s, bound {} s", self.bound_s),
            (None, _) => format!("the reaction did not come (bound {} s)", self.bound_s),
        }
    }
}

/// A world under way.
pub struct World {
    /// The house.
    pub rig: Rig,
    /// For what a row draws.
    pub rng: ChaCha8Rng,
    /// Autopilot.
    pub kind: AutopilotKind,
    begin: Mono,
    mark: Mono,
    /// Anomalies still to be flagged: when, subject.
    to_flag: VecDeque<(Mono, String)>,
    /// Taken by the companion, and when; the ones that may or may not have been taken.
    pub taken: Vec<(String, Mono)>,
    perhaps: Vec<String>,
    shown: BTreeMap<String, u32>,
    /// What the desk told: when, and what.
    pub told: Vec<(Mono, Event)>,
    /// Modes the autopilot was in, in truth, from when on.
    pub modes: Vec<(Mono, Mode)>,
    /// What the ground heard and said in this step.
    pub heard: Vec<Vec<u8>>,
    /// What was seen that must not be.
    pub wrong: Vec<String>,
    log: VecDeque<String>,
}

impl World {
    fn new(from: &Rig, kind: AutopilotKind, seed: u64) -> World {
        let mut rig = from.fork(seed);
        rig.take_heard();
        rig.take_events();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(0xFA);
        let begin = rig.now().mono;
        let mut at: Vec<f64> = (0..ANOMALIES)
            .map(|_| rng.random::<f64>() * FLAGGED_WITHIN_S)
            .collect();
        at.sort_by(f64::total_cmp);
        let to_flag = at
            .into_iter()
            .enumerate()
            .map(|(n, s)| (begin.after(Duration::from_secs_f64(s)), format!("w-{n}")))
            .collect();
        let modes = vec![(begin, rig.truth().aircraft.mode)];
        World {
            rig,
            rng,
            kind,
            begin,
            mark: begin,
            to_flag,
            taken: Vec::new(),
            perhaps: Vec::new(),
            shown: BTreeMap::new(),
            told: Vec::new(),
            modes,
            heard: Vec::new(),
            wrong: Vec::new(),
            log: VecDeque::new(),
        }
    }

    /// Time.
    #[must_use]
    pub fn now(&self) -> Mono {
        self.rig.now().mono
    }
    /// The desk.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        self.rig.desk()
    }
    /// The companion's word as the desk has it, no older than a lost link.
    #[must_use]
    pub fn state(&self) -> Option<StateReport> {
        self.desk()
            .aircraft(1)
            .and_then(|a| a.fresh_state(self.now()))
    }
    /// The companion's word that came after the mark.
    #[must_use]
    pub fn new_state(&self) -> Option<StateReport> {
        self.desk()
            .aircraft(1)
            .and_then(|a| a.state)
            .filter(|(_, t)| *t > self.mark)
            .map(|(s, _)| s)
    }
    /// The mode the autopilot is in, in truth.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.modes.last().map_or(Mode::Manual, |(_, m)| *m)
    }
    /// The fault begins now: times count from here.
    pub fn mark(&mut self) {
        self.mark = self.now();
    }
    /// Seconds since the mark.
    #[must_use]
    pub fn since(&self) -> f64 {
        self.now().since(self.mark).as_secs_f64()
    }
    /// Something that the desk told after the mark.
    #[must_use]
    pub fn told(&self, f: impl Fn(&Event) -> bool) -> bool {
        self.told
            .iter()
            .rev()
            .take_while(|(t, _)| *t > self.mark)
            .any(|(_, e)| f(e))
    }
    /// Status text after the mark that has this in it.
    #[must_use]
    pub fn text(&self, part: &str) -> bool {
        self.told(|e| {
            e.params
                .get("text")
                .and_then(|t| t.as_str())
                .is_some_and(|t| t.contains(part))
        })
    }
    /// Whether the autopilot's mission is this plan's, in truth.
    #[must_use]
    pub fn holds(&self, plan: &PatrolPlan) -> bool {
        holds(plan, self.rig.stored(ListKind::Mission))
    }
    /// Something that must not be was seen; told once.
    pub fn wrong(&mut self, what: &str) {
        if !self.wrong.iter().any(|w| w == what) && self.wrong.len() < 8 {
            self.wrong.push(what.to_owned());
        }
    }

    /// To the next thing that happens.
    pub fn step(&mut self) {
        if self.rig.advance() {
            let mode = self.rig.truth().aircraft.mode;
            if mode != self.mode() {
                self.modes.push((self.now(), mode));
            }
        }
        let now = self.now();
        self.heard.clear();
        self.heard
            .extend(self.rig.take_heard().into_iter().map(|(_, b)| b));
        for e in self.rig.take_events() {
            match e {
                DeskEvent::Anomaly { id, new: true } => *self.shown.entry(id).or_default() += 1,
                DeskEvent::Log(e) => self.told.push((now, e)),
                _ => {}
            }
        }
        for l in self.rig.take_logs() {
            if self.log.len() >= LOG {
                self.log.pop_front();
            }
            self.log.push_back(l);
        }
        while self.to_flag.front().is_some_and(|(t, _)| now >= *t) {
            if let Some((_, subject)) = self.to_flag.pop_front() {
                self.flag(&subject, Priority::High);
            }
        }
    }
    /// The eyes flag something.
    pub fn flag(&mut self, subject: &str, priority: Priority) {
        let Ok(at) = LatLon::from_degrees(27.787, 120.091) else {
            return;
        };
        let anomaly = NewAnomaly {
            kind: AnomalyKind::UnknownDrone,
            priority,
            rule: "campaign".into(),
            subject: subject.to_owned(),
            first_seen: None,
            at,
            alt_amsl_m: None,
            error: Ellipse {
                major_m: 3.0,
                minor_m: 2.0,
                bearing_deg: 0.0,
            },
            confidence: 0.9,
            picture: None,
        };
        if self.rig.flag(&anomaly) {
            self.taken.push((subject.to_owned(), self.now()));
        } else {
            self.perhaps.push(subject.to_owned());
        }
    }
    /// Whatever else was flagged may be there or not: the row says so.
    pub fn spare_the_rest(&mut self) {
        let kept: Vec<String> = self.taken.iter().map(|(s, _)| s.clone()).collect();
        for n in 0..ANOMALIES {
            let s = format!("w-{n}");
            if !kept.contains(&s) && !self.to_flag.iter().any(|(_, f)| *f == s) {
                self.perhaps.push(s);
            }
        }
    }
    /// This one may be there or not.
    pub fn perhaps(&mut self, subject: &str) {
        self.perhaps.push(subject.to_owned());
    }
    /// Runs for so long, simulated seconds.
    pub fn run(&mut self, seconds: f64) {
        let until = self.now().after(Duration::from_secs_f64(seconds));
        while self.now() < until {
            self.step();
        }
    }
    /// A moment drawn between these, seconds from now.
    pub fn run_between(&mut self, least_s: f64, most_s: f64) {
        let s = least_s + self.rng.random::<f64>() * (most_s - least_s);
        self.run(s);
    }
    /// Until this is so; seconds since the mark, or `None` when it was not within `limit_s` of it.
    pub fn until(&mut self, limit_s: f64, mut f: impl FnMut(&mut World) -> bool) -> Option<f64> {
        while self.since() <= limit_s {
            self.step();
            if f(self) {
                return Some(self.since());
            }
        }
        None
    }

    /// What every world is held to: nothing got out, no anomaly was lost or doubled. Runs on until all are delivered, for
    /// `settle_s` at most. `delivered`: they all must be in the end.
    #[must_use]
    pub fn end(
        mut self,
        took_s: Option<f64>,
        bound_s: f64,
        settle_s: f64,
        delivered: bool,
    ) -> Outcome {
        let until = self.now().after(Duration::from_secs_f64(settle_s));
        let mut quiet = None;
        while self.now() < until {
            self.step();
            let all = self.to_flag.is_empty()
                && !self.rig.is_dead(Side::Onboard)
                && !self.rig.is_dead(Side::Ground)
                && self.rig.stored_and_pending().1 == 0;
            // A little longer, so that a second delivery would be seen.
            if all {
                let since = *quiet.get_or_insert(self.now());
                if self.now().since(since) > Duration::from_millis(700) {
                    break;
                }
            }
        }
        let mut by_subject: BTreeMap<String, u32> = BTreeMap::new();
        for (_, a) in self.desk().anomalies() {
            *by_subject.entry(a.subject.clone()).or_default() += 1;
        }
        let lost: Vec<&String> = self
            .taken
            .iter()
            .map(|(s, _)| s)
            .filter(|s| !by_subject.contains_key(*s))
            .collect();
        let missing = lost.len();
        let first: Vec<&&String> = lost.iter().take(8).collect();
        let lost = format!("{first:?}");
        let pending = self.rig.stored_and_pending().1 as usize;
        if delivered && missing > 0 {
            self.wrong
                .push(format!("{missing} anomalies not delivered: {lost}"));
        }
        if !delivered && missing > pending {
            self.wrong.push(format!(
                "{missing} anomalies missing, {pending} waiting aboard"
            ));
        }
        for (s, n) in &by_subject {
            let known = self.taken.iter().any(|(t, _)| t == s) || self.perhaps.contains(s);
            if *n > 1 || !known {
                self.wrong.push(format!("anomaly {s} came {n} times"));
            }
        }
        for (id, n) in &self.shown {
            if *n > 1 {
                self.wrong.push(format!("{id} was shown as new {n} times"));
            }
        }
        let worst_m = self
            .rig
            .containment()
            .worst()
            .map(|w| (w.metres, w.zone.clone()));
        if let Some((m, zone)) = worst_m
            && (m < 0.0 || m.is_nan())
        {
            self.wrong.push(format!("got out: {m:.1} m beyond {zone}"));
        }
        if let Some(why) = self.rig.did_not_start() {
            self.wrong.push(format!("did not start again: {why}"));
        }
        if !self.wrong.is_empty() {
            let modes: Vec<String> = self
                .modes
                .iter()
                .map(|(t, m)| format!("{:.2} {m:?}", t.since(self.begin).as_secs_f64()))
                .collect();
            self.wrong
                .push(format!("modes {modes:?}; last words {:?}", self.log));
        }
        Outcome {
            took_s,
            bound_s,
            wrong: self.wrong,
            simulated_s: self.rig.now().mono.since(self.begin).as_secs_f64(),
            figure: None,
        }
    }
}
