//! Byte strings in chunks over a lossy link: windowed selective repeat, hash-checked, bounded.
//!
//! A plan bundle goes down, anomaly pictures and camera previews come up. Success is said only when the receiver said
//! that the hash is equal. Never blocks anything else: the owner asks for as many bytes as the link has room for.

use crate::patrol::{
    MavMessage, PATROL_BLOB_CHUNK_DATA, PATROL_BLOB_OFFER_DATA, PATROL_BLOB_STATUS_DATA,
};
use missions::time::{Mono, Now};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::time::Duration;

/// Bytes of a chunk.
pub const CHUNK: usize = 200;
/// Longest blob, bytes.
pub const MAX_LEN: usize = 1 << 20;
/// Chunks sent beyond the receiver's base before it must answer.
const WINDOW: usize = 64;
/// Silence after which an offer, or the unanswered part of a window, is sent again, before the way's time is known.
const RESEND: Duration = Duration::from_millis(150);
/// The same at the least and at the most, once the way's time is known or nobody answers.
const RESEND_LEAST: Duration = Duration::from_millis(60);
const RESEND_MOST: Duration = Duration::from_secs(2);
/// Offers in a row before they come half as often. Not more seldom: who sends hears the other side, so it is the answers
/// that are lost, and a loss in bursts lasts for so many messages, not for so long.
const OFFERS_WITHOUT_PAUSE: u32 = 10;
/// Chunks sent behind an offer before anybody answered: a small blob then needs one way there and one back.
const EARLY: usize = 24;
/// Silence after which the transfer is given up.
const GIVE_UP: Duration = Duration::from_secs(30);
/// Chunks after which a receiver says what it has.
const STATUS_EVERY: usize = 16;
/// Quiet after which a receiver with gaps says what it has.
const STATUS_QUIET: Duration = Duration::from_millis(30);
/// Bytes a chunk costs on the wire, frame and all.
const CHUNK_ON_WIRE: usize = 220;

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlobKind {
    /// A plan bundle, ground to companion.
    Bundle,
    /// An anomaly's picture, companion to ground; its subject is the anomaly's number.
    Picture,
    /// The latest camera picture, companion to ground; a newer one replaces it.
    Preview,
}

impl BlobKind {
    /// To the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            BlobKind::Bundle => 1,
            BlobKind::Picture => 2,
            BlobKind::Preview => 3,
        }
    }
    /// From the wire.
    #[must_use]
    pub fn from_number(n: u8) -> Option<Self> {
        match n {
            1 => Some(BlobKind::Bundle),
            2 => Some(BlobKind::Picture),
            3 => Some(BlobKind::Preview),
            _ => None,
        }
    }
}

/// How a sending stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Under way.
    Running {
        /// Chunks the receiver has said it has.
        done: usize,
        /// Chunks in all.
        total: usize,
    },
    /// The receiver has it, hash equal.
    Done,
    /// The receiver refused it.
    Refused,
    /// Nobody answered for half a minute.
    Silent,
}

/// Sends one blob.
#[derive(Clone, Debug)]
pub struct Sender {
    kind: BlobKind,
    transfer: u32,
    subject: u32,
    bytes: Vec<u8>,
    sha256: [u8; 32],
    have: Vec<bool>,
    /// When each chunk was last sent.
    sent: Vec<Option<Mono>>,
    /// Chunks sent more than once: their answers tell nothing about the way's time.
    again: Vec<bool>,
    /// Time there and back, smoothed; `None` until measured.
    round_trip: Option<Duration>,
    offers: u32,
    base: usize,
    answered: bool,
    state: Sending,
    next_offer: Mono,
    last_heard: Option<Mono>,
}

