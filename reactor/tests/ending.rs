//! Tasks that end before they are done: cancelled, or dropped with their reactor or its run.

mod common;

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use common::futures::never_ready;
use common::{Log, Ownership, Reports, on_every_backend, run};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Abandoned, CancelHandle, CancelledError, Deferred, Failure, Firer, Spawn};
use reactor::Reactor;

on_every_backend!(
    cancelling_a_coroutine_drops_it_and_what_it_owns_at_once,
    cancelling_a_coroutine_cancels_what_it_awaits,
    cancelling_a_coroutine_cancels_what_nested_ones_await,
    a_coroutine_can_be_cancelled_while_the_loop_runs,
    a_coroutine_that_cancels_itself_is_dropped_when_its_poll_has_returned,
    a_coroutine_handles_the_cancelling_of_what_it_awaits,
    tasks_are_dropped_at_the_end_of_the_run,
    tasks_are_dropped_with_a_reactor_that_never_ran,
    a_task_that_is_dropped_at_the_end_cannot_spawn_another,
    a_reactor_that_is_gone_runs_no_future,
    a_task_that_runs_the_reactor_itself_is_dropped_with_that_run,
    a_task_that_was_dropped_while_it_was_polled_takes_nobodys_place,
    a_task_that_drops_the_reactor_is_dropped_when_its_poll_has_returned,
    a_task_that_panics_is_reported_and_the_loop_goes_on,
    a_future_that_panics_when_it_is_dropped_keeps_no_other_from_being_dropped,
);

// D-171, D-179
fn cancelling_a_coroutine_drops_it_and_what_it_owns_at_once(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let deferred = reactor.spawn(waits_for_ever(owned));
    assert!(!ownership.is_over());

    deferred.cancel();

    assert!(ownership.is_over());
    failure_result_of::<CancelledError, _>(deferred);
}

// D-170, D-177
fn cancelling_a_coroutine_cancels_what_it_awaits(reactor: Reactor) {
    let log = Log::default();
    let (_firer, awaited) = notes_its_cancelling(&log);
    let deferred = reactor.spawn(async { awaited.await });

    deferred.cancel();

    log.assert(&["cancelled"]);
    failure_result_of::<CancelledError, _>(deferred);
}

// D-170
fn cancelling_a_coroutine_cancels_what_nested_ones_await(reactor: Reactor) {
    let log = Log::default();
    let (_firer, awaited) = notes_its_cancelling(&log);
    let there = reactor.clone();
    let deferred = reactor.spawn(async move {
        let middle = there.clone();
        let nested = there.spawn(async move { middle.spawn(async { awaited.await }).await });
        nested.await
    });

    deferred.cancel();

    log.assert(&["cancelled"]);
    failure_result_of::<CancelledError, _>(deferred);
}

// D-170, D-171
fn a_coroutine_can_be_cancelled_while_the_loop_runs(reactor: Reactor) {
    let log = Log::default();
    let (_firer, awaited) = notes_its_cancelling(&log);
    let sleep = reactor.sleep(Duration::ZERO);
    let deferred = reactor.spawn(async {
        sleep.await?;
        awaited.await
    });
    let handle = deferred.cancel_handle();
    reactor.call_later(Duration::from_millis(1), move |reactor| {
        handle.cancel();
        reactor.stop()
    });

    run(&reactor);

    log.assert(&["cancelled"]);
    failure_result_of::<CancelledError, _>(deferred);
}

// D-179
fn a_coroutine_that_cancels_itself_is_dropped_when_its_poll_has_returned(reactor: Reactor) {
    let handle = Rc::new(Cell::new(None));
    let own_handle = Rc::clone(&handle);
    let (owned, ownership) = Ownership::new();
    let (firer, fired) = Deferred::<()>::new();
    let log = Log::default();
    let notes = log.clone();
    let deferred = reactor.spawn(async move {
        let owned = owned;
        fired.await?;
        if let Some(handle) = own_handle.take() {
            CancelHandle::cancel(&handle);
        }
        notes.note("goes on to the next await");
        pending::<()>().await;
        drop(owned);
        Ok(())
    });
    handle.set(Some(deferred.cancel_handle()));
    firer.callback(());
    reactor.call_later(Duration::ZERO, Reactor::stop);

    run(&reactor);

    log.assert(&["goes on to the next await"]);
    assert!(ownership.is_over());
    failure_result_of::<CancelledError, _>(deferred);
}

// D-173
fn a_coroutine_handles_the_cancelling_of_what_it_awaits(reactor: Reactor) {
    let sleep = reactor.sleep(common::LIMIT);
    let handle = sleep.cancel_handle();
    let there = reactor.clone();
    let deferred = reactor.spawn(async move {
        let cancelled = sleep.await.expect_err("it is cancelled");
        there.sleep(Duration::from_millis(1)).await?;
        there.stop()?;
        Ok(cancelled.check::<CancelledError>().is_some())
    });
    reactor.call_when_running(move |_| handle.cancel());

    run(&reactor);

    assert!(success_result_of(deferred));
}

