//! Delayed calls: when they run, in what order, and how long the reactor waits for them.
//!
//! What takes more than a few milliseconds, or must happen at one and the same time, is shown in
//! simulated time; it stands above the backends and is the same on all of them.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use common::{
    BackendName, End, LIMIT, Log, Lost, Ownership, Reports, SimulatedTime, on_every_backend, run,
    run_without_calls,
};
use reactor::{CallError, DelayedCall, Reactor};

const SECOND: Duration = Duration::from_secs(1);

on_every_backend!(
    a_call_is_never_early,
    a_call_runs_once_and_on_the_thread_of_the_reactor,
    a_call_may_stop_the_reactor,
    a_call_that_fails_is_reported_with_where_it_was_made,
    calls_run_in_the_order_of_their_times,
    calls_without_delay_run_in_the_order_made,
    a_call_made_by_a_call_runs_in_a_later_turn,
    a_call_that_renews_itself_lets_descriptors_have_their_turn,
    without_calls_the_wait_has_no_end,
    with_only_cancelled_calls_the_wait_has_no_end,
    the_wait_is_as_long_as_the_next_call_is_away,
    the_wait_for_an_overdue_call_is_zero,
    a_delay_of_all_time_is_no_error_and_never_comes,
    the_clock_never_goes_back,
    the_end_of_the_run_cancels_the_calls_that_are_left,
    a_call_made_while_the_reactor_stops_never_runs,
);

//
fn a_call_is_never_early(reactor: Reactor) {
    let log = Log::default();
    for micros in (0..4000).step_by(130) {
        let delay = Duration::from_micros(micros);
        let log = log.clone();
        let made = Instant::now();
        let handle = Rc::new(Cell::new(None::<Duration>));
        let due = Rc::clone(&handle);
        let call = reactor.call_later(delay, move |reactor| {
            let early = made.elapsed() < delay || Some(reactor.now()) < due.get();
            log.note(if early { "early" } else { "in time" });
        });
        handle.set(call.time());
    }
    reactor.call_later(Duration::from_millis(5), Reactor::stop);

    run(&reactor);

    log.assert(&["in time"; 31]);
}

//
fn a_call_runs_once_and_on_the_thread_of_the_reactor(reactor: Reactor) {
    let log = Log::default();
    let here = thread::current().id();
    let noting = log.clone();
    reactor.call_later(Duration::from_millis(1), move |_| {
        noting.note(format!("here: {}", thread::current().id() == here));
    });
    reactor.call_later(Duration::from_millis(4), Reactor::stop);

    run(&reactor);

    log.assert(&["here: true"]);
}

//
fn a_call_may_stop_the_reactor(reactor: Reactor) {
    reactor.call_later(Duration::from_millis(1), Reactor::stop);

    run(&reactor);

    assert!(!reactor.is_running());
}

//
fn a_call_that_fails_is_reported_with_where_it_was_made(reactor: Reactor) {
    let reports = Reports::collected();
    reactor.call_later(Duration::ZERO, |_| Err(Lost));
    let line = line!() - 1;
    reactor.call_later(Duration::ZERO, Reactor::stop);

    run(&reactor);

    let (headline, failure) = reports.only_one();
    assert!(headline.contains(&format!("time.rs:{line}:")), "{headline}");
    assert!(failure.check::<Lost>().is_some());
}

//
fn calls_run_in_the_order_of_their_times(reactor: Reactor) {
    let log = Log::default();
    for millis in [3, 1, 4, 2] {
        let log = log.clone();
        reactor.call_later(Duration::from_millis(millis), move |_| {
            log.note(millis.to_string());
        });
    }
    reactor.call_later(Duration::from_millis(5), Reactor::stop);

    run(&reactor);

    log.assert(&["1", "2", "3", "4"]);
}

//
#[test]
fn calls_that_came_due_during_one_long_callback_run_in_the_order_of_their_times() {
    let (reactor, time) = SimulatedTime::reactor();
    let log = Log::default();
    reactor.call_later(SECOND, move |_| time.pass(60 * SECOND));
    for seconds in [30, 10, 40, 20] {
        let log = log.clone();
        reactor.call_later(seconds * SECOND, move |_| log.note(seconds.to_string()));
    }
    reactor.call_later(50 * SECOND, Reactor::stop);

    reactor.run().unwrap();

    log.assert(&["10", "20", "30", "40"]);
}

//
#[test]
fn calls_due_at_the_same_time_run_in_the_order_made() {
    let (reactor, _time) = SimulatedTime::reactor();
    let log = Log::default();
    for n in 0..100 {
        let log = log.clone();
        reactor.call_later(SECOND, move |_| log.note(n.to_string()));
    }
    reactor.call_later(SECOND, Reactor::stop);

    reactor.run().unwrap();

    let expected: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    log.assert(&expected.iter().map(String::as_str).collect::<Vec<_>>());
}

//
fn calls_without_delay_run_in_the_order_made(reactor: Reactor) {
    let log = Log::default();
    for n in 0..100 {
        let log = log.clone();
        reactor.call_later(Duration::ZERO, move |_| log.note(n.to_string()));
    }
    reactor.call_later(Duration::ZERO, Reactor::stop);

    run(&reactor);

    let expected: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    log.assert(&expected.iter().map(String::as_str).collect::<Vec<_>>());
}

