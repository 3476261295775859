//! Chains that may take only so long.

use std::any;
use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use deferred::{CancelledError, Deferred, Failure, Outcome};

use super::later::off;
use crate::clock::{Clock, Work};

/// A chain took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no result after {after:?}")]
pub struct TimeoutError {
    /// How long it was given.
    pub after: Duration,
}

/// Cancels the chain if it has no result once `after` has passed; it ends with a [`TimeoutError`] then.
///
/// The result must have come to this link in time; what is added after it may take as long as it wants. At the
/// deadline, what the chain waits for is cancelled, as [`Deferred::cancel`] does, and the links before this one see
/// the [`CancelledError`]. Only if that arrives here does it become a `TimeoutError`: a
/// canceller or an errback that made something else of it is believed. A chain that was cancelled
/// by somebody else ends with `CancelledError`.
///
/// [`AddTimeout::add_timeout`] is the same as a method.
///
/// # Examples
///
/// ```
/// use deferred::{Deferred, testing};
/// use reactor::task::{AddTimeout, TimeoutError};
/// use reactor::testing::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let (_firer, answer) = Deferred::<String>::new();
/// let answer = answer.add_timeout(Duration::from_secs(30), &clock);
///
/// clock.advance(Duration::from_secs(30));
///
/// let failure = testing::failure_result_of::<TimeoutError, _>(answer);
/// assert_eq!(failure.error().to_string(), "no result after 30s");
/// ```
///
/// *Twisted's `Deferred.addTimeout`.*
#[track_caller]
pub fn timeout<T: 'static>(
    deferred: Deferred<T>,
    after: Duration,
    clock: &(impl Clock + ?Sized),
) -> Deferred<T> {
    timeout_with(deferred, after, clock, cancelled_to_timed_out)
}

/// Cancels the chain if it has no result once `after` has passed; `conversion` then says what it ends with.
///
/// It is called only after the deadline, with what has arrived at this link and the time that was given, and
/// returns what a callback may return. It is called also if the cancellation was answered with a value.
///
/// *The `onTimeoutCancel` of Twisted's `addTimeout`.*
#[track_caller]
pub fn timeout_with<T: 'static, R: Outcome<Value = T>>(
    deferred: Deferred<T>,
    after: Duration,
    clock: &(impl Clock + ?Sized),
    conversion: impl FnOnce(Result<T, Failure>, Duration) -> R + 'static,
) -> Deferred<T> {
    let timed_out = Rc::new(Cell::new(false));
    let expire = {
        let (timed_out, handle) = (Rc::clone(&timed_out), deferred.cancel_handle());
        Work::new(move || {
            timed_out.set(true);
            handle.cancel();
        })
    };
    let name = any::type_name::<TimeoutError>();
    let deadline = clock.schedule(after, expire.on_behalf_of(name, Location::caller()));
    deferred.add_both(move |result| {
        off(&deadline);
        if !timed_out.get() {
            return Deferred::from_result(result);
        }
        match conversion(result, after).settle() {
            Ok(result) => Deferred::from_result(result),
            Err(waiting) => waiting,
        }
    })
}

/// Makes a [`TimeoutError`] of a [`CancelledError`], and leaves everything else.
pub(super) fn cancelled_to_timed_out<T>(
    result: Result<T, Failure>,
    after: Duration,
) -> Result<T, Failure> {
    result.map_err(|failure| match failure.check::<CancelledError>() {
        Some(CancelledError) => Failure::without_backtrace(TimeoutError { after }),
        None => failure,
    })
}

/// [`timeout`] as a method of Deferreds.
pub trait AddTimeout: Sized {
    /// What the chain ends with if all goes well.
    type Value: 'static;

    /// Cancels the chain if it has no result once `after` has passed: see [`timeout`].
    #[track_caller]
    fn add_timeout(self, after: Duration, clock: &(impl Clock + ?Sized)) -> Deferred<Self::Value>;

    /// The same, with a say in what it ends with then: see [`timeout_with`].
    #[track_caller]
    fn add_timeout_with<R: Outcome<Value = Self::Value>>(
        self,
        after: Duration,
        clock: &(impl Clock + ?Sized),
        conversion: impl FnOnce(Result<Self::Value, Failure>, Duration) -> R + 'static,
    ) -> Deferred<Self::Value>;
}

impl<T: 'static> AddTimeout for Deferred<T> {
    type Value = T;

    fn add_timeout(self, after: Duration, clock: &(impl Clock + ?Sized)) -> Self {
        timeout(self, after, clock)
    }

    fn add_timeout_with<R: Outcome<Value = T>>(
        self,
        after: Duration,
        clock: &(impl Clock + ?Sized),
        conversion: impl FnOnce(Result<T, Failure>, Duration) -> R + 'static,
    ) -> Self {
        timeout_with(self, after, clock, conversion)
    }
}
