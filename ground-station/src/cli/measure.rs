//! Our own measure of a plan: shares no code with the planner. Legality is exact, leg against edge; coverage is counted
//! on a lattice of points.

use geo::MultiPolygon;
use missions::plane::EastNorth;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) struct Measured {
    /// Metres of way outside the area or in a keep-out.
    pub outside_m: f64,
    /// Metres of way nearer to an edge than the margin.
    pub under_margin_m: f64,
    /// Least distance from an edge, metres; negative when the way leaves.
    pub min_clear_m: f64,
    /// Part of the area seen.
    pub coverage: f64,
    /// Part seen of what a way at the margin can see.
    pub coverage_reachable: f64,
    /// Metres.
    pub length_m: f64,
    /// Length against seen area ÷ swath.
    pub ratio: f64,
    /// Longest way against the mean of all.
    pub balance: f64,
    /// Never outside, the margin kept.
    pub legal: bool,
}

/// The neutral judge's tolerance, metres.
const TOL_M: f64 = 0.01;
/// Ways under the margin are measured in pieces of this, metres.
const PIECE_M: f64 = 0.1;
/// Most points of the lattice.
const MOST_POINTS: f64 = 400_000.0;

type P = (f64, f64);
type Segment = (P, P);

fn rings(area: &MultiPolygon<f64>) -> Vec<Vec<P>> {
    area.0
        .iter()
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
        .map(|r| r.0.iter().map(|c| (c.x, c.y)).collect())
        .collect()
}

fn edges(rings: &[Vec<P>]) -> Vec<Segment> {
    rings
        .iter()
        .flat_map(|r| r.iter().copied().zip(r.iter().copied().skip(1)))
        .collect()
}

fn point_to_segment(p: P, (a, b): Segment) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let l2 = dx * dx + dy * dy;
    let t = if l2 > 0.0 {
        (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / l2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (a.0 + t * dx - p.0).hypot(a.1 + t * dy - p.1)
}

/// Where along s (0 to 1) it crosses t.
fn crossing(s: Segment, t: Segment) -> Option<f64> {
    let (dx, dy) = (s.1.0 - s.0.0, s.1.1 - s.0.1);
    let (ex, ey) = (t.1.0 - t.0.0, t.1.1 - t.0.1);
    let det = dx * ey - dy * ex;
    if det == 0.0 {
        return None;
    }
    let (fx, fy) = (t.0.0 - s.0.0, t.0.1 - s.0.1);
    let u = (fx * ey - fy * ex) / det;
    let v = (fx * dy - fy * dx) / det;
    ((0.0..=1.0).contains(&u) && (0.0..=1.0).contains(&v)).then_some(u)
}

fn segment_to_segment(s: Segment, t: Segment) -> f64 {
    if crossing(s, t).is_some() {
        return 0.0;
    }
    point_to_segment(s.0, t)
        .min(point_to_segment(s.1, t))
        .min(point_to_segment(t.0, s))
        .min(point_to_segment(t.1, s))
}

/// Segments by cells of a lattice, each in all cells that come within `reach` of it.
struct Near {
    segments: Vec<Segment>,
    cells: Vec<Vec<u32>>,
    low: P,
    size: f64,
    wide: usize,
    tall: usize,
}

impl Near {
    fn new(segments: Vec<Segment>, low: P, high: P, reach: f64) -> Near {
        let span = (high.0 - low.0).max(high.1 - low.1).max(1.0);
        let size = reach.max(span / 400.0);
        let count = |x: f64| (x / size).ceil().max(1.0) as usize + 1;
        let (wide, tall) = (count(high.0 - low.0), count(high.1 - low.1));
        let mut near = Near {
            segments,
            cells: vec![Vec::new(); wide * tall],
            low,
            size,
            wide,
            tall,
        };
        for i in 0..near.segments.len() {
            let Some((a, b)) = near.segments.get(i).copied() else {
                continue;
            };
            // In pieces: the box of a long slanting segment is mostly empty.
            let length = (b.0 - a.0).hypot(b.1 - a.1);
            let pieces = (length / (2.0 * size)).ceil().max(1.0);
            let at = |k: f64| {
                let t = k / pieces;
                (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1))
            };
            let mut k = 0.0;
            while k < pieces {
                near.put(i, at(k), at(k + 1.0), reach);
                k += 1.0;
            }
        }
        near
    }

    fn column(&self, x: f64) -> usize {
        (((x - self.low.0) / self.size).floor().max(0.0) as usize).min(self.wide - 1)
    }

    fn row(&self, y: f64) -> usize {
        (((y - self.low.1) / self.size).floor().max(0.0) as usize).min(self.tall - 1)
    }

    fn put(&mut self, i: usize, a: P, b: P, reach: f64) {
        let Ok(number) = u32::try_from(i) else { return };
        let (x0, x1) = (
            self.column(a.0.min(b.0) - reach),
            self.column(a.0.max(b.0) + reach),
        );
        let (y0, y1) = (
            self.row(a.1.min(b.1) - reach),
            self.row(a.1.max(b.1) + reach),
        );
        for y in y0..=y1 {
            for x in x0..=x1 {
                if let Some(c) = self.cells.get_mut(y * self.wide + x)
                    && c.last() != Some(&number)
                {
                    c.push(number);
                }
            }
        }
    }

    fn at(&self, p: P) -> impl Iterator<Item = Segment> + '_ {
        self.cells
            .get(self.row(p.1) * self.wide + self.column(p.0))
            .into_iter()
            .flatten()
            .filter_map(|i| self.segments.get(usize::try_from(*i).ok()?).copied())
    }

    /// Whether any segment is within `d` (at most the reach) of a place.
    fn any_within(&self, p: P, d: f64) -> bool {
        self.at(p).any(|s| point_to_segment(p, s) <= d)
    }
}

