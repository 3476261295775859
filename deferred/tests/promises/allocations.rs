//! One allocation a link, none on a chain that has its result.

use deferred::Deferred;
use deferred::testing::success_result_of;

use crate::counting::allocations;
use crate::lost;

const LINKS: usize = 1_000;

/// Checks what `LINKS` of the links that `add` adds cost on a chain that waits, and on one that has a value or failed.
#[track_caller]
fn assert_the_cost_of(add: impl Fn(Deferred<u64>) -> Deferred<u64>) {
    let extended = |mut chain| {
        for _ in 0..LINKS {
            chain = add(chain);
        }
        chain
    };
    let (firer, waiting) = Deferred::new();
    let (failing, failed) = Deferred::new();

    let (to_add, waiting) = allocations(|| extended(waiting));
    let (to_fire, _) = allocations(|| firer.callback(1));
    let (on_a_value, fired) = allocations(|| extended(Deferred::succeed(1)));
    failing.errback(lost());
    let (on_a_failure, failed) = allocations(|| extended(failed));

    assert!(to_add <= LINKS, "{to_add} allocations for {LINKS} links");
    assert_eq!(to_fire, 0);
    assert_eq!(on_a_value, 0);
    // The list of the links that a failure has passed grows a few times, and then no more.
    assert!(
        on_a_failure <= 8,
        "{on_a_failure} allocations on a failed chain"
    );
    success_result_of(waiting);
    success_result_of(fired);
    failed.ignore();
}

#[test]
fn a_callback_costs_one_allocation_where_it_waits_and_none_where_it_runs_at_once() {
    let step = 1;

    assert_the_cost_of(|chain| chain.add_callback(move |n| Ok(n + step)));
}

#[test]
fn a_mapped_function_costs_one_allocation_where_it_waits_and_none_where_it_runs_at_once() {
    let step = 1;

    assert_the_cost_of(|chain| chain.map(move |n| n + step));
}

#[test]
fn an_errback_costs_one_allocation_where_it_waits_and_none_where_it_runs_at_once() {
    assert_the_cost_of(|chain| chain.add_errback(Err));
}

#[test]
fn callbacks_side_by_side_cost_one_allocation_where_they_wait_and_none_where_they_run_at_once() {
    let step = 1;

    assert_the_cost_of(|chain| chain.add_callbacks(move |n| Ok(n + step), Err));
}

#[test]
fn a_function_for_both_lines_costs_one_allocation_where_it_waits_and_none_where_it_runs_at_once() {
    assert_the_cost_of(|chain| chain.add_both(|result| result));
}

#[test]
fn a_link_that_returns_a_fired_deferred_costs_no_more() {
    assert_the_cost_of(|chain| chain.add_callback(Deferred::succeed));
}
