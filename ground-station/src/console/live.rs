//! One page's socket: events in order from its queue, the newest batch in between; before each it is asked whether this
//! session may still hear it. A page that does not read is closed, and so is one that speaks.

use super::gate::{self, Asker};
use super::http::App;
use super::hub::{Joined, Said};
use crate::people::Denied;
use crate::people::house::Caller;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;

/// A page must take one message within this.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// Longest thing that a page may send, bytes: it has nothing to say here.
const MAX_IN: usize = 4 * 1024;

/// A page's session is said to be there this often.
const SEEN_EVERY: Duration = Duration::from_secs(30);

/// Answers the upgrade and serves the page.
pub(super) fn serve(
    upgrade: WebSocketUpgrade,
    joined: Joined,
    app: App,
    asker: Asker,
    caller: Caller,
) -> Response {
    upgrade
        .max_message_size(MAX_IN)
        .max_frame_size(MAX_IN)
        .on_upgrade(move |socket| page(socket, joined, app, asker, caller))
}

/// What of a message may go: `None`, the session has ended or its roles are others.
fn heard(app: &App, caller: &Caller, said: Said) -> Option<Message> {
    Some(if app.doors.hears(caller, said.kind)? {
        Message::Text(said.text)
    } else {
        // Its number goes, or the page would take it for lost.
        let seq = said.seq;
        Message::Text(format!("{{\"type\":\"withheld\",\"seq\":{seq}}}").into())
    })
}

async fn page(socket: WebSocket, joined: Joined, app: App, asker: Asker, caller: Caller) {
    let Joined {
        snapshot,
        mut events,
        mut gone,
    } = joined;
    let mut batches = app.batches.clone();
    let (mut write, mut read) = socket.split();
    let talk = async {
        let Some(mut next) = heard(&app, &caller, snapshot) else {
            return;
        };
        let mut seen = tokio::time::interval(SEEN_EVERY);
        loop {
            match tokio::time::timeout(WRITE_LIMIT, write.send(next)).await {
                Ok(Ok(())) => {}
                _ => return,
            }
            next = loop {
                tokio::select! {
                    // Events first: they are never skipped, batches may be.
                    biased;
                    event = events.recv() => match event.and_then(|said| heard(&app, &caller, said)) {
                        Some(message) => break message,
                        None => return,
                    },
                    changed = batches.changed() => match (changed, app.doors.hears(&caller, "batch")) {
                        (Ok(()), Some(true)) => break Message::Binary(batches.borrow_and_update().clone()),
                        (Ok(()), Some(false)) => { batches.borrow_and_update(); }
                        _ => return,
                    },
                    _ = seen.tick() => app.doors.seen(&caller.key),
                }
            };
        }
    };
    let listen = async {
        // Pings are answered by the socket itself. A page has nothing to say here: what it says has no row.
        while let Some(Ok(m)) = read.next().await {
            match m {
                Message::Text(_) | Message::Binary(_) => {
                    let told = asker.access("a message from the page", Some(Denied::NotAllowed));
                    gate::tell(&app, told, true);
                    break;
                }
                Message::Close(_) => break,
                Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    };
    tokio::select! {
        () = talk => {}
        () = listen => {}
        _ = &mut gone => {}
    }
}
