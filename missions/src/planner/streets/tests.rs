//! Street patrol against all orders and all directions, matchings against all pairings.

use super::*;
use proptest::prelude::*;

fn network() -> impl Strategy<Value = (Vec<EastNorth>, Vec<(usize, usize)>, AirSpeeds)> {
    (3usize..=7, 1usize..=6, -2i32..=2, -2i32..=2).prop_flat_map(|(n, m, we, wn)| {
        let place =
            (0..300i32, 0..300i32).prop_map(|(x, y)| EastNorth::new(f64::from(x), f64::from(y)));
        (
            proptest::collection::vec(place, n),
            proptest::collection::vec((0..n, 0..n), m),
            Just(AirSpeeds {
                patrol_mps: 7.0,
                transit_mps: 10.0,
                wind_east_mps: f64::from(we),
                wind_north_mps: f64::from(wn),
            }),
        )
    })
}

/// The wind triangle, solved another way: the ground speed is the root of |g·d − w| = v.
fn slow_seconds(a: EastNorth, b: EastNorth, v: f64, air: &AirSpeeds) -> f64 {
    let d = ((b.east_m - a.east_m).powi(2) + (b.north_m - a.north_m).powi(2)).sqrt();
    if d < 1e-9 {
        return 0.0;
    }
    let (x, y) = ((b.east_m - a.east_m) / d, (b.north_m - a.north_m) / d);
    let (mut lo, mut hi) = (0.0, 100.0);
    for _ in 0..200 {
        let g = 0.5 * (lo + hi);
        let need =
            ((g * x - air.wind_east_mps).powi(2) + (g * y - air.wind_north_mps).powi(2)).sqrt();
        if need > v { hi = g } else { lo = g }
    }
    d / lo
}

struct Trial<'a> {
    p: &'a [EastNorth],
    streets: &'a [(usize, usize)],
    air: &'a AirSpeeds,
    first: usize,
    best: f64,
}

impl Trial<'_> {
    fn go(&mut self, left: usize, at: usize, so_far: f64) {
        if so_far >= self.best {
            return;
        }
        if left == 0 {
            let home = slow_seconds(
                self.p[at],
                self.p[self.first],
                self.air.transit_mps,
                self.air,
            );
            self.best = self.best.min(so_far + home);
            return;
        }
        for i in (0..self.streets.len()).filter(|i| left >> i & 1 == 1) {
            let (x, y) = self.streets[i];
            for (a, b) in [(x, y), (y, x)] {
                let cost = slow_seconds(self.p[at], self.p[a], self.air.transit_mps, self.air)
                    + slow_seconds(self.p[a], self.p[b], self.air.patrol_mps, self.air);
                self.go(left & !(1 << i), b, so_far + cost);
            }
        }
    }
}

fn best_by_trying(p: &[EastNorth], streets: &[(usize, usize)], air: &AirSpeeds) -> f64 {
    let mut t = Trial {
        p,
        streets,
        air,
        first: 0,
        best: f64::INFINITY,
    };
    let all = (1usize << streets.len()) - 1;
    for (a, b) in [streets[0], (streets[0].1, streets[0].0)] {
        t.first = a;
        t.go(all & !1, b, slow_seconds(p[a], p[b], air.patrol_mps, air));
    }
    t.best
}

fn grid(side: usize) -> (Vec<EastNorth>, Vec<(usize, usize)>) {
    let mut places = Vec::new();
    let mut streets = Vec::new();
    for y in 0..side {
        for x in 0..side {
            let i = y * side + x;
            // A little out of square, so that no two ways are the same.
            places.push(EastNorth::new(
                (100 * x + i * 7 % 13) as f64,
                (100 * y + i * 11 % 17) as f64,
            ));
            if x > 0 {
                streets.push((i - 1, i));
            }
            if y > 0 {
                streets.push((i - side, i));
            }
        }
    }
    (places, streets)
}

