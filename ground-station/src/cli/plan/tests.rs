//! The flags, the files and the figures, as somebody at a terminal meets them.

use super::drawn::{Route, turns};
use super::flying::{encode, window};
use super::*;
use crate::rehearse::plan::demo_plan;
use clap::Parser;
use missions::plan::PatrolPlan;
use missions::plane::EastNorth;
use missions::time::Utc;
use missions::venue::Venue;
use serde_json::Value;
use std::path::Path;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    plan: Plan,
}

/// As typed, without the program's and the command's name.
pub(in crate::cli) fn typed(words: &[&str]) -> Plan {
    Line::try_parse_from(std::iter::once("plan").chain(words.iter().copied()))
        .map(|l| l.plan)
        .unwrap()
}

/// A field of 200 × 100 m with a building in it.
const FIELD: &str = r#"{"type":"FeatureCollection","name":"field","features":[
 {"type":"Feature","properties":{"role":"inclusion","id":"edge"},"geometry":{"type":"Polygon","coordinates":[[[24.0,60.0],[24.003583,60.0],[24.003583,60.000897],[24.0,60.000897],[24.0,60.0]]]}},
 {"type":"Feature","properties":{"role":"exclusion","id":"barn","name":"谷仓"},"geometry":{"type":"Polygon","coordinates":[[[24.0015,60.0003],[24.002,60.0003],[24.002,60.0006],[24.0015,60.0006],[24.0015,60.0003]]]}}]}"#;

fn field() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("field.geojson");
    std::fs::write(&path, FIELD).unwrap();
    let name = path.display().to_string();
    (dir, name)
}

#[test]
fn the_file_name_says_the_format_and_a_flyable_plan_is_read_again() {
    let start = Utc::from_rfc3339("2026-10-01T12:02:00Z").unwrap();
    let plan = demo_plan(&Venue::sixi_river(), 7, start).unwrap();
    let json = encode(&plan, Path::new("a.json")).unwrap();
    assert_eq!(PatrolPlan::from_json(&json).unwrap().id(), plan.id());
    let qgc = encode(&plan, Path::new("a.plan")).unwrap();
    assert!(missions::formats::read_any("a.plan", &qgc).is_ok());
    assert!(encode(&plan, Path::new("a.geojson")).is_ok());
    let e = encode(&plan, Path::new("a.kml")).unwrap_err().to_string();
    assert!(e.contains("*.json"), "{e}");
}

#[test]
fn a_window_needs_a_time_and_a_sane_length() {
    assert!(window("2026-10-01T12:02:00Z", 15.0).is_ok());
    assert!(window("tonight", 15.0).is_err());
    assert!(window("2026-10-01T12:02:00Z", f64::NAN).is_err());
}

#[test]
fn the_swath_comes_from_the_camera_unless_it_is_given() {
    let by_camera = typed(&[
        "v",
        "--altitude",
        "60",
        "--sensor-mm",
        "13.2x8.8",
        "--focal-mm",
        "8.8",
        "--overlap",
        "20",
        "--pixels",
        "5472",
    ]);
    let seen = by_camera.seen();
    // 60 m × 13.2 / 8.8 = 90 m across; 72 m with a fifth seen twice; 1.64 cm a pixel.
    assert!((seen.swath_m - 72.0).abs() < 1e-9);
    let (across, along, gsd) = seen.camera.unwrap();
    assert!((across - 90.0).abs() < 1e-9 && (along - 60.0).abs() < 1e-9);
    assert!((gsd.unwrap() - 1.6447).abs() < 1e-3);
    assert_eq!(typed(&["v", "--swath", "12"]).seen().swath_m, 12.0);
    assert!(Line::try_parse_from(["plan", "v", "--focal-mm", "8.8"]).is_err());
}

#[test]
fn a_drawing_has_one_line_a_way_and_says_that_it_does_not_fly() {
    let (_dir, path) = field();
    let a = typed(&[
        &path,
        "--swath",
        "12",
        "--margin",
        "3",
        "--effort",
        "2000",
        "--budget-ms",
        "600000",
    ]);
    let mut drawn = geometry::draw(&a).unwrap();
    drawn.count(&a);
    let bytes = drawn.encode(Path::new("x.geojson"), 60.0).unwrap();
    let v: Value = serde_json::from_slice(&bytes).unwrap();
    let features = v["features"].as_array().unwrap();
    assert_eq!(features.len(), drawn.routes.len());
    for f in features {
        assert_eq!(f["geometry"]["type"], "LineString");
        assert_eq!(f["properties"]["flyable"], false);
        for figure in ["length_m", "turns", "time_s", "coverage", "min_clearance_m"] {
            assert!(f["properties"][figure].is_number(), "{figure}");
        }
        assert!(f["properties"]["energy_wh"].is_null());
    }
    // The same input, seed and effort: the same bytes.
    let mut again = geometry::draw(&a).unwrap();
    again.count(&a);
    assert_eq!(bytes, again.encode(Path::new("x.geojson"), 60.0).unwrap());
    // QGroundControl's file is read again, with as many places.
    let qgc = drawn.encode(Path::new("x.plan"), 60.0).unwrap();
    assert!(missions::formats::read_any("x.plan", &qgc).is_ok());
    // The picture names the barn in its own script, and in ASCII for strokes.
    let picture = drawn.drawing();
    assert!(picture.svg().contains("谷仓"));
    assert!(picture.patches.iter().any(|p| p.plain == "barn"));
    assert!(picture.png().unwrap().len() > 1000);
}

