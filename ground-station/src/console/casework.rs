//! Incidents and patrols beside the flight: an officer's step becomes a deed, a deed is recorded and told to the pages, and
//! what the aircraft do is written into the incidents that sent them. Decides nothing: `incidents` does.

use super::flight::Task;
use crate::desk::{Answer, DeskEvent, Event, Intent, Reason, anomaly_id};
use crate::incidents::{About, Assignee, Deed, Incidents, Overdue, Seen, Step};
use crate::record::Entry;
use crate::record::line::Fact;
use anyhow::Context;
use link_io::DirDisk;
use missions::time::{Mono, Now};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Folder of the journal in the desk's store.
const FOLDER: &str = "incidents";
/// Deadlines are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// In whose name the station itself writes.
const STATION: &str = "station";
/// An order's place and an incident's are the same within this, degrees: less than a metre.
const SAME_DEG: f64 = 5e-6;

/// What a step came to.
pub(super) type Stepped = (Answer, Option<u32>);

/// A flight under way.
struct Flight {
    plan: String,
    /// The plan came to its end.
    whole: bool,
    anomalies: u32,
}

/// Incidents, patrols, and what is known beside them.
pub(super) struct Casework {
    pub incidents: Incidents,
    /// Those whose deeds stand in this recording.
    recorded: BTreeSet<u32>,
    flights: BTreeMap<u8, Flight>,
    looked: Option<Mono>,
}

impl Casework {
    pub fn open(store: &Path) -> anyhow::Result<Casework> {
        let folder = store.join(FOLDER);
        let opened = || format!("incidents in {}", folder.display());
        let disk = DirDisk::open(&folder).with_context(opened)?;
        Ok(Casework {
            incidents: Incidents::open(Box::new(disk)).with_context(opened)?,
            recorded: BTreeSet::new(),
            flights: BTreeMap::new(),
            looked: None,
        })
    }
}

impl Task {
    /// What was open before stands at the beginning of the recording; damage is told.
    pub(super) fn begin_casework(&mut self, now: Now) {
        let (bytes, odd) = self.casework.incidents.damaged();
        if bytes + odd > 0 {
            let detail = format!(
                "incidents.log: {bytes} bytes damaged, {odd} steps not understood; the file as found: incidents.log.damaged"
            );
            self.desk
                .note(now, "recorder_failed", &[("detail", detail.into())]);
        }
        let book = self.casework.incidents.book();
        let open: Vec<u32> = book.open().map(|i| i.number).collect();
        let patrols: Vec<Value> = book.patrols().map(|p| p.view()).collect();
        for number in open {
            self.record_incident(now, number, None);
        }
        for patrol in patrols {
            self.record_fact(now, Fact::Patrol { patrol, deed: None });
        }
    }

    fn record_fact(&mut self, now: Now, fact: Fact) {
        if self.is_recording() {
            let utc = self.desk.utc_at(now);
            self.record(Entry::fact(utc, fact));
        }
    }

    /// A deed, and before the first of an incident all that was done in it before.
    fn record_incident(&mut self, now: Now, number: u32, deed: Option<&Deed>) {
        let first = self.casework.recorded.insert(number);
        let deeds: Vec<Deed> = match (first, deed) {
            (false, Some(d)) => vec![d.clone()],
            (false, None) => Vec::new(),
            (true, _) => {
                let incident = self.casework.incidents.book().incident(number);
                incident.map(|i| i.deeds.clone()).unwrap_or_default()
            }
        };
        for deed in deeds {
            self.record_fact(now, Fact::Incident { deed });
        }
    }

    /// With a page's snapshot.
    pub(super) fn add_casework(&self, snapshot: &mut Value) {
        let (incidents, patrols) = self.casework.incidents.book().views();
        if let Some(s) = snapshot.as_object_mut() {
            s.insert("incidents".into(), incidents.into());
            s.insert("patrols".into(), patrols.into());
        }
    }

