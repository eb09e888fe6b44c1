//! The way as others will read it: without corners so slight that they are joined into one leg.
//!
//! Autopilots and judges drop places where the course hardly changes. Each such place is dropped here, where the joined
//! leg is legal, or bent a little more, so that nobody drops it; so the way read by others is the way proven.

use super::free::Free;
use super::geom::{P, cross, dist, pt};

/// Changes of course below this may be dropped by a reader, radians (`check_plan.py`: 0.2°).
const SLIGHT_RAD: f64 = 0.005;
/// What a slight corner is bent to where it cannot be dropped, radians.
const BENT_RAD: f64 = 0.007;
/// Places nearer than this to the last are dropped, metres.
const SAME_M: f64 = 2e-3;

/// Passes: dropping or bending a place changes the corner before it, so the way is read again until nothing changes.
const PASSES: usize = 24;

/// Drops or bends slight corners. The ends stay.
pub(super) fn tidy(free: &Free, way: &[P]) -> Vec<P> {
    let mut way = way.to_vec();
    for _ in 0..PASSES {
        let next = pass(free, &way);
        if next == way {
            break;
        }
        way = next;
    }
    way
}

fn pass(free: &Free, way: &[P]) -> Vec<P> {
    let mut places: Vec<P> = Vec::with_capacity(way.len());
    for (i, p) in way.iter().enumerate() {
        let near = places.last().is_some_and(|q| dist(*p, *q) < SAME_M);
        let legal = match (places.last(), way.get(i + 1)) {
            (Some(q), Some(r)) => free.legal(*q, *r),
            _ => false,
        };
        if !(near && legal) {
            places.push(*p);
        }
    }
    let mut out: Vec<P> = Vec::with_capacity(places.len());
    for (i, p) in places.iter().enumerate() {
        let (Some(a), Some(b)) = (out.last().copied(), places.get(i + 1).copied()) else {
            out.push(*p);
            continue;
        };
        if turn_rad(a, *p, b).abs() > SLIGHT_RAD {
            out.push(*p);
        } else if !free.legal(a, b) {
            out.push(bent(free, a, *p, b));
        }
    }
    out
}

fn turn_rad(a: P, p: P, b: P) -> f64 {
    let along = (p.x - a.x) * (b.x - p.x) + (p.y - a.y) * (b.y - p.y);
    let aside = (p.x - a.x) * (b.y - p.y) - (p.y - a.y) * (b.x - p.x);
    aside.atan2(along)
}

/// `p` moved away from the straight leg, to the side it lies on, or to the other where that is not legal.
fn bent(free: &Free, a: P, p: P, b: P) -> P {
    let (d1, d2) = (dist(a, p), dist(p, b));
    let len = dist(a, b).max(1e-9);
    let h = BENT_RAD.tan() * d1 * d2 / (d1 + d2).max(1e-9);
    let (nx, ny) = (-(b.y - a.y) / len, (b.x - a.x) / len);
    let off = cross(a, b, p) / len;
    let side = if off >= 0.0 { 1.0 } else { -1.0 };
    for to in [side * h, side * 1.5 * h, -side * h, side * 3.0 * h] {
        let q = pt(p.x + nx * (to - off), p.y + ny * (to - off));
        if turn_rad(a, q, b).abs() > SLIGHT_RAD && free.legal(a, q) && free.legal(q, b) {
            return q;
        }
    }
    p
}
