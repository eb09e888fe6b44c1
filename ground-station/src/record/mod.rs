//! One flight's folder: `flight.tlog` (every frame, both ways), `events.jsonl` (what was said, asked and decided),
//! `plan-*.json`, `plan.json` (the newest of them), `pictures/<sha256>.jpg`, the chain that signs all of it second by
//! second ([`crate::evidence`]) and, for the analyst, `flight.rrd`.
//!
//! Never needed by flight: an error is told once and the flight goes on. The console uses it through [`Live`], on a
//! thread of its own behind a bounded queue; the rehearsal calls [`Recorder`] in virtual time. What is in a folder is
//! only added to: there is no call that deletes, and no recording is begun where one is.

pub mod index;
pub mod line;
mod live;
pub mod retention;
pub mod rrd;
mod scene;
#[cfg(test)]
pub(crate) mod tests;

pub use live::Live;

use crate::desk::{Answer, Desk, DeskEvent, Intent, anomaly_id};
use crate::evidence::chain::{About, ChainWriter, ClockReading, Head, Receipted};
use crate::evidence::files::OfDisk;
use crate::evidence::io::{Folder, Syncing, random, seal_folder};
use crate::evidence::key::Signer;
use crate::evidence::seal;
use crate::people::audit::Access;
use anyhow::Context;
use line::{FORMAT, Fact, Line};
use link::frame::{Frame, Framer};
use link::journal::{Disk, DiskError};
use link::record::logfile::LogFile;
use missions::anomaly::Anomaly;
use missions::plan::PatrolPlan;
use missions::time::{Mono, Utc};
use missions::venue::Venue;
use scene::{Item, Scene, Viewer, origin_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// Frames with their times.
pub const TLOG: &str = "flight.tlog";
/// What was said, asked and decided.
pub const EVENTS: &str = "events.jsonl";
/// The newest plan.
pub const PLAN: &str = "plan.json";
/// The companion's own log has this beside the same files: every input of its cores.
pub const ABOARD_INPUTS: &str = "aboard.log";
/// Folder of pictures.
pub const PICTURES: &str = "pictures";
pub use crate::evidence::chain::CHAIN;
/// The Rerun recording.
pub const RRD: &str = "flight.rrd";

/// A plan that only progresses is written this often, ms.
const PLAN_EVERY_MS: i64 = 1_000;
/// A segment of the chain is at most this long by the stamps, ms. Beside a flight the real clock cuts them too.
const SEGMENT_MS: i64 = 1_000;
/// Troubles kept, so that a failing disk cannot fill memory.
const MAX_TROUBLES: usize = 32;
/// Links whose bytes are cut into frames.
const MAX_LINKS: usize = 256;

/// What to record where.
#[derive(Clone, Debug)]
pub struct RecorderSetup {
    /// The flight's folder; made when absent. There must be no recording in it: see [`fresh`].
    pub dir: PathBuf,
    /// The station's key.
    pub signer: Signer,
    /// When bytes are made durable.
    pub syncing: Syncing,
    /// Write the closing manifest at the end. Otherwise the caller does, when its own last files are there.
    pub seal: bool,
    /// The venue before a plan brings its own.
    pub venue: Venue,
    /// Stream to this running Rerun viewer too, e.g. `rerun+http://127.0.0.1:9876/proxy`.
    pub rerun: Option<String>,
    /// Write `flight.rrd`.
    pub rrd: bool,
}

/// Something to record, on its own: it can wait in a queue while the desk goes on.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Bytes of a link as they came, frames cut anywhere. Outgoing and incoming bytes are different links here.
    Bytes {
        /// Which stream of bytes.
        stream: u8,
        /// When.
        utc: Utc,
        /// Bytes.
        bytes: Vec<u8>,
    },
    /// A line of `events.jsonl`.
    Fact {
        /// When.
        utc: Utc,
        /// What.
        fact: Box<Fact>,
        /// The anomaly it is about, for the Rerun scene.
        anomaly: Option<Box<Anomaly>>,
    },
    /// A plan file.
    Plan(Box<PatrolPlan>),
    /// An anomaly's picture.
    Picture {
        /// When.
        utc: Utc,
        /// SHA-256, hex.
        sha256: String,
        /// JPEG.
        bytes: Vec<u8>,
    },
    /// A camera preview; only drawn.
    Preview {
        /// When.
        utc: Utc,
        /// Whose.
        aircraft: u8,
        /// JPEG.
        bytes: Vec<u8>,
    },
    /// What the clocks show.
    Clock(ClockReading),
    /// The other side has a head of this recording's chain.
    Receipted(Receipted),
}

