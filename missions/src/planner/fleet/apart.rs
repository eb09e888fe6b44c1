//! Plans that fly, kept apart in the air: whatever their clocks do.
//!
//! Where [`super::separation`] counts on one speed and exact starts, here a leg is taken as a whole, with the heights it
//! passes and the hours that the plan itself allows for it ([`crate::energy::window`]: earliest launch and no stop, to
//! latest launch and half as long again). Two legs are apart when their places, their heights or their hours are. What an
//! autopilot does by itself (its own return) is not counted.

use crate::energy::{timeline, window};
use crate::fence::flat::{Edge, edge_to_edge_m};
use crate::place::LatLon;
use crate::plan::PlanFile;
use crate::plane::LocalPlane;
use crate::time::Window;
use serde::Serialize;
use std::time::Duration;

/// What is asked of two aircraft in the air.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Room {
    /// Metres apart over ground…
    pub across_m: f64,
    /// … or in height.
    pub up_m: f64,
}

/// Two legs of two plans that are not apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meeting {
    /// Item of the one plan.
    pub one_item: usize,
    /// Item of the other.
    pub other_item: usize,
    /// Where the one flies.
    pub at: LatLon,
    /// How near they may come over ground, metres.
    pub across_m: f64,
    /// The hours of the one leg.
    pub one_when: Window,
    /// The hours of the other.
    pub other_when: Window,
}

/// A leg as what it takes of the air.
struct Taken {
    item: usize,
    at: LatLon,
    over: Edge,
    low_m: f64,
    high_m: f64,
    when: Window,
}

fn taken(file: &PlanFile, plane: &LocalPlane) -> Vec<Taken> {
    timeline(file)
        .iter()
        .map(|t| {
            let s = &t.step;
            let up = |a| file.home.to_amsl(a).metres();
            let (a, b) = (up(s.from_alt), up(s.to_alt));
            Taken {
                item: s.item,
                at: s.from,
                over: (plane.to_local(s.from), plane.to_local(s.to)),
                low_m: a.min(b),
                high_m: a.max(b),
                when: window(file, t, 0.0),
            }
        })
        .collect()
}

/// Every two legs that come too near to each other, whenever that is.
#[must_use]
pub fn meetings(one: &PlanFile, other: &PlanFile, room: Room) -> Vec<Meeting> {
    let plane = LocalPlane::new(one.home.at);
    let (all, others) = (taken(one, &plane), taken(other, &plane));
    let mut out = Vec::new();
    for a in &all {
        for b in &others {
            if a.low_m - b.high_m >= room.up_m || b.low_m - a.high_m >= room.up_m {
                continue;
            }
            let across_m = edge_to_edge_m(a.over, b.over);
            if across_m < room.across_m {
                out.push(Meeting {
                    one_item: a.item,
                    other_item: b.item,
                    at: a.at,
                    across_m,
                    one_when: a.when,
                    other_when: b.when,
                });
            }
        }
    }
    out
}

impl Meeting {
    /// Whether both may be there at one time, the one launched `one_s` and the other `other_s` seconds later than said.
    #[must_use]
    pub fn may_happen_between(&self, one_s: f64, other_s: f64) -> bool {
        let later = |w: Window, s: f64| {
            let late = Duration::from_secs_f64(s.clamp(0.0, 1e7));
            (w.from.after(late), w.until.after(late))
        };
        let (a, b) = (later(self.one_when, one_s), later(self.other_when, other_s));
        a.0 <= b.1 && b.0 <= a.1
    }
}
