//! One incident: what its steps make of it.
//!
//! ```text
//!          task          arrive            outcome           review          close
//!   open ────────▶ tasked ────────▶ on_scene ────────▶ outcome ────────▶ reviewed ──────▶ closed
//!    ▲  ◀──────────┘  no task left              (handed over, false alarm: from open and tasked too)
//!    └───────────── sent back by the review, reopened with a reason ◀───────┴───────────────┘
//! ```

use super::step::{Assignee, Deed, Outcome, Seen, Step};
use crate::desk::Reason;
use missions::anomaly::Priority;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Steps of one incident. From [`NEARLY`] on only those that bring it to its end are taken.
pub const MAX_STEPS: usize = 200;
/// From here on only steps that lead to the end.
pub const NEARLY: usize = 180;
/// Anomalies of one incident.
const MAX_SEEN: usize = 20;
/// Tasks of one incident.
const MAX_TASKS: usize = 32;

const MINUTE_MS: i64 = 60_000;
/// Somebody is to be sent within this, by priority.
fn to_task_ms(p: Priority) -> i64 {
    match p {
        Priority::Urgent => 5 * MINUTE_MS,
        Priority::High => 15 * MINUTE_MS,
        Priority::Notice => 60 * MINUTE_MS,
    }
}
/// Whoever is on the scene says what came of it within this.
const TO_OUTCOME_MS: i64 = 4 * 60 * MINUTE_MS;
/// A review, and then the closing, are due within this.
const TO_REVIEW_MS: i64 = 24 * 60 * MINUTE_MS;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody was sent yet, or nobody is on the way any more.
    Open,
    /// Somebody is on the way.
    Tasked,
    /// Somebody is there.
    OnScene,
    /// It is said what came of it; another person is to look at that.
    Outcome,
    /// Another person found it good.
    Reviewed,
    /// Nothing is left to do.
    Closed,
}

impl State {
    /// All, in their order.
    pub const ALL: [State; 6] = [
        State::Open,
        State::Tasked,
        State::OnScene,
        State::Outcome,
        State::Reviewed,
        State::Closed,
    ];

    /// Its code.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Tasked => "tasked",
            State::OnScene => "on_scene",
            State::Outcome => "outcome",
            State::Reviewed => "reviewed",
            State::Closed => "closed",
        }
    }
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// On the way.
    Sent,
    /// The aircraft refused or failed.
    Refused,
    /// There.
    OnScene,
    /// The incident went on without it.
    Ended,
}

/// Somebody who was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// From 1, in its incident.
    pub number: u32,
    /// Who.
    pub to: Assignee,
    /// Who answers for it.
    pub owner: String,
    /// When it was given, by whom.
    pub t_ms: i64,
    /// By whom.
    pub by: String,
    /// On the scene by then.
    pub due_ms: i64,
    /// When they were there.
    pub arrived_ms: Option<i64>,
    /// Where it stands.
    pub state: TaskState,
    /// Why it was refused, a code.
    pub code: Option<String>,
}

/// Somebody's word at some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Who.
    pub by: String,
    /// When.
    pub t_ms: i64,
    /// In words.
    pub words: String,
}

/// One incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Its number, from 1.
    pub number: u32,
    /// Where it stands.
    pub state: State,
    /// How urgent.
    pub priority: Priority,
    /// What it is.
    pub words: String,
    /// Longitude, latitude.
    pub at: [f64; 2],
    /// What it rests on.
    pub seen: Vec<Seen>,
    /// Who was sent.
    pub tasks: Vec<Task>,
    /// What came of it.
    pub outcome: Option<(Outcome, Word)>,
    /// Who looked at that.
    pub review: Option<Word>,
    /// When it was closed.
    pub closed_ms: Option<i64>,
    /// How often it was opened again.
    pub reopened: u32,
    /// Tasks before this one are of an earlier round.
    round: usize,
    /// When the present state began.
    since_ms: i64,
    /// The present deadline as somebody moved it.
    extended_ms: Option<i64>,
    /// All that was done, in order.
    pub deeds: Vec<Deed>,
}

fn wrong(state: State) -> Reason {
    Reason::new("incident.wrong_state").with("state", state.word())
}

