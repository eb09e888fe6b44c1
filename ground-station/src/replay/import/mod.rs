//! Logs of other programs, made into what the replay knows: `.tlog` bytes and lines of events. PX4's ULog, ArduPilot's
//! DataFlash `.bin`, anybody's `.tlog`.
//!
//! What those logs say is told in MAVLink's own messages, so that everything behind (page, exports, Rerun) works as with
//! a recording of ours. A core: bytes in, bytes out. Nothing is made up: what a log does not say is not told.

mod dataflash;
#[cfg(test)]
mod tests;
mod ulog;

use crate::desk::Event;
use crate::record::line::{FORMAT, Fact, Line};
use link::common::{
    ATTITUDE_DATA, GLOBAL_POSITION_INT_DATA, GPS_RAW_INT_DATA, GpsFixType, HEARTBEAT_DATA,
    HOME_POSITION_DATA, MavAutopilot, MavMessage as Common, MavModeFlag, MavState, SYS_STATUS_DATA,
    SYSTEM_TIME_DATA,
};
use link::frame::Stamper;
use missions::time::Utc;
use serde_json::{Map, Value};
use thiserror::Error;

/// Time between two messages of a kind that are told, µs. A log has hundreds a second; a link has not.
const EVERY_US: u64 = 100_000;
const SLOW_EVERY_US: u64 = 1_000_000;
/// Seconds in which an aircraft is said to live, at most: a day.
const MAX_SECONDS: u64 = 86_400;
/// Texts told at most.
const MAX_TEXTS: usize = 10_000;

/// Why a log cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadLog {
    /// It is of none of the kinds that are known.
    #[error("this is no log that is known: .tlog, PX4's .ulg or ArduPilot's .bin")]
    Unknown,
    /// It is of a known kind and cannot be read.
    #[error("the log cannot be read: {0}")]
    Damaged(String),
    /// Packets of a network, not frames of a vehicle.
    #[error(
        "this is a network capture (pcapng), not a vehicle's log: have Wireshark or MAVProxy make a .tlog of it"
    )]
    Capture,
    /// MAVLink without times.
    #[error(
        "this is a bare stream of MAVLink without times: nobody knows when anything in it happened. A .tlog has times"
    )]
    NoTimes,
    /// It says nowhere where the aircraft was.
    #[error("the log says nowhere where the aircraft was")]
    NoPosition,
}

/// First bytes of a network capture (pcapng).
const CAPTURE: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
/// No log is of a later day than this, µs since 1970: 2100-01-01.
const LATEST_US: i64 = 4_102_444_800_000_000;

/// A log, made into the files of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// As `flight.tlog`.
    pub tlog: Vec<u8>,
    /// As `events.jsonl`.
    pub events: String,
    /// Whether the log's end is torn or part of it could not be understood.
    pub damaged: bool,
}

/// Reads a log of whatever kind, by its first bytes.
///
/// # Errors
/// [`BadLog`].
pub fn import(bytes: &[u8]) -> Result<Imported, BadLog> {
    if bytes.starts_with(&ulog::MAGIC) {
        return ulog::read(bytes)?.finish(MavAutopilot::MAV_AUTOPILOT_PX4);
    }
    if bytes.starts_with(&dataflash::MAGIC) {
        return dataflash::read(bytes)?.finish(MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA);
    }
    if bytes.starts_with(&CAPTURE) {
        return Err(BadLog::Capture);
    }
    let mut reader = link::tlog::Reader::new(bytes);
    let (mut frames, mut stamped) = (0u32, 0u32);
    for (utc, _) in reader.by_ref() {
        frames = frames.saturating_add(1);
        stamped = stamped.saturating_add(u32::from((0..LATEST_US).contains(&utc.0)));
    }
    // In a bare stream what stands before a frame is the end of the one before it: every other frame is lost to its stamp.
    let lost = reader.skipped > bytes.len() / 3;
    if frames > 0 && (lost || stamped < frames.div_ceil(2)) {
        return Err(BadLog::NoTimes);
    }
    if frames > 0 {
        return Ok(Imported {
            tlog: bytes.to_vec(),
            events: String::new(),
            damaged: reader.skipped > 0,
        });
    }
    Err(BadLog::Unknown)
}

