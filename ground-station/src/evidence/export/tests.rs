//! What comes out is read back by other readers, and nobody releases a pack alone.

use super::pack::{self, LIST, RELEASE, Release, Releaser};
use super::*;
use crate::evidence::campaign::{Folder, good_record};
use crate::evidence::key::Signer;
use missions::time::Utc;
use serde_json::Value;

fn record() -> Folder {
    good_record(3, 40)
}

fn facts(f: &Folder) -> Facts {
    let events = String::from_utf8(f.0["events.jsonl"].clone()).unwrap();
    Facts::read(&f.0["flight.tlog"], &events, &|sha| {
        f.0.get(&format!("pictures/{sha}.jpg")).cloned()
    })
}

fn person(name: &str, seed: u8) -> Releaser {
    Releaser {
        name: name.into(),
        signer: Signer::from_seed(&[seed; 32]),
    }
}

fn unzip(zip: &[u8]) -> std::collections::BTreeMap<String, Vec<u8>> {
    use std::io::Read;
    let archive = rawzip::ZipArchive::from_slice(zip).unwrap();
    let mut out = std::collections::BTreeMap::new();
    for e in archive.entries() {
        let e = e.unwrap();
        let name = String::from_utf8(e.file_path().as_bytes().to_vec()).unwrap();
        let entry = archive.get_entry(e.wayfinder()).unwrap();
        let mut bytes = Vec::new();
        entry
            .verifying_reader(flate2::read::DeflateDecoder::new(entry.data()))
            .read_to_end(&mut bytes)
            .unwrap();
        out.insert(name, bytes);
    }
    out
}

#[test]
fn a_pack_holds_the_record_the_list_and_two_signatures() {
    let f = record();
    let mut zip = Vec::new();
    let by = [person("王伟 一级警员", 1), person("Li Na", 2)];
    let more = [("track.csv".to_owned(), b"a,b".to_vec())];
    let report = pack::write(&mut zip, &f, &by, Utc(5), "case 7", &more).unwrap();
    assert!(report.is_complete());
    let files = unzip(&zip);
    for (name, bytes) in f.0.iter().filter(|(n, _)| !n.ends_with(".rrd")) {
        assert_eq!(files[&format!("record/{name}")], *bytes, "{name}");
    }
    let list = String::from_utf8(files[LIST].clone()).unwrap();
    for line in list.lines() {
        let (sha, name) = line.split_once("  ").unwrap();
        assert_eq!(crate::evidence::verify::sha256(&files[name]), sha, "{name}");
    }
    // All but the list itself and the release that signs it.
    assert_eq!(list.lines().count() + 2, files.len());
    let release: Release = serde_json::from_slice(&files[RELEASE]).unwrap();
    assert_eq!(pack::check(&release, &files[LIST]), Ok(()));
    let mut other = release.clone();
    other.purpose = "case 8".into();
    assert!(pack::check(&other, &files[LIST]).is_err());
    let mut alone = release.clone();
    alone.by.pop();
    assert!(pack::check(&alone, &files[LIST]).is_err());
    let mut twice = release;
    twice.by[1] = twice.by[0].clone();
    assert!(pack::check(&twice, &files[LIST]).is_err());
}

#[test]
fn nobody_releases_a_pack_alone() {
    let f = record();
    let try_with = |by: &[Releaser]| pack::write(Vec::new(), &f, by, Utc(5), "", &[]).is_err();
    assert!(try_with(&[]));
    assert!(try_with(&[person("A", 1)]));
    assert!(try_with(&[person("A", 1), person(" a ", 2)]), "one name");
    assert!(try_with(&[person("A", 1), person("B", 1)]), "one key");
    assert!(try_with(&[person("A", 1), person("", 2)]));
    assert!(!try_with(&[person("A", 1), person("B", 2)]));
}

#[test]
fn an_mcap_reads_back_with_every_frame_line_and_picture() {
    let facts = facts(&record());
    let bytes = super::mcap(&facts).unwrap();
    let mut counts = std::collections::BTreeMap::new();
    for m in ::mcap::MessageStream::new(&bytes).unwrap() {
        let m = m.unwrap();
        *counts.entry(m.channel.topic.clone()).or_insert(0usize) += 1;
        if m.channel.message_encoding == "json" {
            serde_json::from_slice::<Value>(&m.data).unwrap();
        }
    }
    assert_eq!(counts["/mavlink"], facts.frames.len());
    assert_eq!(counts["/events"], facts.lines.len());
    assert_eq!(counts["/aircraft/1/position"], 400);
    assert_eq!(counts["/pictures"], facts.pictures.len());
    assert!(!facts.pictures.is_empty());
    assert!(::mcap::Summary::read(&bytes).unwrap().is_some());
}

#[test]
fn tables_and_maps_hold_every_position_and_nothing_runs_in_a_spreadsheet() {
    let mut facts = facts(&record());
    facts.anomalies.push(serde_json::json!({
        "id": "1-1", "kind": "unknown_drone", "priority": "urgent", "rule": "=cmd|' /C calc'!A0",
        "subject": "<b>\"x\", & y", "lat_deg": 27.787, "lon_deg": 120.091, "flagged_ms": 1_790_856_000_000i64,
    }));
    let csv = track_csv(&facts);
    assert_eq!(csv.lines().count(), 401);
    assert!(
        csv.lines().nth(1).unwrap().starts_with("2026-"),
        "{csv:.200}"
    );
    let anomalies = anomalies_csv(&facts);
    assert!(anomalies.contains("'=cmd"), "{anomalies}");
    assert!(anomalies.contains("\"<b>\"\"x\"\", & y\""), "{anomalies}");
    let clicks = events_csv(&facts);
    assert!(clicks.contains(",click,"), "{clicks}");
    let map: Value = serde_json::from_str(&geojson(&facts)).unwrap();
    let features = map["features"].as_array().unwrap();
    assert_eq!(
        features[0]["geometry"]["coordinates"]
            .as_array()
            .unwrap()
            .len(),
        400
    );
    assert!(features.len() > 3, "the venue's zones are there too");
    // Longitude first (RFC 7946).
    assert!(
        features[0]["geometry"]["coordinates"][0][0]
            .as_f64()
            .unwrap()
            > 100.0
    );
    let kml = kml(&facts);
    assert_eq!(kml.matches("<when>").count(), 401);
    assert_eq!(kml.matches("<gx:coord>").count(), 400);
    assert!(kml.contains("&lt;b&gt;&quot;x&quot;, &amp; y"));
    let imported = missions::formats::import_venue("x.kml", kml.as_bytes(), None);
    // It is no venue (no area), but it is KML that our own reader understands.
    let words = imported
        .map(|_| String::new())
        .unwrap_or_else(|e| e.to_string());
    assert!(!words.contains("XML"), "{words}");
}
