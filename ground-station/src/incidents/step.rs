//! What is done in an incident or in the patrol schedule, one step at a time: as it is asked for, and as it stands in the
//! journal for good. A step that is wrong in itself (no words, a deadline in the past) is refused here.

use crate::desk::Reason;
use missions::anomaly::Priority;
use serde::{Deserialize, Serialize};

/// Longest words of one step, characters.
pub const MAX_WORDS: usize = 500;
/// Longest name of a person, a team or a patrol, characters.
pub const MAX_NAME: usize = 60;
/// Longest id of an anomaly or a plan, bytes.
const MAX_ID: usize = 128;
/// No deadline lies farther ahead, ms: 60 days.
pub const MAX_AHEAD_MS: i64 = 60 * 24 * 3_600_000;
/// A patrol is flown at least once in so many minutes (60 days), and at most every so many.
pub const EVERY_MIN: (u32, u32) = (5, 60 * 24 * 60);

/// An anomaly as it stood when it was taken into an incident: the evidence that the incident rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Anomaly id.
    pub id: String,
    /// Its number aboard.
    pub number: u32,
    /// Kind, a code.
    pub what: String,
    /// Which aircraft saw it.
    pub aircraft: u8,
    /// When a rule flagged it, milliseconds since 1970.
    pub flagged_ms: i64,
    /// Longitude, latitude, WGS-84 degrees.
    pub at: [f64; 2],
    /// One sigma, the longer half axis, metres.
    pub major_m: f64,
    /// SHA-256 of its picture, hex.
    pub picture: Option<String>,
}

/// Who is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignee {
    /// An aircraft: it is ordered to look at the incident's place, as an officer's click on the map would.
    Aircraft(u8),
    /// People on the ground, by the name of their team.
    Team(String),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Dealt with on the spot.
    Resolved,
    /// People were warned or sent away.
    Warned,
    /// Given to somebody else, e.g. an ambulance or another office.
    HandedOver,
    /// Nothing was there any more.
    NothingFound,
    /// It never was what it looked like.
    FalseAlarm,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 5] = [
        Outcome::Resolved,
        Outcome::Warned,
        Outcome::HandedOver,
        Outcome::NothingFound,
        Outcome::FalseAlarm,
    ];

    /// Its code.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Resolved => "resolved",
            Outcome::Warned => "warned",
            Outcome::HandedOver => "handed_over",
            Outcome::NothingFound => "nothing_found",
            Outcome::FalseAlarm => "false_alarm",
        }
    }

    /// Whether it can be known without anybody of ours having been there.
    #[must_use]
    pub fn from_afar(self) -> bool {
        matches!(self, Outcome::HandedOver | Outcome::FalseAlarm)
    }
}

/// One step. Times are milliseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Step {
    /// An incident begins: from a confirmed anomaly, or by hand at a place of the map.
    Open {
        /// What it is; may be empty where there is an anomaly.
        #[serde(default)]
        words: String,
        /// How urgent.
        priority: Priority,
        /// WGS-84, degrees.
        lat_deg: f64,
        /// WGS-84, degrees.
        lon_deg: f64,
        /// Id of the anomaly.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anomaly: Option<String>,
        /// The anomaly as the desk had it; never taken from a page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Seen>,
    },
    /// Another anomaly is of the same incident.
    Link {
        /// Its id.
        anomaly: String,
        /// As the desk had it; never taken from a page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Seen>,
    },
    /// Something worth writing down.
    Note {
        /// What.
        words: String,
    },
    /// Somebody is sent.
    Task {
        /// Who.
        to: Assignee,
        /// Who answers for it, by name.
        owner: String,
        /// On the scene by then.
        due_ms: i64,
        /// What to do there.
        #[serde(default)]
        words: String,
    },
    /// The aircraft did not take its order, or did not carry it out. Only the station says so.
    TaskRefused {
        /// Number of the task in its incident.
        task: u32,
        /// Why, a code.
        code: String,
    },
    /// Whoever was sent is there.
    Arrive {
        /// Number of the task in its incident.
        task: u32,
        /// What they say.
        #[serde(default)]
        words: String,
    },
    /// The present deadline is moved.
    Extend {
        /// To then.
        due_ms: i64,
        /// Why.
        words: String,
    },
    /// What came of it.
    Outcome {
        /// In short.
        outcome: Outcome,
        /// In words.
        words: String,
    },
    /// Another person looks at what was done.
    Review {
        /// Good as it is; otherwise it is open again.
        agree: bool,
        /// Needed where it is sent back.
        #[serde(default)]
        words: String,
    },
    /// Nothing is left to do.
    Close {
        /// May be empty.
        #[serde(default)]
        words: String,
    },
    /// Something is left to do after all.
    Reopen {
        /// Why.
        words: String,
    },
    /// Something is to be patrolled from now on.
    PatrolAdd {
        /// What is patrolled.
        name: String,
        /// Name of the plan that counts as this patrol when it was flown; empty: it is marked by hand.
        #[serde(default)]
        plan: String,
        /// Who sees to it, by name.
        owner: String,
        /// At least once in so many minutes.
        every_min: u32,
    },
    /// Somebody else sees to it, or it is flown more or less often.
    PatrolChange {
        /// Who sees to it.
        owner: String,
        /// At least once in so many minutes.
        every_min: u32,
        /// Why.
        words: String,
    },
    /// It is not patrolled any more.
    PatrolStop {
        /// Why.
        words: String,
    },
    /// It was flown.
    PatrolFlown {
        /// To its end. A flight that was broken off is written down and leaves the patrol due.
        whole: bool,
        /// How many anomalies were flagged.
        #[serde(default)]
        anomalies: u32,
        /// The flight's identity in its record; empty: it was marked by hand.
        #[serde(default)]
        flight: String,
        /// May be empty.
        #[serde(default)]
        words: String,
    },
    /// Something is to be mended.
    Found {
        /// What.
        words: String,
        /// Who mends it, by name.
        mender: String,
        /// By then.
        due_ms: i64,
    },
    /// It is mended.
    Mended {
        /// Number of what was found in its patrol.
        finding: u32,
        /// How.
        words: String,
    },
}

