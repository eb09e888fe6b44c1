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

#[test]
fn every_state_step_and_outcome_of_an_incident_has_words() {
    use ground_station::incidents::{Outcome, State};
    use ground_station::people::access::{INTENTS, STEPS};
    let rust: BTreeSet<String> = State::ALL.iter().map(|s| s.word().to_owned()).collect();
    assert_eq!(rust, group("incident_state"));
    let rust: BTreeSet<String> = Outcome::ALL.iter().map(|o| o.word().to_owned()).collect();
    assert_eq!(rust, group("incident_outcome"));
    // Who may send an aircraft is asked apart; the station alone says that it did not go.
    let mut rust: BTreeSet<String> = STEPS.iter().map(|s| s.0.to_owned()).collect();
    rust.remove("task_aircraft");
    rust.insert("task_refused".into());
    assert_eq!(rust, group("incident_step"));
    let rust: BTreeSet<String> = INTENTS.iter().map(|i| i.0.to_owned()).collect();
    assert_eq!(rust, group("intent"));
    let rust: BTreeSet<String> = ground_station::desk::DISMISS_REASONS
        .iter()
        .map(|r| (*r).to_owned())
        .collect();
    assert_eq!(rust, group("dismiss_reason"));
}

/// Codes of this beginning that stand as literals in a folder's sources.
fn literals(folder: &str, begins: &str) -> BTreeSet<String> {
    let at = format!(
        "{}/../ground-station/src/{folder}",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut out = BTreeSet::new();
    for f in std::fs::read_dir(at).expect("a folder of sources") {
        let path = f.expect("a file").path();
        if path.extension().is_none_or(|e| e != "rs")
            || path.to_string_lossy().ends_with("tests.rs")
        {
            continue;
        }
        let text = std::fs::read_to_string(path).expect("a source");
        // Tests at a file's end are no words for officers.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
        out.extend(
            text.split('"')
                .filter(|s| {
                    s.strip_prefix(begins).is_some_and(|r| {
                        !r.is_empty() && r.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                    })
                })
                .map(str::to_owned),
        );
    }
    out
}

#[test]
fn every_refusal_of_an_incident_a_patrol_or_a_report_has_a_sentence_and_none_is_left_over() {
    let rust: BTreeSet<String> = ["incident.", "patrol.", "report."]
        .into_iter()
        .flat_map(|b| {
            literals("incidents", b)
                .into_iter()
                .chain(literals("console", b))
        })
        .collect();
    let console: BTreeSet<String> = group("refusal")
        .into_iter()
        .filter(|c| {
            ["incident.", "patrol.", "report."]
                .iter()
                .any(|b| c.starts_with(b))
        })
        .collect();
    assert_eq!(rust, console);
    assert!(rust.len() > 15, "the codes are looked for elsewhere");
}

#[test]
fn the_report_finds_all_its_words_and_no_word_is_left_over() {
    let at = |f: &str| format!("{}/../ground-station/{f}", env!("CARGO_MANIFEST_DIR"));
    let words =
        std::fs::read_to_string(at("web/src/i18n/words.json")).expect("words.json is committed");
    let words: serde_json::Value = serde_json::from_str(&words).expect("words.json is JSON");
    let codes: BTreeSet<String> = group("report");
    for lang in ["zh-CN", "en"] {
        let have: BTreeSet<String> = words[lang]["report"]
            .as_object()
            .expect("the report's words")
            .keys()
            .cloned()
            .collect();
        assert_eq!(have, codes, "{lang}");
    }
    let mut source = String::new();
    for f in ["html.rs", "map.rs", "figures.rs", "io/mod.rs"] {
        source
            .push_str(&std::fs::read_to_string(at(&format!("src/report/{f}"))).expect("a source"));
    }
    for c in &codes {
        assert!(source.contains(&format!("\"{c}\"")), "{c} is said nowhere");
    }
    let alarms = std::fs::read_to_string(at("src/report/alarms.rs")).expect("a source");
    for c in group("alarm_kind") {
        assert!(alarms.contains(&format!("\"{c}\"")), "{c}");
    }
    for c in group("record_state") {
        assert!(source.contains(&format!("\"{c}\"")), "{c}");
    }
}
