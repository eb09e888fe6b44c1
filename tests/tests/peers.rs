//! Outside peers that nobody here wrote: pymavlink and MAVSDK as ground stations, pymavlink as reader of our logs and
//! of our dialect, schemathesis as a user of our HTTP API. Each skips where its peer is missing, and says so.

mod started;

use link::frame::Stamper;
use link::patrol;
use link::tlog;
use patrol_tests::{python_with, real_data, workspace_root};
use serde_json::{Value, json};
use started::{Process, udp_ports};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
const LIMIT: Duration = Duration::from_secs(300);

fn dialect() -> PathBuf {
    workspace_root().join("missions/link/patrol_full.xml")
}

/// Runs a peer script, which must pass all its checks. Returns what it printed that is JSON.
fn run(python: &Path, script: &str, arguments: &[&str]) -> Vec<Value> {
    let mut command = Command::new(python);
    command
        .arg(workspace_root().join("tests/peers").join(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let mut peer = Process::of(script, command);
    let end = peer.wait_end(LIMIT);
    assert!(end.success(), "{script}: {end}\n{}", peer.said.join("\n"));
    let answers: Vec<Value> = peer
        .said
        .iter()
        .filter_map(|l| serde_json::from_str(l).ok())
        .collect();
    for a in &answers {
        println!("{a}");
    }
    assert!(!answers.is_empty(), "{script} said nothing");
    answers
}

fn gate(kind: &str) {
    let Some(python) = python_with("pymavlink") else {
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let [autopilot, ground] = udp_ports();
    let autopilot = format!("udp:127.0.0.1:{autopilot}");
    let mut sim = Process::start("sim", &["--as", kind, "--autopilot", &autopilot]);
    sim.wait_line("ready", SOON);
    let mut onboard = Process::start(
        "onboard",
        &[
            "--autopilot",
            &autopilot,
            "--ground",
            &format!("udp-listen:127.0.0.1:{ground}"),
            "--store",
            store.path().to_str().unwrap(),
        ],
    );
    onboard.wait_line("Ground(0) on", SOON);
    run(
        &python,
        "pymavlink_gate.py",
        &[
            "--link",
            &format!("udpout:127.0.0.1:{ground}"),
            "--as",
            kind,
        ],
    );
}

#[test]
fn pymavlink_meets_the_gate_before_px4() {
    gate("px4");
}

#[test]
fn pymavlink_meets_the_gate_before_ardupilot() {
    gate("ardupilot");
}

/// MAVSDK and the simulator, nobody in between; eight times as fast as real time.
fn mavsdk(kind: &str) {
    let Some(python) = python_with("mavsdk") else {
        return;
    };
    let [port] = udp_ports();
    let mut sim = Process::start(
        "sim",
        &[
            "--as",
            kind,
            "--speed",
            "8",
            "--autopilot",
            &format!("udp:127.0.0.1:{port}"),
        ],
    );
    sim.wait_line("ready", SOON);
    run(
        &python,
        "mavsdk_flight.py",
        &[
            "--link",
            &format!("udpin://127.0.0.1:{port}"),
            "--as",
            kind,
            "--speed",
            "8",
        ],
    );
}

#[test]
fn mavsdk_flies_the_simulator_as_px4() {
    mavsdk("px4");
}

#[test]
fn mavsdk_flies_the_simulator_as_ardupilot() {
    mavsdk("ardupilot");
}

/// MAVSDK with the companion in between, in real time.
fn mavsdk_gated(kind: &str) {
    let Some(python) = python_with("mavsdk") else {
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let [autopilot, ground] = udp_ports();
    let autopilot = format!("udp:127.0.0.1:{autopilot}");
    let mut sim = Process::start("sim", &["--as", kind, "--autopilot", &autopilot]);
    sim.wait_line("ready", SOON);
    let mut onboard = Process::start(
        "onboard",
        &[
            "--autopilot",
            &autopilot,
            "--ground",
            &format!("udp:127.0.0.1:{ground}"),
            "--store",
            store.path().to_str().unwrap(),
        ],
    );
    onboard.wait_line("Ground(0) on", SOON);
    run(
        &python,
        "mavsdk_flight.py",
        &[
            "--link",
            &format!("udpin://127.0.0.1:{ground}"),
            "--as",
            kind,
            "--gated",
        ],
    );
}

#[test]
fn mavsdk_flies_through_the_companion_as_px4() {
    mavsdk_gated("px4");
}

#[test]
fn mavsdk_flies_through_the_companion_as_ardupilot() {
    mavsdk_gated("ardupilot");
}

/// MAVProxy, the program, with the companion in between; `trust`: of the ground line.
fn mavproxy(kind: &str, trust: &str) {
    let Some(python) = python_with("MAVProxy") else {
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let store_path = store.path().to_str().unwrap();
    if trust == "signed" {
        let mut key = Process::start("onboard", &["--store", store_path, "key", "new"]);
        assert!(key.wait_end(SOON).success(), "{:?}", key.said);
    }
    let [autopilot, ground] = udp_ports();
    let autopilot = format!("udp:127.0.0.1:{autopilot}");
    let mut sim = Process::start("sim", &["--as", kind, "--autopilot", &autopilot]);
    sim.wait_line("ready", SOON);
    let mut onboard = Process::start(
        "onboard",
        &[
            "--autopilot",
            &autopilot,
            "--ground",
            &format!("udp-listen:127.0.0.1:{ground}"),
            "--trust",
            trust,
            "--store",
            store_path,
        ],
    );
    onboard.wait_line("Ground(0) on", SOON);
    let link = format!("udpout:127.0.0.1:{ground}");
    let mut arguments = vec!["--link", &link, "--as", kind];
    if trust == "signed" {
        arguments.push("--dropped");
    }
    run(&python, "mavproxy_flight.py", &arguments);
    if trust == "signed" {
        onboard.wait_line("unsigned frames dropped", SOON);
    }
}

#[test]
fn mavproxy_flies_through_the_companion_as_px4() {
    mavproxy("px4", "wired-lab");
}

#[test]
fn mavproxy_flies_through_the_companion_as_ardupilot() {
    mavproxy("ardupilot", "wired-lab");
}

#[test]
fn mavproxy_is_dropped_on_a_signed_line() {
    mavproxy("px4", "signed");
}

/// Message counts by id of one log, ours against pymavlink's.
fn same_counts(python: &Path, file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let mut ours: BTreeMap<String, u64> = BTreeMap::new();
    for (_, frame) in tlog::Reader::new(&bytes) {
        *ours.entry(frame.header().msg_id.to_string()).or_default() += 1;
    }
    let answer = run(
        python,
        "tlog_counts.py",
        &[file.to_str().unwrap(), dialect().to_str().unwrap()],
    );
    let theirs: BTreeMap<String, u64> = answer
        .last()
        .and_then(Value::as_object)
        .unwrap()
        .iter()
        .map(|(id, v)| (id.clone(), v["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(ours, theirs, "{}", file.display());
    assert!(
        ours.values().sum::<u64>() > 1000,
        "{}: hardly anything in it",
        file.display()
    );
}

#[test]
fn our_recording_opens_in_pymavlink_with_equal_message_counts() {
    let Some(python) = python_with("pymavlink") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("flight");
    let mut demo = Process::start(
        "ground-station",
        &[
            "demo",
            "--headless",
            "--as",
            "px4",
            "--seed",
            "7",
            "--speed",
            "max",
            "--out",
            out.to_str().unwrap(),
        ],
    );
    let end = demo.wait_end(LIMIT);
    assert!(end.success(), "{end}: {}", demo.said.join("\n"));
    same_counts(&python, &out.join("flight.tlog"));
    is_heard_as_if_it_flew(&python, &out);
}

/// A recording that is played is watched over MAVLink like an aircraft that flies: its own positions, in their order; and it
/// answers nothing.
fn is_heard_as_if_it_flew(python: &Path, flight: &Path) {
    let [port, _] = udp_ports();
    let mut replay = Process::start(
        "ground-station",
        &[
            "replay",
            flight.to_str().unwrap(),
            "--http",
            "127.0.0.1:0",
            "--speed",
            "16",
            "--mavlink",
            &format!("udp:127.0.0.1:{port}"),
        ],
    );
    replay.wait_line("replay", SOON);
    let answer = run(python, "watch_replay.py", &[&port.to_string(), "6"]);
    let heard = answer.last().unwrap();
    assert_eq!(
        (&heard["autopilot"], &heard["type"]),
        (&json!(12), &json!(2)),
        "PX4, a quadrotor"
    );
    let bytes = std::fs::read(flight.join("flight.tlog")).unwrap();
    let mut flown: Vec<Value> = Vec::new();
    for (_, frame) in tlog::Reader::new(&bytes) {
        if let link::frame::Msg::Common(m) = frame.decode()
            && let link::common::MavMessage::GLOBAL_POSITION_INT(p) = *m
        {
            flown.push(json!([p.time_boot_ms, p.lat, p.lon, p.relative_alt]));
        }
    }
    let places = heard["places"].as_array().unwrap();
    assert!(places.len() > 50, "{} places", places.len());
    let mut rest = flown.iter();
    assert!(
        places.iter().all(|p| rest.any(|f| f == p)),
        "a place that was never flown, or out of order"
    );
    for answered in ["PARAM_VALUE", "COMMAND_ACK"] {
        let recorded = tlog::Reader::new(&bytes).filter(|(_, f)| match f.decode() {
            link::frame::Msg::Common(m) => match *m {
                link::common::MavMessage::PARAM_VALUE(_) => answered == "PARAM_VALUE",
                link::common::MavMessage::COMMAND_ACK(_) => answered == "COMMAND_ACK",
                _ => false,
            },
            _ => false,
        });
        let heard = heard["counts"][answered].as_u64().unwrap_or(0);
        assert!(
            heard <= recorded.count() as u64,
            "a recording answers {answered}"
        );
    }
    assert!(replay.stop().success());
}

#[test]
fn real_captures_count_the_same_in_pymavlink_and_here() {
    let Some(python) = python_with("pymavlink") else {
        return;
    };
    let Some(data) = real_data() else { return };
    for name in ["px4_probe.tlog", "ap_probe.tlog"] {
        same_counts(&python, &data.join("captures").join(name));
    }
}

#[test]
fn pymavlinks_generator_takes_our_dialect_and_decodes_our_frames() {
    let Some(python) = python_with("pymavlink") else {
        return;
    };
    let mut stamper = Stamper::new(1, 191);
    let receipt = patrol::MavMessage::PATROL_RECEIPT(patrol::PATROL_RECEIPT_DATA {
        store_id: 0x0123_4567_89ab_cdef,
        number: 77,
    });
    let order = patrol::MavMessage::PATROL_ORDER(patrol::PATROL_ORDER_DATA {
        plan_id: 5,
        order_id: 9,
        token: 11,
        lat: 277_870_000,
        lon: 1_200_910_000,
        alt_above_home_m: 42.5,
        valid_ms: 5000,
        age_ms: 120,
        target_system: 1,
        kind: 6,
    });
    let chunk = patrol::MavMessage::PATROL_BLOB_CHUNK(patrol::PATROL_BLOB_CHUNK_DATA {
        transfer: 3,
        index: 4,
        kind: 2,
        len: 200,
        data: std::array::from_fn(|i| i as u8),
    });
    let refusal = patrol::MavMessage::PATROL_REFUSAL(patrol::PATROL_REFUSAL_DATA {
        lat: -1,
        lon: 2,
        value: 28.5,
        item: 3,
        reason: 1,
        what: 2,
        text: "item 3: its leg leaves the fence by 29 m".into(),
    });
    let expected = json!([
        {"name": "PATROL_RECEIPT", "fields": {"store_id": 0x0123_4567_89ab_cdef_u64, "number": 77}},
        {"name": "PATROL_ORDER", "fields": {"plan_id": 5, "order_id": 9, "token": 11, "lat": 277_870_000, "lon": 1_200_910_000,
            "alt_above_home_m": 42.5, "valid_ms": 5000, "age_ms": 120, "target_system": 1, "kind": 6}},
        {"name": "PATROL_BLOB_CHUNK", "fields": {"transfer": 3, "index": 4, "kind": 2, "len": 200, "data": (0..200).collect::<Vec<u8>>()}},
        {"name": "PATROL_REFUSAL", "fields": {"lat": -1, "lon": 2, "value": 28.5, "item": 3, "reason": 1, "what": 2,
            "text": "item 3: its leg leaves the fence by 29 m"}},
    ]);
    let bytes: Vec<u8> = [receipt, order, chunk, refusal]
        .into_iter()
        .flat_map(|m| stamper.frame(m).bytes().to_vec())
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let (frames, wanted) = (dir.path().join("frames"), dir.path().join("expected.json"));
    std::fs::write(&frames, bytes).unwrap();
    std::fs::write(&wanted, expected.to_string()).unwrap();
    run(
        &python,
        "mavgen_dialect.py",
        &[
            dialect().to_str().unwrap(),
            frames.to_str().unwrap(),
            wanted.to_str().unwrap(),
        ],
    );
}

/// How long the scan of the HTTP API may take, seconds; together with what surrounds it below a minute.
const SCAN_S: &str = "40";

/// Thousands of requests by the API's own document, as nobody and as somebody with every role: none is answered 5xx.
#[test]
fn a_scan_of_the_http_api_by_its_own_document_finds_no_server_error() {
    let Some(python) = python_with("schemathesis") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let mut station = Process::start(
        "ground-station",
        &[
            "serve",
            "--json",
            "--http",
            "127.0.0.1:0",
            "--link",
            "udp-listen:127.0.0.1:0",
            "--people",
            &at("people.json"),
            "--store",
            &at("store"),
            "--record",
            &at("flights"),
        ],
    );
    station.wait_line("first_code", SOON);
    let said: Value = serde_json::from_str(station.said.last().unwrap()).unwrap();
    let (url, code) = (&said["console"], &said["first_code"]);
    let answers = run(
        &python,
        "scan_api.py",
        &[url.as_str().unwrap(), code.as_str().unwrap(), SCAN_S],
    );
    assert_eq!(answers.len(), 2);
    for (who, answer) in ["nobody", "every role"].iter().zip(&answers) {
        assert_eq!(answer["who"], *who);
        let of = |status: &str| answer["answers"][status].as_u64().unwrap_or(0);
        assert!(answer["asked"].as_u64() > Some(500), "too little: {answer}");
        // Nobody is told to log in, and somebody with every role never has to be.
        let (turned_away, let_in) = (of("401"), of("200"));
        if *who == "nobody" {
            assert!(turned_away > let_in, "{answer}");
        } else {
            assert!(let_in > 100 && let_in > turned_away, "{answer}");
        }
    }
    assert!(station.stop().success());
}
