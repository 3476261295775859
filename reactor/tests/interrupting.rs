//! When the signals are a reactor's, what ends by one of them, and what does not; each in a process of its
//! own.

mod common;

use std::cell::Cell;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    BackendName, End, LIMIT, Log, Running, child_of_this_test, ends_a_child, eventually,
    in_a_child, in_a_child_of_its_own, on_every_backend, run, run_without_calls, stop_after_turns,
};
use deferred::{Deferred, Failure};
use log::{LevelFilter, Metadata, Record};
use reactor::signals::{SIGCHLD, SIGINT, SIGTERM, SIGUSR1, SignalHandler};
use reactor::{Reactor, Stopped, SystemEvent};
use rustix::process::Signal;
use signal_hook::low_level::raise;

on_every_backend!(
    a_signal_before_the_startup_ends_the_process,
    a_signal_during_the_startup_stops_the_run,
    a_signal_after_the_startup_stops_the_run,
    a_run_without_signals_has_no_handler_installed,
    sigint_ends_a_run_without_signals_and_the_process,
    sigint_ends_the_process_between_calls_of_iterate,
    a_signal_that_stops_the_run_is_logged,
    a_second_signal_ends_the_waiting_for_what_is_before_the_shutdown,
    a_signal_ends_the_waiting_of_a_run_that_was_asked_to_stop,
    a_signal_with_a_handler_leaves_the_waiting_as_it_is,
    a_signal_in_the_midst_of_the_shutdown_changes_nothing,
    a_signal_ends_the_process_while_the_end_waits_for_work,
    a_process_that_ignores_sigint_goes_on_doing_so,
    a_handler_is_called_for_a_signal_that_the_process_ignored,
    another_reactor_has_the_signals_in_its_own_run,
    a_childs_exit_interrupts_no_system_call_of_another_thread,
);

// R-009
fn a_signal_before_the_startup_ends_the_process(reactor: Reactor) {
    ends_a_child(Signal::INT, || {
        reactor.before(SystemEvent::Startup, |_| {
            raise(SIGINT).unwrap();
            Deferred::succeed(())
        });
        reactor.call_when_running(Reactor::stop);

        run(&reactor);
    });
}

// R-009
fn a_signal_during_the_startup_stops_the_run(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        reactor.during(SystemEvent::Startup, |_| raise(SIGINT));

        let stopped = run(&reactor);

        assert_eq!(stopped, Stopped::Signal(SIGINT));
    });
}

// R-009
fn a_signal_after_the_startup_stops_the_run(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        reactor.after(SystemEvent::Startup, |_| raise(SIGTERM));

        let stopped = run(&reactor);

        assert_eq!(stopped, Stopped::Signal(SIGTERM));
    });
}

// R-086
fn a_run_without_signals_has_no_handler_installed(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let Some(before) = caught_signals() else {
            eprintln!("skipped: this platform does not tell which signals are caught");
            return;
        };
        let handler = Some(SignalHandler::new(|_| ()));
        reactor.set_signal_handler(SIGUSR1, handler).unwrap();
        let during = Rc::new(Cell::new(None));
        let noting = Rc::clone(&during);
        reactor.call_when_running(move |reactor| {
            noting.set(caught_signals());
            reactor.stop()
        });

        reactor.run_without_signals().unwrap();

        assert_eq!(during.take(), Some(before));
    });
}

/// The signals that have a handler in this process, as the system writes them.
fn caught_signals() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))?;
    Some(mask.trim().to_owned())
}

// R-086
fn sigint_ends_a_run_without_signals_and_the_process(reactor: Reactor) {
    ends_a_child(Signal::INT, || {
        reactor.call_when_running(|_| raise(SIGINT));
        reactor.call_later(LIMIT, Reactor::stop);

        reactor.run_without_signals().unwrap();
    });
}

// R-086
fn sigint_ends_the_process_between_calls_of_iterate(reactor: Reactor) {
    ends_a_child(Signal::INT, || {
        reactor.iterate(Duration::ZERO).unwrap();

        raise(SIGINT).unwrap();
    });
}

