//! A connection that an endpoint has made, with its protocol.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use deferred::Failure;

use crate::protocol::{DescriptorReceiver, HalfCloseable, short_name};
use crate::uses::Inner;
use crate::{Address, Factory, Protocol, Transport};

/// A connection that stands: its transport, and a way to its protocol, which it owns.
pub struct Connected<P> {
    transport: Rc<dyn Transport>,
    slot: Rc<Slot<P>>,
}

/// What is reached from both ends of a connection.
struct Slot<P> {
    /// There as long as the connection is not over.
    protocol: RefCell<Option<P>>,
    /// What the protocol was given, until somebody is told of the connection.
    transport: Cell<Option<Rc<dyn Transport>>>,
}

impl<P: Protocol> Connected<P> {
    /// Where bytes go out: what the protocol was given.
    #[must_use]
    pub fn transport(&self) -> &Rc<dyn Transport> {
        &self.transport
    }

    /// Calls `call` with the protocol and its transport, unless the connection is over.
    ///
    /// # Panics
    ///
    /// If a callback of that protocol runs now: what it has borrowed is itself.
    pub fn with<R>(&self, call: impl FnOnce(&mut P, &Rc<dyn Transport>) -> R) -> Option<R> {
        let mut protocol = self.slot.protocol.borrow_mut();
        protocol
            .as_mut()
            .map(|protocol| call(protocol, &self.transport))
    }
}

impl<P> Clone for Connected<P> {
    fn clone(&self) -> Self {
        Self {
            transport: Rc::clone(&self.transport),
            slot: Rc::clone(&self.slot),
        }
    }
}

impl<P> fmt::Debug for Connected<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, peer) = (short_name::<P>(), self.transport.peer());
        write!(f, "Connected({name} to {peer})")
    }
}

/// A connection stood, but nobody wanted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the factory made no protocol for the connection")]
pub struct NotConnected;

/// A factory that keeps a way to the protocol it has made.
pub(super) struct Capture<F: Factory> {
    factory: Inner<F>,
    made: RefCell<Option<Rc<Slot<F::Protocol>>>>,
}

impl<F: Factory> Capture<F> {
    pub(super) fn new(factory: Rc<F>) -> Self {
        Self {
            factory: Inner::new(factory),
            made: RefCell::new(None),
        }
    }

    /// The connection of the protocol that was made last, by way of this transport.
    ///
    /// If there is somebody between the two, the protocol was given another one.
    pub(super) fn connected(
        &self,
        transport: Rc<dyn Transport>,
    ) -> Result<Connected<F::Protocol>, Failure> {
        let slot = self.made.take().ok_or(NotConnected)?;
        let given = slot.transport.take();
        Ok(Connected {
            transport: given.unwrap_or(transport),
            slot,
        })
    }
}

impl<F: Factory> Factory for Capture<F> {
    type Protocol = Captured<F::Protocol>;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Self::Protocol> {
        let protocol = self.factory.build_protocol(peer)?;
        let slot = Rc::new(Slot {
            protocol: RefCell::new(Some(protocol)),
            transport: Cell::new(None),
        });
        *self.made.borrow_mut() = Some(Rc::clone(&slot));
        Some(Captured(slot))
    }

    fn start_factory(self: &Rc<Self>) {
        self.factory.start();
    }

    fn stop_factory(self: &Rc<Self>) {
        self.factory.stop();
    }

    fn log_prefix(&self) -> String {
        self.factory.log_prefix()
    }

    fn is_quiet(&self) -> bool {
        self.factory.is_quiet()
    }
}

/// A protocol that can be reached from its [`Connected`].
pub(super) struct Captured<P>(Rc<Slot<P>>);

impl<P: Protocol> Captured<P> {
    fn call(&self, call: impl FnOnce(&mut P)) {
        if let Some(protocol) = &mut *self.0.protocol.borrow_mut() {
            call(protocol);
        }
    }
}

impl<P: Protocol> Protocol for Captured<P> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        self.0.transport.set(Some(Rc::clone(transport)));
        self.call(|protocol| protocol.connection_made(transport));
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        self.call(|protocol| protocol.data_received(transport, data));
    }

    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        self.call(|protocol| protocol.woken(transport));
    }

    fn connection_lost(&mut self, reason: Failure) {
        // It may be kept by nobody but this, and run code of its own when it goes.
        let protocol = self.0.protocol.take();
        drop(self.0.transport.take());
        if let Some(mut protocol) = protocol {
            protocol.connection_lost(reason);
        }
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        let mut can = false;
        self.call(|protocol| can = protocol.half_closeable().is_some());
        can.then_some(self as _)
    }

    fn descriptor_receiver(&mut self) -> Option<&mut dyn DescriptorReceiver> {
        let mut can = false;
        self.call(|protocol| can = protocol.descriptor_receiver().is_some());
        can.then_some(self as _)
    }

    fn log_prefix(&self) -> String {
        match &*self.0.protocol.borrow() {
            Some(protocol) => protocol.log_prefix(),
            None => short_name::<P>(),
        }
    }
}

impl<P: Protocol> DescriptorReceiver for Captured<P> {
    fn descriptor_received(&mut self, transport: &Rc<dyn Transport>, descriptor: OwnedFd) {
        self.call(|protocol| {
            if let Some(protocol) = protocol.descriptor_receiver() {
                protocol.descriptor_received(transport, descriptor);
            }
        });
    }
}

impl<P: Protocol> HalfCloseable for Captured<P> {
    fn read_connection_lost(&mut self, transport: &Rc<dyn Transport>) {
        self.call(|protocol| {
            if let Some(protocol) = protocol.half_closeable() {
                protocol.read_connection_lost(transport);
            }
        });
    }

    fn write_connection_lost(&mut self, transport: &Rc<dyn Transport>) {
        self.call(|protocol| {
            if let Some(protocol) = protocol.half_closeable() {
                protocol.write_connection_lost(transport);
            }
        });
    }
}

/// A factory that gives away the one protocol that it has.
pub(super) struct Once<P>(Cell<Option<P>>);

impl<P> Once<P> {
    pub(super) const fn new(protocol: P) -> Self {
        Self(Cell::new(Some(protocol)))
    }
}

impl<P: Protocol> Factory for Once<P> {
    type Protocol = P;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<P> {
        self.0.take()
    }
}
