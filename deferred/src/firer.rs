//! The firing end of a chain.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::failure::{Failure, LinkKind, Origin};
use crate::node::Root;

/// What a chain is made with to stop the work behind it; see [`Deferred::with_canceller`](crate::Deferred::with_canceller).
pub(crate) type Canceller<T> = Box<dyn FnOnce(Firer<T>)>;

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

impl<T: 'static> Firer<T> {
    pub(crate) const fn new(root: Rc<Root<T>>) -> Self {
        Self { root: Some(root) }
    }

    /// Fires the chain with a value, and returns whether it was accepted.
    ///
    /// It is refused, and dropped, only after the chain was cancelled: it has its result then.
    pub fn callback(self, value: T) -> bool {
        self.fire(Ok(value))
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
        self.fire(Err(failure))
    }

    /// Fires the chain with either, and returns whether it was accepted.
    pub fn fire(mut self, result: Result<T, Failure>) -> bool {
        self.root.take().is_some_and(|root| root.fire(result))
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
