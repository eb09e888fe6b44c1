//! The verifier: what a flight's folder says, held against its chain and its manifest. Needs nothing but the folder, and
//! the fingerprint of the station's key if somebody wants to know *who* signed.
//!
//! A core: the folder is a [`Files`]. It never writes. The format is `docs/record.md`; a second verifier that shares no
//! code stands in `tests/peers`.

mod entries;
mod place;
#[cfg(test)]
mod tests;

use super::chain::{CHAIN, ClockStep, Receipted, Span, Whole, base64, read_map, tag};
use super::files::{Files, Found, hash, hash_sm3};
use super::key::PublicKey;
use super::manifest::{self, About, MANIFEST, Manifest, SIGNATURE_FILE};
use entries::{Entries, Good};
use missions::plan::hex;
use place::Known;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Findings told at most; the rest is counted.
const MAX_FINDINGS: usize = 1_000;
/// A chain longer than this is not read, bytes.
const MAX_CHAIN: u64 = 2 << 30;
/// A manifest longer than this is not read, bytes.
const MAX_MANIFEST: u64 = 256 << 20;

/// As a manifest with a second digest has it.
const SM3_FIELD: &[u8] = b"\"sm3\":";

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Bytes are not what was recorded.
    Changed,
    /// A record or a file is gone.
    Missing,
    /// Bytes or a file that were never recorded.
    Inserted,
    /// A record stands where another one should.
    Reordered,
    /// The end is gone.
    Truncated,
    /// It cannot be read.
    Unreadable,
    /// Signed by another key than the one asked for.
    OtherKey,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// File in the folder.
    pub file: String,
    /// First byte, in the file as it is now.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// Entry of the chain that covers it.
    pub segment: Option<u64>,
    /// Record of the file from 0: a frame, a line, an entry, a piece, a line of the manifest.
    pub record: Option<u64>,
    /// In plain words.
    pub words: String,
}

/// A head of the chain that somebody else keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Identity of the flight, hex.
    pub flight: String,
    /// Entry.
    pub n: u64,
    /// Its hash, hex.
    pub head: String,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Fingerprint of the key that must have signed.
    pub key: Option<String>,
    /// Heads that the other side receipted.
    pub kept: Vec<Kept>,
}

/// What is known about the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// Closed: nothing is missing at the end.
    Closed,
    /// Not closed, but the other side has the head of this entry: nothing is missing up to it.
    ReceiptedUpTo {
        /// Entry.
        n: u64,
        /// When it was cut, µs since 1970.
        t_us: i64,
    },
    /// Nobody knows whether more was recorded.
    Open,
}

/// The verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Identity of the flight, hex.
    pub flight: Option<String>,
    /// Fingerprint of the key that signed.
    pub fingerprint: Option<String>,
    /// Whether it is the key asked for; `None` when nobody asked.
    pub key_is_known: Option<bool>,
    /// Entries of the chain that are whole and signed.
    pub entries: u64,
    /// Hash of the last one, hex.
    pub head: Option<String>,
    /// First and last time stamp, µs since 1970.
    pub span_us: Option<(i64, i64)>,
    /// What is known about the end.
    #[serde(flatten)]
    pub end: End,
    /// Whether a closing manifest covers the files beside the chain's own.
    pub sealed: bool,
    /// Digests of the manifest that were checked.
    pub digests: Vec<String>,
    /// The record said from its beginning that it would have no manifest: its chain covers every file.
    pub bare: bool,
    /// How long it is kept.
    pub retention: Option<String>,
    /// Files and bytes that are as they were recorded.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Records that are known to have found no room on the disk.
    pub lost: u64,
    /// Clocks that were set.
    pub steps: Vec<ClockStep>,
    /// Heads that the other side said to have.
    pub receipts: Vec<Receipted>,
    /// Names that nothing covers: the analyst's pictures, and what an open record had not covered yet.
    pub not_covered: Vec<String>,
    /// Worth knowing, not wrong.
    pub notes: Vec<String>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// More of the same that are not told.
    pub more_findings: u64,
}

