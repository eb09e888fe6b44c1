//! What aircraft say: frames become facts, events, anomalies, pictures.

use super::{Desk, DeskEvent, Event, Reason, Upload, anomaly_id, picture_file, view};
use link::codes::Refusal;
use link::common::MavMessage as Common;
use link::control::ControlReport;
use link::frame::{Frame, Msg};
use link::journal::DiskError;
use link::patrol::MavMessage as Patrol;
use link::receipts::Taken;
use link::state::{
    OrderFate, PreflightReport, RefusalReport, RefusedThing, StateReport, anomaly_from_data,
};
use missions::flight::InCharge;
use missions::plan::hex;
use serde_json::Value;

const RADIO_STATUS: u32 = 109;
/// MAV_SEVERITY_WARNING; graver ones are smaller.
const WARNING: u8 = 4;
/// How the companion's own alarms begin.
const COMPANION_ALARMS: [&str; 2] = ["Patrol:", "Control:"];

impl Desk {
    pub(super) fn bytes(&mut self, link: u8, bytes: &[u8]) {
        let now = self.now;
        let Some((i, framer)) = self.links.get_mut(usize::from(link)) else {
            return;
        };
        let i = *i;
        framer.push(now.mono, bytes);
        let mut frames = Vec::new();
        while let Some(f) = framer.next_frame() {
            frames.push(f);
        }
        for f in frames {
            self.frame(i, link, &f);
        }
    }

    fn frame(&mut self, i: usize, link: u8, frame: &Frame) {
        let now = self.now;
        let own = (self.config.system, self.config.component);
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let h = frame.header();
        if (h.system, h.component) == own {
            return;
        }
        let id = a.id;
        if a.seal.is_some() && h.msg_id == RADIO_STATUS {
            // The radio itself speaks unsigned, and says nothing that is believed here.
            return;
        }
        if let Some(seal) = &mut a.seal
            && let Err(why) = seal.check(self.disk.as_mut(), frame)
        {
            if let Some(words) = a.refusals.add(now.mono, why) {
                self.say(
                    Some(id),
                    "status_text",
                    &[("text", words.into()), ("severity", 1.into())],
                    None,
                );
            }
            return;
        }
        if let Some(ear) = self.ears.get_mut(usize::from(link)) {
            ear.hears(now.mono, frame);
        }
        if !self.lines.heard(now.mono, link, frame) {
            // A copy over another line: a sign of life, and nothing else.
            a.heard = Some(now.mono);
            return;
        }
        let was_up = a.link_was_up;
        let first = a.heard.is_none();
        a.heard = Some(now.mono);
        a.link_was_up = true;
        let armed = a.telemetry.armed;
        if a.telemetry.take(now.mono, frame) {
            a.view_dirty = true;
        }
        let armed_now = a.telemetry.armed;
        if first {
            self.say(Some(id), "aircraft_found", &[], None);
        } else if !was_up {
            self.say(Some(id), "link_back", &[], None);
        }
        if let (Some(before), Some(after)) = (armed, armed_now)
            && before != after
        {
            self.say(
                Some(id),
                if after { "armed" } else { "disarmed" },
                &[],
                None,
            );
        }
        match frame.decode() {
            Msg::Patrol(m) => self.patrol(i, *m),
            Msg::Common(m) => {
                if let Common::STATUSTEXT(t) = *m {
                    // The companion's mirrors of anomalies and refusals come as facts of their own, and its news of the
                    // plan as a state; its alarms come as words only.
                    let text = t.text.to_str().unwrap_or("").to_owned();
                    let alarm = (t.severity as u8) <= WARNING
                        && COMPANION_ALARMS.iter().any(|a| text.starts_with(a));
                    let news = alarm
                        && self
                            .aircraft
                            .get_mut(i)
                            .is_some_and(|a| a.is_news(now.mono, &text));
                    if h.component == 1 || news {
                        let severity = t.severity as u8;
                        self.say(
                            Some(id),
                            "status_text",
                            &[("text", text.into()), ("severity", severity.into())],
                            None,
                        );
                    }
                }
            }
            Msg::Raw { .. } => {}
        }
    }

