//! What a file said before its coordinates were put on the wire's grid of 1e-7 degrees.
//!
//! A plan that flies is made on the grid, as the autopilot will have it. A drawing is judged against the file, and half a
//! grid step (some 6 mm) of every corner is enough to close a gap of twice the margin's width, or to leave it open.

use crate::place::LatLon;
use crate::venue::{Shape, Venue};
use serde_json::Value;
use std::collections::BTreeMap;

/// `(lat, lon)` in degrees as the file says them.
type Ring = Vec<(f64, f64)>;

/// The outlines of a venue's zones in the file's own degrees, by the zone's id. Empty where the file keeps none, or its
/// places were moved from another datum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExactZones(BTreeMap<String, Vec<Ring>>);

impl ExactZones {
    /// The rings of a zone, the outer one first, corner by corner those of [`Shape`]; of a circle or a point, its one place.
    #[must_use]
    pub fn rings(&self, zone: &str) -> Option<&[Vec<(f64, f64)>]> {
        self.0.get(zone).map(Vec::as_slice)
    }

    /// Of a GeoJSON document that was read as `venue`. A zone whose corners are not the file's is left out.
    pub(super) fn of_geojson(root: &Value, venue: &Venue) -> Self {
        let mut shapes: Vec<Vec<Ring>> = Vec::new();
        match root.get("features").and_then(Value::as_array) {
            Some(features) => features.iter().for_each(|f| feature(f, &mut shapes)),
            None => feature(root, &mut shapes),
        }
        ExactZones(
            venue
                .zones
                .iter()
                .zip(shapes)
                .filter(|(z, rings)| same(&z.shape, rings))
                .map(|(z, rings)| (z.id.clone(), rings))
                .collect(),
        )
    }
}

/// As [`Venue::from_value`] goes through a feature: a zone a polygon, none a line.
fn feature(f: &Value, out: &mut Vec<Vec<Ring>>) {
    let geometry = f.get("geometry").filter(|g| !g.is_null()).unwrap_or(f);
    let none = Value::Null;
    let coordinates = geometry.get("coordinates").unwrap_or(&none);
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let polygon = |v: &Value| list(v).iter().map(ring).collect();
    match geometry.get("type").and_then(Value::as_str).unwrap_or("") {
        "Polygon" => out.push(polygon(coordinates)),
        "MultiPolygon" => out.extend(list(coordinates).iter().map(polygon)),
        "Point" => out.push(vec![vec![place(coordinates)]]),
        _ => {}
    }
}

fn ring(v: &Value) -> Ring {
    v.as_array().into_iter().flatten().map(place).collect()
}

fn place(v: &Value) -> (f64, f64) {
    let c = |k: usize| v.get(k).and_then(Value::as_f64).unwrap_or(f64::NAN);
    (c(1), c(0))
}

/// Whether these are the corners of the shape; drops the one that closes a ring, as the shape does.
fn same(shape: &Shape, rings: &[Ring]) -> bool {
    let on_grid = |ring: &Ring, corners: &[LatLon]| {
        ring.len() >= corners.len()
            && ring.len() <= corners.len() + 1
            && corners
                .iter()
                .zip(ring)
                .all(|(p, (lat, lon))| LatLon::from_degrees(*lat, *lon) == Ok(*p))
    };
    match shape {
        Shape::Polygon { outer, holes } => {
            rings.len() == 1 + holes.len()
                && std::iter::once(outer)
                    .chain(holes)
                    .zip(rings)
                    .all(|(corners, ring)| on_grid(ring, corners))
        }
        Shape::Circle { centre, .. } => {
            matches!(rings, [r] if on_grid(r, std::slice::from_ref(centre)))
        }
        Shape::Point(p) => matches!(rings, [r] if on_grid(r, std::slice::from_ref(p))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::import::import_venue;
    use crate::place::Datum;

    const TWO: &str = r#"{"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"id": "road"}, "geometry": {"type": "LineString", "coordinates": [[24.0, 60.0], [24.1, 60.0]]}},
        {"type": "Feature", "properties": {"role": "inclusion", "id": "park"}, "geometry": {"type": "MultiPolygon", "coordinates": [
            [[[24.12345671234, 60.0], [24.12345671235, 60.001], [24.2, 60.1], [24.12345671234, 60.0]]],
            [[[25.0, 60.0], [25.1, 60.0], [25.1, 60.1], [25.0, 60.0]]]]}},
        {"type": "Feature", "properties": {"role": "exclusion", "id": "pond", "radius": 20}, "geometry": {"type": "Point", "coordinates": [24.15000000049, 60.01]}}
    ]}"#;

    #[test]
    fn every_corner_stands_as_the_file_says_it() {
        let got = import_venue("two.geojson", TWO.as_bytes(), None).unwrap();
        let park = got.exact.rings("park").unwrap();
        assert_eq!(park[0][0], (60.0, 24.123_456_712_34));
        assert_eq!(park[0][1], (60.001, 24.123_456_712_35));
        assert_eq!(got.exact.rings("park/1").unwrap()[0][1], (60.0, 25.1));
        assert_eq!(
            got.exact.rings("pond").unwrap()[0][0],
            (60.01, 24.150_000_000_49)
        );
        assert_eq!(got.exact.rings("road"), None);
    }

    #[test]
    fn places_that_were_moved_from_another_datum_are_not_the_files() {
        let got = import_venue("two.geojson", TWO.as_bytes(), Some(Datum::Gcj02)).unwrap();
        assert_eq!(got.exact, ExactZones::default());
    }
}