impl Report {
    /// Nothing is wrong with what is there.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }
    /// Nothing is wrong, nothing is missing at the end, and every file is covered.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_intact() && self.end == End::Closed && (self.sealed || self.bare)
    }
}

/// Verifies a folder.
///
/// # Errors
/// When there is no record in it or it cannot be read at all; damage is no error.
pub fn verify(files: &dyn Files, asked: &Asked) -> Result<Report, String> {
    let names = files.list()?;
    let of = |name: &str| names.iter().find(|f| f.name == name);
    if of(CHAIN).is_none() && of(MANIFEST).is_none() {
        return Err(format!(
            "there is no record here: neither {CHAIN} nor {MANIFEST}. Give the folder of one flight"
        ));
    }
    let all = |name: &str, most: u64| match of(name) {
        Some(f) if f.len > most => Err(format!("{name} is longer than {most} bytes")),
        Some(f) => files.read_at(name, 0, f.len).map(Some),
        None => Ok(None),
    };
    let manifest_bytes = all(MANIFEST, MAX_MANIFEST)?;
    let read_manifest: Option<Manifest> = manifest_bytes
        .as_deref()
        .and_then(|b| serde_json::from_slice(b).ok());
    let hint = read_manifest
        .as_ref()
        .and_then(|m| PublicKey::from_hex(&m.about.key));
    let chain = entries::read(&all(CHAIN, MAX_CHAIN)?.unwrap_or_default(), hint);
    let signature = all(SIGNATURE_FILE, 1 << 16)?;
    let mut v = Verifier::new(files, names.clone(), chain);
    v.key(asked);
    v.grown()?;
    v.wholes()?;
    v.manifest(manifest_bytes, signature, read_manifest)?;
    v.uncovered();
    v.end(asked);
    v.report.findings.sort_by(|a, b| {
        (&a.file, a.offset, a.kind, a.record).cmp(&(&b.file, b.offset, b.kind, b.record))
    });
    v.report.findings.dedup();
    let most = v.report.findings.len().min(MAX_FINDINGS);
    v.report.more_findings = (v.report.findings.len() - most) as u64;
    v.report.findings.truncate(most);
    Ok(v.report)
}

struct Verifier<'a> {
    files: &'a dyn Files,
    names: BTreeMap<String, Found>,
    good: Vec<Good>,
    key: Option<PublicKey>,
    torn: u64,
    closed: bool,
    /// Names that something covers.
    covered: BTreeSet<String>,
    /// Names whose every byte was found as recorded.
    proven: BTreeMap<String, u64>,
    /// Files that grew, with the stretches that no readable entry covers.
    gaps: BTreeMap<String, Vec<(u64, u64)>>,
    report: Report,
}

impl<'a> Verifier<'a> {
    fn new(files: &'a dyn Files, names: Vec<Found>, chain: Entries) -> Self {
        let Entries {
            good,
            key,
            torn,
            findings,
        } = chain;
        let opening = good.first().and_then(|g| g.entry.open.clone());
        let report = Report {
            flight: opening.as_ref().map(|o| o.flight.clone()),
            fingerprint: key.map(|k| k.fingerprint()),
            key_is_known: None,
            entries: good.len() as u64,
            head: good.last().map(|g| hex(&g.hash)),
            span_us: None,
            end: End::Open,
            sealed: false,
            digests: Vec::new(),
            bare: opening.as_ref().is_some_and(|o| o.bare),
            retention: opening.map(|o| o.retention),
            files: 0,
            bytes: 0,
            lost: good.iter().map(|g| g.entry.lost).sum(),
            steps: good.iter().flat_map(|g| g.entry.steps.clone()).collect(),
            receipts: good.iter().flat_map(|g| g.entry.receipts.clone()).collect(),
            not_covered: Vec::new(),
            notes: Vec::new(),
            findings,
            more_findings: 0,
        };
        Verifier {
            files,
            names: names.into_iter().map(|f| (f.name.clone(), f)).collect(),
            closed: good.iter().any(|g| g.entry.close.is_some()),
            good,
            key,
            torn,
            covered: BTreeSet::new(),
            proven: BTreeMap::new(),
            gaps: BTreeMap::new(),
            report,
        }
    }