impl Entry {
    /// What of a desk's event is to be recorded; `None` when the desk no longer has it.
    #[must_use]
    pub fn of(event: &DeskEvent, desk: &Desk) -> Option<Entry> {
        let utc = desk.utc();
        let fact = |fact: Fact| Entry::Fact {
            utc,
            fact: Box::new(fact),
            anomaly: None,
        };
        Some(match event {
            DeskEvent::Log(event) => Entry::Fact {
                // Its own time: the desk may have gone on since.
                utc: Utc(event.t_ms.saturating_mul(1_000)),
                fact: Box::new(Fact::Event {
                    event: event.clone(),
                }),
                anomaly: None,
            },
            DeskEvent::Aircraft(id) => fact(Fact::Aircraft {
                aircraft: desk.aircraft_view(*id)?,
            }),
            DeskEvent::Preflight(id) => fact(Fact::Preflight {
                preflight: crate::desk::view::preflight(desk.aircraft(*id)?)?,
            }),
            DeskEvent::Plan(id) => fact(Fact::Plan {
                plan: desk.plan_view_of(*id),
            }),
            DeskEvent::Anomaly { id, new } => Entry::Fact {
                utc,
                fact: Box::new(Fact::Anomaly {
                    anomaly: desk.anomaly_view(id)?,
                    new: *new,
                }),
                anomaly: desk
                    .anomalies()
                    .find(|(s, a)| *new && anomaly_id(*s, a.number) == *id)
                    .map(|(_, a)| Box::new(a.clone())),
            },
            DeskEvent::Picture { sha256 } => Entry::Picture {
                utc,
                sha256: sha256.clone(),
                bytes: desk.picture(sha256)?,
            },
            DeskEvent::Head { aircraft, offer } => fact(Fact::Head {
                by: format!("aircraft {aircraft}"),
                offer: offer.clone(),
            }),
            DeskEvent::Receipted(r) => Entry::Receipted(r.clone()),
            // The result is recorded, with the plan; how far it had come is of no use to anybody later.
            DeskEvent::Rehearsing { .. } => return None,
            DeskEvent::Preview(id) => Entry::Preview {
                utc,
                aircraft: *id,
                bytes: desk.aircraft(*id)?.preview.as_ref()?.0.clone(),
            },
        })
    }

    /// An officer's click and the desk's answer.
    #[must_use]
    pub fn intent(utc: Utc, intent: &Intent, answer: &Answer) -> Entry {
        Self::intent_by(utc, "", intent, answer)
    }

    /// The same with who asked.
    #[must_use]
    pub fn intent_by(utc: Utc, by: &str, intent: &Intent, answer: &Answer) -> Entry {
        Entry::fact(
            utc,
            Fact::Intent {
                intent: intent.clone(),
                answer: answer.clone(),
                by: by.to_owned(),
            },
        )
    }

    /// A line of `events.jsonl`.
    #[must_use]
    pub fn fact(utc: Utc, fact: Fact) -> Entry {
        Entry::Fact {
            utc,
            fact: Box::new(fact),
            anomaly: None,
        }
    }
}

impl Entry {
    /// Who did or saw what, or was refused: as a line of `events.jsonl`, in the chain like an officer's click.
    #[must_use]
    pub fn access(utc: Utc, access: Access) -> Entry {
        Entry::Fact {
            utc,
            fact: Box::new(Fact::Access { access }),
            anomaly: None,
        }
    }
}

