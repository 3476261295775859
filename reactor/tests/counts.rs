//! Loops that tell their function how many points of the grid have passed.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, on_every_backend, run};
use deferred::Deferred;
use reactor::task::LoopingCall;
use reactor::testing::TestClock;
use reactor::{Clock, DelayedCall, Reactor, Work};

const SECOND: Duration = Duration::from_secs(1);
const HALF: Duration = Duration::from_millis(500);

on_every_backend!(on_a_reactor_the_counts_are_the_intervals_that_have_passed);

// T-040
fn on_a_reactor_the_counts_are_the_intervals_that_have_passed(reactor: Reactor) {
    let counts = Rc::new(Cell::new(0));
    let (counting, clock) = (Rc::clone(&counts), reactor.clone());
    let begun = reactor.now();
    let interval = Duration::from_micros(300);
    let looping = LoopingCall::with_count(&reactor, move |_, count| {
        counting.set(counting.get() + count);
        assert!(count > 0);
        if counting.get() >= 10 {
            let passed = clock.now() - begun;
            assert!(passed >= 9 * interval, "{passed:?}");
            clock.stop()?;
        }
        Ok(())
    });
    reactor.call_when_running(move |_| looping.start(interval).map(Deferred::ignore));

    run(&reactor);

    assert!(counts.get() >= 10);
}

// T-037, T-038
#[test]
fn the_function_is_told_how_many_points_have_passed_since_its_last_run() {
    let (clock, log) = (TestClock::new(), Log::default());
    counting_loop(&clock, &log).start(HALF).unwrap().ignore();

    clock.pump([Duration::from_millis(510), Duration::from_millis(1510)]);

    log.assert(&["1 at 0ns", "1 at 510ms", "3 at 2.02s"]);
}

// T-039
#[test]
fn a_run_that_is_late_by_less_than_an_interval_does_not_raise_the_count() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = counting_loop(&clock, &log);
    looping.start_later(4 * SECOND).unwrap().ignore();

    clock.pump([4 * SECOND, 4 * SECOND + 3 * SECOND, SECOND]);

    // The second of these runs is that of 8 s, seen at 11 s.
    log.assert(&["1 at 4s", "1 at 11s", "1 at 12s"]);
}

// T-040
#[test]
fn on_a_clock_that_is_early_the_count_is_never_zero_and_nothing_is_lost() {
    let (clock, log) = (TestClock::new(), Log::default());
    let early = Early(clock.clone());
    let noting = log.clone();
    let timer = clock.clone();
    let looping = LoopingCall::with_count(&early, move |_, count| {
        noting.note(format!("{count} at {:?}", timer.now()));
    });
    looping.start(SECOND).unwrap().ignore();

    clock.advance(Duration::from_millis(999));
    log.assert(&["1 at 0ns"]);
    clock.advance(Duration::from_millis(1));
    clock.advance(2 * SECOND);

    log.assert(&["1 at 0ns", "1 at 1s", "2 at 3s"]);
}

// T-041
#[test]
fn with_an_interval_of_zero_the_count_is_always_one() {
    let (clock, log) = (TestClock::new(), Log::default());
    counting_loop(&clock, &log)
        .start(Duration::ZERO)
        .unwrap()
        .ignore();

    clock.pump([SECOND, Duration::ZERO, 7 * SECOND]);

    log.assert(&["1 at 0ns", "1 at 1s", "1 at 1s", "1 at 8s"]);
}

// T-042
#[test]
fn after_a_change_of_the_interval_the_points_of_the_new_grid_count() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (noting, timer) = (log.clone(), clock.clone());
    let (firer, waited_for) = Deferred::new();
    let mut waited_for = Some(waited_for);
    let looping = LoopingCall::with_count(&clock, move |_, count| {
        noting.note(format!("{count} at {:?}", timer.now()));
        let second = timer.now() == 2 * SECOND;
        let waits = waited_for.take_if(|_| second);
        waits.unwrap_or_else(|| Deferred::succeed(()))
    });
    looping.start_later(Duration::ZERO).unwrap().ignore();
    clock.pump([SECOND, SECOND, 5 * SECOND]);

    looping.set_interval(2 * SECOND).unwrap();
    firer.callback(());

    clock.pump([9 * SECOND, 2 * SECOND, 4 * SECOND]);
    log.assert(&["1 at 1s", "1 at 2s", "7 at 16s", "1 at 18s", "2 at 22s"]);
}

// T-045
#[test]
fn started_again_it_counts_from_the_new_start() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = counting_loop(&clock, &log);
    looping.start(SECOND).unwrap().ignore();
    clock.advance(SECOND);
    looping.stop().unwrap();
    clock.advance(10 * SECOND);

    looping.start_later(SECOND).unwrap().ignore();

    clock.advance(SECOND);
    log.assert(&["1 at 0ns", "1 at 1s", "1 at 12s"]);
}

#[test]
fn after_a_reset_the_points_of_the_new_grid_count() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = counting_loop(&clock, &log);
    looping.start_later(2 * SECOND).unwrap().ignore();
    clock.advance(SECOND);

    looping.reset().unwrap();

    clock.advance(2 * SECOND);
    log.assert(&["1 at 3s"]);
}

fn counting_loop(clock: &TestClock, log: &Log) -> LoopingCall {
    let (timer, log) = (clock.clone(), log.clone());
    LoopingCall::with_count(clock, move |_, count| {
        log.note(format!("{count} at {:?}", timer.now()));
    })
}

/// A clock that makes each call a millisecond too early.
#[derive(Clone)]
struct Early(TestClock);

impl Clock for Early {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn schedule(&self, delay: Duration, work: Work) -> DelayedCall {
        let early = delay.saturating_sub(Duration::from_millis(1));
        self.0.schedule(early, work)
    }
}
