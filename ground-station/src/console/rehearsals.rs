//! Plans are rehearsed on a thread of their own, one after the other: fifty aircraft have fifty plans. One that nobody is to
//! fly any more, or with another autopilot, is broken off.

use super::Rehearse;
use crate::desk::{Desk, Rehearsing};
use link::state::AutopilotWord;
use missions::plan::PatrolPlan;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// News that may wait for the desk; parts that find no room are left out.
const WAITING: usize = 64;
/// The part done is told in steps of so much.
const STEP: f64 = 0.02;
/// Before an aircraft is heard it is taken to be this.
const USUAL: &str = "px4";

/// A plan's id and the autopilot it is rehearsed with.
type Of = (u64, &'static str);

/// What a rehearsal tells.
pub(super) struct Told {
    /// Its number.
    number: u64,
    what: Rehearsing,
}

/// Starts rehearsals.
pub(super) struct Rehearsals {
    with: Option<Rehearse>,
    /// The one that runs, and its number.
    running: Option<(Of, u64)>,
    /// Those that came to an end, whatever it was, of plans that are loaded.
    done: BTreeSet<Of>,
    /// The autopilot last heard of each plan's aircraft.
    kinds: BTreeMap<u64, &'static str>,
    /// Plans of which was told that they wait.
    waiting: BTreeSet<u64>,
    /// Which rehearsal is wanted; others end.
    wanted: Arc<AtomicU64>,
    tell: mpsc::Sender<Told>,
}

impl Rehearsals {
    /// None yet, and where they tell.
    pub(super) fn new(with: Option<Rehearse>) -> (Self, mpsc::Receiver<Told>) {
        let (tell, told) = mpsc::channel(WAITING);
        let r = Rehearsals {
            with,
            running: None,
            done: BTreeSet::new(),
            kinds: BTreeMap::new(),
            waiting: BTreeSet::new(),
            wanted: Arc::default(),
            tell,
        };
        (r, told)
    }

    /// What a rehearsal told, for the desk; nothing of one that was broken off.
    pub(super) fn heard(&mut self, told: Told) -> Option<(u64, Rehearsing)> {
        let (of, _) = self.running.filter(|(_, number)| *number == told.number)?;
        if matches!(told.what, Rehearsing::Done { .. } | Rehearsing::Failed(_)) {
            self.running = None;
            self.done.insert(of);
        }
        Some((of.0, told.what))
    }

    /// Starts the next one where a plan was not rehearsed with the aircraft that is there. The plans that begin to wait.
    pub(super) fn look(&mut self, desk: &Desk) -> Vec<u64> {
        let Some(with) = self.with else {
            return Vec::new();
        };
        let wished: Vec<(Of, &PatrolPlan)> = desk
            .plans()
            .map(|p| ((p.id(), self.kind(desk, p.id())), p))
            .collect();
        self.kinds = wished.iter().map(|(of, _)| *of).collect();
        let is_wished = |of: &Of| wished.iter().any(|(w, _)| w == of);
        self.done.retain(|of| is_wished(of));
        if self.running.is_some_and(|(of, _)| !is_wished(&of)) {
            self.running = None;
            self.wanted.fetch_add(1, Ordering::Relaxed);
        }
        let runs = self.running.map(|(of, _)| of);
        let mut open = wished
            .iter()
            .filter(|(of, _)| !self.done.contains(of) && runs != Some(*of));
        let next = if runs.is_none() { open.next() } else { None };
        let open: BTreeSet<u64> = open.map(|(of, _)| of.0).collect();
        if let Some((of, plan)) = next {
            self.running = Some((*of, self.start(with, plan, of.1)));
        }
        let begin = open.difference(&self.waiting).copied().collect();
        self.waiting = open;
        begin
    }

    fn kind(&self, desk: &Desk, plan: u64) -> &'static str {
        let by = desk.plan_by(plan).map_or(Vec::new(), |(_, by)| by);
        let heard = by.iter().find_map(|a| a.telemetry.autopilot);
        match heard {
            Some(AutopilotWord::ArduPilot) => "ardupilot",
            Some(_) => "px4",
            // What was rehearsed stands until another autopilot is heard.
            None => self.kinds.get(&plan).copied().unwrap_or(USUAL),
        }
    }

    /// Its number.
    fn start(&self, with: Rehearse, plan: &PatrolPlan, kind: &'static str) -> u64 {
        let number = self.wanted.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let (plan, wanted, tell) = (plan.clone(), self.wanted.clone(), self.tell.clone());
        let told = self.tell.clone();
        let run = move || run(with, &plan, kind, number, &wanted, &tell);
        let started = std::thread::Builder::new()
            .name("rehearsal".into())
            .spawn(run);
        if let Err(e) = started {
            let what = Rehearsing::Failed(e.to_string());
            let _ = told.try_send(Told { number, what });
        }
        number
    }
}

