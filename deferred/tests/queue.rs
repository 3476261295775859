//! A queue: who gets what was put, and what is refused.

mod counting;
mod util;

use std::cell::Cell;
use std::rc::Rc;

use counting::on_a_small_stack;
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, DeferredQueue, QueueOverflow, QueueUnderflow};
use util::{Log, Shelf};

fn get<T>(queue: &DeferredQueue<T>) -> Deferred<T> {
    queue.get().expect("it may wait")
}

fn put(queue: &DeferredQueue<u32>, number: u32) {
    queue.put(number).expect("there is room");
}

/// Waits for a number, and notes it with the name of the one who waited.
fn notes_next(queue: &DeferredQueue<u32>, log: &Log, name: &'static str) -> Deferred<()> {
    let notes = log.clone();
    get(queue).map(move |number| notes.note(format!("{name}: {number}")))
}

// Puts and gets.

// D-141
#[test]
fn what_is_stored_is_got_at_once_the_oldest_first() {
    let queue = DeferredQueue::new();
    put(&queue, 1);
    put(&queue, 2);

    let got = [get(&queue), get(&queue)].map(success_result_of);

    assert_eq!(got, [1, 2]);
    assert!(queue.is_empty());
}

// D-141
#[test]
fn one_who_gets_from_an_empty_queue_waits() {
    let queue = DeferredQueue::<u32>::new();

    let waiting = assert_no_result(get(&queue));

    assert_eq!(queue.waiting(), 1);
    drop(waiting);
}

// D-141
#[test]
fn what_is_put_goes_to_the_one_who_has_waited_longest_inside_that_put() {
    let log = Log::default();
    let queue = DeferredQueue::new();
    let gets = ["first", "second"].map(|name| notes_next(&queue, &log, name));

    put(&queue, 1);
    log.note("put");
    put(&queue, 2);

    log.assert(&["first: 1", "put", "second: 2"]);
    assert!(queue.is_empty());
    gets.into_iter().for_each(success_result_of);
}

// D-142
#[test]
fn a_thing_beyond_the_size_is_given_back_and_nothing_changes() {
    let queue = DeferredQueue::with_limits(1, 1);
    put(&queue, 1);

    let refused = queue.put(2);

    assert_eq!(refused, Err(QueueOverflow(2)));
    assert_eq!(queue.len(), 1);
    assert_eq!(success_result_of(get(&queue)), 1);
}

// D-142
#[test]
fn one_who_would_wait_beyond_the_backlog_is_refused_and_nothing_changes() {
    let queue = DeferredQueue::with_limits(1, 1);
    let waiting = get(&queue);

    let refused = queue.get().map(drop);

    assert_eq!(refused, Err(QueueUnderflow));
    assert_eq!(queue.waiting(), 1);
    put(&queue, 1);
    assert_eq!(success_result_of(waiting), 1);
}

// D-143
#[test]
fn a_queue_of_size_0_takes_a_thing_for_one_who_waits() {
    let queue = DeferredQueue::with_limits(0, 1);
    let refused = queue.put(1);
    let waiting = get(&queue);

    put(&queue, 2);

    assert_eq!(refused, Err(QueueOverflow(1)));
    assert_eq!(success_result_of(waiting), 2);
}

// D-143
#[test]
fn a_queue_of_backlog_0_gives_a_thing_that_is_stored() {
    let queue = DeferredQueue::with_limits(1, 0);
    let refused = queue.get().map(drop);
    put(&queue, 1);

    let got = get(&queue);

    assert_eq!(refused, Err(QueueUnderflow));
    assert_eq!(success_result_of(got), 1);
}

// D-144
#[test]
fn one_who_is_cancelled_while_waiting_leaves_the_row_and_things_go_to_others() {
    let queue = DeferredQueue::new();
    let (cancelled, next) = (get(&queue), get(&queue));

    cancelled.cancel();
    put(&queue, 1);

    failure_result_of::<CancelledError, _>(cancelled);
    assert_eq!(success_result_of(next), 1);
}

// D-144
#[test]
fn a_place_that_was_given_up_is_free_for_another() {
    let queue = DeferredQueue::<u32>::with_limits(1, 1);
    let cancelled = get(&queue);

    cancelled.cancel();

    assert!(queue.get().is_ok());
    failure_result_of::<CancelledError, _>(cancelled);
}

// D-144
#[test]
fn cancelling_one_who_got_a_stored_thing_does_nothing() {
    let queue = DeferredQueue::new();
    put(&queue, 1);
    let got = get(&queue);

    got.cancel();

    assert_eq!(success_result_of(got), 1);
}

// D-144
#[test]
fn cancelling_one_who_waited_and_got_a_thing_does_nothing() {
    let queue = DeferredQueue::new();
    let got = get(&queue);
    put(&queue, 1);

    got.cancel();

    assert_eq!(success_result_of(got), 1);
}

// From inside the callbacks of the queue.

// D-141
#[test]
fn what_a_callback_puts_goes_to_the_next_one_who_waits() {
    let log = Log::default();
    let queue = DeferredQueue::new();
    let (puts, notes) = (queue.clone(), log.clone());
    let first = get(&queue).map(move |number| {
        notes.note(format!("first: {number}"));
        put(&puts, number + 1);
        put(&puts, number + 2);
    });
    let others = ["second", "third"].map(|name| notes_next(&queue, &log, name));

    put(&queue, 1);

    log.assert(&["first: 1", "second: 2", "third: 3"]);
    success_result_of(first);
    others.into_iter().for_each(success_result_of);
}

