//! Parallel lines over one piece of free space, and the directions worth trying.

use super::geom::{P, dist, pt};

/// A line to be flown in either direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// One end.
    pub a: P,
    /// The other.
    pub b: P,
}

/// Directions worth trying, radians in `[0, π)`, most promising first: those of the outline's long edges, then a fan.
pub(super) fn directions(rings: &[Vec<P>], fan: u32) -> Vec<f64> {
    const BINS: usize = 180;
    let mut weight = vec![(0.0f64, 0.0f64); BINS];
    for ring in rings {
        let mut last = match ring.last() {
            Some(p) => *p,
            None => continue,
        };
        for p in ring {
            let (dx, dy) = (p.x - last.x, p.y - last.y);
            let len = dx.hypot(dy);
            let angle = dy.atan2(dx).rem_euclid(std::f64::consts::PI);
            let bin = ((angle / std::f64::consts::PI * BINS as f64) as usize).min(BINS - 1);
            if let Some(w) = weight.get_mut(bin) {
                w.0 += len;
                w.1 += len * angle;
            }
            last = *p;
        }
    }
    let mut bins: Vec<(f64, f64)> = weight.into_iter().filter(|w| w.0 > 0.0).collect();
    bins.sort_by(|x, y| y.0.total_cmp(&x.0));
    let mut out: Vec<f64> = Vec::new();
    let apart = |u: f64, v: f64| {
        let d = (u - v).abs();
        d.min(std::f64::consts::PI - d)
    };
    let edges = bins.iter().take(12).map(|w| w.1 / w.0);
    let fans = (0..fan).map(|i| std::f64::consts::PI * f64::from(i) / f64::from(fan));
    for angle in edges.chain(fans) {
        if out.iter().all(|o| apart(*o, angle) > 0.04) {
            out.push(angle);
        }
    }
    out
}

/// Lines in direction `angle_rad`, `spacing_m` apart, cut to the rings' inside. The first lies `first_m` inside the
/// lowest point. Ends are drawn in by `draw_in_m` (never by more than leaves a fifth of the line).
pub(super) fn lines(
    rings: &[Vec<P>],
    angle_rad: f64,
    spacing_m: f64,
    first_m: f64,
    draw_in_m: f64,
) -> Vec<Line> {
    let (sin, cos) = angle_rad.sin_cos();
    let turn = |p: P| pt(p.x * cos + p.y * sin, p.y * cos - p.x * sin);
    let back = |x: f64, y: f64| pt(x * cos - y * sin, y * cos + x * sin);
    let (lo, hi) = extent(rings, angle_rad);
    if lo >= hi || !(hi - lo).is_finite() {
        return Vec::new();
    }
    let first = lo + first_m;
    let n = (((hi - first) / spacing_m).floor().max(-1.0) + 1.0) as usize;
    let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); n];
    for ring in rings {
        let Some(last) = ring.last() else { continue };
        let mut a = turn(*last);
        for p in ring {
            let b = turn(*p);
            let (l, h) = if a.y < b.y { (a, b) } else { (b, a) };
            let k0 = ((l.y - first) / spacing_m).ceil().max(0.0) as usize;
            for (k, row) in crossings.iter_mut().enumerate().skip(k0) {
                let y = first + k as f64 * spacing_m;
                if y >= h.y {
                    break;
                }
                if y >= l.y {
                    row.push(l.x + (y - l.y) / (h.y - l.y) * (h.x - l.x));
                }
            }
            a = b;
        }
    }
    let mut out = Vec::new();
    for (k, row) in crossings.iter_mut().enumerate() {
        let y = first + k as f64 * spacing_m;
        row.sort_by(f64::total_cmp);
        for pair in row.chunks_exact(2) {
            if let [x0, x1] = pair {
                let len = x1 - x0;
                if len <= 1e-6 {
                    continue;
                }
                let draw = draw_in_m.min(0.4 * len).max(1e-3_f64.min(0.4 * len));
                out.push(Line {
                    a: back(x0 + draw, y),
                    b: back(x1 - draw, y),
                });
            }
        }
    }
    out
}

/// How far the rings reach across direction `angle_rad`.
pub(super) fn extent(rings: &[Vec<P>], angle_rad: f64) -> (f64, f64) {
    let (sin, cos) = angle_rad.sin_cos();
    rings
        .iter()
        .flatten()
        .map(|p| p.y * cos - p.x * sin)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), y| {
            (lo.min(y), hi.max(y))
        })
}

/// Total length, metres.
pub(super) fn total_m(lines: &[Line]) -> f64 {
    lines.iter().map(|l| dist(l.a, l.b)).sum()
}
