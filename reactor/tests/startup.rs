//! The beginning of a run: what comes before, during and after it, and which backend it is on.

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{
    End, Log, Lost, Reports, child_of_this_test, in_a_child, on_every_backend, run,
    run_without_calls, stop_after_turns,
};
use deferred::{Deferred, Firer};
use reactor::{Reactor, ReactorError, Stopped, SystemEvent, Trigger};

on_every_backend!(
    a_reactor_runs_from_the_second_phase_of_its_startup_until_it_is_told_to_stop,
    calls_made_before_the_start_run_in_order_after_the_startup,
    a_call_made_before_the_start_can_be_taken_away,
    a_call_made_before_the_startup_is_over_runs_after_it,
    a_call_made_while_it_runs_gives_no_trigger,
    a_startup_waits_for_what_is_to_be_done_before_it,
    a_startup_waits_for_a_thread,
    a_startup_that_waits_holds_up_no_descriptor,
    a_startup_goes_on_though_something_before_it_fails,
    a_startup_goes_on_though_a_trigger_panics,
    a_reactor_that_waits_for_its_startup_can_be_stopped,
    what_waits_for_a_startup_that_never_comes_is_left_for_the_next_run,
    a_reactor_can_be_stopped_in_each_phase_of_its_startup,
    a_reactor_in_its_startup_cannot_be_run,
    a_run_that_leaves_the_signals_alone_has_a_startup_and_a_shutdown,
    the_startup_comes_before_calls_that_wait,
);

fn noting(log: &Log, what: &'static str) -> impl FnOnce(&Reactor) + 'static {
    let log = log.clone();
    move |_| log.note(what)
}

/// Something that is done after a little while, and noted then.
fn soon(reactor: &Reactor, log: &Log) -> Deferred<()> {
    let (firer, done) = Deferred::new();
    let log = log.clone();
    reactor.call_later(Duration::from_millis(2), move |_| {
        log.note("done");
        firer.callback(());
    });
    done
}

//
fn a_reactor_runs_from_the_second_phase_of_its_startup_until_it_is_told_to_stop(reactor: Reactor) {
    let log = Log::default();
    let look = |when: &'static str| {
        let log = log.clone();
        move |reactor: &Reactor| log.note(format!("{when}: {}", reactor.is_running()))
    };
    reactor.before(SystemEvent::Startup, look("before startup"));
    reactor.during(SystemEvent::Startup, look("during startup"));
    reactor.after(SystemEvent::Startup, look("after startup"));
    reactor.call_later(Duration::ZERO, {
        let told = look("told to stop");
        move |reactor| {
            reactor.stop().unwrap();
            told(reactor);
        }
    });
    reactor.before(SystemEvent::Shutdown, look("before shutdown"));

    run(&reactor);
    look("later")(&reactor);

    log.assert(&[
        "before startup: false",
        "during startup: true",
        "after startup: true",
        "told to stop: false",
        "before shutdown: false",
        "later: false",
    ]);
}

//
fn calls_made_before_the_start_run_in_order_after_the_startup(reactor: Reactor) {
    let log = Log::default();
    reactor.call_when_running(noting(&log, "first"));
    reactor.after(SystemEvent::Startup, noting(&log, "after"));
    reactor.call_when_running(noting(&log, "second"));
    reactor.during(SystemEvent::Startup, noting(&log, "during"));
    reactor.before(SystemEvent::Startup, noting(&log, "before"));
    stop_after_turns(&reactor, 0);

    run(&reactor);

    log.assert(&["before", "during", "first", "after", "second"]);
}

//
fn a_call_made_before_the_start_can_be_taken_away(reactor: Reactor) {
    let log = Log::default();
    let triggers = ["first", "second", "third"].map(|name| {
        let trigger = reactor.call_when_running(noting(&log, name));
        trigger.expect("it does not run yet")
    });

    let removed = triggers[1].remove();
    stop_after_turns(&reactor, 0);
    run(&reactor);

    assert!(removed);
    log.assert(&["first", "third"]);
    assert!(!triggers.iter().any(Trigger::remove));
}

//
fn a_call_made_before_the_startup_is_over_runs_after_it(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.before(SystemEvent::Startup, move |reactor: &Reactor| {
        let trigger = reactor.call_when_running(noting(&inner, "called"));
        inner.note(format!("{trigger:?}"));
    });
    reactor.during(SystemEvent::Startup, noting(&log, "during"));
    stop_after_turns(&reactor, 0);

    run(&reactor);

    log.assert(&["Some(Trigger(after startup))", "during", "called"]);
}

