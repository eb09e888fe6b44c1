//! A radio path between aircraft and ground: datagrams in, datagrams out, later, or never.
//!
//! Loss, alone or in bursts, delay, jitter, reordering, duplicates, corruption, a serialisation rate and one-way cuts,
//! all drawn from one seed. Never looks into a datagram, never reads a clock.

use missions::time::Mono;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most datagrams in the air at once; more are dropped (and counted).
const MAX_IN_FLIGHT: usize = 4096;

/// Loss in bursts (Gilbert-Elliott): the path is good or bad, and changes between two datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// Probability that a datagram is lost while the path is bad, 0..=1. While it is good [`RadioSpec::loss`] holds.
    pub loss: f64,
    /// Probability that a good path is bad for the next datagram, 0..=1.
    pub into: f64,
    /// Probability that a bad path is good for the next datagram, above 0, ..=1: 1 / datagrams of a burst.
    pub out_of: f64,
}

/// How a path treats datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RadioSpec {
    /// Probability that a datagram is lost, 0..=1, independent.
    pub loss: f64,
    /// Probability that a datagram that arrives does so twice, 0..=1.
    pub duplicate: f64,
    /// Delay every datagram has, milliseconds.
    pub delay_ms: f64,
    /// Extra delay, uniform 0..=this, milliseconds.
    pub jitter_ms: f64,
    /// Serialisation rate, bits a second; 0 = not limited.
    pub bits_per_s: f64,
    /// Backlog beyond which datagrams are dropped at the sender, milliseconds of serialisation.
    pub backlog_ms: f64,
    /// Loss in bursts, on top.
    pub burst: Option<Burst>,
    /// Probability that a datagram is overtaken, 0..=1.
    pub reorder: f64,
    /// How much later one that is overtaken arrives, milliseconds.
    pub reorder_ms: f64,
    /// Probability that a datagram arrives with some of its bits flipped, 0..=1.
    pub corrupt: f64,
}

impl RadioSpec {
    /// What makes no radio, in words.
    ///
    /// # Errors
    /// The field and its range.
    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ];
        let burst = self.burst.iter();
        let shares = shares.into_iter().chain(burst.flat_map(|b| {
            [
                ("burst.loss", b.loss),
                ("burst.into", b.into),
                ("burst.out_of", b.out_of),
            ]
        }));
        for (name, x) in shares {
            if !(0.0..=1.0).contains(&x) {
                return Err(format!("radio {name} = {x} is no share between 0 and 1"));
            }
        }
        if self.burst.is_some_and(|b| b.into > 0.0 && b.out_of <= 0.0) {
            return Err("radio burst.out_of = 0: a burst would never end".into());
        }
        for (name, x, most) in [
            ("delay_ms", self.delay_ms, 60_000.0),
            ("jitter_ms", self.jitter_ms, 60_000.0),
            ("reorder_ms", self.reorder_ms, 60_000.0),
            ("backlog_ms", self.backlog_ms, 600_000.0),
            ("bits_per_s", self.bits_per_s, 1e12),
        ] {
            if !(0.0..=most).contains(&x) {
                return Err(format!("radio {name} = {x} is not between 0 and {most}"));
            }
        }
        Ok(())
    }
}

impl Default for RadioSpec {
    fn default() -> Self {
        RadioSpec {
            loss: 0.0,
            duplicate: 0.0,
            delay_ms: 0.0,
            jitter_ms: 0.0,
            bits_per_s: 0.0,
            backlog_ms: 500.0,
            burst: None,
            reorder: 0.0,
            reorder_ms: 0.0,
            corrupt: 0.0,
        }
    }
}

/// What became of the datagrams so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RadioCount {
    /// Given to the path.
    pub sent: u64,
    /// Handed out (duplicates count twice).
    pub delivered: u64,
    /// Lost in the air or to a cut.
    pub lost: u64,
    /// Dropped at the sender: the backlog was full.
    pub dropped: u64,
}

