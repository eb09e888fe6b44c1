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
    net::{SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};

/// The hidden first argument of the simulator.
const SIM: &str = "__sim";
/// The hidden first argument of the companion.
const ONBOARD: &str = "__onboard";
/// The hidden first argument of the companion's eyes, which the companion starts itself.
const EYES: &str = "__eyes";
/// Ports in a row are looked for so often.
const BLOCK_TRIES: usize = 64;

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

/// What is simulated: which autopilot, from which seed, over which venue (GeoJSON; `None`: the Sixi River).
#[derive(Clone, Debug)]
pub struct World {
    /// Autopilot.
    pub kind: AutopilotKind,
    /// Everything random follows from it.
    pub seed: u64,
    /// The venue, with a launch site for each aircraft.
    pub venue: Option<String>,
}

/// Simulated aircraft with their companions: a companion and its eyes are processes of their own for each aircraft, as they are
/// computers of their own aloft; the world that all of them are in is one.
pub struct Aircraft {
    children: Vec<(String, Child, PathBuf)>,
    /// Where each companion sends to: the ground station listens here (`host:port`, UDP).
    pub grounds: Vec<String>,
}

impl Aircraft {
    /// Starts `number` of them. Logs and the companions' stores go to `dir`; the keys of their flight logs do not, for `dir` is
    /// handed on: they are beside `record_key`, which is the first one's.
    ///
    /// # Errors
    /// When no ports are free, the folder cannot be written, or the program cannot be started again.
    pub fn start(world: &World, number: u8, dir: &Path, record_key: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("creating the folder {}", dir.display()))?;
        // The simulator counts ports up from those of its first aircraft.
        let [autopilot, sensor] = [free_block(number, free_udp)?, free_block(number, free_udp)?];
        let camera = free_block(number, free_tcp)?;
        let mut aircraft = Aircraft {
            children: Vec::new(),
            grounds: Vec::new(),
        };
        let rules = dir.join("rules.toml");
        let (text, serials) = demo_identities(number)?;
        std::fs::write(&rules, text).with_context(|| format!("writing {}", rules.display()))?;
        for (n, serial) in (0..number).zip(serials) {
            // One alone is called as it always was.
            let named = |what: &str| match number {
                1 => what.to_owned(),
                _ => format!("{what}-{}", n + 1),
            };
            let ground = local(free(free_udp)?);
            let settings = dir.join(format!("{}.toml", named("onboard")));
            // TOML's basic strings escape as Rust's debug format does, for whatever a path holds.
            let text = format!(
                "eyes_rules = {:?}\n[settings]\nown_remote_id = {serial:?}\n",
                std::path::absolute(&rules)?.display().to_string()
            );
            std::fs::write(&settings, text)
                .with_context(|| format!("writing {}", settings.display()))?;
            let key = match n {
                0 => record_key.to_owned(),
                _ => record_key.with_file_name(format!("demo-aircraft-{}.key", n + 1)),
            };
            let at = |port: u16| local(port + u16::from(n));
            aircraft.spawn(
                &named("onboard"),
                dir,
                &[
                    ONBOARD.into(),
                    "--config".into(),
                    settings.display().to_string(),
                    "--autopilot".into(),
                    format!("udp:{}", at(autopilot)),
                    "--ground".into(),
                    format!("udp:{ground}"),
                    "--camera".into(),
                    format!("tcp:{}", at(camera)),
                    "--sensor".into(),
                    format!("udp:{}", at(sensor)),
                    "--store".into(),
                    dir.join(named("aircraft")).display().to_string(),
                    "--record-key".into(),
                    key.display().to_string(),
                ],
            )?;
            aircraft.grounds.push(ground);
        }
        let mut args = vec![
            SIM.into(),
            "--as".into(),
            kind_name(world.kind).into(),
            "--seed".into(),
            world.seed.to_string(),
            "--autopilot".into(),
            format!("udp:{}", local(autopilot)),
            "--camera".into(),
            format!("tcp-listen:{}", local(camera)),
            "--sensor".into(),
            format!("udp:{}", local(sensor)),
        ];
        if number > 1 {
            args.extend(["--aircraft".into(), number.to_string()]);
        }
        if let Some(venue) = &world.venue {
            let file = dir.join("venue.geojson");
            std::fs::write(&file, venue).with_context(|| format!("writing {}", file.display()))?;
            args.extend(["--venue".into(), file.display().to_string()]);
        }
        aircraft.spawn("sim", dir, &args)?;
        Ok(aircraft)
    }

    fn spawn(&mut self, name: &str, dir: &Path, args: &[String]) -> anyhow::Result<()> {
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
        self.children.push((name.to_owned(), child, log));
        Ok(())
    }

    /// The children that have ended by themselves since this was last asked, with where their logs are.
    pub fn ended(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.children.retain_mut(|(name, child, log)| {
            let Some(status) = child.try_wait().ok().flatten() else {
                return true;
            };
            out.push(format!(
                "{name} stopped ({status}); its log is {}",
                log.display()
            ));
            false
        });
        out
    }
}

impl Drop for Aircraft {
    fn drop(&mut self) {
        // All at once, then each in turn: fifty that end one after the other take their time.
        for (_, child, _) in &mut self.children {
            let _ = child.kill();
        }
        for (_, child, _) in &mut self.children {
            let _ = child.wait();
        }
    }
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn free_udp(port: u16) -> std::io::Result<SocketAddr> {
    UdpSocket::bind(("127.0.0.1", port))?.local_addr()
}

fn free_tcp(port: u16) -> std::io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", port))?.local_addr()
}

fn free(bind: impl Fn(u16) -> std::io::Result<SocketAddr>) -> anyhow::Result<u16> {
    Ok(bind(0).context("looking for a free port")?.port())
}

/// The first of so many ports in a row that nobody uses.
fn free_block(
    number: u8,
    bind: impl Fn(u16) -> std::io::Result<SocketAddr>,
) -> anyhow::Result<u16> {
    for _ in 0..BLOCK_TRIES {
        let first = free(&bind)?;
        let row = (1..u16::from(number)).map(|n| first.checked_add(n));
        if row.flatten().filter(|p| bind(*p).is_ok()).count() + 1 == usize::from(number) {
            return Ok(first);
        }
    }
    anyhow::bail!("no {number} ports in a row are free")
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
