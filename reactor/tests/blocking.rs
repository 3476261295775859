//! Calls of other threads that wait for their result.

mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::{LIMIT, Log, Lost, on_every_backend, run};
use deferred::testing::success_result_of;
use deferred::{Abandoned, Deferred, Failure, Firer, Panicked};
use reactor::{Reactor, ReactorError, RemoteHandle, Stopped};

on_every_backend!(
    // H-010, R-080
    a_call_gives_its_caller_the_value,
    // H-010, R-080
    a_call_gives_its_caller_the_value_of_a_deferred_that_has_fired,
    // H-010, R-080
    a_call_waits_for_the_value_of_a_deferred_that_fires_later,
    // H-011, R-080
    a_call_that_fails_gives_its_caller_the_error,
    // H-011, R-080
    a_call_that_panics_gives_its_caller_the_panic,
    // H-011, R-080
    a_call_gives_its_caller_the_error_of_a_deferred_that_fails_later,
    // H-011
    a_deferred_that_is_abandoned_ends_the_call,
    // H-007
    a_call_takes_its_turn_among_those_that_its_thread_has_sent,
    a_call_made_before_the_run_waits_for_it,
    a_call_of_the_pool_can_wait_for_its_result,
    // H-020, R-081
    a_call_on_the_thread_of_the_reactor_is_refused,
    // H-020, R-081
    a_call_on_the_thread_of_a_reactor_that_does_not_run_is_refused,
    //
    a_call_to_a_reactor_that_has_ended_is_refused,
    //
    a_call_to_a_reactor_that_is_gone_is_refused,
    //
    a_caller_is_told_when_the_run_ends_before_the_deferred_fires,
    //
    a_caller_is_told_when_the_run_ends_before_its_call_has_begun,
    //
    a_caller_is_told_when_the_reactor_is_dropped_before_it_runs,
    //
    the_pool_is_joined_though_its_work_waits_for_the_reactor,
    a_deferred_that_fires_when_its_caller_was_told_of_the_end_is_no_error,
);

fn a_call_gives_its_caller_the_value(reactor: Reactor) {
    let here = thread::current().id();
    let call = |_: &Reactor| Ok(thread::current().id());

    let called = result_of(&reactor, move |remote| {
        remote.blocking_call_from_thread(call)
    });

    assert_eq!(called.unwrap(), here);
}

fn a_call_gives_its_caller_the_value_of_a_deferred_that_has_fired(reactor: Reactor) {
    let call = |_: &Reactor| Deferred::from_result(Ok("a poem"));

    let called = result_of(&reactor, move |remote| {
        remote.blocking_call_from_thread(call)
    });

    assert_eq!(called.unwrap(), "a poem");
}

fn a_call_waits_for_the_value_of_a_deferred_that_fires_later(reactor: Reactor) {
    let call = |reactor: &Reactor| {
        let (firer, deferred) = Deferred::new();
        reactor.call_later(Duration::from_millis(1), |_| fire(firer, Ok("a poem")));
        deferred
    };

    let called = result_of(&reactor, move |remote| {
        remote.blocking_call_from_thread(call)
    });

    assert_eq!(called.unwrap(), "a poem");
}

fn a_call_that_fails_gives_its_caller_the_error(reactor: Reactor) {
    let call = |_: &Reactor| Err::<(), Failure>(Lost.into());

    let called = result_of(&reactor, move |remote| {
        remote.blocking_call_from_thread(call)
    });

    assert!(called.unwrap_err().check::<Lost>().is_some());
}

fn a_call_that_panics_gives_its_caller_the_panic(reactor: Reactor) {
    let call = |_: &Reactor| -> Result<(), Failure> { panic!("no muse") };

    let called = result_of(&reactor, move |remote| {
        remote.blocking_call_from_thread(call)
    });

    let failure = called.unwrap_err();
    assert_eq!(failure.check::<Panicked>().unwrap().message(), "no muse");
}

fn a_call_gives_its_caller_the_error_of_a_deferred_that_fails_later(reactor: Reactor) {
    let call = |reactor: &Reactor| {
        let (firer, deferred) = Deferred::<()>::new();
        reactor.call_later(Duration::from_millis(1), |_| fire(firer, Err(Lost.into())));
        deferred
    };

    let called = result_of(&reactor, move |remote| {
        remote.blocking_call_from_thread(call)
    });

    assert!(called.unwrap_err().check::<Lost>().is_some());
}

