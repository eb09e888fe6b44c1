//! PX4's ULog, read with PX4's own crate. Topics and units: PX4's `msg/` (uORB), v1.9 to v1.16.

use super::{BadLog, Collector, Place};
use px4_ulog::stream_parser::LogParser;
use px4_ulog::stream_parser::model::{
    DataMessage, FlattenedFieldType as Type, LoggedStringMessage,
};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// First bytes of a file.
pub(super) const MAGIC: [u8; 7] = [0x55, 0x4C, 0x6F, 0x67, 0x01, 0x12, 0x35];
/// 2020-01-01: a receiver that says less has no time.
const SANE_UTC_US: f64 = 1_577_836_800e6;
/// `vehicle_status.arming_state`.
const ARMED: f64 = 2.0;

/// Reads what the replay shows. A torn end keeps what stands before it.
pub(super) fn read(bytes: &[u8]) -> Result<Collector, BadLog> {
    let out = RefCell::new(Collector::default());
    // Topics that change seldom are written at the start with the time of their last change, long before it.
    let start = bytes.get(8..16).and_then(|b| <[u8; 8]>::try_from(b).ok());
    let start_us = start.map_or(0, u64::from_le_bytes);
    let last = RefCell::new(Local {
        start_us,
        ..Local::default()
    });
    let mut data = |m: &DataMessage| take(&mut out.borrow_mut(), &mut last.borrow_mut(), m);
    let mut text = |m: &LoggedStringMessage| {
        out.borrow_mut()
            .text(m.timestamp.max(start_us), m.logged_message);
    };
    let mut parser = LogParser::default();
    parser.set_data_message_callback(&mut data);
    parser.set_logged_string_message_callback(&mut text);
    // The crate promises not to panic on bad input; a log is not worth the program if it breaks that.
    let read = catch_unwind(AssertUnwindSafe(|| parser.consume_bytes(bytes)));
    let torn = parser_is_torn(&read);
    drop(parser);
    let mut out = out.into_inner();
    out.damaged = torn;
    match read {
        Ok(Ok(())) => Ok(out),
        // What stands before the damage is shown.
        _ if out.positions > 0 => Ok(out),
        Ok(Err(e)) => Err(BadLog::Damaged(format!("{e:?}"))),
        Err(_) => Err(BadLog::Damaged("its reader broke off".into())),
    }
}

fn parser_is_torn<E, P>(read: &Result<Result<(), E>, P>) -> bool {
    !matches!(read, Ok(Ok(())))
}

/// What the local estimate said last: velocity and heading stand in another topic than the place.
#[derive(Default)]
struct Local {
    vel_ned_mps: Option<[f64; 3]>,
    heading_deg: Option<f64>,
    /// When the log begins, by its own clock, µs.
    start_us: u64,
    /// The estimate is better than the receiver: once it is there, the receiver's place is not told.
    has_estimate: bool,
}

/// The receiver's own place. Before v1.14 in degrees × 10⁷ and millimetres.
fn receiver(out: &mut Collector, last: &Local, t_us: u64, get: &dyn Fn(&str) -> Option<f64>) {
    let scaled = |new: &str, old: &str, by: f64| get(new).or(get(old).map(|v| v / by));
    let lat = scaled("latitude_deg", "lat", 1e7);
    let lon = scaled("longitude_deg", "lon", 1e7);
    let alt = scaled("altitude_msl_m", "alt", 1e3);
    let v = get("vel_n_m_s").zip(get("vel_e_m_s")).zip(get("vel_d_m_s"));
    if let (Some(lat_deg), Some(lon_deg), Some(alt_amsl_m)) = (lat, lon, alt) {
        out.position(
            t_us,
            Place {
                lat_deg,
                lon_deg,
                alt_amsl_m,
                above_home_m: None,
                vel_ned_mps: v.map(|((n, e), d)| [n, e, d]),
                heading_deg: last.heading_deg,
            },
        );
    }
}

