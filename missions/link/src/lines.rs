//! Several lines to the same station: which are up, what they lose, which copy came first, which one is best.
//!
//! Everything small goes over all of them, and of what arrives twice the first copy counts. Only what is big (plans,
//! pictures) takes one line. Lines of one group carry the same sender's frames; copies are never looked for elsewhere.

use crate::frame::Frame;
use missions::time::Mono;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A line on which nobody was heard for so long is not up. The keep-alive comes eight times a second.
pub const UP: Duration = Duration::from_millis(1_500);
/// A copy later than this is a frame of its own: numbers come round again after 256.
const COPY_LIFE: Duration = Duration::from_secs(2);
/// Copies remembered.
const MAX_COPIES: usize = 1_024;
/// Senders followed on a line.
const MAX_SENDERS: usize = 16;
/// Loss is reckoned over about so many frames.
const LOSS_OVER: f64 = 100.0;
/// A gap longer than this is a sender that began anew, or one that overtook another.
const LONGEST_GAP: u8 = 100;
/// Another line must be so much better before it takes over from one that is up.
const BETTER: f64 = 1.4;
/// Rate of a line that has no limit, bytes a second.
const NO_LIMIT: f64 = 1e7;

/// What tells a frame from all others: sender, number, message, and a hash of the payload, without what a line adds (a
/// signature).
type Copy = (u8, u8, u8, u32, u64);

#[derive(Clone, Debug, Default)]
struct Line {
    group: u8,
    heard: Option<Mono>,
    /// Newest number of each sender.
    senders: BTreeMap<(u8, u8), u8>,
    expected: f64,
    got: f64,
    /// How much later than over the quickest line, seconds, smoothed.
    late_s: f64,
}

/// Lines and what was heard on them.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    lines: Vec<Line>,
    copies: BTreeMap<Copy, (Mono, u8)>,
    order: VecDeque<(Mono, Copy)>,
}

impl Lines {
    /// One for each group number: lines of the same number lead to the same station.
    #[must_use]
    pub fn new(groups: &[u8]) -> Lines {
        Lines {
            lines: groups
                .iter()
                .map(|g| Line {
                    group: *g,
                    ..Line::default()
                })
                .collect(),
            ..Lines::default()
        }
    }

