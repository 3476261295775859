//! Work whose Deferred is cancelled, and work for a pool of the program's own.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use common::{Fault, Gate, LIMIT, Lost, eventually, on_every_backend, run};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Deferred, Failure, Panicked};
use reactor::{Reactor, ThreadPool};

on_every_backend!(
    // H-019
    work_that_is_cancelled_before_the_run_is_dropped_at_once_and_never_runs,
    // H-019
    work_that_is_cancelled_while_it_waits_for_a_thread_never_runs,
    // H-019
    work_that_is_cancelled_while_it_waits_in_another_pool_never_runs,
    // H-019
    of_work_that_is_cancelled_when_it_has_begun_the_result_is_dropped,
    work_that_panics_when_it_is_dropped_is_cancelled_all_the_same,
    cancelling_work_whose_result_is_there_changes_nothing,
    a_handle_cancels_nothing_when_the_reactor_is_gone,
    // H-001, H-004
    work_in_another_pool_brings_its_value_to_the_thread_of_the_reactor,
    // H-002, H-004
    work_in_another_pool_brings_its_error_and_its_panic,
    // H-004
    work_in_another_pool_does_not_wait_for_the_run_but_its_result_does,
    // H-004
    the_end_of_a_run_takes_work_out_of_another_pool,
    // H-004
    work_for_another_pool_that_is_dropped_is_abandoned_with_the_run,
);

fn work_that_is_cancelled_before_the_run_is_dropped_at_once_and_never_runs(reactor: Reactor) {
    let done = Arc::new(AtomicBool::new(false));
    let work = reactor.defer_to_thread(set(&done));
    assert_eq!(reactor.thread_pool().queued(), 1);

    work.cancel();

    failure_result_of::<CancelledError, _>(work);
    assert_eq!(reactor.thread_pool().queued(), 0);
    assert_eq!(Arc::strong_count(&done), 1);
    let other = reactor.defer_to_thread(|| Ok(()));
    success_result_of(run_until_done(&reactor, other));
    assert!(!done.load(Ordering::SeqCst));
}

fn work_that_is_cancelled_while_it_waits_for_a_thread_never_runs(reactor: Reactor) {
    reactor.suggest_thread_pool_size(1);
    let (gate, done) = (Arc::new(Gate::default()), Arc::new(AtomicBool::new(false)));
    let passing = Arc::clone(&gate);
    let first = reactor.defer_to_thread(work(move || passing.pass()));
    let second = reactor.defer_to_thread(set(&done));
    let third = reactor.defer_to_thread(|| Ok(()));
    let cancelling = second.cancel_handle();
    reactor.call_when_running(move |reactor| {
        eventually(|| reactor.thread_pool().working() == 1);
        cancelling.cancel();
        gate.open();
    });

    success_result_of(run_until_done(&reactor, third));

    success_result_of(first);
    failure_result_of::<CancelledError, _>(second);
    assert_eq!(Arc::strong_count(&done), 1);
    assert!(!done.load(Ordering::SeqCst));
}

fn work_that_is_cancelled_while_it_waits_in_another_pool_never_runs(reactor: Reactor) {
    let pool = ThreadPool::new();
    let done = Arc::new(AtomicBool::new(false));
    let work = reactor.defer_to_thread_pool(&pool, set(&done));

    work.cancel();

    assert_eq!(pool.queued(), 0);
    failure_result_of::<CancelledError, _>(work);
    pool.start().unwrap();
    pool.stop();
    assert_eq!(Arc::strong_count(&done), 1);
    assert!(!done.load(Ordering::SeqCst));
}

fn of_work_that_is_cancelled_when_it_has_begun_the_result_is_dropped(reactor: Reactor) {
    reactor.suggest_thread_pool_size(1);
    let (gate, value) = (Arc::new(Gate::default()), Arc::new(()));
    let (passing, result) = (Arc::clone(&gate), Arc::clone(&value));
    let work = reactor.defer_to_thread(move || {
        passing.pass();
        Ok(result)
    });
    let cancelling = work.cancel_handle();
    reactor.call_when_running(move |reactor| {
        eventually(|| reactor.thread_pool().working() == 1);
        cancelling.cancel();
        gate.open();
    });
    let next = reactor.defer_to_thread(|| Ok(()));

    success_result_of(run_until_done(&reactor, next));

    failure_result_of::<CancelledError, _>(work);
    assert_eq!(Arc::strong_count(&value), 1);
}

