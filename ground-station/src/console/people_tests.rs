//! People at the console over real sockets: who is let in where, how a session lives and ends, what the record says.

use super::flight::serve_until;
use super::tests::{Page, request, setup, soon};
use super::*;
use crate::evidence::io::{Folder, Syncing};
use crate::evidence::verify::{Asked, verify};
use crate::people::access::{self, Endpoint, INTENTS, MESSAGES, ROUTES, Row, STEPS};
use crate::people::audit::Access;
use crate::people::store::People;
use crate::people::{Role, io, secret};
use crate::record::{find, line, read_folder};
use missions::time::Utc;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PASSWORD: &str = "correct horse battery";

fn utc_s() -> u64 {
    let now = link_io::Clock::start().now().utc.valid().unwrap();
    u64::try_from(now.0 / 1_000_000).unwrap()
}

fn totp_secret(name: &str) -> Vec<u8> {
    let mut s = name.as_bytes().to_vec();
    s.resize(secret::TOTP_BYTES, 7);
    s
}

/// A file of people who have all logged in once.
fn write_people(file: &Path, who: &[(&str, &[Role])]) {
    let phc = secret::hash(PASSWORD, &[9; 16]).unwrap();
    let mut people = People::default();
    for (name, roles) in who {
        let roles = roles.iter().copied().collect();
        let p = people.add(name, roles, "code", Utc(1)).unwrap();
        p.password = Some(phc.clone());
        p.totp = Some(secret::base32(&totp_secret(name)));
        p.code = None;
    }
    io::hold(file).unwrap().write(&people).unwrap();
}

/// Runs a console with people and a story beside it; `first` is the first admin's code where there is none.
fn with_people<F: Future<Output = ()>>(
    dir: &Path,
    tls: Option<tls::Identity>,
    story: impl FnOnce(Ready, std::path::PathBuf) -> F,
) {
    runtime().unwrap().block_on(async {
        let file = dir.join("people.json");
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let setup = ServeSetup {
            links: Vec::new(),
            entrance: Entrance::People { file: file.clone() },
            tls,
            ..setup(dir, ([127, 0, 0, 1], 9).into())
        };
        let served = serve_until(setup, move |said| tell.send(said).unwrap(), async move {
            let _ = stopped.await;
        });
        let told_story = async {
            let said = soon("ready", told).await.unwrap();
            story(said, file).await;
            stop.send(()).unwrap();
        };
        let (served, ()) = tokio::join!(served, told_story);
        served.unwrap();
    });
}

/// A browser: its cookie and its token.
#[derive(Clone, Debug, Default)]
struct Browser {
    cookie: String,
    csrf: String,
}

/// Status and body.
type Answered = (u16, Value);

impl Browser {
    async fn new(at: SocketAddr) -> Browser {
        let mut b = Browser::default();
        b.hello(at).await;
        b
    }

    async fn hello(&mut self, at: SocketAddr) -> Value {
        let (status, hello) = self.get(at, "/api/hello").await;
        assert_eq!(status, 200);
        self.csrf = hello["csrf"].as_str().unwrap().to_owned();
        hello
    }

