use super::*;
use crate::rehearse::headless::demo_start;
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
