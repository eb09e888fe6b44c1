//! The autopilot's own fence: a smaller 2-D copy, second line behind the companion's guard.
//!
//! It has no heights but one ceiling, and no clock. A keep-out with a floor that the plan flies under, or with a clock
//! outside the plan's window, is left out of it (an autopilot would stop at it wrongly); what that loses stands in the
//! failsafe table.

use super::contain::Rules;
use super::flat::{self, Area};
use super::route::grown;
use super::{Fence, FenceFault};
use crate::place::LatLon;
use crate::plane::EastNorth;
use crate::time::Window;
use crate::venue::Role;
use geo::algorithm::buffer::{Buffer, BufferStyle, LineJoin};
use geo::algorithm::simplify_vw::SimplifyVwPreserve;
use geo::{LineString, Polygon};
use serde::{Deserialize, Serialize};

/// What goes to the autopilot by the mission protocol's fence list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutopilotFence {
    /// The one inclusion polygon, not closed.
    pub inclusion: Vec<LatLon>,
    /// Exclusion polygons, not closed.
    pub exclusions: Vec<Vec<LatLon>>,
    /// Exclusion circles: centre, radius in metres.
    pub circles: Vec<(LatLon, f64)>,
    /// Ceiling above home, metres; 0 when the fence has none.
    pub ceiling_above_home_m: f64,
}

impl AutopilotFence {
    /// Corners and circles together, as an autopilot's capacity counts them.
    #[must_use]
    pub fn vertex_count(&self) -> usize {
        self.inclusion.len()
            + self.exclusions.iter().map(Vec::len).sum::<usize>()
            + self.circles.len()
    }
}

impl Fence {
    /// Makes the autopilot's fence: the boundary drawn in by `inset_m`, the keep-outs that reach through all heights
    /// flown (`low..high`, metres above sea level) in `when` drawn out by `inset_m`, at most `max_vertices` corners.
    /// Proven: it lies inside the boundary and covers those keep-outs.
    ///
    /// # Errors
    /// [`FenceFault::NoAutopilotFence`] when it cannot be fitted.
    pub fn for_autopilot(
        &self,
        inset_m: f64,
        max_vertices: usize,
        heights_amsl_m: (f64, f64),
        when: Window,
    ) -> Result<AutopilotFence, FenceFault> {
        let fault = |why: &str| FenceFault::NoAutopilotFence(why.to_owned());
        if !(inset_m.is_finite() && inset_m >= 0.0) {
            return Err(fault("the inset is no length"));
        }
        let inclusion = self
            .inner_ring(inset_m, max_vertices)
            .ok_or_else(|| fault("the boundary cannot be drawn in that far with so few corners"))?;
        let (low, high) = heights_amsl_m;
        let rules = Rules {
            margin_m: 0.0,
            height_error_m: 0.0,
            when,
            over_crowds: true,
        };
        let mut out = AutopilotFence {
            inclusion,
            exclusions: Vec::new(),
            circles: Vec::new(),
            ceiling_above_home_m: self
                .ceiling_amsl_m()
                .map_or(0.0, |c| c - self.home().alt.metres()),
        };
        for (k, area) in self.keepout_areas() {
            // Only what bars the whole band of heights may stand in a fence without heights.
            let through = k.floor_amsl_m.is_none_or(|f| f <= low)
                && k.ceiling_amsl_m.is_none_or(|c| c >= high);
            if k.role == Role::Crowd || !through || !self.counts(k, low, high, &rules) {
                continue;
            }
            match area {
                Area::Disc { centre, radius_m } => {
                    let centre = self
                        .plane()
                        .to_latlon(*centre)
                        .ok_or_else(|| fault("a circle's centre is no place"))?;
                    out.circles.push((centre, radius_m + inset_m));
                }
                Area::Rings(_) => {
                    for polygon in &grown(area, inset_m) {
                        let ring: Vec<LatLon> = polygon
                            .exterior()
                            .coords()
                            .skip(1)
                            .filter_map(|c| self.plane().to_latlon(EastNorth::new(c.x, c.y)))
                            .collect();
                        out.exclusions.push(ring);
                    }
                }
            }
        }
        if out.vertex_count() > max_vertices {
            return Err(fault(&format!(
                "it needs {} corners and the autopilot takes {max_vertices}",
                out.vertex_count()
            )));
        }
        Ok(out)
    }

    /// A simple ring inside the boundary with at least `inset_m` to it and at most half of `max_vertices` corners.
    fn inner_ring(&self, inset_m: f64, max_vertices: usize) -> Option<Vec<LatLon>> {
        let Area::Rings(rings) = self.boundary() else {
            return None;
        };
        let outer = rings.first()?;
        let ring: LineString<f64> = outer
            .iter()
            .map(|p| (p.east_m, p.north_m))
            .collect::<Vec<_>>()
            .into();
        let polygon = Polygon::new(ring, Vec::new());
        let limit = (max_vertices / 2).max(3);
        // Simplifying may step out again: draw in a little further each time until the proof holds.
        for extra in [0.05, 1.0, 3.0, 8.0, 20.0] {
            let drawn_in = polygon.buffer_with_style(
                BufferStyle::new(-(inset_m + extra)).line_join(LineJoin::Miter(1.0)),
            );
            let largest = drawn_in.0.into_iter().max_by(|a, b| {
                use geo::Area as _;
                a.unsigned_area().total_cmp(&b.unsigned_area())
            })?;
            let mut tolerance_m2 = 0.0;
            for _ in 0..24 {
                let simple = if tolerance_m2 > 0.0 {
                    largest.simplify_vw_preserve(tolerance_m2)
                } else {
                    largest.clone()
                };
                tolerance_m2 = (tolerance_m2 * 2.0f64).max(1.0);
                let ring: Vec<LatLon> = simple
                    .exterior()
                    .coords()
                    .skip(1)
                    .filter_map(|c| self.plane().to_latlon(EastNorth::new(c.x, c.y)))
                    .collect();
                if ring.len() < 3 || ring.len() > limit {
                    continue;
                }
                if self.holds(&ring, inset_m) {
                    return Some(ring);
                }
                break;
            }
        }
        None
    }

    fn holds(&self, ring: &[LatLon], inset_m: f64) -> bool {
        let local: Vec<EastNorth> = ring.iter().map(|p| self.plane().to_local(*p)).collect();
        flat::edges(&local).all(|e| {
            self.boundary().contains(e.0) && self.boundary().edge_to_outline_m(e) >= inset_m
        })
    }
}
