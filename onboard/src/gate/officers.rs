//! Which officer has this aircraft, and what happens when none is left.
//!
//! A lost session is not a lost link: the station lives and speaks, nobody sits at it. Then an alarm runs at every station,
//! control is free for whoever takes it, and when nobody did the plan says what is done. A station that never says who
//! sits at it has no sessions; for it only its own silence counts.

use super::holder::Station;
use link::control::{HandOver, OfficerReport, Seat};
use missions::time::Mono;
use std::collections::BTreeMap;
use std::time::Duration;

/// The alarm runs for so long.
pub const HAND_OVER: Duration = Duration::from_secs(60);
/// It is said again this often.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// Stations whose seats are remembered.
const MAX_SEATS: usize = 16;

/// What is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nobody has it: `left` until the plan's action.
    Nobody {
        /// Who had it.
        officer: String,
        /// Time left.
        left: Duration,
    },
    /// Somebody has it (again).
    Has {
        /// Who.
        officer: String,
        /// Who had it before, if that is another.
        before: Option<String>,
    },
    /// Nobody took it: the plan's action begins.
    Acts,
}

/// The seats, and the alarm.
#[derive(Clone, Debug, Default)]
pub struct Officers {
    seats: BTreeMap<Station, OfficerReport>,
    /// Station and officer that have the aircraft, or had it last.
    charge: Option<(Station, String)>,
    before: String,
    alarm: Option<Mono>,
    said: Option<Mono>,
    acted: bool,
    due: bool,
}

impl Officers {
    /// A station says who sits at it. Whether it lets control go.
    pub fn says(&mut self, from: Station, report: OfficerReport) -> bool {
        if self.seats.len() >= MAX_SEATS && !self.seats.contains_key(&from) {
            self.seats.pop_first();
        }
        let lets_go = matches!(report.seat, Seat::Lost | Seat::HandsOver);
        self.seats.insert(from, report);
        lets_go
    }

    /// Whether this station has an officer who can be asked. One without sessions counts as attended.
    #[must_use]
    pub fn attended(&self, station: Station) -> bool {
        self.seats
            .get(&station)
            .is_none_or(|r| matches!(r.seat, Seat::Present | Seat::Takes))
    }

    /// The station that had the aircraft last, when its officer is there and nobody else took it: it has it again.
    #[must_use]
    pub fn comes_back(&self) -> Option<Station> {
        let (station, _) = self.charge.as_ref()?;
        ((self.alarm.is_some() || self.acted)
            && self.seats.contains_key(station)
            && self.attended(*station))
        .then_some(*station)
    }

    /// Looks once. `holder` holds control; `aloft`: somebody must have it; `ground_lost`: nobody at all is heard, which
    /// is the link's failsafe and not this one's.
    pub fn look(
        &mut self,
        now: Mono,
        holder: Option<Station>,
        aloft: bool,
        ground_lost: bool,
    ) -> Option<Word> {
        if let Some(station) = holder.filter(|s| self.attended(*s)) {
            return self.has(station);
        }
        if !aloft {
            self.alarm = None;
            self.acted = false;
            self.said = None;
            if holder.is_none() {
                self.charge = None;
            }
            return None;
        }
        let (_, officer) = self.charge.as_ref()?;
        if self.acted {
            return None;
        }
        let since = match self.alarm {
            Some(t) => t,
            None if ground_lost => return None,
            None => *self.alarm.insert(now),
        };
        let gone = now.since(since);
        if gone >= HAND_OVER {
            self.alarm = None;
            self.acted = true;
            self.due = true;
            return Some(Word::Acts);
        }
        if self.said.is_some_and(|t| now.since(t) < SAY_EVERY) {
            return None;
        }
        self.said = Some(now);
        Some(Word::Nobody {
            officer: officer.clone(),
            left: HAND_OVER.saturating_sub(gone),
        })
    }

