//! What can be wrong with a header.

use std::fmt;

/// Why a connection does not begin with a header of the PROXY protocol.
///
/// *Twisted's `InvalidProxyHeader`, `InvalidNetworkProtocol` and `MissingAddressData`.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// It begins like neither version.
    #[error("it begins with no PROXY header")]
    NoHeader,
    /// It has more bytes than a header of its version may have: 107 of version 1, and 4 KiB of version 2, which is the
    /// limit of this implementation.
    #[error("the header is longer than {0} bytes")]
    TooLong(usize),
    /// The other end sends no more, and has not sent the whole header.
    #[error("the header is not complete")]
    Incomplete,
    /// Of version 1: the connection is none of `TCP4`, `TCP6` and `UNKNOWN`.
    #[error("the header is neither for TCP4 nor for TCP6, nor UNKNOWN")]
    UnknownProtocol,
    /// Of version 1: the line ends before this field.
    #[error("the header has no {0}")]
    Missing(Field),
    /// Of version 1: this field is not what it should be.
    #[error("the header's {0} is not valid")]
    Invalid(Field),
    /// Of version 1: the line goes on after the last field, or does not end as it should.
    #[error("the header does not end after its last field")]
    NoEnd,
    /// Of version 2: it says that it is of another one.
    #[error("the header is of version {0}")]
    UnknownVersion(u8),
    /// Of version 2: the command is neither to stand for a client nor local.
    #[error("the header's command {0} is not known")]
    UnknownCommand(u8),
    /// Of version 2: the family of addresses is none that is known.
    #[error("the header's family of addresses {0} is not known")]
    UnknownFamily(u8),
    /// Of version 2: the connection is neither a stream nor one of datagrams.
    #[error("the header's kind of connection {0} is not known")]
    UnknownTransport(u8),
    /// Of version 2: the addresses of its family have no room in its length.
    #[error("the header's {has} bytes have no room for addresses of {needed}")]
    NoRoom {
        /// The length in the header.
        has: usize,
        /// How many bytes the addresses have.
        needed: usize,
    },
}

/// A field of a header of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The client's address.
    SourceAddress,
    /// The address to which the client connected.
    DestinationAddress,
    /// The client's port.
    SourcePort,
    /// The port to which the client connected.
    DestinationPort,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SourceAddress => "source address",
            Self::DestinationAddress => "destination address",
            Self::SourcePort => "source port",
            Self::DestinationPort => "destination port",
        })
    }
}
