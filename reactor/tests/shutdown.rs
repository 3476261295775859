//! The end of a run: what comes before, during and after it, and how long the run waits for that.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{End, Log, Lost, Reports, Task, on_every_backend, run};
use deferred::{Deferred, Firer};
use reactor::{CallError, Reactor, Stopped, SystemEvent};

on_every_backend!(
    a_run_ends_when_all_triggers_of_its_shutdown_have_run,
    the_loop_goes_on_while_something_before_the_shutdown_is_waited_for,
    a_shutdown_waits_for_a_thread,
    a_shutdown_waits_for_a_socket,
    a_shutdown_waits_for_a_job,
    a_shutdown_waits_for_the_last_of_all,
    a_shutdown_goes_on_though_a_deferred_before_it_fails,
    a_shutdown_goes_on_though_a_trigger_before_it_panics,
    connections_are_lost_between_what_is_before_and_during_the_shutdown,
    before_the_shutdown_the_reactor_takes_calls_and_descriptors,
    during_the_shutdown_the_reactor_takes_no_calls_and_descriptors,
    what_is_written_before_the_shutdown_is_sent,
    the_reactor_does_not_count_as_running_in_its_shutdown,
    a_reactor_that_shuts_down_cannot_be_told_to_stop,
);

const BEFORE_THE_END: Duration = Duration::from_millis(2);

fn noting(log: &Log, what: &'static str) -> impl FnOnce(&Reactor) + 'static {
    let log = log.clone();
    move |_| log.note(what)
}

/// Has the reactor stop as soon as it runs.
fn stop_at_once(reactor: &Reactor) {
    reactor.call_when_running(Reactor::stop);
}

//
fn a_run_ends_when_all_triggers_of_its_shutdown_have_run(reactor: Reactor) {
    let log = Log::default();
    reactor.after(SystemEvent::Shutdown, noting(&log, "after"));
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    reactor.before(SystemEvent::Shutdown, noting(&log, "before"));
    stop_at_once(&reactor);

    run(&reactor);
    log.note("returned");

    log.assert(&["before", "during", "after", "returned"]);
}

//
fn the_loop_goes_on_while_something_before_the_shutdown_is_waited_for(reactor: Reactor) {
    let log = Log::default();
    let (end, peer) = End::pair("end", &log);
    let (firer, done) = Deferred::new();
    let firer = Cell::new(Some(firer));
    let inner = log.clone();
    let end = Rc::new(end.on_read(move |end, reactor| {
        end.read_byte()?;
        let (firer, log) = (firer.take(), inner.clone());
        reactor.call_later(BEFORE_THE_END, move |_| {
            log.note("time is over");
            firer.map(|firer| firer.callback(()));
        });
        Ok(())
    }));
    reactor.add_reader(end).unwrap();
    let peer = Rc::new(peer);
    let sender = Rc::clone(&peer);
    reactor.before(SystemEvent::Shutdown, move |reactor: &Reactor| {
        reactor.call_later(Duration::from_millis(1), move |_| {
            rustix::io::write(&sender, b"x").map(drop)
        });
        done
    });
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["end reads", "time is over", "end is lost", "during"]);
}

//
fn a_shutdown_waits_for_a_thread(reactor: Reactor) {
    let log = Log::default();
    let (firer, done) = Deferred::new();
    let parked = reactor.extension::<Cell<Option<Firer<()>>>>();
    parked.set(Some(firer));
    reactor.before(SystemEvent::Shutdown, move |reactor: &Reactor| {
        let remote = reactor.remote_handle();
        thread::spawn(move || {
            remote.call_from_thread(|reactor| {
                let firer = reactor.extension::<Cell<Option<Firer<()>>>>();
                firer.take().unwrap().callback(());
            })
        });
        done
    });
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["during"]);
    assert!(parked.take().is_none());
}

//
fn a_shutdown_waits_for_a_socket(reactor: Reactor) {
    let log = Log::default();
    let (end, peer) = End::pair("end", &log);
    let (firer, done) = Deferred::new();
    let firer = Cell::new(Some(firer));
    let end = end.on_read(move |end, _| {
        end.read_byte()?;
        firer.take().map(|firer| firer.callback(()));
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.before(SystemEvent::Shutdown, move |_: &Reactor| {
        thread::spawn(move || rustix::io::write(&peer, b"x").map(|_| peer));
        done
    });
    reactor.after(SystemEvent::Shutdown, noting(&log, "after"));
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["end reads", "end is lost", "after"]);
}

//
fn a_shutdown_waits_for_a_job(reactor: Reactor) {
    let log = Log::default();
    reactor.before(SystemEvent::Shutdown, |reactor: &Reactor| {
        let (firer, done) = Deferred::new();
        let firer = Cell::new(Some(firer));
        reactor.next_turn(Task::new(move |_| {
            firer.take().map(|firer| firer.callback(()));
        }));
        done
    });
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["during"]);
}

//
fn a_shutdown_waits_for_the_last_of_all(reactor: Reactor) {
    let log = Log::default();
    for (n, what) in [(3, "third"), (1, "first"), (2, "second")] {
        let log = log.clone();
        reactor.before(SystemEvent::Shutdown, move |reactor: &Reactor| {
            let (firer, done) = Deferred::new();
            reactor.call_later(n * BEFORE_THE_END, move |_| {
                log.note(what);
                firer.callback(());
            });
            done
        });
    }
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["first", "second", "third", "during"]);
}

