//! Rounds over a patrol graph: the worst absence as short as can be, and a whole shift with promises and swaps.

use crate::cli::geometry::Budget;
use crate::cli::plan::Plan;
use crate::cli::plan::drawn::{Drawn, PACE, Route};
use crate::cli::settings::read;
use crate::draw::{Picture, Site};
use anyhow::{Context, bail};
use missions::plane::EastNorth;
use missions::planner::rounds::shift::{Battery, ShiftRequest, drawn_shift};
use missions::planner::rounds::{
    Costs, Differing, Effort, PatrolGraph, RoundsPlan, RoundsRequest, plan_rounds,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A promise where none is given: the rounds' worst absence and half of it again, so that there is something to draw.
const ROOM: f64 = 1.5;

pub(super) fn draw(a: &Plan) -> anyhow::Result<Drawn> {
    let path = &a.files.venue;
    let graph = PatrolGraph::parse(&read(path)?).with_context(|| path.display().to_string())?;
    let costs = graph
        .costs(if a.graphs.shorter {
            Differing::Shorter
        } else {
            Differing::Longer
        })
        .with_context(|| path.display().to_string())?;
    let mut importance = vec![1.0; costs.places()];
    for (place, w) in &a.graphs.importance {
        let n = importance.len();
        *importance.get_mut(*place).with_context(|| {
            format!("--importance {place}: the graph has places 0 to {}", n - 1)
        })? = *w;
    }
    let mut effort = Effort {
        seed: a.drawing.seed,
        ..Effort::default()
    };
    if let Some(steps) = a.drawing.effort {
        effort.steps = steps;
    }
    let request = RoundsRequest {
        costs,
        importance,
        aircraft: usize::try_from(a.aircraft)?,
        // A shift's orders are drawn by chance: no two aircraft can share a round.
        one_each: a.graphs.one_each || a.graphs.shift.is_some(),
        effort,
    };
    let mut budget = Budget::new(a.drawing.budget_ms);
    let plan = plan_rounds(&request, &mut || budget.over())?;
    let speed_mps = a.speed.unwrap_or(PACE.0);
    let mut figures = figures(&request, &plan, speed_mps);
    let mut words = words(&plan, speed_mps);
    if budget.was_over() && plan.steps < effort.steps {
        words.push(Budget::words(a, plan.steps));
    }
    if let Some(hours) = a.graphs.shift {
        shift(
            a,
            &request,
            &plan,
            speed_mps,
            hours * 3600.0,
            &mut figures,
            &mut words,
        )?;
    }
    let mut notes = Vec::new();
    let differing = graph.differing();
    if !differing.is_empty() {
        notes.push(format!(
            "{} way(s) are written with two lengths, the first from {} to {}: the {} counts",
            differing.len(),
            differing.first().map_or(0, |d| d.0),
            differing.first().map_or(0, |d| d.1),
            if a.graphs.shorter {
                "shorter"
            } else {
                "longer"
            }
        ));
    }
    let name = a.name.clone().unwrap_or_else(|| stem(a));
    let mut out = Drawn {
        picture: backdrop(&graph, &name),
        name,
        plane: None,
        routes: routes(&graph, &plan),
        figures,
        words,
        notes,
    };
    // Floor maps count y downwards from the map's upper edge: no matter for lengths, and drawn as stored.
    out.picture.north_is_up = false;
    Ok(out)
}

fn stem(a: &Plan) -> String {
    a.files
        .venue
        .file_stem()
        .map_or_else(|| "graph".into(), |s| s.to_string_lossy().into_owned())
}

fn figures(request: &RoundsRequest, plan: &RoundsPlan, speed_mps: f64) -> Map<String, Value> {
    let absences: BTreeMap<usize, f64> = plan
        .rounds
        .iter()
        .flat_map(|r| r.absences_m(&request.costs))
        .fold(BTreeMap::new(), |mut all, (p, m)| {
            let best = all.entry(p).or_insert(f64::INFINITY);
            *best = m.min(*best);
            all
        });
    let revisit: Vec<Value> = absences
        .iter()
        .map(|(p, m)| json!({"place": p, "absence_m": m, "absence_s": m / speed_mps}))
        .collect();
    let mut out = Map::new();
    let mut put = |k: &str, v: Value| {
        out.insert(k.to_owned(), v);
    };
    put("manner", json!(plan.manner));
    put("aircraft", json!(request.aircraft));
    put("worst_absence_m", json!(plan.worst_m));
    put("worst_absence_s", json!(plan.worst_m / speed_mps));
    put("worst_place", json!(plan.worst_point));
    put("one_loop_shared_m", json!(plan.one_loop_m));
    put("forest_bound_m", json!(plan.forest_bound_m));
    put("bound_m", json!(plan.bound_m));
    put("ratio_to_bound", json!(plan.worst_m / plan.bound_m));
    put("longest_open_way_m", json!(plan.longest_open_way_m));
    put(
        "ratio_to_open_ways",
        json!(plan.worst_m / plan.longest_open_way_m),
    );
    put("rounds", json!(plan.rounds));
    put("revisit", Value::Array(revisit));
    put("effort", json!(plan.steps));
    put("seed", json!(request.effort.seed));
    // Rounds are flown again and again; a time is the longest absence, not the way's.
    put("time_said", Value::Bool(true));
    out
}

fn words(plan: &RoundsPlan, speed_mps: f64) -> Vec<String> {
    vec![
        format!(
            "worst absence {:.1} m, {:.0} s at {speed_mps:.1} m/s, at place {}; no rounds do better than {:.1} m ({:.2} times)",
            plan.worst_m,
            plan.worst_m / speed_mps,
            plan.worst_point,
            plan.bound_m,
            plan.worst_m / plan.bound_m
        ),
        format!(
            "{} round(s), {}; one loop shared by all would give {:.1} m",
            plan.rounds.len(),
            serde_json::to_value(plan.manner)
                .ok()
                .and_then(|v| v.as_str().map(|s| s.replace('_', " ")))
                .unwrap_or_default(),
            plan.one_loop_m
        ),
        format!("effort {} reached", plan.steps),
    ]
}

fn shift(
    a: &Plan,
    request: &RoundsRequest,
    plan: &RoundsPlan,
    speed_mps: f64,
    length_s: f64,
    figures: &mut Map<String, Value>,
    words: &mut Vec<String>,
) -> anyhow::Result<()> {
    let g = &a.graphs;
    let costs: &Costs = &request.costs;
    let base = g.base;
    if base >= costs.places() {
        bail!(
            "--base {base}: the graph has places 0 to {}",
            costs.places() - 1
        );
    }
    let furthest_m = (0..costs.places())
        .map(|p| costs.m(p, base))
        .fold(0.0, f64::max);
    let battery = g.endurance.map(|minutes| Battery {
        base,
        endurance_s: minutes * 60.0,
        swap_s: g.swap,
    });
    // A swap takes its aircraft from the round for the way to the base and back.
    let swap_s = battery.map_or(0.0, |b| b.swap_s + 2.0 * furthest_m / speed_mps);
    let promise_s = g
        .promise
        .unwrap_or(ROOM * plan.worst_m / speed_mps + swap_s);
    let asked = ShiftRequest {
        speed_mps,
        // Important places are promised a shorter absence.
        promise_s: request.importance.iter().map(|w| promise_s / w).collect(),
        length_s,
        battery,
        seed: a.drawing.seed,
    };
    let done = drawn_shift(costs, &plan.rounds, &asked).with_context(|| {
        format!("no shift keeps a promise of {promise_s:.0} s: give a longer --promise, more --aircraft or a longer --endurance")
    })?;
    let worst_s = done.absence_s.iter().copied().fold(0.0, f64::max);
    let swaps: usize = done
        .duties
        .iter()
        .map(|d| d.iter().filter(|v| v.swap).count())
        .sum();
    words.push(format!(
        "shift of {:.1} h: promised {promise_s:.0} s, worst absence {worst_s:.0} s, {swaps} battery swaps",
        length_s / 3600.0
    ));
    words.push(format!(
        "orders drawn by seed {}: {:.2} bits of choice a stop, {:.0} bits in all",
        a.drawing.seed, done.entropy_rate, done.entropy_bits
    ));
    figures.insert(
        "shift".into(),
        json!({"promise_s": promise_s, "worst_absence_s": worst_s, "swaps": swaps, "entropy_bits": done.entropy_bits,
            "entropy_rate": done.entropy_rate, "absence_s": done.absence_s, "duties": done.duties}),
    );
    Ok(())
}

/// The rounds as ways over the graph's places.
fn routes(graph: &PatrolGraph, plan: &RoundsPlan) -> Vec<Route> {
    let ways = neighbours(graph);
    let mut out = Vec::new();
    let mut aircraft = 0;
    for r in &plan.rounds {
        let mut stops = r.stops.clone();
        stops.extend(r.stops.first());
        let mut places: Vec<EastNorth> = Vec::new();
        for w in stops.windows(2) {
            if let [from, to] = w {
                let way = shortest(&ways, *from, *to);
                let skip = usize::from(!places.is_empty());
                places.extend(
                    way.iter()
                        .skip(skip)
                        .filter_map(|p| graph.places.get(*p).copied()),
                );
            }
        }
        if places.is_empty() {
            places.extend(r.stops.first().and_then(|p| graph.places.get(*p).copied()));
        }
        aircraft += 1;
        out.push(Route::new(aircraft, places));
    }
    out
}

fn neighbours(graph: &PatrolGraph) -> BTreeMap<usize, Vec<(usize, f64)>> {
    let mut out: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
    for (a, b, m) in &graph.ways {
        out.entry(*a).or_default().push((*b, *m));
        out.entry(*b).or_default().push((*a, *m));
    }
    out
}

/// Places along the shortest way between two (Dijkstra 1959), for the picture.
fn shortest(ways: &BTreeMap<usize, Vec<(usize, f64)>>, from: usize, to: usize) -> Vec<usize> {
    let mut best: BTreeMap<usize, (f64, usize)> = BTreeMap::from([(from, (0.0, from))]);
    let mut done: BTreeSet<usize> = BTreeSet::new();
    while let Some((&here, &(at_m, _))) = best
        .iter()
        .filter(|(p, _)| !done.contains(p))
        .min_by(|x, y| x.1.0.total_cmp(&y.1.0))
    {
        if here == to {
            break;
        }
        done.insert(here);
        for (next, m) in ways.get(&here).into_iter().flatten() {
            let via = at_m + m;
            if best.get(next).is_none_or(|b| via < b.0) {
                best.insert(*next, (via, here));
            }
        }
    }
    let mut out = vec![to];
    let mut here = to;
    while here != from {
        match best.get(&here) {
            Some((_, before)) if *before != here => here = *before,
            _ => return vec![from, to],
        }
        out.push(here);
    }
    out.reverse();
    out
}

fn backdrop(graph: &PatrolGraph, name: &str) -> Picture {
    let at = |i: usize| graph.places.get(i).copied();
    Picture {
        title: format!("{name}: rounds"),
        plain_title: format!("{name}: rounds"),
        roads: graph
            .ways
            .iter()
            .filter_map(|(a, b, _)| Some((at(*a)?, at(*b)?)))
            .collect(),
        sites: graph
            .places
            .iter()
            .enumerate()
            .map(|(i, p)| Site {
                role: None,
                at: *p,
                label: i.to_string(),
                plain: i.to_string(),
            })
            .collect(),
        ..Picture::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_follows_the_graphs_own_ways() {
        let ways = BTreeMap::from([
            (0, vec![(1, 1.0), (2, 10.0)]),
            (1, vec![(0, 1.0), (2, 1.0)]),
            (2, vec![(0, 10.0), (1, 1.0)]),
        ]);
        assert_eq!(shortest(&ways, 0, 2), [0, 1, 2]);
        assert_eq!(shortest(&ways, 1, 1), [1]);
        // In pieces: the straight line, rather than none.
        assert_eq!(shortest(&ways, 0, 9), [0, 9]);
    }
}
