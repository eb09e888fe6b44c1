//! Incidents and patrols at the console over real sockets, beside an aircraft that is played by hand.

use super::tests::{Page, command, post, request, soon, with_console, with_replay};
use crate::desk::tests::state;
use crate::evidence::io::{Folder, Syncing};
use crate::evidence::verify::{Asked, verify};
use crate::incidents::{Book, State};
use crate::record::tests::{anomaly_frame, second_of_flight};
use crate::record::{find, line, read_folder};
use crate::report;
use link::common::{HEARTBEAT_DATA, MavAutopilot, MavMessage as Common, MavModeFlag};
use link::frame::{Frame, Framer, Msg, Stamper};
use link::patrol::MavMessage as Patrol;
use link::state::{CauseWord, FlightPhase, OrderFate};
use missions::time::Mono;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A page and an aircraft that it knows.
async fn met(at: SocketAddr, line: TcpStream) -> (Page, Craft) {
    let mut page = Page::open(at).await;
    page.snapshot().await;
    let mut craft = Craft::new(line);
    craft.second().await;
    page.until("the aircraft", |v| {
        (v["event"]["code"] == "aircraft_found").then_some(())
    })
    .await;
    (page, craft)
}

/// The aircraft's end of the line.
struct Craft {
    line: TcpStream,
    framer: Framer,
    autopilot: Stamper,
    companion: Stamper,
    seconds: u64,
}

impl Craft {
    fn new(line: TcpStream) -> Craft {
        Craft {
            line,
            framer: Framer::new(),
            autopilot: Stamper::new(1, 1),
            companion: Stamper::new(1, 191),
            seconds: 0,
        }
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.line.write_all(bytes).await.unwrap();
    }

    async fn second(&mut self) {
        let bytes = second_of_flight(&mut self.autopilot, self.seconds);
        self.seconds += 1;
        self.say(&bytes).await;
    }

    async fn disarm(&mut self) {
        let m = Common::HEARTBEAT(HEARTBEAT_DATA {
            autopilot: MavAutopilot::MAV_AUTOPILOT_PX4,
            base_mode: MavModeFlag::MAV_MODE_FLAG_CUSTOM_MODE_ENABLED,
            ..HEARTBEAT_DATA::default()
        });
        let bytes = self.autopilot.frame(m).bytes().to_vec();
        self.say(&bytes).await;
    }

    async fn phase(&mut self, phase: FlightPhase, cause: CauseWord) {
        let mut s = state(None, true);
        (s.phase, s.cause) = (phase, cause);
        let bytes = self.companion.frame(s.to_message()).bytes().to_vec();
        self.say(&bytes).await;
    }

    /// The next order that comes, by its number.
    async fn order(&mut self) -> u32 {
        let mut buf = [0u8; 4096];
        loop {
            while let Some(f) = self.framer.next_frame() {
                if let Msg::Patrol(m) = Frame::decode(&f)
                    && let Patrol::PATROL_ORDER(d) = *m
                {
                    return d.order_id;
                }
            }
            let n = soon("an order", self.line.read(&mut buf)).await.unwrap();
            self.framer.push(Mono::ZERO, &buf[..n]);
        }
    }

    async fn answer(&mut self, order: u32, fate: OrderFate) {
        let bytes = self
            .companion
            .frame(fate.to_message(order, None))
            .bytes()
            .to_vec();
        self.say(&bytes).await;
    }
}

async fn step(at: SocketAddr, key: &str, about: Option<u64>, by: &str, step: Value) -> Value {
    let body = json!({"key": key, "about": about, "by": by, "step": step});
    post(at, "/api/step", &body).await
}

async fn incident(page: &mut Page, what: &str, state: &str) -> Value {
    page.until(what, |v| {
        (v["type"] == "incident" && v["incident"]["state"] == state).then(|| v["incident"].clone())
    })
    .await
}

