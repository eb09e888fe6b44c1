use super::alarms::{alarms, times};
use super::coverage::coverage;
use super::html::esc;
use super::words::{code, event, fill, local_name};
use super::*;
use crate::desk::{Answer, Event, Intent, Reason};
use crate::evidence::export::Fix;
use crate::incidents::Book;
use crate::record::line::{Fact, Line};
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use missions::time::Utc;
use serde_json::{Map, Value, json};

fn said(t_ms: i64, code: &str, params: Value, aircraft: Option<u8>) -> Line {
    let Value::Object(params) = params else {
        panic!("no object")
    };
    Line {
        t_ms,
        frame: 0,
        fact: Fact::Event {
            event: Event {
                t_ms,
                code: code.into(),
                params,
                aircraft,
                at: None,
            },
        },
    }
}

fn clicked(t_ms: i64, intent: Intent, answer: Answer) -> Line {
    Line {
        t_ms,
        frame: 0,
        fact: Fact::Intent {
            intent,
            answer,
            by: "王".into(),
        },
    }
}

fn ack(t_ms: i64, alarm: &str) -> Line {
    let alarm = alarm.into();
    clicked(t_ms, Intent::Acknowledge { alarm }, Answer::yes())
}

#[test]
fn a_guard_that_acts_is_acknowledged_answered_and_over_and_a_refused_order_is_no_answer() {
    let guard = |r: &str, c: &str| json!({"response": r, "cause": c});
    let lines = [
        said(1_000, "response", guard("hold", "fence"), Some(1)),
        ack(3_000, "link"),
        ack(4_000, "response-hold-fence"),
        clicked(
            5_000,
            Intent::Return { aircraft: 1 },
            Answer::no(Reason::new("refusal.busy")),
        ),
        clicked(6_000, Intent::Return { aircraft: 2 }, Answer::yes()),
        clicked(7_000, Intent::Resume { aircraft: 1 }, Answer::yes()),
        said(9_000, "response", guard("continue", "none"), Some(1)),
        // An officer's own hold is no alarm.
        said(10_000, "response", guard("hold", "officer"), Some(1)),
        said(11_000, "link_lost", json!({}), Some(1)),
        said(15_000, "link_back", json!({}), Some(1)),
    ];
    let (all, more) = alarms(&lines, &Book::default());
    let times_of = |a: &Alarm| (a.kind, a.acknowledged_ms, a.acted_ms, a.closed_ms);
    let told: Vec<_> = all.iter().map(times_of).collect();
    assert_eq!(
        told,
        [
            ("guard", Some(4_000), Some(7_000), Some(9_000)),
            ("link", None, None, Some(15_000))
        ]
    );
    assert_eq!(more, 0);
    let t = times(&all);
    assert_eq!(t.alarms, 2);
    let s = t.closed.unwrap();
    assert_eq!((s.median_s, s.worst_s, s.of), (4.0, 8.0, 2));
    assert_eq!(t.acknowledged.unwrap().of, 1);
}

#[test]
fn one_alarms_name_is_never_taken_for_anothers() {
    let lines = [
        said(1, "no_officer", json!({}), Some(1)),
        said(2, "incident_overdue", json!({"number": 1}), None),
        ack(3, "no-officer-acted"),
        ack(4, "incident-12"),
    ];
    let (all, _) = alarms(&lines, &Book::default());
    assert!(all.iter().all(|a| a.acknowledged_ms.is_none()), "{all:?}");
    let lines = [
        &lines[..],
        &[ack(5, "incident-1-999"), ack(6, "no-officer")],
    ]
    .concat();
    let (all, _) = alarms(&lines, &Book::default());
    let acked: Vec<_> = all.iter().map(|a| a.acknowledged_ms).collect();
    assert_eq!(acked, [Some(6), Some(5)]);
}

fn fix(plane: &LocalPlane, e: f64, t_s: i64, up_m: f64) -> Fix {
    let at = plane.to_latlon(EastNorth::new(e, 0.0)).unwrap();
    Fix {
        utc: Utc(t_s * 1_000_000),
        system: 1,
        lat_deg: at.lat_deg(),
        lon_deg: at.lon_deg(),
        alt_amsl_m: 100.0,
        above_home_m: up_m,
        speed_mps: 10.0,
        heading_deg: None,
        battery_pct: None,
        armed: Some(true),
    }
}

#[test]
fn half_of_a_straight_path_is_half_flown_and_the_ground_does_not_count() {
    let plane = LocalPlane::new(LatLon::from_degrees(27.8, 120.1).unwrap());
    let path = [0.0, 1_000.0].map(|e| plane.to_latlon(EastNorth::new(e, 0.0)).unwrap());
    // Every 10 m to 500 m, a second each; then it is carried home along the rest.
    let mut fixes: Vec<Fix> = (0..=50)
        .map(|n| fix(&plane, f64::from(n) * 10.0, n.into(), 30.0))
        .collect();
    fixes.extend((51..=100).map(|n| fix(&plane, f64::from(n) * 10.0, n.into(), 0.5)));
    let c = coverage(&plane, &path, &fixes).unwrap();
    assert_eq!(c.places, 201);
    // Ten metres farther than it flew count as passed.
    assert!((c.flown_pct - 100.0 * 103.0 / 201.0).abs() < 1.0, "{c:?}");
    // The last pass of a place is the latest fix near it: the first place was last near at 1 s of 50.
    assert!(
        c.age_worst_s.is_some_and(|s| (49.0..=50.0).contains(&s)),
        "{c:?}"
    );
    assert_eq!(coverage(&plane, &path, &[]).unwrap().flown, 0);
    assert_eq!(coverage(&plane, &[], &fixes), None);
}

#[test]
fn sentences_are_the_consoles_own() {
    assert_eq!(code(Lang::Zh, "incident_state", "closed"), "已结案");
    assert_eq!(code(Lang::En, "incident_state", "closed"), "closed");
    let Fact::Event { event: e } = said(
        0,
        "state",
        json!({"state": "returning", "cause": "battery"}),
        Some(1),
    )
    .fact
    else {
        panic!("an event")
    };
    assert_eq!(event(Lang::Zh, &e), "状态：返航中（电量只够返航）");
    let mut p = Map::new();
    p.insert("x".into(), json!(1.25));
    assert_eq!(fill("{x}[ of {y}]; {y}", &p), "1.2; –");
    let both = "南岸观众区 South bank crowd";
    assert_eq!(local_name(Lang::Zh, both), "南岸观众区");
    assert_eq!(local_name(Lang::En, both), "South bank crowd");
    for one in ["南岸", "South bank", "A区 B", "南岸East bank"] {
        assert_eq!(local_name(Lang::En, one), one);
    }
    assert_eq!(fill("open [ {x", &p), "open [ {x");
    assert_eq!(
        esc("<a href='x'>&\u{7}"),
        "&lt;a href=&#39;x&#39;&gt;&amp; "
    );
}
