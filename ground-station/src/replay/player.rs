//! Plays a recording: time passes, the page's state moves. Only `replay` intents do anything.

use super::index::{Recording, watch};
use crate::desk::{Aircraft, Answer, Event, Intent, Reason, view};
use crate::incidents::Book;
use crate::record::line::Fact;
use missions::time::{Now, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Slowest and fastest.
pub const SPEEDS: (f64, f64) = (0.25, 16.0);
/// Events kept for the page, as at the desk.
const LOG_LEN: usize = 200;
/// Slow fields are shown this often where the recording has no lines of its own, µs.
const VIEW_EVERY_US: i64 = 500_000;

/// What changed for the page.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A message for the page but for its `seq`.
    Message(Value),
    /// A camera preview of this aircraft.
    Preview(u8),
    /// Everything: the page wants a snapshot.
    All,
}

/// The page's state by lines.
#[derive(Clone, Debug, Default)]
struct Shown {
    venue: Value,
    /// In the order of their first telling; each with the ids of who flies it.
    plans: Vec<Value>,
    aircraft: BTreeMap<u64, Value>,
    anomalies: BTreeMap<String, Value>,
    /// Ids in the order they came.
    order: Vec<String>,
    preflight: BTreeMap<u64, Value>,
    log: VecDeque<Event>,
    incidents: Book,
    patrols: BTreeMap<u64, Value>,
}

impl Shown {
    /// A plan, new or changed: whoever flies it flies no other. Recordings from before fleets name nobody: then it is for all.
    fn plan(&mut self, plan: &Value) {
        let by = plan.get("aircraft").and_then(Value::as_array);
        let Some(by) = by.filter(|_| !plan.is_null()) else {
            self.plans = if plan.is_null() {
                Vec::new()
            } else {
                vec![plan.clone()]
            };
            return;
        };
        let same = |p: &Value| p.get("hash") == plan.get("hash");
        for other in self.plans.iter_mut().filter(|p| !same(p)) {
            if let Some(ids) = other.get_mut("aircraft").and_then(Value::as_array_mut) {
                ids.retain(|id| !by.contains(id));
            }
        }
        self.plans.retain(|p| {
            let ids = p.get("aircraft").and_then(Value::as_array);
            same(p) || ids.is_some_and(|ids| !ids.is_empty())
        });
        match self.plans.iter_mut().find(|p| same(p)) {
            Some(p) => *p = plan.clone(),
            None => self.plans.push(plan.clone()),
        }
    }

    /// Takes a fact; the page's message about it, where there is one.
    fn take(&mut self, fact: &Fact) -> Option<Change> {
        let id = |v: &Value, name: &str| v.get(name).and_then(Value::as_u64).unwrap_or(0);
        Some(match fact {
            Fact::Venue { venue } => {
                self.venue = venue.clone();
                Change::All
            }
            Fact::Plan { plan } => {
                self.plan(plan);
                Change::Message(json!({"type": "plan", "plan": plan}))
            }
            Fact::Aircraft { aircraft } => {
                self.aircraft.insert(id(aircraft, "id"), aircraft.clone());
                Change::Message(json!({"type": "aircraft", "aircraft": aircraft}))
            }
            Fact::Preflight { preflight } => {
                self.preflight
                    .insert(id(preflight, "aircraft"), preflight.clone());
                Change::Message(json!({"type": "preflight", "preflight": preflight}))
            }
            Fact::Anomaly { anomaly, .. } => {
                let id = anomaly.get("id").and_then(Value::as_str).unwrap_or("");
                if self
                    .anomalies
                    .insert(id.to_owned(), anomaly.clone())
                    .is_none()
                {
                    self.order.push(id.to_owned());
                }
                Change::Message(json!({"type": "anomaly", "anomaly": anomaly}))
            }
            Fact::Event { event } => {
                if self.log.len() >= LOG_LEN {
                    self.log.pop_front();
                }
                self.log.push_back(event.clone());
                Change::Message(json!({"type": "event", "event": event}))
            }
            Fact::Incident { deed } => {
                // What cannot be folded is of a recording that lost its beginning.
                self.incidents.take(deed).ok()?;
                let incident = self.incidents.incident(deed.about)?.view();
                Change::Message(json!({"type": "incident", "incident": incident}))
            }
            Fact::Patrol { patrol, .. } => {
                self.patrols.insert(id(patrol, "number"), patrol.clone());
                Change::Message(json!({"type": "patrol", "patrol": patrol}))
            }
            Fact::Recording { .. }
            | Fact::Picture { .. }
            | Fact::Intent { .. }
            | Fact::Head { .. }
            | Fact::Access { .. } => return None,
        })
    }
}

/// A recording that plays.
pub struct Player {
    recording: Recording,
    at_us: i64,
    playing: bool,
    speed: f64,
    aircraft: Vec<Aircraft>,
    shown: Shown,
    next_frame: usize,
    /// Frames that were handed on, as of an aircraft that flies now.
    handed: usize,
    next_line: usize,
    ticks: Value,
    viewed_us: i64,
    batches: u32,
}

