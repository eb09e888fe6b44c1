//! The companion's own log in real time: a thread of its own behind a bounded queue. The core never waits for it.

use super::run::Event;
use crate::Logged;
use crate::record::{AboardSetup, Note, Recorder};
use anyhow::Context;
use link::journal::{Disk, DiskError};
use link::record::key::{Signer, from_hex};
use link_io::{Folder, Syncing};
use missions::plan::hex;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Notes that may wait for the disk: at a thousand a second, eight seconds.
const QUEUE: usize = 8_192;
/// A segment of the chain is at most this long.
const SEGMENT: Duration = Duration::from_millis(900);
/// Notes taken before the clock is looked at.
const GROUP: usize = 512;
/// Folder of the logs, in the store.
const LOGS: &str = "log";
/// The aircraft's key for them, in the store: 64 hexadecimal digits.
pub(super) const KEY_FILE: &str = "record.key";
/// Logs in a store at most.
const MAX_LOGS: u32 = 1_000_000;

/// The queue to the thread.
pub struct Log {
    queue: Option<SyncSender<(u64, Note)>>,
    thread: Option<JoinHandle<()>>,
    flight: String,
    /// Notes that found no room since the last that did.
    lost: u64,
}

impl Log {
    /// Begins a log in a new folder of the store.
    ///
    /// # Errors
    /// When it cannot be begun: the companion flies without, and says so.
    pub fn begin(
        store: &Path,
        key_file: &Path,
        most_mb: u32,
        events: mpsc::Sender<Event>,
    ) -> anyhow::Result<(Log, PathBuf)> {
        let signer = key(key_file)?;
        let logs = store.join(LOGS);
        let taken = bytes_below(&logs);
        let most = u64::from(most_mb) * 1_000_000;
        let dir = fresh(&logs)?;
        let folder = Capped {
            folder: Folder::open(&dir, Syncing::Always)?,
            left: most.saturating_sub(taken),
        };
        let setup = AboardSetup {
            signer,
            flight: random()?,
        };
        let recorder = Recorder::begin(Box::new(folder), setup)
            .with_context(|| format!("beginning the log {}", dir.display()))?;
        let flight = recorder.flight().to_owned();
        let (queue, work) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || run(recorder, &work, &events))
            .context("starting the log's thread")?;
        let log = Log {
            queue: Some(queue),
            thread: Some(thread),
            flight,
            lost: 0,
        };
        Ok((log, dir))
    }

    /// Identity of the log, hex.
    #[must_use]
    pub fn flight(&self) -> &str {
        &self.flight
    }

    /// Takes a note, or counts it as lost.
    pub fn take(&mut self, note: Note) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send((self.lost, note)).is_ok() {
            self.lost = 0;
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Closes the log; waits for the disk, on the ground and at the end.
    pub fn finish(mut self) {
        self.queue = None;
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
    }
}

fn run(mut recorder: Recorder, work: &Receiver<(u64, Note)>, events: &mpsc::Sender<Event>) {
    #[allow(clippy::disallowed_methods, reason = "a shell owns the clock")]
    let now = Instant::now;
    let mut cut = now();
    loop {
        let left = SEGMENT.saturating_sub(now().duration_since(cut));
        let mut next = match work.recv_timeout(left) {
            Ok(w) => Some(w),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for _ in 0..GROUP {
            let Some((lost, note)) = next else { break };
            recorder.lost(lost);
            recorder.take(note);
            next = work.try_recv().ok();
        }
        if let Some((lost, note)) = next {
            recorder.lost(lost);
            recorder.take(note);
        }
        if now().duration_since(cut) >= SEGMENT {
            let durable = recorder.commit();
            cut = now();
            let told = Logged {
                head: recorder.head().filter(|_| durable),
                kept: recorder
                    .take_heads()
                    .into_iter()
                    .map(|(station, offer)| (station, offer, durable))
                    .collect(),
                trouble: recorder.next_trouble(),
            };
            // A core with a full inbox hears it a second later.
            let _ = events.try_send(Event::Logged(told));
        }
    }
    if let Err(e) = recorder.finish() {
        tracing::warn!("the flight log was not closed: {e}");
    }
}

/// A folder that takes no more than it is given: the rest of the disk is for anomalies.
struct Capped {
    folder: Folder,
    left: u64,
}

impl Capped {
    fn take(&mut self, file: &str, len: usize) -> Result<(), DiskError> {
        match self.left.checked_sub(len as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(DiskError::Full {
                doing: "writing (settings.log_most_mb is reached)",
                file: file.to_owned(),
            }),
        }
    }
}

impl Disk for Capped {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.take(file, bytes.len())?;
        self.folder.append(file, bytes)
    }
    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.folder.sync(file)
    }
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        self.folder.read(file)
    }
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.take(file, bytes.len())?;
        self.folder.replace(file, bytes)
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.folder.truncate(file, len)
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        self.folder.list()
    }
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut f| f.read_exact(&mut bytes))
        .context("the system gives no random bytes")?;
    Ok(bytes)
}

