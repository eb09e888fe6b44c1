//! From the ground to the plan, the way each autopilot needs it (AUTOPILOTS.md, "arm and start").
//!
//! ArduCopter cannot be armed in AUTO on the ground: GUIDED, arm, take off, AUTO. PX4: arm, MISSION_START.

use super::{Denied, Driving, Flight, FlightState, Goal, OrderEvent, World};
use crate::facts::{Kind, Mode};
use link::common::MavSeverity;
use missions::flight::Cause;
use missions::plan::PlanItem;
use missions::time::Mono;
use std::time::Duration;

/// A launch that is not on its plan by then is given up.
const LAUNCH: Duration = Duration::from_secs(90);

/// Where a launch stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) at: Stage,
    pub(super) since: Mono,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Guided,
    Arm,
    Climb,
    Mission,
}

impl Flight {
    pub(super) fn launch(&mut self, w: &World<'_>) {
        self.state = FlightState::TakingOff;
        self.other_station = false;
        self.step = Some(Step {
            at: if w.kind() == Kind::ArduPilot {
                Stage::Guided
            } else {
                Stage::Arm
            },
            since: w.mono(),
        });
        self.say(MavSeverity::MAV_SEVERITY_NOTICE, "Patrol: launch");
    }

    fn climb_to_m(w: &World<'_>) -> f64 {
        match w.plan.and_then(|p| p.items().first()) {
            Some(PlanItem::Takeoff { alt }) => alt.metres(),
            _ => 10.0,
        }
    }

    /// One step of a launch.
    pub(super) fn follow_launch(&mut self, w: &World<'_>) {
        let now = w.mono();
        let Some(step) = self.step else { return };
        if w.plan.is_none() && !w.facts.armed {
            self.abort_launch(w, Denied::NoPlan);
            return;
        }
        if now.since(step.since) > LAUNCH {
            if w.facts.airborne() {
                self.step = None;
                self.go_home(w, Cause::Autopilot);
            } else {
                self.abort_launch(w, Denied::AutopilotRefused);
            }
            return;
        }
        let goal = match step.at {
            Stage::Guided => Goal::Mode(Mode::Guided),
            Stage::Arm => Goal::Arm,
            Stage::Climb => Goal::TakeOff {
                above_home_m: Self::climb_to_m(w),
            },
            Stage::Mission if w.kind() == Kind::Px4 => Goal::StartMission,
            Stage::Mission => Goal::Mode(Mode::Mission),
        };
        self.drive.set(now, goal);
        if self.drive.state(now, w.facts, w.plane()) != Driving::Reached {
            return;
        }
        let next = match (step.at, w.kind()) {
            (Stage::Guided, _) => Some(Stage::Arm),
            (Stage::Arm, Kind::ArduPilot) => Some(Stage::Climb),
            (Stage::Arm, _) | (Stage::Climb, _) => Some(Stage::Mission),
            (Stage::Mission, _) => None,
        };
        match next {
            Some(at) => {
                self.step = Some(Step {
                    at,
                    since: step.since,
                });
            }
            None => {
                // On the plan; the climb itself is still the plan's first item on PX4.
                let above = w.facts.position.map_or(0.0, |p| p.above_home_m);
                if above > Self::climb_to_m(w) - 2.0 || self.item(w) > 0 {
                    self.step = None;
                    self.drive.clear();
                    self.state = FlightState::Patrolling { item: self.item(w) };
                    if let Some(order) = self.order.take() {
                        self.fate(OrderEvent::done(order));
                    }
                }
            }
        }
    }

    /// Gives up on the ground.
    pub(super) fn abort_launch(&mut self, w: &World<'_>, why: Denied) {
        self.step = None;
        self.drive.clear();
        if w.facts.armed && !w.facts.airborne() {
            self.drive.set(w.mono(), Goal::Disarm);
        }
        self.state = if w.plan.is_some() {
            FlightState::Ready
        } else {
            FlightState::Grounded
        };
        self.say(MavSeverity::MAV_SEVERITY_ERROR, "Patrol: launch given up");
        if let Some(order) = self.order.take() {
            self.fate(OrderEvent::failed(order, why));
        }
    }
}
