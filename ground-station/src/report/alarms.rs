//! What alarmed, and how long it took: raised → acknowledged → acted → closed. From the record's lines alone.

use crate::desk::Intent;
use crate::incidents::{Book, Step};
use crate::record::line::{Fact, Line};
use serde::Serialize;
use serde_json::Value;

/// Alarms told at most; the rest is counted.
const MAX_ALARMS: usize = 1_000;

/// One alarm. Times are milliseconds since 1970 UTC; `None`: the record does not say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alarm {
    /// A code of `alarm_kind`.
    pub kind: &'static str,
    /// Number of the anomaly, the incident or the patrol.
    pub number: Option<u64>,
    /// Whose.
    pub aircraft: Option<u8>,
    /// When it was raised.
    pub raised_ms: i64,
    /// When an officer acknowledged or judged it.
    pub acknowledged_ms: Option<i64>,
    /// When something was done about it.
    pub acted_ms: Option<i64>,
    /// When its cause was gone.
    pub closed_ms: Option<i64>,
    /// As the page names it, or how that begins.
    #[serde(skip)]
    page: String,
    /// Id of an anomaly.
    #[serde(skip)]
    id: String,
}

/// Median and worst of one kind of time, seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// Half took no longer.
    pub median_s: f64,
    /// The longest.
    pub worst_s: f64,
    /// Of how many.
    pub of: usize,
}

/// Response times over all alarms.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// Alarms.
    pub alarms: usize,
    /// Raised to acknowledged.
    pub acknowledged: Option<Span>,
    /// Raised to acted.
    pub acted: Option<Span>,
    /// Raised to closed.
    pub closed: Option<Span>,
}

/// Median and worst.
fn span(mut of_s: Vec<f64>) -> Option<Span> {
    of_s.sort_by(f64::total_cmp);
    Some(Span {
        median_s: *of_s.get(of_s.len().saturating_sub(1) / 2)?,
        worst_s: *of_s.last()?,
        of: of_s.len(),
    })
}

/// Over all of them.
#[must_use]
pub fn times(alarms: &[Alarm]) -> Times {
    let after = |of: fn(&Alarm) -> Option<i64>| {
        let all = alarms.iter().filter_map(|a| {
            // A clock that was set back makes no negative times.
            Some((of(a)?.saturating_sub(a.raised_ms)).max(0) as f64 * 1e-3)
        });
        span(all.collect())
    };
    Times {
        alarms: alarms.len(),
        acknowledged: after(|a| a.acknowledged_ms),
        acted: after(|a| a.acted_ms),
        closed: after(|a| a.closed_ms),
    }
}

/// The alarm that an event raises: kind, and how the page's name for it begins.
fn raised_by(
    code: &str,
    params: &serde_json::Map<String, Value>,
) -> Option<(&'static str, String)> {
    let of = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or("");
    let number = params.get("number").and_then(Value::as_u64).unwrap_or(0);
    Some(match code {
        "link_lost" => ("link", "link".into()),
        "response" => {
            let acts = matches!(of("response"), "hold" | "return" | "land_here");
            let asked = matches!(of("cause"), "officer" | "none" | "plan_complete");
            if !acts || asked {
                return None;
            }
            ("guard", "response-".into())
        }
        "in_charge" => match of("who") {
            "autopilot_failsafe" => ("failsafe", "failsafe".into()),
            "safety_pilot" => ("safety_pilot", "rc".into()),
            "other_station" => ("other_station", "other".into()),
            _ => return None,
        },
        "no_officer" => ("no_officer", "no-officer".into()),
        "no_officer_acted" => ("no_officer_acted", "no-officer-acted".into()),
        "recorder_failed" => ("recorder", "recorder".into()),
        "eyes_failed" => ("eyes", "eyes".into()),
        "incident_overdue" => ("incident_overdue", format!("incident-{number}")),
        "patrol_overdue" => ("patrol_overdue", format!("patrol-{number}")),
        "mend_overdue" => ("mend_overdue", format!("mend-{number}")),
        _ => return None,
    })
}

