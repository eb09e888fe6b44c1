//! What it takes to get from point to point, and the graphs of the `patrolling_sim` project.

use super::RoundsFault;
use super::kit::{At, push_to, row};
use crate::plane::EastNorth;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Metres between any two of `n` places: symmetric, zero to itself, and no way round is shorter than the entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    n: usize,
    m: Vec<f64>,
}

impl Costs {
    /// Straight lines.
    ///
    /// # Errors
    /// [`RoundsFault`]: no place, or a place that is no number.
    pub fn straight(places: &[EastNorth]) -> Result<Self, RoundsFault> {
        let n = places.len();
        let m = places
            .iter()
            .flat_map(|a| places.iter().map(move |b| a.distance_m(*b)))
            .collect();
        Self::checked(n, m)
    }

    /// From a table, row by row. The dearer of both directions counts, and ways through third places are used where they
    /// are shorter (Floyd 1962).
    ///
    /// # Errors
    /// [`RoundsFault`]: no place, a table that is not square, an entry that is no number or below 0.
    pub fn table(n: usize, mut m: Vec<f64>) -> Result<Self, RoundsFault> {
        if m.len() != n.saturating_mul(n) {
            return Err(RoundsFault::NotSquare {
                entries: m.len(),
                places: n,
            });
        }
        for a in 0..n {
            for b in 0..a {
                let d = m.at(a * n + b).max(m.at(b * n + a));
                m.put(a * n + b, d);
                m.put(b * n + a, d);
            }
            m.put(a * n + a, 0.0);
        }
        for via in 0..n {
            for a in 0..n {
                let first = m.at(a * n + via);
                for b in 0..n {
                    let d = first + m.at(via * n + b);
                    if d < m.at(a * n + b) {
                        m.put(a * n + b, d);
                    }
                }
            }
        }
        Self::checked(n, m)
    }

    fn checked(n: usize, m: Vec<f64>) -> Result<Self, RoundsFault> {
        if n == 0 {
            return Err(RoundsFault::NoPoints);
        }
        // An unreachable pair is infinite.
        match m
            .iter()
            .position(|d| !(d.is_finite() && *d >= 0.0 && *d < 1e9))
        {
            Some(i) => Err(RoundsFault::NoWay {
                from: i / n,
                to: i % n,
            }),
            None => Ok(Costs { n, m }),
        }
    }

    /// Number of places.
    #[must_use]
    pub const fn places(&self) -> usize {
        self.n
    }
    /// Metres from a to b.
    #[inline]
    #[must_use]
    pub fn m(&self, a: usize, b: usize) -> f64 {
        self.m.at(a * self.n + b)
    }
    /// Metres along the stops; with `closed` also back to the first.
    #[must_use]
    pub fn length_m(&self, stops: &[usize], closed: bool) -> f64 {
        let mut sum = 0.0;
        let mut last = if closed { stops.last() } else { None };
        for s in stops {
            if let Some(l) = last {
                sum += self.m(*l, *s);
            }
            last = Some(s);
        }
        sum
    }
}

/// Which of two lengths of one way counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differing {
    /// What a promise needs.
    Longer,
    /// What others measure who take the file's directions one by one.
    Shorter,
}

/// A patrol graph: places, and ways between some of them.
#[derive(Clone, Debug, PartialEq)]
pub struct PatrolGraph {
    /// Metres from the map's corner.
    pub places: Vec<EastNorth>,
    /// From, to, metres.
    pub ways: Vec<(usize, usize, f64)>,
}

