//! The patrol schedule: who patrols what, how often, when it was last flown, what was found, who mends it by when.

use super::step::{Deed, Step};
use crate::desk::Reason;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Things found and not yet mended, in one patrol.
pub const MAX_UNMENDED: usize = 100;
/// Things found in one patrol that are kept in memory: the mended ones beyond are in the journal only.
const MAX_FINDINGS: usize = 200;
/// Steps shown of one patrol; all are in the journal.
const KEPT: usize = 50;

/// When it was flown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flown {
    /// When it ended, milliseconds since 1970.
    pub t_ms: i64,
    /// Who flew, or who says so.
    pub by: String,
    /// To its end.
    pub whole: bool,
    /// Anomalies flagged.
    pub anomalies: u32,
    /// The flight in its record; empty: marked by hand.
    pub flight: String,
}

/// Something to be mended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// From 1, in its patrol.
    pub number: u32,
    /// When it was found, milliseconds since 1970.
    pub t_ms: i64,
    /// By whom.
    pub by: String,
    /// What.
    pub words: String,
    /// Who mends it.
    pub mender: String,
    /// By then.
    pub due_ms: i64,
    /// When it was mended.
    pub mended_ms: Option<i64>,
    /// Who says so.
    pub mended_by: Option<String>,
}

/// One patrol of the schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Patrol {
    /// Its number, from 1.
    pub number: u32,
    /// What is patrolled.
    pub name: String,
    /// Name of the plan that counts; empty: it is marked by hand.
    pub plan: String,
    /// Who sees to it.
    pub owner: String,
    /// At least once in so many minutes.
    pub every_min: u32,
    /// Why it is no longer flown.
    pub stopped: Option<String>,
    /// When it was last flown to its end.
    pub last: Option<Flown>,
    /// When a flight of it was last broken off, if since then.
    pub broken_off: Option<Flown>,
    /// What is to be mended.
    pub findings: Vec<Finding>,
    found: u32,
    since_ms: i64,
    /// The last that was done, in order.
    pub deeds: VecDeque<Deed>,
}

impl Patrol {
    /// A new one from its first step.
    ///
    /// # Errors
    /// When the step begins no patrol.
    pub fn begin(deed: &Deed) -> Result<Patrol, Reason> {
        let Step::PatrolAdd {
            name,
            plan,
            owner,
            every_min,
        } = &deed.step
        else {
            return Err(Reason::new("patrol.unknown"));
        };
        Ok(Patrol {
            number: deed.about,
            name: name.clone(),
            plan: plan.clone(),
            owner: owner.clone(),
            every_min: *every_min,
            stopped: None,
            last: None,
            broken_off: None,
            findings: Vec::new(),
            found: 0,
            since_ms: deed.t_ms,
            deeds: VecDeque::from([deed.clone()]),
        })
    }

    /// What a step makes of it.
    ///
    /// # Errors
    /// Why the step cannot be done here.
    pub fn after(&self, deed: &Deed) -> Result<Patrol, Reason> {
        let mut next = self.clone();
        next.step(deed)?;
        Ok(next)
    }

    fn step(&mut self, deed: &Deed) -> Result<(), Reason> {
        let stopped = self.stopped.is_some();
        match &deed.step {
            // What is still to be mended may be mended.
            Step::Mended { finding, .. } => {
                let f = self
                    .findings
                    .iter_mut()
                    .find(|f| f.number == *finding && f.mended_ms.is_none())
                    .ok_or_else(|| Reason::new("patrol.no_finding").with("value", *finding))?;
                f.mended_ms = Some(deed.t_ms);
                f.mended_by = Some(deed.who.clone());
            }
            _ if stopped => return Err(Reason::new("patrol.stopped")),
            Step::PatrolChange {
                owner, every_min, ..
            } => {
                self.owner.clone_from(owner);
                self.every_min = *every_min;
            }
            Step::PatrolStop { words } => self.stopped = Some(words.clone()),
            Step::PatrolFlown {
                whole,
                anomalies,
                flight,
                ..
            } => {
                let flown = Flown {
                    t_ms: deed.t_ms,
                    by: deed.who.clone(),
                    whole: *whole,
                    anomalies: *anomalies,
                    flight: flight.clone(),
                };
                if *whole {
                    self.last = Some(flown);
                    self.broken_off = None;
                } else {
                    self.broken_off = Some(flown);
                }
            }
            Step::Found {
                words,
                mender,
                due_ms,
            } => {
                if self.unmended().count() >= MAX_UNMENDED {
                    return Err(Reason::new("incident.too_many").with("value", MAX_UNMENDED));
                }
                if self.findings.len() >= MAX_FINDINGS
                    && let Some(i) = self.findings.iter().position(|f| f.mended_ms.is_some())
                {
                    self.findings.remove(i);
                }
                self.found = self.found.saturating_add(1);
                self.findings.push(Finding {
                    number: self.found,
                    t_ms: deed.t_ms,
                    by: deed.who.clone(),
                    words: words.clone(),
                    mender: mender.clone(),
                    due_ms: *due_ms,
                    mended_ms: None,
                    mended_by: None,
                });
            }
            _ => return Err(Reason::new("desk.bad_request")),
        }
        if self.deeds.len() >= KEPT {
            // How it began stays.
            self.deeds.remove(1);
        }
        self.deeds.push_back(deed.clone());
        Ok(())
    }

    /// What is not mended yet.
    pub fn unmended(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.mended_ms.is_none())
    }

    /// By when it is to be flown next; `None`: it is not flown any more.
    #[must_use]
    pub fn due_ms(&self) -> Option<i64> {
        let from_ms = self.last.as_ref().map_or(self.since_ms, |f| f.t_ms);
        self.stopped
            .is_none()
            .then(|| from_ms.saturating_add(i64::from(self.every_min) * 60_000))
    }

    /// As the page reads it.
    #[must_use]
    pub fn view(&self) -> Value {
        json!({
            "number": self.number,
            "name": self.name,
            "plan": self.plan,
            "owner": self.owner,
            "every_min": self.every_min,
            "stopped": self.stopped,
            "last": self.last,
            "broken_off": self.broken_off,
            "findings": self.findings,
            "due_ms": self.due_ms(),
            "deeds": self.deeds,
        })
    }
}
