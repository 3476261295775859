//! A queue between those who have something and those who wait for it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use crate::Deferred;
use crate::waiters::Waiters;

/// Brings things from those who put them to those who ask for them, in order on both sides.
///
/// A thing that is put goes to the one who has waited longest, inside the call of [`put`](Self::put), else it is
/// stored. Both the things that are stored and those who wait can be limited.
///
/// # Examples
///
/// ```
/// use deferred::{DeferredQueue, testing};
///
/// let queue = DeferredQueue::new();
/// queue.put("river").unwrap();
/// assert_eq!(testing::success_result_of(queue.get().unwrap()), "river");
///
/// let next = queue.get().unwrap();
/// queue.put("lamp").unwrap();
/// assert_eq!(testing::success_result_of(next), "lamp");
/// ```
///
/// *Twisted's `DeferredQueue`.*
pub struct DeferredQueue<T: 'static> {
    inner: Rc<Inner<T>>,
}

struct Inner<T: 'static> {
    stored: RefCell<VecDeque<T>>,
    waiters: Rc<Waiters<T>>,
    size: usize,
    backlog: usize,
}

/// The queue stores as many things as it may. The thing is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is full")]
pub struct QueueOverflow<T>(pub T);

/// As many wait for the queue as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wait for the queue")]
pub struct QueueUnderflow;

impl<T: 'static> DeferredQueue<T> {
    /// Makes a queue without limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(usize::MAX, usize::MAX)
    }

    /// Makes a queue that stores up to `size` things and lets up to `backlog` wait.
    ///
    /// Either may be 0: nothing is stored then but for those who wait, or nobody waits but gets what is stored.
    #[must_use]
    pub fn with_limits(size: usize, backlog: usize) -> Self {
        let inner = Inner {
            stored: RefCell::default(),
            waiters: Waiters::new(),
            size,
            backlog,
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    /// Puts a thing into the queue.
    ///
    /// # Errors
    ///
    /// With the thing, if nobody waits and the queue is full; nothing has changed then.
    pub fn put(&self, thing: T) -> Result<(), QueueOverflow<T>> {
        let Inner {
            stored,
            waiters,
            size,
            ..
        } = &*self.inner;
        if waiters.len() == 0 && stored.borrow().len() >= *size {
            return Err(QueueOverflow(thing));
        }
        if let Some(thing) = waiters.hand_out(thing) {
            stored.borrow_mut().push_back(thing);
        }
        Ok(())
    }

    /// Asks for a thing: the Deferred fires with it, at once if one is stored.
    ///
    /// Cancelling it while it waits gives the place in the row up.
    ///
    /// # Errors
    ///
    /// If nothing is stored and as many wait as may; nothing has changed then.
    #[track_caller]
    pub fn get(&self) -> Result<Deferred<T>, QueueUnderflow> {
        let Inner {
            stored,
            waiters,
            backlog,
            ..
        } = &*self.inner;
        let oldest = stored.borrow_mut().pop_front();
        if let Some(thing) = oldest {
            return Ok(Deferred::succeed(thing));
        }
        if waiters.len() >= *backlog {
            return Err(QueueUnderflow);
        }
        Ok(waiters.wait())
    }

    /// How many things are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.stored.borrow().len()
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait for a thing.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.waiters.len()
    }
}

impl<T: 'static> Clone for DeferredQueue<T> {
    /// Another handle to the same queue.
    fn clone(&self) -> Self {
        Self {
            inner: Rc::clone(&self.inner),
        }
    }
}

impl<T: 'static> Default for DeferredQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> fmt::Debug for DeferredQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "DeferredQueue({} stored, {} waiting)",
            self.len(),
            self.waiting()
        )
    }
}