    /// The first line of this line's group: under this number its stations are known.
    #[must_use]
    pub fn head(&self, line: u8) -> u8 {
        let Some(group) = self.group(line) else {
            return line;
        };
        self.of_group(group).next().unwrap_or(line)
    }
    fn group(&self, line: u8) -> Option<u8> {
        self.lines.get(usize::from(line)).map(|l| l.group)
    }
    fn of_group(&self, group: u8) -> impl Iterator<Item = u8> + '_ {
        (0u8..)
            .zip(&self.lines)
            .filter(move |(_, l)| l.group == group)
            .map(|(n, _)| n)
    }
    /// The lines that lead to the same station as this one, itself included.
    pub fn beside(&self, line: u8) -> impl Iterator<Item = u8> + '_ {
        let group = self.group(line);
        (0u8..)
            .zip(&self.lines)
            .filter(move |(_, l)| Some(l.group) == group)
            .map(|(n, _)| n)
    }
    /// Whether another line leads to the same station.
    #[must_use]
    pub fn has_others(&self, line: u8) -> bool {
        self.beside(line).any(|n| n != line)
    }

    /// A frame came, and is to be believed. Whether it is the first of its copies.
    pub fn heard(&mut self, now: Mono, line: u8, frame: &Frame) -> bool {
        let h = frame.header();
        let alone = !self.has_others(line);
        let Some(l) = self.lines.get_mut(usize::from(line)) else {
            return true;
        };
        l.heard = Some(now);
        l.count((h.system, h.component), h.seq);
        if alone {
            return true;
        }
        while let Some((at, copy)) = self.order.front()
            && (now.since(*at) > COPY_LIFE || self.order.len() >= MAX_COPIES)
        {
            // The same frame once more is remembered by its newer entry.
            if self.copies.get(copy).is_some_and(|(t, _)| t == at) {
                self.copies.remove(copy);
            }
            self.order.pop_front();
        }
        let copy = (h.system, h.component, h.seq, h.msg_id, hash(frame));
        if let Some((first, over)) = self.copies.get(&copy)
            && *over != line
            && self.lines.get(usize::from(*over)).map(|o| o.group) == self.group(line)
        {
            let late_s = now.since(*first).as_secs_f64();
            let over = usize::from(*over);
            if let Some(l) = self.lines.get_mut(usize::from(line)) {
                l.late_s += 0.1 * (late_s - l.late_s);
            }
            if let Some(quick) = self.lines.get_mut(over) {
                quick.late_s *= 0.9;
            }
            return false;
        }
        self.copies.insert(copy, (now, line));
        self.order.push_back((now, copy));
        true
    }

    /// Whether somebody was heard on the line lately.
    #[must_use]
    pub fn is_up(&self, now: Mono, line: u8) -> bool {
        self.lines
            .get(usize::from(line))
            .and_then(|l| l.heard)
            .is_some_and(|t| now.since(t) <= UP)
    }
    /// Share of frames lost on the way here, 0..=1; `None`: too few were heard.
    #[must_use]
    pub fn loss(&self, line: u8) -> Option<f64> {
        let l = self.lines.get(usize::from(line))?;
        (l.expected >= 10.0).then(|| (1.0 - l.got / l.expected).clamp(0.0, 1.0))
    }
    /// How much later than over the quickest line a frame comes, seconds.
    #[must_use]
    pub fn late_s(&self, line: u8) -> f64 {
        self.lines.get(usize::from(line)).map_or(0.0, |l| l.late_s)
    }

    /// The line of `line`'s group that carries most: what it gets through in a second, less the later it comes. `rate`
    /// is bytes a second (`None`: no limit). Stays with `last` unless another is clearly better. `None`: none is up.
    #[must_use]
    pub fn best(
        &self,
        now: Mono,
        line: u8,
        last: Option<u8>,
        rate: impl Fn(u8) -> Option<f64>,
    ) -> Option<u8> {
        let worth = |n: u8| {
            let through = 1.0 - self.loss(n).unwrap_or(0.0);
            // A lost chunk is asked for and sent again: each way once more.
            rate(n).unwrap_or(NO_LIMIT).min(NO_LIMIT) * through * through
                / (1.0 + 2.0 * self.late_s(n))
        };
        let best = self
            .beside(line)
            .filter(|n| self.is_up(now, *n))
            .max_by(|a, b| worth(*a).total_cmp(&worth(*b)))?;
        match last {
            Some(l) if self.is_up(now, l) && worth(best) < BETTER * worth(l) => Some(l),
            _ => Some(best),
        }
    }
}

impl Line {
    fn count(&mut self, sender: (u8, u8), seq: u8) {
        if self.senders.len() >= MAX_SENDERS && !self.senders.contains_key(&sender) {
            self.senders.pop_first();
        }
        let Some(last) = self.senders.insert(sender, seq) else {
            return;
        };
        let gap = seq.wrapping_sub(last);
        if gap == 0 {
            return;
        }
        if gap > LONGEST_GAP {
            // Began anew, or an older one was overtaken: that one was counted as lost.
            if gap > u8::MAX - LONGEST_GAP {
                self.senders.insert(sender, last);
                self.got = (self.got + 1.0).min(self.expected);
            }
            return;
        }
        self.expected += f64::from(gap);
        self.got += 1.0;
        if self.expected > LOSS_OVER {
            let f = 0.5 * LOSS_OVER / self.expected;
            self.expected *= f;
            self.got *= f;
        }
    }
}