    /// An officer's step.
    pub(super) fn step(
        &mut self,
        now: Now,
        who: &str,
        key: &str,
        about: Option<u32>,
        step: Step,
    ) -> Stepped {
        let step = match self.with_evidence(step) {
            Ok(s) => s,
            Err(r) => return (Answer::no(r), None),
        };
        let flies = match &step {
            Step::Task {
                to: Assignee::Aircraft(aircraft),
                ..
            } => Some(*aircraft),
            _ => None,
        };
        if let Some(id) = flies.filter(|id| self.desk.aircraft(*id).is_none()) {
            return (
                Answer::no(Reason::new("desk.no_aircraft").with("value", id)),
                None,
            );
        }
        let deed = match self.act(now, who, key, about, step) {
            Ok((number, None)) => return (self.as_before(number, flies), Some(number)),
            Ok((_, Some(deed))) => deed,
            Err(r) => return (Answer::no(r), None),
        };
        let answer = match flies {
            Some(aircraft) => self.send(now, who, aircraft, &deed),
            None => Answer::yes(),
        };
        (answer, Some(deed.about))
    }

    /// The answer to a step that was done before: an aircraft may have refused it since.
    fn as_before(&self, number: u32, flies: Option<u8>) -> Answer {
        let incident = self.casework.incidents.book().incident(number);
        let task = incident.zip(flies).and_then(|(i, aircraft)| {
            let to = Assignee::Aircraft(aircraft);
            i.tasks.iter().rev().find(|t| t.to == to)
        });
        match task.and_then(|t| t.code.as_deref()) {
            Some(code) => Answer::no(Reason::new(code)),
            None => Answer::yes(),
        }
    }

    /// The aircraft gets its order, as by a click on the map. What it refuses stands in the incident.
    fn send(&mut self, now: Now, who: &str, aircraft: u8, deed: &Deed) -> Answer {
        let book = self.casework.incidents.book();
        let Some((at, task)) = book
            .incident(deed.about)
            .and_then(|i| Some((i.at, i.task_of(aircraft)?.number)))
        else {
            return Answer::no(Reason::new("incident.no_task"));
        };
        let look = Intent::Look {
            aircraft,
            lat_deg: at[1],
            lon_deg: at[0],
        };
        // No key of its own: the step's key keeps it from being sent twice.
        let answer = self.desk.command(now, "", &look);
        self.record_intent(now, who, &look, &answer);
        if let Some(r) = &answer.reason {
            let code = r.code.clone();
            let _ = self.act(
                now,
                STATION,
                "",
                Some(deed.about),
                Step::TaskRefused { task, code },
            );
        }
        answer
    }

    /// A confirmed anomaly begins an incident; what keeps it from that is told, and the anomaly stays confirmed.
    pub(super) fn confirmed(&mut self, now: Now, who: &str, key: &str, anomaly: &str) {
        if self
            .casework
            .incidents
            .book()
            .incident_of(anomaly)
            .is_some()
        {
            return;
        }
        let key = if key.is_empty() {
            String::new()
        } else {
            format!("{key}/open")
        };
        let open = Step::Open {
            words: String::new(),
            priority: missions::anomaly::Priority::High,
            lat_deg: 0.0,
            lon_deg: 0.0,
            anomaly: Some(anomaly.to_owned()),
            seen: None,
        };
        if let (
            Answer {
                reason: Some(r), ..
            },
            _,
        ) = self.step(now, who, &key, None, open)
        {
            let reason = [("reason", Value::from(r.code))];
            self.desk.note(now, "incident_refused", &reason);
        }
    }

    /// Whether an anomaly is in an incident, which then must be brought to its end instead of dismissing it.
    pub(super) fn taken(&self, anomaly: &str) -> Option<Answer> {
        let number = self.casework.incidents.book().incident_of(anomaly)?;
        let r = Reason::new("incident.anomaly_taken").with("value", number);
        Some(Answer::no(r))
    }

    /// Writes a step down, records it and tells it.
    fn act(
        &mut self,
        now: Now,
        who: &str,
        key: &str,
        about: Option<u32>,
        step: Step,
    ) -> Result<(u32, Option<Deed>), Reason> {
        let now_ms = self.desk.utc_at(now).0.div_euclid(1_000);
        let done = self.casework.incidents.act(now_ms, who, key, about, step)?;
        if let Some(deed) = &done.deed {
            self.tell(now, deed);
        }
        Ok((done.number, done.deed))
    }

