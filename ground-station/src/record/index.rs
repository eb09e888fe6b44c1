//! The index of recorded flights: SQLite beside the folders, so that a thousand flights are found at once. Derived from
//! the chains: it is no evidence, and when it is lost, old or damaged it is made anew.

use super::{CHAIN, EVENTS, line};
use crate::evidence::chain::{Closing, Entry};
use crate::evidence::manifest::MANIFEST;
use crate::evidence::verify::entries_of;
use anyhow::Context;
use line::Fact;
use rusqlite::{Connection, params};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The file, in the folder of the flights.
pub const INDEX: &str = "index.sqlite";
/// Changed whenever the tables are: an index of another version is made anew.
const VERSION: i64 = 1;
/// Folders that are looked at.
const MAX_FLIGHTS: usize = 100_000;

const TABLES: &str = "
CREATE TABLE flights (
  dir TEXT PRIMARY KEY, stamp TEXT NOT NULL, flight TEXT NOT NULL, key TEXT NOT NULL, retention TEXT NOT NULL,
  from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, entries INTEGER NOT NULL, frames INTEGER NOT NULL,
  lines INTEGER NOT NULL, pictures INTEGER NOT NULL, anomalies INTEGER NOT NULL, lost INTEGER NOT NULL,
  closed INTEGER NOT NULL, sealed INTEGER NOT NULL
) STRICT;
CREATE INDEX flights_by_time ON flights (from_us);
CREATE TABLE anomalies (
  dir TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, priority TEXT NOT NULL, rule TEXT NOT NULL, t_us INTEGER NOT NULL,
  lat_deg REAL, lon_deg REAL, state TEXT NOT NULL, PRIMARY KEY (dir, id)
) STRICT;
CREATE INDEX anomalies_by_time ON anomalies (t_us);
";

/// A flight as the index has it. Nothing here is verified: `verify` does that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flight {
    /// Folder, within that of all flights.
    pub dir: String,
    /// Identity.
    pub flight: String,
    /// The station's public key.
    pub key: String,
    /// How long it is kept.
    pub retention: String,
    /// First moment, µs since 1970.
    pub from_us: i64,
    /// Last moment, µs since 1970.
    pub to_us: i64,
    /// Entries of the chain.
    pub entries: i64,
    /// Frames.
    pub frames: i64,
    /// Lines of events.
    pub lines: i64,
    /// Pictures.
    pub pictures: i64,
    /// Anomalies.
    pub anomalies: i64,
    /// Records known to be lost.
    pub lost: i64,
    /// The chain is closed.
    pub closed: bool,
    /// There is a closing manifest.
    pub sealed: bool,
    /// An officer confirmed one of its anomalies.
    pub confirmed: bool,
}

/// The index of one folder of flights.
pub struct Index {
    root: PathBuf,
    db: Connection,
}

impl Index {
    /// Opens it and brings it up to date; makes it anew when it is missing, damaged or of another version.
    ///
    /// # Errors
    /// When the folder cannot be read or the index cannot be written.
    pub fn open(root: &Path) -> anyhow::Result<Index> {
        anyhow::ensure!(
            !root.join(CHAIN).exists(),
            "{} is one flight: nothing is written into it. Give the folder of the flights",
            root.display()
        );
        let file = root.join(INDEX);
        let db = match usable(&file) {
            Some(db) => db,
            None => anew(&file)?,
        };
        let mut index = Index {
            root: root.to_owned(),
            db,
        };
        index.update()?;
        Ok(index)
    }

