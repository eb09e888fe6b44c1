//! All incidents and patrols as their deeds make them. Fed by the journal, by an officer's step, by a record that is
//! replayed or reported: always the same folding, so that they cannot differ.

use super::incident::{Incident, State};
use super::patrol::Patrol;
use super::step::{About, Deed, Step};
use crate::desk::Reason;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Incidents that are not closed, at a time.
pub const MAX_OPEN: usize = 200;
/// Incidents in all.
pub const MAX_INCIDENTS: usize = 10_000;
/// Patrols in all, the stopped ones too.
pub const MAX_PATROLS: usize = 200;
/// Steps in all. From nine tenths of it on nothing new is begun, so that what is open can be brought to its end.
pub const MAX_DEEDS: u64 = 100_000;
/// Keys remembered, so that a repeated one does nothing twice.
const MAX_KEYS: usize = 512;
/// Closed incidents in a page's snapshot; older ones are asked for.
pub const CLOSED_SHOWN: usize = 100;

/// Something whose deadline has passed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overdue {
    /// An incident or a patrol.
    pub about: About,
    /// Its number.
    pub number: u32,
    /// Something found on the patrol; `None`: the patrol itself is to be flown.
    pub finding: Option<u32>,
    /// When it was due, milliseconds since 1970.
    pub due_ms: i64,
}

/// Incidents and patrols.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    incidents: BTreeMap<u32, Incident>,
    patrols: BTreeMap<u32, Patrol>,
    /// Incidents that are not closed.
    open: BTreeSet<u32>,
    /// Which incident an anomaly is in.
    anomalies: BTreeMap<String, u32>,
    last: u64,
    keys: VecDeque<(String, About, u32)>,
}

/// What a deed makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// An incident as it is then.
    Incident(Box<Incident>),
    /// A patrol as it is then.
    Patrol(Box<Patrol>),
}

/// The anomaly that a step takes into an incident.
fn anomaly_of(step: &Step) -> Option<&String> {
    match step {
        Step::Open { anomaly, .. } => anomaly.as_ref(),
        Step::Link { anomaly, .. } => Some(anomaly),
        _ => None,
    }
}

impl Book {
    /// Takes a deed, or nothing.
    ///
    /// # Errors
    /// Why it cannot be done; the book is then as it was.
    pub fn take(&mut self, deed: &Deed) -> Result<(), Reason> {
        let next = self.judge(deed)?;
        self.put(deed, next);
        Ok(())
    }

