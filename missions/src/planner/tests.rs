//! Plans over the demonstration venue, over hundreds of random ones, and over real outlines.

use super::*;
use crate::fence::flat::{self, Area};
use crate::place::Datum;
use crate::plan::PlanItem;
use crate::plane::{EastNorth, LocalPlane};
use crate::testkit::{self, evening, zone};
use crate::venue::{Ground, Limit, Role, Shape};
use proptest::prelude::*;
use std::cell::Cell;

pub(crate) fn request() -> PatrolRequest {
    PatrolRequest {
        name: "evening".into(),
        pattern: Pattern::Sweep {
            swath_m: 54.0,
            angle_deg: None,
        },
        alt: Alt::from_metres(60.0).unwrap(),
        speed_mps: None,
        margin_m: 5.0,
        launch_window: evening(),
        area: None,
        on_link_loss: OnLinkLoss::HoldThenReturn { wait_s: 10.0 },
        over_crowds: false,
        wind: crate::energy::Wind::default(),
    }
}

/// Little polish: what is judged is legality.
pub(crate) const QUICK: PlanEffort = PlanEffort {
    moves: Some(1_000),
    seed: 1,
};

fn around(offset_m: f64) -> PatrolRequest {
    PatrolRequest {
        pattern: Pattern::Perimeter { offset_m },
        ..request()
    }
}

/// The demonstration patrol, for other tests.
pub(crate) fn sixi() -> PatrolPlan {
    plan_patrol(
        &Venue::sixi_river(),
        &VehicleSpec::default_quad(),
        &request(),
    )
    .unwrap()
}

fn say(plan: &PatrolPlan) {
    let e = plan.file().estimate;
    println!(
        "{}: {} items, {:.0} m, {:.0} s, {:.0} Wh, reserve {:.0} %, clearance {:.1} m, return at {:.0} m, {:.0} m left out",
        plan.file().name,
        plan.items().len(),
        e.distance_m,
        e.time_s,
        e.energy_wh,
        e.reserve_pct,
        plan.min_clearance_m(),
        plan.file().return_alt.metres(),
        e.left_out_m
    );
}

#[test]
fn the_evening_sweep_over_the_sixi_is_legal_and_fits_one_battery() {
    let plan = sixi();
    say(&plan);
    assert!(plan.min_clearance_m() >= plan.margin_m());
    // All of what can be seen is seen, not four fifths of it: 18 minutes, and the battery holds.
    assert!((600.0..1_200.0).contains(&plan.file().estimate.time_s));
    assert!(plan.file().estimate.left_out_m < 1.0);
    let again = PatrolPlan::from_json(&plan.to_json()).unwrap();
    assert_eq!(again.hash(), plan.hash());
}

#[test]
fn the_sweep_overflies_every_watch_zone() {
    let venue = Venue::sixi_river();
    let plan = sixi();
    let plane = plan.fence().plane();
    let path: Vec<EastNorth> = plan.path().iter().map(|p| plane.to_local(p.0)).collect();
    for z in venue.zones_of(Role::WatchZone) {
        let Shape::Polygon { outer, .. } = &z.shape else {
            panic!("{} is no polygon", z.id)
        };
        let area = Area::Rings(vec![outer.iter().map(|p| plane.to_local(*p)).collect()]);
        // Lines lie a swath apart and the camera sees 28 m to either side at 60 m: every spot of a 5 m grid is passed
        // within half a swath.
        let corners = area.vertices();
        let bound = |f: fn(&EastNorth) -> f64| {
            corners
                .iter()
                .map(f)
                .fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)))
        };
        let ((west, east), (south, north)) = (bound(|p| p.east_m), bound(|p| p.north_m));
        let (mut all, mut seen) = (0, 0);
        for i in 0..=((east - west) / 5.0) as u32 {
            for j in 0..=((north - south) / 5.0) as u32 {
                let p = EastNorth::new(west + 5.0 * f64::from(i), south + 5.0 * f64::from(j));
                if area.contains(p) {
                    let near_m = path
                        .windows(2)
                        .map(|w| flat::point_to_edge_m(p, (w[0], w[1])))
                        .fold(f64::INFINITY, f64::min);
                    all += 1;
                    seen += usize::from(near_m <= 27.0);
                }
            }
        }
        println!("{}: {seen} of {all} spots", z.id);
        assert!(seen * 100 >= all * 95, "{}", z.id);
    }
}

