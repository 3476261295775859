//! A million who wait for a lock.

use std::cell::Cell;
use std::rc::Rc;

use deferred::{Deferred, DeferredLock};

use crate::counting::on_a_small_stack;
use crate::held_lock;

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
