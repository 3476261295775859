//! A pool of threads, without a reactor.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Fault, Gate, LIMIT, child_of_this_test, eventually, in_a_child};
use deferred::{Failure, Panicked};
use reactor::ThreadPool;

// H-016
#[test]
fn a_pool_has_its_minimum_of_threads_from_its_start_on() {
    let pool = ThreadPool::with_limits(3, 5);
    assert_eq!(pool.threads(), 0);

    pool.start().unwrap();

    assert_eq!(pool.threads(), 3);
}

// H-016
#[test]
fn a_pool_with_a_minimum_of_zero_starts_threads_only_for_work() {
    let pool = ThreadPool::with_limits(0, 5);
    pool.start().unwrap();
    assert_eq!(pool.threads(), 0);

    pool.call_in_thread(|| ()).unwrap();

    assert_eq!(pool.threads(), 1);
}

// H-016
#[test]
fn a_pool_that_is_not_started_takes_new_limits_and_no_threads() {
    let pool = ThreadPool::with_limits(0, 5);

    pool.resize(2, 5);

    assert_eq!(pool.threads(), 0);
    pool.start().unwrap();
    assert_eq!(pool.threads(), 2);
}

#[test]
fn a_new_pool_has_the_limits_that_twisted_gives_it() {
    assert_eq!(ThreadPool::new().limits(), (5, 20));
}

// H-017, R-075
#[test]
fn work_handed_over_before_the_start_is_done_by_as_many_threads_as_it_needs() {
    let pool = ThreadPool::with_limits(0, 5);
    let gate = Arc::new(Gate::default());
    hand_over(3, &pool, &gate);
    assert_eq!((pool.queued(), pool.threads()), (3, 0));

    pool.start().unwrap();

    assert_eq!(pool.threads(), 3);
    eventually(|| pool.working() == 3);
    gate.open();
}

// H-017, R-075
#[test]
fn more_work_than_threads_is_done_by_the_maximum_of_threads() {
    let pool = ThreadPool::with_limits(0, 2);
    let gate = Arc::new(Gate::default());
    let done = hand_over(5, &pool, &gate);

    pool.start().unwrap();

    assert_eq!(pool.threads(), 2);
    eventually(|| pool.working() == 2);
    assert_eq!(pool.queued(), 3);
    gate.open();
    pool.stop();
    assert_eq!(done.load(Ordering::SeqCst), 5);
}

#[test]
fn a_thread_that_is_free_gets_the_work_before_another_one_is_started() {
    let pool = ThreadPool::with_limits(2, 5);
    let gate = Arc::new(Gate::default());
    pool.start().unwrap();

    hand_over(2, &pool, &gate);

    assert_eq!(pool.threads(), 2);
    gate.open();
}

#[test]
fn work_begins_in_the_order_in_which_it_was_handed_over() {
    let pool = ThreadPool::with_limits(1, 1);
    let begun = Arc::new(Mutex::new(Vec::new()));
    for n in 0..100 {
        let begun = Arc::clone(&begun);
        pool.call_in_thread(move || begun.lock().unwrap().push(n))
            .unwrap();
    }

    pool.start().unwrap();
    pool.stop();

    let expected: Vec<_> = (0..100).collect();
    assert_eq!(*begun.lock().unwrap(), expected);
}

// H-013
#[test]
fn a_pool_that_may_have_more_threads_takes_them_for_the_work_that_waits() {
    let pool = ThreadPool::with_limits(0, 1);
    let gate = Arc::new(Gate::default());
    pool.start().unwrap();
    hand_over(5, &pool, &gate);
    assert_eq!(pool.threads(), 1);

    pool.resize(0, 4);

    assert_eq!(pool.threads(), 4);
    eventually(|| pool.working() == 4);
    gate.open();
}

// H-013
#[test]
fn a_pool_that_is_to_have_fewer_threads_lets_those_go_that_are_free() {
    let pool = ThreadPool::with_limits(5, 5);
    pool.start().unwrap();

    pool.resize(0, 2);

    eventually(|| pool.threads() == 2);
    pool.stop();
    assert_eq!(pool.threads(), 0);
}

