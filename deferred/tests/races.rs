//! The first of several chains to succeed: the others are left alone, or, in a race, cancelled.

mod util;

use deferred::testing::{
    assert_no_result, failure_result_of, success_result_of, unhandled_failures,
};
use deferred::{
    AllFailed, CancelledError, Deferred, DeferredList, Failure, Firer, first_success, race,
};
use util::{Log, Lost, Shelf, Torn, assert_same, failure_of};

/// Three chains that wait, and their firers.
fn three() -> ([Firer<u32>; 3], [Deferred<u32>; 3]) {
    let (a, first) = Deferred::new();
    let (b, second) = Deferred::new();
    let (c, third) = Deferred::new();
    ([a, b, c], [first, second, third])
}

/// A chain that waits, and notes when it is cancelled.
fn noting_cancel(log: &Log, name: &'static str) -> (Firer<u32>, Deferred<u32>) {
    let notes = log.clone();
    Deferred::with_canceller(move |_| notes.note(name))
}

// DeferredList::first and first_success

// D-109
#[test]
fn the_first_success_is_an_index_and_a_value_and_leaves_the_other_chains_alone() {
    let log = Log::default();
    let (_a, first) = noting_cancel(&log, "cancelled");
    let (b, second) = Deferred::new();
    let success = first_success([first, second]);

    b.callback(7);

    assert_eq!(success_result_of(success), (1, 7));
    log.assert(&[]);
}

// D-106, D-109
#[test]
fn the_first_success_is_there_at_once_if_a_chain_has_its_value() {
    let (_firer, waiting) = Deferred::new();
    let chains = [waiting, Deferred::succeed(2), Deferred::succeed(3)];

    let success = DeferredList::new(chains).first();

    assert_eq!(success_result_of(success), (1, 2));
}

// D-109
#[test]
fn failures_before_the_first_success_are_passed_over_in_silence() {
    let before = unhandled_failures();
    let ([a, b, _c], chains) = three();
    let success = first_success(chains);

    a.errback(Lost);
    let success = assert_no_result(success);
    b.callback(2);

    assert_eq!(success_result_of(success), (1, 2));
    assert_eq!(unhandled_failures(), before);
}

#[test]
fn without_a_success_all_failures_are_given_in_the_order_of_the_chains() {
    let ([a, b, c], chains) = three();
    let success = first_success(chains);

    c.errback(Torn(3));
    a.errback(Torn(1));
    let success = assert_no_result(success);
    b.errback(Torn(2));

    let failure = failure_result_of::<AllFailed, _>(success);
    let all = &failure.trap::<AllFailed>().unwrap().failures;
    let pages: Vec<_> = all.iter().map(Failure::to_string).collect();
    assert_eq!(pages, [1, 2, 3].map(|n| Failure::new(Torn(n)).to_string()));
}

// D-105
#[test]
fn the_first_success_of_no_chains_fails_at_once() {
    let success = first_success(Vec::<Deferred<u32>>::new());

    let failure = failure_result_of::<AllFailed, _>(success);
    assert!(failure.trap::<AllFailed>().unwrap().failures.is_empty());
}

// D-113, D-115
#[test]
fn cancelling_gives_the_value_of_a_chain_whose_canceller_has_one() {
    let log = Log::default();
    let (_a, first) = noting_cancel(&log, "first");
    let (_b, second) = Deferred::with_canceller(|firer| assert!(firer.callback(7)));
    let (_c, third) = noting_cancel(&log, "third");
    let success = first_success([first, second, third]);

    success.cancel();

    assert_eq!(success_result_of(success), (1, 7));
    log.assert(&["first", "third"]);
}

// D-116
#[test]
fn cancelling_after_the_first_success_does_nothing_to_the_other_chains() {
    let log = Log::default();
    let (a, waiting) = noting_cancel(&log, "cancelled");
    let success = first_success([waiting, Deferred::succeed(2)]);

    success.cancel();

    log.assert(&[]);
    assert!(a.callback(1));
    assert_eq!(success_result_of(success), (1, 2));
}

// D-112
#[test]
fn results_after_the_first_success_are_taken_in_silently() {
    let before = unhandled_failures();
    let ([a, b, c], chains) = three();
    let success = first_success(chains);

    a.callback(1);
    b.callback(2);
    c.errback(Lost);

    assert_eq!(success_result_of(success), (0, 1));
    assert_eq!(unhandled_failures(), before);
}

// D-113
#[test]
fn cancelling_without_a_success_fails_with_all_that_the_chains_ended_with() {
    let (_firers, chains) = three();
    let success = first_success(chains);

    success.cancel();

    let failure = failure_of(success);
    let all = &failure.trap::<AllFailed>().unwrap().failures;
    let cancelled = all
        .iter()
        .filter(|one| one.check::<CancelledError>().is_some());
    assert_eq!(cancelled.count(), 3);
}

// DeferredList::race and race

