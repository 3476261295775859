//! Looking at a paused chain.

use deferred::testing::{assert_no_result, success_result_of};
use deferred::{Deferred, gather};

use crate::paused;

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
