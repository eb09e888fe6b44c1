//! An officer's intent: held against what is known, and made an order, a launch or a decision on an anomaly.

use super::aircraft::OrderView;
use super::{Answer, Decision, Desk, DeskEvent, Intent, NOT_ALL, Reason, anomaly_id, view};
use link::codes::Refusal;
use link::state::OrderKind;
use missions::place::LatLon;
use missions::plan::PatrolPlan;
use missions::time::Now;
use std::time::Duration;

/// An order lives this long.
const ORDER_LIFE: Duration = Duration::from_secs(5);
/// Longest name of an alarm, bytes.
const MAX_ALARM: usize = 128;
/// Why an anomaly may be dismissed.
pub const DISMISS_REASONS: [&str; 6] = [
    "animal",
    "staff",
    "vehicle",
    "known_drone",
    "sensor",
    "other",
];
/// Answers remembered, so that a repeated key does nothing twice.
const MAX_KEYS: usize = 512;

/// Longest shelving, minutes (ISA-18.2 asks for a bound).
const SHELVED_MIN: u32 = 15;
/// Longest words of a shelved alarm, and of the reason, characters.
const MAX_SHELVED: usize = 200;

/// Whether this can be an alarm's name on the page.
fn is_alarm(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_ALARM && name.bytes().all(|b| b.is_ascii_graphic())
}

impl Desk {
    /// An officer's intent. The same `key` again gives the same answer and does nothing.
    pub fn command(&mut self, now: Now, key: &str, intent: &Intent) -> Answer {
        self.now = now;
        self.settle();
        if let Some((_, a)) = self.keys.iter().find(|(k, _)| !key.is_empty() && k == key) {
            return a.clone();
        }
        let answer = match self.act(intent) {
            Ok(()) => Answer::yes(),
            // Taken for those that could be told; the reason says who could not.
            Err(r) if r.code == NOT_ALL => Answer {
                accepted: true,
                reason: Some(r),
            },
            Err(r) => Answer::no(r),
        };
        if !key.is_empty() {
            if self.keys.len() >= MAX_KEYS {
                self.keys.pop_front();
            }
            self.keys.push_back((key.to_owned(), answer.clone()));
        }
        answer
    }

    fn act(&mut self, intent: &Intent) -> Result<(), Reason> {
        match intent {
            Intent::Hold { aircraft: None } => {
                let ids: Vec<u8> = self.aircraft.iter().map(|a| a.id).collect();
                let mut first = None;
                let mut left_out = Vec::new();
                for id in &ids {
                    // One that cannot be reached must not keep the others from stopping.
                    if let Err(r) = self.order(*id, OrderKind::Hold, "hold", None) {
                        first = first.or(Some(r));
                        left_out.push(view::name(*id));
                    }
                }
                match first {
                    None => Ok(()),
                    Some(r) if left_out.len() == ids.len() => Err(r),
                    // Who was told to stop, and who was not, must be plain at once.
                    Some(r) => Err(Reason::new(NOT_ALL)
                        .with("told", ids.len() - left_out.len())
                        .with("all", ids.len())
                        .with("names", left_out.join(", "))
                        .with("why", r.code)),
                }
            }
            Intent::Hold { aircraft: Some(id) } => self.order(*id, OrderKind::Hold, "hold", None),
            Intent::Resume { aircraft } => self.order(*aircraft, OrderKind::Resume, "resume", None),
            Intent::Return { aircraft } => self.order(*aircraft, OrderKind::Return, "return", None),
            Intent::Preflight { aircraft } => {
                let i = self.index(*aircraft)?;
                if let Some(a) = self.aircraft.get_mut(i) {
                    a.orders.send(self.now, OrderKind::Preflight, ORDER_LIFE);
                }
                Ok(())
            }
            Intent::Upload { aircraft } => {
                let i = self.index(*aircraft)?;
                if self.aircraft.get(i).is_none_or(|a| a.plan.is_none()) {
                    return Err(Reason::new("desk.no_plan"));
                }
                self.start_upload(i);
                Ok(())
            }
            Intent::LandAt { aircraft, site } => {
                // Of its own venue: another's may have a site of the same name.
                let at = self
                    .venue_of(*aircraft)
                    .landing_sites()
                    .into_iter()
                    .find(|s| s.0 == *site)
                    .ok_or_else(|| Reason::new("desk.site_unknown").with("site", site.clone()))?
                    .1;
                self.order(*aircraft, OrderKind::LandAt { at }, "land_at", Some(at))
            }
            Intent::Look {
                aircraft,
                lat_deg,
                lon_deg,
            } => {
                let at = LatLon::from_degrees(*lat_deg, *lon_deg)
                    .map_err(|_| Reason::new(Refusal::BadNumber.key()))?;
                self.order(
                    *aircraft,
                    OrderKind::Look {
                        at,
                        above_home_m: None,
                    },
                    "look",
                    Some(at),
                )
            }
            Intent::Launch {
                aircraft,
                purpose,
                incident,
                pilot,
            } => {
                self.launch(*aircraft, purpose, incident, pilot)?;
                // Who answers for the flight has the aircraft.
                self.named(pilot);
                Ok(())
            }
            Intent::OverrideRehearsal {
                officer,
                reason,
                aircraft,
            } => self.override_rehearsal(*aircraft, officer, reason),
            Intent::HandOver { from, to } => self.hand_over(from, to),
            Intent::TakeControl { officer } => self.take_control(officer),
            Intent::Confirm { anomaly } => self.decide(anomaly, true, None, None),
            Intent::Dismiss {
                anomaly,
                reason,
                note,
            } => self.decide(
                anomaly,
                false,
                Some(reason.clone()),
                (!note.is_empty()).then(|| note.clone()),
            ),
            Intent::Acknowledge { alarm } => is_alarm(alarm)
                .then_some(())
                .ok_or_else(|| Reason::new("desk.bad_request")),
            Intent::Shelve {
                alarm,
                words,
                reason,
                minutes,
            } => self.shelve(alarm, words, reason, *minutes),
            Intent::Replay { .. } => Err(Reason::new("desk.bad_request")),
        }
    }

