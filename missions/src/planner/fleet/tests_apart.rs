//! Aircraft kept apart, judged by standing at many moments and measuring; and points shared over a shift.

use super::points::{PointsRequest, split_points};
use super::separation::{Flight, SeparationRefusal, SeparationRequest, Timed, nearest, separate};
use crate::plane::EastNorth;
use crate::planner::rounds::shift::Battery;
use crate::planner::rounds::{Costs, Effort};
use proptest::prelude::*;

/// Where an aircraft is at a moment, walked from the first place on; `None` on the ground.
fn stand(f: &Timed, speed_mps: f64, at_s: f64) -> Option<EastNorth> {
    let mut left_m = (at_s - f.start_s) * speed_mps;
    if left_m < 0.0 {
        return None;
    }
    for w in f.places.windows(2) {
        let leg_m = w[0].distance_m(w[1]);
        if left_m <= leg_m {
            let t = if leg_m > 0.0 { left_m / leg_m } else { 0.0 };
            return Some(EastNorth::new(
                w[0].east_m + t * (w[1].east_m - w[0].east_m),
                w[0].north_m + t * (w[1].north_m - w[0].north_m),
            ));
        }
        left_m -= leg_m;
    }
    None
}

/// Least distance of two flights over moments `step_s` apart.
fn sampled_m(a: &Timed, b: &Timed, speed_mps: f64, step_s: f64) -> Option<f64> {
    let until_s = (a.start_s + a.lasts_s).max(b.start_s + b.lasts_s);
    let n = (until_s / step_s).ceil() as usize;
    (0..=n)
        .filter_map(|i| {
            let t = i as f64 * step_s;
            Some(stand(a, speed_mps, t)?.distance_m(stand(b, speed_mps, t)?))
        })
        .min_by(f64::total_cmp)
}

fn timed(aircraft: usize, places: Vec<EastNorth>, start_s: f64, speed_mps: f64) -> Timed {
    let m: f64 = places.windows(2).map(|w| w[0].distance_m(w[1])).sum();
    Timed {
        aircraft,
        places,
        start_s,
        lasts_s: m / speed_mps,
        reversed: false,
        begun_at: 0,
        layer: 0,
    }
}

fn line(from: (f64, f64), to: (f64, f64)) -> Vec<EastNorth> {
    vec![EastNorth::new(from.0, from.1), EastNorth::new(to.0, to.1)]
}

fn ask(ways: Vec<Vec<EastNorth>>, from_site: bool) -> SeparationRequest {
    SeparationRequest {
        flights: ways
            .into_iter()
            .enumerate()
            .map(|(aircraft, places)| Flight {
                aircraft,
                places,
                from_site,
            })
            .collect(),
        speed_mps: 8.0,
        separation_m: 30.0,
        longest_delay_s: 300.0,
        layers: false,
    }
}

