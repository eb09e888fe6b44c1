//! Ways around: shortest paths inside the fence, by visibility graph.
//!
//! Candidate corners come from buffered outlines; every edge used is proven by [`Fence::contain_with`], so a buffer
//! that is a little off can cost a metre of way, never a metre of fence.

use super::contain::{Leg, Rules};
use super::flat::Area;
use super::{Fence, KeepOut};
use crate::place::{Alt, Amsl, LatLon};
use crate::plane::EastNorth;
use crate::time::Window;
use geo::algorithm::buffer::{Buffer, BufferStyle, LineJoin};
use geo::{BooleanOps, LineString, MultiPolygon, Polygon};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Most corners of the visibility graph; beyond it no way is looked for (and the caller must refuse).
const MAX_NODES: usize = 2_000;
/// Corners are laid this much further out than the margin, metres.
pub(crate) const SLACK_M: f64 = 0.06;

impl Fence {
    /// The free region at one height: the boundary less `inset_m`, less the keep-outs that count grown by `inset_m`.
    /// Corners are mitred, so the result keeps at least `inset_m` everywhere (to rounding; callers prove each leg).
    #[must_use]
    pub fn free_region(&self, inset_m: f64, alt_amsl_m: f64, rules: &Rules) -> MultiPolygon<f64> {
        let boundary = to_polygons(self.boundary());
        let mut free = boundary.buffer_with_style(style(-inset_m));
        for (k, area) in self.keepout_areas() {
            if self.counts(k, alt_amsl_m, alt_amsl_m, rules) {
                free = free.difference(&grown(area, inset_m));
            }
        }
        free
    }

    /// Shortest way from `from` to `to` at one height, both ends included; `None` when there is none (or when an end is
    /// itself too near the fence). No permit for crowds, 3 m of height error.
    #[must_use]
    pub fn route(
        &self,
        from: LatLon,
        to: LatLon,
        alt: Alt<Amsl>,
        margin_m: f64,
        when: Window,
    ) -> Option<Vec<LatLon>> {
        let rules = Rules {
            margin_m,
            height_error_m: 3.0,
            when,
            over_crowds: false,
        };
        Router::new(self, alt, rules).route(from, to)
    }
}

fn style(distance: f64) -> BufferStyle<f64> {
    BufferStyle::new(distance).line_join(LineJoin::Miter(1.0))
}

fn to_ring(r: &[EastNorth]) -> LineString<f64> {
    r.iter()
        .map(|p| (p.east_m, p.north_m))
        .collect::<Vec<_>>()
        .into()
}

fn to_polygons(area: &Area) -> MultiPolygon<f64> {
    match area {
        Area::Rings(rings) => match rings.split_first() {
            Some((outer, holes)) => MultiPolygon(vec![Polygon::new(
                to_ring(outer),
                holes.iter().map(|h| to_ring(h)).collect(),
            )]),
            None => MultiPolygon(Vec::new()),
        },
        Area::Disc { centre, radius_m } => disc(*centre, *radius_m),
    }
}

/// A polygon around the disc.
fn disc(centre: EastNorth, radius_m: f64) -> MultiPolygon<f64> {
    const N: i32 = 32;
    let r = radius_m / (std::f64::consts::PI / f64::from(N)).cos();
    let ring: Vec<(f64, f64)> = (0..N)
        .map(|i| {
            let a = std::f64::consts::TAU * f64::from(i) / f64::from(N);
            (centre.east_m + r * a.cos(), centre.north_m + r * a.sin())
        })
        .collect();
    MultiPolygon(vec![Polygon::new(ring.into(), Vec::new())])
}

/// The keep-out grown by `by_m`, at least.
pub(crate) fn grown(area: &Area, by_m: f64) -> MultiPolygon<f64> {
    match area {
        Area::Rings(rings) => match rings.split_first() {
            // Its own holes are not flown in: grow the outline only.
            Some((outer, _)) => {
                Polygon::new(to_ring(outer), Vec::new()).buffer_with_style(style(by_m))
            }
            None => MultiPolygon(Vec::new()),
        },
        Area::Disc { centre, radius_m } => disc(*centre, radius_m + by_m),
    }
}

/// A further condition on legs, e.g. that a return from every point of it stays inside.
pub type AlsoRequire<'f> = Box<dyn Fn(&Leg) -> bool + 'f>;

/// A visibility graph at one height, for many questions.
pub struct Router<'f> {
    fence: &'f Fence,
    alt: Alt<Amsl>,
    rules: Rules,
    also: Option<AlsoRequire<'f>>,
    nodes: Vec<(EastNorth, LatLon)>,
    /// Proven edges between nodes: (other node, metres).
    seen: Vec<Vec<(usize, f64)>>,
}

impl<'f> Router<'f> {
    /// Builds the graph.
    #[must_use]
    pub fn new(fence: &'f Fence, alt: Alt<Amsl>, rules: Rules) -> Self {
        Router::requiring(fence, alt, rules, None)
    }

