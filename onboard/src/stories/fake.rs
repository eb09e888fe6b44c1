//! A point that obeys MAVLink the way each autopilot was seen to: enough to tell stories, no dynamics to believe in.

use crate::facts::Kind;
use crate::params::{decode, encode};
use link::common::{self as c, MavCmd, MavMessage as Common, MavParamType, MavResult};
use link::frame::{Frame, Framer, Msg, Stamper};
use link::items::{ListKind, WireItem, cmd};
use link::transfer::{Server, ServerOut};
use missions::place::{Home, LatLon};
use missions::plane::{EastNorth, LocalPlane};
use missions::time::{Mono, Now, Utc};
use std::collections::BTreeMap;

pub struct Fake {
    pub kind: Kind,
    pub home: Home,
    plane: LocalPlane,
    stamper: Stamper,
    framer: Framer,
    pub server: Server,
    pub params: BTreeMap<String, (f64, MavParamType)>,
    pub at: EastNorth,
    pub up_m: f64,
    pub vel: [f64; 3],
    pub armed: bool,
    pub mode: u32,
    pub seq: u16,
    target: Option<(EastNorth, f64)>,
    pub battery_pct: f64,
    /// Ignores every command.
    pub deaf: bool,
    /// Sends nothing but heartbeats.
    pub blind: bool,
    /// When it was last switched on, µs.
    pub boot_us: u64,
    pub simulated: bool,
    pub accel: f64,
    pub commands: Vec<(u16, [f32; 7])>,
    pub station_beats: u32,
    out: Vec<u8>,
    streams: BTreeMap<u32, (u64, u64)>,
    hold_at: Option<(EastNorth, f64)>,
    pub max_speed: f64,
}

pub fn px4(main: u8, sub: u8) -> u32 {
    u32::from_le_bytes([0, 0, main, sub])
}

impl Fake {
    pub fn new(kind: Kind, home: Home) -> Self {
        let mut params = BTreeMap::new();
        let list: &[(&str, f64, MavParamType)] = if kind == Kind::Px4 {
            use MavParamType::{MAV_PARAM_TYPE_INT32 as I, MAV_PARAM_TYPE_REAL32 as R};
            &[
                ("GF_ACTION", 2.0, I),
                ("GF_MAX_HOR_DIST", 0.0, R),
                ("GF_MAX_VER_DIST", 0.0, R),
                ("NAV_DLL_ACT", 0.0, I),
                ("COM_DL_LOSS_T", 10.0, I),
                ("NAV_RCL_ACT", 2.0, I),
                ("COM_RCL_EXCEPT", 0.0, I),
                ("COM_OBL_RC_ACT", 0.0, I),
                ("COM_LOW_BAT_ACT", 2.0, I),
                ("RTL_RETURN_ALT", 30.0, R),
                ("RTL_TYPE", 0.0, I),
                ("RTL_CONE_ANG", 45.0, I),
                ("RTL_LAND_DELAY", 0.0, R),
                ("MPC_XY_CRUISE", 5.0, R),
            ]
        } else {
            use MavParamType::{
                MAV_PARAM_TYPE_INT8 as I, MAV_PARAM_TYPE_INT32 as L, MAV_PARAM_TYPE_REAL32 as R,
            };
            &[
                ("FENCE_TYPE", 7.0, I),
                ("FENCE_ALT_MAX", 100.0, R),
                ("FENCE_ACTION", 1.0, I),
                ("FENCE_ENABLE", 0.0, I),
                ("FS_GCS_ENABLE", 0.0, I),
                ("FS_GCS_TIMEOUT", 5.0, R),
                ("FS_OPTIONS", 16.0, L),
                ("FS_EKF_ACTION", 1.0, I),
                ("RTL_ALT", 1500.0, L),
                ("RTL_CONE_SLOPE", 3.0, R),
                ("RTL_CLIMB_MIN", 0.0, I),
                ("RTL_ALT_FINAL", 0.0, I),
                ("RALLY_INCL_HOME", 1.0, I),
                ("GUID_OPTIONS", 0.0, L),
                ("BATT_FS_LOW_ACT", 0.0, I),
                ("BATT_FS_CRT_ACT", 0.0, I),
                ("WPNAV_SPEED", 1000.0, R),
            ]
        };
        for (n, v, t) in list {
            params.insert((*n).to_owned(), (*v, *t));
        }
        Fake {
            kind,
            home,
            plane: LocalPlane::new(home.at),
            stamper: Stamper::new(1, 1),
            framer: Framer::new(),
            server: Server::new(),
            params,
            at: EastNorth::new(0.0, 0.0),
            up_m: 0.0,
            vel: [0.0; 3],
            armed: false,
            mode: if kind == Kind::Px4 { px4(4, 3) } else { 0 },
            seq: 0,
            target: None,
            battery_pct: 95.0,
            deaf: false,
            blind: false,
            boot_us: 0,
            simulated: true,
            accel: 3.0,
            commands: Vec::new(),
            station_beats: 0,
            out: Vec::new(),
            streams: BTreeMap::new(),
            hold_at: None,
            max_speed: 8.0,
        }
    }

