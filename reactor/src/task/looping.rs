//! A function that is called each time an interval has passed.

use std::any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure, Firer, Outcome};

use super::later::off;
use super::{NextTurn, Turns, done};
use crate::clock::Clock;
use crate::delayed::DelayedCall;

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
    inner: Rc<Inner>,
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

type Function = Box<dyn FnMut(&LoopingCall, u64) -> Deferred<()>>;

struct Inner {
    clock: Rc<dyn Clock>,
    /// Taken out while it runs.
    function: Cell<Option<Function>>,
    name: &'static str,
    round: RefCell<Option<Round>>,
}

/// What is between a start and the end that follows it.
struct Round {
    firer: Firer<LoopingCall>,
    interval: Duration,
    /// The first point of the grid.
    begun: Duration,
    /// The time up to which points of the grid were counted; `None` if not even the first one was.
    counted: Option<Duration>,
    waits: Waits,
    /// Where the program started it.
    made: &'static Location<'static>,
}

/// What a loop waits for.
enum Waits {
    /// For this call.
    ForTime(DelayedCall),
    /// For the function to return, or for the Deferred that it returned.
    ForRun,
    /// For the same, to end then.
    ToEnd,
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
            interval,
            begun: self.inner.clock.now(),
            counted,
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
        self.inner.change(|round| {
            round.begun = now;
            round.counted = Some(now);
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
        self.inner.change(|round| round.interval = interval)
    }

    /// The interval, while it runs.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        let round = self.inner.round.borrow();
        round.as_ref().map(|round| round.interval)
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

impl Inner {
    /// Ends the round, and gives its firer; during a run, sees to it that it ends with the run.
    fn stop(&self) -> Result<Option<Firer<LoopingCall>>, LoopError> {
        let mut round = self.round.borrow_mut();
        let waits = &mut round.as_mut().ok_or(LoopError::NotRunning)?.waits;
        match mem::replace(waits, Waits::ToEnd) {
            Waits::ToEnd => Err(LoopError::NotRunning),
            Waits::ForRun => Ok(None),
            Waits::ForTime(call) => {
                let ended = round.take();
                drop(round);
                off(&call);
                Ok(ended.map(|round| round.firer))
            }
        }
    }

    /// Changes the grid, and moves the run that is waited for onto it.
    fn change(&self, change: impl FnOnce(&mut Round)) -> Result<(), LoopError> {
        let now = self.clock.now();
        let mut round = self.round.borrow_mut();
        let round = round.as_mut().ok_or(LoopError::NotRunning)?;
        if matches!(round.waits, Waits::ToEnd) {
            return Err(LoopError::NotRunning);
        }
        change(round);
        if let Waits::ForTime(call) = &round.waits {
            // It waits: this round would be over if the clock had dropped it.
            let _ = call.reset(round.rest(now));
        }
        Ok(())
    }

    fn schedule_turn(self: &Rc<Self>) {
        let now = self.clock.now();
        let next = self
            .round
            .borrow()
            .as_ref()
            .map(|round| (round.rest(now), round.made));
        let Some((rest, made)) = next else { return };
        let turn = NextTurn::work(Rc::clone(self), self.name, made);
        let call = self.clock.schedule(rest, turn);
        if !call.active() {
            self.abandon();
        } else if let Some(round) = &mut *self.round.borrow_mut() {
            round.waits = Waits::ForTime(call);
        }
    }

    /// Ends the round without a result.
    fn abandon(&self) {
        let round = self.round.take();
        drop(round);
    }

    /// Notes that a run begins, and says what it counts, if it is not too early.
    fn begin_run(&self) -> Option<u64> {
        let now = self.clock.now();
        let mut round = self.round.borrow_mut();
        let round = round.as_mut()?;
        round.waits = Waits::ForRun;
        let count = round.count(now);
        if count > 0 {
            round.counted = Some(now);
        }
        (count > 0).then_some(count)
    }

    /// Goes on after a run.
    fn run_ended(self: &Rc<Self>, result: Result<(), Failure>) {
        let looping = LoopingCall {
            inner: Rc::clone(self),
        };
        if result.is_ok() && looping.is_running() {
            self.schedule_turn();
            return;
        }
        let round = self.round.take();
        if let Some(Round { firer, .. }) = round {
            firer.fire(result.map(|()| looping));
        }
    }
}

impl Turns for Inner {
    fn turn(self: Rc<Self>) {
        let Some(count) = self.begin_run() else {
            // The clock was early.
            self.schedule_turn();
            return;
        };
        let looping = LoopingCall {
            inner: Rc::clone(&self),
        };
        // It is there: a round has one run at a time, and a second round does not begin during a run.
        let Some(mut function) = self.function.take() else {
            return;
        };
        let run = function(&looping, count);
        self.function.set(Some(function));
        match run.into_result() {
            Ok(result) => self.run_ended(result),
            Err(run) => run.add_both(move |result| self.run_ended(result)).ignore(),
        }
    }

    fn turn_dropped(self: Rc<Self>) {
        let waits_for_it = matches!(
            &*self.round.borrow(),
            Some(Round {
                waits: Waits::ForTime(_),
                ..
            })
        );
        if waits_for_it {
            self.abandon();
        }
    }
}

impl Round {
    /// How long it is from `now` to the next point of the grid; zero if all time is one point.
    fn rest(&self, now: Duration) -> Duration {
        let interval = self.interval.as_nanos();
        if interval == 0 {
            return Duration::ZERO;
        }
        let passed = now.saturating_sub(self.begun).as_nanos();
        from_nanos(interval - passed % interval)
    }

    /// How many points of the grid there are up to `now` that were not counted.
    fn count(&self, now: Duration) -> u64 {
        if self.interval.is_zero() {
            return 1;
        }
        let count = match self.counted {
            Some(counted) => self
                .points_until(now)
                .saturating_sub(self.points_until(counted)),
            None => self.points_until(now) + 1,
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// How many points of the grid there are after the first one, up to `time`.
    fn points_until(&self, time: Duration) -> u128 {
        time.saturating_sub(self.begun).as_nanos() / self.interval.as_nanos()
    }
}

/// A duration of at most that of an interval, which fits.
fn from_nanos(nanos: u128) -> Duration {
    const NANOS_PER_SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    // The remainder is less than a second.
    Duration::new(seconds, (nanos % NANOS_PER_SECOND) as u32)
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
