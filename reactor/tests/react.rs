//! Programs whose whole work is one Deferred, and the codes with which they exit.

mod common;

use std::cell::Cell;
use std::process::{ExitCode, Stdio};
use std::rc::Rc;
use std::time::Duration;

use common::{
    BackendName, End, LIMIT, Log, Lost, Ownership, Reports, SimulatedTime, child_of_this_test,
    in_a_child, on_every_backend, run,
};
use deferred::{Deferred, Failure};
use reactor::Reactor;
use reactor::task::{Exit, react, react_with};
use rustix::process::{Signal, getpid, kill_process};

on_every_backend!(
    the_reactor_runs_until_the_deferred_of_main_fires,
    a_main_that_is_done_already_ends_without_a_wait,
    a_main_that_returns_nothing_is_done,
    a_main_that_fails_at_once_is_reported_once,
    a_main_that_fails_later_is_reported_once,
    a_main_that_panics_is_reported_once,
    a_main_that_succeeds_while_the_reactor_stops_exits_with_0,
    a_main_that_stops_the_reactor_itself_exits_with_0,
    a_main_that_fails_while_the_reactor_stops_is_reported,
    a_main_without_a_result_when_the_reactor_is_stopped_exits_with_0,
    a_main_that_asks_for_a_code_exits_with_it_and_is_not_reported,
    a_main_that_asks_for_a_code_later_exits_with_it,
    a_coroutine_can_be_main,
    a_coroutine_that_fails_is_reported_once,
    a_coroutine_that_asks_for_a_code_exits_with_it,
    a_coroutine_that_ends_at_once_exits_without_a_wait,
    a_coroutine_that_is_dropped_when_the_reactor_stops_is_not_reported,
    a_signal_gives_its_code,
    a_main_that_fails_because_of_the_signal_leaves_the_signals_code,
    main_is_not_called_where_the_reactor_runs_already,
    main_is_not_called_where_the_reactor_is_gone,
    a_reactor_can_have_two_mains_one_after_the_other,
    what_main_owns_is_dropped_when_it_is_over,
    a_failure_after_the_end_is_reported_and_stops_nothing,
);

// T-075, T-083
fn the_reactor_runs_until_the_deferred_of_main_fires(reactor: Reactor) {
    let fired = Rc::new(Cell::new(false));
    let firing = Rc::clone(&fired);

    let code = react_with(&reactor, |reactor| {
        let sleep = reactor.sleep(Duration::from_millis(2));
        sleep.map(move |()| firing.set(true))
    });

    assert!(fired.get());
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(!reactor.is_running());
}

// T-076
fn a_main_that_is_done_already_ends_without_a_wait(on: BackendName) {
    let (reactor, waits) = on.recorded();

    let code = react_with(&reactor, |_| Deferred::succeed(()));

    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(waits.count(), 0);
}

fn a_main_that_returns_nothing_is_done(on: BackendName) {
    let (reactor, waits) = on.recorded();

    let code = react_with(&reactor, |_| ());

    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(waits.count(), 0);
}

// T-077
fn a_main_that_fails_at_once_is_reported_once(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |_| Err::<(), Failure>(Lost.into()));

    assert_eq!(code, ExitCode::FAILURE);
    assert_is_lost(&reports);
}

// T-077
fn a_main_that_fails_later_is_reported_once(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |reactor| {
        let sleep = reactor.sleep(Duration::from_millis(2));
        sleep.add_callback(|()| lost())
    });

    assert_eq!(code, ExitCode::FAILURE);
    assert_is_lost(&reports);
}

fn a_main_that_panics_is_reported_once(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |_| -> Result<(), Failure> {
        panic!("the ink ran out")
    });

    assert_eq!(code, ExitCode::FAILURE);
    let (headline, failure) = reports.only_one();
    assert_eq!(headline, "Unhandled error in main");
    assert!(failure.to_string().contains("the ink ran out"), "{failure}");
}

// T-078
fn a_main_that_succeeds_while_the_reactor_stops_exits_with_0(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();

    let code = react_with(&reactor, |reactor| {
        succeeds_when_the_reactor_stops(reactor, &log)
    });

    assert_eq!(code, ExitCode::SUCCESS);
    assert!(reports.taken().is_empty());
    log.assert(&["end is lost"]);
}

// T-078
fn a_main_that_stops_the_reactor_itself_exits_with_0(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |reactor| {
        let there = reactor.clone();
        let sleep = reactor.sleep(Duration::ZERO);
        sleep.add_callback(move |()| Ok(there.stop()?))
    });

    assert_eq!(code, ExitCode::SUCCESS);
    assert!(reports.taken().is_empty());
}

