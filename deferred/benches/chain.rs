//! What does a link cost?
//!
//! `cargo bench -p deferred`; the column of items shows how many links, or turns, are done in a second. Other ways to
//! do the same are beside it in `cargo run --release -p benches -- chains turns`.

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
#[divan::bench(args = LENGTHS)]
fn waiting(bencher: Bencher<'_, '_>, length: usize) {
    bencher.counter(ItemsCount::new(length)).bench(|| {
        let (firer, chain) = waiting_chain(length);
        firer.callback(black_box(0));
        chain.into_result().is_ok()
    });
}

/// A chain of links that wait is fired; adding them is not measured.
#[divan::bench(args = LENGTHS)]
fn firing(bencher: Bencher<'_, '_>, length: usize) {
    bencher
        .counter(ItemsCount::new(length))
        .with_inputs(|| waiting_chain(length))
        .bench_values(|(firer, chain)| {
            firer.callback(black_box(0));
            chain
        });
}

/// A thousand links are added to a chain that has its result.
#[divan::bench]
fn fired(bencher: Bencher<'_, '_>) {
    const LINKS: usize = 1_000;

    bencher.counter(ItemsCount::new(LINKS)).bench(|| {
        let mut chain = Deferred::succeed(black_box(0));
        for _ in 0..LINKS {
            chain = chain.map(step());
        }
        chain.into_result().is_ok()
    });
}

/// A chain that waits is cancelled, and the failure passes all its links.
#[divan::bench(args = LENGTHS)]
fn cancelling(bencher: Bencher<'_, '_>, length: usize) {
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

/// A loop of a thousand turns, each of which returns the next and is fired from outside.
#[divan::bench]
fn turns(bencher: Bencher<'_, '_>) {
    const TURNS: u64 = 1_000;

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
