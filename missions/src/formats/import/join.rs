//! Zones of one file into the venue of another: an authority's zones around an officer's boundary.

use super::{Fault, ImportError, ImportedVenue, MAX_ZONES, datum_word, make_ids_unique};
use crate::place::LatLon;
use crate::plane::LocalPlane;
use crate::venue::{Role, Shape, Venue, Zone};

/// How far around the boundary zones are still of interest, metres: more than any margin or overshoot.
const AROUND_M: f64 = 5_000.0;

/// What became of the zones that were to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Zones now in the venue.
    pub added: usize,
    /// Zones left out because they lie wholly more than 5 km away from the boundary.
    pub far_away: usize,
}

impl ImportedVenue {
    /// Adds these zones to `venue`, under ids that are free there. Boundaries are not added: a venue has its own.
    ///
    /// # Errors
    /// When the two are not on the same datum, or the venue has no boundary, or there would be too many zones.
    pub fn add_to(self, venue: &mut Venue) -> Result<Joined, ImportError> {
        if self.venue.datum != venue.datum {
            return Err(ImportError::new(
                Fault::Datum,
                "datum",
                format!(
                    "these zones are on {}, the venue on {}: state both",
                    datum_word(self.venue.datum),
                    datum_word(venue.datum)
                ),
            ));
        }
        let boundary: Vec<&Shape> = venue.zones_of(Role::Inclusion).map(|z| &z.shape).collect();
        let Some(near) = bounds(boundary.into_iter()) else {
            return Err(ImportError::file(
                Fault::Empty,
                "the venue has no boundary to add these zones to",
            ));
        };
        let mut joined = Joined {
            added: 0,
            far_away: 0,
        };
        let mut zones: Vec<Zone> = Vec::new();
        for z in self.venue.zones {
            let of_zone = bounds(std::iter::once(&z.shape));
            if z.role == Role::Inclusion {
                continue;
            }
            // A zone whose bounds are unknown is added: left out is only what is surely far.
            if of_zone.is_some_and(|b| b.apart_m(&near) > AROUND_M) {
                joined.far_away += 1;
            } else {
                zones.push(z);
            }
        }
        joined.added = zones.len();
        if venue.zones.len() + zones.len() > MAX_ZONES {
            return Err(ImportError::file(
                Fault::TooLarge,
                format!("more than {MAX_ZONES} zones"),
            ));
        }
        venue.zones.extend(zones);
        make_ids_unique(&mut venue.zones);
        Ok(joined)
    }
}

/// A rectangle of latitude and longitude, degrees.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    lat_deg: (f64, f64),
    lon_deg: (f64, f64),
}

impl Bounds {
    /// A distance that is never more than the true one (of rectangles, and of the sphere's cosines).
    fn apart_m(&self, o: &Bounds) -> f64 {
        let gap = |a: (f64, f64), b: (f64, f64)| (b.0 - a.1).max(a.0 - b.1).max(0.0);
        let north = gap(self.lat_deg, o.lat_deg);
        let mut east = gap(self.lon_deg, o.lon_deg);
        // Around the antimeridian the short way counts.
        east = east.min(360.0 - east).max(0.0);
        let steepest = [self.lat_deg, o.lat_deg]
            .iter()
            .flat_map(|l| [l.0.abs(), l.1.abs()])
            .fold(0.0, f64::max)
            .min(90.0);
        (north.hypot(east * steepest.to_radians().cos())) * 110_000.0
    }
}

fn bounds<'a>(shapes: impl Iterator<Item = &'a Shape>) -> Option<Bounds> {
    let mut all: Option<Bounds> = None;
    let mut take = |p: LatLon, around_m: f64| {
        let dlat = around_m / 110_000.0;
        let metres_per_deg = 110_000.0 * p.lat_deg().to_radians().cos().max(1e-3);
        let dlon = around_m / metres_per_deg;
        let b = all.get_or_insert(Bounds {
            lat_deg: (p.lat_deg(), p.lat_deg()),
            lon_deg: (p.lon_deg(), p.lon_deg()),
        });
        b.lat_deg = (
            b.lat_deg.0.min(p.lat_deg() - dlat),
            b.lat_deg.1.max(p.lat_deg() + dlat),
        );
        b.lon_deg = (
            b.lon_deg.0.min(p.lon_deg() - dlon),
            b.lon_deg.1.max(p.lon_deg() + dlon),
        );
    };
    for s in shapes {
        match s {
            Shape::Point(p) => take(*p, 0.0),
            Shape::Circle { centre, radius_m } => take(*centre, *radius_m),
            Shape::Polygon { outer, .. } => outer.iter().for_each(|p| take(*p, 0.0)),
        }
    }
    all
}

/// Area of a ring on a plane at its first corner, square metres; 0 for nothing. Good enough to tell the largest.
pub(super) fn rough_area_m2(ring: &[LatLon]) -> f64 {
    let Some(first) = ring.first() else {
        return 0.0;
    };
    let plane = LocalPlane::new(*first);
    let local: Vec<_> = ring.iter().map(|p| plane.to_local(*p)).collect();
    let twice: f64 = local
        .iter()
        .zip(local.iter().cycle().skip(1))
        .map(|(a, b)| a.east_m * b.north_m - b.east_m * a.north_m)
        .sum();
    (twice / 2.0).abs()
}
