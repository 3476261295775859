//! What makes protocols, and what outlives them.

use std::rc::Rc;

use deferred::Failure;

use crate::{Address, Connector, Protocol};

/// Makes a protocol for each connection, and keeps what they share.
///
/// *Twisted's `IProtocolFactory`.*
pub trait Factory: 'static {
    /// What is spoken on the connections.
    type Protocol: Protocol;

    /// Called by the loop for each connection that stands; `None` declines it, and it is closed.
    ///
    /// A protocol that wants to reach its factory keeps a clone of `self`.
    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Self::Protocol>;
}

/// A factory for connections that this side begins; it also hears of those that fail.
///
/// For one attempt, the loop calls `started_connecting`, then either `client_connection_failed`, or
/// `build_protocol` and, when the connection is over, `client_connection_lost`.
///
/// *Twisted's `ClientFactory`.*
pub trait ClientFactory: Factory {
    /// Called when an attempt to connect begins, which it does in the turn after it was asked for.
    fn started_connecting(self: &Rc<Self>, connector: &Connector) {
        let _ = connector;
    }

    /// Called when an attempt has ended without a connection.
    ///
    /// The reason's error is a [`ConnectError`](crate::ConnectError). `connector.connect()` tries again.
    fn client_connection_failed(self: &Rc<Self>, connector: &Connector, reason: Failure) {
        let _ = (connector, reason);
    }

    /// Called when a connection is over, after its protocol was told, and with the same reason.
    ///
    /// `connector.connect()` connects again.
    fn client_connection_lost(self: &Rc<Self>, connector: &Connector, reason: Failure) {
        let _ = (connector, reason);
    }
}
