//! Where one end of a connection is.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The address of one end of a connection, or of a port.
///
/// Addresses of different kinds are never equal, be it that their numbers are.
///
/// *Twisted's `IPv4Address`, `IPv6Address` and `UNIXAddress`.*
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An IPv4 or IPv6 address and a port of TCP.
    Tcp(SocketAddr),
    /// An IPv4 or IPv6 address and a port of UDP.
    Udp(SocketAddr),
    /// The name of a UNIX socket.
    Unix(UnixAddress),
}

impl Address {
    /// The IP address, for addresses that have one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(address.ip()),
            Self::Unix(_) => None,
        }
    }

    /// The port, for addresses that have one.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Udp(address) => address.fmt(f),
            Self::Unix(address) => address.fmt(f),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl From<UnixAddress> for Address {
    fn from(address: UnixAddress) -> Self {
        Self::Unix(address)
    }
}

/// The name of a UNIX socket.
///
/// *Twisted's `UNIXAddress`, where a name that begins with a zero byte is an abstract one.*
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnixAddress {
    /// A file.
    Path(PathBuf),
    /// A name that is no file, and goes with its socket. Linux has these.
    Abstract(Vec<u8>),
    /// No name: that of a socket which was not bound to one.
    Unnamed,
}

impl UnixAddress {
    /// The abstract name `name`, which is written without the zero byte that the system begins it with.
    pub fn abstract_name(name: impl AsRef<[u8]>) -> Self {
        Self::Abstract(name.as_ref().to_vec())
    }

    /// The file, for addresses that are one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Abstract(_) | Self::Unnamed => None,
        }
    }
}

impl fmt::Display for UnixAddress {
    /// The path; an abstract name with an `@` before it, as other tools print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
            Self::Unnamed => f.write_str("an unnamed socket"),
        }
    }
}

impl From<&Path> for UnixAddress {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<PathBuf> for UnixAddress {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl From<&str> for UnixAddress {
    fn from(path: &str) -> Self {
        Self::Path(path.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_different_kinds_are_not_equal() {
        let address = "127.0.0.1:80".parse().unwrap();

        assert_ne!(Address::Tcp(address), Address::Udp(address));
        assert_eq!(Address::Udp(address), Address::Udp(address));
    }

    #[test]
    fn an_abstract_name_is_not_the_file_of_the_same_name() {
        let name = UnixAddress::abstract_name("log");

        assert_ne!(name, UnixAddress::from("log"));
        assert_eq!(name.path(), None);
        assert_eq!(UnixAddress::from("log").path(), Some(Path::new("log")));
    }

    #[test]
    fn printed_forms_are_what_one_reads_elsewhere() {
        let printed = [
            Address::Udp("[::1]:80".parse().unwrap()).to_string(),
            Address::from(UnixAddress::from("/run/log")).to_string(),
            UnixAddress::abstract_name(b"log\0\xff").to_string(),
            UnixAddress::Unnamed.to_string(),
        ];

        assert_eq!(
            printed,
            [
                "[::1]:80",
                "/run/log",
                "@log\\x00\\xff",
                "an unnamed socket"
            ]
        );
    }

    #[test]
    fn only_numbers_have_ports() {
        assert_eq!(Address::Udp("[::1]:80".parse().unwrap()).port(), Some(80));
        assert_eq!(Address::Unix(UnixAddress::Unnamed).port(), None);
    }
}
