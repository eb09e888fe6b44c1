//! Companion and desk over a bad radio, with an autopilot beside, each stopped and started again at will. Virtual time.

use ground_station::desk::{Desk, DeskConfig, DeskEvent, DeskIn, DeskOut, Intent, anomaly_id};
use ground_station::rehearse::AutopilotKind;
use ground_station::rehearse::plan::SIXI_GEOJSON;
use link::frame::{Frame, Msg};
use link::items::{ListKind, WireItem};
use link::patrol::MavMessage as Patrol;
use missions::anomaly::{AnomalyKind, Ellipse, Priority};
use missions::place::LatLon;
use missions::time::{Mono, Now, Reading, Utc};
use missions::venue::Venue;
use onboard::eyes::schema::{NewAnomaly, Up};
use onboard::{Config, Input, Onboard, Output, Port};
use sim::disk::{End, FaultDisk};
use sim::radio::{Radio, RadioSpec};
use sim::scenario::Scenario;
use sim::simulation::{STEP_US, Sim, SimConfig};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The companion.
    Onboard,
    /// The ground station.
    Ground,
}

/// The two sides and what is between them.
pub struct Pair {
    now: Mono,
    start: Utc,
    seed: u64,
    sim: Sim,
    onboard: Option<Onboard>,
    desk: Option<Desk>,
    radio: Radio,
    /// The aircraft's disk.
    pub air: FaultDisk,
    /// The ground's disk.
    pub ground: FaultDisk,
    starts: u64,
    /// Receipts that left the desk: (store, number).
    pub receipted: BTreeSet<(u64, u32)>,
    /// How often each anomaly was shown as new.
    pub shown: BTreeMap<String, u32>,
    /// Subjects by number, as they went over the air.
    pub subjects: BTreeMap<(u64, u32), String>,
    /// What was seen that must not be.
    pub wrong: Vec<String>,
    /// What the companion logged last.
    pub log: VecDeque<String>,
}

/// Lines of the log that are kept.
const MAX_LOG: usize = 12;

impl Pair {
    /// Both sides up.
    ///
    /// # Errors
    /// When a side cannot start on an empty disk.
    pub fn new(seed: u64, kind: AutopilotKind, radio: RadioSpec) -> anyhow::Result<Pair> {
        let mut scenario = Scenario::sixi()?;
        scenario.camera.rate_hz = 0.01;
        scenario.staging.spectators = 0;
        let start = scenario.start()?;
        let mut pair = Pair {
            now: Mono::ZERO,
            start,
            seed,
            sim: Sim::new(SimConfig {
                seed,
                kind,
                scenario,
                venue_geojson: SIXI_GEOJSON.to_owned(),
                start,
                system_id: 1,
                real_pace: true,
            })?,
            onboard: None,
            desk: None,
            radio: Radio::new(radio, seed),
            air: FaultDisk::new(seed ^ 0xA1),
            ground: FaultDisk::new(seed ^ 0x6D),
            starts: 0,
            receipted: BTreeSet::new(),
            shown: BTreeMap::new(),
            subjects: BTreeMap::new(),
            wrong: Vec::new(),
            log: VecDeque::new(),
        };
        pair.start(Side::Onboard)?;
        pair.start(Side::Ground)?;
        Ok(pair)
    }

