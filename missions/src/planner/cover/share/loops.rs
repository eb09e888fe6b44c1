//! A closed way parted into loops, each as long as its weight says.
//!
//! The way is beaded: places at most so far apart. Where two of its stretches pass near each other, two short links across
//! in place of two links along make two loops of one, and undo it again. So loops are made by halving, and bettered by
//! joining two neighbours and parting them elsewhere (as districts are redrawn: DeFord, Duchin, Solomon 2021,
//! "Recombination"), under falling heat. What has been seen is left alone by that but for the places of the links.

use super::super::free::Free;
use super::super::geom::{Dice, P, dist, length_m, lerp};

/// Longest link along the way, swaths.
const BEAD: f64 = 0.6;
/// Likewise where loops stand already: finer, to be more even.
const BEAD_AGAIN: f64 = 0.35;
/// Longest link across, swaths.
const ACROSS: f64 = 1.5;
/// By so many times the share that a loop is too long, its metres are dearer: while all is in flux, and in the end.
const STEEP: (f64, f64) = (8.0, 80.0);
/// Heat of the joining and parting, first and last, swaths.
const HEAT: (f64, f64) = (4.0, 0.05);
/// Heat at first where loops stand already, swaths.
const HEAT_AGAIN: f64 = 0.6;
/// Most joinings, and most beads looked at in all of them.
const MOST_TRIES: f64 = 20_000.0;
const MOST_LOOKS: f64 = 1e7;
/// Times that halving begins anew where it ends in a loop that passes itself nowhere.
const HALVINGS: usize = 12;

/// How long to look for better loops.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// 1 for as long as pays.
    pub patience: f64,
    /// Whether the loops stand already and need only be evened.
    pub again: bool,
}

/// Beads of ways, and which are near each other.
pub(super) struct Beads<'a> {
    free: &'a Free,
    places: Vec<P>,
    /// Metres that each bead stands for: half of both links along the way it came from. Loops are even by these, for
    /// polishing takes back what links across are longer.
    works_m: Vec<f64>,
    near: Vec<Vec<u32>>,
    swath_m: f64,
}

/// Loops over the beads.
#[derive(Clone)]
struct Loops {
    /// Beads of each loop in order; the last is followed by the first.
    orders: Vec<Vec<u32>>,
    lengths_m: Vec<f64>,
    works_m: Vec<f64>,
}

/// Two links across in place of two along, which part a loop: what it costs, and where.
#[derive(Clone, Copy)]
struct Swap {
    cost_m: f64,
    i: usize,
    j: usize,
    /// Whether the second due is the inner loop's.
    turned: bool,
}

impl<'a> Beads<'a> {
    /// Beads of closed ways, whose first place is repeated at the end. The ways themselves come back as numbers of beads.
    pub fn new(
        free: &'a Free,
        ways: &[Vec<P>],
        swath_m: f64,
        bead_m: f64,
    ) -> (Self, Vec<Vec<u32>>) {
        let mut places: Vec<P> = Vec::new();
        let mut orders: Vec<Vec<u32>> = Vec::new();
        for way in ways {
            let first = places.len();
            for (a, b) in way.iter().zip(way.iter().skip(1)) {
                let n = (dist(*a, *b) / bead_m).ceil().max(1.0) as usize;
                places.extend((0..n).map(|s| lerp(*a, *b, s as f64 / n as f64)));
            }
            orders.push((first as u32..places.len() as u32).collect());
        }
        let near = near(&places, ACROSS * swath_m);
        let mut beads = Beads {
            free,
            works_m: vec![0.0; places.len()],
            places,
            near,
            swath_m,
        };
        for order in &orders {
            let links_m = beads.links_m(order);
            for ((b, after_m), before_m) in order
                .iter()
                .zip(&links_m)
                .zip(links_m.last().into_iter().chain(&links_m))
            {
                if let Some(w) = beads.works_m.get_mut(*b as usize) {
                    *w = 0.5 * (before_m + after_m);
                }
            }
        }
        (beads, orders)
    }

    fn at(&self, bead: u32) -> P {
        self.places
            .get(bead as usize)
            .copied()
            .unwrap_or(P { x: 0.0, y: 0.0 })
    }

