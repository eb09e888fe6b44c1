//! What flies: facts, guard, battery and flight as one core without a wire, a disk or a report.
//!
//! [`crate::Onboard`] puts it between its lines; a containment campaign drives the very same core without encoding.
//! Never knows where a message came from or goes to.

use crate::energy::endurance;
use crate::facts::Facts;
use crate::flight::{Ask, Denied, Flight, World};
use crate::gate::Judged;
use crate::guard::{Finding, Guard, GuardIn};
use link::common::MavMessage as Common;
use missions::flight::{FlightState, Response};
use missions::time::{Mono, Now};
use std::time::Duration;

/// The battery must be short for this long before it decides.
const BATTERY_SURE: Duration = Duration::from_secs(1);

/// What the pilot flies by in this turn.
#[derive(Clone, Copy)]
pub struct Standing<'a> {
    /// Time; UTC from the aircraft where it has it.
    pub now: Now,
    /// The plan whose fence is in force.
    pub guarded: Option<&'a Judged>,
    /// The plan that may be flown: read back equal.
    pub flown: Option<&'a Judged>,
    /// How long the ground has been silent; `None`: never heard.
    pub ground_silent: Option<Duration>,
    /// Ground silent for longer than this is link loss.
    pub link_loss: Duration,
    /// The guard acts; otherwise it only watches (a control run before our simulator).
    pub guard_acts: bool,
}

/// Facts, guard, battery, flight.
#[derive(Clone, Debug, Default)]
pub struct Pilot {
    /// What the autopilot said.
    pub facts: Facts,
    /// The state machine.
    pub flight: Flight,
    /// The guard.
    pub guard: Guard,
    /// What the guard found last.
    pub finding: Option<Finding>,
    battery_low_since: Option<Mono>,
}

impl Pilot {
    /// Runs `f` with the flight and what it looks at.
    pub fn with_flight<T>(
        &mut self,
        s: &Standing<'_>,
        f: impl FnOnce(&mut Flight, &World<'_>) -> T,
    ) -> T {
        let item_of_seq = |seq| s.flown.and_then(|j| j.item_of_seq(seq));
        let battery_needed = self
            .battery_low_since
            .is_some_and(|t| s.now.mono.since(t) >= BATTERY_SURE);
        let w = World {
            now: s.now,
            facts: &self.facts,
            plan: s.flown.map(|j| &j.plan),
            item_of_seq: &item_of_seq,
            ground_silent: s.ground_silent,
            link_loss: s.link_loss,
            battery_needed,
        };
        f(&mut self.flight, &w)
    }

    /// One turn of the control loop: guard, battery, flight. Call at 10 Hz or more and on every position; then drain
    /// [`Pilot::poll`].
    pub fn turn(&mut self, s: &Standing<'_>) {
        self.look_out(s);
        self.watch_battery(s);
        let found = self.finding;
        self.with_flight(s, |f, w| {
            f.tick(w, found.as_ref());
            f.settle(w);
        });
    }

    /// The next command for the autopilot.
    pub fn poll(&mut self, s: &Standing<'_>) -> Option<Common> {
        self.with_flight(s, |f, w| f.poll_command(w))
    }

    /// An order of an officer's.
    ///
    /// # Errors
    /// Why it is not carried out.
    pub fn order(
        &mut self,
        s: &Standing<'_>,
        order: u32,
        ask: Ask,
    ) -> Result<(), (Denied, Option<f64>)> {
        self.with_flight(s, |f, w| f.take(w, order, ask))
    }

    fn look_out(&mut self, s: &Standing<'_>) {
        let Some(j) = s.guarded else {
            self.finding = None;
            return;
        };
        let state = self.flight.state();
        let input = GuardIn {
            now: s.now,
            fence: j.plan.fence(),
            spec: &j.plan.file().vehicle,
            position: self.facts.position,
            position_error_m: self.facts.position_error_m(s.now.mono),
            mode: self.facts.mode,
            airborne: self.facts.airborne(),
            landing: matches!(
                state,
                FlightState::Landing { .. }
                    | FlightState::Returning { .. }
                    | FlightState::TakingOff
            ),
            safety_pilot: matches!(state, FlightState::Manual { .. }),
        };
        let mut found = self.guard.look(&input);
        if !s.guard_acts {
            found.response = Response::Continue;
            found.cause = None;
        }
        self.finding = Some(found);
    }

    /// Seconds until the way home must begin; `None`: not known.
    #[must_use]
    pub fn endurance_s(&self, guarded: Option<&Judged>) -> Option<f64> {
        let e = endurance(
            &guarded?.plan,
            &self.facts.position?,
            self.facts.charge_pct()?,
        );
        e.seconds.is_finite().then_some(e.seconds)
    }

    fn watch_battery(&mut self, s: &Standing<'_>) {
        let short = self.facts.airborne() && self.endurance_s(s.guarded).is_some_and(|s| s <= 0.0);
        if short {
            self.battery_low_since.get_or_insert(s.now.mono);
        } else {
            self.battery_low_since = None;
        }
    }
}
