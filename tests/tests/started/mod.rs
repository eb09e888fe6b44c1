//! Programs started for real: their lines are read, their end is waited for, and none outlives its test.

// Each test file uses its own part of this.
#![allow(dead_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "real programs run by the real clock, which sets their deadlines"
)]

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, ttyname};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Lines that may wait for the test.
const LINES: usize = 100_000;

/// A running program.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    /// Everything it said so far, as far as it was looked at.
    pub said: Vec<String>,
}

impl Process {
    /// One of our three programs.
    pub fn start(program: &str, arguments: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
        command.arg(program).args(arguments);
        Process::of(program, command)
    }

    /// Any command. Settings in the environment of whoever runs the tests do not reach it.
    pub fn of(name: &str, mut command: Command) -> Process {
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("PATROL_") {
                command.env_remove(key);
            }
        }
        // A key of the tests' own: never that of whoever runs them.
        command.env(
            "PATROL_GROUND_KEY",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/station.key"),
        );
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let (send, lines) = sync_channel(LINES);
        read_lines(child.stdout.take().unwrap(), send.clone());
        read_lines(child.stderr.take().unwrap(), send);
        Process {
            name: name.to_owned(),
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Waits for a line with `needle` in it.
    pub fn wait_line(&mut self, needle: &str, limit: Duration) {
        let until = Instant::now() + limit;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.said.push(line);
                    if self.said.last().is_some_and(|l| l.contains(needle)) {
                        return;
                    }
                }
                Err(e) => panic!(
                    "{}: no line with {needle:?} ({e}); it said:\n{}",
                    self.name,
                    self.said.join("\n")
                ),
            }
        }
    }

    /// Waits until it ends by itself.
    pub fn wait_end(&mut self, limit: Duration) -> ExitStatus {
        let until = Instant::now() + limit;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.said.push(line),
                // Both pipes are closed: it has ended, or is about to.
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!(
                    "{}: still runs after {limit:?}; it said:\n{}",
                    self.name,
                    self.said.join("\n")
                ),
            }
        }
    }

    /// Asks it to end (SIGTERM), as a service manager does, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        self.wait_end(Duration::from_secs(10))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(pipe: impl Read + Send + 'static, send: SyncSender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { return };
            if send.send(line).is_err() {
                return;
            }
        }
    });
}

/// `N` UDP ports that nobody uses.
pub fn udp_ports<const N: usize>() -> [u16; N] {
    // All are held until all are known, so that they differ.
    let held: [UdpSocket; N] = std::array::from_fn(|_| UdpSocket::bind(("127.0.0.1", 0)).unwrap());
    held.map(|s| s.local_addr().unwrap().port())
}

/// A TCP port that nobody uses.
pub fn tcp_port() -> u16 {
    let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    held.local_addr().unwrap().port()
}

/// A serial cable: what goes in at one end comes out at the other, for as long as this lives.
pub struct Cable {
    /// Device of one end.
    pub a: PathBuf,
    /// Device of the other end.
    pub b: PathBuf,
    // Held open, so that an end which nobody has opened yet is not an error.
    _ends: [File; 2],
}

impl Cable {
    /// Two pseudo-terminals and two threads between them.
    pub fn new() -> Cable {
        let end = || {
            let pty = nix::pty::openpty(None, None).unwrap();
            // Without this the line echoes what it hears before a program has opened it.
            let mut raw = nix::sys::termios::tcgetattr(&pty.slave).unwrap();
            nix::sys::termios::cfmakeraw(&mut raw);
            nix::sys::termios::tcsetattr(&pty.slave, nix::sys::termios::SetArg::TCSANOW, &raw)
                .unwrap();
            let path = ttyname(&pty.slave).unwrap();
            (File::from(pty.master), File::from(pty.slave), path)
        };
        let ((master_a, slave_a, a), (master_b, slave_b, b)) = (end(), end());
        carry(master_a.try_clone().unwrap(), master_b.try_clone().unwrap());
        carry(master_b, master_a);
        Cable {
            a,
            b,
            _ends: [slave_a, slave_b],
        }
    }
}

fn carry(mut from: File, mut to: File) {
    std::thread::spawn(move || {
        let mut buf = [0u8; 4096];
        while let Ok(n @ 1..) = from.read(&mut buf) {
            if to.write_all(&buf[..n]).is_err() {
                return;
            }
        }
    });
}
