//! What the rounds on one patrol graph are worth, for a benchmark: bytes in, figures out.

use super::shift::{Battery, ShiftRequest, drawn_shift, steady_shift};
use super::{Differing, Effort, Manner, PatrolGraph, RoundsFault, RoundsRequest, plan_rounds};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Speed of the shift, m/s.
const SPEED_MPS: f64 = 5.0;
/// Seconds of the shift.
const SHIFT_S: f64 = 8.0 * 3600.0;
/// Seconds that a battery gives.
const ENDURANCE_S: f64 = 1500.0;
/// Seconds of a swap.
const SWAP_S: f64 = 60.0;

/// Why there are no figures.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FiguresFault {
    /// The bytes are no UTF-8.
    #[error("the file is no text")]
    NotText,
    /// The graph, or what is asked of it.
    #[error(transparent)]
    Rounds(#[from] RoundsFault),
}

/// Figures of one graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraphFigures {
    /// Places of the graph; all are patrolled, alike.
    pub places: usize,
    /// How many fly.
    pub aircraft: usize,
    /// Worst idleness, metres flown.
    pub worst_m: f64,
    /// The manner that reached it.
    pub manner: Manner,
    /// The shortest loop found over all places, over the number of aircraft ("TSP/k"): what it must not exceed.
    pub one_loop_m: f64,
    /// Whether it does not.
    pub within_one_loop: bool,
    /// No schedule is better (cheapest forest of k trees, over k).
    pub forest_bound_m: f64,
    /// Worst idleness over that.
    pub ratio_to_forest: f64,
    /// No schedule is better, and this bound is the higher one.
    pub bound_m: f64,
    /// Worst idleness over that.
    pub ratio_to_bound: f64,
    /// The longest of the best k open ways found.
    pub longest_open_way_m: f64,
    /// Worst idleness over that.
    pub ratio_to_open_ways: f64,
    /// Ways that the file gives two lengths; the shorter counts.
    pub ways_with_two_lengths: usize,
    /// Tries done.
    pub steps: u64,
    /// A shift of eight hours at 5 m/s with batteries of 25 minutes, swapped at place 0 in a minute, a round for each:
    /// `None` where these do not serve (a place beyond a battery).
    pub shift: Option<ShiftFigures>,
}

/// Figures of the shift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShiftFigures {
    /// Promised for every place, seconds: the rounds' worst absence and half of it again, and the detour of a swap.
    pub promise_s: f64,
    /// Longest absence when the rounds are flown as they are.
    pub steady_worst_s: f64,
    /// Longest absence with orders drawn.
    pub drawn_worst_s: f64,
    /// Bits an observer lacks about the next stop, in the mean.
    pub entropy_bits: f64,
    /// The same as a share of what an order without any promise would have.
    pub entropy_rate: f64,
}

/// Reads a graph of the `patrolling_sim` project and plans its patrol.
///
/// # Errors
/// [`FiguresFault`]: no text, no graph, or no rounds on it.
pub fn graph_figures(
    file: &[u8],
    aircraft: usize,
    effort: Effort,
    stop: &mut dyn FnMut() -> bool,
) -> Result<GraphFigures, FiguresFault> {
    let text = std::str::from_utf8(file).map_err(|_| FiguresFault::NotText)?;
    let graph = PatrolGraph::parse(text)?;
    let costs = graph.costs(Differing::Shorter)?;
    let request = RoundsRequest {
        importance: vec![1.0; costs.places()],
        costs,
        aircraft,
        one_each: false,
        effort,
    };
    let plan = plan_rounds(&request, stop)?;
    Ok(GraphFigures {
        places: request.costs.places(),
        aircraft,
        worst_m: plan.worst_m,
        manner: plan.manner,
        one_loop_m: plan.one_loop_m,
        within_one_loop: plan.worst_m <= plan.one_loop_m + 1e-9,
        forest_bound_m: plan.forest_bound_m,
        ratio_to_forest: plan.worst_m / plan.forest_bound_m,
        bound_m: plan.bound_m,
        ratio_to_bound: plan.worst_m / plan.bound_m,
        longest_open_way_m: plan.longest_open_way_m,
        ratio_to_open_ways: plan.worst_m / plan.longest_open_way_m,
        ways_with_two_lengths: graph.differing().len(),
        steps: plan.steps,
        shift: shift_figures(&request, stop)?,
    })
}

fn shift_figures(
    request: &RoundsRequest,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Option<ShiftFigures>, RoundsFault> {
    let alone = RoundsRequest {
        one_each: true,
        ..request.clone()
    };
    let plan = plan_rounds(&alone, stop)?;
    let furthest_m = (0..request.costs.places())
        .map(|p| request.costs.m(p, 0))
        .fold(0.0, f64::max);
    let promise_s = (1.5 * plan.worst_m + 2.0 * furthest_m) / SPEED_MPS + SWAP_S;
    let shift = ShiftRequest {
        speed_mps: SPEED_MPS,
        promise_s: vec![promise_s; request.importance.len()],
        length_s: SHIFT_S,
        battery: Some(Battery {
            base: 0,
            endurance_s: ENDURANCE_S,
            swap_s: SWAP_S,
        }),
        seed: request.effort.seed,
    };
    let worst = |a: &[f64]| a.iter().copied().fold(0.0, f64::max);
    let (Ok(steady), Ok(drawn)) = (
        steady_shift(&request.costs, &plan.rounds, &shift),
        drawn_shift(&request.costs, &plan.rounds, &shift),
    ) else {
        return Ok(None);
    };
    Ok(Some(ShiftFigures {
        promise_s,
        steady_worst_s: worst(&steady.absence_s),
        drawn_worst_s: worst(&drawn.absence_s),
        entropy_bits: drawn.entropy_bits,
        entropy_rate: drawn.entropy_rate,
    }))
}
