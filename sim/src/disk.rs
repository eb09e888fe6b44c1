//! A disk that fails as it is told: full, broken, not syncing; or stopped at its n-th call, as a killed process leaves it
//! or as a power cut does.
//!
//! A killed process leaves everything written so far, the last write perhaps in part. A power cut leaves what was synced,
//! and of what was written since any part: sectors are dropped, torn or filled with other bytes, later ones may have
//! reached the platter before earlier ones. A replaced file is old or new as a whole (written aside, synced, renamed).

use link::journal::{Disk, DiskError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is written or lost as one.
const SECTOR: usize = 512;

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process is killed: the operating system keeps what was written.
    Killed,
    /// The power is cut.
    PowerCut,
}

/// What is wrong with a disk that goes on working.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskTrouble {
    /// Nothing.
    #[default]
    Well,
    /// Every call that writes says that there is no space left.
    Full,
    /// Every call that writes says EIO.
    Io,
    /// Bytes are written, and fsync says EIO.
    SyncFails,
}

#[derive(Clone, Debug, Default)]
struct File {
    /// As the process sees it.
    seen: Vec<u8>,
    /// So much of it, from its beginning, is safe from power cuts: files grow at their end only, and are cut or replaced
    /// as a whole durably.
    durable: usize,
}

#[derive(Clone, Debug)]
struct Inner {
    files: BTreeMap<String, File>,
    calls: u64,
    stop_at: Option<(u64, End)>,
    stopped: bool,
    trouble: DiskTrouble,
    rng: ChaCha8Rng,
}

/// A handle to the disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct FaultDisk(Arc<Mutex<Inner>>);

impl FaultDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        FaultDisk(Arc::new(Mutex::new(Inner {
            files: BTreeMap::new(),
            calls: 0,
            stop_at: None,
            stopped: false,
            trouble: DiskTrouble::Well,
            rng: ChaCha8Rng::seed_from_u64(seed),
        })))
    }
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Calls that change something, so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.inner().calls
    }
    /// The n-th call from now on (1 is the next) is the last one.
    pub fn stop_at(&self, n: u64, end: End) {
        let mut d = self.inner();
        d.stop_at = Some((d.calls + n, end));
    }
    /// Whether the end has come: nothing the process does now happened.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.inner().stopped
    }
    /// The end comes now, between two calls.
    pub fn end_now(&self, end: End) {
        self.inner().end(end);
    }
    /// From now on this is wrong with it.
    pub fn set_trouble(&self, trouble: DiskTrouble) {
        self.inner().trouble = trouble;
    }
    /// Another disk that holds the same; what breaks on it from now on follows from `seed`.
    #[must_use]
    pub fn fork(&self, seed: u64) -> FaultDisk {
        let mut inner = self.inner().clone();
        inner.rng = ChaCha8Rng::seed_from_u64(seed);
        FaultDisk(Arc::new(Mutex::new(inner)))
    }
    /// Writes a file past the process: what a key tool, a worn-out cell or a torn sector leaves there.
    pub fn put(&self, file: &str, bytes: &[u8]) {
        let whole = File {
            durable: bytes.len(),
            seen: bytes.to_vec(),
        };
        self.inner().files.insert(file.to_owned(), whole);
    }
    /// The machine is on again.
    pub fn restart(&self) {
        let mut d = self.inner();
        d.stopped = false;
        d.stop_at = None;
    }
}

impl Inner {
    /// Counts a call. `Some(how)`: it is the last one.
    fn ends(&mut self) -> Option<End> {
        self.calls += 1;
        match self.stop_at {
            Some((n, end)) if self.calls >= n => Some(end),
            _ => None,
        }
    }

    fn end(&mut self, end: End) {
        self.stopped = true;
        self.stop_at = None;
        for f in self.files.values_mut() {
            if end == End::PowerCut {
                let kept = f.seen.len().min(f.durable);
                let news = f.seen.get(kept..).unwrap_or(&[]).to_vec();
                // The file's length may have reached the disk without its bytes.
                let len = self.rng.random_range(0..=news.len());
                let mut left = std::mem::take(&mut f.seen);
                left.truncate(kept);
                for sector in news.get(..len).unwrap_or(&[]).chunks(SECTOR) {
                    match self.rng.random_range(0..4u8) {
                        0 => left.extend(std::iter::repeat_n(0, sector.len())),
                        1 => {
                            let torn = self.rng.random_range(0..=sector.len());
                            left.extend_from_slice(sector.get(..torn).unwrap_or(sector));
                            left.extend((torn..sector.len()).map(|i| (i * 37) as u8));
                        }
                        _ => left.extend_from_slice(sector),
                    }
                }
                f.seen = left;
            }
            f.durable = f.seen.len();
        }
    }

    /// What a disk in trouble says to a call that writes.
    fn troubled(&self, doing: &'static str, file: &str) -> Result<(), DiskError> {
        match self.trouble {
            DiskTrouble::Full if doing != "syncing" => Err(DiskError::Full {
                doing,
                file: file.to_owned(),
            }),
            DiskTrouble::Io => Err(Self::eio(doing, file)),
            DiskTrouble::SyncFails if matches!(doing, "syncing" | "replacing") => {
                Err(Self::eio(doing, file))
            }
            _ => Ok(()),
        }
    }

