//! The task that owns the desk in flight: lines in, frames out, pages told, everything recorded.

use super::casework::Casework;
use super::http::{ASKS, Ask, Shown};
use super::hub::Hub;
use super::planning::Basis;
use super::rehearsals::Rehearsals;
use super::{BATCH_AT_LEAST, BATCH_EVERY, Front, Ready, ServeSetup};
use crate::desk::{
    Answer, Desk, DeskEvent, DeskIn, DeskOut, Intent, Reason, Rehearsing, picture_file, view,
};
use crate::evidence::chain::{ClockReading, ClockSource, Head};
use crate::evidence::heads::Offer;
use crate::evidence::io::Syncing;
use crate::people::audit::Access;
use crate::record::{Entry, Live, RecorderSetup, fresh};
use anyhow::Context;
use axum::extract::ws::Utf8Bytes;
use link_io::{Clock, DirDisk, LineEvent};
use missions::plan::hex;
use missions::time::{Mono, Now, Utc};
use missions::vehicle::VehicleSpec;
use missions::venue::Venue;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Events of lines that may wait for the desk.
const LINE_EVENTS: usize = 4096;
/// Lines that may wait for standard output.
const PRINT: usize = 1024;
/// Troubles of the recorder that may wait.
const TROUBLES: usize = 16;
/// Heads of aircraft that became durable and wait to be receipted.
const HEADS: usize = 256;
/// The plan goes to the pages at most this often while it is being sent.
const PLAN_EVERY: Duration = Duration::from_millis(200);
/// An officer's answer waits for the disk at most this long: the order itself went out at once.
const DURABLE_WITHIN: Duration = Duration::from_millis(500);
/// The clocks are read into the recording this often.
const CLOCK_EVERY: Duration = Duration::from_millis(500);
/// A page that is gone for less is being loaded anew.
const SESSION_GRACE: Duration = Duration::from_millis(800);
/// How much the desk is given before the others have their turn.
const AT_ONCE: usize = 64;

