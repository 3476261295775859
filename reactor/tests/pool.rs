//! Work that is done on the threads of the pool, and comes back to the reactor's.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;

use common::{End, Fault, LIMIT, Log, Lost, eventually, on_every_backend, run};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Abandoned, Deferred, Failure, Panicked};
use reactor::Reactor;

/// As many threads as the pool has at most.
const MOST_THREADS: usize = 10;

on_every_backend!(
    work_is_done_on_another_thread_and_its_value_comes_back_to_this_one,
    an_error_of_work_fails_the_chain_with_its_own_type,
    a_panic_of_work_fails_the_chain,
    the_pool_lives_on_when_work_panics,
    work_can_be_followed_by_more_work,
    the_failure_of_work_that_follows_reaches_the_first_chain,
    work_handed_over_before_the_run_waits_for_it,
    work_of_a_reactor_that_never_runs_is_not_done,
    at_most_ten_pieces_of_work_are_done_at_a_time,
    work_that_has_begun_is_waited_for_at_the_end,
    work_that_has_not_begun_is_dropped_at_the_end,
    work_can_be_done_in_a_second_run,
    work_handed_to_a_reactor_that_is_gone_is_abandoned,
    work_handed_over_while_the_rest_is_abandoned_is_abandoned_too,
    what_came_too_late_for_the_run_is_dropped_with_it,
    // R-074, H-014
    the_pool_has_no_thread_before_the_run_and_none_after_it,
    //
    a_pool_that_is_asked_for_while_the_reactor_runs_is_started,
    // H-013, R-074
    the_pool_can_be_made_larger_and_smaller_at_any_time,
    // H-006, R-076
    an_error_and_a_panic_of_work_that_nobody_waits_for_are_reported,
    // H-012, R-079
    several_functions_are_called_on_one_thread_in_order,
    work_that_nobody_waits_for_is_refused_by_a_reactor_that_is_gone,
);

// H-001, R-076, R-078
fn work_is_done_on_another_thread_and_its_value_comes_back_to_this_one(reactor: Reactor) {
    let here = thread::current().id();
    let work = reactor.defer_to_thread(|| Ok(thread::current().id()));
    let stopping = reactor.clone();
    let chain = work.map(move |there| {
        stopping.stop().unwrap();
        (there, thread::current().id())
    });

    run(&reactor);

    let (there, handled) = success_result_of(chain);
    assert_ne!(there, here);
    assert_eq!(handled, here);
}

// H-002, R-078
fn an_error_of_work_fails_the_chain_with_its_own_type(reactor: Reactor) {
    let work = reactor.defer_to_thread(|| Err::<(), _>(Lost.into()));
    let chain = stopping(&reactor, work);

    run(&reactor);

    failure_result_of::<Lost, _>(chain);
}

// H-002
fn a_panic_of_work_fails_the_chain(reactor: Reactor) {
    let work = reactor.defer_to_thread(|| -> Result<(), Failure> { panic!("no muse") });
    let chain = stopping(&reactor, work);

    run(&reactor);

    let failure = failure_result_of::<Panicked, _>(chain);
    assert_eq!(failure.check::<Panicked>().unwrap().message(), "no muse");
}

//
fn the_pool_lives_on_when_work_panics(reactor: Reactor) {
    for _ in 0..2 * MOST_THREADS {
        let work = reactor.defer_to_thread(|| -> Result<(), Failure> { panic!("no muse") });
        work.add_errback(|_| Ok(())).ignore();
    }
    let work = reactor.defer_to_thread(|| Ok("a poem"));
    let chain = stopping(&reactor, work);

    run(&reactor);

    assert_eq!(success_result_of(chain), "a poem");
}

// H-003
fn work_can_be_followed_by_more_work(reactor: Reactor) {
    let handle = reactor.clone();
    let chain = reactor
        .defer_to_thread(|| Ok(20))
        .add_callback(move |n| handle.defer_to_thread(move || Ok(n + 1)));
    let chain = stopping(&reactor, chain);

    run(&reactor);

    assert_eq!(success_result_of(chain), 21);
}

// H-003
fn the_failure_of_work_that_follows_reaches_the_first_chain(reactor: Reactor) {
    let handle = reactor.clone();
    let chain = reactor
        .defer_to_thread(|| Ok(()))
        .add_callback(move |()| handle.defer_to_thread(|| Err::<(), _>(Lost.into())));
    let chain = stopping(&reactor, chain);

    run(&reactor);

    failure_result_of::<Lost, _>(chain);
}

// R-075, H-015
fn work_handed_over_before_the_run_waits_for_it(reactor: Reactor) {
    let running = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&running);
    let work = reactor.defer_to_thread(move || Ok(asked.load(Ordering::SeqCst)));
    let chain = stopping(&reactor, work);
    running.store(true, Ordering::SeqCst);

    run(&reactor);

    assert!(success_result_of(chain));
}

