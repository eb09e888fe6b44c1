//! What the autopilot last said, with the time it was heard. Judges nothing.

use crate::gauge::Gauge;
use link::common::{self, MavMessage as Common};
use missions::place::LatLon;
use missions::time::{Mono, Now, Reading, Utc};
use std::time::Duration;

/// Which autopilot flies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PX4.
    Px4,
    /// ArduPilot (ArduCopter).
    ArduPilot,
    /// Anything else: forwarded, never commanded.
    Other,
}

/// What the autopilot flies by, in our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The mission (PX4 MISSION, ArduCopter AUTO).
    Mission,
    /// Hover (PX4 HOLD, ArduCopter BRAKE).
    Hold,
    /// Commanded positions (ArduCopter GUIDED). PX4 flies them in HOLD.
    Guided,
    /// The autopilot's own return.
    Return,
    /// The autopilot's own landing.
    Land,
    /// The autopilot's own take-off.
    TakeOff,
    /// A companion's setpoints (PX4 OFFBOARD; ArduCopter takes them in GUIDED).
    Setpoints,
    /// A pilot's sticks.
    Sticks,
    /// A mode we do not use.
    Other,
}

impl Mode {
    /// From a HEARTBEAT's custom mode.
    #[must_use]
    pub fn decode(kind: Kind, custom_mode: u32) -> Mode {
        match kind {
            Kind::Px4 => {
                let [_, _, main, sub] = custom_mode.to_le_bytes();
                match (main, sub) {
                    (4, 2) => Mode::TakeOff,
                    (4, 3) => Mode::Hold,
                    (4, 4) => Mode::Mission,
                    (4, 5) => Mode::Return,
                    (4, 6) => Mode::Land,
                    (6, _) => Mode::Setpoints,
                    (1..=3 | 5 | 7..=9, _) => Mode::Sticks,
                    _ => Mode::Other,
                }
            }
            Kind::ArduPilot => match custom_mode {
                3 => Mode::Mission,
                4 => Mode::Guided,
                6 | 21 => Mode::Return,
                9 => Mode::Land,
                17 => Mode::Hold,
                // STABILIZE, ACRO, ALT_HOLD, LOITER, CIRCLE, DRIFT, SPORT, FLIP, AUTOTUNE, POSHOLD, ...
                0..=2 | 5 | 7 | 11 | 13..=16 => Mode::Sticks,
                _ => Mode::Other,
            },
            Kind::Other => Mode::Other,
        }
    }
}

/// Position and velocity (GLOBAL_POSITION_INT).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Place.
    pub at: LatLon,
    /// Height above mean sea level, metres.
    pub alt_amsl_m: f64,
    /// Height above home as the autopilot has it, metres.
    pub above_home_m: f64,
    /// North, east, down, m/s.
    pub vel_ned: [f64; 3],
    /// Autopilot's clock, ms since boot.
    pub boot_ms: u32,
    /// When heard.
    pub heard: Mono,
}

impl Position {
    /// Horizontal speed, m/s.
    #[must_use]
    pub fn ground_speed_mps(&self) -> f64 {
        let [n, e, _] = self.vel_ned;
        n.hypot(e)
    }
    /// Speed in space, m/s.
    #[must_use]
    pub fn speed_mps(&self) -> f64 {
        let [_, _, d] = self.vel_ned;
        self.ground_speed_mps().hypot(d)
    }
}

/// A value with the time it was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard<T> {
    /// Value.
    pub value: T,
    /// When.
    pub at: Mono,
}

/// Satellite fix (GPS_RAW_INT).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gps {
    /// Whether the fix is three-dimensional.
    pub fix_3d: bool,
    /// Satellites; `None` unknown.
    pub satellites: Option<u8>,
    /// One-sigma horizontal error, metres; `None` unknown.
    pub error_m: Option<f64>,
}

/// SYS_STATUS in our words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// The pre-arm checks pass.
    pub prearm_ok: bool,
    /// The autopilot's fence is enabled.
    pub fence_enabled: bool,
    /// The fence bit is present at all.
    pub fence_present: bool,
    /// An RC receiver is there and healthy.
    pub rc_healthy: bool,
}

