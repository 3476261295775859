//! One task of a cooperator: how it is paused and stopped, what it waits for, and how it ends.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, Lost, Ownership, Reports, on_every_backend, run};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Deferred, Failure, Panicked};
use reactor::Reactor;
use reactor::task::{CooperativeTask, Cooperator, TaskError};
use reactor::testing::TestClock;

on_every_backend!(on_a_reactor_a_task_is_paused_and_resumed);

// T-065
fn on_a_reactor_a_task_is_paused_and_resumed(reactor: Reactor) {
    let task = Cooperator::new(&reactor).cooperate(Countdown(3));
    task.pause().unwrap();
    let (resumed, stopping) = (task.clone(), reactor.clone());
    reactor.call_later(Duration::from_millis(1), move |_| resumed.resume());
    task.when_done()
        .add_callback(move |_| Ok(stopping.stop()?))
        .log_failure("the task does not fail");

    run(&reactor);

    assert_eq!(success_result_of(task.when_done()).0, 0);
}

// T-055
#[test]
fn an_iterator_that_is_exhausted_is_the_result() {
    let clock = TestClock::new();
    let task = Cooperator::new(&clock).cooperate(Countdown(3));

    let end = task.when_done();
    clock.advance(Duration::ZERO);

    assert_eq!(success_result_of(end).0, 0);
}

// T-056
#[test]
fn an_error_that_the_iterator_gives_ends_the_task() {
    let clock = TestClock::new();
    let (owned, ownership) = Ownership::new();
    let steps = [Ok(()), Err(Failure::new(Lost)), Ok(())];
    let task = Cooperator::new(&clock).cooperate(steps.into_iter().inspect(move |_| {
        let _owned = &owned;
    }));

    let end = task.when_done();
    clock.advance(Duration::ZERO);

    failure_result_of::<Lost, _>(end.map(drop));
    assert!(ownership.is_over());
}

// T-056
#[test]
fn a_panic_of_the_iterator_ends_the_task() {
    let clock = TestClock::new();
    let cooperator = Cooperator::new(&clock);
    let task = cooperator.cooperate((0..3).map(|n| assert!(n < 1, "no ink")));
    let end = task.when_done();
    let other = cooperator.cooperate(Countdown(3));

    clock.advance(Duration::ZERO);

    failure_result_of::<Panicked, _>(end.map(drop));
    success_result_of(other.when_done());
}

// T-056
#[test]
fn a_failure_that_nobody_asked_for_is_reported() {
    let reports = Reports::collected();
    let clock = TestClock::new();
    let task = Cooperator::new(&clock).cooperate([Err::<(), _>(Failure::new(Lost))]);

    clock.advance(Duration::ZERO);
    drop(task);

    assert!(reports.only_one().1.check::<Lost>().is_some());
}

// T-057
#[test]
fn a_task_that_waits_for_a_deferred_takes_no_turns() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (firer, waited_for) = Deferred::<()>::new();
    let task = waiting_task(&clock, &log, waited_for);

    clock.advance(Duration::ZERO);
    log.assert(&["gives it"]);
    assert!(clock.delayed_calls().is_empty());
    assert!(format!("{task:?}").contains("waits"));

    firer.callback(());
    log.assert(&["gives it"]);
    clock.advance(Duration::ZERO);
    log.assert(&["gives it", "goes on"]);
    success_result_of(task.when_done());
}

// T-057
#[test]
fn a_deferred_that_fails_later_ends_the_task() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (firer, waited_for) = Deferred::<()>::new();
    let task = waiting_task(&clock, &log, waited_for);
    let end = task.when_done();
    clock.advance(Duration::ZERO);

    firer.errback(Lost);

    failure_result_of::<Lost, _>(end.map(drop));
    log.assert(&["gives it"]);
}

// T-057
#[test]
fn a_deferred_that_has_failed_already_ends_the_task() {
    let (clock, log) = (TestClock::new(), Log::default());
    let task = waiting_task(&clock, &log, Deferred::fail(Lost));
    let end = task.when_done();

    clock.advance(Duration::ZERO);

    failure_result_of::<Lost, _>(end.map(drop));
    log.assert(&["gives it"]);
}

// T-057
#[test]
fn a_task_that_is_paused_while_it_waits_goes_on_when_both_are_over() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (firer, waited_for) = Deferred::<()>::new();
    let task = waiting_task(&clock, &log, waited_for);
    clock.advance(Duration::ZERO);

    task.pause().unwrap();
    firer.callback(());
    clock.advance(Duration::ZERO);
    log.assert(&["gives it"]);
    task.resume().unwrap();

    clock.advance(Duration::ZERO);
    log.assert(&["gives it", "goes on"]);
}

