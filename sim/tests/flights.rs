//! Whole flights of the simulated aircraft behind both autopilots, flown by a station that knows MAVLink only.
//!
//! Virtual time: nothing sleeps.

#![allow(deprecated)] // MISSION_REQUEST: the autopilots still say it.

use link::common::{self, MavMessage, MavMissionResult, MavModeFlag, MavResult, MavState};
use link::frame::{Framer, Msg, Stamper};
use link::items::{ListKind, WireItem, cmd};
use link::transfer::{Downloader, Progress, Uploader};
use missions::place::{Alt, Home, LatLon};
use missions::plane::{EastNorth, LocalPlane};
use missions::time::{Mono, Now, Utc};
use sim::autopilot::{Aircraft, AircraftConfig, AutopilotKind, Environment, Mode};

const BOTH: [AutopilotKind; 2] = [AutopilotKind::Px4, AutopilotKind::ArduPilot];
const STEP_S: f64 = 0.01;

fn home() -> Home {
    Home {
        at: LatLon::from_degrees(27.787, 120.091).unwrap(),
        alt: Alt::from_metres(12.0).unwrap(),
    }
}

/// A station, the aircraft, and what the station has heard.
struct Station {
    aircraft: Aircraft,
    kind: AutopilotKind,
    now: Mono,
    wind_ned_mps: [f64; 3],
    framer: Framer,
    stamper: Stamper,
    /// All bytes that came down, for comparing two runs.
    bytes: Vec<u8>,
    texts: Vec<String>,
    acks: Vec<(u16, u8)>,
    reached: Vec<u16>,
    heartbeat: Option<common::HEARTBEAT_DATA>,
    sys_status: Option<common::SYS_STATUS_DATA>,
    fence_status: Vec<common::FENCE_STATUS_DATA>,
    version: Option<common::AUTOPILOT_VERSION_DATA>,
    heard: std::collections::BTreeMap<u32, u32>,
    fresh: Vec<link::frame::Frame>,
    next_beat: Mono,
}

impl Station {
    fn new(kind: AutopilotKind, seed: u64) -> Self {
        Station {
            aircraft: Aircraft::new(AircraftConfig {
                seed,
                ..AircraftConfig::new(kind, home(), 1)
            }),
            kind,
            now: Mono::ZERO,
            wind_ned_mps: [2.0, -3.0, 0.0],
            framer: Framer::new(),
            stamper: Stamper::new(255, 190),
            bytes: Vec::new(),
            texts: Vec::new(),
            acks: Vec::new(),
            reached: Vec::new(),
            heartbeat: None,
            sys_status: None,
            fence_status: Vec::new(),
            version: None,
            heard: std::collections::BTreeMap::new(),
            fresh: Vec::new(),
            next_beat: Mono::ZERO,
        }
    }

    /// Booted, armable, its streams asked for.
    fn ready(kind: AutopilotKind, seed: u64) -> Self {
        let mut s = Station::new(kind, seed);
        s.run(40.0);
        for (id, us) in [
            (33, 100_000.0),
            (1, 500_000.0),
            (245, 500_000.0),
            (162, 200_000.0),
            (147, 1_000_000.0),
        ] {
            s.command(511, [id as f32, us, 0.0, 0.0, 0.0, 0.0, 0.0]);
        }
        s.run(2.0);
        s
    }

    fn send(&mut self, m: impl Into<link::frame::Outgoing>) {
        let f = self.stamper.frame(m);
        self.aircraft.mavlink_in(self.now, f.bytes());
    }

    fn step(&mut self) {
        if self.now >= self.next_beat {
            self.next_beat = Mono(self.now.0 + 1_000_000);
            self.send(link::telemetry::station_heartbeat());
        }
        let environment = Environment {
            wind_ned_mps: self.wind_ned_mps,
            utc: Utc(1_790_856_120_000_000 + self.now.0 as i64),
        };
        self.aircraft.step(STEP_S, &environment);
        self.now = Mono(self.now.0 + 10_000);
        let out = self.aircraft.mavlink_out();
        self.framer.push(self.now, &out);
        self.bytes.extend(out);
        self.fresh.clear();
        while let Some(f) = self.framer.next_frame() {
            *self.heard.entry(f.header().msg_id).or_insert(0) += 1;
            if let Msg::Common(m) = f.decode() {
                self.take(*m);
            }
            self.fresh.push(f);
        }
    }

    fn take(&mut self, m: MavMessage) {
        match m {
            MavMessage::STATUSTEXT(d) => self.texts.push(d.text.to_str().unwrap_or("?").to_owned()),
            MavMessage::COMMAND_ACK(d) => self.acks.push((d.command as u16, d.result as u8)),
            MavMessage::MISSION_ITEM_REACHED(d) if self.reached.last() != Some(&d.seq) => {
                self.reached.push(d.seq)
            }
            MavMessage::HEARTBEAT(d) => self.heartbeat = Some(d),
            MavMessage::SYS_STATUS(d) => self.sys_status = Some(d),
            MavMessage::FENCE_STATUS(d) => self.fence_status.push(d),
            MavMessage::AUTOPILOT_VERSION(d) => self.version = Some(d),
            _ => {}
        }
    }

    fn run(&mut self, seconds: f64) {
        for _ in 0..(seconds / STEP_S).round() as usize {
            self.step();
        }
    }

    /// Runs until `done`; panics after `most_s` with what was heard last.
    fn until(&mut self, most_s: f64, what: &str, mut done: impl FnMut(&Station) -> bool) -> f64 {
        let from = self.now;
        while !done(self) {
            assert!(
                self.now.since(from).as_secs_f64() < most_s,
                "{:?}: waited in vain for {what}: {:?}, {:?}",
                self.kind,
                self.aircraft.truth(),
                self.texts
            );
            self.step();
        }
        self.now.since(from).as_secs_f64()
    }

    fn acked(&mut self, id: u16) -> MavResult {
        let before = self.acks.len();
        self.until(3.0, "an acknowledgement", |s| {
            s.acks
                .iter()
                .skip(before.saturating_sub(1))
                .any(|a| a.0 == id)
        });
        let (_, r) = *self.acks.iter().rev().find(|a| a.0 == id).unwrap();
        num_result(r)
    }

    fn command(&mut self, id: u16, p: [f32; 7]) -> MavResult {
        self.acks.clear();
        // As bytes: any number may be tried.
        let mut b = Vec::new();
        for v in p {
            b.extend(v.to_le_bytes());
        }
        b.extend(id.to_le_bytes());
        b.extend([1, 1, 0]);
        let f = self.stamper.raw(76, &b).unwrap();
        self.aircraft.mavlink_in(self.now, f.bytes());
        self.acked(id)
    }