    /// What a deed would make of its incident or patrol. Changes nothing.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub fn judge(&self, deed: &Deed) -> Result<Next, Reason> {
        let number = deed.about;
        let news = anomaly_of(&deed.step);
        if let Some(other) = news.and_then(|id| self.anomalies.get(id)) {
            return Err(Reason::new("incident.anomaly_taken").with("value", *other));
        }
        // Said twice, or out of its order.
        let in_order =
            |n: Option<u64>| n.is_none_or(|n| deed.n > n) && n.is_none() == deed.step.begins();
        match deed.step.about() {
            About::Incident => {
                let before = self.incidents.get(&number);
                if !in_order(before.and_then(|i| i.deeds.last()).map(|d| d.n)) {
                    return Err(Reason::new("incident.unknown"));
                }
                let wakes = matches!(deed.step, Step::Open { .. } | Step::Reopen { .. });
                if wakes && self.open.len() >= MAX_OPEN && !self.open.contains(&number) {
                    return Err(Reason::new("incident.too_many").with("value", MAX_OPEN));
                }
                if before.is_none() && self.incidents.len() >= MAX_INCIDENTS {
                    return Err(Reason::new("incident.full").with("value", MAX_INCIDENTS));
                }
                let next = before.map_or_else(|| Incident::begin(deed), |i| i.after(deed))?;
                Ok(Next::Incident(Box::new(next)))
            }
            About::Patrol => {
                let before = self.patrols.get(&number);
                if !in_order(before.and_then(|p| p.deeds.back()).map(|d| d.n)) {
                    return Err(Reason::new("patrol.unknown"));
                }
                if before.is_none() && self.patrols.len() >= MAX_PATROLS {
                    return Err(Reason::new("patrol.too_many").with("value", MAX_PATROLS));
                }
                let next = before.map_or_else(|| Patrol::begin(deed), |p| p.after(deed))?;
                Ok(Next::Patrol(Box::new(next)))
            }
        }
    }

    /// Puts in what [`Book::judge`] made of a deed.
    pub fn put(&mut self, deed: &Deed, next: Next) {
        let number = deed.about;
        match next {
            Next::Incident(i) => {
                if i.state == State::Closed {
                    self.open.remove(&number);
                } else {
                    self.open.insert(number);
                }
                self.incidents.insert(number, *i);
            }
            Next::Patrol(p) => {
                self.patrols.insert(number, *p);
            }
        }
        if let Some(id) = anomaly_of(&deed.step) {
            self.anomalies.insert(id.clone(), number);
        }
        if !deed.key.is_empty() {
            if self.keys.len() >= MAX_KEYS {
                self.keys.pop_front();
            }
            self.keys
                .push_back((deed.key.clone(), deed.step.about(), number));
        }
        self.last = self.last.max(deed.n);
    }

    /// Number of the newest deed; 0: none yet.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Which number something new gets.
    #[must_use]
    pub fn next_number(&self, about: About) -> u32 {
        let newest = match about {
            About::Incident => self.incidents.keys().next_back(),
            About::Patrol => self.patrols.keys().next_back(),
        };
        newest.map_or(1, |n| n.saturating_add(1))
    }

    /// What a step with this key was about, when it was done already.
    #[must_use]
    pub fn done(&self, key: &str) -> Option<(About, u32)> {
        let known = self.keys.iter().find(|k| !key.is_empty() && k.0 == key);
        known.map(|k| (k.1, k.2))
    }

    /// Whether there is room for this step.
    ///
    /// # Errors
    /// When there is not.
    pub fn room(&self, step: &Step) -> Result<(), Reason> {
        let most = if step.begins() || matches!(step, Step::Reopen { .. }) {
            MAX_DEEDS / 10 * 9
        } else {
            MAX_DEEDS
        };
        if self.last >= most {
            return Err(Reason::new("incident.full").with("value", most));
        }
        Ok(())
    }

    /// One incident.
    #[must_use]
    pub fn incident(&self, number: u32) -> Option<&Incident> {
        self.incidents.get(&number)
    }
    /// All incidents, oldest first.
    pub fn incidents(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.incidents.values()
    }
    /// Those that are not closed.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.open.iter().filter_map(|n| self.incidents.get(n))
    }
    /// One patrol.
    #[must_use]
    pub fn patrol(&self, number: u32) -> Option<&Patrol> {
        self.patrols.get(&number)
    }
    /// All patrols.
    pub fn patrols(&self) -> impl Iterator<Item = &Patrol> {
        self.patrols.values()
    }
    /// The incident that an anomaly is in.
    #[must_use]
    pub fn incident_of(&self, anomaly: &str) -> Option<u32> {
        self.anomalies.get(anomaly).copied()
    }

    /// What is overdue at this moment.
    #[must_use]
    pub fn overdue(&self, now_ms: i64) -> Vec<Overdue> {
        let past = |due_ms: &i64| *due_ms < now_ms;
        let incidents = self.open().filter_map(|i| {
            let due_ms = i.due_ms().filter(past)?;
            Some(Overdue {
                about: About::Incident,
                number: i.number,
                finding: None,
                due_ms,
            })
        });
        let patrols = self.patrols.values().flat_map(|p| {
            let overdue = |finding, due_ms| Overdue {
                about: About::Patrol,
                number: p.number,
                finding,
                due_ms,
            };
            let flown = p.due_ms().map(|due_ms| overdue(None, due_ms));
            let mended = p.unmended().map(move |f| overdue(Some(f.number), f.due_ms));
            flown.into_iter().chain(mended)
        });
        incidents
            .chain(patrols.filter(|o| past(&o.due_ms)))
            .collect()
    }

    /// For a page that comes: everything open, the closed of late, all patrols.
    #[must_use]
    pub fn views(&self) -> (Vec<Value>, Vec<Value>) {
        let closed = self
            .incidents
            .values()
            .rev()
            .filter(|i| i.state == State::Closed);
        let mut shown: Vec<&Incident> = closed.take(CLOSED_SHOWN).chain(self.open()).collect();
        shown.sort_by_key(|i| i.number);
        (
            shown.iter().map(|i| i.view()).collect(),
            self.patrols.values().map(Patrol::view).collect(),
        )
    }

    /// Incidents before a number, newest first, as many as a page's snapshot has of the closed ones.
    #[must_use]
    pub fn before(&self, number: u32) -> Vec<Value> {
        let older = self.incidents.range(..number).rev();
        older.take(CLOSED_SHOWN).map(|(_, i)| i.view()).collect()
    }

    /// One incident with all that was done.
    #[must_use]
    pub fn whole(&self, number: u32) -> Option<Value> {
        let i = self.incidents.get(&number)?;
        Some(json!({"incident": i.view(), "deeds": i.deeds}))
    }
}
