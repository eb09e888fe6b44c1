//! The pilot half: all cores of the companion, wired together.
//!
//! Frames come in here and are handed out; the control loop itself stands in [`crate::control`].

use crate::bulk::Bulk;
use crate::config::Config;
use crate::control::Found;
use crate::control::pilot::Pilot;
use crate::eyes::schema::{Down, NewAnomaly, Up};
use crate::facts::{Heard, Kind};
use crate::feed;
use crate::gate::holder::Station;
use crate::gate::{Cx, Gate};
use crate::params::Params;
use crate::preflight::Preflight;
use crate::record::What;
use crate::wires::{COMPANION, Wires};
use crate::{EyesProcess, Input, LogLevel, Output, Port};
use link::blob::{BlobKind, Receiver};
use link::codes::Refusal;
use link::common::{self, MavMessage as Common, MavSeverity};
use link::control::OfficerReport;
use link::frame::{Frame, Framer, Msg};
use link::journal::{Disk, DiskError};
use link::orders::OrderReceiver;
use link::pack::{pack, unpack};
use link::patrol::MavMessage as Patrol;
use link::receipts::Outbox;
use link::record::chain::Head;
use link::record::heads::Heads;
use link::signing::{Key, Seal, Trust};
use link::state::{OrderFate, PlanState};
use missions::anomaly::{Anomaly, Priority};
use missions::plan::hex;
use missions::time::{Mono, Now, Reading, Utc};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;
use thiserror::Error;

/// How often the control loop runs at the least.
pub const LOOP: Duration = Duration::from_millis(50);
/// Messages of the autopilot's that somebody aboard reads: what [`Facts::take`] takes, the mission protocol, parameters,
/// answers, and Remote ID.
const LOOKED_AT: &[u32] = &[
    0, 1, 2, 22, 24, 30, 33, 39, 40, 42, 43, 44, 45, 46, 47, 51, 65, 73, 77, 147, 148, 230, 231,
    242, 245, 12_900, 12_901, 12_902, 12_903, 12_904, 12_905, 12_906, 12_907, 12_908, 12_909,
    12_910, 12_911, 12_912, 12_913, 12_914, 12_915, 12_916, 12_917, 12_918, 12_919, 12_920,
];
const RADIO_STATUS: u32 = 109;
/// PATROL_ORDER.kind.
const HOLD: u8 = 2;
const RETURN: u8 = 4;
/// The aircraft's key in its store, as 64 hexadecimal digits.
pub const KEY_FILE: &str = "link.key";
/// State reports in quick succession after a plan came further.
const PLAN_NEWS: u8 = 6;

/// Why the companion cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The store on disk.
    #[error("the store cannot be opened: {0}")]
    Store(#[from] DiskError),
    /// A ground line is to be signed and there is no key.
    #[error(
        "ground line {0} is signed and this aircraft has no key: make one with `onboard key new`, give it to the ground station, or say --trust wired-lab for a cable in a laboratory"
    )]
    NoKey(u8),
}

/// When things are due next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Due {
    pub(crate) tick: Mono,
    pub(crate) heartbeat: Mono,
    pub(crate) keep_alive: Mono,
    pub(crate) state: Mono,
    pub(crate) control: Mono,
    pub(crate) preflight: Mono,
    pub(crate) streams: Mono,
    pub(crate) params: Mono,
    /// State reports still to be sent in quick succession.
    pub(crate) news: u8,
    /// The same of who has the aircraft.
    pub(crate) control_news: u8,
}

/// A plan that is here whole and waits for the autopilot: without it nothing can be judged, and nothing be said either, since
/// the autopilot's system id is ours. A refusal would be lost and only its bare fact be heard later.
#[derive(Clone, Debug)]
pub(crate) struct Early {
    sha256: [u8; 32],
    plan: Vec<u8>,
}