    fn tell(&mut self, kind: Kind, file: &str, offset: u64, len: u64, words: impl Into<String>) {
        self.report.findings.push(Finding {
            kind,
            file: file.into(),
            offset,
            len,
            segment: None,
            record: None,
            words: words.into(),
        });
    }

    fn key(&mut self, asked: &Asked) {
        if self.key.is_none() {
            self.report.notes.push(
                "the first entry is damaged and no key is known: signatures could not be checked"
                    .into(),
            );
        }
        let Some(f) = &asked.key else {
            self.report.notes.push(
                "no --key was given: compare the fingerprint with the one that the station prints"
                    .into(),
            );
            return;
        };
        let is = self.key.is_some_and(|k| k.is(f));
        self.report.key_is_known = Some(is);
        if !is {
            self.tell(
                Kind::OtherKey,
                CHAIN,
                0,
                0,
                "it was signed by another key than the one asked for",
            );
        }
    }

    /// Files that grew, stretch by stretch.
    fn grown(&mut self) -> Result<(), String> {
        let mut by_file: BTreeMap<String, Vec<(u64, Span)>> = BTreeMap::new();
        for g in &self.good {
            for s in &g.entry.spans {
                by_file
                    .entry(s.file.clone())
                    .or_default()
                    .push((g.entry.n, s.clone()));
            }
        }
        for (file, spans) in by_file {
            self.covered.insert(file.clone());
            self.grew(&file, &spans)?;
        }
        Ok(())
    }

    fn grew(&mut self, file: &str, spans: &[(u64, Span)]) -> Result<(), String> {
        let Some(found) = self.names.get(file).filter(|f| f.plain).cloned() else {
            let first = spans.first().map(|s| s.0);
            self.tell(Kind::Missing, file, 0, 0, "the file is gone");
            if let Some(f) = self.report.findings.last_mut() {
                f.segment = first;
            }
            return Ok(());
        };
        let mut known = Vec::new();
        let (mut at, mut record) = (0u64, 0u64);
        let mut bad = None;
        let mut gaps = Vec::new();
        for (segment, s) in spans {
            if s.from != at {
                gaps.push((at.min(s.from), s.from.max(at)));
            }
            let as_recorded = hash(self.files, file, s.from, s.len)?.map(|h| hex(&h));
            if as_recorded.as_ref() != Some(&s.sha256) {
                bad.get_or_insert(known.len());
            }
            let mut offset = s.from;
            for (len, tag) in read_map(&s.map).unwrap_or_default() {
                known.push(Known {
                    segment: *segment,
                    record,
                    offset,
                    len,
                    tag,
                });
                offset += len;
                record += 1;
            }
            at = s.from + s.len;
        }
        if found.len < at {
            bad = bad.or(Some(known.len().saturating_sub(1)));
        }
        if found.len > at {
            if self.closed {
                bad = bad.or(Some(known.len()));
            } else if self.is_sealed() {
                // The chain's end is gone: only the manifest knows what belongs here.
                gaps.push((at, found.len));
            } else {
                self.report.notes.push(format!(
                    "{file}: {} bytes at the end were not covered yet when it stopped",
                    found.len - at
                ));
            }
        }
        if let Some(first) = bad {
            let files = self.files;
            let read = |from, len| files.read_at(file, from, len);
            let mut told = place::place(file, found.len, &known, first, !self.closed, &read)?;
            if told.is_empty() {
                // The map agrees and the hash does not: the whole stretch is in doubt.
                self.tell(
                    Kind::Changed,
                    file,
                    0,
                    found.len,
                    "a segment is not as recorded",
                );
            }
            self.report.findings.append(&mut told);
        } else if gaps.is_empty() {
            self.proven.insert(file.to_owned(), found.len.min(at));
        }
        if !gaps.is_empty() {
            self.gaps.insert(file.to_owned(), gaps);
        }
        Ok(())
    }

