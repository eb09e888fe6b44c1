//! Random venues and plans over them: what the containment campaign flies. One seed, one plan.
//!
//! Plans come from `missions::planner` as an officer's do; nothing here knows what will be flown against them.

use missions::flight::OnLinkLoss;
use missions::place::{Alt, Datum, LatLon};
use missions::plan::PatrolPlan;
use missions::plane::{EastNorth, LocalPlane};
use missions::planner::{PatrolRequest, Pattern, plan_patrol};
use missions::time::{Utc, Window};
use missions::vehicle::VehicleSpec;
use missions::venue::{Ground, Limit, Role, Shape, Venue, Zone};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;

/// World UTC when every flight begins: 2026-10-01 20:02 in Beijing.
pub const START: Utc = Utc(1_790_856_120_000_000);
/// Mass is drawn up to 30 % above what is believed, and power goes with mass to the 3/2: whoever does not know the mass
/// better keeps that much energy spare. The drawn flights' bound is on the guard; an aircraft whose battery is needed for
/// the way home turns back with or without one.
const HEAVIEST_POWER: f64 = 1.482;
/// Tries before a seed is said to give no plan.
const TRIES: u32 = 60;

/// A plan over a venue, and the venue as the oracle reads it.
pub struct Case {
    /// The plan.
    pub plan: PatrolPlan,
    /// Venue GeoJSON.
    pub venue_geojson: String,
}

fn between(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// A ring of corners at growing angles about a middle: never crosses itself, often far from convex.
fn star(
    rng: &mut ChaCha8Rng,
    middle: EastNorth,
    radius: (f64, f64),
    corners: u32,
) -> Vec<EastNorth> {
    let shares: Vec<f64> = (0..corners).map(|_| between(rng, 0.3, 1.0)).collect();
    let whole: f64 = shares.iter().sum();
    let mut angle = between(rng, 0.0, TAU);
    shares
        .iter()
        .map(|s| {
            angle += TAU * s / whole;
            let r = between(rng, radius.0, radius.1);
            EastNorth::new(
                middle.east_m + r * angle.sin(),
                middle.north_m + r * angle.cos(),
            )
        })
        .collect()
}

fn zone(id: String, role: Role, shape: Shape) -> Zone {
    Zone {
        name: id.clone(),
        id,
        role,
        shape,
        floor: None,
        ceiling: None,
        window: None,
    }
}

fn venue(rng: &mut ChaCha8Rng) -> Option<Venue> {
    let middle = LatLon::from_degrees(between(rng, 22.0, 42.0), between(rng, 100.0, 122.0)).ok()?;
    let plane = LocalPlane::new(middle);
    let ring = |corners: Vec<EastNorth>| -> Option<Shape> {
        Some(Shape::Polygon {
            outer: corners
                .into_iter()
                .map(|c| plane.to_latlon(c))
                .collect::<Option<_>>()?,
            holes: Vec::new(),
        })
    };
    let wide_m = between(rng, 160.0, 420.0);
    let corners = rng.random_range(4..10u32);
    let edge = star(
        rng,
        EastNorth::new(0.0, 0.0),
        (0.6 * wide_m, wide_m),
        corners,
    );
    let mut boundary = zone("edge".into(), Role::Inclusion, ring(edge)?);
    boundary.ceiling = Some(Limit::AboveGround(
        Alt::from_metres(between(rng, 90.0, 120.0).round()).ok()?,
    ));
    let mut zones = vec![boundary];
    for n in 0..rng.random_range(0..4u32) {
        let (r, a) = (between(rng, 60.0, 0.9 * wide_m), between(rng, 0.0, TAU));
        let at = EastNorth::new(r * a.sin(), r * a.cos());
        let shape = if rng.random::<f64>() < 0.3 {
            Shape::Circle {
                centre: plane.to_latlon(at)?,
                radius_m: between(rng, 8.0, 40.0),
            }
        } else {
            let corners = rng.random_range(3..7u32);
            let corners = star(rng, at, (8.0, 45.0), corners);
            ring(corners)?
        };
        let show = rng.random::<f64>() < 0.35;
        let role = if show { Role::Show } else { Role::Exclusion };
        let mut z = zone(format!("out-{n}"), role, shape);
        if show {
            // A box in the air, with a clock that may open in flight.
            z.floor = Some(Limit::AboveGround(
                Alt::from_metres(between(rng, 20.0, 60.0).round()).ok()?,
            ));
            z.ceiling = Some(Limit::AboveGround(
                Alt::from_metres(between(rng, 65.0, 110.0).round()).ok()?,
            ));
            let from = START.after(std::time::Duration::from_secs(rng.random_range(0..1200)));
            z.window = Some(Window {
                from,
                until: from.after(std::time::Duration::from_secs(1800)),
            });
        }
        zones.push(z);
    }
    let mut point = |id: &str, role, r_m: f64| -> Option<Zone> {
        let a = between(rng, 0.0, TAU);
        let at = plane.to_latlon(EastNorth::new(r_m * a.sin(), r_m * a.cos()))?;
        Some(zone(id.into(), role, Shape::Point(at)))
    };
    zones.push(point("launch", Role::Launch, 30.0)?);
    zones.push(point("rally", Role::Landing, 0.35 * wide_m)?);
    Some(Venue {
        name: "random".into(),
        datum: Datum::Wgs84,
        ground: Ground::Flat(Alt::from_metres(between(rng, 0.0, 900.0).round()).ok()?),
        zones,
        notes: String::new(),
    })
}

/// The plan of a seed; `None` when none of the venues drawn can be flown.
pub fn case(seed: u64) -> Option<Case> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(0xC0_57);
    for _ in 0..TRIES {
        let Some(venue) = venue(&mut rng) else {
            continue;
        };
        let pattern = if rng.random::<f64>() < 0.6 {
            Pattern::Sweep {
                swath_m: between(&mut rng, 35.0, 80.0).round(),
                angle_deg: None,
            }
        } else {
            Pattern::Perimeter {
                offset_m: between(&mut rng, 1.0, 40.0).round(),
            }
        };
        let request = PatrolRequest {
            name: format!("containment {seed}"),
            pattern,
            alt: Alt::from_metres(between(&mut rng, 30.0, 85.0).round()).ok()?,
            speed_mps: Some(between(&mut rng, 5.0, 11.0).round()),
            margin_m: 0.0,
            launch_window: Window {
                from: Utc(START.0 - 60_000_000),
                until: START.after(std::time::Duration::from_secs(480)),
            },
            area: None,
            on_link_loss: if rng.random::<bool>() {
                OnLinkLoss::HoldThenReturn { wait_s: 10.0 }
            } else {
                OnLinkLoss::Return
            },
            over_crowds: false,
            wind: missions::energy::Wind::default(),
        };
        if let Ok(plan) = plan_patrol(&venue, &VehicleSpec::default_quad(), &request) {
            let file = plan.file();
            if file.estimate.energy_wh * HEAVIEST_POWER > missions::energy::usable_wh(file) {
                continue;
            }
            let venue_geojson = serde_json::to_string(&plan.file().venue).ok()?;
            return Some(Case {
                plan,
                venue_geojson,
            });
        }
    }
    None
}
