//! What is left when a reactor is gone: nothing. And what one costs that only waits: next to nothing.
//!
//! The descriptors, the threads and the memory of a process are counted here, so the tests of this file
//! run one at a time.

#![cfg(target_os = "linux")]

mod common;
#[path = "../../deferred/tests/counting/mod.rs"]
mod counting;

use std::cell::Cell;
use std::fs;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use common::{BackendName, End, LIMIT, Log, Owned, Ownership, on_every_backend, run};
use counting::frees_all;
use reactor::signals::{SIGUSR1, SignalHandler};
use reactor::{Job, Reactor, ThreadPool};
use rustix::time::{ClockId, clock_gettime};

on_every_backend!(
    a_thousand_reactors_leave_no_descriptor_and_no_thread,
    a_thousand_reactors_leave_no_byte_and_no_signal_handler,
    two_hundred_reactors_that_never_ran_leave_no_descriptor,
    what_a_reactor_holds_is_dropped_with_it,
    what_a_reactor_holds_is_dropped_at_the_end_of_its_run,
    what_a_reactor_is_given_after_its_run_is_dropped_with_it,
    what_a_clone_is_given_when_the_reactor_is_gone_is_dropped,
    a_descriptor_is_closed_before_the_run_returns,
    a_reactor_that_only_waits_uses_no_time,
    a_million_calls_made_and_cancelled_leave_nothing,
    a_million_calls_that_waited_together_leave_nothing,
);

//
fn a_thousand_reactors_leave_no_descriptor_and_no_thread(on: BackendName) {
    let _alone = alone();
    // What is made once in a process, such as the pipe behind signals, is no leak.
    run_everything_once(on);
    let descriptors = open_descriptors();

    for n in 0..1000 {
        // Threads that wait for each other take long where others want the processors too.
        if n % 10 == 0 {
            run_everything_once(on);
        } else {
            run_once(on);
        }
    }

    assert_eq!(open_descriptors(), descriptors);
    assert_no_pool_thread_is_left();
}

//
fn a_thousand_reactors_leave_no_byte_and_no_signal_handler(on: BackendName) {
    let _alone = alone();
    // What is made once in a process stays, such as what the system calls when a signal comes.
    run_with_some_of_each_once(on);
    let caught = caught_signals();

    frees_all(|| {
        for _ in 0..1000 {
            run_with_some_of_each_once(on);
        }
    });

    assert_eq!(caught_signals(), caught);
}

//
fn two_hundred_reactors_that_never_ran_leave_no_descriptor(on: BackendName) {
    let _alone = alone();
    let descriptors = open_descriptors();

    for _ in 0..200 {
        let reactor = on.reactor();
        let (owned, _ownership) = Ownership::new();
        fill(&reactor, owned);
    }

    assert_eq!(open_descriptors(), descriptors);
}

fn what_a_reactor_holds_is_dropped_with_it(on: BackendName) {
    let _alone = alone();
    let reactor = on.reactor();
    let (owned, ownership) = Ownership::new();
    fill(&reactor, owned);

    drop(reactor);

    assert!(ownership.is_over());
}

fn what_a_reactor_holds_is_dropped_at_the_end_of_its_run(on: BackendName) {
    let _alone = alone();
    let reactor = on.reactor();
    let (owned, ownership) = Ownership::new();
    reactor.call_when_running(move |reactor| {
        fill(reactor, owned);
        reactor.stop()
    });

    run(&reactor);

    assert!(ownership.is_over());
}

fn what_a_reactor_is_given_after_its_run_is_dropped_with_it(on: BackendName) {
    let _alone = alone();
    let reactor = on.reactor();
    reactor.call_when_running(Reactor::stop);
    run(&reactor);
    let (owned, ownership) = Ownership::new();
    fill(&reactor, owned);

    drop(reactor);

    assert!(ownership.is_over());
}

fn what_a_clone_is_given_when_the_reactor_is_gone_is_dropped(on: BackendName) {
    let _alone = alone();
    let reactor = on.reactor();
    let clone = reactor.clone();
    drop(reactor);
    let (owned, ownership) = Ownership::new();

    fill(&clone, owned);

    drop(clone);
    assert!(ownership.is_over());
}

fn a_descriptor_is_closed_before_the_run_returns(on: BackendName) {
    let _alone = alone();
    let reactor = on.reactor();
    let descriptors = open_descriptors();
    let (end, peer) = End::pair("end", &Log::default());
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running(Reactor::stop);
    drop(peer);
    run_once(on);

    run(&reactor);

    assert_eq!(open_descriptors(), descriptors);
}

fn a_reactor_that_only_waits_uses_no_time(on: BackendName) {
    let _alone = alone();
    let (reactor, waits) = on.recorded();
    let (end, _peer) = End::pair("end", &Log::default());
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(100), Reactor::stop);
    let used = time_used();

    run(&reactor);

    assert!(waits.count() <= 3, "{:?}", waits.timeouts());
    let used = time_used() - used;
    assert!(used < Duration::from_millis(20), "{used:?}");
}

//
fn a_million_calls_made_and_cancelled_leave_nothing(on: BackendName) {
    let _alone = alone();
    let reactor = on.reactor();
    let before = memory_in_use();

    for _ in 0..1_000_000 {
        let call = reactor.call_later(LIMIT, |_| ());
        call.cancel().unwrap();
    }

    assert_no_growth(before);
}

