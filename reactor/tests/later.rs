//! Functions that are called later.

mod common;

use std::time::Duration;

use common::{Log, Lost, Ownership, on_every_backend, run};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Deferred, Failure};
use reactor::task::{defer_later, sleep};
use reactor::testing::TestClock;
use reactor::{Clock, Reactor};

const SECOND: Duration = Duration::from_secs(1);

on_every_backend!(a_reactor_calls_the_function_and_never_before_its_time);

// T-046
fn a_reactor_calls_the_function_and_never_before_its_time(reactor: Reactor) {
    let log = Log::default();
    let (noting, stopping) = (log.clone(), reactor.clone());
    let delay = Duration::from_millis(2);
    let due = reactor.now() + delay;
    defer_later(&reactor, delay, || Ok(7))
        .add_callback(move |n| {
            noting.note(format!("{n}, in time: {}", stopping.now() >= due));
            Ok(stopping.stop()?)
        })
        .log_failure("the function does not fail");

    run(&reactor);

    log.assert(&["7, in time: true"]);
}

// T-046
#[test]
fn the_value_of_the_function_comes_after_the_delay_and_not_before() {
    let clock = TestClock::new();
    let later = defer_later(&clock, SECOND, || Ok(7));

    clock.advance(SECOND - Duration::from_nanos(1));
    let later = assert_no_result(later);

    clock.advance(Duration::from_nanos(1));
    assert_eq!(success_result_of(later), 7);
}

// T-047
#[test]
fn a_failure_of_the_function_is_the_result() {
    let clock = TestClock::new();
    let later = defer_later(&clock, SECOND, || Err::<(), _>(Failure::new(Lost)));

    clock.advance(SECOND);

    failure_result_of::<Lost, _>(later);
}

// T-048
#[test]
fn cancelled_in_time_it_leaves_the_clock_and_the_function_never_runs() {
    let clock = TestClock::new();
    let log = Log::default();
    let (owned, ownership) = Ownership::new();
    let noting = log.clone();
    let later = defer_later(&clock, SECOND, move || {
        drop(owned);
        noting.note("called");
    });

    later.cancel();

    assert!(clock.delayed_calls().is_empty());
    failure_result_of::<CancelledError, _>(later);
    assert!(ownership.is_over());
    clock.advance(SECOND);
    log.assert(&[]);
}

// T-049
#[test]
fn without_a_function_it_fires_with_nothing_after_the_delay() {
    let clock = TestClock::new();
    let slept = sleep(&clock, SECOND);

    let slept = assert_no_result(slept);
    clock.advance(SECOND);

    success_result_of(slept);
}

// T-050
#[test]
fn a_deferred_that_the_function_returns_gives_the_result() {
    let clock = TestClock::new();
    let (firer, deferred) = Deferred::new();
    let later = defer_later(&clock, SECOND, move || deferred);

    clock.advance(SECOND);
    let later = assert_no_result(later);
    firer.callback(7);

    assert_eq!(success_result_of(later), 7);
}

#[test]
fn it_is_abandoned_when_the_clock_is_gone() {
    let clock = TestClock::new();
    let (owned, ownership) = Ownership::new();
    let later = defer_later(&clock, SECOND, move || drop(owned));

    drop(clock);

    failure_result_of::<Abandoned, _>(later);
    assert!(ownership.is_over());
}

#[test]
fn on_a_clock_that_is_gone_it_is_abandoned_at_once() {
    let clock = TestClock::new().clone();

    let later = sleep(&clock, SECOND);

    failure_result_of::<Abandoned, _>(later);
}

#[test]
fn it_takes_any_clock() {
    let clock = TestClock::new();
    let any: &dyn Clock = &clock;

    let slept = sleep(any, SECOND);

    assert_eq!(clock.delayed_calls().len(), 1);
    clock.advance(SECOND);
    success_result_of(slept);
}

#[test]
fn its_call_prints_the_function_and_where_it_was_made() {
    let clock = TestClock::new();
    let line = line!() + 1;
    let later = defer_later(&clock, SECOND, || ());

    let text = format!("{:?}", clock.delayed_calls());

    assert!(text.contains("later::its_call_prints"), "{text}");
    assert!(text.contains(&format!("later.rs:{line}:")), "{text}");
    later.cancel();
    failure_result_of::<CancelledError, _>(later);
}