const AIR: AirSpeeds = AirSpeeds {
    patrol_mps: 7.0,
    transit_mps: 10.0,
    wind_east_mps: 1.5,
    wind_north_mps: -0.5,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn few_streets_are_flown_in_the_least_time((p, s, air) in network()) {
        let net = StreetNetwork::straight(p.clone(), &s, air).unwrap();
        let plan = plan_streets(&net, Effort { steps: 20, seed: 3 }, &mut || false).unwrap();
        let best = best_by_trying(&p, &s, &air);
        prop_assert!((plan.cost_s - best).abs() < 1e-6, "{} against {}", plan.cost_s, best);
        prop_assert!(plan.bound_s <= best + 1e-6);
    }

    #[test]
    fn the_first_tour_flies_every_street_once((p, s, air) in network(), seed in 0u64..100) {
        let net = StreetNetwork::straight(p, &s, air).unwrap();
        let near = roundtrip::near_places(&net);
        let mut dice = Dice::new(seed);
        let tour = roundtrip::construct(&net, &near, &mut dice);
        let mut flown: Vec<usize> = tour.iter().map(|x| x.street).collect();
        flown.sort_unstable();
        prop_assert_eq!(flown, (0..s.len()).collect::<Vec<_>>());
        let again = roundtrip::redirect(&net, &near, &tour, &mut dice);
        prop_assert!(net.tour_s(&again) <= net.tour_s(&tour) + 1e-6);
    }

    #[test]
    fn pairs_are_the_cheapest(half in 1usize..=4, costs in proptest::collection::vec(0u32..50, 64)) {
        let n = 2 * half;
        let cost = |a: usize, b: usize| f64::from(costs[a.max(b) * 8 + a.min(b)]);
        let partner = matching::cheapest_pairs(n, &cost);
        let mut sum = 0.0;
        for (a, b) in partner.iter().enumerate() {
            prop_assert!(*b != a && partner[*b] == a);
            sum += cost(a, *b) / 2.0;
        }
        fn least(left: u32, cost: &dyn Fn(usize, usize) -> f64) -> f64 {
            if left == 0 { return 0.0; }
            let a = left.trailing_zeros() as usize;
            (a + 1..32)
                .filter(|b| left >> b & 1 == 1)
                .map(|b| cost(a, b) + least(left & !(1 << a) & !(1 << b), cost))
                .fold(f64::INFINITY, f64::min)
        }
        prop_assert!((sum - least((1u32 << n) - 1, &cost)).abs() < 1e-9);
    }

    #[test]
    fn flights_last_no_longer_than_the_battery((p, s, air) in network(), extra in 0u32..200) {
        let net = StreetNetwork::straight(p, &s, air).unwrap();
        let plan = plan_streets(&net, Effort { steps: 5, seed: 1 }, &mut || false).unwrap();
        let longest = plan.tour.iter().map(|x| flight_s(&net, &[*x], 0)).fold(0.0, f64::max);
        let endurance_s = longest + f64::from(extra);
        let flights = split_by_battery(&net, &plan.tour, 0, endurance_s).unwrap();
        let mut flown: Vec<usize> = flights.iter().flatten().map(|x| x.street).collect();
        flown.sort_unstable();
        prop_assert_eq!(flown, (0..s.len()).collect::<Vec<_>>());
        for f in &flights {
            prop_assert!(flight_s(&net, f, 0) <= endurance_s + 1e-9);
        }
        if longest > 1.0 {
            let refused = matches!(
                split_by_battery(&net, &plan.tour, 0, longest - 0.5),
                Err(StreetFault::BeyondBattery { .. })
            );
            prop_assert!(refused);
        }
    }
}

