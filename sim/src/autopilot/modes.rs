//! What the aircraft does in each mode.

use super::failsafes::BatteryLevel;
use super::{Aircraft, AutopilotKind, gains};
use crate::vehicle::guide::{Leg, Limits, Order, StopLaw, corner_speed};
use link::common::{MISSION_ITEM_REACHED_DATA, MavMessage, MavSeverity as S};
use link::items::{ListKind, WireItem, cmd};
use missions::time::Mono;
use nalgebra::Vector3;
use std::time::Duration;

/// From arming until it leaves the ground, as captured.
const COPTER_SPOOL_UP: Duration = Duration::from_millis(3_500);
const PX4_SPOOL_UP: Duration = Duration::from_millis(4_300);
/// A landing stops level first, and goes down after this at the latest.
const LAND_BRAKES: Duration = Duration::from_secs(6);
/// PX4 enters OFFBOARD when setpoints have come for so long, at two a second or more (its manual, "Offboard Mode").
const OFFBOARD_AFTER: Duration = Duration::from_secs(1);
const SETPOINT_GAP: Duration = Duration::from_millis(500);
/// ArduCopter passes a corner so that its velocity changes by at most this much, m/s, for a radius of 2 m: captured at
/// 29° (7.15 m/s) and 106° (2.4 m/s) alike. Its corners are limited by jerk.
const COPTER_CORNER_MPS: f64 = 3.7;

/// Share of MPC_ACC_HOR that PX4 turns a corner with: MPC_XY_TRAJ_P as captured.
const PX4_TURN: f64 = 0.5;

/// ArduCopter's PILOT_SPEED_DN where it is 0: PILOT_SPEED_UP's default, 2.5 m/s.
const PILOT_DOWN_MPS: f64 = 2.5;

/// Flight modes of both autopilots that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Sticks (PX4 POSCTL, ArduCopter STABILIZE): nobody holds them here.
    Manual,
    /// PX4's automatic take-off.
    TakeOff,
    /// Hover at a place (PX4 HOLD, ArduCopter LOITER).
    Hold,
    /// ArduCopter BRAKE.
    Brake,
    /// ArduCopter GUIDED.
    Guided,
    /// PX4 OFFBOARD: as a companion's setpoints say.
    Offboard,
    /// The mission.
    Mission,
    /// Return.
    Return,
    /// Land here.
    Land,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ReturnPhase {
    Climb,
    Across,
    Wait(Mono),
    Down,
}

/// What the parameters say about speeds, read when they change and not at every step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    version: u64,
    cruise_mps: f64,
    takeoff_mps: f64,
    most_behind_m: f64,
    /// ArduCopter: seconds in which the target's pace follows the aircraft's.
    pace_s: f64,
    limits: Limits,
}

impl Default for Rates {
    fn default() -> Self {
        Rates {
            version: 0,
            cruise_mps: 5.0,
            takeoff_mps: 1.5,
            most_behind_m: 2.0,
            pace_s: 2.5,
            limits: Limits {
                speed_mps: 5.0,
                climb_mps: 2.5,
                descend_mps: 1.5,
                accel_mps2: 3.0,
                accel_vertical_mps2: 2.5,
                jerk_mps3: 4.0,
                stop: StopLaw::JerkLimited,
            },
        }
    }
}

impl Rates {
    fn read(kind: AutopilotKind, params: &super::params::Params) -> Rates {
        let get = |name| params.get(name);
        let (cruise_mps, limits) = match kind {
            AutopilotKind::Px4 => (
                get("MPC_XY_CRUISE"),
                Limits {
                    speed_mps: 5.0,
                    climb_mps: get("MPC_Z_V_AUTO_UP"),
                    descend_mps: get("MPC_Z_V_AUTO_DN"),
                    accel_mps2: get("MPC_ACC_HOR"),
                    accel_vertical_mps2: get("MPC_ACC_UP_MAX"),
                    jerk_mps3: get("MPC_JERK_AUTO"),
                    stop: StopLaw::JerkLimited,
                },
            ),
            AutopilotKind::ArduPilot => (
                get("WPNAV_SPEED") / 100.0,
                Limits {
                    speed_mps: 5.0,
                    climb_mps: get("WPNAV_SPEED_UP") / 100.0,
                    descend_mps: get("WPNAV_SPEED_DN") / 100.0,
                    accel_mps2: get("WPNAV_ACCEL") / 100.0,
                    accel_vertical_mps2: get("WPNAV_ACCEL_Z") / 100.0,
                    jerk_mps3: get("WPNAV_JERK"),
                    stop: StopLaw::SquareRoot,
                },
            ),
        };
        // A parameter may be set to nonsense; the guide divides by these.
        Rates {
            version: params.version(),
            cruise_mps,
            takeoff_mps: get("MPC_TKO_SPEED").clamp(0.3, 6.0),
            most_behind_m: get("MPC_XY_ERR_MAX").max(0.5),
            pace_s: (limits.accel_mps2 / limits.jerk_mps3.max(0.1)).clamp(0.1, 10.0),
            limits: Limits {
                climb_mps: limits.climb_mps.clamp(0.3, 6.0),
                descend_mps: limits.descend_mps.clamp(0.3, 4.0),
                accel_mps2: limits.accel_mps2.clamp(0.5, 5.0),
                accel_vertical_mps2: limits.accel_vertical_mps2.clamp(0.3, 5.0),
                jerk_mps3: limits.jerk_mps3.clamp(0.3, 20.0),
                ..limits
            },
        }
    }
}

