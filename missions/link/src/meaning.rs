//! Whether two lists mean the same, and whether an autopilot would keep what it is sent.
//!
//! What ArduCopter 4.7 and PX4 1.15 were captured to rewrite. Never compares bytes: both rewrite harmlessly.

use crate::codes::Refusal;
use crate::items::{Dialect, ListKind, WireItem, cmd};

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
pub(crate) fn frame_class(kind: ListKind, frame: u8) -> u8 {
    match (kind, frame) {
        (ListKind::Fence, _) => 0,
        (_, 5) => 0,
        (_, 6) => 3,
        (_, 11) => 10,
        (_, f) => f,
    }
}

pub(crate) fn has_place(command: u16) -> bool {
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
