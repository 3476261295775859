//! A function is called, and whatever it returns becomes a Deferred.

mod util;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, Failure, Panicked, maybe_deferred};
use util::{Log, Lost, assert_same, failure_of};

// D-022
#[test]
fn a_function_that_returns_a_value_gives_a_deferred_that_has_succeeded() {
    let deferred = maybe_deferred(|| Ok(7));

    assert_eq!(success_result_of(deferred), 7);
}

// D-022
#[test]
fn a_function_that_returns_nothing_gives_a_deferred_that_has_succeeded_with_nothing() {
    let deferred: Deferred<()> = maybe_deferred(|| ());

    success_result_of(deferred);
}

// D-022
#[test]
fn the_function_is_called_at_once() {
    let log = Log::default();

    let deferred = maybe_deferred(|| log.note("called"));
    log.note("returned");

    log.assert(&["called", "returned"]);
    success_result_of(deferred);
}

// D-024
#[test]
fn a_function_that_fails_gives_a_deferred_that_has_failed_with_its_error() {
    let deferred = maybe_deferred(|| Ok("seven".parse::<u32>()?));

    failure_result_of::<std::num::ParseIntError, _>(deferred);
}

// D-024
#[test]
fn a_function_that_panics_gives_a_deferred_that_has_failed() {
    let deferred = maybe_deferred(|| -> Result<u32, Failure> { panic!("no rhyme") });

    let failure = failure_result_of::<Panicked, _>(deferred);
    assert!(failure.to_string().contains("no rhyme"), "{failure}");
}

// D-025
#[test]
fn a_failure_that_the_function_returns_stays_the_same() {
    let failure = Failure::new(Lost);
    let original = failure.clone();

    let deferred = maybe_deferred(move || Err::<u32, _>(failure));

    assert_same(&failure_of(deferred), &original);
}

// D-026
#[test]
fn a_deferred_that_the_function_returns_succeeds_later() {
    let (firer, returned) = Deferred::<u32>::new();
    let deferred = assert_no_result(maybe_deferred(|| returned));

    firer.callback(7);

    assert_eq!(success_result_of(deferred), 7);
}

// D-026
#[test]
fn a_deferred_that_the_function_returns_fails_later() {
    let failure = Failure::new(Lost);
    let original = failure.clone();
    let (firer, returned) = Deferred::<u32>::new();
    let deferred = maybe_deferred(|| returned);

    firer.errback(failure);

    assert_same(&failure_of(deferred), &original);
}

// D-026
#[test]
fn a_deferred_that_the_function_returns_with_a_result_has_it_at_once() {
    let deferred = maybe_deferred(|| Deferred::succeed(7));

    assert_eq!(success_result_of(deferred), 7);
}

// D-026
#[test]
fn cancelling_what_the_helper_gives_cancels_the_deferred_that_the_function_returned() {
    let log = Log::default();
    let notes = log.clone();
    let (_firer, returned) = Deferred::<u32>::with_canceller(move |_| notes.note("cancelled"));
    let deferred = maybe_deferred(|| returned);

    deferred.cancel();

    log.assert(&["cancelled"]);
    failure_result_of::<CancelledError, _>(deferred);
}

// D-026
#[test]
fn a_handle_to_the_deferred_that_the_function_returned_cancels_what_the_helper_gives() {
    let (_firer, returned) = Deferred::<u32>::new();
    let handle = returned.cancel_handle();
    let deferred = maybe_deferred(|| returned);

    handle.cancel();

    failure_result_of::<CancelledError, _>(deferred);
}
