//! One result for many branches.

mod util;

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;
use std::sync::Once;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Deferred, Failure, Firer, Panicked, Report, Shared};
use util::{Log, Lost, Shelf, assert_same, failure_of};

thread_local! {
    static REPORTS: RefCell<Vec<Failure>> = const { RefCell::new(Vec::new()) };
}

/// The failures that were reported in one test; each runs in a thread of its own.
struct Reports;

impl Reports {
    /// Begins to collect.
    fn collected() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            deferred::set_report_hook(|report: &Report<'_>| {
                REPORTS.with_borrow_mut(|reports| reports.push(report.failure.clone()));
            });
        });
        Self
    }

    #[track_caller]
    fn assert(&self, expected: &[&Failure]) {
        let reports = REPORTS.with_borrow_mut(mem::take);
        assert_eq!(reports.len(), expected.len(), "{reports:?}");
        for (report, expected) in reports.iter().zip(expected) {
            assert_same(report, expected);
        }
    }
}

/// A shared chain that waits, and its firer.
fn shared() -> (Firer<u32>, Shared<u32>) {
    let (firer, chain) = Deferred::new();
    (firer, Shared::new(chain))
}

/// A shared chain that notes when it is cancelled, and its firer.
fn noting_cancel(log: &Log) -> (Firer<u32>, Shared<u32>) {
    let notes = log.clone();
    let (firer, chain) = Deferred::with_canceller(move |_| notes.note("upstream"));
    (firer, Shared::new(chain))
}

/// Adds a link to `branch` that notes `name` and the value, and ends it.
fn notes(log: &Log, name: &'static str, branch: Deferred<u32>) {
    let log = log.clone();
    branch
        .map(move |n| log.note(format!("{name}: {n}")))
        .ignore();
}

// The result, and who has it.

#[test]
fn branches_fire_in_the_order_in_which_they_were_made() {
    let log = Log::default();
    let (firer, shared) = shared();
    let (first, second, third) = (shared.branch(), shared.branch(), shared.branch());
    notes(&log, "third", third);
    notes(&log, "first", first);
    notes(&log, "second", second);

    firer.callback(7);

    log.assert(&["first: 7", "second: 7", "third: 7"]);
}

#[test]
fn what_is_added_to_one_branch_does_nothing_to_another() {
    let (firer, shared) = shared();
    let changed = shared.branch().map(|n| n + 1);
    let failed = shared
        .branch()
        .add_callback(|_| Err::<u32, _>(Failure::new(Lost)));
    let plain = shared.branch();

    firer.callback(7);

    assert_eq!(success_result_of(changed), 8);
    failure_result_of::<Lost, _>(failed);
    assert_eq!(success_result_of(plain), 7);
}

#[test]
fn a_branch_that_waits_for_another_chain_holds_up_no_other() {
    let (_slow_firer, slow) = Deferred::<u32>::new();
    let (firer, shared) = shared();
    let waiting = shared.branch().add_callback(move |_| slow);
    let plain = shared.branch();

    firer.callback(7);

    assert!(!waiting.has_result());
    assert_eq!(success_result_of(plain), 7);
}

#[test]
fn a_branch_made_when_the_result_is_there_has_it_at_once() {
    let (firer, shared) = shared();
    firer.callback(7);

    let late = shared.branch();

    assert_eq!(success_result_of(late), 7);
    assert_eq!(success_result_of(shared.branch()), 7);
}

#[test]
fn a_chain_that_has_its_result_is_shared_with_it() {
    let shared = Shared::new(Deferred::succeed(7));

    assert!(shared.has_result());
    assert_eq!(success_result_of(shared.branch()), 7);
}

#[test]
fn a_clone_of_the_handle_shares_the_same_result() {
    let (firer, shared) = shared();
    let clone = shared.clone();
    let branch = clone.branch();

    firer.callback(7);

    assert_eq!(success_result_of(branch), 7);
    assert!(clone.has_result());
}

#[test]
fn a_failure_goes_to_every_branch_and_to_late_ones_too() {
    let (firer, shared) = shared();
    let (first, second) = (shared.branch(), shared.branch());
    let failure = Failure::new(Lost);

    firer.errback(failure.clone());

    assert_same(&failure_of(first), &failure);
    assert_same(&failure_of(second), &failure);
    assert_same(&failure_of(shared.branch()), &failure);
}

#[test]
fn a_shared_chain_whose_firer_is_dropped_ends_every_branch() {
    let (firer, shared) = shared();
    let (first, second) = (shared.branch(), shared.branch());

    drop(firer);

    failure_result_of::<Abandoned, _>(first);
    failure_result_of::<Abandoned, _>(second);
}

// The handle is dropped.

