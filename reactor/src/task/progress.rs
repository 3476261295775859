//! One task of a cooperator.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use deferred::{Deferred, Failure, Firer, Outcome, report};

use super::cooperator::Inner;

/// A task of a [`Cooperator`](super::Cooperator): to pause or stop it, and to learn when it is done.
///
/// Dropping this does nothing to a task that has work to do or waits for a Deferred; one that is paused goes with the
/// last handle to it. Clones are the same task.
///
/// # Examples
///
/// ```
/// use reactor::task::{Cooperator, TaskError};
/// use reactor::testing::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let task = Cooperator::new(&clock).cooperate((0..).map(|n| println!("{n}")));
/// let end = task.when_done();
///
/// task.stop()?;
///
/// clock.advance(Duration::ZERO); // Prints nothing.
/// deferred::testing::failure_result_of::<TaskError, _>(end);
/// # Ok::<(), TaskError>(())
/// ```
///
/// *Twisted's `task.CooperativeTask`.*
pub struct CooperativeTask<I: 'static> {
    task: Rc<Task<I>>,
    cooperator: Rc<Inner>,
}

/// Why a task did not come to its end, or cannot be paused, resumed or stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It was to be resumed, and is not paused.
    #[error("the task is not paused")]
    NotPaused,
    /// It was stopped.
    #[error("the task was stopped")]
    Stopped,
    /// Its cooperator was stopped, or the clock of that is gone.
    #[error("the cooperator of the task was stopped")]
    SchedulerStopped,
    /// It has come to its end.
    #[error("the task is done")]
    Exhausted,
    /// It has failed.
    #[error("the task has failed")]
    Failed,
}

/// A task, whatever its iterator is, as its cooperator sees it.
pub(super) trait Member {
    /// When its turn is, if it stands in the row.
    fn turn(&self) -> &Cell<Option<u64>>;

    /// Does one unit of work.
    fn work(self: Rc<Self>, cooperator: &Rc<Inner>);

    fn scheduler_stopped(&self);
}

struct Task<I: 'static> {
    /// Taken out while it works, and when it has ended.
    steps: Cell<Option<I>>,
    turn: Cell<Option<u64>>,
    pauses: Cell<usize>,
    /// Whether it waits for a Deferred.
    waits: Cell<bool>,
    ended: RefCell<Option<Ended<I>>>,
    /// Those who wait for the end, in the order in which they asked.
    waiting: RefCell<BTreeMap<u64, Firer<Rc<I>>>>,
    asked: Cell<u64>,
}

/// How a task has ended.
enum Ended<I> {
    Exhausted(Rc<I>),
    Failed(Failure),
    Stopped(TaskError),
}

impl<I> CooperativeTask<I>
where
    I: Iterator<Item: Outcome<Value: 'static>> + 'static,
{
    pub(super) fn begin(steps: I, cooperator: &Rc<Inner>) -> Self {
        let task = Rc::new(Task {
            steps: Cell::new(Some(steps)),
            turn: Cell::new(None),
            pauses: Cell::new(0),
            waits: Cell::new(false),
            ended: RefCell::default(),
            waiting: RefCell::default(),
            asked: Cell::new(0),
        });
        task.go_on(cooperator);
        Self {
            task,
            cooperator: Rc::clone(cooperator),
        }
    }

    /// Takes the task out for good: its iterator is dropped, and those who wait for its end get [`TaskError::Stopped`].
    ///
    /// A Deferred for which it waits is not cancelled; a failure with which that ends is reported then.
    ///
    /// # Errors
    ///
    /// How it has ended, if it has.
    pub fn stop(&self) -> Result<(), TaskError> {
        self.task.check()?;
        self.cooperator.leave(&self.task.turn);
        self.task.end(Ended::Stopped(TaskError::Stopped));
        Ok(())
    }

    /// Has it take no turns until it is resumed as often as it was paused.
    ///
    /// # Errors
    ///
    /// How it has ended, if it has.
    pub fn pause(&self) -> Result<(), TaskError> {
        self.task.check()?;
        self.task.pauses.set(self.task.pauses.get() + 1);
        self.cooperator.leave(&self.task.turn);
        Ok(())
    }

    /// Takes one pause back. Nothing is done inside this call; the task goes on at the next step.
    ///
    /// # Errors
    ///
    /// [`TaskError::NotPaused`]
    pub fn resume(&self) -> Result<(), TaskError> {
        let pauses = self.task.pauses.get();
        let fewer = pauses.checked_sub(1).ok_or(TaskError::NotPaused)?;
        self.task.pauses.set(fewer);
        self.task.go_on(&self.cooperator);
        Ok(())
    }

    /// A Deferred that fires with the iterator when that has come to its end.
    ///
    /// If the task fails, it ends with that failure; if it was stopped, with [`TaskError::Stopped`]; if its cooperator
    /// was, with [`TaskError::SchedulerStopped`]. Each call gives a Deferred of its own, which has its result
    /// already if the task has ended. Cancelling one does nothing to the task. A failure of a
    /// task of which nobody has asked this is reported when its last handle is dropped.
    #[track_caller]
    pub fn when_done(&self) -> Deferred<Rc<I>> {
        let number = self.task.asked.get();
        self.task.asked.set(number + 1);
        if let Some(ended) = &*self.task.ended.borrow() {
            return Deferred::from_result(ended.result());
        }
        let task = Rc::downgrade(&self.task);
        let (firer, deferred) = Deferred::with_canceller(move |_| {
            if let Some(task) = task.upgrade() {
                let own = task.waiting.borrow_mut().remove(&number);
                drop(own);
            }
        });
        self.task.waiting.borrow_mut().insert(number, firer);
        deferred
    }
}

