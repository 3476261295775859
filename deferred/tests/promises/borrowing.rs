//! Nothing is borrowed while a link runs.

use std::cell::Cell;
use std::rc::Rc;

use deferred::testing::success_result_of;
use deferred::{CancelHandle, CancelledError, CircularChain, Deferred, Failure, Firer};

use crate::counting::{frees_all, reports_nothing};
use crate::util::Lost;
use crate::{Shelf, take};

#[test]
fn a_callback_may_add_to_its_own_chain_and_all_is_freed() {
    frees_all(|| {
        let end = Shelf::<Deferred<u64>>::default();
        let own = Rc::clone(&end);
        let (firer, deferred) = Deferred::<u64>::new();
        let chain = deferred.map(move |n| {
            let longer = take(&own).map(|n| n * 10);
            own.replace(Some(longer));
            n + 1
        });
        end.replace(Some(chain));

        firer.callback(1);

        assert_eq!(success_result_of(take(&end)), 20);
    });
}

#[test]
fn a_callback_may_cancel_its_own_chain_and_all_is_freed() {
    frees_all(|| {
        let handle = Shelf::<CancelHandle>::default();
        let own = Rc::clone(&handle);
        let (firer, deferred) = Deferred::<u64>::new();
        handle.replace(Some(deferred.cancel_handle()));
        let chain = deferred.map(move |n| {
            take(&own).cancel();
            n + 1
        });

        firer.callback(1);

        assert_eq!(success_result_of(chain), 2);
    });
}

#[test]
fn a_callback_may_drop_the_end_of_its_own_chain_and_all_is_freed() {
    frees_all(|| {
        let end = Shelf::<Deferred<u64>>::default();
        let own = Rc::clone(&end);
        let ran = Rc::new(Cell::new(false));
        let runs = Rc::clone(&ran);
        let (firer, deferred) = Deferred::<u64>::new();
        let chain = deferred
            .map(move |n| {
                drop(take(&own));
                n + 1
            })
            .map(move |n| {
                runs.set(true);
                n
            });
        end.replace(Some(chain));

        firer.callback(1);

        assert!(ran.get());
    });
}

#[test]
fn a_callback_may_drop_both_ends_of_another_chain_and_all_is_freed() {
    frees_all(|| {
        let (other_firer, other) = Deferred::<u64>::new();
        let other = other.map(|n| n + 1);
        let (firer, deferred) = Deferred::<u64>::new();
        let chain = deferred.map(move |n| {
            drop(other);
            drop(other_firer);
            n + 1
        });

        firer.callback(1);

        assert_eq!(success_result_of(chain), 2);
    });
}

#[test]
fn a_callback_may_drop_a_second_firer_of_its_own_chain_and_all_is_freed() {
    frees_all(|| {
        let given = Shelf::<Firer<u64>>::default();
        let (kept, own) = (Rc::clone(&given), Rc::clone(&given));
        let (firer, deferred) = Deferred::with_canceller(move |firer| {
            kept.replace(Some(firer));
        });
        let chain = deferred.add_errback(move |failure| {
            drop(take(&own));
            failure.trap::<CancelledError>()?;
            Ok(7)
        });

        chain.cancel();

        assert_eq!(success_result_of(chain), 7);
        assert!(!firer.callback(1));
    });
}

#[test]
fn a_callback_may_fire_and_drop_the_chain_that_waits_for_its_own_and_all_is_freed() {
    frees_all(|| {
        let outer_end = Shelf::<Deferred<u64>>::default();
        let own = Rc::clone(&outer_end);
        let (firer, inner) = Deferred::<u64>::new();
        let inner = inner.map(move |n| {
            drop(take(&own));
            n + 1
        });
        let (outer_firer, outer) = Deferred::<()>::new();
        outer_end.replace(Some(outer.add_callback(move |()| inner)));
        outer_firer.callback(());

        firer.callback(1);

        assert!(outer_end.borrow().is_none());
    });
}

#[test]
fn a_callback_that_returns_the_end_of_its_own_chain_ends_it_and_all_is_freed() {
    // What is set up once for the backtrace of a failure is not the chain's.
    drop(Failure::new(Lost));
    frees_all(|| {
        let end = Shelf::<Deferred<u64>>::default();
        let (own, seen) = (Rc::clone(&end), Rc::new(Cell::new(false)));
        let sees = Rc::clone(&seen);
        let (firer, deferred) = Deferred::<u64>::new();
        let chain = deferred
            .add_callback(move |_| take(&own))
            .add_errback(move |failure| {
                sees.set(failure.check::<CircularChain>().is_some());
                Ok(0)
            });
        end.replace(Some(chain));

        firer.callback(1);

        assert!(seen.get());
    });
}

#[test]
fn a_canceller_may_drop_the_end_of_its_own_chain_and_all_is_freed() {
    reports_nothing();
    frees_all(|| {
        let end = Shelf::<Deferred<u64>>::default();
        let own = Rc::clone(&end);
        let (firer, deferred) = Deferred::<u64>::with_canceller(move |_| drop(take(&own)));
        let handle = deferred.cancel_handle();
        end.replace(Some(deferred.map(|n| n + 1)));

        handle.cancel();

        assert!(!firer.callback(1));
    });
}
