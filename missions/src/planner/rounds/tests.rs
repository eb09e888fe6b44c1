//! Rounds told as properties. The judges here share no code with the planner: tours by all permutations, idleness by
//! aircraft that fly metre after metre, partings by all of them.

use super::shift::{Battery, ShiftFault, ShiftPlan, ShiftRequest, drawn_shift, steady_shift};
use super::*;
use crate::plane::EastNorth;
use proptest::prelude::*;

fn places(n: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<EastNorth>> {
    proptest::collection::vec((0..200i32, 0..200i32), n).prop_map(|v| {
        v.into_iter()
            .map(|(x, y)| EastNorth::new(f64::from(x), f64::from(y)))
            .collect()
    })
}

fn dist(a: EastNorth, b: EastNorth) -> f64 {
    ((a.east_m - b.east_m).powi(2) + (a.north_m - b.north_m).powi(2)).sqrt()
}

fn permutations(items: &mut Vec<usize>, from: usize, see: &mut dyn FnMut(&[usize])) {
    if from >= items.len() {
        see(items);
        return;
    }
    for i in from..items.len() {
        items.swap(from, i);
        permutations(items, from + 1, see);
        items.swap(from, i);
    }
}

fn shortest(p: &[EastNorth], set: &[usize], closed: bool) -> f64 {
    let mut best = f64::INFINITY;
    let mut items = set.to_vec();
    permutations(&mut items, 0, &mut |order| {
        let mut m: f64 = order.windows(2).map(|w| dist(p[w[0]], p[w[1]])).sum();
        if closed {
            m += dist(p[order[order.len() - 1]], p[order[0]]);
        }
        best = best.min(m);
    });
    best
}

/// Flies all aircraft and writes down when each point is seen; the longest absence of each, after all have settled.
fn flown_idleness(p: &[EastNorth], rounds: &[Round], points: usize) -> Vec<f64> {
    let mut seen: Vec<Vec<f64>> = vec![Vec::new(); points];
    let lap = |r: &Round| -> f64 {
        (0..r.stops.len())
            .map(|i| dist(p[r.stops[i]], p[r.stops[(i + 1) % r.stops.len()]]))
            .sum()
    };
    let longest = rounds.iter().map(lap).fold(1.0, f64::max);
    let until = 4.0 * longest;
    for r in rounds {
        for a in 0..r.aircraft {
            if r.stops.len() == 1 {
                // It stays.
                seen[r.stops[0]].extend([-1e9, 1e9]);
                continue;
            }
            let mut t = -lap(r) * a as f64 / r.aircraft as f64 - 2.0 * longest;
            let mut i = 0;
            while t < until {
                seen[r.stops[i]].push(t);
                t += dist(p[r.stops[i]], p[r.stops[(i + 1) % r.stops.len()]]);
                i = (i + 1) % r.stops.len();
                if lap(r) == 0.0 {
                    for s in &r.stops {
                        seen[*s].extend([-1e9, 1e9]);
                    }
                    break;
                }
            }
        }
    }
    seen.iter_mut()
        .map(|s| {
            if s.iter().any(|t| *t < -1e8) {
                return 0.0;
            }
            s.sort_by(f64::total_cmp);
            s.windows(2)
                .filter(|w| w[1] > 0.0 && w[0] < until - longest)
                .map(|w| w[1] - w[0])
                .fold(0.0, f64::max)
        })
        .collect()
}

fn request(p: &[EastNorth], importance: Vec<f64>, aircraft: usize) -> RoundsRequest {
    RoundsRequest {
        costs: Costs::straight(p).unwrap(),
        importance,
        aircraft,
        one_each: false,
        effort: Effort {
            steps: 40_000,
            seed: 7,
        },
    }
}

/// All ways to part `n` points into at most `k` loops with shared aircraft: the best worst absence.
fn best_parting(p: &[EastNorth], k: usize) -> f64 {
    let n = p.len();
    let tours: Vec<f64> = (0..1usize << n)
        .map(|set| {
            let items: Vec<usize> = (0..n).filter(|i| set >> i & 1 == 1).collect();
            if items.len() < 2 {
                0.0
            } else {
                shortest(p, &items, true)
            }
        })
        .collect();
    fn go(tours: &[f64], left: usize, k: usize) -> f64 {
        if left == 0 {
            return 0.0;
        }
        let low = left & left.wrapping_neg();
        let mut best = f64::INFINITY;
        for share in 1..=k {
            let mut sub = left;
            while sub != 0 {
                if sub & low != 0 {
                    best = best.min((tours[sub] / share as f64).max(go(
                        tours,
                        left & !sub,
                        k - share,
                    )));
                }
                sub = (sub - 1) & left;
            }
        }
        best
    }
    go(&tours, (1 << n) - 1, k)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_tour_of_few_points_is_the_shortest(p in places(2..=8)) {
        let plan = plan_rounds(&request(&p, vec![1.0; p.len()], 1), &mut || false).unwrap();
        let all: Vec<usize> = (0..p.len()).collect();
        prop_assert!((plan.worst_m - shortest(&p, &all, true)).abs() < 1e-6);
        // And no bound is above what was reached.
        prop_assert!(plan.bound_m <= plan.worst_m + 1e-6);
    }

    #[test]
    fn bounds_hold_against_the_best_open_ways(p in places(3..=7), k in 1usize..=3) {
        let points: Vec<usize> = (0..p.len()).collect();
        let costs = Costs::straight(&p).unwrap();
        // The longest of k open ways, over all partings of all orders.
        let mut best = f64::INFINITY;
        let mut items = points.clone();
        permutations(&mut items, 0, &mut |order| {
            for cuts in 0..1usize << (order.len() - 1) {
                if cuts.count_ones() as usize >= k { continue; }
                let (mut longest, mut m) = (0.0f64, 0.0);
                for i in 1..order.len() {
                    if cuts >> (i - 1) & 1 == 1 { m = 0.0 } else { m += dist(p[order[i - 1]], p[order[i]]); }
                    longest = longest.max(m);
                }
                best = best.min(longest);
            }
        });
        let forest = bound::forest_bound_m(&costs, &points, k);
        let ways = bound::ways_bound_m(&costs, &points, k, best);
        prop_assert!(forest <= best + 1e-6, "forest {forest} above {best}");
        prop_assert!(ways <= best + 1e-6, "prices {ways} above {best}");
        let plan = plan_rounds(&request(&p, vec![1.0; p.len()], k), &mut || false).unwrap();
        prop_assert!(plan.longest_open_way_m >= best - 1e-6);
        prop_assert!(plan.worst_m >= best - 1e-6);
    }

    #[test]
    fn few_points_are_parted_as_well_as_can_be(p in places(3..=6), k in 1usize..=3) {
        let plan = plan_rounds(&request(&p, vec![1.0; p.len()], k), &mut || false).unwrap();
        let best = best_parting(&p, k);
        prop_assert!((plan.worst_m - best).abs() < 1e-6, "{} against {}", plan.worst_m, best);
    }

    #[test]
    fn idleness_is_what_flying_shows(p in places(4..=14), k in 1usize..=4, heavy in 1u32..=5) {
        let mut importance = vec![1.0; p.len()];
        importance[0] = f64::from(heavy);
        let plan = plan_rounds(&request(&p, importance.clone(), k), &mut || false).unwrap();
        let flown = flown_idleness(&p, &plan.rounds, p.len());
        let worst = flown.iter().zip(&importance).map(|(m, w)| m * w).fold(0.0, f64::max);
        prop_assert!((worst - plan.worst_m).abs() < 1e-3, "flown {worst}, planned {}", plan.worst_m);
        prop_assert!(plan.bound_m <= plan.worst_m + 1e-6);
        prop_assert_eq!(plan.rounds.iter().map(|r| r.aircraft).sum::<usize>().max(k.min(p.len())) <= k, true);
        for point in 0..p.len() {
            prop_assert!(plan.rounds.iter().any(|r| r.stops.contains(&point)));
        }
    }

    #[test]
    fn to_and_fro_is_twice_the_way_at_its_ends(p in places(3..=9)) {
        let way: Vec<usize> = (0..p.len()).collect();
        let r = to_and_fro(&way);
        let m: f64 = way.windows(2).map(|w| dist(p[w[0]], p[w[1]])).sum();
        prop_assume!(m > 1.0);
        let flown = flown_idleness(&p, std::slice::from_ref(&r), p.len());
        prop_assert!((flown[0] - 2.0 * m).abs() < 1e-6);
        let told = r.worst(&Costs::straight(&p).unwrap(), &vec![1.0; p.len()]).0;
        prop_assert!((told - 2.0 * m).abs() < 1e-6);
    }

    #[test]
    fn promises_hold_over_a_shift_of_chance_and_swaps(p in places(5..=12), k in 1usize..=3, seed in 0u64..1000) {
        let mut spots = p.clone();
        spots.push(EastNorth::new(100.0, 100.0));
        let base = p.len();
        let mut ask = request(&spots, vec![1.0; p.len()], k);
        ask.one_each = true;
        let plan = plan_rounds(&ask, &mut || false).unwrap();
        let swap_m = 2.0 * spots.iter().map(|s| dist(*s, spots[base])).fold(0.0, f64::max);
        let shift = ShiftRequest {
            speed_mps: 5.0,
            promise_s: vec![(1.6 * plan.worst_m + swap_m) / 5.0 + 40.0; p.len()],
            length_s: 3600.0,
            battery: Some(Battery { base, endurance_s: 900.0, swap_s: 40.0 }),
            seed,
        };
        for made in [steady_shift(&ask.costs, &plan.rounds, &shift), drawn_shift(&ask.costs, &plan.rounds, &shift)] {
            let made = match made {
                // Coincident points leave a lap without length.
                Err(ShiftFault::BadNumber { .. }) => continue,
                other => other.unwrap(),
            };
            judge(&spots, &shift, &made);
        }
        let again = drawn_shift(&ask.costs, &plan.rounds, &shift);
        prop_assert_eq!(again, drawn_shift(&ask.costs, &plan.rounds, &shift));
    }
}

/// Second by second: is every point seen as promised, does every leg take its time, does no battery run out?
fn judge(p: &[EastNorth], shift: &ShiftRequest, made: &ShiftPlan) {
    let battery = shift.battery.unwrap();
    let mut unseen = vec![0.0f64; shift.promise_s.len()];
    let mut stops: Vec<(f64, f64, usize)> = Vec::new();
    for duty in &made.duties {
        let mut left_s = battery.endurance_s;
        for w in duty.windows(2) {
            let leg_s = dist(p[w[0].place], p[w[1].place]) / shift.speed_mps;
            assert!(
                w[1].at_s >= w[0].until_s + leg_s - 1e-6,
                "a leg is faster than the aircraft"
            );
            if w[0].swap {
                left_s = battery.endurance_s;
                assert_eq!(w[0].place, battery.base);
                assert!(w[0].until_s - w[0].at_s >= battery.swap_s - 1e-6);
            } else {
                left_s -= w[0].until_s - w[0].at_s;
            }
            left_s -= leg_s;
            assert!(left_s > -1e-6, "a battery ran out");
        }
        stops.extend(
            duty.iter()
                .filter(|v| !v.swap && v.place < unseen.len())
                .map(|v| (v.at_s, v.until_s, v.place)),
        );
    }
    stops.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at_s, until_s, place) in stops {
        assert!(
            at_s - unseen[place] <= shift.promise_s[place] + 1e-6,
            "a promise broke"
        );
        unseen[place] = until_s;
    }
    for (last, promise) in unseen.iter().zip(&shift.promise_s) {
        assert!(
            shift.length_s - last <= promise + 1e-6,
            "a promise broke at the end"
        );
    }
}

