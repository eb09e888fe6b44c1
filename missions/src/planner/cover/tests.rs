//! Random venues against an oracle that shares no line with the planner, and stories.

use super::oracle::{Drawn, Found, draw, judge, request};
use super::*;
use proptest::prelude::*;
use std::io::Write;

/// What the plan of a random venue is worth; `None` where the margin leaves nothing of it.
fn fly(d: &Drawn, effort: u64, samples: usize) -> Result<Option<(Found, CoverStats)>, String> {
    match plan(&request(d, effort), || false) {
        Ok(p) => {
            if d.closed && p.routes.iter().any(|r| r.first() != r.last()) {
                return Err("not closed".into());
            }
            Ok(Some((judge(d, &p, samples), p.stats)))
        }
        Err(CoverRefusal::MarginLeavesNothing { .. }) if d.margin_m > 0.0 => Ok(None),
        Err(CoverRefusal::NoTarget) => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

/// Stops a plan at the `after`-th time of asking: what stands by then is legal and sees what it has to, or there is none.
fn stopped(d: &Drawn, effort: u64, after: u64) -> Result<(), String> {
    let mut left = after;
    let plan = plan(&request(d, effort), || {
        left = left.saturating_sub(1);
        left == 0
    });
    match plan {
        Ok(p) if p.stats.effort > effort => Err(format!("{} moves", p.stats.effort)),
        Ok(p) => match judge(d, &p, 10).illegal_m {
            0.0 if p.stats.coverage < COVERAGE => {
                Err(format!("stopped after {after}: saw {}", p.stats.coverage))
            }
            0.0 => Ok(()),
            bad_m => Err(format!("stopped after {after}: {bad_m} m illegal")),
        },
        Err(CoverRefusal::NoTarget | CoverRefusal::MarginLeavesNothing { .. }) => Ok(()),
        Err(e) => Err(format!("stopped after {after}: {e}")),
    }
}

/// Moves of the annealing that a campaign asks for, drawn by the venue's seed: none for half of the venues, for the others
/// from a hundred to what the planner proposes, as many of tens as of thousands.
fn drawn_effort(d: &Drawn) -> u64 {
    let mut r = super::oracle::dice(d.seed ^ 0x5eed);
    for _ in 0..8 {
        r();
    }
    if r() < 0.5 {
        return 0;
    }
    let most = thorough(request(d, 0).target.unsigned_area(), d.swath_m) as f64;
    (100.0 * (most / 100.0).powf(r())) as u64
}

/// Many random venues: each at the margin drawn for it, every tenth at 0, 2 and 5 m; effort drawn too; every fifth is also
/// stopped early. Appends a line a plan to a file and goes on where that ends:
///
/// `VENUES=0-10000 RESULTS=/tmp/cover.csv cargo test --release -p missions cover_campaign -- --ignored --nocapture`
#[test]
#[ignore = "hours"]
fn cover_campaign() {
    let range = std::env::var("VENUES").unwrap_or_else(|_| "0-10000".into());
    let (from, to) = range.split_once('-').unwrap();
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    let results = std::env::var("RESULTS").unwrap_or_else(|_| "cover_campaign.csv".into());
    let before = std::fs::read_to_string(&results).unwrap_or_default();
    let mut lines: Vec<String> = before.lines().map(String::from).collect();
    let done: std::collections::BTreeSet<String> = lines
        .iter()
        .filter_map(|l| {
            Some(
                l.rsplit_once(",")?
                    .0
                    .split(',')
                    .take(2)
                    .collect::<Vec<_>>()
                    .join(","),
            )
        })
        .collect();
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&results)
        .unwrap();
    for seed in from..to {
        let margins = match seed % 10 {
            0 => vec![0.0, 2.0, 5.0],
            _ => vec![draw(seed).margin_m],
        };
        for margin_m in margins {
            let key = format!("{seed},{margin_m}");
            if done.contains(&key) {
                continue;
            }
            let d = Drawn {
                margin_m,
                ..draw(seed)
            };
            let found = fly(&d, drawn_effort(&d), 20_000).and_then(|f| match seed % 5 {
                0 => stopped(&d, 20_000, seed % 97).map(|()| f),
                _ => Ok(f),
            });
            let line = match found {
                Ok(Some((f, s))) => format!(
                    "{key},flown,{:.3},{:.6},{:.6},{:.4}",
                    f.illegal_m, f.coverage, s.coverage, s.ratio
                ),
                Ok(None) => format!("{key},nothing,0,1,1,0"),
                Err(e) => format!("{key},wrong: {},0,0,0,0", e.replace(',', ";")),
            };
            writeln!(file, "{line}").unwrap();
            lines.push(line);
        }
    }
    let (mut flown, mut nothing, mut wrong, mut short) = (0, 0, 0, 0);
    let (mut illegal_m, mut worst, mut own_worst, mut ratios) = (0.0, 1.0f64, 1.0f64, 0.0);
    for l in &lines {
        let f: Vec<&str> = l.split(',').collect();
        match f[2] {
            "flown" => {
                let [bad, coverage, own, ratio] =
                    [3, 4, 5, 6].map(|i| f[i].parse::<f64>().unwrap());
                flown += 1;
                illegal_m += bad;
                worst = worst.min(coverage);
                own_worst = own_worst.min(own);
                ratios += ratio;
                short += i32::from(coverage < 0.9985);
            }
            "nothing" => nothing += 1,
            _ => wrong += 1,
        }
    }
    println!(
        "{flown} plans flown, {nothing} refused as nothing is left, {wrong} wrong; {illegal_m:.3} illegal metres; worst \
         coverage {worst:.5} by the oracle's samples, {own_worst:.5} by our own; {short} under 0.9985; mean ratio {:.4}",
        ratios / f64::from(flown.max(1))
    );
    assert_eq!((wrong, illegal_m), (0, 0.0));
}

proptest! {
    // Fixed dice: one plan in a thousand sees 99.88 to 99.9 % (`cover_campaign` counts them), and a story must not fail by
    // chance. The campaign has the other dice.
    #![proptest_config(ProptestConfig {
        cases: 12,
        rng_seed: proptest::test_runner::RngSeed::Fixed(12),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_random_venue_is_covered_and_never_touched(seed in 0u64..1 << 40, at_once in any::<bool>()) {
        let flown = fly(&draw(seed), if at_once { 0 } else { 1_500 }, 6_000);
        prop_assert!(flown.is_ok(), "seed {seed}: {flown:?}");
        if let Ok(Some((found, stats))) = flown {
            prop_assert_eq!(found.illegal_m, 0.0);
            prop_assert!(stats.coverage >= COVERAGE, "seed {seed}: {stats:?}");
            // Six of some six thousand may be missed; twenty would be chance once in ten thousand.
            prop_assert!(found.coverage >= 0.996, "seed {seed}: {found:?}");
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
        prop_assert_eq!(stopped(&draw(seed), 20_000, after.into()), Ok(()));
    }
}

fn rectangle(w: f64, h: f64) -> Vec<(f64, f64)> {
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
        assert_eq!(judge(&d, &p, 10).illegal_m, 0.0);
        p.stats.turns
    };
    let (cheap, dear) = (turns(0.0), turns(0.5));
    assert!(dear < cheap, "{dear} of {cheap}");
}

/// Two yards joined by a corridor that leaves two centimetres at a margin of 5 m.
fn two_yards(corridor_m: f64) -> Drawn {
    let half = corridor_m / 2.0;
    let inclusion = vec![
        (0.0, 0.0),
        (40.0, 0.0),
        (40.0, 20.0 - half),
        (70.0, 20.0 - half),
        (70.0, 0.0),
        (110.0, 0.0),
        (110.0, 40.0),
        (70.0, 40.0),
        (70.0, 20.0 + half),
        (40.0, 20.0 + half),
        (40.0, 40.0),
        (0.0, 40.0),
    ];
    Drawn {
        inclusion,
        margin_m: 5.0,
        ..plain(1.0, 1.0, 12.0, 5.0)
    }
}

#[test]
fn a_corridor_that_leaves_two_centimetres_is_flown_through() {
    let d = two_yards(10.02);
    let p = plan(&request(&d, 3_000), || false).unwrap();
    assert_eq!(p.routes.len(), 1);
    let found = judge(&d, &p, 20_000);
    assert_eq!(found.illegal_m, 0.0);
    assert!(found.coverage >= 0.9985, "{found:?}");
}

#[test]
fn a_corridor_too_narrow_for_the_margin_leaves_two_ways() {
    let d = two_yards(9.98);
    let p = plan(&request(&d, 3_000), || false).unwrap();
    assert_eq!(p.routes.len(), 2);
    assert!(p.stats.coverage >= COVERAGE);
    assert_eq!(judge(&d, &p, 10).illegal_m, 0.0);
}

#[test]
fn a_place_of_a_few_centimetres_still_sees_a_whole_footprint() {
    // At 5 m from every edge a square of 8 cm is left.
    let d = plain(10.08, 10.08, 20.0, 5.0);
    let p = plan(&request(&d, 500), || false).unwrap();
    let found = judge(&d, &p, 5_000);
    assert_eq!(found.illegal_m, 0.0);
    assert!(found.coverage >= COVERAGE, "{found:?} {:?}", p.stats);
}

#[test]
fn which_way_a_ring_is_drawn_does_not_matter() {
    let ring = |mut corners: Vec<(f64, f64)>, turned: bool| {
        if turned {
            corners.reverse();
        }
        polygon(&[corners.iter().map(|p| EastNorth::new(p.0, p.1)).collect()])
    };
    let hole = || vec![(10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0)];
    let other = || vec![(20.0, 20.0), (40.0, 20.0), (40.0, 40.0), (20.0, 40.0)];
    for turned in 0..8u8 {
        let t = target(
            &[ring(rectangle(100.0, 50.0), turned & 1 > 0)],
            &[ring(hole(), turned & 2 > 0), ring(other(), turned & 4 > 0)],
        );
        let m2 = t.unsigned_area();
        assert!((m2 - 4_300.0).abs() < 1e-3, "{turned}: {m2}");
    }
}
