//! Signed frames: MAVLink 2's signature, checked against forgery, and against replay also after a restart.
//!
//! Source: MAVLink message signing (mavlink.io/en/guide/message_signing.html): 48 bits of SHA-256 over key, frame, link
//! id and a time in units of 10 µs since 2015. A time counts once within its stream (link id, system, component). Beyond
//! the standard: frames that overtook each other on the way are each believed once (as IPsec's window does, RFC 4303
//! 3.4.3; the standard would drop the slower one), and times are kept on disk in steps of [`RESERVE`], so that a
//! recording played back after a reboot is refused, at the price of refusing true frames for at most that long.

use crate::frame::Frame;
use crate::journal::{Disk, DiskError};
use missions::time::{Mono, Now};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// 2015-01-01T00:00:00Z, µs since 1970.
const EPOCH_US: i64 = 1_420_070_400_000_000;
/// One second in units of 10 µs.
const SECOND: u64 = 100_000;
/// How far ahead of what was used the disk's mark is set: after a restart a peer is not believed for so long at most.
pub const RESERVE: u64 = SECOND;
/// A stream never heard may be this much behind the newest one: one minute, as the standard has it.
const NEW_STREAM_BEHIND: u64 = 60 * SECOND;
/// A frame that comes twice within two seconds was doubled on the way.
const DOUBLED_WITHIN: u64 = 2 * SECOND;
/// Times remembered in a stream: so many frames may be overtaken.
const WINDOW: usize = 1_024;
/// Streams remembered. Only who has the key can open one.
const MAX_STREAMS: usize = 32;
/// Bytes of a signature block: link id, time, tag.
pub const BLOCK: usize = 13;
const FLAG_SIGNED: u8 = 0x01;

/// How far a line is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Only frames signed with the aircraft's key: radios and networks.
    Signed,
    /// Whoever speaks is believed: a cable or the loopback, in a laboratory.
    #[default]
    WiredLab,
}

impl std::str::FromStr for Trust {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "signed" => Ok(Trust::Signed),
            "wired-lab" => Ok(Trust::WiredLab),
            _ => Err("signed or wired-lab".into()),
        }
    }
}

/// A secret of 32 bytes. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.fingerprint())
    }
}

impl Key {
    /// From its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Key(bytes)
    }
    /// From 64 hexadecimal digits; white space around them is nothing.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim().as_bytes();
        if text.len() != 64 {
            return None;
        }
        let mut key = [0u8; 32];
        for (to, pair) in key.iter_mut().zip(text.chunks(2)) {
            *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Key(key))
    }
    /// As 64 hexadecimal digits: for the one place where it is typed in.
    #[must_use]
    pub fn to_hex(&self) -> String {
        missions::plan::hex(&self.0)
    }
    /// What people compare: four bytes of its hash.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash: [u8; 32] = Sha256::digest(self.0).into();
        missions::plan::hex(hash.get(..4).unwrap_or(&[]))
    }
}

/// Why a frame is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// It carries no signature.
    Unsigned,
    /// The signature is not by our key.
    Forged,
    /// It is older than what may still be under way.
    Replayed,
    /// It was here a moment ago: the way doubled it.
    Doubled,
}

impl Refused {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Refused::Unsigned => "unsigned",
            Refused::Forged => "foreign",
            Refused::Replayed => "replayed",
            Refused::Doubled => "doubled",
        }
    }
}

/// Link id, system, component.
type Stream = (u8, u8, u8);

/// What was heard of a stream.
#[derive(Clone, Debug, Default)]
struct Heard {
    /// Nothing up to here is believed any more.
    floor: u64,
    /// The mark on disk: nothing beyond it is believed before it is moved.
    mark: u64,
    /// Times above the floor that were used.
    recent: BTreeSet<u64>,
}

impl Heard {
    fn newest(&self) -> u64 {
        self.recent.last().copied().unwrap_or(self.floor)
    }
}

/// One signed link.
#[derive(Clone, Debug)]
pub struct Seal {
    key: Key,
    link_id: u8,
    file: String,
    /// Time last used in what we sent, and the mark on disk that it must not pass.
    sent: u64,
    sent_mark: u64,
    /// A moment, and the time that was to be used then: times go on at their pace without a clock.
    tended: Option<(Mono, u64)>,
    heard: BTreeMap<Stream, Heard>,
    storage_ok: bool,
}

