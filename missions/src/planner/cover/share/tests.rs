//! What parting a closed way into loops promises, on ways drawn by hand.

use super::super::free::Free;
use super::super::geom::{P, dist, length_m, pt};
use super::super::{polygon, target};
use super::loops::{Pace, parted};
use crate::plane::EastNorth;
use geo::{Contains, Distance, Euclidean, Line, LineString, MultiPolygon, Point};
use proptest::prelude::*;

const SWATH_M: f64 = 10.0;
const FRESH: Pace = Pace {
    patience: 0.2,
    again: false,
};

fn ring(p: &[(f64, f64)]) -> Vec<EastNorth> {
    p.iter().map(|(e, n)| EastNorth::new(*e, *n)).collect()
}

fn rectangle(w: f64, h: f64) -> Vec<EastNorth> {
    ring(&[(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)])
}

/// Up and down a field in an even number of columns, and back along its foot: a comb that closes.
fn comb(columns: usize, high_m: f64) -> Vec<P> {
    let mut way = vec![pt(5.0, 5.0)];
    for c in 0..columns {
        let x = 5.0 + SWATH_M * c as f64;
        let (from, to) = if c % 2 == 0 {
            (15.0, high_m - 5.0)
        } else {
            (high_m - 5.0, 15.0)
        };
        way.extend([pt(x, from), pt(x, to)]);
    }
    way.push(pt(5.0 + SWATH_M * (columns - 1) as f64, 5.0));
    way.push(pt(5.0, 5.0));
    way
}

/// Least part of the old way that is still flown, or passed as near as the links that made room for others are long.
fn farthest_left_m(old: &[P], new: &[Vec<P>]) -> f64 {
    let legs: Vec<Line<f64>> = new
        .iter()
        .flat_map(|w| w.windows(2).map(|l| Line::new(l[0], l[1])))
        .collect();
    let mut farthest_m = 0.0f64;
    for w in old.windows(2) {
        let n = dist(w[0], w[1]).ceil().max(1.0);
        for s in 0..=n as usize {
            let t = s as f64 / n;
            let p = Point::new(
                w[0].x + t * (w[1].x - w[0].x),
                w[0].y + t * (w[1].y - w[0].y),
            );
            let near_m = legs.iter().map(|l| Euclidean.distance(&p, l));
            farthest_m = farthest_m.max(near_m.fold(f64::INFINITY, f64::min));
        }
    }
    farthest_m
}

fn longest_by_mean(ways: &[Vec<P>]) -> f64 {
    let all: Vec<f64> = ways.iter().map(|w| length_m(w)).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    all.iter().copied().fold(0.0, f64::max) / mean
}

/// By `geo`, which the planner's own test of legality does not use.
fn inside(target: &MultiPolygon<f64>, ways: &[Vec<P>]) -> bool {
    ways.iter()
        .all(|w| target.contains(&LineString::new(w.clone())))
}

/// Cost and loops of one throw of the dice.
fn cut(
    free: &Free,
    ways: &[Vec<P>],
    weights: &[f64],
    swath_m: f64,
    pace: Pace,
    seed: u64,
    stop: &mut dyn FnMut() -> bool,
) -> Option<(f64, Vec<Vec<P>>)> {
    parted(free, ways, weights, swath_m, pace, seed, stop).map(|p| (p.cost_m, p.ways))
}

/// The cheapest of four throws of the dice, as the planner takes it.
fn best_of_four(free: &Free, way: &[P], weights: &[f64]) -> Vec<Vec<P>> {
    let pace = Pace {
        patience: 0.5,
        again: false,
    };
    let ways = [way.to_vec()];
    (0..4)
        .filter_map(|seed| cut(free, &ways, weights, SWATH_M, pace, seed, &mut || false))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .expect("a comb parts")
        .1
}

#[test]
fn a_comb_over_a_field_becomes_loops_of_equal_length_that_leave_none_of_it() {
    let field = target(&[polygon(&[rectangle(200.0, 160.0)])], &[]);
    let free = Free::new(&field, 0.0, SWATH_M / 2.0);
    let way = comb(20, 160.0);
    // More, on so few columns, come out even only when they are polished: the fleet's own tests tell.
    for k in 2..=5usize {
        let loops = best_of_four(&free, &way, &vec![1.0; k]);
        assert_eq!(loops.len(), k);
        for l in &loops {
            assert!(l.len() > 3 && l.first() == l.last(), "k = {k}: {l:?}");
        }
        let longer = loops.iter().map(|w| length_m(w)).sum::<f64>() / length_m(&way);
        let uneven = longest_by_mean(&loops);
        assert!(
            uneven <= 1.05 && longer <= 1.05,
            "k = {k}: longest by mean {uneven}, longer by {longer}"
        );
        // Only the links that made way are left: none is longer than a bead, 0.6 of a swath.
        assert!(farthest_left_m(&way, &loops) <= 0.3 * SWATH_M + 1e-6);
        assert!(inside(&field, &loops));
    }
}

#[test]
fn who_weighs_twice_flies_twice_as_far() {
    let field = target(&[polygon(&[rectangle(200.0, 160.0)])], &[]);
    let free = Free::new(&field, 0.0, SWATH_M / 2.0);
    let loops = best_of_four(&free, &comb(20, 160.0), &[1.0, 2.0, 1.0]);
    let sum_m: f64 = loops.iter().map(|w| length_m(w)).sum();
    let shares: Vec<f64> = loops.iter().map(|l| length_m(l) / sum_m).collect();
    for (is, due) in shares.iter().zip([0.25, 0.5, 0.25]) {
        assert!((is - due).abs() <= 0.02, "{shares:?}");
    }
}

