//! Long work that is done in small steps, so that the loop can turn between them.

use std::any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Failure, Outcome, report};

use super::later::off;
use super::progress::{CooperativeTask, Member};
use super::{NextTurn, Turns};
use crate::clock::{Clock, Work};
use crate::delayed::DelayedCall;

/// How long a step takes by default: short enough for nobody to notice that the loop stood still.
const STEP: Duration = Duration::from_millis(10);

/// Shares the time of one thread between tasks that are iterators: what an iterator does for one item is one unit of work.
///
/// The tasks take turns, one unit each, in the order in which they were added. The work is done in steps, between which
/// the loop turns; a step ends when its predicate says so, which is made anew for each step, and asked after each unit. By
/// default it does so after ten milliseconds, and the next step comes in the next turn. Nothing is scheduled while
/// there is nothing to do.
///
/// An item is `()`, a `Result` whose error ends the task, or a Deferred, for which the task waits while others work. (An
/// iterator that waits only now and then gives [`Deferred::succeed`](deferred::Deferred::succeed) else, which costs nothing.)
///
/// A Deferred is given by value, so that nobody else can add to it or see it without a result:
///
/// ```compile_fail,E0382
/// # use deferred::Deferred;
/// # use reactor::task::Cooperator;
/// # use reactor::testing::TestClock;
/// # let clock = TestClock::new();
/// let page = Deferred::<()>::succeed(());
/// let task = Cooperator::new(&clock).cooperate([page]);
/// page.map(|()| println!("turned"));
/// ```
///
/// A `Cooperator` is a handle; clones share the tasks, and the work goes on when all of them are dropped.
///
/// # Examples
///
/// ```
/// use deferred::testing;
/// use reactor::task::Cooperator;
/// use reactor::testing::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let cooperator = Cooperator::new(&clock);
/// let counting = cooperator.cooperate((1..=3).map(|n| println!("{n}")));
/// let spelling = cooperator.cooperate("abc".chars().map(|c| println!("{c}")));
///
/// clock.advance(Duration::ZERO); // Prints 1, a, 2, b, 3, c.
///
/// testing::success_result_of(counting.when_done());
/// testing::success_result_of(spelling.when_done());
/// ```
///
/// *Twisted's `task.Cooperator`, and its module's `cooperate`, which use one global cooperator; `coiterate` is
/// `cooperate(…).when_done()` here.*
#[derive(Clone)]
pub struct Cooperator {
    inner: Rc<Inner>,
}

type Predicate = Box<dyn FnMut() -> bool>;

pub(super) struct Inner {
    schedule: Box<dyn Fn(Work) -> DelayedCall>,
    make_predicate: Box<dyn Fn() -> Predicate>,
    state: Cell<State>,
    /// The tasks that have work to do, by when their turn is.
    row: RefCell<BTreeMap<u64, Rc<dyn Member>>>,
    turns: Cell<u64>,
    /// The next step, if it is scheduled.
    next_step: Cell<Option<DelayedCall>>,
    in_step: Cell<bool>,
    made: &'static Location<'static>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NotStarted,
    Running,
    Stopped,
}

