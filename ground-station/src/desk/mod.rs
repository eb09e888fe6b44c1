//! The desk: what an officer asks becomes orders and plan bundles, what aircraft say becomes facts, events, anomalies.
//!
//! A core: bytes, intents and time in; bytes and events out. Receipts an anomaly only after it is durable on its
//! [`Disk`]. Never speaks in sentences: events are codes with figures.

pub mod aircraft;
mod heads;
mod heard;
pub mod intent;
mod marks;
mod rehearsed;
mod seat;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tests_fleet;
pub mod view;

pub use aircraft::{Aircraft, Upload};
pub use intent::{Answer, Intent, Reason};
pub use rehearsed::Rehearsing;

use link::blob::{BlobKind, Sender, Sending};
use link::codes::Refusal;
use link::frame::{Framer, Outgoing};
use link::journal::{Disk, DiskError, Journal};
use link::lines::Lines;
use link::pace::Ear;
use link::patrol;
use link::receipts::Inbox;
use link::record::chain::{Head, Receipted};
use link::record::heads::{Heads, Offer};
use link::signing::{Key, Seal};
use link::state::{OrderKind, PlanState};
use link::telemetry::station_heartbeat;
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
/// Slow fields of an aircraft are shown at most this often.
const VIEW_EVERY: Duration = Duration::from_millis(500);
/// An order lives this long.
const ORDER_LIFE: Duration = Duration::from_secs(5);
/// A plan that is whole on the companion must be on the aircraft by then.
const CHECK_LIMIT: Duration = Duration::from_secs(90);
/// Events kept for a page that comes later.
const LOG_LEN: usize = 200;
/// PATROL_BLOB_OFFER and PATROL_BLOB_CHUNK.
const BLOB_OFFER: u32 = 54_103;
const BLOB_CHUNK: u32 = 54_104;
/// Longest name of an alarm, bytes.
const MAX_ALARM: usize = 128;
/// Why an anomaly may be dismissed.
pub const DISMISS_REASONS: [&str; 6] = [
    "animal",
    "staff",
    "vehicle",
    "known_drone",
    "sensor",
    "other",
];
/// Answers remembered, so that a repeated key does nothing twice.
const MAX_KEYS: usize = 512;

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

    /// Takes a plan and sends it to every aircraft.
    pub fn load_plan(&mut self, now: Now, bytes: &[u8]) -> Answer {
        self.load_plan_for(now, None, bytes)
    }

    /// Takes a plan and sends it to one aircraft; `None`: to every one.
    pub fn load_plan_for(&mut self, now: Now, aircraft: Option<u8>, bytes: &[u8]) -> Answer {
        self.now = now;
        let for_it = match aircraft.map(|id| self.index(id)).transpose() {
            Ok(i) => i,
            Err(r) => return Answer::no(r),
        };
        let plan = match PatrolPlan::from_json(bytes) {
            Ok(p) => p,
            Err(f) => return Answer::no(plan_reason(&f)),
        };
        self.say(
            aircraft,
            "plan_loaded",
            &[("name", plan.file().name.clone().into())],
            None,
        );
        let plan = Arc::new(plan);
        let id = plan.id();
        let given = for_it.map_or(0..self.aircraft.len(), |i| i..i + 1);
        for a in self.aircraft.iter_mut().take(given.end).skip(given.start) {
            a.plan = Some(Arc::clone(&plan));
            a.view_dirty = true;
        }
        self.plan = Some(plan);
        self.show_venues();
        // A rehearsal is of one plan: a changed one needs its own.
        let loaded: Vec<u64> = self.plans().map(PatrolPlan::id).chain([id]).collect();
        self.rehearsals.retain(|of, _| loaded.contains(of));
        self.rehearsals.entry(id).or_default();
        for i in given {
            self.start_upload(i);
        }
        self.event(DeskEvent::Plan(id));
        self.look_now = true;
        self.look_around();
        Answer::yes()
    }

    /// The map shows the plan's venue; where aircraft fly over several, all of them.
    fn show_venues(&mut self) {
        let mut shown: Option<Venue> = None;
        for plan in self.plans().chain(self.plan.as_deref()) {
            let Ok(v) = Venue::from_value(&plan.file().venue) else {
                continue;
            };
            let Some(all) = &mut shown else {
                shown = Some(v);
                continue;
            };
            for zone in v.zones {
                if !all.zones.contains(&zone) {
                    all.zones.push(zone);
                }
            }
        }
        self.venue = shown.unwrap_or_else(|| self.venue.clone());
    }

    /// The venue that this aircraft's plan was made over.
    fn venue_of(&self, id: u8) -> Venue {
        self.aircraft(id)
            .and_then(Aircraft::plan)
            .and_then(|p| Venue::from_value(&p.file().venue).ok())
            .unwrap_or_else(|| self.venue.clone())
    }

    /// An officer's intent. The same `key` again gives the same answer and does nothing.
    pub fn command(&mut self, now: Now, key: &str, intent: &Intent) -> Answer {
        self.now = now;
        self.settle();
        if let Some((_, a)) = self.keys.iter().find(|(k, _)| !key.is_empty() && k == key) {
            return a.clone();
        }
        let answer = match self.act(intent) {
            Ok(()) => Answer::yes(),
            // Taken for those that could be told; the reason says who could not.
            Err(r) if r.code == NOT_ALL => Answer {
                accepted: true,
                reason: Some(r),
            },
            Err(r) => Answer::no(r),
        };
        if !key.is_empty() {
            if self.keys.len() >= MAX_KEYS {
                self.keys.pop_front();
            }
            self.keys.push_back((key.to_owned(), answer.clone()));
        }
        answer
    }

    fn act(&mut self, intent: &Intent) -> Result<(), Reason> {
        match intent {
            Intent::Hold { aircraft: None } => {
                let ids: Vec<u8> = self.aircraft.iter().map(|a| a.id).collect();
                let mut first = None;
                let mut left_out = Vec::new();
                for id in &ids {
                    // One that cannot be reached must not keep the others from stopping.
                    if let Err(r) = self.order(*id, OrderKind::Hold, "hold", None) {
                        first = first.or(Some(r));
                        left_out.push(view::name(*id));
                    }
                }
                match first {
                    None => Ok(()),
                    Some(r) if left_out.len() == ids.len() => Err(r),
                    // Who was told to stop, and who was not, must be plain at once.
                    Some(r) => Err(Reason::new(NOT_ALL)
                        .with("told", ids.len() - left_out.len())
                        .with("all", ids.len())
                        .with("names", left_out.join(", "))
                        .with("why", r.code)),
                }
            }
            Intent::Hold { aircraft: Some(id) } => self.order(*id, OrderKind::Hold, "hold", None),
            Intent::Resume { aircraft } => self.order(*aircraft, OrderKind::Resume, "resume", None),
            Intent::Return { aircraft } => self.order(*aircraft, OrderKind::Return, "return", None),
            Intent::Preflight { aircraft } => {
                let i = self.index(*aircraft)?;
                if let Some(a) = self.aircraft.get_mut(i) {
                    a.orders.send(self.now, OrderKind::Preflight, ORDER_LIFE);
                }
                Ok(())
            }
            Intent::Upload { aircraft } => {
                let i = self.index(*aircraft)?;
                if self.aircraft.get(i).is_none_or(|a| a.plan.is_none()) {
                    return Err(Reason::new("desk.no_plan"));
                }
                self.start_upload(i);
                Ok(())
            }
            Intent::LandAt { aircraft, site } => {
                // Of its own venue: another's may have a site of the same name.
                let at = self
                    .venue_of(*aircraft)
                    .landing_sites()
                    .into_iter()
                    .find(|s| s.0 == *site)
                    .ok_or_else(|| Reason::new("desk.site_unknown").with("site", site.clone()))?
                    .1;
                self.order(*aircraft, OrderKind::LandAt { at }, "land_at", Some(at))
            }
            Intent::Look {
                aircraft,
                lat_deg,
                lon_deg,
            } => {
                let at = LatLon::from_degrees(*lat_deg, *lon_deg)
                    .map_err(|_| Reason::new(Refusal::BadNumber.key()))?;
                self.order(
                    *aircraft,
                    OrderKind::Look {
                        at,
                        above_home_m: None,
                    },
                    "look",
                    Some(at),
                )
            }
            Intent::Launch {
                aircraft,
                purpose,
                incident,
                pilot,
            } => {
                self.launch(*aircraft, purpose, incident, pilot)?;
                // Who answers for the flight has the aircraft.
                self.named(pilot);
                Ok(())
            }
            Intent::OverrideRehearsal {
                officer,
                reason,
                aircraft,
            } => self.override_rehearsal(*aircraft, officer, reason),
            Intent::HandOver { from, to } => self.hand_over(from, to),
            Intent::TakeControl { officer } => self.take_control(officer),
            Intent::Confirm { anomaly } => self.decide(anomaly, true, None, None),
            Intent::Dismiss {
                anomaly,
                reason,
                note,
            } => self.decide(
                anomaly,
                false,
                Some(reason.clone()),
                (!note.is_empty()).then(|| note.clone()),
            ),
            Intent::Acknowledge { alarm } => {
                let fits = !alarm.is_empty()
                    && alarm.len() <= MAX_ALARM
                    && alarm.bytes().all(|b| b.is_ascii_graphic());
                fits.then_some(())
                    .ok_or_else(|| Reason::new("desk.bad_request"))
            }
            Intent::Replay { .. } => Err(Reason::new("desk.bad_request")),
        }
    }

    fn index(&self, id: u8) -> Result<usize, Reason> {
        self.aircraft
            .iter()
            .position(|a| a.id == id)
            .ok_or_else(|| Reason::new("desk.no_aircraft"))
    }

    fn order(
        &mut self,
        id: u8,
        kind: OrderKind,
        word: &'static str,
        at: Option<LatLon>,
    ) -> Result<(), Reason> {
        let i = self.index(id)?;
        let now = self.now;
        let Some(a) = self.aircraft.get_mut(i) else {
            return Err(Reason::new("desk.no_aircraft"));
        };
        if !a.link_up(now.mono) {
            return Err(Reason::new(Refusal::NoLink.key()));
        }
        let number = a
            .orders
            .send(now, kind, ORDER_LIFE)
            .ok_or_else(|| Reason::new(Refusal::Busy.key()))?;
        a.order = Some(aircraft::OrderView {
            id: number,
            kind: word,
            at,
            fate: None,
            reason: None,
        });
        a.view_dirty = true;
        self.say(Some(id), "order_sent", &[("order", word.into())], at);
        Ok(())
    }

    fn launch(&mut self, id: u8, purpose: &str, incident: &str, pilot: &str) -> Result<(), Reason> {
        let i = self.index(id)?;
        let missing: Vec<&str> = [
            ("purpose", purpose),
            ("incident", incident),
            ("pilot", pilot),
        ]
        .into_iter()
        .filter(|(_, v)| v.trim().is_empty())
        .map(|(k, _)| k)
        .collect();
        if !missing.is_empty() {
            return Err(Reason::new(Refusal::Incomplete.key()).with("missing", missing.join(",")));
        }
        let Some(a) = self.aircraft.get(i) else {
            return Err(Reason::new("desk.no_aircraft"));
        };
        let plan_id = a
            .plan()
            .map(PatrolPlan::id)
            .ok_or_else(|| Reason::new("desk.no_plan"))?;
        if !a.link_up(self.now.mono) {
            return Err(Reason::new(Refusal::NoLink.key()));
        }
        // Until the link is proved by fault campaigns, only our simulator flies without somebody's word.
        if !a.state.is_some_and(|(s, _)| s.simulated) && !self.config.real_aircraft {
            return Err(Reason::new(Refusal::RealAircraft.key()));
        }
        if !a.has_plan(plan_id) {
            return Err(Reason::new(Refusal::NotOnAircraft.key()));
        }
        self.rehearsed(plan_id)?;
        let token = a
            .token(self.now.mono)
            .ok_or_else(|| Reason::new(Refusal::Preflight.key()))?;
        self.say(
            Some(id),
            "launch_recorded",
            &[
                ("purpose", purpose.into()),
                ("incident", incident.into()),
                ("pilot", pilot.into()),
            ],
            None,
        );
        self.order(id, OrderKind::Launch { plan_id, token }, "launch", None)?;
        if let Some(a) = self.aircraft.get_mut(i) {
            a.launched = true;
        }
        Ok(())
    }

    fn decide(
        &mut self,
        id: &str,
        confirmed: bool,
        reason: Option<String>,
        note: Option<String>,
    ) -> Result<(), Reason> {
        // Nobody is sent away without a reason.
        let named = |r: &String| DISMISS_REASONS.contains(&r.as_str());
        if !confirmed && !reason.as_ref().is_some_and(named) {
            return Err(Reason::new("desk.no_reason"));
        }
        let number = self
            .inbox
            .all()
            .find(|(s, a)| anomaly_id(*s, a.number) == id)
            .map(|(_, a)| a.number)
            .ok_or_else(|| Reason::new("desk.anomaly_unknown"))?;
        let decision = Decision {
            anomaly: id.to_owned(),
            confirmed,
            reason: reason.clone(),
            note,
            decided_ms: view::ms(self.utc()),
        };
        let bytes = serde_json::to_vec(&decision).map_err(|_| Reason::new("desk.bad_request"))?;
        // Durable before it is acknowledged: the officer's word must survive the desk.
        self.decision_log
            .append(self.disk.as_mut(), &bytes)
            .and_then(|()| self.decision_log.sync(self.disk.as_mut()))
            .map_err(|_| Reason::new(Refusal::Storage.key()))?;
        self.decisions.insert(id.to_owned(), decision);
        let code = if confirmed {
            "anomaly_confirmed"
        } else {
            "anomaly_dismissed"
        };
        self.say(
            None,
            code,
            &[
                ("number", number.into()),
                ("reason", reason.unwrap_or_default().into()),
            ],
            None,
        );
        self.event(DeskEvent::Anomaly {
            id: id.to_owned(),
            new: false,
        });
        Ok(())
    }

    fn start_upload(&mut self, i: usize) {
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let Some(plan) = a.plan.clone() else { return };
        let (bytes, id) = (plan.to_json(), plan.id());
        self.next_transfer = self.next_transfer.wrapping_add(1).max(1);
        a.view_dirty = true;
        if a.has_plan(id) {
            a.upload = Upload::OnAircraft;
            return;
        }
        a.sender = link::pack::pack(&bytes)
            .and_then(|b| Sender::new(BlobKind::Bundle, self.next_transfer, 0, b));
        a.room_bytes = self.config.bulk_bytes_per_s * 0.1 + 500.0;
        a.upload = match &a.sender {
            Some(_) => Upload::Sending { sent: 0, total: 0 },
            None => Upload::Failed(Reason::new(Refusal::TooMany.key())),
        };
        let whose = a.id;
        self.say(Some(whose), "plan_sending", &[], None);
        self.event(DeskEvent::Plan(id));
    }

    /// Everything that depends on time.
    fn look_around(&mut self) {
        let now = self.now;
        if now.mono >= self.next_keep_alive {
            self.next_keep_alive = now.mono.after(KEEP_ALIVE);
            for i in 0..self.aircraft.len() {
                self.send(i, station_heartbeat());
            }
        }
        let soon = std::mem::take(&mut self.look_now);
        if now.mono.since(self.last_look) < LOOK && self.last_look != Mono::ZERO && !soon {
            return;
        }
        let passed_s = now.mono.since(self.last_look).as_secs_f64();
        self.last_look = now.mono;
        self.tell_seat();
        self.tell_heads();
        self.tell_lines();
        for i in 0..self.aircraft.len() {
            self.look_at(i, passed_s);
        }
    }

    fn look_at(&mut self, i: usize, passed_s: f64) {
        let now = self.now;
        let rate = self.config.bulk_bytes_per_s;
        let alone = self.aircraft.len() == 1;
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let plan_id = a.plan().map(PatrolPlan::id);
        let id = a.id;
        let mut frames: Vec<Outgoing> = Vec::new();
        let mut said: Vec<(&'static str, Option<Reason>)> = Vec::new();
        let up = a.link_up(now.mono);
        if a.link_was_up && !up {
            a.link_was_up = false;
            a.view_dirty = true;
            said.push(("link_lost", None));
        }
        let silent = a.orders.tick(now);
        if a.order
            .as_ref()
            .is_some_and(|o| silent.contains(&o.id) && o.fate.is_none())
        {
            let reason = Reason::new("desk.not_delivered");
            if let Some(o) = &mut a.order {
                o.fate = Some(link::state::OrderFate::Expired);
                o.reason = Some(reason.clone());
            }
            a.view_dirty = true;
            said.push(("order_expired", Some(reason)));
        }
        while let Some(o) = a.orders.poll() {
            let system = a.telemetry.system.unwrap_or(1);
            frames.push(o.to_message(system).into());
        }
        let mut plan_changed = false;
        if let Some(s) = &mut a.sender {
            a.room_bytes = (a.room_bytes + rate * passed_s).min(rate * 0.1 + 500.0);
            if up {
                let out = s.send(now, a.room_bytes as usize);
                a.room_bytes -= 220.0 * out.len() as f64;
                frames.extend(out.into_iter().map(Outgoing::from));
            }
            let upload = match s.state() {
                Sending::Running { done, total } => Upload::Sending { sent: done, total },
                Sending::Done => Upload::Checking { since: now.mono },
                Sending::Refused => match &a.upload {
                    // The reason came in a PATROL_REFUSAL of its own.
                    Upload::Failed(r) => Upload::Failed(r.clone()),
                    _ => Upload::Failed(Reason::new("unknown")),
                },
                Sending::Silent => Upload::Failed(Reason::new(Refusal::Timeout.key())),
            };
            if !matches!(upload, Upload::Sending { .. }) {
                a.sender = None;
            }
            let changed = upload != a.upload;
            a.view_dirty |= changed;
            // A plan is long, and there may be fifty: that one more piece has come is told with the aircraft.
            let progress = matches!(
                (&upload, &a.upload),
                (Upload::Sending { .. }, Upload::Sending { .. })
            );
            plan_changed = changed && (alone || !progress);
            a.upload = upload;
        }
        match (&a.upload, a.state) {
            // Also where the receipt of its last piece never came: the aircraft's own word is more than that.
            (
                Upload::Sending { .. } | Upload::Checking { .. } | Upload::Idle | Upload::Failed(_),
                _,
            ) if plan_id.is_some_and(|p| a.has_plan(p)) => {
                a.upload = Upload::OnAircraft;
                a.sender = None;
                plan_changed = true;
                said.push(("plan_on_aircraft", None));
            }
            (Upload::Checking { since }, Some((s, t)))
                if s.plan_state == PlanState::Refused
                    && t > since.after(Duration::from_millis(500)) =>
            {
                a.upload = Upload::Failed(Reason::new("unknown"));
                plan_changed = true;
            }
            (Upload::Checking { since }, _) if now.mono.since(*since) > CHECK_LIMIT => {
                a.upload = Upload::Failed(Reason::new(Refusal::Timeout.key()));
                plan_changed = true;
            }
            (Upload::OnAircraft, Some((s, _)))
                if plan_id.is_some_and(|p| !a.has_plan(p)) && s.plan_state == PlanState::Dirty =>
            {
                a.upload = Upload::Failed(Reason::new(Refusal::NotOnAircraft.key()));
                plan_changed = true;
            }
            _ => {}
        }
        a.pictures.tick(now);
        a.previews.tick(now);
        while let Some(m) = a.pictures.poll() {
            frames.push(m.into());
        }
        while let Some(m) = a.previews.poll() {
            frames.push(m.into());
        }
        let show = a.view_dirty && now.mono.since(a.view_said) >= VIEW_EVERY;
        if show {
            a.view_dirty = false;
            a.view_said = now.mono;
        }
        for f in frames {
            self.send(i, f);
        }
        for (code, reason) in said {
            let params: Vec<(&str, Value)> = reason
                .map(|r| ("reason", Value::from(r.code)))
                .into_iter()
                .collect();
            self.say(Some(id), code, &params, None);
        }
        if plan_changed {
            if let Some(a) = self.aircraft.get_mut(i) {
                a.view_dirty = true;
            }
            if let Some(plan) = plan_id {
                self.event(DeskEvent::Plan(plan));
            }
        }
        if show {
            self.event(DeskEvent::Aircraft(id));
        }
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
