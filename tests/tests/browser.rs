//! The console in a real browser: the live demonstration from launch to return, then its recording as a replay; and an
//! officer planning on the ground; and people who log in, whose locked screen stops no flight.
//!
//! Starts the ground station as a person would, reads the page's address from what it prints, and lets
//! `tests/browser/*.spec.mjs` drive headless Chromium. Screenshots stay in `target/console`.

mod started;

use ground_station::people::store::People;
use ground_station::people::{self, Role};
use link::journal::Disk;
use missions::anomaly::{Anomaly, AnomalyKind, Ellipse, Priority};
use missions::time::Utc;
use missions::venue::Venue;
use patrol_tests::{skip, workspace_root};
use sha2::{Digest, Sha256};
use started::{Process, tcp_port, udp_ports};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// A seed whose first anomaly comes early enough for a test in real time.
const SEED: &str = "7";

/// Stories on the ground go one after the other, beside the one that flies: three browsers, simulators and stations at once
/// starve the flight that a story watches.
static GROUND: Mutex<()> = Mutex::new(());

/// A running ground station; stopped in the end, however the test ends.
struct Station {
    child: Child,
    url: String,
    /// The code that makes the first admin, where people log in.
    first_code: Option<String>,
}

impl Station {
    fn start(args: &[&str], cwd: &Path) -> Station {
        let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
            .arg("ground-station")
            .args(args)
            .args(["--json", "--http", "127.0.0.1:0"])
            .current_dir(cwd)
            .env("PATROL_GROUND_KEY", cwd.join("station.key"))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the ground station starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let (url, first_code) = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|l| {
                let said: serde_json::Value = serde_json::from_str(&l).ok()?;
                let url = said["console"].as_str()?.to_owned();
                Some((url, said["first_code"].as_str().map(str::to_owned)))
            })
            .expect("it prints where the page is");
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Station {
            child,
            url,
            first_code,
        }
    }

    /// As Ctrl-C: it closes its recording.
    fn stop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT);
        let _ = self.child.wait();
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|s| s.is_none()) {
            self.stop();
        }
    }
}

fn browse(node: &Path, story: &str, url: &str, out: &Path, more: &[&str]) {
    let run = Command::new(node)
        .arg(workspace_root().join("tests/browser").join(story))
        .arg(url)
        .arg(out)
        .args(more)
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
}

/// Node with what the script needs; `None`, after saying so, where something is missing.
fn node() -> Option<PathBuf> {
    let chromium = std::env::var_os("CHROMIUM")
        .map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let modules = workspace_root().join("ground-station/web/node_modules/playwright-core");
    let node = Command::new("node").arg("--version").output();
    if !chromium.exists() || !modules.is_dir() || node.is_err() {
        skip(
            "the console in a browser needs node, Chromium and `npm --prefix ground-station/web ci`",
        );
        return None;
    }
    Some("node".into())
}

/// A fresh folder for the screenshots of a story.
fn shots(story: &str) -> PathBuf {
    let out = workspace_root().join("target/console").join(story);
    let _ = std::fs::remove_dir_all(&out);
    std::fs::create_dir_all(&out).expect("a folder for screenshots");
    out
}

#[test]
fn an_officer_plans_every_pattern_the_days_wind_and_an_imported_venue_in_a_browser() {
    let _one = GROUND.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(node) = node() else { return };
    let out = shots("plan");
    let work = tempfile::tempdir().expect("a folder to work in");
    let flight = work.path().join("flight");
    let flight_arg = flight.to_str().expect("a plain path");
    let mut station = Station::start(&["demo", "--seed", SEED, "--out", flight_arg], work.path());
    browse(
        &node,
        "plan.spec.mjs",
        &station.url,
        &out,
        &["--minutes", "5"],
    );
    station.stop();
}

#[test]
fn an_officer_draws_tonights_zones_with_undo_and_a_plan_over_them_brings_them_into_force() {
    let _one = GROUND.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(node) = node() else { return };
    let out = shots("drawing");
    let work = tempfile::tempdir().expect("a folder to work in");
    let flight = work.path().join("flight");
    let flight_arg = flight.to_str().expect("a plain path");
    let mut station = Station::start(&["demo", "--seed", SEED, "--out", flight_arg], work.path());
    browse(
        &node,
        "drawing.spec.mjs",
        &station.url,
        &out,
        &["--minutes", "5"],
    );
    station.stop();
}

#[test]
fn an_officer_launches_watches_acts_and_replays_in_a_browser() {
    let Some(node) = node() else { return };
    let out = shots("flight");
    let work = tempfile::tempdir().expect("a folder to work in");
    let flight = work.path().join("flight");
    let flight_arg = flight.to_str().expect("a plain path");

    let mut live = Station::start(&["demo", "--seed", SEED, "--out", flight_arg], work.path());
    browse(
        &node,
        "console.spec.mjs",
        &live.url,
        &out.join("live"),
        &["--minutes", "8"],
    );
    live.stop();

    let replay = Station::start(&["replay", flight_arg], work.path());
    browse(
        &node,
        "console.spec.mjs",
        &replay.url,
        &out.join("replay"),
        &["--replay"],
    );
}

