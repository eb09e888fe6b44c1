//! The desk with several aircraft: whose order, whose plan, whose anomaly, and what the disk has to bear.

use super::tests::{anomaly as stranger, perimeter_plan, state};
use super::*;
use link::frame::{Frame, Msg, Stamper};
use link::journal::MemDisk;
use link::patrol::MavMessage as Patrol;
use link::state::*;
use missions::anomaly::{Anomaly, AnomalyKind};
use missions::plan::hex;
use std::sync::Mutex;

fn at(ms: u64) -> Now {
    Now::new(
        Mono::from_millis(ms),
        Utc(1_790_856_000_000_000 + ms as i64 * 1_000),
    )
}

/// Five aircraft and what each says with.
struct Five {
    desk: Desk,
    stampers: Vec<Stamper>,
}

impl Five {
    fn new(rehearsals: bool) -> Five {
        let config = DeskConfig {
            links: 5,
            rehearsals,
            ..DeskConfig::default()
        };
        Five {
            desk: Desk::new(config, Box::new(MemDisk::default())).unwrap(),
            stampers: (1..=5).map(|n| Stamper::new(n, 191)).collect(),
        }
    }

    fn hear(&mut self, id: u8, ms: u64, m: Patrol) {
        let i = usize::from(id) - 1;
        let f = self.stampers[i].frame(m);
        let bytes = f.bytes();
        self.desk.handle(
            at(ms),
            DeskIn::Bytes {
                link: id - 1,
                bytes,
            },
        );
    }

    fn is_there(&mut self, id: u8, ms: u64, plan_id: Option<u64>) {
        let state = StateReport {
            store_id: 100 + u64::from(id),
            phase: FlightPhase::Patrolling,
            ..state(plan_id, true)
        };
        self.hear(id, ms, state.to_message());
    }

    /// What the desk sent since: aircraft and message.
    fn sent(&mut self) -> Vec<(u8, Patrol)> {
        std::iter::from_fn(|| self.desk.poll())
            .filter_map(|o| match o {
                DeskOut::Bytes { link, bytes } => match Frame::from_bytes(&bytes)?.decode() {
                    Msg::Patrol(m) => Some((link + 1, *m)),
                    _ => None,
                },
                DeskOut::Event(_) => None,
            })
            .collect()
    }

    /// Orders that were sent: whose, and their numbers.
    fn orders(&mut self) -> Vec<(u8, u32)> {
        let orders = self.sent().into_iter().filter_map(|(id, m)| match m {
            Patrol::PATROL_ORDER(d) => Some((id, d.order_id)),
            _ => None,
        });
        orders.collect()
    }

    fn order_state(&self, id: u8) -> String {
        let v = self.desk.aircraft_view(id).unwrap();
        v["order"]["state"].as_str().unwrap_or("").to_owned()
    }
}

fn anomaly(number: u32) -> Anomaly {
    Anomaly {
        number,
        kind: AnomalyKind::PersonInZone,
        rule: "r".into(),
        subject: "zone".into(),
        ..stranger()
    }
}

#[test]
fn hold_all_stops_five_and_each_confirms_for_itself() {
    let mut f = Five::new(false);
    for id in 1..=5 {
        f.is_there(id, 10, None);
    }
    f.orders();
    let a = f
        .desk
        .command(at(20), "k", &Intent::Hold { aircraft: None });
    assert_eq!(a, Answer::yes());
    f.desk.handle(at(40), DeskIn::Tick);
    let orders = f.orders();
    let whose: Vec<u8> = orders.iter().map(|o| o.0).collect();
    assert_eq!(whose, [1, 2, 3, 4, 5]);
    // Three say that they hold; one refuses; one says nothing yet.
    for (id, order) in orders.iter().take(3) {
        f.hear(*id, 100, OrderFate::Done.to_message(*order, None));
    }
    let why = Some(link::codes::Refusal::WrongState);
    f.hear(
        4,
        100,
        OrderFate::Refused { why }.to_message(orders[3].1, None),
    );
    let states: Vec<String> = (1..=5).map(|id| f.order_state(id)).collect();
    assert_eq!(states, ["done", "done", "done", "refused", "sent"]);
}

