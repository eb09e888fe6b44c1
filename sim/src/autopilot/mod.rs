//! A multicopter behind an autopilot that speaks MAVLink as PX4 1.15 does, or as ArduCopter 4.7 does.
//!
//! What it does was read off the real ones (their captures are test data, not code here). Stepped by a fixed 10 ms;
//! bytes in, bytes out. Never reads a clock.

// Stations still use the protocol's old names (MISSION_REQUEST, SET_MODE): real autopilots answer them.
#![allow(deprecated)]

mod commands;
mod failsafes;
mod fence;
mod lists;
mod modes;
mod params;
mod streams;
mod troubles;

pub use modes::Mode;
pub use troubles::Trouble;

use crate::vehicle::control::{Controller, Demand, Gains};
use crate::vehicle::guide::{Guide, Limits, StopLaw};
use crate::vehicle::sensors::Sensors;
use crate::vehicle::{AirframeSpec, Body};
use fence::OwnFence;
use link::common::{MavMessage, MavSeverity, STATUSTEXT_DATA};
use link::frame::{Framer, Stamper};
use link::items::{Dialect, ListKind, WireItem};
use lists::Lists;
use missions::place::{Home, LatLon};
use missions::plane::{EastNorth, LocalPlane};
use missions::time::{Mono, Utc};
use modes::Flight;
use nalgebra::{Matrix3, Vector3};
use params::Params;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use streams::Streams;

/// Bytes that wait to be fetched; a reader that does not fetch loses the newest, as on a full UART.
const MAX_OUT: usize = 256 << 10;
/// From switching on to the first position, as captured.
const COPTER_LOCATED_AFTER: Duration = Duration::from_secs(20);
const PX4_LOCATED_AFTER: Duration = Duration::from_secs(8);
/// From switching on to "ready to arm", as captured.
const COPTER_READY_AFTER: Duration = Duration::from_secs(26);
const PX4_READY_AFTER: Duration = Duration::from_secs(36);

/// Propellers turning on the ground.
const IDLE_THRUST_MPS2: f64 = 1.0;

const VERTICAL_GAINS: Gains = Gains {
    position_p: 1.0,
    velocity_p: 2.6,
    velocity_i: 0.9,
};

/// Horizontal gains: PX4's MPC_XY_P, MPC_XY_VEL_P_ACC, MPC_XY_VEL_I_ACC and ArduCopter's PSC_POSXY_P, PSC_VELXY_P,
/// PSC_VELXY_I as they are set from the factory.
fn gains(kind: AutopilotKind) -> Gains {
    match kind {
        AutopilotKind::Px4 => Gains {
            position_p: 0.95,
            velocity_p: 1.8,
            velocity_i: 0.4,
        },
        AutopilotKind::ArduPilot => Gains {
            position_p: 1.0,
            velocity_p: 2.0,
            velocity_i: 1.0,
        },
    }
}

/// Which autopilot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AutopilotKind {
    /// PX4.
    Px4,
    /// ArduCopter.
    ArduPilot,
}

impl AutopilotKind {
    /// As the item codec knows it.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            AutopilotKind::Px4 => Dialect::Px4,
            AutopilotKind::ArduPilot => Dialect::ArduPilot,
        }
    }
}

/// How an aircraft is set up.
#[derive(Clone, Debug)]
pub struct AircraftConfig {
    /// Which autopilot.
    pub kind: AutopilotKind,
    /// Where it stands when switched on.
    pub home: Home,
    /// MAVLink system id.
    pub system_id: u8,
    /// Sensor errors follow from it.
    pub seed: u64,
    /// The airframe.
    pub airframe: AirframeSpec,
    /// Battery at the start, 0..1.
    pub charge: f64,
    /// Heading at the start, degrees from north.
    pub heading_deg: f64,
    /// Whether it keeps pace with its clients' clocks; if not, it does not say that it is our simulator.
    pub real_pace: bool,
}

