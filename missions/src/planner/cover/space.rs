//! Free space for other rooms of the planner: what keeps the margin, what lies nearest, and the ways around.

use super::free::{Free, edges};
use super::geom::{P, between, dist, pt};
use super::ways::Ways;
use crate::plane::EastNorth;
use geo::{Contains, MultiPolygon, Polygon};

/// A place of free space may lie this part of the margin, and this many metres, outside the rings.
const BRIM: (f64, f64) = (0.1, 0.1);

/// The target less the margin.
pub(in crate::planner) struct Space {
    free: Free,
    edges: Vec<(P, P)>,
    margin_m: f64,
}

fn p(q: EastNorth) -> P {
    pt(q.east_m, q.north_m)
}

impl Space {
    /// Of a target (metres on the local plane) at a margin.
    pub fn new(target: &MultiPolygon<f64>, margin_m: f64) -> Self {
        Space {
            // The radius only sets the size of look-up cells here.
            free: Free::new(target, margin_m, margin_m.max(10.0)),
            edges: edges(target),
            margin_m,
        }
    }

    /// Pieces that hang together, largest first: each a little inside of what is legal.
    pub fn parts(&self) -> impl Iterator<Item = &Polygon<f64>> {
        self.free.parts.iter().map(|part| &part.shape)
    }

    /// Edges of the target's outline.
    pub fn edges(&self) -> impl Iterator<Item = (EastNorth, EastNorth)> + '_ {
        self.edges
            .iter()
            .map(|(a, b)| (EastNorth::new(a.x, a.y), EastNorth::new(b.x, b.y)))
    }

    /// Whether the straight way keeps the margin, one end of it being inside the target.
    pub fn legal(&self, a: EastNorth, b: EastNorth) -> bool {
        self.free.legal(p(a), p(b))
    }

    /// Whether the place is inside the target and keeps the margin.
    pub fn legal_place(&self, a: EastNorth) -> bool {
        self.free.legal_place(p(a))
    }

    /// Least distance of the straight way from the target's outline, metres.
    pub fn clearance_m(&self, a: EastNorth, b: EastNorth) -> f64 {
        self.edges
            .iter()
            .map(|(c, e)| between(p(a), p(b), *c, *e))
            .fold(f64::INFINITY, f64::min)
    }

    /// The ways around, to be asked many times.
    pub fn ways(&self) -> SpaceWays<'_> {
        let cell_m = self.margin_m.max(10.0);
        SpaceWays {
            space: self,
            ways: (self.free.parts.iter())
                .map(|part| Ways::new(&self.free, part, cell_m))
                .collect(),
        }
    }

    /// The part that a legal place belongs to.
    fn part_of(&self, a: P) -> Option<usize> {
        let inside = |shape: &Polygon<f64>| shape.contains(&geo::Point(a));
        if let Some(k) = self.free.parts.iter().position(|part| inside(&part.shape)) {
            return Some(k);
        }
        let to_rings = |rings: &[Vec<P>]| {
            rings
                .iter()
                .flat_map(|r| r.iter().zip(r.iter().cycle().skip(1)))
                .map(|(u, v)| dist(a, super::geom::nearest_on(a, *u, *v)))
                .fold(f64::INFINITY, f64::min)
        };
        self.free
            .parts
            .iter()
            .enumerate()
            .map(|(k, part)| (to_rings(&part.rings), k))
            .min_by(|x, y| x.0.total_cmp(&y.0))
            .filter(|(d, _)| *d <= BRIM.0 * self.margin_m + BRIM.1)
            .map(|(_, k)| k)
    }
}

/// Ways around inside a [`Space`].
pub(in crate::planner) struct SpaceWays<'a> {
    space: &'a Space,
    ways: Vec<Ways<'a>>,
}

impl SpaceWays<'_> {
    /// A short legal way, both ends included. `None` where the ends are not legal, or in different parts.
    pub fn way(&self, a: EastNorth, b: EastNorth) -> Option<Vec<EastNorth>> {
        if !(self.space.legal_place(a) && self.space.legal_place(b)) {
            return None;
        }
        if self.space.legal(a, b) {
            return Some(vec![a, b]);
        }
        let part = self.space.part_of(p(a))?;
        if self.space.part_of(p(b)) != Some(part) {
            return None;
        }
        let way = self.ways.get(part)?.way(p(a), p(b))?;
        Some(way.into_iter().map(|q| EastNorth::new(q.x, q.y)).collect())
    }

    /// The legal place nearest to `a`.
    pub fn nearest(&self, a: EastNorth) -> Option<EastNorth> {
        if self.space.legal_place(a) {
            return Some(a);
        }
        self.ways
            .iter()
            .filter_map(|w| w.nearest_free(p(a)))
            .filter(|q| self.space.free.legal_place(*q))
            .min_by(|x, y| dist(*x, p(a)).total_cmp(&dist(*y, p(a))))
            .map(|q| EastNorth::new(q.x, q.y))
    }
}
