//! The chain beside a flight's files: which bytes of which file were written in each second, hashed, numbered, linked
//! and signed. `docs/record.md` is the format; this writes it.
//!
//! Why beside: `flight.tlog` stays what QGroundControl and pymavlink read, `events.jsonl` what `jq` reads. The chain's
//! file is a [`Journal`], whose records carry SHA-256 over the record before. A core: disk, time and key are arguments.

use super::key::{SIGNATURE, Signer};
use crate::journal::{Disk, DiskError, Journal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use missions::plan::hex;
use missions::time::{Mono, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The chain's file.
pub const CHAIN: &str = "flight.chain";
/// Named in the first entry.
pub const FORMAT: &str = "patrol-chain/1";
/// Bytes before a record's own in the chain's file: `PJ01`, length, hash.
pub const RECORD_HEAD: u64 = 4 + 4 + 32;
/// Bytes of a record's hash in a segment's map. They place damage; what finds it is the segment's whole hash.
pub const TAG: usize = 4;
/// Least bytes of a file hashed as one piece.
const PIECE: u64 = 4_096;
/// Pieces of a file at most.
const MAX_PIECES: u64 = 4_096;
/// A segment's map of records at most, bytes: its entry must fit a journal's record. Beyond it the segment is cut.
const MAX_MAP: usize = 256 * 1024;
/// Names and steps in one entry at most; beyond it the segment is cut.
const MAX_ITEMS: usize = 512;
/// A clock that moves by more than this against the machine's own counter was set, µs. Less is the jitter of a link.
const STEP_US: i64 = 200_000;

/// Where the times of a record come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// Nobody said.
    Unknown,
    /// This machine's clock.
    Machine,
    /// The aircraft's GNSS (SYSTEM_TIME).
    Aircraft,
    /// The simulator's.
    Simulated,
}

/// What the clocks show at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ClockReading {
    /// The machine's counter since its start; never set.
    pub mono: Mono,
    /// What records are stamped with.
    pub utc: Utc,
    /// From where.
    pub source: ClockSource,
    /// What the machine's own clock shows, where that is another.
    pub machine: Option<Utc>,
}

/// A clock was set, or another one is used from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockStep {
    /// `record`: the stamps; `machine`: this machine's clock beside it.
    pub clock: String,
    /// From where the stamps come now.
    pub source: ClockSource,
    /// The machine's counter, µs.
    pub mono_us: u64,
    /// What the clock shows after it, µs since 1970.
    pub to_us: i64,
    /// By how much it moved, µs; 0 for the first reading.
    pub by_us: i64,
}

/// First bytes of a flight's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// [`FORMAT`].
    pub format: String,
    /// Identity of the flight: 16 random bytes, hex.
    pub flight: String,
    /// The station's public key, hex.
    pub key: String,
    /// Program and version.
    pub software: String,
    /// How long it is kept: the class that it began with.
    pub retention: String,
    /// There will be no manifest: the chain covers every file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
}

/// Bytes that were appended to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Name in the flight's folder, with `/`.
    pub file: String,
    /// First byte.
    pub from: u64,
    /// Bytes.
    pub len: u64,
    /// Of these bytes, hex.
    pub sha256: String,
    /// Records in them.
    pub records: u64,
    /// Base64 without padding: per record its length (LEB128) and the first [`TAG`] bytes of its SHA-256.
    pub map: String,
}

/// A file written whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// Name in the flight's folder, with `/`.
    pub file: String,
    /// Bytes.
    pub len: u64,
    /// Hex.
    pub sha256: String,
    /// Bytes in a piece.
    pub piece: u64,
    /// Base64 without padding: the first [`TAG`] bytes of the SHA-256 of each piece.
    pub pieces: String,
    /// SM3 (GB/T 32905) of the whole, hex, where it is given: in a closing manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sm3: Option<String>,
}

/// A file that always is a copy of the newest of others, for readers who want one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The copy.
    pub file: String,
    /// Of which file, one of [`Entry::whole`].
    pub of: String,
}