#[test]
fn the_search_never_worsens_and_the_same_effort_gives_the_same_bytes() {
    let (p, s) = grid(9);
    let net = StreetNetwork::straight(p, &s, AIR).unwrap();
    let effort = |steps| Effort { steps, seed: 5 };
    let first = plan_streets(&net, effort(0), &mut || false).unwrap();
    let more = plan_streets(&net, effort(2_000), &mut || false).unwrap();
    assert!(more.cost_s <= first.cost_s + 1e-6);
    assert!(more.bound_s <= more.cost_s && more.cost_s < 1.1 * more.bound_s);
    assert!((net.tour_s(&more.tour) - more.cost_s).abs() < 1e-6);
    let again = plan_streets(&net, effort(2_000), &mut || false).unwrap();
    assert_eq!(
        serde_json::to_string(&more).unwrap(),
        serde_json::to_string(&again).unwrap()
    );
    let stopped = plan_streets(&net, effort(1_000_000), &mut || true).unwrap();
    assert!(stopped.steps < 10_000);
}

#[test]
fn many_odd_places_are_paired_nearly_as_well_as_exactly() {
    // Six hundred places on a line in pairs: the best pairing is known.
    let n = matching::EXACT_UP_TO + 200;
    let at = |i: usize| (i / 2) as f64 * 100.0 + (i % 2) as f64 * 3.0;
    let partner = matching::cheapest_pairs(n, &|a, b| (at(a) - at(b)).abs());
    assert!((0..n).all(|i| partner[i] == i ^ 1));
}

#[test]
fn large_odd_sets_are_matched_exactly() {
    // Points on a circle in a scrambled order: neighbours pair up, one of two ways.
    let n = 120;
    let angle = |i: usize| ((i * 49) % n) as f64 + if (i * 49) % n % 2 == 1 { -0.4 } else { 0.0 };
    let cost = |a: usize, b: usize| {
        let d = (angle(a) - angle(b)).abs();
        d.min(n as f64 - d)
    };
    let partner = matching::cheapest_pairs(n, &cost);
    let sum: f64 = (0..n).map(|i| cost(i, partner[i])).sum::<f64>() / 2.0;
    assert!((sum - 0.6 * (n / 2) as f64).abs() < 1e-6, "{sum}");
}

#[test]
fn unusable_networks_are_refused() {
    let p = vec![EastNorth::new(0.0, 0.0), EastNorth::new(100.0, 0.0)];
    assert_eq!(
        StreetNetwork::straight(p.clone(), &[], AIR).err(),
        Some(StreetFault::Empty)
    );
    assert!(matches!(
        StreetNetwork::straight(p.clone(), &[(0, 2)], AIR),
        Err(StreetFault::NoSuchPlace {
            street: 0,
            place: 2,
            places: 2
        })
    ));
    let storm = AirSpeeds {
        wind_east_mps: 8.0,
        ..AIR
    };
    assert!(matches!(
        StreetNetwork::straight(p.clone(), &[(0, 1)], storm),
        Err(StreetFault::TooWindy { .. })
    ));
    let nowhere = vec![EastNorth::new(f64::NAN, 0.0), EastNorth::new(1.0, 0.0)];
    assert!(matches!(
        StreetNetwork::straight(nowhere, &[(0, 1)], AIR),
        Err(StreetFault::BadNumber { .. })
    ));
    assert!(matches!(
        read::line_coverage("1 0 0\n1 1 1\n", ""),
        Err(StreetFault::BadLine { line: 2, .. })
    ));
    assert!(matches!(
        read::line_coverage("1 0 0\n", "1 9\n"),
        Err(StreetFault::BadLine { line: 1, .. })
    ));
}

#[test]
fn ways_through_a_third_place_are_used() {
    // Direct transit 0 → 2 is written dearer than by way of 1.
    let street = |from, to| Street {
        from,
        to,
        there_s: 10.0,
        back_s: 10.0,
    };
    let t = vec![0.0, 1.0, 9.0, 1.0, 0.0, 1.0, 9.0, 1.0, 0.0];
    let net = StreetNetwork::with_table(3, vec![street(0, 0), street(2, 2)], t).unwrap();
    let plan = plan_streets(&net, Effort { steps: 1, seed: 1 }, &mut || false).unwrap();
    assert!((plan.cost_s - 24.0).abs() < 1e-9);
}
