//! Keeps the eyes' process alive: the same binary, started again whenever it dies, later each time.

use super::run::Event;
use crate::EyesProcess;
use crate::eyes::schema::{Down, FrameReader, encode};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Messages that may wait for the eyes; more are dropped.
pub const QUEUE: usize = 256;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A child that lived this long is healthy: the next wait is short again.
const HEALTHY: Duration = Duration::from_secs(60);
/// Deaths in a row after which an officer is told that the eyes have failed (they are still started again).
const FAILED_AFTER: u32 = 5;

/// Supervises until the core goes away.
pub async fn supervise(
    camera: Option<String>,
    sensor: Option<String>,
    diary: bool,
    events: mpsc::Sender<Event>,
    mut down: mpsc::Receiver<Down>,
) {
    let mut wait = FIRST_WAIT;
    let mut deaths = 0u32;
    loop {
        let started = Instant::now();
        if let Err(e) = once(&camera, &sensor, diary, &events, &mut down).await {
            let _ = events.send(Event::EyesTrouble(format!("eyes: {e}"))).await;
        }
        if events.is_closed() {
            return;
        }
        if started.elapsed() > HEALTHY {
            wait = FIRST_WAIT;
            deaths = 0;
        }
        deaths += 1;
        let state = if deaths >= FAILED_AFTER {
            EyesProcess::Failed
        } else {
            EyesProcess::Restarting
        };
        if events.send(Event::EyesProcess(state)).await.is_err() {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn once(
    camera: &Option<String>,
    sensor: &Option<String>,
    diary: bool,
    events: &mpsc::Sender<Event>,
    down: &mut mpsc::Receiver<Down>,
) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("__eyes");
    for (flag, value) in [("--camera", camera), ("--sensor", sensor)] {
        if let Some(v) = value {
            command.arg(flag).arg(v);
        }
    }
    if diary {
        command.arg("--diary");
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
        anyhow::bail!("no pipe");
    };
    // What waited is old; a fresh child is told its settings again.
    while down.try_recv().is_ok() {}
    events
        .send(Event::EyesProcess(EyesProcess::Running))
        .await?;
    let writer = async {
        while let Some(d) = down.recv().await {
            match encode(&d) {
                Ok(bytes) => to.write_all(&bytes).await?,
                // A pose with a NaN: the next one will do.
                Err(_) => continue,
            }
        }
        anyhow::Ok(())
    };
    let reader = async {
        let mut frames = FrameReader::default();
        let mut buf = vec![0u8; 64 << 10];
        loop {
            let n = from.read(&mut buf).await?;
            if n == 0 {
                anyhow::bail!("the process ended");
            }
            frames.push(buf.get(..n).unwrap_or(&[]));
            loop {
                match frames.next_frame() {
                    Ok(Some(up)) => events.send(Event::Up(up)).await?,
                    Ok(None) => break,
                    Err(crate::eyes::schema::PipeError::Json(_)) => {}
                    Err(e) => return Err(e.into()),
                }
            }
        }
    };
    tokio::select! { a = writer => a, b = reader => b }
}