impl Player {
    /// At the beginning, standing still. `speed` is brought into the range allowed.
    #[must_use]
    pub fn new(recording: Recording, speed: f64) -> Self {
        let ticks = recording
            .lines()
            .iter()
            .filter_map(|(t_us, l)| match &l.fact {
                Fact::Anomaly { anomaly, new: true } => Some(
                    json!({"t_ms": t_us.div_euclid(1_000), "priority": anomaly.get("priority")}),
                ),
                _ => None,
            })
            .collect();
        let speed = if speed.is_finite() { speed } else { 1.0 };
        let mut p = Player {
            at_us: recording.span().0.0,
            recording,
            playing: false,
            speed: speed.clamp(SPEEDS.0, SPEEDS.1),
            aircraft: Vec::new(),
            shown: Shown::default(),
            next_frame: 0,
            handed: 0,
            next_line: 0,
            ticks,
            viewed_us: 0,
            batches: 0,
        };
        p.seek(p.recording.span().0);
        p
    }

    /// The recording.
    #[must_use]
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
    /// Where it stands.
    #[must_use]
    pub fn now(&self) -> Utc {
        Utc(self.at_us)
    }
    /// Whether it plays.
    #[must_use]
    pub fn playing(&self) -> bool {
        self.playing
    }
    /// The aircraft at this moment, for the binary batch.
    #[must_use]
    pub fn aircraft(&self) -> &[Aircraft] {
        &self.aircraft
    }

    /// Jumps to a moment (the nearest there is).
    pub fn seek(&mut self, to: Utc) {
        let (start, end) = self.recording.span();
        self.at_us = to.0.clamp(start.0, end.0);
        let (aircraft, next_frame) = self.recording.before(self.at_us);
        self.aircraft = aircraft;
        self.next_frame = next_frame;
        self.take_frames(&mut Vec::new());
        self.handed = self.next_frame;
        self.next_line = self
            .recording
            .lines()
            .partition_point(|(t, _)| *t <= self.at_us);
        self.shown = self.shown_before(self.next_line);
    }

