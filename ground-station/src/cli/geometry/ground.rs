//! A venue as metres: the plane it lies on, and the area that may be flown over.

use anyhow::{Context, bail};
use geo::{BooleanOps, Coord, LineString, MultiPolygon, Polygon};
use missions::place::LatLon;
use missions::plane::LocalPlane;
use missions::planner::cover;
use missions::venue::{Role, Shape, Venue};

/// Corners of a circle's outline; drawn outside a keep-out's circle, inside a boundary's.
const CIRCLE_CORNERS: u32 = 96;

/// A venue as metres.
pub(in crate::cli) struct Ground {
    /// The plane.
    pub plane: LocalPlane,
    /// Boundary less keep-outs.
    pub target: MultiPolygon<f64>,
}

impl Ground {
    /// Of a venue, or of one zone of it.
    pub(in crate::cli) fn new(venue: &Venue, area: Option<&str>) -> anyhow::Result<Ground> {
        let plane = LocalPlane::new(
            origin(venue)
                .context("the venue has no area to fly in: draw a polygon with role `inclusion`")?,
        );
        let of_role = |role: Role| -> Vec<Polygon<f64>> {
            venue
                .zones_of(role)
                .filter_map(|z| polygon(&plane, &z.shape, role != Role::Inclusion))
                .collect()
        };
        let mut target = cover::target(&of_role(Role::Inclusion), &of_role(Role::Exclusion));
        if let Some(id) = area {
            let Some(zone) = venue.zones.iter().find(|z| z.id == id) else {
                let ids: Vec<&str> = venue
                    .zones
                    .iter()
                    .filter(|z| !matches!(z.shape, Shape::Point(_)))
                    .map(|z| z.id.as_str())
                    .take(20)
                    .collect();
                bail!(
                    "--area {id}: the venue has no such zone; it has {}",
                    ids.join(", ")
                );
            };
            let only = polygon(&plane, &zone.shape, false)
                .with_context(|| format!("--area {id} is a point, not an area"))?;
            target = target.intersection(&MultiPolygon(vec![only]));
        }
        Ok(Ground { plane, target })
    }
}

fn ring(plane: &LocalPlane, ring: &[LatLon]) -> LineString<f64> {
    LineString(
        ring.iter()
            .map(|p| {
                let q = plane.to_local(*p);
                Coord {
                    x: q.east_m,
                    y: q.north_m,
                }
            })
            .collect(),
    )
}

fn polygon(plane: &LocalPlane, shape: &Shape, outside: bool) -> Option<Polygon<f64>> {
    match shape {
        Shape::Polygon { outer, holes } => Some(Polygon::new(
            ring(plane, outer),
            holes.iter().map(|h| ring(plane, h)).collect(),
        )),
        Shape::Circle { centre, radius_m } => {
            let c = plane.to_local(*centre);
            let step = std::f64::consts::TAU / f64::from(CIRCLE_CORNERS);
            // Around a keep-out, inside a boundary: never the wrong side of the true circle.
            let r = if outside {
                radius_m / (step / 2.0).cos()
            } else {
                *radius_m
            };
            let corner = |i: u32| {
                let (sin, cos) = (step * f64::from(i)).sin_cos();
                Coord {
                    x: c.east_m + r * cos,
                    y: c.north_m + r * sin,
                }
            };
            Some(Polygon::new(
                LineString((0..=CIRCLE_CORNERS).map(corner).collect()),
                Vec::new(),
            ))
        }
        Shape::Point(_) => None,
    }
}

/// A point of the venue near its middle.
fn origin(venue: &Venue) -> Option<LatLon> {
    let mut corners = venue
        .zones_of(Role::Inclusion)
        .filter_map(|z| match &z.shape {
            Shape::Polygon { outer, .. } => Some(outer.as_slice()),
            Shape::Circle { centre, .. } => Some(std::slice::from_ref(centre)),
            Shape::Point(_) => None,
        })
        .flatten();
    let first = corners.next()?;
    let (mut south, mut north) = (first.lat_deg(), first.lat_deg());
    let (mut west, mut east) = (first.lon_deg(), first.lon_deg());
    for p in corners {
        (south, north) = (south.min(p.lat_deg()), north.max(p.lat_deg()));
        (west, east) = (west.min(p.lon_deg()), east.max(p.lon_deg()));
    }
    LatLon::from_degrees((south + north) / 2.0, (west + east) / 2.0).ok()
}