/// Newest facts.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// System and component id, once heard.
    pub id: Option<(u8, u8)>,
    /// Kind, once heard.
    pub kind: Option<Kind>,
    /// Last heartbeat.
    pub heartbeat: Option<Mono>,
    /// Motors.
    pub armed: bool,
    /// Mode.
    pub mode: Option<Heard<Mode>>,
    /// The autopilot's own word for the mode.
    pub custom_mode: u32,
    /// MAV_STATE CRITICAL or EMERGENCY.
    pub failsafe: bool,
    /// Position.
    pub position: Option<Position>,
    /// Attitude (roll, pitch, yaw, radians; boot ms).
    pub attitude: Option<Heard<([f64; 3], u32)>>,
    /// Satellites.
    pub gps: Option<Heard<Gps>>,
    /// Health.
    pub health: Option<Heard<Health>>,
    /// Battery left, percent.
    pub battery_pct: Option<Heard<f64>>,
    /// Battery, volts.
    pub battery_v: Option<Heard<f64>>,
    /// What the voltage says about the gauge.
    pub gauge: Gauge,
    /// Home: place and height above mean sea level, metres.
    pub home: Option<Heard<(LatLon, f64)>>,
    /// Mission item flown to and number of items, as the autopilot counts.
    pub mission_current: Option<Heard<u16>>,
    /// Last item reported reached, as the autopilot counts.
    pub mission_reached: Option<Heard<u16>>,
    /// EXTENDED_SYS_STATE: on the ground.
    pub landed: Option<Heard<bool>>,
    /// Wind speed, m/s.
    pub wind_mps: Option<Heard<f64>>,
    /// Wind, m/s towards north, east, over some seconds: a gust is not the wind of a whole descent.
    pub wind_ne_mps: Option<Heard<[f64; 2]>>,
    /// UTC at an instant of our clock, from the autopilot's GNSS.
    pub clock: Option<Heard<Utc>>,
    /// UTC at the autopilot's boot.
    pub boot_utc: Option<Utc>,
    /// AUTOPILOT_VERSION was heard, and it is our simulator's.
    pub simulated: Option<bool>,
    /// When our own Remote ID was last heard, and what it says.
    pub own_remote_id: Option<Heard<()>>,
    /// Times the autopilot was seen to have rebooted.
    pub reboots: u32,
    last_boot_ms: u32,
}

/// The wind of the last so many seconds counts.
const WIND_MEAN_S: f64 = 10.0;
/// 2020-01-01: an autopilot that says less has no GNSS time.
const SANE_UTC_US: u64 = 1_577_836_800_000_000;