    fn link_m(&self, a: u32, b: u32) -> f64 {
        dist(self.at(a), self.at(b))
    }

    /// Links along an order, the last back to the first.
    fn links_m(&self, order: &[u32]) -> Vec<f64> {
        (0..order.len())
            .map(|i| self.link_m(bead(order, i), bead(order, i + 1)))
            .collect()
    }

    fn round_m(&self, order: &[u32]) -> f64 {
        self.links_m(order).iter().sum()
    }

    fn work_m(&self, order: &[u32]) -> f64 {
        let of = |b: &u32| self.works_m.get(*b as usize);
        order.iter().filter_map(of).sum()
    }

    /// Whether both links may be flown.
    fn legal(&self, links: [(u32, u32); 2]) -> bool {
        links
            .iter()
            .all(|(a, b)| self.free.legal(self.at(*a), self.at(*b)))
    }

    /// For each bead its place in this order; `u32::MAX` where it is not in it.
    fn places_in(&self, order: &[u32], out: &mut [u32]) {
        for (i, b) in order.iter().enumerate() {
            if let Some(o) = out.get_mut(*b as usize) {
                *o = i as u32;
            }
        }
    }

    /// The room is as before [`Self::places_in`].
    fn forget(&self, order: &[u32], room: &mut [u32]) {
        for b in order {
            if let Some(r) = room.get_mut(*b as usize) {
                *r = u32::MAX;
            }
        }
    }

    /// Parts one loop in two that should measure as `dues` say by their work, `heat_m` of luck allowed.
    fn part(
        &self,
        order: &[u32],
        dues_m: (f64, f64),
        (heat_m, steep): (f64, f64),
        dice: &mut Dice,
        room: &mut [u32],
    ) -> Option<(Vec<u32>, Vec<u32>)> {
        let n = order.len();
        self.places_in(order, room);
        // Work of all beads before each, and the links after each.
        let mut done_m = Vec::with_capacity(n + 1);
        let mut all_m = 0.0;
        for b in order {
            done_m.push(all_m);
            all_m += self.works_m.get(*b as usize).copied().unwrap_or(0.0);
        }
        let done = |i: usize| done_m.get(i).copied().unwrap_or(all_m);
        let links_m = self.links_m(order);
        let link = |i: usize| links_m.get(i).copied().unwrap_or(0.0);
        let mut best: Option<Swap> = None;
        for (i, b) in order.iter().enumerate() {
            let next = bead(order, i + 1);
            for other in self.near.get(*b as usize).map_or(&[][..], Vec::as_slice) {
                let Some(j) = placed(room, *other) else {
                    continue;
                };
                // Links i → i+1 and j → j+1 make way; each pair once, neither loop without a stretch of its own.
                if j < i + 2 || (i == 0 && j + 1 == n) {
                    continue;
                }
                let inner_m = done(j + 1) - done(i + 1);
                let outer_m = all_m - inner_m;
                let unfair_m = [(inner_m, outer_m), (outer_m, inner_m)]
                    .map(|(x, y)| uneven_m(x, dues_m.0, steep) + uneven_m(y, dues_m.1, steep));
                // Most are out by that alone: no links across are shorter than none.
                let gone_m = link(i) + link(j);
                if unfair_m.iter().all(|u| !cheaper(best, u - gone_m)) {
                    continue;
                }
                let after = bead(order, j + 1);
                let link_m = self.link_m(*b, after) + self.link_m(*other, next) - gone_m;
                for (turned, unfair_m) in [false, true].into_iter().zip(unfair_m) {
                    if !cheaper(best, link_m + unfair_m) {
                        continue;
                    }
                    let cost_m = link_m + unfair_m + luck_m(heat_m, dice);
                    if cheaper(best, cost_m) && self.legal([(*b, after), (*other, next)]) {
                        best = Some(Swap {
                            cost_m,
                            i,
                            j,
                            turned,
                        });
                    }
                }
            }
        }
        self.forget(order, room);
        let s = best?;
        let inner = order.get(s.i + 1..=s.j)?.to_vec();
        let outer: Vec<u32> = order
            .get(s.j + 1..)?
            .iter()
            .chain(order.get(..=s.i)?)
            .copied()
            .collect();
        Some(if s.turned {
            (outer, inner)
        } else {
            (inner, outer)
        })
    }

