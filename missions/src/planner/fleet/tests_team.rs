//! Teams that fly. The oracle knows neither layers nor hours: it flies both plans with clocks of its own, late and early,
//! on plain metres, and looks how near they come.

use super::team::*;
use crate::place::{Alt, LatLon};
use crate::plan::{PatrolPlan, PlanFile, StepKind, steps};
use crate::planner::tests::{QUICK, judge, request};
use crate::planner::{PatrolRequest, Pattern, WatchPoint};
use crate::testkit::{self, place, polygon, zone};
use crate::vehicle::VehicleSpec;
use crate::venue::{Limit, Role, Shape, Venue};
use rand_like::Dice;

/// Dice of these tests.
mod rand_like {
    pub struct Dice(pub u64);
    impl Dice {
        /// 0 to 1.
        pub fn unit(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }
    }
}

/// 600 × 400 m with a shed; pads at these places.
fn field(pads: &[(f64, f64)]) -> Venue {
    let mut zones = vec![
        zone(
            "edge",
            Role::Inclusion,
            polygon(&[
                (-300.0, -200.0),
                (300.0, -200.0),
                (300.0, 200.0),
                (-300.0, 200.0),
            ]),
        ),
        zone(
            "shed",
            Role::Exclusion,
            polygon(&[(-40.0, -20.0), (40.0, -20.0), (40.0, 40.0), (-40.0, 40.0)]),
        ),
    ];
    for (i, p) in pads.iter().enumerate() {
        zones.push(zone(
            &format!("pad-{i}"),
            Role::Launch,
            Shape::Point(place(p.0, p.1)),
        ));
    }
    testkit::venue(zones)
}

fn quads(k: usize) -> Vec<Craft> {
    vec![
        Craft {
            vehicle: VehicleSpec::default_quad(),
            launch: None
        };
        k
    ]
}

fn made(
    venue: &Venue,
    crafts: &[Craft],
    wish: &PatrolRequest,
    keeping: &Keeping,
) -> Result<Team, TeamRefusal> {
    plan_team(venue, crafts, wish, keeping, 3_600.0, &QUICK, |_| false)
}

/// Where a plan's aircraft is (metres east, north, up) at moments of a flight launched when the dice say, as fast as they
/// say: seconds since the epoch.
fn flight(f: &PlanFile, dice: &mut Dice) -> Vec<(f64, (f64, f64, f64))> {
    let window = f.launch_window;
    let width_s = (window.until.0 - window.from.0) as f64 / 1e6;
    let start_s = window.from.0 as f64 / 1e6 + dice.unit() * width_s;
    // Between never stopping at full speed and a third slower than stopping at each corner.
    let slow = dice.unit();
    let mut t_s = start_s;
    let mut out = Vec::new();
    for s in steps(f).iter().filter(|s| s.kind != StepKind::Return) {
        let (a, b) = (testkit::metres(s.from), testkit::metres(s.to));
        let (u, v) = (s.from_alt.metres(), s.to_alt.metres());
        let long_m = (b.0 - a.0).hypot(b.1 - a.1);
        let quick_s = long_m / s.speed_mps
            + if long_m > 0.0 {
                0.0
            } else {
                (v - u).abs() / 3.0
            };
        let late_s =
            long_m / s.speed_mps * 1.3 + (v - u).abs() / 1.5 + if long_m > 0.0 { 3.0 } else { 0.0 };
        let lasts_s = quick_s + slow * (late_s - quick_s) + s.hold_s;
        let n = (lasts_s.ceil() as u32).max(1);
        for k in 0..n {
            let w = f64::from(k) / f64::from(n);
            out.push((
                t_s + w * lasts_s,
                (
                    a.0 + w * (b.0 - a.0),
                    a.1 + w * (b.1 - a.1),
                    u + w * (v - u),
                ),
            ));
        }
        t_s += lasts_s;
    }
    out
}

