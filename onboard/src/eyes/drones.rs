//! Drones heard by Remote ID, and the rule "nobody here knows this one".
//!
//! Our own broadcast is us: whatever our autopilot sends without a foreign address, and every transmitter that carries our
//! own id. A drone that hides its place or its name is still told, with the receiver's range for an error. A stolen id (ours or
//! the roster's) is not seen through here: Remote ID is unauthenticated.

use super::people::RateLimit;
use super::remote_id::{Location, Said, Source};
use super::rules::{Rules, UnknownDrone};
use missions::anomaly::Ellipse;
use missions::place::LatLon;
use missions::plane::LocalPlane;
use missions::time::{Mono, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most transmitters followed.
const MAX_TRANSMITTERS: usize = 128;
/// Most subjects remembered as told.
const MAX_TOLD: usize = 512;
/// Most identities of one transmitter, and of our own.
const MAX_IDS: usize = 4;
const MAX_OWN_IDS: usize = 16;
/// The autopilot's MAVLink component.
const AUTOPILOT: u8 = 1;
/// A receiver that gives no addresses: a location belongs to the identity it passed on just before.
const BIND: Duration = Duration::from_millis(1500);
/// 95 % of a circular normal distribution lies within 2.45 sigma.
const SIGMAS_AT_95: f64 = 2.4477;

/// Where a Remote ID frame came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The receiver.
    Receiver,
    /// The autopilot's port.
    Autopilot,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Own,
    Address([u8; 20]),
    /// No address: told apart by name.
    Named(u8, u8, String),
    /// Neither address nor name.
    Nameless(u8, u8),
}

#[derive(Clone, Debug)]
struct Transmitter {
    first: Mono,
    first_utc: Option<Utc>,
    last: Mono,
    messages: u32,
    /// Text and whether it is a serial number.
    ids: Vec<(String, bool)>,
    location: Option<(Location, Mono)>,
    operator: Option<LatLon>,
    /// Reports of a place, and how many of them were where we were.
    places: u32,
    places_ours: u32,
    told: bool,
}

/// Ourselves, when a Remote ID message came in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ourselves {
    /// Where.
    pub at: LatLon,
    /// One-sigma error, metres.
    pub error_m: f64,
}

/// A rule fired on a transmitter.
#[derive(Clone, Debug, PartialEq)]
pub struct DroneFlag {
    /// The rule.
    pub rule: UnknownDrone,
    /// Its id.
    pub subject: String,
    /// Where it says it is; else where we are.
    pub at: LatLon,
    /// Whether `at` is its own claim.
    pub placed: bool,
    /// One-sigma error.
    pub error: Ellipse,
    /// Height it claims above ground or take-off, metres.
    pub height_m: Option<f64>,
    /// Pilot, where it says.
    pub operator: Option<LatLon>,
    /// First heard.
    pub first_utc: Option<Utc>,
    /// 0..=1.
    pub confidence: f64,
}

/// All drones heard lately.
#[derive(Clone, Debug, Default)]
pub struct Drones {
    heard: BTreeMap<Key, Transmitter>,
    told: BTreeMap<String, Mono>,
    own_ids: BTreeSet<String>,
    last_named: BTreeMap<(u8, u8), (String, Mono)>,
    rate: RateLimit,
    messages: u64,
}

fn circle(sigma_m: f64) -> Ellipse {
    Ellipse {
        major_m: sigma_m,
        minor_m: sigma_m,
        bearing_deg: 0.0,
    }
}

