//! The desk's knowledge as the page reads it: JSON and the binary batch of `web/API.md`. Codes and figures, no words.

use super::aircraft::{Aircraft, OrderView, Upload};
use super::{Decision, Desk};
use link::control::{ControlReport, HandOver};
use link::signing::Trust;
use link::state::{AutopilotWord, CheckStatus, EyesWord, OrderFate, PREFLIGHT_KEYS, PlanState};
use missions::anomaly::{Anomaly, AnomalyKind, Priority};
use missions::flight::OnLinkLoss;
use missions::place::LatLon;
use missions::plan::{PatrolPlan, PlanItem, hex};
use missions::time::{Mono, Utc};
use serde_json::{Value, json};

pub(super) fn ms(t: Utc) -> i64 {
    t.0.div_euclid(1_000)
}

fn lon_lat(p: LatLon) -> Value {
    json!([p.lon_deg(), p.lat_deg()])
}

fn on_link_loss(l: OnLinkLoss) -> Value {
    match l {
        OnLinkLoss::HoldThenReturn { wait_s } => {
            json!({"action": "hold_then_return", "wait_s": wait_s})
        }
        OnLinkLoss::Return => json!({"action": "return", "wait_s": null}),
        OnLinkLoss::Continue => json!({"action": "continue", "wait_s": null}),
    }
}

/// Word of an anomaly's kind.
#[must_use]
pub fn kind_word(k: AnomalyKind) -> &'static str {
    match k {
        AnomalyKind::UnknownDrone => "unknown_drone",
        AnomalyKind::PersonInZone => "person_in_zone",
    }
}

/// Word of a priority.
#[must_use]
pub fn priority_word(p: Priority) -> &'static str {
    match p {
        Priority::Urgent => "urgent",
        Priority::High => "high",
        Priority::Notice => "notice",
    }
}

fn order(o: &OrderView) -> Value {
    let state = match o.fate {
        None => "sent",
        Some(OrderFate::Accepted) => "accepted",
        Some(OrderFate::Refused { .. }) => "refused",
        Some(OrderFate::Done) => "done",
        Some(OrderFate::Failed { .. }) => "failed",
        Some(OrderFate::Expired) => "expired",
    };
    json!({"id": o.id, "kind": o.kind, "at": o.at.map(lon_lat), "state": state, "reason": o.reason})
}

/// What an aircraft is called.
#[must_use]
pub fn name(id: u8) -> String {
    format!("P{id}")
}

/// How far a plan has come on its way.
fn upload(u: &Upload) -> Value {
    let (state, sent, total, reason) = match u {
        Upload::Idle => ("idle", 0, 0, None),
        Upload::Sending { sent, total } => ("sending", *sent, *total, None),
        Upload::Checking { .. } => ("checking", 1, 1, None),
        Upload::OnAircraft => ("on_aircraft", 1, 1, None),
        Upload::Failed(r) => ("failed", 0, 0, Some(r)),
    };
    json!({"state": state, "sent": sent, "total": total, "reason": reason})
}

