//! What ED-269 and ED-318 have in common: limits with their reference, periods of applicability, names and reasons.
//!
//! All of it describes keep-outs, so that what cannot be kept makes them taller or longer, never smaller.

use super::{Fault, ImportError, NoteCode, Notes, shorten};
use crate::place::Alt;
use crate::time::{Utc, Window};
use crate::venue::Limit;
use serde_json::Value;

/// A foot (international), metres.
const FOOT_M: f64 = 0.3048;

/// Metres in the unit of measurement of a file (`M`, `FT`).
pub(super) fn metres_in(unit: Option<&Value>, place: &str) -> Result<f64, ImportError> {
    match unit
        .and_then(Value::as_str)
        .map(str::to_uppercase)
        .as_deref()
    {
        Some("M") => Ok(1.0),
        Some("FT") => Ok(FOOT_M),
        other => Err(ImportError::new(
            Fault::Value,
            place,
            format!(
                "unit `{}` of the heights is none; it must be M or FT",
                shorten(other.unwrap_or("not stated"))
            ),
        )),
    }
}

/// One end of a volume as a file states it.
pub(super) struct Bound<'a> {
    /// The number, a text of it, or nothing.
    pub value: Option<&'a Value>,
    /// `AGL`, `AMSL` or `WGS84`.
    pub reference: Option<&'a Value>,
    /// Metres in its unit.
    pub unit_m: f64,
    /// Where it stands.
    pub place: String,
}

/// Reads both ends. Heights over the ellipsoid would need a geoid model, and a limit without its reference means
/// nothing: such an end becomes the ground or the sky. So does a floor in another frame than the ceiling, since a venue's
/// file keeps one frame a zone.
pub(super) fn limits(
    lower: Bound<'_>,
    upper: Bound<'_>,
    zone: &str,
    notes: &mut Notes,
) -> Result<(Option<Limit>, Option<Limit>), ImportError> {
    let place = lower.place.clone();
    let floor = limit(&lower, zone, "from the ground up", notes)?.filter(
        // The ground is the ground.
        |l| !matches!(l, Limit::AboveGround(a) if a.metres() <= 0.0),
    );
    let ceiling = limit(&upper, zone, "up to the sky", notes)?;
    let order = match (floor, ceiling) {
        (Some(Limit::Amsl(f)), Some(Limit::Amsl(c))) => Some((f.metres(), c.metres())),
        (Some(Limit::AboveGround(f)), Some(Limit::AboveGround(c))) => {
            Some((f.metres(), c.metres()))
        }
        (Some(_), Some(_)) => {
            notes.add(
                NoteCode::HeightWidened,
                zone,
                "floor and ceiling have different references: kept out from the ground up",
            );
            return Ok((None, ceiling));
        }
        _ => None,
    };
    match order {
        Some((f, c)) if f >= c => Err(ImportError::new(
            Fault::Value,
            place,
            format!("lower limit {f} m is not below upper limit {c} m: correct the file"),
        )),
        _ => Ok((floor, ceiling)),
    }
}

fn limit(
    b: &Bound<'_>,
    zone: &str,
    widened: &str,
    notes: &mut Notes,
) -> Result<Option<Limit>, ImportError> {
    let number = match b.value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(n)) => n.as_f64(),
        // Switzerland publishes numbers as text.
        Some(Value::String(s)) if s.trim().is_empty() => return Ok(None),
        Some(Value::String(s)) => s.trim().parse::<f64>().ok(),
        Some(_) => None,
    };
    let Some(metres) = number.map(|n| n * b.unit_m).filter(|n| n.is_finite()) else {
        return Err(ImportError::new(
            Fault::Value,
            &b.place,
            "is no number: correct the file",
        ));
    };
    let bad = |e: crate::place::BadPlace| ImportError::new(Fault::Value, &b.place, e.to_string());
    let reference = b.reference.and_then(Value::as_str).map(str::to_uppercase);
    match reference.as_deref() {
        Some("AGL") => Ok(Some(Limit::AboveGround(
            Alt::from_metres(metres).map_err(bad)?,
        ))),
        Some("AMSL") => Ok(Some(Limit::Amsl(Alt::from_metres(metres).map_err(bad)?))),
        other => {
            notes.add(
                NoteCode::HeightWidened,
                zone,
                format!(
                    "a limit of {metres} m with the reference `{}` cannot be used: kept out {widened}",
                    shorten(other.unwrap_or("not stated"))
                ),
            );
            Ok(None)
        }
    }
}

