//! What becomes of the work and the threads of a pool that is stopped or dropped.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

use common::{Fault, Gate, eventually};
use reactor::ThreadPool;

// H-004
#[test]
fn a_pool_that_is_stopped_first_does_all_the_work_that_it_was_given() {
    let pool = ThreadPool::with_limits(0, 2);
    let done = Arc::new(AtomicUsize::new(0));
    pool.start().unwrap();
    for _ in 0..100 {
        count(&pool, &done);
    }

    pool.stop();

    assert_eq!(done.load(Ordering::SeqCst), 100);
    assert_eq!((pool.threads(), pool.working(), pool.queued()), (0, 0, 0));
}

// H-004
#[test]
fn work_handed_to_a_pool_that_is_stopped_waits_for_the_next_start() {
    let pool = ThreadPool::new();
    let done = Arc::new(AtomicUsize::new(0));
    pool.start().unwrap();
    pool.stop();
    count(&pool, &done);
    assert_eq!(done.load(Ordering::SeqCst), 0);

    pool.start().unwrap();
    pool.stop();

    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[test]
fn work_that_hands_itself_over_again_does_not_keep_the_pool_from_stopping() {
    fn renew(pool: Weak<ThreadPool>) {
        let strong = pool.upgrade().expect("the test keeps it");
        strong.call_in_thread(move || renew(pool)).unwrap();
    }
    let pool = Arc::new(ThreadPool::with_limits(0, 1));
    renew(Arc::downgrade(&pool));
    pool.start().unwrap();

    pool.stop();

    assert_eq!((pool.threads(), pool.queued()), (0, 1));
}

#[test]
fn a_pool_can_be_stopped_by_its_own_work_and_started_again() {
    let pool = Arc::new(ThreadPool::with_limits(0, 2));
    let (done, stopped) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (stopping, telling) = (Arc::clone(&pool), Arc::clone(&stopped));
    pool.start().unwrap();

    pool.call_in_thread(move || {
        stopping.stop();
        telling.store(true, Ordering::SeqCst);
    })
    .unwrap();

    eventually(|| stopped.load(Ordering::SeqCst));
    eventually(|| pool.working() == 0);
    assert_eq!(pool.threads(), 0);
    pool.start().unwrap();
    count(&pool, &done);
    pool.stop();
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[test]
fn a_pool_can_be_dropped_by_its_own_work() {
    let pool = Arc::new(ThreadPool::with_limits(0, 2));
    let (gate, dropped) = (Arc::new(Gate::default()), Arc::new(AtomicBool::new(false)));
    let (passing, telling, owned) = (gate.clone(), dropped.clone(), pool.clone());
    pool.start().unwrap();
    pool.call_in_thread(move || {
        passing.pass();
        drop(owned);
        telling.store(true, Ordering::SeqCst);
    })
    .unwrap();

    drop(pool);
    gate.open();

    eventually(|| dropped.load(Ordering::SeqCst));
}

#[test]
fn starting_twice_is_starting_once() {
    let pool = ThreadPool::with_limits(2, 4);
    pool.start().unwrap();

    pool.start().unwrap();

    assert_eq!(pool.threads(), 2);
}

#[test]
fn stopping_a_pool_that_is_not_started_does_nothing() {
    let pool = ThreadPool::new();
    let done = Arc::new(AtomicUsize::new(0));
    count(&pool, &done);

    pool.stop();
    pool.stop();

    assert_eq!(pool.queued(), 1);
}

#[test]
fn a_pool_cannot_be_started_while_it_is_being_stopped() {
    let pool = ThreadPool::with_limits(1, 1);
    let gate = Arc::new(Gate::default());
    let passing = Arc::clone(&gate);
    pool.start().unwrap();
    pool.call_in_thread(move || passing.pass()).unwrap();
    eventually(|| pool.working() == 1);

    thread::scope(|scope| {
        scope.spawn(|| pool.stop());
        eventually(|| pool.threads() == 0);
        let started = pool.start();
        pool.stop();
        gate.open();

        assert_eq!(
            started.unwrap_err().to_string(),
            "the pool is being stopped"
        );
    });

    pool.start().expect("it is stopped now");
}

#[test]
fn a_pool_that_is_dropped_drops_the_work_that_has_not_begun_and_waits_for_the_rest() {
    let pool = ThreadPool::with_limits(1, 1);
    let (begun, done) = (Arc::new(Gate::default()), Arc::new(AtomicUsize::new(0)));
    let (passing, doing) = (Arc::clone(&begun), Arc::clone(&done));
    let dropped = Arc::new(Gate::default());
    let last = OpensWhenDropped(Arc::clone(&dropped));
    pool.start().unwrap();
    pool.call_in_thread(move || {
        passing.open();
        // The work behind this one is dropped while this one goes on.
        dropped.pass();
        doing.fetch_add(1, Ordering::SeqCst);
    })
    .unwrap();
    count(&pool, &done);
    pool.call_in_thread(move || drop(last)).unwrap();
    begun.pass();

    drop(pool);

    assert_eq!(done.load(Ordering::SeqCst), 1);
    assert_eq!(Arc::strong_count(&done), 1);
}

#[test]
fn work_that_panics_when_it_is_dropped_does_not_keep_the_rest_from_being_dropped() {
    let pool = ThreadPool::new();
    let faults = [Fault::new(), Fault::new()];
    let done = Arc::new(AtomicUsize::new(0));
    for fault in faults {
        let work = PanicsWhenDropped(fault);
        pool.call_in_thread(move || drop(work)).unwrap();
    }
    count(&pool, &done);

    drop(pool);

    assert_eq!(Arc::strong_count(&done), 1);
    for fault in faults {
        assert_eq!(
            fault.reports(),
            ["Unhandled error in work that was dropped"]
        );
    }
}

#[test]
fn a_pool_may_go_to_any_thread_and_be_shared() {
    fn promises<T: Send + Sync + 'static>() {}

    promises::<ThreadPool>();
}

/// Hands over work that counts itself.
fn count(pool: &ThreadPool, done: &Arc<AtomicUsize>) {
    let done = Arc::clone(done);
    let work = move || {
        done.fetch_add(1, Ordering::SeqCst);
    };
    pool.call_in_thread(work).unwrap();
}

struct OpensWhenDropped(Arc<Gate>);

impl Drop for OpensWhenDropped {
    fn drop(&mut self) {
        self.0.open();
    }
}

struct PanicsWhenDropped(Fault);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}
