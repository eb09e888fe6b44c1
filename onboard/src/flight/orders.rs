//! An officer's orders: what may be done now, and how.

use super::{Flight, FlightState, Goal, Then, World};
use crate::facts::Mode;
use missions::fence::Leg;
use missions::flight::{Cause, InCharge};
use missions::place::{Alt, LatLon};
use missions::venue::Venue;

/// A landing order must name a place this near to a site of the plan, metres.
const SITE_M: f64 = 15.0;

/// What an officer asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask {
    /// Fly the plan. Plan, token and preflight were checked before.
    Launch,
    /// Stop and hover.
    Hold,
    /// Go on with the plan.
    Resume,
    /// Go home.
    Return,
    /// Land at a site.
    LandAt(LatLon),
    /// Look at a place, then go on.
    Look {
        /// Where.
        at: LatLon,
        /// Height above home; `None`: as now.
        above_home_m: Option<f64>,
    },
}

/// Why an order is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No plan on the aircraft.
    NoPlan,
    /// Nothing to hold, resume or return on the ground.
    NotAirborne,
    /// In the air already.
    Airborne,
    /// Nothing to resume.
    NotHolding,
    /// The safety pilot flies.
    SafetyPilotFlies,
    /// The autopilot's failsafe flies.
    FailsafeFlies,
    /// No such site in the plan.
    SiteUnknown,
    /// The place is outside, or too near to the edge.
    PlaceOutside,
    /// No way there inside the fence.
    NoWay,
    /// Position unknown.
    NotReady,
    /// Autopilot refused.
    AutopilotRefused,
    /// A launch is under way.
    Busy,
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderEvent {
    /// Number.
    pub order: u32,
    /// `None`: done.
    pub failed: Option<Denied>,
}

impl OrderEvent {
    pub(super) fn done(order: u32) -> Self {
        OrderEvent {
            order,
            failed: None,
        }
    }
    pub(super) fn failed(order: u32, why: Denied) -> Self {
        OrderEvent {
            order,
            failed: Some(why),
        }
    }
}

