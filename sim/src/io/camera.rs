//! Serves camera frames: whoever connects gets the latest frame whenever it is ready. A slow viewer misses frames.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Viewers at a time.
const MOST_VIEWERS: usize = 4;
const RETRY: Duration = Duration::from_secs(1);

/// One frame as it travels (`link::camera`); `None` before the first.
pub type Latest = Option<Arc<[u8]>>;

/// Serves until the world ends.
pub async fn serve(address: String, frames: watch::Receiver<Latest>) {
    let listener = loop {
        match TcpListener::bind(&address).await {
            Ok(l) => break l,
            Err(e) => {
                tracing::warn!("camera: cannot listen on {address}: {e}; trying on");
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    let mut viewers = JoinSet::new();
    loop {
        let Ok((mut socket, _)) = listener.accept().await else {
            continue;
        };
        while viewers.try_join_next().is_some() {}
        if viewers.len() >= MOST_VIEWERS {
            continue;
        }
        let mut frames = frames.clone();
        viewers.spawn(async move {
            while frames.changed().await.is_ok() {
                let latest = frames.borrow_and_update().clone();
                let Some(frame) = latest else { continue };
                if socket.write_all(&frame).await.is_err() {
                    return;
                }
            }
        });
    }
}
