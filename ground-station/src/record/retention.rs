//! How long recordings are kept: classes from a data file, and a signed ledger beside the flights that says who put which
//! flight into which class, who holds it, and who let it go. Nothing here deletes: it only says from when people may.
//!
//! The ledger is a [`Journal`], so that no line can be changed or taken out of the middle unseen. Each record is an Ed25519
//! signature over `patrol-retention/1` and the JSON, then the JSON; it is made with the person's own key. What shortens the
//! keeping of a flight (a hold lifted, a class lowered, evidence released) takes a second person: another name and another
//! key than the one who lengthened it.

use crate::evidence::key::{PublicKey, SIGNATURE, Signer};
use link::journal::{Disk, DiskError, Journal};
use missions::time::Utc;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// The ledger, in the folder of the flights.
pub const LEDGER: &str = "retention.log";
/// The classes built in.
pub const DEFAULT_CLASSES: &str = include_str!("../../retention.toml");
const SIGNED: &[u8] = b"patrol-retention/1";
const DAY_US: i64 = 86_400_000_000;
const MAX_CLASSES: usize = 32;
const MAX_DAYS: u32 = 36_525;

/// A class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Name.
    pub name: String,
    /// Days from the end of the flight; `None`: until released.
    #[serde(default)]
    pub days: Option<u32>,
}

/// The data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// What a flight begins with.
    pub default: String,
    /// Of a flight with a confirmed anomaly.
    pub confirmed: String,
    /// The later, the longer.
    pub class: Vec<Class>,
}

/// Why not.
#[derive(Debug, Error)]
pub enum RetentionError {
    /// The data file.
    #[error("the classes of retention: {0}")]
    Classes(String),
    /// A class that the file does not name.
    #[error("{0:?} is no class of retention: {1}")]
    NoClass(String, String),
    /// Somebody without a name or a reason.
    #[error("a name and a reason are needed")]
    Unnamed,
    /// The same person again.
    #[error("{what} takes a second person: {first} {did}, under that name or with that key")]
    SecondPerson {
        /// What was asked.
        what: &'static str,
        /// Who did the first half.
        first: String,
        /// What that was.
        did: &'static str,
    },
    /// Nothing to lift or release.
    #[error("{0}")]
    Nothing(&'static str),
    /// The ledger is not what was written.
    #[error(
        "the ledger {LEDGER} is damaged: {0}. Nothing is added to it, and every flight counts as held"
    )]
    Damaged(String),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Classes {
    /// Reads the data file.
    ///
    /// # Errors
    /// [`RetentionError::Classes`].
    pub fn parse(text: &str) -> Result<Classes, RetentionError> {
        let bad = |words: String| RetentionError::Classes(words);
        let c: Classes = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
        if c.class.is_empty() || c.class.len() > MAX_CLASSES {
            return Err(bad(format!("1 to {MAX_CLASSES} classes are possible")));
        }
        for (n, k) in c.class.iter().enumerate() {
            let twice = c.class.iter().take(n).any(|o| o.name == k.name);
            if k.name.trim().is_empty() || twice || k.days.is_some_and(|d| d == 0 || d > MAX_DAYS) {
                return Err(bad(format!(
                    "{:?} has no name of its own, or keeps for no day or more than {MAX_DAYS}",
                    k.name
                )));
            }
        }
        for name in [&c.default, &c.confirmed] {
            c.rank(name)?;
        }
        Ok(c)
    }

    fn rank(&self, name: &str) -> Result<usize, RetentionError> {
        let known = || -> String {
            let names: Vec<&str> = self.class.iter().map(|c| c.name.as_str()).collect();
            names.join(", ")
        };
        self.class
            .iter()
            .position(|c| c.name == name)
            .ok_or_else(|| RetentionError::NoClass(name.to_owned(), known()))
    }
}

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "snake_case")]
pub enum Deed {
    /// Put the flight into a class.
    Class {
        /// Which.
        class: String,
    },
    /// Legal hold: not to be removed at all.
    Hold,
    /// The hold is lifted.
    Lift,
    /// Kept until released: released.
    Release,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Identity of the flight in its chain, hex.
    pub flight: String,
    /// When, µs since 1970.
    pub t_us: i64,
    /// Who.
    pub by: String,
    /// Their public key, hex.
    pub key: String,
    /// Why.
    pub reason: String,
    /// What.
    #[serde(flatten)]
    pub deed: Deed,
}

/// From when a flight may be removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "removal", rename_all = "snake_case")]
pub enum Removal {
    /// From this moment, µs since 1970.
    From {
        /// The moment.
        at_us: i64,
    },
    /// Somebody holds it.
    Held {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Since when, µs since 1970.
        since_us: i64,
    },
    /// Kept until it is released.
    UntilReleased,
    /// Not known: it was never closed, or the ledger is damaged. Then it may not.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// How a flight is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Keeping {
    /// Class.
    pub class: String,
    /// From when it may be removed.
    #[serde(flatten)]
    pub removal: Removal,
}

