//! Starting and stopping, the order of a turn, and the choice of the backend.

mod common;

use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{
    BackendName, End, Log, Reports, Task, child_of_this_test, in_a_child, on_every_backend, run,
    stop_after_turns,
};
use reactor::backend;
use reactor::{Reactor, ReactorError, Stopped};

on_every_backend!(
    stopping_a_reactor_that_was_never_run_is_an_error,
    stopping_a_reactor_that_has_ended_is_an_error,
    stopping_twice_is_an_error_the_second_time,
    running_a_running_reactor_fails_for_the_inner_caller_only,
    stop_returns_before_anyone_is_told_of_it,
    calls_of_threads_and_due_calls_come_before_the_end,
    a_reactor_runs_from_its_first_callback_until_it_is_told_to_stop,
    calls_made_before_the_start_run_in_order_before_all_else,
    call_when_running_calls_at_once_while_the_reactor_runs,
    a_turn_takes_threads_then_time_then_descriptors,
    the_last_turn_does_not_wait,
    a_reactor_that_is_stopped_as_it_starts_never_waits,
    a_reactor_can_run_again,
    a_startup_call_runs_in_one_run_only,
    a_run_says_that_it_was_asked_to_stop,
    a_job_runs_when_the_callback_that_left_it_has_returned,
    a_job_for_the_next_turn_runs_in_it_and_that_turn_does_not_wait,
    reactors_run_side_by_side_on_their_threads,
    the_end_of_a_clone_changes_nothing,
    a_run_ends_when_the_owner_is_dropped_in_it,
    a_reactor_without_owner_cannot_run,
    a_reactor_whose_owner_is_dropped_while_it_shuts_down_is_gone,
    every_backend_has_the_name_that_it_is_asked_for_by,
);

//
fn stopping_a_reactor_that_was_never_run_is_an_error(reactor: Reactor) {
    let stopped = reactor.stop();

    assert!(matches!(stopped, Err(ReactorError::NotRunning)));
}

//
fn stopping_a_reactor_that_has_ended_is_an_error(reactor: Reactor) {
    reactor.call_when_running(Reactor::stop);
    run(&reactor);

    let stopped = reactor.stop();

    assert!(matches!(stopped, Err(ReactorError::NotRunning)));
}

//
fn stopping_twice_is_an_error_the_second_time(reactor: Reactor) {
    let log = Log::default();
    reactor.call_when_running({
        let log = log.clone();
        move |reactor| {
            log.note(format!("{:?}", reactor.stop()));
            log.note(format!("{:?}", reactor.stop()));
        }
    });

    run(&reactor);

    log.assert(&["Ok(())", "Err(NotRunning)"]);
}

//
fn running_a_running_reactor_fails_for_the_inner_caller_only(reactor: Reactor) {
    let log = Log::default();
    reactor.call_when_running({
        let log = log.clone();
        move |reactor| log.note(format!("{:?}", reactor.run()))
    });
    reactor.call_later(Duration::from_millis(2), {
        let log = log.clone();
        move |reactor| {
            log.note("still runs");
            reactor.stop()
        }
    });

    run(&reactor);

    log.assert(&["Err(AlreadyRunning)", "still runs"]);
}

//
fn stop_returns_before_anyone_is_told_of_it(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running({
        let log = log.clone();
        move |reactor| {
            reactor.stop().unwrap();
            log.note("stop has returned");
        }
    });

    run(&reactor);

    log.assert(&["stop has returned", "end is lost"]);
}

//
fn calls_of_threads_and_due_calls_come_before_the_end(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = end.on_read({
        let log = log.clone();
        move |_, reactor| {
            reactor.stop()?;
            reactor.remote_handle().call_from_thread(|reactor| {
                assert!(!reactor.is_running());
            })?;
            let log = log.clone();
            reactor.call_later(Duration::ZERO, move |_| log.note("due call"));
            Ok(())
        }
    });
    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);

    log.assert(&["end reads", "due call", "end is lost"]);
}

