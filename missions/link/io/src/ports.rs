//! One task a line: bytes in, bytes out, reconnecting for ever. A slow line loses its own bytes and delays nobody.

use crate::endpoint::Endpoint;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_serial::SerialPortBuilderExt;

/// Frames that may wait for a slow line.
pub const QUEUE: usize = 1024;
const RETRY: Duration = Duration::from_secs(1);
/// A datagram peer silent for longer is forgotten.
const PEER_LIFE: Duration = Duration::from_secs(60);
const MAX_PEERS: usize = 16;
const READ: usize = 4096;
/// Datagrams that wait are taken together, up to this many bytes: a burst then costs its reader one waking.
const TOGETHER: usize = 16 << 10;

/// What a line has to say; `P` is the owner's name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineEvent<P> {
    /// Bytes that arrived, as they arrived.
    Bytes(P, Vec<u8>),
    /// Something to log.
    Trouble(P, String),
}

/// What a port's owner calls it.
pub trait Name: Copy + Send + Sync + 'static {}
impl<P: Copy + Send + Sync + 'static> Name for P {}

/// What the owner's own event type must take up.
pub trait Takes<P>: From<LineEvent<P>> + Send + 'static {}
impl<P, E: From<LineEvent<P>> + Send + 'static> Takes<P> for E {}

/// Serves a line until its owner goes away.
pub async fn serve<P: Name, E: Takes<P>>(
    port: P,
    endpoint: Endpoint,
    events: mpsc::Sender<E>,
    out: mpsc::Receiver<Vec<u8>>,
) {
    match endpoint {
        Endpoint::UdpListen(addr) => udp_listen(port, &addr, &events, out).await,
        Endpoint::UdpTo(addr) => udp_to(port, &addr, &events, out).await,
        Endpoint::TcpListen(addr) => tcp_listen(port, &addr, &events, out).await,
        stream @ (Endpoint::Tcp(_) | Endpoint::Serial { .. }) => {
            streams(port, &events, out, &stream).await;
        }
    }
}

async fn trouble<P: Name, E: Takes<P>>(events: &mpsc::Sender<E>, port: P, what: String) {
    let _ = events.send(LineEvent::Trouble(port, what).into()).await;
}