// H-015
fn work_of_a_reactor_that_never_runs_is_not_done(reactor: Reactor) {
    let done = Arc::new(AtomicBool::new(false));
    let doing = Arc::clone(&done);
    let work = reactor.defer_to_thread(move || {
        doing.store(true, Ordering::SeqCst);
        Ok(())
    });

    drop(reactor);

    failure_result_of::<Abandoned, _>(work);
    assert!(!done.load(Ordering::SeqCst));
}

//
fn at_most_ten_pieces_of_work_are_done_at_a_time(reactor: Reactor) {
    let desk = Arc::new(Desk::default());
    let works: Vec<_> = (0..3 * MOST_THREADS)
        .map(|_| {
            let desk = Arc::clone(&desk);
            reactor.defer_to_thread(move || {
                desk.work_once_there_are(MOST_THREADS);
                Ok(())
            })
        })
        .collect();
    let left = Rc::new(Cell::new(works.len()));
    for work in works {
        let (left, reactor) = (Rc::clone(&left), reactor.clone());
        work.map(move |()| {
            left.set(left.get() - 1);
            if left.get() == 0 {
                reactor.stop().unwrap();
            }
        })
        .ignore();
    }

    run(&reactor);

    assert_eq!(left.get(), 0);
    assert_eq!(desk.most(), MOST_THREADS);
}

// R-074, H-014
fn work_that_has_begun_is_waited_for_at_the_end(reactor: Reactor) {
    let done = Arc::new(AtomicBool::new(false));
    let doing = Arc::clone(&done);
    let work = done_while_the_reactor_shuts_down(&reactor, move || {
        doing.store(true, Ordering::SeqCst);
        Ok(())
    });

    run(&reactor);

    assert!(done.load(Ordering::SeqCst));
    failure_result_of::<Abandoned, _>(work);
}

// R-074, H-014
fn work_that_has_not_begun_is_dropped_at_the_end(reactor: Reactor) {
    let all_busy = Arc::new(Barrier::new(MOST_THREADS + 1));
    let (owned, is_owned) = mpsc::channel::<()>();
    let is_owned = Arc::new(Mutex::new(is_owned));
    for _ in 0..MOST_THREADS {
        let (all_busy, is_owned) = (Arc::clone(&all_busy), Arc::clone(&is_owned));
        let work = reactor.defer_to_thread(move || {
            all_busy.wait();
            // Until the work that comes after these is dropped.
            let dropped = is_owned.lock().unwrap().recv_timeout(LIMIT);
            assert_eq!(dropped, Err(mpsc::RecvTimeoutError::Disconnected));
            Ok(())
        });
        work.add_errback(|_| Ok(())).ignore();
    }
    let late = reactor.defer_to_thread(move || {
        drop(owned);
        Ok("done")
    });
    reactor.call_when_running(move |reactor| {
        all_busy.wait();
        reactor.stop()
    });

    run(&reactor);

    failure_result_of::<Abandoned, _>(late);
    let is_owned = is_owned.lock().unwrap().try_recv();
    assert_eq!(is_owned, Err(mpsc::TryRecvError::Disconnected));
}

fn work_can_be_done_in_a_second_run(reactor: Reactor) {
    for n in 0..2 {
        let work = reactor.defer_to_thread(move || Ok(n));
        let chain = stopping(&reactor, work);

        run(&reactor);

        assert_eq!(success_result_of(chain), n);
    }
}

fn work_handed_to_a_reactor_that_is_gone_is_abandoned(reactor: Reactor) {
    let clone = reactor.clone();
    drop(reactor);

    let work = clone.defer_to_thread(|| Ok(()));

    failure_result_of::<Abandoned, _>(work);
}

fn work_handed_over_while_the_rest_is_abandoned_is_abandoned_too(reactor: Reactor) {
    let _kept = reactor.clone();
    let handle = reactor.clone();
    let chain = reactor
        .defer_to_thread(|| Ok("first"))
        .add_errback(move |_| handle.defer_to_thread(|| Ok("second")));

    drop(reactor);

    failure_result_of::<Abandoned, _>(chain);
}

fn what_came_too_late_for_the_run_is_dropped_with_it(reactor: Reactor) {
    let shared = Arc::new(());
    let value = Arc::clone(&shared);
    let work = done_while_the_reactor_shuts_down(&reactor, move || Ok(value));

    run(&reactor);

    failure_result_of::<Abandoned, _>(work);
    assert_eq!(Arc::strong_count(&shared), 1);
}

fn the_pool_has_no_thread_before_the_run_and_none_after_it(reactor: Reactor) {
    assert_eq!(reactor.thread_pool().limits(), (0, MOST_THREADS));
    let work = reactor.defer_to_thread(|| Ok(()));
    assert_eq!(reactor.thread_pool().threads(), 0);
    let chain = stopping(&reactor, work);

    run(&reactor);

    success_result_of(chain);
    assert_eq!(reactor.thread_pool().threads(), 0);
}

