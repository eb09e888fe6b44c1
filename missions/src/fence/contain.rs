//! Whole legs proven inside: the only mint of [`ContainedLeg`].

use super::flat::Area;
use super::{Fence, KeepOut};
use crate::place::{Alt, Amsl, LatLon};
use crate::plane::EastNorth;
use crate::time::Window;
use crate::venue::Role;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Least margin anything is proven with, metres: keeps every judgement clear of rounding.
pub const MIN_MARGIN_M: f64 = 0.01;

/// A straight piece of flight. `from == to` with different heights is a climb or descent on the spot; equal heights
/// too is a loiter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Start.
    pub from: LatLon,
    /// Height at the start.
    pub from_alt: Alt<Amsl>,
    /// End.
    pub to: LatLon,
    /// Height at the end.
    pub to_alt: Alt<Amsl>,
}

/// What stands in a leg's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// The patrol boundary.
    Boundary,
    /// A keep-out, by id.
    KeepOut(String),
    /// A crowd, by id: no permit in the plan.
    Crowd(String),
    /// The floor.
    Floor,
    /// The ceiling.
    Ceiling,
    /// The ground: too near below.
    Ground,
    /// The ground below is not known: a void, or outside the tiles.
    GroundUnknown,
    /// The boundary's own hours: it is not valid for the whole time the leg may be flown.
    Hours,
    /// A number that is none.
    NotANumber,
}

/// Where and by how much a leg breaks the fence.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("at {at}: {what:?} is {by_m:.1} m too near")]
pub struct LegFault {
    /// Place of the fault.
    pub at: LatLon,
    /// Metres missing to the margin (vertical for floor and ceiling).
    pub by_m: f64,
    /// What is in the way.
    pub what: Obstacle,
}

/// A leg that was proven inside the fence. Only [`Fence::contain`] makes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContainedLeg {
    leg: Leg,
    clearance_m: f64,
}

impl ContainedLeg {
    /// The leg.
    #[must_use]
    pub fn leg(&self) -> Leg {
        self.leg
    }
    /// Horizontal distance to the nearest fence element that counts for it, metres.
    #[must_use]
    pub fn clearance_m(&self) -> f64 {
        self.clearance_m
    }
}

/// What a leg is checked with.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Horizontal margin, metres.
    pub margin_m: f64,
    /// Vertical margin, metres.
    pub height_error_m: f64,
    /// When the leg may be flown.
    pub when: Window,
    /// Whether the plan has a permit to fly over crowds.
    pub over_crowds: bool,
}

impl Fence {
    /// Proves a leg inside with `margin_m` to every side, at any time in `when`; no permit for crowds, 3 m of height
    /// error.
    ///
    /// # Errors
    /// [`LegFault`] with the place of the worst fault.
    pub fn contain(
        &self,
        leg: &Leg,
        margin_m: f64,
        when: Window,
    ) -> Result<ContainedLeg, LegFault> {
        self.contain_with(
            leg,
            &Rules {
                margin_m,
                height_error_m: 3.0,
                when,
                over_crowds: false,
            },
        )
    }