    fn has(&mut self, station: Station) -> Option<Word> {
        // Only a station with sessions can lose one.
        let officer = match self.seats.get(&station) {
            Some(r) => r.officer.clone(),
            None if self.charge.is_none() => return None,
            None => String::new(),
        };
        let ended = self.alarm.take().is_some() || std::mem::take(&mut self.acted);
        self.said = None;
        self.due = false;
        match &mut self.charge {
            None => {
                self.charge = Some((station, officer.clone()));
                Some(Word::Has {
                    officer,
                    before: None,
                })
            }
            Some((at, name)) if *at == station && *name == officer => ended.then_some(Word::Has {
                officer,
                before: None,
            }),
            Some((at, name)) => {
                let old = std::mem::replace(name, officer.clone());
                *at = station;
                self.before.clone_from(&old);
                Some(Word::Has {
                    officer,
                    before: Some(old),
                })
            }
        }
    }

    /// Once, when nobody took control in time.
    pub fn take_due(&mut self) -> bool {
        std::mem::take(&mut self.due)
    }
    /// Officer in charge, and the one before; empty: not told.
    #[must_use]
    pub fn names(&self) -> (&str, &str) {
        let officer = self.charge.as_ref().map_or("", |(_, n)| n.as_str());
        (officer, &self.before)
    }
    /// As PATROL_CONTROL says it.
    #[must_use]
    pub fn hand_over(&self, now: Mono) -> HandOver {
        match self.alarm {
            Some(since) => HandOver::Alarm {
                left_s: u16::try_from(
                    HAND_OVER
                        .saturating_sub(now.since(since))
                        .as_secs_f64()
                        .ceil() as u64,
                )
                .unwrap_or(u16::MAX),
            },
            None if self.acted => HandOver::Acted,
            None => HandOver::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Station = (0, 255, 190);
    const B: Station = (1, 254, 190);
    fn seat(seat: Seat, officer: &str) -> OfficerReport {
        OfficerReport {
            seat,
            officer: officer.into(),
        }
    }
    fn s(n: u64) -> Mono {
        Mono::from_millis(n * 1_000)
    }

    #[test]
    fn a_lost_session_alarms_for_a_minute_and_then_the_plan_acts_once() {
        let mut o = Officers::default();
        assert!(!o.says(A, seat(Seat::Present, "Li")));
        assert!(matches!(
            o.look(s(0), Some(A), true, false),
            Some(Word::Has { before: None, .. })
        ));
        assert!(o.says(A, seat(Seat::Lost, "Li")));
        assert!(matches!(
            o.look(s(10), None, true, false),
            Some(Word::Nobody { .. })
        ));
        assert_eq!(o.hand_over(s(40)), HandOver::Alarm { left_s: 30 });
        assert!(o.look(s(69), None, true, false).is_some() && !o.take_due());
        assert_eq!(o.look(s(70), None, true, false), Some(Word::Acts));
        assert!(o.take_due() && !o.take_due());
        assert_eq!(o.look(s(200), None, true, false), None);
        assert_eq!(o.hand_over(s(200)), HandOver::Acted);
        // Who takes it then has it; the plan's action does not come again by itself.
        o.says(B, seat(Seat::Takes, "Wang"));
        assert_eq!(
            o.look(s(210), Some(B), true, false),
            Some(Word::Has {
                officer: "Wang".into(),
                before: Some("Li".into())
            })
        );
        assert_eq!(o.names(), ("Wang", "Li"));
        assert_eq!(o.hand_over(s(211)), HandOver::None);
    }

    #[test]
    fn a_lost_link_is_not_a_lost_session_and_on_the_ground_nobody_must_be_there() {
        let mut o = Officers::default();
        o.says(A, seat(Seat::Present, "Li"));
        o.look(s(0), Some(A), true, false);
        assert_eq!(o.look(s(5), None, true, true), None);
        assert_eq!(o.hand_over(s(5)), HandOver::None);
        o.says(A, seat(Seat::Lost, "Li"));
        assert_eq!(o.look(s(6), None, false, false), None);
        assert_eq!(o.look(s(100), None, true, false), None);
    }

    #[test]
    fn a_station_without_sessions_never_alarms() {
        let mut o = Officers::default();
        assert_eq!(o.look(s(0), Some(A), true, false), None);
        assert_eq!(o.look(s(9), None, true, false), None);
        assert_eq!(o.hand_over(s(9)), HandOver::None);
    }
}
