//! Commands and other messages a station or companion sends.

use super::{Aircraft, AutopilotKind, Mode};
use crate::vehicle::guide::Order;
use link::common::{
    self, MavMessage, MavResult as R, MavSeverity as S, PARAM_VALUE_DATA, TIMESYNC_DATA,
};
use link::frame::{Frame, Msg};
use link::items::ListKind;
use missions::place::LatLon;
use missions::plane::EastNorth;
use nalgebra::Vector3;

/// COMMAND_LONG or COMMAND_INT.
#[derive(Clone, Copy, Debug)]
struct Command {
    id: u16,
    p: [f32; 7],
    /// Place, where it came as integers.
    place: Option<(i32, i32)>,
    frame: u8,
    int: bool,
    from: (u8, u8),
}

/// The dialect's name of a command that our own side sends.
fn num_command(id: u16) -> Option<common::MavCmd> {
    use common::MavCmd as C;
    [
        C::MAV_CMD_DO_SET_MODE,
        C::MAV_CMD_COMPONENT_ARM_DISARM,
        C::MAV_CMD_NAV_TAKEOFF,
        C::MAV_CMD_MISSION_START,
        C::MAV_CMD_DO_REPOSITION,
    ]
    .into_iter()
    .find(|c| *c as u16 == id)
}

/// `MAV_FRAME_GLOBAL` in its two spellings.
fn is_amsl(frame: u8) -> bool {
    matches!(frame, 0 | 5)
}

impl Aircraft {
    pub(crate) fn frame(&mut self, frame: &Frame) {
        let h = frame.header();
        if (h.system, h.component) == (self.system_id, 1) {
            return;
        }
        let payload = frame.payload();
        // Commands are read from their bytes: a command number newer than the dialect must be answered, not dropped.
        if matches!(h.msg_id, 75 | 76) {
            self.command_frame(frame, payload);
            return;
        }
        let (system, component) = frame.target();
        if system.is_some_and(|s| s != 0 && s != self.system_id) {
            return;
        }
        // ArduPilot listens to whatever component is named; PX4 to its own and to all.
        if self.kind == AutopilotKind::Px4 && component.is_some_and(|c| c > 1) {
            return;
        }
        self.lists.current = self.flight.current;
        if self.lists.handle(self.now, frame) {
            self.after_lists();
            return;
        }
        let Msg::Common(m) = frame.decode() else {
            return;
        };
        self.message_in((h.system, h.component), &m);
    }