    fn patrol(&mut self, i: usize, m: Patrol) {
        match m {
            Patrol::PATROL_STATE(d) => {
                self.state(i, StateReport::from_data(&d));
                self.look_now = true;
            }
            Patrol::PATROL_PREFLIGHT(d) => {
                let report = PreflightReport::from_data(&d);
                let now = self.now.mono;
                let Some(a) = self.aircraft.get_mut(i) else {
                    return;
                };
                let changed = a.preflight.is_none_or(|(p, _)| {
                    let rounded = |p: &PreflightReport| {
                        p.checks
                            .map(|(s, v)| (s, v.map(|v| (v * 10.0).round() as i64)))
                    };
                    p.token.is_some() != report.token.is_some() || rounded(&p) != rounded(&report)
                });
                a.preflight = Some((report, now));
                let id = a.id;
                if changed {
                    self.event(DeskEvent::Preflight(id));
                }
            }
            Patrol::PATROL_ANOMALY(d) => {
                if let Some((store, anomaly)) = anomaly_from_data(&d) {
                    self.anomaly(i, store, &anomaly);
                }
            }
            Patrol::PATROL_BLOB_OFFER(d) => {
                let now = self.now;
                let known = self.pictures.contains_key(&hex(&d.sha256));
                let Some(a) = self.aircraft.get_mut(i) else {
                    return;
                };
                a.pictures.offer(now, &d, known);
                a.previews.offer(now, &d, false);
            }
            Patrol::PATROL_BLOB_CHUNK(d) => {
                let now = self.now;
                let utc = self.utc();
                let Some(a) = self.aircraft.get_mut(i) else {
                    return;
                };
                let id = a.id;
                if let Some(blob) = a.previews.chunk(now, &d) {
                    a.previews.accept();
                    a.preview = Some((blob.bytes, utc));
                    a.view_dirty = true;
                    self.event(DeskEvent::Preview(id));
                } else if let Some(blob) = a.pictures.chunk(now, &d) {
                    let sha256 = hex(&blob.sha256);
                    // Accepted only once durable: otherwise the aircraft keeps it and sends it again.
                    if self
                        .disk
                        .replace(&picture_file(&sha256), &blob.bytes)
                        .is_ok()
                    {
                        self.pictures.insert(sha256.clone(), ());
                        if let Some(a) = self.aircraft.get_mut(i) {
                            a.pictures.accept();
                        }
                        let number = blob.subject;
                        self.say(Some(id), "picture", &[("number", number.into())], None);
                        self.event(DeskEvent::Picture {
                            sha256: sha256.clone(),
                        });
                        let shown: Vec<String> = self
                            .inbox
                            .all()
                            .filter(|(_, a)| a.picture_sha256 == Some(blob.sha256))
                            .map(|(s, a)| anomaly_id(s, a.number))
                            .collect();
                        for id in shown {
                            self.event(DeskEvent::Anomaly { id, new: false });
                        }
                    }
                }
            }
            Patrol::PATROL_BLOB_STATUS(d) => {
                let now = self.now;
                if let Some(s) = self.aircraft.get_mut(i).and_then(|a| a.sender.as_mut()) {
                    s.status(now, &d);
                }
                self.look_now = true;
            }
            Patrol::PATROL_ORDER_ACK(d) => {
                if let Some((order, fate, value)) = OrderFate::from_data(&d) {
                    self.fate(i, order, fate, value);
                }
            }
            Patrol::PATROL_REFUSAL(d) => self.refusal(i, &RefusalReport::from_data(&d)),
            Patrol::PATROL_CONTROL(d) => self.control(i, ControlReport::from_data(&d)),
            Patrol::PATROL_HEAD(d) => self.head(i, &d),
            Patrol::PATROL_ORDER(_)
            | Patrol::PATROL_RECEIPT(_)
            | Patrol::PATROL_OFFICER(_)
            | Patrol::PATROL_LINE(_) => {}
        }
    }

    fn state(&mut self, i: usize, s: StateReport) {
        let now = self.now.mono;
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let id = a.id;
        let before = a.state.map(|s| s.0);
        a.state = Some((s, now));
        a.view_dirty = true;
        self.stores.insert(s.store_id, id);
        let Some(b) = before else {
            self.say(Some(id), "state", &[("state", word(&s.phase))], None);
            return;
        };
        if b.phase != s.phase {
            self.say(
                Some(id),
                "state",
                &[("state", word(&s.phase)), ("cause", word(&s.cause))],
                None,
            );
            let landed = matches!(
                s.phase,
                link::state::FlightPhase::Grounded | link::state::FlightPhase::Ready
            );
            let flew = !matches!(
                b.phase,
                link::state::FlightPhase::Grounded
                    | link::state::FlightPhase::Ready
                    | link::state::FlightPhase::Boot
            );
            if landed && flew {
                self.say(Some(id), "patrol_done", &[], None);
            }
        }
        if b.in_charge != s.in_charge && s.in_charge != InCharge::Unknown {
            self.say(Some(id), "in_charge", &[("who", word(&s.in_charge))], None);
        }
        if b.response != s.response {
            self.say(
                Some(id),
                "response",
                &[("response", word(&s.response)), ("cause", word(&s.cause))],
                None,
            );
        }
        if b.eyes != s.eyes {
            let code = match s.eyes {
                link::state::EyesWord::Running => "eyes_running",
                link::state::EyesWord::Failed | link::state::EyesWord::Restarting => "eyes_failed",
                _ => return,
            };
            self.say(Some(id), code, &[], None);
        }
    }

    fn anomaly(&mut self, i: usize, store: u64, anomaly: &missions::anomaly::Anomaly) {
        let Some(id) = self.aircraft.get(i).map(|a| a.id) else {
            return;
        };
        self.stores.insert(store, id);
        match self.inbox.write(self.disk.as_mut(), store, anomaly) {
            Ok(Taken::Again) => self.receipt(i, store, anomaly.number),
            Ok(Taken::New | Taken::Waiting) => self.unsettled.push((i, store, anomaly.number)),
            Err(e) => self.not_kept(id, &e),
        }
    }

