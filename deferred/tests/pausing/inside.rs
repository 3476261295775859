//! Pausing from inside the chain.

use deferred::Deferred;
use deferred::testing::success_result_of;

use crate::noting;
use crate::util::{Log, Shelf};

/// A chain of two links, fired, whose first gives the chain's own end to `f`; the second only notes.
fn with_its_own_end(log: &Log, f: impl FnOnce(&Deferred<u32>) + 'static) -> Deferred<u32> {
    let end = Shelf::empty();
    let (own, notes) = (end.clone(), log.clone());
    let (firer, deferred) = Deferred::new();
    let chain = deferred.map(move |n| {
        let end = own.take();
        f(&end);
        own.put(end);
        notes.note("first");
        n
    });
    end.put(noting(chain, log));
    firer.callback(1);
    end.take()
}

// D-036
#[test]
fn a_link_that_pauses_its_own_chain_stops_the_run_when_it_returns() {
    let log = Log::default();
    let guard = Shelf::empty();
    let keeps = guard.clone();
    let chain = with_its_own_end(&log, move |end| keeps.put(end.pause()));
    log.assert(&["first"]);

    drop(guard.take());

    log.assert(&["first", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-036
#[test]
fn a_link_that_pauses_its_own_chain_and_drops_the_guard_does_not_stop_the_run() {
    let log = Log::default();

    let chain = with_its_own_end(&log, |end| drop(end.pause()));

    log.assert(&["first", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}

// D-034
#[test]
fn a_guard_that_a_link_of_the_same_chain_drops_counts_as_one() {
    let log = Log::default();
    let guard = Shelf::empty();
    let keeps = guard.clone();
    let chain = with_its_own_end(&log, move |end| {
        let dropped = end.pause();
        keeps.put(end.pause());
        drop(dropped);
    });
    log.assert(&["first"]);

    drop(guard.take());

    log.assert(&["first", "got 1"]);
    assert_eq!(success_result_of(chain), 2);
}
