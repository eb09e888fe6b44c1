//! The newest value of everything a console shows, from either autopilot. Judges nothing; every value has its age.

use crate::common::{self, MavAutopilot, MavMessage, MavModeFlag};
use crate::frame::{Frame, Msg};
use crate::state::AutopilotWord;
use missions::place::LatLon;
use missions::time::{Mono, Utc};

/// SYS_STATUS bit of the geofence.
const FENCE_BIT: u32 = 0x0010_0000;
/// 2020-01-01: an autopilot that says less has no GNSS time.
const SANE_UTC_US: u64 = 1_577_836_800_000_000;

/// Place and motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Place.
    pub at: LatLon,
    /// Height above mean sea level, metres.
    pub alt_amsl_m: f64,
    /// Height above home, metres.
    pub above_home_m: f64,
    /// North, east, down, m/s.
    pub vel_ned_mps: [f64; 3],
    /// Degrees from north; `None` unknown.
    pub heading_deg: Option<f64>,
    /// Autopilot's time since boot, ms.
    pub boot_ms: u32,
}

/// Newest values. A value and when it was heard.
pub type Heard<T> = Option<(T, Mono)>;

/// Newest values of one autopilot.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// System id, once heard.
    pub system: Option<u8>,
    /// Which autopilot.
    pub autopilot: Option<AutopilotWord>,
    /// Last heartbeat of the autopilot.
    pub heartbeat: Option<Mono>,
    /// The autopilot's own word for its mode.
    pub custom_mode: u32,
    /// Motors.
    pub armed: Option<bool>,
    /// MAV_STATE.
    pub system_status: u8,
    /// Position.
    pub position: Heard<Position>,
    /// Roll, pitch, yaw, radians.
    pub attitude_rad: Heard<[f64; 3]>,
    /// Battery left, percent.
    pub battery_pct: Heard<f64>,
    /// Volts.
    pub voltage_v: Heard<f64>,
    /// Fix type and satellites (`None` unknown).
    pub gps: Heard<(u8, Option<u8>)>,
    /// Home: place, height above mean sea level in metres.
    pub home: Heard<(LatLon, f64)>,
    /// Mission item, as the autopilot counts.
    pub mission_current: Heard<u16>,
    /// Wind, m/s.
    pub wind_mps: Heard<f64>,
    /// The autopilot's fence is enabled.
    pub fence_enabled: Heard<bool>,
    /// UTC of the autopilot's GNSS.
    pub utc: Heard<Utc>,
}

