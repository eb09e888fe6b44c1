//! Stops: companion and desk stopped within every call to their disks, by a kill and by a power cut, in virtual time; and
//! real processes killed with SIGKILL.
//!
//! Acknowledged is: a decision the desk said yes to, an anomaly the companion took and lived, an anomaly the desk sent a
//! receipt for, a plan shown on the aircraft. None of it may be gone after the restart; nothing may come twice.

mod pair;
mod process;
mod story;

use crate::frame::{Bench, Row, at_most, none, row};
use pair::Side;
use sim::disk::End;
use story::{Outcome, Story, stop};

/// In-process stops a row when no seeds are named.
const POINTS: u64 = 1_000;
/// An evening has some 45 disk calls on the ground and more aboard: this many at least must have been stopped in.
const MOST_CALLS: usize = 35;
/// Kills of each real process.
const KILLS: u64 = 100;

/// Runs the rows.
pub fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let story = Story::new()?;
    let seeds = bench.seeds(POINTS)?;
    for (name, side, end) in [
        ("stop-onboard", Side::Onboard, End::Killed),
        ("stop-ground", Side::Ground, End::Killed),
        ("power-onboard", Side::Onboard, End::PowerCut),
        ("power-ground", Side::Ground, End::PowerCut),
    ] {
        if !bench.wants(name) {
            continue;
        }
        let found = bench.each(name, &seeds, |seed| stop(&story, seed, side, end))?;
        bench.replays(
            name,
            found
                .iter()
                .filter_map(|(s, o)| o.wrong.first().map(|w| (*s, w.clone()))),
        );
        let all: Vec<&Outcome> = found.values().collect();
        let wrong = |f: &dyn Fn(&Outcome) -> bool| all.iter().filter(|o| f(o)).count();
        let calls: std::collections::BTreeSet<u64> =
            all.iter().filter(|o| o.stopped).map(|o| o.call).collect();
        rows.push(row(
            format!("{name}: stops, each within a disk call"),
            format!("{}", seeds.len()),
            wrong(&|o| o.stopped) as f64,
            wrong(&|o| o.stopped) == seeds.len(),
        ));
        rows.push(row(
            format!("{name}: different disk calls of an evening stopped in"),
            format!(">= {}", MOST_CALLS.min(seeds.len() / 2)),
            calls.len() as f64,
            calls.len() >= MOST_CALLS.min(seeds.len() / 2),
        ));
        rows.push(none(
            format!("{name}: acknowledged records lost"),
            wrong(&|o| o.lost),
        ));
        rows.push(none(
            format!("{name}: doubled, or a number used twice"),
            wrong(&|o| o.doubled),
        ));
        rows.push(none(
            format!("{name}: a plan in doubt that could have flown"),
            wrong(&|o| o.mixed),
        ));
        rows.push(none(
            format!(
                "{name}: not all delivered, or no plan that may fly, {} s later",
                story::SETTLE_S
            ),
            wrong(&|o| !o.settled),
        ));
    }
    let kills: Vec<u64> = bench.seeds(KILLS)?;
    for (name, run) in [
        (
            "process-ground",
            process::ground as fn(usize, &mut dyn FnMut(usize)) -> anyhow::Result<process::Outcome>,
        ),
        ("process-onboard", process::onboard),
    ] {
        if !bench.wants(name) {
            continue;
        }
        let n = kills.len();
        let mut ticks = Vec::new();
        let o = run(n, &mut |k| ticks.push(k))?;
        for w in o.wrong.iter().take(5) {
            eprintln!("{name}: {w}");
        }
        rows.push(row(
            format!("{name}: kill -9"),
            format!("{n}"),
            o.kills as f64,
            o.kills == n,
        ));
        rows.push(row(
            format!("{name}: records acknowledged before a kill"),
            format!(">= {n}"),
            o.acknowledged as f64,
            o.acknowledged >= n,
        ));
        rows.push(none(
            format!("{name}: acknowledged records lost or changed"),
            o.wrong.len(),
        ));
        rows.push(at_most(
            format!("{name}: slowest start until it speaks, s (loaded machine)"),
            2.0,
            o.slowest_start_s,
        ));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_within_disk_calls_lose_nothing() {
        let story = Story::new().unwrap();
        for seed in 1..=6 {
            for (side, end) in [
                (Side::Onboard, End::PowerCut),
                (Side::Ground, End::PowerCut),
                (Side::Onboard, End::Killed),
            ] {
                let o = stop(&story, seed, side, end).unwrap();
                assert!(o.wrong.is_empty(), "seed {seed}, {side:?}: {:?}", o.wrong);
            }
        }
        // Its last record's receipts were lost one after the other, each eight seconds after the one before.
        let o = stop(&story, 370, Side::Ground, End::PowerCut).unwrap();
        assert!(o.settled && o.wrong.is_empty(), "{:?}", o.wrong);
    }
}