impl AircraftConfig {
    /// The usual aircraft, battery full.
    #[must_use]
    pub fn new(kind: AutopilotKind, home: Home, system_id: u8) -> Self {
        AircraftConfig {
            kind,
            home,
            system_id,
            seed: 0,
            airframe: AirframeSpec::default(),
            charge: 1.0,
            heading_deg: 0.0,
            real_pace: true,
        }
    }
}

/// What the world does to the aircraft in one step.
#[derive(Clone, Copy, Debug)]
pub struct Environment {
    /// Wind, m/s towards north, east, down.
    pub wind_ned_mps: [f64; 3],
    /// UTC, as GNSS tells it.
    pub utc: Utc,
}

/// The truth about the aircraft, for cameras and oracles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AircraftTruth {
    /// Degrees, WGS-84.
    pub lat_deg: f64,
    /// Degrees, WGS-84.
    pub lon_deg: f64,
    /// Metres above mean sea level.
    pub alt_amsl_m: f64,
    /// m/s north, east, down.
    pub vel_ned: [f64; 3],
    /// Roll, pitch, yaw, rad.
    pub rpy_rad: [f64; 3],
    /// Battery left, 0..1.
    pub battery: f64,
    /// Motors.
    pub armed: bool,
    /// Mode.
    pub mode: Mode,
    /// Since the autopilot was switched on, µs.
    pub boot_us: u64,
}

impl AircraftTruth {
    /// Turns body vectors (forward, right, down) into north, east, down.
    #[must_use]
    pub fn ned_from_body(&self) -> Matrix3<f64> {
        let [r, p, y] = self.rpy_rad;
        *nalgebra::Rotation3::from_euler_angles(r, p, y).matrix()
    }
}

/// What the estimator believes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    /// Metres north, east, down of home.
    pub position: Vector3<f64>,
    /// m/s.
    pub velocity: Vector3<f64>,
    /// rad.
    pub yaw: f64,
}

/// An aircraft with its autopilot.
#[derive(Clone)]
pub struct Aircraft {
    kind: AutopilotKind,
    real_pace: bool,
    system_id: u8,
    home: Home,
    plane: LocalPlane,
    body: Body,
    guide: Guide,
    controller: Controller,
    sensors: Sensors,
    params: Params,
    lists: Lists,
    fence: OwnFence,
    flight: Flight,
    streams: Streams,
    framer: Framer,
    stamper: Stamper,
    out: Vec<u8>,
    /// Messages as they are, where nobody wants bytes.
    direct: Option<Vec<MavMessage>>,
    troubles: troubles::Troubles,
    /// World time when the autopilot was last switched on.
    boot_at: Mono,
    /// The true place in degrees, once somebody asked for it in this step.
    place_deg: std::cell::Cell<Option<(f64, f64)>>,
    rates: modes::Rates,
    now: Mono,
    utc: Utc,
    wind: [f64; 3],
    ready: bool,
    last_gcs: Option<Mono>,
    gcs_seen_armed: bool,
    next_slow: Mono,
}

impl Aircraft {
    /// Whether it has started and found its position.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The sensors' errors wander on as this seed has it.
    pub fn reseed(&mut self, seed: u64) {
        self.sensors.reseed(seed);
    }

