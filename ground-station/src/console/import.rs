//! A venue file from the officer: read, or refused with its place in the file. Codes only; the page has the sentences.

use crate::desk::Reason;
use missions::formats::import::{DrawnLine, Fault, ImportError, ImportedVenue, NoteCode};
use missions::formats::import_venue;
use missions::place::Datum;
use missions::venue::{Role, Venue};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest venue file, bytes.
pub(super) const MAX_VENUE: usize = 16 << 20;

/// What the address of the request says.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Said {
    /// The file's name.
    #[serde(default)]
    name: String,
    /// `wgs84`, `gcj02`, `bd09`, or nothing: as the file says.
    #[serde(default)]
    datum: String,
}

/// The venue that plans may be made over.
#[derive(Clone, Debug)]
pub(super) struct Imported {
    pub venue: Venue,
    pub lines: Vec<DrawnLine>,
}

/// Reads a file: what the page is told, and the venue where there is one.
pub(super) fn read(said: &Said, bytes: &[u8]) -> (Value, Option<Imported>) {
    let datum = match said.datum.as_str() {
        "wgs84" => Some(Datum::Wgs84),
        "gcj02" => Some(Datum::Gcj02),
        "bd09" => Some(Datum::Bd09),
        _ => None,
    };
    match import_venue(&said.name, bytes, datum) {
        Ok(got) => (
            told(&got),
            Some(Imported {
                venue: got.venue,
                lines: got.lines,
            }),
        ),
        Err(e) => {
            let reason = refused(&e);
            (json!({"accepted": false, "reason": reason}), None)
        }
    }
}

fn told(got: &ImportedVenue) -> Value {
    let notes: Vec<Value> = got
        .notes
        .iter()
        .map(|n| json!({"code": note_key(n.code), "about": n.about, "words": n.words}))
        .collect();
    let count = |role: Role| got.venue.zones_of(role).count();
    json!({
        "accepted": true,
        "reason": null,
        "kind": got.kind,
        "name": got.venue.name,
        "venue": got.venue.to_value(),
        "zones": got.venue.zones.len(),
        "boundaries": count(Role::Inclusion),
        "keep_outs": count(Role::Exclusion),
        "lines": got.lines.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(),
        "datum_stated": got.datum_is_stated(),
        "notes": notes,
    })
}

fn refused(e: &ImportError) -> Reason {
    Reason::new(fault_key(e.fault))
        .with("place", e.place.clone())
        .with("words", e.words.clone())
}

/// The key of a note's sentence.
pub(super) fn note_key(c: NoteCode) -> &'static str {
    match c {
        NoteCode::DatumNotStated => "datum_not_stated",
        NoteCode::DatumByArgument => "datum_by_argument",
        NoteCode::DatumConverted => "datum_converted",
        NoteCode::RoleAssumed => "role_assumed",
        NoteCode::HeightNotUsed => "height_not_used",
        NoteCode::HeightWidened => "height_widened",
        NoteCode::TimeWidened => "time_widened",
        NoteCode::LeftOut => "left_out",
        NoteCode::Restriction => "restriction",
        NoteCode::NoBoundary => "no_boundary",
        NoteCode::Remark => "remark",
    }
}

/// The key of a refusal's sentence.
pub(super) fn fault_key(f: Fault) -> &'static str {
    match f {
        Fault::TooLarge => "import.too_large",
        Fault::UnknownKind => "import.unknown_kind",
        Fault::Malformed => "import.malformed",
        Fault::Coordinate => "import.coordinate",
        Fault::Value => "import.value",
        Fault::Datum => "import.datum",
        Fault::Empty => "import.empty",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(datum: &str) -> Said {
        Said {
            name: "park.geojson".into(),
            datum: datum.into(),
        }
    }

    const PARK: &[u8] = br#"{"type":"Feature","properties":{"role":"inclusion"},"geometry":{"type":"Polygon","coordinates":[[[120.0,30.0],[120.01,30.0],[120.01,30.01],[120.0,30.0]]]}}"#;

    #[test]
    fn a_file_is_taken_with_its_notes_or_refused_with_its_place() {
        let (told, venue) = read(&said(""), PARK);
        assert_eq!(told["accepted"], true);
        assert_eq!(told["notes"][0]["code"], "datum_not_stated");
        assert_eq!(told["datum_stated"], false);
        assert!(venue.is_some());
        let (told, _) = read(&said("gcj02"), PARK);
        assert_eq!(told["datum_stated"], true);
        assert!(
            told["notes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|n| n["code"] == "datum_converted")
        );
        let bad = String::from_utf8_lossy(PARK).replace("120.01,30.01", "320.0,30.0");
        let (told, venue) = read(&said(""), bad.as_bytes());
        assert_eq!(told["reason"]["code"], "import.coordinate");
        assert!(
            told["reason"]["params"]["place"]
                .as_str()
                .unwrap()
                .contains("feature")
        );
        assert!(venue.is_none());
    }

    #[test]
    fn the_page_has_a_sentence_for_every_code() {
        let text = include_str!("../../web/src/i18n/codes.json");
        let codes: Value = serde_json::from_str(text).unwrap();
        let has =
            |group: &str, key: &str| codes[group].as_array().unwrap().iter().any(|c| c == key);
        for c in [
            NoteCode::DatumNotStated,
            NoteCode::DatumByArgument,
            NoteCode::DatumConverted,
            NoteCode::RoleAssumed,
            NoteCode::HeightNotUsed,
            NoteCode::HeightWidened,
            NoteCode::TimeWidened,
            NoteCode::LeftOut,
            NoteCode::Restriction,
            NoteCode::NoBoundary,
            NoteCode::Remark,
        ] {
            assert!(has("import_note", note_key(c)), "{c:?}");
        }
        for f in [
            Fault::TooLarge,
            Fault::UnknownKind,
            Fault::Malformed,
            Fault::Coordinate,
            Fault::Value,
            Fault::Datum,
            Fault::Empty,
        ] {
            assert!(has("refusal", fault_key(f)), "{f:?}");
        }
        for c in [
            "plan.no_line",
            "plan.datum_outside",
            "plan.nothing_to_fly",
            "plan.no_watch_zone",
            "plan.no_place",
            "plan.wind_half",
            "import.gone",
        ] {
            assert!(has("refusal", c), "{c}");
        }
    }
}
