//! A link returns a Deferred, and the chain waits for it.

mod util;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CircularChain, Deferred, Failure, Firer};
use util::{Log, Lost, Shelf, assert_same, failure_of};

/// A chain of one link, fired, which returned `inner` and so has its result.
fn relay<T: 'static>(inner: Deferred<T>) -> Deferred<T> {
    let (firer, outer) = Deferred::<()>::new();
    let outer = outer.add_callback(move |()| inner);
    firer.callback(());
    outer
}

// D-037
#[test]
fn a_chain_waits_for_the_deferred_that_a_callback_returned_and_goes_on_with_its_value() {
    let (inner_firer, inner) = Deferred::<u32>::new();
    let (firer, outer) = Deferred::<()>::new();
    let chain = outer.add_callback(move |()| inner).map(|n| n + 1);

    firer.callback(());
    let chain = assert_no_result(chain);
    inner_firer.callback(7);

    assert_eq!(success_result_of(chain), 8);
}

// D-038
#[test]
fn an_errback_may_return_a_deferred_whose_value_puts_the_chain_back_on_the_callback_line() {
    let (inner_firer, inner) = Deferred::<u32>::new();
    let (firer, outer) = Deferred::<u32>::new();
    let chain = outer.add_errback(move |_| inner).map(|n| n + 1);

    firer.errback(Lost);
    let chain = assert_no_result(chain);
    inner_firer.callback(7);

    assert_eq!(success_result_of(chain), 8);
}

// D-039
#[test]
fn when_the_inner_deferred_fails_the_outer_goes_on_with_the_same_failure() {
    let failure = Failure::new(Lost);
    let original = failure.clone();
    let (inner_firer, inner) = Deferred::<u32>::new();
    let chain = relay(inner).map(|n| n + 1);

    inner_firer.errback(failure);

    assert_same(&failure_of(chain), &original);
}

// D-040
#[test]
fn the_result_of_a_fired_inner_deferred_is_taken_at_once() {
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let (inner_firer, inner) = Deferred::<u32>::new();
    inner_firer.callback(7);
    let (firer, outer) = Deferred::<()>::new();
    let _chain = outer
        .add_callback(move |()| {
            first.note("returning");
            inner
        })
        .map(move |n| second.note(format!("got {n}")));

    firer.callback(());
    log.note("fired");

    log.assert(&["returning", "got 7", "fired"]);
}

// D-044
#[test]
fn the_outer_chain_goes_on_inside_the_call_that_fires_the_inner_one() {
    let log = Log::default();
    let notes = log.clone();
    let (inner_firer, inner) = Deferred::<()>::new();
    let _chain = relay(relay(relay(inner))).map(move |()| notes.note("outer"));

    log.note("firing");
    inner_firer.callback(());
    log.note("fired");

    log.assert(&["firing", "outer", "fired"]);
}

// D-045
#[test]
fn the_last_of_three_chains_that_wait_for_each_other_resumes_the_second_and_then_the_first() {
    let log = Log::default();
    let (on_a, on_b) = (log.clone(), log.clone());
    let (firer, c) = Deferred::<u32>::new();
    let b = relay(c).map(move |n| {
        on_b.note(format!("b {n}"));
        n + 1
    });
    let a = relay(b).map(move |n| on_a.note(format!("a {n}")));

    firer.callback(1);

    success_result_of(a);
    log.assert(&["b 1", "a 2"]);
}

// D-046
#[test]
fn the_links_of_an_inner_chain_that_waits_itself_run_first_and_the_outer_gets_what_they_return() {
    let log = Log::default();
    let (on_inner, on_outer) = (log.clone(), log.clone());
    let (firer, third) = Deferred::<u32>::new();
    let (inner_firer, inner) = Deferred::<()>::new();
    let inner = inner.add_callback(move |()| third).map(move |n| {
        on_inner.note(format!("inner {n}"));
        n * 10
    });
    let (outer_firer, outer) = Deferred::<()>::new();
    let outer = outer
        .add_callback(move |()| inner)
        .map(move |n| on_outer.note(format!("outer {n}")));

    inner_firer.callback(());
    outer_firer.callback(());
    let outer = assert_no_result(outer);
    firer.callback(7);

    success_result_of(outer);
    log.assert(&["inner 7", "outer 70"]);
}

// D-047, D-048
#[test]
fn all_links_put_on_the_inner_chain_before_it_was_returned_run_before_the_outer_goes_on() {
    let log = Log::default();
    let (inner_firer, mut inner) = Deferred::<u32>::new();
    for turn in 0..3 {
        let notes = log.clone();
        inner = inner.map(move |n| {
            notes.note(format!("inner {turn}"));
            n + 1
        });
    }
    let notes = log.clone();
    let chain = relay(inner).map(move |n| {
        notes.note("outer");
        n
    });

    inner_firer.callback(0);

    assert_eq!(success_result_of(chain), 3);
    log.assert(&["inner 0", "inner 1", "inner 2", "outer"]);
}