/// The secret of a person's telephone.
fn telephone(name: &str) -> Vec<u8> {
    let mut s = name.as_bytes().to_vec();
    s.resize(people::secret::TOTP_BYTES, 7);
    s
}

/// People who have logged in once already.
fn write_people(file: &Path, who: &[(&str, &[Role])]) {
    let mut all = People::default();
    for (name, roles) in who {
        let roles = roles.iter().copied().collect();
        let p = all.add(name, roles, "code", Utc(1)).expect("a new person");
        p.password = people::secret::hash("correct horse battery", &[9; 16]);
        p.totp = Some(people::secret::base32(&telephone(name)));
        p.code = None;
    }
    let held = people::io::hold(file).expect("the people's file");
    held.write(&all).expect("the people are written");
}

/// A store with one anomaly and its picture, as the station left it.
fn write_anomaly(store: &Path) {
    let venue = Venue::sixi_river();
    let home = venue.launch_site().expect("a launch site");
    let plane = missions::plane::LocalPlane::new(home);
    let mut picture = ground_station::draw::Picture::default();
    picture.add_venue(&venue, &plane);
    let bytes = picture.png().expect("a picture");
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let mut disk = link_io::DirDisk::open(store).expect("a store");
    let mut inbox = link::receipts::Inbox::open(&mut disk, "inbox.log").expect("an inbox");
    let seen = Utc(1_789_000_000_000_000);
    let anomaly = Anomaly {
        number: 1,
        kind: AnomalyKind::PersonInZone,
        priority: Priority::Urgent,
        rule: "person-in-zone".into(),
        subject: "water".into(),
        first_seen: seen,
        flagged: seen.after(std::time::Duration::from_secs(4)),
        at: home,
        alt_amsl_m: None,
        error: Ellipse {
            major_m: 3.0,
            minor_m: 2.0,
            bearing_deg: 40.0,
        },
        confidence: 0.9,
        picture_sha256: Some(sha256),
        picture_len: u32::try_from(bytes.len()).expect("a small picture"),
    };
    inbox.take(&mut disk, 5, &anomaly).expect("it is kept");
    let name = format!("picture-{}.jpg", missions::plan::hex(&sha256));
    disk.replace(&name, &bytes).expect("its picture");
}

#[test]
fn an_anomaly_becomes_an_incident_that_another_person_reviews_and_a_report_tells_it() {
    let _one = GROUND.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(node) = node() else { return };
    let out = shots("incidents");
    let work = tempfile::tempdir().expect("a folder to work in");
    let at = |name: &str| {
        let path = work.path().join(name);
        path.to_str().expect("a plain path").to_owned()
    };
    let (pilot, supervisor) = ("王建国", "赵敏");
    let who: [(&str, &[Role]); 3] = [
        (pilot, &[Role::Pilot]),
        (supervisor, &[Role::Supervisor]),
        ("周敏", &[Role::Admin]),
    ];
    write_people(&work.path().join("people.json"), &who);
    write_anomaly(&work.path().join("store"));
    let [_, ground] = udp_ports();
    let mut station = Station::start(
        &[
            "serve",
            "--people",
            &at("people.json"),
            "--link",
            &format!("udp-listen:127.0.0.1:{ground}"),
            "--store",
            &at("store"),
            "--record",
            &at("flights"),
        ],
        work.path(),
    );
    let secrets = [pilot, supervisor].map(|n| people::secret::base32(&telephone(n)));
    browse(
        &node,
        "incidents.spec.mjs",
        &station.url,
        &out,
        &["--minutes", "4", "--code", &secrets.join(",")],
    );
    station.stop();
    // Closed, the record's report claims what verify does, and its figures are the command's.
    let folder = ground_station::record::find(&work.path().join("flights")).expect("a record");
    let (figures, ..) = ground_station::report::io::read(&folder).expect("a report");
    assert_eq!(figures.record_state, "complete");
    assert_eq!(figures.incidents.len(), 2);
    assert_eq!(figures.patrols.len(), 1);
}

#[test]
fn three_aircraft_each_fly_their_own_plan_and_hold_all_counts_who_has_confirmed() {
    let _one = GROUND.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(node) = node() else { return };
    let out = shots("fleet");
    let work = tempfile::tempdir().expect("a folder to work in");
    let flight = work.path().join("flight");
    let flight_arg = flight.to_str().expect("a plain path");
    let args = ["demo", "--aircraft", "3", "--auto", "--seed", SEED];
    let mut station = Station::start(&[&args[..], &["--out", flight_arg]].concat(), work.path());
    browse(
        &node,
        "fleet.spec.mjs",
        &station.url,
        &out,
        &["--minutes", "6"],
    );
    station.stop();
}