    /// A message for this aircraft. Commands that came as bytes are read from their bytes before.
    pub(crate) fn message_in(&mut self, from: (u8, u8), m: &MavMessage) {
        match m {
            MavMessage::COMMAND_LONG(d) => {
                let c = Command {
                    id: d.command as u16,
                    p: [
                        d.param1, d.param2, d.param3, d.param4, d.param5, d.param6, d.param7,
                    ],
                    place: None,
                    frame: 3,
                    int: false,
                    from,
                };
                self.carry_out(&c);
            }
            MavMessage::COMMAND_INT(d) => {
                let c = Command {
                    id: d.command as u16,
                    p: [d.param1, d.param2, d.param3, d.param4, 0.0, 0.0, d.z],
                    place: Some((d.x, d.y)),
                    frame: d.frame as u8,
                    int: true,
                    from,
                };
                self.carry_out(&c);
            }
            MavMessage::HEARTBEAT(d) => {
                let station = match self.kind {
                    AutopilotKind::ArduPilot => {
                        f64::from(from.0) == self.params.get("MAV_GCS_SYSID")
                    }
                    AutopilotKind::Px4 => d.mavtype == common::MavType::MAV_TYPE_GCS,
                };
                if station {
                    self.last_gcs = Some(self.now);
                    self.gcs_seen_armed |= self.flight.armed;
                }
            }
            MavMessage::PARAM_REQUEST_READ(d) => {
                let name = d.param_id.to_str().unwrap_or("");
                let found = if d.param_index >= 0 {
                    self.params.by_index(d.param_index as usize)
                } else {
                    self.params.by_name(name)
                };
                if let Some(p) = found {
                    self.send_param(p);
                }
            }
            MavMessage::PARAM_REQUEST_LIST(_) => {
                for i in 0..self.params.len() {
                    if let Some(p) = self.params.by_index(i) {
                        self.send_param(p);
                    }
                }
            }
            MavMessage::PARAM_SET(d) => {
                let name = d.param_id.to_str().unwrap_or("").to_owned();
                self.params.set_from_wire(&name, d.param_value);
                if name == "FENCE_ENABLE" {
                    self.flight.fence_switch = None;
                }
                if let Some(p) = self.params.by_name(&name) {
                    self.send_param(p);
                }
            }
            MavMessage::MISSION_SET_CURRENT(d)
                if usize::from(d.seq) < self.lists.get(ListKind::Mission).len() =>
            {
                self.set_current(usize::from(d.seq));
                self.stream_mission_current();
            }
            MavMessage::SET_MODE(d) => {
                let mode = d.custom_mode;
                self.try_mode(mode);
            }
            MavMessage::SET_POSITION_TARGET_GLOBAL_INT(d)
                if self.flight.mode == Mode::Guided && self.airborne() =>
            {
                let above = if is_amsl(d.coordinate_frame as u8) {
                    f64::from(d.alt) - self.home.alt.metres()
                } else {
                    f64::from(d.alt)
                };
                let Ok(at) = LatLon::from_e7(d.lat_int, d.lon_int) else {
                    return;
                };
                let to = self.ned(at, above);
                // A target outside its fence is passed over in silence.
                if !self.fence_on() || self.fence.allows(EastNorth::new(to.y, to.x)) {
                    self.go_to(to);
                }
            }
            MavMessage::SET_POSITION_TARGET_LOCAL_NED(d) => self.local_target(d),
            MavMessage::TIMESYNC(d) if d.tc1 == 0 => {
                let tc1 = i64::try_from(self.now.0.saturating_mul(1000)).unwrap_or(i64::MAX);
                self.send(MavMessage::TIMESYNC(TIMESYNC_DATA {
                    tc1,
                    ts1: d.ts1,
                    target_system: from.0,
                    target_component: from.1,
                }));
            }
            MavMessage::REQUEST_DATA_STREAM(d) if self.kind == AutopilotKind::ArduPilot => {
                self.streams.request_group(
                    d.req_stream_id as u8,
                    d.req_message_rate,
                    d.start_stop != 0,
                );
            }
            _ => {}
        }
    }

    /// A velocity alone; places and accelerations of this message are not modelled. PX4 counts every one as a sign of life;
    /// ArduCopter takes it in GUIDED only.
    fn local_target(&mut self, d: &common::SET_POSITION_TARGET_LOCAL_NED_DATA) {
        use common::PositionTargetTypemask as M;
        let ned = d.coordinate_frame == common::MavFrame::MAV_FRAME_LOCAL_NED;
        let no_place = M::POSITION_TARGET_TYPEMASK_X_IGNORE
            | M::POSITION_TARGET_TYPEMASK_Y_IGNORE
            | M::POSITION_TARGET_TYPEMASK_Z_IGNORE;
        let no_velocity = M::POSITION_TARGET_TYPEMASK_VX_IGNORE
            | M::POSITION_TARGET_TYPEMASK_VY_IGNORE
            | M::POSITION_TARGET_TYPEMASK_VZ_IGNORE;
        if !ned || !d.type_mask.contains(no_place) || d.type_mask.intersects(no_velocity) {
            return;
        }
        let taken = match self.kind {
            AutopilotKind::Px4 => true,
            AutopilotKind::ArduPilot => self.flight.mode == Mode::Guided && self.airborne(),
        };
        if !taken {
            return;
        }
        self.velocity_setpoint(Vector3::new(
            f64::from(d.vx),
            f64::from(d.vy),
            f64::from(d.vz),
        ));
        if self.kind == AutopilotKind::ArduPilot {
            self.flight.takeoff_to = None;
            self.flight.order = Order::Brake;
        }
    }

