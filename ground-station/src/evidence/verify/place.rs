//! Where a damaged file was damaged: its bytes held against the map of its records.

use super::{Finding, Kind};
use crate::evidence::chain::{TAG, tag};
use std::collections::BTreeMap;

/// Bytes of a damaged stretch that are looked at in detail; beyond it only its ends are told.
const MOST: u64 = 256 << 20;
/// How far the next good record is looked for: bytes, and records.
const FAR_BYTES: usize = 1 << 20;
const FAR_RECORDS: usize = 64;
/// The same where both are lost, which costs their product.
const NEAR_BYTES: usize = 4_096;
const NEAR_RECORDS: usize = 8;
/// Records compared by hash before the search is given up.
const MOST_TRIES: u64 = 20_000_000;

/// A record as the chain knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub segment: u64,
    /// In the file, from 0.
    pub record: u64,
    /// Where it should begin.
    pub offset: u64,
    pub len: u64,
    pub tag: [u8; TAG],
}

/// Reads bytes of the file: from, length.
pub(super) type Read<'a> = &'a dyn Fn(u64, u64) -> Result<Vec<u8>, String>;

struct Search<'a> {
    bytes: &'a [u8],
    tries: u64,
}

impl Search<'_> {
    /// Whether the record stands at this place.
    fn stands(&mut self, at: usize, k: &Known) -> bool {
        let Ok(len) = usize::try_from(k.len) else {
            return false;
        };
        let Some(b) = at.checked_add(len).and_then(|end| self.bytes.get(at..end)) else {
            return false;
        };
        self.tries += 1 + k.len / 64;
        self.tries < MOST_TRIES && tag(b) == k.tag
    }
}

/// Places the damage of a file of `len` bytes that should hold exactly `known`. Records before `first` are good.
/// `open`: the record was never closed, so bytes behind its last record are no damage.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn place(
    file: &str,
    len: u64,
    known: &[Known],
    first: usize,
    open: bool,
    read: Read<'_>,
) -> Result<Vec<Finding>, String> {
    let first = first.min(known.len());
    let end = known.last().map_or(0, |k| k.offset + k.len);
    let start = known.get(first).map_or(end, |k| k.offset);
    let (tail, shift) = good_tail(len, end, known, first, open, read)?;
    let middle = known.get(first..tail).unwrap_or(&[]);
    let stop = match known.get(tail) {
        Some(k) => k.offset.saturating_add_signed(shift),
        // What is behind the last record of an open one belongs to nobody.
        None if open => len.min(end.max(start)),
        None => len,
    };
    let start = start.min(stop);
    if stop - start > MOST {
        return Ok(vec![finding(
            file,
            Kind::Changed,
            start,
            stop - start,
            middle,
            "a long stretch was changed",
        )]);
    }
    let bytes = read(start, stop - start)?;
    let mut out = walk(file, start, middle, known.get(tail), stop == len, &bytes);
    for f in out.iter_mut().filter(|f| f.record.is_none()) {
        // Behind the last record.
        f.segment = known.last().map(|k| k.segment);
        f.record = known.last().map_or(Some(0), |k| Some(k.record + 1));
    }
    name_moves(&mut out, known, start, &bytes);
    Ok(out)
}

/// How many records at the end are good, counted from the front: the first of them; and how far they are shifted.
fn good_tail(
    len: u64,
    end: u64,
    known: &[Known],
    first: usize,
    open: bool,
    read: Read<'_>,
) -> Result<(usize, i64), String> {
    let shift = i64::try_from(len).unwrap_or(i64::MAX) - i64::try_from(end).unwrap_or(i64::MAX);
    let mut best = (known.len(), shift);
    // An open record may have bytes behind its end that nobody covers: then nothing is shifted.
    for shift in if open { [shift, 0] } else { [shift, shift] } {
        let mut tail = known.len();
        while tail > first {
            let Some(k) = known.get(tail - 1) else { break };
            let Some(at) = k.offset.checked_add_signed(shift) else {
                break;
            };
            // Never into what stands before the first damaged record.
            if known.get(first).is_some_and(|f| at < f.offset) {
                break;
            }
            let b = read(at, k.len)?;
            if b.len() as u64 != k.len || tag(&b) != k.tag {
                break;
            }
            tail -= 1;
        }
        if tail < best.0 {
            best = (tail, shift);
        }
    }
    Ok(best)
}

