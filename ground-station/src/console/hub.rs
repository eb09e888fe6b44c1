//! The pages that are connected: everyone gets every event in order, or is closed.
//!
//! Lives in the task that owns the core. Never waits for a page: each has a bounded queue of its own.

use crate::people::access::MESSAGES;
use axum::body::Bytes;
use axum::extract::ws::Utf8Bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Events that may wait for one page.
pub(super) const QUEUE: usize = 512;
/// Pages at a time.
pub(super) const MAX_PAGES: usize = 32;

/// Camera previews, newest of each aircraft.
pub(super) type Previews = Arc<BTreeMap<u8, Bytes>>;

/// What a page's task gets.
pub(super) struct Joined {
    /// The snapshot; events follow on without a gap.
    pub snapshot: Said,
    /// Events.
    pub events: mpsc::Receiver<Said>,
    /// Ends when the page is too slow or the server stops, however busy its socket.
    pub gone: oneshot::Receiver<()>,
}

/// A message and its type: whether a page may hear it is asked for each.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub kind: &'static str,
    pub seq: u64,
    pub text: Utf8Bytes,
}

struct Page {
    events: mpsc::Sender<Said>,
    /// An officer's.
    sits: bool,
    /// Dropped with the page.
    _gone: oneshot::Sender<()>,
}

/// All pages.
pub(super) struct Hub {
    pages: Vec<Page>,
    seq: u64,
    batch: watch::Sender<Bytes>,
    previews: watch::Sender<Previews>,
    /// Print every event on standard output too, behind this queue.
    print: Option<mpsc::Sender<Utf8Bytes>>,
}

impl Hub {
    /// Nobody is connected. Also what the pages' tasks read: the newest batch, the newest previews.
    pub fn new(
        print: Option<mpsc::Sender<Utf8Bytes>>,
    ) -> (Hub, watch::Receiver<Bytes>, watch::Receiver<Previews>) {
        let (batch, batches) = watch::channel(Bytes::new());
        let (previews, seen) = watch::channel(Previews::default());
        let hub = Hub {
            pages: Vec::new(),
            seq: 0,
            batch,
            previews,
            print,
        };
        (hub, batches, seen)
    }

    /// A page comes; `None` when there are too many. `snapshot` is the state that all events so far have led to.
    /// `sits`: it is an officer's.
    pub fn join(&mut self, snapshot: Value, sits: bool) -> Option<Joined> {
        self.pages.retain(|p| !p.events.is_closed());
        if self.pages.len() >= MAX_PAGES {
            return None;
        }
        let (events, queue) = mpsc::channel(QUEUE);
        let (tell, gone) = oneshot::channel();
        self.pages.push(Page {
            events,
            sits,
            _gone: tell,
        });
        Some(Joined {
            snapshot: numbered(snapshot, self.seq),
            events: queue,
            gone,
        })
    }

    /// All pages part.
    pub fn part(&mut self) {
        self.pages.clear();
    }

    /// Whether an officer's page is connected. Who only watches keeps nothing flying.
    pub fn is_watched(&self) -> bool {
        self.pages.iter().any(|p| p.sits && !p.events.is_closed())
    }

    /// Says something to everyone. Who cannot take it is closed: it comes back for a snapshot.
    pub fn tell(&mut self, message: Value) {
        self.seq += 1;
        let said = numbered(message, self.seq);
        if let Some(p) = &self.print {
            // A terminal that hangs loses lines.
            let _ = p.try_send(said.text.clone());
        }
        self.pages
            .retain(|p| p.events.try_send(said.clone()).is_ok());
    }

    /// The newest positions.
    pub fn batch(&self, bytes: Vec<u8>) {
        self.batch.send_replace(bytes.into());
    }

    /// The newest camera preview of an aircraft; `None`: there is none at this moment.
    pub fn preview(&self, aircraft: u8, jpeg: Option<Vec<u8>>) {
        self.previews.send_if_modified(|all| {
            let mut next = BTreeMap::clone(all);
            match jpeg {
                Some(b) => {
                    next.insert(aircraft, b.into());
                }
                None => {
                    if next.remove(&aircraft).is_none() {
                        return false;
                    }
                }
            }
            *all = Arc::new(next);
            true
        });
    }
}

fn numbered(mut message: Value, seq: u64) -> Said {
    // A type without a row is nobody's.
    let kind = message
        .get("type")
        .and_then(Value::as_str)
        .and_then(|t| MESSAGES.iter().find(|m| m.0 == t))
        .map_or("", |m| m.0);
    if let Some(m) = message.as_object_mut() {
        m.insert("seq".into(), seq.into());
    }
    Said {
        kind,
        seq,
        text: message.to_string().into(),
    }
}
