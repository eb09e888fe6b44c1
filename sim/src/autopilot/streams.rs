//! What the autopilot says by itself and on request: which messages, how often, and what stands in them.
//!
//! ArduCopter says almost nothing unasked; PX4 says a lot. Rates and flag words are those of the captures. A message
//! that is not built here is answered like one the autopilot does not have.

use super::{Aircraft, AutopilotKind, Mode};
use link::common::{self, MavMessage, MavModeFlag, MavState, MavSysStatusSensor as Sensor};
use link::items::ListKind;
use missions::time::Mono;
use std::collections::BTreeMap;
use std::time::Duration;

/// What AUTOPILOT_VERSION carries, so that nobody takes the simulator for an aircraft.
const CUSTOM_VERSION: [u8; 8] = *b"PATROLSI";
/// The same where a second of the world is not a second of the clock: our own companion must not fly that, because all
/// its bounds are in seconds.
const OFF_PACE_VERSION: [u8; 8] = *b"PATROLFF";
/// PX4 repeats MISSION_ITEM_REACHED so often, so far apart.
const REACHED_REPEATS: u8 = 9;
const REACHED_EVERY: Duration = Duration::from_millis(50);

/// Unasked, with their intervals in µs.
const COPTER_UNASKED: &[(u32, u64)] = &[(0, 1_000_000), (111, 10_000_000)];
const PX4_UNASKED: &[(u32, u64)] = &[
    (0, 1_000_000),
    (1, 1_000_000),
    (24, 200_000),
    (30, 20_000),
    (31, 20_000),
    (32, 20_000),
    (33, 20_000),
    (36, 20_000),
    (42, 1_000_000),
    (74, 250_000),
    (141, 1_000_000),
    (147, 2_000_000),
    (230, 2_000_000),
    (242, 2_000_000),
    (245, 1_000_000),
    (436, 2_000_000),
    (12_901, 1_000_000),
    (12_904, 1_000_000),
];
/// What may be asked for.
const COPTER_KNOWS: &[u32] = &[
    0, 1, 2, 24, 30, 31, 32, 33, 36, 42, 49, 62, 65, 74, 111, 147, 148, 162, 242, 245, 436,
];
const PX4_KNOWS: &[u32] = &[
    0, 1, 2, 24, 30, 31, 32, 33, 36, 42, 49, 65, 74, 141, 147, 148, 230, 231, 242, 245, 300, 436,
    12_901, 12_904,
];
/// REQUEST_DATA_STREAM's groups as ArduCopter fills them, as far as we build them.
const GROUPS: &[(u8, &[u32])] = &[
    (2, &[1, 24, 42, 62, 162]),
    (3, &[36, 65]),
    (6, &[32, 33]),
    (10, &[30]),
    (11, &[74]),
    (12, &[2, 147]),
];

#[derive(Clone, Copy, Debug)]
struct Stream {
    every_us: u64,
    next: Mono,
}

/// Timers of everything that is sent by itself.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    kind: AutopilotKind,
    on: BTreeMap<u32, Stream>,
    earliest: Mono,
    reached: Option<(u16, u8, Mono)>,
    /// HOME_POSITION and GPS_GLOBAL_ORIGIN went out (ArduCopter says them once).
    home_said: bool,
}

impl Streams {
    /// The unasked ones.
    pub(crate) fn new(kind: AutopilotKind) -> Self {
        let unasked = match kind {
            AutopilotKind::ArduPilot => COPTER_UNASKED,
            AutopilotKind::Px4 => PX4_UNASKED,
        };
        let on = unasked
            .iter()
            .map(|(id, every_us)| {
                (
                    *id,
                    Stream {
                        every_us: *every_us,
                        next: Mono::ZERO,
                    },
                )
            })
            .collect();
        Streams {
            kind,
            on,
            earliest: Mono::ZERO,
            reached: None,
            home_said: false,
        }
    }

    fn knows(&self, id: u32) -> bool {
        match self.kind {
            AutopilotKind::ArduPilot => COPTER_KNOWS,
            AutopilotKind::Px4 => PX4_KNOWS,
        }
        .contains(&id)
    }

