//! The last node of a chain whose result fires another chain.

use std::cell::Cell;
use std::rc::Rc;

use super::{Run, Sink, Step};
use crate::failure::Failure;
use crate::firer::Firer;
use crate::report::report;

/// A firing that is still to be done.
pub(crate) struct Shot<T: 'static> {
    pub(crate) firer: Firer<T>,
    pub(crate) result: Result<T, Failure>,
}

/// Ends a chain: its closure takes the result, and says which other chain to fire with what, if any.
///
/// The loop that runs this chain goes on with that one, so that a row of chains each of which fires the
/// next needs no more stack than one. The closures are this crate's own.
pub(crate) struct Trigger<T, F> {
    work: Cell<Option<F>>,
    input: Cell<Option<Result<T, Failure>>>,
}

impl<T, F> Trigger<T, F> {
    pub(crate) fn new(work: F) -> Rc<Self> {
        Rc::new(Self {
            work: Cell::new(Some(work)),
            input: Cell::new(None),
        })
    }
}

impl<T, U, F> Sink<T> for Trigger<T, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Option<Shot<U>> + 'static,
{
    fn accept(self: Rc<Self>, input: Result<T, Failure>) -> Rc<dyn Step> {
        self.input.set(Some(input));
        self
    }
}

impl<T, U, F> Step for Trigger<T, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Option<Shot<U>> + 'static,
{
    fn step(self: Rc<Self>, run: &mut Run) -> Option<Rc<dyn Step>> {
        let (work, input) = (self.work.take()?, self.input.take()?);
        run.go_on_in(aim(work, input)?)
    }
}

/// Runs the closure of a trigger. A panic in it comes from something that was dropped there.
pub(crate) fn aim<T, U: 'static>(
    work: impl FnOnce(Result<T, Failure>) -> Option<Shot<U>>,
    input: Result<T, Failure>,
) -> Option<Shot<U>> {
    Failure::catch(|| work(input))
        .inspect_err(|panic| report("Unhandled error in a value that was dropped", panic))
        .ok()
        .flatten()
}
