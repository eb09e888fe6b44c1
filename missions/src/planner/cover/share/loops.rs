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
const STEEP: (f64, f64) = (8.0, 40.0);
/// Heat of the joining and parting, first and last, swaths.
const HEAT: (f64, f64) = (4.0, 0.05);
/// Heat at first where loops stand already, swaths.
const HEAT_AGAIN: f64 = 0.6;
/// Most joinings, and most beads looked at in all of them.
const MOST_TRIES: f64 = 20_000.0;
const MOST_LOOKS: f64 = 1e7;
/// Links looked at for being legal before a joining or a parting is given up.
const BEST: usize = 16;
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
    near: Vec<Vec<u32>>,
    swath_m: f64,
}

/// Loops over the beads.
#[derive(Clone)]
struct Loops {
    /// Beads of each loop in order; the last is followed by the first.
    orders: Vec<Vec<u32>>,
    lengths_m: Vec<f64>,
}

/// Two links across in place of two along: what it costs, and where.
#[derive(Clone, Copy)]
struct Swap {
    cost_m: f64,
    i: usize,
    j: usize,
    /// Whether the second loop is flown the other way round (of a joining).
    turned: bool,
}

/// The best few by cost.
struct Few(Vec<Swap>);

impl Few {
    /// Whether nothing so dear can be among the best.
    fn full_below(&self, cost_m: f64) -> bool {
        self.0.len() >= BEST && self.0.last().is_some_and(|l| l.cost_m <= cost_m)
    }

    fn offer(&mut self, s: Swap) {
        let at = self.0.partition_point(|x| x.cost_m <= s.cost_m);
        if at < BEST {
            self.0.insert(at, s);
            self.0.truncate(BEST);
        }
    }
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
        let mut orders = Vec::new();
        for way in ways {
            let first = places.len();
            for (a, b) in way.iter().zip(way.iter().skip(1)) {
                let n = (dist(*a, *b) / bead_m).ceil().max(1.0) as usize;
                places.extend((0..n).map(|s| lerp(*a, *b, s as f64 / n as f64)));
            }
            orders.push((first as u32..places.len() as u32).collect());
        }
        let near = near(&places, ACROSS * swath_m);
        let beads = Beads {
            free,
            places,
            near,
            swath_m,
        };
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