impl Seal {
    /// Opens a link; what was used before is read from `file`.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(disk: &mut dyn Disk, file: &str, key: Key, link_id: u8) -> Result<Seal, DiskError> {
        let bytes = disk.read(file)?;
        let mut seal = Seal {
            key,
            link_id,
            file: file.to_owned(),
            sent: 0,
            sent_mark: 0,
            tended: None,
            heard: BTreeMap::new(),
            storage_ok: true,
        };
        seal.recall(&bytes);
        Ok(seal)
    }

    /// What [`Seal::advance`] gave once and was kept elsewhere than in the seal's own file: nothing up to these marks is
    /// believed or used any more.
    pub fn recall(&mut self, kept: &[u8]) {
        let mut words = kept.chunks_exact(12).filter_map(|c| {
            let (id, time) = c.split_first_chunk::<4>()?;
            Some((*id, u64::from_le_bytes(time.try_into().ok()?)))
        });
        let sent = words.next().map_or(0, |(_, t)| t);
        self.sent = self.sent.max(sent);
        self.sent_mark = self.sent_mark.max(sent);
        for ([l, s, c, _], t) in words.take(MAX_STREAMS) {
            if self.heard.len() >= MAX_STREAMS && !self.heard.contains_key(&(l, s, c)) {
                continue;
            }
            let heard = self.heard.entry((l, s, c)).or_default();
            heard.floor = heard.floor.max(t);
            heard.mark = heard.mark.max(t);
        }
    }

    /// Whether the marks are on disk.
    #[must_use]
    pub fn storage_ok(&self) -> bool {
        self.storage_ok
    }

    fn marks(&self) -> Vec<u8> {
        let mut out = vec![0, 0, 0, 0];
        out.extend_from_slice(&self.sent_mark.to_le_bytes());
        for ((l, s, c), heard) in &self.heard {
            out.extend_from_slice(&[*l, *s, *c, 0]);
            out.extend_from_slice(&heard.mark.to_le_bytes());
        }
        out
    }

    fn save(&mut self, disk: &mut dyn Disk) {
        // Flight goes on without: within this run nothing is replayed.
        self.storage_ok = disk.replace(&self.file, &self.marks()).is_ok();
    }

    /// Times go on at their pace, with a clock or without.
    fn go_on(&mut self, now: Now) {
        let gone_on = self.tended.map_or(self.sent, |(at, time)| {
            let us = u64::try_from(now.mono.since(at).as_micros()).unwrap_or(0);
            time + us / 10
        });
        // Only a clock moves the base: frames that left faster than one in 10 µs must not make the time run fast.
        if self.tended.is_none() || time_of(now) > gone_on {
            self.tended = Some((now.mono, gone_on.max(time_of(now))));
        }
        self.sent = self.sent.max(time_of(now)).max(gone_on);
    }

    /// Whether what is used comes near a mark, so that all should be moved on. Call it now and then, well within a second:
    /// what is sent takes its time from here.
    pub fn is_due(&mut self, now: Now) -> bool {
        self.go_on(now);
        // All streams of a link are one peer's, by one clock: one that speaks seldom must not ask for a write each time.
        let newest = self.newest();
        self.sent + RESERVE / 2 > self.sent_mark
            || self.heard.values().any(|h| newest + RESERVE / 2 > h.mark)
    }

    fn newest(&self) -> u64 {
        self.heard.values().map(Heard::newest).max().unwrap_or(0)
    }

    /// Moves all marks on and gives what must be kept before anything else is done; [`Seal::kept`] then says whether it
    /// was. For a station that keeps the marks of many seals in one file: fifty files a second are more than a disk makes
    /// durable.
    pub fn advance(&mut self, now: Now) -> Vec<u8> {
        self.go_on(now);
        self.sent_mark = self.sent_mark.max(self.sent + RESERVE);
        let newest = self.newest();
        for h in self.heard.values_mut() {
            h.mark = h.mark.max(newest + RESERVE);
        }
        self.marks()
    }

    /// Whether what [`Seal::advance`] gave is durable.
    pub fn kept(&mut self, durable: bool) {
        self.storage_ok = durable;
    }

    /// Keeps the marks ahead of what we send and hear. Call it now and then, well within a second.
    pub fn tend(&mut self, now: Now, disk: &mut dyn Disk) {
        if self.is_due(now) {
            self.advance(now);
            self.save(disk);
        }
    }

    /// The frame with our signature. `None` for MAVLink 1, which has none.
    pub fn sign(&mut self, frame: &Frame) -> Option<Frame> {
        let mut b = frame.unsigned_bytes()?.to_vec();
        *b.get_mut(2)? |= FLAG_SIGNED;
        frame.fix_checksum(&mut b)?;
        self.sent += 1;
        b.push(self.link_id);
        b.extend_from_slice(self.sent.to_le_bytes().get(..6)?);
        let tag = self.tag(&b);
        b.extend_from_slice(&tag);
        Frame::from_bytes(&b)
    }

    fn tag(&self, through_time: &[u8]) -> [u8; 6] {
        let mut h = Sha256::new();
        h.update(self.key.0);
        h.update(through_time);
        let hash: [u8; 32] = h.finalize().into();
        let mut tag = [0u8; 6];
        for (to, from) in tag.iter_mut().zip(hash) {
            *to = from;
        }
        tag
    }

    /// Whether a frame is by who has our key, and new.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&mut self, disk: &mut dyn Disk, frame: &Frame) -> Result<(), Refused> {
        let h = frame.header();
        if !h.signed {
            return Err(Refused::Unsigned);
        }
        let b = frame.bytes();
        let (signed, tag) = b
            .len()
            .checked_sub(6)
            .and_then(|at| b.split_at_checked(at))
            .ok_or(Refused::Forged)?;
        if self.tag(signed) != *tag {
            return Err(Refused::Forged);
        }
        let block = b
            .len()
            .checked_sub(BLOCK)
            .and_then(|at| b.get(at..))
            .ok_or(Refused::Forged)?;
        let Some((link, rest)) = block.split_first() else {
            return Err(Refused::Forged);
        };
        let mut time = [0u8; 8];
        for (to, from) in time.iter_mut().zip(rest.iter().take(6)) {
            *to = *from;
        }
        let time = u64::from_le_bytes(time);
        let stream = (*link, h.system, h.component);
        let newest = self.newest();
        let room = self.heard.len() < MAX_STREAMS;
        let heard = match self.heard.entry(stream) {
            Entry::Occupied(e) => e.into_mut(),
            Entry::Vacant(_) if time + NEW_STREAM_BEHIND < newest || !room => {
                return Err(Refused::Replayed);
            }
            Entry::Vacant(e) => e.insert(Heard {
                floor: time.saturating_sub(SECOND),
                ..Heard::default()
            }),
        };
        if time <= heard.floor {
            return Err(Refused::Replayed);
        }
        if !heard.recent.insert(time) {
            // No way doubles a frame after so long: somebody plays it again.
            let late = time + DOUBLED_WITHIN < heard.newest();
            return Err(if late {
                Refused::Replayed
            } else {
                Refused::Doubled
            });
        }
        while heard.recent.len() > WINDOW {
            heard.floor = heard.recent.pop_first().unwrap_or(heard.floor);
        }
        if time > heard.mark {
            heard.mark = time + RESERVE;
            self.save(disk);
        }
        Ok(())
    }
}

