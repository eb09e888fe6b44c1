//! Which height layer each aircraft takes: the lowest that keep them apart whenever they fly.

use crate::fence::flat::{Edge, edge_to_edge_m};
use crate::plane::EastNorth;

/// Most assignments looked at.
const MOST_TRIES: usize = 50_000;

/// What one aircraft's way needs of the air, seen from above.
pub(super) struct Above {
    /// Where it climbs and comes down.
    pub pad: EastNorth,
    /// Its way, from the pad and back.
    pub way: Vec<EastNorth>,
    /// Layers it may take: below this.
    pub most: usize,
}

/// How far apart two aircraft are over ground, metres.
struct Between {
    ways_m: f64,
    /// From the one's pad to the other's way.
    pad_way_m: f64,
    way_pad_m: f64,
    pads_m: f64,
}

/// What is kept apart by layers, and not by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Apart {
    /// Ways, climbs and descents: nothing is left to the clock.
    Always,
    /// Only the ways at height; climbs and descents near each other need different times.
    Aloft,
}

fn edges(way: &[EastNorth]) -> impl Iterator<Item = Edge> + '_ {
    way.iter().copied().zip(way.iter().copied().skip(1))
}

fn between(a: &Above, b: &Above) -> Between {
    let spot = |p: EastNorth| (p, p);
    let to_way = |p: EastNorth, way: &[EastNorth]| {
        edges(way)
            .map(|e| edge_to_edge_m(spot(p), e))
            .fold(f64::INFINITY, f64::min)
    };
    Between {
        ways_m: edges(&a.way)
            .flat_map(|e| edges(&b.way).map(move |f| edge_to_edge_m(e, f)))
            .fold(f64::INFINITY, f64::min),
        pad_way_m: to_way(a.pad, &b.way),
        way_pad_m: to_way(b.pad, &a.way),
        pads_m: a.pad.distance_m(b.pad),
    }
}

impl Between {
    fn fits(&self, one: usize, other: usize, across_m: f64, how: Apart) -> bool {
        let far = |m: f64| m >= across_m;
        let aloft = one != other || far(self.ways_m);
        // A climb passes every layer up to its own.
        let climbs = (other > one || far(self.pad_way_m)) && (one > other || far(self.way_pad_m));
        aloft && (how == Apart::Aloft || (climbs && far(self.pads_m)))
    }
}

/// A layer for each (0 the lowest), as few layers as do; `None` where none was found.
pub(super) fn layers(all: &[Above], across_m: f64, how: Apart) -> Option<Vec<usize>> {
    let table: Vec<Vec<Between>> = all
        .iter()
        .enumerate()
        .map(|(i, a)| all.iter().take(i).map(|b| between(a, b)).collect())
        .collect();
    let mut tries = 0;
    (1..=all.len()).find_map(|most| {
        let mut taken = Vec::with_capacity(all.len());
        fill(all, &table, most, across_m, how, &mut taken, &mut tries).then_some(taken)
    })
}

fn fill(
    all: &[Above],
    table: &[Vec<Between>],
    most: usize,
    across_m: f64,
    how: Apart,
    taken: &mut Vec<usize>,
    tries: &mut usize,
) -> bool {
    let Some((me, row)) = all.get(taken.len()).zip(table.get(taken.len())) else {
        return true;
    };
    for layer in 0..most.min(me.most) {
        *tries += 1;
        if *tries > MOST_TRIES {
            return false;
        }
        let fits = row
            .iter()
            .zip(taken.iter())
            .all(|(b, other)| b.fits(layer, *other, across_m, how));
        if fits {
            taken.push(layer);
            if fill(all, table, most, across_m, how, taken, tries) {
                return true;
            }
            taken.pop();
        }
    }
    false
}