/// Serves until `stop`.
pub(super) async fn serve_until(
    setup: ServeSetup,
    ready: impl FnOnce(Ready) + Send,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let front = Front::open(setup.http, setup.entrance, setup.tls, setup.names).await?;
    if let Some(bytes) = &setup.plan {
        // Before anything is opened or recorded.
        missions::plan::PatrolPlan::from_json(bytes).context("the plan was refused")?;
    }
    let disk = DirDisk::open(&setup.store)
        .with_context(|| format!("the store {} cannot be opened", setup.store.display()))?;
    let mut desk_config = setup.desk;
    let links = u8::try_from(setup.links.len()).context("too many links: 255 at most")?;
    desk_config.links = match desk_config.lines.iter().max() {
        Some(last) => last.saturating_add(1),
        None => links,
    };
    desk_config.rehearsals = setup.rehearse.is_some();
    let venue = desk_config.venue.clone();
    let desk = Desk::new(desk_config, Box::new(disk)).context("the store cannot be read")?;
    let casework = Casework::open(&setup.store)?;
    let clock = Clock::start();

    let (tell_trouble, mut troubles) = mpsc::channel::<String>(TROUBLES);
    let (tell_kept, mut heads_kept) = mpsc::channel::<(u8, Offer, bool)>(HEADS);
    let mut record_dir = None;
    let recorder = match setup.record {
        None => None,
        Some(dir) => {
            let signer = setup
                .signer
                .context("a recording needs the station's key")?;
            let dir = fresh(&dir)?;
            record_dir = Some(dir.clone());
            let recorder = RecorderSetup {
                dir,
                signer,
                syncing: Syncing::Always,
                seal: setup.seal,
                venue,
                rerun: setup.rerun,
                rrd: true,
            };
            // More troubles than there is room for are in the recorder's own account at the end.
            Some(Live::start(recorder, move |words| {
                let _ = tell_trouble.try_send(words);
            })?)
        }
    };

    let print = setup.json.then(printer).transpose()?;
    let (hub, batches, previews) = Hub::new(print);
    let (asks, mut asked) = mpsc::channel(ASKS);
    let shown = Shown {
        mode: "live",
        lang: setup.lang,
        pictures: (setup.store.clone(), "picture-"),
        refly: None,
    };
    debug_assert_eq!(picture_file("x"), "picture-x.jpg");
    let (server, said) = front.serve(shown, asks, batches, previews);

    let (line_events, mut heard) = mpsc::channel::<LineEvent<u8>>(LINE_EVENTS);
    let mut lines = Vec::new();
    for (endpoint, n) in setup.links.into_iter().zip(0u8..) {
        tracing::info!("link {n} on {endpoint}");
        let (send, recv) = mpsc::channel(link_io::QUEUE);
        lines.push(send);
        tokio::spawn(link_io::serve(n, endpoint, line_events.clone(), recv));
    }

    let (rehearsals, mut rehearsed) = Rehearsals::new(setup.rehearse);
    let venue_told = desk.venue().clone();
    let mut task = Task {
        desk,
        casework,
        rehearsals,
        clock,
        hub,
        lines,
        recorder,
        record_dir: record_dir.clone(),
        recorded_plans: BTreeSet::new(),
        plans_due: BTreeSet::new(),
        plan_told: Mono::ZERO,
        venue_told,
        clock_told: None,
        head_told: None,
        tell_kept,
        changed: true,
        batched: Mono::ZERO,
        batches: 0,
        watched: None,
        vehicle: setup.vehicle,
    };
    if let Some(dir) = &record_dir {
        let now = task.clock.now();
        task.desk.note(now, "recorder_started", &[]);
        tracing::info!("recording to {}", dir.display());
    }
    let now = task.clock.now();
    task.begin_casework(now);
    let for_all = setup.plan.into_iter().map(|p| (None, p));
    let each = (1u8..).map(Some).zip(setup.plans);
    for (aircraft, plan) in for_all.chain(each) {
        let now = task.clock.now();
        let answer = task.desk.load_plan_for(now, aircraft, &plan);
        if let Some(r) = answer.reason {
            server.stop().await;
            anyhow::bail!("the plan was refused: {} {}", r.code, json!(r.params));
        }
    }
    task.drain();
    ready(said);

    let mut stop = std::pin::pin!(stop);
    loop {
        let now = task.clock.now().mono;
        let next_batch = task.batched.after(if task.changed {
            BATCH_EVERY
        } else {
            BATCH_AT_LEAST
        });
        let wake = task
            .desk
            .next_wakeup()
            .unwrap_or(next_batch)
            .min(next_batch);
        tokio::select! {
            () = &mut stop => break,
            got = heard.recv() => {
                let Some(first) = got else { break };
                task.line(first);
                // What came meanwhile too, but not without end: time must be told to the desk.
                for _ in 1..AT_ONCE {
                    match heard.try_recv() {
                        Ok(e) => task.line(e),
                        Err(_) => break,
                    }
                }
            }
            Some(ask) = asked.recv() => task.ask(ask),
            Some(words) = troubles.recv() => task.trouble(&words),
            Some(told) = rehearsed.recv() => {
                if let Some((plan, told)) = task.rehearsals.heard(told) {
                    let now = task.clock.now();
                    task.desk.rehearsal(now, plan, told);
                }
            }
            Some((aircraft, offer, durable)) = heads_kept.recv() => {
                let now = task.clock.now();
                let offer = &offer;
                task.desk.handle(now, DeskIn::HeadKept { aircraft, offer, durable });
            }
            () = tokio::time::sleep(wake.since(now)) => {
                let now = task.clock.now();
                task.desk.handle(now, DeskIn::Tick);
            }
        }
        let now = task.clock.now();
        for plan in task.rehearsals.look(&task.desk) {
            task.desk.rehearsal(now, plan, Rehearsing::Waits);
        }
        task.watch_session();
        task.tell_recorded();
        task.look_at_deadlines();
        task.drain();
        task.show();
    }

    // Pages part first: a recorder with much to write must not keep them waiting.
    task.hub.part();
    let counted = server.stop().await;
    // What was let in or refused before the door closed is in the record, though its turn had not come.
    asked.close();
    while let Ok(ask) = asked.try_recv() {
        if let Ask::Access(access) = ask {
            task.access(access);
        }
    }
    for access in counted {
        task.access(access);
    }
    if let Some(r) = task.recorder {
        let told = tokio::task::spawn_blocking(move || r.finish())
            .await
            .context("the recorder's thread broke off")?;
        for words in told.context("the recording could not be finished")? {
            tracing::warn!("recording: {words}");
        }
    }
    tracing::info!("stopped; aircraft act on a lost link as their plans say");
    Ok(())
}

