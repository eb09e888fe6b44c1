//! Whether the battery's gauge can be believed: the charge it shows against the pack's voltage.
//!
//! A gauge that counts charge knows nothing of a pack that was not full, has aged, or lost a cell; one that hangs shows
//! the same for ever. The voltage under load, with the sag learnt after take-off, says roughly what is left. Only a gross
//! contradiction counts: lithium-polymer packs are nearly flat from a tenth to six tenths.

use missions::time::Mono;
use std::time::Duration;

/// Open-circuit volts of a lithium-polymer cell and the charge left, per cent: rounded from makers' discharge curves.
const CURVE: [(f64, f64); 8] = [
    (3.30, 0.0),
    (3.60, 10.0),
    (3.70, 25.0),
    (3.75, 45.0),
    (3.80, 58.0),
    (3.90, 75.0),
    (4.05, 90.0),
    (4.20, 100.0),
];
/// No cell is fuller than this, volts.
const FULL_CELL_V: f64 = 4.25;
/// What the voltage may be wrong by before the gauge is called wrong, volts a cell.
const MARGIN_V: f64 = 0.1;
/// The gauge must show at least this much more than the voltage allows, per cent.
const GROSS_PCT: f64 = 30.0;
/// Sag where none could be learnt, and the most that is believed, volts a cell.
const USUAL_SAG_V: f64 = 0.12;
const MOST_SAG_V: f64 = 0.35;
/// Sag is learnt so long after the ground was left.
const SETTLED: Duration = Duration::from_secs(6);

/// What was learnt about the pack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauge {
    cells: Option<f64>,
    rest_v: Option<f64>,
    sag_v: Option<f64>,
    aloft_since: Option<Mono>,
    loaded_v: Option<f64>,
}

impl Gauge {
    /// The pack's voltage, volts. Anything that is no voltage is passed over. `armed`: the motors run, so that a voltage on
    /// the ground is none at rest: the take-off's pull is there before anybody says that the ground was left.
    pub fn volts(&mut self, now: Mono, volts: f64, armed: bool, aloft: bool) {
        if !(2.0..1_000.0).contains(&volts) {
            return;
        }
        let cells = *self
            .cells
            .get_or_insert_with(|| (volts / FULL_CELL_V).ceil().max(1.0));
        let cell_v = volts / cells;
        if !aloft && !armed {
            // Another pack may have been put in.
            *self = Gauge {
                cells: Some((volts / FULL_CELL_V).ceil().max(1.0)),
                rest_v: Some(cell_v),
                ..Gauge::default()
            };
            return;
        }
        if !aloft {
            return;
        }
        let since = *self.aloft_since.get_or_insert(now);
        if let Some(rest) = self.rest_v
            && self.sag_v.is_none()
            && now.since(since) >= SETTLED
        {
            self.sag_v = Some((rest - cell_v).clamp(0.0, MOST_SAG_V));
        }
        self.loaded_v = Some(cell_v);
    }

    /// The charge to reckon with when the gauge shows so much, per cent: that, unless the voltage grossly contradicts it.
    #[must_use]
    pub fn believed_pct(&self, shown_pct: f64) -> f64 {
        let Some(loaded) = self.loaded_v else {
            return shown_pct;
        };
        let open_v = loaded + self.sag_v.unwrap_or(USUAL_SAG_V);
        if shown_pct - charge_pct(open_v + MARGIN_V) > GROSS_PCT {
            charge_pct(open_v)
        } else {
            shown_pct
        }
    }
}

fn charge_pct(cell_v: f64) -> f64 {
    let mut left = (3.0, 0.0);
    for (v, pct) in CURVE {
        if cell_v <= v {
            let span = (v - left.0).max(1e-9);
            return (left.1 + (pct - left.1) * (cell_v - left.0) / span).clamp(0.0, 100.0);
        }
        left = (v, pct);
    }
    100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flown(rest_v: f64, loaded_v: f64) -> Gauge {
        let mut g = Gauge::default();
        g.volts(Mono::ZERO, rest_v, false, false);
        g.volts(Mono::from_millis(1_000), loaded_v, true, true);
        g.volts(Mono::from_millis(9_000), loaded_v, true, true);
        g
    }

    #[test]
    fn a_gauge_that_hangs_at_full_is_not_believed_once_the_pack_is_nearly_empty() {
        let mut g = flown(16.7, 16.2);
        assert_eq!(g.believed_pct(97.0), 97.0);
        // 3.65 V a cell at rest, 0.125 V sag learnt.
        g.volts(Mono::from_millis(60_000), 4.0 * (3.65 - 0.125), true, true);
        let left = g.believed_pct(100.0);
        assert!((10.0..25.0).contains(&left), "{left}");
    }

    #[test]
    fn a_true_gauge_is_believed_all_the_way_down_and_in_a_climb() {
        for (open_v, pct) in [
            (4.18, 100.0),
            (3.95, 80.0),
            (3.8, 60.0),
            (3.73, 40.0),
            (3.69, 20.0),
        ] {
            let mut g = flown(16.7, 16.2);
            // A climb takes another tenth of a volt.
            g.volts(
                Mono::from_millis(60_000),
                4.0 * (open_v - 0.225),
                true,
                true,
            );
            assert_eq!(g.believed_pct(pct), pct);
        }
    }

    #[test]
    fn the_pull_of_a_take_off_is_no_rest() {
        // A heavy aircraft: a fifth of a volt a cell, from before the ground is left until the end.
        let mut g = Gauge::default();
        g.volts(Mono::ZERO, 4.0 * 4.18, false, false);
        g.volts(Mono::from_millis(900), 4.0 * 3.95, true, false);
        g.volts(Mono::from_millis(1_400), 4.0 * 3.97, true, true);
        g.volts(Mono::from_millis(9_000), 4.0 * 3.97, true, true);
        for (open_v, pct) in [(3.8, 60.0), (3.73, 40.0)] {
            g.volts(Mono::from_millis(60_000), 4.0 * (open_v - 0.25), true, true);
            assert_eq!(g.believed_pct(pct), pct);
        }
    }

    #[test]
    fn without_a_voltage_the_gauge_is_all_there_is() {
        let mut g = Gauge::default();
        for v in [f64::NAN, 0.0, -3.0, 65_535.0] {
            g.volts(Mono::ZERO, v, true, true);
        }
        assert_eq!(g.believed_pct(100.0), 100.0);
    }
}
