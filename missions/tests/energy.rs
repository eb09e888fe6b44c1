//! Time and energy against a judge that flies the plan in steps of a hundredth of a second, with arithmetic of its own.
#![allow(clippy::unwrap_used)]

mod common;

use common::{metres, place, plan, refresh, square, takeoff, to, venue};
use missions::energy::{Advice, Wind, advise, power, tightest, timeline};
use missions::place::Alt;
use missions::plan::{PatrolPlan, PlanFile, PlanItem, build_fence};
use missions::vehicle::VehicleSpec;
use proptest::prelude::*;

/// Power at an airspeed, W: the quad's two measured points and the cube beyond, written down again.
fn watts(v: f64) -> f64 {
    if v <= 8.0 {
        330.0 + 30.0 * v / 8.0
    } else {
        360.0 * (0.65 + 0.35 * (v / 8.0).powi(3))
    }
}

/// Most power with the wind's vector off by up to `unsure` in any direction: looked for around the circle.
fn worst_watts(ground: (f64, f64), wind: (f64, f64), unsure: f64) -> f64 {
    let mut worst = 0.0f64;
    for k in 0..360 {
        for r in [0.0, 0.5, 1.0] {
            let (s, c) = f64::from(k).to_radians().sin_cos();
            let air = (
                ground.0 - wind.0 - r * unsure * s,
                ground.1 - wind.1 - r * unsure * c,
            );
            worst = worst.max(watts(air.0.hypot(air.1)));
        }
    }
    worst
}

/// Flies places in order from rest to rest, climbs and descents on the spot after each leg, hundredth by hundredth.
fn fly(path: &[((f64, f64), f64)], speed: f64, wind: (f64, f64), unsure: f64) -> (f64, f64) {
    let dt = 0.01;
    let (mut t, mut j) = (0.0, 0.0);
    let stand = worst_watts((0.0, 0.0), wind, unsure) - 330.0;
    for w in path.windows(2) {
        let ((a, ha), (b, hb)) = (w[0], w[1]);
        let d = (b.0 - a.0, b.1 - a.1);
        let len = d.0.hypot(d.1);
        if len > 0.01 {
            let u = (d.0 / len, d.1 / len);
            // The fastest speed over ground whose airspeed stays within 12 m/s, looked for in small steps.
            let mut g = speed;
            while g > 0.0 && ((g * u.0 - wind.0).hypot(g * u.1 - wind.1) + unsure) > 12.0 {
                g -= 0.0005;
            }
            let p = worst_watts((g * u.0, g * u.1), wind, unsure);
            // Speed up at 3 m/s², on, and down again as late as possible.
            let (mut s, mut v) = (0.0, 0.0);
            while s < len - 1e-3 {
                let brake = v * v / (2.0 * 3.0);
                v = if len - s <= brake {
                    (2.0f64 * 3.0 * (len - s)).sqrt()
                } else {
                    (v + 3.0 * dt).min(g)
                };
                s += v.max(0.02) * dt;
                t += dt;
                j += p * dt;
            }
        }
        let up = hb - ha;
        let (rate, p) = if up > 0.0 {
            (3.0, 450.0 + stand)
        } else {
            (1.5, 330.0 + stand)
        };
        t += up.abs() / rate;
        j += up.abs() / rate * p;
    }
    (t, j / 3600.0)
}

fn towards(w: &Wind) -> (f64, f64) {
    let a = (w.from_deg + 180.0).to_radians();
    (w.speed_mps * a.sin(), w.speed_mps * a.cos())
}