/// Whether an event ends an alarm.
fn ends(a: &Alarm, code: &str, params: &serde_json::Map<String, Value>, craft: Option<u8>) -> bool {
    let of = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or("");
    let same = a.aircraft == craft;
    let numbered = a.number.is_some() && a.number == params.get("number").and_then(Value::as_u64);
    match a.kind {
        "link" => same && code == "link_back",
        "guard" => same && code == "response",
        "failsafe" | "safety_pilot" | "other_station" => same && code == "in_charge",
        "no_officer" | "no_officer_acted" => same && code == "control",
        "eyes" => same && code == "eyes_running",
        "recorder" => code == "recorder_started",
        "incident_overdue" => numbered && code == "incident_step" && of("step") != "note",
        "patrol_overdue" => {
            numbered
                && code == "patrol_step"
                && matches!(of("step"), "patrol_flown" | "patrol_stop")
        }
        "mend_overdue" => numbered && code == "patrol_step" && of("step") == "mended",
        _ => false,
    }
}

/// An order that somebody gives to do something about it.
fn acts_on(i: &Intent, craft: Option<u8>) -> bool {
    let same = |a: u8| craft.is_none_or(|c| c == a);
    match i {
        Intent::Hold { aircraft } => aircraft.is_none_or(same),
        Intent::Resume { aircraft }
        | Intent::Return { aircraft }
        | Intent::LandAt { aircraft, .. }
        | Intent::Look { aircraft, .. } => same(*aircraft),
        Intent::TakeControl { .. } | Intent::HandOver { .. } => true,
        _ => false,
    }
}

/// All alarms of a record in the order they were raised, and how many more there were.
#[must_use]
pub fn alarms(lines: &[Line], book: &Book) -> (Vec<Alarm>, usize) {
    let mut out: Vec<Alarm> = Vec::new();
    let mut more = 0;
    for l in lines {
        match &l.fact {
            Fact::Anomaly { anomaly, .. } => {
                let id = anomaly.get("id").and_then(Value::as_str).unwrap_or("");
                if out.iter().any(|a| a.kind == "anomaly" && a.id == id) {
                    continue;
                }
                let raised = anomaly.get("received_ms").and_then(Value::as_i64);
                push(
                    &mut out,
                    &mut more,
                    Alarm {
                        kind: "anomaly",
                        number: anomaly.get("number").and_then(Value::as_u64),
                        aircraft: craft_of(anomaly),
                        raised_ms: raised.unwrap_or(l.t_ms),
                        acknowledged_ms: None,
                        acted_ms: None,
                        closed_ms: None,
                        page: format!("anomaly:{id}"),
                        id: id.to_owned(),
                    },
                );
            }
            Fact::Event { event } => {
                for a in out.iter_mut().filter(|a| a.closed_ms.is_none()) {
                    if ends(a, &event.code, &event.params, event.aircraft) {
                        a.closed_ms = Some(event.t_ms);
                    }
                }
                if let Some((kind, page)) = raised_by(&event.code, &event.params) {
                    push(
                        &mut out,
                        &mut more,
                        Alarm {
                            kind,
                            number: event.params.get("number").and_then(Value::as_u64),
                            aircraft: event.aircraft,
                            raised_ms: event.t_ms,
                            acknowledged_ms: None,
                            acted_ms: None,
                            closed_ms: None,
                            page,
                            id: String::new(),
                        },
                    );
                }
            }
            Fact::Intent { intent, answer, .. } if answer.accepted => {
                clicked(&mut out, intent, l.t_ms)
            }
            Fact::Incident { deed } => {
                for a in out.iter_mut().filter(|a| a.acted_ms.is_none()) {
                    let overdue =
                        a.kind == "incident_overdue" && a.number == Some(deed.about.into());
                    let about = a.kind == "anomaly" && book.incident_of(&a.id) == Some(deed.about);
                    let does = matches!(deed.step, Step::Task { .. } | Step::Outcome { .. });
                    if deed.t_ms >= a.raised_ms && (overdue || (about && does)) {
                        a.acted_ms = Some(deed.t_ms);
                    }
                }
            }
            _ => {}
        }
    }
    for a in out
        .iter_mut()
        .filter(|a| a.kind == "anomaly" && a.closed_ms.is_none())
    {
        let incident = book.incident_of(&a.id).and_then(|n| book.incident(n));
        a.closed_ms = incident.and_then(|i| i.closed_ms);
    }
    (out, more)
}

