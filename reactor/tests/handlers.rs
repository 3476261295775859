//! Handlers of signals: set, asked about, called and taken away, each in a process of its own.

mod common;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use common::{
    Log, Lost, Ownership, Reports, ends_a_child, in_a_child_of_its_own, on_every_backend, run,
    run_without_calls, stop_after_turns,
};
use deferred::{Failure, Panicked};
use reactor::signals::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SignalHandler};
use reactor::{Reactor, Stopped};
use rustix::process::Signal;
use signal_hook::low_level::raise;

on_every_backend!(
    a_handler_is_called_when_the_callback_that_runs_has_returned,
    a_handler_for_sigint_takes_the_place_of_the_stop,
    a_handler_taken_away_for_sigterm_gives_the_stop_back,
    a_handler_set_while_the_reactor_runs_is_called,
    a_handler_wakes_a_reactor_that_waits,
    a_handler_may_put_another_one_in_its_place,
    signals_of_several_kinds_are_told_in_the_order_of_their_numbers,
    a_handler_is_called_in_the_next_run_too,
    an_error_of_a_handler_is_reported_and_the_loop_goes_on,
    a_panic_of_a_handler_is_reported_and_the_loop_goes_on,
    a_handler_for_the_exits_of_children_is_set_asked_about_and_taken_away,
    a_handler_that_was_given_back_can_be_set_again,
    each_exit_of_a_child_is_told_once,
    a_burst_of_exits_is_told_once,
    the_exits_of_children_are_nobodys_when_their_handler_was_taken_away,
    sighup_without_a_handler_ends_the_process_while_the_reactor_runs,
    a_signal_ends_the_process_when_its_handler_was_taken_away,
    a_signal_with_a_handler_ends_the_process_between_two_runs,
    a_signal_that_nobody_can_handle_is_refused,
    handlers_are_dropped_with_the_reactor,
);

//
fn a_handler_is_called_when_the_callback_that_runs_has_returned(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        set(&reactor, SIGUSR1, noting("handled", &log));
        reactor.call_when_running({
            let log = log.clone();
            move |_| {
                raise(SIGUSR1).unwrap();
                log.note("the callback goes on");
            }
        });
        stop_after_turns(&reactor, 2);

        run(&reactor);

        log.assert(&["the callback goes on", "handled"]);
    });
}

fn a_handler_for_sigint_takes_the_place_of_the_stop(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        set(&reactor, SIGINT, noting("handled", &log));
        reactor.call_when_running(|_| raise(SIGINT));
        stop_after_turns(&reactor, 3);

        let stopped = run(&reactor);

        assert_eq!(stopped, Stopped::Asked);
        log.assert(&["handled"]);
    });
}

fn a_handler_taken_away_for_sigterm_gives_the_stop_back(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        set(&reactor, SIGTERM, noting("handled", &log));
        reactor.call_when_running(|reactor| {
            reactor.set_signal_handler(SIGTERM, None)?;
            raise(SIGTERM)
        });

        let stopped = run(&reactor);

        assert_eq!(stopped, Stopped::Signal(SIGTERM));
        log.assert(&[]);
    });
}

fn a_handler_set_while_the_reactor_runs_is_called(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        let noting = noting("handled", &log);
        reactor.call_when_running(move |reactor| {
            set(reactor, SIGUSR1, noting);
            raise(SIGUSR1)
        });
        stop_after_turns(&reactor, 2);

        run(&reactor);

        log.assert(&["handled"]);
    });
}

/// Nothing but the signal could end the wait.
fn a_handler_wakes_a_reactor_that_waits(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        set(&reactor, SIGCHLD, SignalHandler::new(Reactor::stop));
        let child = Rc::new(RefCell::new(None));
        reactor.call_when_running({
            let child = Rc::clone(&child);
            move |_| {
                *child.borrow_mut() = Some(Command::new("true").spawn()?);
                Ok::<_, std::io::Error>(())
            }
        });

        let stopped = run_without_calls(&reactor);

        assert_eq!(stopped, Stopped::Asked);
        let child = child.take();
        assert!(child.expect("it was begun").wait().unwrap().success());
    });
}