#[test]
fn dropping_the_handle_leaves_the_branches_to_wait_for_the_result() {
    let (firer, shared) = shared();
    let (first, second) = (shared.branch(), shared.branch());

    drop(shared);
    firer.callback(7);

    assert_eq!(success_result_of(first), 7);
    assert_eq!(success_result_of(second), 7);
}

#[test]
fn dropping_the_handle_cancels_nothing() {
    let log = Log::default();
    let (firer, shared) = noting_cancel(&log);

    drop(shared);

    log.assert(&[]);
    assert!(firer.callback(7));
}

#[test]
fn the_last_branch_cancels_the_shared_chain_also_after_the_handle_was_dropped() {
    let log = Log::default();
    let (_firer, shared) = noting_cancel(&log);
    let branch = shared.branch();
    drop(shared);

    branch.cancel();

    log.assert(&["upstream"]);
    branch.ignore();
}

// Failures that nobody handles.

#[test]
fn a_failure_that_no_branch_was_given_is_reported_when_the_last_handle_is_dropped() {
    let reports = Reports::collected();
    let (firer, shared) = shared();
    let clone = shared.clone();
    let failure = Failure::new(Lost);
    firer.errback(failure.clone());
    drop(shared);
    reports.assert(&[]);

    drop(clone);

    reports.assert(&[&failure]);
}

#[test]
fn a_failure_that_comes_after_the_last_handle_was_dropped_is_reported_at_once() {
    let reports = Reports::collected();
    let (firer, shared) = shared();
    let failure = Failure::new(Lost);
    drop(shared);

    firer.errback(failure.clone());

    reports.assert(&[&failure]);
}

#[test]
fn a_failure_that_one_branch_has_handled_is_not_reported() {
    let reports = Reports::collected();
    let (firer, shared) = shared();
    shared.branch().ignore();

    firer.errback(Lost);
    drop(shared);

    reports.assert(&[]);
}

#[test]
fn a_failure_that_only_a_late_branch_has_handled_is_not_reported() {
    let reports = Reports::collected();
    let (firer, shared) = shared();
    firer.errback(Lost);

    shared.branch().ignore();
    drop(shared);

    reports.assert(&[]);
}

#[test]
fn each_branch_that_is_dropped_with_the_failure_reports_it_and_the_handle_does_not() {
    let reports = Reports::collected();
    let (firer, shared) = shared();
    let (first, second) = (shared.branch(), shared.branch());
    let failure = Failure::new(Lost);
    firer.errback(failure.clone());

    drop((first, second, shared));

    reports.assert(&[&failure, &failure]);
}

#[test]
fn the_cancelled_error_of_a_shared_chain_that_its_branches_gave_up_is_not_reported() {
    let reports = Reports::collected();
    let (_firer, shared) = shared();
    let branch = shared.branch();
    branch.cancel();
    branch.ignore();

    drop(shared);

    reports.assert(&[]);
}

// Cancelling.

#[test]
fn cancelling_one_branch_ends_that_one_and_leaves_the_others() {
    let log = Log::default();
    let (firer, shared) = noting_cancel(&log);
    let (cancelled, other) = (shared.branch(), shared.branch());

    cancelled.cancel();
    firer.callback(7);

    failure_result_of::<CancelledError, _>(cancelled);
    assert_eq!(success_result_of(other), 7);
    log.assert(&[]);
}

#[test]
fn the_shared_chain_is_cancelled_once_when_every_branch_has_been() {
    let log = Log::default();
    let (firer, shared) = noting_cancel(&log);
    let (first, second) = (shared.branch(), shared.branch());

    first.cancel();
    first.cancel();
    log.assert(&[]);
    second.cancel();

    log.assert(&["upstream"]);
    failure_result_of::<CancelledError, _>(first);
    failure_result_of::<CancelledError, _>(second);
    assert!(!firer.callback(7));
}

#[test]
fn a_branch_that_is_dropped_still_waits_and_keeps_the_shared_chain_from_being_cancelled() {
    let log = Log::default();
    let (firer, shared) = noting_cancel(&log);
    let cancelled = shared.branch();
    drop(shared.branch());

    cancelled.cancel();

    log.assert(&[]);
    assert!(firer.callback(7));
    cancelled.ignore();
}

#[test]
fn a_branch_made_after_all_were_cancelled_has_what_the_shared_chain_ended_with() {
    let (_firer, shared) = shared();
    let branch = shared.branch();
    branch.cancel();

    let late = shared.branch();

    failure_result_of::<CancelledError, _>(late);
    branch.ignore();
}

#[test]
fn a_branch_made_after_all_were_cancelled_waits_for_a_shared_chain_that_goes_on() {
    let (again, slow) = Deferred::<u32>::new();
    let (_firer, chain) = Deferred::<u32>::new();
    let shared = Shared::new(chain.add_errback(move |_| slow));
    let cancelled = shared.branch();
    cancelled.cancel();

    let late = assert_no_result(shared.branch());
    again.callback(7);

    assert_eq!(success_result_of(late), 7);
    failure_result_of::<CancelledError, _>(cancelled);
}