fn a_way() -> impl Strategy<Value = Vec<EastNorth>> {
    prop::collection::vec((-200.0..200.0f64, -200.0..200.0f64), 2..9)
        .prop_map(|v| v.into_iter().map(|(e, n)| EastNorth::new(e, n)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Sampling at 20 ms can miss the least by no more than both fly in a step: it may lie at a landing between two moments.
    #[test]
    fn the_least_distance_is_what_standing_at_many_moments_finds(
        a in a_way(), b in a_way(), start_s in 0.0..60.0f64, speed_mps in 3.0..15.0f64,
    ) {
        let (a, b) = (timed(0, a, 0.0, speed_mps), timed(1, b, start_s, speed_mps));
        let exact = nearest(&[a.clone(), b.clone()], speed_mps);
        match (exact.first(), sampled_m(&a, &b, speed_mps, 0.02)) {
            (Some(n), Some(m)) => {
                prop_assert!(n.least_m <= m + 1e-6, "exact {} sampled {m}", n.least_m);
                prop_assert!(m - n.least_m <= 2.0 * 0.02 * speed_mps + 1e-6, "exact {} sampled {m}", n.least_m);
                // It happens when and where it says.
                if let (Some(p), Some(q)) = (stand(&a, speed_mps, n.at_s), stand(&b, speed_mps, n.at_s)) {
                    prop_assert!(p.distance_m(n.one_at) < 1e-6 && q.distance_m(n.other_at) < 1e-6);
                }
            }
            // In the air together for less than a step.
            (_, None) => {}
            (None, Some(m)) => prop_assert!(false, "sampled {m}, and nothing was found"),
        }
    }

    /// Whatever is answered with flights is really apart; whatever is refused names a pair that was too near.
    #[test]
    fn flights_said_to_be_apart_are(ways in prop::collection::vec(a_way(), 2..5)) {
        match separate(&ask(ways.clone(), false)) {
            Ok(apart) => {
                prop_assert_eq!(apart.flights.len(), ways.len());
                for (i, a) in apart.flights.iter().enumerate() {
                    for b in &apart.flights[i + 1..] {
                        if let Some(m) = sampled_m(a, b, 8.0, 0.05) {
                            prop_assert!(m >= 30.0 - 1e-6, "{m}");
                        }
                    }
                    // The same places, in another order.
                    let m: f64 = ways[i].windows(2).map(|w| w[0].distance_m(w[1])).sum();
                    prop_assert!((a.lasts_s * 8.0 - m).abs() < 1e-6);
                }
            }
            Err(SeparationRefusal::TooNear { nearest, one, other, .. }) => {
                prop_assert!(nearest.least_m < 30.0 && one != other);
            }
            Err(e) => prop_assert!(false, "{e}"),
        }
    }
}

#[test]
fn two_that_would_meet_head_on_fly_the_same_way_round() {
    let apart = separate(&ask(
        vec![
            line((0.0, 0.0), (400.0, 0.0)),
            line((400.0, 35.0), (0.0, 0.0)),
        ],
        false,
    ))
    .unwrap();
    // Turning the second would end it where the first is; it waits instead, or turns: in any case nothing is near.
    assert!(apart.nearest.iter().all(|n| n.least_m >= 30.0));
    assert!(apart.flights[1].reversed || apart.flights[1].start_s > 0.0);
}

#[test]
fn from_one_van_they_start_one_after_another_and_come_back_one_after_another() {
    let van = EastNorth::new(0.0, 0.0);
    let lap = |e: f64| {
        vec![
            van,
            EastNorth::new(e, 100.0),
            EastNorth::new(e, 300.0),
            EastNorth::new(e + 60.0, 300.0),
            van,
        ]
    };
    let apart = separate(&ask(vec![lap(-200.0), lap(0.0), lap(200.0)], true)).unwrap();
    let mut starts: Vec<f64> = apart.flights.iter().map(|f| f.start_s).collect();
    starts.sort_by(f64::total_cmp);
    assert!(starts[1] > 0.0 && starts[2] > starts[1]);
    for (i, a) in apart.flights.iter().enumerate() {
        assert_eq!(
            (a.places.first(), a.places.last()),
            (Some(&van), Some(&van))
        );
        for b in &apart.flights[i + 1..] {
            assert!(sampled_m(a, b, 8.0, 0.01).is_none_or(|m| m >= 30.0 - 1e-6));
        }
    }
}

#[test]
fn hovering_over_the_same_place_all_evening_is_refused_and_with_heights_allowed_it_is_not() {
    // Both fly to and fro on one short line for longer than anyone may wait.
    let fro: Vec<EastNorth> = (0..400)
        .map(|i| EastNorth::new(if i % 2 == 0 { 0.0 } else { 20.0 }, 0.0))
        .collect();
    let mut request = ask(vec![fro.clone(), fro], true);
    let Err(SeparationRefusal::TooNear {
        one,
        other,
        nearest,
        ..
    }) = separate(&request)
    else {
        panic!("20 m of line are no room for two");
    };
    assert_eq!((one.min(other), one.max(other)), (0, 1));
    assert!(nearest.least_m <= 20.0);
    request.layers = true;
    let apart = separate(&request).unwrap();
    assert_ne!(apart.flights[0].layer, apart.flights[1].layer);
    assert!(apart.nearest.is_empty());
}

#[test]
fn two_flights_of_one_aircraft_follow_each_other() {
    let mut request = ask(
        vec![
            line((0.0, 0.0), (80.0, 0.0)),
            line((300.0, 0.0), (380.0, 0.0)),
        ],
        false,
    );
    request.flights[1].aircraft = 0;
    let apart = separate(&request).unwrap();
    assert!(apart.flights[1].start_s >= apart.flights[0].start_s + apart.flights[0].lasts_s);
}

#[test]
fn a_speed_that_is_no_number_is_refused() {
    let mut request = ask(vec![line((0.0, 0.0), (10.0, 0.0))], false);
    request.speed_mps = f64::NAN;
    assert!(matches!(
        separate(&request),
        Err(SeparationRefusal::BadFigure { .. })
    ));
}

/// Eight watch points in two groups, a van beside each: the near van takes the near group.
fn two_groups(drawn: Option<f64>) -> PointsRequest {
    let mut places: Vec<EastNorth> = Vec::new();
    for east_m in [0.0, 2_000.0] {
        for (e, n) in [(0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (0.0, 200.0)] {
            places.push(EastNorth::new(east_m + e, n));
        }
    }
    places.push(EastNorth::new(2_100.0, -50.0));
    places.push(EastNorth::new(100.0, -50.0));
    let van = |base| {
        Some(Battery {
            base,
            endurance_s: 1_200.0,
            swap_s: 60.0,
        })
    };
    PointsRequest {
        one_each: false,
        costs: Costs::straight(&places).unwrap(),
        importance: vec![1.0; 8],
        aircraft: vec![van(8), van(9)],
        speed_mps: 8.0,
        length_s: 4.0 * 3600.0,
        drawn,
        effort: Effort {
            steps: 20_000,
            seed: 5,
        },
    }
}

/// Longest absences read off the duties alone: a point is seen from arrival to leaving.
fn absences_s(
    duties: &[Vec<crate::planner::rounds::shift::Visit>],
    n: usize,
    length_s: f64,
) -> Vec<f64> {
    (0..n)
        .map(|p| {
            let mut seen: Vec<(f64, f64)> = duties
                .iter()
                .flatten()
                .filter(|v| v.place == p && !v.swap)
                .map(|v| (v.at_s, v.until_s))
                .collect();
            seen.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (mut last, mut worst) = (0.0f64, 0.0f64);
            for (at, until) in seen {
                worst = worst.max(at - last);
                last = last.max(until);
            }
            worst.max(length_s - last)
        })
        .collect()
}

#[test]
fn each_group_goes_to_the_van_beside_it_and_the_promise_holds_over_swaps() {
    for drawn in [None, Some(1.8)] {
        let request = two_groups(drawn);
        let plan = split_points(&request, &mut || false).unwrap();
        for (aircraft, far) in [(0, 0..4), (1, 4..8)] {
            let duty = &plan.shift.duties[aircraft];
            assert!(duty.iter().all(|v| v.swap || !far.contains(&v.place)));
            assert!(duty.iter().any(|v| v.swap), "four hours outlast a battery");
        }
        let held = absences_s(&plan.shift.duties, 8, request.length_s);
        for (p, (held, promised)) in held.iter().zip(&plan.promise_s).enumerate() {
            assert!(
                held <= &(promised + 1e-6),
                "point {p}: {held} of {promised}"
            );
        }
        assert_eq!(plan.shift.entropy_bits > 0.0, drawn.is_some());
        assert_eq!(
            split_points(&request, &mut || false).unwrap(),
            plan,
            "the same request, the same shift"
        );
    }
}

#[test]
fn another_seed_draws_another_order_within_the_same_promise() {
    let mut request = two_groups(Some(2.0));
    let one = split_points(&request, &mut || false).unwrap();
    request.effort.seed = 6;
    let two = split_points(&request, &mut || false).unwrap();
    assert_ne!(one.shift.duties, two.shift.duties);
}

#[test]
fn a_battery_that_reaches_no_point_is_refused() {
    let mut request = two_groups(None);
    for a in request.aircraft.iter_mut().flatten() {
        a.endurance_s = 5.0;
    }
    assert!(split_points(&request, &mut || false).is_err());
}