/// Records one flight.
pub struct Recorder {
    disk: Box<dyn Disk>,
    /// The folder on a real disk.
    dir: Option<PathBuf>,
    signer: Signer,
    chain: ChainWriter,
    seal: bool,
    tlog: LogFile,
    events: LogFile,
    /// Frames in the `.tlog`.
    frames: u64,
    framers: BTreeMap<u8, Framer>,
    scene: Option<Scene>,
    viewer: Option<Viewer>,
    /// The newest stamp, and that of the last cut.
    stamp: Utc,
    cut_at: Utc,
    /// Something was lost, or the disk once failed to make something durable: nobody is told again in this flight that
    /// all is.
    unsure: bool,
    /// What was written last, so that what did not change is not written again.
    last_aircraft: BTreeMap<u64, Value>,
    last_plan: Option<(Value, i64)>,
    plan_id: Option<u64>,
    /// Plans and pictures that stand in the folder.
    written: BTreeSet<String>,
    venue: Value,
    said: BTreeSet<&'static str>,
    news: VecDeque<String>,
    troubles: Vec<String>,
}

impl Recorder {
    /// Starts a recording.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be made, there is a recording already, or the viewer's address is none.
    pub fn create(setup: RecorderSetup) -> anyhow::Result<Recorder> {
        let disk = Folder::open(&setup.dir, setup.syncing)?;
        let dir = setup.dir.clone();
        let mut r = Self::over(Box::new(disk), setup, &random()?)?;
        r.dir = Some(dir);
        Ok(r)
    }

    /// The same over any disk: the folder of `setup` then only holds `flight.rrd`. `flight`: 16 random bytes.
    ///
    /// # Errors
    /// As [`Recorder::create`].
    pub fn over(
        mut disk: Box<dyn Disk>,
        setup: RecorderSetup,
        flight: &[u8; 16],
    ) -> anyhow::Result<Recorder> {
        let begun = || format!("beginning a recording in {}", setup.dir.display());
        let tlog = LogFile::create(disk.as_mut(), TLOG).with_context(begun)?;
        let events = LogFile::create(disk.as_mut(), EVENTS).with_context(begun)?;
        let chain = ChainWriter::begin(
            disk.as_mut(),
            setup.signer.clone(),
            flight,
            &About {
                software: concat!("ground-station ", env!("CARGO_PKG_VERSION")),
                retention: "routine",
                bare: false,
            },
            Utc(0),
        )
        .with_context(begun)?;
        let origin = origin_of(&setup.venue);
        let scene = match origin.filter(|_| setup.rrd) {
            Some(o) => Some(Scene::to_file(&setup.dir.join(RRD), o)?),
            None => None,
        };
        let viewer = match (&setup.rerun, origin) {
            (Some(url), Some(o)) => Some(Viewer::start(url, o)?),
            _ => None,
        };
        let mut r = Recorder {
            disk,
            dir: None,
            signer: setup.signer,
            chain,
            seal: setup.seal,
            tlog,
            events,
            frames: 0,
            framers: BTreeMap::new(),
            scene,
            viewer,
            stamp: Utc(0),
            cut_at: Utc(0),
            unsure: false,
            last_aircraft: BTreeMap::new(),
            last_plan: None,
            plan_id: None,
            written: BTreeSet::new(),
            venue: setup.venue.to_value(),
            said: BTreeSet::new(),
            news: VecDeque::new(),
            troubles: Vec::new(),
        };
        r.line(
            Utc(0),
            Fact::Recording {
                format: FORMAT.into(),
                version: env!("CARGO_PKG_VERSION").into(),
            },
        );
        let venue = r.venue.clone();
        r.line(Utc(0), Fact::Venue { venue });
        r.draw(&Item::Venue(Box::new(setup.venue)));
        Ok(r)
    }

