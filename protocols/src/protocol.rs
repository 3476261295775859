//! One connection's state, and what happens to it.

use std::rc::Rc;

use deferred::Failure;

use crate::Transport;

/// What one connection speaks: its state, and the code that is called when something happens to it.
///
/// A protocol is made by a [`Factory`](crate::Factory) for one connection, which owns it: it is dropped when
/// [`connection_lost`](Self::connection_lost) has returned. Its methods are called by the loop, one at a
/// time and never from inside each other, in this order: `connection_made` once, `data_received` any
/// number of times, `connection_lost` once. A panic in one of the first two is reported, and ends the
/// connection with that failure as the reason.
///
/// *Twisted's `IProtocol`, where the transport is an attribute of the protocol.*
pub trait Protocol: 'static {
    /// Called once, before anything else.
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let _ = transport;
    }

    /// Called when bytes have come; how they are cut into pieces has no meaning.
    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]);

    /// Called once, at the end; the connection is already closed.
    ///
    /// The reason's error is a [`ConnectionClosed`](crate::ConnectionClosed), or, after a panic in this
    /// protocol, that panic.
    fn connection_lost(&mut self, reason: Failure) {
        let _ = reason;
    }
}