/// The time from the first start to the last end of all periods; `None` is always.
///
/// Timetables within a period (days of the week, hours) are not kept: the zone is then in force for the whole period.
pub(super) fn window(
    periods: Option<&Value>,
    place: &str,
    zone: &str,
    notes: &mut Notes,
) -> Result<Option<Window>, ImportError> {
    let periods: Vec<&Value> = match periods {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    };
    let mut whole: Option<Window> = None;
    let mut timetable = periods.len() > 1;
    for (i, p) in periods.iter().enumerate() {
        let time = |key: &str| match p.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) if s.trim().is_empty() => Ok(None),
            Some(v) => v
                .as_str()
                .and_then(|s| Utc::from_rfc3339(s.trim()))
                .map(Some)
                .ok_or_else(|| {
                    ImportError::new(
                        Fault::Value,
                        format!("{place}[{i}].{key}"),
                        format!(
                            "`{}` is no time: write it as 2026-10-01T20:00:00+08:00",
                            shorten(v.as_str().unwrap_or(&v.to_string()))
                        ),
                    )
                }),
        };
        timetable |= ["dailyPeriod", "schedule", "dailySchedule"]
            .iter()
            .filter_map(|k| p.get(k).and_then(Value::as_array))
            .flatten()
            .any(says_something);
        let permanent = p
            .get("permanent")
            .and_then(Value::as_str)
            .is_some_and(|s| s.eq_ignore_ascii_case("YES"));
        let (from, until) = if permanent {
            (None, None)
        } else {
            (time("startDateTime")?, time("endDateTime")?)
        };
        let w = Window {
            from: from.unwrap_or(Utc(i64::MIN)),
            until: until.unwrap_or(Utc(i64::MAX)),
        };
        if w.until <= w.from {
            return Err(ImportError::new(
                Fault::Value,
                format!("{place}[{i}].endDateTime"),
                "is not after startDateTime: correct the file",
            ));
        }
        whole = Some(whole.map_or(w, |o| Window {
            from: o.from.min(w.from),
            until: o.until.max(w.until),
        }));
    }
    if timetable {
        notes.add(
            NoteCode::TimeWidened,
            zone,
            "its timetable is not kept: kept out at all hours from the first start to the last end",
        );
    }
    Ok(whole.filter(|w| w.from.0 != i64::MIN || w.until.0 != i64::MAX))
}

/// Whether an entry of a timetable states a day or an hour at all; the Swiss sample carries empty ones.
fn says_something(entry: &Value) -> bool {
    entry.as_object().is_some_and(|o| {
        o.values().any(|v| match v {
            Value::Null => false,
            Value::Array(a) => !a.is_empty(),
            Value::String(s) => !s.is_empty(),
            _ => true,
        })
    })
}

/// A text, or the English one (else the first) of a list of `{text, lang}`.
pub(super) fn words(v: Option<&Value>) -> Option<String> {
    let text = match v? {
        Value::String(s) => s.as_str(),
        Value::Array(list) => {
            let of = |want: fn(&str) -> bool| {
                list.iter()
                    .filter(|t| want(t.get("lang").and_then(Value::as_str).unwrap_or("")))
                    .find_map(|t| t.get("text").or(Some(t)).and_then(Value::as_str))
            };
            of(|lang| lang.starts_with("en")).or_else(|| of(|_| true))?
        }
        _ => return None,
    };
    Some(text.trim().chars().take(200).collect()).filter(|s: &String| !s.is_empty())
}

/// The zone's name with its restriction and reasons, for the map; and a note with all that is known of them.
pub(super) fn describe(zone: &Value, id: &str, restriction: &str, notes: &mut Notes) -> String {
    let name = words(zone.get("name")).unwrap_or_else(|| id.to_owned());
    let reasons: Vec<&str> = zone
        .get("reason")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(9)
        .collect();
    let reasons = reasons.join(", ");
    let mut more = Vec::new();
    for key in ["otherReasonInfo", "restrictionConditions", "message"] {
        more.extend(words(zone.get(key)));
    }
    let authority = zone
        .get("zoneAuthority")
        .and_then(|a| a.get(0).or(Some(a)))
        .and_then(|a| words(a.get("name")));
    more.extend(authority.map(|a| format!("ask {a}")));
    notes.add(
        NoteCode::Restriction,
        id,
        format!(
            "{name}: {restriction} ({reasons}){}{}. Kept out of; take the zone out once you hold what it asks for",
            if more.is_empty() { "" } else { "; " },
            more.join("; ")
        ),
    );
    let reasons = if reasons.is_empty() {
        String::new()
    } else {
        format!(": {reasons}")
    };
    format!("{} ({restriction}{reasons})", shorten(&name))
}
