//! Seeing what a loop does: counters, and callbacks that hold it up.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Failure, report};

use crate::{Descriptor, Reactor};

/// What a reactor has done since it was made; see [`Reactor::stats`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Turns of the loop.
    pub turns: u64,
    /// Descriptors that were found ready, each as often as it was.
    pub events: u64,
    /// Delayed calls that have run.
    pub delayed_calls: u64,
    /// Calls from other threads that have run.
    pub calls_from_threads: u64,
    /// By how much the latest of all delayed calls came too late, from when it was due to the beginning of the
    /// calls of its turn.
    pub lag: Duration,
    /// How long the callbacks of the loop took together, while they were [watched](Reactor::watch_callbacks).
    pub busy: Duration,
    /// How long the loop waited for something to happen, while its callbacks were watched.
    pub idle: Duration,
    /// The callback that took longest, of those that were watched.
    pub longest: Option<SlowCallback>,
}

impl Stats {
    /// Which part of the time that was watched the loop spent waiting, from 0 to 1; none if nothing was.
    #[must_use]
    pub fn idle_share(&self) -> Option<f64> {
        let all = self.busy + self.idle;
        (!all.is_zero()).then(|| self.idle.as_secs_f64() / all.as_secs_f64())
    }
}

/// A callback, and how long the loop stood still for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowCallback {
    /// What it was, with the place where it was registered, or the
    /// [name](crate::Descriptor::log_prefix) of its descriptor.
    pub what: String,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for SlowCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} held up the loop for {:?}", self.what, self.took)
    }
}

type Hook = dyn Fn(&SlowCallback);

/// What is counted, and whether callbacks are watched.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) turns: Cell<u64>,
    pub(crate) events: Cell<u64>,
    pub(crate) delayed_calls: Cell<u64>,
    pub(crate) calls_from_threads: Cell<u64>,
    lag: Cell<Duration>,
    watching: Cell<bool>,
    /// How long those took that the callback which is measured now has called in turn.
    inner: Cell<Duration>,
    threshold: Cell<Duration>,
    hook: RefCell<Option<Rc<Hook>>>,
    busy: Cell<Duration>,
    idle: Cell<Duration>,
    longest: RefCell<Option<SlowCallback>>,
}

impl Watch {
    /// Notes that a delayed call runs this much later than it was due.
    pub(crate) fn late_by(&self, lag: Duration) {
        add(&self.delayed_calls, 1);
        self.lag.set(self.lag.get().max(lag));
    }

    /// Forgets whom to tell of slow callbacks.
    pub(crate) fn clear(&self) {
        self.watching.set(false);
        let hook = self.hook.take();
        drop(hook);
    }
}

pub(crate) fn add(counter: &Cell<u64>, n: usize) {
    counter.set(counter.get() + n as u64);
}

/// The name of a descriptor, which is the program's own to tell, and may panic.
pub(crate) fn prefix_of(descriptor: &dyn Descriptor) -> String {
    Failure::catch(|| descriptor.log_prefix()).unwrap_or_else(|panic| {
        report("Unhandled error in log_prefix", &panic);
        String::from("a descriptor without a name")
    })
}

impl Reactor {
    /// What the loop has done since the reactor was made.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let watch = &self.core.watch;
        Stats {
            turns: watch.turns.get(),
            events: watch.events.get(),
            delayed_calls: watch.delayed_calls.get(),
            calls_from_threads: watch.calls_from_threads.get(),
            lag: watch.lag.get(),
            busy: watch.busy.get(),
            idle: watch.idle.get(),
            longest: watch.longest.borrow().clone(),
        }
    }

    /// Measures each callback of the loop from now on, and calls `hook` after each that took `threshold` or longer.
    ///
    /// While a callback runs, nothing else of the loop does: one that blocks is why all others come late. To
    /// measure costs two looks at the clock for a callback; it costs nothing until this is called, and after
    /// [`unwatch_callbacks`](Self::unwatch_callbacks). The hook is no callback that is measured.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.watch_callbacks(Duration::from_millis(100), |slow| log::warn!("{slow}"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// *As asyncio does in its debug mode, with `slow_callback_duration`.*
    pub fn watch_callbacks(&self, threshold: Duration, hook: impl Fn(&SlowCallback) + 'static) {
        if self.core.is_gone() {
            return;
        }
        let watch = &self.core.watch;
        watch.threshold.set(threshold);
        watch.watching.set(true);
        let before = watch.hook.replace(Some(Rc::new(hook)));
        drop(before);
    }

    /// Measures callbacks no longer.
    pub fn unwatch_callbacks(&self) {
        self.core.watch.clear();
    }

    /// Calls `f`, and measures it if callbacks are watched; `what` says what it was.
    #[inline(always)]
    pub(crate) fn watched<R>(&self, what: impl FnOnce() -> String, f: impl FnOnce() -> R) -> R {
        if !self.is_watching() {
            return f();
        }
        self.measured(what, f)
    }

    /// Calls `f`, and measures it.
    #[cold]
    fn measured<R>(&self, what: impl FnOnce() -> String, f: impl FnOnce() -> R) -> R {
        let watch = &self.core.watch;
        let (begun, inner_of_outer) = (self.now(), watch.inner.take());
        let result = f();
        let all = self.now().saturating_sub(begun);
        let inner = watch.inner.replace(inner_of_outer + all);
        self.took(all.saturating_sub(inner), what);
        result
    }

    /// Whether callbacks are watched now.
    pub(crate) fn is_watching(&self) -> bool {
        self.core.watch.watching.get()
    }

    fn took(&self, took: Duration, what: impl FnOnce() -> String) {
        let watch = &self.core.watch;
        watch.busy.set(watch.busy.get() + took);
        let slow = took >= watch.threshold.get();
        let longest = watch.longest.borrow().as_ref().map(|longest| longest.took);
        let is_longest = longest.is_none_or(|longest| took > longest);
        if !slow && !is_longest {
            return;
        }
        let callback = SlowCallback { what: what(), took };
        if is_longest {
            watch.longest.replace(Some(callback.clone()));
        }
        let hook = watch.hook.borrow().clone();
        if let Some(hook) = hook.filter(|_| slow)
            && let Err(panic) = Failure::catch(|| hook(&callback))
        {
            report("Unhandled error in the hook for slow callbacks", &panic);
        }
    }

    /// Calls `wait`, and measures it as idle time if callbacks are watched.
    #[inline]
    pub(crate) fn waiting<R>(&self, wait: impl FnOnce() -> R) -> R {
        if !self.core.watch.watching.get() {
            return wait();
        }
        let begun = self.now();
        let result = wait();
        let idle = &self.core.watch.idle;
        idle.set(idle.get() + self.now().saturating_sub(begun));
        result
    }
}
