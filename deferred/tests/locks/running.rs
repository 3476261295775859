//! Functions that run while they hold a lock.

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, DeferredLock, Failure, Panicked};

use crate::held_lock;
use crate::util::{Log, Lost, assert_same, failure_of};

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
