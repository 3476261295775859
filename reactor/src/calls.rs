//! Calls that wait until their time has come: what a reactor and a test clock have in common.
//!
//! *Twisted has a heap of `DelayedCall`s in its reactor, where cancelled ones stay for a while, and a sorted
//! list in its `Clock`.*

use std::any;
use std::cell::{Cell, OnceCell, RefCell};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::Failure;

use crate::callback::CallResult;
use crate::delayed::DelayedCall;
use crate::waiting::{Place, Spot, Standing, Waiting, Waits};

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
/// Memory is what a million calls wait for, so it is small: with a closure that owns one pointer, and the
/// allocator's own word, it is as large as a line of the cache.
pub(crate) struct Call<W: ?Sized> {
    place: Place,
    made: &'static Location<'static>,
    work: W,
}

/// What a call does, until it has been taken to be done; it is given a `C`.
struct Errand<C, W> {
    work: Cell<Option<W>>,
    given: PhantomData<fn(&C)>,
}

/// An [`Errand`], whatever it does and is given.
pub(crate) trait AnyErrand {
    /// What it will call, as far as known.
    fn name(&self) -> Option<&'static str>;

    /// Drops the closure, and all that it owns.
    fn discard(&self);
}

/// An [`Errand`] that is given a `C`, whatever it does.
pub(crate) trait ErrandWith<C>: AnyErrand {
    fn run(&self, caller: &C) -> Option<Failure>;
}

impl<C, W: Runs<C>> AnyErrand for Errand<C, W> {
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

impl<C, W: Runs<C>> ErrandWith<C> for Errand<C, W> {
    fn run(&self, caller: &C) -> Option<Failure> {
        self.work.take().and_then(|work| work.run(caller))
    }
}

impl<W: AnyErrand + ?Sized> Call<W> {
    /// When it is or was due.
    pub(crate) fn due(&self) -> Duration {
        self.place.due().0
    }

    /// What has become of it.
    pub(crate) fn standing(&self) -> Standing {
        self.place.standing()
    }

    /// Where the program made the call.
    pub(crate) const fn made(&self) -> &'static Location<'static> {
        self.made
    }

    /// What it will call, as far as known.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.work.name()
    }

    /// Drops the closure, and all that it owns.
    pub(crate) fn discard(&self) {
        self.work.discard();
    }
}

impl<W: ?Sized> Waits for Call<W> {
    fn place(&self) -> &Place {
        &self.place
    }
}

/// A call, whatever it is given.
pub(crate) type AnyCall = Call<dyn AnyErrand>;

/// A call that is given a `C`.
type CallWith<C> = Call<dyn ErrandWith<C>>;

/// A call that is due, taken out of the waiting ones.
pub(crate) struct DueCall<C>(Rc<CallWith<C>>);

impl<C: 'static> DueCall<C> {
    pub(crate) fn run(&self, caller: &C) -> Option<Failure> {
        self.0.work.run(caller)
    }

    /// When it was due.
    pub(crate) fn due(&self) -> Duration {
        self.0.due()
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

/// The [`Timers`] where a call waits, whatever its calls are given.
pub(crate) trait Queue {
    /// The time of its clock.
    fn now(&self) -> Duration;

    /// Takes the call out of those that wait; it was last seen in this spot.
    fn remove(&self, call: &AnyCall, seen: Spot);

    /// Makes the call due `at` another time, and says where it is now; it was last seen in this spot.
    fn put_off(&self, call: &AnyCall, seen: Spot, at: Duration) -> Spot;
}

/// The way from a handle to where its call waits, if that is still there; in one word, as handles are many.
pub(crate) type Way = Rc<Weak<dyn Queue>>;

impl<T: Timers> Queue for T {
    fn now(&self) -> Duration {
        self.time()
    }

    fn remove(&self, call: &AnyCall, seen: Spot) {
        let removed = self.calls().waiting.borrow_mut().remove(&call.place, seen);
        drop(removed);
    }

    fn put_off(&self, call: &AnyCall, seen: Spot, at: Duration) -> Spot {
        let mut waiting = self.calls().waiting.borrow_mut();
        match waiting.remove(&call.place, seen) {
            Some(itself) => waiting.insert((at, call.place.due().1), itself),
            None => seen,
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
        place: Place::default(),
        made,
        work: Errand {
            work: Cell::new(Some(work)),
            given: PhantomData,
        },
    });
    let spot = if timers.takes_no_calls() {
        call.discard();
        Spot::UNKNOWN
    } else {
        let due = (timers.time().saturating_add(delay), timers.calls().count());
        let mut waiting = timers.calls().waiting.borrow_mut();
        waiting.insert(due, call.clone())
    };
    DelayedCall::new(call, way_to(timers), spot)
}

/// All calls that wait, in the order in which they are due.
pub(crate) fn delayed_calls<T: Timers>(timers: &Rc<T>) -> Vec<DelayedCall> {
    let waiting = timers.calls().waiting.borrow().all();
    let handle = |call: Rc<CallWith<_>>| DelayedCall::new(call, way_to(timers), Spot::UNKNOWN);
    waiting.into_iter().map(handle).collect()
}

/// The way from a handle to the queue of its call.
fn way_to<T: Timers>(timers: &Rc<T>) -> Way {
    let way = timers.calls().way.get_or_init(|| {
        let timers: Weak<T> = Rc::downgrade(timers);
        Rc::new(timers)
    });
    Rc::clone(way)
}

/// The waiting calls of a reactor or a test clock.
pub(crate) struct Calls<C: 'static> {
    waiting: RefCell<Waiting<CallWith<C>>>,
    made: Cell<u64>,
    /// The way here, from when there is a call.
    way: OnceCell<Way>,
}

impl<C> Calls<C> {
    fn count(&self) -> u64 {
        let number = self.made.get();
        self.made.set(number + 1);
        number
    }

    /// When the next call is due. Asked in each turn, most often of none.
    #[inline]
    pub(crate) fn next_due(&self) -> Option<Duration> {
        if self.waiting.borrow().is_empty() {
            return None;
        }
        self.first_due()
    }

    fn first_due(&self) -> Option<Duration> {
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
            way: OnceCell::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reactor;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_call_and_its_handle_are_small() {
        let counts = 2 * size_of::<usize>();
        let call = counts + size_of::<Call<Errand<Reactor, Box<()>>>>();
        let handle = size_of::<Option<DelayedCall>>();

        assert_eq!((call, handle), (56, 32));
    }
}
