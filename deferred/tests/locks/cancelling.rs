//! Those who are cancelled while they wait for a lock, or when they have it.

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, DeferredLock, Permit};

use crate::util::{Log, Shelf};
use crate::{held_lock, waits};

// D-134
#[test]
fn one_who_is_cancelled_while_waiting_leaves_the_row_and_the_lock_passes_over_it() {
    let (lock, permit) = held_lock();
    let (cancelled, next) = (lock.acquire(), lock.acquire());

    cancelled.cancel();

    assert_eq!(lock.waiting(), 1);
    drop(permit);
    failure_result_of::<CancelledError, _>(cancelled);
    let _permit = success_result_of(next);
}

// D-134
#[test]
fn a_run_that_is_cancelled_while_it_waits_never_calls_its_function() {
    let log = Log::default();
    let notes = log.clone();
    let (lock, permit) = held_lock();
    let ran = lock.run(move || notes.note("called"));

    ran.cancel();
    drop(permit);

    failure_result_of::<CancelledError, _>(ran);
    log.assert(&[]);
    assert!(!lock.is_locked());
}

// D-134
#[test]
fn one_who_is_cancelled_while_the_lock_is_handed_out_is_passed_over() {
    let log = Log::default();
    let (lock, permit) = held_lock();
    let second = Shelf::empty();
    let cancels = second.clone();
    let first = lock.acquire().map(move |_permit| {
        let second: Deferred<()> = cancels.take();
        second.cancel();
        second
    });
    second.put(waits(&lock, &log, "second"));
    let third = waits(&lock, &log, "third");

    drop(permit);

    log.assert(&["third"]);
    failure_result_of::<CancelledError, _>(success_result_of(first));
    success_result_of(third);
}

// D-135
#[test]
fn cancelling_one_who_has_the_lock_does_nothing() {
    let (lock, permit) = held_lock();
    let next = lock.acquire();
    drop(permit);

    next.cancel();

    assert!(lock.is_locked());
    let _permit = success_result_of(next);
}

// D-135
#[test]
fn cancelling_one_to_whom_the_lock_was_just_given_does_nothing() {
    let (lock, permit) = held_lock();
    let second = Shelf::empty();
    let cancels = second.clone();
    let first = lock.acquire().map(move |permit| {
        drop(permit);
        let second: Deferred<Permit> = cancels.take();
        second.cancel();
        second
    });
    second.put(lock.acquire());

    drop(permit);

    let _permit = success_result_of(success_result_of(first));
    assert!(lock.is_locked());
}

// D-131
#[test]
fn cancelling_a_run_while_its_function_waits_cancels_that_and_gives_the_lock_back() {
    let log = Log::default();
    let notes = log.clone();
    let lock = DeferredLock::new();
    let (_firer, deferred) = Deferred::<u32>::with_canceller(move |_| notes.note("cancelled"));
    let ran = lock.run(move || deferred);

    ran.cancel();

    log.assert(&["cancelled"]);
    assert!(!lock.is_locked());
    failure_result_of::<CancelledError, _>(ran);
}