    /// Identity of the flight in its chain, hex.
    #[must_use]
    pub fn flight(&self) -> &str {
        self.chain.flight()
    }
    /// The newest head of the chain, for the other side to keep. Durable when the last commit was.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.chain.head()
    }

    /// A plan was loaded: its file, and its path in the scene.
    pub fn plan(&mut self, plan: &PatrolPlan) {
        if self.plan_id == Some(plan.id()) {
            return;
        }
        // Each plan under a name of its own, for good: what flew before is evidence too.
        let name = format!("plan-{:016x}.json", plan.id());
        let bytes = plan.to_json();
        self.write_once(PLAN, &name, &bytes);
        // The chain says what becomes of `plan.json` before it does: a crash between the two leaves no doubt.
        self.chain.copied(PLAN, &name);
        self.commit();
        let written = self.disk.replace(PLAN, &bytes);
        self.check(PLAN, written);
        self.plan_id = Some(plan.id());
        if let Ok(venue) = Venue::from_value(&plan.file().venue) {
            let value = venue.to_value();
            if value != self.venue {
                self.venue = value.clone();
                self.line(self.stamp, Fact::Venue { venue: value });
                self.draw(&Item::Venue(Box::new(venue)));
            }
        }
        self.draw(&Item::of_plan(plan));
    }

    /// One whole frame, or a datagram of several.
    pub fn frame(&mut self, utc: Utc, bytes: &[u8]) {
        let mut framer = Framer::new();
        framer.push(Mono::ZERO, bytes);
        while let Some(f) = framer.next_frame() {
            self.whole_frame(utc, f);
        }
    }

    fn whole_frame(&mut self, utc: Utc, frame: Frame) {
        self.moment(utc);
        let record = link::tlog::record(utc, frame.bytes());
        let (kept, said) = self.tlog.push(self.disk.as_mut(), &mut self.chain, &record);
        self.check(TLOG, said);
        if kept {
            self.frames += 1;
        } else {
            self.unsure = true;
            self.trouble(TLOG, "the disk is behind: frames are lost".into());
        }
        self.draw(&Item::Frame(utc, frame));
    }

    /// A stamp: segments end by them.
    fn moment(&mut self, utc: Utc) {
        // A clock that was set back ends a segment as well.
        let passed_us = utc.0.saturating_sub(self.cut_at.0).abs();
        if passed_us >= SEGMENT_MS * 1_000 || self.chain.is_full() {
            self.commit();
            self.cut_at = utc;
        }
        self.stamp = utc;
    }

    /// An event of the desk.
    pub fn event(&mut self, event: &DeskEvent, desk: &Desk) {
        if let DeskEvent::Plan(id) = event
            && let Some((plan, _)) = desk.plan_by(*id)
        {
            self.plan(plan);
        }
        if let Some(entry) = Entry::of(event, desk) {
            self.take(entry);
        }
    }

    /// An officer's click and the desk's answer.
    pub fn intent(&mut self, utc: Utc, intent: &Intent, answer: &Answer) {
        self.take(Entry::intent(utc, intent, answer));
    }

    /// Anything.
    pub fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Bytes { stream, utc, bytes } => {
                if self.framers.len() >= MAX_LINKS && !self.framers.contains_key(&stream) {
                    return;
                }
                let framer = self.framers.entry(stream).or_default();
                framer.push(Mono(u64::try_from(utc.0).unwrap_or(0)), &bytes);
                let mut frames = Vec::new();
                while let Some(f) = framer.next_frame() {
                    frames.push(f);
                }
                for f in frames {
                    self.whole_frame(utc, f);
                }
            }
            Entry::Plan(plan) => self.plan(&plan),
            Entry::Fact { utc, fact, anomaly } => {
                if let Some(a) = anomaly {
                    self.draw(&Item::Anomaly(a));
                } else if let Fact::Event { event } = fact.as_ref() {
                    let level = if event.code.ends_with("failed") || event.code == "link_lost" {
                        "WARN"
                    } else {
                        "INFO"
                    };
                    self.draw(&Item::Event(utc, level, event.code.clone()));
                }
                self.fact(utc, *fact);
            }
            Entry::Picture { utc, sha256, bytes } => {
                if is_sha256(&sha256) {
                    self.write_once(PICTURES, &format!("{PICTURES}/{sha256}.jpg"), &bytes);
                } else {
                    self.trouble(PICTURES, "a picture without a hash".into());
                }
                self.draw(&Item::Image(utc, "anomaly".into(), bytes));
                self.line(utc, Fact::Picture { sha256 });
            }
            Entry::Clock(reading) => self.clock(reading),
            Entry::Receipted(receipt) => self.chain.receipted(receipt),
            Entry::Preview {
                utc,
                aircraft,
                bytes,
            } => self.draw(&Item::Image(utc, format!("P{aircraft}"), bytes)),
        }
    }

    /// What the clocks show: where stamps come from, and every step, goes into the chain.
    pub fn clock(&mut self, reading: ClockReading) {
        self.chain.clock(reading);
    }

    /// A file that is written once and never again.
    fn write_once(&mut self, what: &'static str, name: &str, bytes: &[u8]) {
        if !self.written.insert(name.to_owned()) {
            return;
        }
        match self.disk.replace(name, bytes) {
            Ok(()) => self.chain.wrote(name, bytes),
            Err(e) => {
                // The record itself says that something is missing, and nobody is told that all is durable.
                self.written.remove(name);
                self.chain.lost();
                self.unsure = true;
                self.trouble(what, e.to_string());
            }
        }
    }

    /// Writes a line, unless it says again what was said.
    fn fact(&mut self, utc: Utc, fact: Fact) {
        match &fact {
            Fact::Aircraft { aircraft } => {
                let id = aircraft.get("id").and_then(Value::as_u64).unwrap_or(0);
                if self.last_aircraft.get(&id) == Some(aircraft) {
                    return;
                }
                self.last_aircraft.insert(id, aircraft.clone());
            }
            Fact::Plan { plan } => {
                let ms = utc.0.div_euclid(1_000);
                // Only the figures of a running upload may wait.
                let gist = |p: &Value| {
                    let at = |path: &str| p.pointer(path).cloned();
                    (at("/hash"), at("/upload/state"), at("/upload/reason"))
                };
                if let Some((last, t)) = &self.last_plan
                    && (last == plan
                        || (gist(last) == gist(plan) && (ms - t).abs() < PLAN_EVERY_MS))
                {
                    return;
                }
                self.last_plan = Some((plan.clone(), ms));
            }
            _ => {}
        }
        self.line(utc, fact);
    }

    fn line(&mut self, utc: Utc, fact: Fact) {
        let weighty = !matches!(fact, Fact::Aircraft { .. } | Fact::Preflight { .. });
        if utc.0 > 0 {
            self.moment(utc);
        }
        let line = Line {
            t_ms: utc.0.div_euclid(1_000),
            frame: self.frames,
            fact,
        };
        match serde_json::to_vec(&line) {
            Ok(mut bytes) => {
                bytes.push(b'\n');
                let (kept, said) = self
                    .events
                    .push(self.disk.as_mut(), &mut self.chain, &bytes);
                self.check(EVENTS, said);
                if !kept {
                    self.unsure = true;
                    self.trouble(EVENTS, "the disk is behind: lines are lost".into());
                }
                if weighty {
                    let said = self.events.flush(self.disk.as_mut(), &mut self.chain);
                    self.check(EVENTS, said);
                }
            }
            Err(e) => self.trouble(EVENTS, e.to_string()),
        }
    }

    fn draw(&mut self, item: &Item) {
        if let Some(s) = &mut self.scene
            && let Err(e) = s.take(item)
        {
            // The scene is for the analyst; the evidence is in the other files.
            self.scene = None;
            self.trouble(RRD, format!("{e:#}"));
        }
        if let Some(v) = &mut self.viewer {
            v.take(item.clone());
        }
    }

    fn check(&mut self, what: &'static str, result: Result<(), DiskError>) {
        if let Err(e) = result {
            self.trouble(what, e.to_string());
        }
    }

    /// Told once for each file.
    fn trouble(&mut self, what: &'static str, words: String) {
        if self.said.insert(what) && self.troubles.len() < MAX_TROUBLES {
            let words = format!("{what}: {words}");
            self.troubles.push(words.clone());
            self.news.push_back(words);
        }
    }

    /// A trouble that was not told yet, in plain words: each file's first one only.
    pub fn next_trouble(&mut self) -> Option<String> {
        self.news.pop_front()
    }

    /// Frames recorded.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Makes everything so far durable and signs it: one segment of the chain. Waits for the disk. Whether all of it is
    /// durable: only then may somebody be told that it is recorded.
    pub fn commit(&mut self) -> bool {
        // The files before the entry: after a crash, no entry speaks of bytes that are not there. A disk that refused is
        // told, and what it did take is signed all the same.
        let files = self.sync_files();
        let chain = self.chain.cut(self.disk.as_mut(), self.stamp);
        let signed = chain.is_ok();
        self.unsure |= !signed;
        self.check(CHAIN, chain);
        files && signed && !self.unsure
    }

    fn sync_files(&mut self) -> bool {
        let tlog = self.tlog.sync(self.disk.as_mut(), &mut self.chain);
        let events = self.events.sync(self.disk.as_mut(), &mut self.chain);
        let good = tlog.is_ok() && events.is_ok();
        self.unsure |= !good;
        self.check(TLOG, tlog);
        self.check(EVENTS, events);
        good
    }

    /// Closes the record: everything durable, the chain's last entry, the closing manifest. Says what went wrong, in
    /// plain words; nothing when all is well.
    ///
    /// # Errors
    /// When frames or lines that were accepted could not be written in the end, or the record could not be closed.
    pub fn finish(mut self) -> anyhow::Result<Vec<String>> {
        let disk = self.disk.as_mut();
        let tlog = self.tlog.sync(disk, &mut self.chain);
        let events = self.events.sync(disk, &mut self.chain);
        if let Some(s) = self.scene.take()
            && let Err(e) = s.finish()
        {
            self.trouble(RRD, format!("{e:#}"));
        }
        if let Some(words) = self.viewer.take().and_then(Viewer::finish) {
            self.troubles.push(words);
        }
        for (name, lost) in [(TLOG, self.tlog.lost), (EVENTS, self.events.lost)] {
            if lost > 0 {
                self.troubles
                    .push(format!("{name}: {lost} records found no room on the disk"));
            }
        }
        tlog.with_context(|| format!("finishing {TLOG}"))?;
        events.with_context(|| format!("finishing {EVENTS}"))?;
        self.chain
            .close(self.disk.as_mut(), self.stamp)
            .with_context(|| format!("closing {CHAIN}"))?;
        if self.seal {
            match &self.dir {
                Some(dir) => seal_folder(dir, &self.signer)?,
                None => seal(&OfDisk(self.disk.as_ref()), &self.signer)
                    .map_err(|e| anyhow::anyhow!("the closing manifest: {e}"))?
                    .write(self.disk.as_mut())
                    .context("writing the closing manifest")?,
            }
        }
        Ok(self.troubles)
    }
}

