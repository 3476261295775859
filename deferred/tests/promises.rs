//! The four promises: one allocation a link, no recursion, loops in constant memory, nothing borrowed.

#![expect(
    unsafe_code,
    reason = "an allocator that counts can be written in no other way"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::panic;
use std::rc::Rc;
use std::sync::Once;
use std::thread;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Abandoned, CancelHandle, CancelledError, CircularChain, Deferred, Failure, Firer};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread on its own, as tests run beside each other.
struct Counting;

impl Counting {
    fn grows_by(bytes: isize) {
        let live = LIVE.get() + bytes;
        LIVE.set(live);
        PEAK.set(PEAK.get().max(live));
    }
}

// SAFETY: Every call goes to the system's allocator as it came; counting neither allocates nor panics,
// as the counters are thread-locals of a constant beginning, without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        Self::grows_by(layout.size() as isize);
        // SAFETY: The caller keeps the conditions of `alloc`, which are the same there.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        Self::grows_by(-(layout.size() as isize));
        // SAFETY: The caller keeps the conditions of `dealloc`; the memory came from `System` above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Has the crate install its panic hook, which stays allocated, before anything is counted.
fn installs_the_panic_hook() {
    Failure::catch(|| ()).expect("it does nothing");
}

/// How many allocations this thread makes in `f`.
fn allocations<R>(f: impl FnOnce() -> R) -> (usize, R) {
    installs_the_panic_hook();
    let before = ALLOCATIONS.get();
    let result = f();
    (ALLOCATIONS.get() - before, result)
}

/// Runs `f`, which must free all that it allocates, and returns how many bytes it held at most.
#[track_caller]
fn frees_all(f: impl FnOnce()) -> isize {
    installs_the_panic_hook();
    let before = LIVE.get();
    PEAK.set(before);
    f();
    let peak = PEAK.get() - before;
    assert_eq!(LIVE.get(), before, "bytes that are still held");
    peak
}

/// Runs `f`, which must free all that it allocates, on a thread with a stack of 64 KiB.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || frees_all(f));
    let ended = thread.expect("a thread can be started").join();
    if let Err(payload) = ended {
        panic::resume_unwind(payload);
    }
}

/// Says nothing of the failures that tests give up.
fn reports_nothing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| deferred::set_report_hook(|_| ()));
}

#[derive(Debug, thiserror::Error)]
#[error("the poem is lost")]
struct Lost;

fn lost() -> Failure {
    Failure::without_backtrace(Lost)
}

/// A place where a callback finds a chain that it cannot own, such as its own.
type Shelf<T> = Rc<RefCell<Option<T>>>;

fn take<T>(shelf: &Shelf<T>) -> T {
    shelf.borrow_mut().take().expect("it was put there")
}

// One allocation a link, none on a chain that has its result.

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

// No recursion.

const MANY: u64 = 1_000_000;

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

// Loops in constant memory.

/// Without optimisation a turn takes ten times as long, and shows no more.
const TURNS: u64 = 10_000_000;

/// More than a turn holds, with the chain that the loop stands in, and far less than any that adds up.
const BOUND: isize = 4 * 1024;

/// The firer of the turn that waits now. The turn's own callback has no part in firing it, so that no
/// stack is used but the loop's own.
type Pending = Shelf<Firer<u64>>;

/// One turn of a loop: a chain whose callback returns the next turn, until it gets a zero.
fn turn(pending: &Pending) -> Deferred<u64> {
    let (firer, deferred) = Deferred::new();
    pending.replace(Some(firer));
    let pending = Rc::clone(pending);
    deferred.add_callback(move |left| match left {
        0 => Deferred::succeed(7),
        _ => turn(&pending),
    })
}

/// Fires one turn after the other, the last one with a zero.
fn run_to_the_end(pending: &Pending) {
    for left in (0..TURNS).rev() {
        take(pending).callback(left);
    }
}

#[track_caller]
fn assert_constant_memory(f: impl FnOnce()) {
    let peak = frees_all(f);
    assert!(peak < BOUND, "{peak} bytes were held");
}

#[test]
fn a_loop_runs_in_constant_memory_with_a_callback_at_its_end() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending).map(|n| n + 1);

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 8);
    });
}

#[test]
fn a_loop_runs_in_constant_memory_with_nothing_at_its_end() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 7);
    });
}

#[test]
fn a_loop_runs_in_constant_memory_when_its_end_was_dropped() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        drop(turn(&pending));

        run_to_the_end(&pending);

        assert!(pending.borrow().is_none());
    });
}

#[test]
fn a_loop_runs_in_constant_memory_while_a_cancel_handle_is_kept() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);
        let handle = end.cancel_handle();
        let end = end.map(|n| n + 1);

        run_to_the_end(&pending);

        handle.cancel();
        assert_eq!(success_result_of(end), 8);
    });
}

#[test]
fn a_loop_runs_in_constant_memory_while_a_cancel_handle_is_kept_and_its_end_was_dropped() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);
        let handle = end.cancel_handle();
        drop(end);

        run_to_the_end(&pending);

        handle.cancel();
    });
}

#[test]
fn a_loop_runs_in_constant_memory_in_the_middle_of_another_chain() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let (firer, outer) = Deferred::<()>::new();
        let pending_there = Rc::clone(&pending);
        let end = outer
            .add_callback(move |()| turn(&pending_there))
            .map(|n| n + 1);
        firer.callback(());

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 8);
    });
}

#[test]
fn a_loop_whose_every_turn_waits_for_a_chain_of_its_own_runs_in_constant_memory() {
    fn nested_turn(pending: &Pending) -> Deferred<u64> {
        let (firer, inner) = Deferred::new();
        pending.replace(Some(firer));
        let pending = Rc::clone(pending);
        Deferred::succeed(())
            .add_callback(move |()| inner.map(|n| n))
            .add_callback(move |left| match left {
                0 => Deferred::succeed(7),
                _ => nested_turn(&pending),
            })
    }
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = nested_turn(&pending);

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 7);
    });
}

#[test]
fn a_loop_runs_in_constant_memory_with_a_cancel_handle_on_every_turn_until_that_is_over() {
    fn turn_with_a_handle(pending: &Pending) -> Deferred<u64> {
        let (firer, deferred) = Deferred::new();
        pending.replace(Some(firer));
        let (pending, handle) = (Rc::clone(pending), deferred.cancel_handle());
        deferred.add_callback(move |left| {
            drop(handle);
            match left {
                0 => Deferred::succeed(7),
                _ => turn_with_a_handle(&pending),
            }
        })
    }
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn_with_a_handle(&pending).map(|n| n + 1);

        run_to_the_end(&pending);

        assert_eq!(success_result_of(end), 8);
    });
}

#[test]
fn a_handle_cancels_the_turn_that_waits_after_a_million_turns() {
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);
        let handle = end.cancel_handle();
        for _ in 0..MANY {
            take(&pending).callback(1);
        }

        handle.cancel();

        failure_result_of::<CancelledError, _>(end);
        assert!(!take(&pending).callback(1));
    });
}

#[test]
fn a_handle_cancels_the_turn_that_waits_after_a_million_turns_when_the_end_was_dropped() {
    reports_nothing();
    assert_constant_memory(|| {
        let pending = Pending::default();
        let end = turn(&pending);
        let handle = end.cancel_handle();
        drop(end);
        for _ in 0..MANY {
            take(&pending).callback(1);
        }

        handle.cancel();

        assert!(!take(&pending).callback(1));
    });
}

// Nothing is borrowed while a link runs.

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
