//! What time brings: keep-alives, orders that nobody answers, how far a plan has come, what a page is shown.

use super::aircraft::Upload;
use super::{Desk, DeskEvent, KEEP_ALIVE, LOOK, Reason};
use link::blob::Sending;
use link::codes::Refusal;
use link::frame::Outgoing;
use link::state::PlanState;
use link::telemetry::station_heartbeat;
use missions::plan::PatrolPlan;
use missions::time::Mono;
use serde_json::Value;
use std::time::Duration;

/// A plan that is whole on the companion must be on the aircraft by then.
const CHECK_LIMIT: Duration = Duration::from_secs(90);
/// Slow fields of an aircraft are shown at most this often.
const VIEW_EVERY: Duration = Duration::from_millis(500);

impl Desk {
    /// Everything that depends on time.
    pub(super) fn look_around(&mut self) {
        let now = self.now;
        if now.mono >= self.next_keep_alive {
            self.next_keep_alive = now.mono.after(KEEP_ALIVE);
            for i in 0..self.aircraft.len() {
                self.send(i, station_heartbeat());
            }
        }
        let soon = std::mem::take(&mut self.look_now);
        if now.mono.since(self.last_look) < LOOK && self.last_look != Mono::ZERO && !soon {
            return;
        }
        let passed_s = now.mono.since(self.last_look).as_secs_f64();
        self.last_look = now.mono;
        self.tell_seat();
        self.tell_heads();
        self.tell_lines();
        for i in 0..self.aircraft.len() {
            self.look_at(i, passed_s);
        }
    }

    fn look_at(&mut self, i: usize, passed_s: f64) {
        let now = self.now;
        let rate = self.config.bulk_bytes_per_s;
        let alone = self.aircraft.len() == 1;
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let plan_id = a.plan().map(PatrolPlan::id);
        let id = a.id;
        let mut frames: Vec<Outgoing> = Vec::new();
        let mut said: Vec<(&'static str, Option<Reason>)> = Vec::new();
        let up = a.link_up(now.mono);
        if a.link_was_up && !up {
            a.link_was_up = false;
            a.view_dirty = true;
            said.push(("link_lost", None));
        }
        let silent = a.orders.tick(now);
        if a.order
            .as_ref()
            .is_some_and(|o| silent.contains(&o.id) && o.fate.is_none())
        {
            let reason = Reason::new("desk.not_delivered");
            if let Some(o) = &mut a.order {
                o.fate = Some(link::state::OrderFate::Expired);
                o.reason = Some(reason.clone());
            }
            a.view_dirty = true;
            said.push(("order_expired", Some(reason)));
        }
        while let Some(o) = a.orders.poll() {
            let system = a.telemetry.system.unwrap_or(1);
            frames.push(o.to_message(system).into());
        }
        let mut plan_changed = false;
        if let Some(s) = &mut a.sender {
            a.room_bytes = (a.room_bytes + rate * passed_s).min(rate * 0.1 + 500.0);
            if up {
                let out = s.send(now, a.room_bytes as usize);
                a.room_bytes -= 220.0 * out.len() as f64;
                frames.extend(out.into_iter().map(Outgoing::from));
            }
            let upload = match s.state() {
                Sending::Running { done, total } => Upload::Sending { sent: done, total },
                Sending::Done => Upload::Checking { since: now.mono },
                Sending::Refused => match &a.upload {
                    // The reason came in a PATROL_REFUSAL of its own.
                    Upload::Failed(r) => Upload::Failed(r.clone()),
                    _ => Upload::Failed(Reason::new("unknown")),
                },
                Sending::Silent => Upload::Failed(Reason::new(Refusal::Timeout.key())),
            };
            if !matches!(upload, Upload::Sending { .. }) {
                a.sender = None;
            }
            let changed = upload != a.upload;
            a.view_dirty |= changed;
            // A plan is long, and there may be fifty: that one more piece has come is told with the aircraft.
            let progress = matches!(
                (&upload, &a.upload),
                (Upload::Sending { .. }, Upload::Sending { .. })
            );
            plan_changed = changed && (alone || !progress);
            a.upload = upload;
        }
        match (&a.upload, a.state) {
            // Also where the receipt of its last piece never came: the aircraft's own word is more than that.
            (
                Upload::Sending { .. } | Upload::Checking { .. } | Upload::Idle | Upload::Failed(_),
                _,
            ) if plan_id.is_some_and(|p| a.has_plan(p)) => {
                a.upload = Upload::OnAircraft;
                a.sender = None;
                plan_changed = true;
                said.push(("plan_on_aircraft", None));
            }
            (Upload::Checking { since }, Some((s, t)))
                if s.plan_state == PlanState::Refused
                    && t > since.after(Duration::from_millis(500)) =>
            {
                a.upload = Upload::Failed(Reason::new("unknown"));
                plan_changed = true;
            }
            (Upload::Checking { since }, _) if now.mono.since(*since) > CHECK_LIMIT => {
                a.upload = Upload::Failed(Reason::new(Refusal::Timeout.key()));
                plan_changed = true;
            }
            (Upload::OnAircraft, Some((s, _)))
                if plan_id.is_some_and(|p| !a.has_plan(p)) && s.plan_state == PlanState::Dirty =>
            {
                a.upload = Upload::Failed(Reason::new(Refusal::NotOnAircraft.key()));
                plan_changed = true;
            }
            _ => {}
        }
        a.pictures.tick(now);
        a.previews.tick(now);
        while let Some(m) = a.pictures.poll() {
            frames.push(m.into());
        }
        while let Some(m) = a.previews.poll() {
            frames.push(m.into());
        }
        let show = a.view_dirty && now.mono.since(a.view_said) >= VIEW_EVERY;
        if show {
            a.view_dirty = false;
            a.view_said = now.mono;
        }
        for f in frames {
            self.send(i, f);
        }
        for (code, reason) in said {
            let params: Vec<(&str, Value)> = reason
                .map(|r| ("reason", Value::from(r.code)))
                .into_iter()
                .collect();
            self.say(Some(id), code, &params, None);
        }
        if plan_changed {
            if let Some(a) = self.aircraft.get_mut(i) {
                a.view_dirty = true;
            }
            if let Some(plan) = plan_id {
                self.event(DeskEvent::Plan(plan));
            }
        }
        if show {
            self.event(DeskEvent::Aircraft(id));
        }
    }
}
