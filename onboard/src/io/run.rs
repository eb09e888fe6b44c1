//! The companion in real time: the core in one task, a task a line, the eyes in a process of their own.

use super::eyes;
use super::log::{KEY_FILE, Log};
use crate::config::Config;
use crate::eyes::schema::Up;
use crate::{EyesProcess, Input, LogLevel, Logged, Onboard, Output, Port};
use anyhow::Context;
use link_io::{Clock, DirDisk, Endpoint, LineEvent};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// Events that may wait for the core. Few: a flood on one line then delays the others by no more than these.
const INBOX: usize = 256;
/// Events taken before what they caused is written: a burst leaves in few writes.
const BURST: usize = 32;
/// Frames are put together up to this many bytes; a datagram of it fits every network.
const TOGETHER: usize = 1_200;

/// What the tasks tell the core.
#[derive(Debug)]
pub enum Event {
    /// From a line.
    Line(LineEvent<Port>),
    /// From the eyes.
    Up(Up),
    /// The eyes' process.
    EyesProcess(EyesProcess),
    /// Something to log about the eyes.
    EyesTrouble(String),
    /// How the companion's own log stands.
    Logged(Logged),
}

impl From<LineEvent<Port>> for Event {
    fn from(e: LineEvent<Port>) -> Self {
        Event::Line(e)
    }
}

/// Everything resolved.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Line to the autopilot.
    pub autopilot: Endpoint,
    /// Lines to the ground.
    pub grounds: Vec<Endpoint>,
    /// Where plans and anomalies are kept.
    pub store: PathBuf,
    /// The key that signs the flight log; absent: in the store.
    pub record_key: Option<PathBuf>,
    /// Camera address for the eyes.
    pub camera: Option<String>,
    /// Remote ID receiver address for the eyes.
    pub sensor: Option<String>,
    /// Settings of the core.
    pub config: Config,
}

/// Runs until interrupted.
///
/// # Errors
/// The store cannot be opened.
pub fn run(setup: Setup) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(main_loop(setup))
}

/// What a line carries, bytes a second: a serial line ten bits a byte, less what radios need for themselves.
fn line_rate(e: &Endpoint) -> u32 {
    match e {
        Endpoint::Serial { baud, .. } => baud / 10 / 10 * 9,
        _ => 0,
    }
}

