//! KML and KMZ: geometry kept, roles the safe way, bounded whatever is inside.

use super::tests::{import, kml, mark, ring, square, zip};
use super::*;
use crate::venue::Limit;
use proptest::prelude::*;

#[test]
fn a_venue_written_as_kml_comes_back_with_the_same_geometry() {
    let venue = Venue::sixi_river();
    let mut inside = String::from("<name>Sixi &amp; river</name>");
    for z in &venue.zones {
        let coords = |r: &[LatLon]| -> String {
            r.iter()
                .chain(r.first())
                .map(|p| format!("{:.7},{:.7},0 ", p.lon_deg(), p.lat_deg()))
                .collect()
        };
        let geometry = match &z.shape {
            Shape::Polygon { outer, holes } => {
                let holes: String = holes
                    .iter()
                    .map(|h| format!("<innerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></innerBoundaryIs>", coords(h)))
                    .collect();
                format!(
                    "<Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs>{holes}</Polygon>",
                    coords(outer)
                )
            }
            Shape::Circle { centre, .. } => format!(
                "<Point><coordinates>{},{}</coordinates></Point>",
                centre.lon_deg(),
                centre.lat_deg()
            ),
            Shape::Point(p) => format!(
                "<Point><coordinates>{},{}</coordinates></Point>",
                p.lon_deg(),
                p.lat_deg()
            ),
        };
        let radius = match &z.shape {
            Shape::Circle { radius_m, .. } => radius_m.to_string(),
            _ => String::new(),
        };
        inside += &mark(
            &z.name,
            &[
                ("role", z.role.text()),
                ("id", &z.id),
                ("radius_m", &radius),
            ],
            &geometry,
        );
    }
    let text = kml(&inside);
    let read = import(&text).unwrap();
    assert_eq!(read.venue.name, "Sixi & river");
    assert_eq!(read.venue.zones.len(), venue.zones.len());
    for (a, b) in read.venue.zones.iter().zip(&venue.zones) {
        assert_eq!((&a.shape, a.role, &a.id), (&b.shape, b.role, &b.id));
    }
    // The same zipped, in a folder, stored or packed, with a picture beside it.
    for packed in [false, true] {
        let kmz = zip(&[
            ("files/picture.png", b"not looked at", false),
            ("other/second.kml", b"<kml/>", packed),
            ("doc.kml", text.as_bytes(), packed),
        ]);
        let zipped = import_venue("x.kmz", &kmz, None).unwrap();
        assert_eq!(zipped.venue.zones, read.venue.zones);
        for cut in [30, kmz.len() / 2, kmz.len() - 1] {
            assert!(import_venue("x.kmz", &kmz[..cut], None).is_err());
        }
        let mut wrong = kmz.clone();
        let at = wrong.windows(7).rposition(|w| w == b"doc.kml").unwrap();
        // The checksum in the directory, 30 bytes before the name.
        wrong[at - 30] ^= 1;
        assert!(import_venue("x.kmz", &wrong, None).is_err());
    }
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![b' '; MAX_BYTES + 1000];
    let bomb = zip(&[("doc.kml", &zeros, true)]);
    assert!(bomb.len() < 100_000);
    let e = import_venue("bomb.kmz", &bomb, None).unwrap_err();
    assert_eq!(e.fault, Fault::TooLarge);
    let lol = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><kml><Document><name>&lol2;</name></Document></kml>";
    assert!(import(lol).unwrap_err().words.contains("&lol2;"));
    let deep = format!("<kml>{}", "<Folder>".repeat(100_000));
    assert_eq!(import(&deep).unwrap_err().fault, Fault::TooLarge);
    let deep = format!("{{\"type\":{}", "[".repeat(100_000));
    assert_eq!(import(&deep).unwrap_err().fault, Fault::Malformed);
    let many =
        kml(&mark("a", &[], "<Point><coordinates>1,1</coordinates></Point>").repeat(MAX_ZONES + 1));
    assert_eq!(import(&many).unwrap_err().fault, Fault::TooLarge);
    let corners = "1,1 ".repeat(MAX_VERTICES + 1);
    let many = kml(&mark(
        "a",
        &[],
        &format!("<LineString><coordinates>{corners}</coordinates></LineString>"),
    ));
    assert_eq!(import(&many).unwrap_err().fault, Fault::TooLarge);
    let wide = [("width_m", "40")];
    let line = format!(
        "<LineString><coordinates>{}</coordinates></LineString>",
        "1,1 ".repeat(251)
    );
    let many = kml(&mark("a", &wide, &line).repeat(2));
    assert_eq!(import(&many).unwrap_err().fault, Fault::TooLarge);
    let z = r#"{"identifier":"a","restriction":"X","geometry":[{"uomDimensions":"M","horizontalProjection":{"type":"Circle","center":[1,1],"radius":1}}]},"#;
    let many = format!("{{\"UASZoneList\":[{}1]}}", z.repeat(MAX_ZONES + 1));
    assert_eq!(import(&many).unwrap_err().fault, Fault::TooLarge);
}