    fn tell(&mut self, now: Now, deed: &Deed) {
        let number = deed.about;
        match deed.step.about() {
            About::Incident => {
                self.record_incident(now, number, Some(deed));
                let view = self.casework.incidents.book().incident(number);
                if let Some(incident) = view.map(|i| i.view()) {
                    self.say_to_pages(json!({"type": "incident", "incident": incident}));
                }
            }
            About::Patrol => {
                let view = self.casework.incidents.book().patrol(number);
                if let Some(patrol) = view.map(|p| p.view()) {
                    self.record_fact(
                        now,
                        Fact::Patrol {
                            patrol: patrol.clone(),
                            deed: Some(deed.clone()),
                        },
                    );
                    self.say_to_pages(json!({"type": "patrol", "patrol": patrol}));
                }
            }
        }
        let code = match deed.step.about() {
            About::Incident => "incident_step",
            About::Patrol => "patrol_step",
        };
        self.desk.note(
            now,
            code,
            &[
                ("number", number.into()),
                ("step", deed.step.word().into()),
                ("by", deed.who.clone().into()),
            ],
        );
    }

    /// What an anomaly was comes from the desk, never from a page.
    fn with_evidence(&self, step: Step) -> Result<Step, Reason> {
        Ok(match step {
            Step::Open {
                anomaly: Some(id),
                words,
                ..
            } => {
                let (seen, priority) = self.seen(&id)?;
                Step::Open {
                    words,
                    priority,
                    lat_deg: seen.at[1],
                    lon_deg: seen.at[0],
                    anomaly: Some(id),
                    seen: Some(seen),
                }
            }
            Step::Open {
                words,
                priority,
                lat_deg,
                lon_deg,
                anomaly: None,
                ..
            } => Step::Open {
                words,
                priority,
                lat_deg,
                lon_deg,
                anomaly: None,
                seen: None,
            },
            Step::Link { anomaly, .. } => {
                let (seen, _) = self.seen(&anomaly)?;
                Step::Link {
                    anomaly,
                    seen: Some(seen),
                }
            }
            // By hand nobody says which flight it was, or what a rule saw in it.
            Step::PatrolFlown { whole, words, .. } => Step::PatrolFlown {
                whole,
                anomalies: 0,
                flight: String::new(),
                words,
            },
            other => other,
        })
    }

    fn seen(&self, id: &str) -> Result<(Seen, missions::anomaly::Priority), Reason> {
        let unknown = || Reason::new("desk.anomaly_unknown");
        let view = self.desk.anomaly_view(id).ok_or_else(unknown)?;
        if view.get("state").and_then(Value::as_str) != Some("confirmed") {
            return Err(Reason::new("incident.anomaly_open"));
        }
        let (_, a) = self
            .desk
            .anomalies()
            .find(|(s, a)| anomaly_id(*s, a.number) == id)
            .ok_or_else(unknown)?;
        let aircraft = view.get("aircraft").and_then(Value::as_u64);
        let seen = Seen {
            id: id.to_owned(),
            number: a.number,
            what: crate::desk::view::kind_word(a.kind).to_owned(),
            aircraft: aircraft.and_then(|n| u8::try_from(n).ok()).unwrap_or(0),
            flagged_ms: a.flagged.0.div_euclid(1_000),
            at: [a.at.lon_deg(), a.at.lat_deg()],
            major_m: a.error.major_m,
            picture: a.picture_sha256.map(|h| missions::plan::hex(&h)),
        };
        Ok((seen, a.priority))
    }

    /// What an aircraft did may be what an incident waits for, or the end of a patrol.
    pub(super) fn heed(&mut self, event: &DeskEvent) {
        let DeskEvent::Log(e) = event else { return };
        let Some(aircraft) = e.aircraft else { return };
        let now = self.clock.now();
        let is =
            |name: &str, value: &str| e.params.get(name).and_then(Value::as_str) == Some(value);
        match e.code.as_str() {
            "order_done" | "order_refused" | "order_failed" | "order_expired" => {
                self.order_ended(now, aircraft, e);
            }
            "state" if is("state", "taking_off") => {
                let plan = self.desk.plan().map(|p| p.file().name.clone());
                let flight = Flight {
                    plan: plan.unwrap_or_default(),
                    whole: false,
                    anomalies: 0,
                };
                self.casework.flights.insert(aircraft, flight);
            }
            "state" if is("cause", "plan_complete") => {
                if let Some(f) = self.casework.flights.get_mut(&aircraft) {
                    f.whole = true;
                }
            }
            "anomaly" => {
                if let Some(f) = self.casework.flights.get_mut(&aircraft) {
                    f.anomalies = f.anomalies.saturating_add(1);
                }
            }
            _ => {}
        }
        if e.code == "patrol_done" {
            self.flown(now, aircraft);
        }
    }

