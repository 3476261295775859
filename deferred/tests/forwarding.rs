//! A chain ends by firing another one.

mod counting;
mod util;

use counting::on_a_small_stack;
use deferred::testing::{
    assert_no_result, failure_result_of, success_result_of, unhandled_failures,
};
use deferred::{Abandoned, CancelledError, Deferred, Failure, Firer};
use util::{Log, Lost, assert_same, failure_of};

/// A chain that is forwarded to another one: the firer of the first, and the second.
fn forwarded() -> (Firer<u32>, Deferred<u32>) {
    let (firer, first) = Deferred::new();
    let (second_firer, second) = Deferred::new();
    first.forward(second_firer);
    (firer, second)
}

// D-054
#[test]
fn the_value_of_a_chain_fires_the_one_that_it_is_forwarded_to() {
    let (firer, second) = forwarded();
    let second = assert_no_result(second);

    firer.callback(7);

    assert_eq!(success_result_of(second), 7);
}

// D-054
#[test]
fn the_failure_of_a_chain_fires_the_one_that_it_is_forwarded_to_and_stays_the_same() {
    let failure = Failure::new(Lost);
    let original = failure.clone();
    let (firer, second) = forwarded();

    firer.errback(failure);

    assert_same(&failure_of(second), &original);
}

// D-054
#[test]
fn what_is_forwarded_is_what_the_links_of_the_chain_made_of_its_result() {
    let (firer, first) = Deferred::<u32>::new();
    let (second_firer, second) = Deferred::<String>::new();
    first
        .add_errback(|failure| {
            failure.trap::<Lost>()?;
            Ok(7)
        })
        .map(|n| n.to_string())
        .forward(second_firer);

    firer.errback(Lost);

    assert_eq!(success_result_of(second), "7");
}

// D-054
#[test]
fn a_chain_that_has_its_result_fires_the_other_at_once() {
    let log = Log::default();
    let notes = log.clone();
    let (second_firer, second) = Deferred::<u32>::new();
    let second = second.map(move |n| notes.note(format!("got {n}")));

    Deferred::succeed(7).forward(second_firer);
    log.note("forwarded");

    log.assert(&["got 7", "forwarded"]);
    success_result_of(second);
}

// D-054
#[test]
fn a_chain_that_waits_for_a_deferred_fires_the_other_with_its_result() {
    let (inner_firer, inner) = Deferred::<u32>::new();
    let (firer, second) = forwarded();
    let (outer_firer, outer) = Deferred::<()>::new();
    outer.add_callback(move |()| inner).forward(firer);
    outer_firer.callback(());
    let second = assert_no_result(second);

    inner_firer.callback(7);

    assert_eq!(success_result_of(second), 7);
}

// D-054
#[test]
fn a_paused_chain_fires_the_other_when_the_guard_is_dropped() {
    let (second_firer, second) = Deferred::<u32>::new();
    let first = Deferred::succeed(7);
    let guard = first.pause();
    first.forward(second_firer);
    let second = assert_no_result(second);

    drop(guard);

    assert_eq!(success_result_of(second), 7);
}

// D-055
#[test]
fn a_failure_that_is_forwarded_is_not_unhandled_where_it_came_from() {
    let before = unhandled_failures();
    let (firer, second) = forwarded();

    firer.errback(Lost);

    assert_eq!(unhandled_failures() - before, 0);
    failure_result_of::<Lost, _>(second);
}

// D-055
#[test]
fn a_failure_that_is_forwarded_and_not_handled_is_reported_once() {
    let before = unhandled_failures();
    let (firer, second) = forwarded();
    drop(second);

    firer.errback(Lost);

    assert_eq!(unhandled_failures() - before, 1);
}

// D-056
#[test]
fn cancelling_the_second_chain_does_not_cancel_the_first() {
    let log = Log::default();
    let notes = log.clone();
    let (_firer, first) = Deferred::<u32>::with_canceller(move |_| notes.note("cancelled"));
    let (second_firer, second) = Deferred::new();
    first.forward(second_firer);

    second.cancel();

    log.assert(&[]);
    failure_result_of::<CancelledError, _>(second);
}

// D-056
#[test]
fn the_first_chain_runs_on_when_the_second_was_cancelled() {
    let log = Log::default();
    let notes = log.clone();
    let (firer, first) = Deferred::<u32>::new();
    let (second_firer, second) = Deferred::new();
    first
        .map(move |n| notes.note(format!("got {n}")))
        .forward(second_firer);
    second.cancel();

    let accepted = firer.callback(7);

    assert!(accepted);
    log.assert(&["got 7"]);
    failure_result_of::<CancelledError, _>(second);
}

