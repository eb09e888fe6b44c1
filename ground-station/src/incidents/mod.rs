//! Incidents from the first sign to the closed file, and the patrol schedule: who does what by when, what came of it, and
//! who looked at that.
//!
//! A core: steps, names and time in; deeds out. Every deed is durable in an append-only journal on a [`Disk`] before it is
//! answered; there is no call that deletes or changes one. Who may do which step is `people::access`'s business; that a
//! review is another person's is this one's. Sends nothing to any aircraft: the shell does, with the desk's own intents.

mod book;
mod incident;
mod patrol;
mod step;
#[cfg(test)]
mod tests;

pub use book::{Book, CLOSED_SHOWN, MAX_OPEN, Overdue};
pub use incident::{Incident, State, Task, TaskState};
pub use patrol::{Finding, Patrol};
pub use step::{About, Assignee, Deed, MAX_NAME, MAX_WORDS, Outcome, Seen, Step};

use crate::desk::Reason;
use link::journal::{Disk, DiskError, Journal};
use std::collections::BTreeSet;

/// The journal's file.
const FILE: &str = "incidents.log";
/// The refusal of a disk that cannot keep it.
const STORAGE: &str = "refusal.storage";

/// The book on its disk.
pub struct Incidents {
    disk: Box<dyn Disk>,
    journal: Journal,
    book: Book,
    /// Bytes of the journal that were damaged, and deeds in it that could not be understood.
    damaged: (usize, usize),
    /// The disk refused: what it really holds is read again before anything is added.
    doubtful: bool,
    told: BTreeSet<Overdue>,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// Number of the incident or the patrol.
    pub number: u32,
    /// What was written down; `None`: this key was done before.
    pub deed: Option<Deed>,
}

impl Incidents {
    /// Reads the journal; a torn last record is cut off, what stands behind a damaged place is kept.
    ///
    /// # Errors
    /// [`DiskError`] when it cannot be read.
    pub fn open(mut disk: Box<dyn Disk>) -> Result<Incidents, DiskError> {
        let (journal, book, damaged) = read(disk.as_mut())?;
        Ok(Incidents {
            disk,
            journal,
            book,
            damaged,
            doubtful: false,
            told: BTreeSet::new(),
        })
    }

    /// All incidents and patrols.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Bytes of the journal that were damaged, and deeds in it that could not be understood. The damaged file is kept aside.
    #[must_use]
    pub fn damaged(&self) -> (usize, usize) {
        self.damaged
    }

    /// Does a step in somebody's name. `about`: number of the incident or the patrol; `None` where the step begins one.
    /// `key`: asked again with the same, nothing is done twice, after a restart neither.
    ///
    /// # Errors
    /// Why not; then nothing was written down.
    pub fn act(
        &mut self,
        now_ms: i64,
        who: &str,
        key: &str,
        about: Option<u32>,
        step: Step,
    ) -> Result<Done, Reason> {
        if self.doubtful {
            let (journal, book, damaged) =
                read(self.disk.as_mut()).map_err(|_| Reason::new(STORAGE))?;
            (self.journal, self.book, self.damaged) = (journal, book, damaged);
            self.doubtful = false;
        }
        if let Some((_, number)) = self.book.done(key) {
            return Ok(Done { number, deed: None });
        }
        if now_ms <= 0 {
            return Err(Reason::new("incident.no_clock"));
        }
        let step = step.tidied();
        step.check(now_ms)?;
        self.book.room(&step)?;
        let number = match about {
            None if step.begins() => self.book.next_number(step.about()),
            Some(n) if !step.begins() => n,
            _ => return Err(Reason::new("desk.bad_request")),
        };
        let deed = Deed {
            n: self.book.last().saturating_add(1),
            t_ms: now_ms,
            who: who.trim().to_owned(),
            about: number,
            key: key.to_owned(),
            step,
        };
        let next = self.book.judge(&deed)?;
        let bytes = serde_json::to_vec(&deed).map_err(|_| Reason::new("desk.bad_request"))?;
        if self
            .journal
            .append_durable(self.disk.as_mut(), &bytes)
            .is_err()
        {
            self.doubtful = true;
            return Err(Reason::new(STORAGE));
        }
        self.book.put(&deed, next);
        Ok(Done {
            number,
            deed: Some(deed),
        })
    }

    /// What became overdue since this was asked last. Each deadline is told once in a run.
    pub fn newly_overdue(&mut self, now_ms: i64) -> Vec<Overdue> {
        let overdue: BTreeSet<Overdue> = self.book.overdue(now_ms).into_iter().collect();
        let news = overdue.difference(&self.told).cloned().collect();
        // What is done or has a new deadline is forgotten: the set is never larger than what is overdue.
        self.told = overdue;
        news
    }
}

fn read(disk: &mut dyn Disk) -> Result<(Journal, Book, (usize, usize)), DiskError> {
    let (journal, found) = Journal::salvage(disk, FILE)?;
    let mut book = Book::default();
    let mut odd = 0;
    for record in &found.records {
        let deed = serde_json::from_slice::<Deed>(record).ok();
        if deed.is_none_or(|d| book.take(&d).is_err()) {
            odd += 1;
        }
    }
    Ok((journal, book, (found.damaged_bytes, odd)))
}
