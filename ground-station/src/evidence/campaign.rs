//! Ten thousand ways to damage a record, each of which must be found and placed. Nothing here touches a disk.
//!
//! Damage is random (seeded): a flipped bit, a dropped stretch or record, two swapped, an end cut off, bytes inserted or
//! repeated, a file gone, added or exchanged for another; in every file that is covered, the chain and manifest too.

use super::chain::CHAIN;
use super::files::{Files, Found};
use super::key::Signer;
use super::verify::{Asked, End, Finding, Kind, Report, last_head, verify};
use crate::desk::{Answer, Event, Intent};
use crate::record::line::Fact;
use crate::record::{Entry, Recorder, RecorderSetup};
use link::common::{ATTITUDE_DATA, GLOBAL_POSITION_INT_DATA, MavMessage as Common};
use link::frame::Stamper;
use link::journal::{Disk, DiskError, MemDisk};
use missions::time::Utc;
use missions::venue::Venue;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// UTC at the start of the records below.
const START_US: i64 = 1_790_856_000_000_000;

/// A folder in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder(pub BTreeMap<String, Vec<u8>>);

impl Files for Folder {
    fn list(&self) -> Result<Vec<Found>, String> {
        Ok(self
            .0
            .iter()
            .map(|(name, b)| Found {
                name: name.clone(),
                len: b.len() as u64,
                plain: true,
            })
            .collect())
    }
    fn read_at(&self, file: &str, from: u64, len: u64) -> Result<Vec<u8>, String> {
        let b = self.0.get(file).ok_or("no such file")?;
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(b.len());
        Ok(b.get(at(from)..at(from.saturating_add(len)))
            .unwrap_or(&[])
            .to_vec())
    }
}

/// A [`MemDisk`] that can be looked into while a recorder has it.
#[derive(Clone, Debug, Default)]
pub struct SharedDisk(Arc<Mutex<MemDisk>>);

impl SharedDisk {
    fn with<T>(
        &self,
        f: impl FnOnce(&mut MemDisk) -> Result<T, DiskError>,
    ) -> Result<T, DiskError> {
        match self.0.lock() {
            Ok(mut d) => f(&mut d),
            Err(_) => Err(DiskError::Io {
                doing: "locking",
                file: "memory".into(),
                detail: "poisoned".into(),
            }),
        }
    }
    /// Everything that stands on it.
    #[must_use]
    pub fn folder(&self) -> Folder {
        let files = self.with(|d| {
            d.list()?
                .into_iter()
                .map(|n| Ok((n.clone(), d.read(&n)?)))
                .collect()
        });
        Folder(files.unwrap_or_default())
    }
}

impl Disk for SharedDisk {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.with(|d| d.append(file, bytes))
    }
    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.with(|d| d.sync(file))
    }
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        self.with(|d| d.read(file))
    }
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.with(|d| d.replace(file, bytes))
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.with(|d| d.truncate(file, len))
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        self.with(|d| d.list())
    }
}

/// A recorder of a flight with nothing but this disk under it.
pub(super) fn begin(disk: Box<dyn Disk>, flight: [u8; 16]) -> Option<Recorder> {
    let setup = RecorderSetup {
        dir: "memory".into(),
        signer: Signer::from_seed(&[7; 32]),
        syncing: super::io::Syncing::AtEnd,
        seal: true,
        venue: Venue::sixi_river(),
        rerun: None,
        rrd: false,
    };
    Recorder::over(disk, setup, &flight).ok()
}

/// A flight that a seed makes up.
pub(super) struct Story {
    rng: ChaCha8Rng,
    stamper: Stamper,
    frames: u64,
    lines: u64,
    pictures: u64,
}

impl Story {
    pub fn new(seed: u64) -> Story {
        Story {
            rng: ChaCha8Rng::seed_from_u64(seed),
            stamper: Stamper::new(1, 1),
            frames: 0,
            // The recorder's own first two.
            lines: 2,
            pictures: 0,
        }
    }
    /// Frames, lines and pictures that were told so far.
    pub fn counts(&self) -> [u64; 3] {
        [self.frames, self.lines, self.pictures]
    }

