//! For tests: a clock whose time passes when the test says so.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Failure, report};

use crate::callback::CallResult;
use crate::calls::{self, Calls, Timers};
use crate::clock::{self, Clock, Work};
use crate::delayed::DelayedCall;

/// A clock that stands still until the test moves it.
///
/// It begins at zero. [`advance`](Self::advance) jumps: every call that has become due runs, in order, and
/// sees the time at the end of the jump, as calls do on a reactor that was busy for so long.
/// [`step`](Self::step) goes through the same time call by call, and each call sees the time at which it
/// was due. A call that fails or panics is reported, and the others still run.
///
/// A call that is made by a call with a delay of zero waits for the clock to be moved again, even if by
/// nothing, as it waits for the next turn of a reactor: one that renews itself does not run for ever.
///
/// A `TestClock` is a handle, and clones share the time. As with a [`Reactor`](crate::Reactor), the handle that
/// [`new`](Self::new) gave is the owner: when it is dropped, all calls that still wait are dropped with it.
///
/// # Examples
///
/// ```
/// use reactor::task;
/// use reactor::testing::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let answer = task::defer_later(&clock, Duration::from_secs(5), || Ok(42));
///
/// clock.advance(Duration::from_secs(4));
/// let answer = deferred::testing::assert_no_result(answer);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(deferred::testing::success_result_of(answer), 42);
/// ```
///
/// *Twisted's `task.Clock`. There, a call without delay runs in the advance that made it, and the list of
/// calls is the clock's own.*
pub struct TestClock {
    inner: Rc<Inner>,
    owner: bool,
}

struct Inner {
    now: Cell<Duration>,
    calls: Calls<TestClock>,
    /// Whether the owner is gone.
    closed: Cell<bool>,
}

impl TestClock {
    /// Makes a clock that shows zero, without calls.
    #[expect(clippy::new_without_default, reason = "the owner is made on purpose")]
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            now: Cell::new(Duration::ZERO),
            calls: Calls::default(),
            closed: Cell::new(false),
        };
        Self {
            inner: Rc::new(inner),
            owner: true,
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.inner.now.get()
    }

    /// Runs `f` when the time has been moved on by `delay`.
    #[track_caller]
    pub fn call_later<R: CallResult + 'static>(
        &self,
        delay: Duration,
        f: impl FnOnce(&Self) -> R + 'static,
    ) -> DelayedCall {
        calls::call_later(&self.inner, delay, Location::caller(), f)
    }

    /// All calls that wait now, in the order in which they are due.
    #[must_use]
    pub fn delayed_calls(&self) -> Vec<DelayedCall> {
        calls::delayed_calls(&self.inner)
    }

    /// Jumps on by this much, and runs the calls that have become due.
    ///
    /// A call may advance the clock itself; what becomes due by that runs inside that call.
    ///
    /// *Twisted's `Clock.advance`.*
    pub fn advance(&self, by: Duration) {
        self.set_to(self.now().saturating_add(by));
        self.run_due_calls();
    }

    /// Jumps on by each of these in turn.
    ///
    /// *Twisted's `Clock.pump`.*
    pub fn pump(&self, by: impl IntoIterator<Item = Duration>) {
        for by in by {
            self.advance(by);
        }
    }

    /// Goes on by this much, and stops on the way at each time at which a call is due.
    ///
    /// A call sees the time at which it was due, and calls that it makes run on this way too if they are
    /// due before its end. One that is made without a delay waits for the next stop.
    pub fn step(&self, by: Duration) {
        let end = self.now().saturating_add(by);
        self.run_due_calls();
        loop {
            let next = self.inner.calls.next_due_after(self.now());
            let Some(next) = next.filter(|next| *next < end) else {
                break;
            };
            self.set_to(next);
            self.run_due_calls();
        }
        if self.now() < end {
            self.set_to(end);
            self.run_due_calls();
        }
    }

    /// Jumps to the time at which the next call is due, and returns whether there was one.
    ///
    /// If it is due already, it runs and no time passes.
    pub fn advance_to_next(&self) -> bool {
        let next = self.inner.calls.next_due();
        if let Some(next) = next {
            self.set_to(next);
            self.run_due_calls();
        }
        next.is_some()
    }

    fn set_to(&self, time: Duration) {
        self.inner.now.set(self.now().max(time));
    }

    /// Runs what is due, except what is made meanwhile.
    fn run_due_calls(&self) {
        let mark = self.inner.calls.mark();
        loop {
            let next = self.inner.calls.take_due(self.now(), mark);
            let Some(call) = next else { break };
            let failure = Failure::catch(|| call.run(self)).unwrap_or_else(Some);
            if let Some(failure) = failure {
                let made = call.made();
                let what = format!("Unhandled error in a delayed call made at {made}");
                report(&what, &failure);
            }
        }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        self.now()
    }

    fn schedule(&self, delay: Duration, work: Work) -> DelayedCall {
        clock::schedule(&self.inner, delay, work)
    }
}

impl Timers for Inner {
    type Caller = TestClock;

    fn calls(&self) -> &Calls<TestClock> {
        &self.calls
    }

    fn time(&self) -> Duration {
        self.now.get()
    }

    fn takes_no_calls(&self) -> bool {
        self.closed.get()
    }
}

impl Clone for TestClock {
    /// Another handle to the same clock, which does not own it.
    fn clone(&self) -> Self {
        Self {
            inner: Rc::clone(&self.inner),
            owner: false,
        }
    }
}

impl Drop for TestClock {
    fn drop(&mut self) {
        if self.owner {
            self.inner.closed.set(true);
            // What is dropped is the program's own, and may panic; the rest is dropped all the same.
            while let Err(panic) = Failure::catch(|| self.inner.calls.clear()) {
                report("Unhandled error in a value that was dropped", &panic);
            }
        }
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClock")
            .field("now", &self.now())
            .field("calls", &self.delayed_calls())
            .finish()
    }
}
