//! Locks and semaphores: who has a turn, and who waits for one.

mod counting;
mod util;

use std::cell::Cell;
use std::rc::Rc;

use counting::on_a_small_stack;
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{
    CancelledError, Deferred, DeferredLock, DeferredSemaphore, Failure, NoPermits, Panicked, Permit,
};
use util::{Log, Lost, Shelf, assert_same, failure_of};

/// A lock, and the permit of the one who holds it.
fn held_lock() -> (DeferredLock, Permit) {
    let lock = DeferredLock::new();
    let permit = success_result_of(lock.acquire());
    (lock, permit)
}

/// Waits for the lock, notes when it is there, and gives it back at once.
fn waits(lock: &DeferredLock, log: &Log, name: &'static str) -> Deferred<()> {
    let notes = log.clone();
    lock.acquire().map(move |_permit| notes.note(name))
}

// A lock.

// D-128
#[test]
fn a_free_lock_is_acquired_at_once() {
    let lock = DeferredLock::new();

    let acquired = lock.acquire();

    assert!(lock.is_locked());
    let _permit: Permit = success_result_of(acquired);
}

// D-128
#[test]
fn a_lock_that_is_held_goes_to_those_who_wait_in_the_order_in_which_they_asked() {
    let log = Log::default();
    let (lock, permit) = held_lock();
    for name in ["first", "second", "third"] {
        waits(&lock, &log, name).ignore();
    }
    log.assert(&[]);

    drop(permit);

    log.assert(&["first", "second", "third"]);
}

// D-129
#[test]
fn a_permit_that_is_dropped_hands_the_lock_to_the_first_who_waits_inside_that_drop() {
    let (lock, permit) = held_lock();
    let (next, last) = (lock.acquire(), lock.acquire());

    drop(permit);

    let _permit = success_result_of(next);
    assert_eq!((lock.is_locked(), lock.waiting()), (true, 1));
    assert_no_result(last).ignore();
}

// D-129
#[test]
fn a_lock_counts_as_held_while_it_is_handed_on() {
    let (lock, permit) = held_lock();
    let looks = lock.clone();
    let seen = lock.acquire().map(move |_permit| looks.is_locked());

    drop(permit);

    assert!(success_result_of(seen));
}

// D-129
#[test]
fn a_lock_counts_as_held_when_the_one_who_was_handed_it_hands_it_on() {
    let (lock, permit) = held_lock();
    let looks = lock.clone();
    let seen = lock.acquire().map(move |permit| {
        drop(permit);
        (looks.is_locked(), looks.waiting())
    });
    let next = lock.acquire();

    drop(permit);

    assert_eq!(success_result_of(seen), (true, 0));
    let _permit = success_result_of(next);
}

// D-129
#[test]
fn a_permit_that_is_dropped_while_nobody_waits_frees_the_lock() {
    let (lock, permit) = held_lock();

    drop(permit);

    assert!(!lock.is_locked());
    assert!(lock.acquire().has_result());
}

// D-130
#[test]
fn run_gives_the_lock_back_at_once_when_the_function_returns_a_value() {
    let lock = DeferredLock::new();
    let looks = lock.clone();

    let ran = lock.run(move || Ok(looks.is_locked()));

    assert!(success_result_of(ran), "it was held meanwhile");
    assert!(!lock.is_locked());
}

// D-130
#[test]
fn run_holds_the_lock_until_the_deferred_that_the_function_returned_has_fired() {
    let lock = DeferredLock::new();
    let (firer, deferred) = Deferred::<u32>::new();
    let ran = assert_no_result(lock.run(move || deferred));
    assert!(lock.is_locked());

    firer.callback(7);

    assert!(!lock.is_locked());
    assert_eq!(success_result_of(ran), 7);
}

// D-130
#[test]
fn run_calls_the_function_when_it_is_its_turn() {
    let log = Log::default();
    let notes = log.clone();
    let (lock, permit) = held_lock();
    let ran = lock.run(move || notes.note("called"));
    log.note("asked");

    drop(permit);

    log.assert(&["asked", "called"]);
    success_result_of(ran);
}

// D-131
#[test]
fn a_function_that_fails_gives_the_lock_back_and_its_failure_is_the_result() {
    let lock = DeferredLock::new();
    let failure = Failure::new(Lost);
    let original = failure.clone();

    let ran = lock.run(move || Err::<u32, _>(failure));

    assert!(!lock.is_locked());
    assert_same(&failure_of(ran), &original);
}

// D-131
#[test]
fn a_deferred_of_the_function_that_fails_gives_the_lock_back_and_its_failure_is_the_result() {
    let lock = DeferredLock::new();
    let (firer, deferred) = Deferred::<u32>::new();
    let ran = lock.run(move || deferred);

    firer.errback(Lost);

    assert!(!lock.is_locked());
    failure_result_of::<Lost, _>(ran);
}

// D-131
#[test]
fn a_function_that_panics_in_its_turn_gives_the_lock_to_the_next() {
    let (lock, permit) = held_lock();
    let ran = lock.run(|| -> Result<u32, Failure> { panic!("no rhyme") });
    let next = lock.acquire();

    drop(permit);

    failure_result_of::<Panicked, _>(ran);
    let _permit = success_result_of(next);
}

