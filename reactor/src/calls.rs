//! Calls that wait until their time has come: the queue that a reactor and a test clock have in common.
//!
//! A search tree: to add, to move and to take out costs O(log n), and what is taken out is freed at once.
//!
//! *Twisted has a heap of `DelayedCall`s in its reactor, where cancelled ones stay for a while, and a sorted
//! list in its `Clock`.*

use std::any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Bound;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::Failure;

use crate::callback::CallResult;
use crate::delayed::DelayedCall;

/// When a call is due, and its number; calls due at the same time run in the order in which they were made.
pub(crate) type Due = (Duration, u64);

/// What has become of a call.
#[derive(Clone, Copy)]
pub(crate) enum CallState {
    Waiting(Due),
    Called,
    Cancelled,
}

/// What a call does when its time has come; it is given a `C`.
pub(crate) trait Runs<C>: 'static {
    fn run(self, caller: &C) -> Option<Failure>;

    /// What it calls, as far as known.
    fn name(&self) -> &'static str;
}

impl<C, R: CallResult, F: FnOnce(&C) -> R + 'static> Runs<C> for F {
    fn run(self, caller: &C) -> Option<Failure> {
        self(caller).into_failure()
    }

    fn name(&self) -> &'static str {
        any::type_name::<F>()
    }
}

/// A call with what it does, in one allocation.
struct Call<C, W> {
    state: Cell<CallState>,
    made: &'static Location<'static>,
    work: Cell<Option<W>>,
    given: PhantomData<fn(&C)>,
}

/// A [`Call`], whatever it does and is given.
pub(crate) trait CallHead {
    fn state(&self) -> &Cell<CallState>;

    /// Where the program made the call.
    fn made(&self) -> &'static Location<'static>;

    /// What it will call, as far as known.
    fn name(&self) -> Option<&'static str>;

    /// Drops the closure, and all that it owns.
    fn discard(&self);
}

/// A [`Call`] that is given a `C`, whatever it does.
trait AnyCall<C>: CallHead {
    fn run(&self, caller: &C) -> Option<Failure>;
}

impl<C, W: Runs<C>> CallHead for Call<C, W> {
    fn state(&self) -> &Cell<CallState> {
        &self.state
    }

    fn made(&self) -> &'static Location<'static> {
        self.made
    }

    fn name(&self) -> Option<&'static str> {
        let work = self.work.take();
        let name = work.as_ref().map(Runs::name);
        self.work.set(work);
        name
    }

    fn discard(&self) {
        drop(self.work.take());
    }
}

impl<C, W: Runs<C>> AnyCall<C> for Call<C, W> {
    fn run(&self, caller: &C) -> Option<Failure> {
        self.work.take().and_then(|work| work.run(caller))
    }
}

/// A call that is due, taken out of the waiting ones.
pub(crate) struct DueCall<C>(Rc<dyn AnyCall<C>>);

impl<C> DueCall<C> {
    pub(crate) fn run(&self, caller: &C) -> Option<Failure> {
        self.0.state().set(CallState::Called);
        self.0.run(caller)
    }

    /// When it was due.
    pub(crate) fn due(&self) -> Duration {
        match self.0.state().get() {
            CallState::Waiting((due, _)) => due,
            CallState::Called | CallState::Cancelled => Duration::MAX,
        }
    }

    /// Where the program made the call.
    pub(crate) fn made(&self) -> &'static Location<'static> {
        self.0.made()
    }
}

/// What has delayed calls: the inside of a reactor, or of a test clock.
pub(crate) trait Timers: 'static {
    /// What its calls are given.
    type Caller: 'static;

    fn calls(&self) -> &Calls<Self::Caller>;

    fn time(&self) -> Duration;

    /// Whether it will not run calls that are made now.
    fn takes_no_calls(&self) -> bool;
}

/// [`Timers`], whatever their calls are given: what a [`DelayedCall`] asks of them.
pub(crate) trait Queue {
    fn time(&self) -> Duration;

    /// Takes out the call that is due then.
    fn remove(&self, due: Due);

    /// Makes the call that is due then due `at` another time.
    fn put_off(&self, due: Due, at: Duration);
}

impl<T: Timers> Queue for T {
    fn time(&self) -> Duration {
        Timers::time(self)
    }

    fn remove(&self, due: Due) {
        self.calls().remove(due);
    }

    fn put_off(&self, due: Due, at: Duration) {
        if let Some(call) = self.calls().remove(due) {
            self.calls().insert((at, due.1), call);
        }
    }
}

/// Makes a call that will do this work `delay` from now.
pub(crate) fn call_later<T: Timers>(
    timers: &Rc<T>,
    delay: Duration,
    made: &'static Location<'static>,
    work: impl Runs<T::Caller>,
) -> DelayedCall {
    let call = Rc::new(Call {
        state: Cell::new(CallState::Cancelled),
        made,
        work: Cell::new(Some(work)),
        given: PhantomData,
    });
    if timers.takes_no_calls() {
        call.discard();
    } else {
        let due = (timers.time().saturating_add(delay), timers.calls().count());
        timers.calls().insert(due, call.clone());
    }
    DelayedCall::new(call, queue_of(timers))
}

/// All calls that wait, in the order in which they are due.
pub(crate) fn delayed_calls<T: Timers>(timers: &Rc<T>) -> Vec<DelayedCall> {
    let waiting = timers.calls().waiting.borrow();
    let handle = |call: &Rc<dyn AnyCall<T::Caller>>| {
        let call: Rc<dyn AnyCall<T::Caller>> = Rc::clone(call);
        DelayedCall::new(call, queue_of(timers))
    };
    waiting.values().map(handle).collect()
}

fn queue_of<T: Timers>(timers: &Rc<T>) -> Weak<dyn Queue> {
    let queue: Weak<T> = Rc::downgrade(timers);
    queue
}

/// The waiting calls of a reactor or a test clock, in the order in which they are due.
pub(crate) struct Calls<C> {
    waiting: RefCell<BTreeMap<Due, Rc<dyn AnyCall<C>>>>,
    made: Cell<u64>,
}

impl<C> Calls<C> {
    fn count(&self) -> u64 {
        let number = self.made.get();
        self.made.set(number + 1);
        number
    }

    fn insert(&self, due: Due, call: Rc<dyn AnyCall<C>>) {
        call.state().set(CallState::Waiting(due));
        self.waiting.borrow_mut().insert(due, call);
    }

    fn remove(&self, due: Due) -> Option<Rc<dyn AnyCall<C>>> {
        self.waiting.borrow_mut().remove(&due)
    }

    /// When the next call is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.waiting.borrow().keys().next().map(|due| due.0)
    }

    /// When the next call is due of those that are due later than at `time`.
    pub(crate) fn next_due_after(&self, time: Duration) -> Option<Duration> {
        let later = (Bound::Excluded((time, u64::MAX)), Bound::Unbounded);
        self.waiting
            .borrow()
            .range(later)
            .next()
            .map(|(due, _)| due.0)
    }

    /// A mark between the calls that were made by now and those that will be made.
    pub(crate) fn mark(&self) -> u64 {
        self.made.get()
    }

    /// Takes out the next call that is due at `now`, of those made before `mark`.
    pub(crate) fn take_due(&self, now: Duration, mark: u64) -> Option<DueCall<C>> {
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

impl<C> Default for Calls<C> {
    fn default() -> Self {
        Self {
            waiting: RefCell::default(),
            made: Cell::new(0),
        }
    }
}
