//! Small tools of the two planners of rounds: seeded randomness, bounded effort, tables that are read without panics.
//!
//! No clock and no global state: what is drawn depends on the seed alone.

/// Reads and writes by index without a panic: the planners' cores deny `[]`.
///
/// An index outside is a bug of the planner, so tests (debug builds) stop there; a build in service reads the neutral
/// value, and whatever comes of it is still measured by the judge of the finished plan before anyone sees it.
pub(crate) trait At<T> {
    /// The value at `i`.
    fn at(&self, i: usize) -> T;
    /// Sets the value at `i`.
    fn put(&mut self, i: usize, value: T);
}

impl<T: Copy + Default> At<T> for [T] {
    #[inline]
    fn at(&self, i: usize) -> T {
        debug_assert!(i < self.len(), "read at {i} of {}", self.len());
        self.get(i).copied().unwrap_or_default()
    }
    #[inline]
    fn put(&mut self, i: usize, value: T) {
        debug_assert!(i < self.len(), "write at {i} of {}", self.len());
        if let Some(slot) = self.get_mut(i) {
            *slot = value;
        }
    }
}

// For `Vec` too, so that `v.put(i, v.at(j))` borrows in two phases.
impl<T: Copy + Default> At<T> for Vec<T> {
    #[inline]
    fn at(&self, i: usize) -> T {
        self.as_slice().at(i)
    }
    #[inline]
    fn put(&mut self, i: usize, value: T) {
        self.as_mut_slice().put(i, value);
    }
}

/// Row `i` of a list of lists; empty outside.
#[inline]
pub(crate) fn row<T>(lists: &[Vec<T>], i: usize) -> &[T] {
    lists.get(i).map_or(&[], Vec::as_slice)
}

/// Pushes onto list `i`.
pub(crate) fn push_to<T>(lists: &mut [Vec<T>], i: usize, value: T) {
    if let Some(list) = lists.get_mut(i) {
        list.push(value);
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Seeded.
    pub(crate) const fn new(seed: u64) -> Self {
        Dice(seed)
    }
    /// 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Evenly from 0..n; 0 when n is 0.
    #[allow(clippy::cast_possible_truncation)] // the product's upper half is below n
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }
    /// Evenly from [0, 1).
    #[allow(clippy::cast_precision_loss)] // 53 bits are exact
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A budget of steps, and the caller's wish to end early.
pub(crate) struct Budget<'a> {
    /// Steps done so far, over all searches.
    pub done: u64,
    stop: &'a mut dyn FnMut() -> bool,
    stopped: bool,
}

/// How often the caller is asked, in steps: a power of two.
const ASK_EVERY: u64 = 256;

impl<'a> Budget<'a> {
    pub(crate) fn new(stop: &'a mut dyn FnMut() -> bool) -> Self {
        Budget {
            done: 0,
            stop,
            stopped: false,
        }
    }
    /// Counts a step; false when the caller wants the end.
    pub(crate) fn step(&mut self) -> bool {
        self.done = self.done.saturating_add(1);
        if !self.stopped && self.done.is_multiple_of(ASK_EVERY) {
            self.stopped = (self.stop)();
        }
        !self.stopped
    }
    /// Whether the caller wanted the end.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped
    }
}

/// Disjoint sets (Tarjan 1975): joined by size, found by halving.
pub(crate) struct Sets {
    parent: Vec<usize>,
    size: Vec<usize>,
    /// Number of sets.
    pub count: usize,
}

impl Sets {
    pub(crate) fn new(n: usize) -> Self {
        Sets {
            parent: (0..n).collect(),
            size: vec![1; n],
            count: n,
        }
    }
    pub(crate) fn find(&mut self, mut i: usize) -> usize {
        while self.parent.at(i) != i {
            let up = self.parent.at(self.parent.at(i));
            self.parent.put(i, up);
            i = up;
        }
        i
    }
    /// Whether they were apart.
    pub(crate) fn join(&mut self, a: usize, b: usize) -> bool {
        let (mut a, mut b) = (self.find(a), self.find(b));
        if a == b {
            return false;
        }
        if self.size.at(a) < self.size.at(b) {
            (a, b) = (b, a);
        }
        self.parent.put(b, a);
        self.size.put(a, self.size.at(a) + self.size.at(b));
        self.count -= 1;
        true
    }
}
