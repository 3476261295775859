//! A chain is cancelled, or one of its ends is dropped.

mod util;

use std::rc::Rc;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Deferred, Failure, Panicked};
use util::{Log, Lost, Shelf, Torn, assert_same, failure_of};

/// A chain whose canceller notes that it was called and does nothing else, and the firer of the chain.
fn noting_canceller(log: &Log) -> (deferred::Firer<u32>, Deferred<u32>) {
    let notes = log.clone();
    Deferred::with_canceller(move |_| notes.note("canceller"))
}

// D-068
#[test]
fn cancelling_without_a_canceller_fails_the_chain_at_once_and_runs_no_callback() {
    let log = Log::default();
    let (called, caught) = (log.clone(), log.clone());
    let (_firer, deferred) = Deferred::<u32>::new();
    let chain = deferred
        .map(move |_| called.note("callback"))
        .add_errback(move |failure| {
            caught.note("errback");
            Err(failure)
        });

    chain.cancel();

    log.assert(&["errback"]);
    failure_result_of::<CancelledError, _>(chain);
}

// D-069
#[test]
fn firing_after_a_cancel_is_swallowed_and_the_firer_is_told() {
    let (firer, cancelled) = Deferred::<u32>::new();
    let (failing, cancelled_too) = Deferred::<u32>::new();
    cancelled.cancel();
    cancelled_too.cancel();

    let accepted = [firer.callback(7), failing.errback(Lost)];

    assert_eq!(accepted, [false, false]);
    failure_result_of::<CancelledError, _>(cancelled);
    failure_result_of::<CancelledError, _>(cancelled_too);
}

// D-071
#[test]
fn cancelling_again_before_or_after_the_late_firing_does_nothing() {
    let log = Log::default();
    let notes = log.clone();
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.add_errback(move |failure| {
        notes.note("errback");
        Err(failure)
    });

    chain.cancel();
    chain.cancel();
    firer.callback(7);
    chain.cancel();

    log.assert(&["errback"]);
    failure_result_of::<CancelledError, _>(chain);
}

// D-072
#[test]
fn cancelling_calls_the_canceller_once_with_a_firer_of_the_chain() {
    let log = Log::default();
    let notes = log.clone();
    let (_firer, deferred) = Deferred::with_canceller(move |firer| {
        notes.note("canceller");
        assert!(firer.callback(7));
    });

    deferred.cancel();
    deferred.cancel();

    assert_eq!(success_result_of(deferred), 7);
    log.assert(&["canceller"]);
}

// D-073
#[test]
fn a_canceller_that_does_not_fire_leaves_the_chain_cancelled() {
    let log = Log::default();
    let (_firer, deferred) = noting_canceller(&log);
    let errback = log.clone();
    let chain = deferred.add_errback(move |failure| {
        errback.note("errback");
        Err(failure)
    });

    chain.cancel();
    log.note("cancelled");
    chain.cancel();

    log.assert(&["canceller", "errback", "cancelled"]);
    failure_result_of::<CancelledError, _>(chain);
}

// D-074
#[test]
fn a_failure_fired_by_the_canceller_is_the_result() {
    let (_firer, deferred) = Deferred::<u32>::with_canceller(|firer| {
        firer.errback(Torn(3));
    });

    deferred.cancel();

    let failure = failure_result_of::<Torn, _>(deferred);
    assert_eq!(failure.check(), Some(&Torn(3)));
}

// D-075
#[test]
fn a_value_fired_by_the_canceller_takes_the_callback_line() {
    let (_firer, deferred) = Deferred::<u32>::with_canceller(|firer| {
        firer.callback(7);
    });
    let chain = deferred.map(|n| n + 1);

    chain.cancel();

    assert_eq!(success_result_of(chain), 8);
}

// D-076
#[test]
fn firing_after_the_canceller_has_run_is_refused_and_changes_nothing() {
    let log = Log::default();
    let (firer, deferred) = noting_canceller(&log);
    deferred.cancel();

    let accepted = firer.callback(7);

    assert!(!accepted);
    failure_result_of::<CancelledError, _>(deferred);
}

// D-077
#[test]
fn cancelling_after_a_value_came_does_nothing() {
    let log = Log::default();
    let (firer, deferred) = noting_canceller(&log);
    firer.callback(7);

    deferred.cancel();

    assert_eq!(success_result_of(deferred), 7);
    log.assert(&[]);
}

// D-078
#[test]
fn cancelling_after_a_failure_came_does_nothing() {
    let failure = Failure::new(Lost);
    let original = failure.clone();
    let log = Log::default();
    let (firer, deferred) = noting_canceller(&log);
    firer.errback(failure);

    deferred.cancel();

    assert_same(&failure_of(deferred), &original);
    log.assert(&[]);
}

