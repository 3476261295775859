//! The first node of a chain.

use std::cell::Cell;
use std::rc::Rc;

use super::{Output, SlotCell, Step, deliver, run};
use crate::cancel::{CancelledError, Children};
use crate::chain::{self, Chain, Made, Source};
use crate::failure::Failure;
use crate::firer::{Abandoned, Canceller, Firer};
use crate::report::report;
use crate::testing;

/// The first node of a chain, the one that a [`Firer`] fires.
///
/// The order is kept, as in a [`Link`](super::Link), and for the same reason.
#[repr(C)]
pub(crate) struct Root<T: 'static> {
    slot: SlotCell<T>,
    chain: Chain,
    state: Cell<Firing>,
    canceller: Cell<Option<Canceller<T>>>,
}

/// How far the firing of a [`Root`] has come.
#[derive(Clone, Copy, PartialEq)]
enum Firing {
    Unfired,
    /// The canceller is running; a firer that is dropped now does not mean [`Abandoned`].
    Cancelling,
    Fired,
}

impl<T: 'static> Root<T> {
    #[track_caller]
    pub(crate) fn new(canceller: Option<Canceller<T>>) -> Rc<Self> {
        testing::count_made();
        let made = Made::here();
        // As in `Link::new`.
        Rc::new_cyclic(|_| Self {
            slot: SlotCell::new(),
            chain: Chain::of_own_source(made),
            state: Cell::new(Firing::Unfired),
            canceller: Cell::new(canceller),
        })
    }

    /// Fires the chain and runs what is ready; returns whether this was the first firing.
    pub(crate) fn fire(self: Rc<Self>, result: Result<T, Failure>) -> bool {
        if self.state.get() == Firing::Fired {
            return false;
        }
        let source: Rc<dyn Source> = self.clone();
        run(self.load(result), source);
        true
    }

    /// Fires the chain, and leaves it to the caller to run the node that became ready.
    ///
    /// A firing that comes too late makes none ready.
    pub(crate) fn load(self: Rc<Self>, result: Result<T, Failure>) -> Option<Rc<dyn Step>> {
        if self.state.replace(Firing::Fired) == Firing::Fired {
            return None;
        }
        testing::count_fired();
        drop(self.canceller.take());
        let source: Rc<dyn Source> = self.clone();
        chain::fired(&source);
        deliver(&self.slot, result, &source)
    }

    /// Fires with [`Abandoned`] if nothing else did, or is about to.
    pub(crate) fn abandon(self: Rc<Self>) {
        if self.state.get() == Firing::Unfired {
            self.fire(Err(Failure::raised_nowhere(Abandoned)));
        }
    }
}

impl<T: 'static> Output<T> for Root<T> {
    fn slot(&self) -> &SlotCell<T> {
        &self.slot
    }
}

impl<T: 'static> Source for Root<T> {
    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn cancel(self: Rc<Self>) -> Option<Rc<Children>> {
        if self.state.get() != Firing::Unfired {
            return None;
        }
        match self.canceller.take() {
            None => self.end_cancelled(None),
            Some(Canceller::Own(canceller)) => {
                self.state.set(Firing::Cancelling);
                let firer = Firer::new(self.clone());
                let panic = Failure::catch(|| canceller(firer)).err();
                self.end_cancelled(panic);
            }
            // They may fire the chain, each of them; it is theirs to end it.
            Some(Canceller::Children(children)) => return Some(children),
            Some(Canceller::Branch(leave)) => {
                self.state.set(Firing::Cancelling);
                return Some(Children::new(leave()));
            }
        }
        None
    }

    fn cancelled(self: Rc<Self>, first: Rc<Children>) {
        match self.state.get() {
            Firing::Unfired => self.canceller.set(Some(Canceller::Children(first))),
            Firing::Cancelling => self.end_cancelled(None),
            Firing::Fired => {}
        }
    }
}

impl<T: 'static> Root<T> {
    /// Ends the cancelling: the canceller's panic, or else that it was cancelled, is the result if there is none yet.
    fn end_cancelled(self: Rc<Self>, panic: Option<Failure>) {
        if self.state.get() != Firing::Fired {
            let failure = panic.unwrap_or_else(|| Failure::raised_nowhere(CancelledError));
            self.fire(Err(failure));
        } else if let Some(panic) = panic {
            report("Unhandled error in a canceller", &panic);
        }
    }
}
