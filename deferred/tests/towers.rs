//! Towers of lists, and what they fail with: on a small stack, and all is freed.

mod counting;

use counting::{frees_all, on_a_small_stack, reports_nothing};
use deferred::testing::{failure_result_of, success_result_of, unhandled_failures};
use deferred::{
    AllFailed, Deferred, DeferredList, Failure, Firer, FirstError, Shared, gather, race,
};

#[derive(Debug, thiserror::Error)]
#[error("the poem is lost")]
struct Lost;

fn lost() -> Failure {
    Failure::without_backtrace(Lost)
}

const HIGH: usize = 100_000;

/// A tower that `floor` makes, each floor of the one below, and the firer of the ground.
fn tower(floor: impl Fn(Deferred<usize>) -> Deferred<usize>) -> (Firer<usize>, Deferred<usize>) {
    let (firer, mut chain) = Deferred::new();
    for _ in 0..HIGH {
        chain = floor(chain);
    }
    (firer, chain)
}

fn entries_of(below: Deferred<usize>) -> Deferred<usize> {
    let list = DeferredList::new([below]).entries();
    list.add_callback(|mut entries| entries.remove(0))
}

fn gathered(below: Deferred<usize>) -> Deferred<usize> {
    plainly(gather([below]).map(|values| values[0]))
}

fn gathered_pair(below: Deferred<usize>) -> Deferred<usize> {
    plainly(gather((Deferred::succeed(()), below)).map(|((), value)| value))
}

fn raced(below: Deferred<usize>) -> Deferred<usize> {
    plainly(race([below]).map(|(_, value)| value))
}

/// Forgets what a floor has failed with: that would hold the failure of the floor below.
fn plainly(floor: Deferred<usize>) -> Deferred<usize> {
    floor.add_errback(|_| Err(lost()))
}

fn shared(below: Deferred<usize>) -> Deferred<usize> {
    Shared::new(below).branch()
}

/// A floor with two branches; the tower goes on from the last.
fn shared_by_two(below: Deferred<usize>) -> Deferred<usize> {
    let shared = Shared::new(below);
    shared.branch().ignore();
    shared.branch()
}

/// A floor with two branches; the tower goes on from the first.
fn shared_by_two_early(below: Deferred<usize>) -> Deferred<usize> {
    let shared = Shared::new(below);
    let first = shared.branch();
    shared.branch().ignore();
    first
}

/// Fires a tower of such floors with a value, on a small stack.
fn fires(floor: fn(Deferred<usize>) -> Deferred<usize>) {
    on_a_small_stack(move || {
        let (firer, chain) = tower(floor);

        firer.callback(7);

        assert_eq!(success_result_of(chain), 7);
    });
}

/// Fires a tower of such floors with a failure, on a small stack.
fn fails(floor: fn(Deferred<usize>) -> Deferred<usize>) {
    on_a_small_stack(move || {
        let (firer, chain) = tower(floor);

        firer.errback(lost());

        failure_result_of::<Lost, _>(chain);
    });
}

/// Cancels a tower of such floors, on a small stack.
fn is_cancelled(floor: fn(Deferred<usize>) -> Deferred<usize>) {
    on_a_small_stack(move || {
        let (firer, chain) = tower(floor);

        chain.cancel();

        assert!(chain.into_result().is_ok_and(|result| result.is_err()));
        assert!(!firer.callback(7));
    });
}

/// Drops a tower of such floors, on a small stack, first the end and then the firer.
fn is_dropped(floor: fn(Deferred<usize>) -> Deferred<usize>) {
    reports_nothing();
    on_a_small_stack(move || {
        let (firer, chain) = tower(floor);

        drop(chain);
        drop(firer);
    });
}

#[test]
fn a_tower_of_lists_is_fired_on_a_small_stack() {
    fires(entries_of);
}

#[test]
fn a_tower_of_gatherings_is_fired_on_a_small_stack() {
    fires(gathered);
}

#[test]
fn a_tower_of_gathered_tuples_is_fired_on_a_small_stack() {
    fires(gathered_pair);
}

#[test]
fn a_tower_of_races_is_fired_on_a_small_stack() {
    fires(raced);
}

#[test]
fn a_tower_of_shared_chains_is_fired_on_a_small_stack() {
    fires(shared);
}

#[test]
fn a_tower_of_shared_chains_with_two_branches_is_fired_on_a_small_stack() {
    fires(shared_by_two);
}

#[test]
fn a_tower_of_shared_chains_that_goes_on_from_their_first_branches_is_fired_on_a_small_stack() {
    fires(shared_by_two_early);
}

#[test]
fn a_tower_of_shared_chains_that_goes_on_from_their_first_branches_fails_on_a_small_stack() {
    fails(shared_by_two_early);
}

