//! Coroutines that a reactor runs: when they begin, go on and end, and what they end with.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::futures::notes_when_fired;
use common::{BackendName, Log, Lost, Owned, Ownership, on_every_backend, run};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Panicked, maybe_deferred};
use reactor::Reactor;

on_every_backend!(
    a_coroutine_ends_with_what_it_returns,
    a_function_that_returns_a_coroutine_is_one_that_returns_a_deferred,
    a_body_runs_to_its_first_await_before_the_loop_does,
    a_body_that_waits_for_nothing_has_fired_when_it_is_spawned,
    a_body_goes_on_later_in_the_turn_that_fires_what_it_awaits,
    bodies_go_on_in_the_order_in_which_what_they_await_is_fired,
    a_body_that_fires_what_another_awaits_is_not_interrupted,
    an_error_is_given_at_the_await_and_can_be_handled,
    an_error_that_leaves_the_body_fails_its_deferred,
    a_panic_in_a_body_fails_its_deferred_and_the_loop_goes_on,
    a_body_that_has_ended_is_freed_while_its_deferred_is_kept,
    nested_coroutines_enter_the_outermost_first_and_leave_the_innermost_first,
    an_error_of_a_nested_coroutine_is_given_at_the_outer_await,
    an_await_of_a_deferred_that_waits_for_another_waits_for_both,
    ten_thousand_coroutines_go_on_in_order,
    ten_thousand_ready_awaits_need_no_stack,
);

// D-153, D-176, D-178
fn a_coroutine_ends_with_what_it_returns(reactor: Reactor) {
    let there = reactor.clone();
    let line = reactor.spawn(async move {
        there.sleep(Duration::from_millis(1)).await?;
        let n = there.defer_to_thread(|| Ok(7)).await?;
        there.stop()?;
        Ok(format!("line {n}"))
    });

    run(&reactor);

    assert_eq!(success_result_of(line), "line 7");
}

// D-027
fn a_function_that_returns_a_coroutine_is_one_that_returns_a_deferred(reactor: Reactor) {
    async fn soon(reactor: Reactor, result: Result<u32, Failure>) -> Result<u32, Failure> {
        reactor.sleep(Duration::ZERO).await?;
        result
    }
    let there = reactor.clone();
    let seven = maybe_deferred(|| there.spawn(soon(there.clone(), Ok(7))));
    let lost = maybe_deferred(|| there.spawn(soon(there.clone(), Err(Lost.into()))));
    reactor.call_later(Duration::from_millis(1), Reactor::stop);

    run(&reactor);

    assert_eq!(success_result_of(seven), 7);
    failure_result_of::<Lost, _>(lost);
}

// D-154
fn a_body_runs_to_its_first_await_before_the_loop_does(reactor: Reactor) {
    let log = Log::default();
    let notes = log.clone();
    let (_firer, pending) = Deferred::<()>::new();

    let deferred = reactor.spawn(async move {
        notes.note("before");
        pending.await?;
        notes.note("after");
        Ok(())
    });

    log.assert(&["before"]);
    assert_no_result(deferred).ignore();
}

// D-157
fn a_body_that_waits_for_nothing_has_fired_when_it_is_spawned(reactor: Reactor) {
    let deferred = reactor.spawn(async { Ok(()) });

    success_result_of(deferred);
}

// D-154
fn a_body_goes_on_later_in_the_turn_that_fires_what_it_awaits(reactor: Reactor) {
    let log = Log::default();
    let firer = notes_when_fired(&reactor, "the body goes on", &log);
    let notes = log.clone();
    reactor.call_later(Duration::ZERO, move |_| {
        firer.callback(());
        notes.note("fired");
    });
    let notes = log.clone();
    reactor.call_later(Duration::ZERO, move |reactor| {
        notes.note("the next call");
        reactor.stop()
    });

    run(&reactor);

    log.assert(&["fired", "the body goes on", "the next call"]);
}

// D-154
fn bodies_go_on_in_the_order_in_which_what_they_await_is_fired(reactor: Reactor) {
    let log = Log::default();
    let first = notes_when_fired(&reactor, "first", &log);
    let second = notes_when_fired(&reactor, "second", &log);
    let third = notes_when_fired(&reactor, "third", &log);
    reactor.call_when_running(move |reactor| {
        second.callback(());
        third.callback(());
        first.callback(());
        reactor.stop()
    });

    run(&reactor);

    log.assert(&["second", "third", "first"]);
}

// D-154
fn a_body_that_fires_what_another_awaits_is_not_interrupted(reactor: Reactor) {
    let log = Log::default();
    let firer = notes_when_fired(&reactor, "the other goes on", &log);
    let (there, notes) = (reactor.clone(), log.clone());
    let fires = reactor.spawn(async move {
        there.sleep(Duration::ZERO).await?;
        firer.callback(());
        notes.note("fired");
        there.sleep(Duration::from_millis(1)).await?;
        Ok(there.stop()?)
    });

    run(&reactor);

    log.assert(&["fired", "the other goes on"]);
    success_result_of(fires);
}

// D-155
fn an_error_is_given_at_the_await_and_can_be_handled(reactor: Reactor) {
    let there = reactor.clone();
    let handled = reactor.spawn(async move {
        let failed = there.sleep(Duration::ZERO).add_callback(|()| lost());
        let failure = failed.await.expect_err("it is lost");
        there.stop()?;
        Ok(failure.check::<Lost>().is_some())
    });

    run(&reactor);

    assert!(success_result_of(handled));
}