    fn default_us(&self, id: u32) -> Option<u64> {
        let unasked = match self.kind {
            AutopilotKind::ArduPilot => COPTER_UNASKED,
            AutopilotKind::Px4 => PX4_UNASKED,
        };
        unasked.iter().find(|(i, _)| *i == id).map(|(_, us)| *us)
    }

    /// SET_MESSAGE_INTERVAL; false when there is no such message. 0: default rate; below: off.
    pub(crate) fn set_interval(&mut self, id: u32, interval_us: f64) -> bool {
        if !self.knows(id) {
            return false;
        }
        let every_us = if interval_us < 0.0 {
            None
        } else if interval_us == 0.0 {
            self.default_us(id)
        } else {
            // The main loop gives no more than 100 a second.
            Some((interval_us as u64).clamp(10_000, 3_600_000_000))
        };
        match every_us {
            Some(every_us) => {
                self.on.insert(
                    id,
                    Stream {
                        every_us,
                        next: Mono::ZERO,
                    },
                );
                self.earliest = Mono::ZERO;
            }
            None => {
                self.on.remove(&id);
            }
        }
        true
    }

    /// As MESSAGE_INTERVAL says it: µs, -1 off, 0 no such message.
    pub(crate) fn interval_us(&self, id: u32) -> i32 {
        match self.on.get(&id) {
            Some(s) => i32::try_from(s.every_us).unwrap_or(i32::MAX),
            None if self.knows(id) => -1,
            None => 0,
        }
    }

    /// REQUEST_DATA_STREAM.
    pub(crate) fn request_group(&mut self, group: u8, rate_hz: u16, start: bool) {
        let every_us = if start && rate_hz > 0 {
            1e6 / f64::from(rate_hz)
        } else {
            -1.0
        };
        for (g, ids) in GROUPS {
            if group == 0 || group == *g {
                for id in *ids {
                    self.set_interval(*id, every_us);
                }
            }
        }
    }

    /// An item was reached: PX4 says so again and again.
    pub(crate) fn repeat_reached(&mut self, seq: u16) {
        if self.kind == AutopilotKind::Px4 {
            self.reached = Some((seq, REACHED_REPEATS, Mono::ZERO));
        }
    }
}

fn mm(metres: f64) -> i32 {
    (metres * 1e3).round() as i32
}

fn e7(degrees: f64) -> i32 {
    (degrees * 1e7).round() as i32
}

fn cm_i16(metres: f64) -> i16 {
    (metres * 1e2).round() as i16
}

/// Radians from north as 0..36000 hundredths of a degree.
fn heading_cdeg(yaw_rad: f64) -> u16 {
    ((yaw_rad.to_degrees().rem_euclid(360.0) * 100.0) as u16).min(35_999)
}

impl Aircraft {
    fn boot_ms(&self) -> u32 {
        (self.now.0 / 1000) as u32
    }

    /// Sends what is due.
    pub(crate) fn stream(&mut self) {
        if !self.streams.home_said && self.kind == AutopilotKind::ArduPilot && self.located() {
            self.streams.home_said = true;
            self.set_home_item();
            self.stream_one(242);
            self.stream_one(49);
        }
        if let Some((seq, left, next)) = self.streams.reached
            && self.now >= next
        {
            if next != Mono::ZERO {
                self.send(MavMessage::MISSION_ITEM_REACHED(
                    common::MISSION_ITEM_REACHED_DATA { seq },
                ));
            }
            let left = if next == Mono::ZERO { left } else { left - 1 };
            self.streams.reached = (left > 0).then(|| (seq, left, self.now.after(REACHED_EVERY)));
        }
        if self.now < self.streams.earliest {
            return;
        }
        let mut due: Vec<u32> = Vec::new();
        let mut earliest = Mono(u64::MAX);
        for (id, s) in &mut self.streams.on {
            if self.now >= s.next {
                due.push(*id);
                let next = Mono(s.next.0 + s.every_us);
                s.next = if next > self.now {
                    next
                } else {
                    Mono(self.now.0 + s.every_us)
                };
            }
            earliest = earliest.min(s.next);
        }
        self.streams.earliest = earliest;
        for id in due {
            self.stream_due(id);
        }
    }