/// Whether a step is about an incident or about a patrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// An incident.
    Incident,
    /// A patrol.
    Patrol,
}

impl Step {
    /// What it is about.
    #[must_use]
    pub fn about(&self) -> About {
        match self {
            Step::Open { .. }
            | Step::Link { .. }
            | Step::Note { .. }
            | Step::Task { .. }
            | Step::TaskRefused { .. }
            | Step::Arrive { .. }
            | Step::Extend { .. }
            | Step::Outcome { .. }
            | Step::Review { .. }
            | Step::Close { .. }
            | Step::Reopen { .. } => About::Incident,
            Step::PatrolAdd { .. }
            | Step::PatrolChange { .. }
            | Step::PatrolStop { .. }
            | Step::PatrolFlown { .. }
            | Step::Found { .. }
            | Step::Mended { .. } => About::Patrol,
        }
    }

    /// Whether it begins an incident or a patrol, which then gets a number.
    #[must_use]
    pub fn begins(&self) -> bool {
        matches!(self, Step::Open { .. } | Step::PatrolAdd { .. })
    }

    /// Its code, as serde writes it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Step::Open { .. } => "open",
            Step::Link { .. } => "link",
            Step::Note { .. } => "note",
            Step::Task { .. } => "task",
            Step::TaskRefused { .. } => "task_refused",
            Step::Arrive { .. } => "arrive",
            Step::Extend { .. } => "extend",
            Step::Outcome { .. } => "outcome",
            Step::Review { .. } => "review",
            Step::Close { .. } => "close",
            Step::Reopen { .. } => "reopen",
            Step::PatrolAdd { .. } => "patrol_add",
            Step::PatrolChange { .. } => "patrol_change",
            Step::PatrolStop { .. } => "patrol_stop",
            Step::PatrolFlown { .. } => "patrol_flown",
            Step::Found { .. } => "found",
            Step::Mended { .. } => "mended",
        }
    }

    /// The words in it.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Step::Open { words, .. }
            | Step::Note { words }
            | Step::Task { words, .. }
            | Step::Arrive { words, .. }
            | Step::Extend { words, .. }
            | Step::Outcome { words, .. }
            | Step::Review { words, .. }
            | Step::Close { words }
            | Step::Reopen { words }
            | Step::PatrolChange { words, .. }
            | Step::PatrolStop { words }
            | Step::PatrolFlown { words, .. }
            | Step::Found { words, .. }
            | Step::Mended { words, .. } => words,
            Step::Link { .. } | Step::TaskRefused { .. } | Step::PatrolAdd { .. } => "",
        }
    }

    /// As it is kept: names and words without blanks around them, places on the grid of 1e-7 degrees (a centimetre).
    #[must_use]
    pub fn tidied(mut self) -> Step {
        let trim = |s: &mut String| *s = s.trim().to_owned();
        match &mut self {
            Step::Open {
                words,
                lat_deg,
                lon_deg,
                ..
            } => {
                trim(words);
                for v in [lat_deg, lon_deg] {
                    *v = (*v * 1e7).round() / 1e7;
                }
            }
            Step::Task {
                to, owner, words, ..
            } => {
                if let Assignee::Team(team) = to {
                    trim(team);
                }
                trim(owner);
                trim(words);
            }
            Step::PatrolAdd {
                name, plan, owner, ..
            } => {
                trim(name);
                trim(plan);
                trim(owner);
            }
            Step::PatrolChange { owner, words, .. } => {
                trim(owner);
                trim(words);
            }
            Step::Found { words, mender, .. } => {
                trim(words);
                trim(mender);
            }
            Step::Note { words }
            | Step::Arrive { words, .. }
            | Step::Extend { words, .. }
            | Step::Outcome { words, .. }
            | Step::Review { words, .. }
            | Step::Close { words }
            | Step::Reopen { words }
            | Step::PatrolStop { words }
            | Step::PatrolFlown { words, .. }
            | Step::Mended { words, .. } => trim(words),
            Step::Link { .. } | Step::TaskRefused { .. } => {}
        }
        self
    }

    /// Whether it is right in itself at `now_ms`.
    ///
    /// # Errors
    /// The reason, a code with figures.
    pub fn check(&self, now_ms: i64) -> Result<(), Reason> {
        let words = self.words();
        if words.chars().count() > MAX_WORDS || !is_text(words, true) {
            return Err(Reason::new("incident.words_long").with("value", MAX_WORDS));
        }
        let must_speak = match self {
            Step::Open { anomaly, .. } => anomaly.is_none(),
            Step::Review { agree, .. } => !agree,
            Step::Note { .. }
            | Step::Extend { .. }
            | Step::Outcome { .. }
            | Step::Reopen { .. }
            | Step::PatrolStop { .. }
            | Step::PatrolChange { .. }
            | Step::Found { .. }
            | Step::Mended { .. } => true,
            _ => false,
        };
        if must_speak && words.is_empty() {
            return Err(Reason::new("incident.words_missing"));
        }
        match self {
            Step::Open {
                lat_deg, lon_deg, ..
            } if !(lat_deg.abs() <= 90.0 && lon_deg.abs() <= 180.0) => {
                Err(Reason::new("incident.no_place"))
            }
            Step::Open {
                anomaly: Some(id), ..
            }
            | Step::Link { anomaly: id, .. } => code(id),
            Step::Task {
                to, owner, due_ms, ..
            } => {
                if let Assignee::Team(team) = to {
                    name(team)?;
                }
                name(owner)?;
                deadline(*due_ms, now_ms)
            }
            Step::Extend { due_ms, .. } => deadline(*due_ms, now_ms),
            Step::Found { mender, due_ms, .. } => {
                name(mender)?;
                deadline(*due_ms, now_ms)
            }
            Step::TaskRefused { code: c, .. } => code(c),
            Step::PatrolAdd {
                name: n,
                plan,
                owner,
                every_min,
            } => {
                name(n)?;
                if plan.len() > MAX_ID || !is_text(plan, false) {
                    return Err(Reason::new("incident.name_bad").with("value", MAX_NAME));
                }
                name(owner)?;
                often(*every_min)
            }
            Step::PatrolChange {
                owner, every_min, ..
            } => {
                name(owner)?;
                often(*every_min)
            }
            Step::PatrolFlown { flight, .. } if !flight.is_empty() => code(flight),
            _ => Ok(()),
        }
    }
}