    async fn ask(&mut self, at: SocketAddr, method: &str, path: &str, body: &str) -> Answered {
        let origin = format!("http://{at}");
        let headers = [
            ("Origin", origin.as_str()),
            ("X-CSRF", &self.csrf),
            ("Cookie", &self.cookie),
        ];
        let (status, head, body) = request(at, method, path, &headers, body).await;
        if let Some(set) = head.split("set-cookie: ").nth(1) {
            self.cookie = set.split(';').next().unwrap().to_owned();
        }
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn get(&mut self, at: SocketAddr, path: &str) -> Answered {
        self.ask(at, "GET", path, "").await
    }

    async fn post(&mut self, at: SocketAddr, path: &str, body: &Value) -> Answered {
        self.ask(at, "POST", path, &body.to_string()).await
    }

    async fn log_in_with(
        &mut self,
        at: SocketAddr,
        name: &str,
        password: &str,
        totp: &str,
    ) -> Answered {
        let login = json!({"name": name, "password": password, "totp": totp});
        self.post(at, "/api/login", &login).await
    }

    /// Somebody who logs in as a person does.
    async fn of(at: SocketAddr, name: &str) -> Browser {
        let mut b = Browser::new(at).await;
        let code = secret::code_at(&totp_secret(name), utc_s()).unwrap();
        let (status, answer) = b.log_in_with(at, name, PASSWORD, &code).await;
        assert_eq!(status, 200, "{name}: {answer}");
        let hello = b.hello(at).await;
        assert_eq!(hello["who"]["name"], name);
        b
    }

    async fn live(&self, at: SocketAddr) -> Result<Page, u16> {
        let stream = TcpStream::connect(at).await.unwrap();
        Page::with(stream, at, &format!("http://{at}"), &self.cookie).await
    }
}

fn code(answered: &Answered) -> (u16, &str) {
    (
        answered.0,
        answered.1["reason"]["code"].as_str().unwrap_or(""),
    )
}

/// What is expected, told here once more and by hand: v(iewer), p(ilot), s(upervisor), e(vidence), a(dmin), l (a pilot's
/// locked screen), n(obody).
const EXPECTED: [(&str, &str); 32] = [
    ("GET /", "vpsealn"),
    ("GET /{file}", "vpsealn"),
    ("GET /api/hello", "vpsealn"),
    ("GET /api/openapi.json", "vpsea"),
    ("GET /api/live", "vpsel"),
    ("GET /api/picture/{sha256}", "vpse"),
    ("GET /api/camera/{aircraft}", "vpse"),
    ("GET /api/incidents", "vpse"),
    ("GET /api/incidents/{number}", "vpse"),
    ("GET /api/report", "pse"),
    ("GET /api/people", "a"),
    ("GET /api/audit", "sea"),
    ("POST /api/login", "vpsealn"),
    ("POST /api/enrol", "vpsealn"),
    ("POST /api/enrol/confirm", "vpsealn"),
    ("POST /api/unlock", "vpseal"),
    ("POST /api/here", "vpsea"),
    ("POST /api/me/password", "vpsea"),
    ("GET /api/me/sessions", "vpsea"),
    ("POST /api/me/sessions/end", "vpsea"),
    ("POST /api/command", "psl"),
    ("POST /api/step", "ps"),
    ("POST /api/plan", "ps"),
    ("POST /api/plan/make", "ps"),
    ("POST /api/venue/import", "ps"),
    ("POST /api/refly", "ps"),
    ("POST /api/people", "a"),
    ("POST /api/people/{name}/roles", "a"),
    ("POST /api/people/{name}/reset", "a"),
    ("POST /api/people/{name}/disable", "a"),
    // These end or lock the session that asks: last.
    ("POST /api/lock", "vpseal"),
    ("POST /api/logout", "vpseal"),
];

const EXPECTED_INTENTS: [(&str, &str); 16] = [
    ("hold", "psl"),
    ("return", "ps"),
    ("resume", "p"),
    ("launch", "p"),
    ("land_at", "p"),
    ("look", "p"),
    ("upload", "p"),
    ("take_control", "p"),
    ("hand_over", "ps"),
    ("preflight", "ps"),
    ("confirm", "ps"),
    ("dismiss", "ps"),
    ("acknowledge", "psl"),
    ("shelve", "ps"),
    ("override_rehearsal", "s"),
    ("replay", "ps"),
];

const EXPECTED_STEPS: [(&str, &str); 17] = [
    ("open", "ps"),
    ("link", "ps"),
    ("note", "ps"),
    ("task", "ps"),
    ("task_aircraft", "p"),
    ("arrive", "ps"),
    ("extend", "ps"),
    ("outcome", "ps"),
    ("review", "s"),
    ("close", "ps"),
    ("reopen", "ps"),
    ("patrol_add", "s"),
    ("patrol_change", "s"),
    ("patrol_stop", "s"),
    ("patrol_flown", "ps"),
    ("found", "ps"),
    ("mended", "ps"),
];

/// A step that can be read.
fn step(kind: &str) -> Value {
    let (word, to) = match kind {
        "task_aircraft" => ("task", json!({"aircraft": 1})),
        other => (other, json!({"team": "t"})),
    };
    json!({
        "kind": word, "to": to, "words": "w", "priority": "high", "lat_deg": 27.8, "lon_deg": 120.1, "anomaly": "x",
        "owner": "o", "due_ms": 1, "task": 1, "code": "c", "outcome": "resolved", "agree": true, "name": "n",
        "every_min": 60, "whole": true, "mender": "m", "finding": 1,
    })
}

fn intent(kind: &str) -> Value {
    let mut i = json!({"kind": kind, "aircraft": 1});
    let more = match kind {
        "launch" => json!({"purpose": "p", "incident": "i", "pilot": "pilot"}),
        "land_at" => json!({"site": "s"}),
        "look" => json!({"lat_deg": 27.8, "lon_deg": 120.1}),
        "acknowledge" => json!({"alarm": "link"}),
        "shelve" => {
            json!({"alarm": "battery", "words": "battery low", "reason": "it lands next", "minutes": 5})
        }
        "confirm" => json!({"anomaly": "x"}),
        "dismiss" => json!({"anomaly": "x", "reason": "other"}),
        "hand_over" => json!({"from": "pilot", "to": "x"}),
        "take_control" => json!({"officer": "pilot"}),
        "override_rehearsal" => json!({"officer": "supervisor", "reason": "a guest waits"}),
        "replay" => json!({"op": "pause"}),
        _ => json!({}),
    };
    i.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    i
}

fn filled(row: &Row) -> String {
    row.path
        .replace("{file}", "console.js")
        .replace("{sha256}", &"a".repeat(64))
        .replace("{aircraft}", "1")
        .replace("{number}", "1")
        .replace("{name}", "Mallory")
}

/// Every role at every endpoint and with every intent, against a running server.
#[test]
fn every_role_at_every_endpoint_gets_what_the_table_says_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let who: [(&str, &[Role]); 6] = [
        ("viewer", &[Role::Viewer]),
        ("pilot", &[Role::Pilot]),
        ("supervisor", &[Role::Supervisor]),
        ("evidence", &[Role::Evidence]),
        ("admin", &[Role::Admin]),
        ("locked", &[Role::Pilot]),
    ];
    write_people(&dir.path().join("people.json"), &who);
    let rows: BTreeSet<String> = ROUTES
        .iter()
        .map(|r| format!("{} {}", r.method.word(), r.path))
        .collect();
    let expected: BTreeSet<String> = EXPECTED.iter().map(|e| e.0.to_owned()).collect();
    assert_eq!(
        rows, expected,
        "an endpoint that nobody expects, or one that is gone"
    );
    let kinds: BTreeSet<&str> = INTENTS.iter().map(|i| i.0).collect();
    assert_eq!(kinds, EXPECTED_INTENTS.iter().map(|e| e.0).collect());
    let steps: BTreeSet<&str> = STEPS.iter().map(|s| s.0).collect();
    assert_eq!(steps, EXPECTED_STEPS.iter().map(|e| e.0).collect());
    with_people(dir.path(), None, |said, _| async move {
        let at = said.at;
        assert!(said.first_code.is_none(), "there are admins");
        let mut all = Vec::new();
        for (name, roles) in who {
            let mut b = Browser::of(at, name).await;
            if name == "locked" {
                assert_eq!(b.post(at, "/api/lock", &json!({})).await.0, 200);
            }
            let roles: BTreeSet<Role> = roles.iter().copied().collect();
            all.push((name.chars().next().unwrap(), Some(roles), b));
        }
        all.push(('n', None, Browser::new(at).await));
        let mut asked = 0;
        for (kind, allowed) in EXPECTED_INTENTS {
            for (letter, roles, browser) in &mut all {
                let body = json!({"key": format!("{kind}{letter}"), "intent": intent(kind)});
                let got = browser.post(at, "/api/command", &body).await;
                let want = if allowed.contains(*letter) {
                    200
                } else {
                    match letter {
                        'n' => 401,
                        // A pilot's locked screen: what no pilot may is not a matter of unlocking.
                        'l' if allowed.contains('p') => 423,
                        _ => 403,
                    }
                };
                assert_eq!(got.0, want, "{kind} as {letter}: {got:?}");
                if let Some(roles) = roles {
                    let table = access::allows_intent(kind, roles, *letter == 'l');
                    assert_eq!(table.is_ok(), want == 200, "{kind} as {letter}");
                }
                asked += 1;
            }
        }
        // The station's own step has no row: nobody may say it.
        for (kind, allowed) in EXPECTED_STEPS.into_iter().chain([("task_refused", "")]) {
            for (letter, roles, browser) in &mut all {
                let body =
                    json!({"key": format!("{kind}{letter}"), "about": 1, "step": step(kind)});
                let got = browser.post(at, "/api/step", &body).await;
                let want = match *letter {
                    l if allowed.contains(l) => 200,
                    'n' => 401,
                    'l' => 423,
                    _ => 403,
                };
                assert_eq!(got.0, want, "{kind} as {letter}: {got:?}");
                if let Some(roles) = roles {
                    let table = access::allows_step(kind, roles, *letter == 'l');
                    assert_eq!(table.is_ok(), want == 200, "{kind} as {letter}");
                }
                asked += 1;
            }
        }
        for (what, allowed) in EXPECTED {
            let row = ROUTES
                .iter()
                .find(|r| what == format!("{} {}", r.method.word(), r.path))
                .unwrap();
            for (letter, roles, browser) in &mut all {
                // No body that does anything: what is let in answers that it cannot be read, or that it is not there.
                let got = browser.ask(at, row.method.word(), &filled(row), "7").await;
                let table = access::allows(row, roles.as_ref(), *letter == 'l');
                if allowed.contains(*letter) {
                    assert!(
                        ![401, 403, 423].contains(&got.0) && got.0 < 500,
                        "{what} as {letter}: {got:?}"
                    );
                    assert_eq!(table, Ok(()), "{what} as {letter}");
                } else {
                    let want = match letter {
                        'n' => 401,
                        'l' if roles
                            .as_ref()
                            .is_some_and(|r| access::allows(row, Some(r), false).is_ok()) =>
                        {
                            423
                        }
                        _ => 403,
                    };
                    assert_eq!(got.0, want, "{what} as {letter}: {got:?}");
                    assert_eq!(
                        table.map_err(|d| d.status()),
                        Err(want),
                        "{what} as {letter}"
                    );
                }
                asked += 1;
            }
        }
        assert_eq!(asked, 7 * (32 + 16 + 18));
        // After logging out, each is nobody.
        for (letter, roles, browser) in &mut all {
            if roles.is_some() {
                assert_eq!(browser.hello(at).await["state"], "login", "{letter}");
            }
        }
    });
}

