//! The whole house in virtual time: world, companion, eyes and desk on one thread, every byte through frames, a serial
//! line and a radio.
//!
//! The cores are the ones that fly. Event-driven: time jumps to the next thing that happens, the world moves on a
//! 10 ms grid. Reads no clock and draws no randomness of its own: one seed gives one trace. Nothing but bytes passes
//! between aircraft and ground; the truth goes to oracles only. The scenario's faults are played here: programs are
//! killed and started again on what their disks hold, loops hang, disks and clocks fail, the radio changes
//! ([`super::play`]).

use super::play::{Clock, Program};
use super::trace::{Trace, Wire};
use super::turnaround::Turnaround;
use crate::desk::{Answer, Desk, DeskConfig, DeskEvent, DeskIn, DeskOut, Intent, Reason, key_file};
use crate::evidence::chain::Head;
use crate::evidence::key::Signer;
use anyhow::Context;
use link::frame::{Framer, Msg};
use link::items::{ListKind, WireItem};
use link::journal::Disk;
use link::patrol::MavMessage as Patrol;
use link::signing::{Key, Trust};
use link::state::StateReport;
use missions::time::{Mono, Now, Reading, Utc};
use onboard::{
    Config as OnboardConfig, Input, Logged, Onboard, Output, Port,
    core::KEY_FILE,
    eyes::{
        Eyes, EyesIn,
        schema::{NewAnomaly, Up},
    },
    record::{AboardSetup, Recorder as AboardRecorder},
};
use sim::{
    autopilot::AutopilotKind,
    disk::FaultDisk,
    fault::{Planned, Side},
    oracle::Containment,
    radio::{Radio, SerialLine},
    scenario::Scenario,
    simulation::{STEP_US, Sim, SimConfig, Truth},
};
use std::time::Duration;

/// Baud rate of the line between companion and autopilot.
const BAUD: f64 = 921_600.0;
/// Waking a core again is not useful within this: a core that asks for the past cannot stop time.
const LEAST_NAP: Duration = Duration::from_micros(500);
/// Lines of the log that are kept.
const MAX_LOGS: usize = 5_000;
/// Frames and events that wait for somebody to fetch them; more are thrown away.
const MAX_WAITING: usize = 20_000;

/// What to put together.
#[derive(Clone, Debug)]
pub struct RigConfig {
    /// Everything random follows from it.
    pub seed: u64,
    /// Autopilot.
    pub kind: AutopilotKind,
    /// World.
    pub scenario: Scenario,
    /// Venue GeoJSON, for the world and the oracle.
    pub venue_geojson: String,
    /// Companion.
    pub onboard: OnboardConfig,
    /// Ground.
    pub desk: DeskConfig,
}

/// World, companion, eyes and desk.
pub struct Rig {
    now: Mono,
    start: Utc,
    sim: Sim,
    onboard: Onboard,
    eyes: Eyes,
    desk: Desk,
    to_autopilot: SerialLine,
    from_autopilot: SerialLine,
    turnaround: Turnaround,
    radio: Radio,
    trace: Trace,
    containment: Containment,
    events: Vec<DeskEvent>,
    logs: Vec<String>,
    heard: Vec<(Utc, Vec<u8>)>,
    tap: Option<Vec<u8>>,
    told: Option<Vec<(Mono, Vec<u8>)>>,
    aboard: Option<AboardRecorder>,
    /// How far that log was told to be durable.
    aboard_told: Option<Head>,
    pub(super) onboard_config: OnboardConfig,
    pub(super) desk_config: DeskConfig,
    pub(super) air: Program,
    pub(super) ground: Program,
    /// Faults of the scenario beyond the world's own, not yet played.
    pub(super) faults: Vec<Planned>,
    /// Another station on the same radio.
    second: Option<Desk>,
    second_events: Vec<DeskEvent>,
    /// Everything that left for the autopilot, where somebody judges it.
    commands: Option<Vec<(Mono, Vec<u8>)>>,
    /// Frames of this message that the line from the autopilot still loses.
    line_loses: Option<Losing>,
    /// The companion's last word about itself as it left, whatever the radio made of it; `None`: nobody asked.
    words_aboard: Option<Aboard>,
}

