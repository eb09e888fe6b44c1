//! The figures as one HTML page that prints on A4: no script, no link, nothing asked of any machine. Every text of the
//! record is escaped.

use super::coverage::{NEAR_M, STEP_M};
use super::figures::{Case, Figures};
use super::style::{STYLE, policy};
use super::words::{code, event, local_name, say, say_with, word};
use super::{Alarm, How, Lang, MAX_AHEAD_MIN, Span, map};
use crate::evidence::export::Facts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use missions::time::Utc;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Pictures shown; the others stand in the list of evidence.
const MAX_PICTURES: usize = 24;
/// Bytes of pictures shown, together.
const MAX_PICTURE_BYTES: usize = 24 << 20;

/// Text as HTML has it.
pub(super) fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

struct Page {
    out: String,
    lang: Lang,
    ahead_min: i32,
}

fn text<'a>(v: &'a Value, name: &str) -> &'a str {
    v.get(name).and_then(Value::as_str).unwrap_or("")
}

fn ms(v: &Value, name: &str) -> Option<i64> {
    v.get(name).and_then(Value::as_i64)
}

impl Page {
    /// Date and time by the readers' clock, to the second.
    fn moment(&self, t_ms: i64) -> String {
        let t_ms = t_ms.saturating_add(i64::from(self.ahead_min) * 60_000);
        let full = Utc(t_ms.saturating_mul(1_000)).to_rfc3339();
        let (date, rest) = full.split_once('T').unwrap_or((&full, ""));
        let clock: String = rest.chars().take(8).collect();
        format!("{date} {clock}")
    }
    fn maybe(&self, t_ms: Option<i64>) -> String {
        t_ms.map_or_else(|| "–".to_owned(), |t| self.moment(t))
    }
    fn say(&self, key: &str) -> String {
        esc(&say(self.lang, key))
    }
    fn code(&self, group: &str, c: &str) -> String {
        esc(&code(self.lang, group, c))
    }
    fn put(&mut self, html: &str) {
        self.out.push_str(html);
        self.out.push('\n');
    }
    fn h2(&mut self, key: &str) {
        let words = self.say(key);
        self.put(&format!("<h2>{words}</h2>"));
    }
    /// A table of cells that are HTML already; none: the word for nothing.
    fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        if rows.is_empty() {
            let none = self.say("none");
            self.put(&format!("<p>{none}</p>"));
            return;
        }
        let head: String = head
            .iter()
            .map(|k| format!("<th scope=\"col\">{}</th>", self.say(k)))
            .collect();
        self.put(&format!("<table><thead><tr>{head}</tr></thead><tbody>"));
        for r in rows {
            let cells: String = r.iter().map(|c| format!("<td>{c}</td>")).collect();
            self.put(&format!("<tr>{cells}</tr>"));
        }
        self.put("</tbody></table>");
    }
    fn facts(&mut self, rows: &[(&str, String)]) {
        self.put("<dl>");
        for (key, value) in rows.iter().filter(|r| !r.1.is_empty()) {
            let key = self.say(key);
            self.put(&format!("<dt>{key}</dt><dd>{value}</dd>"));
        }
        self.put("</dl>");
    }
    /// A length of time.
    fn took(&self, s: f64) -> String {
        if s < 90.0 {
            format!("{s:.1} {}", self.say("seconds"))
        } else if s < 5_400.0 {
            format!("{:.1} {}", s / 60.0, self.say("minutes"))
        } else {
            format!("{:.1} {}", s / 3_600.0, self.say("hours"))
        }
    }
}

