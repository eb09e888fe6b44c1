//! Logging in and out, locking and unlocking, and people's administration, over HTTP. Decides nothing: [`House`] does.

use super::doors::{Doors, fresh, one_time_code};
use super::gate::{Asker, cookie, deny, tell, token};
use super::http::App;
use crate::evidence::io::random;
use crate::people::house::{Fresh, House};
use crate::people::session::Standing;
use crate::people::store::Person;
use crate::people::{Denied, Role, secret};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest body here, bytes.
pub(super) const MAX_BODY: usize = 8 * 1024;

type Told = Result<Response, Denied>;

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Denied> {
    serde_json::from_slice(body).map_err(|_| Denied::BadRequest)
}

fn done(more: Value) -> Response {
    let mut answer = json!({"accepted": true, "reason": null});
    if let (Some(a), Value::Object(more)) = (answer.as_object_mut(), more) {
        a.extend(more);
    }
    Json(answer).into_response()
}

/// A name for the record: what was typed where a name belongs may be a password, so that only names which somebody has
/// are written.
fn known(app: &App, typed: &str) -> String {
    let house = app.doors.house();
    match house.people().get(typed) {
        Some(p) => p.name.clone(),
        None if typed.is_empty() => String::new(),
        None => "(a name that nobody has)".to_owned(),
    }
}

/// Tells the record how it went, and answers. What went well and cannot be told has still been done: it is in the log.
fn end(app: &App, asker: &Asker, about: &str, told: Told) -> Response {
    let why = told.as_ref().err().copied();
    if !tell(app, asker.access(about, why), why.is_some()) {
        tracing::error!("the record has no room for {} on {about}", asker.row.path);
    }
    told.unwrap_or_else(deny)
}

fn enters(app: &App, fresh: &Fresh, name: &str) -> Response {
    let mut answer = done(json!({"name": name, "csrf": fresh.csrf}));
    answer
        .headers_mut()
        .insert(header::SET_COOKIE, cookie(&app.site, &fresh.id));
    answer
}

/// What the page needs to begin.
pub(super) async fn hello(State(app): State<App>, Extension(asker): Extension<Asker>) -> Response {
    let (site, caller) = (&app.site, asker.caller.as_ref());
    let state = match caller.map(|c| c.standing) {
        _ if app.doors.is_open() => "open",
        None if app.doors.house().is_first_run() => "first_run",
        None => "login",
        Some(Standing::Open) => "in",
        Some(Standing::Locked) => "locked",
        Some(Standing::Over) => "over",
    };
    let who = caller.map(|c| json!({"name": c.name, "roles": c.roles}));
    Json(json!({
        "csrf": token(site, caller),
        "mode": site.shown.mode,
        "lang": site.shown.lang,
        "version": env!("CARGO_PKG_VERSION"),
        "state": state,
        "who": who,
    }))
    .into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    name: String,
    password: String,
    totp: String,
}

pub(super) async fn login(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    body: Bytes,
) -> Response {
    let mut about = String::new();
    let told = log_in(&app, &asker, &body, &mut about).await;
    end(&app, &asker, &known(&app, &about), told)
}

