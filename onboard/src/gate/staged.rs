//! Sets of mission, fence and rally that a station is putting together, and how they are judged.
//!
//! Upload order never changes what is checked: a set is judged when mission and fence are both there.

use super::judged::{Fault, Judged, fence_zones};
use super::{Cx, Gate, writer};
use link::codes::Refusal;
use link::common::{MavMissionResult as R, MavSeverity};
use link::items::{ListKind, WireItem};
use link::state::RefusedThing;
use missions::fence::{Fence, Verdict};
use missions::place::Alt;
use missions::time::{Mono, Reading};
use std::time::Duration;

/// A set nobody adds to is dropped after this time.
const LIFE: Duration = Duration::from_secs(300);

/// What a station has put together so far.
#[derive(Clone, Debug, Default)]
pub struct Staged {
    open: Option<Mono>,
    lists: [Option<Vec<WireItem>>; 3],
}

fn index(kind: ListKind) -> usize {
    match kind {
        ListKind::Mission => 0,
        ListKind::Fence => 1,
        ListKind::Rally => 2,
    }
}

impl Staged {
    /// A set is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }
    /// Nobody added to it for a long time.
    #[must_use]
    pub fn expired(&self, now: Mono) -> bool {
        self.open.is_some_and(|t| now.since(t) > LIFE)
    }
    /// Drops it.
    pub fn close(&mut self) {
        *self = Staged::default();
    }
    fn touch(&mut self, now: Mono) {
        self.open = Some(now);
    }
    fn put(&mut self, kind: ListKind, items: Option<Vec<WireItem>>) {
        if let Some(slot) = self.lists.get_mut(index(kind)) {
            *slot = items;
        }
    }
    fn get(&self, kind: ListKind) -> Option<&Vec<WireItem>> {
        self.lists.get(index(kind)).and_then(Option::as_ref)
    }
}

fn what(kind: ListKind) -> RefusedThing {
    match kind {
        ListKind::Mission => RefusedThing::Mission,
        ListKind::Fence => RefusedThing::Fence,
        ListKind::Rally => RefusedThing::Rally,
    }
}

impl Gate {
    fn nack(&mut self, cx: &mut Cx<'_>, kind: ListKind, f: &Fault) -> R {
        self.refuse_list(cx, what(kind), f);
        f.nack
    }

    fn staged_ok(&mut self, cx: &mut Cx<'_>, kind: ListKind, waits_for: &str) -> R {
        cx.wires.status(
            MavSeverity::MAV_SEVERITY_INFO,
            &format!("{kind:?} staged, waiting for {waits_for}"),
        );
        R::MAV_MISSION_ACCEPTED
    }

    fn blocked(&self, cx: &Cx<'_>) -> Option<Fault> {
        if cx.dialect().is_none() {
            return Some(Fault::new(
                Refusal::AutopilotSilent,
                R::MAV_MISSION_DENIED,
                "no autopilot heard",
            ));
        }
        if self.writer.is_some() && cx.facts.armed {
            return Some(Fault::new(
                Refusal::Busy,
                R::MAV_MISSION_DENIED,
                "a plan is being written; try again",
            ));
        }
        None
    }

    /// A station cleared a list, or all.
    pub(super) fn cleared(
        &mut self,
        cx: &mut Cx<'_>,
        kind: Option<ListKind>,
        _from: (u8, u8),
    ) -> R {
        if cx.facts.armed {
            let f = Fault::new(
                Refusal::Airborne,
                R::MAV_MISSION_DENIED,
                "nothing is cleared while armed",
            );
            return self.nack(cx, kind.unwrap_or(ListKind::Mission), &f);
        }
        if let Some(f) = self.blocked(cx) {
            return self.nack(cx, kind.unwrap_or(ListKind::Mission), &f);
        }
        self.staged.touch(cx.now.mono);
        match kind {
            None => {
                for k in ListKind::ALL {
                    self.staged.put(k, None);
                }
            }
            Some(k) => self.staged.put(k, None),
        }
        cx.wires.status(
            MavSeverity::MAV_SEVERITY_INFO,
            "New set opened; the old plan stays until it passes",
        );
        R::MAV_MISSION_ACCEPTED
    }