fn work_that_panics_when_it_is_dropped_is_cancelled_all_the_same(reactor: Reactor) {
    struct PanicsWhenDropped(Fault);
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("{}", self.0);
        }
    }
    let fault = Fault::new();
    let owned = PanicsWhenDropped(fault);
    let work = reactor.defer_to_thread(work(move || drop(owned)));

    work.cancel();

    failure_result_of::<CancelledError, _>(work);
    assert_eq!(
        fault.reports(),
        ["Unhandled error in work that was dropped"]
    );
}

fn cancelling_work_whose_result_is_there_changes_nothing(reactor: Reactor) {
    let work = reactor.defer_to_thread(|| Ok("a poem"));
    let cancelling = work.cancel_handle();
    let work = run_until_done(&reactor, work);

    cancelling.cancel();

    assert_eq!(success_result_of(work), "a poem");
}

fn a_handle_cancels_nothing_when_the_reactor_is_gone(reactor: Reactor) {
    let work = reactor.defer_to_thread(|| Ok(()));
    let cancelling = work.cancel_handle();
    drop(reactor);

    cancelling.cancel();

    failure_result_of::<Abandoned, _>(work);
}

fn work_in_another_pool_brings_its_value_to_the_thread_of_the_reactor(reactor: Reactor) {
    let here = thread::current().id();
    let pool = ThreadPool::with_limits(0, 1);
    pool.start().unwrap();
    let work = reactor
        .defer_to_thread_pool(&pool, || Ok(thread::current().id()))
        .map(|there| (there, thread::current().id()));

    let work = run_until_done(&reactor, work);

    let (there, handled) = success_result_of(work);
    assert_ne!(there, here);
    assert_eq!(handled, here);
    assert_eq!(reactor.thread_pool().threads(), 0);
}

fn work_in_another_pool_brings_its_error_and_its_panic(reactor: Reactor) {
    let pool = ThreadPool::with_limits(0, 1);
    pool.start().unwrap();
    let error = reactor.defer_to_thread_pool(&pool, || Err::<(), _>(Lost.into()));
    let panic = reactor.defer_to_thread_pool(&pool, work(|| panic!("no muse")));

    let panic = run_until_done(&reactor, panic);

    failure_result_of::<Lost, _>(error);
    failure_result_of::<Panicked, _>(panic);
}

fn work_in_another_pool_does_not_wait_for_the_run_but_its_result_does(reactor: Reactor) {
    let pool = ThreadPool::with_limits(0, 1);
    let work = reactor.defer_to_thread_pool(&pool, || Ok("a poem"));
    pool.start().unwrap();
    pool.stop();
    assert!(!work.has_result());

    let work = run_until_done(&reactor, work);

    assert_eq!(success_result_of(work), "a poem");
}

fn the_end_of_a_run_takes_work_out_of_another_pool(reactor: Reactor) {
    let pool = ThreadPool::new();
    let done = Arc::new(AtomicBool::new(false));
    let work = reactor.defer_to_thread_pool(&pool, set(&done));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    failure_result_of::<Abandoned, _>(work);
    assert_eq!(pool.queued(), 0);
    assert_eq!(Arc::strong_count(&done), 1);
}

fn work_for_another_pool_that_is_dropped_is_abandoned_with_the_run(reactor: Reactor) {
    let pool = ThreadPool::new();
    let (owned, is_owned) = mpsc::channel::<()>();
    let work = reactor.defer_to_thread_pool(&pool, work(move || drop(owned)));
    drop(pool);
    let dropped = is_owned.recv_timeout(LIMIT);
    assert_eq!(dropped, Err(mpsc::RecvTimeoutError::Disconnected));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    failure_result_of::<Abandoned, _>(work);
}

/// Work that comes to nothing.
fn work(f: impl FnOnce() + Send + 'static) -> impl FnOnce() -> Result<(), Failure> + Send {
    move || {
        f();
        Ok(())
    }
}

/// Work that says when it is done.
fn set(done: &Arc<AtomicBool>) -> impl FnOnce() -> Result<(), Failure> + Send + use<> {
    let done = Arc::clone(done);
    work(move || done.store(true, Ordering::SeqCst))
}

/// Runs the reactor until this has its result.
fn run_until_done<T: 'static>(reactor: &Reactor, work: Deferred<T>) -> Deferred<T> {
    let stopping = reactor.clone();
    let work = work.add_both(move |result| {
        stopping.stop()?;
        result
    });
    run(reactor);
    work
}
