//! Random venues, and an oracle that shares no line with the planner: winding numbers, brute-force distances, samples.

use super::*;

pub(super) type Ring = Vec<(f64, f64)>;

/// A venue as drawn: nothing cleaned, nothing clipped.
pub(super) struct Drawn {
    pub(super) inclusion: Ring,
    pub(super) exclusions: Vec<Ring>,
    pub(super) swath_m: f64,
    pub(super) margin_m: f64,
    pub(super) closed: bool,
    pub(super) seed: u64,
}

pub(super) fn dice(seed: u64) -> impl FnMut() -> f64 {
    // A Lehmer generator, so that the drawing does not share the planner's dice.
    let mut s = u128::from(seed) * 2 + 0x1234_5679;
    move || {
        s = s.wrapping_mul(0xda94_2042_e4dd_58b5);
        ((s >> 64) as u64 >> 11) as f64 / (1u64 << 53) as f64
    }
}

pub(super) fn draw(seed: u64) -> Drawn {
    let mut r = dice(seed);
    for _ in 0..8 {
        r();
    }
    // Now and then no larger than a yard.
    let size = if r() < 0.05 { 4.0 } else { 25.0 } + 120.0 * r() * r();
    let star = |n: usize,
                cx: f64,
                cy: f64,
                rad: f64,
                rough: f64,
                squash: f64,
                r: &mut dyn FnMut() -> f64|
     -> Ring {
        let turn = r() * 3.0;
        (0..n)
            .map(|i| {
                let a = std::f64::consts::TAU * (i as f64 + 0.4 * r()) / n as f64;
                let d = rad * (1.0 - rough * r());
                let (x, y) = (d * a.cos(), d * squash * a.sin());
                (
                    cx + x * turn.cos() - y * turn.sin(),
                    cy + x * turn.sin() + y * turn.cos(),
                )
            })
            .collect()
    };
    // Mostly a few corners; now and then hundreds, as surveys draw them.
    let many = if r() < 0.04 { 800.0 } else { 40.0 };
    let n = 4 + (r() * r() * many) as usize;
    let rough = if n > 60 { 0.05 } else { 0.7 } * r();
    let mut inclusion = star(n, 0.0, 0.0, size, rough, 0.4 + 0.6 * r(), &mut r);
    let comb = r() < 0.08;
    if comb {
        // Corridors about as narrow as the margins ask: some may be flown, some not, some by a hair.
        inclusion = vec![(-size, -size), (size, -size), (size, size)];
        let mut x = size;
        while x > -0.8 * size {
            let wide = [0.0, 4.0, 10.0, 0.3 * size][(r() * 4.0) as usize % 4] + 0.06 * r();
            let wall = 0.05 * size * (0.2 + r());
            inclusion.push((x - wide, size));
            inclusion.push((x - wide - 0.4 * r(), -0.5 * size * r()));
            inclusion.push((x - wide - wall - 0.4, -0.5 * size * r()));
            x -= wide + wall + 0.5;
            inclusion.push((x, size));
        }
        inclusion.push((-size, size));
    }
    if r() < 0.15 {
        // Places on the edges, and places again, a hair beside.
        inclusion = inclusion
            .iter()
            .zip(inclusion.iter().cycle().skip(1))
            .flat_map(|(a, b)| {
                let mid = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
                let beside = (a.0 + 1e-7 * r(), a.1 + 1e-4 * r() * r());
                [*a, beside, mid, mid]
            })
            .collect();
    }
    let mut exclusions: Vec<Ring> = Vec::new();
    for _ in 0..(r() * 9.0) as usize {
        let (d, a) = (size * r(), r() * 7.0);
        let (cx, cy) = (d * a.cos(), d * a.sin());
        let rad = size * (0.02 + 0.25 * r() * r());
        exclusions.push(match (r() * 7.0) as u32 {
            // Inside the one before.
            5 if !exclusions.is_empty() => {
                let last = &exclusions[exclusions.len() - 1];
                let mid = last.iter().fold((0.0, 0.0), |m, p| (m.0 + p.0, m.1 + p.1));
                let mid = (mid.0 / last.len() as f64, mid.1 / last.len() as f64);
                let nested =
                    |p: &(f64, f64)| (mid.0 + 0.4 * (p.0 - mid.0), mid.1 + 0.4 * (p.1 - mid.1));
                last.iter().map(nested).collect()
            }
            // Sharing an edge with the one before, turned over.
            6 if !exclusions.is_empty() => {
                let last = &exclusions[exclusions.len() - 1];
                let (a, b) = (last[0], last[1]);
                vec![
                    a,
                    b,
                    (2.0 * b.0 - cx * 0.1, b.1 + rad),
                    (a.0 + rad, 2.0 * a.1 - b.1),
                ]
            }
            // A sliver.
            0 => star(4, cx, cy, rad * 2.0, 0.1, 0.01, &mut r),
            // One that shares a vertex with the boundary.
            1 => {
                let mut h = star(4, cx, cy, rad, 0.2, 1.0, &mut r);
                let at = (r() * inclusion.len() as f64) as usize % inclusion.len();
                h[0] = inclusion[at];
                if winding((h[0].0, h[0].1), &h) == 99 {
                    h
                } else {
                    star(4, inclusion[at].0, inclusion[at].1, rad, 0.2, 1.0, &mut r)
                }
            }
            // Nearly touching the one before.
            2 if !exclusions.is_empty() => {
                let last = &exclusions[exclusions.len() - 1];
                let (lo, hi) = last
                    .iter()
                    .fold((f64::MAX, f64::MIN), |m, p| (m.0.min(p.0), m.1.max(p.0)));
                let gap = hi - lo + 0.01 + 2.0 * r() * r();
                last.iter().map(|p| (p.0 + gap, p.1)).collect()
            }
            _ => star(
                3 + (r() * 9.0) as usize,
                cx,
                cy,
                rad,
                0.6 * r(),
                0.3 + 0.7 * r(),
                &mut r,
            ),
        });
    }
    Drawn {
        inclusion,
        exclusions,
        swath_m: size * (0.1 + 0.35 * r()),
        margin_m: [0.0, 2.0, 5.0][(r() * 3.0) as usize % 3],
        closed: r() < 0.4,
        seed,
    }
}

