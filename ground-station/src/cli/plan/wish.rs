//! From flags to a pattern over a venue.

use super::Plan;
use super::flags::PatternWord;
use missions::formats::import::DrawnLine;
use missions::planner::Pattern;
use missions::venue::Venue;

/// The pattern that the flags ask for.
pub(in crate::cli) fn pattern(
    a: &Plan,
    _venue: &Venue,
    _lines: &[DrawnLine],
) -> anyhow::Result<Pattern> {
    Ok(match a.pattern {
        PatternWord::Perimeter => Pattern::Perimeter {
            offset_m: a.shapes.offset,
        },
        _ => Pattern::Sweep {
            swath_m: a.seen().swath_m,
            angle_deg: a.angle,
        },
    })
}