    /// Builds the graph of legs that also meet a further condition.
    #[must_use]
    pub fn requiring(
        fence: &'f Fence,
        alt: Alt<Amsl>,
        rules: Rules,
        also: Option<AlsoRequire<'f>>,
    ) -> Self {
        let plane = fence.plane();
        let inset_m = rules.margin_m.max(0.0) + SLACK_M;
        let free = fence.free_region(inset_m, alt.metres(), &rules);
        let mut nodes = Vec::new();
        for polygon in &free {
            for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
                for c in ring.coords().skip(1) {
                    if let Some(p) = plane.to_latlon(EastNorth::new(c.x, c.y)) {
                        nodes.push((plane.to_local(p), p));
                    }
                }
            }
        }
        if nodes.len() > MAX_NODES {
            nodes.clear();
        }
        let mut router = Router {
            fence,
            alt,
            rules,
            also,
            nodes,
            seen: Vec::new(),
        };
        let n = router.nodes.len();
        router.seen = vec![Vec::new(); n];
        for i in 0..n {
            for j in i + 1..n {
                let (Some(a), Some(b)) =
                    (router.nodes.get(i).copied(), router.nodes.get(j).copied())
                else {
                    continue;
                };
                if router.sees(a.1, b.1) {
                    let d = a.0.distance_m(b.0);
                    if let Some(s) = router.seen.get_mut(i) {
                        s.push((j, d));
                    }
                    if let Some(s) = router.seen.get_mut(j) {
                        s.push((i, d));
                    }
                }
            }
        }
        router
    }

    /// Whether the straight leg is proven.
    #[must_use]
    pub fn sees(&self, from: LatLon, to: LatLon) -> bool {
        let leg = Leg {
            from,
            from_alt: self.alt,
            to,
            to_alt: self.alt,
        };
        self.fence.contain_with(&leg, &self.rules).is_ok()
            && self.also.as_ref().is_none_or(|also| also(&leg))
    }

    /// Shortest proven way, both ends included.
    #[must_use]
    pub fn route(&self, from: LatLon, to: LatLon) -> Option<Vec<LatLon>> {
        if self.sees(from, to) {
            return Some(vec![from, to]);
        }
        let plane = self.fence.plane();
        let (a, b) = (plane.to_local(from), plane.to_local(to));
        let n = self.nodes.len();
        let mut cost = vec![f64::INFINITY; n];
        let mut before: Vec<Option<usize>> = vec![None; n];
        let mut queue: BinaryHeap<Reverse<(Metres, usize)>> = BinaryHeap::new();
        for (i, (p, at)) in self.nodes.iter().enumerate() {
            if self.sees(from, *at)
                && let Some(c) = cost.get_mut(i)
            {
                *c = a.distance_m(*p);
                queue.push(Reverse((Metres(*c), i)));
            }
        }
        let reaches: Vec<Option<f64>> = self
            .nodes
            .iter()
            .map(|(p, at)| self.sees(*at, to).then(|| p.distance_m(b)))
            .collect();
        let mut best: Option<(f64, usize)> = None;
        while let Some(Reverse((Metres(d), i))) = queue.pop() {
            if cost.get(i).is_none_or(|c| d > *c) || best.is_some_and(|(b, _)| d >= b) {
                continue;
            }
            if let Some(Some(rest)) = reaches.get(i)
                && best.is_none_or(|(b, _)| d + rest < b)
            {
                best = Some((d + rest, i));
            }
            for (j, w) in self.seen.get(i).into_iter().flatten() {
                if let Some(c) = cost.get_mut(*j)
                    && d + w < *c
                {
                    *c = d + w;
                    if let Some(p) = before.get_mut(*j) {
                        *p = Some(i);
                    }
                    queue.push(Reverse((Metres(d + w), *j)));
                }
            }
        }
        let (_, mut at) = best?;
        let mut way = vec![to];
        for _ in 0..=n {
            way.push(self.nodes.get(at)?.1);
            match before.get(at)? {
                Some(p) => at = *p,
                None => break,
            }
        }
        way.push(from);
        way.reverse();
        Some(way)
    }

    /// Length of a way, metres.
    #[must_use]
    pub fn length_m(&self, way: &[LatLon]) -> f64 {
        let plane = self.fence.plane();
        way.windows(2)
            .map(|w| match w {
                [a, b] => plane.to_local(*a).distance_m(plane.to_local(*b)),
                _ => 0.0,
            })
            .sum()
    }
}

/// Orders lengths; NaN never enters the queue.
#[derive(Clone, Copy, PartialEq)]
struct Metres(f64);
impl Eq for Metres {}
impl PartialOrd for Metres {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Metres {
    fn cmp(&self, o: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&o.0)
    }
}

/// For callers that only hold a keep-out.
impl KeepOut {
    /// Whether people assemble there.
    #[must_use]
    pub fn is_crowd(&self) -> bool {
        self.role == crate::venue::Role::Crowd
    }
}
