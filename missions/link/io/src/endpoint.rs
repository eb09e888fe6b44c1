//! Addresses of lines, as people write them.

use std::fmt;
use std::str::FromStr;

/// One end of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Listen for datagrams, answer every peer heard lately.
    UdpListen(String),
    /// Send datagrams to one address.
    UdpTo(String),
    /// Connect, and again whenever the connection ends.
    Tcp(String),
    /// Accept connections, several at a time.
    TcpListen(String),
    /// A serial line.
    Serial {
        /// Device.
        path: String,
        /// Bits a second.
        baud: u32,
    },
}

/// Not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not an address. Write udp:HOST:PORT, udp-listen:HOST:PORT, udp-to:HOST:PORT, tcp:HOST:PORT, tcp-listen:HOST:PORT or serial:/dev/ttyX:BAUD"
)]
pub struct BadEndpoint(String);

impl FromStr for Endpoint {
    type Err = BadEndpoint;
    fn from_str(s: &str) -> Result<Self, BadEndpoint> {
        let bad = || BadEndpoint(s.to_owned());
        let (scheme, rest) = s.split_once(':').ok_or_else(bad)?;
        let host_port = || {
            rest.rsplit_once(':')
                .filter(|(h, p)| !h.is_empty() && p.parse::<u16>().is_ok())
                .map(|_| rest.to_owned())
                .ok_or_else(bad)
        };
        match scheme {
            "udp" | "udp-to" => host_port().map(Endpoint::UdpTo),
            "udp-listen" => host_port().map(Endpoint::UdpListen),
            "tcp" => host_port().map(Endpoint::Tcp),
            "tcp-listen" => host_port().map(Endpoint::TcpListen),
            "serial" => {
                let (path, baud) = match rest.rsplit_once(':') {
                    Some((p, b)) => (p, b.parse().map_err(|_| bad())?),
                    None => (rest, 57_600),
                };
                if path.is_empty() {
                    return Err(bad());
                }
                Ok(Endpoint::Serial {
                    path: path.to_owned(),
                    baud,
                })
            }
            _ => Err(bad()),
        }
    }
}

impl Endpoint {
    /// The autopilot's line: `udp:` there means listening, because autopilots send first.
    ///
    /// # Errors
    /// [`BadEndpoint`].
    pub fn of_autopilot(s: &str) -> Result<Self, BadEndpoint> {
        match (s.parse()?, s.starts_with("udp:")) {
            (Endpoint::UdpTo(a), true) => Ok(Endpoint::UdpListen(a)),
            (e, _) => Ok(e),
        }
    }
}

impl Endpoint {
    /// Whether it never leaves this machine. A name counts as another machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = match self {
            Endpoint::UdpListen(a)
            | Endpoint::UdpTo(a)
            | Endpoint::Tcp(a)
            | Endpoint::TcpListen(a) => a,
            Endpoint::Serial { .. } => return false,
        };
        address.starts_with("localhost:")
            || address
                .parse::<std::net::SocketAddr>()
                .is_ok_and(|a| a.ip().is_loopback())
    }
    /// Whether it is a serial line.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        matches!(self, Endpoint::Serial { .. })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::UdpListen(a) => write!(f, "udp-listen:{a}"),
            Endpoint::UdpTo(a) => write!(f, "udp-to:{a}"),
            Endpoint::Tcp(a) => write!(f, "tcp:{a}"),
            Endpoint::TcpListen(a) => write!(f, "tcp-listen:{a}"),
            Endpoint::Serial { path, baud } => write!(f, "serial:{path}:{baud}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_nonsense_is_refused() {
        assert_eq!(
            Endpoint::of_autopilot("udp:0.0.0.0:14540"),
            Ok(Endpoint::UdpListen("0.0.0.0:14540".into()))
        );
        assert_eq!(
            "udp:127.0.0.1:14550".parse(),
            Ok(Endpoint::UdpTo("127.0.0.1:14550".into()))
        );
        assert_eq!(
            "serial:/dev/ttyUSB0:921600".parse(),
            Ok(Endpoint::Serial {
                path: "/dev/ttyUSB0".into(),
                baud: 921_600
            })
        );
        for bad in [
            "",
            "udp",
            "udp:",
            "udp::1",
            "udp:a:b",
            "tcp:1:99999",
            "http:a:1",
            "serial:",
            "serial:x:y",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }
}
