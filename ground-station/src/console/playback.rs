//! The task that owns a recording and plays it to the page. Sends nothing to any aircraft: there is no line here.

use super::http::{ASKS, Ask, Shown};
use super::hub::Hub;
use super::{BATCH_AT_LEAST, BATCH_EVERY, Entrance, Front, Ready, ReplaySetup};
use crate::desk::{Answer, Intent, Reason};
use crate::record::{CHAIN, PICTURES, open, stream_to_viewer};
use crate::replay::{Change, Player, Recording};
use anyhow::Context;
use link_io::{Clock, LineEvent};
use missions::time::Mono;
use std::collections::VecDeque;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// Where the replay stands goes to the pages this often while it plays.
const STATUS_EVERY: Duration = Duration::from_millis(250);
/// Answers remembered, so that a repeated key does nothing twice.
const MAX_KEYS: usize = 512;

/// Serves until `stop`.
pub(super) async fn replay_until(
    setup: ReplaySetup,
    ready: impl FnOnce(Ready) + Send,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    // Whoever can start this can read the folder: a login would keep nobody from it.
    let entrance = Entrance::Open {
        officer: "replay".into(),
    };
    let front = Front::open(setup.http, entrance, None, Vec::new()).await?;
    let (dir, files) = open(&setup.dir)?;
    if let Some(url) = setup.rerun {
        let (files, dir) = (files.clone(), dir.clone());
        std::thread::Builder::new()
            .name("rerun-replay".into())
            .spawn(move || {
                if let Err(e) = stream_to_viewer(&url, &files, &dir) {
                    tracing::warn!("Rerun: {e:#}");
                }
            })
            .context("starting the viewer's thread")?;
    }
    let recording = Recording::new(files.tlog, &files.events)?;
    let (bad_lines, bad_bytes) = recording.damaged();
    if bad_lines + bad_bytes > 0 {
        tracing::warn!(
            "the recording is damaged: {bad_lines} lines and {bad_bytes} bytes were skipped"
        );
    }
    let (hub, batches, previews) = Hub::new(None);
    let (asks, mut asked) = mpsc::channel(ASKS);
    let shown = Shown {
        mode: "replay",
        lang: setup.lang,
        pictures: (dir.join(PICTURES), ""),
        refly: setup.refly.map(|with| (setup.dir.clone(), with)),
    };
    let (server, said) = front.serve(shown, asks, batches, previews);
    let clock = Clock::start();
    let mut player = Player::new(recording, setup.speed);
    let live = setup.mavlink.map(|line| {
        // Whoever listens wants to hear something.
        player.command(&Intent::Replay {
            op: "play".into(),
            value: 0.0,
        });
        let (send, recv) = mpsc::channel(link_io::QUEUE);
        let (events, mut heard) = mpsc::channel::<LineEvent<()>>(ASKS);
        tokio::spawn(link_io::serve((), line, events, recv));
        tokio::spawn(async move {
            // What others ask of a recording is not heard: it can be ordered nothing.
            while let Some(said) = heard.recv().await {
                if let LineEvent::Trouble((), what) = said {
                    tracing::warn!("--mavlink: {what}");
                }
            }
        });
        send
    });
    let mut task = Task {
        dir,
        player,
        live,
        hub,
        keys: VecDeque::new(),
        at: clock.now().mono,
        batched: Mono::ZERO,
        said: Mono::ZERO,
    };
    task.previews();
    ready(said);
    let mut stop = std::pin::pin!(stop);
    loop {
        let pause = if task.player.playing() {
            BATCH_EVERY
        } else {
            BATCH_AT_LEAST
        };
        let wait = task.batched.after(pause).since(clock.now().mono);
        tokio::select! {
            () = &mut stop => break,
            got = asked.recv() => match got {
                Some(ask) => {
                    task.pass(clock.now().mono);
                    task.ask(ask);
                }
                None => break,
            },
            () = tokio::time::sleep(wait) => {
                let now = clock.now().mono;
                task.pass(now);
                task.show(now);
            }
        }
    }
    let Task { hub, .. } = task;
    drop(hub);
    server.stop().await;
    Ok(())
}

struct Task {
    /// Of the recording.
    dir: PathBuf,
    player: Player,
    /// Where the recorded aircraft is heard as if it flew.
    live: Option<mpsc::Sender<Vec<u8>>>,
    hub: Hub,
    keys: VecDeque<(String, Answer)>,
    /// Up to where real time was told to the player.
    at: Mono,
    batched: Mono,
    said: Mono,
}

impl Task {
    /// Real time passes.
    fn pass(&mut self, now: Mono) {
        let passed = now.since(self.at);
        self.at = now;
        let changes = self.player.advance(passed);
        if let Some(line) = &self.live {
            while let Some(frame) = self.player.hand_on() {
                // A slow listener loses frames, as on a radio.
                let _ = line.try_send(frame);
            }
        }
        self.tell(changes);
    }

    fn show(&mut self, now: Mono) {
        self.batched = now;
        self.hub.batch(self.player.batch());
        if self.player.playing() && now.since(self.said) >= STATUS_EVERY {
            self.said = now;
            self.hub.tell(self.player.status_message());
        }
    }

    fn tell(&mut self, changes: Vec<Change>) {
        if changes.contains(&Change::All) {
            // The snapshot holds the rest; no older batch may follow it.
            self.hub.batch(self.player.batch());
            self.hub.tell(self.player.snapshot());
            self.previews();
            return;
        }
        for c in changes {
            match c {
                Change::Message(m) => self.hub.tell(m),
                Change::Preview(id) => self.preview(id),
                Change::All => {}
            }
        }
    }

    fn preview(&self, id: u8) {
        self.hub
            .preview(id, self.player.preview(id).map(<[u8]>::to_vec));
    }

    fn previews(&self) {
        for a in self.player.aircraft() {
            self.preview(a.id);
        }
    }

    fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Step { reply, .. } => {
                let _ = reply.send((Answer::no(Reason::new("desk.replay_only")), None));
            }
            Ask::Cases { asked, reply } => {
                let _ = reply.send(asked.answer(self.player.incidents()));
            }
            Ask::Record { reply } => {
                let there = self.dir.join(CHAIN).is_file();
                let dir = there.then(|| self.dir.clone());
                let _ = reply.send(dir.ok_or_else(|| Reason::new("report.no_record")));
            }
            Ask::Command {
                key, intent, reply, ..
            } => {
                let known = self.keys.iter().find(|(k, _)| *k == key);
                let answer = match known {
                    Some((_, a)) => a.clone(),
                    None => {
                        let (answer, changes) = self.player.command(&intent);
                        // The page's clock is the batch's: it must stand where the answer says, at once.
                        self.hub.batch(self.player.batch());
                        self.tell(changes);
                        if self.keys.len() >= MAX_KEYS {
                            self.keys.pop_front();
                        }
                        self.keys.push_back((key, answer.clone()));
                        answer
                    }
                };
                let _ = reply.send(answer);
            }
            Ask::Plan { reply, .. } => {
                let _ = reply.send(Answer::no(Reason::new("desk.replay_only")));
            }
            Ask::Basis { reply } => {
                let _ = reply.send(None);
            }
            // A replay is not recorded.
            Ask::Access(_) => {}
            Ask::Join { sits, reply } => {
                let joined = self.hub.join(self.player.snapshot(), sits);
                let _ = reply.send(joined);
            }
        }
    }
}
