//! Drives the autopilot to one goal at a time: sends the command each dialect needs, repeats it, and believes only what
//! the vehicle shows (a mode, a height, a place), never an acknowledgement alone.

use crate::facts::{Facts, Kind, Mode};
use link::common::{self, MavCmd, MavMessage as Common, MavResult};
use missions::place::LatLon;
use missions::plane::LocalPlane;
use missions::time::Mono;
use std::time::Duration;

/// No sign of obedience for this long: send again.
const REPEAT: Duration = Duration::from_millis(900);
/// Sent this often without effect: the autopilot ignores us.
const TRIES: u8 = 3;
/// A place counts as reached within this distance, metres.
pub const REACHED_M: f64 = 4.0;
/// A hold stands below this speed, m/s; above it the mode shown means nothing yet.
const STANDS_MPS: f64 = 2.0;
/// A hold that does not stand by then is ignored, whatever mode is shown: the slowest stop from full speed takes less.
const STANDS_WITHIN: Duration = Duration::from_secs(9);
/// A mode that is not shown by then was ignored, acknowledged or not, where a heartbeat after the second of these times
/// still shows another one.
const SHOWN_WITHIN: Duration = Duration::from_millis(2_800);
const SHOWN_AFTER: Duration = Duration::from_millis(1_500);
/// A flight to a place that makes no progress for this long is repeated.
const STUCK: Duration = Duration::from_secs(6);

/// A descent by velocity that is not shown by then is ignored: PX4 wants a second of setpoints, its heartbeat comes once a
/// second.
const DESCENDS_WITHIN: Duration = Duration::from_secs(4);
/// Its mode is asked for so often until it is shown.
const DESCENT_REPEAT: Duration = Duration::from_millis(400);
/// Setpoints: PX4 wants two a second, ArduCopter one in three seconds; lost ones cost nothing at this rate.
const SETPOINT_EVERY: Duration = Duration::from_millis(100);
/// Downward, m/s: as both land by themselves, and slower below this height above home, metres.
const DESCENT_MPS: f32 = 1.5;
const TOUCH_MPS: f32 = 0.6;
const SLOW_BELOW_M: f64 = 8.0;

/// What the autopilot shall show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// A mode.
    Mode(Mode),
    /// Motors running.
    Arm,
    /// Motors stopped, on the ground only.
    Disarm,
    /// Height above home, by ArduCopter's guided take-off.
    TakeOff {
        /// Metres.
        above_home_m: f64,
    },
    /// The mission running from its start.
    StartMission,
    /// Standing still over ground by velocity alone, and down: no position is held, so that one which is pulled away takes
    /// nothing with it.
    Descend,
    /// A place.
    Goto {
        /// Place.
        at: LatLon,
        /// Height above mean sea level, metres.
        alt_amsl_m: f64,
        /// The same height above home, metres.
        above_home_m: f64,
    },
}

impl Goal {
    /// The mode the autopilot is in while it obeys, where the goal implies one.
    #[must_use]
    pub fn mode(&self, kind: Kind) -> Option<Mode> {
        match self {
            Goal::Mode(m) => Some(*m),
            Goal::StartMission => Some(Mode::Mission),
            Goal::TakeOff { .. } => Some(Mode::Guided),
            Goal::Descend if kind == Kind::ArduPilot => Some(Mode::Guided),
            Goal::Descend => Some(Mode::Setpoints),
            Goal::Goto { .. } if kind == Kind::ArduPilot => Some(Mode::Guided),
            Goal::Goto { .. } => Some(Mode::Hold),
            Goal::Arm | Goal::Disarm => None,
        }
    }
}

/// How a goal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driving {
    /// No goal.
    Idle,
    /// On the way.
    Going,
    /// The vehicle shows it.
    Reached,
    /// Refused, or without effect.
    Ignored,
}

/// The driver.
#[derive(Clone, Debug, Default)]
pub struct Drive {
    goal: Option<Goal>,
    since: Mono,
    sent: Option<Mono>,
    tries: u8,
    accepted: bool,
    refused: Option<MavResult>,
    nearest_m: f64,
    nearer_at: Mono,
    /// When the last setpoint of a descent was sent.
    setpoint_at: Option<Mono>,
}