/// The other side says that it has a head of this chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipted {
    /// Who, e.g. `aircraft 1`.
    pub by: String,
    /// Entry.
    pub n: u64,
    /// Hash of that entry's record, hex.
    pub head: String,
}

/// The last entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Entries in all, with this one.
    pub entries: u64,
    /// Bytes of each file that grew, at the end.
    pub bytes: BTreeMap<String, u64>,
    /// Records of each file that grew.
    pub records: BTreeMap<String, u64>,
}

/// One entry, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 0.
    pub n: u64,
    /// When it was cut, by the record's stamps, µs since 1970.
    pub t_us: i64,
    /// Hash of the record before, hex; zeros in the first entry.
    pub prev: String,
    /// From where the stamps come.
    pub clock: ClockSource,
    /// In the first entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Opening>,
    /// Clocks that were set since the entry before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ClockStep>,
    /// What was appended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
    /// What was written whole, before this entry and once for good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whole: Vec<Whole>,
    /// What becomes a copy of what, after this entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Copied>,
    /// Records that found no room on the disk: known to be lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// Heads of this chain that the other side has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Receipted>,
    /// In the last entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Closing>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Count and hash of a chain up to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the last entry.
    pub n: u64,
    /// SHA-256 over the record before and this one.
    pub hash: [u8; 32],
}

/// What a signature of an entry is made over: the entry names the record before it, so that each can be checked alone.
#[must_use]
pub fn signed_bytes(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FORMAT.len() + json.len());
    out.extend_from_slice(FORMAT.as_bytes());
    out.extend_from_slice(json);
    out
}

/// A file's hash and those of its pieces.
#[must_use]
pub fn whole(file: &str, bytes: &[u8]) -> Whole {
    let piece = piece_of(bytes.len() as u64);
    let mut pieces = Vec::new();
    for p in bytes.chunks(usize::try_from(piece).unwrap_or(usize::MAX)) {
        pieces.extend_from_slice(&tag(p));
    }
    Whole {
        file: file.to_owned(),
        len: bytes.len() as u64,
        sha256: hex(&Sha256::digest(bytes)),
        piece,
        pieces: BASE64.encode(pieces),
        sm3: None,
    }
}

/// Bytes in a piece of a file of `len` bytes.
#[must_use]
pub fn piece_of(len: u64) -> u64 {
    len.div_ceil(MAX_PIECES).next_power_of_two().max(PIECE)
}

/// The first bytes of a hash.
#[must_use]
pub fn tag(bytes: &[u8]) -> [u8; TAG] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// Base64 as in a map or in pieces; `None` when it is none.
#[must_use]
pub fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// What is appended to one file since the last cut.
#[derive(Clone, Debug)]
struct OpenSpan {
    from: u64,
    len: u64,
    hash: Sha256,
    records: u64,
    map: Vec<u8>,
}

/// What a chain says of itself in its first entry.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Program and version.
    pub software: &'a str,
    /// Class of retention.
    pub retention: &'a str,
    /// No manifest will close it.
    pub bare: bool,
}

/// Writes a chain.
#[derive(Debug)]
pub struct ChainWriter {
    signer: Signer,
    journal: Journal,
    /// Bytes of the chain's file that are whole.
    len: u64,
    /// Part of an entry stands behind them.
    torn: bool,
    unsynced: bool,
    n: u64,
    flight: String,
    clock: ClockSource,
    /// The clocks' distances from the machine's counter, µs.
    record_us: Option<i64>,
    machine_us: Option<i64>,
    spans: BTreeMap<String, OpenSpan>,
    /// Bytes and records of each file that grows.
    totals: BTreeMap<String, (u64, u64)>,
    steps: Vec<ClockStep>,
    whole: Vec<Whole>,
    copies: Vec<Copied>,
    receipts: Vec<Receipted>,
    lost: u64,
}