impl Facts {
    /// Takes one message of the autopilot's component.
    pub fn take(&mut self, now: Mono, msg: &Common) {
        match msg {
            Common::HEARTBEAT(m) => {
                let kind = match m.autopilot {
                    common::MavAutopilot::MAV_AUTOPILOT_PX4 => Kind::Px4,
                    common::MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA => Kind::ArduPilot,
                    _ => Kind::Other,
                };
                self.kind = Some(kind);
                self.heartbeat = Some(now);
                self.armed = m
                    .base_mode
                    .contains(common::MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED);
                self.custom_mode = m.custom_mode;
                self.mode = Some(Heard {
                    value: Mode::decode(kind, m.custom_mode),
                    at: now,
                });
                self.failsafe = matches!(
                    m.system_status,
                    common::MavState::MAV_STATE_CRITICAL | common::MavState::MAV_STATE_EMERGENCY
                );
            }
            Common::GLOBAL_POSITION_INT(m) => {
                self.boot_time(m.time_boot_ms);
                // 0,0 is what an autopilot without a position says.
                if let Ok(at) = LatLon::from_e7(m.lat, m.lon)
                    && (m.lat, m.lon) != (0, 0)
                {
                    self.position = Some(Position {
                        at,
                        alt_amsl_m: f64::from(m.alt) * 1e-3,
                        above_home_m: f64::from(m.relative_alt) * 1e-3,
                        vel_ned: [m.vx, m.vy, m.vz].map(|v| f64::from(v) * 1e-2),
                        boot_ms: m.time_boot_ms,
                        heard: now,
                    });
                }
            }
            Common::ATTITUDE(m) => {
                let rpy = [m.roll, m.pitch, m.yaw].map(f64::from);
                if rpy.iter().all(|v| v.is_finite()) {
                    self.attitude = Some(Heard {
                        value: (rpy, m.time_boot_ms),
                        at: now,
                    });
                }
            }
            Common::GPS_RAW_INT(m) => {
                use common::GpsFixType as F;
                let error_m = if m.h_acc > 0 && m.h_acc != u32::MAX {
                    Some(f64::from(m.h_acc) * 1e-3)
                } else if m.eph != 0 && m.eph != u16::MAX {
                    // Only a dilution: times a usual range error of 1.2 m.
                    Some(f64::from(m.eph) * 1e-2 * 1.2)
                } else {
                    None
                };
                self.gps = Some(Heard {
                    value: Gps {
                        fix_3d: matches!(
                            m.fix_type,
                            F::GPS_FIX_TYPE_3D_FIX
                                | F::GPS_FIX_TYPE_DGPS
                                | F::GPS_FIX_TYPE_RTK_FLOAT
                                | F::GPS_FIX_TYPE_RTK_FIXED
                                | F::GPS_FIX_TYPE_STATIC
                                | F::GPS_FIX_TYPE_PPP
                        ),
                        satellites: (m.satellites_visible != u8::MAX)
                            .then_some(m.satellites_visible),
                        error_m,
                    },
                    at: now,
                });
            }
            Common::SYS_STATUS(m) => {
                use common::MavSysStatusSensor as S;
                let on = |f: S| {
                    m.onboard_control_sensors_enabled.contains(f)
                        && m.onboard_control_sensors_health.contains(f)
                };
                self.health = Some(Heard {
                    value: Health {
                        prearm_ok: m
                            .onboard_control_sensors_health
                            .contains(S::MAV_SYS_STATUS_PREARM_CHECK),
                        fence_enabled: m
                            .onboard_control_sensors_enabled
                            .contains(S::MAV_SYS_STATUS_GEOFENCE),
                        fence_present: m
                            .onboard_control_sensors_present
                            .contains(S::MAV_SYS_STATUS_GEOFENCE),
                        rc_healthy: on(S::MAV_SYS_STATUS_SENSOR_RC_RECEIVER),
                    },
                    at: now,
                });
                self.battery(now, m.battery_remaining);
                if m.voltage_battery != u16::MAX && m.voltage_battery != 0 {
                    let value = f64::from(m.voltage_battery) * 1e-3;
                    self.battery_v = Some(Heard { value, at: now });
                    let aloft = self.airborne();
                    self.gauge.volts(now, value, self.armed, aloft);
                }
            }
            Common::BATTERY_STATUS(m) if m.id == 0 => self.battery(now, m.battery_remaining),
            Common::HOME_POSITION(m) => {
                if let Ok(at) = LatLon::from_e7(m.latitude, m.longitude) {
                    self.home = Some(Heard {
                        value: (at, f64::from(m.altitude) * 1e-3),
                        at: now,
                    });
                }
            }
            Common::MISSION_CURRENT(m) => {
                self.mission_current = Some(Heard {
                    value: m.seq,
                    at: now,
                });
            }
            Common::MISSION_ITEM_REACHED(m) => {
                self.mission_reached = Some(Heard {
                    value: m.seq,
                    at: now,
                });
            }
            Common::EXTENDED_SYS_STATE(m) => {
                use common::MavLandedState as L;
                let landed = match m.landed_state {
                    L::MAV_LANDED_STATE_ON_GROUND => Some(true),
                    L::MAV_LANDED_STATE_IN_AIR
                    | L::MAV_LANDED_STATE_TAKEOFF
                    | L::MAV_LANDED_STATE_LANDING => Some(false),
                    L::MAV_LANDED_STATE_UNDEFINED => None,
                };
                self.landed = landed.map(|value| Heard { value, at: now });
            }
            Common::SYSTEM_TIME(m) => {
                self.boot_time(m.time_boot_ms);
                if m.time_unix_usec > SANE_UTC_US
                    && let Ok(us) = i64::try_from(m.time_unix_usec)
                {
                    self.clock = Some(Heard {
                        value: Utc(us),
                        at: now,
                    });
                    self.boot_utc = Some(Utc(us - i64::from(m.time_boot_ms) * 1000));
                }
            }
            Common::WIND_COV(m) => {
                let speed = f64::from(m.wind_x).hypot(f64::from(m.wind_y));
                if speed.is_finite() {
                    self.wind_mps = Some(Heard {
                        value: speed,
                        at: now,
                    });
                    let told = [f64::from(m.wind_x), f64::from(m.wind_y)];
                    let value = match self.wind_ne_mps {
                        Some(before) => {
                            let share = now.since(before.at).as_secs_f64() / WIND_MEAN_S;
                            let [n0, e0] = before.value;
                            let [n, e] = told;
                            let f = share.clamp(0.0, 1.0);
                            [n0 + (n - n0) * f, e0 + (e - e0) * f]
                        }
                        None => told,
                    };
                    self.wind_ne_mps = Some(Heard { value, at: now });
                }
            }
            Common::AUTOPILOT_VERSION(m) => {
                self.simulated = Some(&m.flight_custom_version == b"PATROLSI");
            }
            _ => {}
        }
    }