impl Drop for Rehearsals {
    fn drop(&mut self) {
        self.wanted.fetch_add(1, Ordering::Relaxed);
    }
}

fn run(
    with: Rehearse,
    plan: &PatrolPlan,
    kind: &str,
    number: u64,
    wanted: &AtomicU64,
    tell: &mpsc::Sender<Told>,
) {
    let mut next = 0.0;
    let mut go_on = |part: f64| {
        if part >= next {
            next = part + STEP;
            let what = Rehearsing::Part(part);
            let _ = tell.try_send(Told { number, what });
        }
        wanted.load(Ordering::Relaxed) == number
    };
    let what = match with(plan, kind, &mut go_on) {
        Ok(Some((passed, result))) => Rehearsing::Done { passed, result },
        Ok(None) => return,
        Err(e) => Rehearsing::Failed(format!("{e:#}")),
    };
    if wanted.load(Ordering::Relaxed) == number {
        // The last word must arrive: this thread may wait, nobody waits for it.
        let _ = tell.blocking_send(Told { number, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::DeskConfig;
    use crate::desk::tests::perimeter_plan;
    use link::journal::MemDisk;
    use missions::time::{Mono, Now, Reading};
    use serde_json::json;

    fn passes(
        _: &PatrolPlan,
        _: &str,
        _: &mut dyn FnMut(f64) -> bool,
    ) -> anyhow::Result<Option<(bool, serde_json::Value)>> {
        Ok(Some((true, json!({"blocking": []}))))
    }

    fn now() -> Now {
        Now {
            mono: Mono::ZERO,
            utc: Reading::NotYet,
        }
    }

    #[test]
    fn plans_of_a_fleet_are_rehearsed_one_after_the_other_and_alike_ones_once() {
        let config = DeskConfig {
            links: 4,
            rehearsals: true,
            ..DeskConfig::default()
        };
        let mut desk = Desk::new(config, Box::new(MemDisk::default())).unwrap();
        let (high, low) = (perimeter_plan(60.0), perimeter_plan(50.0));
        for (id, plan) in [(1, &high), (2, &low), (3, &high), (4, &low)] {
            assert!(
                desk.load_plan_for(now(), Some(id), &plan.to_json())
                    .accepted
            );
        }
        let (mut r, mut told) = Rehearsals::new(Some(passes));
        assert_eq!(r.look(&desk), [low.id()], "the second plan waits");
        assert_eq!(r.look(&desk), Vec::<u64>::new(), "and is told once");
        let mut done = Vec::new();
        while done.len() < 2 {
            let (plan, what) = r.heard(told.blocking_recv().unwrap()).unwrap();
            if matches!(what, Rehearsing::Done { passed: true, .. }) {
                done.push(plan);
            }
            assert_eq!(r.look(&desk), Vec::<u64>::new());
        }
        assert_eq!(done, [high.id(), low.id()]);
        assert!(r.running.is_none(), "nothing is rehearsed twice");
    }

    #[test]
    fn what_a_broken_off_rehearsal_says_is_not_heard() {
        let config = DeskConfig {
            rehearsals: true,
            ..DeskConfig::default()
        };
        let mut desk = Desk::new(config, Box::new(MemDisk::default())).unwrap();
        let (high, low) = (perimeter_plan(60.0), perimeter_plan(50.0));
        assert!(desk.load_plan(now(), &high.to_json()).accepted);
        let (mut r, _told) = Rehearsals::new(Some(passes));
        r.look(&desk);
        let number = r.running.unwrap().1;
        assert!(desk.load_plan(now(), &low.to_json()).accepted);
        r.look(&desk);
        let what = Rehearsing::Done {
            passed: true,
            result: json!({}),
        };
        assert!(r.heard(Told { number, what }).is_none());
    }
}
