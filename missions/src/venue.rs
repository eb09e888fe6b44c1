//! A venue: the places an event is made of, as an officer drew them.
//!
//! Read from GeoJSON (RFC 7946) with our foreign members. A venue only says what was drawn; whether it can be flown
//! is decided by [`crate::fence`].

use crate::place::{AboveGround, AboveHome, Alt, Amsl, BadPlace, Datum, LatLon};
use crate::plane::{EastNorth, LocalPlane};
use crate::terrain::{Bounds, Terrain, TerrainError, Tile};
use crate::time::{Utc, Window};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

/// What a zone is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The patrol's boundary: fly inside.
    Inclusion,
    /// Keep out.
    Exclusion,
    /// The light show's box: keep out while it is on.
    Show,
    /// People assemble here: no landing, no loiter, no overflight without a permit.
    Crowd,
    /// Nobody may be here: a warm body is an anomaly.
    WatchZone,
    /// Cameras must not look here.
    NoLook,
    /// Take-off site; also a landing site.
    Launch,
    /// Alternate landing site.
    Landing,
}

impl Role {
    /// From a `role` property. Anything that speaks of keeping out is an exclusion, anything unknown an inclusion, as
    /// the neutral judge of plans reads venues.
    #[must_use]
    pub fn from_text(text: &str) -> Role {
        let t = text.trim().to_lowercase().replace(['-', ' '], "_");
        match t.as_str() {
            "inclusion" => Role::Inclusion,
            "exclusion" => Role::Exclusion,
            "show" => Role::Show,
            "crowd" => Role::Crowd,
            "watch_zone" => Role::WatchZone,
            "no_look" => Role::NoLook,
            "launch" => Role::Launch,
            "landing" | "rally" => Role::Landing,
            _ => {
                const KEEP_OUT: [&str; 7] = [
                    "excl", "no_fly", "nofly", "nfz", "keep_out", "obstacle", "restrict",
                ];
                if KEEP_OUT.iter().any(|k| t.contains(k))
                    || t == "hole"
                    || t == "holes"
                    || t == "keepout"
                {
                    Role::Exclusion
                } else {
                    Role::Inclusion
                }
            }
        }
    }

    /// The word in files.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Role::Inclusion => "inclusion",
            Role::Exclusion => "exclusion",
            Role::Show => "show",
            Role::Crowd => "crowd",
            Role::WatchZone => "watch_zone",
            Role::NoLook => "no_look",
            Role::Launch => "launch",
            Role::Landing => "landing",
        }
    }
}

/// An outline on the ground. Rings are not closed (the first vertex is not repeated).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A polygon with holes.
    Polygon {
        /// Outer ring.
        outer: Vec<LatLon>,
        /// Holes.
        holes: Vec<Vec<LatLon>>,
    },
    /// A circle.
    Circle {
        /// Centre.
        centre: LatLon,
        /// Radius, metres.
        radius_m: f64,
    },
    /// A site.
    Point(LatLon),
}

/// A floor or ceiling in the frame it was drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", content = "metres", rename_all = "snake_case")]
pub enum Limit {
    /// Above mean sea level.
    Amsl(Alt<Amsl>),
    /// Above the home position.
    AboveHome(Alt<AboveHome>),
    /// Above the ground below.
    AboveGround(Alt<AboveGround>),
}

/// One drawn thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// Id, unique in the venue.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Where.
    pub shape: Shape,
    /// Lowest height it is about; `None` is the ground.
    pub floor: Option<Limit>,
    /// Highest height it is about; `None` is the sky.
    pub ceiling: Option<Limit>,
    /// When it is in force; `None` is always.
    pub window: Option<Window>,
}

/// What is known of the ground.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Flat, at this height.
    Flat(Alt<Amsl>),
    /// By heights cut out of elevation tiles.
    Terrain(Box<Terrain>),
    /// Not stated.
    Unknown,
}

impl Ground {
    /// Height of the ground at a place; `None` where it is not known.
    #[must_use]
    pub fn height_at(&self, at: LatLon) -> Option<Alt<Amsl>> {
        match self {
            Ground::Flat(h) => Some(*h),
            Ground::Terrain(t) => Alt::from_metres(t.height_m(at)?).ok(),
            Ground::Unknown => None,
        }
    }
}

