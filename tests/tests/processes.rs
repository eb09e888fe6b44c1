//! Three real processes, started as a person starts them, in real time: simulator, companion, ground station.
//!
//! `plan` draws a small patrol, `fly` puts it on the aircraft, launches it and watches it to the ground; over UDP and
//! over serial lines (pseudo-terminals). About two and a half minutes each, at the same time.

mod started;

use patrol_tests::workspace_root;
use started::{Cable, Process, tcp_port, udp_ports};
use std::path::Path;
use std::time::Duration;

/// When the simulator's evening begins.
const EVENING: &str = "2026-10-01T12:02:00Z";
/// The patrol takes some 100 s, the autopilot's start some 40.
const LIMIT: Duration = Duration::from_secs(300);
/// What the simulated aircraft broadcasts about itself.
const OWN_REMOTE_ID: &str = "SIMACPATROL000001";
const SOON: Duration = Duration::from_secs(20);

fn venue() -> String {
    let path = workspace_root().join("tests/data/small-field.geojson");
    path.to_str().unwrap().to_owned()
}

fn plan(dir: &Path) -> String {
    let out = dir.join("plan.json");
    let out = out.to_str().unwrap();
    let venue = venue();
    let vehicle = workspace_root().join("missions/vehicles/quad-x4.toml");
    let mut plan = Process::start(
        "ground-station",
        &[
            "plan",
            &venue,
            "--pattern",
            "perimeter",
            "--altitude",
            "15",
            "--offset",
            "35",
            "--launch-from",
            EVENING,
            "--vehicle",
            vehicle.to_str().unwrap(),
            "-o",
            out,
        ],
    );
    assert!(plan.wait_end(SOON).success(), "{:?}", plan.said);
    out.to_owned()
}

/// Lines as each program is given them.
struct Lines {
    sim: String,
    onboard_autopilot: String,
    onboard_ground: String,
    ground: String,
}

fn fly(kind: &str, lines: &Lines) {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let plan = plan(dir.path());
    let [sensor] = udp_ports();
    let camera = tcp_port();
    let mut sim = Process::start(
        "sim",
        &[
            "--as",
            kind,
            "--venue",
            &venue(),
            "--autopilot",
            &lines.sim,
            "--camera",
            &format!("tcp-listen:127.0.0.1:{camera}"),
            "--sensor",
            &format!("udp:127.0.0.1:{sensor}"),
        ],
    );
    sim.wait_line("ready", SOON);
    // The aircraft hears its own broadcast, and is told that it is its own.
    let settings = at("onboard.toml");
    std::fs::write(
        &settings,
        format!("[settings]\nown_remote_id = '{OWN_REMOTE_ID}'\n"),
    )
    .unwrap();
    let mut onboard = Process::start(
        "onboard",
        &[
            "--config",
            &settings,
            "--autopilot",
            &lines.onboard_autopilot,
            "--ground",
            &lines.onboard_ground,
            "--trust",
            "wired-lab",
            "--store",
            &at("aircraft"),
            "--camera",
            &format!("tcp:127.0.0.1:{camera}"),
            "--sensor",
            &format!("udp:127.0.0.1:{sensor}"),
        ],
    );
    onboard.wait_line("Ground(0) on", SOON);
    let mut ground = Process::start(
        "ground-station",
        &[
            "fly",
            &plan,
            "--yes",
            "--link",
            &lines.ground,
            "--store",
            &at("ground"),
            "--record",
            &at("flights"),
        ],
    );
    ground.wait_line("read back equal", Duration::from_secs(60));
    ground.wait_line("launching", Duration::from_secs(120));
    ground.wait_line("in the air", Duration::from_secs(60));
    ground.wait_line("landed", LIMIT);
    let end = ground.wait_end(Duration::from_secs(120));
    assert!(
        end.success(),
        "{end}: {}\nonboard: {}",
        ground.said.join("\n"),
        onboard.said.join("\n")
    );
    let heard_itself = |l: &&String| l.contains("anomaly") && l.contains(OWN_REMOTE_ID);
    assert_eq!(ground.said.iter().find(heard_itself), None);
    assert!(
        sim.stop().success(),
        "the simulator ends cleanly: {:?}",
        sim.said
    );
    assert!(
        onboard.stop().success(),
        "the companion ends cleanly: {:?}",
        onboard.said
    );
}

#[test]
fn a_patrol_is_flown_by_three_processes_over_udp() {
    let [autopilot, ground] = udp_ports();
    fly(
        "px4",
        &Lines {
            sim: format!("udp:127.0.0.1:{autopilot}"),
            onboard_autopilot: format!("udp:127.0.0.1:{autopilot}"),
            onboard_ground: format!("udp:127.0.0.1:{ground}"),
            ground: format!("udp-listen:127.0.0.1:{ground}"),
        },
    );
}

#[test]
fn a_patrol_is_flown_by_three_processes_over_serial_lines() {
    let (autopilot, radio) = (Cable::new(), Cable::new());
    let serial = |path: &Path, baud: u32| format!("serial:{}:{baud}", path.display());
    fly(
        "ardupilot",
        &Lines {
            sim: serial(&autopilot.a, 921_600),
            onboard_autopilot: serial(&autopilot.b, 921_600),
            onboard_ground: serial(&radio.a, 57_600),
            ground: serial(&radio.b, 57_600),
        },
    );
}