/// Slow fields of one aircraft.
#[must_use]
pub fn aircraft(a: &Aircraft, now: Mono) -> Value {
    let s = a.state.map(|s| s.0);
    let fresh = a.fresh_state(now);
    let t = &a.telemetry;
    let autopilot = match t.autopilot {
        Some(AutopilotWord::Px4) => Some("px4"),
        Some(AutopilotWord::ArduPilot) => Some("ardupilot"),
        Some(_) => Some("other"),
        None => None,
    };
    let plan_state = match s.map(|s| s.plan_state) {
        Some(PlanState::Staged) => "staged",
        Some(PlanState::Writing) => "writing",
        Some(PlanState::ReadingBack) => "reading_back",
        Some(PlanState::OnAircraft) => "on_aircraft",
        Some(PlanState::Dirty) => "dirty",
        Some(PlanState::Refused) => "refused",
        Some(PlanState::None | PlanState::Unknown(_)) | None => "none",
    };
    let eyes = match fresh.map(|s| s.eyes) {
        Some(EyesWord::Running) => "running",
        Some(EyesWord::Restarting) => "restarting",
        Some(EyesWord::Failed) => "failed",
        _ => "off",
    };
    json!({
        "id": a.id,
        "name": name(a.id),
        "system_id": t.system,
        "autopilot": autopilot,
        "mode": t.mode_name(),
        "armed": t.armed,
        "simulated": s.is_some_and(|s| s.simulated),
        "plan_state": plan_state,
        "plan": a.plan().map(|p| hex(&p.hash())),
        "upload": upload(&a.upload),
        "on_link_loss": a.plan().map(|p| on_link_loss(p.file().on_link_loss)),
        "home": t.home.map(|((at, _), _)| lon_lat(at)),
        "gps": t.gps.map(|((fix, satellites), _)| json!({"fix": fix, "satellites": satellites})),
        "wind_mps": t.wind_mps.map(|w| w.0),
        "voltage_v": t.voltage_v.map(|v| v.0),
        "eyes": eyes,
        "storage_ok": fresh.map(|s| s.storage_ok),
        "pending": s.map_or(0, |s| s.pending),
        "control": a.control.as_ref().map(|(c, t)| control(c, now.since(*t).as_secs_f64())),
        "camera_ms": a.preview.as_ref().map(|p| ms(p.1)),
        "order": a.order.as_ref().map(order),
    })
}

/// One aircraft's preflight list.
#[must_use]
pub fn preflight(a: &Aircraft) -> Option<Value> {
    let (p, _) = a.preflight?;
    let checks: Vec<Value> = PREFLIGHT_KEYS
        .iter()
        .zip(&p.checks)
        .map(|(key, (status, value))| {
            let status = match status {
                CheckStatus::Unknown => "unknown",
                CheckStatus::Pass => "pass",
                CheckStatus::Fail => "fail",
            };
            json!({"check": key, "status": status, "value": value})
        })
        .collect();
    let lines = a.control.as_ref().map(|(c, _)| lines(c));
    Some(json!({"aircraft": a.id, "ready": p.token.is_some(), "checks": checks, "lines": lines}))
}

/// The companion's ground lines: trust, whether anybody is heard, loss.
fn lines(c: &ControlReport) -> Vec<Value> {
    (0u8..)
        .zip(&c.lines)
        .map(|(n, l)| {
            json!({
                "line": n,
                "trust": l.trust.map(|t| match t {
                    Trust::Signed => "signed",
                    Trust::WiredLab => "wired_lab",
                }),
                "up": l.up,
                "loss_pct": l.loss_pct,
                "best": c.best_line == Some(n),
            })
        })
        .collect()
}

/// Who has an aircraft.
fn control(c: &ControlReport, age_s: f64) -> Value {
    let (hand_over, left_s) = match c.hand_over {
        HandOver::None => ("none", None),
        HandOver::Alarm { left_s } => ("alarm", Some(left_s)),
        HandOver::Acted => ("acted", None),
    };
    json!({
        "station": c.holder.map(|(_, system, _)| system),
        "line": c.holder.map(|(line, ..)| line),
        "officer": c.officer,
        "before": c.before,
        "hand_over": hand_over,
        "left_s": left_s,
        "refused": c.refused,
        "dropped": c.dropped,
        "lines": lines(c),
        "age_s": (age_s * 10.0).round() / 10.0,
    })
}