/// A COMMAND_LONG.
#[must_use]
pub fn long(cmd: MavCmd, p: [f32; 7], target: (u8, u8), confirmation: u8) -> Common {
    let [param1, param2, param3, param4, param5, param6, param7] = p;
    Common::COMMAND_LONG(common::COMMAND_LONG_DATA {
        param1,
        param2,
        param3,
        param4,
        param5,
        param6,
        param7,
        command: cmd,
        target_system: target.0,
        target_component: target.1,
        confirmation,
    })
}

/// The custom mode of a mode we command; `None` where that dialect has none.
fn set_mode(kind: Kind, mode: Mode, target: (u8, u8), confirmation: u8) -> Option<Common> {
    let (p2, p3) = match (kind, mode) {
        (Kind::Px4, Mode::Mission) => (4.0, 4.0),
        (Kind::Px4, Mode::Hold) => (4.0, 3.0),
        (Kind::Px4, Mode::Return) => (4.0, 5.0),
        (Kind::Px4, Mode::Land) => (4.0, 6.0),
        (Kind::Px4, Mode::Setpoints) => (6.0, 0.0),
        (Kind::ArduPilot, Mode::Mission) => (3.0, 0.0),
        (Kind::ArduPilot, Mode::Guided) => (4.0, 0.0),
        (Kind::ArduPilot, Mode::Return) => (6.0, 0.0),
        (Kind::ArduPilot, Mode::Land) => (9.0, 0.0),
        (Kind::ArduPilot, Mode::Hold) => (17.0, 0.0),
        _ => return None,
    };
    Some(long(
        MavCmd::MAV_CMD_DO_SET_MODE,
        [1.0, p2, p3, 0.0, 0.0, 0.0, 0.0],
        target,
        confirmation,
    ))
}

impl Drive {
    /// Takes a goal; the same goal again changes nothing.
    pub fn set(&mut self, now: Mono, goal: Goal) {
        if self.goal != Some(goal) {
            *self = Drive {
                goal: Some(goal),
                since: now,
                nearest_m: f64::INFINITY,
                nearer_at: now,
                ..Drive::default()
            };
        }
    }
    /// Lets go.
    pub fn clear(&mut self) {
        *self = Drive::default();
    }
    /// The goal.
    #[must_use]
    pub fn goal(&self) -> Option<Goal> {
        self.goal
    }
    /// Since when.
    #[must_use]
    pub fn since(&self) -> Mono {
        self.since
    }
    /// What the autopilot answered, where it refused.
    #[must_use]
    pub fn refused(&self) -> Option<MavResult> {
        self.refused
    }

    fn command_of(goal: Goal) -> MavCmd {
        match goal {
            Goal::Mode(_) | Goal::Descend => MavCmd::MAV_CMD_DO_SET_MODE,
            Goal::Arm | Goal::Disarm => MavCmd::MAV_CMD_COMPONENT_ARM_DISARM,
            Goal::TakeOff { .. } => MavCmd::MAV_CMD_NAV_TAKEOFF,
            Goal::StartMission => MavCmd::MAV_CMD_MISSION_START,
            Goal::Goto { .. } => MavCmd::MAV_CMD_DO_REPOSITION,
        }
    }

    /// Takes an acknowledgement meant for us.
    pub fn ack(&mut self, m: &common::COMMAND_ACK_DATA) {
        let Some(goal) = self.goal else { return };
        if Self::command_of(goal) != m.command {
            return;
        }
        match m.result {
            MavResult::MAV_RESULT_ACCEPTED | MavResult::MAV_RESULT_IN_PROGRESS => {
                self.accepted = true;
                self.refused = None;
            }
            other => self.refused = Some(other),
        }
    }

