//! Files of other ground stations, read into neutral items and written back. No MAVLink types, no files opened here.
//!
//! A reader either understands a file or refuses it and names the line or the key; nothing here panics, whatever the
//! bytes. Whether what was read may be flown is not judged here: that is [`crate::fence`] and [`crate::plan`].

mod export;
mod fence_file;
pub mod import;
mod mission_json;
mod qgc_plan;
mod rally_file;
mod wpl;

pub use export::{to_geojson, to_imported};
pub use import::{ImportError, ImportedVenue, import_venue};
pub use qgc_plan::write_plan;
pub use wpl::write_wpl;

use crate::place::{AboveHome, Alt, Home, LatLon};
use thiserror::Error;

/// Largest file that is looked at, bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most items, vertices or points taken from one file.
pub const MAX_ITEMS: usize = 20_000;

/// `MAV_CMD_DO_JUMP`: its first parameter counts items of the list from 1 ([`Imported::mission`]).
pub(crate) const DO_JUMP: u16 = 177;

/// Why a file is refused, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {words}")]
pub struct FormatError {
    /// `line 3`, `mission.items[2].params`, or `file`.
    pub place: String,
    /// What is wrong and what to do.
    pub words: String,
}

impl FormatError {
    pub(crate) fn new(place: impl Into<String>, words: impl Into<String>) -> Self {
        FormatError {
            place: place.into(),
            words: words.into(),
        }
    }
    pub(crate) fn line(number: usize, words: impl Into<String>) -> Self {
        Self::new(format!("line {number}"), words)
    }
}

/// One mission item as files carry it: numbers of `MAV_CMD` and `MAV_FRAME`, not yet judged.
///
/// Two items are equal when all their numbers are, NaN ("leave it as it is") being equal to NaN.
#[derive(Clone, Copy, Debug)]
pub struct RawItem {
    /// `MAV_FRAME`.
    pub frame: u8,
    /// `MAV_CMD`.
    pub command: u16,
    /// Whether the file marks it as the current item.
    pub current: bool,
    /// Whether flight goes on with the next item by itself.
    pub autocontinue: bool,
    /// Parameters 1 to 4; NaN where the file says so.
    pub params: [f64; 4],
    /// Latitude in degrees for a global frame; otherwise parameter 5.
    pub lat_deg_or_x: f64,
    /// Longitude in degrees for a global frame; otherwise parameter 6.
    pub lon_deg_or_y: f64,
    /// Height in the item's frame, metres (parameter 7).
    pub alt: f64,
}

impl PartialEq for RawItem {
    fn eq(&self, o: &Self) -> bool {
        let numbers = |i: &RawItem| {
            let [a, b, c, d] = i.params;
            [a, b, c, d, i.lat_deg_or_x, i.lon_deg_or_y, i.alt]
        };
        self.frame == o.frame
            && self.command == o.command
            && self.current == o.current
            && self.autocontinue == o.autocontinue
            && numbers(self)
                .into_iter()
                .zip(numbers(o))
                .all(|(x, y)| x == y || (x.is_nan() && y.is_nan()))
    }
}

impl RawItem {
    /// Whether the command flies to its position (and the frame is a global one), so that it must be a place.
    #[must_use]
    pub fn has_place(&self) -> bool {
        const GLOBAL: [u8; 6] = [0, 3, 5, 6, 10, 11];
        const NAV: [u16; 12] = [16, 17, 18, 19, 21, 22, 31, 82, 84, 85, 5000, 5100];
        GLOBAL.contains(&self.frame)
            && (NAV.contains(&self.command) || (5001..=5004).contains(&self.command))
    }

    /// Its position, where it has one. QGroundControl and ArduPilot write 0, 0 (or NaN) for "here": that is none.
    #[must_use]
    pub fn place(&self) -> Option<LatLon> {
        let unset = (self.lat_deg_or_x == 0.0 && self.lon_deg_or_y == 0.0)
            || self.lat_deg_or_x.is_nan()
            || self.lon_deg_or_y.is_nan();
        if !self.has_place() || unset {
            return None;
        }
        LatLon::from_degrees(self.lat_deg_or_x, self.lon_deg_or_y).ok()
    }

