//! GeoJSON (RFC 7946), by the reader of [`Venue`], with what it passes over in silence said aloud.

use super::{
    DrawnLine, ExactZones, Fault, ImportError, MAX_VERTICES, MAX_ZONES, NoteCode, Notes, Read,
    VenueKind, read_datum,
};
use crate::place::{Datum, LatLon};
use crate::venue::{Role, Venue};
use serde_json::Value;

/// Reads the parsed JSON; `stated` is its `datum` member.
pub(super) fn read(root: &Value, stated: Datum) -> Result<Read, ImportError> {
    let mut notes = Notes::default();
    let mut lines = Vec::new();
    let features: Vec<&Value> = match root.get("features").and_then(Value::as_array) {
        Some(list) => list.iter().collect(),
        None => vec![root],
    };
    if features.len() > MAX_ZONES {
        return Err(ImportError::new(
            Fault::TooLarge,
            "features",
            format!(
                "{} features; at most {MAX_ZONES} are read: cut the file down to the venue",
                features.len()
            ),
        ));
    }
    for (index, f) in features.iter().enumerate() {
        remark(index, f, &mut lines, &mut notes)?;
    }
    let mut venue = Venue::from_value(root)?;
    venue.datum = match (stated, read_crs(root)?) {
        (Datum::Unknown, crs) => crs,
        (datum, Datum::Unknown) => datum,
        (a, b) if a == b => a,
        _ => {
            return Err(ImportError::new(
                Fault::Datum,
                "crs",
                "`datum` and `crs` of the file contradict each other: keep the right one",
            ));
        }
    };
    Ok(Read {
        kind: VenueKind::GeoJson,
        exact: ExactZones::of_geojson(root, &venue),
        venue,
        lines,
        notes,
    })
}

/// The `crs` member of GeoJSON before RFC 7946, which many programs still write.
fn read_crs(root: &Value) -> Result<Datum, ImportError> {
    let Some(crs) = root.get("crs").filter(|v| !v.is_null()) else {
        return Ok(Datum::Unknown);
    };
    let name = crs
        .get("properties")
        .and_then(|p| p.get("name"))
        .and_then(Value::as_str)
        .unwrap_or("");
    // urn:ogc:def:crs:OGC:1.3:CRS84, urn:ogc:def:crs:EPSG::4326, EPSG:4326.
    let last = name.rsplit(':').next().unwrap_or("");
    let word = if last.chars().all(|c| c.is_ascii_digit()) && !last.is_empty() {
        format!("EPSG:{last}")
    } else {
        last.to_owned()
    };
    match read_datum(&word, "crs") {
        Ok(d) if d != Datum::Unknown => Ok(d),
        _ => Err(ImportError::new(
            Fault::Datum,
            "crs",
            format!(
                "`{}` is not longitude and latitude on WGS-84: save the file as RFC 7946 (EPSG:4326)",
                super::shorten(name)
            ),
        )),
    }
}

/// Notes and lines of one feature.
fn remark(
    index: usize,
    f: &Value,
    lines: &mut Vec<DrawnLine>,
    notes: &mut Notes,
) -> Result<(), ImportError> {
    let none = Value::Null;
    let is_feature = f.get("type").and_then(Value::as_str) == Some("Feature");
    let (geometry, props) = if is_feature {
        (
            f.get("geometry").unwrap_or(&none),
            f.get("properties").unwrap_or(&none),
        )
    } else {
        (f, &none)
    };
    let word = |keys: &[&str]| {
        keys.iter()
            .find_map(|k| props.get(k).and_then(Value::as_str))
    };
    let name = word(&["name", "id"]).map_or_else(|| format!("feature-{index}"), str::to_owned);
    let coordinates = geometry.get("coordinates").unwrap_or(&none);
    let kind = geometry.get("type").and_then(Value::as_str).unwrap_or("");
    let parts: Vec<&Value> = match kind {
        "LineString" => vec![coordinates],
        "MultiLineString" => coordinates
            .as_array()
            .map(|a| a.iter().collect())
            .unwrap_or_default(),
        _ => {
            // The reader of venues takes every word that it does not know for a boundary.
            let stated = word(&["role", "type", "kind", "fence", "zone"]).unwrap_or("");
            let said = props.get("inclusion").is_some()
                || Role::from_text(stated) != Role::Inclusion
                || stated.trim().eq_ignore_ascii_case("inclusion");
            if !said {
                notes.add(
                    NoteCode::RoleAssumed,
                    name,
                    format!(
                        "states no role that is known (`{}`): taken as a boundary to fly in. State \"role\": \"exclusion\" if it is to be kept out of",
                        super::shorten(stated)
                    ),
                );
            }
            return Ok(());
        }
    };
    for part in parts {
        let mut points = Vec::new();
        for (i, p) in part.as_array().into_iter().flatten().enumerate() {
            if i >= MAX_VERTICES {
                break;
            }
            let c = |k: usize| p.get(k).and_then(Value::as_f64).unwrap_or(f64::NAN);
            points.push(LatLon::from_degrees(c(1), c(0)).map_err(|e| {
                ImportError::new(
                    Fault::Coordinate,
                    format!("feature {name}, vertex {i}"),
                    e.to_string(),
                )
            })?);
        }
        if points.len() >= 2 && lines.len() < MAX_ZONES {
            lines.push(DrawnLine {
                name: name.clone(),
                points,
            });
        }
    }
    notes.add(
        NoteCode::LeftOut,
        name,
        "a line is no area: kept as a line to follow, not as a zone",
    );
    Ok(())
}
