//! `plan` without a vehicle: geometry only. No home, no return, no heights in force: a drawing to look at and compare,
//! marked `flyable: false`, which `fly` refuses.

use super::plan::Plan;
use super::settings::import;
use anyhow::{Context, bail};
use geo::buffer::{BufferStyle, LineJoin};
use geo::{Area, Buffer, Coord, LineString, MultiPolygon, Polygon};
use link_io::Clock;
use missions::formats::{Imported, PlanSettings, RawItem, write_plan};
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use missions::planner::cover::{self, CoverRequest};
use missions::venue::{Role, Shape, Venue};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// Coordinates are kept on the wire's grid of 1e-7 degrees: up to this much is lost, and given back as margin, metres.
const GRID_M: f64 = 0.009;
/// Corners of a circle's outline; drawn outside the circle.
const CIRCLE_CORNERS: u32 = 96;
/// Step of a round join, radians.
const ROUND_RAD: f64 = 0.1;

/// What was planned.
struct Drawn {
    routes: Vec<Vec<(f64, f64)>>,
    figures: Value,
    words: Vec<String>,
}

/// Plans and writes.
pub fn run(a: &Plan, json_asked: bool) -> anyhow::Result<ExitCode> {
    let got = import(&a.venue, a.datum)?;
    let drawn = draw(a, &got.venue)?;
    let out = encode(a, &got.venue, &drawn)?;
    std::fs::write(&a.out, out).with_context(|| format!("cannot write {}", a.out.display()))?;
    if json_asked {
        println!("{}", serde_json::to_string_pretty(&drawn.figures)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} -> {} (geometry only, not to fly: give --vehicle for a plan that flies)",
        got.venue.name,
        a.out.display()
    );
    for w in &drawn.words {
        println!("  {w}");
    }
    for n in &got.notes {
        println!("  note: {}", n.words);
    }
    Ok(ExitCode::SUCCESS)
}

fn ring(plane: &LocalPlane, ring: &[LatLon]) -> LineString<f64> {
    LineString(
        ring.iter()
            .map(|p| {
                let q = plane.to_local(*p);
                Coord {
                    x: q.east_m,
                    y: q.north_m,
                }
            })
            .collect(),
    )
}

fn polygon(plane: &LocalPlane, shape: &Shape) -> Option<Polygon<f64>> {
    match shape {
        Shape::Polygon { outer, holes } => Some(Polygon::new(
            ring(plane, outer),
            holes.iter().map(|h| ring(plane, h)).collect(),
        )),
        Shape::Circle { centre, radius_m } => {
            let c = plane.to_local(*centre);
            // Around the circle, not inside it.
            let step = std::f64::consts::TAU / f64::from(CIRCLE_CORNERS);
            let r = radius_m / (step / 2.0).cos();
            let corner = |i: u32| {
                let (sin, cos) = (step * f64::from(i)).sin_cos();
                Coord {
                    x: c.east_m + r * cos,
                    y: c.north_m + r * sin,
                }
            };
            Some(Polygon::new(
                LineString((0..=CIRCLE_CORNERS).map(corner).collect()),
                Vec::new(),
            ))
        }
        Shape::Point(_) => None,
    }
}

/// A point of the venue near its middle.
fn origin(venue: &Venue) -> Option<LatLon> {
    let mut corners = venue
        .zones_of(Role::Inclusion)
        .filter_map(|z| match &z.shape {
            Shape::Polygon { outer, .. } => Some(outer.as_slice()),
            Shape::Circle { centre, .. } => Some(std::slice::from_ref(centre)),
            Shape::Point(_) => None,
        })
        .flatten();
    let first = corners.next()?;
    let (mut south, mut north) = (first.lat_deg(), first.lat_deg());
    let (mut west, mut east) = (first.lon_deg(), first.lon_deg());
    for p in corners {
        (south, north) = (south.min(p.lat_deg()), north.max(p.lat_deg()));
        (west, east) = (west.min(p.lon_deg()), east.max(p.lon_deg()));
    }
    LatLon::from_degrees((south + north) / 2.0, (west + east) / 2.0).ok()
}

fn draw(a: &Plan, venue: &Venue) -> anyhow::Result<Drawn> {
    let origin = origin(venue)
        .context("the venue has no area to fly in: draw a polygon with role `inclusion`")?;
    let plane = LocalPlane::new(origin);
    let of_role = |role: Role| -> Vec<Polygon<f64>> {
        venue
            .zones_of(role)
            .filter_map(|z| polygon(&plane, &z.shape))
            .collect()
    };
    let target = cover::target(&of_role(Role::Inclusion), &of_role(Role::Exclusion));
    if !(a.margin.is_finite() && a.margin >= 0.0) {
        bail!("--margin {}: give a distance in metres", a.margin);
    }
    let (routes, figures, words) = match a.pattern.as_str() {
        "perimeter" => around(a, &target)?,
        _ => sweep(a, target)?,
    };
    let routes = routes
        .into_iter()
        .map(|r| r.into_iter().map(|p| plane.to_degrees(p)).collect())
        .collect();
    Ok(Drawn {
        routes,
        figures,
        words,
    })
}

type Patterned = (Vec<Vec<EastNorth>>, Value, Vec<String>);