/// When a frame was signed, units of 10 µs since 2015 by its sender's clock; `None` when it is not signed.
#[must_use]
pub fn signed_at(frame: &Frame) -> Option<u64> {
    if !frame.header().signed {
        return None;
    }
    let b = frame.bytes();
    let mut time = [0u8; 8];
    let at = b.len().checked_sub(BLOCK - 1)?;
    for (to, from) in time.iter_mut().zip(b.get(at..at + 6)?) {
        *to = *from;
    }
    Some(u64::from_le_bytes(time))
}

/// The standard's time; 0 without a clock.
fn time_of(now: Now) -> u64 {
    now.utc
        .valid()
        .and_then(|u| u64::try_from((u.0 - EPOCH_US) / 10).ok())
        .unwrap_or(0)
}

/// What was refused on a link, and when to say so.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    count: BTreeMap<Refused, u32>,
    said: Option<Mono>,
}

impl Refusals {
    /// Counts one. Words for an alarm: for the first at once, then each five seconds.
    pub fn add(&mut self, now: Mono, why: Refused) -> Option<String> {
        if why == Refused::Doubled {
            return None;
        }
        let n = self.count.entry(why).or_default();
        *n = n.saturating_add(1);
        let n = *n;
        if self.said.is_some_and(|t| now.since(t).as_secs() < 5) {
            return None;
        }
        self.said = Some(now);
        Some(format!("{n} {} frames dropped", why.word()))
    }
    /// How many were refused.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.count.values().fold(0, |a, b| a.saturating_add(*b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::{HEARTBEAT_DATA, MavMessage};
    use crate::frame::Stamper;
    use crate::journal::MemDisk;
    use missions::time::{Reading, Utc};
    use proptest::prelude::*;