    /// COMMAND_INT with a place, height above home.
    fn command_at(&mut self, id: u16, p: [f32; 4], at: LatLon, above_home_m: f32) -> MavResult {
        self.acks.clear();
        let mut b = Vec::new();
        for v in p {
            b.extend(v.to_le_bytes());
        }
        b.extend(at.lat_e7().to_le_bytes());
        b.extend(at.lon_e7().to_le_bytes());
        b.extend(above_home_m.to_le_bytes());
        b.extend(id.to_le_bytes());
        b.extend([1, 1, 6, 0, 0]);
        let f = self.stamper.raw(75, &b).unwrap();
        self.aircraft.mavlink_in(self.now, f.bytes());
        self.acked(id)
    }

    fn set_param(&mut self, name: &str, value: f64) {
        let int = self.kind == AutopilotKind::Px4
            && !name.starts_with("MPC")
            && !name.starts_with("RTL_RET")
            && !name.starts_with("GF_MAX");
        let wire = if int {
            f32::from_bits(value as u32)
        } else {
            value as f32
        };
        self.send(MavMessage::PARAM_SET(common::PARAM_SET_DATA {
            param_value: wire,
            target_system: 1,
            target_component: 1,
            param_id: name.into(),
            param_type: common::MavParamType::MAV_PARAM_TYPE_REAL32,
        }));
        self.run(0.05);
    }

    fn upload(&mut self, kind: ListKind, items: &[WireItem]) -> Progress {
        let mut up = Uploader::new(kind, items.to_vec(), (1, 1));
        for _ in 0..6_000 {
            let now = Now::new(self.now, Utc(0));
            up.tick(now);
            while let Some(m) = up.poll() {
                self.send(m);
            }
            self.step();
            let now = Now::new(self.now, Utc(0));
            for f in &self.fresh {
                up.handle(now, &f.decode());
            }
            if up.progress().is_over() {
                break;
            }
        }
        up.progress().clone()
    }

    fn download(&mut self, kind: ListKind) -> Vec<WireItem> {
        let mut down = Downloader::new(kind, (1, 1));
        for _ in 0..6_000 {
            let now = Now::new(self.now, Utc(0));
            down.tick(now);
            while let Some(m) = down.poll() {
                self.send(m);
            }
            if down.progress().is_over() {
                break;
            }
            self.step();
            let now = Now::new(self.now, Utc(0));
            for f in &self.fresh {
                down.handle(now, f);
            }
        }
        assert_eq!(*down.progress(), Progress::Done);
        down.items().to_vec()
    }

    fn armed(&self) -> bool {
        self.aircraft.truth().armed
    }
    fn above_home_m(&self) -> f64 {
        self.aircraft.truth().alt_amsl_m - home().alt.metres()
    }
    fn place(&self) -> EastNorth {
        let t = self.aircraft.truth();
        LocalPlane::new(home().at).to_local_degrees(t.lat_deg, t.lon_deg)
    }
    fn ground_speed_mps(&self) -> f64 {
        let [n, e, _] = self.aircraft.truth().vel_ned;
        n.hypot(e)
    }

