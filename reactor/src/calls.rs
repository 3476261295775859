//! Calls that wait until their time has come: what a reactor and a test clock have in common.
//!
//! *Twisted has a heap of `DelayedCall`s in its reactor, where cancelled ones stay for a while, and a sorted
//! list in its `Clock`.*

use std::any;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::Failure;

use crate::callback::CallResult;
use crate::delayed::DelayedCall;
use crate::waiting::{Place, Waiting, Waits};

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
///
/// Memory is what a million calls wait for, so it is small: two lines of the cache at most, and with a closure that
/// owns one pointer nothing is lost between the blocks of the allocator.
struct Call<T: Timers, W> {
    place: Place,
    timers: Weak<T>,
    made: &'static Location<'static>,
    work: Cell<Option<W>>,
}

/// A [`Call`], whatever it does and is given.
pub(crate) trait CallHead {
    /// When it is or was due, and what has become of it.
    fn place(&self) -> &Place;

    /// The time of its clock, if that is still there.
    fn now(&self) -> Option<Duration>;

    /// Where the program made the call.
    fn made(&self) -> &'static Location<'static>;

    /// What it will call, as far as known.
    fn name(&self) -> Option<&'static str>;

    /// Takes it out of those that wait, and drops the closure.
    fn cancel(&self);

    /// Drops the closure, and all that it owns.
    fn discard(&self);

    /// Makes it due `at` another time.
    fn put_off(&self, at: Duration);
}

/// A [`Call`] that is given a `C`, whatever it does.
trait AnyCall<C>: CallHead {
    fn run(&self, caller: &C) -> Option<Failure>;
}

impl<T: Timers, W: Runs<T::Caller>> CallHead for Call<T, W> {
    fn place(&self) -> &Place {
        &self.place
    }

    fn now(&self) -> Option<Duration> {
        self.timers.upgrade().map(|timers| timers.time())
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

    fn cancel(&self) {
        if let Some(timers) = self.timers.upgrade() {
            let itself = timers.calls().waiting.borrow_mut().remove(self);
            drop(itself);
        }
        self.discard();
    }

    fn discard(&self) {
        drop(self.work.take());
    }

    fn put_off(&self, at: Duration) {
        if let Some(timers) = self.timers.upgrade() {
            let mut waiting = timers.calls().waiting.borrow_mut();
            if let Some(itself) = waiting.remove(self) {
                waiting.insert((at, self.place.due().1), itself);
            }
        }
    }
}

impl<T: Timers, W: Runs<T::Caller>> AnyCall<T::Caller> for Call<T, W> {
    fn run(&self, caller: &T::Caller) -> Option<Failure> {
        self.work.take().and_then(|work| work.run(caller))
    }
}

impl<C: 'static> Waits for dyn AnyCall<C> {
    fn place(&self) -> &Place {
        CallHead::place(self)
    }
}

/// A call that is due, taken out of the waiting ones.
pub(crate) struct DueCall<C>(Rc<dyn AnyCall<C>>);

impl<C> DueCall<C> {
    pub(crate) fn run(&self, caller: &C) -> Option<Failure> {
        self.0.run(caller)
    }

    /// When it was due.
    pub(crate) fn due(&self) -> Duration {
        self.0.place().due().0
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

/// Makes a call that will do this work `delay` from now.
pub(crate) fn call_later<T: Timers>(
    timers: &Rc<T>,
    delay: Duration,
    made: &'static Location<'static>,
    work: impl Runs<T::Caller>,
) -> DelayedCall {
    let call = Rc::new(Call {
        place: Place::default(),
        timers: Rc::downgrade(timers),
        made,
        work: Cell::new(Some(work)),
    });
    if timers.takes_no_calls() {
        call.discard();
    } else {
        let due = (timers.time().saturating_add(delay), timers.calls().count());
        timers
            .calls()
            .waiting
            .borrow_mut()
            .insert(due, call.clone());
    }
    DelayedCall::new(call)
}

/// All calls that wait, in the order in which they are due.
pub(crate) fn delayed_calls<T: Timers>(timers: &Rc<T>) -> Vec<DelayedCall> {
    let waiting = timers.calls().waiting.borrow().all();
    let handle = |call: Rc<dyn AnyCall<T::Caller>>| DelayedCall::new(call);
    waiting.into_iter().map(handle).collect()
}

/// The waiting calls of a reactor or a test clock.
pub(crate) struct Calls<C: 'static> {
    waiting: RefCell<Waiting<dyn AnyCall<C>>>,
    made: Cell<u64>,
}

impl<C> Calls<C> {
    fn count(&self) -> u64 {
        let number = self.made.get();
        self.made.set(number + 1);
        number
    }

    /// When the next call is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let next = self.waiting.borrow_mut().first();
        next.map(|due| due.0)
    }

    /// When the next call is due of those that are due later than at `time`.
    pub(crate) fn next_due_after(&self, time: Duration) -> Option<Duration> {
        let next = self.waiting.borrow_mut().first_after(time);
        next.map(|due| due.0)
    }

    /// A mark between the calls that were made by now and those that will be made.
    pub(crate) fn mark(&self) -> u64 {
        self.made.get()
    }

    /// Takes out the next call that is due at `now`, of those made before `mark`.
    pub(crate) fn take_due(&self, now: Duration, mark: u64) -> Option<DueCall<C>> {
        let is_due = |(due, number)| due <= now && number < mark;
        let next = self.waiting.borrow_mut().take_first(is_due);
        next.map(DueCall)
    }

    /// Cancels all calls.
    pub(crate) fn clear(&self) {
        loop {
            let next = self.waiting.borrow_mut().remove_first();
            let Some(call) = next else { break };
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