impl Drones {
    /// Remote ID messages understood.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }
    /// Transmitters followed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heard.len()
    }
    /// None.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heard.is_empty()
    }
    /// This id is ours.
    pub fn own(&mut self, uas_id: &str) {
        let id = uas_id.trim();
        if !id.is_empty() && (self.own_ids.len() < MAX_OWN_IDS || self.own_ids.contains(id)) {
            self.own_ids.insert(id.to_owned());
        }
    }

    /// Takes one message.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another thing the receiver says"
    )]
    pub fn hear(
        &mut self,
        now: Mono,
        utc: Option<Utc>,
        door: Door,
        own_system: Option<u8>,
        (source, said): (Source, Vec<Said>),
        ourselves: Option<Ourselves>,
        rules: &Rules,
    ) {
        self.messages = self.messages.saturating_add(1);
        let key = self.key(now, door, own_system, &source, &said);
        if key == Key::Own {
            for s in &said {
                if let Said::Id { uas_id, .. } = s {
                    self.own(uas_id);
                }
            }
        }
        self.make_room(&key);
        let t = self.heard.entry(key).or_insert(Transmitter {
            first: now,
            first_utc: utc,
            last: now,
            messages: 0,
            ids: Vec::new(),
            location: None,
            operator: None,
            places: 0,
            places_ours: 0,
            told: false,
        });
        if now.since(t.last) >= Duration::from_secs_f64(rules.remote_id.absent_s.get()) {
            (t.first, t.first_utc, t.messages, t.told) = (now, utc, 0, false);
            t.location = None;
        }
        t.last = t.last.max(now);
        t.messages = t.messages.saturating_add(1);
        for s in said {
            match s {
                Said::Id { uas_id, serial } => {
                    if t.ids.len() < MAX_IDS && t.ids.iter().all(|(id, _)| *id != uas_id) {
                        t.ids.push((uas_id, serial));
                    }
                }
                Said::Location(mut l) => {
                    if let (Some(at), Some(we)) = (l.at, ourselves) {
                        let d = LocalPlane::new(we.at).to_local(at);
                        let d = d.east_m.hypot(d.north_m);
                        t.places = t.places.saturating_add(1);
                        if d <= rules.remote_id.own_place_m.get() + 2.0 * we.error_m {
                            t.places_ours = t.places_ours.saturating_add(1);
                        }
                        // Radio does not reach that far: the claim is wrong, whatever the reason.
                        if d > 2.0 * rules.remote_id.receiver_range_m.get() {
                            l.at = None;
                        }
                    }
                    // A claim of "nowhere" does not wipe out the place it gave a moment ago.
                    if l.at.is_some() || t.location.is_none() {
                        t.location = Some((l, now));
                    }
                }
                Said::Operator(at) => t.operator = Some(at),
            }
        }
    }

    fn key(
        &mut self,
        now: Mono,
        door: Door,
        own_system: Option<u8>,
        source: &Source,
        said: &[Said],
    ) -> Key {
        if let Some(mac) = source.mac {
            return Key::Address(mac);
        }
        let ours = door == Door::Autopilot || own_system == Some(source.system);
        if source.component == AUTOPILOT && ours {
            return Key::Own;
        }
        let from = (source.system, source.component);
        let name = said.iter().find_map(|s| match s {
            Said::Id { uas_id, .. } => Some(uas_id.clone()),
            Said::Location(_) | Said::Operator(_) => None,
        });
        if let Some(name) = name {
            self.last_named.insert(from, (name.clone(), now));
            while self.last_named.len() > MAX_TRANSMITTERS {
                self.last_named.pop_first();
            }
            return Key::Named(from.0, from.1, name);
        }
        match self.last_named.get(&from) {
            Some((name, at)) if now.since(*at) <= BIND => Key::Named(from.0, from.1, name.clone()),
            _ => Key::Nameless(from.0, from.1),
        }
    }

    /// The longest silent one makes room for a new one.
    fn make_room(&mut self, key: &Key) {
        if self.heard.len() < MAX_TRANSMITTERS || self.heard.contains_key(key) {
            return;
        }
        let oldest = self
            .heard
            .iter()
            .min_by_key(|(_, t)| t.last)
            .map(|(k, _)| k.clone());
        if let Some(k) = oldest {
            self.heard.remove(&k);
        }
    }

    /// Judges all drones heard: call after messages and from time to time, because silence too decides.
    pub fn judge(
        &mut self,
        now: Mono,
        ourselves: Option<Ourselves>,
        rules: &Rules,
    ) -> Vec<DroneFlag> {
        let r = &rules.remote_id;
        let absent = Duration::from_secs_f64(r.absent_s.get());
        self.heard.retain(|_, t| now.since(t.last) < absent);
        self.told.retain(|_, last| now.since(*last) < absent);
        let mut flags = Vec::new();
        for (key, t) in &mut self.heard {
            let ours = *key == Key::Own || t.ids.iter().any(|(id, _)| self.own_ids.contains(id));
            if ours || t.ids.iter().any(|(id, _)| rules.knows(id)) {
                continue;
            }
            let Some(subject) = subject(key, t) else {
                continue;
            };
            if let Some(last) = self.told.get_mut(&subject) {
                *last = t.last.max(*last);
                t.told = true;
            }
            if t.told || f64::from(t.messages) < r.min_messages.get() {
                continue;
            }
            let heard_s = now.since(t.first).as_secs_f64();
            let nameless = t.ids.is_empty();
            let always_here = t.places > 0 && t.places_ours == t.places;
            if nameless && (heard_s < r.id_wait_s.get() || always_here || ourselves.is_none()) {
                continue; // Its name may still come; or it is always where we are: it is us.
            }
            let claim = t.location.and_then(|(l, at)| l.at.map(|p| (p, l, at)));
            if claim.is_none() && heard_s < r.position_wait_s.get() {
                continue;
            }
            let (at, error, placed, height_m) = match (claim, ourselves) {
                (Some((p, l, when)), _) => {
                    let r95 = l.accuracy95_m.unwrap_or(r.unknown_accuracy_m.get());
                    let moved = l.speed_mps.unwrap_or(0.0) * now.since(when).as_secs_f64();
                    (
                        p,
                        circle((r95 / SIGMAS_AT_95).hypot(moved)),
                        true,
                        l.height_m,
                    )
                }
                (None, Some(we)) => {
                    let sigma = r.receiver_range_m.get() / SIGMAS_AT_95;
                    (we.at, circle(sigma.hypot(we.error_m)), false, None)
                }
                (None, None) => continue, // Neither knows where: asked again.
            };
            let per_minute = rules
                .unknown_drone
                .iter()
                .map(|rule| rule.max_per_minute.get())
                .fold(0.0, f64::max);
            if !self.rate.allow(now, per_minute) {
                continue; // Asked again when the minute is over.
            }
            t.told = true;
            while self.told.len() >= MAX_TOLD {
                self.told.pop_first();
            }
            self.told.insert(subject.clone(), t.last);
            for rule in &rules.unknown_drone {
                flags.push(DroneFlag {
                    rule: rule.clone(),
                    subject: subject.clone(),
                    at,
                    placed,
                    error,
                    height_m,
                    operator: t.operator,
                    first_utc: t.first_utc,
                    confidence: if placed {
                        r.confidence.get()
                    } else {
                        r.confidence_unplaced.get()
                    },
                });
            }
        }
        flags
    }
}

/// What an officer reads: the serial number, else another id, else the address.
fn subject(key: &Key, t: &Transmitter) -> Option<String> {
    let id = t.ids.iter().find(|(_, serial)| *serial).or(t.ids.first());
    match (id, key) {
        (Some((id, _)), _) => Some(id.clone()),
        (None, Key::Address(mac)) => {
            let hex: String = mac.iter().take(8).map(|b| format!("{b:02x}")).collect();
            Some(format!("unnamed {hex}"))
        }
        (None, Key::Nameless(..)) => t.location.map(|_| "unnamed".to_owned()),
        (None, Key::Own | Key::Named(..)) => None,
    }
}

#[cfg(test)]
#[path = "drones_tests.rs"]
mod tests;