//
fn a_call_made_by_a_call_runs_in_a_later_turn(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let log = Log::default();
    let outer = log.clone();
    reactor.call_later(Duration::ZERO, move |reactor| {
        outer.note(format!("outer: {} waits", waits.count()));
        reactor.call_later(Duration::ZERO, move |reactor| {
            outer.note(format!("inner: {} waits", waits.count()));
            reactor.stop()
        });
    });

    run(&reactor);

    log.assert(&["outer: 0 waits", "inner: 1 waits"]);
}

fn a_call_that_renews_itself_lets_descriptors_have_their_turn(reactor: Reactor) {
    fn renew(reactor: &Reactor) {
        reactor.call_later(Duration::ZERO, renew);
    }
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = end.on_read(|_, reactor| Ok(reactor.stop()?));
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running(renew);

    run(&reactor);

    log.assert(&["end reads", "end is lost"]);
}

//
fn without_calls_the_wait_has_no_end(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = end.on_read(|_, reactor| Ok(reactor.stop()?));
    reactor.add_reader(Rc::new(end)).unwrap();

    run_without_calls(&reactor);

    assert_eq!(waits.timeouts(), [None]);
}

//
fn with_only_cancelled_calls_the_wait_has_no_end(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = end.on_read(|_, reactor| Ok(reactor.stop()?));
    reactor.add_reader(Rc::new(end)).unwrap();
    let call = reactor.call_later(SECOND, |_| ());

    call.cancel().unwrap();

    run_without_calls(&reactor);
    assert_eq!(waits.timeouts(), [None]);
}

//
fn the_wait_is_as_long_as_the_next_call_is_away(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = end.on_read(|_, reactor| Ok(reactor.stop()?));
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_later(2 * LIMIT, |_| ());
    reactor.call_later(LIMIT, |_| ());
    reactor.call_later(LIMIT / 2, |_| ()).cancel().unwrap();

    run_without_calls(&reactor);

    let timeouts = waits.timeouts();
    assert_eq!(timeouts.len(), 1);
    assert!(timeouts[0].is_some_and(|timeout| LIMIT / 2 < timeout && timeout <= LIMIT));
}

//
#[test]
fn the_wait_shrinks_as_time_passes() {
    let (reactor, time) = SimulatedTime::reactor();
    let passing = time.clone();
    reactor.call_later(3 * SECOND, move |_| passing.pass(2 * SECOND));
    reactor.call_later(10 * SECOND, Reactor::stop);

    reactor.run().unwrap();

    let timeouts = time.waits().timeouts();
    assert_eq!(timeouts, [Some(3 * SECOND), Some(5 * SECOND)]);
}

//
fn the_wait_for_an_overdue_call_is_zero(on: BackendName) {
    let (reactor, waits) = on.recorded();
    reactor.call_later(Duration::ZERO, |reactor| {
        reactor.call_later(Duration::ZERO, Reactor::stop);
        let begun = reactor.now();
        while reactor.now() - begun < Duration::from_millis(1) {}
    });

    run(&reactor);

    assert_eq!(waits.timeouts(), [Some(Duration::ZERO)]);
}

fn a_delay_of_all_time_is_no_error_and_never_comes(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let call = reactor.call_later(Duration::MAX, move |_| noting.note("called"));
    let (end, peer) = End::pair("end", &log);
    let end = end.on_read(|_, reactor| Ok(reactor.stop()?));
    reactor.add_reader(Rc::new(end)).unwrap();
    let other = thread::spawn(move || drop(peer));
    call.delay(Duration::MAX).unwrap();

    run_without_calls(&reactor);

    other.join().unwrap();
    log.assert(&["end reads", "end is lost"]);
}

//
fn the_clock_never_goes_back(reactor: Reactor) {
    let mut last = reactor.now();

    for _ in 0..10_000 {
        let now = reactor.now();
        assert!(last <= now);
        last = now;
    }
}

//
#[test]
fn the_time_is_that_of_the_backend_in_callbacks_too() {
    let (reactor, time) = SimulatedTime::reactor();
    let log = Log::default();
    time.pass(5 * SECOND);
    let noting = log.clone();
    reactor.call_later(SECOND, move |reactor| {
        noting.note(format!("{:?}", reactor.now()));
        reactor.stop()
    });

    reactor.run().unwrap();

    log.assert(&["6s"]);
}

fn the_end_of_the_run_cancels_the_calls_that_are_left(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let call = reactor.call_later(LIMIT, move |_| drop(owned));
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    assert_eq!(call.cancel(), Err(CallError::AlreadyCancelled));
    assert!(ownership.is_over());
}

fn a_call_made_while_the_reactor_stops_never_runs(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let made = Rc::new(Cell::new(None::<DelayedCall>));
    let (end, _peer) = End::pair("end", &Log::default());
    let owned = Cell::new(Some(owned));
    let end = end.on_lost({
        let made = Rc::clone(&made);
        move |reactor, _| {
            let owned = owned.take();
            made.set(Some(
                reactor.call_later(Duration::ZERO, move |_| drop(owned)),
            ));
        }
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    assert!(!made.take().expect("it was made").active());
    assert!(ownership.is_over());
}
