//! Line ends by where they lie, and lengths by pair: what ordering looks up.

use super::geom::{P, dist};

/// The `k` nearest ends of other lines for each end, nearest first.
pub(super) fn neighbours(ends: &[P], k: usize) -> Vec<Vec<u32>> {
    let mut left = Remaining::new(ends);
    (0..ends.len() as u32)
        .map(|i| match ends.get(i as usize) {
            Some(p) => left.nearest_k(*p, ends, k, i / 2),
            None => Vec::new(),
        })
        .collect()
}

/// Ends not yet taken, in buckets.
pub(super) struct Remaining {
    lo: P,
    cell_m: f64,
    cols: usize,
    rows: usize,
    cells: Vec<Vec<u32>>,
    left: usize,
    where_is: Vec<usize>,
}

impl Remaining {
    pub(super) fn new(ends: &[P]) -> Self {
        let mut lo = P {
            x: f64::INFINITY,
            y: f64::INFINITY,
        };
        let mut hi = P {
            x: f64::NEG_INFINITY,
            y: f64::NEG_INFINITY,
        };
        for p in ends {
            lo = P {
                x: lo.x.min(p.x),
                y: lo.y.min(p.y),
            };
            hi = P {
                x: hi.x.max(p.x),
                y: hi.y.max(p.y),
            };
        }
        if ends.is_empty() {
            (lo, hi) = (P { x: 0.0, y: 0.0 }, P { x: 1.0, y: 1.0 });
        }
        let area = ((hi.x - lo.x) * (hi.y - lo.y)).max(1.0);
        let cell_m = (2.0 * area / ends.len().max(1) as f64)
            .sqrt()
            .max((hi.x - lo.x).max(hi.y - lo.y) / 2_000.0);
        let cols = ((hi.x - lo.x) / cell_m) as usize + 1;
        let rows = ((hi.y - lo.y) / cell_m) as usize + 1;
        let mut cells = vec![Vec::new(); cols * rows];
        let mut where_is = Vec::with_capacity(ends.len());
        for (i, p) in ends.iter().enumerate() {
            let k = ((p.y - lo.y) / cell_m) as usize * cols + ((p.x - lo.x) / cell_m) as usize;
            where_is.push(k);
            if let Some(c) = cells.get_mut(k) {
                c.push(i as u32);
            }
        }
        Remaining {
            lo,
            cell_m,
            cols,
            rows,
            cells,
            left: ends.len(),
            where_is,
        }
    }

    pub(super) fn take(&mut self, i: u32) {
        if let Some(k) = self.where_is.get(i as usize)
            && let Some(c) = self.cells.get_mut(*k)
            && let Some(at) = c.iter().position(|x| *x == i)
        {
            c.swap_remove(at);
            self.left -= 1;
        }
    }

    pub(super) fn nearest(&mut self, p: P, ends: &[P]) -> Option<u32> {
        self.nearest_k(p, ends, 1, u32::MAX).first().copied()
    }

    /// The `k` nearest that are left and are not of line `but`.
    fn nearest_k(&mut self, p: P, ends: &[P], k: usize, but: u32) -> Vec<u32> {
        let mut found: Vec<(f64, u32)> = Vec::new();
        if self.left == 0 {
            return Vec::new();
        }
        let (cx, cy) = (
            ((p.x - self.lo.x) / self.cell_m) as i64,
            ((p.y - self.lo.y) / self.cell_m) as i64,
        );
        let last = self.cols.max(self.rows) as i64;
        for ring in 0..=last {
            for y in cy - ring..=cy + ring {
                let step = if (y - cy).abs() == ring {
                    1
                } else {
                    (2 * ring).max(1)
                };
                let mut x = cx - ring;
                while x <= cx + ring {
                    if x >= 0
                        && y >= 0
                        && (x as usize) < self.cols
                        && let Some(cell) = self.cells.get(y as usize * self.cols + x as usize)
                    {
                        for i in cell {
                            if *i / 2 != but
                                && let Some(q) = ends.get(*i as usize)
                            {
                                found.push((dist(p, *q), *i));
                            }
                        }
                    }
                    x += step;
                }
            }
            // Everything nearer than `ring` cells has been seen by now.
            let sure_m = ring as f64 * self.cell_m;
            if found.iter().filter(|f| f.0 <= sure_m).count() >= k {
                break;
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.truncate(k);
        found.into_iter().map(|f| f.1).collect()
    }
}

/// Lengths by pair of stops: an open table, as look-ups are most of what improving does.
pub(super) struct Cache {
    slots: Vec<(u64, f64)>,
    used: usize,
}

/// No pair: a stop is never joined to itself.
const EMPTY: u64 = 0;

impl Cache {
    pub(super) fn new() -> Self {
        Cache {
            slots: vec![(EMPTY, 0.0); 1 << 14],
            used: 0,
        }
    }

    fn first(&self, key: u64) -> usize {
        let mixed = (key ^ (key >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 20) as usize & (self.slots.len() - 1)
    }

    pub(super) fn get(&self, key: u64) -> Option<f64> {
        let mut k = self.first(key);
        loop {
            match self.slots.get(k) {
                Some((have, d)) if *have == key => return Some(*d),
                Some((EMPTY, _)) | None => return None,
                Some(_) => k = (k + 1) & (self.slots.len() - 1),
            }
        }
    }

    pub(super) fn put(&mut self, key: u64, d: f64) {
        if 2 * self.used >= self.slots.len() {
            let grown = vec![(EMPTY, 0.0); 2 * self.slots.len()];
            let old = std::mem::replace(&mut self.slots, grown);
            for (k, d) in old.into_iter().filter(|s| s.0 != EMPTY) {
                self.place(k, d);
            }
        }
        self.used += 1;
        self.place(key, d);
    }

    fn place(&mut self, key: u64, d: f64) {
        let mut k = self.first(key);
        let last = self.slots.len() - 1;
        while let Some(slot) = self.slots.get_mut(k) {
            if slot.0 == EMPTY || slot.0 == key {
                *slot = (key, d);
                return;
            }
            k = (k + 1) & last;
        }
    }
}
