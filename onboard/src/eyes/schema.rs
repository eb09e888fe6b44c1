//! What passes between the pilot half and the eyes, and how it is framed on a pipe.
//!
//! Poses and settings go down, judged sightings come up. The same schema serves our own child process, an external
//! detector, and virtual time (where the values are handed over in process, unencoded). On a pipe each message is a u32 little-endian
//! length and that many bytes of JSON, at most [`MAX_FRAME_LEN`]. Byte strings travel as lower-case hex.
//! Nothing here opens a pipe; [`read_frame`] and [`write_frame`] take whatever reader or writer the shell owns.

use missions::anomaly::{AnomalyKind, Ellipse, Priority};
use missions::place::LatLon;
use missions::time::{Utc, Window};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use thiserror::Error;

/// Largest JSON body of one message, bytes.
pub const MAX_FRAME_LEN: usize = 1 << 20;
/// Largest anomaly picture, bytes of JPEG.
pub const MAX_PICTURE_LEN: usize = 16 * 1024;
/// Largest preview, bytes of JPEG.
pub const MAX_PREVIEW_LEN: usize = 8 * 1024;

/// From the pilot half to the eyes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "down", rename_all = "snake_case")]
pub enum Down {
    /// What to judge by. Replaces all earlier settings; tracks and what was already reported are kept.
    Configure {
        /// Rules file (TOML). Empty: the rules built in (`onboard/rules/default.toml`).
        rules: String,
        /// Zones of the venue (all of them: the eyes pick by role).
        zones: Vec<ZoneForEyes>,
        /// Height of the (flat) ground above mean sea level, metres. `None`: unknown, nothing is placed on the ground.
        ground_amsl_m: Option<f64>,
        /// MAVLink system id of our own aircraft. `None` before an autopilot was heard.
        own_system: Option<u8>,
    },
    /// Where the aircraft was and how it was turned.
    Pose(Pose),
    /// The identification our own aircraft broadcasts: never an intruder.
    OwnRemoteId {
        /// Basic ID serial number or session id, as text.
        uas_id: String,
    },
    /// One whole MAVLink frame (`OPEN_DRONE_ID_*`) that came in on the autopilot's port.
    RemoteId {
        /// The frame's bytes.
        #[serde(with = "hex_bytes")]
        frame: Vec<u8>,
    },
}

/// Pose of the aircraft at one instant of the autopilot's own clock. WGS-84, radians, north-east-down.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Autopilot's time since boot, µs (the clock that also stamps camera frames).
    pub boot_us: u64,
    /// Latitude, degrees.
    pub lat_deg: f64,
    /// Longitude, degrees.
    pub lon_deg: f64,
    /// Height above mean sea level, metres.
    pub alt_amsl_m: f64,
    /// Roll, radians, right side down positive (MAVLink ATTITUDE).
    pub roll: f64,
    /// Pitch, radians, nose up positive.
    pub pitch: f64,
    /// Yaw, radians clockwise from true north.
    pub yaw: f64,
    /// Velocity north, east, down, m/s.
    pub vel_ned: [f64; 3],
    /// One-sigma horizontal position error, metres.
    pub pos_error_m: f64,
    /// Wall time of this instant, where a trusted clock gave it.
    pub utc: Option<Utc>,
}

/// What a zone asks of the eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneRole {
    /// Nobody should be in here.
    WatchZone,
    /// Where the public stands: people are expected.
    Crowd,
    /// Nobody is judged in here.
    NoLook,
    /// Every other role: of no interest to a camera.
    Other,
}

/// Outline of a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case")]
pub enum ZoneShape {
    /// Rings are unclosed.
    Polygon {
        /// Outer ring.
        outer: Vec<LatLon>,
        /// Holes.
        holes: Vec<Vec<LatLon>>,
    },
    /// A disc.
    Circle {
        /// Centre.
        centre: LatLon,
        /// Radius, metres.
        radius_m: f64,
    },
}

/// One zone as the eyes need it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZoneForEyes {
    /// Id in the venue file; becomes an anomaly's subject.
    pub id: String,
    /// Role.
    pub role: ZoneRole,
    /// Outline.
    pub shape: ZoneShape,
    /// When it counts; `None`: always. Counts also while the time is unknown.
    pub window: Option<Window>,
}

/// A rule's judgement before the store has numbered it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewAnomaly {
    /// What.
    pub kind: AnomalyKind,
    /// How urgent.
    pub priority: Priority,
    /// Id of the rule that judged.
    pub rule: String,
    /// Remote ID serial number, or zone id.
    pub subject: String,
    /// When first seen. `None` when no clock was trusted; the store then stamps its own time.
    pub first_seen: Option<Utc>,
    /// Where.
    pub at: LatLon,
    /// Height above mean sea level where known, metres.
    pub alt_amsl_m: Option<f64>,
    /// One-sigma error of `at`.
    pub error: Ellipse,
    /// 0..=1.
    pub confidence: f64,
    /// JPEG, at most [`MAX_PICTURE_LEN`].
    #[serde(with = "hex_option")]
    pub picture: Option<Vec<u8>>,
}

