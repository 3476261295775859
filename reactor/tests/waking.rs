//! Who wakes a task, when it is polled then, and what that costs.

mod common;
#[path = "../../deferred/tests/counting/mod.rs"]
mod counting;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use common::futures::{answer, answered, never_ready, notes_when_fired, wakes_itself};
use common::{BackendName, Log, on_every_backend, run, run_without_calls, stop_after_turns};
use counting::allocated;
use deferred::Failure;
use deferred::testing::success_result_of;
use reactor::Reactor;

on_every_backend!(
    a_task_that_was_woken_before_the_run_goes_on_when_the_reactor_runs,
    a_task_can_be_spawned_and_woken_between_two_runs,
    a_task_can_be_woken_by_another_thread_between_two_runs,
    a_task_that_wakes_itself_is_polled_once_a_turn,
    tasks_that_wake_each_other_do_not_starve_the_loop,
    a_task_that_is_woken_often_is_polled_once,
    a_task_woken_by_another_thread_wakes_the_reactor,
    wakes_of_another_thread_are_never_lost,
    many_threads_wake_many_tasks,
    a_task_is_woken_by_its_own_reactor_of_two_on_a_thread,
    a_wake_on_the_reactors_thread_takes_no_memory,
    a_waker_that_comes_late_wakes_nobody,
    a_waker_does_nothing_when_the_reactor_is_gone,
    a_waker_on_another_thread_does_nothing_when_the_reactor_is_gone,
);

fn a_task_that_was_woken_before_the_run_goes_on_when_the_reactor_runs(reactor: Reactor) {
    let log = Log::default();
    notes_when_fired(&reactor, "the body goes on", &log).callback(());
    log.assert(&[]);
    reactor.call_later(Duration::ZERO, Reactor::stop);

    run(&reactor);

    log.assert(&["the body goes on"]);
}

fn a_task_can_be_spawned_and_woken_between_two_runs(reactor: Reactor) {
    let log = Log::default();
    // The job that polls the woken is under way when the first run ends.
    reactor.spawn(for_ever(|| ())).ignore();
    reactor.call_when_running(Reactor::stop);
    run(&reactor);

    notes_when_fired(&reactor, "the body goes on", &log).callback(());
    reactor.call_when_running(Reactor::stop);
    run(&reactor);

    log.assert(&["the body goes on"]);
}

fn a_task_can_be_woken_by_another_thread_between_two_runs(reactor: Reactor) {
    reactor.call_when_running(Reactor::stop);
    run(&reactor);
    let (polls, counted) = shared_count();
    let waker = Rc::new(Cell::new(None));
    let task = reactor.spawn(never_ready(counted, Rc::clone(&waker)));
    task.ignore();

    let waker = waker.take().unwrap();
    thread::spawn(move || waker.wake()).join().unwrap();
    reactor.call_when_running(Reactor::stop);
    run(&reactor);

    assert_eq!(polls.get(), 2);
}

// D-154
fn a_task_that_wakes_itself_is_polled_once_a_turn(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let (polls, counted) = shared_count();
    let task = reactor.spawn(for_ever(move || counted.set(counted.get() + 1)));
    task.ignore();
    reactor.call_when_running(|reactor| {
        stop_after_turns(reactor, 10);
    });

    run(&reactor);

    // Once each: in the spawning, after the startup call, in the turns, in the last turn, in the end.
    let expected = waits.count() + 2..=waits.count() + 5;
    assert!(expected.contains(&polls.get()), "{polls:?}, {expected:?}");
    let timeouts = waits.timeouts();
    assert!(timeouts.iter().all(|wait| *wait == Some(Duration::ZERO)));
}

fn tasks_that_wake_each_other_do_not_starve_the_loop(reactor: Reactor) {
    let wakers = Rc::new(RefCell::new(Vec::<Waker>::new()));
    for _ in 0..2 {
        let wakers = Rc::clone(&wakers);
        let wakes_all = poll_fn(move |context| {
            let mut all = wakers.borrow_mut();
            if !all.iter().any(|waker| waker.will_wake(context.waker())) {
                all.push(context.waker().clone());
            }
            all.iter().for_each(Waker::wake_by_ref);
            Poll::<Result<(), Failure>>::Pending
        });
        reactor.spawn(wakes_all).ignore();
    }
    stop_after_turns(&reactor, 10);

    run(&reactor);

    assert_eq!(wakers.borrow().len(), 2);
}

fn a_task_that_is_woken_often_is_polled_once(reactor: Reactor) {
    let (polls, counted) = shared_count();
    let waker = Rc::default();
    reactor
        .spawn(never_ready(counted, Rc::clone(&waker)))
        .ignore();
    reactor.call_when_running(move |_| {
        let waker = waker.take().unwrap();
        for _ in 0..100 {
            waker.wake_by_ref();
        }
    });
    stop_after_turns(&reactor, 3);

    run(&reactor);

    assert_eq!(polls.get(), 2);
}