pub(super) fn winding(p: (f64, f64), ring: &Ring) -> i32 {
    let mut w = 0;
    for (i, a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        let left = (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0);
        if a.1 <= p.1 && b.1 > p.1 && left > 0.0 {
            w += 1;
        }
        if a.1 > p.1 && b.1 <= p.1 && left < 0.0 {
            w -= 1;
        }
    }
    w
}

pub(super) fn from_segment(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let t =
        (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy).max(1e-300)).clamp(0.0, 1.0);
    ((p.0 - a.0 - t * dx).powi(2) + (p.1 - a.1 - t * dy).powi(2)).sqrt()
}

pub(super) fn free_place(d: &Drawn, p: (f64, f64)) -> bool {
    winding(p, &d.inclusion) != 0 && d.exclusions.iter().all(|e| winding(p, e) == 0)
}

pub(super) fn request(d: &Drawn, effort: u64) -> CoverRequest {
    let poly = |r: &Ring| polygon(&[r.iter().map(|p| EastNorth::new(p.0, p.1)).collect()]);
    let exclusions: Vec<Polygon<f64>> = d.exclusions.iter().map(poly).collect();
    let target = target(&[poly(&d.inclusion)], &exclusions);
    CoverRequest {
        closed: d.closed,
        seed: d.seed,
        effort,
        ..CoverRequest::new(target, d.swath_m, d.margin_m)
    }
}

/// What the oracle found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Metres flown outside, inside a keep-out, or nearer to an edge than the margin.
    pub(super) illegal_m: f64,
    /// Part of what a way at the margin can see that is seen.
    pub(super) coverage: f64,
}