    /// Proves a leg inside under `rules`. Exact along the whole leg, not sampled. The heights of a slanting leg are
    /// taken as its whole span (conservative).
    ///
    /// # Errors
    /// [`LegFault`] with the place of the worst fault.
    pub fn contain_with(&self, leg: &Leg, rules: &Rules) -> Result<ContainedLeg, LegFault> {
        let margin_m = rules.margin_m.max(MIN_MARGIN_M);
        let edge = (self.plane.to_local(leg.from), self.plane.to_local(leg.to));
        let (low, high) = (
            leg.from_alt.metres().min(leg.to_alt.metres()),
            leg.from_alt.metres().max(leg.to_alt.metres()),
        );
        if !(rules.margin_m.is_finite() && rules.height_error_m.is_finite()) {
            return Err(LegFault {
                at: leg.from,
                by_m: f64::INFINITY,
                what: Obstacle::NotANumber,
            });
        }
        if self
            .window
            .is_some_and(|w| rules.when.from < w.from || rules.when.until > w.until)
        {
            return Err(LegFault {
                at: leg.from,
                by_m: f64::INFINITY,
                what: Obstacle::Hours,
            });
        }
        if let Some(c) = self.ceiling_amsl_m
            && high > c - rules.height_error_m
        {
            return Err(LegFault {
                at: leg.to,
                by_m: high - (c - rules.height_error_m),
                what: Obstacle::Ceiling,
            });
        }
        if let Some(f) = self.floor_amsl_m
            && low < f + rules.height_error_m
        {
            return Err(LegFault {
                at: leg.from,
                by_m: f + rules.height_error_m - low,
                what: Obstacle::Floor,
            });
        }
        self.check_ground(leg, rules)?;
        let mut clearance_m = f64::INFINITY;
        let mut worst: Option<LegFault> = None;
        let mut blame = |short_m: f64, area: &Area, what: Obstacle| {
            if worst.as_ref().is_none_or(|w| short_m > w.by_m) {
                let at = self
                    .plane
                    .to_latlon(area.nearest_to_edge(edge))
                    .unwrap_or(leg.from);
                worst = Some(LegFault {
                    at,
                    by_m: short_m,
                    what,
                });
            }
        };
        let to_edge_m = self.boundary.edge_to_outline_m(edge);
        // Clear of the outline, one end decides for the whole leg.
        let room_m = if to_edge_m > 0.0 && self.boundary.contains(edge.0) {
            to_edge_m
        } else {
            -escape_m(&self.boundary, edge)
        };
        clearance_m = clearance_m.min(room_m);
        if room_m < margin_m {
            blame(margin_m - room_m, &self.boundary, Obstacle::Boundary);
        }
        for (k, area) in self.keepout_areas() {
            if !self.counts(k, low, high, rules) {
                continue;
            }
            let to_edge_m = area.edge_to_outline_m(edge);
            let room_m = if to_edge_m > 0.0 && !area.contains(edge.0) {
                to_edge_m
            } else {
                -intrusion_m(area, edge)
            };
            clearance_m = clearance_m.min(room_m);
            if room_m < margin_m {
                let what = if k.role == Role::Crowd {
                    Obstacle::Crowd(k.id.clone())
                } else {
                    Obstacle::KeepOut(k.id.clone())
                };
                blame(margin_m - room_m, area, what);
            }
        }
        match worst {
            Some(fault) => Err(fault),
            None => Ok(ContainedLeg {
                leg: *leg,
                clearance_m,
            }),
        }
    }

    /// Proves every straight way from any point of `base` to `apex` inside, at heights between those of `base`: the
    /// whole triangle, exactly. An outline inside the triangle would have to cross a side or lie wholly within, and both
    /// are looked for.
    ///
    /// # Errors
    /// [`LegFault`] with the place of a fault.
    pub fn contain_fan(&self, base: &Leg, apex: LatLon, rules: &Rules) -> Result<(), LegFault> {
        let side = |from, to| Leg { from, to, ..*base };
        for leg in [
            side(base.from, base.to),
            side(base.from, apex),
            side(base.to, apex),
        ] {
            self.contain_with(&leg, rules)?;
        }
        self.check_ground_of_fan(base, apex, rules)?;
        let triangle = [base.from, base.to, apex].map(|p| self.plane.to_local(p));
        let (low, high) = (
            base.from_alt.metres().min(base.to_alt.metres()),
            base.from_alt.metres().max(base.to_alt.metres()),
        );
        for (k, area) in self.keepout_areas() {
            if !self.counts(k, low, high, rules) {
                continue;
            }
            if let Some(p) = area.point_within(triangle) {
                let what = if k.role == Role::Crowd {
                    Obstacle::Crowd(k.id.clone())
                } else {
                    Obstacle::KeepOut(k.id.clone())
                };
                return Err(LegFault {
                    at: self.plane.to_latlon(p).unwrap_or(apex),
                    by_m: rules.margin_m,
                    what,
                });
            }
        }
        Ok(())
    }

    /// Whether a keep-out counts for heights `[low, high]` under `rules`.
    pub(crate) fn counts(
        &self,
        k: &KeepOut,
        low_amsl_m: f64,
        high_amsl_m: f64,
        rules: &Rules,
    ) -> bool {
        if k.role == Role::Crowd && rules.over_crowds {
            return false;
        }
        k.touches_time(rules.when)
            && k.touches_heights(low_amsl_m, high_amsl_m, rules.height_error_m)
    }
}

/// How deep the leg goes out of the area, metres (for the message; the refusal itself does not rest on it).
fn escape_m(area: &Area, e: (EastNorth, EastNorth)) -> f64 {
    samples(e)
        .map(|p| (-area.depth_m(p)).max(0.0))
        .fold(0.0, f64::max)
}

/// How deep the leg goes into the area, metres (for the message).
fn intrusion_m(area: &Area, e: (EastNorth, EastNorth)) -> f64 {
    samples(e)
        .map(|p| area.depth_m(p).max(0.0))
        .fold(0.0, f64::max)
}

fn samples((a, b): (EastNorth, EastNorth)) -> impl Iterator<Item = EastNorth> {
    (0..=32).map(move |i| {
        let t = f64::from(i) / 32.0;
        EastNorth::new(
            a.east_m + t * (b.east_m - a.east_m),
            a.north_m + t * (b.north_m - a.north_m),
        )
    })
}