    /// Refuses a place off the globe.
    fn check(&self, at: impl Fn() -> String) -> Result<(), FormatError> {
        let here = self.lat_deg_or_x.is_nan() || self.lon_deg_or_y.is_nan();
        if self.has_place() && !here {
            LatLon::from_degrees(self.lat_deg_or_x, self.lon_deg_or_y)
                .map_err(|e| FormatError::new(at(), e.to_string()))?;
        }
        Ok(())
    }
}

/// A polygon of a fence list.
#[derive(Clone, Debug, PartialEq)]
pub struct FencePolygon {
    /// Fly inside it (`true`) or keep out of it.
    pub inclusion: bool,
    /// Not closed.
    pub ring: Vec<LatLon>,
}

/// A circle of a fence list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FenceCircle {
    /// Fly inside it (`true`) or keep out of it.
    pub inclusion: bool,
    /// Centre.
    pub centre: LatLon,
    /// Radius, metres.
    pub radius_m: f64,
}

/// A rally point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RallyPoint {
    /// Where.
    pub at: LatLon,
    /// Height above home to come to.
    pub alt: Alt<AboveHome>,
}

/// Numbers of a `.plan` that are about the whole mission. `None`: the file does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlanSettings {
    /// `MAV_AUTOPILOT`.
    pub firmware_type: Option<u8>,
    /// `MAV_TYPE`.
    pub vehicle_type: Option<u8>,
    /// Speed of a fixed wing, m/s.
    pub cruise_mps: Option<f64>,
    /// Speed of a multicopter, m/s.
    pub hover_mps: Option<f64>,
}

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// Mission items in order, without the home item some formats begin with.
    pub mission: Vec<RawItem>,
    /// Planned home, where the file states it with a height above mean sea level.
    pub home: Option<Home>,
    /// Fence polygons.
    pub polygons: Vec<FencePolygon>,
    /// Fence circles.
    pub circles: Vec<FenceCircle>,
    /// Where an ArduPilot fence asks to fly to after a breach; read and written, not used.
    pub breach_return: Option<RallyPoint>,
    /// Rally points.
    pub rally: Vec<RallyPoint>,
    /// Settings of the whole mission.
    pub settings: PlanSettings,
    /// What was read but not kept as it was, in words.
    pub notes: Vec<String>,
}

