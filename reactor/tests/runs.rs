//! Several runs of one reactor: what each leaves to the next one, and what it does not.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::{BackendName, End, Log, Ownership, on_every_backend, run};
use deferred::Deferred;
use reactor::{Reactor, ReactorError, Stopped, SystemEvent};

on_every_backend!(
    a_call_made_when_running_runs_at_once_in_a_shutdown,
    triggers_run_in_one_run_only,
    triggers_added_between_two_runs_run_in_the_second_one,
    a_trigger_for_what_is_over_runs_in_the_next_run,
    firing_the_shutdown_by_hand_stops_nothing,
    firing_the_startup_by_hand_starts_nothing,
    nothing_is_left_of_the_triggers_of_a_run,
    dropping_the_owner_in_a_run_waits_for_what_is_before_the_shutdown,
    dropping_the_owner_while_a_startup_waits_ends_the_run,
    a_reactor_that_is_dropped_without_a_run_fires_no_shutdown,
    a_wait_for_the_shutdown_is_a_wait_of_the_backend,
);

fn noting(log: &Log, what: &'static str) -> impl FnOnce(&Reactor) + 'static {
    let log = log.clone();
    move |_| log.note(what)
}

/// Has the reactor stop as soon as it runs.
fn stop_at_once(reactor: &Reactor) {
    reactor.call_when_running(Reactor::stop);
}

/// Something that is done after a little while.
fn soon(reactor: &Reactor) -> Deferred<()> {
    let (firer, done) = Deferred::new();
    reactor.call_later(Duration::from_millis(2), move |_| {
        firer.callback(());
    });
    done
}

//
fn a_call_made_when_running_runs_at_once_in_a_shutdown(reactor: Reactor) {
    let log = Log::default();
    for phase in ["before", "during"] {
        let log = log.clone();
        let trigger = move |reactor: &Reactor| {
            let handle = reactor.call_when_running(noting(&log, "called"));
            log.note(format!("{phase}: {handle:?}"));
        };
        match phase {
            "before" => reactor.before(SystemEvent::Shutdown, trigger),
            _ => reactor.during(SystemEvent::Shutdown, trigger),
        };
    }
    stop_at_once(&reactor);

    run(&reactor);

    log.assert(&["called", "before: None", "called", "during: None"]);
}

fn triggers_run_in_one_run_only(reactor: Reactor) {
    let log = Log::default();
    for event in [SystemEvent::Startup, SystemEvent::Shutdown] {
        reactor.before(event, noting(&log, "before"));
        reactor.during(event, noting(&log, "during"));
        reactor.after(event, noting(&log, "after"));
    }

    for _ in 0..2 {
        stop_at_once(&reactor);
        run(&reactor);
        log.note("returned");
    }

    let order = [
        "before", "during", "after", "before", "during", "after", "returned", "returned",
    ];
    log.assert(&order);
}

fn triggers_added_between_two_runs_run_in_the_second_one(reactor: Reactor) {
    let log = Log::default();
    for startup in ["first", "second"] {
        let trigger = |reactor: &Reactor| soon(reactor);
        reactor.before(SystemEvent::Startup, trigger);
        reactor.during(SystemEvent::Startup, noting(&log, startup));
        reactor.before(SystemEvent::Shutdown, trigger);
        reactor.after(SystemEvent::Shutdown, noting(&log, "ended"));
        stop_at_once(&reactor);

        run(&reactor);
    }

    log.assert(&["first", "ended", "second", "ended"]);
}

fn a_trigger_for_what_is_over_runs_in_the_next_run(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.after(SystemEvent::Shutdown, move |reactor: &Reactor| {
        reactor.before(SystemEvent::Shutdown, noting(&inner, "before shutdown"));
        reactor.before(SystemEvent::Startup, noting(&inner, "before startup"));
    });

    stop_at_once(&reactor);
    run(&reactor);
    log.note("next run");
    stop_at_once(&reactor);
    run(&reactor);

    log.assert(&["next run", "before startup", "before shutdown"]);
}

fn firing_the_shutdown_by_hand_stops_nothing(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));
    reactor.call_when_running({
        let log = log.clone();
        move |reactor| {
            reactor.fire_system_event(SystemEvent::Shutdown);
            log.note(format!("running: {}", reactor.is_running()));
        }
    });
    reactor.call_later(Duration::from_millis(1), Reactor::stop);

    run(&reactor);

    log.assert(&["during", "running: true", "end is lost"]);
}