#[test]
fn no_route_is_there_without_a_row_and_no_method_but_the_rows() {
    // The router is made in one place, of the table.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
    let mut routes = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.to_string_lossy().contains("tests") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for word in [
            ".route(",
            ".nest(",
            ".merge(",
            ".route_service(",
            ".nest_service(",
            ".fallback_service(",
        ] {
            routes += text.matches(word).count();
        }
    }
    assert_eq!(routes, 1, "a route is made beside the table");
    let dir = tempfile::tempdir().unwrap();
    write_people(&dir.path().join("people.json"), &[("admin", &Role::ALL)]);
    with_people(dir.path(), None, |said, _| async move {
        let at = said.at;
        let mut b = Browser::of(at, "admin").await;
        for row in &ROUTES {
            for method in [
                "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST", "GET", "QUERY",
            ] {
                let path = filled(row);
                if access::find(method, &path).is_none() {
                    assert_eq!(
                        b.ask(at, method, &path, "{}").await.0,
                        404,
                        "{method} {path}"
                    );
                }
            }
        }
        for path in [
            "/api/",
            "/api/people/x/y",
            "/a/b",
            "/api/live/x",
            "//api/hello",
            "/api/people/%2e%2e/reset",
        ] {
            assert_eq!(b.get(at, path).await.0, 404, "{path}");
        }
        // The document is that of the table, and what it names answers.
        let (status, document) = b.get(at, "/api/openapi.json").await;
        assert_eq!((status, document["openapi"].as_str()), (200, Some("3.1.0")));
        assert_eq!(document, super::openapi::whole());
        let mut named = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, op) in item.as_object().unwrap() {
                let method = method.to_uppercase();
                let row = access::find(&method, &path.replace("{file}", "x")).unwrap();
                assert_eq!(op["operationId"], format!("{:?}", row.endpoint));
                let posts = method == "POST";
                let token = op["parameters"]
                    .as_array()
                    .is_some_and(|p| p.iter().any(|p| p["name"] == "X-CSRF"));
                assert_eq!(token, posts, "{path}");
                let open = EXPECTED
                    .iter()
                    .any(|(e, who)| *e == format!("{method} {path}") && who.contains('n'));
                assert_eq!(
                    op["security"][0].as_object().unwrap().is_empty(),
                    open,
                    "{path}"
                );
                named.insert(format!("{method} {path}"));
            }
        }
        assert_eq!(named, EXPECTED.iter().map(|e| e.0.to_owned()).collect());
    });
}

