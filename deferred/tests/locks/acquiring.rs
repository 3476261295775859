//! Who acquires a lock, and to whom it goes when it is given back.

use deferred::testing::{assert_no_result, success_result_of};
use deferred::{DeferredLock, Permit};

use crate::util::Log;
use crate::{held_lock, waits};

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