    /// One loop of two that pass near each other, joined at the `i`-th bead of one and the `j`-th of the other: after it or
    /// before it, round the other this way or that, whatever is shortest.
    fn join(&self, one: &[u32], i: usize, other: &[u32], j: usize) -> Option<Vec<u32>> {
        let (m, n) = (one.len(), other.len());
        let mut best: Option<(f64, usize, bool)> = None;
        // a → b, on round the other to the bead before b → a's next; turned: round to the bead after b. Or a's next → b and
        // back to a, which is the same from the other side.
        for i in [i, i + m - 1] {
            let (a, next) = (bead(one, i), bead(one, i + 1));
            for turned in [false, true] {
                let near = bead(other, j);
                let far = bead(other, if turned { j + 1 } else { j + n - 1 });
                let cost_m = self.link_m(a, near) + self.link_m(far, next)
                    - self.link_m(a, next)
                    - self.link_m(near, far);
                if best.is_none_or(|b| cost_m < b.0) && self.legal([(a, near), (far, next)]) {
                    best = Some((cost_m, i % m, turned));
                }
            }
        }
        let (_, i, turned) = best?;
        let mut out: Vec<u32> = one.get(..=i)?.to_vec();
        if turned {
            out.extend((0..n).map(|k| bead(other, j + n - k)));
        } else {
            out.extend((0..n).map(|k| bead(other, j + k)));
        }
        out.extend(one.get(i + 1..)?);
        Some(out)
    }

    /// Closed ways of the loops, first places repeated, without beads that lie between others.
    fn ways(&self, loops: &Loops) -> Vec<Vec<P>> {
        loops
            .orders
            .iter()
            .map(|o| {
                let mut way: Vec<P> = Vec::with_capacity(o.len() + 1);
                for b in o.iter().chain(o.first()) {
                    let p = self.at(*b);
                    if let [.., a, m] = way.as_slice()
                        && dist(*a, *m) + dist(*m, p) - dist(*a, p) < 1e-9
                        && self.free.legal(*a, p)
                    {
                        way.pop();
                    }
                    way.push(p);
                }
                way
            })
            .collect()
    }
}

/// Whether this would be better than the best found.
fn cheaper(best: Option<Swap>, cost_m: f64) -> bool {
    best.is_none_or(|b| cost_m < b.cost_m)
}

/// Where a bead is in the order looked at.
fn placed(room: &[u32], bead: u32) -> Option<usize> {
    room.get(bead as usize)
        .filter(|j| **j != u32::MAX)
        .map(|j| *j as usize)
}

/// Metres by dice, `heat_m` in the mean.
fn luck_m(heat_m: f64, dice: &mut Dice) -> f64 {
    if heat_m > 0.0 {
        -heat_m * (1.0 - dice.unit()).ln()
    } else {
        0.0
    }
}

/// The `i`-th of a loop, counted round.
fn bead(order: &[u32], i: usize) -> u32 {
    order.get(i % order.len().max(1)).copied().unwrap_or(0)
}

/// What a loop costs for being longer or shorter than it should be.
fn uneven_m(is_m: f64, due_m: f64, steep: f64) -> f64 {
    steep * (is_m - due_m) * (is_m - due_m) / due_m.max(1e-3)
}

/// For each place those within reach.
fn near(places: &[P], reach_m: f64) -> Vec<Vec<u32>> {
    use std::collections::BTreeMap;
    let cell = |p: P| {
        (
            (p.x / reach_m).floor() as i64,
            (p.y / reach_m).floor() as i64,
        )
    };
    let mut cells: BTreeMap<(i64, i64), Vec<u32>> = BTreeMap::new();
    for (i, p) in places.iter().enumerate() {
        cells.entry(cell(*p)).or_default().push(i as u32);
    }
    places
        .iter()
        .enumerate()
        .map(|(i, p)| {
            let (x, y) = cell(*p);
            let mut out = Vec::new();
            for dy in -1..=1 {
                for dx in -1..=1 {
                    out.extend(
                        cells
                            .get(&(x + dx, y + dy))
                            .map_or(&[][..], Vec::as_slice)
                            .iter()
                            .copied()
                            .filter(|j| *j as usize != i)
                            .filter(|j| {
                                places
                                    .get(*j as usize)
                                    .is_some_and(|q| dist(*p, *q) <= reach_m)
                            }),
                    );
                }
            }
            out
        })
        .collect()
}