/// The oracle: many pairs of flights, looked at second by second.
fn never_near(team: &Team, keeping: &Keeping) {
    let mut dice = Dice(7);
    for (j, b) in team.flights.iter().enumerate() {
        for a in team.flights.iter().take(j) {
            for _ in 0..20 {
                let p = flight(a.planned.plan.file(), &mut dice);
                let q = flight(b.planned.plan.file(), &mut dice);
                let mut k = 0;
                for (t, x) in &p {
                    while q.get(k + 1).is_some_and(|n| n.0 <= *t) {
                        k += 1;
                    }
                    let Some((at, y)) = q.get(k).filter(|y| (y.0 - t).abs() < 2.0) else {
                        continue;
                    };
                    let across_m = (x.0 - y.0).hypot(x.1 - y.1);
                    let up_m = (x.2 - y.2).abs();
                    // A second of flight at 8 m/s lies between the moments looked at.
                    assert!(
                        across_m > keeping.across_m - 17.0 || up_m > keeping.layer_m - 6.1,
                        "aircraft {} and {} come to {across_m:.0} m and {up_m:.0} m at {at}",
                        a.aircraft + 1,
                        b.aircraft + 1
                    );
                }
            }
        }
    }
}

#[test]
fn three_aircraft_share_a_field_and_each_plan_is_judged_whole() {
    let venue = field(&[(-250.0, -150.0), (250.0, -150.0), (0.0, 150.0)]);
    let keeping = Keeping::default();
    let team = made(&venue, &quads(3), &request(), &keeping).unwrap();
    assert_eq!(team.flights.len(), 3);
    for f in &team.flights {
        judge(&venue, &f.planned.plan);
        PatrolPlan::from_json(&f.planned.plan.to_json()).unwrap();
        assert!(f.battery_part < 1.0);
        // What is shared is flown: shares lie where each may fly and return from.
        let left_out_m = f.planned.plan.file().estimate.left_out_m;
        assert!(left_out_m < 0.1 * f.planned.pattern_m, "{left_out_m} m");
    }
    assert!(team.balance < 1.15, "{}", team.balance);
    assert_eq!(team.kept_by, KeptBy::Space);
    never_near(&team, &keeping);
    let again = made(&venue, &quads(3), &request(), &keeping).unwrap();
    for (a, b) in team.flights.iter().zip(&again.flights) {
        assert_eq!(a.planned.plan.id(), b.planned.plan.id());
    }
}

/// Each one's watch points lie on the other's side: their ways cross.
fn crossing() -> PatrolRequest {
    let watch = |x: f64, y: f64| WatchPoint {
        at: place(x, y),
        hold_s: 5.0,
    };
    PatrolRequest {
        pattern: Pattern::WatchPoints {
            points: vec![
                watch(-150.0, 150.0),
                watch(-150.0, -150.0),
                watch(150.0, 150.0),
                watch(150.0, -150.0),
            ],
        },
        ..request()
    }
}

#[test]
fn pads_beside_each_other_need_hours_and_pads_apart_do_not() {
    let keeping = Keeping::default();
    let near = field(&[(-250.0, 0.0), (-240.0, 0.0)]);
    let team = made(&near, &quads(2), &crossing(), &keeping).unwrap();
    assert_eq!(team.kept_by, KeptBy::Time);
    assert!(team.flights[1].start_s > 0.0);
    never_near(&team, &keeping);
    let far = field(&[(-250.0, 0.0), (250.0, 0.0)]);
    let team = made(&far, &quads(2), &crossing(), &keeping).unwrap();
    assert_eq!(team.kept_by, KeptBy::Space);
    never_near(&team, &keeping);
    let shared: usize = team
        .flights
        .iter()
        .map(|f| f.planned.plan.items().len())
        .sum();
    assert!(shared >= 4 && team.promise_s.len() == 4);
}

#[test]
fn a_low_ceiling_leaves_no_layers_and_nobody_waits_for_ever() {
    let mut venue = field(&[(-250.0, 0.0), (-240.0, 0.0)]);
    for z in &mut venue.zones {
        if z.role == Role::Inclusion {
            z.ceiling = Some(Limit::AboveGround(Alt::from_metres(66.0).unwrap()));
        }
    }
    let short = Keeping {
        longest_wait_s: 60.0,
        ..Keeping::default()
    };
    let e = made(&venue, &quads(2), &crossing(), &short).unwrap_err();
    assert!(
        matches!(
            e,
            TeamRefusal::TooNear {
                one: 1,
                other: 2,
                ..
            }
        ),
        "{e}"
    );
    assert!(e.to_string().contains("aircraft 1 and 2"), "{e}");
}

