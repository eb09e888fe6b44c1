//! Anomalies, numbered and delivered exactly once: durable aboard before they are sent, sent until the ground says that
//! they are durable there.

use crate::journal::{Disk, DiskError, Journal};
use missions::anomaly::{Anomaly, Priority};
use missions::time::{Mono, Now};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Time between sendings of an anomaly that was not receipted; doubles up to [`SLOWEST`].
pub const RESEND: Duration = Duration::from_millis(500);
/// Slowest resending while nothing is heard of the ground.
const SLOWEST: Duration = Duration::from_secs(8);
/// And while it is heard: what is not receipted then was lost on the way there or back, and only trying again helps.
const SLOWEST_HEARD: Duration = Duration::from_secs(2);
/// Anomalies sent in one go, gravest and newest first.
const BURST: usize = 20;

const LOG: &str = "anomalies.log";
/// Numbers from here on are of anomalies that the disk did not take. They live in memory and go to the ground under an
/// identity of this run alone: after a restart their numbers would be given again, and the ground would take another
/// anomaly for one that it has.
const UNSTORED: u32 = 1 << 31;

#[derive(Serialize, Deserialize)]
#[serde(tag = "r", rename_all = "snake_case")]
enum Record {
    Store { id: u64 },
    Anomaly { anomaly: Anomaly },
    Receipted { number: u32 },
    PictureReceipted { number: u32 },
}

/// Which goes first: the gravest, of those the newest.
type Rank = (Priority, std::cmp::Reverse<u32>);

#[derive(Clone, Debug)]
struct Entry {
    anomaly: Anomaly,
    next: Mono,
    wait: Duration,
    picture: Option<Vec<u8>>,
    picture_due: bool,
}

/// The aircraft's side.
#[derive(Clone)]
pub struct Outbox {
    journal: Journal,
    store_id: u64,
    /// Identity of what this run could not store.
    run_id: u64,
    last: u32,
    last_unstored: u32,
    /// Not receipted (or whose picture is not), by number.
    waiting: BTreeMap<u32, Entry>,
    receipted: BTreeSet<u32>,
    storage_ok: bool,
    /// The last one given out had been sent before.
    gave_again: bool,
    damaged_bytes: usize,
    torn_bytes: usize,
}

/// The store's identity once more, beside the log.
const IDENTITY: &str = "store.id";
/// The highest number that was ever to be given (u32, little-endian), durable before the anomaly's record is begun. A log
/// that lost its end, as a card that lies about its syncs leaves it, does not show which numbers the ground may know.
const NUMBERS: &str = "numbers.high";
/// An anomaly's record is longer than this, bytes.
const LEAST_RECORD: usize = 200;

