//! A venue file from the officer: read, or refused with its place in the file. Codes only; the page has the sentences.

use crate::desk::Reason;
use missions::formats::import::{DrawnLine, Fault, ImportError, ImportedVenue, NoteCode};
use missions::formats::import_venue;
use missions::place::Datum;
use missions::venue::{Role, Venue};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;

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

/// A venue that plans may be made over.
#[derive(Clone, Debug)]
pub(super) struct Imported {
    pub venue: Venue,
    pub lines: Vec<DrawnLine>,
}

/// Venues that wait for a plan; with more, the oldest goes.
const KEPT: usize = 16;

/// The venues read of late, by their ids: a plan is made over the one that its officer read, whoever read another meanwhile.
#[derive(Debug, Default)]
pub(super) struct Shelf(VecDeque<(String, Arc<Imported>)>);

impl Shelf {
    pub fn put(&mut self, id: String, venue: Imported) {
        self.0.retain(|(of, _)| *of != id);
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back((id, Arc::new(venue)));
    }
    pub fn get(&self, id: &str) -> Option<Arc<Imported>> {
        let found = self.0.iter().find(|(of, _)| of == id);
        found.map(|(_, venue)| Arc::clone(venue))
    }
}

/// Reads a file: what the page is told, and the venue with its id where there is one. The id is a hash of what was read.
pub(super) fn read(said: &Said, bytes: &[u8]) -> (Value, Option<(String, Imported)>) {
    let datum = match said.datum.as_str() {
        "wgs84" => Some(Datum::Wgs84),
        "gcj02" => Some(Datum::Gcj02),
        "bd09" => Some(Datum::Bd09),
        _ => None,
    };
    match import_venue(&said.name, bytes, datum) {
        Ok(got) => {
            let mut hash = Sha256::new();
            for part in [said.name.as_bytes(), said.datum.as_bytes(), bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            let id = missions::plan::hex(&<[u8; 32]>::from(hash.finalize()));
            let told = told(&got, &id);
            let venue = Imported {
                venue: got.venue,
                lines: got.lines,
            };
            (told, Some((id, venue)))
        }
        Err(e) => {
            let reason = refused(&e);
            (json!({"accepted": false, "reason": reason}), None)
        }
    }
}

fn told(got: &ImportedVenue, id: &str) -> Value {
    let notes: Vec<Value> = got
        .notes
        .iter()
        .map(|n| json!({"code": note_key(n.code), "about": n.about, "words": n.words}))
        .collect();
    let count = |role: Role| got.venue.zones_of(role).count();
    let drawn: Vec<Value> = got
        .lines
        .iter()
        .map(|l| {
            let points: Vec<[f64; 2]> = l
                .points
                .iter()
                .map(|p| [p.lon_deg(), p.lat_deg()])
                .collect();
            json!({"name": l.name, "points": points})
        })
        .collect();
    json!({
        "accepted": true,
        "reason": null,
        "id": id,
        "kind": got.kind,
        "name": got.venue.name,
        "venue": got.venue.to_value(),
        "zones": got.venue.zones.len(),
        "boundaries": count(Role::Inclusion),
        "keep_outs": count(Role::Exclusion),
        "drawn": drawn,
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
    fn two_officers_who_read_venues_each_plan_over_their_own_and_the_oldest_is_forgotten() {
        let (told, venue) = read(&said("wgs84"), PARK);
        let (other_told, other) = read(&said("gcj02"), PARK);
        let (id, other_id) = (
            told["id"].as_str().unwrap(),
            other_told["id"].as_str().unwrap(),
        );
        assert_ne!(id, other_id, "another datum is another venue");
        let mut shelf = Shelf::default();
        for (id, venue) in [venue, other].into_iter().flatten() {
            shelf.put(id, venue);
        }
        let corner = |id: &str| shelf.get(id).unwrap().venue.zones[0].shape.extent()[0];
        assert_eq!(corner(id).lon_deg(), 120.0);
        assert_ne!(corner(other_id).lon_deg(), 120.0);
        let again = shelf.get(other_id).unwrap();
        for n in 0..KEPT {
            shelf.put(format!("{n}"), (*again).clone());
        }
        assert!(shelf.get(id).is_none());
        assert!(shelf.get("0").is_some());
    }

    #[test]
    fn a_line_to_follow_comes_back_with_its_corners() {
        let file = br#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"river"},"geometry":{"type":"LineString","coordinates":[[120.0,30.0],[120.01,30.0]]}},{"type":"Feature","properties":{"role":"inclusion"},"geometry":{"type":"Polygon","coordinates":[[[120.0,30.0],[120.01,30.0],[120.01,30.01],[120.0,30.0]]]}}]}"#;
        let (told, _) = read(&said("wgs84"), file);
        assert_eq!(
            told["drawn"],
            json!([{"name": "river", "points": [[120.0, 30.0], [120.01, 30.0]]}])
        );
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
