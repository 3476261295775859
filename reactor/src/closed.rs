//! Why a connection is no more.

use std::io;

/// Why a connection is no more: the reason that `connection_lost` is given.
///
/// Ask [`is_clean`](Self::is_clean) and [`is_lost`](Self::is_lost) rather than comparing: an aborted
/// connection is a kind of lost one.
///
/// *Twisted's `ConnectionDone`, `ConnectionLost` and `ConnectionAborted`, which are classes there.*
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionClosed {
    /// The connection ended in order: the peer closed it, or this side did.
    #[error("the connection was closed cleanly")]
    ConnectionDone,
    /// The connection broke: reset by the peer, or a read or write failed.
    #[error("the connection was lost")]
    ConnectionLost(#[source] io::Error),
    /// This side aborted the connection.
    #[error("the connection was aborted")]
    ConnectionAborted,
    /// The reactor stopped while the connection stood.
    #[error("the connection was lost because the reactor stopped")]
    ReactorStopped,
}

impl ConnectionClosed {
    /// Whether the connection ended in order, with nothing lost.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        matches!(self, Self::ConnectionDone)
    }

    /// Whether data may have been lost: the connection broke, was aborted, or the reactor stopped.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        !self.is_clean()
    }
}
