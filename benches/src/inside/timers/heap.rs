//! Timers by hand.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::hint::black_box;
use std::time::Duration;

use super::{STEP, STEPS, Timers, Work};

/// No more than the times and the numbers of timers: the least that one can do with the standard library.
#[derive(Default)]
struct BareHeap {
    waiting: BinaryHeap<Reverse<(u64, u64)>>,
    cancelled: HashSet<u64>,
    made: u64,
}

pub(super) fn run(work: &Work) -> [f64; 3] {
    work.of(&mut BareHeap::default())
}

impl Timers for BareHeap {
    type Handle = u64;

    fn schedule(&mut self, delay: Duration) -> u64 {
        self.made += 1;
        self.waiting
            .push(Reverse((delay.as_nanos() as u64, self.made)));
        self.made
    }

    fn cancel(&mut self, handle: u64) {
        self.cancelled.insert(handle);
    }

    fn fire(&mut self) -> usize {
        let mut fired = 0;
        for step in 1..=STEPS {
            let now = (step * STEP).as_nanos() as u64;
            while let Some(&Reverse((due, number))) = self.waiting.peek()
                && due <= now
            {
                self.waiting.pop();
                fired += usize::from(!self.cancelled.remove(&black_box(number)));
            }
        }
        fired
    }
}
