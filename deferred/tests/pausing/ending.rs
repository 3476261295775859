//! A paused chain is cancelled, or its end or its guard is dropped.

use deferred::testing::{failure_result_of, success_result_of, unhandled_failures};
use deferred::{CancelledError, Deferred, Failure};

use crate::util::{Log, Lost};
use crate::{noting, paused};

// D-032
#[test]
fn a_paused_chain_that_is_cancelled_runs_its_errbacks_when_the_guard_is_dropped() {
    let log = Log::default();
    let notes = log.clone();
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.add_errback(move |failure| {
        notes.note("errback");
        Err(failure)
    });
    let guard = chain.pause();

    chain.cancel();
    log.note("cancelled");
    drop(guard);

    log.assert(&["cancelled", "errback"]);
    assert!(!firer.callback(1));
    failure_result_of::<CancelledError, _>(chain);
}

// D-032
#[test]
fn cancelling_a_paused_chain_that_was_fired_does_nothing() {
    let log = Log::default();
    let (guard, deferred) = paused();
    let chain = noting(deferred, &log);

    chain.cancel();
    drop(guard);

    log.assert(&["got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-083
#[test]
fn the_links_of_a_paused_chain_run_also_when_its_end_was_dropped() {
    let log = Log::default();
    let (guard, deferred) = paused();
    drop(noting(deferred, &log));
    log.assert(&[]);

    drop(guard);

    log.assert(&["got 1"]);
}

// D-059
#[test]
fn a_paused_chain_whose_end_was_dropped_reports_its_failure_when_it_has_run() {
    let before = unhandled_failures();
    let (guard, deferred) = paused();
    drop(deferred.add_callback(|_| Err::<u32, _>(Failure::new(Lost))));
    let reported_meanwhile = unhandled_failures() - before;

    drop(guard);

    let reported = unhandled_failures() - before;
    assert_eq!((reported_meanwhile, reported), (0, 1));
}

// D-059
#[test]
fn a_paused_chain_that_is_dropped_with_a_failure_reports_it_at_once_and_once() {
    let before = unhandled_failures();
    let deferred = Deferred::<u32>::fail(Lost);
    let guard = deferred.pause();

    drop(deferred);
    let reported = unhandled_failures() - before;
    drop(guard);

    assert_eq!((reported, unhandled_failures() - before), (1, 1));
}

// D-035
#[test]
fn a_guard_may_be_dropped_after_the_chain() {
    let (firer, deferred) = Deferred::<u32>::new();
    let guard = deferred.pause();
    drop(deferred);
    firer.callback(1);

    drop(guard);
}