    fn reached(&self, facts: &Facts, plane: Option<&LocalPlane>) -> bool {
        let Some(goal) = self.goal else { return false };
        // A heartbeat older than the goal tells of the time before it.
        let fresh = facts.mode.is_some_and(|m| m.at >= self.since);
        match goal {
            // Obeyed means that it stands, not that it says so.
            Goal::Mode(Mode::Hold) => {
                fresh
                    && facts.mode() == Some(Mode::Hold)
                    && facts
                        .position
                        .is_none_or(|p| p.ground_speed_mps() < STANDS_MPS)
            }
            Goal::Mode(_) | Goal::StartMission | Goal::Descend => {
                fresh && facts.mode() == goal.mode(facts.kind.unwrap_or(Kind::Other))
            }
            Goal::Arm => fresh && facts.armed,
            Goal::Disarm => fresh && !facts.armed,
            Goal::TakeOff { above_home_m } => facts
                .position
                .is_some_and(|p| p.above_home_m > above_home_m - 1.0),
            Goal::Goto { at, alt_amsl_m, .. } => {
                facts.position.zip(plane).is_some_and(|(p, plane)| {
                    plane.to_local(p.at).distance_m(plane.to_local(at)) < REACHED_M
                        && (p.alt_amsl_m - alt_amsl_m).abs() < 3.0
                        && p.ground_speed_mps() < 1.5
                })
            }
        }
    }

    /// How the goal stands.
    pub fn state(&mut self, now: Mono, facts: &Facts, plane: Option<&LocalPlane>) -> Driving {
        let Some(goal) = self.goal else {
            return Driving::Idle;
        };
        let reached = self.reached(facts, plane);
        if goal == Goal::Descend && !reached {
            return if now.since(self.nearer_at) >= DESCENDS_WITHIN {
                Driving::Ignored
            } else {
                Driving::Going
            };
        }
        if reached {
            // What takes it out of a descent (PX4's own fence, by a false position) is answered as its beginning was.
            self.nearer_at = now;
            return Driving::Reached;
        }
        if let (Goal::Goto { at, .. }, Some(p), Some(plane)) = (goal, facts.position, plane) {
            let d = plane.to_local(p.at).distance_m(plane.to_local(at));
            if d < self.nearest_m - 1.0 {
                self.nearest_m = d;
                self.nearer_at = now;
            }
            if self.accepted && now.since(self.nearer_at) > STUCK {
                // Accepted and then not flown (PX4 refuses a place outside its fence only in a STATUSTEXT).
                self.accepted = false;
                self.nearer_at = now;
            }
        }
        if goal == Goal::Mode(Mode::Hold) && now.since(self.since) >= STANDS_WITHIN {
            return Driving::Ignored;
        }
        if matches!(goal, Goal::Mode(_))
            && now.since(self.since) >= SHOWN_WITHIN
            && facts.mode() != goal.mode(facts.kind.unwrap_or(Kind::Other))
            && facts
                .mode
                .is_some_and(|m| m.at >= self.since.after(SHOWN_AFTER))
        {
            return Driving::Ignored;
        }
        let waited = self.sent.is_some_and(|s| now.since(s) >= REPEAT);
        if self.tries >= TRIES && waited && !self.accepted {
            return Driving::Ignored;
        }
        Driving::Going
    }

