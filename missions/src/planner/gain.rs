//! Landing sites that a plan gains where the autopilot's own return would leave the fence.
//!
//! The pattern is laid once more as if every return were legal; [`gain_sites`] finds the places that make most returns so,
//! and the plan is made and proven again with them. Gained sites lie inside the fence, clear of keep-outs and crowds down
//! to the ground. What the ground is like nobody here knows: they are named in the plan, and an officer must look at them.

use super::propose::Proposer;
use super::{Planned, at_best_return};
use crate::energy::estimate;
use crate::fence::Fence;
use crate::fence::contain::Rules;
use crate::plan::{PlanFile, gain_sites};
use crate::venue::Venue;

/// A plan with gained landing sites, and its worth; `None` where no site helps, or what it gives is refused.
pub(super) fn gained(
    proposer: &mut Proposer<'_>,
    file: &PlanFile,
    fence: &Fence,
    venue: &Venue,
    rules: Rules,
    stop: &mut dyn FnMut() -> bool,
) -> Option<(f64, Planned)> {
    proposer.judge_returns(false);
    let whole = proposer.propose(file, stop);
    proposer.judge_returns(true);
    let mut wished = PlanFile {
        items: whole.ok()?.items,
        ..file.clone()
    };
    wished.estimate = estimate(&wished);
    let sites = gain_sites(&wished, fence);
    if sites.is_empty() {
        return None;
    }
    let mut file = file.clone();
    for s in sites {
        file.rally.push(s.at);
        if !s.of_venue {
            file.gained.push(s.at);
        }
    }
    at_best_return(proposer, &file, fence, venue, rules, stop).ok()
}
