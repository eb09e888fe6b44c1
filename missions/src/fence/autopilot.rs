//! The autopilot's own fence: a smaller 2-D copy, second line behind the companion's guard.
//!
//! It has no heights but one ceiling, and no clock. A keep-out that the plan flies over or under, or whose clock is outside
//! the plan's, must be left out of it (an autopilot would stop at it wrongly); what that loses stands in the failsafe
//! table. Nothing is simplified without proof that what comes out is the safer side.

use super::contain::Rules;
use super::flat::{self, Area};
use super::{Fence, FenceFault, KeepOut};
use crate::place::LatLon;
use crate::plane::EastNorth;
use crate::time::Window;
use crate::venue::Role;
use geo::algorithm::buffer::{Buffer, BufferStyle, LineJoin};
use geo::algorithm::simplify_vw::SimplifyVwPreserve;
use geo::{ConvexHull, LineString, Polygon};
use serde::{Deserialize, Serialize};

/// Room above the plan's highest leg where the ceiling follows the ground, metres.
const ABOVE_PLAN_M: f64 = 8.0;

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
    /// Makes the autopilot's fence: the boundary drawn in by `inset_m`, and the keep-outs that come into force in `when`
    /// at heights `low..high` (metres above sea level) drawn out by `inset_m`, except those `left_out` names; together at
    /// most `max_vertices` corners. Crowds are no part of it. Proven: it lies inside the boundary and covers those
    /// keep-outs. See [`crate::plan::PatrolPlan::autopilot_fence`], which also proves that it contains the plan.
    ///
    /// # Errors
    /// [`FenceFault::NoAutopilotFence`] when it cannot be fitted.
    pub fn for_autopilot(
        &self,
        inset_m: f64,
        max_vertices: usize,
        heights_amsl_m: (f64, f64),
        when: Window,
        left_out: &dyn Fn(&KeepOut, &Area) -> bool,
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
            ceiling_above_home_m: self.ceiling_amsl_m().map_or(0.0, |c| {
                // Over hills the autopilot knows one height only: a little above what the plan needs.
                let needed_m = heights_amsl_m.1 + ABOVE_PLAN_M;
                let c = if self.ceiling_above_ground_m().is_some() {
                    c.min(needed_m)
                } else {
                    c
                };
                c - self.home().alt.metres()
            }),
        };
        let mut rings: Vec<(&Area, Vec<LatLon>)> = Vec::new();
        for (k, area) in self.keepout_areas() {
            if k.role == Role::Crowd || !self.counts(k, low, high, &rules) || left_out(k, area) {
                continue;
            }
            match area {
                Area::Disc { centre, radius_m } => {
                    let centre = self
                        .plane()
                        .to_latlon(*centre)
                        .ok_or_else(|| fault("a circle's centre is no place"))?;
                    // The centre is rounded to the wire grid; a centimetre covers that.
                    out.circles.push((centre, radius_m + inset_m + 0.01));
                }
                Area::Rings(_) => {
                    let ring = self
                        .outer_ring(area, inset_m, usize::MAX)
                        .ok_or_else(|| fault(&format!("`{}` cannot be drawn out", k.id)))?;
                    rings.push((area, ring));
                }
            }
        }
        // Too many corners: the keep-out with most of them becomes its hull, then a box, until it fits.
        for most in [16, 8, 4] {
            let count = |rings: &[(&Area, Vec<LatLon>)]| {
                out.vertex_count() + rings.iter().map(|r| r.1.len()).sum::<usize>()
            };
            rings.sort_by_key(|r| std::cmp::Reverse(r.1.len()));
            for i in 0..rings.len() {
                if count(&rings) <= max_vertices {
                    break;
                }
                if let Some((area, ring)) = rings.get_mut(i)
                    && ring.len() > most
                    && let Some(simpler) = self.outer_ring(area, inset_m, most)
                {
                    *ring = simpler;
                }
            }
        }
        out.exclusions = rings.into_iter().map(|r| r.1).collect();
        if out.vertex_count() > max_vertices {
            return Err(fault(&format!(
                "it needs {} corners and the autopilot takes {max_vertices}",
                out.vertex_count()
            )));
        }
        Ok(out)
    }

    /// A ring of at most `limit` corners around an area, at least `inset_m` from it; proven.
    fn outer_ring(&self, area: &Area, inset_m: f64, limit: usize) -> Option<Vec<LatLon>> {
        let Area::Rings(rings) = area else {
            return None;
        };
        let polygon = Polygon::new(to_line(rings.first()?), Vec::new());
        // Chords of a round join lie inside the arc: reach out by what they lose.
        const ROUND_RAD: f64 = 0.6;
        let drawn_out = |by_m: f64, join: LineJoin<f64>| -> Vec<EastNorth> {
            polygon
                .buffer_with_style(BufferStyle::new(by_m).line_join(join))
                .0
                .into_iter()
                .next()
                .map(|p| to_ring(&p))
                .unwrap_or_default()
        };
        let hull = to_ring(&polygon.convex_hull());
        let around_hull = Area::Rings(vec![hull.clone()]).way_corners(inset_m + 0.05, true);
        let bound = |f: &dyn Fn(&EastNorth) -> f64| {
            hull.iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| {
                    (l.min(f(p)), h.max(f(p)))
                })
        };
        let (west, east) = bound(&|p| p.east_m);
        let (south, north) = bound(&|p| p.north_m);
        let out_m = inset_m + 0.05;
        let boxed = vec![
            EastNorth::new(west - out_m, south - out_m),
            EastNorth::new(east + out_m, south - out_m),
            EastNorth::new(east + out_m, north + out_m),
            EastNorth::new(west - out_m, north + out_m),
        ];
        // Closest first: what reaches further at its corners bars ways the plan was proven on.
        let corners = rings.first().map_or(0, Vec::len);
        let rounded = if hull.len() == corners {
            around_hull.clone()
        } else {
            drawn_out(
                (inset_m + 0.05) / (ROUND_RAD / 2.0).cos(),
                LineJoin::Round(ROUND_RAD),
            )
        };
        let mitred = drawn_out(inset_m + 0.05, LineJoin::Miter(0.5));
        [rounded, mitred, around_hull, boxed]
            .into_iter()
            .filter(|ring| ring.len() >= 3 && ring.len() <= limit)
            .find_map(|ring| {
                let on_grid: Vec<LatLon> = ring
                    .into_iter()
                    .map(|p| self.plane().to_latlon(p))
                    .collect::<Option<_>>()?;
                self.covers(&on_grid, area, inset_m).then_some(on_grid)
            })
    }

    /// Whether the ring lies around the area with at least `inset_m` between their outlines.
    fn covers(&self, ring: &[LatLon], area: &Area, inset_m: f64) -> bool {
        let local: Vec<EastNorth> = ring.iter().map(|p| self.plane().to_local(*p)).collect();
        let apart = flat::edges(&local).all(|e| area.edge_to_outline_m(e) >= inset_m.max(1e-3));
        let around = Area::Rings(vec![local]);
        apart && area.vertices().into_iter().all(|p| around.contains(p))
    }

    /// A simple ring inside the boundary with at least `inset_m` to it and at most half of `max_vertices` corners.
    fn inner_ring(&self, inset_m: f64, max_vertices: usize) -> Option<Vec<LatLon>> {
        let Area::Rings(rings) = self.boundary() else {
            return None;
        };
        let polygon = Polygon::new(to_line(rings.first()?), Vec::new());
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

fn to_line(ring: &[EastNorth]) -> LineString<f64> {
    ring.iter()
        .map(|p| (p.east_m, p.north_m))
        .collect::<Vec<_>>()
        .into()
}

fn to_ring(polygon: &Polygon<f64>) -> Vec<EastNorth> {
    polygon
        .exterior()
        .coords()
        .skip(1)
        .map(|c| EastNorth::new(c.x, c.y))
        .collect()
}