/// FNV-1a over the payload.
fn hash(frame: &Frame) -> u64 {
    frame.payload().iter().fold(0xCBF2_9CE4_8422_2325, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::{COMMAND_LONG_DATA, MavMessage};
    use crate::frame::Stamper;
    use proptest::prelude::*;

    fn frame(s: &mut Stamper, p: f32) -> Frame {
        s.frame(MavMessage::COMMAND_LONG(COMMAND_LONG_DATA {
            param1: p,
            ..COMMAND_LONG_DATA::default()
        }))
    }
    fn ms(n: u64) -> Mono {
        Mono::from_millis(n)
    }

    #[test]
    fn of_two_copies_one_counts_and_both_tell_that_their_line_lives() {
        let mut l = Lines::new(&[0, 0, 7]);
        let mut s = Stamper::new(255, 190);
        let f = frame(&mut s, 1.0);
        assert!(l.heard(ms(0), 1, &f));
        assert!(!l.heard(ms(40), 0, &f));
        assert!(l.is_up(ms(1_000), 0) && l.is_up(ms(1_000), 1) && !l.is_up(ms(1_000), 2));
        // The same bytes of somebody on another station's line are another frame.
        assert!(l.heard(ms(50), 2, &f));
        // The next number is another frame, however alike.
        let g = frame(&mut s, 1.0);
        assert!(l.heard(ms(60), 0, &g));
        assert!(!l.heard(ms(61), 1, &g));
        // What comes round after seconds is no copy.
        assert!(l.heard(ms(5_000), 1, &f));
        assert_eq!((l.head(0), l.head(1), l.head(2)), (0, 0, 2));
    }

    #[test]
    fn the_better_line_carries_and_a_silent_one_never() {
        let mut l = Lines::new(&[0, 0]);
        let mut s = Stamper::new(255, 190);
        let rate = |n: u8| {
            if n == 0 {
                Some(5_760.0)
            } else {
                Some(100_000.0)
            }
        };
        assert_eq!(l.best(ms(0), 0, None, rate), None);
        for k in 0..200 {
            let f = frame(&mut s, k as f32);
            l.heard(ms(k * 100), 0, &f);
            if k.is_multiple_of(2) {
                l.heard(ms(k * 100 + 300), 1, &f);
            }
        }
        assert!(l.loss(0).unwrap() < 0.01);
        assert!((l.loss(1).unwrap() - 0.5).abs() < 0.05);
        assert!(l.late_s(1) > 0.2 && l.late_s(0) < 0.05);
        // Half of much is more than all of little.
        assert_eq!(l.best(ms(20_000), 0, Some(0), rate), Some(1));
        // At the same rate the one that loses nothing.
        assert_eq!(l.best(ms(20_000), 0, Some(1), |_| None), Some(0));
        // The radio goes on, the other fell silent.
        for k in 200..230 {
            let f = frame(&mut s, 0.0);
            l.heard(ms(k * 100), 0, &f);
        }
        assert_eq!(l.best(ms(23_000), 0, Some(1), rate), Some(0));
    }

    proptest! {
        /// Whatever two lines lose, delay and reorder: what came over either counts exactly once.
        #[test]
        fn nothing_is_lost_and_nothing_counts_twice(
            fates in proptest::collection::vec((any::<bool>(), any::<bool>(), 0u64..80, 0u64..80), 1..400)
        ) {
            let mut l = Lines::new(&[0, 0]);
            let mut s = Stamper::new(255, 190);
            let mut arrivals = Vec::new();
            let mut sent = 0u32;
            for (k, (a, b, da, db)) in (0u64..).zip(&fates) {
                let f = frame(&mut s, k as f32);
                if *a { arrivals.push((k * 10 + da, 0u8, f.clone())); }
                if *b { arrivals.push((k * 10 + db, 1u8, f)); }
                sent += u32::from(*a || *b);
            }
            arrivals.sort_by_key(|(t, n, _)| (*t, *n));
            let counted = arrivals.iter().filter(|(t, n, f)| l.heard(ms(*t), *n, f)).count();
            prop_assert_eq!(u32::try_from(counted).unwrap(), sent);
            prop_assert!(l.copies.len() <= MAX_COPIES && l.order.len() <= MAX_COPIES);
        }
    }
}
