//! Remote ID as MAVLink carries it: `OPEN_DRONE_ID_BASIC_ID`, `_LOCATION`, `_SYSTEM` and `_MESSAGE_PACK`.
//!
//! Read from the payload's bytes, not through the dialect's enums: a stranger who broadcasts a type nobody has numbered
//! yet must not become invisible. Everything read is an allegation. Sources: MAVLink common.xml (messages 12900, 12901,
//! 12904, 12915), and ASTM F3411-22a for the 25-byte messages inside a pack.

use link::frame::Frame;
use missions::place::LatLon;

const BASIC_ID: u32 = 12_900;
const LOCATION: u32 = 12_901;
const SYSTEM: u32 = 12_904;
const MESSAGE_PACK: u32 = 12_915;
/// Every message of a pack, bytes.
const PACKED_LEN: usize = 25;
/// Most messages of a pack.
const MAX_PACKED: usize = 9;
/// What MAVLink writes for a height nobody knows, metres.
const NO_HEIGHT_M: f32 = -1000.0;

/// Who transmits, as far as the receiver can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// MAVLink system that passed it on.
    pub system: u8,
    /// MAVLink component that passed it on.
    pub component: u8,
    /// Transmitter's address (`id_or_mac`), `None` when all zeros: the sender's own, or a receiver that does not tell.
    pub mac: Option<[u8; 20]>,
}

/// What one message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Who.
    Id {
        /// As text, see [`uas_id_text`].
        uas_id: String,
        /// A manufacturer's serial number: the best of several identities.
        serial: bool,
    },
    /// Where.
    Location(Location),
    /// Where its pilot is (or took off).
    Operator(LatLon),
}

/// What a drone says of its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// `None`: unknown or off the globe.
    pub at: Option<LatLon>,
    /// 95 % horizontal accuracy, metres, where stated.
    pub accuracy95_m: Option<f64>,
    /// Height above its take-off place or the ground, metres.
    pub height_m: Option<f64>,
    /// Ground speed, m/s.
    pub speed_mps: Option<f64>,
}