/// A small field, a simulated aircraft, its companion and a station where people log in.
#[test]
fn people_log_in_with_two_factors_do_what_their_roles_say_and_a_locked_screen_stops_no_flight() {
    let _one = GROUND.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(node) = node() else { return };
    let out = shots("people");
    let work = tempfile::tempdir().expect("a folder to work in");
    let at = |name: &str| {
        let path = work.path().join(name);
        path.to_str().expect("a plain path").to_owned()
    };
    let root = workspace_root();
    let venue = root.join("tests/data/small-field.geojson");
    let venue = venue.to_str().expect("a plain path");
    let vehicle = root.join("missions/vehicles/quad-x4.toml");
    let vehicle = vehicle.to_str().expect("a plain path");
    let soon = std::time::Duration::from_secs(30);
    let [autopilot, ground] = udp_ports();
    let autopilot = format!("udp:127.0.0.1:{autopilot}");
    let listen = format!("udp-listen:127.0.0.1:{ground}");
    let call = format!("udp:127.0.0.1:{ground}");
    let mut sim = Process::start("sim", &["--venue", venue, "--autopilot", &autopilot]);
    sim.wait_line("ready", soon);
    let mut onboard = Process::start(
        "onboard",
        &[
            "--autopilot",
            &autopilot,
            "--ground",
            &call,
            "--trust",
            "wired-lab",
            "--store",
            &at("aircraft"),
        ],
    );
    onboard.wait_line("Ground(0) on", soon);
    let mut station = Station::start(
        &[
            "serve",
            "--people",
            &at("people.json"),
            "--venue",
            venue,
            "--vehicle",
            vehicle,
            "--link",
            &listen,
            "--store",
            &at("store"),
            "--record",
            &at("flights"),
        ],
        work.path(),
    );
    let code = station.first_code.clone().expect("nobody can log in yet");
    browse(
        &node,
        "people.spec.mjs",
        &station.url,
        &out,
        &["--minutes", "8", "--code", &code],
    );
    station.stop();
}

/// From the login to the closed file and the replay, over the three programs as they are deployed.
#[test]
fn a_whole_shift_from_login_to_the_closed_file_and_its_replay_in_both_languages() {
    let _one = GROUND.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(node) = node() else { return };
    let out = shots("shift");
    let work = tempfile::tempdir().expect("a folder to work in");
    let at = |name: &str| {
        let path = work.path().join(name);
        path.to_str().expect("a plain path").to_owned()
    };
    let (pilot, supervisor) = ("王建国", "赵敏");
    let who: [(&str, &[Role]); 3] = [
        (pilot, &[Role::Pilot]),
        (supervisor, &[Role::Supervisor]),
        ("周敏", &[Role::Admin]),
    ];
    write_people(&work.path().join("people.json"), &who);
    let soon = std::time::Duration::from_secs(30);
    let ([autopilot, ground, sensor], camera) = (udp_ports(), tcp_port());
    let autopilot = format!("udp:127.0.0.1:{autopilot}");
    let sensor = format!("udp:127.0.0.1:{sensor}");
    let mut sim = Process::start(
        "sim",
        &[
            "--seed",
            SEED,
            // The plan's launch window is tonight's.
            "--start",
            "now",
            "--autopilot",
            &autopilot,
            "--camera",
            &format!("tcp-listen:127.0.0.1:{camera}"),
            "--sensor",
            &sensor,
        ],
    );
    sim.wait_line("ready", soon);
    let companion = workspace_root().join("sim/companion.toml");
    let mut onboard = Process::start(
        "onboard",
        &[
            "--config",
            companion.to_str().expect("a plain path"),
            "--autopilot",
            &autopilot,
            "--ground",
            &format!("udp:127.0.0.1:{ground}"),
            "--camera",
            &format!("tcp:127.0.0.1:{camera}"),
            "--sensor",
            &sensor,
            "--trust",
            "wired-lab",
            "--store",
            &at("aircraft"),
        ],
    );
    onboard.wait_line("Ground(0) on", soon);
    let mut station = Station::start(
        &[
            "serve",
            "--people",
            &at("people.json"),
            "--link",
            &format!("udp-listen:127.0.0.1:{ground}"),
            "--store",
            &at("store"),
            "--record",
            &at("flights"),
        ],
        work.path(),
    );
    let secrets = [pilot, supervisor].map(|n| people::secret::base32(&telephone(n)));
    browse(
        &node,
        "shift.spec.mjs",
        &station.url,
        &out.join("live"),
        &["--minutes", "12", "--code", &secrets.join(",")],
    );
    station.stop();
    let flight = ground_station::record::find(&work.path().join("flights")).expect("a record");
    let replay = Station::start(
        &["replay", flight.to_str().expect("a plain path")],
        work.path(),
    );
    browse(
        &node,
        "shift.spec.mjs",
        &replay.url,
        &out.join("replay"),
        &["--replay"],
    );
}
