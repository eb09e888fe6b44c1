//! What goes down one ground line, in which order, and how fast.
//!
//! Answers, reports and anomalies go ahead of telemetry; of each telemetry message only the newest waits; pictures take
//! what is left. A line without a rate passes everything at once. Bounded; what does not fit is dropped and counted.

use link::frame::Frame;
use link::pace;
use missions::time::Mono;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Frames that may wait in each of the queues.
const MAX_WAITING: usize = 256;
/// Bytes that may leave at once after a pause, as time on the line.
const BURST: Duration = Duration::from_millis(60);
/// The least of that, bytes: the longest frame.
const LEAST_BURST: f64 = 300.0;
/// Records may wait for so long on the line, and so many at least and at most; what one takes, bytes.
const RECORDS_AHEAD: Duration = Duration::from_millis(100);
const LEAST_RECORDS: usize = 4;
const MOST_RECORDS: usize = 20;
const RECORD_BYTES: f64 = 165.0;
/// Of two lots both waiting, telemetry gets every so many-th frame while records wait: a backlog of anomalies must not
/// blind the officer.
const TELEMETRY_EVERY: u32 = 3;
/// Slowest and fastest that a measured line may be set to, bytes a second.
const RATE_LEAST: f64 = 400.0;
const RATE_MOST: f64 = 10_000_000.0;
/// A radio reports its buffer about once a second; nothing heard for this long: the configured rate again.
const REPORT_LIFE: Duration = Duration::from_secs(10);

/// How much a frame matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Answers, failsafe reports, words: at once.
    Urgent,
    /// Numbered records: anomalies.
    Record,
    /// Newest wins.
    Telemetry,
    /// Long answers: parameters, log downloads, files.
    Reply,
    /// Pictures.
    Bulk,
}

/// Telemetry of the common dialect that states how something is now: a newer one makes the older worthless.
const NEWEST_WINS: &[u32] = &[
    1, 2, 24, 27, 29, 30, 31, 32, 33, 34, 35, 36, 42, 49, 62, 63, 64, 65, 69, 74, 83, 85, 87, 100,
    105, 106, 116, 129, 132, 136, 137, 141, 143, 147, 148, 162, 163, 165, 168, 178, 182, 192, 193,
    225, 226, 230, 231, 234, 241, 242, 245, 258, 259, 265, 266, 281, 285, 290, 291, 300, 310, 331,
    335, 339, 340, 350, 360, 370, 371, 372, 373, 375, 380, 385, 390, 410, 411, 412, 413, 435, 436,
    437, 8_002, 11_030, 11_031, 11_032, 11_039, 12_900, 12_901, 12_902, 12_903, 12_904, 12_905,
    12_915, 12_918, 12_919, 12_920,
];
/// Long answers.
const REPLIES: &[u32] = &[22, 110, 118, 120, 121, 320, 322, 324];

/// Where a frame of this message belongs. STATUSTEXT (253) is urgent and never replaced.
#[must_use]
pub fn lane_of(msg_id: u32) -> Lane {
    match msg_id {
        253 => Lane::Urgent,
        54_101 => Lane::Record,
        // PATROL_BLOB_CHUNK and _OFFER on the way down carry pictures.
        54_103 | 54_104 => Lane::Bulk,
        // PATROL_PREFLIGHT and PATROL_CONTROL are said again and again.
        54_108 | 54_110 => Lane::Telemetry,
        // Small, and repeated until it is receipted: it may wait.
        54_112 => Lane::Reply,
        n if NEWEST_WINS.contains(&n) => Lane::Telemetry,
        n if REPLIES.contains(&n) => Lane::Reply,
        _ => Lane::Urgent,
    }
}

/// Key of telemetry: system, component, message.
type Key = (u8, u8, u32);

/// One ground line.
#[derive(Clone, Debug, Default)]
pub struct Shaper {
    /// Bytes a second; `None`: as fast as it comes.
    configured: Option<f64>,
    /// What a radio's own reports made of it, and when it last reported.
    measured: Option<(f64, Mono)>,
    /// What the ground's reports made of it. A silence does not change it: the radio is the same one afterwards.
    told: Option<f64>,
    /// Bytes that every frame grows by when it leaves: its signature.
    signature: f64,
    urgent: VecDeque<Vec<u8>>,
    records: VecDeque<Vec<u8>>,
    telemetry: BTreeMap<Key, Vec<u8>>,
    /// Order in which telemetry gets its turn.
    turns: VecDeque<Key>,
    replies: VecDeque<Vec<u8>>,
    bulk: VecDeque<Vec<u8>>,
    room: f64,
    at: Mono,
    since_telemetry: u32,
    dropped: u64,
}

