//! One page's socket: events in order from its queue, the newest batch in between. A page that does not read is closed.

use super::hub::Joined;
use axum::body::Bytes;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::sync::watch;

/// A page must take one message within this.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// Longest thing that a page may send, bytes: it has nothing to say here.
const MAX_IN: usize = 4 * 1024;

/// Answers the upgrade and serves the page.
pub(super) fn serve(
    upgrade: WebSocketUpgrade,
    joined: Joined,
    batches: watch::Receiver<Bytes>,
) -> Response {
    upgrade
        .max_message_size(MAX_IN)
        .max_frame_size(MAX_IN)
        .on_upgrade(move |socket| page(socket, joined, batches))
}

async fn page(socket: WebSocket, joined: Joined, mut batches: watch::Receiver<Bytes>) {
    let Joined {
        snapshot,
        mut events,
        mut gone,
    } = joined;
    let (mut write, mut read) = socket.split();
    let talk = async {
        let mut next = Message::Text(snapshot);
        loop {
            match tokio::time::timeout(WRITE_LIMIT, write.send(next)).await {
                Ok(Ok(())) => {}
                _ => return,
            }
            next = tokio::select! {
                // Events first: they are never skipped, batches may be.
                biased;
                event = events.recv() => match event {
                    Some(text) => Message::Text(text),
                    None => return,
                },
                changed = batches.changed() => match changed {
                    Ok(()) => Message::Binary(batches.borrow_and_update().clone()),
                    Err(_) => return,
                },
            };
        }
    };
    let listen = async {
        // Pings are answered by the socket itself; anything else a page says is not part of the contract.
        while let Some(Ok(m)) = read.next().await {
            if matches!(m, Message::Close(_)) {
                break;
            }
        }
    };
    tokio::select! {
        () = talk => {}
        () = listen => {}
        _ = &mut gone => {}
    }
}
