//! A function that is called later, with a Deferred of what it returns.

use std::any;
use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Outcome};

use crate::clock::{Clock, Work};
use crate::delayed::DelayedCall;

/// Calls `f` once `delay` has passed; the Deferred ends with what it returns.
///
/// If it returns a Deferred, with what that one ends with. Cancelled before the time has come, it takes the call off
/// the clock, and `f` is dropped and never called; cancelled later, it cancels what `f` returned. If the
/// clock does not get there, it ends with [`Abandoned`](deferred::Abandoned).
///
/// # Examples
///
/// ```
/// use deferred::testing;
/// use reactor::task::defer_later;
/// use reactor::testing::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let page = defer_later(&clock, Duration::from_secs(3), || Ok("the last page"));
/// clock.advance(Duration::from_secs(3));
/// assert_eq!(testing::success_result_of(page), "the last page");
/// ```
///
/// *Twisted's `task.deferLater`.*
#[track_caller]
pub fn defer_later<R: Outcome<Value: 'static>, F: FnOnce() -> R + 'static>(
    clock: &(impl Clock + ?Sized),
    delay: Duration,
    f: F,
) -> Deferred<R::Value> {
    on_time(clock, delay, any::type_name::<F>()).add_callback(move |()| f())
}

/// A Deferred that fires once `delay` has passed.
///
/// *Twisted's `deferLater` without a function.*
#[track_caller]
pub fn sleep(clock: &(impl Clock + ?Sized), delay: Duration) -> Deferred<()> {
    on_time(clock, delay, "reactor::task::sleep")
}

/// A Deferred that fires once `delay` has passed, for the sake of the function with this name.
#[track_caller]
fn on_time(clock: &(impl Clock + ?Sized), delay: Duration, name: &'static str) -> Deferred<()> {
    let made = Location::caller();
    let call = Rc::new(Cell::new(None));
    let to_cancel = Rc::clone(&call);
    let (firer, deferred) = Deferred::with_canceller(move |_| {
        // The firer, which the call owns, goes with it; the chain then ends as cancelled.
        if let Some(call) = to_cancel.take() {
            off(&call);
        }
    });
    let work = Work::new(move || {
        firer.callback(());
    });
    let waiting = clock.schedule(delay, work.on_behalf_of(name, made));
    if waiting.active() {
        call.set(Some(waiting));
    }
    deferred
}

/// Takes a call off its clock, if it is still there.
pub(super) fn off(call: &DelayedCall) {
    // One that runs, or was dropped by its clock, is not there any more.
    let _ = call.cancel();
}
