//! One result for many.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use crate::node::{Run, Shot, Sink, Step};
use crate::{CancelHandle, CancelledError, Deferred, Failure, Firer, report};

/// One chain's result, for as many chains as want it.
///
/// Each [`branch`](Self::branch) is a chain of its own: what is added to one does nothing to another. Branches
/// made before the result is there fire when it comes, in the order in which they were made; branches
/// made later have it at once. A failure goes to every branch.
///
/// Cancelling a branch ends that branch with [`CancelledError`](crate::CancelledError). When every branch has been cancelled, and
/// none is left that waits, the shared chain is cancelled too. A failure that no branch was ever given
/// is reported as unhandled when the last handle is dropped.
///
/// # Examples
///
/// ```
/// use deferred::{Deferred, Shared, testing};
///
/// let (firer, poem) = Deferred::<&str>::new();
/// let poem = Shared::new(poem);
/// let (first, second) = (poem.branch(), poem.branch());
/// firer.callback("The river waits on no one");
///
/// assert_eq!(testing::success_result_of(first), "The river waits on no one");
/// assert_eq!(testing::success_result_of(second.map(str::len)), 25);
/// assert!(poem.branch().has_result());
/// ```
///
/// *In Twisted every user of a cache writes this list of Deferreds by hand, as the poetry proxy of the tutorial does.*
pub struct Shared<T: Clone + 'static> {
    inner: Rc<Inner<T>>,
}

/// Where the shared chain ends, and every branch begins.
struct Inner<T: Clone + 'static> {
    /// The result, as soon as it has come.
    result: RefCell<Option<Result<T, Failure>>>,
    /// Whether the loop that runs the shared chain has come to its end: a paused one has not.
    ended: Cell<bool>,
    /// The branches that have no result yet, in the order in which they were made.
    branches: RefCell<BTreeMap<u64, Firer<T>>>,
    made: Cell<u64>,
    /// Whether any branch was given the result.
    seen: Cell<bool>,
    /// Whether every branch was cancelled, and the shared chain for that reason.
    given_up: Cell<bool>,
    upstream: CancelHandle,
}

impl<T: Clone + 'static> Shared<T> {
    /// Shares the result of `chain`.
    pub fn new(chain: Deferred<T>) -> Self {
        let inner = Rc::new(Inner {
            result: RefCell::default(),
            ended: Cell::new(false),
            branches: RefCell::default(),
            made: Cell::new(0),
            seen: Cell::new(false),
            given_up: Cell::new(false),
            upstream: chain.cancel_handle(),
        });
        if let Some(result) = chain.end_in(inner.clone()) {
            inner.result.replace(Some(result));
            inner.ended.set(true);
        }
        Self { inner }
    }

    /// A new chain that has, or will have, the shared result.
    #[track_caller]
    pub fn branch(&self) -> Deferred<T> {
        if self.inner.ended.get() {
            return Deferred::from_result(self.inner.given());
        }
        let (number, inner) = (self.inner.made.get(), Rc::downgrade(&self.inner));
        let (firer, branch) = Deferred::with_leave(move || Inner::left(&inner, number));
        self.inner.branches.borrow_mut().insert(number, firer);
        self.inner.made.set(number + 1);
        branch
    }

    /// Whether the result is there.
    #[must_use]
    pub fn has_result(&self) -> bool {
        self.inner.ended.get()
    }
}

impl<T: Clone + 'static> Sink<T> for Inner<T> {
    fn accept(self: Rc<Self>, input: Result<T, Failure>) -> Rc<dyn Step> {
        self.result.replace(Some(input));
        self
    }
}

impl<T: Clone + 'static> Step for Inner<T> {
    /// Gives the result to the first branch that has none yet.
    ///
    /// All that the branch does then is done before the loop comes back for the next one.
    fn step(self: Rc<Self>, run: &mut Run) -> Option<Rc<dyn Step>> {
        self.ended.set(true);
        let (_, firer) = self.branches.borrow_mut().pop_first()?;
        if !self.branches.borrow().is_empty() {
            run.come_back_to(self.clone());
        }
        let result = self.given();
        run.go_on_in(Shot { firer, result })
    }
}

impl<T: Clone + 'static> Inner<T> {
    /// The result for one more branch. A clone that panics is what it gets: it must not wait for ever.
    fn given(&self) -> Result<T, Failure> {
        self.seen.set(true);
        // It never changes again, so that a clone that looks at this handle finds it as it is.
        let result = self.result.borrow();
        let result = result
            .as_ref()
            .expect("it has come when the chain has ended");
        Failure::catch(|| result.clone()).unwrap_or_else(Err)
    }

    /// Forgets a branch that is cancelled, and says what to cancel if it was the last.
    fn left(inner: &Weak<Self>, number: u64) -> Option<CancelHandle> {
        let inner = inner.upgrade()?;
        let firer = inner.branches.borrow_mut().remove(&number)?;
        drop(firer);
        let none_left = inner.branches.borrow().is_empty();
        if none_left && !inner.ended.get() {
            inner.given_up.set(true);
            return Some(inner.upstream.clone());
        }
        None
    }
}

impl<T: Clone + 'static> Drop for Inner<T> {
    fn drop(&mut self) {
        if let Some(Err(failure)) = self.result.get_mut()
            && !self.seen.get()
            && !(self.given_up.get() && failure.check::<CancelledError>().is_some())
        {
            report::unhandled(failure, None);
        }
    }
}

impl<T: Clone + 'static> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Rc::clone(&self.inner),
        }
    }
}

impl<T: Clone + 'static> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.inner.result.borrow() {
            Some(Ok(_)) if self.inner.ended.get() => String::from("succeeded"),
            Some(Err(failure)) if self.inner.ended.get() => format!("failed with {failure}"),
            _ => format!("{} branches wait", self.inner.branches.borrow().len()),
        };
        write!(f, "Shared({state})")
    }
}