    /// Reads the chains that are new or grew; forgets folders that are gone.
    fn update(&mut self) -> anyhow::Result<()> {
        let mut here = Vec::new();
        let read = std::fs::read_dir(&self.root)
            .with_context(|| format!("opening the folder {}", self.root.display()))?;
        for e in read.take(MAX_FLIGHTS) {
            let path = e?.path();
            if let (Some(stamp), Some(name)) = (stamp(&path), path.file_name()) {
                here.push((name.to_string_lossy().into_owned(), stamp, path));
            }
        }
        here.sort();
        let known: Vec<(String, String)> = self
            .db
            .prepare("SELECT dir, stamp FROM flights")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let t = self.db.transaction()?;
        for (dir, stamp) in &known {
            if !here.iter().any(|h| h.0 == *dir && h.1 == *stamp) {
                t.execute("DELETE FROM flights WHERE dir = ?1", [dir])?;
                t.execute("DELETE FROM anomalies WHERE dir = ?1", [dir])?;
            }
        }
        for (dir, stamp, path) in here {
            if !known.iter().any(|k| k.0 == dir && k.1 == stamp) {
                add(&t, &dir, &stamp, &path)?;
            }
        }
        t.commit()?;
        Ok(())
    }

    /// Flights in the order of their time. `anomaly`: only those with one of this kind or rule.
    ///
    /// # Errors
    /// When the index breaks.
    pub fn flights(&self, anomaly: Option<&str>) -> anyhow::Result<Vec<Flight>> {
        let mut s = self.db.prepare(
            "SELECT dir, flight, key, retention, from_us, to_us, entries, frames, lines, pictures, anomalies, lost, closed,
             sealed, EXISTS (SELECT 1 FROM anomalies c WHERE c.dir = f.dir AND c.state = 'confirmed') FROM flights f WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM anomalies a WHERE a.dir = f.dir AND
             (a.kind = ?1 OR a.rule = ?1)) ORDER BY from_us, dir",
        )?;
        let rows = s.query_map([anomaly], |r| {
            Ok(Flight {
                dir: r.get(0)?,
                flight: r.get(1)?,
                key: r.get(2)?,
                retention: r.get(3)?,
                from_us: r.get(4)?,
                to_us: r.get(5)?,
                entries: r.get(6)?,
                frames: r.get(7)?,
                lines: r.get(8)?,
                pictures: r.get(9)?,
                anomalies: r.get(10)?,
                lost: r.get(11)?,
                closed: r.get(12)?,
                sealed: r.get(13)?,
                confirmed: r.get(14)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn usable(file: &Path) -> Option<Connection> {
    if !file.is_file() {
        return None;
    }
    let db = Connection::open(file).ok()?;
    let version: i64 = db
        .pragma_query_value(None, "user_version", |r| r.get(0))
        .ok()?;
    let sound: String = db
        .pragma_query_value(None, "quick_check", |r| r.get(0))
        .ok()?;
    (version == VERSION && sound == "ok").then_some(db)
}

fn anew(file: &Path) -> anyhow::Result<Connection> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("making {} anew", file.display()));
            }
            _ => {}
        }
    }
    let db = Connection::open(file).with_context(|| format!("making {}", file.display()))?;
    db.execute_batch(TABLES)?;
    db.pragma_update(None, "user_version", VERSION)?;
    Ok(db)
}

/// What changes when a record does; `None` when there is no chain.
fn stamp(dir: &Path) -> Option<String> {
    let meta = std::fs::metadata(dir.join(CHAIN)).ok()?;
    let changed = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let sealed = dir.join(MANIFEST).is_file();
    Some(format!("{}-{}-{sealed}", meta.len(), changed.as_nanos()))
}

