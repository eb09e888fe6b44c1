//! UAS geographical zones as authorities publish them: EUROCAE ED-269 (2020, JSON of the "UAS zone" data model, with a
//! list of volumes a zone) and EUROCAE ED-318 (2024, GeoJSON with `layer` and `extent`, §4.2.3).
//!
//! Every zone but NO_RESTRICTION becomes a keep-out, whatever its conditions: whether an officer fulfils them is not
//! known here. Zones have no boundary to fly in; [`super::ImportedVenue::add_to`] puts them into a venue that has.

use super::geozone_parts::{Bound, describe, limits, metres_in, window};
use super::{
    ExactZones, Fault, ImportError, MAX_ZONES, NoteCode, Notes, Read, VenueKind, make_ids_unique,
};
use crate::place::{Datum, LatLon};
use crate::time::Window;
use crate::venue::{Ground, Limit, Role, Shape, Venue, Zone};
use serde_json::Value;

/// Deepest geometry collections.
const MAX_DEPTH: usize = 4;

/// The list of zones of ED-269: `UASZoneList` in the published text, `features` in its drafts (with a list of volumes
/// where GeoJSON has a geometry).
fn ed269_list(root: &Value) -> Option<(&'static str, &Vec<Value>)> {
    if let Some(list) = root.get("UASZoneList").and_then(Value::as_array) {
        return Some(("UASZoneList", list));
    }
    let list = root.get("features").and_then(Value::as_array)?;
    list.iter()
        .any(|f| f.get("geometry").is_some_and(Value::is_array))
        .then_some(("features", list))
}

/// Whether it is ED-269.
pub(super) fn is_ed269(root: &Value) -> bool {
    ed269_list(root).is_some()
}

/// Whether it is ED-318: GeoJSON whose features have zone properties, or whose geometries have layers.
pub(super) fn is_ed318(root: &Value) -> bool {
    fn layered(g: &Value, depth: usize) -> bool {
        g.get("layer").is_some()
            || g.get("extent").is_some()
            || (depth < MAX_DEPTH
                && g.get("geometries")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .any(|g| layered(g, depth + 1)))
    }
    let zone = |f: &Value| {
        f.get("geometry").is_some_and(|g| layered(g, 0))
            || f.get("properties")
                .is_some_and(|p| p.get("identifier").is_some() && p.get("variant").is_some())
    };
    match root.get("features").and_then(Value::as_array) {
        Some(list) => list.iter().any(zone),
        None => zone(root),
    }
}

/// Reads ED-269.
pub(super) fn read_ed269(root: &Value) -> Result<Read, ImportError> {
    let mut out = Zones::default();
    let (key, list) = ed269_list(root)
        .ok_or_else(|| ImportError::new(Fault::Malformed, "UASZoneList", "is no list"))?;
    for (i, zone) in list.iter().enumerate() {
        let place = format!("{key}[{i}]");
        let restriction = word(zone, "restriction").unwrap_or("restriction not stated");
        let Some(head) = out.head(
            zone,
            zone.get("applicability"),
            "applicability",
            restriction,
            &place,
        )?
        else {
            continue;
        };
        let volumes = zone
            .get("geometry")
            .and_then(Value::as_array)
            .filter(|v| !v.is_empty())
            .ok_or_else(|| missing(format!("{place}.geometry"), "a list of volumes"))?;
        for (k, volume) in volumes.iter().enumerate() {
            let place = format!("{place}.geometry[{k}]");
            out.ed269_volume(&head, volume, &place)?;
        }
    }
    Ok(out.done(VenueKind::Ed269, root))
}

/// Reads ED-318.
pub(super) fn read_ed318(root: &Value) -> Result<Read, ImportError> {
    let mut out = Zones::default();
    let list: Vec<&Value> = match root.get("features").and_then(Value::as_array) {
        Some(list) => list.iter().collect(),
        None => vec![root],
    };
    for (i, f) in list.into_iter().enumerate() {
        let place = format!("features[{i}]");
        let zone = f
            .get("properties")
            .ok_or_else(|| missing(format!("{place}.properties"), "the zone"))?;
        let restriction = word(zone, "type").unwrap_or("restriction not stated");
        let periods = zone.get("limitedApplicability");
        let Some(head) = out.head(
            zone,
            periods,
            "properties.limitedApplicability",
            restriction,
            &place,
        )?
        else {
            continue;
        };
        let geometry = f
            .get("geometry")
            .ok_or_else(|| missing(format!("{place}.geometry"), "a geometry"))?;
        out.ed318_geometry(&head, geometry, &format!("{place}.geometry"), 0)?;
    }
    Ok(out.done(VenueKind::Ed318, root))
}

