//! Where a connector connects to.

use std::fmt;

use crate::UnixAddress;

/// What a connector connects to, as it was given.
///
/// *What Twisted's `IConnector.getDestination` returns, which is an address even if the host is a name.*
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Destination {
    /// A port of TCP.
    Tcp {
        /// A name or an address.
        host: String,
        /// The number of the port.
        port: u16,
    },
    /// The name of a UNIX socket.
    Unix(UnixAddress),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str) -> String {
        let host = host.to_owned();
        Destination::Tcp { host, port: 80 }.to_string()
    }

    #[test]
    fn a_host_is_followed_by_its_port() {
        assert_eq!(tcp("localhost"), "localhost:80");
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        assert_eq!(tcp("::1"), "[::1]:80");
    }

    #[test]
    fn a_path_stands_for_itself() {
        assert_eq!(Destination::Unix("/run/log".into()).to_string(), "/run/log");
    }
}
