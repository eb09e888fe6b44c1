//! An officer by script: loads the plan, waits until it is on the aircraft, asks for the checks, launches, confirms
//! anomalies, and is done when the aircraft has landed and everything is receipted.
//!
//! A core that sees the desk only, as an officer sees the console, and does only what an officer can. Flies in virtual
//! time and, from `ground-station fly`, over a real link.
//!
//! ```text
//! Link ─► Upload ─► Checks ─► Launching ─► Flying ─► Landed ─► Over
//!            └──────────┴──────────┴── gives up, with the reason ──┘
//! ```

use crate::desk::{Aircraft, Answer, Desk, Intent, Upload, anomaly_id};
use link::state::{CheckStatus, FlightPhase, OrderFate, PREFLIGHT_KEYS};
use missions::time::Mono;
use std::{collections::BTreeMap, time::Duration};

/// The officer looks at the desk this often.
pub const LOOK: Duration = Duration::from_millis(100);
/// The aircraft must be heard within this.
const LINK_LIMIT: Duration = Duration::from_secs(90);
/// The plan must be on the aircraft within this.
const UPLOAD_LIMIT: Duration = Duration::from_secs(240);
/// All checks must pass within this; a real PX4 needs some 40 s from switching on.
const CHECKS_LIMIT: Duration = Duration::from_secs(180);
/// The aircraft must be in the air so long after the first launch order.
const LAUNCH_LIMIT: Duration = Duration::from_secs(90);
/// Between two attempts at the same thing.
const AGAIN: Duration = Duration::from_secs(3);
/// Times a refused upload is tried again.
const UPLOAD_TRIES: u32 = 4;
/// An anomaly is looked at for so long before it is confirmed.
const LOOKS_AT_ANOMALY: Duration = Duration::from_secs(4);
/// A hover nobody asked for is ended after so long with the link up.
const RESUME_AFTER: Duration = Duration::from_secs(6);
/// After the landing the link gets this long to deliver and receipt what is left.
const AFTER_LANDING: Duration = Duration::from_secs(30);
/// And at least so long: the last report is half a second old.
const LEAST_AFTER_LANDING: Duration = Duration::from_secs(3);

/// What the officer wants done at the desk.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Load the plan.
    LoadPlan,
    /// An intent.
    Intent(Intent),
}

/// What a launch is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What the flight is for.
    pub purpose: String,
    /// Incident number.
    pub incident: String,
    /// Who answers for it.
    pub pilot: String,
}

/// Where the officer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits for an aircraft.
    Link,
    /// Waits for the plan to be on it.
    Upload,
    /// Waits for the checks to pass.
    Checks,
    /// Waits for somebody to say [`Officer::go`].
    Ready,
    /// Has ordered the launch.
    Launching,
    /// The aircraft flies.
    Flying,
    /// It is down; what is left comes in.
    Landed,
    /// Done, or given up.
    Over,
}

/// The officer.
#[derive(Debug)]
pub struct Officer {
    words: Words,
    step: Step,
    since: Mono,
    next: Mono,
    tries: u32,
    go: bool,
    flew: bool,
    first_launch: Option<Mono>,
    hovers_since: Option<Mono>,
    anomalies: BTreeMap<String, (Mono, bool)>,
    problems: Vec<String>,
    refusal: Option<String>,
}

impl Officer {
    /// For aircraft 1. `go`: whether it launches as soon as the checks pass, or waits for [`Officer::go`].
    #[must_use]
    pub fn new(words: Words, go: bool) -> Self {
        Officer {
            words,
            step: Step::Link,
            since: Mono::ZERO,
            next: Mono::ZERO,
            tries: 0,
            go,
            flew: false,
            first_launch: None,
            hovers_since: None,
            anomalies: BTreeMap::new(),
            problems: Vec::new(),
            refusal: None,
        }
    }

