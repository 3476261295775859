//! What does a delayed call cost, when it is cancelled and when it runs, with many others waiting?

use std::time::Duration;

use divan::{Bencher, counter::ItemsCount};
use reactor::Reactor;

/// How many calls wait meanwhile.
const WAITING: [usize; 4] = [0, 1_000, 100_000, 1_000_000];

/// How many calls are made in one measurement.
const CALLS: usize = 1_000;

fn main() {
    divan::main();
}

/// Make a call, and cancel it: the life of most timeouts.
#[divan::bench(args = WAITING)]
fn make_and_cancel(bencher: Bencher<'_, '_>, waiting: usize) {
    let reactor = reactor_with(waiting);

    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        for n in 0..CALLS {
            let call = reactor.call_later(seconds(n), |_| ());
            call.cancel().expect("it waits");
        }
    });
}

/// Make calls, and cancel them when all are made.
#[divan::bench(args = WAITING)]
fn make_all_and_cancel_all(bencher: Bencher<'_, '_>, waiting: usize) {
    let reactor = reactor_with(waiting);

    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        let calls: Vec<_> = (0..CALLS)
            .map(|n| reactor.call_later(seconds(n), |_| ()))
            .collect();
        for call in calls {
            call.cancel().expect("it waits");
        }
    });
}

/// Move one call to later again and again, as each byte of a connection moves its timeout.
#[divan::bench(args = WAITING)]
fn reset(bencher: Bencher<'_, '_>, waiting: usize) {
    let reactor = reactor_with(waiting);
    let call = reactor.call_later(seconds(1), |_| ());

    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        for n in 0..CALLS {
            call.reset(seconds(n)).expect("it waits");
        }
    });
}

/// Make calls that are due at once, and run the loop until they have run.
#[divan::bench(args = [1_000, 100_000])]
fn make_and_run(bencher: Bencher<'_, '_>, calls: usize) {
    let reactor = Reactor::new().expect("there are descriptors left");

    bencher.counter(ItemsCount::new(calls)).bench_local(|| {
        for _ in 0..calls {
            reactor.call_later(Duration::ZERO, |_| ());
        }
        reactor.call_later(Duration::ZERO, Reactor::stop);
        reactor.run().expect("the reactor runs");
    });
}

/// A reactor on which this many calls wait.
fn reactor_with(waiting: usize) -> Reactor {
    let reactor = Reactor::new().expect("there are descriptors left");
    for n in 0..waiting {
        reactor.call_later(seconds(n), |_| ());
    }
    reactor
}

/// Times spread as timeouts are: some seconds to some minutes from now, in no order.
fn seconds(n: usize) -> Duration {
    Duration::from_secs(10 + (n as u64).wrapping_mul(2_654_435_761) % 600)
}