fn a_pool_that_is_asked_for_while_the_reactor_runs_is_started(reactor: Reactor) {
    reactor.call_when_running(|reactor| {
        let work = reactor.defer_to_thread(|| Ok(()));
        assert_eq!(reactor.thread_pool().threads(), 1);
        stopping(reactor, work).ignore();
    });

    run(&reactor);

    assert_eq!(reactor.thread_pool().threads(), 0);
}

fn the_pool_can_be_made_larger_and_smaller_at_any_time(reactor: Reactor) {
    reactor.suggest_thread_pool_size(2);
    let desk = Arc::new(Desk::default());
    let works: Vec<_> = (0..30)
        .map(|_| {
            let desk = Arc::clone(&desk);
            let work = move || desk.work_once_there_are(15);
            reactor.call_in_thread(work)
        })
        .collect();
    assert!(works.iter().all(Result::is_ok));
    reactor.call_when_running(|reactor| {
        let pool = reactor.thread_pool();
        assert_eq!(pool.threads(), 2);
        reactor.suggest_thread_pool_size(15);
        assert_eq!(pool.threads(), 15);
        eventually(|| pool.queued() == 0 && pool.working() == 0);
        reactor.suggest_thread_pool_size(1);
        eventually(|| pool.threads() == 1);
        reactor.stop()
    });
    run(&reactor);

    assert_eq!(desk.most(), 15);
    let (_, maximum) = reactor.thread_pool().limits();
    assert_eq!(maximum, 1);
}

fn an_error_and_a_panic_of_work_that_nobody_waits_for_are_reported(reactor: Reactor) {
    let (error, panic) = (Fault::new(), Fault::new());
    reactor.suggest_thread_pool_size(1);
    reactor.call_in_thread(move || Err::<(), _>(error)).unwrap();
    reactor
        .call_in_thread(move || -> () { panic!("{panic}") })
        .unwrap();
    let work = reactor.defer_to_thread(|| Ok("a poem"));
    let chain = stopping(&reactor, work);

    run(&reactor);

    assert_eq!(success_result_of(chain), "a poem");
    assert_eq!((error.reports().len(), panic.reports().len()), (1, 1));
}

fn several_functions_are_called_on_one_thread_in_order(reactor: Reactor) {
    let (told, tells) = mpsc::channel();
    let remote = reactor.remote_handle();
    let functions = (0..10).map(|n| {
        let (told, remote) = (told.clone(), remote.clone());
        move || {
            told.send((n, thread::current().id()))?;
            if n == 9 {
                remote.stop()?;
            }
            Ok::<_, Failure>(())
        }
    });
    reactor.call_multiple_in_thread(functions).unwrap();

    run(&reactor);

    let told: Vec<_> = tells.try_iter().collect();
    let (_, there) = told[0];
    assert_ne!(there, thread::current().id());
    assert_eq!(told, (0..10).map(|n| (n, there)).collect::<Vec<_>>());
}

fn work_that_nobody_waits_for_is_refused_by_a_reactor_that_is_gone(reactor: Reactor) {
    let clone = reactor.clone();
    drop(reactor);

    clone.call_in_thread(|| ()).expect_err("it is gone");
    let functions: [fn(); 1] = [|| ()];
    let several = clone.call_multiple_in_thread(functions);

    several.expect_err("it is gone");
}

fn stop(reactor: &Reactor) {
    reactor.stop().expect("the reactor runs");
}

/// The chain, which stops the reactor when it has a result.
fn stopping<T: 'static>(reactor: &Reactor, chain: Deferred<T>) -> Deferred<T> {
    let reactor = reactor.clone();
    chain.add_both(move |result| {
        stop(&reactor);
        result
    })
}

/// Work that begins before the reactor is told to stop, and is done when descriptors are told of the end.
fn done_while_the_reactor_shuts_down<T: Send + 'static>(
    reactor: &Reactor,
    f: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Deferred<T> {
    let (begun, begins) = mpsc::channel();
    let (watched, is_watched) = mpsc::channel::<()>();
    let (end, peer) = End::pair("end", &Log::default());
    let held = Cell::new(Some((watched, peer)));
    let end = end.on_lost(move |_, _| drop(held.take()));
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running(move |reactor| {
        begins.recv_timeout(LIMIT).expect("the work begins");
        reactor.stop()
    });
    reactor.defer_to_thread(move || {
        begun.send(())?;
        is_watched.recv_timeout(LIMIT).expect_err("nothing is sent");
        f()
    })
}

/// Where threads work side by side, and are counted.
#[derive(Default)]
struct Desk {
    /// How many work now, and the most that have.
    working: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Desk {
    /// Works, and is not done before `n` have worked at a time.
    fn work_once_there_are(&self, n: usize) {
        let mut working = self.working.lock().unwrap();
        working.0 += 1;
        working.1 = working.1.max(working.0);
        self.changed.notify_all();
        let mut working = self
            .changed
            .wait_while(working, |working| working.1 < n)
            .unwrap();
        working.0 -= 1;
    }

    fn most(&self) -> usize {
        self.working.lock().unwrap().1
    }
}