#[test]
fn an_important_point_in_the_middle_is_passed_more_often() {
    // A line of five, the middle one ten times as important: one loop would pass it once a lap.
    let p: Vec<EastNorth> = (0..5)
        .map(|i| EastNorth::new(100.0 * f64::from(i), 0.0))
        .collect();
    let plan = plan_rounds(&request(&p, vec![1.0, 1.0, 10.0, 1.0, 1.0], 1), &mut || {
        false
    })
    .unwrap();
    // Out and back to one side, then the other: 400 m apart for the middle, 800 m for the ends.
    assert!(plan.worst_m <= 4000.0 + 1e-6, "{}", plan.worst_m);
    assert_eq!(plan.rounds[0].stops.iter().filter(|s| **s == 2).count(), 2);
}

#[test]
fn the_same_request_gives_the_same_bytes_and_stop_only_ends_early() {
    let p: Vec<EastNorth> = (0..30)
        .map(|i| EastNorth::new(f64::from(i * 37 % 101), f64::from(i * 53 % 97)))
        .collect();
    let ask = request(&p, vec![1.0; 30], 3);
    let a = serde_json::to_string(&plan_rounds(&ask, &mut || false).unwrap()).unwrap();
    let b = serde_json::to_string(&plan_rounds(&ask, &mut || false).unwrap()).unwrap();
    assert_eq!(a, b);
    let stopped = plan_rounds(&ask, &mut || true).unwrap();
    assert!(stopped.steps < ask.effort.steps / 10);
    for point in 0..30 {
        assert!(stopped.rounds.iter().any(|r| r.stops.contains(&point)));
    }
}

