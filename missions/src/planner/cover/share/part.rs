//! Who gets what: parts of the free space allotted to sharers, legs of the one way parted among those of a part.

use super::super::geom::{P, dist, lerp, pt};
use super::super::lines::Line;
use super::Member;

/// A share of a part below this of a sharer's whole work is left to the part's others.
const CRUMB: f64 = 0.02;

/// For each part who works in it, with the work there. `works`: metres of each part. A sharer with a home works there
/// alone; the others fill up, part after part, so that few work in two.
pub(super) fn allot(
    works: &[f64],
    homes: &[Option<usize>],
    weights: &[f64],
) -> Vec<Vec<(usize, f64)>> {
    let mut out: Vec<Vec<(usize, f64)>> = vec![Vec::new(); works.len()];
    let whole_m: f64 = works.iter().sum();
    let all: f64 = weights.iter().sum::<f64>().max(1e-12);
    let due = |i: usize| weights.get(i).map_or(0.0, |w| whole_m * w / all);
    let mut left: Vec<f64> = works.to_vec();
    for (i, home) in homes.iter().enumerate() {
        if let Some(h) = home
            && let (Some(o), Some(l)) = (out.get_mut(*h), left.get_mut(*h))
        {
            o.push((i, due(i)));
            *l = (*l - due(i)).max(0.0);
        }
    }
    let free: Vec<usize> = (0..homes.len())
        .filter(|i| homes.get(*i) == Some(&None))
        .collect();
    let supply: f64 = free.iter().map(|i| due(*i)).sum();
    let demand: f64 = left.iter().sum();
    if supply > 0.0 {
        let mut free = free.into_iter();
        let (mut who, mut has_m) = (None, 0.0);
        for (p, need_m) in left.iter().enumerate() {
            let mut need_m = *need_m;
            while need_m > 1e-9 {
                if has_m <= 1e-9 {
                    match free.next() {
                        Some(i) => {
                            who = Some(i);
                            has_m = due(i) * demand / supply;
                        }
                        // Rounding: the last one takes what is left.
                        None => has_m = need_m,
                    }
                }
                let Some(i) = who else { break };
                let takes_m = need_m.min(has_m);
                if let Some(o) = out.get_mut(p) {
                    o.push((i, takes_m));
                }
                need_m -= takes_m;
                has_m -= takes_m;
            }
        }
    }
    for o in &mut out {
        let most = o
            .iter()
            .map(|w| w.1 / due(w.0).max(1e-12))
            .fold(0.0, f64::max);
        o.retain(|w| w.1 / due(w.0).max(1e-12) >= CRUMB.min(most));
    }
    out
}

/// The legs of a way that are worth keeping as lines.
pub(super) fn legs_of(way: &[P], least_m: f64) -> Vec<Line> {
    let all: Vec<Line> = way
        .windows(2)
        .filter_map(|w| match w {
            [a, b] if dist(*a, *b) > 1e-6 => Some(Line { a: *a, b: *b }),
            _ => None,
        })
        .collect();
    let long: Vec<Line> = all
        .iter()
        .copied()
        .filter(|l| dist(l.a, l.b) >= least_m)
        .collect();
    if long.is_empty() { all } else { long }
}

/// A way cut into consecutive pieces, each as long as its weight says.
pub(super) fn pieces_by_length(way: &[P], weights: &[f64]) -> Vec<Vec<P>> {
    let whole: f64 = weights.iter().sum::<f64>().max(1e-12);
    let length_m = super::super::geom::length_m(way);
    let mut out: Vec<Vec<P>> = Vec::with_capacity(weights.len());
    let mut now: Vec<P> = way.first().copied().into_iter().collect();
    let (mut done_m, mut due) = (0.0, weights.first().copied().unwrap_or(0.0));
    for (a, b) in way.iter().zip(way.iter().skip(1)) {
        let leg_m = dist(*a, *b);
        while out.len() + 1 < weights.len() && done_m + leg_m > length_m * due / whole {
            let t = ((length_m * due / whole - done_m) / leg_m.max(1e-12)).clamp(0.0, 1.0);
            let cut = lerp(*a, *b, t);
            now.push(cut);
            out.push(std::mem::replace(&mut now, vec![cut]));
            due += weights.get(out.len()).copied().unwrap_or(0.0);
        }
        now.push(*b);
        done_m += leg_m;
    }
    out.push(now);
    out.resize(weights.len(), Vec::new());
    out
}

/// A manner of parting legs by straight cuts, half after half.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Direction across the first cut, radians.
    across_rad: f64,
    turn: Turn,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    /// All cuts alike.
    Never,
    /// Every next level at right angles.
    Each,
    /// Always across the longer side.
    Longer,
}

impl Cut {
    /// The manners worth trying for these legs: along and across most of them.
    pub(super) fn all(legs: &[Line]) -> Vec<Cut> {
        let along = main_direction(legs);
        let across = along + std::f64::consts::FRAC_PI_2;
        let mut out = Vec::new();
        for turn in [Turn::Never, Turn::Each, Turn::Longer] {
            for across_rad in [across, along] {
                out.push(Cut { across_rad, turn });
            }
        }
        for across_rad in [along + 0.78, across + 0.78] {
            out.push(Cut {
                across_rad,
                turn: Turn::Longer,
            });
        }
        out
    }

