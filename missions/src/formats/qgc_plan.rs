//! QGroundControl's `.plan`, version 1 with mission version 2, fence version 2 and rally version 2.
//!
//! <https://docs.qgroundcontrol.com/master/en/qgc-dev-guide/file_formats/plan.html>. Complex items (surveys) are read as
//! the simple items they hold expanded. What QGroundControl only needs to draw (`AltitudeMode` and the like) is not kept.

use super::{
    FenceCircle, FencePolygon, FormatError, Imported, MAX_ITEMS, PlanSettings, RallyPoint, RawItem,
    resolve_jumps, split_lists,
};
use crate::place::{Alt, Home, LatLon};
use serde_json::{Map, Value, json};

/// Deepest nesting of complex items.
const MAX_DEPTH: usize = 8;

/// Reads the parsed JSON.
pub(super) fn read(root: &Value) -> Result<Imported, FormatError> {
    match root.get("fileType").and_then(Value::as_str) {
        Some("Plan") => {}
        other => {
            return Err(FormatError::new(
                "fileType",
                format!(
                    "is `{}`, and only `Plan` is read",
                    other.unwrap_or("no text")
                ),
            ));
        }
    }
    version(root, "version", &[1])?;
    let mission = root.get("mission").ok_or_else(|| {
        FormatError::new("mission", "is missing; the file holds no mission to read")
    })?;
    version_in(mission, "mission", &[2])?;
    let mut out = Imported {
        settings: settings(mission)?,
        home: home(mission)?,
        ..Imported::default()
    };
    let mut list = ItemList::default();
    for (n, v) in items_of(mission, "items", "mission.items")?
        .iter()
        .enumerate()
    {
        list.read(v, &format!("mission.items[{n}]"), 0)?;
    }
    let places = list.places;
    let at = |n: usize| {
        places
            .get(n)
            .cloned()
            .unwrap_or_else(|| "mission.items".into())
    };
    resolve_jumps(&mut list.items, &list.ids, at)?;
    out.notes = list.notes;
    split_lists(list.items, at, &mut out)?;
    if let Some(fence) = root.get("geoFence") {
        read_fence(fence, &mut out)?;
    }
    if let Some(rally) = root.get("rallyPoints") {
        read_rally(rally, &mut out)?;
    }
    Ok(out)
}

/// An array under `key`; `place` names it in words.
pub(super) fn items_of<'a>(
    v: &'a Value,
    key: &str,
    place: &str,
) -> Result<&'a Vec<Value>, FormatError> {
    let items = v
        .get(key)
        .ok_or_else(|| FormatError::new(place, "is missing"))?
        .as_array()
        .ok_or_else(|| FormatError::new(place, "is no list"))?;
    if items.len() > MAX_ITEMS {
        return Err(FormatError::new(
            place,
            format!("more than {MAX_ITEMS} entries"),
        ));
    }
    Ok(items)
}

/// A number; `null` is NaN, as QGroundControl writes it.
pub(super) fn number(v: &Value, place: &str) -> Result<f64, FormatError> {
    match v {
        Value::Null => Ok(f64::NAN),
        Value::Number(n) => n
            .as_f64()
            .filter(|x| x.is_finite())
            .ok_or_else(|| FormatError::new(place, "is no finite number")),
        _ => Err(FormatError::new(place, "is no number")),
    }
}

/// A whole number from 0 to `most`.
pub(super) fn whole(v: &Value, place: &str, most: u64) -> Result<u64, FormatError> {
    v.as_u64()
        .or_else(|| {
            let f = v.as_f64()?;
            (f.fract() == 0.0 && (0.0..=1e9).contains(&f)).then_some(f as u64)
        })
        .filter(|n| *n <= most)
        .ok_or_else(|| FormatError::new(place, format!("is no whole number from 0 to {most}")))
}

/// A flag; `unless` where the key is absent.
pub(super) fn flag(v: &Value, key: &str, at: &str, unless: bool) -> Result<bool, FormatError> {
    match v.get(key) {
        None => Ok(unless),
        Some(b) => b
            .as_bool()
            .ok_or_else(|| FormatError::new(format!("{at}.{key}"), "is neither true nor false")),
    }
}

