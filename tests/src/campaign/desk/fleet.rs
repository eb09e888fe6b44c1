//! Aircraft as the desk hears them: many in one thread, each with a socket, a key and an anomaly store of its own.
//!
//! They do not fly. What they send is what a companion sends, by the same code: frames stamped, signed by `link::signing`, and
//! anomalies repeated by `link::receipts` until they are receipted. Every datagram waits half of the round trip before it leaves,
//! and before it is read.

use anyhow::Context;
use link::common::{
    ATTITUDE_DATA, GLOBAL_POSITION_INT_DATA, GPS_RAW_INT_DATA, GpsFixType, HEARTBEAT_DATA,
    MavAutopilot, MavMessage as Common, MavModeFlag, MavState, MavType, SYS_STATUS_DATA,
    SYSTEM_TIME_DATA,
};
use link::control::{ControlReport, HandOver};
use link::frame::{Framer, Msg, Outgoing, Stamper};
use link::journal::MemDisk;
use link::patrol::MavMessage as Patrol;
use link::receipts::Outbox;
use link::signing::{Key, Seal};
use link::state::{
    AutopilotWord, CauseWord, EyesWord, FlightPhase, PlanState, ResponseWord, StateReport,
    VerdictWord, anomaly_to_message,
};
use missions::anomaly::{Anomaly, AnomalyKind, Ellipse, Priority};
use missions::flight::InCharge;
use missions::place::LatLon;
use missions::time::{Mono, Now, Utc};
use std::collections::VecDeque;
use std::net::UdpSocket;
use std::time::Duration;

/// Between two positions: 10 Hz.
pub const TICK: Duration = Duration::from_millis(100);
/// Slow telemetry goes with every tenth tick.
const SLOW: u64 = 10;
/// Frames are put together up to so many bytes, as the companion puts them.
const DATAGRAM: usize = 1_200;
/// Where the first stands, 1e-7 degrees.
const BASE_E7: (i32, i32) = (277_870_000, 1_200_910_000);
/// An aircraft moves by so much a tick, 1e-7 degrees north: what a page shows says when it was true.
pub const STEP_E7: i32 = 1;

/// An aircraft's store, and so the ids of its anomalies.
pub fn store_id(n: u8) -> u64 {
    0xA000 + u64::from(n)
}

/// The key of aircraft `n` (from 1).
pub fn key(n: u8) -> Key {
    let mut bytes = [0x5A; 32];
    bytes[0] = n;
    Key::new(bytes)
}

/// Where aircraft `n` begins, 1e-7 degrees north.
pub fn first_lat_e7(n: u8) -> i32 {
    BASE_E7.0 + i32::from(n) * 100_000
}

/// One aircraft.
pub struct Aircraft {
    n: u8,
    socket: UdpSocket,
    disk: MemDisk,
    seal: Seal,
    autopilot: Stamper,
    companion: Stamper,
    framer: Framer,
    outbox: Outbox,
    next_tick: Mono,
    ticks: u64,
    /// What is on its way: when it is there, and the bytes.
    up: VecDeque<(Mono, Vec<u8>)>,
    down: VecDeque<(Mono, Vec<u8>)>,
    /// Receipts that came.
    pub receipted: u32,
    /// Frames from the desk that were not signed by it.
    pub refused: usize,
}

