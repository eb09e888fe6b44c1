//! Venues and plans for the stories here, and geometry of the judges' own: it shares none with `missions::fence`.
#![allow(dead_code, clippy::unwrap_used)]

use missions::energy::Wind;
use missions::fence::FenceDraft;
use missions::flight::OnLinkLoss;
use missions::place::{Alt, Datum, Home, LatLon};
use missions::plan::{Estimate, FORMAT, PlanFile, PlanItem, build_fence, hex};
use missions::time::{Utc, Window};
use missions::vehicle::VehicleSpec;
use missions::venue::{Ground, Limit, Role, Shape, Venue, Zone};
use std::path::PathBuf;

pub const LAT0: f64 = 27.787;
pub const LON0: f64 = 120.091;
/// Radii of curvature of WGS-84 at 27.787° N, times a degree (worked out apart, from a and f).
const M_PER_DEG_LAT: f64 = 110_816.025;
const M_PER_DEG_LON: f64 = 98_554.600;

pub fn place(x_m: f64, y_m: f64) -> LatLon {
    LatLon::from_degrees(LAT0 + y_m / M_PER_DEG_LAT, LON0 + x_m / M_PER_DEG_LON).unwrap()
}

pub fn metres(p: LatLon) -> (f64, f64) {
    (
        (p.lon_deg() - LON0) * M_PER_DEG_LON,
        (p.lat_deg() - LAT0) * M_PER_DEG_LAT,
    )
}

pub fn polygon(corners: &[(f64, f64)]) -> Shape {
    Shape::Polygon {
        outer: corners.iter().map(|c| place(c.0, c.1)).collect(),
        holes: Vec::new(),
    }
}

pub fn rectangle(x: (f64, f64), y: (f64, f64)) -> Shape {
    polygon(&[(x.0, y.0), (x.1, y.0), (x.1, y.1), (x.0, y.1)])
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

pub fn venue(zones: Vec<Zone>) -> Venue {
    Venue {
        name: "test".into(),
        datum: Datum::Wgs84,
        ground: Ground::Flat(Alt::from_metres(75.0).unwrap()),
        zones,
        notes: String::new(),
    }
}

pub fn square(half_m: f64) -> Zone {
    zone(
        "edge",
        Role::Inclusion,
        rectangle((-half_m, half_m), (-half_m, half_m)),
    )
}

pub fn evening() -> Window {
    Window {
        from: Utc::from_rfc3339("2026-10-01T12:00:00Z").unwrap(),
        until: Utc::from_rfc3339("2026-10-01T12:10:00Z").unwrap(),
    }
}

pub fn to(x: f64, y: f64, alt_m: f64) -> PlanItem {
    PlanItem::Waypoint {
        at: place(x, y),
        alt: Alt::from_metres(alt_m).unwrap(),
        hold_s: 0.0,
    }
}

pub fn takeoff(alt_m: f64) -> PlanItem {
    PlanItem::Takeoff {
        alt: Alt::from_metres(alt_m).unwrap(),
    }
}

/// A plan over a venue from a home at the middle of the test plane, figures filled in.
pub fn plan(venue: &Venue, items: Vec<PlanItem>) -> PlanFile {
    let at = place(0.0, 0.0);
    let home = Home {
        at,
        alt: venue.ground.height_at(at).unwrap(),
    };
    let mut file = PlanFile {
        format: FORMAT.into(),
        name: "test".into(),
        venue: venue.to_value(),
        vehicle: VehicleSpec::default_quad(),
        home,
        items,
        rally: Vec::new(),
        speed_mps: 8.0,
        margin_m: 0.0,
        launch_window: evening(),
        on_link_loss: OnLinkLoss::Return,
        on_no_officer: None,
        return_alt: Alt::from_metres(60.0).unwrap(),
        over_crowds: false,
        gained: Vec::new(),
        fence_digest: String::new(),
        estimate: Estimate::default(),
        flyable: true,
        wind: Wind::default(),
    };
    refresh(&mut file);
    file
}

/// Figures that follow from the rest.
pub fn refresh(file: &mut PlanFile) {
    if let Ok(fence) = build_fence(file) {
        file.fence_digest = hex(&fence.digest());
    }
    file.estimate = missions::energy::estimate(file);
}

pub fn refused_fence(venue: &Venue) -> String {
    let home = Home {
        at: place(0.0, 0.0),
        alt: Alt::from_metres(75.0).unwrap(),
    };
    FenceDraft::from_venue(venue, home)
        .check()
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// A file of the real data; `None` where they are absent, which CI does not forgive.
pub fn data(name: &str) -> Option<Vec<u8>> {
    let dir = std::env::var_os("PATROL_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    match std::fs::read(dir.join(name)) {
        Ok(bytes) => Some(bytes),
        Err(e) => {
            println!("skipped: {name}: {e}");
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "on CI the data must be there"
            );
            None
        }
    }
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
            let ring: Vec<_> = outer.iter().map(|p| metres(*p)).collect();
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

/// Clearance at a point and an instant, metres: into the inclusion, out of every keep-out that is in force then and at
/// that height.
pub fn clearance_m(venue: &Venue, p: (f64, f64), amsl_m: f64, at: Utc) -> f64 {
    let Ground::Flat(ground) = &venue.ground else {
        panic!("flat venues only");
    };
    let height = |l: Option<Limit>, none: f64| match l {
        None => none,
        Some(Limit::Amsl(a)) => a.metres(),
        Some(Limit::AboveGround(a)) => ground.metres() + a.metres(),
        Some(Limit::AboveHome(a)) => ground.metres() + a.metres(),
    };
    venue
        .zones
        .iter()
        .filter_map(|z| match z.role {
            Role::Inclusion => Some(depth_m(p, &z.shape)),
            Role::Exclusion | Role::Show => {
                let on = z.window.is_none_or(|w| w.from <= at && at < w.until);
                let there = amsl_m > height(z.floor, f64::NEG_INFINITY)
                    && amsl_m < height(z.ceiling, f64::INFINITY);
                (on && there).then(|| -depth_m(p, &z.shape))
            }
            _ => None,
        })
        .fold(f64::INFINITY, f64::min)
}
