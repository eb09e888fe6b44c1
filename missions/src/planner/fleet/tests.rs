//! What several aircraft promise, told as a crew would check it.

use super::*;
use crate::planner::cover::{polygon, target};

fn ring(p: &[(f64, f64)]) -> Vec<EastNorth> {
    p.iter().map(|(e, n)| EastNorth::new(*e, *n)).collect()
}

/// A park of 200 × 140 m with a pond in it.
fn park(closed: bool, effort: u64) -> CoverRequest {
    let lawn = ring(&[(0.0, 0.0), (200.0, 0.0), (200.0, 140.0), (0.0, 140.0)]);
    let pond = ring(&[(90.0, 50.0), (130.0, 60.0), (120.0, 95.0), (85.0, 90.0)]);
    CoverRequest {
        closed,
        seed: 3,
        effort,
        ..CoverRequest::new(target(&[polygon(&[lawn])], &[polygon(&[pond])]), 12.0, 2.0)
    }
}

fn alike(k: usize, site: Option<EastNorth>, battery: Battery) -> Vec<Aircraft> {
    vec![Aircraft { site, battery }; k]
}

/// Least distance of the flights' legs from the outline, sampled every 10 cm and measured by `geo`, which the planner's
/// own test of legality does not use; below zero where a place lies outside.
fn clearance_m(cover: &CoverRequest, flights: &[Vec<EastNorth>]) -> f64 {
    use geo::{Contains, Distance, Euclidean};
    let edges: Vec<geo::LineString<f64>> = cover
        .target
        .iter()
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
        .cloned()
        .collect();
    let mut least = f64::INFINITY;
    for f in flights {
        for w in f.windows(2) {
            let n = (w[0].distance_m(w[1]) / 0.1).ceil().max(1.0) as usize;
            for i in 0..=n {
                let t = i as f64 / n as f64;
                let p = geo::Point::new(
                    w[0].east_m + t * (w[1].east_m - w[0].east_m),
                    w[0].north_m + t * (w[1].north_m - w[0].north_m),
                );
                if !cover.target.contains(&p) {
                    return -1.0;
                }
                for e in &edges {
                    least = least.min(Euclidean.distance(&p, e));
                }
            }
        }
    }
    least
}

/// Part of the area seen by discs, on a lattice of its own.
fn seen(cover: &CoverRequest, flights: &[Vec<EastNorth>]) -> f64 {
    use geo::{Contains, Distance, Euclidean};
    let legs: Vec<geo::Line<f64>> = flights
        .iter()
        .flat_map(|f| f.windows(2))
        .map(|w| geo::Line::new((w[0].east_m, w[0].north_m), (w[1].east_m, w[1].north_m)))
        .collect();
    let (mut asked, mut got) = (0usize, 0usize);
    for x in 0..200 {
        for y in 0..140 {
            let p = geo::Point::new(f64::from(x) + 0.37, f64::from(y) + 0.61);
            if cover.target.contains(&p) {
                asked += 1;
                let near = |l: &geo::Line<f64>| Euclidean.distance(&p, l) <= cover.swath_m / 2.0;
                got += usize::from(legs.iter().any(near));
            }
        }
    }
    got as f64 / asked as f64
}

fn flights(plan: &FleetPlan) -> Vec<Vec<EastNorth>> {
    plan.shares.iter().flat_map(|s| s.flights.clone()).collect()
}

#[test]
fn three_aircraft_share_a_park_evenly_and_leave_nothing_unseen() {
    for closed in [false, true] {
        let request = FleetRequest {
            cover: park(closed, 30_000),
            aircraft: alike(3, None, Battery::Share(1.0)),
        };
        let plan = plan(&request, |_| false).unwrap();
        let all = flights(&plan);
        assert_eq!(all.len(), 3);
        assert!(
            plan.stats.balance <= 1.06,
            "closed {closed}: {:?}",
            plan.stats
        );
        assert!(
            plan.stats.sum_ratio <= 1.10,
            "closed {closed}: {:?}",
            plan.stats
        );
        assert!(clearance_m(&request.cover, &all) >= 2.0);
        assert!(seen(&request.cover, &all) >= 0.995);
        for f in &all {
            let ends_where_it_began = f.first() == f.last();
            assert_eq!(ends_where_it_began, closed);
        }
    }
}

#[test]
fn from_one_van_every_flight_begins_and_ends_at_the_van() {
    let van = EastNorth::new(6.0, 6.0);
    let request = FleetRequest {
        cover: park(false, 30_000),
        aircraft: alike(3, Some(van), Battery::Share(1.0)),
    };
    let plan = plan(&request, |_| false).unwrap();
    let all = flights(&plan);
    assert_eq!(all.len(), 3);
    for f in &all {
        assert_eq!((f.first(), f.last()), (Some(&van), Some(&van)));
    }
    assert!(plan.stats.balance <= 1.08, "{:?}", plan.stats);
    assert!(clearance_m(&request.cover, &all) >= 2.0);
    assert!(seen(&request.cover, &all) >= 0.995);
}

