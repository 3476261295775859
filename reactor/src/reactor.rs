//! The handle to a reactor, and what stands behind it.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::env;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure, Firer};

use crate::backend::{self, Backend, BackendError};
use crate::callback::CallResult;
use crate::calls::{self, Calls};
use crate::delayed::DelayedCall;
use crate::descriptors::{Descriptors, ReadDescriptor, WriteDescriptor};
use crate::jobs::{Job, Jobs};
use crate::pool::Pool;
use crate::remote::RemoteHandle;

/// An event loop: it waits for events, and calls you back, one callback at a time.
///
/// A `Reactor` is a cheap handle. Every callback is given `&Reactor`; clone it to keep one. It belongs to
/// one thread; several reactors can live in a program, one per thread, and none is global.
///
/// The handle that [`new`](Self::new) gave is the owner of the loop. When it is dropped, everything that
/// the loop still held is dropped with it, even if that held handles to the reactor in turn; clones that
/// are left do nothing from then on. In the same way, nothing is left of a run when
/// [`run`](Self::run) has returned.
///
/// # Examples
///
/// ```
/// use reactor::Reactor;
/// use std::time::Duration;
///
/// let reactor = Reactor::new()?;
/// reactor.call_when_running(|reactor| {
///     println!("Hello from the lowlands of the loop");
///     reactor.call_later(Duration::from_millis(5), |reactor| reactor.stop());
/// });
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Twisted's `twisted.internet.reactor`, which is one global object there.*
pub struct Reactor {
    pub(crate) core: Rc<Core>,
    owner: bool,
}

/// What all handles to one reactor share.
pub(crate) struct Core {
    /// The first field, so that it is dropped first: no descriptor is closed while a poller knows it.
    pub(crate) backend: RefCell<Box<dyn Backend>>,
    pub(crate) descriptors: RefCell<Descriptors>,
    pub(crate) calls: Calls<Reactor>,
    pub(crate) jobs: Jobs,
    pub(crate) startup: RefCell<Vec<Startup>>,
    pub(crate) remote: RemoteHandle,
    pub(crate) pool: Pool,
    pub(crate) phase: Cell<Phase>,
    pub(crate) stopped: Cell<Option<Stopped>>,
    /// Whether the owner is gone.
    pub(crate) orphaned: Cell<bool>,
    /// Firers whose results are made by other threads, which cannot have them.
    parked: RefCell<HashMap<u64, Box<dyn Any>>>,
    parked_so_far: Cell<u64>,
    extensions: RefCell<HashMap<TypeId, Rc<dyn Any>>>,
}

type Startup = Box<dyn FnOnce(&Reactor) -> Option<Failure>>;

/// What a reactor is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Running,
    /// Telling everyone that it stops; takes no new descriptors or calls.
    Stopping,
    /// Its owner is gone.
    Closed,
}

/// Why a run of a reactor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Somebody called [`Reactor::stop`].
    Asked,
    /// This signal came, such as 2 for SIGINT. A program exits with 128 + that number by convention.
    Signal(i32),
}

/// What a reactor cannot do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReactorError {
    /// It runs already; the run that is under way goes on.
    #[error("the reactor is already running")]
    AlreadyRunning,
    /// It was asked to stop, and does not run.
    #[error("the reactor is not running")]
    NotRunning,
    /// Its owner was dropped.
    #[error("the reactor is gone")]
    Closed,
    /// The operating system failed it: while it waited, or when it started.
    #[error("the reactor cannot go on")]
    Io(#[from] io::Error),
}

impl Reactor {
    /// Makes a reactor on the backend that the environment's `REACTOR_BACKEND` names, else on `polling`.
    ///
    /// # Errors
    ///
    /// If there is no such backend here, or the system does not give the descriptors that it needs.
    pub fn new() -> Result<Self, BackendError> {
        match env::var_os("REACTOR_BACKEND").filter(|name| !name.is_empty()) {
            None => Self::with_backend(backend::from_name("polling")?),
            Some(name) => match backend::from_name(&name.to_string_lossy()) {
                Err(BackendError::Unknown(name)) => Err(BackendError::UnknownInEnvironment(name)),
                backend => Self::with_backend(backend?),
            },
        }
    }

    /// Makes a reactor on this backend.
    ///
    /// # Errors
    ///
    /// If the system does not give the descriptors that it needs.
    pub fn with_backend(backend: Box<dyn Backend>) -> Result<Self, BackendError> {
        let mut backend = backend;
        let name = backend.name();
        let open = |error| BackendError::Open(name, error);
        let (remote, wake_up) = RemoteHandle::new().map_err(open)?;
        let mut descriptors = Descriptors::default();
        descriptors
            .add_internal(&mut *backend, wake_up)
            .map_err(open)?;
        let core = Core {
            backend: RefCell::new(backend),
            descriptors: RefCell::new(descriptors),
            calls: Calls::default(),
            jobs: Jobs::default(),
            startup: RefCell::default(),
            remote,
            pool: Pool::default(),
            phase: Cell::new(Phase::Idle),
            stopped: Cell::new(None),
            orphaned: Cell::new(false),
            parked: RefCell::default(),
            parked_so_far: Cell::new(0),
            extensions: RefCell::default(),
        };
        Ok(Self {
            core: Rc::new(core),
            owner: true,
        })
    }