    /// A stream's turn: what is not known yet stays unsaid.
    fn stream_due(&mut self, id: u32) {
        let needs_place =
            matches!(id, 30 | 31 | 32 | 242) || (id == 33 && self.kind == AutopilotKind::Px4);
        // ArduCopter says FENCE_STATUS only while its fence is on.
        if (needs_place && !self.located()) || (id == 162 && !self.fence_on()) {
            return;
        }
        if let Some(m) = self.message(id) {
            self.send(m);
        }
    }

    /// Whether this message can be asked for.
    pub(crate) fn can_send(&self, id: u32) -> bool {
        // PX4's mission module sends MISSION_CURRENT by itself; it cannot be asked for.
        self.streams.knows(id) && !(self.kind == AutopilotKind::Px4 && matches!(id, 42 | 231))
    }

    /// Sends one message on request.
    pub(crate) fn stream_one(&mut self, id: u32) {
        // ArduCopter grants FENCE_STATUS while its fence is off, yet nothing comes.
        if id == 162 && !self.fence_on() {
            return;
        }
        if let Some(m) = self.message(id) {
            self.send(m);
        }
    }

    pub(crate) fn stream_mission_current(&mut self) {
        if let Some(m) = self.message(42) {
            self.send(m);
        }
    }

    pub(crate) fn stream_fence_status(&mut self) {
        if let Some(m) = self.message(162) {
            self.send(m);
        }
    }

    fn message(&self, id: u32) -> Option<MavMessage> {
        Some(match id {
            0 => self.heartbeat(),
            1 => self.sys_status(),
            2 => {
                let unix = if self.located() {
                    u64::try_from(self.utc.0).unwrap_or(0)
                } else {
                    0
                };
                MavMessage::SYSTEM_TIME(common::SYSTEM_TIME_DATA {
                    time_unix_usec: unix,
                    time_boot_ms: self.boot_ms(),
                })
            }
            24 => self.gps_raw(),
            30 | 31 => self.attitude(id == 31),
            32 | 33 => self.position(id == 33),
            36 => self.servos(),
            42 => self.mission_current(),
            49 => {
                let h = self.home;
                MavMessage::GPS_GLOBAL_ORIGIN(common::GPS_GLOBAL_ORIGIN_DATA {
                    latitude: h.at.lat_e7(),
                    longitude: h.at.lon_e7(),
                    altitude: mm(h.alt.metres()),
                    time_usec: self.now.0,
                })
            }
            62 => self.nav_controller(),
            65 => self.rc_channels(),
            74 => self.hud(),
            111 => MavMessage::TIMESYNC(common::TIMESYNC_DATA {
                tc1: 0,
                ts1: i64::try_from(self.now.0.saturating_mul(1000)).unwrap_or(i64::MAX),
                target_system: 0,
                target_component: 0,
            }),
            141 => {
                let e = self.estimate();
                let (_, _, amsl_m) = self.estimated_place();
                let above = -e.position.z as f32;
                MavMessage::ALTITUDE(common::ALTITUDE_DATA {
                    time_usec: self.now.0,
                    altitude_monotonic: amsl_m as f32,
                    altitude_amsl: amsl_m as f32,
                    altitude_local: above,
                    altitude_relative: above,
                    altitude_terrain: f32::NAN,
                    bottom_clearance: f32::NAN,
                })
            }
            147 => self.battery_status(),
            148 => self.version(),
            162 => self.fence_status(),
            230 => self.estimator(),
            231 => {
                let [n, e, d] = self.wind.map(|v| v as f32);
                let (_, _, amsl_m) = self.estimated_place();
                MavMessage::WIND_COV(common::WIND_COV_DATA {
                    time_usec: self.now.0,
                    wind_x: n,
                    wind_y: e,
                    wind_z: d,
                    var_horiz: 0.5,
                    var_vert: 0.5,
                    wind_alt: amsl_m as f32,
                    horiz_accuracy: 0.7,
                    vert_accuracy: 0.7,
                })
            }
            242 => self.home_position(),
            245 => self.extended_state(),
            300 => MavMessage::PROTOCOL_VERSION(common::PROTOCOL_VERSION_DATA {
                version: 200,
                min_version: 100,
                max_version: 200,
                ..Default::default()
            }),
            436 => self.current_mode(),
            12_901 => self.remote_id_location(),
            12_904 => {
                let h = self.home;
                MavMessage::OPEN_DRONE_ID_SYSTEM(common::OPEN_DRONE_ID_SYSTEM_DATA {
                    operator_latitude: h.at.lat_e7(),
                    operator_longitude: h.at.lon_e7(),
                    area_ceiling: -1000.0,
                    area_floor: -1000.0,
                    operator_altitude_geo: h.alt.metres() as f32,
                    // Seconds since 2019-01-01, as the message wants them.
                    timestamp: u32::try_from(self.utc.0 / 1_000_000 - 1_546_300_800).unwrap_or(0),
                    area_count: 1,
                    ..Default::default()
                })
            }
            _ => return None,
        })
    }