    /// The next command to send, where one is due.
    pub fn poll(&mut self, now: Mono, facts: &Facts, plane: Option<&LocalPlane>) -> Option<Common> {
        let goal = self.goal?;
        let kind = facts.kind?;
        let target = facts.id?;
        if goal == Goal::Descend {
            return self.poll_descent(now, facts, kind, target);
        }
        if self.reached(facts, plane) {
            return None;
        }
        let wait = match (goal, self.accepted) {
            // Under way; the vehicle needs time to show it.
            (Goal::TakeOff { .. } | Goal::Goto { .. }, true) => return None,
            (_, true) => REPEAT * 2,
            (_, false) => REPEAT,
        };
        // PX4's two ways to say "stay" go out together: which of them works hangs on a mode that a heartbeat tells only
        // once a second.
        let both = kind == Kind::Px4 && goal == Goal::Mode(Mode::Hold) && self.tries == 1;
        if (!both && self.sent.is_some_and(|s| now.since(s) < wait))
            || self.tries >= TRIES.saturating_mul(20)
        {
            return None;
        }
        let n = self.tries;
        self.tries = self.tries.saturating_add(1);
        self.sent = Some(now);
        match goal {
            // PX4 that is in its hold mode already may be flying to where a station sent it, and takes the same mode
            // again for nothing: "stay here" is a reposition without a place (as QGroundControl's pause does it).
            Goal::Mode(Mode::Hold)
                if kind == Kind::Px4 && (facts.mode() == Some(Mode::Hold)) != (n % 2 == 1) =>
            {
                Some(long(
                    MavCmd::MAV_CMD_DO_REPOSITION,
                    [-1.0, 1.0, 0.0, f32::NAN, f32::NAN, f32::NAN, f32::NAN],
                    target,
                    n,
                ))
            }
            Goal::Mode(mode) => set_mode(kind, mode, target, n),
            Goal::Arm => Some(long(
                MavCmd::MAV_CMD_COMPONENT_ARM_DISARM,
                [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                target,
                n,
            )),
            // The second parameter stays 0: never a forced disarm, which would stop motors in the air.
            Goal::Disarm => Some(long(
                MavCmd::MAV_CMD_COMPONENT_ARM_DISARM,
                [0.0; 7],
                target,
                n,
            )),
            Goal::TakeOff { above_home_m } => Some(long(
                MavCmd::MAV_CMD_NAV_TAKEOFF,
                [0.0, 0.0, 0.0, f32::NAN, 0.0, 0.0, above_home_m as f32],
                target,
                n,
            )),
            Goal::Descend => None,
            Goal::StartMission => Some(long(MavCmd::MAV_CMD_MISSION_START, [0.0; 7], target, n)),
            Goal::Goto {
                at,
                alt_amsl_m,
                above_home_m,
            } => {
                // PX4 takes heights of a reposition as AMSL, ArduCopter in the frame named.
                let (frame, z) = if kind == Kind::ArduPilot {
                    (
                        common::MavFrame::MAV_FRAME_GLOBAL_RELATIVE_ALT,
                        above_home_m,
                    )
                } else {
                    (common::MavFrame::MAV_FRAME_GLOBAL, alt_amsl_m)
                };
                Some(Common::COMMAND_INT(common::COMMAND_INT_DATA {
                    param1: -1.0,
                    param2: 1.0,
                    param3: 0.0,
                    param4: f32::NAN,
                    x: at.lat_e7(),
                    y: at.lon_e7(),
                    z: z as f32,
                    command: MavCmd::MAV_CMD_DO_REPOSITION,
                    target_system: target.0,
                    target_component: target.1,
                    frame,
                    current: 0,
                    autocontinue: 0,
                }))
            }
        }
    }

    /// Setpoints at their rate, and between them the mode until it is shown. PX4 enters OFFBOARD only where setpoints come
    /// already, for a second: until then it is told to stand.
    fn poll_descent(
        &mut self,
        now: Mono,
        facts: &Facts,
        kind: Kind,
        target: (u8, u8),
    ) -> Option<Common> {
        let shown = facts.mode.is_some_and(|m| m.at >= self.since)
            && facts.mode() == Goal::Descend.mode(kind);
        if !shown && self.sent.is_none_or(|s| now.since(s) >= DESCENT_REPEAT) {
            let n = self.tries;
            self.tries = self.tries.saturating_add(1);
            self.sent = Some(now);
            let mode = match kind {
                Kind::Px4 if n == 0 => Mode::Hold,
                Kind::Px4 => Mode::Setpoints,
                _ => Mode::Guided,
            };
            return set_mode(kind, mode, target, n);
        }
        if self
            .setpoint_at
            .is_some_and(|s| now.since(s) < SETPOINT_EVERY)
        {
            return None;
        }
        self.setpoint_at = Some(now);
        use common::PositionTargetTypemask as M;
        let above_m = facts.position.map_or(0.0, |p| p.above_home_m);
        let down_mps = if above_m > SLOW_BELOW_M {
            DESCENT_MPS
        } else {
            TOUCH_MPS
        };
        Some(Common::SET_POSITION_TARGET_LOCAL_NED(
            common::SET_POSITION_TARGET_LOCAL_NED_DATA {
                time_boot_ms: u32::try_from(now.0 / 1000).unwrap_or(u32::MAX),
                vz: down_mps,
                type_mask: M::POSITION_TARGET_TYPEMASK_X_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_Y_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_Z_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_AX_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_AY_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_AZ_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_YAW_IGNORE
                    | M::POSITION_TARGET_TYPEMASK_YAW_RATE_IGNORE,
                target_system: target.0,
                target_component: target.1,
                coordinate_frame: common::MavFrame::MAV_FRAME_LOCAL_NED,
                ..Default::default()
            },
        ))
    }
}