//
fn a_shutdown_goes_on_though_a_deferred_before_it_fails(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    reactor.before(SystemEvent::Shutdown, |reactor: &Reactor| {
        let (firer, done) = Deferred::<()>::new();
        reactor.call_later(BEFORE_THE_END, move |_| {
            firer.errback(Lost);
        });
        done
    });
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    reactor.after(SystemEvent::Shutdown, noting(&log, "after"));
    stop_at_once(&reactor);

    let stopped = run(&reactor);

    let (headline, failure) = reports.only_one();
    assert!(headline.contains("before shutdown"), "{headline}");
    assert!(failure.check::<Lost>().is_some());
    log.assert(&["during", "after"]);
    assert_eq!(stopped, Stopped::Asked);
}

//
fn a_shutdown_goes_on_though_a_trigger_before_it_panics(reactor: Reactor) {
    fn panics(_: &Reactor) {
        panic!("a wave")
    }
    let reports = Reports::collected();
    let log = Log::default();
    reactor.before(SystemEvent::Shutdown, panics);
    reactor.during(SystemEvent::Shutdown, panics);
    reactor.after(SystemEvent::Shutdown, panics);
    reactor.after(SystemEvent::Shutdown, noting(&log, "after"));
    stop_at_once(&reactor);

    run(&reactor);

    assert_eq!(reports.taken().len(), 3);
    log.assert(&["after"]);
}

fn connections_are_lost_between_what_is_before_and_during_the_shutdown(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    reactor.before(SystemEvent::Shutdown, noting(&log, "before"));
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["before", "end is lost", "during"]);
}

fn before_the_shutdown_the_reactor_takes_calls_and_descriptors(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let inner = log.clone();
    reactor.before(SystemEvent::Shutdown, move |reactor: &Reactor| {
        let (firer, done) = Deferred::new();
        let firer = Cell::new(Some(firer));
        let end = end.on_read(move |end, reactor| {
            end.read_byte()?;
            let (firer, log) = (firer.take(), inner.clone());
            reactor.call_later(Duration::ZERO, move |_| {
                log.note("called");
                firer.map(|firer| firer.callback(()));
            });
            Ok(())
        });
        reactor.add_reader(Rc::new(end)).unwrap();
        done
    });
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["end reads", "called", "end is lost"]);
}

fn during_the_shutdown_the_reactor_takes_no_calls_and_descriptors(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    let inner = log.clone();
    reactor.during(SystemEvent::Shutdown, move |reactor: &Reactor| {
        let call = reactor.call_later(Duration::ZERO, noting(&inner, "never called"));
        assert_eq!(call.cancel(), Err(CallError::AlreadyCancelled));
        reactor.add_reader(Rc::clone(&end) as _).unwrap_err();
        reactor.add_writer(end).unwrap_err();
        inner.note("refused");
    });
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["refused"]);
}

fn what_is_written_before_the_shutdown_is_sent(reactor: Reactor) {
    let log = Log::default();
    let (end, peer) = End::pair("end", &log);
    let (firer, done) = Deferred::new();
    let firer = Cell::new(Some(firer));
    let end = Rc::new(end.on_write(move |end, reactor| {
        rustix::io::write(end, b"bye")?;
        reactor.remove_writer(end);
        firer.take().map(|firer| firer.callback(()));
        Ok(())
    }));
    reactor.before(SystemEvent::Shutdown, move |reactor: &Reactor| {
        reactor.add_writer(end).unwrap();
        done
    });
    stop_at_once(&reactor);

    run(&reactor);

    let mut sent = [0; 4];
    let n = rustix::io::read(&peer, &mut sent).unwrap();
    assert_eq!(&sent[..n], b"bye");
}

//
fn the_reactor_does_not_count_as_running_in_its_shutdown(reactor: Reactor) {
    let log = Log::default();
    let look = |when: &'static str| {
        let log = log.clone();
        move |reactor: &Reactor| {
            let (running, stopping) = (reactor.is_running(), reactor.is_stopping());
            log.note(format!("{when}: running {running}, stopping {stopping}"));
        }
    };
    reactor.before(SystemEvent::Shutdown, look("before"));
    reactor.during(SystemEvent::Shutdown, look("during"));
    reactor.after(SystemEvent::Shutdown, look("after"));
    stop_at_once(&reactor);

    run(&reactor);
    look("later")(&reactor);

    log.assert(&[
        "before: running false, stopping false",
        "during: running false, stopping true",
        "after: running false, stopping true",
        "later: running false, stopping false",
    ]);
}

//
fn a_reactor_that_shuts_down_cannot_be_told_to_stop(reactor: Reactor) {
    let log = Log::default();
    let stop = || {
        let log = log.clone();
        move |reactor: &Reactor| log.note(format!("{:?}", reactor.stop()))
    };
    reactor.before(SystemEvent::Shutdown, stop());
    reactor.during(SystemEvent::Shutdown, stop());
    reactor.after(SystemEvent::Shutdown, stop());
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["Err(NotRunning)"; 3]);
}
