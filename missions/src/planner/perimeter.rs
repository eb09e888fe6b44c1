//! Once around, inside the boundary and outside every keep-out.

use super::{Ground2d, PlanRefusal};
use crate::place::LatLon;
use crate::plane::EastNorth;
use geo::Area as _;

/// The whole way, from the start and back to it.
pub(super) fn perimeter(
    g: &Ground2d<'_>,
    offset_m: f64,
) -> Result<(Vec<LatLon>, f64), PlanRefusal> {
    let refuse = || PlanRefusal::NothingLeft {
        margin_m: offset_m.max(g.rules.margin_m),
        alt_m: g.alt_amsl_m - g.fence.home().alt.metres(),
    };
    let inset_m = offset_m.max(g.rules.margin_m) + crate::fence::route::SLACK_M;
    let region = if inset_m > g.rules.margin_m + 2.0 * crate::fence::route::SLACK_M {
        g.fence.free_region(inset_m, g.alt_amsl_m, &g.rules)
    } else {
        g.free.clone()
    };
    let largest = region
        .into_iter()
        .max_by(|a, b| a.unsigned_area().total_cmp(&b.unsigned_area()))
        .ok_or_else(refuse)?;
    let plane = g.fence.plane();
    let mut ring: Vec<LatLon> = largest
        .exterior()
        .coords()
        .skip(1)
        .filter_map(|c| plane.to_latlon(EastNorth::new(c.x, c.y)))
        .collect();
    ring.dedup();
    if ring.len() < 3 {
        return Err(refuse());
    }
    // Start at the corner nearest to home.
    let start = plane.to_local(g.start);
    let first = ring
        .iter()
        .enumerate()
        .min_by(|a, b| {
            plane
                .to_local(*a.1)
                .distance_m(start)
                .total_cmp(&plane.to_local(*b.1).distance_m(start))
        })
        .map_or(0, |(i, _)| i);
    ring.rotate_left(first);
    if let Some(c) = ring.first().copied() {
        ring.push(c);
    }
    let mut way = vec![g.start];
    let mut here = g.start;
    for to in ring.into_iter().chain([g.start]) {
        let leg = g
            .router
            .route(here, to)
            .ok_or(PlanRefusal::NoWay { from: here, to })?;
        way.extend(leg.into_iter().skip(1));
        here = to;
    }
    way.dedup();
    let length_m = g.router.length_m(&way);
    Ok((way, length_m))
}