#[test]
fn a_station_is_set_up_from_the_terminals_code_and_a_pilot_is_made() {
    let dir = tempfile::tempdir().unwrap();
    with_people(dir.path(), None, |said, file| async move {
        let at = said.at;
        let first = said.first_code.clone().unwrap();
        let mut b = Browser::new(at).await;
        assert_eq!(b.hello(at).await["state"], "first_run");
        let enrol =
            |name: &str, code: &str| json!({"name": name, "code": code, "password": PASSWORD});
        let wrong = b.post(at, "/api/enrol", &enrol("Zhou", "GUESS")).await;
        assert_eq!(code(&wrong), (401, "people.code_wrong"));
        let weak = json!({"name": "Zhou", "code": first, "password": "short"});
        let weak = b.post(at, "/api/enrol", &weak).await;
        assert_eq!(code(&weak), (400, "people.password_short"));
        assert_eq!(weak.1["reason"]["params"]["value"], secret::MIN_PASSWORD);
        let (_, told) = b.post(at, "/api/enrol", &enrol("Zhou", &first)).await;
        assert_eq!(told["accepted"], true, "{told}");
        let secret = secret::from_base32(told["secret"].as_str().unwrap()).unwrap();
        assert!(told["square"].as_array().unwrap().len() > 20);
        let confirm = |totp: String| json!({"name": "Zhou", "code": first, "totp": totp});
        let bad = b
            .post(at, "/api/enrol/confirm", &confirm("000000".into()))
            .await;
        assert_eq!(code(&bad), (400, "people.totp_wrong"));
        assert!(
            !file.exists(),
            "nothing is kept of a setup that is not finished"
        );
        let right = secret::code_at(&secret, utc_s()).unwrap();
        let (status, _) = b
            .post(at, "/api/enrol/confirm", &confirm(right.clone()))
            .await;
        assert_eq!(status, 200);
        let hello = b.hello(at).await;
        assert_eq!(
            (&hello["state"], &hello["who"]["roles"]),
            (&json!("in"), &json!(["admin"]))
        );
        // The code that proved the telephone opens nothing more.
        let again = Browser::new(at)
            .await
            .log_in_with(at, "Zhou", PASSWORD, &right)
            .await;
        assert_eq!(code(&again), (401, "people.wrong"));
        // A pilot, with a name of this place.
        let new = json!({"name": "王建国", "roles": ["pilot"]});
        let (status, made) = b.post(at, "/api/people", &new).await;
        assert_eq!(status, 200, "{made}");
        let (_, list) = b.get(at, "/api/people").await;
        assert_eq!(list["people"][1]["state"], "waiting");
        let text = list.to_string();
        assert!(
            !text.contains("argon2") && !text.contains("digest") && !text.contains("totp"),
            "{text}"
        );
        let mut p = Browser::new(at).await;
        let theirs = json!({"name": "王建国", "code": made["code"], "password": PASSWORD});
        let (_, told) = p.post(at, "/api/enrol", &theirs).await;
        let secret = secret::from_base32(told["secret"].as_str().unwrap()).unwrap();
        let totp = secret::code_at(&secret, utc_s()).unwrap();
        let confirm = json!({"name": "王建国", "code": made["code"], "totp": totp});
        assert_eq!(p.post(at, "/api/enrol/confirm", &confirm).await.0, 200);
        assert_eq!(p.hello(at).await["who"]["roles"], json!(["pilot"]));
        // What the disk has: for its owner, whole, and no secret of today's session.
        let kept = std::fs::read_to_string(&file).unwrap();
        assert!(!kept.contains(&p.cookie) && !kept.contains(PASSWORD));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        // An admin shuts the pilot out: the next request is nobody's, and the socket closes.
        let mut page = p.live(at).await.ok().unwrap();
        page.snapshot().await;
        let path = "/api/people/%E7%8E%8B%E5%BB%BA%E5%9B%BD/disable";
        assert_eq!(b.post(at, path, &json!({"disabled": true})).await.0, 200);
        assert_eq!(p.get(at, "/api/camera/1").await.0, 401);
        page.closed("one who is shut out").await;
        let last = b
            .post(at, "/api/people/Zhou/disable", &json!({"disabled": true}))
            .await;
        assert_eq!(code(&last), (409, "people.last_admin"));
    });
}