fn version(v: &Value, place: &str, known: &[u64]) -> Result<u64, FormatError> {
    let stated = v
        .get("version")
        .ok_or_else(|| FormatError::new(place, "is missing"))?;
    stated
        .as_u64()
        .filter(|n| known.contains(n))
        .ok_or_else(|| FormatError::new(place, format!("is {stated}; known here: {known:?}")))
}

fn version_in(v: &Value, part: &str, known: &[u64]) -> Result<u64, FormatError> {
    version(v, &format!("{part}.version"), known)
}

fn settings(mission: &Value) -> Result<PlanSettings, FormatError> {
    let byte = |key: &str| {
        mission
            .get(key)
            .map(|v| whole(v, &format!("mission.{key}"), 255).map(|n| n as u8))
            .transpose()
    };
    let speed = |key: &str| {
        mission
            .get(key)
            .filter(|v| !v.is_null())
            .map(|v| number(v, &format!("mission.{key}")))
            .transpose()
    };
    Ok(PlanSettings {
        firmware_type: byte("firmwareType")?,
        vehicle_type: byte("vehicleType")?,
        cruise_mps: speed("cruiseSpeed")?,
        hover_mps: speed("hoverSpeed")?,
    })
}

fn home(mission: &Value) -> Result<Option<Home>, FormatError> {
    let place = "mission.plannedHomePosition";
    let Some(v) = mission.get("plannedHomePosition").filter(|v| !v.is_null()) else {
        return Ok(None);
    };
    let [lat, lon, alt] = triple(v, place)?;
    // 0, 0 or null is how planners write that home was not set.
    if (lat == 0.0 && lon == 0.0) || lat.is_nan() || lon.is_nan() || alt.is_nan() {
        return Ok(None);
    }
    let bad = |e: crate::place::BadPlace| FormatError::new(place, e.to_string());
    Ok(Some(Home {
        at: LatLon::from_degrees(lat, lon).map_err(bad)?,
        alt: Alt::from_metres(alt).map_err(bad)?,
    }))
}

fn triple(v: &Value, place: &str) -> Result<[f64; 3], FormatError> {
    let list = v
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| FormatError::new(place, "is no list"))?;
    let [a, b, c] = list else {
        return Err(FormatError::new(
            place,
            format!("has {} numbers where 3 are expected", list.len()),
        ));
    };
    Ok([number(a, place)?, number(b, place)?, number(c, place)?])
}

fn latlon(v: &Value, place: &str) -> Result<LatLon, FormatError> {
    let list = v
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| FormatError::new(place, "is no list"))?;
    let [lat, lon, ..] = list else {
        return Err(FormatError::new(place, "lacks latitude or longitude"));
    };
    LatLon::from_degrees(number(lat, place)?, number(lon, place)?)
        .map_err(|e| FormatError::new(place, e.to_string()))
}

#[derive(Default)]
struct ItemList {
    items: Vec<RawItem>,
    ids: Vec<f64>,
    places: Vec<String>,
    notes: Vec<String>,
}

impl ItemList {
    fn read(&mut self, v: &Value, at: &str, depth: usize) -> Result<(), FormatError> {
        if depth > MAX_DEPTH || self.items.len() >= MAX_ITEMS {
            return Err(FormatError::new(
                at,
                format!("more than {MAX_ITEMS} items, or nested deeper than {MAX_DEPTH}"),
            ));
        }
        match v.get("type").and_then(Value::as_str) {
            Some("SimpleItem") | None => self.simple(v, at),
            Some("ComplexItem") => {
                let kind = v
                    .get("complexItemType")
                    .and_then(Value::as_str)
                    .unwrap_or("unnamed");
                let (inner, key) = match v.get("TransectStyleComplexItem") {
                    Some(t) => (t, format!("{at}.TransectStyleComplexItem.Items")),
                    None => (v, format!("{at}.Items")),
                };
                let items = items_of(inner, "Items", &key).map_err(|e| {
                    FormatError::new(
                        e.place,
                        format!(
                            "the complex item `{kind}` holds no expanded items ({}); save it again in QGroundControl",
                            e.words
                        ),
                    )
                })?;
                self.notes.push(format!(
                    "{at}: the complex item `{kind}` was read as its {} expanded items",
                    items.len()
                ));
                for (n, item) in items.iter().enumerate() {
                    self.read(item, &format!("{key}[{n}]"), depth + 1)?;
                }
                Ok(())
            }
            Some(other) => Err(FormatError::new(
                format!("{at}.type"),
                format!("`{other}` is neither SimpleItem nor ComplexItem"),
            )),
        }
    }

