//! The report's figures, from a record's lines, frames, plan and verification. `--json` prints these; the page shows no
//! other.

use super::alarms::{self, Alarm, Times};
use super::coverage::{self, Coverage, aloft};
use crate::desk::{Event, Intent};
use crate::evidence::export::{Facts, Fix};
use crate::evidence::verify;
use crate::incidents::{Book, Deed};
use crate::people::access::intent_kind;
use crate::record::line::Fact;
use missions::place::LatLon;
use missions::plan::PatrolPlan;
use missions::plane::LocalPlane;
use missions::venue::Venue;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Lines of the time line at most.
const MAX_MOMENTS: usize = 400;
/// Orders at most.
const MAX_ORDERS: usize = 1_000;
/// Between two fixes of one track at most, for its length, µs.
const SAME_TRACK_US: i64 = 5_000_000;
/// Lines of the log that are too many to read and say nothing alone.
const QUIET: [&str; 4] = [
    "order_sent",
    "plan_sending",
    "status_text",
    "companion_text",
];

/// What a report is made from.
pub struct Source {
    /// Lines, frames and pictures.
    pub facts: Facts,
    /// The newest plan's file.
    pub plan: Option<Vec<u8>>,
    /// Every file of the record.
    pub files: Vec<FileLine>,
    /// What the verifier says.
    pub verification: verify::Report,
}

/// One file of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileLine {
    /// Name in the folder.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256, hex; `None`: a picture for the analyst, which is no evidence.
    pub sha256: Option<String>,
    /// `as_recorded`, `changed` or `not_covered`.
    pub state: &'static str,
}

/// Why the flight was flown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Launch {
    /// When, milliseconds since 1970.
    pub t_ms: i64,
    /// Aircraft.
    pub aircraft: Option<u8>,
    /// What for.
    pub purpose: String,
    /// Incident number, as the pilot gave it.
    pub incident: String,
    /// Who answers for it.
    pub pilot: String,
}

/// What an aircraft did, by its own positions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sortie {
    /// MAVLink system.
    pub system: u8,
    /// In the air, seconds.
    pub aloft_s: f64,
    /// Flown, metres.
    pub distance_m: f64,
    /// Highest over home, metres.
    pub highest_m: f64,
    /// At the first position in the air, per cent.
    pub battery_from_pct: Option<f64>,
    /// At the last one, per cent.
    pub battery_to_pct: Option<f64>,
}

/// An officer's order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Order {
    /// When, milliseconds since 1970.
    pub t_ms: i64,
    /// By whom; empty: the record does not say.
    pub by: String,
    /// Its kind.
    pub kind: &'static str,
    /// Aircraft.
    pub aircraft: Option<u64>,
    /// Whether the desk took it.
    pub accepted: bool,
    /// Why not, a code.
    pub refusal: Option<String>,
    /// What the aircraft said in the end: `order_done` and the like.
    pub fate: Option<String>,
}

/// One incident with all that was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// As the page has it.
    pub incident: Value,
    /// All steps, with those before this record.
    pub deeds: Vec<Deed>,
}

/// All that the report says.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// First and last stamp, milliseconds since 1970.
    pub span_ms: Option<(i64, i64)>,
    /// The venue's name.
    pub venue: String,
    /// The newest plan's name.
    pub plan: String,
    /// Why it was flown.
    pub launches: Vec<Launch>,
    /// What each aircraft did.
    pub sorties: Vec<Sortie>,
    /// How much of the plan was flown.
    pub coverage: Option<Coverage>,
    /// Anomalies as they stood at the end.
    pub anomalies: Vec<Value>,
    /// What alarmed.
    pub alarms: Vec<Alarm>,
    /// Alarms that there was no room for.
    pub more_alarms: usize,
    /// How long it took.
    pub times: Times,
    /// Incidents.
    pub incidents: Vec<Case>,
    /// Patrols as they stood at the end.
    pub patrols: Vec<Value>,
    /// Orders by whom.
    pub orders: Vec<Order>,
    /// The time line.
    pub moments: Vec<Event>,
    /// Lines that there was no room for.
    pub more_moments: usize,
    /// Lines of the record and steps that could not be understood.
    pub odd: usize,
    /// Every file.
    pub files: Vec<FileLine>,
    /// A code of `record_state`.
    pub record_state: &'static str,
    /// What the verifier says, whole.
    pub verification: verify::Report,
}

/// The verdict in one word. Complete is said where `verify` says it, and nowhere else.
fn state_of(r: &verify::Report) -> &'static str {
    match &r.end {
        _ if !r.is_intact() => "damaged",
        _ if r.is_complete() => "complete",
        verify::End::Closed => "unsealed",
        verify::End::ReceiptedUpTo { .. } => "receipted",
        verify::End::Open => "open",
    }
}

/// The plane that everything is laid on: about the launch site, or the first place there is.
pub(super) fn plane_of(
    venue: Option<&Venue>,
    plan: Option<&PatrolPlan>,
    fixes: &[Fix],
) -> Option<LocalPlane> {
    let of_fix = || {
        let f = fixes.first()?;
        LatLon::from_degrees(f.lat_deg, f.lon_deg).ok()
    };
    plan.map(|p| p.file().home.at)
        .or_else(|| venue.and_then(Venue::launch_site))
        .or_else(of_fix)
        .map(LocalPlane::new)
}

