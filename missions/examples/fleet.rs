//! Shares venues among several aircraft: balance and sum against one alone.
//!
//! `cargo run --release -p missions --example fleet -- [--swath W] [--margin M] [--closed] [--aircraft 2-8] [--sites]
//! [--effort N] [--seed S] [--cpu-ms N] [--out FOLDER] VENUE.geojson...` — without `--swath` the venue's own `swath_m`; `--sites` puts
//! all launch sites at the free place nearest to the area's south-west corner; `--cpu-ms` is a budget of this thread's
//! processor time (Linux), so that a busy machine measures what an idle one gives. One alone is planned
//! first, apart, by the same budget, and `sum/alone` is against it. Writes a GeoJSON an aircraft number (one LineString a
//! flight), and one for one aircraft alone, into FOLDER.

#![allow(
    clippy::disallowed_methods,
    reason = "a program at the edge: it reads the clock to say how long it took"
)]

use geo::{BoundingRect, Coord, LineString, Polygon};
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use missions::planner::cover::{self, CoverRequest};
use missions::planner::fleet::{self, Aircraft, Battery, FleetPlan, FleetRefusal, FleetRequest};
use missions::venue::{Role, Shape, Venue};
use serde_json::json;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

struct Args {
    swath_m: Option<f64>,
    margin_m: f64,
    closed: bool,
    aircraft: std::ops::RangeInclusive<usize>,
    sites: bool,
    effort: Option<u64>,
    seed: u64,
    cpu_ms: Option<f64>,
    out: Option<PathBuf>,
    files: Vec<PathBuf>,
}

fn args() -> Result<Args, Box<dyn Error>> {
    let mut a = Args {
        swath_m: None,
        margin_m: 0.0,
        closed: false,
        aircraft: 2..=8,
        sites: false,
        effort: None,
        seed: 1,
        cpu_ms: None,
        out: None,
        files: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(w) = words.next() {
        let mut value = || words.next().ok_or(format!("{w} needs a value"));
        match w.as_str() {
            "--swath" => a.swath_m = Some(value()?.parse()?),
            "--margin" => a.margin_m = value()?.parse()?,
            "--closed" => a.closed = true,
            "--sites" => a.sites = true,
            "--effort" => a.effort = Some(value()?.parse()?),
            "--seed" => a.seed = value()?.parse()?,
            "--cpu-ms" => a.cpu_ms = Some(value()?.parse()?),
            "--out" => a.out = Some(value()?.into()),
            "--aircraft" => {
                let v = value()?;
                let (lo, hi) = v.split_once('-').unwrap_or((v.as_str(), v.as_str()));
                a.aircraft = lo.parse()?..=hi.parse()?;
            }
            path => a.files.push(path.into()),
        }
    }
    Ok(a)
}

/// Milliseconds that this thread was on a processor, as Linux tells them.
fn cpu_ms() -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|t| t.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(0.0, |ns| ns / 1e6)
}

