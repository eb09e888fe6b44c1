//! Plan bundles of 200 items over bad radios, the whole house in virtual time: how long from the click until the
//! companion holds and has checked it, how long until it was read back from the autopilot, and whether anybody was told
//! something untrue.
//!
//! The autopilot is timed as real ones were captured (`rehearse::turnaround`), the serial line runs at 921,600 baud. The
//! judge compares places in the autopilot's own storage with those in the plan file; it asks no part of the link.

pub mod flight;

use crate::frame::{Bench, Row, at_most, none, quantile, row};
use flight::{Outcome, Plans, upload};
use ground_station::rehearse::AutopilotKind;
use sim::radio::RadioSpec;

/// Seeds a cell when none are named.
const SEEDS: u64 = 1_000;

/// A radio and what is asked of an upload over it.
struct Cell {
    name: &'static str,
    radio: RadioSpec,
    /// Bytes a second that the desk was told it may use; `None`: as it comes.
    bulk_bytes_per_s: Option<f64>,
    /// Median seconds from click to staged, at most; `None`: by the bytes.
    staged_s: Option<f64>,
}

fn cells() -> Vec<Cell> {
    let wide = |loss| RadioSpec {
        loss,
        delay_ms: 25.0,
        bits_per_s: 1e6,
        ..RadioSpec::default()
    };
    let slow = |loss| RadioSpec {
        bits_per_s: 57_600.0,
        ..wide(loss)
    };
    let cell = |name, radio, bulk_bytes_per_s, staged_s| Cell {
        name,
        radio,
        bulk_bytes_per_s,
        staged_s,
    };
    let mut out = vec![
        cell("loss-0", wide(0.0), None, Some(0.3)),
        cell("loss-10", wide(0.1), None, Some(1.0)),
        cell("loss-30", wide(0.3), None, Some(1.5)),
        cell("loss-50", wide(0.5), None, Some(3.0)),
    ];
    for (name, loss) in [
        ("slow-loss-0", 0.0),
        ("slow-loss-10", 0.1),
        ("slow-loss-30", 0.3),
        ("slow-loss-50", 0.5),
    ] {
        out.push(cell(name, slow(loss), Some(6_000.0), None));
    }
    let far = RadioSpec {
        delay_ms: 150.0,
        ..wide(0.0)
    };
    out.push(cell("rtt-300", far, None, Some(1.0)));
    let shaken = RadioSpec {
        jitter_ms: 150.0,
        duplicate: 0.2,
        ..wide(0.0)
    };
    out.push(cell("jitter-150-dup-20", shaken, None, Some(3.0)));
    out
}

/// Seconds more for writing and reading back.
const ABOARD_S: f64 = 2.0;

/// Runs the cells.
pub fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let plans = Plans::new()?;
    let seeds = bench.seeds(SEEDS)?;
    let mut rows = Vec::new();
    for c in cells() {
        for kind in [AutopilotKind::Px4, AutopilotKind::ArduPilot] {
            let name = format!(
                "{}-{}",
                c.name,
                ground_station::rehearse::campaign::kind_name(kind)
            );
            if !bench.wants(&name) {
                continue;
            }
            let found = bench.each(&name, &seeds, |seed| {
                upload(&plans, kind, seed, c.radio, c.bulk_bytes_per_s)
            })?;
            bench.replays(
                &name,
                found
                    .iter()
                    .filter_map(|(s, o)| o.wrong.first().map(|w| (*s, w.clone()))),
            );
            let all: Vec<&Outcome> = found.values().collect();
            rows.extend(judge(&c, &name, &all, seeds.len()));
        }
    }
    Ok(rows)
}

fn judge(c: &Cell, name: &str, all: &[&Outcome], asked: usize) -> Vec<Row> {
    let of = |f: &dyn Fn(&Outcome) -> Option<f64>| -> Vec<f64> {
        all.iter().filter_map(|o| f(o)).collect()
    };
    let median = |f: &dyn Fn(&Outcome) -> Option<f64>| quantile(&mut of(f), 0.5);
    let staged_s = median(&|o| o.staged_s);
    let bytes_s = median(&|o| {
        (c.radio.bits_per_s > 0.0).then(|| o.bundle_wire_bytes as f64 * 8.0 / c.radio.bits_per_s)
    });
    // What a link needs for the bytes alone when each is lost with this probability.
    let need_s = bytes_s / (1.0 - c.radio.loss);
    let staged_at_most = c.staged_s.unwrap_or(2.0 * need_s + 0.5);
    let count = |f: &dyn Fn(&Outcome) -> bool| all.iter().filter(|o| f(o)).count();
    vec![
        row(
            format!("{name}: uploads"),
            format!("{asked}"),
            all.len() as f64,
            all.len() == asked,
        ),
        at_most(
            format!("{name}: click to staged, median s (bytes alone {need_s:.2} s)"),
            (staged_at_most * 100.0).round() / 100.0,
            staged_s,
        ),
        at_most(
            format!("{name}: staged to read back, median s"),
            ABOARD_S,
            median(&|o| Some(o.aboard_s? - o.staged_s?)),
        ),
        none(
            format!("{name}: not done in {} s", flight::LIMIT_S),
            count(&|o| o.aboard_s.is_none()),
        ),
        none(
            format!("{name}: false success"),
            count(&|o| o.false_success),
        ),
        none(
            format!("{name}: false failure"),
            count(&|o| o.false_failure),
        ),
        none(
            format!("{name}: mixed plans that could have flown"),
            count(&|o| o.mixed),
        ),
        none(
            format!("{name}: written to the autopilot other than once"),
            count(&|o| o.commits != 1),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_evenings_of_uploads_tell_nothing_untrue() {
        let plans = Plans::new().unwrap();
        for (c, kind, seed) in [
            ("loss-50", AutopilotKind::Px4, 1),
            ("loss-30", AutopilotKind::ArduPilot, 2),
            ("jitter-150-dup-20", AutopilotKind::ArduPilot, 3),
        ] {
            let c = cells().into_iter().find(|x| x.name == c).unwrap();
            let o = upload(&plans, kind, seed, c.radio, c.bulk_bytes_per_s).unwrap();
            assert!(o.aboard_s.is_some() && o.wrong.is_empty(), "{o:?}");
        }
    }
}
