//! `fly`: an officer without a page, over a link: uploads, waits for the checks, asks, launches, watches.
//!
//! The same desk and the same officer's script as everywhere; this shell owns the line, the terminal and Ctrl-C.

use super::serve::ask_real_words;
use super::settings::{Settings, order_base, run_name};
use crate::desk::{
    Answer, Desk, DeskConfig, DeskEvent, DeskIn, DeskOut, Event, Intent, Rehearsing,
};
use crate::evidence::chain::{ClockReading, ClockSource};
use crate::evidence::heads::Offer;
use crate::evidence::io::Syncing;
use crate::record::{Entry, Live, RecorderSetup, fresh};
use crate::rehearse::officer::{Deed, LOOK, Officer, Step, Words, blocking};
use anyhow::{Context, bail};
use link_io::{Clock, DirDisk, LineEvent, QUEUE};
use missions::plan::PatrolPlan;
use missions::time::{Mono, Now, Utc};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;

/// A line of progress this often.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Line events that may wait.
const INBOX: usize = 4096;
/// Heads that may wait to be receipted.
const HEADS: usize = 64;
/// The word that launches.
const LAUNCH_WORD: &str = "launch";

/// Flags of `fly`.
#[derive(Debug, clap::Args)]
pub struct Fly {
    /// The plan (plan.json, made by `plan`)
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Launch as soon as the checks pass, without asking
    #[arg(long)]
    yes: bool,
    /// What the flight is for
    #[arg(long, value_name = "TEXT", default_value = "patrol")]
    purpose: String,
    /// Incident number
    #[arg(long, value_name = "TEXT", default_value = "none")]
    incident: String,
    /// Who answers for the flight
    #[arg(long, value_name = "NAME", default_value = "command line")]
    pilot: String,
    /// Allow an aircraft that is not our simulator; asks for words to be typed
    #[arg(long)]
    real_aircraft: bool,
    /// Do not record
    #[arg(long)]
    no_record: bool,
    /// Duty officer who answers for a flight without a passed rehearsal; in the record
    #[arg(long, value_name = "NAME", requires = "despite")]
    duty_officer: Option<String>,
    /// Why it flies without one
    #[arg(long, value_name = "REASON", requires = "duty_officer")]
    despite: Option<String>,
}

/// What lets the plan fly: its rehearsal, or a duty officer's word.
enum Rehearsed {
    Passed(serde_json::Value),
    Answered { officer: String, reason: String },
}

/// Rehearses a plan before anything is sent, as both autopilots: which one waits on the line is not known yet.
fn rehearsed(a: &Fly, plan: &PatrolPlan) -> anyhow::Result<Rehearsed> {
    if let (Some(officer), Some(reason)) = (&a.duty_officer, &a.despite) {
        return Ok(Rehearsed::Answered {
            officer: officer.clone(),
            reason: reason.clone(),
        });
    }
    let bar = super::rehearse::bar();
    let mut passed = serde_json::Value::Null;
    for (n, kind) in [(0.0, "px4"), (1.0, "ardupilot")] {
        let told = super::rehearse::for_the_console(plan, kind, &mut |part| {
            bar.set_position(((n + part) * 500.0) as u64);
            true
        })?;
        let (ok, result) = told.context("the rehearsal was broken off")?;
        if !ok {
            bar.finish_and_clear();
            bail!(
                "the rehearsal as {kind} blocks this plan: {}. `rehearse {} --as {kind}` tells more; change the plan, or \
                 a duty officer answers for it (--duty-officer NAME --despite REASON)",
                super::rehearse::blocking(&result),
                a.plan.display()
            );
        }
        passed = result;
    }
    bar.finish_and_clear();
    Ok(Rehearsed::Passed(passed))
}

/// Whose head, which, and whether it is durable.
type Kept = (u8, Offer, bool);

enum In {
    Line(LineEvent<u8>),
    Typed(String),
    Interrupted,
}

