//! The console over real sockets on this machine: who is let in, what a page hears, who is closed, what is recorded.

use super::flight::serve_until;
use super::playback::replay_until;
use super::*;
use crate::evidence::io::{Folder, Syncing};
use crate::evidence::verify::{Asked, verify};
use crate::record::tests::{START, STORE, anomaly_frame, lat_e7, second_of_flight};
use crate::record::{find, line, read_folder};
use link::common::{MavMessage as Common, MavSeverity, STATUSTEXT_DATA};
use link::frame::Stamper;
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Nothing here takes this long, unless it is broken.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn soon<T>(what: &str, f: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, f).await {
        Ok(v) => v,
        Err(_) => panic!("{what}: nothing within {LIMIT:?}"),
    }
}

pub(super) fn setup(dir: &Path, link: SocketAddr) -> ServeSetup {
    ServeSetup {
        links: vec![Endpoint::Tcp(link.to_string())],
        http: ([127, 0, 0, 1], 0).into(),
        entrance: Entrance::Open {
            officer: "tester".into(),
        },
        tls: None,
        names: Vec::new(),
        store: dir.join("store"),
        record: Some(dir.join("flight")),
        signer: Some(Signer::from_seed(&[7; 32])),
        seal: true,
        desk: DeskConfig::default(),
        plan: None,
        plans: Vec::new(),
        vehicle: None,
        rehearse: None,
        rerun: None,
        lang: Some("zh-CN".into()),
        json: false,
    }
}

/// Runs a console with one aircraft's line and a story beside it.
pub(super) fn with_console<F: Future<Output = ()>>(
    dir: &Path,
    story: impl FnOnce(SocketAddr, TcpStream) -> F,
) {
    runtime().unwrap().block_on(async {
        let aircraft = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = aircraft.local_addr().unwrap();
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = serve_until(
            setup(dir, link),
            move |said| tell.send(said.at).unwrap(),
            async move {
                let _ = stopped.await;
            },
        );
        let told_story = async {
            let at = soon("ready", told).await.unwrap();
            let (line, _) = soon("the line", aircraft.accept()).await.unwrap();
            story(at, line).await;
            stop.send(()).unwrap();
        };
        let (served, ()) = tokio::join!(served, told_story);
        served.unwrap();
    });
}

/// Runs a replay and a story beside it.
pub(super) fn with_replay<F: Future<Output = ()>>(dir: &Path, story: impl FnOnce(SocketAddr) -> F) {
    runtime().unwrap().block_on(async {
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let setup = ReplaySetup {
            dir: dir.to_owned(),
            http: ([127, 0, 0, 1], 0).into(),
            speed: 16.0,
            lang: None,
            rerun: None,
            refly: None,
            mavlink: None,
        };
        let served = replay_until(setup, move |said| tell.send(said.at).unwrap(), async move {
            let _ = stopped.await;
        });
        let told_story = async {
            let at = soon("ready", told).await.unwrap();
            story(at).await;
            stop.send(()).unwrap();
        };
        let (served, ()) = tokio::join!(served, told_story);
        served.unwrap();
    });
}

