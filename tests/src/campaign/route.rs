//! Raw routing through the real companion process, over real sockets on the loopback: autopilot to stations.
//!
//! Frames of a message that nobody aboard reads carry the clock's time; what arrives is counted and timed by this process, and
//! the companion's CPU time is read from the system. A loaded machine makes latencies longer, not shorter.

#![expect(
    clippy::disallowed_methods,
    reason = "real programs run by the real clock: that is what is measured"
)]

use crate::frame::{Bench, Row, at_most, none, quantile, row};
use crate::process::{Line, Running, autopilot_heartbeat, cpu_s, free_udp_port, station_heartbeat};
use anyhow::Context;
use link::common::{COMMAND_LONG_DATA, MavCmd, MavMessage};
use link::frame::Msg;
use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// ATTITUDE_QUATERNION: common, and read by nobody aboard, as most of what an autopilot says.
const ID: u32 = 31;
/// Its payload, bytes.
const PAYLOAD: usize = 32;
/// Messages a second where none may be lost.
const STEADY: f64 = 20_000.0;
/// Messages a second where only CPU time is looked at.
const FAST: f64 = 60_000.0;
const SECONDS: f64 = 5.0;
/// Garbage datagrams a second.
const GARBAGE: f64 = 50_000.0;
/// A client counts as up after this.
const UP: Duration = Duration::from_secs(10);

struct House {
    companion: Running,
    autopilot: Line,
    station: Line,
    second: u16,
    _store: tempfile::TempDir,
    began: Instant,
}

impl House {
    fn new() -> anyhow::Result<House> {
        let store = tempfile::tempdir()?;
        let (port, second) = (free_udp_port()?, free_udp_port()?);
        let mut autopilot = Line::new("127.0.0.1:0", Some(([127, 0, 0, 1], port).into()), (1, 1))?;
        let mut station = Line::new("127.0.0.1:0", None, (255, 190))?;
        let companion = Running::start(&[
            "onboard",
            "--autopilot",
            &format!("udp-listen:127.0.0.1:{port}"),
            "--ground",
            &format!("udp:127.0.0.1:{}", station.port()?),
            "--ground",
            &format!("tcp-listen:127.0.0.1:{second}"),
            "--store",
            &store.path().display().to_string(),
        ])?;
        let began = Instant::now();
        while station.peer.is_none() {
            anyhow::ensure!(began.elapsed() < UP, "the companion does not come up");
            autopilot.send(autopilot_heartbeat());
            station.heard();
        }
        station.send(station_heartbeat());
        Ok(House {
            companion,
            autopilot,
            station,
            second,
            _store: store,
            began,
        })
    }

    /// CPU seconds the companion has used.
    fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s(self.companion.0.id())
    }

    /// Sends stamped frames at a rate for a while; what arrives at the first station, as latencies in ms.
    fn stream(&mut self, per_s: f64, seconds: f64) -> anyhow::Result<Stream> {
        let cpu = self.cpu_s()?;
        let socket = self.station.socket.try_clone()?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (began, stopped) = (self.began, Arc::clone(&stop));
        let reader = std::thread::spawn(move || read(&socket, began, &stopped));
        let sent = pace(&mut self.autopilot, self.began, per_s, seconds)?;
        std::thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::Relaxed);
        let late_ms = reader
            .join()
            .map_err(|_| anyhow::anyhow!("the reader died"))?;
        Ok(Stream {
            sent,
            late_ms,
            cpu_s: self.cpu_s()? - cpu,
        })
    }

    /// The same stamped frames straight from socket to socket, without a companion between: what this machine adds.
    fn direct(per_s: f64, seconds: f64) -> anyhow::Result<f64> {
        let began = Instant::now();
        let to = std::net::UdpSocket::bind("127.0.0.1:0")?;
        to.set_read_timeout(Some(Duration::from_millis(20)))?;
        let mut from = Line::new("127.0.0.1:0", Some(to.local_addr()?), (1, 1))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let reader = std::thread::spawn(move || read(&to, began, &stopped));
        pace(&mut from, began, per_s, seconds)?;
        stop.store(true, Ordering::Relaxed);
        let mut late_ms = reader
            .join()
            .map_err(|_| anyhow::anyhow!("the reader died"))?;
        Ok(quantile(&mut late_ms, 0.99))
    }

    /// Commands that are refused, and how long each answer took, ms.
    fn commands(&mut self, n: usize) -> anyhow::Result<Vec<f64>> {
        let mut out = Vec::new();
        for _ in 0..n {
            self.station
                .send(MavMessage::COMMAND_LONG(COMMAND_LONG_DATA {
                    command: MavCmd::MAV_CMD_DO_FLIGHTTERMINATION,
                    target_system: 1,
                    target_component: 1,
                    ..COMMAND_LONG_DATA::default()
                }));
            let sent = Instant::now();
            let mut answered = false;
            while !answered && sent.elapsed() < Duration::from_secs(1) {
                answered = self.station.heard().iter().any(|m| {
                    matches!(m, Msg::Common(m) if matches!(m.as_ref(), MavMessage::COMMAND_ACK(_)))
                });
            }
            out.push(if answered {
                sent.elapsed().as_secs_f64() * 1e3
            } else {
                f64::INFINITY
            });
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(out)
    }
}

