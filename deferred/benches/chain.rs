//! What does a link cost? Each measurement has beside it the leanest thing written by hand that does the same.
//!
//! `cargo bench -p deferred`; the column of items shows how many links, or turns, are done in a second.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use deferred::{Deferred, Firer};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const LENGTHS: [usize; 4] = [1, 10, 1_000, 100_000];

/// A closure that captures something: a box of one that does not would not be allocated.
fn step() -> impl FnOnce(u64) -> u64 + 'static {
    let step = black_box(1);
    move |n| black_box(n) + step
}

/// A chain of `length` links that waits.
fn waiting_chain(length: usize) -> (Firer<u64>, Deferred<u64>) {
    let (firer, mut chain) = Deferred::new();
    for _ in 0..length {
        chain = chain.map(step());
    }
    (firer, chain)
}

/// Links are added to a chain that waits, which is then fired.
mod waiting {
    use super::*;

    #[divan::bench(args = LENGTHS)]
    fn deferred(bencher: Bencher<'_, '_>, length: usize) {
        bencher.counter(ItemsCount::new(length)).bench(|| {
            let (firer, chain) = waiting_chain(length);
            firer.callback(black_box(0));
            chain.into_result().is_ok()
        });
    }

    #[divan::bench(args = LENGTHS)]
    fn vec_of_boxes(bencher: Bencher<'_, '_>, length: usize) {
        bencher.counter(ItemsCount::new(length)).bench(|| {
            let mut steps: Vec<Box<dyn FnOnce(u64) -> u64>> = Vec::with_capacity(length);
            for _ in 0..length {
                steps.push(Box::new(step()));
            }
            let steps = black_box(steps);
            steps.into_iter().fold(black_box(0), |n, step| step(n))
        });
    }
}

/// Boxed futures, whose links call each other: as many of them as the stack holds.
mod boxed_futures {
    use super::*;
    use futures::FutureExt;
    use futures::channel::oneshot;
    use futures::executor::block_on;

    #[divan::bench(args = [1, 10, 1_000])]
    fn waiting(bencher: Bencher<'_, '_>, length: usize) {
        bencher.counter(ItemsCount::new(length)).bench(|| {
            let (sender, receiver) = oneshot::channel::<u64>();
            let mut chain = receiver.map(|n| n.unwrap_or(0)).boxed_local();
            for _ in 0..length {
                chain = chain.map(step()).boxed_local();
            }
            sender.send(black_box(0)).is_ok() && block_on(chain) > 0
        });
    }
}

/// A chain of links that wait is fired; adding them is not measured.
mod firing {
    use super::*;

    #[divan::bench(args = LENGTHS)]
    fn deferred(bencher: Bencher<'_, '_>, length: usize) {
        bencher
            .counter(ItemsCount::new(length))
            .with_inputs(|| waiting_chain(length))
            .bench_values(|(firer, chain)| {
                firer.callback(black_box(0));
                chain
            });
    }
}

/// A thousand links are added to a chain that has its result.
mod fired {
    use super::*;

    const LINKS: usize = 1_000;

    #[divan::bench]
    fn deferred(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(LINKS)).bench(|| {
            let mut chain = Deferred::succeed(black_box(0));
            for _ in 0..LINKS {
                chain = chain.map(step());
            }
            chain.into_result().is_ok()
        });
    }

    #[divan::bench]
    fn direct_calls(bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(LINKS)).bench(|| {
            let mut n = black_box(0);
            for _ in 0..LINKS {
                n = step()(n);
            }
            n
        });
    }
}

/// A chain that waits is cancelled, and the failure passes all its links.
mod cancelling {
    use super::*;

    #[divan::bench(args = LENGTHS)]
    fn deferred(bencher: Bencher<'_, '_>, length: usize) {
        bencher
            .counter(ItemsCount::new(length))
            .with_inputs(|| {
                let (firer, chain) = waiting_chain(length);
                let handle = chain.cancel_handle();
                chain.ignore();
                (firer, handle)
            })
            .bench_values(|(firer, handle)| {
                handle.cancel();
                firer
            });
    }
}

/// A loop of a thousand turns, each of which returns the next and is fired from outside.
mod turns {
    use super::*;

    const TURNS: u64 = 1_000;

    #[divan::bench]
    fn deferred(bencher: Bencher<'_, '_>) {
        type Pending = Rc<RefCell<Option<Firer<u64>>>>;

        fn turn(pending: &Pending) -> Deferred<u64> {
            let (firer, deferred) = Deferred::new();
            *pending.borrow_mut() = Some(firer);
            let pending = Rc::clone(pending);
            deferred.add_callback(move |left| match left {
                0 => Deferred::succeed(0),
                _ => turn(&pending),
            })
        }

        bencher.counter(ItemsCount::new(TURNS)).bench(|| {
            let pending = Pending::default();
            let end = turn(&pending);
            for left in (0..TURNS).rev() {
                let firer = pending.borrow_mut().take();
                firer.expect("a turn waits").callback(black_box(left));
            }
            end.into_result().is_ok()
        });
    }

    #[divan::bench]
    fn boxed_callback(bencher: Bencher<'_, '_>) {
        type Pending = Rc<RefCell<Option<Box<dyn FnOnce(u64)>>>>;

        fn turn(pending: &Pending) {
            let next = Rc::clone(pending);
            *pending.borrow_mut() = Some(Box::new(move |left| {
                if left > 0 {
                    turn(&next);
                }
            }));
        }

        bencher.counter(ItemsCount::new(TURNS)).bench(|| {
            let pending = Pending::default();
            turn(&pending);
            for left in (0..TURNS).rev() {
                let callback = pending.borrow_mut().take();
                callback.expect("a turn waits")(black_box(left));
            }
        });
    }
}