    /// Arms, takes off and starts the mission as each autopilot wants it.
    fn launch(&mut self, takeoff_m: f32) {
        match self.kind {
            AutopilotKind::Px4 => {
                assert_eq!(self.command(300, [0.0; 7]), MavResult::MAV_RESULT_ACCEPTED)
            }
            AutopilotKind::ArduPilot => {
                assert_eq!(
                    self.command(176, [1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
                    MavResult::MAV_RESULT_ACCEPTED
                );
                assert_eq!(
                    self.command(400, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
                    MavResult::MAV_RESULT_ACCEPTED
                );
                assert_eq!(
                    self.command(22, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, takeoff_m]),
                    MavResult::MAV_RESULT_ACCEPTED
                );
                self.until(40.0, "the take-off height", |s| {
                    s.above_home_m() > f64::from(takeoff_m) - 1.5
                });
                assert_eq!(self.command(300, [0.0; 7]), MavResult::MAV_RESULT_ACCEPTED);
            }
        }
    }

    /// In the air over home, at rest, to be commanded about.
    fn hover_at(&mut self, height_m: f32) {
        match self.kind {
            AutopilotKind::Px4 => {
                let amsl = height_m + home().alt.metres() as f32;
                assert_eq!(
                    self.command(22, [0.0, 0.0, 0.0, f32::NAN, f32::NAN, f32::NAN, amsl]),
                    MavResult::MAV_RESULT_ACCEPTED
                );
                assert_eq!(
                    self.command(400, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
                    MavResult::MAV_RESULT_ACCEPTED
                );
            }
            AutopilotKind::ArduPilot => {
                assert_eq!(
                    self.command(176, [1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
                    MavResult::MAV_RESULT_ACCEPTED
                );
                assert_eq!(
                    self.command(400, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
                    MavResult::MAV_RESULT_ACCEPTED
                );
                assert_eq!(
                    self.command(22, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, height_m]),
                    MavResult::MAV_RESULT_ACCEPTED
                );
            }
        }
        self.until(60.0, "the hover height", |s| {
            (s.above_home_m() - f64::from(height_m)).abs() < 1.0
        });
        self.run(5.0);
    }
}

fn num_result(r: u8) -> MavResult {
    match r {
        0 => MavResult::MAV_RESULT_ACCEPTED,
        1 => MavResult::MAV_RESULT_TEMPORARILY_REJECTED,
        2 => MavResult::MAV_RESULT_DENIED,
        3 => MavResult::MAV_RESULT_UNSUPPORTED,
        _ => MavResult::MAV_RESULT_FAILED,
    }
}

fn at(east_m: f64, north_m: f64) -> LatLon {
    LocalPlane::new(home().at)
        .to_latlon(EastNorth::new(east_m, north_m))
        .unwrap()
}

fn item(command: u16, frame: u8, p: [f32; 4], p_at: LatLon, z: f32) -> WireItem {
    WireItem {
        frame,
        command,
        current: 0,
        autocontinue: 1,
        p,
        x: p_at.lat_e7(),
        y: p_at.lon_e7(),
        z,
    }
}

const CORNERS: [(f64, f64); 5] = [
    (0.0, 60.0),
    (80.0, 60.0),
    (80.0, -50.0),
    (-40.0, -50.0),
    (-40.0, 20.0),
];

/// Take-off, five waypoints (one with a hold of 5 s), return.
fn patrol(kind: AutopilotKind) -> Vec<WireItem> {
    patrol_over(kind, &CORNERS)
}

/// Take-off, these places (the third with a stop), return.
fn patrol_over(kind: AutopilotKind, corners: &[(f64, f64)]) -> Vec<WireItem> {
    let mut out = Vec::new();
    if kind == AutopilotKind::ArduPilot {
        out.push(item(cmd::WAYPOINT, 0, [0.0; 4], home().at, 12.0));
    }
    out.push(item(cmd::TAKEOFF, 3, [0.0; 4], home().at, 30.0));
    for (i, (e, n)) in corners.iter().copied().enumerate() {
        let hold_s = if i == 2 { 5.0 } else { 0.0 };
        out.push(item(
            cmd::WAYPOINT,
            3,
            [hold_s, 0.0, 0.0, 0.0],
            at(e, n),
            30.0,
        ));
    }
    out.push(WireItem {
        frame: 2,
        command: cmd::RETURN_TO_LAUNCH,
        autocontinue: 1,
        ..WireItem::default()
    });
    out
}

fn square(half_m: f64) -> Vec<WireItem> {
    [
        (-half_m, -half_m),
        (half_m, -half_m),
        (half_m, half_m),
        (-half_m, half_m),
    ]
    .into_iter()
    .map(|(e, n)| {
        item(
            cmd::FENCE_POLYGON_INCLUSION,
            0,
            [4.0, 0.0, 0.0, 0.0],
            at(e, n),
            0.0,
        )
    })
    .collect()
}

#[test]
fn it_boots_says_what_it_is_and_becomes_armable() {
    for kind in BOTH {
        let mut s = Station::new(kind, 1);
        s.run(3.0);
        let refused = s.command(400, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let expected = match kind {
            AutopilotKind::Px4 => MavResult::MAV_RESULT_TEMPORARILY_REJECTED,
            AutopilotKind::ArduPilot => MavResult::MAV_RESULT_FAILED,
        };
        assert_eq!(refused, expected);
        assert!(!s.armed());
        assert!(s.texts.iter().any(|t| t.contains("Arm")), "{:?}", s.texts);

        s.run(40.0);
        assert_eq!(
            s.heartbeat.as_ref().unwrap().system_status,
            MavState::MAV_STATE_STANDBY
        );
        s.command(512, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let health = s
            .sys_status
            .as_ref()
            .unwrap()
            .onboard_control_sensors_health;
        assert!(health.contains(common::MavSysStatusSensor::MAV_SYS_STATUS_PREARM_CHECK));
        assert_eq!(
            s.command(512, [148.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            MavResult::MAV_RESULT_ACCEPTED
        );
        s.run(0.1);
        assert_eq!(
            &s.version.as_ref().unwrap().flight_custom_version,
            b"PATROLSI",
            "nobody may take it for an aircraft"
        );
        assert_eq!(
            s.command(400, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            MavResult::MAV_RESULT_ACCEPTED
        );
        assert!(s.armed());
        // Nothing happens: it disarms by itself.
        s.until(15.0, "disarming", |s| !s.armed());
    }
}

#[test]
fn arducopter_says_almost_nothing_unasked_and_px4_a_lot() {
    let mut copter = Station::new(AutopilotKind::ArduPilot, 1);
    copter.run(60.0);
    assert_eq!(copter.heard.get(&33), None, "positions must be asked for");
    assert!(copter.heard[&0] >= 59);
    assert_eq!((copter.heard[&242], copter.heard[&49]), (1, 1));
    assert_eq!(
        copter.command(511, [33.0, 100_000.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        MavResult::MAV_RESULT_ACCEPTED
    );
    copter.run(10.0);
    assert!(
        (95..=105).contains(&copter.heard[&33]),
        "{}",
        copter.heard[&33]
    );
    assert_eq!(
        copter.command(511, [33.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        MavResult::MAV_RESULT_ACCEPTED
    );
    let before = copter.heard[&33];
    copter.run(2.0);
    assert_eq!(copter.heard[&33], before);

    let mut px4 = Station::new(AutopilotKind::Px4, 1);
    px4.run(60.0);
    for (id, per_s) in [
        (32, 50.0),
        (24, 5.0),
        (74, 4.0),
        (0, 1.0),
        (1, 1.0),
        (12_901, 1.0),
        (242, 0.5),
    ] {
        let n = f64::from(*px4.heard.get(&id).unwrap_or(&0));
        assert!(
            (0.8..1.05).contains(&(n / 60.0 / per_s)),
            "message {id}: {n} in a minute"
        );
    }
    assert_eq!(px4.heard.get(&162), None, "PX4 never says FENCE_STATUS");
}

#[test]
fn lists_are_taken_kept_as_each_autopilot_keeps_them_and_read_back() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 2);
        let mission = patrol(kind);
        assert_eq!(s.upload(ListKind::Mission, &mission), Progress::Done);
        assert_eq!(s.upload(ListKind::Fence, &square(200.0)), Progress::Done);
        let rally = [item(cmd::RALLY_POINT, 3, [0.0; 4], at(30.0, 10.0), 30.0)];
        assert_eq!(s.upload(ListKind::Rally, &rally), Progress::Done);
        let back = s.download(ListKind::Mission);
        assert_eq!(back.len(), mission.len());
        let first = usize::from(kind == AutopilotKind::ArduPilot);
        for (a, b) in mission.iter().zip(&back).skip(first) {
            assert_eq!(
                (a.command, a.x, a.y, a.z, a.p[0]),
                (b.command, b.x, b.y, b.z, b.p[0])
            );
        }
        let frame = if kind == AutopilotKind::Px4 { 6 } else { 3 };
        assert_eq!(back[first].frame, frame, "PX4 reads frame 3 back as 6");
        if kind == AutopilotKind::ArduPilot {
            assert_eq!(
                (back[0].x, back[0].y),
                (home().at.lat_e7(), home().at.lon_e7()),
                "item 0 is home"
            );
        }
        assert_eq!(s.download(ListKind::Fence).len(), 4);
        assert_eq!(s.download(ListKind::Rally).len(), 1);

        // What does not fit or is nonsense is refused, and what was there stays.
        let far_too_many = vec![mission[first + 1]; 2_500];
        assert_eq!(
            s.upload(ListKind::Mission, &far_too_many),
            Progress::Refused(MavMissionResult::MAV_MISSION_NO_SPACE)
        );
        let mut bad = mission.clone();
        bad[first + 1].frame = 1;
        assert_eq!(
            s.upload(ListKind::Mission, &bad),
            Progress::Refused(MavMissionResult::MAV_MISSION_UNSUPPORTED_FRAME)
        );
        assert_eq!(s.download(ListKind::Mission).len(), mission.len());
    }
}

#[test]
fn a_patrol_flies_every_waypoint_returns_lands_and_disarms() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 3);
        let mission = patrol(kind);
        assert_eq!(s.upload(ListKind::Fence, &square(200.0)), Progress::Done);
        assert_eq!(s.upload(ListKind::Mission, &mission), Progress::Done);
        let battery = s.aircraft.truth().battery;
        s.launch(30.0);
        s.until(2.0, "an armed heartbeat", |s| {
            s.heartbeat
                .as_ref()
                .unwrap()
                .base_mode
                .contains(MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED)
        });

        // Passing within the acceptance radius of every corner, in their order.
        for (e, n) in CORNERS {
            s.until(90.0, "a corner", |s| {
                s.place().distance_m(EastNorth::new(e, n)) < 3.5
            });
            assert!(
                (s.above_home_m() - 30.0).abs() < 2.5,
                "{kind:?}: {} m",
                s.above_home_m()
            );
        }
        s.until(60.0, "the return", |s| {
            s.aircraft.truth().mode == Mode::Return
        });
        s.until(150.0, "the landing", |s| !s.armed());
        assert!(
            s.place().distance_m(EastNorth::new(0.0, 0.0)) < 3.0,
            "{kind:?}: landed at {:?}",
            s.place()
        );
        assert!(s.above_home_m() < 0.1);
        let first = u16::from(kind == AutopilotKind::ArduPilot);
        let waypoints: Vec<u16> = (first + 1..first + 6).collect();
        let reached: Vec<u16> = s
            .reached
            .iter()
            .copied()
            .filter(|r| waypoints.contains(r))
            .collect();
        assert_eq!(reached, waypoints, "{kind:?}");
        let used = battery - s.aircraft.truth().battery;
        assert!((0.02..0.25).contains(&used), "{kind:?}: {used}");
    }
}

#[test]
fn a_corner_that_turns_back_is_flown_out_to_its_end() {
    // The lanes of a sweep around a hole: nearly back the way it came, then a slant.
    let lanes = [
        (0.0, 60.0),
        (0.0, 140.0),
        (150.0, 140.0),
        (-150.0, 120.0),
        (150.0, 118.0),
        (-100.0, 90.0),
    ];
    for kind in BOTH {
        let mut s = Station::ready(kind, 3);
        assert_eq!(
            s.upload(ListKind::Mission, &patrol_over(kind, &lanes)),
            Progress::Done
        );
        s.launch(30.0);
        for (e, n) in lanes {
            s.until(120.0, "the end of a lane", |s| {
                s.place().distance_m(EastNorth::new(e, n)) < 3.5
            });
        }
    }
}

/// Both look ahead over one corner. PX4 once passed the first of two at a speed that the second had no room for, was carried
/// 8 m aside of its path and over its own fence.
#[test]
fn two_corners_close_together_are_flown_without_being_carried_off_the_path() {
    // The third place is held for five seconds: the speed is there again from the fourth on.
    let lanes = [
        (0.0, 40.0),
        (0.0, 60.0),
        (-40.0, 60.0),
        (100.0, 60.0),
        (106.0, 59.4),
        (106.5, 120.0),
    ];
    for kind in BOTH {
        let mut s = Station::ready(kind, 3);
        s.set_param("MPC_XY_CRUISE", 11.0);
        s.set_param("WPNAV_SPEED", 1_100.0);
        assert_eq!(
            s.upload(ListKind::Mission, &patrol_over(kind, &lanes)),
            Progress::Done
        );
        s.launch(30.0);
        s.until(200.0, "the long leg", |s| s.place().east_m > 60.0);
        let mut east_m: f64 = 0.0;
        s.until(60.0, "the last place", |s| {
            east_m = east_m.max(s.place().east_m);
            s.place().distance_m(EastNorth::new(106.5, 120.0)) < 3.5
        });
        assert!(east_m < 106.5 + 4.0, "{kind:?}: {east_m} m east");
    }
}

#[test]
fn a_repeated_launch_flies_the_mission_again() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 4);
        assert_eq!(s.upload(ListKind::Mission, &patrol(kind)), Progress::Done);
        for _ in 0..2 {
            s.reached.clear();
            s.launch(30.0);
            s.until(400.0, "the end", |s| !s.armed());
            assert!(s.reached.len() >= 5, "{kind:?}: {:?}", s.reached);
            s.run(3.0);
        }
    }
}

#[test]
fn after_a_flight_cut_short_the_next_launch_begins_at_the_beginning() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 4);
        assert_eq!(s.upload(ListKind::Mission, &patrol(kind)), Progress::Done);
        s.launch(30.0);
        let third = if kind == AutopilotKind::Px4 { 2 } else { 3 };
        s.until(120.0, "the second corner", |s| s.reached.contains(&third));
        s.command(20, [0.0; 7]);
        s.until(200.0, "the landing", |s| !s.armed());
        s.run(3.0);
        s.reached.clear();
        s.launch(30.0);
        s.until(400.0, "the end", |s| !s.armed());
        let first = third - 1;
        assert!(s.reached.contains(&first), "{kind:?}: {:?}", s.reached);
    }
}

#[test]
fn a_return_ordered_on_the_ground_does_not_lift_off() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 4);
        if kind == AutopilotKind::ArduPilot {
            s.command(176, [1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        }
        s.command(400, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        s.command(20, [0.0; 7]);
        for _ in 0..2_000 {
            s.step();
            assert!(s.above_home_m() < 0.01, "{kind:?}");
        }
        assert!(!s.armed());
    }
}

#[test]
fn a_nearly_empty_battery_brings_it_home_or_down_as_set() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 4);
        match kind {
            AutopilotKind::Px4 => s.set_param("COM_LOW_BAT_ACT", 3.0),
            AutopilotKind::ArduPilot => {
                s.set_param("BATT_FS_LOW_ACT", 2.0);
                // Of 10,000 mAh.
                s.set_param("BATT_LOW_MAH", 9_500.0);
            }
        }
        s.hover_at(20.0);
        let at_place = at(40.0, 0.0);
        assert_eq!(
            s.command_at(192, [-1.0, 1.0, 0.0, f32::NAN], at_place, 20.0),
            MavResult::MAV_RESULT_ACCEPTED
        );
        s.until(2_400.0, "the return", |s| {
            s.aircraft.truth().mode == Mode::Return
        });
        let left = s.aircraft.truth().battery;
        let expected = if kind == AutopilotKind::Px4 {
            0.07
        } else {
            0.95
        };
        assert!((left - expected).abs() < 0.01, "{kind:?}: {left}");
        s.until(120.0, "the landing", |s| !s.armed());
        assert!(s.place().distance_m(EastNorth::new(0.0, 0.0)) < 3.0);
    }
}