/// Sends stamped frames at a rate for a while; how many.
fn pace(line: &mut Line, began: Instant, per_s: f64, seconds: f64) -> anyhow::Result<u64> {
    let start = Instant::now();
    let mut sent = 0u64;
    while start.elapsed().as_secs_f64() < seconds {
        let due = (start.elapsed().as_secs_f64() * per_s) as u64;
        while sent < due {
            let mut p = [1u8; PAYLOAD];
            let at = u64::try_from(began.elapsed().as_micros()).unwrap_or(0);
            if let Some(to) = p.get_mut(..8) {
                to.copy_from_slice(&at.to_le_bytes());
            }
            let f = line.stamper.raw(ID, &p).context("the id is known")?;
            line.bytes(f.bytes());
            sent += 1;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(sent)
}

struct Stream {
    sent: u64,
    late_ms: Vec<f64>,
    cpu_s: f64,
}

fn read(socket: &std::net::UdpSocket, began: Instant, stop: &AtomicBool) -> Vec<f64> {
    let mut framer = link::frame::Framer::new();
    let mut buf = vec![0u8; 64 << 10];
    let mut late_ms = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(n) = socket.recv(&mut buf) else {
            continue;
        };
        let at = u64::try_from(began.elapsed().as_micros()).unwrap_or(0);
        framer.push(missions::time::Mono(at), buf.get(..n).unwrap_or(&[]));
        while let Some(f) = framer.next_frame() {
            if f.header().msg_id == ID
                && let Some(stamp) = f.payload().first_chunk::<8>()
            {
                late_ms.push(at.saturating_sub(u64::from_le_bytes(*stamp)) as f64 / 1e3);
            }
        }
    }
    late_ms
}

/// Runs the rows.
pub fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if bench.wants("throughput") {
        let mut house = House::new()?;
        let s = house.stream(FAST, SECONDS)?;
        let per_cpu_s = s.late_ms.len() as f64 / s.cpu_s.max(1e-3);
        rows.push(row(
            format!(
                "throughput: messages a CPU-second, to one station (offered {:.0}/s, {} of {} arrived)",
                s.sent as f64 / SECONDS,
                s.late_ms.len(),
                s.sent
            ),
            ">= 150000",
            per_cpu_s,
            per_cpu_s >= 150_000.0,
        ));
    }
    if bench.wants("steady") {
        let mut house = House::new()?;
        let mut s = house.stream(STEADY, SECONDS)?;
        let lost = s.sent.saturating_sub(s.late_ms.len() as u64);
        let alone_ms = quantile(&mut s.late_ms, 0.99);
        rows.push(none(
            format!(
                "steady: lost of {} at {:.0}/s",
                s.sent,
                s.sent as f64 / SECONDS
            ),
            usize::try_from(lost).unwrap_or(usize::MAX),
        ));
        let direct_ms = House::direct(STEADY, 2.0)?;
        rows.push(at_most(
            format!(
                "steady: latency p99, ms (socket to socket without a companion {direct_ms:.2})"
            ),
            2.0,
            alone_ms,
        ));
    }
    if bench.wants("slow-client") {
        // Before and with it in one house: another one, a minute later, would be another machine's load.
        let mut house = House::new()?;
        let alone_ms = quantile(&mut house.stream(STEADY, SECONDS)?.late_ms, 0.99);
        // It connects, reads a little, and never again.
        let mut client = TcpStream::connect(("127.0.0.1", house.second))?;
        let _ = client.read(&mut [0u8; 16]);
        let mut s = house.stream(STEADY, SECONDS)?;
        let with_ms = quantile(&mut s.late_ms, 0.99);
        let lost = s.sent.saturating_sub(s.late_ms.len() as u64);
        rows.push(at_most(
            format!("slow-client: added to the other's p99 of {alone_ms:.2} ms, ms ({lost} lost)"),
            1.0,
            with_ms - alone_ms,
        ));
        drop(client);
    }
    if bench.wants("garbage") {
        let mut house = House::new()?;
        let quiet_ms = quantile(&mut house.commands(100)?, 0.99);
        let second = house.second;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let flood = std::thread::spawn(move || flood(second, &stopped));
        let mut late = house.commands(300)?;
        stop.store(true, Ordering::Relaxed);
        let sent_per_s = flood.join().unwrap_or(Ok(0.0))?;
        rows.push(at_most(
            format!("garbage: command to answer p99, ms, under {sent_per_s:.0} pieces of garbage a second (without {quiet_ms:.1})"),
            20.0,
            quantile(&mut late, 0.99),
        ));
    }
    Ok(rows)
}

/// Garbage over the second line, with start bytes in it; how many pieces a second went in.
fn flood(port: u16, stop: &AtomicBool) -> anyhow::Result<f64> {
    use std::io::Write;
    let mut to = TcpStream::connect(("127.0.0.1", port))?;
    to.set_nonblocking(true)?;
    let start = Instant::now();
    let (mut sent, mut x) = (0u64, 0x2545_F491_4F6C_DD1Du64);
    while !stop.load(Ordering::Relaxed) {
        let due = (start.elapsed().as_secs_f64() * GARBAGE) as u64;
        while sent < due {
            let mut piece = [0u8; 40];
            for b in &mut piece {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                *b = x as u8;
            }
            piece[0] = if sent.is_multiple_of(2) { 0xFD } else { 0xFE };
            // A full line is the companion's right: what does not fit is not sent.
            let _ = to.write(&piece);
            sent += 1;
        }
        let _ = to.read(&mut [0u8; 4_096]);
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(sent as f64 / start.elapsed().as_secs_f64())
}
