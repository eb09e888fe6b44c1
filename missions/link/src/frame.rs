//! MAVLink frames as bytes, and messages as values.
//!
//! Frames are cut by length. The checksum is verified for every id the two dialects know; frames of unknown ids
//! are kept whole so that a router can forward them byte for byte. An id that is known but whose content is not
//! understood (an enum value newer than the dialect) decodes to [`Msg::Raw`]; it is never taken for silence.
//! Source: MAVLink serialization guide (mavlink.io/en/guide/serialization.html).

use crate::{common, patrol};
use mavlink::{MavlinkVersion, Message};
use missions::time::Mono;
use std::time::Duration;

const STX_V1: u8 = 0xFE;
const STX_V2: u8 = 0xFD;
const FLAG_SIGNED: u8 = 0x01;
/// Longest frame: header 10, payload 255, checksum 2, signature 13.
pub const MAX_FRAME_LEN: usize = 280;
/// An idle line longer than this inside a frame means its start byte was noise.
pub const INTER_BYTE_TIMEOUT: Duration = Duration::from_millis(100);

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 1 or 2.
    pub version: u8,
    /// Sequence number of the sender.
    pub seq: u8,
    /// Sender's system.
    pub system: u8,
    /// Sender's component.
    pub component: u8,
    /// Message id.
    pub msg_id: u32,
    /// Whether a signature block follows.
    pub signed: bool,
}

/// One whole frame, byte for byte as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    header: Header,
    bytes: Box<[u8]>,
}

impl Frame {
    /// Reads one frame that fills `bytes` exactly, checksum included.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Frame> {
        match inspect(bytes) {
            Seen::Whole { len, .. } if len == bytes.len() => {
                parse_header(bytes).map(|header| Frame {
                    header,
                    bytes: bytes.into(),
                })
            }
            _ => None,
        }
    }
    /// Header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }
    /// All bytes, to be forwarded untouched.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// The frame without a signature block, its flag cleared; the checksum is then wrong until
    /// [`Frame::fix_checksum`]. `None` for MAVLink 1, which cannot be signed.
    pub(crate) fn unsigned_bytes(&self) -> Option<Box<[u8]>> {
        if self.header.version != 2 {
            return None;
        }
        let mut b: Box<[u8]> = self.bytes.get(..self.body_end()? + 2)?.into();
        *b.get_mut(2)? &= !FLAG_SIGNED;
        Some(b)
    }

    fn body_end(&self) -> Option<usize> {
        Some(10 + usize::from(*self.bytes.get(1)?))
    }

    /// Writes the right checksum into `b`, this frame's bytes with other flags. Where no dialect knows the id, the
    /// message's own byte of the checksum is found from the checksum it came with.
    pub(crate) fn fix_checksum(&self, b: &mut [u8]) -> Option<()> {
        let end = self.body_end()?;
        let extra = match crc_extra(self.header.msg_id) {
            Some(x) => x,
            None => {
                let (last, before) = self.bytes.get(1..end)?.split_last()?;
                let crc = mavlink::calculate_crc(before, *last);
                let had = u16::from_le_bytes([*self.bytes.get(end)?, *self.bytes.get(end + 1)?]);
                (0..=255u8).find(|e| accumulate(crc, *e) == had)?
            }
        };
        let crc = mavlink::calculate_crc(b.get(1..end)?, extra);
        b.get_mut(end..end + 2)?.copy_from_slice(&crc.to_le_bytes());
        Some(())
    }
    /// Payload as sent (MAVLink 2 cuts trailing zeros).
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        let start = if self.header.version == 2 { 10 } else { 6 };
        let len = usize::from(self.bytes.get(1).copied().unwrap_or(0));
        self.bytes.get(start..start + len).unwrap_or(&[])
    }
    /// The message inside.
    #[must_use]
    pub fn decode(&self) -> Msg {
        let version = if self.header.version == 2 {
            MavlinkVersion::V2
        } else {
            MavlinkVersion::V1
        };
        let id = self.header.msg_id;
        if is_patrol(id) {
            if let Ok(m) = patrol::MavMessage::parse(version, id, self.payload()) {
                return Msg::Patrol(Box::new(m));
            }
        } else if let Ok(m) = common::MavMessage::parse(version, id, self.payload()) {
            return Msg::Common(Box::new(m));
        }
        Msg::Raw { id }
    }
    /// Target system and component, where the message is addressed. `None` when it is a broadcast kind or unknown.
    #[must_use]
    pub fn target(&self) -> (Option<u8>, Option<u8>) {
        self.decode().target()
    }
}

/// A message as a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// From the common dialect.
    Common(Box<common::MavMessage>),
    /// From our own dialect.
    Patrol(Box<patrol::MavMessage>),
    /// Unknown id, or content this dialect cannot express: only the frame's bytes tell.
    Raw {
        /// Message id.
        id: u32,
    },
}

