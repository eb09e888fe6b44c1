//! The venue as the simulated world sees it, read from its GeoJSON here and nowhere else.
//!
//! The world and the [`crate::oracle`] must not share geometry with what they judge, so this file has its own reader,
//! its own projection (equirectangular, WGS-84 radii of curvature at the venue's middle) and its own distances. It
//! never uses `missions::venue`, `missions::fence` or `missions::plane`.

use serde_json::Value;
use thiserror::Error;

/// Why a venue cannot be staged.
#[derive(Debug, Error)]
pub enum SiteError {
    /// Not JSON.
    #[error("the venue is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON, but not what is needed.
    #[error("the venue has no usable {0}")]
    Lacks(&'static str),
    /// A time that is no RFC 3339 UTC time.
    #[error("`{0}` is not an RFC 3339 time")]
    BadTime(String),
}

/// Metres east and north of the site's middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// East, metres.
    pub x_m: f64,
    /// North, metres.
    pub y_m: f64,
}

impl Spot {
    /// A spot.
    #[must_use]
    pub const fn new(x_m: f64, y_m: f64) -> Self {
        Spot { x_m, y_m }
    }
    /// Straight distance, metres.
    #[must_use]
    pub fn distance_m(self, o: Spot) -> f64 {
        (self.x_m - o.x_m).hypot(self.y_m - o.y_m)
    }
}

/// Equirectangular projection about the site's middle. Within 600 m it is good to 3 cm.
#[derive(Clone, Copy, Debug)]
pub struct Flat {
    lat0_deg: f64,
    lon0_deg: f64,
    m_per_deg_lat: f64,
    m_per_deg_lon: f64,
}

impl Flat {
    /// About a middle, degrees.
    #[must_use]
    pub fn about(lat0_deg: f64, lon0_deg: f64) -> Self {
        const A_M: f64 = 6_378_137.0;
        const E2: f64 = 0.006_694_379_990_141_317;
        let s = lat0_deg.to_radians().sin();
        let w2 = 1.0 - E2 * s * s;
        let degree = std::f64::consts::PI / 180.0;
        Flat {
            lat0_deg,
            lon0_deg,
            m_per_deg_lat: A_M * (1.0 - E2) / w2.powf(1.5) * degree,
            m_per_deg_lon: A_M / w2.sqrt() * lat0_deg.to_radians().cos() * degree,
        }
    }
    /// Onto the plane.
    #[must_use]
    pub fn spot(&self, lat_deg: f64, lon_deg: f64) -> Spot {
        Spot::new(
            (lon_deg - self.lon0_deg) * self.m_per_deg_lon,
            (lat_deg - self.lat0_deg) * self.m_per_deg_lat,
        )
    }
    /// Back to `(lat, lon)` degrees.
    #[must_use]
    pub fn degrees(&self, p: Spot) -> (f64, f64) {
        (
            self.lat0_deg + p.y_m / self.m_per_deg_lat,
            self.lon0_deg + p.x_m / self.m_per_deg_lon,
        )
    }
}

/// The shape of a zone on the plane.
#[derive(Clone, Debug)]
pub enum Form {
    /// Rings, not closed: the outer one, then holes.
    Polygon(Vec<Vec<Spot>>),
    /// A disc.
    Disc {
        /// Middle.
        centre: Spot,
        /// Radius, metres.
        radius_m: f64,
    },
    /// A point.
    Point(Spot),
}