#[test]
fn a_session_is_a_strict_cookie_that_rotates_and_a_token_that_is_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("people.json");
    write_people(
        &file,
        &[
            ("Zhou", &[Role::Admin]),
            ("Li", &[Role::Pilot]),
            ("Chen", &[Role::Pilot]),
        ],
    );
    with_people(dir.path(), None, |said, file| async move {
        let at = said.at;
        let mut li = Browser::new(at).await;
        let anonymous = li.csrf.clone();
        let origin = format!("http://{at}");
        let totp = secret::code_at(&totp_secret("Li"), utc_s()).unwrap();
        let login = json!({"name": " li ", "password": PASSWORD, "totp": totp}).to_string();
        // Nobody's page logs anybody in: without the token, without our origin, from another's.
        for headers in [
            &[("Origin", origin.as_str())][..],
            &[("X-CSRF", anonymous.as_str())],
            &[
                ("Origin", "http://evil.example"),
                ("X-CSRF", anonymous.as_str()),
            ],
        ] {
            let (status, head, _) = request(at, "POST", "/api/login", headers, &login).await;
            assert_eq!(status, 403);
            assert!(!head.contains("set-cookie"));
        }
        let headers = [("Origin", origin.as_str()), ("X-CSRF", anonymous.as_str())];
        let (status, head, body) = request(at, "POST", "/api/login", &headers, &login).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let cookie = head
            .split("set-cookie: ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        let name = format!("patrol-{}=", at.port());
        let id = cookie
            .strip_prefix(&name)
            .unwrap()
            .split(';')
            .next()
            .unwrap();
        assert_eq!(id.len(), 64);
        assert!(
            cookie.ends_with("; path=/; httponly; samesite=strict"),
            "{cookie}"
        );
        li.cookie = format!("{name}{id}");
        // The token of before is not the session's, and another's is not either.
        let hold = json!({"key": "k", "intent": {"kind": "hold", "aircraft": null}});
        assert_eq!(
            li.post(at, "/api/command", &hold).await.0,
            403,
            "the anonymous token"
        );
        li.hello(at).await;
        assert_eq!(li.post(at, "/api/command", &hold).await.0, 200);
        let chen = Browser::of(at, "Chen").await;
        let mut mixed = Browser {
            cookie: li.cookie.clone(),
            csrf: chen.csrf.clone(),
        };
        assert_eq!(
            mixed.post(at, "/api/command", &hold).await.0,
            403,
            "another's token"
        );
        // A made-up id is nobody's, and is never taken over.
        let mut fixed = Browser::new(at).await;
        fixed.cookie = format!("{name}{}", "a".repeat(64));
        assert_eq!(fixed.hello(at).await["state"], "login");
        // Another logs in at Li's browser: a new id, and the old one is dead.
        let old = li.clone();
        let mut io_people = io::hold(&file).unwrap().read().unwrap();
        io_people.get_mut("Chen").unwrap().totp_step = None;
        io::hold(&file).unwrap().write(&io_people).unwrap();
        let totp = secret::code_at(&totp_secret("Chen"), utc_s()).unwrap();
        assert_eq!(li.log_in_with(at, "Chen", PASSWORD, &totp).await.0, 200);
        assert_ne!(li.cookie, old.cookie);
        assert_eq!(li.hello(at).await["who"]["name"], "Chen");
        assert_eq!(old.clone().hello(at).await["state"], "login");
        // In whose name somebody launches is not a free text.
        let launch = json!({"key": "l", "intent": intent("launch")});
        let other = li.post(at, "/api/command", &launch).await;
        assert_eq!(code(&other), (403, "people.not_you"));
        // Locked: by hand, and opened with the password; alarms go on meanwhile.
        let mut page = li.live(at).await.ok().unwrap();
        page.snapshot().await;
        assert_eq!(li.post(at, "/api/lock", &json!({})).await.0, 200);
        assert_eq!(li.hello(at).await["state"], "locked");
        assert_eq!(
            code(&li.get(at, "/api/camera/1").await),
            (423, "people.locked")
        );
        assert_eq!(
            li.post(at, "/api/command", &hold).await.0,
            200,
            "stopping is one press"
        );
        let takes = json!({"key": "t", "intent": {"kind": "take_control", "officer": "Chen"}});
        let mut chen = chen;
        assert_eq!(chen.post(at, "/api/command", &takes).await.0, 200);
        page.until("an event while locked", |v| {
            (v["type"] == "event").then_some(())
        })
        .await;
        let wrong = li.post(at, "/api/unlock", &json!({"password": "no"})).await;
        assert_eq!(code(&wrong), (401, "people.wrong"));
        assert_eq!(
            li.post(at, "/api/unlock", &json!({"password": PASSWORD}))
                .await
                .0,
            200
        );
        assert_eq!(li.hello(at).await["state"], "in");
        // One's own password: the old one is asked, and the new one counts.
        let change = |old: &str, new: &str| json!({"old": old, "new": new});
        let wrong = li
            .post(
                at,
                "/api/me/password",
                &change("no", "another good password"),
            )
            .await;
        assert_eq!(code(&wrong), (401, "people.wrong"));
        let done = li
            .post(
                at,
                "/api/me/password",
                &change(PASSWORD, "another good password"),
            )
            .await;
        assert_eq!(done.0, 200, "{done:?}");
        assert_eq!(
            li.post(at, "/api/unlock", &json!({"password": PASSWORD}))
                .await
                .0,
            401
        );
        let stays = li.hello(at).await;
        assert_eq!(stays["state"], "in");
        // One's own sessions: nobody else's, and no id.
        let (_, own) = li.get(at, "/api/me/sessions").await;
        let own = own["sessions"].as_array().unwrap().clone();
        assert_eq!(
            (own.len(), &own[0]["here"]),
            (1, &json!(true)),
            "the password ended the others"
        );
        let mut elsewhere = Browser::new(at).await;
        let mut people = io::hold(&file).unwrap().read().unwrap();
        people.get_mut("Chen").unwrap().totp_step = None;
        io::hold(&file).unwrap().write(&people).unwrap();
        let totp = secret::code_at(&totp_secret("Chen"), utc_s()).unwrap();
        let again = elsewhere
            .log_in_with(at, "Chen", "another good password", &totp)
            .await;
        assert_eq!(again.0, 200, "{again:?}");
        let ends = |p: &str| json!({"password": p});
        let path = "/api/me/sessions/end";
        assert_eq!(
            code(&li.post(at, path, &ends("no")).await),
            (401, "people.wrong")
        );
        let (status, ended) = li.post(at, path, &ends("another good password")).await;
        assert_eq!((status, &ended["ended"]), (200, &json!(1)));
        assert_eq!(elsewhere.hello(at).await["state"], "login");
        // A page that speaks is closed: nothing it could say has a row.
        let mut page = li.live(at).await.ok().unwrap();
        page.snapshot().await;
        let masked = [0x81u8, 0x82, 0, 0, 0, 0, b'{', b'}'];
        page.stream.write_all(&masked).await.unwrap();
        page.closed("a page that speaks").await;
        assert_eq!(li.post(at, "/api/logout", &json!({})).await.0, 200);
        li.hello(at).await;
        assert_eq!(li.live(at).await.err(), Some(401));
    });
}

