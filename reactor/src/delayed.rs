//! The handle to a call that waits for its time.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::calls::{AnyCall, Way};
use crate::waiting::{Spot, Standing};

/// A call that was made with [`Reactor::call_later`](crate::Reactor::call_later), or on another
/// [`Clock`](crate::Clock): to cancel it, or to move it.
///
/// Dropping this does nothing; the call stays. A call that is moved keeps its place among those that are
/// due at the same time: they run in the order in which they were made.
///
/// # Examples
///
/// ```
/// use reactor::testing::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let call = clock.call_later(Duration::from_secs(10), |_| println!("Nobody has called"));
/// call.delay(Duration::from_secs(5)).expect("it waits");
/// assert_eq!(call.time(), Some(Duration::from_secs(15)));
///
/// call.cancel().expect("it waits");
/// assert!(!call.active());
/// ```
///
/// *Twisted's `IDelayedCall`.*
#[derive(Clone)]
pub struct DelayedCall {
    call: Rc<AnyCall>,
    queue: Way,
    /// Where the call was when it was made, or moved by this handle. It may be elsewhere now, and then says so
    /// itself; but it is far away in memory, and mostly needs not be waited for.
    seen: Cell<Spot>,
}

/// Why a delayed call could not be cancelled or moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It has run, or is running now.
    #[error("the delayed call has already run")]
    AlreadyCalled,
    /// It was cancelled, or its reactor has stopped.
    #[error("the delayed call was already cancelled")]
    AlreadyCancelled,
}

impl DelayedCall {
    pub(crate) fn new(call: Rc<AnyCall>, queue: Way, seen: Spot) -> Self {
        let seen = Cell::new(seen);
        Self { call, queue, seen }
    }

    /// Cancels the call: it will not run, and its closure is dropped now.
    ///
    /// # Errors
    ///
    /// If it has run, is running, or was cancelled.
    pub fn cancel(&self) -> Result<(), CallError> {
        self.waits()?;
        if let Some(queue) = self.queue.upgrade() {
            queue.remove(&self.call, self.seen.get());
        }
        self.call.discard();
        Ok(())
    }

    /// Makes the call due `delay` from now, be it sooner or later than it was.
    ///
    /// # Errors
    ///
    /// If it has run, is running, or was cancelled.
    pub fn reset(&self, delay: Duration) -> Result<(), CallError> {
        self.move_to(|now, _| now.saturating_add(delay))
    }

    /// Makes the call due later than it was, by `delay`.
    ///
    /// # Errors
    ///
    /// If it has run, is running, or was cancelled.
    pub fn delay(&self, delay: Duration) -> Result<(), CallError> {
        self.move_to(|_, due| due.saturating_add(delay))
    }

    fn move_to(&self, at: impl FnOnce(Duration, Duration) -> Duration) -> Result<(), CallError> {
        let due = self.due()?;
        let queue = self.queue.upgrade().ok_or(CallError::AlreadyCancelled)?;
        let at = at(queue.now(), due);
        let spot = queue.put_off(&self.call, self.seen.get(), at);
        self.seen.set(spot);
        Ok(())
    }

    /// Whether the call is still going to run.
    #[must_use]
    pub fn active(&self) -> bool {
        self.waits().is_ok()
    }

    /// When the call is due, by its clock; `None` once it has run or was cancelled.
    ///
    /// *Twisted's `getTime`.*
    #[must_use]
    pub fn time(&self) -> Option<Duration> {
        self.due().ok()
    }

    fn due(&self) -> Result<Duration, CallError> {
        self.waits().map(|()| self.call.due())
    }

    /// Fails unless the call is still going to run.
    fn waits(&self) -> Result<(), CallError> {
        match self.call.standing() {
            Standing::Waits => Ok(()),
            Standing::Taken => Err(CallError::AlreadyCalled),
            Standing::Removed => Err(CallError::AlreadyCancelled),
        }
    }

    /// What is to be done, and how long from now.
    fn prospect(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due = self.call.due();
        if let Some(now) = self.queue.upgrade().map(|queue| queue.now()) {
            match due.checked_sub(now) {
                Some(left) => write!(f, "due in {left:?}, ")?,
                None => write!(f, "overdue by {:?}, ", now.saturating_sub(due))?,
            }
        }
        write!(f, "due at {due:?}")?;
        match self.call.name() {
            Some(name) => write!(f, ", calls {name}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DelayedCall(")?;
        match self.call.standing() {
            Standing::Waits => self.prospect(f)?,
            Standing::Taken => f.write_str("called")?,
            Standing::Removed => f.write_str("cancelled")?,
        }
        write!(f, ", made at {})", self.call.made())
    }
}
