//! The firing end of a chain.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::cancel::{CancelHandle, Children};
use crate::chain::Source;
use crate::failure::Failure;
use crate::node::Root;
use crate::trail::{LinkKind, Origin};

/// What a chain does when it is cancelled.
pub(crate) enum Canceller<T: 'static> {
    /// Calls this, and ends; see [`Deferred::with_canceller`](crate::Deferred::with_canceller).
    Own(Box<dyn FnOnce(Firer<T>)>),
    /// Cancels these, whose results will end it.
    Children(Rc<Children>),
    /// Cancels what this says, and ends.
    Branch(Box<dyn FnOnce() -> Option<CancelHandle>>),
}

/// Gives a chain its first result, once: firing consumes it.
///
/// All links that can run have run when the firing call returns, and none of their failures comes out
/// of it. A firer that is dropped unfired fails its chain with [`Abandoned`], so that no chain waits for
/// a producer that is gone.
///
/// # Examples
///
/// ```
/// use deferred::{Abandoned, Deferred, testing};
///
/// let (firer, deferred) = Deferred::<u32>::new();
/// assert!(firer.callback(7));
/// assert_eq!(testing::success_result_of(deferred), 7);
///
/// let (firer, deferred) = Deferred::<u32>::new();
/// drop(firer);
/// testing::failure_result_of::<Abandoned, _>(deferred);
/// ```
///
/// *Twisted fires the `Deferred` itself and raises `AlreadyCalledError` the second time.*
#[must_use = "a firer that is dropped fails its chain with `Abandoned`"]
pub struct Firer<T: 'static> {
    /// Taken when it fires.
    root: Option<Rc<Root<T>>>,
}

/// The firer of a chain was dropped without firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the firer was dropped without firing")]
pub struct Abandoned;

/// Why a firer has a root.
const UNTIL_IT_FIRES: &str = "a firer has its root until it fires";

impl<T: 'static> Firer<T> {
    pub(crate) const fn new(root: Rc<Root<T>>) -> Self {
        Self { root: Some(root) }
    }

    /// Fires the chain with a value, and returns whether it was accepted.
    ///
    /// It is refused, and dropped, only after the chain was cancelled: it has its result then.
    pub fn callback(self, value: T) -> bool {
        self.into_root().fire(Ok(value))
    }

    /// Fires the chain with a failure, and returns whether it was accepted.
    ///
    /// An error that is not a [`Failure`] yet becomes one. It is refused, and dropped, only after the
    /// chain was cancelled: it has its result then.
    #[track_caller]
    pub fn errback(self, error: impl Into<Failure>) -> bool {
        let mut failure = error.into();
        failure.passed(Origin {
            kind: LinkKind::Firer,
            place: Location::caller(),
        });
        self.into_root().fire(Err(failure))
    }

    /// Fires the chain with either, and returns whether it was accepted.
    #[track_caller]
    pub fn fire(self, result: Result<T, Failure>) -> bool {
        match result {
            Ok(value) => self.callback(value),
            Err(failure) => self.errback(failure),
        }
    }

    /// The beginning of the chain that it will fire.
    pub(crate) fn source(&self) -> &dyn Source {
        let root = self.root.as_deref();
        root.expect(UNTIL_IT_FIRES)
    }

    /// Gives up this end for the sake of the chain's first node.
    pub(crate) fn into_root(mut self) -> Rc<Root<T>> {
        self.root.take().expect(UNTIL_IT_FIRES)
    }
}

impl<T: 'static> Drop for Firer<T> {
    fn drop(&mut self) {
        if let Some(root) = self.root.take() {
            root.abandon();
        }
    }
}

impl<T: 'static> fmt::Debug for Firer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Firer").finish_non_exhaustive()
    }
}
