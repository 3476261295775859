//! What does a link of a chain cost?
//!
//! Beside a `Vec` of boxed closures, which is the least that one can write by hand; beside boxed futures, each around
//! the one before; and beside tasks of tokio, each of which receives from the one before.

use std::hint::black_box;
use std::io;
use std::mem;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{self, LocalBoxFuture};
use protocols::deferred::{CancelledError, Deferred, Firer};
use tokio::runtime::Runtime;

use super::allocations::asked;
use super::{Rival, compare, each, grouped, processor_time};
use crate::options::Options;
use crate::table::Table;

const LENGTHS: [usize; 4] = [1, 10, 1_000, 100_000];

/// How many links there are in a round, in as many chains as that takes: a millisecond or two, so that what disturbs
/// the machine disturbs few of the rounds.
const LINKS: u64 = 20_000;

/// Boxed futures poll and drop each other, so that no stack would hold more of them.
const MOST_FUTURES: usize = 1_000;

const ROUNDS: usize = 31;

/// What happens to a chain.
#[derive(Clone, Copy)]
enum Fate {
    /// Links are added to one that waits, which is fired.
    Fired,
    /// Links are added to one that has its value.
    HasFired,
    /// Links are added to one that waits, which is cancelled.
    Cancelled,
}

pub(crate) fn run(options: &Options) -> io::Result<Vec<Table>> {
    let runtime = super::calls::runtime(false);
    let mut tables = Vec::new();
    for fate in [Fate::Fired, Fate::HasFired, Fate::Cancelled] {
        for length in LENGTHS {
            tables.push(table(fate, length, &runtime, options));
        }
    }
    Ok(tables)
}

fn table(fate: Fate, length: usize, runtime: &Runtime, options: &Options) -> Table {
    let chains = (options.operations(LINKS, 1) as usize / length).max(1);
    let ways = ways(fate, length, runtime);
    let timed = ways.iter().map(|(name, way)| {
        let run = move || {
            let began = processor_time();
            (0..chains).for_each(|_| way());
            [each(processor_time() - began, chains * length)]
        };
        Rival::new(*name, run)
    });
    let timed: Vec<_> = timed.collect();
    let what = match fate {
        Fate::Fired => "on a chain that waits and is fired",
        Fate::HasFired => "on a chain that has fired",
        Fate::Cancelled => "on a chain that waits and is cancelled",
    };
    let title = format!("links {what}, {} each", grouped(length));
    let [mut table] = compare([title], "link", options.rounds(ROUNDS), &timed);
    table.more = vec!["allocations/link"];
    for (row, (_, way)) in table.rows.iter_mut().zip(&ways) {
        let (asked, ()) = asked(way);
        row.more = vec![format!("{:.2}", asked.times as f64 / length as f64)];
    }
    table
}

/// Something that makes one chain, and lets it have its fate.
type Way<'a> = Box<dyn Fn() + 'a>;

fn ways(fate: Fate, length: usize, runtime: &Runtime) -> Vec<(&'static str, Way<'_>)> {
    let mut all: Vec<(_, Way<'_>)> = Vec::new();
    let bare = match fate {
        Fate::HasFired => "direct calls",
        _ => "vec of boxes",
    };
    all.push((bare, Box::new(move || by_hand(fate, length))));
    all.push(("deferred", Box::new(move || by_deferred(fate, length))));
    if length <= MOST_FUTURES {
        all.push(("boxed futures", Box::new(move || by_futures(fate, length))));
    }
    let oneshots = move || by_oneshots(fate, length, runtime);
    all.push(("tokio's oneshots", Box::new(oneshots)));
    all
}

/// A closure that captures something: a box of one that does not would not be allocated.
fn step() -> impl FnOnce(u64) -> u64 + Send + 'static {
    let step = black_box(1);
    move |n| black_box(n) + step
}

#[track_caller]
fn assert_length(result: u64, length: usize) {
    assert_eq!(result, length as u64, "each link adds one");
}

fn by_hand(fate: Fate, length: usize) {
    if let Fate::HasFired = fate {
        let result = (0..length).fold(black_box(0), |n, _| step()(n));
        return assert_length(result, length);
    }
    let mut steps: Vec<Box<dyn FnOnce(u64) -> u64>> = Vec::with_capacity(length);
    for _ in 0..length {
        steps.push(Box::new(step()));
    }
    let steps = black_box(steps);
    match fate {
        Fate::Cancelled => drop(steps),
        _ => assert_length(steps.into_iter().fold(black_box(0), |n, f| f(n)), length),
    }
}

fn by_deferred(fate: Fate, length: usize) {
    match fate {
        Fate::HasFired => {
            let chain = extended(Deferred::succeed(black_box(0)), length);
            assert_length(value_of(chain), length);
        }
        Fate::Fired => {
            let (firer, first) = Deferred::new();
            let chain = extended(first, length);
            firer.callback(black_box(0));
            assert_length(value_of(chain), length);
        }
        Fate::Cancelled => {
            let (_firer, first): (Firer<u64>, _) = Deferred::new();
            let chain = extended(first, length);
            chain.cancel();
            let failure = chain.into_result().ok().and_then(Result::err);
            let failure = failure.expect("it was cancelled");
            assert!(failure.check::<CancelledError>().is_some());
        }
    }
}

fn extended(mut chain: Deferred<u64>, length: usize) -> Deferred<u64> {
    for _ in 0..length {
        chain = chain.map(step());
    }
    chain
}

fn value_of(chain: Deferred<u64>) -> u64 {
    let result = chain.into_result().expect("it has fired");
    result.expect("no link fails")
}

fn by_futures(fate: Fate, length: usize) {
    let extended = |first: LocalBoxFuture<'static, u64>| {
        (0..length).fold(first, |chain, _| chain.map(step()).boxed_local())
    };
    if let Fate::HasFired = fate {
        let chain = extended(future::ready(black_box(0)).boxed_local());
        return assert_length(block_on(chain), length);
    }
    let (sender, receiver) = oneshot::channel::<u64>();
    let chain = extended(receiver.map(|n| n.expect("it is sent")).boxed_local());
    match fate {
        Fate::Cancelled => drop(black_box(chain)),
        _ => {
            sender.send(black_box(0)).expect("it is waited for");
            assert_length(block_on(chain), length);
        }
    }
}

fn by_oneshots(fate: Fate, length: usize, runtime: &Runtime) {
    use tokio::sync::oneshot;

    runtime.block_on(async {
        let (first, mut last) = oneshot::channel::<u64>();
        if let Fate::HasFired = fate {
            let mut n = black_box(0);
            for _ in 0..length {
                let (sender, receiver) = oneshot::channel();
                sender.send(step()(n)).expect("it is waited for");
                n = receiver.await.expect("it was sent");
            }
            return assert_length(n, length);
        }
        for _ in 0..length {
            let (sender, receiver) = oneshot::channel();
            let before = mem::replace(&mut last, receiver);
            let step = step();
            tokio::spawn(async move {
                if let Ok(n) = before.await {
                    sender.send(step(n)).expect("it is waited for");
                }
            });
        }
        // Tasks begin in their order; so when this one has, all of them wait.
        tokio::spawn(async {}).await.expect("it does not panic");
        match fate {
            Fate::Cancelled => {
                drop(first);
                last.await.expect_err("nobody sends");
            }
            _ => {
                first.send(black_box(0)).expect("it is waited for");
                assert_length(last.await.expect("it is sent"), length);
            }
        }
    });
}