    fn send_param(
        &mut self,
        (index, name, value, kind): (usize, &'static str, f32, common::MavParamType),
    ) {
        let mut id = [0u8; 16];
        for (to, from) in id.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        let count = u16::try_from(self.params.len()).unwrap_or(0);
        self.send(MavMessage::PARAM_VALUE(PARAM_VALUE_DATA {
            param_value: value,
            param_count: count,
            param_index: u16::try_from(index).unwrap_or(u16::MAX),
            param_id: id.into(),
            param_type: kind,
        }));
    }

    fn command_frame(&mut self, frame: &Frame, payload: &[u8]) {
        let mut b = [0u8; 35];
        for (to, from) in b.iter_mut().zip(payload) {
            *to = *from;
        }
        let h = frame.header();
        let f = |i: usize| f32::from_le_bytes([b[i], b[i + 1], b[i + 2], b[i + 3]]);
        let n = |i: usize| i32::from_le_bytes([b[i], b[i + 1], b[i + 2], b[i + 3]]);
        let int = h.msg_id == 75;
        let id = u16::from_le_bytes([b[28], b[29]]);
        let c = if int {
            Command {
                id,
                p: [f(0), f(4), f(8), f(12), 0.0, 0.0, f(24)],
                place: Some((n(16), n(20))),
                frame: b[32],
                int,
                from: (h.system, h.component),
            }
        } else {
            Command {
                id,
                p: [f(0), f(4), f(8), f(12), f(16), f(20), f(24)],
                place: None,
                frame: 3,
                int,
                from: (h.system, h.component),
            }
        };
        let (system, component) = (b[30], b[31]);
        if system != 0 && system != self.system_id {
            // PX4 answers strangers' commands too, with FAILED; ArduPilot is silent.
            if self.kind == AutopilotKind::Px4 {
                self.acknowledge(&c, R::MAV_RESULT_FAILED);
            }
            return;
        }
        if self.kind == AutopilotKind::Px4 && component > 1 {
            self.acknowledge(&c, R::MAV_RESULT_FAILED);
            return;
        }
        self.carry_out(&c);
    }

    fn carry_out(&mut self, c: &Command) {
        // An autopilot that ignores us says yes all the same: only what it shows tells.
        let moves = matches!(c.id, 176 | 192 | 20 | 21 | 22 | 300 | 17 | 252);
        let result = if self.troubles.ignores && moves {
            Some(R::MAV_RESULT_ACCEPTED)
        } else {
            self.command(c)
        };
        let Some(r) = result else { return };
        if self.direct.is_some() {
            if let Some(command) = num_command(c.id) {
                self.send(MavMessage::COMMAND_ACK(common::COMMAND_ACK_DATA {
                    command,
                    result: r,
                    target_system: c.from.0,
                    target_component: c.from.1,
                    ..Default::default()
                }));
            }
            return;
        }
        self.acknowledge(c, r);
    }

    fn acknowledge(&mut self, c: &Command, result: R) {
        // As bytes: commands that the dialect has no name for are answered too.
        let [low, high] = c.id.to_le_bytes();
        self.send_raw(
            77,
            &[low, high, result as u8, 0, 0, 0, 0, 0, c.from.0, c.from.1],
        );
    }

    /// Carries a command out; `None` when it was acknowledged already.
    fn command(&mut self, c: &Command) -> Option<R> {
        let px4 = self.kind == AutopilotKind::Px4;
        Some(match c.id {
            400 => self.command_arm(c),
            22 => self.command_takeoff(c),
            176 => {
                let custom = if px4 {
                    u32::from_le_bytes([0, 0, c.p[1] as u8, c.p[2] as u8])
                } else {
                    c.p[1] as u32
                };
                if self.try_mode(custom) {
                    R::MAV_RESULT_ACCEPTED
                } else if px4 {
                    R::MAV_RESULT_TEMPORARILY_REJECTED
                } else {
                    R::MAV_RESULT_FAILED
                }
            }
            300 => self.command_mission_start(c),
            // RUN_PREARM_CHECKS: granted; what is wrong stands in texts and in SYS_STATUS.
            401 => {
                if !self.ready {
                    self.say(
                        S::MAV_SEVERITY_CRITICAL,
                        if px4 {
                            "Preflight Fail: system health"
                        } else {
                            "PreArm: Need Position Estimate"
                        },
                    );
                }
                R::MAV_RESULT_ACCEPTED
            }
            20 => self.command_mode(Mode::Return),
            21 => self.command_mode(Mode::Land),
            17 => self.command_mode(Mode::Hold),
            192 => self.command_reposition(c),
            193 => {
                if c.p[0] == 0.0 {
                    if px4 || self.flight.mode == Mode::Mission {
                        self.command_mode(if px4 { Mode::Hold } else { Mode::Brake })
                    } else {
                        R::MAV_RESULT_DENIED
                    }
                } else {
                    self.command_mode(Mode::Mission)
                }
            }
            178 => {
                if c.p[1] > 0.0 {
                    self.flight.speed_mps = Some(f64::from(c.p[1]));
                    R::MAV_RESULT_ACCEPTED
                } else {
                    R::MAV_RESULT_DENIED
                }
            }
            179 => R::MAV_RESULT_ACCEPTED,
            207 => {
                if px4 {
                    R::MAV_RESULT_UNSUPPORTED
                } else {
                    self.flight.fence_switch = Some(c.p[0] == 1.0);
                    R::MAV_RESULT_ACCEPTED
                }
            }
            // PX4 1.15 knows the message MISSION_SET_CURRENT, not the command.
            224 if !px4 => {
                let seq = c.p[0].max(0.0) as usize;
                if seq < self.lists.get(ListKind::Mission).len() {
                    self.set_current(seq);
                    self.acknowledge(c, R::MAV_RESULT_ACCEPTED);
                    self.stream_mission_current();
                    return None;
                }
                R::MAV_RESULT_DENIED
            }
            511 => {
                if self.streams.set_interval(c.p[0] as u32, f64::from(c.p[1])) {
                    R::MAV_RESULT_ACCEPTED
                } else if px4 {
                    R::MAV_RESULT_FAILED
                } else {
                    self.say(
                        S::MAV_SEVERITY_INFO,
                        &format!("No ap_message for mavlink id ({})", c.p[0] as u32),
                    );
                    R::MAV_RESULT_DENIED
                }
            }
            510 => {
                self.acknowledge(c, R::MAV_RESULT_ACCEPTED);
                let id = c.p[0] as u16;
                let interval_us = self.streams.interval_us(u32::from(id));
                self.send(MavMessage::MESSAGE_INTERVAL(
                    common::MESSAGE_INTERVAL_DATA {
                        interval_us,
                        message_id: id,
                    },
                ));
                return None;
            }
            512 => self.command_request(c, c.p[0] as u32)?,
            520 => self.command_request(c, 148)?,
            519 if px4 => self.command_request(c, 300)?,
            410 => self.command_request(c, 242)?,
            185 => {
                if c.p[0] > 0.5 && px4 {
                    self.disarm();
                }
                R::MAV_RESULT_ACCEPTED
            }
            246 => R::MAV_RESULT_DENIED,
            _ => R::MAV_RESULT_UNSUPPORTED,
        })
    }

    /// Sends a message once. ArduPilot acknowledges first, PX4 afterwards; `None` when it is acknowledged.
    fn command_request(&mut self, c: &Command, id: u32) -> Option<R> {
        let px4 = self.kind == AutopilotKind::Px4;
        if !self.can_send(id) {
            return Some(if px4 {
                R::MAV_RESULT_DENIED
            } else {
                R::MAV_RESULT_FAILED
            });
        }
        if px4 {
            self.stream_one(id);
            return Some(R::MAV_RESULT_ACCEPTED);
        }
        self.acknowledge(c, R::MAV_RESULT_ACCEPTED);
        self.stream_one(id);
        None
    }

    fn command_mode(&mut self, mode: Mode) -> R {
        if self.may_enter(mode) {
            self.set_mode(mode);
            R::MAV_RESULT_ACCEPTED
        } else if self.kind == AutopilotKind::Px4 {
            R::MAV_RESULT_TEMPORARILY_REJECTED
        } else {
            R::MAV_RESULT_FAILED
        }
    }

    fn may_enter(&mut self, mode: Mode) -> bool {
        match (self.kind, mode) {
            // Without a position nothing that needs one is entered.
            (
                _,
                Mode::Mission
                | Mode::Return
                | Mode::Brake
                | Mode::Guided
                | Mode::Offboard
                | Mode::Hold
                | Mode::TakeOff,
            ) if self.troubles.blind => false,
            (_, Mode::Offboard) => self.offboard_signal(),
            (AutopilotKind::ArduPilot, Mode::Mission) => {
                // Item 0 is home: a mission is what comes after.
                let ok = self.lists.get(ListKind::Mission).len() > 1;
                if !ok {
                    self.say(
                        S::MAV_SEVERITY_WARNING,
                        "Mode change to AUTO failed: requires mission",
                    );
                }
                ok
            }
            (AutopilotKind::Px4, Mode::Mission) => {
                !self.lists.get(ListKind::Mission).is_empty() && self.item_outside().is_none()
            }
            (AutopilotKind::ArduPilot, Mode::Return | Mode::Brake | Mode::Guided | Mode::Hold) => {
                self.ready
            }
            _ => true,
        }
    }

    fn try_mode(&mut self, custom: u32) -> bool {
        let mode = match self.kind {
            AutopilotKind::Px4 => {
                let [_, _, main, sub] = custom.to_le_bytes();
                match (main, sub) {
                    (4, 2) => Mode::TakeOff,
                    (4, 3) => Mode::Hold,
                    (4, 4) => Mode::Mission,
                    (4, 5) => Mode::Return,
                    (4, 6) => Mode::Land,
                    (6, _) => Mode::Offboard,
                    (1..=3 | 7, _) => Mode::Manual,
                    _ => return false,
                }
            }
            AutopilotKind::ArduPilot => match custom {
                0 | 2 => Mode::Manual,
                3 => Mode::Mission,
                4 => Mode::Guided,
                5 | 16 => Mode::Hold,
                6 | 21 => Mode::Return,
                9 => Mode::Land,
                17 => Mode::Brake,
                _ => return false,
            },
        };
        if !self.may_enter(mode) {
            return false;
        }
        if mode == Mode::TakeOff {
            let up = self.params.get("MIS_TAKEOFF_ALT");
            self.flight.takeoff_to = Some(up);
        }
        self.set_mode(mode);
        true
    }

    fn command_arm(&mut self, c: &Command) -> R {
        let arm = c.p[0] == 1.0;
        let force = c.p[1] == 21_196.0 || c.p[1] == 2_989.0;
        let px4 = self.kind == AutopilotKind::Px4;
        if !arm {
            if self.airborne() && !force {
                return if px4 {
                    R::MAV_RESULT_DENIED
                } else {
                    R::MAV_RESULT_FAILED
                };
            }
            self.disarm();
            return R::MAV_RESULT_ACCEPTED;
        }
        if self.flight.armed {
            return R::MAV_RESULT_ACCEPTED;
        }
        if !self.ready && !force {
            if px4 {
                self.say(
                    S::MAV_SEVERITY_CRITICAL,
                    "Arming denied: Resolve system health failures first",
                );
                return R::MAV_RESULT_TEMPORARILY_REJECTED;
            }
            self.say(S::MAV_SEVERITY_CRITICAL, "Arm: Need Position Estimate");
            return R::MAV_RESULT_FAILED;
        }
        if !px4
            && matches!(
                self.flight.mode,
                Mode::Mission | Mode::Return | Mode::Land | Mode::Brake
            )
        {
            let name = match self.flight.mode {
                Mode::Mission => "Arm: Auto mode not armable",
                Mode::Return => "Arm: RTL mode not armable",
                Mode::Brake => "Arm: Brake mode not armable",
                _ => "Arm: Land mode not armable",
            };
            self.say(S::MAV_SEVERITY_CRITICAL, name);
            return R::MAV_RESULT_FAILED;
        }
        self.arm();
        self.say(
            S::MAV_SEVERITY_INFO,
            if px4 {
                "Armed by external command"
            } else {
                "Arming motors"
            },
        );
        R::MAV_RESULT_ACCEPTED
    }

    fn command_takeoff(&mut self, c: &Command) -> R {
        let z = f64::from(c.p[6]);
        if self.kind == AutopilotKind::Px4 {
            // AMSL; not a number: MIS_TAKEOFF_ALT above here.
            let above = if z.is_finite() {
                z - self.home.alt.metres()
            } else {
                self.params.get("MIS_TAKEOFF_ALT")
            };
            self.set_mode(Mode::TakeOff);
            self.flight.takeoff_to = Some(above.max(self.params.get("MIS_TAKEOFF_ALT")));
            return R::MAV_RESULT_ACCEPTED;
        }
        if !self.flight.armed || self.flight.mode != Mode::Guided || self.airborne() {
            return R::MAV_RESULT_FAILED;
        }
        let above = if c.int && is_amsl(c.frame) {
            z - self.home.alt.metres()
        } else {
            z
        };
        if !(above.is_finite() && above > 0.0) {
            return R::MAV_RESULT_FAILED;
        }
        self.set_mode(Mode::Guided);
        self.flight.takeoff_to = Some(above);
        R::MAV_RESULT_ACCEPTED
    }

    fn command_mission_start(&mut self, c: &Command) -> R {
        match self.kind {
            AutopilotKind::Px4 => {
                if self.lists.get(ListKind::Mission).is_empty() {
                    return R::MAV_RESULT_DENIED;
                }
                if !self.may_enter(Mode::Mission) {
                    return R::MAV_RESULT_TEMPORARILY_REJECTED;
                }
                if !self.flight.armed {
                    if !self.ready {
                        self.say(
                            S::MAV_SEVERITY_CRITICAL,
                            "Arming denied: Resolve system health failures first",
                        );
                        return R::MAV_RESULT_TEMPORARILY_REJECTED;
                    }
                    self.arm();
                }
                // The first parameter says where to start.
                if c.p[0] >= 0.0 {
                    self.set_current(c.p[0] as usize);
                }
                self.set_mode(Mode::Mission);
                R::MAV_RESULT_ACCEPTED
            }
            AutopilotKind::ArduPilot => {
                if !self.flight.armed || !self.may_enter(Mode::Mission) {
                    return R::MAV_RESULT_FAILED;
                }
                self.set_mode(Mode::Mission);
                R::MAV_RESULT_ACCEPTED
            }
        }
    }

    fn command_reposition(&mut self, c: &Command) -> R {
        let px4 = self.kind == AutopilotKind::Px4;
        if self.troubles.blind {
            return R::MAV_RESULT_TEMPORARILY_REJECTED;
        }
        let place = match c.place {
            Some((lat, lon)) => LatLon::from_e7(lat, lon).ok(),
            // "Stay here": a reposition without a place.
            None if px4 && c.p[4].is_nan() && c.p[5].is_nan() => {
                if !self.airborne() {
                    return R::MAV_RESULT_TEMPORARILY_REJECTED;
                }
                self.set_mode(Mode::Hold);
                return R::MAV_RESULT_ACCEPTED;
            }
            None if px4 => LatLon::from_degrees(f64::from(c.p[4]), f64::from(c.p[5])).ok(),
            // ArduCopter takes it as COMMAND_INT only.
            None => return R::MAV_RESULT_UNSUPPORTED,
        };
        let Some(at) = place else {
            return R::MAV_RESULT_DENIED;
        };
        let z = f64::from(c.p[6]);
        let now_above = -self.estimate().position.z;
        let above = if !z.is_finite() {
            now_above
        } else if is_amsl(c.frame) || (px4 && !c.int) {
            z - self.home.alt.metres()
        } else {
            z
        };
        let to = self.ned(at, above);
        let outside = self.fence_on() && !self.fence.allows(EastNorth::new(to.y, to.x));
        if px4 {
            // Accepted first, refused in words afterwards.
            if outside {
                self.acknowledge(c, R::MAV_RESULT_ACCEPTED);
                self.say(S::MAV_SEVERITY_CRITICAL, "Reposition is outside geofence");
                return R::MAV_RESULT_ACCEPTED;
            }
            if !self.airborne() {
                return R::MAV_RESULT_TEMPORARILY_REJECTED;
            }
            self.set_mode(Mode::Hold);
            self.go_to(to);
            return R::MAV_RESULT_ACCEPTED;
        }
        let change_mode = (c.p[1] as u32) & 1 != 0;
        if outside || !self.airborne() || (self.flight.mode != Mode::Guided && !change_mode) {
            return if outside {
                R::MAV_RESULT_FAILED
            } else {
                R::MAV_RESULT_DENIED
            };
        }
        if self.flight.mode != Mode::Guided {
            self.set_mode(Mode::Guided);
        }
        self.go_to(to);
        R::MAV_RESULT_ACCEPTED
    }
}