    /// The name of the backend.
    #[must_use]
    pub fn backend_name(&self) -> &'static str {
        self.core.backend.borrow().name()
    }

    /// Whether the loop runs: from the first callback until it has been told to end.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.core.phase.get() == Phase::Running && self.core.stopped.get().is_none()
    }

    /// Whether it ends a run now, or is gone: it takes no descriptors, and runs no calls that are made now.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.core.is_closed()
    }

    /// The time of the backend's clock, since the reactor was made. It never goes back.
    ///
    /// *Twisted's `reactor.seconds`.*
    #[must_use]
    pub fn now(&self) -> Duration {
        self.core.now()
    }

    /// Runs `f` once the loop runs: in order, before anything else; at once if it runs already.
    ///
    /// *Twisted's `callWhenRunning`.*
    pub fn call_when_running<R: CallResult + 'static>(&self, f: impl FnOnce(&Self) -> R + 'static) {
        match self.core.phase.get() {
            Phase::Idle => {
                let startup = Box::new(|reactor: &Self| f(reactor).into_failure());
                self.core.startup.borrow_mut().push(startup);
            }
            Phase::Running | Phase::Stopping => {
                if let Some(failure) = f(self).into_failure() {
                    deferred::report("Unhandled error in a call made when running", &failure);
                }
            }
            Phase::Closed => {}
        }
    }

    /// Runs `f` on this thread once `delay` has passed, never before, and only while the loop runs.
    ///
    /// Calls due in the same turn run in the order of their times, then in the order in which they were
    /// made. A call made by another call runs in a later turn, even with a delay of zero, so that a call
    /// which renews itself does not starve the descriptors. A delay that reaches past the end of the
    /// clock means its end. An error that `f` returns, or a panic in it, is reported, and the loop goes on.
    ///
    /// *Twisted's `IReactorTime.callLater`, with seconds as a float.*
    #[track_caller]
    pub fn call_later<R: CallResult + 'static>(
        &self,
        delay: Duration,
        f: impl FnOnce(&Self) -> R + 'static,
    ) -> DelayedCall {
        calls::call_later(&self.core, delay, Location::caller(), f)
    }

    /// Calls [`do_read`](ReadDescriptor::do_read) of `reader` in each turn in which it can be read.
    ///
    /// The reactor owns the object from now on, until it is removed. Adding it twice is adding it once;
    /// adding another object with the same descriptor replaces the first one.
    ///
    /// # Errors
    ///
    /// If the backend cannot watch such a descriptor, or the reactor is stopping or gone.
    pub fn add_reader(&self, reader: Rc<dyn ReadDescriptor>) -> io::Result<()> {
        let replaced = {
            let mut backend = self.core.backend_for_adding()?;
            self.core
                .descriptors
                .borrow_mut()
                .add_reader(&mut **backend, &reader)
        };
        replaced.map(drop)
    }

    /// Calls [`do_write`](WriteDescriptor::do_write) of `writer` in each turn in which it can be written.
    ///
    /// # Errors
    ///
    /// As for [`add_reader`](Self::add_reader).
    pub fn add_writer(&self, writer: Rc<dyn WriteDescriptor>) -> io::Result<()> {
        let replaced = {
            let mut backend = self.core.backend_for_adding()?;
            self.core
                .descriptors
                .borrow_mut()
                .add_writer(&mut **backend, &writer)
        };
        replaced.map(drop)
    }

    /// Tells the reader with this descriptor nothing more. Without effect if there is none.
    ///
    /// As a writer it stays. It is not called again in this turn either.
    pub fn remove_reader(&self, descriptor: &(impl AsFd + ?Sized)) {
        let removed = {
            let mut backend = self.core.backend.borrow_mut();
            let mut descriptors = self.core.descriptors.borrow_mut();
            descriptors.remove_reader(&mut **backend, descriptor.as_fd())
        };
        drop(removed);
    }

    /// Tells the writer with this descriptor nothing more. Without effect if there is none.
    ///
    /// As a reader it stays. It is not called again in this turn either.
    pub fn remove_writer(&self, descriptor: &(impl AsFd + ?Sized)) {
        let removed = {
            let mut backend = self.core.backend.borrow_mut();
            let mut descriptors = self.core.descriptors.borrow_mut();
            descriptors.remove_writer(&mut **backend, descriptor.as_fd())
        };
        drop(removed);
    }

    /// All readers, in no particular order.
    #[must_use]
    pub fn readers(&self) -> Vec<Rc<dyn ReadDescriptor>> {
        self.core.descriptors.borrow().readers()
    }

    /// All writers, in no particular order.
    #[must_use]
    pub fn writers(&self) -> Vec<Rc<dyn WriteDescriptor>> {
        self.core.descriptors.borrow().writers()
    }

    /// Has `job` run as soon as the callback that runs now has returned.
    ///
    /// Outside of the loop's callbacks, it runs at the beginning of the next turn.
    pub fn after_callback(&self, job: Rc<dyn Job>) {
        if self.core.phase.get() != Phase::Closed {
            self.core.jobs.after_callback(job);
        }
    }

    /// Has `job` run at the beginning of the next turn, which does not wait for events before it.
    pub fn next_turn(&self, job: Rc<dyn Job>) {
        if self.core.phase.get() != Phase::Closed {
            self.core.jobs.next_turn(job);
        }
    }

    /// A handle for other threads.
    #[must_use]
    pub fn remote_handle(&self) -> RemoteHandle {
        self.core.remote.clone()
    }

    /// Runs `f` on a thread of the reactor's pool; the Deferred fires on this thread with what it returned.
    ///
    /// The pool has at most ten threads, and none before there is work for them. Work handed over
    /// before the reactor runs begins when it runs; when the reactor stops, work that has not begun is
    /// dropped, work that has is waited for, and the Deferreds of both end with
    /// [`Abandoned`](deferred::Abandoned).
    ///
    /// *Twisted's `deferToThread`.*
    pub fn defer_to_thread<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Deferred<T> {
        let (firer, deferred) = Deferred::new();
        if self.core.is_closed() {
            // Nobody would fire it: it ends as abandoned, now.
            return deferred;
        }
        let ticket = self.core.parked_so_far.get();
        self.core.parked_so_far.set(ticket + 1);
        self.core
            .parked
            .borrow_mut()
            .insert(ticket, Box::new(firer));

        let remote = self.remote_handle();
        let submitted = self.core.pool.submit(move || {
            let result = Failure::catch(f).and_then(|result| result);
            // A reactor that is gone has no use for the result.
            drop(remote.bring_result(move |reactor| {
                if let Some(firer) = reactor.core.unpark::<T>(ticket) {
                    firer.fire(result);
                }
            }));
        });
        if let Err(error) = submitted
            && let Some(firer) = self.core.unpark::<T>(ticket)
        {
            firer.errback(error);
        }
        deferred
    }

    /// The one `T` of this reactor, made when it is first asked for.
    ///
    /// This is how the crates above keep what all their objects on one reactor share, such as buffers.
    #[must_use]
    pub fn extension<T: Default + 'static>(&self) -> Rc<T> {
        let mut extensions = self.core.extensions.borrow_mut();
        let extension = extensions
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Rc::new(T::default()));
        Rc::clone(extension)
            .downcast()
            .unwrap_or_else(|_| unreachable!("an extension is stored under its own type"))
    }

    /// Ends the run, in order: at this turn's end every descriptor's
    /// [`connection_lost`](crate::Descriptor::connection_lost) is called, and [`run`](Self::run) returns.
    ///
    /// # Errors
    ///
    /// [`ReactorError::NotRunning`] if it does not run, or was told to stop already.
    ///
    /// *Twisted's `reactor.stop`.*
    pub fn stop(&self) -> Result<(), ReactorError> {
        if !self.is_running() {
            return Err(ReactorError::NotRunning);
        }
        self.core.stopped.set(Some(Stopped::Asked));
        Ok(())
    }
}

