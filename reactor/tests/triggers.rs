//! System events: their phases, what they wait for, and what is taken away again.

mod common;

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, Lost, Reports, on_every_backend, run};
use deferred::{Deferred, Failure, Firer};
use reactor::{Reactor, SystemEvent, Trigger};

on_every_backend!(
    triggers_run_phase_by_phase_and_in_the_order_added_within_one,
    a_trigger_runs_once,
    an_event_waits_for_all_that_is_to_be_done_before_it,
    an_event_that_need_not_wait_is_over_when_firing_returns,
    nobody_waits_for_what_is_begun_during_an_event,
    a_deferred_that_fails_before_an_event_holds_up_nothing,
    a_deferred_whose_firer_is_lost_before_an_event_holds_up_nothing,
    a_trigger_that_panics_keeps_no_other_one_from_running,
    a_trigger_that_returns_an_error_keeps_no_other_one_from_running,
    a_failure_is_reported_with_the_place_where_its_trigger_was_added,
    a_trigger_that_was_taken_away_never_runs,
    a_trigger_is_taken_away_once,
    a_trigger_of_a_reactor_that_is_gone_cannot_be_taken_away,
    a_trigger_takes_away_itself_only,
    a_trigger_that_runs_is_taken_away_no_more,
    a_trigger_before_an_event_takes_away_the_next_one,
    a_trigger_before_an_event_takes_away_one_during_it,
    a_trigger_during_an_event_takes_away_the_next_one,
    a_trigger_is_taken_away_while_its_event_waits,
    an_event_that_waits_does_not_hold_up_another_one,
    firing_an_event_without_triggers_does_nothing,
);

const GALE: SystemEvent = SystemEvent::Custom("gale");
const CALM: SystemEvent = SystemEvent::Custom("calm");

/// A trigger that notes this.
fn noting(log: &Log, what: &'static str) -> impl FnOnce(&Reactor) + 'static {
    let log = log.clone();
    move |_| log.note(what)
}

/// A trigger that notes this, and is done when the firer fires.
fn waiting(
    log: &Log,
    what: &'static str,
) -> (Firer<()>, impl FnOnce(&Reactor) -> Deferred<()> + 'static) {
    let (firer, done) = Deferred::new();
    let log = log.clone();
    let trigger = move |_: &Reactor| {
        log.note(what);
        done
    };
    (firer, trigger)
}

/// Lets the loop turn once, without waiting.
#[track_caller]
fn turn(reactor: &Reactor) {
    assert_eq!(reactor.iterate(Duration::ZERO).expect("it turns"), None);
}

fn panics(_: &Reactor) {
    panic!("a wave");
}

//
fn triggers_run_phase_by_phase_and_in_the_order_added_within_one(reactor: Reactor) {
    let log = Log::default();
    reactor.after(GALE, noting(&log, "after 1"));
    reactor.during(GALE, noting(&log, "during 1"));
    reactor.before(GALE, noting(&log, "before 1"));
    reactor.before(GALE, noting(&log, "before 2"));
    reactor.during(GALE, noting(&log, "during 2"));
    reactor.after(GALE, noting(&log, "after 2"));

    reactor.fire_system_event(GALE);

    let order = [
        "before 1", "before 2", "during 1", "during 2", "after 1", "after 2",
    ];
    log.assert(&order);
}

fn a_trigger_runs_once(reactor: Reactor) {
    let log = Log::default();
    reactor.before(GALE, noting(&log, "before"));
    reactor.during(GALE, noting(&log, "during"));
    reactor.after(GALE, noting(&log, "after"));

    reactor.fire_system_event(GALE);
    reactor.fire_system_event(GALE);

    log.assert(&["before", "during", "after"]);
}

//
fn an_event_waits_for_all_that_is_to_be_done_before_it(reactor: Reactor) {
    let log = Log::default();
    let (first, trigger) = waiting(&log, "before 1");
    reactor.before(GALE, trigger);
    let (second, trigger) = waiting(&log, "before 2");
    reactor.before(GALE, trigger);
    reactor.before(GALE, noting(&log, "before 3"));
    reactor.during(GALE, noting(&log, "during"));
    reactor.after(GALE, noting(&log, "after"));

    reactor.fire_system_event(GALE);
    turn(&reactor);
    log.note("no end");
    second.callback(());
    turn(&reactor);
    log.note("one end");
    first.callback(());
    turn(&reactor);

    let order = [
        "before 1", "before 2", "before 3", "no end", "one end", "during", "after",
    ];
    log.assert(&order);
}

fn an_event_that_need_not_wait_is_over_when_firing_returns(reactor: Reactor) {
    let log = Log::default();
    reactor.before(GALE, |_: &Reactor| Deferred::succeed(()));
    reactor.during(GALE, noting(&log, "during"));

    reactor.fire_system_event(GALE);
    log.note("returned");

    log.assert(&["during", "returned"]);
}

//
fn nobody_waits_for_what_is_begun_during_an_event(reactor: Reactor) {
    let log = Log::default();
    let begins = |what: &'static str| {
        let log = log.clone();
        move |reactor: &Reactor| {
            log.note(format!("{what} begun"));
            reactor.call_later(Duration::from_millis(1), noting(&log, what));
            Ok::<(), Lost>(())
        }
    };
    reactor.during(GALE, begins("during"));
    reactor.after(GALE, begins("after"));
    reactor.call_when_running(|reactor| {
        reactor.fire_system_event(GALE);
        reactor.call_later(Duration::from_millis(1), Reactor::stop);
    });

    run(&reactor);

    log.assert(&["during begun", "after begun", "during", "after"]);
}

