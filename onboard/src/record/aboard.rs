//! `aboard.log`: every input of both halves in order, so that a flight can be fed to the very same cores again.
//!
//! A sequence of records: counter (µs, u64 LE), the machine's UTC (µs since 1970, i64 LE; the least number: none), kind
//! (u8), length (u32 LE), bytes. The first is [`Kind::Start`].

use crate::config::Config;
use missions::time::{Mono, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes before a record's own.
pub const HEAD: usize = 8 + 8 + 1 + 4;
const NONE: i64 = i64::MIN;
/// Longest record, bytes.
const MAX_LEN: usize = 4 << 20;

/// An input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the companion started with: [`Start`] as JSON.
    Start,
    /// Bytes from the autopilot.
    Autopilot,
    /// Bytes from a ground line: its number, then the bytes.
    Ground,
    /// Time passed for the pilot half.
    Tick,
    /// What the eyes said, as on their pipe.
    Up,
    /// How the eyes' process is: 0 off, 1 running, 2 restarting, 3 failed.
    EyesProcess,
    /// What the eyes took in: an entry of their diary.
    Eyes,
}

const KINDS: [Kind; 7] = [
    Kind::Start,
    Kind::Autopilot,
    Kind::Ground,
    Kind::Tick,
    Kind::Up,
    Kind::EyesProcess,
    Kind::Eyes,
];

/// What the companion started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Settings in force. No key is among them.
    pub config: Config,
    /// Identity of its anomaly store.
    pub store_id: u64,
    /// Highest number that was given already.
    pub last_anomaly: u32,
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The companion's counter.
    pub mono: Mono,
    /// The machine's UTC, where it had one.
    pub machine: Option<Utc>,
    /// Of which kind.
    pub kind: Kind,
    /// Bytes.
    pub bytes: &'a [u8],
}

/// Why a log cannot be fed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadLog {
    /// It does not begin with [`Kind::Start`].
    #[error("this is no log of a companion: it does not begin with its settings")]
    NoStart,
    /// It breaks off within a record.
    #[error("the log breaks off at byte {0}, within a record")]
    Torn(usize),
    /// A record that nobody here writes.
    #[error("the record at byte {0} is damaged, or of a later version")]
    Unknown(usize),
    /// The companion would not start with these settings.
    #[error("the companion does not start: {0}")]
    Start(String),
}

/// One record, encoded.
#[must_use]
pub fn encode(mono: Mono, machine: Option<Utc>, kind: Kind, bytes: &[u8]) -> Vec<u8> {
    let code = KINDS.iter().position(|k| *k == kind).unwrap_or(0);
    let mut out = Vec::with_capacity(HEAD + bytes.len());
    out.extend_from_slice(&mono.0.to_le_bytes());
    out.extend_from_slice(&machine.map_or(NONE, |u| u.0).to_le_bytes());
    out.push(u8::try_from(code).unwrap_or(0));
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(bytes);
    out
}

/// The records of a log, one after the other.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    log: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Of a whole log.
    #[must_use]
    pub fn new(log: &'a [u8]) -> Self {
        Reader { log, at: 0 }
    }

    fn next_record(&mut self) -> Result<Record<'a>, BadLog> {
        let torn = BadLog::Torn(self.at);
        let rest = self.log.get(self.at..).unwrap_or(&[]);
        let (mono, more) = rest.split_first_chunk::<8>().ok_or(torn.clone())?;
        let (utc, more) = more.split_first_chunk::<8>().ok_or(torn.clone())?;
        let (code, more) = more.split_first().ok_or(torn.clone())?;
        let (len, more) = more.split_first_chunk::<4>().ok_or(torn.clone())?;
        let len = u32::from_le_bytes(*len) as usize;
        let kind = KINDS
            .get(usize::from(*code))
            .filter(|_| len <= MAX_LEN)
            .ok_or(BadLog::Unknown(self.at))?;
        let bytes = more.get(..len).ok_or(torn)?;
        self.at += HEAD + len;
        let utc = i64::from_le_bytes(*utc);
        Ok(Record {
            mono: Mono(u64::from_le_bytes(*mono)),
            machine: (utc != NONE).then_some(Utc(utc)),
            kind: *kind,
            bytes,
        })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Record<'a>, BadLog>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.log.len() {
            return None;
        }
        let r = self.next_record();
        if r.is_err() {
            // Nothing behind it can be found.
            self.at = self.log.len();
        }
        Some(r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_reads_back_and_a_torn_end_is_told(
            records in proptest::collection::vec((any::<u64>(), any::<Option<u32>>(), 0usize..7, proptest::collection::vec(any::<u8>(), 0..50)), 1..10),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut log = Vec::new();
            let mut ends = vec![0];
            for (mono, utc, kind, bytes) in &records {
                log.extend(encode(Mono(*mono), utc.map(|u| Utc(i64::from(u))), KINDS[*kind], bytes));
                ends.push(log.len());
            }
            let back: Result<Vec<_>, _> = Reader::new(&log).collect();
            prop_assert_eq!(back.unwrap().len(), records.len());
            let cut = cut.index(log.len());
            let some: Vec<_> = Reader::new(&log[..cut]).collect();
            let whole = ends.iter().filter(|e| **e <= cut).count() - 1;
            prop_assert_eq!(some.iter().filter(|r| r.is_ok()).count(), whole);
            prop_assert_eq!(some.iter().any(Result::is_err), !ends.contains(&cut));
        }

        #[test]
        fn rubbish_is_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for _ in Reader::new(&bytes) {}
        }
    }
}