// D-141
#[test]
fn what_a_callback_puts_while_nobody_waits_is_stored() {
    let queue = DeferredQueue::new();
    let puts = queue.clone();
    let got = get(&queue).map(move |number| put(&puts, number + 1));

    put(&queue, 1);

    assert_eq!(queue.len(), 1);
    assert_eq!(success_result_of(get(&queue)), 2);
    success_result_of(got);
}

// D-141
#[test]
fn a_callback_that_gets_again_waits_behind_the_others() {
    let log = Log::default();
    let queue = DeferredQueue::new();
    let (again, notes) = (queue.clone(), log.clone());
    let first = get(&queue).map(move |number| {
        notes.note(format!("first: {number}"));
        put(&again, number + 1);
        notes_next(&again, &notes, "first again").ignore();
    });
    let second = notes_next(&queue, &log, "second");

    put(&queue, 1);
    put(&queue, 3);

    log.assert(&["first: 1", "second: 2", "first again: 3"]);
    success_result_of(first);
    success_result_of(second);
}

// D-142
#[test]
fn a_callback_is_refused_what_it_puts_beyond_the_size() {
    let queue = DeferredQueue::with_limits(1, 9);
    let puts = queue.clone();
    let refused = get(&queue).map(move |_| [2, 3, 4].map(|number| puts.put(number)));
    let second = get(&queue);

    put(&queue, 1);

    // One was for the second who waits, and one is stored.
    let expected = [Ok(()), Ok(()), Err(QueueOverflow(4))];
    assert_eq!(success_result_of(refused), expected);
    assert_eq!(success_result_of(second), 2);
    assert_eq!(queue.len(), 1);
}

// D-143
#[test]
fn one_for_whom_a_thing_was_put_does_not_count_in_the_backlog() {
    let queue = DeferredQueue::with_limits(9, 2);
    let gets = queue.clone();
    let accepted = get(&queue).map(move |_| {
        put(&gets, 2);
        [(); 3].map(|()| gets.get().is_ok())
    });
    let second = get(&queue);

    put(&queue, 1);

    assert_eq!(success_result_of(accepted), [true, true, false]);
    assert_eq!(success_result_of(second), 2);
}

// D-143
#[test]
fn a_callback_gets_what_it_has_stored_and_then_as_many_wait_as_the_backlog_allows() {
    let queue = DeferredQueue::with_limits(9, 2);
    let gets = queue.clone();
    let accepted = get(&queue).map(move |_| {
        put(&gets, 2);
        put(&gets, 3);
        [(); 4].map(|()| gets.get().is_ok())
    });
    let second = get(&queue);

    put(&queue, 1);

    assert_eq!(success_result_of(accepted), [true, true, true, false]);
    assert_eq!(success_result_of(second), 2);
}

// D-142, D-144
#[test]
fn cancelling_one_for_whom_a_thing_was_just_put_does_nothing() {
    let queue = DeferredQueue::with_limits(0, 2);
    let second = Shelf::empty();
    let (puts, cancels) = (queue.clone(), second.clone());
    let first = get(&queue).map(move |_| {
        put(&puts, 2);
        let second: Deferred<u32> = cancels.take();
        second.cancel();
        second
    });
    second.put(get(&queue));

    put(&queue, 1);

    assert_eq!(success_result_of(success_result_of(first)), 2);
    assert_eq!(queue.len(), 0);
}

#[test]
fn a_thing_that_panics_when_it_is_dropped_does_not_stop_the_queue() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "no rhyme");
        }
    }
    let queue = DeferredQueue::new();
    drop(get(&queue));
    let next = get(&queue);

    let accepted = [Bomb(true), Bomb(false)].map(|bomb| queue.put(bomb).is_ok());

    assert_eq!(accepted, [true, true]);
    assert!(next.has_result());
}

// D-144
#[test]
fn one_who_is_cancelled_by_the_callback_of_another_does_not_get_the_next_thing() {
    let log = Log::default();
    let queue = DeferredQueue::new();
    let second = Shelf::empty();
    let cancels = second.clone();
    let first = get(&queue).map(move |_| {
        let second: Deferred<()> = cancels.take();
        second.cancel();
        second
    });
    second.put(notes_next(&queue, &log, "second"));
    let third = notes_next(&queue, &log, "third");

    put(&queue, 1);
    put(&queue, 2);

    log.assert(&["third: 2"]);
    failure_result_of::<CancelledError, _>(success_result_of(first));
    success_result_of(third);
}

// Many who wait.

const MANY: u64 = 1_000_000;

// D-141
#[test]
fn a_million_who_wait_and_each_put_again_get_a_thing_each_on_a_small_stack() {
    on_a_small_stack(|| {
        let queue = DeferredQueue::new();
        let sum = Rc::new(Cell::new(0));
        for _ in 0..MANY {
            let (puts, sum) = (queue.clone(), Rc::clone(&sum));
            let got = get(&queue).map(move |number: u64| {
                sum.set(sum.get() + 1);
                puts.put(number + 1).expect("it has no limits");
            });
            got.ignore();
        }

        queue.put(0).expect("it has no limits");

        assert_eq!(sum.get(), MANY);
        assert_eq!(success_result_of(get(&queue)), MANY);
    });
}