//
fn a_deferred_that_fails_before_an_event_holds_up_nothing(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let (firer, trigger) = waiting(&log, "before 1");
    reactor.before(GALE, trigger);
    reactor.before(GALE, |_: &Reactor| Deferred::<()>::fail(Lost));
    reactor.before(GALE, noting(&log, "before 3"));
    reactor.during(GALE, noting(&log, "during"));
    reactor.after(GALE, noting(&log, "after"));

    reactor.fire_system_event(GALE);
    let (_, at_once) = reports.only_one();
    firer.errback(Lost);
    let (_, later) = reports.only_one();
    turn(&reactor);

    assert!(at_once.check::<Lost>().is_some());
    assert!(later.check::<Lost>().is_some());
    log.assert(&["before 1", "before 3", "during", "after"]);
}

//
fn a_deferred_whose_firer_is_lost_before_an_event_holds_up_nothing(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let (firer, trigger) = waiting(&log, "before");
    reactor.before(GALE, trigger);
    reactor.during(GALE, noting(&log, "during"));
    reactor.fire_system_event(GALE);

    drop(firer);
    turn(&reactor);

    let (headline, _) = reports.only_one();
    assert!(headline.contains("a trigger before gale"), "{headline}");
    log.assert(&["before", "during"]);
}

//
fn a_trigger_that_panics_keeps_no_other_one_from_running(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    reactor.before(GALE, panics);
    reactor.before(GALE, noting(&log, "before"));
    reactor.during(GALE, panics);
    reactor.during(GALE, noting(&log, "during"));
    reactor.after(GALE, panics);
    reactor.after(GALE, noting(&log, "after"));

    reactor.fire_system_event(GALE);

    assert_eq!(reports.taken().len(), 3);
    log.assert(&["before", "during", "after"]);
}

//
fn a_trigger_that_returns_an_error_keeps_no_other_one_from_running(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let lost = || Err::<(), _>(Failure::new(Lost));
    reactor.before(GALE, move |_: &Reactor| lost());
    reactor.before(GALE, noting(&log, "before"));
    reactor.during(GALE, move |_: &Reactor| lost());
    reactor.during(GALE, noting(&log, "during"));
    reactor.after(GALE, move |_: &Reactor| lost());
    reactor.after(GALE, noting(&log, "after"));

    reactor.fire_system_event(GALE);

    let reported = reports.taken();
    assert_eq!(reported.len(), 3);
    let lost = |(_, failure): &(String, Failure)| failure.check::<Lost>().is_some();
    assert!(reported.iter().all(lost), "{reported:?}");
    log.assert(&["before", "during", "after"]);
}

fn a_failure_is_reported_with_the_place_where_its_trigger_was_added(reactor: Reactor) {
    let reports = Reports::collected();
    let line = line!() + 1;
    reactor.during(GALE, |_: &Reactor| Err(Lost));

    reactor.fire_system_event(GALE);

    let (headline, _) = reports.only_one();
    let expected = format!(
        "Unhandled error in a trigger during gale, added at {}:{line}:",
        file!()
    );
    assert!(headline.starts_with(&expected), "{headline}");
}

//
fn a_trigger_that_was_taken_away_never_runs(reactor: Reactor) {
    let log = Log::default();
    let triggers = [
        reactor.before(GALE, noting(&log, "before")),
        reactor.during(GALE, noting(&log, "during")),
        reactor.after(GALE, noting(&log, "after")),
    ];

    let removed = triggers.iter().all(Trigger::remove);
    reactor.fire_system_event(GALE);

    assert!(removed);
    log.assert(&[]);
}

// By design a removal that comes too late is harmless, and only says so.
//
fn a_trigger_is_taken_away_once(reactor: Reactor) {
    let log = Log::default();
    let trigger = reactor.before(GALE, noting(&log, "taken away"));
    reactor.before(GALE, noting(&log, "stays"));
    let same = trigger.clone();

    let removed = [trigger.remove(), trigger.remove(), same.remove()];
    reactor.fire_system_event(GALE);

    assert_eq!(removed, [true, false, false]);
    log.assert(&["stays"]);
}