#[test]
fn a_promise_too_tight_is_refused_with_what_would_hold() {
    let p: Vec<EastNorth> = (0..4)
        .map(|i| EastNorth::new(100.0 * f64::from(i), 0.0))
        .collect();
    let ask = request(&p, vec![1.0; 4], 1);
    let plan = plan_rounds(&ask, &mut || false).unwrap();
    let shift = ShiftRequest {
        speed_mps: 10.0,
        promise_s: vec![50.0; 4],
        length_s: 600.0,
        battery: None,
        seed: 1,
    };
    match drawn_shift(&ask.costs, &plan.rounds, &shift) {
        Err(ShiftFault::Promise { held_s, .. }) => assert!((held_s - 60.0).abs() < 1e-6),
        other => panic!("{other:?}"),
    }
}

#[test]
fn broken_graph_files_are_refused_with_their_place() {
    let good = "2\n100\n100\n0.5\n0\n0\n\n0\n0\n0\n1\n1\nE\n10\n\n1\n20\n0\n1\n0\nW\n10\n";
    let g = PatrolGraph::parse(good).unwrap();
    assert_eq!(g.costs(Differing::Longer).unwrap().m(0, 1), 5.0);
    for cut in 0..good.trim_end().len() - 1 {
        // A file that breaks off is refused, or it lost digits of its last number; never a panic.
        let _ = PatrolGraph::parse(&good[..cut]);
    }
    assert!(matches!(
        PatrolGraph::parse(&good.replace("0.5", "x")),
        Err(RoundsFault::BadGraph { word: 4, .. })
    ));
    let apart = "2 1 1 1 0 0 0 0 0 0 1 5 5 0";
    assert!(matches!(
        PatrolGraph::parse(apart).unwrap().costs(Differing::Longer),
        Err(RoundsFault::NoWay { .. })
    ));
}