#[test]
fn arducopter_does_not_arm_in_auto_nor_take_off_elsewhere_than_in_guided() {
    let mut s = Station::ready(AutopilotKind::ArduPilot, 5);
    assert_eq!(
        s.command(176, [1.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        MavResult::MAV_RESULT_FAILED,
        "no mission, no AUTO"
    );
    assert_eq!(
        s.upload(ListKind::Mission, &patrol(AutopilotKind::ArduPilot)),
        Progress::Done
    );
    assert_eq!(
        s.command(176, [1.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        MavResult::MAV_RESULT_ACCEPTED
    );
    assert_eq!(
        s.command(400, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        MavResult::MAV_RESULT_FAILED
    );
    assert_eq!(
        s.command(22, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0]),
        MavResult::MAV_RESULT_FAILED
    );
    assert!(!s.armed());
}

#[test]
fn it_goes_where_it_is_told_holds_there_in_wind_and_stops_when_told() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 6);
        s.wind_ned_mps = [5.0, 4.0, 0.0];
        s.hover_at(25.0);
        let p = at(60.0, 20.0);
        assert_eq!(
            s.command_at(192, [-1.0, 1.0, 0.0, f32::NAN], p, 25.0),
            MavResult::MAV_RESULT_ACCEPTED
        );
        let flew_s = s.until(60.0, "the place", |s| {
            s.place().distance_m(EastNorth::new(60.0, 20.0)) < 2.5
        });
        assert!(flew_s > 63.0 / 15.0, "{flew_s} s is faster than it can fly");
        s.run(6.0);
        for _ in 0..200 {
            s.run(0.1);
            assert!(
                s.place().distance_m(EastNorth::new(60.0, 20.0)) < 3.0,
                "{kind:?}: {:?}",
                s.place()
            );
            assert!(
                s.ground_speed_mps() < 0.6,
                "{kind:?}: {} m/s",
                s.ground_speed_mps()
            );
            assert!((s.above_home_m() - 25.0).abs() < 1.5);
        }

        // Off again, and stopped half way.
        assert_eq!(
            s.command_at(192, [-1.0, 1.0, 0.0, f32::NAN], at(-60.0, 20.0), 25.0),
            MavResult::MAV_RESULT_ACCEPTED
        );
        s.until(30.0, "half the way", |s| s.place().east_m < 10.0);
        let speed = s.ground_speed_mps();
        let from = s.place();
        let hold = match kind {
            AutopilotKind::Px4 => [1.0, 4.0, 3.0, 0.0, 0.0, 0.0, 0.0],
            AutopilotKind::ArduPilot => [1.0, 17.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        };
        assert_eq!(s.command(176, hold), MavResult::MAV_RESULT_ACCEPTED);
        s.until(8.0, "standing still", |s| s.ground_speed_mps() < 0.5);
        let stopped_in = s.place().distance_m(from);
        assert!(speed > 3.5, "{kind:?}: {speed} m/s");
        // v²/2a with a = 3 m/s², and the time that tilting takes.
        assert!(
            stopped_in > speed * speed / 2.0 / 5.0
                && stopped_in < speed * speed / 2.0 / 2.0 + 1.2 * speed,
            "{kind:?}: {stopped_in} m from {speed} m/s"
        );
        s.command(21, [0.0; 7]);
        s.until(60.0, "the landing", |s| !s.armed());
    }
}

/// Sent upwind faster than its lean allows, ArduCopter's target once went on without it, and BRAKE flew after the target: in
/// the containment campaign 74 m over the fence.
#[test]
fn sent_upwind_faster_than_it_can_fly_it_still_stops_where_it_is_told() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 8);
        s.hover_at(40.0);
        s.wind_ned_mps = [-17.0, 0.0, 0.0];
        s.run(10.0);
        s.command(178, [1.0, 12.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        s.command_at(192, [-1.0, 1.0, 0.0, f32::NAN], at(0.0, 900.0), 40.0);
        s.run(30.0);
        let (from, mps) = (s.place(), s.ground_speed_mps());
        assert!((3.0..9.0).contains(&mps), "{kind:?}: {mps} m/s upwind");
        let hold = match kind {
            AutopilotKind::Px4 => [1.0, 4.0, 3.0, 0.0, 0.0, 0.0, 0.0],
            AutopilotKind::ArduPilot => [1.0, 17.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        };
        assert_eq!(s.command(176, hold), MavResult::MAV_RESULT_ACCEPTED);
        s.until(8.0, "standing still", |s| s.ground_speed_mps() < 0.7);
        let way_m = s.place().distance_m(from);
        assert!(
            way_m < mps * mps / 2.0 + 1.5 * mps,
            "{kind:?}: {way_m} m from {mps} m/s"
        );
        s.run(5.0);
        assert!(
            s.ground_speed_mps() < 0.7,
            "{kind:?}: {}",
            s.ground_speed_mps()
        );
    }
}

#[test]
fn arducopters_fence_answers_a_breach_with_a_return_and_overshoots() {
    let mut s = Station::ready(AutopilotKind::ArduPilot, 7);
    assert_eq!(s.upload(ListKind::Fence, &square(100.0)), Progress::Done);
    let mut mission = patrol(AutopilotKind::ArduPilot);
    // A waypoint outside: it does not look at it beforehand.
    mission[3] = item(cmd::WAYPOINT, 3, [0.0; 4], at(200.0, 40.0), 30.0);
    assert_eq!(s.upload(ListKind::Mission, &mission), Progress::Done);
    s.set_param("FENCE_TYPE", 5.0);
    s.set_param("FENCE_ENABLE", 1.0);
    s.launch(30.0);
    s.until(120.0, "the edge", |s| s.place().east_m > 100.0);
    s.until(3.0, "the return", |s| {
        s.aircraft.truth().mode == Mode::Return
    });
    s.until(2.0, "FENCE_STATUS", |s| {
        s.fence_status.iter().any(|f| f.breach_status == 1)
    });
    assert!(s.texts.iter().any(|t| t == "Polygon fence breached"));
    s.run(2.0);
    // As captured: only the mode tells.
    assert_eq!(
        s.heartbeat.as_ref().unwrap().system_status,
        MavState::MAV_STATE_ACTIVE
    );
    let mut furthest_m: f64 = s.place().east_m;
    for _ in 0..700 {
        s.step();
        furthest_m = furthest_m.max(s.place().east_m);
    }
    assert!(
        (105.0..125.0).contains(&furthest_m),
        "braking from 10 m/s takes some 20 m: {furthest_m} m"
    );
    s.until(200.0, "home", |s| !s.armed());
    assert!(s.place().distance_m(EastNorth::new(0.0, 0.0)) < 3.0);
}

#[test]
fn px4_does_not_fly_a_mission_that_leaves_its_fence_and_drops_one_when_the_fence_changes() {
    let mut s = Station::ready(AutopilotKind::Px4, 7);
    assert_eq!(
        s.upload(ListKind::Mission, &patrol(AutopilotKind::Px4)),
        Progress::Done
    );
    assert_eq!(s.upload(ListKind::Fence, &square(50.0)), Progress::Done);
    assert!(
        s.texts
            .iter()
            .any(|t| t.contains("Geofence violation for waypoint 2")),
        "{:?}",
        s.texts
    );
    assert_eq!(
        s.command(300, [0.0; 7]),
        MavResult::MAV_RESULT_TEMPORARILY_REJECTED
    );
    assert_eq!(s.upload(ListKind::Fence, &square(150.0)), Progress::Done);
    s.launch(30.0);
    s.until(80.0, "the first waypoint", |s| s.reached.contains(&1));
    assert_eq!(s.upload(ListKind::Fence, &square(70.0)), Progress::Done);
    s.run(0.2);
    assert_eq!(s.aircraft.truth().mode, Mode::Hold);
    assert!(s.texts.iter().any(|t| t.contains("No valid mission")));
    s.run(10.0);
    assert!(
        s.armed() && s.aircraft.truth().mode == Mode::Hold,
        "inside: it just waits there"
    );
}

#[test]
fn px4_outside_its_fence_holds_five_seconds_and_returns() {
    let mut s = Station::ready(AutopilotKind::Px4, 7);
    s.set_param("GF_ACTION", 3.0);
    s.hover_at(20.0);
    assert_eq!(
        s.command_at(192, [-1.0, 1.0, 0.0, f32::NAN], at(90.0, 0.0), 20.0),
        MavResult::MAV_RESULT_ACCEPTED
    );
    s.until(60.0, "the place", |s| s.place().east_m > 85.0);
    s.run(5.0);
    assert_eq!(s.upload(ListKind::Fence, &square(60.0)), Progress::Done);
    s.until(1.0, "the word", |s| {
        s.texts.iter().any(|t| t.contains("Geofence violation"))
    });
    assert_eq!(s.aircraft.truth().mode, Mode::Hold);
    s.until(2.0, "critical", |s| {
        s.heartbeat.as_ref().unwrap().system_status == MavState::MAV_STATE_CRITICAL
    });
    let held_s = s.until(8.0, "the return", |s| {
        s.aircraft.truth().mode == Mode::Return
    });
    assert!((2.5..5.5).contains(&held_s), "{held_s} s");
    assert!(s.fence_status.is_empty(), "PX4 has no FENCE_STATUS");
    s.until(200.0, "home", |s| !s.armed());
    assert!(s.place().distance_m(EastNorth::new(0.0, 0.0)) < 3.0);
}

#[test]
fn a_target_outside_the_fence_is_refused_by_one_and_granted_in_vain_by_the_other() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 8);
        assert_eq!(s.upload(ListKind::Fence, &square(60.0)), Progress::Done);
        if kind == AutopilotKind::ArduPilot {
            s.set_param("FENCE_TYPE", 5.0);
            s.set_param("FENCE_ENABLE", 1.0);
        }
        s.hover_at(20.0);
        let answer = s.command_at(192, [-1.0, 1.0, 0.0, f32::NAN], at(150.0, 0.0), 20.0);
        let expected = if kind == AutopilotKind::Px4 {
            MavResult::MAV_RESULT_ACCEPTED
        } else {
            MavResult::MAV_RESULT_FAILED
        };
        assert_eq!(answer, expected);
        s.run(10.0);
        assert!(
            s.place().distance_m(EastNorth::new(0.0, 0.0)) < 3.0,
            "{kind:?} went {:?}",
            s.place()
        );
    }
}

