//! Whether the plan was rehearsed as it is now: what the desk asks before a launch.

use super::{Desk, DeskEvent, Reason};
use missions::plan::PatrolPlan;
use missions::time::Now;
use serde_json::{Value, json};

/// What whoever rehearses tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Rehearsing {
    /// Others come first.
    Waits,
    /// So far, 0..=1.
    Part(f64),
    /// Done.
    Done {
        /// Whether nothing blocks a launch.
        passed: bool,
        /// The whole result, for the page and the record.
        result: Value,
    },
    /// It could not be done: why, in words.
    Failed(String),
}

/// Where the rehearsal of a loaded plan stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Rehearsal {
    told: Option<Rehearsing>,
    /// Who lets it fly all the same, and why.
    overridden: Option<(String, String)>,
}

impl Rehearsal {
    pub(super) fn view(&self, needed: bool) -> Value {
        let (state, part, result, words) = match &self.told {
            None => ("none", 0.0, &Value::Null, None),
            Some(Rehearsing::Waits) => ("waiting", 0.0, &Value::Null, None),
            Some(Rehearsing::Part(p)) => ("running", *p, &Value::Null, None),
            Some(Rehearsing::Done {
                passed: true,
                result,
            }) => ("passed", 1.0, result, None),
            Some(Rehearsing::Done {
                passed: false,
                result,
            }) => ("blocked", 1.0, result, None),
            Some(Rehearsing::Failed(w)) => ("failed", 1.0, &Value::Null, Some(w)),
        };
        let overridden = self
            .overridden
            .as_ref()
            .map(|(officer, reason)| json!({"officer": officer, "reason": reason}));
        json!({
            "needed": needed,
            "state": state,
            "part": (part * 100.0).round() / 100.0,
            "result": result,
            "words": words,
            "overridden": overridden,
        })
    }
}

impl Desk {
    /// How the rehearsal of plan `id` goes. Of another plan than the loaded one nothing is kept.
    pub fn rehearsal(&mut self, now: Now, id: u64, told: Rehearsing) {
        self.now = now;
        if !self.rehearsals.contains_key(&id) {
            return;
        }
        let whose = match self.plan_by(id) {
            // With one aircraft, or one plan for all, nobody has to be named.
            Some((_, by)) if by.len() < self.aircraft.len() => by.first().map(|a| a.id),
            _ => None,
        };
        match &told {
            Rehearsing::Part(_) | Rehearsing::Waits => {}
            Rehearsing::Done { passed, result } => {
                let code = if *passed {
                    "rehearsal_passed"
                } else {
                    "rehearsal_blocked"
                };
                let of = |k: &str| result.get(k).cloned().unwrap_or(Value::Null);
                let first = of("blocking").get(0).and_then(|b| b.get("code")).cloned();
                let params = [
                    ("name", of("name")),
                    ("seed", of("seed")),
                    ("finding", first.unwrap_or(Value::Null)),
                ];
                self.say(whose, code, &params, None);
            }
            Rehearsing::Failed(words) => {
                self.say(
                    whose,
                    "rehearsal_failed",
                    &[("words", words.clone().into())],
                    None,
                );
            }
        }
        let event = match told {
            Rehearsing::Part(part) => DeskEvent::Rehearsing { plan: id, part },
            _ => DeskEvent::Plan(id),
        };
        self.rehearsals.entry(id).or_default().told = Some(told);
        self.event(event);
    }

    pub(super) fn override_rehearsal(
        &mut self,
        aircraft: Option<u8>,
        officer: &str,
        reason: &str,
    ) -> Result<(), Reason> {
        let missing: Vec<&str> = [("officer", officer), ("reason", reason)]
            .into_iter()
            .filter(|(_, v)| v.trim().is_empty())
            .map(|(k, _)| k)
            .collect();
        if !missing.is_empty() {
            return Err(Reason::new(link::codes::Refusal::Incomplete.key())
                .with("missing", missing.join(",")));
        }
        let plan = match aircraft {
            Some(id) => self
                .index(id)
                .map(|i| self.aircraft.get(i))?
                .and_then(|a| a.plan()),
            None => self.plan(),
        };
        let id = plan
            .map(PatrolPlan::id)
            .ok_or_else(|| Reason::new("desk.no_plan"))?;
        let word = (officer.trim().to_owned(), reason.trim().to_owned());
        self.rehearsals.entry(id).or_default().overridden = Some(word);
        self.say(
            aircraft,
            "rehearsal_overridden",
            &[("officer", officer.into()), ("why", reason.into())],
            None,
        );
        self.event(DeskEvent::Plan(id));
        Ok(())
    }

    /// Whether plan `id` may be launched as far as its rehearsal goes.
    pub(super) fn rehearsed(&self, id: u64) -> Result<(), Reason> {
        let r = self.rehearsals.get(&id);
        if !self.config.rehearsals || r.is_some_and(|r| r.overridden.is_some()) {
            return Ok(());
        }
        match r.and_then(|r| r.told.as_ref()) {
            Some(Rehearsing::Done { passed: true, .. }) => Ok(()),
            Some(Rehearsing::Done { .. }) => Err(Reason::new("desk.rehearsal_blocks")),
            _ => Err(Reason::new("desk.not_rehearsed")),
        }
    }
}