fn craft_of(anomaly: &Value) -> Option<u8> {
    u8::try_from(anomaly.get("aircraft")?.as_u64()?).ok()
}

fn push(out: &mut Vec<Alarm>, more: &mut usize, alarm: Alarm) {
    if out.len() < MAX_ALARMS {
        out.push(alarm);
    } else {
        *more += 1;
    }
}

/// What an officer's click means for the alarms that stand.
fn clicked(out: &mut [Alarm], intent: &Intent, t_ms: i64) {
    match intent {
        // Who puts it aside has seen it.
        Intent::Acknowledge { alarm } | Intent::Shelve { alarm, .. } => {
            // The newest of that name: an older one that nobody acknowledged stays so.
            let named = out
                .iter_mut()
                .rev()
                .find(|a| is_named(a, alarm) && a.raised_ms <= t_ms);
            if let Some(a) = named.filter(|a| a.acknowledged_ms.is_none()) {
                a.acknowledged_ms = Some(t_ms);
            }
        }
        Intent::Confirm { anomaly } | Intent::Dismiss { anomaly, .. } => {
            for a in out
                .iter_mut()
                .filter(|a| a.kind == "anomaly" && a.id == *anomaly)
            {
                // Who judges it has seen it.
                a.acknowledged_ms.get_or_insert(t_ms);
                if matches!(intent, Intent::Dismiss { .. }) {
                    a.acted_ms.get_or_insert(t_ms);
                    a.closed_ms = Some(t_ms);
                }
            }
        }
        order => {
            for a in out
                .iter_mut()
                .filter(|a| a.kind != "anomaly" && a.number.is_none())
            {
                let stands = a.closed_ms.is_none_or(|c| t_ms <= c) && t_ms >= a.raised_ms;
                if stands && a.acted_ms.is_none() && acts_on(order, a.aircraft) {
                    a.acted_ms = Some(t_ms);
                }
            }
        }
    }
}

/// A page that shows several aircraft says first whose alarm it is (`2:link`); it may add which cause, and never a letter or
/// figure that makes it another alarm.
fn is_named(a: &Alarm, alarm: &str) -> bool {
    let whose = alarm
        .split_once(':')
        .and_then(|(n, rest)| Some((n.parse::<u8>().ok()?, rest)));
    let alarm = match whose {
        Some((n, _)) if a.aircraft.is_some_and(|x| x != n) => return false,
        Some((_, rest)) => rest,
        None => alarm,
    };
    alarm.strip_prefix(&a.page).is_some_and(|rest| {
        a.page.ends_with('-')
            || rest.is_empty()
            || (rest.starts_with(['-', ':']) && !rest.starts_with("-acted"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleets_alarm_is_acknowledged_for_the_aircraft_that_it_names() {
        let lost = |aircraft: u8, page: &str| Alarm {
            kind: "link",
            number: None,
            aircraft: Some(aircraft),
            raised_ms: 1,
            acknowledged_ms: None,
            acted_ms: None,
            closed_ms: None,
            page: page.into(),
            id: String::new(),
        };
        for (aircraft, page, said, named) in [
            (2, "link", "link", true),
            (2, "link", "2:link", true),
            (2, "link", "3:link", false),
            (2, "response-", "2:response-hold-fence", true),
            (2, "no-officer", "2:no-officer-acted", false),
            (2, "rc", "2:response-hold-rc", false),
        ] {
            assert_eq!(is_named(&lost(aircraft, page), said), named, "{said}");
        }
        let two = &mut [lost(1, "link"), lost(2, "link")];
        let intent = Intent::Acknowledge {
            alarm: "1:link".into(),
        };
        clicked(two, &intent, 5);
        assert_eq!(
            (two[0].acknowledged_ms, two[1].acknowledged_ms),
            (Some(5), None)
        );
    }
}