fn round_trip(points: &[(f64, f64)], wind: Wind, speed: f64) -> PlanFile {
    let v = venue(vec![square(2000.0)]);
    let mut items = vec![takeoff(60.0)];
    items.extend(points.iter().map(|p| to(p.0, p.1, 60.0)));
    items.push(PlanItem::Land {
        at: place(0.0, 0.0),
    });
    let mut file = plan(&v, items);
    file.speed_mps = speed;
    file.wind = wind;
    refresh(&mut file);
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_plans_time_and_energy_are_those_of_flying_it(
        points in prop::collection::vec((-900.0..900.0f64, -900.0..900.0f64), 1..5),
        speed in 2.0..12.0f64,
        from_deg in 0.0..360.0f64,
        wind_mps in 0.0..7.0f64,
        unsure_mps in 0.0..2.0f64,
    ) {
        let wind = Wind { from_deg, speed_mps: wind_mps, unsure_mps };
        let file = round_trip(&points, wind, speed);
        prop_assert!(timeline(&file).iter().all(|t| t.ground_mps.is_some()));
        let mut path = vec![((0.0, 0.0), 0.0), ((0.0, 0.0), 60.0)];
        path.extend(points.iter().map(|p| (metres(place(p.0, p.1)), 60.0)));
        path.push(((0.0, 0.0), 60.0));
        path.push(((0.0, 0.0), 0.0));
        let (t, wh) = fly(&path, speed, towards(&wind), unsure_mps);
        let e = file.estimate;
        prop_assert!((e.time_s - t).abs() < 0.01 * t + 1.0, "{} {t}", e.time_s);
        prop_assert!((e.energy_wh - wh).abs() < 0.015 * wh + 0.2, "{} {wh}", e.energy_wh);
    }

    /// At every moment of an accepted plan the way home, flown by the judge against the worst wind, fits in what is left.
    #[test]
    fn an_accepted_plan_can_always_come_home(
        far in (300.0..1900.0f64, -900.0..900.0f64),
        from_deg in 0.0..360.0f64,
        wind_mps in 0.0..8.0f64,
        battery_wh in 40.0..120.0f64,
    ) {
        let wind = Wind { from_deg, speed_mps: wind_mps, unsure_mps: 1.0 };
        let mut file = round_trip(&[far], wind, 8.0);
        file.vehicle.battery_wh = battery_wh;
        file.return_alt = Alt::from_metres(80.0).unwrap();
        refresh(&mut file);
        let usable = battery_wh * 0.75;
        let moment = |share: f64| -> f64 {
            let p = (far.0 * share, far.1 * share);
            let out = fly(&[((0.0, 0.0), 0.0), ((0.0, 0.0), 60.0), (p, 60.0)], 8.0, towards(&wind), 1.0).1;
            let home = fly(&[(p, 60.0), (p, 80.0), ((0.0, 0.0), 80.0), ((0.0, 0.0), 0.0)], 8.0, towards(&wind), 1.0).1;
            out + home
        };
        let worst = (1..=5).map(|k| moment(f64::from(k) / 5.0)).fold(0.0, f64::max);
        match PatrolPlan::check(file) {
            Ok(_) => prop_assert!(worst <= usable * 1.02 + 0.3, "{worst} of {usable}"),
            Err(e) if e.code == "plan.energy" => {}
            Err(e) if e.code == "plan.no_way_back" => prop_assert!(worst > usable * 0.97 - 0.3, "{worst} of {usable}: {e}"),
            Err(e) => prop_assert!(e.code == "plan.leg_leaves" || e.code == "plan.return_leaves", "{e}"),
        }
    }
}

#[test]
fn a_head_wind_slows_then_stops() {
    let v = VehicleSpec::default_quad();
    let wind = |speed_mps| Wind {
        from_deg: 0.0,
        speed_mps,
        unsure_mps: 0.0,
    };
    let north = |w| power::along(&v, &wind(w), (0.0, 1.0), 8.0).map(|g| g.ground_mps);
    assert_eq!(north(3.0), Some(8.0));
    assert!((north(8.0).unwrap() - 4.0).abs() < 1e-9);
    assert_eq!(north(11.5), None);
    // Across a wind stronger than it can fly, nothing helps.
    assert!(power::along(&v, &wind(13.0), (1.0, 0.0), 8.0).is_none());
    // Best range: slower with the wind behind, faster against it.
    let best = |w, unit| power::best_range_mps(&v, &wind(w), unit).unwrap();
    assert!(best(5.0, (0.0, -1.0)) > best(0.0, (0.0, 1.0)));
    assert!(best(5.0, (0.0, 1.0)) < 12.0 - 5.0 + 1e-9);
}

#[test]
fn a_plan_against_too_much_wind_is_refused_by_its_item() {
    let wind = Wind {
        from_deg: 90.0,
        speed_mps: 10.0,
        unsure_mps: 2.0,
    };
    let e = PatrolPlan::check(round_trip(&[(500.0, 0.0)], wind, 8.0)).unwrap_err();
    assert_eq!((e.code, e.item), ("plan.wind", Some(1)), "{e}");
    let none = Wind {
        speed_mps: f64::NAN,
        ..wind
    };
    assert_eq!(
        PatrolPlan::check(round_trip(&[(500.0, 0.0)], none, 8.0))
            .unwrap_err()
            .code,
        "plan.wind"
    );
}

