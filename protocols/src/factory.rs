//! What makes protocols, and what outlives them.

use std::rc::Rc;

use deferred::Failure;

use crate::protocol::short_name;
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

    /// Called by the loop before the first port or connector uses the factory, be it by one of those factories of this
    /// crate that stand around others.
    ///
    /// It is not called again for others, however many there are, until [`stop_factory`](Self::stop_factory)
    /// was. A panic is reported, and the factory used all the same.
    ///
    /// *Twisted's `startFactory`, which is called from inside `listenTCP`.*
    fn start_factory(self: &Rc<Self>) {}

    /// Called by the loop after the last port or connector that used the factory has ended.
    ///
    /// A panic fails the Deferred of [`Port::stop_listening`](crate::Port::stop_listening) with it, if there is one,
    /// or else is reported. The socket is closed all the same.
    fn stop_factory(self: &Rc<Self>) {}

    /// What the factory is called in reports about it: the name of its type, if it says nothing else.
    ///
    /// *Twisted's `ILoggingContext.logPrefix`.*
    fn log_prefix(&self) -> String {
        short_name::<Self>()
    }

    /// Whether it is left out of the log when the factory starts and stops, and its ports do.
    ///
    /// *The opposite of Twisted's `noisy`.*
    fn is_quiet(&self) -> bool {
        false
    }
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