#[test]
fn guessing_is_slowed_down_and_told_how_long() {
    let dir = tempfile::tempdir().unwrap();
    write_people(&dir.path().join("people.json"), &[("Li", &[Role::Pilot])]);
    with_people(dir.path(), None, |said, _| async move {
        let at = said.at;
        let mut b = Browser::new(at).await;
        let mut answers = BTreeMap::new();
        for name in ["Li", "made up"] {
            let mut all = Vec::new();
            for n in 0..8 {
                let got = b
                    .log_in_with(at, name, &format!("guess {n}"), "000000")
                    .await;
                all.push(code(&got).1.to_owned());
            }
            answers.insert(name, all);
        }
        let li = &answers["Li"];
        assert_eq!(li[..6], ["people.wrong"; 6]);
        assert!(li[6..].iter().any(|c| c == "people.wait"), "{li:?}");
        assert_eq!(
            answers["Li"], answers["made up"],
            "who is known must not be seen"
        );
        let origin = format!("http://{at}");
        let headers = [("Origin", origin.as_str()), ("X-CSRF", b.csrf.as_str())];
        let body = json!({"name": "Li", "password": PASSWORD, "totp": "000000"}).to_string();
        for _ in 0..12 {
            request(at, "POST", "/api/login", &headers, &body).await;
        }
        let (status, head, _) = request(at, "POST", "/api/login", &headers, &body).await;
        assert_eq!(status, 429);
        assert!(head.contains("retry-after: "), "{head}");
    });
}

