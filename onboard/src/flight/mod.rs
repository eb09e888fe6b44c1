//! What the flight is doing, and what it does next: orders, losses and the guard's word become goals for [`drive::Drive`].
//!
//! The state drawn in [`FlightState`] follows what the vehicle shows, not what was commanded. Reconnecting revives nothing:
//! a hold after a lost link ends by an officer's order or by the way home.

pub mod drive;
mod launch;
mod orders;
mod way;

use crate::facts::{Facts, Kind, Mode, Position};
use crate::guard::{Doubt, Finding};
use drive::{Drive, Driving, Goal};
use launch::Step;
use link::common::{COMMAND_ACK_DATA, MavMessage as Common, MavSeverity};
use missions::fence::Fence;
use missions::flight::{Cause, FlightState, InCharge, OnLinkLoss, Response};
use missions::place::LatLon;
use missions::plan::{PatrolPlan, PlanItem};
use missions::plane::LocalPlane;
use missions::time::{Mono, Now};
use std::collections::VecDeque;
use std::time::Duration;

pub use orders::{Ask, Denied, OrderEvent};

/// A mode a station commanded through the gate explains a change of mode for so long.
const EXPLAINED: Duration = Duration::from_secs(8);
/// The guard's answer, undone by somebody, is given again no more often than this.
const ANSWER_AGAIN: Duration = Duration::from_millis(500);
/// Over the place an officer asked to look at for so long.
const LOOK: Duration = Duration::from_secs(10);
/// A restarted companion watches so long before it takes part.
const RECOVERING: Duration = Duration::from_secs(2);

/// What the flight looks at.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Time; UTC from the aircraft where it has it.
    pub now: Now,
    /// The vehicle.
    pub facts: &'a Facts,
    /// The plan in force: on the aircraft, read back equal.
    pub plan: Option<&'a PatrolPlan>,
    /// Plan item of a sequence number of the autopilot's.
    pub item_of_seq: &'a dyn Fn(u16) -> Option<u16>,
    /// How long the ground has been silent; `None`: never heard.
    pub ground_silent: Option<Duration>,
    /// Ground silent for longer than this is link loss.
    pub link_loss: Duration,
    /// Whether the battery is needed for the way home now.
    pub battery_needed: bool,
}

impl World<'_> {
    fn mono(&self) -> Mono {
        self.now.mono
    }
    fn fence(&self) -> Option<&Fence> {
        self.plan.map(PatrolPlan::fence)
    }
    fn plane(&self) -> Option<&LocalPlane> {
        self.fence().map(Fence::plane)
    }
    fn position(&self) -> Option<Position> {
        self.facts
            .fresh_position(self.now.mono, Duration::from_secs(2))
    }
    fn kind(&self) -> Kind {
        self.facts.kind.unwrap_or(Kind::Other)
    }
}

/// A point on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    at: LatLon,
    alt_amsl_m: f64,
}

/// What a way leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// The autopilot's own return.
    Return,
    /// Down, here.
    Land,
    /// Look around, then go on.
    Look { until: Option<Mono> },
    /// Back on the plan.
    Mission,
}

/// A way flown point by point inside the fence.
#[derive(Clone, Debug, PartialEq)]
struct Way {
    points: VecDeque<Point>,
    then: Then,
}

/// What the flight wants known.
#[derive(Clone, Debug, PartialEq)]
pub enum FlightEvent {
    /// An order's fate.
    Order(OrderEvent),
    /// A line for every station.
    Status(MavSeverity, String),
}

/// The state machine.
#[derive(Clone, Debug)]
pub struct Flight {
    state: FlightState,
    drive: Drive,
    step: Option<Step>,
    way: Option<Way>,
    order: Option<u32>,
    last_mode: Option<Mode>,
    explained: Option<(Mode, Mono)>,
    other_station: bool,
    link_lost: bool,
    /// When a hold becomes the way home, and why it began.
    return_at: Option<(Mono, Cause)>,
    resume: Option<(u16, Point)>,
    guard: Response,
    guard_again: u8,
    answered: Mono,
    was_armed: bool,
    events: VecDeque<FlightEvent>,
}

impl Default for Flight {
    fn default() -> Self {
        Flight {
            state: FlightState::Boot,
            drive: Drive::default(),
            step: None,
            way: None,
            order: None,
            last_mode: None,
            explained: None,
            other_station: false,
            link_lost: false,
            return_at: None,
            resume: None,
            guard: Response::Continue,
            guard_again: 0,
            answered: Mono::ZERO,
            was_armed: false,
            events: VecDeque::new(),
        }
    }
}

