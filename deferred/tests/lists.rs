//! Many chains at once: lists, and gathering.

mod util;

use deferred::testing::{
    assert_no_result, failure_result_of, success_result_of, unhandled_failures,
};
use deferred::{CancelledError, Deferred, DeferredList, Failure, Firer, FirstError, gather};
use util::{Log, Lost, Shelf, Torn, assert_same};

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

/// A chain that waits, and whose canceller gives it `value`.
fn worth(value: u32) -> (Firer<u32>, Deferred<u32>) {
    Deferred::with_canceller(move |firer| assert!(firer.callback(value)))
}

/// What a gathering has failed with.
#[track_caller]
fn first_error_of<T: std::fmt::Debug>(gathered: Deferred<T>) -> FirstError {
    let failure = failure_result_of::<FirstError, _>(gathered);
    failure.trap::<FirstError>().unwrap().clone()
}

// DeferredList::entries

// D-102
#[test]
fn entries_stand_in_the_order_of_the_children_and_not_of_their_results() {
    let ([a, b, c], children) = three();
    let list = DeferredList::new(children).entries();

    c.callback(3);
    a.callback(1);
    let list = assert_no_result(list);
    b.callback(2);

    let entries = success_result_of(list).into_iter().map(Result::unwrap);
    assert_eq!(entries.collect::<Vec<_>>(), [1, 2, 3]);
}

// D-102, D-103
#[test]
fn a_failed_child_does_not_fail_the_entries_but_stands_in_them() {
    let ([a, b, c], children) = three();
    let list = DeferredList::new(children).entries();
    let failure = Failure::new(Lost);

    a.callback(1);
    b.errback(failure.clone());
    let list = assert_no_result(list);
    c.callback(3);

    let entries = success_result_of(list);
    assert_eq!(*entries[0].as_ref().unwrap(), 1);
    assert_same(entries[1].as_ref().unwrap_err(), &failure);
    assert_eq!(*entries[2].as_ref().unwrap(), 3);
}

// D-104
#[test]
fn the_entries_of_an_empty_list_are_there_at_once() {
    let list = DeferredList::<u32>::new([]).entries();

    assert!(success_result_of(list).is_empty());
}

// D-106
#[test]
fn entries_of_children_that_have_results_are_there_at_once() {
    let children = [Deferred::succeed(1), Deferred::fail(Lost)];

    let list = DeferredList::new(children).entries();

    let entries = success_result_of(list);
    assert!(entries[0].is_ok());
    assert!(entries[1].as_ref().unwrap_err().check::<Lost>().is_some());
}

// D-106
#[test]
fn a_child_that_has_its_result_leaves_the_list_to_wait_for_the_others() {
    let (firer, waiting) = Deferred::new();

    let list = DeferredList::new([Deferred::succeed(1), waiting]).entries();
    let list = assert_no_result(list);
    firer.callback(2);

    assert_eq!(success_result_of(list).len(), 2);
}

#[test]
fn a_paused_child_counts_when_it_runs_again() {
    let paused = Deferred::succeed(1);
    let guard = paused.pause();
    let list = DeferredList::new([paused]).entries();
    let list = assert_no_result(list);

    drop(guard);

    assert_eq!(success_result_of(list).len(), 1);
}

// D-113, D-114
#[test]
fn cancelling_entries_cancels_every_child_and_succeeds_with_what_these_end_with() {
    let log = Log::default();
    let (_a, silent) = noting_cancel(&log, "first");
    let (_b, fired) = worth(7);
    let (_c, last) = noting_cancel(&log, "last");
    let list = DeferredList::new([silent, fired, last]).entries();

    list.cancel();

    log.assert(&["first", "last"]);
    let entries = success_result_of(list);
    assert!(
        entries[0]
            .as_ref()
            .unwrap_err()
            .check::<CancelledError>()
            .is_some()
    );
    assert_eq!(*entries[1].as_ref().unwrap(), 7);
    assert!(entries[2].is_err());
}

// D-113
#[test]
fn a_cancelled_list_waits_for_a_child_that_does_not_end() {
    let (recovery, slow) = Deferred::<u32>::new();
    let (_firer, child) = Deferred::<u32>::new();
    let child = child.add_errback(move |_| slow);
    let list = DeferredList::new([child]).entries();

    list.cancel();
    let list = assert_no_result(list);
    recovery.callback(5);

    assert_eq!(*success_result_of(list)[0].as_ref().unwrap(), 5);
}

