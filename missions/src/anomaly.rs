//! Sightings (allegations), and anomalies (a rule's judgement on a track).

use crate::place::LatLon;
use crate::time::Utc;
use serde::{Deserialize, Serialize};

/// What kind of thing a rule flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    /// A drone that broadcasts a Remote ID nobody here knows.
    UnknownDrone,
    /// A warm body inside a restricted zone.
    PersonInZone,
}

/// How urgent, three steps as ISA-18.2 asks. Gravest first in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// ▲ 紧急: act now.
    Urgent,
    /// ◆ 高: act soon.
    High,
    /// ● 提示: know.
    Notice,
}

/// One-sigma ground error ellipse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ellipse {
    /// Semi-major axis, metres.
    pub major_m: f64,
    /// Semi-minor axis, metres.
    pub minor_m: f64,
    /// Bearing of the major axis, degrees clockwise from true north.
    pub bearing_deg: f64,
}

/// A rule's judgement on a track, numbered by the aircraft that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Counts from 1 per store; never reused.
    pub number: u32,
    /// What.
    pub kind: AnomalyKind,
    /// How urgent.
    pub priority: Priority,
    /// Id of the rule that judged (see the rules file).
    pub rule: String,
    /// Who or what: a Remote ID serial number, or a zone id.
    pub subject: String,
    /// First seen.
    pub first_seen: Utc,
    /// When the rule fired.
    pub flagged: Utc,
    /// Where (ground position, or the drone's own report).
    pub at: LatLon,
    /// Height above mean sea level where known, metres.
    pub alt_amsl_m: Option<f64>,
    /// How well the place is known.
    pub error: Ellipse,
    /// 0..=1.
    pub confidence: f64,
    /// SHA-256 of the picture, where there is one.
    pub picture_sha256: Option<[u8; 32]>,
    /// Bytes of the picture, 0 without one.
    pub picture_len: u32,
}
