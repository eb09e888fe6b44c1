//! Landing sites gained where the autopilot's own return would cross what it must not.

use super::tests::{QUICK, judge, request};
use super::*;
use crate::testkit::{self, place, polygon, zone};
use crate::venue::{Role, Shape};

/// A horseshoe: two arms of 100 × 400 m around a keep-out that a straight return from one to the other would cross.
fn horseshoe() -> Venue {
    testkit::venue(vec![
        zone(
            "edge",
            Role::Inclusion,
            polygon(&[
                (-250.0, -250.0),
                (250.0, -250.0),
                (250.0, 250.0),
                (-250.0, 250.0),
            ]),
        ),
        zone(
            "depot",
            Role::Exclusion,
            polygon(&[
                (-120.0, -120.0),
                (120.0, -120.0),
                (120.0, 300.0),
                (-120.0, 300.0),
            ]),
        ),
        zone("pad", Role::Launch, Shape::Point(place(-185.0, 150.0))),
    ])
}

fn far_arm() -> PatrolRequest {
    let watch = |x, y| WatchPoint {
        at: place(x, y),
        hold_s: 10.0,
    };
    PatrolRequest {
        pattern: Pattern::WatchPoints {
            points: vec![watch(185.0, 0.0), watch(185.0, 150.0)],
        },
        ..request()
    }
}

#[test]
fn a_patrol_behind_the_depot_gains_a_landing_site_instead_of_being_refused() {
    let venue = horseshoe();
    let quad = VehicleSpec::default_quad();
    let made = plan_patrol_within(&venue, &quad, &far_arm(), &QUICK, || false).unwrap();
    let file = made.plan.file();
    assert!(!file.gained.is_empty() && file.gained.iter().all(|g| file.rally.contains(g)));
    assert!(made.left_out.is_empty(), "{:?}", made.left_out);
    // The oracle shares no geometry with the planner: every leg, and the way to the nearest site from all along it.
    judge(&venue, &made.plan);
    for g in &file.gained {
        assert!(testkit::least_clearance_m(&venue, *g, *g, 1.0) > 0.0);
    }
    // Without them nothing of it may be flown; and the plan is the same every time.
    let mut without = file.clone();
    (without.rally, without.gained) = (Vec::new(), Vec::new());
    assert_eq!(
        PatrolPlan::check(without).unwrap_err().code,
        "plan.return_leaves"
    );
    let again = plan_patrol_within(&venue, &quad, &far_arm(), &QUICK, || false).unwrap();
    assert_eq!(made.plan.id(), again.plan.id());
}

#[test]
fn a_sweep_of_the_horseshoe_sees_both_arms() {
    let venue = horseshoe();
    let quad = VehicleSpec::default_quad();
    let made = plan_patrol_within(&venue, &quad, &request(), &QUICK, || false).unwrap();
    assert!(!made.plan.file().gained.is_empty());
    let far = |p: &(LatLon, f64)| testkit::metres(p.0).0 > 150.0 && testkit::metres(p.0).1 > 100.0;
    assert!(made.plan.path().iter().any(far));
    judge(&venue, &made.plan);
}

#[test]
fn a_landing_site_of_the_venue_goes_before_any_that_is_gained() {
    let mut venue = horseshoe();
    let named = zone("meadow", Role::Landing, Shape::Point(place(185.0, 60.0)));
    venue.zones.push(named);
    let quad = VehicleSpec::default_quad();
    let made = plan_patrol_within(&venue, &quad, &far_arm(), &QUICK, || false).unwrap();
    assert!(made.plan.file().rally.contains(&place(185.0, 60.0)));
    judge(&venue, &made.plan);
}

#[test]
fn where_every_return_is_legal_nothing_is_gained() {
    let mut venue = horseshoe();
    venue.zones.retain(|z| z.id != "depot");
    let quad = VehicleSpec::default_quad();
    let made = plan_patrol_within(&venue, &quad, &far_arm(), &QUICK, || false).unwrap();
    assert!(made.plan.file().gained.is_empty());
    assert!(
        !String::from_utf8(made.plan.to_json())
            .unwrap()
            .contains("gained")
    );
}

#[test]
fn a_crowd_is_no_landing_site() {
    let mut venue = horseshoe();
    // The whole far arm is a crowd that may be flown over, with a permit: nothing there may be landed on.
    venue.zones.push(zone(
        "crowd",
        Role::Crowd,
        polygon(&[
            (125.0, -249.0),
            (249.0, -249.0),
            (249.0, 249.0),
            (125.0, 249.0),
        ]),
    ));
    let wish = PatrolRequest {
        over_crowds: true,
        pattern: Pattern::Sweep {
            swath_m: 40.0,
            angle_deg: None,
        },
        ..request()
    };
    let quad = VehicleSpec::default_quad();
    if let Ok(made) = plan_patrol_within(&venue, &quad, &wish, &QUICK, || false) {
        for g in &made.plan.file().gained {
            assert!(testkit::metres(*g).0 < 125.0, "a site in the crowd: {g}");
        }
    }
}

#[test]
fn a_gained_site_that_is_no_landing_site_of_the_plan_is_refused() {
    let plan = super::tests::sixi();
    let mut file = plan.file().clone();
    file.gained = vec![LatLon::from_degrees(27.9, 120.2).unwrap()];
    assert_eq!(PatrolPlan::check(file).unwrap_err().code, "plan.gained");
}
