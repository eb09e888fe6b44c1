//! `verify`: a recorded flight, checked offline against its chain and its closing manifest.

use crate::evidence::campaign::Campaign;
use crate::evidence::crash::every_call;
use crate::evidence::heads::Offer;
use crate::evidence::io::{Folder, Syncing};
use crate::evidence::verify::{Asked, End, Kept, Report, verify};
use crate::record::EVENTS;
use crate::record::line::{self, Fact};
use anyhow::{Context, bail};
use missions::time::Utc;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Nothing is wrong, but more may have been recorded than is there.
const INCOMPLETE: u8 = 3;

/// Flags of `verify`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ends with 0 when the record is as it was made and complete, 1 when anything is wrong, 3 when \
nothing is wrong but it was never closed or sealed, 2 on bad usage. The format: docs/record.md"
)]
pub struct Verify {
    /// Folder of a recorded flight, or of a companion's own log
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Fingerprint of the station that must have signed it
    #[arg(long, value_name = "FINGERPRINT")]
    key: Option<String>,
    /// Heads of the chain that the other side kept: the folder of its record, or a file with a JSON object {flight, n, head}
    /// a line
    #[arg(long, value_name = "PATH")]
    receipt: Vec<PathBuf>,
}

/// Runs it.
pub fn run(a: &Verify, json: bool) -> anyhow::Result<ExitCode> {
    if !a.dir.is_dir() {
        bail!(
            "{} is no folder: give the folder of a recorded flight",
            a.dir.display()
        );
    }
    let mut kept = Vec::new();
    let mut doubts = Vec::new();
    for path in &a.receipt {
        if path.is_dir() {
            let other = Folder::open(path, Syncing::Always)?;
            let report = verify(&other, &Asked::default())
                .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
            if !report.is_intact() {
                doubts.push(format!("{} is damaged itself", path.display()));
            }
            let (heads, bad) = heads_in(&path.join(EVENTS))?;
            if heads.is_empty() {
                doubts.push(format!("{} keeps no head of anybody", path.display()));
            }
            if bad > 0 {
                doubts.push(format!("{}: {bad} lines cannot be read", path.display()));
            }
            kept.extend(heads);
        } else {
            kept.extend(heads_of(path)?);
        }
    }
    let folder = Folder::open(&a.dir, Syncing::Always)?;
    let asked = Asked {
        key: a.key.clone(),
        kept,
    };
    let mut report =
        verify(&folder, &asked).map_err(|e| anyhow::anyhow!("{}: {e}", a.dir.display()))?;
    report.notes.extend(doubts);
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", in_words(&report));
    }
    Ok(match (report.is_intact(), report.is_complete()) {
        (false, _) => ExitCode::FAILURE,
        (true, false) => ExitCode::from(INCOMPLETE),
        (true, true) => ExitCode::SUCCESS,
    })
}

/// Heads that the other side kept in the lines of its own record; and lines that cannot be read.
fn heads_in(events: &Path) -> anyhow::Result<(Vec<Kept>, usize)> {
    let text = std::fs::read_to_string(events)
        .with_context(|| format!("cannot read {}", events.display()))?;
    let (lines, bad) = line::read(&text);
    let heads = lines
        .into_iter()
        .filter_map(|l| match l.fact {
            Fact::Head { offer, .. } => Some(Kept {
                flight: offer.flight,
                n: offer.n,
                head: offer.head,
            }),
            _ => None,
        })
        .collect();
    Ok((heads, bad))
}

/// Heads that the other side kept.
fn heads_of(file: &Path) -> anyhow::Result<Vec<Kept>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    text.lines()
        .filter(|l| !l.trim().is_empty())
        .map(|l| {
            let o: Offer = serde_json::from_str(l)
                .with_context(|| format!("{}: {l} is no head of a chain", file.display()))?;
            Ok(Kept {
                flight: o.flight,
                n: o.n,
                head: o.head,
            })
        })
        .collect()
}

fn time(us: i64) -> String {
    Utc(us).to_rfc3339()
}

/// Flags of `bench-record`.
#[derive(Debug, clap::Args)]
pub struct BenchRecord {
    /// Random corruptions
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    rounds: u64,
    /// Everything random follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Tears tried at each call of the disk
    #[arg(long, value_name = "N", default_value_t = 5)]
    tears: u64,
}