    /// One tenth of a second, given to whoever records.
    pub fn tenth(&mut self, n: u64, take: &mut dyn FnMut(Entry)) {
        tenth(self, n, take);
    }
}

fn tenth(story: &mut Story, n: u64, take: &mut dyn FnMut(Entry)) {
    let (rng, s) = (&mut story.rng, &mut story.stamper);
    let utc = Utc(START_US + i64::try_from(n).unwrap_or(0) * 100_000);
    let ms = u32::try_from(n * 100).unwrap_or(u32::MAX);
    let mut bytes = Vec::new();
    for m in [
        Common::GLOBAL_POSITION_INT(GLOBAL_POSITION_INT_DATA {
            time_boot_ms: ms,
            lat: 277_870_000 + rng.random_range(0..9_000),
            lon: 1_200_910_000,
            relative_alt: rng.random_range(0..120_000),
            ..GLOBAL_POSITION_INT_DATA::default()
        }),
        Common::ATTITUDE(ATTITUDE_DATA {
            time_boot_ms: ms,
            roll: rng.random(),
            ..ATTITUDE_DATA::default()
        }),
    ] {
        bytes.extend_from_slice(s.frame(m).bytes());
        story.frames += 1;
    }
    take(Entry::Bytes {
        stream: 0,
        utc,
        bytes,
    });
    if rng.random::<f64>() < 0.1 {
        let mut params = serde_json::Map::new();
        params.insert("detail".into(), rng.random::<u32>().into());
        story.lines += 1;
        let event = Event {
            t_ms: utc.0 / 1_000,
            code: "status_text".into(),
            params,
            aircraft: Some(1),
            at: None,
        };
        take(Entry::Fact {
            utc,
            fact: Box::new(Fact::Event { event }),
            anomaly: None,
        });
    }
    if rng.random::<f64>() < 0.03 {
        let hold = Intent::Hold { aircraft: None };
        story.lines += 1;
        take(Entry::intent(utc, &hold, &Answer::yes()));
    }
    if rng.random::<f64>() < 0.02 {
        let mut bytes = vec![0; rng.random_range(200..20_000)];
        rng.fill_bytes(&mut bytes);
        story.lines += 1;
        story.pictures += 1;
        take(Entry::Picture {
            utc,
            sha256: super::verify::sha256(&bytes),
            bytes,
        });
    }
}

/// A closed record of so many seconds, with files beside it that only the manifest covers. The same for the same seed.
#[must_use]
pub fn good_record(seed: u64, seconds: u64) -> Folder {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let disk = SharedDisk::default();
    let mut beside = disk.clone();
    let mut text = vec![b'x'; rng.random_range(1..30_000)];
    rng.fill_bytes(&mut text);
    let _ = beside.append("summary.json", b"{\"seed\": 1}\n");
    let _ = beside.append("ground/anomalies.log", &text);
    let _ = beside.append("ground/lock", b"");
    let _ = beside.append("flight.rrd", b"RRF: drawn, not evidence");
    let Some(mut r) = begin(Box::new(disk.clone()), rng.random()) else {
        return Folder::default();
    };
    if let Some(plan) = a_plan() {
        r.take(Entry::Plan(Box::new(plan)));
    }
    let mut story = Story::new(rng.random());
    for n in 0..seconds * 10 {
        story.tenth(n, &mut |e| r.take(e));
    }
    let _ = r.finish();
    disk.folder()
}

/// The demonstration's plan, made once.
fn a_plan() -> Option<missions::plan::PatrolPlan> {
    static PLAN: std::sync::OnceLock<Option<missions::plan::PatrolPlan>> =
        std::sync::OnceLock::new();
    PLAN.get_or_init(|| {
        let start = crate::rehearse::headless::demo_start().ok()?;
        crate::rehearse::plan::demo_plan(&Venue::sixi_river(), 7, start).ok()
    })
    .clone()
}