    fn round_m(&self, order: &[u32]) -> f64 {
        (0..order.len())
            .map(|i| self.link_m(bead(order, i), bead(order, i + 1)))
            .sum()
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

    /// Parts one loop in two that should measure as `dues` say, `heat_m` of luck allowed. Also what that costs, unevenness
    /// included.
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
        let mut along_m = Vec::with_capacity(n + 1);
        let mut sum = 0.0;
        for i in 0..n {
            along_m.push(sum);
            sum += self.link_m(bead(order, i), bead(order, i + 1));
        }
        let along = |i: usize| along_m.get(i).copied().unwrap_or(sum);
        let mut few = Few(Vec::with_capacity(BEST + 1));
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
                let after = bead(order, j + 1);
                let (here_m, there_m) = (self.link_m(*b, after), self.link_m(*other, next));
                let inner_m = along(j) - along(i + 1) + there_m;
                let outer_m = sum - (along(j + 1) - along(i)) + here_m;
                let link_m = here_m + there_m - self.link_m(*b, next) - self.link_m(*other, after);
                for turned in [false, true] {
                    let (x, y) = if turned {
                        (outer_m, inner_m)
                    } else {
                        (inner_m, outer_m)
                    };
                    let sure_m =
                        link_m + uneven_m(x, dues_m.0, steep) + uneven_m(y, dues_m.1, steep);
                    if few.full_below(sure_m) {
                        continue;
                    }
                    few.offer(Swap {
                        cost_m: sure_m + luck_m(heat_m, dice),
                        i,
                        j,
                        turned,
                    });
                }
            }
        }
        for b in order {
            if let Some(r) = room.get_mut(*b as usize) {
                *r = u32::MAX;
            }
        }
        let s = few.0.into_iter().find(|s| {
            let (a, b) = (bead(order, s.i), bead(order, s.j));
            self.legal([(a, bead(order, s.j + 1)), (b, bead(order, s.i + 1))])
        })?;
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

    /// One loop of two that pass near each other.
    fn join(
        &self,
        one: &[u32],
        other: &[u32],
        heat_m: f64,
        dice: &mut Dice,
        room: &mut [u32],
    ) -> Option<Vec<u32>> {
        self.places_in(other, room);
        let mut few = Few(Vec::with_capacity(BEST + 1));
        for (i, a) in one.iter().enumerate() {
            let after_a = bead(one, i + 1);
            let gone_m = self.link_m(*a, after_a);
            for b in self.near.get(*a as usize).map_or(&[][..], Vec::as_slice) {
                let Some(j) = placed(room, *b) else { continue };
                // a → b, on round the other to the bead before b → a's next; turned: round to the bead after b.
                for turned in [false, true] {
                    let far = if turned {
                        bead(other, j + 1)
                    } else {
                        bead(other, j + other.len() - 1)
                    };
                    let cost_m = self.link_m(*a, *b) + self.link_m(far, after_a)
                        - gone_m
                        - self.link_m(*b, far);
                    if few.full_below(cost_m) {
                        continue;
                    }
                    few.offer(Swap {
                        cost_m: cost_m + luck_m(heat_m, dice),
                        i,
                        j,
                        turned,
                    });
                }
            }
        }
        for b in other {
            if let Some(r) = room.get_mut(*b as usize) {
                *r = u32::MAX;
            }
        }
        let n = other.len();
        let s = few.0.into_iter().find(|s| {
            let far = bead(other, if s.turned { s.j + 1 } else { s.j + n - 1 });
            self.legal([
                (bead(one, s.i), bead(other, s.j)),
                (far, bead(one, s.i + 1)),
            ])
        })?;
        let mut out: Vec<u32> = one.get(..=s.i)?.to_vec();
        if s.turned {
            out.extend((0..n).map(|k| bead(other, s.j + n - k)));
        } else {
            out.extend((0..n).map(|k| bead(other, s.j + k)));
        }
        out.extend(one.get(s.i + 1..)?);
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

/// Loops of these lengths (against each other) out of one closed way or several, shortest for being even; what they cost,
/// metres. `None` where some part of the way passes no other near enough.
pub(super) fn parted(
    free: &Free,
    ways: &[Vec<P>],
    weights: &[f64],
    swath_m: f64,
    pace: Pace,
    seed: u64,
    stop: &mut dyn FnMut() -> bool,
) -> Option<(f64, Vec<Vec<P>>)> {
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
        orders,
    };
    beads.recombine(&mut loops, &dues_m, pace, &mut dice, &mut room, stop);
    Some((loops.cost_m(&dues_m, STEEP.1), beads.ways(&loops)))
}

impl Loops {
    fn cost_m(&self, dues_m: &[f64], steep: f64) -> f64 {
        // Against what they come to, not what was cut: what all are longer by is nobody's unevenness.
        let sum: f64 = self.lengths_m.iter().sum();
        let due: f64 = dues_m.iter().sum::<f64>().max(1e-9);
        sum + self
            .lengths_m
            .iter()
            .zip(dues_m)
            .map(|(l, d)| uneven_m(*l, d * sum / due, steep))
            .sum::<f64>()
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
            let b = dice.below(n);
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
            let Some(joined) = self.join(one, other, 0.5 * heat_m, dice, room) else {
                continue;
            };
            let all_m: f64 =
                loops.lengths_m.iter().sum::<f64>() / dues_m.iter().sum::<f64>().max(1e-9);
            let due = |l: usize| dues_m.get(l).copied().unwrap_or(0.0) * all_m;
            let Some((p, q)) =
                self.part(&joined, (due(x), due(y)), (0.5 * heat_m, steep), dice, room)
            else {
                continue;
            };
            let (p_m, q_m) = (self.round_m(&p), self.round_m(&q));
            let mut lengths_m = loops.lengths_m.clone();
            for (l, m) in [(x, p_m), (y, q_m)] {
                if let Some(o) = lengths_m.get_mut(l) {
                    *o = m;
                }
            }
            let cost_m = loops.cost_m(dues_m, steep);
            let before = std::mem::replace(&mut loops.lengths_m, lengths_m);
            let new_m = loops.cost_m(dues_m, steep);
            if new_m - cost_m > luck_m(heat_m, dice) {
                loops.lengths_m = before;
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