//
fn a_million_calls_that_waited_together_leave_nothing(on: BackendName) {
    let _alone = alone();
    let reactor = on.reactor();
    make_and_cancel(&reactor, 100_000);
    let before = memory_in_use();

    for _ in 0..10 {
        make_and_cancel(&reactor, 100_000);
    }

    assert_no_growth(before);
}

fn make_and_cancel(reactor: &Reactor, n: usize) {
    let calls: Vec<_> = (0..n).map(|_| reactor.call_later(LIMIT, |_| ())).collect();
    for call in calls {
        call.cancel().unwrap();
    }
}

/// Waits until no other test of this file runs.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a reactor that holds something of every kind, runs it, and drops it.
fn run_everything_once(on: BackendName) {
    let reactor = on.reactor();
    let (owned, _ownership) = Ownership::new();
    fill(&reactor, owned);
    reactor.call_when_running(|reactor| {
        let stopping = reactor.clone();
        let remote = reactor.remote_handle();
        let pool = ThreadPool::with_limits(1, 2);
        pool.start().unwrap();
        let work = reactor.defer_to_thread_pool(&pool, move || {
            remote.blocking_call_from_thread(|reactor| reactor.defer_to_thread(|| Ok(())))
        });
        work.map(move |()| {
            stopping.stop().unwrap();
            drop(pool);
        })
        .ignore();
    });
    run(&reactor);
}

/// Runs a reactor with something of every kind that takes no other thread: bytes are counted on this one.
fn run_with_some_of_each_once(on: BackendName) {
    let reactor = on.reactor();
    let handler = SignalHandler::new(|_| ());
    reactor.set_signal_handler(SIGUSR1, Some(handler)).unwrap();
    reactor.call_later(2 * LIMIT, |_| ());
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = end.on_read(|end, reactor| {
        end.read_byte()?;
        let stop = |reactor: &Reactor| reactor.stop().expect("it runs");
        Ok(reactor.remote_handle().call_from_thread(stop)?)
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    let sleep = reactor.sleep(2 * LIMIT);
    reactor.spawn(async { sleep.await }).ignore();
    run(&reactor);
    reactor.call_when_running(Reactor::stop);
    run(&reactor);
}

/// Runs a reactor that stops at once; the first one opens what a process opens once.
fn run_once(on: BackendName) {
    let reactor = on.reactor();
    reactor.call_when_running(Reactor::stop);
    run(&reactor);
}

/// Gives the reactor something of every kind that never comes to anything; each owns a handle to the
/// reactor, and a share of `owned`.
fn fill(reactor: &Reactor, owned: Owned) {
    let share = Rc::new((owned, Cell::new(0)));
    let held = || (reactor.clone(), Rc::clone(&share));

    let pending = held();
    reactor.call_later(2 * LIMIT, move |_| drop(pending));
    let startup = held();
    reactor.call_when_running(move |_| startup.1.1.set(1));
    let (reading, writing) = (held(), held());
    let (reader, peer) = End::pair("reader", &Log::default());
    let reader = reader.on_read(move |_, _| {
        let _owned = (&reading, &peer);
        Ok(())
    });
    let (writer, peer) = End::pair("writer", &Log::default());
    let writer = writer.on_write(move |_, _| {
        let _owned = (&writing, &peer);
        Ok(())
    });
    // A reactor that is gone refuses these.
    drop(reactor.add_reader(Rc::new(reader)));
    drop(reactor.add_writer(Rc::new(writer)));
    reactor.after_callback(Rc::new(Holds(held())));
    reactor.next_turn(Rc::new(Holds(held())));
    let handled = held();
    let work = reactor.defer_to_thread(|| Ok(()));
    work.add_both(move |_| {
        drop(handled);
        Ok(())
    })
    .ignore();
    reactor.defer_to_thread(|| Ok(())).cancel();
    drop(reactor.call_in_thread(|| ()));
    drop(reactor.remote_handle().call_from_thread(|_| ()));
    let (sleep, awaiting) = (reactor.sleep(2 * LIMIT), held());
    let task = reactor.spawn(async move {
        sleep.await?;
        drop(awaiting);
        Ok(())
    });
    task.ignore();
}

/// A job that only owns something.
struct Holds<T>(T);

impl<T> Job for Holds<T> {
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        let _owned = &self.0;
    }
}

/// The signals that do something else than by default, as a number in the base of 16.
fn caught_signals() -> String {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let caught = status.lines().find(|line| line.starts_with("SigCgt:"));
    caught.expect("it tells of signals").to_owned()
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux has it").count()
}

/// A thread that was joined can still be listed for a moment.
#[track_caller]
fn assert_no_pool_thread_is_left() {
    let begun = Instant::now();
    while pool_threads() > 0 {
        assert!(begun.elapsed() < LIMIT, "threads of a pool are left");
        thread::yield_now();
    }
}

fn pool_threads() -> usize {
    fs::read_dir("/proc/self/task")
        .expect("Linux has it")
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "reactor-pool")
        .count()
}

/// The time that this thread has spent on a processor, in the system and outside.
fn time_used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("it is positive")
}

/// The pages of memory that the process has in use.
fn memory_in_use() -> usize {
    let numbers = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let resident = numbers.split(' ').nth(1).expect("it has seven numbers");
    resident.parse().expect("it is a number")
}

/// A million calls would take more than a hundred megabytes, which is more than 16,384 pages of 4 KiB.
#[track_caller]
fn assert_no_growth(before: usize) {
    let grown = memory_in_use().saturating_sub(before);
    assert!(grown < 2048, "{grown} pages more");
}
