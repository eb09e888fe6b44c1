//! Points, segments and seeded numbers: the few lines of plane geometry that every room of the planner needs.

use geo::Coord;

/// A point, metres.
pub(super) type P = Coord<f64>;

/// A point from its parts.
pub(super) const fn pt(x: f64, y: f64) -> P {
    Coord { x, y }
}

/// Distance, metres.
pub(super) fn dist(a: P, b: P) -> f64 {
    // Not `hypot`: nothing here comes near overflow, and this is four times as quick.
    ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)).sqrt()
}

/// `a + t (b − a)`.
pub(super) fn lerp(a: P, b: P, t: f64) -> P {
    pt(a.x + t * (b.x - a.x), a.y + t * (b.y - a.y))
}

/// Cross product of `a − o` and `b − o`.
pub(super) fn cross(o: P, a: P, b: P) -> f64 {
    (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x)
}

/// Point of the segment nearest to `p`.
pub(super) fn nearest_on(p: P, a: P, b: P) -> P {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let l2 = dx * dx + dy * dy;
    if l2 <= 0.0 {
        return a;
    }
    let t = (((p.x - a.x) * dx + (p.y - a.y) * dy) / l2).clamp(0.0, 1.0);
    pt(a.x + t * dx, a.y + t * dy)
}

fn to_seg2(p: P, a: P, b: P) -> f64 {
    let q = nearest_on(p, a, b);
    (p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y)
}

/// Whether two segments come nearer to each other than `d` (squared: `d2`). Plain floating point: an error of it can
/// only matter where they are within a micrometre of `d` of each other, and callers keep a millimetre in hand.
pub(super) fn nearer_than(a: P, b: P, c: P, e: P, d2: f64) -> bool {
    let (o1, o2) = (cross(a, b, c), cross(a, b, e));
    let (o3, o4) = (cross(c, e, a), cross(c, e, b));
    if (o1 > 0.0) != (o2 > 0.0) && (o3 > 0.0) != (o4 > 0.0) {
        return true;
    }
    to_seg2(a, c, e) < d2 || to_seg2(b, c, e) < d2 || to_seg2(c, a, b) < d2 || to_seg2(e, a, b) < d2
}

/// Least distance between two segments, metres.
pub(super) fn between(a: P, b: P, c: P, e: P) -> f64 {
    if nearer_than(a, b, c, e, 0.0) {
        return 0.0;
    }
    to_seg2(a, c, e)
        .min(to_seg2(b, c, e))
        .min(to_seg2(c, a, b))
        .min(to_seg2(e, a, b))
        .sqrt()
}

/// Length of a polyline, metres.
pub(super) fn length_m(path: &[P]) -> f64 {
    path.iter()
        .zip(path.iter().skip(1))
        .map(|(a, b)| dist(*a, *b))
        .sum()
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed on every machine.
pub(super) struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// In `[-1, 1)`.
    pub fn signed(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }

    /// In `[0, n)`; 0 where `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }
}