    /// Starts a side on what its disk holds.
    ///
    /// # Errors
    /// When it does not come up: a stopped disk must never keep it down.
    pub fn start(&mut self, side: Side) -> anyhow::Result<()> {
        self.starts += 1;
        match side {
            Side::Onboard => {
                self.air.restart();
                let config = Config {
                    new_store_id: self.seed.wrapping_mul(1_000) + self.starts,
                    ..Config::default()
                };
                self.onboard = Some(Onboard::new(config, Box::new(self.air.clone()))?);
            }
            Side::Ground => {
                self.ground.restart();
                let config = DeskConfig {
                    venue: Venue::sixi_river(),
                    first_order: u32::try_from(self.starts).unwrap_or(0) * 1_000_000,
                    ..DeskConfig::default()
                };
                self.desk = Some(Desk::new(config, Box::new(self.ground.clone()))?);
            }
        }
        Ok(())
    }
    fn disk(&self, side: Side) -> &FaultDisk {
        match side {
            Side::Onboard => &self.air,
            Side::Ground => &self.ground,
        }
    }
    /// The side's disk stops at its n-th call from now.
    pub fn stop_at(&self, side: Side, n: u64, end: End) {
        self.disk(side).stop_at(n, end);
    }
    /// Calls to the side's disk so far.
    #[must_use]
    pub fn calls(&self, side: Side) -> u64 {
        self.disk(side).calls()
    }
    /// Whether a side was stopped and not started again.
    #[must_use]
    pub fn is_down(&self, side: Side) -> bool {
        match side {
            Side::Onboard => self.onboard.is_none(),
            Side::Ground => self.desk.is_none(),
        }
    }

    /// Time.
    #[must_use]
    pub fn mono(&self) -> Mono {
        self.now
    }
    fn now(&self) -> Now {
        Now::new(self.now, self.start.after(self.now.since(Mono::ZERO)))
    }
    fn aboard(&self) -> Now {
        Now {
            mono: self.now,
            utc: Reading::Missing,
        }
    }
    /// The desk, while it is up.
    #[must_use]
    pub fn desk(&self) -> Option<&Desk> {
        self.desk.as_ref()
    }
    /// The companion, while it is up.
    #[must_use]
    pub fn onboard(&self) -> Option<&Onboard> {
        self.onboard.as_ref()
    }
    /// What the autopilot holds.
    #[must_use]
    pub fn stored(&self, kind: ListKind) -> &[WireItem] {
        self.sim.stored(kind)
    }

    /// The officer loads a plan. Whether the desk is up and took it.
    pub fn load_plan(&mut self, plan: &[u8]) -> bool {
        let now = self.now();
        let ok = self
            .desk
            .as_mut()
            .is_some_and(|d| d.load_plan(now, plan).accepted);
        self.after_ground();
        ok
    }
    /// The officer confirms an anomaly. Whether the desk is up and answered yes.
    pub fn confirm(&mut self, id: &str) -> bool {
        let now = self.now();
        let intent = Intent::Confirm {
            anomaly: id.to_owned(),
        };
        let ok = self
            .desk
            .as_mut()
            .is_some_and(|d| d.command(now, "", &intent).accepted);
        let stopped = self.ground.stopped();
        self.after_ground();
        ok && !stopped
    }
    /// The eyes flag something. Whether the companion took it and lived.
    pub fn flag(&mut self, subject: &str, priority: Priority, picture: Option<Vec<u8>>) -> bool {
        let now = self.aboard();
        let Ok(at) = LatLon::from_degrees(27.787, 120.091) else {
            return false;
        };
        let up = Up::Flagged(NewAnomaly {
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
            picture,
        });
        let Some(o) = self.onboard.as_mut() else {
            return false;
        };
        o.handle(now, Input::Eyes(&up));
        let lives = !self.air.stopped();
        self.after_air();
        lives
    }

    /// One step of the world, 10 ms, and all that happens within.
    pub fn step(&mut self) {
        let grid = Mono((self.now.0 / STEP_US + 1) * STEP_US);
        loop {
            let at = [
                self.radio.next_arrival(),
                self.onboard.as_ref().and_then(Onboard::next_wakeup),
                self.desk.as_ref().and_then(Desk::next_wakeup),
            ]
            .into_iter()
            .flatten()
            .min()
            .map_or(grid, |t| t.max(self.now.after(Duration::from_micros(500))));
            if at >= grid {
                break;
            }
            self.now = at;
            self.deliver();
            self.feed_air(None);
            self.feed_ground(None);
        }
        self.now = grid;
        self.sim.step_until(grid);
        let said = self.sim.autopilot_out();
        self.feed_air(Some((Port::Autopilot, &said)));
        self.deliver();
    }