/// A field as a number; `None` when the topic has none of that name.
fn number(m: &DataMessage, name: &str) -> Option<f64> {
    let f = m
        .flattened_format
        .fields
        .iter()
        .find(|f| f.flattened_field_name == name)?;
    let at = usize::from(f.offset);
    macro_rules! read {
        ($t:ty) => {{
            const N: usize = size_of::<$t>();
            let b: [u8; N] = m.data.get(at..at + N)?.try_into().ok()?;
            <$t>::from_le_bytes(b) as f64
        }};
    }
    Some(match f.field_type {
        Type::Int8 => read!(i8),
        Type::UInt8 | Type::Bool | Type::Char => read!(u8),
        Type::Int16 => read!(i16),
        Type::UInt16 => read!(u16),
        Type::Int32 => read!(i32),
        Type::UInt32 => read!(u32),
        Type::Int64 => read!(i64),
        Type::UInt64 => read!(u64),
        Type::Float => read!(f32),
        Type::Double => read!(f64),
    })
}

fn take(out: &mut Collector, last: &mut Local, m: &DataMessage) {
    // Of several estimators and receivers, the first.
    if m.multi_id.value() != 0 {
        return;
    }
    let get = |name: &str| number(m, name);
    let Some(t_us) = get("timestamp").filter(|t| *t >= 0.0).map(|t| t as u64) else {
        return;
    };
    let t_us = t_us.max(last.start_us);
    match m.flattened_format.message_name.as_str() {
        "vehicle_global_position" => {
            if let (Some(lat_deg), Some(lon_deg), Some(alt)) = (get("lat"), get("lon"), get("alt"))
            {
                // Until v1.10 the velocity stood here.
                let here = get("vel_n").zip(get("vel_e")).zip(get("vel_d"));
                let yaw = get("yaw").map(f64::to_degrees);
                last.has_estimate = true;
                out.position(
                    t_us,
                    Place {
                        lat_deg,
                        lon_deg,
                        alt_amsl_m: alt,
                        above_home_m: None,
                        vel_ned_mps: here.map(|((n, e), d)| [n, e, d]).or(last.vel_ned_mps),
                        heading_deg: last.heading_deg.or(yaw),
                    },
                );
            }
        }
        "vehicle_local_position" => {
            let v = get("vx").zip(get("vy")).zip(get("vz"));
            last.vel_ned_mps = v.map(|((x, y), z)| [x, y, z]).or(last.vel_ned_mps);
            let heading = get("heading").or(get("yaw")).filter(|h| h.is_finite());
            last.heading_deg = heading.map(f64::to_degrees).or(last.heading_deg);
        }
        "vehicle_attitude" => {
            let q = ["q[0]", "q[1]", "q[2]", "q[3]"].map(get);
            if let [Some(w), Some(x), Some(y), Some(z)] = q {
                out.attitude(t_us, euler(w, x, y, z));
            }
        }
        "vehicle_gps_position" | "sensor_gps" => {
            let fix = get("fix_type").unwrap_or(0.0) as u8;
            let utc = get("time_utc_usec")
                .filter(|t| *t > SANE_UTC_US)
                .map(|t| t as i64);
            out.gps(t_us, fix, get("satellites_used").map(|n| n as u8), utc);
            if fix >= 3 && !last.has_estimate {
                receiver(out, last, t_us, &get);
            }
        }
        "battery_status" => {
            out.battery(t_us, get("voltage_v"), get("remaining").map(|r| r * 100.0))
        }
        "vehicle_status" => {
            if let Some(state) = get("arming_state") {
                out.armed(t_us, state == ARMED);
            }
        }
        "home_position" => {
            if let (Some(lat), Some(lon), Some(alt)) = (get("lat"), get("lon"), get("alt"))
                && (lat != 0.0 || lon != 0.0)
            {
                out.home(t_us, lat, lon, alt);
            }
        }
        _ => {}
    }
}

/// Roll, pitch, yaw in radians of a quaternion from north-east-down to the body (Hamilton, PX4's convention).
fn euler(w: f64, x: f64, y: f64, z: f64) -> [f64; 3] {
    [
        (2.0 * (w * x + y * z)).atan2(1.0 - 2.0 * (x * x + y * y)),
        (2.0 * (w * y - z * x)).clamp(-1.0, 1.0).asin(),
        (2.0 * (w * z + x * y)).atan2(1.0 - 2.0 * (y * y + z * z)),
    ]
}