// D-079
#[test]
fn cancelling_a_chain_that_waits_for_another_cancels_that_one_and_goes_on_with_what_it_ends_with() {
    let log = Log::default();
    let notes = log.clone();
    let (_inner_firer, inner) = Deferred::<u32>::with_canceller(move |firer| {
        notes.note("inner canceller");
        firer.callback(7);
    });
    let (firer, outer) = noting_canceller(&log);
    let chain = outer.add_callback(move |_| inner).map(|n| n + 1);
    firer.callback(0);

    chain.cancel();

    assert_eq!(success_result_of(chain), 8);
    log.assert(&["inner canceller"]);
}

// D-080
#[test]
fn a_handle_cancels_what_the_chain_waits_for_by_a_link_added_after_the_handle_was_made() {
    let log = Log::default();
    let (_inner_firer, inner) = noting_canceller(&log);
    let (firer, outer) = Deferred::<()>::new();
    let handle = outer.cancel_handle();
    let chain = outer.add_callback(move |()| inner);
    firer.callback(());

    handle.cancel();

    failure_result_of::<CancelledError, _>(chain);
    log.assert(&["canceller"]);
}

// D-080
#[test]
fn a_handle_of_a_chain_that_had_its_value_cancels_what_it_waits_for_later() {
    let log = Log::default();
    let (_inner_firer, inner) = noting_canceller(&log);
    let chain = Deferred::succeed(());
    let handle = chain.cancel_handle();
    let chain = chain.add_callback(move |()| inner);

    handle.cancel();

    failure_result_of::<CancelledError, _>(chain);
    log.assert(&["canceller"]);
}

// D-080
#[test]
fn a_handle_cancels_the_second_of_two_waits() {
    let log = Log::default();
    let (first_firer, first) = Deferred::<()>::new();
    let (_second_firer, second) = noting_canceller(&log);
    let (firer, outer) = Deferred::<()>::new();
    let handle = outer.cancel_handle();
    let chain = outer
        .add_callback(move |()| first)
        .add_callback(move |()| second);
    firer.callback(());
    first_firer.callback(());

    handle.cancel();

    failure_result_of::<CancelledError, _>(chain);
    log.assert(&["canceller"]);
}

// D-080
#[test]
fn a_handle_of_a_chain_that_was_returned_by_a_callback_cancels_what_that_chain_waits_for_later() {
    let log = Log::default();
    let (_last_firer, last) = noting_canceller(&log);
    let (inner_firer, inner) = Deferred::<()>::new();
    let handle = inner.cancel_handle();
    let inner = inner.add_callback(move |()| last);
    let (firer, outer) = Deferred::<()>::new();
    let chain = outer.add_callback(move |()| inner);
    firer.callback(());
    inner_firer.callback(());

    handle.cancel();

    log.assert(&["canceller"]);
    failure_result_of::<CancelledError, _>(chain);
}

// D-080
#[test]
fn a_handle_of_a_chain_that_was_returned_to_a_fired_one_cancels_what_that_chain_waits_for_later() {
    let log = Log::default();
    let (_last_firer, last) = noting_canceller(&log);
    let (inner_firer, inner) = Deferred::<()>::new();
    let handle = inner.cancel_handle();
    let inner = inner.add_callback(move |()| last);
    let (firer, outer) = Deferred::<()>::new();
    firer.callback(());
    let chain = outer.add_callback(move |()| inner);
    inner_firer.callback(());

    handle.cancel();

    log.assert(&["canceller"]);
    failure_result_of::<CancelledError, _>(chain);
}

#[test]
fn a_handle_of_a_chain_that_was_returned_and_is_over_does_not_cancel_the_chain_that_goes_on() {
    let log = Log::default();
    let (inner_firer, inner) = Deferred::<()>::new();
    let handle = inner.cancel_handle();
    let (_last_firer, last) = noting_canceller(&log);
    let (firer, outer) = Deferred::<()>::new();
    let chain = outer
        .add_callback(move |()| inner)
        .add_callback(move |()| last);
    firer.callback(());
    inner_firer.callback(());

    handle.cancel();

    let _chain = assert_no_result(chain);
    log.assert(&[]);
}

// D-071
#[test]
fn a_handle_of_a_returned_chain_that_it_has_cancelled_does_not_cancel_the_chain_that_goes_on() {
    let log = Log::default();
    let (_kept, inner) = Deferred::<u32>::new();
    let handle = inner.cancel_handle();
    let (last_firer, last) = noting_canceller(&log);
    let (firer, outer) = Deferred::<()>::new();
    let chain = outer.add_callback(move |()| inner).add_both(move |_| last);
    firer.callback(());
    handle.cancel();

    handle.cancel();

    log.assert(&[]);
    assert!(last_firer.callback(7));
    assert_eq!(success_result_of(chain), 7);
}

