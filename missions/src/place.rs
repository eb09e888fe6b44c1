//! Places on the earth, with their datum and height frame in the type.

use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use thiserror::Error;

/// Why a place is no place.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum BadPlace {
    /// NaN or infinite.
    #[error("latitude {lat_deg}, longitude {lon_deg}: not a finite number")]
    NotFinite {
        /// Offending latitude, degrees.
        lat_deg: f64,
        /// Offending longitude, degrees.
        lon_deg: f64,
    },
    /// Off the globe.
    #[error(
        "latitude {lat_deg} is outside -90..90 or longitude {lon_deg} outside -180..180; are latitude and longitude swapped?"
    )]
    OffGlobe {
        /// Offending latitude, degrees.
        lat_deg: f64,
        /// Offending longitude, degrees.
        lon_deg: f64,
    },
    /// A height that is no number.
    #[error("height {0} m is not a finite number")]
    BadHeight(f64),
}

/// A WGS-84 position on MAVLink's grid of 1e-7 degrees (11 mm at the equator), checked and finite.
///
/// Kept as the integers that go over the wire, so that a read-back compares exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub struct LatLon {
    lat_e7: i32,
    lon_e7: i32,
}

impl LatLon {
    /// From degrees, latitude first. Rounds to the wire grid.
    ///
    /// # Errors
    /// [`BadPlace`] when a coordinate is not finite or off the globe.
    pub fn from_degrees(lat_deg: f64, lon_deg: f64) -> Result<Self, BadPlace> {
        if !(lat_deg.is_finite() && lon_deg.is_finite()) {
            return Err(BadPlace::NotFinite { lat_deg, lon_deg });
        }
        if lat_deg.abs() > 90.0 || lon_deg.abs() > 180.0 {
            return Err(BadPlace::OffGlobe { lat_deg, lon_deg });
        }
        Ok(LatLon {
            lat_e7: (lat_deg * 1e7).round() as i32,
            lon_e7: (lon_deg * 1e7).round() as i32,
        })
    }

    /// From the wire's degrees × 1e7.
    ///
    /// # Errors
    /// [`BadPlace::OffGlobe`] when out of range.
    pub fn from_e7(lat_e7: i32, lon_e7: i32) -> Result<Self, BadPlace> {
        if lat_e7.unsigned_abs() > 900_000_000 || lon_e7.unsigned_abs() > 1_800_000_000 {
            return Err(BadPlace::OffGlobe {
                lat_deg: f64::from(lat_e7) * 1e-7,
                lon_deg: f64::from(lon_e7) * 1e-7,
            });
        }
        Ok(LatLon { lat_e7, lon_e7 })
    }

    /// Latitude, degrees.
    #[must_use]
    pub fn lat_deg(self) -> f64 {
        f64::from(self.lat_e7) / 1e7
    }
    /// Longitude, degrees.
    #[must_use]
    pub fn lon_deg(self) -> f64 {
        f64::from(self.lon_e7) / 1e7
    }
    /// Latitude, degrees × 1e7.
    #[must_use]
    pub fn lat_e7(self) -> i32 {
        self.lat_e7
    }
    /// Longitude, degrees × 1e7.
    #[must_use]
    pub fn lon_e7(self) -> i32 {
        self.lon_e7
    }
}

impl TryFrom<(f64, f64)> for LatLon {
    type Error = BadPlace;
    fn try_from((lat, lon): (f64, f64)) -> Result<Self, BadPlace> {
        LatLon::from_degrees(lat, lon)
    }
}
impl From<LatLon> for (f64, f64) {
    fn from(p: LatLon) -> Self {
        (p.lat_deg(), p.lon_deg())
    }
}
impl std::fmt::Display for LatLon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.7}, {:.7}", self.lat_deg(), self.lon_deg())
    }
}

/// Which map grid coordinates were drawn on. Only [`Datum::Wgs84`] may be flown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Datum {
    /// WGS-84: GNSS and MAVLink.
    #[serde(rename = "WGS-84")]
    Wgs84,
    /// GCJ-02: maps sold in China, some 500 m off.
    #[serde(rename = "GCJ-02")]
    Gcj02,
    /// BD-09: Baidu maps.
    #[serde(rename = "BD-09")]
    Bd09,
    /// Nobody said.
    #[serde(rename = "unknown")]
    Unknown,
}

/// Height above mean sea level (geoid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amsl;
/// Height above the home position of this flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AboveHome;
/// Height above the ground right below ("true height").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AboveGround;

/// A height in metres in one frame. There is no arithmetic across frames.
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Alt<F> {
    metres: f64,
    frame: PhantomData<F>,
}

impl<F> Clone for Alt<F> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<F> Copy for Alt<F> {}
impl<F> PartialEq for Alt<F> {
    fn eq(&self, o: &Self) -> bool {
        self.metres == o.metres
    }
}
impl<F> PartialOrd for Alt<F> {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        self.metres.partial_cmp(&o.metres)
    }
}

impl<F> Alt<F> {
    /// Where the frame's heights are counted from.
    pub const ZERO: Self = Alt {
        metres: 0.0,
        frame: PhantomData,
    };
    /// From metres.
    ///
    /// # Errors
    /// [`BadPlace::BadHeight`] when not finite.
    pub fn from_metres(metres: f64) -> Result<Self, BadPlace> {
        if metres.is_finite() {
            Ok(Alt {
                metres,
                frame: PhantomData,
            })
        } else {
            Err(BadPlace::BadHeight(metres))
        }
    }
    /// Metres in this frame.
    #[must_use]
    pub fn metres(self) -> f64 {
        self.metres
    }
}
impl<F> TryFrom<f64> for Alt<F> {
    type Error = BadPlace;
    fn try_from(m: f64) -> Result<Self, BadPlace> {
        Alt::from_metres(m)
    }
}
impl<F> From<Alt<F>> for f64 {
    fn from(a: Alt<F>) -> f64 {
        a.metres
    }
}

/// Where a flight starts: fixes the `AboveHome` frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Home {
    /// Position.
    pub at: LatLon,
    /// Height of home above mean sea level.
    pub alt: Alt<Amsl>,
}

impl Home {
    /// `a` in the sea-level frame.
    #[must_use]
    pub fn to_amsl(&self, a: Alt<AboveHome>) -> Alt<Amsl> {
        Alt {
            metres: a.metres + self.alt.metres,
            frame: PhantomData,
        }
    }
    /// `a` in the home frame.
    #[must_use]
    pub fn to_above_home(&self, a: Alt<Amsl>) -> Alt<AboveHome> {
        Alt {
            metres: a.metres - self.alt.metres,
            frame: PhantomData,
        }
    }
}
