//! The local tangent plane: the sole door between [`LatLon`] and local metres.
//!
//! WGS-84 ECEF rotated into east-north-up at an origin (Zhu/Heiskanen closed forms). Heights are carried
//! separately, because "up" sinks with distance (0.13 m at 1.3 km).

use crate::place::LatLon;
use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

const A_M: f64 = 6_378_137.0;
const F: f64 = 1.0 / 298.257_223_563;
const E2: f64 = F * (2.0 - F);

/// Metres east and north of a [`LocalPlane`]'s origin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EastNorth {
    /// Metres east.
    pub east_m: f64,
    /// Metres north.
    pub north_m: f64,
}

impl EastNorth {
    /// A point.
    #[must_use]
    pub const fn new(east_m: f64, north_m: f64) -> Self {
        EastNorth { east_m, north_m }
    }
    /// Straight distance on the plane, metres.
    #[must_use]
    pub fn distance_m(self, o: EastNorth) -> f64 {
        (self.east_m - o.east_m).hypot(self.north_m - o.north_m)
    }
}

/// An east-north tangent plane at `origin` on the ellipsoid. Good to 1 cm within 10 km.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalPlane {
    origin: LatLon,
    ecef_origin_m: Vector3<f64>,
    enu_from_ecef: Matrix3<f64>,
}

fn ecef_m(lat_deg: f64, lon_deg: f64, h_m: f64) -> Vector3<f64> {
    let (slat, clat) = lat_deg.to_radians().sin_cos();
    let (slon, clon) = lon_deg.to_radians().sin_cos();
    let n = A_M / (1.0 - E2 * slat * slat).sqrt();
    Vector3::new(
        (n + h_m) * clat * clon,
        (n + h_m) * clat * slon,
        (n * (1.0 - E2) + h_m) * slat,
    )
}

impl LocalPlane {
    /// A plane tangent at `origin`.
    #[must_use]
    pub fn new(origin: LatLon) -> Self {
        let (slat, clat) = origin.lat_deg().to_radians().sin_cos();
        let (slon, clon) = origin.lon_deg().to_radians().sin_cos();
        LocalPlane {
            origin,
            ecef_origin_m: ecef_m(origin.lat_deg(), origin.lon_deg(), 0.0),
            enu_from_ecef: Matrix3::new(
                -slon,
                clon,
                0.0,
                -slat * clon,
                -slat * slon,
                clat,
                clat * clon,
                clat * slon,
                slat,
            ),
        }
    }

    /// The point of tangency.
    #[must_use]
    pub fn origin(&self) -> LatLon {
        self.origin
    }

    /// Onto the plane.
    #[must_use]
    pub fn to_local(&self, p: LatLon) -> EastNorth {
        self.to_local_degrees(p.lat_deg(), p.lon_deg())
    }

    /// Onto the plane from unrounded degrees (simulated truth, oracles).
    #[must_use]
    pub fn to_local_degrees(&self, lat_deg: f64, lon_deg: f64) -> EastNorth {
        let v = self.enu_from_ecef * (ecef_m(lat_deg, lon_deg, 0.0) - self.ecef_origin_m);
        EastNorth {
            east_m: v.x,
            north_m: v.y,
        }
    }

    /// Back to unrounded degrees `(lat, lon)`, on the ellipsoid's surface.
    #[must_use]
    pub fn to_degrees(&self, p: EastNorth) -> (f64, f64) {
        // Newton on the forward map: the plane is nearly isometric, so two or three steps reach a nanometre.
        let (slat, clat) = self.origin.lat_deg().to_radians().sin_cos();
        let w = (1.0 - E2 * slat * slat).sqrt();
        let m_per_deg_lat = (A_M * (1.0 - E2) / (w * w * w)).to_radians();
        let m_per_deg_lon = (A_M / w * clat.max(1e-6)).to_radians();
        let (mut lat, mut lon) = (self.origin.lat_deg(), self.origin.lon_deg());
        for _ in 0..8 {
            let q = self.to_local_degrees(lat, lon);
            let (de, dn) = (p.east_m - q.east_m, p.north_m - q.north_m);
            lat += dn / m_per_deg_lat;
            lon += de / m_per_deg_lon;
            if de.abs() + dn.abs() < 1e-7 {
                break;
            }
        }
        (lat, lon)
    }

    /// Back to a [`LatLon`] on the wire grid (5.6 mm of rounding). `None` off the globe.
    #[must_use]
    pub fn to_latlon(&self, p: EastNorth) -> Option<LatLon> {
        let (lat, lon) = self.to_degrees(p);
        LatLon::from_degrees(lat, lon).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_and_back_is_the_same_place(lat in -80.0..80.0f64, lon in -179.0..179.0f64, e in -8000.0..8000.0f64, n in -8000.0..8000.0f64) {
            let plane = LocalPlane::new(LatLon::from_degrees(lat, lon).unwrap());
            let (a, b) = plane.to_degrees(EastNorth::new(e, n));
            prop_assert!(plane.to_local_degrees(a, b).distance_m(EastNorth::new(e, n)) < 1e-5);
        }
    }
}