//
fn a_reactor_runs_from_its_first_callback_until_it_is_told_to_stop(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let end = end.on_lost({
        let log = log.clone();
        move |reactor, _| log.note(format!("at the end: {}", reactor.is_running()))
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running({
        let log = log.clone();
        move |reactor| {
            log.note(format!("first callback: {}", reactor.is_running()));
            reactor.stop().unwrap();
            log.note(format!("told to stop: {}", reactor.is_running()));
        }
    });
    log.note(format!("before: {}", reactor.is_running()));

    run(&reactor);

    log.note(format!("after: {}", reactor.is_running()));
    log.assert(&[
        "before: false",
        "first callback: true",
        "told to stop: false",
        "end is lost",
        "at the end: false",
        "after: false",
    ]);
}

//
fn calls_made_before_the_start_run_in_order_before_all_else(reactor: Reactor) {
    let log = Log::default();
    let noting = |what: &'static str| {
        let log = log.clone();
        move |_: &Reactor| log.note(what)
    };
    reactor.call_later(Duration::ZERO, noting("delayed call"));
    reactor.call_when_running(noting("first"));
    reactor.call_when_running(noting("second"));
    reactor.call_when_running(noting("third"));
    stop_after_turns(&reactor, 1);

    run(&reactor);

    log.assert(&["first", "second", "third", "delayed call"]);
}

//
fn call_when_running_calls_at_once_while_the_reactor_runs(reactor: Reactor) {
    let log = Log::default();
    reactor.call_later(Duration::ZERO, {
        let log = log.clone();
        move |reactor| {
            let inner = log.clone();
            reactor.call_when_running(move |_| inner.note("called"));
            log.note("returned");
            reactor.stop()
        }
    });

    run(&reactor);

    log.assert(&["called", "returned"]);
}

//
fn a_turn_takes_threads_then_time_then_descriptors(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    reactor
        .add_reader(Rc::new(end.on_read(|_, reactor| Ok(reactor.stop()?))))
        .unwrap();
    reactor.call_later(Duration::ZERO, {
        let log = log.clone();
        move |_| log.note("due call")
    });
    let remote = reactor.remote_handle();
    let other = thread::spawn(move || {
        let note = |reactor: &Reactor| reactor.extension::<Log>().note("call of a thread");
        remote.call_from_thread(note).unwrap();
    });
    other.join().unwrap();
    let from_threads = reactor.extension::<Log>();
    reactor.call_later(Duration::ZERO, move |_| {
        from_threads.assert(&["call of a thread"]);
    });
    let reports = Reports::collected();

    run(&reactor);

    assert!(reports.taken().is_empty());
    log.assert(&["due call", "end reads", "end is lost"]);
}

//
fn the_last_turn_does_not_wait(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let seen = waits.clone();
    reactor.call_later(Duration::from_millis(1), move |reactor| {
        reactor.stop().unwrap();
        reactor.extension::<Log>().note(seen.count().to_string());
    });

    run(&reactor);

    let count = waits.count().to_string();
    reactor.extension::<Log>().assert(&[&count]);
}

//
fn a_reactor_that_is_stopped_as_it_starts_never_waits(on: BackendName) {
    let (reactor, waits) = on.recorded();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    assert_eq!(waits.count(), 0);
}

fn a_reactor_can_run_again(reactor: Reactor) {
    let log = Log::default();
    for n in 1..=3 {
        let log = log.clone();
        reactor.call_later(Duration::from_millis(1), move |reactor| {
            log.note(format!("run {n}"));
            reactor.stop()
        });

        run(&reactor);
    }

    log.assert(&["run 1", "run 2", "run 3"]);
}

fn a_startup_call_runs_in_one_run_only(reactor: Reactor) {
    let log = Log::default();
    let startup = log.clone();
    reactor.call_when_running(move |_| startup.note("startup call"));

    for _ in 0..2 {
        stop_after_turns(&reactor, 0);
        run(&reactor);
    }

    log.assert(&["startup call"]);
}

fn a_run_says_that_it_was_asked_to_stop(reactor: Reactor) {
    reactor.call_when_running(Reactor::stop);

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Asked);
}

fn a_job_runs_when_the_callback_that_left_it_has_returned(reactor: Reactor) {
    let log = Log::default();
    reactor.call_later(Duration::ZERO, {
        let log = log.clone();
        move |reactor| {
            let job = log.clone();
            reactor.after_callback(Task::new(move |_| job.note("job")));
            log.note("callback returns");
        }
    });
    reactor.call_later(Duration::ZERO, {
        let log = log.clone();
        move |reactor| {
            log.note("next callback");
            reactor.stop()
        }
    });

    run(&reactor);

    log.assert(&["callback returns", "job", "next callback"]);
}

fn a_job_for_the_next_turn_runs_in_it_and_that_turn_does_not_wait(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let seen = waits.clone();
    reactor.call_later(Duration::ZERO, move |reactor| {
        assert_eq!(seen.count(), 0);
        reactor.next_turn(Task::new(|reactor| reactor.stop().unwrap()));
    });

    run(&reactor);

    assert_eq!(waits.timeouts(), [Some(Duration::ZERO)]);
}