    /// What the first `n` lines come to. Copies only what is still true then.
    fn shown_before(&self, n: usize) -> Shown {
        let lines = self.recording.lines().get(..n).unwrap_or(&[]);
        let mut newest: BTreeMap<(u8, String), usize> = BTreeMap::new();
        let mut order = Vec::new();
        let mut shown = Shown::default();
        for (i, (_, l)) in lines.iter().enumerate() {
            let key = match &l.fact {
                Fact::Venue { .. } => (0, String::new()),
                Fact::Plan { .. } => (1, String::new()),
                Fact::Aircraft { aircraft: v } => (2, key_of(v, "id")),
                Fact::Preflight { preflight: v } => (3, key_of(v, "aircraft")),
                Fact::Anomaly { anomaly: v, .. } => {
                    let key = (4, key_of(v, "id"));
                    if !newest.contains_key(&key) {
                        order.push(key.clone());
                    }
                    key
                }
                Fact::Patrol { patrol: v, .. } => (5, key_of(v, "number")),
                // Every step counts, not the newest alone.
                Fact::Incident { .. } => {
                    shown.take(&l.fact);
                    continue;
                }
                _ => continue,
            };
            newest.insert(key, i);
        }
        let mut take = |i: usize| {
            if let Some((_, l)) = lines.get(i) {
                shown.take(&l.fact);
            }
        };
        // Anomalies in the order they came, whatever changed about them since.
        for key in order {
            if let Some(i) = newest.remove(&key) {
                take(i);
            }
        }
        newest.into_values().for_each(&mut take);
        let mut events: Vec<usize> = lines
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, (_, l))| matches!(l.fact, Fact::Event { .. }))
            .map(|(i, _)| i)
            .take(LOG_LEN)
            .collect();
        events.reverse();
        events.into_iter().for_each(&mut take);
        shown
    }

    /// Time passes, `passed` on the watcher's clock. What changed, in order.
    pub fn advance(&mut self, passed: Duration) -> Vec<Change> {
        let mut changes = Vec::new();
        if !self.playing {
            return changes;
        }
        let by_us = (passed.as_secs_f64() * self.speed * 1e6).min(1e12) as i64;
        let end = self.recording.span().1.0;
        self.at_us = self.at_us.saturating_add(by_us).min(end);
        self.take_frames(&mut changes);
        while let Some((t, l)) = self.recording.lines().get(self.next_line) {
            if *t > self.at_us {
                break;
            }
            changes.extend(self.shown.take(&l.fact));
            self.next_line += 1;
        }
        if self.shown.aircraft.is_empty() && (self.at_us - self.viewed_us).abs() >= VIEW_EVERY_US {
            self.viewed_us = self.at_us;
            let now = self.recording.mono(self.at_us);
            changes.extend(self.aircraft.iter().map(|a| {
                let view = view::aircraft(a, now);
                Change::Message(json!({"type": "aircraft", "aircraft": view}))
            }));
        }
        if self.at_us >= end {
            self.playing = false;
            changes.push(self.status_change());
        }
        changes
    }

    fn take_frames(&mut self, changes: &mut Vec<Change>) {
        while let Some(t_us) = self.recording.time_of_frame(self.next_frame) {
            if t_us > self.at_us {
                break;
            }
            if let Some((id, frame)) = self.recording.frame(self.next_frame)
                && let Some(a) = self.aircraft.iter_mut().find(|a| a.id == id)
            {
                let now = Now::new(self.recording.mono(t_us), Utc(t_us));
                if watch(a, now, Utc(t_us), &frame) && !changes.contains(&Change::Preview(id)) {
                    changes.push(Change::Preview(id));
                }
            }
            self.next_frame += 1;
        }
    }

    /// The next frame of an aircraft that was played and not handed on yet: what others would hear now if it flew. After a
    /// jump only what comes then.
    pub fn hand_on(&mut self) -> Option<Vec<u8>> {
        while self.handed < self.next_frame {
            let frame = self.recording.frame(self.handed);
            self.handed += 1;
            if let Some((_, f)) = frame {
                return Some(f.bytes().to_vec());
            }
        }
        None
    }

    /// An officer's intent: only `replay` is taken. The changes to show for it.
    pub fn command(&mut self, intent: &Intent) -> (Answer, Vec<Change>) {
        let Intent::Replay { op, value } = intent else {
            return (Answer::no(Reason::new("desk.replay_only")), Vec::new());
        };
        let (start, end) = self.recording.span();
        let changes = match op.as_str() {
            "play" if self.at_us >= end.0 => {
                self.seek(start);
                self.playing = true;
                vec![Change::All]
            }
            "play" => {
                self.playing = true;
                vec![self.status_change()]
            }
            "pause" => {
                self.playing = false;
                vec![self.status_change()]
            }
            "speed" if (SPEEDS.0..=SPEEDS.1).contains(value) => {
                self.speed = *value;
                vec![self.status_change()]
            }
            // Milliseconds of any year that a clock may show.
            "seek" if value.is_finite() && value.abs() < 1e14 => {
                self.seek(Utc((*value * 1e3) as i64));
                vec![Change::All]
            }
            _ => return (Answer::no(Reason::new("desk.bad_request")), Vec::new()),
        };
        (Answer::yes(), changes)
    }

    /// `Replay` of the page's contract.
    #[must_use]
    pub fn status(&self) -> Value {
        let (start, end) = self.recording.span();
        let ms = |t: i64| t.div_euclid(1_000);
        json!({
            "start_ms": ms(start.0),
            "end_ms": ms(end.0),
            "now_ms": ms(self.at_us),
            "playing": self.playing,
            "speed": self.speed,
            "ticks": self.ticks,
        })
    }

    fn status_change(&self) -> Change {
        Change::Message(self.status_message())
    }

    /// The message that says where the replay stands.
    #[must_use]
    pub fn status_message(&self) -> Value {
        json!({"type": "replay", "replay": self.status()})
    }

    /// The snapshot, but for `seq`.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        let now = self.recording.mono(self.at_us);
        let mut aircraft: Vec<Value> = Vec::new();
        for a in &self.aircraft {
            aircraft.push(match self.shown.aircraft.get(&u64::from(a.id)) {
                Some(v) => v.clone(),
                None => view::aircraft(a, now),
            });
        }
        for (id, v) in &self.shown.aircraft {
            if !self.aircraft.iter().any(|a| u64::from(a.id) == *id) {
                aircraft.push(v.clone());
            }
        }
        let anomalies: Vec<&Value> = self
            .shown
            .order
            .iter()
            .filter_map(|id| self.shown.anomalies.get(id))
            .collect();
        json!({
            "type": "snapshot",
            "server_ms": self.at_us.div_euclid(1_000),
            "venue": self.shown.venue,
            "plan": self.shown.plans.first(),
            "plans": self.shown.plans,
            "aircraft": aircraft,
            "anomalies": anomalies,
            "preflight": self.shown.preflight.values().collect::<Vec<_>>(),
            "log": self.shown.log,
            "incidents": self.shown.incidents.views().0,
            "patrols": self.shown.patrols.values().collect::<Vec<_>>(),
            "replay": self.status(),
        })
    }

    /// The incidents as they stood at this moment.
    #[must_use]
    pub fn incidents(&self) -> &Book {
        &self.shown.incidents
    }

    /// The binary batch of this moment.
    pub fn batch(&mut self) -> Vec<u8> {
        self.batches = self.batches.wrapping_add(1);
        let now = self.recording.mono(self.at_us);
        view::batch(&self.aircraft, self.batches, now, Utc(self.at_us))
    }

    /// Newest camera preview of an aircraft.
    #[must_use]
    pub fn preview(&self, id: u8) -> Option<&[u8]> {
        let a = self.aircraft.iter().find(|a| a.id == id)?;
        a.preview.as_ref().map(|(bytes, _)| bytes.as_slice())
    }
}

fn key_of(v: &Value, name: &str) -> String {
    match v.get(name) {
        Some(Value::String(s)) => s.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
