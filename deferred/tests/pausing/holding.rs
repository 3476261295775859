//! A paused chain, and the guards that hold it.

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Panicked, Pause};

use crate::util::{Log, Lost, assert_same, failure_of};
use crate::{noting, paused};

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