/// One request in the plainest HTTP: status, head, body.
pub(super) async fn request(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String, Vec<u8>) {
    let host = at.to_string();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|h| h.0 == "Host") {
        head.push_str(&format!("Host: {host}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let mut s = TcpStream::connect(at).await.unwrap();
    s.write_all(head.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    soon(path, s.read_to_end(&mut all)).await.unwrap();
    let cut = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&all[..cut]).to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, all[cut + 4..].to_vec())
}

async fn csrf(at: SocketAddr) -> String {
    let (status, _, body) = request(at, "GET", "/api/hello", &[], "").await;
    assert_eq!(status, 200);
    let hello: Value = serde_json::from_slice(&body).unwrap();
    hello["csrf"].as_str().unwrap().to_owned()
}

/// A POST as the page makes it.
pub(super) async fn post(at: SocketAddr, path: &str, body: &Value) -> Value {
    let (csrf, origin) = (csrf(at).await, format!("http://{at}"));
    let headers = [("Origin", origin.as_str()), ("X-CSRF", csrf.as_str())];
    let (status, _, answer) = request(at, "POST", path, &headers, &body.to_string()).await;
    assert_eq!(status, 200, "{path}");
    serde_json::from_slice(&answer).unwrap()
}

pub(super) async fn command(at: SocketAddr, key: &str, intent: Value) -> Value {
    post(at, "/api/command", &json!({"key": key, "intent": intent})).await
}

#[derive(Debug)]
pub(super) enum Got {
    Text(Value),
    Batch(Vec<u8>),
    Closed,
}

/// A page's socket, by hand.
pub(super) struct Page {
    pub(super) stream: TcpStream,
    buf: Vec<u8>,
}

impl Page {
    pub(super) async fn open(at: SocketAddr) -> Page {
        let stream = TcpStream::connect(at).await.unwrap();
        Page::over(stream, at, &format!("http://{at}"))
            .await
            .unwrap()
    }

    /// `Err`: the status of a refusal.
    async fn over(stream: TcpStream, at: SocketAddr, origin: &str) -> Result<Page, u16> {
        Page::with(stream, at, origin, "").await
    }

    /// As somebody: `cookie` as a browser sends it, or empty.
    pub(super) async fn with(
        mut stream: TcpStream,
        at: SocketAddr,
        origin: &str,
        cookie: &str,
    ) -> Result<Page, u16> {
        let head = format!(
            "GET /api/live HTTP/1.1\r\nHost: {at}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut buf = Vec::new();
        loop {
            if let Some(cut) = buf.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&buf[..cut]).into_owned();
                let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
                if status != 101 {
                    return Err(status);
                }
                buf.drain(..cut + 4);
                return Ok(Page { stream, buf });
            }
            let n = soon("upgrade", stream.read_buf(&mut buf)).await.unwrap();
            assert_ne!(n, 0, "closed before it was upgraded");
        }
    }

    pub(super) async fn next(&mut self) -> Got {
        loop {
            if let Some((code, payload, len)) = self.frame() {
                self.buf.drain(..len);
                match code {
                    1 => return Got::Text(serde_json::from_slice(&payload).unwrap()),
                    2 => return Got::Batch(payload),
                    8 => return Got::Closed,
                    _ => continue,
                }
            }
            match soon("a frame", self.stream.read_buf(&mut self.buf)).await {
                Ok(0) | Err(_) => return Got::Closed,
                Ok(_) => {}
            }
        }
    }

    fn frame(&self) -> Option<(u8, Vec<u8>, usize)> {
        let b = &self.buf;
        let (len, at) = match *b.get(1)? & 0x7F {
            126 => (
                usize::from(u16::from_be_bytes(b.get(2..4)?.try_into().unwrap())),
                4,
            ),
            127 => (
                usize::try_from(u64::from_be_bytes(b.get(2..10)?.try_into().unwrap())).unwrap(),
                10,
            ),
            n => (usize::from(n), 2),
        };
        let payload = b.get(at..at + len)?.to_vec();
        Some((b[0] & 0x0F, payload, at + len))
    }

    /// The next text that `f` wants; batches and other texts pass.
    pub(super) async fn until<T>(
        &mut self,
        what: &str,
        mut f: impl FnMut(&Value) -> Option<T>,
    ) -> T {
        // As a whole: batches come without end.
        soon(what, async {
            loop {
                match self.next().await {
                    Got::Text(v) => {
                        if let Some(t) = f(&v) {
                            return t;
                        }
                    }
                    Got::Batch(_) => {}
                    Got::Closed => panic!("closed while waiting for {what}"),
                }
            }
        })
        .await
    }

    /// Whatever still comes, it ends.
    pub(super) async fn closed(&mut self, what: &str) {
        soon(what, async {
            while !matches!(self.next().await, Got::Closed) {}
        })
        .await;
    }

    pub(super) async fn snapshot(&mut self) -> Value {
        self.until("a snapshot", |v| {
            (v["type"] == "snapshot").then(|| v.clone())
        })
        .await
    }
}