fn a_handler_may_put_another_one_in_its_place(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        let second = noting("second", &log);
        let first = {
            let log = log.clone();
            SignalHandler::new(move |reactor| {
                log.note("first");
                set(reactor, SIGUSR1, second.clone());
                raise(SIGUSR1)
            })
        };
        set(&reactor, SIGUSR1, first);
        reactor.call_when_running(|_| raise(SIGUSR1));
        stop_after_turns(&reactor, 3);

        run(&reactor);

        log.assert(&["first", "second"]);
    });
}

fn signals_of_several_kinds_are_told_in_the_order_of_their_numbers(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        set(&reactor, SIGHUP, noting("hang-up", &log));
        set(&reactor, SIGUSR1, noting("the first of the user", &log));
        set(&reactor, SIGUSR2, noting("the second of the user", &log));
        reactor.call_when_running(|_| {
            raise(SIGUSR2)?;
            raise(SIGHUP)?;
            raise(SIGUSR1)
        });
        stop_after_turns(&reactor, 2);

        run(&reactor);

        let mut expected = [
            (SIGHUP, "hang-up"),
            (SIGUSR1, "the first of the user"),
            (SIGUSR2, "the second of the user"),
        ];
        expected.sort_unstable();
        log.assert(&expected.map(|(_, told)| told));
    });
}

fn a_handler_is_called_in_the_next_run_too(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        set(&reactor, SIGUSR1, noting("handled", &log));
        for _ in 0..2 {
            reactor.call_when_running(|_| raise(SIGUSR1));
            stop_after_turns(&reactor, 2);

            run(&reactor);
        }

        log.assert(&["handled", "handled"]);
    });
}

//
fn an_error_of_a_handler_is_reported_and_the_loop_goes_on(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let (headline, failure) = reported_of(&reactor, SignalHandler::new(|_| Err(Lost)));

        assert_eq!(headline, told_of(SIGUSR1));
        assert!(failure.check::<Lost>().is_some());
    });
}

//
fn a_panic_of_a_handler_is_reported_and_the_loop_goes_on(reactor: Reactor) {
    fn panics(_: &Reactor) {
        panic!("no muse");
    }
    in_a_child_of_its_own(|| {
        let (headline, failure) = reported_of(&reactor, SignalHandler::new(panics));

        assert_eq!(headline, told_of(SIGUSR1));
        assert_eq!(failure.check::<Panicked>().unwrap().message(), "no muse");
    });
}

/// The one report of a run in which this handler was called, and then another one.
fn reported_of(reactor: &Reactor, handler: SignalHandler) -> (String, Failure) {
    let reports = Reports::collected();
    let log = Log::default();
    set(reactor, SIGUSR1, handler);
    set(reactor, SIGUSR2, noting("the next one", &log));
    reactor.call_when_running(|_| {
        raise(SIGUSR1)?;
        raise(SIGUSR2)
    });
    stop_after_turns(reactor, 2);

    run(reactor);

    log.assert(&["the next one"]);
    reports.only_one()
}

fn told_of(signal: i32) -> String {
    format!("Unhandled error in the handler of signal {signal}")
}

//
fn a_handler_for_the_exits_of_children_is_set_asked_about_and_taken_away(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let before = reactor.signal_handler(SIGCHLD).is_some();

        let given_back = [true, true, false, false].map(|sets| {
            let handler = sets.then(|| SignalHandler::new(|_| ()));
            let old = reactor.set_signal_handler(SIGCHLD, handler).unwrap();
            assert_eq!(reactor.signal_handler(SIGCHLD).is_some(), sets);
            old.is_some()
        });

        assert!(!before);
        assert_eq!(given_back, [false, true, true, false]);
    });
}

//
fn a_handler_that_was_given_back_can_be_set_again(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        set(&reactor, SIGCHLD, noting("old", &log));
        let new = Some(noting("new", &log));
        let old = reactor.set_signal_handler(SIGCHLD, new).unwrap();
        reactor.set_signal_handler(SIGCHLD, old).unwrap();
        reactor.call_when_running(|_| raise(SIGCHLD));
        stop_after_turns(&reactor, 2);

        run(&reactor);

        log.assert(&["old"]);
    });
}

