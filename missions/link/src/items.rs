//! Mission, fence and rally items as they travel, and their meaning.
//!
//! Sources: MAVLink mission protocol and MAV_CMD documentation (mavlink.io); what ArduCopter 4.7 and PX4 1.15 were
//! captured to do. `x` is latitude, `y` longitude (degrees × 1e7), as MAVLink has it.

use crate::codes::Refusal;
use crate::common::{self, MavCmd, MavFrame, MavMissionType};
use crate::frame::Frame;
use missions::fence::AutopilotFence;
use missions::place::{Home, LatLon};
use missions::plan::{PatrolPlan, PlanItem};
use missions::venue::Shape;
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
    let file = plan.file();
    let home = file.home;
    // PX4 reads NaN as "keep the heading"; ArduPilot drops the parameter.
    let yaw = match dialect {
        Dialect::Px4 => f32::NAN,
        Dialect::ArduPilot => 0.0,
    };
    let mut out = Vec::with_capacity(file.items.len() + 2);
    if dialect == Dialect::ArduPilot {
        out.push(item(
            cmd::WAYPOINT,
            GLOBAL,
            [0.0; 4],
            home.at,
            home.alt.metres(),
        ));
    }
    let mut alt_m = 0.0;
    for i in &file.items {
        match i {
            PlanItem::Takeoff { alt } => {
                alt_m = alt.metres();
                out.push(item(
                    cmd::TAKEOFF,
                    RELATIVE,
                    [0.0, 0.0, 0.0, yaw],
                    home.at,
                    alt_m,
                ));
                // Ground speed, no throttle change.
                out.push(WireItem {
                    frame: 2,
                    command: cmd::DO_CHANGE_SPEED,
                    autocontinue: 1,
                    p: [1.0, file.speed_mps as f32, -1.0, 0.0],
                    ..WireItem::default()
                });
            }
            PlanItem::Waypoint { at, alt, hold_s } => {
                alt_m = alt.metres();
                // ArduPilot keeps whole seconds: hold at least as long as asked.
                out.push(item(
                    cmd::WAYPOINT,
                    RELATIVE,
                    [hold_s.ceil() as f32, 0.0, 0.0, yaw],
                    *at,
                    alt_m,
                ));
            }
            PlanItem::Return => out.push(WireItem {
                frame: 2,
                command: cmd::RETURN_TO_LAUNCH,
                autocontinue: 1,
                ..WireItem::default()
            }),
            PlanItem::Land { at } => {
                out.push(item(
                    cmd::WAYPOINT,
                    RELATIVE,
                    [0.0, 0.0, 0.0, yaw],
                    *at,
                    alt_m,
                ));
                out.push(item(cmd::LAND, RELATIVE, [0.0, 0.0, 0.0, yaw], *at, 0.0));
            }
        }
    }
    if let Some(first) = out.first_mut() {
        first.current = 1;
    }
    out
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

/// What differs between what was sent and what was read back.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("item {seq}: {what}: sent {sent}, read {read}")]
pub struct Difference {
    /// Item.
    pub seq: usize,
    /// Which field.
    pub what: &'static str,
    /// Value sent.
    pub sent: f64,
    /// Value read.
    pub read: f64,
}

/// Frames that mean the same.
fn frame_class(kind: ListKind, frame: u8) -> u8 {
    match (kind, frame) {
        (ListKind::Fence, _) => 0,
        (_, 5) => 0,
        (_, 6) => 3,
        (_, 11) => 10,
        (_, f) => f,
    }
}

fn has_place(command: u16) -> bool {
    matches!(command, 16..=19 | 21 | 22 | 31 | 82 | 5000..=5004 | 5100)
}

