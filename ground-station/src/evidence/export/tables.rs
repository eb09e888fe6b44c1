//! CSV (RFC 4180), GeoJSON (RFC 7946), KML 2.2 with `gx:Track`.

use super::facts::{Facts, Fix};
use crate::record::line::Fact;
use missions::time::Utc;
use serde_json::{Value, json};
use std::fmt::Write;

/// A field of a CSV file. A leading sign of a formula is defused: spreadsheets would run it.
fn field(text: &str) -> String {
    let number = text.parse::<f64>().is_ok();
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number;
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn row(out: &mut String, fields: &[String]) {
    let fields: Vec<String> = fields.iter().map(|f| field(f)).collect();
    out.push_str(&fields.join(","));
    out.push_str("\r\n");
}

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn option(v: Option<f64>, digits: usize) -> String {
    v.map_or_else(String::new, |v| format!("{v:.digits$}"))
}

/// A JSON value as a cell.
fn cell(v: &Value, name: &str) -> String {
    match v.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(s)) => s.clone(),
        Some(other) => other.to_string(),
    }
}

fn moment(v: &Value, name: &str) -> String {
    v.get(name)
        .and_then(Value::as_i64)
        .map_or_else(String::new, |ms| Utc(ms.saturating_mul(1_000)).to_rfc3339())
}

/// Every position, one a line.
#[must_use]
pub fn track_csv(facts: &Facts) -> String {
    let mut out = String::new();
    row(
        &mut out,
        &words(&[
            "time_utc",
            "system",
            "lat_deg",
            "lon_deg",
            "alt_amsl_m",
            "above_home_m",
            "speed_mps",
            "heading_deg",
            "battery_pct",
            "armed",
        ]),
    );
    for f in &facts.fixes {
        row(
            &mut out,
            &[
                f.utc.to_rfc3339(),
                f.system.to_string(),
                format!("{:.7}", f.lat_deg),
                format!("{:.7}", f.lon_deg),
                format!("{:.3}", f.alt_amsl_m),
                format!("{:.3}", f.above_home_m),
                format!("{:.2}", f.speed_mps),
                option(f.heading_deg, 2),
                option(f.battery_pct, 0),
                f.armed.map_or_else(String::new, |a| a.to_string()),
            ],
        );
    }
    out
}

const ANOMALY: [&str; 14] = [
    "id",
    "aircraft",
    "number",
    "kind",
    "priority",
    "rule",
    "subject",
    "lat_deg",
    "lon_deg",
    "alt_amsl_m",
    "confidence",
    "state",
    "reason",
    "picture",
];

/// Every anomaly as it stood at the end.
#[must_use]
pub fn anomalies_csv(facts: &Facts) -> String {
    let mut out = String::new();
    let mut head = words(&ANOMALY);
    head.extend(words(&["first_seen_utc", "flagged_utc", "decided_utc"]));
    row(&mut out, &head);
    for a in &facts.anomalies {
        let mut cells: Vec<String> = ANOMALY.iter().map(|n| cell(a, n)).collect();
        cells.extend(["first_seen_ms", "flagged_ms", "decided_ms"].map(|n| moment(a, n)));
        row(&mut out, &cells);
    }
    out
}

/// Every event and every click, in the order they came.
#[must_use]
pub fn events_csv(facts: &Facts) -> String {
    let mut out = String::new();
    row(
        &mut out,
        &words(&[
            "time_utc", "what", "code", "aircraft", "accepted", "details",
        ]),
    );
    for l in &facts.lines {
        let time = Utc(l.t_ms.saturating_mul(1_000)).to_rfc3339();
        match &l.fact {
            Fact::Event { event } => row(
                &mut out,
                &[
                    time,
                    "event".into(),
                    event.code.clone(),
                    event.aircraft.map_or_else(String::new, |a| a.to_string()),
                    String::new(),
                    Value::Object(event.params.clone()).to_string(),
                ],
            ),
            Fact::Incident { deed }
            | Fact::Patrol {
                deed: Some(deed), ..
            } => row(
                &mut out,
                &[
                    time,
                    "step".into(),
                    deed.step.word().into(),
                    String::new(),
                    true.to_string(),
                    serde_json::to_value(deed).unwrap_or_default().to_string(),
                ],
            ),
            Fact::Intent { intent, answer, .. } => {
                let v = serde_json::to_value(intent).unwrap_or_default();
                row(
                    &mut out,
                    &[
                        time,
                        "click".into(),
                        cell(&v, "type"),
                        cell(&v, "aircraft"),
                        answer.accepted.to_string(),
                        v.to_string(),
                    ],
                );
            }
            Fact::Access { access } => row(
                &mut out,
                &[
                    time,
                    "access".into(),
                    access.what.clone(),
                    String::new(),
                    access.denied.is_none().to_string(),
                    serde_json::to_value(access).unwrap_or_default().to_string(),
                ],
            ),
            _ => {}
        }
    }
    out
}