/// A venue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Venue {
    /// Name for people.
    pub name: String,
    /// Datum of all its coordinates, as stated in the file.
    pub datum: Datum,
    /// The ground.
    pub ground: Ground,
    /// Everything drawn.
    pub zones: Vec<Zone>,
    /// Remarks of the file.
    pub notes: String,
}

/// Why a file is no venue. Every variant names the feature at fault.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum VenueError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON of another kind.
    #[error("not a GeoJSON FeatureCollection, Feature or geometry: {0}")]
    NotGeoJson(String),
    /// A coordinate that is no place.
    #[error("feature {feature}: vertex {vertex}: {source}")]
    Place {
        /// Id or index of the feature.
        feature: String,
        /// Vertex index.
        vertex: usize,
        /// What is wrong.
        source: BadPlace,
    },
    /// A time that is none.
    #[error(
        "feature {feature}: `{text}` is not a time: write it as RFC 3339, for example 2026-10-01T20:00:00+08:00"
    )]
    Time {
        /// Id or index of the feature.
        feature: String,
        /// What stands there.
        text: String,
    },
    /// Another property that cannot be read.
    #[error("feature {feature}: {what}")]
    Feature {
        /// Id or index of the feature.
        feature: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// Two zones with one id.
    #[error("two features have the id `{0}`; give each its own")]
    SameId(String),
}

impl Venue {
    /// The demonstration venue over the Sixi River at Wencheng.
    ///
    /// # Panics
    /// Never: a test reads the embedded file.
    #[must_use]
    pub fn sixi_river() -> Venue {
        Venue::from_geojson(SIXI_RIVER).unwrap_or(Venue {
            name: String::new(),
            datum: Datum::Unknown,
            ground: Ground::Unknown,
            zones: Vec::new(),
            notes: String::new(),
        })
    }

    /// Takes the ground from elevation tiles: the posts around everything drawn are cut out and stay with the venue.
    /// What it said about flat ground is dropped.
    ///
    /// # Errors
    /// [`TerrainError`].
    pub fn set_terrain(&mut self, tiles: &[Tile<'_>]) -> Result<(), TerrainError> {
        let drawn = self.zones.iter().flat_map(|z| z.shape.extent());
        let area = Bounds::around(drawn)
            .ok_or(TerrainError::Damaged("the venue has no zone to cut it for"))?;
        self.ground = Ground::Terrain(Box::new(Terrain::cut_out(tiles, area)?));
        Ok(())
    }

    /// Zones of one role, in file order.
    pub fn zones_of(&self, role: Role) -> impl Iterator<Item = &Zone> {
        self.zones.iter().filter(move |z| z.role == role)
    }

    /// The site where flights start: the first launch zone's middle.
    #[must_use]
    pub fn launch_site(&self) -> Option<LatLon> {
        self.zones_of(Role::Launch).find_map(|z| z.shape.middle())
    }

    /// Launch and landing sites with their ids.
    #[must_use]
    pub fn landing_sites(&self) -> Vec<(String, LatLon)> {
        self.zones
            .iter()
            .filter(|z| matches!(z.role, Role::Launch | Role::Landing))
            .filter_map(|z| Some((z.id.clone(), z.shape.middle()?)))
            .collect()
    }

    /// Reads GeoJSON.
    ///
    /// # Errors
    /// [`VenueError`] names the feature and the fault.
    pub fn from_geojson(text: &str) -> Result<Venue, VenueError> {
        let root: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|e| VenueError::NotJson(e.to_string()))?;
        Venue::from_value(&root)
    }