impl Core {
    pub(crate) fn now(&self) -> Duration {
        self.backend.borrow().now()
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase.get(), Phase::Stopping | Phase::Closed)
    }

    fn backend_for_adding(&self) -> io::Result<RefMut<'_, Box<dyn Backend>>> {
        if self.is_closed() {
            return Err(io::Error::other(
                "the reactor has stopped, and takes no descriptors",
            ));
        }
        Ok(self.backend.borrow_mut())
    }

    fn unpark<T: 'static>(&self, ticket: u64) -> Option<Firer<T>> {
        let parked = self.parked.borrow_mut().remove(&ticket)?;
        parked.downcast().ok().map(|firer| *firer)
    }

    /// Drops all that was given to the reactor for later.
    pub(crate) fn clear(&self) {
        self.pool.close();
        let parked = self.parked.take();
        drop(parked);
        self.remote.drop_results();
        self.calls.clear();
        let startup = self.startup.take();
        drop(startup);
        self.jobs.clear();
    }

    /// Refuses calls from other threads, and drops what the crates above keep here.
    pub(crate) fn close(&self) {
        self.remote.close();
        let extensions = self.extensions.take();
        drop(extensions);
    }
}

impl Clone for Reactor {
    /// Another handle to the same reactor, which does not own it.
    fn clone(&self) -> Self {
        Self {
            core: Rc::clone(&self.core),
            owner: false,
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if !self.owner {
            return;
        }
        self.core.orphaned.set(true);
        match self.core.phase.get() {
            Phase::Idle => self.close(),
            // A callback has dropped it: the run ends in order, and then the reactor closes.
            Phase::Running if self.core.stopped.get().is_none() => {
                self.core.stopped.set(Some(Stopped::Asked));
            }
            Phase::Running | Phase::Stopping | Phase::Closed => {}
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("backend", &self.backend_name())
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}