    /// An aircraft just switched on.
    #[must_use]
    pub fn new(config: AircraftConfig) -> Self {
        let yaw = config.heading_deg.to_radians();
        let limits = Limits {
            speed_mps: 5.0,
            climb_mps: 2.5,
            descend_mps: 1.5,
            accel_mps2: 3.0,
            accel_vertical_mps2: 2.5,
            jerk_mps3: 4.0,
            stop: StopLaw::JerkLimited,
        };
        Aircraft {
            kind: config.kind,
            system_id: config.system_id,
            real_pace: config.real_pace,
            plane: LocalPlane::new(config.home.at),
            home: config.home,
            body: Body::new(config.airframe, yaw, config.charge),
            guide: Guide::new(limits, Vector3::zeros(), yaw),
            controller: Controller::new(gains(config.kind), VERTICAL_GAINS),
            sensors: Sensors::new(config.seed),
            params: Params::new(config.kind, config.system_id),
            lists: Lists::new(config.kind),
            fence: OwnFence::default(),
            flight: Flight::new(config.kind),
            streams: Streams::new(config.kind),
            framer: Framer::new(),
            stamper: Stamper::new(config.system_id, 1),
            out: Vec::new(),
            direct: None,
            troubles: troubles::Troubles::default(),
            boot_at: Mono::ZERO,
            place_deg: std::cell::Cell::new(None),
            rates: modes::Rates::default(),
            now: Mono::ZERO,
            utc: Utc(0),
            wind: [0.0; 3],
            ready: false,
            last_gcs: None,
            gcs_seen_armed: false,
            next_slow: Mono::ZERO,
        }
    }

    /// The truth.
    #[must_use]
    pub fn truth(&self) -> AircraftTruth {
        let p = self.body.position_ned_m;
        let (lat_deg, lon_deg) = self.place_deg.get().unwrap_or_else(|| {
            let place = self.plane.to_degrees(EastNorth::new(p.y, p.x));
            self.place_deg.set(Some(place));
            place
        });
        let v = self.body.velocity_ned_mps;
        let r = self.body.rpy_rad;
        AircraftTruth {
            lat_deg,
            lon_deg,
            alt_amsl_m: self.home.alt.metres() - p.z,
            vel_ned: [v.x, v.y, v.z],
            rpy_rad: [r.x, r.y, r.z],
            battery: self.body.battery.fraction(),
            armed: self.flight.armed,
            mode: self.flight.mode,
            boot_us: self.now.0,
        }
    }

    /// What is stored in one of the lists.
    #[must_use]
    pub fn stored(&self, kind: ListKind) -> &[WireItem] {
        self.lists.get(kind)
    }