    fn heartbeat(&self) -> MavMessage {
        let f = &self.flight;
        let by_itself = f.mode != Mode::Manual;
        let (autopilot, mut flags) = match self.kind {
            AutopilotKind::Px4 => (
                common::MavAutopilot::MAV_AUTOPILOT_PX4,
                if by_itself { 29 } else { 81 },
            ),
            AutopilotKind::ArduPilot => {
                // As captured: "guided" is said while armed in a mode that flies by itself, and during the start.
                let guided = (f.armed && by_itself) || !self.located();
                (
                    common::MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA,
                    if guided { 89 } else { 81 },
                )
            }
        };
        if f.armed {
            flags |= 128;
        }
        let system_status = if f.failsafe && f.armed {
            MavState::MAV_STATE_CRITICAL
        } else if !self.located() {
            match self.kind {
                AutopilotKind::Px4 => MavState::MAV_STATE_UNINIT,
                AutopilotKind::ArduPilot => MavState::MAV_STATE_BOOT,
            }
        } else if f.armed && (self.airborne() || self.kind == AutopilotKind::Px4) {
            MavState::MAV_STATE_ACTIVE
        } else {
            MavState::MAV_STATE_STANDBY
        };
        MavMessage::HEARTBEAT(common::HEARTBEAT_DATA {
            custom_mode: self.custom_mode(),
            mavtype: common::MavType::MAV_TYPE_QUADROTOR,
            autopilot,
            base_mode: MavModeFlag::from_bits_truncate(flags),
            system_status,
            mavlink_version: 3,
        })
    }

    fn sys_status(&self) -> MavMessage {
        let armed = self.flight.armed;
        // Words of the captures; the bits that move are set below.
        let (present, mut enabled, mut health) = match self.kind {
            AutopilotKind::Px4 => (0x0220_002D, 0x0221_002D, 0x2220_803F),
            AutopilotKind::ArduPilot => (0x5371_FC2F, 0x5261_9C2F, 0x4771_9C2F),
        };
        let set = |word: &mut u32, on: bool, s: Sensor| {
            if on {
                *word |= s.bits()
            } else {
                *word &= !s.bits()
            }
        };
        if !self.located() {
            set(&mut health, false, Sensor::MAV_SYS_STATUS_AHRS);
            set(&mut health, false, Sensor::MAV_SYS_STATUS_SENSOR_GPS);
        }
        set(
            &mut health,
            self.ready || armed,
            Sensor::MAV_SYS_STATUS_PREARM_CHECK,
        );
        if self.kind == AutopilotKind::ArduPilot {
            set(
                &mut enabled,
                self.fence_on(),
                Sensor::MAV_SYS_STATUS_GEOFENCE,
            );
            set(
                &mut health,
                !self.flight.breached,
                Sensor::MAV_SYS_STATUS_GEOFENCE,
            );
            set(&mut enabled, armed, Sensor::MAV_SYS_STATUS_LOGGING);
            let steers = armed && self.flight.mode != Mode::Manual;
            for s in [
                Sensor::MAV_SYS_STATUS_SENSOR_Z_ALTITUDE_CONTROL,
                Sensor::MAV_SYS_STATUS_SENSOR_XY_POSITION_CONTROL,
            ] {
                set(&mut enabled, steers, s);
                set(&mut health, steers, s);
            }
        }
        let b = &self.body.battery;
        MavMessage::SYS_STATUS(common::SYS_STATUS_DATA {
            onboard_control_sensors_present: Sensor::from_bits_truncate(present),
            onboard_control_sensors_enabled: Sensor::from_bits_truncate(enabled),
            onboard_control_sensors_health: Sensor::from_bits_truncate(health),
            load: 250,
            voltage_battery: (b.voltage_v() * 1e3) as u16,
            current_battery: (b.current_a() * 1e2) as i16,
            battery_remaining: self.battery_pct(),
            ..Default::default()
        })
    }