fn status_text(s: &mut Stamper, text: &str) -> Vec<u8> {
    let mut d = STATUSTEXT_DATA {
        severity: MavSeverity::MAV_SEVERITY_INFO,
        ..STATUSTEXT_DATA::default()
    };
    d.text = text.into();
    s.frame(Common::STATUSTEXT(d)).bytes().to_vec()
}

#[test]
fn only_our_own_page_is_let_in() {
    let dir = tempfile::tempdir().unwrap();
    with_console(dir.path(), |at, _line| async move {
        let token = csrf(at).await;
        let own = format!("http://{at}");
        let (own, token) = (own.as_str(), token.as_str());
        let evil = "http://evil.example";
        let status = async |method: &str, path: &str, headers: &[(&str, &str)]| {
            request(at, method, path, headers, "{}").await.0
        };
        // The page itself, with its policy, kept by content.
        let (ok, head, body) = request(at, "GET", "/", &[], "").await;
        assert_eq!(ok, 200);
        assert!(
            head.contains("content-security-policy: default-src 'none'"),
            "{head}"
        );
        assert!(String::from_utf8_lossy(&body).contains("console.js"));
        let etag = head.split("etag: ").nth(1).unwrap().lines().next().unwrap();
        assert_eq!(status("GET", "/", &[("If-None-Match", etag)]).await, 304);
        assert_eq!(status("GET", "/console.js", &[]).await, 200);
        assert_eq!(status("GET", "/../Cargo.toml", &[]).await, 404);
        // Names bent to this machine.
        for host in [
            "evil.example",
            "127.0.0.1:1",
            "evil.example:80",
            "127.0.0.1.evil.example",
        ] {
            assert_eq!(
                status("GET", "/api/hello", &[("Host", host)]).await,
                403,
                "{host}"
            );
        }
        let local = format!("localhost:{}", at.port());
        assert_eq!(status("GET", "/api/hello", &[("Host", &local)]).await, 200);
        // Other pages on this machine.
        assert_eq!(status("GET", "/api/hello", &[("Origin", evil)]).await, 403);
        for path in [
            "/api/command",
            "/api/plan",
            "/api/plan/make",
            "/api/venue/import",
        ] {
            assert_eq!(
                status("POST", path, &[("Origin", own)]).await,
                403,
                "no token"
            );
            assert_eq!(
                status("POST", path, &[("X-CSRF", token)]).await,
                403,
                "no origin"
            );
            let wrong = [("Origin", own), ("X-CSRF", "0")];
            assert_eq!(status("POST", path, &wrong).await, 403, "wrong token");
            let foreign = [("Origin", evil), ("X-CSRF", token)];
            assert_eq!(status("POST", path, &foreign).await, 403, "foreign origin");
        }
        let foreign = Page::over(TcpStream::connect(at).await.unwrap(), at, evil).await;
        assert_eq!(foreign.err(), Some(403));
        // Nonsense is an answer; too much is not read.
        let bad = post(
            at,
            "/api/command",
            &json!({"key": "k", "intent": {"kind": "dance"}}),
        )
        .await;
        assert_eq!(bad["reason"]["code"], "desk.bad_request");
        let bad = post(at, "/api/plan", &json!({})).await;
        assert_eq!(bad["accepted"], false);
        let long = "x".repeat(70_000);
        let headers = [("Origin", own), ("X-CSRF", token)];
        let (status, ..) = request(at, "POST", "/api/command", &headers, &long).await;
        assert_eq!(status, 413);
        for path in ["/api/picture/..%2F..%2Fx", "/api/camera/1", "/api/nothing"] {
            assert_eq!(request(at, "GET", path, &[], "").await.0, 404, "{path}");
        }
    });
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for http in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let setup = ServeSetup {
            http: http.parse().unwrap(),
            ..setup(dir.path(), ([127, 0, 0, 1], 9).into())
        };
        let e = serve(setup, |_| panic!("it listens on {http}")).unwrap_err();
        assert!(e.to_string().contains("127.0.0.1"), "{e}");
    }
}

