//! Every street of a network once, and back: one tour, cut into flights where a battery does not last for it.

use super::read;
use crate::cli::geometry::Budget;
use crate::cli::plan::Plan;
use crate::cli::plan::drawn::{Drawn, PACE, Route};
use crate::draw::Picture;
use anyhow::bail;
use missions::plane::EastNorth;
use missions::planner::streets::{
    AirSpeeds, Effort, Pass, StreetNetwork, flight_s, plan_streets, split_by_battery,
};
use serde_json::{Map, Value, json};

pub(super) fn draw(a: &Plan) -> anyhow::Result<Drawn> {
    if a.aircraft > 1 && a.graphs.endurance.is_none() {
        bail!(
            "streets are shared by battery: give --endurance MINUTES (and --base PLACE), and each flight is an aircraft's or a battery's"
        );
    }
    let net = read::streets(&a.files.venue)?;
    let patrol_mps = a.speed.unwrap_or(PACE.0);
    let wind = a.graphs.wind;
    let (sin, cos) = wind.map_or((0.0, 0.0), |w| w.toward_deg.to_radians().sin_cos());
    let mps = wind.map_or(0.0, |w| w.mps);
    let air = AirSpeeds {
        patrol_mps,
        transit_mps: a.graphs.transit_speed.unwrap_or(patrol_mps),
        wind_east_mps: mps * sin,
        wind_north_mps: mps * cos,
    };
    let network = StreetNetwork::straight(net.places.clone(), &net.streets, air)?;
    let mut effort = Effort {
        seed: a.drawing.seed,
        ..Effort::default()
    };
    if let Some(steps) = a.drawing.effort {
        effort.steps = steps;
    }
    let mut budget = Budget::new(a.drawing.budget_ms);
    let plan = plan_streets(&network, effort, &mut || budget.over())?;
    let mut words = vec![format!(
        "{} streets in {} piece(s): {:.1} min, {:.1} min of it along streets; no tour takes less than {:.1} min ({:.3} times)",
        net.streets.len(),
        network.pieces(),
        plan.cost_s / 60.0,
        plan.patrol_s / 60.0,
        plan.bound_s / 60.0,
        plan.cost_s / plan.bound_s
    )];
    let mut figures = Map::new();
    for (k, v) in [
        ("streets", json!(net.streets.len())),
        ("pieces", json!(network.pieces())),
        ("time_s", json!(plan.cost_s)),
        ("time_along_streets_s", json!(plan.patrol_s)),
        ("time_across_s", json!(plan.transit_s)),
        ("bound_s", json!(plan.bound_s)),
        ("ratio_to_bound", json!(plan.cost_s / plan.bound_s)),
        ("effort", json!(plan.steps)),
        ("seed", json!(effort.seed)),
        ("coverage", json!(1.0)),
        ("time_said", Value::Bool(true)),
    ] {
        figures.insert(k.into(), v);
    }
    if budget.was_over() && plan.steps < effort.steps {
        words.push(Budget::words(a, plan.steps));
    }
    let mut routes = Vec::new();
    match a.graphs.endurance {
        None => routes.push(Route::new(1, way(&network, &net.places, &plan.tour, None))),
        Some(minutes) => {
            let flights = split_by_battery(&network, &plan.tour, a.graphs.base, minutes * 60.0)?;
            let times: Vec<f64> = flights
                .iter()
                .map(|f| flight_s(&network, f, a.graphs.base))
                .collect();
            let longest_s = times.iter().copied().fold(0.0, f64::max);
            words.push(format!(
                "{} flights from place {}, none over {minutes:.0} min: {:.1} min in all, the longest {:.1}",
                flights.len(),
                a.graphs.base,
                times.iter().sum::<f64>() / 60.0,
                longest_s / 60.0
            ));
            figures.insert("flights_s".into(), json!(times));
            let k = usize::try_from(a.aircraft)?.max(1);
            for (i, f) in flights.iter().enumerate() {
                // Flights go round the aircraft in turn.
                routes.push(Route::new(
                    i % k + 1,
                    way(&network, &net.places, f, Some(a.graphs.base)),
                ));
            }
        }
    }
    let name = a.name.clone().unwrap_or_else(|| {
        a.files
            .venue
            .file_stem()
            .map_or_else(|| "streets".into(), |s| s.to_string_lossy().into_owned())
    });
    let at = |i: usize| net.places.get(i).copied();
    let picture = Picture {
        title: format!("{name}: streets"),
        plain_title: format!("{name}: streets"),
        roads: net
            .streets
            .iter()
            .filter_map(|(p, q)| Some((at(*p)?, at(*q)?)))
            .collect(),
        north_is_up: true,
        ..Picture::default()
    };
    Ok(Drawn {
        name,
        plane: net.plane,
        routes,
        figures,
        words,
        notes: Vec::new(),
        picture,
    })
}

/// Places along the passes; from the base and back to it, or closed on itself.
fn way(
    network: &StreetNetwork,
    places: &[EastNorth],
    passes: &[Pass],
    base: Option<usize>,
) -> Vec<EastNorth> {
    let mut stops: Vec<usize> = base.into_iter().collect();
    for p in passes {
        let start = network.start(*p);
        if stops.last() != Some(&start) {
            stops.push(start);
        }
        stops.push(network.end(*p));
    }
    if let Some(first) = stops.first().copied()
        && stops.last() != Some(&first)
    {
        stops.push(first);
    }
    stops
        .iter()
        .filter_map(|s| places.get(*s).copied())
        .collect()
}