impl Shaper {
    /// A line of so many bytes a second; `None`: no limit.
    #[must_use]
    pub fn new(bytes_per_s: Option<f64>) -> Self {
        Shaper {
            configured: bytes_per_s.map(|b| b.clamp(RATE_LEAST, RATE_MOST)),
            ..Shaper::default()
        }
    }
    /// Frames thrown away because they did not fit (telemetry replaced by newer is not counted).
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
    /// Bytes a second in force; `None`: no limit.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let own = self.measured.map(|(r, _)| r).or(self.configured);
        match (own, self.told) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
    /// Every frame grows by so many bytes when it leaves.
    pub fn signs(&mut self, bytes: usize) {
        self.signature = bytes as f64;
    }
    /// The ground said what it hears of us on this line ([`pace`]).
    pub fn ground_hears(&mut self, heard: pace::Heard) {
        let most = self.configured.unwrap_or(RATE_MOST);
        self.told = pace::rate_after(self.rate(), heard)
            .map(|r| r.max(RATE_LEAST))
            .filter(|r| *r < most);
    }
    /// Records that may be put in now so that the newest is never far behind the oldest.
    #[must_use]
    pub fn record_room(&self) -> usize {
        let most = match self.rate() {
            None => MOST_RECORDS,
            Some(rate) => {
                let fit = rate * RECORDS_AHEAD.as_secs_f64() / RECORD_BYTES;
                (fit as usize).clamp(LEAST_RECORDS, MOST_RECORDS)
            }
        };
        most.saturating_sub(self.records.len())
    }
    /// Bytes of bulk that may be put in now.
    #[must_use]
    pub fn bulk_room(&self) -> usize {
        match self.rate() {
            None => usize::MAX,
            Some(_) => 4usize.saturating_sub(self.bulk.len()) * 230,
        }
    }

    /// A radio said how full its send buffer is: percent free (RADIO_STATUS.txbuf, SiK radios). Slower while it fills,
    /// carefully faster while it is empty; thresholds as ArduPilot has them (GCS_MAVLINK::handle_radio_status).
    pub fn radio_buffer(&mut self, now: Mono, free_pct: u8) {
        let from = self.measured.map(|(r, _)| r).or(self.configured);
        let from = from.unwrap_or(6_000.0);
        let factor = match free_pct {
            0..20 => 0.7,
            20..50 => 0.9,
            50..90 => 1.0,
            90..95 => 1.03,
            _ => 1.1,
        };
        let most = self.configured.unwrap_or(RATE_MOST);
        self.measured = Some(((from * factor).clamp(RATE_LEAST, most), now));
    }

    /// Takes a frame. Returns it when it may leave at once.
    pub fn put(&mut self, frame: &Frame) -> Option<Vec<u8>> {
        let bytes = frame.bytes().to_vec();
        if self.rate().is_none() {
            return Some(bytes);
        }
        let h = frame.header();
        let queue = match lane_of(h.msg_id) {
            Lane::Urgent => &mut self.urgent,
            Lane::Record => &mut self.records,
            Lane::Telemetry => {
                let key = (h.system, h.component, h.msg_id);
                if self.telemetry.insert(key, bytes).is_none() {
                    self.turns.push_back(key);
                }
                return None;
            }
            Lane::Reply => &mut self.replies,
            Lane::Bulk => &mut self.bulk,
        };
        if queue.len() >= MAX_WAITING {
            queue.pop_front();
            self.dropped += 1;
        }
        queue.push_back(bytes);
        None
    }

    /// The next frame that may leave at `now`.
    pub fn next(&mut self, now: Mono) -> Option<Vec<u8>> {
        if self
            .measured
            .is_some_and(|(_, t)| now.since(t) > REPORT_LIFE)
        {
            self.measured = None;
        }
        let Some(rate) = self.rate() else {
            // The limit went away with what waited behind it.
            self.room = 0.0;
            return self.choose();
        };
        let most = (rate * BURST.as_secs_f64()).max(LEAST_BURST);
        self.room = (self.room + now.since(self.at).as_secs_f64() * rate).min(most);
        self.at = now;
        if self.room <= 0.0 {
            return None;
        }
        let bytes = self.choose()?;
        self.room -= bytes.len() as f64 + self.signature;
        Some(bytes)
    }

    fn choose(&mut self) -> Option<Vec<u8>> {
        if let Some(b) = self.urgent.pop_front() {
            return Some(b);
        }
        let both = !self.records.is_empty() && !self.turns.is_empty();
        if (!both || self.since_telemetry < TELEMETRY_EVERY)
            && let Some(b) = self.records.pop_front()
        {
            self.since_telemetry += 1;
            return Some(b);
        }
        self.since_telemetry = 0;
        if let Some(key) = self.turns.pop_front() {
            return self.telemetry.remove(&key);
        }
        self.replies.pop_front().or_else(|| self.bulk.pop_front())
    }