/// Listens to the companion where it stands.
#[derive(Default)]
struct Aboard {
    framer: Framer,
    state: Option<StateReport>,
}

impl Rig {
    /// Puts it together; nothing has happened yet. A radio that the companion is to trust only signed is signed on both
    /// sides, with a key that follows from the seed.
    ///
    /// # Errors
    /// When the venue cannot be staged or a core refuses its configuration.
    pub fn new(config: RigConfig) -> anyhow::Result<Self> {
        let signed = config.onboard.ground_trust.first() == Some(&Trust::Signed);
        let key = signed.then(|| {
            let mut key = [0x5A; 32];
            for (to, from) in key.iter_mut().zip(config.seed.to_le_bytes()) {
                *to = from;
            }
            Key::new(key)
        });
        Self::with_key(config, key.as_ref())
    }

    /// The same, its radio signed with `key`; `None`: a laboratory's cable.
    ///
    /// # Errors
    /// As [`Rig::new`].
    pub fn with_key(mut config: RigConfig, key: Option<&Key>) -> anyhow::Result<Self> {
        let (air, ground) = (
            FaultDisk::new(config.seed ^ 0xA1),
            FaultDisk::new(config.seed ^ 0x6D),
        );
        if let Some(key) = key {
            config.onboard.ground_trust = vec![Trust::Signed];
            air.put(KEY_FILE, key.to_hex().as_bytes());
            ground.put(&key_file(1), key.to_hex().as_bytes());
        }
        let faults = config.scenario.faults.iter();
        let faults = faults
            .filter(|p| !p.fault.is_of_the_world())
            .copied()
            .collect();
        let start = config.scenario.start()?;
        let radio = Radio::new(config.scenario.radio, config.seed);
        let sim = Sim::new(SimConfig {
            seed: config.seed,
            kind: config.kind,
            scenario: config.scenario,
            venue_geojson: config.venue_geojson.clone(),
            start,
            system_id: 1,
            real_pace: true,
        })?;
        Ok(Rig {
            now: Mono::ZERO,
            start,
            sim,
            onboard: Onboard::new(config.onboard.clone(), Box::new(air.clone()))
                .context("starting the companion")?,
            eyes: Eyes::new(),
            desk: Desk::new(config.desk.clone(), Box::new(ground.clone()))
                .context("starting the desk")?,
            onboard_config: config.onboard,
            desk_config: config.desk,
            air: Program::new(air, Clock::Missing),
            ground: Program::new(ground, Clock::OffBy(0.0)),
            faults,
            second: None,
            second_events: Vec::new(),
            commands: None,
            line_loses: None,
            words_aboard: None,
            to_autopilot: SerialLine::new(BAUD),
            from_autopilot: SerialLine::new(BAUD),
            turnaround: Turnaround::new(config.kind, config.seed),
            radio,
            trace: Trace::default(),
            containment: Containment::new(&config.venue_geojson)?,
            events: Vec::new(),
            logs: Vec::new(),
            heard: Vec::new(),
            tap: None,
            told: None,
            aboard: None,
            aboard_told: None,
        })
    }