    fn eio(doing: &'static str, file: &str) -> DiskError {
        DiskError::Io {
            doing,
            file: file.to_owned(),
            detail: "input/output error".into(),
        }
    }

    fn gone(doing: &'static str, file: &str) -> DiskError {
        DiskError::Io {
            doing,
            file: file.to_owned(),
            detail: "the machine is off".into(),
        }
    }
}

impl Disk for FaultDisk {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let mut d = self.inner();
        if d.stopped {
            return Err(Inner::gone("writing", file));
        }
        d.troubled("writing", file)?;
        let end = d.ends();
        // Killed within: a part of it was written.
        let len = match end {
            Some(_) => d.rng.random_range(0..=bytes.len()),
            None => bytes.len(),
        };
        let part = bytes.get(..len).unwrap_or(bytes);
        d.files
            .entry(file.to_owned())
            .or_default()
            .seen
            .extend_from_slice(part);
        if let Some(end) = end {
            d.end(end);
            return Err(Inner::gone("writing", file));
        }
        Ok(())
    }
    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        let mut d = self.inner();
        if d.stopped {
            return Err(Inner::gone("syncing", file));
        }
        d.troubled("syncing", file)?;
        if let Some(end) = d.ends() {
            d.end(end);
            return Err(Inner::gone("syncing", file));
        }
        if let Some(f) = d.files.get_mut(file) {
            f.durable = f.seen.len();
        }
        Ok(())
    }
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        let d = self.inner();
        if d.stopped {
            return Err(Inner::gone("reading", file));
        }
        Ok(d.files
            .get(file)
            .map(|f| f.seen.clone())
            .unwrap_or_default())
    }
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let mut d = self.inner();
        if d.stopped {
            return Err(Inner::gone("replacing", file));
        }
        d.troubled("replacing", file)?;
        let end = d.ends();
        let renamed = end.is_none() || d.rng.random::<bool>();
        if renamed {
            d.files.insert(
                file.to_owned(),
                File {
                    durable: bytes.len(),
                    seen: bytes.to_vec(),
                },
            );
        }
        match end {
            Some(end) => {
                d.end(end);
                Err(Inner::gone("replacing", file))
            }
            None => Ok(()),
        }
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        let mut d = self.inner();
        if d.stopped {
            return Err(Inner::gone("cutting", file));
        }
        d.troubled("cutting", file)?;
        let end = d.ends();
        let cut = end.is_none() || d.rng.random::<bool>();
        if cut && let Some(f) = d.files.get_mut(file) {
            f.seen.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            f.durable = f.seen.len();
        }
        match end {
            Some(end) => {
                d.end(end);
                Err(Inner::gone("cutting", file))
            }
            None => Ok(()),
        }
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        let d = self.inner();
        if d.stopped {
            return Err(Inner::gone("listing", "."));
        }
        Ok(d.files.keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_cut_keeps_what_was_synced_and_not_all_of_the_rest() {
        let mut lost = 0;
        for seed in 0..50 {
            let mut d = FaultDisk::new(seed);
            d.append("a", b"safe").unwrap();
            d.sync("a").unwrap();
            d.append("a", &[7; 3_000]).unwrap();
            d.stop_at(1, End::PowerCut);
            assert!(d.append("b", b"x").is_err() && d.stopped());
            assert!(d.read("a").is_err());
            d.restart();
            let a = d.read("a").unwrap();
            assert_eq!(&a[..4], b"safe");
            lost += usize::from(a != [b"safe".as_slice(), &[7; 3_000]].concat());
        }
        assert!(lost > 40, "{lost}");
    }

    #[test]
    fn a_disk_in_trouble_says_so_and_works_again_afterwards() {
        let mut d = FaultDisk::new(1);
        d.append("a", b"one").unwrap();
        d.set_trouble(DiskTrouble::Full);
        assert!(matches!(d.append("a", b"two"), Err(DiskError::Full { .. })));
        d.set_trouble(DiskTrouble::SyncFails);
        d.append("a", b"two").unwrap();
        assert!(d.sync("a").is_err() && d.replace("b", b"x").is_err());
        d.set_trouble(DiskTrouble::Io);
        assert!(d.append("a", b"three").is_err());
        d.set_trouble(DiskTrouble::Well);
        let mut fork = d.fork(2);
        fork.append("a", b"more").unwrap();
        assert_eq!(d.read("a").unwrap(), b"onetwo");
        assert_eq!(fork.read("a").unwrap(), b"onetwomore");
    }

    #[test]
    fn a_killed_process_leaves_what_it_wrote() {
        let mut d = FaultDisk::new(1);
        d.append("a", b"one").unwrap();
        d.stop_at(1, End::Killed);
        assert!(d.replace("b", b"new").is_err());
        d.restart();
        assert_eq!(d.read("a").unwrap(), b"one");
        let b = d.read("b").unwrap();
        assert!(b.is_empty() || b == b"new");
    }
}