#[test]
fn a_battery_half_as_large_gets_half_the_flight() {
    let mut aircraft = alike(3, None, Battery::Metres(2_400.0));
    aircraft[1].battery = Battery::Metres(1_200.0);
    for closed in [false, true] {
        let request = FleetRequest {
            cover: park(closed, 30_000),
            aircraft: aircraft.clone(),
        };
        let plan = plan(&request, |_| false).unwrap();
        let ratio = plan.shares[1].length_m / plan.shares[0].length_m;
        assert!((ratio - 0.5).abs() < 0.05, "closed {closed}: {ratio}");
        assert!(
            plan.shares
                .iter()
                .zip(&aircraft)
                .all(|(s, a)| match a.battery {
                    Battery::Metres(m) => s.length_m <= m,
                    Battery::Share(_) => false,
                })
        );
    }
}

#[test]
fn a_battery_too_small_is_refused_with_what_would_do() {
    let mut request = FleetRequest {
        cover: park(true, 8_000),
        aircraft: alike(2, None, Battery::Metres(900.0)),
    };
    let Err(FleetRefusal::BatteryTooSmall {
        needed_m,
        has_m,
        remedy,
        ..
    }) = plan(&request, |_| false)
    else {
        panic!("the park takes more than twice 900 m");
    };
    assert!(needed_m > has_m);
    // What it names is tried, here once more from the outside.
    let more = remedy.aircraft.unwrap();
    request.aircraft = alike(more, None, Battery::Metres(900.0));
    assert!(plan(&request, |_| false).is_ok());
    request.aircraft = alike(2, None, Battery::Metres(900.0));
    request.cover.swath_m = remedy.swath_m.unwrap();
    assert!(plan(&request, |_| false).is_ok());
}

#[test]
fn a_site_in_the_pond_is_refused_and_the_nearest_one_that_would_do_does() {
    let mut request = FleetRequest {
        cover: park(true, 0),
        aircraft: alike(2, Some(EastNorth::new(105.0, 75.0)), Battery::Share(1.0)),
    };
    let Err(FleetRefusal::SiteOutside {
        aircraft: 1,
        nearest: Some(near),
        ..
    }) = plan(&request, |_| false)
    else {
        panic!("a pond is no launch site");
    };
    request.aircraft = alike(2, Some(near), Battery::Share(1.0));
    assert!(plan(&request, |_| false).is_ok());
}

#[test]
fn two_lawns_apart_are_shared_evenly_and_a_van_on_one_cannot_serve_the_other() {
    let big = ring(&[(0.0, 0.0), (150.0, 0.0), (150.0, 80.0), (0.0, 80.0)]);
    let small = ring(&[(200.0, 0.0), (260.0, 0.0), (260.0, 80.0), (200.0, 80.0)]);
    let mut request = FleetRequest {
        cover: CoverRequest {
            target: target(&[polygon(&[big]), polygon(&[small])], &[]),
            ..park(false, 15_000)
        },
        aircraft: alike(2, None, Battery::Share(1.0)),
    };
    let even = plan(&request, |_| false).unwrap();
    assert!(even.stats.balance < 1.06, "{:?}", even.stats);
    // One of them works on both lawns: in two flights, as it cannot fly across.
    let mut numbers: Vec<usize> = even.shares.iter().map(|s| s.flights.len()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    request.aircraft = alike(2, Some(EastNorth::new(10.0, 10.0)), Battery::Share(1.0));
    assert!(matches!(
        plan(&request, |_| false),
        Err(FleetRefusal::Unreached { part: 2, .. })
    ));
}

#[test]
fn the_same_request_gives_the_same_plan_and_a_stop_at_once_still_gives_a_legal_one() {
    let request = FleetRequest {
        cover: park(true, 8_000),
        aircraft: alike(4, None, Battery::Share(1.0)),
    };
    assert_eq!(plan(&request, |_| false), plan(&request, |_| false));
    let hasty = plan(&request, |_| true).unwrap();
    let all = flights(&hasty);
    assert!(clearance_m(&request.cover, &all) >= 2.0);
    assert!(seen(&request.cover, &all) >= 0.99);
}

#[test]
fn figures_that_make_no_sense_are_refused() {
    let ask = |aircraft: Vec<Aircraft>| {
        plan(
            &FleetRequest {
                cover: park(true, 0),
                aircraft,
            },
            |_| false,
        )
    };
    assert!(matches!(ask(vec![]), Err(FleetRefusal::NoAircraft(0))));
    let nan = alike(1, None, Battery::Share(f64::NAN));
    assert!(matches!(
        ask(nan),
        Err(FleetRefusal::BadFigure { aircraft: 1, .. })
    ));
    let mut mixed = alike(2, None, Battery::Share(1.0));
    mixed[0].battery = Battery::Metres(100.0);
    assert!(matches!(ask(mixed), Err(FleetRefusal::MixedBatteries)));
    let nowhere = alike(1, Some(EastNorth::new(f64::NAN, 0.0)), Battery::Share(1.0));
    assert!(matches!(ask(nowhere), Err(FleetRefusal::BadFigure { .. })));
}
