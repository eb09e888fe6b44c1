//! QGroundControl's `.mission` of before 2016: JSON, version "1.0", items with `coordinate` and `param1`..`param4`.

use super::qgc_plan::{flag, items_of, number, whole};
use super::{FormatError, Imported, RawItem, resolve_jumps, split_lists};
use crate::place::{Alt, Home, LatLon};
use serde_json::Value;

/// Reads the parsed JSON.
pub(super) fn read(root: &Value) -> Result<Imported, FormatError> {
    if root.get("version").and_then(Value::as_str) != Some("1.0") {
        return Err(FormatError::new(
            "version",
            "not \"1.0\", the only version of .mission JSON known here",
        ));
    }
    if root
        .get("complexItems")
        .and_then(Value::as_array)
        .is_some_and(|c| !c.is_empty())
    {
        return Err(FormatError::new(
            "complexItems",
            "surveys of this old format are not read; open and save the file in QGroundControl as .plan",
        ));
    }
    let mut out = Imported::default();
    if let Some(n) = root.get("MAV_AUTOPILOT") {
        out.settings.firmware_type = Some(whole(n, "MAV_AUTOPILOT", 255)? as u8);
    }
    let mut items = Vec::new();
    let mut ids = Vec::new();
    for (n, v) in items_of(root, "items", "items")?.iter().enumerate() {
        let at = format!("items[{n}]");
        ids.push(
            v.get("id")
                .and_then(Value::as_f64)
                .unwrap_or((n + 1) as f64),
        );
        items.push(read_item(v, &at)?);
    }
    if let Some(v) = root.get("plannedHomePosition") {
        let home = read_item(v, "plannedHomePosition")?;
        if home.lat_deg_or_x != 0.0 || home.lon_deg_or_y != 0.0 {
            let bad =
                |e: crate::place::BadPlace| FormatError::new("plannedHomePosition", e.to_string());
            out.home = Some(Home {
                at: LatLon::from_degrees(home.lat_deg_or_x, home.lon_deg_or_y).map_err(bad)?,
                alt: Alt::from_metres(home.alt).map_err(bad)?,
            });
        }
    }
    let at = |n: usize| format!("items[{n}]");
    resolve_jumps(&mut items, &ids, at)?;
    split_lists(items, at, &mut out)?;
    Ok(out)
}

fn read_item(v: &Value, at: &str) -> Result<RawItem, FormatError> {
    let key = |k: &str| {
        v.get(k)
            .ok_or_else(|| FormatError::new(format!("{at}.{k}"), "is missing"))
    };
    let param = |k: &str| number(key(k)?, &format!("{at}.{k}"));
    let coordinate = key("coordinate")?;
    let c = |i: usize| {
        let place = format!("{at}.coordinate[{i}]");
        number(
            coordinate
                .get(i)
                .ok_or_else(|| FormatError::new(place.clone(), "is missing"))?,
            &place,
        )
    };
    Ok(RawItem {
        frame: whole(key("frame")?, &format!("{at}.frame"), 255)? as u8,
        command: whole(key("command")?, &format!("{at}.command"), 65_535)? as u16,
        current: false,
        autocontinue: flag(v, "autoContinue", at, true)?,
        params: [
            param("param1")?,
            param("param2")?,
            param("param3")?,
            param("param4")?,
        ],
        lat_deg_or_x: c(0)?,
        lon_deg_or_y: c(1)?,
        alt: c(2)?,
    })
}