fn finding(file: &str, kind: Kind, offset: u64, len: u64, of: &[Known], words: &str) -> Finding {
    Finding {
        kind,
        file: file.into(),
        offset,
        len,
        segment: of.first().map(|k| k.segment),
        record: of.first().map(|k| k.record),
        words: match of.len() {
            0 | 1 => words.into(),
            n => format!("{words} ({n} records)"),
        },
    }
}

/// Goes through a damaged stretch record by record.
fn walk(
    file: &str,
    start: u64,
    known: &[Known],
    behind: Option<&Known>,
    at_end: bool,
    bytes: &[u8],
) -> Vec<Finding> {
    let mut out = Vec::new();
    let mut s = Search { bytes, tries: 0 };
    let (mut i, mut at) = (0usize, 0usize);
    let mut tell =
        |kind, at: usize, len: usize, of: &[Known], next: Option<&Known>, words: &str| {
            let mut f = finding(file, kind, start + at as u64, len as u64, of, words);
            if of.is_empty() {
                // An insertion is named by the record that it stands before.
                f.segment = next.or(behind).map(|k| k.segment);
                f.record = next.or(behind).map(|k| k.record);
            }
            out.push(f);
        };
    loop {
        let rest = known.get(i..).unwrap_or(&[]);
        let left = bytes.len().saturating_sub(at);
        let Some(k) = rest.first() else {
            if left > 0 {
                tell(
                    Kind::Inserted,
                    at,
                    left,
                    &[],
                    None,
                    "bytes that were never recorded",
                );
            }
            break;
        };
        if s.stands(at, k) {
            i += 1;
            at += usize::try_from(k.len).unwrap_or(usize::MAX);
            continue;
        }
        if left == 0 {
            let kind = if at_end && behind.is_none() {
                Kind::Truncated
            } else {
                Kind::Missing
            };
            tell(kind, at, 0, rest, None, "recorded and no longer there");
            break;
        }
        // Changed in place: what follows stands where it should.
        let len = usize::try_from(k.len).unwrap_or(usize::MAX);
        let after = at.saturating_add(len);
        let follows = match rest.get(1) {
            Some(next) => s.stands(after, next),
            None => after == bytes.len(),
        };
        if follows {
            tell(
                Kind::Changed,
                at,
                len,
                rest.get(..1).unwrap_or(&[]),
                None,
                "a record was changed",
            );
            i += 1;
            at = after;
            continue;
        }
        if let Some(n) =
            (1..rest.len().min(FAR_RECORDS)).find(|n| rest.get(*n).is_some_and(|k| s.stands(at, k)))
        {
            tell(
                Kind::Missing,
                at,
                0,
                rest.get(..n).unwrap_or(&[]),
                None,
                "recorded and no longer there",
            );
            i += n;
            continue;
        }
        if let Some(by) = (1..left.min(FAR_BYTES)).find(|by| s.stands(at + by, k)) {
            tell(
                Kind::Inserted,
                at,
                by,
                &[],
                Some(k),
                "bytes that were never recorded",
            );
            at += by;
            continue;
        }
        // Several records and bytes at once.
        let both = (1..=rest.len().min(NEAR_RECORDS)).find_map(|n| match rest.get(n) {
            Some(k) => (0..left.min(NEAR_BYTES))
                .find(|by| s.stands(at + by, k))
                .map(|by| (n, by)),
            None => None,
        });
        let (n, by) = both.unwrap_or((rest.len(), left));
        let short = at_end && behind.is_none() && both.is_none();
        let want: u64 = rest.iter().take(n).map(|k| k.len).sum();
        let kind = if short && (by as u64) < want {
            Kind::Truncated
        } else {
            Kind::Changed
        };
        tell(
            kind,
            at,
            by,
            rest.get(..n).unwrap_or(&[]),
            None,
            "records were changed",
        );
        i += n;
        at += by;
    }
    out
}

/// A record that stands where another one should is called that.
fn name_moves(findings: &mut [Finding], known: &[Known], start: u64, bytes: &[u8]) {
    let mut by_tag: Option<BTreeMap<(u64, [u8; TAG]), u64>> = None;
    for f in findings {
        if !matches!(f.kind, Kind::Changed | Kind::Inserted) || f.len == 0 {
            continue;
        }
        let from = usize::try_from(f.offset - start).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(f.len).unwrap_or(usize::MAX));
        let Some(b) = bytes.get(from..to) else {
            continue;
        };
        let by_tag = by_tag
            .get_or_insert_with(|| known.iter().map(|k| ((k.len, k.tag), k.record)).collect());
        if let Some(record) = by_tag.get(&(f.len, tag(b))) {
            f.kind = Kind::Reordered;
            f.words = format!("record {record} stands here");
        }
    }
}
