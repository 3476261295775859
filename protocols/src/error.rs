//! Why there is no connection.

use std::io;
use std::time::Duration;

use deferred::{Abandoned, CancelledError, Failure};

use crate::{Address, Destination, LookupError};

/// Why an attempt to connect ended without a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody listens at this address.
    #[error("the connection to {0} was refused")]
    ConnectionRefused(Address, #[source] io::Error),
    /// The connection did not stand in the time that was set for it.
    #[error("no connection to {to} within {after:?}")]
    TimedOut {
        /// What was to be connected to, as it was given.
        to: Destination,
        /// The time that was set.
        after: Duration,
    },
    /// The system gave up waiting for an answer from this address.
    #[error("no answer from {0}")]
    NoAnswer(Address, #[source] io::Error),
    /// There is no way to this address.
    #[error("there is no route to {0}")]
    NoRoute(Address, #[source] io::Error),
    /// The name of the host could not be resolved.
    #[error("the host name {0:?} is not known")]
    UnknownHost(String, #[source] io::Error),
    /// The local address that was asked for cannot be used.
    #[error("cannot connect from the local address {0}")]
    BindFailed(Address, #[source] io::Error),
    /// A live process was asked for, and none holds the lock of this path.
    #[error("nobody holds the lock of {0}")]
    NotLocked(Address),
    /// Somebody called [`Connector::stop_connecting`](crate::Connector::stop_connecting).
    #[error("the attempt to connect to {0} was stopped")]
    Stopped(Destination),
    /// The reactor stopped before the connection stood.
    #[error("the reactor stopped during the attempt to connect to {0}")]
    ReactorStopped(Destination),
    /// The system refused the attempt for another reason.
    #[error("cannot connect to {0}")]
    Other(Address, #[source] io::Error),
}

impl ConnectError {
    /// What it means for the way to this destination that its name was not resolved.
    pub(crate) fn from_resolver(to: &Destination, failure: &Failure) -> Self {
        if failure.check::<Abandoned>().is_some() {
            // Resolvers do not give up by themselves: the reactor has dropped the work.
            return Self::ReactorStopped(to.clone());
        }
        if failure.check::<CancelledError>().is_some() {
            return Self::Stopped(to.clone());
        }
        let source = match failure.check::<LookupError>() {
            Some(LookupError { source, .. }) => io::Error::new(source.kind(), source.to_string()),
            None => io::Error::other(failure.to_string()),
        };
        let host = match to {
            Destination::Tcp { host, .. } => host.clone(),
            Destination::Unix(address) => address.to_string(),
        };
        Self::UnknownHost(host, source)
    }

    /// Whether it was this side that gave up, because of its time limit or because somebody stopped the attempt.
    ///
    /// *Twisted's `UserError`, of which `TimeoutError` is a kind.*
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Stopped(_))
    }

    /// The kind of what the system said to an attempt to connect to `address`.
    pub(crate) fn from_io(address: Address, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused(address, error),
            io::ErrorKind::TimedOut => Self::NoAnswer(address, error),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Self::NoRoute(address, error)
            }
            _ => Self::Other(address, error),
        }
    }
}

/// Listening at this address is not possible.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    /// The interface and port, or the name, that was asked for.
    pub address: Address,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// An address is none that could be used, whatever listens where.
///
/// It is the source of a [`ListenError`], or of a [`ConnectError`], of the kind
/// [`InvalidInput`](io::ErrorKind::InvalidInput).
///
/// *Twisted's `InvalidAddressError`.*
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address {address} is not valid: {explanation}")]
pub struct InvalidAddress {
    /// The address.
    pub address: Address,
    /// What is wrong with it.
    pub explanation: &'static str,
}

impl From<InvalidAddress> for io::Error {
    fn from(error: InvalidAddress) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

/// Why a socket that was made elsewhere was not adopted. It is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The descriptor is a file, or a socket of another kind.
    #[error("the descriptor is no stream socket")]
    NoStream,
    /// Its addresses are neither those of TCP nor of UNIX sockets.
    #[error("the socket is of a family that is not supported")]
    UnsupportedFamily,
    /// A port was to be made of it.
    #[error("the socket does not listen")]
    NotListening,
    /// A connection was to be made of it.
    #[error("the socket is not connected")]
    NotConnected,
    /// The system refused it for another reason.
    #[error("the socket cannot be adopted")]
    Other(#[source] io::Error),
}

/// A service has no number of TCP that is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the service {name:?} is not known")]
pub struct UnknownService {
    /// The name that was asked for.
    pub name: String,
}

/// A connector was asked for something that does not fit its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectorError {
    /// There is no attempt under way that could be stopped.
    #[error("no attempt to connect is under way")]
    NotConnecting,
    /// There is an attempt under way, or a connection.
    #[error("the connector is not disconnected")]
    NotDisconnected,
    /// The reactor is stopping, and begins nothing.
    #[error("the reactor is stopping")]
    ReactorStopping,
}
