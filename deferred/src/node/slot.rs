//! Where a node puts its result.

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;

use super::{Output, Sink};
use crate::failure::Failure;

// ANCHOR: slot
/// What is in the slot of a node. The drawing in the parent module shows how these follow each other.
#[derive(Default)]
pub(crate) enum Slot<T> {
    /// No result yet, and no link added yet: a `Deferred` looks at this node.
    Empty,
    /// No result yet; it will be this link's input.
    Next(Rc<dyn Sink<T>>),
    /// No result yet; it will be put into this node's slot instead.
    Feeds(Rc<dyn Output<T>>),
    /// The result, waiting for the `Deferred` that looks at this node.
    Result(Result<T, Failure>),
    /// Nobody will come for a result.
    #[default]
    Closed,
}
// ANCHOR_END: slot

/// The slot of a node. It is closed while somebody has taken out what is in it.
pub(crate) struct SlotCell<T>(RefCell<Slot<T>>);

impl<T> SlotCell<T> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Slot::Empty))
    }

    #[inline]
    pub(crate) fn take(&self) -> Slot<T> {
        self.0.take()
    }

    #[inline]
    pub(crate) fn set(&self, slot: Slot<T>) {
        *self.0.borrow_mut() = slot;
    }

    /// Lets `sink` have the result, for which nobody waits yet.
    #[inline]
    pub(crate) fn wait(&self, sink: Rc<dyn Sink<T>>) {
        let mut slot = self.0.borrow_mut();
        // Where nothing has to be dropped, the new state is written in place.
        if matches!(*slot, Slot::Empty) {
            *slot = Slot::Next(sink);
        }
    }

    /// Puts the result here, if a `Deferred` looks at this node, and gives it back if not.
    #[inline]
    pub(super) fn show(&self, result: Result<T, Failure>) -> Option<Result<T, Failure>> {
        let mut slot = self.0.borrow_mut();
        if !matches!(*slot, Slot::Empty) {
            return Some(result);
        }
        *slot = Slot::Result(result);
        None
    }

    /// Takes the result out, if it is there; nobody will come for another.
    #[inline]
    pub(crate) fn take_result(&self) -> Option<Result<T, Failure>> {
        // The state is looked at before it is moved: the other states are smaller than this one.
        let mut slot = self.0.borrow_mut();
        if !matches!(*slot, Slot::Result(_)) {
            return None;
        }
        match mem::take(&mut *slot) {
            Slot::Result(result) => Some(result),
            _ => unreachable!("it was just seen"),
        }
    }

    /// Takes the link out that waits here, if one does.
    #[inline]
    pub(super) fn take_next(&self) -> Option<Rc<dyn Sink<T>>> {
        let mut slot = self.0.borrow_mut();
        if !matches!(*slot, Slot::Next(_)) {
            return None;
        }
        match mem::take(&mut *slot) {
            Slot::Next(sink) => Some(sink),
            _ => unreachable!("it was just seen"),
        }
    }

    #[inline]
    pub(crate) fn has_result(&self) -> bool {
        matches!(*self.0.borrow(), Slot::Result(_))
    }

    /// Lets `f` look at what is in the slot.
    pub(crate) fn look<R>(&self, f: impl FnOnce(&Slot<T>) -> R) -> R {
        f(&self.0.borrow())
    }
}