#[test]
fn the_perimeter_of_the_sixi_is_legal() {
    let plan = plan_patrol(
        &Venue::sixi_river(),
        &VehicleSpec::default_quad(),
        &around(20.0),
    )
    .unwrap();
    say(&plan);
}

#[test]
fn a_sweep_of_one_zone_stays_in_it_but_for_the_way_there() {
    let r = PatrolRequest {
        area: Some("embankment-west".into()),
        pattern: Pattern::Sweep {
            swath_m: 20.0,
            angle_deg: None,
        },
        ..request()
    };
    let plan = plan_patrol(&Venue::sixi_river(), &VehicleSpec::default_quad(), &r).unwrap();
    say(&plan);
    assert!(plan.file().estimate.distance_m < 2_000.0);
}

#[test]
fn both_autopilots_get_a_fence_that_lets_the_plan_pass() {
    let plan = sixi();
    for (inset_m, corners) in [(2.0, 64), (10.0, 64), (15.0, 70)] {
        let fence = plan.autopilot_fence(inset_m, corners).unwrap();
        println!(
            "inset {inset_m}: {} + {} corners, {} circles; not held: {:?}",
            fence.inclusion.len(),
            fence.exclusions.iter().map(Vec::len).sum::<usize>(),
            fence.circles.len(),
            plan.guarded_by_companion_alone(inset_m)
        );
        assert!(fence.vertex_count() <= corners);
        // The show box and the hospital are both kept out of.
        assert_eq!(fence.exclusions.len(), 2);
        for p in &fence.inclusion {
            assert!(
                plan.fence()
                    .boundary()
                    .depth_m(plan.fence().plane().to_local(*p))
                    >= inset_m
            );
        }
    }
    let e = plan.autopilot_fence(30.0, 64).unwrap_err().to_string();
    assert!(e.contains("cuts the plan"), "{e}");
    assert!(plan.autopilot_fence(2.0, 5).is_err());
}

/// Judges a plan without the fence: legs, and returns from every few metres of them, in a venue without heights.
pub(crate) fn judge(venue: &Venue, plan: &PatrolPlan) {
    let margin_m = plan.margin_m() - 0.05;
    let path = plan.path();
    let sites: Vec<LatLon> = std::iter::once(plan.file().home.at)
        .chain(plan.file().rally.iter().copied())
        .collect();
    for w in path.windows(2) {
        let looked_m = testkit::least_clearance_m(venue, w[0].0, w[1].0, 1.0);
        assert!(looked_m >= margin_m, "a leg comes to {looked_m} m");
        let (a, b) = (testkit::metres(w[0].0), testkit::metres(w[1].0));
        let n = ((b.0 - a.0).hypot(b.1 - a.1) / 7.0).ceil().max(1.0) as usize;
        for i in 0..=n {
            let t = i as f64 / n as f64;
            let p = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            let to = |s: &&LatLon| {
                let q = testkit::metres(**s);
                (q.0 - p.0).hypot(q.1 - p.1)
            };
            let site = sites.iter().min_by(|x, y| to(x).total_cmp(&to(y))).unwrap();
            let looked_m = testkit::least_clearance_m(venue, testkit::place(p.0, p.1), *site, 2.0);
            assert!(
                looked_m >= margin_m,
                "a return from {p:?} comes to {looked_m} m"
            );
        }
    }
}