/// The companion.
pub struct Onboard {
    pub(crate) config: Config,
    pub(crate) disk: Box<dyn Disk>,
    pub(crate) now: Now,
    pub(crate) wires: Wires,
    autopilot: Framer,
    grounds: Vec<Framer>,
    pub(crate) ground_heard: Option<Mono>,
    pub(crate) pilot: Pilot,
    pub(crate) gate: Gate,
    pub(crate) params: Params,
    pub(crate) preflight: Preflight,
    pub(crate) orders: OrderReceiver,
    pub(crate) order_from: BTreeMap<u32, (u8, u8)>,
    pub(crate) outbox: Outbox,
    pub(crate) bundle: Receiver,
    /// Machines are switched on in any order.
    pub(crate) early: Option<Early>,
    pub(crate) bulk: Bulk,
    pub(crate) eyes: EyesProcess,
    pub(crate) eyes_told: Option<(u64, Option<u8>)>,
    pub(crate) heard: BTreeMap<u32, (Mono, Duration)>,
    pub(crate) due: Due,
    pub(crate) reboots: u32,
    pub(crate) guard_off_said: bool,
    /// Whether an alarm runs, and who holds control, as last reported.
    pub(crate) control_said: Option<(bool, Option<Station>)>,
    plan_said: PlanState,
    /// How often it was said that the store is damaged, and when that is due again.
    pub(crate) damage_said: (u8, Mono),
    pub(crate) found_said: Option<Found>,
    /// The exchange of heads of records, while there is a log, and how far that is durable.
    pub(crate) heads: Option<(Heads, Option<Head>)>,
    /// The plan that the log has as in force.
    pub(crate) plan_logged: Option<u64>,
    /// When the log was last told what the clocks show.
    pub(crate) clock_logged: Option<Mono>,
}

impl Onboard {
    /// A companion that has heard nobody.
    ///
    /// # Errors
    /// [`StartError`] when the store on `disk` cannot be read.
    pub fn new(config: Config, mut disk: Box<dyn Disk>) -> Result<Self, StartError> {
        let outbox = Outbox::open(disk.as_mut(), config.new_store_id)?;
        let mut wires = Wires::new(
            config.ground_ports,
            &config.ground_bytes_per_s,
            &config.ground_station,
        );
        for n in 0..config.ground_ports {
            if config.ground_trust.get(usize::from(n)) != Some(&Trust::Signed) {
                continue;
            }
            let text = disk.read(KEY_FILE)?;
            let key = std::str::from_utf8(&text)
                .ok()
                .and_then(Key::from_hex)
                .ok_or(StartError::NoKey(n))?;
            let seal = Seal::open(disk.as_mut(), &format!("link-{n}.times"), key, n)?;
            wires.seal(n, seal);
        }
        Ok(Onboard {
            wires,
            grounds: (0..config.ground_ports).map(|_| Framer::new()).collect(),
            autopilot: Framer::new(),
            now: Now {
                mono: Mono::ZERO,
                utc: Reading::NotYet,
            },
            ground_heard: None,
            pilot: Pilot::default(),
            gate: Gate::default(),
            params: Params::default(),
            preflight: Preflight::new(outbox.store_id()),
            orders: OrderReceiver::new(),
            order_from: BTreeMap::new(),
            bundle: Receiver::new(BlobKind::Bundle),
            early: None,
            bulk: Bulk::new(config.bulk_bytes_per_s, config.new_store_id),
            outbox,
            eyes: EyesProcess::Off,
            eyes_told: None,
            heard: BTreeMap::new(),
            due: Due::default(),
            reboots: 0,
            guard_off_said: false,
            control_said: None,
            plan_said: PlanState::None,
            damage_said: (0, Mono::ZERO),
            found_said: None,
            heads: None,
            plan_logged: None,
            clock_logged: None,
            disk,
            config,
        })
    }

