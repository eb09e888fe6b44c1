//! The pilot half: all cores of the companion, wired together.
//!
//! Frames come in here and are handed out; the control loop itself stands in [`crate::control`].

use crate::bulk::Bulk;
use crate::config::Config;
use crate::control::pilot::Pilot;
use crate::eyes::schema::{Down, NewAnomaly, Up};
use crate::facts::{Heard, Kind};
use crate::feed;
use crate::gate::{Cx, Gate};
use crate::params::Params;
use crate::preflight::Preflight;
use crate::wires::{COMPANION, Wires};
use crate::{EyesProcess, Input, LogLevel, Output, Port};
use link::blob::{BlobKind, Receiver};
use link::common::{self, MavMessage as Common, MavSeverity};
use link::frame::{Frame, Framer, Msg};
use link::journal::{Disk, DiskError};
use link::orders::OrderReceiver;
use link::patrol::MavMessage as Patrol;
use link::receipts::Outbox;
use missions::anomaly::{Anomaly, Priority};
use missions::time::{Mono, Now, Reading, Utc};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;
use thiserror::Error;

/// How often the control loop runs at the least.
pub const LOOP: Duration = Duration::from_millis(50);

/// Why the companion cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The store on disk.
    #[error("the store cannot be opened: {0}")]
    Store(#[from] DiskError),
}

/// When things are due next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Due {
    pub(crate) tick: Mono,
    pub(crate) heartbeat: Mono,
    pub(crate) state: Mono,
    pub(crate) preflight: Mono,
    pub(crate) streams: Mono,
    pub(crate) params: Mono,
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
    pub(crate) bulk: Bulk,
    pub(crate) eyes: EyesProcess,
    pub(crate) eyes_told: Option<(u64, Option<u8>)>,
    pub(crate) heard: BTreeMap<u32, Mono>,
    pub(crate) due: Due,
    pub(crate) reboots: u32,
    pub(crate) guard_off_said: bool,
}

impl Onboard {
    /// A companion that has heard nobody.
    ///
    /// # Errors
    /// [`StartError`] when the store on `disk` cannot be read.
    pub fn new(config: Config, mut disk: Box<dyn Disk>) -> Result<Self, StartError> {
        let outbox = Outbox::open(disk.as_mut(), config.new_store_id)?;
        Ok(Onboard {
            wires: Wires::new(config.ground_ports),
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
            bulk: Bulk::new(config.bulk_bytes_per_s, config.new_store_id),
            outbox,
            eyes: EyesProcess::Off,
            eyes_told: None,
            heard: BTreeMap::new(),
            due: Due::default(),
            reboots: 0,
            guard_off_said: false,
            disk,
            config,
        })
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = Now {
            // Time does not run backwards here, whatever a shell says.
            mono: now.mono.max(self.now.mono),
            utc: now.utc,
        };
        self.now.utc = self.pilot.facts.utc(self.now);
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
                    self.from_ground(n, &frame);
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
            Input::Tick => {}
        }
        if self.now.mono >= self.due.tick {
            self.due.tick = self.now.mono.after(LOOP);
            self.control();
        }
    }
    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.wires.pop()
    }
    /// When an [`Input::Tick`] is wanted at the latest.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        Some(self.due.tick)
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

    fn from_autopilot(&mut self, frame: &Frame) {
        let h = frame.header();
        let now = self.now.mono;
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
        let to_us = Some(h.system) == own && frame.target() == (own, Some(COMPANION));
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
        self.heard.insert(h.msg_id, now);
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

    fn from_ground(&mut self, port: u8, frame: &Frame) {
        let now = self.now;
        let own = self.pilot.facts.id.map(|(s, _)| s);
        if own == Some(frame.header().system) {
            // An echo of the aircraft itself is no ground station.
            return;
        }
        let msg = frame.decode();
        if !matches!(msg, Msg::Raw { .. }) {
            if self
                .ground_heard
                .is_none_or(|t| now.mono.since(t).as_secs_f64() > self.config.link_loss_s)
            {
                self.outbox.link_is_back();
            }
            self.ground_heard = Some(now.mono);
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
                let h = frame.header();
                self.order((h.system, h.component), d);
            }
            Patrol::PATROL_RECEIPT(d) => {
                self.outbox
                    .receipt(self.disk.as_mut(), d.store_id, d.number);
            }
            Patrol::PATROL_BLOB_OFFER(d) => {
                let known = self.gate.ready().is_some_and(|j| {
                    <[u8; 32]>::from(Sha256::digest(j.plan.to_json())) == d.sha256
                });
                self.bundle.offer(now, d, known);
            }
            Patrol::PATROL_BLOB_CHUNK(d) => {
                if let Some(blob) = self.bundle.chunk(now, d) {
                    if self.with_gate(|g, cx| g.bundle(cx, &blob.bytes)) {
                        self.bundle.accept();
                    } else {
                        self.bundle.refuse();
                    }
                }
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
            Up::Preview { .. } | Up::Health(_) => {}
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
