//! Rounds on patrol graphs, and streets against the optimum of integer programming.

use super::cases::{Folder, stem};
use super::{Bench, Case, Good, Row};
use crate::cli::graphs as planned;
use crate::cli::plan::drawn::Drawn;
use crate::cli::settings::read;
use missions::planner::rounds::{PatrolGraph, Round};
use serde_json::Value;
use std::path::Path;

/// Aircraft on every patrol graph.
const AIRCRAFT: usize = 4;
/// The stretch: worst absence on `broughton` against the forest bound.
const BROUGHTON: f64 = 1.5;
/// Above the optimum of integer programming.
const ABOVE_OPTIMUM: f64 = 1.04;
/// Column ILP-TourCost of SRLCresults50cities.csv (Agarwal, Akella, arXiv:2208.09861), seconds; a table in the folder is
/// read first.
const ILP_TOUR_COST_S: [(&str, f64); 4] = [
    ("beijing", 3243.31),
    ("chongqing", 2946.35),
    ("dongguan", 1156.75),
    ("hangzhou", 5710.64),
];

pub(super) fn cases<'a>(
    folder: &'a Folder,
    wanted: &dyn Fn(&str) -> bool,
    all: &mut Vec<Case<'a>>,
) {
    if wanted("rounds") {
        all.extend(folder.graphs.iter().map(|g| Case {
            key: format!("rounds/{}", stem(g)),
            run: Box::new(move |b| rounds(b, g)),
        }));
    }
    if wanted("streets") {
        all.extend(folder.streets.iter().map(|s| Case {
            key: format!("streets/{}", stem(s)),
            run: Box::new(move |b| streets(b, s)),
        }));
    }
}

fn drawn(b: &Bench, file: &Path, words: &[&str]) -> anyhow::Result<Drawn> {
    let mut line = vec![file.display().to_string()];
    line.extend(words.iter().map(|w| (*w).to_owned()));
    line.extend(["--budget-ms", "360000000", "--seed"].map(str::to_owned));
    line.push(b.seed.to_string());
    planned::draw(&b.plan(&line)?)
}