#[test]
fn plans_over_hundreds_of_random_venues_stay_inside() {
    let (made, refused) = (Cell::new(0u32), Cell::new(0u32));
    // The same dice every time: how many of these venues can be flown is then a figure, not chance.
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig::with_cases(30),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let request = (
        testkit::any_venue(),
        any::<bool>(),
        15.0..60.0f64,
        prop::option::of(0.0..180.0f64),
        0.0..40.0f64,
        prop::collection::vec((-300.0..300.0f64, -300.0..300.0f64), 0..3),
    );
    runner
        .run(
            &request,
            |(mut venue, sweep, swath_m, angle_deg, offset_m, sites)| {
                for (i, (x, y)) in sites.into_iter().enumerate() {
                    venue.zones.push(zone(
                        &format!("site-{i}"),
                        Role::Landing,
                        Shape::Point(testkit::place(x, y)),
                    ));
                }
                let pattern = if sweep {
                    Pattern::Sweep {
                        swath_m,
                        angle_deg: Some(angle_deg.unwrap_or(0.0)),
                    }
                } else {
                    Pattern::Perimeter { offset_m }
                };
                let r = PatrolRequest {
                    pattern,
                    ..self::request()
                };
                match plan_patrol_within(&venue, &VehicleSpec::default_quad(), &r, &QUICK, || false)
                {
                    Ok(planned) => {
                        made.set(made.get() + 1);
                        judge(&venue, &planned.plan);
                    }
                    Err(why) => {
                        refused.set(refused.get() + 1);
                        prop_assert!(!why.to_string().is_empty());
                    }
                }
                Ok(())
            },
        )
        .unwrap();
    println!("{} plans, {} refusals", made.get(), refused.get());
    // Some venues leave nothing to fly in; that most do would mean that this looks at nothing.
    assert!(made.get() > 12, "{} plans", made.get());
}

#[test]
fn a_sabotaged_plan_is_refused_by_its_item() {
    let plan = sixi();
    let good = plan.file().clone();
    let refused = |change: &dyn Fn(&mut PlanFile)| {
        let mut file = good.clone();
        change(&mut file);
        file.estimate = estimate(&file);
        PatrolPlan::check(file).unwrap_err()
    };
    // One waypoint moved into the show box: the leg to it is named.
    let show = LatLon::from_degrees(27.787, 120.091).unwrap();
    let e = refused(&|f| {
        if let Some(PlanItem::Waypoint { at, .. }) = f.items.get_mut(3) {
            *at = show;
        }
    });
    assert_eq!((e.code, e.item), ("plan.leg_leaves", Some(3)));
    // Every inner item taken out in turn: either the straight leg is legal, or it is refused by that item.
    for i in 1..good.items.len() - 1 {
        let mut file = good.clone();
        file.items.remove(i);
        file.estimate = estimate(&file);
        if let Err(e) = PatrolPlan::check(file) {
            assert!(
                e.item
                    .is_some_and(|k| k == i || e.code == "plan.return_leaves"),
                "{e:?}"
            );
        }
    }
    assert_eq!(
        refused(&|f| f.return_alt = Alt::from_metres(125.0).unwrap()).code,
        "plan.landing_site"
    );
    assert_eq!(refused(&|f| f.rally = vec![show]).code, "plan.landing_site");
    assert_eq!(refused(&|f| f.rally.clear()).code, "plan.return_leaves");
    assert_eq!(refused(&|f| f.speed_mps = 40.0).code, "plan.speed");
    assert_eq!(refused(&|f| f.margin_m = 25.0).code, "plan.leg_leaves");
    assert_eq!(refused(&|f| f.margin_m = f64::NAN).code, "plan.margin");
    assert_eq!(
        refused(&|f| f.vehicle.battery_wh = 60.0).code,
        "plan.energy"
    );
    assert_eq!(
        refused(&|f| f.fence_digest = "00".into()).code,
        "plan.fence_differs"
    );
    assert_eq!(refused(&|f| f.flyable = false).code, "plan.geometry_only");
    assert_eq!(
        refused(&|f| f.format = "patrol-plan/9".into()).code,
        "plan.format"
    );
    assert_eq!(
        refused(&|f| {
            f.items.pop();
        })
        .code,
        "plan.no_end"
    );
    assert_eq!(
        refused(&|f| {
            f.items.remove(0);
        })
        .code,
        "plan.no_takeoff"
    );
    assert_eq!(
        refused(&|f| f.items.insert(2, PlanItem::Return)).code,
        "plan.early_end"
    );
    // Claiming a shorter flight would let the show's clock run out of the judgement.
    let mut lie = good.clone();
    lie.estimate.time_s = 10.0;
    assert_eq!(PatrolPlan::check(lie).unwrap_err().code, "plan.estimate");
    assert_eq!(
        PatrolPlan::from_json(b"{}").unwrap_err().code,
        "plan.not_read"
    );
}