/// How many of the parameters carry meaning that autopilots keep, per command.
fn kept_params(command: u16) -> &'static [usize] {
    match command {
        cmd::WAYPOINT | cmd::LOITER_TIME | cmd::LOITER_TURNS | cmd::DELAY => &[0],
        cmd::DO_CHANGE_SPEED | cmd::DO_JUMP => &[0, 1],
        cmd::FENCE_POLYGON_INCLUSION
        | cmd::FENCE_POLYGON_EXCLUSION
        | cmd::FENCE_CIRCLE_INCLUSION
        | cmd::FENCE_CIRCLE_EXCLUSION => &[0],
        _ => &[],
    }
}

/// Compares by meaning: what either autopilot is known to rewrite without changing the flight counts as equal
/// (frame 3 ↔ 6 and 0 ↔ 5, a fence's frame, NaN for 0, yaw and radii dropped, ArduPilot's own item 0).
///
/// # Errors
/// The first [`Difference`].
pub fn same_meaning(
    kind: ListKind,
    dialect: Dialect,
    sent: &[WireItem],
    read: &[WireItem],
) -> Result<(), Difference> {
    let diff = |seq, what, sent, read| {
        Err(Difference {
            seq,
            what,
            sent,
            read,
        })
    };
    if sent.len() != read.len() {
        return diff(
            sent.len().min(read.len()),
            "number of items",
            sent.len() as f64,
            read.len() as f64,
        );
    }
    for (seq, (a, b)) in sent.iter().zip(read).enumerate() {
        if seq == 0 && kind == ListKind::Mission && dialect == Dialect::ArduPilot {
            continue;
        }
        if a.command != b.command {
            return diff(seq, "command", f64::from(a.command), f64::from(b.command));
        }
        if has_place(a.command) {
            if frame_class(kind, a.frame) != frame_class(kind, b.frame) {
                return diff(seq, "frame", f64::from(a.frame), f64::from(b.frame));
            }
            // A place of 0, 0 with take-off means "here": autopilots may fill it in.
            let here = a.command == cmd::TAKEOFF && a.x == 0 && a.y == 0;
            if !here && (a.x != b.x || a.y != b.y) {
                return diff(seq, "place (degrees × 1e7)", f64::from(a.x), f64::from(b.x));
            }
            if kind != ListKind::Fence && (f64::from(a.z) - f64::from(b.z)).abs() > 0.011 {
                return diff(seq, "height (m)", f64::from(a.z), f64::from(b.z));
            }
        }
        for i in kept_params(a.command) {
            let v = |w: &WireItem| {
                w.p.get(*i)
                    .copied()
                    .filter(|v| !v.is_nan())
                    .map_or(0.0, f64::from)
            };
            if (v(a) - v(b)).abs() > 0.011 {
                return diff(seq, "parameter", v(a), v(b));
            }
        }
    }
    Ok(())
}

/// Why an item was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("item {seq}: {refusal:?} ({value})")]
pub struct ItemRefusal {
    /// Item.
    pub seq: usize,
    /// Reason.
    pub refusal: Refusal,
    /// Figure that belongs to it; NaN none.
    pub value: f64,
    /// Which parameter is at fault: 1–7, 0 for the whole item.
    pub param: u8,
}

/// Refuses what the autopilot would acknowledge and silently change.
///
/// # Errors
/// [`ItemRefusal`] with the item.
pub fn survives(dialect: Dialect, kind: ListKind, items: &[WireItem]) -> Result<(), ItemRefusal> {
    for (seq, it) in items.iter().enumerate() {
        let no = |param: u8, value: f32| {
            Err(ItemRefusal {
                seq,
                refusal: Refusal::WouldChange,
                value: f64::from(value),
                param,
            })
        };
        if has_place(it.command) && !(it.x == 0 && it.y == 0) && it.at().is_none() {
            return Err(ItemRefusal {
                seq,
                refusal: Refusal::BadNumber,
                value: f64::from(it.x) * 1e-7,
                param: 5,
            });
        }
        if it.z.is_infinite() || it.p.iter().any(|p| p.is_infinite()) {
            return Err(ItemRefusal {
                seq,
                refusal: Refusal::BadNumber,
                value: f64::from(it.z),
                param: 7,
            });
        }
        if dialect == Dialect::ArduPilot && kind == ListKind::Mission {
            let p1 = it.p[0];
            if kept_params(it.command).contains(&0)
                && (p1.fract() != 0.0 || !(0.0..=32_767.0).contains(&p1))
                && !p1.is_nan()
            {
                return no(1, p1);
            }
        }
    }
    Ok(())
}