#[derive(Clone, Debug, Default)]
struct Standing {
    class: Option<Noted>,
    hold: Option<Noted>,
    released: Option<Noted>,
}

/// The ledger of one folder of flights.
pub struct Ledger {
    journal: Journal,
    by_flight: BTreeMap<String, Standing>,
    lines: Vec<Noted>,
    damaged: Option<String>,
}

impl Ledger {
    /// Reads it; an empty one where there is none. A damaged one is read and never written.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(disk: &mut dyn Disk) -> Result<Ledger, DiskError> {
        let before = disk.read(LEDGER)?;
        // Looked at in memory: opening a journal cuts what is torn, and damage here is to be seen, not mended.
        let mut memory = link::journal::MemDisk::default();
        memory.append(LEDGER, &before)?;
        let (journal, found) = Journal::open(&mut memory, LEDGER)?;
        let mut ledger = Ledger {
            journal,
            by_flight: BTreeMap::new(),
            lines: Vec::new(),
            damaged: (found.torn_bytes > 0)
                .then(|| format!("{} bytes at its end are no records", found.torn_bytes)),
        };
        for (record, n) in found.records.iter().zip(1u64..) {
            match read(record) {
                Some(noted) => ledger.apply(noted),
                None => {
                    ledger.damaged = Some(format!("record {n} is not signed by whom it names"));
                }
            }
        }
        Ok(ledger)
    }

    /// What is wrong with it.
    #[must_use]
    pub fn damaged(&self) -> Option<&str> {
        self.damaged.as_deref()
    }
    /// All lines of a flight.
    pub fn of<'a>(&'a self, flight: &'a str) -> impl Iterator<Item = &'a Noted> {
        self.lines.iter().filter(move |l| l.flight == flight)
    }

    fn apply(&mut self, noted: Noted) {
        let s = self.by_flight.entry(noted.flight.clone()).or_default();
        match &noted.deed {
            Deed::Class { .. } => {
                s.class = Some(noted.clone());
                s.released = None;
            }
            Deed::Hold => s.hold = Some(noted.clone()),
            Deed::Lift => s.hold = None,
            Deed::Release => s.released = Some(noted.clone()),
        }
        self.lines.push(noted);
    }

    fn class_of<'a>(&'a self, classes: &'a Classes, flight: &str, confirmed: bool) -> &'a str {
        let set = self
            .by_flight
            .get(flight)
            .and_then(|s| s.class.as_ref())
            .and_then(|n| match &n.deed {
                Deed::Class { class } => Some(class.as_str()),
                _ => None,
            });
        match set {
            Some(c) => c,
            None if confirmed => &classes.confirmed,
            None => &classes.default,
        }
    }

    /// How a flight is kept. `ended_us`: when its record was closed; `None`: it was not. `confirmed`: an officer confirmed
    /// one of its anomalies.
    #[must_use]
    pub fn keeping(
        &self,
        classes: &Classes,
        flight: &str,
        ended_us: Option<i64>,
        confirmed: bool,
    ) -> Keeping {
        let name = self.class_of(classes, flight, confirmed).to_owned();
        let unknown = |why: &str| Removal::Unknown { why: why.into() };
        let standing = self.by_flight.get(flight);
        let class = classes.class.iter().find(|c| c.name == name);
        let removal = if let Some(why) = &self.damaged {
            unknown(why)
        } else if let Some(h) = standing.and_then(|s| s.hold.as_ref()) {
            Removal::Held {
                by: h.by.clone(),
                reason: h.reason.clone(),
                since_us: h.t_us,
            }
        } else {
            let released = standing.and_then(|s| s.released.as_ref());
            match (class, ended_us, released) {
                (None, _, _) => unknown("its class is not in the file of classes"),
                (Some(Class { days: None, .. }), _, Some(r)) => Removal::From { at_us: r.t_us },
                (Some(Class { days: None, .. }), _, None) => Removal::UntilReleased,
                (_, None, _) => unknown("its record was never closed"),
                (Some(Class { days: Some(d), .. }), Some(end), _) => Removal::From {
                    at_us: end.saturating_add(i64::from(*d).saturating_mul(DAY_US)),
                },
            }
        };
        Keeping {
            class: name,
            removal,
        }
    }

    /// Notes a deed, durably. `confirmed`: as for [`Ledger::keeping`].
    ///
    /// # Errors
    /// [`RetentionError`]: nothing is noted then.
    #[allow(
        clippy::too_many_arguments,
        reason = "who, what, why and when are all of it"
    )]
    pub fn note(
        &mut self,
        disk: &mut dyn Disk,
        classes: &Classes,
        flight: &str,
        deed: Deed,
        by: (&str, &Signer),
        reason: &str,
        confirmed: bool,
        now: Utc,
    ) -> Result<(), RetentionError> {
        if let Some(why) = &self.damaged {
            return Err(RetentionError::Damaged(why.clone()));
        }
        let (name, signer) = (by.0.trim(), by.1);
        if name.is_empty() || reason.trim().is_empty() || flight.is_empty() {
            return Err(RetentionError::Unnamed);
        }
        let key = signer.public().hex();
        let second = |what, first: Option<&Noted>, did| match first {
            Some(f) if f.by == name || f.key == key => Err(RetentionError::SecondPerson {
                what,
                first: f.by.clone(),
                did,
            }),
            _ => Ok(()),
        };
        let standing = self.by_flight.get(flight).cloned().unwrap_or_default();
        let current = self.class_of(classes, flight, confirmed);
        match &deed {
            Deed::Class { class } => {
                if classes.rank(class)? < classes.rank(current)? {
                    second("lowering the class", standing.class.as_ref(), "raised it")?;
                }
            }
            Deed::Hold if standing.hold.is_some() => {
                return Err(RetentionError::Nothing("it is held already"));
            }
            Deed::Hold => {}
            Deed::Lift => {
                let Some(hold) = &standing.hold else {
                    return Err(RetentionError::Nothing("nobody holds it"));
                };
                second("lifting a hold", Some(hold), "set it")?;
            }
            Deed::Release => {
                let open = classes
                    .class
                    .iter()
                    .any(|c| c.name == current && c.days.is_none());
                if !open || standing.released.is_some() {
                    return Err(RetentionError::Nothing(
                        "only what is kept until released can be released, once",
                    ));
                }
                second(
                    "releasing",
                    standing.class.as_ref(),
                    "put it into its class",
                )?;
            }
        }
        let noted = Noted {
            flight: flight.into(),
            t_us: now.0,
            by: name.into(),
            key,
            reason: reason.trim().into(),
            deed,
        };
        let json =
            serde_json::to_vec(&noted).map_err(|e| RetentionError::Classes(e.to_string()))?;
        let mut record = signer.sign(&signed(&json)).to_vec();
        record.extend_from_slice(&json);
        self.journal.append_durable(disk, &record)?;
        self.apply(noted);
        Ok(())
    }
}