impl Form {
    /// Distance to the form's edge, metres: positive inside, negative outside.
    #[must_use]
    pub fn depth_m(&self, p: Spot) -> f64 {
        match self {
            Form::Polygon(rings) => {
                let edge = rings
                    .iter()
                    .flat_map(|r| edges(r))
                    .map(|(a, b)| to_segment_m(p, a, b))
                    .fold(f64::INFINITY, f64::min);
                // A point is inside when it is inside an odd number of rings: the outer one and no hole.
                if rings.iter().filter(|r| winds_around(p, r)).count() % 2 == 1 {
                    edge
                } else {
                    -edge
                }
            }
            Form::Disc { centre, radius_m } => radius_m - p.distance_m(*centre),
            Form::Point(at) => -p.distance_m(*at),
        }
    }
    /// A middle: the area centroid of the outer ring, the disc's centre, the point.
    #[must_use]
    pub fn middle(&self) -> Spot {
        match self {
            Form::Polygon(rings) => {
                let Some(ring) = rings.first() else {
                    return Spot::new(0.0, 0.0);
                };
                let (mut area, mut x, mut y) = (0.0, 0.0, 0.0);
                for (a, b) in edges(ring) {
                    let cross = a.x_m * b.y_m - b.x_m * a.y_m;
                    area += cross;
                    x += (a.x_m + b.x_m) * cross;
                    y += (a.y_m + b.y_m) * cross;
                }
                Spot::new(x / (3.0 * area), y / (3.0 * area))
            }
            Form::Disc { centre, .. } => *centre,
            Form::Point(p) => *p,
        }
    }
    /// South-west and north-east corners of the box around the form.
    #[must_use]
    pub fn bounds(&self) -> (Spot, Spot) {
        let of = |spots: &mut dyn Iterator<Item = Spot>| {
            spots.fold(
                (
                    Spot::new(f64::INFINITY, f64::INFINITY),
                    Spot::new(f64::NEG_INFINITY, f64::NEG_INFINITY),
                ),
                |(lo, hi), p| {
                    (
                        Spot::new(lo.x_m.min(p.x_m), lo.y_m.min(p.y_m)),
                        Spot::new(hi.x_m.max(p.x_m), hi.y_m.max(p.y_m)),
                    )
                },
            )
        };
        match self {
            Form::Polygon(rings) => of(&mut rings.iter().flatten().copied()),
            Form::Disc {
                centre: c,
                radius_m: r,
            } => (
                Spot::new(c.x_m - r, c.y_m - r),
                Spot::new(c.x_m + r, c.y_m + r),
            ),
            Form::Point(p) => (*p, *p),
        }
    }
}

fn edges(ring: &[Spot]) -> impl Iterator<Item = (Spot, Spot)> + '_ {
    ring.iter()
        .copied()
        .zip(ring.iter().copied().cycle().skip(1))
}

fn to_segment_m(p: Spot, a: Spot, b: Spot) -> f64 {
    let (dx, dy) = (b.x_m - a.x_m, b.y_m - a.y_m);
    let len2 = dx * dx + dy * dy;
    let t = if len2 > 0.0 {
        (((p.x_m - a.x_m) * dx + (p.y_m - a.y_m) * dy) / len2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    p.distance_m(Spot::new(a.x_m + t * dx, a.y_m + t * dy))
}

/// Whether the ring turns around `p` (winding number by summed angles: slow and hard to get wrong).
fn winds_around(p: Spot, ring: &[Spot]) -> bool {
    let turn: f64 = edges(ring)
        .map(|(a, b)| {
            let (ax, ay) = (a.x_m - p.x_m, a.y_m - p.y_m);
            let (bx, by) = (b.x_m - p.x_m, b.y_m - p.y_m);
            (ax * by - ay * bx).atan2(ax * bx + ay * by)
        })
        .sum();
    turn.abs() > std::f64::consts::PI
}

/// A zone of the venue.
#[derive(Clone, Debug)]
pub struct SiteZone {
    /// Id in the venue.
    pub id: String,
    /// `inclusion`, `exclusion`, `show`, `crowd`, `watch_zone`, `no_look`, `launch` or `landing`.
    pub role: String,
    /// Where.
    pub form: Form,
    /// Lower limit, metres above mean sea level.
    pub floor_amsl_m: Option<f64>,
    /// Upper limit, metres above mean sea level.
    pub ceiling_amsl_m: Option<f64>,
    /// UTC µs, half open; `None` always.
    pub window_us: Option<(i64, i64)>,
}

/// The venue on the plane.
#[derive(Clone, Debug)]
pub struct Site {
    /// The projection.
    pub flat: Flat,
    /// Height of the (flat) ground above mean sea level, metres.
    pub ground_amsl_m: f64,
    /// Every zone, in file order.
    pub zones: Vec<SiteZone>,
}

impl Site {
    /// Reads a venue GeoJSON (RFC 7946 feature collection).
    ///
    /// # Errors
    /// [`SiteError`] when it is no such collection, or lacks a boundary or the ground's height.
    pub fn from_geojson(text: &str) -> Result<Site, SiteError> {
        let root: Value = serde_json::from_str(text)?;
        let ground_amsl_m = root
            .get("ground_amsl_m")
            .and_then(Value::as_f64)
            .ok_or(SiteError::Lacks("ground_amsl_m"))?;
        let features = root
            .get("features")
            .and_then(Value::as_array)
            .ok_or(SiteError::Lacks("features"))?;
        let is_inclusion = |f: &&Value| text_of(f, "role") == Some("inclusion");
        let boundary = features
            .iter()
            .find(is_inclusion)
            .ok_or(SiteError::Lacks("inclusion zone"))?;
        let corners: Vec<(f64, f64)> = boundary
            .pointer("/geometry/coordinates/0")
            .and_then(Value::as_array)
            .ok_or(SiteError::Lacks("inclusion polygon"))?
            .iter()
            .filter_map(lon_lat)
            .collect();
        let (lo, hi) = corners.iter().fold(
            ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN)),
            |(lo, hi), c| {
                (
                    (lo.0.min(c.0), lo.1.min(c.1)),
                    (hi.0.max(c.0), hi.1.max(c.1)),
                )
            },
        );
        let flat = Flat::about((lo.1 + hi.1) / 2.0, (lo.0 + hi.0) / 2.0);
        let mut zones = Vec::new();
        for f in features {
            zones.push(zone(f, &flat, ground_amsl_m)?);
        }
        Ok(Site {
            flat,
            ground_amsl_m,
            zones,
        })
    }

    /// Zones of one role.
    pub fn of_role<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a SiteZone> + 'a {
        self.zones.iter().filter(move |z| z.role == role)
    }
}