fn figure(d: &Drawn, k: &str) -> f64 {
    d.figures.get(k).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn rounds(b: &Bench, file: &Path) -> anyhow::Result<Vec<Row>> {
    let key = format!("rounds/{}", stem(file));
    let aircraft = AIRCRAFT.to_string();
    // As the graphs' authors measure, who take a file's directions one by one.
    let mut words = vec!["--pattern", "rounds", "--aircraft", &aircraft, "--shorter"];
    if b.quick {
        words.extend(["--effort", "100000"]);
    }
    let d = drawn(b, file, &words)?;
    let worst_m = figure(&d, "worst_absence_m");
    let graph = PatrolGraph::parse(&read(file)?)?;
    let rounds: Vec<Round> = match d.figures.get("rounds") {
        Some(r) => serde_json::from_value(r.clone())?,
        None => Vec::new(),
    };
    // Never taken from the planner: measured again from the rounds it wrote.
    let again_m = absence_m(&graph, &rounds);
    let loop_m = figure(&d, "one_loop_shared_m");
    let (forest_m, open_m) = (
        figure(&d, "forest_bound_m"),
        figure(&d, "longest_open_way_m"),
    );
    let mut out = vec![
        Row::new(
            &key,
            &format!("worst absence, k = {AIRCRAFT}, {}", stem(file)),
            Good::AtMost(loop_m + 1e-9),
            again_m,
            "m",
            "own measure",
        )
        .note(format!(
            "bound is one loop shared by all; {} {}; forest bound {forest_m:.1} m, ratio {:.3}; four open ways {open_m:.1} m, ratio {:.3}",
            d.figures.get("manner").and_then(Value::as_str).unwrap_or("?"),
            if worst_m < loop_m - 1e-9 { "better" } else { "as good" },
            worst_m / forest_m,
            worst_m / open_m
        )),
        Row::new(
            &key,
            &format!("worst absence ÷ best {AIRCRAFT} open ways, {}", stem(file)),
            Good::Told,
            worst_m / open_m,
            "",
            "planner",
        ),
    ];
    let stretch = if stem(file) == "broughton" {
        Good::AtMost(BROUGHTON)
    } else {
        Good::Told
    };
    out.push(Row::new(
        &key,
        &format!("worst absence ÷ forest bound, {}", stem(file)),
        stretch,
        worst_m / forest_m,
        "",
        "planner",
    ));
    Ok(out)
}

/// The worst absence again, sharing no code with the planner: all shortest ways (Floyd 1962, Warshall 1962), then the
/// times at which each place is passed.
fn absence_m(graph: &PatrolGraph, rounds: &[Round]) -> f64 {
    let n = graph.places.len();
    let mut m = vec![vec![f64::INFINITY; n]; n];
    let mut put = |a: usize, b: usize, d: f64| {
        if let Some(x) = m.get_mut(a).and_then(|row| row.get_mut(b)) {
            *x = x.min(d);
        }
    };
    for (a, b, d) in &graph.ways {
        put(*a, *b, *d);
        put(*b, *a, *d);
    }
    for i in 0..n {
        put(i, i, 0.0);
    }
    let at = |m: &[Vec<f64>], a: usize, b: usize| {
        m.get(a)
            .and_then(|row| row.get(b))
            .copied()
            .unwrap_or(f64::INFINITY)
    };
    for via in 0..n {
        for a in 0..n {
            for b in 0..n {
                let d = at(&m, a, via) + at(&m, via, b);
                if let Some(x) = m.get_mut(a).and_then(|row| row.get_mut(b)) {
                    *x = x.min(d);
                }
            }
        }
    }
    let mut least = vec![f64::INFINITY; n];
    for r in rounds {
        let mut passed: Vec<(usize, f64)> = Vec::new();
        let mut lap_m = 0.0;
        for (i, here) in r.stops.iter().enumerate() {
            passed.push((*here, lap_m));
            let next = r
                .stops
                .get(i + 1)
                .or(r.stops.first())
                .copied()
                .unwrap_or(*here);
            lap_m += at(&m, *here, next);
        }
        // Aircraft follow each other at equal distances: what the first passes at x, the next passes a part of a lap later.
        for (p, slot) in least.iter_mut().enumerate() {
            let mut times: Vec<f64> = Vec::new();
            for k in 0..r.aircraft.max(1) {
                let ahead = lap_m * k as f64 / r.aircraft.max(1) as f64;
                times.extend(
                    passed
                        .iter()
                        .filter(|(q, _)| *q == p)
                        .map(|(_, x)| (x + ahead).rem_euclid(lap_m.max(1e-12))),
                );
            }
            times.sort_by(f64::total_cmp);
            let (Some(first), Some(last)) = (times.first(), times.last()) else {
                continue;
            };
            let around = first + lap_m - last;
            let worst = times
                .windows(2)
                .map(|w| match w {
                    [a, b] => b - a,
                    _ => 0.0,
                })
                .fold(around, f64::max);
            *slot = slot.min(worst);
        }
    }
    least.into_iter().fold(0.0, f64::max)
}

fn streets(b: &Bench, file: &Path) -> anyhow::Result<Vec<Row>> {
    let key = format!("streets/{}", stem(file));
    // The conditions of the table: 7 m/s along, 10 m/s across, a wind of 2 m/s towards the north-east.
    let mut words = vec![
        "--pattern",
        "streets",
        "--speed",
        "7",
        "--transit-speed",
        "10",
        "--wind",
        "45,2",
    ];
    if b.quick {
        words.extend(["--effort", "2000"]);
    }
    let d = drawn(b, file, &words)?;
    let (cost_s, bound_s) = (figure(&d, "time_s"), figure(&d, "bound_s"));
    let optimum_s = optimum(file);
    let good = optimum_s.map_or(Good::Told, |o| Good::AtMost(ABOVE_OPTIMUM * o));
    let note = optimum_s.map_or_else(
        || {
            format!(
                "no optimum known; own bound {bound_s:.1} s, {:+.2} %",
                100.0 * (cost_s / bound_s - 1.0)
            )
        },
        |o| {
            format!(
                "optimum {o:.1} s, {:+.2} %; own bound {bound_s:.1} s",
                100.0 * (cost_s / o - 1.0)
            )
        },
    );
    Ok(vec![
        Row::new(
            &key,
            &format!("streets, one tour, {}", stem(file)),
            good,
            cost_s,
            "s",
            "planner",
        )
        .note(note),
    ])
}

fn optimum(file: &Path) -> Option<f64> {
    let name = stem(file);
    let table = std::fs::read_to_string(file.with_file_name("SRLCresults50cities.csv")).ok();
    let read = table.and_then(|t| {
        let mut lines = t.lines();
        let column = lines.next()?.split(',').position(|c| c == "ILP-TourCost")?;
        lines.find_map(|l| {
            let cells: Vec<&str> = l.split(',').collect();
            (*cells.first()? == name).then(|| cells.get(column)?.parse().ok())?
        })
    });
    read.or_else(|| {
        ILP_TOUR_COST_S
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, c)| *c)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use missions::plane::EastNorth;

    #[test]
    fn absences_on_a_square_are_as_counted_by_hand() {
        let places = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)];
        let graph = PatrolGraph {
            places: places.iter().map(|p| EastNorth::new(p.0, p.1)).collect(),
            ways: (0..4).map(|i| (i, (i + 1) % 4, 10.0)).collect(),
        };
        let round = |stops: &[usize], aircraft| Round {
            stops: stops.to_vec(),
            aircraft,
        };
        assert!((absence_m(&graph, &[round(&[0, 1, 2, 3], 1)]) - 40.0).abs() < 1e-9);
        assert!((absence_m(&graph, &[round(&[0, 1, 2, 3], 2)]) - 20.0).abs() < 1e-9);
        // To and fro over three corners: the ends wait 40 m, the middle 20; the fourth is nobody's.
        let fro = round(&[0, 1, 2, 1], 1);
        assert_eq!(absence_m(&graph, std::slice::from_ref(&fro)), f64::INFINITY);
        assert!((absence_m(&graph, &[fro, round(&[3], 1)]) - 40.0).abs() < 1e-9);
    }
}