async fn udp_listen<P: Name, E: Takes<P>>(
    port: P,
    addr: &str,
    events: &mpsc::Sender<E>,
    mut out: mpsc::Receiver<Vec<u8>>,
) {
    let socket = loop {
        match UdpSocket::bind(addr).await {
            Ok(s) => break s,
            Err(e) => {
                trouble(events, port, format!("cannot listen on {addr}: {e}")).await;
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    let mut peers: Vec<(SocketAddr, Instant)> = Vec::new();
    let mut buf = vec![0u8; READ];
    loop {
        tokio::select! {
            got = socket.recv_from(&mut buf) => {
                // A peer that is gone answers with an error of its own; it says nothing of the others.
                let Ok((n, from)) = got else { continue };
                let mut bytes = buf.get(..n).unwrap_or(&[]).to_vec();
                let mut heard_now = vec![from];
                while bytes.len() < TOGETHER {
                    let Ok((n, from)) = socket.try_recv_from(&mut buf) else { break };
                    bytes.extend_from_slice(buf.get(..n).unwrap_or(&[]));
                    if !heard_now.contains(&from) && heard_now.len() < MAX_PEERS {
                        heard_now.push(from);
                    }
                }
                let at = Instant::now();
                peers.retain(|(p, heard)| {
                    !heard_now.contains(p) && at.duration_since(*heard) < PEER_LIFE
                });
                for from in heard_now {
                    if peers.len() < MAX_PEERS {
                        peers.push((from, at));
                    }
                }
                if events.send(LineEvent::Bytes(port, bytes).into()).await.is_err() { return; }
            }
            bytes = out.recv() => {
                let Some(bytes) = bytes else { return };
                for (peer, _) in &peers {
                    let _ = socket.try_send_to(&bytes, *peer);
                }
            }
        }
    }
}

async fn udp_to<P: Name, E: Takes<P>>(
    port: P,
    addr: &str,
    events: &mpsc::Sender<E>,
    mut out: mpsc::Receiver<Vec<u8>>,
) {
    let socket = loop {
        let tried = async {
            let to = tokio::net::lookup_host(addr)
                .await?
                .next()
                .ok_or_else(|| std::io::Error::other("no such host"))?;
            let any: SocketAddr = if to.is_ipv4() {
                ([0, 0, 0, 0], 0).into()
            } else {
                ([0u16; 8], 0).into()
            };
            let s = UdpSocket::bind(any).await?;
            s.connect(to).await?;
            Ok::<_, std::io::Error>(s)
        };
        match tried.await {
            Ok(s) => break s,
            Err(e) => {
                trouble(events, port, format!("cannot reach {addr}: {e}")).await;
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    let mut buf = vec![0u8; READ];
    loop {
        tokio::select! {
            got = socket.recv(&mut buf) => {
                match got {
                    Ok(n) => {
                        let mut bytes = buf.get(..n).unwrap_or(&[]).to_vec();
                        while bytes.len() < TOGETHER {
                            let Ok(n) = socket.try_recv(&mut buf) else { break };
                            bytes.extend_from_slice(buf.get(..n).unwrap_or(&[]));
                        }
                        if events.send(LineEvent::Bytes(port, bytes).into()).await.is_err() { return; }
                    }
                    // Nobody listens there yet.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
            bytes = out.recv() => {
                let Some(bytes) = bytes else { return };
                let _ = socket.try_send(&bytes);
            }
        }
    }
}

trait Line: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

async fn open(endpoint: &Endpoint) -> std::io::Result<Box<dyn Line>> {
    match endpoint {
        Endpoint::Tcp(addr) => {
            let s = TcpStream::connect(addr).await?;
            s.set_nodelay(true)?;
            Ok(Box::new(s))
        }
        Endpoint::Serial { path, baud } => Ok(Box::new(
            tokio_serial::new(path, *baud)
                .open_native_async()
                .map_err(std::io::Error::from)?,
        )),
        _ => Err(std::io::Error::other("not a stream")),
    }
}

async fn streams<P: Name, E: Takes<P>>(
    port: P,
    events: &mpsc::Sender<E>,
    mut out: mpsc::Receiver<Vec<u8>>,
    endpoint: &Endpoint,
) {
    let mut said = false;
    loop {
        match open(endpoint).await {
            Ok(s) => {
                said = false;
                if let Err(e) = pump(port, s, events, &mut out).await {
                    trouble(events, port, format!("line lost: {e}")).await;
                } else {
                    return;
                }
            }
            Err(e) if !said => {
                said = true;
                trouble(events, port, format!("cannot open: {e}; trying on")).await;
            }
            Err(_) => {}
        }
        // What waited while nobody was there is old.
        while out.try_recv().is_ok() {}
        tokio::time::sleep(RETRY).await;
        if events.is_closed() {
            return;
        }
    }
}

/// Both ways until an error; `Ok` when the core went away.
async fn pump<P: Name, E: Takes<P>, S: AsyncRead + AsyncWrite + Unpin>(
    port: P,
    s: S,
    events: &mpsc::Sender<E>,
    out: &mut mpsc::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    let (mut r, mut w) = tokio::io::split(s);
    let reader = async {
        let mut buf = vec![0u8; READ];
        loop {
            let n = r.read(&mut buf).await?;
            if n == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            let bytes = buf.get(..n).unwrap_or(&[]).to_vec();
            if events
                .send(LineEvent::Bytes(port, bytes).into())
                .await
                .is_err()
            {
                return Ok(());
            }
        }
    };
    let writer = async {
        loop {
            let Some(bytes) = out.recv().await else {
                return Ok(());
            };
            w.write_all(&bytes).await?;
        }
    };
    tokio::select! { a = reader => a, b = writer => b }
}

async fn tcp_listen<P: Name, E: Takes<P>>(
    port: P,
    addr: &str,
    events: &mpsc::Sender<E>,
    mut out: mpsc::Receiver<Vec<u8>>,
) {
    let listener = loop {
        match TcpListener::bind(addr).await {
            Ok(l) => break l,
            Err(e) => {
                trouble(events, port, format!("cannot listen on {addr}: {e}")).await;
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    let (fan, _) = broadcast::channel::<Arc<[u8]>>(QUEUE);
    loop {
        tokio::select! {
            got = listener.accept() => {
                let Ok((s, _)) = got else { continue };
                if fan.receiver_count() >= MAX_PEERS { continue; }
                let _ = s.set_nodelay(true);
                let (events, mut from_core) = (events.clone(), fan.subscribe());
                tokio::spawn(async move {
                    let (send, mut recv) = mpsc::channel(QUEUE);
                    let feed = async {
                        loop {
                            match from_core.recv().await {
                                Ok(b) => if send.send(b.to_vec()).await.is_err() { return },
                                // Too slow: it loses frames, not the others.
                                Err(broadcast::error::RecvError::Lagged(_)) => {}
                                Err(broadcast::error::RecvError::Closed) => return,
                            }
                        }
                    };
                    tokio::select! {
                        () = feed => {}
                        _ = pump(port, s, &events, &mut recv) => {}
                    }
                });
            }
            bytes = out.recv() => {
                let Some(bytes) = bytes else { return };
                let _ = fan.send(bytes.into());
            }
        }
    }
}
