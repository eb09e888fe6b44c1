//! What can go wrong with one aircraft: its satellites, its ears, its gauge, its power.
//!
//! A trouble is told to the aircraft from outside, at a time a scenario names; it draws nothing by itself.

use super::modes::Mode;
use super::{Aircraft, AutopilotKind};
use crate::vehicle::control::Demand;
use link::common::MavSeverity as S;
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Without satellites the estimate is believed for so long; then the autopilot gives up the position
/// (ArduCopter: EKF failsafe, about a second; PX4: COM_POS_FS_DELAY, 1 s).
const POSITION_GIVEN_UP: Duration = Duration::from_secs(1);

/// One thing that goes wrong, or is mended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// No satellites. The autopilot comes down by itself, level, and drifts with the wind.
    GnssLost,
    /// The position told stands still.
    GnssFrozen,
    /// The position believed leaps.
    GnssJump {
        /// Metres north.
        north_m: f64,
        /// Metres east.
        east_m: f64,
    },
    /// The position believed is pulled away from the truth, as a spoofer does it; the velocity is not.
    GnssDrag {
        /// Metres a second north.
        north_mps: f64,
        /// Metres a second east.
        east_mps: f64,
    },
    /// Satellites are true again.
    GnssWell,
    /// Commands are acknowledged and not carried out.
    Ignores,
    /// Commands are carried out again.
    Obeys,
    /// The serial line is unplugged: nothing in, nothing out.
    Unplugged,
    /// Plugged in again.
    Plugged,
    /// The battery loses charge at once.
    BatterySag {
        /// Charge left, 0..1.
        left: f64,
    },
    /// The gauge shows this and stays there.
    BatteryShows {
        /// Charge shown, 0..1.
        shown: f64,
    },
    /// A transmitter is there, its throttle stick at the bottom. Without this none is.
    ThrottleLow,
    /// No transmitter any more.
    NoTransmitter,
    /// The autopilot starts anew: its clock is 0, what it flew is forgotten. A multicopter aloft falls.
    Reboot,
}

/// What is wrong now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Troubles {
    lost_s: Option<f64>,
    pub(crate) frozen: Option<[f64; 6]>,
    offset_m: Vector3<f64>,
    drag_mps: Vector3<f64>,
    pub(crate) ignores: bool,
    pub(crate) unplugged: bool,
    pub(crate) throttle_low: bool,
    pub(crate) shown: Option<f64>,
    /// The autopilot has given the position up and comes down level.
    pub(crate) blind: bool,
}

impl Troubles {
    /// What the estimate is off the truth beyond the usual wander, metres north, east, down.
    pub(crate) fn offset_m(&self) -> Vector3<f64> {
        self.offset_m
    }
    /// No satellites.
    pub(crate) fn lost(&self) -> bool {
        self.lost_s.is_some()
    }
}

impl Aircraft {
    /// Something goes wrong, or is mended.
    pub fn trouble(&mut self, t: Trouble) {
        let w = &mut self.troubles;
        match t {
            Trouble::GnssLost => w.lost_s = Some(0.0),
            Trouble::GnssFrozen => {
                let e = self.estimate();
                let v = e.velocity;
                let p = e.position;
                self.troubles.frozen = Some([p.x, p.y, p.z, v.x, v.y, v.z]);
            }
            Trouble::GnssJump { north_m, east_m } => {
                w.offset_m += Vector3::new(north_m, east_m, 0.0);
            }
            Trouble::GnssDrag {
                north_mps,
                east_mps,
            } => w.drag_mps = Vector3::new(north_mps, east_mps, 0.0),
            Trouble::GnssWell => {
                w.lost_s = None;
                w.frozen = None;
                w.offset_m = Vector3::zeros();
                w.drag_mps = Vector3::zeros();
                w.blind = false;
            }
            Trouble::Ignores => w.ignores = true,
            Trouble::Obeys => w.ignores = false,
            Trouble::Unplugged => w.unplugged = true,
            Trouble::Plugged => w.unplugged = false,
            Trouble::BatterySag { left } => self.body.battery.sag_to(left),
            Trouble::BatteryShows { shown } => w.shown = Some(shown.clamp(0.0, 1.0)),
            Trouble::ThrottleLow => w.throttle_low = true,
            Trouble::NoTransmitter => w.throttle_low = false,
            Trouble::Reboot => self.reboot(),
        }
    }

    /// Moves the troubles on.
    pub(crate) fn suffer(&mut self, dt_s: f64) {
        let w = &mut self.troubles;
        if w.drag_mps != Vector3::zeros() {
            w.offset_m += w.drag_mps * dt_s;
        }
        let Some(lost_s) = &mut w.lost_s else { return };
        *lost_s += dt_s;
        if *lost_s >= POSITION_GIVEN_UP.as_secs_f64() && !w.blind && self.flight.armed {
            self.troubles.blind = true;
            if !self.body.on_ground {
                self.flight.failsafe = true;
                self.say(
                    S::MAV_SEVERITY_CRITICAL,
                    match self.kind {
                        AutopilotKind::ArduPilot => "EKF Failsafe: changed to LAND Mode",
                        AutopilotKind::Px4 => "Failsafe activated: position lost, descending",
                    },
                );
                self.set_mode(Mode::Land);
            }
        }
    }

    /// Without a position the aircraft is kept level: the wind has it.
    pub(crate) fn level(&self, demand: Demand) -> Demand {
        if !self.troubles.blind {
            return demand;
        }
        Demand {
            roll_rad: 0.0,
            pitch_rad: 0.0,
            ..demand
        }
    }

    fn reboot(&mut self) {
        self.disarm();
        self.boot_at = self.world_now();
        self.ready = false;
        self.last_gcs = None;
        self.gcs_seen_armed = false;
        self.streams = super::streams::Streams::new(self.kind);
        self.now = missions::time::Mono::ZERO;
        self.next_slow = missions::time::Mono::ZERO;
        self.flight = super::modes::Flight::new(self.kind);
        self.lists.forget_session();
    }
}