    /// A whole list arrived.
    pub(super) fn received(
        &mut self,
        cx: &mut Cx<'_>,
        kind: ListKind,
        items: Vec<WireItem>,
        from: (u8, u8),
    ) -> R {
        if items.is_empty() {
            return self.cleared(cx, Some(kind), from);
        }
        if let Some(f) = self.blocked(cx) {
            return self.nack(cx, kind, &f);
        }
        if cx.facts.armed {
            return self.received_armed(cx, kind, items);
        }
        let now = cx.now.mono;
        if kind == ListKind::Fence {
            // A fence is judged by itself first: whether it is one at all.
            if let Err(f) = self.fence_alone(cx, &items) {
                return self.nack(cx, kind, &f);
            }
            if !self.staged.is_open() {
                self.staged.touch(now);
            }
        }
        if self.staged.is_open() {
            self.staged.touch(now);
            return self.add_to_set(cx, kind, items);
        }
        // Stations send their lists one after the other: what is being written counts already.
        let written = self.candidate.as_ref().filter(|_| self.writer.is_some());
        let base = self.next.as_ref().or(written).or(self.in_force.as_ref());
        match (base, kind) {
            (Some(j), ListKind::Mission | ListKind::Rally) => {
                let mut lists = j.lists.clone();
                if let Some(slot) = lists.get_mut(index(kind)) {
                    *slot = items;
                }
                match self.judge(cx, lists) {
                    Ok(judged) => {
                        self.commit(cx, judged, writer::ALL);
                        R::MAV_MISSION_ACCEPTED
                    }
                    Err((_, f)) => self.nack(cx, kind, &f),
                }
            }
            _ => {
                // No fence yet: the set begins with this list.
                self.staged.touch(now);
                self.staged.put(kind, Some(items));
                self.staged_ok(cx, kind, "a fence")
            }
        }
    }

    fn add_to_set(&mut self, cx: &mut Cx<'_>, kind: ListKind, items: Vec<WireItem>) -> R {
        let before = self.staged.get(kind).cloned();
        self.staged.put(kind, Some(items));
        let (mission, fence) = (
            self.staged.get(ListKind::Mission).cloned(),
            self.staged.get(ListKind::Fence).cloned(),
        );
        let (Some(mission), Some(fence)) = (mission, fence) else {
            let missing = match (
                self.staged.get(ListKind::Mission),
                self.staged.get(ListKind::Fence),
            ) {
                (None, None) => "fence and mission",
                (None, _) => "a mission",
                _ => "a fence",
            };
            return self.staged_ok(cx, kind, missing);
        };
        let rally = self
            .staged
            .get(ListKind::Rally)
            .cloned()
            .unwrap_or_default();
        match self.judge(cx, [mission, fence, rally]) {
            Ok(judged) => {
                cx.wires.status(
                    MavSeverity::MAV_SEVERITY_INFO,
                    &format!("{kind:?} staged; the set passes"),
                );
                self.staged.close();
                self.commit(cx, judged, writer::ALL);
                R::MAV_MISSION_ACCEPTED
            }
            Err((at_fault, f)) => {
                // The list that completed the set takes the blame; what was staged before it stays.
                self.staged.put(kind, before);
                let f = if at_fault == kind {
                    f
                } else {
                    Fault {
                        nack: R::MAV_MISSION_ERROR,
                        ..f
                    }
                };
                self.nack(cx, kind, &f)
            }
        }
    }

    fn judge(&self, cx: &Cx<'_>, lists: [Vec<WireItem>; 3]) -> Result<Judged, (ListKind, Fault)> {
        let no = |r, words: &str| {
            (
                ListKind::Mission,
                Fault::new(r, R::MAV_MISSION_ERROR, words),
            )
        };
        let dialect = cx
            .dialect()
            .ok_or_else(|| no(Refusal::AutopilotSilent, "no autopilot heard"))?;
        let home = cx
            .home()
            .ok_or_else(|| no(Refusal::NoPosition, "home is not known yet"))?;
        let ceiling = Alt::from_metres(cx.config.ceiling_above_home_m)
            .map_err(|_| no(Refusal::BadNumber, "the ceiling is no number"))?;
        Judged::of_lists(lists, dialect, home, &self.spec, ceiling)
    }

    fn wire_fence(&self, cx: &Cx<'_>, items: &[WireItem]) -> Result<Fence, Fault> {
        let no = |r, words: String| Fault::new(r, R::MAV_MISSION_INVALID, words);
        let dialect = cx
            .dialect()
            .ok_or_else(|| no(Refusal::AutopilotSilent, "no autopilot heard".into()))?;
        let home = cx
            .home()
            .ok_or_else(|| no(Refusal::NoPosition, "home is not known yet".into()))?;
        let ceiling = Alt::from_metres(cx.config.ceiling_above_home_m)
            .map_err(|_| no(Refusal::BadNumber, "the ceiling is no number".into()))?;
        fence_zones(items, dialect, ceiling)?;
        let (ring, outs) = link::reading::fence_from_items(items).map_err(|r| {
            no(
                r.refusal,
                format!("Fence item {}: {}", r.seq, r.refusal.key()),
            )
        })?;
        Fence::from_wire(ring, outs, ceiling, home).map_err(|faults| {
            let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
            no(Refusal::FenceInvalid, words.join("; "))
        })
    }