impl ChainWriter {
    /// Begins a chain on an empty file. `flight`: 16 random bytes.
    ///
    /// # Errors
    /// [`DiskError`], also when there is a chain already: nothing that was recorded is ever replaced.
    pub fn begin(
        disk: &mut dyn Disk,
        signer: Signer,
        flight: &[u8; 16],
        about: &About<'_>,
        utc: Utc,
    ) -> Result<ChainWriter, DiskError> {
        if !disk.read(CHAIN)?.is_empty() {
            return Err(DiskError::Io {
                doing: "beginning",
                file: CHAIN.into(),
                detail: "there is a record already, and nothing recorded is replaced".into(),
            });
        }
        let (journal, _) = Journal::open(disk, CHAIN)?;
        let mut w = ChainWriter {
            journal,
            len: 0,
            torn: false,
            unsynced: false,
            n: 0,
            flight: hex(flight),
            clock: ClockSource::Unknown,
            record_us: None,
            machine_us: None,
            spans: BTreeMap::new(),
            totals: BTreeMap::new(),
            steps: Vec::new(),
            whole: Vec::new(),
            copies: Vec::new(),
            receipts: Vec::new(),
            lost: 0,
            signer,
        };
        let mut entry = w.entry(utc);
        entry.open = Some(Opening {
            format: FORMAT.into(),
            flight: w.flight.clone(),
            key: w.signer.public().hex(),
            software: about.software.into(),
            retention: about.retention.into(),
            bare: about.bare,
        });
        w.write(disk, &entry)?;
        w.sync(disk)?;
        Ok(w)
    }

