//! Before every request: is it our own page that asks, does what it asks have a row, does the row let this person in, does
//! a change carry its token. Each use and each refusal is told to the record.

use super::doors::Doors;
use super::http::{App, Ask, Site};
use super::listener::Peer;
use crate::desk::{Answer, Reason};
use crate::people::access::{self, Endpoint, Method, Row, Who};
use crate::people::audit::Access;
use crate::people::house::Caller;
use crate::people::session::Standing;
use crate::people::{Denied, secret};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv4Addr};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                   base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
const CSRF: HeaderName = HeaderName::from_static("x-csrf");
/// Longest part of a path that is written into the record, bytes.
const MAX_ABOUT: usize = 128;

/// Who asks, and from where: with every request that was let in.
#[derive(Clone)]
pub(super) struct Asker {
    /// `None`: nobody is logged in.
    pub caller: Option<Caller>,
    pub ip: IpAddr,
    pub row: &'static Row,
}

impl Asker {
    /// Whoever has a session; the gate has looked already.
    pub fn caller(&self) -> Result<&Caller, Denied> {
        self.caller.as_ref().ok_or(Denied::LogIn)
    }

    /// A line for the record.
    pub fn access(&self, about: &str, denied: Option<Denied>) -> Access {
        Access {
            who: self.caller.as_ref().map(|c| c.name.clone()),
            from: self.ip.to_string(),
            what: format!("{} {}", self.row.method.word(), self.row.path),
            about: cut(about),
            denied: denied.map(|d| d.key().to_owned()),
            again: 0,
        }
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_ABOUT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("").to_owned()
}

/// An answer that refuses: the reason's code and figures, as everywhere.
pub(super) fn deny(why: Denied) -> Response {
    let mut reason = Reason::new(why.key());
    if let Denied::Wait(s) = why {
        reason = reason.with("value", s);
    }
    if let Denied::PasswordShort = why {
        reason = reason.with("value", secret::MIN_PASSWORD);
    }
    let status = StatusCode::from_u16(why.status()).unwrap_or(StatusCode::FORBIDDEN);
    let mut answer = (status, axum::Json(Answer::no(reason))).into_response();
    if let Denied::Wait(s) = why {
        answer.headers_mut().insert(header::RETRY_AFTER, s.into());
    }
    answer
}

/// Names under which a browser reaches us. Any other `Host` is somebody's name that was bent to our address (DNS
/// rebinding); an address in figures cannot be bent.
fn is_ours(host: &str, site: &Site) -> bool {
    let port = site.at.port();
    let usual = if site.tls { 443 } else { 80 };
    let name = match host.strip_suffix(&format!(":{port}")) {
        Some(name) => name,
        None if port == usual => host,
        None => return false,
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|n| n.strip_suffix(']'))
        .unwrap_or(name);
    let figures = bare.parse::<IpAddr>().ok();
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        || name == site.at.ip().to_string()
        || (!site.at.ip().is_loopback() && figures.is_some())
        || site.names.iter().any(|n| n.eq_ignore_ascii_case(name))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// The session's cookie. Cookies do not know ports: the plain one is named by ours.
pub(super) fn cookie_name(site: &Site) -> String {
    if site.tls {
        "__Host-patrol".to_owned()
    } else {
        format!("patrol-{}", site.at.port())
    }
}

/// Sets the cookie; an empty value takes it away.
pub(super) fn cookie(site: &Site, id: &str) -> HeaderValue {
    let secure = if site.tls { "; Secure" } else { "" };
    let gone = if id.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!(
        "{}={id}; Path=/; HttpOnly; SameSite=Strict{secure}{gone}",
        cookie_name(site)
    );
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// The value of our cookie, whatever others there are.
fn session_id<'a>(site: &Site, headers: &'a HeaderMap) -> Option<&'a str> {
    let name = cookie_name(site);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, v)| *n == name && v.len() == 64 && v.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(|(_, v)| v)
}

/// Whether the request comes from our own page, under a name of ours.
fn is_own(site: &Site, row: Option<&Row>, headers: &HeaderMap) -> bool {
    let Some(host) = text(headers, &header::HOST).filter(|h| is_ours(h, site)) else {
        return false;
    };
    // A page of another origin may send, though not read: whatever says another origin is refused, whatever it asks.
    let scheme = if site.tls { "https://" } else { "http://" };
    let origin_ours = headers.get(header::ORIGIN).map(|o| {
        o.to_str()
            .is_ok_and(|o| o.strip_prefix(scheme) == Some(host))
    });
    // The socket has no token: a browser always names the origin there.
    let must_say = row.is_none_or(|r| r.method == Method::Post || r.endpoint == Endpoint::Live);
    match origin_ours {
        Some(ours) => ours,
        None => !must_say,
    }
}

/// The token that this browser's changes must carry.
pub(super) fn token<'a>(site: &'a Site, caller: Option<&'a Caller>) -> &'a str {
    match caller {
        Some(c) if !c.csrf.is_empty() => &c.csrf,
        _ => &site.csrf,
    }
}