#[test]
fn a_tower_of_lists_fails_on_a_small_stack() {
    fails(entries_of);
}

#[test]
fn a_tower_of_gatherings_fails_on_a_small_stack() {
    fails(gathered);
}

#[test]
fn a_tower_of_gathered_tuples_fails_on_a_small_stack() {
    fails(gathered_pair);
}

#[test]
fn a_tower_of_races_fails_on_a_small_stack() {
    fails(raced);
}

#[test]
fn a_tower_of_shared_chains_fails_on_a_small_stack() {
    fails(shared);
}

#[test]
fn a_tower_of_shared_chains_with_two_branches_fails_on_a_small_stack() {
    fails(shared_by_two);
}

#[test]
fn a_tower_of_lists_is_cancelled_on_a_small_stack() {
    is_cancelled(entries_of);
}

#[test]
fn a_tower_of_gatherings_is_cancelled_on_a_small_stack() {
    is_cancelled(gathered);
}

#[test]
fn a_tower_of_gathered_tuples_is_cancelled_on_a_small_stack() {
    is_cancelled(gathered_pair);
}

#[test]
fn a_tower_of_races_is_cancelled_on_a_small_stack() {
    is_cancelled(raced);
}

#[test]
fn a_tower_of_shared_chains_is_cancelled_on_a_small_stack() {
    is_cancelled(shared);
}

#[test]
fn a_tower_of_lists_is_dropped_on_a_small_stack() {
    is_dropped(entries_of);
}

#[test]
fn a_tower_of_gatherings_is_dropped_on_a_small_stack() {
    is_dropped(gathered);
}

#[test]
fn a_tower_of_gathered_tuples_is_dropped_on_a_small_stack() {
    is_dropped(gathered_pair);
}

#[test]
fn a_tower_of_races_is_dropped_on_a_small_stack() {
    is_dropped(raced);
}

#[test]
fn a_tower_of_shared_chains_is_dropped_on_a_small_stack() {
    is_dropped(shared);
}

#[test]
fn a_tower_of_shared_chains_with_two_branches_is_dropped_on_a_small_stack() {
    is_dropped(shared_by_two);
}

// What a tower of lists fails with is as deep as the tower is high.

#[test]
fn a_failure_within_a_hundred_thousand_others_is_shown_and_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = tower(|below| gather([below]).map(|values| values[0]));
        firer.errback(lost());

        let failure = chain.into_result().unwrap().unwrap_err();

        let first = failure.check::<FirstError>().unwrap();
        let nested = "child 0 failed: deferred::list::FirstError: ".len();
        let innermost = format!("child 0 failed: {}", lost());
        assert_eq!(
            first.to_string().len(),
            (HIGH - 1) * nested + innermost.len()
        );
        assert!(format!("{first:?}").ends_with(&")".repeat(HIGH)));
        assert!(failure.find::<Lost>().is_some());
        let text = format!("{failure:?}");
        assert!(text.len() < first.to_string().len() + 1_000);
        assert!(text.ends_with("\n  caused by: the poem is lost"));
    });
}

#[test]
fn all_that_failed_within_a_hundred_thousand_races_is_shown_and_dropped_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = tower(|below| race([below]).map(|(_, value)| value));
        firer.errback(lost());

        let failure = failure_result_of::<AllFailed, _>(chain);

        let all = failure.check::<AllFailed>().unwrap();
        let nested = "all 1 failed; deferred::list::AllFailed: ".len();
        let innermost = format!("all 1 failed; {}", lost());
        assert_eq!(all.to_string().len(), (HIGH - 1) * nested + innermost.len());
        assert!(format!("{all:?}").contains(&all.failures[0].to_string()));
    });
}

#[test]
fn a_failure_within_gatherings_of_races_of_gatherings_is_shown_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = tower(|below| {
            let race = race([below]).map(|(_, value)| value);
            gather([race]).map(|values| values[0])
        });
        firer.errback(lost());

        let failure = failure_result_of::<FirstError, _>(chain);

        let first = failure.check::<FirstError>().unwrap();
        let all = "child 0 failed: deferred::list::AllFailed: all 1 failed; ";
        let shown = first.to_string();
        assert!(shown.starts_with(&format!("{all}deferred::list::FirstError: {all}")));
        assert!(shown.ends_with(&format!("{all}{}", lost())));
        assert!(format!("{first:?}").contains(&shown[all.len()..]));
    });
}

#[test]
fn a_gathering_of_gatherings_whose_both_ends_were_given_up_is_not_reported() {
    frees_all(|| {
        let before = unhandled_failures();
        let (firer, chain) = Deferred::<u32>::new();
        let all = gather([gather([chain])]);

        drop(all);
        drop(firer);

        assert_eq!(unhandled_failures(), before);
    });
}