/// The flight's state.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub armed: bool,
    armed_at: Mono,
    pub mode: Mode,
    pub order: Order,
    pub current: usize,
    /// Where the present leg began.
    from: Vector3<f64>,
    hold_until: Option<Mono>,
    entered: bool,
    /// So near the end of the leg counts as there, m.
    accept_m: f64,
    /// Height above home to climb to before the leg, m.
    climb_first: Option<f64>,
    /// No faster on this leg, m/s.
    leg_mps: f64,
    /// ArduCopter: how fast the target goes along its leg, as a share of its plan.
    pace: f64,
    jumps: std::collections::BTreeMap<usize, i32>,
    pub speed_mps: Option<f64>,
    return_phase: ReturnPhase,
    return_to: Vector3<f64>,
    pub landed_since: Option<Mono>,
    /// A velocity setpoint: m/s north, east, down; since when they come without a gap, and the last.
    pub setpoint: Option<(Vector3<f64>, Mono, Mono)>,
    pub takeoff_to: Option<f64>,
    pub failsafe: bool,
    pub fence_switch: Option<bool>,
    pub breached: bool,
    /// The breach is of the ceiling, not of the boundary.
    pub breached_ceiling: bool,
    pub breach_count: u16,
    pub breach_ms: u32,
    pub hold_then_return: Option<Mono>,
    pub battery_answered: BatteryLevel,
    pub mission_done: bool,
}

impl Flight {
    pub(crate) fn new(kind: AutopilotKind) -> Self {
        Flight {
            armed: false,
            armed_at: Mono::ZERO,
            mode: match kind {
                AutopilotKind::Px4 => Mode::Hold,
                AutopilotKind::ArduPilot => Mode::Manual,
            },
            order: Order::Brake,
            current: 0,
            from: Vector3::zeros(),
            hold_until: None,
            entered: false,
            accept_m: 2.0,
            climb_first: None,
            leg_mps: f64::INFINITY,
            pace: 1.0,
            jumps: std::collections::BTreeMap::new(),
            speed_mps: None,
            return_phase: ReturnPhase::Climb,
            return_to: Vector3::zeros(),
            landed_since: None,
            setpoint: None,
            takeoff_to: None,
            failsafe: false,
            fence_switch: None,
            breached: false,
            breached_ceiling: false,
            breach_count: 0,
            breach_ms: 0,
            hold_then_return: None,
            battery_answered: BatteryLevel::Fine,
            mission_done: false,
        }
    }
}

impl Aircraft {
    /// The mode as the heartbeat says it.
    pub(crate) fn custom_mode(&self) -> u32 {
        match (self.kind, self.flight.mode) {
            (AutopilotKind::Px4, m) => {
                let (main, sub) = match m {
                    Mode::Manual => (3, 0),
                    Mode::TakeOff => (4, 2),
                    Mode::Hold | Mode::Brake | Mode::Guided => (4, 3),
                    Mode::Mission => (4, 4),
                    Mode::Return => (4, 5),
                    Mode::Land => (4, 6),
                    Mode::Offboard => (6, 0),
                };
                u32::from_le_bytes([0, 0, main, sub])
            }
            (AutopilotKind::ArduPilot, m) => match m {
                Mode::Manual => 0,
                Mode::Mission => 3,
                Mode::Guided | Mode::Offboard | Mode::TakeOff => 4,
                Mode::Hold => 5,
                Mode::Return => 6,
                Mode::Land => 9,
                Mode::Brake => 17,
            },
        }
    }

    /// Whether it is off the ground, as the autopilot believes.
    pub(crate) fn airborne(&self) -> bool {
        !self.body.on_ground
    }

    pub(crate) fn cruise_mps(&self) -> f64 {
        let usual = if self.rates.version == self.params.version() {
            self.rates.cruise_mps
        } else {
            Rates::read(self.kind, &self.params).cruise_mps
        };
        self.flight.speed_mps.unwrap_or(usual).clamp(0.5, 15.0)
    }

    fn return_alt_m(&self) -> f64 {
        match self.kind {
            AutopilotKind::Px4 => self.params.get("RTL_RETURN_ALT"),
            AutopilotKind::ArduPilot => self.params.get("RTL_ALT") / 100.0,
        }
    }

