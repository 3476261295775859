//! Triggers that add triggers and fire events, and when triggers are dropped.

mod common;

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::Duration;

use common::{Log, Owned, Ownership, on_every_backend};
use deferred::Deferred;
use reactor::{Reactor, SystemEvent, Trigger};

on_every_backend!(
    a_trigger_adds_one_to_its_own_phase,
    a_trigger_adds_one_to_a_later_phase,
    a_trigger_for_a_phase_that_is_over_waits_for_the_next_time,
    a_trigger_added_while_its_event_waits_still_comes,
    a_trigger_fires_another_event,
    a_trigger_that_has_run_is_dropped,
    a_trigger_that_is_taken_away_is_dropped_at_once,
    triggers_that_never_ran_are_dropped_with_their_reactor,
    an_event_that_waits_does_not_keep_its_reactor,
    a_value_in_a_trigger_may_use_the_reactor_when_it_is_dropped,
    the_owner_may_be_dropped_by_a_trigger_outside_of_a_run,
    an_event_knows_its_name,
);

const GALE: SystemEvent = SystemEvent::Custom("gale");
const CALM: SystemEvent = SystemEvent::Custom("calm");

/// A trigger that notes this.
fn noting(log: &Log, what: &'static str) -> impl FnOnce(&Reactor) + 'static {
    let log = log.clone();
    move |_| log.note(what)
}

/// A trigger that owns this, and does nothing.
fn owning<T: 'static>(owned: T) -> impl FnOnce(&Reactor) + 'static {
    move |_| drop(owned)
}

fn a_trigger_adds_one_to_its_own_phase(reactor: Reactor) {
    let log = Log::default();
    let [first, second, third] = [log.clone(), log.clone(), log.clone()];
    reactor.before(GALE, move |reactor: &Reactor| {
        reactor.before(GALE, noting(&first, "added before"));
        first.note("before");
    });
    reactor.during(GALE, move |reactor: &Reactor| {
        reactor.during(GALE, noting(&second, "added during"));
        second.note("during");
    });
    reactor.after(GALE, move |reactor: &Reactor| {
        reactor.after(GALE, noting(&third, "added after"));
        third.note("after");
    });
    reactor.before(GALE, noting(&log, "before 2"));

    reactor.fire_system_event(GALE);

    let order = [
        "before",
        "before 2",
        "added before",
        "during",
        "added during",
        "after",
        "added after",
    ];
    log.assert(&order);
}

fn a_trigger_adds_one_to_a_later_phase(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.before(GALE, move |reactor: &Reactor| {
        reactor.after(GALE, noting(&inner, "added after"));
        reactor.during(GALE, noting(&inner, "added during"));
    });
    reactor.during(GALE, noting(&log, "during"));
    reactor.after(GALE, noting(&log, "after"));

    reactor.fire_system_event(GALE);

    log.assert(&["during", "added during", "after", "added after"]);
}

fn a_trigger_for_a_phase_that_is_over_waits_for_the_next_time(reactor: Reactor) {
    let log = Log::default();
    let inner = log.clone();
    reactor.after(GALE, move |reactor: &Reactor| {
        reactor.before(GALE, noting(&inner, "before"));
    });

    reactor.fire_system_event(GALE);
    log.note("next time");
    reactor.fire_system_event(GALE);

    log.assert(&["next time", "before"]);
}

fn a_trigger_added_while_its_event_waits_still_comes(reactor: Reactor) {
    let log = Log::default();
    let (firer, done) = Deferred::new();
    reactor.before(GALE, move |_: &Reactor| done);
    reactor.fire_system_event(GALE);

    reactor.during(GALE, noting(&log, "during"));
    reactor.after(GALE, noting(&log, "after"));
    firer.callback(());
    reactor.iterate(Duration::ZERO).unwrap();

    log.assert(&["during", "after"]);
}

fn a_trigger_fires_another_event(reactor: Reactor) {
    let log = Log::default();
    reactor.during(GALE, |reactor: &Reactor| reactor.fire_system_event(CALM));
    reactor.during(GALE, noting(&log, "during the gale"));
    reactor.before(CALM, noting(&log, "before the calm"));
    reactor.after(CALM, noting(&log, "after the calm"));

    reactor.fire_system_event(GALE);

    log.assert(&["before the calm", "after the calm", "during the gale"]);
}

fn a_trigger_that_has_run_is_dropped(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    reactor.during(GALE, move |_: &Reactor| {
        let _owned: &Owned = &owned;
    });

    reactor.fire_system_event(GALE);

    assert!(ownership.is_over());
}

fn a_trigger_that_is_taken_away_is_dropped_at_once(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let trigger = reactor.during(GALE, owning(owned));

    trigger.remove();

    assert!(ownership.is_over());
}

fn triggers_that_never_ran_are_dropped_with_their_reactor(reactor: Reactor) {
    let clone = reactor.clone();
    let added = [SystemEvent::Startup, SystemEvent::Shutdown, GALE].map(|event| {
        let (owned, ownership) = Ownership::new();
        // A trigger that holds its reactor, which holds it.
        reactor.before(event, owning((owned, reactor.clone())));
        ownership
    });
    assert!(!added.iter().any(Ownership::is_over));

    drop(reactor);

    assert!(added.iter().all(Ownership::is_over));
    drop(clone);
}

fn an_event_that_waits_does_not_keep_its_reactor(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let (firer, done) = Deferred::new();
    reactor.before(GALE, move |_: &Reactor| done);
    reactor.during(GALE, owning((owned, reactor.clone())));
    reactor.fire_system_event(GALE);

    drop(reactor);
    let dropped_before_it_fires = ownership.is_over();
    firer.callback(());

    assert!(dropped_before_it_fires);
}

/// Takes away a trigger when it is dropped.
struct Removes(Rc<OnceCell<Trigger>>, Log);

impl Drop for Removes {
    fn drop(&mut self) {
        let removed = self.0.get().map(Trigger::remove);
        self.1.note(format!("{removed:?}"));
    }
}

fn a_value_in_a_trigger_may_use_the_reactor_when_it_is_dropped(reactor: Reactor) {
    let log = Log::default();
    let other = Rc::new(OnceCell::new());
    let removes = Removes(Rc::clone(&other), log.clone());
    let trigger = reactor.during(GALE, owning(removes));
    let added = reactor.during(GALE, noting(&log, "never runs"));
    other.set(added).unwrap();

    trigger.remove();
    reactor.fire_system_event(GALE);

    log.assert(&["Some(true)"]);
}

fn the_owner_may_be_dropped_by_a_trigger_outside_of_a_run(reactor: Reactor) {
    let log = Log::default();
    let clone = reactor.clone();
    let owner = Cell::new(Some(reactor));
    clone.during(GALE, move |_: &Reactor| drop(owner.take()));
    clone.during(GALE, noting(&log, "never runs"));

    clone.fire_system_event(GALE);

    log.assert(&[]);
    assert!(clone.is_stopping());
}

fn an_event_knows_its_name(_reactor: Reactor) {
    let names = [SystemEvent::Startup, SystemEvent::Shutdown, GALE].map(|event| event.to_string());

    assert_eq!(names, ["startup", "shutdown", "gale"]);
}