    fn is_sealed(&self) -> bool {
        self.names.contains_key(MANIFEST)
    }

    /// Files that were written once, and their copies.
    fn wholes(&mut self) -> Result<(), String> {
        let mut wholes: BTreeMap<String, (u64, Whole)> = BTreeMap::new();
        let mut copies: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
        for g in &self.good {
            for w in &g.entry.whole {
                wholes.insert(w.file.clone(), (g.entry.n, w.clone()));
            }
            for c in &g.entry.copies {
                copies
                    .entry(c.file.clone())
                    .or_default()
                    .push((g.entry.n, c.of.clone()));
            }
        }
        for (file, (segment, w)) in &wholes {
            self.covered.insert(file.clone());
            self.whole(file, Some(*segment), w)?;
        }
        for (file, of) in copies {
            self.covered.insert(file.clone());
            self.copy(&file, &of, &wholes)?;
        }
        Ok(())
    }

    /// Whether a file is what `w` says; its damage is told.
    fn whole(&mut self, file: &str, segment: Option<u64>, w: &Whole) -> Result<(), String> {
        let Some(found) = self.names.get(file).filter(|f| f.plain).cloned() else {
            self.tell(Kind::Missing, file, 0, 0, "the file is gone");
            if let Some(f) = self.report.findings.last_mut() {
                f.segment = segment;
            }
            return Ok(());
        };
        let sha256 = hash(self.files, file, 0, found.len)?.map(|h| hex(&h));
        if found.len == w.len && sha256.as_ref() == Some(&w.sha256) {
            self.proven.insert(file.to_owned(), found.len);
            return Ok(());
        }
        let pieces = base64(&w.pieces).unwrap_or_default();
        let mut known = Vec::new();
        let mut offset = 0;
        for (t, record) in pieces.as_chunks::<4>().0.iter().zip(0u64..) {
            known.push(Known {
                segment: segment.unwrap_or(0),
                record,
                offset,
                len: w.piece.min(w.len.saturating_sub(offset)),
                tag: *t,
            });
            offset += w.piece;
        }
        let files = self.files;
        let read = |from, len| files.read_at(file, from, len);
        let first = known
            .iter()
            .position(|k| read(k.offset, k.len).is_ok_and(|b| tag(&b) != k.tag))
            .unwrap_or(known.len());
        let mut told = place::place(file, found.len, &known, first, false, &read)?;
        for f in &mut told {
            f.segment = segment;
        }
        if told.is_empty() {
            self.tell(
                Kind::Changed,
                file,
                0,
                found.len,
                "the file is not as recorded",
            );
        }
        self.report.findings.append(&mut told);
        Ok(())
    }

    /// A copy must be equal to what it is a copy of: the last one, or in an open record any.
    fn copy(
        &mut self,
        file: &str,
        of: &[(u64, String)],
        wholes: &BTreeMap<String, (u64, Whole)>,
    ) -> Result<(), String> {
        let may = if self.closed {
            of.get(of.len().saturating_sub(1)..).unwrap_or(&[])
        } else {
            of
        };
        let Some(found) = self.names.get(file).cloned() else {
            if self.closed {
                self.tell(Kind::Missing, file, 0, 0, "the file is gone");
            }
            return Ok(());
        };
        let sha256 = hash(self.files, file, 0, found.len)?.map(|h| hex(&h));
        let originals: Vec<&(u64, Whole)> = may.iter().filter_map(|(_, o)| wholes.get(o)).collect();
        if originals
            .iter()
            .any(|(_, w)| Some(&w.sha256) == sha256.as_ref())
        {
            self.proven.insert(file.to_owned(), found.len);
            return Ok(());
        }
        match originals.last() {
            Some((_, w)) => {
                let segment = may.last().map(|m| m.0);
                let w = Whole {
                    file: file.to_owned(),
                    ..w.clone()
                };
                self.whole(file, segment, &w)
            }
            // The entry with the original is damaged: that is told where it stands.
            None => Ok(()),
        }
    }

