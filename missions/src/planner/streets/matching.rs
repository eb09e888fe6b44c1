//! Cheapest perfect matching of an even number of things, each pair with a cost.
//!
//! Edmonds' blossoms with dual variables in O(n³) (Edmonds 1965, "Paths, trees, and flowers"; Galil 1986, "Efficient
//! algorithms for finding maximum matching in graphs"), in whole numbers so that no tie hangs on rounding. Beyond
//! [`EXACT_UP_TO`] things: cheapest pairs first, then exchanges of two pairs until none helps.

use super::super::rounds::kit::{At, row};
use std::collections::VecDeque;

/// Up to this many things the matching is the optimum.
pub const EXACT_UP_TO: usize = 400;

/// Partner of each of `n` things, cheapest in sum. `cost(a, b)` is symmetric, finite and not negative; a cost is counted
/// in thousandths. With an odd `n` the last stays alone and is its own partner.
pub fn cheapest_pairs(n: usize, cost: &dyn Fn(usize, usize) -> f64) -> Vec<usize> {
    let even = n - n % 2;
    let mut partner = if even <= EXACT_UP_TO {
        exact(even, cost)
    } else {
        exchanged(even, cost)
    };
    if n > even {
        partner.push(even);
    }
    partner
}

#[derive(Clone, Copy, Default)]
struct Pair {
    u: usize,
    v: usize,
    w: i64,
}

/// Things are 1..=n, blossoms beyond; 0 is "none". Names as in the literature: `lab` duals, `st` outermost blossom.
struct Blossoms {
    n: usize,
    top: usize,
    side: usize,
    pairs: Vec<Pair>,
    lab: Vec<i64>,
    mate: Vec<usize>,
    slack: Vec<usize>,
    st: Vec<usize>,
    pa: Vec<usize>,
    from: Vec<usize>,
    flower: Vec<Vec<usize>>,
    /// -1 free, 0 outer, 1 inner.
    sign: Vec<i8>,
    seen: Vec<usize>,
    tick: usize,
    queue: VecDeque<usize>,
}

#[allow(clippy::cast_possible_truncation)] // costs are far below 2^63 thousandths
fn exact(n: usize, cost: &dyn Fn(usize, usize) -> f64) -> Vec<usize> {
    if n == 0 {
        return Vec::new();
    }
    let milli = |a: usize, b: usize| (cost(a, b) * 1000.0).round() as i64;
    let dearest = (0..n)
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .map(|(a, b)| milli(a, b))
        .max()
        .unwrap_or(0);
    let side = n + n / 2 + 2;
    let mut b = Blossoms {
        n,
        top: n,
        side,
        pairs: vec![Pair::default(); side * side],
        lab: vec![0; side],
        mate: vec![0; side],
        slack: vec![0; side],
        st: (0..side).map(|i| if i <= n { i } else { 0 }).collect(),
        pa: vec![0; side],
        from: vec![0; side * side],
        flower: vec![Vec::new(); side],
        sign: vec![-1; side],
        seen: vec![0; side],
        tick: 0,
        queue: VecDeque::new(),
    };
    for u in 1..=n {
        b.from.put(u * side + u, u);
        b.lab.put(u, dearest + 1);
        for v in 1..=n {
            // Dear becomes light: the heaviest matching of a complete graph with weights above 0 is perfect.
            let w = if u == v {
                0
            } else {
                dearest + 1 - milli(u.max(v) - 1, u.min(v) - 1)
            };
            b.pairs.put(u * side + v, Pair { u, v, w });
        }
    }
    while b.grow() {}
    (1..=n).map(|u| b.mate.at(u).saturating_sub(1)).collect()
}

