//! For tests only: random venues, and a judge of containment that shares no geometry with [`crate::fence`].
//!
//! The judge looks at many points of a leg; inside-ness by summed angles, distance by plain projection onto segments, on
//! an equirectangular plane of its own. Slow, and hard to get wrong in the same way.

use crate::place::{Alt, Datum, Home, LatLon};
use crate::time::{Utc, Window};
use crate::venue::{Ground, Limit, Role, Shape, Venue, Zone};
use proptest::prelude::*;

pub const LAT0: f64 = 27.787;
pub const LON0: f64 = 120.091;
/// Radii of curvature of WGS-84 at 27.787° N, times a degree (worked out apart, from a and f).
const M_PER_DEG_LAT: f64 = 110_816.025;
const M_PER_DEG_LON: f64 = 98_554.600;

/// Metres east and north of the test venues' middle to a place.
pub fn place(x_m: f64, y_m: f64) -> LatLon {
    LatLon::from_degrees(LAT0 + y_m / M_PER_DEG_LAT, LON0 + x_m / M_PER_DEG_LON).unwrap()
}

/// And back.
pub fn metres(p: LatLon) -> (f64, f64) {
    (
        (p.lon_deg() - LON0) * M_PER_DEG_LON,
        (p.lat_deg() - LAT0) * M_PER_DEG_LAT,
    )
}

pub fn zone(id: &str, role: Role, shape: Shape) -> Zone {
    Zone {
        id: id.into(),
        name: id.into(),
        role,
        shape,
        floor: None,
        ceiling: (role == Role::Inclusion)
            .then(|| Limit::AboveGround(Alt::from_metres(120.0).unwrap())),
        window: None,
    }
}

pub fn polygon(corners: &[(f64, f64)]) -> Shape {
    Shape::Polygon {
        outer: corners.iter().map(|c| place(c.0, c.1)).collect(),
        holes: Vec::new(),
    }
}

pub fn venue(zones: Vec<Zone>) -> Venue {
    Venue {
        name: "test".into(),
        datum: Datum::Wgs84,
        ground: Ground::Flat(Alt::from_metres(75.0).unwrap()),
        zones,
        notes: String::new(),
    }
}

pub fn home(x_m: f64, y_m: f64) -> Home {
    Home {
        at: place(x_m, y_m),
        alt: Alt::from_metres(75.0).unwrap(),
    }
}

pub fn amsl(metres: f64) -> Alt<crate::place::Amsl> {
    Alt::from_metres(metres).unwrap()
}

/// The evening of the show.
pub fn evening() -> Window {
    Window {
        from: Utc::from_rfc3339("2026-10-01T12:00:00Z").unwrap(),
        until: Utc::from_rfc3339("2026-10-01T12:10:00Z").unwrap(),
    }
}

/// A ring around a middle, with corners at growing angles: never crosses itself, often far from convex.
fn star(
    middle: (f64, f64),
    radius: std::ops::Range<f64>,
    corners: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((radius, 0.1..1.0f64), corners).prop_map(move |spokes| {
        let whole: f64 = spokes.iter().map(|s| s.1).sum();
        let mut angle = 0.0;
        spokes
            .into_iter()
            .map(|(r, share)| {
                angle += std::f64::consts::TAU * share / whole;
                (
                    middle.0 + r * f64::cos(angle),
                    middle.1 + r * f64::sin(angle),
                )
            })
            .collect()
    })
}

/// A venue of some 400 m with up to five keep-outs, polygons and discs. Its middle is home and mostly free.
pub fn any_venue() -> impl Strategy<Value = Venue> {
    let keepout = (60.0..400.0f64, 0.0..std::f64::consts::TAU).prop_flat_map(|(r, a)| {
        let middle = (r * a.cos(), r * a.sin());
        prop_oneof![
            3 => star(middle, 5.0..60.0, 3..9).prop_map(|c| polygon(&c)),
            1 => (5.0..50.0f64).prop_map(move |radius_m| Shape::Circle { centre: place(middle.0, middle.1), radius_m }),
        ]
    });
    (
        star((0.0, 0.0), 90.0..420.0, 3..24),
        prop::collection::vec(keepout, 0..6),
    )
        .prop_map(|(boundary, keepouts)| {
            let mut zones = vec![
                zone("edge", Role::Inclusion, polygon(&boundary)),
                zone("pad", Role::Launch, Shape::Point(place(0.0, 0.0))),
            ];
            for (i, shape) in keepouts.into_iter().enumerate() {
                zones.push(zone(&format!("keep-out-{i}"), Role::Exclusion, shape));
            }
            venue(zones)
        })
}

fn ring_of(points: &[LatLon]) -> Vec<(f64, f64)> {
    points.iter().map(|p| metres(*p)).collect()
}

fn turns_around(p: (f64, f64), ring: &[(f64, f64)]) -> bool {
    let mut sum = 0.0;
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        let (u, v) = ((a.0 - p.0, a.1 - p.1), (b.0 - p.0, b.1 - p.1));
        sum += (u.0 * v.1 - u.1 * v.0).atan2(u.0 * v.0 + u.1 * v.1);
    }
    sum.abs() > std::f64::consts::PI
}

fn to_ring_m(p: (f64, f64), ring: &[(f64, f64)]) -> f64 {
    (0..ring.len())
        .map(|i| {
            let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
            let d = (b.0 - a.0, b.1 - a.1);
            let t =
                (((p.0 - a.0) * d.0 + (p.1 - a.1) * d.1) / (d.0 * d.0 + d.1 * d.1)).clamp(0.0, 1.0);
            (p.0 - a.0 - t * d.0).hypot(p.1 - a.1 - t * d.1)
        })
        .fold(f64::INFINITY, f64::min)
}

fn depth_m(p: (f64, f64), shape: &Shape) -> f64 {
    match shape {
        Shape::Polygon { outer, .. } => {
            let ring = ring_of(outer);
            let d = to_ring_m(p, &ring);
            if turns_around(p, &ring) { d } else { -d }
        }
        Shape::Circle { centre, radius_m } => {
            let c = metres(*centre);
            radius_m - (p.0 - c.0).hypot(p.1 - c.1)
        }
        Shape::Point(_) => f64::NEG_INFINITY,
    }
}

/// Clearance at a point, metres: into the inclusion, out of every exclusion; heights and clocks ignored.
pub fn clearance_m(venue: &Venue, p: (f64, f64)) -> f64 {
    venue
        .zones
        .iter()
        .filter_map(|z| match z.role {
            Role::Inclusion => Some(depth_m(p, &z.shape)),
            Role::Exclusion | Role::Show => Some(-depth_m(p, &z.shape)),
            _ => None,
        })
        .fold(f64::INFINITY, f64::min)
}

/// Least clearance over points of a leg that are at most `step_m` apart.
pub fn least_clearance_m(venue: &Venue, from: LatLon, to: LatLon, step_m: f64) -> f64 {
    let (a, b) = (metres(from), metres(to));
    let n = ((b.0 - a.0).hypot(b.1 - a.1) / step_m).ceil().max(1.0) as usize;
    (0..=n)
        .map(|i| {
            let t = i as f64 / n as f64;
            clearance_m(venue, (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)))
        })
        .fold(f64::INFINITY, f64::min)
}
