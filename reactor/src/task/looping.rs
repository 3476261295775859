//! A function that is called each time an interval has passed.

use std::any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Outcome};

use super::grid::Grid;
use super::round::{Function, Inner, Round, Waits};
use super::{Turns, done};
use crate::clock::Clock;

/// Calls a function at the points of a grid: when it is started, and each time an interval has passed since then.
///
/// A run that is late does not put off those that follow it: the next one comes at the first point of
/// the grid after the run has ended. Points that have passed meanwhile are left out, never made up for;
/// [`with_count`](Self::with_count) tells the function how many they were. If the function returns a Deferred, the run
/// ends when that has fired. With an interval of zero it is called once in each turn of the reactor.
///
/// The function is given the loop itself, to [`stop`](Self::stop) it or change it. When it fails, the loop ends, with its
/// failure. The loop runs on its clock whether or not anybody keeps the `LoopingCall`, which is a handle, to be
/// cloned where several need one.
///
/// # Examples
///
/// ```
/// use reactor::task::LoopingCall;
/// use reactor::testing::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let mut verses = vec!["The third", "The second", "The first"];
/// let recital = LoopingCall::new(&clock, move |recital| match verses.pop() {
///     Some(verse) => println!("{verse}"),
///     None => recital.stop().expect("it runs"),
/// });
///
/// let end = recital.start(Duration::from_secs(2))?;
/// clock.pump([Duration::from_secs(2); 3]);
///
/// assert!(!recital.is_running());
/// deferred::testing::success_result_of(end);
/// # Ok::<(), reactor::task::LoopError>(())
/// ```
///
/// *Twisted's `task.LoopingCall`. There, the function is given nothing; a loop that is reset while its function runs
/// stays on its old grid; and one that is started again counts the points of its pause.*
#[derive(Clone)]
pub struct LoopingCall {
    pub(super) inner: Rc<Inner>,
}

/// What a loop cannot do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoopError {
    /// It runs already, or it was stopped, but its last run has not ended.
    #[error("the loop is already running")]
    AlreadyRunning,
    /// It does not run, or was stopped already.
    #[error("the loop is not running")]
    NotRunning,
}

impl LoopingCall {
    /// Makes a loop that will call `f`; [`start`](Self::start) starts it.
    pub fn new<R, F>(clock: &(impl Clock + Clone + 'static), f: F) -> Self
    where
        R: Outcome<Value: 'static>,
        F: FnMut(&Self) -> R + 'static,
    {
        let mut f = f;
        let function = move |looping: &Self, _| done(|| f(looping));
        Self::with_function(clock, any::type_name::<F>(), Box::new(function))
    }

    /// Makes a loop that will tell `f` each time how many points of the grid have passed since its last run.
    ///
    /// That is 1 if it is in time, and for the run at the start; more, if points were left out. It is
    /// never 0, and all counts together are the points that have passed since the start. With an
    /// interval of zero it is always 1.
    ///
    /// *Twisted's `LoopingCall.withCount`.*
    pub fn with_count<R, F>(clock: &(impl Clock + Clone + 'static), f: F) -> Self
    where
        R: Outcome<Value: 'static>,
        F: FnMut(&Self, u64) -> R + 'static,
    {
        let mut f = f;
        let function = move |looping: &Self, count| done(|| f(looping, count));
        Self::with_function(clock, any::type_name::<F>(), Box::new(function))
    }

    fn with_function(
        clock: &(impl Clock + Clone + 'static),
        name: &'static str,
        function: Function,
    ) -> Self {
        let inner = Inner {
            clock: Rc::new(clock.clone()),
            function: Cell::new(Some(function)),
            name,
            round: RefCell::default(),
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    /// Calls the function now, inside this call, and then each time `interval` has passed.
    ///
    /// The Deferred fires with the loop when it is stopped: inside the call of [`stop`](Self::stop), or if that was made during a
    /// run, when the run has ended. If the function fails, it ends with that failure. Cancelling
    /// it stops the loop. If the clock makes no calls any more, it ends with [`Abandoned`](deferred::Abandoned).
    ///
    /// # Errors
    ///
    /// [`LoopError::AlreadyRunning`]
    #[track_caller]
    pub fn start(&self, interval: Duration) -> Result<Deferred<Self>, LoopError> {
        let end = self.begin(interval, None)?;
        Rc::clone(&self.inner).turn();
        Ok(end)
    }

    /// Starts the loop as [`start`](Self::start) does, but calls the function for the first time when
    /// `interval` has passed.
    ///
    /// # Errors
    ///
    /// [`LoopError::AlreadyRunning`]
    ///
    /// *Twisted's `start(interval, now=False)`.*
    #[track_caller]
    pub fn start_later(&self, interval: Duration) -> Result<Deferred<Self>, LoopError> {
        let end = self.begin(interval, Some(self.inner.clock.now()))?;
        self.inner.schedule_turn();
        Ok(end)
    }

    #[track_caller]
    fn begin(
        &self,
        interval: Duration,
        counted: Option<Duration>,
    ) -> Result<Deferred<Self>, LoopError> {
        if self.inner.round.borrow().is_some() {
            return Err(LoopError::AlreadyRunning);
        }
        let inner = Rc::downgrade(&self.inner);
        let (firer, end) = Deferred::with_canceller(move |_| {
            // The loop's own firer is dropped here, or later refused.
            drop(inner.upgrade().map(|inner| inner.stop()));
        });
        let round = Round {
            firer,
            grid: Grid {
                interval,
                begun: self.inner.clock.now(),
                counted,
            },
            waits: Waits::ForRun,
            made: Location::caller(),
        };
        self.inner.round.replace(Some(round));
        Ok(end)
    }

    /// Ends the loop: the function is not called again.
    ///
    /// A Deferred that the function has returned is not cancelled; the loop's end waits for it.
    ///
    /// # Errors
    ///
    /// [`LoopError::NotRunning`]
    pub fn stop(&self) -> Result<(), LoopError> {
        if let Some(firer) = self.inner.stop()? {
            firer.callback(self.clone());
        }
        Ok(())
    }

    /// Begins a new grid now: the next run comes when the interval has passed.
    ///
    /// # Errors
    ///
    /// [`LoopError::NotRunning`]
    pub fn reset(&self) -> Result<(), LoopError> {
        let now = self.inner.clock.now();
        self.inner.change(|grid| {
            grid.begun = now;
            grid.counted = Some(now);
        })
    }

    /// Changes the interval, from the same beginning: the next run comes at the first point of the new grid.
    ///
    /// # Errors
    ///
    /// [`LoopError::NotRunning`]
    ///
    /// *Twisted's attribute `interval`, which leaves a run that is waited for where it was.*
    pub fn set_interval(&self, interval: Duration) -> Result<(), LoopError> {
        self.inner.change(|grid| grid.interval = interval)
    }

    /// The interval, while it runs.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        let round = self.inner.round.borrow();
        round.as_ref().map(|round| round.grid.interval)
    }

    /// Whether it was started, and was not stopped and has not failed since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let round = self.inner.round.borrow();
        round
            .as_ref()
            .is_some_and(|round| !matches!(round.waits, Waits::ToEnd))
    }
}

impl fmt::Debug for LoopingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.interval() {
            Some(interval) => write!(
                f,
                "LoopingCall(every {interval:?}, calls {})",
                self.inner.name
            ),
            None => write!(f, "LoopingCall(not running, calls {})", self.inner.name),
        }
    }
}
