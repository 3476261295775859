//! What tells the time and makes calls at a time: a reactor, or a test's clock.

use std::any;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;

use crate::Reactor;
use crate::calls::{self, Calls, Runs, Timers};
use crate::delayed::DelayedCall;
use crate::reactor::Core;

/// Tells the time, and makes calls when their time has come.
///
/// A [`Reactor`] is a clock, and so is a [`TestClock`](crate::testing::TestClock); whatever takes a clock,
/// such as the tasks of [`task`](crate::task), can therefore be tested without waiting. An
/// `Rc<dyn Clock>` is one as well.
///
/// A program that has one of these two uses its own `call_later`, which gives the call the reactor or the
/// clock, and whose call may fail. The method of this trait takes a boxed closure, since a method with a
/// closure of any type cannot be called on a `dyn Clock`.
///
/// # Examples
///
/// ```
/// use reactor::testing::TestClock;
/// use reactor::{Clock, Work};
/// use std::time::Duration;
///
/// fn ring(clock: &dyn Clock) {
///     clock.schedule(Duration::from_secs(5), Work::new(|| println!("It is time")));
/// }
///
/// let clock = TestClock::new();
/// ring(&clock);
/// clock.advance(Duration::from_secs(5));
/// ```
///
/// Times are unsigned: what Twisted refuses when it runs, a negative delay, cannot be written.
///
/// ```compile_fail,E0600
/// # let clock = reactor::testing::TestClock::new();
/// clock.call_later(-std::time::Duration::from_secs(1), |_| ());
/// ```
///
/// *Twisted's `IReactorTime`.*
pub trait Clock {
    /// The time. It never goes back.
    fn now(&self) -> Duration;

    /// Does the work once `delay` has passed, and never inside this call.
    ///
    /// Work that is due at the same time is done in the order in which it was scheduled. A clock that
    /// will not get there, such as a reactor that has stopped, drops the work.
    fn schedule(&self, delay: Duration, work: Work) -> DelayedCall;
}

/// What a [`Clock`] does when the time has come: a closure, with its name and where it was made.
pub struct Work {
    run: Box<dyn FnOnce()>,
    name: &'static str,
    made: &'static Location<'static>,
}

impl Work {
    /// Makes work of a closure.
    #[track_caller]
    pub fn new<F: FnOnce() + 'static>(f: F) -> Self {
        Self {
            run: Box::new(f),
            name: any::type_name::<F>(),
            made: Location::caller(),
        }
    }

    /// Says that it calls this function, and was made there, if a task does it for a program.
    pub(crate) fn on_behalf_of(self, name: &'static str, made: &'static Location<'static>) -> Self {
        Self { name, made, ..self }
    }
}

impl<C> Runs<C> for Work {
    fn run(self, _caller: &C) -> Option<Failure> {
        (self.run)();
        None
    }

    fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work(calls {}, made at {})", self.name, self.made)
    }
}

/// Schedules the work on a clock of ours.
pub(crate) fn schedule<T: Timers>(timers: &Rc<T>, delay: Duration, work: Work) -> DelayedCall {
    calls::call_later(timers, delay, work.made, work)
}

impl Clock for Reactor {
    fn now(&self) -> Duration {
        self.core.now()
    }

    fn schedule(&self, delay: Duration, work: Work) -> DelayedCall {
        schedule(&self.core, delay, work)
    }
}

impl<C: Clock + ?Sized> Clock for Rc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn schedule(&self, delay: Duration, work: Work) -> DelayedCall {
        (**self).schedule(delay, work)
    }
}

impl Timers for Core {
    type Caller = Reactor;

    fn calls(&self) -> &Calls<Reactor> {
        &self.calls
    }

    fn time(&self) -> Duration {
        self.now()
    }

    fn takes_no_calls(&self) -> bool {
        self.is_closed()
    }
}

impl Reactor {
    /// All delayed calls that wait now, in the order in which they are due.
    ///
    /// *Twisted's `getDelayedCalls`.*
    #[must_use]
    pub fn delayed_calls(&self) -> Vec<DelayedCall> {
        calls::delayed_calls(&self.core)
    }
}