/// The page.
#[must_use]
pub fn page(f: &Figures, facts: &Facts, plan: Option<&[u8]>, how: How) -> String {
    let lang = how.lang;
    let mut p = Page {
        out: String::new(),
        lang,
        ahead_min: how.ahead_min.clamp(-MAX_AHEAD_MIN, MAX_AHEAD_MIN),
    };
    let title = p.say("title");
    let _ = write!(
        p.out,
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><main>\n<h1>{title}</h1>\n",
        lang.tag(),
        policy(),
    );
    head(&mut p, f);
    p.h2("map");
    match map::map(f, facts, plan, lang) {
        Some(svg) => p.put(&format!("<figure>{svg}</figure>")),
        None => {
            let none = p.say("none");
            p.put(&format!("<p>{none}</p>"));
        }
    }
    coverage(&mut p, f);
    alarms(&mut p, f);
    p.h2("incidents");
    if f.incidents.is_empty() {
        let none = p.say("none");
        p.put(&format!("<p>{none}</p>"));
    }
    for c in &f.incidents {
        case(&mut p, f, c);
    }
    patrols(&mut p, f);
    pictures(&mut p, f, facts);
    orders(&mut p, f);
    p.h2("timeline");
    let rows: Vec<Vec<String>> = f
        .moments
        .iter()
        .map(|e| {
            let craft = e.aircraft.map_or_else(String::new, |a| format!("P{a}"));
            vec![p.moment(e.t_ms), craft, esc(&event(lang, e))]
        })
        .collect();
    p.table(&["time", "aircraft", "what"], &rows);
    if f.more_moments > 0 {
        let words = say_with(lang, "timeline_more", &[("n", f.more_moments.into())]);
        p.put(&format!("<p class=\"quiet\">{}</p>", esc(&words)));
    }
    evidence(&mut p, f);
    let (who, made) = (p.say("people"), p.say("made_by"));
    p.put(&format!(
        "<div class=\"sign\"><div>{who}</div><div>{who}</div></div><p class=\"quiet\">{made}</p></main></body></html>"
    ));
    p.out
}

fn head(p: &mut Page, f: &Figures) {
    let v = &f.verification;
    let span = f
        .span_ms
        .map(|(a, b)| format!("{} – {}", p.moment(a), p.moment(b)));
    let verdict = p.code("record_state", f.record_state);
    let class = if f.record_state == "damaged" {
        "bad"
    } else {
        "big"
    };
    let mut rows = vec![
        (
            "flight",
            format!("<code>{}</code>", esc(v.flight.as_deref().unwrap_or("–"))),
        ),
        ("from_to", span.unwrap_or_default()),
        ("zone", zone(p.ahead_min)),
        ("venue", esc(local_name(p.lang, &f.venue))),
        ("plan", esc(&f.plan)),
    ];
    for l in &f.launches {
        rows.push(("purpose", esc(&l.purpose)));
        rows.push(("incident_no", esc(&l.incident)));
        let craft = l.aircraft.map_or_else(String::new, |a| format!(" · P{a}"));
        rows.push((
            "pilot",
            format!("{}{craft} · {}", esc(&l.pilot), p.moment(l.t_ms)),
        ));
    }
    rows.push((
        "verification",
        format!("<span class=\"{class}\">{verdict}</span>"),
    ));
    p.facts(&rows);
    let rows: Vec<Vec<String>> = f
        .sorties
        .iter()
        .map(|s| {
            let pct = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.0}"));
            vec![
                s.system.to_string(),
                p.took(s.aloft_s),
                format!("{:.0} {}", s.distance_m, p.say("metres")),
                format!("{:.0} {}", s.highest_m, p.say("metres")),
                format!("{} → {} %", pct(s.battery_from_pct), pct(s.battery_to_pct)),
            ]
        })
        .collect();
    p.table(
        &["aircraft", "airborne", "distance", "highest", "battery"],
        &rows,
    );
}

/// As UTC is told apart from the clock on the wall.
fn zone(ahead_min: i32) -> String {
    let sign = if ahead_min < 0 { '-' } else { '+' };
    let min = ahead_min.abs();
    format!("UTC{sign}{:02}:{:02}", min / 60, min % 60)
}

fn coverage(p: &mut Page, f: &Figures) {
    p.h2("coverage");
    let Some(c) = &f.coverage else {
        let none = p.say("coverage_none");
        p.put(&format!("<p>{none}</p>"));
        return;
    };
    p.put(&format!(
        "<p class=\"big\">{:.1} % ({} / {})</p>",
        c.flown_pct, c.flown, c.places
    ));
    if let (Some(m), Some(w)) = (c.age_median_s, c.age_worst_s) {
        let figures = [("median", p.took(m).into()), ("worst", p.took(w).into())];
        let words = esc(&say_with(p.lang, "freshness", &figures));
        p.put(&format!("<p>{words}</p>"));
    }
    let figures = [("step", STEP_M.into()), ("near", NEAR_M.into())];
    let how = esc(&say_with(p.lang, "coverage_how", &figures));
    p.put(&format!("<p class=\"quiet\">{how}</p>"));
}

fn span_row(p: &Page, key: &str, s: Option<&Span>, of: usize) -> Vec<String> {
    let none = || "–".to_owned();
    vec![
        p.say(key),
        s.map_or_else(none, |s| p.took(s.median_s)),
        s.map_or_else(none, |s| p.took(s.worst_s)),
        format!("{} / {of}", s.map_or(0, |s| s.of)),
    ]
}