#[test]
fn a_round_that_passes_itself_nowhere_has_no_even_shares_at_its_own_price() {
    let lawn = rectangle(200.0, 200.0);
    let lake = ring(&[(10.0, 10.0), (190.0, 10.0), (190.0, 190.0), (10.0, 190.0)]);
    let shore = target(&[polygon(&[lawn])], &[polygon(&[lake])]);
    let free = Free::new(&shore, 0.0, SWATH_M / 2.0);
    let corners = [
        (5.0, 5.0),
        (195.0, 5.0),
        (195.0, 195.0),
        (5.0, 195.0),
        (5.0, 5.0),
    ];
    let way: Vec<P> = corners.iter().map(|(x, y)| pt(*x, *y)).collect();
    let round_m = length_m(&way);
    let made = cut(&free, &[way], &[1.0; 3], SWATH_M, FRESH, 1, &mut || false);
    // Near a corner it passes itself, so a crumb may be cut off there; or each flies its share there and back. Never even shares
    // at the price of the round: what it costs is told, and whoever asks takes another way.
    if let Some((cost_m, loops)) = made {
        let sum_m: f64 = loops.iter().map(|l| length_m(l)).sum();
        assert!(longest_by_mean(&loops) > 1.5 || sum_m > 1.5 * round_m);
        assert!(cost_m >= sum_m);
    }
}

#[test]
fn a_wall_between_two_columns_is_never_linked_across() {
    // Thinner than the links are long, and as long as the field is high but for a gap at its foot.
    let wall = ring(&[(99.5, 12.0), (100.5, 12.0), (100.5, 161.0), (99.5, 161.0)]);
    let field = target(&[polygon(&[rectangle(200.0, 160.0)])], &[polygon(&[wall])]);
    let free = Free::new(&field, 0.0, SWATH_M / 2.0);
    // One comb on each side, joined at the foot; the columns beside the wall are a swath apart.
    let mut way = vec![pt(5.0, 5.0)];
    for (side, columns) in [(0usize, 10usize), (10, 10)] {
        for c in side..side + columns {
            let x = 5.0 + SWATH_M * c as f64;
            let (from, to) = if c % 2 == 0 {
                (8.0, 155.0)
            } else {
                (155.0, 8.0)
            };
            way.extend([pt(x, from), pt(x, to)]);
        }
    }
    way.extend([pt(195.0, 5.0), pt(5.0, 5.0)]);
    assert!(inside(&field, &[way.clone()]), "the drawing is legal");
    for seed in 0..10 {
        let ways = [way.clone()];
        let (_, loops) = cut(&free, &ways, &[1.0; 4], SWATH_M, FRESH, seed, &mut || false)
            .expect("a comb parts");
        assert!(inside(&field, &loops), "seed {seed}");
    }
}

#[test]
fn stopped_at_once_loops_stand_and_the_same_dice_give_the_same_loops() {
    let field = target(&[polygon(&[rectangle(200.0, 160.0)])], &[]);
    let free = Free::new(&field, 0.0, SWATH_M / 2.0);
    let ways = [comb(20, 160.0)];
    let make = |stop: bool| cut(&free, &ways, &[1.0; 5], SWATH_M, FRESH, 9, &mut || stop);
    let hasty = make(true).expect("a comb parts");
    assert_eq!(hasty.1.len(), 5);
    assert!(inside(&field, &hasty.1));
    assert_eq!(make(false), make(false));
    assert!(make(false).expect("a comb parts").0 <= hasty.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the field, the number and the dice: closed loops inside it that leave none of the way, no dearer than
    /// halving made them.
    #[test]
    fn loops_are_closed_and_legal_and_leave_nothing(
        pairs in 3usize..12,
        high_m in 60.0f64..300.0,
        k in 2usize..9,
        seed in 0u64..1_000_000,
    ) {
        let columns = 2 * pairs;
        let field = target(&[polygon(&[rectangle(SWATH_M * columns as f64, high_m)])], &[]);
        let free = Free::new(&field, 0.0, SWATH_M / 2.0);
        let way = comb(columns, high_m);
        let ways = [way.clone()];
        let made = cut(&free, &ways, &vec![1.0; k], SWATH_M, FRESH, seed, &mut || false);
        if let Some((cost_m, loops)) = made {
            prop_assert_eq!(loops.len(), k);
            prop_assert!(loops.iter().all(|l| l.len() > 2 && l.first() == l.last()));
            prop_assert!(inside(&field, &loops));
            prop_assert!(farthest_left_m(&way, &loops) <= 0.3 * SWATH_M + 1e-6);
            // What is sought is never worse than what halving gave.
            let halved = cut(&free, &ways, &vec![1.0; k], SWATH_M, FRESH, seed, &mut || true);
            prop_assert!(halved.is_some_and(|h| cost_m <= h.0 + 1e-9));
            let sum_m: f64 = loops.iter().map(|w| length_m(w)).sum();
            prop_assert!(sum_m <= cost_m + 1e-6);
        }
    }
}