    /// The same companion in the same moment, on a disk of its own that must hold what this one's holds: from here on
    /// the two go their own ways. For rehearsals that begin aloft.
    #[must_use]
    pub fn fork(&self, disk: Box<dyn Disk>) -> Self {
        Onboard {
            disk,
            config: self.config.clone(),
            now: self.now,
            wires: self.wires.clone(),
            autopilot: self.autopilot.clone(),
            grounds: self.grounds.clone(),
            ground_heard: self.ground_heard,
            control_said: self.control_said,
            pilot: self.pilot.clone(),
            gate: self.gate.clone(),
            params: self.params.clone(),
            preflight: self.preflight.clone(),
            orders: self.orders.clone(),
            order_from: self.order_from.clone(),
            outbox: self.outbox.clone(),
            bundle: self.bundle.clone(),
            early: self.early.clone(),
            bulk: self.bulk.clone(),
            eyes: self.eyes,
            eyes_told: self.eyes_told,
            heard: self.heard.clone(),
            due: self.due,
            reboots: self.reboots,
            guard_off_said: self.guard_off_said,
            plan_said: self.plan_said,
            damage_said: self.damage_said,
            found_said: self.found_said,
            heads: self.heads.clone(),
            plan_logged: self.plan_logged,
            clock_logged: self.clock_logged,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = Now {
            // Time does not run backwards here, whatever a shell says.
            mono: now.mono.max(self.now.mono),
            utc: now.utc,
        };
        self.now.utc = self.pilot.facts.utc(self.now);
        self.wires.tend(self.now, self.disk.as_mut());
        self.note_input(now, &input);
        match input {
            Input::Bytes {
                port: Port::Autopilot,
                bytes,
            } => {
                self.autopilot.push(now.mono, bytes);
                while let Some(frame) = self.autopilot.next_frame() {
                    self.from_autopilot(&frame);
                }
            }
            Input::Bytes {
                port: Port::Ground(n),
                bytes,
            } => {
                if let Some(framer) = self.grounds.get_mut(usize::from(n)) {
                    framer.push(now.mono, bytes);
                }
                while let Some(frame) = self
                    .grounds
                    .get_mut(usize::from(n))
                    .and_then(Framer::next_frame)
                {
                    if frame.header().msg_id == RADIO_STATUS {
                        // The radio itself speaks unsigned; all it can do is slow its own line down.
                        if let Msg::Common(m) = frame.decode()
                            && let Common::RADIO_STATUS(r) = *m
                        {
                            self.wires.radio_buffer(now.mono, n, r.txbuf);
                        }
                    } else if self.wires.admit(self.now, self.disk.as_mut(), n, &frame) {
                        let first = self.wires.heard(self.now.mono, n, &frame);
                        self.from_ground(n, first, &frame);
                    }
                }
            }
            Input::Eyes(up) => self.from_eyes(up),
            Input::EyesProcess(p) => {
                if p == EyesProcess::Failed && self.eyes != p {
                    self.wires.status(
                        MavSeverity::MAV_SEVERITY_ERROR,
                        "Patrol: eyes failed; flight goes on",
                    );
                }
                self.eyes = p;
                if p == EyesProcess::Running {
                    self.eyes_told = None;
                }
            }
            Input::Logged(l) => self.logged(l),
            Input::Tick => {}
        }
        self.judge_what_waited();
        self.bundle.tick(self.now);
        while let Some(m) = self.bundle.poll() {
            self.wires.patrol(m);
        }
        if self.gate.plan_state() != self.plan_said {
            // What becomes of a plan is news: said at once, and often enough to get through.
            self.plan_said = self.gate.plan_state();
            self.due.news = PLAN_NEWS;
            self.due.state = self.now.mono;
            self.due.tick = self.now.mono;
        }
        if self.now.mono >= self.due.tick {
            self.due.tick = self.now.mono.after(LOOP);
            self.control();
        }
        self.wires.release(self.now.mono);
    }
    fn judge_bundle(&mut self, plan: &[u8]) {
        if self.with_gate(|g, cx| g.bundle(cx, plan)) {
            self.bundle.accept();
        } else {
            self.bundle.refuse();
        }
    }

    /// The autopilot is heard now.
    fn judge_what_waited(&mut self) {
        let heard = self.pilot.facts.kind.is_some();
        if let Some(early) = self.early.take_if(|_| heard) {
            self.judge_bundle(&early.plan);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.wires.pop()
    }
    /// When an [`Input::Tick`] is wanted at the latest.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        [
            Some(self.due.tick),
            self.wires.next_wakeup(),
            self.bundle.next_wakeup(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
    /// Identity of the anomaly store.
    #[must_use]
    pub fn store_id(&self) -> u64 {
        self.outbox.store_id()
    }

    /// Whether a plan is aboard that was read back equal and may fly.
    #[must_use]
    pub fn plan_ready(&self) -> bool {
        self.gate.flown(false).is_some()
    }

    /// Whether the ground was heard lately enough: otherwise the plan's link-loss action begins.
    #[must_use]
    pub fn ground_is_heard(&self) -> bool {
        self.ground_heard
            .is_some_and(|t| self.now.mono.since(t).as_secs_f64() < self.config.link_loss_s)
    }

    /// Anomalies stored since the store was made, and those of them the ground has not receipted.
    #[must_use]
    pub fn stored_and_pending(&self) -> (u32, u32) {
        let pending = u32::try_from(self.outbox.pending()).unwrap_or(u32::MAX);
        (self.outbox.last_number(), pending)
    }

    /// Runs `f` with the gate and what it works with.
    pub(crate) fn with_gate<T>(&mut self, f: impl FnOnce(&mut Gate, &mut Cx<'_>) -> T) -> T {
        let mut cx = Cx {
            now: self.now,
            facts: &self.pilot.facts,
            config: &self.config,
            disk: self.disk.as_mut(),
            wires: &mut self.wires,
            blocked_by: self.preflight.blocked_by(),
        };
        f(&mut self.gate, &mut cx)
    }

    /// A message of the autopilot's came: when, and how far apart they are (smoothed).
    fn hear(&mut self, msg_id: u32) {
        let now = self.now.mono;
        let e = self.heard.entry(msg_id).or_insert((now, Duration::ZERO));
        *e = (now, (e.1 * 3 + now.since(e.0)) / 4);
    }

    fn from_autopilot(&mut self, frame: &Frame) {
        let h = frame.header();
        let now = self.now.mono;
        if !LOOKED_AT.contains(&h.msg_id) {
            // Nobody here reads it: it goes down as it came, known or not, and nothing is decoded.
            if self.pilot.facts.id.is_some_and(|(s, _)| s == h.system) && h.component == COMPANION {
                return;
            }
            self.wires.forward(frame);
            if self.pilot.facts.id == Some((h.system, h.component)) {
                self.hear(h.msg_id);
            }
            return;
        }
        let msg = frame.decode();
        if self.pilot.facts.id.is_none()
            && let Msg::Common(m) = &msg
            && let Common::HEARTBEAT(beat) = m.as_ref()
            && beat.autopilot != common::MavAutopilot::MAV_AUTOPILOT_INVALID
            && h.system != 0
        {
            self.pilot.facts.id = Some((h.system, h.component));
            self.wires.learn(h.system, h.component);
            self.wires.log(
                LogLevel::Info,
                format!("autopilot {:?} is system {}", beat.autopilot, h.system),
            );
        }
        let own = self.pilot.facts.id.map(|(s, _)| s);
        if Some(h.system) == own && h.component == COMPANION {
            // Our own frames, echoed.
            return;
        }
        let to_us = Some(h.system) == own && msg.target() == (own, Some(COMPANION));
        if !to_us {
            self.wires.forward(frame);
        }
        if (12_900..=12_920).contains(&h.msg_id) {
            self.remote_id(frame, &msg);
        }
        let Msg::Common(m) = &msg else { return };
        if self.pilot.facts.id != Some((h.system, h.component)) {
            return;
        }
        self.hear(h.msg_id);
        self.pilot.facts.take(now, m);
        self.now.utc = self.pilot.facts.utc(self.now);
        if self.pilot.facts.reboots != self.reboots {
            self.reboots = self.pilot.facts.reboots;
            self.params.clear();
            self.heard.clear();
            self.wires.status(
                MavSeverity::MAV_SEVERITY_CRITICAL,
                "Patrol: autopilot rebooted",
            );
            self.with_gate(|g, cx| g.autopilot_rebooted(cx));
        }
        match m.as_ref() {
            Common::PARAM_VALUE(v) => {
                self.params
                    .take(self.pilot.facts.kind.unwrap_or(Kind::Other), v);
            }
            Common::COMMAND_ACK(a) if to_us => self.pilot.flight.ack(a),
            Common::ATTITUDE(_) => {
                if let Some(pose) = feed::pose(&self.pilot.facts) {
                    self.wires.eyes(Down::Pose(pose));
                }
            }
            // The guard looks at every position, at once.
            Common::GLOBAL_POSITION_INT(_) => self.due.tick = now,
            _ => {}
        }
        self.with_gate(|g, cx| g.autopilot_frame(cx, frame, &msg));
    }

    fn remote_id(&mut self, frame: &Frame, msg: &Msg) {
        let own = self
            .pilot
            .facts
            .id
            .is_some_and(|(s, _)| s == frame.header().system);
        if own
            && let Msg::Common(m) = msg
            && let Common::OPEN_DRONE_ID_BASIC_ID(b) = m.as_ref()
        {
            let first = self.pilot.facts.own_remote_id.is_none();
            self.pilot.facts.own_remote_id = Some(Heard {
                value: (),
                at: self.now.mono,
            });
            let id = String::from_utf8_lossy(&b.uas_id)
                .trim_end_matches('\0')
                .to_owned();
            if first && !id.is_empty() {
                self.wires.eyes(Down::OwnRemoteId { uas_id: id });
            }
        }
        self.wires.eyes(Down::RemoteId {
            frame: frame.bytes().to_vec(),
        });
    }

    /// `first`: no copy of it came over another line to the same station.
    fn from_ground(&mut self, line: u8, first: bool, frame: &Frame) {
        let now = self.now;
        let own = self.pilot.facts.id.map(|(s, _)| s);
        if own == Some(frame.header().system) {
            // An echo of the aircraft itself is no ground station.
            return;
        }
        let msg = frame.decode();
        let h = frame.header();
        // A station is the same one over all its lines.
        let port = self.wires.head(line);
        let station = (port, h.system, h.component);
        self.gate.heard(now.mono, station);
        // Whatever is signed with our key is a sign of life; elsewhere it must at least be understood.
        if self.wires.is_signed(line) || !matches!(msg, Msg::Raw { .. }) {
            if self
                .ground_heard
                .is_none_or(|t| now.mono.since(t).as_secs_f64() > self.config.link_loss_s)
            {
                self.outbox.link_is_back();
            }
            self.ground_heard = Some(now.mono);
        }
        // Of this line alone, and so before copies over others are left out.
        if let Msg::Patrol(m) = &msg
            && let Patrol::PATROL_LINE(d) = m.as_ref()
            && own == Some(d.target_system)
        {
            self.wires.ground_hears(line, link::pace::Heard::of(d));
            return;
        }
        if !first {
            return;
        }
        let Msg::Patrol(m) = &msg else {
            let mode = self.with_gate(|g, cx| g.ground_frame(cx, port, frame));
            if let Some(mode) = mode {
                self.pilot.flight.forwarded(now.mono, mode);
            }
            return;
        };
        match m.as_ref() {
            Patrol::PATROL_ORDER(d) if own == Some(d.target_system) => {
                // Hold and return are a way to safety: anybody's. The others need the token.
                if matches!(d.kind, HOLD | RETURN) || self.with_gate(|g, cx| g.may_act(cx, station))
                {
                    self.order((h.system, h.component), d);
                } else {
                    let why = Some(Refusal::Busy);
                    self.wires
                        .patrol(OrderFate::Refused { why }.to_message(d.order_id, None));
                }
            }
            Patrol::PATROL_OFFICER(d) if own == Some(d.target_system) => {
                if let Some(report) = OfficerReport::from_data(d) {
                    self.with_gate(|g, cx| g.officer(cx, station, report));
                }
            }
            Patrol::PATROL_RECEIPT(d) => {
                self.outbox
                    .receipt(self.disk.as_mut(), d.store_id, d.number);
            }
            Patrol::PATROL_BLOB_OFFER(d) => {
                if !self.with_gate(|g, cx| g.may_act(cx, station)) {
                    self.bundle.not_now(d);
                    while let Some(m) = self.bundle.poll() {
                        self.wires.patrol(m);
                    }
                    return;
                }
                let known = self.gate.ready().is_some_and(|j| {
                    pack(&j.plan.to_json())
                        .is_some_and(|b| <[u8; 32]>::from(Sha256::digest(b)) == d.sha256)
                });
                // Another plan than the one that waits.
                self.early = self.early.take().filter(|e| e.sha256 == d.sha256);
                self.bundle.offer(now, d, known);
            }
            Patrol::PATROL_BLOB_CHUNK(d) if self.with_gate(|g, cx| g.may_act(cx, station)) => {
                if let Some(blob) = self.bundle.chunk(now, d) {
                    let plan = unpack(&blob.bytes).unwrap_or_default();
                    if self.pilot.facts.kind.is_some() {
                        self.judge_bundle(&plan);
                    } else {
                        self.early = Some(Early {
                            sha256: blob.sha256,
                            plan,
                        });
                    }
                }
            }
            Patrol::PATROL_HEAD(d) if d.target_system == 0 || own == Some(d.target_system) => {
                self.head(h.system, d);
            }
            Patrol::PATROL_BLOB_STATUS(d) => {
                self.bulk
                    .status(now, d, &mut self.outbox, self.disk.as_mut());
            }
            _ => {}
        }
        while let Some(m) = self.bundle.poll() {
            self.wires.patrol(m);
        }
    }

    fn from_eyes(&mut self, up: &Up) {
        if self.eyes == EyesProcess::Off {
            self.eyes = EyesProcess::Running;
        }
        match up {
            Up::Flagged(n) => self.flagged(n),
            Up::Preview { jpeg, .. } if self.config.previews => self.bulk.preview(jpeg.clone()),
            Up::Preview { .. } | Up::Health(_) | Up::Took { .. } => {}
        }
    }

    fn flagged(&mut self, n: &NewAnomaly) {
        let flagged = self.now.utc.valid();
        let at_least = n.first_seen.or(flagged).unwrap_or(Utc(0));
        let picture = n
            .picture
            .clone()
            .filter(|p| !p.is_empty() && p.len() <= crate::eyes::schema::MAX_PICTURE_LEN);
        let anomaly = Anomaly {
            number: 0,
            kind: n.kind,
            priority: n.priority,
            rule: n.rule.clone(),
            subject: n.subject.clone(),
            first_seen: at_least,
            flagged: flagged.unwrap_or(at_least),
            at: n.at,
            alt_amsl_m: n.alt_amsl_m,
            error: n.error,
            confidence: n.confidence,
            picture_sha256: picture.as_ref().map(|p| Sha256::digest(p).into()),
            picture_len: picture
                .as_ref()
                .map_or(0, |p| u32::try_from(p.len()).unwrap_or(0)),
        };
        if let (Some(bytes), Some(sha256)) = (&picture, anomaly.picture_sha256) {
            self.wires.tap.note(|| What::Picture {
                sha256: hex(&sha256),
                bytes: bytes.clone(),
            });
        }
        let number = self.outbox.add(self.disk.as_mut(), anomaly, picture);
        let severity = match n.priority {
            Priority::Urgent => MavSeverity::MAV_SEVERITY_ALERT,
            Priority::High => MavSeverity::MAV_SEVERITY_WARNING,
            Priority::Notice => MavSeverity::MAV_SEVERITY_NOTICE,
        };
        let what = match n.kind {
            missions::anomaly::AnomalyKind::UnknownDrone => "drone",
            missions::anomaly::AnomalyKind::PersonInZone => "person",
        };
        self.wires.status(
            severity,
            &format!(
                "#{number} {what} {:.5},{:.5} {}",
                n.at.lat_deg(),
                n.at.lon_deg(),
                n.subject
            ),
        );
    }
}
