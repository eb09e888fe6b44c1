//! The desk: what an officer asks becomes orders and plan bundles, what aircraft say becomes facts, events, anomalies.
//!
//! A core: bytes, intents and time in; bytes and events out. Receipts an anomaly only after it is durable on its
//! [`Disk`]. Never speaks in sentences: events are codes with figures.

mod acts;
pub mod aircraft;
mod heads;
mod heard;
pub mod intent;
mod marks;
mod plans;
mod rehearsed;
mod seat;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tests_fleet;
mod turn;
pub mod view;

pub use acts::DISMISS_REASONS;
pub use aircraft::{Aircraft, Upload};
pub use intent::{Answer, Intent, Reason};
pub use rehearsed::Rehearsing;

use link::frame::{Framer, Outgoing};
use link::journal::{Disk, DiskError, Journal};
use link::lines::Lines;
use link::pace::Ear;
use link::patrol;
use link::receipts::Inbox;
use link::record::chain::{Head, Receipted};
use link::record::heads::{Heads, Offer};
use link::signing::{Key, Seal};
use missions::place::LatLon;
use missions::plan::{PatrolPlan, PlanFault};
use missions::time::{Mono, Now, Reading, Utc};
use missions::venue::Venue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Time between keep-alives: 8 Hz.
pub const KEEP_ALIVE: Duration = Duration::from_millis(125);
/// How often the desk looks around when nothing happens.
const LOOK: Duration = Duration::from_millis(20);
/// Events kept for a page that comes later.
const LOG_LEN: usize = 200;
/// PATROL_BLOB_OFFER and PATROL_BLOB_CHUNK.
const BLOB_OFFER: u32 = 54_103;
const BLOB_CHUNK: u32 = 54_104;

/// An order to all went out, but not to every one.
const NOT_ALL: &str = "desk.not_all";

/// How a desk is set up.
#[derive(Clone, Debug)]
pub struct DeskConfig {
    /// Own MAVLink system id.
    pub system: u8,
    /// Own MAVLink component id.
    pub component: u8,
    /// How many aircraft there are.
    pub links: u8,
    /// Which aircraft each link leads to, counted from 0: several links may lead to one. Empty: one link each, in order.
    pub lines: Vec<u8>,
    /// The venue shown before a plan brings its own.
    pub venue: Venue,
    /// Whether somebody confirmed that a real aircraft may be launched.
    pub real_aircraft: bool,
    /// Bytes a second for plan bundles on each link.
    pub bulk_bytes_per_s: f64,
    /// Orders are numbered from here: from the clock, so that a restarted desk never repeats a number.
    pub first_order: u32,
    /// UTC at the shell's [`missions::time::Mono::ZERO`] in a simulated world, which has a day of its own; `None` on a real
    /// watch, where the shell's clock is asked until an aircraft tells the time.
    pub simulated_day: Option<Utc>,
    /// Whether a plan may only be launched after its rehearsal, or on a duty officer's word.
    pub rehearsals: bool,
}

impl Default for DeskConfig {
    fn default() -> Self {
        DeskConfig {
            system: 255,
            component: 190,
            links: 1,
            lines: Vec::new(),
            venue: Venue::sixi_river(),
            real_aircraft: false,
            bulk_bytes_per_s: 60_000.0,
            first_order: 0,
            simulated_day: None,
            rehearsals: false,
        }
    }
}

/// Into the desk.
#[derive(Debug)]
pub enum DeskIn<'a> {
    /// Bytes from an aircraft.
    Bytes {
        /// Which link.
        link: u8,
        /// Bytes.
        bytes: &'a [u8],
    },
    /// An officer's intent, without a key.
    Intent(Intent),
    /// How far this station's own record is durable: aircraft are told, and keep it.
    Recorded {
        /// Identity of the record, hex.
        flight: &'a str,
        /// Its newest durable entry.
        head: Head,
    },
    /// An aircraft's head that was told by [`DeskEvent::Head`] is durable in the record, or found no room.
    HeadKept {
        /// Whose.
        aircraft: u8,
        /// The head.
        offer: &'a Offer,
        /// Whether it is durable.
        durable: bool,
    },
    /// Time passed.
    Tick,
}