fn sorties(facts: &Facts) -> Vec<Sortie> {
    let mut out = Vec::new();
    for (system, fixes) in facts.tracks() {
        let up: Vec<&Fix> = fixes.into_iter().filter(|f| aloft(f)).collect();
        let Some((first, last)) = up.first().zip(up.last()) else {
            continue;
        };
        let (mut aloft_us, mut distance_m) = (0i64, 0.0);
        for pair in up.windows(2) {
            let [a, b] = pair else { continue };
            let passed_us = b.utc.0 - a.utc.0;
            if !(0..=SAME_TRACK_US).contains(&passed_us) {
                continue;
            }
            aloft_us += passed_us;
            let places = [a, b].map(|f| LatLon::from_degrees(f.lat_deg, f.lon_deg));
            if let [Ok(a), Ok(b)] = places {
                let d = LocalPlane::new(a).to_local(b);
                distance_m += d.east_m.hypot(d.north_m);
            }
        }
        out.push(Sortie {
            system,
            aloft_s: aloft_us as f64 * 1e-6,
            distance_m,
            highest_m: up.iter().map(|f| f.above_home_m).fold(0.0, f64::max),
            battery_from_pct: first.battery_pct,
            battery_to_pct: last.battery_pct,
        });
    }
    out
}

/// Which order an event is the fate of: the newest one of that kind to that aircraft before it.
fn tell_fate(orders: &mut [Order], e: &Event) {
    let fate = [
        "order_done",
        "order_refused",
        "order_failed",
        "order_expired",
    ];
    if !fate.contains(&e.code.as_str()) {
        return;
    }
    let kind = e.params.get("order").and_then(Value::as_str);
    let of = orders.iter_mut().rev().find(|o| {
        Some(o.kind) == kind
            && o.t_ms <= e.t_ms
            && (o.aircraft.is_none() || o.aircraft == e.aircraft.map(u64::from))
    });
    if let Some(o) = of.filter(|o| o.fate.is_none()) {
        o.fate = Some(e.code.clone());
    }
}

/// Reads everything off the record.
#[must_use]
pub fn gather(source: Source) -> (Figures, Facts) {
    let Source {
        facts,
        plan,
        files,
        verification,
    } = source;
    let plan = plan.and_then(|b| PatrolPlan::from_json(&b).ok());
    let venue = facts.venue.as_ref().and_then(|v| Venue::from_value(v).ok());
    let mut book = Book::default();
    let mut patrols: BTreeMap<u64, Value> = BTreeMap::new();
    let (mut launches, mut orders, mut moments) = (Vec::new(), Vec::new(), Vec::new());
    let (mut odd, mut more_moments) = (0, 0);
    for l in &facts.lines {
        match &l.fact {
            Fact::Incident { deed } => odd += usize::from(book.take(deed).is_err()),
            Fact::Patrol { patrol, .. } => {
                let number = patrol.get("number").and_then(Value::as_u64).unwrap_or(0);
                patrols.insert(number, patrol.clone());
            }
            Fact::Event { event } => {
                let of = |name: &str| {
                    let v = event.params.get(name).and_then(Value::as_str);
                    v.unwrap_or("").to_owned()
                };
                if event.code == "launch_recorded" {
                    launches.push(Launch {
                        t_ms: event.t_ms,
                        aircraft: event.aircraft,
                        purpose: of("purpose"),
                        incident: of("incident"),
                        pilot: of("pilot"),
                    });
                }
                tell_fate(&mut orders, event);
                if QUIET.contains(&event.code.as_str()) {
                    continue;
                }
                if moments.len() < MAX_MOMENTS {
                    moments.push(event.clone());
                } else {
                    more_moments += 1;
                }
            }
            Fact::Intent { intent, answer, by } => {
                let asks_only = matches!(
                    intent,
                    Intent::Replay { .. }
                        | Intent::Preflight { .. }
                        | Intent::Acknowledge { .. }
                        | Intent::Shelve { .. }
                );
                if asks_only || orders.len() >= MAX_ORDERS {
                    continue;
                }
                let fields = serde_json::to_value(intent).unwrap_or_default();
                orders.push(Order {
                    t_ms: l.t_ms,
                    by: by.clone(),
                    kind: intent_kind(intent),
                    aircraft: fields.get("aircraft").and_then(Value::as_u64),
                    accepted: answer.accepted,
                    refusal: answer.reason.as_ref().map(|r| r.code.clone()),
                    fate: None,
                });
            }
            _ => {}
        }
    }
    let (alarms, more_alarms) = alarms::alarms(&facts.lines, &book);
    let plane = plane_of(venue.as_ref(), plan.as_ref(), &facts.fixes);
    let path: Vec<LatLon> = plan
        .as_ref()
        .map(|p| p.path().iter().map(|(at, _)| *at).collect())
        .unwrap_or_default();
    let figures = Figures {
        span_ms: verification
            .span_us
            .map(|(a, b)| (a.div_euclid(1_000), b.div_euclid(1_000))),
        venue: venue.map_or_else(String::new, |v| v.name),
        plan: plan.map_or_else(String::new, |p| p.file().name.clone()),
        launches,
        sorties: sorties(&facts),
        coverage: plane.and_then(|p| coverage::coverage(&p, &path, &facts.fixes)),
        anomalies: facts.anomalies.clone(),
        times: alarms::times(&alarms),
        alarms,
        more_alarms,
        incidents: book
            .incidents()
            .map(|i| Case {
                incident: i.view(),
                deeds: i.deeds.clone(),
            })
            .collect(),
        patrols: patrols.into_values().collect(),
        orders,
        moments,
        more_moments,
        odd,
        files,
        record_state: state_of(&verification),
        verification,
    };
    (figures, facts)
}
