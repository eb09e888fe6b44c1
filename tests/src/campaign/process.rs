//! Real programs and real sockets, for campaigns that need them.

#![expect(
    clippy::disallowed_methods,
    reason = "real programs run by the real clock, which sets their deadlines"
)]

use anyhow::Context;
use link::common::{HEARTBEAT_DATA, MavAutopilot, MavMessage, MavModeFlag, MavState, MavType};
use link::frame::{Framer, Msg, Outgoing, Stamper};
use missions::time::Mono;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The three programs in one file beside this one.
fn programs() -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let there = me.with_file_name("programs");
    let in_deps = me
        .parent()
        .and_then(Path::parent)
        .map(|d| d.join("programs"));
    [Some(there), in_deps]
        .into_iter()
        .flatten()
        .find(|p| p.is_file())
        .context(
            "the binary `programs` is not beside `campaign`: cargo build --release -p patrol-tests",
        )
}

/// CPU seconds that a running program has used, its own and the kernel's for it.
///
/// # Errors
/// Where the kernel does not tell.
pub fn cpu_s(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .context("CPU time is read from /proc")?;
    // After the name in brackets; utime and stime are the 14th and 15th fields, in ticks of 10 ms.
    let rest = stat.rsplit(')').next().unwrap_or("");
    let ticks: f64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<f64>().ok())
        .sum();
    Ok(ticks / 100.0)
}

/// A program of ours; it ends with this.
pub struct Running(pub Child);

impl Running {
    /// One of the three programs with its arguments; settings in the environment do not reach it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(arguments: &[&str]) -> anyhow::Result<Running> {
        let mut command = Command::new(programs()?);
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("PATROL_") {
                command.env_remove(key);
            }
        }
        Ok(Running(
            command
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?,
        ))
    }
    /// SIGKILL.
    ///
    /// # Errors
    /// When it is not there any more.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A socket with frames on it.
pub struct Line {
    /// The socket.
    pub socket: UdpSocket,
    /// Who is spoken to: given, or heard last.
    pub peer: Option<SocketAddr>,
    framer: Framer,
    /// Own identity.
    pub stamper: Stamper,
    began: Instant,
}

impl Line {
    /// Bound to an address.
    ///
    /// # Errors
    /// When that is not free.
    pub fn new(bind: &str, peer: Option<SocketAddr>, id: (u8, u8)) -> anyhow::Result<Line> {
        let socket = UdpSocket::bind(bind)?;
        socket.set_read_timeout(Some(Duration::from_millis(2)))?;
        Ok(Line {
            socket,
            peer,
            framer: Framer::new(),
            stamper: Stamper::new(id.0, id.1),
            began: Instant::now(),
        })
    }
    /// Own port.
    ///
    /// # Errors
    /// Never in practice.
    pub fn port(&self) -> anyhow::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }
    /// Sends a message.
    pub fn send(&mut self, m: impl Into<Outgoing>) {
        let f = self.stamper.frame(m);
        self.bytes(f.bytes());
    }
    /// Sends bytes.
    pub fn bytes(&self, b: &[u8]) {
        if let Some(p) = self.peer {
            // Nobody there is what this is about.
            let _ = self.socket.send_to(b, p);
        }
    }
    /// What arrived; waits 2 ms at most for nothing.
    pub fn heard(&mut self) -> Vec<Msg> {
        let mut out = Vec::new();
        let mut buf = [0u8; 4_096];
        while let Ok((n, from)) = self.socket.recv_from(&mut buf) {
            self.peer = Some(from);
            let now = Mono(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX));
            self.framer.push(now, buf.get(..n).unwrap_or(&[]));
            while let Some(f) = self.framer.next_frame() {
                out.push(f.decode());
            }
            if out.len() > 500 {
                break;
            }
        }
        out
    }
}

/// As an autopilot says it.
#[must_use]
pub fn autopilot_heartbeat() -> MavMessage {
    heartbeat(true)
}
/// As a station says it.
#[must_use]
pub fn station_heartbeat() -> MavMessage {
    heartbeat(false)
}

fn heartbeat(autopilot: bool) -> MavMessage {
    MavMessage::HEARTBEAT(HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype: if autopilot {
            MavType::MAV_TYPE_QUADROTOR
        } else {
            MavType::MAV_TYPE_GCS
        },
        autopilot: if autopilot {
            MavAutopilot::MAV_AUTOPILOT_PX4
        } else {
            MavAutopilot::MAV_AUTOPILOT_INVALID
        },
        base_mode: MavModeFlag::empty(),
        system_status: MavState::MAV_STATE_STANDBY,
        mavlink_version: 3,
    })
}

/// A UDP port that nobody uses.
///
/// # Errors
/// When there is none.
pub fn free_udp_port() -> anyhow::Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}