    fn manifest(
        &mut self,
        bytes: Option<Vec<u8>>,
        signature: Option<Vec<u8>>,
        read: Option<Manifest>,
    ) -> Result<(), String> {
        let Some(bytes) = bytes else {
            if signature.is_some() {
                self.covered.insert(SIGNATURE_FILE.into());
            }
            return Ok(());
        };
        let signed = signature
            .as_ref()
            .zip(self.key)
            .is_some_and(|(s, k)| k.holds(&bytes, s));
        if !signed {
            return self.unsigned_manifest(&bytes, signature.as_deref());
        }
        let Some(m) = read.filter(|m| m.about.format == manifest::FORMAT) else {
            self.report
                .notes
                .push("the manifest is of a later format: only its signature was checked".into());
            return Ok(());
        };
        let head = self.good.last().map(|g| hex(&g.hash));
        if let Some(g) = self.good.last()
            && Some(&m.about.head) != head.as_ref()
            && m.about.entries > g.entry.n + 1
        {
            let (offset, n, torn) = (g.offset + g.len, g.entry.n + 1, self.torn);
            self.tell(
                Kind::Truncated,
                CHAIN,
                offset,
                torn,
                format!(
                    "the chain had {} entries when it was closed",
                    m.about.entries
                ),
            );
            if let Some(f) = self.report.findings.last_mut() {
                (f.segment, f.record) = (Some(n), Some(n));
            }
        }
        if self
            .report
            .flight
            .as_ref()
            .is_some_and(|f| *f != m.about.flight)
        {
            self.tell(
                Kind::Changed,
                MANIFEST,
                0,
                0,
                "the manifest is another flight's",
            );
        }
        for w in &m.files {
            let known = self.covered.contains(&w.file) && !self.gaps.contains_key(&w.file);
            self.covered.insert(w.file.clone());
            if w.file == CHAIN {
                self.manifest_of_chain(w)?;
            } else if let Some(gaps) = self.gaps.remove(&w.file) {
                // Entries of the chain are damaged: the manifest alone says whether the file is.
                let found = self.names.get(&w.file).map_or(0, |f| f.len);
                let sha256 = hash(self.files, &w.file, 0, found)?.map(|h| hex(&h));
                if Some(&w.sha256) == sha256.as_ref() {
                    self.proven.insert(w.file.clone(), found);
                } else if !self.report.findings.iter().any(|f| f.file == w.file) {
                    for (from, to) in gaps {
                        self.tell(
                            Kind::Changed,
                            &w.file,
                            from,
                            to - from,
                            "not as recorded, in a stretch whose entry is damaged too",
                        );
                    }
                }
            } else if !known {
                self.whole(&w.file.clone(), None, w)?;
            }
        }
        self.second_digest(&m.files)?;
        self.report.digests = if m.about.digests.is_empty() {
            vec!["sha256".into()]
        } else {
            m.about.digests
        };
        self.report.sealed = true;
        self.proven.insert(MANIFEST.into(), bytes.len() as u64);
        self.proven.insert(SIGNATURE_FILE.into(), 64);
        self.covered
            .extend([MANIFEST.into(), SIGNATURE_FILE.into()]);
        Ok(())
    }

    /// Where the manifest lists a second digest it must hold too, whatever the first says.
    fn second_digest(&mut self, files: &[Whole]) -> Result<(), String> {
        for w in files {
            let Some(sm3) = &w.sm3 else { continue };
            let found = self.names.get(&w.file).map_or(0, |f| f.len);
            let is = hash_sm3(self.files, &w.file, 0, found)?.map(|h| hex(&h));
            if is.as_ref() != Some(sm3) && !self.report.findings.iter().any(|f| f.file == w.file) {
                self.proven.remove(&w.file);
                self.tell(
                    Kind::Changed,
                    &w.file,
                    0,
                    found,
                    "its SM3 is not the one listed",
                );
            }
        }
        Ok(())
    }

