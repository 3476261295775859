//! `.await` on a Deferred.

use std::future::IntoFuture;
use std::task::{Context, Poll, Waker};

use deferred::testing::{assert_no_result, success_result_of};
use deferred::{Deferred, Failure};

use crate::executor::Executor;
use crate::util::{Log, Lost, assert_same, failure_of};
use crate::{reports, start};

/// Polls a future of a Deferred as nobody in particular.
fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

// D-176
#[test]
fn a_deferred_is_a_future_of_its_value() {
    let (firer, deferred) = Deferred::<u32>::new();
    let mut future = deferred.into_future();
    assert!(poll(&mut future).is_pending());

    firer.callback(7);

    assert!(matches!(poll(&mut future), Poll::Ready(Ok(7))));
}

// D-176
#[test]
fn a_deferred_that_fails_is_a_future_of_the_failure_and_nothing_is_reported() {
    let unhandled = reports();
    let (firer, deferred) = Deferred::<u32>::new();
    let mut future = deferred.into_future();
    assert!(poll(&mut future).is_pending());

    firer.errback(Lost);

    let Poll::Ready(Err(failure)) = poll(&mut future) else {
        panic!("it has failed");
    };
    drop((future, failure.trap::<Lost>().map(|_| ())));
    assert_eq!(unhandled(), 0);
}

// D-176
#[test]
fn a_future_of_a_deferred_that_has_fired_is_ready_when_it_is_first_polled() {
    let mut value = Deferred::succeed(7).into_future();
    let mut failure = Deferred::<u32>::fail(Lost).into_future();

    let polled = (poll(&mut value), poll(&mut failure));

    assert!(matches!(polled, (Poll::Ready(Ok(7)), Poll::Ready(Err(_)))));
}

// D-153
#[test]
fn a_coroutine_ends_with_what_it_makes_of_the_values_that_it_awaits() {
    let executor = Executor::default();
    let (first, a) = Deferred::<u32>::new();
    let (second, b) = Deferred::<u32>::new();
    let sum = start(&executor, async { Ok(a.await? + b.await?) });

    first.callback(3);
    executor.run();
    second.callback(4);
    executor.run();

    assert_eq!(success_result_of(sum), 7);
}

// D-153
#[test]
fn the_second_of_two_may_have_fired_when_it_is_awaited() {
    let executor = Executor::default();
    let (first, a) = Deferred::<u32>::new();
    let (second, b) = Deferred::<u32>::new();
    let sum = start(&executor, async { Ok(a.await? + b.await?) });

    second.callback(4);
    first.callback(3);
    executor.run();

    assert_eq!(success_result_of(sum), 7);
}

// D-155
#[test]
fn a_failure_appears_at_the_await_where_the_coroutine_catches_it_and_goes_on() {
    let executor = Executor::default();
    let (firer, deferred) = Deferred::<u32>::new();
    let caught = start(&executor, async {
        let result = deferred.await;
        result.or_else(|failure| failure.trap::<Lost>().map(|_| 7))
    });

    firer.errback(Lost);
    executor.run();

    assert_eq!(success_result_of(caught), 7);
}

// D-155
#[test]
fn a_failure_that_is_there_already_appears_at_the_await() {
    let executor = Executor::default();

    let caught = start(&executor, async {
        Ok(Deferred::<u32>::fail(Lost).await.is_err())
    });

    assert!(success_result_of(caught));
}

// D-156
#[test]
fn a_failure_that_leaves_the_body_by_a_question_mark_is_the_same_failure() {
    let executor = Executor::default();
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = start(&executor, async { Ok(deferred.await? + 1) });
    let failure = Failure::new(Lost);

    firer.errback(failure.clone());
    executor.run();

    assert_same(&failure_of(chain), &failure);
}

// D-165
#[test]
fn a_callback_put_before_the_await_runs_first_and_decides_what_is_seen() {
    let executor = Executor::default();
    let log = Log::default();
    let (firer, deferred) = Deferred::<u32>::new();
    let [before, after] = [log.clone(), log.clone()];
    let doubled = deferred.map(move |n| {
        before.note("callback");
        n * 2
    });
    let seen = start(&executor, async move {
        let n = doubled.await?;
        after.note("coroutine");
        Ok(n)
    });

    firer.callback(7);
    executor.run();

    log.assert(&["callback", "coroutine"]);
    assert_eq!(success_result_of(seen), 14);
}

// D-165
#[test]
fn a_callback_put_on_a_coroutine_that_has_ended_decides_what_is_seen() {
    let executor = Executor::default();
    let ended = start(&executor, async { Ok(7) }).map(|n| n * 2);

    let seen = start(&executor, ended.into_future());

    assert_eq!(success_result_of(seen), 14);
}

// D-167
#[test]
fn awaiting_a_fired_deferred_that_waits_for_another_waits_for_that_one() {
    let executor = Executor::default();
    let (firer, inner) = Deferred::<u32>::new();
    let outer = Deferred::succeed(()).add_callback(move |()| inner);
    let seen = start(&executor, outer.into_future());
    executor.run();
    let seen = assert_no_result(seen);

    firer.callback(7);
    executor.run();

    assert_eq!(success_result_of(seen), 7);
}

// D-031, D-176
#[test]
fn awaiting_a_paused_deferred_that_has_fired_waits_until_the_guard_is_dropped() {
    let (firer, deferred) = Deferred::<u32>::new();
    let guard = deferred.pause();
    firer.callback(7);
    let mut future = deferred.into_future();
    assert!(poll(&mut future).is_pending());

    drop(guard);

    assert!(matches!(poll(&mut future), Poll::Ready(Ok(7))));
}

// D-032, D-176
#[test]
fn a_paused_deferred_that_is_fired_while_it_is_awaited_is_ready_when_the_guard_is_dropped() {
    let (firer, deferred) = Deferred::<u32>::new();
    let guard = deferred.pause();
    let mut future = deferred.into_future();
    assert!(poll(&mut future).is_pending());

    firer.callback(7);
    assert!(poll(&mut future).is_pending());
    drop(guard);

    assert!(matches!(poll(&mut future), Poll::Ready(Ok(7))));
}

// D-162
#[test]
fn the_general_conversion_passes_a_deferred_through() {
    let (firer, deferred) = Deferred::<u32>::new();
    let before = format!("{deferred:?}");

    let passed = deferred::maybe_deferred(|| deferred);

    assert_eq!(format!("{passed:?}"), before);
    firer.callback(7);
    assert_eq!(success_result_of(passed), 7);
}
