//! What is counted for tests, and the guard that looks whether a test left something behind.

mod util;

use std::rc::Rc;
use std::sync::Once;
use std::thread;

use deferred::testing::{Tidy, unfired_chains, unhandled_failures};
use deferred::{Deferred, Failure, Panicked};
use util::{Lost, Shelf};

/// Says nothing of the failures that tests give up. They are counted all the same.
fn reports_nothing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| deferred::set_report_hook(|_| ()));
}

/// The message with which `f` panics.
#[track_caller]
fn panic_of(f: impl FnOnce()) -> String {
    let failure = Failure::catch(f).expect_err("a panic");
    let panicked = failure.check::<Panicked>().expect("it was a panic");
    panicked.message().to_owned()
}

#[test]
fn a_failure_is_counted_as_unhandled_when_the_end_of_its_chain_is_dropped() {
    reports_nothing();
    let (firer, deferred) = Deferred::<u32>::new();
    firer.errback(Lost);
    let before = unhandled_failures();

    drop(deferred);

    assert_eq!((before, unhandled_failures()), (0, 1));
}

#[test]
fn a_failure_is_counted_as_unhandled_when_it_comes_after_the_end_was_dropped() {
    reports_nothing();
    let (firer, deferred) = Deferred::<u32>::new();
    drop(deferred);
    let before = unhandled_failures();

    firer.errback(Lost);

    assert_eq!((before, unhandled_failures()), (0, 1));
}

#[test]
fn a_failure_that_was_handled_ignored_logged_or_taken_is_not_counted_as_unhandled() {
    reports_nothing();

    drop(Deferred::<u32>::fail(Lost).add_errback(|_| Ok(7)));
    Deferred::<u32>::fail(Lost).ignore();
    Deferred::<u32>::fail(Lost).log_failure("The poem did not come");
    drop(Deferred::<u32>::fail(Lost).into_result());

    assert_eq!(unhandled_failures(), 0);
}

#[test]
fn a_chain_counts_as_unfired_from_when_it_is_made_until_it_is_fired() {
    let (firer, succeeded) = Deferred::<u32>::new();
    let (failing, failed) = Deferred::<u32>::with_canceller(|_| ());
    let made = unfired_chains();

    firer.callback(7);
    let after_one = unfired_chains();
    failing.errback(Lost);

    assert_eq!((made, after_one, unfired_chains()), (2, 1, 0));
    drop(succeeded);
    failed.ignore();
}

#[test]
fn a_chain_whose_firer_was_dropped_counts_as_fired() {
    let (firer, deferred) = Deferred::<u32>::new();

    drop(firer);

    assert_eq!(unfired_chains(), 0);
    deferred.ignore();
}

#[test]
fn a_chain_that_was_cancelled_counts_as_fired_once_also_when_its_firer_comes_late() {
    let (_other_firer, _other) = Deferred::<u32>::new();
    let (firer, deferred) = Deferred::<u32>::new();

    deferred.cancel();
    let cancelled = unfired_chains();
    firer.callback(7);

    assert_eq!((cancelled, unfired_chains()), (1, 1));
    deferred.ignore();
}

#[test]
fn a_chain_that_lost_its_end_only_still_counts_as_unfired() {
    let (_firer, deferred) = Deferred::<u32>::new();

    drop(deferred);

    assert_eq!(unfired_chains(), 1);
}

#[test]
fn a_chain_that_began_with_a_result_does_not_count_as_unfired() {
    let _succeeded = Deferred::succeed(7).map(|n: u32| n + 1);
    let (_firer, _waiting) = Deferred::<u32>::new();
    Deferred::<u32>::fail(Lost).ignore();

    assert_eq!(unfired_chains(), 1);
}

#[test]
fn each_thread_counts_its_own_chains() {
    reports_nothing();
    let (_firer, _waiting) = Deferred::<u32>::new();

    let in_another = thread::spawn(|| {
        let before = (unhandled_failures(), unfired_chains());
        let (firer, _waiting) = Deferred::<u32>::new();
        drop(Deferred::<u32>::fail(Lost));
        let after = (unhandled_failures(), unfired_chains());
        firer.callback(7);
        [before, after]
    });

    let counted = in_another.join().expect("it does not panic");
    assert_eq!(counted, [(0, 0), (1, 1)]);
    assert_eq!((unhandled_failures(), unfired_chains()), (0, 1));
}

#[test]
fn a_test_that_leaves_nothing_behind_is_tidy() {
    let tidy = Tidy::new();
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.add_errback(|_| Ok(7));
    firer.errback(Lost);
    drop(chain);

    drop(tidy);
}

#[test]
fn a_test_that_leaves_failures_unhandled_panics_at_its_end_and_says_how_many() {
    reports_nothing();

    let message = panic_of(|| {
        let _tidy = Tidy::new();
        drop(Deferred::<u32>::fail(Lost));
        drop(Deferred::<u32>::fail(Lost));
    });

    assert!(
        message.contains("failures that were left unhandled: 2"),
        "{message}"
    );
}

#[test]
fn a_failure_that_a_later_variable_of_the_test_held_counts_too() {
    reports_nothing();

    let message = panic_of(|| {
        let _tidy = Tidy::new();
        let _dropped_before_tidy = Deferred::<u32>::fail(Lost);
    });

    assert!(
        message.contains("failures that were left unhandled: 1"),
        "{message}"
    );
}

#[test]
fn a_test_that_leaves_a_chain_unfired_panics_at_its_end_and_says_how_many() {
    let left = Shelf::empty();
    let leaves = left.clone();

    let message = panic_of(move || {
        let _tidy = Tidy::new();
        leaves.put(Deferred::<u32>::new());
    });

    assert!(
        message.contains("chains that have never fired: 1"),
        "{message}"
    );
    let (firer, deferred) = left.take();
    deferred.ignore();
    firer.callback(7);
}

#[test]
fn a_chain_that_owns_its_own_firer_is_found_as_never_fired() {
    let shelf = Shelf::empty();
    let own = shelf.clone();

    let message = panic_of(|| {
        let _tidy = Tidy::new();
        let (firer, deferred) = Deferred::<u32>::new();
        own.put(firer);
        drop(deferred.map(move |_| drop(own)));
    });

    assert!(
        message.contains("chains that have never fired: 1"),
        "{message}"
    );
    // Without this, the chain and its firer would keep each other.
    drop(shelf.take());
}

#[test]
fn what_was_left_before_the_guard_was_made_is_not_its_business() {
    reports_nothing();
    let (_firer, _waiting) = Deferred::<u32>::new();
    drop(Deferred::<u32>::fail(Lost));

    let tidy = Tidy::new();
    let (firer, deferred) = Deferred::<u32>::new();
    firer.callback(7);
    drop(deferred);

    drop(tidy);
}

#[test]
fn a_test_that_panics_itself_ends_with_its_own_panic() {
    reports_nothing();
    let held = Rc::new(());
    let holds = Rc::clone(&held);

    let message = panic_of(move || {
        let _tidy = Tidy::new();
        let _holds = holds;
        drop(Deferred::<u32>::fail(Lost));
        panic!("out of ink");
    });

    assert_eq!(message, "out of ink");
    assert_eq!(Rc::strong_count(&held), 1);
}