/// A fence list read back into shapes: the one inclusion ring, and what to keep out of.
///
/// # Errors
/// [`ItemRefusal`] with the item: vertex counts that do not add up, several inclusions, inclusion circles, radii that
/// are none, places off the globe.
pub fn fence_from_items(items: &[WireItem]) -> Result<(Vec<LatLon>, Vec<Shape>), ItemRefusal> {
    let mut inclusion: Option<Vec<LatLon>> = None;
    let mut exclusions = Vec::new();
    let mut seq = 0;
    while let Some(it) = items.get(seq) {
        let no = |refusal, value: f64, param| {
            Err(ItemRefusal {
                seq,
                refusal,
                value,
                param,
            })
        };
        match it.command {
            cmd::FENCE_POLYGON_INCLUSION | cmd::FENCE_POLYGON_EXCLUSION => {
                let count = it.p[0];
                if !(count.is_finite() && count.fract() == 0.0 && (3.0..=10_000.0).contains(&count))
                {
                    return no(Refusal::FenceInvalid, f64::from(count), 1);
                }
                let n = count as usize;
                let Some(run) = items.get(seq..seq + n) else {
                    return no(Refusal::FenceInvalid, f64::from(count), 1);
                };
                let mut ring = Vec::with_capacity(n);
                for (k, v) in run.iter().enumerate() {
                    let here = |refusal, value, param| ItemRefusal {
                        seq: seq + k,
                        refusal,
                        value,
                        param,
                    };
                    if v.command != it.command || v.p[0] != count {
                        return Err(here(Refusal::FenceInvalid, f64::from(v.p[0]), 1));
                    }
                    ring.push(
                        v.at()
                            .ok_or_else(|| here(Refusal::BadNumber, f64::from(v.x) * 1e-7, 5))?,
                    );
                }
                if it.command == cmd::FENCE_POLYGON_EXCLUSION {
                    exclusions.push(Shape::Polygon {
                        outer: ring,
                        holes: Vec::new(),
                    });
                } else if inclusion.is_none() {
                    inclusion = Some(ring);
                } else {
                    // Union on one autopilot, intersection on the other: not to be flown on.
                    return no(Refusal::FenceInvalid, 2.0, 0);
                }
                seq += n;
            }
            cmd::FENCE_CIRCLE_EXCLUSION => {
                let radius_m = f64::from(it.p[0]);
                if !(radius_m.is_finite() && radius_m > 0.0) {
                    return no(Refusal::FenceInvalid, radius_m, 1);
                }
                let Some(centre) = it.at() else {
                    return no(Refusal::BadNumber, f64::from(it.x) * 1e-7, 5);
                };
                exclusions.push(Shape::Circle { centre, radius_m });
                seq += 1;
            }
            cmd::FENCE_CIRCLE_INCLUSION => {
                let radius_m = f64::from(it.p[0]);
                let Some(centre) = it.at() else {
                    return no(Refusal::BadNumber, f64::from(it.x) * 1e-7, 5);
                };
                if !(radius_m.is_finite() && radius_m > 0.0) || inclusion.is_some() {
                    return no(Refusal::FenceInvalid, radius_m, 1);
                }
                inclusion = Some(circle_ring(centre, radius_m));
                seq += 1;
            }
            cmd::FENCE_RETURN_POINT => seq += 1,
            _ => return no(Refusal::UnsupportedItem, f64::from(it.command), 0),
        }
    }
    match inclusion {
        Some(ring) => Ok((ring, exclusions)),
        None => Err(ItemRefusal {
            seq: 0,
            refusal: Refusal::NoFence,
            value: f64::NAN,
            param: 0,
        }),
    }
}

