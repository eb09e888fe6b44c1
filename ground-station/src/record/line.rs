//! One line of `events.jsonl`: what was said, asked and decided, in the order it happened.
//!
//! A line says after how many frames of `flight.tlog` it was written: the two files stay aligned whatever the clocks
//! do. Values are those of the console (`web/API.md`), so that a replay shows what the officer saw.

use crate::desk::{Answer, Event, Intent};
use crate::incidents::Deed;
use crate::people::audit::Access;
use link::record::heads::Offer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Written in the first line.
pub const FORMAT: &str = "patrol-recording/1";

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since 1970 UTC, by the recorder's stamps (the aircraft's GNSS once it was heard).
    pub t_ms: i64,
    /// Frames in `flight.tlog` when this was written.
    pub frame: u64,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// The first line.
    Recording {
        /// [`FORMAT`].
        format: String,
        /// Of the program.
        version: String,
    },
    /// The venue from here on, GeoJSON.
    Venue {
        /// FeatureCollection.
        venue: Value,
    },
    /// A line of the officer's log.
    Event {
        /// As the page reads it.
        event: Event,
    },
    /// An anomaly, new or changed.
    Anomaly {
        /// As the page reads it.
        anomaly: Value,
        /// Whether it was never shown before.
        new: bool,
    },
    /// Slow fields of an aircraft.
    Aircraft {
        /// As the page reads it.
        aircraft: Value,
    },
    /// A preflight list.
    Preflight {
        /// As the page reads it.
        preflight: Value,
    },
    /// The plan and where its sending stands.
    Plan {
        /// As the page reads it.
        plan: Value,
    },
    /// A picture is in `pictures/`.
    Picture {
        /// SHA-256, hex.
        sha256: String,
    },
    /// The other side's head: how far its own record went. Kept for whoever verifies that one.
    Head {
        /// Who, e.g. `aircraft 1`.
        by: String,
        /// The head.
        #[serde(flatten)]
        offer: Offer,
    },
    /// An officer's click and the desk's answer.
    Intent {
        /// What was asked.
        intent: Intent,
        /// What was answered.
        answer: Answer,
        /// Who asked, by name; empty: it was not told.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
    },
    /// A step in an incident. Those of before this recording stand before the first that was done in it.
    Incident {
        /// What was done.
        deed: Deed,
    },
    /// A patrol of the schedule, new or changed.
    Patrol {
        /// As the page reads it.
        patrol: Value,
        /// What was done; `None`: so it stood when the recording began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deed: Option<Deed>,
    },
    /// Who did or saw what at the console, or was refused.
    Access {
        /// One use or refusal.
        access: Access,
    },
}

/// Reads a whole file; lines that are torn or of a later format are left out and counted.
#[must_use]
pub fn read(text: &str) -> (Vec<Line>, usize) {
    let mut lines = Vec::new();
    let mut bad = 0;
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(l) => lines.push(l),
            Err(_) => bad += 1,
        }
    }
    (lines, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_reads_back_and_a_torn_one_is_counted() {
        let event = Event {
            t_ms: 5,
            code: "armed".into(),
            params: serde_json::Map::new(),
            aircraft: Some(1),
            at: None,
        };
        let facts = vec![
            Fact::Recording {
                format: FORMAT.into(),
                version: "0".into(),
            },
            Fact::Event { event },
            Fact::Anomaly {
                anomaly: serde_json::json!({"id": "1"}),
                new: true,
            },
            Fact::Plan { plan: Value::Null },
            Fact::Intent {
                intent: Intent::Hold { aircraft: None },
                answer: Answer::yes(),
                by: String::new(),
            },
            Fact::Incident {
                deed: Deed {
                    n: 1,
                    t_ms: 5,
                    who: "Li".into(),
                    about: 1,
                    key: String::new(),
                    step: crate::incidents::Step::Note { words: "x".into() },
                },
            },
            Fact::Patrol {
                patrol: serde_json::json!({"number": 1}),
                deed: None,
            },
            Fact::Access {
                access: Access {
                    who: Some("Li".into()),
                    from: "127.0.0.1".into(),
                    what: "POST /api/command".into(),
                    about: "launch".into(),
                    denied: Some("people.not_allowed".into()),
                    again: 0,
                },
            },
        ];
        let lines: Vec<Line> = facts
            .into_iter()
            .zip(0..)
            .map(|(fact, frame)| Line {
                t_ms: 7,
                frame,
                fact,
            })
            .collect();
        let mut text: String = lines
            .iter()
            .map(|l| serde_json::to_string(l).unwrap() + "\n")
            .collect();
        text.push_str("{\"t_ms\": 1, \"fra");
        assert_eq!(read(&text), (lines, 1));
    }
}
