//! Rows 21 to 23: disks, logs, clocks.

use super::world::{Outcome, Stage, World};
use super::{Line, line, thread_cpu_s};
use ground_station::desk::Intent;
use link::journal::Disk;
use missions::anomaly::Priority;
use rand::RngExt;
use sim::autopilot::Mode;
use sim::disk::DiskTrouble;
use sim::fault::{Fault, House, Side, Way};
use std::collections::BTreeMap;

pub const LINES: [Line; 4] = [
    line(
        21,
        "21-disk-aboard",
        "companion's disk full, EIO, or not syncing; alarm on the ground, the flight goes on, all delivered",
        disk_aboard,
    ),
    line(
        21,
        "21-disk-ground",
        "the same on the ground; alarm, no receipt until it is durable",
        disk_ground,
    ),
    line(
        22,
        "22-damaged-log",
        "a torn record or a flipped bit; the start, CPU s; the rest valid, no number twice",
        damaged_log,
    ),
    line(
        23,
        "23-clock",
        "a clock an hour off, or none; order kept, nothing revives",
        clock,
    ),
];

fn trouble(seed: u64) -> DiskTrouble {
    match seed / 2 % 3 {
        0 => DiskTrouble::Full,
        1 => DiskTrouble::Io,
        _ => DiskTrouble::SyncFails,
    }
}

fn disk_aboard(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.rig.fault(Fault::House(House::Disk {
        side: Side::Onboard,
        trouble: trouble(seed),
    }));
    w.mark();
    // The first thing to be written.
    w.flag("x", Priority::Urgent);
    let took = w.until(5.0, |w| w.new_state().is_some_and(|r| !r.storage_ok));
    w.run(2.0);
    if w.mode() != Mode::Mission {
        w.wrong("the flight did not go on");
    }
    if w.rig.is_dead(Side::Onboard) {
        w.wrong("the companion died of its disk");
    }
    Ok(w.end(took, 1.0, 10.0, true))
}

fn disk_ground(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.rig.fault(Fault::House(House::Disk {
        side: Side::Ground,
        trouble: trouble(seed),
    }));
    w.mark();
    w.flag("x", Priority::Urgent);
    let took = w.until(5.0, |w| w.told(|e| e.code == "recorder_failed"));
    w.until(3.0, |w| {
        let aboard = w.rig.stored_and_pending().1 > 0;
        if !aboard {
            w.wrong("a receipt for what is not durable");
        }
        false
    });
    if w.mode() != Mode::Mission {
        w.wrong("the flight did not go on");
    }
    w.rig.fault(Fault::House(House::Disk {
        side: Side::Ground,
        trouble: DiskTrouble::Well,
    }));
    Ok(w.end(took, 1.0, 12.0, true))
}

/// The companion's records were not yet on the ground; it is killed; a sector of its log is bad.
fn damaged_log(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.grounded(seed);
    w.rig.fault(Fault::House(House::Cut { way: Way::Both }));
    w.run(0.3);
    for n in 0..6 {
        w.flag(&format!("d-{n}"), Priority::High);
        w.run(0.1);
    }
    w.run(5.5);
    let disk = w.rig.disk(Side::Onboard).clone();
    w.rig.fault(Fault::House(House::Kill {
        side: Side::Onboard,
        power: false,
        off_s: Some(0.5),
    }));
    disk.restart();
    let (file, bytes) = log_of(&disk, "d-0")?;
    // Where each record that we know of ends is not asked of the journal: those whose words stand before the damage
    // and a record's length away from it are whole.
    let torn = (seed / 2).is_multiple_of(2);
    let at = w.rng.random_range(0..bytes.len());
    let damaged = if torn {
        bytes.get(..at).unwrap_or(&bytes).to_vec()
    } else {
        let mut b = bytes.clone();
        if let Some(x) = b.get_mut(at) {
            *x ^= 1 << w.rng.random_range(0..8u8);
        }
        b
    };
    disk.put(&file, &damaged);
    let before = place_before(&bytes, at);
    w.taken.retain(|(s, _)| before.contains(s));
    w.spare_the_rest();
    for n in 0..6 {
        w.perhaps(&format!("d-{n}"));
    }
    w.mark();
    let mut start_s = None;
    w.rig.fault(Fault::House(House::Mend { way: Way::Both }));
    let mut last = thread_cpu_s();
    w.until(1.5, |w| {
        let now = thread_cpu_s();
        if start_s.is_none() && !w.rig.is_dead(Side::Onboard) {
            // The step that started it, and what the world did in it.
            start_s = Some(now - last);
        }
        last = now;
        false
    });
    w.flag("after", Priority::Urgent);
    let found = w.until(6.0, |w| {
        w.text("record") || w.text("log") || w.text("store")
    });
    if found.is_none() {
        w.wrong("the damage was not reported");
    }
    let o = w.end_with_numbers(start_s, 2.0, 10.0);
    Ok(o)
}

