//! Cancelling a chain from elsewhere.

use std::cell::Cell;
use std::fmt;
use std::rc::{Rc, Weak};

use crate::chain::{self, Source};

/// A chain was cancelled, and nothing said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct CancelledError;

/// A link returned the chain that it belongs to, which would have waited for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a callback returned the chain that it is part of, which would wait for itself for ever")]
pub struct CircularChain;

/// Cancels a chain from elsewhere, while its [`Deferred`](crate::Deferred) is somebody else's.
///
/// The handle belongs to the chain, not to one link: it cancels whatever the whole chain waits for at
/// that moment, be it a Deferred that a callback returned which was added after the handle was made.
/// It keeps nothing alive, and costs a pointer to keep or clone.
///
/// # Examples
///
/// ```
/// use deferred::{CancelledError, Deferred, testing};
///
/// let (_firer, deferred) = Deferred::<u32>::new();
/// let handle = deferred.cancel_handle();
/// let doubled = deferred.map(|n| n * 2);
///
/// handle.cancel();
///
/// testing::failure_result_of::<CancelledError, _>(doubled);
/// ```
///
/// *Twisted keeps the `Deferred` itself for this, which is not consumed there by the links added to it.*
#[derive(Clone)]
pub struct CancelHandle {
    source: Weak<dyn Source>,
}

impl CancelHandle {
    pub(crate) fn new(source: &Rc<dyn Source>) -> Self {
        Self {
            source: Rc::downgrade(source),
        }
    }

    /// The source of the chain, if there is still something that the handle is for.
    pub(crate) fn source(&self) -> Option<Rc<dyn Source>> {
        self.source
            .upgrade()
            .filter(|source| !source.chain().passed_on.get())
    }

    /// Cancels what the chain waits for now, as [`Deferred::cancel`](crate::Deferred::cancel) does.
    ///
    /// Without effect if it waits for nothing, has ended, or is gone.
    pub fn cancel(&self) {
        if let Some(source) = self.source() {
            chain::cancel(&source);
        }
    }
}

/// Chains that are cancelled, one after the other, for the sake of one that waits for them.
pub(crate) struct Children {
    handles: Vec<CancelHandle>,
    /// Whether those that are left need not be cancelled any more.
    settled: Cell<bool>,
}

impl Children {
    pub(crate) fn new(handles: impl IntoIterator<Item = CancelHandle>) -> Rc<Self> {
        Rc::new(Self {
            handles: handles.into_iter().collect(),
            settled: Cell::new(false),
        })
    }

    /// The handle of this number, if it is still to be used.
    pub(crate) fn get(&self, number: usize) -> Option<&CancelHandle> {
        self.handles.get(number).filter(|_| !self.settled.get())
    }

    /// Cancels all but the one of this number. A cancelling that is under way then passes the rest by: what they
    /// have begun since is new.
    pub(crate) fn settle(&self, winner: usize) {
        self.settled.set(true);
        for (number, handle) in self.handles.iter().enumerate() {
            if number != winner {
                handle.cancel();
            }
        }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").finish_non_exhaustive()
    }
}
