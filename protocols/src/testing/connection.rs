//! One protocol, on a transport that keeps what is written.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use deferred::{Failure, report};

use crate::stream::Owner;
use crate::{ConnectionClosed, Protocol, Transport};

use super::StringTransport;

/// A protocol on a [`StringTransport`], whose peer is the test.
///
/// The protocol is called as the loop calls it, but at once: when it was made, and when the test
/// [gives](Self::receive) it something. After each of these callbacks, the end that was asked for meanwhile
/// comes: `connection_lost`, once, with [`ConnectionDone`](ConnectionClosed::ConnectionDone) or
/// [`ConnectionAborted`](ConnectionClosed::ConnectionAborted); as on any transport, an end in order waits for
/// a producer that is registered. Afterwards nothing is called any more. A panic in a callback is reported, and is
/// the reason of the end.
///
/// # Examples
///
/// ```
/// use protocols::testing::StringConnection;
/// use protocols::{Protocol, Transport};
/// use std::rc::Rc;
///
/// struct Shout;
///
/// impl Protocol for Shout {
///     fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
///         transport.write(&data.to_ascii_uppercase());
///         transport.lose_connection();
///     }
/// }
///
/// let connection = StringConnection::new(Shout);
/// connection.receive(b"hello");
///
/// assert_eq!(connection.transport().value(), b"HELLO");
/// assert!(connection.is_over());
/// ```
///
/// *Twisted's `StringTransportWithDisconnection`, which calls the protocol from inside `loseConnection`.*
pub struct StringConnection<P> {
    transport: Rc<StringTransport>,
    /// Gone when it was told of the end.
    protocol: RefCell<Option<P>>,
    owner: RefCell<Option<Rc<dyn Owner>>>,
    reason: RefCell<Option<Failure>>,
}

impl<P: Protocol> StringConnection<P> {
    /// Makes the connection, and tells the protocol.
    pub fn new(protocol: P) -> Self {
        Self::on(StringTransport::new(), protocol)
    }

    /// Makes the connection on this transport, and tells the protocol.
    pub fn on(transport: Rc<StringTransport>, protocol: P) -> Self {
        Self::owned(transport, protocol, None)
    }

    pub(super) fn owned(
        transport: Rc<StringTransport>,
        protocol: P,
        owner: Option<Rc<dyn Owner>>,
    ) -> Self {
        let this = Self {
            transport,
            protocol: RefCell::new(Some(protocol)),
            owner: RefCell::new(owner.clone()),
            reason: RefCell::new(None),
        };
        if let Some(owner) = owner {
            owner.connected(&this.handle());
        }
        this.call("connection_made", |protocol, transport| {
            protocol.connection_made(transport);
        });
        this
    }

    /// The transport, with what was written.
    #[must_use]
    pub const fn transport(&self) -> &Rc<StringTransport> {
        &self.transport
    }

    /// The transport, as a protocol has it.
    fn handle(&self) -> Rc<dyn Transport> {
        Rc::clone(&self.transport) as _
    }

    /// Gives the protocol something that the peer has sent. Nobody gets it once the connection is over.
    pub fn receive(&self, data: &[u8]) {
        self.call("data_received", |protocol, transport| {
            protocol.data_received(transport, data);
        });
    }

    /// Ends the direction from the peer to here: one that is not half-closeable loses its connection.
    pub fn end_reading(&self) {
        let mut goes_on = false;
        self.call("read_connection_lost", |protocol, transport| {
            if let Some(protocol) = protocol.half_closeable() {
                goes_on = true;
                protocol.read_connection_lost(transport);
            }
        });
        if !goes_on {
            self.lose(ConnectionClosed::ConnectionDone);
        }
    }

    /// Ends the connection, for this reason.
    pub fn lose(&self, reason: ConnectionClosed) {
        self.end(Failure::without_backtrace(reason));
    }

    /// Calls `with` with the protocol, and then does what it has asked for; does nothing once it was told of the end.
    pub fn with_protocol<R>(
        &self,
        with: impl FnOnce(&mut P, &Rc<dyn Transport>) -> R,
    ) -> Option<R> {
        let mut result = None;
        self.call("a call of the test's", |protocol, transport| {
            result = Some(with(protocol, transport));
        });
        result
    }

    /// Has the loop's part done of what was asked for from outside of the protocol's callbacks: wakes the protocol, and
    /// ends the connection.
    pub fn settle(&self) {
        while self.transport.takes_wake() && !self.is_over() {
            self.call_once("woken", |protocol, transport| protocol.woken(transport));
        }
        if self.transport.is_aborting() {
            self.lose(ConnectionClosed::ConnectionAborted);
        } else if self.transport.is_disconnecting() && self.transport.producer().is_none() {
            self.lose(ConnectionClosed::ConnectionDone);
        }
    }

    /// Whether the connection is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.reason.borrow().is_some()
    }

    /// Why the connection is over.
    #[must_use]
    pub fn reason(&self) -> Option<Failure> {
        self.reason.borrow().clone()
    }

    /// Makes one callback, and then what it has asked for.
    fn call(&self, what: &str, call: impl FnOnce(&mut P, &Rc<dyn Transport>)) {
        self.call_once(what, call);
        self.settle();
    }

    /// Makes one callback.
    fn call_once(&self, what: &str, call: impl FnOnce(&mut P, &Rc<dyn Transport>)) {
        let transport = self.handle();
        self.guarded(what, || {
            if let Some(protocol) = &mut *self.protocol.borrow_mut() {
                call(protocol, &transport);
            }
        });
    }

    /// Calls code of the user's; a panic in it is reported, and ends the connection.
    fn guarded(&self, what: &str, call: impl FnOnce()) {
        if let Err(panic) = Failure::catch(call) {
            report(&format!("Unhandled error in {what}"), &panic);
            self.end(panic);
        }
    }

    /// Tells everyone of the end, unless they were told.
    fn end(&self, reason: Failure) {
        if self.is_over() {
            return;
        }
        *self.reason.borrow_mut() = Some(reason.clone());
        if let Some(producer) = self.transport.take_producer() {
            self.guarded("stop_producing", || producer.stop());
        }
        let (protocol, owner) = (self.protocol.take(), self.owner.take());
        if let Some(mut protocol) = protocol {
            let reason = reason.clone();
            self.guarded("connection_lost", move || {
                protocol.connection_lost(reason);
                drop(protocol);
            });
        }
        if let Some(owner) = owner {
            owner.connection_lost(reason.clone());
        }
        self.transport.is_over(&reason);
    }
}

impl<P> fmt::Debug for StringConnection<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StringConnection")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