impl From<LineEvent<u8>> for In {
    fn from(e: LineEvent<u8>) -> Self {
        In::Line(e)
    }
}

/// Flies it. Fails when the patrol did not go as it should.
pub fn run(a: &Fly, s: &Settings) -> anyhow::Result<ExitCode> {
    let bytes =
        std::fs::read(&a.plan).with_context(|| format!("cannot read {}", a.plan.display()))?;
    if geometry_only(&bytes) {
        bail!(
            "{} is geometry only and cannot be flown: plan again with --vehicle FILE",
            a.plan.display()
        );
    }
    let plan = PatrolPlan::from_json(&bytes)
        .with_context(|| format!("{} cannot be flown", a.plan.display()))?;
    let [link] = s.links.as_slice() else {
        bail!("fly takes one aircraft: give --link once");
    };
    if a.real_aircraft {
        ask_real_words()?;
    }
    let rehearsed = rehearsed(a, &plan)?;
    let link = link.clone();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(async {
            let (events, inbox) = mpsc::channel::<In>(INBOX);
            let (to_line, from_desk) = mpsc::channel(QUEUE);
            tokio::spawn(link_io::serve(0u8, link, events.clone(), from_desk));
            let ctrl_c = events.clone();
            tokio::spawn(async move {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if ctrl_c.send(In::Interrupted).await.is_err() {
                        return;
                    }
                }
            });
            Flight::begin(a, s, plan, (bytes, rehearsed), to_line, events)?
                .until_over(inbox)
                .await
        })
}

/// Whether a file says of itself that it is a drawing.
fn geometry_only(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(bytes)
        .is_ok_and(|v| v.get("flyable") == Some(&serde_json::Value::Bool(false)))
}

struct Flight {
    clock: Clock,
    desk: Desk,
    officer: Officer,
    recorder: Option<(Live, PathBuf)>,
    /// Heads of the aircraft's own log that became durable here, or did not.
    heads: (mpsc::Sender<Kept>, mpsc::Receiver<Kept>),
    bytes: Vec<u8>,
    rehearsed: Rehearsed,
    plan_id: u64,
    to_line: mpsc::Sender<Vec<u8>>,
    events: mpsc::Sender<In>,
    step: Step,
    asked: bool,
    yes: bool,
    real_aircraft: bool,
    json: bool,
    interrupts: u32,
    next_look: Mono,
    next_tell: Mono,
}

impl Flight {
    fn begin(
        a: &Fly,
        s: &Settings,
        plan: PatrolPlan,
        (bytes, rehearsed): (Vec<u8>, Rehearsed),
        to_line: mpsc::Sender<Vec<u8>>,
        events: mpsc::Sender<In>,
    ) -> anyhow::Result<Flight> {
        let clock = Clock::start();
        let now = clock.now();
        let disk = DirDisk::open(&s.store)
            .with_context(|| format!("the store {} cannot be opened", s.store.display()))?;
        let desk = Desk::new(
            DeskConfig {
                venue: s.venue.clone(),
                real_aircraft: a.real_aircraft,
                bulk_bytes_per_s: s.bulk_bytes_per_s,
                first_order: order_base(now),
                rehearsals: true,
                ..DeskConfig::default()
            },
            Box::new(disk),
        )?;
        let recorder = if a.no_record {
            None
        } else {
            let dir = fresh(&s.record.join(run_name("flight", now)))?;
            let setup = RecorderSetup {
                dir: dir.clone(),
                signer: s.signer()?,
                syncing: Syncing::Always,
                seal: true,
                venue: s.venue.clone(),
                rerun: s.rerun.clone(),
                rrd: true,
            };
            let trouble = |words: String| tracing::warn!("recording: {words}");
            let mut r = Live::start(setup, trouble)?;
            r.take(Entry::Clock(ClockReading {
                mono: now.mono,
                utc: wall(now),
                source: ClockSource::Machine,
                machine: None,
            }));
            r.take(Entry::Plan(Box::new(plan.clone())));
            Some((r, dir))
        };
        Ok(Flight {
            clock,
            desk,
            officer: Officer::new(
                Words {
                    purpose: a.purpose.clone(),
                    incident: a.incident.clone(),
                    pilot: a.pilot.clone(),
                },
                false,
            ),
            recorder,
            heads: mpsc::channel(HEADS),
            plan_id: plan.id(),
            bytes,
            rehearsed,
            to_line,
            events,
            step: Step::Over,
            asked: false,
            yes: a.yes,
            real_aircraft: a.real_aircraft,
            json: s.json,
            interrupts: 0,
            next_look: Mono::ZERO,
            next_tell: Mono::ZERO,
        })
    }