// H-013
#[test]
fn a_pool_that_is_to_have_fewer_threads_lets_busy_ones_end_their_work() {
    let pool = ThreadPool::with_limits(0, 3);
    let gate = Arc::new(Gate::default());
    pool.start().unwrap();
    let done = hand_over(6, &pool, &gate);
    eventually(|| pool.working() == 3);

    pool.resize(0, 1);

    assert_eq!(pool.working(), 3);
    gate.open();
    eventually(|| done.load(Ordering::SeqCst) == 6);
    eventually(|| pool.threads() == 1);
}

//
#[test]
fn work_is_done_off_the_thread_that_hands_it_over() {
    let pool = ThreadPool::with_limits(0, 1);
    pool.start().unwrap();
    let (told, tells) = mpsc::channel();

    pool.call_in_thread(tell_the_thread(told)).unwrap();

    assert_ne!(tells.recv_timeout(LIMIT).unwrap(), thread::current().id());
}

// H-006, R-076
#[test]
fn an_error_and_a_panic_of_work_are_reported_and_the_thread_lives_on() {
    let pool = ThreadPool::with_limits(1, 1);
    pool.start().unwrap();
    let (error, panic) = (Fault::new(), Fault::new());
    let (told, tells) = mpsc::channel();

    pool.call_in_thread(tell_the_thread(told.clone())).unwrap();
    pool.call_in_thread(move || Err::<(), _>(error)).unwrap();
    pool.call_in_thread(move || panics(panic)).unwrap();
    pool.call_in_thread(tell_the_thread(told)).unwrap();

    let first = tells.recv_timeout(LIMIT).unwrap();
    assert_eq!(tells.recv_timeout(LIMIT).unwrap(), first);
    let headline = ["Unhandled error in a thread of a pool"];
    assert_eq!(error.reports(), headline);
    assert_eq!(panic.reports(), headline);
}

//
#[test]
fn a_result_callback_gets_the_value_on_the_thread_of_the_work() {
    let pool = ThreadPool::with_limits(0, 5);
    pool.start().unwrap();
    let (told, tells) = mpsc::channel();

    pool.call_in_thread_with_callback(
        || Ok(thread::current().id()),
        move |result| Ok::<_, Failure>(told.send((result?, thread::current().id()))?),
    )
    .unwrap();

    let (worked, called_back) = tells.recv_timeout(LIMIT).unwrap();
    assert_eq!(worked, called_back);
    assert_ne!(worked, thread::current().id());
}

//
#[test]
fn a_result_callback_gets_the_error_and_the_panic_of_the_work() {
    let pool = ThreadPool::with_limits(0, 1);
    pool.start().unwrap();
    let (error, panic) = (Fault::new(), Fault::new());
    let (told, tells) = mpsc::channel();
    let tell = move |result: Result<(), Failure>| Ok::<_, Failure>(told.send(result)?);

    pool.call_in_thread_with_callback(move || Err(error.into()), tell.clone())
        .unwrap();
    pool.call_in_thread_with_callback(move || panics(panic), tell)
        .unwrap();

    let failed = tells.recv_timeout(LIMIT).unwrap().unwrap_err();
    assert_eq!(
        failed.check::<Fault>().unwrap().to_string(),
        error.to_string()
    );
    let failed = tells.recv_timeout(LIMIT).unwrap().unwrap_err();
    assert_eq!(
        failed.check::<Panicked>().unwrap().message(),
        panic.to_string()
    );
    pool.stop();
    assert!(error.reports().is_empty());
    assert!(panic.reports().is_empty());
}

//
#[test]
fn an_error_and_a_panic_of_a_result_callback_are_reported_once_and_the_thread_lives_on() {
    let pool = ThreadPool::with_limits(1, 1);
    let (error, panic) = (Fault::new(), Fault::new());
    let calls = Arc::new(AtomicUsize::new(0));
    let (one, other) = (Arc::clone(&calls), Arc::clone(&calls));

    pool.call_in_thread_with_callback(
        || Ok(()),
        move |_| {
            one.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(error)
        },
    )
    .unwrap();
    pool.call_in_thread_with_callback(
        || Ok(()),
        move |_| {
            other.fetch_add(1, Ordering::SeqCst);
            panics(panic)
        },
    )
    .unwrap();
    pool.start().unwrap();
    pool.stop();

    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!((error.reports().len(), panic.reports().len()), (1, 1));
}

