//! The whole house in virtual time: world, companion, eyes and desk on one thread, every byte through frames, a serial
//! line and a radio.
//!
//! The cores are the ones that fly. Event-driven: time jumps to the next thing that happens, the world moves on a
//! 10 ms grid. Reads no clock and draws no randomness of its own: one seed gives one trace. Nothing but bytes passes
//! between aircraft and ground; the truth goes to oracles only.

use super::aboard::{AboardLog, Kind};
use super::trace::{Trace, Wire};
use super::turnaround::Turnaround;
use crate::desk::{Answer, Desk, DeskConfig, DeskEvent, DeskIn, DeskOut, Intent, key_file};
use anyhow::Context;
use link::items::{ListKind, WireItem};
use link::journal::{Disk, MemDisk};
use link::signing::{Key, Trust};
use missions::time::{Mono, Now, Reading, Utc};
use onboard::{
    Config as OnboardConfig, Input, Onboard, Output, Port,
    core::KEY_FILE,
    eyes::{Eyes, EyesIn},
};
use sim::{
    autopilot::AutopilotKind,
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
    aboard: Option<AboardLog>,
}

impl Rig {
    /// Puts it together; nothing has happened yet. A radio that the companion is to trust only signed is signed on both
    /// sides, with a key that follows from the seed.
    ///
    /// # Errors
    /// When the venue cannot be staged or a core refuses its configuration.
    pub fn new(config: RigConfig) -> anyhow::Result<Self> {
        let (mut aboard, mut ground) = (MemDisk::default(), MemDisk::default());
        if config.onboard.ground_trust.first() == Some(&Trust::Signed) {
            let mut key = [0x5A; 32];
            for (to, from) in key.iter_mut().zip(config.seed.to_le_bytes()) {
                *to = from;
            }
            let hex = Key::new(key).to_hex();
            aboard.replace(KEY_FILE, hex.as_bytes())?;
            ground.replace(&key_file(1), hex.as_bytes())?;
        }
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
            onboard: Onboard::new(config.onboard, Box::new(aboard))
                .context("starting the companion")?,
            eyes: Eyes::new(),
            desk: Desk::new(config.desk, Box::new(ground)).context("starting the desk")?,
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
        })
    }

    /// Logs every input of the companion from here on: call it before anything happens.
    pub fn log_aboard(&mut self) {
        self.aboard = Some(AboardLog::new());
    }
    /// That log, and its end.
    pub fn take_aboard(&mut self) -> Option<AboardLog> {
        self.aboard.take()
    }
    fn note_aboard(&mut self, kind: Kind, bytes: &[u8]) {
        if let Some(log) = &mut self.aboard {
            log.note(self.now, kind, bytes);
        }
    }

    /// World time.
    #[must_use]
    pub fn now(&self) -> Now {
        Now::new(self.now, self.start.after(self.now.since(Mono::ZERO)))
    }
    /// Time as a board without a battery-backed clock has it: wall time must come from the aircraft's GNSS.
    fn now_aboard(&self) -> Now {
        Now {
            mono: self.now,
            utc: Reading::Missing,
        }
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

    /// Runs to the next thing that happens (at most one step of the world). Returns whether the world moved.
    pub fn advance(&mut self) -> bool {
        let grid = Mono((self.now.0 / STEP_US + 1) * STEP_US);
        let naps = [
            self.onboard.next_wakeup(),
            self.eyes.next_wakeup(),
            self.desk.next_wakeup(),
        ];
        let soonest_nap = self.now.after(LEAST_NAP);
        let wakeup = naps.into_iter().flatten().map(|t| t.max(soonest_nap)).min();
        let arrival = [
            self.to_autopilot.next_arrival(),
            self.from_autopilot.next_arrival(),
            self.radio.next_arrival(),
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
        self.note_aboard(Kind::Fetch, &[]);
        self.drain_onboard();
        self.drain_desk();
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
            self.note_aboard(Kind::Sensor, &heard);
            self.eyes.handle(now, EyesIn::Sensor(heard));
            self.drain_eyes();
        }
        while let Some(frame) = self.sim.camera_out() {
            self.trace.note_picture(self.now, &frame.image);
            if let Some(log) = &mut self.aboard {
                log.camera(self.now, &frame);
            }
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
            self.from_autopilot.send(at, &said);
        }
    }

    /// Everything that has arrived by now reaches whom it is for.
    fn deliver(&mut self) {
        let (now, aboard) = (self.now(), self.now_aboard());
        while let Some(bytes) = self.to_autopilot.receive(self.now) {
            if let Some(told) = &mut self.told {
                told.push((self.now, bytes.clone()));
            }
            self.sim.autopilot_in(self.now, &bytes);
            let at = self.turnaround.answer_at(self.now);
            self.autopilot_speaks(at);
        }
        while let Some(bytes) = self.from_autopilot.receive(self.now) {
            self.note_aboard(Kind::Autopilot, &bytes);
            self.onboard(
                aboard,
                Input::Bytes {
                    port: Port::Autopilot,
                    bytes: &bytes,
                },
            );
        }
        while let Some(bytes) = self.radio.up.receive(self.now) {
            self.trace.note(Wire::UpArrived, self.now, &bytes);
            self.note_aboard(Kind::Ground, &bytes);
            self.onboard(
                aboard,
                Input::Bytes {
                    port: Port::Ground(0),
                    bytes: &bytes,
                },
            );
        }
        while let Some(bytes) = self.radio.down.receive(self.now) {
            self.trace.note(Wire::DownArrived, self.now, &bytes);
            self.keep(&bytes);
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
        let (now, aboard) = (self.now(), self.now_aboard());
        match which {
            0 => {
                self.note_aboard(Kind::Tick, &[]);
                self.onboard(aboard, Input::Tick);
            }
            1 => {
                self.note_aboard(Kind::EyesTick, &[]);
                self.eyes.handle(aboard, EyesIn::Tick);
                self.drain_eyes();
            }
            _ => self.feed_desk(now, DeskIn::Tick),
        }
    }

    fn onboard(&mut self, now: Now, input: Input<'_>) {
        self.onboard.handle(now, input);
        self.drain_onboard();
    }

    fn feed_desk(&mut self, now: Now, input: DeskIn<'_>) {
        self.desk.handle(now, input);
        self.drain_desk();
    }

    /// What the officer does, and the desk's answer.
    pub fn command(&mut self, intent: &Intent) -> Answer {
        let answer = self.desk.command(self.now(), "", intent);
        self.drain_desk();
        answer
    }
    /// The officer loads a plan.
    pub fn load_plan(&mut self, bytes: &[u8]) -> Answer {
        let answer = self.desk.load_plan(self.now(), bytes);
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
                    self.to_autopilot.send(self.now, &bytes);
                }
                Output::Bytes {
                    port: Port::Ground(_),
                    bytes,
                } => {
                    self.trace.note(Wire::Down, self.now, &bytes);
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
            self.onboard.handle(now, Input::Eyes(&up));
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