/// Reads a mission, fence or rally file of any known kind. The kind is told by the content; `name` is used only in
/// words.
///
/// # Errors
/// [`FormatError`] naming the line or key.
pub fn read_any(name: &str, bytes: &[u8]) -> Result<Imported, FormatError> {
    if bytes.len() > MAX_BYTES {
        return Err(FormatError::new(
            "file",
            format!(
                "{name} has {} bytes; at most {MAX_BYTES} are read",
                bytes.len()
            ),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes
            .iter()
            .take(e.valid_up_to())
            .filter(|b| **b == b'\n')
            .count();
        FormatError::line(line + 1, "not UTF-8 text")
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let start = text.trim_start();
    if start.is_empty() {
        return Err(FormatError::new("file", format!("{name} is empty")));
    }
    if start.starts_with("QGC WPL") {
        return wpl::read(text);
    }
    if start.starts_with('{') {
        return read_json(name, text);
    }
    if start.starts_with("RALLY") {
        return rally_file::read(text);
    }
    if start.starts_with("<?xml") || start.starts_with("<kml") || name.ends_with(".kml") {
        return Err(FormatError::new(
            "file",
            format!("{name} is KML, which is not read as a mission; save it as .plan or GeoJSON"),
        ));
    }
    let first = start.split_whitespace().next().unwrap_or("");
    if first.starts_with('#') || first.parse::<f64>().is_ok() {
        return fence_file::read(text);
    }
    Err(FormatError::line(
        1,
        format!(
            "{name} is no .plan, .mission, QGC WPL, fence (latitude, longitude) or RALLY file that is known here"
        ),
    ))
}

fn read_json(name: &str, text: &str) -> Result<Imported, FormatError> {
    let root: serde_json::Value = serde_json::from_str(text)
        .map_err(|e| FormatError::line(e.line(), format!("not JSON: {e}")))?;
    if root.get("fileType").is_some() {
        return qgc_plan::read(&root);
    }
    if root.get("type").is_some() && root.get("items").is_none() {
        return Err(FormatError::new(
            "type",
            format!("{name} looks like GeoJSON: open it as a venue, not as a mission"),
        ));
    }
    if root.get("items").is_some() {
        return mission_json::read(&root);
    }
    Err(FormatError::new(
        "fileType",
        format!("{name} is JSON, but neither a QGroundControl .plan nor an old .mission"),
    ))
}

/// Turns jump targets given as ids into positions in the list counted from 1.
///
/// `ids` holds the id of each item.
fn resolve_jumps(
    items: &mut [RawItem],
    ids: &[f64],
    at: impl Fn(usize) -> String,
) -> Result<(), FormatError> {
    for (n, item) in items.iter_mut().enumerate() {
        if item.command != DO_JUMP {
            continue;
        }
        let [target, ..] = item.params;
        // -1 and 0 end or restart a mission on ArduPilot; only real targets are translated.
        if !target.is_finite() || target <= 0.0 {
            continue;
        }
        let place = ids.iter().position(|id| *id == target).ok_or_else(|| {
            FormatError::new(
                at(n),
                format!("jumps to item {target}, which is not in the file"),
            )
        })?;
        if let Some(p) = item.params.first_mut() {
            *p = (place + 1) as f64;
        }
    }
    Ok(())
}

/// Sorts fence and rally commands (`MAV_CMD` 5000..=5004, 5100) out of a list of items.
fn split_lists(
    items: Vec<RawItem>,
    at: impl Fn(usize) -> String,
    out: &mut Imported,
) -> Result<(), FormatError> {
    let mut open: Option<(u16, usize, Vec<LatLon>)> = None;
    for (n, item) in items.into_iter().enumerate() {
        let place = || {
            LatLon::from_degrees(item.lat_deg_or_x, item.lon_deg_or_y)
                .map_err(|e| FormatError::new(at(n), e.to_string()))
        };
        if let Some((command, left, ring)) = open.as_mut()
            && item.command != *command
        {
            return Err(FormatError::new(
                at(n),
                format!(
                    "the fence polygon before it lacks {left} of its {} corners",
                    *left + ring.len()
                ),
            ));
        }
        match item.command {
            5001 | 5002 => {
                let [count, ..] = item.params;
                let (mut left, mut ring) = match open.take() {
                    Some((_, left, ring)) => (left, ring),
                    None if (3.0..=MAX_ITEMS as f64).contains(&count) && count.fract() == 0.0 => {
                        (count as usize, Vec::new())
                    }
                    None => {
                        return Err(FormatError::new(
                            at(n),
                            format!("a fence polygon of {count} corners; it takes 3 or more"),
                        ));
                    }
                };
                ring.push(place()?);
                left = left.saturating_sub(1);
                if left == 0 {
                    out.polygons.push(FencePolygon {
                        inclusion: item.command == 5001,
                        ring,
                    });
                } else {
                    open = Some((item.command, left, ring));
                }
            }
            5003 | 5004 => {
                let [radius_m, ..] = item.params;
                if !(radius_m.is_finite() && radius_m > 0.0) {
                    return Err(FormatError::new(
                        at(n),
                        format!("a fence circle of radius {radius_m} m"),
                    ));
                }
                out.circles.push(FenceCircle {
                    inclusion: item.command == 5003,
                    centre: place()?,
                    radius_m,
                });
            }
            5000 | 5100 => {
                let point = RallyPoint {
                    at: place()?,
                    alt: Alt::from_metres(item.alt)
                        .map_err(|e| FormatError::new(at(n), e.to_string()))?,
                };
                if item.command == 5100 {
                    out.rally.push(point);
                } else {
                    out.breach_return = Some(point);
                }
            }
            _ => {
                item.check(|| at(n))?;
                out.mission.push(item);
            }
        }
    }
    match open {
        None => Ok(()),
        Some((_, left, ring)) => Err(FormatError::new(
            "end of file",
            format!(
                "the last fence polygon lacks {left} of its {} corners",
                left + ring.len()
            ),
        )),
    }
}

#[cfg(test)]
pub(crate) mod tests;