// T-065
#[test]
fn a_paused_task_takes_no_turns_and_resuming_does_no_work_itself() {
    let (clock, log) = (TestClock::new(), Log::default());
    let task = stepping_task(&clock, &log);
    clock.advance(Duration::ZERO);

    task.pause().unwrap();
    clock.advance(Duration::ZERO);
    log.assert(&["0"]);

    task.resume().unwrap();
    log.assert(&["0"]);
    clock.advance(Duration::ZERO);
    log.assert(&["0", "1"]);
}

// T-066
#[test]
fn resuming_a_task_that_is_not_paused_is_an_error() {
    let (clock, log) = (TestClock::new(), Log::default());
    let task = stepping_task(&clock, &log);

    assert_eq!(task.resume(), Err(TaskError::NotPaused));

    task.pause().unwrap();
    task.resume().unwrap();
    assert_eq!(task.resume(), Err(TaskError::NotPaused));
}

// T-066
#[test]
fn a_task_that_waits_for_a_deferred_is_not_paused() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (_firer, waited_for) = Deferred::<()>::new();
    let task = waiting_task(&clock, &log, waited_for);
    clock.advance(Duration::ZERO);

    assert_eq!(task.resume(), Err(TaskError::NotPaused));
}

// T-067
#[test]
fn a_task_that_is_paused_twice_needs_to_be_resumed_twice() {
    let (clock, log) = (TestClock::new(), Log::default());
    let task = stepping_task(&clock, &log);
    task.pause().unwrap();
    task.pause().unwrap();

    task.resume().unwrap();
    clock.advance(Duration::ZERO);
    log.assert(&[]);

    task.resume().unwrap();
    clock.advance(Duration::ZERO);
    log.assert(&["0"]);
}

// T-065
#[test]
fn a_task_may_pause_itself() {
    let (clock, log) = (TestClock::new(), Log::default());
    let this = Rc::new(RefCell::new(None));
    let (own, noting) = (Rc::clone(&this), log.clone());
    let steps: Box<dyn Iterator<Item = ()>> = Box::new((0..2).map(move |n| {
        noting.note(n.to_string());
        let own: &RefCell<Option<CooperativeTask<_>>> = &own;
        own.borrow().as_ref().map(CooperativeTask::pause);
    }));
    let task = Cooperator::new(&clock).cooperate(steps);
    this.replace(Some(task.clone()));

    clock.advance(Duration::ZERO);
    log.assert(&["0"]);
    task.resume().unwrap();
    clock.advance(Duration::ZERO);

    log.assert(&["0", "1"]);
    task.stop().unwrap();
}

// T-068
#[test]
fn each_request_for_the_end_gives_a_deferred_of_its_own() {
    let clock = TestClock::new();
    let task = Cooperator::new(&clock).cooperate(Countdown(1));
    let failing = task
        .when_done()
        .add_callback(|_| Err::<(), _>(Failure::new(Lost)));
    let other = task.when_done();

    clock.advance(Duration::ZERO);

    failure_result_of::<Lost, _>(failing);
    assert_eq!(success_result_of(other).0, 0);
}

// T-069
#[test]
fn asked_after_the_end_it_has_fired_already() {
    let clock = TestClock::new();
    let cooperator = Cooperator::new(&clock);
    let done = cooperator.cooperate(Countdown(1));
    let failed = cooperator.cooperate([Err::<(), _>(Failure::new(Lost))]);

    clock.advance(Duration::ZERO);

    success_result_of(done.when_done());
    failure_result_of::<Lost, _>(failed.when_done().map(drop));
}

// T-070
#[test]
fn stopping_takes_the_task_out_and_drops_its_iterator() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (owned, ownership) = Ownership::new();
    let noting = log.clone();
    let task = Cooperator::new(&clock).cooperate((0..3).map(move |_| {
        let _owned = &owned;
        noting.note("unit");
    }));
    let end = task.when_done();

    task.stop().unwrap();

    assert!(ownership.is_over());
    let failure = failure_result_of::<TaskError, _>(end.map(drop));
    assert_eq!(failure.check(), Some(&TaskError::Stopped));
    clock.advance(Duration::ZERO);
    log.assert(&[]);
}