    async fn until_over(mut self, mut inbox: mpsc::Receiver<In>) -> anyhow::Result<ExitCode> {
        let mut result = Ok(());
        while !self.officer.is_over() {
            let now = self.clock.now();
            let wait = self
                .desk
                .next_wakeup()
                .map_or(Duration::from_millis(50), |t| t.since(now.mono));
            match tokio::time::timeout(wait, inbox.recv()).await {
                Err(_) => self.desk.handle(self.clock.now(), DeskIn::Tick),
                Ok(None) => break,
                Ok(Some(In::Line(LineEvent::Bytes(_, bytes)))) => {
                    let now = self.clock.now();
                    self.record(Some(Entry::Bytes {
                        stream: 0,
                        utc: wall(now),
                        bytes: bytes.clone(),
                    }));
                    self.desk.handle(
                        now,
                        DeskIn::Bytes {
                            link: 0,
                            bytes: &bytes,
                        },
                    );
                }
                Ok(Some(In::Line(LineEvent::Trouble(_, text)))) => tracing::warn!("link: {text}"),
                Ok(Some(In::Typed(line))) if line == LAUNCH_WORD => self.officer.go(),
                Ok(Some(In::Typed(_))) => {
                    result = Err(anyhow::anyhow!(
                        "not launched: \"{LAUNCH_WORD}\" was not typed"
                    ));
                    break;
                }
                Ok(Some(In::Interrupted)) => {
                    if self.interrupted() {
                        result = Err(anyhow::anyhow!(
                            "stopped; what is in the air goes on under its companion"
                        ));
                        break;
                    }
                }
            }
            if let Err(e) = self.look() {
                result = Err(e);
                break;
            }
            self.drain();
        }
        self.drain();
        self.close(result)
    }

    /// The first Ctrl-C in the air orders the return; on the ground, or the second time, it ends the program.
    fn interrupted(&mut self) -> bool {
        self.interrupts += 1;
        if self.interrupts > 1 || !self.officer.flew() {
            return true;
        }
        self.say("Ctrl-C: ordering the return (again: leave the program; the companion flies on)");
        self.deed(&Deed::Intent(Intent::Return { aircraft: 1 }));
        false
    }

    fn look(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now();
        if now.mono < self.next_look {
            return Ok(());
        }
        self.next_look = now.mono.after(LOOK);
        if let Some(deed) = self.officer.look(now.mono, &self.desk) {
            // After Ctrl-C the script must not send on what the officer called home.
            let overruled = self.interrupts > 0
                && matches!(
                    deed,
                    Deed::Intent(Intent::Resume { .. } | Intent::Launch { .. })
                );
            if !overruled {
                self.deed(&deed);
            }
        }
        let step = self.officer.step();
        if step != self.step {
            self.step = step;
            self.turned(step)?;
        }
        if now.mono >= self.next_tell {
            self.next_tell = now.mono.after(TELL_EVERY);
            self.tell();
        }
        Ok(())
    }