impl Sender {
    /// Starts to send. `transfer` must differ from that of earlier transfers of this kind. `None` when too long.
    #[must_use]
    pub fn new(kind: BlobKind, transfer: u32, subject: u32, bytes: Vec<u8>) -> Option<Self> {
        if bytes.len() > MAX_LEN {
            return None;
        }
        let n = bytes.len().div_ceil(CHUNK);
        Some(Sender {
            kind,
            transfer,
            subject,
            sha256: Sha256::digest(&bytes).into(),
            have: vec![false; n],
            sent: vec![None; n],
            again: vec![false; n],
            round_trip: None,
            offers: 0,
            base: 0,
            answered: false,
            state: Sending::Running { done: 0, total: n },
            next_offer: Mono::ZERO,
            last_heard: None,
            bytes,
        })
    }
    /// How it stands.
    #[must_use]
    pub fn state(&self) -> Sending {
        self.state
    }
    /// What is sent.
    #[must_use]
    pub fn kind(&self) -> BlobKind {
        self.kind
    }
    /// What it belongs to.
    #[must_use]
    pub fn subject(&self) -> u32 {
        self.subject
    }
    /// Number of this transfer.
    #[must_use]
    pub fn transfer(&self) -> u32 {
        self.transfer
    }
    /// SHA-256 of the whole.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The next messages, at most `budget_bytes` on the wire. Call it often with what the link has room for.
    pub fn send(&mut self, now: Now, budget_bytes: usize) -> Vec<MavMessage> {
        let mut out = Vec::new();
        if !matches!(self.state, Sending::Running { .. }) {
            return out;
        }
        let heard = *self.last_heard.get_or_insert(now.mono);
        if now.mono.since(heard) > GIVE_UP {
            self.state = Sending::Silent;
            return out;
        }
        let mut room = budget_bytes;
        let resend = self.resend();
        if !self.answered || now.mono.since(heard) > resend * 4 {
            if now.mono >= self.next_offer && room >= 70 {
                self.next_offer = now.mono.after(self.ask_again());
                self.offers = self.offers.saturating_add(1);
                room -= 70;
                out.push(MavMessage::PATROL_BLOB_OFFER(PATROL_BLOB_OFFER_DATA {
                    transfer: self.transfer,
                    subject: self.subject,
                    len: u32::try_from(self.bytes.len()).unwrap_or(0),
                    chunk_len: CHUNK as u16,
                    kind: self.kind.number(),
                    sha256: self.sha256,
                }));
            }
            // Without an offer before them chunks would fall on the floor.
            if !self.answered && self.offers == 0 {
                return out;
            }
        }
        let window = if self.answered { WINDOW } else { EARLY };
        let end = (self.base + window).min(self.have.len());
        for i in self.base..end {
            if room < CHUNK_ON_WIRE {
                break;
            }
            let last = self.sent.get(i).copied().flatten();
            let due = last.is_none_or(|t| now.mono.since(t) >= resend);
            if self.have.get(i) == Some(&false) && due {
                if let (Some(s), Some(a)) = (self.sent.get_mut(i), self.again.get_mut(i)) {
                    *a |= last.is_some();
                    *s = Some(now.mono);
                }
                out.extend(self.chunk(i));
                room -= CHUNK_ON_WIRE;
            }
        }
        out
    }

    /// How long to wait before an offer is made again. An offer is small, and nothing begins without it: a lossy way is
    /// asked without pause for a while before nobody is taken to be there.
    fn ask_again(&self) -> Duration {
        if self.answered {
            self.resend()
        } else {
            let doubled = self.offers.saturating_sub(OFFERS_WITHOUT_PAUSE).min(1);
            RESEND * 2u32.pow(doubled)
        }
    }

    /// How long to wait before something unanswered is sent again.
    fn resend(&self) -> Duration {
        match self.round_trip {
            Some(t) => (t * 5 / 4 + STATUS_QUIET).clamp(RESEND_LEAST, RESEND_MOST),
            // Somebody is there, and all that was sent before the offer arrived fell on the floor. What was sent twice tells
            // nothing about the way's time: on a way that loses much this may last, and waiting longer only adds up.
            None if self.answered => RESEND,
            // Nobody there, or a slow way: less and less often, but not before a few offers may have been lost.
            None => (RESEND * 2u32.pow(self.offers.saturating_sub(4).min(4))).min(RESEND_MOST),
        }
    }

