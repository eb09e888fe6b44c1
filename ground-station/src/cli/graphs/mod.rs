//! `plan` over a graph: rounds over places, and streets. Geometry only: what is between the places is the graph's word.

mod read;
mod rounds;
mod streets;

use super::plan::Plan;
use super::plan::drawn::Drawn;
use super::plan::flags::PatternWord;

/// Plans.
pub(in crate::cli) fn draw(a: &Plan) -> anyhow::Result<Drawn> {
    match a.pattern {
        PatternWord::Streets => streets::draw(a),
        _ => rounds::draw(a),
    }
}