// D-113
#[test]
fn a_list_that_is_cancelled_again_cancels_what_its_children_wait_for_now() {
    let (_recovery, slow) = Deferred::<u32>::new();
    let (_firer, child) = Deferred::<u32>::new();
    let child = child.add_errback(move |_| slow);
    let list = DeferredList::new([child]).entries();
    list.cancel();

    list.cancel();

    assert!(success_result_of(list)[0].is_err());
}

// D-113
#[test]
fn cancelling_a_list_from_a_callback_of_one_child_cancels_the_others() {
    let own = Shelf::<Deferred<_>>::empty();
    let list = own.clone();
    let (firer, running) = Deferred::<u32>::new();
    let (_other, waiting) = Deferred::<u32>::new();
    let running = running.map(move |n| {
        let it = list.take();
        it.cancel();
        list.put(it);
        n
    });
    own.put(DeferredList::new([running, waiting]).entries());

    firer.callback(1);

    let entries = success_result_of(own.take());
    assert_eq!(*entries[0].as_ref().unwrap(), 1);
    assert!(
        entries[1]
            .as_ref()
            .unwrap_err()
            .check::<CancelledError>()
            .is_some()
    );
}

// DeferredList::values and gather

// D-118
#[test]
fn gathered_values_stand_in_the_order_of_the_chains() {
    let ([a, b, c], chains) = three();
    let gathered = gather(chains);

    c.callback(3);
    b.callback(2);
    let gathered = assert_no_result(gathered);
    a.callback(1);

    assert_eq!(success_result_of(gathered), [1, 2, 3]);
}

// D-118
#[test]
fn any_iterator_of_chains_is_gathered() {
    let gathered = gather((0..4).map(Deferred::succeed));

    assert_eq!(success_result_of(gathered), [0, 1, 2, 3]);
}

// D-118
#[test]
fn gathering_no_chains_gives_no_values_at_once() {
    let gathered = gather(Vec::<Deferred<u32>>::new());

    assert!(success_result_of(gathered).is_empty());
}

// D-118
#[test]
fn a_tuple_of_eight_types_is_gathered_in_order_whichever_comes_last() {
    let (a, word) = Deferred::<&str>::new();
    let (b, number) = Deferred::<u64>::new();
    let gathered = gather((
        word,
        Deferred::succeed(1_u8),
        Deferred::succeed('c'),
        number,
        Deferred::succeed(String::from("e")),
        Deferred::succeed(()),
        Deferred::succeed([7]),
        Deferred::succeed(Some(8)),
    ));

    b.callback(4);
    let gathered = assert_no_result(gathered);
    a.callback("a");

    let expected = ("a", 1, 'c', 4, String::from("e"), (), [7], Some(8));
    assert_eq!(success_result_of(gathered), expected);
}

// D-118
#[test]
fn a_tuple_of_each_length_up_to_eight_is_gathered() {
    fn it<T>(value: T) -> Deferred<T> {
        Deferred::succeed(value)
    }

    assert_eq!(success_result_of(gather((it(1),))), (1,));
    assert_eq!(success_result_of(gather((it(1), it('2')))), (1, '2'));
    let three = gather((it(1), it('2'), it("3")));
    assert_eq!(success_result_of(three), (1, '2', "3"));
    let four = gather((it(1), it('2'), it("3"), it(4)));
    assert_eq!(success_result_of(four), (1, '2', "3", 4));
    let five = gather((it(1), it('2'), it("3"), it(4), it(5)));
    assert_eq!(success_result_of(five), (1, '2', "3", 4, 5));
    let six = gather((it(1), it('2'), it("3"), it(4), it(5), it(6)));
    assert_eq!(success_result_of(six), (1, '2', "3", 4, 5, 6));
    let seven = gather((it(1), it('2'), it("3"), it(4), it(5), it(6), it(7)));
    assert_eq!(success_result_of(seven), (1, '2', "3", 4, 5, 6, 7));
}