/// Even-odd, by a ray to the east.
fn inside(rings: &[Vec<P>], p: P) -> bool {
    let mut odd = false;
    for (a, b) in rings.iter().flat_map(|r| r.iter().zip(r.iter().skip(1))) {
        if (a.1 > p.1) != (b.1 > p.1) {
            let x = a.0 + (p.1 - a.1) / (b.1 - a.1) * (b.0 - a.0);
            odd ^= x > p.0;
        }
    }
    odd
}

/// Measures ways over an area.
pub(in crate::cli) fn measure(
    area: &MultiPolygon<f64>,
    ways: &[Vec<EastNorth>],
    swath_m: f64,
    margin_m: f64,
) -> Measured {
    let rings = rings(area);
    let edges = edges(&rings);
    let legs: Vec<Segment> = ways
        .iter()
        .flat_map(|w| w.iter().zip(w.iter().skip(1)))
        .map(|(a, b)| ((a.east_m, a.north_m), (b.east_m, b.north_m)))
        .collect();
    let all = rings
        .iter()
        .flatten()
        .chain(legs.iter().flat_map(|l| [&l.0, &l.1]));
    let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for p in all {
        low = (low.0.min(p.0), low.1.min(p.1));
        high = (high.0.max(p.0), high.1.max(p.1));
    }
    let (outside_m, depth_m) = outside(&rings, &edges, &legs);
    let (clear_m, under_margin_m) = clearance(&edges, &legs, margin_m, low, high);
    let min_clear_m = if outside_m > TOL_M { -depth_m } else { clear_m };
    let (seen, free, seen_of_reach, reach, cell_m2) =
        lattice(&rings, &edges, &legs, swath_m, margin_m, low, high);
    let part = |a: usize, b: usize| if b == 0 { 1.0 } else { a as f64 / b as f64 };
    let lengths: Vec<f64> = ways
        .iter()
        .map(|w| {
            w.iter()
                .zip(w.iter().skip(1))
                .map(|(a, b)| a.distance_m(*b))
                .sum()
        })
        .collect();
    let length_m: f64 = lengths.iter().sum();
    let longest_m = lengths.iter().copied().fold(0.0, f64::max);
    Measured {
        outside_m,
        under_margin_m,
        min_clear_m,
        coverage: part(seen, free),
        coverage_reachable: part(seen_of_reach, reach),
        length_m,
        ratio: length_m * swath_m / (seen as f64 * cell_m2),
        balance: longest_m * lengths.len() as f64 / length_m,
        legal: outside_m <= TOL_M && under_margin_m <= 10.0 * TOL_M && min_clear_m >= -TOL_M,
    }
}