    /// Identity of the flight, hex.
    #[must_use]
    pub fn flight(&self) -> &str {
        &self.flight
    }
    /// The last entry that stands in the file; `None` before the first.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        Some(Head {
            n: self.n.checked_sub(1)?,
            hash: self.journal.head(),
        })
    }
    /// Whether something waits for the next cut.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !(self.spans.is_empty()
            && self.steps.is_empty()
            && self.whole.is_empty()
            && self.copies.is_empty()
            && self.receipts.is_empty()
            && self.lost == 0)
    }
    /// Whether it must be cut now, or its entry would grow too long.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let map: usize = self.spans.values().map(|s| s.map.len()).sum();
        let pieces: usize = self.whole.iter().map(|w| w.pieces.len()).sum();
        let items = self.whole.len() + self.copies.len() + self.steps.len() + self.receipts.len();
        map + pieces > MAX_MAP || items > MAX_ITEMS
    }

    /// These bytes were appended to `file` as one record.
    pub fn appended(&mut self, file: &str, record: &[u8]) {
        let total = self.totals.entry(file.to_owned()).or_default();
        let span = self.spans.entry(file.to_owned()).or_insert(OpenSpan {
            from: total.0,
            len: 0,
            hash: Sha256::new(),
            records: 0,
            map: Vec::new(),
        });
        let len = record.len() as u64;
        total.0 += len;
        total.1 += 1;
        span.len += len;
        span.hash.update(record);
        span.records += 1;
        push_leb128(&mut span.map, len);
        span.map.extend_from_slice(&tag(record));
    }
    /// A file was written whole and is durable.
    pub fn wrote(&mut self, file: &str, bytes: &[u8]) {
        self.whole.push(whole(file, bytes));
    }
    /// `file` becomes a copy of `of` as soon as this is cut.
    pub fn copied(&mut self, file: &str, of: &str) {
        self.copies.push(Copied {
            file: file.into(),
            of: of.into(),
        });
    }
    /// A record found no room.
    pub fn lost(&mut self) {
        self.lost += 1;
    }
    /// The other side has a head.
    pub fn receipted(&mut self, receipt: Receipted) {
        self.receipts.push(receipt);
    }

    /// What the clocks show; steps are noted.
    pub fn clock(&mut self, r: ClockReading) {
        let counter = i64::try_from(r.mono.0).unwrap_or(i64::MAX);
        let record_us = r.utc.0.saturating_sub(counter);
        let by_us = record_us.saturating_sub(self.record_us.unwrap_or(record_us));
        if self.record_us.is_none() || by_us.abs() > STEP_US || r.source != self.clock {
            self.note("record", r, r.utc, by_us);
            self.record_us = Some(record_us);
        }
        self.clock = r.source;
        if let Some(machine) = r.machine {
            let machine_us = machine.0.saturating_sub(counter);
            let by_us = machine_us.saturating_sub(self.machine_us.unwrap_or(machine_us));
            if self.machine_us.is_none() || by_us.abs() > STEP_US {
                self.note("machine", r, machine, by_us);
                self.machine_us = Some(machine_us);
            }
        }
    }
    fn note(&mut self, clock: &str, r: ClockReading, to: Utc, by_us: i64) {
        self.steps.push(ClockStep {
            clock: clock.into(),
            source: r.source,
            mono_us: r.mono.0,
            to_us: to.0,
            by_us,
        });
    }

    /// Cuts the segment: its files must be durable already. Nothing is written when nothing happened.
    ///
    /// # Errors
    /// [`DiskError`]: the segment stays open and is cut the next time.
    pub fn cut(&mut self, disk: &mut dyn Disk, utc: Utc) -> Result<(), DiskError> {
        if !self.has_news() {
            return self.sync(disk);
        }
        let mut entry = self.entry(utc);
        entry.spans = self
            .spans
            .iter()
            .map(|(file, s)| Span {
                file: file.clone(),
                from: s.from,
                len: s.len,
                sha256: hex(&s.hash.clone().finalize()),
                records: s.records,
                map: BASE64.encode(&s.map),
            })
            .collect();
        entry.steps.clone_from(&self.steps);
        entry.whole.clone_from(&self.whole);
        entry.copies.clone_from(&self.copies);
        entry.receipts.clone_from(&self.receipts);
        entry.lost = self.lost;
        self.write(disk, &entry)?;
        self.spans.clear();
        self.steps.clear();
        self.whole.clear();
        self.copies.clear();
        self.receipts.clear();
        self.lost = 0;
        self.sync(disk)
    }

    /// Cuts what is open and writes the last entry.
    ///
    /// # Errors
    /// [`DiskError`]: the record is then not closed, and a verifier says so.
    pub fn close(&mut self, disk: &mut dyn Disk, utc: Utc) -> Result<(), DiskError> {
        self.cut(disk, utc)?;
        let mut entry = self.entry(utc);
        entry.close = Some(Closing {
            entries: self.n + 1,
            bytes: self.totals.iter().map(|(f, t)| (f.clone(), t.0)).collect(),
            records: self.totals.iter().map(|(f, t)| (f.clone(), t.1)).collect(),
        });
        self.write(disk, &entry)?;
        self.sync(disk)
    }

    fn entry(&self, utc: Utc) -> Entry {
        Entry {
            n: self.n,
            t_us: utc.0,
            prev: hex(&self.journal.head()),
            clock: self.clock,
            open: None,
            steps: Vec::new(),
            spans: Vec::new(),
            whole: Vec::new(),
            copies: Vec::new(),
            lost: 0,
            receipts: Vec::new(),
            close: None,
        }
    }

    /// Appends an entry. What it holds stands in the file when this succeeds; durable after [`ChainWriter::sync`].
    fn write(&mut self, disk: &mut dyn Disk, entry: &Entry) -> Result<(), DiskError> {
        let json = serde_json::to_vec(entry).map_err(|e| DiskError::Io {
            doing: "encoding for",
            file: CHAIN.into(),
            detail: e.to_string(),
        })?;
        if self.torn {
            // Half an entry stands at the end: whatever came after it would be unreadable.
            disk.truncate(CHAIN, self.len)?;
            self.torn = false;
        }
        let mut record = Vec::with_capacity(SIGNATURE + json.len());
        record.extend_from_slice(&self.signer.sign(&signed_bytes(&json)));
        record.extend_from_slice(&json);
        if let Err(e) = self.journal.append(disk, &record) {
            self.torn = disk.truncate(CHAIN, self.len).is_err();
            return Err(e);
        }
        self.len += RECORD_HEAD + record.len() as u64;
        self.n += 1;
        self.unsynced = true;
        Ok(())
    }

    fn sync(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        if self.unsynced {
            self.journal.sync(disk)?;
            self.unsynced = false;
        }
        Ok(())
    }
}

