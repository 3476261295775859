//! Ending a run without its shutdown.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::{End, Log, Ownership, Reports, on_every_backend, run};
use deferred::Deferred;
use reactor::{Reactor, ReactorError, Stopped, SystemEvent};

on_every_backend!(
    a_crash_ends_the_run_without_its_shutdown,
    a_crash_ends_the_run_at_the_end_of_the_turn,
    a_crash_in_a_reader_lets_the_others_of_its_turn_read,
    a_reactor_that_has_crashed_does_not_run,
    a_reactor_that_does_not_run_cannot_crash,
    a_crash_that_was_told_twice_is_one,
    a_crash_ends_a_shutdown_that_waits_for_ever,
    a_crash_ends_a_startup_that_waits_for_ever,
    a_crash_after_a_stop_fires_no_shutdown,
    a_stop_after_a_crash_is_an_error,
    a_reactor_cannot_crash_when_it_has_stopped,
    a_crash_in_the_startup_ends_the_run,
    a_crash_from_a_thread_ends_a_wait,
    connections_are_told_of_a_crash,
    the_shutdown_that_a_crash_left_out_comes_with_the_next_run,
    nothing_but_its_triggers_is_left_of_a_run_that_crashed,
);

fn noting(log: &Log, what: &'static str) -> impl FnOnce(&Reactor) + 'static {
    let log = log.clone();
    move |_| log.note(what)
}

/// Adds a trigger to each phase of the shutdown.
fn note_the_shutdown(reactor: &Reactor, log: &Log) {
    reactor.before(SystemEvent::Shutdown, noting(log, "before shutdown"));
    reactor.during(SystemEvent::Shutdown, noting(log, "during shutdown"));
    reactor.after(SystemEvent::Shutdown, noting(log, "after shutdown"));
}

//
fn a_crash_ends_the_run_without_its_shutdown(reactor: Reactor) {
    let log = Log::default();
    note_the_shutdown(&reactor, &log);
    reactor.call_later(Duration::from_millis(1), Reactor::crash);

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Crashed);
    log.assert(&[]);
}

//
fn a_crash_ends_the_run_at_the_end_of_the_turn(reactor: Reactor) {
    let log = Log::default();
    reactor.call_later(Duration::ZERO, {
        let log = log.clone();
        move |reactor| {
            reactor.crash().unwrap();
            log.note("crashed");
            reactor.call_later(Duration::ZERO, noting(&log, "next turn"));
        }
    });
    reactor.call_later(Duration::ZERO, noting(&log, "same turn"));

    run(&reactor);

    log.assert(&["crashed", "same turn"]);
}

//
fn a_crash_in_a_reader_lets_the_others_of_its_turn_read(reactor: Reactor) {
    let log = Log::default();
    let pairs = [0, 1].map(|_| End::readable_pair("end", &log));
    let _peers = pairs.map(|(end, peer)| {
        let end = end.on_read(|end, reactor| {
            end.read_byte()?;
            Ok(reactor.crash()?)
        });
        reactor.add_reader(Rc::new(end)).unwrap();
        peer
    });

    run(&reactor);

    log.assert(&["end reads", "end reads", "end is lost", "end is lost"]);
}

//
fn a_reactor_that_has_crashed_does_not_run(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.call_when_running(move |reactor| {
        reactor.crash().unwrap();
        inner.note(format!("running: {}", reactor.is_running()));
    });

    run(&reactor);

    log.assert(&["running: false"]);
    assert!(!reactor.is_running());
}

fn a_reactor_that_does_not_run_cannot_crash(reactor: Reactor) {
    let before = reactor.crash();
    reactor.call_when_running(Reactor::crash);
    run(&reactor);
    let later = reactor.crash();

    assert!(matches!(before, Err(ReactorError::NotRunning)));
    assert!(matches!(later, Err(ReactorError::NotRunning)));
}

fn a_crash_that_was_told_twice_is_one(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.call_when_running(move |reactor| {
        inner.note(format!("{:?}, {:?}", reactor.crash(), reactor.crash()));
    });

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Crashed);
    log.assert(&["Ok(()), Ok(())"]);
}

fn a_crash_ends_a_shutdown_that_waits_for_ever(reactor: Reactor) {
    let log = Log::default();
    let (_firer, never) = Deferred::new();
    reactor.before(SystemEvent::Shutdown, move |reactor: &Reactor| {
        reactor.call_later(Duration::from_millis(1), Reactor::crash);
        never
    });
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    reactor.call_when_running(Reactor::stop);

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Crashed);
    log.assert(&[]);
}