    /// Nothing is shelved for long, or without a reason. The gravest is the page's to refuse: it alone knows what its alarms are.
    fn shelve(
        &mut self,
        alarm: &str,
        words: &str,
        reason: &str,
        minutes: u32,
    ) -> Result<(), Reason> {
        let said = |text: &str| !text.trim().is_empty() && text.chars().count() <= MAX_SHELVED;
        if !is_alarm(alarm) || !said(words) {
            return Err(Reason::new("desk.bad_request"));
        }
        if !said(reason) {
            return Err(Reason::new("desk.shelve_reason"));
        }
        if !(1..=SHELVED_MIN).contains(&minutes) {
            return Err(Reason::new("desk.shelve_time").with("value", SHELVED_MIN));
        }
        let params = [
            ("words", words.trim().into()),
            ("why", reason.trim().into()),
            ("minutes", minutes.into()),
        ];
        self.say(None, "alarm_shelved", &params, None);
        Ok(())
    }

    fn order(
        &mut self,
        id: u8,
        kind: OrderKind,
        word: &'static str,
        at: Option<LatLon>,
    ) -> Result<(), Reason> {
        let i = self.index(id)?;
        let now = self.now;
        let Some(a) = self.aircraft.get_mut(i) else {
            return Err(Reason::new("desk.no_aircraft"));
        };
        if !a.link_up(now.mono) {
            return Err(Reason::new(Refusal::NoLink.key()));
        }
        let number = a
            .orders
            .send(now, kind, ORDER_LIFE)
            .ok_or_else(|| Reason::new(Refusal::Busy.key()))?;
        a.order = Some(OrderView {
            id: number,
            kind: word,
            at,
            fate: None,
            reason: None,
        });
        a.view_dirty = true;
        self.say(Some(id), "order_sent", &[("order", word.into())], at);
        Ok(())
    }

    fn launch(&mut self, id: u8, purpose: &str, incident: &str, pilot: &str) -> Result<(), Reason> {
        let i = self.index(id)?;
        let missing: Vec<&str> = [
            ("purpose", purpose),
            ("incident", incident),
            ("pilot", pilot),
        ]
        .into_iter()
        .filter(|(_, v)| v.trim().is_empty())
        .map(|(k, _)| k)
        .collect();
        if !missing.is_empty() {
            return Err(Reason::new(Refusal::Incomplete.key()).with("missing", missing.join(",")));
        }
        let Some(a) = self.aircraft.get(i) else {
            return Err(Reason::new("desk.no_aircraft"));
        };
        let plan_id = a
            .plan()
            .map(PatrolPlan::id)
            .ok_or_else(|| Reason::new("desk.no_plan"))?;
        if !a.link_up(self.now.mono) {
            return Err(Reason::new(Refusal::NoLink.key()));
        }
        // Until the link is proved by fault campaigns, only our simulator flies without somebody's word.
        if !a.state.is_some_and(|(s, _)| s.simulated) && !self.config.real_aircraft {
            return Err(Reason::new(Refusal::RealAircraft.key()));
        }
        if !a.has_plan(plan_id) {
            return Err(Reason::new(Refusal::NotOnAircraft.key()));
        }
        self.rehearsed(plan_id)?;
        let token = a
            .token(self.now.mono)
            .ok_or_else(|| Reason::new(Refusal::Preflight.key()))?;
        self.say(
            Some(id),
            "launch_recorded",
            &[
                ("purpose", purpose.into()),
                ("incident", incident.into()),
                ("pilot", pilot.into()),
            ],
            None,
        );
        self.order(id, OrderKind::Launch { plan_id, token }, "launch", None)?;
        if let Some(a) = self.aircraft.get_mut(i) {
            a.launched = true;
        }
        Ok(())
    }

    fn decide(
        &mut self,
        id: &str,
        confirmed: bool,
        reason: Option<String>,
        note: Option<String>,
    ) -> Result<(), Reason> {
        // Nobody is sent away without a reason.
        let named = |r: &String| DISMISS_REASONS.contains(&r.as_str());
        if !confirmed && !reason.as_ref().is_some_and(named) {
            return Err(Reason::new("desk.no_reason"));
        }
        let number = self
            .inbox
            .all()
            .find(|(s, a)| anomaly_id(*s, a.number) == id)
            .map(|(_, a)| a.number)
            .ok_or_else(|| Reason::new("desk.anomaly_unknown"))?;
        let decision = Decision {
            anomaly: id.to_owned(),
            confirmed,
            reason: reason.clone(),
            note,
            decided_ms: view::ms(self.utc()),
        };
        let bytes = serde_json::to_vec(&decision).map_err(|_| Reason::new("desk.bad_request"))?;
        // Durable before it is acknowledged: the officer's word must survive the desk.
        self.decision_log
            .append(self.disk.as_mut(), &bytes)
            .and_then(|()| self.decision_log.sync(self.disk.as_mut()))
            .map_err(|_| Reason::new(Refusal::Storage.key()))?;
        self.decisions.insert(id.to_owned(), decision);
        let code = if confirmed {
            "anomaly_confirmed"
        } else {
            "anomaly_dismissed"
        };
        self.say(
            None,
            code,
            &[
                ("number", number.into()),
                ("reason", reason.unwrap_or_default().into()),
            ],
            None,
        );
        self.event(DeskEvent::Anomaly {
            id: id.to_owned(),
            new: false,
        });
        Ok(())
    }
}