#[test]
fn one_aircrafts_dead_link_neither_delays_nor_hides_the_others_orders() {
    let mut f = Five::new(false);
    for id in 1..=5 {
        f.is_there(id, 10, None);
    }
    // The third is silent from here on.
    for id in [1, 2, 4, 5] {
        f.is_there(id, 5_000, None);
    }
    f.orders();
    let a = f
        .desk
        .command(at(5_001), "k", &Intent::Hold { aircraft: None });
    assert!(a.accepted, "taken for those that are there");
    let reason = a.reason.unwrap();
    assert_eq!(reason.code, "desk.not_all");
    assert_eq!(reason.params["told"], 4);
    assert_eq!(reason.params["names"], "P3");
    f.desk.handle(at(5_021), DeskIn::Tick);
    let whose: Vec<u8> = f.orders().iter().map(|o| o.0).collect();
    assert_eq!(
        whose,
        [1, 2, 4, 5],
        "within one look, the dead one left out"
    );
    // Its own order is refused, another's goes out at once.
    let hold = |id| Intent::Hold { aircraft: Some(id) };
    let no = f.desk.command(at(5_030), "k3", &hold(3)).reason.unwrap();
    assert_eq!(no.code, "refusal.no_link");
    assert!(f.desk.command(at(5_031), "k4", &hold(4)).accepted);
    f.desk.handle(at(5_052), DeskIn::Tick);
    assert!(f.orders().iter().any(|o| o.0 == 4));
}

#[test]
fn anomalies_and_events_say_whose_they_are_and_one_store_is_not_anothers() {
    let mut f = Five::new(false);
    for id in 1..=5 {
        f.is_there(id, 10, None);
    }
    // The same number from two stores: two anomalies.
    for id in [2, 4] {
        f.hear(id, 20, anomaly_to_message(100 + u64::from(id), &anomaly(1)));
    }
    let receipts: Vec<(u8, u64)> = f
        .sent()
        .into_iter()
        .filter_map(|(id, m)| match m {
            Patrol::PATROL_RECEIPT(d) => Some((id, d.store_id)),
            _ => None,
        })
        .collect();
    assert_eq!(receipts, [(2, 102), (4, 104)]);
    let whose: Vec<u64> = f
        .desk
        .anomaly_views()
        .iter()
        .map(|a| a["aircraft"].as_u64().unwrap())
        .collect();
    assert_eq!(whose, [2, 4]);
    let log = f.desk.snapshot(Utc(0));
    let told: Vec<Option<u64>> = log["log"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["code"] == "anomaly")
        .map(|e| e["aircraft"].as_u64())
        .collect();
    assert_eq!(told, [Some(2), Some(4)]);
}

#[test]
fn each_aircraft_has_its_own_plan_and_needs_the_rehearsal_of_that_one() {
    let mut f = Five::new(true);
    let (one, two) = (perimeter_plan(60.0), perimeter_plan(50.0));
    for (id, plan) in [(1, &one), (2, &two)] {
        let answer = f.desk.load_plan_for(at(5), Some(id), &plan.to_json());
        assert!(answer.accepted);
    }
    assert!(
        !f.desk
            .load_plan_for(at(5), Some(6), &one.to_json())
            .accepted
    );
    let hashes = |f: &Five, id| f.desk.aircraft_view(id).unwrap()["plan"].clone();
    assert_eq!(hashes(&f, 1), hex(&one.hash()));
    assert_eq!(hashes(&f, 2), hex(&two.hash()));
    assert_eq!(hashes(&f, 3), Value::Null);
    let plans = f.desk.snapshot(Utc(0))["plans"].clone();
    let by: Vec<Value> = plans
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["aircraft"].clone())
        .collect();
    assert_eq!(by, [serde_json::json!([1]), serde_json::json!([2])]);
    for (id, plan) in [(1, &one), (2, &two)] {
        f.is_there(id, 10, Some(plan.id()));
        let checks = PreflightReport {
            token: Some(99),
            checks: [(CheckStatus::Pass, None); 12],
        };
        f.hear(id, 11, checks.to_message());
    }
    f.desk.rehearsal(at(12), two.id(), Rehearsing::Waits);
    let passed = Rehearsing::Done {
        passed: true,
        result: serde_json::json!({"name": "p", "blocking": []}),
    };
    f.desk.rehearsal(at(13), one.id(), passed);
    let launch = |aircraft| Intent::Launch {
        aircraft,
        purpose: "show".into(),
        incident: "7".into(),
        pilot: "Li".into(),
    };
    let code = |a: Answer| a.reason.map(|r| r.code);
    assert_eq!(code(f.desk.command(at(14), "", &launch(1))), None);
    let second = code(f.desk.command(at(15), "", &launch(2)));
    assert_eq!(second.as_deref(), Some("desk.not_rehearsed"));
    // Somebody answers for the second one's plan, and for no other's.
    let word = Intent::OverrideRehearsal {
        officer: "Wang".into(),
        reason: "child missing".into(),
        aircraft: Some(2),
    };
    assert!(f.desk.command(at(16), "", &word).accepted);
    assert_eq!(code(f.desk.command(at(17), "", &launch(2))), None);
    let third = code(f.desk.command(at(18), "", &launch(3)));
    assert_eq!(third.as_deref(), Some("desk.no_plan"));
}

/// Counts what a disk is asked to make durable.
#[derive(Default)]
struct Counted {
    disk: MemDisk,
    syncs: Arc<Mutex<BTreeMap<String, usize>>>,
    fails: bool,
}

