use super::refly::{Wish, refly};
use super::*;
use crate::evidence::export::Facts;
use crate::rehearse::again::fly_logged;
use crate::rehearse::headless::{HeadlessOptions, demo_start, rig_for};
use crate::rehearse::plan::demo_plan;
use missions::place::LatLon;
use missions::plane::LocalPlane;
use missions::venue::Venue;

fn plan() -> PatrolPlan {
    demo_plan(&Venue::sixi_river(), 7, demo_start().unwrap()).unwrap()
}

#[test]
fn the_demonstrations_plan_passes_its_rehearsal_and_every_failsafe_says_where_it_ends() {
    let plan = plan();
    let mut parts = Vec::new();
    let r = rehearse(&plan, AutopilotKind::Px4, 7, &mut |p| {
        parts.push(p);
        true
    })
    .unwrap()
    .unwrap();
    assert!(r.passed, "{:#?}", r.blocking);
    assert_eq!(r.plan, hex(&plan.hash()));
    assert_eq!(r.places.0, r.places.1);
    assert_eq!(r.cases.len(), 5);
    assert!(parts.windows(2).all(|w| w[0] <= w[1]) && parts.len() > 100);
    let of = |w: WhatCase| r.cases.iter().find(|c| c.case == w.word()).unwrap();
    assert!(of(WhatCase::CompanionDead).deeds.is_empty());
    let states = |w: WhatCase| -> Vec<(&str, &str)> {
        let deeds = of(w).deeds.iter();
        deeds
            .map(|d| (d.state.as_str(), d.cause.as_str()))
            .collect()
    };
    assert!(states(WhatCase::LinkLost).contains(&("holding", "link_loss")));
    assert!(states(WhatCase::LinkLost).contains(&("returning", "link_loss")));
    assert!(states(WhatCase::LowBattery).contains(&("returning", "battery")));
    assert!(states(WhatCase::NoGnss).iter().any(|s| s.0 == "landing"));
    // With a position it comes down at a site of the plan; without one where the wind takes it.
    let sites: Vec<LatLon> = [plan.file().home.at]
        .into_iter()
        .chain(plan.file().rally.iter().copied())
        .collect();
    let from_site_m = |c: &Case| {
        let plane = LocalPlane::new(plan.file().home.at);
        let here = plane.to_local_degrees(c.landed_at[1], c.landed_at[0]);
        let from = |s: &LatLon| plane.to_local(*s).distance_m(here);
        sites.iter().map(from).fold(f64::INFINITY, f64::min)
    };
    for w in [
        WhatCase::Evening,
        WhatCase::LinkLost,
        WhatCase::LowBattery,
        WhatCase::CompanionDead,
    ] {
        assert!(from_site_m(of(w)) < 5.0, "{:?}", of(w));
    }
    assert!(from_site_m(of(WhatCase::NoGnss)) > 20.0);
    // Swimmer, intruder and the crowd are staged; the eyes find them all.
    for what in ["swimmer", "intruder", "surge"] {
        let f = r.found.iter().find(|f| f.what == what).unwrap();
        assert!(f.found_s.is_some(), "{f:?}");
    }
    assert!(
        r.watched.iter().all(|w| w.covered_pct > 20.0),
        "{:?}",
        r.watched
    );
}

#[test]
fn a_rehearsal_that_is_no_longer_wanted_ends() {
    let mut asked = 0;
    let r = rehearse(&plan(), AutopilotKind::ArduPilot, 1, &mut |_| {
        asked += 1;
        asked < 5
    })
    .unwrap();
    assert!(r.is_none());
}

