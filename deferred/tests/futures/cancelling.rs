//! A coroutine, or what it awaits, is cancelled or dropped.

use std::cell::RefCell;
use std::future::IntoFuture;
use std::rc::Rc;
use std::task::{Context, Waker};

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelHandle, CancelledError, Deferred, DeferredFuture, Firer};

use crate::executor::Executor;
use crate::util::{Log, Shelf, Torn};
use crate::{reports, start};

/// A chain whose canceller notes that it was called, and the firer of the chain.
fn noting_canceller(log: &Log) -> (Firer<u32>, Deferred<u32>) {
    let notes = log.clone();
    Deferred::with_canceller(move |_| notes.note("cancelled"))
}

fn polled<T>(deferred: Deferred<T>) -> DeferredFuture<T> {
    let mut future = deferred.into_future();
    let polled = std::pin::Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    future
}

// D-177
#[test]
fn dropping_the_future_of_a_deferred_cancels_it_and_nothing_is_reported() {
    let unhandled = reports();
    let log = Log::default();
    let (firer, deferred) = noting_canceller(&log);
    let future = polled(deferred);

    drop(future);

    log.assert(&["cancelled"]);
    assert!(!firer.callback(7));
    assert_eq!(unhandled(), 0);
}

// D-177
#[test]
fn dropping_the_future_of_a_deferred_before_it_was_polled_cancels_it_too() {
    let log = Log::default();
    let (firer, deferred) = noting_canceller(&log);

    drop(deferred.map(|n| n + 1).into_future());

    log.assert(&["cancelled"]);
    assert!(!firer.callback(7));
}

// D-177
#[test]
fn dropping_the_future_of_a_chain_that_waits_for_another_cancels_that_one() {
    let log = Log::default();
    let (firer, outer) = Deferred::<()>::new();
    let (_inner, deferred) = noting_canceller(&log);
    let future = polled(outer.add_callback(move |()| deferred));
    firer.callback(());

    drop(future);

    log.assert(&["cancelled"]);
}

#[test]
fn dropping_a_future_that_is_ready_cancels_nothing() {
    let log = Log::default();
    let (firer, deferred) = noting_canceller(&log);
    let future = polled(deferred);
    firer.callback(7);

    drop(future);

    log.assert(&[]);
}

// D-177
#[test]
fn dropping_the_future_of_a_deferred_before_it_was_polled_reports_nothing() {
    let unhandled = reports();
    let (_firer, deferred) = Deferred::<u32>::new();
    let future = deferred.into_future();

    drop(future);

    assert_eq!(unhandled(), 0);
}

#[test]
fn dropping_a_future_that_is_ready_with_a_failure_reports_it() {
    let unhandled = reports();
    let (firer, deferred) = Deferred::<u32>::new();
    let future = polled(deferred);
    firer.errback(Torn(3));

    drop(future);

    assert_eq!(unhandled(), 1);
}

// D-083
#[test]
fn dropping_a_plain_deferred_cancels_nothing() {
    let log = Log::default();
    let notes = log.clone();
    let (firer, deferred) = noting_canceller(&log);

    drop(deferred.map(move |_| notes.note("callback")));

    assert!(firer.callback(7));
    log.assert(&["callback"]);
}

// D-170
#[test]
fn cancelling_a_coroutine_cancels_what_it_awaits_at_once_and_once() {
    let executor = Executor::default();
    let log = Log::default();
    let (_firer, pending) = noting_canceller(&log);
    let chain = start(&executor, pending.into_future());

    chain.cancel();
    log.assert(&["cancelled"]);
    chain.cancel();
    executor.run();

    log.assert(&["cancelled"]);
    chain.ignore();
}

// D-170
#[test]
fn cancelling_a_coroutine_cancels_what_its_second_await_awaits() {
    let executor = Executor::default();
    let log = Log::default();
    let (firer, first) = Deferred::<u32>::new();
    let (_second, second) = noting_canceller(&log);
    let chain = start(&executor, async { Ok(first.await? + second.await?) });
    firer.callback(7);
    executor.run();

    chain.cancel();

    log.assert(&["cancelled"]);
    chain.ignore();
}

// D-170
#[test]
fn cancelling_a_coroutine_cancels_through_nested_coroutines() {
    let executor = Executor::default();
    let log = Log::default();
    let (_firer, mut nested) = noting_canceller(&log);
    for _ in 0..3 {
        nested = start(&executor, nested.into_future());
    }

    nested.cancel();
    log.assert(&["cancelled"]);
    executor.run();

    assert_eq!(executor.tasks(), 0);
    nested.ignore();
}

// D-171, D-179
#[test]
fn a_cancelled_coroutine_fails_its_deferred_with_the_cancelled_error() {
    let executor = Executor::default();
    let chain = start(&executor, std::future::pending::<Result<u32, _>>());

    chain.cancel();

    failure_result_of::<CancelledError, _>(chain);
}

