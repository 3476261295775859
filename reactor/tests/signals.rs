//! SIGINT and SIGTERM, each shown in a child process: this test program again, told to run one role.

mod common;

use std::cell::Cell;
use std::env;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use common::{BackendName, End, LIMIT, Log, on_every_backend, run};
use reactor::{Reactor, RemoteHandle, Stopped};
use rustix::process::{Pid, Signal, getpid, kill_process};

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
    let status = child(on, "role_stops_in_order", Signal::INT).end();

    assert!(status.success(), "{status}");
}

//
fn sigterm_stops_the_run_in_order(on: BackendName) {
    let status = child(on, "role_stops_in_order", Signal::TERM).end();

    assert!(status.success(), "{status}");
}

#[test]
#[ignore = "a role of a child process"]
fn role_stops_in_order() {
    let (reactor, signal) = (Reactor::new().unwrap(), signal());
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
    let mut child = child(on, "role_waits_for_a_signal", Signal::TERM);
    child.wait_until_it_runs();

    kill_process(child.pid(), Signal::TERM).unwrap();

    let status = child.end();
    assert!(status.success(), "{status}");
}

#[test]
#[ignore = "a role of a child process"]
fn role_waits_for_a_signal() {
    let (reactor, signal) = (Reactor::new().unwrap(), signal());
    reactor.call_when_running(|_| println!("\nit runs"));

    let stopped = reactor.run().unwrap();

    assert_eq!(stopped, Stopped::Signal(signal.as_raw()));
}

fn a_second_run_is_stopped_by_a_signal_too(on: BackendName) {
    let status = child(on, "role_runs_twice", Signal::INT).end();

    assert!(status.success(), "{status}");
}

#[test]
#[ignore = "a role of a child process"]
fn role_runs_twice() {
    let (reactor, signal) = (Reactor::new().unwrap(), signal());
    for _ in 0..2 {
        reactor.call_when_running(move |_| kill_process(getpid(), signal));

        let stopped = run(&reactor);

        assert_eq!(stopped, Stopped::Signal(signal.as_raw()));
    }
}

// R-018 (signal handlers)
fn sigint_ends_the_process_after_the_run(on: BackendName) {
    let status = child(on, "role_is_killed_after_its_run", Signal::INT).end();

    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
}

// R-018 (signal handlers)
fn sigterm_ends_the_process_after_the_run(on: BackendName) {
    let status = child(on, "role_is_killed_after_its_run", Signal::TERM).end();

    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{status}");
}

#[test]
#[ignore = "a role of a child process"]
fn role_is_killed_after_its_run() {
    let reactor = Reactor::new().unwrap();
    reactor.call_when_running(Reactor::stop);
    run(&reactor);

    kill_process(getpid(), signal()).unwrap();

    panic!("the signal was swallowed");
}

fn sigint_ends_the_process_before_the_run(on: BackendName) {
    let status = child(on, "role_is_killed_before_its_run", Signal::INT).end();

    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
}

#[test]
#[ignore = "a role of a child process"]
fn role_is_killed_before_its_run() {
    let _reactor = Reactor::new().unwrap();

    kill_process(getpid(), signal()).unwrap();

    panic!("the signal was swallowed");
}

fn of_two_reactors_one_is_stopped(on: BackendName) {
    let status = child(on, "role_runs_two_reactors", Signal::INT).end();

    assert!(status.success(), "{status}");
}

#[test]
#[ignore = "a role of a child process"]
fn role_runs_two_reactors() {
    let (reactor, signal) = (Reactor::new().unwrap(), signal());
    let (runs, running) = mpsc::channel();
    reactor.call_when_running(move |_| {
        let other = thread::spawn(move || {
            let other = Reactor::new().unwrap();
            let remote = other.remote_handle();
            other.call_when_running(move |_| runs.send(remote));
            run(&other)
        });
        let remote = running.recv_timeout(LIMIT).expect("the other one runs");
        OTHER.set(Some((other, remote)));
        kill_process(getpid(), signal)
    });

    let stopped = run(&reactor);

    let (other, remote) = OTHER.take().expect("it was put there");
    remote
        .call_from_thread(|other| other.stop().unwrap())
        .unwrap();
    assert_eq!(stopped, Stopped::Signal(signal.as_raw()));
    assert_eq!(other.join().unwrap(), Stopped::Asked);
}

thread_local! {
    static OTHER: Cell<Option<(JoinHandle<Stopped>, RemoteHandle)>> =
        const { Cell::new(None) };
}

/// A process that runs one role.
struct Role(Child);

/// Starts this program again with one role, on a backend, with a signal that the role is about.
fn child(on: BackendName, role: &str, signal: Signal) -> Role {
    let child = Command::new(env::current_exe().expect("tests know their program"))
        // With one thread, the role runs on the main thread, and no other could take the signal.
        .args([
            "--exact",
            role,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("REACTOR_BACKEND", on.name())
        .env("SIGNAL_OF_ROLE", signal.as_raw().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a program can be run twice");
    Role(child)
}

/// The signal that this role is about.
fn signal() -> Signal {
    let number = env::var("SIGNAL_OF_ROLE").expect("roles are run by tests");
    Signal::from_named_raw(number.parse().expect("it is a number")).expect("it is a signal")
}

impl Role {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    fn wait_until_it_runs(&mut self) {
        let stdout = self.0.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        assert!(lines.any(|line| line.is_ok_and(|line| line == "it runs")));
        // What the role writes from now on must not find its pipe closed.
        thread::spawn(move || lines.for_each(drop));
    }

    /// How the process ended; it is killed if it does not end.
    fn end(mut self) -> ExitStatus {
        let pid = self.pid();
        let (ended, end) = mpsc::channel::<()>();
        let watchdog = thread::spawn(move || {
            if end.recv_timeout(2 * LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                kill_process(pid, Signal::KILL).expect("it still runs");
            }
        });
        let status = self.0.wait().expect("the child can be waited for");
        drop(ended);
        watchdog.join().expect("the watchdog does not panic");
        status
    }
}
