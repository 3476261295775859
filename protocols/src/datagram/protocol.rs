//! What a port speaks.

use std::any::type_name;
use std::cell::RefCell;
use std::rc::Rc;

use super::{DatagramTransport, UdpPort};

/// What is spoken on one datagram port: its state, and the code that is called when something happens there.
///
/// A protocol is given to a port, which owns it. Its methods are called by the loop, one at a time and never from
/// inside each other: `start_protocol` once, the next two any number of times, `stop_protocol` once, and then it
/// is dropped. A port that is told to stop before it has started calls none of them. A panic in any of them is
/// reported, and changes nothing else.
///
/// A protocol that uses no more than a [`DatagramTransport`] can be written for all of them, `impl<T:
/// DatagramTransport> DatagramProtocol<T> for …`, and then runs on UDP, between UNIX sockets, and in a test's hands.
///
/// *Twisted's `DatagramProtocol`, where the transport is an attribute, and `ConnectedDatagramProtocol`.*
pub trait DatagramProtocol<T: DatagramTransport = UdpPort>: 'static {
    /// Called once, before anything else, as soon as the callback that began to listen has returned, or at the
    /// beginning of the next turn if none was running.
    fn start_protocol(&mut self, transport: &Rc<T>) {
        let _ = transport;
    }

    /// Called for each datagram, which is whole, unless it was longer than the port's limit: then it is cut.
    fn datagram_received(&mut self, transport: &Rc<T>, data: &[u8], from: &T::Address);

    /// Called on a connected port when it has become known that nobody is there to take what was sent.
    ///
    /// The port stays as it is: it sends and receives as before. How many datagrams were lost is not known.
    ///
    /// *Twisted's `connectionRefused`.*
    fn connection_refused(&mut self, transport: &Rc<T>) {
        let _ = transport;
    }

    /// Called once, at the end; the port is already closed, and sends nothing.
    fn stop_protocol(&mut self) {}

    /// What the protocol is called in reports about it: the name of its type, unless it knows a better one.
    ///
    /// Asked for once, when a port begins to listen.
    ///
    /// *Twisted's `ILoggingContext.logPrefix`.*
    fn log_prefix(&self) -> String {
        type_name::<Self>().to_owned()
    }
}

/// A protocol that somebody else has as well: to look at it, or to have it listen again.
///
/// It is borrowed while one of its callbacks runs, so that these must not borrow it themselves.
impl<T: DatagramTransport, P: DatagramProtocol<T>> DatagramProtocol<T> for Rc<RefCell<P>> {
    fn start_protocol(&mut self, transport: &Rc<T>) {
        self.borrow_mut().start_protocol(transport);
    }

    fn datagram_received(&mut self, transport: &Rc<T>, data: &[u8], from: &T::Address) {
        self.borrow_mut().datagram_received(transport, data, from);
    }

    fn connection_refused(&mut self, transport: &Rc<T>) {
        self.borrow_mut().connection_refused(transport);
    }

    fn stop_protocol(&mut self) {
        self.borrow_mut().stop_protocol();
    }

    fn log_prefix(&self) -> String {
        // One of its callbacks may be what begins to listen.
        self.try_borrow()
            .map_or_else(|_| type_name::<P>().to_owned(), |it| it.log_prefix())
    }
}