#[test]
fn a_plan_that_may_start_before_the_show_and_end_in_it_keeps_out_of_the_box() {
    // An hour before, the box is free; launched up to a minute before the show, it is not.
    let plan_at = |from: &str, until: &str| {
        let window = Window {
            from: crate::time::Utc::from_rfc3339(from).unwrap(),
            until: crate::time::Utc::from_rfc3339(until).unwrap(),
        };
        let r = PatrolRequest {
            launch_window: window,
            // The whole area at the evening's swath is more than one battery.
            pattern: Pattern::Sweep {
                swath_m: 70.0,
                angle_deg: None,
            },
            ..request()
        };
        let mut venue = Venue::sixi_river();
        venue.zones.retain(|z| z.role != Role::Crowd);
        plan_patrol(&venue, &VehicleSpec::default_quad(), &r).unwrap()
    };
    let crosses = |plan: &PatrolPlan| {
        let plane = plan.fence().plane();
        let (_, area) = plan
            .fence()
            .keepout_areas()
            .find(|(k, _)| k.role == Role::Show)
            .unwrap();
        plan.path().windows(2).any(|w| {
            area.edge_to_outline_m((plane.to_local(w[0].0), plane.to_local(w[1].0))) <= 0.0
        })
    };
    assert!(crosses(&plan_at(
        "2026-10-01T10:00:00Z",
        "2026-10-01T10:10:00Z"
    )));
    assert!(!crosses(&plan_at(
        "2026-10-01T11:50:00Z",
        "2026-10-01T11:59:00Z"
    )));
}

#[test]
fn refusals_say_what_would_help() {
    let quad = VehicleSpec::default_quad();
    let refused =
        |venue: &Venue, r: &PatrolRequest| plan_patrol(venue, &quad, r).unwrap_err().to_string();
    let sixi = Venue::sixi_river();
    let mut bare = sixi.clone();
    bare.zones.retain(|z| z.role != Role::Launch);
    assert!(refused(&bare, &request()).contains("launch"));
    let mut datum = sixi.clone();
    datum.datum = Datum::Gcj02;
    assert!(refused(&datum, &request()).contains("datum"));
    let mut ground = sixi.clone();
    ground.ground = Ground::Unknown;
    assert!(refused(&ground, &request()).contains("ground"));
    assert!(
        refused(
            &sixi,
            &PatrolRequest {
                area: Some("moon".into()),
                ..request()
            }
        )
        .contains("moon")
    );
    let high = PatrolRequest {
        alt: Alt::from_metres(119.0).unwrap(),
        ..request()
    };
    assert!(
        refused(&sixi, &high).contains("Ceiling")
            || refused(&sixi, &high).contains("nothing is left"),
        "{}",
        refused(&sixi, &high)
    );
    let wide = PatrolRequest {
        margin_m: 400.0,
        ..request()
    };
    assert!(
        refused(&sixi, &wide).contains("margin"),
        "{}",
        refused(&sixi, &wide)
    );
    let small = VehicleSpec {
        battery_wh: 20.0,
        ..quad.clone()
    };
    let e = plan_patrol(&sixi, &small, &request())
        .unwrap_err()
        .to_string();
    assert!(e.contains("Wh"), "{e}");
}