    fn battery_pct(&self) -> i8 {
        let left = self
            .troubles
            .shown
            .unwrap_or_else(|| self.body.battery.fraction());
        (left * 100.0).floor() as i8
    }

    fn battery_status(&self) -> MavMessage {
        let b = &self.body.battery;
        let cells = usize::from(b.cells());
        let cell_mv = (b.voltage_v() * 1e3 / cells.max(1) as f64) as u16;
        let mut voltages = [u16::MAX; 10];
        for v in voltages.iter_mut().take(cells) {
            *v = cell_mv;
        }
        let charge_state = match b.fraction() {
            f if f < 0.05 => common::MavBatteryChargeState::MAV_BATTERY_CHARGE_STATE_EMERGENCY,
            f if f < 0.07 => common::MavBatteryChargeState::MAV_BATTERY_CHARGE_STATE_CRITICAL,
            f if f < 0.15 => common::MavBatteryChargeState::MAV_BATTERY_CHARGE_STATE_LOW,
            _ => common::MavBatteryChargeState::MAV_BATTERY_CHARGE_STATE_OK,
        };
        MavMessage::BATTERY_STATUS(common::BATTERY_STATUS_DATA {
            current_consumed: b.used_mah() as i32,
            energy_consumed: -1,
            temperature: i16::MAX,
            voltages,
            current_battery: (b.current_a() * 1e2) as i16,
            battery_remaining: self.battery_pct(),
            charge_state,
            ..Default::default()
        })
    }

    fn gps_raw(&self) -> MavMessage {
        let error = self.sensors.gnss_error_m();
        let p = self.body.position_ned_m + error;
        let (lat, lon) = self
            .plane
            .to_degrees(missions::plane::EastNorth::new(p.y, p.x));
        let v = self.body.velocity_ned_mps;
        let located = self.located();
        let alt = mm(self.home.alt.metres() - p.z);
        MavMessage::GPS_RAW_INT(common::GPS_RAW_INT_DATA {
            time_usec: self.now.0,
            lat: if located { e7(lat) } else { 0 },
            lon: if located { e7(lon) } else { 0 },
            alt,
            eph: if located { 70 } else { u16::MAX },
            epv: if located { 110 } else { u16::MAX },
            vel: (v.xy().norm() * 1e2) as u16,
            cog: heading_cdeg(v.y.atan2(v.x)),
            fix_type: if located {
                common::GpsFixType::GPS_FIX_TYPE_3D_FIX
            } else {
                common::GpsFixType::GPS_FIX_TYPE_NO_FIX
            },
            satellites_visible: if located { 14 } else { 3 },
            alt_ellipsoid: alt,
            // What the wander of the sensors amounts to, both axes together.
            h_acc: 900,
            v_acc: 1780,
            vel_acc: 400,
            ..Default::default()
        })
    }

