//! What awaiting costs: bounded stack, constant memory, all freed.

use std::future::IntoFuture;

use deferred::testing::success_result_of;
use deferred::{Deferred, Firer};

use crate::counting::on_a_small_stack;
use crate::executor::Executor;
use crate::start;
use crate::util::Shelf;

const TURNS: u64 = 1_000_000;

/// More than a turn, a task and its waker hold, and far less than any that adds up.
const BOUND: isize = 4 * 1024;

// D-158
#[test]
fn awaiting_a_million_ready_results_uses_bounded_stack_and_constant_memory() {
    let peak = on_a_small_stack(|| {
        let executor = Executor::default();

        let sum = start(&executor, async {
            let mut sum = 0;
            for _ in 0..TURNS {
                sum += Deferred::succeed(1).await?;
            }
            Ok(sum)
        });

        assert_eq!(success_result_of(sum), TURNS);
    });

    assert!(peak < BOUND, "{peak} bytes were held");
}

// D-158
#[test]
fn awaiting_a_million_coroutines_that_never_wait_uses_bounded_stack_and_constant_memory() {
    let peak = on_a_small_stack(|| {
        let executor = Executor::default();
        let there = executor.clone();

        let sum = start(&executor, async move {
            let mut sum = 0;
            for _ in 0..TURNS {
                sum += start(&there, async { Ok(1) }).await?;
            }
            Ok(sum)
        });

        assert_eq!(success_result_of(sum), TURNS);
    });

    assert!(peak < BOUND, "{peak} bytes were held");
}

/// The firer of the turn that waits now.
type Pending = Shelf<Firer<u64>>;

/// One turn of a loop: a chain whose callback returns the next turn, until it gets a zero.
fn turn(pending: &Pending) -> Deferred<u64> {
    let (firer, deferred) = Deferred::new();
    pending.put(firer);
    let pending = pending.clone();
    deferred.add_callback(move |left| match left {
        0 => Deferred::succeed(7),
        _ => turn(&pending),
    })
}

#[test]
fn a_loop_of_ten_million_turns_is_awaited_in_constant_memory_on_a_small_stack() {
    let peak = on_a_small_stack(|| {
        let executor = Executor::default();
        let pending = Pending::empty();
        let end = start(&executor, turn(&pending).into_future());

        for left in (0..10 * TURNS).rev() {
            pending.take().callback(left);
        }
        executor.run();

        assert_eq!(success_result_of(end), 7);
    });

    assert!(peak < BOUND, "{peak} bytes were held");
}

#[test]
fn a_coroutine_that_waits_a_million_times_holds_constant_memory() {
    let peak = on_a_small_stack(|| {
        let executor = Executor::default();
        let pending = Pending::empty();
        let awaits = pending.clone();
        let end = start(&executor, async move {
            loop {
                let (firer, deferred) = Deferred::new();
                awaits.put(firer);
                if deferred.await? == 0 {
                    return Ok(7);
                }
            }
        });

        for left in (0..TURNS).rev() {
            pending.take().callback(left);
            executor.run();
        }

        assert_eq!(success_result_of(end), 7);
    });

    assert!(peak < BOUND, "{peak} bytes were held");
}

#[test]
fn a_cancelled_coroutine_frees_all_once_its_task_was_woken() {
    on_a_small_stack(|| {
        let executor = Executor::default();
        let (_firer, deferred) = Deferred::<u32>::new();
        let chain = start(&executor, deferred.into_future());

        chain.cancel();
        executor.run();

        chain.ignore();
    });
}