impl Incident {
    /// A new one from its first step.
    ///
    /// # Errors
    /// When the step begins no incident.
    pub fn begin(deed: &Deed) -> Result<Incident, Reason> {
        let Step::Open {
            words,
            priority,
            lat_deg,
            lon_deg,
            anomaly,
            seen,
        } = &deed.step
        else {
            return Err(Reason::new("incident.unknown"));
        };
        // What an anomaly was is written down with it, or it is no evidence.
        if anomaly.is_some() != seen.is_some() {
            return Err(Reason::new("desk.anomaly_unknown"));
        }
        Ok(Incident {
            number: deed.about,
            state: State::Open,
            priority: *priority,
            words: words.clone(),
            at: [*lon_deg, *lat_deg],
            seen: seen.iter().cloned().collect(),
            tasks: Vec::new(),
            outcome: None,
            review: None,
            closed_ms: None,
            reopened: 0,
            round: 0,
            since_ms: deed.t_ms,
            extended_ms: None,
            deeds: vec![deed.clone()],
        })
    }

    fn to(&mut self, state: State, t_ms: i64) {
        if self.state != state {
            self.state = state;
            self.since_ms = t_ms;
        }
        self.extended_ms = None;
    }

    /// What a step makes of it.
    ///
    /// # Errors
    /// Why the step cannot be done here.
    pub fn after(&self, deed: &Deed) -> Result<Incident, Reason> {
        let mut next = self.clone();
        next.step(deed)?;
        next.deeds.push(deed.clone());
        Ok(next)
    }

    fn step(&mut self, deed: &Deed) -> Result<(), Reason> {
        let (state, t_ms) = (self.state, deed.t_ms);
        let ends = matches!(
            deed.step,
            Step::Arrive { .. }
                | Step::TaskRefused { .. }
                | Step::Outcome { .. }
                | Step::Review { agree: true, .. }
                | Step::Close { .. }
        );
        if self.deeds.len() >= if ends { MAX_STEPS } else { NEARLY } {
            return Err(Reason::new("incident.steps_full").with("value", MAX_STEPS));
        }
        let word = |words: &str| Word {
            by: deed.who.clone(),
            t_ms,
            words: words.to_owned(),
        };
        match &deed.step {
            _ if state == State::Closed && !matches!(deed.step, Step::Reopen { .. }) => {
                return Err(wrong(state));
            }
            Step::Note { .. } => {}
            Step::Link { anomaly, seen } => {
                let seen = seen
                    .as_ref()
                    .filter(|s| s.id == *anomaly)
                    .ok_or_else(|| Reason::new("desk.anomaly_unknown"))?;
                if self.seen.len() >= MAX_SEEN {
                    return Err(Reason::new("incident.too_many").with("value", MAX_SEEN));
                }
                self.seen.push(seen.clone());
            }
            Step::Task {
                to, owner, due_ms, ..
            } => {
                if state > State::OnScene {
                    return Err(wrong(state));
                }
                if self.tasks.len() >= MAX_TASKS {
                    return Err(Reason::new("incident.too_many").with("value", MAX_TASKS));
                }
                self.tasks.push(Task {
                    number: u32::try_from(self.tasks.len() + 1).unwrap_or(u32::MAX),
                    to: to.clone(),
                    owner: owner.clone(),
                    t_ms,
                    by: deed.who.clone(),
                    due_ms: *due_ms,
                    arrived_ms: None,
                    state: TaskState::Sent,
                    code: None,
                });
                if state == State::Open {
                    self.to(State::Tasked, t_ms);
                }
            }
            Step::TaskRefused { task, code } => {
                let task = self.on_the_way(*task)?;
                task.state = TaskState::Refused;
                task.code = Some(code.clone());
                if state == State::Tasked && !self.is_anybody_sent() {
                    self.to(State::Open, t_ms);
                }
            }
            Step::Arrive { task, .. } => {
                let task = self.on_the_way(*task)?;
                task.state = TaskState::OnScene;
                task.arrived_ms = Some(t_ms);
                self.to(State::OnScene, t_ms);
            }
            Step::Extend { due_ms, .. } => self.extended_ms = Some(*due_ms),
            Step::Outcome { outcome, words } => {
                let early = matches!(state, State::Open | State::Tasked);
                if early && !outcome.from_afar() {
                    return Err(Reason::new("incident.not_on_scene"));
                }
                if !early && state != State::OnScene {
                    return Err(wrong(state));
                }
                for t in self.tasks.iter_mut().filter(|t| t.state == TaskState::Sent) {
                    t.state = TaskState::Ended;
                }
                self.outcome = Some((*outcome, word(words)));
                self.to(State::Outcome, t_ms);
            }
            Step::Review { agree, words } => {
                let (Some((_, said)), State::Outcome) = (&self.outcome, state) else {
                    return Err(wrong(state));
                };
                let answers = self.tasks.get(self.round..).unwrap_or(&[]);
                if said.by == deed.who || answers.iter().any(|t| t.owner == deed.who) {
                    return Err(Reason::new("incident.same_person"));
                }
                if *agree {
                    self.review = Some(word(words));
                    self.to(State::Reviewed, t_ms);
                } else {
                    self.again(t_ms);
                }
            }
            Step::Close { .. } => {
                if state != State::Reviewed || self.review.is_none() {
                    return Err(wrong(state));
                }
                self.closed_ms = Some(t_ms);
                self.to(State::Closed, t_ms);
            }
            Step::Reopen { .. } => {
                if !matches!(state, State::Closed | State::Reviewed) {
                    return Err(wrong(state));
                }
                self.reopened = self.reopened.saturating_add(1);
                self.again(t_ms);
            }
            _ => return Err(Reason::new("desk.bad_request")),
        }
        Ok(())
    }