fn firing_the_startup_by_hand_starts_nothing(reactor: Reactor) {
    let log = Log::default();
    reactor.call_when_running({
        let log = log.clone();
        move |reactor| log.note(format!("running: {}", reactor.is_running()))
    });

    reactor.fire_system_event(SystemEvent::Startup);

    log.assert(&["running: false"]);
    assert!(matches!(reactor.stop(), Err(ReactorError::NotRunning)));
}

fn nothing_is_left_of_the_triggers_of_a_run(reactor: Reactor) {
    let owned: Vec<_> = (0..4).map(|_| Ownership::new()).collect();
    let (owned, ownerships): (Vec<_>, Vec<_>) = owned.into_iter().unzip();
    let mut owned = owned.into_iter();
    let mut keep = || {
        let kept = (owned.next(), reactor.clone());
        move |reactor: &Reactor| {
            let done = soon(reactor);
            done.map(move |()| drop(kept))
        }
    };
    reactor.before(SystemEvent::Startup, keep());
    reactor.before(SystemEvent::Startup, keep());
    reactor.before(SystemEvent::Shutdown, keep());
    reactor.before(SystemEvent::Shutdown, keep());
    stop_at_once(&reactor);

    run(&reactor);

    assert!(ownerships.iter().all(Ownership::is_over));
}

fn dropping_the_owner_in_a_run_waits_for_what_is_before_the_shutdown(reactor: Reactor) {
    let log = Log::default();
    let clone = reactor.clone();
    let inner = log.clone();
    clone.before(SystemEvent::Shutdown, move |reactor: &Reactor| {
        soon(reactor).map(move |()| inner.note("before"))
    });
    clone.during(SystemEvent::Shutdown, noting(&log, "during"));
    clone.call_when_running(move |_| drop(reactor));

    let stopped = run(&clone);

    assert_eq!(stopped, Stopped::Asked);
    log.assert(&["before", "during"]);
    assert!(matches!(clone.run(), Err(ReactorError::Closed)));
}

fn dropping_the_owner_while_a_startup_waits_ends_the_run(reactor: Reactor) {
    let log = Log::default();
    let clone = reactor.clone();
    let (_firer, never) = Deferred::new();
    clone.before(SystemEvent::Startup, move |_: &Reactor| never);
    let owner = Cell::new(Some(reactor));
    clone.call_later(Duration::from_millis(1), move |_| drop(owner.take()));
    clone.after(SystemEvent::Shutdown, noting(&log, "after"));

    let stopped = run(&clone);

    assert_eq!(stopped, Stopped::Asked);
    log.assert(&["after"]);
    assert!(matches!(clone.run(), Err(ReactorError::Closed)));
}

fn a_reactor_that_is_dropped_without_a_run_fires_no_shutdown(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.before(SystemEvent::Shutdown, noting(&log, "before"));
    reactor.during(SystemEvent::Shutdown, noting(&log, "during"));

    drop(reactor);

    log.assert(&["end is lost"]);
}

fn a_wait_for_the_shutdown_is_a_wait_of_the_backend(on: BackendName) {
    let (reactor, waits) = on.recorded();
    reactor.before(SystemEvent::Shutdown, |reactor: &Reactor| {
        let (firer, done) = Deferred::new();
        reactor.call_later(Duration::from_millis(20), move |_| {
            firer.callback(());
        });
        done
    });
    stop_at_once(&reactor);

    run(&reactor);

    // One wait for that call, or a few more if it is woken a little early; none that only spins.
    assert!((1..5).contains(&waits.count()), "{:?}", waits.timeouts());
}
