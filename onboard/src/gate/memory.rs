//! What must survive a restart: the plan in force with its lists, and the mark that says "the autopilot may hold a mix".

use super::judged::Judged;
use link::items::{Dialect, WireItem};
use link::journal::{Disk, DiskError};
use missions::place::{AboveHome, Alt, Home};
use missions::plan::PatrolPlan;
use missions::vehicle::VehicleSpec;

const PLAN: &str = "plan.json";
const LISTS: &str = "plan.lists";
const DIRTY: &str = "plan.dirty";
/// What is being written, so that a restart can finish it.
const NEXT_PLAN: &str = "plan.next.json";
const NEXT_LISTS: &str = "plan.next.lists";

/// What a restart finds.
#[derive(Debug)]
pub struct Found {
    /// Writing was under way: the autopilot may hold a mix.
    pub dirty: bool,
    /// The last plan that was in force, if it still passes.
    pub plan: Option<Judged>,
    /// What was being written, if it still passes.
    pub next: Option<Judged>,
}

/// Marks the autopilot's memory as in doubt. Before the first byte is written to it. What will be written is kept before
/// the mark: a mark then always has its plan.
///
/// # Errors
/// [`DiskError`].
pub fn mark_dirty(disk: &mut dyn Disk, next: &Judged) -> Result<(), DiskError> {
    disk.replace(NEXT_PLAN, &next.plan.to_json())?;
    disk.replace(NEXT_LISTS, &lists_of(next))?;
    disk.replace(DIRTY, b"writing")
}

/// The plan was read back equal: keeps it and removes the mark.
///
/// # Errors
/// [`DiskError`].
pub fn keep(disk: &mut dyn Disk, plan: &Judged) -> Result<(), DiskError> {
    disk.replace(PLAN, &plan.plan.to_json())?;
    disk.replace(LISTS, &lists_of(plan))?;
    disk.replace(DIRTY, b"")
}

fn lists_of(plan: &Judged) -> Vec<u8> {
    let standard: &[u8] = if plan.id == 0 { b"std" } else { b"own" };
    let mut lists = standard.to_vec();
    for list in &plan.lists {
        lists.extend_from_slice(&u32::try_from(list.len()).unwrap_or(u32::MAX).to_le_bytes());
        for item in list {
            lists.extend_from_slice(&encode(item));
        }
    }
    lists
}

/// What is kept. A plan that cannot be read, or does not pass any more, is none.
///
/// # Errors
/// [`DiskError`].
pub fn recall(disk: &dyn Disk, dialect: Dialect) -> Result<Found, DiskError> {
    let dirty = !disk.read(DIRTY)?.is_empty();
    let read = |plan: &str, lists: &str| -> Result<Option<Judged>, DiskError> {
        let (bytes, lists) = (disk.read(plan)?, disk.read(lists)?);
        Ok(match lists.split_at_checked(3) {
            Some((b"own", _)) => Judged::of_bundle(&bytes, dialect).ok(),
            Some((b"std", rest)) => standard(&bytes, rest, dialect),
            _ => None,
        })
    };
    let next = if dirty {
        read(NEXT_PLAN, NEXT_LISTS)?
    } else {
        None
    };
    Ok(Found {
        dirty,
        plan: read(PLAN, LISTS)?,
        next,
    })
}

fn standard(plan: &[u8], lists: &[u8], dialect: Dialect) -> Option<Judged> {
    let file = PatrolPlan::from_json(plan).ok()?.file().clone();
    let lists = decode(lists)?;
    let (home, spec): (Home, VehicleSpec) = (file.home, file.vehicle);
    let ceiling: Alt<AboveHome> = missions::venue::Venue::from_value(&file.venue)
        .ok()?
        .zones
        .iter()
        .find_map(|z| match z.ceiling {
            Some(missions::venue::Limit::AboveHome(a)) => Some(a),
            _ => None,
        })?;
    Judged::of_lists(lists, dialect, home, &spec, ceiling).ok()
}

const ITEM: usize = 33;

fn encode(i: &WireItem) -> [u8; ITEM] {
    let mut out = [0u8; ITEM];
    let [a, b, c, d] = i.p.map(f32::to_le_bytes);
    let bytes = [i.frame]
        .into_iter()
        .chain(i.command.to_le_bytes())
        .chain([i.current, i.autocontinue])
        .chain(a)
        .chain(b)
        .chain(c)
        .chain(d)
        .chain(i.x.to_le_bytes())
        .chain(i.y.to_le_bytes())
        .chain(i.z.to_le_bytes());
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = from;
    }
    out
}

fn decode(mut b: &[u8]) -> Option<[Vec<WireItem>; 3]> {
    let mut out = [Vec::new(), Vec::new(), Vec::new()];
    for list in &mut out {
        let (n, rest) = b.split_first_chunk::<4>()?;
        let n = u32::from_le_bytes(*n) as usize;
        let (body, rest) = rest.split_at_checked(n.checked_mul(ITEM)?)?;
        let word = |c: &[u8], at: usize| -> Option<[u8; 4]> { c.get(at..at + 4)?.try_into().ok() };
        for c in body.chunks_exact(ITEM) {
            let f = |at| word(c, at).map(f32::from_le_bytes);
            let i = |at| word(c, at).map(i32::from_le_bytes);
            list.push(WireItem {
                frame: *c.first()?,
                command: u16::from_le_bytes([*c.get(1)?, *c.get(2)?]),
                current: *c.get(3)?,
                autocontinue: *c.get(4)?,
                p: [f(5)?, f(9)?, f(13)?, f(17)?],
                x: i(21)?,
                y: i(25)?,
                z: f(29)?,
            });
        }
        b = rest;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_bit_for_bit() {
        let item = WireItem {
            frame: 3,
            command: 16,
            current: 1,
            autocontinue: 1,
            p: [1.0, f32::NAN, -0.0, 4.5],
            x: -5,
            y: i32::MAX,
            z: 33.25,
        };
        let mut bytes = 1u32.to_le_bytes().to_vec();
        bytes.extend(encode(&item));
        bytes.extend([0; 8]);
        let [a, b, c] = decode(&bytes).unwrap();
        assert_eq!(encode(&a[0]), encode(&item));
        assert!(b.is_empty() && c.is_empty());
        bytes.truncate(20);
        assert!(decode(&bytes).is_none());
    }
}
