//! The chain's own file read with suspicion: every entry that is whole and signed is used, whatever is broken around it.

use super::{Finding, Kind};
use crate::evidence::chain::{CHAIN, Entry, RECORD_HEAD, signed_bytes};
use crate::evidence::key::{PublicKey, SIGNATURE};
use missions::plan::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const MAGIC: &[u8] = b"PJ01";
const HEAD: usize = RECORD_HEAD as usize;

/// An entry that is whole and signed.
#[derive(Clone, Debug)]
pub(super) struct Good {
    /// First byte of its record.
    pub offset: u64,
    /// Bytes of its record.
    pub len: u64,
    pub entry: Entry,
    /// Hash of its record.
    pub hash: [u8; 32],
}

/// What the chain's file holds.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// In the order of their numbers, each once.
    pub good: Vec<Good>,
    pub key: Option<PublicKey>,
    /// Bytes behind the last whole record that begin one and do not finish it.
    pub torn: u64,
    pub findings: Vec<Finding>,
}

/// A record by its shape, not believed yet.
struct Shape<'a> {
    offset: usize,
    hash: &'a [u8],
    signature: &'a [u8],
    json: &'a [u8],
}

impl Shape<'_> {
    fn len(&self) -> usize {
        HEAD + SIGNATURE + self.json.len()
    }
}

fn shape(bytes: &[u8], at: usize) -> Option<Shape<'_>> {
    let head = bytes.get(at..at.checked_add(HEAD)?)?;
    if head.get(..4)? != MAGIC {
        return None;
    }
    let len: [u8; 4] = head.get(4..8)?.try_into().ok()?;
    let len = u32::from_le_bytes(len) as usize;
    let record = bytes.get(at + HEAD..(at + HEAD).checked_add(len)?)?;
    let (signature, json) = record.split_at_checked(SIGNATURE)?;
    Some(Shape {
        offset: at,
        hash: head.get(8..)?,
        signature,
        json,
    })
}

/// Reads the whole file. `hint`: the key that the manifest names, for a chain whose first entry is damaged.
pub(super) fn read(bytes: &[u8], hint: Option<PublicKey>) -> Entries {
    let mut out = Entries::default();
    let opening = shape(bytes, 0).and_then(|s| believed(&s, None));
    out.key = opening
        .and_then(|g| PublicKey::from_hex(&g.entry.open?.key))
        .or(hint);
    let mut found: Vec<Good> = Vec::new();
    let mut at = 0;
    // Where a stretch began that is no signed entry.
    let mut bad: Option<usize> = None;
    while at < bytes.len() {
        let Some(s) = shape(bytes, at) else {
            bad.get_or_insert(at);
            at = next_magic(bytes, at + 1);
            continue;
        };
        match believed(&s, out.key) {
            Some(good) => {
                if let Some(from) = bad.take() {
                    out.findings.push(stretch(from, at, &found));
                }
                at += s.len();
                found.push(good);
            }
            None => {
                bad.get_or_insert(at);
                // The length itself may be what is damaged: the next record is wherever it says so.
                at = next_magic(bytes, at + 1);
            }
        }
    }
    if let Some(from) = bad {
        let tail = (bytes.len() - from) as u64;
        if is_torn(bytes.get(from..).unwrap_or(&[])) {
            out.torn = tail;
        } else {
            out.findings.push(stretch(from, bytes.len(), &found));
        }
    }
    order(found, bytes.len() as u64, &mut out);
    out
}

/// Whether these are the first bytes of a record whose rest is missing: what a crash leaves.
fn is_torn(tail: &[u8]) -> bool {
    let begins = tail.iter().zip(MAGIC).all(|(a, b)| a == b);
    let len = tail
        .get(4..8)
        .and_then(|l| <[u8; 4]>::try_from(l).ok())
        .map(u32::from_le_bytes);
    // Zeros are what some file systems leave where data never arrived.
    // A whole entry ends in a brace.
    let zeros = tail.last() == Some(&0);
    zeros || (begins && len.is_none_or(|l| tail.len() < HEAD + l as usize))
}

