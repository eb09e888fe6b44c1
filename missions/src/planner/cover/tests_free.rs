//! Look-ups against looking at everything: what is inside, what is near, what can be seen, how near a way comes.

use super::free::{Free, edges};
use super::geom::{P, between, dist, lerp, nearer_than, nearest_on, pt};
use super::grid::SegmentGrid;
use super::oracle::{dice, draw, request, winding};
use super::*;
use geo::Contains;
use proptest::prelude::*;

/// A wheel with teeth: long edges close together.
fn wheel(teeth: usize, radius_m: f64, deep_m: f64, r: &mut dyn FnMut() -> f64) -> Vec<(f64, f64)> {
    (0..2 * teeth)
        .map(|i| {
            let a = std::f64::consts::TAU * (i as f64 + 0.3 * r()) / (2 * teeth) as f64;
            let d = radius_m - if i % 2 == 0 { deep_m * r() } else { 0.0 };
            (d * a.cos(), d * a.sin())
        })
        .collect()
}

fn closed(ring: &[(f64, f64)]) -> Vec<(P, P)> {
    let places = ring.iter().map(|p| pt(p.0, p.1));
    let next = places.clone().cycle().skip(1);
    places.zip(next).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_grid_finds_what_looking_at_everything_finds(
        seed in 0u64..1 << 40,
        teeth in 3usize..120,
        deep in 0.0..0.9f64,
        cell_m in 0.5..60.0f64,
        reach_m in 0.0..3.0f64,
    ) {
        let mut r = dice(seed);
        let outer = wheel(teeth, 100.0, 100.0 * deep, &mut r);
        let hole: Vec<(f64, f64)> = wheel(teeth / 2 + 3, 8.0, 4.0, &mut r);
        let segments: Vec<(P, P)> = closed(&outer).into_iter().chain(closed(&hole)).collect();
        let grid = SegmentGrid::new(segments.clone(), reach_m, cell_m);
        for _ in 0..60 {
            let p = pt(230.0 * r() - 115.0, 230.0 * r() - 115.0);
            let q = if r() < 0.5 {
                pt(p.x + 2.0 * r() - 1.0, p.y + 2.0 * r() - 1.0)
            } else {
                pt(230.0 * r() - 115.0, 230.0 * r() - 115.0)
            };
            // A star-shaped ring round a star-shaped hole: inside by winding, which shares nothing with a ray.
            let at = (p.x, p.y);
            let (round_outer, round_hole) = (winding(at, &outer), winding(at, &hole));
            prop_assert_eq!(grid.inside(p), (round_outer + round_hole) % 2 != 0, "{:?}", p);
            let near = segments.iter().any(|(c, e)| nearer_than(p, q, *c, *e, reach_m * reach_m));
            prop_assert_eq!(grid.any_nearer(p, q, reach_m), near, "{:?} {:?}", p, q);
            let least_m = segments.iter().map(|(c, e)| between(p, q, *c, *e)).fold(f64::INFINITY, f64::min);
            let found_m = grid.least_m(&[p, q]);
            prop_assert!(found_m >= least_m - 1e-12);
            if least_m <= reach_m {
                prop_assert!((found_m - least_m).abs() < 1e-12, "{found_m} for {least_m}");
            }
        }
    }

    /// Where a margin is small, what can be seen is not drawn but taken to be all. Then places of the outline, and places
    /// beside it, must indeed lie within a footprint of free space.
    #[test]
    fn what_is_taken_as_all_seen_is_within_a_footprint_of_free_space(
        seed in 0u64..1 << 40,
        margin_m in 0.001..0.6f64,
    ) {
        let r = request(&draw(seed), 0);
        let radius_m = r.swath_m / 2.0;
        let free = Free::new(&r.target, margin_m, radius_m);
        let [part] = free.parts.as_slice() else { return Ok(()) };
        if part.reachable != r.target {
            return Ok(());
        }
        let rings: Vec<(P, P)> = part.rings.iter()
            .flat_map(|r| r.iter().zip(r.iter().cycle().skip(1)))
            .map(|(a, b)| (*a, *b))
            .collect();
        let far_m = |p: P| rings.iter().map(|(c, e)| dist(p, nearest_on(p, *c, *e))).fold(f64::INFINITY, f64::min);
        for (a, b) in edges(&r.target) {
            for k in 0..8 {
                let p = lerp(a, b, f64::from(k) / 7.0);
                prop_assert!(far_m(p) <= radius_m, "seed {seed}: {} of {radius_m}", far_m(p));
                // All that is not free lies within the margin of the outline, or a little more.
                let long_m = dist(a, b).max(1e-9);
                let (nx, ny) = ((a.y - b.y) / long_m * margin_m, (b.x - a.x) / long_m * margin_m);
                for q in [pt(p.x + nx, p.y + ny), pt(p.x - nx, p.y - ny)] {
                    let at = geo::Point::new(q.x, q.y);
                    let hidden = r.target.contains(&at) && !part.shape.contains(&at);
                    prop_assert!(!hidden || far_m(q) <= radius_m, "seed {seed}: {} of {radius_m} beside", far_m(q));
                }
            }
        }
    }
}

#[test]
fn an_alley_that_the_margin_closes_is_not_taken_as_seen() {
    // A yard, and an alley of 1.5 m: at a margin of 1 m nobody flies into it, and its end is out of sight.
    let ring = [
        (0.0, 0.0),
        (60.0, 0.0),
        (60.0, 20.0),
        (100.0, 20.0),
        (100.0, 21.5),
        (60.0, 21.5),
        (60.0, 40.0),
        (0.0, 40.0),
    ];
    let shape = polygon(&[ring.iter().map(|p| EastNorth::new(p.0, p.1)).collect()]);
    let target = MultiPolygon(vec![shape]);
    let free = Free::new(&target, 1.0, 10.0);
    assert_eq!(free.parts.len(), 1);
    let seen_m2 = free.parts[0].reachable.unsigned_area();
    assert!(seen_m2 < target.unsigned_area() - 40.0, "{seen_m2}");
    // At a margin of half a metre it is flown through, and all is seen.
    let free = Free::new(&target, 0.5, 10.0);
    assert_eq!(free.parts[0].reachable, target);
}

#[test]
fn the_clearance_told_is_the_least_that_anything_comes_near() {
    for (seed, effort) in [(3, 0), (8, 0), (21, 400), (34, 400)] {
        let mut d = draw(seed);
        d.margin_m = 0.5;
        let r = request(&d, effort);
        let Ok(p) = plan(&r, || false) else { continue };
        let walls = edges(&r.target);
        let legs = p.routes.iter().flat_map(|w| w.windows(2));
        let least_m = legs
            .flat_map(|w| {
                let [a, b] = [w[0], w[1]].map(|e| pt(e.east_m, e.north_m));
                walls.iter().map(move |(c, e)| between(a, b, *c, *e))
            })
            .fold(r.margin_m + r.swath_m, f64::min);
        assert!(
            (p.stats.clearance_m - least_m).abs() < 1e-9,
            "{seed}: {least_m} {:?}",
            p.stats
        );
    }
}
