//! Real processes killed with SIGKILL while they take records, on real files and sockets.
//!
//! This program plays the other end: towards the ground station an aircraft with numbered anomalies, towards the
//! companion an autopilot, a Remote ID receiver and a ground station.

#![expect(
    clippy::disallowed_methods,
    reason = "real programs run by the real clock, which sets their deadlines"
)]

use crate::process::{Line, Running, autopilot_heartbeat, free_udp_port, station_heartbeat};
use link::common::{GLOBAL_POSITION_INT_DATA, GPS_RAW_INT_DATA, GpsFixType, MavMessage};
use link::frame::Msg;
use link::patrol::{MavMessage as Patrol, PATROL_RECEIPT_DATA};
use link::receipts::Inbox;
use link::state::{anomaly_from_data, anomaly_to_message};
use missions::anomaly::{Anomaly, AnomalyKind, Ellipse, Priority};
use missions::place::LatLon;
use missions::time::{Mono, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::site::{Flat, Spot};
use sim::world::remote_id::{Broadcast, Receiver};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A process that says nothing for this long does not come up.
const DEAF: Duration = Duration::from_secs(20);
/// Records acknowledged before a kill falls, at least and at most.
const BEFORE: [u32; 2] = [1, 12];

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Kills.
    pub kills: usize,
    /// Records acknowledged before some kill.
    pub acknowledged: usize,
    /// From the start of the process to its first word.
    pub slowest_start_s: f64,
    /// What was lost or changed.
    pub wrong: Vec<String>,
}

fn anomaly(number: u32) -> anyhow::Result<Anomaly> {
    Ok(Anomaly {
        number,
        kind: AnomalyKind::UnknownDrone,
        priority: Priority::High,
        rule: "campaign".into(),
        subject: format!("s-{number}"),
        first_seen: Utc(1),
        flagged: Utc(2),
        at: LatLon::from_degrees(27.787, 120.091)?,
        alt_amsl_m: None,
        error: Ellipse {
            major_m: 3.0,
            minor_m: 2.0,
            bearing_deg: 0.0,
        },
        confidence: 0.9,
        picture_sha256: None,
        picture_len: 0,
    })
}

/// Kills the ground station: what it receipted must be in its store.
///
/// # Errors
/// When it does not come up, or its store cannot be read.
pub fn ground(kills: usize, tick: &mut dyn FnMut(usize)) -> anyhow::Result<Outcome> {
    const STORE_ID: u64 = 77;
    let dir = tempfile::tempdir()?;
    let store = dir.path().join("ground");
    let record = dir.path().join("flights");
    let port = free_udp_port()?;
    let mut line = Line::new("127.0.0.1:0", Some(([127, 0, 0, 1], port).into()), (1, 191))?;
    let link = format!("udp-listen:127.0.0.1:{port}");
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut o = Outcome::default();
    let mut receipted: BTreeSet<u32> = BTreeSet::new();
    let mut next = 1u32;
    for k in 0..kills {
        tick(k);
        let http = free_udp_port()?;
        let began = Instant::now();
        let mut ground = Running::start(&[
            "ground-station",
            "serve",
            "--link",
            &link,
            "--http",
            &format!("127.0.0.1:{http}"),
            "--store",
            &store.display().to_string(),
            "--record",
            &record.display().to_string(),
        ])?;
        let want = rng.random_range(BEFORE[0]..=BEFORE[1]);
        let mut got = 0;
        let mut first = None;
        let mut beat = Instant::now();
        line.send(autopilot_heartbeat());
        while got < want {
            anyhow::ensure!(
                began.elapsed() < DEAF,
                "the ground station does not come up (kill {k})"
            );
            if beat.elapsed() > Duration::from_millis(20) {
                beat = Instant::now();
                line.send(autopilot_heartbeat());
                // What is not receipted is sent again, and a little more.
                let lowest = (1..next).filter(|n| !receipted.contains(n));
                for n in lowest.chain(next..next + 3).take(8).collect::<Vec<_>>() {
                    line.send(anomaly_to_message(STORE_ID, &anomaly(n)?));
                    next = next.max(n + 1);
                }
            }
            for m in line.heard() {
                first.get_or_insert_with(|| began.elapsed().as_secs_f64());
                if let Msg::Patrol(m) = m
                    && let Patrol::PATROL_RECEIPT(r) = *m
                    && receipted.insert(r.number)
                {
                    got += 1;
                }
            }
        }
        ground.kill()?;
        o.kills += 1;
        o.slowest_start_s = o.slowest_start_s.max(first.unwrap_or(f64::INFINITY));
        // Receipts that were on their way count too.
        for m in line.heard() {
            if let Msg::Patrol(m) = m
                && let Patrol::PATROL_RECEIPT(r) = *m
            {
                receipted.insert(r.number);
            }
        }
        let mut disk = link_io::DirDisk::open(&store)?;
        let inbox = Inbox::open(&mut disk, "inbox.log")?;
        for n in &receipted {
            if inbox
                .get(STORE_ID, *n)
                .is_none_or(|a| a.subject != format!("s-{n}"))
            {
                o.wrong
                    .push(format!("kill {k}: {n} was receipted and is gone"));
            }
        }
    }
    o.acknowledged = receipted.len();
    Ok(o)
}

