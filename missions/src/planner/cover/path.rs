//! A way as a sequence of places that can be looked up from both sides: by order, and by where they lie.

use super::geom::{P, dist, lerp, pt};

/// A polyline under change. Nodes keep their number while their place in the order moves.
pub(super) struct Path {
    order: Vec<u32>,
    pos: Vec<u32>,
    places: Vec<P>,
    spare: Vec<u32>,
    /// Whether the last node is joined to the first.
    pub closed: bool,
    lo: P,
    cell_m: f64,
    cols: usize,
    rows: usize,
    /// Nodes whose outgoing leg passed through each cell when last listed.
    cells: Vec<Vec<u32>>,
}

/// Marks a node that is not in the order.
const GONE: u32 = u32::MAX;

impl Path {
    /// Of these places.
    pub fn new(places: &[P], closed: bool, cell_m: f64, lo: P, hi: P) -> Self {
        let n = places.len() as u32;
        let cell_m = cell_m.max(((hi.x - lo.x) * (hi.y - lo.y) / 250_000.0).sqrt());
        let cols = ((hi.x - lo.x) / cell_m).max(0.0) as usize + 1;
        let rows = ((hi.y - lo.y) / cell_m).max(0.0) as usize + 1;
        let mut path = Path {
            order: (0..n).collect(),
            pos: (0..n).collect(),
            places: places.to_vec(),
            spare: Vec::new(),
            closed,
            lo,
            cell_m,
            cols,
            rows,
            cells: vec![Vec::new(); cols * rows],
        };
        path.list();
        path
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Number of legs.
    pub fn legs(&self) -> usize {
        if self.closed {
            self.len()
        } else {
            self.len().saturating_sub(1)
        }
    }

    /// Place of the `i`-th node.
    pub fn at(&self, i: usize) -> P {
        self.order
            .get(i)
            .and_then(|id| self.places.get(*id as usize))
            .copied()
            .unwrap_or_else(|| pt(0.0, 0.0))
    }

    /// The node before the `i`-th.
    pub fn before(&self, i: usize) -> Option<P> {
        if i > 0 {
            Some(self.at(i - 1))
        } else if self.closed && self.len() > 1 {
            Some(self.at(self.len() - 1))
        } else {
            None
        }
    }

    /// The `i`-th node, counted on beyond the end where the path is closed.
    pub fn from(&self, i: usize) -> Option<P> {
        if i < self.len() {
            Some(self.at(i))
        } else if self.closed && i == self.len() && i > 0 {
            Some(self.at(0))
        } else {
            None
        }
    }

    /// All places in order; a closed path's first is repeated at its end.
    pub fn places(&self) -> Vec<P> {
        let mut out: Vec<P> = (0..self.len()).map(|i| self.at(i)).collect();
        if self.closed
            && let Some(p) = out.first().copied()
        {
            out.push(p);
        }
        out
    }

    fn number(&mut self, from: usize, to: usize) {
        for (i, id) in self.order.iter().enumerate().take(to).skip(from) {
            if let Some(p) = self.pos.get_mut(*id as usize) {
                *p = i as u32;
            }
        }
    }

    /// Replaces `k` nodes from the `i`-th on. As many nodes as can keep their numbers.
    pub fn replace(&mut self, i: usize, k: usize, by: &[P]) {
        let same = k.min(by.len());
        for (j, p) in by.iter().take(same).enumerate() {
            if let Some(id) = self.order.get(i + j)
                && let Some(q) = self.places.get_mut(*id as usize)
            {
                *q = *p;
            }
        }
        if k > same {
            for id in self.order.drain(i + same..i + k) {
                self.spare.push(id);
                if let Some(p) = self.pos.get_mut(id as usize) {
                    *p = GONE;
                }
            }
            self.number(i + same, self.order.len());
        } else if by.len() > same {
            let fresh: Vec<u32> = by.iter().skip(same).map(|p| self.fresh(*p)).collect();
            self.order.splice(i + same..i + same, fresh);
            self.number(i + same, self.order.len());
        }
    }

    fn fresh(&mut self, p: P) -> u32 {
        match self.spare.pop() {
            Some(id) => {
                if let Some(q) = self.places.get_mut(id as usize) {
                    *q = p;
                }
                id
            }
            None => {
                self.places.push(p);
                self.pos.push(0);
                (self.places.len() - 1) as u32
            }
        }
    }

    /// Turns the nodes `lo..=hi` round.
    pub fn turn(&mut self, lo: usize, hi: usize) {
        if let Some(part) = self.order.get_mut(lo..=hi) {
            part.reverse();
        }
        self.number(lo, hi + 1);
    }

    /// Moves the nodes `lo..=hi` to before the node that is now `to`-th (outside of them), turned round or not.
    pub fn shift(&mut self, lo: usize, hi: usize, to: usize, reversed: bool) {
        let mut moved: Vec<u32> = self.order.drain(lo..=hi).collect();
        if reversed {
            moved.reverse();
        }
        let at = if to > hi { to - moved.len() } else { to };
        self.order.splice(at..at, moved);
        self.number(lo.min(at), (hi + 1).max(to).min(self.order.len()));
    }

    fn cell_of(&self, p: P) -> Option<usize> {
        let (x, y) = (
            (p.x - self.lo.x) / self.cell_m,
            (p.y - self.lo.y) / self.cell_m,
        );
        (x >= 0.0 && y >= 0.0 && x < self.cols as f64 && y < self.rows as f64)
            .then(|| y as usize * self.cols + x as usize)
    }

    /// Lists legs by where they lie, as they are now. Between two calls [`Path::near`] may answer with stale legs:
    /// they are suggestions, and every move is judged afresh.
    pub fn list(&mut self) {
        for c in &mut self.cells {
            c.clear();
        }
        for i in 0..self.legs() {
            let (Some(id), Some(b)) = (self.order.get(i).copied(), self.from(i + 1)) else {
                continue;
            };
            let a = self.at(i);
            let steps = (dist(a, b) / (0.7 * self.cell_m)).ceil().max(1.0) as usize;
            let mut last = usize::MAX;
            for s in 0..=steps {
                if let Some(k) = self.cell_of(lerp(a, b, s as f64 / steps as f64))
                    && k != last
                {
                    last = k;
                    if let Some(c) = self.cells.get_mut(k) {
                        c.push(id);
                    }
                }
            }
        }
    }

    /// Starts of legs in the cell of `p` and the eight around it.
    pub fn near(&self, p: P, out: &mut Vec<usize>) {
        out.clear();
        for dy in [-1.0, 0.0, 1.0] {
            for dx in [-1.0, 0.0, 1.0] {
                let q = pt(p.x + dx * self.cell_m, p.y + dy * self.cell_m);
                if let Some(ids) = self.cell_of(q).and_then(|k| self.cells.get(k)) {
                    out.extend(
                        ids.iter()
                            .filter_map(|id| self.pos.get(*id as usize))
                            .filter(|p| **p != GONE)
                            .map(|p| *p as usize),
                    );
                }
            }
        }
    }
}
