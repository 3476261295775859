//! Pausing a chain that waits for another.

use deferred::testing::{assert_no_result, success_result_of};
use deferred::{Deferred, Failure};

use crate::util::{Log, Lost, Shelf, assert_same, failure_of};
use crate::{noting, paused, waits_for};

// D-032
#[test]
fn a_chain_that_is_paused_while_it_waits_for_a_deferred_does_not_run_when_that_fires() {
    let log = Log::default();
    let (firer, inner) = Deferred::new();
    let chain = noting(waits_for(inner), &log);
    let guard = chain.pause();

    firer.callback(1);
    log.note("fired");
    drop(guard);

    log.assert(&["fired", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-032
#[test]
fn a_deferred_that_is_returned_paused_and_unfired_holds_the_chain_that_returned_it() {
    let log = Log::default();
    let (firer, inner) = Deferred::new();
    let guard = inner.pause();
    let chain = noting(waits_for(noting(inner, &log)), &log);

    firer.callback(1);
    log.note("fired");
    drop(guard);

    log.assert(&["fired", "got 1", "got 2"]);
    assert_eq!(success_result_of(chain), 3);
}

// D-031
#[test]
fn a_deferred_that_is_returned_paused_and_fired_holds_the_chain_that_returned_it() {
    let log = Log::default();
    let (guard, inner) = paused();
    let chain = noting(waits_for(inner), &log);
    let chain = assert_no_result(chain);

    drop(guard);

    log.assert(&["got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-031
#[test]
fn a_deferred_that_is_returned_with_links_held_runs_them_before_those_of_the_chain() {
    let log = Log::default();
    let (guard, inner) = paused();
    let chain = noting(waits_for(noting(inner, &log)), &log);
    log.note("returned");

    drop(guard);

    log.assert(&["returned", "got 1", "got 2"]);
    assert_eq!(success_result_of(chain), 3);
}

// D-034
#[test]
fn a_guard_of_the_outer_chain_and_one_of_the_inner_must_both_go() {
    let log = Log::default();
    let (firer, inner) = Deferred::new();
    let inner_guard = inner.pause();
    let chain = noting(waits_for(inner), &log);
    let outer_guard = chain.pause();
    firer.callback(1);

    drop(inner_guard);
    log.assert(&[]);
    drop(outer_guard);

    log.assert(&["got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-036
#[test]
fn a_link_that_pauses_its_own_chain_and_returns_a_paused_deferred_waits_for_both_guards() {
    let log = Log::default();
    let (end, guard) = (Shelf::empty(), Shelf::empty());
    let (own, keeps) = (end.clone(), guard.clone());
    let (inner_guard, inner) = paused();
    let inner = noting(inner, &log);
    let (firer, outer) = Deferred::<()>::new();
    let chain = outer.add_callback(move |()| {
        let end: Deferred<u32> = own.take();
        keeps.put(end.pause());
        own.put(end);
        inner
    });
    end.put(noting(chain, &log));
    firer.callback(());

    drop(inner_guard);
    log.assert(&[]);
    drop(guard.take());

    log.assert(&["got 1", "got 2"]);
    assert_eq!(success_result_of(end.take()), 3);
}

// D-077, D-079
#[test]
fn cancelling_a_chain_that_waits_for_a_paused_deferred_with_a_value_leaves_it_that_value() {
    let (guard, inner) = paused();
    let chain = waits_for(inner);

    chain.cancel();
    drop(guard);

    assert_eq!(success_result_of(chain), 1);
}

// D-079
#[test]
fn cancelling_a_chain_that_waits_for_a_paused_deferred_with_a_failure_leaves_it_that_failure() {
    let failure = Failure::new(Lost);
    let (firer, inner) = Deferred::new();
    let guard = inner.pause();
    firer.errback(failure.clone());
    let chain = waits_for(inner);

    chain.cancel();
    drop(guard);

    assert_same(&failure_of(chain), &failure);
}
