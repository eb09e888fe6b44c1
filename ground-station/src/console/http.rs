//! HTTP for the page, as `web/API.md` has it. Its routes are those of `people::access`, each behind the gate. Knows nothing
//! of flight: it asks the task that owns the core and waits a bounded time.

use super::casework::{Asked, Stepped};
use super::doors::Doors;
use super::gate::{self, Asker};
use super::hub::{Joined, Previews};
use super::import::{self, Shelf};
use super::planning::{self, Basis, Wish};
use super::{live, openapi, pages, people, refly};
use crate::desk::{Answer, Intent, Reason};
use crate::incidents::{MAX_NAME, Step};
use crate::people::access::{self, Endpoint, ROUTES};
use crate::people::audit::Access;
use crate::people::session::Standing;
use crate::people::{Denied, Role};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use serde::Deserialize;
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

/// What a request asks of the task that owns the core.
pub(super) enum Ask {
    /// An officer's click.
    Command {
        /// Who, by name.
        who: String,
        /// Idempotency key.
        key: String,
        /// What.
        intent: Intent,
        /// Where the answer goes.
        reply: oneshot::Sender<Answer>,
    },
    /// A step in an incident or a patrol.
    Step {
        /// In whose name.
        who: String,
        /// Idempotency key.
        key: String,
        /// Which; `None`: it begins one.
        about: Option<u32>,
        /// What.
        step: Step,
        /// Where the answer and the number go.
        reply: oneshot::Sender<Stepped>,
    },
    /// Incidents.
    Cases {
        /// Which.
        asked: Asked,
        /// Where the answer goes; `None`: there is no such.
        reply: oneshot::Sender<Option<serde_json::Value>>,
    },
    /// The folder of the record, with all that was recorded so far on its disk.
    Record {
        /// Where the answer goes.
        reply: oneshot::Sender<Result<PathBuf, Reason>>,
    },
    /// A plan file.
    Plan {
        /// For which aircraft; `None`: every one.
        aircraft: Option<u8>,
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
    /// Who did or saw what, or was refused: for the record.
    Access(Access),
    /// A page comes.
    Join {
        /// Whether it is an officer's, who keeps an aircraft flying.
        sits: bool,
        /// Where the answer goes; `None`: too many.
        reply: oneshot::Sender<Option<Joined>>,
    },
}

/// Fixed facts of this server.
pub(super) struct Site {
    /// Token that a change must carry where nobody is logged in.
    pub csrf: String,
    /// TLS.
    pub tls: bool,
    /// With a certificate that others signed: browsers are told to insist on TLS.
    pub insist_on_tls: bool,
    /// Names under which it is reached, beside this machine's.
    pub names: Vec<String>,
    /// Where it listens.
    pub at: SocketAddr,
    /// What it shows.
    pub shown: Shown,
}

/// What a page shows.
pub(super) struct Shown {
    /// `live` or `replay`.
    pub mode: &'static str,
    /// `zh-CN`, `en`, or the browser's.
    pub lang: Option<String>,
    /// Folder of pictures and what stands before the hash in their names.
    pub pictures: (PathBuf, &'static str),
    /// The recording, and who flies its plan again.
    pub refly: Option<(PathBuf, super::Refly)>,
}

#[derive(Clone)]
pub(super) struct App {
    pub site: Arc<Site>,
    pub doors: Arc<Doors>,
    pub asks: mpsc::Sender<Ask>,
    pub batches: watch::Receiver<Bytes>,
    pub previews: watch::Receiver<Previews>,
    /// One plan is made at a time.
    pub planning: Arc<Semaphore>,
    /// Venue files read of late.
    pub imported: Arc<Mutex<Shelf>>,
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

/// What answers at an endpoint. One that has none does not compile.
fn handler(endpoint: Endpoint) -> MethodRouter<App> {
    use Endpoint as E;
    match endpoint {
        E::Page | E::File => get(pages::page),
        E::Hello => get(people::hello),
        E::Login => small(post(people::login)),
        E::Enrol => small(post(people::enrol)),
        E::EnrolConfirm => small(post(people::enrol_confirm)),
        E::Logout => small(post(people::logout)),
        E::Lock => small(post(people::lock)),
        E::Unlock => small(post(people::unlock)),
        E::Here => small(post(people::here)),
        E::Password => small(post(people::password)),
        E::Sessions => get(people::sessions),
        E::SessionsEnd => small(post(people::end_others)),
        E::OpenApi => get(openapi::document),
        E::Live => get(socket),
        E::Picture => get(picture),
        E::Camera => get(camera),
        E::Command => post(command).layer(DefaultBodyLimit::max(MAX_COMMAND)),
        E::Plan => post(plan).layer(DefaultBodyLimit::max(MAX_PLAN)),
        E::PlanMake => post(make).layer(DefaultBodyLimit::max(MAX_COMMAND)),
        E::VenueImport => post(import_venue).layer(DefaultBodyLimit::max(import::MAX_VENUE)),
        E::Refly => small(post(refly::refly)),
        E::Incidents => get(incidents),
        E::Incident => get(incident),
        E::Step => post(step).layer(DefaultBodyLimit::max(MAX_COMMAND)),
        E::Report => get(report),
        E::People => get(people::list),
        E::PeopleAdd => small(post(people::add)),
        E::PeopleRoles => small(post(people::set_roles)),
        E::PeopleReset => small(post(people::reset)),
        E::PeopleDisable => small(post(people::disable)),
        E::Audit => get(people::audit),
    }
}

fn small(m: MethodRouter<App>) -> MethodRouter<App> {
    m.layer(DefaultBodyLimit::max(people::MAX_BODY))
}

/// All routes: those of the table, and no other. The guard stands before them and before what has no row.
pub(super) fn router(app: App) -> Router {
    let mut router = Router::new();
    for row in &ROUTES {
        router = router.route(row.path, handler(row.endpoint));
    }
    router
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn_with_state(app.clone(), gate::guard))
        .with_state(app)
}

async fn socket(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Ok(caller) = asker.caller().cloned() else {
        return gate::deny(Denied::LogIn);
    };
    let sits = access::sits(&caller.roles);
    match app.ask(|reply| Ask::Join { sits, reply }).await {
        Ok(Some(joined)) => live::serve(upgrade, joined, app, asker, caller),
        Ok(None) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(status) => status.into_response(),
    }
}

async fn picture(State(app): State<App>, Path(sha256): Path<String>) -> Response {
    // Nothing but a hash becomes part of a file's name.
    if !crate::record::is_sha256(&sha256) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (dir, prefix) = &app.site.shown.pictures;
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

pub(super) fn refuse(code: &str) -> Response {
    answer(Ok(Answer::no(Reason::new(code))))
}

async fn command(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    body: Bytes,
) -> Response {
    let Ok(Command { key, intent }) = serde_json::from_slice::<Command>(&body) else {
        return refuse("desk.bad_request");
    };
    if key.is_empty() || key.len() > MAX_KEY {
        return refuse("desk.bad_request");
    }
    let kind = access::intent_kind(&intent);
    if let Err(why) = may(&app, &asker, kind, &intent) {
        gate::tell(&app, asker.access(kind, Some(why)), true);
        return gate::deny(why);
    }
    if !gate::tell(&app, asker.access(kind, None), false) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    // One officer's key is not another's.
    let key = match &asker.caller {
        Some(c) if !app.doors.is_open() => format!("{}/{key}", c.name),
        _ => key,
    };
    let who = name_of(&asker);
    let asked = |reply| Ask::Command {
        who,
        key,
        intent,
        reply,
    };
    answer(app.ask(asked).await)
}

fn name_of(asker: &Asker) -> String {
    let name = asker.caller.as_ref().map(|c| c.name.clone());
    name.unwrap_or_default()
}

#[derive(Deserialize)]
struct Stepping {
    key: String,
    #[serde(default)]
    about: Option<u32>,
    #[serde(default)]
    by: String,
    step: Step,
}

/// A step in an incident or a patrol.
async fn step(State(app): State<App>, Extension(asker): Extension<Asker>, body: Bytes) -> Response {
    let Ok(asked) = serde_json::from_slice::<Stepping>(&body) else {
        return refuse("desk.bad_request");
    };
    let Stepping {
        key,
        about,
        by,
        step,
    } = asked;
    if key.is_empty() || key.len() > MAX_KEY {
        return refuse("desk.bad_request");
    }
    let kind = access::step_kind(&step);
    let on = match about {
        Some(n) => format!("{kind} {n}"),
        None => kind.to_owned(),
    };
    let who = match may_step(&app, &asker, kind, by.trim()) {
        Ok(who) => who,
        Err(why) => {
            gate::tell(&app, asker.access(&on, Some(why)), true);
            return gate::deny(why);
        }
    };
    if !gate::tell(&app, asker.access(&on, None), false) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let key = format!("{who}/{key}");
    let asked = |reply| Ask::Step {
        who,
        key,
        about,
        step,
        reply,
    };
    match app.ask(asked).await {
        Ok((Answer { accepted, reason }, number)) => axum::Json(
            serde_json::json!({"accepted": accepted, "reason": reason, "number": number}),
        )
        .into_response(),
        Err(status) => status.into_response(),
    }
}

/// In whose name a step is done. Where nobody logs in, whoever is named; otherwise nobody but oneself.
fn may_step(app: &App, asker: &Asker, kind: &str, by: &str) -> Result<String, Denied> {
    let caller = asker.caller()?;
    access::allows_step(kind, &caller.roles, caller.standing != Standing::Open)?;
    if by.is_empty() || by == caller.name {
        return Ok(caller.name.clone());
    }
    let fits = by.chars().count() <= MAX_NAME && !by.chars().any(char::is_control);
    if app.doors.is_open() && fits {
        Ok(by.to_owned())
    } else {
        Err(Denied::NotYou)
    }
}

#[derive(Deserialize)]
struct Older {
    #[serde(default)]
    before: Option<u32>,
}

async fn incidents(State(app): State<App>, Query(asked): Query<Older>) -> Response {
    cases(&app, Asked::Before(asked.before.unwrap_or(u32::MAX))).await
}

async fn incident(State(app): State<App>, Path(number): Path<u32>) -> Response {
    cases(&app, Asked::Whole(number)).await
}

async fn cases(app: &App, asked: Asked) -> Response {
    match app.ask(|reply| Ask::Cases { asked, reply }).await {
        Ok(Some(v)) => axum::Json(v).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(status) => status.into_response(),
    }
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    lang: String,
    /// The reader's clock, minutes ahead of UTC.
    #[serde(default)]
    ahead_min: i32,
    /// Only whether there would be one.
    #[serde(default)]
    check: bool,
}

/// The after-action report of what is recorded here, or of what is replayed.
async fn report(State(app): State<App>, Query(wanted): Query<Wanted>) -> Response {
    let dir = match app.ask(|reply| Ask::Record { reply }).await {
        Ok(Ok(dir)) => dir,
        Ok(Err(reason)) => return answer(Ok(Answer::no(reason))),
        Err(status) => return status.into_response(),
    };
    if wanted.check {
        return answer(Ok(Answer::yes()));
    }
    // Seconds of reading and hashing: one at a time, and never on a task that serves others.
    let Ok(_one) = app.planning.try_acquire() else {
        return refuse("refusal.busy");
    };
    let how = crate::report::How {
        lang: crate::report::Lang::of(&wanted.lang),
        ahead_min: wanted.ahead_min,
    };
    let made = tokio::task::spawn_blocking(move || crate::report::io::html(&dir, how)).await;
    match made {
        Ok(Ok(page)) => {
            let policy = crate::report::policy();
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                (header::CONTENT_SECURITY_POLICY, policy),
            ];
            (headers, page).into_response()
        }
        Ok(Err(e)) => {
            tracing::warn!("the report: {e:#}");
            refuse("report.failed")
        }
        Err(_) => refuse("report.failed"),
    }
}

/// Whether this officer may want this, in this name.
fn may(app: &App, asker: &Asker, kind: &str, intent: &Intent) -> Result<(), Denied> {
    let caller = asker.caller()?;
    let locked = caller.standing != Standing::Open;
    access::allows_intent(kind, &caller.roles, locked)?;
    let named = match intent {
        Intent::Launch { pilot, .. } => pilot,
        Intent::TakeControl { officer } | Intent::OverrideRehearsal { officer, .. } => officer,
        // A supervisor hands over for somebody who cannot.
        Intent::HandOver { from, .. } if !caller.roles.contains(&Role::Supervisor) => from,
        _ => return Ok(()),
    };
    if !app.doors.is_open() && named.trim() != caller.name {
        return Err(Denied::NotYou);
    }
    Ok(())
}

/// For whom a plan is.
#[derive(Deserialize)]
struct Whose {
    /// One aircraft; absent: every one.
    aircraft: Option<u8>,
}

/// A plan for the desk.
async fn hand_in(app: &App, aircraft: Option<u8>, bytes: Vec<u8>) -> Response {
    let asked = |reply| Ask::Plan {
        aircraft,
        bytes,
        reply,
    };
    answer(app.ask(asked).await)
}

async fn plan(State(app): State<App>, Query(whose): Query<Whose>, body: Bytes) -> Response {
    hand_in(&app, whose.aircraft, body.to_vec()).await
}

async fn make(State(app): State<App>, Query(whose): Query<Whose>, body: Bytes) -> Response {
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
    let shelf = app.imported.lock();
    let imported = wish.imported.as_ref().and_then(|id| shelf.ok()?.get(id));
    // Seconds of arithmetic: never on a task that serves others.
    let made =
        tokio::task::spawn_blocking(move || planning::make(&basis, imported.as_deref(), &wish))
            .await;
    match made {
        Ok(Ok(bytes)) => hand_in(&app, whose.aircraft, bytes).await,
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
    if app.site.shown.mode == "replay" {
        return refuse("desk.replay_only");
    }
    let Ok(_one) = app.planning.try_acquire() else {
        return refuse("refusal.busy");
    };
    match tokio::task::spawn_blocking(move || import::read(&said, &body)).await {
        Ok((told, venue)) => {
            if let (Some((id, venue)), Ok(mut shelf)) = (venue, app.imported.lock()) {
                shelf.put(id, venue);
            }
            axum::Json(told).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