    /// Reads GeoJSON that is already parsed.
    ///
    /// # Errors
    /// [`VenueError`].
    pub fn from_value(root: &Value) -> Result<Venue, VenueError> {
        let kind = root.get("type").and_then(Value::as_str).unwrap_or("");
        let features: Vec<&Value> = match kind {
            "FeatureCollection" => root
                .get("features")
                .and_then(Value::as_array)
                .ok_or_else(|| VenueError::NotGeoJson("`features` is missing".into()))?
                .iter()
                .collect(),
            "Feature" | "Polygon" | "MultiPolygon" | "Point" => vec![root],
            other => return Err(VenueError::NotGeoJson(format!("type is `{other}`"))),
        };
        let text = |k: &str| root.get(k).and_then(Value::as_str).unwrap_or("").to_owned();
        let datum = match root
            .get("datum")
            .and_then(Value::as_str)
            .map(str::to_uppercase)
            .as_deref()
        {
            Some("WGS-84" | "WGS84" | "EPSG:4326") => Datum::Wgs84,
            Some("GCJ-02" | "GCJ02") => Datum::Gcj02,
            Some("BD-09" | "BD09") => Datum::Bd09,
            _ => Datum::Unknown,
        };
        let flat = root
            .get("flat_ground")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let ground = match root.get("ground_amsl_m").and_then(Value::as_f64) {
            Some(h) if flat => Ground::Flat(
                Alt::from_metres(h)
                    .map_err(|e| VenueError::NotGeoJson(format!("ground_amsl_m: {e}")))?,
            ),
            _ => Ground::Unknown,
        };
        let ground = match root.get("terrain") {
            None | Some(Value::Null) => ground,
            Some(_) if ground != Ground::Unknown => {
                return Err(VenueError::NotGeoJson(
                    "`flat_ground` and `terrain` contradict each other; keep one".into(),
                ));
            }
            Some(t) => Ground::Terrain(Box::new(
                Terrain::deserialize(t)
                    .map_err(|e| VenueError::NotGeoJson(format!("terrain: {e}")))?,
            )),
        };
        let mut zones: Vec<Zone> = Vec::new();
        for (index, f) in features.into_iter().enumerate() {
            read_feature(index, f, &mut zones)?;
        }
        for (i, z) in zones.iter().enumerate() {
            if zones.iter().take(i).any(|o| o.id == z.id) {
                return Err(VenueError::SameId(z.id.clone()));
            }
        }
        Ok(Venue {
            name: text("name"),
            datum,
            ground,
            zones,
            notes: text("notes"),
        })
    }

    /// As GeoJSON, readable by [`Venue::from_geojson`] without loss.
    #[must_use]
    pub fn to_geojson(&self) -> String {
        serde_json::to_string_pretty(&self.to_value()).unwrap_or_default()
    }

    /// As a GeoJSON value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut root = Map::new();
        root.insert("type".into(), json!("FeatureCollection"));
        root.insert("name".into(), json!(self.name));
        let datum = match self.datum {
            Datum::Wgs84 => "WGS-84",
            Datum::Gcj02 => "GCJ-02",
            Datum::Bd09 => "BD-09",
            Datum::Unknown => "unknown",
        };
        root.insert("datum".into(), json!(datum));
        match &self.ground {
            Ground::Flat(h) => {
                root.insert("flat_ground".into(), json!(true));
                root.insert("ground_amsl_m".into(), json!(h.metres()));
            }
            Ground::Terrain(t) => {
                root.insert("terrain".into(), json!(t));
            }
            Ground::Unknown => {}
        }
        root.insert("notes".into(), json!(self.notes));
        root.insert(
            "features".into(),
            Value::Array(self.zones.iter().map(write_zone).collect()),
        );
        Value::Object(root)
    }
}

const SIXI_RIVER: &str = include_str!("../venues/sixi-river.geojson");