/// Something for the log: a code, figures, whose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since 1970.
    pub t_ms: i64,
    /// A key of the console's dictionaries.
    pub code: String,
    /// Figures and names.
    pub params: Map<String, Value>,
    /// Aircraft id.
    pub aircraft: Option<u8>,
    /// Longitude, latitude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<[f64; 2]>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskEvent {
    /// A line for the log and the record.
    Log(Event),
    /// Slow fields of an aircraft.
    Aircraft(u8),
    /// An anomaly is new or changed.
    Anomaly {
        /// Its id.
        id: String,
        /// Whether it was never shown before.
        new: bool,
    },
    /// A preflight list.
    Preflight(u8),
    /// The plan with this id, its sending or the result of its rehearsal.
    Plan(u64),
    /// How much of a plan's rehearsal is done, 0..=1.
    Rehearsing {
        /// The plan's id.
        plan: u64,
        /// The part.
        part: f64,
    },
    /// A picture arrived and is durable.
    Picture {
        /// Its SHA-256, hex.
        sha256: String,
    },
    /// A camera preview arrived.
    Preview(u8),
    /// An aircraft tells how far its own record goes: to be recorded, then [`DeskIn::HeadKept`].
    Head {
        /// Whose.
        aircraft: u8,
        /// The head.
        offer: Offer,
    },
    /// An aircraft has a head of this station's record.
    Receipted(Receipted),
}

/// Out of the desk.
#[derive(Clone, Debug)]
pub enum DeskOut {
    /// Bytes to an aircraft.
    Bytes {
        /// Which link.
        link: u8,
        /// Bytes of one frame.
        bytes: Vec<u8>,
    },
    /// Something changed.
    Event(DeskEvent),
}

/// What an officer decided about an anomaly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Anomaly id.
    pub anomaly: String,
    /// Real or not.
    pub confirmed: bool,
    /// Why not, a code.
    pub reason: Option<String>,
    /// Words of the officer.
    pub note: Option<String>,
    /// Milliseconds since 1970.
    pub decided_ms: i64,
}

/// The desk.
pub struct Desk {
    config: DeskConfig,
    disk: Box<dyn Disk>,
    now: Now,
    aircraft: Vec<Aircraft>,
    /// Of each link: the aircraft, and what was not yet a whole frame.
    links: Vec<(usize, Framer)>,
    lines: Lines,
    /// Of each link: what is heard on it.
    ears: Vec<Ear>,
    sitting: seat::Sitting,
    venue: Venue,
    /// The plan taken last; each aircraft has its own.
    plan: Option<Arc<PatrolPlan>>,
    /// Of the plans that are loaded, by their ids.
    rehearsals: BTreeMap<u64, rehearsed::Rehearsal>,
    inbox: Inbox,
    /// Anomalies that were written and not yet made durable: of which aircraft, store, number.
    unsettled: Vec<(usize, u64, u32)>,
    /// Which aircraft an anomaly store is aboard, and when its anomalies came.
    stores: BTreeMap<u64, u8>,
    received: BTreeMap<String, Utc>,
    decisions: BTreeMap<String, Decision>,
    decision_log: Journal,
    pictures: BTreeMap<String, ()>,
    log: VecDeque<Event>,
    keys: VecDeque<(String, Answer)>,
    /// The exchange of heads, while something is recorded, and how far that is durable.
    heads: Option<(Heads, Head)>,
    next_keep_alive: Mono,
    next_transfer: u32,
    last_look: Mono,
    /// Something was heard that a sending waits for.
    look_now: bool,
    out: VecDeque<DeskOut>,
}