/// One anomaly.
#[must_use]
pub fn anomaly(
    id: &str,
    aircraft: u8,
    a: &Anomaly,
    received: Option<Utc>,
    picture_ready: bool,
    d: Option<&Decision>,
) -> Value {
    json!({
        "id": id,
        "aircraft": aircraft,
        "number": a.number,
        "kind": kind_word(a.kind),
        "priority": priority_word(a.priority),
        "rule": a.rule,
        "subject": a.subject,
        "first_seen_ms": ms(a.first_seen),
        "flagged_ms": ms(a.flagged),
        "received_ms": received.map_or_else(|| ms(a.flagged), ms),
        "lat_deg": a.at.lat_deg(),
        "lon_deg": a.at.lon_deg(),
        "alt_amsl_m": a.alt_amsl_m,
        "error": {"major_m": a.error.major_m, "minor_m": a.error.minor_m, "bearing_deg": a.error.bearing_deg},
        "confidence": a.confidence,
        "picture": a.picture_sha256.map(|h| hex(&h)),
        "picture_ready": picture_ready,
        "state": d.map_or("open", |d| if d.confirmed { "confirmed" } else { "dismissed" }),
        "reason": d.and_then(|d| d.reason.clone()),
        "note": d.and_then(|d| d.note.clone()),
        "decided_ms": d.map(|d| d.decided_ms),
    })
}

/// A plan, who is to fly it, and where its sending to the first of them stands.
#[must_use]
pub fn plan(p: &PatrolPlan, by: &[&Aircraft]) -> Value {
    let f = p.file();
    let path: Vec<Value> = p
        .path()
        .iter()
        .map(|(at, up)| json!([at.lon_deg(), at.lat_deg(), up]))
        .collect();
    let items: Vec<Value> = f
        .items
        .iter()
        .map(|i| match i {
            PlanItem::Waypoint { at, .. } | PlanItem::Land { at } => lon_lat(*at),
            PlanItem::Takeoff { .. } => lon_lat(f.home.at),
            PlanItem::Orbit { centre, .. } => lon_lat(*centre),
            PlanItem::Return | PlanItem::Speed { .. } => Value::Null,
        })
        .collect();
    json!({
        "name": f.name,
        "hash": hex(&p.hash()),
        "path": path,
        "items": items,
        "home": lon_lat(f.home.at),
        "rally": f.rally.iter().map(|r| lon_lat(*r)).collect::<Vec<_>>(),
        // No venue names these: an officer must have looked at each.
        "gained": f.gained.iter().map(|r| lon_lat(*r)).collect::<Vec<_>>(),
        "alt_max_m": p.path().iter().map(|x| x.1).fold(0.0, f64::max),
        "speed_mps": f.speed_mps,
        "time_s": f.estimate.time_s,
        "distance_m": f.estimate.distance_m,
        "reserve_pct": f.estimate.reserve_pct,
        "on_link_loss": on_link_loss(f.on_link_loss),
        "aircraft": by.iter().map(|a| a.id).collect::<Vec<_>>(),
        "upload": upload(by.first().map_or(&Upload::Idle, |a| &a.upload)),
    })
}

/// 48 bytes of one aircraft in the binary batch.
#[must_use]
pub fn batch_entry(a: &Aircraft, now: Mono) -> Vec<u8> {
    let mut out = Vec::with_capacity(48);
    // The last phase stays on the screen; who flies, the verdict and what is left are nobody's word once it is old.
    let s = a.state.map(|s| s.0);
    let fresh = a.fresh_state(now);
    let t = &a.telemetry;
    let nan = |v: Option<f64>| v.map_or(f32::NAN, |v| v as f32);
    out.push(a.id);
    out.push(s.map_or(0, |s| s.phase.number()));
    out.push(fresh.map_or(0, |s| match s.in_charge {
        missions::flight::InCharge::Unknown => 0,
        missions::flight::InCharge::Companion => 1,
        missions::flight::InCharge::SafetyPilot => 2,
        missions::flight::InCharge::AutopilotFailsafe => 3,
        missions::flight::InCharge::OtherStation => 4,
    }));
    out.push(fresh.map_or(0, |s| s.verdict.number()));
    let p = t.position.map(|p| p.0);
    out.extend_from_slice(&p.map_or(0, |p| p.at.lat_e7()).to_le_bytes());
    out.extend_from_slice(&p.map_or(0, |p| p.at.lon_e7()).to_le_bytes());
    let yaw = t
        .attitude_rad
        .map(|a| a.0[2].to_degrees().rem_euclid(360.0));
    let floats = [
        nan(p.map(|p| p.above_home_m)),
        nan(p.and_then(|p| p.heading_deg).or(yaw)),
        nan(p.map(|p| p.vel_ned_mps[0].hypot(p.vel_ned_mps[1]))),
        nan(p.map(|p| -p.vel_ned_mps[2])),
        nan(t.battery_pct.map(|b| b.0)),
        nan(fresh
            .and_then(|s| s.endurance_s)
            .map(|e| f64::from(e) / 60.0)),
        nan(a.link_age(now).map(|d| d.as_secs_f64())),
        nan(fresh.and_then(|s| s.margin_m)),
    ];
    for f in floats {
        out.extend_from_slice(&f.to_le_bytes());
    }
    out.extend_from_slice(&s.and_then(|s| s.item).unwrap_or(u16::MAX).to_le_bytes());
    out.push(s.map_or(0, |s| s.response.number()));
    out.push(s.map_or(0, |s| s.cause.number()));
    out
}