/// Something that a log says.
#[derive(Clone, Debug)]
enum Said {
    Message(Box<Common>),
    Text(String),
}

/// Where an aircraft was, as a log has it. What is `None` was not said.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    lat_deg: f64,
    lon_deg: f64,
    alt_amsl_m: f64,
    above_home_m: Option<f64>,
    vel_ned_mps: Option<[f64; 3]>,
    heading_deg: Option<f64>,
}

/// What a log said, in the order of its own clock: µs since boot.
#[derive(Debug, Default)]
struct Collector {
    said: Vec<(u64, Said)>,
    /// µs to add for UTC, once the log knows.
    utc_minus_boot_us: Option<i64>,
    home_amsl_m: Option<f64>,
    armed: bool,
    damaged: bool,
    texts: usize,
    last_position: Option<u64>,
    last_attitude: Option<u64>,
    last_battery: Option<u64>,
    last_gps: Option<u64>,
    positions: usize,
    autopilot_mode: u32,
}

/// Whether it is time to tell a kind again. A clock that went back starts anew.
fn due(last: &mut Option<u64>, t_us: u64, every: u64) -> bool {
    let is = last.is_none_or(|l| t_us < l || t_us - l >= every);
    if is {
        *last = Some(t_us);
    }
    is
}

/// A figure that fits, or the message's word for "unknown".
fn fit<T: TryFrom<i64>>(v: f64, unknown: T) -> T {
    // NaN becomes 0 in a cast: it must not pass for a figure.
    if v.is_finite() {
        T::try_from(v.round() as i64).unwrap_or(unknown)
    } else {
        unknown
    }
}

impl Collector {
    fn push(&mut self, t_us: u64, m: Common) {
        self.said.push((t_us, Said::Message(Box::new(m))));
    }

    fn position(&mut self, t_us: u64, p: Place) {
        let there = p.lat_deg.is_finite()
            && p.lon_deg.is_finite()
            && p.alt_amsl_m.is_finite()
            && p.lat_deg.abs() <= 90.0
            && p.lon_deg.abs() <= 180.0
            // Nobody flies there, and every receiver without a fix says so.
            && (p.lat_deg != 0.0 || p.lon_deg != 0.0);
        if !there || !due(&mut self.last_position, t_us, EVERY_US) {
            return;
        }
        let home = *self.home_amsl_m.get_or_insert(p.alt_amsl_m);
        let above = p
            .above_home_m
            .filter(|m| m.is_finite())
            .unwrap_or(p.alt_amsl_m - home);
        let [vn, ve, vd] = p.vel_ned_mps.unwrap_or_default();
        self.positions += 1;
        let boot = boot_ms(t_us);
        self.push(
            t_us,
            Common::GLOBAL_POSITION_INT(GLOBAL_POSITION_INT_DATA {
                time_boot_ms: boot,
                lat: fit(p.lat_deg * 1e7, 0),
                lon: fit(p.lon_deg * 1e7, 0),
                alt: fit(p.alt_amsl_m * 1e3, 0),
                relative_alt: fit(above * 1e3, 0),
                vx: fit(vn * 100.0, 0),
                vy: fit(ve * 100.0, 0),
                vz: fit(vd * 100.0, 0),
                hdg: p
                    .heading_deg
                    .map_or(u16::MAX, |h| fit(h.rem_euclid(360.0) * 100.0, u16::MAX)),
            }),
        );
    }

    /// Roll, pitch, yaw, radians.
    fn attitude(&mut self, t_us: u64, rpy: [f64; 3]) {
        if rpy.iter().any(|v| !v.is_finite()) || !due(&mut self.last_attitude, t_us, EVERY_US) {
            return;
        }
        let [roll, pitch, yaw] = rpy.map(|v| v as f32);
        self.push(
            t_us,
            Common::ATTITUDE(ATTITUDE_DATA {
                time_boot_ms: boot_ms(t_us),
                roll,
                pitch,
                yaw,
                ..ATTITUDE_DATA::default()
            }),
        );
    }

