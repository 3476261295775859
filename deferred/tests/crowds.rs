//! A million chains in one list: all on a small stack, and all is freed.

mod counting;

use std::cell::RefCell;
use std::rc::Rc;

use counting::{on_a_small_stack, reports_nothing};
use deferred::testing::{failure_result_of, success_result_of};
use deferred::{
    AllFailed, CancelHandle, Deferred, DeferredList, Failure, Firer, FirstError, Shared,
    first_success, gather, race,
};

#[derive(Debug, thiserror::Error)]
#[error("the poem is lost")]
struct Lost;

fn lost() -> Failure {
    Failure::without_backtrace(Lost)
}

const MANY: usize = 1_000_000;

/// A million chains that wait, and their firers.
fn crowd() -> (Vec<Firer<usize>>, Vec<Deferred<usize>>) {
    (0..MANY).map(|_| Deferred::new()).unzip()
}

/// Where a handle is left for a callback that cancels by it.
type Shelf = Rc<RefCell<Option<CancelHandle>>>;

/// A million chains of which the one in the middle cancels, when it is fired, what is put into the cell.
fn crowd_that_cancels() -> (Vec<Firer<usize>>, Vec<Deferred<usize>>, Shelf) {
    let (firers, mut chains) = crowd();
    let handle = Rc::new(RefCell::new(None::<CancelHandle>));
    let cancels = Rc::clone(&handle);
    let middle = chains.swap_remove(MANY / 2).map(move |n| {
        let handle = cancels.take();
        handle.expect("it was put there").cancel();
        n
    });
    chains.push(middle);
    let last = chains.len() - 1;
    chains.swap(MANY / 2, last);
    (firers, chains, handle)
}

// A million children.

// D-102
#[test]
fn a_million_entries_come_in_on_a_small_stack_the_last_one_first() {
    on_a_small_stack(|| {
        let (firers, chains) = crowd();
        let list = DeferredList::new(chains).entries();

        for (index, firer) in firers.into_iter().enumerate().rev() {
            firer.callback(index);
        }

        let entries = success_result_of(list);
        assert!((0..MANY).all(|index| entries[index].as_ref().is_ok_and(|n| *n == index)));
    });
}

// D-118
#[test]
fn a_million_values_are_gathered_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firers, chains) = crowd();
        let gathered = gather(chains);

        for (index, firer) in firers.into_iter().enumerate() {
            firer.callback(index);
        }

        assert!(success_result_of(gathered).into_iter().eq(0..MANY));
    });
}

// D-106
#[test]
fn a_million_values_that_are_there_are_gathered_on_a_small_stack() {
    on_a_small_stack(|| {
        let gathered = gather((0..MANY).map(Deferred::succeed));

        assert!(success_result_of(gathered).into_iter().eq(0..MANY));
    });
}

// D-107, D-112
#[test]
fn a_million_chains_of_which_the_last_fails_first_are_freed_when_the_others_have_come() {
    on_a_small_stack(|| {
        let (mut firers, chains) = crowd();
        let gathered = gather(chains);

        firers.pop().expect("there are many").errback(lost());
        for firer in firers {
            firer.callback(7);
        }

        failure_result_of::<FirstError, _>(gathered);
    });
}

#[test]
fn a_million_chains_fail_one_after_the_other_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firers, chains) = crowd();
        let success = first_success(chains);

        for firer in firers {
            firer.errback(lost());
        }

        let failure = failure_result_of::<AllFailed, _>(success);
        assert_eq!(failure.trap::<AllFailed>().unwrap().failures.len(), MANY);
    });
}

// D-114
#[test]
fn a_million_entries_are_cancelled_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firers, chains) = crowd();
        let list = DeferredList::new(chains).entries();

        list.cancel();

        let entries = success_result_of(list);
        assert_eq!(entries.len(), MANY);
        assert!(entries.iter().all(Result::is_err));
        assert!(firers.into_iter().all(|firer| !firer.callback(7)));
    });
}

