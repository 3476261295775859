//! Delayed calls that are cancelled or moved before they run, and what they say of their state.
//!
//! What takes more than a few milliseconds is shown in simulated time; it stands above the backends and is
//! the same on all of them.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::{End, LIMIT, Log, Ownership, SimulatedTime, on_every_backend, run, stop_after_turns};
use reactor::{CallError, DelayedCall, Reactor};

const SECOND: Duration = Duration::from_secs(1);

on_every_backend!(
    a_cancelled_call_never_runs,
    a_call_can_cancel_another_one_that_is_due_as_well,
    a_call_that_is_reset_to_sooner_ends_the_wait_sooner,
    a_call_that_has_run_cannot_be_cancelled_or_moved,
    a_call_that_runs_cannot_be_cancelled_or_moved,
    dropping_the_handle_leaves_the_call,
);

//
fn a_cancelled_call_never_runs(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let call = reactor.call_later(Duration::from_millis(1), move |_| noting.note("called"));
    reactor.call_later(Duration::from_millis(4), Reactor::stop);

    call.cancel().unwrap();

    run(&reactor);
    log.assert(&[]);
}

//
fn a_call_can_cancel_another_one_that_is_due_as_well(reactor: Reactor) {
    let log = Log::default();
    let other = Rc::new(Cell::new(None::<DelayedCall>));
    reactor.call_later(Duration::ZERO, {
        let other = Rc::clone(&other);
        move |_| other.take().expect("it was put there").cancel()
    });
    let noting = log.clone();
    other.set(Some(
        reactor.call_later(Duration::ZERO, move |_| noting.note("called")),
    ));
    stop_after_turns(&reactor, 1);

    run(&reactor);

    log.assert(&[]);
}

//
#[test]
fn a_cancelled_call_cannot_be_cancelled_or_moved() {
    let (reactor, _time) = SimulatedTime::reactor();
    let call = reactor.call_later(SECOND, |_| ());
    call.cancel().unwrap();

    let errors = [call.cancel(), call.reset(SECOND), call.delay(SECOND)];

    assert_eq!(errors, [Err(CallError::AlreadyCancelled); 3]);
}

//
fn a_call_that_has_run_cannot_be_cancelled_or_moved(reactor: Reactor) {
    let call = reactor.call_later(Duration::ZERO, Reactor::stop);
    run(&reactor);

    let errors = [call.cancel(), call.reset(SECOND), call.delay(SECOND)];

    assert_eq!(errors, [Err(CallError::AlreadyCalled); 3]);
}

//
fn a_call_that_runs_cannot_be_cancelled_or_moved(reactor: Reactor) {
    let log = Log::default();
    let itself = Rc::new(Cell::new(None::<DelayedCall>));
    let call = reactor.call_later(Duration::ZERO, {
        let (log, itself) = (log.clone(), Rc::clone(&itself));
        move |reactor| {
            let call = itself.take().expect("it was put there");
            log.note(format!("cancel: {:?}", call.cancel()));
            log.note(format!("reset: {:?}", call.reset(SECOND)));
            log.note(format!("delay: {:?}", call.delay(SECOND)));
            reactor.stop()
        }
    });
    itself.set(Some(call));

    run(&reactor);

    log.assert(&[
        "cancel: Err(AlreadyCalled)",
        "reset: Err(AlreadyCalled)",
        "delay: Err(AlreadyCalled)",
    ]);
}

//
#[test]
fn reset_counts_from_now() {
    let (reactor, time) = SimulatedTime::reactor();
    let call = reactor.call_later(50 * SECOND, |_| ());
    time.pass(10 * SECOND);

    call.reset(20 * SECOND).unwrap();

    assert_eq!(call.time(), Some(30 * SECOND));
}

//
#[test]
fn reset_can_make_a_call_due_later() {
    let (reactor, _time) = SimulatedTime::reactor();
    let log = Log::default();
    let noting = log.clone();
    let call = reactor.call_later(SECOND, move |_| noting.note("moved call"));
    let noting = log.clone();
    reactor.call_later(2 * SECOND, move |_| noting.note("other call"));
    reactor.call_later(4 * SECOND, Reactor::stop);

    call.reset(3 * SECOND).unwrap();

    reactor.run().unwrap();
    log.assert(&["other call", "moved call"]);
}

