//! Legs above ground that is not flat: never into it, and within the boundary's limits above it.

use super::contain::{LegFault, Obstacle, Rules};
use super::{Fence, Leg};
use crate::place::LatLon;
use crate::plane::EastNorth;

/// Least height above the ground on a way, metres, besides what heights and terrain may be off: trees, wires, roofs
/// that no elevation tile of 30 m knows are not covered by it.
pub const LEAST_ABOVE_GROUND_M: f64 = 5.0;
/// Legs are judged in pieces of this length, metres: about two posts of SRTM.
const PIECE_M: f64 = 60.0;
/// Most pieces of a leg: a fence reaches no further than 20 km from its middle.
const MAX_PIECES: f64 = 1_000.0;

impl Fence {
    /// Judges a leg against the ground below it and beside it, out to the margin. Straight climbs and descents end on
    /// the ground and are judged only for the ceiling.
    pub(super) fn check_ground(&self, leg: &Leg, rules: &Rules) -> Result<(), LegFault> {
        let Some(relief) = &self.relief else {
            return Ok(());
        };
        let terrain = &relief.terrain;
        let off_m = terrain.error_m() + rules.height_error_m;
        let aside_m = rules.margin_m.max(0.0);
        let upright = leg.from == leg.to && leg.from_alt != leg.to_alt;
        let (a, b) = (
            self.plane().to_local(leg.from),
            self.plane().to_local(leg.to),
        );
        let n = (a.distance_m(b) / PIECE_M).ceil().clamp(1.0, MAX_PIECES);
        let (h0, h1) = (leg.from_alt.metres(), leg.to_alt.metres());
        let place = |u: f64| -> LatLon {
            if u <= 0.0 {
                return leg.from;
            }
            if u >= 1.0 {
                return leg.to;
            }
            self.plane()
                .to_latlon(EastNorth::new(
                    a.east_m + u * (b.east_m - a.east_m),
                    a.north_m + u * (b.north_m - a.north_m),
                ))
                .unwrap_or(leg.from)
        };
        let mut worst: Option<LegFault> = None;
        for k in 0..n as u32 {
            let (u0, u1) = (f64::from(k) / n, f64::from(k + 1) / n);
            let (from, to) = (place(u0), place(u1));
            let Some((low_m, high_m)) = terrain.span_m(from, to, aside_m) else {
                return Err(LegFault {
                    at: from,
                    by_m: f64::INFINITY,
                    what: Obstacle::GroundUnknown,
                });
            };
            // On the spot the whole climb counts; along a slope the piece's own heights.
            let (p, q) = if leg.from == leg.to {
                (h0, h1)
            } else {
                (h0 + u0 * (h1 - h0), h0 + u1 * (h1 - h0))
            };
            let (bottom_m, top_m) = (p.min(q), p.max(q));
            let mut blame = |by_m: f64, what: Obstacle| {
                if by_m > 0.0 && worst.as_ref().is_none_or(|w| by_m > w.by_m) {
                    worst = Some(LegFault {
                        at: from,
                        by_m,
                        what,
                    });
                }
            };
            if let Some(c) = relief.ceiling_above_ground_m {
                blame(top_m - (low_m + c - off_m), Obstacle::Ceiling);
            }
            if upright {
                continue;
            }
            blame(
                high_m + LEAST_ABOVE_GROUND_M + off_m - bottom_m,
                Obstacle::Ground,
            );
            if let Some(f) = relief.floor_above_ground_m {
                blame(high_m + f + off_m - bottom_m, Obstacle::Floor);
            }
        }
        worst.map_or(Ok(()), Err)
    }

    /// Judges every way from a base to an apex against the ground: the base in short pieces, from the middle of each a
    /// strip that takes in its whole triangle, at the lowest and at the highest height flown.
    pub(super) fn check_ground_of_fan(
        &self,
        base: &Leg,
        apex: LatLon,
        rules: &Rules,
    ) -> Result<(), LegFault> {
        if self.relief.is_none() {
            return Ok(());
        }
        let (a, b) = (
            self.plane().to_local(base.from),
            self.plane().to_local(base.to),
        );
        let length_m = a.distance_m(b);
        let n = (length_m / PIECE_M).ceil().clamp(1.0, MAX_PIECES);
        let wide = Rules {
            margin_m: rules.margin_m + length_m / n / 2.0,
            ..*rules
        };
        for k in 0..n as u32 {
            let u = (f64::from(k) + 0.5) / n;
            let from = self
                .plane()
                .to_latlon(EastNorth::new(
                    a.east_m + u * (b.east_m - a.east_m),
                    a.north_m + u * (b.north_m - a.north_m),
                ))
                .unwrap_or(base.from);
            for alt in [base.from_alt, base.to_alt] {
                let middle = Leg {
                    from,
                    from_alt: alt,
                    to: apex,
                    to_alt: alt,
                };
                self.check_ground(&middle, &wide)?;
            }
        }
        Ok(())
    }

    /// Height of the ground at a place, where it is not flat: `Ok(None)` when nothing here depends on it.
    pub(super) fn ground_at_m(&self, at: EastNorth) -> Result<Option<f64>, ()> {
        let Some(relief) = &self.relief else {
            return Ok(None);
        };
        if relief.ceiling_above_ground_m.is_none() && relief.floor_above_ground_m.is_none() {
            return Ok(None);
        }
        self.plane()
            .to_latlon(at)
            .and_then(|p| relief.terrain.height_m(p))
            .map(Some)
            .ok_or(())
    }
}
