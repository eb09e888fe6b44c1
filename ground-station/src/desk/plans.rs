//! Plans: taken, given to the aircraft that are to fly them, and sent.

use super::aircraft::{Aircraft, Upload};
use super::{Answer, Desk, DeskEvent, Reason, plan_reason};
use link::blob::{BlobKind, Sender};
use link::codes::Refusal;
use missions::plan::PatrolPlan;
use missions::time::Now;
use missions::venue::Venue;
use std::sync::Arc;

impl Desk {
    /// Takes a plan and sends it to every aircraft.
    pub fn load_plan(&mut self, now: Now, bytes: &[u8]) -> Answer {
        self.load_plan_for(now, None, bytes)
    }

    /// Takes a plan and sends it to one aircraft; `None`: to every one.
    pub fn load_plan_for(&mut self, now: Now, aircraft: Option<u8>, bytes: &[u8]) -> Answer {
        self.now = now;
        let for_it = match aircraft.map(|id| self.index(id)).transpose() {
            Ok(i) => i,
            Err(r) => return Answer::no(r),
        };
        let plan = match PatrolPlan::from_json(bytes) {
            Ok(p) => p,
            Err(f) => return Answer::no(plan_reason(&f)),
        };
        self.say(
            aircraft,
            "plan_loaded",
            &[("name", plan.file().name.clone().into())],
            None,
        );
        let plan = Arc::new(plan);
        let id = plan.id();
        let given = for_it.map_or(0..self.aircraft.len(), |i| i..i + 1);
        for a in self.aircraft.iter_mut().take(given.end).skip(given.start) {
            a.plan = Some(Arc::clone(&plan));
            a.view_dirty = true;
        }
        self.plan = Some(plan);
        self.show_venues();
        // A rehearsal is of one plan: a changed one needs its own.
        let loaded: Vec<u64> = self.plans().map(PatrolPlan::id).chain([id]).collect();
        self.rehearsals.retain(|of, _| loaded.contains(of));
        self.rehearsals.entry(id).or_default();
        for i in given {
            self.start_upload(i);
        }
        self.event(DeskEvent::Plan(id));
        self.look_now = true;
        self.look_around();
        Answer::yes()
    }

    /// The map shows the plan's venue; where aircraft fly over several, all of them.
    fn show_venues(&mut self) {
        let mut shown: Option<Venue> = None;
        for plan in self.plans().chain(self.plan.as_deref()) {
            let Ok(v) = Venue::from_value(&plan.file().venue) else {
                continue;
            };
            let Some(all) = &mut shown else {
                shown = Some(v);
                continue;
            };
            for zone in v.zones {
                if !all.zones.contains(&zone) {
                    all.zones.push(zone);
                }
            }
        }
        self.venue = shown.unwrap_or_else(|| self.venue.clone());
    }

    /// The venue that this aircraft's plan was made over.
    pub(super) fn venue_of(&self, id: u8) -> Venue {
        self.aircraft(id)
            .and_then(Aircraft::plan)
            .and_then(|p| Venue::from_value(&p.file().venue).ok())
            .unwrap_or_else(|| self.venue.clone())
    }

    pub(super) fn start_upload(&mut self, i: usize) {
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let Some(plan) = a.plan.clone() else { return };
        let (bytes, id) = (plan.to_json(), plan.id());
        self.next_transfer = self.next_transfer.wrapping_add(1).max(1);
        a.view_dirty = true;
        if a.has_plan(id) {
            a.upload = Upload::OnAircraft;
            return;
        }
        a.sender = link::pack::pack(&bytes)
            .and_then(|b| Sender::new(BlobKind::Bundle, self.next_transfer, 0, b));
        a.room_bytes = self.config.bulk_bytes_per_s * 0.1 + 500.0;
        a.upload = match &a.sender {
            Some(_) => Upload::Sending { sent: 0, total: 0 },
            None => Upload::Failed(Reason::new(Refusal::TooMany.key())),
        };
        let whose = a.id;
        self.say(Some(whose), "plan_sending", &[], None);
        self.event(DeskEvent::Plan(id));
    }
}