// D-120
#[test]
fn a_gathering_of_a_million_chains_is_cancelled_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firers, chains) = crowd();
        let gathered = gather(chains);

        gathered.cancel();

        failure_result_of::<FirstError, _>(gathered);
        assert!(firers.into_iter().all(|firer| !firer.callback(7)));
    });
}

// D-113
#[test]
fn cancelling_reaches_a_million_children_while_one_of_them_fires() {
    on_a_small_stack(|| {
        let (mut firers, chains, handle) = crowd_that_cancels();
        let list = DeferredList::new(chains).entries();
        handle.replace(Some(list.cancel_handle()));

        firers.swap_remove(MANY / 2).callback(7);

        let entries = success_result_of(list);
        assert!(entries[MANY / 2].as_ref().is_ok_and(|n| *n == 7));
        assert_eq!(
            entries.iter().filter(|entry| entry.is_err()).count(),
            MANY - 1
        );
        assert!(firers.into_iter().all(|firer| !firer.callback(7)));
    });
}

// D-127
#[test]
fn cancelling_a_race_of_a_million_while_one_of_them_fires_leaves_that_one_to_win() {
    on_a_small_stack(|| {
        let (mut firers, chains, handle) = crowd_that_cancels();
        let race = race(chains);
        handle.replace(Some(race.cancel_handle()));

        firers.swap_remove(MANY / 2).callback(7);

        assert_eq!(success_result_of(race), (MANY / 2, 7));
        assert!(firers.into_iter().all(|firer| !firer.callback(7)));
    });
}

// D-123
#[test]
fn a_million_losers_are_cancelled_on_a_small_stack() {
    on_a_small_stack(|| {
        let (mut firers, chains) = crowd();
        let race = race(chains);

        firers.pop().expect("there are many").callback(7);

        assert_eq!(success_result_of(race), (MANY - 1, 7));
        assert!(firers.into_iter().all(|firer| !firer.callback(7)));
    });
}

#[test]
fn a_million_children_are_dropped_on_a_small_stack_their_firers_first() {
    on_a_small_stack(|| {
        let (firers, chains) = crowd();
        let list = DeferredList::new(chains).entries();

        drop(firers);

        let entries = success_result_of(list);
        assert!(entries.iter().all(Result::is_err));
    });
}

#[test]
fn a_million_children_are_dropped_on_a_small_stack_the_list_first() {
    reports_nothing();
    on_a_small_stack(|| {
        let (firers, chains) = crowd();
        let gathered = gather(chains);

        drop(gathered);
        drop(firers);
    });
}

#[test]
fn a_million_children_that_nobody_waits_for_are_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firers, chains) = crowd();
        let list = DeferredList::new(chains);

        drop(list);
        drop(firers);
    });
}

#[test]
fn a_million_branches_are_given_one_result_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = Deferred::new();
        let shared = Shared::new(chain);
        let branches: Vec<_> = (0..MANY).map(|_| shared.branch()).collect();

        firer.callback(7);

        assert!(branches.into_iter().map(success_result_of).all(|n| n == 7));
    });
}

#[test]
fn a_million_branches_are_cancelled_one_after_the_other_and_then_the_shared_chain() {
    on_a_small_stack(|| {
        let (firer, chain) = Deferred::<usize>::new();
        let shared = Shared::new(chain);
        let branches: Vec<_> = (0..MANY).map(|_| shared.branch()).collect();

        branches.iter().for_each(Deferred::cancel);

        assert!(!firer.callback(7));
        branches.into_iter().for_each(Deferred::ignore);
        shared.branch().ignore();
    });
}

#[test]
fn a_million_branches_are_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = Deferred::<usize>::new();
        let shared = Shared::new(chain);
        let branches: Vec<_> = (0..MANY).map(|_| shared.branch()).collect();

        drop(shared);
        drop(branches);
        drop(firer);
    });
}
