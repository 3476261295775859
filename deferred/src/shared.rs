//! One result for many.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use crate::node::Shot;
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

struct Inner<T: Clone + 'static> {
    state: RefCell<State<T>>,
    /// Whether any branch was given the result.
    seen: Cell<bool>,
    /// Whether every branch was cancelled, and the shared chain for that reason.
    given_up: Cell<bool>,
    upstream: CancelHandle,
}

enum State<T: 'static> {
    Waiting {
        branches: BTreeMap<u64, Firer<T>>,
        made: u64,
    },
    Ended(Result<T, Failure>),
}

impl<T: Clone + 'static> Shared<T> {
    /// Shares the result of `chain`.
    pub fn new(chain: Deferred<T>) -> Self {
        let inner = Rc::new(Inner {
            state: RefCell::new(State::Waiting {
                branches: BTreeMap::new(),
                made: 0,
            }),
            seen: Cell::new(false),
            given_up: Cell::new(false),
            upstream: chain.cancel_handle(),
        });
        let ending = Rc::clone(&inner);
        chain.trigger(move |result| ending.end(result));
        Self { inner }
    }

    /// A new chain that has, or will have, the shared result.
    #[track_caller]
    pub fn branch(&self) -> Deferred<T> {
        if let State::Ended(result) = &*self.inner.state.borrow() {
            // It never changes again, so that a clone that looks at this handle finds it as it is.
            self.inner.seen.set(true);
            return Deferred::from_result(result.clone());
        }
        let mut state = self.inner.state.borrow_mut();
        match &mut *state {
            State::Ended(_) => unreachable!("it was just seen"),
            State::Waiting { branches, made } => {
                let (number, inner) = (*made, Rc::downgrade(&self.inner));
                let (firer, branch) = Deferred::with_leave(move || Inner::left(&inner, number));
                branches.insert(number, firer);
                *made += 1;
                branch
            }
        }
    }

    /// Whether the result is there.
    #[must_use]
    pub fn has_result(&self) -> bool {
        matches!(*self.inner.state.borrow(), State::Ended(_))
    }
}

impl<T: Clone + 'static> Inner<T> {
    /// Takes the result, and gives it to all branches; the last one is left to the loop that runs this.
    fn end(&self, result: Result<T, Failure>) -> Option<Shot<T>> {
        // A clone that panics is what the branches get: they must not wait for ever.
        let (kept, result) = match Failure::catch(|| result.clone()) {
            Ok(kept) => (kept, result),
            Err(panic) => (Err(panic.clone()), Err(panic)),
        };
        let state = self.state.replace(State::Ended(kept));
        let State::Waiting { mut branches, .. } = state else {
            return None;
        };
        let (_, last) = branches.pop_last()?;
        self.seen.set(true);
        for firer in branches.into_values() {
            firer.into_root().fire(result.clone());
        }
        Some(Shot {
            firer: last,
            result,
        })
    }

    /// Forgets a branch that is cancelled, and says what to cancel if it was the last.
    fn left(inner: &Weak<Self>, number: u64) -> Option<CancelHandle> {
        let inner = inner.upgrade()?;
        let mut none_left = false;
        let firer = match &mut *inner.state.borrow_mut() {
            State::Waiting { branches, .. } => {
                let firer = branches.remove(&number);
                none_left = firer.is_some() && branches.is_empty();
                firer
            }
            State::Ended(_) => None,
        };
        drop(firer);
        if none_left {
            inner.given_up.set(true);
        }
        none_left.then(|| inner.upstream.clone())
    }
}

impl<T: Clone + 'static> Drop for Inner<T> {
    fn drop(&mut self) {
        if let State::Ended(Err(failure)) = self.state.get_mut()
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
        let state = match &*self.inner.state.borrow() {
            State::Waiting { branches, .. } => format!("{} branches wait", branches.len()),
            State::Ended(Ok(_)) => String::from("succeeded"),
            State::Ended(Err(failure)) => format!("failed with {failure}"),
        };
        write!(f, "Shared({state})")
    }
}