// R-085
fn a_signal_that_stops_the_run_is_logged(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        log::set_logger(&Kept).unwrap();
        log::set_max_level(LevelFilter::Info);
        reactor.call_when_running(|_| raise(SIGTERM));

        run(&reactor);

        let expected = format!("received signal {SIGTERM}, shutting down");
        assert_eq!(*LINES.lock().unwrap(), [expected]);
    });
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A log whose lines are kept.
struct Kept;

impl log::Log for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "reactor"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            LINES.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

// R-085
fn a_second_signal_ends_the_waiting_for_what_is_before_the_shutdown(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        waits_for_ever(&reactor, &log, |reactor| {
            reactor.call_later(Duration::ZERO, |_| raise(SIGTERM));
        });
        let noting = log.clone();
        reactor.during(SystemEvent::Shutdown, move |_| noting.note("shutdown"));
        reactor.call_when_running(|_| raise(SIGINT));

        let stopped = run_without_calls(&reactor);

        assert_eq!(stopped, Stopped::Signal(SIGINT));
        log.assert(&["it waits", "shutdown"]);
    });
}

// R-085
fn a_signal_ends_the_waiting_of_a_run_that_was_asked_to_stop(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        waits_for_ever(&reactor, &log, |reactor| {
            reactor.call_later(Duration::ZERO, |_| raise(SIGINT));
        });
        reactor.call_when_running(Reactor::stop);

        let stopped = run_without_calls(&reactor);

        assert_eq!(stopped, Stopped::Asked);
        log.assert(&["it waits"]);
    });
}

fn a_signal_with_a_handler_leaves_the_waiting_as_it_is(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        let noting = log.clone();
        let handler = Some(SignalHandler::new(move |_| noting.note("handled")));
        reactor.set_signal_handler(SIGINT, handler).unwrap();
        waits_for_ever(&reactor, &log, |reactor| {
            reactor.call_later(Duration::ZERO, |reactor| {
                raise(SIGINT)?;
                reactor.call_later(Duration::from_millis(2), |_| raise(SIGTERM));
                Ok::<_, io::Error>(())
            });
        });
        let noting = log.clone();
        reactor.during(SystemEvent::Shutdown, move |_| noting.note("shutdown"));
        reactor.call_when_running(Reactor::stop);

        let stopped = run_without_calls(&reactor);

        assert_eq!(stopped, Stopped::Asked);
        log.assert(&["it waits", "handled", "shutdown"]);
    });
}

/// Adds a trigger before the shutdown whose Deferred never fires, and which does this when it is called.
fn waits_for_ever(reactor: &Reactor, log: &Log, then: impl FnOnce(&Reactor) + 'static) {
    let log = log.clone();
    let (firer, never) = Deferred::new();
    reactor.before(SystemEvent::Shutdown, move |reactor| {
        log.note("it waits");
        then(reactor);
        never
    });
    // Were it dropped before, the Deferred would end as abandoned.
    reactor.after(SystemEvent::Shutdown, move |_| drop(firer));
}

/// The reactor has begun to tell everyone that it stops; it neither begins anew nor leaves that undone.
fn a_signal_in_the_midst_of_the_shutdown_changes_nothing(reactor: Reactor) {
    in_a_child_of_its_own(|| {
        let log = Log::default();
        let mut peers = Vec::new();
        for name in ["first", "second"] {
            let (end, peer) = End::pair(name, &log);
            let end = end.on_lost(|_, _| raise(SIGTERM).unwrap());
            reactor.add_reader(Rc::new(end)).unwrap();
            peers.push(peer);
        }
        let noting = log.clone();
        reactor.after(SystemEvent::Shutdown, move |_| noting.note("shutdown"));
        reactor.call_when_running(Reactor::stop);

        let stopped = run(&reactor);

        assert_eq!(stopped, Stopped::Asked);
        log.assert(&["first is lost", "second is lost", "shutdown"]);
    });
}

