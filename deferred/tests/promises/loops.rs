//! Loops in constant memory.

use std::rc::Rc;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, Firer};

use crate::counting::{frees_all, reports_nothing};
use crate::{MANY, Shelf, take};

/// Without optimisation a turn takes ten times as long, and shows no more.
const TURNS: u64 = 10_000_000;

/// More than a turn holds, with the chain that the loop stands in, and far less than any that adds up.
const BOUND: isize = 4 * 1024;

/// The firer of the turn that waits now. The turn's own callback has no part in firing it, so that no
/// stack is used but the loop's own.
type Pending = Shelf<Firer<u64>>;

/// One turn of a loop: a chain whose callback returns the next turn, until it gets a zero.
fn turn(pending: &Pending) -> Deferred<u64> {
    let (firer, deferred) = Deferred::new();
    pending.replace(Some(firer));
    let pending = Rc::clone(pending);
    deferred.add_callback(move |left| match left {
        0 => Deferred::succeed(7),
        _ => turn(&pending),
    })
}

/// Fires one turn after the other, the last one with a zero.
fn run_to_the_end(pending: &Pending) {
    for left in (0..TURNS).rev() {
        take(pending).callback(left);
    }
}

#[track_caller]
fn assert_constant_memory(f: impl FnOnce()) {
    let peak = frees_all(f);
    assert!(peak < BOUND, "{peak} bytes were held");
}

#[test]
fn a_loop_runs_in_constant_memory_with_a_callback_at_its_end() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending).map(|n| n + 1);

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 8);
    });
}

#[test]
fn a_loop_runs_in_constant_memory_with_nothing_at_its_end() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 7);
    });
}

#[test]
fn a_loop_runs_in_constant_memory_when_its_end_was_dropped() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        drop(turn(&pending));

        run_to_the_end(&pending);

        assert!(pending.borrow().is_none());
    });
}

#[test]
fn a_loop_runs_in_constant_memory_while_a_cancel_handle_is_kept() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);
        let handle = end.cancel_handle();
        let end = end.map(|n| n + 1);

        run_to_the_end(&pending);

        handle.cancel();
        assert_eq!(success_result_of(end), 8);
    });
}

#[test]
fn a_loop_runs_in_constant_memory_while_a_cancel_handle_is_kept_and_its_end_was_dropped() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);
        let handle = end.cancel_handle();
        drop(end);

        run_to_the_end(&pending);

        handle.cancel();
    });
}

#[test]
fn a_loop_runs_in_constant_memory_in_the_middle_of_another_chain() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let (firer, outer) = Deferred::<()>::new();
        let pending_there = Rc::clone(&pending);
        let end = outer
            .add_callback(move |()| turn(&pending_there))
            .map(|n| n + 1);
        firer.callback(());

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 8);
    });
}

#[test]
fn a_loop_whose_every_turn_waits_for_a_chain_of_its_own_runs_in_constant_memory() {
    fn nested_turn(pending: &Pending) -> Deferred<u64> {
        let (firer, inner) = Deferred::new();
        pending.replace(Some(firer));
        let pending = Rc::clone(pending);
        Deferred::succeed(())
            .add_callback(move |()| inner.map(|n| n))
            .add_callback(move |left| match left {
                0 => Deferred::succeed(7),
                _ => nested_turn(&pending),
            })
    }
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = nested_turn(&pending);

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 7);
    });
}

#[test]
fn a_loop_runs_in_constant_memory_with_a_cancel_handle_on_every_turn_until_that_is_over() {
    fn turn_with_a_handle(pending: &Pending) -> Deferred<u64> {
        let (firer, deferred) = Deferred::new();
        pending.replace(Some(firer));
        let (pending, handle) = (Rc::clone(pending), deferred.cancel_handle());
        deferred.add_callback(move |left| {
            drop(handle);
            match left {
                0 => Deferred::succeed(7),
                _ => turn_with_a_handle(&pending),
            }
        })
    }
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn_with_a_handle(&pending).map(|n| n + 1);

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 8);
    });
}

#[test]
fn a_handle_cancels_the_turn_that_waits_after_a_million_turns() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);
        let handle = end.cancel_handle();
        for _ in 0..MANY {
            take(&pending).callback(1);
        }

        handle.cancel();

        failure_result_of::<CancelledError, _>(end);
        assert!(!take(&pending).callback(1));
    });
}

#[test]
fn a_handle_cancels_the_turn_that_waits_after_a_million_turns_when_the_end_was_dropped() {
    reports_nothing();
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);
        let handle = end.cancel_handle();
        drop(end);
        for _ in 0..MANY {
            take(&pending).callback(1);
        }

        handle.cancel();

        assert!(!take(&pending).callback(1));
    });
}
