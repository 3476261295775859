//! A chain is held, and runs when the last guard is gone.

mod util;

use deferred::testing::{
    assert_no_result, failure_result_of, success_result_of, unhandled_failures,
};
use deferred::{CancelledError, Deferred, Failure, Panicked, Pause, gather};
use util::{Log, Lost, Shelf, assert_same, failure_of};

/// A chain that has succeeded with 1, and the guard that holds it.
fn paused() -> (Pause, Deferred<u32>) {
    let (firer, deferred) = Deferred::new();
    let guard = deferred.pause();
    firer.callback(1);
    (guard, deferred)
}

/// Adds a link that notes the value that it gets, and passes on one more.
fn noting(deferred: Deferred<u32>, log: &Log) -> Deferred<u32> {
    let notes = log.clone();
    deferred.map(move |n| {
        notes.note(format!("got {n}"));
        n + 1
    })
}

/// A chain whose callback has returned `inner`.
fn waits_for(inner: Deferred<u32>) -> Deferred<u32> {
    let (firer, outer) = Deferred::<()>::new();
    let outer = outer.add_callback(move |()| inner);
    firer.callback(());
    outer
}

// A paused chain.

// D-031
#[test]
fn links_that_are_added_to_a_paused_chain_run_when_the_guard_is_dropped_inside_that_drop() {
    let log = Log::default();
    let (guard, deferred) = paused();
    let chain = noting(noting(noting(deferred, &log), &log), &log);
    log.note("added");

    drop(guard);

    log.assert(&["added", "got 1", "got 2", "got 3"]);
    assert_eq!(success_result_of(chain), 4);
}