/// The binary batch of these aircraft; `seq` counts batches. Ages are counted to `now`.
#[must_use]
pub fn batch(aircraft: &[Aircraft], seq: u32, now: Mono, utc: Utc) -> Vec<u8> {
    let count = u8::try_from(aircraft.len()).unwrap_or(u8::MAX);
    let mut out = Vec::with_capacity(13 + 48 * aircraft.len());
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&(utc.0 as f64 / 1_000.0).to_le_bytes());
    out.push(count);
    for a in aircraft.iter().take(usize::from(count)) {
        out.extend(batch_entry(a, now));
    }
    out
}

impl Desk {
    /// The binary batch of all aircraft; `seq` counts batches.
    #[must_use]
    pub fn batch(&self, seq: u32, now: Mono, utc: Utc) -> Vec<u8> {
        batch(&self.aircraft, seq, now, utc)
    }

    /// The snapshot, but for `seq` and `replay`, which are the server's.
    #[must_use]
    pub fn snapshot(&self, utc: Utc) -> Value {
        json!({
            "type": "snapshot",
            "server_ms": ms(utc),
            "venue": self.venue.to_value(),
            "plan": self.plan_view(),
            "plans": self.plans().map(|p| self.plan_view_of(p.id())).collect::<Vec<_>>(),
            "aircraft": self.aircraft.iter().map(|a| aircraft(a, self.now.mono)).collect::<Vec<_>>(),
            "anomalies": self.anomaly_views(),
            "preflight": self.aircraft.iter().filter_map(preflight).collect::<Vec<_>>(),
            "log": self.log.iter().collect::<Vec<_>>(),
            "replay": null,
        })
    }

    /// Slow fields of one aircraft, `None` when there is none with this id.
    #[must_use]
    pub fn aircraft_view(&self, id: u8) -> Option<Value> {
        self.aircraft(id).map(|a| aircraft(a, self.now.mono))
    }

    /// The first aircraft's plan, or null.
    #[must_use]
    pub fn plan_view(&self) -> Value {
        self.plan()
            .map_or(Value::Null, |p| self.plan_view_of(p.id()))
    }

    /// The plan with this id, or null.
    #[must_use]
    pub fn plan_view_of(&self, id: u64) -> Value {
        let found = self.plan_by(id).or_else(|| {
            let last = self.plan.as_deref().filter(|p| p.id() == id)?;
            Some((last, Vec::new()))
        });
        let Some((p, by)) = found else {
            return Value::Null;
        };
        let mut view = plan(p, &by);
        if let Some(o) = view.as_object_mut() {
            let rehearsal = self.rehearsals.get(&id).cloned().unwrap_or_default();
            o.insert("rehearsal".into(), rehearsal.view(self.config.rehearsals));
        }
        view
    }
}