#[test]
fn a_branch_made_by_the_canceller_of_the_shared_chain_has_what_that_gives() {
    let handle = Shelf::<Shared<u32>>::empty();
    let (given, made) = (handle.clone(), Shelf::empty());
    let makes = made.clone();
    let (_firer, chain) = Deferred::<u32>::with_canceller(move |firer| {
        makes.put(given.take().branch());
        assert!(firer.callback(7));
    });
    let shared = Shared::new(chain);
    let branch = shared.branch();
    handle.put(shared);

    branch.cancel();

    failure_result_of::<CancelledError, _>(branch);
    assert_eq!(success_result_of(made.take()), 7);
}

// While the result is given out.

#[test]
fn a_branch_made_while_the_result_is_given_out_has_it_at_once() {
    let log = Log::default();
    let (firer, shared) = shared();
    let (first, second) = (shared.branch(), shared.branch());
    let (noted, handle) = (log.clone(), shared.clone());
    first
        .map(move |_| notes(&noted, "made meanwhile", handle.branch()))
        .ignore();
    notes(&log, "second", second);

    firer.callback(7);

    log.assert(&["made meanwhile: 7", "second: 7"]);
}

#[test]
fn a_branch_cancelled_while_the_result_is_given_out_is_cancelled_and_the_others_are_served() {
    let (firer, shared) = shared();
    let (first, second, third) = (shared.branch(), shared.branch(), shared.branch());
    let handle = second.cancel_handle();
    let first = first.map(move |_| handle.cancel());

    firer.callback(7);

    success_result_of(first);
    failure_result_of::<CancelledError, _>(second);
    assert_eq!(success_result_of(third), 7);
}

#[test]
fn cancelling_a_branch_that_was_served_already_does_nothing() {
    let (firer, shared) = shared();
    let (first, second) = (shared.branch(), shared.branch());
    let handle = first.cancel_handle();
    let second = second.map(move |_| handle.cancel());

    firer.callback(7);

    success_result_of(second);
    assert_eq!(success_result_of(first), 7);
}

#[test]
fn a_branch_may_cancel_itself_and_the_shared_chain_while_the_result_is_given_out() {
    let (firer, chain) = Deferred::<u32>::new();
    let upstream = chain.cancel_handle();
    let shared = Shared::new(chain);
    let branch = shared.branch();
    let own = branch.cancel_handle();
    let branch = branch.map(move |n| {
        own.cancel();
        upstream.cancel();
        n
    });

    firer.callback(7);

    assert_eq!(success_result_of(branch), 7);
}

#[test]
fn a_branch_may_drop_the_last_handle_and_another_branch_while_the_result_is_given_out() {
    let (firer, shared) = shared();
    let (first, second, third) = (shared.branch(), shared.branch(), shared.branch());
    let first = first.map(move |_| drop((shared, second)));

    firer.callback(7);

    success_result_of(first);
    assert_eq!(success_result_of(third), 7);
}

#[test]
fn the_value_is_freed_with_the_last_handle() {
    let poem = Rc::new("The river waits on no one");
    let shared = Shared::new(Deferred::succeed(Rc::clone(&poem)));
    drop(success_result_of(shared.branch()));
    assert_eq!(Rc::strong_count(&poem), 2);

    drop(shared);

    assert_eq!(Rc::strong_count(&poem), 1);
}

// Values whose `clone` does more than to copy them.

#[test]
fn a_value_that_panics_when_it_is_cloned_fails_every_branch() {
    struct Fragile;
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            panic!("no rhyme")
        }
    }
    let (firer, chain) = Deferred::<Fragile>::new();
    let shared = Shared::new(chain);
    let [first, second] = [(); 2].map(|()| shared.branch().map(drop));

    firer.callback(Fragile);

    failure_result_of::<Panicked, _>(first);
    failure_result_of::<Panicked, _>(second);
}

#[test]
fn a_value_may_look_at_its_own_handle_when_it_is_cloned() {
    struct Looks(Rc<RefCell<Option<Shared<Self>>>>, bool);
    impl Clone for Looks {
        fn clone(&self) -> Self {
            let has_result = self.0.borrow().as_ref().map(Shared::has_result);
            Self(Rc::clone(&self.0), has_result == Some(true))
        }
    }
    let handle = Rc::new(RefCell::new(None));
    let shared = Shared::new(Deferred::succeed(Looks(Rc::clone(&handle), false)));
    handle.replace(Some(shared.clone()));

    let saw_the_result = shared.branch().map(|looks| looks.1);

    handle.take();
    assert!(success_result_of(saw_the_result));
}