/// Loops made of ways.
pub(super) struct Parted {
    /// Metres, unevenness included.
    pub cost_m: f64,
    /// What the longest does of the work done before, against its due: what it will come to when polished.
    pub worst: f64,
    pub ways: Vec<Vec<P>>,
}

/// Loops of these lengths (against each other) out of one closed way or several, shortest for being even. `None`
/// where some part of the way passes no other near enough.
pub(super) fn parted(
    free: &Free,
    ways: &[Vec<P>],
    weights: &[f64],
    swath_m: f64,
    pace: Pace,
    seed: u64,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Parted> {
    let bead_m = swath_m * if pace.again { BEAD_AGAIN } else { BEAD };
    let (beads, orders) = Beads::new(free, ways, swath_m, bead_m);
    let whole: f64 = weights.iter().sum::<f64>().max(1e-12);
    let mut dice = Dice::new(seed);
    let mut room = vec![u32::MAX; beads.places.len()];
    let all_m: f64 = ways.iter().map(|w| length_m(w)).sum();
    let dues_m: Vec<f64> = weights.iter().map(|w| all_m * w / whole).collect();
    let mut orders = orders;
    if orders.len() != weights.len() {
        let [one] = orders.as_slice() else {
            return None;
        };
        let mut who: Vec<usize> = (0..weights.len()).collect();
        let out = (0..HALVINGS).find_map(|_| {
            for i in (1..who.len()).rev() {
                who.swap(i, dice.below(i + 1));
            }
            let mut out = vec![Vec::new(); weights.len()];
            beads
                .halve(one, &who, &dues_m, &mut dice, &mut room, &mut out)
                .map(|()| out)
        })?;
        orders = out;
    }
    let mut loops = Loops {
        lengths_m: orders.iter().map(|o| beads.round_m(o)).collect(),
        works_m: orders.iter().map(|o| beads.work_m(o)).collect(),
        orders,
    };
    beads.recombine(&mut loops, &dues_m, pace, &mut dice, &mut room, stop);
    let worst = loops
        .works_m
        .iter()
        .zip(&dues_m)
        .map(|(w, d)| w / d.max(1e-9));
    Some(Parted {
        cost_m: loops.cost_m(&dues_m, STEEP.1),
        worst: worst.fold(0.0, f64::max),
        ways: beads.ways(&loops),
    })
}

impl Loops {
    fn cost_m(&self, dues_m: &[f64], steep: f64) -> f64 {
        let unfair_m = |(w, d): (&f64, &f64)| uneven_m(*w, *d, steep);
        self.lengths_m.iter().sum::<f64>()
            + self.works_m.iter().zip(dues_m).map(unfair_m).sum::<f64>()
    }
}

impl Beads<'_> {
    /// Half after half, until every one has a loop.
    fn halve(
        &self,
        order: &[u32],
        who: &[usize],
        dues_m: &[f64],
        dice: &mut Dice,
        room: &mut [u32],
        out: &mut [Vec<u32>],
    ) -> Option<()> {
        let [first, rest @ ..] = who else {
            return Some(());
        };
        if rest.is_empty() {
            *out.get_mut(*first)? = order.to_vec();
            return Some(());
        }
        let (low, high) = who.split_at(1 + dice.below(rest.len()));
        let due = |w: &[usize]| w.iter().filter_map(|i| dues_m.get(*i)).sum::<f64>();
        let heat = (0.5 * self.swath_m, STEEP.1);
        let (a, b) = self.part(order, (due(low), due(high)), heat, dice, room)?;
        self.halve(&a, low, dues_m, dice, room, out)?;
        self.halve(&b, high, dues_m, dice, room, out)
    }

    /// Joins two neighbours and parts them elsewhere, over and over.
    fn recombine(
        &self,
        loops: &mut Loops,
        dues_m: &[f64],
        pace: Pace,
        dice: &mut Dice,
        room: &mut [u32],
        stop: &mut dyn FnMut() -> bool,
    ) {
        let k = loops.orders.len();
        let n = self.places.len();
        if k < 2 || n == 0 {
            return;
        }
        let mut owner = vec![0u32; n];
        for (l, o) in loops.orders.iter().enumerate() {
            for b in o {
                if let Some(w) = owner.get_mut(*b as usize) {
                    *w = l as u32;
                }
            }
        }
        let looks = (2 * n) as f64 / k as f64;
        let tries = (pace.patience * MOST_TRIES.min(MOST_LOOKS / looks.max(1.0))) as u64;
        let (hot, soft) = if pace.again {
            (HEAT_AGAIN, STEEP.1)
        } else {
            (HEAT.0, STEEP.0)
        };
        let mut best = (loops.cost_m(dues_m, STEEP.1), loops.clone());
        for t in 0..tries {
            if t.is_multiple_of(16) && stop() {
                break;
            }
            let part = t as f64 / tries as f64;
            let heat_m = self.swath_m * hot * (HEAT.1 / hot).powf(part);
            let steep = soft * (STEEP.1 / soft).powf((1.25 * part).min(1.0));
            // Anywhere, and as often on the loop that has the most to do.
            let b = if t.is_multiple_of(2) {
                dice.below(n)
            } else {
                let by = |l: &usize| {
                    let of = |m: &[f64]| m.get(*l).copied().unwrap_or(1.0);
                    of(&loops.works_m) / of(dues_m)
                };
                let most = (0..k).max_by(|x, y| by(x).total_cmp(&by(y))).unwrap_or(0);
                let order = loops.orders.get(most).map_or(&[][..], Vec::as_slice);
                bead(order, dice.below(order.len())) as usize
            };
            let Some(near) = self.near.get(b).filter(|n| !n.is_empty()) else {
                continue;
            };
            let Some(c) = near.get(dice.below(near.len())) else {
                continue;
            };
            let of = |b: usize| owner.get(b).map_or(0, |o| *o as usize);
            let (x, y) = (of(b), of(*c as usize));
            let (Some(one), Some(other)) = (loops.orders.get(x), loops.orders.get(y)) else {
                continue;
            };
            if x == y {
                continue;
            }
            let at = |order: &[u32], b: u32| order.iter().position(|o| *o == b);
            let (Some(i), Some(j)) = (at(one, b as u32), at(other, *c)) else {
                continue;
            };
            let Some(joined) = self.join(one, i, other, j) else {
                continue;
            };
            let due = |l: usize| dues_m.get(l).copied().unwrap_or(0.0);
            let Some((p, q)) =
                self.part(&joined, (due(x), due(y)), (0.5 * heat_m, steep), dice, room)
            else {
                continue;
            };
            let cost_m = loops.cost_m(dues_m, steep);
            let before = (loops.lengths_m.clone(), loops.works_m.clone());
            for (l, o) in [(x, &p), (y, &q)] {
                if let Some(m) = loops.lengths_m.get_mut(l) {
                    *m = self.round_m(o);
                }
                if let Some(m) = loops.works_m.get_mut(l) {
                    *m = self.work_m(o);
                }
            }
            if loops.cost_m(dues_m, steep) - cost_m > luck_m(heat_m, dice) {
                (loops.lengths_m, loops.works_m) = before;
                continue;
            }
            for (l, o) in [(x, p), (y, q)] {
                for b in &o {
                    if let Some(w) = owner.get_mut(*b as usize) {
                        *w = l as u32;
                    }
                }
                if let Some(slot) = loops.orders.get_mut(l) {
                    *slot = o;
                }
            }
            let last_m = loops.cost_m(dues_m, STEEP.1);
            if last_m < best.0 {
                best = (last_m, loops.clone());
            }
        }
        *loops = best.1;
    }
}
