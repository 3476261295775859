//! Chains that may take only so long.

mod common;

use std::time::Duration;

use common::{Log, Lost, Ownership, on_every_backend, run};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, Deferred, Failure, Firer};
use reactor::Reactor;
use reactor::task::{AddTimeout, TimeoutError, timeout, timeout_with};
use reactor::testing::TestClock;

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(10);

on_every_backend!(a_reactor_cancels_a_chain_that_takes_too_long);

// D-090
fn a_reactor_cancels_a_chain_that_takes_too_long(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let (_firer, chain) = Deferred::<()>::new();
    let after = Duration::from_millis(2);
    let stopping = reactor.clone();
    chain
        .add_timeout(after, &reactor)
        .add_errback(move |failure| {
            noting.note(failure.trap::<TimeoutError>()?.to_string());
            Ok(stopping.stop()?)
        })
        .log_failure("the wrong failure");

    run(&reactor);

    log.assert(&["no result after 2ms"]);
}

// D-086
#[test]
fn a_chain_with_a_timeout_can_be_added_to_and_keeps_a_result_that_comes_in_time() {
    let clock = TestClock::new();
    let (firer, chain) = Deferred::new();
    let chain = chain.add_timeout(LIMIT, &clock).map(|n: u32| n + 1);

    firer.callback(1);

    assert_eq!(success_result_of(chain), 2);
}

// D-087
#[test]
fn a_success_in_time_passes_on_at_once_and_takes_the_timer_off_the_clock() {
    let clock = TestClock::new();
    let (firer, chain) = Deferred::new();
    let chain = timeout(chain, LIMIT, &clock);

    firer.callback("poem");

    assert!(clock.delayed_calls().is_empty());
    assert_eq!(success_result_of(chain), "poem");
}

// D-087
#[test]
fn what_a_callback_behind_the_timeout_waits_for_is_not_cancelled() {
    let clock = TestClock::new();
    let (firer, chain) = Deferred::new();
    let (second, waited_for) = Deferred::<&str>::new();
    let chain = chain
        .add_timeout(LIMIT, &clock)
        .add_callback(move |()| waited_for);
    firer.callback(());

    clock.advance(2 * LIMIT);

    let chain = assert_no_result(chain);
    second.callback("late, and welcome");
    assert_eq!(success_result_of(chain), "late, and welcome");
}

// D-088
#[test]
fn a_failure_in_time_passes_on_at_once_and_takes_the_timer_off_the_clock() {
    let clock = TestClock::new();
    let (firer, chain) = Deferred::<()>::new();
    let chain = timeout(chain, LIMIT, &clock);

    firer.errback(Lost);

    assert!(clock.delayed_calls().is_empty());
    failure_result_of::<Lost, _>(chain);
}

// D-089
#[test]
fn the_conversion_is_not_called_for_what_comes_in_time() {
    let clock = TestClock::new();
    for result in [Ok(1), Err(Failure::new(Lost))] {
        let log = Log::default();
        let (firer, chain) = Deferred::new();
        let chain = chain.add_timeout_with(LIMIT, &clock, noting_conversion(&log));

        firer.fire(result);

        chain.ignore();
        log.assert(&[]);
    }
}

// D-090, D-091
#[test]
fn at_the_deadline_the_chain_is_cancelled_and_ends_with_a_timeout_error() {
    let clock = TestClock::new();
    let log = Log::default();
    let noting = log.clone();
    let (_firer, chain) = Deferred::<()>::with_canceller(move |_| noting.note("cancelled"));
    let chain = chain.add_timeout(LIMIT, &clock);

    clock.advance(LIMIT - Duration::from_nanos(1));
    log.assert(&[]);
    clock.advance(Duration::from_nanos(1));

    log.assert(&["cancelled"]);
    let failure = failure_result_of::<TimeoutError, _>(chain);
    assert_eq!(failure.check(), Some(&TimeoutError { after: LIMIT }));
}

#[test]
fn a_chain_that_became_part_of_another_one_is_cancelled_at_the_deadline() {
    let clock = TestClock::new();
    let (_firer, inner) = Deferred::<()>::new();
    let inner = inner.add_timeout(LIMIT, &clock);
    let outer = Deferred::succeed(()).add_callback(move |()| inner);

    clock.advance(LIMIT);

    failure_result_of::<TimeoutError, _>(outer);
}

// D-092
#[test]
fn what_the_conversion_returns_is_the_result() {
    let clock = TestClock::new();
    let log = Log::default();
    let (_firer, chain) = Deferred::new();
    let chain = timeout_with(chain, LIMIT, &clock, noting_conversion(&log));

    clock.advance(LIMIT);

    log.assert(&["cancelled after 10s"]);
    assert_eq!(success_result_of(chain), 42);
}

// D-092
#[test]
fn a_failure_that_the_conversion_returns_is_the_result() {
    let clock = TestClock::new();
    let (_firer, chain) = Deferred::<()>::new();
    let chain = chain.add_timeout_with(LIMIT, &clock, |_, _| Err(Failure::new(Lost)));

    clock.advance(LIMIT);

    failure_result_of::<Lost, _>(chain);
}

// D-093
#[test]
fn the_chain_waits_for_a_deferred_that_the_conversion_returns() {
    let clock = TestClock::new();
    let (_firer, chain) = Deferred::<u32>::new();
    let (converted, conversion) = Deferred::new();
    let chain = chain.add_timeout_with(LIMIT, &clock, move |_, _| conversion);

    clock.advance(LIMIT);
    let chain = assert_no_result(chain);
    converted.callback(7);

    assert_eq!(success_result_of(chain), 7);
}