fn text_of<'a>(feature: &'a Value, key: &str) -> Option<&'a str> {
    feature.get("properties")?.get(key)?.as_str()
}

fn lon_lat(v: &Value) -> Option<(f64, f64)> {
    Some((v.get(0)?.as_f64()?, v.get(1)?.as_f64()?))
}

fn zone(f: &Value, flat: &Flat, ground_amsl_m: f64) -> Result<SiteZone, SiteError> {
    let properties = f.get("properties").unwrap_or(&Value::Null);
    let spot = |v: &Value| lon_lat(v).map(|(lon, lat)| flat.spot(lat, lon));
    let coordinates = f
        .pointer("/geometry/coordinates")
        .ok_or(SiteError::Lacks("geometry"))?;
    let form = match f.pointer("/geometry/type").and_then(Value::as_str) {
        Some("Polygon") => Form::Polygon(
            coordinates
                .as_array()
                .into_iter()
                .flatten()
                .map(|ring| {
                    let mut ring: Vec<Spot> = ring
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(spot)
                        .collect();
                    if ring.len() > 1 && ring.first() == ring.last() {
                        ring.pop();
                    }
                    ring
                })
                .collect(),
        ),
        Some("Point") => {
            let at = spot(coordinates).ok_or(SiteError::Lacks("point"))?;
            match properties.get("radius_m").and_then(Value::as_f64) {
                Some(radius_m) => Form::Disc {
                    centre: at,
                    radius_m,
                },
                None => Form::Point(at),
            }
        }
        _ => return Err(SiteError::Lacks("polygon or point geometry")),
    };
    // With flat ground and home on it, above home and above ground are the same height.
    let datum_m = match text_of(f, "limit_frame") {
        Some("amsl") => 0.0,
        _ => ground_amsl_m,
    };
    let limit = |key: &str| {
        properties
            .get(key)
            .and_then(Value::as_f64)
            .map(|m| m + datum_m)
    };
    let time = |key: &str| text_of(f, key).map(utc_us_from_rfc3339).transpose();
    let window_us = match (time("from")?, time("until")?) {
        (None, None) => None,
        (a, b) => Some((a.unwrap_or(i64::MIN), b.unwrap_or(i64::MAX))),
    };
    Ok(SiteZone {
        id: text_of(f, "id").unwrap_or_default().to_owned(),
        role: text_of(f, "role").unwrap_or_default().to_owned(),
        form,
        floor_amsl_m: limit("floor_m"),
        ceiling_amsl_m: limit("ceiling_m"),
        window_us,
    })
}