#[test]
fn whose_battery_is_too_small_is_named_and_how_many_would_do() {
    let venue = field(&[(-250.0, -150.0), (250.0, -150.0)]);
    let mut crafts = quads(2);
    let wish = PatrolRequest {
        pattern: Pattern::Sweep {
            swath_m: 30.0,
            angle_deg: None,
        },
        ..request()
    };
    let whole = made(&venue, &crafts, &wish, &Keeping::default()).unwrap();
    let needs_wh = whole
        .flights
        .iter()
        .map(|f| f.planned.plan.file().estimate.energy_wh)
        .fold(0.0, f64::max);
    for c in &mut crafts {
        c.vehicle.battery_wh = 0.8 * needs_wh / (1.0 - c.vehicle.reserve_pct / 100.0);
    }
    let e = made(&venue, &crafts, &wish, &Keeping::default()).unwrap_err();
    let TeamRefusal::Plan { would_do, .. } = &e else {
        panic!("{e}")
    };
    assert!(would_do.is_some_and(|n| n > 2), "{e}");
}

#[test]
fn sorties_see_what_one_flight_sees_each_within_the_battery() {
    let venue = field(&[(-250.0, -150.0)]);
    let wish = request();
    let quad = Craft {
        vehicle: VehicleSpec::default_quad(),
        launch: None,
    };
    let one = plan_sorties(&venue, &quad, &wish, None, 120.0, &QUICK, |_| false).unwrap();
    assert_eq!(one.flights.len(), 1);
    let needs_wh = one.flights[0].planned.plan.file().estimate.energy_wh;
    let mut small = quad.clone();
    small.vehicle.battery_wh = needs_wh / 1.6 / (1.0 - small.vehicle.reserve_pct / 100.0);
    let team = plan_sorties(&venue, &small, &wish, None, 120.0, &QUICK, |_| false).unwrap();
    assert!(
        (2..=4).contains(&team.flights.len()),
        "{}",
        team.flights.len()
    );
    let pattern_m: f64 = team.flights.iter().map(|f| f.planned.pattern_m).sum();
    let left_out: Vec<_> = team.flights.iter().map(|f| &f.planned.left_out).collect();
    assert!(
        pattern_m > 0.8 * one.flights[0].planned.pattern_m,
        "{pattern_m} m of {} m: {left_out:?}",
        one.flights[0].planned.pattern_m
    );
    let mut earliest: Option<i64> = None;
    for f in &team.flights {
        judge(&venue, &f.planned.plan);
        let file = f.planned.plan.file();
        assert!(file.estimate.reserve_pct >= file.vehicle.reserve_pct - 1e-6);
        if let Some(e) = earliest {
            assert!(
                file.launch_window.from.0 >= e,
                "launched before the battery was changed"
            );
        }
        let lasts_s = file.estimate.time_s + 120.0;
        earliest = Some(file.launch_window.from.0 + (lasts_s * 1e6) as i64);
    }
    let e = plan_sorties(&venue, &small, &wish, Some(1), 120.0, &QUICK, |_| false).unwrap_err();
    assert!(e.to_string().contains("Wh"), "{e}");
    assert!(plan_sorties(&venue, &small, &wish, Some(0), 120.0, &QUICK, |_| false).is_err());
}

#[test]
fn a_launch_site_may_be_told_and_other_patterns_are_refused() {
    let venue = field(&[(-250.0, -150.0)]);
    let at: LatLon = place(250.0, 150.0);
    let mut crafts = quads(2);
    crafts[0].launch = Some(at);
    let team = made(&venue, &crafts, &crossing(), &Keeping::default()).unwrap();
    assert_eq!(team.flights[0].launch, at);
    assert_eq!(team.flights[1].launch, place(-250.0, -150.0));
    let round = PatrolRequest {
        pattern: Pattern::Perimeter { offset_m: 25.0 },
        ..request()
    };
    let e = made(&venue, &crafts, &round, &Keeping::default()).unwrap_err();
    assert_eq!(e, TeamRefusal::Pattern("perimeter"));
    let e = made(&venue, &[], &round, &Keeping::default()).unwrap_err();
    assert_eq!(e, TeamRefusal::NoAircraft(0));
}