/// Runs both campaigns.
pub fn bench(a: &BenchRecord, json: bool) -> anyhow::Result<ExitCode> {
    let bar = indicatif::ProgressBar::new(a.rounds);
    let campaign = Campaign {
        seed: a.seed,
        rounds: a.rounds,
    };
    let c = campaign.run(&mut |n| bar.set_position(n));
    bar.finish_and_clear();
    let d = every_call(8, 1, a.tears);
    let rows = [
        ("corruptions missed", c.missed.len()),
        (
            "ends cut off and missed although the other side kept a head",
            c.betrayed_not.len(),
        ),
        ("corruptions found and not placed", c.misplaced.len()),
        ("false alarms on good records", c.false_alarms.len()),
        ("acknowledged and lost after an accident", d.lost.len()),
        ("false alarms after an accident", d.false_alarms.len()),
        ("incomplete records called complete", d.false_claims.len()),
    ];
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, n)| {
                serde_json::json!({"name": name, "bound": 0, "measured": n, "pass": *n == 0})
            })
            .collect();
        println!(
            "{}",
            serde_json::json!({"rows": rows, "corruptions": c, "accidents": d})
        );
    } else {
        println!(
            "{} corruptions, {} good records checked",
            c.rounds, c.good_checked
        );
        for (kind, n) in c.by_kind.iter().chain(&c.by_file) {
            println!("  {n:>6} {kind}");
        }
        println!(
            "widest stretch named for one flipped bit of a frame or line: {} bytes",
            c.widest
        );
        println!(
            "{} accidents at {} calls of the disk, {} records acknowledged: {:?}",
            d.runs, d.calls, d.acknowledged, d.by_kind
        );
        for (name, n) in &rows {
            println!(
                "{:<5} {n:>6} {name} (bound 0)",
                if *n == 0 { "pass" } else { "MISS" }
            );
        }
        println!(
            "{} ends were cut off that neither manifest nor head covers: none was called complete",
            c.ends_not_claimed
        );
        let lists = [
            &c.missed,
            &c.betrayed_not,
            &c.misplaced,
            &c.false_alarms,
            &d.lost,
            &d.false_alarms,
            &d.false_claims,
        ];
        for words in lists.into_iter().flatten().take(20) {
            println!("  {words}");
        }
    }
    let all_well = rows.iter().all(|r| r.1 == 0) && c.rounds > 0 && d.runs > 0;
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The report for people.
pub fn in_words(r: &Report) -> String {
    let mut out = String::new();
    let mut line = |name: &str, words: String| out.push_str(&format!("{name:<13}{words}\n"));
    let none = || "unknown".to_owned();
    line("flight", r.flight.clone().unwrap_or_else(none));
    let known = match r.key_is_known {
        Some(true) => "as asked for",
        Some(false) => "NOT the one asked for",
        None => "not compared: --key FINGERPRINT does",
    };
    let fingerprint = r.fingerprint.clone().unwrap_or_else(none);
    line("signed by", format!("{fingerprint} ({known})"));
    if let Some((from, to)) = r.span_us {
        line("time", format!("{} to {}", time(from), time(to)));
    }
    line(
        "chain",
        format!(
            "{} entries, head {}",
            r.entries,
            r.head.clone().unwrap_or_else(none)
        ),
    );
    line(
        "as recorded",
        format!("{} files, {} bytes", r.files, r.bytes),
    );
    if !r.digests.is_empty() {
        line("manifest", format!("signed; {}", r.digests.join(" and ")));
    }
    for s in r.steps.iter().filter(|s| s.by_us != 0) {
        line(
            "clock set",
            format!(
                "{} by {:.3} s to {}",
                s.clock,
                s.by_us as f64 * 1e-6,
                time(s.to_us)
            ),
        );
    }
    if r.lost > 0 {
        line(
            "lost",
            format!(
                "{} records found no room on the disk, and the record says so",
                r.lost
            ),
        );
    }
    if let Some(last) = r.receipts.last() {
        line(
            "receipts",
            format!(
                "{}, the last by {} for entry {}",
                r.receipts.len(),
                last.by,
                last.n
            ),
        );
    }
    for name in &r.not_covered {
        line("not covered", name.clone());
    }
    for n in &r.notes {
        line("note", n.clone());
    }
    for f in &r.findings {
        let mut place = format!("{} at byte {}", f.file, f.offset);
        if f.len > 0 {
            place.push_str(&format!(", {} bytes", f.len));
        }
        if let Some(s) = f.segment {
            place.push_str(&format!(", segment {s}"));
        }
        if let Some(n) = f.record {
            place.push_str(&format!(", record {n}"));
        }
        let kind = format!("{:?}", f.kind).to_uppercase();
        line(&kind, format!("{place}: {}", f.words));
    }
    if r.more_findings > 0 {
        line("and", format!("{} more", r.more_findings));
    }
    let verdict = if !r.is_intact() {
        "DAMAGED: not as it was recorded".to_owned()
    } else {
        match &r.end {
            End::Closed if r.sealed || r.bare => "intact and complete".into(),
            End::Closed => "intact; closed, but without its closing manifest: files beside the chain's own are not covered".into(),
            End::ReceiptedUpTo { n, t_us } => format!(
                "intact; never closed: complete up to entry {n} ({}), which the other side keeps; later parts may be missing",
                time(*t_us)
            ),
            End::Open => {
                "intact as far as it goes; never closed and no receipted head was given: its end may be missing".into()
            }
        }
    };
    line("verdict", verdict);
    out
}