    fn at(ms: u64) -> Now {
        Now::new(
            Mono::from_millis(ms),
            Utc(1_790_000_000_000_000 + ms as i64 * 1_000),
        )
    }
    fn dark(ms: u64) -> Now {
        Now {
            mono: Mono::from_millis(ms),
            utc: Reading::Missing,
        }
    }
    #[test]
    fn marks_kept_for_the_seal_hold_after_a_restart_as_its_own_file_does() {
        let (mut air, mut ground) = (MemDisk::default(), MemDisk::default());
        let (mut aircraft, mut desk) = (seal(&mut air, 1), seal(&mut ground, 1));
        let mut stamper = Stamper::new(1, 1);
        let mut frame = |aircraft: &mut Seal, air: &mut MemDisk, ms| {
            aircraft.tend(at(ms), air);
            let heartbeat = MavMessage::HEARTBEAT(HEARTBEAT_DATA::default());
            aircraft.sign(&stamper.frame(heartbeat)).unwrap()
        };
        let mut heard = Vec::new();
        let mut kept = Vec::new();
        for ms in (0..3_000).step_by(100) {
            let f = frame(&mut aircraft, &mut air, ms);
            assert_eq!(desk.check(&mut ground, &f), Ok(()));
            if desk.is_due(at(ms)) {
                kept = desk.advance(at(ms));
                desk.kept(true);
            }
            heard.push(f);
        }
        // Restarted with nothing but what was kept elsewhere.
        let mut empty = MemDisk::default();
        let mut again = seal(&mut empty, 1);
        again.recall(&kept);
        for f in &heard {
            assert!(
                again.check(&mut empty, f).is_err(),
                "an old frame is believed"
            );
        }
        // And no longer than the reserve is the aircraft not believed.
        let later = frame(&mut aircraft, &mut air, 3_000 + 1_100);
        assert_eq!(again.check(&mut empty, &later), Ok(()));
    }

    fn seal(disk: &mut MemDisk, key: u8) -> Seal {
        Seal::open(disk, "seal", Key::new([key; 32]), 0).unwrap()
    }
    fn beat(s: &mut Stamper) -> Frame {
        s.frame(MavMessage::HEARTBEAT(HEARTBEAT_DATA::default()))
    }

    #[test]
    fn what_we_sign_is_believed_once_and_by_who_has_the_key() {
        let (mut a, mut b, mut c) = (MemDisk::default(), MemDisk::default(), MemDisk::default());
        let (mut tx, mut rx, mut other) = (seal(&mut a, 1), seal(&mut b, 1), seal(&mut c, 2));
        let mut s = Stamper::new(255, 190);
        tx.tend(at(0), &mut a);
        let plain = beat(&mut s);
        let f = tx.sign(&plain).unwrap();
        assert!(f.header().signed);
        assert_eq!(f.decode(), plain.decode());
        assert!(
            f.bytes().len() <= 40,
            "a keep-alive of {} bytes",
            f.bytes().len()
        );
        assert_eq!(rx.check(&mut b, &plain), Err(Refused::Unsigned));
        assert_eq!(other.check(&mut c, &f), Err(Refused::Forged));
        assert_eq!(rx.check(&mut b, &f), Ok(()));
        assert_eq!(rx.check(&mut b, &f), Err(Refused::Doubled));
        // Overtaken on the way: both are believed, each once.
        let (first, second) = (tx.sign(&plain).unwrap(), tx.sign(&plain).unwrap());
        for (f, want) in [
            (&second, Ok(())),
            (&first, Ok(())),
            (&first, Err(Refused::Doubled)),
        ] {
            assert_eq!(rx.check(&mut b, f), want);
        }
    }