// T-077
fn a_main_that_fails_while_the_reactor_stops_is_reported(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();

    let code = react_with(&reactor, |reactor| {
        succeeds_when_the_reactor_stops(reactor, &log).add_callback(|()| lost())
    });

    assert_eq!(code, ExitCode::FAILURE);
    assert_is_lost(&reports);
}

fn a_main_without_a_result_when_the_reactor_is_stopped_exits_with_0(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |reactor| {
        reactor.call_when_running(Reactor::stop);
        reactor.sleep(LIMIT)
    });

    assert_eq!(code, ExitCode::SUCCESS);
    assert!(reports.taken().is_empty());
}

// T-081
fn a_main_that_asks_for_a_code_exits_with_it_and_is_not_reported(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |_| Err::<(), Failure>(Exit(42).into()));

    assert_eq!(code, ExitCode::from(42));
    assert!(reports.taken().is_empty());
}

// T-081
fn a_main_that_asks_for_a_code_later_exits_with_it(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |reactor| {
        let sleep = reactor.sleep(Duration::from_millis(2));
        sleep.add_callback(|()| Err::<(), _>(Exit(42).into()))
    });

    assert_eq!(code, ExitCode::from(42));
    assert!(reports.taken().is_empty());
}

// T-082
fn a_coroutine_can_be_main(reactor: Reactor) {
    let ended = Rc::new(Cell::new(false));
    let ending = Rc::clone(&ended);

    let code = react_with(&reactor, |reactor| {
        let there = reactor.clone();
        reactor.spawn(async move {
            there.sleep(Duration::from_millis(1)).await?;
            there.sleep(Duration::from_millis(1)).await?;
            ending.set(true);
            Ok(())
        })
    });

    assert!(ended.get());
    assert_eq!(code, ExitCode::SUCCESS);
}

// T-082
fn a_coroutine_that_fails_is_reported_once(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |reactor| {
        let sleep = reactor.sleep(Duration::from_millis(1));
        reactor.spawn(async move {
            sleep.await?;
            lost()
        })
    });

    assert_eq!(code, ExitCode::FAILURE);
    assert_is_lost(&reports);
}

// T-082
fn a_coroutine_that_asks_for_a_code_exits_with_it(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |reactor| {
        let sleep = reactor.sleep(Duration::from_millis(1));
        reactor.spawn(async move {
            sleep.await?;
            Err(Exit(42).into())
        })
    });

    assert_eq!(code, ExitCode::from(42));
    assert!(reports.taken().is_empty());
}

// T-082
fn a_coroutine_that_ends_at_once_exits_without_a_wait(on: BackendName) {
    let (reactor, waits) = on.recorded();

    let code = react_with(&reactor, |reactor| reactor.spawn(async { Ok(()) }));

    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(waits.count(), 0);
}

fn a_coroutine_that_is_dropped_when_the_reactor_stops_is_not_reported(reactor: Reactor) {
    let reports = Reports::collected();

    let code = react_with(&reactor, |reactor| {
        reactor.call_later(Duration::ZERO, Reactor::stop);
        let sleep = reactor.sleep(LIMIT);
        reactor.spawn(async { sleep.await })
    });

    assert_eq!(code, ExitCode::SUCCESS);
    assert!(reports.taken().is_empty());
}

fn a_signal_gives_its_code(on: BackendName) {
    if !in_a_child() {
        assert_child_succeeds();
        return;
    }
    let reports = Reports::collected();

    let code = react_with(&on.reactor(), |reactor| {
        reactor.call_when_running(|_| kill_process(getpid(), Signal::TERM));
        reactor.sleep(LIMIT)
    });

    assert_eq!(code, ExitCode::from(128 + 15));
    assert!(reports.taken().is_empty());
}

fn a_main_that_fails_because_of_the_signal_leaves_the_signals_code(on: BackendName) {
    if !in_a_child() {
        assert_child_succeeds();
        return;
    }
    let reports = Reports::collected();
    let (end, _peer) = std::os::unix::net::UnixStream::pair().unwrap();

    let code = react_with(&on.reactor(), |reactor| {
        reactor.call_when_running(|_| kill_process(getpid(), Signal::INT));
        let readable = reactor.readable(Rc::new(end));
        reactor.spawn(async { readable.await })
    });

    assert_eq!(code, ExitCode::from(128 + 2));
    assert!(reports.taken().is_empty());
}