/// One direction.
#[derive(Clone, Debug)]
pub struct Path {
    spec: RadioSpec,
    rng: ChaCha8Rng,
    /// Bursts, overtaking and flipped bits draw from a generator of their own: they leave the rest alone.
    odd: ChaCha8Rng,
    bad: bool,
    in_flight: BTreeMap<(Mono, u64), Vec<u8>>,
    serial: u64,
    line_free: Mono,
    cut: bool,
    count: RadioCount,
}

impl Path {
    /// A path that has carried nothing.
    #[must_use]
    pub fn new(spec: RadioSpec, seed: u64, stream: u64) -> Self {
        let [rng, odd] = generators(seed, stream);
        Path {
            spec,
            rng,
            odd,
            bad: false,
            in_flight: BTreeMap::new(),
            serial: 0,
            line_free: Mono::ZERO,
            cut: false,
            count: RadioCount::default(),
        }
    }

    /// What happens from now on follows from this seed. What is in the air still lands.
    pub fn reseed(&mut self, seed: u64, stream: u64) {
        [self.rng, self.odd] = generators(seed, stream);
    }
    /// Cuts (nothing sent from now on arrives) or mends the path. What is in the air still lands.
    pub fn set_cut(&mut self, cut: bool) {
        self.cut = cut;
    }
    /// Changes the path's whole character from now on. What is in the air still lands as it was sent.
    pub fn set_spec(&mut self, spec: RadioSpec) {
        self.spec = spec;
    }
    /// Changes the loss from now on.
    pub fn set_loss(&mut self, loss: f64) {
        self.spec.loss = loss;
    }
    /// Counters.
    #[must_use]
    pub fn count(&self) -> RadioCount {
        self.count
    }

    /// Sends a datagram at `now`.
    pub fn send(&mut self, now: Mono, datagram: &[u8]) {
        self.count.sent += 1;
        // Every datagram draws the same numbers whatever becomes of it: changing the loss leaves the jitter alone.
        let lost = self.rng.random::<f64>() < self.spec.loss;
        let twice = self.rng.random::<f64>() < self.spec.duplicate;
        let jitters = [self.rng.random::<f64>(), self.rng.random::<f64>()];
        let faded = self.fades();
        let late = self.odd.random::<f64>() < self.spec.reorder;
        let bent = self.odd.random::<f64>() < self.spec.corrupt;
        let start = self.line_free.max(now);
        if start.since(now).as_secs_f64() * 1e3 > self.spec.backlog_ms
            || self.in_flight.len() >= MAX_IN_FLIGHT
        {
            self.count.dropped += 1;
            return;
        }
        let air_s = if self.spec.bits_per_s > 0.0 {
            datagram.len() as f64 * 8.0 / self.spec.bits_per_s
        } else {
            0.0
        };
        self.line_free = start.after(Duration::from_secs_f64(air_s));
        if lost || faded || self.cut {
            self.count.lost += 1;
            return;
        }
        for jitter in jitters.iter().take(if twice { 2 } else { 1 }) {
            let overtaken_ms = if late { self.spec.reorder_ms } else { 0.0 };
            let late_ms =
                (self.spec.delay_ms + self.spec.jitter_ms * jitter + overtaken_ms).max(0.0);
            let at = self
                .line_free
                .after(Duration::from_secs_f64(late_ms * 1e-3));
            let mut arrives = datagram.to_vec();
            if bent {
                self.bend(&mut arrives);
            }
            self.in_flight.insert((at, self.serial), arrives);
            self.serial += 1;
        }
    }

    /// Whether a burst takes this datagram.
    fn fades(&mut self) -> bool {
        let [turn, lost] = [self.odd.random::<f64>(), self.odd.random::<f64>()];
        let Some(b) = self.spec.burst else {
            self.bad = false;
            return false;
        };
        self.bad = if self.bad {
            turn >= b.out_of
        } else {
            turn < b.into
        };
        self.bad && lost < b.loss
    }

