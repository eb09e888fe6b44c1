//! Notes become files and a chain. A core over a [`Disk`]; the thread around it is the shell's.

use super::aboard::{self, Kind};
use super::{Note, What};
use crate::LogLevel;
use link::frame::{Frame, Framer, Msg};
use link::journal::{Disk, DiskError};
use link::patrol::MavMessage as Patrol;
use link::record::chain::{About, ChainWriter, ClockReading, Head};
use link::record::heads::Offer;
use link::record::key::Signer;
use link::record::logfile::LogFile;
use link::state::{OrderFate, RefusalReport, StateReport, anomaly_from_data};
use missions::time::{Mono, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Frames with their times: what the autopilot and the ground said, and what was said to them.
pub const TLOG: &str = "flight.tlog";
/// What was decided, in the ground record's form of a line.
pub const EVENTS: &str = "events.jsonl";
/// Every input of both halves: see [`aboard`].
pub const INPUTS: &str = "aboard.log";
/// Pictures of anomalies.
const PICTURES: &str = "pictures";
/// The newest plan in force.
const PLAN: &str = "plan.json";
/// The format of the lines: the ground record's.
const FORMAT: &str = "patrol-recording/1";
/// A segment of the chain is at most this long by the companion's counter, µs.
const SEGMENT_US: u64 = 1_000_000;
/// Troubles that may wait.
const MAX_TROUBLES: usize = 16;
/// Of how many orders and anomalies the last word is remembered.
const MAX_KNOWN: usize = 4_096;

/// What to log with.
#[derive(Clone, Debug)]
pub struct AboardSetup {
    /// The aircraft's own key.
    pub signer: Signer,
    /// Identity of the log: 16 random bytes.
    pub flight: [u8; 16],
}

/// Writes one log: from a start of the companion to its end.
pub struct Recorder {
    disk: Box<dyn Disk>,
    chain: ChainWriter,
    tlog: LogFile,
    events: LogFile,
    inputs: LogFile,
    frames: u64,
    framers: BTreeMap<u8, Framer>,
    now: (Mono, Utc),
    cut_at: Mono,
    /// Something was lost, or could not be made durable.
    unsure: bool,
    written: BTreeSet<String>,
    guard: Option<Value>,
    known: BTreeMap<(u8, u32), Value>,
    said: BTreeSet<&'static str>,
    troubles: VecDeque<String>,
    /// Heads of stations that stand in the log and are not durable yet.
    heads: Vec<(u8, Offer)>,
}

impl Recorder {
    /// Begins a log on a disk where none is.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn begin(mut disk: Box<dyn Disk>, setup: AboardSetup) -> Result<Recorder, DiskError> {
        let d = disk.as_mut();
        let tlog = LogFile::create(d, TLOG)?;
        let events = LogFile::create(d, EVENTS)?;
        let inputs = LogFile::create(d, INPUTS)?;
        let about = About {
            software: concat!("onboard ", env!("CARGO_PKG_VERSION")),
            retention: "routine",
            // Power is cut more often than a program ends: nothing may hang on its last word.
            bare: true,
        };
        let chain = ChainWriter::begin(d, setup.signer, &setup.flight, &about, Utc(0))?;
        let mut r = Recorder {
            disk,
            chain,
            tlog,
            events,
            inputs,
            frames: 0,
            framers: BTreeMap::new(),
            now: (Mono::ZERO, Utc(0)),
            cut_at: Mono::ZERO,
            unsure: false,
            written: BTreeSet::new(),
            guard: None,
            known: BTreeMap::new(),
            said: BTreeSet::new(),
            troubles: VecDeque::new(),
            heads: Vec::new(),
        };
        r.line(
            json!({"type": "recording", "format": FORMAT, "version": env!("CARGO_PKG_VERSION")}),
        );
        Ok(r)
    }

    /// Identity of the log, hex.
    #[must_use]
    pub fn flight(&self) -> &str {
        self.chain.flight()
    }
    /// The newest entry of the chain; durable when the last commit was.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.chain.head()
    }
    /// A trouble that was not told yet: each file's first one only.
    pub fn next_trouble(&mut self) -> Option<String> {
        self.troubles.pop_front()
    }
    /// So many notes were lost before they came here.
    pub fn lost(&mut self, notes: u64) {
        for _ in 0..notes.min(1_000_000) {
            self.chain.lost();
        }
        if notes > 0 {
            self.unsure = true;
            self.trouble(
                INPUTS,
                format!("{notes} notes were lost: the disk is behind"),
            );
        }
    }

    /// Takes a note.
    pub fn take(&mut self, note: Note) {
        self.now = (note.mono, note.utc);
        if note.mono.0.saturating_sub(self.cut_at.0) >= SEGMENT_US || self.chain.is_full() {
            self.commit();
        }
        match note.what {
            What::In {
                kind,
                machine,
                bytes,
            } => self.input(kind, machine, &bytes),
            What::ToAutopilot(frame) => self.frame(&frame),
            What::ToGround(frame) => {
                self.frame(&frame);
                self.own_message(&frame);
            }
            What::Words(level, text) => {
                let severity = match level {
                    LogLevel::Error => 2,
                    LogLevel::Warn => 4,
                    LogLevel::Info => 6,
                };
                self.event(
                    "status_text",
                    json!({"text": text, "severity": severity}),
                    None,
                );
            }
            What::Plan { id, bytes } => self.plan(id, &bytes),
            What::Picture { sha256, bytes } => {
                self.write_once(PICTURES, &format!("{PICTURES}/{sha256}.jpg"), &bytes);
                self.line(json!({"type": "picture", "sha256": sha256}));
            }
            What::Eyes(entry) => {
                let record = aboard::encode(note.mono, None, Kind::Eyes, &entry);
                self.push(INPUTS, &record);
            }
            What::Clock(source, machine) => self.chain.clock(ClockReading {
                mono: note.mono,
                utc: note.utc,
                source,
                machine,
            }),
            What::Head { station, offer } => {
                let o = &offer;
                self.line(json!({
                    "type": "head", "by": format!("station {station}"),
                    "flight": o.flight, "n": o.n, "head": o.head,
                }));
                self.heads.push((station, offer));
            }
            What::Receipted(receipt) => self.chain.receipted(receipt),
            What::Dropped(n) => self.lost(n),
        }
    }

    fn input(&mut self, kind: Kind, machine: Option<Utc>, bytes: &[u8]) {
        let record = aboard::encode(self.now.0, machine, kind, bytes);
        self.push(INPUTS, &record);
        let (line, bytes) = match (kind, bytes.split_first()) {
            (Kind::Autopilot, _) => (0, bytes),
            (Kind::Ground, Some((line, rest))) => (line.saturating_add(1), rest),
            _ => return,
        };
        let framer = self.framers.entry(line).or_default();
        framer.push(self.now.0, bytes);
        let mut frames = Vec::new();
        while let Some(f) = framer.next_frame() {
            frames.push(f);
        }
        for f in frames {
            self.frame(f.bytes());
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        let record = link::tlog::record(self.now.1, frame);
        if self.push(TLOG, &record) {
            self.frames += 1;
        }
    }

    /// Our own words to the ground, as lines for people: what the guard does, what the gate refused, what became of orders.
    fn own_message(&mut self, bytes: &[u8]) {
        let Some(frame) = Frame::from_bytes(bytes) else {
            return;
        };
        let Msg::Patrol(m) = frame.decode() else {
            return;
        };
        let aircraft = frame.header().system;
        match m.as_ref() {
            Patrol::PATROL_STATE(d) => {
                let s = StateReport::from_data(d);
                let gist = json!({
                    "phase": s.phase, "verdict": s.verdict, "response": s.response, "cause": s.cause,
                    "in_charge": s.in_charge, "plan": s.plan_state, "storage_ok": s.storage_ok,
                });
                if self.guard.as_ref() != Some(&gist) {
                    let mut told = gist.clone();
                    if let (Some(o), Some(m)) = (told.as_object_mut(), s.margin_m) {
                        o.insert("margin_m".into(), json!((m * 10.0).round() / 10.0));
                    }
                    self.guard = Some(gist);
                    self.event("aboard.state", told, Some(aircraft));
                }
            }
            Patrol::PATROL_REFUSAL(d) => {
                let r = RefusalReport::from_data(d);
                self.event(
                    "aboard.refused",
                    json!({
                        "what": r.what, "reason": r.why.map(|w| w.key()), "text": r.text,
                        "item": r.item, "value": r.value,
                    }),
                    Some(aircraft),
                );
            }
            Patrol::PATROL_ORDER_ACK(d) => {
                if let Some((order, fate, value)) = OrderFate::from_data(d) {
                    let said = json!({"order": order, "fate": format!("{fate:?}"), "value": value});
                    if self.is_news((1, order), &said) {
                        self.event("aboard.order", said, Some(aircraft));
                    }
                }
            }
            Patrol::PATROL_ANOMALY(d) => {
                if let Some((_, a)) = anomaly_from_data(d) {
                    let said = json!({
                        "number": a.number, "rule": a.rule, "subject": a.subject,
                        "flagged_ms": a.flagged.0.div_euclid(1_000),
                        "lat_deg": a.at.lat_deg(), "lon_deg": a.at.lon_deg(),
                    });
                    if self.is_news((2, a.number), &said) {
                        self.event("aboard.anomaly", said, Some(aircraft));
                    }
                }
            }
            _ => {}
        }
    }

    /// Orders are answered and anomalies sent again and again: once is enough here.
    fn is_news(&mut self, what: (u8, u32), said: &Value) -> bool {
        if self.known.get(&what) == Some(said) {
            return false;
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.pop_first();
        }
        self.known.insert(what, said.clone());
        true
    }

    fn plan(&mut self, id: u64, bytes: &[u8]) {
        let name = format!("plan-{id:016x}.json");
        self.write_once(PLAN, &name, bytes);
        self.chain.copied(PLAN, &name);
        self.commit();
        let written = self.disk.replace(PLAN, bytes);
        self.check(PLAN, written);
        self.event("aboard.plan", json!({"plan": format!("{id:016x}")}), None);
    }

    fn write_once(&mut self, what: &'static str, name: &str, bytes: &[u8]) {
        if !self.written.insert(name.to_owned()) {
            return;
        }
        match self.disk.replace(name, bytes) {
            Ok(()) => self.chain.wrote(name, bytes),
            Err(e) => {
                self.written.remove(name);
                self.chain.lost();
                self.unsure = true;
                self.trouble(what, e.to_string());
            }
        }
    }

    fn event(&mut self, code: &str, params: Value, aircraft: Option<u8>) {
        let t_ms = self.now.1.0.div_euclid(1_000);
        self.line(json!({
            "type": "event",
            "event": {"t_ms": t_ms, "code": code, "params": params, "aircraft": aircraft},
        }));
    }

    /// A line as `ground-station/src/record/line.rs` reads it.
    fn line(&mut self, fact: Value) {
        let mut line = json!({"t_ms": self.now.1.0.div_euclid(1_000), "frame": self.frames});
        if let (Some(l), Value::Object(fact)) = (line.as_object_mut(), fact) {
            l.extend(fact);
        }
        let mut bytes = line.to_string().into_bytes();
        bytes.push(b'\n');
        self.push(EVENTS, &bytes);
    }

    fn push(&mut self, file: &'static str, record: &[u8]) -> bool {
        let f = match file {
            TLOG => &mut self.tlog,
            EVENTS => &mut self.events,
            _ => &mut self.inputs,
        };
        let (kept, said) = f.push(self.disk.as_mut(), &mut self.chain, record);
        self.check(file, said);
        if !kept {
            self.unsure = true;
            self.trouble(file, "no room on the disk: records are lost".into());
        }
        kept
    }

    fn check(&mut self, what: &'static str, result: Result<(), DiskError>) {
        if let Err(e) = result {
            self.unsure = true;
            self.trouble(what, e.to_string());
        }
    }

    fn trouble(&mut self, what: &'static str, words: String) {
        if self.said.insert(what) && self.troubles.len() < MAX_TROUBLES {
            self.troubles.push_back(format!("{what}: {words}"));
        }
    }

    /// Makes everything so far durable and signs it. Waits for the disk. Whether all of it is.
    pub fn commit(&mut self) -> bool {
        self.cut_at = self.now.0;
        let disk = self.disk.as_mut();
        let mut good = true;
        for (file, f) in [
            (TLOG, &mut self.tlog),
            (EVENTS, &mut self.events),
            (INPUTS, &mut self.inputs),
        ] {
            if let Err(e) = f.sync(disk, &mut self.chain) {
                good = false;
                if self.said.insert(file) && self.troubles.len() < MAX_TROUBLES {
                    self.troubles.push_back(format!("{file}: {e}"));
                }
            }
        }
        let cut = self.chain.cut(disk, self.now.1);
        good &= cut.is_ok();
        self.check("flight.chain", cut);
        good && !self.unsure
    }

    /// Heads of stations that are durable since the last call, or are not going to be: tell it with what
    /// [`Recorder::commit`] said.
    pub fn take_heads(&mut self) -> Vec<(u8, Offer)> {
        std::mem::take(&mut self.heads)
    }

    /// Closes the log.
    ///
    /// # Errors
    /// [`DiskError`]: it is then not closed, and a verifier says so.
    pub fn finish(mut self) -> Result<(), DiskError> {
        let disk = self.disk.as_mut();
        self.tlog.sync(disk, &mut self.chain)?;
        self.events.sync(disk, &mut self.chain)?;
        self.inputs.sync(disk, &mut self.chain)?;
        self.chain.close(disk, self.now.1)
    }
}
