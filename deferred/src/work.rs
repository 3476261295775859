//! What the links of each kind do with the result that they are given.

use crate::deferred::Settled;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::trail::LinkKind;

/// What a link runs. Its kind is part of its type, so that a link need not store it.
pub(crate) trait Work<T> {
    type Value: 'static;
    const KIND: LinkKind;

    fn run(self, input: Result<T, Failure>) -> Settled<Self::Value>;
}

/// Runs on the callback line.
pub(crate) struct Callback<F>(pub(crate) F);

impl<T, R, F> Work<T> for Callback<F>
where
    R: Outcome<Value: 'static>,
    F: FnOnce(T) -> R,
{
    type Value = R::Value;
    const KIND: LinkKind = LinkKind::Callback;

    #[inline]
    fn run(self, input: Result<T, Failure>) -> Settled<R::Value> {
        match input {
            Ok(value) => self.0(value).settle(),
            Err(failure) => Ok(Err(failure)),
        }
    }
}

/// Runs on the callback line, and cannot fail.
pub(crate) struct Map<F>(pub(crate) F);

impl<T, U: 'static, F: FnOnce(T) -> U> Work<T> for Map<F> {
    type Value = U;
    const KIND: LinkKind = LinkKind::Callback;

    #[inline]
    fn run(self, input: Result<T, Failure>) -> Settled<U> {
        Ok(input.map(self.0))
    }
}

/// Runs on the errback line.
pub(crate) struct Errback<F>(pub(crate) F);

impl<T, R, F> Work<T> for Errback<F>
where
    T: 'static,
    R: Outcome<Value = T>,
    F: FnOnce(Failure) -> R,
{
    type Value = T;
    const KIND: LinkKind = LinkKind::Errback;

    #[inline]
    fn run(self, input: Result<T, Failure>) -> Settled<T> {
        match input {
            Ok(value) => Ok(Ok(value)),
            Err(failure) => self.0(failure).settle(),
        }
    }
}

/// One for each line, of which one runs.
pub(crate) struct Callbacks<F, G>(pub(crate) F, pub(crate) G);

impl<T, R, S, F, G> Work<T> for Callbacks<F, G>
where
    R: Outcome<Value: 'static>,
    S: Outcome<Value = R::Value>,
    F: FnOnce(T) -> R,
    G: FnOnce(Failure) -> S,
{
    type Value = R::Value;
    const KIND: LinkKind = LinkKind::Callbacks;

    #[inline]
    fn run(self, input: Result<T, Failure>) -> Settled<R::Value> {
        match input {
            Ok(value) => self.0(value).settle(),
            Err(failure) => self.1(failure).settle(),
        }
    }
}

/// Runs on either line.
pub(crate) struct Both<F>(pub(crate) F);

impl<T, R, F> Work<T> for Both<F>
where
    R: Outcome<Value: 'static>,
    F: FnOnce(Result<T, Failure>) -> R,
{
    type Value = R::Value;
    const KIND: LinkKind = LinkKind::Both;

    #[inline]
    fn run(self, input: Result<T, Failure>) -> Settled<R::Value> {
        self.0(input).settle()
    }
}

/// Passes on what it is given: a link of this crate's own.
pub(crate) struct Pass;

impl<T: 'static> Work<T> for Pass {
    type Value = T;
    const KIND: LinkKind = LinkKind::Own;

    #[inline]
    fn run(self, input: Result<T, Failure>) -> Settled<T> {
        Ok(input)
    }
}