impl Msg {
    /// Message id.
    #[must_use]
    pub fn id(&self) -> u32 {
        match self {
            Msg::Common(m) => m.message_id(),
            Msg::Patrol(m) => m.message_id(),
            Msg::Raw { id } => *id,
        }
    }
    /// Target system and component, where the message is addressed. `None` when it is a broadcast kind or unknown.
    #[must_use]
    pub fn target(&self) -> (Option<u8>, Option<u8>) {
        match self {
            Msg::Common(m) => (m.target_system_id(), m.target_component_id()),
            Msg::Patrol(m) => (m.target_system_id(), m.target_component_id()),
            Msg::Raw { .. } => (None, None),
        }
    }
    /// Name in the dialect, `"RAW"` when unknown.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Msg::Common(m) => m.message_name(),
            Msg::Patrol(m) => m.message_name(),
            Msg::Raw { .. } => "RAW",
        }
    }
}
impl From<common::MavMessage> for Msg {
    fn from(m: common::MavMessage) -> Self {
        Msg::Common(Box::new(m))
    }
}
impl From<patrol::MavMessage> for Msg {
    fn from(m: patrol::MavMessage) -> Self {
        Msg::Patrol(Box::new(m))
    }
}

/// Stamps outgoing messages with an identity and a running sequence number.
#[derive(Clone, Debug)]
pub struct Stamper {
    /// Own system id.
    pub system: u8,
    /// Own component id.
    pub component: u8,
    seq: u8,
}

impl Stamper {
    /// A sender that has sent nothing.
    #[must_use]
    pub fn new(system: u8, component: u8) -> Self {
        Stamper {
            system,
            component,
            seq: 0,
        }
    }

    /// A MAVLink 2 frame of a message from either dialect.
    ///
    /// ```
    /// use link::{common, frame::{Msg, Stamper}};
    /// let mut s = Stamper::new(255, 190);
    /// let f = s.frame(common::MavMessage::HEARTBEAT(common::HEARTBEAT_DATA::default()));
    /// assert!(matches!(f.decode(), Msg::Common(_)));
    /// ```
    #[must_use]
    pub fn frame(&mut self, msg: impl Into<Outgoing>) -> Frame {
        let msg = msg.into();
        let mut payload = [0u8; 255];
        let (id, len, extra) = match &msg.0 {
            Either::Common(m) => (
                m.message_id(),
                m.ser(MavlinkVersion::V2, &mut payload),
                common::MavMessage::extra_crc(m.message_id()),
            ),
            Either::Patrol(m) => (
                m.message_id(),
                m.ser(MavlinkVersion::V2, &mut payload),
                patrol::MavMessage::extra_crc(m.message_id()),
            ),
        };
        self.wrap(id, payload.get(..len).unwrap_or(&payload), extra)
    }

    /// A MAVLink 2 frame of a payload given as bytes: for answers that must carry a number the dialect has no name for
    /// (COMMAND_ACK to an unknown command). `None` when the id is in neither dialect or the payload is too long.
    #[must_use]
    pub fn raw(&mut self, id: u32, payload: &[u8]) -> Option<Frame> {
        let extra = crc_extra(id)?;
        (payload.len() <= 255).then(|| self.wrap(id, payload, extra))
    }

    /// The next frame carries number `seq`: for a router that answers in another component's name and must not
    /// look like that component's loss.
    pub fn follow(&mut self, seq: u8) {
        self.seq = seq;
    }

    fn wrap(&mut self, id: u32, payload: &[u8], crc_extra: u8) -> Frame {
        let len = payload.len();
        let header = Header {
            version: 2,
            seq: self.seq,
            system: self.system,
            component: self.component,
            msg_id: id,
            signed: false,
        };
        self.seq = self.seq.wrapping_add(1);
        let mut bytes = Vec::with_capacity(12 + len);
        let id = id.to_le_bytes();
        bytes.extend_from_slice(&[
            STX_V2,
            len as u8,
            0,
            0,
            header.seq,
            header.system,
            header.component,
            id[0],
            id[1],
            id[2],
        ]);
        bytes.extend_from_slice(payload);
        let crc = mavlink::calculate_crc(&bytes[1..], crc_extra);
        bytes.extend_from_slice(&crc.to_le_bytes());
        Frame {
            header,
            bytes: bytes.into(),
        }
    }
}

enum Either {
    Common(common::MavMessage),
    Patrol(patrol::MavMessage),
}
/// Something a [`Stamper`] can send: a message of either dialect (never raw).
pub struct Outgoing(Either);
impl From<common::MavMessage> for Outgoing {
    fn from(m: common::MavMessage) -> Self {
        Outgoing(Either::Common(m))
    }
}
impl From<patrol::MavMessage> for Outgoing {
    fn from(m: patrol::MavMessage) -> Self {
        Outgoing(Either::Patrol(m))
    }
}

