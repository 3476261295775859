//! A future that runs for a Deferred.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Firer, Panicked};

use crate::executor::Executor;
use crate::start;
use crate::util::{Log, Lost, Torn, assert_same, fails_here, failure_of};

// D-178
#[test]
fn a_deferred_fires_with_the_value_of_its_future() {
    let executor = Executor::default();

    let deferred = Deferred::from_future(&executor, std::future::ready(Ok(7)));

    assert_eq!(success_result_of(deferred), 7);
}

// D-156, D-178
#[test]
fn an_error_of_the_future_fails_its_deferred() {
    let executor = Executor::default();

    let deferred = start(&executor, async { Err::<u32, _>(Torn(3).into()) });

    let failure = failure_result_of::<Torn, _>(deferred);
    assert_eq!(failure.check(), Some(&Torn(3)));
}

#[test]
fn a_panic_of_the_future_fails_its_deferred_and_the_executor_goes_on() {
    let executor = Executor::default();
    let (firer, deferred) = Deferred::<u32>::new();
    let panics = start(&executor, async {
        deferred.await?;
        panic!("the ink ran out");
        #[expect(unreachable_code, reason = "it says what the body would return")]
        Ok(())
    });

    firer.callback(7);
    executor.run();

    let failure = failure_result_of::<Panicked, _>(panics);
    assert!(failure.to_string().contains("the ink ran out"), "{failure}");
}

#[test]
fn a_future_that_panics_when_it_is_dropped_after_its_end_has_given_its_value() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the ink ran out")
        }
    }
    let executor = Executor::default();
    let bomb = Bomb;
    let future = poll_fn(move |_| {
        let _held = &bomb;
        Poll::Ready(Ok(7))
    });

    let deferred = start(&executor, future);

    assert_eq!(success_result_of(deferred), 7);
    assert_eq!(executor.tasks(), 0);
}

// D-154
#[test]
fn the_body_runs_to_its_first_await_before_it_is_a_deferred() {
    let executor = Executor::default();
    let log = Log::default();
    let notes = log.clone();
    let (_firer, pending) = Deferred::<u32>::new();

    let deferred = start(&executor, async move {
        notes.note("before");
        pending.await?;
        notes.note("after");
        Ok(())
    });

    log.assert(&["before"]);
    drop(assert_no_result(deferred));
}

// D-154
#[test]
fn bodies_go_on_in_the_order_in_which_what_they_await_is_fired() {
    let executor = Executor::default();
    let log = Log::default();
    let waiting = |name: &'static str| {
        let (notes, (firer, deferred)) = (log.clone(), Deferred::<()>::new());
        let body = async move {
            deferred.await?;
            notes.note(name);
            Ok(())
        };
        start(&executor, body).ignore();
        firer
    };
    let (first, second) = (waiting("first"), waiting("second"));

    second.callback(());
    first.callback(());
    executor.run();

    log.assert(&["second", "first"]);
}

// D-154
#[test]
fn a_body_that_fires_what_it_will_await_goes_on_once_and_not_in_itself() {
    let executor = Executor::default();
    let log = Log::default();
    let notes = log.clone();
    let (firer, deferred) = Deferred::<()>::new();

    let ended = start(&executor, async move {
        firer.callback(());
        notes.note("fired");
        deferred.await?;
        notes.note("awaited");
        Ok(())
    });
    executor.run();

    log.assert(&["fired", "awaited"]);
    success_result_of(ended);
}

// D-157
#[test]
fn a_body_that_never_waits_has_fired_with_nothing_when_it_is_a_deferred() {
    let executor = Executor::default();

    let deferred = start(&executor, async { Ok(()) });

    assert!(deferred.has_result());
    success_result_of(deferred);
}

// D-163
#[test]
fn a_body_that_has_ended_is_freed_while_its_deferred_is_kept() {
    let executor = Executor::default();
    let held = Rc::new(());
    let holds = Rc::clone(&held);
    let (firer, pending) = Deferred::<u32>::new();
    let deferred = start(&executor, async move {
        let n = pending.await?;
        drop(holds.clone());
        Ok(n)
    });

    firer.callback(7);
    executor.run();

    assert_eq!(Rc::strong_count(&held), 1);
    assert_eq!(executor.tasks(), 0);
    assert_eq!(success_result_of(deferred), 7);
}

