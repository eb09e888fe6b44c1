//! Venues: legality, coverage, length, speed, sameness; on the folder's venues and on made-up ones.

use super::cases::{Folder, stem, swath_m};
use super::cpu::Stopwatch;
use super::{Bench, Case, Good, Row, made};
use crate::cli::geometry::{self, ground::Ground};
use crate::cli::measure::{self, Measured};
use crate::cli::plan::drawn::Drawn;
use crate::cli::settings::import;
use geo::Area;
use missions::planner::cover::{COVERAGE, CoverRefusal};
use serde_json::Value;
use std::path::Path;

/// Margins at which every venue must be legal, metres.
const MARGINS_M: [f64; 3] = [0.0, 2.0, 5.0];
/// Length against covered area ÷ swath, open path, margin 0, by what the venues are called.
const RATIOS: [(&str, f64); 5] = [
    ("a_convex_500x300", 1.037),
    ("b_concave_3holes", 1.12),
    ("osm_helsinki_block_300x300", 1.25),
    ("osm_helsinki_downtown_700x500", 1.45),
    ("d_stress_1000v_30h", 1.15),
];
/// Mean of the closed tours.
const CLOSED: f64 = 1.20;
/// Swath of the closed tours, metres.
const CLOSED_SWATH_M: f64 = 3.0;
/// Most buildings in a closed tour's block.
const BUILDINGS: usize = 15;
/// First legal plan of 1000 corners and 30 holes, seconds of the processor.
const FIRST_S: f64 = 0.1;
/// Polished plan of the same.
const POLISHED_S: f64 = 1.0;
/// Moves that it is given.
const POLISHED_EFFORT: u64 = 40_000;
/// What such a plan must have come to, length against covered area ÷ swath.
const POLISHED_RATIO: f64 = 1.15;
/// Any plan of 25,000 corners and 250 holes.
const LARGE_S: f64 = 5.0;
/// Longest flight against the mean, and the sum against one alone.
const BALANCE: f64 = 1.03;
const SUM: f64 = 1.03;
/// Fleets of so many.
const FLEETS: std::ops::RangeInclusive<usize> = 2..=8;
/// Made-up venues go through in lots of so many.
const LOT: u64 = 500;

pub(super) fn cases<'a>(
    folder: &'a Folder,
    bench: &Bench,
    wanted: &dyn Fn(&str) -> bool,
    all: &mut Vec<Case<'a>>,
) {
    if wanted("area") {
        for v in &folder.venues {
            for m in MARGINS_M {
                all.push(Case {
                    key: format!("area/{}/{m}", stem(v)),
                    run: Box::new(move |b| one_venue(b, v, m)),
                });
            }
        }
    }
    if wanted("same") {
        for v in &folder.venues {
            all.push(Case {
                key: format!("same/{}", stem(v)),
                run: Box::new(move |b| same(b, v)),
            });
        }
    }
    if wanted("fleet") {
        for v in &folder.venues {
            for k in FLEETS.step_by(if bench.quick { 3 } else { 1 }) {
                all.push(Case {
                    key: format!("fleet/{}/{k}", stem(v)),
                    run: Box::new(move |b| fleet(b, v, k)),
                });
            }
        }
    }
    if wanted("random") {
        let mut from = 0;
        while from < bench.random {
            let to = (from + LOT).min(bench.random);
            all.push(Case {
                key: format!("random/{from}-{to}"),
                run: Box::new(move |b| random(b, from, to)),
            });
            from = to;
        }
    }
    if wanted("closed") {
        let each = if bench.quick { 7 } else { 1 };
        for n in (1..=BUILDINGS).step_by(each) {
            all.push(Case {
                key: format!("closed/{n}"),
                run: Box::new(move |b| closed(b, n)),
            });
        }
    }
    if wanted("speed") {
        for v in folder.venues.iter().filter(|v| stem(v).contains("1000v")) {
            all.push(Case {
                key: format!("speed/{}", stem(v)),
                run: Box::new(move |b| speed(b, v)),
            });
        }
        all.push(Case {
            key: "speed/made 1000v 30h".into(),
            run: Box::new(move |b| {
                let path =
                    made::stress(b.seed, 1_000, 30).write(b.work.path(), "made-1000v-30h")?;
                speed(b, &path)
            }),
        });
    }
    if wanted("large") && !bench.quick {
        all.push(Case {
            key: "large/made 25000v 250h".into(),
            run: Box::new(large),
        });
    }
}