fn a_deferred_that_is_abandoned_ends_the_call(reactor: Reactor) {
    let call = |_: &Reactor| Deferred::<()>::new().1;

    let called = result_of(&reactor, move |remote| {
        remote.blocking_call_from_thread(call)
    });

    assert!(called.unwrap_err().check::<Abandoned>().is_some());
}

fn a_call_takes_its_turn_among_those_that_its_thread_has_sent(reactor: Reactor) {
    let log = reactor.extension::<Log>();

    let called = result_of(&reactor, |remote| {
        remote.call_from_thread(|reactor| reactor.extension::<Log>().note("first"))?;
        remote.blocking_call_from_thread(|reactor| {
            reactor.extension::<Log>().note("second");
            Ok(())
        })?;
        Ok(remote.call_from_thread(|reactor| reactor.extension::<Log>().note("third"))?)
    });

    called.unwrap();
    log.assert(&["first", "second", "third"]);
}

fn a_call_made_before_the_run_waits_for_it(reactor: Reactor) {
    let remote = reactor.remote_handle();
    let (sent, sends) = mpsc::channel();
    let other = thread::spawn(move || {
        sent.send(()).unwrap();
        remote.blocking_call_from_thread(|reactor| Ok(reactor.stop()?))
    });
    sends.recv_timeout(LIMIT).unwrap();

    run(&reactor);

    other.join().unwrap().unwrap();
}

fn a_call_of_the_pool_can_wait_for_its_result(reactor: Reactor) {
    let remote = reactor.remote_handle();
    let work = reactor.defer_to_thread(move || {
        let here = thread::current().id();
        remote.blocking_call_from_thread(move |_| Ok(thread::current().id() != here))
    });
    let stopping = reactor.clone();
    let work = work.add_both(move |result| {
        stopping.stop()?;
        result
    });

    run(&reactor);

    assert!(success_result_of(work));
}

fn a_call_on_the_thread_of_the_reactor_is_refused(reactor: Reactor) {
    reactor.call_when_running(|reactor| {
        let called = reactor.remote_handle().blocking_call_from_thread(never);
        assert_refused(called, |error| matches!(error, ReactorError::OwnThread));
        reactor.stop()
    });

    assert_eq!(run(&reactor), Stopped::Asked);
}

fn a_call_on_the_thread_of_a_reactor_that_does_not_run_is_refused(reactor: Reactor) {
    let called = reactor.remote_handle().blocking_call_from_thread(never);

    assert_refused(called, |error| matches!(error, ReactorError::OwnThread));
}

fn a_call_to_a_reactor_that_has_ended_is_refused(reactor: Reactor) {
    reactor.call_when_running(Reactor::stop);
    run(&reactor);

    let called = called_elsewhere(&reactor.remote_handle(), never).join();

    assert_refused(called.unwrap(), |error| {
        matches!(error, ReactorError::NotRunning)
    });
}

fn a_call_to_a_reactor_that_is_gone_is_refused(reactor: Reactor) {
    let remote = reactor.remote_handle();
    drop(reactor);

    let called = called_elsewhere(&remote, never).join();

    assert_refused(called.unwrap(), |error| {
        matches!(error, ReactorError::Closed)
    });
}

fn a_caller_is_told_when_the_run_ends_before_the_deferred_fires(reactor: Reactor) {
    let never_fired = reactor.extension::<Unfired>();
    let other = called_elsewhere(&reactor.remote_handle(), |reactor| {
        reactor.stop().unwrap();
        reactor.extension::<Unfired>().deferred()
    });

    run(&reactor);

    let called = other.join().unwrap();
    assert_refused(called, |error| matches!(error, ReactorError::NotRunning));
    drop(never_fired);
}

