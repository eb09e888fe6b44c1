//! The record judged by somebody else: a verifier in Python that knows only `docs/record.md`.

use ground_station::evidence::campaign::{Folder, damaged};
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