impl Desk {
    /// A desk that has heard nobody.
    ///
    /// # Errors
    /// [`DiskError`] when its store cannot be read.
    pub fn new(config: DeskConfig, mut disk: Box<dyn Disk>) -> Result<Desk, DiskError> {
        let inbox = Inbox::open(disk.as_mut(), "inbox.log")?;
        let (decision_log, found) = Journal::salvage(disk.as_mut(), "decisions.log")?;
        let decisions_damaged = found.damaged_bytes;
        let decisions = found
            .records
            .iter()
            .filter_map(|r| serde_json::from_slice::<Decision>(r).ok())
            .map(|d| (d.anomaly.clone(), d))
            .collect();
        let pictures = disk
            .list()?
            .into_iter()
            .filter_map(|f| {
                Some((
                    f.strip_prefix("picture-")?.strip_suffix(".jpg")?.to_owned(),
                    (),
                ))
            })
            .collect();
        let mut aircraft: Vec<Aircraft> = (0..config.links)
            .map(|i| Aircraft::new(i + 1, config.system, config.component, config.first_order))
            .collect();
        let kept_marks = disk.read(marks::FILE)?;
        for a in &mut aircraft {
            let file = key_file(a.id);
            let text = disk.read(&file)?;
            if text.is_empty() {
                continue;
            }
            // A key that cannot be read must never mean a link without one.
            let key = std::str::from_utf8(&text)
                .ok()
                .and_then(Key::from_hex)
                .ok_or_else(|| DiskError::Io {
                    doing: "reading the key in",
                    file,
                    detail: "not 64 hexadecimal digits".into(),
                })?;
            let times = format!("link-{}.times", a.id);
            let mut seal = Seal::open(disk.as_mut(), &times, key, a.id)?;
            if let Some(kept) = marks::of(&kept_marks, a.id) {
                seal.recall(kept);
            }
            a.seal = Some(seal);
        }
        let damaged = [
            ("inbox.log", inbox.damaged_bytes()),
            ("decisions.log", decisions_damaged),
        ];
        let lines: Vec<u8> = if config.lines.is_empty() {
            (0..config.links).collect()
        } else {
            config.lines.clone()
        };
        let mut desk = Desk {
            links: lines
                .iter()
                .map(|a| (usize::from(*a), Framer::new()))
                .collect(),
            lines: Lines::new(&lines),
            ears: lines.iter().map(|_| Ear::default()).collect(),
            sitting: seat::Sitting::default(),
            aircraft,
            venue: config.venue.clone(),
            next_transfer: config.first_order,
            config,
            disk,
            now: Now {
                mono: Mono::ZERO,
                utc: Reading::NotYet,
            },
            plan: None,
            rehearsals: BTreeMap::new(),
            inbox,
            unsettled: Vec::new(),
            stores: BTreeMap::new(),
            received: BTreeMap::new(),
            decisions,
            decision_log,
            pictures,
            log: VecDeque::new(),
            keys: VecDeque::new(),
            heads: None,
            next_keep_alive: Mono::ZERO,
            last_look: Mono::ZERO,
            look_now: false,
            out: VecDeque::new(),
        };
        for (file, bytes) in damaged.into_iter().filter(|(_, bytes)| *bytes > 0) {
            let detail =
                format!("{file}: {bytes} bytes damaged; the file as found: {file}.damaged");
            desk.say(None, "recorder_failed", &[("detail", detail.into())], None);
        }
        Ok(desk)
    }

