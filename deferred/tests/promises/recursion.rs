//! No recursion: depth costs no stack.

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Deferred, Firer};

use crate::counting::{on_a_small_stack, reports_nothing};
use crate::util::Lost;
use crate::{MANY, lost};

fn long_chain() -> (Firer<u64>, Deferred<u64>) {
    let (firer, mut chain) = Deferred::new();
    for _ in 0..MANY {
        chain = chain.map(|n| n + 1);
    }
    (firer, chain)
}

#[test]
fn a_million_links_run_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = long_chain();

        firer.callback(0);

        assert_eq!(success_result_of(chain), MANY);
    });
}

#[test]
fn a_million_links_pass_a_failure_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = long_chain();

        firer.errback(lost());

        failure_result_of::<Lost, _>(chain);
    });
}

#[test]
fn a_million_links_are_dropped_unfired_on_a_small_stack_the_firer_first() {
    on_a_small_stack(|| {
        let (firer, chain) = long_chain();

        drop(firer);

        failure_result_of::<Abandoned, _>(chain);
    });
}

#[test]
fn a_million_links_are_dropped_unfired_on_a_small_stack_the_end_first() {
    on_a_small_stack(|| {
        let (firer, chain) = long_chain();

        drop(chain);
        drop(firer);
    });
}

#[test]
fn a_million_links_are_cancelled_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = long_chain();

        chain.cancel();

        failure_result_of::<CancelledError, _>(chain);
        assert!(!firer.callback(0));
    });
}

/// A million chains that wait, each for the one made before it, and the firer of the first.
fn tower() -> (Firer<u64>, Deferred<u64>) {
    let (innermost, mut chain) = Deferred::new();
    for _ in 0..MANY {
        let (firer, outer) = Deferred::<()>::new();
        let inner = chain;
        chain = outer.add_callback(move |()| inner).map(|n| n + 1);
        firer.callback(());
    }
    (innermost, chain)
}

/// A million chains each of which will return the one made before it; none is fired.
fn unfired_tower() -> (Vec<Firer<u64>>, Deferred<u64>) {
    let (firer, mut chain) = Deferred::new();
    let mut firers = vec![firer];
    for _ in 0..MANY {
        let (firer, outer) = Deferred::<u64>::new();
        let inner = chain;
        chain = outer.add_callback(move |_| inner);
        firers.push(firer);
    }
    (firers, chain)
}

#[test]
fn a_million_chains_that_wait_for_each_other_are_fired_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = tower();

        firer.callback(0);

        assert_eq!(success_result_of(chain), MANY);
    });
}

#[test]
fn a_million_chains_that_wait_for_each_other_are_dropped_on_a_small_stack_the_firer_first() {
    on_a_small_stack(|| {
        let (firer, chain) = tower();

        drop(firer);

        failure_result_of::<Abandoned, _>(chain);
    });
}

#[test]
fn a_million_chains_that_wait_for_each_other_are_dropped_on_a_small_stack_the_end_first() {
    on_a_small_stack(|| {
        let (firer, chain) = tower();

        drop(chain);
        drop(firer);
    });
}

#[test]
fn a_million_chains_that_wait_for_each_other_are_cancelled_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firer, chain) = tower();

        chain.cancel();

        failure_result_of::<CancelledError, _>(chain);
        assert!(!firer.callback(0));
    });
}

#[test]
fn a_million_nested_chains_are_fired_the_innermost_first_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firers, chain) = unfired_tower();

        for firer in firers {
            firer.callback(7);
        }

        assert_eq!(success_result_of(chain), 7);
    });
}

#[test]
fn a_million_nested_chains_are_fired_the_outermost_first_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firers, chain) = unfired_tower();

        for firer in firers.into_iter().rev() {
            firer.callback(7);
        }

        assert_eq!(success_result_of(chain), 7);
    });
}

#[test]
fn a_million_nested_chains_are_dropped_the_innermost_first_on_a_small_stack() {
    reports_nothing();
    on_a_small_stack(|| {
        let (firers, chain) = unfired_tower();

        drop(firers);

        failure_result_of::<Abandoned, _>(chain);
    });
}

#[test]
fn a_million_nested_chains_are_dropped_the_outermost_first_on_a_small_stack() {
    on_a_small_stack(|| {
        let (firers, chain) = unfired_tower();

        drop(chain);
        for firer in firers.into_iter().rev() {
            drop(firer);
        }
    });
}

#[test]
fn a_million_nested_chains_that_all_wait_are_cancelled_by_the_outermost_on_a_small_stack() {
    on_a_small_stack(|| {
        let (mut firers, chain) = unfired_tower();
        let innermost = firers.swap_remove(0);
        for firer in firers {
            firer.callback(7);
        }

        chain.cancel();

        failure_result_of::<CancelledError, _>(chain);
        assert!(!innermost.callback(7));
    });
}