#[test]
fn a_page_gets_a_snapshot_then_every_event_and_a_key_acts_once() {
    let dir = tempfile::tempdir().unwrap();
    with_console(dir.path(), |at, mut line| async move {
        let mut page = Page::open(at).await;
        let Got::Text(snapshot) = page.next().await else {
            panic!("the first thing is no snapshot");
        };
        assert_eq!(snapshot["type"], "snapshot");
        assert!(snapshot["replay"].is_null());
        let mut seq = snapshot["seq"].as_u64().unwrap();
        let (mut autopilot, mut companion) = (Stamper::new(1, 1), Stamper::new(1, 191));
        line.write_all(&second_of_flight(&mut autopilot, 7))
            .await
            .unwrap();
        line.write_all(&anomaly_frame(&mut companion, 1))
            .await
            .unwrap();
        let mut anomaly = None;
        let mut lat = 0;
        while anomaly.is_none() || lat != lat_e7(7) {
            match page.next().await {
                Got::Text(v) => {
                    seq += 1;
                    assert_eq!(v["seq"], seq, "a gap");
                    if v["type"] == "anomaly" {
                        anomaly = Some(v["anomaly"]["id"].as_str().unwrap().to_owned());
                    }
                }
                Got::Batch(b) => {
                    if b[12] == 1 {
                        lat = i32::from_le_bytes(b[17..21].try_into().unwrap());
                        assert_eq!(
                            b[13 + 2],
                            0,
                            "no companion was heard: nobody is said to be in charge"
                        );
                    }
                }
                Got::Closed => panic!("closed"),
            }
        }
        let id = anomaly.unwrap();
        assert_eq!(id, crate::desk::anomaly_id(STORE, 1));
        // The same click twice: the same answer, one order.
        let first = command(at, "one", json!({"kind": "hold", "aircraft": 1})).await;
        assert_eq!(first["accepted"], true);
        assert_eq!(
            command(at, "one", json!({"kind": "hold", "aircraft": 1})).await,
            first
        );
        let confirm = json!({"kind": "confirm", "anomaly": id});
        assert_eq!(command(at, "two", confirm).await["accepted"], true);
        let mut orders = 0;
        page.until("the confirmation", |v| {
            orders += usize::from(v["event"]["code"] == "order_sent");
            (v["anomaly"]["state"] == "confirmed").then_some(())
        })
        .await;
        assert_eq!(orders, 1);
        // Whoever comes later sees the same in the snapshot.
        let later = Page::open(at).await.snapshot().await;
        assert_eq!(later["anomalies"][0]["state"], "confirmed");
        assert_eq!(later["aircraft"][0]["eyes"], "off");
        // The keep-alive reaches the aircraft.
        let mut heard = [0u8; 1];
        soon("a keep-alive", line.read_exact(&mut heard))
            .await
            .unwrap();
        assert_eq!(heard[0], 0xFD);
    });
}

#[test]
fn a_page_that_does_not_read_is_closed_and_the_others_miss_nothing() {
    let dir = tempfile::tempdir().unwrap();
    with_console(dir.path(), |at, mut line| async move {
        let mut good = Page::open(at).await;
        let mut seq = good.snapshot().await["seq"].as_u64().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(at).await.unwrap();
        let slow = Page::over(stream, at, &format!("http://{at}"))
            .await
            .unwrap();
        let mut autopilot = Stamper::new(1, 1);
        let mut rounds = 0;
        // A ping is refused by the system once the server has let go.
        let ping = [0x89u8, 0x80, 0, 0, 0, 0];
        while slow.stream.try_write(&ping).is_ok() {
            rounds += 1;
            assert!(rounds < 2_000, "never closed");
            let mut bytes = Vec::new();
            for _ in 0..99 {
                bytes.extend(status_text(&mut autopilot, &"x".repeat(50)));
            }
            let last = format!("round {rounds}");
            bytes.extend(status_text(&mut autopilot, &last));
            line.write_all(&bytes).await.unwrap();
            good.until("the round's last word", |v| {
                seq += 1;
                assert_eq!(v["seq"], seq, "the good page missed something");
                (v["event"]["params"]["text"] == last.as_str()).then_some(())
            })
            .await;
        }
        assert!(rounds > 1);
    });
}