// D-179
#[test]
fn cancelling_drops_the_future_and_all_that_it_owns_at_once() {
    let executor = Executor::default();
    let held = Rc::new(());
    let holds = Rc::clone(&held);
    let chain = start(&executor, async move {
        std::future::pending::<()>().await;
        drop(holds);
        Ok(())
    });

    chain.cancel();

    assert_eq!(Rc::strong_count(&held), 1);
    chain.ignore();
}

// D-179
#[test]
fn the_task_of_a_cancelled_future_ends_when_it_is_woken() {
    let executor = Executor::default();
    let chain = start(&executor, std::future::pending::<Result<u32, _>>());

    chain.cancel();
    executor.run();

    assert_eq!(executor.tasks(), 0);
    chain.ignore();
}

/// A coroutine that cancels itself by the handle on the shelf, then notes that it goes on, then waits for ever.
fn cancels_itself(executor: &Executor, log: &Log, held: &Rc<()>) -> Deferred<()> {
    let handle = Shelf::<CancelHandle>::empty();
    let (own, notes, holds) = (handle.clone(), log.clone(), Rc::clone(held));
    let (firer, begins) = Deferred::<()>::new();
    let chain = start(executor, async move {
        begins.await?;
        own.take().cancel();
        notes.note(format!(
            "goes on, with {} held",
            Rc::strong_count(&holds) - 1
        ));
        std::future::pending().await
    });
    handle.put(chain.cancel_handle());
    firer.callback(());
    chain
}

// D-179
#[test]
fn a_future_that_is_cancelled_from_inside_its_own_poll_is_dropped_when_that_returns() {
    let executor = Executor::default();
    let (log, held) = (Log::default(), Rc::new(()));
    let chain = cancels_itself(&executor, &log, &held);

    executor.run();

    log.assert(&["goes on, with 1 held"]);
    assert_eq!(Rc::strong_count(&held), 1);
    assert_eq!(executor.tasks(), 0);
    failure_result_of::<CancelledError, _>(chain);
}

// D-173
#[test]
fn what_is_awaited_is_cancelled_by_its_handle_and_the_error_becomes_a_value() {
    let executor = Executor::default();
    let (_firer, pending) = Deferred::<u32>::new();
    let handle = pending.cancel_handle();
    let chain = start(&executor, async {
        let result = pending.await;
        result.or_else(|failure| failure.trap::<CancelledError>().map(|_| 7))
    });

    handle.cancel();
    executor.run();

    assert_eq!(success_result_of(chain), 7);
}

// D-173
#[test]
fn what_is_awaited_is_cancelled_by_its_handle_and_the_error_becomes_another() {
    let executor = Executor::default();
    let (_firer, pending) = Deferred::<u32>::new();
    let handle = pending.cancel_handle();
    let chain = start(&executor, async {
        pending.await.map_err(|_| Torn(3).into())
    });

    handle.cancel();
    executor.run();

    failure_result_of::<Torn, _>(chain);
}

// D-173
#[test]
fn a_coroutine_that_awaits_further_clean_up_has_no_result_before_that_has_ended() {
    let executor = Executor::default();
    let (_firer, pending) = Deferred::<u32>::new();
    let (cleaned, clean_up) = Deferred::<u32>::new();
    let handle = pending.cancel_handle();
    let chain = start(&executor, async {
        match pending.await {
            Err(_) => clean_up.await,
            value => value,
        }
    });

    handle.cancel();
    executor.run();
    let chain = assert_no_result(chain);
    cleaned.callback(7);
    executor.run();

    assert_eq!(success_result_of(chain), 7);
}

// D-173
#[test]
fn a_handle_made_before_more_links_were_added_cancels_what_is_awaited() {
    let executor = Executor::default();
    let log = Log::default();
    let (_firer, pending) = noting_canceller(&log);
    let handle = pending.cancel_handle();
    let chain = start(&executor, pending.map(|n| n + 1).into_future());

    handle.cancel();
    executor.run();

    log.assert(&["cancelled"]);
    failure_result_of::<CancelledError, _>(chain);
}

#[test]
fn a_result_that_a_body_ends_with_after_it_was_cancelled_goes_nowhere() {
    let unhandled = reports();
    let executor = Executor::default();
    let handle = Rc::new(RefCell::new(None::<CancelHandle>));
    let own = Rc::clone(&handle);
    let (firer, begins) = Deferred::<()>::new();
    let chain = start(&executor, async move {
        begins.await?;
        own.take().expect("it was put there").cancel();
        Err::<(), _>(Torn(3).into())
    });
    handle.replace(Some(chain.cancel_handle()));

    firer.callback(());
    executor.run();

    failure_result_of::<CancelledError, _>(chain);
    assert_eq!(unhandled(), 0);
}