async fn main_loop(setup: Setup) -> anyhow::Result<()> {
    let disk = DirDisk::open(&setup.store).context("the store cannot be opened")?;
    let mut config = setup.config;
    config.ground_ports = u8::try_from(setup.grounds.len()).context("too many ground lines")?;
    for (n, ground) in setup.grounds.iter().enumerate() {
        if config.ground_bytes_per_s.len() <= n {
            config.ground_bytes_per_s.push(line_rate(ground));
        }
    }
    let (events, mut inbox) = mpsc::channel::<Event>(INBOX);
    let begun = match config.log_most_mb {
        0 => None,
        most_mb => {
            let key = setup
                .record_key
                .unwrap_or_else(|| setup.store.join(KEY_FILE));
            Some(Log::begin(&setup.store, &key, most_mb, events.clone()))
        }
    };
    let mut core = Onboard::new(config, Box::new(disk))?;
    let mut log = match begun {
        None => None,
        Some(Ok((log, dir))) => {
            tracing::info!("flight log in {}", dir.display());
            core.keep_log(log.flight());
            Some(log)
        }
        Some(Err(e)) => {
            // Said once the ground is heard too: nobody looks at this one aloft.
            let trouble = Some(format!("not kept: {e:#}"));
            tracing::error!("the flight log cannot be begun: {e:#}");
            let _ = events.try_send(Event::Logged(Logged {
                trouble,
                ..Logged::default()
            }));
            None
        }
    };
    let clock = Clock::start();
    let mut lines = std::collections::BTreeMap::new();
    let all = std::iter::once((Port::Autopilot, setup.autopilot)).chain(
        setup
            .grounds
            .into_iter()
            .zip(0u8..)
            .map(|(e, n)| (Port::Ground(n), e)),
    );
    for (port, endpoint) in all {
        tracing::info!("{port:?} on {endpoint}");
        let (send, recv) = mpsc::channel(link_io::QUEUE);
        lines.insert(port, send);
        tokio::spawn(link_io::serve(port, endpoint, events.clone(), recv));
    }
    let (to_eyes, from_core) = mpsc::channel(eyes::QUEUE);
    if setup.camera.is_some() || setup.sensor.is_some() {
        tokio::spawn(eyes::supervise(
            setup.camera,
            setup.sensor,
            log.is_some(),
            events.clone(),
            from_core,
        ));
    }
    let mut out = Outgoing {
        lines,
        waiting: std::collections::BTreeMap::new(),
        to_eyes,
    };
    let mut stop = std::pin::pin!(link_io::stopped());
    loop {
        let wait = core
            .next_wakeup()
            .map_or(Duration::from_millis(50), |t| t.since(clock.now().mono));
        tokio::select! {
            () = &mut stop => break,
            got = tokio::time::timeout(wait, inbox.recv()) => match got {
                Err(_) => core.handle(clock.now(), Input::Tick),
                Ok(None) => break,
                Ok(Some(event)) => {
                    take(&mut core, clock.now(), event);
                    for _ in 1..BURST {
                        let Ok(event) = inbox.try_recv() else { break };
                        take(&mut core, clock.now(), event);
                    }
                }
            },
        }
        while let Some(output) = core.poll() {
            out.take(output);
        }
        out.flush();
        while let Some(note) = core.poll_note() {
            if let Some(log) = &mut log {
                log.take(note);
            }
        }
    }
    if let Some(log) = log {
        let _ = tokio::task::spawn_blocking(move || log.finish()).await;
    }
    tracing::info!("stopped; the autopilot's own link-loss action now stands alone");
    Ok(())
}

fn take(core: &mut Onboard, now: missions::time::Now, event: Event) {
    match event {
        Event::Line(LineEvent::Bytes(port, bytes)) => core.handle(
            now,
            Input::Bytes {
                port,
                bytes: &bytes,
            },
        ),
        Event::Up(Up::Took { entry }) => core.note_eyes(&entry),
        Event::Logged(told) => core.handle(now, Input::Logged(&told)),
        Event::Up(up) => core.handle(now, Input::Eyes(&up)),
        Event::EyesProcess(p) => core.handle(now, Input::EyesProcess(p)),
        Event::EyesTrouble(text) => tracing::warn!("{text}"),
        Event::Line(LineEvent::Trouble(port, text)) => tracing::warn!("{port:?}: {text}"),
    }
}

/// What leaves: frames of one line in one write. A line that does not take it loses it; the others never wait.
struct Outgoing {
    lines: std::collections::BTreeMap<Port, mpsc::Sender<Vec<u8>>>,
    waiting: std::collections::BTreeMap<Port, Vec<u8>>,
    to_eyes: mpsc::Sender<crate::eyes::schema::Down>,
}

impl Outgoing {
    fn take(&mut self, output: Output) {
        match output {
            Output::Bytes { port, bytes } => {
                let waiting = self.waiting.entry(port).or_default();
                if !waiting.is_empty() && waiting.len() + bytes.len() > TOGETHER {
                    let full = std::mem::take(waiting);
                    if let Some(line) = self.lines.get(&port) {
                        let _ = line.try_send(full);
                    }
                }
                waiting.extend_from_slice(&bytes);
            }
            Output::ToEyes(down) => {
                let _ = self.to_eyes.try_send(down);
            }
            Output::Log(LogLevel::Info, text) => tracing::info!("{text}"),
            Output::Log(LogLevel::Warn, text) => tracing::warn!("{text}"),
            Output::Log(LogLevel::Error, text) => tracing::error!("{text}"),
        }
    }

    fn flush(&mut self) {
        for (port, waiting) in &mut self.waiting {
            if waiting.is_empty() {
                continue;
            }
            if let Some(line) = self.lines.get(port) {
                let _ = line.try_send(std::mem::take(waiting));
            }
        }
    }
}