/// Lines for standard output, on a thread of their own: a terminal that is stopped holds up nobody.
fn printer() -> anyhow::Result<mpsc::Sender<Utf8Bytes>> {
    let (send, mut lines) = mpsc::channel::<Utf8Bytes>(PRINT);
    std::thread::Builder::new()
        .name("print".into())
        .spawn(move || {
            while let Some(line) = lines.blocking_recv() {
                let mut out = std::io::stdout().lock();
                if writeln!(out, "{}", line.as_str())
                    .and_then(|()| out.flush())
                    .is_err()
                {
                    return;
                }
            }
        })
        .context("starting the printing thread")?;
    Ok(send)
}

pub(super) struct Task {
    pub desk: Desk,
    pub casework: Casework,
    rehearsals: Rehearsals,
    pub clock: Clock,
    hub: Hub,
    lines: Vec<mpsc::Sender<Vec<u8>>>,
    recorder: Option<Live>,
    record_dir: Option<PathBuf>,
    recorded_plans: BTreeSet<u64>,
    /// Plans that changed and were not told yet.
    plans_due: BTreeSet<u64>,
    plan_told: Mono,
    /// The venue as the pages know it.
    venue_told: Venue,
    clock_told: Option<Mono>,
    head_told: Option<Head>,
    tell_kept: mpsc::Sender<(u8, Offer, bool)>,
    /// Something moved since the last batch.
    changed: bool,
    batched: Mono,
    batches: u32,
    /// When a page was last connected.
    watched: Option<Mono>,
    /// What plans are made for, where somebody chose.
    vehicle: Option<VehicleSpec>,
}

impl Task {
    fn line(&mut self, event: LineEvent<u8>) {
        match event {
            LineEvent::Bytes(link, bytes) => {
                let now = self.clock.now();
                self.changed = true;
                self.desk.handle(
                    now,
                    DeskIn::Bytes {
                        link,
                        bytes: &bytes,
                    },
                );
                if self.recorder.is_some() {
                    let utc = self.utc(now);
                    // Streams: even is what came, odd is what went.
                    let stream = link.wrapping_mul(2);
                    self.record(Entry::Bytes { stream, utc, bytes });
                }
            }
            LineEvent::Trouble(link, words) => tracing::warn!("link {link}: {words}"),
        }
    }

    /// An officer's session lives while a page is connected; one that is loaded anew is not lost.
    fn watch_session(&mut self) {
        let now = self.clock.now();
        if self.hub.is_watched() {
            self.watched = Some(now.mono);
        }
        if let Some(last) = self.watched {
            self.desk.session(now, now.mono.since(last) < SESSION_GRACE);
        }
    }

    /// The desk's UTC at this moment.
    fn utc(&self, now: Now) -> Utc {
        self.desk.utc_at(now)
    }

    fn ask(&mut self, ask: Ask) {
        let now = self.clock.now();
        match ask {
            Ask::Command {
                who,
                key,
                intent,
                reply,
            } => {
                let taken = match &intent {
                    Intent::Dismiss { anomaly, .. } => self.taken(anomaly),
                    _ => None,
                };
                let answer = taken.unwrap_or_else(|| self.desk.command(now, &key, &intent));
                self.record_intent(now, &who, &intent, &answer);
                if let (Intent::Confirm { anomaly }, true) = (&intent, answer.accepted) {
                    self.confirmed(now, &who, &key, anomaly);
                }
                // What the order did is told to the pages and recorded before the answer.
                self.drain();
                self.acknowledge(answer, reply);
            }
            Ask::Step {
                who,
                key,
                about,
                step,
                reply,
            } => {
                let stepped = self.step(now, &who, &key, about, step);
                self.drain();
                self.acknowledge(stepped, reply);
            }
            Ask::Cases { asked, reply } => {
                let _ = reply.send(self.cases(asked));
            }
            Ask::Record { reply } => self.tell_record(reply),
            Ask::Plan {
                aircraft,
                bytes,
                reply,
            } => {
                let answer = self.desk.load_plan_for(now, aircraft, &bytes);
                self.drain();
                self.acknowledge(answer, reply);
            }
            Ask::Basis { reply } => {
                let of_plan = || self.desk.plan().map(|p| p.file().vehicle.clone());
                let vehicle = self
                    .vehicle
                    .clone()
                    .or_else(of_plan)
                    .unwrap_or_else(VehicleSpec::default_quad);
                let _ = reply.send(Some(Basis {
                    venue: self.desk.venue().clone(),
                    vehicle,
                    now: self.utc(now),
                }));
            }
            Ask::Access(access) => self.access(access),
            Ask::Join { sits, reply } => {
                // What the desk has said is told before the snapshot is taken, or it would be shown twice.
                self.drain();
                let utc = self.utc(now);
                let mut snapshot = self.desk.snapshot(utc);
                self.add_casework(&mut snapshot);
                let joined = self.hub.join(snapshot, sits);
                let _ = reply.send(joined);
                self.changed = true;
            }
        }
    }

