//! Who holds the control of this aircraft: one station at a time.
//!
//! Whoever first does something that acts holds it, and keeps it while it is heard. Another station may read, and may
//! hold, return or land the aircraft: a way to safety is never anybody's property. Everything else of it is refused, and
//! both are told.

use super::command::Command;
use crate::facts::{Kind, Mode};
use missions::time::Mono;
use std::time::Duration;

/// Ground line, system, component.
pub type Station = (u8, u8, u8);
/// An attempt is told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// The token.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder {
    held: Option<(Station, Mono)>,
    told: Option<Mono>,
}

/// What a claim comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It holds control already.
    Holds,
    /// It holds control from now on.
    Takes,
    /// This one holds it.
    HeldBy(Station),
}

impl Holder {
    /// A station was heard with anything.
    pub fn heard(&mut self, now: Mono, from: Station) {
        if let Some((who, at)) = &mut self.held
            && *who == from
        {
            *at = now;
        }
    }
    /// Who holds control; nobody once it was silent for `silence`.
    #[must_use]
    pub fn who(&self, now: Mono, silence: Duration) -> Option<Station> {
        self.held
            .filter(|(_, at)| now.since(*at) < silence)
            .map(|(who, _)| who)
    }
    /// A station wants to act.
    pub fn claim(&mut self, now: Mono, from: Station, silence: Duration) -> Claim {
        match self.who(now, silence) {
            Some(who) if who != from => Claim::HeldBy(who),
            before => {
                self.held = Some((from, now));
                if before.is_some() {
                    Claim::Holds
                } else {
                    Claim::Takes
                }
            }
        }
    }
    /// A station lets go. Whether it held control.
    pub fn release(&mut self, from: Station) -> bool {
        let held = self.held.is_some_and(|(who, _)| who == from);
        if held {
            self.held = None;
        }
        held
    }
    /// Whether an attempt is to be told now.
    pub fn tells(&mut self, now: Mono) -> bool {
        let tells = self.told.is_none_or(|t| now.since(t) >= TELL_EVERY);
        if tells {
            self.told = Some(now);
        }
        tells
    }
}

/// Whether a command needs the token: everything but questions and the ways to safety.
#[must_use]
pub fn needs_token(c: &Command, kind: Option<Kind>) -> bool {
    let [_, p2, p3, _, p5, p6, _] = c.p;
    match c.command {
        // Questions: message intervals and requests, capabilities, home.
        410 | 510 | 511 | 512 | 519 | 520 => false,
        // Hold, return, land where it is, pause.
        17 | 20 => false,
        21 => !(p5 == 0.0 && p6 == 0.0 || p5.is_nan()),
        193 => c.p[0] != 0.0,
        // DO_SET_MODE to one of these.
        176 => {
            let custom = match kind {
                Some(Kind::Px4) => ((p2 as u32) << 16) | ((p3 as u32) << 24),
                _ => p2 as u32,
            };
            !kind.is_some_and(|k| {
                matches!(
                    Mode::decode(k, custom),
                    Mode::Hold | Mode::Return | Mode::Land
                )
            })
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_station_holds_control_until_it_falls_silent_or_lets_go() {
        let (a, b) = ((0, 255, 190), (1, 252, 190));
        let silence = Duration::from_secs(3);
        let s = Mono::from_millis;
        let mut h = Holder::default();
        assert_eq!(h.claim(s(0), a, silence), Claim::Takes);
        assert_eq!(h.claim(s(1_000), b, silence), Claim::HeldBy(a));
        h.heard(s(2_500), a);
        assert_eq!(h.claim(s(5_000), b, silence), Claim::HeldBy(a));
        // A loser that goes on does not keep the holder alive.
        assert_eq!(h.claim(s(5_600), b, silence), Claim::Takes);
        assert_eq!(h.claim(s(5_700), a, silence), Claim::HeldBy(b));
        assert!(!h.release(a) && h.release(b));
        assert_eq!(h.claim(s(5_800), a, silence), Claim::Takes);
    }

    #[test]
    fn ways_to_safety_and_questions_need_no_token() {
        let c = |command, p: [f64; 7]| Command {
            command,
            p,
            frame: None,
            system: 1,
            component: 1,
        };
        let nothing = [0.0; 7];
        for free in [512, 17, 20, 21, 193] {
            assert!(!needs_token(&c(free, nothing), Some(Kind::Px4)), "{free}");
        }
        for acts in [400, 22, 300, 192, 178, 224, 207, 183, 246] {
            assert!(needs_token(&c(acts, nothing), Some(Kind::Px4)), "{acts}");
        }
        let mode = |n| c(176, [1.0, n, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(!needs_token(&mode(6.0), Some(Kind::ArduPilot)));
        assert!(needs_token(&mode(3.0), Some(Kind::ArduPilot)));
        assert!(needs_token(&mode(6.0), None));
    }
}