/// Outlines of real parks and of stress generators become venues as their files stand, with what a patrol needs added.
#[test]
fn real_outlines_are_planned_or_refused_in_words() {
    let Some(files) = crate::formats::tests::real("venues") else {
        return;
    };
    let mut planned = 0;
    for (name, bytes) in files.iter().filter(|(_, b)| b.len() < 6_000) {
        let mut venue = Venue::from_geojson(std::str::from_utf8(bytes).unwrap()).unwrap();
        // As the file stands it must not fly: it names no datum and no ground.
        assert_eq!(venue.datum, Datum::Unknown);
        let slow = VehicleSpec {
            cruise_mps: 2.0,
            ..VehicleSpec::default_quad()
        };
        assert!(plan_patrol(&venue, &slow, &request()).is_err());
        venue.datum = Datum::Wgs84;
        venue.ground = Ground::Flat(Alt::from_metres(10.0).unwrap());
        venue.zones[0].ceiling = Some(Limit::AboveGround(Alt::from_metres(120.0).unwrap()));
        let Some(pad) = free_spot(&venue, 8.0) else {
            println!("{name}: no room for a pad");
            continue;
        };
        venue
            .zones
            .push(zone("pad", Role::Launch, Shape::Point(pad)));
        let r = PatrolRequest {
            name: name.clone(),
            pattern: Pattern::Sweep {
                swath_m: 12.0,
                angle_deg: Some(90.0),
            },
            margin_m: 0.0,
            ..request()
        };
        match plan_patrol(&venue, &slow, &r) {
            Ok(plan) => {
                say(&plan);
                planned += 1;
            }
            Err(e) => println!("{name}: {e}"),
        }
    }
    assert!(planned >= 3, "{planned}");
}

/// The spot of a grid with the most room.
fn free_spot(venue: &Venue, least_m: f64) -> Option<LatLon> {
    let Shape::Polygon { outer, .. } = &venue.zones[0].shape else {
        return None;
    };
    let (mut lo, mut hi) = (outer[0], outer[0]);
    for p in outer {
        lo = LatLon::from_e7(lo.lat_e7().min(p.lat_e7()), lo.lon_e7().min(p.lon_e7())).unwrap();
        hi = LatLon::from_e7(hi.lat_e7().max(p.lat_e7()), hi.lon_e7().max(p.lon_e7())).unwrap();
    }
    let plane = LocalPlane::new(lo);
    let areas: Vec<(bool, Area)> = venue
        .zones
        .iter()
        .filter_map(|z| match &z.shape {
            Shape::Polygon { outer, .. } => Some((
                z.role == Role::Inclusion,
                Area::Rings(vec![outer.iter().map(|p| plane.to_local(*p)).collect()]),
            )),
            _ => None,
        })
        .collect();
    let top = plane.to_local(hi);
    (0..=40u32)
        .flat_map(|i| (0..=40u32).map(move |j| (i, j)))
        .map(|(i, j)| {
            EastNorth::new(
                top.east_m * f64::from(i) / 40.0,
                top.north_m * f64::from(j) / 40.0,
            )
        })
        .map(|p| {
            let room_m = areas
                .iter()
                .map(|(inside, a)| if *inside { a.depth_m(p) } else { -a.depth_m(p) })
                .fold(f64::INFINITY, f64::min);
            (room_m, p)
        })
        .filter(|c| c.0 > least_m)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .and_then(|c| plane.to_latlon(c.1))
}

fn here(x_m: f64, y_m: f64) -> LatLon {
    testkit::place(x_m, y_m)
}

/// Every pattern but the two old ones, over a place of some 400 m.
fn new_patterns(r: f64) -> Vec<Pattern> {
    let round = Round {
        radius_m: 20.0 + 60.0 * r,
        turns: 2,
        turn: if r < 0.5 { Hand::Left } else { Hand::Right },
    };
    let drift = Some(Drift {
        current: Flow {
            toward_deg: 360.0 * r,
            mps: 0.4,
        },
        leeway: Flow::default(),
        age_s: 60.0,
    });
    let at = |x: f64, y: f64| here(x * (1.0 - r), y * (0.3 + r));
    vec![
        Pattern::Corridor {
            line: vec![
                at(-300.0, -40.0),
                at(-50.0, 30.0),
                at(90.0, -20.0),
                at(280.0, 90.0),
            ],
            width_m: 60.0,
            swath_m: 25.0,
        },
        Pattern::WatchPoints {
            points: [(-80.0, 50.0), (60.0, 70.0), (200.0, -10.0), (0.0, -90.0)]
                .map(|p| WatchPoint {
                    at: at(p.0, p.1),
                    hold_s: 15.0,
                })
                .to_vec(),
        },
        Pattern::Orbit {
            centre: at(60.0, 40.0),
            round,
        },
        Pattern::ExpandingSquare {
            datum: at(30.0, -20.0),
            spacing_m: 25.0,
            first_leg_deg: 360.0 * r,
            legs: 9,
            turn: round.turn,
            drift,
        },
        Pattern::SectorSearch {
            datum: at(-20.0, 30.0),
            radius_m: 90.0,
            first_leg_deg: 90.0 * r,
            runs: 2,
            turn: round.turn,
            drift,
        },
        Pattern::CreepingLine {
            spacing_m: 40.0,
            leg_deg: None,
            commence: Some(at(-200.0, 200.0)),
            area: None,
        },
        Pattern::Revisit {
            place: at(140.0, -60.0),
            hold_s: 20.0,
            round: (r < 0.5).then_some(round),
        },
    ]
}