    fn turned(&mut self, step: Step) -> anyhow::Result<()> {
        match step {
            Step::Link => self.say("waiting for the aircraft"),
            Step::Upload => {
                let simulated = self
                    .desk
                    .aircraft(1)
                    .and_then(|a| a.state)
                    .is_some_and(|(s, _)| s.simulated);
                self.say(if simulated {
                    "aircraft found (our simulator); sending the plan"
                } else {
                    "aircraft found; sending the plan"
                });
            }
            Step::Checks => {
                self.say("the plan is on the aircraft, read back equal; waiting for the checks")
            }
            Step::Ready => {
                let simulated = self
                    .desk
                    .aircraft(1)
                    .and_then(|a| a.state)
                    .is_some_and(|(s, _)| s.simulated);
                if !simulated && !self.real_aircraft {
                    bail!(
                        "this autopilot is not our simulator. Nothing was launched. To fly a real aircraft give --real-aircraft and type the words"
                    );
                }
                if self.yes {
                    self.officer.go();
                } else if !self.asked {
                    self.asked = true;
                    self.say(&format!(
                        "all checks passed. Type {LAUNCH_WORD} to fly, anything else to stop"
                    ));
                    let events = self.events.clone();
                    std::thread::spawn(move || {
                        let mut line = String::new();
                        let _ = std::io::stdin().lock().read_line(&mut line);
                        let _ = events.blocking_send(In::Typed(line.trim().to_owned()));
                    });
                }
            }
            Step::Launching => self.say("launching"),
            Step::Flying => self.say("in the air (Ctrl-C orders the return)"),
            Step::Landed => self.say("landed; waiting for what is left to arrive"),
            Step::Over => {}
        }
        Ok(())
    }

    fn deed(&mut self, deed: &Deed) {
        let now = self.clock.now();
        let answer: Answer = match deed {
            Deed::LoadPlan => self.desk.load_plan(now, &self.bytes),
            Deed::Intent(i) => self.desk.command(now, "", i),
        };
        self.officer.answered(now.mono, deed, &answer);
        if let Deed::Intent(i) = deed {
            self.record(Some(Entry::intent(wall(now), i, &answer)));
        }
        if *deed == Deed::LoadPlan && answer.accepted {
            self.tell_rehearsed(now);
        }
    }

    /// The plan that was just loaded may fly, and why: in the desk and in the record.
    fn tell_rehearsed(&mut self, now: Now) {
        match &self.rehearsed {
            Rehearsed::Passed(result) => {
                let told = Rehearsing::Done {
                    passed: true,
                    result: result.clone(),
                };
                self.desk.rehearsal(now, self.plan_id, told);
            }
            Rehearsed::Answered { officer, reason } => {
                let word = Intent::OverrideRehearsal {
                    aircraft: None,
                    officer: officer.clone(),
                    reason: reason.clone(),
                };
                let answer = self.desk.command(now, "", &word);
                self.record(Some(Entry::intent(wall(now), &word, &answer)));
            }
        }
    }

    /// What became durable of both records since the last look.
    fn exchange_heads(&mut self) {
        let now = self.clock.now();
        if let Some((r, _)) = &self.recorder
            && let Some(head) = r.head()
        {
            let flight = r.flight();
            self.desk.handle(now, DeskIn::Recorded { flight, head });
        }
        while let Ok((aircraft, offer, durable)) = self.heads.1.try_recv() {
            let offer = &offer;
            self.desk.handle(
                now,
                DeskIn::HeadKept {
                    aircraft,
                    offer,
                    durable,
                },
            );
        }
    }

    fn drain(&mut self) {
        self.exchange_heads();
        while let Some(out) = self.desk.poll() {
            match out {
                DeskOut::Bytes { bytes, .. } => {
                    self.record(Some(Entry::Bytes {
                        stream: 1,
                        utc: wall(self.clock.now()),
                        bytes: bytes.clone(),
                    }));
                    let _ = self.to_line.try_send(bytes);
                }
                DeskOut::Event(e) => {
                    let entry = Entry::of(&e, &self.desk);
                    self.record(entry);
                    if let (DeskEvent::Head { aircraft, offer }, Some((r, _))) =
                        (&e, &self.recorder)
                    {
                        let (aircraft, offer) = (*aircraft, offer.clone());
                        let tell = self.heads.0.clone();
                        r.commit(move |durable| {
                            let _ = tell.try_send((aircraft, offer, durable));
                        });
                    }
                    if let DeskEvent::Log(l) = &e {
                        self.tell_event(l);
                    }
                }
            }
        }
    }

