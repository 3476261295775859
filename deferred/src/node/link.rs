//! A closure in a chain.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::{Output, Run, Seam, Sink, Slot, Step, deliver};
use crate::cancel::CircularChain;
use crate::chain;
use crate::deferred::Settled;
use crate::failure::Failure;
use crate::panics;
use crate::trail::Origin;

/// One closure of a chain, with its input when that has come, and the slot for what it returns.
pub(crate) struct Link<T, U, F> {
    work: Cell<Option<F>>,
    input: Cell<Option<Result<T, Failure>>>,
    slot: RefCell<Slot<U>>,
    origin: Origin,
}

impl<T, U, F> Link<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Settled<U> + 'static,
{
    pub(crate) fn new(work: F, origin: Origin) -> Rc<Self> {
        Rc::new(Self {
            work: Cell::new(Some(work)),
            input: Cell::new(None),
            slot: RefCell::new(Slot::Empty),
            origin,
        })
    }

    /// Leaves the row: what this node's slot holds now waits for `node` instead.
    fn hand_on(self: Rc<Self>, node: &dyn Output<U>) {
        let behind = match self.slot.take() {
            Slot::Empty => {
                self.slot.replace(Slot::Empty);
                Slot::Feeds(self)
            }
            behind => behind.past_idle_nodes(),
        };
        node.slot().replace(behind);
    }
}

impl<T, U, F> Output<U> for Link<T, U, F> {
    fn slot(&self) -> &RefCell<Slot<U>> {
        &self.slot
    }
}

impl<T, U, F> Sink<T> for Link<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Settled<U> + 'static,
{
    fn accept(self: Rc<Self>, input: Result<T, Failure>) -> Rc<dyn Step> {
        self.input.set(Some(input));
        self
    }
}

impl<T, U, F> Step for Link<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Settled<U> + 'static,
{
    fn step(self: Rc<Self>, run: &mut Run) -> Option<Rc<dyn Step>> {
        let (work, input) = (self.work.take()?, self.input.take()?);
        match call(work, input, self.origin) {
            Ok(result) => deliver(&self.slot, result, &run.source),
            Err(inner) => {
                let seam = Seam::behind(&inner);
                if !chain::join(&run.source, inner.source()) {
                    drop(inner);
                    let failure = Failure::raised_nowhere(CircularChain);
                    return deliver(&self.slot, Err(failure), &run.source);
                }
                self.hand_on(&*Seam::after(inner.into_node(), seam));
                None
            }
        }
    }
}

/// Runs the closure of a link: a panic becomes a failure, and a failure is marked as having come this way.
#[inline]
pub(crate) fn call<T, U>(
    work: impl FnOnce(Result<T, Failure>) -> Settled<U>,
    input: Result<T, Failure>,
    origin: Origin,
) -> Settled<U> {
    panics::note_places();
    let mut settled = catch_unwind(AssertUnwindSafe(|| work(input)))
        .unwrap_or_else(|payload| Ok(Err(Failure::from_panic(payload))));
    if let Ok(Err(failure)) = &mut settled {
        failure.passed(origin);
    }
    settled
}