fn a_crash_ends_a_startup_that_waits_for_ever(reactor: Reactor) {
    let log = Log::default();
    let (_firer, never) = Deferred::new();
    reactor.before(SystemEvent::Startup, move |reactor: &Reactor| {
        reactor.call_later(Duration::from_millis(1), Reactor::crash);
        never
    });
    reactor.during(SystemEvent::Startup, noting(&log, "during"));
    note_the_shutdown(&reactor, &log);

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Crashed);
    log.assert(&[]);
}

fn a_crash_after_a_stop_fires_no_shutdown(reactor: Reactor) {
    let log = Log::default();
    note_the_shutdown(&reactor, &log);
    reactor.call_when_running(|reactor| {
        reactor.stop()?;
        reactor.crash()
    });

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Crashed);
    log.assert(&[]);
}

//
fn a_stop_after_a_crash_is_an_error(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.call_when_running(move |reactor| {
        reactor.crash().unwrap();
        inner.note(format!("{:?}", reactor.stop()));
    });

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Crashed);
    log.assert(&["Err(NotRunning)"]);
}

fn a_reactor_cannot_crash_when_it_has_stopped(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.during(SystemEvent::Shutdown, move |reactor: &Reactor| {
        inner.note(format!("{:?}", reactor.crash()));
    });
    reactor.after(SystemEvent::Shutdown, noting(&log, "after"));
    reactor.call_when_running(Reactor::stop);

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Asked);
    log.assert(&["Err(NotRunning)", "after"]);
}

fn a_crash_in_the_startup_ends_the_run(reactor: Reactor) {
    let log = Log::default();
    note_the_shutdown(&reactor, &log);
    for _ in 0..2 {
        reactor.before(SystemEvent::Startup, |reactor: &Reactor| {
            reactor.crash().unwrap();
        });
        let stopped = run(&reactor);
        log.note(format!("{stopped:?}"));
    }

    log.assert(&["Crashed", "Crashed"]);
}

fn a_crash_from_a_thread_ends_a_wait(reactor: Reactor) {
    let remote = reactor.remote_handle();
    reactor.call_when_running(move |_| {
        std::thread::spawn(move || {
            remote.call_from_thread(|reactor| reactor.crash().expect("it runs"))
        });
    });

    let stopped = common::run_without_calls(&reactor);

    assert_eq!(stopped, Stopped::Crashed);
}

fn connections_are_told_of_a_crash(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let end = end.on_lost({
        let log = log.clone();
        move |reactor, reason| {
            let stopping = reactor.is_stopping();
            log.note(format!("{}, stopping: {stopping}", reason.error()));
        }
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running(Reactor::crash);

    run(&reactor);

    log.assert(&[
        "end is lost",
        "the connection was lost because the reactor stopped, stopping: true",
    ]);
}

fn the_shutdown_that_a_crash_left_out_comes_with_the_next_run(reactor: Reactor) {
    let log = Log::default();
    note_the_shutdown(&reactor, &log);
    reactor.call_when_running(Reactor::crash);
    run(&reactor);
    log.note("next run");
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    log.assert(&[
        "next run",
        "before shutdown",
        "during shutdown",
        "after shutdown",
    ]);
}

fn nothing_but_its_triggers_is_left_of_a_run_that_crashed(reactor: Reactor) {
    let reports = Reports::collected();
    let (in_a_call, call) = Ownership::new();
    let (in_a_trigger, trigger) = Ownership::new();
    // A delayed call owns the firer that the shutdown waits for.
    reactor.before(SystemEvent::Shutdown, move |reactor: &Reactor| {
        let (firer, done) = Deferred::new();
        let reactor_too = reactor.clone();
        reactor.call_later(Duration::from_secs(3600), move |_| {
            firer.callback(());
            drop((in_a_call, reactor_too));
        });
        reactor.call_later(Duration::ZERO, Reactor::crash);
        done
    });
    let in_a_trigger = Cell::new(Some(in_a_trigger));
    reactor.during(SystemEvent::Shutdown, move |_: &Reactor| {
        drop(in_a_trigger.take());
    });
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    let (headline, _) = reports.only_one();
    assert!(headline.contains("before shutdown"), "{headline}");
    assert!(call.is_over());
    assert!(!trigger.is_over());
    drop(reactor);
    assert!(trigger.is_over());
}
