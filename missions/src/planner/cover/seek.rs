//! Going to see what is not seen yet: bends, notches, and ways around, while polishing and when mending.

use super::geom::{P, dist, length_m, lerp, nearest_on, pt};
use super::polish::Polish;

/// Length of a way that sees all it has to from one place, metres.
const HAIR_M: f64 = 0.01;
/// What a way around is taken to see, where it is not yet counted, for what is seen from the place it leads to.
const ON_THE_WAY: f64 = 1.5;
/// Most places of a way around that is worth judging.
const LONGEST: usize = 200;

impl Polish<'_> {
    /// Without heat, until no more is unseen than allowed, or nothing helps: the price rises until every gap is worth
    /// its detour.
    ///
    /// At most 4,500 tries, and nobody is asked whether to stop: it is polishing that may end early, not seeing.
    pub fn mend(&mut self) {
        self.heat_m = 0.0;
        self.desperate = true;
        let mut unseen = Vec::new();
        for round in 0..30u32 {
            self.path.list();
            self.price_m = self.raster.sample_m2() / self.swath_m * 8.0 * 1.4f64.powi(round as i32);
            let mut won = false;
            self.raster.unseen_cells(&mut unseen);
            for _ in 0..150 {
                if self.raster.unseen <= self.allowed {
                    return;
                }
                let u = loop {
                    let k = self.dice.below(unseen.len());
                    let Some(cell) = unseen.get(k) else {
                        break None;
                    };
                    if let Some(u) = self.raster.still_unseen(*cell) {
                        break Some(u);
                    }
                    unseen.swap_remove(k);
                };
                let Some(u) = u else { break };
                won |= self.see(u);
            }
            if !won && round > 18 {
                // What is left lies where no legal place sees it.
                return;
            }
        }
    }

    /// Begins another way where something is unseen, no way leads from the one flown, and a legal place sees it: two
    /// places a hair apart, for [`Polish::mend`] to lengthen.
    pub fn elsewhere(&mut self, radius_m: f64) -> Option<[P; 2]> {
        self.path.list();
        let mut from = 0;
        for _ in 0..64 {
            let u = self.raster.unseen_after(from)?;
            from = self.dice.below(self.raster.cells());
            let Some(p) = self
                .ways
                .nearest_free(u)
                .filter(|p| dist(*p, u) <= radius_m)
            else {
                continue;
            };
            let mut legs: Vec<(f64, P)> = (0..self.path.legs())
                .filter_map(|i| {
                    let q = nearest_on(p, self.path.at(i), self.path.from(i + 1)?);
                    Some((dist(p, q), q))
                })
                .collect();
            legs.sort_by(|x, y| x.0.total_cmp(&y.0));
            if legs.iter().take(8).any(|l| self.ways.way(l.1, p).is_some()) {
                continue;
            }
            let beside = (0..16).map(|k| {
                let (sin, cos) = (f64::from(k) * std::f64::consts::TAU / 16.0).sin_cos();
                pt(p.x + HAIR_M * cos, p.y + HAIR_M * sin)
            });
            let q = beside.into_iter().find(|q| self.free.legal(p, *q));
            return Some([p, q.unwrap_or(p)]);
        }
        None
    }

    /// Bends a near leg, or lengthens an end, so that some unseen sample is seen; where no straight bend is legal, goes
    /// there and back along a way around.
    pub(super) fn see_unseen(&mut self) -> bool {
        let from = self.dice.below(self.raster.cells());
        self.raster.unseen_after(from).is_some_and(|u| self.see(u))
    }

    /// Bends the way to see `u`.
    fn see(&mut self, u: P) -> bool {
        let mut near = std::mem::take(&mut self.near);
        self.path.near(u, &mut near);
        let far = near.is_empty();
        if far {
            near.extend(0..self.path.legs());
        }
        // The three cheapest bends, as (cost, leg, place).
        let mut best: [Option<(f64, usize, P)>; 3] = [None; 3];
        let radius = 0.5 * self.swath_m * (0.3 + 0.68 * self.dice.unit());
        for &i in &near {
            let a = self.path.at(i);
            let Some(b) = self.path.from(i + 1) else {
                continue;
            };
            // Where the way would turn towards the sample: as near as needed, no nearer.
            let foot = nearest_on(u, a, b);
            let d = dist(u, foot);
            let q = lerp(u, foot, (radius / d.max(1e-9)).min(1.0));
            let cost = (dist(a, q) + dist(q, b) - dist(a, b)) * (1.0 + 0.5 * self.dice.unit());
            let mut new = Some((cost, i, q));
            for slot in &mut best {
                if new.is_some_and(|n| slot.is_none_or(|s| n.0 < s.0)) {
                    std::mem::swap(slot, &mut new);
                }
            }
        }
        self.near = near;
        let last = self.path.len().saturating_sub(1);
        for (_, i, q) in best.into_iter().flatten() {
            let (a, Some(b)) = (self.path.at(i), self.path.from(i + 1)) else {
                continue;
            };
            let won = if self.dice.below(3) == 0 && dist(q, a) < dist(q, b) {
                self.try_replace(i, 1, &[q])
            } else if !self.path.closed && i == 0 && dist(q, a) < dist(q, b) {
                self.try_replace(0, 0, &[q])
            } else if !self.path.closed && i + 1 == last && dist(q, b) < dist(q, a) {
                self.try_replace(last + 1, 0, &[q])
            } else {
                self.try_replace(i + 1, 0, &[q])
            };
            if won || self.notch(i, a, b, q) {
                return true;
            }
            let around = far || self.desperate || self.dice.below(16) == 0;
            if around && (self.desperate || !(self.free.legal(a, q) && self.free.legal(q, b))) {
                // `q` may lie in a wall, or beyond one: then from the sample itself, or the free place nearest to it.
                let place = [q, u].into_iter().find(|p| self.free.legal_place(*p));
                if place.is_some_and(|p| self.go_around(i, a, b, p)) {
                    return true;
                }
                if (place.is_none() || self.desperate)
                    && let Some(p) = self.ways.nearest_free(u)
                    && self.go_around(i, a, b, p)
                {
                    return true;
                }
            }
        }
        false
    }

    /// Leads the leg `a`–`b` by `q` along ways around, or there and back from where it passes nearest.
    fn go_around(&mut self, i: usize, a: P, b: P, q: P) -> bool {
        // A way is never shorter than straight; what it sees on its way is of the order of what it sees from `q`. Tried
        // too late rather than in vain: the price rises.
        let straight_m =
            (dist(a, q) + dist(q, b) - dist(a, b)).min(2.0 * dist(q, nearest_on(q, a, b)));
        let seen = self.raster.gain(q) as f64;
        let worth_m = ON_THE_WAY * self.price_m * seen;
        if straight_m > worth_m {
            return false;
        }
        // A long leg is left only as far from where it passes as `q` lies aside, and a swath: the rest stays as it was.
        let foot = nearest_on(q, a, b);
        let beside_m = dist(q, foot) + self.swath_m;
        let towards = |end: P| {
            let far_m = dist(foot, end);
            if far_m > 1.5 * beside_m {
                (lerp(foot, end, beside_m / far_m), true)
            } else {
                (end, false)
            }
        };
        let ((u, from_leg), (v, to_leg)) = (towards(a), towards(b));
        if let (Some(there), Some(back)) = (self.ways.way(u, q), self.ways.way(q, v)) {
            let longer_m = length_m(&there) + length_m(&back) - dist(u, v);
            let inner = back.len().saturating_sub(2);
            let back = back.iter().skip(1).take(inner);
            let mut detour: Vec<P> = from_leg.then_some(u).into_iter().collect();
            detour.extend(there.iter().skip(1).chain(back));
            detour.extend(to_leg.then_some(v));
            if longer_m <= worth_m && detour.len() < LONGEST && self.try_replace(i + 1, 0, &detour)
            {
                return true;
            }
        }
        // There and back loses nothing that the leg sees.
        match self.ways.way(foot, q) {
            Some(there) if there.len() < LONGEST && 2.0 * length_m(&there) <= worth_m => {
                let back = there.iter().rev().skip(1);
                let spur: Vec<P> = there.iter().chain(back).copied().collect();
                self.try_replace(i + 1, 0, &spur)
            }
            _ => false,
        }
    }

    /// Leaves a leg for a place beside it and comes back, the rest of the leg as it was.
    fn notch(&mut self, i: usize, a: P, b: P, q: P) -> bool {
        let len = dist(a, b);
        let foot = nearest_on(q, a, b);
        if len < 0.2 * self.swath_m {
            return false;
        }
        let half = self.dice.unit() * self.swath_m / len;
        let t = dist(a, foot) / len;
        let (u, v) = (t - half, t + half);
        match (u > 0.02, v < 0.98) {
            (true, true) => self.try_replace(i + 1, 0, &[lerp(a, b, u), q, lerp(a, b, v)]),
            (true, false) => self.try_replace(i + 1, 0, &[lerp(a, b, u), q]),
            (false, true) => self.try_replace(i + 1, 0, &[q, lerp(a, b, v)]),
            (false, false) => false,
        }
    }
}