/// Whether this is a SHA-256 in lower-case hex: nothing else becomes part of a file's name.
#[must_use]
pub fn is_sha256(text: &str) -> bool {
    text.len() == 2 * 32
        && text
            .bytes()
            .all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

/// `dir` itself, or when there is a recording in it, the next free name beside it: nothing recorded is replaced.
///
/// # Errors
/// When there are too many.
pub fn fresh(dir: &Path) -> anyhow::Result<PathBuf> {
    let taken = |d: &Path| [TLOG, EVENTS, CHAIN].iter().any(|f| d.join(f).exists());
    if !taken(dir) {
        return Ok(dir.to_owned());
    }
    for n in 2..1_000 {
        let mut name = dir.as_os_str().to_owned();
        name.push(format!("-{n}"));
        let beside = PathBuf::from(name);
        if !taken(&beside) {
            return Ok(beside);
        }
    }
    anyhow::bail!("beside {} there are a thousand recordings", dir.display())
}

/// A new folder under `parent`, named after the time and never one that exists.
///
/// # Errors
/// When it cannot be made.
pub fn new_folder(parent: &Path, utc: Utc) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(parent)
        .with_context(|| format!("creating the folder {}", parent.display()))?;
    let whole_second = Utc(utc.0.div_euclid(1_000_000) * 1_000_000);
    // Colons are not allowed in names on some file systems.
    let stem = whole_second.to_rfc3339().replace(':', "-");
    for n in 1..100 {
        let name = if n == 1 {
            stem.clone()
        } else {
            format!("{stem}-{n}")
        };
        let dir = parent.join(name);
        match std::fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e).with_context(|| format!("creating {}", dir.display())),
        }
    }
    anyhow::bail!("{} is full of recordings of this second", parent.display())
}

