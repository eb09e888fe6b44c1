//! The officer's page and what stands behind it: one task owns the core (the desk, or a recording that plays), all
//! others only pass messages to it.
//!
//! A shell: sockets, files, tasks and the clock. Nothing here can delay flight: pages, recorder and viewer each have a
//! bounded queue, and whoever is slow loses its own place. Off this machine's loopback only with people and TLS.

mod casework;
#[cfg(test)]
mod casework_tests;
mod doors;
mod flight;
mod gate;
mod http;
mod hub;
mod import;
mod listener;
mod live;
mod openapi;
mod pages;
mod people;
#[cfg(test)]
mod people_tests;
mod planning;
mod playback;
mod refly;
mod rehearsals;
#[cfg(test)]
mod tests;
pub mod tls;

pub use doors::Entrance;
pub use refly::ReflyWish;

use crate::desk::DeskConfig;
use crate::evidence::key::Signer;
use crate::people::audit::Access;
use anyhow::Context;
use axum::body::Bytes;
use doors::Doors;
use http::{App, Ask, Shown, Site};
use hub::Previews;
use link_io::Endpoint;
use missions::plan::PatrolPlan;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
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

/// Flies the plan of a recording (its folder, or a folder of them) again. Takes seconds; the result for the page.
pub type Refly = fn(&Path, &ReflyWish) -> anyhow::Result<Value>;

/// A console beside a flight.
#[derive(Clone, Debug)]
pub struct ServeSetup {
    /// One line for each aircraft.
    pub links: Vec<Endpoint>,
    /// Where the page is served; port 0 for any.
    pub http: SocketAddr,
    /// Who is let in.
    pub entrance: Entrance,
    /// The page's certificate; off this machine's loopback there must be one.
    pub tls: Option<tls::Identity>,
    /// Names under which the page is reached, beside this machine's own.
    pub names: Vec<String>,
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
    /// plan.json to load at the start, for every aircraft.
    pub plan: Option<Vec<u8>>,
    /// plan.json of each aircraft, in their order.
    pub plans: Vec<Vec<u8>>,
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
    /// Flies the recording's plan again.
    pub refly: Option<Refly>,
    /// A line on which the recorded aircraft is heard as if it flew now, by QGroundControl for instance. It takes no orders.
    pub mavlink: Option<Endpoint>,
}

/// Serves the page beside a flight until interrupted. `ready` is called once, when the page can be opened.
///
/// # Errors
/// When the address is others' without people and TLS, the port is taken, or store or recording cannot be opened.
pub fn serve(setup: ServeSetup, ready: impl FnOnce(Ready) + Send) -> anyhow::Result<()> {
    runtime()?.block_on(flight::serve_until(setup, ready, link_io::stopped()))
}

/// Serves a recording until interrupted. `ready` is called once, when the page can be opened.
///
/// # Errors
/// When the address is not this machine's own, the port is taken, or the folder holds no recording.
pub fn replay(setup: ReplaySetup, ready: impl FnOnce(Ready) + Send) -> anyhow::Result<()> {
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

/// What is said when the page can be opened.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where it listens.
    pub at: SocketAddr,
    /// Its address.
    pub url: String,
    /// The certificate's fingerprint.
    pub fingerprint: Option<String>,
    /// The code that makes the first admin, where there is none.
    pub first_code: Option<String>,
}

/// The page's door to the world, open but not yet answering.
struct Front {
    listener: TcpListener,
    at: SocketAddr,
    tls: Option<tls::Identity>,
    names: Vec<String>,
    doors: Doors,
    first_code: Option<String>,
}

impl Front {
    /// Binds the port. Refuses an address that others could reach without passwords and TLS.
    async fn open(
        at: SocketAddr,
        entrance: Entrance,
        tls: Option<tls::Identity>,
        names: Vec<String>,
    ) -> anyhow::Result<Front> {
        doors::fit(at, &entrance, tls.is_some())?;
        let (doors, first_code) = Doors::open(entrance)?;
        let listener = listen(at)
            .with_context(|| format!("cannot serve the page on {at} (is another one running?)"))?;
        let at = listener.local_addr().context("the page's own address")?;
        Ok(Front {
            listener,
            at,
            tls,
            names,
            doors,
            first_code,
        })
    }

