//! A venue as metres: the plane it lies on, and the area that may be flown over.

use anyhow::{Context, bail};
use geo::{BooleanOps, Coord, LineString, MultiPolygon, Polygon};
use missions::formats::import::{ExactZones, ImportedVenue};
use missions::place::LatLon;
use missions::plane::LocalPlane;
use missions::planner::cover;
use missions::venue::{Role, Shape, Venue, Zone};
use std::cell::Cell;

/// Half a step of the wire's grid of 1e-7 degrees, in both directions, metres.
const GRID_M: f64 = 0.009;
/// Corners of a circle's outline; drawn outside a keep-out's circle, inside a boundary's.
const CIRCLE_CORNERS: u32 = 96;

/// A venue as metres.
pub(in crate::cli) struct Ground {
    /// The plane.
    pub plane: LocalPlane,
    /// Boundary less keep-outs.
    pub target: MultiPolygon<f64>,
    /// The file may lie this far from the area, metres: added to a margin, it is kept from the file too.
    pub off_m: f64,
}

/// The corners of a zone as the file says, else as the wire's grid of 1e-7 degrees has them.
struct Outlines<'a> {
    plane: &'a LocalPlane,
    exact: &'a ExactZones,
    off_m: Cell<f64>,
}

impl Outlines<'_> {
    /// Ring `n` of the zone, whose corners on the grid are these.
    fn ring(&self, zone: &Zone, n: usize, corners: &[LatLon]) -> Vec<Coord> {
        let exact = self.exact.rings(&zone.id).and_then(|r| r.get(n));
        let local = |i: usize, p: LatLon| match exact.and_then(|r| r.get(i)) {
            Some((lat, lon)) => self.plane.to_local_degrees(*lat, *lon),
            None => {
                self.off_m.set(GRID_M);
                self.plane.to_local(p)
            }
        };
        corners
            .iter()
            .enumerate()
            .map(|(i, p)| local(i, *p))
            .map(|q| Coord {
                x: q.east_m,
                y: q.north_m,
            })
            .collect()
    }
}

impl Ground {
    /// Of a venue file, or of one zone of it, as the file says.
    pub(in crate::cli) fn new(got: &ImportedVenue, area: Option<&str>) -> anyhow::Result<Ground> {
        Self::of(&got.venue, &got.exact, area)
    }

    /// Of a venue on the wire's grid.
    pub(in crate::cli) fn on_grid(venue: &Venue, area: Option<&str>) -> anyhow::Result<Ground> {
        Self::of(venue, &ExactZones::default(), area)
    }

    fn of(venue: &Venue, exact: &ExactZones, area: Option<&str>) -> anyhow::Result<Ground> {
        let plane = LocalPlane::new(
            origin(venue)
                .context("the venue has no area to fly in: draw a polygon with role `inclusion`")?,
        );
        let outlines = Outlines {
            plane: &plane,
            exact,
            off_m: Cell::new(0.0),
        };
        let of_role = |role: Role| -> Vec<Polygon<f64>> {
            venue
                .zones_of(role)
                .filter_map(|z| polygon(&outlines, z, role != Role::Inclusion))
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
            let only = polygon(&outlines, zone, false)
                .with_context(|| format!("--area {id} is a point, not an area"))?;
            target = target.intersection(&MultiPolygon(vec![only]));
        }
        let off_m = outlines.off_m.get();
        Ok(Ground {
            plane,
            target,
            off_m,
        })
    }
}

fn polygon(outlines: &Outlines<'_>, zone: &Zone, outside: bool) -> Option<Polygon<f64>> {
    match &zone.shape {
        Shape::Polygon { outer, holes } => Some(Polygon::new(
            LineString(outlines.ring(zone, 0, outer)),
            holes
                .iter()
                .enumerate()
                .map(|(i, h)| LineString(outlines.ring(zone, i + 1, h)))
                .collect(),
        )),
        Shape::Circle { centre, radius_m } => {
            let c = *outlines
                .ring(zone, 0, std::slice::from_ref(centre))
                .first()?;
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
                    x: c.x + r * cos,
                    y: c.y + r * sin,
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