/// The files of a recording, as they stand.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// `flight.tlog`.
    pub tlog: Vec<u8>,
    /// `events.jsonl`.
    pub events: String,
    /// `plan.json`, when there is one.
    pub plan: Option<Vec<u8>>,
}

/// A `.tlog` longer than this is not read into memory, bytes.
const MAX_TLOG: u64 = 2 << 30;

/// The folder of the recording meant by `dir`: itself, or the newest (by name) of the recordings in it.
///
/// # Errors
/// When there is none.
pub fn find(dir: &Path) -> anyhow::Result<PathBuf> {
    if dir.join(TLOG).is_file() {
        return Ok(dir.to_owned());
    }
    let inside = std::fs::read_dir(dir)
        .with_context(|| format!("opening the folder {}", dir.display()))?
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.join(TLOG).is_file())
        .max();
    inside.with_context(|| {
        format!(
            "{} is not a recording: it has no {TLOG}. Give the folder of one flight",
            dir.display()
        )
    })
}

/// Opens what somebody wants to see: a flight's folder, a folder of flights (the newest), or one file: anybody's `.tlog`,
/// PX4's `.ulg`, ArduPilot's `.bin`. The folder, and its files.
///
/// # Errors
/// When there is no recording, or the file is no log that is known.
pub fn open(path: &Path) -> anyhow::Result<(PathBuf, Files)> {
    if !path.is_file() {
        let dir = find(path)?;
        let files = read_folder(&dir)?;
        return Ok((dir, files));
    }
    let len = std::fs::metadata(path)?.len();
    anyhow::ensure!(
        len <= MAX_TLOG,
        "{} is longer than {MAX_TLOG} bytes",
        path.display()
    );
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let log = crate::replay::import::import(&bytes).with_context(|| path.display().to_string())?;
    if log.damaged {
        tracing::warn!(
            "{}: part of the log is damaged and left out",
            path.display()
        );
    }
    let files = Files {
        tlog: log.tlog,
        events: log.events,
        plan: None,
    };
    Ok((path.parent().unwrap_or(Path::new("")).to_owned(), files))
}

