//! A geometry-only plan: what was drawn, its figures, and the files it is written as.

use super::Plan;
use super::picture;
use crate::draw::{Picture, Track};
use anyhow::{Context, bail};
use missions::formats::{Imported, PlanSettings, RawItem, write_plan};
use missions::plane::{EastNorth, LocalPlane};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::ExitCode;

/// One way, flown without landing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct Route {
    /// Which aircraft flies it, from 1.
    pub aircraft: usize,
    /// Places, metres on the plane.
    pub places: Vec<EastNorth>,
    /// Seconds to hover at a place, where any are hovered at; by number of the place.
    pub holds_s: Vec<(usize, f64)>,
}

impl Route {
    pub(in crate::cli) fn new(aircraft: usize, places: Vec<EastNorth>) -> Self {
        Route {
            aircraft,
            places,
            holds_s: Vec::new(),
        }
    }

    /// Metres.
    pub(in crate::cli) fn length_m(&self) -> f64 {
        self.places
            .windows(2)
            .map(|w| match w {
                [a, b] => a.distance_m(*b),
                _ => 0.0,
            })
            .sum()
    }
}

/// What was drawn.
pub(in crate::cli) struct Drawn {
    /// Name of venue or graph.
    pub name: String,
    /// Where the plane lies; a floor map has no place on the globe.
    pub plane: Option<LocalPlane>,
    /// The ways.
    pub routes: Vec<Route>,
    /// All figures.
    pub figures: Map<String, Value>,
    /// The figures that a person reads, a line each.
    pub words: Vec<String>,
    /// Remarks on what was read, and on what is left out.
    pub notes: Vec<String>,
    /// What is under the ways: venue or graph, and what is left out.
    pub picture: Picture,
}

/// Pace for times without a vehicle, m/s, and braking, m/s².
pub(in crate::cli) const PACE: (f64, f64) = (8.0, 3.0);

/// Seconds of a way flown from rest to rest on every leg.
pub(in crate::cli) fn time_s(route: &Route, speed_mps: f64) -> f64 {
    let v = speed_mps;
    let legs: f64 = route
        .places
        .windows(2)
        .map(|w| match w {
            [a, b] => {
                let d = a.distance_m(*b);
                if d < v * v / PACE.1 {
                    2.0 * (d / PACE.1).sqrt()
                } else {
                    d / v + v / PACE.1
                }
            }
            _ => 0.0,
        })
        .sum();
    legs + route.holds_s.iter().map(|h| h.1).sum::<f64>()
}

/// Corners of more than this are turns, degrees, as the neutral judge counts them.
const TURN_DEG: f64 = 15.0;

/// Turns of a way.
pub(in crate::cli) fn turns(places: &[EastNorth]) -> usize {
    let heading = |a: &EastNorth, b: &EastNorth| (b.north_m - a.north_m).atan2(b.east_m - a.east_m);
    let mut legs: Vec<f64> = Vec::new();
    for w in places.windows(2) {
        if let [a, b] = w
            && a.distance_m(*b) > 1e-3
        {
            legs.push(heading(a, b));
        }
    }
    legs.windows(2)
        .filter(|w| match w {
            [a, b] => {
                let d = (b - a).to_degrees().rem_euclid(360.0);
                d.min(360.0 - d) > TURN_DEG
            }
            _ => false,
        })
        .count()
}

impl Drawn {
    /// Figures that every drawing has: ways, length, turns and time by aircraft.
    pub(in crate::cli) fn count(&mut self, a: &Plan) {
        let speed = a.speed.unwrap_or(PACE.0);
        let of = |k: usize| {
            let mine = || self.routes.iter().filter(move |r| r.aircraft == k);
            json!({
                "aircraft": k,
                "ways": mine().count(),
                "length_m": mine().map(Route::length_m).sum::<f64>(),
                "turns": mine().map(|r| turns(&r.places)).sum::<usize>(),
                "time_s": mine().map(|r| time_s(r, speed)).sum::<f64>(),
            })
        };
        let most = self.routes.iter().map(|r| r.aircraft).max().unwrap_or(0);
        let by_aircraft: Vec<Value> = (1..=most).map(of).collect();
        let length_m: f64 = self.routes.iter().map(Route::length_m).sum();
        let longest_s = by_aircraft
            .iter()
            .filter_map(|v| v.get("time_s").and_then(Value::as_f64))
            .fold(0.0, f64::max);
        let n: usize = self.routes.iter().map(|r| turns(&r.places)).sum();
        let mut put = |k: &str, v: Value| {
            self.figures.entry(k.to_owned()).or_insert(v);
        };
        put("flyable", false.into());
        put("pattern", a.pattern.text().into());
        put("routes", self.routes.len().into());
        put("length_m", length_m.into());
        put("turns", n.into());
        put("time_s", longest_s.into());
        // Flown again at once, the same ground is seen again after so long.
        put("revisit_s", longest_s.into());
        put("speed_mps", speed.into());
        if most > 1 {
            put("by_aircraft", by_aircraft.into());
        }
        // Geometry knows no battery: said, so that nobody takes a missing figure for a good one.
        put("energy_wh", Value::Null);
        if !self.figures.contains_key("time_said") {
            self.words.push(format!(
                "{:.1} min at {speed:.1} m/s for the longest flight, stopping at corners; energy is not known without --vehicle",
                longest_s / 60.0
            ));
        }
        self.figures.remove("time_said");
    }

