//! The console has a sentence for every code that the Rust side can send.
//!
//! `codes.json` is written by the console's build from the typed list that both dictionaries must fill; here it meets the
//! Rust enums. Reads files only.

use std::collections::BTreeSet;

fn group(name: &str) -> BTreeSet<String> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../ground-station/web/src/i18n/codes.json"
    );
    let text = std::fs::read_to_string(path).expect("codes.json is committed");
    let json: serde_json::Value = serde_json::from_str(&text).expect("codes.json is JSON");
    json[name]
        .as_array()
        .unwrap_or_else(|| panic!("codes.json has no group {name}"))
        .iter()
        .map(|v| v.as_str().expect("codes are strings").to_owned())
        .collect()
}

#[test]
fn every_refusal_has_a_sentence_and_no_sentence_is_left_over() {
    let rust: BTreeSet<String> = link::codes::Refusal::ALL
        .iter()
        .map(|r| r.key().to_owned())
        .collect();
    let console: BTreeSet<String> = group("refusal")
        .into_iter()
        .filter(|k| k.starts_with("refusal."))
        .collect();
    assert_eq!(rust, console);
}

#[test]
fn every_preflight_check_has_a_name() {
    let rust: BTreeSet<String> = onboard::preflight::CODES
        .iter()
        .map(|c| (*c).to_owned())
        .collect();
    assert_eq!(rust, group("check"));
}

#[test]
fn every_fault_of_a_plan_has_a_sentence() {
    // The codes stand as literals in the source: read them there, so that a new one cannot be forgotten.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../missions/src/plan");
    let source: String = std::fs::read_dir(folder)
        .expect("the plan's folder")
        .map(|f| std::fs::read_to_string(f.expect("a file").path()).expect("the plan's source"))
        .collect();
    assert!(
        source.contains("plan.leg_leaves"),
        "the codes are looked for elsewhere"
    );
    let console = group("refusal");
    let missing: Vec<&str> = source
        .split('"')
        .filter(|s| {
            s.strip_prefix("plan.").is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            })
        })
        .filter(|s| *s != "plan.json" && !console.contains(*s))
        .collect();
    assert!(missing.is_empty(), "no sentence for {missing:?}");
}

#[test]
fn every_flight_and_finding_of_a_rehearsal_has_words() {
    use ground_station::rehearse::study::WhatCase;
    let rust: BTreeSet<String> = std::iter::once(WhatCase::Quiet)
        .chain(WhatCase::ALL)
        .map(|w| w.word().to_owned())
        .collect();
    assert_eq!(rust, group("rehearsal_case"));
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../ground-station/src/rehearse/study"
    );
    let source: String = ["mod.rs", "flight.rs"]
        .iter()
        .map(|f| std::fs::read_to_string(format!("{folder}/{f}")).expect("the study's source"))
        .collect();
    let codes: BTreeSet<String> = source
        .split('"')
        .filter(|s| {
            s.strip_prefix("rehearsal.").is_some_and(|r| {
                !r.is_empty() && r.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            })
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(codes, group("rehearsal_finding"));
    for staged in group("rehearsal_staged") {
        assert!(source.contains(&format!("\"{staged}\"")), "{staged}");
    }
}
