//! Calls that run when their time has come.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::Failure;

use crate::Reactor;
use crate::callback::CallResult;
use crate::reactor::Core;

/// When a call is due; calls due at the same time run in the order of their numbers.
type Due = (Duration, u64);

/// What has become of a call.
#[derive(Clone, Copy)]
enum CallState {
    Waiting(Due),
    Called,
    Cancelled,
}

/// A call with its closure, in one allocation.
struct Call<F> {
    state: Cell<CallState>,
    made: &'static Location<'static>,
    work: Cell<Option<F>>,
}

/// A [`Call`], whatever its closure.
trait AnyCall {
    fn state(&self) -> &Cell<CallState>;
    fn made(&self) -> &'static Location<'static>;
    fn run(&self, reactor: &Reactor) -> Option<Failure>;
    /// Drops the closure, and all that it owns.
    fn discard(&self);
}

impl<R: CallResult, F: FnOnce(&Reactor) -> R> AnyCall for Call<F> {
    fn state(&self) -> &Cell<CallState> {
        &self.state
    }

    fn made(&self) -> &'static Location<'static> {
        self.made
    }

    fn run(&self, reactor: &Reactor) -> Option<Failure> {
        self.work
            .take()
            .and_then(|work| work(reactor).into_failure())
    }

    fn discard(&self) {
        drop(self.work.take());
    }
}

/// A call that is due, taken out of the waiting ones.
pub(crate) struct DueCall(Rc<dyn AnyCall>);

impl DueCall {
    pub(crate) fn run(&self, reactor: &Reactor) -> Option<Failure> {
        self.0.state().set(CallState::Called);
        self.0.run(reactor)
    }

    /// Where the program made the call.
    pub(crate) fn made(&self) -> &'static Location<'static> {
        self.0.made()
    }
}

/// The waiting calls of a reactor, in the order in which they are due.
///
/// A search tree: to add and to remove costs O(log n), and what is removed is freed at once.
#[derive(Default)]
pub(crate) struct Calls {
    waiting: RefCell<BTreeMap<Due, Rc<dyn AnyCall>>>,
    made: Cell<u64>,
}

impl Calls {
    fn insert(&self, at: Duration, call: Rc<dyn AnyCall>) {
        let due = (at, self.made.get());
        self.made.set(due.1 + 1);
        call.state().set(CallState::Waiting(due));
        self.waiting.borrow_mut().insert(due, call);
    }

    fn remove(&self, due: Due) -> Option<Rc<dyn AnyCall>> {
        self.waiting.borrow_mut().remove(&due)
    }

    /// When the next call is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.waiting.borrow().keys().next().map(|due| due.0)
    }

    /// A mark between the calls that were made by now and those that will be made.
    pub(crate) fn mark(&self) -> u64 {
        self.made.get()
    }

    /// Takes out the next call that is due at `now`, of those made before `mark`.
    pub(crate) fn take_due(&self, now: Duration, mark: u64) -> Option<DueCall> {
        let mut waiting = self.waiting.borrow_mut();
        let next = waiting
            .first_entry()
            .filter(|next| next.key().0 <= now && next.key().1 < mark)?;
        Some(DueCall(next.remove()))
    }

    /// Cancels all calls.
    pub(crate) fn clear(&self) {
        loop {
            let next = self.waiting.borrow_mut().pop_first();
            let Some((_, call)) = next else { break };
            call.state().set(CallState::Cancelled);
            call.discard();
        }
    }
}

/// A call made with [`Reactor::call_later`]: to cancel it, or to move it.
///
/// Dropping this does nothing; the call stays.
///
/// *Twisted's `IDelayedCall`.*
#[derive(Clone)]
pub struct DelayedCall {
    call: Rc<dyn AnyCall>,
    core: Weak<Core>,
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
    #[track_caller]
    pub(crate) fn make<R: CallResult + 'static>(
        core: &Rc<Core>,
        delay: Duration,
        work: impl FnOnce(&Reactor) -> R + 'static,
    ) -> Self {
        let call = Rc::new(Call {
            state: Cell::new(CallState::Cancelled),
            made: Location::caller(),
            work: Cell::new(Some(work)),
        });
        if core.is_closed() {
            call.discard();
        } else {
            core.calls
                .insert(core.now().saturating_add(delay), call.clone());
        }
        Self {
            call,
            core: Rc::downgrade(core),
        }
    }

    /// Cancels the call: it will not run, and its closure is dropped now.
    ///
    /// # Errors
    ///
    /// If it has run, is running, or was cancelled.
    pub fn cancel(&self) -> Result<(), CallError> {
        let due = self.due()?;
        if let Some(core) = self.core.upgrade() {
            core.calls.remove(due);
        }
        self.call.state().set(CallState::Cancelled);
        self.call.discard();
        Ok(())
    }

    /// Makes the call due `delay` from now, be it sooner or later than it was.
    ///
    /// # Errors
    ///
    /// If it has run, is running, or was cancelled.
    pub fn reset(&self, delay: Duration) -> Result<(), CallError> {
        self.move_to(|core, _| core.now().saturating_add(delay))
    }

    /// Makes the call due later than it was, by `delay`.
    ///
    /// # Errors
    ///
    /// If it has run, is running, or was cancelled.
    pub fn delay(&self, delay: Duration) -> Result<(), CallError> {
        self.move_to(|_, due| due.saturating_add(delay))
    }

    fn move_to(&self, at: impl FnOnce(&Core, Duration) -> Duration) -> Result<(), CallError> {
        let due = self.due()?;
        let core = self.core.upgrade().ok_or(CallError::AlreadyCancelled)?;
        let call = core
            .calls
            .remove(due)
            .expect("a waiting call stands under its due time");
        core.calls.insert(at(&core, due.0), call);
        Ok(())
    }

    /// Whether the call is still going to run.
    #[must_use]
    pub fn active(&self) -> bool {
        self.due().is_ok()
    }

    /// When the call is due, by the reactor's clock; `None` once it has run or was cancelled.
    ///
    /// *Twisted's `getTime`.*
    #[must_use]
    pub fn time(&self) -> Option<Duration> {
        self.due().ok().map(|due| due.0)
    }

    fn due(&self) -> Result<Due, CallError> {
        match self.call.state().get() {
            CallState::Waiting(due) => Ok(due),
            CallState::Called => Err(CallError::AlreadyCalled),
            CallState::Cancelled => Err(CallError::AlreadyCancelled),
        }
    }
}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.call.state().get() {
            CallState::Waiting((at, _)) => format!("due at {at:?}"),
            CallState::Called => String::from("called"),
            CallState::Cancelled => String::from("cancelled"),
        };
        write!(f, "DelayedCall({state}, made at {})", self.call.made())
    }
}