/// Metres outside, and how deep the deepest middle of such a piece lies.
fn outside(rings: &[Vec<P>], edges: &[Segment], legs: &[Segment]) -> (f64, f64) {
    let (mut sum_m, mut depth_m) = (0.0, 0.0f64);
    for leg in legs {
        let length = (leg.1.0 - leg.0.0).hypot(leg.1.1 - leg.0.1);
        let mut cuts: Vec<f64> = edges.iter().filter_map(|e| crossing(*leg, *e)).collect();
        cuts.extend([0.0, 1.0]);
        cuts.sort_by(f64::total_cmp);
        for w in cuts.windows(2) {
            let [from, to] = w else { continue };
            let t = (from + to) / 2.0;
            let mid = (
                leg.0.0 + t * (leg.1.0 - leg.0.0),
                leg.0.1 + t * (leg.1.1 - leg.0.1),
            );
            if inside(rings, mid) {
                continue;
            }
            let d = edges
                .iter()
                .map(|e| point_to_segment(mid, *e))
                .fold(f64::INFINITY, f64::min);
            // A way on the line itself is legal to the tolerance.
            if d > TOL_M {
                sum_m += (to - from) * length;
                depth_m = depth_m.max(d);
            }
        }
    }
    (sum_m, depth_m)
}

/// Least distance, as far as a hundred metres, and metres under the margin.
fn clearance(edges: &[Segment], legs: &[Segment], margin_m: f64, low: P, high: P) -> (f64, f64) {
    let least_m = |leg: &Segment| {
        edges
            .iter()
            .map(|e| segment_to_segment(*leg, *e))
            .fold(f64::INFINITY, f64::min)
    };
    let mut clear_m = f64::INFINITY;
    let mut under_m = 0.0;
    let allowed = margin_m - TOL_M.min(margin_m / 2.0);
    let near = Near::new(edges.to_vec(), low, high, margin_m.max(1.0));
    for leg in legs {
        let d = least_m(leg);
        clear_m = clear_m.min(d);
        if margin_m <= 0.0 || d >= allowed {
            continue;
        }
        let length = (leg.1.0 - leg.0.0).hypot(leg.1.1 - leg.0.1);
        let pieces = (length / PIECE_M).ceil().max(1.0);
        let mut k = 0.5;
        while k < pieces {
            let t = k / pieces;
            let p = (
                leg.0.0 + t * (leg.1.0 - leg.0.0),
                leg.0.1 + t * (leg.1.1 - leg.0.1),
            );
            if near.any_within(p, allowed) {
                under_m += length / pieces;
            }
            k += 1.0;
        }
    }
    (clear_m, under_m)
}

