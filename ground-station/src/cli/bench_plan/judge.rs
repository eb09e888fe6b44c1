//! Who measures a plan: the neutral judge as a child process, or our own measure.

use crate::cli::geometry::ground::Ground;
use crate::cli::measure::{self, Measured};
use crate::cli::plan::drawn::Drawn;
use anyhow::{Context, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A judgement takes no longer than this.
const LIMIT: Duration = Duration::from_secs(900);
/// Between two looks whether it is done.
const LOOK: Duration = Duration::from_millis(20);

/// Who measures.
pub(super) enum Judge {
    Child { script: PathBuf, python: PathBuf },
    Own,
}

impl Judge {
    pub(super) fn new(script: Option<PathBuf>, python: PathBuf) -> anyhow::Result<Judge> {
        match script {
            None => Ok(Judge::Own),
            Some(s) if s.is_file() => Ok(Judge::Child { script: s, python }),
            Some(s) => bail!("--judge {}: no such file", s.display()),
        }
    }

    /// For the table.
    pub(super) fn name(&self) -> String {
        match self {
            Judge::Child { script, .. } => script
                .file_name()
                .map_or_else(|| "judge".into(), |n| n.to_string_lossy().into_owned()),
            Judge::Own => "own measure".into(),
        }
    }

    /// Measures a drawing over its venue. `work` takes the files that a child reads.
    pub(super) fn measure(
        &self,
        venue: &Path,
        ground: &Ground,
        drawn: &Drawn,
        swath_m: f64,
        margin_m: f64,
        work: &Path,
    ) -> anyhow::Result<Measured> {
        match self {
            Judge::Own => {
                let ways: Vec<_> = drawn.routes.iter().map(|r| r.places.clone()).collect();
                Ok(measure::measure(&ground.target, &ways, swath_m, margin_m))
            }
            Judge::Child { script, python } => {
                let path = work.join("judged.geojson");
                std::fs::write(&path, drawn.encode(&path, 0.0)?)?;
                let out = work.join("judged.json");
                let mut child = Command::new(python)
                    .arg(script)
                    .arg("--venue")
                    .arg(venue)
                    .arg("--path")
                    .arg(&path)
                    .args([
                        "--swath",
                        &swath_m.to_string(),
                        "--margin",
                        &margin_m.to_string(),
                    ])
                    .args(["--no-home", "--json"])
                    .stdin(Stdio::null())
                    .stdout(std::fs::File::create(&out)?)
                    .stderr(Stdio::inherit())
                    .spawn()
                    .with_context(|| format!("cannot start {}", python.display()))?;
                wait(&mut child)?;
                read(&std::fs::read_to_string(&out)?)
            }
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a shell that waits for its child; std has no wait with a limit"
)]
fn wait(child: &mut std::process::Child) -> anyhow::Result<()> {
    let clock = link_io::Clock::start();
    loop {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        if clock.now().mono.since(missions::time::Mono::ZERO) > LIMIT {
            child.kill()?;
            child.wait()?;
            bail!("the judge took more than {} s", LIMIT.as_secs());
        }
        std::thread::sleep(LOOK);
    }
}

fn read(text: &str) -> anyhow::Result<Measured> {
    let v: Value = serde_json::from_str(text).context("the judge did not answer in JSON")?;
    let f = |k: &str| {
        v.get(k)
            .and_then(Value::as_f64)
            .with_context(|| format!("the judge says nothing of {k}"))
    };
    Ok(Measured {
        outside_m: f("outside_m")? + f("in_excl_m")?,
        under_margin_m: f("under_margin_m")?,
        min_clear_m: f("min_clear_m")?,
        coverage: f("coverage_pct")? / 100.0,
        coverage_reachable: f("cov_reach_pct")? / 100.0,
        length_m: f("length_m")?,
        ratio: f("ratio")?,
        balance: f("balance")?,
        legal: v.get("legal").and_then(Value::as_bool).unwrap_or(false),
    })
}
