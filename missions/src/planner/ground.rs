//! The proven fence as a ground for patterns: every straight piece is inside with its margin, and so is every return
//! from it.

use super::explain::{Blame, LeftPiece, Obstruction};
use super::patterns::LeftOut;
use super::patterns::join::Ground;
use crate::fence::contain::Rules;
use crate::fence::flat::Area;
use crate::fence::route::Router;
use crate::fence::{Fence, Leg};
use crate::place::{Alt, Amsl, LatLon};
use crate::plane::EastNorth;
use crate::planner::cover::space::SpaceWays;
use geo::{Coord, LineString, MultiPolygon, Polygon};

/// Corners of a disc's outline; drawn outside the disc.
const DISC_CORNERS: u32 = 96;
/// A fence with more edges than this is routed by walking along its outlines; proving who sees whom would take seconds.
pub(super) const MANY_EDGES: usize = 400;

/// Where a plan may fly at one height.
pub(super) struct Proven<'a> {
    pub fence: &'a Fence,
    pub router: &'a Router<'a>,
    pub ways: &'a SpaceWays<'a>,
    pub blame: Blame<'a>,
    pub rules: Rules,
    pub alt: Alt<Amsl>,
    /// Only inside this.
    pub zone: Option<Area>,
    /// Whether outlines have many edges.
    pub walks: bool,
}

impl Proven<'_> {
    fn place(&self, p: EastNorth) -> Option<LatLon> {
        self.fence.plane().to_latlon(p)
    }

    fn leg(&self, a: EastNorth, b: EastNorth) -> Option<Leg> {
        Some(Leg {
            from: self.place(a)?,
            from_alt: self.alt,
            to: self.place(b)?,
            to_alt: self.alt,
        })
    }

    /// What stands in the way of a leg.
    pub fn because(&self, a: EastNorth, b: EastNorth) -> Option<Obstruction> {
        self.blame.of(&self.leg(a, b)?)
    }

    /// A piece that is left out, with what stands in its way.
    pub fn left(&self, piece: &LeftOut) -> Option<LeftPiece> {
        Some(LeftPiece {
            from: self.place(piece.from)?,
            to: self.place(piece.to)?,
            metres: piece.metres,
            why: piece.why,
            because: self.because(piece.from, piece.to),
        })
    }

    /// Cuts pieces of a line to the zone asked for.
    fn within_zone(&self, a: EastNorth, b: EastNorth, pieces: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        let Some(zone) = &self.zone else {
            return pieces;
        };
        let length_m = a.distance_m(b);
        let mut cuts = zone.crossings((a, b));
        cuts.sort_by(f64::total_cmp);
        let mut out = Vec::new();
        for (from, to) in pieces {
            let mut last = from;
            for cut in cuts
                .iter()
                .map(|t| t * length_m)
                .filter(|c| *c > from && *c < to)
                .chain([to])
            {
                let t = (last + cut) / 2.0 / length_m;
                let mid = EastNorth::new(
                    a.east_m + t * (b.east_m - a.east_m),
                    a.north_m + t * (b.north_m - a.north_m),
                );
                if zone.contains(mid) {
                    out.push((last, cut));
                }
                last = cut;
            }
        }
        out
    }
}

impl Ground for Proven<'_> {
    fn free_along(&self, a: EastNorth, b: EastNorth) -> Vec<(f64, f64)> {
        let free = self
            .fence
            .free_along((a, b), 0.0, self.alt.metres(), &self.rules);
        self.within_zone(a, b, free)
    }

    fn whole(&self, a: EastNorth, b: EastNorth) -> bool {
        let zoned = self.zone.as_ref().is_none_or(|z| {
            z.contains(a) && z.contains(b) && (a == b || z.crossings((a, b)).is_empty())
        });
        // Hovering over a crowd is never permitted, a permit for flying over it or not.
        let stays = a != b
            || self.leg(a, b).is_some_and(|leg| {
                let over_crowds = false;
                let rules = Rules {
                    over_crowds,
                    ..self.rules
                };
                self.fence.contain_with(&leg, &rules).is_ok()
            });
        zoned && stays && self.sees(a, b)
    }

    fn sees(&self, a: EastNorth, b: EastNorth) -> bool {
        match (self.place(a), self.place(b)) {
            (Some(a), Some(b)) => self.router.sees(a, b),
            _ => false,
        }
    }

    fn route(&self, a: EastNorth, b: EastNorth) -> Option<Vec<EastNorth>> {
        if self.walks
            && let Some(way) = self.ways.way(a, b)
        {
            let way: Vec<EastNorth> = way.into_iter().map(|p| self.on_grid(p)).collect();
            let proven = |w: &[EastNorth]| matches!(w, [p, q] if self.sees(*p, *q));
            if way.windows(2).all(proven) {
                return Some(way);
            }
        }
        let plane = self.fence.plane();
        let way = self.router.route(self.place(a)?, self.place(b)?)?;
        Some(way.into_iter().map(|p| plane.to_local(p)).collect())
    }

    fn on_grid(&self, p: EastNorth) -> EastNorth {
        let plane = self.fence.plane();
        plane.to_latlon(p).map_or(p, |q| plane.to_local(q))
    }

    fn nearest(&self, p: EastNorth) -> Option<EastNorth> {
        self.ways
            .nearest(p)
            .map(|q| self.on_grid(q))
            .filter(|q| self.sees(*q, *q))
    }
}

/// What counts of the fence at one height, as polygons on its plane.
pub(super) fn outlines(fence: &Fence, alt_amsl_m: f64, rules: &Rules) -> MultiPolygon<f64> {
    let keepouts: Vec<Polygon<f64>> = fence
        .keepout_areas()
        .filter(|(k, _)| fence.counts(k, alt_amsl_m, alt_amsl_m, rules))
        .map(|(_, area)| polygon(area))
        .collect();
    super::cover::target(&[polygon(fence.boundary())], &keepouts)
}

/// An area as a polygon; a disc's is drawn around it.
pub(super) fn polygon(area: &Area) -> Polygon<f64> {
    let line = |ring: &[EastNorth]| {
        LineString(
            ring.iter()
                .map(|p| Coord {
                    x: p.east_m,
                    y: p.north_m,
                })
                .collect(),
        )
    };
    match area {
        Area::Rings(rings) => {
            let mut all = rings.iter().map(|r| line(r));
            Polygon::new(
                all.next().unwrap_or_else(|| LineString(Vec::new())),
                all.collect(),
            )
        }
        Area::Disc { centre, radius_m } => {
            let step = std::f64::consts::TAU / f64::from(DISC_CORNERS);
            let reach_m = radius_m / (step / 2.0).cos();
            let corner = |k: u32| {
                let (sin, cos) = (step * f64::from(k)).sin_cos();
                EastNorth::new(
                    centre.east_m + reach_m * cos,
                    centre.north_m + reach_m * sin,
                )
            };
            let ring: Vec<EastNorth> = (0..DISC_CORNERS).map(corner).collect();
            Polygon::new(line(&ring), Vec::new())
        }
    }
}
