//! What no schedule can beat.
//!
//! In any stretch of time as long as the worst idleness every point is seen, so k aircraft fly k open ways of at most
//! that length over all points. Their sum is at least that of the cheapest forest of k trees (*forest bound*), and at
//! least that of the cheapest such forest in which no point has more than two neighbours, which is bounded by prices on
//! the neighbours (Held, Karp 1970/71).

use super::costs::Costs;
use super::kit::At;

/// Metres: the cheapest forest of `k` trees over the points, over `k`.
#[must_use]
pub fn forest_bound_m(costs: &Costs, points: &[usize], k: usize) -> f64 {
    let price = vec![0.0; points.len()];
    forest(costs, points, &price, k).0 / as_f64(k.max(1))
}

/// Steps of the prices.
const STEPS: usize = 400;

/// Metres: a lower bound on the mean, so on the longest, of `k` open ways over the points; at least the forest bound.
/// `longest_m` is the longest of some such ways (it only sets the step length).
#[must_use]
pub fn ways_bound_m(costs: &Costs, points: &[usize], k: usize, longest_m: f64) -> f64 {
    let n = points.len();
    let kf = as_f64(k.max(1));
    let mut price = vec![0.0f64; n];
    let mut best = 0.0f64;
    let mut pace = 1.0;
    let mut since = 0;
    for _ in 0..STEPS {
        let (sum, degree) = forest(costs, points, &price, k);
        let value = sum - 2.0 * price.iter().sum::<f64>();
        if value > best {
            best = value;
            since = 0;
        } else {
            since += 1;
            if since == 15 {
                pace *= 0.6;
                since = 0;
            }
        }
        // A price of 0 does not fall, so a point with few neighbours pulls only at a price it has.
        let pull = |i: usize| degree.at(i) - 2.0;
        let norm: f64 = (0..n)
            .filter(|i| price.at(*i) > 0.0 || pull(*i) > 0.0)
            .map(|i| pull(i) * pull(i))
            .sum();
        if norm < 0.5 {
            break;
        }
        let step = pace * (longest_m * kf - value).max(1e-3 * best) / norm;
        for i in 0..n {
            price.put(i, (price.at(i) + step * pull(i)).max(0.0));
        }
    }
    best / kf
}

/// Cheapest forest of `k` trees with prices on the points: its sum, and the number of neighbours of each point (Prim
/// 1957; the dearest k − 1 edges of the tree left out).
fn forest(costs: &Costs, points: &[usize], price: &[f64], k: usize) -> (f64, Vec<f64>) {
    let n = points.len();
    let mut near = vec![f64::INFINITY; n];
    let mut by = vec![0usize; n];
    let mut taken = vec![false; n];
    let mut edges: Vec<(f64, usize, usize)> = Vec::with_capacity(n);
    let mut here = 0;
    for _ in 1..n {
        taken.put(here, true);
        let mut next = (f64::INFINITY, 0);
        for i in (0..n).filter(|i| !taken.at(*i)).collect::<Vec<_>>() {
            let d = costs.m(points.at(here), points.at(i)) + price.at(here) + price.at(i);
            if d < near.at(i) {
                near.put(i, d);
                by.put(i, here);
            }
            if near.at(i) < next.0 {
                next = (near.at(i), i);
            }
        }
        here = next.1;
        edges.push((next.0, here, by.at(here)));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    edges.truncate(n.saturating_sub(k.max(1)));
    let mut degree = vec![0.0; n];
    for (_, a, b) in &edges {
        degree.put(*a, degree.at(*a) + 1.0);
        degree.put(*b, degree.at(*b) + 1.0);
    }
    (edges.iter().map(|e| e.0).sum(), degree)
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
pub(crate) fn as_f64(n: usize) -> f64 {
    n as f64
}