fn log_of(disk: &sim::disk::FaultDisk, subject: &str) -> anyhow::Result<(String, Vec<u8>)> {
    for f in disk.list()? {
        let bytes = disk.read(&f)?;
        if bytes
            .windows(subject.len())
            .any(|x| x == subject.as_bytes())
        {
            return Ok((f, bytes));
        }
    }
    anyhow::bail!("no log has the records")
}

/// Subjects whose records end before the damage: the next record's mark stands between.
fn place_before(bytes: &[u8], at: usize) -> Vec<String> {
    const MARK: &[u8] = b"PJ01";
    let mut out = Vec::new();
    let starts: Vec<usize> = bytes
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, x)| *x == MARK)
        .map(|(n, _)| n)
        .collect();
    for pair in starts.windows(2) {
        let [a, b] = *pair else { continue };
        if b > at {
            break;
        }
        let record = bytes.get(a..b).unwrap_or(&[]);
        for n in 0..6 {
            let s = format!("d-{n}");
            if record.windows(s.len()).any(|x| x == s.as_bytes()) && !out.contains(&s) {
                out.push(s);
            }
        }
    }
    out
}

impl World {
    /// As [`World::end`], and no number of the store stands for two things.
    fn end_with_numbers(self, took_s: Option<f64>, bound_s: f64, settle_s: f64) -> Outcome {
        let mut numbers: BTreeMap<(u64, u32), String> = BTreeMap::new();
        let mut twice = Vec::new();
        for (store, a) in self.desk().anomalies() {
            let was = numbers
                .entry((store, a.number))
                .or_insert_with(|| a.subject.clone());
            if *was != a.subject {
                twice.push(a.number);
            }
        }
        let mut o = self.end(took_s, bound_s, settle_s, true);
        if !twice.is_empty() {
            o.wrong.push(format!("numbers used twice: {twice:?}"));
        }
        o
    }
}

fn clock(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 2.0);
    let (side, off_by_s) = match seed / 2 % 5 {
        0 => (Side::Ground, Some(3_600.0)),
        1 => (Side::Ground, Some(-3_600.0)),
        2 => (Side::Ground, None),
        3 => (Side::Onboard, Some(3_600.0)),
        _ => (Side::Onboard, Some(-3_600.0)),
    };
    w.rig.fault(Fault::House(House::Cut { way: Way::Up }));
    // An order that does not arrive; the clock steps; the link comes back after the order's life.
    w.rig.command(&Intent::Return { aircraft: 1 });
    w.run(0.2);
    w.rig.fault(Fault::House(House::Clock { side, off_by_s }));
    w.mark();
    w.until(6.0, |w| {
        if w.mode() == Mode::Return {
            w.wrong("the return came although the order never arrived");
        }
        false
    });
    w.rig.fault(Fault::House(House::Mend { way: Way::Up }));
    w.until(9.0, |w| {
        if w.mode() == Mode::Return {
            w.wrong("an order revived");
        }
        false
    });
    // Orders are still obeyed.
    w.mark();
    // One: two at once may overtake each other on the radio, and then the later to arrive is the one obeyed.
    let answer = w.rig.command(&Intent::Return { aircraft: 1 });
    if !answer.accepted {
        w.wrong(&format!("the desk does not pass it on: {answer:?}"));
    }
    if w.until(3.0, |w| w.mode() == Mode::Return).is_none() {
        w.wrong("a true order was not obeyed after the step");
    }
    let taken: Vec<String> = w.taken.iter().map(|(s, _)| s.clone()).collect();
    let mut o = w.end_in_order(&taken);
    o.bound_s = 0.0;
    Ok(o)
}

impl World {
    /// As [`World::end`], and their numbers say in which order the anomalies were flagged.
    fn end_in_order(mut self, taken: &[String]) -> Outcome {
        self.run(3.0);
        let mut by_number: Vec<(u32, String)> = self
            .desk()
            .anomalies()
            .map(|(_, a)| (a.number, a.subject.clone()))
            .collect();
        by_number.sort();
        let order: Vec<String> = by_number.into_iter().map(|(_, s)| s).collect();
        if order.iter().any(|s| !taken.contains(s))
            || order.windows(2).any(|p| {
                let at = |s: &String| taken.iter().position(|t| t == s);
                at(&p[0]) > at(&p[1])
            })
        {
            self.wrong(&format!("order lost: {order:?}"));
        }
        self.end(Some(0.0), 0.0, 8.0, true)
    }
}