// D-123
#[test]
fn a_race_gives_the_first_success_and_cancels_every_other_chain_once() {
    let log = Log::default();
    let (_a, first) = noting_cancel(&log, "first");
    let (b, winner) = noting_cancel(&log, "winner");
    let (_c, third) = noting_cancel(&log, "third");
    let race = race([first, winner, third]);

    b.callback(7);

    assert_eq!(success_result_of(race), (1, 7));
    log.assert(&["first", "third"]);
}

// D-123
#[test]
fn a_chain_that_has_its_value_wins_at_once_and_the_others_are_cancelled() {
    let log = Log::default();
    let (_a, first) = noting_cancel(&log, "first");
    let (_c, third) = noting_cancel(&log, "third");

    let race = race([first, Deferred::succeed(7), third]);

    assert_eq!(success_result_of(race), (1, 7));
    log.assert(&["first", "third"]);
}

// D-123
#[test]
fn the_first_of_two_chains_that_have_their_values_wins() {
    let race = DeferredList::new([1, 2].map(Deferred::succeed)).race();

    assert_eq!(success_result_of(race), (0, 1));
}

// D-123
#[test]
fn a_chain_that_fails_leaves_the_race_to_the_others() {
    let log = Log::default();
    let (a, first) = Deferred::<u32>::new();
    let (b, second) = noting_cancel(&log, "second");
    let race = race([first, second]);

    a.errback(Lost);
    let race = assert_no_result(race);
    b.callback(2);

    assert_eq!(success_result_of(race), (1, 2));
    log.assert(&[]);
}

// D-123
#[test]
fn a_loser_that_waits_for_another_chain_has_that_one_cancelled() {
    let log = Log::default();
    let (_inner_firer, inner) = noting_cancel(&log, "inner");
    let loser = Deferred::succeed(()).add_callback(move |()| inner);
    let (firer, winner) = Deferred::<u32>::new();
    let race = race([loser, winner]);

    firer.callback(7);

    assert_eq!(success_result_of(race), (1, 7));
    log.assert(&["inner"]);
}

// D-124
#[test]
fn a_race_without_a_winner_fails_with_all_failures_in_order_and_nobody_is_cancelled() {
    let log = Log::default();
    let (a, first) = noting_cancel(&log, "first");
    let (b, second) = noting_cancel(&log, "second");
    let race = race([first, second]);
    let (one, two) = (Failure::new(Torn(1)), Failure::new(Torn(2)));

    b.errback(two.clone());
    let race = assert_no_result(race);
    a.errback(one.clone());

    let failure = failure_result_of::<AllFailed, _>(race);
    let all = failure.trap::<AllFailed>().unwrap();
    assert_eq!(all.failures.len(), 2);
    assert_same(&all.failures[0], &one);
    assert_same(&all.failures[1], &two);
    log.assert(&[]);
}

// D-124
#[test]
fn a_race_without_a_winner_says_what_each_chain_failed_with() {
    let race = race([Deferred::<u32>::fail(Torn(1)), Deferred::fail(Lost)]);

    let failure = failure_result_of::<AllFailed, _>(race);

    let all = failure.trap::<AllFailed>().unwrap().to_string();
    let (one, two) = (&Failure::new(Torn(1)), &Failure::new(Lost));
    assert_eq!(all, format!("all 2 failed; {one}; {two}"));
}

#[test]
fn a_race_of_races_without_a_winner_says_in_order_what_each_chain_failed_with() {
    let fail = |number| Deferred::<u32>::fail(Torn(number)).map(|value| (0, value));
    let inner = race([Deferred::fail(Torn(2)), Deferred::fail(Torn(3))]);
    let empty = race(Vec::new());
    let race = race([fail(1), inner, empty, fail(4)]);

    let failure = failure_result_of::<AllFailed, _>(race);

    let all = failure.trap::<AllFailed>().unwrap().to_string();
    let [one, two, three, four] = [1, 2, 3, 4].map(|number| Failure::new(Torn(number)));
    let inner = format!("deferred::list::AllFailed: all 2 failed; {two}; {three}");
    let empty = "deferred::list::AllFailed: there was nothing to wait for";
    assert_eq!(
        all,
        format!("all 4 failed; {one}; {inner}; {empty}; {four}")
    );
}

// D-105
#[test]
fn an_empty_race_fails_at_once() {
    let race = race(Vec::<Deferred<u32>>::new());

    let failure = failure_result_of::<AllFailed, _>(race);
    assert!(failure.trap::<AllFailed>().unwrap().failures.is_empty());
}

// D-125
#[test]
fn what_a_loser_delivers_afterwards_goes_nowhere() {
    let before = unhandled_failures();
    let log = Log::default();
    let notes = log.clone();
    let (a, winner) = Deferred::<u32>::new();
    let (_b, loser) = Deferred::<u32>::new();
    let (late, slow) = Deferred::<u32>::new();
    let loser = loser.add_errback(move |_| slow);
    race([winner, loser])
        .map(move |(index, value)| notes.note(format!("{index}, {value}")))
        .ignore();

    a.callback(1);
    let accepted = late.callback(2);

    assert!(accepted);
    log.assert(&["0, 1"]);
    assert_eq!(unhandled_failures(), before);
}