    fn manifest_of_chain(&mut self, w: &Whole) -> Result<(), String> {
        let found = self.names.get(CHAIN).map_or(0, |f| f.len);
        let sha256 = hash(self.files, CHAIN, 0, found)?.map(|h| hex(&h));
        if found == w.len && sha256.as_ref() == Some(&w.sha256) {
            self.proven.insert(CHAIN.into(), found);
        } else if !self.report.findings.iter().any(|f| f.file == CHAIN) {
            // Whatever it is, the chain's own links did not show it: a torn end behind the closing entry.
            let end = self.good.last().map_or(0, |g| g.offset + g.len);
            self.tell(
                Kind::Inserted,
                CHAIN,
                end,
                found.saturating_sub(end),
                "bytes behind the closing entry",
            );
        }
        Ok(())
    }

    /// Signature and manifest do not fit: which of the two is damaged, and where.
    fn unsigned_manifest(&mut self, bytes: &[u8], signature: Option<&[u8]>) -> Result<(), String> {
        self.covered
            .extend([MANIFEST.into(), SIGNATURE_FILE.into()]);
        let Some(signature) = signature else {
            self.tell(
                Kind::Missing,
                SIGNATURE_FILE,
                0,
                0,
                "the manifest's signature is gone",
            );
            return Ok(());
        };
        // The manifest follows from the folder: made again, it must be what was signed.
        let about = self.good.last().zip(self.key).map(|(g, key)| About {
            format: manifest::FORMAT.into(),
            flight: self.report.flight.clone().unwrap_or_default(),
            key: key.hex(),
            closed_us: g.entry.t_us,
            entries: g.entry.n + 1,
            head: hex(&g.hash),
            digests: if bytes.windows(SM3_FIELD.len()).any(|w| w == SM3_FIELD) {
                manifest::digests()
            } else {
                Vec::new()
            },
        });
        let again = match (&about, self.report.findings.is_empty()) {
            (Some(about), true) => {
                let grown: BTreeSet<String> = self.grown_names();
                manifest::bytes(about, self.files, &|f| !grown.contains(f)).ok()
            }
            _ => None,
        };
        let good = again.filter(|a| self.key.is_some_and(|k| k.holds(a, signature)));
        match good {
            Some(good) => {
                let same = good.iter().zip(bytes).take_while(|(a, b)| a == b).count();
                // From the start of the line: names begin alike.
                let start = good
                    .get(..same)
                    .and_then(|g| g.iter().rposition(|b| *b == b'\n'))
                    .map_or(0, |i| i + 1);
                let line = good.iter().take(same).filter(|b| **b == b'\n').count() as u64;
                let kind = match bytes.len().cmp(&good.len()) {
                    std::cmp::Ordering::Less if same == bytes.len() => Kind::Truncated,
                    std::cmp::Ordering::Greater if same == good.len() => Kind::Inserted,
                    _ => Kind::Changed,
                };
                self.tell(
                    kind,
                    MANIFEST,
                    start as u64,
                    bytes.len().saturating_sub(start) as u64,
                    "the manifest is not what was signed from here on",
                );
                if let Some(f) = self.report.findings.last_mut() {
                    f.record = Some(line);
                }
            }
            None => {
                let made_again = about.is_some_and(|about| {
                    let grown = self.grown_names();
                    manifest::bytes(&about, self.files, &|f| !grown.contains(f))
                        .is_ok_and(|a| a == bytes)
                });
                let (file, len, words) = if made_again || signature.len() != 64 {
                    (
                        SIGNATURE_FILE,
                        signature.len() as u64,
                        "this is not the manifest's signature",
                    )
                } else {
                    (
                        MANIFEST,
                        bytes.len() as u64,
                        "the manifest and its signature do not fit each other",
                    )
                };
                let kind = match signature.len().cmp(&64) {
                    std::cmp::Ordering::Less if file == SIGNATURE_FILE => Kind::Truncated,
                    std::cmp::Ordering::Greater if file == SIGNATURE_FILE => Kind::Inserted,
                    _ => Kind::Changed,
                };
                self.tell(kind, file, 0, len, words);
            }
        }
        // What the manifest alone covers is in doubt, and told by the manifest's finding.
        let names: Vec<String> = self.names.keys().cloned().collect();
        self.covered.extend(names);
        Ok(())
    }