fn alarms(p: &mut Page, f: &Figures) {
    p.h2("alarms");
    if !f.alarms.is_empty() {
        let t = &f.times;
        let rows = vec![
            span_row(p, "acknowledged", t.acknowledged.as_ref(), t.alarms),
            span_row(p, "acted", t.acted.as_ref(), t.alarms),
            span_row(p, "closed", t.closed.as_ref(), t.alarms),
        ];
        p.table(&["what", "median", "worst", "counted"], &rows);
    }
    let rows: Vec<Vec<String>> = f.alarms.iter().map(|a| alarm(p, a)).collect();
    p.table(
        &[
            "raised",
            "what",
            "aircraft",
            "acknowledged",
            "acted",
            "closed",
        ],
        &rows,
    );
    if f.more_alarms > 0 {
        let words = say_with(p.lang, "timeline_more", &[("n", f.more_alarms.into())]);
        p.put(&format!("<p class=\"quiet\">{}</p>", esc(&words)));
    }
    let how = p.say("alarms_how");
    p.put(&format!("<p class=\"quiet\">{how}</p>"));
}

fn alarm(p: &Page, a: &Alarm) -> Vec<String> {
    let after = |t: Option<i64>| {
        t.map_or_else(
            || "–".to_owned(),
            |t| format!("+{}", p.took((t - a.raised_ms).max(0) as f64 * 1e-3)),
        )
    };
    let number = a.number.map_or_else(String::new, |n| format!(" {n}"));
    vec![
        p.moment(a.raised_ms),
        format!("{}{number}", p.code("alarm_kind", a.kind)),
        a.aircraft.map_or_else(String::new, |n| format!("P{n}")),
        after(a.acknowledged_ms),
        after(a.acted_ms),
        after(a.closed_ms),
    ]
}

fn case(p: &mut Page, f: &Figures, c: &Case) {
    let i = &c.incident;
    let number = i.get("number").cloned().unwrap_or_default();
    let title = say_with(p.lang, "incident", &[("n", number)]);
    let seen = i
        .get("seen")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let what = match seen.first() {
        Some(s) => p.code("anomaly_kind", text(s, "what")),
        None => esc(text(i, "words")),
    };
    p.put(&format!(
        "<section class=\"case\"><h3>{} · {what}</h3>",
        esc(&title)
    ));
    let at = i.get("at").and_then(Value::as_array).map(|a| {
        let figure = |n: usize| a.get(n).and_then(Value::as_f64).unwrap_or(0.0);
        format!("{:.6}, {:.6}", figure(1), figure(0))
    });
    let outcome = i.get("outcome").filter(|o| !o.is_null()).map(|o| {
        format!(
            "{}: {} ({}, {})",
            p.code("incident_outcome", text(o, "outcome")),
            esc(text(o, "words")),
            esc(text(o, "by")),
            p.maybe(ms(o, "t_ms"))
        )
    });
    let review = i.get("review").filter(|r| !r.is_null()).map(|r| {
        let words = esc(text(r, "words"));
        format!(
            "{} ({}) {words}",
            esc(text(r, "by")),
            p.maybe(ms(r, "t_ms"))
        )
    });
    let evidence: Vec<String> = seen
        .iter()
        .map(|s| match s.get("picture").and_then(Value::as_str) {
            Some(sha) => format!(
                "#{} <code>{}</code>",
                s.get("number").unwrap_or(&Value::Null),
                esc(sha)
            ),
            None => format!("#{}", s.get("number").unwrap_or(&Value::Null)),
        })
        .collect();
    let state = p.code("incident_state", text(i, "state"));
    let priority = p.code("priority", text(i, "priority"));
    p.facts(&[
        ("state", format!("<strong>{state}</strong> · {priority}")),
        ("map", at.unwrap_or_default()),
        ("evidence", evidence.join("<br>")),
        ("owner", esc(text(i, "owner"))),
        (
            "due",
            ms(i, "due_ms").map(|t| p.moment(t)).unwrap_or_default(),
        ),
        ("outcome", outcome.unwrap_or_default()),
        ("reviewed_by", review.unwrap_or_default()),
    ]);
    let from_ms = f.span_ms.map_or(i64::MIN, |s| s.0);
    let rows: Vec<Vec<String>> = c
        .deeds
        .iter()
        .map(|d| {
            let step = serde_json::to_value(&d.step).unwrap_or_default();
            let earlier = if d.t_ms < from_ms {
                format!(" <span class=\"quiet\">{}</span>", p.say("before"))
            } else {
                String::new()
            };
            vec![
                format!("{}{earlier}", p.moment(d.t_ms)),
                esc(&d.who),
                p.code("incident_step", d.step.word()),
                details(p, &step),
            ]
        })
        .collect();
    p.table(&["time", "who", "state", "what"], &rows);
    p.put("</section>");
}

