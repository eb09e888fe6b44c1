//! ArduPilot's old fence file: one `latitude longitude` a line, first the place to return to, then the polygon with its
//! first corner repeated at the end (MAVProxy's `fence save`).

use super::{FencePolygon, FormatError, Imported, MAX_ITEMS, RallyPoint};
use crate::place::{Alt, LatLon};

/// Reads the text.
pub(super) fn read(text: &str) -> Result<Imported, FormatError> {
    let mut points: Vec<(usize, LatLon)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let (number, line) = (i + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|c| !c.is_empty())
            .collect();
        let [lat, lon] = columns[..] else {
            return Err(FormatError::line(
                number,
                format!(
                    "{} columns where latitude and longitude are expected",
                    columns.len()
                ),
            ));
        };
        let degrees = |t: &str| {
            t.parse::<f64>()
                .map_err(|_| FormatError::line(number, format!("`{t}` is no number")))
        };
        let at = LatLon::from_degrees(degrees(lat)?, degrees(lon)?)
            .map_err(|e| FormatError::line(number, e.to_string()))?;
        if points.len() >= MAX_ITEMS {
            return Err(FormatError::line(
                number,
                format!("more than {MAX_ITEMS} points"),
            ));
        }
        points.push((number, at));
    }
    let Some(((_, back), ring)) = points.split_first() else {
        return Err(FormatError::new("file", "no points"));
    };
    let (Some(first), Some(last)) = (ring.first(), ring.last()) else {
        return Err(FormatError::line(
            1,
            "only the place to return to, and no polygon",
        ));
    };
    if first.1 != last.1 {
        return Err(FormatError::line(
            last.0,
            format!(
                "the polygon is not closed: its last corner must repeat its first (line {})",
                first.0
            ),
        ));
    }
    let ring: Vec<LatLon> = ring.iter().skip(1).map(|(_, p)| *p).collect();
    if ring.len() < 3 {
        return Err(FormatError::line(
            last.0,
            format!("a polygon of {} corners; it takes 3 or more", ring.len()),
        ));
    }
    Ok(Imported {
        polygons: vec![FencePolygon {
            inclusion: true,
            ring,
        }],
        breach_return: Some(RallyPoint {
            at: *back,
            alt: Alt::from_metres(0.0).map_err(|e| FormatError::new("file", e.to_string()))?,
        }),
        ..Imported::default()
    })
}
