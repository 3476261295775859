//! What does it cost to call from a thread, and to have work done by one?

use std::sync::mpsc;
use std::thread;

use deferred::gather;
use divan::{Bencher, counter::ItemsCount};
use reactor::{Reactor, RemoteHandle, ThreadPool};

/// How many pieces of work are done in one measurement.
const WORKS: usize = 1000;

fn main() {
    divan::main();
}

/// Another thread sends calls to a reactor that waits, and has its answer when the last one has run.
#[divan::bench(args = [1, 100, 10_000])]
fn call_from_thread(bencher: Bencher<'_, '_>, calls: usize) {
    with_a_reactor(|remote| {
        bencher.counter(ItemsCount::new(calls)).bench_local(|| {
            let (called, calls_end) = mpsc::sync_channel(1);
            for _ in 1..calls {
                remote.call_from_thread(|_| ()).expect("it runs");
            }
            let last = move |_: &Reactor| called.send(()).expect("the bench waits for it");
            remote.call_from_thread(last).expect("it runs");
            calls_end.recv().expect("it is called");
        });
    });
}

/// Another thread makes a call that waits for its result.
#[divan::bench]
fn blocking_call_from_thread(bencher: Bencher<'_, '_>) {
    with_a_reactor(|remote| {
        bencher.bench_local(|| remote.blocking_call_from_thread(|reactor| Ok(reactor.now())));
    });
}

/// The reactor has work done, one piece after the other: there and back again.
#[divan::bench]
fn defer_to_thread_one_by_one(bencher: Bencher<'_, '_>) {
    let reactor = Reactor::new().expect("there are descriptors left");

    bencher.counter(ItemsCount::new(WORKS)).bench_local(|| {
        reactor.call_when_running(|reactor| work_again(reactor, WORKS));
        reactor.run().expect("the reactor runs");
    });
}

fn work_again(reactor: &Reactor, left: usize) {
    let next = reactor.clone();
    let work = reactor.defer_to_thread(|| Ok(()));
    work.map(move |()| match left {
        1 => next.stop().expect("it runs"),
        _ => work_again(&next, left - 1),
    })
    .ignore();
}

/// The reactor has many pieces of work done at a time.
#[divan::bench]
fn defer_to_thread_together(bencher: Bencher<'_, '_>) {
    let reactor = Reactor::new().expect("there are descriptors left");

    bencher.counter(ItemsCount::new(WORKS)).bench_local(|| {
        reactor.call_when_running(|reactor| {
            let stopping = reactor.clone();
            let works = (0..WORKS).map(|_| reactor.defer_to_thread(|| Ok(())));
            gather(works)
                .map(move |_| stopping.stop().expect("it runs"))
                .ignore();
        });
        reactor.run().expect("the reactor runs");
    });
}

/// Work that waits for a thread is cancelled.
#[divan::bench]
fn defer_to_thread_and_cancel(bencher: Bencher<'_, '_>) {
    let reactor = Reactor::new().expect("there are descriptors left");

    bencher.counter(ItemsCount::new(WORKS)).bench_local(|| {
        for _ in 0..WORKS {
            let work = reactor.defer_to_thread(|| Ok(()));
            work.cancel();
            work.ignore();
        }
    });
}

/// Work is handed to a pool, by itself: no result comes back.
#[divan::bench(args = [1, 100, 10_000])]
fn call_in_thread(bencher: Bencher<'_, '_>, works: usize) {
    let pool = ThreadPool::with_limits(1, 1);
    pool.start().expect("there are threads left");

    bencher.counter(ItemsCount::new(works)).bench_local(|| {
        let (done, end) = mpsc::sync_channel(1);
        for _ in 1..works {
            pool.call_in_thread(|| ()).expect("there is a thread");
        }
        let last = move || done.send(()).expect("the bench waits for it");
        pool.call_in_thread(last).expect("there is a thread");
        end.recv().expect("it is called");
    });
}

/// Runs a reactor on another thread while `measure` runs here.
fn with_a_reactor(measure: impl FnOnce(&RemoteHandle)) {
    let (made, remote) = mpsc::sync_channel(1);
    let other = thread::spawn(move || {
        let reactor = Reactor::new().expect("there are descriptors left");
        made.send(reactor.remote_handle())
            .expect("the bench waits for it");
        reactor.run().expect("the reactor runs");
    });
    let remote = remote.recv().expect("the reactor is made");
    measure(&remote);
    remote.stop().expect("it runs");
    other.join().expect("it does not panic");
}