/// What a step says beside its kind.
fn details(p: &Page, step: &Value) -> String {
    let mut out = Vec::new();
    if let Some(to) = step.get("to") {
        let team = text(to, "team");
        match to.get("aircraft").and_then(Value::as_u64) {
            Some(n) => out.push(format!("P{n}")),
            None => out.push(esc(team)),
        }
    }
    for (name, key) in [("owner", "owner"), ("mender", "owner")] {
        if let Some(v) = step.get(name).and_then(Value::as_str) {
            out.push(format!("{}: {}", p.say(key), esc(v)));
        }
    }
    if let Some(t) = ms(step, "due_ms") {
        out.push(format!("{}: {}", p.say("due"), p.moment(t)));
    }
    if let Some(o) = step.get("outcome").and_then(Value::as_str) {
        out.push(p.code("incident_outcome", o));
    }
    if let Some(agree) = step.get("agree").and_then(Value::as_bool) {
        out.push(if agree { "✓".into() } else { "✕".into() });
    }
    if let Some(c) = step.get("code").and_then(Value::as_str) {
        out.push(p.code("refusal", c));
    }
    if let Some(w) = step
        .get("words")
        .and_then(Value::as_str)
        .filter(|w| !w.is_empty())
    {
        out.push(esc(w));
    }
    out.join(" · ")
}

fn patrols(p: &mut Page, f: &Figures) {
    if f.patrols.is_empty() {
        return;
    }
    p.h2("patrols");
    let end_ms = f.span_ms.map_or(i64::MIN, |s| s.1);
    let mut rows = Vec::new();
    for v in &f.patrols {
        let last = v
            .get("last")
            .filter(|l| !l.is_null())
            .and_then(|l| ms(l, "t_ms"));
        let due = ms(v, "due_ms");
        let late = due.is_some_and(|d| d < end_ms);
        let mark = |late: bool| {
            if late {
                format!(" <span class=\"bad\">{}</span>", p.say("overdue"))
            } else {
                String::new()
            }
        };
        let n = v.get("every_min").cloned().unwrap_or_default();
        let findings: Vec<String> = v
            .get("findings")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|x| {
                let (due, mended) = (ms(x, "due_ms"), ms(x, "mended_ms"));
                let end = match mended {
                    Some(t) => format!("{} {}", p.code("incident_step", "mended"), p.moment(t)),
                    None => format!("{}{}", p.maybe(due), mark(due.is_some_and(|d| d < end_ms))),
                };
                format!(
                    "{} ({}): {end}",
                    esc(text(x, "words")),
                    esc(text(x, "mender"))
                )
            })
            .collect();
        rows.push(vec![
            esc(text(v, "name")),
            esc(text(v, "owner")),
            esc(&say_with(p.lang, "every", &[("n", n)])),
            last.map_or_else(|| p.say("never"), |t| p.moment(t)),
            format!("{}{}", p.maybe(due), mark(late)),
            findings.join("<br>"),
        ]);
    }
    p.table(
        &["what", "owner", "time", "last_flown", "due", "found"],
        &rows,
    );
}

fn pictures(p: &mut Page, f: &Figures, facts: &Facts) {
    let (mut shown, mut bytes, mut more) = (Vec::new(), 0usize, 0usize);
    for a in &f.anomalies {
        let Some((sha, jpeg)) = a
            .get("picture")
            .and_then(Value::as_str)
            .and_then(|s| Some((s, facts.pictures.get(s)?)))
        else {
            continue;
        };
        if shown.len() >= MAX_PICTURES || bytes + jpeg.len() > MAX_PICTURE_BYTES {
            more += 1;
            continue;
        }
        bytes += jpeg.len();
        let kind = if jpeg.starts_with(b"\x89PNG") {
            "png"
        } else {
            "jpeg"
        };
        let n = a.get("number").cloned().unwrap_or_default();
        let words = esc(&say_with(p.lang, "picture", &[("n", n)]));
        shown.push(format!(
            "<figure><img alt=\"{words}\" src=\"data:image/{kind};base64,{}\"><figcaption>{words}<br><code>{}</code></figcaption></figure>",
            STANDARD.encode(jpeg),
            esc(sha)
        ));
    }
    if shown.is_empty() {
        return;
    }
    p.h2("evidence");
    p.put(&format!("<div class=\"pics\">{}</div>", shown.join("\n")));
    if more > 0 {
        let words = say_with(p.lang, "pictures_more", &[("n", more.into())]);
        p.put(&format!("<p class=\"quiet\">{}</p>", esc(&words)));
    }
}

