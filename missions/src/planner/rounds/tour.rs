//! Shortest closed tours and open ways over points.
//!
//! A point is a street without length, so the search of [`crate::planner::streets`] serves: the optimum up to nine
//! points (Held, Karp 1962), 2-opt and Or-opt with kicks beyond.

use super::costs::Costs;
use super::kit::{At, Budget, Dice};
use crate::planner::streets::order_points;

/// A short closed tour over the points.
pub(crate) fn closed(
    costs: &Costs,
    points: &[usize],
    kicks: u64,
    dice: &mut Dice,
    budget: &mut Budget<'_>,
) -> Vec<usize> {
    if points.len() < 4 {
        return points.to_vec();
    }
    let order = order_points(
        points.len(),
        &|a, b| costs.m(points.at(a), points.at(b)),
        kicks,
        dice,
        budget,
    );
    order.into_iter().map(|i| points.at(i)).collect()
}

/// A short open way over the points.
pub(crate) fn open(
    costs: &Costs,
    points: &[usize],
    kicks: u64,
    dice: &mut Dice,
    budget: &mut Budget<'_>,
) -> Vec<usize> {
    let n = points.len();
    if n < 3 {
        return points.to_vec();
    }
    // One more point, at no distance from any: where it lies in the tour, the way is open.
    let cost = |a: usize, b: usize| {
        if a == n || b == n {
            0.0
        } else {
            costs.m(points.at(a), points.at(b))
        }
    };
    let mut order = order_points(n + 1, &cost, kicks, dice, budget);
    if let Some(cut) = order.iter().position(|i| *i == n) {
        order.rotate_left(cut);
    }
    order
        .into_iter()
        .filter(|i| *i < n)
        .map(|i| points.at(i))
        .collect()
}