// T-070
#[test]
fn a_task_may_stop_itself() {
    let (clock, log) = (TestClock::new(), Log::default());
    let this = Rc::new(RefCell::new(None));
    let (own, noting) = (Rc::clone(&this), log.clone());
    let steps: Box<dyn Iterator<Item = ()>> = Box::new((0..3).map(move |n| {
        noting.note(n.to_string());
        let own: &RefCell<Option<CooperativeTask<_>>> = &own;
        let stopped = own.borrow().as_ref().map(CooperativeTask::stop);
        assert_eq!(stopped, Some(Ok(())));
    }));
    let task = Cooperator::new(&clock).cooperate(steps);
    this.replace(Some(task.clone()));

    clock.advance(Duration::ZERO);

    log.assert(&["0"]);
    assert_eq!(task.stop(), Err(TaskError::Stopped));
}

// T-071
#[test]
fn a_finished_task_says_how_it_ended_when_it_is_stopped_or_paused() {
    let clock = TestClock::new();
    let cooperator = Cooperator::new(&clock);
    let exhausted = cooperator.cooperate(Countdown(1));
    let failed = cooperator.cooperate([Err::<(), _>(Failure::new(Lost))]);
    failed.when_done().ignore();
    let stopped = cooperator.cooperate(Countdown(1));
    stopped.stop().unwrap();

    clock.advance(Duration::ZERO);

    let error = Err(TaskError::Exhausted);
    assert_eq!([exhausted.stop(), exhausted.pause()], [error; 2]);
    let error = Err(TaskError::Failed);
    assert_eq!([failed.stop(), failed.pause()], [error; 2]);
    let error = Err(TaskError::Stopped);
    assert_eq!([stopped.stop(), stopped.pause()], [error; 2]);
}

// T-072
#[test]
fn a_task_that_was_stopped_while_it_waited_does_not_go_on() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (firer, waited_for) = Deferred::<()>::new();
    let task = waiting_task(&clock, &log, waited_for);
    clock.advance(Duration::ZERO);

    task.stop().unwrap();
    firer.callback(());

    clock.advance(Duration::ZERO);
    log.assert(&["gives it"]);
    assert!(clock.delayed_calls().is_empty());
}

// T-072
#[test]
fn a_failure_for_which_a_stopped_task_does_not_wait_any_more_is_reported() {
    let reports = Reports::collected();
    let (clock, log) = (TestClock::new(), Log::default());
    let (firer, waited_for) = Deferred::<()>::new();
    let task = waiting_task(&clock, &log, waited_for);
    clock.advance(Duration::ZERO);
    task.stop().unwrap();

    firer.errback(Lost);

    assert!(reports.only_one().1.check::<Lost>().is_some());
}

#[test]
fn cancelling_the_end_does_nothing_to_the_task() {
    let (clock, log) = (TestClock::new(), Log::default());
    let task = stepping_task(&clock, &log);
    let end = task.when_done();

    end.cancel();

    failure_result_of::<CancelledError, _>(end.map(drop));
    clock.pump([Duration::ZERO; 4]);
    log.assert(&["0", "1", "2"]);
    success_result_of(task.when_done());
}

#[test]
fn a_paused_task_goes_with_its_last_handle() {
    let clock = TestClock::new();
    let (owned, ownership) = Ownership::new();
    let task = Cooperator::new(&clock).cooperate((0..3).map(move |_| {
        let _owned = &owned;
    }));
    let end = task.when_done();
    task.pause().unwrap();
    let end = assert_no_result(end.map(drop));

    drop(task);

    assert!(ownership.is_over());
    failure_result_of::<Abandoned, _>(end);
}

/// A task that counts down to zero.
#[derive(Debug)]
struct Countdown(u32);

impl Iterator for Countdown {
    type Item = ();

    fn next(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

/// A task of three units that are noted, one in each step.
fn stepping_task(
    clock: &TestClock,
    log: &Log,
) -> CooperativeTask<impl Iterator<Item = ()> + use<>> {
    let log = log.clone();
    let cooperator = Cooperator::with_predicate(clock, || || true);
    cooperator.cooperate((0..3).map(move |n: u32| log.note(n.to_string())))
}

/// A task that waits for this Deferred, and then goes on.
fn waiting_task(
    clock: &TestClock,
    log: &Log,
    waited_for: Deferred<()>,
) -> CooperativeTask<impl Iterator<Item = Deferred<()>> + use<>> {
    let log = log.clone();
    let steps = [("gives it", waited_for), ("goes on", Deferred::succeed(()))];
    Cooperator::new(clock).cooperate(steps.into_iter().map(move |(note, step)| {
        log.note(note);
        step
    }))
}