fn main_is_not_called_where_the_reactor_runs_already(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let noting = log.clone();
    reactor.call_when_running(move |reactor| {
        let code = react_with(reactor, |_| noting.note("main is called"));
        noting.note(if code == ExitCode::FAILURE { "1" } else { "0" });
        assert!(reactor.is_running());
        reactor.stop()
    });

    run(&reactor);

    log.assert(&["1"]);
    assert_eq!(reports.only_one().0, "The reactor cannot run");
}

fn main_is_not_called_where_the_reactor_is_gone(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let clone = reactor.clone();
    drop(reactor);

    let code = react_with(&clone, |_| log.note("main is called"));

    assert_eq!(code, ExitCode::FAILURE);
    log.assert(&[]);
    assert_eq!(reports.only_one().0, "The reactor cannot run");
}

fn a_reactor_can_have_two_mains_one_after_the_other(reactor: Reactor) {
    let reports = Reports::collected();

    let codes = [Exit(1), Exit(2)].map(|exit| {
        react_with(&reactor, |reactor| {
            let sleep = reactor.sleep(Duration::ZERO);
            sleep.add_callback(move |()| Err::<(), _>(exit.into()))
        })
    });

    assert_eq!(codes, [ExitCode::from(1), ExitCode::from(2)]);
    assert!(reports.taken().is_empty());
}

fn what_main_owns_is_dropped_when_it_is_over(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();

    let code = react_with(&reactor, |reactor| {
        let sleep = reactor.sleep(Duration::ZERO);
        reactor.spawn(async move {
            sleep.await?;
            drop(owned);
            Ok(())
        })
    });

    assert_eq!(code, ExitCode::SUCCESS);
    assert!(ownership.is_over());
}

fn a_failure_after_the_end_is_reported_and_stops_nothing(reactor: Reactor) {
    let reports = Reports::collected();
    let (firer, pending) = Deferred::<()>::new();
    let code = react_with(&reactor, |reactor| {
        reactor.call_when_running(Reactor::stop);
        pending
    });
    assert_eq!(code, ExitCode::SUCCESS);
    let (done, ends) = (Rc::new(Cell::new(false)), Duration::from_millis(1));
    let doing = Rc::clone(&done);
    reactor.call_when_running(move |_| {
        firer.errback(Lost);
    });
    reactor.call_later(ends, move |reactor| {
        doing.set(true);
        reactor.stop()
    });

    run(&reactor);

    assert!(done.get());
    assert_is_lost(&reports);
}

#[test]
fn a_reactor_that_cannot_go_on_gives_1() {
    let reports = Reports::collected();
    // In simulated time, a wait for ever fails.
    let (reactor, _time) = SimulatedTime::reactor();
    let (firer, pending) = Deferred::<()>::new();

    let code = react_with(&reactor, |_| pending);

    assert_eq!(code, ExitCode::FAILURE);
    assert_eq!(reports.only_one().0, "The reactor cannot run");
    drop(firer);
}

// T-075
#[test]
fn a_program_needs_no_reactor_of_its_own() {
    let code = react(|reactor| reactor.sleep(Duration::from_millis(1)));

    assert_eq!(code, ExitCode::SUCCESS);
}

/// A Deferred that fires when the reactor, which stops soon, tells a descriptor so.
fn succeeds_when_the_reactor_stops(reactor: &Reactor, log: &Log) -> Deferred<()> {
    let (firer, deferred) = Deferred::new();
    let firer = Cell::new(Some(firer));
    let (end, peer) = End::pair("end", log);
    let end = end.on_lost(move |_, _| {
        let _open = &peer;
        firer.take().map(|firer| firer.callback(()));
    });
    reactor.add_reader(Rc::new(end)).expect("it is a socket");
    reactor.call_when_running(Reactor::stop);
    deferred
}

fn lost() -> Result<(), Failure> {
    Err(Lost.into())
}

#[track_caller]
fn assert_is_lost(reports: &Reports) {
    let (headline, failure) = reports.only_one();
    assert_eq!(headline, "Unhandled error in main");
    assert!(failure.check::<Lost>().is_some(), "{failure}");
}

#[track_caller]
fn assert_child_succeeds() {
    let output = child_of_this_test()
        .stdin(Stdio::null())
        .output()
        .expect("a program can be run twice");
    let printed = String::from_utf8_lossy(&output.stdout);
    // A child that finds no test ends well too.
    assert!(printed.contains("running 1 test"), "{printed}");
    assert!(output.status.success(), "{printed}");
}
