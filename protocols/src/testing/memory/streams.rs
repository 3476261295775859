//! All streams in memory of one reactor, so that it owns them and they hear that it stops.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use deferred::Failure;
use reactor::{Descriptor, Reactor};

use crate::testing::nothing;

/// An end that was not told of its end yet.
pub(super) trait Live {
    /// Tells everyone now.
    fn reactor_has_stopped(&self, reason: Failure);
}

/// The ends on one reactor.
#[derive(Default)]
pub(super) struct Streams {
    ends: RefCell<Vec<Rc<dyn Live>>>,
    /// Held by the reactor while there are ends.
    held: RefCell<Option<Rc<Held>>>,
}

impl Streams {
    /// Keeps `end` until it is [forgotten](Self::forget), or the reactor stops. One that has stopped keeps nothing.
    pub(super) fn keep(&self, reactor: &Reactor, end: Rc<dyn Live>) {
        if reactor.is_stopping() {
            return;
        }
        self.ends.borrow_mut().push(end);
        let mut held = self.held.borrow_mut();
        let held = held.get_or_insert_with(|| Rc::new(Held::new()));
        reactor.hold(Rc::clone(held) as _);
    }

    pub(super) fn forget(&self, reactor: &Reactor, end: &Rc<dyn Live>) {
        let mut ends = self.ends.borrow_mut();
        let place = ends.iter().position(|it| Rc::ptr_eq(it, end));
        let forgotten = place.map(|place| ends.swap_remove(place));
        let is_empty = ends.is_empty();
        drop(ends);
        let held = self.held.borrow_mut().take_if(|_| is_empty);
        if let Some(held) = held {
            reactor.release(&*held);
        }
        drop(forgotten);
    }
}

/// What makes a reactor tell of its stop: it tells those that have a descriptor.
struct Held {
    /// A descriptor that stands for no stream, and that nothing is read from.
    nothing: OwnedFd,
}

impl Held {
    fn new() -> Self {
        let nothing = nothing().expect("a process that tests has descriptors left");
        Self { nothing }
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.nothing.as_fd()
    }
}

impl Descriptor for Held {
    fn connection_lost(self: Rc<Self>, reactor: &Reactor, reason: Failure) {
        let streams: Rc<Streams> = reactor.extension();
        drop(streams.held.take());
        for end in streams.ends.take() {
            end.reactor_has_stopped(reason.clone());
        }
    }

    fn log_prefix(&self) -> String {
        String::from("streams in memory")
    }
}
