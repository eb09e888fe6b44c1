//! ArduPilot's DataFlash `.bin`. Messages and units: ArduPilot's `AP_Logger/LogStructure.h`, Copter 3.3 to 4.6.

use super::{BadLog, Collector, Place};
use ardupilot_binlog::{Entry, Reader};
use std::io::Cursor;

/// First bytes of a file: a message, and the message that describes messages.
pub(super) const MAGIC: [u8; 3] = [0xA3, 0x95, 0x80];
/// GPS time began on 1980-01-06, s since 1970.
const GPS_EPOCH_S: i64 = 315_964_800;
/// Leap seconds since 2017; none was announced after.
const LEAP_S: i64 = 18;
const WEEK_S: i64 = 604_800;
/// Errors after which a log is given up.
const MAX_ERRORS: usize = 1_000;

/// Reads what the replay shows. Damaged messages are passed over.
pub(super) fn read(bytes: &[u8]) -> Result<Collector, BadLog> {
    let mut out = Collector::default();
    let mut last = Last::default();
    let mut errors = 0;
    for entry in Reader::new(Cursor::new(bytes)) {
        match entry {
            Ok(e) => take(&mut out, &mut last, &e),
            Err(e) => {
                out.damaged = true;
                errors += 1;
                if errors > MAX_ERRORS {
                    if out.positions == 0 {
                        return Err(BadLog::Damaged(e.to_string()));
                    }
                    break;
                }
            }
        }
    }
    Ok(out)
}

#[derive(Default)]
struct Last {
    yaw_deg: Option<f64>,
    vel_ned_mps: Option<[f64; 3]>,
    /// The estimate is better than the receiver: once it is there, the receiver's place is not told.
    has_estimate: bool,
}

/// Degrees: the format's `L` is degrees × 10⁷, and comes as an integer.
fn degrees(e: &Entry, name: &str) -> Option<f64> {
    let v = e.get(name)?;
    match v.as_i64() {
        Some(e7) => Some(e7 as f64 / 1e7),
        None => v.as_f64(),
    }
}

fn take(out: &mut Collector, last: &mut Last, e: &Entry) {
    let get = |name: &str| e.get_f64(name);
    // Before Copter 3.3 logs counted milliseconds.
    let t_us = match (e.timestamp_usec, get("TimeUS"), get("TimeMS")) {
        (Some(t), _, _) => t,
        (None, Some(t), _) if t >= 0.0 => t as u64,
        (None, None, Some(t)) if t >= 0.0 => (t * 1e3) as u64,
        _ => return,
    };
    // Of several sensors, the first.
    if get("I").or(get("Instance")).is_some_and(|i| i != 0.0) {
        return;
    }
    match e.name.as_str() {
        "POS" => {
            if let (Some(lat_deg), Some(lon_deg), Some(alt)) =
                (degrees(e, "Lat"), degrees(e, "Lng"), get("Alt"))
            {
                last.has_estimate |= lat_deg != 0.0 || lon_deg != 0.0;
                out.position(
                    t_us,
                    Place {
                        lat_deg,
                        lon_deg,
                        alt_amsl_m: alt,
                        above_home_m: get("RelHomeAlt"),
                        vel_ned_mps: last.vel_ned_mps,
                        heading_deg: last.yaw_deg,
                    },
                );
            }
        }
        "GPS" => {
            let (course, speed) = (get("GCrs"), get("Spd"));
            let v = course.zip(speed).map(|(c, s)| {
                let c = c.to_radians();
                [s * c.cos(), s * c.sin(), get("VZ").unwrap_or(0.0)]
            });
            last.vel_ned_mps = v.or(last.vel_ned_mps);
            let fix = get("Status").unwrap_or(0.0) as u8;
            out.gps(t_us, fix, get("NSats").map(|n| n as u8), utc_us(e));
            if fix >= 3
                && !last.has_estimate
                && let (Some(lat_deg), Some(lon_deg), Some(alt)) =
                    (degrees(e, "Lat"), degrees(e, "Lng"), get("Alt"))
            {
                out.position(
                    t_us,
                    Place {
                        lat_deg,
                        lon_deg,
                        alt_amsl_m: alt,
                        above_home_m: None,
                        vel_ned_mps: v,
                        heading_deg: last.yaw_deg,
                    },
                );
            }
        }
        "ATT" => {
            if let (Some(r), Some(p), Some(y)) = (get("Roll"), get("Pitch"), get("Yaw")) {
                last.yaw_deg = Some(y);
                // Yaw from -180 to 180, as the message has it.
                let yaw = (y + 180.0).rem_euclid(360.0) - 180.0;
                out.attitude(t_us, [r, p, yaw].map(f64::to_radians));
            }
        }
        "BAT" | "CURR" => out.battery(t_us, get("Volt"), get("RemPct")),
        "ORGN" if get("Type") == Some(1.0) => {
            if let (Some(lat), Some(lon), Some(alt)) =
                (degrees(e, "Lat"), degrees(e, "Lng"), get("Alt"))
            {
                out.home(t_us, lat, lon, alt);
            }
        }
        "MODE" => {
            if let Some(mode) = get("ModeNum").or(get("Mode")).filter(|m| *m >= 0.0) {
                out.mode(t_us, mode as u32);
            }
        }
        "ARM" => {
            if let Some(state) = get("ArmState") {
                out.armed(t_us, state != 0.0);
            }
        }
        // Events 10 and 11: armed, disarmed.
        "EV" => match get("Id") {
            Some(10.0) => out.armed(t_us, true),
            Some(11.0) => out.armed(t_us, false),
            _ => {}
        },
        "MSG" => {
            if let Some(text) = e.get_str("Message") {
                out.text(t_us, text);
            }
        }
        _ => {}
    }
}

/// UTC by the receiver's week and milliseconds.
fn utc_us(e: &Entry) -> Option<i64> {
    let week = e.get_f64("GWk").or(e.get_f64("Week"))?;
    let ms = e.get_f64("GMS").or(e.get_f64("TimeMS"))?;
    // A receiver without a fix says week 0.
    if !(1_000.0..10_000.0).contains(&week) || !(0.0..=604_800_000.0).contains(&ms) {
        return None;
    }
    let s = GPS_EPOCH_S + week as i64 * WEEK_S - LEAP_S;
    Some(s * 1_000_000 + (ms * 1e3) as i64)
}
