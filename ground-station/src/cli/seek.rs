//! `bench-seek`: how fast any moment of a long recording is found.

use crate::desk::Event;
use crate::record::line::{Fact, Line};
use crate::replay::{Player, Recording};
use anyhow::Context;
use link::common::{ATTITUDE_DATA, GLOBAL_POSITION_INT_DATA, MavMessage as Common};
use link::frame::Stamper;
use link::patrol::{MavMessage as Patrol, PATROL_BLOB_CHUNK_DATA, PATROL_STATE_DATA};
use link::telemetry::station_heartbeat;
use missions::time::Utc;
use rand::{RngExt, SeedableRng};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A seek must be done within this.
const BOUND: Duration = Duration::from_millis(100);
/// UTC at the start of the recording.
const START_US: i64 = 1_790_856_000_000_000;
const TICK_US: i64 = 100_000;

/// Flags of `bench-seek`.
#[derive(Debug, clap::Args)]
pub struct BenchSeek {
    /// Length of the recording
    #[arg(long, value_name = "H", default_value_t = 2.0)]
    hours: f64,
    /// Its size
    #[arg(long, value_name = "MB", default_value_t = 1_000)]
    mb: u64,
    /// Moments sought
    #[arg(long, value_name = "N", default_value_t = 500)]
    seeks: u32,
    /// Everything random follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// A recording as a long flight leaves it: telemetry at 10 Hz, state at 2 Hz, a line a second, and previews for the rest.
fn long_flight(hours: f64, mb: u64) -> (Vec<u8>, String) {
    let ticks = ((hours * 3.6e9) as i64 / TICK_US).max(1);
    let most = mb.saturating_mul(1_000_000);
    let mut aircraft = Stamper::new(1, 1);
    let mut companion = Stamper::new(1, 191);
    let mut tlog = Vec::new();
    let mut events = String::new();
    let mut frames = 0u64;
    for n in 0..ticks {
        let utc = Utc(START_US + n * TICK_US);
        let ms = u32::try_from(n * TICK_US / 1_000).unwrap_or(u32::MAX);
        let mut put = |bytes: &[u8]| {
            tlog.extend_from_slice(&link::tlog::record(utc, bytes));
            frames += 1;
        };
        if n % 10 == 0 {
            put(aircraft.frame(station_heartbeat()).bytes());
        }
        put(aircraft
            .frame(Common::GLOBAL_POSITION_INT(GLOBAL_POSITION_INT_DATA {
                time_boot_ms: ms,
                lat: 277_870_000 + i32::try_from(n % 9_000).unwrap_or(0),
                lon: 1_200_910_000,
                ..GLOBAL_POSITION_INT_DATA::default()
            }))
            .bytes());
        put(aircraft
            .frame(Common::ATTITUDE(ATTITUDE_DATA {
                time_boot_ms: ms,
                ..ATTITUDE_DATA::default()
            }))
            .bytes());
        if n % 5 == 0 {
            put(companion
                .frame(Patrol::PATROL_STATE(PATROL_STATE_DATA {
                    time_boot_ms: ms,
                    ..PATROL_STATE_DATA::default()
                }))
                .bytes());
        }
        let due = most * u64::try_from(n + 1).unwrap_or(0) / u64::try_from(ticks).unwrap_or(1);
        while (tlog.len() as u64) < due {
            let chunk = companion.frame(Patrol::PATROL_BLOB_CHUNK(PATROL_BLOB_CHUNK_DATA {
                transfer: ms,
                index: 1,
                kind: 3,
                len: 200,
                data: [0xA5; 200],
            }));
            tlog.extend_from_slice(&link::tlog::record(utc, chunk.bytes()));
            frames += 1;
        }
        if n % 10 == 0 {
            let t_ms = utc.0 / 1_000;
            let fact = if n % 20 == 0 {
                let aircraft = serde_json::json!({"id": 1, "system_id": 1, "n": n});
                Fact::Aircraft { aircraft }
            } else {
                let event = Event {
                    t_ms,
                    code: "status_text".into(),
                    params: serde_json::Map::new(),
                    aircraft: Some(1),
                    at: None,
                };
                Fact::Event { event }
            };
            let line = Line {
                t_ms,
                frame: frames,
                fact,
            };
            events.push_str(&serde_json::to_string(&line).unwrap_or_default());
            events.push('\n');
        }
    }
    (tlog, events)
}

/// Runs it.
#[expect(
    clippy::disallowed_methods,
    reason = "a shell: the real clock measures and nothing else"
)]
pub fn bench(a: &BenchSeek, json: bool) -> anyhow::Result<ExitCode> {
    let (tlog, events) = long_flight(a.hours, a.mb);
    let bytes = tlog.len();
    let opened = Instant::now();
    let recording = Recording::new(tlog, &events)?;
    let frames = recording.frames();
    let (from, to) = recording.span();
    let mut player = Player::new(recording, 1.0);
    let opening = opened.elapsed();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(a.seed);
    let mut took = Vec::new();
    for _ in 0..a.seeks.max(1) {
        let at = Utc(rng.random_range(from.0..=to.0));
        let start = Instant::now();
        player.seek(at);
        // What a page is sent after it.
        let shown = player.snapshot().to_string().len() + player.batch().len();
        took.push(start.elapsed());
        anyhow::ensure!(
            shown > 0 && player.now() == at,
            "the seek to {} failed",
            at.0
        );
    }
    took.sort();
    let at = |share: f64| -> Duration {
        let n = ((took.len() - 1) as f64 * share).round() as usize;
        took.get(n).copied().unwrap_or_default()
    };
    let worst = took.last().copied().context("nothing was sought")?;
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let pass = worst <= BOUND;
    if json {
        println!(
            "{}",
            serde_json::json!({"rows": [{
                "name": "slowest seek, ms", "bound": ms(BOUND), "measured": ms(worst), "pass": pass,
            }], "bytes": bytes, "frames": frames, "opening_ms": ms(opening), "median_ms": ms(at(0.5)), "p95_ms": ms(at(0.95))})
        );
    } else {
        println!(
            "{:.2} h, {:.0} MB, {frames} frames; opened in {:.1} s",
            (to.0 - from.0) as f64 / 3.6e9,
            bytes as f64 / 1e6,
            opening.as_secs_f64()
        );
        println!(
            "{:<5} {} seeks: median {:.1} ms, p95 {:.1} ms, slowest {:.1} ms (bound {:.0} ms)",
            if pass { "pass" } else { "MISS" },
            took.len(),
            ms(at(0.5)),
            ms(at(0.95)),
            ms(worst),
            ms(BOUND)
        );
    }
    Ok(if pass {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
