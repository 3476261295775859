//! A semaphore: a lock with several permits.

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, DeferredSemaphore, NoPermits, Permit};

/// A semaphore of two, and the permits of those who hold it.
fn held_semaphore() -> (DeferredSemaphore, [Permit; 2]) {
    let semaphore = DeferredSemaphore::new(2).expect("two are enough");
    let permits = [0, 1].map(|_| success_result_of(semaphore.acquire()));
    (semaphore, permits)
}

// D-137
#[test]
fn a_semaphore_gives_as_many_permits_at_once_as_it_has() {
    let semaphore = DeferredSemaphore::new(2).expect("two are enough");

    let first = success_result_of(semaphore.acquire());
    let free_then = semaphore.free();
    let second = success_result_of(semaphore.acquire());

    assert_eq!((free_then, semaphore.free(), semaphore.limit()), (1, 0, 2));
    drop((first, second));
}

// D-137
#[test]
fn one_who_asks_for_more_than_a_semaphore_has_waits_for_a_permit() {
    let (semaphore, [permit, _other]) = held_semaphore();
    let next = assert_no_result(semaphore.acquire());

    drop(permit);

    let _permit = success_result_of(next);
    assert_eq!(semaphore.free(), 0);
}

// D-134
#[test]
fn one_who_is_cancelled_while_waiting_for_a_semaphore_is_passed_over() {
    let (semaphore, [permit, _other]) = held_semaphore();
    let cancelled = semaphore.acquire();

    cancelled.cancel();
    drop(permit);

    failure_result_of::<CancelledError, _>(cancelled);
    assert_eq!((semaphore.free(), semaphore.waiting()), (1, 0));
}

// D-135
#[test]
fn cancelling_one_who_has_a_permit_does_nothing() {
    let semaphore = DeferredSemaphore::new(2).expect("two are enough");
    let acquired = semaphore.acquire();

    acquired.cancel();

    assert_eq!(semaphore.free(), 1);
    let _permit = success_result_of(acquired);
}

// D-138
#[test]
fn permits_that_nobody_waits_for_are_free_again_up_to_the_limit() {
    let (semaphore, permits) = held_semaphore();
    let next = semaphore.acquire();

    drop(permits);
    let free_then = semaphore.free();
    drop(next);

    assert_eq!((free_then, semaphore.free()), (1, 2));
}

// D-139
#[test]
fn a_semaphore_without_permits_is_refused() {
    let refused = DeferredSemaphore::new(0);

    assert_eq!(refused.map(drop), Err(NoPermits));
}
