//! What a callback may return.

use crate::{Deferred, Failure};

/// What a callback or errback may return: a `Result`, a [`Deferred`], or nothing.
///
/// There is one implementation for `Result`, with [`Failure`] as its error, so that a closure may end in
/// `Ok(…)` or use `?` on any error without saying what its own error type is.
pub trait IntoDeferred {
    /// What the next callback will be given.
    type Value;

    /// The returned thing as the `Deferred` whose result the chain goes on with.
    fn into_deferred(self) -> Deferred<Self::Value>;
}

/// A value for the callback line, or a failure for the errback line.
impl<T> IntoDeferred for Result<T, Failure> {
    type Value = T;

    fn into_deferred(self) -> Deferred<T> {
        Deferred::from_result(self)
    }
}

/// The chain waits for this one's result and goes on with it.
impl<T> IntoDeferred for Deferred<T> {
    type Value = T;

    fn into_deferred(self) -> Self {
        self
    }
}

/// A callback that returns nothing succeeds with nothing.
impl IntoDeferred for () {
    type Value = ();

    fn into_deferred(self) -> Deferred<()> {
        Deferred::succeed(())
    }
}