    /// The same desk in the same moment, on a disk of its own that must hold what this one's holds.
    #[must_use]
    pub fn fork(&self, disk: Box<dyn Disk>) -> Desk {
        Desk {
            disk,
            config: self.config.clone(),
            now: self.now,
            links: self.links.clone(),
            lines: self.lines.clone(),
            ears: self.ears.clone(),
            sitting: self.sitting.clone(),
            aircraft: self.aircraft.clone(),
            venue: self.venue.clone(),
            plan: self.plan.clone(),
            rehearsals: self.rehearsals.clone(),
            inbox: self.inbox.clone(),
            unsettled: self.unsettled.clone(),
            stores: self.stores.clone(),
            received: self.received.clone(),
            decisions: self.decisions.clone(),
            decision_log: self.decision_log.clone(),
            pictures: self.pictures.clone(),
            log: self.log.clone(),
            keys: self.keys.clone(),
            heads: self.heads.clone(),
            next_keep_alive: self.next_keep_alive,
            next_transfer: self.next_transfer,
            last_look: self.last_look,
            look_now: self.look_now,
            out: self.out.clone(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: DeskIn<'_>) {
        self.now = now;
        self.tend_seals();
        match input {
            DeskIn::Bytes { link, bytes } => self.bytes(link, bytes),
            DeskIn::Intent(intent) => {
                self.command(now, "", &intent);
            }
            DeskIn::Recorded { flight, head } => self.recorded(flight, head),
            DeskIn::HeadKept {
                aircraft,
                offer,
                durable,
            } => self.head_kept(aircraft, offer, durable),
            DeskIn::Tick => {}
        }
        self.look_around();
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<DeskOut> {
        // Whoever handed over many inputs before asking waits for the disk once.
        self.settle();
        self.out.pop_front()
    }

    /// When to call with [`DeskIn::Tick`] next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        Some(self.next_keep_alive.min(self.last_look.after(LOOK)))
    }

    /// The aircraft, by id.
    #[must_use]
    pub fn aircraft(&self, id: u8) -> Option<&Aircraft> {
        self.aircraft.iter().find(|a| a.id == id)
    }
    /// All aircraft.
    #[must_use]
    pub fn all_aircraft(&self) -> &[Aircraft] {
        &self.aircraft
    }
    /// The first aircraft's plan; where it has none, the one taken last.
    #[must_use]
    pub fn plan(&self) -> Option<&PatrolPlan> {
        let first = self.aircraft.first().and_then(Aircraft::plan);
        first.or(self.plan.as_deref())
    }
    /// The plans that aircraft are to fly, each once, in the order of their first aircraft.
    pub fn plans(&self) -> impl Iterator<Item = &PatrolPlan> {
        let id = |a: &Aircraft| a.plan().map(PatrolPlan::id);
        self.aircraft
            .iter()
            .enumerate()
            .filter(move |(i, a)| {
                let mut before = self.aircraft.iter().take(*i);
                !before.any(|b| id(b) == id(a))
            })
            .filter_map(|(_, a)| a.plan())
    }
    /// The plan with this id, and who is to fly it.
    #[must_use]
    pub fn plan_by(&self, id: u64) -> Option<(&PatrolPlan, Vec<&Aircraft>)> {
        let flies = |a: &&Aircraft| a.plan().is_some_and(|p| p.id() == id);
        let by: Vec<&Aircraft> = self.aircraft.iter().filter(flies).collect();
        Some((by.first()?.plan()?, by))
    }
    /// The venue.
    #[must_use]
    pub fn venue(&self) -> &Venue {
        &self.venue
    }
    /// Everything received, with the store it is from.
    pub fn anomalies(&self) -> impl Iterator<Item = (u64, &missions::anomaly::Anomaly)> {
        self.inbox.all()
    }
    /// A picture by its SHA-256 in hex.
    #[must_use]
    pub fn picture(&self, sha256: &str) -> Option<Vec<u8>> {
        self.pictures.get(sha256)?;
        self.disk
            .read(&picture_file(sha256))
            .ok()
            .filter(|b| !b.is_empty())
    }
    /// UTC as the aircraft's GNSS has it, else as the shell has it.
    #[must_use]
    pub fn utc(&self) -> Utc {
        self.utc_at(self.now)
    }
    /// The same at another moment than the last input's.
    #[must_use]
    pub fn utc_at(&self, now: Now) -> Utc {
        let heard = self
            .aircraft
            .iter()
            .filter_map(|a| a.telemetry.utc)
            .max_by_key(|(_, t)| *t);
        match heard {
            Some((utc, at)) => utc.after(now.mono.since(at)),
            None => self.config.simulated_day.map_or_else(
                || now.utc.valid().unwrap_or(Utc(0)),
                |day| day.after(now.mono.since(Mono::ZERO)),
            ),
        }
    }

    /// The anomalies as the page reads them.
    #[must_use]
    pub fn anomaly_views(&self) -> Vec<Value> {
        self.inbox
            .all()
            .map(|(store, a)| self.view_of(store, a))
            .collect()
    }
    /// One anomaly as the page reads it.
    #[must_use]
    pub fn anomaly_view(&self, id: &str) -> Option<Value> {
        self.inbox
            .all()
            .find(|(s, a)| anomaly_id(*s, a.number) == id)
            .map(|(s, a)| self.view_of(s, a))
    }
    fn view_of(&self, store: u64, a: &missions::anomaly::Anomaly) -> Value {
        let id = anomaly_id(store, a.number);
        let ready = a
            .picture_sha256
            .is_some_and(|h| self.pictures.contains_key(&missions::plan::hex(&h)));
        let aircraft = self.stores.get(&store).copied().unwrap_or(1);
        view::anomaly(
            &id,
            aircraft,
            a,
            self.received.get(&id).copied(),
            ready,
            self.decisions.get(&id),
        )
    }

    /// Something the shell has to say to the officer, e.g. that its recorder failed: a code and figures.
    pub fn note(&mut self, now: Now, code: &str, params: &[(&str, Value)]) {
        self.now = now;
        self.say(None, code, params, None);
    }

    fn index(&self, id: u8) -> Result<usize, Reason> {
        self.aircraft
            .iter()
            .position(|a| a.id == id)
            .ok_or_else(|| Reason::new("desk.no_aircraft"))
    }

    fn send(&mut self, i: usize, msg: impl Into<Outgoing>) {
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let frame = a.stamper.frame(msg);
        let bytes = match &mut a.seal {
            None => frame.bytes().to_vec(),
            Some(seal) => match seal.sign(&frame) {
                Some(signed) => signed.bytes().to_vec(),
                None => return,
            },
        };
        let big = matches!(frame.header().msg_id, BLOB_OFFER | BLOB_CHUNK);
        let mut ways = (0u8..)
            .zip(&self.links)
            .filter(|(_, (to, _))| *to == i)
            .map(|(n, _)| n);
        let Some(first) = ways.next() else { return };
        let others: Vec<u8> = ways.collect();
        // Over every line that leads there; what is big over the best that is up.
        let carrier = (big && !others.is_empty())
            .then(|| self.lines.best(self.now.mono, first, None, |_| None))
            .flatten();
        for link in std::iter::once(first).chain(others) {
            if carrier.is_some_and(|c| c != link) {
                continue;
            }
            self.out.push_back(DeskOut::Bytes {
                link,
                bytes: bytes.clone(),
            });
        }
    }

    /// Tells each aircraft what is heard of it on each line, on that line.
    fn tell_lines(&mut self) {
        let now = self.now.mono;
        for (link, ear) in (0u8..).zip(&mut self.ears) {
            let Some(heard) = ear.report(now) else {
                continue;
            };
            let Some(a) = self
                .links
                .get(usize::from(link))
                .and_then(|(i, _)| self.aircraft.get_mut(*i))
            else {
                continue;
            };
            let (Some(seal), Some(system)) = (&mut a.seal, a.telemetry.system) else {
                continue;
            };
            let frame = a
                .stamper
                .frame(patrol::MavMessage::PATROL_LINE(heard.to_data(system)));
            // The next one has the same number: on the other lines nothing is missing.
            a.stamper.follow(frame.header().seq);
            if let Some(signed) = seal.sign(&frame) {
                self.out.push_back(DeskOut::Bytes {
                    link,
                    bytes: signed.bytes().to_vec(),
                });
            }
        }
    }

    fn receipt(&mut self, i: usize, store_id: u64, number: u32) {
        self.send(
            i,
            patrol::MavMessage::PATROL_RECEIPT(patrol::PATROL_RECEIPT_DATA { store_id, number }),
        );
    }

    fn event(&mut self, e: DeskEvent) {
        self.out.push_back(DeskOut::Event(e));
    }

    fn say(
        &mut self,
        aircraft: Option<u8>,
        code: &str,
        params: &[(&str, Value)],
        at: Option<LatLon>,
    ) {
        let e = Event {
            t_ms: view::ms(self.utc()),
            code: code.to_owned(),
            params: params
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.clone()))
                .collect(),
            aircraft,
            at: at.map(|p| [p.lon_deg(), p.lat_deg()]),
        };
        self.log_event(e);
    }

    fn log_event(&mut self, e: Event) {
        if self.log.len() >= LOG_LEN {
            self.log.pop_front();
        }
        self.log.push_back(e.clone());
        self.event(DeskEvent::Log(e));
    }
}

/// Id of an anomaly: its store and number.
#[must_use]
pub fn anomaly_id(store: u64, number: u32) -> String {
    format!("{store:016x}-{number}")
}

/// File of an aircraft's key in the desk's store, as 64 hexadecimal digits; absent: that link is a laboratory's cable.
#[must_use]
pub fn key_file(aircraft: u8) -> String {
    format!("link-{aircraft}.key")
}

/// Name of a picture's file in the desk's store.
pub(crate) fn picture_file(sha256: &str) -> String {
    format!("picture-{sha256}.jpg")
}

/// A plan's fault as a reason.
#[must_use]
pub fn plan_reason(f: &PlanFault) -> Reason {
    let mut r = Reason::new(f.code).at(f.at).with("words", f.words.clone());
    if f.value.is_finite() {
        r = r.with("value", f.value);
    }
    if let Some(i) = f.item {
        r = r.with("item", i + 1);
    }
    r
}