#[test]
fn out_with_the_wind_and_no_way_back() {
    // Out with 7 m/s behind, landing out there; home would be against it.
    let v = venue(vec![square(2000.0)]);
    let wind = Wind {
        from_deg: 270.0,
        speed_mps: 7.0,
        unsure_mps: 1.0,
    };
    let mut file = plan(
        &v,
        vec![
            takeoff(60.0),
            PlanItem::Land {
                at: place(1800.0, 0.0),
            },
        ],
    );
    file.wind = wind;
    file.vehicle.battery_wh = 60.0;
    refresh(&mut file);
    let e = PatrolPlan::check(file.clone()).unwrap_err();
    assert_eq!(e.code, "plan.no_way_back", "{e}");
    // Landing sites on the way give it one.
    file.rally = [600.0, 1200.0, 1800.0].map(|x| place(x, 0.0)).to_vec();
    let ok = PatrolPlan::check(file).unwrap();
    let m = tightest(&ok.moments()).unwrap();
    assert!(m.spare_wh >= 0.0 && m.home_wh > 0.0);
}

#[test]
fn a_plan_that_is_too_long_comes_with_plans_that_work() {
    // There and back twice: some 7 km.
    let points = [
        (900.0, 0.0),
        (900.0, 60.0),
        (-900.0, 60.0),
        (-900.0, 120.0),
        (900.0, 120.0),
        (900.0, 180.0),
        (-900.0, 180.0),
    ];
    let mut file = round_trip(&points, Wind::default(), 12.0);
    file.vehicle.battery_wh = 145.0;
    refresh(&mut file);
    let e = PatrolPlan::check(file.clone()).unwrap_err();
    assert_eq!(e.code, "plan.energy");
    let all = advise(&file);
    for a in &all {
        println!("{a}");
    }
    let usable = 145.0 * 0.75;
    assert!(all.iter().any(
        |a| matches!(a, Advice::Speed { speed_mps, energy_wh, .. } if *speed_mps < 12.0 && *energy_wh <= usable)
    ));
    assert!(all.iter().any(
        |a| matches!(a, Advice::Shorter { last_item, energy_wh, .. } if *last_item < 8 && *energy_wh <= usable)
    ));
    assert!(all.iter().any(
        |a| matches!(a, Advice::TwoBatteries { first_wh, second_wh, .. } if *first_wh <= usable && *second_wh <= usable)
    ));
    // One longer cut would not have worked.
    if let Some(Advice::Shorter { last_item, .. }) =
        all.iter().find(|a| matches!(a, Advice::Shorter { .. }))
    {
        let longer = missions::energy::cut_after(&file, last_item + 1);
        assert!(PatrolPlan::check(longer).is_err());
    }
    assert!(build_fence(&file).is_ok());
}

#[test]
fn old_vehicle_files_mean_what_they_meant_and_wrong_curves_are_refused() {
    let old = include_str!("../vehicles/quad-x4.toml");
    let v = VehicleSpec::from_toml(old).unwrap();
    assert_eq!(power::level_w(&v, v.cruise_mps), v.cruise_w);
    assert_eq!(power::level_w(&v, 0.0), v.hover_w);
    assert!(power::level_w(&v, f64::NAN).is_infinite());
    let measured =
        format!("{old}\npower_w = [[0.0, 330.0], [5.0, 300.0], [8.0, 360.0], [12.0, 610.0]]\n");
    let v = VehicleSpec::from_toml(&measured).unwrap();
    assert!((power::level_w(&v, 10.0) - 485.0).abs() < 1e-9);
    for bad in [
        "power_w = [[5.0, 300.0], [5.0, 310.0]]",
        "power_w = [[-1.0, 300.0]]",
        "power_w = [[1.0, 0.0]]",
        "corner_radius_m = 0.0",
        "max_air_mps = -3.0",
        "descend_w = nan",
    ] {
        let e = VehicleSpec::from_toml(&format!("{old}\n{bad}\n")).unwrap_err();
        let key = bad.split(' ').next().unwrap();
        assert!(e.to_string().contains(key), "{bad}: {e}");
    }
}
