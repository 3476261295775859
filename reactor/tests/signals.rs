//! SIGINT and SIGTERM, each shown in a process of its own: the child of the test.

mod common;

use std::cell::Cell;
use std::os::unix::process::ExitStatusExt;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use common::{BackendName, End, LIMIT, Log, Running, in_a_child, on_every_backend, run};
use reactor::{Reactor, RemoteHandle, Stopped};
use rustix::process::{Signal, getpid, kill_process};

on_every_backend!(
    sigint_stops_the_run_in_order,
    sigterm_stops_the_run_in_order,
    a_signal_wakes_a_reactor_that_waits,
    a_second_run_is_stopped_by_a_signal_too,
    sigint_ends_the_process_after_the_run,
    sigterm_ends_the_process_after_the_run,
    sigint_ends_the_process_before_the_run,
    of_two_reactors_one_is_stopped,
);

//
fn sigint_stops_the_run_in_order(on: BackendName) {
    stops_the_run_in_order(on, Signal::INT);
}

//
fn sigterm_stops_the_run_in_order(on: BackendName) {
    stops_the_run_in_order(on, Signal::TERM);
}

#[track_caller]
fn stops_the_run_in_order(on: BackendName, signal: Signal) {
    if !in_a_child() {
        let status = Running::child().end();

        assert!(status.success(), "{status}");
        return;
    }

    let reactor = on.reactor();
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    reactor.add_reader(Rc::new(end)).unwrap();
    let noting = log.clone();
    reactor.call_when_running(move |_| {
        kill_process(getpid(), signal)?;
        noting.note("the callback goes on");
        Ok::<_, rustix::io::Errno>(())
    });

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Signal(signal.as_raw()));
    log.assert(&["the callback goes on", "end is lost"]);
}

//
fn a_signal_wakes_a_reactor_that_waits(on: BackendName) {
    if !in_a_child() {
        let mut child = Running::child();
        child.wait_for("it runs");

        kill_process(child.pid(), Signal::TERM).unwrap();

        let status = child.end();
        assert!(status.success(), "{status}");
        return;
    }

    let reactor = on.reactor();
    reactor.call_when_running(|_| println!("\nit runs"));

    let stopped = reactor.run().unwrap();

    assert_eq!(stopped, Stopped::Signal(Signal::TERM.as_raw()));
}

fn a_second_run_is_stopped_by_a_signal_too(on: BackendName) {
    if !in_a_child() {
        let status = Running::child().end();

        assert!(status.success(), "{status}");
        return;
    }

    let reactor = on.reactor();
    for _ in 0..2 {
        reactor.call_when_running(|_| kill_process(getpid(), Signal::INT));

        let stopped = run(&reactor);

        assert_eq!(stopped, Stopped::Signal(Signal::INT.as_raw()));
    }
}

// R-018 (signal handlers)
fn sigint_ends_the_process_after_the_run(on: BackendName) {
    ends_the_process_after_the_run(on, Signal::INT);
}

// R-018 (signal handlers)
fn sigterm_ends_the_process_after_the_run(on: BackendName) {
    ends_the_process_after_the_run(on, Signal::TERM);
}

#[track_caller]
fn ends_the_process_after_the_run(on: BackendName, signal: Signal) {
    if !in_a_child() {
        let status = Running::child().end();

        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
        return;
    }

    let reactor = on.reactor();
    reactor.call_when_running(Reactor::stop);
    run(&reactor);

    kill_process(getpid(), signal).unwrap();

    panic!("the signal was swallowed");
}

fn sigint_ends_the_process_before_the_run(on: BackendName) {
    if !in_a_child() {
        let status = Running::child().end();

        assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
        return;
    }

    let _reactor = on.reactor();

    kill_process(getpid(), Signal::INT).unwrap();

    panic!("the signal was swallowed");
}

fn of_two_reactors_one_is_stopped(on: BackendName) {
    if !in_a_child() {
        let status = Running::child().end();

        assert!(status.success(), "{status}");
        return;
    }

    let reactor = on.reactor();
    let (runs, running) = mpsc::channel();
    reactor.call_when_running(move |_| {
        let other = thread::spawn(move || {
            let other = on.reactor();
            let remote = other.remote_handle();
            other.call_when_running(move |_| runs.send(remote));
            run(&other)
        });
        let remote = running.recv_timeout(LIMIT).expect("the other one runs");
        OTHER.set(Some((other, remote)));
        kill_process(getpid(), Signal::INT)
    });

    let stopped = run(&reactor);

    let (other, remote) = OTHER.take().expect("it was put there");
    remote
        .call_from_thread(|other| other.stop().unwrap())
        .unwrap();
    assert_eq!(stopped, Stopped::Signal(Signal::INT.as_raw()));
    assert_eq!(other.join().unwrap(), Stopped::Asked);
}

thread_local! {
    static OTHER: Cell<Option<(JoinHandle<Stopped>, RemoteHandle)>> =
        const { Cell::new(None) };
}