// D-094
#[test]
fn a_value_that_the_canceller_answers_with_is_the_result() {
    let clock = TestClock::new();
    let log = Log::default();
    let noting = log.clone();
    let (_firer, chain) = Deferred::<u32>::with_canceller(answer);
    let chain = chain
        .map(move |n| {
            noting.note(format!("before the timeout: {n}"));
            n
        })
        .add_timeout(LIMIT, &clock);

    clock.advance(LIMIT);

    log.assert(&["before the timeout: 7"]);
    assert_eq!(success_result_of(chain), 7);
}

// D-095
#[test]
fn another_error_that_the_canceller_answers_with_is_the_result() {
    let clock = TestClock::new();
    let (_firer, chain) = Deferred::<u32>::with_canceller(refuse);
    let chain = chain.add_timeout(LIMIT, &clock);

    clock.advance(LIMIT);

    failure_result_of::<Lost, _>(chain);
}

// D-096
#[test]
fn after_the_deadline_the_conversion_is_called_whatever_arrives() {
    let (_first, answered) = Deferred::with_canceller(answer);
    let (_second, failed) = Deferred::with_canceller(refuse);
    let (_third, swallowed) = Deferred::<u32>::new();
    let swallowed = swallowed.add_errback(|_| Ok(8));

    for (chain, arrived) in [
        (answered, "7 after 10s"),
        (failed, "lost after 10s"),
        (swallowed, "8 after 10s"),
    ] {
        let (clock, log) = (TestClock::new(), Log::default());
        let chain = chain.add_timeout_with(LIMIT, &clock, noting_conversion(&log));

        clock.advance(LIMIT);

        log.assert(&[arrived]);
        assert_eq!(success_result_of(chain), 42);
    }
}

// D-097
#[test]
fn a_cancel_by_the_user_stays_one_and_takes_the_timer_off_the_clock() {
    let clock = TestClock::new();
    let log = Log::default();
    let cancelled = log.clone();
    let (_firer, chain) = Deferred::<u32>::with_canceller(move |_| cancelled.note("canceller"));
    let chain =
        chain
            .add_timeout(LIMIT, &clock)
            .add_timeout_with(LIMIT, &clock, noting_conversion(&log));

    chain.cancel();

    assert!(clock.delayed_calls().is_empty());
    clock.advance(2 * LIMIT);
    log.assert(&["canceller"]);
    failure_result_of::<CancelledError, _>(chain);
}

// D-098
#[test]
fn errbacks_before_the_timeout_see_the_cancelled_error() {
    let clock = TestClock::new();
    let log = Log::default();
    let noting = log.clone();
    let (_firer, chain) = Deferred::<u32>::new();
    let chain = chain
        .add_errback(move |failure| {
            noting.note(format!("{}", failure.check::<CancelledError>().is_some()));
            Err(failure)
        })
        .add_timeout(LIMIT, &clock);

    clock.advance(LIMIT);

    log.assert(&["true"]);
    failure_result_of::<TimeoutError, _>(chain);
}

// D-099
#[test]
fn an_errback_before_the_timeout_that_handles_the_cancelled_error_has_the_last_word() {
    let clock = TestClock::new();
    let (_firer, chain) = Deferred::new();
    let chain = chain
        .add_errback(|_| Ok("an old poem"))
        .add_timeout(LIMIT, &clock);

    clock.advance(LIMIT);

    assert_eq!(success_result_of(chain), "an old poem");
}

// D-100
#[test]
fn a_firing_after_the_deadline_is_refused() {
    let clock = TestClock::new();
    let (firer, chain) = Deferred::new();
    let chain = chain.add_timeout(LIMIT, &clock);
    clock.advance(LIMIT);

    assert!(!firer.callback("too late"));

    failure_result_of::<TimeoutError, _>(chain);
}

#[test]
fn the_earlier_of_two_timeouts_counts() {
    let clock = TestClock::new();
    let (_firer, chain) = Deferred::<()>::new();
    let chain = chain
        .add_timeout(5 * SECOND, &clock)
        .add_timeout(3 * SECOND, &clock);

    clock.advance(3 * SECOND);

    let failure = failure_result_of::<TimeoutError, _>(chain);
    let error = TimeoutError { after: 3 * SECOND };
    assert_eq!(failure.check(), Some(&error));
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn nothing_is_left_of_a_timeout_when_its_chain_has_ended_or_its_clock_is_gone() {
    let clock = TestClock::new();
    let (first, in_time) = Ownership::new();
    let (second, never) = Ownership::new();
    let (firer, ended) = Deferred::new();
    let (_firer, waiting) = Deferred::<()>::new();
    let ended = ended.add_timeout_with(LIMIT, &clock, move |result, _| {
        drop(first);
        result
    });
    let waiting = waiting
        .map(move |()| drop(second))
        .add_timeout(LIMIT, &clock);

    firer.callback(());
    success_result_of(ended);
    drop(clock);
    waiting.cancel();

    assert!(in_time.is_over());
    assert!(never.is_over());
    failure_result_of::<CancelledError, _>(waiting);
}

/// A canceller that has a value.
fn answer(firer: Firer<u32>) {
    firer.callback(7);
}

/// A canceller that has an error of its own.
fn refuse(firer: Firer<u32>) {
    firer.errback(Lost);
}

/// Notes what it is given, and gives 42.
fn noting_conversion(
    log: &Log,
) -> impl FnOnce(Result<u32, Failure>, Duration) -> Result<u32, Failure> + 'static {
    let log = log.clone();
    move |result, after| {
        let arrived = match result {
            Ok(value) => value.to_string(),
            Err(failure) if failure.check::<CancelledError>().is_some() => "cancelled".to_owned(),
            Err(failure) if failure.check::<Lost>().is_some() => "lost".to_owned(),
            Err(failure) => format!("{failure}"),
        };
        log.note(format!("{arrived} after {after:?}"));
        Ok(42)
    }
}