    fn record(&mut self, entry: Option<Entry>) {
        if let Some((r, _)) = &mut self.recorder
            && let Some(entry) = entry
            && let Some(words) = r.take(entry)
        {
            tracing::warn!("recording: {words}");
        }
    }

    fn tell_event(&self, e: &Event) {
        if self.json {
            println!("{}", serde_json::json!({"event": e}));
            let _ = std::io::stdout().flush();
            return;
        }
        if matches!(e.code.as_str(), "status_text" | "picture" | "order_sent") {
            return;
        }
        let figures: Vec<String> = e
            .params
            .iter()
            .filter_map(|(k, v)| match v.as_str() {
                // What is not there is not worth a word.
                Some("" | "none") => None,
                Some(s) if *k == e.code => Some(s.to_owned()),
                Some(s) => Some(format!("{k} {s}")),
                None => Some(format!("{k} {v}")),
            })
            .collect();
        let at =
            e.at.map_or_else(String::new, |[lon, lat]| format!(" at {lat:.6},{lon:.6}"));
        let mark = if e.code == "anomaly" { "!! " } else { "   " };
        println!("{mark}{} {}{at}", e.code, figures.join(", "));
        let _ = std::io::stdout().flush();
    }

    fn tell(&self) {
        if self.json {
            return;
        }
        let Some(a) = self.desk.aircraft(1) else {
            return;
        };
        match self.step {
            Step::Checks => println!("   not yet: {}", blocking(a).join(", ")),
            Step::Flying => {
                let state = a.state.map(|s| s.0);
                let figure = |v: Option<f64>, unit: &str| {
                    v.map_or_else(|| "?".to_owned(), |v| format!("{v:.0} {unit}"))
                };
                println!(
                    "   {}, item {}, {} up, fence {} away, battery {}, {} left",
                    state.map_or_else(
                        || "state not known".to_owned(),
                        |s| format!("{:?}", s.phase).to_lowercase()
                    ),
                    state
                        .and_then(|s| s.item)
                        .map_or_else(|| "-".to_owned(), |i| i.to_string()),
                    figure(a.telemetry.position.map(|p| p.0.above_home_m), "m"),
                    figure(state.and_then(|s| s.margin_m), "m"),
                    figure(a.telemetry.battery_pct.map(|b| b.0), "%"),
                    figure(
                        state
                            .and_then(|s| s.endurance_s)
                            .map(|e| f64::from(e) / 60.0),
                        "min"
                    ),
                );
            }
            _ => {}
        }
        let _ = std::io::stdout().flush();
    }

    fn say(&self, words: &str) {
        if self.json {
            println!(
                "{}",
                serde_json::json!({"step": self.step_word(), "words": words})
            );
        } else {
            println!("{words}");
        }
        let _ = std::io::stdout().flush();
    }

    fn step_word(&self) -> String {
        format!("{:?}", self.step).to_lowercase()
    }

    fn close(self, result: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
        let mut problems = self.officer.problems().to_vec();
        if let Some((r, dir)) = self.recorder {
            problems.extend(r.finish().context("finishing the recording")?);
            if !self.json {
                println!("recorded in {}", dir.display());
            }
        }
        result?;
        let anomalies = self.desk.anomalies().count();
        if self.json {
            println!(
                "{}",
                serde_json::json!({"flew": self.officer.flew(), "anomalies": anomalies, "problems": problems})
            );
        } else {
            println!("patrol over: {anomalies} anomalies in the store");
        }
        for p in &problems {
            eprintln!("PROBLEM: {p}");
        }
        Ok(if problems.is_empty() && self.officer.flew() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// The shell's wall time; the recorder corrects nothing.
fn wall(now: Now) -> Utc {
    now.utc.valid().unwrap_or(Utc(0))
}
