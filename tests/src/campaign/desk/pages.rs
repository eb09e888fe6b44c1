//! Browsers as the console sees them: one that reads at once, one on a slow line, one that stops reading.

#![expect(
    clippy::disallowed_methods,
    reason = "real sockets by the real clock: that is what is measured"
)]

use super::fleet::first_lat_e7;
use anyhow::{Context, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A page is let in within this, or it tries again.
const UP: Duration = Duration::from_secs(5);
/// A page that was closed comes back after this, as the real one does.
const BACK: Duration = Duration::from_millis(250);
/// It gives up after so many tries.
const MOST_REFUSED: u64 = 100;
/// What a slow line carries, bytes each…
const SIP: usize = 1_200;
/// … so often: 12 kB/s, half of what fifty aircraft send.
const SIP_EVERY: Duration = Duration::from_millis(100);
/// One that stops reading is opened anew after this: an officer loads the page again.
const STALLED_FOR: Duration = Duration::from_secs(45);
/// Header of a batch and bytes of an aircraft in it (`web/API.md`).
const HEAD: usize = 13;
const ENTRY: usize = 48;

/// What one page heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// Anomalies by id: when it was first shown, and how many messages were about it.
    pub anomalies: BTreeMap<String, (Instant, u32)>,
    /// Ids that came in a snapshot and not by themselves.
    pub from_snapshots: BTreeSet<String>,
    /// Batches.
    pub batches: u64,
    /// How old the oldest position of a batch was, milliseconds, each batch.
    pub age_ms: Vec<f64>,
    /// Batches, or positions in them, that were older than what was shown before.
    pub went_back: u64,
    /// Messages that were left out or came twice, by their sequence.
    pub gaps: u64,
    /// Times it was let in.
    pub opened: u64,
    /// Times it was not let in at once.
    pub refused: u64,
    /// Times it was closed by the server.
    pub closed: u64,
    /// Longest time without a batch, seconds.
    pub longest_silence_s: f64,
}

/// How a page reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// At once.
    Good,
    /// As a slow line lets it.
    Slow,
    /// Not at all.
    Stalled,
}

/// A page's socket, by hand (RFC 6455): server to page only.
struct Socket {
    stream: TcpStream,
    buf: Vec<u8>,
    /// What was read of `buf`.
    at: usize,
}

impl Socket {
    fn open(console: SocketAddr) -> anyhow::Result<Socket> {
        let mut stream = TcpStream::connect_timeout(&console, UP)?;
        stream.set_read_timeout(Some(UP))?;
        write!(
            stream,
            "GET /api/live HTTP/1.1\r\nHost: {console}\r\nOrigin: http://{console}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        let mut buf = Vec::new();
        loop {
            if let Some(cut) = buf.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(buf.get(..cut).unwrap_or(&[])).into_owned();
                if !head.starts_with("HTTP/1.1 101") {
                    bail!(
                        "the console answered {}",
                        head.lines().next().unwrap_or("nothing")
                    );
                }
                return Ok(Socket {
                    stream,
                    buf,
                    at: cut + 4,
                });
            }
            let mut more = [0u8; 4_096];
            let n = stream.read(&mut more)?;
            if n == 0 {
                bail!("closed before it was upgraded");
            }
            buf.extend_from_slice(more.get(..n).unwrap_or(&[]));
        }
    }

    /// Reads at most `most` bytes. `false`: closed.
    fn read(&mut self, most: usize) -> bool {
        let mut more = vec![0u8; most];
        match self.stream.read(&mut more) {
            Ok(0) => false,
            Ok(n) => {
                self.buf.drain(..self.at);
                self.at = 0;
                self.buf.extend_from_slice(more.get(..n).unwrap_or(&[]));
                true
            }
            Err(e) => matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }

    /// The next whole frame: its kind and what is in it.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let b = self.buf.get(self.at..)?;
        let (len, from) = match *b.get(1)? & 0x7F {
            126 => (
                usize::from(u16::from_be_bytes(b.get(2..4)?.try_into().ok()?)),
                4,
            ),
            127 => (
                usize::try_from(u64::from_be_bytes(b.get(2..10)?.try_into().ok()?)).ok()?,
                10,
            ),
            n => (usize::from(n), 2),
        };
        let kind = b.first()? & 0x0F;
        let payload = b.get(from..from + len)?.to_vec();
        self.at += from + len;
        Some((kind, payload))
    }
}

/// What a page keeps while it is connected.
#[derive(Default)]
struct Shown {
    seq: Option<u64>,
    batch: Option<u32>,
    /// Newest tick of each aircraft.
    ticks: BTreeMap<u8, i64>,
    last_batch: Option<Instant>,
}

