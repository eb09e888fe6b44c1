//! The eyes as a process of their own: `onboard __eyes`, started and restarted by the pilot half.
//!
//! A shell: it owns the clock, the pipe (standard input and output), the camera's TCP connection and the receiver's UDP
//! socket, and does nothing clever. It ends when the pilot half closes the pipe. A slow camera, a dead receiver or a
//! full pipe delays only itself.

use super::schema::{Down, PipeError, Up, read_frame, write_frame};
use super::{Eyes, EyesIn};
use link::camera::CameraDecoder;
use missions::time::{Mono, Now, Reading};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Inputs that may wait for the core. The pipe waits for room; frames and datagrams are dropped instead.
const QUEUE: usize = 64;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A camera silent for longer is connected to again.
const CAMERA_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts.
const RETRY: Duration = Duration::from_millis(500);

/// Where the child's own inputs are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChildConfig {
    /// Camera stream, `host:port` (TCP, connected to, and again whenever it ends).
    pub camera: Option<String>,
    /// Remote ID receiver, `host:port` (UDP, listened on).
    pub sensor: Option<String>,
    /// Everything taken in goes up as well, for the companion's log.
    pub diary: bool,
}

/// Why the child cannot start or go on.
#[derive(Debug, Error)]
pub enum ChildError {
    /// An address of the command line.
    #[error("{0:?} is not an address: expected {1}:HOST:PORT, for example {1}:127.0.0.1:5600")]
    Address(String, &'static str),
    /// The receiver's socket.
    #[error("cannot listen for the Remote ID receiver on {0}: {1}")]
    Listen(String, std::io::Error),
    /// A thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// The pipe to the pilot half.
    #[error(transparent)]
    Pipe(#[from] PipeError),
}

/// `tcp:HOST:PORT` or `udp:HOST:PORT` without its scheme; the scheme may be left out.
///
/// # Errors
/// [`ChildError::Address`].
pub fn address(text: &str, scheme: &'static str) -> Result<String, ChildError> {
    let bare = text
        .strip_prefix(scheme)
        .and_then(|t| t.strip_prefix(':'))
        .unwrap_or(text);
    match bare.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty() && !host.contains("//") && port.parse::<u16>().is_ok() =>
        {
            Ok(bare.to_owned())
        }
        _ => Err(ChildError::Address(text.to_owned(), scheme)),
    }
}

enum Event {
    In(EyesIn),
    Closed,
    Broken(PipeError),
}

/// Runs until the pilot half closes `from_pilot`.
///
/// # Errors
/// [`ChildError`].
pub fn run(
    config: &ChildConfig,
    from_pilot: impl Read + Send + 'static,
    mut to_pilot: impl Write,
) -> Result<(), ChildError> {
    let (send, events) = sync_channel::<Event>(QUEUE);
    let pipe = send.clone();
    spawn("eyes-pipe", move || read_pipe(from_pilot, &pipe))?;
    if let Some(camera) = &config.camera {
        let (camera, send) = (address(camera, "tcp")?, send.clone());
        spawn("eyes-camera", move || read_camera(&camera, &send))?;
    }
    if let Some(sensor) = &config.sensor {
        let sensor = address(sensor, "udp")?;
        let socket = UdpSocket::bind(&sensor).map_err(|e| ChildError::Listen(sensor.clone(), e))?;
        spawn("eyes-sensor", move || read_sensor(&socket, &send))?;
    }
    step(&events, &mut to_pilot, config.diary)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), ChildError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map(drop)
        .map_err(ChildError::Thread)
}

