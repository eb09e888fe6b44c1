//! A checked plan as files for other programs: QGroundControl's `.plan`, and GeoJSON for maps.
//!
//! Both are copies without our heights and clocks on fences: what flies is the plan itself, checked aboard.

use super::{FenceCircle, FencePolygon, Imported, PlanSettings, RallyPoint, RawItem};
use crate::fence::contain::Rules;
use crate::place::LatLon;
use crate::plan::{HEIGHT_ERROR_M, PatrolPlan, PlanItem};
use crate::venue::{Role, Shape};
use serde_json::{Value, json};

/// `MAV_FRAME_GLOBAL_RELATIVE_ALT`.
const FRAME_ABOVE_HOME: u8 = 3;
/// `MAV_FRAME_MISSION`.
const FRAME_NONE: u8 = 2;

fn item(frame: u8, command: u16, params: [f64; 4], at: Option<LatLon>, alt: f64) -> RawItem {
    RawItem {
        frame,
        command,
        current: false,
        autocontinue: true,
        params,
        lat_deg_or_x: at.map_or(0.0, LatLon::lat_deg),
        lon_deg_or_y: at.map_or(0.0, LatLon::lon_deg),
        alt,
    }
}

/// The plan as neutral items with its fence and rally points; [`super::write_plan`] writes it.
///
/// Fences of other programs have neither heights nor clocks: keep-outs that come into force while the plan may be aloft,
/// at a height it flies at, are written for all heights and times; the others, and crowds, are named in the notes.
#[must_use]
pub fn to_imported(plan: &PatrolPlan) -> Imported {
    let file = plan.file();
    let mut mission = Vec::new();
    let steps = crate::plan::steps(file);
    let speed = |v: f64| item(FRAME_NONE, 178, [1.0, v, -1.0, 0.0], None, 0.0);
    let fly = |s: &crate::plan::Step| {
        item(
            FRAME_ABOVE_HOME,
            16,
            [s.hold_s, 0.0, 0.0, f64::NAN],
            Some(s.to),
            s.to_alt.metres(),
        )
    };
    for (n, step) in plan.items().iter().enumerate() {
        let own = steps.iter().filter(|s| s.item == n);
        match step {
            PlanItem::Takeoff { alt } => {
                mission.push(item(
                    FRAME_ABOVE_HOME,
                    22,
                    [0.0, 0.0, 0.0, f64::NAN],
                    Some(file.home.at),
                    alt.metres(),
                ));
                // MAV_CMD_DO_CHANGE_SPEED: ground speed, throttle unchanged.
                mission.push(speed(file.speed_mps));
            }
            PlanItem::Speed { speed_mps } => mission.push(speed(*speed_mps)),
            PlanItem::Waypoint { .. } | PlanItem::Orbit { .. } => mission.extend(own.map(fly)),
            PlanItem::Return => mission.push(item(FRAME_NONE, 20, [0.0; 4], None, 0.0)),
            PlanItem::Land { at } => {
                // Fly over the site at the last height, then come down on it.
                mission.extend(own.take(1).map(fly));
                mission.push(item(
                    FRAME_ABOVE_HOME,
                    21,
                    [0.0, 0.0, 0.0, f64::NAN],
                    Some(*at),
                    0.0,
                ));
            }
        }
    }
    let mut out = Imported {
        mission,
        home: Some(file.home),
        polygons: vec![FencePolygon {
            inclusion: true,
            ring: plan.fence().boundary_latlon().to_vec(),
        }],
        rally: file
            .rally
            .iter()
            .map(|at| RallyPoint {
                at: *at,
                alt: file.return_alt,
            })
            .collect(),
        settings: PlanSettings {
            firmware_type: Some(12),
            vehicle_type: Some(2),
            cruise_mps: Some(file.speed_mps),
            hover_mps: Some(file.speed_mps),
        },
        ..Imported::default()
    };
    let (low, high) = plan.heights_amsl_m();
    let rules = Rules {
        margin_m: 0.0,
        height_error_m: HEIGHT_ERROR_M,
        when: plan.aloft_window(),
        over_crowds: false,
    };
    for k in plan.fence().keepouts() {
        if k.role == Role::Crowd || !plan.fence().counts(k, low, high, &rules) {
            out.notes.push(format!(
                "`{}` is not in this copy of the fence: it has no place for heights, clocks and crowds",
                k.id
            ));
            continue;
        }
        match &k.shape {
            Shape::Polygon { outer, .. } => out.polygons.push(FencePolygon {
                inclusion: false,
                ring: outer.clone(),
            }),
            Shape::Circle { centre, radius_m } => out.circles.push(FenceCircle {
                inclusion: false,
                centre: *centre,
                radius_m: *radius_m,
            }),
            Shape::Point(_) => {}
        }
    }
    out
}

/// The plan as a GeoJSON FeatureCollection: the venue's features, the path as one line (with heights above home as the
/// third number's meaning stated in its properties), and its landing sites.
#[must_use]
pub fn to_geojson(plan: &PatrolPlan) -> String {
    let file = plan.file();
    let mut root = file.venue.clone();
    let line: Vec<Value> = plan
        .path()
        .iter()
        .map(|(p, alt_m)| json!([p.lon_deg(), p.lat_deg(), alt_m]))
        .collect();
    let mut features = vec![json!({
        "type": "Feature",
        "properties": {
            "role": "path",
            "name": file.name,
            "height_frame": "above_home",
            "home_amsl_m": file.home.alt.metres(),
            "speed_mps": file.speed_mps,
            "time_s": file.estimate.time_s,
            "plan_sha256": crate::plan::hex(&plan.hash()),
        },
        "geometry": {"type": "LineString", "coordinates": line},
    })];
    for at in std::iter::once(&file.home.at).chain(&file.rally) {
        features.push(json!({
            "type": "Feature",
            "properties": {"role": "rally", "to_be_looked_at": file.gained.contains(at)},
            "geometry": {"type": "Point", "coordinates": [at.lon_deg(), at.lat_deg()]},
        }));
    }
    match root.get_mut("features").and_then(Value::as_array_mut) {
        Some(list) => list.extend(features),
        None => root = json!({"type": "FeatureCollection", "features": features}),
    }
    let mut text = serde_json::to_string_pretty(&root).unwrap_or_default();
    text.push('\n');
    text
}
