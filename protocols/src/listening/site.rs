//! What stands behind a port, whether it listens or not.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use deferred::{Deferred, Firer};
use reactor::{DelayedCall, Job, Reactor};

use super::listener::Listener;
use super::{AnyPort, Place};
use crate::protocol::short_name;
use crate::{Address, Factory, ListenError};

/// A place to listen at, and the factory of the connections to there.
pub(super) struct Site<F> {
    pub(super) reactor: Reactor,
    pub(super) factory: Rc<F>,
    place: Box<dyn Place>,
    pub(super) address: RefCell<Address>,
    /// The reactor owns it. None is here unless the port listens.
    pub(super) listener: RefCell<Option<Weak<Listener<F>>>>,
    /// Fired when the socket is closed.
    stopped: RefCell<Vec<Firer<()>>>,
    /// Whether the last attempt to accept failed for want of something, which was logged then.
    pub(super) backing_off: Cell<bool>,
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
            stopped: RefCell::default(),
            backing_off: Cell::new(false),
            rest: RefCell::new(None),
        })
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
        *self.address.borrow_mut() = bound.address.clone();
        let listener = Rc::new(Listener::new(bound, Rc::clone(&self)));
        let weak = Rc::downgrade(&listener);
        self.reactor.add_reader(listener).map_err(failed)?;
        *self.listener.borrow_mut() = Some(weak);
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

    fn factory_name(&self) -> String {
        short_name::<F>()
    }
}

impl<F: Factory> Job for Site<F> {
    /// Tells those who wait that the port has stopped.
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        for firer in self.stopped.take() {
            firer.callback(());
        }
    }
}