fn tasks_are_dropped_at_the_end_of_the_run(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let deferred = reactor.spawn(waits_for_ever(owned));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    assert!(ownership.is_over());
    failure_result_of::<Abandoned, _>(deferred);
}

fn tasks_are_dropped_with_a_reactor_that_never_ran(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let deferred = reactor.spawn(waits_for_ever(owned));

    drop(reactor);

    assert!(ownership.is_over());
    failure_result_of::<Abandoned, _>(deferred);
}

fn a_task_that_is_dropped_at_the_end_cannot_spawn_another(reactor: Reactor) {
    struct SpawnsInDrop(Reactor, Log);
    impl Drop for SpawnsInDrop {
        fn drop(&mut self) {
            let log = self.1.clone();
            let refused = self.0.spawn(async move {
                log.note("begins");
                Ok(())
            });
            failure_result_of::<Abandoned, _>(refused);
            self.1.note("refused");
        }
    }
    let log = Log::default();
    let spawns = SpawnsInDrop(reactor.clone(), log.clone());
    reactor.spawn(waits_for_ever(spawns)).ignore();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    log.assert(&["refused"]);
}

fn a_reactor_that_is_gone_runs_no_future(reactor: Reactor) {
    let clone = reactor.clone();
    drop(reactor);
    let (owned, ownership) = Ownership::new();

    let deferred = clone.spawn(waits_for_ever(owned));

    assert!(ownership.is_over());
    failure_result_of::<Abandoned, _>(deferred);
}

fn a_task_that_runs_the_reactor_itself_is_dropped_with_that_run(reactor: Reactor) {
    let there = reactor.clone();
    let (owned, ownership) = Ownership::new();
    let runs = poll_fn(move |context| {
        let _owned = &owned;
        let waker = context.waker().clone();
        there.call_when_running(move |reactor| {
            waker.wake();
            reactor.stop()
        });
        run(&there);
        Poll::<Result<(), Failure>>::Pending
    });

    let deferred = reactor.spawn(runs);

    assert!(ownership.is_over());
    failure_result_of::<Abandoned, _>(deferred);
}

fn a_task_that_was_dropped_while_it_was_polled_takes_nobodys_place(reactor: Reactor) {
    let there = reactor.clone();
    let (first, first_ownership) = Ownership::new();
    let (second, second_ownership) = Ownership::new();
    let mut second = Some(second);
    let runs = poll_fn(move |_| {
        let _owned = &first;
        there.call_when_running(Reactor::stop);
        run(&there);
        // It gets the place that this one had.
        there.spawn(waits_for_ever(second.take())).ignore();
        Poll::<Result<(), Failure>>::Pending
    });

    let deferred = reactor.spawn(runs);

    assert!(first_ownership.is_over());
    assert!(!second_ownership.is_over());
    failure_result_of::<Abandoned, _>(deferred);
}

fn a_task_that_drops_the_reactor_is_dropped_when_its_poll_has_returned(reactor: Reactor) {
    let clone = reactor.clone();
    let (owned, ownership) = Ownership::new();

    let deferred = clone.spawn(async {
        drop(reactor);
        waits_for_ever(owned).await
    });

    assert!(ownership.is_over());
    failure_result_of::<Abandoned, _>(deferred);
}

fn a_task_that_panics_is_reported_and_the_loop_goes_on(reactor: Reactor) {
    let reports = Reports::collected();
    let sleep = reactor.sleep(Duration::ZERO);
    let panics = async move {
        drop(sleep.await);
        panic!("the ink ran out");
    };
    Spawn::spawn(&reactor, Box::pin(panics));
    reactor.call_later(Duration::from_millis(1), Reactor::stop);

    run(&reactor);

    let (headline, failure) = reports.only_one();
    assert_eq!(headline, "Unhandled error in a task");
    assert!(failure.to_string().contains("the ink ran out"), "{failure}");
}

fn a_future_that_panics_when_it_is_dropped_keeps_no_other_from_being_dropped(reactor: Reactor) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the ink ran out");
        }
    }
    let reports = Reports::collected();
    let (owned, ownership) = Ownership::new();
    reactor.spawn(waits_for_ever(Bomb)).ignore();
    reactor.spawn(waits_for_ever(Bomb)).ignore();
    reactor.spawn(waits_for_ever(owned)).ignore();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    assert!(ownership.is_over());
    assert_eq!(reports.taken().len(), 2);
}

async fn waits_for_ever<T>(owned: T) -> Result<(), Failure> {
    let _owned = owned;
    never_ready(Rc::default(), Rc::default()).await
}

/// A Deferred whose canceller notes that it was called, and its firer.
fn notes_its_cancelling(log: &Log) -> (Firer<()>, Deferred<()>) {
    let log = log.clone();
    Deferred::with_canceller(move |_| log.note("cancelled"))
}