/// Kills the companion: what it sent under a number must keep it, and what the ground receipted must not come again.
///
/// # Errors
/// When it does not come up.
pub fn onboard(kills: usize, tick: &mut dyn FnMut(usize)) -> anyhow::Result<Outcome> {
    let dir = tempfile::tempdir()?;
    let store = dir.path().join("aircraft");
    let autopilot_port = free_udp_port()?;
    let mut autopilot = Line::new(
        "127.0.0.1:0",
        Some(([127, 0, 0, 1], autopilot_port).into()),
        (1, 1),
    )?;
    let mut station = Line::new("127.0.0.1:0", None, (255, 190))?;
    let ground = format!("udp:127.0.0.1:{}", station.port()?);
    let mut receiver = Receiver::new(1, 1, 3);
    let flat = Flat::about(27.787, 120.091);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut o = Outcome::default();
    // Number to subject as it went over the air, per store.
    let mut told: BTreeMap<(u64, u32), String> = BTreeMap::new();
    let mut receipted: BTreeSet<(u64, u32)> = BTreeSet::new();
    let mut drone = 0u32;
    for k in 0..kills {
        tick(k);
        // The eyes of the killed one may still hold the last port.
        let sensor_port = free_udp_port()?;
        let sensor = Line::new(
            "127.0.0.1:0",
            Some(([127, 0, 0, 1], sensor_port).into()),
            (1, 236),
        )?;
        let began = Instant::now();
        let mut companion = Running::start(&[
            "onboard",
            "--autopilot",
            &format!("udp-listen:127.0.0.1:{autopilot_port}"),
            "--ground",
            &ground,
            "--store",
            &store.display().to_string(),
            "--sensor",
            &format!("udp:127.0.0.1:{sensor_port}"),
        ])?;
        let want = rng.random_range(BEFORE[0]..=3);
        let (mut new, mut first) = (0, None);
        let (mut beat, mut broadcast, mut settled) = (Instant::now(), Instant::now(), None);
        autopilot.send(autopilot_heartbeat());
        loop {
            anyhow::ensure!(
                began.elapsed() < DEAF,
                "the companion does not come up (kill {k}): first word {first:?} s, {new} anomalies"
            );
            if beat.elapsed() > Duration::from_millis(50) {
                beat = Instant::now();
                autopilot.send(autopilot_heartbeat());
                autopilot.send(position(began));
                autopilot.send(fix());
                station.send(station_heartbeat());
                autopilot.heard();
            }
            if broadcast.elapsed() > Duration::from_millis(150) {
                broadcast = Instant::now();
                let ids = [drone, drone + 1];
                for id in ids {
                    let serial = format!("CAMPAIGN{id:08}");
                    let mut out = Vec::new();
                    let b = Broadcast {
                        serial: &serial,
                        mac: [2, 0, 0, (id >> 16) as u8, (id >> 8) as u8, id as u8],
                        spot: Spot::new(80.0, 40.0),
                        above_ground_m: 40.0,
                        velocity_mps: (1.0, 0.0, 0.0),
                        operator: Spot::new(200.0, 0.0),
                    };
                    let now = Mono(u64::try_from(began.elapsed().as_micros()).unwrap_or(0));
                    receiver.hear(
                        now,
                        Utc(0),
                        &flat,
                        10.0,
                        (Spot::new(0.0, 0.0), 50.0),
                        &b,
                        &mut out,
                    );
                    sensor.bytes(&out);
                }
            }
            for m in station.heard() {
                let Msg::Patrol(m) = m else { continue };
                first.get_or_insert_with(|| began.elapsed().as_secs_f64());
                let Patrol::PATROL_ANOMALY(d) = *m else {
                    continue;
                };
                let Some((store, a)) = anomaly_from_data(&d) else {
                    continue;
                };
                let key = (store, a.number);
                match told.get(&key) {
                    Some(was) if *was != a.subject => {
                        o.wrong.push(format!(
                            "kill {k}: number {} was {was}, is {}",
                            a.number, a.subject
                        ));
                    }
                    Some(_) => {}
                    None => {
                        told.insert(key, a.subject.clone());
                        new += 1;
                        drone += 1;
                    }
                }
                // Half of them are receipted, so that both kinds are there at the kill.
                if rng.random::<bool>() {
                    receipted.insert(key);
                    station.send(Patrol::PATROL_RECEIPT(PATROL_RECEIPT_DATA {
                        store_id: store,
                        number: a.number,
                    }));
                }
            }
            if new >= want && settled.is_none() {
                settled = Some(Instant::now());
            }
            // A moment more, drawn, so that kills fall everywhere.
            if settled
                .is_some_and(|s| s.elapsed() > Duration::from_millis(rng.random_range(0..120)))
            {
                break;
            }
        }
        companion.kill()?;
        o.kills += 1;
        o.slowest_start_s = o.slowest_start_s.max(first.unwrap_or(f64::INFINITY));
        // What was sent was durable before: it is in the store, whatever the kill did.
        let mut disk = link_io::DirDisk::open(&store)?;
        let (_, found) = link::journal::Journal::open(&mut disk, "anomalies.log")?;
        let text: Vec<String> = found
            .records
            .iter()
            .map(|r| String::from_utf8_lossy(r).into_owned())
            .collect();
        for ((_, n), subject) in &told {
            let kept = text.iter().any(|t| {
                t.contains(&format!("\"number\":{n},")) && t.contains(&format!("\"{subject}\""))
            });
            if !kept {
                o.wrong.push(format!(
                    "kill {k}: number {n} ({subject}) was sent and is gone"
                ));
            }
        }
    }
    o.acknowledged = told.len();
    Ok(o)
}

fn position(began: Instant) -> MavMessage {
    MavMessage::GLOBAL_POSITION_INT(GLOBAL_POSITION_INT_DATA {
        time_boot_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(0),
        lat: 277_870_000,
        lon: 1_200_910_000,
        alt: 60_000,
        relative_alt: 50_000,
        ..GLOBAL_POSITION_INT_DATA::default()
    })
}

fn fix() -> MavMessage {
    MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
        fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
        satellites_visible: 14,
        ..GPS_RAW_INT_DATA::default()
    })
}