fn nearest_edge(rings: &[&Ring], p: (f64, f64)) -> f64 {
    let edges = rings
        .iter()
        .flat_map(|r| r.iter().zip(r.iter().cycle().skip(1)));
    edges
        .map(|(a, b)| from_segment(p, *a, *b))
        .fold(f64::INFINITY, f64::min)
}

/// Flies the plan through the drawing, half a metre at a time, and looks at some `samples` places whether they are seen.
pub(super) fn judge(d: &Drawn, plan: &CoverPlan, samples: usize) -> Found {
    let rings: Vec<&Ring> = std::iter::once(&d.inclusion).chain(&d.exclusions).collect();
    let legs: Vec<[(f64, f64); 2]> = plan
        .routes
        .iter()
        .flat_map(|r| r.windows(2))
        .map(|w| [w[0], w[1]].map(|p| (p.east_m, p.north_m)))
        .collect();
    let mut illegal_m = 0.0;
    for [a, b] in &legs {
        let long = (b.0 - a.0).hypot(b.1 - a.1);
        let steps = ((long / 0.5).ceil() as usize).max(1);
        let corner = rings
            .iter()
            .flat_map(|r| r.iter())
            .any(|c| from_segment(*c, *a, *b) < d.margin_m);
        let bad = (0..=steps).filter(|s| {
            let t = *s as f64 / steps as f64;
            let p = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            !free_place(d, p) || nearest_edge(&rings, p) < d.margin_m
        });
        let bad = bad.count().max(usize::from(corner));
        illegal_m += bad as f64 * (long / steps as f64).max(0.01);
    }
    let (mut lo, mut hi) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for p in &d.inclusion {
        lo = (lo.0.min(p.0), lo.1.min(p.1));
        hi = (hi.0.max(p.0), hi.1.max(p.1));
    }
    let step = ((hi.0 - lo.0) * (hi.1 - lo.1) / samples as f64).sqrt();
    let mut r = dice(d.seed ^ 77);
    let radius = d.swath_m / 2.0;
    let (mut seen, mut missed) = (0usize, 0usize);
    let mut y = lo.1 + step * r();
    while y < hi.1 {
        let mut x = lo.0 + step * r();
        while x < hi.0 {
            let p = (x + 0.3 * step * r(), y + 0.3 * step * r());
            x += step;
            if !free_place(d, p) {
                continue;
            }
            if legs.iter().any(|[a, b]| from_segment(p, *a, *b) <= radius) {
                seen += 1;
            } else if reachable(d, &rings, p, radius) {
                missed += 1;
            }
        }
        y += step;
    }
    Found {
        illegal_m,
        coverage: seen as f64 / (seen + missed).max(1) as f64,
    }
}

/// Whether some place that keeps the margin by a centimetre sees `p`: tried on rings around it.
fn reachable(d: &Drawn, rings: &[&Ring], p: (f64, f64), radius: f64) -> bool {
    if d.margin_m <= 0.0 {
        return true;
    }
    let reach = radius + d.margin_m + 0.02;
    let local: Vec<((f64, f64), (f64, f64))> = rings
        .iter()
        .flat_map(|r| r.iter().zip(r.iter().cycle().skip(1)))
        .map(|(a, b)| (*a, *b))
        .filter(|(a, b)| from_segment(p, *a, *b) < reach)
        .collect();
    (0..=8u32).any(|k| {
        let far = radius * 0.998 * f64::from(k) / 8.0;
        (0..24u32).any(|j| {
            let (sin, cos) = (f64::from(j) * std::f64::consts::TAU / 24.0).sin_cos();
            let q = (p.0 + far * cos, p.1 + far * sin);
            let clear =
                |e: &((f64, f64), (f64, f64))| from_segment(q, e.0, e.1) >= d.margin_m + 0.01;
            local.iter().all(clear) && free_place(d, q)
        })
    })
}