#[test]
fn the_new_patterns_fly_over_random_venues_and_stay_inside() {
    let made = Cell::new(0u32);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(14));
    let any = (testkit::any_venue(), 0.0..1.0f64);
    runner
        .run(&any, |(venue, r)| {
            for pattern in new_patterns(r) {
                let name = pattern.name();
                let wish = PatrolRequest {
                    pattern,
                    ..self::request()
                };
                match plan_patrol_within(
                    &venue,
                    &VehicleSpec::default_quad(),
                    &wish,
                    &QUICK,
                    || false,
                ) {
                    Ok(p) => {
                        made.set(made.get() + 1);
                        judge(&venue, &p.plan);
                        let told_m: f64 = p.left_out.iter().map(|l| l.metres).sum();
                        prop_assert!((told_m - p.plan.file().estimate.left_out_m).abs() < 0.01);
                    }
                    Err(e) => prop_assert!(!e.to_string().is_empty(), "{name}"),
                }
            }
            Ok(())
        })
        .unwrap();
    println!("{} plans", made.get());
    assert!(made.get() > 28, "{}", made.get());
}

#[test]
fn a_refusal_names_the_leg_the_zone_and_the_metres() {
    let mut v = testkit::venue(vec![
        zone(
            "edge",
            Role::Inclusion,
            testkit::polygon(&[
                (-300.0, -300.0),
                (300.0, -300.0),
                (300.0, 300.0),
                (-300.0, 300.0),
            ]),
        ),
        zone("pad", Role::Launch, Shape::Point(here(-200.0, 0.0))),
        zone(
            "school",
            Role::Exclusion,
            testkit::polygon(&[(50.0, -40.0), (130.0, -40.0), (130.0, 40.0), (50.0, 40.0)]),
        ),
    ]);
    if let Some(z) = v.zones.last_mut() {
        z.name = "Primary school".into();
    }
    let quad = VehicleSpec::default_quad();
    let ask = |pattern: Pattern| {
        let r = PatrolRequest {
            pattern,
            ..request()
        };
        plan_patrol_within(&v, &quad, &r, &QUICK, || false)
    };
    let square = |datum| Pattern::ExpandingSquare {
        datum,
        spacing_m: 30.0,
        first_leg_deg: 0.0,
        legs: 6,
        turn: Hand::Right,
        drift: None,
    };
    // A datum in the school: which zone, and where it would be allowed.
    let e = ask(square(here(60.0, 0.0))).unwrap_err();
    let PlanRefusal::DatumOutside { nearest, .. } = &e else {
        panic!("{e}")
    };
    let (x, y) = testkit::metres(nearest.unwrap());
    assert!(x < 50.0 - 15.0 && y.abs() < 1.0, "{x} {y}");
    let o = e.obstructions();
    assert_eq!(o[0].zone_name.as_deref(), Some("Primary school"));
    assert!(e.to_string().contains("`school` (Primary school)"), "{e}");
    // A corridor through it: flown on both sides, and the piece in between is told with the zone.
    let p = ask(Pattern::Corridor {
        line: vec![here(-150.0, 0.0), here(250.0, 0.0)],
        width_m: 0.0,
        swath_m: 40.0,
    })
    .unwrap();
    judge(&v, &p.plan);
    let in_school: f64 = p
        .left_out
        .iter()
        .filter(|l| {
            l.because
                .as_ref()
                .is_some_and(|o| o.zone_name.as_deref() == Some("Primary school"))
        })
        .map(|l| l.metres)
        .sum();
    // 80 m of school and twice the margin, and what cannot return past it.
    assert!(in_school > 80.0 + 2.0 * p.plan.margin_m(), "{in_school}");
    println!("{}", p.left_out[0]);
    // A watch point nowhere near: nothing to fly.
    let e = ask(Pattern::WatchPoints {
        points: vec![WatchPoint {
            at: here(90.0, 0.0),
            hold_s: 5.0,
        }],
    })
    .unwrap_err();
    assert!(
        matches!(&e, PlanRefusal::NothingToFly { left_out } if left_out.len() == 1),
        "{e}"
    );
}