    #[test]
    fn a_recording_is_refused_after_a_reboot_and_true_frames_are_believed_within_a_second() {
        let (mut a, mut b) = (MemDisk::default(), MemDisk::default());
        let mut s = Stamper::new(255, 190);
        let mut tx = seal(&mut a, 1);
        let mut recording = Vec::new();
        {
            let mut rx = seal(&mut b, 1);
            for ms in (0..5_000).step_by(125) {
                tx.tend(at(ms), &mut a);
                let f = tx.sign(&beat(&mut s)).unwrap();
                assert_eq!(rx.check(&mut b, &f), Ok(()));
                recording.push(f);
            }
        }
        let mut rx = seal(&mut b, 1);
        for f in &recording {
            assert_eq!(rx.check(&mut b, f), Err(Refused::Replayed));
        }
        tx.tend(at(6_100), &mut a);
        assert_eq!(rx.check(&mut b, &tx.sign(&beat(&mut s)).unwrap()), Ok(()));
        // The sender reboots too, and has no clock: what it says is still new.
        let mut tx = seal(&mut a, 1);
        tx.tend(dark(0), &mut a);
        assert_eq!(rx.check(&mut b, &tx.sign(&beat(&mut s)).unwrap()), Ok(()));
        // A recording under another component's name is too old.
        let mut t = Stamper::new(255, 7);
        let mut old = seal(&mut MemDisk::default(), 1);
        old.tend(at(0), &mut MemDisk::default());
        let mut rx = seal(&mut b, 1);
        tx.tend(at(200_000), &mut a);
        assert_eq!(rx.check(&mut b, &tx.sign(&beat(&mut s)).unwrap()), Ok(()));
        assert_eq!(
            rx.check(&mut b, &old.sign(&beat(&mut t)).unwrap()),
            Err(Refused::Replayed)
        );
    }

    #[test]
    fn a_frame_of_an_unknown_id_is_signed_with_its_own_checksum() {
        // 60 000 is in neither dialect: the checksum's secret byte is found from the frame itself.
        let mut s = Stamper::new(1, 1);
        let mut bytes = beat(&mut s).bytes().to_vec();
        bytes[7..10].copy_from_slice(&[0x60, 0xEA, 0]);
        let body = bytes.len() - 2;
        let crc = mavlink::calculate_crc(&bytes[1..body], 99);
        bytes[body..].copy_from_slice(&crc.to_le_bytes());
        let f = Frame::from_bytes(&bytes).unwrap();
        let mut disk = MemDisk::default();
        let signed = seal(&mut disk, 1).sign(&f).unwrap();
        let b = signed.bytes();
        let body = b.len() - 15;
        let want = mavlink::calculate_crc(&b[1..body], 99);
        assert_eq!(b[body..body + 2], want.to_le_bytes());
        assert_eq!(signed.payload(), f.payload());
    }

    proptest! {
        #[test]
        fn no_changed_bit_is_believed(bit in 0usize..34 * 8) {
            let (mut a, mut b) = (MemDisk::default(), MemDisk::default());
            let mut tx = seal(&mut a, 1);
            tx.tend(at(0), &mut a);
            let f = tx.sign(&beat(&mut Stamper::new(255, 190))).unwrap();
            let mut bytes = f.bytes().to_vec();
            let at = (bit / 8) % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
            if let Some(f) = Frame::from_bytes(&bytes) {
                prop_assert!(seal(&mut b, 1).check(&mut b, &f).is_err());
            }
        }
    }
}
