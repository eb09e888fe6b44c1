//! The control run: somebody with a wire of his own to the autopilot exchanges the plan in flight for one that leaves
//! the fence, and takes the autopilot's own fence away.
//!
//! With the guard off nothing stops the aircraft, and the oracle must say that it escaped: a judge that never condemns
//! proves nothing. Only for our simulator: it needs [`super::Rig`].

use super::rig::Rig;
use link::{
    common::{self, MavCmd, MavMessage, MavParamType},
    frame::{Framer, Stamper},
    items::{ListKind, WireItem, cmd, plan_items},
    state::FlightPhase,
    transfer::{Progress, Uploader},
};
use missions::{plan::PatrolPlan, plane::EastNorth, time::Mono};
use sim::autopilot::AutopilotKind;
use std::time::Duration;

/// How far outside the boundary the exchanged plan goes, metres.
const OUTSIDE_M: f64 = 120.0;
/// The exchange begins when this waypoint of the plan is flown to.
const FROM_ITEM: u16 = 2;
/// The autopilot of the simulator.
const AUTOPILOT: (u8, u8) = (1, 1);

#[derive(Debug)]
enum Step {
    Waits,
    TakesFence(Box<Uploader>),
    Exchanges(Box<Uploader>),
    Done,
    Failed(String),
}

/// The saboteur.
pub struct Saboteur {
    kind: AutopilotKind,
    plan: PatrolPlan,
    stamper: Stamper,
    framer: Framer,
    step: Step,
    current: u16,
    next: Mono,
}

impl Saboteur {
    /// Waits for the aircraft to fly this plan.
    #[must_use]
    pub fn new(kind: AutopilotKind, plan: PatrolPlan) -> Self {
        Saboteur {
            kind,
            plan,
            stamper: Stamper::new(252, 190),
            framer: Framer::new(),
            step: Step::Waits,
            current: 0,
            next: Mono::ZERO,
        }
    }

    /// Why it came to nothing, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        match &self.step {
            Step::Failed(why) => Some(format!("the sabotage failed: {why}")),
            Step::Done => None,
            _ => Some("the sabotage never came to an end".into()),
        }
    }

    /// Time passes.
    pub fn look(&mut self, rig: &mut Rig) {
        let now = rig.now();
        let heard = rig.tap();
        self.framer.push(now.mono, &heard);
        let mut frames = Vec::new();
        while let Some(f) = self.framer.next_frame() {
            frames.push(f);
        }
        let mut out: Vec<MavMessage> = Vec::new();
        let mut turn = None;
        match &mut self.step {
            Step::Waits => {
                let patrols = rig.desk().aircraft(1).is_some_and(|a| {
                    a.state.is_some_and(|(s, _)| {
                        s.phase == FlightPhase::Patrolling && s.item.is_some_and(|i| i >= FROM_ITEM)
                    })
                });
                if patrols {
                    self.current = rig
                        .desk()
                        .aircraft(1)
                        .and_then(|a| a.telemetry.mission_current)
                        .map_or(3, |m| m.0);
                    out.extend(self.fence_off());
                    turn = Some(Step::TakesFence(Box::new(Uploader::new(
                        ListKind::Fence,
                        Vec::new(),
                        AUTOPILOT,
                    ))));
                }
            }
            Step::TakesFence(up) | Step::Exchanges(up) => {
                for f in &frames {
                    up.handle(now, &f.decode());
                }
                if up.next_wakeup().is_some_and(|t| t <= now.mono) {
                    up.tick(now);
                }
                while let Some(m) = up.poll() {
                    out.push(m);
                }
                let kind = up.kind();
                turn = match (up.progress().clone(), kind) {
                    (Progress::Running { .. }, _) => None,
                    (Progress::Done | Progress::Unsure, ListKind::Mission) => {
                        out.extend(self.fly_on());
                        Some(Step::Done)
                    }
                    (Progress::Done | Progress::Unsure, _) => Some(Step::Exchanges(Box::new(
                        Uploader::new(ListKind::Mission, self.bad_items(), AUTOPILOT),
                    ))),
                    (p, k) => Some(Step::Failed(format!("{k:?}: {p:?}"))),
                };
            }
            Step::Done | Step::Failed(_) => {}
        }
        if let Some(step) = turn {
            self.step = step;
            self.next = now.mono.after(Duration::from_millis(20));
        }
        for m in out {
            let bytes = self.stamper.frame(m).bytes().to_vec();
            rig.past_the_companion(&bytes);
        }
    }

    /// The plan's own items, with everything from the next place on moved out of the boundary.
    fn bad_items(&self) -> Vec<WireItem> {
        let plane = self.plan.fence().plane();
        let north_m = self
            .plan
            .fence()
            .boundary()
            .vertices()
            .iter()
            .map(|p| p.north_m)
            .fold(f64::NEG_INFINITY, f64::max);
        let mut items = plan_items(&self.plan, self.kind.dialect());
        for (seq, item) in items.iter_mut().enumerate() {
            if item.command != cmd::WAYPOINT || seq < usize::from(self.current) || seq == 0 {
                continue;
            }
            let Some(at) = item.at() else { continue };
            let east_m = plane.to_local(at).east_m;
            if let Some(out) = plane.to_latlon(EastNorth::new(east_m, north_m + OUTSIDE_M)) {
                (item.x, item.y) = (out.lat_e7(), out.lon_e7());
            }
        }
        items
    }

    /// The autopilot's own switches.
    fn fence_off(&self) -> Vec<MavMessage> {
        let names: &[&str] = match self.kind {
            AutopilotKind::Px4 => &["GF_ACTION"],
            AutopilotKind::ArduPilot => &["FENCE_ENABLE"],
        };
        let param_type = match self.kind {
            AutopilotKind::Px4 => MavParamType::MAV_PARAM_TYPE_INT32,
            AutopilotKind::ArduPilot => MavParamType::MAV_PARAM_TYPE_INT8,
        };
        let mut out: Vec<MavMessage> = names
            .iter()
            .map(|name| {
                MavMessage::PARAM_SET(common::PARAM_SET_DATA {
                    // Zero is the same bits as an integer and as a float.
                    param_value: 0.0,
                    target_system: AUTOPILOT.0,
                    target_component: AUTOPILOT.1,
                    param_id: (*name).into(),
                    param_type,
                })
            })
            .collect();
        out.push(self.long(MavCmd::MAV_CMD_DO_FENCE_ENABLE, [0.0; 7]));
        out
    }

    fn fly_on(&self) -> Vec<MavMessage> {
        vec![self.long(
            MavCmd::MAV_CMD_DO_SET_MISSION_CURRENT,
            [f32::from(self.current), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        )]
    }

    fn long(&self, command: MavCmd, p: [f32; 7]) -> MavMessage {
        let [param1, param2, param3, param4, param5, param6, param7] = p;
        MavMessage::COMMAND_LONG(common::COMMAND_LONG_DATA {
            param1,
            param2,
            param3,
            param4,
            param5,
            param6,
            param7,
            command,
            target_system: AUTOPILOT.0,
            target_component: AUTOPILOT.1,
            confirmation: 0,
        })
    }
}