#[test]
fn a_plan_is_made_for_a_wish_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    with_console(dir.path(), |at, mut line| async move {
        let mut autopilot = Stamper::new(1, 1);
        let mut page = Page::open(at).await;
        page.snapshot().await;
        // The venue's times are judged by the aircraft's clock.
        line.write_all(&second_of_flight(&mut autopilot, 1))
            .await
            .unwrap();
        page.until("the aircraft", |v| {
            (v["event"]["code"] == "aircraft_found").then_some(())
        })
        .await;
        let answer = post(
            at,
            "/api/plan/make",
            &json!({"pattern": "perimeter", "alt_m": 60}),
        )
        .await;
        assert_eq!(answer["accepted"], true, "{answer}");
        let plan = page
            .until("the plan", |v| {
                (v["type"] == "plan").then(|| v["plan"].clone())
            })
            .await;
        assert!(plan["path"].as_array().unwrap().len() > 3);
        let no = post(
            at,
            "/api/plan/make",
            &json!({"pattern": "sweep", "alt_m": 900}),
        )
        .await;
        assert_eq!(no["accepted"], false);
        // No venue was imported yet; a file without a boundary corner is refused with its place; then one is taken, and a
        // plan over it brings it.
        let over = |id: &Value| json!({"pattern": "watch_points", "alt_m": 60, "imported": id});
        let gone = post(at, "/api/plan/make", &over(&json!("none"))).await;
        assert_eq!(gone["reason"]["code"], "import.gone", "{gone}");
        let path = "/api/venue/import?name=evening.geojson&datum=wgs84";
        let mut file = missions::venue::Venue::sixi_river().to_value();
        let good = file.clone();
        file["features"][0]["geometry"]["coordinates"] = json!([[[320.0, 30.0]]]);
        let refused = post(at, path, &file).await;
        let code = refused["reason"]["code"].as_str().unwrap();
        assert!(code.starts_with("import."), "{refused}");
        assert!(refused["reason"]["params"]["place"].is_string());
        let taken = post(at, path, &good).await;
        assert_eq!(taken["accepted"], true, "{taken}");
        assert_eq!(taken["datum_stated"], true);
        // Another officer reads another venue meanwhile.
        let mut moved = good.clone();
        moved["name"] = json!("another");
        assert_eq!(post(at, path, &moved).await["accepted"], true);
        let made = post(at, "/api/plan/make", &over(&taken["id"])).await;
        assert_eq!(made["accepted"], true, "{made}");
        // Every page is shown the venue that its plans are made over.
        let other = post(at, path, &moved).await;
        let made = post(at, "/api/plan/make", &over(&other["id"])).await;
        assert_eq!(made["accepted"], true, "{made}");
        let told = page
            .until("the venue", |v| {
                (v["type"] == "venue").then(|| v["venue"].clone())
            })
            .await;
        assert_eq!(told["name"], "another");
    });
}

