//! How often a link that only loses frames is taken for a dead one: companion and desk with nothing but their keep-alives
//! between them, the autopilot silent, every frame lost independently.

use crate::frame::{Bench, Row, row};
use crate::process::autopilot_heartbeat;
use ground_station::desk::{Desk, DeskConfig, DeskIn, DeskOut};
use link::frame::{Frame, Stamper};
use link::journal::MemDisk;
use missions::time::{Mono, Now, Reading, Utc};
use onboard::{Config, Input, Onboard, Output, Port};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Each way.
const LOSS: f64 = 0.5;
/// So much that links must be seen to die.
const CONTROL_LOSS: f64 = 0.9;
/// Hours when none are named, and hours a seed.
const HOURS: f64 = 300.0;
const HOURS_A_SEED: f64 = 10.0;
/// Longest keep-alive, bytes, with a signature.
const KEEP_ALIVE_BYTES: usize = 40;
const SIGNATURE: usize = 13;
const START: Utc = Utc(1_790_000_000_000_000);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Hours {
    hours: f64,
    /// False losses seen by the companion and by the desk.
    aboard: u32,
    ground: u32,
    /// Frames the desk sent, and the longest.
    sent: u64,
    longest: usize,
}

/// Runs the row.
pub fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let seeds: Vec<u64> =
        (1..=(bench.hours(HOURS) / HOURS_A_SEED).ceil().max(1.0) as u64).collect();
    let found = bench.each("link-loss", &seeds, |s| hours(s, LOSS, HOURS_A_SEED))?;
    // A judge that never condemns proves nothing.
    let control = hours(1, CONTROL_LOSS, 1.0)?;
    let all = found.values();
    let flown: f64 = all.clone().map(|h| h.hours).sum();
    let per_100 = |n: u32| f64::from(n) * 100.0 / flown.max(1e-9);
    let aboard = per_100(all.clone().map(|h| h.aboard).sum());
    let ground = per_100(all.clone().map(|h| h.ground).sum());
    let rate_hz = all.clone().map(|h| h.sent).sum::<u64>() as f64 / (flown.max(1e-9) * 3600.0);
    let longest = all.map(|h| h.longest).max().unwrap_or(0) + SIGNATURE;
    let enough = found.len() == seeds.len();
    Ok(vec![
        row(
            format!("link-loss: false losses aboard in 100 h at 50 % loss ({flown:.0} h flown)"),
            "<= 1",
            aboard,
            enough && aboard <= 1.0,
        ),
        row(
            "link-loss: false losses on the ground in 100 h, companion alone speaking",
            "<= 1",
            ground,
            enough && ground <= 1.0,
        ),
        row(
            "link-loss: control, losses seen in 1 h at 90 %, aboard and on the ground, the fewer",
            ">= 5",
            f64::from(control.aboard.min(control.ground)),
            control.aboard.min(control.ground) >= 5,
        ),
        row(
            "link-loss: keep-alives a second",
            ">= 8",
            rate_hz,
            rate_hz >= 7.99,
        ),
        row(
            "link-loss: longest keep-alive, signed, bytes",
            format!("<= {KEEP_ALIVE_BYTES}"),
            longest as f64,
            longest <= KEEP_ALIVE_BYTES,
        ),
    ])
}

fn hours(seed: u64, loss: f64, hours: f64) -> anyhow::Result<Hours> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut aboard = Onboard::new(Config::default(), Box::new(MemDisk::default()))?;
    let mut desk = Desk::new(DeskConfig::default(), Box::new(MemDisk::default()))?;
    let hello = Stamper::new(1, 1).frame(autopilot_heartbeat());
    let mut out = Hours {
        hours,
        ..Hours::default()
    };
    let end = (hours * 3.6e9) as u64;
    let (mut now, mut greeted) = (Mono::ZERO, false);
    let mut was = [false; 2];
    while now.0 < end {
        let at = Now {
            mono: now,
            utc: Reading::Missing,
        };
        if !greeted {
            greeted = true;
            let bytes = hello.bytes();
            aboard.handle(
                at,
                Input::Bytes {
                    port: Port::Autopilot,
                    bytes,
                },
            );
        } else if aboard.next_wakeup().is_some_and(|t| t <= now) {
            aboard.handle(at, Input::Tick);
        }
        let on_ground = Now::new(now, START.after(now.since(Mono::ZERO)));
        while let Some(o) = aboard.poll() {
            if let Output::Bytes {
                port: Port::Ground(0),
                bytes,
            } = o
                && rng.random::<f64>() > loss
            {
                desk.handle(
                    on_ground,
                    DeskIn::Bytes {
                        link: 0,
                        bytes: &bytes,
                    },
                );
            }
        }
        if desk.next_wakeup().is_some_and(|t| t <= now) {
            desk.handle(on_ground, DeskIn::Tick);
        }
        while let Some(o) = desk.poll() {
            let DeskOut::Bytes { bytes, .. } = o else {
                continue;
            };
            out.sent += 1;
            if Frame::from_bytes(&bytes).is_some_and(|f| f.header().msg_id == 0) {
                out.longest = out.longest.max(bytes.len());
            }
            if rng.random::<f64>() > loss {
                aboard.handle(
                    at,
                    Input::Bytes {
                        port: Port::Ground(0),
                        bytes: &bytes,
                    },
                );
            }
        }
        let up = [
            aboard.ground_is_heard(),
            desk.aircraft(1).is_some_and(|a| a.link_up(now)),
        ];
        out.aboard += u32::from(was[0] && !up[0]);
        out.ground += u32::from(was[1] && !up[1]);
        was = up;
        now = [aboard.next_wakeup(), desk.next_wakeup()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now)
            .max(Mono(now.0 + 1_000));
    }
    Ok(out)
}
