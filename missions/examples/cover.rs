//! Covers a GeoJSON venue: `cover VENUE.geojson --swath 20 [--margin 0] [--closed] [--effort N] [--seed S]
//! [--budget-ms N] [--angle DEG]
//! [-o OUT.geojson]`. Writes one LineString a route and no other line, prints figures.
//!
//! Reads roles as `check_plan.py` does, and projects as it does (transverse Mercator at the venue's centre).

#![allow(
    clippy::disallowed_methods,
    reason = "a program at the edge: it reads the clock for --budget-ms"
)]

use geo::{Coord, LineString, Polygon};
use missions::planner::cover::{self, CoverRequest};
use serde_json::{Value, json};
use std::error::Error;
use std::time::{Duration, Instant};

/// Transverse Mercator on WGS-84 by Krüger's series to fourth order (Karney 2011, eqs. 35 and 36): nanometres here.
struct Mercator {
    lon0: f64,
    y0: f64,
}

const N: f64 = {
    let f = 1.0 / 298.257_223_563;
    f / (2.0 - f)
};

fn rectifying_m() -> f64 {
    6_378_137.0 / (1.0 + N) * (1.0 + N * N / 4.0 + N.powi(4) / 64.0)
}

impl Mercator {
    fn new(lat0: f64, lon0: f64) -> Self {
        let mut m = Mercator { lon0, y0: 0.0 };
        m.y0 = m.forward(lat0, lon0).y;
        m
    }

    fn forward(&self, lat: f64, lon: f64) -> Coord<f64> {
        let (phi, lam) = (lat.to_radians(), (lon - self.lon0).to_radians());
        let e = 2.0 * N.sqrt() / (1.0 + N);
        let s = phi.sin();
        let t = (s.atanh() - e * (e * s).atanh()).sinh();
        let (xi, eta) = (
            t.atan2(lam.cos()),
            (lam.sin() / (1.0 + t * t).sqrt()).atanh(),
        );
        let a = [
            N / 2.0 - 2.0 / 3.0 * N.powi(2) + 5.0 / 16.0 * N.powi(3) + 41.0 / 180.0 * N.powi(4),
            13.0 / 48.0 * N.powi(2) - 3.0 / 5.0 * N.powi(3) + 557.0 / 1440.0 * N.powi(4),
            61.0 / 240.0 * N.powi(3) - 103.0 / 140.0 * N.powi(4),
            49561.0 / 161_280.0 * N.powi(4),
        ];
        let (mut x, mut y) = (eta, xi);
        for (j, a) in (1..).zip(a) {
            let k = 2.0 * f64::from(j);
            y += a * (k * xi).sin() * (k * eta).cosh();
            x += a * (k * xi).cos() * (k * eta).sinh();
        }
        Coord {
            x: rectifying_m() * x,
            y: rectifying_m() * y - self.y0,
        }
    }

    fn back(&self, p: Coord<f64>, lat0: f64) -> (f64, f64) {
        // Newton on the forward map: it is conformal and nearly an isometry.
        let (mut lat, mut lon) = (lat0, self.lon0);
        for _ in 0..12 {
            let q = self.forward(lat, lon);
            lat += (p.y - q.y) / 111_132.0;
            lon += (p.x - q.x) / (111_320.0 * lat.to_radians().cos());
        }
        (lat, lon)
    }
}

type Rings = Vec<Vec<(f64, f64)>>;

fn ring(v: &Value) -> Vec<(f64, f64)> {
    v.as_array()
        .into_iter()
        .flatten()
        .filter_map(|c| Some((c.get(0)?.as_f64()?, c.get(1)?.as_f64()?)))
        .collect()
}

