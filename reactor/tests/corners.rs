//! Corners where two things meet: handlers that change handlers, and a run that is over before what it waited for.

mod common;

use std::cell::{Cell, RefCell};
use std::io::Write;

use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use common::{
    BackendName, End, Log, Lost, Ownership, Running, child_of_this_test, in_a_child,
    in_a_child_of_its_own, on_every_backend, run, stop_after_turns,
};
use deferred::Deferred;
use reactor::signals::{SIGHUP, SIGINT, SIGPIPE, SIGUSR1, SignalHandler};
use reactor::{Reactor, Stopped, SystemEvent};
use signal_hook::low_level::raise;

on_every_backend!(
    a_handler_taken_away_by_another_one_does_not_stop_the_run,
    a_broken_pipe_ends_no_process_whose_handler_was_taken_away,
    a_broken_pipe_ends_no_process_after_a_run_with_a_handler,
    taking_away_no_handler_leaves_an_ignored_signal_ignored,
    an_ignored_signal_is_ignored_again_when_its_handler_was_taken_away,
    what_is_no_signal_is_refused,
    a_reactor_that_is_gone_keeps_no_handler,
    a_reactor_that_is_gone_keeps_no_trigger,
    a_reactor_that_was_told_to_stop_is_not_waited_for,
    a_reactor_that_crashed_is_not_waited_for,
    what_a_crashed_run_waited_for_does_not_end_the_next_one,
    what_a_crashed_run_waited_for_does_not_begin_the_next_one,
    a_reader_that_is_added_again_before_it_fails_is_told_once,
);

fn a_handler_taken_away_by_another_one_does_not_stop_the_run(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let first =
            SignalHandler::new(|reactor| reactor.set_signal_handler(SIGUSR1, None).map(drop));
        reactor.set_signal_handler(SIGHUP, Some(first)).unwrap();
        reactor.set_signal_handler(SIGUSR1, idle()).unwrap();
        reactor.call_when_running(|_| {
            raise(SIGHUP)?;
            raise(SIGUSR1)
        });
        stop_after_turns(&reactor, 3);

        assert_eq!(run(&reactor), Stopped::Asked);
    });
}

fn a_broken_pipe_ends_no_process_whose_handler_was_taken_away(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        reactor.call_when_running(|reactor| {
            reactor.set_signal_handler(SIGPIPE, idle()).unwrap();
            reactor.set_signal_handler(SIGPIPE, None).unwrap();
            break_a_pipe();
            reactor.stop()
        });

        run(&reactor);
    });
}

fn a_broken_pipe_ends_no_process_after_a_run_with_a_handler(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        reactor.set_signal_handler(SIGPIPE, idle()).unwrap();
        reactor.call_when_running(Reactor::stop);
        run(&reactor);

        break_a_pipe();
    });
}

fn taking_away_no_handler_leaves_an_ignored_signal_ignored(on: BackendName) {
    in_a_child_that_ignores_sigint(|| {
        let reactor = on.reactor();
        reactor.call_when_running(|reactor| {
            reactor.set_signal_handler(SIGINT, None)?;
            raise(SIGINT)
        });
        stop_after_turns(&reactor, 3);

        assert_eq!(run(&reactor), Stopped::Asked);
    });
}

fn an_ignored_signal_is_ignored_again_when_its_handler_was_taken_away(on: BackendName) {
    in_a_child_that_ignores_sigint(|| {
        let reactor = on.reactor();
        reactor.set_signal_handler(SIGINT, idle()).unwrap();
        reactor.call_when_running(Reactor::stop);
        run(&reactor);

        raise(SIGINT).unwrap();
        reactor.set_signal_handler(SIGINT, None).unwrap();
        reactor.call_when_running(|_| raise(SIGINT));
        stop_after_turns(&reactor, 3);
        assert_eq!(run(&reactor), Stopped::Asked);
    });
}

/// Plays the child's part of a test in a child that ignores SIGINT from its beginning.
#[track_caller]
fn in_a_child_that_ignores_sigint(part: impl FnOnce()) {
    if in_a_child() {
        part();
        return;
    }
    let child = child_of_this_test();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", r#"trap "" INT; exec "$0" "$@""#])
        .arg(child.get_program())
        .args(child.get_args());
    for (name, value) in child.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }

    let status = Running::of(shell).end();

    assert!(status.success(), "{status}");
}

/// A handler that does nothing.
fn idle() -> Option<SignalHandler> {
    Some(SignalHandler::new(|_| ()))
}

