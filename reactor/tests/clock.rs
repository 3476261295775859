//! The test clock: what runs when it is moved, in which order, and what it sees of the time.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::{LIMIT, Log, Lost, Ownership, Reports, on_every_backend, run};
use reactor::testing::TestClock;
use reactor::{CallError, Clock, DelayedCall, Reactor, Work};

const SECOND: Duration = Duration::from_secs(1);

on_every_backend!(the_reactor_lists_the_calls_that_were_made_in_this_turn_too);

// T-001, Z-001
#[test]
fn a_test_clock_begins_at_zero_and_moves_only_when_it_is_advanced() {
    let clock = TestClock::new();
    assert_eq!(clock.now(), Duration::ZERO);

    clock.advance(2 * SECOND);

    assert_eq!(clock.now(), 2 * SECOND);
    assert_eq!(clock.now(), 2 * SECOND);
}

// T-002
#[test]
fn a_call_knows_when_it_is_due_and_is_active_until_it_runs() {
    let clock = TestClock::new();
    clock.advance(SECOND);

    let call = clock.call_later(2 * SECOND, |_| ());

    assert_eq!(call.time(), Some(3 * SECOND));
    assert!(call.active());
    clock.advance(2 * SECOND);
    assert!(!call.active());
}

// T-003, Z-003
#[test]
fn a_cancelled_call_is_not_active_and_never_runs() {
    let clock = TestClock::new();
    let log = Log::default();
    let call = note_after(&clock, &log, "called", SECOND);

    call.cancel().unwrap();

    assert!(!call.active());
    clock.advance(2 * SECOND);
    log.assert(&[]);
}

// T-004, R-051
#[test]
fn each_call_has_a_handle_of_its_own() {
    let clock = TestClock::new();
    let log = Log::default();
    let first = note_after(&clock, &log, "first", SECOND);
    let second = note_after(&clock, &log, "second", SECOND);

    first.cancel().unwrap();

    assert!(second.active());
    clock.advance(SECOND);
    log.assert(&["second"]);
}

// T-005, Z-002
#[test]
fn what_is_due_at_the_new_time_or_before_runs_and_nothing_else() {
    let clock = TestClock::new();
    let log = Log::default();
    let calls = [1, 2, 3].map(|n| note_after(&clock, &log, n.to_string(), n * SECOND));

    clock.advance(2 * SECOND);

    log.assert(&["1", "2"]);
    assert_eq!(calls.map(|call| call.active()), [false, false, true]);
}

// T-006
#[test]
fn all_calls_of_a_jump_see_the_time_at_its_end() {
    let clock = TestClock::new();
    let log = Log::default();
    for n in [1, 2] {
        let log = log.clone();
        clock.call_later(n * SECOND, move |clock| {
            log.note(format!("{:?}", clock.now()))
        });
    }

    clock.advance(5 * SECOND);

    log.assert(&["5s", "5s"]);
}

// Z-004
#[test]
fn the_delay_of_a_call_that_a_call_makes_counts_from_the_time_at_the_end_of_the_jump() {
    let clock = TestClock::new();
    let made: Rc<Cell<Option<Duration>>> = Rc::default();
    let due = Rc::clone(&made);
    clock.call_later(SECOND, move |clock| {
        due.set(clock.call_later(2 * SECOND, |_| ()).time());
    });

    clock.advance(5 * SECOND);

    assert_eq!(made.get(), Some(7 * SECOND));
}

// T-007, Z-003
#[test]
fn delay_moves_a_call_later_than_it_was() {
    let clock = TestClock::new();
    let call = clock.call_later(SECOND, |_| ());

    call.delay(3 * SECOND).unwrap();

    assert_eq!(call.time(), Some(4 * SECOND));
}

// T-008, Z-003
#[test]
fn reset_moves_a_call_to_later_or_sooner_counted_from_now() {
    let clock = TestClock::new();
    let log = Log::default();
    let later = note_after(&clock, &log, "later", 2 * SECOND);
    let sooner = note_after(&clock, &log, "sooner", 10 * SECOND);
    clock.advance(SECOND);

    later.reset(3 * SECOND).unwrap();
    sooner.reset(SECOND).unwrap();

    assert_eq!(later.time(), Some(4 * SECOND));
    assert_eq!(sooner.time(), Some(2 * SECOND));
    clock.advance(SECOND);
    log.assert(&["sooner"]);
}

// T-009, R-045, Z-003
#[test]
fn the_calls_that_wait_are_listed_in_the_order_of_their_times() {
    let clock = TestClock::new();
    assert!(clock.delayed_calls().is_empty());
    clock.call_later(2 * SECOND, |_| ());
    clock.call_later(SECOND, |_| ());
    clock.call_later(3 * SECOND, |_| ()).cancel().unwrap();

    let calls = clock.delayed_calls();

    let times: Vec<_> = calls.iter().filter_map(DelayedCall::time).collect();
    assert_eq!(times, [SECOND, 2 * SECOND]);
}

