//! The recorder on a disk that breaks: at every single call in turn, by a killed process, by a power cut that loses what
//! was not synced and tears what was half written, or by one refusal after which the disk works again.
//!
//! What must hold each time: everything that was acknowledged is there and signed, and the verifier raises no alarm.

use super::campaign::{Folder, Story, begin};
use super::verify::{Asked, End, verify};
use link::journal::{Disk, DiskError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// How it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaks {
    /// Never; to count the calls.
    Never,
    /// The process is killed: what was written stands, the call it died in is torn.
    Killed,
    /// The power is cut: of what was not synced an arbitrary part stands, or zeros.
    PowerCut,
    /// One call is refused, half done; later ones work.
    OneRefusal,
    /// From one call on, everything is refused until the end: a full disk.
    Full,
}

#[derive(Debug, Default)]
struct State {
    /// What a running system reads.
    files: BTreeMap<String, Vec<u8>>,
    /// How much of it is durable.
    durable: BTreeMap<String, usize>,
    calls: u64,
    dead: bool,
}

/// A disk that breaks at its call number `at`.
#[derive(Clone)]
pub struct BreakingDisk {
    state: Arc<Mutex<State>>,
    breaks: Breaks,
    at: u64,
    seed: u64,
}

impl BreakingDisk {
    /// Breaks as told at this call, counted from 0.
    #[must_use]
    pub fn new(breaks: Breaks, at: u64, seed: u64) -> Self {
        BreakingDisk {
            state: Arc::default(),
            breaks,
            at,
            seed,
        }
    }
    /// Calls made so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().map_or(0, |s| s.calls)
    }
    /// Whether it broke for good.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state.lock().is_ok_and(|s| s.dead)
    }

    /// What stands on it after the accident.
    #[must_use]
    pub fn after(&self) -> Folder {
        let Ok(s) = self.state.lock() else {
            return Folder::default();
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ self.at);
        let cut = self.breaks == Breaks::PowerCut && s.dead;
        Folder(
            s.files
                .iter()
                .map(|(name, bytes)| {
                    let mut bytes = bytes.clone();
                    let durable = s.durable.get(name).copied().unwrap_or(0).min(bytes.len());
                    if cut && bytes.len() > durable {
                        let stands = rng.random_range(durable..=bytes.len());
                        if rng.random::<f64>() < 0.3 {
                            // The length arrived, the data did not.
                            if let Some(rest) = bytes.get_mut(stands..) {
                                rest.fill(0);
                            }
                        } else {
                            bytes.truncate(stands);
                        }
                    }
                    (name.clone(), bytes)
                })
                .collect(),
        )
    }

    /// Does a call, or breaks in it. `whole` and `half` do it to the files.
    fn call(
        &self,
        file: &str,
        whole: impl FnOnce(&mut State),
        half: impl FnOnce(&mut State, &mut ChaCha8Rng),
    ) -> Result<(), DiskError> {
        let refused = || {
            Err(DiskError::Io {
                doing: "breaking at",
                file: file.to_owned(),
                detail: "the disk is gone".into(),
            })
        };
        let Ok(mut s) = self.state.lock() else {
            return refused();
        };
        let n = s.calls;
        s.calls += 1;
        if s.dead {
            return refused();
        }
        let breaks = match self.breaks {
            Breaks::Never => false,
            Breaks::Full => n >= self.at,
            _ => n == self.at,
        };
        if !breaks {
            whole(&mut s);
            return Ok(());
        }
        s.dead = matches!(self.breaks, Breaks::Killed | Breaks::PowerCut);
        half(&mut s, &mut ChaCha8Rng::seed_from_u64(self.seed ^ n));
        refused()
    }
}

impl Disk for BreakingDisk {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.call(
            file,
            |s| {
                s.files
                    .entry(file.into())
                    .or_default()
                    .extend_from_slice(bytes)
            },
            |s, rng| {
                let n = rng.random_range(0..=bytes.len());
                let part = bytes.get(..n).unwrap_or(&[]);
                s.files
                    .entry(file.into())
                    .or_default()
                    .extend_from_slice(part);
            },
        )
    }
    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        let sync = |s: &mut State| {
            let len = s.files.get(file).map_or(0, Vec::len);
            s.durable.insert(file.into(), len);
        };
        self.call(file, sync, |s, rng| {
            if rng.random::<bool>() {
                sync(s);
            }
        })
    }
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        let mut out = Vec::new();
        self.call(
            file,
            |s| out = s.files.get(file).cloned().unwrap_or_default(),
            |_, _| {},
        )?;
        Ok(out)
    }
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let replace = |s: &mut State| {
            s.files.insert(file.into(), bytes.to_vec());
            s.durable.insert(file.into(), bytes.len());
        };
        // Atomic: all of it or nothing, but the answer may be lost.
        self.call(file, replace, |s, rng| {
            if rng.random::<bool>() {
                replace(s);
            }
        })
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let cut = |s: &mut State| {
            if let Some(f) = s.files.get_mut(file) {
                f.truncate(len);
            }
            let durable = s.files.get(file).map_or(0, Vec::len);
            s.durable.insert(file.into(), durable);
        };
        self.call(file, cut, |s, rng| {
            if rng.random::<bool>() {
                cut(s);
            }
        })
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        let mut out = Vec::new();
        self.call(
            file_of_list(),
            |s| out = s.files.keys().cloned().collect(),
            |_, _| {},
        )?;
        Ok(out)
    }
}