/// What was done to a record, and where it must be found.
#[derive(Clone, Debug)]
struct Deed {
    words: String,
    file: String,
    /// Bytes of the damaged file between which it must be placed.
    from: u64,
    to: u64,
}

/// So many random corruptions.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// Everything follows from it.
    pub seed: u64,
    /// How many.
    pub rounds: u64,
}

/// What they came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Corruptions made.
    pub rounds: u64,
    /// By what was done.
    pub by_kind: BTreeMap<String, u64>,
    /// By file.
    pub by_file: BTreeMap<String, u64>,
    /// Not found at all.
    pub missed: Vec<String>,
    /// Ends cut off, or manifests taken away, where nothing in the folder can betray it: the verifier must not call the
    /// record complete.
    pub ends_not_claimed: u64,
    /// Of the ends, those that the head kept by the other side did not betray.
    pub betrayed_not: Vec<String>,
    /// Found, but not where it was done.
    pub misplaced: Vec<String>,
    /// Good records that were checked.
    pub good_checked: u64,
    /// Good records with a finding.
    pub false_alarms: Vec<String>,
    /// The widest stretch that a finding named for one damaged record of the growing files, bytes.
    pub widest: u64,
}

impl Campaign {
    /// Runs it. `progress` hears the rounds done.
    pub fn run(self, progress: &mut dyn FnMut(u64)) -> Outcome {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut out = Outcome::default();
        let mut good = Folder::default();
        let mut other = Folder::default();
        // Some deeds come to nothing, such as dropping a byte of an empty file.
        for round in 0..self.rounds.saturating_mul(8) {
            if out.rounds >= self.rounds {
                break;
            }
            // A new record now and then, closed or as a crash leaves it.
            if round % 25 == 0 {
                other = std::mem::take(&mut good);
                good = good_record(rng.random(), rng.random_range(3..25));
                if rng.random::<f64>() < 0.3 {
                    good.0.retain(|n, _| {
                        n != super::manifest::MANIFEST && n != super::manifest::SIGNATURE_FILE
                    });
                }
                out.good_checked += 1;
                let sealed = good.0.contains_key(super::manifest::MANIFEST);
                if let Ok(r) = verify(&good, &Asked::default())
                    && r.is_intact()
                    && r.end == End::Closed
                    && r.is_complete() == sealed
                {
                } else {
                    out.false_alarms
                        .push(format!("round {round}: a good record"));
                }
            }
            let mut hurt = good.clone();
            let Some((kind, deed)) = hurt_once(&mut rng, &mut hurt, &other) else {
                continue;
            };
            if hurt == good {
                continue;
            }
            out.rounds += 1;
            *out.by_kind.entry(kind.into()).or_default() += 1;
            let name = if deed.file.contains('/') || deed.file.starts_with("plan-") {
                deed.file.split(['/', '-']).next().unwrap_or("").to_owned()
            } else {
                deed.file.clone()
            };
            *out.by_file.entry(name).or_default() += 1;
            let words = format!("round {round}: {}", deed.words);
            match verify(&hurt, &Asked::default()) {
                Ok(r) if r.is_intact() && !r.is_complete() && is_end(&deed, kind, &good) => {
                    out.ends_not_claimed += 1;
                    // What the other side was told last betrays it.
                    let kept = good.0.get(CHAIN).and_then(|c| last_head(c));
                    let asked = Asked {
                        key: None,
                        kept: kept.into_iter().collect(),
                    };
                    let betrayed = verify(&hurt, &asked).is_ok_and(|r| placed(&r, &deed).is_some());
                    if deed.file == CHAIN && !betrayed {
                        out.betrayed_not.push(words);
                    }
                }
                Ok(r) if r.is_intact() => out.missed.push(words),
                Ok(r) => match placed(&r, &deed) {
                    Some(f) => {
                        if kind == "flip"
                            && matches!(deed.file.as_str(), "flight.tlog" | "events.jsonl")
                        {
                            out.widest = out.widest.max(f.len);
                        }
                    }
                    None => out
                        .misplaced
                        .push(format!("{words}: told {:?}", r.findings)),
                },
                // Without chain and manifest there is no record: said, not passed over.
                Err(_) if deed.file == CHAIN => {}
                Err(e) => out.missed.push(format!("{words}: {e}")),
            }
            progress(out.rounds);
        }
        out
    }
}