/// A UAS id as text: printable ASCII as it stands, anything else in hex. Empty for all zeros.
///
/// At most 40 bytes, which is what an anomaly's subject holds.
#[must_use]
pub fn uas_id_text(raw: &[u8]) -> String {
    let end = raw.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    let bytes = raw.get(..end.min(20)).unwrap_or(&[]);
    if bytes.iter().all(|b| (0x20..0x7f).contains(b)) {
        String::from_utf8_lossy(bytes).trim().to_owned()
    } else {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Whether a frame is one this module reads.
#[must_use]
pub fn is_remote_id(msg_id: u32) -> bool {
    matches!(msg_id, BASIC_ID | LOCATION | SYSTEM | MESSAGE_PACK)
}

/// What a frame says of whom; `None` when it is no Remote ID message.
#[must_use]
pub fn read(frame: &Frame) -> Option<(Source, Vec<Said>)> {
    let header = frame.header();
    if !is_remote_id(header.msg_id) {
        return None;
    }
    // MAVLink 2 cuts trailing zeros; beyond any field all is zero again.
    let mut p = [0u8; 255];
    for (to, from) in p.iter_mut().zip(frame.payload()) {
        *to = *from;
    }
    let mac_at = match header.msg_id {
        LOCATION => 32,
        SYSTEM => 30,
        _ => 2,
    };
    let mac: [u8; 20] = bytes(&p, mac_at)?;
    let source = Source {
        system: header.system,
        component: header.component,
        mac: (mac != [0; 20]).then_some(mac),
    };
    let said = match header.msg_id {
        BASIC_ID => {
            let id: [u8; 20] = bytes(&p, 24)?;
            said_id(&id, p[22]).into_iter().collect()
        }
        LOCATION => {
            let height = f32::from_le_bytes(bytes(&p, 16)?);
            let speed = u16::from_le_bytes(bytes(&p, 26)?);
            vec![Said::Location(Location {
                at: place(
                    i32::from_le_bytes(bytes(&p, 0)?),
                    i32::from_le_bytes(bytes(&p, 4)?),
                ),
                accuracy95_m: accuracy_m(p[54]),
                height_m: (height.is_finite() && height > NO_HEIGHT_M && height < 20_000.0)
                    .then_some(f64::from(height)),
                speed_mps: (speed < 25_500).then_some(f64::from(speed) * 0.01),
            })]
        }
        SYSTEM => place(
            i32::from_le_bytes(bytes(&p, 0)?),
            i32::from_le_bytes(bytes(&p, 4)?),
        )
        .map(Said::Operator)
        .into_iter()
        .collect(),
        _ => {
            let size = usize::from(p[22]);
            let count = usize::from(p[23]).min(MAX_PACKED);
            if size != PACKED_LEN {
                return Some((source, Vec::new()));
            }
            p.get(24..24 + count * PACKED_LEN)
                .unwrap_or(&[])
                .as_chunks::<PACKED_LEN>()
                .0
                .iter()
                .filter_map(unpack)
                .collect()
        }
    };
    Some((source, said))
}

fn bytes<const N: usize>(p: &[u8], at: usize) -> Option<[u8; N]> {
    p.get(at..at + N)?.try_into().ok()
}

fn said_id(raw: &[u8], id_type: u8) -> Option<Said> {
    let uas_id = uas_id_text(raw);
    (!uas_id.is_empty()).then_some(Said::Id {
        uas_id,
        serial: id_type == 1,
    })
}

/// 0, 0 means "unknown" in both coordinates at once; a lone 0 is the equator or Greenwich.
fn place(lat_e7: i32, lon_e7: i32) -> Option<LatLon> {
    if lat_e7 == 0 && lon_e7 == 0 {
        return None;
    }
    LatLon::from_e7(lat_e7, lon_e7).ok()
}

/// `MAV_ODID_HOR_ACC`, 95 %, metres. Unknown and unnumbered values: not stated.
fn accuracy_m(code: u8) -> Option<f64> {
    Some(match code {
        1 => 18_520.0,
        2 => 7_408.0,
        3 => 3_704.0,
        4 => 1_852.0,
        5 => 926.0,
        6 => 555.6,
        7 => 185.2,
        8 => 92.6,
        9 => 30.0,
        10 => 10.0,
        11 => 3.0,
        12 => 1.0,
        _ => return None,
    })
}

/// One ASTM F3411 message.
fn unpack(m: &[u8; PACKED_LEN]) -> Option<Said> {
    match m[0] >> 4 {
        0 => said_id(m.get(2..22)?, m[1] >> 4),
        1 => {
            let height = f64::from(u16::from_le_bytes([m[17], m[18]])) * 0.5 - 1000.0;
            let speed = match (m[1] & 1, m[3]) {
                (_, 255) => None,
                (0, v) => Some(f64::from(v) * 0.25),
                (_, v) => Some(f64::from(v) * 0.75 + 255.0 * 0.25),
            };
            Some(Said::Location(Location {
                at: place(
                    i32::from_le_bytes([m[5], m[6], m[7], m[8]]),
                    i32::from_le_bytes([m[9], m[10], m[11], m[12]]),
                ),
                accuracy95_m: accuracy_m(m[19] & 15),
                height_m: (height > -1000.0).then_some(height),
                speed_mps: speed,
            }))
        }
        4 => place(
            i32::from_le_bytes([m[2], m[3], m[4], m[5]]),
            i32::from_le_bytes([m[6], m[7], m[8], m[9]]),
        )
        .map(Said::Operator),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::common::{
        MavMessage, OPEN_DRONE_ID_BASIC_ID_DATA, OPEN_DRONE_ID_LOCATION_DATA,
        OPEN_DRONE_ID_SYSTEM_DATA,
    };
    use link::frame::Stamper;

    #[test]
    fn the_dialects_own_messages_are_read_back() {
        let mut s = Stamper::new(1, 236);
        let mut id = OPEN_DRONE_ID_BASIC_ID_DATA::default();
        id.id_or_mac[..6].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
        id.uas_id[..8].copy_from_slice(b"STRANGER");
        id.id_type = link::common::MavOdidIdType::MAV_ODID_ID_TYPE_SERIAL_NUMBER;
        let (from, said) = read(&s.frame(MavMessage::OPEN_DRONE_ID_BASIC_ID(id))).unwrap();
        assert_eq!(
            (from.system, from.component, from.mac.unwrap()[5]),
            (1, 236, 9)
        );
        assert_eq!(
            said,
            [Said::Id {
                uas_id: "STRANGER".into(),
                serial: true
            }]
        );

        let l = OPEN_DRONE_ID_LOCATION_DATA {
            latitude: 277_870_000,
            longitude: 1_200_910_000,
            height: 42.5,
            speed_horizontal: 1234,
            horizontal_accuracy: link::common::MavOdidHorAcc::MAV_ODID_HOR_ACC_10_METER,
            ..OPEN_DRONE_ID_LOCATION_DATA::default()
        };
        let (from, said) = read(&s.frame(MavMessage::OPEN_DRONE_ID_LOCATION(l))).unwrap();
        assert_eq!(from.mac, None);
        let at = LatLon::from_e7(277_870_000, 1_200_910_000).ok();
        assert_eq!(
            said,
            [Said::Location(Location {
                at,
                accuracy95_m: Some(10.0),
                height_m: Some(42.5),
                speed_mps: Some(12.34),
            })]
        );
        let o = OPEN_DRONE_ID_SYSTEM_DATA {
            operator_latitude: 277_870_000,
            operator_longitude: 1_200_910_000,
            ..OPEN_DRONE_ID_SYSTEM_DATA::default()
        };
        let (_, said) = read(&s.frame(MavMessage::OPEN_DRONE_ID_SYSTEM(o))).unwrap();
        assert_eq!(said, [Said::Operator(at.unwrap())]);
    }

    #[test]
    fn a_place_nobody_knows_is_no_place_and_an_id_that_is_no_text_is_hex() {
        assert_eq!(place(0, 0), None);
        assert_eq!(place(i32::MAX, 5), None);
        assert!(place(0, 5).is_some());
        assert_eq!(uas_id_text(b"  ABC \0\0"), "ABC");
        assert_eq!(uas_id_text(&[0xde, 0xad, 0, 1, 0, 0]), "dead0001");
        assert_eq!(uas_id_text(&[0; 20]), "");
        assert!(uas_id_text(&[0xff; 64]).len() <= 40);
    }
}