#[test]
fn the_way_back_to_an_anomaly_is_proven_from_where_the_aircraft_is() {
    let plan = sixi();
    let plane = *plan.fence().plane();
    let alt = request().alt;
    let path = plan.path();
    let (from, to) = (path[path.len() / 3].0, path[2 * path.len() / 3].0);
    let way = revisit(&plan, from, alt, to, 30.0, None).unwrap();
    assert_eq!(way.legs.first().unwrap().leg().from, from);
    assert!(
        plane
            .to_local(way.legs.last().unwrap().leg().to)
            .distance_m(plane.to_local(to))
            < 0.1
    );
    assert!(way.legs.iter().all(|l| l.clearance_m() >= plan.margin_m()));
    // Over the show box: as near as may be, looking at it.
    let show = LatLon::from_degrees(27.787, 120.091).unwrap();
    let way = revisit(&plan, from, alt, show, 30.0, None).unwrap();
    assert_eq!((way.look_at, way.hold_s), (show, 30.0));
    assert!(way.legs.iter().all(|l| l.clearance_m() >= plan.margin_m()));
    // In the next town: nothing to be seen from the edge of the fence, so nobody flies there to look.
    let town = LatLon::from_degrees(27.9, 120.2).unwrap();
    let e = revisit(&plan, from, alt, town, 30.0, None).unwrap_err();
    assert!(
        matches!(
            e,
            PlanRefusal::DatumOutside {
                nearest: Some(_),
                ..
            }
        ),
        "{e}"
    );
}

#[test]
fn the_same_effort_and_seed_give_the_same_plan_and_a_stop_gives_a_plan_too() {
    let plan = |stop: bool| {
        plan_patrol_within(
            &Venue::sixi_river(),
            &VehicleSpec::default_quad(),
            &request(),
            &PlanEffort::default(),
            || stop,
        )
        .unwrap()
        .plan
        .hash()
    };
    assert_eq!(plan(false), sixi().hash());
    plan(true);
}

#[test]
fn a_strong_wind_costs_battery_and_the_refusal_names_plans_that_pass() {
    let venue = Venue::sixi_river();
    let quad = VehicleSpec::default_quad();
    let still = plan_patrol(&venue, &quad, &around(25.0)).unwrap();
    let windy = PatrolRequest {
        wind: Wind {
            from_deg: 270.0,
            speed_mps: 6.0,
            unsure_mps: 1.0,
        },
        ..around(25.0)
    };
    let plan = plan_patrol(&venue, &quad, &windy).unwrap();
    assert!(plan.file().estimate.energy_wh > still.file().estimate.energy_wh);
    let small = VehicleSpec {
        battery_wh: plan.file().estimate.energy_wh,
        ..quad
    };
    let refusal = plan_patrol(&venue, &small, &windy).unwrap_err();
    let PlanRefusal::NotLegal { fault, instead, .. } = &refusal else {
        panic!("{refusal}");
    };
    assert!(ADVISED.contains(&fault.code), "{fault:?}");
    assert!(!instead.is_empty());
    assert!(refusal.to_string().contains("; would pass: "), "{refusal}");
}