impl PatrolGraph {
    /// Reads the `.graph` text of `patrolling_sim` (Portugal, Rocha): number of places; width and height in pixels;
    /// metres a pixel; offset; for each place its number, x, y, degree, and for each neighbour its number, direction and
    /// cost in pixels.
    ///
    /// # Errors
    /// [`RoundsFault::BadGraph`] with the word and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RoundsFault> {
        let mut words = text.split_whitespace().enumerate();
        let mut word = || {
            words.next().ok_or(RoundsFault::BadGraph {
                word: 0,
                what: "the file ends early",
            })
        };
        let number = |w: (usize, &str)| {
            w.1.parse::<f64>()
                .ok()
                .filter(|x| x.is_finite())
                .ok_or(RoundsFault::BadGraph {
                    word: w.0 + 1,
                    what: "this is no number",
                })
        };
        let whole = |w: (usize, &str)| {
            w.1.parse::<usize>().map_err(|_| RoundsFault::BadGraph {
                word: w.0 + 1,
                what: "this is no whole number",
            })
        };
        let n = whole(word()?)?;
        let (_, _) = (number(word()?)?, number(word()?)?);
        let at = word()?;
        let m_per_px = number(at)?;
        if m_per_px <= 0.0 {
            return Err(RoundsFault::BadGraph {
                word: at.0 + 1,
                what: "metres a pixel must be above 0",
            });
        }
        let (_, _) = (number(word()?)?, number(word()?)?);
        let mut places = Vec::new();
        let mut ways = Vec::new();
        for i in 0..n {
            let id = word()?;
            if whole(id)? != i {
                return Err(RoundsFault::BadGraph {
                    word: id.0 + 1,
                    what: "places must be numbered in order from 0",
                });
            }
            let (x, y) = (number(word()?)?, number(word()?)?);
            places.push(EastNorth::new(x * m_per_px, y * m_per_px));
            for _ in 0..whole(word()?)? {
                let to = word()?;
                let j = whole(to)?;
                if j >= n {
                    return Err(RoundsFault::BadGraph {
                        word: to.0 + 1,
                        what: "no place has this number",
                    });
                }
                let _direction = word()?;
                let cost = word()?;
                let px = number(cost)?;
                if px < 0.0 {
                    return Err(RoundsFault::BadGraph {
                        word: cost.0 + 1,
                        what: "a way cannot be shorter than 0",
                    });
                }
                ways.push((i, j, px * m_per_px));
            }
        }
        Ok(PatrolGraph { places, ways })
    }

    /// Ways that are written with two lengths, one a direction.
    #[must_use]
    pub fn differing(&self) -> Vec<(usize, usize)> {
        let mut seen: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        let mut out = Vec::new();
        for (a, b, d) in &self.ways {
            let key = (*a.min(b), *a.max(b));
            if *seen.entry(key).or_insert(*d) != *d {
                out.push(key);
            }
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Shortest ways between all places (Dijkstra 1959). A way that is written with two lengths counts as told by
    /// `differing`: a promise needs the longer.
    ///
    /// # Errors
    /// [`RoundsFault::NoWay`] when the graph is in pieces; [`RoundsFault::NoPoints`].
    pub fn costs(&self, differing: Differing) -> Result<Costs, RoundsFault> {
        let n = self.places.len();
        let mut length: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for (a, b, d) in &self.ways {
            let l = length.entry((*a.min(b), *a.max(b))).or_insert(*d);
            *l = match differing {
                Differing::Longer => l.max(*d),
                Differing::Shorter => l.min(*d),
            };
        }
        let mut out: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n];
        for ((a, b), d) in &length {
            push_to(&mut out, *a, (*b, *d));
            push_to(&mut out, *b, (*a, *d));
        }
        let mut m = vec![f64::INFINITY; n * n];
        for from in 0..n {
            let mut heap = BinaryHeap::from([Reverse((0u64, from))]);
            m.put(from * n + from, 0.0);
            // Lengths are not negative, so their bits sort as they do.
            while let Some(Reverse((bits, here))) = heap.pop() {
                let d = f64::from_bits(bits);
                if d > m.at(from * n + here) {
                    continue;
                }
                for (to, l) in row(&out, here) {
                    if d + l < m.at(from * n + to) {
                        m.put(from * n + to, d + l);
                        heap.push(Reverse(((d + l).to_bits(), *to)));
                    }
                }
            }
        }
        // Sums in another order may differ in the last bit.
        for a in 0..n {
            for b in 0..a {
                let d = m.at(a * n + b);
                m.put(b * n + a, d);
            }
        }
        Costs::checked(n, m)
    }
}