#[test]
fn what_nobody_named_is_kept_out_of() {
    let roles = |inside: &str| -> Vec<(String, Role)> {
        let v = import(&kml(inside)).unwrap();
        v.venue
            .zones
            .iter()
            .map(|z| (z.name.clone(), z.role))
            .collect()
    };
    let is = |name: &str, role| (name.to_owned(), role);
    let (small, big) = (square(120.001, 27.7, 0.001), square(120.0, 27.6, 0.1));
    // Largest is the boundary, the other a keep-out.
    assert_eq!(
        roles(&(mark("a", &[], &small) + &mark("b", &[], &big))),
        [is("a", Role::Exclusion), is("b", Role::Inclusion)]
    );
    // A named boundary, however small, leaves the large one outside.
    assert_eq!(
        roles(&(mark("Patrol area", &[], &small) + &mark("b", &[], &big))),
        [is("Patrol area", Role::Inclusion), is("b", Role::Exclusion)]
    );
    // A role that is not known is no boundary, names of folders count, and keeping out goes first.
    assert_eq!(
        roles(&format!(
            "{}{}<Folder><name>禁飞区 patrol</name>{}</Folder>",
            mark("a", &[("role", "inclusion")], &big),
            mark("b", &[("role", "building")], &small),
            mark("c", &[], &small)
        )),
        [
            is("a", Role::Inclusion),
            is("b", Role::Exclusion),
            is("c", Role::Exclusion)
        ]
    );
    // A point without a use is left out; launch and landing are known by name.
    let point = "<Point><coordinates>120.05,27.65</coordinates></Point>";
    assert_eq!(
        roles(
            &(mark("a", &[], &big)
                + &mark("tree", &[], point)
                + &mark("起降点", &[], point)
                + &mark("Rally 1", &[], point))
        ),
        [
            is("a", Role::Inclusion),
            is("起降点", Role::Launch),
            is("Rally 1", Role::Landing)
        ]
    );
}

#[test]
fn drawn_heights_lower_a_boundary_and_never_a_keep_out() {
    let body = |mode: &str| {
        square(120.0, 27.6, 0.1)
            .replace(",0 ", ",300 ")
            .replace(",0<", ",300<")
            .replace(
                "<Polygon>",
                &format!("<Polygon><extrude>1</extrude><altitudeMode>{mode}</altitudeMode>"),
            )
    };
    let ceiling = |name: &str, mode: &str| {
        let v = import(&kml(&mark(name, &[], &body(mode)))).unwrap();
        v.venue.zones[0].ceiling
    };
    let metres = |l: Option<Limit>| match l {
        Some(Limit::Amsl(a)) => a.metres(),
        Some(Limit::AboveGround(a)) => -a.metres(),
        _ => 0.0,
    };
    assert_eq!(metres(ceiling("boundary", "absolute")), 300.0);
    assert_eq!(metres(ceiling("boundary", "relativeToGround")), -300.0);
    assert_eq!(ceiling("boundary", "clampToGround"), None);
    assert_eq!(ceiling("no fly", "absolute"), None);
    let stated = mark(
        "no fly",
        &[
            ("ceiling_m", "90"),
            ("limit_frame", "above_ground"),
            ("from", "2026-10-01T20:00:00+08:00"),
        ],
        &body("absolute"),
    );
    let z = import(&kml(&stated)).unwrap().venue.zones[0].clone();
    assert_eq!(metres(z.ceiling), -90.0);
    assert_eq!(z.window.unwrap().from.to_rfc3339(), "2026-10-01T12:00:00Z");
}

#[test]
fn lines_are_outlines_corridors_or_kept_as_lines() {
    let line = |c: &str| format!("<LineString><coordinates>{c}</coordinates></LineString>");
    let open = line("120.0,27.7 120.01,27.7 120.01,27.71");
    let closed = line("120.0,27.7 120.01,27.7 120.01,27.71 120.0,27.7");
    let v = import(&kml(
        &(mark("river", &[], &open) + &mark("bank", &[], &closed))
    ))
    .unwrap();
    assert_eq!((v.lines.len(), v.lines[0].points.len()), (1, 3));
    assert_eq!(ring(&v.venue.zones[0].shape).len(), 3);
    let area = |role: &str| {
        let v = import(&kml(&mark(
            "river",
            &[("role", role), ("width_m", "40")],
            &open,
        )))
        .unwrap();
        assert!(v.lines.is_empty());
        join::rough_area_m2(&ring(&v.venue.zones[0].shape))
    };
    // Two legs of 986 m and 1108 m, 40 m wide, with round ends; less inside, more outside.
    let exact = 40.0 * (986.3 + 1108.2) + std::f64::consts::PI * 400.0 - 400.0
        + 100.0 * std::f64::consts::PI;
    let (inside, outside) = (area("inclusion"), area("exclusion"));
    assert!(
        (inside / exact - 1.0).abs() < 0.01 && inside < outside,
        "{inside} {exact} {outside}"
    );
    assert!(outside / inside < 1.02);
}

proptest! {
    #[test]
    fn corridors_never_panic_and_hold_their_line(points in prop::collection::vec((-0.02..0.02f64, -0.02..0.02f64), 2..30), width in 0.2..400.0f64) {
        let coords: String = points.iter().map(|(x, y)| format!("{},{} ", 120.0 + x, 27.7 + y)).collect();
        let text = kml(&mark("x", &[("width_m", &width.to_string()), ("role", "exclusion")], &format!("<LineString><coordinates>{coords}</coordinates></LineString>")));
        let v = import(&text).unwrap();
        prop_assert!(!v.venue.zones.is_empty());
        let area: f64 = v.venue.zones.iter().map(|z| join::rough_area_m2(&ring(&z.shape))).sum();
        prop_assert!(area >= std::f64::consts::PI * width * width / 4.0, "{area}");
    }
}