/// What all volumes of a zone share.
struct Head {
    id: String,
    name: String,
    window: Option<Window>,
}

#[derive(Default)]
struct Zones {
    zones: Vec<Zone>,
    notes: Notes,
}

impl Zones {
    /// `None` for a zone that restricts nothing.
    fn head(
        &mut self,
        zone: &Value,
        periods: Option<&Value>,
        periods_key: &str,
        restriction: &str,
        place: &str,
    ) -> Result<Option<Head>, ImportError> {
        let id = word(zone, "identifier")
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .ok_or_else(|| missing(format!("{place}.identifier"), "the zone's identifier"))?;
        let id: String = id.chars().take(60).collect();
        if restriction == "NO_RESTRICTION" {
            self.notes.add(
                NoteCode::LeftOut,
                id,
                "restricts nothing (NO_RESTRICTION): left out",
            );
            return Ok(None);
        }
        let restriction: String = restriction.chars().take(40).collect();
        let window = window(
            periods,
            &format!("{place}.{periods_key}"),
            &id,
            &mut self.notes,
        )?;
        let name = describe(zone, &id, &restriction, &mut self.notes);
        Ok(Some(Head { id, name, window }))
    }

    fn ed269_volume(
        &mut self,
        head: &Head,
        volume: &Value,
        place: &str,
    ) -> Result<(), ImportError> {
        let unit_m = metres_in(
            volume.get("uomDimensions"),
            &format!("{place}.uomDimensions"),
        )?;
        let bound = |value: &str, reference: &str| Bound {
            value: volume.get(value),
            reference: volume.get(reference),
            unit_m,
            place: format!("{place}.{value}"),
        };
        let heights = limits(
            bound("lowerLimit", "lowerVerticalReference"),
            bound("upperLimit", "upperVerticalReference"),
            &head.id,
            &mut self.notes,
        )?;
        let key = format!("{place}.horizontalProjection");
        let area = volume
            .get("horizontalProjection")
            .ok_or_else(|| missing(&*key, "an area"))?;
        let shape = match word(area, "type") {
            Some("Circle") => {
                // Publishers differ on whether the radius is in `uomDimensions` too; metres is the larger reading.
                if unit_m != 1.0 {
                    self.notes.add(
                        NoteCode::Remark,
                        &head.id,
                        "its heights are in feet; its radius was read as metres, which is the larger area",
                    );
                }
                Shape::Circle {
                    centre: position(area.get("center"), &format!("{key}.center"))?,
                    radius_m: radius(area.get("radius"), &format!("{key}.radius"))?,
                }
            }
            Some("Polygon") => polygon(area.get("coordinates"), &format!("{key}.coordinates"))?,
            other => {
                return Err(ImportError::new(
                    Fault::Value,
                    format!("{key}.type"),
                    format!(
                        "`{}` is neither Circle nor Polygon",
                        super::shorten(other.unwrap_or("not stated"))
                    ),
                ));
            }
        };
        self.push(head, shape, heights, place)
    }

    fn ed318_geometry(
        &mut self,
        head: &Head,
        g: &Value,
        place: &str,
        depth: usize,
    ) -> Result<(), ImportError> {
        let kind = word(g, "type").unwrap_or("");
        if kind == "GeometryCollection" {
            if depth >= MAX_DEPTH {
                return Err(ImportError::new(
                    Fault::TooLarge,
                    place,
                    format!("collections more than {MAX_DEPTH} deep"),
                ));
            }
            let parts = g
                .get("geometries")
                .and_then(Value::as_array)
                .filter(|a| !a.is_empty())
                .ok_or_else(|| missing(format!("{place}.geometries"), "a list of geometries"))?;
            for (k, part) in parts.iter().enumerate() {
                self.ed318_geometry(head, part, &format!("{place}.geometries[{k}]"), depth + 1)?;
            }
            return Ok(());
        }
        let heights = match g.get("layer").filter(|l| !l.is_null()) {
            None => (None, None),
            Some(layer) => {
                let unit_m = metres_in(layer.get("uom"), &format!("{place}.layer.uom"))?;
                let bound = |value: &str, reference: &str| Bound {
                    value: layer.get(value),
                    reference: layer.get(reference),
                    unit_m,
                    place: format!("{place}.layer.{value}"),
                };
                limits(
                    bound("lower", "lowerReference"),
                    bound("upper", "upperReference"),
                    &head.id,
                    &mut self.notes,
                )?
            }
        };
        let key = format!("{place}.coordinates");
        let coordinates = g.get("coordinates");
        match kind {
            "Polygon" => self.push(head, polygon(coordinates, &key)?, heights, place),
            "MultiPolygon" => {
                let list = coordinates
                    .and_then(Value::as_array)
                    .filter(|a| !a.is_empty())
                    .ok_or_else(|| missing(&*key, "polygons"))?;
                for (k, p) in list.iter().enumerate() {
                    let shape = polygon(Some(p), &format!("{key}[{k}]"))?;
                    self.push(head, shape, heights, place)?;
                }
                Ok(())
            }
            "Point" => {
                let extent = g.get("extent").unwrap_or(&Value::Null);
                if word(extent, "subType") != Some("Circle") {
                    return Err(ImportError::new(
                        Fault::Value,
                        format!("{place}.extent"),
                        "a point without a circle around it is no area; give it its extent and radius",
                    ));
                }
                // ED-318 §4.2.3.1: metres, whatever the layer's unit.
                let shape = Shape::Circle {
                    centre: position(coordinates, &key)?,
                    radius_m: radius(extent.get("radius"), &format!("{place}.extent.radius"))?,
                };
                self.push(head, shape, heights, place)
            }
            other => Err(ImportError::new(
                Fault::Value,
                format!("{place}.type"),
                format!(
                    "`{}` is no area; a zone takes Polygon, MultiPolygon or Point with an extent",
                    super::shorten(other)
                ),
            )),
        }
    }

