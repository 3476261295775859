//! What delayed calls and tasks hold: one allocation a call, and nothing when they are over.

#[path = "../../deferred/tests/counting/mod.rs"]
mod counting;

use std::time::Duration;

use counting::{allocations, frees_all, reports_nothing};
use deferred::Deferred;
use reactor::task::{AddTimeout, Cooperator, FilesystemLock, LoopingCall, defer_later, sleep};
use reactor::testing::TestClock;
use reactor::{Clock, Reactor, Work};

const SECOND: Duration = Duration::from_secs(1);
const MILLION: u32 = 1_000_000;

//
#[test]
fn a_million_calls_that_are_cancelled_give_their_memory_back_at_once() {
    let clock = clock_after_a_call();

    let most = frees_all(|| {
        let calls: Vec<_> = (0..MILLION)
            .map(|n| clock.call_later(n * SECOND, move |_| assert_ne!(n, MILLION)))
            .collect();
        for call in calls {
            call.cancel().unwrap();
        }
    });

    // The queue's share of a call, the call, and the handle to it.
    assert!(most < 200 * MILLION as isize, "{most} bytes");
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn calls_of_one_moment_give_their_memory_back_while_one_of_them_waits() {
    let clock = TestClock::new();
    let _waits = clock.call_later(SECOND, |_| ());
    let round = || {
        let calls: Vec<_> = (0..MILLION)
            .map(|n| clock.call_later(SECOND, move |_| assert_ne!(n, MILLION)))
            .collect();
        for call in calls {
            call.cancel().unwrap();
        }
    };
    // The queue has room for several calls after this.
    round();

    let most = frees_all(round);

    assert!(most < 200 * MILLION as isize, "{most} bytes");
}

#[test]
fn a_million_calls_that_run_give_their_memory_back() {
    let clock = clock_after_a_call();

    frees_all(|| {
        for n in 0..MILLION {
            clock.call_later(n * SECOND, move |_| assert_ne!(n, MILLION));
        }
        clock.advance(MILLION * SECOND);
    });
}

#[test]
fn a_call_costs_one_allocation() {
    let (clock, reactor) = (TestClock::new(), Reactor::new().unwrap());
    // The queue has room for several calls now.
    for _ in 0..2 {
        clock.call_later(SECOND, |_| ());
        reactor.call_later(SECOND, |_| ());
    }
    let owned = [7_u8; 100];
    let work = move || assert_eq!(owned.len(), 100);

    let (on_clock, _call) = allocations(|| clock.call_later(SECOND, move |_| work()));
    let (on_reactor, _call) = allocations(|| reactor.call_later(SECOND, move |_| work()));

    assert_eq!((on_clock, on_reactor), (1, 1));
}

#[test]
fn moving_a_call_allocates_nothing() {
    let clock = TestClock::new();
    let call = clock.call_later(SECOND, |_| ());
    clock.call_later(SECOND, |_| ());

    let (allocated, moved) =
        allocations(|| call.reset(2 * SECOND).and_then(|()| call.delay(SECOND)));

    moved.unwrap();
    assert_eq!(allocated, 0);
}

#[test]
fn nothing_is_left_of_tasks_that_have_ended_or_whose_clock_is_gone() {
    reports_nothing();
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/memory_lock");
    let round = || {
        let clock = TestClock::new();
        some_of_each_task(&clock, path);
        clock.pump([SECOND; 3]);
        some_of_each_task(&clock, path);
        drop(clock);
    };
    // What is made once in a thread is no leak.
    round();

    frees_all(round);
}

#[test]
fn a_loop_of_many_runs_holds_no_more_than_one_of_few() {
    let clock = TestClock::new();
    let looping = |runs: u32| {
        let looping = LoopingCall::new(&clock, |_| ());
        looping.start(SECOND).unwrap().ignore();
        for _ in 0..runs {
            clock.advance_to_next();
        }
        looping.stop().unwrap();
    };
    looping(1);

    let few = frees_all(|| looping(10));
    let many = frees_all(|| looping(10_000));

    assert_eq!(few, many);
}

/// A clock whose queue has what little it keeps when it is empty.
fn clock_after_a_call() -> TestClock {
    let clock = TestClock::new();
    clock.call_later(SECOND, |_| ()).cancel().unwrap();
    clock
}

/// Tasks that run, wait and end; each holds the clock.
fn some_of_each_task(clock: &TestClock, path: &str) {
    let keeps = || clock.clone();

    let held = keeps();
    defer_later(clock, SECOND, move || drop(held)).ignore();
    sleep(clock, 10 * SECOND).ignore();
    let held = keeps();
    clock.schedule(10 * SECOND, Work::new(move || drop(held)));

    let held = keeps();
    let looping = LoopingCall::new(clock, move |_| drop(held.clone()));
    looping.start(SECOND).unwrap().ignore();
    let held = keeps();
    let waiting = LoopingCall::new(clock, move |_| sleep(&held, 10 * SECOND));
    waiting.start(SECOND).unwrap().ignore();

    let (firer, chain) = Deferred::<()>::new();
    let held = keeps();
    chain
        .add_timeout(SECOND, clock)
        .map(move |()| drop(held))
        .ignore();
    drop(firer);
    let (firer, chain) = Deferred::<()>::new();
    chain.add_timeout(10 * SECOND, clock).ignore();
    sleep(clock, SECOND).forward(firer);

    let cooperator = Cooperator::with_predicate(clock, || || true);
    let held = keeps();
    let task = cooperator.cooperate((0..).map(move |_| drop(held.clone())));
    task.when_done().ignore();
    let held = keeps();
    let task = cooperator.cooperate((0..2).map(move |_| sleep(&held, 10 * SECOND)));
    task.when_done().ignore();

    let first = FilesystemLock::new(clock, path);
    assert!(first.lock().unwrap());
    let second = FilesystemLock::new(clock, path);
    second.defer_until_locked_within(10 * SECOND).ignore();
    clock.advance(SECOND);
}
