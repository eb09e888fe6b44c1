//! The fuzz targets by the million: what the seeds make, and the corpus in the repository.

use crate::frame::{Bench, Row, none, row};
use patrol_tests::fuzz::{TARGETS, Target, frames_in, make};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Blocks of inputs when no seeds are named. With some 100 frames an input and four targets that take traffic this is
/// past 10⁷ frames.
const BLOCKS: u64 = 150;
/// Inputs a block and target.
const INPUTS: u64 = 200;
/// Frames asked for when all targets run in full.
const FRAMES: f64 = 1e7;
/// The most memory the process may ever have held, MiB.
const MEMORY_MIB: f64 = 512.0;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Block {
    frames: u64,
    documents: u64,
    panics: Vec<String>,
}

/// Runs the targets.
pub fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let seeds = bench.seeds(BLOCKS)?;
    let mut rows = Vec::new();
    let mut frames = 0;
    let mut all = true;
    for (name, target) in TARGETS {
        if !bench.wants(name) {
            all = false;
            continue;
        }
        let found = bench.each(name, &seeds, |seed| Ok(block(name, target, seed)))?;
        bench.replays(
            name,
            found
                .iter()
                .filter_map(|(s, b)| b.panics.first().map(|w| (*s, w.clone()))),
        );
        all &= found.len() as u64 == BLOCKS;
        frames += found.values().map(|b| b.frames).sum::<u64>();
        let inputs = found.values().map(|b| b.frames + b.documents).sum::<u64>();
        let asked = seeds.len();
        rows.push(row(
            format!("{name}: frames and documents"),
            format!("{asked} blocks"),
            inputs as f64,
            found.len() == asked,
        ));
        rows.push(none(
            format!("{name}: panics"),
            found.values().map(|b| b.panics.len()).sum(),
        ));
    }
    if all {
        rows.push(row(
            "frames in all",
            format!(">= {FRAMES:.0}"),
            frames as f64,
            frames as f64 >= FRAMES,
        ));
    }
    let held = peak_mib();
    rows.push(row(
        "most memory held, MiB",
        format!("<= {MEMORY_MIB}"),
        held,
        held <= MEMORY_MIB,
    ));
    Ok(rows)
}

fn block(name: &str, target: Target, seed: u64) -> Block {
    let mut b = Block::default();
    for k in 0..INPUTS {
        let input = make::input(name, seed * INPUTS + k);
        if matches!(name, "plans" | "logs") {
            b.documents += 1;
        } else {
            b.frames += frames_in(&input) as u64;
        }
        if let Err(e) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            let words = e
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| e.downcast_ref::<&str>().copied())
                .unwrap_or("panic");
            b.panics.push(format!("input {k}: {words}"));
        }
    }
    b
}

/// The most memory this process ever held, MiB; NaN where the system does not tell (a row that cannot pass).
fn peak_mib() -> f64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|s| {
            let line = s.lines().find(|l| l.starts_with("VmHWM:"))?.to_owned();
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        })
        .map_or(f64::NAN, |kib| kib / 1024.0)
}