impl<I: 'static> Clone for CooperativeTask<I> {
    /// Another handle to the same task.
    fn clone(&self) -> Self {
        Self {
            task: Rc::clone(&self.task),
            cooperator: Rc::clone(&self.cooperator),
        }
    }
}

impl<I> Task<I>
where
    I: Iterator<Item: Outcome<Value: 'static>> + 'static,
{
    /// Gives the task its next turn, unless something holds it.
    fn go_on(self: &Rc<Self>, cooperator: &Rc<Inner>) {
        let held = self.pauses.get() > 0
            || self.waits.get()
            || self.turn.get().is_some()
            || self.ended.borrow().is_some();
        if !held {
            cooperator.line_up(self.clone());
        }
    }

    /// Goes on, or fails, when a Deferred that the iterator gave has fired.
    fn waited<T>(
        self: &Rc<Self>,
        result: Result<T, Failure>,
        cooperator: &Rc<Inner>,
    ) -> Result<(), Failure> {
        self.waits.set(false);
        match result {
            Ok(_) => self.go_on(cooperator),
            // Nobody waits for it any more: the chain reports it.
            Err(failure) if self.ended.borrow().is_some() => return Err(failure),
            Err(failure) => self.end(Ended::Failed(failure)),
        }
        Ok(())
    }
}

impl<I> Member for Task<I>
where
    I: Iterator<Item: Outcome<Value: 'static>> + 'static,
{
    fn turn(&self) -> &Cell<Option<u64>> {
        &self.turn
    }

    fn work(self: Rc<Self>, cooperator: &Rc<Inner>) {
        // It is there: whoever stands in the row has not ended, and does not work.
        let Some(mut steps) = self.steps.take() else {
            return;
        };
        let step = Failure::catch(|| steps.next().map(Outcome::settle));
        let stopped = self.ended.borrow().is_some();
        match step {
            // What was given after it was stopped is of no use; a failure is reported by this drop.
            Ok(Some(Ok(result))) if stopped => drop(Deferred::from_result(result)),
            Ok(None) if !stopped => self.end(Ended::Exhausted(Rc::new(steps))),
            Ok(Some(Ok(Err(failure)))) | Err(failure) => {
                drop(steps);
                self.end(Ended::Failed(failure));
            }
            Ok(Some(Ok(Ok(_)))) => {
                self.steps.set(Some(steps));
                self.go_on(cooperator);
            }
            Ok(Some(Err(waiting))) => {
                self.waits.set(true);
                if !stopped {
                    self.steps.set(Some(steps));
                }
                let cooperator = Rc::clone(cooperator);
                drop(waiting.add_both(move |result| self.waited(result, &cooperator)));
            }
            Ok(None) => {}
        }
    }

    fn scheduler_stopped(&self) {
        self.end(Ended::Stopped(TaskError::SchedulerStopped));
    }
}

impl<I: 'static> Task<I> {
    /// How it has ended, if it has.
    fn check(&self) -> Result<(), TaskError> {
        match &*self.ended.borrow() {
            None => Ok(()),
            Some(Ended::Exhausted(_)) => Err(TaskError::Exhausted),
            Some(Ended::Failed(_)) => Err(TaskError::Failed),
            Some(Ended::Stopped(error)) => Err(*error),
        }
    }

    /// Ends it, and tells those who wait for that.
    fn end(&self, ended: Ended<I>) {
        drop(self.steps.take());
        let result = ended.result();
        self.ended.replace(Some(ended));
        loop {
            let next = self.waiting.borrow_mut().pop_first();
            let Some((_, firer)) = next else { break };
            firer.fire(result.clone());
        }
    }
}

impl<I: 'static> Drop for Task<I> {
    fn drop(&mut self) {
        if let Some(Ended::Failed(failure)) = self.ended.get_mut()
            && self.asked.get() == 0
        {
            report("Unhandled error in a task of a cooperator", failure);
        }
    }
}

impl<I> Ended<I> {
    fn result(&self) -> Result<Rc<I>, Failure> {
        match self {
            Self::Exhausted(steps) => Ok(Rc::clone(steps)),
            Self::Failed(failure) => Err(failure.clone()),
            Self::Stopped(error) => Err(Failure::without_backtrace(*error)),
        }
    }
}

impl<I: 'static> fmt::Debug for CooperativeTask<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.task.check() {
            Err(error) => error.to_string(),
            Ok(()) if self.task.pauses.get() > 0 => String::from("paused"),
            Ok(()) if self.task.waits.get() => String::from("waits for a Deferred"),
            Ok(()) => String::from("has work to do"),
        };
        write!(f, "CooperativeTask({state})")
    }
}
