//! For tests: a chain's result, now, or a panic that says what was there instead.
//!
//! *Twisted's `TestCase.successResultOf`, `failureResultOf` and `assertNoResult`.*

use std::error::Error;
use std::fmt::Debug;

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
        Err(waiting) => panic!("expected a value, but there is no result yet: {waiting:?}"),
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
        Err(waiting) => panic!("expected a failure, but there is no result yet: {waiting:?}"),
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
