//! The console's own sentences, as its build wrote them down: one dictionary for page and report.

use super::Lang;
use crate::desk::Event;
use serde_json::{Map, Value};
use std::sync::LazyLock;

static WORDS: LazyLock<Value> = LazyLock::new(|| {
    // A test holds that it is read.
    serde_json::from_str(include_str!("../../web/src/i18n/words.json")).unwrap_or_default()
});

/// Which parameters of an event are codes themselves, and of which group: as the page has it.
const GROUPS: [(&str, &str); 8] = [
    ("state", "flight_state"),
    ("who", "in_charge"),
    ("response", "response"),
    ("cause", "cause"),
    ("kind", "anomaly_kind"),
    ("order", "order_kind"),
    ("finding", "rehearsal_finding"),
    ("step", "incident_step"),
];

/// Venue files may name a place in both languages, "中文 English": the half that is asked for, or the whole when it is not
/// of that kind. As the page has it.
pub(super) fn local_name(lang: Lang, name: &str) -> &str {
    let han = |c: char| ('\u{3400}'..='\u{9fff}').contains(&c);
    let Some(from) = name.find(|c: char| c.is_ascii_alphabetic()) else {
        return name;
    };
    let (zh, en) = name.split_at(from);
    let both = zh.contains(han) && zh.ends_with(char::is_whitespace) && en.chars().count() >= 4;
    match lang {
        _ if !both => name,
        Lang::Zh => zh.trim_end(),
        Lang::En => en,
    }
}

/// The sentence of a code; one that has none is shown as it is.
pub(super) fn word(lang: Lang, group: &str, code: &str, params: &Map<String, Value>) -> String {
    let sentence = WORDS
        .get(lang.tag())
        .and_then(|d| d.get(group)?.get(code)?.as_str());
    sentence.map_or_else(|| code.to_owned(), |s| fill(s, params))
}

/// A word of the report's own.
pub(super) fn say(lang: Lang, key: &str) -> String {
    word(lang, "report", key, &Map::new())
}

/// The same with figures.
pub(super) fn say_with(lang: Lang, key: &str, params: &[(&str, Value)]) -> String {
    let params = params
        .iter()
        .map(|(k, v)| ((*k).to_owned(), v.clone()))
        .collect();
    word(lang, "report", key, &params)
}

/// A code without figures.
pub(super) fn code(lang: Lang, group: &str, code: &str) -> String {
    word(lang, group, code, &Map::new())
}

fn figure(v: &Value) -> Option<String> {
    match v {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => {
            let f = n.as_f64()?;
            Some(if f.fract() == 0.0 || f.abs() >= 100.0 {
                format!("{f:.0}")
            } else {
                format!("{f:.1}")
            })
        }
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// Fills `{x}`; a `[part]` with a missing parameter is left out.
pub(super) fn fill(sentence: &str, params: &Map<String, Value>) -> String {
    let mut out = String::new();
    let mut rest = sentence;
    while let Some(from) = rest.find('[') {
        let (before, part) = rest.split_at(from);
        let Some(to) = part.find(']') else { break };
        out.push_str(&holes(before, params).0);
        let inner = part.get(1..to).unwrap_or("");
        if let (words, true) = holes(inner, params) {
            out.push_str(&words);
        }
        rest = part.get(to + 1..).unwrap_or("");
    }
    out.push_str(&holes(rest, params).0);
    out
}

/// The text, and whether every hole had something.
fn holes(text: &str, params: &Map<String, Value>) -> (String, bool) {
    let (mut out, mut full) = (String::new(), true);
    let mut rest = text;
    while let Some(from) = rest.find('{') {
        let (before, hole) = rest.split_at(from);
        out.push_str(before);
        let Some(to) = hole.find('}') else {
            rest = hole;
            break;
        };
        let value = params
            .get(hole.get(1..to).unwrap_or(""))
            .and_then(figure)
            .filter(|s| !s.is_empty());
        full &= value.is_some();
        out.push_str(value.as_deref().unwrap_or("–"));
        rest = hole.get(to + 1..).unwrap_or("");
    }
    out.push_str(rest);
    (out, full)
}

/// A line of the log as a sentence.
pub(super) fn event(lang: Lang, e: &Event) -> String {
    let mut p = e.params.clone();
    for (name, group) in GROUPS {
        if let Some(Value::String(c)) = e.params.get(name) {
            if name == "cause" && c == "none" && e.code == "state" {
                p.remove(name);
            } else {
                p.insert(name.to_owned(), code(lang, group, c).into());
            }
        }
    }
    if let Some(Value::String(r)) = e.params.get("reason") {
        let group = if e.code == "anomaly_dismissed" {
            "dismiss_reason"
        } else {
            "refusal"
        };
        p.insert("reason".into(), word(lang, group, r, &e.params).into());
    }
    if let (None, Some(id)) = (p.get("name"), e.aircraft) {
        p.insert("name".into(), format!("P{id}").into());
    }
    word(lang, "event", &e.code, &p)
}