//
fn a_trigger_of_a_reactor_that_is_gone_cannot_be_taken_away(reactor: Reactor) {
    let clone = reactor.clone();
    let trigger = reactor.before(GALE, |_: &Reactor| ());
    drop(reactor);

    let while_a_clone_is_left = trigger.remove();
    drop(clone);
    let later = trigger.remove();

    assert!(!while_a_clone_is_left);
    assert!(!later);
}

// A handle that is none cannot be written: this is about one of another phase.
//
fn a_trigger_takes_away_itself_only(reactor: Reactor) {
    let log = Log::default();
    let same = |phase: &'static str| noting(&log, phase);
    reactor.before(GALE, same("before"));
    let during = reactor.during(GALE, same("during"));
    reactor.after(GALE, same("after"));
    reactor.during(CALM, same("another event"));

    assert!(during.remove());
    reactor.fire_system_event(GALE);
    reactor.fire_system_event(CALM);

    log.assert(&["before", "after", "another event"]);
    assert_eq!(format!("{during:?}"), "Trigger(during gale)");
}

//
fn a_trigger_that_runs_is_taken_away_no_more(reactor: Reactor) {
    let log = Log::default();
    let itself = Rc::new(OnceCell::<Trigger>::new());
    let trigger = reactor.before(GALE, {
        let (itself, log) = (Rc::clone(&itself), log.clone());
        move |_: &Reactor| log.note(format!("{:?}", itself.get().map(Trigger::remove)))
    });
    itself.set(trigger.clone()).unwrap();

    reactor.fire_system_event(GALE);

    log.assert(&["Some(false)"]);
    assert!(!trigger.remove());
}

//
fn a_trigger_before_an_event_takes_away_the_next_one(reactor: Reactor) {
    let log = Log::default();
    let next = Rc::new(OnceCell::<Trigger>::new());
    let taken = Rc::clone(&next);
    reactor.before(GALE, move |_: &Reactor| {
        assert!(taken.get().is_some_and(Trigger::remove));
    });
    next.set(reactor.before(GALE, noting(&log, "taken away")))
        .unwrap();
    reactor.before(GALE, noting(&log, "stays"));
    let reports = Reports::collected();

    reactor.fire_system_event(GALE);

    assert!(reports.taken().is_empty());
    log.assert(&["stays"]);
}

//
fn a_trigger_before_an_event_takes_away_one_during_it(reactor: Reactor) {
    let log = Log::default();
    let during = reactor.during(GALE, noting(&log, "taken away"));
    reactor.during(GALE, noting(&log, "stays"));
    reactor.before(GALE, move |_: &Reactor| assert!(during.remove()));
    let reports = Reports::collected();

    reactor.fire_system_event(GALE);

    assert!(reports.taken().is_empty());
    log.assert(&["stays"]);
}

//
fn a_trigger_during_an_event_takes_away_the_next_one(reactor: Reactor) {
    let log = Log::default();
    let next = Rc::new(OnceCell::<Trigger>::new());
    let taken = Rc::clone(&next);
    reactor.during(GALE, move |_: &Reactor| {
        assert!(taken.get().is_some_and(Trigger::remove));
    });
    next.set(reactor.during(GALE, noting(&log, "taken away")))
        .unwrap();
    reactor.during(GALE, noting(&log, "stays"));
    let reports = Reports::collected();

    reactor.fire_system_event(GALE);

    assert!(reports.taken().is_empty());
    log.assert(&["stays"]);
}

fn a_trigger_is_taken_away_while_its_event_waits(reactor: Reactor) {
    let log = Log::default();
    let (firer, trigger) = waiting(&log, "before");
    let before = reactor.before(GALE, trigger);
    let during = reactor.during(GALE, noting(&log, "during"));
    reactor.after(GALE, noting(&log, "after"));
    reactor.fire_system_event(GALE);

    let removed = [before.remove(), during.remove()];
    firer.callback(());
    turn(&reactor);

    assert_eq!(removed, [false, true]);
    log.assert(&["before", "after"]);
}

//
fn an_event_that_waits_does_not_hold_up_another_one(reactor: Reactor) {
    let log = Log::default();
    let (firer, trigger) = waiting(&log, "before the gale");
    reactor.before(GALE, trigger);
    reactor.after(GALE, noting(&log, "after the gale"));
    reactor.before(CALM, noting(&log, "before the calm"));
    reactor.after(CALM, noting(&log, "after the calm"));

    reactor.fire_system_event(GALE);
    reactor.fire_system_event(CALM);
    firer.callback(());
    turn(&reactor);

    let order = [
        "before the gale",
        "before the calm",
        "after the calm",
        "after the gale",
    ];
    log.assert(&order);
}

//
fn firing_an_event_without_triggers_does_nothing(reactor: Reactor) {
    let log = Log::default();
    reactor.during(CALM, noting(&log, "another event"));

    reactor.fire_system_event(GALE);

    log.assert(&[]);
    assert_eq!(reactor.timeout(), None);
}