    fn attitude(&self, quaternion: bool) -> MavMessage {
        let r = self.body.rpy_rad;
        let yaw = self.estimate().yaw;
        let w = self.body.rates_rad_s;
        if quaternion {
            let q = nalgebra::UnitQuaternion::from_euler_angles(r.x, r.y, yaw);
            return MavMessage::ATTITUDE_QUATERNION(common::ATTITUDE_QUATERNION_DATA {
                time_boot_ms: self.boot_ms(),
                q1: q.w as f32,
                q2: q.i as f32,
                q3: q.j as f32,
                q4: q.k as f32,
                rollspeed: w.x as f32,
                pitchspeed: w.y as f32,
                yawspeed: w.z as f32,
                ..Default::default()
            });
        }
        MavMessage::ATTITUDE(common::ATTITUDE_DATA {
            time_boot_ms: self.boot_ms(),
            roll: r.x as f32,
            pitch: r.y as f32,
            yaw: crate::vehicle::body::wrap_pi(yaw) as f32,
            rollspeed: w.x as f32,
            pitchspeed: w.y as f32,
            yawspeed: w.z as f32,
        })
    }

    fn position(&self, global: bool) -> MavMessage {
        let e = self.estimate();
        let v = e.velocity;
        if !global {
            return MavMessage::LOCAL_POSITION_NED(common::LOCAL_POSITION_NED_DATA {
                time_boot_ms: self.boot_ms(),
                x: e.position.x as f32,
                y: e.position.y as f32,
                z: e.position.z as f32,
                vx: v.x as f32,
                vy: v.y as f32,
                vz: v.z as f32,
            });
        }
        let (mut lat, mut lon, mut amsl_m) = self.estimated_place();
        let (mut v, mut e) = (v, e);
        if let Some([x, y, z, vx, vy, vz]) = self.troubles.frozen {
            (lat, lon) = self.plane.to_degrees(missions::plane::EastNorth::new(y, x));
            amsl_m = self.home.alt.metres() - z;
            v = nalgebra::Vector3::new(vx, vy, vz);
            e.position.z = z;
        }
        let located = self.located();
        MavMessage::GLOBAL_POSITION_INT(common::GLOBAL_POSITION_INT_DATA {
            time_boot_ms: self.boot_ms(),
            lat: if located { e7(lat) } else { 0 },
            lon: if located { e7(lon) } else { 0 },
            alt: mm(amsl_m),
            relative_alt: mm(-e.position.z),
            vx: cm_i16(v.x),
            vy: cm_i16(v.y),
            vz: cm_i16(v.z),
            hdg: heading_cdeg(e.yaw),
        })
    }

    fn servos(&self) -> MavMessage {
        let pwm = if self.flight.armed {
            1100 + (self.body.throttle() * 800.0) as u16
        } else {
            1000
        };
        MavMessage::SERVO_OUTPUT_RAW(common::SERVO_OUTPUT_RAW_DATA {
            time_usec: self.now.0 as u32,
            servo1_raw: pwm,
            servo2_raw: pwm,
            servo3_raw: pwm,
            servo4_raw: pwm,
            ..Default::default()
        })
    }

    fn mission_current(&self) -> MavMessage {
        let n = self.lists.get(ListKind::Mission).len();
        let seq = u16::try_from(self.flight.current).unwrap_or(u16::MAX);
        let (total, mission_state) = match self.kind {
            // PX4 1.15 leaves the state unknown, and says 65535 for none.
            AutopilotKind::Px4 => (
                if n == 0 {
                    u16::MAX
                } else {
                    u16::try_from(n).unwrap_or(u16::MAX)
                },
                common::MissionState::MISSION_STATE_UNKNOWN,
            ),
            AutopilotKind::ArduPilot => {
                // Item 0 is home and does not count.
                let items = n.saturating_sub(1);
                let state = if items == 0 {
                    common::MissionState::MISSION_STATE_NO_MISSION
                } else if self.flight.mission_done {
                    common::MissionState::MISSION_STATE_COMPLETE
                } else if self.flight.mode == Mode::Mission && self.flight.armed {
                    common::MissionState::MISSION_STATE_ACTIVE
                } else {
                    common::MissionState::MISSION_STATE_NOT_STARTED
                };
                (u16::try_from(items).unwrap_or(u16::MAX), state)
            }
        };
        MavMessage::MISSION_CURRENT(common::MISSION_CURRENT_DATA {
            seq,
            total,
            mission_state,
            mission_mode: 0,
            mission_id: self.lists.id(ListKind::Mission),
            fence_id: self.lists.id(ListKind::Fence),
            rally_points_id: self.lists.id(ListKind::Rally),
        })
    }