    fn fence_alone(&self, cx: &Cx<'_>, items: &[WireItem]) -> Result<(), Fault> {
        self.wire_fence(cx, items).map(|_| ())
    }

    /// Airborne: only a fence that is narrower and still contains aircraft, plan and returns.
    fn received_armed(&mut self, cx: &mut Cx<'_>, kind: ListKind, items: Vec<WireItem>) -> R {
        let denied = |r, words: &str| Fault::new(r, R::MAV_MISSION_DENIED, words);
        let result = self.narrowing(cx, kind, items);
        match result {
            Ok(judged) => {
                self.commit(cx, judged, writer::FENCE);
                R::MAV_MISSION_ACCEPTED
            }
            Err(None) => {
                let f = denied(
                    Refusal::Airborne,
                    "only a narrower fence is taken while armed",
                );
                self.nack(cx, kind, &f)
            }
            Err(Some(f)) => self.nack(cx, kind, &f),
        }
    }

    fn narrowing(
        &self,
        cx: &Cx<'_>,
        kind: ListKind,
        items: Vec<WireItem>,
    ) -> Result<Judged, Option<Fault>> {
        let not = |words: &str| {
            Some(Fault::new(
                Refusal::NotNarrower,
                R::MAV_MISSION_DENIED,
                words,
            ))
        };
        if kind != ListKind::Fence {
            return Err(None);
        }
        let Some(old) = self.in_force.as_ref() else {
            return Err(not("no fence in force to be narrowed"));
        };
        if old.id != 0 {
            // A bundle's fence has heights and clocks, which no list on the wire can carry.
            return Err(not("the fence of a plan bundle is not changed in flight"));
        }
        let new = self.wire_fence(cx, &items).map_err(Some)?;
        if !narrower(old.plan.fence(), &new) {
            return Err(not("the new fence is not inside the old one"));
        }
        let here = cx
            .facts
            .fresh_position(cx.now.mono, Duration::from_secs(1))
            .ok_or_else(|| {
                Some(Fault::new(
                    Refusal::NoPosition,
                    R::MAV_MISSION_DENIED,
                    "position unknown",
                ))
            })?;
        let alt = Alt::from_metres(here.alt_amsl_m).map_err(|_| None)?;
        let margin = self.spec.margin_m(here.ground_speed_mps());
        match new.verdict(
            Reading::Valid(here.at),
            Reading::Valid(alt),
            cx.now.utc,
            margin,
            0.0,
        ) {
            Verdict::Inside { .. } | Verdict::Near { .. } => {}
            Verdict::Outside { .. } | Verdict::Unknown { .. } => {
                return Err(not("the aircraft would be outside"));
            }
        }
        let mut lists = old.lists.clone();
        if let Some(slot) = lists.get_mut(index(ListKind::Fence)) {
            *slot = items;
        }
        self.judge(cx, lists).map_err(|(_, f)| Some(f))
    }
}

/// Whether `new` lies inside `old` and keeps out of everything `old` keeps out of.
fn narrower(old: &Fence, new: &Fence) -> bool {
    const TOLERANCE_M: f64 = 0.05;
    let plane = old.plane();
    let ring: Vec<_> = new
        .boundary_latlon()
        .iter()
        .map(|p| plane.to_local(*p))
        .collect();
    let inside = ring.iter().zip(ring.iter().cycle().skip(1)).all(|(a, b)| {
        let steps = (a.distance_m(*b)).ceil().clamp(1.0, 20_000.0) as u32;
        (0..=steps).all(|k| {
            let f = f64::from(k) / f64::from(steps);
            let p = missions::plane::EastNorth::new(
                a.east_m + f * (b.east_m - a.east_m),
                a.north_m + f * (b.north_m - a.north_m),
            );
            old.boundary().depth_m(p) >= -TOLERANCE_M
        })
    });
    // A notch of the old boundary that reaches into the new one between two samples shows as a corner inside it.
    let no_notch = old
        .boundary_latlon()
        .iter()
        .all(|p| new.boundary().depth_m(new.plane().to_local(*p)) <= TOLERANCE_M);
    let keeps_out = old
        .keepouts()
        .iter()
        .all(|k| new.keepouts().iter().any(|n| n.shape == k.shape));
    let ceiling = match (old.ceiling_amsl_m(), new.ceiling_amsl_m()) {
        (Some(o), Some(n)) => n <= o + 1e-6,
        (Some(_), None) => false,
        (None, _) => true,
    };
    inside && no_notch && keeps_out && ceiling
}