    /// Launch may be ordered.
    pub fn go(&mut self) {
        self.go = true;
    }
    /// Where the officer stands.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }
    /// Whether nothing more will be done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.step == Step::Over
    }
    /// Whether the aircraft was seen to fly.
    #[must_use]
    pub fn flew(&self) -> bool {
        self.flew
    }
    /// What went wrong, in plain words; empty after a patrol that went well.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn turn(&mut self, now: Mono, step: Step) {
        self.step = step;
        self.since = now;
        self.next = now;
        self.tries = 0;
    }
    fn give_up(&mut self, why: String) {
        self.problems.push(why);
        self.step = Step::Over;
    }

    /// Looks at the desk; what to do next, if anything.
    pub fn look(&mut self, now: Mono, desk: &Desk) -> Option<Deed> {
        let Some(a) = desk.aircraft(1) else {
            self.give_up("the desk has no aircraft".into());
            return None;
        };
        let waited = now.since(self.since);
        match self.step {
            Step::Link => {
                if a.link_up(now) && a.state.is_some() {
                    self.turn(now, Step::Upload);
                } else if waited > LINK_LIMIT {
                    self.give_up(format!(
                        "no aircraft was heard within {} s: check the link and that the companion runs",
                        LINK_LIMIT.as_secs()
                    ));
                }
                None
            }
            Step::Upload => self.upload(now, desk, a, waited),
            Step::Checks => self.checks(now, a, waited),
            Step::Ready => {
                if self.go {
                    self.turn(now, Step::Launching);
                } else if a.token(now).is_none() {
                    self.turn(now, Step::Checks);
                }
                None
            }
            Step::Launching => self.launch(now, a),
            Step::Flying => {
                if is_down(a) {
                    self.turn(now, Step::Landed);
                }
                self.resume(now, a).or_else(|| self.confirm(now, desk))
            }
            Step::Landed => {
                let pending = a.state.map_or(1, |(s, _)| s.pending);
                let stored = a.state.map_or(0, |(s, _)| s.last_anomaly);
                let known = desk.anomalies().count() as u32;
                let pictures = desk.anomalies().all(|(_, x)| {
                    x.picture_sha256
                        .is_none_or(|h| desk.picture(&missions::plan::hex(&h)).is_some())
                });
                let confirmed = self.anomalies.values().all(|(_, done)| *done);
                let whole = pending == 0 && known >= stored && pictures && confirmed;
                if (whole && waited >= LEAST_AFTER_LANDING) || waited >= AFTER_LANDING {
                    if pending > 0 {
                        self.problems.push(format!(
                            "{pending} anomalies are still not receipted {} s after the landing",
                            AFTER_LANDING.as_secs()
                        ));
                    }
                    self.step = Step::Over;
                    return None;
                }
                self.confirm(now, desk)
            }
            Step::Over => None,
        }
    }

    /// What the desk answered to the last deed.
    pub fn answered(&mut self, now: Mono, deed: &Deed, answer: &Answer) {
        if let (Deed::LoadPlan, Some(r)) = (deed, &answer.reason) {
            let words = r.params.get("words").and_then(|w| w.as_str());
            self.give_up(format!(
                "the plan cannot be flown: {}",
                words.unwrap_or(&r.code)
            ));
        }
        if let (Deed::Intent(Intent::Launch { .. }), Some(r)) = (deed, &answer.reason) {
            self.refusal = Some(r.code.clone());
            self.next = now.after(AGAIN);
        }
    }

    fn upload(&mut self, now: Mono, desk: &Desk, a: &Aircraft, waited: Duration) -> Option<Deed> {
        if waited > UPLOAD_LIMIT {
            self.give_up("the plan did not get onto the aircraft in time".into());
            return None;
        }
        if desk.plan().is_none() {
            return (now >= self.next).then(|| {
                self.next = now.after(AGAIN);
                Deed::LoadPlan
            });
        }
        match &a.upload {
            Upload::OnAircraft => {
                self.turn(now, Step::Checks);
                None
            }
            Upload::Failed(_) if now < self.next => None,
            Upload::Failed(r) => {
                if self.tries >= UPLOAD_TRIES {
                    let words = r.params.get("words").and_then(|w| w.as_str());
                    self.give_up(format!(
                        "the aircraft did not take the plan: {} {}",
                        r.code,
                        words.unwrap_or("")
                    ));
                    return None;
                }
                self.tries += 1;
                self.next = now.after(AGAIN);
                Some(Deed::Intent(Intent::Upload { aircraft: 1 }))
            }
            Upload::Idle | Upload::Sending { .. } | Upload::Checking { .. } => None,
        }
    }

    fn checks(&mut self, now: Mono, a: &Aircraft, waited: Duration) -> Option<Deed> {
        if a.token(now).is_some() {
            self.turn(now, Step::Ready);
            return None;
        }
        if waited > CHECKS_LIMIT {
            self.give_up(format!(
                "the checks did not pass: {}",
                blocking(a).join(", ")
            ));
            return None;
        }
        if now < self.next {
            return None;
        }
        self.next = now.after(AGAIN);
        Some(Deed::Intent(Intent::Preflight { aircraft: 1 }))
    }

    fn launch(&mut self, now: Mono, a: &Aircraft) -> Option<Deed> {
        if is_up(a) {
            self.flew = true;
            self.turn(now, Step::Flying);
            return None;
        }
        let began = *self.first_launch.get_or_insert(now);
        if now.since(began) > LAUNCH_LIMIT {
            let why = self
                .refusal
                .clone()
                .unwrap_or_else(|| "no reason was given".into());
            self.give_up(format!(
                "the aircraft did not take off: {why}; blocking: {}",
                blocking(a).join(", ")
            ));
            return None;
        }
        // An order under way is not doubled.
        let running = self.tries > 0
            && a.order.as_ref().is_some_and(|o| {
                o.kind == "launch" && matches!(o.fate, None | Some(OrderFate::Accepted))
            });
        if let Some(o) = a
            .order
            .as_ref()
            .filter(|o| o.kind == "launch" && o.reason.is_some())
        {
            self.refusal = o.reason.as_ref().map(|r| r.code.clone());
        }
        if running || now < self.next {
            return None;
        }
        if a.token(now).is_none() {
            self.next = now.after(AGAIN);
            return Some(Deed::Intent(Intent::Preflight { aircraft: 1 }));
        }
        self.tries += 1;
        self.next = now.after(AGAIN);
        Some(Deed::Intent(Intent::Launch {
            aircraft: 1,
            purpose: self.words.purpose.clone(),
            incident: self.words.incident.clone(),
            pilot: self.words.pilot.clone(),
        }))
    }

    /// After a hold for a lost link that came back, an officer sends the aircraft on.
    fn resume(&mut self, now: Mono, a: &Aircraft) -> Option<Deed> {
        let hovers = a
            .state
            .is_some_and(|(s, _)| s.phase == FlightPhase::Holding)
            && a.link_up(now);
        if !hovers {
            self.hovers_since = None;
            return None;
        }
        let since = *self.hovers_since.get_or_insert(now);
        if now.since(since) < RESUME_AFTER {
            return None;
        }
        self.hovers_since = None;
        Some(Deed::Intent(Intent::Resume { aircraft: 1 }))
    }

    fn confirm(&mut self, now: Mono, desk: &Desk) -> Option<Deed> {
        for (store, a) in desk.anomalies() {
            self.anomalies
                .entry(anomaly_id(store, a.number))
                .or_insert((now, false));
        }
        let (id, state) = self
            .anomalies
            .iter_mut()
            .find(|(_, (seen, done))| !done && now.since(*seen) >= LOOKS_AT_ANOMALY)?;
        state.1 = true;
        Some(Deed::Intent(Intent::Confirm {
            anomaly: id.clone(),
        }))
    }
}

