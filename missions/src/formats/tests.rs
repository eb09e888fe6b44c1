//! Formats against files that nobody here wrote, and against damaged ones.

use super::*;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// Folder of real mission files; `None` (after saying so) where it is absent, a failure under `CI=true`.
pub(crate) fn real(sub: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data =
        std::env::var_os("PATROL_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from);
    let dir = root.join(data).join(sub);
    let Ok(entries) = std::fs::read_dir(&dir) else {
        println!("skipped: real files (PATROL_DATA) are not on this machine");
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "skipped under CI"
        );
        return None;
    };
    let mut files: Vec<_> = entries
        .map(|e| {
            let path = e.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    Some(files)
}

/// Files of the collection that must be refused, and a word of the reason.
const REFUSED: [(&str, &str); 5] = [
    ("mavsdk_sample_without_mission.plan", "mission: is missing"),
    (
        "mavsdk_sample_wrong_mission_version.plan",
        "mission.version: is 7",
    ),
    ("qgc_PolygonBadXml.kml", "KML"),
    ("qgc_PolygonGood.kml", "KML"),
    ("qgc_shape_polygon.kml", "KML"),
];

#[test]
fn every_real_file_is_imported_or_refused_with_its_reason() {
    let Some(files) = real("missions") else {
        return;
    };
    assert!(files.len() > 30);
    for (name, bytes) in &files {
        let expected = REFUSED.iter().find(|(n, _)| n == name);
        match (read_any(name, bytes), expected) {
            (Ok(got), None) => {
                let things =
                    got.mission.len() + got.polygons.len() + got.circles.len() + got.rally.len();
                println!(
                    "{name}: {} items, {} polygons, {} circles, {} rally",
                    got.mission.len(),
                    got.polygons.len(),
                    got.circles.len(),
                    got.rally.len()
                );
                assert!(things > 0, "{name}: nothing in it");
            }
            (Err(e), Some((_, words))) => {
                println!("{name}: refused: {e}");
                assert!(e.to_string().contains(words), "{name}: {e}");
            }
            (Ok(_), Some(_)) => panic!("{name}: imported, but should be refused"),
            (Err(e), None) => panic!("{name}: refused: {e}"),
        }
    }
}

#[test]
fn real_missions_have_the_items_other_tools_count() {
    // Counts of pymavlink's loaders and of the files' own JSON; home lines are not items.
    let Some(files) = real("missions") else {
        return;
    };
    let of = |name: &str| {
        let (n, bytes) = files.iter().find(|(n, _)| n == name).unwrap();
        read_any(n, bytes).unwrap()
    };
    for (name, items) in [
        ("qgc_800Waypoints.waypoints.txt", 828),
        ("ardupilot_plane_LargeMissions__Kingaroy-vlarge.txt", 528),
        ("mavsdk_mission_planner_sample.txt", 4),
        ("mavsdk_sample_with_survey.plan", 13),
        ("qgc_100Waypoints.mission", 99),
        ("px4_VTOL_TAKEOFF.mission", 4),
        ("px4_vtol_mission.plan", 9),
    ] {
        assert_eq!(of(name).mission.len(), items, "{name}");
    }
    let fence = of("ardupilot_rover_PolyFenceObjectAvoidanceAuto__rover-path-planning-fence.txt");
    assert_eq!(
        (
            fence.polygons.iter().map(|p| p.ring.len()).sum::<usize>(),
            fence.circles.len()
        ),
        (23, 1)
    );
    let fence = of("mavproxy_cmac-foamy-fence.txt");
    assert_eq!(fence.polygons.first().unwrap().ring.len(), 4);
    assert_eq!(of("pymavlink_rally.txt").rally.len(), 2);
    assert_eq!(
        of("qgc_MissionPlanner.waypoints")
            .home
            .unwrap()
            .alt
            .metres(),
        5.21
    );
}

#[test]
fn good_plans_survive_export_and_import_unchanged() {
    let Some(files) = real("missions") else {
        return;
    };
    let mut survived = 0;
    for (name, bytes) in &files {
        let Ok(mut first) = read_any(name, bytes) else {
            continue;
        };
        let text = write_plan(&first);
        let again = read_any(name, text.as_bytes()).unwrap();
        // The `.plan` has no place for a mark on the current item, nor for remarks about what was read.
        first.notes.clear();
        for item in &mut first.mission {
            item.current = false;
        }
        assert_eq!(again, first, "{name}");
        assert_eq!(write_plan(&again), text, "{name}");
        survived += usize::from(name.ends_with(".plan"));
    }
    assert_eq!(survived, 10);
}

#[test]
fn a_plan_keeps_each_number_of_the_original_json() {
    let Some(files) = real("missions") else {
        return;
    };
    for (name, bytes) in files.iter().filter(|(n, _)| n.ends_with(".plan")) {
        let Ok(read) = read_any(name, bytes) else {
            continue;
        };
        if !read.notes.is_empty() {
            continue;
        }
        let before: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let after: serde_json::Value = serde_json::from_str(&write_plan(&read)).unwrap();
        let items = |v: &serde_json::Value| v["mission"]["items"].as_array().unwrap().clone();
        for (a, b) in items(&before).iter().zip(&items(&after)) {
            for key in ["command", "frame", "autoContinue"] {
                assert_eq!(a[key], b[key], "{name} {key}");
            }
            let numbers = |v: &serde_json::Value| -> Vec<Option<f64>> {
                v["params"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(serde_json::Value::as_f64)
                    .collect()
            };
            assert_eq!(numbers(a), numbers(b), "{name}");
        }
        assert_eq!(items(&before).len(), items(&after).len());
    }
}

#[test]
fn waypoint_text_survives_too() {
    let Some(files) = real("missions") else {
        return;
    };
    for (name, bytes) in &files {
        let Ok(mut first) = read_any(name, bytes) else {
            continue;
        };
        let again = read_any(name, write_wpl(&first).as_bytes()).unwrap();
        first.notes.clear();
        assert_eq!(
            (again.mission, again.home),
            (first.mission, first.home),
            "{name}"
        );
    }
}

#[test]
fn refusals_name_the_line_or_the_key() {
    let line = "0\t1\t0\t16\t0\t0\t0\t0\t27.7\t120.1\t75\t1\n";
    for (text, words) in [
        (format!("QGC WPL 110\n{line}1\t0\t3\t16\t0\t0\t0\t0\t127.7\t120.1\t30\t1\n"), "line 3: latitude 127.7"),
        (format!("QGC WPL 110\n{line}1\t0\t3\t16\t0\t0\n"), "line 3: 6 columns"),
        (format!("QGC WPL 110\n{line}5\t0\t3\t16\t0\t0\t0\t0\t27.7\t120.1\t30\t1\n"), "line 3: item number 5"),
        (format!("QGC WPL 110\n{line}1\t0\t3\t177\t9\t2\t0\t0\t0\t0\t0\t1\n"), "line 3: jumps to item 9"),
        ("QGC WPL 300\n".to_owned(), "line 1"),
        ("27.7\t120.1\n27.8\t120.1\n27.8\t120.2\n27.7\t120.2\n".to_owned(), "line 4: the polygon is not closed"),
        ("RALLY 27.7 120.1 10 0 0\n".to_owned(), "line 1"),
        ("QGC WPL 110\n0\t0\t0\t5001\t4\t0\t0\t0\t27.7\t120.1\t0\t1\n".to_owned(), "lacks 3 of its 4"),
        ("{\"fileType\":\"Plan\",\"version\":1,\"mission\":{\"version\":2,\"items\":[{\"type\":\"SimpleItem\",\"command\":16,\"frame\":3,\"params\":[0,0,0,0,95,120,30]}]}}".to_owned(), "mission.items[0]: latitude 95"),
        ("{\"fileType\":\"Plan\"".to_owned(), "line 1: not JSON"),
        ("{\"type\":\"FeatureCollection\",\"features\":[]}".to_owned(), "venue"),
        ("hello".to_owned(), "line 1"),
    ] {
        let e = read_any("x", text.as_bytes()).unwrap_err().to_string();
        assert!(e.contains(words), "{text}: {e}");
    }
}

#[test]
fn jumps_point_to_the_same_item_whatever_the_file_counts_from() {
    // WPL with a home line: item 2 is the second after home. Without: item 1 is the second.
    let with_home = "QGC WPL 110\n0\t1\t0\t16\t0\t0\t0\t0\t27.7\t120.1\t75\t1\n1\t0\t3\t22\t0\t0\t0\t0\t0\t0\t30\t1\n2\t0\t3\t16\t0\t0\t0\t0\t27.7\t120.1\t30\t1\n3\t0\t3\t177\t2\t3\t0\t0\t0\t0\t0\t1\n";
    let without = "QGC WPL 110\n0\t1\t3\t22\t0\t0\t0\t0\t0\t0\t30\t1\n1\t0\t3\t16\t0\t0\t0\t0\t27.7\t120.1\t30\t1\n2\t0\t3\t177\t1\t3\t0\t0\t0\t0\t0\t1\n";
    for text in [with_home, without] {
        let read = read_any("x", text.as_bytes()).unwrap();
        assert_eq!(read.mission.len(), 3);
        assert_eq!(read.mission.last().unwrap().params[0], 2.0);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![
        b"QGC WPL 110\n0\t1\t0\t16\t0\t0\t0\t0\t27.7\t120.1\t75\t1\n1\t0\t3\t5001\t3\t0\t0\t0\t27.7\t120.1\t0\t1\n".to_vec(),
        b"27.7\t120.1\n27.7\t120.1\n27.8\t120.1\n27.8\t120.2\n27.7\t120.1\n".to_vec(),
        b"RALLY 27.7 120.1 10 0 0 0\n".to_vec(),
        include_bytes!("../../venues/sixi-river.geojson").to_vec(),
        br#"{"fileType":"Plan","version":1,"mission":{"version":2,"plannedHomePosition":[27.7,120.1,75],"items":[{"type":"SimpleItem","command":16,"frame":3,"doJumpId":1,"params":[0,0,0,null,27.7,120.1,30]},{"type":"ComplexItem","complexItemType":"survey","TransectStyleComplexItem":{"Items":[{"type":"SimpleItem","command":177,"frame":2,"params":[1,2,0,0,0,0,0]}]}}]},"geoFence":{"version":2,"circles":[{"circle":{"center":[27.7,120.1],"radius":30},"inclusion":false,"version":1}],"polygons":[{"inclusion":true,"polygon":[[27.7,120.1],[27.8,120.1],[27.8,120.2]],"version":1}]},"rallyPoints":{"version":2,"points":[[27.7,120.1,30]]}}"#.to_vec(),
    ];
    for (name, bytes) in real("missions").unwrap_or_default() {
        if bytes.len() < 20_000 && !name.ends_with(".kml") {
            all.push(bytes);
        }
    }
    all
}

#[test]
fn our_own_plan_survives_as_a_plan_file_and_keeps_its_path() {
    let plan = crate::planner::tests::sixi();
    let out = to_imported(&plan);
    let text = write_plan(&out);
    if let Some(dir) = std::env::var_os("PATROL_WRITE_EXAMPLES") {
        std::fs::write(Path::new(&dir).join("sixi.plan"), &text).unwrap();
        std::fs::write(Path::new(&dir).join("sixi.geojson"), to_geojson(&plan)).unwrap();
        std::fs::write(Path::new(&dir).join("sixi.json"), plan.to_json()).unwrap();
    }
    let again = read_any("sixi.plan", text.as_bytes()).unwrap();
    assert_eq!(again.mission, out.mission);
    assert_eq!(again.polygons, out.polygons);
    assert_eq!(again.rally, out.rally);
    // Take-off, then each place in order; the landing is a waypoint and a descent.
    let flown: Vec<LatLon> = again.mission.iter().filter_map(RawItem::place).collect();
    let mut planned: Vec<LatLon> = plan.path().iter().skip(1).map(|p| p.0).collect();
    planned.extend(planned.last().copied());
    assert_eq!(flown, planned);
    // The map copy is a venue again, with nothing lost.
    let venue = crate::venue::Venue::from_geojson(&to_geojson(&plan)).unwrap();
    assert!(venue.zones.len() > crate::venue::Venue::sixi_river().zones.len());
}

#[test]
fn damaged_files_never_panic() {
    let seeds = seeds();
    let n = seeds.len();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..12);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(4_000));
    runner
        .run(&(0..n, damage), |(which, damage)| {
            let mut bytes = seeds[which].clone();
            for (at, byte, how) in damage {
                if bytes.is_empty() {
                    break;
                }
                let i = at.index(bytes.len());
                match how {
                    0 => bytes[i] = byte,
                    1 => {
                        bytes.remove(i);
                    }
                    2 => bytes.insert(i, byte),
                    _ => bytes.truncate(i),
                }
            }
            let _ = read_any("damaged", &bytes);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                let _ = crate::venue::Venue::from_geojson(text);
            }
            Ok(())
        })
        .unwrap();
}

proptest! {
    #[test]
    fn any_plan_we_can_hold_survives(items in prop::collection::vec(
        (0..12u8, 0..600u16, any::<bool>(), prop::array::uniform4(prop_oneof![Just(f64::NAN), -1e6..1e6f64]), -90.0..90.0f64, -180.0..180.0f64, -100.0..9000.0f64), 0..30),
        ring in prop::collection::vec((-900_000_000..900_000_000i32, -1_800_000_000..1_800_000_000i32), 0..20), radius_m in 0.1..1e5f64)
    {
        // JSON numbers of more than 15 digits may come back one bit off (serde_json's fast reader): files carry fewer.
        let tidy = |x: f64| (x * 1e8).round() / 1e8;
        let radius_m = tidy(radius_m);
        let at = |(lat, lon): (i32, i32)| LatLon::from_e7(lat, lon).unwrap();
        let plan = Imported {
            mission: items.into_iter().filter(|i| i.1 != DO_JUMP).map(|(frame, command, autocontinue, params, x, y, alt)| RawItem { frame, command, current: false, autocontinue, params: params.map(tidy), lat_deg_or_x: tidy(x), lon_deg_or_y: tidy(y), alt: tidy(alt) }).collect(),
            circles: ring.first().map(|c| FenceCircle { inclusion: false, centre: at(*c), radius_m }).into_iter().collect(),
            rally: ring.iter().map(|c| RallyPoint { at: at(*c), alt: Alt::from_metres(radius_m).unwrap() }).collect(),
            polygons: vec![FencePolygon { inclusion: true, ring: ring.into_iter().map(at).collect() }],
            ..Imported::default()
        };
        let text = write_plan(&plan);
        prop_assert_eq!(write_plan(&read_any("x", text.as_bytes()).unwrap()), text);
    }
}