fn file_of_list() -> &'static str {
    "."
}

/// What a campaign of accidents came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Accidents {
    /// Accidents.
    pub runs: u64,
    /// By how it broke.
    pub by_kind: BTreeMap<Breaks, u64>,
    /// Calls of the disk in a flight without an accident.
    pub calls: u64,
    /// Records that somebody was told are durable.
    pub acknowledged: u64,
    /// Of those, not there or not signed afterwards.
    pub lost: Vec<String>,
    /// Alarms of the verifier about an honest accident.
    pub false_alarms: Vec<String>,
    /// Records called complete that are not.
    pub false_claims: Vec<String>,
}

/// Breaks a flight of so many seconds at every call of its disk (or every `step`th), in every way, with `seeds` tears
/// each.
#[must_use]
pub fn every_call(seconds: u64, step: u64, seeds: u64) -> Accidents {
    let never = BreakingDisk::new(Breaks::Never, 0, 0);
    let mut out = Accidents::default();
    fly(&never, seconds, &mut out, "without an accident");
    out.calls = never.calls();
    for breaks in [
        Breaks::Killed,
        Breaks::PowerCut,
        Breaks::OneRefusal,
        Breaks::Full,
    ] {
        for at in (0..out.calls).step_by(usize::try_from(step.max(1)).unwrap_or(1)) {
            for seed in 0..seeds {
                let disk = BreakingDisk::new(breaks, at, seed);
                let words = format!("{breaks:?} at call {at} of {}, tear {seed}", out.calls);
                fly(&disk, seconds, &mut out, &words);
                out.runs += 1;
                *out.by_kind.entry(breaks).or_default() += 1;
            }
        }
    }
    out
}

/// One flight on this disk, and what must hold after it.
fn fly(disk: &BreakingDisk, seconds: u64, out: &mut Accidents, words: &str) {
    let Some(mut r) = begin(Box::new(disk.clone()), [3; 16]) else {
        // Nothing was begun, so nothing was acknowledged.
        return;
    };
    let mut story = Story::new(5);
    // Counts of frames, lines and pictures that were acknowledged.
    let mut acked = [0u64; 3];
    for n in 0..seconds * 10 {
        if disk.is_dead() {
            break;
        }
        story.tenth(n, &mut |e| r.take(e));
        // An officer's click now and then: he is answered when it is durable.
        if n % 7 == 3 && r.commit() {
            acked = story.counts();
        }
    }
    let mut finished = false;
    if !disk.is_dead() {
        finished = r.finish().is_ok() && !disk.is_dead();
        if finished && disk.breaks == Breaks::Never {
            acked = story.counts();
        }
    }
    out.acknowledged += acked.iter().sum::<u64>();
    let folder = disk.after();
    let report = match verify(&folder, &Asked::default()) {
        Ok(r) => r,
        Err(e) => {
            if acked.iter().any(|n| *n > 0) {
                out.lost.push(format!("{words}: {e}"));
            }
            return;
        }
    };
    if !report.is_intact() {
        out.false_alarms
            .push(format!("{words}: {:?}", report.findings));
    }
    if report.end == End::Closed && report.is_intact() && !finished && report.files == 0 {
        out.false_claims.push(words.to_owned());
    }
    if report.is_complete()
        && report.lost == 0
        && signed_records(&folder) != story_total(&story, &folder)
    {
        out.false_claims.push(words.to_owned());
    }
    let [frames, lines, pictures] = signed_records(&folder);
    let [acked_frames, acked_lines, acked_pictures] = acked;
    if frames < acked_frames || lines < acked_lines || pictures < acked_pictures {
        out.lost.push(format!(
            "{words}: {acked:?} acknowledged, {:?} signed",
            [frames, lines, pictures]
        ));
    }
}

/// Frames, lines and pictures that the chain covers and that are in the folder as it says (the verifier raised no alarm).
fn signed_records(folder: &Folder) -> [u64; 3] {
    let entries =
        super::verify::entries_of(folder.0.get(super::chain::CHAIN).map_or(&[], Vec::as_slice));
    let of = |file: &str| {
        entries
            .iter()
            .flat_map(|e| &e.spans)
            .filter(|s| s.file == file)
            .map(|s| s.records)
            .sum()
    };
    let pictures = entries
        .iter()
        .flat_map(|e| &e.whole)
        .filter(|w| w.file.starts_with("pictures/") && folder.0.contains_key(&w.file))
        .count() as u64;
    [of("flight.tlog"), of("events.jsonl"), pictures]
}

/// Everything the story told, but pictures that the disk refused: the recorder said so.
fn story_total(story: &Story, folder: &Folder) -> [u64; 3] {
    let [frames, lines, _] = story.counts();
    let [.., pictures] = signed_records(folder);
    [frames, lines, pictures]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slice; all calls and more tears are `bench-record`.
    #[test]
    fn whatever_call_of_the_disk_breaks_nothing_acknowledged_is_lost() {
        let a = every_call(6, 3, 2);
        assert_eq!(a.lost, Vec::<String>::new());
        assert_eq!(a.false_alarms, Vec::<String>::new());
        assert_eq!(a.false_claims, Vec::<String>::new());
        assert!(a.runs > 100 && a.acknowledged > 10_000, "{a:?}");
    }
}