fn a_caller_is_told_when_the_run_ends_before_its_call_has_begun(reactor: Reactor) {
    let remote = reactor.remote_handle();
    reactor.call_when_running(move |reactor| {
        // These fill more than the one turn that there will be.
        for _ in 0..100_000 {
            remote.call_from_thread(|_| ())?;
        }
        let (called, calls) = mpsc::channel();
        let other = thread::spawn({
            let remote = remote.clone();
            move || {
                let answer = remote.blocking_call_from_thread(never);
                called.send(answer).unwrap();
            }
        });
        *reactor.extension::<Called>().0.borrow_mut() = Some((calls, other));
        reactor.stop()
    });
    let called = reactor.extension::<Called>();

    run(&reactor);

    let (calls, other) = called.0.take().unwrap();
    let answer = calls.recv_timeout(LIMIT).expect("it does not hang");
    assert_refused(answer, |error| matches!(error, ReactorError::NotRunning));
    other.join().unwrap();
}

fn a_caller_is_told_when_the_reactor_is_dropped_before_it_runs(reactor: Reactor) {
    let owned = Arc::new(());
    let share = Arc::clone(&owned);
    let other = called_elsewhere(&reactor.remote_handle(), move |_| drop(share));
    // Whether it waits already cannot be seen; it is told in both cases.
    drop(reactor);

    let called = other.join().unwrap();

    assert_refused(called, |error| {
        matches!(error, ReactorError::NotRunning | ReactorError::Closed)
    });
    assert_eq!(Arc::strong_count(&owned), 1);
}

fn the_pool_is_joined_though_its_work_waits_for_the_reactor(reactor: Reactor) {
    let remote = reactor.remote_handle();
    let (told, tells) = mpsc::channel();
    reactor
        .call_in_thread(move || {
            let first = remote.blocking_call_from_thread(|reactor| {
                reactor.stop().unwrap();
                reactor.extension::<Unfired>().deferred()
            });
            let second = remote.blocking_call_from_thread(never);
            told.send((first, second)).unwrap();
        })
        .unwrap();

    run(&reactor);

    let (first, second) = tells.try_recv().expect("the pool was joined");
    assert_refused(first, |error| matches!(error, ReactorError::NotRunning));
    assert_refused(second, |error| matches!(error, ReactorError::NotRunning));
}

fn a_deferred_that_fires_when_its_caller_was_told_of_the_end_is_no_error(reactor: Reactor) {
    let unfired = reactor.extension::<Unfired>();
    let other = called_elsewhere(&reactor.remote_handle(), |reactor| {
        reactor.stop().unwrap();
        reactor.extension::<Unfired>().deferred()
    });
    run(&reactor);
    other.join().unwrap().unwrap_err();

    let accepted = unfired.0.take().unwrap().callback(());

    assert!(accepted);
}

/// Keeps the firer of a Deferred, which outlives the run.
#[derive(Default)]
struct Unfired(RefCell<Option<Firer<()>>>);

impl Unfired {
    fn deferred(&self) -> Deferred<()> {
        let (firer, deferred) = Deferred::new();
        self.0.replace(Some(firer));
        deferred
    }
}

fn fire<T>(firer: Firer<T>, result: Result<T, Failure>) {
    assert!(firer.fire(result), "nobody cancels it");
}

type Answer = Result<(), Failure>;

/// A thread that was begun by a callback, and what it was answered.
#[derive(Default)]
struct Called(RefCell<Option<(mpsc::Receiver<Answer>, JoinHandle<()>)>>);

/// A call that is not to be made.
fn never(_: &Reactor) -> Answer {
    panic!("this was called");
}

/// Makes a call from another thread that waits for its result.
fn called_elsewhere<R>(
    remote: &RemoteHandle,
    call: impl FnOnce(&Reactor) -> R + Send + 'static,
) -> JoinHandle<Result<R::Value, Failure>>
where
    R: deferred::Outcome,
    R::Value: Send + 'static,
{
    let remote = remote.clone();
    thread::spawn(move || remote.blocking_call_from_thread(call))
}

/// Runs the reactor until this has returned on another thread.
#[track_caller]
fn result_of<T: Send + 'static>(
    reactor: &Reactor,
    elsewhere: impl FnOnce(&RemoteHandle) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let remote = reactor.remote_handle();
    let other = thread::spawn(move || {
        let result = elsewhere(&remote);
        remote.stop().unwrap();
        result
    });
    run(reactor);
    other.join().expect("it does not panic")
}

#[track_caller]
fn assert_refused(called: Answer, expected: impl FnOnce(&ReactorError) -> bool) {
    let failure = called.expect_err("it is refused");
    let error = failure.check::<ReactorError>();
    assert!(error.is_some_and(expected), "{failure:?}");
}