// D-125
#[test]
fn a_failure_that_a_loser_delivers_afterwards_goes_nowhere() {
    let before = unhandled_failures();
    let (a, winner) = Deferred::<u32>::new();
    let (_b, loser) = Deferred::<u32>::new();
    let (late, slow) = Deferred::<u32>::new();
    let loser = loser.add_errback(move |_| slow);
    let race = race([winner, loser]);

    a.callback(1);
    late.errback(Lost);

    assert_eq!(success_result_of(race), (0, 1));
    assert_eq!(unhandled_failures(), before);
}

// D-125
#[test]
fn a_value_that_a_losers_canceller_gives_goes_nowhere() {
    let (a, winner) = Deferred::<u32>::new();
    let (_b, loser) = Deferred::with_canceller(|firer| assert!(firer.callback(2)));
    let race = race([loser, winner]);

    a.callback(1);

    assert_eq!(success_result_of(race), (1, 1));
}

// D-126
#[test]
fn the_losers_are_cancelled_before_the_callbacks_of_the_race_run() {
    let log = Log::default();
    let (notes, caught) = (log.clone(), log.clone());
    let (_a, first) = noting_cancel(&log, "canceller");
    let first = first.add_errback(move |failure| {
        caught.note("errback");
        Err(failure)
    });
    let (b, winner) = Deferred::<u32>::new();
    race([first, winner])
        .map(move |_| notes.note("race"))
        .ignore();

    b.callback(7);

    log.assert(&["canceller", "errback", "race"]);
}

// D-127
#[test]
fn cancelling_a_race_cancels_every_chain_once_and_fails_with_all_failures() {
    let log = Log::default();
    let (_a, first) = noting_cancel(&log, "first");
    let (_b, second) = noting_cancel(&log, "second");
    let race = race([first, second]);

    race.cancel();

    log.assert(&["first", "second"]);
    let failure = failure_result_of::<AllFailed, _>(race);
    let all = failure.trap::<AllFailed>().unwrap();
    let cancelled = all
        .failures
        .iter()
        .filter(|one| one.check::<CancelledError>().is_some());
    assert_eq!(cancelled.count(), 2);
}

// D-127
#[test]
fn a_cancelled_race_is_won_by_a_chain_whose_canceller_has_a_value() {
    let log = Log::default();
    let (_a, first) = noting_cancel(&log, "first");
    let (_b, second) = Deferred::with_canceller(|firer| assert!(firer.callback(2)));
    let (_c, third) = noting_cancel(&log, "third");
    let race = race([first, second, third]);

    race.cancel();

    assert_eq!(success_result_of(race), (1, 2));
    log.assert(&["first", "third"]);
}

#[test]
fn cancelling_a_race_that_was_won_does_nothing_to_a_loser_that_still_waits() {
    let log = Log::default();
    let (_late, slow) = noting_cancel(&log, "slow");
    let (_b, loser) = Deferred::<u32>::new();
    let loser = loser.add_errback(move |_| slow);
    let race = race([Deferred::succeed(1), loser]);

    race.cancel();

    log.assert(&[]);
    assert_eq!(success_result_of(race), (0, 1));
}

#[test]
fn a_loser_may_drop_the_race_that_it_has_lost() {
    let before = unhandled_failures();
    let end = Shelf::<Deferred<_>>::empty();
    let dropped = end.clone();
    let (a, winner) = Deferred::<u32>::new();
    let (_b, loser) = Deferred::<u32>::with_canceller(move |_| drop(dropped.take()));
    end.put(race([winner, loser]));

    let accepted = a.callback(1);

    assert!(accepted);
    assert_eq!(unhandled_failures(), before);
}

#[test]
fn a_loser_whose_canceller_would_win_too_does_not() {
    let (firers, chains): (Vec<_>, Vec<_>) = (0..3)
        .map(|n| Deferred::with_canceller(move |firer| assert!(firer.callback(n))))
        .unzip();
    let race = race(chains);

    for firer in firers.into_iter().rev() {
        firer.callback(10);
    }

    assert_eq!(success_result_of(race), (2, 10));
}

#[test]
fn what_a_loser_begins_anew_outlives_the_cancelling_of_the_race_that_it_has_lost() {
    let (_first_firer, first) = Deferred::<u32>::with_canceller(|firer| {
        firer.callback(7);
    });
    let (_second_firer, second) = Deferred::<u32>::new();
    let (retry_firer, retry) = Deferred::<u32>::new();
    let second = second.add_errback(move |_| retry);
    let race = race([first, second]);

    race.cancel();

    assert_eq!(success_result_of(race), (0, 7));
    assert!(retry_firer.callback(1));
}