    /// When something that waits may leave.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        let waits = !(self.urgent.is_empty()
            && self.records.is_empty()
            && self.turns.is_empty()
            && self.replies.is_empty()
            && self.bulk.is_empty());
        let rate = self.rate()?;
        waits.then(|| {
            let lack = (1.0 - self.room).max(0.0);
            self.at.after(Duration::from_secs_f64(lack / rate))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::common::{ATTITUDE_DATA, COMMAND_ACK_DATA, MavMessage};
    use link::frame::Stamper;

    fn attitude(s: &mut Stamper, ms: u32) -> Frame {
        s.frame(MavMessage::ATTITUDE(ATTITUDE_DATA {
            time_boot_ms: ms,
            ..ATTITUDE_DATA::default()
        }))
    }

    #[test]
    fn without_a_rate_everything_leaves_at_once() {
        let mut s = Stamper::new(1, 1);
        let f = attitude(&mut s, 1);
        assert_eq!(Shaper::new(None).put(&f).as_deref(), Some(f.bytes()));
    }

    #[test]
    fn a_slow_line_carries_its_rate_answers_first_and_only_the_newest_attitude() {
        let mut stamper = Stamper::new(1, 1);
        let mut line = Shaper::new(Some(1_000.0));
        let (mut bytes, mut last, mut ack_late_ms) = (0usize, 0u32, 0u64);
        for ms in 0..10_000u64 {
            let now = Mono::from_millis(ms);
            // 100 Hz of 40 bytes: four times what fits.
            if ms % 10 == 0 {
                assert!(line.put(&attitude(&mut stamper, ms as u32)).is_none());
            }
            if ms == 5_000 {
                line.put(&stamper.frame(MavMessage::COMMAND_ACK(COMMAND_ACK_DATA::default())));
            }
            while let Some(b) = line.next(now) {
                bytes += b.len();
                let f = Frame::from_bytes(&b).unwrap();
                if f.header().msg_id == 77 {
                    ack_late_ms = ms - 5_000;
                } else if let link::frame::Msg::Common(m) = f.decode()
                    && let MavMessage::ATTITUDE(a) = *m
                {
                    assert!(a.time_boot_ms > last || last == 0);
                    assert!(ms - u64::from(a.time_boot_ms) < 50, "old telemetry");
                    last = a.time_boot_ms;
                }
            }
        }
        assert!((9_000..=10_400).contains(&bytes), "{bytes}");
        assert!(ack_late_ms < 50, "{ack_late_ms}");
        assert_eq!(line.dropped(), 0);
    }

    #[test]
    fn a_backlog_of_anomalies_leaves_telemetry_its_part() {
        let mut stamper = Stamper::new(1, 1);
        let mut line = Shaper::new(Some(2_000.0));
        let record = stamper.raw(54_101, &[1; 150]).unwrap();
        let mut seen = [0u32; 2];
        for ms in 0..20_000u64 {
            if line.record_room() > 0 {
                line.put(&record);
            }
            line.put(&attitude(&mut stamper, ms as u32));
            while let Some(b) = line.next(Mono::from_millis(ms)) {
                seen[usize::from(b.len() < 100)] += 1;
            }
        }
        assert!(seen[0] > 150 && seen[1] > seen[0] / 4, "{seen:?}");
    }

    #[test]
    fn a_line_that_the_ground_hears_late_is_paced_and_found_again_when_it_has_room() {
        let hears = |bytes_per_s, late_ms| pace::Heard {
            bytes_per_s,
            late_ms: Some(late_ms),
        };
        let mut line = Shaper::new(None);
        line.ground_hears(hears(40_000, 10));
        assert_eq!(line.rate(), None, "fast and never late: no limit");
        line.ground_hears(hears(7_000, 400));
        assert_eq!(line.rate(), Some(5_950.0));
        assert_eq!(line.record_room(), 4);
        // An hour of silence: the radio is no faster for it.
        line.next(Mono::from_millis(3_600_000));
        assert_eq!(line.rate(), Some(5_950.0));
        // Nothing to say is no proof of room.
        line.ground_hears(hears(300, 0));
        assert_eq!(line.rate(), Some(5_950.0));
        for _ in 0..200 {
            let r = line.rate().unwrap_or(1e7) as u32;
            line.ground_hears(hears(r, 10));
        }
        assert_eq!(line.rate(), None);
    }

    #[test]
    fn a_radio_that_says_its_buffer_fills_is_spared_and_forgotten_when_silent() {
        let mut line = Shaper::new(Some(5_000.0));
        for s in 1..6 {
            line.radio_buffer(Mono::from_millis(s * 1_000), 10);
        }
        let slow = line.rate().unwrap();
        assert!(slow < 1_000.0, "{slow}");
        for s in 6..60 {
            line.radio_buffer(Mono::from_millis(s * 1_000), 99);
        }
        assert_eq!(line.rate(), Some(5_000.0));
        line.radio_buffer(Mono::from_millis(60_000), 0);
        line.next(Mono::from_millis(80_000));
        assert_eq!(line.rate(), Some(5_000.0));
    }
}