impl Flight {
    /// Takes an order.
    ///
    /// # Errors
    /// Why it is not carried out; then nothing changed. The figure is metres, where there is one.
    pub fn take(
        &mut self,
        w: &World<'_>,
        order: u32,
        ask: Ask,
    ) -> Result<(), (Denied, Option<f64>)> {
        let no = |d| Err((d, None));
        if ask == Ask::Launch {
            if w.facts.armed || self.step.is_some() {
                return no(Denied::Airborne);
            }
            if w.plan.is_none() {
                return no(Denied::NoPlan);
            }
            self.begin(order);
            self.launch(w);
            return Ok(());
        }
        if !w.facts.airborne() {
            if ask == Ask::Hold && self.step.is_some() {
                // Stopping a launch on the ground is always possible.
                self.begin(order);
                self.abort_launch(w, Denied::AutopilotRefused);
                return Ok(());
            }
            return no(Denied::NotAirborne);
        }
        if matches!(self.state, FlightState::Manual { .. }) {
            return no(Denied::SafetyPilotFlies);
        }
        match ask {
            Ask::Launch => {}
            Ask::Hold => {
                self.begin(order);
                self.hold(w, Cause::Officer);
            }
            Ask::Return => {
                self.begin(order);
                self.go_home(w, Cause::Officer);
            }
            Ask::Resume => {
                if !matches!(
                    self.state,
                    FlightState::Holding { .. } | FlightState::Investigating { .. }
                ) {
                    return no(Denied::NotHolding);
                }
                if w.plan.is_none() {
                    return no(Denied::NoPlan);
                }
                self.begin(order);
                self.go_on(w);
            }
            Ask::LandAt(site) => {
                let plan = w.plan.ok_or((Denied::NoPlan, None))?;
                let p = w.position().ok_or((Denied::NotReady, None))?;
                let plane = plan.fence().plane();
                let known = Venue::from_value(&plan.file().venue)
                    .map(|v| v.landing_sites())
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(_, at)| at)
                    .chain([plan.file().home.at])
                    .chain(plan.file().rally.iter().copied())
                    .find(|s| plane.to_local(*s).distance_m(plane.to_local(site)) < SITE_M)
                    .ok_or((Denied::SiteUnknown, None))?;
                let points = self
                    .route(w, p.at, known, p.alt_amsl_m)
                    .ok_or((Denied::NoWay, None))?;
                self.begin(order);
                self.step = None;
                self.state = FlightState::Landing {
                    why: Cause::Officer,
                };
                self.other_station = false;
                self.start_way(w, points, Then::Land);
            }
            Ask::Look { at, above_home_m } => self.look(w, order, at, above_home_m)?,
        }
        Ok(())
    }

    fn begin(&mut self, order: u32) {
        if let Some(old) = self.order.replace(order)
            && old != order
        {
            // A newer order takes the older one's place.
            self.fate(OrderEvent::failed(old, Denied::Busy));
        }
        self.return_at = None;
    }

    fn look(
        &mut self,
        w: &World<'_>,
        order: u32,
        at: LatLon,
        above_home_m: Option<f64>,
    ) -> Result<(), (Denied, Option<f64>)> {
        let plan = w.plan.ok_or((Denied::NoPlan, None))?;
        if matches!(
            self.state,
            FlightState::Returning { .. } | FlightState::Landing { .. }
        ) || self.in_charge(w) == InCharge::AutopilotFailsafe
        {
            return Err((Denied::FailsafeFlies, None));
        }
        if self.step.is_some() {
            return Err((Denied::Busy, None));
        }
        let p = w.position().ok_or((Denied::NotReady, None))?;
        let amsl = match above_home_m {
            Some(h) => h + plan.file().home.alt.metres(),
            None => p.alt_amsl_m,
        };
        let alt = Alt::from_metres(amsl).map_err(|_| (Denied::PlaceOutside, None))?;
        let stay = Leg {
            from: at,
            from_alt: alt,
            to: at,
            to_alt: alt,
        };
        plan.fence()
            .contain(&stay, plan.margin_m(), self.soon(w))
            .map_err(|f| (Denied::PlaceOutside, Some(f.by_m)))?;
        // First the height on the spot, then the way at that height: both proven.
        let from_alt = Alt::from_metres(p.alt_amsl_m).map_err(|_| (Denied::NotReady, None))?;
        let climb = Leg {
            from: p.at,
            from_alt,
            to: p.at,
            to_alt: alt,
        };
        plan.fence()
            .contain(&climb, plan.file().vehicle.margin_m(0.0), self.soon(w))
            .map_err(|f| (Denied::NoWay, Some(f.by_m)))?;
        let mut points = self.route(w, p.at, at, amsl).ok_or((Denied::NoWay, None))?;
        if (amsl - p.alt_amsl_m).abs() > 1.0 {
            points.insert(
                0,
                super::Point {
                    at: p.at,
                    alt_amsl_m: amsl,
                },
            );
        }
        self.keep_resume(w);
        let resume_item = match self.state {
            FlightState::Holding { resume_item, .. }
            | FlightState::Investigating { resume_item, .. } => resume_item,
            _ => self.item(w),
        };
        self.begin(order);
        self.state = FlightState::Investigating {
            order,
            at,
            resume_item,
        };
        self.start_way(w, points, Then::Look { until: None });
        Ok(())
    }

    /// Orders that end with what the vehicle shows: hold stands still, return is under way.
    pub(crate) fn settle(&mut self, w: &World<'_>) {
        let Some(order) = self.order else { return };
        let done = match self.state {
            FlightState::Holding { .. } => {
                w.facts.mode() == Some(Mode::Hold)
                    && w.position().is_some_and(|p| p.speed_mps() < 0.5)
            }
            FlightState::Returning { .. } => {
                self.drive.goal() == Some(Goal::Mode(Mode::Return))
                    && w.facts.mode() == Some(Mode::Return)
            }
            _ => false,
        };
        if done {
            self.order = None;
            self.fate(OrderEvent::done(order));
        }
    }
}