fn read(venue: &Value) -> (Vec<Rings>, Vec<Rings>) {
    let (mut inc, mut exc) = (Vec::new(), Vec::new());
    let features = match venue.get("features").and_then(Value::as_array) {
        Some(f) => f.clone(),
        None => vec![venue.clone()],
    };
    for f in features {
        let p = f.get("properties").cloned().unwrap_or(Value::Null);
        let role: String = ["role", "type", "kind", "fence", "zone"]
            .iter()
            .filter_map(|k| p.get(k).and_then(Value::as_str))
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        let out = [
            "excl", "nofly", "no-fly", "nfz", "hole", "keep", "obstacle", "restrict",
        ]
        .iter()
        .any(|w| role.contains(w))
            || p.get("inclusion") == Some(&Value::Bool(false));
        let aside = [
            "crowd", "watch", "no-look", "no_look", "launch", "landing", "show", "rally",
        ];
        if !out && aside.iter().any(|w| role.trim_start().starts_with(w)) {
            continue;
        }
        let g = f.get("geometry").unwrap_or(&f);
        let c = g.get("coordinates").unwrap_or(&Value::Null);
        let polygons: Vec<Value> = match g.get("type").and_then(Value::as_str) {
            Some("Polygon") => vec![c.clone()],
            Some("MultiPolygon") => c.as_array().cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        for q in polygons {
            let rings: Rings = q.as_array().into_iter().flatten().map(ring).collect();
            if out {
                exc.push(rings);
            } else {
                for hole in rings.iter().skip(1) {
                    exc.push(vec![hole.clone()]);
                }
                inc.push(rings.into_iter().take(1).collect());
            }
        }
    }
    (inc, exc)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let venue_file = args.next().ok_or("which venue?")?;
    let (mut swath, mut margin, mut closed, mut effort, mut seed, mut budget, mut out) =
        (None, 0.0, false, None, 1u64, None, None);
    let mut angle_deg = None;
    while let Some(a) = args.next() {
        let mut value = || args.next().ok_or(format!("{a} wants a value"));
        match a.as_str() {
            "--swath" => swath = Some(value()?.parse::<f64>()?),
            "--margin" => margin = value()?.parse()?,
            "--closed" => closed = true,
            "--effort" => effort = Some(value()?.parse::<u64>()?),
            "--seed" => seed = value()?.parse()?,
            "--budget-ms" => budget = Some(value()?.parse::<u64>()?),
            "--angle" => angle_deg = Some(value()?.parse::<f64>()?),
            "-o" => out = Some(value()?),
            _ => return Err(format!("unknown argument {a}").into()),
        }
    }
    let venue: Value = serde_json::from_slice(&std::fs::read(&venue_file)?)?;
    let swath_m = swath
        .or_else(|| venue.pointer("/properties/swath_m").and_then(Value::as_f64))
        .ok_or("--swath is missing")?;
    let (inc, exc) = read(&venue);
    let all: Vec<(f64, f64)> = inc.iter().flatten().flatten().copied().collect();
    let span = |f: fn(&(f64, f64)) -> f64| {
        let lo = all.iter().map(f).fold(f64::INFINITY, f64::min);
        let hi = all.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
        (lo + hi) / 2.0
    };
    let (lon0, lat0) = (span(|p| p.0), span(|p| p.1));
    let map = Mercator::new(lat0, lon0);
    let polygons = |v: &[Rings]| -> Vec<Polygon<f64>> {
        v.iter()
            .map(|rings| {
                let mut r = rings
                    .iter()
                    .map(|r| LineString(r.iter().map(|p| map.forward(p.1, p.0)).collect()));
                Polygon::new(
                    r.next().unwrap_or_else(|| LineString(Vec::new())),
                    r.collect(),
                )
            })
            .collect()
    };
    let start = Instant::now();
    let target = cover::target(&polygons(&inc), &polygons(&exc));
    let area: f64 = geo::Area::unsigned_area(&target);
    let effort = effort.unwrap_or_else(|| cover::thorough(area, swath_m));
    let request = CoverRequest {
        closed,
        seed,
        effort,
        angle_deg,
        ..CoverRequest::new(target, swath_m, margin)
    };
    let plan = cover::plan(&request, || {
        budget.is_some_and(|b| start.elapsed() >= Duration::from_millis(b))
    })?;
    let ms = start.elapsed().as_secs_f64() * 1e3;
    let s = plan.stats;
    println!(
        "routes {} length {:.1} m turns {} coverage {:.3} % clearance {:.4} m ratio {:.4} effort {} ms {:.0}",
        plan.routes.len(),
        s.length_m,
        s.turns,
        100.0 * s.coverage,
        s.clearance_m,
        s.ratio,
        s.effort,
        ms
    );
    let features: Vec<Value> = plan
        .routes
        .iter()
        .map(|r| {
            let line: Vec<[f64; 2]> = r
                .iter()
                .map(|p| {
                    let (lat, lon) = map.back(Coord { x: p.east_m, y: p.north_m }, lat0);
                    let round = |v: f64| (v * 1e10).round() / 1e10;
                    [round(lon), round(lat)]
                })
                .collect();
            json!({"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": line}})
        })
        .collect();
    if let Some(out) = out {
        std::fs::write(
            out,
            serde_json::to_vec(&json!({"type": "FeatureCollection", "features": features}))?,
        )?;
    }
    Ok(())
}