    fn simple(&mut self, v: &Value, at: &str) -> Result<(), FormatError> {
        let key = |k: &str| {
            v.get(k)
                .ok_or_else(|| FormatError::new(format!("{at}.{k}"), "is missing"))
        };
        let place = format!("{at}.params");
        let params = key("params")?
            .as_array()
            .map(Vec::as_slice)
            .ok_or_else(|| FormatError::new(&place, "is no list"))?;
        let mut p = Vec::with_capacity(7);
        for v in params.iter().take(7) {
            p.push(number(v, &place)?);
        }
        // Plans of mission version 2 may carry the position apart, as `coordinate`.
        if let ([_, _, _, _], Some(c)) = (&p[..], v.get("coordinate")) {
            p.extend(triple(c, &format!("{at}.coordinate"))?);
        }
        let [p1, p2, p3, p4, x, y, z] = p[..] else {
            return Err(FormatError::new(
                place,
                format!("has {} numbers where 7 are expected", params.len()),
            ));
        };
        self.items.push(RawItem {
            frame: whole(key("frame")?, &format!("{at}.frame"), 255)? as u8,
            command: whole(key("command")?, &format!("{at}.command"), 65_535)? as u16,
            current: false,
            autocontinue: flag(v, "autoContinue", at, true)?,
            params: [p1, p2, p3, p4],
            lat_deg_or_x: x,
            lon_deg_or_y: y,
            alt: z,
        });
        let counted = self.items.len() as f64;
        self.ids
            .push(v.get("doJumpId").and_then(Value::as_f64).unwrap_or(counted));
        self.places.push(at.to_owned());
        Ok(())
    }
}

fn read_fence(fence: &Value, out: &mut Imported) -> Result<(), FormatError> {
    if version_in(fence, "geoFence", &[1, 2])? == 1 {
        // Version 1 drew one polygon for an autopilot of 2016; only the empty one is still met.
        return match fence.get("polygon").and_then(Value::as_array) {
            Some(p) if !p.is_empty() => Err(FormatError::new(
                "geoFence.polygon",
                "a fence of version 1 is not read; open and save the file in QGroundControl",
            )),
            _ => Ok(()),
        };
    }
    let list = |key: &str| match fence.get(key) {
        None => Ok(&[][..]),
        Some(_) => items_of(fence, key, &format!("geoFence.{key}")).map(Vec::as_slice),
    };
    for (n, v) in list("polygons")?.iter().enumerate() {
        let at = format!("geoFence.polygons[{n}]");
        version_in(v, &at, &[1])?;
        let mut ring = Vec::new();
        for (i, c) in items_of(v, "polygon", &format!("{at}.polygon"))?
            .iter()
            .enumerate()
        {
            ring.push(latlon(c, &format!("{at}.polygon[{i}]"))?);
        }
        out.polygons.push(FencePolygon {
            inclusion: flag(v, "inclusion", &at, true)?,
            ring,
        });
    }
    for (n, v) in list("circles")?.iter().enumerate() {
        let at = format!("geoFence.circles[{n}]");
        version_in(v, &at, &[1])?;
        let circle = v
            .get("circle")
            .ok_or_else(|| FormatError::new(format!("{at}.circle"), "is missing"))?;
        let part = |k: &str| {
            circle
                .get(k)
                .ok_or_else(|| FormatError::new(format!("{at}.circle.{k}"), "is missing"))
        };
        let radius_m = number(part("radius")?, &format!("{at}.circle.radius"))?;
        if radius_m.is_nan() {
            return Err(FormatError::new(format!("{at}.circle.radius"), "is null"));
        }
        out.circles.push(FenceCircle {
            inclusion: flag(v, "inclusion", &at, true)?,
            centre: latlon(part("center")?, &format!("{at}.circle.center"))?,
            radius_m,
        });
    }
    if let Some(v) = fence.get("breachReturn").filter(|v| !v.is_null()) {
        out.breach_return = Some(point(v, "geoFence.breachReturn")?);
    }
    Ok(())
}