impl Blossoms {
    fn pair(&self, u: usize, v: usize) -> Pair {
        self.pairs.at(u * self.side + v)
    }
    fn delta(&self, e: Pair) -> i64 {
        self.lab.at(e.u) + self.lab.at(e.v) - 2 * self.pair(e.u, e.v).w
    }
    fn update_slack(&mut self, u: usize, x: usize) {
        let s = self.slack.at(x);
        if s == 0 || self.delta(self.pair(u, x)) < self.delta(self.pair(s, x)) {
            self.slack.put(x, u);
        }
    }
    fn set_slack(&mut self, x: usize) {
        self.slack.put(x, 0);
        for u in 1..=self.n {
            let su = self.st.at(u);
            if self.pair(u, x).w > 0 && su != x && self.sign.at(su) == 0 {
                self.update_slack(u, x);
            }
        }
    }
    fn enqueue(&mut self, x: usize) {
        if x <= self.n {
            self.queue.push_back(x);
        } else {
            for i in row(&self.flower, x).to_vec() {
                self.enqueue(i);
            }
        }
    }
    fn set_st(&mut self, x: usize, b: usize) {
        self.st.put(x, b);
        if x > self.n {
            for i in row(&self.flower, x).to_vec() {
                self.set_st(i, b);
            }
        }
    }
    /// Even steps from the blossom's base to `xr`, turning the blossom round where needed.
    fn even_steps(&mut self, b: usize, xr: usize) -> usize {
        let Some(f) = self.flower.get_mut(b) else {
            return 0;
        };
        let pr = f.iter().position(|i| *i == xr).unwrap_or(0);
        if pr % 2 == 1 {
            if let Some(rest) = f.get_mut(1..) {
                rest.reverse();
            }
            f.len() - pr
        } else {
            pr
        }
    }
    fn set_mate(&mut self, u: usize, v: usize) {
        let e = self.pair(u, v);
        self.mate.put(u, e.v);
        if u > self.n {
            let xr = self.from.at(u * self.side + e.u);
            let pr = self.even_steps(u, xr);
            for i in 0..pr {
                let (a, b) = (row(&self.flower, u).at(i), row(&self.flower, u).at(i ^ 1));
                self.set_mate(a, b);
            }
            self.set_mate(xr, v);
            if let Some(f) = self.flower.get_mut(u)
                && pr <= f.len()
            {
                f.rotate_left(pr);
            }
        }
    }
    fn augment(&mut self, mut u: usize, mut v: usize) {
        loop {
            let next = self.st.at(self.mate.at(u));
            self.set_mate(u, v);
            if next == 0 {
                return;
            }
            let up = self.st.at(self.pa.at(next));
            self.set_mate(next, up);
            (u, v) = (up, next);
        }
    }
    fn meeting(&mut self, mut u: usize, mut v: usize) -> usize {
        self.tick += 1;
        while u != 0 || v != 0 {
            if u != 0 {
                if self.seen.at(u) == self.tick {
                    return u;
                }
                self.seen.put(u, self.tick);
                u = self.st.at(self.mate.at(u));
                if u != 0 {
                    u = self.st.at(self.pa.at(u));
                }
            }
            std::mem::swap(&mut u, &mut v);
        }
        0
    }
    fn shrink(&mut self, u: usize, lca: usize, v: usize) {
        let mut b = self.n + 1;
        while b <= self.top && self.st.at(b) != 0 {
            b += 1;
        }
        self.top = self.top.max(b);
        self.lab.put(b, 0);
        self.sign.put(b, 0);
        self.mate.put(b, self.mate.at(lca));
        let mut f = vec![lca];
        for (start, turn) in [(u, true), (v, false)] {
            let mut x = start;
            while x != lca {
                let y = self.st.at(self.mate.at(x));
                f.extend([x, y]);
                self.enqueue(y);
                x = self.st.at(self.pa.at(y));
            }
            if turn && let Some(rest) = f.get_mut(1..) {
                rest.reverse();
            }
        }
        if let Some(slot) = self.flower.get_mut(b) {
            slot.clone_from(&f);
        }
        self.set_st(b, b);
        let side = self.side;
        for x in 1..=self.top {
            for at in [b * side + x, x * side + b] {
                let mut e = self.pairs.at(at);
                e.w = 0;
                self.pairs.put(at, e);
            }
        }
        for x in 1..=self.n {
            self.from.put(b * side + x, 0);
        }
        for xs in f {
            for x in 1..=self.top {
                if self.pair(b, x).w == 0
                    || self.delta(self.pair(xs, x)) < self.delta(self.pair(b, x))
                {
                    self.pairs.put(b * side + x, self.pair(xs, x));
                    self.pairs.put(x * side + b, self.pair(x, xs));
                }
            }
            for x in 1..=self.n {
                if self.from.at(xs * side + x) != 0 {
                    self.from.put(b * side + x, xs);
                }
            }
        }
        self.set_slack(b);
    }
    fn open(&mut self, b: usize) {
        let f = row(&self.flower, b).to_vec();
        for i in &f {
            self.set_st(*i, *i);
        }
        let entry = self.pair(b, self.pa.at(b)).u;
        let xr = self.from.at(b * self.side + entry);
        let pr = self.even_steps(b, xr);
        let f = row(&self.flower, b).to_vec();
        for i in (0..pr).step_by(2) {
            let (xs, next) = (f.at(i), f.at(i + 1));
            self.pa.put(xs, self.pair(next, xs).u);
            self.sign.put(xs, 1);
            self.sign.put(next, 0);
            self.slack.put(xs, 0);
            self.set_slack(next);
            self.enqueue(next);
        }
        self.sign.put(xr, 1);
        self.pa.put(xr, self.pa.at(b));
        for xs in f.iter().skip(pr + 1) {
            self.sign.put(*xs, -1);
            self.set_slack(*xs);
        }
        self.st.put(b, 0);
    }
    /// Whether the edge completed an augmenting path.
    fn tight(&mut self, e: Pair) -> bool {
        let (u, v) = (self.st.at(e.u), self.st.at(e.v));
        match self.sign.at(v) {
            -1 => {
                self.pa.put(v, e.u);
                self.sign.put(v, 1);
                let next = self.st.at(self.mate.at(v));
                self.slack.put(v, 0);
                self.slack.put(next, 0);
                self.sign.put(next, 0);
                self.enqueue(next);
            }
            0 => {
                let lca = self.meeting(u, v);
                if lca == 0 {
                    self.augment(u, v);
                    self.augment(v, u);
                    return true;
                }
                self.shrink(u, lca, v);
            }
            _ => {}
        }
        false
    }
    /// One more pair; false when all are matched.
    fn grow(&mut self) -> bool {
        for x in 1..=self.top {
            self.sign.put(x, -1);
            self.slack.put(x, 0);
        }
        self.queue.clear();
        for x in 1..=self.top {
            if self.st.at(x) == x && self.mate.at(x) == 0 {
                self.pa.put(x, 0);
                self.sign.put(x, 0);
                self.enqueue(x);
            }
        }
        if self.queue.is_empty() {
            return false;
        }
        loop {
            while let Some(u) = self.queue.pop_front() {
                if self.sign.at(self.st.at(u)) == 1 {
                    continue;
                }
                for v in 1..=self.n {
                    let e = self.pair(u, v);
                    if e.w > 0 && self.st.at(u) != self.st.at(v) {
                        if self.delta(e) == 0 {
                            if self.tight(e) {
                                return true;
                            }
                        } else {
                            self.update_slack(u, self.st.at(v));
                        }
                    }
                }
            }
            let mut d = i64::MAX;
            for b in self.n + 1..=self.top {
                if self.st.at(b) == b && self.sign.at(b) == 1 {
                    d = d.min(self.lab.at(b) / 2);
                }
            }
            for x in 1..=self.top {
                let s = self.slack.at(x);
                if self.st.at(x) == x && s != 0 {
                    let e = self.delta(self.pair(s, x));
                    match self.sign.at(x) {
                        -1 => d = d.min(e),
                        0 => d = d.min(e / 2),
                        _ => {}
                    }
                }
            }
            for u in 1..=self.n {
                match self.sign.at(self.st.at(u)) {
                    0 => {
                        if self.lab.at(u) <= d {
                            return false;
                        }
                        self.lab.put(u, self.lab.at(u) - d);
                    }
                    1 => self.lab.put(u, self.lab.at(u) + d),
                    _ => {}
                }
            }
            for b in self.n + 1..=self.top {
                if self.st.at(b) == b {
                    match self.sign.at(b) {
                        0 => self.lab.put(b, self.lab.at(b) + 2 * d),
                        1 => self.lab.put(b, self.lab.at(b) - 2 * d),
                        _ => {}
                    }
                }
            }
            self.queue.clear();
            for x in 1..=self.top {
                let s = self.slack.at(x);
                if self.st.at(x) == x && s != 0 && self.st.at(s) != x {
                    let e = self.pair(s, x);
                    if self.delta(e) == 0 && self.tight(e) {
                        return true;
                    }
                }
            }
            for b in self.n + 1..=self.top {
                if self.st.at(b) == b && self.sign.at(b) == 1 && self.lab.at(b) == 0 {
                    self.open(b);
                }
            }
        }
    }
}

