//! What the eyes are told: poses, zones, and who we are.

use crate::eyes::schema::{Down, Pose, ZoneForEyes, ZoneRole, ZoneShape};
use crate::facts::Facts;
use missions::place::Alt;
use missions::plan::PatrolPlan;
use missions::plane::{EastNorth, LocalPlane};
use missions::time::Utc;
use missions::venue::{Role, Shape, Venue};

/// A position older than this against the attitude is not carried forward, ms.
const MAX_AHEAD_MS: i64 = 1_000;

/// The pose at the newest attitude: the newest position carried forward by its velocity.
#[must_use]
pub fn pose(facts: &Facts) -> Option<Pose> {
    let p = facts.position?;
    let ([roll, pitch, yaw], boot_ms) = facts.attitude?.value;
    let ahead_ms = i64::from(boot_ms) - i64::from(p.boot_ms);
    if ahead_ms.abs() > MAX_AHEAD_MS {
        return None;
    }
    let dt_s = ahead_ms as f64 * 1e-3;
    let [north, east, down] = p.vel_ned;
    let (lat_deg, lon_deg) =
        LocalPlane::new(p.at).to_degrees(EastNorth::new(east * dt_s, north * dt_s));
    Some(Pose {
        boot_us: u64::from(boot_ms) * 1000,
        lat_deg,
        lon_deg,
        alt_amsl_m: p.alt_amsl_m - down * dt_s,
        roll,
        pitch,
        yaw,
        vel_ned: p.vel_ned,
        pos_error_m: facts.gps.and_then(|g| g.value.error_m).unwrap_or(1.5),
        utc: facts
            .boot_utc
            .map(|u| Utc(u.0.saturating_add(i64::from(boot_ms) * 1000))),
    })
}

/// What to judge by.
#[must_use]
pub fn configure(rules: &str, plan: Option<&PatrolPlan>, own_system: Option<u8>) -> Down {
    let venue = plan.and_then(|p| Venue::from_value(&p.file().venue).ok());
    // The eyes know one height of the ground: over hills, that at home.
    let ground_amsl_m = venue
        .as_ref()
        .zip(plan)
        .and_then(|(v, p)| v.ground.height_at(p.file().home.at))
        .map(Alt::metres);
    let zones = venue
        .map(|v| v.zones)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|z| {
            let shape = match z.shape {
                Shape::Polygon { outer, holes } => ZoneShape::Polygon { outer, holes },
                Shape::Circle { centre, radius_m } => ZoneShape::Circle { centre, radius_m },
                Shape::Point(_) => return None,
            };
            Some(ZoneForEyes {
                id: z.id,
                role: match z.role {
                    Role::WatchZone => ZoneRole::WatchZone,
                    Role::Crowd => ZoneRole::Crowd,
                    Role::NoLook => ZoneRole::NoLook,
                    Role::Inclusion
                    | Role::Exclusion
                    | Role::Show
                    | Role::Launch
                    | Role::Landing => ZoneRole::Other,
                },
                shape,
                window: z.window,
            })
        })
        .collect();
    Down::Configure {
        rules: rules.to_owned(),
        zones,
        ground_amsl_m,
        own_system,
    }
}