#[test]
fn an_anomaly_becomes_an_incident_that_an_aircraft_looks_at_and_another_person_reviews() {
    let dir = tempfile::tempdir().unwrap();
    with_console(dir.path(), |at, line| async move {
        let mut page = Page::open(at).await;
        assert_eq!(page.snapshot().await["incidents"], json!([]));
        let mut craft = Craft::new(line);
        craft.second().await;
        let bytes = anomaly_frame(&mut craft.companion, 1);
        craft.say(&bytes).await;
        let anomaly = page
            .until("the anomaly", |v| {
                (v["type"] == "anomaly").then(|| v["anomaly"].clone())
            })
            .await;
        let id = &anomaly["id"];
        // Not before it is confirmed.
        let from = json!({"kind": "open", "anomaly": id, "priority": "notice", "lat_deg": 1, "lon_deg": 2});
        let no = step(at, "early", None, "", from.clone()).await;
        assert_eq!(no["reason"]["code"], "incident.anomaly_open");
        let seen =
            json!({"kind": "acknowledge", "alarm": format!("anomaly:{}", id.as_str().unwrap())});
        assert_eq!(command(at, "seen", seen).await["accepted"], true);
        let confirm = json!({"kind": "confirm", "anomaly": id});
        assert_eq!(command(at, "confirm", confirm).await["accepted"], true);
        let opened = incident(&mut page, "the incident", "open").await;
        assert_eq!(
            (&opened["number"], &opened["opened_by"]),
            (&json!(1), &json!("tester"))
        );
        // Place, priority and picture are the anomaly's, whatever a page says.
        assert_eq!(
            opened["at"],
            json!([anomaly["lon_deg"], anomaly["lat_deg"]])
        );
        assert_eq!(opened["priority"], anomaly["priority"]);
        assert_eq!(opened["seen"][0]["picture"], anomaly["picture"]);
        // It is in an incident now: neither another one nor a dismissal.
        let twice = step(at, "twice", None, "", from).await;
        assert_eq!(twice["reason"]["code"], "incident.anomaly_taken");
        let dismiss = json!({"kind": "dismiss", "anomaly": id, "reason": "animal"});
        let no = command(at, "dismiss", dismiss).await;
        assert_eq!(no["reason"]["code"], "incident.anomaly_taken");

        // An aircraft that is not there, then one that refuses, then goes and is there.
        let due_ms = opened["opened_ms"].as_i64().unwrap() + 600_000;
        let fly = |aircraft: u8| json!({"kind": "task", "to": {"aircraft": aircraft}, "owner": "王建国", "due_ms": due_ms});
        let no = step(at, "p9", Some(1), "", fly(9)).await;
        assert_eq!(no["reason"]["code"], "desk.no_aircraft");
        craft.second().await;
        let sent = step(at, "p1", Some(1), "", fly(1)).await;
        assert_eq!(sent["accepted"], true, "{sent}");
        let order = craft.order().await;
        craft.answer(order, OrderFate::Refused { why: None }).await;
        let back = incident(&mut page, "open again", "open").await;
        assert_eq!(back["tasks"][0]["state"], "refused");
        assert_eq!(
            step(at, "p1 again", Some(1), "", fly(1)).await["accepted"],
            true
        );
        // Asked again with the same key, nothing flies twice.
        assert_eq!(
            step(at, "p1 again", Some(1), "", fly(1)).await["accepted"],
            true
        );
        let mut second = craft.order().await;
        while second == order {
            second = craft.order().await;
        }
        craft.answer(second, OrderFate::Accepted).await;
        craft.answer(second, OrderFate::Done).await;
        let there = incident(&mut page, "on scene", "on_scene").await;
        assert_eq!(there["tasks"].as_array().unwrap().len(), 2);

        let outcome = json!({"kind": "outcome", "outcome": "warned", "words": "劝离 <b>"});
        assert_eq!(
            step(at, "o", Some(1), "王建国", outcome).await["accepted"],
            true
        );
        let review = json!({"kind": "review", "agree": true});
        let own = step(at, "r1", Some(1), "王建国", review.clone()).await;
        assert_eq!(own["reason"]["code"], "incident.same_person");
        assert_eq!(
            step(at, "r2", Some(1), "赵敏", review).await["accepted"],
            true
        );
        assert_eq!(
            step(at, "c", Some(1), "王建国", json!({"kind": "close"})).await["accepted"],
            true
        );
        incident(&mut page, "closed", "closed").await;
        let (status, _, body) = request(at, "GET", "/api/incidents/1", &[], "").await;
        let whole: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, whole["deeds"].as_array().unwrap().len()), (200, 8));
        let (_, _, body) = request(at, "GET", "/api/incidents?before=2", &[], "").await;
        let older: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(older["incidents"][0]["number"], 1);
        assert_eq!(request(at, "GET", "/api/incidents/2", &[], "").await.0, 404);

        // None while it is in the air. Then one of what was recorded so far: it does not claim that this is all.
        let (_, _, body) = request(at, "GET", "/api/report", &[], "").await;
        let no: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(no["reason"]["code"], "report.in_flight");
        craft.disarm().await;
        page.until("disarmed", |v| {
            (v["event"]["code"] == "disarmed").then_some(())
        })
        .await;
        let (status, head, body) = request(at, "GET", "/api/report?lang=en", &[], "").await;
        let page = String::from_utf8(body).unwrap();
        assert_eq!(status, 200);
        assert!(
            head.contains("style-src 'sha256-") && !head.contains("'self'"),
            "{head}"
        );
        assert!(page.contains("never closed") && !page.contains("intact and complete"));
    });
    let folder = find(&dir.path().join("flight")).unwrap();
    let verified = verify(
        &Folder::open(&folder, Syncing::Always).unwrap(),
        &Asked::default(),
    )
    .unwrap();
    assert!(verified.is_complete(), "{verified:?}");
    // The record alone gives the same incident.
    let (lines, bad) = line::read(&read_folder(&folder).unwrap().events);
    let mut book = Book::default();
    for l in &lines {
        if let line::Fact::Incident { deed } = &l.fact {
            book.take(deed).unwrap();
        }
    }
    assert_eq!((bad, book.incident(1).unwrap().state), (0, State::Closed));

    // And so does the report, in both languages, and claims completeness as verify does.
    let (figures, facts, plan) = report::io::read(&folder).unwrap();
    assert_eq!(figures.record_state, "complete");
    let a = &figures.alarms[0];
    assert_eq!((a.kind, a.number), ("anomaly", Some(1)));
    assert!(
        a.acknowledged_ms.is_some() && a.acted_ms.is_some() && a.closed_ms.is_some(),
        "{a:?}"
    );
    let looks: Vec<_> = figures.orders.iter().filter(|o| o.kind == "look").collect();
    assert_eq!(looks.len(), 2, "{:?}", figures.orders);
    assert_eq!(
        (looks[0].by.as_str(), looks[1].fate.as_deref()),
        ("tester", Some("order_done"))
    );
    for (lang, closed) in [(report::Lang::Zh, "已结案"), (report::Lang::En, "closed")] {
        let page = report::page(
            &figures,
            &facts,
            plan.as_deref(),
            report::How {
                lang,
                ahead_min: 480,
            },
        );
        assert!(
            page.contains(closed) && page.contains("UTC+08:00") && page.contains("劝离 &lt;b&gt;"),
            "{lang:?}"
        );
        for asks in [
            "<script",
            "href",
            "src=\"http",
            "url(",
            "<link",
            "@import",
            "{n}",
            "<b>",
        ] {
            assert!(!page.contains(asks), "{asks} in the report");
        }
    }
    // The replay shows it too, and changes nothing.
    with_replay(&folder, |at| async move {
        let mut page = Page::open(at).await;
        let end = page.snapshot().await["replay"]["end_ms"].clone();
        let seek = json!({"kind": "replay", "op": "seek", "value": end});
        assert_eq!(command(at, "b", seek).await["accepted"], true);
        assert_eq!(page.snapshot().await["incidents"][0]["state"], "closed");
        let (_, _, body) = request(at, "GET", "/api/incidents/1", &[], "").await;
        let whole: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(whole["deeds"].as_array().unwrap().len(), 8);
        let no = step(
            at,
            "x",
            Some(1),
            "",
            json!({"kind": "reopen", "words": "x"}),
        )
        .await;
        assert_eq!(no["reason"]["code"], "desk.replay_only");
        let (status, _, body) = request(at, "GET", "/api/report?lang=zh-CN", &[], "").await;
        assert_eq!(status, 200);
        assert!(String::from_utf8(body).unwrap().contains("完整，未被改动"));
    });
}

