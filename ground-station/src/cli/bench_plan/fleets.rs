//! Fleets: an area shared among several aircraft, as loops and as open ways, at every margin.

use super::area::{Ask, MARGINS_M, Made, effort, made, swath_of};
use super::cases::{Folder, stem};
use super::cpu::Stopwatch;
use super::{Bench, Case, Good, Row, made as make};
use missions::planner::cover::COVERAGE;
use serde_json::Value;
use std::path::Path;

/// Longest flight against the mean, and the sum against one alone.
const BALANCE: f64 = 1.03;
const SUM: f64 = 1.03;
/// Fleets of so many.
const FLEETS: std::ops::RangeInclusive<usize> = 2..=8;
/// Made-up venues shared, each by one number of aircraft.
const MADE: u64 = 28;
/// What a flight begins with in the names of rows.
const LONGEST: &str = "longest ÷ mean";
const TOGETHER: &str = "sum ÷ one alone";

/// What is asked of every fleet of a case.
#[derive(Clone, Copy)]
struct Asked {
    closed: bool,
    margin_m: f64,
    budget_ms: u64,
}

impl Asked {
    fn kind(self) -> String {
        let way = if self.closed { "closed" } else { "open" };
        format!("{way}/{}/{} ms", self.margin_m, self.budget_ms)
    }
}

pub(super) fn cases<'a>(folder: &'a Folder, bench: &Bench, all: &mut Vec<Case<'a>>) {
    let margins: &[f64] = if bench.quick { &[0.0] } else { &MARGINS_M };
    for &budget_ms in &bench.fleet_budgets_ms {
        for &margin_m in margins {
            for closed in [true, false] {
                let asked = Asked {
                    closed,
                    margin_m,
                    budget_ms,
                };
                for v in &folder.venues {
                    let key = format!("fleet/{}/{}", asked.kind(), stem(v));
                    all.push(Case {
                        key: key.clone(),
                        run: Box::new(move |b| {
                            let fleets = FLEETS.step_by(if b.quick { 3 } else { 1 });
                            let venue = (v.as_path(), stem(v), swath_of(v)?);
                            shared(b, &key, &venue, asked, fleets, Some((BALANCE, SUM)))
                        }),
                    });
                }
            }
        }
        for n in 0..if bench.quick { 2 } else { MADE } {
            for closed in [true, false] {
                let way = if closed { "closed" } else { "open" };
                let key = format!("fleet/{way}/made/{budget_ms} ms/{n}");
                all.push(Case {
                    key: key.clone(),
                    run: Box::new(move |b| {
                        let (venue, swath_m, margin_m) = make::any(b.seed, n);
                        let path = venue.write(b.work.path(), "fleet")?;
                        let asked = Asked {
                            closed,
                            margin_m,
                            budget_ms,
                        };
                        // Half the swath drawn: a venue three swaths wide is not shared by eight.
                        let venue = (path.as_path(), format!("made {n}"), swath_m / 2.0);
                        let k = 2 + (n % 7) as usize;
                        shared(b, &key, &venue, asked, std::iter::once(k), None)
                    }),
                });
            }
        }
    }
}

