//! What stands behind a port, whether it listens or not.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use deferred::{Deferred, Failure, Firer, report};
use reactor::{DelayedCall, Job, Reactor};
use rustix::io::Errno;

use super::listener::Listener;
use super::reserve::Reserve;
use super::{AnyPort, Clients, Place};
use crate::uses::{Use, note};
use crate::{Address, Factory, ListenError, Protocol};

/// So many connections are accepted in one turn at the most, at first; the rest waits for the next one.
///
/// *Where Twisted's accepting begins.*
const ACCEPTS_AT_FIRST: usize = 100;

/// A place to listen at, and the factory of the connections to there.
pub(super) struct Site<F: Factory> {
    pub(super) reactor: Reactor,
    pub(super) factory: Rc<F>,
    pub(super) place: Box<dyn Place>,
    pub(super) address: RefCell<Address>,
    /// The reactor owns it. None is here unless the port listens.
    pub(super) listener: RefCell<Option<Weak<Listener<F>>>>,
    /// There while the port listens, from the loop's next chance on.
    in_use: RefCell<Option<Use<F>>>,
    /// Fired when the socket is closed.
    stopped: RefCell<Vec<Firer<()>>>,
    /// How many clients there were.
    pub(super) clients: Cell<u64>,
    /// How many are accepted in one turn at the most.
    pub(super) accepts: Cell<usize>,
    /// Why the last attempt to accept failed, which was logged then, unless it did not.
    pub(super) trouble: Cell<Option<Errno>>,
    pub(super) reserve: Rc<Reserve>,
    /// Ends the time for which the listener is left in peace.
    pub(super) rest: RefCell<Option<DelayedCall>>,
}

impl<F: Factory> Site<F> {
    pub(super) fn new(reactor: &Reactor, place: Box<dyn Place>, factory: Rc<F>) -> Rc<Self> {
        Rc::new(Self {
            reactor: reactor.clone(),
            factory,
            address: RefCell::new(place.wanted()),
            place,
            listener: RefCell::new(None),
            in_use: RefCell::new(None),
            stopped: RefCell::default(),
            clients: Cell::new(0),
            accepts: Cell::new(ACCEPTS_AT_FIRST),
            trouble: Cell::new(None),
            reserve: reactor.extension(),
            rest: RefCell::new(None),
        })
    }

    /// Says where the port is, in the log.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.place.kind(), self.address.borrow())
    }

    /// Starts or stops the factory, and tells those who wait that the port has stopped. Called by the loop only.
    pub(super) fn settle(&self) {
        let done = if self.is_listening() {
            self.use_factory();
            Ok(())
        } else {
            self.leave_factory()
        };
        let waiting = self.stopped.take();
        if let Err(panic) = &done
            && waiting.is_empty()
        {
            report("Unhandled error in stop_factory", panic);
        }
        for firer in waiting {
            match &done {
                Ok(()) => firer.callback(()),
                Err(panic) => firer.errback(panic.clone()),
            };
        }
    }

    /// The number and the protocol of a client that has come, if the factory wants one.
    pub(super) fn build_protocol(&self, peer: &Address) -> Option<(u64, F::Protocol)> {
        let number = self.clients.get();
        self.clients.set(number + 1);
        let built = Failure::catch(|| self.factory.build_protocol(peer));
        let built = built.unwrap_or_else(|panic| {
            report("Unhandled error in build_protocol", &panic);
            None
        });
        built.map(|protocol| (number, protocol))
    }

    fn use_factory(&self) {
        if self.in_use.borrow().is_some() {
            return;
        }
        let begun = Use::begin(&self.factory);
        note(&*self.factory, format_args!("listens on {}", self.name()));
        *self.in_use.borrow_mut() = Some(begun);
    }

    fn leave_factory(&self) -> Result<(), Failure> {
        let in_use = self.in_use.take();
        let Some(in_use) = in_use else {
            return Ok(());
        };
        let name = self.name();
        note(&*self.factory, format_args!("listens no more on {name}"));
        in_use.end()
    }
}

impl<F: Factory> AnyPort for Site<F> {
    fn address(&self) -> Address {
        self.address.borrow().clone()
    }

    fn is_listening(&self) -> bool {
        self.listener.borrow().is_some()
    }

    fn start_listening(self: Rc<Self>) -> Result<(), ListenError> {
        if self.is_listening() {
            return Ok(());
        }
        let failed = |source| ListenError {
            address: self.place.wanted(),
            source,
        };
        let bound = self.place.open().map_err(failed)?;
        self.reserve.open().map_err(failed)?;
        *self.address.borrow_mut() = bound.address.clone();
        let is_socket = bound.is_socket;
        let listener = Rc::new(Listener::new(bound, Rc::clone(&self)));
        let weak = Rc::downgrade(&listener);
        if is_socket {
            self.reactor.add_reader(listener).map_err(failed)?;
        } else {
            self.reactor.hold(listener);
        }
        *self.listener.borrow_mut() = Some(weak);
        // Before the first client is accepted, at any rate.
        self.reactor.clone().after_callback(self);
        Ok(())
    }

    fn stop_listening(self: Rc<Self>) -> Deferred<()> {
        let listener = self.listener.take();
        if let Some(listener) = listener {
            if let Some(listener) = listener.upgrade() {
                self.reactor.release(&*listener);
            }
            if let Some(rest) = self.rest.take() {
                // It may be over already.
                let _ = rest.cancel();
            }
        } else if self.stopped.borrow().is_empty() {
            return Deferred::succeed(());
        }
        let (firer, deferred) = Deferred::new();
        self.stopped.borrow_mut().push(firer);
        self.reactor.clone().next_turn(self);
        deferred
    }

    fn has_reserve(&self) -> bool {
        self.reserve.is_available()
    }

    fn factory_name(&self) -> String {
        self.factory.log_prefix()
    }
}

impl<F: Factory> Clients for Site<F> {
    fn build(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        if !self.is_listening() {
            return None;
        }
        self.use_factory();
        let (_, protocol) = self.build_protocol(peer)?;
        Some(Box::new(protocol))
    }
}

impl<F: Factory> Job for Site<F> {
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        self.settle();
    }
}