/// The aircraft's own key; made at the first start, for its owner alone. Its fingerprint is said, to be written down.
fn key(path: &Path) -> anyhow::Result<Signer> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let seed = from_hex(text.trim())
                .and_then(|b| <[u8; 32]>::try_from(b).ok())
                .with_context(|| {
                    format!(
                        "{} is damaged: 64 hexadecimal digits are expected",
                        path.display()
                    )
                })?;
            Ok(Signer::from_seed(&seed))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let signer = Signer::from_seed(&random()?);
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options
                .open(path)
                .and_then(|mut f| {
                    f.write_all(hex(&signer.seed()).as_bytes())?;
                    f.sync_all()
                })
                .with_context(|| format!("making {}", path.display()))?;
            tracing::info!(
                "the flight log's key was made: fingerprint {}",
                signer.public().fingerprint()
            );
            Ok(signer)
        }
        Err(e) => Err(e).with_context(|| format!("reading {}", path.display())),
    }
}

/// The next number that no folder has.
fn fresh(logs: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(logs).with_context(|| format!("making {}", logs.display()))?;
    let last = std::fs::read_dir(logs)?
        .filter_map(Result::ok)
        .filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .unwrap_or(0);
    for n in last.saturating_add(1)..MAX_LOGS {
        let dir = logs.join(format!("{n:06}"));
        match std::fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e).with_context(|| format!("making {}", dir.display())),
        }
    }
    anyhow::bail!("{} is full of logs", logs.display())
}

/// Bytes of all files below a folder; 0 when there is none.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(read) = std::fs::read_dir(dir) else {
        return 0;
    };
    read.filter_map(Result::ok)
        .map(|e| match e.metadata() {
            Ok(m) if m.is_dir() => bytes_below(&e.path()),
            Ok(m) => m.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::What;
    use missions::time::{Mono, Utc};

    #[test]
    fn logs_take_no_more_than_they_are_given_and_never_a_used_folder() {
        let store = tempfile::tempdir().unwrap();
        let key = store.path().join(KEY_FILE);
        let (events, mut heard) = mpsc::channel(64);
        let mut used = std::collections::BTreeSet::new();
        // The second has what the first left, which may be too little to begin with.
        for most_mb in [1, 1, 3] {
            if let Ok((mut log, dir)) = Log::begin(store.path(), &key, most_mb, events.clone()) {
                assert!(used.insert(dir));
                for n in 0..2_000u64 {
                    log.take(Note {
                        mono: Mono(n * 10_000),
                        utc: Utc(1),
                        what: What::ToAutopilot(vec![0; 1_000]),
                    });
                }
                log.finish();
            }
            let all = bytes_below(&store.path().join(LOGS));
            assert!(
                all <= u64::from(most_mb) * 1_000_000,
                "{all} of {most_mb} MB"
            );
        }
        assert!(bytes_below(&store.path().join(LOGS)) > 1_000_000);
        assert!(used.len() >= 2);
        assert_eq!(std::fs::read(&key).unwrap().len(), 64, "one key for all");
        while let Ok(Event::Logged(l)) = heard.try_recv() {
            assert!(l.kept.is_empty());
        }
    }
}