    /// The true position, metres north, east, down of home: what [`Aircraft::truth`] holds in degrees, for those who ask
    /// often.
    #[must_use]
    pub fn position_ned_m(&self) -> [f64; 3] {
        let p = self.body.position_ned_m;
        [p.x, p.y, p.z]
    }
    /// The true velocity, m/s north, east, down.
    #[must_use]
    pub fn velocity_ned_mps(&self) -> [f64; 3] {
        let v = self.body.velocity_ned_mps;
        [v.x, v.y, v.z]
    }
    /// Whether the motors run.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.flight.armed
    }

    fn ready_after(&self) -> Duration {
        match self.kind {
            AutopilotKind::ArduPilot => COPTER_READY_AFTER,
            AutopilotKind::Px4 => PX4_READY_AFTER,
        }
    }

    /// Whether it has a position.
    pub(crate) fn located(&self) -> bool {
        let after = match self.kind {
            AutopilotKind::ArduPilot => COPTER_LOCATED_AFTER,
            AutopilotKind::Px4 => PX4_LOCATED_AFTER,
        };
        self.now.since(Mono::ZERO) >= after && !self.troubles.lost()
    }
    /// World time: since the aircraft was first switched on.
    pub(crate) fn world_now(&self) -> Mono {
        Mono(self.boot_at.0 + self.now.0)
    }

    pub(crate) fn estimate(&self) -> Estimate {
        // Standing on the ground it knows its height and that it does not move.
        let v = if self.body.on_ground {
            Vector3::zeros()
        } else {
            self.body.velocity_ned_mps + self.sensors.velocity_error_mps()
        };
        Estimate {
            position: self.body.position_ned_m
                + self.sensors.position_error_m()
                + self.troubles.offset_m(),
            velocity: v,
            yaw: self.body.rpy_rad.z + self.sensors.yaw_error_rad(),
        }
    }

    /// Where the estimate is on the globe: degrees and metres above mean sea level.
    pub(crate) fn estimated_place(&self) -> (f64, f64, f64) {
        let e = self.estimate();
        let (lat, lon) = self
            .plane
            .to_degrees(EastNorth::new(e.position.y, e.position.x));
        (lat, lon, self.home.alt.metres() - e.position.z)
    }

    /// A place and a height above home as metres north, east, down of home.
    pub(crate) fn ned(&self, at: LatLon, above_home_m: f64) -> Vector3<f64> {
        let p = self.plane.to_local(at);
        Vector3::new(p.north_m, p.east_m, -above_home_m)
    }

    /// Moves on by `dt_s` (0.01).
    pub fn step(&mut self, dt_s: f64, environment: &Environment) {
        self.now = Mono(self.now.0 + (dt_s * 1e6).round() as u64);
        self.utc = environment.utc;
        self.wind = environment.wind_ned_mps;
        self.sensors.step(dt_s);
        self.suffer(dt_s);
        if !self.ready && self.now.since(Mono::ZERO) >= self.ready_after() {
            self.ready = true;
            if self.kind == AutopilotKind::ArduPilot {
                self.say(MavSeverity::MAV_SEVERITY_INFO, "EKF3 IMU0 is using GPS");
            } else {
                self.say(MavSeverity::MAV_SEVERITY_INFO, "Ready for takeoff!");
            }
        }
        self.fly(dt_s);
        let e = self.estimate();
        let idle = self.body.on_ground && !self.lifts_off();
        let demand = self.flight.armed.then(|| {
            if idle {
                return Demand {
                    thrust_mps2: IDLE_THRUST_MPS2,
                    ..Demand::default()
                };
            }
            let demand = self.controller.step(
                dt_s,
                self.body.spec(),
                self.guide.target(),
                e.position,
                e.velocity,
                e.yaw,
            );
            self.level(demand)
        });
        let w = environment.wind_ned_mps;
        self.place_deg.set(None);
        self.body
            .step(dt_s, demand.as_ref(), Vector3::new(w[0], w[1], w[2]));
        if self.now >= self.next_slow {
            self.next_slow = self.now.after(Duration::from_millis(50));
            self.watch();
        }
        self.lists.tick(self.now);
        self.after_lists();
        self.stream();
    }

    /// Bytes that reach the autopilot's serial port.
    pub fn mavlink_in(&mut self, now: Mono, bytes: &[u8]) {
        if self.troubles.unplugged {
            return;
        }
        self.framer.push(now, bytes);
        while let Some(frame) = self.framer.next_frame() {
            self.frame(&frame);
        }
    }

    /// Bytes sent since the last call.
    pub fn mavlink_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// From now on what it says leaves as messages ([`Aircraft::messages_out`]), not as bytes: for campaigns that fly
    /// many hours and test no encoding.
    pub fn speak_directly(&mut self) {
        self.direct.get_or_insert_default();
    }
    /// Messages said since the last call, where it speaks directly.
    pub fn messages_out(&mut self) -> impl Iterator<Item = MavMessage> + '_ {
        self.direct.iter_mut().flat_map(|d| d.drain(..))
    }
    /// A message that reaches the autopilot without having been bytes. `from`: system and component.
    pub fn hear(&mut self, from: (u8, u8), m: &MavMessage) {
        if !self.troubles.unplugged {
            self.message_in(from, m);
        }
    }
    /// Puts lists and parameters where an upload and PARAM_SET would have put them, as this dialect keeps them.
    ///
    /// # Errors
    /// The first item this autopilot would have refused.
    pub fn load(
        &mut self,
        lists: &[Vec<link::items::WireItem>; 3],
        params: &[(&str, f64)],
    ) -> Result<(), String> {
        for (kind, items) in ListKind::ALL.into_iter().zip(lists) {
            self.lists.load(kind, items)?;
        }
        self.set_params(params);
        self.after_lists();
        Ok(())
    }
    /// Sets parameters from inside.
    pub fn set_params(&mut self, params: &[(&str, f64)]) {
        for (name, value) in params {
            self.params.set(name, *value);
        }
    }
    /// Asks for a stream, as SET_MESSAGE_INTERVAL does.
    pub fn stream_every(&mut self, id: u32, interval_us: f64) -> bool {
        self.streams.set_interval(id, interval_us)
    }

    pub(crate) fn send(&mut self, m: MavMessage) {
        if self.troubles.unplugged {
            return;
        }
        if let Some(direct) = &mut self.direct {
            // Whoever asked for them fetches them; who does not must not eat the memory.
            if direct.len() < 1 << 12 {
                direct.push(m);
            }
            return;
        }
        if self.out.len() < MAX_OUT {
            let f = self.stamper.frame(m);
            self.out.extend_from_slice(f.bytes());
        }
    }

    /// A message of which only the bytes can be told.
    pub(crate) fn send_raw(&mut self, id: u32, payload: &[u8]) {
        if self.troubles.unplugged || self.direct.is_some() {
            return;
        }
        if self.out.len() < MAX_OUT
            && let Some(f) = self.stamper.raw(id, payload)
        {
            self.out.extend_from_slice(f.bytes());
        }
    }

    pub(crate) fn say(&mut self, severity: MavSeverity, text: &str) {
        let mut b = [0u8; 50];
        for (to, from) in b.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.send(MavMessage::STATUSTEXT(STATUSTEXT_DATA {
            severity,
            text: b.into(),
            id: 0,
            chunk_seq: 0,
        }));
    }

    /// Sends what the lists have to say, and takes over what changed in them.
    pub(crate) fn after_lists(&mut self) {
        for m in self.lists.take_out() {
            match m {
                lists::Out::Message(m) => self.send(*m),
                lists::Out::Ack(payload) => self.send_raw(47, &payload),
            }
        }
        for t in std::mem::take(&mut self.lists.texts) {
            self.say(MavSeverity::MAV_SEVERITY_WARNING, &t);
        }
        let changed = self.lists.take_changed();
        let recheck = changed
            .iter()
            .any(|k| matches!(k, ListKind::Fence | ListKind::Mission));
        for kind in changed {
            let n = self.lists.get(kind).len();
            match kind {
                ListKind::Fence => {
                    self.fence = OwnFence::read(self.lists.get(kind), &self.plane);
                    // ArduPilot counts what its store holds: the corners and two marks, no circles.
                    let corners = self
                        .lists
                        .get(kind)
                        .iter()
                        .filter(|i| matches!(i.command, 5001 | 5002))
                        .count();
                    self.params.set(
                        "FENCE_TOTAL",
                        if corners == 0 {
                            0.0
                        } else {
                            corners as f64 + 2.0
                        },
                    );
                }
                ListKind::Rally => self.params.set("RALLY_TOTAL", n as f64),
                ListKind::Mission => {
                    self.params.set("MIS_TOTAL", n as f64);
                    self.set_home_item();
                    self.mission_changed();
                }
            }
        }
        if recheck {
            self.check_mission();
        }
    }

    /// ArduPilot's mission item 0 is home, and nothing before home is known.
    pub(crate) fn set_home_item(&mut self) {
        if self.kind == AutopilotKind::ArduPilot {
            let h = self.home;
            if self.located() {
                self.lists
                    .set_home_item(h.at.lat_e7(), h.at.lon_e7(), h.alt.metres());
            } else {
                self.lists.set_home_item(0, 0, 0.0);
            }
        }
    }

    /// Whether the autopilot's own fence is switched on.
    pub(crate) fn fence_on(&self) -> bool {
        match self.kind {
            AutopilotKind::ArduPilot => self
                .flight
                .fence_switch
                .unwrap_or(self.params.get("FENCE_ENABLE") != 0.0),
            AutopilotKind::Px4 => self.params.get("GF_ACTION") != 0.0 && !self.fence.is_empty(),
        }
    }
}