/// So many damaged records, each with what was done to it: for another verifier to judge.
#[must_use]
pub fn damaged(seed: u64, count: usize) -> Vec<(String, Folder)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let good = good_record(rng.random(), 12);
    let other = good_record(rng.random(), 12);
    let mut out = vec![("nothing".to_owned(), good.clone())];
    while out.len() <= count {
        let mut hurt = good.clone();
        if let Some((_, deed)) = hurt_once(&mut rng, &mut hurt, &other)
            && hurt != good
        {
            out.push((deed.words, hurt));
        }
    }
    out
}

/// Whether a deed took away the end of an unsealed chain, or the manifest: what an accident could have done too.
fn is_end(deed: &Deed, kind: &str, good: &Folder) -> bool {
    let sealed = good.0.contains_key(super::manifest::MANIFEST);
    match deed.file.as_str() {
        CHAIN => !sealed && matches!(kind, "truncate" | "drop bytes" | "drop a record"),
        super::manifest::MANIFEST => kind == "remove a file",
        _ => false,
    }
}

/// Bytes by which a place may be off: where what was dropped begins like what follows it (time stamps do), nobody can say
/// which of the two is gone.
const ALIKE: u64 = 8;

/// The finding that names the place of the deed.
fn placed<'a>(r: &'a Report, deed: &Deed) -> Option<&'a Finding> {
    if deed.file == CHAIN && deed.words.starts_with("exchange") {
        // A whole chain of another flight: that it and the folder do not belong together is all that can be known.
        return r.findings.first();
    }
    r.findings.iter().find(|f| {
        f.file == deed.file
            && f.offset <= deed.to + ALIKE
            && f.offset + f.len.max(1) + ALIKE >= deed.from
            // A segment, a record, or a file that is named whole.
            && (f.segment.is_some() || f.record.is_some() || matches!(f.kind, Kind::Missing | Kind::Inserted) || f.file.starts_with("manifest"))
    })
}

/// Records of a file as far as its shape tells, for damage by records.
fn boundaries(file: &str, b: &[u8]) -> Vec<usize> {
    let mut cuts = vec![0];
    match file {
        "flight.tlog" => {
            let mut at = 0;
            for (_, f) in link::tlog::Reader::new(b) {
                at += 8 + f.bytes().len();
                cuts.push(at);
            }
        }
        "events.jsonl" | "manifest.json" => {
            cuts.extend(
                b.iter()
                    .enumerate()
                    .filter(|(_, c)| **c == b'\n')
                    .map(|(i, _)| i + 1),
            );
        }
        CHAIN => {
            let mut at = 0;
            while let Some(len) = b
                .get(at + 4..at + 8)
                .and_then(|l| <[u8; 4]>::try_from(l).ok())
            {
                at += 40 + u32::from_le_bytes(len) as usize;
                cuts.push(at.min(b.len()));
            }
        }
        _ => cuts.extend((0..b.len()).step_by(512).skip(1)),
    }
    if cuts.last() != Some(&b.len()) {
        cuts.push(b.len());
    }
    cuts.dedup();
    cuts
}