#[test]
fn a_silent_station_brings_it_home_when_so_set_and_not_otherwise() {
    for kind in BOTH {
        for set in [false, true] {
            let mut s = Station::ready(kind, 9);
            if set {
                s.set_param(
                    if kind == AutopilotKind::Px4 {
                        "NAV_DLL_ACT"
                    } else {
                        "FS_GCS_ENABLE"
                    },
                    if kind == AutopilotKind::Px4 { 2.0 } else { 1.0 },
                );
            }
            s.hover_at(20.0);
            // Nobody speaks any more.
            s.next_beat = Mono(u64::MAX);
            s.run(30.0);
            let returns = s.aircraft.truth().mode == Mode::Return || !s.armed();
            assert_eq!(returns, set, "{kind:?}");
        }
    }
}

#[test]
fn commands_for_others_are_treated_as_captured() {
    let ask = |s: &mut Station, system: u8, component: u8| {
        s.acks.clear();
        let mut b = vec![0u8; 28];
        b.extend(400u16.to_le_bytes());
        b.extend([system, component, 0]);
        let f = s.stamper.raw(76, &b).unwrap();
        s.aircraft.mavlink_in(s.now, f.bytes());
        s.run(0.2);
        s.acks.first().map(|a| a.1)
    };
    let mut copter = Station::ready(AutopilotKind::ArduPilot, 1);
    assert_eq!(
        ask(&mut copter, 1, 99),
        Some(0),
        "ArduPilot obeys for any component"
    );
    assert_eq!(ask(&mut copter, 7, 1), None);
    let mut px4 = Station::ready(AutopilotKind::Px4, 1);
    assert_eq!(ask(&mut px4, 1, 99), Some(4));
    assert_eq!(ask(&mut px4, 7, 1), Some(4), "PX4 answers for strangers");
}