//
fn the_reactor_lists_the_calls_that_were_made_in_this_turn_too(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    reactor.call_later(Duration::ZERO, move |reactor| {
        reactor.call_later(LIMIT, |_| ());
        reactor.call_later(LIMIT, |_| ()).cancel().unwrap();
        noting.note(format!("{} calls", reactor.delayed_calls().len()));
        reactor.stop()
    });

    run(&reactor);

    log.assert(&["2 calls"]); // The other one is the test's own limit.
    assert!(reactor.delayed_calls().is_empty());
}

// T-020
#[test]
fn the_list_of_calls_does_not_change_with_the_clock() {
    let clock = TestClock::new();
    clock.call_later(SECOND, |_| ());
    let calls = clock.delayed_calls();

    clock.advance(SECOND);

    assert_eq!(calls.len(), 1);
    assert!(!calls[0].active());
}

// T-010, Z-002
#[test]
fn calls_that_were_moved_run_in_the_order_of_their_new_times() {
    let clock = TestClock::new();
    let log = Log::default();
    let first = note_after(&clock, &log, "first", SECOND);
    let second = note_after(&clock, &log, "second", 2 * SECOND);
    let third = note_after(&clock, &log, "third", 3 * SECOND);

    first.reset(4 * SECOND).unwrap();
    third.reset(SECOND).unwrap();

    assert!(second.active());
    clock.advance(5 * SECOND);
    log.assert(&["third", "second", "first"]);
}

// T-010
#[test]
fn a_call_that_is_moved_by_another_one_runs_at_its_new_place() {
    let clock = TestClock::new();
    let log = Log::default();
    let moved = note_after(&clock, &log, "moved", 2 * SECOND);
    note_after(&clock, &log, "other", 3 * SECOND);
    clock.call_later(SECOND, move |_| moved.delay(2 * SECOND));

    clock.advance(10 * SECOND);

    log.assert(&["other", "moved"]);
}

// T-011
#[test]
fn calls_due_at_the_same_time_run_in_the_order_made_also_when_one_was_moved_there() {
    let clock = TestClock::new();
    let log = Log::default();
    let first = note_after(&clock, &log, "first", 9 * SECOND);
    note_after(&clock, &log, "second", SECOND);
    note_after(&clock, &log, "third", SECOND);

    first.reset(SECOND).unwrap();

    clock.advance(SECOND);
    log.assert(&["first", "second", "third"]);
}

// T-012, Z-003
#[test]
fn a_call_that_has_run_or_was_cancelled_cannot_be_cancelled_or_moved() {
    let clock = TestClock::new();
    let called = clock.call_later(SECOND, |_| ());
    let cancelled = clock.call_later(SECOND, |_| ());

    cancelled.cancel().unwrap();
    clock.advance(SECOND);

    let outcomes = |call: &DelayedCall| [call.cancel(), call.reset(SECOND), call.delay(SECOND)];
    assert_eq!(outcomes(&called), [Err(CallError::AlreadyCalled); 3]);
    assert_eq!(outcomes(&cancelled), [Err(CallError::AlreadyCancelled); 3]);
}

// T-013
#[test]
fn a_call_counts_as_called_while_it_runs() {
    let clock = TestClock::new();
    let log = Log::default();
    let this = Rc::new(Cell::new(None::<DelayedCall>));
    let (noting, handle) = (log.clone(), Rc::clone(&this));
    let call = clock.call_later(SECOND, move |_| {
        let cancelled = handle.take().map(|call| call.cancel());
        noting.note(format!("{cancelled:?}"));
    });
    this.set(Some(call));

    clock.advance(SECOND);

    log.assert(&["Some(Err(AlreadyCalled))"]);
}

// T-014
#[test]
fn a_call_may_advance_the_clock_itself() {
    let clock = TestClock::new();
    let log = Log::default();
    let outer = log.clone();
    clock.call_later(SECOND, move |clock| {
        outer.note("begun");
        clock.advance(2 * SECOND);
        outer.note(format!("ended at {:?}", clock.now()));
    });
    note_after(&clock, &log, "inner", 3 * SECOND);

    clock.advance(SECOND);

    log.assert(&["begun", "inner", "ended at 3s"]);
}

// T-015, Z-006
#[test]
fn pumping_advances_by_each_amount_in_turn() {
    let clock = TestClock::new();
    let log = Log::default();
    for n in 1..=4 {
        let log = log.clone();
        clock.call_later(n * SECOND, move |clock| {
            log.note(format!("{n} at {:?}", clock.now()))
        });
    }

    clock.pump([SECOND, 3 * SECOND]);

    log.assert(&["1 at 1s", "2 at 4s", "3 at 4s", "4 at 4s"]);
}

// T-016, Z-001
#[test]
fn the_test_clock_and_the_reactor_are_clocks() {
    let (clock, reactor) = (TestClock::new(), Reactor::new().unwrap());
    let both: [Rc<dyn Clock>; 2] = [Rc::new(clock.clone()), Rc::new(reactor.clone())];

    for each in &both {
        each.schedule(SECOND, Work::new(|| ()));
    }

    assert_eq!(clock.delayed_calls().len(), 1);
    assert_eq!(reactor.delayed_calls().len(), 1);
}