fn hurt_once(rng: &mut ChaCha8Rng, f: &mut Folder, other: &Folder) -> Option<(&'static str, Deed)> {
    let sealed = f.0.contains_key(super::manifest::MANIFEST);
    // Beside a record without a manifest lie files that nothing covers, and the verifier says so.
    let names: Vec<String> =
        f.0.keys()
            .filter(|n| !n.ends_with(".rrd"))
            .filter(|n| sealed || !(n.starts_with("ground/") || *n == "summary.json"))
            .cloned()
            .collect();
    // The files that grow and the chain as often as all others together.
    let file = if rng.random::<f64>() < 0.6 {
        ["flight.tlog", "events.jsonl", CHAIN]
            .get(rng.random_range(0..3))?
            .to_string()
    } else {
        names.get(rng.random_range(0..names.len()))?.clone()
    };
    let mut b = f.0.get(&file)?.clone();
    let len = b.len();
    let cuts = boundaries(&file, &b);
    let records = cuts.len().saturating_sub(1);
    let pick = |rng: &mut ChaCha8Rng| -> Option<(usize, usize)> {
        let i = rng.random_range(0..records.max(1));
        Some((*cuts.get(i)?, *cuts.get(i + 1)?))
    };
    let what = rng.random_range(0..12);
    let (kind, from, to): (&str, usize, usize) = match what {
        0..=2 if len > 0 => {
            let at = rng.random_range(0..len);
            *b.get_mut(at)? ^= 1 << rng.random_range(0..8);
            ("flip", at, at)
        }
        3 if len > 0 => {
            let from = rng.random_range(0..len);
            let n = rng.random_range(1..=64.min(len - from));
            b.drain(from..from + n);
            ("drop bytes", from, from)
        }
        4 if len > 0 => {
            let (from, to) = pick(rng)?;
            b.drain(from..to);
            ("drop a record", from, from)
        }
        5 if records > 1 => {
            let (a, z) = (rng.random_range(0..records), rng.random_range(0..records));
            let (a, z) = (a.min(z), a.max(z));
            if a == z {
                return None;
            }
            let part = |i: usize| Some(b.get(*cuts.get(i)?..*cuts.get(i + 1)?)?.to_vec());
            let (one, two) = (part(a)?, part(z)?);
            if one == two {
                return None;
            }
            let (from, to) = (*cuts.get(a)?, *cuts.get(z + 1)?);
            let between = b.get(*cuts.get(a + 1)?..*cuts.get(z)?)?.to_vec();
            b.splice(from..to, two.into_iter().chain(between).chain(one));
            ("swap two records", from, to)
        }
        6 if len > 0 => {
            let at = rng.random_range(0..len);
            b.truncate(at);
            ("truncate", at, at)
        }
        7 => {
            let at = rng.random_range(0..=len);
            let mut more = vec![0; rng.random_range(1..200)];
            rng.fill_bytes(&mut more);
            let n = more.len();
            b.splice(at..at, more);
            ("insert bytes", at, at + n)
        }
        8 if len > 0 => {
            let (from, to) = pick(rng)?;
            let again = b.get(from..to)?.to_vec();
            let (at, _) = pick(rng)?;
            let n = again.len();
            b.splice(at..at, again);
            ("repeat a record", at, at + n)
        }
        9 => {
            // Exchanged for the same file of another flight of the same station.
            b = other.0.get(&file)?.clone();
            ("exchange a file", 0, len.max(b.len()))
        }
        10 => {
            f.0.remove(&file);
            let words = format!("{file} taken away");
            return Some((
                "remove a file",
                Deed {
                    words,
                    file,
                    from: 0,
                    to: 0,
                },
            ));
        }
        11 if sealed => {
            let file = format!("pictures/{:08x}.jpg", rng.random::<u32>());
            f.0.insert(file.clone(), b);
            let words = format!("{file} added");
            return Some((
                "add a file",
                Deed {
                    words,
                    file,
                    from: 0,
                    to: 0,
                },
            ));
        }
        _ => return None,
    };
    let words = format!("{kind} in {file} at {from}..{to} of {len}");
    f.0.insert(file.clone(), b);
    Some((
        kind,
        Deed {
            words,
            file,
            from: from as u64,
            to: to as u64,
        },
    ))
}
