//! What a recording comes to for people outside: where each aircraft was, what was found, what was said.

use crate::record::line::{self, Fact, Line};
use link::frame::Frame;
use link::telemetry::Telemetry;
use link::tlog::Reader;
use missions::time::{Mono, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

/// Systems whose track is told at most.
const MAX_SYSTEMS: usize = 255;

/// Where an aircraft was.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// By the record's stamps.
    pub utc: Utc,
    /// MAVLink system.
    pub system: u8,
    /// WGS-84, degrees.
    pub lat_deg: f64,
    /// WGS-84, degrees.
    pub lon_deg: f64,
    /// Above mean sea level, metres.
    pub alt_amsl_m: f64,
    /// Above home, metres.
    pub above_home_m: f64,
    /// Over ground, m/s.
    pub speed_mps: f64,
    /// From true north, degrees.
    pub heading_deg: Option<f64>,
    /// Left, percent.
    pub battery_pct: Option<f64>,
    /// Motors.
    pub armed: Option<bool>,
}

/// A recording, read.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Every frame, in file order.
    pub frames: Vec<(Utc, Frame)>,
    /// Every position that an aircraft said, in file order.
    pub fixes: Vec<Fix>,
    /// Every line.
    pub lines: Vec<Line>,
    /// Anomalies as they stood at the end, in the order they came.
    pub anomalies: Vec<Value>,
    /// The venue at the end.
    pub venue: Option<Value>,
    /// Pictures by their SHA-256 in hex.
    pub pictures: BTreeMap<String, Vec<u8>>,
}

impl Facts {
    /// Reads `flight.tlog` and `events.jsonl`. `picture` finds a picture by its hash.
    #[must_use]
    pub fn read(tlog: &[u8], events: &str, picture: &dyn Fn(&str) -> Option<Vec<u8>>) -> Facts {
        let mut out = Facts {
            frames: Reader::new(tlog).collect(),
            lines: line::read(events).0,
            ..Facts::default()
        };
        let mut systems: BTreeMap<u8, Telemetry> = BTreeMap::new();
        for (utc, frame) in &out.frames {
            let system = frame.header().system;
            if !systems.contains_key(&system) && systems.len() >= MAX_SYSTEMS {
                continue;
            }
            let t = systems.entry(system).or_default();
            let now = Mono(u64::try_from(utc.0).unwrap_or(0));
            if !t.take(now, frame) {
                continue;
            }
            // A position of this very frame, not an older one told again.
            if let Some((p, _)) = t.position.take() {
                let [n, e, _] = p.vel_ned_mps;
                out.fixes.push(Fix {
                    utc: *utc,
                    system,
                    lat_deg: p.at.lat_deg(),
                    lon_deg: p.at.lon_deg(),
                    alt_amsl_m: p.alt_amsl_m,
                    above_home_m: p.above_home_m,
                    speed_mps: n.hypot(e),
                    heading_deg: p.heading_deg,
                    battery_pct: t.battery_pct.map(|b| b.0),
                    armed: t.armed,
                });
            }
        }
        let mut newest: BTreeMap<String, Value> = BTreeMap::new();
        let mut order = Vec::new();
        for l in &out.lines {
            match &l.fact {
                Fact::Anomaly { anomaly, .. } => {
                    let id = anomaly.get("id").map(Value::to_string).unwrap_or_default();
                    if newest.insert(id.clone(), anomaly.clone()).is_none() {
                        order.push(id);
                    }
                }
                Fact::Venue { venue } => out.venue = Some(venue.clone()),
                Fact::Picture { sha256 } => {
                    if let Some(bytes) = picture(sha256) {
                        out.pictures.insert(sha256.clone(), bytes);
                    }
                }
                _ => {}
            }
        }
        out.anomalies = order.iter().filter_map(|id| newest.remove(id)).collect();
        out
    }

    /// Each aircraft's track.
    #[must_use]
    pub fn tracks(&self) -> BTreeMap<u8, Vec<&Fix>> {
        let mut out: BTreeMap<u8, Vec<&Fix>> = BTreeMap::new();
        for f in &self.fixes {
            out.entry(f.system).or_default().push(f);
        }
        out
    }
}