//
fn a_call_made_while_it_runs_gives_no_trigger(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.during(SystemEvent::Startup, move |reactor: &Reactor| {
        let trigger = reactor.call_when_running(noting(&inner, "called"));
        inner.note(format!("returned {trigger:?}"));
    });
    let inner = log.clone();
    reactor.call_later(Duration::ZERO, move |reactor| {
        let trigger = reactor.call_when_running(noting(&inner, "called"));
        inner.note(format!("returned {trigger:?}"));
        reactor.stop()
    });

    run(&reactor);

    log.assert(&["called", "returned None", "called", "returned None"]);
}

//
fn a_startup_waits_for_what_is_to_be_done_before_it(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.before(SystemEvent::Startup, move |reactor: &Reactor| {
        soon(reactor, &inner)
    });
    reactor.before(SystemEvent::Startup, noting(&log, "before"));
    reactor.during(SystemEvent::Startup, noting(&log, "during"));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    log.assert(&["before", "done", "during"]);
}

//
fn a_startup_waits_for_a_thread(reactor: Reactor) {
    let (firer, done) = Deferred::new();
    let slot = reactor.extension::<RefCell<Option<Firer<()>>>>();
    slot.replace(Some(firer));
    reactor.before(SystemEvent::Startup, move |reactor: &Reactor| {
        let remote = reactor.remote_handle();
        thread::spawn(move || {
            remote.call_from_thread(|reactor| {
                let slot = reactor.extension::<RefCell<Option<Firer<()>>>>();
                slot.take().unwrap().callback(());
            })
        });
        done
    });
    reactor.call_when_running(Reactor::stop);

    let stopped = run_without_calls(&reactor);

    assert_eq!(stopped, Stopped::Asked);
    assert!(slot.take().is_none());
}