    fn order_ended(&mut self, now: Now, aircraft: u8, e: &Event) {
        // Of which order it is: one that was never answered says it nowhere else.
        let order = self.desk.aircraft(aircraft).and_then(|a| a.order.as_ref());
        let Some(at) = order.filter(|o| o.kind == "look").and_then(|o| o.at) else {
            return;
        };
        let at = [at.lon_deg(), at.lat_deg()];
        let here = |p: [f64; 2]| (p[0] - at[0]).abs() < SAME_DEG && (p[1] - at[1]).abs() < SAME_DEG;
        let waiting = self.casework.incidents.book().open().find_map(|i| {
            let task = i.task_of(aircraft).filter(|_| here(i.at))?;
            Some((i.number, task.number))
        });
        let Some((number, task)) = waiting else {
            return;
        };
        let (who, step) = if e.code == "order_done" {
            let words = String::new();
            (format!("P{aircraft}"), Step::Arrive { task, words })
        } else {
            let why = e.params.get("reason").and_then(Value::as_str);
            let code = why.unwrap_or("unknown").to_owned();
            (STATION.to_owned(), Step::TaskRefused { task, code })
        };
        if let Err(r) = self.act(now, &who, "", Some(number), step) {
            tracing::warn!("incident {number}: {}", r.code);
        }
    }

    /// A flight ended: the patrols that it was are done, or were broken off.
    fn flown(&mut self, now: Now, aircraft: u8) {
        let Some(f) = self.casework.flights.remove(&aircraft) else {
            return;
        };
        let of_plan: Vec<u32> = self
            .casework
            .incidents
            .book()
            .patrols()
            .filter(|p| p.stopped.is_none() && !p.plan.is_empty() && p.plan == f.plan)
            .map(|p| p.number)
            .collect();
        for number in of_plan {
            let step = Step::PatrolFlown {
                whole: f.whole,
                anomalies: f.anomalies,
                flight: self.flight_id(),
                words: String::new(),
            };
            let who = format!("P{aircraft}");
            if let Err(r) = self.act(now, &who, "", Some(number), step) {
                tracing::warn!("patrol {number}: {}", r.code);
            }
        }
    }

    /// What became overdue is said once.
    pub(super) fn look_at_deadlines(&mut self) {
        let now = self.clock.now();
        let looked = self.casework.looked;
        if looked.is_some_and(|t| now.mono.since(t) < LOOK_EVERY) {
            return;
        }
        self.casework.looked = Some(now.mono);
        let now_ms = self.desk.utc_at(now).0.div_euclid(1_000);
        for o in self.casework.incidents.newly_overdue(now_ms) {
            let Overdue {
                about,
                number,
                finding,
                due_ms,
            } = o;
            let code = match (about, finding) {
                (About::Incident, _) => "incident_overdue",
                (About::Patrol, None) => "patrol_overdue",
                (About::Patrol, Some(_)) => "mend_overdue",
            };
            let late_min = now_ms.saturating_sub(due_ms) / 60_000;
            self.desk.note(
                now,
                code,
                &[("number", number.into()), ("value", late_min.into())],
            );
        }
    }

    /// Older incidents, or one of them whole.
    pub(super) fn cases(&self, asked: Asked) -> Option<Value> {
        let book = self.casework.incidents.book();
        asked.answer(book)
    }

    /// Whether any aircraft is in the air, as far as is known.
    pub(super) fn is_flying(&self) -> bool {
        !self.casework.flights.is_empty()
            || self
                .desk
                .all_aircraft()
                .iter()
                .any(|a| a.telemetry.armed == Some(true))
    }
}

/// What a page asks of the book.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// Incidents before this one.
    Before(u32),
    /// One with all that was done.
    Whole(u32),
}

impl Asked {
    pub fn answer(self, book: &crate::incidents::Book) -> Option<Value> {
        match self {
            Asked::Before(n) => Some(json!({"incidents": book.before(n)})),
            Asked::Whole(n) => book.whole(n),
        }
    }
}
