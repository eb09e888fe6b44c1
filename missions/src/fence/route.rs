//! Ways around: shortest paths inside the fence, by visibility graph.
//!
//! A shortest way turns only at corners of what it goes around. Those corners are laid out a little beyond the margin, and
//! every edge used is proven by [`Fence::contain_with`]: a corner that is off can cost a way, never a metre of fence.

use super::contain::{Leg, MIN_MARGIN_M, Rules};
use super::flat::{Area, Edge};
use super::{Fence, KeepOut};
use crate::place::{Alt, Amsl, LatLon};
use crate::plane::EastNorth;
use crate::time::Window;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;

/// Most corners of the visibility graph; beyond it no way is looked for (and the caller must refuse).
const MAX_NODES: usize = 10_000;
/// Corners are laid this much further out than the margin, metres: rounding to the wire grid moves them by 8 mm.
pub(crate) const SLACK_M: f64 = 0.06;

impl Fence {
    /// Pieces of the line from `a` to `b` that keep `boundary_m` from the boundary and the margin of `rules` (and a
    /// little) from all else that counts at one height, as metres from `a`. Exact: a piece ends where the distance to an
    /// outline is the margin.
    #[must_use]
    pub fn free_along(
        &self,
        (a, b): Edge,
        boundary_m: f64,
        alt_amsl_m: f64,
        rules: &Rules,
    ) -> Vec<(f64, f64)> {
        let length_m = a.distance_m(b);
        let margin_m = rules.margin_m.max(MIN_MARGIN_M) + SLACK_M;
        let boundary_m = boundary_m.max(margin_m);
        if !(length_m.is_finite() && length_m > 0.0 && boundary_m.is_finite()) {
            return Vec::new();
        }
        let unit = (
            (b.east_m - a.east_m) / length_m,
            (b.north_m - a.north_m) / length_m,
        );
        let mut near = Vec::new();
        self.boundary().near_outline(a, unit, boundary_m, &mut near);
        let in_the_way: Vec<&Area> = self
            .keepout_areas()
            .filter(|(k, _)| self.counts(k, alt_amsl_m, alt_amsl_m, rules))
            .map(|(_, area)| area)
            .collect();
        for area in &in_the_way {
            area.near_outline(a, unit, margin_m, &mut near);
        }
        near.sort_by(|x, y| x.0.total_cmp(&y.0));
        let mut out = Vec::new();
        let mut open_m = 0.0;
        // Between two pieces that are near an outline nothing is crossed: one point decides for all.
        for (from, to) in near.into_iter().chain([(length_m, length_m)]) {
            let until = from.min(length_m);
            if until > open_m {
                let mid = (open_m + until) / 2.0;
                let p = EastNorth::new(a.east_m + mid * unit.0, a.north_m + mid * unit.1);
                if self.boundary().contains(p) && !in_the_way.iter().any(|k| k.contains(p)) {
                    out.push((open_m, until));
                }
            }
            open_m = f64::max(open_m, to);
        }
        out
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

/// A further condition on legs, e.g. that a return from every point of it stays inside.
pub type AlsoRequire<'f> = Box<dyn Fn(&Leg) -> bool + 'f>;

/// Nodes a node sees, with metres.
type Neighbours = Rc<[(usize, f64)]>;

/// A visibility graph at one height, for many questions.
pub struct Router<'f> {
    fence: &'f Fence,
    alt: Alt<Amsl>,
    rules: Rules,
    also: Option<AlsoRequire<'f>>,
    nodes: Vec<(EastNorth, LatLon)>,
    /// Nodes each node sees, with metres: found when first asked for.
    seen: RefCell<BTreeMap<usize, Neighbours>>,
}

impl<'f> Router<'f> {
    /// A router at one height under `rules`.
    #[must_use]
    pub fn new(fence: &'f Fence, alt: Alt<Amsl>, rules: Rules) -> Self {
        Router::requiring(fence, alt, rules, None)
    }

    /// A router whose legs also meet a further condition.
    #[must_use]
    pub fn requiring(
        fence: &'f Fence,
        alt: Alt<Amsl>,
        rules: Rules,
        also: Option<AlsoRequire<'f>>,
    ) -> Self {
        let plane = fence.plane();
        let distance_m = rules.margin_m.max(MIN_MARGIN_M) + SLACK_M;
        let mut corners = fence.boundary().way_corners(distance_m, false);
        for (k, area) in fence.keepout_areas() {
            if fence.counts(k, alt.metres(), alt.metres(), &rules) {
                corners.extend(area.way_corners(distance_m, true));
            }
        }
        let mut router = Router {
            fence,
            alt,
            rules,
            also,
            nodes: Vec::new(),
            seen: RefCell::default(),
        };
        let nodes = corners
            .into_iter()
            .filter_map(|p| plane.to_latlon(p))
            .filter(|at| router.sees(*at, *at))
            .map(|at| (plane.to_local(at), at))
            .take(MAX_NODES)
            .collect();
        router.nodes = nodes;
        router
    }

    /// Nodes seen from node `i`.
    fn seen_from(&self, i: usize) -> Neighbours {
        if let Some(known) = self.seen.borrow().get(&i) {
            return Rc::clone(known);
        }
        let Some((p, at)) = self.nodes.get(i).copied() else {
            return Rc::new([]);
        };
        let found: Neighbours = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(j, (_, other))| *j != i && self.sees(at, *other))
            .map(|(j, (q, _))| (j, p.distance_m(*q)))
            .collect();
        self.seen.borrow_mut().insert(i, Rc::clone(&found));
        found
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

    /// Shortest proven way over the graph's corners, both ends included (A*, straight distance ahead).
    #[must_use]
    pub fn route(&self, from: LatLon, to: LatLon) -> Option<Vec<LatLon>> {
        if self.sees(from, to) {
            return Some(vec![from, to]);
        }
        if !(self.sees(from, from) && self.sees(to, to)) {
            return None;
        }
        let plane = self.fence.plane();
        let (start, goal) = (plane.to_local(from), plane.to_local(to));
        // Node `n` is the goal.
        let n = self.nodes.len();
        let place = |i: usize| self.nodes.get(i).map_or(goal, |node| node.0);
        let mut cost = vec![f64::INFINITY; n + 1];
        let mut before: Vec<Option<usize>> = vec![None; n + 1];
        let mut queue: BinaryHeap<Reverse<(Metres, usize)>> = BinaryHeap::new();
        let mut reach = |j: usize, metres: f64, by: Option<usize>, queue: &mut BinaryHeap<_>| {
            if let (Some(c), Some(b)) = (cost.get_mut(j), before.get_mut(j))
                && metres < *c
            {
                (*c, *b) = (metres, by);
                queue.push(Reverse((Metres(metres + place(j).distance_m(goal)), j)));
            }
        };
        for (i, (p, at)) in self.nodes.iter().enumerate() {
            if self.sees(from, *at) {
                reach(i, start.distance_m(*p), None, &mut queue);
            }
        }
        let mut settled = BTreeSet::new();
        while let Some(Reverse((Metres(estimate_m), i))) = queue.pop() {
            if i == n {
                break;
            }
            let Some((p, at)) = self.nodes.get(i).copied() else {
                continue;
            };
            if !settled.insert(i) {
                continue;
            }
            let here_m = estimate_m - p.distance_m(goal);
            if self.sees(at, to) {
                reach(n, here_m + p.distance_m(goal), Some(i), &mut queue);
            }
            for (j, metres) in self.seen_from(i).iter() {
                reach(*j, here_m + metres, Some(i), &mut queue);
            }
        }
        let mut way = vec![to];
        let mut at = (*before.get(n)?)?;
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