/// These may stay unknown: they cannot be measured on the ground on every aircraft.
const MAY_BE_UNKNOWN: [&str; 2] = ["own_remote_id", "wind"];

/// The checks that keep the aircraft on the ground, by their keys.
#[must_use]
pub fn blocking(a: &Aircraft) -> Vec<String> {
    let Some((p, _)) = a.preflight else {
        return vec!["no check list was received".into()];
    };
    PREFLIGHT_KEYS
        .iter()
        .zip(&p.checks)
        .filter(|(key, (status, _))| match status {
            CheckStatus::Pass => false,
            CheckStatus::Fail => true,
            CheckStatus::Unknown => !MAY_BE_UNKNOWN.contains(*key),
        })
        .map(|(key, (status, value))| {
            let word = if *status == CheckStatus::Fail {
                "failed"
            } else {
                "not known"
            };
            match value {
                Some(v) => format!("{key} {word} ({v:.1})"),
                None => format!("{key} {word}"),
            }
        })
        .collect()
}

fn is_up(a: &Aircraft) -> bool {
    a.state.is_some_and(|(s, _)| {
        !matches!(
            s.phase,
            FlightPhase::Boot
                | FlightPhase::Grounded
                | FlightPhase::Ready
                | FlightPhase::Unknown(_)
        )
    })
}

fn is_down(a: &Aircraft) -> bool {
    a.telemetry.armed == Some(false)
        && a.state
            .is_some_and(|(s, _)| matches!(s.phase, FlightPhase::Grounded | FlightPhase::Ready))
}
