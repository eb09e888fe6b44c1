//! GCJ-02 and BD-09, the grids that maps sold in China are drawn on, into WGS-84 and back.
//!
//! There is no official publication of GCJ-02: this is the formula that everyone has used since 2010 (`eviltransform`,
//! <https://github.com/googollee/eviltransform>; Krasovsky 1940 ellipsoid), with its rectangle for "in China", which
//! also covers Hong Kong, Macao, Taiwan and parts of the neighbours: there, ask which grid a map really uses. The way
//! back has no closed form; it is iterated until it agrees with the way there to 1e-11 degrees (1 µm).

use super::{Fault, ImportError, MAX_VERTICES};
use crate::place::{Datum, LatLon};
use crate::plane::{EastNorth, LocalPlane};
use crate::venue::{Role, Shape, Venue};
use std::f64::consts::PI;

/// Semi-major axis of Krasovsky 1940, metres, and its eccentricity squared.
const A_M: f64 = 6_378_245.0;
const E2: f64 = 0.006_693_421_622_965_943;
/// Angle of BD-09's ripple, radians for a degree.
const BD_RIPPLE: f64 = PI * 3000.0 / 180.0;
/// Longest piece of an edge: a straight edge on the map's grid bends on WGS-84, by 0.3 m over 2 km at most.
const PIECE_M: f64 = 2_000.0;

/// A position on a map's own grid, degrees. No place to fly to before [`to_wgs84`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapPoint {
    /// Latitude on the grid, degrees.
    pub lat_deg: f64,
    /// Longitude on the grid, degrees.
    pub lon_deg: f64,
}

impl MapPoint {
    fn in_china(self) -> bool {
        (0.8293..=55.8271).contains(&self.lat_deg) && (72.004..=137.8347).contains(&self.lon_deg)
    }
    fn plus(self, d: MapPoint) -> MapPoint {
        MapPoint {
            lat_deg: self.lat_deg + d.lat_deg,
            lon_deg: self.lon_deg + d.lon_deg,
        }
    }
    fn minus(self, d: MapPoint) -> MapPoint {
        MapPoint {
            lat_deg: self.lat_deg - d.lat_deg,
            lon_deg: self.lon_deg - d.lon_deg,
        }
    }
}

/// From `datum`'s grid to WGS-84, to a micrometre of the formula's own inverse. Outside China, and for
/// [`Datum::Wgs84`] and [`Datum::Unknown`], nothing moves.
#[must_use]
pub fn to_wgs84(datum: Datum, p: MapPoint) -> MapPoint {
    match datum {
        Datum::Wgs84 | Datum::Unknown => p,
        _ if !p.in_china() => p,
        Datum::Gcj02 => undo(p, |w| w.plus(gcj_shift(w))),
        Datum::Bd09 => undo(undo(p, bd_from_gcj), |w| w.plus(gcj_shift(w))),
    }
}

/// From WGS-84 to `datum`'s grid. Outside China, and for [`Datum::Wgs84`] and [`Datum::Unknown`], nothing moves.
#[must_use]
pub fn from_wgs84(datum: Datum, p: MapPoint) -> MapPoint {
    match datum {
        Datum::Wgs84 | Datum::Unknown => p,
        _ if !p.in_china() => p,
        Datum::Gcj02 => p.plus(gcj_shift(p)),
        Datum::Bd09 => bd_from_gcj(p.plus(gcj_shift(p))),
    }
}

/// Fixed point of `w = w + (p − there(w))`. Both grids bend by under 3 %, so that each round gains 1.5 digits or more;
/// the rounds are counted all the same.
fn undo(p: MapPoint, there: impl Fn(MapPoint) -> MapPoint) -> MapPoint {
    let mut w = p;
    for _ in 0..24 {
        let off = p.minus(there(w));
        w = w.plus(off);
        if off.lat_deg.abs() + off.lon_deg.abs() < 1e-11 {
            break;
        }
    }
    w
}

/// How far GCJ-02 moves a WGS-84 position, degrees.
fn gcj_shift(p: MapPoint) -> MapPoint {
    let (x, y) = (p.lon_deg - 105.0, p.lat_deg - 35.0);
    let root = 0.1 * x.abs().sqrt();
    let wave = |v: f64, by: f64| (v * by * PI).sin();
    let common = 20.0 * wave(x, 6.0) + 20.0 * wave(x, 2.0);
    let north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 2.0 * root
        + (common + 20.0 * wave(y, 1.0) + 40.0 * wave(y, 1.0 / 3.0)) * 2.0 / 3.0
        + (160.0 * wave(y, 1.0 / 12.0) + 320.0 * wave(y, 1.0 / 30.0)) * 2.0 / 3.0;
    let east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + root
        + (common + 20.0 * wave(x, 1.0) + 40.0 * wave(x, 1.0 / 3.0)) * 2.0 / 3.0
        + (150.0 * wave(x, 1.0 / 12.0) + 300.0 * wave(x, 1.0 / 30.0)) * 2.0 / 3.0;
    let lat = p.lat_deg.to_radians();
    let magic = 1.0 - E2 * lat.sin().powi(2);
    MapPoint {
        lat_deg: (north / (A_M * (1.0 - E2) / (magic * magic.sqrt()))).to_degrees(),
        lon_deg: (east / (A_M / magic.sqrt() * lat.cos())).to_degrees(),
    }
}

