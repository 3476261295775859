//! What do timers cost, when most of them are cancelled?
//!
//! Every timer is due some time within ten minutes. All are scheduled, nine in ten are cancelled, in random
//! order, and then the time passes, in steps of ten seconds, and the rest fires. No time is waited for: each rival has a
//! clock that can be set, or takes times that are over.

mod calloop;
mod heap;
mod ours;
mod tokio;

use std::hint::black_box;
use std::io;
use std::time::Duration;

use super::{Rival, compare, each, grouped, processor_time};
use crate::options::Options;
use crate::table::Table;

/// How many timers there are, and how often all is done.
const SIZES: [(u64, usize); 2] = [(1_000_000, 5), (10_000, 21)];

/// What needs a time that grows with the number of timers, for each, is left out above.
const MOST_IN_CALLOOP: usize = 10_000;

/// All timers are due before so many steps have passed.
const STEPS: u32 = 60;

const STEP: Duration = Duration::from_secs(10);

pub(crate) fn run(options: &Options) -> io::Result<Vec<Table>> {
    let sizes = SIZES.map(|(timers, rounds)| {
        let timers = options.operations(timers, 1_000) as usize;
        tables(&Work::new(timers), options.rounds(rounds))
    });
    Ok(sizes.into_iter().flatten().collect())
}

fn tables(work: &Work, rounds: usize) -> [Table; 3] {
    let timers = work.delays.len();
    let mut rivals = vec![
        Rival::new("bare BinaryHeap", || heap::run(work)),
        Rival::new("reactor", || ours::run(work)),
        Rival::new("tokio, a sleep each", || tokio::sleeps(work)),
        Rival::new("tokio, a task each", || tokio::tasks(work)),
    ];
    if timers <= MOST_IN_CALLOOP {
        rivals.push(Rival::new("calloop", || calloop::run(work)));
    }
    let title = |done: &str| format!("{} timers {done}", grouped(timers));
    let titles = [
        "scheduled",
        "cancelled, nine in ten of them",
        "fired, the tenth that is left",
    ];
    compare(titles.map(title), "timer", rounds, &rivals)
}

/// When the timers are due, and the order in which they are cancelled.
struct Work {
    delays: Vec<Duration>,
    order: Vec<usize>,
}

impl Work {
    /// As many as that, the same in each run.
    fn new(timers: usize) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let delays: Vec<_> = (0..timers).map(|_| random.delay()).collect();
        let mut order: Vec<_> = (0..timers).collect();
        random.shuffle(&mut order);
        Self { delays, order }
    }

    /// Does all of it, and returns the nanoseconds that each timer took in each phase.
    fn of<T: Timers>(&self, timers: &mut T) -> [f64; 3] {
        let count = self.delays.len();
        let fired = count / 10;
        let mut handles = Vec::with_capacity(count);

        let began = processor_time();
        for &delay in &self.delays {
            handles.push(Some(timers.schedule(delay)));
        }
        timers.have_scheduled(count);
        settle_memory();
        let scheduling = processor_time() - began;

        // In this order they are cancelled, so that the way to the handle is not measured too.
        let mut handles: Vec<_> = self.order.iter().map(|&n| handles[n].take()).collect();
        let began = processor_time();
        for handle in handles.drain(fired..) {
            timers.cancel(handle.expect("each is in the order once"));
        }
        timers.have_cancelled();
        settle_memory();
        let cancelling = processor_time() - began;

        let began = processor_time();
        let all = timers.fire();
        settle_memory();
        let firing = processor_time() - began;

        assert_eq!(all, fired);
        [
            each(scheduling, count),
            each(cancelling, count - fired),
            each(firing, fired),
        ]
    }
}

/// Has the allocator do what it has put off, so that each phase pays for what it has freed.
///
/// The one of glibc joins small blocks with their neighbours only when a large one is asked for, and then all
/// at once: whoever does that first in a later phase would pay a tenth of a second for the cancelled timers.
fn settle_memory() {
    drop(black_box(Vec::<u8>::with_capacity(100_000)));
}

/// One way to have timers.
trait Timers {
    type Handle;

    fn schedule(&mut self, delay: Duration) -> Self::Handle;

    /// Does what is left to be done until all wait.
    fn have_scheduled(&mut self, _count: usize) {}

    fn cancel(&mut self, handle: Self::Handle);

    /// Does what is left to be done until those that were cancelled are gone.
    fn have_cancelled(&mut self) {}

    /// Lets the time of all timers come, and returns how many have fired.
    fn fire(&mut self) -> usize;
}

/// Numbers that are the same in each run. *Marsaglia's xorshift.*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn delay(&mut self) -> Duration {
        Duration::from_nanos(self.next() % (STEPS * STEP).as_nanos() as u64)
    }

    fn shuffle(&mut self, all: &mut [usize]) {
        for n in (1..all.len()).rev() {
            let other = self.next() % (n as u64 + 1);
            all.swap(n, other as usize);
        }
    }
}