    fn nav_controller(&self) -> MavMessage {
        let e = self.estimate();
        let to = match self.flight.order {
            crate::vehicle::guide::Order::Fly(l) => l.to,
            _ => e.position,
        };
        let d = to - e.position;
        let bearing = d.y.atan2(d.x).to_degrees() as i16;
        MavMessage::NAV_CONTROLLER_OUTPUT(common::NAV_CONTROLLER_OUTPUT_DATA {
            nav_roll: self.body.rpy_rad.x.to_degrees() as f32,
            nav_pitch: self.body.rpy_rad.y.to_degrees() as f32,
            alt_error: -d.z as f32,
            nav_bearing: bearing,
            target_bearing: bearing,
            wp_dist: d.xy().norm().min(65_535.0) as u16,
            ..Default::default()
        })
    }

    fn rc_channels(&self) -> MavMessage {
        // Sticks at rest, throttle down. PX4 has no receiver here.
        let at_rest = self.kind == AutopilotKind::ArduPilot;
        let pwm = |v: u16| if at_rest { v } else { u16::MAX };
        MavMessage::RC_CHANNELS(common::RC_CHANNELS_DATA {
            time_boot_ms: self.boot_ms(),
            chan1_raw: pwm(1500),
            chan2_raw: pwm(1500),
            chan3_raw: pwm(1000),
            chan4_raw: pwm(1500),
            chan5_raw: pwm(1800),
            chan6_raw: pwm(1000),
            chan7_raw: pwm(1000),
            chan8_raw: pwm(1800),
            chancount: if at_rest { 8 } else { 0 },
            rssi: u8::MAX,
            ..Default::default()
        })
    }

    fn hud(&self) -> MavMessage {
        let e = self.estimate();
        let (_, _, amsl_m) = self.estimated_place();
        let ground = e.velocity.xy().norm() as f32;
        MavMessage::VFR_HUD(common::VFR_HUD_DATA {
            airspeed: ground,
            groundspeed: ground,
            alt: amsl_m as f32,
            climb: -e.velocity.z as f32,
            heading: (heading_cdeg(e.yaw) / 100) as i16,
            throttle: (self.body.throttle() * 100.0) as u16,
        })
    }

    fn version(&self) -> MavMessage {
        let (capabilities, flight_sw_version) = match self.kind {
            AutopilotKind::Px4 => (59_647, 0x010F_0000),
            AutopilotKind::ArduPilot => (64_495, 0x0407_0000),
        };
        MavMessage::AUTOPILOT_VERSION(common::AUTOPILOT_VERSION_DATA {
            capabilities: common::MavProtocolCapability::from_bits_truncate(capabilities),
            uid: u64::from(self.system_id),
            flight_sw_version,
            flight_custom_version: if self.real_pace {
                CUSTOM_VERSION
            } else {
                OFF_PACE_VERSION
            },
            ..Default::default()
        })
    }

    fn fence_status(&self) -> MavMessage {
        let f = &self.flight;
        MavMessage::FENCE_STATUS(common::FENCE_STATUS_DATA {
            breach_time: f.breach_ms,
            breach_count: f.breach_count,
            breach_status: u8::from(f.breached),
            breach_type: match (f.breached, f.breached_ceiling) {
                (false, _) => common::FenceBreach::FENCE_BREACH_NONE,
                (true, true) => common::FenceBreach::FENCE_BREACH_MAXALT,
                (true, false) => common::FenceBreach::FENCE_BREACH_BOUNDARY,
            },
            breach_mitigation: common::FenceMitigate::FENCE_MITIGATE_NONE,
        })
    }

