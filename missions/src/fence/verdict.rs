//! Where a position stands against the fence.

use super::Fence;
use crate::place::{Alt, Amsl, LatLon};
use crate::plane::EastNorth;
use crate::time::{Reading, Utc};
use crate::venue::Role;
use serde::{Deserialize, Serialize};

/// Why a verdict cannot be given: what is missing.
#[expect(
    clippy::enum_variant_names,
    reason = "each names what is missing, and is a stable word in files"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyUnknown {
    /// No position.
    NoPosition,
    /// No height, of the aircraft or of the ground below it, and the fence has a floor or ceiling that matters here.
    NoHeight,
    /// The position error, or the distance that counts as near, is no number.
    NoError,
    /// No time, and the boundary is valid only for some hours.
    NoTime,
}

/// Where a position stands. Distances in metres, shrunk by the position's error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Inside with room.
    Inside {
        /// To the nearest fence element.
        margin_m: f64,
    },
    /// Inside, close to the edge.
    Near {
        /// To the nearest fence element.
        margin_m: f64,
    },
    /// Out, or within the error of being out.
    Outside {
        /// By how much.
        by_m: f64,
    },
    /// Not known; never to be taken for inside.
    Unknown {
        /// Why.
        why: WhyUnknown,
    },
}

impl Fence {
    /// Judges a position whose error is `error_m`; closer than `near_m` is [`Verdict::Near`].
    ///
    /// A keep-out with a clock counts when the time is unknown. Crowds do not count: being over one is a matter of the
    /// plan's permit, not of the fence.
    #[must_use]
    pub fn verdict(
        &self,
        at: Reading<LatLon>,
        alt: Reading<Alt<Amsl>>,
        utc: Reading<Utc>,
        error_m: f64,
        near_m: f64,
    ) -> Verdict {
        let Some(at) = at.valid() else {
            return Verdict::Unknown {
                why: WhyUnknown::NoPosition,
            };
        };
        let Some(alt) = alt.valid() else {
            return Verdict::Unknown {
                why: WhyUnknown::NoHeight,
            };
        };
        if !(error_m.is_finite() && error_m >= 0.0) || near_m.is_nan() {
            return Verdict::Unknown {
                why: WhyUnknown::NoError,
            };
        }
        if let Some(hours) = self.window() {
            match utc.valid() {
                None => {
                    return Verdict::Unknown {
                        why: WhyUnknown::NoTime,
                    };
                }
                Some(t) if !hours.overlaps(t, t) => return Verdict::Outside { by_m: 0.0 },
                Some(_) => {}
            }
        }
        if self.ground_at_m(self.plane().to_local(at)).is_err() {
            return Verdict::Unknown {
                why: WhyUnknown::NoHeight,
            };
        }
        let margin_m = self.clearance_m(self.plane().to_local(at), alt.metres(), utc) - error_m;
        if margin_m.is_nan() {
            Verdict::Unknown {
                why: WhyUnknown::NoPosition,
            }
        } else if margin_m <= 0.0 {
            Verdict::Outside { by_m: -margin_m }
        } else if margin_m < near_m {
            Verdict::Near { margin_m }
        } else {
            Verdict::Inside { margin_m }
        }
    }

    /// Distance to the nearest fence element (boundary, keep-outs in force, floor, ceiling), metres; negative outside.
    ///
    /// The boundary's own hours are judged by [`Fence::verdict`], not here. A keep-out's distance is the distance to its volume: beside it the horizontal one, above or below it the
    /// vertical one, off a corner both.
    #[must_use]
    pub fn clearance_m(&self, at: EastNorth, alt_amsl_m: f64, utc: Reading<Utc>) -> f64 {
        let mut clear = self.boundary.depth_m(at);
        if let Some(c) = self.ceiling_amsl_m {
            clear = clear.min(c - alt_amsl_m);
        }
        if let Some(f) = self.floor_amsl_m {
            clear = clear.min(alt_amsl_m - f);
        }
        match self.ground_at_m(at) {
            Err(()) => return f64::NAN,
            Ok(None) => {}
            Ok(Some(ground_m)) => {
                let above_m = alt_amsl_m - ground_m;
                if let Some(c) = self.relief.as_ref().and_then(|r| r.ceiling_above_ground_m) {
                    clear = clear.min(c - above_m);
                }
                if let Some(f) = self.relief.as_ref().and_then(|r| r.floor_above_ground_m) {
                    clear = clear.min(above_m - f);
                }
            }
        }
        for (k, area) in self.keepout_areas() {
            if k.role == Role::Crowd {
                continue;
            }
            let in_force = match (k.window, utc.valid()) {
                (Some(w), Some(t)) => w.overlaps(t, t),
                _ => true,
            };
            if !in_force {
                continue;
            }
            let beside_m = -area.depth_m(at);
            let under_m = k.floor_amsl_m.map_or(f64::NEG_INFINITY, |f| f - alt_amsl_m);
            let over_m = k
                .ceiling_amsl_m
                .map_or(f64::NEG_INFINITY, |c| alt_amsl_m - c);
            let vertical_m = under_m.max(over_m);
            let d = match (beside_m > 0.0, vertical_m > 0.0) {
                (true, true) => beside_m.hypot(vertical_m),
                (true, false) => beside_m,
                (false, true) => vertical_m,
                // Inside the volume: the shortest way out.
                (false, false) => beside_m.max(vertical_m),
            };
            clear = clear.min(d);
        }
        if at.east_m.is_nan() || at.north_m.is_nan() || alt_amsl_m.is_nan() {
            f64::NAN
        } else {
            clear
        }
    }
}