/// Writes to a pipe that nobody reads, for which the system sends SIGPIPE.
#[track_caller]
fn break_a_pipe() {
    let (reads, mut writes) = std::io::pipe().unwrap();
    drop(reads);
    assert!(writes.write_all(b"x").is_err());
}

fn what_is_no_signal_is_refused(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        // The third is a signal, SIGRTMIN + 6, which signal-hook gives no default effect.
        let set = [0, 1000, 40].map(|signal| reactor.set_signal_handler(signal, idle()).is_ok());

        assert_eq!(set, [false; 3], "and the run: {:?}", reactor.run());
    });
}

fn a_reactor_that_is_gone_keeps_no_handler(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let rest = reactor.clone();
    drop(reactor);
    let clone = rest.clone();
    let handler = SignalHandler::new(move |_| {
        let (_owned, _clone) = (&owned, &clone);
    });

    let _ = rest.set_signal_handler(SIGUSR1, Some(handler));

    drop(rest);
    assert!(ownership.is_over());
}

fn a_reactor_that_is_gone_keeps_no_trigger(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let rest = reactor.clone();
    drop(reactor);
    let clone = rest.clone();

    rest.after(SystemEvent::Shutdown, move |_| {
        let (_owned, _clone) = (&owned, &clone);
    });

    drop(rest);
    assert!(ownership.is_over());
}

fn a_reactor_that_was_told_to_stop_is_not_waited_for(reactor: Reactor) {
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = end.on_read(|end, reactor| {
        end.read_byte()?;
        Ok(reactor.stop()?)
    });
    reactor.add_reader(Rc::new(end)).unwrap();

    assert!(reactor.iterate(Duration::ZERO).unwrap().is_none());

    assert_eq!(reactor.timeout(), Some(Duration::ZERO));
}

fn a_reactor_that_crashed_is_not_waited_for(reactor: Reactor) {
    assert!(reactor.iterate(Duration::ZERO).unwrap().is_none());

    reactor.crash().unwrap();

    assert_eq!(reactor.timeout(), Some(Duration::ZERO));
}

fn what_a_crashed_run_waited_for_does_not_end_the_next_one(reactor: Reactor) {
    let (firer, waited_for) = Deferred::new();
    reactor.before(SystemEvent::Shutdown, move |reactor| {
        reactor.call_later(Duration::ZERO, Reactor::crash);
        waited_for
    });
    reactor.call_when_running(Reactor::stop);
    assert_eq!(run(&reactor), Stopped::Crashed);
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    reactor.add_reader(Rc::new(end)).unwrap();
    let noting = log.clone();
    let stopping = Rc::new(Cell::new(true));
    let was = Rc::clone(&stopping);
    reactor.call_when_running(move |reactor| {
        firer.callback(());
        reactor.call_later(Duration::ZERO, move |reactor| {
            was.set(reactor.is_stopping());
            noting.note("the second run goes on");
            drop(reactor.stop());
        });
    });

    run(&reactor);

    assert!(!stopping.get());
    log.assert(&["the second run goes on", "end is lost"]);
}

fn what_a_crashed_run_waited_for_does_not_begin_the_next_one(reactor: Reactor) {
    let (first, waited_for) = Deferred::new();
    reactor.before(SystemEvent::Startup, move |reactor| {
        reactor.call_later(Duration::ZERO, Reactor::crash);
        waited_for
    });
    assert_eq!(run(&reactor), Stopped::Crashed);
    let (second, waited_for) = Deferred::new();
    reactor.before(SystemEvent::Startup, move |reactor| {
        reactor.call_later(Duration::ZERO, move |_| {
            first.callback(());
        });
        waited_for
    });
    let running = Rc::new(Cell::new(true));
    let noting = Rc::clone(&running);
    reactor.call_later(Duration::from_millis(5), move |reactor| {
        noting.set(reactor.is_running());
        second.callback(());
        reactor.call_later(Duration::from_millis(1), Reactor::stop);
    });

    run(&reactor);

    assert!(!running.get());
}

fn a_reader_that_is_added_again_before_it_fails_is_told_once(reactor: Reactor) {
    let log = Log::default();
    let again = Rc::new(RefCell::new(None::<Rc<End>>));
    let itself = Rc::clone(&again);
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end.on_read(move |end, reactor| {
        if let Some(itself) = itself.take() {
            reactor.remove_reader(end);
            reactor.add_reader(itself)?;
        }
        Err(Lost.into())
    }));
    *again.borrow_mut() = Some(end.clone());
    reactor.add_reader(end).unwrap();
    stop_after_turns(&reactor, 3);

    run(&reactor);

    log.assert(&["end reads", "end is lost"]);
}