    fn grown_names(&self) -> BTreeSet<String> {
        self.good
            .iter()
            .flat_map(|g| g.entry.spans.iter().map(|s| s.file.clone()))
            .chain([CHAIN.to_owned()])
            .collect()
    }

    /// Files that nothing covers, and stretches without a readable entry.
    fn uncovered(&mut self) {
        self.covered.insert(CHAIN.into());
        // In a bare record that was closed the chain names every file too.
        let sealed = self.is_sealed() || (self.report.bare && self.closed);
        let names: Vec<Found> = self.names.values().cloned().collect();
        for f in names {
            if manifest::is_rerun(&f.name) {
                self.report.not_covered.push(f.name);
            } else if !self.covered.contains(&f.name) {
                if sealed {
                    self.tell(
                        Kind::Inserted,
                        &f.name,
                        0,
                        f.len,
                        "this file was never recorded",
                    );
                } else {
                    self.report.not_covered.push(f.name);
                }
            } else if !f.plain {
                self.tell(Kind::Changed, &f.name, 0, 0, "this is no plain file");
            }
        }
        for (file, gaps) in std::mem::take(&mut self.gaps) {
            for (from, to) in gaps {
                self.report.notes.push(format!(
                    "{file}: bytes {from} to {to} are covered by no readable entry"
                ));
            }
        }
        if !sealed && self.report.findings.iter().all(|f| f.file != CHAIN) {
            let end = self.good.last().map_or(0, |g| g.offset + g.len);
            self.proven.insert(CHAIN.into(), end);
        }
        self.report.files = self.proven.len() as u64;
        self.report.bytes = self.proven.values().sum();
    }

    /// What the record says was receipted must be what stands in it.
    fn own_receipts(&mut self) {
        for r in self.report.receipts.clone() {
            if let Some(g) = self.good.iter().find(|g| g.entry.n == r.n)
                && hex(&g.hash) != r.head
            {
                let (offset, len) = (g.offset, g.len);
                self.report.findings.push(Finding {
                    kind: Kind::Changed,
                    file: CHAIN.into(),
                    offset,
                    len,
                    segment: Some(r.n),
                    record: Some(r.n),
                    words: format!("another entry {} was receipted by {}", r.n, r.by),
                });
            }
        }
    }