fn read_rally(rally: &Value, out: &mut Imported) -> Result<(), FormatError> {
    version_in(rally, "rallyPoints", &[1, 2])?;
    for (n, v) in items_of(rally, "points", "rallyPoints.points")?
        .iter()
        .enumerate()
    {
        out.rally
            .push(point(v, &format!("rallyPoints.points[{n}]"))?);
    }
    Ok(())
}

fn point(v: &Value, place: &str) -> Result<RallyPoint, FormatError> {
    let [_, _, alt] = triple(v, place)?;
    Ok(RallyPoint {
        at: latlon(v, place)?,
        alt: Alt::from_metres(alt).map_err(|e| FormatError::new(place, e.to_string()))?,
    })
}

/// A number as QGroundControl writes it: NaN is `null`, whole numbers have no point.
fn written(x: f64) -> Value {
    if !x.is_finite() {
        Value::Null
    } else if x.fract() == 0.0 && x.abs() < 1e15 {
        json!(x as i64)
    } else {
        json!(x)
    }
}

/// Writes a `.plan` that QGroundControl opens. Reading it again gives the same [`Imported`], notes aside.
#[must_use]
pub fn write_plan(plan: &Imported) -> String {
    let place = |p: LatLon| [written(p.lat_deg()), written(p.lon_deg())];
    let point = |p: &RallyPoint| {
        let [lat, lon] = place(p.at);
        json!([lat, lon, written(p.alt.metres())])
    };
    let items: Vec<Value> = plan
        .mission
        .iter()
        .enumerate()
        .map(|(n, i)| {
            let [p1, p2, p3, p4] = i.params;
            let params: Vec<Value> = [p1, p2, p3, p4, i.lat_deg_or_x, i.lon_deg_or_y, i.alt]
                .into_iter()
                .map(written)
                .collect();
            json!({
                "autoContinue": i.autocontinue,
                "command": i.command,
                "doJumpId": n + 1,
                "frame": i.frame,
                "params": params,
                "type": "SimpleItem",
            })
        })
        .collect();
    let mut mission = Map::new();
    let s = plan.settings;
    if let Some(v) = s.cruise_mps {
        mission.insert("cruiseSpeed".into(), written(v));
    }
    if let Some(v) = s.firmware_type {
        mission.insert("firmwareType".into(), json!(v));
    }
    mission.insert("globalPlanAltitudeMode".into(), json!(1));
    if let Some(v) = s.hover_mps {
        mission.insert("hoverSpeed".into(), written(v));
    }
    mission.insert("items".into(), Value::Array(items));
    let home = plan.home.map_or(json!([0, 0, 0]), |h| {
        let [lat, lon] = place(h.at);
        json!([lat, lon, written(h.alt.metres())])
    });
    mission.insert("plannedHomePosition".into(), home);
    if let Some(v) = s.vehicle_type {
        mission.insert("vehicleType".into(), json!(v));
    }
    mission.insert("version".into(), json!(2));
    let polygons: Vec<Value> = plan
        .polygons
        .iter()
        .map(|p| {
            let ring: Vec<Value> = p.ring.iter().map(|c| json!(place(*c))).collect();
            json!({"inclusion": p.inclusion, "polygon": ring, "version": 1})
        })
        .collect();
    let circles: Vec<Value> = plan
        .circles
        .iter()
        .map(|c| {
            json!({
                "circle": {"center": place(c.centre), "radius": written(c.radius_m)},
                "inclusion": c.inclusion,
                "version": 1,
            })
        })
        .collect();
    let mut fence = Map::new();
    if let Some(b) = &plan.breach_return {
        fence.insert("breachReturn".into(), point(b));
    }
    fence.insert("circles".into(), Value::Array(circles));
    fence.insert("polygons".into(), Value::Array(polygons));
    fence.insert("version".into(), json!(2));
    let rally: Vec<Value> = plan.rally.iter().map(point).collect();
    let root = json!({
        "fileType": "Plan",
        "geoFence": fence,
        "groundStation": "QGroundControl",
        "mission": mission,
        "rallyPoints": {"points": rally, "version": 2},
        "version": 1,
    });
    let mut text = serde_json::to_string_pretty(&root).unwrap_or_default();
    text.push('\n');
    text
}