// D-056
#[test]
fn firing_the_second_chain_directly_does_not_fire_the_first() {
    let log = Log::default();
    let notes = log.clone();
    let (_firer, first) = Deferred::<u32>::new();
    let (second_firer, second) = Deferred::with_canceller(|firer| {
        firer.callback(3);
    });
    first
        .add_both(move |result| {
            notes.note("the first ran");
            result
        })
        .forward(second_firer);

    second.cancel();

    log.assert(&[]);
    assert_eq!(success_result_of(second), 3);
}

// D-056
#[test]
fn a_chain_may_be_forwarded_to_one_that_was_cancelled() {
    let (second_firer, second) = Deferred::<u32>::new();
    second.cancel();

    Deferred::succeed(7).forward(second_firer);

    failure_result_of::<CancelledError, _>(second);
}

// D-069
#[test]
fn a_failure_that_is_forwarded_to_a_cancelled_chain_is_swallowed() {
    let before = unhandled_failures();
    let (second_firer, second) = Deferred::<u32>::new();
    second.cancel();

    Deferred::fail(Lost).forward(second_firer);

    assert_eq!(unhandled_failures() - before, 0);
    failure_result_of::<CancelledError, _>(second);
}

// D-084
#[test]
fn a_firer_that_is_dropped_ends_the_second_chain_too() {
    let (firer, second) = forwarded();

    drop(firer);

    failure_result_of::<Abandoned, _>(second);
}

// A long row.

const MANY: u64 = 1_000_000;

/// A million chains, each forwarded to the next: the firer of the first, and the last.
fn row() -> (Firer<u64>, Deferred<u64>) {
    let (firer, mut last) = Deferred::<u64>::new();
    for _ in 0..MANY {
        let (next_firer, next) = Deferred::new();
        last.map(|n| n + 1).forward(next_firer);
        last = next;
    }
    (firer, last)
}

// D-058
#[test]
fn a_million_forwarded_chains_pass_a_value_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, last) = row();

        firer.callback(0);

        assert_eq!(success_result_of(last), MANY);
    });
}

// D-058
#[test]
fn a_million_forwarded_chains_pass_a_failure_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, last) = row();

        firer.errback(Failure::without_backtrace(Lost));

        failure_result_of::<Lost, _>(last);
    });
}

// D-058
#[test]
fn a_million_forwarded_chains_are_dropped_on_a_small_stack_the_firer_first() {
    on_a_small_stack(|| {
        let (firer, last) = row();

        drop(firer);

        failure_result_of::<Abandoned, _>(last);
    });
}

// D-058
#[test]
fn a_million_forwarded_chains_are_dropped_on_a_small_stack_the_end_first() {
    on_a_small_stack(|| {
        let (firer, last) = row();

        drop(last);
        drop(firer);
    });
}

// D-058
#[test]
fn a_million_forwarded_chains_are_cancelled_on_a_small_stack_at_their_beginning() {
    on_a_small_stack(|| {
        let (firer, first) = Deferred::<u64>::new();
        let handle = first.cancel_handle();
        let (row_firer, last) = row();
        first.forward(row_firer);

        handle.cancel();

        failure_result_of::<CancelledError, _>(last);
        assert!(!firer.callback(0));
    });
}

// D-058
#[test]
fn a_million_forwarded_chains_are_cancelled_on_a_small_stack_at_their_end() {
    on_a_small_stack(|| {
        let (firer, last) = row();

        last.cancel();

        failure_result_of::<CancelledError, _>(last);
        assert!(firer.callback(0));
    });
}

// D-058
#[test]
fn a_million_forwarded_chains_that_were_all_cancelled_are_freed_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, mut last) = Deferred::<u64>::new();
        let mut handles = Vec::new();
        for _ in 0..MANY {
            handles.push(last.cancel_handle());
            let (next_firer, next) = Deferred::new();
            last.forward(next_firer);
            last = next;
        }

        for handle in handles.into_iter().rev() {
            handle.cancel();
        }

        failure_result_of::<CancelledError, _>(last);
        assert!(!firer.callback(0));
    });
}

// D-051
#[test]
fn a_chain_that_another_will_fire_says_where_that_one_was_made_until_it_has() {
    let (firer, first) = Deferred::<u32>::new();
    let here = line!() - 1;
    let (second_firer, second) = Deferred::<u32>::new();

    first.forward(second_firer);

    let waits = format!("waiting for the one made at {}:{here}", file!());
    assert!(format!("{second:?}").contains(&waits), "{second:?}");
    firer.callback(7);
    assert!(!format!("{second:?}").contains("waiting"), "{second:?}");
}
