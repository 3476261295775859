//! The error of a failure, which may hold failures itself.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::failure::Failure;
use crate::list::{AllFailed, FirstError};
use crate::report::report;

type Shared = Arc<dyn Error + Send + Sync>;

/// An error that may be the failure of a list, whose cause may be that of another list, and so on.
///
/// A tower of lists can be high, and its failure is as deep. Dropping it goes down by a loop.
#[derive(Clone)]
pub(crate) struct Held {
    /// Taken when it is dropped.
    error: Option<Shared>,
}

thread_local! {
    /// What the outermost drop on this thread has still to drop; none if there is none.
    static TO_DROP: RefCell<Option<Vec<Shared>>> = const { RefCell::new(None) };
}

impl Held {
    pub(crate) const fn new(error: Shared) -> Self {
        Self { error: Some(error) }
    }
}

impl Deref for Held {
    type Target = dyn Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        self.error.as_deref().expect("it is taken only by its drop")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(error) = self.error.take() else {
            return;
        };
        if !error.is::<FirstError>() && !error.is::<AllFailed>() {
            return;
        }
        // A thread that is ending may have no place to note it any more: then it is dropped as it is.
        let _ = TO_DROP.try_with(|to_drop| {
            if let Some(others) = &mut *to_drop.borrow_mut() {
                others.push(error);
                return;
            }
            to_drop.replace(Some(Vec::new()));
            let mut next = Some(error);
            while let Some(error) = next {
                // A panic would leave the rest of them for ever.
                if let Err(panic) = Failure::catch(|| drop(error)) {
                    report("Unhandled error in a value that was dropped", &panic);
                }
                next = to_drop.borrow_mut().as_mut().and_then(Vec::pop);
            }
            to_drop.replace(None);
        });
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