/// Points seen, free, seen of the reachable, reachable, and the area of one.
fn lattice(
    rings: &[Vec<P>],
    edges: &[Segment],
    legs: &[Segment],
    swath_m: f64,
    margin_m: f64,
    low: P,
    high: P,
) -> (usize, usize, usize, usize, f64) {
    let radius = swath_m / 2.0;
    let area = (high.0 - low.0) * (high.1 - low.1);
    let step = (swath_m / 20.0).max((area / MOST_POINTS).sqrt());
    let near_leg = Near::new(legs.to_vec(), low, high, radius);
    let near_edge = Near::new(edges.to_vec(), low, high, margin_m.max(step));
    let mut free: Vec<P> = Vec::new();
    let mut flown: Vec<Segment> = Vec::new();
    let rows = ((high.1 - low.1) / step).floor() as u32;
    for j in 0..=rows {
        let y = low.1 + (f64::from(j) + 0.5) * step;
        // One ray serves a whole row: its crossings, sorted.
        let mut cuts: Vec<f64> = rings
            .iter()
            .flat_map(|r| r.iter().zip(r.iter().skip(1)))
            .filter(|(a, b)| (a.1 > y) != (b.1 > y))
            .map(|(a, b)| a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0))
            .collect();
        cuts.sort_by(f64::total_cmp);
        for pair in cuts.chunks(2) {
            let [from, to] = pair else { continue };
            let first = ((from - low.0) / step - 0.5).ceil().max(0.0);
            let mut x = low.0 + (first + 0.5) * step;
            while x < *to {
                free.push((x, y));
                if margin_m > 0.0 && !near_edge.any_within((x, y), margin_m) {
                    flown.push(((x, y), (x, y)));
                }
                x += step;
            }
        }
    }
    // What a way at the margin can see: within the radius of a lattice point that keeps it. A little less than the truth.
    let near_flown = Near::new(flown, low, high, radius);
    let (mut seen, mut reach, mut both) = (0, 0, 0);
    for p in &free {
        let s = near_leg.any_within(*p, radius);
        let r = margin_m <= 0.0 || near_flown.any_within(*p, radius);
        seen += usize::from(s);
        reach += usize::from(r);
        both += usize::from(s && r);
    }
    (seen, free.len(), both, reach, step * step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Coord, LineString, Polygon};

    fn square(side: f64, hole: Option<(f64, f64)>) -> MultiPolygon<f64> {
        let ring = |lo: f64, hi: f64| {
            LineString(
                [(lo, lo), (hi, lo), (hi, hi), (lo, hi), (lo, lo)]
                    .iter()
                    .map(|p| Coord { x: p.0, y: p.1 })
                    .collect(),
            )
        };
        MultiPolygon(vec![Polygon::new(
            ring(0.0, side),
            hole.map(|h| ring(h.0, h.1)).into_iter().collect(),
        )])
    }

    fn way(places: &[(f64, f64)]) -> Vec<EastNorth> {
        places.iter().map(|p| EastNorth::new(p.0, p.1)).collect()
    }

    #[test]
    fn a_straight_way_through_a_square_has_the_figures_of_a_textbook() {
        let m = measure(
            &square(100.0, None),
            &[way(&[(10.0, 50.0), (90.0, 50.0)])],
            20.0,
            5.0,
        );
        assert!(m.legal && m.outside_m == 0.0 && m.under_margin_m == 0.0);
        assert!((m.min_clear_m - 10.0).abs() < 1e-9);
        assert!((m.length_m - 80.0).abs() < 1e-9);
        // A band of 80 × 20 and two half discs of radius 10.
        let seen = 80.0 * 20.0 + std::f64::consts::PI * 100.0;
        assert!((m.coverage - seen / 1e4).abs() < 2e-3, "{}", m.coverage);
        assert!((m.ratio - 80.0 * 20.0 / seen).abs() < 0.02);
        assert!((m.balance - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ways_that_leave_enter_a_hole_or_come_too_near_are_measured_in_metres() {
        let area = square(100.0, Some((40.0, 60.0)));
        let through = measure(&area, &[way(&[(10.0, 50.0), (90.0, 50.0)])], 20.0, 0.0);
        assert!((through.outside_m - 20.0).abs() < 1e-6 && !through.legal);
        assert!(through.min_clear_m < 0.0);
        let out = measure(&area, &[way(&[(90.0, 20.0), (130.0, 20.0)])], 20.0, 0.0);
        assert!((out.outside_m - 30.0).abs() < 1e-6);
        let near = measure(&area, &[way(&[(30.0, 37.0), (70.0, 37.0)])], 20.0, 5.0);
        assert_eq!(near.outside_m, 0.0);
        // Within 5 m of the hole's lower side (x from 40 to 60) and of its two corners.
        let by_hand = 20.0 + 2.0 * (4.99f64.powi(2) - 9.0).sqrt();
        assert!(
            (near.under_margin_m - by_hand).abs() < 0.3,
            "{}",
            near.under_margin_m
        );
        assert!(!near.legal);
    }

    #[test]
    fn what_a_margin_keeps_out_of_sight_is_not_asked_of_a_plan() {
        // At 30 m from every edge only the middle 40 m can be flown over; at a swath of 20 m the corners stay unseen.
        // Lines of 2.5 m: their round ends leave no gaps worth counting.
        let ways: Vec<_> = (0..=16)
            .map(|i| {
                let y = 30.0 + 2.5 * f64::from(i);
                way(&[(30.0, y), (70.0, y)])
            })
            .collect();
        let m = measure(&square(100.0, None), &ways, 20.0, 30.0);
        assert!(m.coverage < 0.4);
        assert!(m.coverage_reachable > 0.995, "{}", m.coverage_reachable);
    }
}
