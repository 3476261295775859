//! Who uses which factory: a factory is started before its first use, and stopped after its last.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

use deferred::{Failure, report};

use crate::Factory;

thread_local! {
    /// No factory leaves its thread, so its users are all here, be they ports, connectors or other factories.
    static USES: Rc<Uses> = Rc::default();
}

/// How often each factory is in use.
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

/// One use of a factory, by a port that listens, a connector that is not disconnected, or a factory around it.
///
/// Dropped without being ended, it only does not count any more.
pub(crate) struct Use<F: Factory> {
    /// The count may be needed when the thread has no other way to it any more.
    uses: Rc<Uses>,
    /// Gone when it was ended.
    factory: Option<Rc<F>>,
}

impl<F: Factory> Use<F> {
    /// Starts the factory, if nobody else uses it. Called by the loop only.
    pub(crate) fn begin(factory: &Rc<F>) -> Self {
        let (begun, is_first) = Self::count(factory);
        if is_first {
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
    pub(crate) fn end(self) -> Result<(), Failure> {
        match self.uncount() {
            Some(factory) => {
                note(&*factory, format_args!("stops"));
                Failure::catch(|| factory.stop_factory())
            }
            None => Ok(()),
        }
    }

    /// One more use, and whether it is the first.
    fn count(factory: &Rc<F>) -> (Self, bool) {
        let uses = USES.with(Rc::clone);
        let is_first = uses.add(factory);
        let factory = Some(Rc::clone(factory));
        (Self { uses, factory }, is_first)
    }

    /// One use less; the factory, if this was the last.
    fn uncount(mut self) -> Option<Rc<F>> {
        let factory = self.factory.take()?;
        self.uses.remove(&factory).then_some(factory)
    }
}

impl<F: Factory> Drop for Use<F> {
    fn drop(&mut self) {
        if let Some(factory) = self.factory.take() {
            self.uses.remove(&factory);
        }
    }
}

/// A factory inside another one, which uses it between its own beginning and end.
///
/// So one that is inside several is started with the first of them, and stopped with the last.
pub(crate) struct Inner<F: Factory> {
    factory: Rc<F>,
    in_use: RefCell<Option<Use<F>>>,
}

impl<F: Factory> Inner<F> {
    pub(crate) const fn new(factory: Rc<F>) -> Self {
        Self {
            factory,
            in_use: RefCell::new(None),
        }
    }

    /// The factory.
    pub(crate) const fn get(&self) -> &Rc<F> {
        &self.factory
    }

    /// Starts it, if nobody else uses it: part of the start of the one around it.
    pub(crate) fn start(&self) {
        if self.in_use.borrow().is_some() {
            return;
        }
        let (begun, is_first) = Use::count(&self.factory);
        *self.in_use.borrow_mut() = Some(begun);
        if is_first {
            self.factory.start_factory();
        }
    }

    /// Stops it, if nobody else uses it: part of the stop of the one around it.
    pub(crate) fn stop(&self) {
        let in_use = self.in_use.take();
        if let Some(factory) = in_use.and_then(Use::uncount) {
            factory.stop_factory();
        }
    }
}

impl<F: Factory> Deref for Inner<F> {
    type Target = Rc<F>;

    fn deref(&self) -> &Rc<F> {
        &self.factory
    }
}

/// Writes into the log what happens to a factory, unless it wants to be left out.
pub(crate) fn note<F: Factory>(factory: &F, what: std::fmt::Arguments<'_>) {
    if !factory.is_quiet() {
        log::info!(target: "protocols", "{} {what}", factory.log_prefix());
    }
}
