//! Taking turns: locks and semaphores.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use crate::outcome::{Outcome, maybe_deferred};
use crate::waiters::Waiters;
use crate::{Deferred, Failure};

/// Lets a number of chains at a time do something, and the others wait for their turn.
///
/// Turns come in the order in which they were asked for. A turn is a [`Permit`], which ends it when it is
/// dropped; then the next one who waits gets it at once, inside that drop.
///
/// # Examples
///
/// ```
/// use deferred::{Deferred, DeferredSemaphore, Failure};
///
/// let downloads = DeferredSemaphore::new(2)?;
/// let poem = downloads.run(|| Deferred::succeed("The lamp goes round"));
/// assert_eq!(deferred::testing::success_result_of(poem), "The lamp goes round");
/// # Ok::<(), deferred::NoPermits>(())
/// ```
///
/// *Twisted's `DeferredSemaphore`, which is released by calling `release`.*
#[derive(Clone)]
pub struct DeferredSemaphore {
    inner: Rc<Inner>,
}

struct Inner {
    limit: usize,
    free: Cell<usize>,
    waiters: Rc<Waiters<Permit>>,
}

/// A semaphore was to be made that would never let anyone have a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a semaphore needs at least one permit")]
pub struct NoPermits;

impl DeferredSemaphore {
    /// Makes a semaphore of this many permits.
    ///
    /// # Errors
    ///
    /// If that is none.
    pub fn new(permits: usize) -> Result<Self, NoPermits> {
        if permits == 0 {
            return Err(NoPermits);
        }
        Ok(Self::with(permits))
    }

    fn with(limit: usize) -> Self {
        Self {
            inner: Rc::new(Inner {
                limit,
                free: Cell::new(limit),
                waiters: Waiters::new(),
            }),
        }
    }

    /// Asks for a turn: the Deferred fires with its permit, at once if one is free.
    ///
    /// Cancelling it while it waits gives the place in the row up.
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Permit> {
        let inner = &self.inner;
        if inner.free.get() == 0 {
            return inner.waiters.wait();
        }
        Deferred::succeed(Inner::permit(inner))
    }

    /// Calls `f` when it is its turn, and ends the turn when what it returned has a result.
    ///
    /// The next one's turn begins before what is added to the returned Deferred runs.
    ///
    /// *Twisted's `run`.*
    #[track_caller]
    pub fn run<R>(&self, f: impl FnOnce() -> R + 'static) -> Deferred<R::Value>
    where
        R: Outcome<Value: 'static> + 'static,
    {
        let waiters = Rc::clone(&self.inner.waiters);
        self.acquire().add_callback(move |permit| {
            maybe_deferred(f).add_both(move |result: Result<R::Value, Failure>| {
                drop(permit);
                waiters.after_those_served(result)
            })
        })
    }

    /// How many permits are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.inner.free.get()
    }

    /// How many permits there are.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.inner.limit
    }

    /// How many wait for a turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.waiters.len()
    }
}

impl Inner {
    /// Takes a permit, of which there must be one.
    fn permit(this: &Rc<Self>) -> Permit {
        this.free.set(this.free.get() - 1);
        Permit {
            inner: Rc::clone(this),
        }
    }
}

impl fmt::Debug for DeferredSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, limit, waiting) = (self.free(), self.limit(), self.waiting());
        write!(
            f,
            "DeferredSemaphore({free} of {limit} free, {waiting} waiting)"
        )
    }
}

/// A turn, which ends when this is dropped.
#[must_use = "the turn ends when the permit is dropped"]
pub struct Permit {
    inner: Rc<Inner>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let inner = &self.inner;
        if inner.waiters.len() == 0 {
            inner.free.set(inner.free.get() + 1);
            return;
        }
        // The turn goes straight to the next one: it is never free in between.
        let permit = Self {
            inner: Rc::clone(inner),
        };
        let _none = inner.waiters.hand_out(permit);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// Lets one chain at a time do something: a [`DeferredSemaphore`] of one permit.
///
/// # Examples
///
/// ```
/// use deferred::DeferredLock;
///
/// let lock = DeferredLock::new();
/// let held = deferred::testing::success_result_of(lock.acquire());
/// let next = lock.acquire();
/// assert!(!next.has_result());
///
/// drop(held);
/// assert!(next.has_result());
/// ```
///
/// *Twisted's `DeferredLock`, which dies of its recursion at some 200 waiters.*
#[derive(Clone)]
pub struct DeferredLock(DeferredSemaphore);

impl DeferredLock {
    /// Makes a lock that is free.
    #[must_use]
    pub fn new() -> Self {
        Self(DeferredSemaphore::with(1))
    }

    /// Asks for the lock; see [`DeferredSemaphore::acquire`].
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Permit> {
        self.0.acquire()
    }

    /// Calls `f` while it holds the lock; see [`DeferredSemaphore::run`].
    #[track_caller]
    pub fn run<R>(&self, f: impl FnOnce() -> R + 'static) -> Deferred<R::Value>
    where
        R: Outcome<Value: 'static> + 'static,
    {
        self.0.run(f)
    }

    /// Whether somebody holds it.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.free() == 0
    }

    /// How many wait for it.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }
}

impl Default for DeferredLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DeferredLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_locked() { "locked" } else { "free" };
        write!(f, "DeferredLock({state}, {} waiting)", self.waiting())
    }
}
