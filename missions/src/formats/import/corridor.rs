//! A line with a width, as an area: a patrol along a river, a keep-out along a power line.

use super::join::rough_area_m2;
use super::kml_parts::unclosed;
use super::{Fault, ImportError};
use crate::place::LatLon;
use crate::plane::{EastNorth, LocalPlane};
use crate::venue::Shape;
use geo::{Buffer as _, CoordsIter as _};

/// Longest reach of a line that is made a corridor, metres.
const MAX_CORRIDOR_M: f64 = 100_000.0;
/// Its widest width, metres.
pub(super) const MAX_WIDTH_M: f64 = 2_000.0;
/// Most points of all such lines of a file. Lines that cross themselves everywhere cost more than the square of their
/// points: 500 take a second at worst, 2,000 a minute.
pub(super) const MAX_CORRIDOR_POINTS: usize = 500;

/// Everything within half of `width_m` of the line. Round ends are polygons: inside of the true outline for a boundary,
/// outside of it for anything else.
///
/// # Errors
/// When it is too long, or no line.
pub(super) fn corridor(
    points: &[LatLon],
    line: usize,
    width_m: f64,
    inward: bool,
) -> Result<Vec<Shape>, ImportError> {
    let refuse = |words: String| ImportError::new(Fault::Value, format!("line {line}"), words);
    let first = points
        .first()
        .ok_or_else(|| refuse("an empty line".into()))?;
    let plane = LocalPlane::new(*first);
    let mut coords: Vec<geo::Coord<f64>> = Vec::new();
    for p in points {
        let at = plane.to_local(*p);
        if at.east_m.hypot(at.north_m) > MAX_CORRIDOR_M {
            return Err(refuse(format!(
                "a corridor longer than {MAX_CORRIDOR_M} m: cut the line down to the venue"
            )));
        }
        coords.push(geo::coord! { x: at.east_m, y: at.north_m });
    }
    coords.dedup();
    if coords.len() < 2 {
        return Err(refuse(
            "a line of one position; it takes two or more".into(),
        ));
    }
    // The stroke's arcs are inscribed at 0.2 rad and lie 0.5 % inside; 1 % more is outside for sure.
    let half_m = width_m / 2.0 * if inward { 1.0 } else { 1.01 };
    let area = geo::LineString::new(coords).buffer(half_m);
    // `None` for what is smaller than the grid of positions.
    let ring = |r: &geo::LineString<f64>| -> Option<Vec<LatLon>> {
        let points: Option<Vec<LatLon>> = r
            .coords_iter()
            .map(|c| plane.to_latlon(EastNorth::new(c.x, c.y)))
            .collect();
        let mut points = unclosed(&points?);
        points.dedup();
        Some(points).filter(|r| r.len() >= 3 && rough_area_m2(r) > 0.01)
    };
    let shapes: Vec<Shape> = area
        .into_iter()
        .filter_map(|p| {
            Some(Shape::Polygon {
                outer: ring(p.exterior())?,
                holes: p.interiors().iter().filter_map(&ring).collect(),
            })
        })
        .collect();
    if shapes.is_empty() {
        return Err(refuse(
            "no corridor can be drawn along it: simplify the line".into(),
        ));
    }
    Ok(shapes)
}