#[test]
fn every_use_and_every_refusal_is_in_the_signed_record() {
    let dir = tempfile::tempdir().unwrap();
    write_people(
        &dir.path().join("people.json"),
        &[
            ("Zhou", &[Role::Admin]),
            ("Li", &[Role::Viewer]),
            ("Sun", &[Role::Evidence]),
        ],
    );
    with_people(dir.path(), None, |said, _| async move {
        let at = said.at;
        let mut li = Browser::of(at, "Li").await;
        li.live(at).await.ok().unwrap().snapshot().await;
        let picture = format!("/api/picture/{}", "ab".repeat(32));
        for _ in 0..3 {
            assert_eq!(li.get(at, &picture).await.0, 404);
        }
        let launch = json!({"key": "l", "intent": intent("launch")});
        assert_eq!(li.post(at, "/api/command", &launch).await.0, 403);
        assert_eq!(li.get(at, "/api/people").await.0, 403);
        let mut zhou = Browser::of(at, "Zhou").await;
        let roles = json!({"roles": ["pilot"]});
        assert_eq!(zhou.post(at, "/api/people/Li/roles", &roles).await.0, 200);
        Browser::new(at)
            .await
            .log_in_with(at, "Li", "wrong", "000000")
            .await;
        // A password in the place of a name is not written down.
        Browser::new(at)
            .await
            .log_in_with(at, "my secret password", "Li", "000000")
            .await;
        assert_eq!(Browser::new(at).await.get(at, "/api/people").await.0, 401);
        let mut sun = Browser::of(at, "Sun").await;
        let (status, audit) = sun.get(at, "/api/audit").await;
        assert_eq!(status, 200);
        assert!(audit["lines"].as_array().unwrap().len() > 8);
    });
    let folder = find(&dir.path().join("flight")).unwrap();
    let (lines, bad) = line::read(&read_folder(&folder).unwrap().events);
    assert_eq!(bad, 0);
    let told: Vec<Access> = lines
        .into_iter()
        .filter_map(|l| match l.fact {
            line::Fact::Access { access } => Some(access),
            _ => None,
        })
        .collect();
    let count = |who: Option<&str>, what: &str, about: &str, denied: Option<&str>| {
        told.iter()
            .filter(|a| {
                a.again == 0
                    && a.who.as_deref() == who
                    && a.what == what
                    && a.about == about
                    && a.denied.as_deref() == denied
            })
            .count()
    };
    let picture = "ab".repeat(32);
    for (who, what, about, denied, times) in [
        (None, "POST /api/login", "Li", None, 1),
        (None, "POST /api/login", "Li", Some("people.wrong"), 1),
        (
            None,
            "POST /api/login",
            "(a name that nobody has)",
            Some("people.wrong"),
            1,
        ),
        (Some("Li"), "GET /api/live", "", None, 1),
        // Three looks are one line, and one with the count of the others.
        (Some("Li"), "GET /api/picture/{sha256}", &picture, None, 1),
        // A viewer's command is refused at its endpoint already.
        (
            Some("Li"),
            "POST /api/command",
            "",
            Some("people.not_allowed"),
            1,
        ),
        (
            Some("Li"),
            "GET /api/people",
            "",
            Some("people.not_allowed"),
            1,
        ),
        (None, "GET /api/people", "", Some("people.log_in"), 1),
        (Some("Zhou"), "POST /api/people/{name}/roles", "Li", None, 1),
        (Some("Sun"), "GET /api/audit", "", None, 1),
    ] {
        assert_eq!(
            count(who, what, about, denied),
            times,
            "{who:?} {what} {about} {denied:?}: {told:#?}"
        );
    }
    let others = told.iter().find(|a| a.about == picture && a.again > 0);
    assert_eq!(others.map(|a| a.again), Some(2), "{told:#?}");
    assert!(
        told.iter()
            .all(|a| a.who.is_none() || a.from == "127.0.0.1")
    );
    assert!(told[0].what.starts_with("people at the start") && told[0].about.contains("sha256"));
    let folder = Folder::open(&folder, Syncing::Always).unwrap();
    let report = verify(&folder, &Asked::default()).unwrap();
    assert!(report.is_complete(), "{report:?}");
}