fn write(plane: &LocalPlane, flights: &[Vec<EastNorth>], to: &Path) -> Result<(), Box<dyn Error>> {
    let features: Vec<_> = flights
        .iter()
        .map(|f| {
            let line: Vec<[f64; 2]> = f
                .iter()
                .map(|p| {
                    let (lat, lon) = plane.to_degrees(*p);
                    [lon, lat]
                })
                .collect();
            json!({"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": line}})
        })
        .collect();
    std::fs::write(
        to,
        serde_json::to_vec(&json!({"type": "FeatureCollection", "features": features}))?,
    )?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let a = args()?;
    for file in &a.files {
        let text = std::fs::read_to_string(file)?;
        let venue = Venue::from_geojson(&text)?;
        let stated: serde_json::Value = serde_json::from_str(&text)?;
        let swath_m = a
            .swath_m
            .or_else(|| stated.pointer("/properties/swath_m")?.as_f64())
            .ok_or("--swath is missing")?;
        let corners: Vec<LatLon> = venue
            .zones_of(Role::Inclusion)
            .filter_map(|z| match &z.shape {
                Shape::Polygon { outer, .. } => Some(outer.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let middle = |f: fn(&LatLon) -> f64| {
            let lo = corners.iter().map(f).fold(f64::INFINITY, f64::min);
            (lo + corners.iter().map(f).fold(f64::NEG_INFINITY, f64::max)) / 2.0
        };
        let plane = LocalPlane::new(LatLon::from_degrees(
            middle(|p| p.lat_deg()),
            middle(|p| p.lon_deg()),
        )?);
        let ring = |r: &[LatLon]| {
            LineString(
                r.iter()
                    .map(|p| {
                        let q = plane.to_local(*p);
                        Coord {
                            x: q.east_m,
                            y: q.north_m,
                        }
                    })
                    .collect(),
            )
        };
        let of_role = |role: Role| -> Vec<Polygon<f64>> {
            venue
                .zones_of(role)
                .filter_map(|z| match &z.shape {
                    Shape::Polygon { outer, holes } => Some(Polygon::new(
                        ring(outer),
                        holes.iter().map(|h| ring(h)).collect(),
                    )),
                    _ => None,
                })
                .collect()
        };
        let target = cover::target(&of_role(Role::Inclusion), &of_role(Role::Exclusion));
        let area_m2 = geo::Area::unsigned_area(&target);
        let cover = CoverRequest {
            closed: a.closed,
            seed: a.seed,
            effort: a
                .effort
                .unwrap_or_else(|| cover::thorough(area_m2, swath_m)),
            ..CoverRequest::new(target, swath_m, a.margin_m)
        };
        let name = file
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut site = None;
        if a.sites
            && let Some(b) = cover.target.bounding_rect()
        {
            let corner = EastNorth::new(b.min().x, b.min().y);
            let trial = FleetRequest {
                cover: CoverRequest {
                    effort: 0,
                    ..cover.clone()
                },
                aircraft: vec![Aircraft {
                    site: Some(corner),
                    battery: Battery::Share(1.0),
                }],
            };
            site = match fleet::plan(&trial, |_| false) {
                Err(FleetRefusal::SiteOutside { nearest, .. }) => nearest,
                _ => Some(corner),
            };
        }
        let mut alone_m = None;
        for k in std::iter::once(1).chain(a.aircraft.clone()) {
            let start = Instant::now();
            let began_ms = cpu_ms();
            let stop = |part: f64| a.cpu_ms.is_some_and(|ms| cpu_ms() - began_ms >= part * ms);
            let spent = || {
                let ms = start.elapsed().as_secs_f64() * 1e3;
                format!("ms {ms:.0} cpu {:.0}", cpu_ms() - began_ms)
            };
            // One alone is planned apart, as `plan` without `--aircraft` does.
            if k == 1 {
                let plan = cover::plan(&cover, || stop(1.0))?;
                let s = plan.stats;
                println!(
                    "{name:52} k 1 sum {:.1} m coverage {:.4} clear {:.3} {} effort {}",
                    s.length_m,
                    s.coverage,
                    s.clearance_m,
                    spent(),
                    s.effort
                );
                alone_m = Some(s.length_m);
                if let Some(out) = &a.out {
                    std::fs::create_dir_all(out)?;
                    write(&plane, &plan.routes, &out.join(format!("{name}.1.geojson")))?;
                }
                continue;
            }
            let request = FleetRequest {
                cover: cover.clone(),
                aircraft: vec![
                    Aircraft {
                        site,
                        battery: Battery::Share(1.0),
                    };
                    k
                ],
            };
            let FleetPlan { shares, stats: s } = match fleet::plan(&request, stop) {
                Ok(p) => p,
                Err(e) => {
                    println!("{name} k {k}: {e}");
                    continue;
                }
            };
            let flights: Vec<Vec<EastNorth>> =
                shares.iter().flat_map(|s| s.flights.clone()).collect();
            println!(
                "{name:52} k {k} flights {} balance {:.4} sum/alone {:.4} longest {:.1} m sum {:.1} m coverage {:.4} clear {:.3} {} effort {}",
                flights.len(),
                s.balance,
                s.sum_m / alone_m.unwrap_or(s.alone_m),
                s.longest_m,
                s.sum_m,
                s.coverage,
                s.clearance_m,
                spent(),
                s.effort
            );
            if let Some(out) = &a.out {
                write(&plane, &flights, &out.join(format!("{name}.{k}.geojson")))?;
                // Whose flight is whose, for who judges by aircraft.
                let by: Vec<usize> = shares.iter().map(|s| s.flights.len()).collect();
                std::fs::write(out.join(format!("{name}.{k}.flights")), format!("{by:?}"))?;
            }
        }
    }
    Ok(())
}