    /// Begins to answer.
    fn serve(
        self,
        shown: Shown,
        asks: mpsc::Sender<Ask>,
        batches: watch::Receiver<Bytes>,
        previews: watch::Receiver<Previews>,
    ) -> (Server, Ready) {
        let Front {
            listener,
            at,
            tls,
            names,
            doors,
            first_code,
        } = self;
        let scheme = if tls.is_some() { "https" } else { "http" };
        // An address that stands for all is no address to open.
        let host = match names.first() {
            Some(name) if !at.ip().is_loopback() => format!("{name}:{}", at.port()),
            _ if at.ip().is_unspecified() => format!("127.0.0.1:{}", at.port()),
            _ => at.to_string(),
        };
        let ready = Ready {
            at,
            url: format!("{scheme}://{host}/"),
            fingerprint: tls.as_ref().map(|t| t.fingerprint.clone()),
            first_code,
        };
        let site = Site {
            csrf: token(),
            tls: tls.is_some(),
            insist_on_tls: tls.as_ref().is_some_and(|t| t.given),
            names,
            at,
            shown,
        };
        let app = App {
            site: Arc::new(site),
            doors: Arc::new(doors),
            asks,
            batches,
            previews,
            planning: Arc::new(Semaphore::new(1)),
            imported: Arc::default(),
        };
        (Server::start(listener, tls.as_ref(), app), ready)
    }
}

/// What the system may hold back for one page, bytes: some seconds of fifty aircraft. With its usual megabytes a page behind a
/// slow line would show, as new, where aircraft were minutes ago.
const HELD_BACK: u32 = 32 * 1_024;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;

fn listen(at: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if at.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // As the library's own way to bind does it.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    // Every connection inherits it.
    socket.set_send_buffer_size(HELD_BACK)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
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

/// Looks at the file of people now and then, and tells the record what was counted meanwhile.
async fn look_after(app: App) {
    let mut every = tokio::time::interval(doors::LOOK_EVERY);
    loop {
        every.tick().await;
        let doors = Arc::clone(&app.doors);
        if let Ok(Some(changed)) = tokio::task::spawn_blocking(move || doors.look()).await {
            gate::tell(&app, changed, false);
        }
        let now = app.doors.now();
        let utc_ms = now.utc.valid().map_or(0, |u| u.0 / 1_000);
        let due = app.doors.house().journal.due(now.mono, utc_ms);
        for access in due {
            let _ = app.asks.try_send(Ask::Access(access));
        }
    }
}

/// The page's server, running.
struct Server {
    doors: Arc<Doors>,
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Server {
    fn start(listener: TcpListener, tls: Option<&tls::Identity>, app: App) -> Server {
        let doors = Arc::clone(&app.doors);
        // Before anybody can ask: the record's first line says who there was.
        if let Some(state) = doors.state("people at the start") {
            gate::tell(&app, state, false);
        }
        let router =
            http::router(app.clone()).into_make_service_with_connect_info::<listener::Peer>();
        let listener = listener::Bounded::new(listener, tls);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let looking = tokio::spawn(look_after(app));
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(async move {
                    let _ = stopped.await;
                })
                .await;
            looking.abort();
            if let Err(e) = served {
                tracing::error!("the page's server ended: {e}");
            }
        });
        Server { doors, task, stop }
    }

    /// Ends it; pages that do not part are cut. What was only counted of late, for the record.
    async fn stop(self) -> Vec<Access> {
        let _ = self.stop.send(());
        let mut task = self.task;
        if tokio::time::timeout(PARTING, &mut task).await.is_err() {
            task.abort();
        }
        let utc_ms = self.doors.now().utc.valid().map_or(0, |u| u.0 / 1_000);
        self.doors.house().journal.end(utc_ms)
    }
}
