//! Who has an aircraft and over which lines, as PATROL_CONTROL and PATROL_OFFICER say it.

use crate::patrol::{MavMessage, PATROL_CONTROL_DATA, PATROL_OFFICER_DATA};
use crate::signing::Trust;
use crate::state::chars;
use serde::{Deserialize, Serialize};

/// Lines that one report tells of; a companion has no more.
pub const MAX_LINES: usize = 8;

/// One ground line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// How far it is trusted; `None`: not known to this program.
    pub trust: Option<Trust>,
    /// A station was heard on it lately.
    pub up: bool,
    /// Frames lost on the way up, percent.
    pub loss_pct: Option<u8>,
}

/// Whether somebody has the aircraft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandOver {
    /// Somebody has it, or nobody must.
    #[default]
    None,
    /// No officer: so many seconds until the plan's no-officer action.
    Alarm {
        /// Seconds left.
        left_s: u16,
    },
    /// The no-officer action was begun.
    Acted,
}

/// PATROL_CONTROL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlReport {
    /// Line, system and component of the station that holds control.
    pub holder: Option<(u8, u8, u8)>,
    /// Hand-over.
    pub hand_over: HandOver,
    /// Officer in charge; empty: not told.
    pub officer: String,
    /// Officer before; empty: none.
    pub before: String,
    /// Frames that the gate refused.
    pub refused: u32,
    /// Frames that were not believed.
    pub dropped: u32,
    /// Ground lines in order, at most [`MAX_LINES`].
    pub lines: Vec<LineReport>,
    /// Line that carries bulk.
    pub best_line: Option<u8>,
}

impl ControlReport {
    /// To the wire. Names longer than 32 bytes are cut at a character.
    #[must_use]
    pub fn to_message(&self) -> MavMessage {
        let none = (u8::MAX, 0, 0);
        let (holder_line, holder_system, holder_component) = self.holder.unwrap_or(none);
        let mut d = PATROL_CONTROL_DATA {
            refused: self.refused,
            dropped: self.dropped,
            left_s: match self.hand_over {
                HandOver::Alarm { left_s } => left_s.min(u16::MAX - 1),
                _ => u16::MAX,
            },
            holder_line,
            holder_system,
            holder_component,
            hand_over: match self.hand_over {
                HandOver::None => 0,
                HandOver::Alarm { .. } => 1,
                HandOver::Acted => 2,
            },
            lines: u8::try_from(self.lines.len().min(MAX_LINES)).unwrap_or(0),
            best_line: self.best_line.unwrap_or(u8::MAX),
            trust: [0; MAX_LINES],
            up: [0; MAX_LINES],
            loss_pct: [u8::MAX; MAX_LINES],
            officer: chars(&self.officer).into(),
            before: chars(&self.before).into(),
        };
        let slots = d.trust.iter_mut().zip(&mut d.up).zip(&mut d.loss_pct);
        for (line, ((trust, up), loss)) in self.lines.iter().zip(slots) {
            *trust = match line.trust {
                None => 0,
                Some(Trust::Signed) => 1,
                Some(Trust::WiredLab) => 2,
            };
            *up = u8::from(line.up);
            *loss = line.loss_pct.map_or(u8::MAX, |p| p.min(100));
        }
        MavMessage::PATROL_CONTROL(d)
    }

    /// From the wire.
    #[must_use]
    pub fn from_data(d: &PATROL_CONTROL_DATA) -> Self {
        ControlReport {
            holder: (d.holder_line != u8::MAX).then_some((
                d.holder_line,
                d.holder_system,
                d.holder_component,
            )),
            hand_over: match d.hand_over {
                1 => HandOver::Alarm { left_s: d.left_s },
                2 => HandOver::Acted,
                _ => HandOver::None,
            },
            officer: d.officer.to_str().unwrap_or("").to_owned(),
            before: d.before.to_str().unwrap_or("").to_owned(),
            refused: d.refused,
            dropped: d.dropped,
            lines: d
                .trust
                .iter()
                .zip(&d.up)
                .zip(&d.loss_pct)
                .take(usize::from(d.lines))
                .map(|((trust, up), loss)| LineReport {
                    trust: match trust {
                        1 => Some(Trust::Signed),
                        2 => Some(Trust::WiredLab),
                        _ => None,
                    },
                    up: *up == 1,
                    loss_pct: (*loss <= 100).then_some(*loss),
                })
                .collect(),
            best_line: (d.best_line != u8::MAX).then_some(d.best_line),
        }
    }
}

/// How a station's seat is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// The officer's session is lost.
    Lost,
    /// An officer is there.
    Present,
    /// The officer gives control to whoever takes it.
    HandsOver,
    /// The officer takes control.
    Takes,
}

/// PATROL_OFFICER.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerReport {
    /// Seat.
    pub seat: Seat,
    /// Name.
    pub officer: String,
}

impl OfficerReport {
    /// To the wire.
    #[must_use]
    pub fn to_message(&self, target_system: u8) -> MavMessage {
        MavMessage::PATROL_OFFICER(PATROL_OFFICER_DATA {
            target_system,
            seat: match self.seat {
                Seat::Lost => 0,
                Seat::Present => 1,
                Seat::HandsOver => 2,
                Seat::Takes => 3,
            },
            officer: chars(&self.officer).into(),
        })
    }
    /// From the wire; `None` when the seat is a number of a newer program.
    #[must_use]
    pub fn from_data(d: &PATROL_OFFICER_DATA) -> Option<Self> {
        Some(OfficerReport {
            seat: match d.seat {
                0 => Seat::Lost,
                1 => Seat::Present,
                2 => Seat::HandsOver,
                3 => Seat::Takes,
                _ => return None,
            },
            officer: d.officer.to_str().unwrap_or("").to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = LineReport> {
        let trust = prop_oneof![
            Just(None),
            Just(Some(Trust::Signed)),
            Just(Some(Trust::WiredLab))
        ];
        (trust, any::<bool>(), proptest::option::of(0u8..=100)).prop_map(|(trust, up, loss_pct)| {
            LineReport {
                trust,
                up,
                loss_pct,
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_said_is_what_is_read(
            holder in proptest::option::of((0u8..8, any::<u8>(), any::<u8>())),
            hand_over in prop_oneof![
                Just(HandOver::None),
                (0u16..60).prop_map(|left_s| HandOver::Alarm { left_s }),
                Just(HandOver::Acted),
            ],
            officer in "[a-z 李王]{0,10}",
            before in "[a-z 李王]{0,10}",
            counts in (any::<u32>(), any::<u32>()),
            lines in proptest::collection::vec(line(), 0..=MAX_LINES),
            best_line in proptest::option::of(0u8..8),
        ) {
            let said = ControlReport {
                holder, hand_over, officer, before, refused: counts.0, dropped: counts.1, lines, best_line,
            };
            let MavMessage::PATROL_CONTROL(d) = said.to_message() else { panic!() };
            prop_assert_eq!(ControlReport::from_data(&d), said);
        }
    }

    #[test]
    fn a_long_name_is_cut_at_a_character_and_an_unknown_seat_is_nobodys() {
        let long = OfficerReport {
            seat: Seat::Takes,
            officer: "李".repeat(20),
        };
        let MavMessage::PATROL_OFFICER(mut d) = long.to_message(1) else {
            panic!()
        };
        assert_eq!(
            OfficerReport::from_data(&d),
            Some(OfficerReport {
                seat: Seat::Takes,
                officer: "李".repeat(10),
            })
        );
        d.seat = 9;
        assert_eq!(OfficerReport::from_data(&d), None);
    }
}