/// Reads a recording's files.
///
/// # Errors
/// When there is no recording in the folder, or it is too long.
pub fn read_folder(dir: &Path) -> anyhow::Result<Files> {
    let tlog = dir.join(TLOG);
    let meta = std::fs::metadata(&tlog).with_context(|| format!("reading {}", tlog.display()))?;
    anyhow::ensure!(
        meta.len() <= MAX_TLOG,
        "{} is longer than {MAX_TLOG} bytes",
        tlog.display()
    );
    let optional = |name: &str| match std::fs::read(dir.join(name)) {
        Ok(b) => Ok(Some(b)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("reading {}", dir.join(name).display())),
    };
    let mut files = Files {
        tlog: std::fs::read(&tlog).with_context(|| format!("reading {}", tlog.display()))?,
        events: String::from_utf8_lossy(&optional(EVENTS)?.unwrap_or_default()).into_owned(),
        plan: optional(PLAN)?,
    };
    if dir.join(ABOARD_INPUTS).is_file() {
        files.events = as_a_desk_has_it(&files)?;
    }
    Ok(files)
}

/// A companion's own log has frames and its own words: what a desk would have shown of them comes between.
fn as_a_desk_has_it(files: &Files) -> anyhow::Result<String> {
    let (mut lines, _) = line::read(&files.events);
    lines.extend(crate::replay::again::lines_of_frames(&files.tlog)?);
    let venue = files
        .plan
        .as_ref()
        .and_then(|p| PatrolPlan::from_json(p).ok());
    if let Some(plan) = venue {
        let fact = Fact::Venue {
            venue: plan.file().venue.clone(),
        };
        let (t_ms, frame) = lines.first().map_or((0, 0), |l| (l.t_ms, l.frame));
        lines.insert(0, Line { t_ms, frame, fact });
    }
    lines.sort_by_key(|l| l.frame);
    let mut out = String::new();
    for l in lines {
        out.push_str(&serde_json::to_string(&l)?);
        out.push('\n');
    }
    Ok(out)
}