impl Outbox {
    /// Opens the store; `new_id` (random, another one each start) becomes its identity if it is new. Pictures are files `picture-N.jpg`.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(disk: &mut dyn Disk, new_id: u64) -> Result<Outbox, DiskError> {
        let (mut journal, found) = Journal::salvage(disk, LOG)?;
        let mut store_id = None;
        let mut last = 0;
        let mut waiting: BTreeMap<u32, Entry> = BTreeMap::new();
        let mut receipted = BTreeSet::new();
        for r in found.records {
            match serde_json::from_slice(&r) {
                Ok(Record::Store { id }) => store_id = Some(id),
                Ok(Record::Anomaly { anomaly }) => {
                    last = last.max(anomaly.number);
                    let picture_due = anomaly.picture_len > 0;
                    waiting.insert(
                        anomaly.number,
                        Entry {
                            anomaly,
                            next: Mono::ZERO,
                            wait: RESEND,
                            picture: None,
                            picture_due,
                        },
                    );
                }
                Ok(Record::Receipted { number }) => {
                    receipted.insert(number);
                }
                Ok(Record::PictureReceipted { number }) => {
                    if let Some(e) = waiting.get_mut(&number) {
                        e.picture_due = false;
                    }
                }
                // A record of a newer program: whole and chained, so keep it, though it says nothing here.
                Err(_) => {}
            }
        }
        for e in waiting.values_mut().filter(|e| e.picture_due) {
            let bytes = disk.read(&picture_file(e.anomaly.number))?;
            if bytes.is_empty() {
                e.picture_due = false
            } else {
                e.picture = Some(bytes)
            }
        }
        let whole = last;
        // The numbers of what is gone may be on the ground already: they are never given to anything else.
        let high =
            <[u8; 4]>::try_from(disk.read(NUMBERS)?.as_slice()).map_or(0, u32::from_le_bytes);
        if (whole + 1..UNSTORED).contains(&high) {
            last = high;
        } else if found.damaged_bytes > 0 {
            let gone = u32::try_from(found.damaged_bytes / LEAST_RECORD).unwrap_or(u32::MAX);
            last = last.saturating_add(gone).saturating_add(1);
        }
        waiting.retain(|n, e| !receipted.contains(n) || e.picture_due);
        let store_id = match store_id {
            Some(id) => id,
            None => {
                // A log whose first record is damaged still has its anomalies: under another identity the ground would
                // take them for new ones. A log that is gone whole begins anew, numbers and all.
                let known =
                    <[u8; 8]>::try_from(disk.read(IDENTITY)?.as_slice()).map(u64::from_le_bytes);
                let id = match known {
                    Ok(id) if whole > 0 => id,
                    _ => new_id.max(1),
                };
                write(&mut journal, disk, &Record::Store { id })?;
                journal.sync(disk)?;
                disk.replace(IDENTITY, &id.to_le_bytes())?;
                id
            }
        };
        Ok(Outbox {
            journal,
            store_id,
            // Never the store's own, also where somebody passes the same number twice.
            run_id: new_id.max(1) ^ (1 << 63),
            last,
            last_unstored: UNSTORED,
            waiting,
            receipted,
            storage_ok: true,
            gave_again: false,
            damaged_bytes: found.damaged_bytes,
            torn_bytes: found.torn_bytes,
        })
    }

    /// Bytes of the store that were found damaged when it was opened: anomalies may be gone.
    #[must_use]
    pub fn damaged_bytes(&self) -> usize {
        self.damaged_bytes
    }

    /// Bytes of an unfinished record at the end that were cut off when it was opened.
    #[must_use]
    pub fn torn_bytes(&self) -> usize {
        self.torn_bytes
    }

    /// Identity of the store.
    #[must_use]
    pub fn store_id(&self) -> u64 {
        self.store_id
    }
    /// Highest number given.
    #[must_use]
    pub fn last_number(&self) -> u32 {
        self.last
    }
    /// Anomalies not receipted.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.waiting
            .keys()
            .filter(|n| !self.receipted.contains(n))
            .count()
    }
    /// Whether the last write to disk worked.
    #[must_use]
    pub fn storage_ok(&self) -> bool {
        self.storage_ok
    }

    /// Store and number under which an anomaly of [`Outbox::due`] travels.
    #[must_use]
    pub fn on_the_wire(&self, anomaly: &Anomaly) -> (u64, Anomaly) {
        let mut a = anomaly.clone();
        let store = if a.number > UNSTORED {
            a.number -= UNSTORED;
            self.run_id
        } else {
            self.store_id
        };
        (store, a)
    }

    /// Numbers and stores an anomaly (its number is overwritten) with its picture. On a disk fault it is kept in memory
    /// and sent all the same; [`Outbox::storage_ok`] then says so.
    pub fn add(
        &mut self,
        disk: &mut dyn Disk,
        mut anomaly: Anomaly,
        picture: Option<Vec<u8>>,
    ) -> u32 {
        anomaly.number = self.last + 1;
        let stored = (|| {
            disk.replace(NUMBERS, &anomaly.number.to_le_bytes())?;
            if let Some(p) = &picture {
                disk.replace(&picture_file(anomaly.number), p)?;
            }
            let record = encode(&Record::Anomaly {
                anomaly: anomaly.clone(),
            })?;
            self.journal.append_durable(disk, &record)
        })();
        self.storage_ok = stored.is_ok();
        if self.storage_ok {
            self.last += 1;
        } else {
            self.last_unstored = self.last_unstored.saturating_add(1);
            anomaly.number = self.last_unstored;
        }
        let number = anomaly.number;
        let picture_due = picture.is_some();
        self.waiting.insert(
            number,
            Entry {
                anomaly,
                next: Mono::ZERO,
                wait: RESEND,
                picture,
                picture_due,
            },
        );
        number
    }

    /// The anomalies to send now, gravest and newest first, at most `room` of them. What was sent before and is not
    /// receipted takes at most every second place while something waits that never was. `heard`: the ground is heard.
    pub fn due(&mut self, now: Now, room: usize, heard: bool) -> Vec<Anomaly> {
        if room == 0 {
            return Vec::new();
        }
        let (mut first, mut again): (Vec<Rank>, Vec<Rank>) = (Vec::new(), Vec::new());
        for e in self.waiting.values() {
            if self.receipted.contains(&e.anomaly.number) || now.mono < e.next {
                continue;
            }
            let rank = (e.anomaly.priority, std::cmp::Reverse(e.anomaly.number));
            let sent = if e.wait > RESEND {
                &mut again
            } else {
                &mut first
            };
            sent.push(rank);
        }
        first.sort_unstable();
        again.sort_unstable();
        let (mut first, mut again) = (first.into_iter().peekable(), again.into_iter().peekable());
        let slowest = if heard { SLOWEST_HEARD } else { SLOWEST };
        let mut out = Vec::new();
        while out.len() < BURST.min(room) {
            let take_again = match (first.peek(), again.peek()) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(f), Some(a)) => !self.gave_again && a < f,
            };
            let Some((_, std::cmp::Reverse(n))) =
                (if take_again { &mut again } else { &mut first }).next()
            else {
                break;
            };
            self.gave_again = take_again;
            let Some(e) = self.waiting.get_mut(&n) else {
                continue;
            };
            e.next = now.mono.after(e.wait);
            e.wait = (e.wait * 2).min(slowest);
            out.push(e.anomaly.clone());
        }
        out
    }

    /// The link came back: everything is due again at once.
    pub fn link_is_back(&mut self) {
        for e in self.waiting.values_mut() {
            e.next = Mono::ZERO;
            e.wait = RESEND;
        }
    }

    /// The ground has it on disk.
    pub fn receipt(&mut self, disk: &mut dyn Disk, store_id: u64, number: u32) {
        let unstored = store_id == self.run_id && store_id != self.store_id;
        let (number, last) = if unstored {
            (number.saturating_add(UNSTORED), self.last_unstored)
        } else {
            (number, self.last)
        };
        if (store_id != self.store_id && !unstored)
            || number == 0
            || number == UNSTORED
            || number > last
            || !self.receipted.insert(number)
        {
            return;
        }
        if unstored {
            self.forget(number);
            return;
        }
        // A receipt that is lost on this disk is only asked for again: the ground drops what it has.
        let stored = write(&mut self.journal, disk, &Record::Receipted { number })
            .and_then(|()| self.journal.sync(disk));
        self.storage_ok = stored.is_ok();
        self.forget(number);
    }

    /// The next picture to send: of a receipted anomaly first come, first served.
    #[must_use]
    pub fn next_picture(&self) -> Option<(u32, &[u8])> {
        self.waiting
            .iter()
            .filter(|(n, e)| e.picture_due && self.receipted.contains(n))
            .find_map(|(n, e)| e.picture.as_deref().map(|p| (*n, p)))
    }

    /// The ground has the picture.
    pub fn picture_receipt(&mut self, disk: &mut dyn Disk, number: u32) {
        let Some(e) = self.waiting.get_mut(&number) else {
            return;
        };
        e.picture_due = false;
        if number > UNSTORED {
            self.forget(number);
            return;
        }
        let stored = write(
            &mut self.journal,
            disk,
            &Record::PictureReceipted { number },
        )
        .and_then(|()| self.journal.sync(disk));
        self.storage_ok = stored.is_ok();
        self.forget(number);
    }

    fn forget(&mut self, number: u32) {
        if self.receipted.contains(&number)
            && self.waiting.get(&number).is_some_and(|e| !e.picture_due)
        {
            self.waiting.remove(&number);
        }
    }

    /// When something is due next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.waiting
            .values()
            .filter(|e| !self.receipted.contains(&e.anomaly.number))
            .map(|e| e.next)
            .min()
    }
}

