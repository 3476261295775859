//! Cooperators: who has a turn when, how much is done in a step, and when one is scheduled.

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use common::{Log, Lost, Ownership, Reports, SimulatedTime, on_every_backend, run};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure};
use reactor::task::{Cooperator, TaskError};
use reactor::testing::TestClock;
use reactor::{Clock, Reactor};

on_every_backend!(
    a_reactor_does_all_units_of_all_tasks,
    the_end_of_a_reactors_run_ends_the_tasks,
);

// T-052
fn a_reactor_does_all_units_of_all_tasks(reactor: Reactor) {
    let log = Log::default();
    let cooperator = Cooperator::new(&reactor);
    let first = cooperator.cooperate(units(&log, "first", 2));
    let second = cooperator.cooperate(units(&log, "second", 2));
    let stopping = reactor.clone();
    deferred::gather([first.when_done(), second.when_done()])
        .add_callback(move |_| Ok(stopping.stop()?))
        .log_failure("no task fails");

    run(&reactor);

    log.assert(&["first 0", "second 0", "first 1", "second 1"]);
}

fn the_end_of_a_reactors_run_ends_the_tasks(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let cooperator = Cooperator::with_predicate(&reactor, || || true);
    let task = cooperator.cooperate((0..).map(move |_| {
        let _owned = &owned;
    }));
    let end = task.when_done();
    reactor.call_later(Duration::from_millis(1), Reactor::stop);

    run(&reactor);

    assert!(failed_with(end, TaskError::SchedulerStopped));
    assert!(ownership.is_over());
}

// T-051
#[test]
fn adding_a_task_does_none_of_it() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::new(&clock);

    let task = cooperator.cooperate(units(&log, "task", 1));

    log.assert(&[]);
    assert_eq!(clock.delayed_calls().len(), 1);
    clock.advance(Duration::ZERO);
    log.assert(&["task 0"]);
    success_result_of(task.when_done());
}

// T-052
#[test]
fn tasks_take_turns_in_the_order_in_which_they_were_added() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::new(&clock);
    for (name, n) in [("a", 1), ("b", 3), ("c", 2)] {
        let task = cooperator.cooperate(units(&log, name, n));
        task.when_done().ignore();
    }

    clock.advance(Duration::ZERO);

    log.assert(&["a 0", "b 0", "c 0", "b 1", "c 1", "b 2"]);
}

// T-053
#[test]
fn a_step_ends_when_its_predicate_says_so_and_does_one_unit_at_least() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::with_predicate(&clock, || || true);
    let task = cooperator.cooperate(units(&log, "task", 3));

    clock.advance(Duration::ZERO);
    log.assert(&["task 0"]);
    clock.advance(Duration::ZERO);
    log.assert(&["task 0", "task 1"]);

    task.stop().unwrap();
}

// T-053
#[test]
fn the_predicate_is_made_anew_for_each_step_and_asked_after_each_unit() {
    let (clock, log) = (TestClock::new(), Log::default());
    let noting = log.clone();
    let cooperator = Cooperator::with_predicate(&clock, move || {
        noting.note("made");
        let (noting, mut asked) = (noting.clone(), 0);
        move || {
            noting.note("asked");
            asked += 1;
            asked == 2
        }
    });
    let task = cooperator.cooperate(units(&log, "task", 4));

    clock.advance(Duration::ZERO);
    clock.advance(Duration::ZERO);

    let step = |n| [format!("task {n}"), "asked".to_owned()];
    let all = [vec!["made".to_owned()], step(0).into(), step(1).into()];
    let more = [vec!["made".to_owned()], step(2).into(), step(3).into()];
    let expected = [all, more].concat().concat();
    log.assert(&expected.iter().map(String::as_str).collect::<Vec<_>>());
    task.stop().unwrap();
}