// D-156
fn an_error_that_leaves_the_body_fails_its_deferred(reactor: Reactor) {
    let there = reactor.clone();
    let failed = reactor.spawn(async move {
        there.sleep(Duration::ZERO).await?;
        there.stop()?;
        lost()
    });

    run(&reactor);

    failure_result_of::<Lost, _>(failed);
}

fn a_panic_in_a_body_fails_its_deferred_and_the_loop_goes_on(reactor: Reactor) {
    let sleep = reactor.sleep(Duration::ZERO);
    let panics = reactor.spawn(async move {
        match sleep.await {
            Ok(()) => panic!("the ink ran out"),
            failed => failed,
        }
    });
    reactor.call_later(Duration::from_millis(1), Reactor::stop);

    run(&reactor);

    let failure = failure_result_of::<Panicked, _>(panics);
    assert!(failure.to_string().contains("the ink ran out"), "{failure}");
}

// D-163
fn a_body_that_has_ended_is_freed_while_its_deferred_is_kept(reactor: Reactor) {
    async fn holds(reactor: Reactor, _owned: Owned) -> Result<u32, Failure> {
        reactor.sleep(Duration::ZERO).await?;
        Ok(7)
    }
    let (owned, ownership) = Ownership::new();
    let deferred = reactor.spawn(holds(reactor.clone(), owned));
    let ended = Rc::new(ownership);
    let seen = Rc::clone(&ended);
    reactor.call_later(Duration::from_millis(1), move |reactor| {
        assert!(seen.is_over());
        reactor.stop()
    });
    assert!(!ended.is_over());

    run(&reactor);

    assert!(ended.is_over());
    assert_eq!(success_result_of(deferred), 7);
}

// D-164
fn nested_coroutines_enter_the_outermost_first_and_leave_the_innermost_first(reactor: Reactor) {
    async fn inner(reactor: Reactor, n: u32, log: Log) -> Result<(), Failure> {
        log.note(format!("inner {n} enters"));
        reactor.sleep(Duration::ZERO).await?;
        log.note(format!("inner {n} leaves"));
        Ok(())
    }
    let log = Log::default();
    let (there, notes) = (reactor.clone(), log.clone());
    let outer = reactor.spawn(async move {
        notes.note("outer enters");
        for n in 0..2 {
            let nested = there.spawn(inner(there.clone(), n, notes.clone()));
            nested.await?;
        }
        notes.note("outer leaves");
        Ok(there.stop()?)
    });

    run(&reactor);

    success_result_of(outer);
    log.assert(&[
        "outer enters",
        "inner 0 enters",
        "inner 0 leaves",
        "inner 1 enters",
        "inner 1 leaves",
        "outer leaves",
    ]);
}

// D-166
fn an_error_of_a_nested_coroutine_is_given_at_the_outer_await(reactor: Reactor) {
    async fn inner(reactor: Reactor) -> Result<(), Failure> {
        reactor.sleep(Duration::ZERO).await?;
        reactor.sleep(Duration::ZERO).await?;
        lost()
    }
    let there = reactor.clone();
    let handled = reactor.spawn(async move {
        let failed = there.spawn(inner(there.clone())).await;
        there.stop()?;
        Ok(failed.is_err_and(|failure| failure.check::<Lost>().is_some()))
    });

    run(&reactor);

    assert!(success_result_of(handled));
}

// D-167
fn an_await_of_a_deferred_that_waits_for_another_waits_for_both(reactor: Reactor) {
    let there = reactor.clone();
    let slept = reactor.spawn(async move {
        let again = there.clone();
        let both = Deferred::succeed(()).add_callback(move |()| {
            let second = again.clone();
            again
                .sleep(Duration::from_millis(2))
                .add_callback(move |()| second.sleep(Duration::from_millis(2)))
        });
        let begun = there.now();
        both.await?;
        let slept = there.now() - begun;
        there.stop()?;
        Ok(slept)
    });

    run(&reactor);

    assert!(success_result_of(slept) >= Duration::from_millis(4));
}

fn ten_thousand_coroutines_go_on_in_order(reactor: Reactor) {
    let order = Rc::new(RefCell::new(Vec::new()));
    let mut firers = Vec::new();
    for n in 0..10_000 {
        let (firer, fired) = Deferred::<()>::new();
        firers.push(firer);
        let order = Rc::clone(&order);
        let task = reactor.spawn(async move {
            fired.await?;
            order.borrow_mut().push(n);
            Ok(())
        });
        task.ignore();
    }
    reactor.call_when_running(move |reactor| {
        for firer in firers.into_iter().rev() {
            firer.callback(());
        }
        reactor.stop()
    });

    run(&reactor);

    assert!(order.borrow().iter().copied().eq((0..10_000).rev()));
}

// D-158
fn ten_thousand_ready_awaits_need_no_stack(on: BackendName) {
    let small = thread::Builder::new().stack_size(128 * 1024);

    let thread = small.spawn(move || {
        let reactor = on.reactor();
        let there = reactor.clone();
        let sum = reactor.spawn(async move {
            let mut sum = 0;
            for n in 0..10_000_u32 {
                sum += Deferred::succeed(n).await?;
                sum += there.spawn(async move { Ok(n) }).await?;
            }
            Ok(sum)
        });
        success_result_of(sum)
    });

    let sum = thread.expect("a thread can be started").join().unwrap();
    assert_eq!(sum, 9_999 * 10_000);
}

fn lost() -> Result<(), Failure> {
    Err(Lost.into())
}