    /// The chunk was sent once and is there now: so long the way takes, there and back.
    fn timed(&mut self, now: Now, i: usize) {
        let (Some(Some(sent)), Some(false)) = (self.sent.get(i), self.again.get(i)) else {
            return;
        };
        let t = now.mono.since(*sent);
        // A long time may only mean that the answers before this one were lost; a short one is the way's.
        self.round_trip = Some(match self.round_trip {
            Some(r) if t < r => (r + t) / 2,
            Some(r) => (r * 7 + t) / 8,
            None => t,
        });
    }

    fn chunk(&self, i: usize) -> Option<MavMessage> {
        let part = self.bytes.chunks(CHUNK).nth(i)?;
        let mut data = [0u8; CHUNK];
        data.get_mut(..part.len())?.copy_from_slice(part);
        Some(MavMessage::PATROL_BLOB_CHUNK(PATROL_BLOB_CHUNK_DATA {
            transfer: self.transfer,
            index: u16::try_from(i).ok()?,
            kind: self.kind.number(),
            len: u8::try_from(part.len()).ok()?,
            data,
        }))
    }

    /// Takes a status. Returns whether it was about this transfer.
    pub fn status(&mut self, now: Now, d: &PATROL_BLOB_STATUS_DATA) -> bool {
        if d.transfer != self.transfer || d.kind != self.kind.number() {
            return false;
        }
        if !matches!(self.state, Sending::Running { .. }) {
            return true;
        }
        self.last_heard = Some(now.mono);
        self.answered = true;
        match d.state {
            1 => self.state = Sending::Done,
            2 => self.state = Sending::Refused,
            3 => {
                // The hash differed: everything again, from the offer on.
                self.have.fill(false);
                self.sent.fill(None);
                self.again.fill(true);
                self.base = 0;
                self.answered = false;
                self.offers = 0;
                self.next_offer = now.mono;
            }
            _ => {
                let base = usize::from(d.base);
                let before = self.have.clone();
                // An old status must not take back what a newer one said.
                for h in self.have.iter_mut().take(base) {
                    *h = true;
                }
                let mut highest = None;
                for i in 0..256usize {
                    let bit = d.have.get(i / 8).is_some_and(|b| b & (1 << (i % 8)) != 0);
                    if bit && let Some(h) = self.have.get_mut(base + i) {
                        *h = true;
                        highest = Some(base + i);
                    }
                }
                self.base = self.have.iter().position(|h| !h).unwrap_or(self.have.len());
                // The newest of what is there now was answered soonest: the others waited for it.
                let newest = (0..self.have.len())
                    .filter(|i| self.have.get(*i) != before.get(*i))
                    .max_by_key(|i| self.sent.get(*i).copied().flatten());
                if let Some(i) = newest {
                    self.timed(now, i);
                }
                // What lies below something that arrived was overtaken: it is lost, send it again at once – unless it
                // was sent so lately that it may still be under way.
                let under_way = self.round_trip.unwrap_or(RESEND / 2) * 3 / 4;
                if let Some(top) = highest {
                    for (have, sent) in self.have.iter().zip(&mut self.sent).take(top) {
                        if !have && sent.is_some_and(|t| now.mono.since(t) >= under_way) {
                            *sent = None;
                        }
                    }
                }
                let done = self.have.iter().filter(|h| **h).count();
                self.state = Sending::Running {
                    done,
                    total: self.have.len(),
                };
            }
        }
        true
    }
}

/// A blob that arrived whole, hash equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What it is.
    pub kind: BlobKind,
    /// What it belongs to.
    pub subject: u32,
    /// SHA-256.
    pub sha256: [u8; 32],
    /// Bytes.
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Incoming {
    transfer: u32,
    subject: u32,
    sha256: [u8; 32],
    bytes: Vec<u8>,
    have: Vec<bool>,
    since_status: usize,
    last_chunk: Mono,
    quiet_said: bool,
}

/// Receives blobs of one kind, one at a time: a newer offer replaces an unfinished one.
#[derive(Clone, Debug)]
pub struct Receiver {
    kind: BlobKind,
    incoming: Option<Incoming>,
    /// Transfers finished lately, to answer repeats: (transfer, hash, state).
    finished: VecDeque<(u32, [u8; 32], u8)>,
    out: VecDeque<MavMessage>,
}