fn is_patrol(id: u32) -> bool {
    (54_100..54_120).contains(&id)
}

/// CRC_EXTRA of an id, `None` when neither dialect knows it.
fn crc_extra(id: u32) -> Option<u8> {
    if is_patrol(id) {
        patrol::MavMessage::default_message_from_id(id).map(|_| patrol::MavMessage::extra_crc(id))
    } else {
        // 0 is what the generated table answers for an unknown id; no message of the common dialect has it.
        match common::MavMessage::extra_crc(id) {
            0 => None,
            x => Some(x),
        }
    }
}

/// One byte more into a checksum (CRC-16/MCRF4XX, as MAVLink has it).
fn accumulate(crc: u16, byte: u8) -> u16 {
    let mut t = byte ^ (crc & 0xFF) as u8;
    t ^= t << 4;
    let t = u16::from(t);
    (crc >> 8) ^ (t << 8) ^ (t << 3) ^ (t >> 4)
}

enum Seen {
    /// Not a start byte, or a checksum that does not fit.
    Noise,
    More,
    Whole {
        len: usize,
        known: bool,
    },
}

fn parse_header(b: &[u8]) -> Option<Header> {
    match *b.first()? {
        STX_V2 => Some(Header {
            version: 2,
            seq: *b.get(4)?,
            system: *b.get(5)?,
            component: *b.get(6)?,
            msg_id: u32::from_le_bytes([*b.get(7)?, *b.get(8)?, *b.get(9)?, 0]),
            signed: *b.get(2)? & FLAG_SIGNED != 0,
        }),
        STX_V1 => Some(Header {
            version: 1,
            seq: *b.get(2)?,
            system: *b.get(3)?,
            component: *b.get(4)?,
            msg_id: u32::from(*b.get(5)?),
            signed: false,
        }),
        _ => None,
    }
}

fn inspect(b: &[u8]) -> Seen {
    let Some(&stx) = b.first() else {
        return Seen::More;
    };
    let header_len = match stx {
        STX_V2 => 10,
        STX_V1 => 6,
        _ => return Seen::Noise,
    };
    if b.len() < header_len {
        return Seen::More;
    }
    let Some(h) = parse_header(b) else {
        return Seen::More;
    };
    if stx == STX_V2 && b[2] & !FLAG_SIGNED != 0 {
        // An incompatibility flag we do not understand: the spec says drop.
        return Seen::Noise;
    }
    let body = header_len + usize::from(b[1]);
    let len = body + 2 + if h.signed { 13 } else { 0 };
    if b.len() < len {
        return Seen::More;
    }
    match crc_extra(h.msg_id) {
        Some(extra) => {
            let want = u16::from_le_bytes([b[body], b[body + 1]]);
            if mavlink::calculate_crc(&b[1..body], extra) == want {
                Seen::Whole { len, known: true }
            } else {
                Seen::Noise
            }
        }
        None => Seen::Whole { len, known: false },
    }
}

/// Cuts frames out of a byte stream. Bounded; resynchronises after noise by rescanning from the next byte.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    buf: Vec<u8>,
    last_byte: Mono,
    bad_bytes: u64,
}

impl Framer {
    /// An empty framer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Bytes that belonged to no frame.
    #[must_use]
    pub fn bad_bytes(&self) -> u64 {
        self.bad_bytes
    }
    /// Takes bytes as they arrived at `now`; call [`Framer::next_frame`] until it is empty.
    pub fn push(&mut self, now: Mono, bytes: &[u8]) {
        if !self.buf.is_empty() && now.since(self.last_byte) > INTER_BYTE_TIMEOUT {
            // The line fell silent inside a "frame": its start byte was noise. Forget that byte, rescan the rest.
            self.buf.remove(0);
            self.bad_bytes += 1;
        }
        self.last_byte = now;
        self.buf.extend_from_slice(bytes);
    }
    /// The next whole frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let mut at = 0;
        let found = loop {
            match inspect(&self.buf[at..]) {
                Seen::More => break None,
                Seen::Noise => {
                    at += 1;
                    self.bad_bytes += 1;
                }
                Seen::Whole { len, known } => {
                    // An unknown id has no checksum we can verify: believe it only where the next frame fits on.
                    let next = self.buf.get(at + len).copied();
                    if known || next.is_none_or(|n| n == STX_V1 || n == STX_V2) {
                        break Some(len);
                    }
                    at += 1;
                    self.bad_bytes += 1;
                }
            }
        };
        let frame = found.and_then(|len| {
            let b = &self.buf[at..at + len];
            at += len;
            parse_header(b).map(|header| Frame {
                header,
                bytes: b.into(),
            })
        });
        self.buf.drain(..at);
        frame
    }
}
