//! The recorder beside a flight: on a thread of its own behind a bounded queue. Whoever records never waits.

use super::{Entry, Recorder, RecorderSetup};
use crate::evidence::chain::Head;
use anyhow::Context;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Things that may wait for the disk: at 300 frames a second, some 25 s.
const QUEUE: usize = 8_192;
/// A segment of the chain is at most this long by the real clock.
const SEGMENT: Duration = Duration::from_millis(900);
/// Things taken before those who wait are answered: a flood must not keep them waiting.
const GROUP: usize = 512;

/// Called on the recorder's thread: whether everything queued before is durable.
type Done = Box<dyn FnOnce(bool) + Send>;

enum Work {
    Take(Entry),
    Commit(Done),
}

/// A recorder on its own thread.
pub struct Live {
    queue: SyncSender<Work>,
    thread: JoinHandle<anyhow::Result<Vec<String>>>,
    flight: String,
    head: Arc<Mutex<Option<Head>>>,
    lost: u64,
}

impl Live {
    /// Starts it. `trouble` is called on its thread, once for each file that fails.
    ///
    /// # Errors
    /// As [`Recorder::create`].
    pub fn start(
        setup: RecorderSetup,
        trouble: impl FnMut(String) + Send + 'static,
    ) -> anyhow::Result<Live> {
        let recorder = Recorder::create(setup)?;
        let flight = recorder.flight().to_owned();
        let head = Arc::new(Mutex::new(None));
        let (queue, work) = sync_channel(QUEUE);
        let tell_head = Arc::clone(&head);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || run(recorder, &work, &tell_head, trouble))
            .context("starting the recorder's thread")?;
        Ok(Live {
            queue,
            thread,
            flight,
            head,
            lost: 0,
        })
    }

    /// Identity of the flight in its chain, hex.
    #[must_use]
    pub fn flight(&self) -> &str {
        &self.flight
    }
    /// The newest head of the chain that is durable.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head.lock().ok().and_then(|h| *h)
    }

    /// Queues one thing. Words, the first time that the queue is full: the disk is too slow and this is lost.
    pub fn take(&mut self, entry: Entry) -> Option<String> {
        if self.queue.try_send(Work::Take(entry)).is_ok() {
            return None;
        }
        self.lost += 1;
        (self.lost == 1).then(|| "the disk is too slow: parts of the recording are lost".to_owned())
    }

    /// Calls `done` once everything queued so far is on durable storage and signed, or with `false` when it will not be.
    /// Many who ask at once share one visit to the disk.
    pub fn commit(&self, done: impl FnOnce(bool) + Send + 'static) {
        match self.queue.try_send(Work::Commit(Box::new(done))) {
            Ok(()) => {}
            Err(TrySendError::Full(w) | TrySendError::Disconnected(w)) => {
                if let Work::Commit(done) = w {
                    done(false);
                }
            }
        }
    }

    /// Closes the record. What went wrong, in plain words.
    ///
    /// # Errors
    /// When the files could not be finished.
    pub fn finish(self) -> anyhow::Result<Vec<String>> {
        let Live {
            queue,
            thread,
            lost,
            ..
        } = self;
        drop(queue);
        let mut troubles = match thread.join() {
            Ok(result) => result?,
            Err(_) => anyhow::bail!("the recorder's thread broke off"),
        };
        if lost > 0 {
            troubles.push(format!("{lost} things were lost before the disk"));
        }
        Ok(troubles)
    }
}

fn run(
    mut recorder: Recorder,
    work: &Receiver<Work>,
    head: &Mutex<Option<Head>>,
    mut trouble: impl FnMut(String),
) -> anyhow::Result<Vec<String>> {
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
        let mut waiting: Vec<Done> = Vec::new();
        for _ in 0..GROUP {
            match next {
                Some(Work::Take(entry)) => recorder.take(entry),
                Some(Work::Commit(done)) => waiting.push(done),
                None => break,
            }
            next = work.try_recv().ok();
        }
        match next {
            Some(Work::Take(entry)) => recorder.take(entry),
            Some(Work::Commit(done)) => waiting.push(done),
            None => {}
        }
        if !waiting.is_empty() || now().duration_since(cut) >= SEGMENT {
            let durable = recorder.commit();
            cut = now();
            for done in waiting {
                done(durable);
            }
            if durable && let Ok(mut h) = head.lock() {
                *h = recorder.head();
            }
        }
        while let Some(words) = recorder.next_trouble() {
            trouble(words);
        }
    }
    recorder.finish()
}
