//! The way of calls from other threads to that of the loop: none is lost, and none comes to a loop that sleeps on.
//!
//! A loop that is awake looks for calls before it sleeps, so only one that sleeps is woken up, and only once.
//! One word says which it is, and three rules see to it that it is true:
//!
//! 1. Whoever adds a call says that calls were sent, under the lock. If the loop was asleep until then, it is woken up
//!    after that: what the wake-up brings it to look at is there.
//! 2. The loop falls asleep in one step from being awake, which fails if calls were sent; then it does not wait.
//! 3. The loop is awake again when it takes calls, and under the lock, if there are any: what is sent after that
//!    finds it awake.
//!
//! A loop is asleep outside of its turns too, as what it waits for may be waited for by another loop then.
//!
//! What wakes a task takes the same way. [`Rung`] keeps a task that many wake from being sent again and again.
//!
//! `sync` is the standard library's, or that of a test which tries all the ways that threads can take
//! through this file; see `tests/races.rs`.

use std::collections::VecDeque;
use std::mem;
use std::sync::PoisonError;

use crate::sync::{AtomicBool, AtomicU8, Mutex, MutexGuard, Ordering};

/// A queue of calls between threads.
pub(crate) struct Crossing<C> {
    queue: Mutex<Queue<C>>,
    /// [`ASLEEP`], [`AWAKE`] or [`SENT`]; a turn without calls takes no lock.
    state: AtomicU8,
}

/// The loop waits, or is about to, or somebody waits for it; it must be woken up.
const ASLEEP: u8 = 0;

/// The loop is in its turn, and looks here before it waits.
const AWAKE: u8 = 1;

/// There are calls, and if the loop was asleep, somebody wakes it up.
const SENT: u8 = 2;

/// Calls that were sent, in this order.
pub(crate) type Sent<C> = VecDeque<(Kind, C)>;

struct Queue<C> {
    calls: Sent<C>,
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
            state: AtomicU8::new(ASLEEP),
        }
    }

    /// Sends a call, and has `wake` wake the loop, if it sleeps and nobody else does that.
    ///
    /// What is refused is dropped.
    pub(crate) fn send(&self, kind: Kind, call: C, wake: impl FnOnce()) -> Result<(), Refused> {
        let mut queue = self.lock();
        match (queue.life, kind) {
            (Life::Closed, _) => return Err(Refused::Closed),
            (Life::Ended, Kind::Request) => return Err(Refused::Ended),
            (Life::Open | Life::Ended, _) => {}
        }
        queue.calls.push_back((kind, call));
        let before = self.state.swap(SENT, Ordering::AcqRel);
        drop(queue);
        if before == ASLEEP {
            wake();
        }
        Ok(())
    }

    /// The loop is awake from now on; returns whether there are calls.
    pub(crate) fn wake_up(&self) -> bool {
        self.change(ASLEEP, AWAKE) == SENT
    }

    /// Moves the first calls to `taken`, which is empty, so many at most, and has the loop be awake.
    pub(crate) fn take(&self, most: usize, taken: &mut Sent<C>) {
        if !self.wake_up() {
            return;
        }
        let mut queue = self.lock();
        if queue.calls.capacity() <= most {
            mem::swap(&mut queue.calls, taken);
        } else {
            let n = queue.calls.len().min(most);
            taken.extend(queue.calls.drain(..n));
            if !queue.calls.is_empty() {
                return;
            }
            // What a rare burst needed is not kept for ever.
            queue.calls = VecDeque::new();
        }
        self.state.store(AWAKE, Ordering::Release);
    }

    /// The loop is about to wait; returns whether it may, as nothing was sent.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.change(AWAKE, ASLEEP) != SENT
    }

    /// Whether there are calls to be taken.
    pub(crate) fn has_pending(&self) -> bool {
        self.state.load(Ordering::Acquire) == SENT
    }

    /// Changes the state, if it is `from`, and returns what it was.
    fn change(&self, from: u8, to: u8) -> u8 {
        let changed = self
            .state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        changed.unwrap_or_else(|other| other)
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

/// Whether a task was woken since it was last polled.
pub(crate) struct Rung(AtomicBool);

impl Rung {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Wakes the task; returns whether the loop must be told, as it has not been since the last poll.
    pub(crate) fn set(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The task is about to be polled: it sees what other threads have done before they woke it until now.
    pub(crate) fn take(&self) {
        self.0.swap(false, Ordering::AcqRel);
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

        let mut taken = VecDeque::new();
        while crossing.has_pending() {
            taken.clear();
            crossing.take(1000, &mut taken);
        }

        assert!(crossing.lock().calls.capacity() <= 1000);
        assert!(taken.capacity() <= 2000);
    }
}