fn orders(p: &mut Page, f: &Figures) {
    p.h2("orders");
    let rows: Vec<Vec<String>> = f
        .orders
        .iter()
        .map(|o| {
            let answer = match &o.refusal {
                None => p.say("accepted"),
                Some(c) => format!("{}: {}", p.say("refused"), p.code("refusal", c)),
            };
            let empty = Map::new();
            let fate = o
                .fate
                .as_ref()
                .map(|c| esc(&word(p.lang, "event", c, &empty)));
            vec![
                p.moment(o.t_ms),
                if o.by.is_empty() {
                    "–".into()
                } else {
                    esc(&o.by)
                },
                p.code("intent", o.kind),
                o.aircraft.map_or_else(String::new, |a| format!("P{a}")),
                answer,
                fate.unwrap_or_default(),
            ]
        })
        .collect();
    p.table(
        &["time", "who", "what", "aircraft", "answer", "fate"],
        &rows,
    );
}

fn evidence(p: &mut Page, f: &Figures) {
    p.h2("files");
    let rows: Vec<Vec<String>> = f
        .files
        .iter()
        .map(|x| {
            let state = p.say(x.state);
            // The digest below the name: a column of its own would be as narrow as ten signs.
            let digest = x.sha256.as_deref().unwrap_or("–");
            vec![
                format!("{}<br><code>{digest}</code>", esc(&x.name)),
                x.bytes.to_string(),
                if x.state == "changed" {
                    format!("<span class=\"bad\">{state}</span>")
                } else {
                    state
                },
            ]
        })
        .collect();
    p.put("<p class=\"quiet\">SHA-256</p>");
    p.table(&["file", "bytes", "verification"], &rows);
    p.h2("verification");
    let v = &f.verification;
    let verdict = p.code("record_state", f.record_state);
    let class = if f.record_state == "damaged" {
        "bad"
    } else {
        "big"
    };
    p.put(&format!("<p class=\"{class}\">{verdict}</p>"));
    let receipts = v
        .receipts
        .last()
        .map(|r| format!("{} · {} · {}", v.receipts.len(), esc(&r.by), r.n));
    p.facts(&[
        (
            "signed_by",
            format!(
                "<code>{}</code>",
                esc(v.fingerprint.as_deref().unwrap_or("–"))
            ),
        ),
        ("entries", v.entries.to_string()),
        (
            "head",
            format!("<code>{}</code>", esc(v.head.as_deref().unwrap_or("–"))),
        ),
        ("receipts", receipts.unwrap_or_default()),
        (
            "lost",
            if v.lost > 0 {
                v.lost.to_string()
            } else {
                String::new()
            },
        ),
    ]);
    for w in &v.findings {
        let place = format!("{} @ {}: {}", w.file, w.offset, w.words);
        p.put(&format!("<p class=\"bad\">{}</p>", esc(&place)));
    }
    p.h2("clock");
    if v.steps.is_empty() {
        let none = p.say("clock_none");
        p.put(&format!("<p>{none}</p>"));
    }
    for s in &v.steps {
        let source = serde_json::to_value(s.source).unwrap_or_default();
        let source = code(p.lang, "clock_source", source.as_str().unwrap_or("unknown"));
        let by = (s.by_us != 0).then_some(json!(s.by_us as f64 * 1e-6));
        let mut figures = vec![
            ("clock", Value::from(s.clock.clone())),
            ("source", source.into()),
        ];
        if let Some(by) = by {
            figures.push(("by", by));
        }
        let words = say_with(p.lang, "clock_step", &figures);
        p.put(&format!(
            "<p>{} · {}</p>",
            p.moment(s.to_us.div_euclid(1_000)),
            esc(&words)
        ));
    }
}