/// 64 corners on the circle: the polygon lies inside it.
fn circle_ring(centre: LatLon, radius_m: f64) -> Vec<LatLon> {
    let plane = missions::plane::LocalPlane::new(centre);
    (0..64)
        .filter_map(|i| {
            let a = std::f64::consts::TAU * f64::from(i) / 64.0;
            plane.to_latlon(missions::plane::EastNorth::new(
                radius_m * a.cos(),
                radius_m * a.sin(),
            ))
        })
        .collect()
}

/// Rally points read back into places.
///
/// # Errors
/// [`ItemRefusal`] with the item.
pub fn rally_from_items(items: &[WireItem]) -> Result<Vec<LatLon>, ItemRefusal> {
    items
        .iter()
        .enumerate()
        .map(|(seq, it)| {
            if it.command != cmd::RALLY_POINT {
                return Err(ItemRefusal {
                    seq,
                    refusal: Refusal::UnsupportedItem,
                    value: f64::from(it.command),
                    param: 0,
                });
            }
            it.at().ok_or(ItemRefusal {
                seq,
                refusal: Refusal::BadNumber,
                value: f64::from(it.x) * 1e-7,
                param: 5,
            })
        })
        .collect()
}

/// One straight piece of what a mission list makes an aircraft fly. Heights in metres above home.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouteLeg {
    /// Item flown to.
    pub seq: usize,
    /// Start.
    pub from: LatLon,
    /// Height at the start.
    pub from_alt_m: f64,
    /// End.
    pub to: LatLon,
    /// Height at the end.
    pub to_alt_m: f64,
    /// Circle flown around the end, metres; 0 none.
    pub radius_m: f64,
}

/// What a mission list makes an aircraft fly.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Route {
    /// Legs from home on, those of jumps included.
    pub legs: Vec<RouteLeg>,
    /// Highest speed it asks for, m/s, if it asks.
    pub speed_mps: Option<f64>,
    /// Whether it ends with a return to launch.
    pub returns: bool,
    /// Where it lands by itself.
    pub lands_at: Option<LatLon>,
}

/// Commands that move nothing but a camera, a yaw or a region of interest.
fn is_harmless(command: u16) -> bool {
    matches!(
        command,
        112 | 113
            | 114
            | 115
            | 195
            | 197
            | 201
            | 203
            | 204
            | 205
            | 206
            | 530
            | 531
            | 532
            | 1000
            | 2000
            | 2001
            | 2500
            | 2501
    )
}

