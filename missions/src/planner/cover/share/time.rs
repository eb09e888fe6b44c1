//! The time allowed, as the caller tells it, and annealing that is cold when its part of it is used up.
//!
//! Ways that are still hot when time is up are worth little. So where the moves asked for will not be made in time, the
//! heat falls by the clock instead of by the moves. Where time does not press, nothing here changes anything.

use std::cell::RefCell;

/// Halvings by which the part used up is found: 1 in 256.
const HALVINGS: usize = 8;
/// The clock leads only where it is so far ahead of the moves: a moment's stall is not pressing.
const AHEAD: f64 = 0.1;

/// The time allowed.
pub(super) struct Time<'a> {
    stop: RefCell<&'a mut dyn FnMut(f64) -> bool>,
    hurried: std::cell::Cell<bool>,
}

impl<'a> Time<'a> {
    /// `stop` says whether a part (0 to 1) of the time is used up.
    pub fn new(stop: &'a mut dyn FnMut(f64) -> bool) -> Self {
        Time {
            stop: RefCell::new(stop),
            hurried: std::cell::Cell::new(false),
        }
    }

    /// Whether so much is used up. Who asks ends something early if it is.
    pub fn over(&self, part: f64) -> bool {
        let over = (self.stop.borrow_mut())(part);
        if over {
            self.hurry();
        }
        over
    }

    /// The part used up; 0 where nobody measures it.
    pub fn used(&self) -> f64 {
        let mut stop = self.stop.borrow_mut();
        let (mut lo, mut hi) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let mid = 0.5 * (lo + hi);
            if stop(mid) {
                lo = mid;
            } else {
                hi = mid;
            }
        }
        lo
    }

    /// Something was cut short for want of time.
    pub fn hurry(&self) {
        self.hurried.set(true);
    }

    /// Whether anything was.
    pub fn was_short(&self) -> bool {
        self.hurried.get()
    }

    /// Something that begins now and is to end when `until` is used up.
    pub fn spell(&self, until: f64) -> Spell {
        Spell {
            from: self.used(),
            until,
        }
    }
}

/// A part of the time for one thing.
#[derive(Clone, Copy)]
pub(super) struct Spell {
    from: f64,
    until: f64,
}

impl Spell {
    /// How far a thing should be (0 to 1) that has done `done` of its moves.
    pub fn at(&self, time: &Time<'_>, done: f64) -> f64 {
        let used = time.used();
        if used <= self.from {
            return done;
        }
        let t = (used - self.from) / (self.until - self.from).max(1e-9);
        let led = (1.0 + AHEAD) * t - AHEAD;
        if led <= done {
            return done;
        }
        time.hurry();
        led.min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_limit_the_moves_lead_and_nothing_is_short() {
        let mut never = |_: f64| false;
        let time = Time::new(&mut never);
        let spell = time.spell(0.5);
        for k in 0..=10 {
            let done = f64::from(k) / 10.0;
            assert_eq!(spell.at(&time, done), done);
        }
        assert!(!time.was_short());
    }

    #[test]
    fn where_the_clock_is_ahead_of_the_moves_the_cooling_ends_in_time() {
        let now = std::cell::Cell::new(0.2);
        let mut clock = |part: f64| now.get() >= part;
        let time = Time::new(&mut clock);
        let spell = time.spell(0.6);
        // A moment's stall changes nothing.
        now.set(0.22);
        assert_eq!(spell.at(&time, 0.01), 0.01);
        assert!(!time.was_short());
        now.set(0.4);
        let half = spell.at(&time, 0.01);
        assert!(half > 0.4 && half < 0.5, "{half}");
        now.set(0.61);
        assert_eq!(spell.at(&time, 0.02), 1.0);
        assert!(time.was_short());
    }
}
