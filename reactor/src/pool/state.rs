//! What the threads of a pool share, and what each of them does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};

use deferred::{Failure, report};

use super::UNHANDLED;

pub(super) type Work = Box<dyn FnOnce() + Send>;
pub(super) type Guard<'a> = MutexGuard<'a, State>;

/// The number of a piece of work; they count up.
pub(crate) type Ticket = u64;

/// The state of a pool, and the way to be told that it has changed.
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) changed: Condvar,
}

pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) minimum: usize,
    pub(super) maximum: usize,
    /// The work that waits, in order: a search tree, for any of it may be taken back.
    pub(super) queue: BTreeMap<Ticket, Work>,
    tickets: Ticket,
    pub(super) threads: HashMap<ThreadId, JoinHandle<()>>,
    /// Threads that were too many: they have ended, or are about to.
    pub(super) left: Vec<JoinHandle<()>>,
    /// How many of the threads work.
    pub(super) working: usize,
}

/// Whether a pool has threads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Stopped,
    Started,
    /// Its threads end when no work is left that has a lower ticket than this.
    Stopping {
        before: Ticket,
    },
}

/// What a thread does next.
enum Next {
    Work(Work),
    Wait,
    Leave,
}

impl Shared {
    pub(super) fn new(minimum: usize, maximum: usize) -> Self {
        Self {
            state: Mutex::new(State {
                phase: Phase::Stopped,
                minimum,
                maximum,
                queue: BTreeMap::new(),
                tickets: 0,
                threads: HashMap::new(),
                left: Vec::new(),
                working: 0,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> Guard<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does: takes work until it is no longer needed.
    pub(super) fn work(&self) {
        let me = thread::current().id();
        let mut state = self.lock();
        loop {
            match state.next_of(me) {
                Next::Work(work) => {
                    state.working += 1;
                    drop(state);
                    if let Err(panic) = Failure::catch(work) {
                        report(UNHANDLED, &panic);
                    }
                    state = self.lock();
                    state.working -= 1;
                }
                Next::Wait => {
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                Next::Leave => return state.leave(me),
            }
        }
    }
}

impl State {
    /// Adds work to what waits.
    pub(super) fn push(&mut self, work: Work) -> Ticket {
        let ticket = self.tickets;
        self.tickets += 1;
        self.queue.insert(ticket, work);
        ticket
    }

    /// The ticket of the work that will come next.
    pub(super) const fn next_ticket(&self) -> Ticket {
        self.tickets
    }

    /// How many threads there should be for the work that there is.
    pub(super) fn threads_wanted(&self) -> usize {
        (self.working + self.queue.len()).clamp(self.minimum, self.maximum)
    }

    fn next_of(&mut self, me: ThreadId) -> Next {
        let (may_stay, before) = match self.phase {
            Phase::Started => {
                // One that called `stop` itself was let go, and does not come back with the next start.
                let needed = self.threads.len() <= self.maximum && self.threads.contains_key(&me);
                if !needed {
                    return Next::Leave;
                }
                (true, Ticket::MAX)
            }
            Phase::Stopping { before } => (false, before),
            Phase::Stopped => (false, 0),
        };
        let first = self.queue.first_entry();
        match first.filter(|first| *first.key() < before) {
            Some(first) => Next::Work(first.remove()),
            None if may_stay => Next::Wait,
            None => Next::Leave,
        }
    }

    /// Crosses a thread off the list; whoever stops the pool waits for its end all the same.
    fn leave(&mut self, me: ThreadId) {
        if let Some(thread) = self.threads.remove(&me) {
            self.left.retain(|thread| !thread.is_finished());
            self.left.push(thread);
        }
    }
}