    /// The same house in the same moment; what happens from here on follows from `seed`. Flights that begin aloft are
    /// made of these: one take-off serves a thousand of them.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Rig {
        let mut sim = self.sim.clone();
        sim.reseed(seed);
        let mut radio = self.radio.clone();
        radio.reseed(seed);
        let (air, ground) = (self.air.fork(seed ^ 0xA1), self.ground.fork(seed ^ 0x6D));
        let mut turnaround = self.turnaround.clone();
        turnaround.reseed(seed);
        Rig {
            now: self.now,
            start: self.start,
            sim,
            onboard: self.onboard.fork(Box::new(air.disk.clone())),
            eyes: self.eyes.clone(),
            desk: self.desk.fork(Box::new(ground.disk.clone())),
            to_autopilot: self.to_autopilot.clone(),
            from_autopilot: self.from_autopilot.clone(),
            turnaround,
            radio,
            trace: self.trace.clone(),
            containment: self.containment.clone(),
            events: self.events.clone(),
            logs: self.logs.clone(),
            heard: self.heard.clone(),
            tap: self.tap.clone(),
            // A log of all inputs begins with the first one.
            aboard: None,
            aboard_told: None,
            onboard_config: self.onboard_config.clone(),
            desk_config: self.desk_config.clone(),
            air,
            ground,
            faults: self.faults.clone(),
            second: None,
            second_events: Vec::new(),
            told: self.told.clone(),
            commands: self.commands.clone(),
            line_loses: self.line_loses,
            words_aboard: None,
        }
    }

    /// Another station joins on the same radio. It hears what comes down and speaks like the first.
    ///
    /// # Errors
    /// When it does not start.
    pub fn add_station(&mut self, config: DeskConfig, key: Option<&Key>) -> anyhow::Result<()> {
        let disk = FaultDisk::new(u64::from(config.system));
        if let Some(key) = key {
            disk.put(&key_file(1), key.to_hex().as_bytes());
        }
        self.second = Some(Desk::new(config, Box::new(disk)).context("starting the second desk")?);
        Ok(())
    }
    /// That station.
    #[must_use]
    pub fn second(&self) -> Option<&Desk> {
        self.second.as_ref()
    }
    /// What that station told since the last call.
    pub fn take_second_events(&mut self) -> Vec<DeskEvent> {
        std::mem::take(&mut self.second_events)
    }
    /// An officer there wants something.
    pub fn second_command(&mut self, intent: &Intent) -> Option<Answer> {
        let now = self.now();
        let answer = self.second.as_mut().map(|d| d.command(now, "", intent));
        self.drain_second();
        answer
    }
    /// An officer there loads a plan.
    pub fn second_load_plan(&mut self, bytes: &[u8]) -> Option<Answer> {
        let now = self.now();
        let answer = self.second.as_mut().map(|d| d.load_plan(now, bytes));
        self.drain_second();
        answer
    }

    /// The eyes flag something. Whether the companion took it.
    pub fn flag(&mut self, anomaly: &NewAnomaly) -> bool {
        if self.air.is_deaf(self.now) {
            return false;
        }
        let now = self.now_aboard();
        self.onboard(now, Input::Eyes(&Up::Flagged(anomaly.clone())));
        !self.air.disk.stopped()
    }
    /// What left for the autopilot since the last call, with the time; the first call begins to keep it.
    pub fn take_commands(&mut self) -> Vec<(Mono, Vec<u8>)> {
        std::mem::take(self.commands.get_or_insert_default())
    }
    /// The line from the autopilot loses `frames` frames of a message after the next `after` of them.
    pub fn line_loses(&mut self, message: u32, after: u32, frames: u32) {
        self.line_loses = Some(Losing {
            message,
            after,
            frames,
        });
    }
    /// The world, to let something fail in it.
    pub fn world_mut(&mut self) -> &mut Sim {
        &mut self.sim
    }
    /// A program's disk.
    #[must_use]
    pub fn disk(&self, side: Side) -> &FaultDisk {
        match side {
            Side::Onboard => &self.air.disk,
            Side::Ground => &self.ground.disk,
        }
    }
    /// Whether a program is down.
    #[must_use]
    pub fn is_dead(&self, side: Side) -> bool {
        match side {
            Side::Onboard => self.air.dead,
            Side::Ground => self.ground.dead,
        }
    }
    pub(super) fn set_onboard(&mut self, onboard: Onboard) {
        // The log of the one before ends as in a crash.
        self.aboard = None;
        self.onboard = onboard;
    }
    pub(super) fn set_desk(&mut self, desk: Desk) {
        self.desk = desk;
    }
    pub(super) fn mono(&self) -> Mono {
        self.now
    }
    pub(super) fn took_off(&self) -> Option<Mono> {
        self.sim.took_off()
    }

    /// The companion keeps its own log on this disk from here on, under this identity: call it before anything happens.
    ///
    /// # Errors
    /// When the disk refuses, or holds a log.
    pub fn log_aboard(&mut self, disk: Box<dyn Disk>, flight: [u8; 16]) -> anyhow::Result<()> {
        let mut seed = [0x0A; 32];
        for (to, from) in seed.iter_mut().zip(self.start.0.to_le_bytes()) {
            *to = from;
        }
        let setup = AboardSetup {
            signer: Signer::from_seed(&seed),
            flight,
        };
        let recorder =
            AboardRecorder::begin(disk, setup).context("beginning the companion's log")?;
        self.onboard.keep_log(recorder.flight());
        self.eyes.keep_diary();
        self.aboard = Some(recorder);
        Ok(())
    }
    /// Closes that log.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish_aboard(&mut self) -> anyhow::Result<()> {
        if let Some(r) = self.aboard.take() {
            r.finish().context("closing the companion's log")?;
        }
        Ok(())
    }
    /// Notes go to the log; what it has durable goes back.
    fn keep_notes(&mut self) {
        while let Some(note) = self.onboard.poll_note() {
            if let Some(log) = &mut self.aboard {
                log.take(note);
            }
        }
        let Some(log) = &mut self.aboard else { return };
        if log.head() == self.aboard_told || self.air.is_deaf(self.now) {
            return;
        }
        let kept = log.take_heads();
        let durable = kept.is_empty() || log.commit();
        self.aboard_told = log.head();
        let told = Logged {
            head: log.head(),
            kept: kept
                .into_iter()
                .map(|(station, offer)| (station, offer, durable))
                .collect(),
            trouble: log.next_trouble(),
        };
        let now = self.now_aboard();
        self.onboard(now, Input::Logged(&told));
    }
    /// The desk is told something about its record.
    pub fn tell_desk(&mut self, input: DeskIn<'_>) {
        let now = self.now_ground();
        self.feed_desk(now, input);
    }

    /// Listens from here on to what the companion says about itself.
    pub fn watch_aboard(&mut self) {
        self.words_aboard.get_or_insert_default();
    }
    /// Its last word, whether or not the ground heard it.
    #[must_use]
    pub fn aboard_state(&self) -> Option<StateReport> {
        self.words_aboard.as_ref().and_then(|w| w.state)
    }

    /// World time.
    #[must_use]
    pub fn now(&self) -> Now {
        Now::new(self.now, self.start.after(self.now.since(Mono::ZERO)))
    }
    /// Time as the companion has it. A board without a battery-backed clock has none: wall time must come from the
    /// aircraft's GNSS.
    fn now_aboard(&self) -> Now {
        self.air.clock.reads(self.now())
    }
    /// Time as the ground station has it.
    fn now_ground(&self) -> Now {
        self.ground.clock.reads(self.now())
    }
    /// The truth, for oracles.
    #[must_use]
    pub fn truth(&self) -> Truth<'_> {
        self.sim.truth()
    }
    /// What the autopilot holds in one of its lists: the truth, for oracles.
    #[must_use]
    pub fn stored(&self, kind: ListKind) -> &[WireItem] {
        self.sim.stored(kind)
    }
    /// World UTC at [`Mono::ZERO`].
    #[must_use]
    pub fn start(&self) -> Utc {
        self.start
    }
    /// The desk.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }
    /// Anomalies the companion stored, and those of them the ground has not receipted.
    #[must_use]
    pub fn stored_and_pending(&self) -> (u32, u32) {
        self.onboard.stored_and_pending()
    }
    /// Whether the companion holds a plan that may fly.
    #[must_use]
    pub fn plan_ready(&self) -> bool {
        self.onboard.plan_ready()
    }
    /// Everything said so far.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }
    /// The containment oracle.
    #[must_use]
    pub fn containment(&self) -> &Containment {
        &self.containment
    }
    /// What the companion logged since the last call.
    pub fn take_logs(&mut self) -> Vec<String> {
        std::mem::take(&mut self.logs)
    }
    /// What the desk told since the last call.
    pub fn take_events(&mut self) -> Vec<DeskEvent> {
        std::mem::take(&mut self.events)
    }
    /// What the ground heard and said since the last call: when, and the datagram.
    pub fn take_heard(&mut self) -> Vec<(Utc, Vec<u8>)> {
        std::mem::take(&mut self.heard)
    }
    /// The radio, to cut it or to change its loss.
    pub fn radio(&mut self) -> &mut Radio {
        &mut self.radio
    }

    /// What the autopilot said since the last call, for somebody with a wire of his own to it. The first call taps
    /// the line.
    pub fn tap(&mut self) -> Vec<u8> {
        std::mem::take(self.tap.get_or_insert_default())
    }
    /// Keeps from here on what reaches the autopilot, and when: the same bytes make the same world fly the same way.
    pub fn log_told(&mut self) {
        self.told.get_or_insert_default();
    }
    /// What was kept.
    pub fn take_told(&mut self) -> Vec<(Mono, Vec<u8>)> {
        self.told.take().unwrap_or_default()
    }
    /// Bytes to the autopilot past the companion: what a saboteur with a wire of his own can do.
    pub fn past_the_companion(&mut self, bytes: &[u8]) {
        self.trace.note(Wire::Saboteur, self.now, bytes);
        self.sim.autopilot_in(self.now, bytes);
    }

    /// Bytes to the companion as if the ground had said them, whatever the radio does.
    pub fn past_the_radio(&mut self, bytes: &[u8]) {
        self.trace.note(Wire::Saboteur, self.now, bytes);
        let now = self.now_aboard();
        self.onboard(
            now,
            Input::Bytes {
                port: Port::Ground(0),
                bytes,
            },
        );
    }

    /// Runs to the next thing that happens (at most one step of the world). Returns whether the world moved.
    pub fn advance(&mut self) -> bool {
        if self.plays() {
            self.play();
        }
        let grid = Mono((self.now.0 / STEP_US + 1) * STEP_US);
        let (air, ground) = (self.air.is_deaf(self.now), self.ground.is_deaf(self.now));
        let naps = [
            self.onboard.next_wakeup().filter(|_| !air),
            self.eyes.next_wakeup(),
            self.desk.next_wakeup().filter(|_| !ground),
            self.second.as_ref().and_then(Desk::next_wakeup),
        ];
        let soonest_nap = self.now.after(LEAST_NAP);
        let wakeup = naps.into_iter().flatten().map(|t| t.max(soonest_nap)).min();
        let arrival = [
            self.to_autopilot.next_arrival(),
            self.from_autopilot
                .next_arrival()
                .filter(|_| !self.air.hangs(self.now)),
            self.radio
                .up
                .next_arrival()
                .filter(|_| !self.air.hangs(self.now)),
            self.radio
                .down
                .next_arrival()
                .filter(|_| !self.ground.hangs(self.now)),
        ];
        self.now = arrival
            .into_iter()
            .flatten()
            .chain(wakeup)
            .fold(grid, Mono::min)
            .max(self.now);
        let moved = self.now == grid;
        if moved {
            self.world();
        }
        self.deliver();
        for (at, which) in naps.into_iter().zip(0..) {
            if at.is_some_and(|t| t <= self.now) {
                self.wake(which);
            }
        }
        self.drain_onboard();
        self.drain_desk();
        self.keep_notes();
        moved
    }

    /// The world moves by one step, and speaks.
    fn world(&mut self) {
        self.sim.step_until(self.now);
        let truth = self.sim.truth();
        let a = &truth.aircraft;
        self.containment.observe(
            truth.utc.0,
            truth.airborne,
            a.lat_deg,
            a.lon_deg,
            a.alt_amsl_m,
        );
        self.autopilot_speaks(self.now);
        let now = self.now_aboard();
        let heard = self.sim.sensor_out();
        if !heard.is_empty() {
            self.trace.note(Wire::Sensor, self.now, &heard);
            self.eyes.handle(now, EyesIn::Sensor(heard));
            self.drain_eyes();
        }
        while let Some(frame) = self.sim.camera_out() {
            self.trace.note_picture(self.now, &frame.image);
            self.eyes.handle(now, EyesIn::Camera(frame));
            self.drain_eyes();
        }
    }

    /// What the autopilot has to say leaves at `at`.
    fn autopilot_speaks(&mut self, at: Mono) {
        let said = self.sim.autopilot_out();
        if !said.is_empty() {
            self.trace.note(Wire::FromAutopilot, at, &said);
            if let Some(tap) = &mut self.tap {
                // Whoever tapped and does not listen must not eat the memory.
                if tap.len() < 1 << 20 {
                    tap.extend_from_slice(&said);
                }
            }
            match &mut self.line_loses {
                None => self.from_autopilot.send(at, &said),
                Some(losing) => {
                    let said = losing.rest(&said);
                    self.from_autopilot.send(at, &said);
                }
            }
        }
    }

    /// Everything that has arrived by now reaches whom it is for.
    fn deliver(&mut self) {
        let (now, aboard) = (self.now_ground(), self.now_aboard());
        while let Some(bytes) = self.to_autopilot.receive(self.now) {
            if let Some(told) = &mut self.told {
                told.push((self.now, bytes.clone()));
            }
            self.sim.autopilot_in(self.now, &bytes);
            let at = self.turnaround.answer_at(self.now);
            self.autopilot_speaks(at);
        }
        let (air_hangs, ground_hangs) = (self.air.hangs(self.now), self.ground.hangs(self.now));
        while !air_hangs && let Some(bytes) = self.from_autopilot.receive(self.now) {
            self.onboard(
                aboard,
                Input::Bytes {
                    port: Port::Autopilot,
                    bytes: &bytes,
                },
            );
        }
        while !air_hangs && let Some(bytes) = self.radio.up.receive(self.now) {
            self.trace.note(Wire::UpArrived, self.now, &bytes);
            self.onboard(
                aboard,
                Input::Bytes {
                    port: Port::Ground(0),
                    bytes: &bytes,
                },
            );
        }
        while !ground_hangs && let Some(bytes) = self.radio.down.receive(self.now) {
            self.trace.note(Wire::DownArrived, self.now, &bytes);
            self.keep(&bytes);
            self.feed_second(DeskIn::Bytes {
                link: 0,
                bytes: &bytes,
            });
            self.feed_desk(
                now,
                DeskIn::Bytes {
                    link: 0,
                    bytes: &bytes,
                },
            );
        }
    }

    fn wake(&mut self, which: usize) {
        let (now, aboard) = (self.now_ground(), self.now_aboard());
        match which {
            0 => self.onboard(aboard, Input::Tick),
            1 => {
                self.eyes.handle(aboard, EyesIn::Tick);
                self.drain_eyes();
            }
            2 => self.feed_desk(now, DeskIn::Tick),
            _ => self.feed_second(DeskIn::Tick),
        }
    }

    fn onboard(&mut self, now: Now, input: Input<'_>) {
        if self.air.is_deaf(self.now) {
            return;
        }
        self.onboard.handle(now, input);
        self.drain_onboard();
    }

    fn feed_desk(&mut self, now: Now, input: DeskIn<'_>) {
        if self.ground.is_deaf(self.now) {
            return;
        }
        self.desk.handle(now, input);
        self.drain_desk();
    }

    fn feed_second(&mut self, input: DeskIn<'_>) {
        let now = self.now();
        if let Some(d) = &mut self.second {
            d.handle(now, input);
            self.drain_second();
        }
    }

    fn drain_second(&mut self) {
        while let Some(out) = self.second.as_mut().and_then(Desk::poll) {
            match out {
                DeskOut::Bytes { bytes, .. } => {
                    self.trace.note(Wire::Up, self.now, &bytes);
                    self.radio.up.send(self.now, &bytes);
                }
                DeskOut::Event(e) if self.second_events.len() < MAX_WAITING => {
                    self.second_events.push(e);
                }
                DeskOut::Event(_) => {}
            }
        }
    }

    /// What the officer does, and the desk's answer.
    pub fn command(&mut self, intent: &Intent) -> Answer {
        if self.ground.is_deaf(self.now) {
            return Answer::no(Reason::new("desk.no_answer"));
        }
        let answer = self.desk.command(self.now_ground(), "", intent);
        self.drain_desk();
        answer
    }
    /// An officer's session lives at the desk, or does not. The desk finds out for itself what follows.
    pub fn session(&mut self, lives: bool) {
        let now = self.now_ground();
        self.desk.session(now, lives);
        self.drain_desk();
    }
    /// The same at the second station.
    pub fn second_session(&mut self, lives: bool) {
        let now = self.now();
        if let Some(d) = self.second.as_mut() {
            d.session(now, lives);
        }
        self.drain_second();
    }
    /// The officer loads a plan.
    pub fn load_plan(&mut self, bytes: &[u8]) -> Answer {
        if self.ground.is_deaf(self.now) {
            return Answer::no(Reason::new("desk.no_answer"));
        }
        let answer = self.desk.load_plan(self.now_ground(), bytes);
        self.drain_desk();
        answer
    }

    fn drain_onboard(&mut self) {
        while let Some(out) = self.onboard.poll() {
            match out {
                Output::Bytes {
                    port: Port::Autopilot,
                    bytes,
                } => {
                    self.trace.note(Wire::ToAutopilot, self.now, &bytes);
                    if let Some(kept) = &mut self.commands
                        && kept.len() < MAX_WAITING
                    {
                        kept.push((self.now, bytes.clone()));
                    }
                    self.to_autopilot.send(self.now, &bytes);
                }
                Output::Bytes {
                    port: Port::Ground(_),
                    bytes,
                } => {
                    self.trace.note(Wire::Down, self.now, &bytes);
                    if let Some(w) = &mut self.words_aboard {
                        w.hear(self.now, &bytes);
                    }
                    self.radio.down.send(self.now, &bytes);
                }
                Output::ToEyes(down) => {
                    let now = self.now_aboard();
                    self.eyes.handle(now, EyesIn::Down(down));
                    self.drain_eyes();
                }
                Output::Log(level, text) => self.log(&format!("{level:?} {text}")),
            }
        }
    }

    /// What the eyes saw goes up; the pilot half's answers are drained by whoever called.
    fn drain_eyes(&mut self) {
        let now = self.now_aboard();
        while let Some(up) = self.eyes.poll() {
            if self.air.is_deaf(self.now) {
                // Nobody reads the pipe: a companion that is off must not be woken by its eyes.
                continue;
            }
            match up {
                Up::Took { entry } => self.onboard.note_eyes(&entry),
                up => self.onboard.handle(now, Input::Eyes(&up)),
            }
        }
    }

    fn drain_desk(&mut self) {
        while let Some(out) = self.desk.poll() {
            match out {
                DeskOut::Bytes { bytes, .. } => {
                    self.trace.note(Wire::Up, self.now, &bytes);
                    self.keep(&bytes);
                    self.radio.up.send(self.now, &bytes);
                }
                DeskOut::Event(event) => {
                    if self.events.len() < MAX_WAITING {
                        self.events.push(event);
                    }
                }
            }
        }
    }

    /// For the recorder: what passes at the ground's end of the link.
    fn keep(&mut self, bytes: &[u8]) {
        if let Reading::Valid(utc) = self.now().utc
            && self.heard.len() < MAX_WAITING
        {
            self.heard.push((utc, bytes.to_vec()));
        }
    }

    fn log(&mut self, line: &str) {
        if self.logs.len() < MAX_LOGS {
            self.logs
                .push(format!("{:9.3} {line}", self.now.as_secs_f64()));
        }
    }
}

impl Aboard {
    fn hear(&mut self, now: Mono, bytes: &[u8]) {
        self.framer.push(now, bytes);
        while let Some(f) = self.framer.next_frame() {
            if let Msg::Patrol(m) = f.decode()
                && let Patrol::PATROL_STATE(d) = *m
            {
                self.state = Some(StateReport::from_data(&d));
            }
        }
    }
}

/// What a line loses.
#[derive(Clone, Copy, Debug)]
struct Losing {
    message: u32,
    after: u32,
    frames: u32,
}

impl Losing {
    /// What is left of a run of frames.
    fn rest(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut framer = Framer::new();
        framer.push(Mono::ZERO, bytes);
        let mut out = Vec::with_capacity(bytes.len());
        while let Some(f) = framer.next_frame() {
            if f.header().msg_id == self.message && self.frames > 0 {
                if self.after == 0 {
                    self.frames -= 1;
                    continue;
                }
                self.after -= 1;
            }
            out.extend_from_slice(f.bytes());
        }
        out
    }
}