    fn estimator(&self) -> MavMessage {
        use common::EstimatorStatusFlags as F;
        let flags = if self.located() {
            F::ESTIMATOR_ATTITUDE
                | F::ESTIMATOR_VELOCITY_HORIZ
                | F::ESTIMATOR_VELOCITY_VERT
                | F::ESTIMATOR_POS_HORIZ_REL
                | F::ESTIMATOR_POS_HORIZ_ABS
                | F::ESTIMATOR_POS_VERT_ABS
                | F::ESTIMATOR_PRED_POS_HORIZ_REL
                | F::ESTIMATOR_PRED_POS_HORIZ_ABS
        } else {
            F::ESTIMATOR_ATTITUDE
        };
        MavMessage::ESTIMATOR_STATUS(common::ESTIMATOR_STATUS_DATA {
            time_usec: self.now.0,
            vel_ratio: 0.05,
            pos_horiz_ratio: 0.03,
            pos_vert_ratio: 0.03,
            mag_ratio: 0.02,
            pos_horiz_accuracy: 0.8,
            pos_vert_accuracy: 0.4,
            flags,
            ..Default::default()
        })
    }

    fn home_position(&self) -> MavMessage {
        let h = self.home;
        MavMessage::HOME_POSITION(common::HOME_POSITION_DATA {
            latitude: h.at.lat_e7(),
            longitude: h.at.lon_e7(),
            altitude: mm(h.alt.metres()),
            q: [1.0, 0.0, 0.0, 0.0],
            approach_x: f32::NAN,
            approach_y: f32::NAN,
            approach_z: f32::NAN,
            time_usec: self.now.0,
            ..Default::default()
        })
    }

    fn extended_state(&self) -> MavMessage {
        use common::MavLandedState as L;
        let landed_state = if !self.airborne() {
            L::MAV_LANDED_STATE_ON_GROUND
        } else if self.flight.mode == Mode::Land {
            L::MAV_LANDED_STATE_LANDING
        } else if self.flight.takeoff_to.is_some() {
            L::MAV_LANDED_STATE_TAKEOFF
        } else {
            L::MAV_LANDED_STATE_IN_AIR
        };
        let vtol_state = match self.kind {
            AutopilotKind::Px4 => common::MavVtolState::MAV_VTOL_STATE_UNDEFINED,
            AutopilotKind::ArduPilot => common::MavVtolState::MAV_VTOL_STATE_MC,
        };
        MavMessage::EXTENDED_SYS_STATE(common::EXTENDED_SYS_STATE_DATA {
            vtol_state,
            landed_state,
        })
    }

    fn current_mode(&self) -> MavMessage {
        use common::MavStandardMode as M;
        let standard_mode = match self.flight.mode {
            Mode::Manual => M::MAV_STANDARD_MODE_POSITION_HOLD,
            Mode::TakeOff => M::MAV_STANDARD_MODE_TAKEOFF,
            Mode::Mission => M::MAV_STANDARD_MODE_MISSION,
            Mode::Return => M::MAV_STANDARD_MODE_SAFE_RECOVERY,
            Mode::Land => M::MAV_STANDARD_MODE_LAND,
            Mode::Hold | Mode::Brake | Mode::Guided | Mode::Offboard => {
                M::MAV_STANDARD_MODE_NON_STANDARD
            }
        };
        let custom_mode = self.custom_mode();
        MavMessage::CURRENT_MODE(common::CURRENT_MODE_DATA {
            custom_mode,
            intended_custom_mode: custom_mode,
            standard_mode,
        })
    }

    fn remote_id_location(&self) -> MavMessage {
        let (lat, lon, amsl_m) = self.estimated_place();
        let e = self.estimate();
        let v = e.velocity;
        MavMessage::OPEN_DRONE_ID_LOCATION(common::OPEN_DRONE_ID_LOCATION_DATA {
            latitude: e7(lat),
            longitude: e7(lon),
            altitude_barometric: amsl_m as f32,
            altitude_geodetic: amsl_m as f32,
            height: -e.position.z as f32,
            // Seconds into the hour.
            timestamp: (self.utc.0.rem_euclid(3_600_000_000) as f64 * 1e-6) as f32,
            direction: heading_cdeg(v.y.atan2(v.x)),
            speed_horizontal: (v.xy().norm() * 1e2) as u16,
            speed_vertical: cm_i16(-v.z),
            status: if self.airborne() {
                common::MavOdidStatus::MAV_ODID_STATUS_AIRBORNE
            } else {
                common::MavOdidStatus::MAV_ODID_STATUS_GROUND
            },
            ..Default::default()
        })
    }
}
