//! Loops: when the function runs, when it does not, and how a loop ends.

mod common;
mod loops;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, Lost, Ownership, on_every_backend, run};
use deferred::testing::{Tidy, assert_no_result, failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Failure};
use loops::{noting_loop, waiting_loop};
use reactor::task::{LoopError, LoopingCall};
use reactor::testing::TestClock;
use reactor::{DelayedCall, Reactor};

const SECOND: Duration = Duration::from_secs(1);
const HALF: Duration = Duration::from_millis(500);

on_every_backend!(the_end_of_a_reactors_run_ends_its_loops);

fn the_end_of_a_reactors_run_ends_its_loops(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let looping = LoopingCall::new(&reactor, move |_| {
        let _owned = &owned;
    });
    let end = looping.start(SECOND).unwrap();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    failure_result_of::<Abandoned, _>(end);
    assert!(!looping.is_running());
    drop(looping);
    assert!(ownership.is_over());
}

// T-022
#[test]
fn starting_runs_the_function_inside_the_call() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);

    looping.start(SECOND).unwrap().ignore();

    log.assert(&["0ns"]);
    clock.pump([HALF; 4]);
    log.assert(&["0ns", "1s", "2s"]);
}

// T-022
#[test]
fn started_for_later_it_runs_first_when_the_interval_has_passed() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);

    looping.start_later(SECOND).unwrap().ignore();

    log.assert(&[]);
    clock.pump([HALF; 4]);
    log.assert(&["1s", "2s"]);
}

// T-023
#[test]
fn stopping_fires_the_deferred_with_the_loop_and_leaves_nothing_on_the_clock() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);
    let end = looping.start(SECOND).unwrap();
    let end = assert_no_result(end);

    looping.stop().unwrap();

    assert!(!success_result_of(end).is_running());
    assert!(clock.delayed_calls().is_empty());
}

// T-026
#[test]
fn stopped_before_its_first_run_it_never_runs() {
    for interval in [Duration::ZERO, SECOND] {
        let (clock, log) = (TestClock::new(), Log::default());
        let looping = noting_loop(&clock, &log);
        let end = looping.start_later(interval).unwrap();

        looping.stop().unwrap();

        success_result_of(end);
        clock.advance(2 * SECOND);
        log.assert(&[]);
    }
}

// T-026
#[test]
fn stopped_by_another_call_before_its_first_run_it_never_runs() {
    for interval in [Duration::ZERO, SECOND] {
        let (clock, log) = (TestClock::new(), Log::default());
        let looping = noting_loop(&clock, &log);
        let stopping = looping.clone();
        clock.call_later(Duration::ZERO, move |_| stopping.stop());
        let end = looping.start_later(interval).unwrap();

        clock.advance(2 * SECOND);

        success_result_of(end);
        log.assert(&[]);
    }
}

// T-027
#[test]
fn starting_a_loop_that_runs_is_an_error() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);
    looping.start(SECOND).unwrap().ignore();

    assert_eq!(looping.start(SECOND).err(), Some(LoopError::AlreadyRunning));
    assert_eq!(
        looping.start_later(SECOND).err(),
        Some(LoopError::AlreadyRunning)
    );

    log.assert(&["0ns"]);
    assert_eq!(clock.delayed_calls().len(), 1);
}

// T-027
#[test]
fn a_loop_that_does_not_run_cannot_be_stopped_or_changed() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);

    assert_eq!(looping.stop(), Err(LoopError::NotRunning));
    assert_eq!(looping.reset(), Err(LoopError::NotRunning));
    assert_eq!(looping.set_interval(SECOND), Err(LoopError::NotRunning));
    assert_eq!(looping.interval(), None);
}

// T-028
#[test]
fn a_function_that_fails_ends_the_loop_with_its_failure() {
    let clock = TestClock::new();
    let looping = LoopingCall::new(&clock, |_| Err::<(), _>(Failure::new(Lost)));

    let end = looping.start(SECOND).unwrap();

    failure_result_of::<Lost, _>(end);
    assert!(!looping.is_running());
    assert!(clock.delayed_calls().is_empty());
}

// T-028
#[test]
fn a_function_that_panics_ends_the_loop_which_can_be_started_again() {
    let (clock, log) = (TestClock::new(), Log::default());
    let noting = log.clone();
    let looping = LoopingCall::new(&clock, move |_| {
        noting.note("run");
        assert!(noting.count("run") > 1, "no ink");
    });
    let end = looping.start(SECOND).unwrap();
    failure_result_of::<deferred::Panicked, _>(end);

    looping.start(SECOND).unwrap().ignore();

    assert!(looping.is_running());
}