/// Things whose nearest partners are tried in [`exchanged`].
const NEAR: usize = 12;

fn exchanged(n: usize, cost: &dyn Fn(usize, usize) -> f64) -> Vec<usize> {
    let near: Vec<Vec<(f64, usize)>> = (0..n)
        .map(|a| {
            let mut all: Vec<(f64, usize)> = (0..n)
                .filter(|b| *b != a)
                .map(|b| (cost(a, b), b))
                .collect();
            let keep = NEAR.min(all.len());
            if keep > 0 && keep < all.len() {
                all.select_nth_unstable_by(keep, |x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
            }
            all.truncate(keep);
            all.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
            all
        })
        .collect();
    let mut short: Vec<(f64, usize, usize)> = near
        .iter()
        .enumerate()
        .flat_map(|(a, list)| list.iter().map(move |(c, b)| (*c, a.min(*b), a.max(*b))))
        .collect();
    short.sort_by(|x, y| x.0.total_cmp(&y.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let mut partner = vec![usize::MAX; n];
    for (_, a, b) in short {
        if partner.at(a) == usize::MAX && partner.at(b) == usize::MAX {
            partner.put(a, b);
            partner.put(b, a);
        }
    }
    let left: Vec<usize> = (0..n).filter(|a| partner.at(*a) == usize::MAX).collect();
    for two in left.chunks_exact(2) {
        if let [a, b] = two {
            partner.put(*a, *b);
            partner.put(*b, *a);
        }
    }
    let mut todo: VecDeque<usize> = (0..n).collect();
    while let Some(a) = todo.pop_front() {
        let b = partner.at(a);
        for (c_ac, c) in row(&near, a) {
            let (c, d) = (*c, partner.at(*c));
            if c == b {
                continue;
            }
            let gain = cost(a, b) + cost(c, d) - c_ac - cost(b, d);
            if gain > 1e-9 {
                for (x, y) in [(a, c), (c, a), (b, d), (d, b)] {
                    partner.put(x, y);
                }
                todo.extend([a, b, c, d]);
                break;
            }
        }
    }
    partner
}