    /// Who used what, or was refused.
    fn access(&mut self, access: Access) {
        if self.recorder.is_some() {
            let utc = self.utc(self.clock.now());
            self.record(Entry::access(utc, access));
        }
    }

    /// Answers once what led to it is on durable storage. A recorder that is slow or broken holds up no officer for long.
    fn acknowledge<T: Send + 'static>(&self, answer: T, reply: oneshot::Sender<T>) {
        let Some(recorder) = &self.recorder else {
            let _ = reply.send(answer);
            return;
        };
        let (tell, durable) = oneshot::channel();
        recorder.commit(move |is| {
            let _ = tell.send(is);
        });
        tokio::spawn(async move {
            match tokio::time::timeout(DURABLE_WITHIN, durable).await {
                Ok(Ok(true)) => {}
                _ => tracing::warn!("an officer was answered before the recording was durable"),
            }
            let _ = reply.send(answer);
        });
    }

    /// Where the record is, once it holds all that was recorded so far. Not in flight: reading it takes the disk and a core.
    fn tell_record(&self, reply: oneshot::Sender<Result<PathBuf, Reason>>) {
        let told = match &self.record_dir {
            _ if self.is_flying() => Err(Reason::new("report.in_flight")),
            Some(dir) => Ok(dir.clone()),
            None => Err(Reason::new("report.no_record")),
        };
        self.acknowledge(told, reply);
    }

    pub(super) fn is_recording(&self) -> bool {
        self.recorder.is_some()
    }

    /// Identity of the flight in its record; empty: nothing is recorded.
    pub(super) fn flight_id(&self) -> String {
        let recorder = self.recorder.as_ref();
        recorder.map_or_else(String::new, |r| r.flight().to_owned())
    }

    pub(super) fn say_to_pages(&mut self, message: Value) {
        self.hub.tell(message);
    }

    pub(super) fn record_intent(&mut self, now: Now, by: &str, intent: &Intent, answer: &Answer) {
        if self.recorder.is_some() {
            let utc = self.utc(now);
            self.record(Entry::intent_by(utc, by, intent, answer));
        }
    }

    pub(super) fn record(&mut self, entry: Entry) {
        let now = self.clock.now();
        if self
            .clock_told
            .is_none_or(|t| now.mono.since(t) >= CLOCK_EVERY)
        {
            self.clock_told = Some(now.mono);
            let utc = self.utc(now);
            let machine = now.utc.valid();
            let reading = ClockReading {
                mono: now.mono,
                utc,
                source: match machine {
                    Some(m) if m == utc => ClockSource::Machine,
                    None if utc == Utc(0) => ClockSource::Unknown,
                    _ => ClockSource::Aircraft,
                },
                machine,
            };
            self.queue(Entry::Clock(reading));
        }
        self.queue(entry);
    }

    /// An aircraft's head goes into the record, and is receipted once that is durable.
    fn keep_head(&mut self, aircraft: u8, offer: Offer) {
        let event = DeskEvent::Head {
            aircraft,
            offer: offer.clone(),
        };
        let Some(entry) = Entry::of(&event, &self.desk) else {
            return;
        };
        self.record(entry);
        if let Some(r) = &self.recorder {
            let tell = self.tell_kept.clone();
            r.commit(move |durable| {
                let _ = tell.try_send((aircraft, offer, durable));
            });
        }
    }

    /// Tells the desk how far the record is durable.
    fn tell_recorded(&mut self) {
        let Some(r) = &self.recorder else { return };
        let head = r.head();
        if let Some(head) = head.filter(|_| head != self.head_told) {
            self.head_told = Some(head);
            let flight = r.flight();
            let now = self.clock.now();
            self.desk.handle(now, DeskIn::Recorded { flight, head });
        }
    }

    fn queue(&mut self, entry: Entry) {
        if let Some(words) = self.recorder.as_mut().and_then(|r| r.take(entry)) {
            self.trouble(&words);
        }
    }

    /// The recorder failed: the officer hears it, and the flight goes on.
    fn trouble(&mut self, words: &str) {
        tracing::error!("recording: {words}");
        let now = self.clock.now();
        self.desk
            .note(now, "recorder_failed", &[("detail", words.into())]);
    }

    /// Everything the desk has to send and to say.
    fn drain(&mut self) {
        while let Some(out) = self.desk.poll() {
            match out {
                DeskOut::Bytes { link, bytes } => {
                    if self.recorder.is_some() {
                        let utc = self.utc(self.clock.now());
                        let stream = link.wrapping_mul(2).wrapping_add(1);
                        self.record(Entry::Bytes {
                            stream,
                            utc,
                            bytes: bytes.clone(),
                        });
                    }
                    // A line that is behind loses frames; every protocol above repeats what matters.
                    if let Some(line) = self.lines.get(usize::from(link)) {
                        let _ = line.try_send(bytes);
                    }
                }
                DeskOut::Event(DeskEvent::Plan(id)) => {
                    self.plans_due.insert(id);
                }
                DeskOut::Event(DeskEvent::Head { aircraft, offer }) => {
                    self.keep_head(aircraft, offer);
                }
                DeskOut::Event(event) => {
                    self.event(&event);
                    self.heed(&event);
                }
            }
        }
        let now = self.clock.now().mono;
        if !self.plans_due.is_empty() && now.since(self.plan_told) >= PLAN_EVERY {
            self.plan_told = now;
            if self.venue_told != *self.desk.venue() {
                self.venue_told = self.desk.venue().clone();
                let venue = self.venue_told.to_value();
                self.hub.tell(json!({"type": "venue", "venue": venue}));
            }
            for id in std::mem::take(&mut self.plans_due) {
                self.event(&DeskEvent::Plan(id));
            }
        }
    }

    fn event(&mut self, event: &DeskEvent) {
        if self.recorder.is_some() {
            let new: Vec<_> = self
                .desk
                .plans()
                .filter(|p| !self.recorded_plans.contains(&p.id()))
                .cloned()
                .collect();
            for plan in new {
                self.recorded_plans.insert(plan.id());
                self.record(Entry::Plan(Box::new(plan)));
            }
            if let Some(entry) = Entry::of(event, &self.desk) {
                self.record(entry);
            }
        }
        let message: Option<Value> = match event {
            DeskEvent::Log(e) => Some(json!({"type": "event", "event": e})),
            DeskEvent::Aircraft(id) => self
                .desk
                .aircraft_view(*id)
                .map(|a| json!({"type": "aircraft", "aircraft": a})),
            DeskEvent::Anomaly { id, .. } => self
                .desk
                .anomaly_view(id)
                .map(|a| json!({"type": "anomaly", "anomaly": a})),
            DeskEvent::Preflight(id) => self
                .desk
                .aircraft(*id)
                .and_then(view::preflight)
                .map(|p| json!({"type": "preflight", "preflight": p})),
            DeskEvent::Rehearsing { plan, part } => {
                let hash = self.desk.plan_by(*plan).map(|(p, _)| hex(&p.hash()));
                Some(json!({"type": "rehearsal", "plan": hash, "part": part}))
            }
            DeskEvent::Plan(id) => {
                Some(json!({"type": "plan", "plan": self.desk.plan_view_of(*id)}))
            }
            DeskEvent::Picture { .. } | DeskEvent::Head { .. } | DeskEvent::Receipted(_) => None,
            DeskEvent::Preview(id) => {
                let jpeg = self
                    .desk
                    .aircraft(*id)
                    .and_then(|a| a.preview.as_ref())
                    .map(|(bytes, _)| bytes.clone());
                self.hub.preview(*id, jpeg);
                None
            }
        };
        if let Some(m) = message {
            self.hub.tell(m);
        }
    }

    /// The batch, when it is time for one.
    fn show(&mut self) {
        let now = self.clock.now();
        let age = now.mono.since(self.batched);
        if age < BATCH_EVERY || (!self.changed && age < BATCH_AT_LEAST) {
            return;
        }
        self.changed = false;
        self.batched = now.mono;
        self.batches = self.batches.wrapping_add(1);
        let utc = self.utc(now);
        self.hub.batch(self.desk.batch(self.batches, now.mono, utc));
    }
}
