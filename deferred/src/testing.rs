//! For tests: a chain's result, now, or a panic that says what was there instead.
//!
//! *Twisted's `TestCase.successResultOf`, `failureResultOf` and `assertNoResult`.*

use std::cell::Cell;
use std::error::Error;
use std::fmt::Debug;
use std::thread;

use crate::{Deferred, Failure};

/// The value that `deferred` has succeeded with.
///
/// # Panics
///
/// If it still waits, or has failed; the message shows the failure.
#[track_caller]
pub fn success_result_of<T>(deferred: Deferred<T>) -> T {
    match deferred.into_result() {
        Ok(Ok(value)) => value,
        Ok(Err(failure)) => panic!("expected a value, but the chain has failed: {failure:?}"),
        Err(waiting) => panic!(
            "expected a value, but there is no result yet: {}",
            waiting.state()
        ),
    }
}

/// The failure that `deferred` has ended with, whose error is an `E`.
///
/// # Panics
///
/// If it still waits, has succeeded, or has failed with an error of another type.
#[track_caller]
pub fn failure_result_of<E: Error + 'static, T: Debug>(deferred: Deferred<T>) -> Failure {
    match deferred.into_result() {
        Ok(Err(failure)) if failure.check::<E>().is_some() => failure,
        Ok(Err(failure)) => {
            panic!(
                "expected a {}, but got: {failure:?}",
                std::any::type_name::<E>()
            )
        }
        Ok(Ok(value)) => panic!("expected a failure, but the chain has succeeded: {value:?}"),
        Err(waiting) => panic!(
            "expected a failure, but there is no result yet: {}",
            waiting.state()
        ),
    }
}

/// Gives back `deferred`, which has no result yet.
///
/// # Panics
///
/// If it has one.
#[track_caller]
pub fn assert_no_result<T: Debug>(deferred: Deferred<T>) -> Deferred<T> {
    match deferred.into_result() {
        Ok(result) => panic!("expected no result yet, but there is one: {result:?}"),
        Err(waiting) => waiting,
    }
}

thread_local! {
    static UNHANDLED: Cell<u64> = const { Cell::new(0) };
    static UNFIRED: Cell<u64> = const { Cell::new(0) };
}

/// How many failures of chains of this thread were reported as unhandled so far.
#[must_use]
pub fn unhandled_failures() -> u64 {
    UNHANDLED.get()
}

/// How many chains of this thread were made with a firer and have not fired yet.
#[must_use]
pub fn unfired_chains() -> u64 {
    UNFIRED.get()
}

pub(crate) fn count_unhandled() {
    UNHANDLED.set(UNHANDLED.get() + 1);
}

#[inline]
pub(crate) fn count_made() {
    UNFIRED.set(UNFIRED.get() + 1);
}

#[inline]
pub(crate) fn count_fired() {
    // A chain that is dropped when the thread ends counts for nobody.
    let _ = UNFIRED.try_with(|unfired| unfired.set(unfired.get().saturating_sub(1)));
}

/// Sees to it that a test leaves nothing behind: no failure unhandled, no chain unfired.
///
/// # Examples
///
/// ```
/// use deferred::{Deferred, testing};
///
/// let _tidy = testing::Tidy::new();
/// let (firer, deferred) = Deferred::<u32>::new();
/// firer.errback(deferred::Abandoned);
/// deferred.ignore(); // Without this, the end of the test would panic.
/// ```
#[derive(Debug)]
#[must_use = "it looks at what was left when it is dropped"]
pub struct Tidy {
    unhandled: u64,
    unfired: u64,
}

impl Tidy {
    /// Begins to watch the chains of this thread.
    #[expect(clippy::new_without_default, reason = "a guard is made on purpose")]
    pub fn new() -> Self {
        Self {
            unhandled: unhandled_failures(),
            unfired: unfired_chains(),
        }
    }
}

impl Drop for Tidy {
    /// # Panics
    ///
    /// If a failure was left unhandled since it was made, or a chain made since then has not fired.
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let unhandled = unhandled_failures() - self.unhandled;
        assert_eq!(
            unhandled, 0,
            "failures that were left unhandled: {unhandled}"
        );
        let unfired = unfired_chains().saturating_sub(self.unfired);
        assert_eq!(unfired, 0, "chains that have never fired: {unfired}");
    }
}
