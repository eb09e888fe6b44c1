//! A recording fed to the desk again: the same bytes must give the same alarms, by id, time and place.
//!
//! A core: what the ground heard is in `flight.tlog`, what the desk made of it in `events.jsonl`.

use crate::desk::{Desk, DeskConfig, DeskEvent, DeskIn, DeskOut, anomaly_id};
use crate::record::Entry;
use crate::record::line::{self, Fact, Line};
use link::journal::{DiskError, MemDisk};
use link::tlog::Reader;
use missions::anomaly::Anomaly;
use missions::time::{Mono, Now, Utc};
use serde::Serialize;
use serde_json::Value;

/// An alarm as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Alarm {
    /// Store and number, as the page names it.
    pub id: String,
    /// Rule.
    pub rule: String,
    /// When the rule fired, ms since 1970.
    pub flagged_ms: i64,
    /// Degrees × 10⁷.
    pub lat_e7: i32,
    /// Degrees × 10⁷.
    pub lon_e7: i32,
}

impl Alarm {
    /// An anomaly of this store.
    #[must_use]
    pub fn of(store: u64, a: &Anomaly) -> Alarm {
        Alarm {
            id: anomaly_id(store, a.number),
            rule: a.rule.clone(),
            flagged_ms: a.flagged.0.div_euclid(1_000),
            lat_e7: a.at.lat_e7(),
            lon_e7: a.at.lon_e7(),
        }
    }
}

/// What a recording says, and what its bytes come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Again {
    /// In `events.jsonl`.
    pub recorded: Vec<Alarm>,
    /// Of `flight.tlog`, by the desk.
    pub again: Vec<Alarm>,
}

impl Again {
    /// Whether they are the same.
    #[must_use]
    pub fn same(&self) -> bool {
        self.recorded == self.again
    }
}

/// Feeds a recording to a new desk.
///
/// # Errors
/// [`DiskError`] of a disk in memory: never in practice.
pub fn again(tlog: &[u8], events: &str) -> Result<Again, DiskError> {
    Ok(Again {
        recorded: recorded(events),
        again: of_frames(tlog)?,
    })
}

fn recorded(events: &str) -> Vec<Alarm> {
    let mut out: Vec<Alarm> = line::read(events)
        .0
        .iter()
        .filter_map(|l| match &l.fact {
            Fact::Anomaly { anomaly, new: true } => alarm(anomaly),
            _ => None,
        })
        .collect();
    out.sort();
    out
}

fn alarm(v: &Value) -> Option<Alarm> {
    let e7 = |name: &str| Some((v.get(name)?.as_f64()? * 1e7).round() as i32);
    Some(Alarm {
        id: v.get("id")?.as_str()?.to_owned(),
        rule: v.get("rule")?.as_str()?.to_owned(),
        flagged_ms: v.get("flagged_ms")?.as_i64()?,
        lat_e7: e7("lat_deg")?,
        lon_e7: e7("lon_deg")?,
    })
}

/// The alarms that a new desk makes of what the ground heard, sorted.
///
/// # Errors
/// As [`again`].
pub fn of_frames(tlog: &[u8]) -> Result<Vec<Alarm>, DiskError> {
    Ok(of_desk(&through_desk(tlog, &mut |_, _, _| {})?))
}

/// The lines that a desk would have written which had heard all of these frames: for a companion's own log, which has
/// frames and its own words only.
///
/// # Errors
/// As [`again`].
pub fn lines_of_frames(tlog: &[u8]) -> Result<Vec<Line>, DiskError> {
    let mut lines = Vec::new();
    through_desk(tlog, &mut |frame, event, desk| {
        if let Some(Entry::Fact { utc, fact, .. }) = Entry::of(&event, desk) {
            lines.push(Line {
                t_ms: utc.0.div_euclid(1_000),
                frame,
                fact: *fact,
            });
        }
    })?;
    Ok(lines)
}

/// Gives frames to a new desk, and what it tells, with the number of frames until then.
fn through_desk(
    tlog: &[u8],
    told: &mut dyn FnMut(u64, DeskEvent, &Desk),
) -> Result<Desk, DiskError> {
    let config = DeskConfig::default();
    let own = config.system;
    let mut desk = Desk::new(config, Box::new(MemDisk::default()))?;
    let mut first: Option<Utc> = None;
    let mut last = Mono::ZERO;
    for ((utc, frame), n) in Reader::new(tlog).zip(1u64..) {
        // What the ground said itself it did not hear.
        if frame.header().system == own {
            continue;
        }
        let start = *first.get_or_insert(utc);
        // A clock that was set back must not turn the desk's counter.
        let mono = Mono(u64::try_from(utc.0.saturating_sub(start.0)).unwrap_or(0)).max(last);
        last = mono;
        let bytes = frame.bytes();
        desk.handle(Now::new(mono, utc), DeskIn::Bytes { link: 0, bytes });
        while let Some(out) = desk.poll() {
            if let DeskOut::Event(e) = out {
                told(n, e, &desk);
            }
        }
    }
    Ok(desk)
}

/// The alarms that a desk has, sorted.
#[must_use]
pub fn of_desk(desk: &Desk) -> Vec<Alarm> {
    let mut out: Vec<Alarm> = desk
        .anomalies()
        .map(|(store, a)| Alarm::of(store, a))
        .collect();
    out.sort();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::read_folder;
    use crate::record::tests::fly;

    #[test]
    fn the_same_bytes_give_the_same_alarms_and_other_bytes_others() {
        let dir = tempfile::tempdir().unwrap();
        fly(dir.path(), 100, false);
        let files = read_folder(dir.path()).unwrap();
        let same = again(&files.tlog, &files.events).unwrap();
        assert_eq!(same.recorded.len(), 5);
        assert!(same.same(), "{same:?}");
        // Without the last third of what was heard, an alarm is missing and it is seen.
        let cut = &files.tlog[..files.tlog.len() * 2 / 3];
        assert!(!again(cut, &files.events).unwrap().same());
    }
}
