//! The control loop: guard, flight, gate, preflight and reports, at 20 Hz and on every position.

mod drift;
mod logging;
pub mod pilot;

use crate::EyesProcess;
use crate::config::GuardSwitch;
use crate::core::Onboard;
use crate::eyes::schema::Down;
use crate::facts::Kind;
use crate::feed;
use crate::flight::drive::long;
use crate::flight::{Ask, Denied, FlightEvent};
use crate::gate::command::STREAMS;
use crate::preflight::{PreflightIn, Status};
use link::codes::Refusal;
use link::common::{self, MavCmd, MavMessage as Common, MavSeverity};
use link::control::{ControlReport, HandOver};
use link::orders::Arrived;
use link::patrol::PATROL_ORDER_DATA;
use link::state::{
    AutopilotWord, CauseWord, CheckStatus, EyesWord, FlightPhase, Order, OrderFate, OrderKind,
    PreflightReport, ResponseWord, StateReport, VerdictWord, anomaly_to_message,
};
use missions::fence::Verdict;
use missions::flight::{Cause, FlightState, Response};
use missions::time::Mono;
use pilot::{Pilot, Standing};
use std::time::Duration;

/// Heartbeats on the ground lines: 8 Hz, as the ground's own.
const KEEP_ALIVE: Duration = Duration::from_millis(125);
const HEARTBEAT: Duration = Duration::from_millis(1000);
/// State reports that carry news.
const NEWS: Duration = Duration::from_millis(100);
const STATE: Duration = Duration::from_millis(500);
/// Records sent in one turn while no ground is heard.
const UNHEARD: usize = 4;
/// Who has the aircraft.
const CONTROL: Duration = Duration::from_millis(1000);
/// So often in quick succession when that is news: a radio loses frames.
const CONTROL_NEWS: u8 = 3;
const PREFLIGHT: Duration = Duration::from_millis(500);
const STREAMS_AGAIN: Duration = Duration::from_secs(2);
/// A stream not heard for this long is asked for again.
const STREAM_SILENT: Duration = Duration::from_secs(4);
/// State reports in quick succession after the guard found something new.
const FOUND_NEWS: u8 = 2;
/// Higher than this above home motors that stop are a fall, metres.
const ALOFT_M: f64 = 3.0;
/// Added to a predicted impact's radius: position error and tumbling, metres.
const IMPACT_M: f64 = 10.0;
/// A damaged store is told so often, and so far apart.
const DAMAGE_SAID: u8 = 3;
const DAMAGE_AGAIN: Duration = Duration::from_secs(2);
/// On the ground the required parameters are read again this often.
const PARAMS_AGAIN: Duration = Duration::from_secs(15);

/// What of the findings is news when it changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    unknown: bool,
    response: Option<Response>,
    storage_ok: bool,
    no_fix: bool,
    aloft: bool,
    alarms: u32,
}

fn companion_heartbeat() -> Common {
    Common::HEARTBEAT(common::HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype: common::MavType::MAV_TYPE_ONBOARD_CONTROLLER,
        autopilot: common::MavAutopilot::MAV_AUTOPILOT_INVALID,
        base_mode: common::MavModeFlag::empty(),
        system_status: common::MavState::MAV_STATE_ACTIVE,
        mavlink_version: 3,
    })
}

impl Onboard {
    fn ground_silent(&self) -> Option<Duration> {
        self.ground_heard.map(|t| self.now.mono.since(t))
    }
    fn link_loss(&self) -> Duration {
        Duration::from_secs_f64(self.config.link_loss_s.clamp(0.5, 600.0))
    }

