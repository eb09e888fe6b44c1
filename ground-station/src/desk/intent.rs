//! What an officer wants, as the page says it, and what the desk answers at once.

use missions::place::LatLon;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An officer's intent. Field names are those of `web/API.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Intent {
    /// Stop and hover; `None`: every aircraft.
    Hold {
        /// Which aircraft.
        aircraft: Option<u8>,
    },
    /// Go on with the plan.
    Resume {
        /// Which aircraft.
        aircraft: u8,
    },
    /// Go home.
    Return {
        /// Which aircraft.
        aircraft: u8,
    },
    /// Fly the plan.
    Launch {
        /// Which aircraft.
        aircraft: u8,
        /// What for.
        purpose: String,
        /// Incident number.
        incident: String,
        /// Who answers for it.
        pilot: String,
    },
    /// The plan may fly although its rehearsal is missing or blocks it: a duty officer's word.
    OverrideRehearsal {
        /// Who says so.
        officer: String,
        /// Why.
        reason: String,
        /// Whose plan; absent: the first aircraft's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aircraft: Option<u8>,
    },
    /// Land at a site of the venue.
    LandAt {
        /// Which aircraft.
        aircraft: u8,
        /// Zone id.
        site: String,
    },
    /// Look at a place.
    Look {
        /// Which aircraft.
        aircraft: u8,
        /// WGS-84.
        lat_deg: f64,
        /// WGS-84.
        lon_deg: f64,
    },
    /// An anomaly is real.
    Confirm {
        /// Which.
        anomaly: String,
    },
    /// An anomaly is not.
    Dismiss {
        /// Which.
        anomaly: String,
        /// Why, a code.
        reason: String,
        /// In the officer's words.
        #[serde(default)]
        note: String,
    },
    /// An alarm was seen. Changes nothing but the record: how long an alarm waited is told from it.
    Acknowledge {
        /// The alarm as the page names it; an anomaly as `anomaly:` and its id.
        alarm: String,
    },
    /// An alarm is put aside for a while, with its reason (ISA-18.2: shelved). Changes nothing but the record and the log; it comes
    /// back by itself.
    Shelve {
        /// The alarm as the page names it.
        alarm: String,
        /// As the officer read it.
        words: String,
        /// Why.
        reason: String,
        /// For how long.
        minutes: u32,
    },
    /// A fresh preflight list.
    Preflight {
        /// Which aircraft.
        aircraft: u8,
    },
    /// Send the plan again.
    Upload {
        /// Which aircraft.
        aircraft: u8,
    },
    /// Control goes from one officer to another, both by name.
    HandOver {
        /// Who sits at this desk.
        from: String,
        /// Who does from now on; empty: whoever takes control, at whatever station.
        #[serde(default)]
        to: String,
    },
    /// This desk's officer takes control of what nobody holds.
    TakeControl {
        /// Who.
        officer: String,
    },
    /// Drive a replay.
    Replay {
        /// `play`, `pause`, `seek`, `speed`.
        op: String,
        /// Milliseconds since 1970, or a factor.
        #[serde(default)]
        value: f64,
    },
}

/// A code, its figures, and a place where it has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// A key of the console's dictionaries.
    pub code: String,
    /// Figures and names.
    pub params: Map<String, Value>,
    /// Longitude, latitude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<[f64; 2]>,
}

impl Reason {
    /// A code alone.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Reason {
            code: code.to_owned(),
            params: Map::new(),
            at: None,
        }
    }
    /// With a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }
    /// With a place.
    #[must_use]
    pub fn at(mut self, at: Option<LatLon>) -> Self {
        self.at = at.map(|p| [p.lon_deg(), p.lat_deg()]);
        self
    }
}

/// The desk's answer to an intent: whether it took it. That it was done shows in the aircraft's state only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Taken.
    pub accepted: bool,
    /// Why not; where it was taken, who of all could not be told.
    pub reason: Option<Reason>,
}

impl Answer {
    /// Taken.
    #[must_use]
    pub fn yes() -> Self {
        Answer {
            accepted: true,
            reason: None,
        }
    }
    /// Not taken.
    #[must_use]
    pub fn no(reason: Reason) -> Self {
        Answer {
            accepted: false,
            reason: Some(reason),
        }
    }
}
