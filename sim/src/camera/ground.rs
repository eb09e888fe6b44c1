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
/// Octaves of value noise: cell size in table cells, amplitude in kelvin.
const OCTAVES: [(usize, f64); 4] = [(64, 1.2), (16, 0.7), (4, 0.35), (1, 0.12)];

/// A periodic table of ground temperature in camera counts.
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
        let counts = kelvin
            .into_iter()
            .map(|k| ((k - KELVIN_OFFSET) / KELVIN_PER_COUNT) as f32)
            .collect();
        GroundTexture { counts }
    }

    /// Counts at metres east and north, interpolated.
    #[inline]
    pub(super) fn counts_at(&self, x_m: f32, y_m: f32) -> f32 {
        // 24.8 fixed point: a shift is a floor, and costs no call into the maths library.
        const ONE: f32 = 256.0;
        let (gx, gy) = ((x_m * (ONE / CELL_M)) as i32, (y_m * (ONE / CELL_M)) as i32);
        let share = |g: i32| (g & 0xFF) as f32 / ONE;
        let (tx, ty) = (share(gx), share(gy));
        let cell = |g: i32| (g >> 8) as usize & (SIDE - 1);
        let (x0, y0) = (cell(gx), cell(gy));
        let (x1, y1) = ((x0 + 1) & (SIDE - 1), (y0 + 1) & (SIDE - 1));
        let at = |x: usize, y: usize| self.counts[(y * SIDE + x) & (SIDE * SIDE - 1)];
        let (sw, se, nw, ne) = (at(x0, y0), at(x1, y0), at(x0, y1), at(x1, y1));
        let south = sw + (se - sw) * tx;
        let north = nw + (ne - nw) * tx;
        south + (north - south) * ty
    }
}