impl Receiver {
    /// Receives blobs of this kind.
    #[must_use]
    pub fn new(kind: BlobKind) -> Self {
        Receiver {
            kind,
            incoming: None,
            finished: VecDeque::new(),
            out: VecDeque::new(),
        }
    }
    /// The next message to send back.
    pub fn poll(&mut self) -> Option<MavMessage> {
        self.out.pop_front()
    }
    /// Chunks received and expected of the present transfer.
    #[must_use]
    pub fn progress(&self) -> Option<(usize, usize)> {
        self.incoming
            .as_ref()
            .map(|i| (i.have.iter().filter(|h| **h).count(), i.have.len()))
    }

    /// Takes an offer. `known` says that this blob is already durable here: it is then answered as complete at once.
    pub fn offer(&mut self, now: Now, d: &PATROL_BLOB_OFFER_DATA, known: bool) {
        if d.kind != self.kind.number() {
            return;
        }
        let len = usize::try_from(d.len).unwrap_or(usize::MAX);
        if let Some((.., state)) = self
            .finished
            .iter()
            .find(|f| f.0 == d.transfer && f.1 == d.sha256)
            .copied()
        {
            self.say(d.transfer, state);
            return;
        }
        if known {
            self.finish(d.transfer, d.sha256, 1);
            return;
        }
        if len > MAX_LEN || usize::from(d.chunk_len) != CHUNK {
            self.finish(d.transfer, d.sha256, 2);
            return;
        }
        let same = self
            .incoming
            .as_ref()
            .is_some_and(|i| i.transfer == d.transfer && i.sha256 == d.sha256);
        if !same {
            // The same bytes under a new number (the sender restarted): what is here is still good.
            let resumed = self
                .incoming
                .take()
                .filter(|i| i.sha256 == d.sha256 && i.bytes.len() == len);
            self.incoming = Some(match resumed {
                Some(i) => Incoming {
                    transfer: d.transfer,
                    subject: d.subject,
                    ..i
                },
                None => Incoming {
                    transfer: d.transfer,
                    subject: d.subject,
                    sha256: d.sha256,
                    bytes: vec![0; len],
                    have: vec![false; len.div_ceil(CHUNK)],
                    since_status: 0,
                    last_chunk: now.mono,
                    quiet_said: true,
                },
            });
        }
        self.say_have();
        if same {
            // Who asks again did not hear: twice, so that one loss does not cost another round.
            self.say_have();
        }
    }

    /// Answers an offer with a refusal and keeps what is under way: the offer is of somebody who may not send now.
    pub fn not_now(&mut self, d: &PATROL_BLOB_OFFER_DATA) {
        if d.kind == self.kind.number() {
            self.say(d.transfer, 2);
        }
    }

    /// Takes a chunk. Returns the blob when it is whole and its hash is equal; answer with [`Receiver::accept`] or
    /// [`Receiver::refuse`] once it is durable or judged.
    pub fn chunk(&mut self, now: Now, d: &PATROL_BLOB_CHUNK_DATA) -> Option<Blob> {
        if d.kind != self.kind.number() {
            return None;
        }
        if let Some((.., state)) = self
            .finished
            .iter()
            .rev()
            .find(|f| f.0 == d.transfer)
            .copied()
        {
            self.say(d.transfer, state);
            return None;
        }
        let i = self
            .incoming
            .as_mut()
            .filter(|i| i.transfer == d.transfer)?;
        let (at, len) = (usize::from(d.index), usize::from(d.len));
        let want = i.bytes.len().saturating_sub(at * CHUNK).min(CHUNK);
        if len != want || len == 0 {
            return None;
        }
        if i.have.get(at) == Some(&false) {
            let (Some(to), Some(from)) = (
                i.bytes.get_mut(at * CHUNK..at * CHUNK + len),
                d.data.get(..len),
            ) else {
                return None;
            };
            to.copy_from_slice(from);
            if let Some(h) = i.have.get_mut(at) {
                *h = true;
            }
        }
        i.since_status += 1;
        i.last_chunk = now.mono;
        i.quiet_said = false;
        if i.have.iter().all(|h| *h) {
            let digest: [u8; 32] = Sha256::digest(&i.bytes).into();
            let (transfer, sha256) = (i.transfer, i.sha256);
            if digest != sha256 {
                self.incoming = None;
                self.say(transfer, 3);
                return None;
            }
            let i = self.incoming.as_mut()?;
            return Some(Blob {
                kind: self.kind,
                subject: i.subject,
                sha256,
                bytes: i.bytes.clone(),
            });
        }
        if i.since_status >= STATUS_EVERY {
            self.say_have();
        }
        None
    }