    fn battery(&mut self, t_us: u64, volts: Option<f64>, left_pct: Option<f64>) {
        if !due(&mut self.last_battery, t_us, SLOW_EVERY_US) {
            return;
        }
        let left = left_pct.filter(|p| (0.0..=100.0).contains(p));
        self.push(
            t_us,
            Common::SYS_STATUS(SYS_STATUS_DATA {
                voltage_battery: volts.map_or(u16::MAX, |v| fit(v * 1e3, u16::MAX)),
                battery_remaining: left.map_or(-1, |p| fit(p, -1)),
                ..SYS_STATUS_DATA::default()
            }),
        );
    }

    fn gps(&mut self, t_us: u64, fix: u8, satellites: Option<u8>, utc_us: Option<i64>) {
        if let Some(utc_us) = utc_us {
            let boot = i64::try_from(t_us).unwrap_or(i64::MAX);
            self.utc_minus_boot_us
                .get_or_insert(utc_us.saturating_sub(boot));
        }
        if !due(&mut self.last_gps, t_us, SLOW_EVERY_US) {
            return;
        }
        let fix_type = match fix {
            0 => GpsFixType::GPS_FIX_TYPE_NO_GPS,
            1 => GpsFixType::GPS_FIX_TYPE_NO_FIX,
            2 => GpsFixType::GPS_FIX_TYPE_2D_FIX,
            4 => GpsFixType::GPS_FIX_TYPE_DGPS,
            5 => GpsFixType::GPS_FIX_TYPE_RTK_FLOAT,
            6 => GpsFixType::GPS_FIX_TYPE_RTK_FIXED,
            _ => GpsFixType::GPS_FIX_TYPE_3D_FIX,
        };
        self.push(
            t_us,
            Common::GPS_RAW_INT(GPS_RAW_INT_DATA {
                time_usec: t_us,
                fix_type,
                satellites_visible: satellites.unwrap_or(u8::MAX),
                ..GPS_RAW_INT_DATA::default()
            }),
        );
        if let Some(utc_us) = utc_us {
            self.push(
                t_us,
                Common::SYSTEM_TIME(SYSTEM_TIME_DATA {
                    time_unix_usec: u64::try_from(utc_us).unwrap_or(0),
                    time_boot_ms: boot_ms(t_us),
                }),
            );
        }
    }

    fn home(&mut self, t_us: u64, lat_deg: f64, lon_deg: f64, alt_amsl_m: f64) {
        if ![lat_deg, lon_deg, alt_amsl_m].iter().all(|v| v.is_finite()) {
            return;
        }
        self.home_amsl_m = Some(alt_amsl_m);
        self.push(
            t_us,
            Common::HOME_POSITION(HOME_POSITION_DATA {
                latitude: fit(lat_deg * 1e7, 0),
                longitude: fit(lon_deg * 1e7, 0),
                altitude: fit(alt_amsl_m * 1e3, 0),
                ..HOME_POSITION_DATA::default()
            }),
        );
    }

    fn armed(&mut self, t_us: u64, armed: bool) {
        if armed != self.armed {
            self.armed = armed;
            self.heartbeat(t_us);
        }
    }

    fn mode(&mut self, t_us: u64, custom_mode: u32) {
        if custom_mode != self.autopilot_mode {
            self.autopilot_mode = custom_mode;
            self.heartbeat(t_us);
        }
    }

    /// Which autopilot it is, is known in the end.
    fn heartbeat(&mut self, t_us: u64) {
        let mut base_mode = MavModeFlag::MAV_MODE_FLAG_CUSTOM_MODE_ENABLED;
        base_mode.set(MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED, self.armed);
        let system_status = if self.armed {
            MavState::MAV_STATE_ACTIVE
        } else {
            MavState::MAV_STATE_STANDBY
        };
        let custom_mode = self.autopilot_mode;
        self.push(
            t_us,
            Common::HEARTBEAT(HEARTBEAT_DATA {
                custom_mode,
                base_mode,
                system_status,
                ..HEARTBEAT_DATA::default()
            }),
        );
    }

