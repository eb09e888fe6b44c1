//! HTTP for the page, as `web/API.md` has it. Loopback only; our own page only: `Host`, `Origin` and a token are
//! checked. Knows nothing of flight: it asks the task that owns the core and waits a bounded time.

use super::hub::{Joined, Previews};
use super::import::{self, Imported};
use super::planning::{self, Basis, Wish};
use super::{live, pages};
use crate::desk::{Answer, Intent, Reason};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// Longest command, bytes.
const MAX_COMMAND: usize = 64 * 1024;
/// Longest plan, bytes.
const MAX_PLAN: usize = 4 << 20;
/// Longest picture that is served, bytes.
const MAX_PICTURE: u64 = 16 << 20;
/// The core answers within this or the request is refused.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// Longest idempotency key, bytes.
const MAX_KEY: usize = 128;
/// Questions that may wait for the core.
pub(super) const ASKS: usize = 64;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                   base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
const CSRF: HeaderName = HeaderName::from_static("x-csrf");

/// What a request asks of the task that owns the core.
pub(super) enum Ask {
    /// An officer's click.
    Command {
        /// Idempotency key.
        key: String,
        /// What.
        intent: Intent,
        /// Where the answer goes.
        reply: oneshot::Sender<Answer>,
    },
    /// A plan file.
    Plan {
        /// plan.json.
        bytes: Vec<u8>,
        /// Where the answer goes.
        reply: oneshot::Sender<Answer>,
    },
    /// What a plan is made from; `None` in a replay.
    Basis {
        /// Where the answer goes.
        reply: oneshot::Sender<Option<Basis>>,
    },
    /// A page comes.
    Join {
        /// Where the answer goes; `None`: too many.
        reply: oneshot::Sender<Option<Joined>>,
    },
}

