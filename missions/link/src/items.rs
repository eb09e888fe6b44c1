//! Mission, fence and rally items as they travel, and their meaning.
//!
//! Sources: MAVLink mission protocol and MAV_CMD documentation (mavlink.io); what ArduCopter 4.7 and PX4 1.15 were
//! captured to do. `x` is latitude, `y` longitude (degrees × 1e7), as MAVLink has it.

use crate::common::{self, MavCmd, MavFrame, MavMissionType};
use crate::frame::Frame;
use missions::fence::AutopilotFence;
use missions::place::LatLon;
use missions::plan::{PatrolPlan, PlanItem};
use num_traits::FromPrimitive;
use serde::{Deserialize, Serialize};

/// MAV_CMD numbers used here.
#[allow(missing_docs)]
pub mod cmd {
    pub const WAYPOINT: u16 = 16;
    pub const LOITER_UNLIM: u16 = 17;
    pub const LOITER_TURNS: u16 = 18;
    pub const LOITER_TIME: u16 = 19;
    pub const RETURN_TO_LAUNCH: u16 = 20;
    pub const LAND: u16 = 21;
    pub const TAKEOFF: u16 = 22;
    pub const DELAY: u16 = 93;
    pub const DO_JUMP: u16 = 177;
    pub const DO_CHANGE_SPEED: u16 = 178;
    pub const FENCE_RETURN_POINT: u16 = 5000;
    pub const FENCE_POLYGON_INCLUSION: u16 = 5001;
    pub const FENCE_POLYGON_EXCLUSION: u16 = 5002;
    pub const FENCE_CIRCLE_INCLUSION: u16 = 5003;
    pub const FENCE_CIRCLE_EXCLUSION: u16 = 5004;
    pub const RALLY_POINT: u16 = 5100;
}

/// Which autopilot the items are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// PX4.
    Px4,
    /// ArduPilot: mission item 0 is home.
    ArduPilot,
}

/// The three lists of the mission protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Mission.
    Mission,
    /// Geofence.
    Fence,
    /// Rally points.
    Rally,
}

impl ListKind {
    /// All three.
    pub const ALL: [ListKind; 3] = [ListKind::Mission, ListKind::Fence, ListKind::Rally];
    /// From `mission_type`; `None` for ALL and unknown.
    #[must_use]
    pub fn from_wire(t: MavMissionType) -> Option<Self> {
        match t {
            MavMissionType::MAV_MISSION_TYPE_MISSION => Some(ListKind::Mission),
            MavMissionType::MAV_MISSION_TYPE_FENCE => Some(ListKind::Fence),
            MavMissionType::MAV_MISSION_TYPE_RALLY => Some(ListKind::Rally),
            MavMissionType::MAV_MISSION_TYPE_ALL => None,
        }
    }
    /// As `mission_type`.
    #[must_use]
    pub fn to_wire(self) -> MavMissionType {
        match self {
            ListKind::Mission => MavMissionType::MAV_MISSION_TYPE_MISSION,
            ListKind::Fence => MavMissionType::MAV_MISSION_TYPE_FENCE,
            ListKind::Rally => MavMissionType::MAV_MISSION_TYPE_RALLY,
        }
    }
}

/// One item; its sequence number is its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct WireItem {
    /// MAV_FRAME.
    pub frame: u8,
    /// MAV_CMD.
    pub command: u16,
    /// Whether it is the current one.
    pub current: u8,
    /// Whether to go on by itself.
    pub autocontinue: u8,
    /// Parameters 1–4.
    pub p: [f32; 4],
    /// Latitude, degrees × 1e7 (or parameter 5).
    pub x: i32,
    /// Longitude, degrees × 1e7 (or parameter 6).
    pub y: i32,
    /// Height, metres, in `frame`.
    pub z: f32,
}

const MISSION_ITEM: u32 = 39;
const MISSION_ITEM_INT: u32 = 73;