/// How the eyes are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// A rules file and zones are in force.
    pub configured: bool,
    /// Why the last settings were refused (the earlier ones stay in force).
    pub fault: Option<String>,
    /// Camera frames looked at since start.
    pub frames: u64,
    /// Camera frames refused (undecodable, too large, no pose for their time).
    pub frames_refused: u64,
    /// Camera frames without usable contrast: the scene is as warm as what is looked for.
    pub frames_blind: u64,
    /// Camera frames looked at in the last reporting period, a second.
    pub frames_hz: f64,
    /// Remote ID messages understood since start.
    pub remote_id: u64,
    /// Ground tracks alive.
    pub tracks: u32,
    /// Drones heard lately (ours and known ones included).
    pub drones: u32,
}

/// From the eyes to the pilot half.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "up", rename_all = "snake_case")]
pub enum Up {
    /// A rule fired.
    Flagged(NewAnomaly),
    /// The latest frame, small. Newest wins.
    Preview {
        /// Shutter time in the autopilot's time since boot, µs.
        captured_boot_us: u64,
        /// JPEG, at most [`MAX_PREVIEW_LEN`].
        #[serde(with = "hex_bytes")]
        jpeg: Vec<u8>,
    },
    /// Once a second.
    Health(Health),
    /// Something that the eyes took in, for the companion's log ([`super::diary`]); before what it led to.
    Took {
        /// The diary's entry.
        #[serde(with = "hex_bytes")]
        entry: Vec<u8>,
    },
}

/// What can go wrong on the pipe.
#[derive(Debug, Error)]
pub enum PipeError {
    /// The pipe itself.
    #[error("pipe: {0}")]
    Io(#[from] io::Error),
    /// A length beyond [`MAX_FRAME_LEN`]: the stream is not ours any more.
    #[error("message of {0} bytes is longer than {MAX_FRAME_LEN}")]
    TooLong(usize),
    /// Not this schema.
    #[error("message is not understood: {0}")]
    Json(#[from] serde_json::Error),
}

/// One message as it stands on the pipe.
///
/// # Errors
/// [`PipeError::TooLong`], [`PipeError::Json`] (a NaN cannot be written).
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, PipeError> {
    let mut out = vec![0u8; 4];
    serde_json::to_writer(&mut out, message)?;
    let len = out.len() - 4;
    match u32::try_from(len) {
        Ok(n) if len <= MAX_FRAME_LEN => {
            if let Some(head) = out.get_mut(..4) {
                head.copy_from_slice(&n.to_le_bytes());
            }
            Ok(out)
        }
        _ => Err(PipeError::TooLong(len)),
    }
}

/// Writes one message and flushes.
///
/// # Errors
/// [`PipeError`].
pub fn write_frame<T: Serialize>(to: &mut impl Write, message: &T) -> Result<(), PipeError> {
    to.write_all(&encode(message)?)?;
    to.flush()?;
    Ok(())
}

/// Reads one message; `None` when the other side closed between messages.
///
/// # Errors
/// [`PipeError`]; after [`PipeError::TooLong`] the stream is lost, after [`PipeError::Json`] the next message can be read.
pub fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<T>, PipeError> {
    let mut head = [0u8; 4];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e.into()),
    }
    let len = u32::from_le_bytes(head) as usize;
    if len > MAX_FRAME_LEN {
        return Err(PipeError::TooLong(len));
    }
    let mut body = vec![0u8; len];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Cuts messages out of bytes as they arrive, for a shell that reads asynchronously. Bounded by [`MAX_FRAME_LEN`].
#[derive(Debug, Default)]
pub struct FrameReader {
    buf: Vec<u8>,
}

impl FrameReader {
    /// Takes bytes as they arrive; call [`FrameReader::next_frame`] until it is empty.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }
    /// The next whole message.
    ///
    /// # Errors
    /// As [`read_frame`].
    pub fn next_frame<T: DeserializeOwned>(&mut self) -> Result<Option<T>, PipeError> {
        let Some(head) = self.buf.get(..4).and_then(|h| <[u8; 4]>::try_from(h).ok()) else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(head) as usize;
        if len > MAX_FRAME_LEN {
            return Err(PipeError::TooLong(len));
        }
        if self.buf.len() < 4 + len {
            return Ok(None);
        }
        let message: Vec<u8> = self.buf.drain(..4 + len).skip(4).collect();
        Ok(Some(serde_json::from_slice(&message)?))
    }
}

mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn to_hex(bytes: &[u8]) -> String {
        const DIGITS: [char; 16] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
        ];
        let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or('0');
        bytes
            .iter()
            .flat_map(|b| [digit(b >> 4), digit(b & 15)])
            .collect()
    }
    pub fn from_hex(text: &str) -> Option<Vec<u8>> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        let nibble = |c: u8| {
            char::from(c)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        pairs
            .iter()
            .map(|&[hi, lo]| Some(nibble(hi)? << 4 | nibble(lo)?))
            .collect()
    }
    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&to_hex(bytes))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        from_hex(&String::deserialize(d)?).ok_or_else(|| D::Error::custom("not hex"))
    }
}

mod hex_option {
    use super::hex_bytes::{from_hex, to_hex};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, s: S) -> Result<S::Ok, S::Error> {
        bytes.as_deref().map(to_hex).serialize(s)
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
        match Option::<String>::deserialize(d)? {
            None => Ok(None),
            Some(text) => match from_hex(&text) {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(D::Error::custom("not hex")),
            },
        }
    }
}