// D-132
#[test]
fn the_next_turn_begins_before_the_callbacks_of_the_deferred_that_run_returned() {
    let log = Log::default();
    let (ends, begins) = (log.clone(), log.clone());
    let lock = DeferredLock::new();
    let (firer, deferred) = Deferred::<()>::new();
    lock.run(move || deferred)
        .map(move |()| ends.note("callback of the first"))
        .ignore();
    lock.run(move || begins.note("turn of the second")).ignore();

    firer.callback(());

    log.assert(&["turn of the second", "callback of the first"]);
}

// D-132
#[test]
fn the_next_turn_begins_before_the_callbacks_of_a_turn_that_was_handed_out() {
    let log = Log::default();
    let (lock, permit) = held_lock();
    for (turn, callback) in [
        ("turn of the first", "callback of the first"),
        ("turn of the second", "callback of the second"),
        ("turn of the third", "callback of the third"),
    ] {
        let (begins, ends) = (log.clone(), log.clone());
        lock.run(move || begins.note(turn))
            .map(move |()| ends.note(callback))
            .ignore();
    }

    drop(permit);

    log.assert(&[
        "turn of the first",
        "turn of the second",
        "callback of the first",
        "turn of the third",
        "callback of the second",
        "callback of the third",
    ]);
}

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

// D-136
#[test]
fn a_permit_cannot_be_cloned_so_that_no_turn_ends_twice() {
    trait OneOf<Case> {
        fn implementation() {}
    }
    impl<T> OneOf<()> for T {}
    impl<T: Clone> OneOf<u8> for T {}

    // If it were `Clone`, both would apply, and this would not compile.
    <Permit as OneOf<_>>::implementation();
}

// Turns within turns.

// D-128
#[test]
fn a_holder_who_acquires_again_in_a_callback_waits_behind_the_others() {
    let log = Log::default();
    let (lock, permit) = held_lock();
    let (again, notes) = (lock.clone(), log.clone());
    let first = lock.acquire().add_callback(move |_permit| {
        notes.note("first");
        waits(&again, &notes, "first again").ignore();
    });
    let second = waits(&lock, &log, "second");

    drop(permit);

    log.assert(&["first", "second", "first again"]);
    success_result_of(first);
    success_result_of(second);
}

// D-128
#[test]
fn one_who_has_dropped_the_permit_does_not_overtake_those_who_wait() {
    let log = Log::default();
    let (lock, permit) = held_lock();
    let (again, notes) = (lock.clone(), log.clone());
    let first = lock.acquire().map(move |permit| {
        drop(permit);
        waits(&again, &notes, "first again").ignore();
        notes.note("first");
    });
    let second = waits(&lock, &log, "second");

    drop(permit);

    log.assert(&["first", "second", "first again"]);
    success_result_of(first);
    success_result_of(second);
    assert!(!lock.is_locked());
}

// D-129
#[test]
fn a_permit_that_nobody_came_for_goes_to_the_next() {
    let (lock, permit) = held_lock();
    drop(lock.acquire());
    let next = lock.acquire();

    drop(permit);

    let _permit = success_result_of(next);
}

#[test]
fn a_turn_whose_result_panics_when_it_is_dropped_does_not_stop_those_behind_it() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("no rhyme")
        }
    }
    let (lock, permit) = held_lock();
    drop(lock.acquire().map(|_permit| Bomb));
    let (next, last) = (lock.acquire(), lock.acquire());

    drop(permit);

    drop(success_result_of(next));
    let _permit = success_result_of(last);
}

// A semaphore.

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

// Many who wait.

const MANY: u64 = 1_000_000;

/// A million who wait, as `wait` says, for a lock that is given back once; all of them must have their turn.
fn serves_a_million(wait: impl Fn(&DeferredLock, Rc<Cell<u64>>) + Send + 'static) {
    on_a_small_stack(move || {
        let (lock, permit) = held_lock();
        let turns = Rc::new(Cell::new(0));
        for _ in 0..MANY {
            wait(&lock, Rc::clone(&turns));
        }

        drop(permit);

        assert_eq!(turns.get(), MANY);
        assert!(!lock.is_locked());
    });
}

// D-129
#[test]
fn a_million_who_acquire_get_their_turns_on_a_small_stack() {
    serves_a_million(|lock, turns| {
        let turn = lock.acquire();
        turn.map(move |_permit| turns.set(turns.get() + 1)).ignore();
    });
}

// D-130
#[test]
fn a_million_runs_get_their_turns_on_a_small_stack() {
    serves_a_million(|lock, turns| lock.run(move || turns.set(turns.get() + 1)).ignore());
}

// D-134
#[test]
fn a_million_who_wait_are_cancelled_on_a_small_stack() {
    on_a_small_stack(|| {
        let (lock, permit) = held_lock();
        let waiting: Vec<_> = (0..MANY).map(|_| lock.acquire()).collect();

        waiting.iter().for_each(Deferred::cancel);

        assert_eq!(lock.waiting(), 0);
        waiting.into_iter().for_each(Deferred::ignore);
        drop(permit);
    });
}