impl Cooperator {
    /// Makes a cooperator whose steps take ten milliseconds by this clock.
    ///
    /// By a [`TestClock`](crate::testing::TestClock), which stands still during a step, a step goes on until all
    /// tasks wait or have ended.
    #[track_caller]
    pub fn new(clock: &(impl Clock + Clone + 'static)) -> Self {
        let timer = clock.clone();
        Self::with_predicate(clock, move || {
            let timer = timer.clone();
            let end = timer.now().saturating_add(STEP);
            move || timer.now() >= end
        })
    }

    /// Makes a cooperator each of whose steps ends when the predicate that is made for it says `true`.
    ///
    /// It is asked after each unit of work, so that each step does at least one.
    #[track_caller]
    pub fn with_predicate<P: FnMut() -> bool + 'static>(
        clock: &(impl Clock + Clone + 'static),
        make_predicate: impl Fn() -> P + 'static,
    ) -> Self {
        let clock = clock.clone();
        Self::with_scheduler(
            move |step| clock.schedule(Duration::ZERO, step),
            make_predicate,
        )
    }

    /// Makes a cooperator whose steps are scheduled by this function, and end as with
    /// [`with_predicate`](Self::with_predicate).
    ///
    /// The function must not do the work that it is given itself, and returns the call that will.
    #[track_caller]
    pub fn with_scheduler<P: FnMut() -> bool + 'static>(
        schedule: impl Fn(Work) -> DelayedCall + 'static,
        make_predicate: impl Fn() -> P + 'static,
    ) -> Self {
        let inner = Inner {
            schedule: Box::new(schedule),
            make_predicate: Box::new(move || Box::new(make_predicate())),
            state: Cell::new(State::Running),
            row: RefCell::default(),
            turns: Cell::new(0),
            next_step: Cell::default(),
            in_step: Cell::new(false),
            made: Location::caller(),
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    /// Has it wait for [`start`](Self::start): it takes tasks, and does nothing with them yet.
    #[must_use]
    pub fn not_started(self) -> Self {
        self.inner.state.set(State::NotStarted);
        self.inner.cancel_step();
        self
    }

    /// Adds a task. None of it is done inside this call.
    ///
    /// A cooperator that was stopped takes none: the task has ended already, with [`TaskError::SchedulerStopped`](super::TaskError).
    pub fn cooperate<I>(&self, steps: I) -> CooperativeTask<I::IntoIter>
    where
        I: IntoIterator<Item: Outcome<Value: 'static>, IntoIter: 'static>,
    {
        CooperativeTask::begin(steps.into_iter(), &self.inner)
    }

    /// Starts it, or starts it again after it was stopped.
    pub fn start(&self) {
        self.inner.state.set(State::Running);
        self.inner.schedule_step();
    }

    /// Ends all tasks that have work to do, with [`TaskError::SchedulerStopped`](super::TaskError).
    ///
    /// A task that is paused or waits for a Deferred ends when it would have gone on. Without effect if it was
    /// stopped already.
    pub fn stop(&self) {
        self.inner.stop();
    }

    /// Whether it was started, and not stopped since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.inner.state.get() == State::Running
    }
}

impl Inner {
    /// Gives `member` a turn after all others.
    pub(super) fn line_up(self: &Rc<Self>, member: Rc<dyn Member>) {
        if self.state.get() == State::Stopped {
            member.scheduler_stopped();
            return;
        }
        let turn = self.turns.get();
        self.turns.set(turn + 1);
        member.turn().set(Some(turn));
        self.row.borrow_mut().insert(turn, member);
        self.schedule_step();
    }

    /// Takes the one with this turn out of the row, if it stands there.
    pub(super) fn leave(&self, turn: &Cell<Option<u64>>) {
        if let Some(turn) = turn.take() {
            let left = self.row.borrow_mut().remove(&turn);
            drop(left);
            if self.row.borrow().is_empty() {
                self.cancel_step();
            }
        }
    }

    fn schedule_step(self: &Rc<Self>) {
        let next_step = self.next_step.take();
        let wanted = self.state.get() == State::Running
            && !self.in_step.get()
            && !self.row.borrow().is_empty();
        if next_step.is_some() || !wanted {
            self.next_step.set(next_step);
            return;
        }
        let name = any::type_name::<Cooperator>();
        let step = NextTurn::work(Rc::clone(self), name, self.made);
        let call = (self.schedule)(step);
        if call.active() {
            self.next_step.set(Some(call));
        } else {
            self.stop();
        }
    }

    fn cancel_step(&self) {
        if let Some(step) = self.next_step.take() {
            off(&step);
        }
    }

    fn stop(&self) {
        self.state.set(State::Stopped);
        self.cancel_step();
        let row = mem::take(&mut *self.row.borrow_mut());
        for member in row.into_values() {
            member.turn().set(None);
            member.scheduler_stopped();
        }
    }

    /// Does one step.
    fn step(self: &Rc<Self>) {
        let mut is_over = (self.make_predicate)();
        loop {
            let next = self.row.borrow_mut().pop_first();
            let Some((_, member)) = next else { break };
            member.turn().set(None);
            member.work(self);
            if is_over() {
                break;
            }
        }
    }
}

impl Turns for Inner {
    fn turn(self: Rc<Self>) {
        self.next_step.set(None);
        self.in_step.set(true);
        let stepped = Failure::catch(|| self.step());
        self.in_step.set(false);
        if let Err(panic) = stepped {
            report("Unhandled error in the predicate of a cooperator", &panic);
        }
        self.schedule_step();
    }

    fn turn_dropped(self: Rc<Self>) {
        if self.next_step.take().is_some() {
            self.stop();
        }
    }
}

impl fmt::Debug for Cooperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.inner.state.get() {
            State::NotStarted => "not started",
            State::Running => "running",
            State::Stopped => "stopped",
        };
        let waiting = self.inner.row.borrow().len();
        write!(f, "Cooperator({state}, {waiting} tasks with work to do)")
    }
}
