//! Rows that can miss, cases that come again, made-up venues that are what they say.

use super::made;
use super::*;

#[test]
fn a_row_passes_on_the_right_side_of_its_bound_and_never_by_nan() {
    let row = |g, m| Row::new("c", "n", g, m, "", "x").pass;
    assert_eq!(row(Good::AtMost(1.2), 1.2), Some(true));
    assert_eq!(row(Good::AtMost(1.2), 1.21), Some(false));
    assert_eq!(row(Good::AtLeast(99.9), 99.8), Some(false));
    assert_eq!(row(Good::AtMost(1.2), f64::NAN), Some(false));
    assert_eq!(row(Good::Told, 7.0), None);
    assert_eq!(Row::failed("c", "n", "why").pass, Some(false));
}

#[test]
fn made_up_venues_come_again_by_their_seed_and_have_what_they_were_asked_for() {
    let (a, swath, margin) = made::any(3, 5);
    let (b, _, _) = made::any(3, 5);
    assert_eq!(a.outer, b.outer);
    assert_eq!(a.holes, b.holes);
    assert_ne!(made::any(3, 6).0.outer, a.outer);
    assert!(swath > 0.0 && margin >= 0.0);
    for n in [1, 8, 15] {
        assert_eq!(made::block(1, n).holes.len(), n, "{n} buildings");
    }
    let big = made::stress(1, 1_000, 30);
    assert_eq!(big.holes.len(), 30);
    assert!((950..=1_000).contains(&big.corners()), "{}", big.corners());
}

#[test]
fn a_quick_bench_over_a_small_folder_ends_with_rows_and_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    made::block(1, 2).write(dir.path(), "yard").unwrap();
    let store = dir.path().join("rows.jsonl");
    let a = BenchPlan {
        dir: dir.path().to_owned(),
        quick: true,
        judge: None,
        python: "python3".into(),
        only: vec!["same".into(), "random".into()],
        random: Some(5),
        fleet_budget_ms: vec![2_000],
        seed: 1,
        resume: Some(store.clone()),
        minutes: None,
    };
    assert_eq!(run(&a, true).unwrap(), ExitCode::SUCCESS);
    let first = std::fs::read_to_string(&store).unwrap();
    assert!(first.lines().count() >= 3, "{first}");
    // Nothing is measured twice.
    assert_eq!(run(&a, true).unwrap(), ExitCode::SUCCESS);
    assert_eq!(first, std::fs::read_to_string(&store).unwrap());
}