enum Verdict {
    In(Asker),
    Out(Response, Option<Access>),
}

fn judge(app: &App, request: &Request) -> Verdict {
    let (site, doors, headers) = (&app.site, &app.doors, request.headers());
    let (method, path) = (request.method().as_str(), request.uri().path());
    let row = access::find(method, path);
    let ip = request
        .extensions()
        .get::<ConnectInfo<Peer>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |p| p.0.0.ip());
    let caller = doors.caller(session_id(site, headers));
    let refused = |what: String, why: &str| Access {
        who: caller.as_ref().map(|c| c.name.clone()),
        from: ip.to_string(),
        what,
        about: String::new(),
        denied: Some(why.to_owned()),
        again: 0,
    };
    let asked = cut(&format!("{method} {}", row.map_or(path, |r| r.path)));
    let changes =
        request.method() != axum::http::Method::GET && request.method() != axum::http::Method::HEAD;
    if !is_own(site, row, headers) && (row.is_some() || changes) {
        return Verdict::Out(
            StatusCode::FORBIDDEN.into_response(),
            Some(refused(asked, "foreign")),
        );
    }
    let Some(row) = row else {
        // No row, no answer.
        return Verdict::Out(
            StatusCode::NOT_FOUND.into_response(),
            Some(refused("no such thing".into(), "no_row")),
        );
    };
    if row.method == Method::Post
        && !text(headers, &CSRF).is_some_and(|t| secret::same(t, token(site, caller.as_ref())))
    {
        return Verdict::Out(
            StatusCode::FORBIDDEN.into_response(),
            Some(refused(asked, "token")),
        );
    }
    let asker = Asker { caller, ip, row };
    match allowed(doors, &asker) {
        Ok(()) => Verdict::In(asker),
        Err(why) => {
            let about = about(row, path);
            Verdict::Out(deny(why), Some(asker.access(&about, Some(why))))
        }
    }
}

fn allowed(doors: &Doors, asker: &Asker) -> Result<(), Denied> {
    let row = asker.row;
    // Nobody logs in where everybody is let in.
    let logs_in = matches!(
        row.endpoint,
        Endpoint::Login | Endpoint::Enrol | Endpoint::EnrolConfirm
    );
    if doors.is_open() && (logs_in || row.who == Who::Own) {
        return Err(Denied::NotAllowed);
    }
    let standing = asker.caller.as_ref().map(|c| c.standing);
    let roles = asker.caller.as_ref().map(|c| &c.roles);
    let locked = standing.is_some_and(|s| s != Standing::Open);
    access::allows(row, roles, locked).map_err(|why| match (why, standing) {
        (Denied::Locked, Some(Standing::Over)) => Denied::LogInAgain,
        _ => why,
    })
}

/// The part of the path that stands where the row has a name.
fn about(row: &Row, path: &str) -> String {
    let parts = row.path.split('/').zip(path.split('/'));
    parts
        .filter(|(want, _)| want.starts_with('{'))
        .map(|(_, got)| got)
        .collect::<Vec<_>>()
        .join("/")
}

/// Tells the record. `false`: it has no room; then nothing is shown and nothing done.
pub(super) fn tell(app: &App, access: Access, repeats: bool) -> bool {
    app.doors
        .note(access, repeats)
        .into_iter()
        .all(|a| app.asks.try_send(Ask::Access(a)).is_ok())
}

/// What the endpoint itself tells the record, with more than the path says.
fn tells_itself(e: Endpoint) -> bool {
    use Endpoint as E;
    matches!(
        e,
        E::Login
            | E::Enrol
            | E::EnrolConfirm
            | E::Unlock
            | E::Password
            | E::SessionsEnd
            | E::Command
            | E::Step
            | E::PeopleAdd
            | E::PeopleRoles
            | E::PeopleReset
            | E::PeopleDisable
    )
}

/// Lets through what may pass, and sets what every answer carries.
pub(super) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let mut answer = match judge(&app, &request) {
        Verdict::Out(answer, told) => {
            // A refusal that cannot be told is still a refusal.
            if let Some(access) = told {
                let _ = tell(&app, access, true);
            }
            answer
        }
        Verdict::In(asker) => {
            let row = asker.row;
            if let Some(c) = &asker.caller {
                app.doors.seen(&c.key);
            }
            let told = !row.audited || tells_itself(row.endpoint) || {
                let about = about(row, request.uri().path());
                // What is only looked at comes again and again; what changes something is told each time.
                tell(&app, asker.access(&about, None), row.method == Method::Get)
            };
            if told {
                request.extensions_mut().insert(asker);
                next.run(request).await
            } else {
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    };
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        // The report brings a stricter policy of its own: nothing but its one style.
        if name == header::CONTENT_SECURITY_POLICY && headers.contains_key(&name) {
            continue;
        }
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.site.insist_on_tls {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    answer
}
