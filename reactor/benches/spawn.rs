//! What does a coroutine cost, when it is spawned and when it is woken, beside a delayed call?

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use deferred::{Deferred, Failure, Spawn};
use divan::{Bencher, counter::ItemsCount};
use reactor::Reactor;

/// How many things are done in one measurement.
const MANY: usize = 1_000;

/// How many tasks, or calls, there are at a time.
const TASKS: [usize; 2] = [1, 1_000];

/// How often each of them runs.
const TURNS: usize = 100;

fn main() {
    divan::main();
}

/// A coroutine that is over when it is spawned.
#[divan::bench]
fn spawn_and_complete(bencher: Bencher<'_, '_>) {
    let reactor = reactor();

    bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
        for n in 0..MANY {
            reactor.spawn(async move { Ok(n) }).ignore();
        }
    });
}

/// The same without a Deferred: what the table of tasks alone costs.
#[divan::bench]
fn spawn_and_complete_without_a_deferred(bencher: Bencher<'_, '_>) {
    let reactor = reactor();

    bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
        for n in 0..MANY {
            let future = async move {
                divan::black_box(n);
            };
            Spawn::spawn(&reactor, Box::pin(future));
        }
    });
}

/// Coroutines that await a Deferred which is fired then, and are over.
#[divan::bench]
fn spawn_await_and_complete(bencher: Bencher<'_, '_>) {
    let reactor = reactor();

    bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
        for _ in 0..MANY {
            let (firer, fired) = Deferred::<()>::new();
            reactor.spawn(async { fired.await }).ignore();
            firer.callback(());
        }
        run_once(&reactor);
    });
}

/// The Deferreds of the above, with a callback for each coroutine.
#[divan::bench]
fn fire_with_a_callback(bencher: Bencher<'_, '_>) {
    let reactor = reactor();

    bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
        for _ in 0..MANY {
            let (firer, fired) = Deferred::<()>::new();
            fired.add_callback(|()| Ok(())).ignore();
            firer.callback(());
        }
        run_once(&reactor);
    });
}

/// Tasks that wake themselves: a wake and a poll, a turn of the loop for all of them.
#[divan::bench(args = TASKS)]
fn wake_and_poll(bencher: Bencher<'_, '_>, tasks: usize) {
    let reactor = reactor();

    let wakes = ItemsCount::new(tasks * TURNS);
    bencher.counter(wakes).bench_local(|| {
        for task in 0..tasks {
            let stopping = (task == 0).then(|| reactor.clone());
            let waking = wakes_itself(TURNS, stopping);
            reactor.spawn(waking).ignore();
        }
        reactor.run().expect("the reactor runs");
    });
}

/// Calls that make themselves anew, a turn of the loop for all of them.
#[divan::bench(args = TASKS)]
fn call_later_zero(bencher: Bencher<'_, '_>, calls: usize) {
    fn call(reactor: &Reactor, left: usize, stops: bool) {
        reactor.call_later(Duration::ZERO, move |reactor| {
            if left > 1 {
                call(reactor, left - 1, stops);
            } else if stops {
                reactor.stop().expect("it runs");
            }
        });
    }
    let reactor = reactor();

    let runs = ItemsCount::new(calls * TURNS);
    bencher.counter(runs).bench_local(|| {
        for n in 0..calls {
            call(&reactor, TURNS, n == 0);
        }
        reactor.run().expect("the reactor runs");
    });
}

/// A run of the reactor in which nothing happens, which is part of some of the above.
#[divan::bench]
fn empty_run(bencher: Bencher<'_, '_>) {
    let reactor = reactor();

    bencher.bench_local(|| run_once(&reactor));
}

fn reactor() -> Reactor {
    Reactor::new().expect("there are descriptors left")
}

fn run_once(reactor: &Reactor) {
    reactor.call_later(Duration::ZERO, Reactor::stop);
    reactor.run().expect("the reactor runs");
}

/// Wakes itself so many times; one of the tasks stops the reactor then.
async fn wakes_itself(times: usize, stopping: Option<Reactor>) -> Result<(), Failure> {
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    if let Some(reactor) = stopping {
        reactor.stop()?;
    }
    Ok(())
}
