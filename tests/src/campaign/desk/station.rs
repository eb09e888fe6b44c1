//! The real console and desk as a process of their own: this binary started again.
//!
//! Nobody logs in, as in the demonstration: what is measured is what is behind the door.

use crate::process::cpu_s;
use anyhow::Context;
use ground_station::console::{Entrance, ServeSetup, serve};
use ground_station::desk::{DeskConfig, key_file};
use ground_station::evidence::key::Signer;
use link_io::Endpoint;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The hidden subcommand.
#[derive(clap::Args, Clone, Debug)]
pub struct StationArgs {
    dir: PathBuf,
    /// Ports of the aircraft's lines, on the loopback.
    #[arg(value_delimiter = ',')]
    ports: Vec<u16>,
}

/// Serves until interrupted.
///
/// # Errors
/// What the console says.
pub fn run(a: &StationArgs) -> anyhow::Result<()> {
    let links = a
        .ports
        .iter()
        .map(|p| Endpoint::UdpListen(format!("127.0.0.1:{p}")))
        .collect();
    let setup = ServeSetup {
        links,
        http: SocketAddr::from(([127, 0, 0, 1], 0)),
        entrance: Entrance::Open {
            officer: "load".into(),
        },
        tls: None,
        names: Vec::new(),
        store: store(&a.dir),
        record: Some(record(&a.dir)),
        signer: Some(Signer::from_seed(&[7; 32])),
        seal: true,
        desk: DeskConfig::default(),
        plan: None,
        plans: Vec::new(),
        vehicle: None,
        rehearse: None,
        rerun: None,
        lang: None,
        json: false,
    };
    serve(setup, |said| {
        println!("{}", said.at);
        let _ = std::io::stdout().flush();
    })
}

/// The desk's store in the campaign's folder.
pub fn store(dir: &Path) -> PathBuf {
    dir.join("ground")
}

/// The recording in the campaign's folder.
pub fn record(dir: &Path) -> PathBuf {
    dir.join("flight")
}

/// A station that runs; it ends with this.
pub struct Station {
    child: Child,
    /// Where its page is.
    pub at: SocketAddr,
}

impl Station {
    /// Starts one with lines on these ports, each with the key of its aircraft.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(dir: &Path, ports: &[u16]) -> anyhow::Result<Station> {
        let store = store(dir);
        std::fs::create_dir_all(&store)?;
        for n in (1u8..).take(ports.len()) {
            std::fs::write(store.join(key_file(n)), super::fleet::key(n).to_hex())?;
        }
        let log = std::fs::File::create(dir.join("station.log"))?;
        let list: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let mut child = Command::new(std::env::current_exe()?)
            .arg("__desk-station")
            .arg(dir)
            .arg(list.join(","))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let out = child.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        match line.trim().parse() {
            Ok(at) => Ok(Station { child, at }),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                anyhow::bail!(
                    "the station does not come up: {}",
                    std::fs::read_to_string(dir.join("station.log")).unwrap_or_default()
                )
            }
        }
    }

    /// Its memory, MB (10⁶ bytes).
    ///
    /// # Errors
    /// Where the kernel does not tell: on anything but Linux.
    pub fn rss_mb(&self) -> anyhow::Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kb: f64 = text
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:"))
            .and_then(|l| l.trim().strip_suffix("kB"))
            .context("no VmRSS in /proc")?
            .trim()
            .parse()?;
        Ok(kb * 1_024.0 / 1e6)
    }

    /// CPU seconds it has used.
    ///
    /// # Errors
    /// Where the kernel does not tell.
    pub fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s(self.child.id())
    }

    /// As Ctrl-C: it closes its recording.
    ///
    /// # Errors
    /// When it did not end well.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT)?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the station ended with {status}");
        Ok(())
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