impl Shape {
    /// Places between which it lies: its corners, or a circle's outermost points.
    #[must_use]
    pub fn extent(&self) -> Vec<LatLon> {
        match self {
            Shape::Point(p) => vec![*p],
            Shape::Polygon { outer, .. } => outer.clone(),
            Shape::Circle { centre, radius_m } => {
                let plane = LocalPlane::new(*centre);
                [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
                    .into_iter()
                    .filter_map(|(e, n)| {
                        plane.to_latlon(EastNorth::new(e * radius_m, n * radius_m))
                    })
                    .collect()
            }
        }
    }

    /// A point in the middle: the site itself, a circle's centre, a polygon's mean vertex.
    #[must_use]
    pub fn middle(&self) -> Option<LatLon> {
        match self {
            Shape::Point(p) => Some(*p),
            Shape::Circle { centre, .. } => Some(*centre),
            Shape::Polygon { outer, .. } => {
                let n = outer.len() as f64;
                let lat = outer.iter().map(|p| p.lat_deg()).sum::<f64>() / n;
                let lon = outer.iter().map(|p| p.lon_deg()).sum::<f64>() / n;
                LatLon::from_degrees(lat, lon).ok()
            }
        }
    }
}

fn read_feature(index: usize, f: &Value, zones: &mut Vec<Zone>) -> Result<(), VenueError> {
    let none = Value::Null;
    let (geometry, props) = if f.get("type").and_then(Value::as_str) == Some("Feature") {
        (
            f.get("geometry").unwrap_or(&none),
            f.get("properties").unwrap_or(&none),
        )
    } else {
        (f, &none)
    };
    let prop = |k: &str| props.get(k).and_then(Value::as_str);
    let id = prop("id")
        .map(str::to_owned)
        .or_else(|| {
            f.get("id")
                .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        })
        .unwrap_or_else(|| format!("feature-{index}"));
    let fault = |what: &str| VenueError::Feature {
        feature: id.clone(),
        what: what.to_owned(),
    };
    let role = if props.get("inclusion").and_then(Value::as_bool) == Some(false) {
        Role::Exclusion
    } else {
        Role::from_text(
            ["role", "type", "kind", "fence", "zone"]
                .iter()
                .find_map(|k| prop(k))
                .unwrap_or(""),
        )
    };
    let number = |k: &str| match props.get(k) {
        None | Some(Value::Null) => Ok(None),
        Some(v) => v
            .as_f64()
            .map(Some)
            .ok_or_else(|| fault(&format!("{k} is not a number"))),
    };
    let limit = |k: &str| -> Result<Option<Limit>, VenueError> {
        let Some(m) = number(k)? else { return Ok(None) };
        let bad = |e: BadPlace| fault(&format!("{k}: {e}"));
        Ok(Some(match prop("limit_frame") {
            Some("amsl") => Limit::Amsl(Alt::from_metres(m).map_err(bad)?),
            Some("above_home") => Limit::AboveHome(Alt::from_metres(m).map_err(bad)?),
            Some("above_ground") => Limit::AboveGround(Alt::from_metres(m).map_err(bad)?),
            _ => {
                return Err(fault(&format!(
                    "{k} is given, but limit_frame is none of amsl, above_home, above_ground"
                )));
            }
        }))
    };
    let (floor, ceiling) = (limit("floor_m")?, limit("ceiling_m")?);
    let time = |k: &str| {
        prop(k)
            .map(|t| {
                Utc::from_rfc3339(t).ok_or_else(|| VenueError::Time {
                    feature: id.clone(),
                    text: t.to_owned(),
                })
            })
            .transpose()
    };
    let window = match (time("from")?, time("until")?) {
        (None, None) => None,
        (from, until) => {
            let w = Window {
                from: from.unwrap_or(Utc(i64::MIN)),
                until: until.unwrap_or(Utc(i64::MAX)),
            };
            if w.until <= w.from {
                return Err(fault("`until` is not after `from`"));
            }
            Some(w)
        }
    };
    let name = prop("name").map_or_else(|| id.clone(), str::to_owned);
    let mut push = |id: String, shape: Shape| {
        zones.push(Zone {
            id,
            name: name.clone(),
            role,
            shape,
            floor,
            ceiling,
            window,
        });
    };
    match geometry.get("type").and_then(Value::as_str).unwrap_or("") {
        "Polygon" => push(
            id.clone(),
            read_polygon(&id, geometry.get("coordinates").unwrap_or(&none))?,
        ),
        "MultiPolygon" => {
            let polygons = geometry
                .get("coordinates")
                .and_then(Value::as_array)
                .ok_or_else(|| fault("no coordinates"))?;
            for (k, p) in polygons.iter().enumerate() {
                let id = if k == 0 {
                    id.clone()
                } else {
                    format!("{id}/{k}")
                };
                let shape = read_polygon(&id, p)?;
                push(id, shape);
            }
        }
        "Point" => {
            let at = read_position(&id, 0, geometry.get("coordinates").unwrap_or(&none))?;
            match number("radius_m")?.or(number("radius")?) {
                Some(r) if r.is_finite() && r > 0.0 => push(
                    id.clone(),
                    Shape::Circle {
                        centre: at,
                        radius_m: r,
                    },
                ),
                Some(r) => return Err(fault(&format!("radius {r} m is not positive"))),
                None => push(id.clone(), Shape::Point(at)),
            }
        }
        "LineString" | "MultiLineString" => {}
        other => {
            return Err(fault(&format!(
                "geometry type `{other}` is not used here; draw a Polygon or a Point"
            )));
        }
    }
    Ok(())
}

fn read_position(feature: &str, vertex: usize, v: &Value) -> Result<LatLon, VenueError> {
    let c = |i: usize| v.get(i).and_then(Value::as_f64).unwrap_or(f64::NAN);
    LatLon::from_degrees(c(1), c(0)).map_err(|source| VenueError::Place {
        feature: feature.to_owned(),
        vertex,
        source,
    })
}

fn read_polygon(feature: &str, v: &Value) -> Result<Shape, VenueError> {
    let fault = |what: &str| VenueError::Feature {
        feature: feature.to_owned(),
        what: what.to_owned(),
    };
    let rings = v
        .as_array()
        .ok_or_else(|| fault("a polygon without rings"))?;
    let mut out: Vec<Vec<LatLon>> = Vec::new();
    for ring in rings {
        let ring = ring
            .as_array()
            .ok_or_else(|| fault("a ring that is not a list"))?;
        let mut r = Vec::with_capacity(ring.len());
        for (i, p) in ring.iter().enumerate() {
            r.push(read_position(feature, i, p)?);
        }
        if r.len() > 1 && r.first() == r.last() {
            r.pop();
        }
        out.push(r);
    }
    if out.is_empty() {
        return Err(fault("a polygon without rings"));
    }
    let outer = out.remove(0);
    Ok(Shape::Polygon { outer, holes: out })
}

fn write_zone(z: &Zone) -> Value {
    let position = |p: &LatLon| json!([p.lon_deg(), p.lat_deg()]);
    let ring = |r: &Vec<LatLon>| Value::Array(r.iter().chain(r.first()).map(position).collect());
    let mut props = Map::new();
    props.insert("role".into(), json!(z.role.text()));
    props.insert("id".into(), json!(z.id));
    props.insert("name".into(), json!(z.name));
    let mut frame = None;
    for (key, limit) in [("floor_m", z.floor), ("ceiling_m", z.ceiling)] {
        let Some(limit) = limit else { continue };
        let (word, metres) = match limit {
            Limit::Amsl(a) => ("amsl", a.metres()),
            Limit::AboveHome(a) => ("above_home", a.metres()),
            Limit::AboveGround(a) => ("above_ground", a.metres()),
        };
        props.insert(key.into(), json!(metres));
        frame = Some(word);
    }
    if let Some(frame) = frame {
        props.insert("limit_frame".into(), json!(frame));
    }
    if let Some(w) = z.window {
        if w.from.0 != i64::MIN {
            props.insert("from".into(), json!(w.from.to_rfc3339()));
        }
        if w.until.0 != i64::MAX {
            props.insert("until".into(), json!(w.until.to_rfc3339()));
        }
    }
    let geometry = match &z.shape {
        Shape::Polygon { outer, holes } => {
            let rings: Vec<Value> = std::iter::once(outer).chain(holes).map(ring).collect();
            json!({"type": "Polygon", "coordinates": rings})
        }
        Shape::Circle { centre, radius_m } => {
            props.insert("radius_m".into(), json!(radius_m));
            json!({"type": "Point", "coordinates": position(centre)})
        }
        Shape::Point(p) => json!({"type": "Point", "coordinates": position(p)}),
    };
    json!({"type": "Feature", "properties": props, "geometry": geometry})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_venue_is_read_and_written_without_loss() {
        let v = Venue::sixi_river();
        assert_eq!(v.datum, Datum::Wgs84);
        assert!(matches!(v.ground, Ground::Flat(_)));
        for role in [
            Role::Inclusion,
            Role::Exclusion,
            Role::Show,
            Role::Crowd,
            Role::WatchZone,
            Role::NoLook,
            Role::Launch,
            Role::Landing,
        ] {
            assert!(v.zones_of(role).next().is_some(), "no {role:?}");
        }
        assert!(v.notes.contains("demonstration"));
        assert_eq!(Venue::from_geojson(&v.to_geojson()).unwrap(), v);
    }

    #[test]
    fn swapped_latitude_and_longitude_are_named_with_feature_and_vertex() {
        let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"bank"},"geometry":{"type":"Polygon","coordinates":[[[27.7,120.0],[27.8,120.0],[27.8,120.1]]]}}]}"#;
        let e = Venue::from_geojson(text).unwrap_err().to_string();
        assert!(
            e.contains("bank") && e.contains("vertex 0") && e.contains("swapped"),
            "{e}"
        );
    }

    #[test]
    fn a_height_without_its_frame_is_refused() {
        let text = r#"{"type":"Feature","properties":{"id":"x","ceiling_m":120},"geometry":{"type":"Point","coordinates":[120.0,27.7]}}"#;
        let e = Venue::from_geojson(text).unwrap_err().to_string();
        assert!(e.contains("limit_frame"), "{e}");
    }
}