#[test]
fn a_margin_that_empties_the_venue_is_refused_and_explained_with_one_that_does_not() {
    let (_dir, path) = field();
    let a = typed(&[&path, "--swath", "12", "--margin", "70", "--explain"]);
    let e = geometry::draw(&a).err().unwrap();
    let text = explain::geometry(&a, e).to_string();
    assert!(text.contains("margin of 70"), "{text}");
    let helps: f64 = text
        .split("a margin of ")
        .last()
        .and_then(|t| t.split(' ').next())
        .and_then(|t| t.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    let margin = helps.to_string();
    let b = typed(&[&path, "--swath", "12", "--margin", &margin, "--effort", "0"]);
    assert!(
        geometry::draw(&b).is_ok(),
        "the remedy {margin} does not help"
    );
}

#[test]
fn turns_are_counted_as_the_judge_counts_them() {
    let p = |x: f64, y: f64| EastNorth::new(x, y);
    assert_eq!(turns(&[p(0.0, 0.0), p(10.0, 0.0), p(20.0, 1.0)]), 0);
    assert_eq!(
        turns(&[p(0.0, 0.0), p(10.0, 0.0), p(10.0, 10.0), p(0.0, 10.0)]),
        2
    );
    // A repeated place is no turn.
    assert_eq!(
        turns(&[p(0.0, 0.0), p(10.0, 0.0), p(10.0, 0.0), p(20.0, 0.0)]),
        0
    );
    assert_eq!(
        Route::new(1, vec![p(0.0, 0.0), p(3.0, 4.0)]).length_m(),
        5.0
    );
}

/// Four corners of a square of 100 px at 0.1 m, joined around.
const GRAPH: &str = "4\n100\n100\n0.1\n0\n0\n0 0 0 2 1 E 100 3 S 100\n1 100 0 2 0 W 100 2 S 100\n2 100 100 2 1 N 100 3 W 100\n3 0 100 2 0 N 100 2 E 100\n";

#[test]
fn rounds_over_a_graph_keep_their_promise_and_have_no_place_on_the_globe() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("square.graph");
    std::fs::write(&path, GRAPH).unwrap();
    let path = path.display().to_string();
    let a = typed(&[
        &path,
        "--pattern",
        "rounds",
        "--aircraft",
        "2",
        "--speed",
        "1",
        "--effort",
        "2000",
        "--shift",
        "0.5",
        "--endurance",
        "5",
        "--swap",
        "10",
        "--budget-ms",
        "600000",
    ]);
    let mut drawn = graphs::draw(&a).unwrap();
    drawn.count(&a);
    // Two aircraft on 40 m of square: each place is seen at least every 20 m.
    assert!((drawn.figures["worst_absence_m"].as_f64().unwrap() - 20.0).abs() < 1e-9);
    let shift = &drawn.figures["shift"];
    assert!(shift["worst_absence_s"].as_f64() <= shift["promise_s"].as_f64());
    assert!(shift["swaps"].as_u64().unwrap() > 0);
    let e = drawn
        .encode(Path::new("x.geojson"), 60.0)
        .unwrap_err()
        .to_string();
    assert!(e.contains("no place on the globe"), "{e}");
    assert!(drawn.encode(Path::new("x.json"), 60.0).is_ok());
    assert!(drawn.drawing().svg().contains("rounds"));
    // A place that is not there is named.
    let wrong = typed(&[&path, "--pattern", "rounds", "--importance", "9=2"]);
    let e = graphs::draw(&wrong).err().unwrap().to_string();
    assert!(e.contains("places 0 to 3"), "{e}");
}

#[test]
fn streets_are_flown_once_each_and_cut_into_flights_by_the_battery() {
    let dir = tempfile::tempdir().unwrap();
    let nodes = "a 0 0\nb 0 100\nc 100 100\nd 100 0\n";
    std::fs::write(dir.path().join("town.node_data"), nodes).unwrap();
    std::fs::write(
        dir.path().join("town.req_edge_list"),
        "a b\nb c\nc d\nd a\n",
    )
    .unwrap();
    let path = dir.path().join("town.node_data").display().to_string();
    let a = typed(&[
        &path,
        "--pattern",
        "streets",
        "--speed",
        "10",
        "--effort",
        "50",
    ]);
    let drawn = graphs::draw(&a).unwrap();
    assert!((drawn.figures["time_s"].as_f64().unwrap() - 40.0).abs() < 1e-6);
    assert!((drawn.routes[0].length_m() - 400.0).abs() < 1e-6);
    let b = typed(&[
        &path,
        "--pattern",
        "streets",
        "--speed",
        "10",
        "--endurance",
        "0.6",
        "--aircraft",
        "2",
        "--effort",
        "50",
    ]);
    let drawn = graphs::draw(&b).unwrap();
    assert!(drawn.routes.len() >= 2);
    assert!(drawn.routes.iter().all(|r| r.length_m() <= 360.0 + 1e-6));
    assert!(drawn.routes.iter().any(|r| r.aircraft == 2));
}