    fn send(&mut self, m: Common) {
        let f = self.stamper.frame(m);
        self.out.extend_from_slice(f.bytes());
    }
    pub fn drain(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn is(&self, what: &str) -> bool {
        let m = self.mode;
        match (self.kind, what) {
            (Kind::Px4, "mission") => m == px4(4, 4),
            (Kind::Px4, "hold") => m == px4(4, 3),
            (Kind::Px4, "rtl") => m == px4(4, 5),
            (Kind::Px4, "land") => m == px4(4, 6),
            (_, "mission") => m == 3,
            (_, "hold") => m == 17,
            (_, "guided") => m == 4,
            (_, "rtl") => m == 6,
            (_, "land") => m == 9,
            _ => false,
        }
    }
    pub fn enter(&mut self, what: &str) {
        self.mode = match (self.kind, what) {
            (Kind::Px4, "mission") => px4(4, 4),
            (Kind::Px4, "rtl") => px4(4, 5),
            (Kind::Px4, "land") => px4(4, 6),
            (Kind::Px4, "sticks") => px4(3, 0),
            (Kind::Px4, _) => px4(4, 3),
            (_, "mission") => 3,
            (_, "guided") => 4,
            (_, "rtl") => 6,
            (_, "land") => 9,
            (_, "sticks") => 5,
            _ => 17,
        };
        self.target = None;
        self.hold_at = None;
    }
    pub fn latlon(&self) -> LatLon {
        self.plane.to_latlon(self.at).unwrap()
    }
    pub fn speed(&self) -> f64 {
        self.vel[0].hypot(self.vel[1])
    }
    pub fn landed(&self) -> bool {
        self.up_m < 0.1
    }

    pub fn hear(&mut self, now: Now, bytes: &[u8]) {
        self.framer.push(now.mono, bytes);
        while let Some(f) = self.framer.next_frame() {
            self.frame(now, &f);
        }
        self.serve();
    }

    fn serve(&mut self) {
        while let Some(o) = self.server.poll() {
            match o {
                ServerOut::Send { message, .. } => self.send(message),
                ServerOut::Received {
                    kind, mut items, ..
                } => {
                    if self.kind == Kind::ArduPilot
                        && kind == ListKind::Mission
                        && !items.is_empty()
                    {
                        // Item 0 is home, whatever was sent.
                        items[0] = WireItem {
                            frame: 0,
                            command: 16,
                            autocontinue: 1,
                            x: self.home.at.lat_e7(),
                            y: self.home.at.lon_e7(),
                            z: self.home.alt.metres() as f32,
                            ..WireItem::default()
                        };
                    }
                    self.server.set_list(kind, items);
                    self.server
                        .answer(kind, c::MavMissionResult::MAV_MISSION_ACCEPTED);
                    if kind == ListKind::Mission {
                        self.seq = 0;
                    }
                }
                ServerOut::Clear { kind, from } => {
                    for k in ListKind::ALL {
                        if kind.is_none_or(|w| w == k) {
                            self.server.set_list(k, Vec::new());
                        }
                    }
                    self.server
                        .answer_clear(from, kind, c::MavMissionResult::MAV_MISSION_ACCEPTED);
                }
            }
        }
    }

    fn ack(&mut self, command: MavCmd, result: MavResult, to: (u8, u8)) {
        self.send(Common::COMMAND_ACK(c::COMMAND_ACK_DATA {
            command,
            result,
            progress: 0,
            result_param2: 0,
            target_system: to.0,
            target_component: to.1,
        }));
    }

    fn param(&mut self, name: &str) {
        if let Some((v, t)) = self.params.get(name).copied() {
            let value = encode(self.kind, v, t);
            self.send(Common::PARAM_VALUE(c::PARAM_VALUE_DATA {
                param_value: value,
                param_count: 20,
                param_index: 0,
                param_id: name.into(),
                param_type: t,
            }));
        }
    }

    #[allow(deprecated)]
    fn frame(&mut self, now: Now, f: &Frame) {
        if self.server.handle(now, f) {
            return;
        }
        let h = f.header();
        let from = (h.system, h.component);
        let Msg::Common(m) = f.decode() else { return };
        match *m {
            Common::HEARTBEAT(b) if b.mavtype == c::MavType::MAV_TYPE_GCS => {
                self.station_beats += 1
            }
            Common::PARAM_REQUEST_READ(p) => {
                let name = p.param_id.to_str().unwrap().to_owned();
                self.param(&name);
            }
            Common::PARAM_SET(p) => {
                let name = p.param_id.to_str().unwrap().to_owned();
                if let Some(slot) = self.params.get_mut(&name) {
                    slot.0 = decode(self.kind, p.param_value, slot.1);
                }
                self.param(&name);
            }
            Common::COMMAND_LONG(l) => {
                let p = [
                    l.param1, l.param2, l.param3, l.param4, l.param5, l.param6, l.param7,
                ];
                self.command(l.command, p, from);
            }
            Common::COMMAND_INT(i) => {
                self.commands.push((
                    i.command as u16,
                    [
                        i.param1, i.param2, i.param3, i.param4, i.x as f32, i.y as f32, i.z,
                    ],
                ));
                if self.deaf {
                    return;
                }
                if i.command == MavCmd::MAV_CMD_DO_REPOSITION {
                    let at = self.plane.to_local(LatLon::from_e7(i.x, i.y).unwrap());
                    let up = if i.frame == c::MavFrame::MAV_FRAME_GLOBAL {
                        f64::from(i.z) - self.home.alt.metres()
                    } else {
                        f64::from(i.z)
                    };
                    self.enter(if self.kind == Kind::Px4 {
                        "hold"
                    } else {
                        "guided"
                    });
                    self.target = Some((at, up));
                    self.ack(i.command, MavResult::MAV_RESULT_ACCEPTED, from);
                }
            }
            _ => {}
        }
    }

    fn command(&mut self, command: MavCmd, p: [f32; 7], from: (u8, u8)) {
        use MavResult::{MAV_RESULT_ACCEPTED as OK, MAV_RESULT_FAILED as NO};
        self.commands.push((command as u16, p));
        if self.deaf && command != MavCmd::MAV_CMD_SET_MESSAGE_INTERVAL {
            return;
        }
        let result = match command {
            MavCmd::MAV_CMD_SET_MESSAGE_INTERVAL => {
                self.streams.insert(p[0] as u32, (p[1] as u64, 0));
                OK
            }
            MavCmd::MAV_CMD_REQUEST_MESSAGE => {
                if p[0] == 148.0 {
                    let mut v = c::AUTOPILOT_VERSION_DATA::default();
                    if self.simulated {
                        v.flight_custom_version = *b"PATROLSI";
                    }
                    self.send(Common::AUTOPILOT_VERSION(v));
                } else if p[0] == 242.0 {
                    self.home_position();
                }
                OK
            }
            MavCmd::MAV_CMD_COMPONENT_ARM_DISARM if p[0] == 1.0 => {
                if self.kind == Kind::ArduPilot && self.mode == 3 {
                    NO
                } else {
                    self.armed = true;
                    OK
                }
            }
            MavCmd::MAV_CMD_COMPONENT_ARM_DISARM => {
                self.armed = false;
                OK
            }
            MavCmd::MAV_CMD_DO_SET_MODE => {
                self.mode = if self.kind == Kind::Px4 {
                    px4(p[1] as u8, p[2] as u8)
                } else {
                    p[1] as u32
                };
                self.target = None;
                self.hold_at = None;
                OK
            }
            MavCmd::MAV_CMD_NAV_RETURN_TO_LAUNCH => {
                self.enter("rtl");
                OK
            }
            MavCmd::MAV_CMD_NAV_TAKEOFF => {
                self.target = Some((self.at, f64::from(p[6])));
                OK
            }
            MavCmd::MAV_CMD_MISSION_START => {
                self.enter("mission");
                OK
            }
            _ => MavResult::MAV_RESULT_UNSUPPORTED,
        };
        self.ack(command, result, from);
    }

    fn home_position(&mut self) {
        let mut d = c::HOME_POSITION_DATA::default();
        (d.latitude, d.longitude) = (self.home.at.lat_e7(), self.home.at.lon_e7());
        d.altitude = (self.home.alt.metres() * 1e3) as i32;
        self.send(Common::HOME_POSITION(d));
    }

    fn goal(&mut self) -> Option<(EastNorth, f64)> {
        if !self.armed {
            return None;
        }
        let here = (self.at, self.up_m);
        if self.is("mission") {
            let items = self.server.list(ListKind::Mission).to_vec();
            if self.kind == Kind::ArduPilot && self.seq == 0 {
                self.seq = 1;
            }
            let item = items.get(usize::from(self.seq))?;
            let place = |i: &WireItem| i.at().map(|p| self.plane.to_local(p));
            let goal = match item.command {
                cmd::TAKEOFF => (self.at, f64::from(item.z)),
                cmd::WAYPOINT => (place(item)?, f64::from(item.z)),
                cmd::LAND => (place(item)?, -1.0),
                cmd::RETURN_TO_LAUNCH => {
                    if self.kind == Kind::Px4 {
                        self.enter("rtl");
                    }
                    return Some(self.rtl());
                }
                _ => {
                    self.seq += 1;
                    return Some(here);
                }
            };
            let done = self.at.distance_m(goal.0) < 2.0 && (self.up_m - goal.1).abs() < 1.0;
            if done && usize::from(self.seq) + 1 < items.len() {
                self.seq += 1;
            } else if done && item.command != cmd::LAND {
                self.enter("hold");
            }
            return Some(goal);
        }
        if self.is("rtl") {
            return Some(self.rtl());
        }
        if self.is("land") {
            return Some((*self.hold_at.get_or_insert(here), -1.0)).map(|((e, _), u)| (e, u));
        }
        if let Some(t) = self.target {
            return Some(t);
        }
        if self.is("hold") || self.is("guided") {
            // Brakes along its way and keeps the place it comes to.
            let v = self.speed();
            if v > 0.3 && self.hold_at.is_none() {
                let d = v * v / (2.0 * self.accel);
                let at = EastNorth::new(
                    self.at.east_m + self.vel[0] / v * d,
                    self.at.north_m + self.vel[1] / v * d,
                );
                self.hold_at = Some((at, self.up_m));
            }
            return Some(*self.hold_at.get_or_insert(here));
        }
        None
    }

    fn rtl(&mut self) -> (EastNorth, f64) {
        let alt = match self.kind {
            Kind::Px4 => self.params["RTL_RETURN_ALT"].0,
            _ => self.params["RTL_ALT"].0 / 100.0,
        };
        let home = EastNorth::new(0.0, 0.0);
        if self.at.distance_m(home) < 1.0 {
            return (home, -1.0);
        }
        if self.up_m < alt - 1.0 && self.at.distance_m(home) > 3.0 {
            let (at, _) = *self.hold_at.get_or_insert((self.at, self.up_m));
            return (at, alt);
        }
        (home, alt.max(self.up_m))
    }

    /// One step of 20 ms.
    pub fn step(&mut self, mono: Mono, utc: Utc) {
        let dt = 0.02;
        match self.goal() {
            Some((to, up)) => {
                let (de, dn) = (to.east_m - self.at.east_m, to.north_m - self.at.north_m);
                let d = de.hypot(dn);
                // Slows down so that it stops at the place.
                let v = (2.0 * self.accel * 0.8 * d).sqrt().min(self.max_speed);
                let want = if d > 0.05 {
                    [de / d * v, dn / d * v]
                } else {
                    [0.0, 0.0]
                };
                for (have, want) in self.vel.iter_mut().zip(want) {
                    *have += (want - *have).clamp(-self.accel * dt, self.accel * dt);
                }
                self.vel[2] = (up - self.up_m).clamp(-1.5, 2.5);
            }
            None if self.armed && self.is_sticks() => {}
            None => self.vel = [0.0; 3],
        }
        self.at.east_m += self.vel[0] * dt;
        self.at.north_m += self.vel[1] * dt;
        self.up_m += self.vel[2] * dt;
        if self.up_m <= 0.0 {
            self.up_m = 0.0;
            self.vel = [0.0; 3];
            let down = self.is("rtl") || self.is("land") || (self.is("mission") && self.seq > 2);
            if self.armed && down {
                self.armed = false;
            }
        }
        if self.armed {
            self.battery_pct -= dt / 1800.0 * 100.0;
        }
        self.telemetry(mono, utc);
    }

    fn is_sticks(&self) -> bool {
        self.mode == px4(3, 0) || (self.kind == Kind::ArduPilot && self.mode == 5)
    }

    fn due(&mut self, id: u32, default_us: u64, now_us: u64) -> bool {
        let slot = self.streams.entry(id).or_insert((default_us, 0));
        if slot.0 == 0 || now_us < slot.1 {
            return false;
        }
        slot.1 = now_us + slot.0;
        true
    }

    fn telemetry(&mut self, mono: Mono, utc: Utc) {
        let us = mono.0;
        let boot_ms = (us.saturating_sub(self.boot_us) / 1000) as u32;
        // ArduPilot sends nothing unasked.
        let unasked = |i: u64| if self.kind == Kind::Px4 { i } else { 0 };
        let (slow, fast) = (unasked(1_000_000), unasked(100_000));
        if self.due(0, 1_000_000, us) {
            let mut base = c::MavModeFlag::MAV_MODE_FLAG_CUSTOM_MODE_ENABLED;
            if self.armed {
                base |= c::MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED;
            }
            let m = Common::HEARTBEAT(c::HEARTBEAT_DATA {
                custom_mode: self.mode,
                mavtype: c::MavType::MAV_TYPE_QUADROTOR,
                autopilot: if self.kind == Kind::Px4 {
                    c::MavAutopilot::MAV_AUTOPILOT_PX4
                } else {
                    c::MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA
                },
                base_mode: base,
                system_status: c::MavState::MAV_STATE_ACTIVE,
                mavlink_version: 3,
            });
            self.send(m);
        }
        if self.blind {
            return;
        }
        if self.due(33, fast, us) {
            let p = self.latlon();
            let m = Common::GLOBAL_POSITION_INT(c::GLOBAL_POSITION_INT_DATA {
                time_boot_ms: boot_ms,
                lat: p.lat_e7(),
                lon: p.lon_e7(),
                alt: ((self.up_m + self.home.alt.metres()) * 1e3) as i32,
                relative_alt: (self.up_m * 1e3) as i32,
                vx: (self.vel[1] * 100.0) as i16,
                vy: (self.vel[0] * 100.0) as i16,
                vz: (-self.vel[2] * 100.0) as i16,
                hdg: 0,
            });
            self.send(m);
        }
        if self.due(30, fast, us) {
            self.send(Common::ATTITUDE(c::ATTITUDE_DATA {
                time_boot_ms: boot_ms,
                ..Default::default()
            }));
        }
        if self.due(24, slow, us) {
            self.send(Common::GPS_RAW_INT(c::GPS_RAW_INT_DATA {
                fix_type: c::GpsFixType::GPS_FIX_TYPE_3D_FIX,
                satellites_visible: 14,
                h_acc: 800,
                ..Default::default()
            }));
        }
        if self.due(1, slow, us) {
            use c::MavSysStatusSensor as S;
            let mut s = c::SYS_STATUS_DATA::default();
            let mut on = S::MAV_SYS_STATUS_PREARM_CHECK;
            if self.params.get("FENCE_ENABLE").is_some_and(|v| v.0 == 1.0) {
                on |= S::MAV_SYS_STATUS_GEOFENCE;
            }
            s.onboard_control_sensors_present = on;
            s.onboard_control_sensors_enabled = on;
            s.onboard_control_sensors_health = on;
            s.battery_remaining = self.battery_pct as i8;
            s.voltage_battery = 15_800;
            self.send(Common::SYS_STATUS(s));
        }
        if self.due(2, slow, us) {
            self.send(Common::SYSTEM_TIME(c::SYSTEM_TIME_DATA {
                time_unix_usec: utc.0 as u64,
                time_boot_ms: boot_ms,
            }));
        }
        if self.due(42, slow, us) {
            self.send(Common::MISSION_CURRENT(c::MISSION_CURRENT_DATA {
                seq: self.seq,
                ..Default::default()
            }));
        }
        if self.due(245, slow, us) {
            let landed_state = if self.landed() {
                c::MavLandedState::MAV_LANDED_STATE_ON_GROUND
            } else {
                c::MavLandedState::MAV_LANDED_STATE_IN_AIR
            };
            self.send(Common::EXTENDED_SYS_STATE(c::EXTENDED_SYS_STATE_DATA {
                landed_state,
                ..Default::default()
            }));
        }
        if self.due(242, slow, us) {
            self.home_position();
        }
    }
}