/// The core's loop.
fn step(
    events: &Receiver<Event>,
    to_pilot: &mut impl Write,
    diary: bool,
) -> Result<(), ChildError> {
    #[allow(clippy::disallowed_methods)] // A shell owns the clock.
    let start = Instant::now();
    let now = || Now {
        mono: Mono(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)),
        // The poses bring the wall time the pilot half trusts.
        utc: Reading::NotYet,
    };
    let mut eyes = Eyes::new();
    if diary {
        eyes.keep_diary();
    }
    loop {
        let at = now().mono;
        let wait = eyes
            .next_wakeup()
            .map_or(Duration::from_secs(1), |w| w.since(at));
        let input = match events.recv_timeout(wait) {
            Ok(Event::In(input)) => input,
            Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok(Event::Broken(e)) => return Err(e.into()),
            Err(RecvTimeoutError::Timeout) => EyesIn::Tick,
        };
        eyes.handle(now(), input);
        while let Some(up) = eyes.poll() {
            write_up(to_pilot, &up)?;
        }
    }
}

fn write_up(to_pilot: &mut impl Write, up: &Up) -> Result<(), ChildError> {
    write_frame(to_pilot, up).map_err(ChildError::from)
}

fn read_pipe(mut from: impl Read, send: &SyncSender<Event>) {
    loop {
        let event = match read_frame::<Down>(&mut from) {
            Ok(Some(down)) => Event::In(EyesIn::Down(down)),
            Ok(None) => Event::Closed,
            Err(PipeError::Json(_)) => continue, // A newer pilot half may know more than we do.
            Err(e) => Event::Broken(e),
        };
        let last = matches!(event, Event::Closed | Event::Broken(_));
        if send.send(event).is_err() || last {
            return;
        }
    }
}

fn connect(camera: &str) -> Option<TcpStream> {
    let addresses: Vec<SocketAddr> = camera.to_socket_addrs().ok()?.collect();
    let stream = addresses
        .iter()
        .find_map(|a| TcpStream::connect_timeout(a, CONNECT_TIMEOUT).ok())?;
    stream.set_read_timeout(Some(CAMERA_TIMEOUT)).ok()?;
    Some(stream)
}

fn read_camera(camera: &str, send: &SyncSender<Event>) {
    let mut chunk = vec![0u8; 64 * 1024];
    loop {
        if let Some(mut stream) = connect(camera) {
            let mut decoder = CameraDecoder::default();
            while let Ok(n @ 1..) = stream.read(&mut chunk) {
                decoder.push(chunk.get(..n).unwrap_or(&[]));
                while let Some(frame) = decoder.next_frame() {
                    // A core that lags loses frames, never poses.
                    let _ = send.try_send(Event::In(EyesIn::Camera(frame)));
                }
            }
        }
        #[allow(clippy::disallowed_methods)] // A shell may wait before it connects again.
        std::thread::sleep(RETRY);
    }
}

fn read_sensor(socket: &UdpSocket, send: &SyncSender<Event>) {
    let mut datagram = vec![0u8; 65_536];
    loop {
        match socket.recv_from(&mut datagram) {
            Ok((n, _)) => {
                let bytes = datagram.get(..n).unwrap_or(&[]).to_vec();
                let _ = send.try_send(Event::In(EyesIn::Sensor(bytes)));
            }
            #[allow(clippy::disallowed_methods)] // Else a broken socket would spin.
            Err(_) => std::thread::sleep(RETRY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_host_and_a_port() {
        assert_eq!(
            address("tcp:127.0.0.1:5600", "tcp").unwrap(),
            "127.0.0.1:5600"
        );
        assert_eq!(address("[::1]:5600", "udp").unwrap(), "[::1]:5600");
        for bad in [
            "",
            "tcp:",
            "tcp:5600",
            "udp:127.0.0.1",
            "tcp://a:1",
            "a:b",
            "tcp:h:70000",
        ] {
            assert!(address(bad, "tcp").is_err(), "{bad}");
        }
    }

    #[test]
    fn it_ends_when_the_pipe_is_closed_and_fails_when_the_pipe_is_garbage() {
        let mut out = Vec::new();
        assert!(run(&ChildConfig::default(), std::io::empty(), &mut out).is_ok());
        let garbage = std::io::Cursor::new(vec![0xff; 64]);
        assert!(matches!(
            run(&ChildConfig::default(), garbage, &mut out),
            Err(ChildError::Pipe(PipeError::TooLong(_)))
        ));
    }
}
