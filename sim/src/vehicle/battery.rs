//! A lithium-polymer pack: open-circuit voltage over charge, sag over current, and what the gauge shows.

use super::spec::AirframeSpec;

/// Open-circuit volts of one cell at charge 0, 0.1 … 1 (a typical LiPo discharge curve).
const CELL_V: [f64; 11] = [
    3.27, 3.61, 3.69, 3.71, 3.73, 3.77, 3.80, 3.85, 3.95, 4.06, 4.18,
];

/// State of the pack.
#[derive(Clone, Debug)]
pub struct Battery {
    cells: f64,
    capacity_mah: f64,
    resistance_ohm: f64,
    used_mah: f64,
    current_a: f64,
    voltage_v: f64,
}

impl Battery {
    /// A pack charged to `fraction` of its capacity (clamped to 0..1).
    #[must_use]
    pub fn new(spec: &AirframeSpec, fraction: f64) -> Self {
        let mut b = Battery {
            cells: f64::from(spec.cells),
            capacity_mah: spec.capacity_mah,
            resistance_ohm: spec.resistance_ohm,
            used_mah: spec.capacity_mah * (1.0 - fraction.clamp(0.0, 1.0)),
            current_a: 0.0,
            voltage_v: 0.0,
        };
        b.voltage_v = b.open_circuit_v();
        b
    }

    fn open_circuit_v(&self) -> f64 {
        let x = self.fraction() * 10.0;
        let i = (x as usize).min(9);
        let (low, high) = (CELL_V[i], CELL_V[i + 1]);
        self.cells * (low + (high - low) * (x - i as f64))
    }

    /// Draws `power_w` for `dt_s`.
    pub fn step(&mut self, dt_s: f64, power_w: f64) {
        // P = (E - I·R)·I, the smaller root; a pack asked for more than it has gives its best.
        let e = self.open_circuit_v();
        let r = self.resistance_ohm;
        let disc = (e * e - 4.0 * r * power_w).max(0.0);
        let current = (e - disc.sqrt()) / (2.0 * r);
        self.current_a = current;
        self.voltage_v = e - current * r;
        self.used_mah = (self.used_mah + current * dt_s / 3.6).min(self.capacity_mah);
    }

    /// Loses charge at once, down to `fraction`; never gains any.
    pub fn sag_to(&mut self, fraction: f64) {
        if fraction.is_finite() {
            let used = self.capacity_mah * (1.0 - fraction.clamp(0.0, 1.0));
            self.used_mah = self.used_mah.max(used);
        }
    }

    /// Charge left, 0..1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        (1.0 - self.used_mah / self.capacity_mah).clamp(0.0, 1.0)
    }
    /// Volts at the terminals.
    #[must_use]
    pub fn voltage_v(&self) -> f64 {
        self.voltage_v
    }
    /// Amperes drawn.
    #[must_use]
    pub fn current_a(&self) -> f64 {
        self.current_a
    }
    /// Charge used since full, mAh.
    #[must_use]
    pub fn used_mah(&self) -> f64 {
        self.used_mah
    }
    /// Cells in series.
    #[must_use]
    pub fn cells(&self) -> u8 {
        self.cells as u8
    }
    /// Share of full thrust the sagging voltage still gives (thrust goes with the square of the speed).
    #[must_use]
    pub fn thrust_share(&self) -> f64 {
        (self.voltage_v / (self.cells * 4.0))
            .powi(2)
            .clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hovering_empties_it_in_some_half_an_hour_and_it_sags_under_load() {
        let spec = AirframeSpec::default();
        let mut b = Battery::new(&spec, 1.0);
        let rest = b.voltage_v();
        b.step(0.01, spec.hover_w);
        assert!(rest - b.voltage_v() > 0.2, "{} V", b.voltage_v());
        let mut s = 0.0;
        while b.fraction() > 0.0 {
            b.step(0.1, spec.hover_w);
            s += 0.1;
        }
        assert!((1500.0..2400.0).contains(&s), "{s} s");
    }
}