// D-049
#[test]
fn a_link_added_to_the_outer_chain_while_it_waits_runs_after_the_links_of_both() {
    let log = Log::default();
    let (on_inner, on_outer, late) = (log.clone(), log.clone(), log.clone());
    let (inner_firer, inner) = Deferred::<()>::new();
    let inner = inner.map(move |()| on_inner.note("inner"));
    let (firer, outer) = Deferred::<()>::new();
    let outer = outer
        .add_callback(move |()| inner)
        .map(move |()| on_outer.note("outer"));

    firer.callback(());
    let chain = outer.map(move |()| late.note("late"));
    inner_firer.callback(());

    success_result_of(chain);
    log.assert(&["inner", "outer", "late"]);
}

/// The address of something on the stack of the caller's callee: how deep the stack is.
#[inline(never)]
fn stack_depth() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// `length` chains, each of which returns the next, and then one that says how deep the stack is.
fn tower(length: usize) -> (Vec<Firer<()>>, Deferred<usize>) {
    let (mut firers, mut chain) = (Vec::new(), None::<Deferred<()>>);
    for _ in 0..length {
        let (firer, outer) = Deferred::<()>::new();
        firers.push(firer);
        chain = Some(match chain {
            Some(inner) => outer.add_callback(move |()| inner),
            None => outer,
        });
    }
    let chain = chain.expect("at least one").map(|()| stack_depth());
    (firers, chain)
}

// D-050
#[test]
fn the_stack_depth_of_the_last_link_does_not_depend_on_how_many_chains_are_linked() {
    let mut depths = Vec::new();

    for length in [1, 2, 100_000] {
        let (firers, inner_first) = tower(length);
        for firer in firers {
            firer.callback(());
        }
        let (firers, outer_first) = tower(length);
        for firer in firers.into_iter().rev() {
            firer.callback(());
        }
        depths.push(success_result_of(inner_first));
        depths.push(success_result_of(outer_first));
    }

    // The two loops above stand in one function: a frame or two of slack is all that may differ.
    let spread = depths.iter().max().unwrap() - depths.iter().min().unwrap();
    assert!(spread < 1024, "the depths are {depths:?}");
}

// D-052
#[test]
fn a_callback_that_returns_the_end_of_its_own_chain_fails_it_with_circular_chain() {
    let seen = Shelf::empty();
    let (own, seen_there) = (Shelf::<Deferred<()>>::empty(), seen.clone());
    let end = own.clone();
    let (firer, deferred) = Deferred::<()>::new();
    let chain = deferred
        .add_callback(move |()| own.take())
        .add_errback(move |failure| {
            seen_there.put(failure);
            Ok(())
        });
    end.put(chain);

    firer.callback(());

    assert!(seen.take().check::<CircularChain>().is_some());
}

// D-052
#[test]
fn a_callback_of_an_inner_chain_that_returns_the_end_of_the_outer_fails_with_circular_chain() {
    let seen = Shelf::empty();
    let (outer_end, seen_there) = (Shelf::<Deferred<()>>::empty(), seen.clone());
    let end = outer_end.clone();
    let (inner_firer, inner) = Deferred::<()>::new();
    let inner = inner.add_callback(move |()| outer_end.take());
    let outer = relay(inner).add_errback(move |failure| {
        seen_there.put(failure);
        Ok(())
    });
    end.put(outer);

    inner_firer.callback(());

    assert!(seen.take().check::<CircularChain>().is_some());
}

// D-053
#[test]
fn a_chain_that_is_returned_while_it_runs_is_waited_for_until_its_run_is_over() {
    let log = Log::default();
    let (first, second, on_outer) = (log.clone(), log.clone(), log.clone());
    let inner_end = Shelf::<Deferred<u32>>::empty();
    let own = inner_end.clone();
    let (outer_firer, outer) = Deferred::<()>::new();
    let outer = outer
        .add_callback(move |()| own.take())
        .map(move |n| on_outer.note(format!("outer {n}")));
    let (inner_firer, inner) = Deferred::<u32>::new();
    inner_end.put(
        inner
            .map(move |n| {
                outer_firer.callback(());
                first.note("first");
                n + 1
            })
            .map(move |n| {
                second.note("second");
                n + 1
            }),
    );

    inner_firer.callback(0);

    success_result_of(outer);
    log.assert(&["first", "second", "outer 2"]);
}

#[test]
fn a_callback_on_a_fired_chain_may_return_a_deferred_that_waits() {
    let (firer, inner) = Deferred::<u32>::new();
    let chain = Deferred::succeed(1)
        .add_callback(move |_| inner)
        .map(|n| n + 1);

    let chain = assert_no_result(chain);
    firer.errback(Lost);

    failure_result_of::<Lost, _>(chain);
}