/// BD-09 of a GCJ-02 position.
fn bd_from_gcj(p: MapPoint) -> MapPoint {
    let radius = p.lon_deg.hypot(p.lat_deg) + 0.000_02 * (p.lat_deg * BD_RIPPLE).sin();
    let angle = p.lat_deg.atan2(p.lon_deg) + 0.000_003 * (p.lon_deg * BD_RIPPLE).cos();
    MapPoint {
        lat_deg: radius * angle.sin() + 0.006,
        lon_deg: radius * angle.cos() + 0.0065,
    }
}

/// One place onto WGS-84; `None` off the globe, which no place on the globe comes to.
pub(super) fn place_to_wgs84(datum: Datum, p: LatLon) -> Option<LatLon> {
    let w = to_wgs84(
        datum,
        MapPoint {
            lat_deg: p.lat_deg(),
            lon_deg: p.lon_deg(),
        },
    );
    LatLon::from_degrees(w.lat_deg, w.lon_deg).ok()
}

/// Moves every shape of `venue` from its datum to WGS-84 and says so in its datum.
///
/// Edges are cut into pieces of 2 km first. A circle keeps its radius in metres, but where the grid stretches it, a
/// boundary takes the smaller and anything else the larger reading.
///
/// # Errors
/// When the pieces are too many.
pub(super) fn venue_to_wgs84(venue: &mut Venue) -> Result<(), ImportError> {
    let datum = venue.datum;
    let mut corners = 0;
    for z in &mut venue.zones {
        let lost = || ImportError::new(Fault::Coordinate, &z.id, "cannot be moved to WGS-84");
        match &mut z.shape {
            Shape::Point(p) => *p = place_to_wgs84(datum, *p).ok_or_else(lost)?,
            Shape::Circle { centre, radius_m } => {
                let moved = place_to_wgs84(datum, *centre).ok_or_else(lost)?;
                let (map, world) = (LocalPlane::new(*centre), LocalPlane::new(moved));
                let rim = (0..64).filter_map(|i| {
                    let a = std::f64::consts::TAU * f64::from(i) / 64.0;
                    let at = EastNorth::new(*radius_m * a.cos(), *radius_m * a.sin());
                    let rim = world.to_local(place_to_wgs84(datum, map.to_latlon(at)?)?);
                    Some(rim.distance_m(EastNorth::new(0.0, 0.0)))
                });
                *radius_m = if z.role == Role::Inclusion {
                    rim.fold(*radius_m, f64::min)
                } else {
                    rim.fold(*radius_m, f64::max)
                };
                *centre = moved;
            }
            Shape::Polygon { outer, holes } => {
                for ring in std::iter::once(outer).chain(holes) {
                    let pieces = in_pieces(ring, &mut corners)
                        .ok_or_else(|| {
                            ImportError::new(
                                Fault::TooLarge,
                                &z.id,
                                format!(
                                    "its edges are so long that cutting them takes more than {MAX_VERTICES} corners; draw a smaller venue"
                                ),
                            )
                        })?;
                    *ring = pieces
                        .into_iter()
                        .map(|p| place_to_wgs84(datum, p))
                        .collect::<Option<Vec<_>>>()
                        .ok_or_else(lost)?;
                }
            }
        }
    }
    venue.datum = Datum::Wgs84;
    Ok(())
}