// T-054
#[test]
fn by_default_a_step_lasts_ten_milliseconds_and_the_next_comes_in_the_next_turn() {
    let (reactor, time) = SimulatedTime::reactor();
    let log = Log::default();
    let done = Rc::new(Cell::new(0));
    let (counting, passing) = (Rc::clone(&done), time.clone());
    let task = Cooperator::new(&reactor).cooperate((0..).map(move |_| {
        counting.set(counting.get() + 1);
        passing.pass(Duration::from_millis(1));
    }));
    let noting = log.clone();
    reactor.call_later(Duration::ZERO, move |reactor| {
        noting.note(format!("{} units", done.get()));
        reactor.call_later(Duration::ZERO, move |reactor| {
            noting.note(format!("{} units", done.get()));
            reactor.stop()
        });
    });

    reactor.run().unwrap();

    log.assert(&["10 units", "20 units"]);
    assert_eq!(time.waits().timeouts(), [Some(Duration::ZERO)]);
    drop(task);
}

// T-061
#[test]
fn there_is_one_step_on_the_clock_also_if_the_end_of_a_task_adds_tasks() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::with_predicate(&clock, || || true);
    let (adding, noting) = (cooperator.clone(), log.clone());
    let task = cooperator.cooperate(units(&log, "first", 1));
    task.when_done()
        .map(move |_| {
            for name in ["second", "third"] {
                let task = adding.cooperate(units(&noting, name, 1));
                task.when_done().ignore();
            }
        })
        .ignore();

    for _ in 0..6 {
        clock.advance(Duration::ZERO);
        assert!(clock.delayed_calls().len() <= 1);
    }

    log.assert(&["first 0", "second 0", "third 0"]);
}

// T-062
#[test]
fn when_the_last_task_leaves_the_step_is_cancelled() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::new(&clock);
    let first = cooperator.cooperate(units(&log, "first", 1));
    let second = cooperator.cooperate(units(&log, "second", 1));

    first.stop().unwrap();
    assert_eq!(clock.delayed_calls().len(), 1);
    second.pause().unwrap();
    assert_eq!(clock.delayed_calls().len(), 0);

    second.resume().unwrap();
    assert_eq!(clock.delayed_calls().len(), 1);
    clock.advance(Duration::ZERO);
    log.assert(&["second 0"]);
    assert_eq!(clock.delayed_calls().len(), 0);
}

// T-063
#[test]
fn it_runs_from_its_start_to_its_stop() {
    let clock = TestClock::new();

    let started = Cooperator::new(&clock);
    assert!(started.is_running());
    started.stop();
    assert!(!started.is_running());

    let waiting = Cooperator::new(&clock).not_started();
    assert!(!waiting.is_running());
    waiting.start();
    assert!(waiting.is_running());
}

// T-064
#[test]
fn not_started_it_keeps_its_tasks_and_schedules_nothing() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::new(&clock).not_started();
    let task = cooperator.cooperate(units(&log, "task", 1));
    assert!(clock.delayed_calls().is_empty());

    cooperator.start();

    clock.advance(Duration::ZERO);
    log.assert(&["task 0"]);
    success_result_of(task.when_done());
}

// T-059
#[test]
fn stopping_ends_the_tasks_that_have_work_to_do() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::with_predicate(&clock, || || true);
    let task = cooperator.cooperate(units(&log, "task", 3));
    clock.advance(Duration::ZERO);

    cooperator.stop();

    assert!(failed_with(task.when_done(), TaskError::SchedulerStopped));
    assert!(clock.delayed_calls().is_empty());
    clock.advance(Duration::ZERO);
    log.assert(&["task 0"]);
}

// T-059
#[test]
fn a_task_that_stops_its_cooperator_ends_with_its_unit() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::new(&clock);
    let (stopping, noting) = (cooperator.clone(), log.clone());
    let task = cooperator.cooperate((0..3).map(move |n| {
        noting.note(format!("unit {n}"));
        stopping.stop();
    }));

    clock.advance(Duration::ZERO);

    log.assert(&["unit 0"]);
    assert!(failed_with(task.when_done(), TaskError::SchedulerStopped));
}

// T-059
#[test]
fn a_task_that_waits_while_the_cooperator_is_stopped_ends_when_it_would_go_on() {
    let clock = TestClock::new();
    let cooperator = Cooperator::new(&clock);
    let (firer, waited_for) = Deferred::<()>::new();
    let task = cooperator.cooperate([waited_for]);
    clock.advance(Duration::ZERO);

    cooperator.stop();
    firer.callback(());

    assert!(failed_with(task.when_done(), TaskError::SchedulerStopped));
}

