//! Which kind of file it is, told by its content; what is no venue is refused by its own name.

use super::{
    Fault, ImportError, Read, VenueKind, fence_list, geojson, geozone, kml, kmz, read_datum,
    shorten,
};
use crate::formats::{MAX_BYTES, qgc_plan, read_any};
use crate::place::Datum;
use serde_json::{Value, json};

/// Reads any known kind.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Read, ImportError> {
    if bytes.len() > MAX_BYTES {
        return Err(ImportError::file(
            Fault::TooLarge,
            format!("{} bytes; at most {MAX_BYTES} are read", bytes.len()),
        ));
    }
    if bytes.starts_with(b"PK") {
        let inner = kmz::unpack(bytes)?;
        return kml::read(text(&inner)?);
    }
    // The file code of a shapefile's .shp and .shx (ESRI 1998).
    if bytes.starts_with(&[0, 0, 0x27, 0x0a]) || ends(name, ".dbf") || ends(name, ".prj") {
        return Err(unknown(
            "part of a shapefile, which is not read: save it as GeoJSON or KML in WGS-84",
        ));
    }
    let text = text(bytes)?;
    let start = text.trim_start();
    if start.is_empty() {
        return Err(ImportError::file(Fault::Empty, "the file is empty"));
    }
    if ends(name, ".kml") {
        return kml::read(text);
    }
    if start.starts_with('<') {
        return match kml::root_element(text)?.as_str() {
            "kml" => kml::read(text),
            "osm" => Err(unknown(
                "OpenStreetMap data, which is a map and no venue: draw the venue and save it as GeoJSON",
            )),
            "gpx" => Err(unknown(
                "GPX, which holds tracks and no areas: draw the venue and save it as GeoJSON or KML",
            )),
            other => Err(unknown(&format!(
                "XML of the kind `{}`; of XML only KML is read",
                shorten(other)
            ))),
        };
    }
    if start.starts_with('{') {
        return read_json(name, text);
    }
    fence_list::venue(VenueKind::ArduPilot, read_any(name, bytes)?)
}

fn ends(name: &str, ending: &str) -> bool {
    name.to_lowercase().ends_with(ending)
}

fn unknown(words: &str) -> ImportError {
    ImportError::file(Fault::UnknownKind, words)
}

/// As text without its byte-order mark.
fn text(bytes: &[u8]) -> Result<&str, ImportError> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(unknown("UTF-16 text: save it as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let lines = bytes
            .iter()
            .take(e.valid_up_to())
            .filter(|b| **b == b'\n')
            .count();
        ImportError::new(
            Fault::UnknownKind,
            format!("line {}", lines + 1),
            "not UTF-8 text; if it is a text file, save it as UTF-8",
        )
    })?;
    Ok(text.trim_start_matches('\u{feff}'))
}

fn read_json(name: &str, text: &str) -> Result<Read, ImportError> {
    let mut root: Value = serde_json::from_str(text).map_err(|e| {
        ImportError::new(
            Fault::Malformed,
            format!("line {}", e.line()),
            format!("not JSON ({e}): export the file again"),
        )
    })?;
    let stated = match root.get("datum") {
        None | Some(Value::Null) => Datum::Unknown,
        Some(Value::String(s)) => read_datum(s, "datum")?,
        Some(_) => {
            return Err(ImportError::new(
                Fault::Datum,
                "datum",
                "is no text: write \"WGS-84\", \"GCJ-02\" or \"BD-09\"",
            ));
        }
    };
    let mut read = if root.get("fileType").is_some() {
        // A fence file saved before any mission was drawn has no mission; a venue needs none.
        if let Some(members) = root.as_object_mut()
            && !members.contains_key("mission")
        {
            members.insert("mission".into(), json!({"version": 2, "items": []}));
        }
        fence_list::venue(VenueKind::QgcPlan, qgc_plan::read(&root)?)?
    } else if geozone::is_ed269(&root) {
        geozone::read_ed269(&root)?
    } else if geozone::is_ed318(&root) {
        geozone::read_ed318(&root)?
    } else if root.get("type").is_some() && root.get("items").is_none() {
        geojson::read(&root, stated)?
    } else if root.get("items").is_some() {
        fence_list::venue(VenueKind::ArduPilot, read_any(name, text.as_bytes())?)?
    } else {
        return Err(unknown(
            "JSON, but no GeoJSON (it has no `type`), no QGroundControl plan (no `fileType`) and no ED-269 or ED-318 zones",
        ));
    };
    // GeoJSON states it in other ways too and has settled that itself.
    if read.kind != VenueKind::GeoJson {
        read.venue.datum = stated;
    }
    Ok(read)
}