//
fn each_exit_of_a_child_is_told_once(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        let noting = log.clone();
        let told = SignalHandler::new(move |reactor| {
            noting.note("told");
            if noting.count("told") == 3 {
                // What is told too often is told within these.
                stop_after_turns(reactor, 3);
                return Ok(());
            }
            begin_child()
        });
        set(&reactor, SIGCHLD, told);
        reactor.call_when_running(|_| begin_child());

        run(&reactor);

        log.assert(&["told"; 3]);
    });
}

//
fn a_burst_of_exits_is_told_once(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        set(&reactor, SIGCHLD, noting("told", &log));
        reactor.call_when_running(|_| {
            for _ in 0..100 {
                raise(SIGCHLD)?;
            }
            Ok::<_, std::io::Error>(())
        });
        stop_after_turns(&reactor, 5);

        run(&reactor);

        log.assert(&["told"]);
    });
}

//
fn the_exits_of_children_are_nobodys_when_their_handler_was_taken_away(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        set(&reactor, SIGCHLD, noting("told", &log));
        reactor.call_when_running(|reactor| {
            reactor.set_signal_handler(SIGCHLD, None)?;
            raise(SIGCHLD)
        });
        stop_after_turns(&reactor, 3);

        let stopped = run(&reactor);

        assert_eq!(stopped, Stopped::Asked);
        log.assert(&[]);
    });
}

fn sighup_without_a_handler_ends_the_process_while_the_reactor_runs(reactor: Reactor) {
    ends_a_child(Signal::HUP, || {
        reactor.call_when_running(|_| raise(SIGHUP));
        stop_after_turns(&reactor, 3);

        run(&reactor);
    });
}

fn a_signal_ends_the_process_when_its_handler_was_taken_away(reactor: Reactor) {
    ends_a_child(Signal::USR1, || {
        set(&reactor, SIGUSR1, SignalHandler::new(|_| ()));
        reactor.call_when_running(|reactor| {
            reactor.set_signal_handler(SIGUSR1, None)?;
            raise(SIGUSR1)
        });
        stop_after_turns(&reactor, 3);

        run(&reactor);
    });
}

// R-018 (signal handlers)
fn a_signal_with_a_handler_ends_the_process_between_two_runs(reactor: Reactor) {
    ends_a_child(Signal::USR1, || {
        set(&reactor, SIGUSR1, SignalHandler::new(|_| ()));
        reactor.call_when_running(|_| raise(SIGUSR1));
        stop_after_turns(&reactor, 3);
        run(&reactor);

        raise(SIGUSR1).unwrap();

        reactor.call_later(Duration::ZERO, Reactor::stop);
        run(&reactor);
    });
}

fn a_signal_that_nobody_can_handle_is_refused(reactor: Reactor) {
    for signal in [Signal::KILL.as_raw(), Signal::STOP.as_raw()] {
        let handler = Some(SignalHandler::new(|_| ()));

        let refused = reactor.set_signal_handler(signal, handler).unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        let expected = format!("signal {signal} cannot be handled");
        assert_eq!(refused.to_string(), expected);
        assert!(reactor.signal_handler(signal).is_none());
    }
}

// R-018 (signal handlers)
fn handlers_are_dropped_with_the_reactor(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let clone = reactor.clone();
    let handler = SignalHandler::new(move |_| {
        let (_owned, _clone) = (&owned, &clone);
    });
    set(&reactor, SIGUSR1, handler);
    let rest = reactor.clone();

    drop(reactor);

    assert!(ownership.is_over());
    assert!(rest.signal_handler(SIGUSR1).is_none());
}

/// Sets the first handler of a signal.
#[track_caller]
fn set(reactor: &Reactor, signal: i32, handler: SignalHandler) {
    reactor.set_signal_handler(signal, Some(handler)).unwrap();
}

fn noting(what: &'static str, log: &Log) -> SignalHandler {
    let log = log.clone();
    SignalHandler::new(move |_| log.note(what))
}

/// Begins a child that ends at once; the system cleans up behind this process.
fn begin_child() -> std::io::Result<()> {
    Command::new("true").spawn().map(drop)
}
