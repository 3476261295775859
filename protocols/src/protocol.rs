//! One connection's state, and what happens to it.

use std::any::type_name;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use deferred::Failure;

use crate::Transport;

/// What one connection speaks: its state, and the code that is called when something happens to it.
///
/// A protocol is made by a [`Factory`](crate::Factory) for one connection, which owns it: it is dropped when
/// [`connection_lost`](Self::connection_lost) has returned. Its methods are called by the loop, one at a
/// time and never from inside each other, in this order: `connection_made` once, `data_received` and `woken`
/// any number of times, `connection_lost` once. A panic in one before the last is reported, and ends the
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

    /// Called when somebody has asked for it with [`Transport::wake`].
    ///
    /// A protocol that is made of another one hands it on.
    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        let _ = transport;
    }

    /// Called once, at the end; the connection is already closed.
    ///
    /// The reason's error is a [`ConnectionClosed`](crate::ConnectionClosed), or, after a panic in this
    /// protocol, that panic.
    fn connection_lost(&mut self, reason: Failure) {
        let _ = reason;
    }

    /// Itself, if it wants to hear of each direction's end.
    ///
    /// A protocol that does not loses its connection when the peer sends no more. One that is made of another
    /// one hands on the other's.
    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        None
    }

    /// Itself, if it wants the descriptors that its peer sends.
    ///
    /// The system closes those that are sent to a protocol that does not. One that is made of another one hands on
    /// the other's.
    fn descriptor_receiver(&mut self) -> Option<&mut dyn DescriptorReceiver> {
        None
    }

    /// What the protocol is called in reports about it: the name of its type, if it says nothing else.
    ///
    /// *Twisted's `ILoggingContext.logPrefix`.*
    fn log_prefix(&self) -> String {
        short_name::<Self>()
    }
}

/// A protocol that hears of each direction's end, and goes on in the other one.
///
/// *Twisted's `IHalfCloseableProtocol`.*
pub trait HalfCloseable {
    /// Called once, when the peer sends no more. Writing goes on, until `transport` is told to end it.
    fn read_connection_lost(&mut self, transport: &Rc<dyn Transport>);

    /// Called once, when the end that [`lose_write_connection`](crate::HalfClose::lose_write_connection)
    /// asked for has been sent.
    fn write_connection_lost(&mut self, transport: &Rc<dyn Transport>);
}

/// A protocol that takes descriptors, which come over UNIX sockets.
///
/// *Twisted's `IFileDescriptorReceiver`.*
pub trait DescriptorReceiver {
    /// Called with each descriptor that has come, before the data that was sent with it.
    ///
    /// It is another one for the same open file as the sender's, and is closed on exec. One that is not kept is
    /// closed: how many a peer makes this process have is for the protocol to bound.
    fn descriptor_received(&mut self, transport: &Rc<dyn Transport>, descriptor: OwnedFd);
}

impl Protocol for Box<dyn Protocol> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        (**self).connection_made(transport);
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        (**self).data_received(transport, data);
    }

    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        (**self).woken(transport);
    }

    fn connection_lost(&mut self, reason: Failure) {
        (**self).connection_lost(reason);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        (**self).half_closeable()
    }

    fn descriptor_receiver(&mut self) -> Option<&mut dyn DescriptorReceiver> {
        (**self).descriptor_receiver()
    }

    fn log_prefix(&self) -> String {
        (**self).log_prefix()
    }
}

/// The name of a type without the modules that it is in.
pub(crate) fn short_name<T: ?Sized>() -> String {
    let name = type_name::<T>();
    let (outer, arguments) = name.split_at(name.find('<').unwrap_or(name.len()));
    let outer = outer.rsplit("::").next().unwrap_or(outer);
    format!("{outer}{arguments}")
}