    /// From the beginning: whoever was sent before is no longer on the way, and a new outcome needs a new review.
    fn again(&mut self, t_ms: i64) {
        self.round = self.tasks.len();
        self.outcome = None;
        self.review = None;
        self.closed_ms = None;
        self.to(State::Open, t_ms);
    }

    fn on_the_way(&mut self, task: u32) -> Result<&mut Task, Reason> {
        self.tasks
            .iter_mut()
            .find(|t| t.number == task && t.state == TaskState::Sent)
            .ok_or_else(|| Reason::new("incident.no_task").with("value", task))
    }

    fn is_anybody_sent(&self) -> bool {
        self.tasks.iter().any(|t| t.state == TaskState::Sent)
    }

    /// The task of an aircraft that is on its way.
    #[must_use]
    pub fn task_of(&self, aircraft: u8) -> Option<&Task> {
        let is = |t: &&Task| t.state == TaskState::Sent && t.to == Assignee::Aircraft(aircraft);
        self.tasks.iter().rev().find(is)
    }

    /// By when the next step is due; `None`: closed.
    #[must_use]
    pub fn due_ms(&self) -> Option<i64> {
        let tasks = || {
            let sent = self.tasks.iter().filter(|t| t.state == TaskState::Sent);
            sent.map(|t| t.due_ms).min()
        };
        let by_rule = match self.state {
            State::Open => Some(self.since_ms.saturating_add(to_task_ms(self.priority))),
            State::Tasked => tasks(),
            State::OnScene => Some(self.since_ms.saturating_add(TO_OUTCOME_MS)),
            State::Outcome | State::Reviewed => Some(self.since_ms.saturating_add(TO_REVIEW_MS)),
            State::Closed => return None,
        };
        self.extended_ms.or(by_rule)
    }

    /// Who is to do the next step, where somebody is named.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        let here = |t: &&Task| matches!(t.state, TaskState::Sent | TaskState::OnScene);
        match self.state {
            State::Open | State::Outcome => None,
            State::Tasked | State::OnScene => {
                let round = self.tasks.get(self.round..).unwrap_or(&[]);
                round.iter().rev().find(here).map(|t| t.owner.as_str())
            }
            State::Reviewed => self.review.as_ref().map(|r| r.by.as_str()),
            State::Closed => None,
        }
    }

    /// When it began.
    #[must_use]
    pub fn opened_ms(&self) -> i64 {
        self.deeds.first().map_or(0, |d| d.t_ms)
    }

    /// As the page's list reads it.
    #[must_use]
    pub fn view(&self) -> Value {
        let opened = self.deeds.first();
        json!({
            "number": self.number,
            "state": self.state,
            "priority": self.priority,
            "words": self.words,
            "at": self.at,
            "seen": self.seen,
            "opened_ms": self.opened_ms(),
            "opened_by": opened.map(|d| d.who.clone()),
            "owner": self.owner(),
            "due_ms": self.due_ms(),
            "tasks": self.tasks,
            "outcome": self.outcome.as_ref().map(|(o, w)| json!({"outcome": o, "by": w.by, "t_ms": w.t_ms, "words": w.words})),
            "review": self.review,
            "closed_ms": self.closed_ms,
            "reopened": self.reopened,
            "steps": self.deeds.len(),
            "changed_ms": self.deeds.last().map(|d| d.t_ms),
        })
    }
}
