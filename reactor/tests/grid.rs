//! The points of time at which a loop runs its function.

mod common;
mod loops;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, on_every_backend, run, stop_after_turns};
use deferred::Deferred;
use deferred::testing::success_result_of;
use loops::{noting_loop, waiting_loop};
use reactor::Reactor;
use reactor::task::LoopingCall;
use reactor::testing::TestClock;

const SECOND: Duration = Duration::from_secs(1);
const HALF: Duration = Duration::from_millis(500);

on_every_backend!(
    a_reactor_runs_the_loop_on_the_grid,
    with_an_interval_of_zero_the_loop_runs_once_a_turn,
);

// T-032
fn a_reactor_runs_the_loop_on_the_grid(reactor: Reactor) {
    let log = Log::default();
    let (noting, clock) = (log.clone(), reactor.clone());
    let begun = reactor.now();
    let runs = Cell::new(0);
    let interval = Duration::from_millis(2);
    let looping = LoopingCall::new(&reactor, move |looping| {
        let early = clock.now() < begun + runs.replace(runs.get() + 1) * interval;
        noting.note(if early { "early" } else { "in time" });
        if runs.get() == 3 {
            looping.stop()?;
            clock.stop()?;
        }
        Ok(())
    });
    reactor.call_when_running(move |_| looping.start(interval).map(Deferred::ignore));

    run(&reactor);

    log.assert(&["in time"; 3]);
}

// T-035
fn with_an_interval_of_zero_the_loop_runs_once_a_turn(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let looping = LoopingCall::new(&reactor, move |_| noting.note("loop"));
    looping.start_later(Duration::ZERO).unwrap().ignore();
    let noting = log.clone();
    let turns = LoopingCall::new(&reactor, move |_| noting.note("turn"));
    turns.start_later(Duration::ZERO).unwrap().ignore();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["loop", "turn", "loop", "turn", "loop", "turn"]);
}

// T-032
#[test]
fn points_of_the_grid_that_pass_during_a_run_are_left_out() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (noting, advancing) = (log.clone(), clock.clone());
    let mut takes = vec![SECOND, 2 * SECOND];
    let looping = LoopingCall::new(&clock, move |_| {
        noting.note(format!("{:?}", advancing.now()));
        advancing.advance(takes.pop().unwrap_or_default());
    });

    looping.start(HALF).unwrap().ignore();
    while clock.now() < 4 * SECOND {
        clock.advance_to_next();
    }

    log.assert(&["0ns", "2.5s", "4s"]);
}

// T-033
#[test]
fn a_jump_over_several_points_brings_one_run() {
    let (clock, log) = (TestClock::new(), Log::default());
    noting_loop(&clock, &log).start(HALF).unwrap().ignore();

    clock.pump([2 * SECOND, SECOND, Duration::ZERO]);

    log.assert(&["0ns", "2s", "3s"]);
}

// T-034
#[test]
fn the_grid_is_exact_after_many_runs_of_an_interval_that_no_float_can_hold() {
    let interval = SECOND / 3;
    let (clock, runs) = (TestClock::new(), Rc::new(Cell::new(0_u32)));
    let (counting, timer) = (Rc::clone(&runs), clock.clone());
    let looping = LoopingCall::new(&clock, move |_| {
        assert_eq!(timer.now(), counting.get() * interval);
        counting.set(counting.get() + 1);
    });

    let end = looping.start(interval).unwrap();
    for _ in 0..10_000 {
        clock.advance_to_next();
    }

    looping.stop().unwrap();
    success_result_of(end);
    assert_eq!(runs.get(), 10_001);
}

// T-035
#[test]
fn with_an_interval_of_zero_it_runs_once_in_each_advance() {
    let (clock, log) = (TestClock::new(), Log::default());
    noting_loop(&clock, &log)
        .start(Duration::ZERO)
        .unwrap()
        .ignore();

    clock.pump([SECOND, Duration::ZERO]);

    log.assert(&["0ns", "1s", "1s"]);
}

// T-036
#[test]
fn reset_begins_the_grid_anew() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);
    looping.start_later(2 * SECOND).unwrap().ignore();
    clock.advance(SECOND);

    looping.reset().unwrap();

    clock.pump([SECOND; 4]);
    log.assert(&["3s", "5s"]);
    assert_eq!(clock.delayed_calls().len(), 1);
}

// T-036
#[test]
fn reset_during_a_run_begins_the_grid_anew_as_well() {
    let (clock, log) = (TestClock::new(), Log::default());
    let (looping, firers) = waiting_loop(&clock, &log);
    looping.start(2 * SECOND).unwrap().ignore();
    clock.advance(SECOND);

    looping.reset().unwrap();

    firers.take().pop().unwrap().callback(());
    clock.pump([SECOND; 2]);
    log.assert(&["0ns", "3s"]);
}

#[test]
fn a_changed_interval_moves_the_run_that_is_waited_for() {
    let (clock, log) = (TestClock::new(), Log::default());
    let looping = noting_loop(&clock, &log);
    looping.start(10 * SECOND).unwrap().ignore();
    clock.advance(SECOND);

    looping.set_interval(3 * SECOND).unwrap();

    assert_eq!(looping.interval(), Some(3 * SECOND));
    clock.pump([SECOND; 5]);
    log.assert(&["0ns", "3s", "6s"]);
}
