//! A chain is fired, and its links run.

mod util;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Panicked};
use util::{Log, Lost, Shelf, Torn, assert_same, failure_of};

// D-001
#[test]
fn a_value_goes_to_the_first_callback_and_to_no_errback() {
    let log = Log::default();
    let (notes, other_notes) = (log.clone(), log.clone());
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred
        .add_errback(move |failure| {
            other_notes.note("errback");
            Err(failure)
        })
        .map(move |n| notes.note(format!("callback {n}")));

    firer.callback(7);

    success_result_of(chain);
    log.assert(&["callback 7"]);
}

// D-003
#[test]
fn callbacks_run_in_the_order_added_each_with_what_the_one_before_returned() {
    let log = Log::default();
    let (first, second, third) = (log.clone(), log.clone(), log.clone());
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred
        .add_callback(move |n| {
            first.note(format!("first {n}"));
            Ok(n + 1)
        })
        .add_callback(move |n| {
            second.note(format!("second {n}"));
            Ok(n.to_string() + "!")
        })
        .map(move |text| third.note(format!("third {text}")));

    firer.callback(1);

    success_result_of(chain);
    log.assert(&["first 1", "second 2", "third 2!"]);
}

// D-004
#[test]
fn all_links_have_run_when_the_firing_call_returns() {
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let (firer, deferred) = Deferred::<()>::new();
    let _chain = deferred
        .map(move |()| first.note("first"))
        .map(move |()| second.note("second"));

    log.note("firing");
    firer.callback(());
    log.note("fired");

    log.assert(&["firing", "first", "second", "fired"]);
}

// D-005
#[test]
fn a_callback_added_to_a_chain_with_a_value_runs_inside_the_call_that_adds_it() {
    let log = Log::default();
    let notes = log.clone();
    let (firer, deferred) = Deferred::<u32>::new();
    firer.callback(1);

    log.note("adding");
    let _chain = deferred.map(move |n| notes.note(format!("callback {n}")));
    log.note("added");

    log.assert(&["adding", "callback 1", "added"]);
}

// D-005
#[test]
fn an_errback_added_to_a_failed_chain_runs_inside_the_call_that_adds_it() {
    let log = Log::default();
    let notes = log.clone();
    let (firer, deferred) = Deferred::<()>::new();
    firer.errback(Lost);

    log.note("adding");
    let _chain = deferred.add_errback(move |_| {
        notes.note("errback");
        Ok(())
    });
    log.note("added");

    log.assert(&["adding", "errback", "added"]);
}

// D-006
#[test]
fn a_failure_passes_a_callback_and_a_value_passes_an_errback_untouched() {
    let failure = Failure::new(Lost);
    let original = failure.clone();
    let (failing, failed) = Deferred::<u32>::new();
    let (firer, deferred) = Deferred::<u32>::new();
    let failed = failed.add_callback(|_| Ok(0)).map(|n: u32| n + 1);
    let chain = deferred.add_errback(|_| Ok(0));

    failing.errback(failure);
    firer.callback(7);

    assert_same(&failure_of(failed), &original);
    assert_eq!(success_result_of(chain), 7);
}

// D-007
#[test]
fn of_a_callback_and_an_errback_side_by_side_exactly_the_one_for_the_result_runs() {
    let both =
        |deferred: Deferred<u32>| deferred.add_callbacks(|_| Ok("callback"), |_| Ok("errback"));
    let (firer, deferred) = Deferred::new();
    let (failing, failed) = Deferred::new();
    let (chain, failed) = (both(deferred), both(failed));

    firer.callback(1);
    failing.errback(Lost);

    assert_eq!(success_result_of(chain), "callback");
    assert_eq!(success_result_of(failed), "errback");
}

// D-007
#[test]
fn a_failure_of_a_callback_goes_to_the_next_link_not_to_the_errback_beside_it() {
    let log = Log::default();
    let (beside, next) = (log.clone(), log.clone());
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred
        .add_callbacks(
            |_| Err(Failure::new(Lost)),
            move |_| {
                beside.note("beside");
                Ok(1)
            },
        )
        .add_errback(move |failure| {
            next.note(format!("next: {}", failure.error()));
            Ok(2)
        });

    firer.callback(0);

    assert_eq!(success_result_of(chain), 2);
    log.assert(&["next: the poem is lost"]);
}