#[test]
fn an_order_that_no_aircraft_answers_leaves_the_incident_open_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    with_console(dir.path(), |at, line| async move {
        let (mut page, _craft) = met(at, line).await;
        let open = json!({"kind": "open", "words": "有人翻越护栏", "priority": "high", "lat_deg": 27.786, "lon_deg": 120.091});
        assert_eq!(step(at, "o", None, "", open).await["number"], 1);
        let due_ms = incident(&mut page, "the incident", "open").await["due_ms"].clone();
        let fly =
            json!({"kind": "task", "to": {"aircraft": 1}, "owner": "王建国", "due_ms": due_ms});
        assert_eq!(
            step(at, "t", Some(1), "", fly.clone()).await["accepted"],
            true
        );
        incident(&mut page, "sent", "tasked").await;
        let back = incident(&mut page, "open again", "open").await;
        assert_eq!(back["tasks"][0]["code"], "desk.not_delivered");
        // The same key again says what became of it.
        let again = step(at, "t", Some(1), "", fly).await;
        assert_eq!(again["reason"]["code"], "desk.not_delivered", "{again}");
    });
}

#[test]
fn a_flight_that_ends_marks_its_patrol_and_the_schedule_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    with_console(dir.path(), |at, line| async move {
        let (mut page, mut craft) = met(at, line).await;
        let made = post(
            at,
            "/api/plan/make",
            &json!({"pattern": "perimeter", "alt_m": 60}),
        )
        .await;
        assert_eq!(made["accepted"], true, "{made}");
        let name = page
            .until("the plan", |v| {
                v["plan"]["name"].as_str().map(str::to_owned)
            })
            .await;
        let add = json!({"kind": "patrol_add", "name": "江堤", "plan": name, "owner": "李娜", "every_min": 60});
        assert_eq!(step(at, "a", None, "", add).await["number"], 1);
        let flown = |v: &Value, whole: bool| {
            let of = if whole { "last" } else { "broken_off" };
            (v["type"] == "patrol" && !v["patrol"][of].is_null()).then(|| v["patrol"].clone())
        };
        // Broken off: written down, and still due.
        craft.phase(FlightPhase::Ready, CauseWord::None).await;
        craft.phase(FlightPhase::TakingOff, CauseWord::None).await;
        let (status, _, _) = request(at, "GET", "/api/hello", &[], "").await;
        assert_eq!(status, 200);
        craft
            .phase(FlightPhase::Returning, CauseWord::Officer)
            .await;
        craft.phase(FlightPhase::Ready, CauseWord::None).await;
        let p = page.until("broken off", |v| flown(v, false)).await;
        assert!(p["last"].is_null(), "{p}");
        // To its end, with something found on the way.
        craft.phase(FlightPhase::TakingOff, CauseWord::None).await;
        let bytes = anomaly_frame(&mut craft.companion, 1);
        craft.say(&bytes).await;
        craft
            .phase(FlightPhase::Returning, CauseWord::PlanComplete)
            .await;
        // While it is in the air there is no report.
        let refused = page.until("returning", |v| {
            (v["event"]["params"]["state"] == "returning").then_some(())
        });
        refused.await;
        let (_, _, body) = request(at, "GET", "/api/report", &[], "").await;
        let no: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(no["reason"]["code"], "report.in_flight", "{no}");
        craft.phase(FlightPhase::Ready, CauseWord::None).await;
        let p = page.until("flown", |v| flown(v, true)).await;
        assert_eq!(
            (&p["last"]["by"], &p["last"]["anomalies"]),
            (&json!("P1"), &json!(1))
        );
        assert!(p["last"]["flight"].as_str().unwrap().len() == 32, "{p}");
        let due_ms = p["last"]["t_ms"].as_i64().unwrap() + 60_000;
        let found =
            json!({"kind": "found", "words": "护栏缺口", "mender": "市政", "due_ms": due_ms});
        assert_eq!(step(at, "f", Some(1), "", found).await["accepted"], true);
    });
    with_console(dir.path(), |at, _line| async move {
        let mut page = Page::open(at).await;
        let patrols = page.snapshot().await["patrols"].clone();
        assert_eq!(patrols[0]["name"], "江堤");
        assert_eq!(patrols[0]["findings"][0]["mender"], "市政");
        assert_eq!(patrols[0]["last"]["whole"], true);
    });
}
