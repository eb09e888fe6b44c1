//! The running binary started again as the simulated aircraft, its companion and the companion's eyes: how one
//! program is enough for `demo`.
//!
//! A shell: processes and ports. They meet over loopback sockets only, as real ones would.

use super::{campaign::kind_name, headless::demo_identities};
use anyhow::Context;
use sim::autopilot::AutopilotKind;
use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};

/// The hidden first argument of the simulator.
const SIM: &str = "__sim";
/// The hidden first argument of the companion.
const ONBOARD: &str = "__onboard";
/// The hidden first argument of the companion's eyes, which the companion starts itself.
const EYES: &str = "__eyes";

/// Runs as a child when the first argument says so; `None` when this is the ground station proper.
#[must_use]
pub fn run_as_child(args: &[OsString]) -> Option<ExitCode> {
    let which = args.get(1)?.to_str()?;
    let rest = || -> Vec<OsString> {
        args.first()
            .into_iter()
            .chain(args.iter().skip(2))
            .cloned()
            .collect()
    };
    match which {
        SIM => {
            end_with_the_parent();
            Some(sim::cli::main_from(rest()))
        }
        ONBOARD => {
            end_with_the_parent();
            Some(onboard::cli::main_from(rest()))
        }
        // The companion's own hidden subcommand; its pipe tells it when to end.
        EYES => Some(onboard::cli::main_from(args.to_vec())),
        _ => None,
    }
}

/// A child must not outlive `demo`, whatever kills that: the parent holds the other end of standard input.
fn end_with_the_parent() {
    std::thread::spawn(|| {
        let mut byte = [0u8; 64];
        loop {
            match std::io::stdin().read(&mut byte) {
                Ok(0) | Err(_) => std::process::exit(0),
                Ok(_) => {}
            }
        }
    });
}

/// A simulated aircraft with its companion, as processes of their own.
pub struct Aircraft {
    children: Vec<(&'static str, Child, PathBuf)>,
    /// Where the companion sends to: the ground station listens here (`host:port`, UDP).
    pub ground: String,
}

impl Aircraft {
    /// Starts both. Logs and the companion's store go to `dir`; the key of its flight log does not, for `dir` is handed on.
    ///
    /// # Errors
    /// When no ports are free, the folder cannot be written, or the program cannot be started again.
    pub fn start(
        kind: AutopilotKind,
        seed: u64,
        dir: &Path,
        record_key: &Path,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("creating the folder {}", dir.display()))?;
        let [autopilot, sensor, ground] = [free_udp()?, free_udp()?, free_udp()?];
        let camera = free_tcp()?;
        let mut aircraft = Aircraft {
            children: Vec::new(),
            ground: ground.clone(),
        };
        let rules = dir.join("rules.toml");
        let (text, own_remote_id) = demo_identities()?;
        std::fs::write(&rules, text).with_context(|| format!("writing {}", rules.display()))?;
        let settings = dir.join("onboard.toml");
        // TOML's basic strings escape as Rust's debug format does, for whatever a path holds.
        let text = format!(
            "eyes_rules = {:?}\n[settings]\nown_remote_id = {own_remote_id:?}\n",
            std::path::absolute(&rules)?.display().to_string()
        );
        std::fs::write(&settings, text)
            .with_context(|| format!("writing {}", settings.display()))?;
        aircraft.spawn(
            "onboard",
            dir,
            &[
                ONBOARD.into(),
                "--config".into(),
                settings.display().to_string(),
                "--autopilot".into(),
                format!("udp:{autopilot}"),
                "--ground".into(),
                format!("udp:{ground}"),
                "--camera".into(),
                format!("tcp:{camera}"),
                "--sensor".into(),
                format!("udp:{sensor}"),
                "--store".into(),
                dir.join("aircraft").display().to_string(),
                "--record-key".into(),
                record_key.display().to_string(),
            ],
        )?;
        aircraft.spawn(
            "sim",
            dir,
            &[
                SIM.into(),
                "--as".into(),
                kind_name(kind).into(),
                "--seed".into(),
                seed.to_string(),
                "--autopilot".into(),
                format!("udp:{autopilot}"),
                "--camera".into(),
                format!("tcp-listen:{camera}"),
                "--sensor".into(),
                format!("udp:{sensor}"),
            ],
        )?;
        Ok(aircraft)
    }

    fn spawn(&mut self, name: &'static str, dir: &Path, args: &[String]) -> anyhow::Result<()> {
        let exe = std::env::current_exe().context("finding the running program")?;
        let log = dir.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let child = Command::new(exe)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        self.children.push((name, child, log));
        Ok(())
    }

    /// The first child that has ended by itself, with where its log is.
    pub fn ended(&mut self) -> Option<String> {
        self.children.iter_mut().find_map(|(name, child, log)| {
            let status = child.try_wait().ok().flatten()?;
            Some(format!(
                "{name} stopped ({status}); its log is {}",
                log.display()
            ))
        })
    }
}

impl Drop for Aircraft {
    fn drop(&mut self) {
        for (_, child, _) in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_udp() -> anyhow::Result<String> {
    let s = UdpSocket::bind("127.0.0.1:0").context("looking for a free UDP port")?;
    Ok(s.local_addr()?.to_string())
}

fn free_tcp() -> anyhow::Result<String> {
    let s = TcpListener::bind("127.0.0.1:0").context("looking for a free TCP port")?;
    Ok(s.local_addr()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hidden_words_make_a_child() {
        for args in [
            &["gs"][..],
            &["gs", "serve"],
            &["gs", "--help"],
            &["gs", "sim"],
        ] {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            assert!(run_as_child(&args).is_none(), "{args:?}");
        }
    }
}