// D-081
#[test]
fn the_canceller_is_freed_as_soon_as_the_chain_is_fired() {
    let held = Rc::new(());
    let holding = || {
        let held = Rc::clone(&held);
        Deferred::<()>::with_canceller(move |_| drop(held))
    };
    let (firer, _succeeded) = holding();
    let (failing, failed) = holding();
    let (waiting, outer) = holding();
    let (_inner_firer, inner) = Deferred::<()>::new();
    let _outer = outer.add_callback(move |()| inner);
    assert_eq!(Rc::strong_count(&held), 4);

    firer.callback(());
    assert_eq!(Rc::strong_count(&held), 3);
    failing.errback(Lost);
    assert_eq!(Rc::strong_count(&held), 2);
    waiting.callback(());
    assert_eq!(Rc::strong_count(&held), 1);

    failed.ignore();
}

// D-081
#[test]
fn a_canceller_that_owns_its_own_chain_is_freed_with_it_by_the_firing() {
    let held = Rc::new(());
    let end = Shelf::<(Deferred<()>, Rc<()>)>::empty();
    let own = end.clone();
    let (firer, deferred) = Deferred::<()>::with_canceller(move |_| drop(own.take()));
    end.put((deferred, Rc::clone(&held)));
    drop(end);

    firer.callback(());

    assert_eq!(Rc::strong_count(&held), 1);
}

// D-083
#[test]
fn dropping_the_end_of_a_chain_does_not_cancel_it() {
    let log = Log::default();
    let notes = log.clone();
    let (firer, deferred) = noting_canceller(&log);
    drop(deferred.map(move |n| notes.note(format!("callback {n}"))));

    let accepted = firer.callback(7);

    assert!(accepted);
    log.assert(&["callback 7"]);
}

// D-085
#[test]
fn a_canceller_that_panics_fails_the_chain_with_its_panic() {
    let (firer, deferred) = Deferred::<u32>::with_canceller(|_| panic!("cannot hang up"));
    let here = format!("{}:{}:", file!(), line!() - 1);

    deferred.cancel();

    let failure = failure_result_of::<Panicked, _>(deferred);
    let text = failure.error().to_string();
    let place = text.strip_prefix("panicked: cannot hang up, at ");
    assert!(place.is_some_and(|it| it.starts_with(&here)), "{text}");
    assert!(!firer.callback(7));
}

#[test]
fn a_firer_that_is_dropped_fails_its_chain_with_abandoned_which_errbacks_can_tell_from_others() {
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.add_errback(|failure| {
        failure.trap::<Abandoned>()?;
        Ok(7)
    });

    drop(firer);

    assert_eq!(success_result_of(chain), 7);
}

#[test]
fn a_canceller_may_cancel_its_own_chain_again() {
    let log = Log::default();
    let own = Shelf::<deferred::CancelHandle>::empty();
    let (handle, notes) = (own.clone(), log.clone());
    let (_firer, deferred) = Deferred::<u32>::with_canceller(move |_| {
        notes.note("canceller");
        own.take().cancel();
    });
    handle.put(deferred.cancel_handle());

    deferred.cancel();

    failure_result_of::<CancelledError, _>(deferred);
    log.assert(&["canceller"]);
}

#[test]
fn a_canceller_may_drop_the_producers_own_firer() {
    let producer = Shelf::empty();
    let firer_of_producer = producer.clone();
    let (firer, deferred) = Deferred::<u32>::with_canceller(move |_| {
        drop(firer_of_producer.take());
    });
    producer.put(firer);

    deferred.cancel();

    failure_result_of::<CancelledError, _>(deferred);
}

#[test]
fn a_producer_may_fire_while_the_canceller_runs() {
    let producer = Shelf::<deferred::Firer<u32>>::empty();
    let firer_of_producer = producer.clone();
    let (firer, deferred) = Deferred::<u32>::with_canceller(move |_| {
        assert!(firer_of_producer.take().callback(7));
    });
    producer.put(firer);

    deferred.cancel();

    assert_eq!(success_result_of(deferred), 7);
}

#[test]
fn cancelling_a_chain_from_one_of_its_own_callbacks_does_nothing() {
    let own = Shelf::<deferred::CancelHandle>::empty();
    let handle = own.clone();
    let (firer, deferred) = Deferred::<u32>::new();
    handle.put(deferred.cancel_handle());
    let chain = deferred.map(move |n| {
        own.take().cancel();
        n + 1
    });

    firer.callback(7);

    assert_eq!(success_result_of(chain), 8);
}

#[test]
fn cancelling_while_an_inner_chain_runs_does_nothing() {
    let own = Shelf::<deferred::CancelHandle>::empty();
    let handle = own.clone();
    let (inner_firer, inner) = Deferred::<u32>::new();
    let inner = inner.map(move |n| {
        own.take().cancel();
        n + 1
    });
    let (firer, outer) = Deferred::<()>::new();
    handle.put(outer.cancel_handle());
    let chain = outer.add_callback(move |()| inner);
    firer.callback(());

    inner_firer.callback(7);

    assert_eq!(success_result_of(chain), 8);
}