// D-008
#[test]
fn a_function_for_both_lines_runs_once_for_either_and_its_value_is_the_result() {
    let log = Log::default();
    let both = |deferred: Deferred<u32>| {
        let notes = log.clone();
        deferred.add_both(move |result| {
            notes.note(match result {
                Ok(n) => format!("value {n}"),
                Err(failure) => format!("failure: {}", failure.error()),
            });
            Ok("done")
        })
    };
    let (firer, deferred) = Deferred::new();
    let (failing, failed) = Deferred::new();
    let (chain, failed) = (both(deferred), both(failed));

    firer.callback(1);
    failing.errback(Lost);

    assert_eq!(success_result_of(chain), "done");
    assert_eq!(success_result_of(failed), "done");
    log.assert(&["value 1", "failure: the poem is lost"]);
}

// D-009
#[test]
fn an_error_raised_by_a_callback_and_a_failure_returned_by_it_both_lead_to_the_errback_line() {
    let (raising, raised) = Deferred::<String>::new();
    let (returning, returned) = Deferred::<String>::new();
    let raised = raised.add_callback(|text| Ok(text.parse::<u32>()?));
    let returned = returned.add_callback(|text| text.parse::<u32>().map_err(Failure::new));

    raising.callback(String::from("many"));
    returning.callback(String::from("many"));

    failure_result_of::<std::num::ParseIntError, _>(raised);
    failure_result_of::<std::num::ParseIntError, _>(returned);
}

// D-010
#[test]
fn an_errback_that_returns_a_value_puts_the_chain_back_on_the_callback_line() {
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.add_errback(|_| Ok(1)).map(|n| n + 1);

    firer.errback(Lost);

    assert_eq!(success_result_of(chain), 2);
}

// D-012, F-020
#[test]
fn an_errback_that_fails_itself_replaces_the_failure_by_its_own() {
    let (firer, deferred) = Deferred::<u32>::new();
    let returned = Shelf::empty();
    let shelf = returned.clone();
    let chain = deferred.add_errback(move |failure| {
        assert!(failure.check::<Lost>().is_some());
        let replacement = Failure::new(Torn(3));
        shelf.put(replacement.clone());
        Err(replacement)
    });

    firer.errback(Lost);

    let failure = failure_result_of::<Torn, _>(chain);
    assert_same(&failure, &returned.take());
}

#[test]
fn no_error_of_a_link_comes_out_of_the_call_that_fires_or_adds() {
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred
        .add_callback(|_| -> Result<u32, Failure> { panic!("out of ink") })
        .add_errback(|_| Err(Failure::new(Lost)));

    assert!(firer.callback(1));
    let chain = chain.add_errback(|failure| -> Result<u32, Failure> {
        assert!(failure.check::<Lost>().is_some());
        panic!("out of paper")
    });

    failure_result_of::<Panicked, u32>(chain);
}

// D-014
#[test]
fn a_chain_made_with_a_result_is_like_one_that_was_fired_at_once() {
    let finish = |deferred: Deferred<u32>| {
        assert!(deferred.has_result());
        deferred
            .map(|n| n + 1)
            .add_errback(|failure| Ok(failure.trap::<Torn>()?.0))
    };
    let (firer, fired) = Deferred::new();
    firer.callback(7);
    let (failing, failed) = Deferred::new();
    failing.errback(Torn(3));

    let made = [Deferred::succeed(7), Deferred::fail(Torn(3))];

    let made = made.map(|deferred| success_result_of(finish(deferred)));
    let manual = [fired, failed].map(|deferred| success_result_of(finish(deferred)));
    assert_eq!(made, [8, 3]);
    assert_eq!(manual, made);
}