// D-031
#[test]
fn a_chain_that_began_with_its_result_can_be_paused() {
    let log = Log::default();
    let deferred = Deferred::succeed(1);
    let guard = deferred.pause();
    let chain = noting(deferred, &log);
    log.note("added");

    drop(guard);

    log.assert(&["added", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-031
#[test]
fn a_paused_chain_that_has_failed_goes_on_with_the_same_failure() {
    let failure = Failure::new(Lost);
    let original = failure.clone();
    let log = Log::default();
    let notes = log.clone();
    let deferred = Deferred::<u32>::fail(failure);
    let guard = deferred.pause();
    let chain = deferred.add_errback(move |failure| {
        notes.note("errback");
        Err(failure)
    });
    log.note("added");

    drop(guard);

    log.assert(&["added", "errback"]);
    assert_same(&failure_of(chain), &original);
}

// D-032
#[test]
fn a_paused_chain_that_is_fired_runs_nothing_until_the_guard_is_dropped() {
    let log = Log::default();
    let (firer, deferred) = Deferred::new();
    let chain = noting(deferred, &log);
    let guard = chain.pause();

    let accepted = firer.callback(1);
    log.note("fired");
    drop(guard);

    assert!(accepted);
    log.assert(&["fired", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-033
#[test]
fn a_guard_that_is_dropped_before_the_chain_has_fired_changes_nothing() {
    let log = Log::default();
    let (firer, deferred) = Deferred::new();
    let chain = noting(deferred, &log);

    drop(chain.pause());
    log.assert(&[]);
    firer.callback(1);

    log.assert(&["got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-034
#[test]
fn a_chain_runs_when_the_last_of_its_guards_is_dropped_whichever_that_is() {
    let log = Log::default();
    let (first, deferred) = paused();
    let second = deferred.pause();
    let chain = noting(deferred, &log);
    let third = chain.pause();

    drop(second);
    drop(first);
    log.assert(&[]);
    drop(third);

    log.assert(&["got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-035
#[test]
fn a_guard_cannot_be_cloned_so_that_no_pause_ends_twice() {
    trait OneOf<Case> {
        fn implementation() {}
    }
    impl<T> OneOf<()> for T {}
    impl<T: Clone> OneOf<u8> for T {}

    // If it were `Clone`, both would apply, and this would not compile.
    <Pause as OneOf<_>>::implementation();
}

// D-013
#[test]
fn no_failure_of_a_link_comes_out_of_the_drop_of_a_guard() {
    let (guard, deferred) = paused();
    let (other_guard, other) = paused();
    let failed = deferred.add_callback(|_| Err::<u32, _>(Failure::new(Lost)));
    let panicked = other.map(|_| -> u32 { panic!("no rhyme") });

    drop(guard);
    drop(other_guard);

    failure_result_of::<Lost, _>(failed);
    failure_result_of::<Panicked, _>(panicked);
}

// D-013
#[test]
fn a_link_that_panics_when_a_guard_is_dropped_does_not_stop_those_behind_it() {
    let (guard, deferred) = paused();
    let chain = deferred
        .map(|_| -> u32 { panic!("no rhyme") })
        .add_errback(|failure| {
            failure.trap::<Panicked>()?;
            Ok(7)
        });

    drop(guard);

    assert_eq!(success_result_of(chain), 7);
}

// Pausing from inside the chain.

/// A chain of two links, fired, whose first gives the chain's own end to `f`; the second only notes.
fn with_its_own_end(log: &Log, f: impl FnOnce(&Deferred<u32>) + 'static) -> Deferred<u32> {
    let end = Shelf::empty();
    let (own, notes) = (end.clone(), log.clone());
    let (firer, deferred) = Deferred::new();
    let chain = deferred.map(move |n| {
        let end = own.take();
        f(&end);
        own.put(end);
        notes.note("first");
        n
    });
    end.put(noting(chain, log));
    firer.callback(1);
    end.take()
}

// D-036
#[test]
fn a_link_that_pauses_its_own_chain_stops_the_run_when_it_returns() {
    let log = Log::default();
    let guard = Shelf::empty();
    let keeps = guard.clone();
    let chain = with_its_own_end(&log, move |end| keeps.put(end.pause()));
    log.assert(&["first"]);

    drop(guard.take());

    log.assert(&["first", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-036
#[test]
fn a_link_that_pauses_its_own_chain_and_drops_the_guard_does_not_stop_the_run() {
    let log = Log::default();

    let chain = with_its_own_end(&log, |end| drop(end.pause()));

    log.assert(&["first", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-034
#[test]
fn a_guard_that_a_link_of_the_same_chain_drops_counts_as_one() {
    let log = Log::default();
    let guard = Shelf::empty();
    let keeps = guard.clone();
    let chain = with_its_own_end(&log, move |end| {
        let dropped = end.pause();
        keeps.put(end.pause());
        drop(dropped);
    });
    log.assert(&["first"]);

    drop(guard.take());

    log.assert(&["first", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// Pausing a chain that waits for another.

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

// Cancelling and dropping.

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

// Looking at a paused chain.

// D-032
#[test]
fn a_paused_chain_does_not_give_its_result_away() {
    let (guard, deferred) = paused();

    let deferred = deferred.into_result().expect_err("it is paused");
    drop(guard);

    assert_eq!(success_result_of(deferred), 1);
}

// D-032
#[test]
#[should_panic(expected = "expected a value, but there is no result yet")]
fn the_value_of_a_paused_chain_is_not_there_for_a_test() {
    let (_guard, deferred) = paused();

    success_result_of(deferred);
}

// D-032
#[test]
fn a_paused_child_holds_a_gathering_until_its_guard_is_dropped() {
    let (guard, child) = paused();
    let all = gather([Deferred::succeed(0), child, Deferred::succeed(2)]);
    let all = assert_no_result(all);

    drop(guard);

    assert_eq!(success_result_of(all), [0, 1, 2]);
}

// D-031
#[test]
fn a_paused_chain_that_was_fired_has_no_result_until_the_guard_is_dropped() {
    let (guard, deferred) = paused();
    assert!(!deferred.has_result());

    drop(guard);

    assert!(deferred.has_result());
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