fn reactors_run_side_by_side_on_their_threads(on: BackendName) {
    let threads: Vec<_> = (0..4)
        .map(|n| {
            thread::spawn(move || {
                let reactor = on.reactor();
                let here = thread::current().id();
                let log = Log::default();
                for _ in 0..=n {
                    let log = log.clone();
                    reactor.call_later(Duration::from_millis(1), move |_| {
                        assert_eq!(thread::current().id(), here);
                        log.note("called");
                    });
                }
                reactor.call_later(Duration::from_millis(3), Reactor::stop);
                run(&reactor);
                log.count("called")
            })
        })
        .collect();

    let called: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();

    assert_eq!(called, [1, 2, 3, 4]);
}

fn the_end_of_a_clone_changes_nothing(reactor: Reactor) {
    let log = Log::default();
    reactor.call_when_running({
        let (clone, log) = (reactor.clone(), log.clone());
        move |_| {
            drop(clone);
            log.note("clone dropped");
        }
    });
    reactor.call_later(Duration::from_millis(1), {
        let log = log.clone();
        move |reactor| {
            log.note("still runs");
            reactor.stop()
        }
    });

    run(&reactor);

    log.assert(&["clone dropped", "still runs"]);
}

fn a_run_ends_when_the_owner_is_dropped_in_it(reactor: Reactor) {
    let clone = reactor.clone();
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    clone.add_reader(Rc::new(end)).unwrap();
    clone.call_when_running(move |_| drop(reactor));

    let stopped = run(&clone);

    assert_eq!(stopped, Stopped::Asked);
    log.assert(&["end is lost"]);
}

fn a_reactor_without_owner_cannot_run(reactor: Reactor) {
    let clone = reactor.clone();
    drop(reactor);

    let run = clone.run();

    assert!(matches!(run, Err(ReactorError::Closed)));
}

fn a_reactor_whose_owner_is_dropped_while_it_shuts_down_is_gone(reactor: Reactor) {
    let clone = reactor.clone();
    let owner = std::cell::Cell::new(Some(reactor));
    let (end, _peer) = End::pair("end", &Log::default());
    let end = end.on_lost(move |_, _| drop(owner.take()));
    clone.add_reader(Rc::new(end)).unwrap();
    clone.call_when_running(Reactor::stop);
    run(&clone);
    clone.call_when_running(Reactor::stop);

    let run_again = clone.run();

    assert!(matches!(run_again, Err(ReactorError::Closed)));
}

// R-016 (asking by name)
fn every_backend_has_the_name_that_it_is_asked_for_by(on: BackendName) {
    let backend = on.backend();

    let reactor = on.reactor();

    assert_eq!(reactor.backend_name(), backend.name());
    assert!(backend::NAMES.contains(&backend.name()));
}

// R-016 (an error that names it)
#[test]
fn an_unknown_backend_is_an_error_that_lists_those_that_there_are() {
    let error = backend::from_name("carrier pigeons").map(drop).unwrap_err();

    let message = error.to_string();
    assert!(message.contains("carrier pigeons"), "{message}");
    for name in backend::NAMES {
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn the_environment_chooses_the_backend() {
    if in_a_child() {
        return say_which_backend();
    }

    for name in backend::NAMES {
        let made = backend_of_a_child_with(Some(name));

        assert_eq!(made, format!("backend: {name}"));
    }
}

#[test]
fn without_a_choice_the_backend_is_polling() {
    if in_a_child() {
        return say_which_backend();
    }

    let made = backend_of_a_child_with(None);

    assert_eq!(made, "backend: polling");
}

#[test]
fn an_unknown_backend_in_the_environment_is_an_error_that_lists_those_that_there_are() {
    if in_a_child() {
        return say_which_backend();
    }

    let made = backend_of_a_child_with(Some("carrier pigeons"));

    let list = backend::NAMES.join(", ");
    let expected = format!(
        "backend: unknown backend \"carrier pigeons\" in REACTOR_BACKEND; there are: {list}"
    );
    assert_eq!(made, expected);
}

/// The child's part: it prints what its environment gave it.
fn say_which_backend() {
    match Reactor::new() {
        Ok(reactor) => println!("\nbackend: {}", reactor.backend_name()),
        Err(error) => println!("\nbackend: {error}"),
    }
}

/// What the child of this test says of its reactor when its `REACTOR_BACKEND` is `name`.
fn backend_of_a_child_with(name: Option<&str>) -> String {
    let mut child = child_of_this_test();
    child.env_remove("REACTOR_BACKEND");
    if let Some(name) = name {
        child.env("REACTOR_BACKEND", name);
    }
    let output = child.output().expect("a program can be run twice");
    let output = String::from_utf8(output.stdout).expect("the child writes text");
    let made = output
        .lines()
        .find_map(|line| line.find("backend: ").map(|at| &line[at..]));
    made.expect("the child says what it made").to_owned()
}
