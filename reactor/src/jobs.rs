//! Work that the loop does between callbacks.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::Location;
use std::rc::Rc;

use crate::Reactor;

/// Something that a callback leaves to the loop: what it recorded is carried out when it has returned.
///
/// A method of a transport that is called from a callback only records; the transport gives itself to the
/// loop as a job, which sends what was written, or tells its protocol of the end.
pub trait Job {
    /// Called by the loop, once for each time that the job was given to it.
    fn run(self: Rc<Self>, reactor: &Reactor);
}

/// A job that waits.
pub(crate) struct Left {
    pub(crate) job: Rc<dyn Job>,
    /// Where it was left to the loop.
    pub(crate) at: &'static Location<'static>,
}

impl Left {
    #[track_caller]
    const fn here(job: Rc<dyn Job>) -> Self {
        Self {
            job,
            at: Location::caller(),
        }
    }
}

/// The jobs that wait.
#[derive(Default)]
pub(crate) struct Jobs {
    after_callback: RefCell<VecDeque<Left>>,
    next_turn: RefCell<VecDeque<Left>>,
}

impl Jobs {
    #[track_caller]
    pub(crate) fn after_callback(&self, job: Rc<dyn Job>) {
        self.after_callback.borrow_mut().push_back(Left::here(job));
    }

    #[track_caller]
    pub(crate) fn next_turn(&self, job: Rc<dyn Job>) {
        self.next_turn.borrow_mut().push_back(Left::here(job));
    }

    pub(crate) fn take_after_callback(&self) -> Option<Left> {
        self.after_callback.borrow_mut().pop_front()
    }

    pub(crate) fn take_for_this_turn(&self) -> Option<Left> {
        self.next_turn.borrow_mut().pop_front()
    }

    /// How many jobs wait for the next turn.
    pub(crate) fn for_next_turn(&self) -> usize {
        self.next_turn.borrow().len()
    }

    /// Whether any job waits.
    pub(crate) fn wait(&self) -> bool {
        self.for_next_turn() > 0 || !self.after_callback.borrow().is_empty()
    }

    pub(crate) fn clear(&self) {
        while self.take_after_callback().is_some() || self.take_for_this_turn().is_some() {}
    }
}