fn picture_file(number: u32) -> String {
    format!("picture-{number:06}.jpg")
}

fn encode(record: &Record) -> Result<Vec<u8>, DiskError> {
    serde_json::to_vec(record).map_err(|e| DiskError::Io {
        doing: "encoding for",
        file: LOG.into(),
        detail: e.to_string(),
    })
}

fn write(journal: &mut Journal, disk: &mut dyn Disk, record: &Record) -> Result<(), DiskError> {
    journal.append(disk, &encode(record)?)
}

/// What became of an anomaly that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// New: once it is durable, show it and send a receipt.
    New,
    /// Written already and not yet durable: nothing to do.
    Waiting,
    /// Here already: send a receipt again, show nothing.
    Again,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    store_id: u64,
    anomaly: Anomaly,
}

/// The ground's side: what arrives is durable before it is receipted, and shown once.
#[derive(Clone)]
pub struct Inbox {
    journal: Journal,
    damaged_bytes: usize,
    have: BTreeMap<(u64, u32), Anomaly>,
    /// Written and not yet durable, and where the log ended before them.
    unsettled: Vec<((u64, u32), Anomaly)>,
    before: Option<Journal>,
}

impl Inbox {
    /// Opens the store in `file`.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(disk: &mut dyn Disk, file: &str) -> Result<Inbox, DiskError> {
        let (journal, found) = Journal::salvage(disk, file)?;
        let damaged_bytes = found.damaged_bytes;
        let have = found
            .records
            .iter()
            .filter_map(|r| serde_json::from_slice::<Kept>(r).ok())
            .map(|k| ((k.store_id, k.anomaly.number), k.anomaly))
            .collect();
        Ok(Inbox {
            journal,
            damaged_bytes,
            have,
            unsettled: Vec::new(),
            before: None,
        })
    }
    /// Bytes of the store that were found damaged when it was opened.
    #[must_use]
    pub fn damaged_bytes(&self) -> usize {
        self.damaged_bytes
    }

    /// Takes an anomaly and makes it durable.
    ///
    /// # Errors
    /// [`DiskError`]: it is not durable, so it must not be receipted; the aircraft will send it again.
    pub fn take(
        &mut self,
        disk: &mut dyn Disk,
        store_id: u64,
        anomaly: &Anomaly,
    ) -> Result<Taken, DiskError> {
        let taken = self.write(disk, store_id, anomaly)?;
        if taken != Taken::Again {
            self.settle(disk)?;
        }
        Ok(taken)
    }

    /// Takes an anomaly, which is durable, and may be receipted and shown, only after [`Inbox::settle`]: many that come
    /// at once then wait for the disk once.
    ///
    /// # Errors
    /// [`DiskError`]: it was not written; the aircraft will send it again.
    pub fn write(
        &mut self,
        disk: &mut dyn Disk,
        store_id: u64,
        anomaly: &Anomaly,
    ) -> Result<Taken, DiskError> {
        let key = (store_id, anomaly.number);
        if self.have.contains_key(&key) {
            return Ok(Taken::Again);
        }
        if self.unsettled.iter().any(|(k, _)| *k == key) {
            return Ok(Taken::Waiting);
        }
        let kept = Kept {
            store_id,
            anomaly: anomaly.clone(),
        };
        let bytes = serde_json::to_vec(&kept).map_err(|e| DiskError::Io {
            doing: "encoding for",
            file: "the inbox".into(),
            detail: e.to_string(),
        })?;
        let before = self.journal.clone();
        self.journal.append(disk, &bytes)?;
        self.before.get_or_insert(before);
        self.unsettled.push((key, kept.anomaly));
        Ok(Taken::New)
    }

    /// Makes everything written durable: stores and numbers, in their order.
    ///
    /// # Errors
    /// [`DiskError`]: none of them is durable, and the log is as it was before them, as far as the disk lets.
    pub fn settle(&mut self, disk: &mut dyn Disk) -> Result<Vec<(u64, u32)>, DiskError> {
        let written = std::mem::take(&mut self.unsettled);
        let Some(before) = self.before.take() else {
            return Ok(Vec::new());
        };
        if let Err(e) = self.journal.sync(disk) {
            self.journal.back_to(disk, before);
            return Err(e);
        }
        let keys = written.iter().map(|(k, _)| *k).collect();
        self.have.extend(written);
        Ok(keys)
    }

    /// Everything received, by store and number.
    pub fn all(&self) -> impl Iterator<Item = (u64, &Anomaly)> {
        self.have.iter().map(|((s, _), a)| (*s, a))
    }
    /// One of them.
    #[must_use]
    pub fn get(&self, store_id: u64, number: u32) -> Option<&Anomaly> {
        self.have.get(&(store_id, number))
    }
    /// Numbers below the highest one that are missing.
    #[must_use]
    pub fn gaps(&self, store_id: u64) -> Vec<u32> {
        let numbers: BTreeSet<u32> = self
            .have
            .range((store_id, 0)..=(store_id, u32::MAX))
            .map(|(k, _)| k.1)
            .collect();
        (1..numbers.last().copied().unwrap_or(0))
            .filter(|n| !numbers.contains(n))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::MemDisk;
    use missions::anomaly::{AnomalyKind, Ellipse};
    use missions::place::LatLon;
    use missions::time::{Reading, Utc};
    use rand::{RngExt, SeedableRng};

    fn anomaly(priority: Priority) -> Anomaly {
        Anomaly {
            number: 0,
            kind: AnomalyKind::PersonInZone,
            priority,
            rule: "person".into(),
            subject: "embankment".into(),
            first_seen: Utc(1),
            flagged: Utc(2),
            at: LatLon::from_degrees(27.787, 120.091).unwrap(),
            alt_amsl_m: None,
            error: Ellipse {
                major_m: 3.0,
                minor_m: 2.0,
                bearing_deg: 10.0,
            },
            confidence: 0.9,
            picture_sha256: None,
            picture_len: 0,
        }
    }

    #[test]
    fn a_damaged_store_keeps_the_rest_and_never_gives_a_number_to_two_things() {
        for seed in 0..300 {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let (mut air, mut ground) = (MemDisk::default(), MemDisk::default());
            let mut inbox = Inbox::open(&mut ground, "inbox.log").unwrap();
            let mut outbox = Outbox::open(&mut air, 77).unwrap();
            let mut told = Vec::new();
            for n in 0..6 {
                let mut a = anomaly(Priority::High);
                a.subject = format!("before-{n}");
                a.number = outbox.add(&mut air, a.clone(), None);
                // They are on the ground already; their receipts were lost.
                let (store, a) = outbox.on_the_wire(&a);
                inbox.take(&mut ground, store, &a).unwrap();
                told.push((store, a.number));
            }
            let mut bytes = air.read(LOG).unwrap();
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8u8);
            air.replace(LOG, &bytes).unwrap();
            let mut outbox = Outbox::open(&mut air, 78 + seed).unwrap();
            assert!(outbox.damaged_bytes() > 0);
            assert!(outbox.pending() >= 4, "seed {seed}: {}", outbox.pending());
            let mut a = anomaly(Priority::High);
            a.subject = "after".into();
            a.number = outbox.add(&mut air, a.clone(), None);
            let (store, a) = outbox.on_the_wire(&a);
            assert!(!told.contains(&(store, a.number)), "seed {seed}");
            // What is sent again is known there, what is new is new.
            assert_eq!(inbox.take(&mut ground, store, &a).unwrap(), Taken::New);
            let now = Now {
                mono: Mono::ZERO,
                utc: Reading::Missing,
            };
            for w in outbox.due(now, 100, true) {
                let (store, w) = outbox.on_the_wire(&w);
                assert_eq!(inbox.take(&mut ground, store, &w).unwrap(), Taken::Again);
            }
        }
    }

    #[test]
    fn a_log_that_lost_its_end_gives_no_number_again_that_the_ground_may_know() {
        let mut whole = MemDisk::default();
        let mut outbox = Outbox::open(&mut whole, 77).unwrap();
        for _ in 0..4 {
            outbox.add(&mut whole, anomaly(Priority::High), None);
        }
        let len = whole.read(LOG).unwrap().len();
        for left in 0..=len {
            let mut air = whole.clone();
            air.truncate(LOG, left as u64).unwrap();
            let mut outbox = Outbox::open(&mut air, 78).unwrap();
            // Under this identity the ground may have all four.
            let n = outbox.add(&mut air, anomaly(Priority::High), None);
            assert!(outbox.storage_ok() && n == 5, "{left} of {len} bytes: {n}");
        }
    }

    #[test]
    fn while_the_ground_is_heard_what_is_not_receipted_is_sent_every_two_seconds() {
        for (heard, least) in [(true, 13), (false, 4)] {
            let mut air = MemDisk::default();
            let mut outbox = Outbox::open(&mut air, 77).unwrap();
            outbox.add(&mut air, anomaly(Priority::High), None);
            let sent: usize = (0..300u64)
                .map(|n| {
                    let now = Now {
                        mono: Mono::from_millis(n * 100),
                        utc: Reading::Missing,
                    };
                    outbox.due(now, 20, heard).len()
                })
                .sum();
            assert!((least..=least + 4).contains(&sent), "{heard}: {sent}");
        }
    }

    #[test]
    fn what_was_written_together_is_there_only_once_all_of_it_is_durable() {
        let mut disk = MemDisk::default();
        let mut inbox = Inbox::open(&mut disk, "inbox.log").unwrap();
        let numbered = |number| Anomaly {
            number,
            ..anomaly(Priority::High)
        };
        for n in 1..=3 {
            let taken = inbox.write(&mut disk, 5, &numbered(n)).unwrap();
            assert_eq!(taken, Taken::New);
        }
        assert_eq!(
            inbox.write(&mut disk, 5, &numbered(2)).unwrap(),
            Taken::Waiting,
            "sent again before it was durable"
        );
        assert_eq!(inbox.all().count(), 0);
        let keys = inbox.settle(&mut disk).unwrap();
        assert_eq!(keys, [(5, 1), (5, 2), (5, 3)]);
        assert_eq!(
            inbox.write(&mut disk, 5, &numbered(2)).unwrap(),
            Taken::Again
        );
        assert!(inbox.settle(&mut disk).unwrap().is_empty());
        let again = Inbox::open(&mut disk, "inbox.log").unwrap();
        assert_eq!(again.all().count(), 3);
    }

    #[test]
    fn what_is_sent_again_and_again_does_not_crowd_out_what_never_was() {
        let mut air = MemDisk::default();
        let mut outbox = Outbox::open(&mut air, 77).unwrap();
        for _ in 0..400 {
            outbox.add(&mut air, anomaly(Priority::Urgent), None);
        }
        let mut notice = None;
        // A radio that carries forty a second, and a ground that receipts nothing.
        let mut urgent = 0;
        for ms in (0..60_000u64).step_by(25) {
            let now = Now {
                mono: Mono::from_millis(ms),
                utc: Reading::Missing,
            };
            if ms == 30_000 {
                outbox.add(&mut air, anomaly(Priority::Notice), None);
            }
            for a in outbox.due(now, 1, true) {
                urgent += usize::from(a.priority == Priority::Urgent);
                if a.priority == Priority::Notice {
                    notice.get_or_insert(ms);
                }
            }
        }
        assert!(notice.is_some_and(|ms| ms <= 30_100), "{notice:?}");
        assert!(urgent > 2_300, "the gravest still take the line: {urgent}");
    }

    #[test]
    fn over_loss_duplicates_and_restarts_of_both_sides_each_is_shown_once() {
        for seed in 0..60 {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let (mut air, mut ground) = (MemDisk::default(), MemDisk::default());
            let mut outbox = Outbox::open(&mut air, 77).unwrap();
            let mut inbox = Inbox::open(&mut ground, "inbox.log").unwrap();
            let mut shown: Vec<u32> = Vec::new();
            let mut made = 0;
            for step in 0..4_000u64 {
                let now = Now {
                    mono: Mono::from_millis(step * 100),
                    utc: Reading::NotYet,
                };
                if made < 30 && rng.random::<f64>() < 0.05 {
                    let n = outbox.add(&mut air, anomaly(Priority::High), None);
                    made += 1;
                    assert_eq!(n, made);
                }
                for a in outbox.due(now, 20, true) {
                    for _ in 0..rng.random_range(0..3) {
                        if inbox.take(&mut ground, outbox.store_id(), &a).unwrap() == Taken::New {
                            shown.push(a.number);
                        }
                        if rng.random::<f64>() < 0.5 {
                            outbox.receipt(&mut air, outbox.store_id(), a.number);
                        }
                    }
                }
                if rng.random::<f64>() < 0.01 {
                    outbox = Outbox::open(&mut air, 99).unwrap();
                    assert_eq!(outbox.store_id(), 77);
                }
                if rng.random::<f64>() < 0.01 {
                    inbox = Inbox::open(&mut ground, "inbox.log").unwrap();
                }
            }
            shown.sort_unstable();
            assert_eq!(shown, (1..=made).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(outbox.pending(), 0);
            assert!(inbox.gaps(77).is_empty());
        }
    }

    /// Refuses to sync while told to.
    struct Sick(MemDisk, bool);
    impl Disk for Sick {
        fn append(&mut self, f: &str, b: &[u8]) -> Result<(), DiskError> {
            self.0.append(f, b)
        }
        fn sync(&mut self, f: &str) -> Result<(), DiskError> {
            match self.1 {
                true => Err(DiskError::Full {
                    doing: "syncing",
                    file: f.into(),
                }),
                false => Ok(()),
            }
        }
        fn read(&self, f: &str) -> Result<Vec<u8>, DiskError> {
            self.0.read(f)
        }
        fn replace(&mut self, f: &str, b: &[u8]) -> Result<(), DiskError> {
            self.0.replace(f, b)
        }
        fn truncate(&mut self, f: &str, len: u64) -> Result<(), DiskError> {
            self.0.truncate(f, len)
        }
        fn list(&self) -> Result<Vec<String>, DiskError> {
            self.0.list()
        }
    }

    #[test]
    fn what_the_disk_did_not_take_reaches_the_ground_and_its_number_hides_no_later_one() {
        let mut air = Sick(MemDisk::default(), false);
        let mut ground = MemDisk::default();
        let mut inbox = Inbox::open(&mut ground, "inbox.log").unwrap();
        let mut shown = Vec::new();
        let mut subject = 0;
        for (run, sick) in [false, true, false].into_iter().enumerate() {
            let mut o = Outbox::open(&mut air, 100 + run as u64).unwrap();
            air.1 = sick;
            for _ in 0..3 {
                subject += 1;
                let a = Anomaly {
                    subject: format!("s-{subject}"),
                    ..anomaly(Priority::High)
                };
                o.add(&mut air, a, None);
                assert_eq!(o.storage_ok(), !sick);
            }
            let now = Now {
                mono: Mono::from_millis(1),
                utc: Reading::NotYet,
            };
            for a in o.due(now, 20, true) {
                let (store, a) = o.on_the_wire(&a);
                if inbox.take(&mut ground, store, &a).unwrap() == Taken::New {
                    shown.push(a.subject.clone());
                }
                o.receipt(&mut air, store, a.number);
            }
            assert_eq!(o.pending(), 0);
            air.1 = false;
        }
        shown.sort();
        let want: Vec<String> = (1..=9).map(|n| format!("s-{n}")).collect();
        assert_eq!(shown, want, "each once");
    }

    #[test]
    fn the_gravest_and_newest_go_first() {
        let mut disk = MemDisk::default();
        let mut o = Outbox::open(&mut disk, 1).unwrap();
        for p in [
            Priority::Notice,
            Priority::Urgent,
            Priority::High,
            Priority::Urgent,
        ] {
            o.add(&mut disk, anomaly(p), None);
        }
        let now = Now {
            mono: Mono(0),
            utc: Reading::NotYet,
        };
        let order: Vec<u32> = o.due(now, 20, true).iter().map(|a| a.number).collect();
        assert_eq!(order, [4, 2, 3, 1]);
    }

    #[test]
    fn a_picture_waits_for_its_anomaly_and_survives_a_restart() {
        let mut disk = MemDisk::default();
        let mut o = Outbox::open(&mut disk, 1).unwrap();
        let a = Anomaly {
            picture_len: 3,
            picture_sha256: Some([1; 32]),
            ..anomaly(Priority::High)
        };
        let n = o.add(&mut disk, a, Some(vec![1, 2, 3]));
        assert_eq!(o.next_picture(), None);
        o.receipt(&mut disk, 1, n);
        let mut o = Outbox::open(&mut disk, 9).unwrap();
        assert_eq!(o.next_picture(), Some((n, &[1u8, 2, 3][..])));
        o.picture_receipt(&mut disk, n);
        assert_eq!(Outbox::open(&mut disk, 9).unwrap().next_picture(), None);
    }
}