// T-029
#[test]
fn stopped_by_its_own_function_it_ends_when_that_has_returned() {
    let (clock, log) = (TestClock::new(), Log::default());
    let noting = log.clone();
    let looping = LoopingCall::new(&clock, move |looping| {
        looping.stop()?;
        noting.note(format!("stopped, running: {}", looping.is_running()));
        noting.note(format!("again: {:?}", looping.stop()));
        Ok(())
    });
    let ending = log.clone();
    let end = looping.start(SECOND).unwrap();

    end.map(move |_| ending.note("ended")).ignore();

    log.assert(&["stopped, running: false", "again: Err(NotRunning)", "ended"]);
    assert!(clock.delayed_calls().is_empty());
}

// T-030
#[test]
fn no_run_comes_while_a_deferred_of_the_function_waits() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (looping, firers) = waiting_loop(&clock, &log);
    looping.start(SECOND).unwrap().ignore();

    clock.advance(5 * SECOND);
    log.assert(&["0ns"]);
    assert!(clock.delayed_calls().is_empty());

    firers.take().pop().unwrap().callback(());
    clock.advance(SECOND);
    log.assert(&["0ns", "6s"]);
}

// T-031
#[test]
fn a_deferred_of_the_function_that_fails_ends_the_loop() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (looping, firers) = waiting_loop(&clock, &log);
    let end = looping.start(SECOND).unwrap();

    firers.take().pop().unwrap().errback(Lost);

    failure_result_of::<Lost, _>(end);
    assert!(clock.delayed_calls().is_empty());
}

// T-029
#[test]
fn stopped_while_a_deferred_waits_it_ends_when_that_has_fired() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (looping, firers) = waiting_loop(&clock, &log);
    let end = looping.start(SECOND).unwrap();

    looping.stop().unwrap();

    let end = assert_no_result(end);
    assert_eq!(looping.start(SECOND).err(), Some(LoopError::AlreadyRunning));
    firers.take().pop().unwrap().callback(());
    success_result_of(end);
    assert!(clock.delayed_calls().is_empty());
}

// T-043
#[test]
fn a_loop_prints_its_interval_and_what_it_calls() {
    fn recite(_: &LoopingCall) {}
    let clock = TestClock::new();
    let looping = LoopingCall::new(&clock, recite);
    assert!(format!("{looping:?}").contains("not running"));

    looping.start(HALF).unwrap().ignore();

    let text = format!("{looping:?}");
    assert!(text.contains("every 500ms"), "{text}");
    assert!(text.contains("recite"), "{text}");
}

#[test]
fn its_call_on_the_clock_prints_the_function_and_where_the_loop_was_started() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);
    let line = line!() + 1;
    looping.start(SECOND).unwrap().ignore();

    let text = format!("{:?}", clock.delayed_calls());

    assert!(text.contains("loops::noting_loop"), "{text}");
    assert!(text.contains(&format!("looping.rs:{line}:")), "{text}");
}

#[test]
fn cancelling_the_deferred_stops_the_loop() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);
    let end = looping.start(SECOND).unwrap();

    end.cancel();

    failure_result_of::<CancelledError, _>(end);
    assert!(!looping.is_running());
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn the_loop_goes_on_when_its_handle_is_dropped() {
    let (clock, log) = (TestClock::new(), Log::default());
    noting_loop(&clock, &log).start(SECOND).unwrap().ignore();

    clock.advance(SECOND);

    log.assert(&["0ns", "1s"]);
}

#[test]
fn a_loop_whose_clock_is_gone_has_ended() {
    let _tidy = Tidy::new();
    let (owned, ownership) = Ownership::new();
    let clock = TestClock::new();
    let looping = LoopingCall::new(&clock, move |_| {
        let _owned = &owned;
    });
    let end = looping.start(SECOND).unwrap();

    drop(clock);

    failure_result_of::<Abandoned, _>(end);
    assert!(!looping.is_running());
    let end = looping.start(SECOND).unwrap();
    failure_result_of::<Abandoned, _>(end);
    drop(looping);
    assert!(ownership.is_over());
}

#[test]
fn nothing_is_left_of_a_loop_that_was_stopped() {
    let _tidy = Tidy::new();
    let (owned, ownership) = Ownership::new();
    let clock = TestClock::new();
    let runs = Rc::new(RefCell::new(Vec::<DelayedCall>::new()));
    let (calls, listing) = (Rc::clone(&runs), clock.clone());
    let looping = LoopingCall::new(&clock, move |_| {
        let _owned = &owned;
        calls.borrow_mut().extend(listing.delayed_calls());
    });
    let end = looping.start(SECOND).unwrap();
    clock.pump([SECOND; 3]);

    looping.stop().unwrap();

    drop(success_result_of(end));
    drop(looping);
    assert!(ownership.is_over());
}
