//! Venue files that nobody here wrote, and damaged ones.

use super::*;
use crate::formats::tests::real;
use crate::venue::Limit;
use proptest::prelude::*;
use std::io::Write as _;

pub(super) fn kml(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<kml xmlns=\"http://www.opengis.net/kml/2.2\"><Document>\n{inside}\n</Document></kml>"
    )
}

pub(super) fn square(lon: f64, lat: f64, side: f64) -> String {
    let (e, n) = (lon + side, lat + side);
    format!(
        "<Polygon><outerBoundaryIs><LinearRing><coordinates>{lon},{lat},0 {e},{lat},0 {e},{n},0 {lon},{n},0 {lon},{lat},0</coordinates></LinearRing></outerBoundaryIs></Polygon>"
    )
}

pub(super) fn mark(name: &str, data: &[(&str, &str)], geometry: &str) -> String {
    let data: String = data
        .iter()
        .map(|(k, v)| format!("<Data name=\"{k}\"><value>{v}</value></Data>"))
        .collect();
    format!(
        "<Placemark><name>{name}</name><ExtendedData>{data}</ExtendedData>{geometry}</Placemark>\n"
    )
}

pub(super) fn import(text: &str) -> Result<ImportedVenue, ImportError> {
    import_venue("x", text.as_bytes(), None)
}