    /// The blob is durable (or, for a preview, taken): say so.
    pub fn accept(&mut self) {
        if let Some(i) = self.incoming.take() {
            self.finish(i.transfer, i.sha256, 1);
        }
    }
    /// The blob will not be taken: say so.
    pub fn refuse(&mut self) {
        if let Some(i) = self.incoming.take() {
            self.finish(i.transfer, i.sha256, 2);
        }
    }

    /// Time passes: after a burst with gaps, says what is here.
    pub fn tick(&mut self, now: Now) {
        if let Some(i) = &mut self.incoming
            && !i.quiet_said
            && now.mono.since(i.last_chunk) >= STATUS_QUIET
        {
            i.quiet_said = true;
            self.say_have();
        }
    }
    /// When to call [`Receiver::tick`] next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.incoming
            .as_ref()
            .filter(|i| !i.quiet_said)
            .map(|i| i.last_chunk.after(STATUS_QUIET))
    }

    fn finish(&mut self, transfer: u32, sha256: [u8; 32], state: u8) {
        if self.finished.len() >= 32 {
            self.finished.pop_front();
        }
        self.finished.push_back((transfer, sha256, state));
        // Twice: if it is lost, the sender only finds out by sending again.
        self.say(transfer, state);
        self.say(transfer, state);
    }

    fn say(&mut self, transfer: u32, state: u8) {
        if self.out.len() < 64 {
            self.out
                .push_back(MavMessage::PATROL_BLOB_STATUS(PATROL_BLOB_STATUS_DATA {
                    transfer,
                    base: 0,
                    kind: self.kind.number(),
                    state,
                    have: [0; 32],
                }));
        }
    }

    fn say_have(&mut self) {
        let Some(i) = &mut self.incoming else { return };
        i.since_status = 0;
        let base = i.have.iter().position(|h| !h).unwrap_or(i.have.len());
        let mut have = [0u8; 32];
        for (k, h) in i.have.iter().skip(base).take(256).enumerate() {
            if *h && let Some(b) = have.get_mut(k / 8) {
                *b |= 1 << (k % 8);
            }
        }
        if self.out.len() < 64 {
            self.out
                .push_back(MavMessage::PATROL_BLOB_STATUS(PATROL_BLOB_STATUS_DATA {
                    transfer: i.transfer,
                    base: u16::try_from(base).unwrap_or(u16::MAX),
                    kind: self.kind.number(),
                    state: 0,
                    have,
                }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use missions::time::Reading;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn an_offer_that_nobody_answers_is_made_on_three_times_a_second() {
        let mut tx = Sender::new(BlobKind::Bundle, 1, 0, vec![7; 2_000]).unwrap();
        let mut offers = [0u32; 10];
        for ms in 0..10_000u64 {
            for m in tx.send(at(ms * 1_000), 3_000) {
                if matches!(m, MavMessage::PATROL_BLOB_OFFER(_))
                    && let Some(n) = offers.get_mut(ms as usize / 1_000)
                {
                    *n += 1;
                }
            }
        }
        assert!(offers.iter().all(|n| (3..=8).contains(n)), "{offers:?}");
    }

    fn at(us: u64) -> Now {
        Now {
            mono: Mono(us),
            utc: Reading::NotYet,
        }
    }

    /// One way 25 ms, 1 Mbit/s, each message lost with probability `loss`. Returns seconds to "done".
    fn run(loss: f64, len: usize, seed: u64) -> (f64, usize) {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let bytes: Vec<u8> = (0..len).map(|i| (i * 31 + 7) as u8).collect();
        let mut tx = Sender::new(BlobKind::Bundle, 1, 0, bytes.clone()).unwrap();
        let mut rx = Receiver::new(BlobKind::Bundle);
        let mut air: Vec<(u64, MavMessage)> = Vec::new();
        let mut whole = 0;
        let mut room: usize = 0;
        for step in 0..120_000u64 {
            let now = step * 1_000;
            let mut lost = || rng.random::<f64>() < loss;
            room = (room + 125).min(1_500);
            for m in tx.send(at(now), room) {
                room = room.saturating_sub(CHUNK_ON_WIRE);
                if !lost() {
                    air.push((now + 25_000, m));
                }
            }
            rx.tick(at(now));
            while let Some(m) = rx.poll() {
                if !lost() {
                    air.push((now + 25_000, m));
                }
            }
            let (due, later): (Vec<_>, Vec<_>) = air.drain(..).partition(|a| a.0 <= now);
            air = later;
            for (_, m) in due {
                match m {
                    MavMessage::PATROL_BLOB_OFFER(d) => rx.offer(at(now), &d, false),
                    MavMessage::PATROL_BLOB_CHUNK(d) => {
                        if let Some(b) = rx.chunk(at(now), &d) {
                            assert_eq!(b.bytes, bytes);
                            whole += 1;
                            rx.accept();
                        }
                    }
                    MavMessage::PATROL_BLOB_STATUS(d) => {
                        tx.status(at(now), &d);
                    }
                    _ => unreachable!(),
                }
            }
            if tx.state() == Sending::Done {
                return (now as f64 * 1e-6, whole);
            }
        }
        panic!("not done after 120 s at loss {loss}: {:?}", tx.state());
    }

    #[test]
    fn a_bundle_gets_through_whatever_the_loss_and_arrives_once() {
        for loss in [0.0, 0.1, 0.3, 0.5] {
            let mut times: Vec<f64> = (0..40)
                .map(|seed| {
                    let (t, whole) = run(loss, 20_000, seed);
                    assert_eq!(whole, 1);
                    t
                })
                .collect();
            times.sort_by(f64::total_cmp);
            println!(
                "20 kB, 1 Mbit/s, 50 ms RTT, loss {loss}: median {:.2} s, worst {:.2} s",
                times[20], times[39]
            );
        }
    }

    #[test]
    fn a_plan_over_a_way_that_loses_a_third_is_there_in_two_seconds_by_the_thousand() {
        let worst = (0..3_000)
            .map(|seed| run(0.3, 2_600, seed).0)
            .fold(0.0, f64::max);
        assert!(worst <= 2.0, "{worst} s");
    }

    #[test]
    fn nobody_there_is_said_not_waited_for() {
        let mut tx = Sender::new(BlobKind::Picture, 1, 3, vec![1; 500]).unwrap();
        let mut offers = 0;
        for s in 0..100u64 {
            offers += tx.send(at(s * 1_000_000), 10_000).len();
        }
        assert_eq!(tx.state(), Sending::Silent);
        assert!(offers < 200);
    }

    #[test]
    fn an_empty_or_lying_chunk_changes_nothing() {
        let mut rx = Receiver::new(BlobKind::Bundle);
        let mut tx = Sender::new(BlobKind::Bundle, 9, 0, vec![7; 450]).unwrap();
        for m in tx.send(at(0), 10_000) {
            if let MavMessage::PATROL_BLOB_OFFER(d) = m {
                rx.offer(at(0), &d, false);
            }
        }
        for (index, len) in [(0u16, 0u8), (2, 200), (65_535, 200), (0, 255)] {
            let d = PATROL_BLOB_CHUNK_DATA {
                transfer: 9,
                index,
                kind: 1,
                len,
                data: [0; 200],
            };
            assert_eq!(rx.chunk(at(1), &d), None);
        }
        assert_eq!(rx.progress(), Some((0, 3)));
    }
}
