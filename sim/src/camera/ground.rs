//! What bare ground looks like to a thermal camera at night: smooth patches of a kelvin or two with fine grain.

use super::{KELVIN_OFFSET, KELVIN_PER_COUNT};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Mean temperature of the ground, kelvin.
const MEAN_K: f64 = 290.0;
/// Side of the table, cells (a power of two).
const SIDE: usize = 512;
/// Side of a cell, metres; the pattern repeats every `SIDE` cells (256 m).
const CELL_M: f32 = 0.5;
/// Cells from one row of the table to the next. Each row has its first cell once more at its end, and is a little more than a
/// power of two from the next, or a flight across the rows would have all its cells in the same few lines of the cache.
const STRIDE: usize = SIDE + 16;
/// Octaves of value noise: cell size in table cells, amplitude in kelvin.
const OCTAVES: [(usize, f64); 4] = [(64, 1.2), (16, 0.7), (4, 0.35), (1, 0.12)];

/// A periodic table of ground temperature in camera counts, its first row once more at its end.
#[derive(Clone, Debug)]
pub(super) struct GroundTexture {
    counts: Vec<f32>,
}

impl GroundTexture {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Self {
        let mut kelvin = vec![MEAN_K; SIDE * SIDE];
        for (cell, amplitude) in OCTAVES {
            let side = SIDE / cell;
            let lattice: Vec<f64> = (0..side * side)
                .map(|_| amplitude * (2.0 * rng.random::<f64>() - 1.0))
                .collect();
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let at = |i: usize, j: usize| lattice[(j % side) * side + i % side];
                    let (i, j) = (x / cell, y / cell);
                    let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
                    let fx = smooth((x % cell) as f64 / cell as f64);
                    let fy = smooth((y % cell) as f64 / cell as f64);
                    let south = at(i, j) * (1.0 - fx) + at(i + 1, j) * fx;
                    let north = at(i, j + 1) * (1.0 - fx) + at(i + 1, j + 1) * fx;
                    kelvin[y * SIDE + x] += south * (1.0 - fy) + north * fy;
                }
            }
        }
        let mut counts = vec![0.0; (SIDE + 1) * STRIDE];
        for (y, row) in counts.chunks_exact_mut(STRIDE).enumerate() {
            for (x, out) in row.iter_mut().enumerate() {
                let k = kelvin[(y % SIDE) * SIDE + x % SIDE];
                *out = ((k - KELVIN_OFFSET) / KELVIN_PER_COUNT) as f32;
            }
        }
        GroundTexture { counts }
    }

    /// Fetches what is needed to interpolate at these places.
    #[inline]
    fn fetch(&self, at: &[u32], south: &mut [[f32; 2]], north: &mut [[f32; 2]]) {
        for ((at, s), n) in at.iter().zip(south).zip(north) {
            let at = *at as usize;
            if let Some([sw, se, .., nw, ne]) = self.counts.get(at..at.wrapping_add(STRIDE + 2)) {
                (*s, *n) = ([*sw, *se], [*nw, *ne]);
            }
        }
    }
}

/// Room for one row of a picture: which cells its pixels look into, and where in them.
#[derive(Debug)]
pub(super) struct Row {
    at: Vec<u32>,
    east: Vec<f32>,
    north: Vec<f32>,
    southern: Vec<[f32; 2]>,
    northern: Vec<[f32; 2]>,
}

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Row {
            at: vec![0; width],
            east: vec![0.0; width],
            north: vec![0.0; width],
            southern: vec![[0.0; 2]; width],
            northern: vec![[0.0; 2]; width],
        }
    }

    /// Where each pixel looks: metres east and north.
    #[inline]
    pub(super) fn look(&mut self, places: impl Iterator<Item = (f32, f32)>) {
        let share = |g: i32| (g & 0xFF) as f32 / ONE;
        let cell = |g: i32| (g >> 8) as u32 & (SIDE as u32 - 1);
        let room = self.at.iter_mut().zip(&mut self.east).zip(&mut self.north);
        for (((at, tx), ty), (x_m, y_m)) in room.zip(places) {
            let (gx, gy) = (fixed(x_m), fixed(y_m));
            (*tx, *ty) = (share(gx), share(gy));
            *at = cell(gy).wrapping_mul(STRIDE as u32).wrapping_add(cell(gx));
        }
    }

    /// What it sees there: the ground's counts, interpolated, and noise.
    #[inline]
    pub(super) fn draw(&mut self, ground: &GroundTexture, noise: &[f32], line: &mut [u16]) {
        ground.fetch(&self.at, &mut self.southern, &mut self.northern);
        let corners = self.southern.iter().zip(&self.northern);
        let shares = self.east.iter().zip(&self.north);
        let pixels = line.iter_mut().zip(noise);
        for ((([sw, se], [nw, ne]), (tx, ty)), (pixel, noise)) in corners.zip(shares).zip(pixels) {
            let south = sw + (se - sw) * tx;
            let north = nw + (ne - nw) * tx;
            let counts = south + (north - south) * ty;
            *pixel = cut_positive((counts + noise).clamp(0.0, 65_535.0)) as u16;
        }
    }
}

/// Units of [`fixed`] in a cell.
const ONE: f32 = 256.0;
/// Places further from the middle of the site than this are brought back by whole periods of the pattern, metres.
const FAR_M: f64 = 4_096.0;

/// A camera's place, metres, as [`fixed`] wants it.
pub(super) fn near(m: f64) -> f32 {
    if m.abs() < FAR_M {
        m as f32
    } else {
        m.rem_euclid(SIDE as f64 * f64::from(CELL_M)) as f32
    }
}

/// Metres as 24.8 fixed point of cells, cut towards zero: a shift is then a floor.
#[inline]
fn fixed(m: f32) -> i32 {
    const MOST: f32 = 4_194_303.0;
    cut((m * (ONE / CELL_M)).clamp(-MOST, MOST))
}

/// `x as i32` for |x| < 2²³, in steps that the processor does for several at a time; the cast, which must also be right for
/// everything else, it does one by one.
#[inline]
fn cut(x: f32) -> i32 {
    let sign = (x.to_bits() as i32) >> 31;
    (cut_positive(x.abs()) ^ sign).wrapping_sub(sign)
}

/// [`cut`] for 0 <= x.
#[inline]
fn cut_positive(x: f32) -> i32 {
    // Added to this, the fraction falls off the end of the mantissa, rounded to the nearest.
    const SHIFT: f32 = 8_388_608.0;
    let shifted = x + SHIFT;
    let whole = shifted.to_bits().wrapping_sub(SHIFT.to_bits()) as i32;
    whole.wrapping_sub(i32::from(shifted - SHIFT > x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cutting_is_what_the_cast_does(x in -4_194_303.0f32..4_194_303.0, n in -4_194_303i32..4_194_303) {
            prop_assert_eq!(cut(x), x as i32);
            prop_assert_eq!(cut(n as f32), n);
            prop_assert_eq!(cut(x / 1e6), (x / 1e6) as i32);
        }

        #[test]
        fn far_away_the_pattern_goes_on(m in -1e6f64..1e6) {
            let at = |m: f64| f64::from(fixed(near(m))).rem_euclid(512.0 * 256.0) / 512.0;
            let off = (at(m) - m.rem_euclid(256.0)).abs();
            prop_assert!(off.min(256.0 - off) < 0.005, "{} {}", at(m), m);
        }
    }
}