/// One way, planned apart by the same flags, and the fleets that are held against it. Told only, but for legality and what
/// is seen, where no bounds are given.
fn shared(
    b: &Bench,
    key: &str,
    (venue, name, swath_m): &(&Path, String, f64),
    asked: Asked,
    fleets: impl Iterator<Item = usize>,
    bounds: Option<(f64, f64)>,
) -> anyhow::Result<Vec<Row>> {
    let by = b.judge.name();
    let planned = |k: usize| {
        let mut more = effort(b, 10_000);
        if asked.closed {
            more.push("--closed".into());
        }
        for (flag, value) in [("--aircraft", k as u64), ("--budget-ms", asked.budget_ms)] {
            more.extend([flag.to_owned(), value.to_string()]);
        }
        let ask = Ask {
            venue,
            swath_m: *swath_m,
            margin_m: asked.margin_m,
            more,
        };
        let watch = Stopwatch::start();
        made(b, &ask).map(|m| (m, watch.stop()))
    };
    let titled = |what: &str| format!("{what}, {}, {name}", asked.kind());
    let alone_m = match planned(1)?.0 {
        Made::Plan(p) if p.1.legal && p.1.coverage_reachable >= COVERAGE => p.1.length_m,
        Made::Plan(_) => f64::NAN,
        Made::Emptied(why) => {
            let row = Row::new(key, &titled("refused"), Good::Told, 0.0, "", &by);
            return Ok(vec![row.note(why)]);
        }
    };
    let mut out = Vec::new();
    let (mut illegal_m, mut seen) = (0.0f64, 1.0f64);
    for k in fleets {
        let (made, (seconds, of)) = planned(k)?;
        let Made::Plan(p) = made else {
            anyhow::bail!("k = {k} was refused, and one alone was not");
        };
        let (d, m) = *p;
        let mut each = vec![0.0; k];
        for r in &d.routes {
            if let Some(x) = each.get_mut(r.aircraft.saturating_sub(1)) {
                *x += r.length_m();
            }
        }
        let mean_m = each.iter().sum::<f64>() / k as f64;
        let longest_m = each.iter().copied().fold(0.0, f64::max);
        let home = !asked.closed || d.routes.iter().all(|r| r.places.first() == r.places.last());
        // Two decimals, as the table asks; and the judge's own verdict must agree.
        let wrong_m = m.outside_m + m.under_margin_m;
        illegal_m = illegal_m.max(match m.legal {
            true => (wrong_m * 100.0).round() / 100.0,
            false => wrong_m.max(0.01),
        });
        seen = seen.min(m.coverage_reachable);
        let counts = m.legal && home && m.coverage_reachable >= COVERAGE;
        let stopped = d.figures.get("stopped_by_budget").and_then(Value::as_bool);
        let note = format!(
            "seen {:.2} %, {}{}; {seconds:.2} s of the {of}{}; a flight is {:.0} swaths long",
            100.0 * m.coverage_reachable,
            if m.legal { "legal" } else { "NOT legal" },
            if home { "" } else { ", NOT closed" },
            if stopped == Some(true) {
                ", stopped"
            } else {
                ""
            },
            mean_m / swath_m
        );
        for (what, bound, x) in [
            (LONGEST, bounds.map(|b| b.0), longest_m / mean_m),
            (TOGETHER, bounds.map(|b| b.1), m.length_m / alone_m),
        ] {
            let good = bound.map_or(Good::Told, Good::AtMost);
            let x = if counts { x } else { f64::NAN };
            let title = format!("{what}, {}, k = {k}, {name}", asked.kind());
            out.push(Row::new(key, &title, good, x, "", &by).note(note.clone()));
        }
    }
    let none = Good::AtMost(0.0);
    out.push(Row::new(
        key,
        &titled("metres illegal"),
        none,
        illegal_m,
        "m",
        &by,
    ));
    let enough = Good::AtLeast(100.0 * COVERAGE);
    out.push(Row::new(
        key,
        &titled("reachable area seen"),
        enough,
        100.0 * seen,
        "%",
        &by,
    ));
    Ok(out)
}

/// The worst of every column, and how many miss it.
pub(super) fn over_all(rows: &[Row]) -> Vec<Row> {
    let mut out = Vec::new();
    let mut kinds: Vec<String> = rows.iter().filter_map(kind_of).collect();
    kinds.sort();
    kinds.dedup();
    for kind in kinds {
        for (what, bound) in [(LONGEST, BALANCE), (TOGETHER, SUM)] {
            let of: Vec<&Row> = rows
                .iter()
                .filter(|r| kind_of(r).as_ref() == Some(&kind) && r.name.starts_with(what))
                .collect();
            // What was not measured is worse than anything that was.
            let worth = |r: &Row| r.measured.unwrap_or(f64::INFINITY);
            let Some(worst) = of.iter().max_by(|a, b| worth(a).total_cmp(&worth(b))) else {
                continue;
            };
            let missed = of.iter().filter(|r| worth(r) > bound).count();
            out.push(
                Row::new(
                    "over all",
                    &format!("{what}, {kind}, worst"),
                    Good::Told,
                    worst.measured.unwrap_or(f64::NAN),
                    "",
                    &worst.by,
                )
                .note(format!(
                    "{missed} of {} over {bound}; {}",
                    of.len(),
                    worst.name
                )),
            );
        }
    }
    out
}

/// `closed/2/2000 ms` of `fleet/closed/2/2000 ms/park`.
fn kind_of(row: &Row) -> Option<String> {
    let kind = row.case.strip_prefix("fleet/")?.rsplit_once('/')?.0;
    Some(kind.to_owned())
}