fn next_magic(bytes: &[u8], from: usize) -> usize {
    bytes
        .get(from..)
        .and_then(|rest| rest.windows(MAGIC.len()).position(|w| w == MAGIC))
        .map_or(bytes.len(), |i| from + i)
}

fn stretch(from: usize, to: usize, before: &[Good]) -> Finding {
    let record = before.last().map_or(0, |g| g.entry.n + 1);
    Finding {
        kind: Kind::Changed,
        file: CHAIN.into(),
        offset: from as u64,
        len: (to - from) as u64,
        segment: Some(record),
        record: Some(record),
        words: "these bytes of the chain are no entry that the station signed".into(),
    }
}

/// An entry whose signature and hash hold. The first entry brings the key; where it is damaged and nobody else knows the
/// key, the hashes alone are believed, so that the damage can be placed.
fn believed(s: &Shape<'_>, key: Option<PublicKey>) -> Option<Good> {
    let entry: Entry = serde_json::from_slice(s.json).ok()?;
    let by = match &entry.open {
        Some(o) => Some(PublicKey::from_hex(&o.key)?),
        None => key,
    };
    if by.is_some_and(|by| !by.holds(&signed_bytes(s.json), s.signature)) {
        return None;
    }
    let prev = crate::evidence::key::from_hex(&entry.prev)?;
    let mut hash = Sha256::new();
    hash.update(&prev);
    hash.update(s.signature);
    hash.update(s.json);
    let hash: [u8; 32] = hash.finalize().into();
    if s.hash != hash {
        return None;
    }
    Some(Good {
        offset: s.offset as u64,
        len: s.len() as u64,
        entry,
        hash,
    })
}

/// Numbers and links: what is missing, doubled, or out of its place.
fn order(found: Vec<Good>, end: u64, out: &mut Entries) {
    let numbers: BTreeSet<u64> = found.iter().map(|g| g.entry.n).collect();
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    let mut expected = 0;
    for g in &found {
        let n = g.entry.n;
        let place = |kind, record, words: String| Finding {
            kind,
            file: CHAIN.into(),
            offset: g.offset,
            len: g.len,
            segment: Some(record),
            record: Some(record),
            words,
        };
        if seen.contains(&n) {
            out.findings.push(place(
                Kind::Inserted,
                n,
                format!("entry {n} stands here a second time"),
            ));
            continue;
        }
        if n < expected {
            out.findings.push(place(
                Kind::Reordered,
                n,
                format!("entry {n} stands behind a later one"),
            ));
        }
        for missing in (expected..n).filter(|m| !numbers.contains(m)) {
            // A changed entry was reported where it stands; its number is missing all the same.
            let covered = out.findings.iter().any(|f| f.record == Some(missing));
            if !covered {
                out.findings.push(Finding {
                    len: 0,
                    ..place(
                        Kind::Missing,
                        missing,
                        format!("entry {missing} is missing before this place"),
                    )
                });
            }
        }
        expected = expected.max(n + 1);
        seen.insert(n);
    }
    let mut good = found;
    good.sort_by_key(|g| g.entry.n);
    good.dedup_by_key(|g| g.entry.n);
    for pair in good.windows(2) {
        let [a, b] = pair else { continue };
        if a.entry.n + 1 == b.entry.n && hex(&a.hash) != b.entry.prev {
            out.findings.push(Finding {
                kind: Kind::Changed,
                file: CHAIN.into(),
                offset: b.offset,
                len: b.len,
                segment: Some(b.entry.n),
                record: Some(b.entry.n),
                words: format!("entry {} does not follow entry {}", b.entry.n, a.entry.n),
            });
        }
    }
    if let Some(g) = good.iter().find(|g| g.entry.close.is_some())
        && good.last().is_some_and(|l| l.entry.n > g.entry.n)
    {
        out.findings.push(Finding {
            kind: Kind::Inserted,
            file: CHAIN.into(),
            offset: g.offset + g.len,
            len: end.saturating_sub(g.offset + g.len),
            segment: Some(g.entry.n + 1),
            record: Some(g.entry.n + 1),
            words: "entries stand behind the closing one".into(),
        });
    }
    out.good = good;
}