fn signed(json: &[u8]) -> Vec<u8> {
    [SIGNED, json].concat()
}

fn read(record: &[u8]) -> Option<Noted> {
    let (signature, json) = record.split_at_checked(SIGNATURE)?;
    let noted: Noted = serde_json::from_slice(json).ok()?;
    PublicKey::from_hex(&noted.key)?
        .holds(&signed(json), signature)
        .then_some(noted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::journal::MemDisk;

    const FLIGHT: &str = "aa";
    const END: i64 = 1_790_856_000_000_000;

    struct Desk {
        disk: MemDisk,
        classes: Classes,
        ledger: Ledger,
    }

    fn desk() -> Desk {
        let mut disk = MemDisk::default();
        Desk {
            classes: Classes::parse(DEFAULT_CLASSES).unwrap(),
            ledger: Ledger::open(&mut disk).unwrap(),
            disk,
        }
    }

    impl Desk {
        fn does(&mut self, deed: Deed, name: &str, key: u8) -> Result<(), RetentionError> {
            let signer = Signer::from_seed(&[key; 32]);
            let by = (name, &signer);
            let now = Utc(END + 5);
            self.ledger.note(
                &mut self.disk,
                &self.classes,
                FLIGHT,
                deed,
                by,
                "case 12",
                false,
                now,
            )
        }
        fn kept(&self) -> Removal {
            // What another process would read.
            let again = Ledger::open(&mut self.disk.clone()).unwrap();
            let k = again.keeping(&self.classes, FLIGHT, Some(END), false);
            assert_eq!(
                k,
                self.ledger.keeping(&self.classes, FLIGHT, Some(END), false)
            );
            k.removal
        }
    }

    fn class(name: &str) -> Deed {
        Deed::Class { class: name.into() }
    }

    #[test]
    fn a_flight_may_be_removed_from_a_day_that_its_class_gives() {
        let mut d = desk();
        let days = |n: i64| Removal::From {
            at_us: END + n * DAY_US,
        };
        assert_eq!(d.kept(), days(30));
        let confirmed = d.ledger.keeping(&d.classes, FLIGHT, Some(END), true);
        assert_eq!(
            (confirmed.class.as_str(), confirmed.removal),
            ("incident", days(180))
        );
        let open = d.ledger.keeping(&d.classes, FLIGHT, None, false);
        assert!(matches!(open.removal, Removal::Unknown { .. }));
        d.does(class("incident"), "Li", 1).unwrap();
        assert_eq!(d.kept(), days(180));
        d.does(class("evidence"), "Li", 1).unwrap();
        assert_eq!(d.kept(), Removal::UntilReleased);
        assert!(matches!(
            d.does(class("forever"), "Li", 1),
            Err(RetentionError::NoClass(..))
        ));
        // Shorter takes another name and another key.
        for (name, key) in [("Li", 1), ("Li", 2), ("Wang", 1)] {
            assert!(matches!(
                d.does(class("routine"), name, key),
                Err(RetentionError::SecondPerson { .. })
            ));
            assert!(d.does(Deed::Release, name, key).is_err());
        }
        d.does(Deed::Release, "Wang", 2).unwrap();
        assert_eq!(d.kept(), Removal::From { at_us: END + 5 });
        assert!(d.does(Deed::Release, "Wang", 2).is_err(), "once");
        d.does(class("routine"), "Wang", 2).unwrap();
        assert_eq!(d.kept(), days(30));
    }

    #[test]
    fn a_hold_goes_before_every_class_and_only_a_second_person_lifts_it() {
        let mut d = desk();
        assert!(d.does(Deed::Lift, "Wang", 2).is_err(), "nobody holds it");
        d.does(Deed::Hold, "Li", 1).unwrap();
        assert!(d.does(Deed::Hold, "Zhao", 3).is_err(), "held already");
        let Removal::Held { by, reason, .. } = d.kept() else {
            panic!("not held")
        };
        assert_eq!((by.as_str(), reason.as_str()), ("Li", "case 12"));
        for (name, key) in [("Li", 1), (" Li ", 2), ("Wang", 1)] {
            assert!(d.does(Deed::Lift, name, key).is_err(), "{name} {key}");
        }
        assert!(matches!(d.kept(), Removal::Held { .. }));
        d.does(Deed::Lift, "Wang", 2).unwrap();
        assert!(matches!(d.kept(), Removal::From { .. }));
        assert_eq!(d.ledger.of(FLIGHT).count(), 2);
    }

    #[test]
    fn a_ledger_with_a_changed_byte_lets_nothing_go_and_takes_nothing() {
        let mut d = desk();
        d.does(Deed::Hold, "Li", 1).unwrap();
        d.does(Deed::Lift, "Wang", 2).unwrap();
        let good = d.disk.read(LEDGER).unwrap();
        for at in (0..good.len()).step_by(7) {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            let mut disk = MemDisk::default();
            disk.append(LEDGER, &bytes).unwrap();
            let mut ledger = Ledger::open(&mut disk).unwrap();
            assert!(ledger.damaged().is_some(), "byte {at}");
            let k = ledger.keeping(&d.classes, FLIGHT, Some(END), false);
            assert!(matches!(k.removal, Removal::Unknown { .. }), "byte {at}");
            let signer = Signer::from_seed(&[9; 32]);
            let by = ("Zhao", &signer);
            let now = Utc(END);
            let c = &d.classes;
            let took = ledger.note(&mut disk, c, FLIGHT, Deed::Hold, by, "x", false, now);
            assert!(matches!(took, Err(RetentionError::Damaged(_))));
            assert_eq!(disk.read(LEDGER).unwrap(), bytes, "not mended, not touched");
        }
        // Somebody without the person's key writes a line in their name.
        let mut disk = MemDisk::default();
        disk.append(LEDGER, &good).unwrap();
        let (mut j, _) = Journal::open(&mut disk, LEDGER).unwrap();
        let mut forged = d.ledger.lines[1].clone();
        forged.reason = "because".into();
        let json = serde_json::to_vec(&forged).unwrap();
        let mut record = Signer::from_seed(&[8; 32]).sign(&signed(&json)).to_vec();
        record.extend(json);
        j.append(&mut disk, &record).unwrap();
        assert!(Ledger::open(&mut disk).unwrap().damaged().is_some());
    }

    #[test]
    fn a_file_of_classes_with_a_fault_is_refused() {
        for bad in [
            "",
            "default = \"a\"\nconfirmed = \"a\"\nclass = []",
            "default = \"b\"\nconfirmed = \"a\"\n[[class]]\nname = \"a\"",
            "default = \"a\"\nconfirmed = \"a\"\n[[class]]\nname = \"a\"\ndays = 0",
            "default = \"a\"\nconfirmed = \"a\"\n[[class]]\nname = \"a\"\n[[class]]\nname = \"a\"",
        ] {
            assert!(Classes::parse(bad).is_err(), "{bad}");
        }
    }
}
