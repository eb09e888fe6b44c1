//! The demonstration's fleets: a plan for each aircraft, so that all may fly at once.
//!
//! Up to [`SIXI_HOLDS`] share the Sixi River evening: each from a launch site of its own (the venue's landing sites serve as such),
//! the ground shared by `missions::planner::fleet`, kept apart by place or height whenever each flies. The river does not hold
//! more: then each has a field of its own on a practice ground, with its own fence, fields apart by more than aircraft are kept.

use super::plan::{SIXI_GEOJSON, demo_plan, demo_request};
use anyhow::Context;
use missions::{
    plan::PatrolPlan,
    planner::{
        PatrolRequest, Pattern, PlanEffort,
        fleet::team::{Craft, Keeping, KeptBy, plan_team},
        plan_patrol,
    },
    time::{Utc, Window},
    vehicle::VehicleSpec,
    venue::Venue,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Aircraft the Sixi River holds at once: it has so many sites, 30 m and more from each other.
pub const SIXI_HOLDS: u8 = 6;
/// Most aircraft of a demonstration.
pub const MOST: u8 = 50;
/// A fleet may be launched for so long: rehearsals come one after the other.
const LAUNCH_WITHIN: Duration = Duration::from_secs(60 * 60);
/// Shift over which watch points would be shared, seconds; sweeps have none.
const SHIFT_S: f64 = 3_600.0;
/// A field is so wide, metres…
const FIELD_M: f64 = 240.0;
/// … and the next one begins so far on.
const PITCH_M: f64 = 300.0;
/// Fields in a row.
const ROW: u8 = 10;
/// South-west corner of the first field, degrees WGS-84.
const CORNER_DEG: (f64, f64) = (27.7870, 120.0900);
/// Metres of a degree of latitude: fields need not be exact, the plans are proven on the very outlines.
const DEGREE_M: f64 = 110_800.0;
/// A field is swept at half of what the camera sees, or it would be done in two minutes.
const CLOSER: f64 = 0.5;

/// What a fleet of the demonstration flies.
#[derive(Clone, Debug)]
pub struct FleetPlans {
    /// What the page shows before plans are loaded.
    pub venue: Venue,
    /// What the simulator is told, where it is not the Sixi River as it is shipped.
    pub geojson: Option<String>,
    /// A plan for each, in their order.
    pub plans: Vec<PatrolPlan>,
}

/// Plans for `aircraft` aircraft from `start`, world UTC when the demonstration begins.
///
/// # Errors
/// When the planner refuses: its reason says why.
pub fn fleet_plans(aircraft: u8, seed: u64, start: Utc) -> anyhow::Result<FleetPlans> {
    anyhow::ensure!(
        (1..=MOST).contains(&aircraft),
        "{aircraft} aircraft: give 1 to {MOST}"
    );
    match aircraft {
        1 => {
            let venue = Venue::sixi_river();
            let plan = demo_plan(&venue, seed, start)?;
            Ok(FleetPlans {
                venue,
                geojson: None,
                plans: vec![plan],
            })
        }
        n if n <= SIXI_HOLDS => shared(n, seed, start),
        n => fields(n, seed, start),
    }
}

fn window(start: Utc) -> Window {
    Window {
        from: Utc(start.0 - 60_000_000),
        until: start.after(LAUNCH_WITHIN),
    }
}

/// The Sixi River, its landing sites launch sites too.
fn shared(aircraft: u8, seed: u64, start: Utc) -> anyhow::Result<FleetPlans> {
    let mut root: Value = serde_json::from_str(SIXI_GEOJSON)?;
    let features = root.get_mut("features").and_then(Value::as_array_mut);
    for f in features.into_iter().flatten() {
        if let Some(role) = f.pointer_mut("/properties/role")
            && role == "landing"
        {
            *role = "launch".into();
        }
    }
    let venue = Venue::from_value(&root).context("the Sixi River for a fleet")?;
    let request = PatrolRequest {
        launch_window: window(start),
        ..demo_request(seed, start)?
    };
    let craft = Craft {
        vehicle: VehicleSpec::default_quad(),
        launch: None,
    };
    let team = plan_team(
        &venue,
        &vec![craft; usize::from(aircraft)],
        &request,
        &Keeping::default(),
        SHIFT_S,
        &PlanEffort::default(),
        |_| false,
    )
    .with_context(|| format!("sharing {} among {aircraft}", venue.name))?;
    anyhow::ensure!(
        team.kept_by == KeptBy::Space,
        "{} aircraft over {} would have to wait for each other",
        aircraft,
        venue.name
    );
    Ok(FleetPlans {
        venue,
        geojson: Some(root.to_string()),
        plans: team.flights.into_iter().map(|f| f.planned.plan).collect(),
    })
}

/// The features of field `n` (from 0).
fn field(n: u8) -> Vec<Value> {
    let (lat0, lon0) = CORNER_DEG;
    let lon_m = DEGREE_M * lat0.to_radians().cos();
    let (west, south) = (f64::from(n % ROW) * PITCH_M, f64::from(n / ROW) * PITCH_M);
    // A ten-millionth of a degree is what the wire carries.
    let round = |x: f64| (x * 1e7).round() / 1e7;
    let at = |east_m: f64, north_m: f64| {
        json!([
            round(lon0 + (west + east_m) / lon_m),
            round(lat0 + (south + north_m) / DEGREE_M)
        ])
    };
    let square = |from: f64, to: f64| {
        json!([[
            at(from, from),
            at(to, from),
            at(to, to),
            at(from, to),
            at(from, from)
        ]])
    };
    let k = n + 1;
    let feature = |properties: Value, kind: &str, coordinates: Value| {
        json!({
            "type": "Feature",
            "properties": properties,
            "geometry": {"type": kind, "coordinates": coordinates},
        })
    };
    vec![
        feature(
            json!({"role": "inclusion", "id": format!("field-{k}"), "name": format!("场地{k} Field {k}"),
                   "ceiling_m": 120, "limit_frame": "above_ground"}),
            "Polygon",
            square(0.0, FIELD_M),
        ),
        feature(
            json!({"role": "watch_zone", "id": format!("watch-{k}"), "name": format!("看守{k} Watch {k}")}),
            "Polygon",
            square(FIELD_M * 0.55, FIELD_M * 0.75),
        ),
        feature(
            json!({"role": "launch", "id": format!("launch-{k}"), "name": format!("起降{k} Launch {k}")}),
            "Point",
            at(FIELD_M * 0.2, FIELD_M * 0.2),
        ),
    ]
}

fn ground_of(features: &[Value]) -> Value {
    json!({
        "type": "FeatureCollection",
        "name": "演练场 Practice ground",
        "datum": "WGS-84",
        "flat_ground": true,
        "ground_amsl_m": 75.0,
        "notes": "Drawn by the demonstration: a field for each aircraft, nowhere in particular. Not a survey, not an approval to fly.",
        "features": features,
    })
}

/// A field each.
fn fields(aircraft: u8, seed: u64, start: Utc) -> anyhow::Result<FleetPlans> {
    let all: Vec<Vec<Value>> = (0..aircraft).map(field).collect();
    let whole = ground_of(&all.concat());
    let venue = Venue::from_value(&whole).context("the practice ground")?;
    let mut plans = Vec::new();
    for (k, features) in (1u64..).zip(&all) {
        let own = Venue::from_value(&ground_of(features))?;
        // Heights and speeds differ, as those of single demonstrations do.
        let mut request = demo_request(seed.wrapping_add(k - 1), start)?;
        request.launch_window = window(start);
        request.name = format!("Field {k} {seed}");
        if let Pattern::Sweep { swath_m, .. } = &mut request.pattern {
            *swath_m = (*swath_m * CLOSER).round();
        }
        let plan = plan_patrol(&own, &VehicleSpec::default_quad(), &request)
            .with_context(|| format!("planning field {k}"))?;
        plans.push(plan);
    }
    Ok(FleetPlans {
        venue,
        geojson: Some(whole.to_string()),
        plans,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use missions::planner::fleet::apart::{Room, meetings};

    /// Whatever is flown when: judged by what the planner's own keeping asks of two plans, each pair of them.
    fn may_fly_at_once(plans: &[PatrolPlan]) {
        let keep = Keeping::default();
        let room = Room {
            across_m: keep.across_m,
            up_m: keep.layer_m,
        };
        for (i, a) in plans.iter().enumerate() {
            for (j, b) in plans.iter().enumerate().take(i) {
                let met = meetings(a.file(), b.file(), room);
                assert!(met.is_empty(), "{} and {}: {met:?}", i + 1, j + 1);
            }
        }
    }

    #[test]
    fn as_many_as_the_river_holds_share_it_and_may_fly_at_once() {
        let start = Utc(1_790_856_120_000_000);
        for n in [2, SIXI_HOLDS] {
            let f = fleet_plans(n, 7, start).unwrap();
            assert_eq!(f.plans.len(), usize::from(n));
            may_fly_at_once(&f.plans);
        }
    }

    #[test]
    fn more_than_it_holds_have_a_field_each_with_its_own_fence() {
        let n = SIXI_HOLDS + 1;
        let f = fleet_plans(n, 7, Utc(1_790_856_120_000_000)).unwrap();
        let ids: std::collections::BTreeSet<u64> = f.plans.iter().map(PatrolPlan::id).collect();
        assert_eq!(ids.len(), usize::from(n), "no two fly the same plan");
        for p in &f.plans {
            let v = Venue::from_value(&p.file().venue).unwrap();
            assert_eq!(v.zones.len(), 3);
        }
        may_fly_at_once(&f.plans);
    }

    #[test]
    fn fifty_fields_lie_apart_by_more_than_aircraft_are_kept() {
        let corners = |n: u8| -> Vec<(f64, f64)> {
            let field = field(n);
            let ring = field[0].pointer("/geometry/coordinates/0").unwrap();
            let ring = ring.as_array().unwrap().iter();
            ring.map(|c| (c[0].as_f64().unwrap(), c[1].as_f64().unwrap()))
                .collect()
        };
        let span = |v: &[(f64, f64)]| {
            let least = |f: fn(&(f64, f64)) -> f64| v.iter().map(f).fold(f64::INFINITY, f64::min);
            let most = |f: fn(&(f64, f64)) -> f64| v.iter().map(f).fold(-f64::INFINITY, f64::max);
            [least(|c| c.0), most(|c| c.0), least(|c| c.1), most(|c| c.1)]
        };
        let across_deg = Keeping::default().across_m / 111_000.0;
        for i in 0..MOST {
            for j in 0..i {
                let (a, b) = (span(&corners(i)), span(&corners(j)));
                let gap = (a[0] - b[1])
                    .max(b[0] - a[1])
                    .max(a[2] - b[3])
                    .max(b[2] - a[3]);
                assert!(gap > across_deg, "fields {} and {}", i + 1, j + 1);
            }
        }
    }

    #[test]
    fn none_and_too_many_are_refused() {
        for n in [0, MOST + 1, 255] {
            assert!(fleet_plans(n, 7, Utc(1_790_856_120_000_000)).is_err());
        }
    }
}
