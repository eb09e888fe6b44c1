//! Plans are rehearsed on a thread of their own, one at a time: a newer plan, or another autopilot, ends the one before.

use super::Rehearse;
use crate::desk::{Desk, Rehearsing};
use link::state::AutopilotWord;
use missions::plan::PatrolPlan;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// News that may wait for the desk; parts that find no room are left out.
const WAITING: usize = 64;
/// The part done is told in steps of so much.
const STEP: f64 = 0.02;
/// Before an aircraft is heard it is taken to be this.
const USUAL: &str = "px4";

/// Starts rehearsals.
pub(super) struct Rehearsals {
    with: Option<Rehearse>,
    /// Plan and autopilot of the one that was started last.
    of: Option<(u64, &'static str)>,
    /// Which rehearsal is wanted; others end.
    wanted: Arc<AtomicU64>,
    tell: mpsc::Sender<(u64, Rehearsing)>,
}

impl Rehearsals {
    /// None yet, and where they tell: the plan's id, and how it goes.
    pub(super) fn new(with: Option<Rehearse>) -> (Self, mpsc::Receiver<(u64, Rehearsing)>) {
        let (tell, told) = mpsc::channel(WAITING);
        let r = Rehearsals {
            with,
            of: None,
            wanted: Arc::default(),
            tell,
        };
        (r, told)
    }

    /// Starts one where the desk's plan was not rehearsed with the aircraft that is there.
    pub(super) fn look(&mut self, desk: &Desk) {
        let (Some(with), Some(plan)) = (self.with, desk.plan()) else {
            return;
        };
        let heard = desk
            .all_aircraft()
            .iter()
            .find_map(|a| a.telemetry.autopilot);
        let kind = match heard {
            Some(AutopilotWord::ArduPilot) => "ardupilot",
            Some(_) => "px4",
            // What was rehearsed stands until another autopilot is heard.
            None => self.of.map_or(USUAL, |(_, kind)| kind),
        };
        let of = (plan.id(), kind);
        if self.of == Some(of) {
            return;
        }
        self.of = Some(of);
        let number = self.wanted.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let (plan, wanted, tell) = (plan.clone(), self.wanted.clone(), self.tell.clone());
        let id = plan.id();
        let told = self.tell.clone();
        let run = move || run(with, &plan, kind, number, &wanted, &tell);
        let started = std::thread::Builder::new()
            .name("rehearsal".into())
            .spawn(run);
        if let Err(e) = started {
            let _ = told.try_send((id, Rehearsing::Failed(e.to_string())));
        }
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
    tell: &mpsc::Sender<(u64, Rehearsing)>,
) {
    let id = plan.id();
    let mut next = 0.0;
    let mut go_on = |part: f64| {
        if part >= next {
            next = part + STEP;
            let _ = tell.try_send((id, Rehearsing::Part(part)));
        }
        wanted.load(Ordering::Relaxed) == number
    };
    let told = match with(plan, kind, &mut go_on) {
        Ok(Some((passed, result))) => Rehearsing::Done { passed, result },
        Ok(None) => return,
        Err(e) => Rehearsing::Failed(format!("{e:#}")),
    };
    if wanted.load(Ordering::Relaxed) == number {
        // The last word must arrive: this thread may wait, nobody waits for it.
        let _ = tell.blocking_send((id, told));
    }
}
