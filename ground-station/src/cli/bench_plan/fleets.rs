//! Fleets: an area shared among several aircraft, as loops and as open ways, at every margin.

use super::area::{Ask, MARGINS_M, Made, effort, made, swath_of};
use super::cases::{Folder, stem};
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

#[derive(Clone, Copy)]
struct Fleet {
    closed: bool,
    margin_m: f64,
    k: usize,
}

impl Fleet {
    fn kind(self) -> String {
        let way = if self.closed { "closed" } else { "open" };
        format!("{way}/{}", self.margin_m)
    }
}

pub(super) fn cases<'a>(folder: &'a Folder, bench: &Bench, all: &mut Vec<Case<'a>>) {
    let margins: &[f64] = if bench.quick { &[0.0] } else { &MARGINS_M };
    for &margin_m in margins {
        for closed in [true, false] {
            for v in &folder.venues {
                for k in FLEETS.step_by(if bench.quick { 3 } else { 1 }) {
                    let fleet = Fleet {
                        closed,
                        margin_m,
                        k,
                    };
                    all.push(Case {
                        key: format!("fleet/{}/{}/{k}", fleet.kind(), stem(v)),
                        run: Box::new(move |b| {
                            one(b, v, &stem(v), swath_of(v)?, fleet, Some((BALANCE, SUM)))
                        }),
                    });
                }
            }
        }
    }
    for n in 0..if bench.quick { 2 } else { MADE } {
        for closed in [true, false] {
            all.push(Case {
                key: key_of_made(n, closed),
                run: Box::new(move |b| made_up(b, n, closed)),
            });
        }
    }
}

fn key_of_made(n: u64, closed: bool) -> String {
    let way = if closed { "closed" } else { "open" };
    format!("fleet/{way}/made/{n}")
}

fn made_up(b: &Bench, n: u64, closed: bool) -> anyhow::Result<Vec<Row>> {
    let (venue, swath_m, margin_m) = make::any(b.seed, n);
    let path = venue.write(b.work.path(), "fleet")?;
    let fleet = Fleet {
        closed,
        margin_m,
        k: 2 + (n % 7) as usize,
    };
    // Half the swath drawn: a venue three swaths wide is not shared by eight.
    let mut rows = one(b, &path, &format!("made {n}"), swath_m / 2.0, fleet, None)?;
    for r in &mut rows {
        r.case = key_of_made(n, closed);
    }
    Ok(rows)
}

/// One fleet; told only, but for legality, where no bounds are given.
fn one(
    b: &Bench,
    venue: &Path,
    name: &str,
    swath_m: f64,
    fleet: Fleet,
    bounds: Option<(f64, f64)>,
) -> anyhow::Result<Vec<Row>> {
    let Fleet {
        closed,
        margin_m,
        k,
    } = fleet;
    let key = format!("fleet/{}/{name}/{k}", fleet.kind());
    let mut more = effort(b, 10_000);
    if closed {
        more.push("--closed".into());
    }
    more.extend(["--aircraft".into(), k.to_string()]);
    let ask = Ask {
        venue,
        swath_m,
        margin_m,
        more,
    };
    let by = b.judge.name();
    let titled = |what: &str| format!("{what}, {}, k = {k}, {name}", fleet.kind());
    let (d, m) = match made(b, &ask)? {
        Made::Plan(p) => *p,
        Made::Emptied(why) => {
            let row = Row::new(&key, &titled("refused"), Good::Told, 0.0, "", &by);
            return Ok(vec![row.note(why)]);
        }
    };
    // Measured by the ways: what each aircraft flies, and what one alone flies under the same request.
    let mut each = vec![0.0; k];
    for r in &d.routes {
        if let Some(x) = each.get_mut(r.aircraft.saturating_sub(1)) {
            *x += r.length_m();
        }
    }
    let sum_m: f64 = each.iter().sum();
    let longest_m = each.iter().copied().fold(0.0, f64::max);
    let alone_m = d
        .figures
        .get("alone_m")
        .and_then(Value::as_f64)
        .unwrap_or(f64::NAN);
    let home = !closed || d.routes.iter().all(|r| r.places.first() == r.places.last());
    let seen = m.coverage_reachable >= COVERAGE - 1e-9;
    let if_ok = |x: f64| {
        if m.legal && seen && home { x } else { f64::NAN }
    };
    let note = format!(
        "seen {:.2} %, {}{}; a flight is {:.0} swaths long",
        100.0 * m.coverage_reachable,
        if m.legal { "legal" } else { "NOT legal" },
        if home { "" } else { ", NOT closed" },
        sum_m / k as f64 / swath_m
    );
    let row = |what: &str, bound: Option<f64>, x: f64| {
        let good = bound.map_or(Good::Told, Good::AtMost);
        Row::new(&key, &titled(what), good, if_ok(x), "", &by).note(note.clone())
    };
    Ok(vec![
        row(LONGEST, bounds.map(|b| b.0), longest_m * k as f64 / sum_m),
        row(TOGETHER, bounds.map(|b| b.1), sum_m / alone_m),
    ])
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
                    worst.case
                )),
            );
        }
    }
    out
}

/// `closed/2` of `fleet/closed/2/park/4`.
fn kind_of(row: &Row) -> Option<String> {
    let mut parts = row.case.strip_prefix("fleet/")?.split('/');
    Some(format!("{}/{}", parts.next()?, parts.next()?))
}