/// Tracks, anomalies and the venue in one FeatureCollection.
#[must_use]
pub fn geojson(facts: &Facts) -> String {
    let mut features: Vec<Value> = Vec::new();
    for (system, fixes) in facts.tracks() {
        let line: Vec<Value> = fixes
            .iter()
            .map(|f| json!([f.lon_deg, f.lat_deg, f.alt_amsl_m]))
            .collect();
        let times: Vec<String> = fixes.iter().map(|f| f.utc.to_rfc3339()).collect();
        // A line has two places or more.
        let geometry = if line.len() > 1 {
            json!({"type": "LineString", "coordinates": line})
        } else {
            json!({"type": "MultiPoint", "coordinates": line})
        };
        features.push(json!({
            "type": "Feature", "geometry": geometry,
            "properties": {"what": "track", "system": system, "times_utc": times},
        }));
    }
    for a in &facts.anomalies {
        let mut properties = a.clone();
        if let Some(p) = properties.as_object_mut() {
            p.insert("what".into(), "anomaly".into());
        }
        let coordinates = json!([a.get("lon_deg"), a.get("lat_deg")]);
        features.push(json!({
            "type": "Feature", "geometry": {"type": "Point", "coordinates": coordinates}, "properties": properties,
        }));
    }
    let zones = facts
        .venue
        .as_ref()
        .and_then(|v| v.get("features"))
        .and_then(Value::as_array);
    features.extend(zones.cloned().unwrap_or_default());
    json!({"type": "FeatureCollection", "features": features}).to_string()
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        // XML 1.0 has no other control characters.
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// Tracks with their times, and anomalies.
#[must_use]
pub fn kml(facts: &Facts) -> String {
    let mut out = String::from(concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<kml xmlns=\"http://www.opengis.net/kml/2.2\" xmlns:gx=\"http://www.google.com/kml/ext/2.2\">\n<Document>\n",
    ));
    for (system, fixes) in facts.tracks() {
        let _ = writeln!(
            out,
            "<Placemark><name>P{system}</name><gx:Track><altitudeMode>absolute</altitudeMode>"
        );
        for f in &fixes {
            let _ = writeln!(out, "<when>{}</when>", f.utc.to_rfc3339());
        }
        for Fix {
            lon_deg,
            lat_deg,
            alt_amsl_m,
            ..
        } in &fixes
        {
            let _ = writeln!(
                out,
                "<gx:coord>{lon_deg:.7} {lat_deg:.7} {alt_amsl_m:.2}</gx:coord>"
            );
        }
        out.push_str("</gx:Track></Placemark>\n");
    }
    for a in &facts.anomalies {
        let _ = writeln!(
            out,
            "<Placemark><name>{} {}</name><description>{}</description><TimeStamp><when>{}</when></TimeStamp>\
             <Point><coordinates>{},{}</coordinates></Point></Placemark>",
            xml(&cell(a, "priority")),
            xml(&cell(a, "kind")),
            xml(&format!(
                "{} {} {}",
                cell(a, "rule"),
                cell(a, "subject"),
                cell(a, "state")
            )),
            moment(a, "flagged_ms"),
            cell(a, "lon_deg"),
            cell(a, "lat_deg"),
        );
    }
    out.push_str("</Document>\n</kml>\n");
    out
}