// D-163
#[test]
fn a_body_that_has_ended_is_freed_before_the_callbacks_of_its_deferred_run() {
    let executor = Executor::default();
    let held = Rc::new(());
    let (holds, kept) = (Rc::clone(&held), Rc::clone(&held));
    let (firer, pending) = Deferred::<()>::new();
    let count = start(&executor, async move {
        pending.await?;
        drop(holds.clone());
        Ok(())
    })
    .map(move |()| Rc::strong_count(&kept));

    firer.callback(());
    executor.run();

    assert_eq!(success_result_of(count), 2);
}

/// A coroutine that notes when it is entered and left, and awaits one Deferred or several in between.
async fn inner(log: Log, awaits: Vec<Deferred<()>>) -> Result<(), Failure> {
    for (n, deferred) in awaits.into_iter().enumerate() {
        log.note(format!("{n} inner enters"));
        deferred.await?;
        log.note(format!("{n} inner leaves"));
    }
    Ok(())
}

fn deferreds(count: usize) -> (Vec<Firer<()>>, Vec<Deferred<()>>) {
    (0..count).map(|_| Deferred::new()).unzip()
}

// D-164
#[test]
fn nested_coroutines_enter_the_outermost_first_and_leave_the_innermost_first() {
    let executor = Executor::default();
    let log = Log::default();
    let (firers, awaits) = deferreds(1);
    let (there, notes) = (executor.clone(), log.clone());
    let outer = start(&executor, async move {
        notes.note("outer enters");
        start(&there, inner(notes.clone(), awaits)).await?;
        notes.note("outer leaves");
        Ok(())
    });
    log.assert(&["outer enters", "0 inner enters"]);

    for firer in firers {
        firer.callback(());
    }
    executor.run();

    log.assert(&[
        "outer enters",
        "0 inner enters",
        "0 inner leaves",
        "outer leaves",
    ]);
    success_result_of(outer);
}

// D-164
#[test]
fn an_inner_coroutine_that_awaits_several_times_leaves_each_before_it_enters_the_next() {
    let executor = Executor::default();
    let log = Log::default();
    let (firers, awaits) = deferreds(3);
    let (there, notes) = (executor.clone(), log.clone());
    let outer = start(&executor, async move {
        notes.note("outer enters");
        start(&there, inner(notes.clone(), awaits)).await?;
        notes.note("outer leaves");
        Ok(())
    });

    for (n, firer) in firers.into_iter().enumerate() {
        log.note(format!("{n} fired"));
        firer.callback(());
        executor.run();
    }

    log.assert(&[
        "outer enters",
        "0 inner enters",
        "0 fired",
        "0 inner leaves",
        "1 inner enters",
        "1 fired",
        "1 inner leaves",
        "2 inner enters",
        "2 fired",
        "2 inner leaves",
        "outer leaves",
    ]);
    success_result_of(outer);
}

/// An outer coroutine that awaits an inner one, which awaits as many times as there are firers, and catches its error.
fn catching(executor: &Executor, awaits: Vec<Deferred<()>>) -> Deferred<bool> {
    let there = executor.clone();
    start(executor, async move {
        let result = start(&there, inner(Log::default(), awaits)).await;
        Ok(result.is_err_and(|failure| failure.check::<Lost>().is_some()))
    })
}

// D-166
#[test]
fn an_error_of_the_first_await_of_a_nested_coroutine_is_handled_in_the_outer_one() {
    let executor = Executor::default();
    let (mut firers, awaits) = deferreds(1);
    let caught = catching(&executor, awaits);

    firers.remove(0).errback(Lost);
    executor.run();

    assert!(success_result_of(caught));
}

// D-166
#[test]
fn an_error_of_a_later_await_of_a_nested_coroutine_is_handled_in_the_outer_one() {
    let executor = Executor::default();
    let (mut firers, awaits) = deferreds(2);
    let caught = catching(&executor, awaits);

    firers.remove(0).callback(());
    executor.run();
    firers.remove(0).errback(Lost);
    executor.run();

    assert!(success_result_of(caught));
}

// D-169
#[test]
fn the_failure_that_comes_out_of_nested_coroutines_is_the_one_that_was_raised() {
    let executor = Executor::default();
    let raised = fails_here();
    let (firer, pending) = Deferred::<u32>::new();
    let mut nested = pending;
    for _ in 0..10 {
        let awaited = nested;
        nested = start(&executor, async move { Ok(awaited.await? + 1) });
    }

    firer.errback(raised.clone());
    executor.run();

    let failure = failure_of(nested);
    assert_same(&failure, &raised);
    assert!(
        format!("{failure:#}").contains("coroutines.rs"),
        "{failure:#}"
    );
}