impl WireItem {
    /// Reads MISSION_ITEM_INT or MISSION_ITEM from the frame's bytes, whatever numbers its enum fields hold:
    /// (sequence, list, item). `None` for other messages and lists nobody knows.
    #[must_use]
    pub fn from_frame(frame: &Frame) -> Option<(u16, ListKind, WireItem)> {
        let id = frame.header().msg_id;
        if id != MISSION_ITEM && id != MISSION_ITEM_INT {
            return None;
        }
        // MAVLink 2 cuts trailing zeros: read as if they were there. Both messages have one layout but for x and y.
        let mut b = [0u8; 38];
        for (to, from) in b.iter_mut().zip(frame.payload()) {
            *to = *from;
        }
        let word = |at: usize| -> [u8; 4] { [b[at], b[at + 1], b[at + 2], b[at + 3]] };
        let f = |at: usize| f32::from_le_bytes(word(at));
        let half = |at: usize| u16::from_le_bytes([b[at], b[at + 1]]);
        let place = |at: usize| {
            if id == MISSION_ITEM_INT {
                i32::from_le_bytes(word(at))
            } else {
                // Float degrees: some 1 m of rounding, which is why MISSION_ITEM_INT is asked for.
                let v = f64::from(f(at)) * 1e7;
                if v.is_finite() {
                    v.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
                } else {
                    i32::MAX
                }
            }
        };
        let kind = match b[37] {
            0 => ListKind::Mission,
            1 => ListKind::Fence,
            2 => ListKind::Rally,
            _ => return None,
        };
        let item = WireItem {
            frame: b[34],
            command: half(30),
            current: b[35],
            autocontinue: b[36],
            p: [f(0), f(4), f(8), f(12)],
            x: place(16),
            y: place(20),
            z: f(24),
        };
        Some((half(28), kind, item))
    }

    /// As MISSION_ITEM_INT. `None` when the dialect has no such command or frame.
    #[must_use]
    pub fn to_message(
        &self,
        seq: u16,
        kind: ListKind,
        target: (u8, u8),
    ) -> Option<common::MavMessage> {
        Some(common::MavMessage::MISSION_ITEM_INT(
            common::MISSION_ITEM_INT_DATA {
                param1: self.p[0],
                param2: self.p[1],
                param3: self.p[2],
                param4: self.p[3],
                x: self.x,
                y: self.y,
                z: self.z,
                seq,
                command: MavCmd::from_u16(self.command)?,
                target_system: target.0,
                target_component: target.1,
                frame: MavFrame::from_u8(self.frame)?,
                current: self.current,
                autocontinue: self.autocontinue,
                mission_type: kind.to_wire(),
            },
        ))
    }

    /// As MISSION_ITEM with float degrees, for clients that ask by MISSION_REQUEST.
    #[must_use]
    pub fn to_float_message(
        &self,
        seq: u16,
        kind: ListKind,
        target: (u8, u8),
    ) -> Option<common::MavMessage> {
        Some(common::MavMessage::MISSION_ITEM(
            common::MISSION_ITEM_DATA {
                param1: self.p[0],
                param2: self.p[1],
                param3: self.p[2],
                param4: self.p[3],
                x: (f64::from(self.x) * 1e-7) as f32,
                y: (f64::from(self.y) * 1e-7) as f32,
                z: self.z,
                seq,
                command: MavCmd::from_u16(self.command)?,
                target_system: target.0,
                target_component: target.1,
                frame: MavFrame::from_u8(self.frame)?,
                current: self.current,
                autocontinue: self.autocontinue,
                mission_type: kind.to_wire(),
            },
        ))
    }

    /// Its place.
    #[must_use]
    pub fn at(&self) -> Option<LatLon> {
        LatLon::from_e7(self.x, self.y).ok()
    }
}

const RELATIVE: u8 = 3;
const GLOBAL: u8 = 0;

fn item(command: u16, frame: u8, p: [f32; 4], at: LatLon, z: f64) -> WireItem {
    WireItem {
        frame,
        command,
        current: 0,
        autocontinue: 1,
        p,
        x: at.lat_e7(),
        y: at.lon_e7(),
        z: z as f32,
    }
}

/// The mission list of a plan. ArduPilot's item 0 is home.
#[must_use]
pub fn plan_items(plan: &PatrolPlan, dialect: Dialect) -> Vec<WireItem> {
    plan_items_with_source(plan, dialect)
        .into_iter()
        .map(|i| i.0)
        .collect()
}