    fn push(
        &mut self,
        head: &Head,
        shape: Shape,
        (floor, ceiling): (Option<Limit>, Option<Limit>),
        place: &str,
    ) -> Result<(), ImportError> {
        if self.zones.len() >= MAX_ZONES {
            return Err(ImportError::new(
                Fault::TooLarge,
                place,
                format!("more than {MAX_ZONES} zones: cut the file down to the region"),
            ));
        }
        self.zones.push(Zone {
            id: head.id.clone(),
            name: head.name.clone(),
            role: Role::Exclusion,
            shape,
            floor,
            ceiling,
            window: head.window,
        });
        Ok(())
    }

    fn done(mut self, kind: VenueKind, root: &Value) -> Read {
        make_ids_unique(&mut self.zones);
        let name = word(root, "name").or(word(root, "title")).unwrap_or("");
        Read {
            kind,
            venue: Venue {
                name: name.chars().take(120).collect(),
                datum: Datum::Unknown,
                ground: Ground::Unknown,
                zones: self.zones,
                notes: String::new(),
            },
            lines: Vec::new(),
            notes: self.notes,
            exact: ExactZones::default(),
        }
    }
}

fn word<'a>(v: &'a Value, key: &str) -> Option<&'a str> {
    v.get(key).and_then(Value::as_str)
}

fn missing(place: impl Into<String>, what: &str) -> ImportError {
    ImportError::new(
        Fault::Malformed,
        place,
        format!("{what} is missing: ask the publisher for a whole file"),
    )
}

fn radius(v: Option<&Value>, place: &str) -> Result<f64, ImportError> {
    v.and_then(|v| v.as_f64().or_else(|| v.as_str()?.trim().parse().ok()))
        .filter(|r| r.is_finite() && *r > 0.0)
        .ok_or_else(|| ImportError::new(Fault::Value, place, "is no radius above 0"))
}

fn position(v: Option<&Value>, place: &str) -> Result<LatLon, ImportError> {
    let c = |i: usize| {
        v.and_then(|v| v.get(i))
            .and_then(Value::as_f64)
            .unwrap_or(f64::NAN)
    };
    LatLon::from_degrees(c(1), c(0))
        .map_err(|e| ImportError::new(Fault::Coordinate, place, e.to_string()))
}

fn polygon(v: Option<&Value>, place: &str) -> Result<Shape, ImportError> {
    let rings = v
        .and_then(Value::as_array)
        .ok_or_else(|| missing(place, "a list of rings"))?;
    let mut out: Vec<Vec<LatLon>> = Vec::new();
    for (i, ring) in rings.iter().enumerate() {
        let place = format!("{place}[{i}]");
        let ring = ring
            .as_array()
            .ok_or_else(|| missing(&*place, "a list of corners"))?;
        let mut r = Vec::new();
        for (k, p) in ring.iter().enumerate() {
            r.push(position(Some(p), &format!("{place}[{k}]"))?);
        }
        if r.len() > 1 && r.first() == r.last() {
            r.pop();
        }
        out.push(r);
    }
    if out.is_empty() {
        return Err(missing(place, "a ring"));
    }
    let outer = out.remove(0);
    Ok(Shape::Polygon { outer, holes: out })
}