// D-107, D-119
#[test]
fn gathering_fails_with_the_first_failure_and_leaves_the_other_chains_alone() {
    let log = Log::default();
    let (a, first) = noting_cancel(&log, "cancelled");
    let (b, second) = Deferred::new();
    let gathered = DeferredList::new([first, second]).values();
    let failure = Failure::new(Lost);

    b.errback(failure.clone());

    let error = first_error_of(gathered);
    assert_eq!(error.index, 1);
    assert_same(&error.failure, &failure);
    log.assert(&[]);
    assert!(a.callback(1));
}

// D-119
#[test]
fn gathering_a_tuple_fails_with_the_first_failure_and_leaves_the_other_chains_alone() {
    let log = Log::default();
    let (a, first) = noting_cancel(&log, "cancelled");
    let (b, second) = Deferred::<&str>::new();
    let gathered = gather((first, second));
    let failure = Failure::new(Lost);

    b.errback(failure.clone());

    let error = first_error_of(gathered);
    assert_eq!(error.index, 1);
    assert_same(&error.failure, &failure);
    log.assert(&[]);
    assert!(a.callback(1));
}

// D-108
#[test]
fn gathering_fails_at_once_if_a_chain_has_failed_already() {
    let (_firer, waiting) = Deferred::<u32>::new();

    let gathered = gather([waiting, Deferred::fail(Lost)]);

    let error = first_error_of(gathered);
    assert_eq!(error.index, 1);
    assert!(error.failure.check::<Lost>().is_some());
}

// D-112
#[test]
fn results_after_the_first_failure_are_taken_in_silently() {
    let before = unhandled_failures();
    let log = Log::default();
    let notes = log.clone();
    let ([a, b, c], chains) = three();
    gather(chains)
        .add_both(move |_| notes.note("ended"))
        .ignore();

    a.errback(Lost);
    b.errback(Torn(2));
    c.callback(3);

    log.assert(&["ended"]);
    assert_eq!(unhandled_failures(), before);
}

// D-120
#[test]
fn cancelling_a_gathering_cancels_every_chain_and_fails_with_the_first_error() {
    let log = Log::default();
    let (_a, first) = noting_cancel(&log, "first");
    let (_b, second) = noting_cancel(&log, "second");
    let gathered = gather([first, second]);

    gathered.cancel();

    log.assert(&["first", "second"]);
    let error = first_error_of(gathered);
    assert_eq!(error.index, 0);
    assert!(error.failure.check::<CancelledError>().is_some());
}

// D-120
#[test]
fn cancelling_a_gathered_tuple_cancels_every_chain_and_fails_with_the_first_error() {
    let log = Log::default();
    let (_a, first) = noting_cancel(&log, "first");
    let (_b, second) = noting_cancel(&log, "second");
    let gathered = gather((first, second.map(|n| n.to_string())));

    gathered.cancel();

    log.assert(&["first", "second"]);
    assert!(
        first_error_of(gathered)
            .failure
            .check::<CancelledError>()
            .is_some()
    );
}

// D-116
#[test]
fn cancelling_after_the_first_failure_does_nothing_to_the_other_chains() {
    let log = Log::default();
    let (a, waiting) = noting_cancel(&log, "cancelled");
    let gathered = gather([waiting, Deferred::fail(Lost)]);

    gathered.cancel();

    log.assert(&[]);
    assert!(a.callback(1));
    first_error_of(gathered);
}

// FirstError

// D-121
#[test]
fn the_two_forms_of_a_first_error_show_the_index_and_the_error() {
    let failure = Failure::new(Torn(5));
    let display = format!("child 3 failed: {failure}");
    let error = FirstError { index: 3, failure };

    assert_eq!(format!("{error:?}"), "FirstError(#3, Torn(5))");
    assert_eq!(error.to_string(), display);
}

// D-122
#[test]
fn first_errors_are_equal_if_index_and_failure_are() {
    let (failure, other) = (Failure::new(Lost), Failure::new(Lost));
    let error = |index, failure: &Failure| FirstError {
        index,
        failure: failure.clone(),
    };

    assert_eq!(error(1, &failure), error(1, &failure));
    assert_ne!(error(1, &failure), error(2, &failure));
    assert_ne!(error(1, &failure), error(1, &other));
}
