//! What the camera had in view, by geometry alone: which ground of the watch zones, when, and for how long.
//!
//! Straight down on flat ground, a disc whose radius is the share of the height that a tilted, gust-shaken aircraft is
//! sure to see. It says what *could* be seen; what the eyes found in the rendered pictures is told beside it.

use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use missions::venue::{Role, Shape, Venue, Zone};
use serde::Serialize;

/// Side of a cell, metres.
const CELL_M: f64 = 6.0;
/// Most cells of one zone; wider zones get wider cells.
const MAX_CELLS: f64 = 40_000.0;
/// Share of the picture's half side that is sure to be seen (the director's figure).
const SURE_SHARE: f64 = 0.55;

/// How well one zone was watched.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watched {
    /// Zone id.
    pub zone: String,
    /// Part of its ground that was in view at least once, percent.
    pub covered_pct: f64,
    /// Of the ground that was seen: the longest time between two looks, or from the last look to the landing, seconds.
    pub worst_age_s: f64,
}

struct Cell {
    at: EastNorth,
    /// Last looked at, seconds since take-off.
    last_s: Option<f64>,
    worst_s: f64,
}

struct Grid {
    zone: String,
    cells: Vec<Cell>,
}

/// Follows a flight over the watch zones of a venue.
pub struct Seen {
    plane: LocalPlane,
    grids: Vec<Grid>,
    /// Radius of the sure view as a share of the height above the ground.
    share: f64,
    last: Option<EastNorth>,
}

impl Seen {
    /// Nothing seen. `half_view`: half the picture's narrower side as a share of the height it is taken from. A venue
    /// without watch zones is watched as far as its boundary goes.
    #[must_use]
    pub fn new(venue: &Venue, home: LatLon, half_view: f64) -> Seen {
        let plane = LocalPlane::new(home);
        let mut zones: Vec<&Zone> = venue.zones_of(Role::WatchZone).collect();
        if zones.is_empty() {
            zones = venue.zones_of(Role::Inclusion).collect();
        }
        let grids = zones
            .into_iter()
            .map(|z| Grid {
                zone: z.id.clone(),
                cells: cells(&plane, &z.shape),
            })
            .collect();
        Seen {
            plane,
            grids,
            share: half_view * SURE_SHARE,
            last: None,
        }
    }

    /// The aircraft is here, `above_ground_m` over the ground, `t_s` seconds after take-off.
    pub fn look(&mut self, at: LatLon, above_ground_m: f64, t_s: f64) {
        let here = self.plane.to_local(at);
        let radius_m = above_ground_m * self.share;
        // A cell is looked at when its middle is in view; moving less than a quarter of a cell changes little.
        if self.last.is_some_and(|l| l.distance_m(here) < CELL_M / 4.0) {
            return;
        }
        self.last = Some(here);
        for c in self.grids.iter_mut().flat_map(|g| &mut g.cells) {
            if (c.at.east_m - here.east_m).abs() <= radius_m && c.at.distance_m(here) <= radius_m {
                if let Some(last) = c.last_s {
                    c.worst_s = c.worst_s.max(t_s - last);
                }
                c.last_s = Some(t_s);
            }
        }
    }

    /// What came of it; `end_s`: when it landed, seconds after take-off.
    #[must_use]
    pub fn watched(&self, end_s: f64) -> Vec<Watched> {
        self.grids
            .iter()
            .map(|g| {
                let seen = g.cells.iter().filter(|c| c.last_s.is_some()).count();
                let worst_age_s = g
                    .cells
                    .iter()
                    .filter_map(|c| Some(c.worst_s.max(end_s - c.last_s?)))
                    .fold(0.0, f64::max);
                Watched {
                    zone: g.zone.clone(),
                    covered_pct: 100.0 * seen as f64 / g.cells.len().max(1) as f64,
                    worst_age_s,
                }
            })
            .collect()
    }
}