    /// The legs of each member, whose weight counts times its bias.
    pub(super) fn parted(
        &self,
        legs: &[Line],
        group: &[Member],
        bias: &[f64],
        crumb_m: f64,
    ) -> Vec<Vec<Line>> {
        let mut out = vec![Vec::new(); group.len()];
        let who: Vec<usize> = (0..group.len()).collect();
        self.halve(
            legs.to_vec(),
            &who,
            &(group, bias),
            self.across_rad,
            crumb_m,
            &mut out,
        );
        out
    }

    fn halve(
        &self,
        legs: Vec<Line>,
        who: &[usize],
        group: &(&[Member], &[f64]),
        across_rad: f64,
        crumb_m: f64,
        out: &mut [Vec<Line>],
    ) {
        let [first, rest @ ..] = who else { return };
        if rest.is_empty() {
            if let Some(o) = out.get_mut(*first) {
                *o = legs;
            }
            return;
        }
        let across_rad = match self.turn {
            Turn::Longer => {
                let other = across_rad + std::f64::consts::FRAC_PI_2;
                if reach(&legs, other) > reach(&legs, across_rad) {
                    other
                } else {
                    across_rad
                }
            }
            _ => across_rad,
        };
        // Who starts further along the cut's normal works there.
        let mut who = who.to_vec();
        let at = |i: &usize| {
            let site = group.0.get(*i).and_then(|m| m.site);
            site.map_or(f64::NAN, |s| along_m(s, across_rad))
        };
        if who.iter().all(|i| at(i).is_finite()) {
            who.sort_by(|x, y| at(x).total_cmp(&at(y)).then(x.cmp(y)));
        }
        let weight = |w: &[usize]| -> f64 {
            w.iter()
                .filter_map(|i| Some(group.0.get(*i)?.weight * group.1.get(*i)?))
                .sum()
        };
        let (low, high) = who.split_at(who.len() / 2);
        let part = weight(low) / weight(&who).max(1e-12);
        let (below, above) = split(&legs, across_rad, part, crumb_m);
        let next = match self.turn {
            Turn::Each => across_rad + std::f64::consts::FRAC_PI_2,
            _ => across_rad,
        };
        self.halve(below, low, group, next, crumb_m, out);
        self.halve(above, high, group, next, crumb_m, out);
    }
}

fn along_m(p: P, angle_rad: f64) -> f64 {
    p.x * angle_rad.cos() + p.y * angle_rad.sin()
}

/// How far the legs reach in a direction, metres.
fn reach(legs: &[Line], angle_rad: f64) -> f64 {
    let (lo, hi) = span(legs, angle_rad);
    hi - lo
}

fn span(legs: &[Line], angle_rad: f64) -> (f64, f64) {
    legs.iter()
        .flat_map(|l| [l.a, l.b])
        .map(|p| along_m(p, angle_rad))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| {
            (lo.min(x), hi.max(x))
        })
}

/// The direction of most of the metres, radians.
pub(super) fn main_direction(legs: &[Line]) -> f64 {
    // Twice the angle, so that there and back are the same.
    let (mut c, mut s) = (0.0, 0.0);
    for l in legs {
        let angle = (l.b.y - l.a.y).atan2(l.b.x - l.a.x) * 2.0;
        let m = dist(l.a, l.b);
        c += m * angle.cos();
        s += m * angle.sin();
    }
    s.atan2(c) / 2.0
}

/// The legs below and above the cut that leaves this part of the metres below it.
fn split(legs: &[Line], angle_rad: f64, part: f64, crumb_m: f64) -> (Vec<Line>, Vec<Line>) {
    let turned: Vec<(f64, f64, f64)> = legs
        .iter()
        .map(|l| {
            (
                along_m(l.a, angle_rad),
                along_m(l.b, angle_rad),
                dist(l.a, l.b),
            )
        })
        .collect();
    let whole: f64 = turned.iter().map(|t| t.2).sum();
    let below_m = |x: f64| -> f64 { turned.iter().map(|t| t.2 * share_below(t.0, t.1, x)).sum() };
    let (mut lo, mut hi) = span(legs, angle_rad);
    for _ in 0..50 {
        let mid = 0.5 * (lo + hi);
        if below_m(mid) < part * whole {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    let x = 0.5 * (lo + hi);
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for (l, t) in legs.iter().zip(&turned) {
        let share = share_below(t.0, t.1, x);
        let m = t.2;
        if (1.0 - share) * m < crumb_m && share >= 0.5 {
            below.push(*l);
        } else if share * m < crumb_m {
            above.push(*l);
        } else {
            let (near, far) = if t.0 < t.1 { (l.a, l.b) } else { (l.b, l.a) };
            let cut = lerp(near, far, share);
            let cut = pt(cut.x, cut.y);
            below.push(Line { a: near, b: cut });
            above.push(Line { a: cut, b: far });
        }
    }
    (below, above)
}

/// Which part of the stretch from `u` to `v` lies below `x`.
fn share_below(u: f64, v: f64, x: f64) -> f64 {
    let (lo, hi) = (u.min(v), u.max(v));
    if hi - lo < 1e-9 {
        return if lo < x { 1.0 } else { 0.0 };
    }
    ((x - lo) / (hi - lo)).clamp(0.0, 1.0)
}
