//! A closure in a chain.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use super::{Output, Run, Seam, Sink, Slot, SlotCell, Step, deliver};
use crate::cancel::CircularChain;
use crate::chain;
use crate::deferred::Settled;
use crate::failure::Failure;
use crate::panics;
use crate::trail::Origin;
use crate::work::Work;

/// One closure of a chain, with its input when that has come, and the slot for what it returns.
///
/// The order is kept, with the input last: nothing but its tag is written in a new link. Elsewhere, the compiler
/// copies what it does not use yet together with the parts beside it.
#[repr(C)]
pub(crate) struct Link<T, W: Work<T>> {
    slot: SlotCell<W::Value>,
    /// Where the program added it.
    place: &'static Location<'static>,
    work: Cell<Option<W>>,
    input: Cell<Option<Result<T, Failure>>>,
}

impl<T: 'static, W: Work<T> + 'static> Link<T, W> {
    pub(crate) fn new(work: W, place: &'static Location<'static>) -> Rc<Self> {
        // `Rc::new` would be given a node, and copy it; this one is written where it stays.
        Rc::new_cyclic(|_| Self {
            slot: SlotCell::new(),
            place,
            work: Cell::new(Some(work)),
            input: Cell::new(None),
        })
    }

    // ANCHOR: hand-on
    /// Leaves the row: what this node's slot holds now waits for `node` instead.
    fn hand_on(self: Rc<Self>, node: &dyn Output<W::Value>) {
        let behind = match self.slot.take() {
            Slot::Empty => {
                self.slot.set(Slot::Empty);
                Slot::Feeds(self)
            }
            behind => behind.past_idle_nodes(),
        };
        node.slot().set(behind);
    }
    // ANCHOR_END: hand-on
}

impl<T, W: Work<T>> Output<W::Value> for Link<T, W> {
    fn slot(&self) -> &SlotCell<W::Value> {
        &self.slot
    }
}

impl<T: 'static, W: Work<T> + 'static> Sink<T> for Link<T, W> {
    fn accept(self: Rc<Self>, input: Result<T, Failure>) -> Rc<dyn Step> {
        self.input.set(Some(input));
        self
    }
}

impl<T: 'static, W: Work<T> + 'static> Step for Link<T, W> {
    // ANCHOR: step
    fn step(self: Rc<Self>, run: &mut Run) -> Option<Rc<dyn Step>> {
        let (work, input) = (self.work.take()?, self.input.take()?);
        match call(work, input, self.place) {
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
    // ANCHOR_END: step
}

/// Runs what a link does: a panic becomes a failure, and a failure is marked as having come this way.
#[inline]
pub(crate) fn call<T, W: Work<T>>(
    work: W,
    input: Result<T, Failure>,
    place: &'static Location<'static>,
) -> Settled<W::Value> {
    panics::note_places();
    let mut settled = catch_unwind(AssertUnwindSafe(|| work.run(input)))
        .unwrap_or_else(|payload| Ok(Err(Failure::from_panic(payload))));
    if let Ok(Err(failure)) = &mut settled {
        let kind = W::KIND;
        failure.passed(Origin { kind, place });
    }
    settled
}
