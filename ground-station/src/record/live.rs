//! The recorder beside a flight: on a thread of its own behind a bounded queue. Whoever records never waits.

use super::{Entry, Recorder, RecorderSetup};
use anyhow::Context;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Things that may wait for the disk: at 300 frames a second, some 25 s.
const QUEUE: usize = 8_192;
/// Everything is made durable this often.
const SYNC_EVERY: Duration = Duration::from_secs(2);

/// A recorder on its own thread.
pub struct Live {
    queue: SyncSender<Entry>,
    thread: JoinHandle<anyhow::Result<Vec<String>>>,
    lost: u64,
}

impl Live {
    /// Starts it. `trouble` is called on its thread, once for each file that fails.
    ///
    /// # Errors
    /// As [`Recorder::create`].
    pub fn start(
        setup: RecorderSetup,
        mut trouble: impl FnMut(String) + Send + 'static,
    ) -> anyhow::Result<Live> {
        let mut recorder = Recorder::create(setup)?;
        let (queue, entries) = sync_channel::<Entry>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || {
                #[allow(clippy::disallowed_methods, reason = "a shell owns the clock")]
                let now = Instant::now;
                let mut synced = now();
                loop {
                    match entries.recv_timeout(SYNC_EVERY) {
                        Ok(entry) => recorder.take(entry),
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                    if now().duration_since(synced) >= SYNC_EVERY {
                        recorder.sync();
                        synced = now();
                    }
                    while let Some(words) = recorder.next_trouble() {
                        trouble(words);
                    }
                }
                recorder.finish()
            })
            .context("starting the recorder's thread")?;
        Ok(Live {
            queue,
            thread,
            lost: 0,
        })
    }

    /// Queues one thing. Words, the first time that the queue is full: the disk is too slow and this is lost.
    pub fn take(&mut self, entry: Entry) -> Option<String> {
        if self.queue.try_send(entry).is_ok() {
            return None;
        }
        self.lost += 1;
        (self.lost == 1).then(|| "the disk is too slow: parts of the recording are lost".to_owned())
    }

    /// Makes everything durable. What went wrong, in plain words.
    ///
    /// # Errors
    /// When the files could not be finished.
    pub fn finish(self) -> anyhow::Result<Vec<String>> {
        let Live {
            queue,
            thread,
            lost,
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