#[test]
fn parameters_travel_as_each_autopilot_encodes_them() {
    for kind in BOTH {
        let mut s = Station::ready(kind, 1);
        let (name, wire) = match kind {
            AutopilotKind::Px4 => ("GF_ACTION", f32::from_bits(3)),
            AutopilotKind::ArduPilot => ("FENCE_ACTION", 3.0),
        };
        s.set_param(name, 3.0);
        s.send(MavMessage::PARAM_REQUEST_READ(
            common::PARAM_REQUEST_READ_DATA {
                param_index: -1,
                target_system: 1,
                target_component: 1,
                param_id: name.into(),
            },
        ));
        let mut got = None;
        for _ in 0..10 {
            s.step();
            for f in &s.fresh {
                if let Msg::Common(m) = f.decode()
                    && let MavMessage::PARAM_VALUE(d) = *m
                {
                    got = Some(d.param_value);
                }
            }
        }
        assert_eq!(got.map(f32::to_bits), Some(wire.to_bits()), "{kind:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    for kind in BOTH {
        let fly = |seed: u64| {
            let mut s = Station::ready(kind, seed);
            assert_eq!(s.upload(ListKind::Mission, &patrol(kind)), Progress::Done);
            s.launch(30.0);
            s.run(30.0);
            s.bytes
        };
        let first = fly(11);
        assert!(first.len() > 10_000);
        assert!(
            first == fly(11),
            "{kind:?}: the same seed must give the same bytes"
        );
        assert!(first != fly(12));
    }
}

#[test]
fn a_simulator_that_runs_faster_than_the_clock_does_not_call_itself_ours() {
    let mut s = Station::new(AutopilotKind::Px4, 1);
    s.aircraft = Aircraft::new(AircraftConfig {
        real_pace: false,
        ..AircraftConfig::new(AutopilotKind::Px4, home(), 1)
    });
    s.run(5.0);
    s.command(512, [148.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    s.run(0.2);
    assert_eq!(
        &s.version.as_ref().unwrap().flight_custom_version,
        b"PATROLFF"
    );
}

/// Once out, twice around a place at half speed, and home: as a checked plan, in the mission items the companion writes.
fn orbit_plan() -> missions::plan::PatrolPlan {
    use missions::plan::{Estimate, FORMAT, PlanFile, PlanItem, build_fence, hex};
    let edge = missions::venue::Zone {
        id: "edge".into(),
        name: "edge".into(),
        role: missions::venue::Role::Inclusion,
        shape: missions::venue::Shape::Polygon {
            outer: [
                (-300.0, -300.0),
                (300.0, -300.0),
                (300.0, 300.0),
                (-300.0, 300.0),
            ]
            .map(|(e, n)| at(e, n))
            .to_vec(),
            holes: Vec::new(),
        },
        floor: None,
        ceiling: None,
        window: None,
    };
    let venue = missions::venue::Venue {
        name: "orbit".into(),
        datum: missions::place::Datum::Wgs84,
        ground: missions::venue::Ground::Flat(home().alt),
        zones: vec![edge],
        notes: String::new(),
    };
    let alt = Alt::from_metres(30.0).unwrap();
    let mut file = PlanFile {
        format: FORMAT.into(),
        name: "orbit".into(),
        venue: venue.to_value(),
        vehicle: missions::vehicle::VehicleSpec::default_quad(),
        home: home(),
        items: vec![
            PlanItem::Takeoff { alt },
            PlanItem::Waypoint {
                at: at(0.0, 80.0),
                alt,
                hold_s: 0.0,
            },
            PlanItem::Speed { speed_mps: 4.0 },
            PlanItem::Orbit {
                centre: at(100.0, 80.0),
                radius_m: 40.0,
                alt,
                turns: 1.5,
                clockwise: true,
            },
            PlanItem::Land { at: home().at },
        ],
        rally: Vec::new(),
        speed_mps: 8.0,
        margin_m: 0.0,
        launch_window: missions::time::Window {
            from: Utc(1_790_856_000_000_000),
            until: Utc(1_790_857_000_000_000),
        },
        on_link_loss: missions::flight::OnLinkLoss::Return,
        on_no_officer: None,
        return_alt: alt,
        over_crowds: false,
        gained: Vec::new(),
        fence_digest: String::new(),
        estimate: Estimate::default(),
        flyable: true,
        wind: missions::energy::Wind::default(),
    };
    file.fence_digest = hex(&build_fence(&file).unwrap().digest());
    file.estimate = missions::energy::estimate(&file);
    missions::plan::PatrolPlan::check(file).unwrap()
}

#[test]
fn an_orbit_is_flown_around_its_place_at_the_speed_of_the_plan() {
    let plan = orbit_plan();
    for kind in BOTH {
        let mut s = Station::ready(kind, 5);
        let mission = link::items::plan_items(&plan, kind.dialect());
        assert_eq!(s.upload(ListKind::Mission, &mission), Progress::Done);
        s.launch(30.0);
        let middle = EastNorth::new(100.0, 80.0);
        s.until(90.0, "the circle's western end", |s| {
            s.place().distance_m(EastNorth::new(60.0, 80.0)) < 4.0
        });
        // Braking from 8 to 4 m/s has its room in the plan; then one and a half turns, to the eastern end.
        let (mut nearest, mut furthest, mut fastest) = (f64::INFINITY, 0.0f64, 0.0f64);
        let (mut turned, mut last) = (0.0, f64::NAN);
        let began = s.now;
        while turned < 1.45 * std::f64::consts::TAU {
            s.run(0.5);
            let p = s.place();
            let angle = (p.east_m - middle.east_m).atan2(p.north_m - middle.north_m);
            if last.is_finite() {
                let d = (angle - last + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
                    - std::f64::consts::PI;
                turned += d;
            }
            last = angle;
            nearest = nearest.min(p.distance_m(middle));
            furthest = furthest.max(p.distance_m(middle));
            if s.now.since(began).as_secs() > 5 {
                fastest = fastest.max(s.ground_speed_mps());
            }
            assert!(
                s.now.since(began).as_secs() < 200,
                "{kind:?}: {turned} rad turned"
            );
        }
        println!(
            "{kind:?}: {nearest:.1} to {furthest:.1} m from the middle, at most {fastest:.1} m/s"
        );
        // Position error and gust of the vehicle file are 3.5 m.
        assert!(nearest > 36.5 && furthest < 43.5, "{nearest} {furthest}");
        assert!(fastest < 5.0, "{fastest}");
        s.until(200.0, "the landing", |s| !s.armed());
        assert!(s.place().distance_m(EastNorth::new(0.0, 0.0)) < 3.0);
    }
}

#[test]
fn without_satellites_it_comes_down_and_drifts_with_the_wind() {
    for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
        let mut s = Station::ready(kind, 5);
        s.hover_at(30.0);
        s.wind_ned_mps = [4.0, 0.0, 0.0];
        s.run(10.0);
        let before = s.place();
        s.aircraft.trouble(sim::autopilot::Trouble::GnssLost);
        s.run(1.5);
        assert!(
            s.heartbeat.as_ref().is_some_and(|h| h.custom_mode
                == match kind {
                    AutopilotKind::Px4 => 0x0604_0000,
                    AutopilotKind::ArduPilot => 9,
                })
                || s.texts.iter().any(|t| t.contains("Failsafe")),
            "{kind:?}: {:?}",
            s.texts
        );
        s.until(120.0, "down and disarmed", |s| !s.armed());
        let t = s.aircraft.position_ned_m();
        let drift_m = (t[0] - before.north_m).hypot(t[1] - before.east_m);
        // Level in 4 m/s of wind: it goes with the wind, and no faster.
        assert!((15.0..150.0).contains(&drift_m), "{kind:?}: {drift_m} m");
        assert!(t[0] > before.north_m + 10.0, "downwind");
    }
}

#[test]
fn a_landing_whose_position_is_pulled_away_still_comes_down() {
    for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
        let mut s = Station::ready(kind, 6);
        s.hover_at(30.0);
        s.aircraft.trouble(sim::autopilot::Trouble::GnssDrag {
            north_mps: 3.0,
            east_mps: 0.0,
        });
        let land = match kind {
            AutopilotKind::Px4 => [1.0, 4.0, 6.0, 0.0, 0.0, 0.0, 0.0],
            AutopilotKind::ArduPilot => [1.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        };
        s.command(176, land);
        s.until(90.0, "down and disarmed", |s| !s.armed());
    }
}

/// A velocity alone, once in a tenth of a second; PX4 wants a second of them before its mode.
fn descend_by_velocity(s: &mut Station, kind: AutopilotKind, seconds: u32) {
    use common::PositionTargetTypemask as M;
    for tenth in 0..seconds * 10 {
        if tenth == 12 {
            let mode = match kind {
                AutopilotKind::Px4 => [1.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                AutopilotKind::ArduPilot => [1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            };
            assert_eq!(s.command(176, mode), MavResult::MAV_RESULT_ACCEPTED);
        }
        s.send(MavMessage::SET_POSITION_TARGET_LOCAL_NED(
            common::SET_POSITION_TARGET_LOCAL_NED_DATA {
                vz: 1.5,
                type_mask: M::POSITION_TARGET_TYPEMASK_X_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_Y_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_Z_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_YAW_IGNORE,
                target_system: 1,
                target_component: 1,
                coordinate_frame: common::MavFrame::MAV_FRAME_LOCAL_NED,
                ..Default::default()
            },
        ));
        s.run(0.1);
    }
}

#[test]
fn a_descent_by_velocity_does_not_follow_a_pulled_position_and_one_that_holds_its_place_does() {
    for kind in BOTH {
        // ArduCopter holds the place that its velocity leads to, unless GUID_OPTIONS says otherwise; PX4 does not.
        for holds in [false, true] {
            if holds && kind == AutopilotKind::Px4 {
                continue;
            }
            let mut s = Station::ready(kind, 5);
            s.set_param("GUID_OPTIONS", if holds { 0.0 } else { 16.0 });
            s.wind_ned_mps = [5.0, 2.0, 0.0];
            s.hover_at(40.0);
            s.run(10.0);
            let from = s.place();
            s.aircraft.trouble(sim::autopilot::Trouble::GnssDrag {
                north_mps: 4.0,
                east_mps: 0.0,
            });
            descend_by_velocity(&mut s, kind, 16);
            let truth = s.aircraft.truth();
            let down_m = 40.0 - (truth.alt_amsl_m - home().alt.metres());
            assert!(down_m > 15.0, "{kind:?}: {down_m} m down");
            let [north, east] = {
                let p = LocalPlane::new(home().at)
                    .to_local(LatLon::from_degrees(truth.lat_deg, truth.lon_deg).unwrap());
                [p.north_m, p.east_m]
            };
            let moved_m = (north - from.north_m).hypot(east - from.east_m);
            // For the second before the mode it held a place that was pulled.
            if holds {
                assert!(moved_m > 30.0, "{kind:?}: {moved_m} m");
            } else {
                assert!(moved_m < 12.0, "{kind:?}: {moved_m} m");
            }
        }
    }
}

#[test]
fn an_aircraft_spoken_to_without_bytes_flies_as_one_spoken_to_with_them() {
    for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
        let environment = Environment {
            wind_ned_mps: [1.0, -2.0, 0.0],
            utc: Utc(1_790_856_120_000_000),
        };
        let arm = MavMessage::COMMAND_LONG(link::common::COMMAND_LONG_DATA {
            param1: 1.0,
            command: link::common::MavCmd::MAV_CMD_COMPONENT_ARM_DISARM,
            target_system: 7,
            target_component: 1,
            ..Default::default()
        });
        let mut wired = sim::autopilot::Aircraft::new(AircraftConfig::new(kind, home(), 7));
        let mut direct = sim::autopilot::Aircraft::new(AircraftConfig::new(kind, home(), 7));
        direct.speak_directly();
        let mut stamper = Stamper::new(255, 190);
        let mut framer = Framer::new();
        for step in 0..6_000u64 {
            let now = Mono(step * 10_000);
            if step == 4_500 {
                wired.mavlink_in(now, stamper.frame(arm.clone()).bytes());
                direct.hear((255, 190), &arm);
            }
            wired.step(STEP_S, &environment);
            direct.step(STEP_S, &environment);
            framer.push(now, &wired.mavlink_out());
            let mut by_wire = Vec::new();
            while let Some(f) = framer.next_frame() {
                by_wire.push(f.header().msg_id);
            }
            let said: Vec<u32> = direct
                .messages_out()
                .map(|m| Msg::Common(Box::new(m)).id())
                .collect();
            assert_eq!(by_wire, said, "{kind:?} at step {step}");
            assert_eq!(wired.truth(), direct.truth(), "{kind:?} at step {step}");
        }
    }
}