    fn deliver(&mut self) {
        while let Some(b) = self.radio.up.receive(self.now) {
            self.feed_air(Some((Port::Ground(0), &b)));
        }
        while let Some(b) = self.radio.down.receive(self.now) {
            self.feed_ground(Some(&b));
        }
    }

    fn feed_air(&mut self, bytes: Option<(Port, &[u8])>) {
        let now = self.aboard();
        if let Some(o) = self.onboard.as_mut() {
            o.handle(
                now,
                bytes.map_or(Input::Tick, |(port, bytes)| Input::Bytes { port, bytes }),
            );
        }
        self.after_air();
    }

    /// What the companion wants sent; nothing if it died while it wanted it.
    fn after_air(&mut self) {
        let Some(o) = self.onboard.as_mut() else {
            return;
        };
        if self.air.stopped() {
            self.onboard = None;
            return;
        }
        let mut to_autopilot = Vec::new();
        while let Some(out) = o.poll() {
            match out {
                Output::Bytes {
                    port: Port::Autopilot,
                    bytes,
                } => to_autopilot.push(bytes),
                Output::Bytes { bytes, .. } => {
                    let frame = Frame::from_bytes(&bytes);
                    if let Some(Msg::Patrol(m)) = frame.map(|f| f.decode())
                        && let Patrol::PATROL_ANOMALY(d) = *m
                        && let Some((store, a)) = link::state::anomaly_from_data(&d)
                    {
                        // One number means one thing, for ever.
                        let was = self
                            .subjects
                            .entry((store, a.number))
                            .or_insert_with(|| a.subject.clone());
                        if *was != a.subject {
                            self.wrong
                                .push(format!("number {} was {was}, is {}", a.number, a.subject));
                        }
                    }
                    self.radio.down.send(self.now, &bytes);
                }
                Output::Log(_, text) => {
                    if self.log.len() >= MAX_LOG {
                        self.log.pop_front();
                    }
                    self.log
                        .push_back(format!("{:.2} {text}", self.now.as_secs_f64()));
                }
                Output::ToEyes(_) => {}
            }
        }
        for b in to_autopilot {
            self.sim.autopilot_in(self.now, &b);
        }
    }

    fn feed_ground(&mut self, bytes: Option<&[u8]>) {
        let now = self.now();
        if let Some(d) = self.desk.as_mut() {
            d.handle(
                now,
                bytes.map_or(DeskIn::Tick, |bytes| DeskIn::Bytes { link: 0, bytes }),
            );
        }
        self.after_ground();
    }

    fn after_ground(&mut self) {
        let Some(d) = self.desk.as_mut() else { return };
        if self.ground.stopped() {
            self.desk = None;
            return;
        }
        while let Some(out) = d.poll() {
            match out {
                DeskOut::Bytes { bytes, .. } => {
                    let frame = Frame::from_bytes(&bytes);
                    if let Some(Msg::Patrol(m)) = frame.map(|f| f.decode())
                        && let Patrol::PATROL_RECEIPT(r) = *m
                    {
                        self.receipted.insert((r.store_id, r.number));
                    }
                    self.radio.up.send(self.now, &bytes);
                }
                DeskOut::Event(DeskEvent::Anomaly { id, new: true }) => {
                    *self.shown.entry(id).or_default() += 1;
                }
                DeskOut::Event(_) => {}
            }
        }
    }

    /// Ids of the anomalies on the ground, with their subjects.
    #[must_use]
    pub fn on_the_ground(&self) -> Vec<((u64, u32), String, String)> {
        self.desk
            .iter()
            .flat_map(Desk::anomalies)
            .map(|(s, a)| ((s, a.number), anomaly_id(s, a.number), a.subject.clone()))
            .collect()
    }
}
