//! The way of calls from other threads to that of the loop: none is lost, and none comes to a loop that sleeps on.
//!
//! Two rules see to that:
//!
//! 1. Whoever adds to an empty queue marks it as pending, and then wakes the loop, in this order: what the
//!    wake-up brings the loop to look at is there.
//! 2. The loop does not wait while the queue is pending, and takes the mark off only with the last call, under
//!    the lock.
//!
//! `sync` is the standard library's, or that of a test which tries all the ways that threads can take
//! through this file; see `tests/races.rs`.

use std::collections::VecDeque;
use std::mem;
use std::sync::PoisonError;

use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// A queue of calls between threads.
pub(crate) struct Crossing<C> {
    queue: Mutex<Queue<C>>,
    /// Set while there may be calls, so that a turn without any takes no lock.
    pending: AtomicBool,
}

struct Queue<C> {
    calls: VecDeque<(Kind, C)>,
    life: Life,
}

/// What was sent, and what that means after the run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call, which waits for a run, be it the next one.
    Call,
    /// What has come of work that was done for the reactor; it is dropped with the run.
    Result,
    /// Something that is asked of this run: it is dropped with it, and refused after it.
    Request,
}

/// Why a call was not taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// The run has ended, and nothing can be asked of it.
    Ended,
    /// The reactor is gone.
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// It runs, or has not yet.
    Open,
    /// Its run is over, or ends just now.
    Ended,
    /// It is gone.
    Closed,
}

impl<C> Crossing<C> {
    pub(crate) fn new() -> Self {
        let queue = Queue {
            calls: VecDeque::new(),
            life: Life::Open,
        };
        Self {
            queue: Mutex::new(queue),
            pending: AtomicBool::new(false),
        }
    }

    /// Sends a call, and has `wake` wake the loop, if this is the first of those that it has not taken.
    ///
    /// What is refused is dropped.
    pub(crate) fn send(&self, kind: Kind, call: C, wake: impl FnOnce()) -> Result<(), Refused> {
        let mut queue = self.lock();
        match (queue.life, kind) {
            (Life::Closed, _) => return Err(Refused::Closed),
            (Life::Ended, Kind::Request) => return Err(Refused::Ended),
            (Life::Open | Life::Ended, _) => {}
        }
        let first = queue.calls.is_empty();
        queue.calls.push_back((kind, call));
        if first {
            self.pending.store(true, Ordering::Release);
        }
        drop(queue);
        if first {
            wake();
        }
        Ok(())
    }

    /// Takes the first calls, so many at most, in the order in which they were sent.
    pub(crate) fn take(&self, most: usize) -> Vec<C> {
        if !self.has_pending() {
            return Vec::new();
        }
        let mut queue = self.lock();
        let n = queue.calls.len().min(most);
        let calls = queue.calls.drain(..n).map(|(_, call)| call).collect();
        let left = !queue.calls.is_empty();
        self.pending.store(left, Ordering::Release);
        if !left && queue.calls.capacity() > most {
            // What a rare burst needed is not kept for ever.
            queue.calls = VecDeque::new();
        }
        calls
    }

    /// Whether there may be calls to be taken, so that the loop must not wait.
    pub(crate) fn has_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// A run begins, of which something can be asked.
    pub(crate) fn open(&self) {
        self.lock().life = Life::Open;
    }

    /// A run ends: drops results and requests, and refuses requests.
    pub(crate) fn end(&self) {
        let mut queue = self.lock();
        if queue.life == Life::Open {
            queue.life = Life::Ended;
        }
        let all = mem::take(&mut queue.calls);
        let (kept, late): (VecDeque<_>, VecDeque<_>) =
            all.into_iter().partition(|(kind, _)| *kind == Kind::Call);
        queue.calls = kept;
        drop(queue);
        drop(late);
    }

    /// Refuses everything from now on, and drops what waits.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.life = Life::Closed;
        let calls = mem::take(&mut queue.calls);
        drop(queue);
        drop(calls);
    }

    fn lock(&self) -> MutexGuard<'_, Queue<C>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(races)))]
mod tests {
    use super::*;

    #[test]
    fn what_a_burst_needed_is_given_back() {
        let crossing = Crossing::new();
        for n in 0..100_000 {
            crossing.send(Kind::Call, n, || ()).expect("it is open");
        }

        while crossing.has_pending() {
            crossing.take(1000);
        }

        assert!(crossing.lock().calls.capacity() <= 1000);
    }
}
