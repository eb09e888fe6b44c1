//! Parallel passes along a bent line.
//!
//! A pass is the curve at one distance to one side of the line: its segments moved aside, corners on the outer side of a
//! bend mitred in steps, and everything that comes nearer to the line than that distance (the inner side of a bend, or
//! another stretch of the line) cut away.

use super::lay::Stroke;
use super::lerp;
use crate::fence::flat;
use crate::plane::EastNorth;

/// Outer corners turn at most this much at once: a mitre then reaches out by 8 %.
const MITRE_RAD: f64 = std::f64::consts::FRAC_PI_4;
/// A piece this much too near is rounding, metres.
const NEAR_M: f64 = 1e-3;
/// Pieces that end this near to each other go on, as a part of the distance aside, and metres.
const GOES_ON: (f64, f64) = (0.05, 0.05);
/// Places of the line nearer to each other than this are one, metres.
const SAME_M: f64 = 0.05;
/// Pieces shorter than this are left over from cutting, metres.
const CRUMB_M: f64 = 0.05;

/// Passes, there and back in turn, beginning at the end and on the side next to `from`.
pub(super) fn passes(
    line: &[EastNorth],
    width_m: f64,
    swath_m: f64,
    from: Option<EastNorth>,
) -> Vec<Stroke> {
    let mut middle: Vec<EastNorth> = Vec::with_capacity(line.len());
    for p in line {
        if middle.last().is_none_or(|q| q.distance_m(*p) > SAME_M) {
            middle.push(*p);
        }
    }
    // A millimetre more than a whole number of swaths is not worth a pass.
    let n = ((width_m / swath_m) - 1e-6).ceil().max(1.0);
    let spacing_m = width_m / n;
    let mut passes: Vec<Vec<Vec<EastNorth>>> = (0..n as u32)
        .map(|k| aside(&middle, (f64::from(k) - (n - 1.0) / 2.0) * spacing_m))
        .filter(|p| !p.is_empty())
        .collect();
    let turn_about = |pass: &mut Vec<Vec<EastNorth>>| {
        pass.reverse();
        pass.iter_mut().for_each(|piece| piece.reverse());
    };
    if let Some(from) = from {
        let first = |pass: &Vec<Vec<EastNorth>>| pass.first().and_then(|p| p.first()).copied();
        let last = |pass: &Vec<Vec<EastNorth>>| pass.last().and_then(|p| p.last()).copied();
        let to = |p: Option<EastNorth>| p.map_or(f64::INFINITY, |p| p.distance_m(from));
        let nearest = |pass: Option<&Vec<Vec<EastNorth>>>| {
            pass.map_or((f64::INFINITY, f64::INFINITY), |p| {
                (to(first(p)), to(last(p)))
            })
        };
        let (a, b) = (nearest(passes.first()), nearest(passes.last()));
        if b.0.min(b.1) < a.0.min(a.1) {
            passes.reverse();
        }
        let begin = nearest(passes.first());
        if begin.1 < begin.0 {
            passes.iter_mut().for_each(turn_about);
        }
    }
    for (k, pass) in passes.iter_mut().enumerate() {
        if k % 2 == 1 {
            turn_about(pass);
        }
    }
    passes.into_iter().flatten().map(Stroke::along).collect()
}

/// The curve at `by_m` to the right of a line, in pieces.
pub(super) fn aside(line: &[EastNorth], by_m: f64) -> Vec<Vec<EastNorth>> {
    if by_m.abs() < NEAR_M {
        return vec![line.to_vec()];
    }
    let raw = moved(line, by_m);
    let near_m = by_m.abs() - NEAR_M;
    let mut out: Vec<Vec<EastNorth>> = Vec::new();
    for (a, b) in raw.iter().zip(raw.iter().skip(1)) {
        let length_m = a.distance_m(*b);
        if length_m <= 0.0 {
            continue;
        }
        let unit = (
            (b.east_m - a.east_m) / length_m,
            (b.north_m - a.north_m) / length_m,
        );
        let mut near: Vec<(f64, f64)> = line
            .iter()
            .zip(line.iter().skip(1))
            .filter_map(|(c, d)| flat::near_edge(*a, unit, (*c, *d), near_m))
            .collect();
        near.sort_by(|x, y| x.0.total_cmp(&y.0));
        let mut open_m = 0.0;
        for (from_m, to_m) in near.into_iter().chain([(length_m, length_m)]) {
            let until_m = from_m.min(length_m);
            if until_m - open_m > CRUMB_M {
                let (p, q) = (
                    lerp(*a, *b, open_m / length_m),
                    lerp(*a, *b, until_m / length_m),
                );
                let goes_on_m = GOES_ON.0 * by_m.abs() + GOES_ON.1;
                match out.last_mut() {
                    Some(piece) if piece.last().is_some_and(|e| e.distance_m(p) < goes_on_m) => {
                        // The two meet between their ends.
                        let joint = match (piece.pop(), piece.last()) {
                            (Some(e), Some(_)) if e.distance_m(p) > 0.0 => lerp(e, p, 0.5),
                            _ => p,
                        };
                        piece.extend([joint, q]);
                    }
                    _ => out.push(vec![p, q]),
                }
            }
            open_m = f64::max(open_m, to_m);
        }
    }
    out
}

/// The line's segments moved aside; mitred on the outer side of bends, crossing each other on the inner.
fn moved(line: &[EastNorth], by_m: f64) -> Vec<EastNorth> {
    let headings: Vec<f64> = line
        .iter()
        .zip(line.iter().skip(1))
        .map(|(a, b)| (b.north_m - a.north_m).atan2(b.east_m - a.east_m))
        .collect();
    // To the right of a heading.
    let beside = |p: EastNorth, heading: f64, reach_m: f64| {
        let (sin, cos) = heading.sin_cos();
        EastNorth::new(p.east_m + reach_m * sin, p.north_m - reach_m * cos)
    };
    let mut out = Vec::new();
    for (k, heading) in headings.iter().enumerate() {
        let (Some(a), Some(b)) = (line.get(k), line.get(k + 1)) else {
            break;
        };
        let before = k.checked_sub(1).and_then(|j| headings.get(j));
        let turn = |from: f64, to: f64| {
            use std::f64::consts::{PI, TAU};
            (to - from + PI).rem_euclid(TAU) - PI
        };
        // A bend to the left has its outer side on the right.
        let outer = |t: f64| t * by_m > 0.0;
        if !before.is_some_and(|h| outer(turn(*h, *heading))) {
            out.push(beside(*a, *heading, by_m));
        }
        let bend = headings.get(k + 1).map(|h| turn(*heading, *h));
        match bend {
            Some(t) if outer(t) => {
                let steps = (t.abs() / MITRE_RAD).ceil().max(1.0);
                let part = t / steps;
                let reach_m = by_m / (part / 2.0).cos();
                for i in 0..steps as u32 {
                    out.push(beside(*b, heading + part * (f64::from(i) + 0.5), reach_m));
                }
            }
            _ => out.push(beside(*b, *heading, by_m)),
        }
    }
    out
}