fn a_task_woken_by_another_thread_wakes_the_reactor(reactor: Reactor) {
    let (ask, asked) = mpsc::channel();
    let thread = thread::spawn(move || answer(&asked));
    let stopping = reactor.clone();
    let task = reactor.spawn(async move {
        answered(&ask, 100_000).await;
        Ok(stopping.stop()?)
    });

    run_without_calls(&reactor);

    success_result_of(task);
    thread.join().unwrap();
}

fn wakes_of_another_thread_are_never_lost(reactor: Reactor) {
    let (ask, asked) = mpsc::channel();
    let thread = thread::spawn(move || answer(&asked));
    let stopping = reactor.clone();
    let task = reactor.spawn(async move {
        for spins in 0..2_000 {
            answered(&ask, spins).await;
        }
        Ok(stopping.stop()?)
    });

    run_without_calls(&reactor);

    success_result_of(task);
    thread.join().unwrap();
}

fn many_threads_wake_many_tasks(reactor: Reactor) {
    let left = Rc::new(Cell::new(4 * 20));
    let mut threads = Vec::new();
    for _ in 0..4 {
        let (ask, asked) = mpsc::channel();
        threads.push(thread::spawn(move || answer(&asked)));
        for _ in 0..20 {
            let (stopping, left, ask) = (reactor.clone(), Rc::clone(&left), ask.clone());
            let task = reactor.spawn(async move {
                for spins in 0..50 {
                    answered(&ask, spins).await;
                }
                left.set(left.get() - 1);
                if left.get() == 0 {
                    stopping.stop()?;
                }
                Ok(())
            });
            task.ignore();
        }
    }

    run_without_calls(&reactor);

    assert_eq!(left.get(), 0);
    for thread in threads {
        thread.join().unwrap();
    }
}

fn a_task_is_woken_by_its_own_reactor_of_two_on_a_thread(on: BackendName) {
    let (first, second) = (on.reactor(), on.reactor());
    let log = Log::default();
    let firers = [
        notes_when_fired(&first, "of the first", &log),
        notes_when_fired(&second, "of the second", &log),
    ];
    second.call_when_running(move |reactor| {
        for firer in firers {
            firer.callback(());
        }
        reactor.stop()
    });
    first.call_when_running(Reactor::stop);

    run(&second);
    run(&first);

    log.assert(&["of the second", "of the first"]);
}

fn a_wake_on_the_reactors_thread_takes_no_memory(reactor: Reactor) {
    let counts = Rc::new(RefCell::new(Vec::with_capacity(100)));
    let (counted, stopping) = (Rc::clone(&counts), reactor.clone());
    let task = reactor.spawn(async move {
        while counted.borrow().len() < 100 {
            wakes_itself().await;
            counted.borrow_mut().push(allocated());
        }
        Ok(stopping.stop()?)
    });

    run(&reactor);

    success_result_of(task);
    // What grows to the size that is needed has done so after some turns.
    let settled = &counts.borrow()[10..];
    assert!(
        settled.iter().all(|count| *count == settled[0]),
        "{settled:?}"
    );
}

fn a_waker_that_comes_late_wakes_nobody(reactor: Reactor) {
    let (_, counted) = shared_count();
    let waker = Rc::new(Cell::new(None));
    let ended = reactor.spawn(never_ready(counted, Rc::clone(&waker)));
    let late = waker.take().unwrap();
    ended.cancel();
    ended.ignore();
    let (polls, counted) = shared_count();
    let there = reactor.clone();
    reactor.call_later(Duration::ZERO, move |_| {
        // It is where the first one was.
        there.spawn(never_ready(counted, waker)).ignore();
        late.wake();
    });
    stop_after_turns(&reactor, 3);

    run(&reactor);

    assert_eq!(polls.get(), 1);
}

fn a_waker_does_nothing_when_the_reactor_is_gone(reactor: Reactor) {
    let (polls, counted) = shared_count();
    let waker = Rc::new(Cell::new(None));
    reactor
        .spawn(never_ready(counted, Rc::clone(&waker)))
        .ignore();
    drop(reactor);

    let waker = waker.take().unwrap();
    waker.wake_by_ref();
    waker.wake();

    assert_eq!(polls.get(), 1);
}

fn a_waker_on_another_thread_does_nothing_when_the_reactor_is_gone(reactor: Reactor) {
    let (polls, counted) = shared_count();
    let waker = Rc::new(Cell::new(None));
    reactor
        .spawn(never_ready(counted, Rc::clone(&waker)))
        .ignore();
    let clone = reactor.clone();
    drop(reactor);

    let waker = waker.take().unwrap();
    thread::spawn(move || waker.wake()).join().unwrap();

    drop(clone);
    assert_eq!(polls.get(), 1);
}

fn shared_count() -> (Rc<Cell<usize>>, Rc<Cell<usize>>) {
    let count = Rc::new(Cell::new(0));
    (Rc::clone(&count), count)
}

/// Does this again and again, and wakes itself in between.
async fn for_ever(f: impl Fn()) -> Result<(), Failure> {
    loop {
        f();
        wakes_itself().await;
    }
}
