//! A protocol that collects, and waiting for ends.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use deferred::{Deferred, Failure, Firer, gather};

use crate::{Protocol, Transport};

/// A protocol that collects what it receives, and does nothing else.
///
/// What it has collected, and what happened to it, is asked of its [`Collected`].
///
/// *Twisted's `AccumulatingProtocol`.*
#[derive(Debug)]
pub struct Collector {
    collected: Collected,
}

/// What a [`Collector`] has collected; clones share it.
#[derive(Clone, Default)]
pub struct Collected(Rc<Inner>);

#[derive(Default)]
struct Inner {
    data: RefCell<Vec<u8>>,
    pieces: Cell<usize>,
    transport: RefCell<Option<Weak<dyn Transport>>>,
    reason: RefCell<Option<Failure>>,
    wait_for_made: RefCell<Vec<Firer<()>>>,
    wait_for_lost: RefCell<Vec<Firer<Failure>>>,
}

impl Collector {
    /// Makes a collector, and a handle to what it will collect.
    #[must_use]
    pub fn new() -> (Self, Collected) {
        let collected = Collected::default();
        let collector = Self {
            collected: collected.clone(),
        };
        (collector, collected)
    }
}

impl Protocol for Collector {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let inner = &self.collected.0;
        *inner.transport.borrow_mut() = Some(Rc::downgrade(transport));
        for firer in inner.wait_for_made.take() {
            firer.callback(());
        }
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        let inner = &self.collected.0;
        inner.data.borrow_mut().extend_from_slice(data);
        inner.pieces.set(inner.pieces.get() + 1);
    }

    fn connection_lost(&mut self, reason: Failure) {
        let inner = &self.collected.0;
        *inner.reason.borrow_mut() = Some(reason.clone());
        for firer in inner.wait_for_lost.take() {
            firer.callback(reason.clone());
        }
    }
}

impl Collected {
    /// All that has come so far.
    #[must_use]
    pub fn data(&self) -> Vec<u8> {
        self.0.data.borrow().clone()
    }

    /// In how many pieces it has come.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.0.pieces.get()
    }

    /// The transport, once there is a connection and as long as something is left of it.
    #[must_use]
    pub fn transport(&self) -> Option<Rc<dyn Transport>> {
        let transport = self.0.transport.borrow();
        transport.as_ref().and_then(Weak::upgrade)
    }

    /// Why the connection is over, if it is.
    #[must_use]
    pub fn reason(&self) -> Option<Failure> {
        self.0.reason.borrow().clone()
    }

    /// Fires when the connection is made; it has fired already if it was made already.
    pub fn made(&self) -> Deferred<()> {
        if self.0.transport.borrow().is_some() {
            return Deferred::succeed(());
        }
        let (firer, deferred) = Deferred::new();
        self.0.wait_for_made.borrow_mut().push(firer);
        deferred
    }

    /// Fires with the reason when the connection is over; it has fired already if it is over already.
    pub fn lost(&self) -> Deferred<Failure> {
        if let Some(reason) = self.reason() {
            return Deferred::succeed(reason);
        }
        let (firer, deferred) = Deferred::new();
        self.0.wait_for_lost.borrow_mut().push(firer);
        deferred
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected")
            .field("data", &self.data().escape_ascii().to_string())
            .field("pieces", &self.pieces())
            .finish_non_exhaustive()
    }
}

/// Fires with the reasons, in this order, when all these connections are over and their protocols were told.
///
/// *Twisted's `waitUntilAllDisconnected`, which asks again and again.*
pub fn all_disconnected(
    transports: impl IntoIterator<Item = Rc<dyn Transport>>,
) -> Deferred<Vec<Failure>> {
    gather(
        transports
            .into_iter()
            .map(|transport| transport.when_lost()),
    )
}