    /// Makes what came durable, all of it at once, then receipts and tells it. Before anything leaves the desk.
    pub(super) fn settle(&mut self) {
        let came = std::mem::take(&mut self.unsettled);
        if came.is_empty() {
            return;
        }
        let settled = self.inbox.settle(self.disk.as_mut());
        for (i, store, number) in came {
            let Some(id) = self.aircraft.get(i).map(|a| a.id) else {
                continue;
            };
            match &settled {
                Ok(_) => self.settled(i, id, store, number),
                Err(e) => self.not_kept(id, e),
            }
        }
    }

    fn settled(&mut self, i: usize, id: u8, store: u64, number: u32) {
        let Some(anomaly) = self.inbox.get(store, number).cloned() else {
            return;
        };
        self.receipt(i, store, number);
        let key = anomaly_id(store, number);
        let utc = self.utc();
        if self.received.contains_key(&key) {
            // It came more than once before it was durable.
            return;
        }
        self.received.insert(key.clone(), utc);
        self.say(
            Some(id),
            "anomaly",
            &[
                ("number", number.into()),
                ("kind", view::kind_word(anomaly.kind).into()),
                ("priority", view::priority_word(anomaly.priority).into()),
                ("subject", anomaly.subject.into()),
            ],
            Some(anomaly.at),
        );
        self.event(DeskEvent::Anomaly { id: key, new: true });
    }

    /// Not durable: no receipt, so the aircraft sends it again; the officer hears that the recorder failed.
    fn not_kept(&mut self, id: u8, e: &DiskError) {
        self.say(
            Some(id),
            "recorder_failed",
            &[("detail", e.to_string().into())],
            None,
        );
    }

    fn fate(&mut self, i: usize, order: u32, fate: OrderFate, value: Option<f64>) {
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        let id = a.id;
        if !a.orders.answered(order, fate) {
            return;
        }
        let why = match fate {
            OrderFate::Refused { why } | OrderFate::Failed { why } => Some(why),
            OrderFate::Expired => Some(Some(Refusal::Expired)),
            OrderFate::Accepted | OrderFate::Done => None,
        };
        let reason = why.map(|w| {
            let r = Reason::new(w.map_or("unknown", Refusal::key));
            match value {
                Some(v) => r.with("value", v),
                None => r,
            }
        });
        let mut changed = false;
        let mut kind = "";
        let mut at = None;
        if let Some(o) = a.order.as_mut().filter(|o| o.id == order) {
            changed = o.fate != Some(fate);
            o.fate = Some(fate);
            o.reason = reason.clone();
            kind = o.kind;
            at = o.at;
        }
        a.view_dirty = true;
        if !changed {
            return;
        }
        let code = match fate {
            OrderFate::Accepted => "order_accepted",
            OrderFate::Refused { .. } => "order_refused",
            OrderFate::Done => "order_done",
            OrderFate::Failed { .. } => "order_failed",
            OrderFate::Expired => "order_expired",
        };
        let mut params: Vec<(&str, Value)> = vec![("order", kind.into())];
        if let Some(r) = reason {
            params.push(("reason", r.code.into()));
        }
        self.say(Some(id), code, &params, at);
    }

    fn refusal(&mut self, i: usize, r: &RefusalReport) {
        let now = self.now.mono;
        let Some(a) = self.aircraft.get_mut(i) else {
            return;
        };
        if !a.is_news(now, &format!("{r:?}")) {
            return;
        }
        let id = a.id;
        let mut reason = Reason::new(r.why.map_or("unknown", Refusal::key))
            .at(r.at)
            .with("words", r.text.clone());
        if let Some(v) = r.value {
            reason = reason.with("value", v);
        }
        if let Some(item) = r.item {
            reason = reason.with("item", item + 1);
        }
        let code = if r.what == Some(RefusedThing::Bundle) {
            a.upload = Upload::Failed(reason.clone());
            a.sender = None;
            "plan_refused"
        } else {
            "refused"
        };
        a.view_dirty = true;
        let plan = a.plan().map(missions::plan::PatrolPlan::id);
        let mut params: Vec<(&str, Value)> = vec![("reason", reason.code.clone().into())];
        params.extend(reason.params.iter().map(|(k, v)| (k.as_str(), v.clone())));
        let e = Event {
            t_ms: view::ms(self.utc()),
            code: code.to_owned(),
            params: params.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            aircraft: Some(id),
            at: reason.at,
        };
        self.log_event(e);
        if let Some(plan) = plan {
            self.event(DeskEvent::Plan(plan));
        }
    }
}

/// An enum's word as serde has it.
fn word<T: serde::Serialize>(t: &T) -> Value {
    serde_json::to_value(t).unwrap_or(Value::Null)
}
