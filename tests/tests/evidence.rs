//! The record judged by somebody else: a verifier in Python that knows only `docs/record.md`.

use ground_station::evidence::campaign::{Folder, damaged, good_record};
use ground_station::evidence::export::Facts;
use ground_station::evidence::verify::{Asked, verify};
use patrol_tests::{python_with, workspace_root};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn write(folder: &Folder, dir: &Path) {
    for (name, bytes) in &folder.0 {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Both find every one of 150 corruptions, and neither has anything against the good record.
#[test]
fn a_second_verifier_that_shares_no_code_comes_to_the_same_verdict() {
    let Some(python) = python_with("cryptography") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let all = damaged(5, 150);
    let mut command = Command::new(python);
    command
        .arg(workspace_root().join("tests/peers/verify_record.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    for (n, (_, folder)) in all.iter().enumerate() {
        let at = dir.path().join(format!("{n:03}"));
        write(folder, &at);
        command.arg(at);
    }
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let theirs: Vec<Value> = said
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(theirs.len(), all.len());
    for ((words, folder), theirs) in all.iter().zip(theirs) {
        let ours = verify(folder, &Asked::default()).map(|r| (r.is_intact(), r.is_complete()));
        let ours = ours.unwrap_or((false, false));
        let good = words == "nothing";
        // An accident while it was closed leaves no manifest either: no damage, and not complete.
        let expected = (good || words == "manifest.json taken away", good);
        assert_eq!(ours, expected, "ours of: {words}");
        let theirs_said = (theirs["intact"] == true, theirs["complete"] == true);
        assert_eq!(theirs_said, expected, "theirs of: {words}: {theirs}");
    }
}

/// zipfile, csv, xml, json and mcap of Python read what `export` made, and count what the record holds.
#[test]
fn what_is_exported_is_read_by_readers_that_share_no_code() {
    let Some(python) = python_with("mcap, cryptography") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let record = good_record(3, 40);
    write(&record, &dir.path().join("flight"));
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let made = Command::new(env!("CARGO_BIN_EXE_programs"))
        .args(["ground-station", "export", &at("flight")])
        .args(["--pack", &at("pack.zip"), "--csv", &at("csv")])
        .args(["--release-by", &format!("王伟={}", at("wang.key"))])
        .args(["--release-by", &format!("Li Na={}", at("li.key"))])
        .args(["--kml", &at("out.kml"), "--geojson", &at("out.geojson")])
        .args(["--mcap", &at("out.mcap")])
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let files = ["pack.zip", "csv", "out.kml", "out.geojson", "out.mcap"].map(at);
    let out = Command::new(python)
        .arg(workspace_root().join("tests/peers/read_exports.py"))
        .args(files)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let read: Value = serde_json::from_slice(&out.stdout).unwrap();
    println!("{read}");
    let events = String::from_utf8(record.0["events.jsonl"].clone()).unwrap();
    let facts = Facts::read(&record.0["flight.tlog"], &events, &|sha| {
        record.0.get(&format!("pictures/{sha}.jpg")).cloned()
    });
    assert!(facts.fixes.len() > 100 && !facts.pictures.is_empty());
    assert_eq!(read["csv"]["track.csv"], facts.fixes.len());
    assert_eq!(read["mcap"]["/mavlink"], facts.frames.len());
    assert_eq!(read["mcap"]["/events"], events.lines().count());
    assert_eq!(read["mcap"]["/pictures"], facts.pictures.len());
    // Every file of the record but drawings is in the pack; two people signed its list.
    let kept = record.0.keys().filter(|n| !n.ends_with(".rrd")).count();
    assert_eq!(read["pack"]["record"], kept);
    assert_eq!(read["pack"]["people"], 2);
    assert!(read["pack"]["instructions"].as_u64() >= Some(1), "{read}");
    assert!(
        read["kml"].as_u64() >= Some(1) && read["geojson"].as_u64() > Some(3),
        "{read}"
    );
}
