//! One flight's folder: `flight.tlog` (every frame, both ways), `events.jsonl` (what was said, asked and decided),
//! `plan.json`, `pictures/<sha256>.jpg` and, for the analyst, `flight.rrd`.
//!
//! Never needed by flight: an error is told once and the flight goes on. The console uses it through [`Live`], on a
//! thread of its own behind a bounded queue; the rehearsal calls [`Recorder`] in virtual time.

pub mod line;
mod live;
mod logfile;
pub mod rrd;
mod scene;
#[cfg(test)]
pub(crate) mod tests;

pub use live::Live;

use crate::desk::{Answer, Desk, DeskEvent, Intent, anomaly_id};
use anyhow::Context;
use line::{FORMAT, Fact, Line};
use link::frame::{Frame, Framer};
use logfile::LogFile;
use missions::anomaly::Anomaly;
use missions::plan::PatrolPlan;
use missions::time::{Mono, Utc};
use missions::venue::Venue;
use scene::{Item, Scene, Viewer, origin_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Frames with their times.
pub const TLOG: &str = "flight.tlog";
/// What was said, asked and decided.
pub const EVENTS: &str = "events.jsonl";
/// The newest plan.
pub const PLAN: &str = "plan.json";
/// Folder of pictures.
pub const PICTURES: &str = "pictures";
/// The Rerun recording.
pub const RRD: &str = "flight.rrd";

/// A plan that only progresses is written this often, ms.
const PLAN_EVERY_MS: i64 = 1_000;
/// What waits in memory is handed to the system this often, by the stamps, ms.
const FLUSH_EVERY_MS: i64 = 1_000;
/// Troubles kept, so that a failing disk cannot fill memory.
const MAX_TROUBLES: usize = 32;
/// Links whose bytes are cut into frames.
const MAX_LINKS: usize = 256;

/// What to record where.
#[derive(Clone, Debug)]
pub struct RecorderSetup {
    /// The flight's folder; made when absent. An older recording in it is replaced.
    pub dir: PathBuf,
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
            DeskEvent::Plan => fact(Fact::Plan {
                plan: desk.plan_view(),
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
        Entry::Fact {
            utc,
            fact: Box::new(Fact::Intent {
                intent: intent.clone(),
                answer: answer.clone(),
            }),
            anomaly: None,
        }
    }
}

/// Records one flight.
pub struct Recorder {
    dir: PathBuf,
    tlog: LogFile,
    events: LogFile,
    /// Frames in the `.tlog`.
    frames: u64,
    framers: BTreeMap<u8, Framer>,
    scene: Option<Scene>,
    viewer: Option<Viewer>,
    flushed_ms: i64,
    /// What was written last, so that what did not change is not written again.
    last_aircraft: BTreeMap<u64, Value>,
    last_plan: Option<(Value, i64)>,
    plan_id: Option<u64>,
    venue: Value,
    said: BTreeSet<&'static str>,
    news: VecDeque<String>,
    troubles: Vec<String>,
}

impl Recorder {
    /// Starts a recording.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be made, or the viewer's address is none.
    pub fn create(setup: RecorderSetup) -> anyhow::Result<Recorder> {
        let pictures = setup.dir.join(PICTURES);
        std::fs::create_dir_all(&pictures)
            .with_context(|| format!("creating the folder {}", pictures.display()))?;
        let file = |name: &str| {
            let path = setup.dir.join(name);
            LogFile::create(&path).with_context(|| format!("creating {}", path.display()))
        };
        let origin = origin_of(&setup.venue);
        let scene = match origin.filter(|_| setup.rrd) {
            Some(o) => Some(Scene::to_file(&setup.dir.join(RRD), o)?),
            None => None,
        };
        let viewer = match (&setup.rerun, origin) {
            (Some(url), Some(o)) => Some(Viewer::start(url, o)?),
            _ => None,
        };
        // A plan of an older recording must not pass for this one's.
        let stale = setup.dir.join(PLAN);
        if stale.exists() {
            std::fs::remove_file(&stale)
                .with_context(|| format!("removing {}", stale.display()))?;
        }
        let mut r = Recorder {
            tlog: file(TLOG)?,
            events: file(EVENTS)?,
            dir: setup.dir,
            frames: 0,
            framers: BTreeMap::new(),
            scene,
            viewer,
            flushed_ms: 0,
            last_aircraft: BTreeMap::new(),
            last_plan: None,
            plan_id: None,
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

    /// A plan was loaded: its file, and its path in the scene.
    pub fn plan(&mut self, plan: &PatrolPlan) {
        if self.plan_id == Some(plan.id()) {
            return;
        }
        let path = self.dir.join(PLAN);
        if let Some(old) = self.plan_id {
            // What flew before is evidence too.
            let aside = self.dir.join(format!("plan-{old:016x}.json"));
            let moved = std::fs::rename(&path, aside);
            self.check(PLAN, moved);
        }
        let written = write_whole(&path, &plan.to_json());
        self.check(PLAN, written);
        self.plan_id = Some(plan.id());
        if let Ok(venue) = Venue::from_value(&plan.file().venue) {
            let value = venue.to_value();
            if value != self.venue {
                self.venue = value.clone();
                self.line(Utc(self.flushed_ms * 1_000), Fact::Venue { venue: value });
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
        let (kept, said) = self.tlog.push(&link::tlog::record(utc, frame.bytes()));
        self.check(TLOG, said);
        if kept {
            self.frames += 1;
        } else {
            self.check(
                TLOG,
                Err(std::io::Error::other("the disk is behind: frames are lost")),
            );
        }
        self.draw(&Item::Frame(utc, frame));
        let ms = utc.0.div_euclid(1_000);
        if (ms - self.flushed_ms).abs() >= FLUSH_EVERY_MS {
            self.flushed_ms = ms;
            let said = self.tlog.flush();
            self.check(TLOG, said);
        }
    }

    /// An event of the desk.
    pub fn event(&mut self, event: &DeskEvent, desk: &Desk) {
        if matches!(event, DeskEvent::Plan)
            && let Some(plan) = desk.plan()
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
                let path = self.dir.join(PICTURES).join(format!("{sha256}.jpg"));
                let written = if is_sha256(&sha256) {
                    write_whole(&path, &bytes)
                } else {
                    Err(std::io::Error::other("a picture without a hash"))
                };
                self.check(PICTURES, written);
                self.draw(&Item::Image(utc, "anomaly".into(), bytes));
                self.line(utc, Fact::Picture { sha256 });
            }
            Entry::Preview {
                utc,
                aircraft,
                bytes,
            } => self.draw(&Item::Image(utc, format!("P{aircraft}"), bytes)),
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
        let line = Line {
            t_ms: utc.0.div_euclid(1_000),
            frame: self.frames,
            fact,
        };
        match serde_json::to_vec(&line) {
            Ok(mut bytes) => {
                bytes.push(b'\n');
                let (kept, said) = self.events.push(&bytes);
                self.check(EVENTS, said);
                if !kept {
                    self.check(
                        EVENTS,
                        Err(std::io::Error::other("the disk is behind: lines are lost")),
                    );
                }
                if weighty {
                    let said = self.events.flush();
                    self.check(EVENTS, said);
                }
            }
            Err(e) => self.check(EVENTS, Err(e.into())),
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

    fn check(&mut self, what: &'static str, result: std::io::Result<()>) {
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

    /// Makes everything so far durable. Waits for the disk.
    pub fn sync(&mut self) {
        let tlog = self.tlog.sync();
        self.check(TLOG, tlog);
        let events = self.events.sync();
        self.check(EVENTS, events);
    }

    /// Makes everything durable and says what went wrong, in plain words; nothing when all is well.
    ///
    /// # Errors
    /// When frames or lines that were accepted could not be written in the end.
    pub fn finish(mut self) -> anyhow::Result<Vec<String>> {
        let (tlog, events) = (self.tlog.sync(), self.events.sync());
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
        let dir = self.dir.clone();
        tlog.with_context(|| format!("finishing {}", dir.join(TLOG).display()))?;
        events.with_context(|| format!("finishing {}", dir.join(EVENTS).display()))?;
        // The names themselves must survive a power cut too. Where a folder cannot be opened, the system sees to it.
        if let Ok(d) = std::fs::File::open(&dir) {
            let _ = d.sync_all();
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

/// Writes a file aside and renames it: whoever opens it sees all of it or none.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let aside = path.with_extension("new");
    let mut f = std::fs::File::create(&aside)?;
    f.write_all(bytes)?;
    f.sync_all()?;
    std::fs::rename(&aside, path)
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
    Ok(Files {
        tlog: std::fs::read(&tlog).with_context(|| format!("reading {}", tlog.display()))?,
        events: String::from_utf8_lossy(&optional(EVENTS)?.unwrap_or_default()).into_owned(),
        plan: optional(PLAN)?,
    })
}

/// Streams a whole recording to a running Rerun viewer. Waits for the viewer: not for use beside flight.
///
/// # Errors
/// When the address is none, the folder's files cannot be understood, or the viewer is not there.
pub fn stream_to_viewer(url: &str, files: &Files, dir: &Path) -> anyhow::Result<()> {
    let (lines, _) = line::read(&files.events);
    let venue = lines
        .iter()
        .find_map(|l| match &l.fact {
            Fact::Venue { venue } => Venue::from_value(venue).ok(),
            _ => None,
        })
        .context("the recording names no venue")?;
    let origin = origin_of(&venue).context("the venue is empty")?;
    let viewer = Viewer::start(url, origin)?;
    viewer.wait(Item::Venue(Box::new(venue)))?;
    if let Some(plan) = files
        .plan
        .as_ref()
        .and_then(|p| PatrolPlan::from_json(p).ok())
    {
        viewer.wait(Item::of_plan(&plan))?;
    }
    for (utc, frame) in link::tlog::Reader::new(&files.tlog) {
        viewer.wait(Item::Frame(utc, frame))?;
    }
    for l in lines {
        let utc = Utc(l.t_ms.saturating_mul(1_000));
        match l.fact {
            Fact::Event { event } => viewer.wait(Item::Event(utc, "INFO", event.code))?,
            Fact::Picture { sha256 } if is_sha256(&sha256) => {
                if let Ok(b) = std::fs::read(dir.join(PICTURES).join(format!("{sha256}.jpg"))) {
                    viewer.wait(Item::Image(utc, "anomaly".into(), b))?;
                }
            }
            _ => {}
        }
    }
    match viewer.finish() {
        None => Ok(()),
        Some(words) => anyhow::bail!(words),
    }
}