fn push_leb128(out: &mut Vec<u8>, mut n: u64) {
    loop {
        let low = (n & 0x7F) as u8;
        n >>= 7;
        if n == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// A map's records: length and tag of each; `None` when it is damaged.
#[must_use]
pub fn read_map(map: &str) -> Option<Vec<(u64, [u8; TAG])>> {
    let bytes = base64(map)?;
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut len = 0u64;
        for shift in (0..64).step_by(7) {
            let b = *bytes.get(at)?;
            at += 1;
            len |= u64::from(b & 0x7F).checked_shl(shift)?;
            if b & 0x80 == 0 {
                break;
            }
            if shift >= 56 {
                return None;
            }
        }
        let tag: [u8; TAG] = bytes.get(at..at + TAG)?.try_into().ok()?;
        at += TAG;
        out.push((len, tag));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::MemDisk;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_map_reads_back(lens in proptest::collection::vec(0u64..1 << 40, 0..30)) {
            let mut map = Vec::new();
            for len in &lens {
                push_leb128(&mut map, *len);
                map.extend_from_slice(&tag(&len.to_le_bytes()));
            }
            let back = read_map(&BASE64.encode(map)).unwrap();
            let expected: Vec<_> = lens.iter().map(|l| (*l, tag(&l.to_le_bytes()))).collect();
            prop_assert_eq!(back, expected);
        }
    }

    const ABOUT: About<'static> = About {
        software: "test",
        retention: "routine",
        bare: false,
    };

    fn begin(disk: &mut MemDisk) -> ChainWriter {
        let signer = Signer::from_seed(&[7; 32]);
        ChainWriter::begin(disk, signer, &[1; 16], &ABOUT, Utc(5)).unwrap()
    }

    #[test]
    fn every_step_of_a_clock_is_noted_and_jitter_is_not() {
        let mut disk = MemDisk::default();
        let mut w = begin(&mut disk);
        let s = 1_000_000i64;
        let mut read = |mono_s: i64, utc_us: i64, source, machine_us: i64| {
            w.clock(ClockReading {
                mono: Mono(u64::try_from(mono_s * s).unwrap()),
                utc: Utc(utc_us),
                source,
                machine: Some(Utc(machine_us)),
            });
            std::mem::take(&mut w.steps)
                .into_iter()
                .map(|s| (s.clock, s.by_us))
                .collect::<Vec<_>>()
        };
        let (m, a) = (ClockSource::Machine, ClockSource::Aircraft);
        let step = |clock: &str, by: i64| (clock.to_owned(), by);
        assert_eq!(
            read(0, 100 * s, m, 100 * s),
            [step("record", 0), step("machine", 0)]
        );
        assert_eq!(read(1, 101 * s + 100_000, m, 101 * s), []);
        // The aircraft's clock is heard: it is 40 s behind.
        assert_eq!(read(2, 62 * s, a, 102 * s), [step("record", -40 * s)]);
        // Somebody sets the machine's clock; the stamps go on as before.
        assert_eq!(read(3, 63 * s, a, 63 * s), [step("machine", -40 * s)]);
        // The same time from another source is worth a line too.
        assert_eq!(read(4, 64 * s, m, 64 * s), [step("record", 0)]);
        // What creeps adds up.
        assert_eq!(read(5, 65 * s + 150_000, m, 65 * s), []);
        assert_eq!(
            read(6, 66 * s + 300_000, m, 66 * s),
            [step("record", 300_000)]
        );
    }

    #[test]
    fn a_record_is_never_begun_twice_and_nothing_new_writes_nothing() {
        let mut disk = MemDisk::default();
        let mut w = begin(&mut disk);
        let before = disk.read(CHAIN).unwrap();
        w.cut(&mut disk, Utc(9)).unwrap();
        assert_eq!(disk.read(CHAIN).unwrap(), before);
        let again = ChainWriter::begin(
            &mut disk,
            Signer::from_seed(&[7; 32]),
            &[2; 16],
            &ABOUT,
            Utc(9),
        );
        assert!(again.is_err());
        assert_eq!(disk.read(CHAIN).unwrap(), before);
    }
}