#[test]
fn what_was_flown_is_recorded_and_plays_on_the_same_page() {
    let dir = tempfile::tempdir().unwrap();
    with_console(dir.path(), |at, mut line| async move {
        let mut page = Page::open(at).await;
        page.snapshot().await;
        // Some keep-alives first: the recording begins before the aircraft is heard.
        let mut batches = 0;
        while batches < 6 {
            batches += usize::from(matches!(page.next().await, Got::Batch(_)));
        }
        let mut heard = [0u8; 21];
        soon("keep-alives", line.read_exact(&mut heard))
            .await
            .unwrap();
        let (mut autopilot, mut companion) = (Stamper::new(1, 1), Stamper::new(1, 191));
        for n in 0..5 {
            line.write_all(&second_of_flight(&mut autopilot, n))
                .await
                .unwrap();
        }
        line.write_all(&anomaly_frame(&mut companion, 1))
            .await
            .unwrap();
        page.until("the anomaly", |v| (v["type"] == "anomaly").then_some(()))
            .await;
        let hold = json!({"kind": "hold", "aircraft": null});
        assert_eq!(command(at, "k", hold).await["accepted"], true);
        // The slow fields name the MAVLink system.
        page.until("the aircraft's view", |v| {
            (v["aircraft"]["system_id"] == 1).then_some(())
        })
        .await;
    });
    let folder = find(&dir.path().join("flight")).unwrap();
    let files = read_folder(&folder).unwrap();
    let frames: Vec<_> = link::tlog::Reader::new(&files.tlog).collect();
    let from = |system: u8| {
        frames
            .iter()
            .filter(|(_, f)| f.header().system == system)
            .count()
    };
    assert_eq!(from(1), 21, "what came");
    assert!(from(255) > 1, "what went");
    let (lines, bad) = line::read(&files.events);
    assert_eq!(bad, 0);
    assert!(
        lines
            .iter()
            .any(|l| matches!(l.fact, line::Fact::Intent { .. }))
    );
    with_replay(dir.path().join("flight").as_path(), |at| async move {
        let (_, _, body) = request(at, "GET", "/api/hello", &[], "").await;
        let hello: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(hello["mode"], "replay");
        let mut page = Page::open(at).await;
        let snapshot = page.snapshot().await;
        assert_eq!(snapshot["anomalies"], json!([]));
        let (start, end) = (
            &snapshot["replay"]["start_ms"],
            &snapshot["replay"]["end_ms"],
        );
        assert!(start.as_i64() < end.as_i64());
        assert!(end.as_i64().unwrap() > START.0 / 1_000);
        assert_eq!(snapshot["replay"]["ticks"].as_array().unwrap().len(), 1);
        let refused = command(at, "a", json!({"kind": "hold", "aircraft": null})).await;
        assert_eq!(refused["reason"]["code"], "desk.replay_only");
        let refused = post(
            at,
            "/api/plan/make",
            &json!({"pattern": "sweep", "alt_m": 60}),
        )
        .await;
        assert_eq!(refused["reason"]["code"], "desk.replay_only");
        let seek = json!({"kind": "replay", "op": "seek", "value": end});
        assert_eq!(command(at, "b", seek).await["accepted"], true);
        let there = page.snapshot().await;
        assert_eq!(there["anomalies"].as_array().unwrap().len(), 1);
        assert_eq!(there["replay"]["playing"], false);
        loop {
            match page.next().await {
                Got::Batch(b) if b[12] == 1 => {
                    let lat = i32::from_le_bytes(b[17..21].try_into().unwrap());
                    assert_eq!(lat, lat_e7(4));
                    break;
                }
                Got::Closed => panic!("closed"),
                _ => {}
            }
        }
        // From the start again, as fast as it goes, to the end.
        let play = json!({"kind": "replay", "op": "play", "value": 0});
        assert_eq!(command(at, "c", play).await["accepted"], true);
        page.until("the end", |v| {
            (v["type"] == "replay" && v["replay"]["now_ms"] == v["replay"]["end_ms"]).then_some(())
        })
        .await;
    });
}

#[test]
fn a_second_flight_into_the_same_folder_leaves_the_first_alone() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        with_console(dir.path(), |_at, _line| async {});
    }
    let flight = dir.path().join("flight");
    assert!(flight.join("flight.tlog").is_file());
    assert!(
        dir.path().join("flight-2/flight.tlog").is_file(),
        "beside it"
    );
    for name in ["flight", "flight-2"] {
        let folder = Folder::open(&dir.path().join(name), Syncing::Always).unwrap();
        let report = verify(&folder, &Asked::default()).unwrap();
        assert!(report.is_complete(), "{name}: {report:?}");
    }
}