async fn log_in(app: &App, asker: &Asker, body: &Bytes, about: &mut String) -> Told {
    let Login {
        name,
        password,
        totp,
    } = read(body)?;
    about.clone_from(&name);
    let (doors, ip) = (&app.doors, asker.ip);
    let trial = doors.house().try_login(doors.now().mono, &name, ip)?;
    let phc = trial.phc.clone();
    let fits = doors.slowly(move || secret::fits(&phc, &password)).await?;
    let (now, had, fresh) = (doors.now(), asker.caller.as_ref().map(|c| c.key), fresh()?);
    let opened = fresh.clone();
    let name = doors
        .change(Some(fresh.clone()), move |h| {
            h.login(now, &trial, fits, &totp, ip, had, &opened)
        })
        .await?;
    Ok(enters(app, &fresh, &name))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enrol {
    name: String,
    code: String,
    password: String,
}

pub(super) async fn enrol(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    body: Bytes,
) -> Response {
    let mut about = String::new();
    let told = begin_enrolment(&app, &asker, &body, &mut about).await;
    end(&app, &asker, &known(&app, &about), told)
}

async fn begin_enrolment(app: &App, asker: &Asker, body: &Bytes, about: &mut String) -> Told {
    let Enrol {
        name,
        code,
        password,
    } = read(body)?;
    about.clone_from(&name);
    let doors = &app.doors;
    let now = doors.now();
    let opening = doors
        .house()
        .open_enrolment(now, &name, &code, &password, asker.ip)?;
    let (salt, totp) = (random(), random());
    let (Ok(salt), Ok(totp)) = (salt, totp) else {
        return Err(Denied::StoreFailed);
    };
    let phc = doors
        .slowly(move || secret::hash(&password, &salt))
        .await?
        .ok_or(Denied::StoreFailed)?;
    doors
        .house()
        .hold_enrolment(doors.now().mono, opening, phc, totp)?;
    let uri = secret::otpauth(name.trim(), &totp);
    let secret = secret::base32(&totp);
    Ok(done(
        json!({"secret": secret, "square": secret::square(&uri), "uri": uri}),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    name: String,
    code: String,
    totp: String,
}

pub(super) async fn enrol_confirm(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    body: Bytes,
) -> Response {
    let mut about = String::new();
    let told = end_enrolment(&app, &asker, &body, &mut about).await;
    end(&app, &asker, &known(&app, &about), told)
}

async fn end_enrolment(app: &App, asker: &Asker, body: &Bytes, about: &mut String) -> Told {
    let Confirm { name, code, totp } = read(body)?;
    about.clone_from(&name);
    let (doors, ip) = (&app.doors, asker.ip);
    let (now, had, fresh) = (doors.now(), asker.caller.as_ref().map(|c| c.key), fresh()?);
    let opened = fresh.clone();
    let name = doors
        .change(Some(fresh.clone()), move |h| {
            h.enrol(now, &name, &code, &totp, ip, had, &opened)
        })
        .await?;
    Ok(enters(app, &fresh, &name))
}

pub(super) async fn logout(State(app): State<App>, Extension(asker): Extension<Asker>) -> Response {
    match asker.caller() {
        Ok(c) => app.doors.house().logout(&c.key),
        Err(why) => return deny(why),
    }
    let mut answer = done(json!({}));
    answer
        .headers_mut()
        .insert(header::SET_COOKIE, cookie(&app.site, ""));
    answer.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\""),
    );
    answer
}

pub(super) async fn lock(State(app): State<App>, Extension(asker): Extension<Asker>) -> Response {
    match asker.caller() {
        Ok(c) => app.doors.house().lock(&c.key),
        Err(why) => return deny(why),
    }
    done(json!({}))
}

pub(super) async fn here(State(app): State<App>, Extension(asker): Extension<Asker>) -> Response {
    let now = app.doors.now().mono;
    match asker.caller() {
        Ok(c) => app.doors.house().acted(now, &c.key),
        Err(why) => return deny(why),
    }
    done(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unlock {
    #[serde(default)]
    password: String,
    #[serde(default)]
    totp: String,
}

/// The hash of whoever asks, if this session may try at all.
fn own_hash(doors: &Doors, asker: &Asker) -> Result<String, Denied> {
    let caller = asker.caller()?;
    doors.house().try_own(doors.now().mono, caller, asker.ip)
}

pub(super) async fn unlock(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    body: Bytes,
) -> Response {
    let told = async {
        let Unlock { password, totp } = read(&body)?;
        let (doors, ip, caller) = (&app.doors, asker.ip, asker.caller()?.clone());
        let phc = own_hash(doors, &asker)?;
        let fits =
            !password.is_empty() && doors.slowly(move || secret::fits(&phc, &password)).await?;
        let now = doors.now();
        doors
            .change(None, move |h| h.unlock(now, &caller, fits, &totp, ip))
            .await?;
        Ok(done(json!({})))
    };
    let told = told.await;
    end(&app, &asker, "", told)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    old: String,
    new: String,
}

pub(super) async fn password(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    body: Bytes,
) -> Response {
    let told = async {
        let NewPassword { old, new } = read(&body)?;
        let (doors, ip, caller) = (&app.doors, asker.ip, asker.caller()?.clone());
        let phc = own_hash(doors, &asker)?;
        let salt = random().map_err(|_| Denied::StoreFailed)?;
        let name = caller.name.clone();
        let (fits, new) = doors
            .slowly(move || {
                let hashed = secret::judge(&new, &name)
                    .and_then(|()| secret::hash(&new, &salt).ok_or(Denied::StoreFailed));
                (secret::fits(&phc, &old), hashed)
            })
            .await?;
        let now = doors.now();
        doors
            .change(None, move |h| {
                h.change_password(now, &caller, fits, new, ip)
            })
            .await?;
        Ok(done(json!({})))
    };
    let told = told.await;
    end(&app, &asker, "", told)
}

/// One's own sessions.
pub(super) async fn sessions(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
) -> Response {
    let caller = match asker.caller() {
        Ok(c) => c,
        Err(why) => return deny(why),
    };
    let own = app.doors.house().own_sessions(app.doors.now().mono, caller);
    let shown: Vec<Value> = own
        .iter()
        .map(|s| {
            json!({
                "here": s.here,
                "from": s.from.to_string(),
                "opened_s": s.opened.as_secs(),
                "seen_s": s.seen.as_secs(),
                "locked": s.standing != Standing::Open,
            })
        })
        .collect();
    Json(json!({"sessions": shown})).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    password: String,
}

pub(super) async fn end_others(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    body: Bytes,
) -> Response {
    let told = async {
        let Proof { password } = read(&body)?;
        let (doors, ip, caller) = (&app.doors, asker.ip, asker.caller()?.clone());
        let phc = own_hash(doors, &asker)?;
        let fits = doors.slowly(move || secret::fits(&phc, &password)).await?;
        let now = doors.now();
        let ended = doors
            .change(None, move |h| h.end_others(now, &caller, fits, ip))
            .await?;
        Ok(done(json!({"ended": ended})))
    };
    let told = told.await;
    end(&app, &asker, "", told)
}

/// A person as an admin sees it: no hash, no secret, no digest.
fn shown(p: &Person) -> Value {
    json!({
        "name": p.name,
        "roles": p.roles,
        "disabled": p.disabled,
        "state": if p.disabled { "disabled" } else if p.code.is_some() { "waiting" } else { "ready" },
        "made_ms": p.made_us / 1_000,
        "code_until_ms": p.code.as_ref().map(|c| c.until_us / 1_000),
    })
}

pub(super) async fn list(State(app): State<App>) -> Response {
    let people: Vec<Value> = app
        .doors
        .house()
        .people()
        .list()
        .iter()
        .map(shown)
        .collect();
    Json(json!({"people": people})).into_response()
}

/// What an admin does to somebody: done, written, told.
async fn administer<T: Send + 'static>(
    app: &App,
    asker: &Asker,
    name: String,
    more: Value,
    act: impl FnOnce(&Arc<str>, &mut House) -> Result<T, Denied> + Send + 'static,
) -> Response {
    let about: Arc<str> = name.into();
    let of = Arc::clone(&about);
    let result = app.doors.change(None, move |h| act(&of, h)).await;
    end(app, asker, &about, result.map(|_| done(more)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPerson {
    name: String,
    roles: BTreeSet<Role>,
}

pub(super) async fn add(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    body: Bytes,
) -> Response {
    let (NewPerson { name, roles }, code) = match (read(&body), one_time_code()) {
        (Ok(new), Ok(code)) => (new, code),
        (Err(why), _) | (_, Err(why)) => return end(&app, &asker, "", Err(why)),
    };
    let now = app.doors.now();
    let told = json!({"name": name.trim(), "code": code});
    administer(&app, &asker, name, told, move |name, h| {
        h.add(now, name, roles, &code)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    roles: BTreeSet<Role>,
}

pub(super) async fn set_roles(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    match read(&body) {
        Ok(Roles { roles }) => {
            administer(&app, &asker, name, json!({}), move |name, h| {
                h.set_roles(name, roles)
            })
            .await
        }
        Err(why) => end(&app, &asker, &name, Err(why)),
    }
}

pub(super) async fn reset(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    Path(name): Path<String>,
) -> Response {
    let code = match one_time_code() {
        Ok(code) => code,
        Err(why) => return end(&app, &asker, &name, Err(why)),
    };
    let (now, told) = (app.doors.now(), json!({"code": code}));
    administer(&app, &asker, name, told, move |name, h| {
        h.reset(now, name, &code)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disable {
    disabled: bool,
}

pub(super) async fn disable(
    State(app): State<App>,
    Extension(asker): Extension<Asker>,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    match read(&body) {
        Ok(Disable { disabled }) => {
            administer(&app, &asker, name, json!({}), move |name, h| {
                h.set_disabled(name, disabled)
            })
            .await
        }
        Err(why) => end(&app, &asker, &name, Err(why)),
    }
}

/// Who did what in this run, newest last.
pub(super) async fn audit(State(app): State<App>) -> Response {
    let house = app.doors.house();
    let lines: Vec<Value> = house
        .journal
        .kept()
        .map(|(t_ms, access)| json!({"t_ms": t_ms, "access": access}))
        .collect();
    drop(house);
    Json(json!({"lines": lines})).into_response()
}
