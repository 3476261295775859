//! What a callback may return.

use crate::{Deferred, Failure};

/// What a callback or errback may return: a `Result`, a [`Deferred`], or nothing.
///
/// There is one implementation for `Result`, with [`Failure`] as its error, so that a closure may end in
/// `Ok(…)` or use `?` on any error without saying what its own error type is.
pub trait Outcome {
    /// What the next callback will be given.
    type Value;

    /// The result, if it is there.
    ///
    /// # Errors
    ///
    /// The `Deferred` to wait for, if it is not.
    fn settle(self) -> Result<Result<Self::Value, Failure>, Deferred<Self::Value>>;
}

/// A value for the callback line, or a failure for the errback line.
impl<T> Outcome for Result<T, Failure> {
    type Value = T;

    #[inline]
    fn settle(self) -> Result<Self, Deferred<T>> {
        Ok(self)
    }
}

/// The chain waits for this one's result and goes on with it.
impl<T: 'static> Outcome for Deferred<T> {
    type Value = T;

    #[inline]
    fn settle(self) -> Result<Result<T, Failure>, Self> {
        self.into_result().map_err(Self::waiting)
    }
}

/// A callback that returns nothing succeeds with nothing.
impl Outcome for () {
    type Value = ();

    #[inline]
    fn settle(self) -> Result<Result<(), Failure>, Deferred<()>> {
        Ok(Ok(()))
    }
}

/// Calls `f` now, and gives a Deferred of what it returns, whatever it is; a panic is a failure.
///
/// # Examples
///
/// ```
/// use deferred::{Failure, maybe_deferred, testing};
///
/// let deferred = maybe_deferred(|| Ok("7".parse::<u32>()?));
/// assert_eq!(testing::success_result_of(deferred), 7);
/// ```
///
/// *Twisted's `maybeDeferred`.*
pub fn maybe_deferred<R: Outcome>(f: impl FnOnce() -> R) -> Deferred<R::Value> {
    match Failure::catch(|| f().settle()) {
        Ok(Ok(result)) => Deferred::from_result(result),
        Ok(Err(waiting)) => waiting,
        Err(panic) => Deferred::from_result(Err(panic)),
    }
}