/// A plan by the command's own code, or the refusal that says that the margin leaves nothing.
pub(super) enum Made {
    Plan(Box<(Drawn, Measured)>),
    Emptied(String),
}

pub(super) struct Ask<'a> {
    pub venue: &'a Path,
    pub swath_m: f64,
    pub margin_m: f64,
    pub more: Vec<String>,
}

pub(super) fn drawn(b: &Bench, ask: &Ask<'_>) -> anyhow::Result<Drawn> {
    let mut line = vec![ask.venue.display().to_string()];
    for (k, v) in [
        ("--swath", ask.swath_m.to_string()),
        ("--margin", ask.margin_m.to_string()),
        ("--seed", b.seed.to_string()),
    ] {
        line.extend([k.to_owned(), v]);
    }
    if !ask.more.iter().any(|m| m == "--budget-ms") {
        line.extend(["--budget-ms".to_owned(), "360000000".into()]);
    }
    line.extend(ask.more.iter().cloned());
    geometry::draw(&b.plan(&line)?)
}

pub(super) fn made(b: &Bench, ask: &Ask<'_>) -> anyhow::Result<Made> {
    match drawn(b, ask) {
        Ok(d) => {
            let ground = ground(ask.venue)?;
            let m = b.judge.measure(
                ask.venue,
                &ground,
                &d,
                ask.swath_m,
                ask.margin_m,
                b.work.path(),
            )?;
            Ok(Made::Plan(Box::new((d, m))))
        }
        Err(e) => match e.downcast_ref::<CoverRefusal>() {
            Some(CoverRefusal::MarginLeavesNothing { .. }) => Ok(Made::Emptied(format!("{e:#}"))),
            _ => Err(e),
        },
    }
}

pub(super) fn ground(venue: &Path) -> anyhow::Result<Ground> {
    Ground::new(&import(venue, None)?, None)
}

pub(super) fn swath_of(venue: &Path) -> anyhow::Result<f64> {
    Ok(swath_m(venue, ground(venue)?.target.unsigned_area()))
}

/// Little polish for a quick look.
pub(super) fn effort(b: &Bench, quick: u64) -> Vec<String> {
    if b.quick {
        vec!["--effort".into(), quick.to_string()]
    } else {
        Vec::new()
    }
}

fn one_venue(b: &Bench, venue: &Path, margin_m: f64) -> anyhow::Result<Vec<Row>> {
    let (name, swath_m) = (stem(venue), swath_of(venue)?);
    let key = format!("area/{name}/{margin_m}");
    let by = b.judge.name();
    let ask = Ask {
        venue,
        swath_m,
        margin_m,
        more: effort(b, 20_000),
    };
    let (d, m) = match made(b, &ask)? {
        Made::Plan(p) => *p,
        Made::Emptied(why) => {
            let row = Row::new(
                &key,
                &format!("metres illegal, margin {margin_m}, {name}"),
                Good::AtMost(0.0),
                0.0,
                "m",
                &by,
            );
            return Ok(vec![row.note(format!("refused: {why}"))]);
        }
    };
    let illegal_m = m.outside_m + m.under_margin_m;
    // Two decimals, as the table asks; and the judge's own verdict must agree.
    let shown = if m.legal {
        (illegal_m * 100.0).round() / 100.0
    } else {
        illegal_m.max(0.01)
    };
    let mut out = vec![
        Row::new(
            &key,
            &format!("metres illegal, margin {margin_m}, {name}"),
            Good::AtMost(0.0),
            shown,
            "m",
            &by,
        )
        .note(format!("clearance {:.3} m", m.min_clear_m)),
        Row::new(
            &key,
            &format!("reachable area seen, margin {margin_m}, {name}"),
            Good::AtLeast(100.0 * COVERAGE),
            100.0 * m.coverage_reachable,
            "%",
            &by,
        )
        .note(format!("of the whole area {:.2} %", 100.0 * m.coverage)),
    ];
    if margin_m == 0.0 {
        let bound = RATIOS.iter().find(|r| r.0 == name).map(|r| r.1);
        let good = bound.map_or(Good::Told, Good::AtMost);
        out.push(
            Row::new(
                &key,
                &format!("length ÷ (area ÷ swath), open, {name}"),
                good,
                m.ratio,
                "",
                &by,
            )
            .note(format!(
                "{:.0} m, seen {:.2} %; at the anchors' coverage: {}",
                m.length_m,
                100.0 * m.coverage_reachable,
                cut_back(b, venue, &d, swath_m)?
            )),
        );
    }
    Ok(out)
}