#[test]
fn over_tls_the_cookie_is_secure_and_without_tls_nobody_is_answered() {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    let dir = tempfile::tempdir().unwrap();
    write_people(&dir.path().join("people.json"), &[("Li", &[Role::Pilot])]);
    let pem = dir.path().join("console-tls.pem");
    let own = tls::Certificate::Own {
        file: pem.clone(),
        names: Vec::new(),
    };
    let identity = tls::identity(&own).unwrap();
    with_people(dir.path(), Some(identity), |said, _| async move {
        let at = said.at;
        assert_eq!(said.url, format!("https://{at}/"));
        assert_eq!(said.fingerprint.as_ref().map(String::len), Some(95));
        // Plain HTTP gets no page.
        let mut s = TcpStream::connect(at).await.unwrap();
        s.write_all(format!("GET / HTTP/1.1\r\nHost: {at}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut got = Vec::new();
        let _ = soon("no page", s.read_to_end(&mut got)).await;
        assert!(
            !String::from_utf8_lossy(&got).contains("HTTP/1.1"),
            "{got:?}"
        );
        // A browser that trusts this certificate, by its name.
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(&pem).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let talk = async |head: String| {
            let tcp = TcpStream::connect(at).await.unwrap();
            let name = ServerName::try_from("127.0.0.1").unwrap();
            let mut s = connector.connect(name, tcp).await.unwrap();
            s.write_all(head.as_bytes()).await.unwrap();
            let mut all = Vec::new();
            let _ = soon("an answer", s.read_to_end(&mut all)).await;
            String::from_utf8_lossy(&all).into_owned()
        };
        let hello = talk(format!(
            "GET /api/hello HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"
        ))
        .await;
        let csrf = hello
            .split("\"csrf\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let totp = secret::code_at(&totp_secret("Li"), utc_s()).unwrap();
        let body = json!({"name": "Li", "password": PASSWORD, "totp": totp}).to_string();
        let login = |origin: &str| {
            format!(
                "POST /api/login HTTP/1.1\r\nHost: {at}\r\nOrigin: {origin}\r\nX-CSRF: {csrf}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
        };
        let plain = talk(login(&format!("http://{at}"))).await;
        assert!(
            plain.starts_with("HTTP/1.1 403"),
            "a page without TLS: {plain}"
        );
        let secure = talk(login(&format!("https://{at}"))).await;
        assert!(secure.starts_with("HTTP/1.1 200"), "{secure}");
        assert!(
            secure.contains("__Host-patrol=") && secure.contains("SameSite=Strict; Secure"),
            "{secure}"
        );
    });
}

#[test]
fn off_this_machine_there_is_no_page_without_people_and_tls() {
    let dir = tempfile::tempdir().unwrap();
    let people = Entrance::People {
        file: dir.path().join("people.json"),
    };
    let plain = ServeSetup {
        http: ([0, 0, 0, 0], 0).into(),
        entrance: people,
        ..setup(dir.path(), ([127, 0, 0, 1], 9).into())
    };
    let e = serve(plain, |_| panic!("it listens"))
        .unwrap_err()
        .to_string();
    assert!(e.contains("TLS") && e.contains("127.0.0.1"), "{e}");
    let own = tls::Certificate::Own {
        file: dir.path().join("tls.pem"),
        names: Vec::new(),
    };
    let open = ServeSetup {
        http: ([0, 0, 0, 0], 0).into(),
        tls: Some(tls::identity(&own).unwrap()),
        ..setup(dir.path(), ([127, 0, 0, 1], 9).into())
    };
    let e = serve(open, |_| panic!("it listens"))
        .unwrap_err()
        .to_string();
    assert!(e.contains("passwords"), "{e}");
}

#[test]
fn messages_are_those_of_the_page_and_endpoints_all_have_rows() {
    let types: BTreeSet<&str> = MESSAGES.iter().map(|m| m.0).collect();
    let expected = [
        "aircraft",
        "anomaly",
        "batch",
        "event",
        "incident",
        "patrol",
        "plan",
        "preflight",
        "rehearsal",
        "replay",
        "snapshot",
        "venue",
    ];
    assert_eq!(types, expected.into());
    let endpoints: BTreeSet<Endpoint> = ROUTES.iter().map(|r| r.endpoint).collect();
    assert_eq!(endpoints.len(), ROUTES.len());
}

#[test]
fn who_only_watches_keeps_nothing_flying_and_an_unknown_message_reaches_nobody() {
    let (mut hub, _, _) = hub::Hub::new(None);
    let viewer = hub.join(json!({"type": "snapshot"}), false).unwrap();
    assert!(!hub.is_watched());
    let mut pilot = hub.join(json!({"type": "snapshot"}), true).unwrap();
    assert!(hub.is_watched());
    hub.tell(json!({"type": "keys"}));
    let said = pilot.events.try_recv().unwrap();
    assert_eq!((said.kind, said.seq), ("", 1));
    assert!(!access::hears(said.kind, &Role::ALL.into()));
    drop(pilot);
    assert!(!hub.is_watched());
    drop(viewer);
}