impl Telemetry {
    /// Takes a frame. Only the autopilot's own component (1) counts. Returns whether anything was taken.
    pub fn take(&mut self, now: Mono, frame: &Frame) -> bool {
        let h = frame.header();
        if h.component != 1 {
            return false;
        }
        let Msg::Common(m) = frame.decode() else {
            return false;
        };
        match *m {
            MavMessage::HEARTBEAT(d) => {
                self.system = Some(h.system);
                self.heartbeat = Some(now);
                self.autopilot = Some(match d.autopilot {
                    MavAutopilot::MAV_AUTOPILOT_PX4 => AutopilotWord::Px4,
                    MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA => AutopilotWord::ArduPilot,
                    _ => AutopilotWord::Other,
                });
                self.custom_mode = d.custom_mode;
                self.armed = Some(
                    d.base_mode
                        .contains(MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED),
                );
                self.system_status = d.system_status as u8;
            }
            MavMessage::GLOBAL_POSITION_INT(d) => {
                let Ok(at) = LatLon::from_e7(d.lat, d.lon) else {
                    return false;
                };
                let cm = |v: i16| f64::from(v) / 100.0;
                self.position = Some((
                    Position {
                        at,
                        alt_amsl_m: f64::from(d.alt) / 1000.0,
                        above_home_m: f64::from(d.relative_alt) / 1000.0,
                        vel_ned_mps: [cm(d.vx), cm(d.vy), cm(d.vz)],
                        heading_deg: (d.hdg != u16::MAX).then(|| f64::from(d.hdg) / 100.0),
                        boot_ms: d.time_boot_ms,
                    },
                    now,
                ));
            }
            MavMessage::ATTITUDE(d) => {
                self.attitude_rad = Some((
                    [f64::from(d.roll), f64::from(d.pitch), f64::from(d.yaw)],
                    now,
                ));
            }
            MavMessage::SYS_STATUS(d) => {
                if d.battery_remaining >= 0 {
                    self.battery_pct = Some((f64::from(d.battery_remaining), now));
                }
                if d.voltage_battery != u16::MAX {
                    self.voltage_v = Some((f64::from(d.voltage_battery) / 1000.0, now));
                }
                self.fence_enabled = Some((
                    d.onboard_control_sensors_enabled.bits() & FENCE_BIT != 0,
                    now,
                ));
            }
            MavMessage::BATTERY_STATUS(d) => {
                if d.battery_remaining >= 0 {
                    self.battery_pct = Some((f64::from(d.battery_remaining), now));
                }
            }
            MavMessage::GPS_RAW_INT(d) => {
                self.gps = Some((
                    (
                        d.fix_type as u8,
                        (d.satellites_visible != u8::MAX).then_some(d.satellites_visible),
                    ),
                    now,
                ));
            }
            MavMessage::HOME_POSITION(d) => {
                if let Ok(at) = LatLon::from_e7(d.latitude, d.longitude) {
                    self.home = Some(((at, f64::from(d.altitude) / 1000.0), now));
                }
            }
            MavMessage::MISSION_CURRENT(d) => self.mission_current = Some((d.seq, now)),
            MavMessage::WIND_COV(d) => {
                self.wind_mps = Some((f64::from(d.wind_x).hypot(f64::from(d.wind_y)), now))
            }
            MavMessage::SYSTEM_TIME(d) => {
                if d.time_unix_usec >= SANE_UTC_US
                    && let Ok(us) = i64::try_from(d.time_unix_usec)
                {
                    self.utc = Some((Utc(us), now));
                }
            }
            _ => return false,
        }
        true
    }

    /// The autopilot's own name of its mode.
    #[must_use]
    pub fn mode_name(&self) -> Option<&'static str> {
        match self.autopilot? {
            AutopilotWord::Px4 => Some(px4_mode(self.custom_mode)),
            AutopilotWord::ArduPilot => Some(copter_mode(self.custom_mode)),
            _ => None,
        }
    }
}

/// PX4: main mode in bits 16–23, sub mode in bits 24–31 (px4_custom_mode.h).
fn px4_mode(custom_mode: u32) -> &'static str {
    let [_, _, main, sub] = custom_mode.to_le_bytes();
    match (main, sub) {
        (1, _) => "MANUAL",
        (2, _) => "ALTCTL",
        (3, _) => "POSCTL",
        (4, 1) => "READY",
        (4, 2) => "TAKEOFF",
        (4, 3) => "HOLD",
        (4, 4) => "MISSION",
        (4, 5) => "RTL",
        (4, 6) => "LAND",
        (4, 8) => "FOLLOW",
        (4, 9) => "PRECLAND",
        (4, _) => "AUTO",
        (5, _) => "ACRO",
        (6, _) => "OFFBOARD",
        (7, _) => "STABILIZED",
        _ => "UNKNOWN",
    }
}

/// ArduCopter's mode numbers (mode.h).
fn copter_mode(custom_mode: u32) -> &'static str {
    match custom_mode {
        0 => "STABILIZE",
        1 => "ACRO",
        2 => "ALT_HOLD",
        3 => "AUTO",
        4 => "GUIDED",
        5 => "LOITER",
        6 => "RTL",
        7 => "CIRCLE",
        9 => "LAND",
        16 => "POSHOLD",
        17 => "BRAKE",
        21 => "SMART_RTL",
        _ => "UNKNOWN",
    }
}

/// A heartbeat of a ground station.
#[must_use]
pub fn station_heartbeat() -> MavMessage {
    MavMessage::HEARTBEAT(common::HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype: common::MavType::MAV_TYPE_GCS,
        autopilot: MavAutopilot::MAV_AUTOPILOT_INVALID,
        base_mode: MavModeFlag::empty(),
        system_status: common::MavState::MAV_STATE_ACTIVE,
        mavlink_version: 3,
    })
}