/// The mission list of a plan, with the index of the plan's item that each belongs to.
#[must_use]
pub fn plan_items_with_source(plan: &PatrolPlan, dialect: Dialect) -> Vec<(WireItem, u16)> {
    let file = plan.file();
    let home = file.home;
    // PX4 reads NaN as "keep the heading"; ArduPilot drops the parameter.
    let yaw = match dialect {
        Dialect::Px4 => f32::NAN,
        Dialect::ArduPilot => 0.0,
    };
    let mut out = Vec::with_capacity(file.items.len() + 2);
    if dialect == Dialect::ArduPilot {
        let at_home = item(cmd::WAYPOINT, GLOBAL, [0.0; 4], home.at, home.alt.metres());
        out.push((at_home, 0));
    }
    // PX4 turns off within this radius of a corner, whatever NAV_ACC_RAD says; ArduPilot keeps none for copters.
    let corner_m = match dialect {
        Dialect::Px4 => file.vehicle.corner_radius_m() as f32,
        Dialect::ArduPilot => 0.0,
    };
    let steps = missions::plan::steps(file);
    for (n, i) in (0u16..).zip(&file.items) {
        let mut push = |w: WireItem| out.push((w, n));
        // ArduPilot keeps whole seconds: hold at least as long as asked.
        let mut own = steps
            .iter()
            .filter(|s| s.item == usize::from(n))
            .map(|s| (s.to, s.to_alt.metres(), s.hold_s.ceil() as f32));
        match i {
            PlanItem::Takeoff { alt } => {
                let up = [0.0, 0.0, 0.0, yaw];
                push(item(cmd::TAKEOFF, RELATIVE, up, home.at, alt.metres()));
                push(change_speed(file.speed_mps));
            }
            PlanItem::Speed { speed_mps } => push(change_speed(*speed_mps)),
            PlanItem::Waypoint { .. } | PlanItem::Orbit { .. } => {
                for (at, alt_m, hold_s) in own {
                    push(item(
                        cmd::WAYPOINT,
                        RELATIVE,
                        [hold_s, corner_m, 0.0, yaw],
                        at,
                        alt_m,
                    ));
                }
            }
            PlanItem::Return => push(WireItem {
                frame: 2,
                command: cmd::RETURN_TO_LAUNCH,
                autocontinue: 1,
                ..WireItem::default()
            }),
            PlanItem::Land { at } => {
                let still = [0.0, 0.0, 0.0, yaw];
                if let Some((to, alt_m, _)) = own.next() {
                    push(item(cmd::WAYPOINT, RELATIVE, still, to, alt_m));
                }
                push(item(cmd::LAND, RELATIVE, still, *at, 0.0));
            }
        }
    }
    if let Some(first) = out.first_mut() {
        first.0.current = 1;
    }
    out
}

/// Ground speed, no throttle change.
fn change_speed(speed_mps: f64) -> WireItem {
    WireItem {
        frame: 2,
        command: cmd::DO_CHANGE_SPEED,
        autocontinue: 1,
        p: [1.0, speed_mps as f32, -1.0, 0.0],
        ..WireItem::default()
    }
}

/// The fence list.
#[must_use]
pub fn fence_items(fence: &AutopilotFence, _dialect: Dialect) -> Vec<WireItem> {
    let mut out = Vec::new();
    let mut ring = |command: u16, r: &[LatLon]| {
        let n = r.len() as f32;
        out.extend(
            r.iter()
                .map(|p| item(command, GLOBAL, [n, 0.0, 0.0, 0.0], *p, 0.0)),
        );
    };
    ring(cmd::FENCE_POLYGON_INCLUSION, &fence.inclusion);
    for r in &fence.exclusions {
        ring(cmd::FENCE_POLYGON_EXCLUSION, r);
    }
    for (centre, radius_m) in &fence.circles {
        // Whole metres survive every storage; rounding up keeps further out.
        out.push(item(
            cmd::FENCE_CIRCLE_EXCLUSION,
            GLOBAL,
            [radius_m.ceil() as f32, 0.0, 0.0, 0.0],
            *centre,
            0.0,
        ));
    }
    out
}

/// The rally list. Heights are above home: both autopilots return at their own return height and descend here.
#[must_use]
pub fn rally_items(sites: &[LatLon], return_alt_m: f64, _dialect: Dialect) -> Vec<WireItem> {
    sites
        .iter()
        .map(|p| item(cmd::RALLY_POINT, RELATIVE, [0.0; 4], *p, return_alt_m))
        .collect()
}