/// Fixed facts of this server.
pub(super) struct Site {
    /// Token that every POST must carry.
    pub csrf: String,
    /// `live` or `replay`.
    pub mode: &'static str,
    /// `zh-CN`, `en`, or the browser's.
    pub lang: Option<String>,
    /// Where it listens.
    pub at: SocketAddr,
    /// Folder of pictures and what stands before the hash in their names.
    pub pictures: (PathBuf, &'static str),
}

#[derive(Clone)]
pub(super) struct App {
    pub site: Arc<Site>,
    pub asks: mpsc::Sender<Ask>,
    pub batches: watch::Receiver<Bytes>,
    pub previews: watch::Receiver<Previews>,
    /// One plan is made at a time.
    pub planning: Arc<Semaphore>,
    /// The venue file read last.
    pub imported: Arc<Mutex<Option<Imported>>>,
}

impl App {
    /// Asks the core and waits, bounded.
    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, StatusCode> {
        let (reply, answer) = oneshot::channel();
        self.asks
            .try_send(ask(reply))
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match tokio::time::timeout(ANSWER_LIMIT, answer).await {
            Ok(Ok(a)) => Ok(a),
            _ => Err(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// All routes.
pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/api/hello", get(hello))
        .route("/api/live", get(socket))
        .route("/api/picture/{sha256}", get(picture))
        .route("/api/camera/{aircraft}", get(camera))
        .route(
            "/api/command",
            post(command).layer(DefaultBodyLimit::max(MAX_COMMAND)),
        )
        .route(
            "/api/plan",
            post(plan).layer(DefaultBodyLimit::max(MAX_PLAN)),
        )
        .route(
            "/api/plan/make",
            post(make).layer(DefaultBodyLimit::max(MAX_COMMAND)),
        )
        .route(
            "/api/venue/import",
            post(import_venue).layer(DefaultBodyLimit::max(import::MAX_VENUE)),
        )
        .fallback(get(pages::page))
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

/// Names under which a browser on this machine reaches us. Any other `Host` is somebody's name that was bent to
/// 127.0.0.1 (DNS rebinding).
fn is_ours(host: &str, at: SocketAddr) -> bool {
    let port = format!(":{}", at.port());
    let name = match host.strip_suffix(&port) {
        Some(name) => name,
        None if at.port() == 80 => host,
        None => return false,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]") || name == at.ip().to_string()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// Lets only our own page through, and sets what every answer carries.
async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let refused = refusal(
        &app.site,
        request.method(),
        request.uri().path(),
        request.headers(),
    );
    let mut answer = match refused {
        Some(status) => status.into_response(),
        None => next.run(request).await,
    };
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    answer
}

fn refusal(site: &Site, method: &Method, path: &str, headers: &HeaderMap) -> Option<StatusCode> {
    const NO: Option<StatusCode> = Some(StatusCode::FORBIDDEN);
    let Some(host) = text(headers, &header::HOST).filter(|h| is_ours(h, site.at)) else {
        return NO;
    };
    // A page of another origin may send, though not read: whatever says another origin is refused, whatever it asks.
    let origin_ours = headers.get(header::ORIGIN).map(|o| {
        o.to_str()
            .is_ok_and(|o| o.strip_prefix("http://") == Some(host))
    });
    if origin_ours == Some(false) {
        return NO;
    }
    let changes = method != Method::GET && method != Method::HEAD;
    // The socket has no token: a browser always names the origin there.
    if (changes || path == "/api/live") && origin_ours.is_none() {
        return NO;
    }
    if changes && text(headers, &CSRF) != Some(site.csrf.as_str()) {
        return NO;
    }
    None
}

async fn hello(State(app): State<App>) -> Response {
    let s = &app.site;
    axum::Json(json!({
        "csrf": s.csrf,
        "mode": s.mode,
        "lang": s.lang,
        "version": env!("CARGO_PKG_VERSION"),
    }))
    .into_response()
}

async fn socket(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    match app.ask(|reply| Ask::Join { reply }).await {
        Ok(Some(joined)) => live::serve(upgrade, joined, app.batches.clone()),
        Ok(None) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(status) => status.into_response(),
    }
}

async fn picture(State(app): State<App>, Path(sha256): Path<String>) -> Response {
    // Nothing but a hash becomes part of a file's name.
    if !crate::record::is_sha256(&sha256) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (dir, prefix) = &app.site.pictures;
    let file = dir.join(format!("{prefix}{sha256}.jpg"));
    match tokio::fs::metadata(&file).await {
        Ok(m) if m.len() > 0 && m.len() <= MAX_PICTURE => {}
        _ => return StatusCode::NOT_FOUND.into_response(),
    }
    match tokio::fs::read(&file).await {
        Ok(bytes) => image(bytes.into(), "private, max-age=31536000, immutable"),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn camera(State(app): State<App>, Path(aircraft): Path<u8>) -> Response {
    let newest = app.previews.borrow().get(&aircraft).cloned();
    match newest {
        Some(bytes) => image(bytes, "no-store"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// An image as it came from the aircraft; its own first bytes say which kind.
fn image(bytes: Bytes, cache: &'static str) -> Response {
    let kind = if bytes.starts_with(b"\x89PNG") {
        "image/png"
    } else {
        "image/jpeg"
    };
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)],
        Body::from(bytes),
    )
        .into_response()
}

#[derive(Deserialize)]
struct Command {
    key: String,
    intent: Intent,
}

fn answer(a: Result<Answer, StatusCode>) -> Response {
    match a {
        Ok(a) => axum::Json(a).into_response(),
        Err(status) => status.into_response(),
    }
}

fn refuse(code: &str) -> Response {
    answer(Ok(Answer::no(Reason::new(code))))
}

async fn command(State(app): State<App>, body: Bytes) -> Response {
    match serde_json::from_slice::<Command>(&body) {
        Ok(Command { key, intent }) if !key.is_empty() && key.len() <= MAX_KEY => {
            answer(app.ask(|reply| Ask::Command { key, intent, reply }).await)
        }
        _ => refuse("desk.bad_request"),
    }
}

async fn plan(State(app): State<App>, body: Bytes) -> Response {
    let bytes = body.to_vec();
    answer(app.ask(|reply| Ask::Plan { bytes, reply }).await)
}

async fn make(State(app): State<App>, body: Bytes) -> Response {
    let Ok(wish) = serde_json::from_slice::<Wish>(&body) else {
        return refuse("desk.bad_request");
    };
    let Ok(_one) = app.planning.try_acquire() else {
        return refuse("refusal.busy");
    };
    let basis = match app.ask(|reply| Ask::Basis { reply }).await {
        Ok(Some(basis)) => basis,
        Ok(None) => return refuse("desk.replay_only"),
        Err(status) => return status.into_response(),
    };
    let imported = app.imported.lock().ok().and_then(|i| i.clone());
    // Seconds of arithmetic: never on a task that serves others.
    let made =
        tokio::task::spawn_blocking(move || planning::make(&basis, imported.as_ref(), &wish)).await;
    match made {
        Ok(Ok(bytes)) => answer(app.ask(|reply| Ask::Plan { bytes, reply }).await),
        Ok(Err(reason)) => answer(Ok(Answer::no(reason))),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Reads a venue file. Nothing comes into force: a plan made over it brings it.
async fn import_venue(
    State(app): State<App>,
    Query(said): Query<import::Said>,
    body: Bytes,
) -> Response {
    if app.site.mode == "replay" {
        return refuse("desk.replay_only");
    }
    let Ok(_one) = app.planning.try_acquire() else {
        return refuse("refusal.busy");
    };
    match tokio::task::spawn_blocking(move || import::read(&said, &body)).await {
        Ok((told, venue)) => {
            if let (Some(venue), Ok(mut slot)) = (venue, app.imported.lock()) {
                *slot = Some(venue);
            }
            axum::Json(told).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