fn a_signal_ends_the_process_while_the_end_waits_for_work(reactor: Reactor) {
    ends_a_child(Signal::INT, || {
        let (ends, ending) = mpsc::channel();
        let remote = reactor.remote_handle();
        let work = move || {
            remote.stop().expect("the reactor runs");
            ending.recv_timeout(LIMIT).expect("the run ends");
            let begun = Instant::now();
            // As long as the signals are still the reactor's, they change nothing.
            while begun.elapsed() < LIMIT {
                raise(SIGINT).expect("it is a signal");
            }
        };
        reactor.call_in_thread(work).unwrap();
        reactor.after(SystemEvent::Shutdown, move |_| ends.send(()));

        run(&reactor);
    });
}

fn a_process_that_ignores_sigint_goes_on_doing_so(on: BackendName) {
    if !in_a_child() {
        let status = ignoring_sigint().end();

        assert!(status.success(), "{status}");
        return;
    }

    let reactor = on.reactor();
    raise(SIGINT).unwrap();
    reactor.call_when_running(|_| raise(SIGINT));
    stop_after_turns(&reactor, 3);

    let stopped = run(&reactor);

    raise(SIGINT).unwrap();
    assert_eq!(stopped, Stopped::Asked);
}

fn a_handler_is_called_for_a_signal_that_the_process_ignored(on: BackendName) {
    if !in_a_child() {
        let status = ignoring_sigint().end();

        assert!(status.success(), "{status}");
        return;
    }

    let reactor = on.reactor();
    let handler = Some(SignalHandler::new(Reactor::stop));
    reactor.set_signal_handler(SIGINT, handler).unwrap();
    reactor.call_when_running(|_| raise(SIGINT));

    let stopped = run_without_calls(&reactor);

    assert_eq!(stopped, Stopped::Asked);
}

/// The child of this test, begun as a shell begins what is to outlive it.
#[track_caller]
fn ignoring_sigint() -> Running {
    let child = child_of_this_test();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", r#"trap "" INT; exec "$0" "$@""#])
        .arg(child.get_program())
        .args(child.get_args());
    for (name, value) in child.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    Running::of(shell)
}

fn another_reactor_has_the_signals_in_its_own_run(on: BackendName) {
    in_a_child_of_its_own(|| {
        for _ in 0..2 {
            let reactor = on.reactor();
            reactor.call_when_running(|_| raise(SIGTERM));

            let stopped = run(&reactor);

            assert_eq!(stopped, Stopped::Signal(SIGTERM));
        }
    });
}

/// Linux hands the signal to the thread that began the child, if that can take it. This one reads here.
// R-088
fn a_childs_exit_interrupts_no_system_call_of_another_thread(on: BackendName) {
    in_a_child_of_its_own(|| {
        let Ok(this_thread) = fs::read_link("/proc/thread-self") else {
            eprintln!("skipped: this platform does not tell what another thread does");
            return;
        };
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let until = child.stdin.take();
        let (reads, writes) = io::pipe().unwrap();
        let other = thread::spawn(move || {
            let reactor = on.reactor();
            let handler = SignalHandler::new(move |reactor| {
                (&writes).write_all(b"x")?;
                reactor.stop()?;
                Ok::<_, Failure>(())
            });
            reactor.set_signal_handler(SIGCHLD, Some(handler)).unwrap();
            reactor.call_when_running(move |_| {
                eventually(|| waits(&this_thread));
                drop(until);
            });
            run(&reactor)
        });

        let read = rustix::io::read(&reads, &mut [0; 8]);

        assert_eq!(read, Ok(1));
        assert_eq!(other.join().unwrap(), Stopped::Asked);
        assert!(child.wait().unwrap().success());
    });
}

/// Whether this thread waits in the system for something.
fn waits(thread: &Path) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(thread).join("stat")).unwrap();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state == Some('S')
}
