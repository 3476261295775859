//! What is done again and again, later, little by little, or not for too long.
//!
//! | task | what it does |
//! |---|---|
//! | [`defer_later`], [`sleep`] | calls a function later, and gives a Deferred of its result |
//! | [`LoopingCall`] | calls a function each time an interval has passed |
//! | [`timeout`], [`AddTimeout`] | cancels a chain that takes too long |
//! | [`Cooperator`] | does long work in small steps, several at once, between which the loop turns |
//! | [`react`] | runs a whole program on a reactor of its own |
//! | [`FilesystemLock`] | waits for a lock that other processes hold |
//!
//! All but `react` take a [`Clock`](crate::Clock): the reactor in a program, a
//! [`TestClock`](crate::testing::TestClock) in a test, which then takes no time. Tasks own what they call, and
//! their clock owns them while something is to come. When the clock is gone or the reactor has stopped, so are they: what
//! they held is dropped, and the Deferreds that they gave end with [`Abandoned`](deferred::Abandoned) (those of a
//! cooperator's tasks with [`TaskError::SchedulerStopped`]).
//!
//! *Twisted's `twisted.internet.task`, `Deferred.addTimeout` and `twisted.python.lockfile`.*

mod cooperator;
mod grid;
mod later;
mod lock;
mod looping;
mod progress;
mod react;
mod round;
mod timeout;

use std::panic::Location;
use std::rc::Rc;

use deferred::{Deferred, Failure, Outcome};

pub use self::cooperator::Cooperator;
pub use self::later::{defer_later, sleep};
pub use self::lock::{FilesystemLock, LockError};
pub use self::looping::{LoopError, LoopingCall};
pub use self::progress::{CooperativeTask, TaskError};
pub use self::react::{Exit, react, react_with};
pub use self::timeout::{AddTimeout, TimeoutError, timeout, timeout_with};

use crate::clock::Work;

/// A task that has its turns from a clock.
trait Turns: 'static {
    fn turn(self: Rc<Self>);

    /// Called when the clock has dropped the call of the next turn, also if that was cancelled.
    fn turn_dropped(self: Rc<Self>);
}

/// The next turn of a task, to be given to a clock.
struct NextTurn<T: Turns>(Option<Rc<T>>);

impl<T: Turns> NextTurn<T> {
    /// The work that is the turn; it goes by the name of the function of the program that it will call.
    fn work(task: Rc<T>, name: &'static str, made: &'static Location<'static>) -> Work {
        let mut next = Self(Some(task));
        let turn = Work::new(move || {
            if let Some(task) = next.0.take() {
                task.turn();
            }
        });
        turn.on_behalf_of(name, made)
    }
}

impl<T: Turns> Drop for NextTurn<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.turn_dropped();
        }
    }
}

/// Calls `f`, and gives a Deferred that tells when it is done, or how it has failed.
fn done<R: Outcome<Value: 'static>>(f: impl FnOnce() -> R) -> Deferred<()> {
    match Failure::catch(|| f().settle()) {
        Ok(Ok(result)) => Deferred::from_result(result.map(drop)),
        Ok(Err(waiting)) => waiting.map(drop),
        Err(panic) => Deferred::from_result(Err(panic)),
    }
}