/// The ring with corners put into long edges; `None` when there would be more than [`MAX_VERTICES`] in all.
fn in_pieces(ring: &[LatLon], corners: &mut usize) -> Option<Vec<LatLon>> {
    let mut out = Vec::with_capacity(ring.len());
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let dlat = b.lat_deg() - a.lat_deg();
        let dlon = b.lon_deg() - a.lon_deg();
        let length_m = dlat.hypot(dlon * a.lat_deg().to_radians().cos()) * 111_320.0;
        // At most 360°/2 km pieces, which a usize holds.
        let pieces = (length_m / PIECE_M).ceil().max(1.0) as usize;
        *corners += pieces;
        if *corners > MAX_VERTICES {
            return None;
        }
        for i in 0..pieces {
            let t = i as f64 / pieces as f64;
            out.push(LatLon::from_degrees(a.lat_deg() + t * dlat, a.lon_deg() + t * dlon).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(lat_deg: f64, lon_deg: f64) -> MapPoint {
        MapPoint { lat_deg, lon_deg }
    }
    /// Metres, well enough for a few hundred of them.
    fn apart_m(a: MapPoint, b: MapPoint) -> f64 {
        let d = a.minus(b);
        d.lat_deg
            .hypot(d.lon_deg * a.lat_deg.to_radians().cos())
            .to_radians()
            * 6_371_000.0
    }

    #[test]
    fn published_pairs_are_met_within_a_tenth_of_a_metre() {
        // Test vectors of eviltransform (its go, ruby and matlab tests alike): WGS-84, GCJ-02.
        for (wgs, gcj) in [
            (
                at(31.177_427_6, 121.527_210_6),
                at(31.175_303_983_645_97, 121.531_541_859_215),
            ),
            (
                at(22.543_847, 113.912_316),
                at(22.540_796_131_694_766, 113.917_176_480_836_3),
            ),
            (
                at(39.911_954, 116.377_817),
                at(39.913_345_455_360_69, 116.384_047_224_556_57),
            ),
        ] {
            assert!(apart_m(from_wgs84(Datum::Gcj02, wgs), gcj) < 0.1);
            assert!(apart_m(to_wgs84(Datum::Gcj02, gcj), wgs) < 0.1);
        }
        // coordtransform (<https://github.com/wandergis/coordtransform>): WGS-84 to GCJ-02, GCJ-02 to BD-09. The pairs of
        // eviltransform for BD-09 are not used: it ripples with π where Baidu has π · 3000 / 180, up to 40 m off.
        let p = at(39.915, 116.404);
        let gcj = at(39.916_404_281_501_64, 116.410_244_499_169_38);
        assert!(apart_m(from_wgs84(Datum::Gcj02, p), gcj) < 1e-3);
        assert!(apart_m(to_wgs84(Datum::Gcj02, gcj), p) < 1e-3);
        let bd = at(39.921_336_993_510_21, 116.410_369_493_710_29);
        assert!(apart_m(bd_from_gcj(p), bd) < 1e-3);
        assert!(apart_m(to_wgs84(Datum::Bd09, bd), to_wgs84(Datum::Gcj02, p)) < 1e-3);
    }

    #[test]
    fn abroad_nothing_moves() {
        for p in [
            at(39.7392, -104.9903),
            at(-27.4698, 153.0251),
            at(60.17, 24.94),
            at(35.6812, 139.7671),
        ] {
            for d in [Datum::Gcj02, Datum::Bd09] {
                assert_eq!((to_wgs84(d, p), from_wgs84(d, p)), (p, p));
            }
        }
    }

    proptest! {
        #[test]
        fn there_and_back_over_china_is_the_same_place(lat in 3.0..54.0f64, lon in 73.0..136.0f64) {
            let p = at(lat, lon);
            for d in [Datum::Gcj02, Datum::Bd09] {
                let m = from_wgs84(d, p);
                prop_assert!(apart_m(m, p) > 1.0 && apart_m(m, p) < 3_000.0);
                prop_assert!(apart_m(to_wgs84(d, m), p) < 1e-4, "{d:?} {}", apart_m(to_wgs84(d, m), p));
                prop_assert!(apart_m(from_wgs84(d, to_wgs84(d, p)), p) < 1e-4);
            }
        }

        #[test]
        fn no_number_keeps_the_way_back_from_ending(lat in any::<f64>(), lon in any::<f64>()) {
            for d in [Datum::Gcj02, Datum::Bd09, Datum::Wgs84, Datum::Unknown] {
                let _ = (to_wgs84(d, at(lat, lon)), from_wgs84(d, at(lat, lon)));
            }
        }

        #[test]
        fn a_straight_edge_of_a_map_stays_within_a_metre(lat in 20.0..45.0f64, lon in 80.0..130.0f64, dx in -0.06..0.06f64, dy in -0.06..0.06f64) {
            // Halfway of each piece against the piece's own bend.
            let corner = |lat, lon| LatLon::from_degrees(lat, lon).unwrap();
            let ring = vec![corner(lat, lon), corner(lat + dy, lon + dx), corner(lat - dx, lon + dy)];
            let pieces = in_pieces(&ring, &mut 0).unwrap();
            for (a, b) in pieces.iter().zip(pieces.iter().cycle().skip(1)) {
                let half = |p: MapPoint, q: MapPoint| at((p.lat_deg + q.lat_deg) / 2.0, (p.lon_deg + q.lon_deg) / 2.0);
                let (a, b) = (at(a.lat_deg(), a.lon_deg()), at(b.lat_deg(), b.lon_deg()));
                let bend = apart_m(to_wgs84(Datum::Gcj02, half(a, b)), half(to_wgs84(Datum::Gcj02, a), to_wgs84(Datum::Gcj02, b)));
                prop_assert!(bend < 0.6, "{bend}");
            }
        }
    }
}