    fn text(&mut self, t_us: u64, text: &str) {
        let text = text.trim_matches(['\0', ' ', '\n', '\r', '\t']);
        if self.texts < MAX_TEXTS && !text.is_empty() {
            self.texts += 1;
            self.said.push((t_us, Said::Text(text.to_owned())));
        }
    }

    /// Everything in the order of time, as the files of a recording.
    fn finish(mut self, autopilot: MavAutopilot) -> Result<Imported, BadLog> {
        if self.positions == 0 {
            return Err(BadLog::NoPosition);
        }
        let first = self.said.iter().map(|s| s.0).min().unwrap_or(0);
        let last = self.said.iter().map(|s| s.0).max().unwrap_or(0);
        // What a link would have said each second between the changes; the page knows an aircraft by it.
        let (armed_at_end, mode_at_end) = (self.armed, self.autopilot_mode);
        let mut changes: Vec<(u64, Said)> = Vec::new();
        self.said.retain(|s| {
            let heartbeat = matches!(&s.1, Said::Message(m) if matches!(**m, Common::HEARTBEAT(_)));
            if heartbeat {
                changes.push(s.clone());
            }
            !heartbeat
        });
        changes.sort_by_key(|c| c.0);
        (self.armed, self.autopilot_mode) = (false, 0);
        let mut next = 0;
        let seconds = (last - first) / SLOW_EVERY_US;
        for s in 0..=seconds.min(MAX_SECONDS) {
            let t = first + s * SLOW_EVERY_US;
            while let Some((at, Said::Message(m))) = changes.get(next) {
                if *at > t {
                    break;
                }
                if let Common::HEARTBEAT(d) = &**m {
                    self.armed = d
                        .base_mode
                        .contains(MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED);
                    self.autopilot_mode = d.custom_mode;
                }
                next += 1;
            }
            self.heartbeat(t);
        }
        (self.armed, self.autopilot_mode) = (armed_at_end, mode_at_end);
        // Stable: what was said first at one moment stays first.
        self.said.sort_by_key(|s| s.0);
        let shift = self.utc_minus_boot_us.unwrap_or(0);
        let mut out = Imported {
            damaged: self.damaged,
            ..Imported::default()
        };
        let mut frames = 0;
        let mut stamper = Stamper::new(1, 1);
        let line = |events: &mut String, t_us: i64, frame: u64, fact: Fact| {
            let line = Line {
                t_ms: t_us.div_euclid(1_000),
                frame,
                fact,
            };
            if let Ok(text) = serde_json::to_string(&line) {
                events.push_str(&text);
                events.push('\n');
            }
        };
        line(
            &mut out.events,
            0,
            0,
            Fact::Recording {
                format: FORMAT.into(),
                version: env!("CARGO_PKG_VERSION").into(),
            },
        );
        for (boot_us, said) in self.said {
            let utc = i64::try_from(boot_us).unwrap_or(0).saturating_add(shift);
            match said {
                Said::Message(m) => {
                    let mut m = *m;
                    if let Common::HEARTBEAT(d) = &mut m {
                        d.autopilot = autopilot;
                    }
                    let frame = stamper.frame(m);
                    out.tlog.extend(link::tlog::record(Utc(utc), frame.bytes()));
                    frames += 1;
                }
                Said::Text(text) => {
                    let mut params = Map::new();
                    params.insert("text".into(), Value::String(text));
                    let event = Event {
                        t_ms: utc.div_euclid(1_000),
                        code: "status_text".into(),
                        params,
                        aircraft: Some(1),
                        at: None,
                    };
                    line(&mut out.events, utc, frames, Fact::Event { event });
                }
            }
        }
        Ok(out)
    }
}

fn boot_ms(t_us: u64) -> u32 {
    u32::try_from(t_us / 1_000).unwrap_or(u32::MAX)
}