// T-018
#[test]
fn a_call_without_delay_that_a_call_makes_waits_for_the_next_advance() {
    fn renew(clock: &TestClock, log: Log) {
        log.note("called");
        clock.call_later(Duration::ZERO, |clock| renew(clock, log));
    }
    let clock = TestClock::new();
    let log = Log::default();
    renew(&clock, log.clone());

    clock.advance(SECOND);
    log.assert(&["called"; 2]);

    clock.advance(Duration::ZERO);
    log.assert(&["called"; 3]);
}

// T-019
#[test]
fn stepping_shows_each_call_its_own_time_and_runs_what_it_makes() {
    let clock = TestClock::new();
    let log = Log::default();
    let noting = log.clone();
    clock.call_later(SECOND, move |clock| {
        noting.note(format!("made at {:?}", clock.now()));
        clock.call_later(SECOND, move |clock| {
            noting.note(format!("runs at {:?}", clock.now()));
        });
    });

    clock.step(5 * SECOND);

    log.assert(&["made at 1s", "runs at 2s"]);
    assert_eq!(clock.now(), 5 * SECOND);
}

// T-019
#[test]
fn stepping_runs_a_call_that_renews_itself_without_delay_once_at_each_stop() {
    fn renew(clock: &TestClock, log: Log) {
        log.note(format!("{:?}", clock.now()));
        clock.call_later(Duration::ZERO, |clock| renew(clock, log));
    }
    let clock = TestClock::new();
    let log = Log::default();
    clock.call_later(SECOND, |_| ());
    renew(&clock, log.clone());

    clock.step(2 * SECOND);

    log.assert(&["0ns", "0ns", "1s", "2s"]);
}

// T-019
#[test]
fn advancing_to_the_next_call_jumps_to_its_time_until_none_is_left() {
    let clock = TestClock::new();
    let log = Log::default();
    note_after(&clock, &log, "first", 2 * SECOND);
    note_after(&clock, &log, "second", 5 * SECOND);

    assert!(clock.advance_to_next());
    assert_eq!(clock.now(), 2 * SECOND);
    log.assert(&["first"]);

    assert!(clock.advance_to_next());
    assert!(!clock.advance_to_next());
    assert_eq!(clock.now(), 5 * SECOND);
}

// Z-007
#[test]
fn a_call_that_fails_or_panics_is_reported_and_the_others_run() {
    let reports = Reports::collected();
    let clock = TestClock::new();
    let log = Log::default();
    clock.call_later(SECOND, |_| Err(Lost));
    clock.call_later(SECOND, out_of_ink);
    let line = line!() - 1;
    note_after(&clock, &log, "called", SECOND);

    clock.advance(SECOND);

    log.assert(&["called"]);
    let reports = reports.taken();
    assert!(reports[0].1.check::<Lost>().is_some());
    let headline = &reports[1].0;
    assert!(
        headline.contains(&format!("clock.rs:{line}:")),
        "{headline}"
    );
}

#[test]
fn what_the_calls_of_a_clock_own_goes_with_its_owner() {
    let clock = TestClock::new();
    let (owned, ownership) = Ownership::new();
    let clone = clock.clone();
    let call = clock.call_later(SECOND, move |_| drop((clone, owned)));

    drop(clock);

    assert!(ownership.is_over());
    assert_eq!(call.cancel(), Err(CallError::AlreadyCancelled));
}

#[test]
fn a_clock_whose_owner_is_gone_takes_no_calls() {
    let owner = TestClock::new();
    let clock = owner.clone();
    drop(owner);
    let (owned, ownership) = Ownership::new();

    let call = clock.call_later(Duration::ZERO, move |_| drop(owned));

    assert!(!call.active());
    assert!(ownership.is_over());
}

//
#[test]
fn a_call_prints_the_time_left_and_what_it_will_call() {
    let clock = TestClock::new();
    let call = clock.call_later(5 * SECOND, write_a_poem);
    clock.advance(2 * SECOND);

    let text = format!("{call:?}");

    assert!(text.contains("due in 3s"), "{text}");
    assert!(text.contains("calls clock::write_a_poem"), "{text}");
    assert!(text.contains("made at reactor/tests/clock.rs:"), "{text}");
}

//
#[test]
fn work_on_a_clock_prints_what_it_will_call_and_where_it_was_made() {
    let clock = TestClock::new();
    let line = line!() + 1;
    let work = Work::new(|| ());

    let call = clock.schedule(SECOND, work);

    let text = format!("{call:?}");
    let made = format!("made at {}:{line}:", file!());
    assert!(text.contains(&made), "{text}");
    assert!(text.contains("calls clock::work_on_a_clock"), "{text}");
}

fn write_a_poem(_clock: &TestClock) {}

fn out_of_ink(_clock: &TestClock) {
    panic!("no ink")
}

fn note_after(
    clock: &TestClock,
    log: &Log,
    what: impl Into<String>,
    delay: Duration,
) -> DelayedCall {
    let (log, what) = (log.clone(), what.into());
    clock.call_later(delay, move |_| log.note(what))
}
