//! A listener that holds a bounded number of connections, of all and of one address, sends small answers at once, speaks
//! TLS where it was given a certificate, and lets go of those that say nothing.

use super::tls::Identity;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections at a time; more wait in the system's own queue.
const MAX_CONNECTIONS: usize = 256;
/// Of one address that is not this machine's: a browser uses some six for a page.
const MAX_OF_ADDRESS: usize = 48;
/// After a failed accept (out of file handles): try again then.
const RETRY: Duration = Duration::from_millis(200);
/// A handshake takes at most this.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A connection on which nothing goes either way for this long is closed. A page's socket says something each second.
const SILENT: Duration = Duration::from_secs(75);
/// Connections that are ready and not yet fetched.
const READY: usize = 16;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Peer(*stream.remote_addr())
    }
}

pub(super) struct Bounded {
    at: io::Result<SocketAddr>,
    ready: mpsc::Receiver<(Held, SocketAddr)>,
    /// Ends the accepting when this goes.
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Bounded {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Bounded {
    pub fn new(inner: TcpListener, tls: Option<&Identity>) -> Self {
        let at = inner.local_addr();
        let acceptor = tls.map(|t| TlsAcceptor::from(Arc::clone(&t.config)));
        let (tell, ready) = mpsc::channel(READY);
        let accepting = tokio::spawn(accept(inner, acceptor, tell));
        Bounded {
            at,
            ready,
            accepting,
        }
    }
}

async fn accept(
    inner: TcpListener,
    acceptor: Option<TlsAcceptor>,
    ready: mpsc::Sender<(Held, SocketAddr)>,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let counts = Arc::new(Mutex::new(BTreeMap::new()));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        let (permit, stream, from) = match (permit, inner.accept().await) {
            (Ok(permit), Ok((stream, from))) => (permit, stream, from),
            _ => {
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let Some(place) = Place::take(&counts, from.ip()) else {
            continue;
        };
        // Without it an answer waits for the acknowledgement of the one before: 36 ms against 6.
        let _ = stream.set_nodelay(true);
        let hold = move |stream| Held {
            stream,
            silent: Box::pin(tokio::time::sleep(SILENT)),
            _permit: permit,
            _place: place,
        };
        match &acceptor {
            None => {
                if ready
                    .send((hold(Stream::Plain(stream)), from))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Some(acceptor) => {
                // Beside the others: one that never says its first word holds up nobody.
                let (handshake, ready) = (acceptor.accept(stream), ready.clone());
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await {
                        let _ = ready
                            .send((hold(Stream::Tls(Box::new(stream))), from))
                            .await;
                    }
                });
            }
        }
    }
}

/// One of an address's places.
struct Place {
    counts: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    ip: IpAddr,
}

impl Place {
    fn take(counts: &Arc<Mutex<BTreeMap<IpAddr, usize>>>, ip: IpAddr) -> Option<Place> {
        let mut all = counts.lock().ok()?;
        let count = all.entry(ip).or_insert(0);
        if *count >= MAX_OF_ADDRESS && !ip.is_loopback() {
            return None;
        }
        *count += 1;
        drop(all);
        Some(Place {
            counts: Arc::clone(counts),
            ip,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(mut all) = self.counts.lock()
            && let Some(count) = all.get_mut(&self.ip)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                all.remove(&self.ip);
            }
        }
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        match self.ready.recv().await {
            Some(got) => got,
            // The accepting has ended: there will be none.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.at {
            Ok(at) => Ok(*at),
            Err(e) => Err(io::Error::new(e.kind(), e.to_string())),
        }
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection and its place among the bounded number.
pub(super) struct Held {
    stream: Stream,
    silent: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

impl Held {
    /// What came of reading or writing; an error when nothing went for too long.
    fn heard<T>(&mut self, cx: &mut Context<'_>, got: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if got.is_ready() {
            let until = Instant::now() + SILENT;
            self.silent.as_mut().reset(until);
            return got;
        }
        match self.silent.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let got = match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_read(cx, buf),
        };
        self.heard(cx, got)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let got = match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_write(cx, buf),
        };
        self.heard(cx, got)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_flush(cx),
            Stream::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}