    /// Writes the files and prints the figures.
    pub(super) fn finish(mut self, a: &Plan, json_asked: bool) -> anyhow::Result<ExitCode> {
        self.count(a);
        let out = &a.files.out;
        let bytes = self.encode(out, a.altitude)?;
        std::fs::write(out, bytes).with_context(|| format!("cannot write {}", out.display()))?;
        if let Some(path) = &a.files.draw {
            picture::write(&self.drawing(), path)?;
        }
        if json_asked {
            println!("{}", serde_json::to_string_pretty(&self.figures)?);
            return Ok(ExitCode::SUCCESS);
        }
        println!(
            "{} -> {} (geometry only, not to fly{})",
            self.name,
            out.display(),
            if a.pattern.of_a_graph() {
                ""
            } else {
                ": give --vehicle for a plan that flies"
            }
        );
        for w in &self.words {
            println!("  {w}");
        }
        for n in &self.notes {
            println!("  note: {n}");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The picture with ways and words on it.
    pub(in crate::cli) fn drawing(&self) -> Picture {
        let mut p = self.picture.clone();
        p.figures = self.words.clone();
        let many = self.routes.iter().any(|r| r.aircraft > 1);
        for (i, r) in self.routes.iter().enumerate() {
            let km = format!("{:.2} km", r.length_m() / 1000.0);
            p.tracks.push(Track {
                name: if many {
                    format!("{}: aircraft {}, {km}", i + 1, r.aircraft)
                } else if self.routes.len() > 1 {
                    format!("{}: way {}, {km}", i + 1, i + 1)
                } else {
                    format!("way, {km}")
                },
                places: r.places.clone(),
            });
        }
        p
    }

    /// What the file's ending asks for.
    pub(in crate::cli) fn encode(&self, out: &Path, altitude_m: f64) -> anyhow::Result<Vec<u8>> {
        match out.extension().and_then(|e| e.to_str()) {
            Some("json") => Ok(serde_json::to_vec_pretty(&self.json())?),
            Some("geojson") => self.geojson(),
            Some("plan") => self.qgc(altitude_m),
            _ => bail!(
                "{}: name the file *.geojson (a map), *.json or *.plan (QGroundControl)",
                out.display()
            ),
        }
    }

    fn json(&self) -> Value {
        let metres = |r: &Route| -> Vec<Value> {
            r.places
                .iter()
                .map(|p| json!([p.east_m, p.north_m]))
                .collect()
        };
        let mut out = json!({"flyable": false, "venue": self.name, "figures": self.figures});
        let key = match &self.plane {
            Some(plane) => {
                let lines: Vec<Vec<Value>> =
                    self.routes.iter().map(|r| degrees(plane, r)).collect();
                ("routes_lon_lat", json!(lines))
            }
            None => {
                let lines: Vec<Vec<Value>> = self.routes.iter().map(metres).collect();
                ("routes_east_north_m", json!(lines))
            }
        };
        let aircraft: Vec<usize> = self.routes.iter().map(|r| r.aircraft).collect();
        if let Some(o) = out.as_object_mut() {
            o.insert("aircraft_of_route".into(), json!(aircraft));
            o.insert(key.0.into(), key.1);
            if self.routes.iter().any(|r| !r.holds_s.is_empty()) {
                let holds: Vec<_> = self.routes.iter().map(|r| &r.holds_s).collect();
                o.insert("holds_s_by_place".into(), json!(holds));
            }
        }
        out
    }

    fn geojson(&self) -> anyhow::Result<Vec<u8>> {
        let plane = self.placed()?;
        let features: Vec<Value> = self
            .routes
            .iter()
            .enumerate()
            .map(|(i, r)| {
                let mut properties = self.figures.clone();
                properties.insert("route".into(), (i + 1).into());
                properties.insert("aircraft".into(), r.aircraft.into());
                json!({"type": "Feature", "properties": properties,
                    "geometry": {"type": "LineString", "coordinates": degrees(plane, r)}})
            })
            .collect();
        Ok(serde_json::to_vec(
            &json!({"type": "FeatureCollection", "name": self.name, "features": features}),
        )?)
    }

    fn qgc(&self, altitude_m: f64) -> anyhow::Result<Vec<u8>> {
        let plane = self.placed()?;
        let [route] = self.routes.as_slice() else {
            bail!(
                "there are {} ways, and a .plan holds one: write *.geojson",
                self.routes.len()
            );
        };
        let mission = route
            .places
            .iter()
            .enumerate()
            .map(|(i, p)| {
                let (lat, lon) = plane.to_degrees(*p);
                let hold_s = route.holds_s.iter().find(|h| h.0 == i).map_or(0.0, |h| h.1);
                RawItem {
                    frame: 3,
                    command: 16,
                    current: false,
                    autocontinue: true,
                    params: [hold_s, 0.0, 0.0, f64::NAN],
                    lat_deg_or_x: lat,
                    lon_deg_or_y: lon,
                    alt: altitude_m,
                }
            })
            .collect();
        Ok(write_plan(&Imported {
            mission,
            home: None,
            polygons: Vec::new(),
            circles: Vec::new(),
            breach_return: None,
            rally: Vec::new(),
            settings: PlanSettings::default(),
            notes: Vec::new(),
        })
        .into_bytes())
    }

    fn placed(&self) -> anyhow::Result<&LocalPlane> {
        self.plane.as_ref().context(
            "this graph is a floor map in metres with no place on the globe: write *.json, or a picture with --draw",
        )
    }
}

fn degrees(plane: &LocalPlane, r: &Route) -> Vec<Value> {
    r.places
        .iter()
        .map(|p| {
            let (lat, lon) = plane.to_degrees(*p);
            json!([lon, lat])
        })
        .collect()
}