impl Aircraft {
    /// Number `n` (from 1) with a line to the desk's port.
    ///
    /// # Errors
    /// When there is no socket.
    pub fn new(n: u8, port: u16) -> anyhow::Result<Aircraft> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(("127.0.0.1", port))?;
        socket.set_nonblocking(true)?;
        let mut disk = MemDisk::default();
        let seal = Seal::open(&mut disk, "link.times", key(n), n).context("the seal")?;
        let outbox = Outbox::open(&mut disk, store_id(n)).context("the outbox")?;
        Ok(Aircraft {
            n,
            socket,
            seal,
            autopilot: Stamper::new(n, 1),
            companion: Stamper::new(n, 191),
            framer: Framer::new(),
            outbox,
            disk,
            // Spread over the tick, as fifty clocks are.
            next_tick: Mono(u64::from(n) * 2_000),
            ticks: 0,
            up: VecDeque::new(),
            down: VecDeque::new(),
            receipted: 0,
            refused: 0,
        })
    }

    /// Its number.
    pub fn id(&self) -> u8 {
        self.n
    }
    /// Ticks so far: its position says how many.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }
    /// Anomalies that no receipt has come for.
    pub fn pending(&self) -> usize {
        self.outbox.pending()
    }

    /// It sees something; the number of the anomaly.
    ///
    /// # Errors
    /// Never in practice: the place is one.
    pub fn sees(
        &mut self,
        now: Now,
        priority: Priority,
        half_rtt: Duration,
    ) -> anyhow::Result<u32> {
        let utc = now.utc.valid().unwrap_or(Utc(0));
        let anomaly = Anomaly {
            number: 0,
            kind: AnomalyKind::PersonInZone,
            priority,
            rule: "load".into(),
            subject: format!("{}-{}", self.n, self.ticks),
            first_seen: utc,
            flagged: utc,
            at: LatLon::from_e7(first_lat_e7(self.n), BASE_E7.1)?,
            alt_amsl_m: None,
            error: Ellipse {
                major_m: 3.0,
                minor_m: 2.0,
                bearing_deg: 0.0,
            },
            confidence: 0.9,
            picture_sha256: None,
            picture_len: 0,
        };
        let number = self.outbox.add(&mut self.disk, anomaly, None);
        self.send_due(now, half_rtt);
        Ok(number)
    }

    /// Sends what is due and takes what has come. `half_rtt`: how long a datagram is on its way.
    pub fn run(&mut self, now: Now, half_rtt: Duration) {
        self.seal.tend(now, &mut self.disk);
        if now.mono >= self.next_tick {
            self.next_tick = self.next_tick.after(TICK).max(now.mono);
            self.ticks += 1;
            let mut frames = self.fast(now);
            if self.ticks.is_multiple_of(SLOW) {
                frames.extend(self.slow(now));
            }
            self.queue(now, half_rtt, frames);
            self.send_due(now, half_rtt);
        }
        while self.up.front().is_some_and(|(at, _)| *at <= now.mono) {
            if let Some((_, bytes)) = self.up.pop_front() {
                // A full socket loses it, as a radio would.
                let _ = self.socket.send(&bytes);
            }
        }
        let mut buf = [0u8; 4_096];
        while let Ok(n) = self.socket.recv(&mut buf) {
            let bytes = buf.get(..n).unwrap_or(&[]).to_vec();
            self.down.push_back((now.mono.after(half_rtt), bytes));
        }
        while self.down.front().is_some_and(|(at, _)| *at <= now.mono) {
            let Some((_, bytes)) = self.down.pop_front() else {
                break;
            };
            self.framer.push(now.mono, &bytes);
            while let Some(frame) = self.framer.next_frame() {
                if self.seal.check(&mut self.disk, &frame).is_err() {
                    self.refused += 1;
                    continue;
                }
                if let Msg::Patrol(m) = frame.decode()
                    && let Patrol::PATROL_RECEIPT(r) = *m
                {
                    let before = self.outbox.pending();
                    self.outbox.receipt(&mut self.disk, r.store_id, r.number);
                    self.receipted += u32::from(self.outbox.pending() < before);
                }
            }
        }
    }

    fn send_due(&mut self, now: Now, half_rtt: Duration) {
        let due = self.outbox.due(now, usize::MAX, true);
        let frames = due
            .iter()
            .map(|a| {
                let (store, a) = self.outbox.on_the_wire(a);
                (false, Outgoing::from(anomaly_to_message(store, &a)))
            })
            .collect();
        self.queue(now, half_rtt, frames);
    }

    /// Signed and on their way, in datagrams. The first of a pair: whether the autopilot says it.
    fn queue(&mut self, now: Now, half_rtt: Duration, frames: Vec<(bool, Outgoing)>) {
        let there = now.mono.after(half_rtt);
        let mut together: Vec<u8> = Vec::new();
        for (of_autopilot, m) in frames {
            let stamper = if of_autopilot {
                &mut self.autopilot
            } else {
                &mut self.companion
            };
            let frame = stamper.frame(m);
            let Some(signed) = self.seal.sign(&frame) else {
                continue;
            };
            if !together.is_empty() && together.len() + signed.bytes().len() > DATAGRAM {
                self.up.push_back((there, std::mem::take(&mut together)));
            }
            together.extend_from_slice(signed.bytes());
        }
        if !together.is_empty() {
            self.up.push_back((there, together));
        }
    }

    fn boot_ms(now: Now) -> u32 {
        u32::try_from(now.mono.0 / 1_000).unwrap_or(u32::MAX)
    }

    /// What goes ten times a second.
    fn fast(&mut self, now: Now) -> Vec<(bool, Outgoing)> {
        let moved = i32::try_from(self.ticks).unwrap_or(i32::MAX) * STEP_E7;
        let position = Common::GLOBAL_POSITION_INT(GLOBAL_POSITION_INT_DATA {
            time_boot_ms: Self::boot_ms(now),
            lat: first_lat_e7(self.n) + moved,
            lon: BASE_E7.1,
            alt: 130_000,
            relative_alt: 60_000,
            vx: 10,
            vy: 0,
            vz: 0,
            hdg: 0,
        });
        let attitude = Common::ATTITUDE(ATTITUDE_DATA {
            time_boot_ms: Self::boot_ms(now),
            ..ATTITUDE_DATA::default()
        });
        let state = StateReport {
            plan_id: None,
            store_id: store_id(self.n),
            time_boot_ms: Self::boot_ms(now),
            margin_m: Some(40.0),
            last_anomaly: self.outbox.last_number(),
            order_id: None,
            refused_frames: 0,
            pending: u16::try_from(self.outbox.pending()).unwrap_or(u16::MAX),
            endurance_s: Some(900),
            item: Some(3),
            phase: FlightPhase::Patrolling,
            in_charge: InCharge::Companion,
            plan_state: PlanState::None,
            verdict: VerdictWord::Inside,
            response: ResponseWord::Continue,
            cause: CauseWord::None,
            autopilot: AutopilotWord::Px4,
            eyes: EyesWord::Running,
            storage_ok: true,
            simulated: true,
        };
        vec![
            (true, position.into()),
            (true, attitude.into()),
            (false, state.to_message().into()),
        ]
    }

    /// What goes once a second.
    fn slow(&mut self, now: Now) -> Vec<(bool, Outgoing)> {
        let heartbeat = Common::HEARTBEAT(HEARTBEAT_DATA {
            custom_mode: 0,
            mavtype: MavType::MAV_TYPE_QUADROTOR,
            autopilot: MavAutopilot::MAV_AUTOPILOT_PX4,
            base_mode: MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED,
            system_status: MavState::MAV_STATE_ACTIVE,
            mavlink_version: 3,
        });
        let battery = Common::SYS_STATUS(SYS_STATUS_DATA {
            battery_remaining: 80,
            voltage_battery: 16_000,
            ..SYS_STATUS_DATA::default()
        });
        let gps = Common::GPS_RAW_INT(GPS_RAW_INT_DATA {
            fix_type: GpsFixType::GPS_FIX_TYPE_3D_FIX,
            satellites_visible: 14,
            ..GPS_RAW_INT_DATA::default()
        });
        let utc = now.utc.valid().unwrap_or(Utc(0));
        let time = Common::SYSTEM_TIME(SYSTEM_TIME_DATA {
            time_unix_usec: u64::try_from(utc.0).unwrap_or(0),
            time_boot_ms: Self::boot_ms(now),
        });
        let control = ControlReport {
            holder: Some((0, 255, 190)),
            hand_over: HandOver::None,
            officer: "load".into(),
            before: String::new(),
            refused: 0,
            dropped: 0,
            lines: Vec::new(),
            ..ControlReport::default()
        };
        vec![
            (true, heartbeat.into()),
            (true, battery.into()),
            (true, gps.into()),
            (true, time.into()),
            (false, control.to_message().into()),
        ]
    }
}
