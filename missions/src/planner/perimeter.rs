//! Once around, inside the boundary and outside every keep-out.
//!
//! Each edge of the boundary is moved inwards and cut to what is free; proven ways join the pieces.

use super::{Ground2d, PlanRefusal, Way};
use crate::fence::flat::{self, Area};
use crate::fence::route::SLACK_M;
use crate::plane::EastNorth;

/// Pieces shorter than this are rounding at corners, metres.
const SHORTEST_M: f64 = 0.5;

/// The whole way, from the start and back to it.
pub(super) fn perimeter(g: &Ground2d<'_>, offset_m: f64) -> Result<Way, PlanRefusal> {
    let inset_m = offset_m.max(g.rules.margin_m) + 2.0 * SLACK_M;
    let Area::Rings(rings) = g.fence.boundary() else {
        return Err(g.nothing_left());
    };
    let ring = rings.first().ok_or_else(|| g.nothing_left())?;
    let doubled_area: f64 = flat::edges(ring)
        .map(|(a, b)| a.east_m * b.north_m - b.east_m * a.north_m)
        .sum();
    let inward = if doubled_area > 0.0 { 1.0 } else { -1.0 };
    let mut pieces = Vec::new();
    let mut left_out_m = 0.0;
    for (a, b) in flat::edges(ring) {
        let length_m = a.distance_m(b);
        if length_m <= 0.0 {
            continue;
        }
        let (dx, dy) = (
            inward * (b.east_m - a.east_m) / length_m,
            inward * (b.north_m - a.north_m) / length_m,
        );
        let shift =
            |p: EastNorth| EastNorth::new(p.east_m - dy * inset_m, p.north_m + dx * inset_m);
        let (found, lost_m) = g.flyable_pieces((shift(a), shift(b)), inset_m - SLACK_M, SHORTEST_M);
        pieces.extend(found);
        left_out_m += lost_m;
    }
    // Start at the piece nearest to home, and keep the order of the boundary.
    let plane = g.fence.plane();
    let start = plane.to_local(g.start);
    let first = pieces
        .iter()
        .enumerate()
        .min_by(|x, y| {
            let to = |l: &super::Line| plane.to_local(l.a).distance_m(start);
            to(x.1).total_cmp(&to(y.1))
        })
        .map_or(0, |(i, _)| i);
    pieces.rotate_left(first);
    let mut way = vec![g.start];
    let mut here = g.start;
    let mut patrolled_m = 0.0;
    for piece in pieces {
        match g.router.route(here, piece.a) {
            Some(leg) => {
                way.extend(leg.into_iter().skip(1));
                way.push(piece.b);
                here = piece.b;
                patrolled_m += g.length_m(&piece);
            }
            None => left_out_m += g.length_m(&piece),
        }
    }
    if patrolled_m <= 0.0 {
        return Err(g.nothing_left());
    }
    let home = g.router.route(here, g.start).ok_or(PlanRefusal::NoWay {
        from: here,
        to: g.start,
    })?;
    way.extend(home.into_iter().skip(1));
    Ok(Way {
        places: g.tidy(way),
        patrolled_m,
        left_out_m,
    })
}