fn add(db: &Connection, dir: &str, stamp: &str, path: &Path) -> anyhow::Result<()> {
    let chain = std::fs::read(path.join(CHAIN))
        .with_context(|| format!("reading {}", path.join(CHAIN).display()))?;
    let entries = entries_of(&chain);
    let opening = entries.first().and_then(|e| e.open.clone());
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let records = |file: &str| -> i64 {
        let n: u64 = spans(&entries).filter(|s| s.0 == file).map(|s| s.1).sum();
        i64::try_from(n).unwrap_or(i64::MAX)
    };
    let times: Vec<i64> = entries.iter().map(|e| e.t_us).filter(|t| *t > 0).collect();
    let wholes = entries.iter().flat_map(|e| &e.whole);
    let pictures = wholes.filter(|w| w.file.starts_with("pictures/")).count();
    let closing: Option<&Closing> = entries.last().and_then(|e| e.close.as_ref());
    let events = std::fs::read_to_string(path.join(EVENTS)).unwrap_or_default();
    let mut anomalies = std::collections::BTreeMap::new();
    for l in line::read(&events).0 {
        if let Fact::Anomaly { anomaly, .. } = l.fact {
            let id = anomaly
                .get("id")
                .and_then(|v| v.as_str())
                .unwrap_or("")
                .to_owned();
            anomalies.insert(id, anomaly);
        }
    }
    db.execute(
        "INSERT OR REPLACE INTO flights VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            dir,
            stamp,
            opening.as_ref().map_or("", |o| o.flight.as_str()),
            opening.as_ref().map_or("", |o| o.key.as_str()),
            opening.as_ref().map_or("", |o| o.retention.as_str()),
            times.iter().min().copied().unwrap_or(0),
            times.iter().max().copied().unwrap_or(0),
            count(entries.len()),
            records(super::TLOG),
            records(EVENTS),
            count(pictures),
            count(anomalies.len()),
            i64::try_from(entries.iter().map(|e| e.lost).sum::<u64>()).unwrap_or(i64::MAX),
            closing.is_some(),
            path.join(MANIFEST).is_file(),
        ],
    )?;
    for (id, a) in anomalies {
        let text = |n: &str| a.get(n).and_then(|v| v.as_str()).unwrap_or("").to_owned();
        let number = |n: &str| a.get(n).and_then(serde_json::Value::as_f64);
        db.execute(
            "INSERT OR REPLACE INTO anomalies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                dir,
                id,
                text("kind"),
                text("priority"),
                text("rule"),
                a.get("flagged_ms")
                    .and_then(serde_json::Value::as_i64)
                    .unwrap_or(0)
                    * 1_000,
                number("lat_deg"),
                number("lon_deg"),
                text("state"),
            ],
        )?;
    }
    Ok(())
}

fn spans(entries: &[Entry]) -> impl Iterator<Item = (&str, u64)> {
    entries
        .iter()
        .flat_map(|e| e.spans.iter().map(|s| (s.file.as_str(), s.records)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::fly;

    #[test]
    fn it_is_made_anew_from_the_chains_whenever_it_is_lost_or_damaged() {
        let root = tempfile::tempdir().unwrap();
        let frames = fly(&root.path().join("a"), 60, false);
        let first = Index::open(root.path()).unwrap().flights(None).unwrap();
        let [f] = first.as_slice() else {
            panic!("{first:?}")
        };
        assert_eq!(
            (f.frames, f.anomalies, f.lost),
            (i64::try_from(frames).unwrap(), 3, 0)
        );
        assert!(f.closed && f.sealed && f.entries > 50);
        std::fs::write(root.path().join(INDEX), b"not a database").unwrap();
        assert_eq!(
            Index::open(root.path()).unwrap().flights(None).unwrap(),
            first
        );
        std::fs::remove_file(root.path().join(INDEX)).unwrap();
        assert_eq!(
            Index::open(root.path()).unwrap().flights(None).unwrap(),
            first
        );
        assert!(
            Index::open(&root.path().join("a")).is_err(),
            "never into a flight"
        );
        // What is new is added, and found by what was found.
        fly(&root.path().join("b"), 5, false);
        let index = Index::open(root.path()).unwrap();
        assert_eq!(index.flights(None).unwrap().len(), 2);
        let with = index.flights(Some("unknown-drone")).unwrap();
        assert_eq!(with.len(), 1);
        assert_eq!(index.flights(Some("nothing")).unwrap(), []);
    }
}