    /// Closed, receipted, or open.
    fn end(&mut self, asked: &Asked) {
        // The opening entry is older than the first stamp.
        let mut stamps = self.good.iter().map(|g| g.entry.t_us).filter(|t| *t > 0);
        let first = stamps.next();
        let last = self.good.last().map(|g| g.entry.t_us);
        self.report.span_us = first.zip(last);
        if self.torn > 0 {
            let end = self.good.last().map_or(0, |g| g.offset + g.len);
            if self.closed {
                let torn = self.torn;
                self.tell(
                    Kind::Inserted,
                    CHAIN,
                    end,
                    torn,
                    "bytes behind the closing entry",
                );
            } else {
                self.report.notes.push(format!(
                    "the chain ends in {} bytes of an entry that was never finished, as a crash leaves it",
                    self.torn
                ));
            }
        }
        self.own_receipts();
        let mut up_to: Option<(u64, i64)> = None;
        let mut beyond: Option<u64> = None;
        for k in &asked.kept {
            if self.report.flight.as_ref().is_some_and(|f| *f != k.flight) {
                continue;
            }
            match self.good.iter().find(|g| g.entry.n == k.n) {
                Some(g) if hex(&g.hash) == k.head => {
                    up_to = up_to.max(Some((k.n, g.entry.t_us)));
                }
                Some(g) => {
                    let (offset, len, n) = (g.offset, g.len, k.n);
                    self.report.findings.push(Finding {
                        kind: Kind::Changed,
                        file: CHAIN.into(),
                        offset,
                        len,
                        segment: Some(n),
                        record: Some(n),
                        words: format!("the other side keeps another entry {n}"),
                    });
                }
                None => beyond = beyond.max(Some(k.n)),
            }
        }
        let have = self.good.last().map(|g| g.entry.n);
        if let Some(n) = beyond
            && have.is_none_or(|h| h < n)
        {
            let end = self.good.last().map_or(0, |g| g.offset + g.len);
            self.report.findings.push(Finding {
                kind: Kind::Truncated,
                file: CHAIN.into(),
                offset: end,
                len: self.torn,
                segment: Some(have.map_or(0, |h| h + 1)),
                record: Some(have.map_or(0, |h| h + 1)),
                words: format!("the other side keeps entry {n}: the record's end is gone"),
            });
        }
        self.report.end = if self.closed {
            if !self.is_sealed() && !self.report.bare {
                self.report.notes.push(format!(
                    "{MANIFEST} is missing: it stopped while it was being closed, or somebody took it away. Files beside the \
                     chain's own are not covered"
                ));
            }
            End::Closed
        } else if let Some((n, t_us)) = up_to {
            End::ReceiptedUpTo { n, t_us }
        } else {
            if let Some(r) = self.report.receipts.last() {
                // Its own word is no proof: who cuts the end off cuts it off too.
                let words = format!(
                    "the record says that {} keeps its entry {}: that side's record, given with --receipt, says how far this \
                     one went at least",
                    r.by, r.n
                );
                self.report.notes.push(words);
            }
            End::Open
        };
        if self.is_sealed() && !self.closed && self.report.findings.is_empty() {
            self.tell(
                Kind::Truncated,
                CHAIN,
                0,
                0,
                "the manifest says that the record was closed; its closing entry is gone",
            );
        }
    }
}

/// A head for the other side to keep, of a chain's bytes: its last whole entry.
#[must_use]
pub fn last_head(chain: &[u8]) -> Option<Kept> {
    let e = entries::read(chain, None);
    let flight = e.good.first()?.entry.open.as_ref()?.flight.clone();
    let g = e.good.last()?;
    Some(Kept {
        flight,
        n: g.entry.n,
        head: hex(&g.hash),
    })
}

/// Every entry of a chain that is whole and signed, in order.
#[must_use]
pub fn entries_of(chain: &[u8]) -> Vec<super::chain::Entry> {
    let good = entries::read(chain, None).good;
    good.into_iter().map(|g| g.entry).collect()
}

/// SHA-256 in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// What a closing manifest says of a chain.
pub(super) struct ClosedChain {
    pub flight: String,
    pub t_us: i64,
    pub entries: u64,
    pub head: String,
    /// Files whose damage the chain places.
    pub grown: BTreeSet<String>,
}

/// Reads a chain that is closed and whole.
pub(super) fn closing(chain: &[u8], signer: &super::key::Signer) -> Result<ClosedChain, String> {
    let e = entries::read(chain, None);
    if let Some(f) = e.findings.first() {
        return Err(format!("at byte {}: {}", f.offset, f.words));
    }
    if e.key != Some(signer.public()) {
        return Err("it was signed by another station".into());
    }
    let open = e.good.first().and_then(|g| g.entry.open.clone());
    let (Some(open), Some(last)) = (open, e.good.last()) else {
        return Err("it is empty".into());
    };
    if last.entry.close.is_none() || e.torn > 0 {
        return Err("it is not closed".into());
    }
    Ok(ClosedChain {
        flight: open.flight,
        t_us: last.entry.t_us,
        entries: last.entry.n + 1,
        head: hex(&last.hash),
        grown: e
            .good
            .iter()
            .flat_map(|g| g.entry.spans.iter().map(|s| s.file.clone()))
            .chain([CHAIN.to_owned()])
            .collect(),
    })
}