impl Flight {
    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> FlightState {
        self.state
    }
    /// Order being carried out.
    #[must_use]
    pub fn order(&self) -> Option<u32> {
        self.order
    }
    /// The ground link counts as lost.
    #[must_use]
    pub fn link_lost(&self) -> bool {
        self.link_lost
    }
    /// The next event.
    pub fn event(&mut self) -> Option<FlightEvent> {
        self.events.pop_front()
    }
    fn say(&mut self, severity: MavSeverity, text: impl Into<String>) {
        // Bounded: whoever does not read events loses the oldest.
        if self.events.len() > 64 {
            self.events.pop_front();
        }
        self.events
            .push_back(FlightEvent::Status(severity, text.into()));
    }
    fn fate(&mut self, e: OrderEvent) {
        self.events.push_back(FlightEvent::Order(e));
    }
    /// Takes an acknowledgement that was meant for us.
    pub fn ack(&mut self, m: &COMMAND_ACK_DATA) {
        self.drive.ack(m);
    }
    /// A station's command went through the gate; it will show as this mode.
    pub fn forwarded(&mut self, now: Mono, mode: Mode) {
        self.explained = Some((mode, now));
        // Two hands on one stick help nobody: a station that flies itself ends what we were driving.
        self.drive.clear();
        self.way = None;
        self.step = None;
    }

    /// Who moves the aircraft.
    #[must_use]
    pub fn in_charge(&self, w: &World<'_>) -> InCharge {
        if w.facts.heartbeat.is_none() {
            return InCharge::Unknown;
        }
        match self.state {
            FlightState::Boot | FlightState::Recovering { .. } => InCharge::Unknown,
            FlightState::Manual { .. } => InCharge::SafetyPilot,
            FlightState::Grounded | FlightState::Ready => InCharge::Companion,
            FlightState::Holding {
                why: Cause::Autopilot,
                ..
            }
            | FlightState::Returning {
                why: Cause::Autopilot,
            }
            | FlightState::Landing {
                why: Cause::Autopilot,
            } => InCharge::AutopilotFailsafe,
            _ if self.other_station => InCharge::OtherStation,
            _ => InCharge::Companion,
        }
    }