/// Reads a mission list as legs to be judged. Jumps are followed once each way, so that every leg they make is judged.
///
/// # Errors
/// [`ItemRefusal`] for whatever cannot be judged: it will not be flown.
pub fn route(items: &[WireItem], dialect: Dialect, home: Home) -> Result<Route, ItemRefusal> {
    let mut out = Route::default();
    let (mut at, mut alt_m) = (home.at, 0.0);
    let first = usize::from(dialect == Dialect::ArduPilot);
    let mut seq = first;
    let mut jumped: std::collections::BTreeSet<usize> = std::collections::BTreeSet::new();
    let mut steps = 0usize;
    while let Some(it) = items.get(seq) {
        steps += 1;
        let no = |refusal, value: f64, param| {
            Err(ItemRefusal {
                seq,
                refusal,
                value,
                param,
            })
        };
        // Each jump is taken once and then passed: more steps than that is a loop.
        if steps > items.len().saturating_mul(jumped.len() + 2) + 2 {
            return no(Refusal::JumpLoop, steps as f64, 0);
        }
        if it.z.is_nan() && has_place(it.command) {
            return no(Refusal::BadNumber, f64::NAN, 7);
        }
        let mut fly = |radius_m: f64, alt_of: Option<f64>| -> Result<(), ItemRefusal> {
            let no = |refusal, value: f64, param| {
                Err(ItemRefusal {
                    seq,
                    refusal,
                    value,
                    param,
                })
            };
            let z = f64::from(it.z);
            let to_alt_m = match (alt_of, frame_class(ListKind::Mission, it.frame)) {
                (Some(a), _) => a,
                (None, 3) => z,
                (None, 0) => z - home.alt.metres(),
                (None, f) => return no(Refusal::UnsupportedFrame, f64::from(f), 0),
            };
            // 0, 0 means "where you are" for these commands on both autopilots.
            let to = if it.x == 0 && it.y == 0 {
                at
            } else {
                match it.at() {
                    Some(p) => p,
                    None => return no(Refusal::BadNumber, f64::from(it.x) * 1e-7, 5),
                }
            };
            out.legs.push(RouteLeg {
                seq,
                from: at,
                from_alt_m: alt_m,
                to,
                to_alt_m,
                radius_m,
            });
            (at, alt_m) = (to, to_alt_m);
            Ok(())
        };
        match it.command {
            cmd::WAYPOINT | cmd::LOITER_TIME | cmd::LOITER_UNLIM => fly(0.0, None)?,
            cmd::LOITER_TURNS => {
                let radius_m = f64::from(it.p[2]).abs();
                fly(if radius_m.is_finite() { radius_m } else { 0.0 }, None)?;
            }
            cmd::TAKEOFF => {
                // A multicopter climbs where it stands, whatever place the item names.
                let z = f64::from(it.z);
                let to_alt_m = match frame_class(ListKind::Mission, it.frame) {
                    3 => z,
                    0 => z - home.alt.metres(),
                    f => return no(Refusal::UnsupportedFrame, f64::from(f), 0),
                };
                out.legs.push(RouteLeg {
                    seq,
                    from: at,
                    from_alt_m: alt_m,
                    to: at,
                    to_alt_m,
                    radius_m: 0.0,
                });
                alt_m = to_alt_m;
                // PX4 then flies to the item's place.
                if dialect == Dialect::Px4
                    && let Some(p) = it.at().filter(|_| it.x != 0 || it.y != 0)
                    && p != at
                {
                    out.legs.push(RouteLeg {
                        seq,
                        from: at,
                        from_alt_m: alt_m,
                        to: p,
                        to_alt_m,
                        radius_m: 0.0,
                    });
                    at = p;
                }
            }
            cmd::LAND => {
                let here = alt_m;
                fly(0.0, Some(here))?;
                out.legs.push(RouteLeg {
                    seq,
                    from: at,
                    from_alt_m: alt_m,
                    to: at,
                    to_alt_m: 0.0,
                    radius_m: 0.0,
                });
                out.lands_at = Some(at);
                alt_m = 0.0;
            }
            cmd::RETURN_TO_LAUNCH => {
                out.returns = true;
                // Nothing after it is flown.
                return Ok(out);
            }
            cmd::DO_CHANGE_SPEED => {
                let v = f64::from(it.p[1]);
                if v.is_nan() || v > 100.0 {
                    return no(Refusal::BadNumber, v, 2);
                }
                if v > 0.0 {
                    out.speed_mps = Some(out.speed_mps.map_or(v, |s: f64| s.max(v)));
                }
            }
            cmd::DO_JUMP => {
                let target = it.p[0];
                if !(target.is_finite()
                    && target.fract() == 0.0
                    && target >= 0.0
                    && (target as usize) < items.len())
                {
                    return no(Refusal::JumpLoop, f64::from(target), 1);
                }
                if it.p[1] != 0.0 && jumped.insert(seq) {
                    seq = (target as usize).max(first);
                    continue;
                }
            }
            cmd::DELAY => {}
            c if is_harmless(c) => {}
            c => return no(Refusal::UnsupportedItem, f64::from(c), 0),
        }
        seq += 1;
    }
    Ok(out)
}