// D-015
#[test]
fn firing_wraps_an_error_in_a_failure_and_leaves_a_failure_as_it_is() {
    let failure = Failure::new(Torn(3));
    let original = failure.clone();
    let (plain, of_error) = Deferred::<u32>::new();
    let (wrapped, of_failure) = Deferred::<u32>::new();

    plain.errback(Torn(3));
    wrapped.errback(failure);

    assert_eq!(failure_of(of_error).check(), Some(&Torn(3)));
    let of_failure = failure_of(of_failure);
    assert_eq!(of_failure.check(), Some(&Torn(3)));
    assert_same(&of_failure, &original);
}

// D-016
#[test]
fn firing_with_a_result_takes_the_line_that_the_result_says() {
    let (firer, deferred) = Deferred::<u32>::new();
    let (failing, failed) = Deferred::<u32>::new();

    firer.fire(Ok(7));
    failing.fire(Err(Failure::new(Lost)));

    assert_eq!(success_result_of(deferred), 7);
    failure_result_of::<Lost, _>(failed);
}

// D-017
#[test]
fn a_deferred_given_as_the_value_is_an_ordinary_value_for_the_first_callback() {
    let (_inner_firer, inner) = Deferred::<u32>::new();
    let (firer, deferred) = Deferred::<Deferred<u32>>::new();
    let chain = deferred.map(|inner| inner.has_result());

    firer.callback(inner);

    assert!(!success_result_of(chain));
}

// D-018, D-019
#[test]
fn a_callback_added_by_a_running_callback_runs_after_it_and_behind_all_that_was_added() {
    let log = Log::default();
    let (adding, second, last) = (log.clone(), log.clone(), log.clone());
    let end = Shelf::<Deferred<()>>::empty();
    let own = end.clone();
    let (firer, deferred) = Deferred::<()>::new();
    let chain = deferred
        .map(move |()| {
            adding.note("adding");
            own.put(own.take().map(move |()| last.note("last")));
            adding.note("added");
        })
        .map(move |()| second.note("second"));
    end.put(chain);

    firer.callback(());

    log.assert(&["adding", "added", "second", "last"]);
}

// D-018, D-019
#[test]
fn a_callback_added_by_the_last_callback_of_a_chain_runs_after_it() {
    let log = Log::default();
    let (adding, last) = (log.clone(), log.clone());
    let end = Shelf::<Deferred<()>>::empty();
    let own = end.clone();
    let (firer, deferred) = Deferred::<()>::new();
    let chain = deferred.map(move |()| {
        adding.note("adding");
        own.put(own.take().map(move |()| last.note("last")));
        adding.note("added");
    });
    end.put(chain);

    firer.callback(());

    log.assert(&["adding", "added", "last"]);
}

// D-030
#[test]
fn a_panic_in_a_link_becomes_a_failure_with_its_message_and_the_chain_goes_on() {
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred
        .add_callback(|n| -> Result<u32, Failure> { panic!("out of ink at line {n}") })
        .add_errback(|failure| {
            let panicked: &Panicked = failure.trap()?;
            assert_eq!(panicked.message(), "out of ink at line 7");
            Ok(1)
        });

    firer.callback(7);

    let chain = chain.map(|n| n + 1);
    assert_eq!(success_result_of(chain), 2);
}

// D-030
#[test]
fn a_panic_in_a_link_added_to_a_fired_chain_becomes_a_failure_too() {
    let chain = Deferred::succeed(7).map(|_| panic!("out of ink"));
    let here = format!("{}:{}:", file!(), line!() - 1);

    let failure = failure_result_of::<Panicked, ()>(chain);

    let text = failure.error().to_string();
    let place = text.strip_prefix("panicked: out of ink, at ");
    assert!(place.is_some_and(|it| it.starts_with(&here)), "{text}");
}

#[test]
fn a_chain_has_no_result_before_it_is_fired() {
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.map(|n| n + 1);

    let chain = assert_no_result(chain);
    assert!(!chain.has_result());
    firer.callback(1);

    assert!(chain.has_result());
    assert_eq!(success_result_of(chain), 2);
}

#[test]
fn a_callback_may_return_nothing() {
    let log = Log::default();
    let notes = log.clone();
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.add_callback(move |n| notes.note(n.to_string()));

    firer.callback(7);

    success_result_of(chain);
    log.assert(&["7"]);
}