/// Middles of the cells of an outline.
fn cells(plane: &LocalPlane, shape: &Shape) -> Vec<Cell> {
    let (rings, disc): (Vec<Vec<EastNorth>>, Option<(EastNorth, f64)>) = match shape {
        Shape::Polygon { outer, holes } => (
            std::iter::once(outer)
                .chain(holes)
                .map(|r| r.iter().map(|p| plane.to_local(*p)).collect())
                .collect(),
            None,
        ),
        Shape::Circle { centre, radius_m } => {
            (Vec::new(), Some((plane.to_local(*centre), *radius_m)))
        }
        Shape::Point(_) => (Vec::new(), None),
    };
    let (mut lo, mut hi) = match disc {
        Some((c, r)) => ((c.east_m - r, c.north_m - r), (c.east_m + r, c.north_m + r)),
        None => ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN)),
    };
    for p in rings.iter().flatten() {
        lo = (lo.0.min(p.east_m), lo.1.min(p.north_m));
        hi = (hi.0.max(p.east_m), hi.1.max(p.north_m));
    }
    let (wide, high) = (hi.0 - lo.0, hi.1 - lo.1);
    if wide.is_nan() || high.is_nan() || wide <= 0.0 || high <= 0.0 {
        return Vec::new();
    }
    let side = CELL_M.max((wide * high / MAX_CELLS).sqrt());
    let (nx, ny) = ((wide / side).ceil() as usize, (high / side).ceil() as usize);
    let mut out = Vec::new();
    for i in 0..nx {
        for k in 0..ny {
            let at = EastNorth::new(
                lo.0 + (i as f64 + 0.5) * side,
                lo.1 + (k as f64 + 0.5) * side,
            );
            let inside = match disc {
                Some((c, r)) => c.distance_m(at) <= r,
                None => rings.iter().filter(|r| is_inside(r, at)).count() % 2 == 1,
            };
            if inside {
                out.push(Cell {
                    at,
                    last_s: None,
                    worst_s: 0.0,
                });
            }
        }
    }
    out
}

/// Whether a place is in an outline.
pub(super) fn contains(plane: &LocalPlane, shape: &Shape, p: EastNorth) -> bool {
    match shape {
        Shape::Polygon { outer, holes } => {
            let ring = |r: &Vec<LatLon>| r.iter().map(|p| plane.to_local(*p)).collect::<Vec<_>>();
            is_inside(&ring(outer), p) && !holes.iter().any(|h| is_inside(&ring(h), p))
        }
        Shape::Circle { centre, radius_m } => plane.to_local(*centre).distance_m(p) <= *radius_m,
        Shape::Point(_) => false,
    }
}

/// Even-odd rule.
fn is_inside(ring: &[EastNorth], p: EastNorth) -> bool {
    let before = ring.last().into_iter().chain(ring);
    before.zip(ring).fold(false, |inside, (a, b)| {
        let crosses = (a.north_m > p.north_m) != (b.north_m > p.north_m)
            && p.east_m
                < a.east_m
                    + (p.north_m - a.north_m) / (b.north_m - a.north_m) * (b.east_m - a.east_m);
        inside != crosses
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_flight_over_a_zone_sees_its_strip_and_knows_how_long_ago() {
        let home = LatLon::from_degrees(27.787, 120.091).unwrap();
        let plane = LocalPlane::new(home);
        let at = |e: f64, n: f64| plane.to_latlon(EastNorth::new(e, n)).unwrap();
        let mut venue = Venue::sixi_river();
        venue.zones.retain(|z| z.role == Role::WatchZone);
        venue.zones.truncate(1);
        venue.zones[0].id = "river".into();
        venue.zones[0].shape = Shape::Polygon {
            outer: vec![
                at(0.0, -60.0),
                at(600.0, -60.0),
                at(600.0, 60.0),
                at(0.0, 60.0),
            ],
            holes: Vec::new(),
        };
        // 60 m up with half a picture of 0.6 of the height, 0.55 of it sure: 20 m to either side, a third of 120 m.
        let mut seen = Seen::new(&venue, home, 0.6);
        for k in 0..=300 {
            seen.look(at(2.0 * f64::from(k), 0.0), 60.0, f64::from(k) * 0.25);
        }
        let w = seen.watched(100.0);
        assert_eq!(w.len(), 1);
        assert!((w[0].covered_pct - 33.3).abs() < 4.0, "{w:?}");
        // The first metres were seen last some three seconds in.
        assert!((w[0].worst_age_s - 99.0).abs() < 3.0, "{w:?}");
        assert_eq!(w[0].zone, "river");
    }
}