#[test]
fn whatever_leaves_the_fence_stays_up_or_empties_the_battery_blocks() {
    let plan = plan();
    let case = |what: WhatCase| Case {
        case: what.word(),
        fault_s: None,
        landed: true,
        landed_at: [0.0, 0.0],
        from_home_m: 0.0,
        in_crowd: false,
        flight_s: 100.0,
        battery_pct: 60.0,
        min_clearance_m: Some(6.0),
        clearance_zone: "edge".into(),
        deeds: Vec::new(),
    };
    let judged = |change: &dyn Fn(&mut Flown)| {
        let mut f = Flown {
            case: case(WhatCase::Evening),
            places: (3, 3),
            complete: true,
            watched: Vec::new(),
            found: Vec::new(),
            problems: vec!["no".into()],
            wind_mps: 3.0,
            simulated_s: 100.0,
            track: Vec::new(),
            alarms: std::collections::BTreeMap::new(),
            trace: String::new(),
        };
        change(&mut f);
        let r = judge(&plan, AutopilotKind::Px4, 1, vec![f], 1.0);
        assert_eq!(r.passed, r.blocking.is_empty());
        r.blocking.iter().map(|b| b.code).collect::<Vec<_>>()
    };
    assert!(judged(&|_| {}).is_empty());
    assert_eq!(
        judged(&|f| f.case.min_clearance_m = Some(-0.1)),
        ["rehearsal.left_fence"]
    );
    assert_eq!(
        judged(&|f| f.case.min_clearance_m = Some(f64::NAN)),
        ["rehearsal.left_fence"]
    );
    assert_eq!(
        judged(&|f| f.case.min_clearance_m = None),
        ["rehearsal.never_flew"]
    );
    assert_eq!(judged(&|f| f.case.landed = false), ["rehearsal.not_down"]);
    assert_eq!(
        judged(&|f| f.case.battery_pct = 20.0),
        ["rehearsal.battery"]
    );
    assert_eq!(
        judged(&|f| f.case.in_crowd = true),
        ["rehearsal.down_in_crowd"]
    );
    assert!(
        judged(&|f| {
            f.case.case = WhatCase::NoGnss.word();
            f.case.min_clearance_m = Some(-30.0);
        })
        .is_empty()
    );
    assert_eq!(judged(&|f| f.complete = false), ["rehearsal.not_whole"]);
}

#[test]
fn a_recorded_flight_is_flown_again_and_goes_another_way_where_something_else_goes_wrong() {
    let options = HeadlessOptions::default();
    let (_, plan) = rig_for(&options).unwrap();
    let until_s = plan.file().estimate.time_s + 240.0;
    let flown = fly_logged(&options, usize::MAX, until_s).unwrap();
    let facts = Facts::read(&flown.tlog, "", &|_| None);
    let again = |case: WhatCase, other: Circumstances| {
        let wish = Wish {
            case,
            other,
            kind: None,
            seed: 3,
            system: None,
        };
        refly(&plan, &facts, &wish, &mut |_| true).unwrap().unwrap()
    };
    // The same plan, other gusts: the same way, by the autopilot of the recording.
    let same = again(WhatCase::Quiet, Circumstances::default());
    assert_eq!(same.autopilot, "px4");
    assert!(
        same.apart.p95_m < 6.0 && same.apart.ends_m < 6.0,
        "{:?}",
        same.apart
    );
    assert!(
        same.case.landed && same.case.deeds.iter().all(|d| d.response == "continue"),
        "{:?}",
        same.case
    );
    for f in [&same.recorded, &same.again] {
        assert!(
            f.min_clearance_m.unwrap() > 0.0 && f.track.len() > 200,
            "{}",
            f.flight_s
        );
    }
    assert!((same.recorded.length_m / same.again.length_m - 1.0).abs() < 0.1);
    // A storm is felt; a radio that is cut in its midst sends it home by another way, which the guard keeps inside.
    let storm = Circumstances {
        wind: Some(missions::energy::Wind {
            from_deg: 290.0,
            speed_mps: 9.0,
            unsure_mps: 0.0,
        }),
        fault_s: Some(60.0),
        rules: None,
    };
    let cut = again(WhatCase::LinkLost, storm);
    assert_eq!((cut.wind_mps, cut.case.fault_s), (9.0, Some(60.0)));
    assert!(
        cut.case.deeds.iter().any(|d| d.cause == "link_loss"),
        "{:?}",
        cut.case
    );
    assert!(cut.again.flight_s < same.again.flight_s - 30.0);
    assert!(
        cut.apart.most_m > same.apart.most_m + 20.0,
        "{:?}",
        cut.apart
    );
    assert!(cut.again.min_clearance_m.unwrap() > 0.0);
    // What never flew cannot be laid beside anything.
    let nothing = Wish {
        case: WhatCase::Quiet,
        other: Circumstances::default(),
        kind: None,
        seed: 1,
        system: Some(77),
    };
    assert!(refly(&plan, &facts, &nothing, &mut |_| true).is_err());
}