/// UTC µs since 1970 from RFC 3339 (`2026-10-01T12:02:00Z`, or with an offset; fractions allowed).
///
/// # Errors
/// [`SiteError::BadTime`].
pub fn utc_us_from_rfc3339(text: &str) -> Result<i64, SiteError> {
    parse_rfc3339(text).ok_or_else(|| SiteError::BadTime(text.to_owned()))
}

fn parse_rfc3339(text: &str) -> Option<i64> {
    let number = |a: usize, b: usize| text.get(a..b)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let separators: Vec<char> = [4, 7, 10, 13, 16]
        .iter()
        .filter_map(|&i| text.get(i..=i)?.chars().next())
        .collect();
    if !matches!(separators[..], ['-', '-', 'T' | 't' | ' ', ':', ':'])
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let rest = text.get(19..)?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let fraction = rest.get(..zone_at)?;
    let micros = match fraction.strip_prefix('.') {
        None if fraction.is_empty() => 0,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<6}").get(..6)?.parse::<i64>().ok()?
        }
        _ => return None,
    };
    let zone = rest.get(zone_at..)?;
    let offset_min = match zone.as_bytes().first()? {
        b'Z' | b'z' if zone.len() == 1 => 0,
        sign @ (b'+' | b'-') if zone.len() == 6 => {
            let m =
                zone.get(1..3)?.parse::<i64>().ok()? * 60 + zone.get(4..6)?.parse::<i64>().ok()?;
            if *sign == b'-' { -m } else { m }
        }
        _ => return None,
    };
    // Days from civil (Howard Hinnant's algorithm).
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let days = era * 146_097 + doe - 719_468;
    Some((days * 86_400 + hour * 3_600 + (minute - offset_min) * 60 + second) * 1_000_000 + micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(half_m: f64) -> Vec<Spot> {
        [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .iter()
            .map(|(x, y)| Spot::new(x * half_m, y * half_m))
            .collect()
    }

    #[test]
    fn depth_is_positive_inside_negative_in_holes_and_outside() {
        let ring_with_hole = Form::Polygon(vec![square(100.0), square(10.0)]);
        assert!((ring_with_hole.depth_m(Spot::new(50.0, 0.0)) - 40.0).abs() < 1e-9);
        assert!((ring_with_hole.depth_m(Spot::new(95.0, 0.0)) - 5.0).abs() < 1e-9);
        assert!((ring_with_hole.depth_m(Spot::new(3.0, 0.0)) + 7.0).abs() < 1e-9);
        assert!((ring_with_hole.depth_m(Spot::new(103.0, 104.0)) + 5.0).abs() < 1e-9);
        let disc = Form::Disc {
            centre: Spot::new(1.0, 0.0),
            radius_m: 5.0,
        };
        assert!((disc.depth_m(Spot::new(4.0, 0.0)) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn rfc_3339_times_are_read_as_utc() {
        assert_eq!(utc_us_from_rfc3339("1970-01-01T00:00:00Z").unwrap(), 0);
        let noon = utc_us_from_rfc3339("2026-10-01T12:02:00Z").unwrap();
        assert_eq!(noon, 1_790_856_120_000_000);
        assert_eq!(
            utc_us_from_rfc3339("2026-10-01T20:02:00.5+08:00").unwrap(),
            noon + 500_000
        );
        for bad in [
            "",
            "2026-10-01",
            "2026-13-01T00:00:00Z",
            "2026-10-01T12:02:00",
        ] {
            assert!(utc_us_from_rfc3339(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_projection_comes_back_and_measures_true() {
        let flat = Flat::about(27.787, 120.091);
        let (lat, lon) = flat.degrees(Spot::new(400.0, -200.0));
        assert!(flat.spot(lat, lon).distance_m(Spot::new(400.0, -200.0)) < 1e-6);
        // One minute of latitude at 27.8 N is 1847.0 m on WGS-84.
        assert!((flat.spot(27.787 + 1.0 / 60.0, 120.091).y_m - 1846.8).abs() < 0.5);
    }
}
