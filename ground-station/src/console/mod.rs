//! The officer's page and what stands behind it: one task owns the core (the desk, or a recording that plays), all
//! others only pass messages to it.
//!
//! A shell: sockets, files, tasks and the clock. Nothing here can delay flight: pages, recorder and viewer each have a
//! bounded queue, and whoever is slow loses its own place. Listens on this machine only.

mod flight;
mod http;
mod hub;
mod import;
mod listener;
mod live;
mod pages;
mod planning;
mod playback;
mod rehearsals;
#[cfg(test)]
mod tests;

use crate::desk::DeskConfig;
use crate::evidence::key::Signer;
use anyhow::Context;
use axum::body::Bytes;
use http::{App, Ask, Site};
use hub::Previews;
use link_io::Endpoint;
use missions::plan::PatrolPlan;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Time between two batches of positions.
const BATCH_EVERY: Duration = Duration::from_millis(100);
/// A batch goes out at least this often, so that the page knows that the server lives.
const BATCH_AT_LEAST: Duration = Duration::from_millis(900);
/// Pages get this long to part.
const PARTING: Duration = Duration::from_secs(1);

/// Rehearses a plan with the autopilot of this word (`px4` or `ardupilot`). Takes seconds; told the part that is done, the
/// caller says whether to go on. Whether it passed, and the result for the page; `None`: broken off.
pub type Rehearse =
    fn(&PatrolPlan, &str, &mut dyn FnMut(f64) -> bool) -> anyhow::Result<Option<(bool, Value)>>;

/// A console beside a flight.
#[derive(Clone, Debug)]
pub struct ServeSetup {
    /// One line for each aircraft.
    pub links: Vec<Endpoint>,
    /// Where the page is served: an address of this machine, port 0 for any.
    pub http: SocketAddr,
    /// Anomalies, pictures, decisions: the desk's disk.
    pub store: PathBuf,
    /// Where to record: this folder, or one beside it when a recording is in it. `None`: nowhere.
    pub record: Option<PathBuf>,
    /// The station's key, which signs what is recorded.
    pub signer: Option<Signer>,
    /// Write the closing manifest at the end; otherwise the caller does.
    pub seal: bool,
    /// The desk.
    pub desk: DeskConfig,
    /// plan.json to load at the start.
    pub plan: Option<Vec<u8>>,
    /// What plans are made for; `None`: the loaded plan's vehicle, or the simulator's.
    pub vehicle: Option<missions::vehicle::VehicleSpec>,
    /// Who rehearses plans before they may fly; `None`: nobody, and none is asked for.
    pub rehearse: Option<Rehearse>,
    /// A running Rerun viewer.
    pub rerun: Option<String>,
    /// The page's language; `None`: the browser's.
    pub lang: Option<String>,
    /// Print every event as a line of JSON.
    pub json: bool,
}

/// A recording on the same page.
#[derive(Clone, Debug)]
pub struct ReplaySetup {
    /// The flight's folder, a folder of flights (the newest by name), or a log: .tlog, .ulg, .bin.
    pub dir: PathBuf,
    /// Where the page is served: an address of this machine, port 0 for any.
    pub http: SocketAddr,
    /// Pace at the start, 0.25 to 16 times real time.
    pub speed: f64,
    /// The page's language; `None`: the browser's.
    pub lang: Option<String>,
    /// A running Rerun viewer: gets the whole recording.
    pub rerun: Option<String>,
}

/// Serves the page beside a flight until interrupted. `ready` is called once, when the page can be opened.
///
/// # Errors
/// When the address is not this machine's own, the port is taken, or store or recording cannot be opened.
pub fn serve(setup: ServeSetup, ready: impl FnOnce(SocketAddr) + Send) -> anyhow::Result<()> {
    runtime()?.block_on(flight::serve_until(setup, ready, link_io::stopped()))
}

/// Serves a recording until interrupted. `ready` is called once, when the page can be opened.
///
/// # Errors
/// When the address is not this machine's own, the port is taken, or the folder holds no recording.
pub fn replay(setup: ReplaySetup, ready: impl FnOnce(SocketAddr) + Send) -> anyhow::Result<()> {
    runtime()?.block_on(playback::replay_until(setup, ready, link_io::stopped()))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // The core runs on the calling thread; these serve lines and pages.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// Binds the page's port; refuses any address that others could reach.
async fn bind(at: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    anyhow::ensure!(
        at.ip().is_loopback(),
        "{at} can be reached from other machines, and the page has no passwords. Use 127.0.0.1:{}",
        at.port()
    );
    let listener = TcpListener::bind(at)
        .await
        .with_context(|| format!("cannot serve the page on {at} (is another one running?)"))?;
    let at = listener.local_addr().context("the page's own address")?;
    Ok((listener, at))
}

/// A token that no other page can guess: the hash of two numbers keyed by the system's randomness (128 bits, drawn by
/// the standard library when the first [`RandomState`] of a thread is made).
fn token() -> String {
    use sha2::Digest;
    use std::hash::{BuildHasher, RandomState};
    let keys = RandomState::new();
    let mut hash = sha2::Sha256::new();
    for n in 0u64..4 {
        hash.update(keys.hash_one(n).to_le_bytes());
    }
    let hash: [u8; 32] = hash.finalize().into();
    missions::plan::hex(&hash)
}

/// The page's server, running.
struct Server {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Server {
    fn start(
        listener: TcpListener,
        site: Site,
        asks: mpsc::Sender<Ask>,
        batches: watch::Receiver<Bytes>,
        previews: watch::Receiver<Previews>,
    ) -> Server {
        let router = http::router(App {
            site: Arc::new(site),
            asks,
            batches,
            previews,
            planning: Arc::new(Semaphore::new(1)),
            imported: Arc::default(),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let served = axum::serve(listener::Bounded::new(listener), router)
                .with_graceful_shutdown(async move {
                    let _ = stopped.await;
                })
                .await;
            if let Err(e) = served {
                tracing::error!("the page's server ended: {e}");
            }
        });
        Server { task, stop }
    }

    /// Ends it; pages that do not part are cut.
    async fn stop(self) {
        let _ = self.stop.send(());
        let mut task = self.task;
        if tokio::time::timeout(PARTING, &mut task).await.is_err() {
            task.abort();
        }
    }
}
