//! What datagram ports cannot do.

use std::io;
use std::net::IpAddr;

use crate::{Address, ListenError};

/// What was asked of a datagram port and not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// The datagram has more bytes than one can have; so many.
    #[error("a datagram of {0} bytes is too long")]
    TooLong(usize),
    /// The address is an IPv6 one and the port of IPv4, or the other way round.
    #[error("{0} is an address of another family than the port's")]
    WrongFamily(Address),
    /// There is nobody to send to: the port is not connected, and no address was given.
    #[error("the port is not connected")]
    NotConnected,
    /// The port is connected, to this peer.
    #[error("the port is already connected, to {0}")]
    AlreadyConnected(Address),
    /// The port is connected to somebody else.
    #[error("cannot send to {to} from a port that is connected to {peer}")]
    OtherPeer {
        /// Where the datagram was to go.
        to: Address,
        /// The one that the port is connected to.
        peer: Address,
    },
    /// Nobody listens there.
    #[error("nobody listens on {0}")]
    Refused(Address, #[source] io::Error),
    /// The port was told to stop, or its reactor has.
    #[error("the port has stopped")]
    Stopped,
    /// There is no port to send from.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system does not send this datagram, or connect to this address, for another reason.
    #[error("cannot send to {0}")]
    Io(Address, #[source] io::Error),
    /// The system refuses to tell or to change a setting of the port.
    #[error("cannot use this setting of the port")]
    Setting(#[source] io::Error),
}

/// Why a port has not joined a multicast group, or not left it.
///
/// *Twisted's `MulticastJoinError`.*
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The address is not that of a group.
    #[error("{0} is not a multicast address")]
    NotMulticast(IpAddr),
    /// The group, or the interface, is of IPv6 and the port of IPv4, or the other way round.
    #[error("{0} or its interface is of another family than the port")]
    WrongFamily(IpAddr),
    /// The port was told to stop, or its reactor has.
    #[error("the port has stopped")]
    Stopped,
    /// The system refused it: the port is in the group already, or is not, or there is no such interface.
    #[error("cannot join or leave the group {0}")]
    Io(IpAddr, #[source] io::Error),
}