// H-012, R-079
#[test]
fn several_functions_run_one_after_the_other_on_one_thread() {
    let pool = ThreadPool::with_limits(5, 5);
    pool.start().unwrap();
    let (told, tells) = mpsc::channel();
    let functions = (0..10).map(|n| {
        let told = told.clone();
        move || Ok::<_, Failure>(told.send((n, thread::current().id()))?)
    });

    pool.call_multiple(functions).unwrap();
    pool.stop();

    let told: Vec<_> = tells.try_iter().collect();
    let (_, thread) = told[0];
    assert_eq!(told, (0..10).map(|n| (n, thread)).collect::<Vec<_>>());
}

#[test]
fn one_of_several_functions_that_fails_does_not_keep_the_next_from_its_turn() {
    let pool = ThreadPool::with_limits(0, 1);
    let fault = Fault::new();
    let (told, tells) = mpsc::channel();
    let functions: [Box<dyn FnOnce() + Send>; 2] = [
        Box::new(move || drop(panics(fault))),
        Box::new(move || told.send("called").unwrap()),
    ];

    pool.call_multiple(functions).unwrap();
    pool.start().unwrap();
    pool.stop();

    assert_eq!(tells.try_recv(), Ok("called"));
    assert_eq!(fault.reports().len(), 1);
}

#[test]
#[should_panic(expected = "a pool needs at least one thread")]
fn a_pool_without_any_thread_is_refused() {
    drop(ThreadPool::with_limits(0, 0));
}

#[test]
#[should_panic(expected = "a pool cannot have at least 3 and at most 2 threads")]
fn a_minimum_above_the_maximum_is_refused() {
    ThreadPool::new().resize(3, 2);
}

/// The system has no room for stacks of this size, and so gives no thread at all.
const TOO_MUCH: u64 = 1 << 46;

#[test]
fn a_pool_that_gets_no_thread_says_so_and_drops_nothing_in_silence() {
    if !in_a_child() {
        let mut child = child_of_this_test();
        child.env("RUST_MIN_STACK", TOO_MUCH.to_string());
        assert!(child.status().unwrap().success());
        return;
    }
    let work = Arc::new(());
    let pool = ThreadPool::with_limits(0, 2);

    hold(&pool, &work).expect("it is kept for the start");
    pool.start().expect_err("there is work and no thread");
    assert_eq!(pool.queued(), 1);
    drop(pool);
    let pool = ThreadPool::with_limits(0, 2);
    pool.start().expect("it needs no thread");
    hold(&pool, &work).expect_err("there is work and no thread");
    pool.resize(1, 2);
    let other = ThreadPool::with_limits(1, 2);
    other.start().expect_err("it needs a thread");

    assert_eq!((pool.queued(), pool.threads()), (0, 0));
    assert_eq!(Arc::strong_count(&work), 1);
}

/// Hands over work that owns a share of this.
fn hold(pool: &ThreadPool, owned: &Arc<()>) -> std::io::Result<()> {
    let owned = Arc::clone(owned);
    pool.call_in_thread(move || drop(owned))
}

/// Hands over work that waits at the gate, and counts what is done.
fn hand_over(pieces: usize, pool: &ThreadPool, gate: &Arc<Gate>) -> Arc<AtomicUsize> {
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..pieces {
        let (gate, done) = (Arc::clone(gate), Arc::clone(&done));
        let work = move || {
            gate.pass();
            done.fetch_add(1, Ordering::SeqCst);
        };
        pool.call_in_thread(work).unwrap();
    }
    done
}

fn tell_the_thread(told: Sender<thread::ThreadId>) -> impl FnOnce() + Send {
    move || told.send(thread::current().id()).unwrap()
}

fn panics(fault: Fault) -> Result<(), Failure> {
    panic!("{fault}");
}
