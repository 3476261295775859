//! Who uses which factory: a factory is started before its first use, and stopped after its last.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use deferred::{Failure, report};
use reactor::Reactor;

use crate::Factory;

/// How often each factory is in use on one reactor.
///
/// They are told apart by where they are, which nobody else can be while they are used.
#[derive(Default)]
struct Uses {
    counts: RefCell<HashMap<*const (), usize>>,
}

impl Uses {
    /// Counts one more, and says whether it is the first.
    fn add<F>(&self, factory: &Rc<F>) -> bool {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(Rc::as_ptr(factory).cast()).or_default();
        *count += 1;
        *count == 1
    }

    /// Counts one less, and says whether it was the last.
    fn remove<F>(&self, factory: &Rc<F>) -> bool {
        let mut counts = self.counts.borrow_mut();
        let place = Rc::as_ptr(factory).cast();
        let Some(count) = counts.get_mut(&place) else {
            return false;
        };
        *count -= 1;
        let was_last = *count == 0;
        if was_last {
            counts.remove(&place);
        }
        was_last
    }
}

/// One use of a factory, by a port that listens or a connector that is not disconnected.
///
/// Dropped without being ended, it only does not count any more.
pub(crate) struct Use<F: Factory> {
    uses: Rc<Uses>,
    /// Gone when it was ended.
    factory: Option<Rc<F>>,
}

impl<F: Factory> Use<F> {
    /// Starts the factory, if nobody else uses it. Called by the loop only.
    pub(crate) fn begin(reactor: &Reactor, factory: &Rc<F>) -> Self {
        let uses: Rc<Uses> = reactor.extension();
        let begun = Self {
            uses: Rc::clone(&uses),
            factory: Some(Rc::clone(factory)),
        };
        if uses.add(factory) {
            note(&**factory, format_args!("starts"));
            if let Err(panic) = Failure::catch(|| factory.start_factory()) {
                report("Unhandled error in start_factory", &panic);
            }
        }
        begun
    }

    /// Stops the factory, if nobody else uses it. Called by the loop only.
    ///
    /// # Errors
    ///
    /// If the factory panics.
    pub(crate) fn end(mut self) -> Result<(), Failure> {
        match self.factory.take() {
            Some(factory) if self.uses.remove(&factory) => {
                note(&*factory, format_args!("stops"));
                Failure::catch(|| factory.stop_factory())
            }
            _ => Ok(()),
        }
    }
}

impl<F: Factory> Drop for Use<F> {
    fn drop(&mut self) {
        if let Some(factory) = self.factory.take() {
            self.uses.remove(&factory);
        }
    }
}

/// Writes into the log what happens to a factory, unless it wants to be left out.
pub(crate) fn note<F: Factory>(factory: &F, what: std::fmt::Arguments<'_>) {
    if !factory.is_quiet() {
        log::info!(target: "protocols", "{} {what}", factory.log_prefix());
    }
}