// T-060
#[test]
fn a_task_that_is_added_to_a_stopped_cooperator_has_ended() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::new(&clock);
    cooperator.stop();
    let (firer, own) = Deferred::new();

    let task = cooperator.cooperate(units(&log, "task", 1));
    task.when_done().forward(firer);

    assert!(failed_with(task.when_done(), TaskError::SchedulerStopped));
    assert!(failed_with(own, TaskError::SchedulerStopped));
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn a_cooperator_that_is_started_again_takes_tasks_again() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::new(&clock);
    cooperator.stop();

    cooperator.start();

    let task = cooperator.cooperate(units(&log, "task", 1));
    clock.advance(Duration::ZERO);
    success_result_of(task.when_done());
}

// T-074
#[test]
fn a_scheduler_may_have_the_steps_made_when_it_likes() {
    let (clock, log) = (TestClock::new(), Log::default());
    let slow = clock.clone();
    let scheduler = move |step| slow.schedule(Duration::from_secs(1), step);
    let cooperator = Cooperator::with_scheduler(scheduler, || || true);
    let task = cooperator.cooperate(units(&log, "task", 2));

    clock.advance(Duration::ZERO);
    log.assert(&[]);
    clock.advance(Duration::from_secs(1));
    log.assert(&["task 0"]);

    task.stop().unwrap();
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn a_predicate_that_panics_is_reported_and_the_tasks_go_on() {
    let reports = Reports::collected();
    let (clock, log) = (TestClock::new(), Log::default());
    let first = Rc::new(Cell::new(true));
    let cooperator = Cooperator::with_predicate(&clock, move || {
        let first = Rc::clone(&first);
        move || {
            assert!(!first.replace(false), "the watch has stopped");
            false
        }
    });
    let task = cooperator.cooperate(units(&log, "task", 2));

    clock.advance(Duration::ZERO);
    log.assert(&["task 0"]);
    assert!(reports.only_one().0.contains("predicate"));
    clock.advance(Duration::ZERO);

    log.assert(&["task 0", "task 1"]);
    success_result_of(task.when_done());
}

#[test]
fn the_work_goes_on_when_all_handles_are_dropped() {
    let (clock, log) = (TestClock::new(), Log::default());
    let task = Cooperator::new(&clock).cooperate(units(&log, "task", 1));

    drop(task);

    clock.advance(Duration::ZERO);
    log.assert(&["task 0"]);
}

#[test]
fn nothing_is_left_of_the_tasks_when_the_clock_is_gone() {
    let clock = TestClock::new();
    let (owned, ownership) = Ownership::new();
    let cooperator = Cooperator::new(&clock);
    let own = Rc::new(RefCell::new(None));
    let kept = Rc::clone(&own);
    let steps: Box<dyn Iterator<Item = ()>> = Box::new((0..3).map(move |_| {
        let _owned = (&owned, &kept);
    }));
    let task = cooperator.cooperate(steps);
    let end = task.when_done();
    own.replace(Some(task));

    drop(clock);

    assert!(failed_with(end, TaskError::SchedulerStopped));
    assert!(ownership.is_over());
    assert!(!cooperator.is_running());
}

#[test]
fn a_failing_task_leaves_the_others_alone_whatever_the_order() {
    let (clock, log) = (TestClock::new(), Log::default());
    let cooperator = Cooperator::new(&clock);
    let failing = cooperator.cooperate([Err::<(), _>(Failure::new(Lost))]);
    let other = cooperator.cooperate(units(&log, "other", 2));
    let failed = failing.when_done().map(drop);

    clock.advance(Duration::ZERO);

    failure_result_of::<Lost, _>(failed);
    success_result_of(other.when_done());
    log.assert(&["other 0", "other 1"]);
}

/// A task of so many units, each of which is noted.
fn units(log: &Log, name: &'static str, n: usize) -> impl Iterator<Item = ()> + 'static {
    let log = log.clone();
    (0..n).map(move |n| log.note(format!("{name} {n}")))
}

/// Whether it has failed with this error.
#[track_caller]
fn failed_with<T: 'static>(end: Deferred<T>, error: TaskError) -> bool {
    let failure = failure_result_of::<TaskError, _>(end.map(drop));
    failure.check() == Some(&error)
}