    /// Runs `f` with the pilot and what it flies by.
    fn with_pilot<T>(&mut self, f: impl FnOnce(&mut Pilot, &Standing<'_>) -> T) -> T {
        let guard_acts =
            self.config.guard == GuardSwitch::On || self.pilot.facts.simulated != Some(true);
        let s = Standing {
            now: self.now,
            guarded: self.gate.guarded(),
            flown: self.gate.flown(self.pilot.facts.armed),
            ground_silent: self.ground_heard.map(|t| self.now.mono.since(t)),
            link_loss: Duration::from_secs_f64(self.config.link_loss_s.clamp(0.5, 600.0)),
            guard_acts,
        };
        f(&mut self.pilot, &s)
    }

    pub(crate) fn control(&mut self) {
        let now = self.now.mono;
        self.wires.choose(now);
        self.say_guard_off();
        self.say_damage(now);
        self.with_pilot(Pilot::turn);
        while let Some(m) = self.with_pilot(Pilot::poll) {
            self.wires.autopilot(m);
        }
        self.flight_events();
        self.tell_findings(now);
        self.with_gate(|g, cx| g.tick(cx));
        self.watch_officers();
        self.keep_params(now);
        let alive = self.ground_silent().is_some_and(|s| s < self.link_loss());
        // While nobody is heard the air is left to who may be calling: nothing that is sent now can be receipted.
        let room = self.wires.record_room();
        let room = if alive { room } else { room.min(UNHEARD) };
        for a in self.outbox.due(self.now, room, alive) {
            let (store, a) = self.outbox.on_the_wire(&a);
            self.wires.patrol(anomaly_to_message(store, &a));
        }
        self.tell_eyes();
        self.tell_log();
        if self.pilot.facts.id.is_some() {
            self.reports(now);
        }
        for m in self
            .bulk
            .send(self.now, &self.outbox, alive, self.wires.bulk_room())
        {
            self.wires.patrol(m);
        }
    }

    fn watch_officers(&mut self) {
        let lost = self.ground_silent().is_none_or(|s| s > self.link_loss());
        let acts = self.with_gate(|g, cx| g.watch_officers(cx, lost));
        if acts {
            self.with_pilot(|p, s| p.with_flight(s, |f, w| f.no_officer(w)));
        }
        let stands = (
            self.gate.officers().hand_over(self.now.mono),
            self.with_gate(|g, cx| g.holder(cx)),
        );
        if stands.0 == HandOver::None {
            self.pilot.flight.officer_is_there();
        }
        // Whoever holds it, or nobody: said at once, not with the next report. Seconds left are no news.
        let news = (matches!(stands.0, HandOver::Alarm { .. }), stands.1);
        if self.control_said != Some(news) {
            self.control_said = Some(news);
            self.due.control = self.now.mono;
            self.due.control_news = CONTROL_NEWS;
        }
    }

    fn control_report(&mut self) -> ControlReport {
        let now = self.now.mono;
        let holder = self.with_gate(|g, cx| g.holder(cx));
        let (officer, before) = self.gate.officers().names();
        ControlReport {
            holder,
            hand_over: self.gate.officers().hand_over(now),
            officer: officer.to_owned(),
            before: before.to_owned(),
            refused: self.gate.refused_frames(),
            dropped: self.wires.not_believed(),
            lines: self.wires.line_reports(now),
            best_line: self.wires.best_line(now),
        }
    }

    /// A guard that only watches is a control run before our simulator; anything else keeps it, and hears why.
    fn say_guard_off(&mut self) {
        if self.config.guard == GuardSwitch::On
            || self.guard_off_said
            || self.gate.guarded().is_none()
        {
            return;
        }
        let Some(simulated) = self.pilot.facts.simulated else {
            return;
        };
        self.guard_off_said = true;
        let text = if simulated {
            "Patrol: guard OFF (simulator control run)"
        } else {
            "Patrol: guard stays ON: this is not our simulator"
        };
        self.wires.status(MavSeverity::MAV_SEVERITY_ALERT, text);
    }

    /// Whether the position is known, what the guard answers, whether records are kept: a change is news, and the officer
    /// must not wait for the next report.
    fn tell_findings(&mut self, now: Mono) {
        let found = self.pilot.finding;
        let found = Found {
            unknown: found.is_some_and(|f| matches!(f.verdict, Verdict::Unknown { .. })),
            response: found.map(|f| f.response),
            storage_ok: self.outbox.storage_ok() && self.gate.storage_ok(),
            no_fix: self.pilot.facts.airborne()
                && self.pilot.facts.gps.is_some_and(|g| !g.value.fix_3d),
            aloft: self.pilot.facts.airborne()
                && self
                    .pilot
                    .facts
                    .position
                    .is_some_and(|p| p.above_home_m > ALOFT_M),
            alarms: self.wires.alarms(),
        };
        if self.found_said.is_some_and(|f| f.aloft) && !self.pilot.facts.armed {
            self.motors_off();
        }
        if found.no_fix && self.found_said.is_some_and(|f| !f.no_fix) {
            self.wires.status(
                MavSeverity::MAV_SEVERITY_ALERT,
                "Patrol: satellites lost aloft: it will come down and drift with the wind",
            );
            self.say_drift(now);
        }
        if self.found_said != Some(found) {
            self.found_said = Some(found);
            self.due.news = self.due.news.max(FOUND_NEWS);
            self.due.state = now;
        }
    }

    /// Satellites are lost: where it comes down.
    fn say_drift(&mut self, now: Mono) {
        /// Wind that was told longer ago counts as not told.
        const WIND_HOLDS: Duration = Duration::from_secs(10);
        let facts = &self.pilot.facts;
        let Some(p) = facts.position else { return };
        let [north, east, _] = p.vel_ned;
        let (middle, radius_m) = drift::area(&drift::Before {
            above_home_m: p.above_home_m,
            velocity_mps: [north, east],
            wind_mps: facts
                .wind_ne_mps
                .filter(|w| now.since(w.at) <= WIND_HOLDS)
                .map(|w| w.value),
            most_wind_mps: self.config.max_wind_mps,
            descend_mps: self
                .gate
                .guarded()
                .map_or(1.0, |j| j.plan.file().vehicle.descend_mps),
        });
        if let Some(at) = missions::plane::LocalPlane::new(p.at).to_latlon(middle) {
            let (lat, lon) = (at.lat_deg(), at.lon_deg());
            self.wires.status(
                MavSeverity::MAV_SEVERITY_ALERT,
                &format!("Patrol: drift {lat:.5},{lon:.5} +-{radius_m:.0} m"),
            );
        }
    }

    /// The motors stopped aloft, by a reboot or otherwise: where it was, and where it comes down. Between straight down and
    /// a throw without drag, and as far as the wind takes it meanwhile.
    fn motors_off(&mut self) {
        const GRAVITY_MPS2: f64 = 9.81;
        let Some(p) = self.pilot.facts.position else {
            return;
        };
        let fall_s = (2.0 * p.above_home_m.max(0.0) / GRAVITY_MPS2).sqrt();
        let [n, e, _] = p.vel_ned;
        let thrown_m = n.hypot(e) * fall_s;
        let wind_mps = self.pilot.facts.wind_mps.map_or(0.0, |w| w.value);
        let radius_m = thrown_m / 2.0 + wind_mps * fall_s + IMPACT_M;
        let plane = missions::plane::LocalPlane::new(p.at);
        let middle = plane.to_latlon(missions::plane::EastNorth::new(
            e * fall_s / 2.0,
            n * fall_s / 2.0,
        ));
        let at = |p: missions::place::LatLon| format!("{:.5},{:.5}", p.lat_deg(), p.lon_deg());
        self.wires.status(
            MavSeverity::MAV_SEVERITY_EMERGENCY,
            &format!("Patrol: MOTORS OFF at {} {:.0} m", at(p.at), p.above_home_m),
        );
        if let Some(middle) = middle {
            self.wires.status(
                MavSeverity::MAV_SEVERITY_EMERGENCY,
                &format!("Patrol: impact {} +-{radius_m:.0} m", at(middle)),
            );
        }
    }

    /// A store with a bad place in it is told to the ground, more than once: a radio loses words.
    fn say_damage(&mut self, now: Mono) {
        let (damaged, torn) = (self.outbox.damaged_bytes(), self.outbox.torn_bytes());
        let (said, due) = self.damage_said;
        let heard = self.ground_silent().is_some_and(|s| s < self.link_loss());
        if damaged + torn == 0 || said >= DAMAGE_SAID || now < due || !heard {
            return;
        }
        self.damage_said = (said + 1, now.after(DAMAGE_AGAIN));
        if damaged > 0 {
            self.wires.status(
                MavSeverity::MAV_SEVERITY_CRITICAL,
                &format!("Patrol: record store damaged, {damaged} bytes"),
            );
        } else {
            self.wires.status(
                MavSeverity::MAV_SEVERITY_WARNING,
                &format!("Patrol: unfinished record cut off, {torn} bytes"),
            );
        }
    }

    fn endurance_s(&self) -> Option<f64> {
        self.pilot.endurance_s(self.gate.guarded())
    }

    fn flight_events(&mut self) {
        while let Some(e) = self.pilot.flight.event() {
            match e {
                FlightEvent::Status(severity, text) => self.wires.status(severity, &text),
                FlightEvent::Order(o) => {
                    let fate = match o.failed {
                        None => OrderFate::Done,
                        Some(d) => OrderFate::Failed {
                            why: Some(refusal(d)),
                        },
                    };
                    if let Some(from) = self.order_from.remove(&o.order) {
                        self.orders.set_fate(from, o.order, fate, None);
                    }
                    self.wires.patrol(fate.to_message(o.order, None));
                }
            }
        }
    }

    /// An order of an officer's.
    pub(crate) fn order(&mut self, from: (u8, u8), d: &PATROL_ORDER_DATA) {
        let Some(order) = Order::from_data(d) else {
            self.wires.patrol(
                OrderFate::Refused {
                    why: Some(Refusal::NotAllowed),
                }
                .to_message(d.order_id, None),
            );
            return;
        };
        match self.orders.arrived(self.now.mono, from, order) {
            Arrived::New(order) => {
                let (fate, value) = match self.carry_out(order) {
                    Ok(fate) => (fate, None),
                    Err((why, value)) => (OrderFate::Refused { why: Some(why) }, value),
                };
                self.orders.set_fate(from, order.id, fate, value);
                if !fate.is_final() {
                    if self.order_from.len() > 64 {
                        self.order_from.pop_first();
                    }
                    self.order_from.insert(order.id, from);
                }
                self.wires.patrol(fate.to_message(order.id, value));
                // What the order set in motion goes out now, not at the next turn of the loop.
                self.due.tick = self.now.mono;
            }
            Arrived::Again(fate, value) => self.wires.patrol(fate.to_message(order.id, value)),
            Arrived::Overtaken => self.wires.patrol(
                OrderFate::Refused {
                    why: Some(Refusal::Expired),
                }
                .to_message(order.id, None),
            ),
            Arrived::Expired => self
                .wires
                .patrol(OrderFate::Expired.to_message(order.id, None)),
        }
    }

    fn carry_out(&mut self, order: Order) -> Result<OrderFate, (Refusal, Option<f64>)> {
        let ask = match order.kind {
            OrderKind::Preflight => {
                self.compute_preflight();
                self.send_preflight();
                return Ok(OrderFate::Done);
            }
            OrderKind::Launch { plan_id, token } => {
                self.launch_allowed(plan_id, token)?;
                Ask::Launch
            }
            OrderKind::Hold => Ask::Hold,
            OrderKind::Resume => Ask::Resume,
            OrderKind::Return => Ask::Return,
            OrderKind::LandAt { at } => Ask::LandAt(at),
            OrderKind::Look { at, above_home_m } => Ask::Look { at, above_home_m },
        };
        self.with_pilot(|p, s| p.order(s, order.id, ask))
            .map_err(|(d, v)| (refusal(d), v))?;
        Ok(OrderFate::Accepted)
    }

    fn launch_allowed(&mut self, plan_id: u64, token: u32) -> Result<(), (Refusal, Option<f64>)> {
        if self.pilot.facts.armed {
            return Err((Refusal::Airborne, None));
        }
        let Some(j) = self.gate.flown(false) else {
            return Err((Refusal::NotOnAircraft, None));
        };
        if j.id != plan_id {
            return Err((Refusal::PlanDiffers, None));
        }
        if !self.preflight.knows(self.now.mono, token) {
            return Err((Refusal::Token, None));
        }
        self.compute_preflight();
        if let Some(code) = self.preflight.blocked_by() {
            let n = crate::preflight::CODES.iter().position(|c| *c == code);
            return Err((Refusal::Preflight, n.map(|n| n as f64)));
        }
        if self.preflight.redeem(self.now.mono, token) {
            Ok(())
        } else {
            Err((Refusal::Token, None))
        }
    }

    fn keep_params(&mut self, now: Mono) {
        let (Some(kind), Some(id)) = (self.pilot.facts.kind, self.pilot.facts.id) else {
            return;
        };
        if !self.pilot.facts.armed {
            let again = now >= self.due.params;
            if again {
                self.due.params = now.after(PARAMS_AGAIN);
            }
            for r in self.gate.requirements(kind) {
                match self.params.get(r.name) {
                    // The plan decides these: set here, on the local line, and verified by what is read back.
                    Some(v) if !r.want.met_by(v) && !self.params.is_absent(r.name) => {
                        if self.params.is_set_pending(r.name) {
                            continue;
                        }
                        self.wires.status(
                            MavSeverity::MAV_SEVERITY_INFO,
                            &format!("Patrol: sets {} {} -> {}", r.name, v, r.want.value()),
                        );
                        self.params.set(r.name, r.want.value());
                    }
                    Some(_) if again => self.params.read(r.name),
                    None if !self.params.is_absent(r.name) => self.params.read(r.name),
                    _ => {}
                }
            }
        }
        while let Some(m) = self.params.poll(now, kind, id) {
            self.wires.autopilot(m);
        }
    }

    fn tell_eyes(&mut self) {
        let plan = self.gate.guarded().map(|j| &j.plan);
        let own = self.pilot.facts.id.map(|(s, _)| s);
        let key = (plan.map_or(0, missions::plan::PatrolPlan::id), own);
        if self.eyes_told != Some(key) {
            let down = feed::configure(&self.config.eyes_rules, plan, own);
            self.eyes_told = Some(key);
            self.wires.eyes(down);
            let uas_id = self.config.own_remote_id.trim();
            if !uas_id.is_empty() {
                let uas_id = uas_id.to_owned();
                self.wires.eyes(Down::OwnRemoteId { uas_id });
            }
        }
    }

    fn compute_preflight(&mut self) {
        let required = self
            .pilot
            .facts
            .kind
            .map(|k| self.gate.requirements(k))
            .unwrap_or_default();
        let input = PreflightIn {
            now: self.now,
            config: &self.config,
            facts: &self.pilot.facts,
            params: &self.params,
            required: &required,
            plan: self.gate.flown(false).map(|j| &j.plan),
            ground_silent: self.ground_heard.map(|t| self.now.mono.since(t)),
            storage_ok: self.outbox.storage_ok() && self.gate.storage_ok(),
        };
        self.preflight.compute(&input);
    }

    fn send_preflight(&mut self) {
        let token = self.preflight.token(self.now.mono);
        let checks = self.preflight.checks().map(|c| {
            let status = match c.status {
                Status::Unknown => CheckStatus::Unknown,
                Status::Pass => CheckStatus::Pass,
                Status::Fail => CheckStatus::Fail,
            };
            (status, c.value)
        });
        let report = PreflightReport {
            token: (token != 0).then_some(token),
            checks,
        };
        self.wires.patrol(report.to_message());
    }

    fn reports(&mut self, now: Mono) {
        if now >= self.due.keep_alive {
            // Also where the autopilot says nothing the ground must be able to tell a dead link from bad luck.
            self.due.keep_alive = self.due.keep_alive.after(KEEP_ALIVE).max(now);
            if now < self.due.heartbeat {
                self.wires.grounds(companion_heartbeat());
            }
        }
        if now >= self.due.heartbeat {
            self.due.heartbeat = now.after(HEARTBEAT);
            let beat = companion_heartbeat();
            self.wires.autopilot(beat.clone());
            self.wires.grounds(beat);
            self.wires.station_heartbeat();
        }
        if now >= self.due.streams {
            self.due.streams = now.after(STREAMS_AGAIN);
            self.ask_streams(now);
        }
        if now >= self.due.preflight && !self.pilot.facts.armed {
            self.due.preflight = now.after(PREFLIGHT);
            self.compute_preflight();
            self.send_preflight();
        }
        if now >= self.due.control {
            let soon = self.due.control_news > 0;
            self.due.control_news = self.due.control_news.saturating_sub(1);
            self.due.control = now.after(if soon { NEWS } else { CONTROL });
            let report = self.control_report();
            self.wires.patrol(report.to_message());
        }
        if now >= self.due.state {
            let soon = self.due.news > 0;
            self.due.news = self.due.news.saturating_sub(1);
            self.due.state = now.after(if soon { NEWS } else { STATE });
            let report = self.report();
            self.wires.patrol(report.to_message());
        }
    }

    fn ask_streams(&mut self, now: Mono) {
        let (Some(id), Some(kind)) = (self.pilot.facts.id, self.pilot.facts.kind) else {
            return;
        };
        if kind == Kind::Other {
            return;
        }
        for (msg, interval_us) in STREAMS {
            // Slower than the bounds of battery and landing allow counts as silent: PX4 tells its battery once a second.
            let wanted = Duration::from_micros(u64::try_from(interval_us).unwrap_or(0));
            let silent = self.heard.get(&msg).is_none_or(|(at, gap)| {
                now.since(*at) > STREAM_SILENT || *gap > wanted + wanted / 2
            });
            if silent {
                self.wires.autopilot(long(
                    MavCmd::MAV_CMD_SET_MESSAGE_INTERVAL,
                    [msg as f32, interval_us as f32, 0.0, 0.0, 0.0, 0.0, 0.0],
                    id,
                    0,
                ));
            }
        }
        let ask = |n: f32| {
            long(
                MavCmd::MAV_CMD_REQUEST_MESSAGE,
                [n, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                id,
                0,
            )
        };
        if self.pilot.facts.simulated.is_none() {
            self.wires.autopilot(ask(148.0));
        }
        if self.pilot.facts.home.is_none() {
            self.wires.autopilot(ask(242.0));
        }
    }

    fn report(&mut self) -> StateReport {
        let state = self.pilot.flight.state();
        let (phase, item) = match state {
            FlightState::Boot => (FlightPhase::Boot, None),
            FlightState::Recovering { .. } => (FlightPhase::Recovering, None),
            FlightState::Grounded => (FlightPhase::Grounded, None),
            FlightState::Ready => (FlightPhase::Ready, None),
            FlightState::TakingOff => (FlightPhase::TakingOff, None),
            FlightState::Patrolling { item } => (FlightPhase::Patrolling, Some(item)),
            FlightState::Investigating { resume_item, .. } => {
                (FlightPhase::Investigating, Some(resume_item))
            }
            FlightState::Holding { resume_item, .. } => (FlightPhase::Holding, Some(resume_item)),
            FlightState::Returning { .. } => (FlightPhase::Returning, None),
            FlightState::Landing { .. } => (FlightPhase::Landing, None),
            FlightState::Manual { .. } => (FlightPhase::Manual, None),
        };
        let found = self.pilot.finding;
        let cause = self
            .pilot
            .flight
            .cause()
            .or(found.and_then(|f| f.cause))
            .map_or(CauseWord::None, |c| match c {
                Cause::Officer => CauseWord::Officer,
                Cause::Fence => CauseWord::Fence,
                Cause::LinkLoss => CauseWord::LinkLoss,
                Cause::Battery => CauseWord::Battery,
                Cause::Position => CauseWord::Position,
                Cause::Autopilot => CauseWord::Autopilot,
                Cause::PlanComplete => CauseWord::PlanComplete,
                Cause::NoOfficer => CauseWord::NoOfficer,
            });
        let shown = self.gate.guarded();
        StateReport {
            plan_id: shown.map(|j| j.id).filter(|id| *id != 0),
            store_id: self.outbox.store_id(),
            time_boot_ms: u32::try_from(self.now.mono.0 / 1000).unwrap_or(u32::MAX),
            margin_m: found.and_then(|f| f.margin_m),
            last_anomaly: self.outbox.last_number(),
            order_id: self.pilot.flight.order(),
            refused_frames: self
                .gate
                .refused_frames()
                .saturating_add(self.wires.not_believed()),
            pending: u16::try_from(self.outbox.pending()).unwrap_or(u16::MAX),
            endurance_s: self
                .endurance_s()
                .filter(|_| self.pilot.facts.armed)
                .map(|s| s.clamp(0.0, 65_000.0) as u16),
            item,
            phase,
            in_charge: self.with_pilot(|p, s| p.with_flight(s, |f, w| f.in_charge(w))),
            plan_state: self.gate.plan_state(),
            verdict: found.map_or(VerdictWord::NotKnown, |f| match f.verdict {
                Verdict::Inside { .. } => VerdictWord::Inside,
                Verdict::Near { .. } => VerdictWord::Near,
                Verdict::Outside { .. } => VerdictWord::Outside,
                Verdict::Unknown { .. } => VerdictWord::NotKnown,
            }),
            response: found.map_or(ResponseWord::Continue, |f| match f.response {
                Response::Continue => ResponseWord::Continue,
                Response::Warn => ResponseWord::Warn,
                Response::Hold => ResponseWord::Hold,
                Response::Return => ResponseWord::Return,
                Response::LandHere => ResponseWord::LandHere,
            }),
            cause,
            autopilot: match self.pilot.facts.kind {
                None => AutopilotWord::None,
                Some(Kind::Px4) => AutopilotWord::Px4,
                Some(Kind::ArduPilot) => AutopilotWord::ArduPilot,
                Some(Kind::Other) => AutopilotWord::Other,
            },
            eyes: match self.eyes {
                EyesProcess::Off => EyesWord::Off,
                EyesProcess::Running => EyesWord::Running,
                EyesProcess::Restarting => EyesWord::Restarting,
                EyesProcess::Failed => EyesWord::Failed,
            },
            storage_ok: self.outbox.storage_ok() && self.gate.storage_ok(),
            simulated: self.pilot.facts.simulated == Some(true),
        }
    }
}

/// The stable number of a denial.
fn refusal(d: Denied) -> Refusal {
    match d {
        Denied::NoPlan => Refusal::NotOnAircraft,
        Denied::NotAirborne | Denied::NotHolding => Refusal::WrongState,
        Denied::Airborne => Refusal::Airborne,
        Denied::SafetyPilotFlies => Refusal::SafetyPilot,
        Denied::FailsafeFlies => Refusal::WrongState,
        Denied::SiteUnknown => Refusal::LandingSite,
        Denied::PlaceOutside => Refusal::TargetOutside,
        Denied::NoWay => Refusal::NoWay,
        Denied::NotReady => Refusal::NoPosition,
        Denied::AutopilotRefused => Refusal::AutopilotRefused,
        Denied::Busy => Refusal::Busy,
    }
}