fn sweep(a: &Plan, target: MultiPolygon<f64>) -> anyhow::Result<Patterned> {
    let swath_m = a.swath.unwrap_or(a.altitude * 0.9);
    let effort = a
        .effort
        .unwrap_or_else(|| cover::thorough(target.unsigned_area(), swath_m));
    let request = CoverRequest {
        closed: a.closed,
        seed: a.seed,
        effort,
        ..CoverRequest::new(target, swath_m, a.margin + GRID_M)
    };
    let clock = Clock::start();
    let budget = Duration::from_millis(a.budget_ms);
    let mut late = false;
    let plan = cover::plan(&request, || {
        late |= clock.now().mono.since(missions::time::Mono::ZERO) >= budget;
        late
    })
    .context("no plan")?;
    let s = plan.stats;
    let figures = json!({
        "flyable": false,
        "pattern": "sweep",
        "routes": plan.routes.len(),
        "length_m": s.length_m,
        "turns": s.turns,
        "area_m2": s.target_m2,
        "reachable_m2": s.reachable_m2,
        "coverage": s.coverage,
        "min_clearance_m": s.clearance_m,
        "length_by_area_and_swath": s.ratio,
        "seed": a.seed,
        "effort": s.effort,
        "effort_asked": effort,
        "stopped_by_budget": late,
        "margin_m": a.margin,
        "swath_m": swath_m,
    });
    let mut words = vec![
        format!(
            "{:.0} m in {} way(s), {} turns; {:.2} % of what can be reached is seen",
            s.length_m,
            plan.routes.len(),
            s.turns,
            100.0 * s.coverage
        ),
        format!(
            "keeps {:.2} m from every edge; {:.3} times area ÷ swath",
            s.clearance_m, s.ratio
        ),
        format!("seed {}, effort {} of {effort}", a.seed, s.effort),
    ];
    if late {
        words.push(format!(
            "stopped by --budget-ms {}: `--effort {} --budget-ms 3600000` gives the same bytes on any machine",
            a.budget_ms, s.effort
        ));
    }
    Ok((plan.routes, figures, words))
}

/// Once around every piece that the offset leaves, inside the outline.
fn around(a: &Plan, target: &MultiPolygon<f64>) -> anyhow::Result<Patterned> {
    let offset_m = a.offset.max(a.margin) + GRID_M;
    // Chords of a round join lie inside the arc, which here is nearer to the corner: reach out by what they lose.
    let by_m = offset_m / (ROUND_RAD / 2.0).cos();
    let left =
        target.buffer_with_style(BufferStyle::new(-by_m).line_join(LineJoin::Round(ROUND_RAD)));
    let mut rings: Vec<Vec<EastNorth>> = left
        .0
        .iter()
        .map(|p| {
            p.exterior()
                .0
                .iter()
                .map(|c| EastNorth::new(c.x, c.y))
                .collect()
        })
        .collect();
    rings.retain(|r: &Vec<EastNorth>| r.len() > 3);
    if rings.is_empty() {
        bail!("at {offset_m:.1} m from the outline nothing is left to fly around");
    }
    let length_m: f64 = rings
        .iter()
        .flat_map(|r| r.windows(2))
        .map(|w| match w {
            [p, q] => p.distance_m(*q),
            _ => 0.0,
        })
        .sum();
    let figures = json!({
        "flyable": false,
        "pattern": "perimeter",
        "routes": rings.len(),
        "length_m": length_m,
        "margin_m": a.margin,
        "offset_m": a.offset,
    });
    let words = vec![format!("{length_m:.0} m in {} way(s)", rings.len())];
    Ok((rings, figures, words))
}

fn encode(a: &Plan, venue: &Venue, d: &Drawn) -> anyhow::Result<Vec<u8>> {
    let lines = || {
        d.routes
            .iter()
            .map(|r| r.iter().map(|(lat, lon)| json!([lon, lat])).collect())
            .collect::<Vec<Value>>()
    };
    Ok(match a.out.extension().and_then(|e| e.to_str()) {
        Some("geojson") => {
            let features: Vec<Value> = lines()
                .into_iter()
                .enumerate()
                .map(|(i, coordinates)| {
                    let mut properties = d.figures.clone();
                    if let Some(p) = properties.as_object_mut() {
                        p.insert("route".into(), (i + 1).into());
                    }
                    json!({"type": "Feature", "properties": properties,
                        "geometry": {"type": "LineString", "coordinates": coordinates}})
                })
                .collect();
            serde_json::to_vec(
                &json!({"type": "FeatureCollection", "name": venue.name, "features": features}),
            )?
        }
        Some("json") => serde_json::to_vec_pretty(
            &json!({"flyable": false, "venue": venue.name, "figures": d.figures, "routes_lon_lat": lines()}),
        )?,
        Some("plan") => {
            let [route] = d.routes.as_slice() else {
                bail!(
                    "the margin cuts the area into {} pieces, and a .plan holds one way: write *.geojson",
                    d.routes.len()
                );
            };
            let mission = route
                .iter()
                .map(|(lat, lon)| RawItem {
                    frame: 3,
                    command: 16,
                    current: false,
                    autocontinue: true,
                    params: [0.0, 0.0, 0.0, f64::NAN],
                    lat_deg_or_x: *lat,
                    lon_deg_or_y: *lon,
                    alt: a.altitude,
                })
                .collect();
            write_plan(&Imported {
                mission,
                home: None,
                polygons: Vec::new(),
                circles: Vec::new(),
                breach_return: None,
                rally: Vec::new(),
                settings: PlanSettings::default(),
                notes: Vec::new(),
            })
            .into_bytes()
        }
        _ => bail!(
            "{}: name the file *.geojson (a map), *.json or *.plan (QGroundControl)",
            a.out.display()
        ),
    })
}