impl Counted {
    fn count(&self, what: &str) {
        *self.syncs.lock().unwrap().entry(what.into()).or_default() += 1;
    }
}

impl Disk for Counted {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.disk.append(file, bytes)
    }
    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.count(file);
        if self.fails && file == "inbox.log" {
            return Err(DiskError::Io {
                doing: "syncing",
                file: file.into(),
                detail: "full".into(),
            });
        }
        self.disk.sync(file)
    }
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        self.disk.read(file)
    }
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.count(file);
        self.disk.replace(file, bytes)
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.disk.truncate(file, len)
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        self.disk.list()
    }
}

fn flooded(fails: bool) -> (Desk, Arc<Mutex<BTreeMap<String, usize>>>) {
    let disk = Counted {
        fails,
        ..Counted::default()
    };
    let syncs = Arc::clone(&disk.syncs);
    let mut desk = Desk::new(DeskConfig::default(), Box::new(disk)).unwrap();
    let mut s = Stamper::new(1, 191);
    // Two hundred that come before anybody asks what is to be done.
    for n in 1..=200 {
        let f = s.frame(anomaly_to_message(5, &anomaly(n)));
        let bytes = f.bytes();
        desk.handle(at(10), DeskIn::Bytes { link: 0, bytes });
    }
    (desk, syncs)
}

fn receipts(desk: &mut Desk) -> usize {
    std::iter::from_fn(|| desk.poll())
        .filter(|o| match o {
            DeskOut::Bytes { bytes, .. } => Frame::from_bytes(bytes).is_some_and(
                |f| matches!(f.decode(), Msg::Patrol(m) if matches!(*m, Patrol::PATROL_RECEIPT(_))),
            ),
            DeskOut::Event(_) => false,
        })
        .count()
}

#[test]
fn a_flood_of_anomalies_waits_for_the_disk_once_and_every_one_is_receipted_after_it() {
    let (mut desk, syncs) = flooded(false);
    let of = |file: &str| syncs.lock().unwrap().get(file).copied().unwrap_or(0);
    assert_eq!(of("inbox.log"), 0);
    assert!(
        desk.anomaly_views().is_empty(),
        "not shown before it is durable"
    );
    assert_eq!(receipts(&mut desk), 200);
    assert_eq!(of("inbox.log"), 1);
    assert_eq!(desk.anomaly_views().len(), 200);
}

#[test]
fn a_disk_that_cannot_keep_a_flood_receipts_none_of_it() {
    let (mut desk, _) = flooded(true);
    assert_eq!(receipts(&mut desk), 0);
    assert!(desk.anomaly_views().is_empty());
    let log = desk.snapshot(Utc(0))["log"].clone();
    let said = log.as_array().unwrap();
    assert!(said.iter().any(|e| e["code"] == "recorder_failed"));
}

#[test]
fn fifty_signed_links_ask_the_disk_for_their_marks_twice_a_second() {
    let disk = Counted::default();
    let mut times = MemDisk::default();
    let mut disk = disk;
    let keys: Vec<Key> = (1..=50u8).map(|n| Key::new([n; 32])).collect();
    for (n, key) in (1u8..).zip(&keys) {
        let hex = key.to_hex();
        disk.disk.replace(&key_file(n), hex.as_bytes()).unwrap();
    }
    let syncs = Arc::clone(&disk.syncs);
    let config = DeskConfig {
        links: 50,
        ..DeskConfig::default()
    };
    let mut desk = Desk::new(config, Box::new(disk)).unwrap();
    let mut aircraft: Vec<(Stamper, Seal)> = (1u8..)
        .zip(keys)
        .map(|(n, key)| {
            let file = format!("{n}");
            let seal = Seal::open(&mut times, &file, key, n).unwrap();
            (Stamper::new(n, 191), seal)
        })
        .collect();
    let mut run = |desk: &mut Desk, from_ms: u64, until_ms: u64| {
        for ms in (from_ms..until_ms).step_by(100) {
            for (link, (stamper, seal)) in (0u8..).zip(&mut aircraft) {
                seal.tend(at(ms), &mut times);
                let frame = stamper.frame(OrderFate::Done.to_message(1, None));
                let signed = seal.sign(&frame).unwrap();
                let bytes = signed.bytes();
                desk.handle(at(ms), DeskIn::Bytes { link, bytes });
            }
            while desk.poll().is_some() {}
        }
    };
    run(&mut desk, 0, 1_000);
    let all = || syncs.lock().unwrap().values().sum::<usize>();
    let before = all();
    run(&mut desk, 1_000, 11_000);
    let asked = all() - before;
    assert!((5..=40).contains(&asked), "{asked} writes in ten seconds");
    let heard = desk
        .all_aircraft()
        .iter()
        .filter(|a| a.link_up(at(11_000).mono));
    assert_eq!(heard.count(), 50, "and every one was believed");
}