/// Gives everything that a recording shows to `take`, in order.
fn draw_all(
    files: &Files,
    dir: &Path,
    take: &mut dyn FnMut(Item) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (lines, _) = line::read(&files.events);
    take(Item::Venue(Box::new(venue_of(files)?)))?;
    if let Some(plan) = files
        .plan
        .as_ref()
        .and_then(|p| PatrolPlan::from_json(p).ok())
    {
        take(Item::of_plan(&plan))?;
    }
    for (utc, frame) in link::tlog::Reader::new(&files.tlog) {
        take(Item::Frame(utc, frame))?;
    }
    for l in lines {
        let utc = Utc(l.t_ms.saturating_mul(1_000));
        match l.fact {
            Fact::Event { event } => take(Item::Event(utc, "INFO", event.code))?,
            Fact::Picture { sha256 } if is_sha256(&sha256) => {
                if let Ok(b) = std::fs::read(dir.join(PICTURES).join(format!("{sha256}.jpg"))) {
                    take(Item::Image(utc, "anomaly".into(), b))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn venue_of(files: &Files) -> anyhow::Result<Venue> {
    let (lines, _) = line::read(&files.events);
    lines
        .iter()
        .find_map(|l| match &l.fact {
            Fact::Venue { venue } => Venue::from_value(venue).ok(),
            _ => None,
        })
        .context("the recording names no venue")
}

/// Streams a whole recording to a running Rerun viewer. Waits for the viewer: not for use beside flight.
///
/// # Errors
/// When the address is none, the folder's files cannot be understood, or the viewer is not there.
pub fn stream_to_viewer(url: &str, files: &Files, dir: &Path) -> anyhow::Result<()> {
    let origin = origin_of(&venue_of(files)?).context("the venue is empty")?;
    let viewer = Viewer::start(url, origin)?;
    draw_all(files, dir, &mut |item| viewer.wait(item))?;
    match viewer.finish() {
        None => Ok(()),
        Some(words) => anyhow::bail!(words),
    }
}

/// Draws a whole recording into a new `.rrd` file.
///
/// # Errors
/// When the folder's files cannot be understood, or the file cannot be written.
pub fn draw_rrd(to: &Path, files: &Files, dir: &Path) -> anyhow::Result<()> {
    let origin = origin_of(&venue_of(files)?).context("the venue is empty")?;
    let mut scene = Scene::to_file(to, origin)?;
    draw_all(files, dir, &mut |item| scene.take(&item))?;
    scene.finish()
}