/// The same plan cut off at its end until it sees no more than 99, 98 and 96 %, as the anchors do: ratio at each.
fn cut_back(b: &Bench, venue: &Path, d: &Drawn, swath_m: f64) -> anyhow::Result<String> {
    let ground = ground(venue)?;
    let [route] = d.routes.as_slice() else {
        return Ok("several ways, not cut".into());
    };
    let mut out = Vec::new();
    for part in [0.98, 0.96] {
        // The end of a way sees its last bits: the shortest beginning that still sees so much.
        let (mut low, mut high) = (2, route.places.len());
        while low + 1 < high {
            let mid = (low + high) / 2;
            let cut = vec![route.places.iter().take(mid).copied().collect::<Vec<_>>()];
            if measure::measure(&ground.target, &cut, swath_m, 0.0).coverage >= part {
                high = mid;
            } else {
                low = mid;
            }
        }
        let cut = vec![route.places.iter().take(high).copied().collect::<Vec<_>>()];
        let m = measure::measure(&ground.target, &cut, swath_m, 0.0);
        out.push(format!("{:.3} at {:.1} %", m.ratio, 100.0 * m.coverage));
    }
    let _ = b;
    Ok(format!("{} (cut off, own measure)", out.join(", ")))
}

fn fleet(b: &Bench, venue: &Path, k: usize) -> anyhow::Result<Vec<Row>> {
    let (name, swath_m) = (stem(venue), swath_of(venue)?);
    let key = format!("fleet/{name}/{k}");
    let mut more = effort(b, 10_000);
    more.extend(["--closed".into(), "--aircraft".into(), k.to_string()]);
    let ask = Ask {
        venue,
        swath_m,
        margin_m: 0.0,
        more,
    };
    let (d, m) = match made(b, &ask)? {
        Made::Plan(p) => *p,
        Made::Emptied(why) => return Ok(vec![Row::failed(&key, &name, &why)]),
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
    let ok = m.legal && m.coverage_reachable >= COVERAGE - 1e-9;
    let if_ok = |x: f64| if ok { x } else { f64::NAN };
    let note = format!(
        "seen {:.2} %, {}",
        100.0 * m.coverage_reachable,
        if m.legal { "legal" } else { "NOT legal" }
    );
    Ok(vec![
        Row::new(
            &key,
            &format!("longest ÷ mean, k = {k}, {name}"),
            Good::AtMost(BALANCE),
            if_ok(longest_m * k as f64 / sum_m),
            "",
            &b.judge.name(),
        )
        .note(note.clone()),
        Row::new(
            &key,
            &format!("sum ÷ one alone, k = {k}, {name}"),
            Good::AtMost(SUM),
            if_ok(sum_m / alone_m),
            "",
            &b.judge.name(),
        )
        .note(note),
    ])
}

fn same(b: &Bench, venue: &Path) -> anyhow::Result<Vec<Row>> {
    let name = stem(venue);
    let ask = Ask {
        venue,
        swath_m: swath_of(venue)?,
        margin_m: 2.0,
        more: vec!["--effort".into(), "3000".into()],
    };
    let bytes =
        || -> anyhow::Result<Vec<u8>> { drawn(b, &ask)?.encode(Path::new("same.geojson"), 60.0) };
    let (first, second) = (bytes()?, bytes()?);
    let differing = first.iter().zip(&second).filter(|(x, y)| x != y).count()
        + first.len().abs_diff(second.len());
    Ok(vec![Row::new(
        &format!("same/{name}"),
        &format!("same input, seed, effort: bytes that differ, {name}"),
        Good::AtMost(0.0),
        differing as f64,
        "B",
        "comparison",
    )])
}

fn random(b: &Bench, from: u64, to: u64) -> anyhow::Result<Vec<Row>> {
    let key = format!("random/{from}-{to}");
    let (mut illegal_m, mut worst, mut least_seen, mut refused) = (0.0f64, None, 1.0f64, 0u64);
    for n in from..to {
        let (made_up, swath_m, margin_m) = made::any(b.seed, n);
        let path = made_up.write(b.work.path(), "random")?;
        let ask = Ask {
            venue: &path,
            swath_m,
            margin_m,
            more: vec!["--effort".into(), "400".into()],
        };
        let d = match drawn(b, &ask) {
            Ok(d) => d,
            Err(e)
                if matches!(
                    e.downcast_ref(),
                    Some(CoverRefusal::MarginLeavesNothing { .. })
                ) =>
            {
                refused += 1;
                continue;
            }
            Err(e) => anyhow::bail!("venue {n}: {e:#}"),
        };
        // Always the independent measure: thousands of Python processes would measure Python.
        let ways: Vec<_> = d.routes.iter().map(|r| r.places.clone()).collect();
        let m = measure::measure(&ground(&path)?.target, &ways, swath_m, margin_m);
        let wrong = if m.legal {
            0.0
        } else {
            (m.outside_m + m.under_margin_m).max(0.01)
        };
        if wrong > illegal_m {
            (illegal_m, worst) = (wrong, Some(n));
        }
        least_seen = least_seen.min(m.coverage_reachable);
    }
    Ok(vec![
        Row::new(
            &key,
            &format!("metres illegal, worst of made-up venues {from} to {to}"),
            Good::AtMost(0.0),
            illegal_m,
            "m",
            "own measure",
        )
        .note(match worst {
            Some(n) => format!("venue {n} of seed {}", b.seed),
            None => format!("{refused} refused: the margin leaves nothing"),
        }),
        Row::new(
            &key,
            &format!("reachable area seen, least of made-up venues {from} to {to}"),
            Good::Told,
            100.0 * least_seen,
            "%",
            "own measure",
        )
        .note("lattice of points: to some tenths"),
    ])
}

fn closed(b: &Bench, buildings: usize) -> anyhow::Result<Vec<Row>> {
    let block = made::block(b.seed, buildings);
    let name = format!("block-{buildings}");
    let path = block.write(b.work.path(), &name)?;
    let mut more = effort(b, 20_000);
    more.push("--closed".into());
    let ask = Ask {
        venue: &path,
        swath_m: CLOSED_SWATH_M,
        margin_m: 0.0,
        more,
    };
    let key = format!("closed/{buildings}");
    match made(b, &ask)? {
        Made::Emptied(why) => Ok(vec![Row::failed(&key, &name, &why)]),
        Made::Plan(p) => {
            let m = p.1;
            let seen = m.coverage_reachable;
            // Only what sees enough counts.
            let ratio = if seen >= COVERAGE && m.legal {
                m.ratio
            } else {
                f64::NAN
            };
            Ok(vec![
                Row::new(
                    &key,
                    &format!("closed tour, 100 × 100 m, {} buildings", block.holes.len()),
                    Good::Told,
                    ratio,
                    "",
                    &b.judge.name(),
                )
                .note(format!("seen {:.3} %, ratio {:.4}", 100.0 * seen, m.ratio)),
            ])
        }
    }
}

/// Rows over all cases of a kind.
pub(super) fn over_all(rows: &[Row]) -> Vec<Row> {
    let mut out = Vec::new();
    let tours: Vec<&Row> = rows
        .iter()
        .filter(|r| r.case.starts_with("closed/"))
        .collect();
    if !tours.is_empty() {
        let known: Vec<f64> = tours.iter().filter_map(|r| r.measured).collect();
        let mean = if known.len() == tours.len() {
            known.iter().sum::<f64>() / known.len() as f64
        } else {
            f64::NAN
        };
        let by = tours.first().map_or("", |r| r.by.as_str());
        out.push(
            Row::new(
                "over all",
                "closed tours, mean",
                Good::AtMost(CLOSED),
                mean,
                "",
                by,
            )
            .note(format!("of {}, each legal and 99.9 % seen", tours.len())),
        );
    }
    out
}

/// Processor seconds of the first plan and of the polished one.
fn speed(b: &Bench, venue: &Path) -> anyhow::Result<Vec<Row>> {
    let name = stem(venue);
    let key = format!("speed/{name}");
    let swath_m = if name.starts_with("made") {
        15.0
    } else {
        swath_of(venue)?
    };
    let timed = |more: Vec<String>| -> anyhow::Result<(f64, &'static str, Measured, Drawn)> {
        let ask = Ask {
            venue,
            swath_m,
            margin_m: 0.0,
            more,
        };
        let watch = Stopwatch::start();
        let d = drawn(b, &ask)?;
        let (seconds, of) = watch.stop();
        let m = b
            .judge
            .measure(venue, &ground(venue)?, &d, swath_m, 0.0, b.work.path())?;
        Ok((seconds, of, m, d))
    };
    let rows = [
        (
            "first legal plan",
            FIRST_S,
            vec!["--effort".to_owned(), "0".to_owned()],
        ),
        // By effort, not by a budget of the wall clock: what a busy machine gives in a second is not the planner's figure.
        (
            "polished plan",
            POLISHED_S,
            vec!["--effort".to_owned(), POLISHED_EFFORT.to_string()],
        ),
    ];
    let mut out = Vec::new();
    for (what, bound, more) in rows {
        let (seconds, of, m, d) = timed(more)?;
        // A fast plan that breaks the fence is no plan, and a long one is not polished.
        let polished = what == "first legal plan" || m.ratio <= POLISHED_RATIO;
        let counted = if m.legal && polished {
            seconds
        } else {
            f64::NAN
        };
        out.push(
            Row::new(
                &key,
                &format!("{what}, {name}"),
                Good::AtMost(bound),
                counted,
                "s",
                of,
            )
            .note(format!(
                "reading the file included; ratio {:.3}, seen {:.2} %, effort {}",
                m.ratio,
                100.0 * m.coverage_reachable,
                d.figures.get("effort").and_then(Value::as_u64).unwrap_or(0)
            )),
        );
    }
    Ok(out)
}

fn large(b: &Bench) -> anyhow::Result<Vec<Row>> {
    let venue = made::stress(b.seed, 25_000, 250);
    let path = venue.write(b.work.path(), "made-25000v-250h")?;
    let mut out = Vec::new();
    for (what, more, good) in [
        (
            "first plan",
            vec!["--effort".to_owned(), "0".to_owned()],
            Good::Told,
        ),
        // As an officer asks for it, by default flags.
        (
            "plan by default budget",
            vec!["--budget-ms".to_owned(), "2000".to_owned()],
            Good::AtMost(LARGE_S),
        ),
    ] {
        let ask = Ask {
            venue: &path,
            swath_m: 20.0,
            margin_m: 0.0,
            more,
        };
        let watch = Stopwatch::start();
        let d = drawn(b, &ask)?;
        let (seconds, of) = watch.stop();
        let m = b
            .judge
            .measure(&path, &ground(&path)?, &d, 20.0, 0.0, b.work.path())?;
        let counted = if m.legal { seconds } else { f64::NAN };
        out.push(
            Row::new(
                "large/made 25000v 250h",
                &format!(
                    "{what} of {} corners, {} holes",
                    venue.corners(),
                    venue.holes.len()
                ),
                good,
                counted,
                "s",
                of,
            )
            .note(format!(
                "reading the file included; ratio {:.3}, seen {:.2} %, effort {}",
                m.ratio,
                100.0 * m.coverage_reachable,
                d.figures.get("effort").and_then(Value::as_u64).unwrap_or(0)
            )),
        );
    }
    Ok(out)
}