    /// One to four bits are flipped.
    fn bend(&mut self, bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        for _ in 0..self.odd.random_range(1..=4) {
            let bit = self.odd.random_range(0..bytes.len() * 8);
            if let Some(b) = bytes.get_mut(bit / 8) {
                *b ^= 1 << (bit % 8);
            }
        }
    }

    /// The next datagram that has arrived by `now`.
    pub fn receive(&mut self, now: Mono) -> Option<Vec<u8>> {
        let (&(at, serial), _) = self.in_flight.first_key_value()?;
        if at > now {
            return None;
        }
        self.count.delivered += 1;
        self.in_flight.remove(&(at, serial))
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Mono> {
        self.in_flight.first_key_value().map(|(&(at, _), _)| at)
    }
}

fn generators(seed: u64, stream: u64) -> [ChaCha8Rng; 2] {
    [stream, stream + 0x100].map(|s| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(s);
        rng
    })
}

/// Both directions of one radio.
#[derive(Clone, Debug)]
pub struct Radio {
    /// Ground to aircraft.
    pub up: Path,
    /// Aircraft to ground.
    pub down: Path,
}

impl Radio {
    /// The same character both ways, drawn independently.
    #[must_use]
    pub fn new(spec: RadioSpec, seed: u64) -> Self {
        Radio {
            up: Path::new(spec, seed, 1),
            down: Path::new(spec, seed, 2),
        }
    }
    /// What happens from now on, both ways, follows from this seed.
    pub fn reseed(&mut self, seed: u64) {
        self.up.reseed(seed, 1);
        self.down.reseed(seed, 2);
    }
    /// Changes both ways' character from now on.
    pub fn set_spec(&mut self, spec: RadioSpec) {
        self.up.set_spec(spec);
        self.down.set_spec(spec);
    }
    /// When either end next receives something.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Mono> {
        match (self.up.next_arrival(), self.down.next_arrival()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// A wire with a baud rate and nothing else: bytes come out in order, ten bits each.
#[derive(Clone, Debug)]
pub struct SerialLine {
    baud: f64,
    line_free: Mono,
    queue: std::collections::VecDeque<(Mono, Vec<u8>)>,
}

impl SerialLine {
    /// An idle line.
    #[must_use]
    pub fn new(baud: f64) -> Self {
        SerialLine {
            baud,
            line_free: Mono::ZERO,
            queue: std::collections::VecDeque::new(),
        }
    }
    /// Writes bytes at `now`. Over two seconds of backlog the UART's buffer is full and the bytes are lost.
    pub fn send(&mut self, now: Mono, bytes: &[u8]) {
        let start = self.line_free.max(now);
        if bytes.is_empty() || start.since(now) > Duration::from_secs(2) {
            return;
        }
        self.line_free = start.after(Duration::from_secs_f64(
            bytes.len() as f64 * 10.0 / self.baud,
        ));
        self.queue.push_back((self.line_free, bytes.to_vec()));
    }
    /// Bytes that have come out by `now`.
    pub fn receive(&mut self, now: Mono) -> Option<Vec<u8>> {
        if self.queue.front()?.0 > now {
            return None;
        }
        self.queue.pop_front().map(|(_, b)| b)
    }
    /// When the next bytes come out.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Mono> {
        self.queue.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(spec: RadioSpec, seed: u64) -> (Vec<(u64, Vec<u8>)>, RadioCount) {
        let mut path = Path::new(spec, seed, 1);
        let mut out = Vec::new();
        for t in 0..20_000u64 {
            let now = Mono::from_millis(t);
            if t < 10_000 {
                path.send(now, &(t as u32).to_le_bytes());
            }
            while let Some(d) = path.receive(now) {
                out.push((t, d));
            }
        }
        (out, path.count())
    }

    #[test]
    fn a_perfect_radio_delivers_everything_in_order() {
        let (out, count) = run(RadioSpec::default(), 1);
        assert_eq!(out.len(), 10_000);
        assert!(out.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!(count.lost + count.dropped, 0);
    }

    #[test]
    fn a_lossy_radio_loses_duplicates_and_delays_as_told() {
        let spec = RadioSpec {
            loss: 0.2,
            duplicate: 0.1,
            delay_ms: 40.0,
            jitter_ms: 20.0,
            ..RadioSpec::default()
        };
        let (out, count) = run(spec, 7);
        let lost = count.lost as f64 / count.sent as f64;
        assert!((0.18..0.22).contains(&lost), "{lost}");
        let doubled = out.len() as f64 / (count.sent - count.lost) as f64;
        assert!((1.08..1.12).contains(&doubled), "{doubled}");
        for (t, d) in &out {
            let sent = u64::from(u32::from_le_bytes([d[0], d[1], d[2], d[3]]));
            assert!((40..=61).contains(&(t - sent)), "{}", t - sent);
        }
        assert_eq!(out, run(spec, 7).0, "same seed, same air");
        assert_ne!(out, run(spec, 8).0, "another seed, other air");
    }

    #[test]
    fn bursts_lose_as_much_as_they_are_told_and_many_in_a_row() {
        let spec = RadioSpec {
            burst: Some(Burst {
                loss: 1.0,
                into: 0.1,
                out_of: 0.1,
            }),
            ..RadioSpec::default()
        };
        let (out, count) = run(spec, 5);
        let lost = count.lost as f64 / count.sent as f64;
        assert!((0.42..0.58).contains(&lost), "{lost}");
        let bursts = out.windows(2).filter(|w| w[1].0 - w[0].0 > 1).count();
        let mean = count.lost as f64 / bursts as f64;
        assert!((8.0..12.0).contains(&mean), "{mean} datagrams a burst");
    }

    #[test]
    fn some_are_overtaken_and_some_arrive_bent() {
        let spec = RadioSpec {
            reorder: 0.1,
            reorder_ms: 5.5,
            corrupt: 0.1,
            ..RadioSpec::default()
        };
        let (out, count) = run(spec, 5);
        assert_eq!(count.delivered, 10_000, "nothing is lost");
        let late = out
            .iter()
            .filter(|(t, d)| d[..] != (*t as u32).to_le_bytes())
            .count();
        assert!(
            (1_700..2_100).contains(&late),
            "19 % are late, bent or both: {late}"
        );
    }

    #[test]
    fn a_slow_radio_drops_at_the_sender_and_bounds_the_delay() {
        let spec = RadioSpec {
            bits_per_s: 16_000.0,
            backlog_ms: 100.0,
            ..RadioSpec::default()
        };
        let (out, count) = run(spec, 3);
        assert!(
            count.dropped > 4_000,
            "4 bytes each ms are twice what fits: {count:?}"
        );
        assert!(
            out.iter()
                .all(|(t, d)| t - u64::from(u32::from_le_bytes([d[0], d[1], d[2], d[3]])) <= 103)
        );
    }

    #[test]
    fn a_cut_is_one_way_and_can_be_mended() {
        let mut radio = Radio::new(RadioSpec::default(), 1);
        radio.up.set_cut(true);
        radio.up.send(Mono(1), b"up");
        radio.down.send(Mono(1), b"down");
        assert_eq!(radio.up.receive(Mono(2)), None);
        assert_eq!(radio.down.receive(Mono(2)).as_deref(), Some(&b"down"[..]));
        radio.up.set_cut(false);
        radio.up.send(Mono(3), b"again");
        assert_eq!(radio.up.receive(Mono(3)).as_deref(), Some(&b"again"[..]));
    }

    #[test]
    fn a_serial_line_takes_ten_bits_a_byte() {
        let mut line = SerialLine::new(921_600.0);
        line.send(Mono(0), &[0; 921]);
        assert_eq!(line.receive(Mono(9_000)), None);
        assert_eq!(line.next_arrival(), Some(Mono(9_993)));
        assert!(line.receive(Mono(10_000)).is_some());
    }
}
