//! The fence against what officers draw wrongly, and against a judge that shares no geometry with it.

use super::*;
use crate::place::{Alt, Datum};
use crate::testkit::{self, amsl, evening, home, place, polygon, venue, zone};
use crate::time::{Reading, Utc};
use crate::venue::{Limit, Venue, Zone};
use contain::Rules;
use proptest::prelude::*;
use std::time::Duration;

const SQUARE: [(f64, f64); 4] = [
    (-200.0, -200.0),
    (200.0, -200.0),
    (200.0, 200.0),
    (-200.0, 200.0),
];

fn build(zones: Vec<Zone>) -> Result<Fence, Vec<FenceFault>> {
    FenceDraft::from_venue(&venue(zones), home(0.0, 0.0)).check()
}

fn square_with(mut more: Vec<Zone>) -> Vec<Zone> {
    more.insert(0, zone("edge", Role::Inclusion, polygon(&SQUARE)));
    more
}

/// The words of all faults.
fn refused(result: Result<Fence, Vec<FenceFault>>) -> String {
    result
        .expect_err("should be refused")
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn each_way_to_draw_a_fence_wrongly_is_refused_with_its_place() {
    let ring = |c: &[(f64, f64)]| vec![zone("edge", Role::Inclusion, polygon(c))];
    let bow_tie = [
        (-200.0, -200.0),
        (200.0, 200.0),
        (200.0, -200.0),
        (-200.0, 200.0),
    ];
    let spike = [
        (-200.0, -200.0),
        (200.0, -200.0),
        (300.0, -200.0),
        (200.0, -200.0001),
        (0.0, 200.0),
    ];
    for (zones, words) in [
        (ring(&bow_tie), "crosses or touches itself near 27.78"),
        (ring(&SQUARE[..2]), "2 corners"),
        (
            ring(&[SQUARE[0], SQUARE[1], SQUARE[1], SQUARE[2]]),
            "there twice",
        ),
        (ring(&[(-200.0, 0.0), (0.0, 0.0), (200.0, 0.0)]), "edge"),
        (ring(&spike), "edge"),
        (
            ring(&[(-30_000.0, -1.0), (30_000.0, -1.0), (0.0, 200.0)]),
            "judged exactly",
        ),
        (vec![], "no patrol boundary"),
        (square_with(ring(&SQUARE)), "2 patrol boundaries"),
        (
            square_with(vec![zone(
                "pit",
                Role::Exclusion,
                Shape::Point(place(9.0, 9.0)),
            )]),
            "`pit`: a point",
        ),
        (
            square_with(vec![zone(
                "pit",
                Role::Exclusion,
                Shape::Circle {
                    centre: place(9.0, 9.0),
                    radius_m: -1.0,
                },
            )]),
            "radius -1",
        ),
        (
            square_with(vec![zone(
                "pit",
                Role::Exclusion,
                Shape::Circle {
                    centre: place(9.0, 9.0),
                    radius_m: f64::NAN,
                },
            )]),
            "radius NaN",
        ),
        (
            square_with(vec![zone(
                "pit",
                Role::Exclusion,
                polygon(&[(-9.0, -9.0), (9.0, -9.0), (0.0, 9.0)]),
            )]),
            "inside a keep-out",
        ),
        (
            ring(&[(50.0, 50.0), (200.0, 50.0), (200.0, 200.0)]),
            "outside the patrol boundary",
        ),
    ] {
        let found = refused(build(zones));
        assert!(found.contains(words), "wanted `{words}`, got `{found}`");
    }
}

#[test]
fn a_hole_that_reaches_out_is_refused() {
    let mut edge = zone("edge", Role::Inclusion, polygon(&SQUARE));
    if let Shape::Polygon { holes, .. } = &mut edge.shape {
        holes.push(
            [(150.0, 0.0), (250.0, 0.0), (200.0, 50.0)]
                .iter()
                .map(|c| place(c.0, c.1))
                .collect(),
        );
    }
    assert!(refused(build(vec![edge])).contains("hole"));
}

#[test]
fn unknown_datum_unknown_ground_and_upside_down_limits_are_refused() {
    let mut v = venue(square_with(vec![]));
    v.datum = Datum::Gcj02;
    assert!(refused(FenceDraft::from_venue(&v, home(0.0, 0.0)).check()).contains("datum"));
    v.datum = Datum::Unknown;
    assert!(refused(FenceDraft::from_venue(&v, home(0.0, 0.0)).check()).contains("datum"));
    v.datum = Datum::Wgs84;
    v.ground = crate::venue::Ground::Unknown;
    assert!(
        refused(FenceDraft::from_venue(&v, home(0.0, 0.0)).check()).contains("needs the ground")
    );
    let mut pit = zone(
        "pit",
        Role::Exclusion,
        polygon(&[(50.0, 50.0), (90.0, 50.0), (70.0, 90.0)]),
    );
    pit.floor = Some(Limit::Amsl(amsl(120.0)));
    pit.ceiling = Some(Limit::AboveHome(Alt::from_metres(30.0).unwrap()));
    assert!(refused(build(square_with(vec![pit]))).contains("not below ceiling"));
}

#[test]
fn a_boundary_over_the_antimeridian_is_refused() {
    let corner = |lat: f64, lon: f64| LatLon::from_degrees(lat, lon).unwrap();
    let shape = Shape::Polygon {
        outer: vec![
            corner(10.0, 179.999),
            corner(10.0, -179.999),
            corner(10.002, -179.999),
            corner(10.002, 179.999),
        ],
        holes: vec![],
    };
    let v = venue(vec![zone("edge", Role::Inclusion, shape)]);
    let home = Home {
        at: corner(10.001, 179.9995),
        ..home(0.0, 0.0)
    };
    let words = refused(FenceDraft::from_venue(&v, home).check());
    assert!(words.contains("antimeridian"), "{words}");
    // Coordinates off the globe or no numbers never become a venue.
    for bad in ["95.0", "1e999", "null", "\"x\""] {
        let text = format!(
            r#"{{"type":"Polygon","coordinates":[[[120.0,{bad}],[120.1,27.0],[120.1,27.1]]]}}"#
        );
        assert!(Venue::from_geojson(&text).is_err(), "{bad}");
    }
}

fn rules(margin_m: f64) -> Rules {
    Rules {
        margin_m,
        height_error_m: 3.0,
        when: evening(),
        over_crowds: false,
    }
}

fn leg(a: (f64, f64), b: (f64, f64), alt_m: f64) -> Leg {
    Leg {
        from: place(a.0, a.1),
        from_alt: amsl(alt_m),
        to: place(b.0, b.1),
        to_alt: amsl(alt_m),
    }
}

#[test]
fn two_inside_waypoints_do_not_make_an_inside_leg() {
    // A horseshoe: both ends of the leg are well inside, the way between them is not.
    let fence = build(vec![zone(
        "edge",
        Role::Inclusion,
        polygon(&[
            (-200.0, -100.0),
            (200.0, -100.0),
            (200.0, 200.0),
            (100.0, 200.0),
            (100.0, 60.0),
            (-100.0, 60.0),
            (-100.0, 200.0),
            (-200.0, 200.0),
        ]),
    )])
    .unwrap();
    let across = leg((-150.0, 150.0), (150.0, 150.0), 130.0);
    let fault = fence.contain(&across, 10.0, evening()).unwrap_err();
    assert_eq!(fault.what, Obstacle::Boundary);
    assert!(fault.by_m > 10.0);
    for end in [across.from, across.to] {
        let stay = Leg {
            from: end,
            to: end,
            ..across
        };
        assert!(fence.contain(&stay, 10.0, evening()).is_ok());
    }
    let way = fence
        .route(across.from, across.to, across.from_alt, 10.0, evening())
        .unwrap();
    assert!(way.len() >= 4, "{way:?}");
}

#[test]
fn a_keep_out_between_waypoints_counts_by_height_and_by_the_clock() {
    let mut show = zone(
        "show",
        Role::Show,
        polygon(&[(-20.0, 40.0), (20.0, 40.0), (20.0, 100.0), (-20.0, 100.0)]),
    );
    show.floor = Some(Limit::AboveGround(Alt::from_metres(30.0).unwrap()));
    show.ceiling = Some(Limit::AboveGround(Alt::from_metres(60.0).unwrap()));
    show.window = Some(evening());
    let fence = build(square_with(vec![show])).unwrap();
    let through = |alt_m: f64| leg((-100.0, 70.0), (100.0, 70.0), alt_m);
    let fault = fence
        .contain(&through(75.0 + 45.0), 10.0, evening())
        .unwrap_err();
    assert_eq!(fault.what, Obstacle::KeepOut("show".into()));
    // Three metres of height error to floor and ceiling.
    assert!(
        fence
            .contain(&through(75.0 + 26.0), 10.0, evening())
            .is_ok()
    );
    assert!(
        fence
            .contain(&through(75.0 + 28.0), 10.0, evening())
            .is_err()
    );
    assert!(
        fence
            .contain(&through(75.0 + 62.0), 10.0, evening())
            .is_err()
    );
    assert!(
        fence
            .contain(&through(75.0 + 64.0), 10.0, evening())
            .is_ok()
    );
    let later = Window {
        from: evening().until,
        until: evening().until.after(Duration::from_secs(60)),
    };
    assert!(fence.contain(&through(120.0), 10.0, later).is_ok());
    // A leg that slants through all heights is barred too.
    let slant = Leg {
        from_alt: amsl(80.0),
        to_alt: amsl(190.0),
        ..through(0.0)
    };
    assert!(fence.contain(&slant, 10.0, evening()).is_err());
    // The boundary's ceiling.
    let high = leg((-150.0, -150.0), (150.0, -150.0), 75.0 + 118.0);
    assert_eq!(
        fence.contain(&high, 10.0, evening()).unwrap_err().what,
        Obstacle::Ceiling
    );

    let at = Reading::Valid(place(0.0, 70.0));
    let alt = Reading::Valid(amsl(120.0));
    let judge = |utc| fence.verdict(at, alt, utc, 1.0, 5.0);
    assert!(matches!(
        judge(Reading::Valid(evening().from)),
        Verdict::Outside { .. }
    ));
    assert!(matches!(
        judge(Reading::Valid(later.from)),
        Verdict::Inside { .. }
    ));
    // Not knowing the time keeps the keep-out in force.
    assert!(matches!(judge(Reading::NotYet), Verdict::Outside { .. }));
    assert!(matches!(judge(Reading::Missing), Verdict::Outside { .. }));
}

#[test]
fn unknown_is_never_inside() {
    let fence = build(square_with(vec![])).unwrap();
    let (at, alt, utc) = (
        Reading::Valid(place(0.0, 0.0)),
        Reading::Valid(amsl(100.0)),
        Reading::Valid(evening().from),
    );
    assert!(matches!(
        fence.verdict(at, alt, utc, 2.0, 10.0),
        Verdict::Inside { .. }
    ));
    for v in [
        fence.verdict(Reading::NotYet, alt, utc, 2.0, 10.0),
        fence.verdict(Reading::Missing, alt, utc, 2.0, 10.0),
        fence.verdict(at, Reading::NotYet, utc, 2.0, 10.0),
        fence.verdict(at, Reading::Missing, utc, 2.0, 10.0),
        fence.verdict(at, alt, utc, f64::NAN, 10.0),
        fence.verdict(at, alt, utc, f64::INFINITY, 10.0),
        fence.verdict(at, alt, utc, -1.0, 10.0),
        fence.verdict(at, alt, utc, 2.0, f64::NAN),
    ] {
        assert!(matches!(v, Verdict::Unknown { .. }), "{v:?}");
    }
    // The position's error shrinks the margin: 45 m of ceiling left less 50 m of error is out.
    assert!(matches!(
        fence.verdict(at, Reading::Valid(amsl(150.0)), utc, 50.0, 0.0),
        Verdict::Outside { .. }
    ));
    assert!(matches!(
        fence.verdict(at, alt, utc, 60.0, 40.0),
        Verdict::Near { .. }
    ));
}

#[test]
fn a_boundary_with_hours_is_no_boundary_outside_them() {
    let mut zones = square_with(vec![]);
    zones[0].window = Some(evening());
    let fence = build(zones).unwrap();
    let stay = leg((0.0, 0.0), (10.0, 0.0), 100.0);
    assert!(fence.contain(&stay, 10.0, evening()).is_ok());
    let longer = Window {
        until: evening().until.after(Duration::from_secs(1)),
        ..evening()
    };
    assert_eq!(
        fence.contain(&stay, 10.0, longer).unwrap_err().what,
        Obstacle::Hours
    );
    let at = |utc| {
        fence.verdict(
            Reading::Valid(place(0.0, 0.0)),
            Reading::Valid(amsl(100.0)),
            utc,
            1.0,
            5.0,
        )
    };
    assert!(matches!(
        at(Reading::Valid(evening().from)),
        Verdict::Inside { .. }
    ));
    assert!(matches!(
        at(Reading::Valid(evening().until)),
        Verdict::Outside { .. }
    ));
    assert!(matches!(at(Reading::Missing), Verdict::Unknown { .. }));
}

#[test]
fn crowds_bar_legs_without_a_permit_and_all_stays() {
    let fence = build(square_with(vec![zone(
        "crowd",
        Role::Crowd,
        polygon(&[(-20.0, 40.0), (20.0, 40.0), (20.0, 100.0), (-20.0, 100.0)]),
    )]))
    .unwrap();
    let over = leg((-100.0, 70.0), (100.0, 70.0), 130.0);
    assert_eq!(
        fence.contain(&over, 10.0, evening()).unwrap_err().what,
        Obstacle::Crowd("crowd".into())
    );
    assert!(
        fence
            .contain_with(
                &over,
                &Rules {
                    over_crowds: true,
                    ..rules(10.0)
                }
            )
            .is_ok()
    );
    // Being over a crowd is not being outside the fence.
    let v = fence.verdict(
        Reading::Valid(place(0.0, 70.0)),
        Reading::Valid(amsl(130.0)),
        Reading::NotYet,
        1.0,
        5.0,
    );
    assert!(matches!(v, Verdict::Inside { .. }));
}

#[test]
fn a_keep_out_inside_a_bundle_of_returns_is_found() {
    // No side of the triangle touches the disc, which lies in its middle.
    let disc = Shape::Circle {
        centre: place(0.0, 80.0),
        radius_m: 5.0,
    };
    let fence = build(square_with(vec![zone("mast", Role::Exclusion, disc)])).unwrap();
    let base = leg((-150.0, 150.0), (150.0, 150.0), 130.0);
    let apex = place(0.0, -150.0);
    for (a, b) in [(base.from, apex), (base.to, apex), (base.from, base.to)] {
        assert!(
            fence
                .contain_with(
                    &Leg {
                        from: a,
                        to: b,
                        ..base
                    },
                    &rules(10.0)
                )
                .is_ok()
        );
    }
    let fault = fence.contain_fan(&base, apex, &rules(10.0)).unwrap_err();
    assert_eq!(fault.what, Obstacle::KeepOut("mast".into()));
    assert!(
        fence
            .contain_fan(
                &leg((-150.0, 150.0), (-100.0, 150.0), 130.0),
                apex,
                &rules(10.0)
            )
            .is_ok()
    );
}

#[test]
fn the_digest_is_of_the_fence_and_of_nothing_else() {
    let v = Venue::sixi_river();
    let at = Home {
        at: v.launch_site().unwrap(),
        alt: amsl(75.0),
    };
    let digest = |v: &Venue| FenceDraft::from_venue(v, at).check().unwrap().digest();
    let first = digest(&v);
    assert_eq!(first, digest(&v));
    assert_eq!(
        first,
        digest(&Venue::from_geojson(&v.to_geojson()).unwrap())
    );
    let mut renamed = v.clone();
    renamed.name = "another".into();
    renamed
        .zones
        .retain(|z| !matches!(z.role, Role::WatchZone | Role::NoLook | Role::Landing));
    assert_eq!(first, digest(&renamed));
    for i in 0..v.zones.len() {
        let mut moved = v.clone();
        let Some(z) = moved.zones.get_mut(i).filter(|z| {
            matches!(
                z.role,
                Role::Inclusion | Role::Exclusion | Role::Show | Role::Crowd
            )
        }) else {
            continue;
        };
        if let Shape::Polygon { outer, .. } = &mut z.shape {
            outer[1] = LatLon::from_e7(outer[1].lat_e7() + 1, outer[1].lon_e7()).unwrap();
        }
        assert_ne!(first, digest(&moved), "{i}");
    }
    let mut later = v.clone();
    for z in &mut later.zones {
        if let Some(w) = &mut z.window {
            w.until = Utc(w.until.0 + 1);
        }
    }
    assert_ne!(first, digest(&later));
}

#[test]
fn an_uploaded_fence_is_checked_like_a_drawn_one() {
    let corners: Vec<LatLon> = SQUARE.iter().map(|c| place(c.0, c.1)).collect();
    let ceiling = Alt::from_metres(100.0).unwrap();
    let disc = Shape::Circle {
        centre: place(100.0, 0.0),
        radius_m: 20.0,
    };
    let fence = Fence::from_wire(corners.clone(), vec![disc], ceiling, home(0.0, 0.0)).unwrap();
    assert_eq!(fence.keepouts().len(), 1);
    assert_eq!(fence.ceiling_amsl_m(), Some(175.0));
    let mut crossed = corners;
    crossed.swap(0, 1);
    let words = refused(Fence::from_wire(crossed, vec![], ceiling, home(0.0, 0.0)));
    assert!(words.contains("crosses"), "{words}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The exact judgement of a leg against ten thousand looks at it.
    #[test]
    fn a_contained_leg_is_inside_wherever_one_looks(v in testkit::any_venue(), a in (-350.0..350.0f64, -350.0..350.0f64), b in (-350.0..350.0f64, -350.0..350.0f64), margin_m in 0.1..40.0f64) {
        let Ok(fence) = FenceDraft::from_venue(&v, home(0.0, 0.0)).check() else { return Ok(()) };
        let leg = leg(a, b, 130.0);
        let step_m = 0.05;
        let looked_m = testkit::least_clearance_m(&v, leg.from, leg.to, step_m);
        match fence.contain_with(&leg, &rules(margin_m)) {
            // The two planes differ by some centimetres over 400 m.
            Ok(proven) => {
                prop_assert!(looked_m >= margin_m - 0.05, "proven at {margin_m}, looked {looked_m}");
                prop_assert!((proven.clearance_m() - looked_m).abs() < 0.05 + step_m, "{} {looked_m}", proven.clearance_m());
            }
            Err(fault) => prop_assert!(looked_m < margin_m + 0.05 + step_m, "refused {fault} at {margin_m}, looked {looked_m}"),
        }
    }

    #[test]
    fn a_way_around_never_leaves(v in testkit::any_venue(), b in (-350.0..350.0f64, -350.0..350.0f64), margin_m in 0.5..30.0f64) {
        let Ok(fence) = FenceDraft::from_venue(&v, home(0.0, 0.0)).check() else { return Ok(()) };
        let (from, to) = (place(0.0, 0.0), place(b.0, b.1));
        if let Some(way) = fence.route(from, to, amsl(130.0), margin_m, evening()) {
            prop_assert_eq!((way.first(), way.last()), (Some(&from), Some(&to)));
            for w in way.windows(2) {
                let looked_m = testkit::least_clearance_m(&v, w[0], w[1], 0.2);
                prop_assert!(looked_m >= margin_m - 0.05, "{looked_m}");
            }
        }
    }

    /// Whatever is drawn, the check answers and does not panic.
    #[test]
    fn no_drawing_panics(rings in prop::collection::vec(prop::collection::vec((-900_000_000..=900_000_000i32, -1_800_000_000..=1_800_000_000i32), 0..7), 0..4), small in any::<bool>()) {
        let at = |(lat, lon): (i32, i32)| if small {
            LatLon::from_e7(277_870_000 + lat % 5, 1_200_910_000 + lon % 5).unwrap()
        } else {
            LatLon::from_e7(lat, lon).unwrap()
        };
        let zones = rings.into_iter().enumerate().map(|(i, r)| {
            let role = if i == 0 { Role::Inclusion } else { Role::Exclusion };
            zone(&format!("z{i}"), role, Shape::Polygon { outer: r.into_iter().map(at).collect(), holes: vec![] })
        }).collect();
        let _ = FenceDraft::from_venue(&venue(zones), home(0.0, 0.0)).check();
    }
}

#[test]
fn a_way_around_a_block_is_the_shortest_to_two_percent() {
    // Around one block: the shortest way is known by hand.
    let fence = build(square_with(vec![zone(
        "block",
        Role::Exclusion,
        polygon(&[(40.0, -60.0), (80.0, -60.0), (80.0, 60.0), (40.0, 60.0)]),
    )]))
    .unwrap();
    let way = fence
        .route(
            place(0.0, 0.0),
            place(120.0, 0.0),
            amsl(130.0),
            10.0,
            evening(),
        )
        .unwrap();
    let length_m: f64 = way
        .windows(2)
        .map(|w| {
            let (a, b) = (testkit::metres(w[0]), testkit::metres(w[1]));
            (a.0 - b.0).hypot(a.1 - b.1)
        })
        .sum();
    // Tangents to circles of 10 m about two corners, 40 m apart, 40 m aside and 60 m up, and the arc between.
    let d = 40.0f64.hypot(60.0);
    let tangent = (d * d - 100.0).sqrt();
    let turn = 60.0f64.atan2(40.0) + (10.0 / d).asin();
    let best = 2.0 * tangent + 40.0 + 2.0 * 10.0 * turn;
    assert!(
        length_m < best * 1.02 && length_m >= best,
        "{length_m} {best}"
    );
}
