//! Who sits at this desk, and who has the aircraft.
//!
//! The shell says whether an officer's session lives; the desk tells every companion, once a second and at once when it
//! changes. Who has an aircraft is the companion's word (PATROL_CONTROL), never ours.

use super::{Desk, Reason};
use link::control::{ControlReport, HandOver, OfficerReport, Seat};
use missions::time::Mono;
use serde_json::Value;
use std::time::Duration;

/// A seat is told this often; while it is news, and while control is being taken, more often: the frame may be lost.
const TELL_EVERY: Duration = Duration::from_secs(1);
const TAKE_EVERY: Duration = Duration::from_millis(250);
const NEWS_FOR: Duration = Duration::from_secs(1);
/// Control is asked for this long.
const TAKE_FOR: Duration = Duration::from_secs(3);

/// The desk's seat.
#[derive(Clone, Debug, Default)]
pub(super) struct Sitting {
    /// Nothing is told before a session was ever there.
    seat: Option<Seat>,
    officer: String,
    told: Option<Mono>,
    since: Mono,
    taking_since: Option<Mono>,
}

impl Desk {
    /// Whether an officer's session lives at this desk.
    pub fn session(&mut self, now: missions::time::Now, lives: bool) {
        self.now = now;
        let seat = match (self.sitting.seat, lives) {
            (None, false) => return,
            // Whoever handed over sits there without control until it is taken again.
            (Some(Seat::HandsOver), true) => Seat::HandsOver,
            (Some(Seat::Takes), true) => Seat::Takes,
            (_, true) => Seat::Present,
            (_, false) => Seat::Lost,
        };
        if self.sitting.seat != Some(seat) {
            self.sit(seat);
            if seat == Seat::Lost {
                self.say(None, "session_lost", &[], None);
            }
        }
        self.tell_seat();
    }

    /// The officer at this desk; empty: not told.
    #[must_use]
    pub fn officer(&self) -> &str {
        &self.sitting.officer
    }

    fn sit(&mut self, seat: Seat) {
        self.sitting.seat = Some(seat);
        self.sitting.told = None;
        self.sitting.since = self.now.mono;
        self.sitting.taking_since = (seat == Seat::Takes).then_some(self.now.mono);
    }

    /// Somebody named himself.
    pub(super) fn named(&mut self, officer: &str) {
        let officer = officer.trim();
        if officer.is_empty() || self.sitting.officer == officer {
            return;
        }
        self.sitting.officer = officer.to_owned();
        self.sitting.told = None;
    }

    /// From one officer to another, by name: `from` must be the one who sits here. Without `to` control goes to whoever
    /// takes it, at whatever station.
    pub(super) fn hand_over(&mut self, from: &str, to: &str) -> Result<(), Reason> {
        if from.trim() != self.sitting.officer {
            return Err(
                Reason::new("desk.not_in_charge").with("officer", self.sitting.officer.clone())
            );
        }
        self.say(
            None,
            "hand_over",
            &[("from", from.trim().into()), ("to", to.trim().into())],
            None,
        );
        if to.trim().is_empty() {
            self.sit(Seat::HandsOver);
        } else {
            self.named(to);
        }
        self.tell_seat();
        Ok(())
    }

    /// This desk's officer takes control of all aircraft that are free.
    pub(super) fn take_control(&mut self, officer: &str) -> Result<(), Reason> {
        if officer.trim().is_empty() {
            return Err(Reason::new("desk.bad_request"));
        }
        self.named(officer);
        self.say(
            None,
            "control_asked",
            &[("officer", officer.trim().into())],
            None,
        );
        self.sit(Seat::Takes);
        self.tell_seat();
        Ok(())
    }

    pub(super) fn tell_seat(&mut self) {
        let now = self.now.mono;
        if self
            .sitting
            .taking_since
            .is_some_and(|t| now.since(t) >= TAKE_FOR)
        {
            self.sit(Seat::Present);
        }
        let Some(seat) = self.sitting.seat else {
            return;
        };
        let news = now.since(self.sitting.since) < NEWS_FOR;
        let every = if seat == Seat::Takes || news {
            TAKE_EVERY
        } else {
            TELL_EVERY
        };
        if self.sitting.told.is_some_and(|t| now.since(t) < every) {
            return;
        }
        self.sitting.told = Some(now);
        let report = OfficerReport {
            seat,
            officer: self.sitting.officer.clone(),
        };
        for i in 0..self.aircraft.len() {
            let Some(a) = self.aircraft.get(i) else {
                return;
            };
            let system = a.telemetry.system.unwrap_or(1);
            self.send(i, report.to_message(system));
        }
    }

    /// A companion says who has it.
    pub(super) fn control(&mut self, i: usize, report: ControlReport) {
        let now = self.now.mono;
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let id = a.id;
        let before = a.control.replace((report.clone(), now)).map(|c| c.0);
        let before = before.unwrap_or_default();
        if before == report {
            return;
        }
        a.view_dirty = true;
        let alarms = |c: &ControlReport| matches!(c.hand_over, HandOver::Alarm { .. });
        if let HandOver::Alarm { left_s } = report.hand_over
            && !alarms(&before)
        {
            self.say(
                Some(id),
                "no_officer",
                &[
                    ("officer", report.officer.clone().into()),
                    ("left_s", left_s.into()),
                ],
                None,
            );
        }
        if report.hand_over == HandOver::Acted && before.hand_over != HandOver::Acted {
            self.say(Some(id), "no_officer_acted", &[], None);
        }
        let name = |c: &ControlReport| (c.officer.clone(), c.holder);
        if name(&before) != name(&report) && report.holder.is_some() {
            let system = report.holder.map(|(_, system, _)| system);
            self.say(
                Some(id),
                "control",
                &[
                    ("officer", report.officer.clone().into()),
                    ("before", before.officer.clone().into()),
                    ("station", system.map_or(Value::Null, Value::from)),
                ],
                None,
            );
        }
    }
}