    /// Why the aircraft holds, returns or lands.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self.state {
            FlightState::Holding { why, .. }
            | FlightState::Returning { why }
            | FlightState::Landing { why } => Some(why),
            _ => None,
        }
    }

    /// The control loop: once per wakeup, after facts and guard.
    pub fn tick(&mut self, w: &World<'_>, found: Option<&Finding>) {
        let now = w.mono();
        if w.facts.heartbeat.is_none() {
            return;
        }
        if !w.facts.armed {
            self.on_ground(w);
        } else {
            self.was_armed = true;
            self.follow_mode(w);
            self.watch_end(w);
            if let Some(f) = found {
                self.obey_guard(w, f);
            }
            self.watch_touch_down(w);
            self.watch_link(w);
            self.watch_battery(w);
        }
        self.follow_launch(w);
        self.follow_way(w);
        if self.drive.state(now, w.facts, w.plane()) == Driving::Ignored {
            self.ignored(w);
        }
    }

    /// The next command for the autopilot.
    pub fn poll_command(&mut self, w: &World<'_>) -> Option<Common> {
        if matches!(self.state, FlightState::Manual { .. }) {
            // The safety pilot has it: nothing of ours may move the aircraft.
            return None;
        }
        self.drive.poll(w.mono(), w.facts, w.plane())
    }

    fn on_ground(&mut self, w: &World<'_>) {
        if self.was_armed {
            self.was_armed = false;
            let complete = matches!(
                self.state,
                FlightState::Returning { .. } | FlightState::Landing { .. }
            );
            self.say(
                MavSeverity::MAV_SEVERITY_NOTICE,
                if complete {
                    "Patrol: landed"
                } else {
                    "Patrol: disarmed"
                },
            );
            if let Some(order) = self.order.take() {
                self.fate(if complete {
                    OrderEvent::done(order)
                } else {
                    OrderEvent::failed(order, Denied::AutopilotRefused)
                });
            }
            *self = Flight {
                events: std::mem::take(&mut self.events),
                ..Flight::default()
            };
        }
        if self.step.is_none() {
            self.state = if w.plan.is_some() {
                FlightState::Ready
            } else {
                FlightState::Grounded
            };
        }
        self.link_lost = false;
        self.last_mode = w.facts.mode();
    }

    fn item(&self, w: &World<'_>) -> u16 {
        w.facts
            .mission_current
            .and_then(|s| (w.item_of_seq)(s.value))
            .unwrap_or(0)
    }

    fn last_item_is_end(w: &World<'_>, item: u16) -> Option<Cause> {
        let plan = w.plan?;
        match plan.items().get(usize::from(item))? {
            PlanItem::Return | PlanItem::Land { .. } => Some(Cause::PlanComplete),
            PlanItem::Takeoff { .. }
            | PlanItem::Waypoint { .. }
            | PlanItem::Orbit { .. }
            | PlanItem::Speed { .. } => None,
        }
    }

    /// Adopts what the vehicle shows where nobody here asked for it.
    fn follow_mode(&mut self, w: &World<'_>) {
        let now = w.mono();
        let Some(mode) = w.facts.mode() else { return };
        if matches!(
            self.state,
            FlightState::Boot | FlightState::Grounded | FlightState::Ready
        ) && self.step.is_none()
        {
            if w.facts.airborne() && self.state == FlightState::Boot {
                self.state = FlightState::Recovering { since: now };
            } else if w.facts.airborne() || mode == Mode::Mission {
                // Somebody else launched: a station through the gate, or a pilot.
                self.other_station = true;
                self.state = FlightState::TakingOff;
            }
        }
        if let FlightState::Recovering { since } = self.state {
            if now.since(since) < RECOVERING {
                return;
            }
            self.last_mode = None;
            self.state = FlightState::Patrolling { item: self.item(w) };
        }
        if self.state == FlightState::TakingOff
            && mode == Mode::Mission
            && self.step.is_none()
            && self.item(w) > 0
        {
            self.state = FlightState::Patrolling { item: self.item(w) };
        }
        if let FlightState::Patrolling { item } = &mut self.state {
            *item = w
                .facts
                .mission_current
                .and_then(|s| (w.item_of_seq)(s.value))
                .unwrap_or(*item);
        }
        if self.last_mode == Some(mode) {
            return;
        }
        let before = self.last_mode.replace(mode);
        let ours = self
            .drive
            .goal()
            .and_then(|g| g.mode(w.kind()))
            .is_some_and(|m| m == mode);
        if ours {
            self.other_station = false;
            if let FlightState::Manual { .. } = self.state {
                self.state = FlightState::Patrolling { item: self.item(w) };
            }
            return;
        }
        let explained = self
            .explained
            .is_some_and(|(m, at)| m == mode && now.since(at) < EXPLAINED);
        if explained {
            self.explained = None;
        }
        self.adopt(w, before, mode, explained);
    }

    fn adopt(&mut self, w: &World<'_>, before: Option<Mode>, mode: Mode, explained: bool) {
        let now = w.mono();
        let item = self.item(w);
        let why = if explained {
            Cause::Officer
        } else {
            Cause::Autopilot
        };
        self.other_station = explained;
        let launching = self.step.is_some() || self.state == FlightState::TakingOff;
        match mode {
            Mode::Mission => {
                self.drive.clear();
                self.way = None;
                if !launching {
                    self.state = FlightState::Patrolling { item };
                }
            }
            Mode::Sticks => {
                self.drive.clear();
                self.way = None;
                self.step = None;
                self.state = FlightState::Manual { since: now };
                self.say(
                    MavSeverity::MAV_SEVERITY_WARNING,
                    "Patrol: safety pilot flies",
                );
            }
            Mode::Return | Mode::Land
                if before == Some(Mode::Mission) && Self::last_item_is_end(w, item).is_some() =>
            {
                self.state = FlightState::Returning {
                    why: Cause::PlanComplete,
                };
            }
            Mode::Return => {
                self.drive.clear();
                self.way = None;
                self.step = None;
                self.state = FlightState::Returning { why };
            }
            Mode::Land => {
                self.drive.clear();
                self.way = None;
                self.step = None;
                self.state = match self.state {
                    // A return ends in a landing.
                    FlightState::Returning { why } | FlightState::Landing { why } => {
                        FlightState::Landing { why }
                    }
                    _ => FlightState::Landing { why },
                };
            }
            Mode::Hold | Mode::Guided if launching && !explained => {}
            Mode::Hold
                if before == Some(Mode::Mission)
                    && !explained
                    && w.plan
                        .is_some_and(|p| usize::from(item) + 1 >= p.items().len()) =>
            {
                self.go_home(w, Cause::PlanComplete);
            }
            Mode::Hold | Mode::Guided => {
                if matches!(
                    self.state,
                    FlightState::Returning { .. } | FlightState::Landing { .. }
                ) && !explained
                    && self.drive.goal().is_some()
                {
                    return;
                }
                self.keep_resume(w);
                if explained {
                    self.drive.clear();
                    self.way = None;
                }
                self.state = FlightState::Holding {
                    why,
                    resume_item: item,
                };
            }
            Mode::TakeOff | Mode::Setpoints | Mode::Other => {}
        }
        if why == Cause::Autopilot && self.cause() == Some(Cause::Autopilot) {
            self.say(
                MavSeverity::MAV_SEVERITY_CRITICAL,
                format!("Patrol: autopilot went to {mode:?} by itself"),
            );
        }
    }

    /// Plan complete: the last item is a way down, or the last place is reached.
    fn watch_end(&mut self, w: &World<'_>) {
        let FlightState::Patrolling { item } = self.state else {
            return;
        };
        if w.facts.mode() == Some(Mode::Mission) && Self::last_item_is_end(w, item).is_some() {
            self.state = match w.plan.and_then(|p| p.items().get(usize::from(item))) {
                Some(PlanItem::Land { .. }) => FlightState::Landing {
                    why: Cause::PlanComplete,
                },
                _ => FlightState::Returning {
                    why: Cause::PlanComplete,
                },
            };
            self.say(
                MavSeverity::MAV_SEVERITY_NOTICE,
                "Patrol: plan complete, going home",
            );
        }
    }

    fn obey_guard(&mut self, w: &World<'_>, f: &Finding) {
        let before = std::mem::replace(&mut self.guard, f.response);
        // Somebody took it out of the guard's answer while that still stands: the answer is given again.
        let undone = match f.response {
            Response::Continue | Response::Warn => false,
            Response::Hold => matches!(
                self.state,
                FlightState::Patrolling { .. } | FlightState::Investigating { .. }
            ),
            Response::Return => !matches!(
                self.state,
                FlightState::Returning { .. }
                    | FlightState::Landing { .. }
                    | FlightState::Manual { .. }
            ),
            Response::LandHere => !matches!(
                self.state,
                FlightState::Landing { .. } | FlightState::Manual { .. }
            ),
        };
        let again = std::mem::replace(&mut self.guard_again, f.again) != f.again;
        if f.response == before && !again {
            let now = w.mono();
            if !undone || now.since(self.answered) < ANSWER_AGAIN {
                return;
            }
        }
        self.answered = w.mono();
        let why = f.cause.unwrap_or(Cause::Fence);
        let margin = f.margin_m.map_or("unknown".into(), |m| format!("{m:.0} m"));
        match f.response {
            Response::Continue => {}
            Response::Warn => self.say(
                MavSeverity::MAV_SEVERITY_WARNING,
                format!("Patrol guard: {why:?}, margin {margin}"),
            ),
            // Going home already is the graver answer; only an edge ahead stops it.
            // A hold that is there already is asked for anew: a station may have sent it elsewhere (PX4 flies a
            // reposition in its hold mode).
            Response::Hold
                if matches!(self.state, FlightState::Landing { .. })
                    || (why == Cause::Position
                        && matches!(self.state, FlightState::Returning { .. })) => {}
            Response::Hold => {
                self.say(
                    MavSeverity::MAV_SEVERITY_CRITICAL,
                    format!("Patrol guard: HOLD ({why:?}, margin {margin})"),
                );
                self.drive.clear();
                self.hold(w, why);
            }
            Response::Return if matches!(self.state, FlightState::Landing { .. }) => {}
            Response::Return => {
                self.say(
                    MavSeverity::MAV_SEVERITY_CRITICAL,
                    format!("Patrol guard: RETURN ({why:?}, margin {margin})"),
                );
                self.go_home(w, why);
            }
            // Under way already.
            Response::LandHere
                if matches!(self.state, FlightState::Landing { .. })
                    && matches!(
                        self.drive.goal(),
                        Some(Goal::Descend | Goal::Mode(Mode::Land))
                    )
                    && f.response == before => {}
            Response::LandHere => {
                self.say(
                    MavSeverity::MAV_SEVERITY_EMERGENCY,
                    format!("Patrol guard: LAND ({why:?}, margin {margin})"),
                );
                if matches!(f.doubt, Some(Doubt::Pulled { .. })) {
                    self.descend(w, why);
                } else {
                    self.land_here(w, why);
                }
            }
        }
    }

    /// A descent by velocity has touched down: the autopilot's own landing stops the motors.
    fn watch_touch_down(&mut self, w: &World<'_>) {
        if self.drive.goal() == Some(Goal::Descend) && !w.facts.airborne() {
            self.drive.clear();
            self.drive.set(w.mono(), Goal::Mode(Mode::Land));
        }
    }

    fn watch_link(&mut self, w: &World<'_>) {
        let lost = w.ground_silent.is_none_or(|s| s > w.link_loss);
        let was = std::mem::replace(&mut self.link_lost, lost);
        if lost && !was {
            self.say(
                MavSeverity::MAV_SEVERITY_WARNING,
                "Patrol: ground link lost",
            );
            let action = w.plan.map_or(OnLinkLoss::Return, |p| p.file().on_link_loss);
            self.without_ground(w, action, Cause::LinkLoss);
        }
        if !lost && was {
            self.say(
                MavSeverity::MAV_SEVERITY_NOTICE,
                "Patrol: ground link back; orders are needed anew",
            );
            self.no_return_for(Cause::LinkLoss);
        }
        if let Some((t, why)) = self.return_at
            && w.mono() >= t
        {
            self.return_at = None;
            self.go_home(w, why);
        }
    }

    /// No officer is left and nobody took over in time: what the plan says, else what it says of a lost link.
    pub fn no_officer(&mut self, w: &World<'_>) {
        let action = w.plan.map_or(OnLinkLoss::Return, |p| {
            let f = p.file();
            f.on_no_officer.unwrap_or(f.on_link_loss)
        });
        self.without_ground(w, action, Cause::NoOfficer);
    }
    /// An officer is there: what was to follow from there being none does not. The aircraft waits for orders.
    pub fn officer_is_there(&mut self) {
        self.no_return_for(Cause::NoOfficer);
    }
    fn no_return_for(&mut self, cause: Cause) {
        if self.return_at.is_some_and(|(_, why)| why == cause) {
            self.return_at = None;
        }
    }

    fn without_ground(&mut self, w: &World<'_>, action: OnLinkLoss, why: Cause) {
        let flying = matches!(
            self.state,
            FlightState::Patrolling { .. }
                | FlightState::Investigating { .. }
                | FlightState::TakingOff
                | FlightState::Holding { .. }
        );
        if !flying {
            return;
        }
        match action {
            OnLinkLoss::Continue => {}
            OnLinkLoss::Return => self.go_home(w, why),
            OnLinkLoss::HoldThenReturn { wait_s } => {
                self.hold(w, why);
                let wait = Duration::from_secs_f64(if wait_s.is_finite() {
                    wait_s.clamp(0.0, 3600.0)
                } else {
                    0.0
                });
                self.return_at = Some((w.mono().after(wait), why));
            }
        }
    }

    fn watch_battery(&mut self, w: &World<'_>) {
        if w.battery_needed
            && matches!(
                self.state,
                FlightState::Patrolling { .. }
                    | FlightState::Investigating { .. }
                    | FlightState::Holding { .. }
            )
        {
            self.say(
                MavSeverity::MAV_SEVERITY_CRITICAL,
                "Patrol: battery, going home",
            );
            self.go_home(w, Cause::Battery);
        }
    }

    /// The autopilot does not do what it was told: louder, graver.
    fn ignored(&mut self, w: &World<'_>) {
        let Some(goal) = self.drive.goal() else {
            return;
        };
        if self.step.is_some() && !w.facts.airborne() {
            self.abort_launch(w, Denied::AutopilotRefused);
            return;
        }
        self.say(
            MavSeverity::MAV_SEVERITY_CRITICAL,
            format!("Patrol: autopilot ignores {goal:?}"),
        );
        let why = self.cause().unwrap_or(Cause::Autopilot);
        match goal {
            Goal::Mode(Mode::Hold)
            | Goal::Goto { .. }
            | Goal::StartMission
            | Goal::TakeOff { .. }
            | Goal::Mode(Mode::Mission | Mode::Guided) => {
                self.step = None;
                self.way = None;
                self.drive.clear();
                self.drive.set(w.mono(), Goal::Mode(Mode::Return));
                self.state = FlightState::Returning { why };
            }
            Goal::Mode(Mode::Return) | Goal::Descend => self.land_here(w, why),
            _ => {
                // Landing ignored: nothing graver is left; say it again for as long as it takes.
                self.drive.clear();
                self.drive.set(w.mono(), goal);
            }
        }
    }
}