fn is_text(s: &str, lines: bool) -> bool {
    s.chars().all(|c| !c.is_control() || (lines && c == '\n'))
}

fn name(n: &str) -> Result<(), Reason> {
    let fits = !n.is_empty() && n.chars().count() <= MAX_NAME && is_text(n, false);
    fits.then_some(())
        .ok_or_else(|| Reason::new("incident.name_bad").with("value", MAX_NAME))
}

fn code(c: &str) -> Result<(), Reason> {
    let fits = !c.is_empty() && c.len() <= MAX_ID && c.bytes().all(|b| b.is_ascii_graphic());
    fits.then_some(())
        .ok_or_else(|| Reason::new("desk.bad_request"))
}

fn deadline(due_ms: i64, now_ms: i64) -> Result<(), Reason> {
    let ahead_ms = due_ms.saturating_sub(now_ms);
    if ahead_ms <= 0 {
        Err(Reason::new("incident.due_past"))
    } else if ahead_ms > MAX_AHEAD_MS {
        Err(Reason::new("incident.due_far").with("value", MAX_AHEAD_MS / 86_400_000))
    } else {
        Ok(())
    }
}

fn often(every_min: u32) -> Result<(), Reason> {
    let (least, most) = EVERY_MIN;
    if (least..=most).contains(&every_min) {
        Ok(())
    } else {
        Err(Reason::new("patrol.every").with("value", least))
    }
}

/// A step that was done: who, when, what. Nothing takes it back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// Counts up from 1 over incidents and patrols together.
    pub n: u64,
    /// Milliseconds since 1970 UTC, by the desk's clock.
    pub t_ms: i64,
    /// Who: the person logged in, an aircraft by its name, or the station.
    pub who: String,
    /// Number of the incident or the patrol.
    pub about: u32,
    /// The idempotency key that it was asked for with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What.
    pub step: Step,
}