//
fn a_call_that_is_reset_to_sooner_ends_the_wait_sooner(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let call = reactor.call_later(2 * LIMIT, move |reactor| {
        noting.note("called");
        reactor.stop()
    });
    let (end, peer) = End::pair("end", &log);
    let end = end.on_read(move |end, reactor| {
        reactor.remove_reader(end);
        Ok(call.reset(Duration::from_millis(1))?)
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(1), move |_| drop(peer));

    run(&reactor);

    log.assert(&["end reads", "called"]);
}

//
#[test]
fn delay_counts_from_when_the_call_was_due() {
    let (reactor, time) = SimulatedTime::reactor();
    let call = reactor.call_later(50 * SECOND, |_| ());
    time.pass(10 * SECOND);

    call.delay(20 * SECOND).unwrap();

    assert_eq!(call.time().unwrap() - reactor.now(), 60 * SECOND);
}

//
#[test]
fn a_call_is_active_until_it_is_cancelled() {
    let (reactor, _time) = SimulatedTime::reactor();
    let call = reactor.call_later(SECOND, |_| ());
    assert!(call.active());

    call.cancel().unwrap();

    assert!(!call.active());
    assert_eq!(call.time(), None);
}

//
#[test]
fn a_call_is_active_until_it_begins_to_run() {
    let (reactor, _time) = SimulatedTime::reactor();
    let log = Log::default();
    let itself = Rc::new(Cell::new(None::<DelayedCall>));
    let call = reactor.call_later(SECOND, {
        let (log, itself) = (log.clone(), Rc::clone(&itself));
        move |reactor| {
            let call = itself.take().expect("it was put there");
            log.note(format!("running: {} {:?}", call.active(), call.time()));
            reactor.stop()
        }
    });
    log.note(format!("waiting: {} {:?}", call.active(), call.time()));
    itself.set(Some(call));

    reactor.run().unwrap();

    log.assert(&["waiting: true Some(1s)", "running: false None"]);
}

// R-050 (at once)
#[test]
fn a_cancelled_call_drops_what_it_owns_at_once() {
    let (reactor, _time) = SimulatedTime::reactor();
    let (owned, ownership) = Ownership::new();
    let call = reactor.call_later(SECOND, move |_| drop(owned));

    call.cancel().unwrap();

    assert!(ownership.is_over());
}

// R-050 (what is dropped may use the reactor)
#[test]
fn what_a_cancelled_call_owns_may_use_the_reactor_when_it_is_dropped() {
    struct CancelsAnother(DelayedCall, Reactor);
    impl Drop for CancelsAnother {
        fn drop(&mut self) {
            self.0.cancel().unwrap();
            self.1.call_later(SECOND, Reactor::stop);
        }
    }
    let (reactor, time) = SimulatedTime::reactor();
    let other = reactor.call_later(2 * SECOND, |_| ());
    let owned = CancelsAnother(other.clone(), reactor.clone());
    let call = reactor.call_later(3 * SECOND, move |_| drop(owned));

    call.cancel().unwrap();

    assert!(!other.active());
    reactor.run().unwrap();
    assert_eq!(time.waits().timeouts(), [Some(SECOND)]);
}

//
#[test]
fn a_call_prints_its_state_and_where_it_was_made() {
    let (reactor, _time) = SimulatedTime::reactor();
    let call = reactor.call_later(SECOND, |_| ());
    let line = line!() - 1;

    let waiting = format!("{call:?}");
    call.cancel().unwrap();
    let cancelled = format!("{call:?}");

    let made = format!("made at {}:{line}:", file!());
    assert!(
        waiting.contains("due at 1s") && waiting.contains(&made),
        "{waiting}"
    );
    assert!(
        cancelled.contains("cancelled") && cancelled.contains(&made),
        "{cancelled}"
    );
}

//
#[test]
fn a_call_that_has_run_prints_so() {
    let (reactor, _time) = SimulatedTime::reactor();
    let call = reactor.call_later(SECOND, Reactor::stop);

    reactor.run().unwrap();

    assert!(format!("{call:?}").contains("called"));
}

fn dropping_the_handle_leaves_the_call(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let call = reactor.call_later(Duration::from_millis(1), move |reactor| {
        noting.note("called");
        reactor.stop()
    });

    drop(call);

    run(&reactor);
    log.assert(&["called"]);
}
