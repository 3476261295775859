//! What fails: callbacks, which are reported while the loop goes on, and waits, which end the run.

mod common;

use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{End, Log, Lost, Reports, Task, on_every_backend, run};
use deferred::Panicked;
use reactor::backend::{Backend, Event, Interest, Key};
use reactor::{ConnectionClosed, Reactor, ReactorError, Stopped};

on_every_backend!(
    a_panic_in_a_startup_call_is_reported_and_the_next_one_runs,
    an_error_of_a_startup_call_is_reported,
    a_panic_in_a_delayed_call_is_reported_and_the_next_one_runs,
    a_panic_in_do_read_is_reported_and_the_loop_goes_on,
    a_panic_in_do_write_is_reported_and_the_loop_goes_on,
    a_panic_in_connection_lost_is_reported_and_the_loop_goes_on,
    a_panic_in_a_job_is_reported_and_the_loop_goes_on,
    a_panic_in_a_call_of_a_thread_is_reported_and_the_next_one_runs,
    a_panic_while_a_reader_is_dropped_does_not_end_the_loop,
);

//
fn a_panic_in_a_startup_call_is_reported_and_the_next_one_runs(reactor: Reactor) {
    let reports = Reports::collected();
    reactor.call_when_running(panics);
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    let (headline, failure) = reports.only_one();
    assert!(headline.starts_with("Unhandled error in a trigger after startup, added at "));
    assert!(headline.contains(file!()), "{headline}");
    assert_eq!(failure.check::<Panicked>().unwrap().message(), "no muse");
}

//
fn an_error_of_a_startup_call_is_reported(reactor: Reactor) {
    let reports = Reports::collected();
    reactor.call_when_running(|_| Err(Lost));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    assert!(reports.only_one().1.check::<Lost>().is_some());
}

//
// fault: a panic in a callback
fn a_panic_in_a_delayed_call_is_reported_and_the_next_one_runs(reactor: Reactor) {
    let reports = Reports::collected();
    reactor.call_later(Duration::ZERO, panics);
    let line = line!() - 1;
    reactor.call_later(Duration::ZERO, Reactor::stop);

    run(&reactor);

    let (headline, failure) = reports.only_one();
    assert!(
        headline.contains(&format!("failing.rs:{line}:")),
        "{headline}"
    );
    assert!(failure.check::<Panicked>().is_some());
}

//
fn a_panic_in_do_read_is_reported_and_the_loop_goes_on(reactor: Reactor) {
    let reports = Reports::collected();
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = end.on_read(|_, _| panic!("no muse"));
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(2), Reactor::stop);

    run(&reactor);

    let (headline, failure) = reports.only_one();
    assert_eq!(headline, "Unhandled error in do_read");
    assert!(failure.check::<Panicked>().is_some());
}

//
fn a_panic_in_do_write_is_reported_and_the_loop_goes_on(reactor: Reactor) {
    let reports = Reports::collected();
    let (end, _peer) = End::pair("end", &Log::default());
    let end = end.on_write(|_, _| panic!("no muse"));
    reactor.add_writer(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(2), Reactor::stop);

    run(&reactor);

    let (headline, failure) = reports.only_one();
    assert_eq!(headline, "Unhandled error in do_write");
    assert!(failure.check::<Panicked>().is_some());
}

//
fn a_panic_in_connection_lost_is_reported_and_the_loop_goes_on(reactor: Reactor) {
    let reports = Reports::collected();
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = end
        .on_read(|_, _| Err(ConnectionClosed::ConnectionDone.into()))
        .on_lost(|_, _| panic!("no muse"));
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(2), Reactor::stop);

    run(&reactor);

    let (headline, failure) = reports.only_one();
    assert_eq!(headline, "Unhandled error in connection_lost");
    assert!(failure.check::<Panicked>().is_some());
}

//
// fault: a panic in a callback
fn a_panic_in_a_job_is_reported_and_the_loop_goes_on(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    reactor.call_when_running({
        let log = log.clone();
        move |reactor| {
            reactor.after_callback(Task::new(|_| panic!("no muse")));
            reactor.next_turn(Task::new(|_| panic!("no muse")));
            reactor.next_turn(Task::new(move |reactor| {
                log.note("next job");
                reactor.stop().unwrap();
            }));
        }
    });

    run(&reactor);

    let headlines: Vec<_> = reports.taken().into_iter().map(|report| report.0).collect();
    assert_eq!(headlines, ["Unhandled error in a job"; 2]);
    log.assert(&["next job"]);
}

//
fn a_panic_in_a_call_of_a_thread_is_reported_and_the_next_one_runs(reactor: Reactor) {
    let reports = Reports::collected();
    let remote = reactor.remote_handle();
    let other = thread::spawn(move || {
        remote.call_from_thread(|_| panic!("no muse")).unwrap();
        remote.call_from_thread(|reactor| reactor.stop().unwrap())
    });

    run(&reactor);

    other.join().unwrap().unwrap();
    let (headline, failure) = reports.only_one();
    assert!(headline.starts_with("Unhandled error in a call from a thread, sent at "));
    assert!(headline.contains(file!()), "{headline}");
    assert!(failure.check::<Panicked>().is_some());
}

//
fn a_panic_while_a_reader_is_dropped_does_not_end_the_loop(reactor: Reactor) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("no muse");
        }
    }
    let _reports = Reports::collected();
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let bomb = Bomb;
    let end = end.on_read(move |end, reactor| {
        let _owned = &bomb;
        reactor.remove_reader(end);
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(2), Reactor::stop);

    run(&reactor);

    log.assert(&["end reads"]);
}

#[test]
fn a_wait_that_fails_ends_the_run_in_order() {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let reactor = Reactor::with_backend(Box::new(NeverWaits)).unwrap();
    reactor.add_reader(Rc::new(end)).unwrap();

    let run = reactor.run();

    assert!(matches!(run, Err(ReactorError::Io(_))));
    assert!(!reactor.is_running());
    log.assert(&["end is lost"]);
}

#[test]
fn a_reactor_can_run_again_after_a_wait_has_failed() {
    let reactor = Reactor::with_backend(Box::new(NeverWaits)).unwrap();
    reactor.run().unwrap_err();
    reactor.call_when_running(Reactor::stop);

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Asked);
}

fn panics(_: &Reactor) {
    panic!("no muse");
}

/// A backend on which every wait fails.
struct NeverWaits;

impl Backend for NeverWaits {
    fn name(&self) -> &'static str {
        "never waits"
    }

    fn register(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn modify(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, _: BorrowedFd<'_>, _: Key) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, _: &mut Vec<Event>, _: Option<Duration>) -> io::Result<()> {
        Err(io::Error::other("out of patience"))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}