fn a_startup_that_waits_holds_up_no_descriptor(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let (firer, done) = Deferred::new();
    let firer = Cell::new(Some(firer));
    let end = end.on_read(move |end, _| {
        end.read_byte()?;
        firer.take().map(|firer| firer.callback(()));
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.before(SystemEvent::Startup, move |_: &Reactor| done);
    reactor.call_when_running(noting(&log, "started"));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    log.assert(&["end reads", "started", "end is lost"]);
}

//
fn a_startup_goes_on_though_something_before_it_fails(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    reactor.before(SystemEvent::Startup, |_: &Reactor| {
        Deferred::<()>::fail(Lost)
    });
    let inner = log.clone();
    reactor.before(SystemEvent::Startup, move |reactor: &Reactor| {
        soon(reactor, &inner).add_callback(|()| Err::<(), _>(Lost.into()))
    });
    reactor.call_when_running(noting(&log, "started"));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    let reported = reports.taken();
    assert_eq!(reported.len(), 2);
    let named = |(headline, _): &(String, _)| headline.contains("a trigger before startup");
    assert!(reported.iter().all(named), "{reported:?}");
    log.assert(&["done", "started"]);
}

//
fn a_startup_goes_on_though_a_trigger_panics(reactor: Reactor) {
    fn panics(_: &Reactor) {
        panic!("a wave")
    }
    let reports = Reports::collected();
    let log = Log::default();
    reactor.before(SystemEvent::Startup, panics);
    reactor.during(SystemEvent::Startup, panics);
    reactor.call_when_running(panics);
    reactor.call_when_running(noting(&log, "started"));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    assert_eq!(reports.taken().len(), 3);
    log.assert(&["started"]);
}

fn a_reactor_that_waits_for_its_startup_can_be_stopped(reactor: Reactor) {
    let log = Log::default();
    let (firer, never) = Deferred::new();
    reactor.before(SystemEvent::Startup, move |_: &Reactor| never);
    reactor.during(SystemEvent::Startup, noting(&log, "during startup"));
    reactor.before(SystemEvent::Shutdown, noting(&log, "before shutdown"));
    reactor.after(SystemEvent::Shutdown, noting(&log, "after shutdown"));
    stop_after_turns(&reactor, 2);

    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Asked);
    log.assert(&["before shutdown", "after shutdown"]);
    drop(firer);
}

fn what_waits_for_a_startup_that_never_comes_is_left_for_the_next_run(reactor: Reactor) {
    let log = Log::default();
    let (_firer, never) = Deferred::new();
    reactor.before(SystemEvent::Startup, move |_: &Reactor| never);
    reactor.call_when_running(noting(&log, "started"));
    stop_after_turns(&reactor, 2);

    run(&reactor);
    log.note("next run");
    stop_after_turns(&reactor, 0);
    run(&reactor);

    log.assert(&["next run", "started"]);
}

fn a_reactor_can_be_stopped_in_each_phase_of_its_startup(reactor: Reactor) {
    type Add = fn(&Reactor, fn(&Reactor)) -> Trigger;
    let stop = |reactor: &Reactor| reactor.stop().expect("it starts");
    let add: [Add; 3] = [
        |reactor, stop| reactor.before(SystemEvent::Startup, stop),
        |reactor, stop| reactor.during(SystemEvent::Startup, stop),
        |reactor, stop| reactor.after(SystemEvent::Startup, stop),
    ];
    let log = Log::default();

    for add in add {
        add(&reactor, stop);
        reactor.call_when_running(noting(&log, "the startup goes on"));
        reactor.after(SystemEvent::Shutdown, noting(&log, "ended"));
        run(&reactor);
    }

    log.assert(&["the startup goes on", "ended"].repeat(3));
}

//
fn a_reactor_in_its_startup_cannot_be_run(reactor: Reactor) {
    let log = Log::default();
    let runs = || {
        let log = log.clone();
        move |reactor: &Reactor| {
            log.note(format!("{:?}", reactor.run()));
            log.note(format!("{:?}", reactor.iterate(Duration::ZERO)));
        }
    };
    reactor.before(SystemEvent::Startup, runs());
    reactor.during(SystemEvent::Startup, runs());
    reactor.after(SystemEvent::Startup, runs());
    stop_after_turns(&reactor, 0);

    run(&reactor);

    log.assert(&["Err(AlreadyRunning)"; 6]);
}

fn a_run_that_leaves_the_signals_alone_has_a_startup_and_a_shutdown(reactor: Reactor) {
    let log = Log::default();
    reactor.during(SystemEvent::Startup, noting(&log, "startup"));
    reactor.during(SystemEvent::Shutdown, noting(&log, "shutdown"));
    let inner = log.clone();
    reactor.call_when_running(move |reactor| {
        inner.note(format!("{:?}", reactor.run_without_signals()));
        reactor.stop()
    });

    let stopped = reactor.run_without_signals();

    assert!(matches!(stopped, Ok(Stopped::Asked)));
    log.assert(&["startup", "Err(AlreadyRunning)", "shutdown"]);
    assert!(matches!(reactor.stop(), Err(ReactorError::NotRunning)));
}

fn the_startup_comes_before_calls_that_wait(reactor: Reactor) {
    let log = Log::default();
    let threads = reactor.extension::<Log>();
    reactor
        .remote_handle()
        .call_from_thread(|reactor| reactor.extension::<Log>().note("call of a thread"))
        .unwrap();
    reactor.after(SystemEvent::Startup, {
        let (log, threads) = (log.clone(), Rc::clone(&threads));
        move |_: &Reactor| {
            threads.assert(&[]);
            log.note("started");
        }
    });
    reactor.call_later(Duration::ZERO, noting(&log, "due call"));
    stop_after_turns(&reactor, 0);

    run(&reactor);

    log.assert(&["started", "due call"]);
    threads.assert(&["call of a thread"]);
}

// By design `polling` is taken, which works everywhere, where Twisted takes the best of the platform.
//
#[test]
fn without_a_choice_the_backend_is_the_one_that_works_everywhere() {
    if in_a_child() {
        let reactor = Reactor::new().expect("there are descriptors left");
        return println!("\nbackend: {}", reactor.backend_name());
    }
    let mut child = child_of_this_test();
    child.env_remove("REACTOR_BACKEND");

    let output = child.output().expect("a program can be run twice");

    let output = String::from_utf8(output.stdout).expect("the child writes text");
    assert!(output.contains("backend: polling"), "{output}");
}

//
#[test]
fn a_backend_that_this_platform_lacks_is_an_error_that_names_it() {
    let error = reactor::backend::from_name("kqueue").map(drop).unwrap_err();

    assert!(error.to_string().contains("\"kqueue\""), "{error}");
}