/// How old a tick of an aircraft is: what the fleet knows.
pub type Age<'a> = &'a (dyn Fn(u8, i64) -> Option<f64> + Sync);

/// Runs a page until `stop`.
///
/// # Errors
/// When it is not let in for long.
pub fn page(
    console: SocketAddr,
    habit: Habit,
    stop: &AtomicBool,
    age: Age<'_>,
) -> anyhow::Result<Heard> {
    let mut heard = Heard::default();
    while !stop.load(Ordering::Relaxed) {
        let mut socket = match Socket::open(console) {
            Ok(s) => s,
            Err(e) => {
                heard.refused += 1;
                anyhow::ensure!(heard.refused < MOST_REFUSED, "a page is not let in: {e:#}");
                std::thread::sleep(BACK);
                continue;
            }
        };
        heard.opened += 1;
        if habit == Habit::Stalled {
            let began = Instant::now();
            while !stop.load(Ordering::Relaxed) && began.elapsed() < STALLED_FOR {
                std::thread::sleep(Duration::from_millis(50));
            }
            continue;
        }
        let mut shown = Shown::default();
        let wait = if habit == Habit::Slow { 5 } else { 20 };
        socket
            .stream
            .set_read_timeout(Some(Duration::from_millis(wait)))?;
        'open: while !stop.load(Ordering::Relaxed) {
            let most = if habit == Habit::Slow { SIP } else { 64 << 10 };
            if !socket.read(most) {
                break;
            }
            let now = Instant::now();
            while let Some((kind, payload)) = socket.frame() {
                match kind {
                    1 => text(&mut heard, &mut shown, now, &payload)?,
                    2 => batch(&mut heard, &mut shown, now, &payload, age),
                    8 => break 'open,
                    _ => {}
                }
            }
            if habit == Habit::Slow {
                std::thread::sleep(SIP_EVERY);
            }
        }
        if !stop.load(Ordering::Relaxed) {
            heard.closed += 1;
            std::thread::sleep(BACK);
        }
    }
    Ok(heard)
}

fn text(heard: &mut Heard, shown: &mut Shown, now: Instant, payload: &[u8]) -> anyhow::Result<()> {
    let v: Value = serde_json::from_slice(payload).context("a message that is no JSON")?;
    let seq = v.get("seq").and_then(Value::as_u64);
    let kind = v.get("type").and_then(Value::as_str).unwrap_or("");
    if let (Some(before), Some(seq)) = (shown.seq, seq)
        && kind != "snapshot"
        && seq != before + 1
    {
        heard.gaps += 1;
    }
    shown.seq = seq.or(shown.seq);
    let id = |a: &Value| a.get("id").and_then(Value::as_str).map(str::to_owned);
    match kind {
        "snapshot" => {
            let all = v.get("anomalies").and_then(Value::as_array);
            for id in all.into_iter().flatten().filter_map(id) {
                if !heard.anomalies.contains_key(&id) {
                    heard.from_snapshots.insert(id);
                }
            }
        }
        "anomaly" => {
            if let Some(id) = v.get("anomaly").and_then(id) {
                heard.anomalies.entry(id).or_insert((now, 0)).1 += 1;
            }
        }
        _ => {}
    }
    Ok(())
}

fn batch(heard: &mut Heard, shown: &mut Shown, now: Instant, b: &[u8], age: Age<'_>) {
    let word = |at: usize| Some(u32::from_le_bytes(b.get(at..at + 4)?.try_into().ok()?));
    let (Some(seq), Some(count)) = (word(0), b.get(HEAD - 1)) else {
        heard.gaps += 1;
        return;
    };
    if shown.batch.is_some_and(|before| seq <= before) {
        heard.went_back += 1;
    }
    shown.batch = Some(seq);
    if let Some(last) = shown.last_batch.replace(now) {
        let silence_s = now.duration_since(last).as_secs_f64();
        heard.longest_silence_s = heard.longest_silence_s.max(silence_s);
    }
    heard.batches += 1;
    let mut oldest: Option<f64> = None;
    for i in 0..usize::from(*count) {
        let at = HEAD + i * ENTRY;
        let (Some(&id), Some(lat)) = (b.get(at), word(at + 4)) else {
            heard.gaps += 1;
            return;
        };
        let tick = i64::from(lat.cast_signed()) - i64::from(first_lat_e7(id));
        if tick <= 0 {
            continue;
        }
        if shown.ticks.insert(id, tick).is_some_and(|t| t > tick) {
            heard.went_back += 1;
        }
        oldest = match (oldest, age(id, tick)) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }
    heard.age_ms.extend(oldest);
}
