//! Plans for a team, as an officer at a terminal asks for them. The judge here shares no code with the planner: plain
//! metres on its own plane, points along every leg.

use super::super::tests::typed;
use super::*;
use crate::cli::settings::{Common, resolve};
use missions::plan::{StepKind, steps};
use missions::vehicle::VehicleSpec;

/// A field of 800 × 500 m with a barn, two launch sites and four watch zones.
const FIELD: &str = r#"{"type":"FeatureCollection","name":"field","flat_ground":true,"ground_amsl_m":20,"datum":"WGS-84","features":[
 {"type":"Feature","properties":{"role":"inclusion","id":"edge"},"geometry":{"type":"Polygon","coordinates":[[[24.0,60.0],[24.014332,60.0],[24.014332,60.004485],[24.0,60.004485],[24.0,60.0]]]}},
 {"type":"Feature","properties":{"role":"exclusion","id":"barn"},"geometry":{"type":"Polygon","coordinates":[[[24.006,60.0018],[24.0078,60.0018],[24.0078,60.0025],[24.006,60.0025],[24.006,60.0018]]]}},
 {"type":"Feature","properties":{"role":"launch","id":"west"},"geometry":{"type":"Point","coordinates":[24.0009,60.0022]}},
 {"type":"Feature","properties":{"role":"launch","id":"east"},"geometry":{"type":"Point","coordinates":[24.0134,60.0022]}},
 {"type":"Feature","properties":{"role":"watch_zone","id":"w1"},"geometry":{"type":"Point","coordinates":[24.002,60.0038]}},
 {"type":"Feature","properties":{"role":"watch_zone","id":"w2"},"geometry":{"type":"Point","coordinates":[24.002,60.0008]}},
 {"type":"Feature","properties":{"role":"watch_zone","id":"w3"},"geometry":{"type":"Point","coordinates":[24.012,60.0038]}},
 {"type":"Feature","properties":{"role":"watch_zone","id":"w4"},"geometry":{"type":"Point","coordinates":[24.012,60.0008]}}]}"#;

struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("field.geojson"), FIELD).unwrap();
        Desk { dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Settings with these vehicles, each the usual quadrotor with so many Wh.
    fn settings(&self, batteries_wh: &[f64]) -> Settings {
        let mut common = Common::default();
        for (i, wh) in batteries_wh.iter().enumerate() {
            let mut v = VehicleSpec::default_quad();
            v.battery_wh = *wh;
            let path = self.path(&format!("quad-{i}.toml"));
            std::fs::write(&path, toml::to_string(&v).unwrap()).unwrap();
            common.vehicle.push(path.into());
        }
        resolve(&common).unwrap()
    }

    fn asks(&self, words: &[&str]) -> Plan {
        let mut all = vec![
            self.path("field.geojson"),
            "-o".into(),
            self.path("out.json"),
        ];
        all.extend(words.iter().map(|w| (*w).to_owned()));
        let usual =
            "--swath 60 --effort 2000 --budget-ms 600000 --launch-from 2026-10-01T12:02:00Z";
        all.extend(usual.split(' ').map(String::from));
        typed(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn plans(&self, n: usize) -> Vec<PatrolPlan> {
        (1..=n)
            .map(|i| {
                let bytes = std::fs::read(self.path(&format!("out-{i}.json"))).unwrap();
                PatrolPlan::from_json(&bytes).unwrap()
            })
            .collect()
    }
}

fn usual_wh() -> f64 {
    VehicleSpec::default_quad().battery_wh
}

/// Metres east, north and up of many places of a plan, climbs and descents among them.
fn places(plan: &PatrolPlan) -> Vec<(f64, f64, f64)> {
    let f = plan.file();
    let on = |p: LatLon| {
        (
            (p.lon_deg() - 24.0) * 55_800.0,
            (p.lat_deg() - 60.0) * 111_412.0,
        )
    };
    let mut out = Vec::new();
    for s in steps(f).iter().filter(|s| s.kind != StepKind::Return) {
        let (a, b) = (on(s.from), on(s.to));
        let (u, v) = (s.from_alt.metres(), s.to_alt.metres());
        let long = (b.0 - a.0).hypot(b.1 - a.1).max((v - u).abs());
        let n = (long / 3.0).ceil().max(1.0) as u32;
        out.extend((0..=n).map(|k| {
            let t = f64::from(k) / f64::from(n);
            (
                a.0 + t * (b.0 - a.0),
                a.1 + t * (b.1 - a.1),
                u + t * (v - u),
            )
        }));
    }
    out
}

/// However their clocks run: no place of one near a place of the other, over ground and in height alike.
fn never_meet(a: &PatrolPlan, b: &PatrolPlan, across_m: f64, up_m: f64) -> bool {
    let (p, q) = (places(a), places(b));
    p.iter().all(|x| {
        q.iter().all(|y| {
            (x.0 - y.0).hypot(x.1 - y.1) >= across_m - 4.0 || (x.2 - y.2).abs() >= up_m - 3.1
        })
    })
}

#[test]
fn two_aircraft_get_a_file_each_and_may_fly_at_once() {
    let desk = Desk::new();
    let s = desk.settings(&[usual_wh()]);
    let a = desk.asks(&["--aircraft", "2", "--draw", &desk.path("two.svg")]);
    run(&a, &s).unwrap();
    let plans = desk.plans(2);
    // Read again, each was judged whole; each starts from a launch site of its own.
    assert_ne!(plans[0].file().home.at, plans[1].file().home.at);
    assert!(never_meet(&plans[0], &plans[1], 30.0, 10.0));
    assert_eq!(plans[0].file().launch_window, plans[1].file().launch_window);
    let drawn = std::fs::read_to_string(desk.path("two.svg")).unwrap();
    assert!(drawn.contains("1, ") && drawn.contains("2, "));
    // The same asked again: the same bytes.
    let before = std::fs::read(desk.path("out-2.json")).unwrap();
    run(&a, &s).unwrap();
    assert_eq!(before, std::fs::read(desk.path("out-2.json")).unwrap());
}

#[test]
fn from_one_launch_site_they_fly_one_after_the_other_and_the_windows_say_so() {
    let desk = Desk::new();
    let s = desk.settings(&[usual_wh()]);
    let a = desk.asks(&["--aircraft", "2", "--launch", "west", "--launch", "west"]);
    run(&a, &s).unwrap();
    let plans = desk.plans(2);
    assert!(!never_meet(&plans[0], &plans[1], 30.0, 10.0));
    let (one, two) = (plans[0].file(), plans[1].file());
    let ends = one.launch_window.until.0 + (one.estimate.time_s * 1e6) as i64;
    assert!(
        two.launch_window.from.0 > ends,
        "the second starts while the first may be landing"
    );
    // And where nobody may wait so long, it says who meets whom.
    let a = desk.asks(&[
        "--aircraft",
        "2",
        "--launch",
        "west",
        "--launch",
        "west",
        "--longest-wait",
        "1",
    ]);
    let e = run(&a, &s).unwrap_err().to_string();
    assert!(e.contains("aircraft 1 and 2"), "{e}");
}

#[test]
fn a_larger_battery_flies_the_larger_share() {
    let desk = Desk::new();
    let s = desk.settings(&[usual_wh(), 2.0 * usual_wh()]);
    run(&desk.asks(&["--aircraft", "2"]), &s).unwrap();
    let plans = desk.plans(2);
    let part = |p: &PatrolPlan| p.file().estimate.distance_m;
    assert!(part(&plans[1]) > 1.3 * part(&plans[0]));
    let e = run(&desk.asks(&["--aircraft", "3"]), &s)
        .unwrap_err()
        .to_string();
    assert!(e.contains("--vehicle once"), "{e}");
}

#[test]
fn watch_points_are_shared_and_each_is_promised() {
    let desk = Desk::new();
    let s = desk.settings(&[usual_wh()]);
    let a = desk.asks(&["--pattern", "watch-points", "--aircraft", "2"]);
    let (_, team, _) = made(&a, &s, &mut Budget::new(600_000)).unwrap();
    assert_eq!(team.promise_s.len(), 4);
    let holds = |f: &TeamFlight| -> usize {
        let items = f.planned.plan.items();
        items
            .iter()
            .filter(
                |i| matches!(i, missions::plan::PlanItem::Waypoint { hold_s, .. } if *hold_s > 0.0),
            )
            .count()
    };
    assert_eq!(team.flights.iter().map(holds).sum::<usize>(), 4);
    assert!(never_meet(
        &team.flights[0].planned.plan,
        &team.flights[1].planned.plan,
        30.0,
        10.0
    ));
    let a = desk.asks(&["--pattern", "watch-points", "--aircraft", "5"]);
    let e = made(&a, &s, &mut Budget::new(600_000))
        .err()
        .unwrap()
        .to_string();
    assert!(e.contains("5 aircraft and 4 watch points"), "{e}");
}

#[test]
fn a_sweep_too_long_for_the_battery_is_flown_in_sorties() {
    let desk = Desk::new();
    let whole = desk.asks(&["--sorties", "auto"]);
    let usual = desk.settings(&[usual_wh()]);
    let (_, one, _) = made(&whole, &usual, &mut Budget::new(600_000)).unwrap();
    assert_eq!(
        one.flights.len(),
        1,
        "a battery that is enough is not changed"
    );
    // A battery with which it does not go: half again too small.
    let needs_wh = one.flights[0].planned.plan.file().estimate.energy_wh;
    let small = desk.settings(&[needs_wh / 0.8 / 1.5]);
    let e = super::super::flying::run(&desk.asks(&[]), &small).unwrap_err();
    assert!(e.to_string().contains("Wh"), "{e}");
    run(&desk.asks(&["--sorties", "auto", "--swap", "180"]), &small).unwrap();
    let plans = desk.plans(2);
    for p in &plans {
        let f = p.file();
        assert!(f.estimate.reserve_pct >= f.vehicle.reserve_pct - 1e-6);
    }
    let gap_s =
        (plans[1].file().launch_window.from.0 - plans[0].file().launch_window.from.0) as f64 / 1e6;
    let flown_s = plans[0].file().estimate.time_s;
    assert!(
        (gap_s - flown_s - 180.0).abs() <= 1.0,
        "{gap_s} s for {flown_s} s"
    );
    let e = run(&desk.asks(&["--sorties", "1"]), &small)
        .unwrap_err()
        .to_string();
    assert!(e.contains("aircraft 1") && e.contains("Wh"), "{e}");
}

#[test]
fn a_refusal_says_which_aircraft_and_why() {
    let desk = Desk::new();
    let s = desk.settings(&[usual_wh(), 6.0]);
    let a = desk.asks(&["--aircraft", "2", "--explain"]);
    let e = run(&a, &s).unwrap_err().to_string();
    assert!(e.contains("aircraft 2"), "{e}");
    let a = desk.asks(&["--aircraft", "2", "--pattern", "perimeter"]);
    let e = run(&a, &s).unwrap_err().to_string();
    assert!(e.contains("perimeter is flown by one aircraft"), "{e}");
}