    /// Enters a mode. The caller has checked that it may.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        // The mode it is in already goes on; only a hold is asked for anew.
        if self.flight.mode == mode && matches!(mode, Mode::Mission | Mode::Return | Mode::Land) {
            return;
        }
        let e = self.estimate();
        if self.flight.mode != mode {
            self.flight.entered = false;
            self.flight.pace = 1.0;
            if self.kind == AutopilotKind::ArduPilot {
                self.flight.setpoint = None;
            }
            if mode == Mode::Brake && self.airborne() {
                // BRAKE begins where the aircraft is and as fast as it is (ModeBrake::init, init_xy_controller), wherever
                // the target had got to.
                let yaw_rad = self.guide.target().yaw_rad;
                self.guide.reset(e.position, e.velocity, yaw_rad);
            }
        }
        self.flight.mode = mode;
        self.flight.hold_then_return = None;
        self.flight.leg_mps = f64::INFINITY;
        self.flight.climb_first = None;
        let here = e.position;
        match mode {
            Mode::Mission => {
                self.flight.from = here;
                self.flight.entered = false;
                self.flight.hold_until = None;
                if self.flight.mission_done {
                    self.flight.current = 0;
                    self.flight.mission_done = false;
                    self.flight.jumps.clear();
                }
            }
            Mode::Return => {
                // On the ground there is nothing to climb for.
                self.flight.return_phase = if self.airborne() {
                    ReturnPhase::Climb
                } else {
                    ReturnPhase::Down
                };
                self.flight.return_to = self.nearest_site(here);
                self.flight.from = here;
                self.flight.order = Order::Brake;
            }
            Mode::Hold | Mode::Brake | Mode::Guided | Mode::Offboard => {
                self.flight.order = Order::Brake;
                self.flight.takeoff_to = None;
            }
            Mode::Land => {
                self.flight.order = Order::Brake;
                self.flight.hold_until = Some(self.now.after(LAND_BRAKES));
            }
            Mode::TakeOff | Mode::Manual => {}
        }
    }

    /// Flies straight to a place (guided, reposition).
    pub(crate) fn go_to(&mut self, to: Vector3<f64>) {
        let from = self.guide.target().position_ned_m;
        self.flight.takeoff_to = None;
        self.flight.setpoint = None;
        self.flight.order = Order::Fly(Leg {
            from,
            to,
            end_speed_mps: 0.0,
        });
        self.face(from, to);
    }

    fn face(&mut self, from: Vector3<f64>, to: Vector3<f64>) {
        let d = (to - from).xy();
        if d.norm() > 1.5 {
            self.guide.face(d.y.atan2(d.x));
        }
    }

    fn nearest_site(&self, here: Vector3<f64>) -> Vector3<f64> {
        let mut best = Vector3::zeros();
        let mut best_m = here.xy().norm();
        let only_rally =
            self.kind == AutopilotKind::ArduPilot && self.params.get("RALLY_INCL_HOME") == 0.0;
        if only_rally && !self.lists.get(ListKind::Rally).is_empty() {
            best_m = f64::INFINITY;
        }
        for it in self.lists.get(ListKind::Rally) {
            if let Some(at) = it.at() {
                let p = self.ned(at, 0.0);
                let d = (p - here).xy().norm();
                if d < best_m {
                    (best, best_m) = (p, d);
                }
            }
        }
        best
    }

    /// Switches the motors on.
    pub(crate) fn arm(&mut self) {
        self.flight.armed = true;
        self.flight.armed_at = self.now;
        self.flight.landed_since = None;
        self.flight.battery_answered = BatteryLevel::Fine;
        self.flight.failsafe = false;
        self.flight.speed_mps = None;
        self.flight.entered = false;
        self.flight.from = self.estimate().position;
        self.controller.reset();
        let e = self.estimate();
        self.guide.reset(e.position, Vector3::zeros(), e.yaw);
        self.flight.order = Order::Brake;
        self.gcs_seen_armed = self.last_gcs.is_some();
    }

    /// Switches them off.
    pub(crate) fn disarm(&mut self) {
        self.flight.armed = false;
        self.flight.takeoff_to = None;
        self.flight.failsafe = false;
        self.flight.breached = false;
        match self.kind {
            AutopilotKind::Px4 => self.flight.mode = Mode::Hold,
            // ArduCopter begins a mission anew after each flight; PX4 does when told where to start.
            AutopilotKind::ArduPilot => self.set_current(0),
        }
        self.controller.reset();
    }

    /// A new mission list starts from its beginning.
    pub(crate) fn mission_changed(&mut self) {
        self.flight.current = 0;
        self.flight.mission_done = false;
        self.flight.jumps.clear();
        self.flight.entered = false;
        self.flight.from = self.estimate().position;
        if self.flight.mode == Mode::Mission
            && self.lists.get(ListKind::Mission).is_empty()
            && self.airborne()
        {
            self.set_mode(Mode::Hold);
        }
    }

    /// The mission item PX4 finds outside its fence, or inside a keep-out; it then has no valid mission.
    pub(crate) fn item_outside(&self) -> Option<usize> {
        if self.kind == AutopilotKind::ArduPilot || !self.fence_on() {
            return None;
        }
        self.lists.get(ListKind::Mission).iter().position(|it| {
            matches!(
                it.command,
                cmd::WAYPOINT
                    | cmd::LOITER_TIME
                    | cmd::LOITER_UNLIM
                    | cmd::LOITER_TURNS
                    | cmd::LAND
                    | cmd::TAKEOFF
            ) && (it.x, it.y) != (0, 0)
                && it
                    .at()
                    .is_some_and(|at| !self.fence.allows(self.plane.to_local(at)))
        })
    }

    /// PX4 looks at the mission anew when it or the fence changes, and does not fly one that leaves the fence.
    pub(crate) fn check_mission(&mut self) {
        let Some(i) = self.item_outside() else { return };
        self.say(
            S::MAV_SEVERITY_WARNING,
            &format!("Geofence violation for waypoint {}", i + 1),
        );
        if self.flight.mode == Mode::Mission && self.airborne() {
            self.say(
                S::MAV_SEVERITY_WARNING,
                "No valid mission available, loitering",
            );
            self.set_mode(Mode::Hold);
        }
    }

    /// Jumps to a mission item.
    pub(crate) fn set_current(&mut self, seq: usize) {
        self.flight.current = seq;
        self.flight.mission_done = false;
        self.flight.entered = false;
        self.flight.hold_until = None;
        self.flight.from = self.estimate().position;
    }

    /// One step of whatever the mode asks.
    pub(crate) fn fly(&mut self, dt_s: f64) {
        if !self.flight.armed {
            return;
        }
        if self.rates.version != self.params.version() {
            self.rates = Rates::read(self.kind, &self.params);
        }
        let cruise_mps = self.cruise_mps();
        let mut limits = self.rates.limits;
        match self.kind {
            AutopilotKind::Px4 => {
                limits.speed_mps = cruise_mps;
                // Slowly at first, as captured.
                if -self.guide.target().position_ned_m.z < 10.0 && self.taking_off() {
                    limits.climb_mps = self.rates.takeoff_mps;
                }
            }
            AutopilotKind::ArduPilot => limits.speed_mps = cruise_mps.min(self.flight.leg_mps),
        }
        self.guide.set_limits(limits);
        match self.flight.mode {
            // With a throttle stick at its bottom ArduCopter's LOITER and STABILIZE come down; BRAKE asks no stick.
            Mode::Manual | Mode::Hold
                if self.troubles.throttle_low && self.kind == AutopilotKind::ArduPilot =>
            {
                self.flight.order = Order::Velocity(Vector3::new(0.0, 0.0, PILOT_DOWN_MPS));
            }
            Mode::Manual | Mode::Hold | Mode::Brake => {}
            Mode::Guided if self.setpoint_applies() => self.fly_setpoint(),
            Mode::Offboard => self.fly_setpoint(),
            Mode::Guided | Mode::TakeOff => self.fly_takeoff(),
            Mode::Mission => self.fly_mission(),
            Mode::Return => self.fly_return(),
            Mode::Land => self.fly_land(),
        }
        if !self.body.on_ground || self.lifts_off() {
            let order = self.flight.order;
            // Both wait for an aircraft that lags behind: PX4 by PositionSmoothing's time stretch, ArduCopter by its track
            // scaler (AC_WPNav::advance_wp_target_along_track; in GUIDED the target stands while the lean is at its limit).
            let pace = match self.kind {
                AutopilotKind::ArduPilot if matches!(order, Order::Fly(_)) => {
                    let t = self.guide.target();
                    let e = self.estimate();
                    let mps = t.velocity_ned_mps.norm();
                    let wanted = if mps > 1e-3 {
                        let along = t.velocity_ned_mps / mps;
                        let behind_m = (t.position_ned_m - e.position).dot(&along);
                        let position_p = gains(self.kind).position_p;
                        (0.05 + (e.velocity.dot(&along) - position_p * behind_m) / mps)
                            .clamp(0.0, 1.0)
                    } else {
                        1.0
                    };
                    let share = dt_s / (dt_s + self.rates.pace_s);
                    self.flight.pace += (wanted - self.flight.pace) * share;
                    self.flight.pace
                }
                // On a path only: a landing comes down however far it is blown off.
                AutopilotKind::Px4 if matches!(order, Order::Fly(_)) => {
                    let t = self.guide.target();
                    let ahead = (self.estimate().position - t.position_ned_m).xy();
                    if ahead.dot(&t.velocity_ned_mps.xy()) >= 0.0 {
                        1.0
                    } else {
                        1.0 - (ahead.norm() / self.rates.most_behind_m).min(1.0)
                    }
                }
                AutopilotKind::Px4 | AutopilotKind::ArduPilot => 1.0,
            };
            self.guide.step(dt_s * pace, &order);
            if self.holds_no_place() {
                let e = self.estimate();
                self.guide.stand_over(e.position.xy());
            }
        } else {
            let e = self.estimate();
            self.guide.reset(e.position, Vector3::zeros(), e.yaw);
        }
    }

    /// On the ground and about to leave it: ordered to, and the motors are up to speed.
    pub(crate) fn lifts_off(&self) -> bool {
        let spool = match self.kind {
            AutopilotKind::ArduPilot => COPTER_SPOOL_UP,
            AutopilotKind::Px4 => PX4_SPOOL_UP,
        };
        matches!(self.flight.order, Order::Fly(_)) && self.now.since(self.flight.armed_at) >= spool
    }

    /// Whether it is in its first climb.
    fn taking_off(&self) -> bool {
        match self.flight.mode {
            Mode::TakeOff => true,
            Mode::Mission => self
                .mission_item(self.flight.current)
                .is_some_and(|i| i.command == cmd::TAKEOFF),
            _ => false,
        }
    }

    fn climb_to(&mut self, above_home_m: f64) -> bool {
        let target = Vector3::new(self.flight.from.x, self.flight.from.y, -above_home_m);
        self.flight.order = Order::Fly(Leg {
            from: self.flight.from,
            to: target,
            end_speed_mps: 0.0,
        });
        let near_m = if self.kind == AutopilotKind::ArduPilot {
            0.2
        } else {
            0.6
        };
        (-self.estimate().position.z - above_home_m).abs() < near_m
    }

    fn fly_takeoff(&mut self) {
        let Some(alt) = self.flight.takeoff_to else {
            return;
        };
        if !self.flight.entered {
            self.flight.entered = true;
            self.flight.from = self.guide.target().position_ned_m;
        }
        if self.climb_to(alt) {
            self.flight.takeoff_to = None;
            if self.kind == AutopilotKind::Px4 {
                // PX4 goes over to HOLD when it is up.
                self.set_mode(Mode::Hold);
            }
        }
    }

    /// A velocity setpoint has come. `velocity`: m/s north, east, down.
    pub(crate) fn velocity_setpoint(&mut self, velocity: Vector3<f64>) {
        if !velocity.iter().all(|v| v.is_finite()) {
            return;
        }
        let since = match self.flight.setpoint {
            Some((_, since, last)) if self.now.since(last) <= SETPOINT_GAP => since,
            _ => self.now,
        };
        self.flight.setpoint = Some((velocity, since, self.now));
    }

    /// Whether setpoints have come for long enough, and still come, for PX4 to enter OFFBOARD.
    pub(crate) fn offboard_signal(&self) -> bool {
        self.flight.setpoint.is_some_and(|(_, since, last)| {
            self.now.since(since) >= OFFBOARD_AFTER && self.now.since(last) <= SETPOINT_GAP
        })
    }

    /// ArduCopter, in GUIDED: the last thing it was given is a velocity.
    fn setpoint_applies(&self) -> bool {
        self.flight.takeoff_to.is_none()
            && self.flight.setpoint.is_some()
            && !matches!(self.flight.order, Order::Fly(_))
    }

    /// Velocity without a place: PX4 where no position is given, ArduCopter where GUID_OPTIONS says not to stabilize it.
    fn holds_no_place(&self) -> bool {
        match self.flight.mode {
            Mode::Offboard => true,
            Mode::Guided => {
                self.setpoint_applies() && self.params.get("GUID_OPTIONS") as u32 & 16 != 0
            }
            _ => false,
        }
    }

    fn fly_setpoint(&mut self) {
        let Some((velocity, _, last)) = self.flight.setpoint else {
            return;
        };
        let timeout_s = match self.kind {
            AutopilotKind::ArduPilot => self.params.get("GUID_TIMEOUT").max(0.1),
            AutopilotKind::Px4 => self.params.get("COM_OF_LOSS_T").max(0.0),
        };
        if self.now.since(last) <= Duration::from_secs_f64(timeout_s) {
            self.flight.order = Order::Velocity(velocity);
            return;
        }
        self.flight.order = Order::Brake;
        if self.kind == AutopilotKind::Px4 {
            self.flight.failsafe = true;
            self.say(
                S::MAV_SEVERITY_CRITICAL,
                "Failsafe activated: Offboard signal lost",
            );
            // COM_OBL_RC_ACT: 3 return, 4 land; the others need sticks that nobody holds here, or stand.
            self.set_mode(match self.params.get("COM_OBL_RC_ACT") as i32 {
                3 => Mode::Return,
                4 => Mode::Land,
                _ => Mode::Hold,
            });
        }
    }

    fn mission_item(&self, i: usize) -> Option<WireItem> {
        self.lists.get(ListKind::Mission).get(i).copied()
    }

    fn item_place(&self, it: &WireItem) -> Option<Vector3<f64>> {
        let above = match it.frame {
            0 | 5 => f64::from(it.z) - self.home.alt.metres(),
            _ => f64::from(it.z),
        };
        if it.x == 0 && it.y == 0 {
            let p = self.flight.from;
            return Some(Vector3::new(p.x, p.y, -above));
        }
        it.at().map(|at| self.ned(at, above))
    }

    fn reached(&mut self, seq: usize) {
        let seq = u16::try_from(seq).unwrap_or(u16::MAX);
        if self.kind == AutopilotKind::ArduPilot {
            self.say(S::MAV_SEVERITY_INFO, &format!("Reached command #{seq}"));
        }
        // PX4 repeats it some ten times; the stream does that (see streams).
        self.send(MavMessage::MISSION_ITEM_REACHED(
            MISSION_ITEM_REACHED_DATA { seq },
        ));
        self.streams.repeat_reached(seq);
    }

    fn next_item(&mut self) {
        self.flight.from = match self.flight.order {
            Order::Fly(l) => l.to,
            _ => self.estimate().position,
        };
        self.flight.current += 1;
        self.flight.entered = false;
        self.flight.hold_until = None;
    }

    fn fly_mission(&mut self) {
        let first = usize::from(self.kind == AutopilotKind::ArduPilot);
        self.flight.current = self.flight.current.max(first);
        for _ in 0..8 {
            let i = self.flight.current;
            let Some(it) = self.mission_item(i) else {
                if !self.flight.mission_done {
                    self.flight.mission_done = true;
                    self.flight.order = Order::Brake;
                    if self.kind == AutopilotKind::Px4 {
                        self.say(S::MAV_SEVERITY_INFO, "Mission finished, loitering");
                        self.set_mode(Mode::Hold);
                        self.flight.mission_done = true;
                    } else {
                        self.say(
                            S::MAV_SEVERITY_INFO,
                            "Mission complete, changing mode to LOITER",
                        );
                    }
                }
                return;
            };
            match it.command {
                cmd::DO_CHANGE_SPEED => {
                    if it.p[1] > 0.0 {
                        self.flight.speed_mps = Some(f64::from(it.p[1]));
                    }
                    self.flight.current += 1;
                }
                cmd::DO_JUMP => {
                    let left = *self.flight.jumps.entry(i).or_insert(it.p[1] as i32);
                    if left != 0 {
                        self.flight
                            .jumps
                            .insert(i, if left > 0 { left - 1 } else { left });
                        self.flight.current = (it.p[0].max(0.0) as usize).max(first);
                    } else {
                        self.flight.current += 1;
                    }
                }
                cmd::TAKEOFF => {
                    if !self.flight.entered {
                        self.flight.entered = true;
                        self.flight.from = self.guide.target().position_ned_m;
                    }
                    let above = match it.frame {
                        0 | 5 => f64::from(it.z) - self.home.alt.metres(),
                        _ => f64::from(it.z),
                    };
                    if !self.climb_to(above) {
                        return;
                    }
                    self.reached(i);
                    self.next_item();
                }
                cmd::RETURN_TO_LAUNCH => {
                    // ArduCopter's AUTO runs RTL as a sub-mode; PX4 changes the mode. Both fly the same.
                    self.reached(i);
                    self.flight.mission_done = true;
                    self.set_mode(Mode::Return);
                    return;
                }
                cmd::WAYPOINT
                | cmd::LOITER_TIME
                | cmd::LOITER_UNLIM
                | cmd::LOITER_TURNS
                | 31
                | 82 => {
                    if !self.fly_to_item(i, &it) {
                        return;
                    }
                    self.next_item();
                }
                cmd::LAND => {
                    let Some(mut to) = self.item_place(&it) else {
                        self.flight.current += 1;
                        continue;
                    };
                    to.z = self.flight.from.z;
                    if !self.flight.entered {
                        self.flight.entered = true;
                        self.flight.order = Order::Fly(Leg {
                            from: self.flight.from,
                            to,
                            end_speed_mps: 0.0,
                        });
                        let from = self.flight.from;
                        self.face(from, to);
                    }
                    if (self.estimate().position - to).xy().norm() < 1.0 {
                        self.reached(i);
                        self.flight.mission_done = true;
                        self.set_mode(Mode::Land);
                    }
                    return;
                }
                cmd::DELAY => {
                    let until = *self.flight.hold_until.get_or_insert(self.now.after(
                        Duration::from_secs_f64(f64::from(it.p[0].clamp(0.0, 86_400.0))),
                    ));
                    if self.now < until {
                        return;
                    }
                    self.reached(i);
                    self.next_item();
                }
                _ => self.flight.current += 1,
            }
        }
    }

    /// Flies one leg; true when its end was reached and held long enough.
    fn fly_to_item(&mut self, i: usize, it: &WireItem) -> bool {
        let Some(to) = self.item_place(it) else {
            return true;
        };
        let hold_s = if matches!(it.command, cmd::WAYPOINT | cmd::LOITER_TIME) {
            f64::from(it.p[0].clamp(0.0, 86_400.0))
        } else {
            0.0
        };
        if self.kind == AutopilotKind::Px4 && !self.flight.entered && !self.airborne() {
            // A mission begun in its middle: PX4 first climbs where it stands.
            self.flight.from = self.estimate().position;
            self.flight.climb_first = Some((-to.z).max(self.params.get("MIS_TAKEOFF_ALT")));
        }
        if let Some(up_m) = self.flight.climb_first {
            self.flight.entered = true;
            if !self.climb_to(up_m) {
                return false;
            }
            self.flight.climb_first = None;
            self.flight.entered = false;
            self.flight.from = self.guide.target().position_ned_m;
        }
        if !self.flight.entered {
            self.flight.entered = true;
            let from = self.flight.from;
            let radius_m = self.acceptance_m(it);
            let stops = hold_s > 0.0 || it.command == cmd::LOITER_UNLIM;
            let corner = if stops {
                None
            } else {
                self.corner(from, to, i, radius_m)
            };
            let end_speed_mps = corner.map_or(0.0, |c| c.0);
            self.flight.leg_mps = self.leg_mps((to - from).xy().norm());
            self.flight.accept_m = corner.map_or(radius_m, |c| c.1);
            self.flight.order = Order::Fly(Leg {
                from,
                to,
                end_speed_mps,
            });
            self.face(from, to);
        }
        let d = self.estimate().position - to;
        let here = d.xy().norm() < self.flight.accept_m && d.z.abs() < 1.0;
        if !here && self.flight.hold_until.is_none() {
            return false;
        }
        if it.command == cmd::LOITER_UNLIM {
            return false;
        }
        if hold_s > 0.0 {
            let until = *self
                .flight
                .hold_until
                .get_or_insert(self.now.after(Duration::from_secs_f64(hold_s)));
            if self.now < until {
                return false;
            }
        }
        self.reached(i);
        true
    }

    fn acceptance_m(&self, it: &WireItem) -> f64 {
        let usual = match self.kind {
            AutopilotKind::Px4 => self.params.get("NAV_ACC_RAD"),
            AutopilotKind::ArduPilot => self.params.get("WPNAV_RADIUS") / 100.0,
        };
        let own = f64::from(it.p[1]);
        if own > 0.0 && own < 100.0 { own } else { usual }
    }

    /// ArduCopter plans each leg from rest to rest with limited acceleration and jerk and lays neighbours over one
    /// another (SCurve): no leg is flown faster than it could be from rest.
    fn leg_mps(&self, length_m: f64) -> f64 {
        match self.kind {
            AutopilotKind::Px4 => f64::INFINITY,
            AutopilotKind::ArduPilot => {
                let a = (self.params.get("WPNAV_ACCEL") / 100.0).clamp(0.5, 5.0);
                let ramp = a * a / self.params.get("WPNAV_JERK").clamp(0.3, 20.0);
                // v²/a + v·a/j = length
                ((0.5 * ramp).powi(2) + a * length_m).sqrt() - 0.5 * ramp
            }
        }
    }

    /// Speed with which the corner at the end of a leg may be passed, and how far before it the turn begins, m.
    fn corner(
        &self,
        from: Vector3<f64>,
        to: Vector3<f64>,
        i: usize,
        radius_m: f64,
    ) -> Option<(f64, f64)> {
        let mut k = i + 1;
        let next = loop {
            match self.mission_item(k) {
                Some(n)
                    if matches!(
                        n.command,
                        cmd::WAYPOINT | cmd::LOITER_TIME | cmd::LOITER_UNLIM
                    ) =>
                {
                    break self.item_place(&n)?;
                }
                Some(n) if n.command == cmd::DO_CHANGE_SPEED => k += 1,
                _ => return None,
            }
        };
        let (a, b) = ((to - from).xy(), (next - to).xy());
        if a.norm() < 0.5 || b.norm() < 0.5 {
            return None;
        }
        let turn_rad = (a.dot(&b) / (a.norm() * b.norm())).clamp(-1.0, 1.0).acos();
        let cruise = self.cruise_mps();
        Some(match self.kind {
            // No faster than it may turn there, nor than it could stop before the place after it: of a patrol's short legs
            // PX4 looks ahead over one (computeStartXYSpeedFromWaypoints), and stops where the next is within the radius.
            AutopilotKind::Px4 if b.norm() < radius_m => return None,
            AutopilotKind::Px4 => {
                let l = &self.rates.limits;
                let turn = corner_speed(turn_rad, radius_m, PX4_TURN * l.accel_mps2, cruise);
                let exit = l.stop.speed(b.norm(), 0.0, l.accel_mps2, l.jerk_mps3);
                (turn.min(exit), radius_m)
            }
            AutopilotKind::ArduPilot => {
                // A corner that turns back: 1/cos has no end, the S-curve only a stop.
                let half = (turn_rad / 2.0).min(1.55);
                let change = COPTER_CORNER_MPS * (radius_m / 2.0).powf(2.0 / 3.0);
                let legs = self.leg_mps(a.norm()).min(self.leg_mps(b.norm()));
                let accel = (self.params.get("WPNAV_ACCEL") / 100.0).clamp(0.5, 5.0);
                // ArduCopter begins the next leg early only where the path then passes within WPNAV_RADIUS of the
                // corner (SCurve::advance_target_along_track): an arc of radius r passes it at r·(1/cos half − 1).
                let widest_m = radius_m / (1.0 / half.cos() - 1.0).max(1e-6);
                let speed = (change / (2.0 * half.sin()).max(1e-3))
                    .min(cruise)
                    .min(legs)
                    .min((accel * widest_m).sqrt());
                // The arc's tangent: it leaves the leg before the corner, inside it.
                let lead_m = speed * speed / accel * half.tan();
                (
                    speed,
                    lead_m
                        .max(radius_m.min(1.0))
                        .min(0.4 * a.norm().min(b.norm()))
                        .max(radius_m * 0.5),
                )
            }
        })
    }

    fn fly_return(&mut self) {
        let e = self.estimate();
        match self.flight.return_phase {
            ReturnPhase::Climb => {
                if !self.flight.entered {
                    self.flight.entered = true;
                    // First stop, then climb on the spot.
                    self.flight.order = Order::Brake;
                }
                if e.velocity.xy().norm() > 1.0 && matches!(self.flight.order, Order::Brake) {
                    return;
                }
                if matches!(self.flight.order, Order::Brake) {
                    self.flight.from = self.guide.target().position_ned_m;
                    self.flight.return_to = self.nearest_site(e.position);
                }
                let up = self.return_alt_m().max(-self.flight.from.z);
                if self.climb_to(up) {
                    let from = Vector3::new(self.flight.from.x, self.flight.from.y, -up);
                    let to = Vector3::new(self.flight.return_to.x, self.flight.return_to.y, -up);
                    self.flight.return_phase = ReturnPhase::Across;
                    self.flight.order = Order::Fly(Leg {
                        from,
                        to,
                        end_speed_mps: 0.0,
                    });
                    self.face(from, to);
                }
            }
            ReturnPhase::Across => {
                if (e.position - self.flight.return_to).xy().norm() < 1.0
                    && e.velocity.xy().norm() < 0.6
                {
                    let wait_s = match self.kind {
                        AutopilotKind::ArduPilot => self.params.get("RTL_LOIT_TIME") / 1000.0,
                        // Below zero PX4 waits for ever; here nobody would fetch it.
                        AutopilotKind::Px4 => self.params.get("RTL_LAND_DELAY"),
                    };
                    let wait = Duration::from_secs_f64(wait_s.clamp(0.0, 60.0));
                    self.flight.return_phase = ReturnPhase::Wait(self.now.after(wait));
                }
            }
            ReturnPhase::Wait(until) => {
                if self.now >= until {
                    self.flight.return_phase = ReturnPhase::Down;
                }
            }
            ReturnPhase::Down => self.fly_land(),
        }
    }

    fn fly_land(&mut self) {
        let e = self.estimate();
        if matches!(self.flight.order, Order::Brake)
            && e.velocity.xy().norm() > 0.7
            && self.flight.hold_until.is_some_and(|t| self.now < t)
            && !self.troubles.blind
            && !self.body.on_ground
        {
            return;
        }
        let above_m = -e.position.z;
        let v = match self.kind {
            AutopilotKind::ArduPilot if above_m < 10.0 => self.params.get("LAND_SPEED") / 100.0,
            AutopilotKind::ArduPilot => self.params.get("WPNAV_SPEED_DN") / 100.0,
            AutopilotKind::Px4 if above_m < 5.0 => self.params.get("MPC_LAND_SPEED"),
            AutopilotKind::Px4 => self.params.get("MPC_Z_V_AUTO_DN"),
        }
        .clamp(0.3, 3.0);
        self.flight.order = Order::Velocity(Vector3::new(0.0, 0.0, v));
        // Motors stop two seconds after touch-down.
        if self.body.on_ground {
            let since = *self.flight.landed_since.get_or_insert(self.now);
            if self.now.since(since) >= Duration::from_secs(2) {
                self.disarm();
                if self.kind == AutopilotKind::Px4 {
                    self.say(S::MAV_SEVERITY_INFO, "Landing detected");
                    self.say(S::MAV_SEVERITY_INFO, "Disarmed by landing");
                } else {
                    self.say(S::MAV_SEVERITY_INFO, "Disarming motors");
                }
            }
        } else {
            self.flight.landed_since = None;
        }
    }
}