    /// The charge to reckon with, per cent: what the gauge shows unless the voltage grossly contradicts it.
    #[must_use]
    pub fn charge_pct(&self) -> Option<f64> {
        self.battery_pct.map(|b| self.gauge.believed_pct(b.value))
    }

    fn battery(&mut self, now: Mono, remaining: i8) {
        if (0..=100).contains(&remaining) {
            self.battery_pct = Some(Heard {
                value: f64::from(remaining),
                at: now,
            });
        }
    }

    fn boot_time(&mut self, boot_ms: u32) {
        // A second of slack: messages of different streams may overtake each other.
        if boot_ms.saturating_add(1000) < self.last_boot_ms {
            self.reboots += 1;
            self.boot_utc = None;
            self.clock = None;
            self.home = None;
            self.last_boot_ms = boot_ms;
        } else {
            self.last_boot_ms = self.last_boot_ms.max(boot_ms);
        }
    }

    /// The mode, where the autopilot was heard.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.mode.map(|m| m.value)
    }
    /// Whether a heartbeat came within `within`.
    #[must_use]
    pub fn alive(&self, now: Mono, within: Duration) -> bool {
        self.heartbeat.is_some_and(|t| now.since(t) <= within)
    }
    /// Position not older than `within`.
    #[must_use]
    pub fn fresh_position(&self, now: Mono, within: Duration) -> Option<Position> {
        self.position.filter(|p| now.since(p.heard) <= within)
    }
    /// Whether the aircraft is off the ground, as far as is known. Armed and unknown counts as aloft.
    #[must_use]
    pub fn airborne(&self) -> bool {
        match self.landed {
            Some(l) => self.armed && !l.value,
            None => self.armed && self.position.is_none_or(|p| p.above_home_m > 1.0),
        }
    }
    /// Wall time: the autopilot's GNSS where it spoke within a minute, else the shell's clock.
    #[must_use]
    pub fn utc(&self, now: Now) -> Reading<Utc> {
        match self.clock {
            Some(c) if now.mono.since(c.at) < Duration::from_secs(60) => {
                Reading::Valid(c.value.after(now.mono.since(c.at)))
            }
            _ => now.utc,
        }
    }
    /// Whether wall time comes from the autopilot's GNSS.
    #[must_use]
    pub fn has_utc(&self, now: Mono) -> bool {
        self.clock
            .is_some_and(|c| now.since(c.at) < Duration::from_secs(60))
    }
    /// One-sigma horizontal position error, metres.
    #[must_use]
    pub fn position_error_m(&self, now: Mono) -> Option<f64> {
        self.gps
            .filter(|g| now.since(g.at) < Duration::from_secs(3))
            .and_then(|g| g.value.error_m)
    }
}