pub(super) fn ring(shape: &Shape) -> Vec<LatLon> {
    match shape {
        Shape::Polygon { outer, .. } => outer.clone(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn zip(entries: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
    for (name, data, packed) in entries {
        if *packed {
            let (mut entry, config) = archive
                .new_file(name)
                .compression_method(rawzip::CompressionMethod::DEFLATE)
                .start()
                .unwrap();
            let deflate =
                flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
            let mut writer = config.wrap(deflate);
            writer.write_all(data).unwrap();
            let (deflate, descriptor) = writer.finish().unwrap();
            deflate.finish().unwrap();
            entry.finish(descriptor).unwrap();
        } else {
            let (mut entry, config) = archive.new_file(name).start().unwrap();
            let mut writer = config.wrap(&mut entry);
            writer.write_all(data).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
    }
    archive.finish().unwrap();
    out
}

/// Real files, by what becomes of them: zones, or a word of the refusal.
#[test]
fn every_real_file_is_imported_or_refused_with_its_reason() {
    let refused = [
        ("qgc_PolygonBadXml.kml", "line 1: not KML"),
        ("aerostack2_geozones.json", "no GeoJSON"),
        (".gpx", "GPX"),
        (".osm", "OpenStreetMap"),
        (".osm.pbf", "not UTF-8"),
        (".dbf", "shapefile"),
        (".prj", "shapefile"),
        (".shp", "shapefile"),
        (".shx", "shapefile"),
        (".pcap", "not UTF-8"),
        (".pcapng", "not UTF-8"),
    ];
    let mut seen = 0;
    for folder in ["geo", "missions", "remoteid", "venues"] {
        for (name, bytes) in real(folder).unwrap_or_default() {
            seen += 1;
            match import_venue(&name, &bytes, None) {
                Ok(v) => {
                    println!(
                        "| {folder}/{name} | {:?}: {} zones, {} lines, {} notes |",
                        v.kind,
                        v.venue.zones.len(),
                        v.lines.len(),
                        v.notes.len()
                    );
                    assert!(!refused.iter().any(|(n, _)| name.ends_with(n)), "{name}");
                    assert!(!v.datum_is_stated(), "{name}: no real file states it");
                    assert!(v.notes.iter().any(|n| n.code == NoteCode::DatumNotStated));
                    // What was read is a venue file of ours, without loss.
                    assert_eq!(
                        Venue::from_geojson(&v.venue.to_geojson()).unwrap(),
                        v.venue,
                        "{name}"
                    );
                    let flown = import_venue(&name, &bytes, Some(Datum::Wgs84)).unwrap();
                    assert!(flown.datum_is_stated());
                }
                Err(e) => {
                    println!("| {folder}/{name} | refused: {e} |");
                    if let Some((_, words)) = refused.iter().find(|(n, _)| name.ends_with(n)) {
                        assert!(e.to_string().contains(words), "{name}: {e}");
                    } else {
                        assert!(
                            folder == "remoteid"
                                || e.fault == Fault::Empty
                                || name == "mavsdk_sample_wrong_mission_version.plan",
                            "{name}: {e}"
                        );
                    }
                    assert!(
                        folder != "venues"
                            && !name.starts_with("ed")
                            && !name.starts_with("qgc_ce")
                    );
                }
            }
        }
    }
    assert!(seen == 0 || seen > 70, "{seen}");
}

#[test]
fn published_zones_keep_their_limits_names_reasons_and_times() {
    for (name, bytes) in real("geo").unwrap_or_default() {
        let read = || import_venue(&name, &bytes, None).unwrap();
        match name.as_str() {
            "ed269_che_cis_source_sample.json" => {
                let v = read();
                let [z] = v.venue.zones.as_slice() else {
                    panic!("{:?}", v.venue.zones)
                };
                assert_eq!(z.id, "LSXX");
                assert_eq!(z.name, "LSXX City Sample (REQ_AUTHORISATION: AIR_TRAFFIC)");
                assert_eq!(
                    (z.role, z.floor, z.ceiling, z.window),
                    (Role::Exclusion, None, None, None)
                );
                assert_eq!(ring(&z.shape).len(), 4);
                assert_eq!(ring(&z.shape)[1].lat_e7(), 462_122_801);
            }
            "ed318_Example_Collection.json" => {
                let v = read();
                assert_eq!(v.venue.name, "SampleUAS GeoZones");
                let ids: Vec<&str> = v.venue.zones.iter().map(|z| z.id.as_str()).collect();
                assert_eq!(ids, ["NFZ6547", "NFZ6547#2", "ABC1234"]);
                let z = &v.venue.zones[0];
                let agl = |m| {
                    Some(Limit::AboveGround(
                        crate::place::Alt::from_metres(m).unwrap(),
                    ))
                };
                assert_eq!((z.floor, z.ceiling), (agl(50.0), agl(150.0)));
                assert_eq!(
                    (v.venue.zones[1].floor, v.venue.zones[1].ceiling),
                    (None, agl(50.0))
                );
                let w = z.window.unwrap();
                assert_eq!(w.from.to_rfc3339(), "2018-12-31T15:59:59Z");
                assert_eq!(w.until.to_rfc3339(), "2019-12-31T15:59:59Z");
                assert!(v.notes.iter().any(|n| n.code == NoteCode::TimeWidened));
                assert!(v.notes.iter().any(|n| n.words.contains("Flying Whales")
                    && n.words.contains("LFPG-UASZoneManager")));
                assert!(matches!(
                    v.venue.zones[2].shape,
                    Shape::Circle {
                        radius_m: 3500.0,
                        ..
                    }
                ));
                assert!(v.notes.iter().any(|n| n.code == NoteCode::NoBoundary));
            }
            _ => {}
        }
    }
}

#[test]
fn zones_in_feet_without_reference_or_over_the_ellipsoid_only_grow() {
    let zone = |volume: &str| {
        format!(
            r#"{{"UASZoneList":[{{"identifier":"A","name":"A","restriction":"PROHIBITED","geometry":[{{{volume},"horizontalProjection":{{"type":"Circle","center":[8.5,47.3],"radius":1000}}}}]}}]}}"#
        )
    };
    let limits = |volume: &str| {
        let v = import(&zone(volume)).unwrap();
        let widened = v
            .notes
            .iter()
            .filter(|n| n.code == NoteCode::HeightWidened)
            .count();
        let metres = |l: Option<Limit>| match l {
            Some(Limit::AboveGround(a)) => Some(a.metres()),
            Some(Limit::Amsl(a)) => Some(a.metres()),
            _ => None,
        };
        let z = &v.venue.zones[0];
        (metres(z.floor), metres(z.ceiling), widened)
    };
    let ft = r#""uomDimensions":"FT","lowerLimit":100,"lowerVerticalReference":"AGL","upperLimit":"1000","upperVerticalReference":"AGL""#;
    assert_eq!(limits(ft), (Some(30.48), Some(304.8), 0));
    let mixed = ft.replace(
        "\"upperVerticalReference\":\"AGL\"",
        "\"upperVerticalReference\":\"AMSL\"",
    );
    assert_eq!(limits(&mixed), (None, Some(304.8), 1));
    let ellipsoid = ft.replace("\"AGL\"", "\"WGS84\"");
    assert_eq!(limits(&ellipsoid), (None, None, 2));
    assert_eq!(
        limits(r#""uomDimensions":"M","upperLimit":120"#),
        (None, None, 1)
    );
    for (volume, place) in [
        (
            r#""uomDimensions":"M","lowerLimit":50,"lowerVerticalReference":"AGL","upperLimit":20,"upperVerticalReference":"AGL""#,
            "UASZoneList[0].geometry[0].lowerLimit",
        ),
        (
            r#""uomDimensions":"KM","upperLimit":1"#,
            "UASZoneList[0].geometry[0].uomDimensions",
        ),
        (
            r#""uomDimensions":"M","upperLimit":"high","upperVerticalReference":"AGL""#,
            "UASZoneList[0].geometry[0].upperLimit",
        ),
    ] {
        assert_eq!(import(&zone(volume)).unwrap_err().place, place);
    }
}

#[test]
fn an_authoritys_zones_join_a_venue_where_they_are_near() {
    let mut venue = Venue::sixi_river();
    let site = venue.launch_site().unwrap();
    let before = venue.zones.len();
    let zone = |id: &str, lat: f64, lon: f64| {
        format!(
            r#"{{"identifier":"{id}","restriction":"PROHIBITED","geometry":[{{"uomDimensions":"M","horizontalProjection":{{"type":"Circle","center":[{lon},{lat}],"radius":500}}}}]}}"#
        )
    };
    let taken = venue.zones[0].id.clone();
    let text = format!(
        r#"{{"datum":"WGS-84","UASZoneList":[{},{}]}}"#,
        zone(&taken, site.lat_deg(), site.lon_deg() + 0.01),
        zone("far", site.lat_deg() + 1.0, site.lon_deg())
    );
    let joined = import(&text).unwrap().add_to(&mut venue).unwrap();
    assert_eq!((joined.added, joined.far_away), (1, 1));
    assert_eq!(venue.zones.len(), before + 1);
    assert_eq!(venue.zones.last().unwrap().id, format!("{taken}#2"));
    let unstated = import(&text.replace("WGS-84", "unknown")).unwrap();
    assert_eq!(unstated.add_to(&mut venue).unwrap_err().fault, Fault::Datum);
}

#[test]
fn the_datum_is_stated_or_nothing_flies() {
    let text = |extra: &str| {
        format!(
            r#"{{"type":"FeatureCollection",{extra}"features":[{{"type":"Feature","properties":{{"role":"inclusion"}},"geometry":{{"type":"Polygon","coordinates":[[[120.0,27.7],[120.01,27.7],[120.01,27.71],[120.0,27.7]]]}}}}]}}"#
        )
    };
    let datum = |extra: &str, argument| {
        import_venue("x.geojson", text(extra).as_bytes(), argument).map(|v| v.venue.datum)
    };
    assert_eq!(datum("", None), Ok(Datum::Unknown));
    assert_eq!(datum("", Some(Datum::Unknown)), Ok(Datum::Unknown));
    assert_eq!(datum("", Some(Datum::Wgs84)), Ok(Datum::Wgs84));
    assert_eq!(datum("\"datum\":\"gcj02\",", None), Ok(Datum::Wgs84));
    assert_eq!(datum("\"datum\":\"CGCS2000\",", None), Ok(Datum::Wgs84));
    let crs =
        |n: &str| format!("\"crs\":{{\"type\":\"name\",\"properties\":{{\"name\":\"{n}\"}}}},");
    assert_eq!(
        datum(&crs("urn:ogc:def:crs:OGC:1.3:CRS84"), None),
        Ok(Datum::Wgs84)
    );
    assert_eq!(datum(&crs("EPSG:4326"), None), Ok(Datum::Wgs84));
    for (extra, argument) in [
        ("\"datum\":\"GCJ-02\",".to_owned(), Some(Datum::Wgs84)),
        ("\"datum\":\"ED50\",".to_owned(), None),
        ("\"datum\":7,".to_owned(), None),
        (crs("urn:ogc:def:crs:EPSG::3857"), None),
        (crs("EPSG:4326") + "\"datum\":\"BD-09\",", None),
    ] {
        assert_eq!(
            datum(&extra, argument).unwrap_err().fault,
            Fault::Datum,
            "{extra}"
        );
    }
    // The same corner as published for Shanghai, through the whole import.
    let moved = import_venue(
        "x.kml",
        kml(&format!(
            "<ExtendedData><Data name=\"datum\"><value>GCJ-02</value></Data></ExtendedData>{}",
            mark(
                "起飞点",
                &[],
                "<Point><coordinates>121.531541859215,31.17530398364597</coordinates></Point>"
            )
        ))
        .as_bytes(),
        None,
    )
    .unwrap();
    assert_eq!(moved.venue.datum, Datum::Wgs84);
    let Shape::Point(p) = moved.venue.zones[0].shape else {
        panic!()
    };
    assert!(
        (p.lat_deg() - 31.177_427_6).abs() < 1e-6 && (p.lon_deg() - 121.527_210_6).abs() < 1e-6
    );
    assert!(
        moved
            .notes
            .iter()
            .any(|n| n.code == NoteCode::DatumConverted)
    );
}

#[test]
fn fences_of_autopilots_become_venues() {
    let Some(files) = real("missions") else {
        return;
    };
    let of = |name: &str| {
        let (n, bytes) = files.iter().find(|(n, _)| n == name).unwrap();
        import_venue(n, bytes, Some(Datum::Wgs84)).unwrap()
    };
    let count = |v: &ImportedVenue, r| v.venue.zones_of(r).count();
    let v = of("qgc_ce_geofence_home_base.plan");
    assert_eq!(
        (
            count(&v, Role::Inclusion),
            count(&v, Role::Exclusion),
            count(&v, Role::Launch)
        ),
        (1, 1, 1)
    );
    let v = of("ardupilot_rover_PolyFenceObjectAvoidanceAuto__rover-path-planning-fence.txt");
    assert_eq!(
        (count(&v, Role::Inclusion), count(&v, Role::Exclusion)),
        (1, 2)
    );
    let v = of("mavproxy_cmac-foamy-fence.txt");
    assert_eq!(ring(&v.venue.zones[0].shape).len(), 4);
    assert_eq!(count(&of("pymavlink_rally.txt"), Role::Landing), 2);
}

#[test]
fn refusals_name_the_place_and_what_to_do() {
    let polygon = |c: &str| {
        kml(&mark(
            "a",
            &[],
            &format!(
                "<Polygon><outerBoundaryIs><LinearRing><coordinates>\n{c}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
            ),
        ))
    };
    for (text, words) in [
        (polygon("27.7,120.0 27.8,120.0 27.8,120.1"), "line 3, vertex 0: latitude 120"),
        (polygon("120.0,27.7 120.1,27.7"), "a ring of 2 corners"),
        (polygon("120.0, 27.7, 0"), "line 3, vertex 0"),
        (polygon("120.0,27.7 120.1,x"), "vertex 1: `x` is no number"),
        (polygon("120.0,NaN 120.1,1 1,1"), "vertex 0"),
        (polygon(" "), "is empty"),
        ("<kml><Document></kml>".into(), "line 1: not KML"),
        ("<kml><Document>\n<Folder>".into(), "line 2: not KML"),
        ("<kml></kml>".into(), "nothing drawn"),
        ("<html></html>".into(), "of XML only KML"),
        ("hello".into(), "line 1"),
        ("{\"type\":\"FeatureCollection\",\n\"features\":[".into(), "line 2: not JSON"),
        ("{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{\"id\":\"bank\"},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[27.7,120.0],[27.8,120.0],[27.8,120.1]]]}}]}".into(), "feature bank: vertex 0"),
        ("{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{\"id\":\"bank\"},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[120,27.7],[120,27.7],[120,27.7]]]}}]}".into(), "feature bank: a ring of 1 different corners"),
        ("{\"UASZoneList\":[{\"identifier\":\"a\",\"applicability\":[{\"startDateTime\":\"yesterday\"}]}]}".into(), "UASZoneList[0].applicability[0].startDateTime: `yesterday`"),
        ("QGC WPL 110\n0\t1\t0\t16\t0\t0\t0\t0\t27.7\t120.1\t75\t1\n".into(), "no fence and no rally point"),
        ("27.7\t120.1\n27.8\t120.1\n27.8\t120.2\n27.7\t120.2\n".into(), "line 4: the polygon is not closed"),
        (String::new(), "empty"),
    ] {
        let e = import(&text).unwrap_err().to_string();
        assert!(e.contains(words), "{text}: {e}");
    }
    assert!(
        import_venue("x", b"\xff\xfe<\0", None)
            .unwrap_err()
            .words
            .contains("UTF-16")
    );
    assert!(import_venue("x", b"a\nb\xff", None).unwrap_err().place == "line 2");
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let corridor = kml(&mark(
        "river",
        &[
            ("width_m", "40"),
            ("role", "inclusion"),
            ("ceiling_m", "90"),
            ("limit_frame", "amsl"),
        ],
        "<LineString><coordinates>120.0,27.7 120.01,27.7 120.01,27.71</coordinates></LineString>",
    ));
    let mut all = vec![
        (
            "a.kmz".to_owned(),
            zip(&[
                ("doc.kml", corridor.as_bytes(), true),
                ("x.kml", b"<kml/>", false),
            ]),
        ),
        ("a.kml".to_owned(), corridor.into_bytes()),
        (
            "b.kml".to_owned(),
            kml(&mark("boundary", &[], &square(120.0, 27.6, 0.1))).into_bytes(),
        ),
        (
            "gcj.geojson".to_owned(),
            include_bytes!("../../../venues/sixi-river.geojson").to_vec(),
        ),
    ];
    for folder in ["geo", "missions", "venues", "remoteid"] {
        for (name, bytes) in real(folder).unwrap_or_default() {
            if bytes.len() < 20_000 && (folder != "missions" || !name.contains("ission")) {
                all.push((name, bytes));
            }
        }
    }
    all
}

#[test]
fn damaged_files_never_panic() {
    let seeds = seeds();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..5u8), 1..12);
    let datum = prop_oneof![
        Just(None),
        Just(Some(Datum::Gcj02)),
        Just(Some(Datum::Bd09))
    ];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(3_000));
    runner
        .run(
            &(0..seeds.len(), damage, datum),
            |(which, damage, datum)| {
                let (name, bytes) = &seeds[which];
                let mut bytes = bytes.clone();
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
                        // Digits stay digits, so that numbers and not only syntax are damaged.
                        3 => bytes[i] = b'0' + byte % 10,
                        _ => bytes.truncate(i),
                    }
                }
                if let Ok(v) = import_venue(name, &bytes, datum) {
                    prop_assert!(v.venue.datum != Datum::Gcj02 && v.venue.datum != Datum::Bd09);
                    prop_assert!(v.venue.zones.len() + v.lines.len() <= MAX_ZONES);
                    prop_assert!(Venue::from_geojson(&v.venue.to_geojson()).is_ok());
                }
                Ok(())
            },
        )
        .unwrap();
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), head in prop_oneof![Just(""), Just("PK\u{3}\u{4}"), Just("<kml>"), Just("{\"UASZoneList\":["), Just("QGC WPL 110\n")], name in "[a-z]{0,4}(\\.kml|\\.kmz|\\.json|)") {
        let mut all = head.as_bytes().to_vec();
        all.extend(bytes);
        let _ = import_venue(&name, &all, None);
    }
}
