//! The handle to a reactor, and what stands behind it.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell, RefMut};
use std::env;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::backend::{self, Backend, BackendError, Event};
use crate::callback::CallResult;
use crate::calls::{self, Calls};
use crate::crossing::Sent;
use crate::delayed::DelayedCall;
use crate::descriptors::{Descriptor, Descriptors, ReadDescriptor, Watchers, WriteDescriptor};
use crate::events::{Events, Firing};
use crate::jobs::{Job, Jobs};
use crate::remote::{Remote, RemoteHandle, Run};
use crate::signals::{Handlers, Signals};
use crate::spawn::Tasks;
use crate::stats::Watch;
use crate::threads::{OwnPool, Parked};

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
    pub(crate) tasks: Tasks,
    pub(crate) events: Events,
    pub(crate) remote: RemoteHandle,
    /// The list of calls from other threads, kept from turn to turn.
    pub(crate) sent: Cell<Sent<Remote>>,
    pub(crate) pool: OwnPool,
    pub(crate) phase: Cell<Phase>,
    /// Whether a turn is under way, or the end of a run.
    pub(crate) turning: Cell<bool>,
    /// The run, as other threads see it.
    pub(crate) run: RefCell<Option<Run>>,
    /// Why the run will end, once it was told to.
    pub(crate) stopped: Cell<Option<Stopped>>,
    /// The startup of this run, and its shutdown, once that has begun.
    pub(crate) startup: RefCell<Option<Rc<Firing>>>,
    pub(crate) shutdown: RefCell<Option<Rc<Firing>>>,
    /// What the run returns, once nothing is left to be done in it.
    pub(crate) ended: RefCell<Option<io::Result<Stopped>>>,
    /// Whether this run wants the signals; and the signals, when it has them.
    pub(crate) takes_signals: Cell<bool>,
    pub(crate) signals: RefCell<Option<Signals>>,
    pub(crate) handlers: Handlers,
    pub(crate) watch: Watch,
    /// The list of ready descriptors, kept from turn to turn.
    pub(crate) ready: Cell<Vec<Event>>,
    /// Whether the owner is gone.
    pub(crate) orphaned: Cell<bool>,
    /// What waits for other threads, which cannot have it.
    pub(crate) parked: Parked,
    /// So few that to look at each is faster than to hash.
    extensions: RefCell<Vec<(TypeId, Rc<dyn Any>)>>,
}

/// What a reactor is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    /// What is to be done before its startup is waited for.
    Starting,
    Running,
    /// What is to be done before its shutdown is waited for.
    Ending,
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
    /// Somebody called [`Reactor::crash`].
    Crashed,
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
    /// Something was asked of its run, such as to stop, and it does not run.
    #[error("the reactor is not running")]
    NotRunning,
    /// Its owner was dropped.
    #[error("the reactor is gone")]
    Closed,
    /// Its own thread was to wait for it, and would have waited for ever.
    #[error("the reactor cannot be waited for on its own thread")]
    OwnThread,
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
            events: Events::default(),
            tasks: Tasks::default(),
            remote,
            sent: Cell::default(),
            pool: OwnPool::default(),
            phase: Cell::new(Phase::Idle),
            turning: Cell::new(false),
            run: RefCell::default(),
            stopped: Cell::new(None),
            startup: RefCell::default(),
            shutdown: RefCell::default(),
            ended: RefCell::new(None),
            takes_signals: Cell::new(false),
            signals: RefCell::default(),
            handlers: Handlers::default(),
            watch: Watch::default(),
            ready: Cell::default(),
            orphaned: Cell::new(false),
            parked: Parked::default(),
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

    /// Whether the loop runs: from its startup, without what is done before that, until it has been told to end.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.core.phase.get() == Phase::Running && self.core.stopped.get().is_none()
    }

    /// Whether it ends a run now, or is gone: it takes no descriptors, and runs no calls that are made now.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.core.is_closed()
    }

    /// A descriptor that another loop can wait on: it is readable when there is something to do at once.
    ///
    /// It is a duplicate, of the caller's own. It tells of descriptors and calls from threads; how long to wait
    /// at most is what [`timeout`](Self::timeout) says. Then it is time for a call of [`iterate`](Self::iterate).
    /// There is none on a backend that has no descriptor of its own (`poll`, `select`), nor while a file is
    /// watched that the system always takes for ready, in which case `iterate` is to be called at once.
    ///
    /// # Errors
    ///
    /// If the process has no descriptor left.
    pub fn descriptor(&self) -> io::Result<Option<OwnedFd>> {
        let backend = self.core.backend.borrow();
        let descriptor = backend.descriptor();
        descriptor.map(|fd| fd.try_clone_to_owned()).transpose()
    }

    /// The time of the backend's clock, since the reactor was made. It never goes back.
    ///
    /// *Twisted's `reactor.seconds`.*
    #[must_use]
    pub fn now(&self) -> Duration {
        self.core.now()
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

    /// Owns `descriptor`, without watching it, until it is [released](Self::release).
    ///
    /// An object that is neither reader nor writer for a while, such as a connection that is paused, is still told
    /// by its [`connection_lost`](Descriptor::connection_lost) when the reactor stops, and nothing of it is left
    /// then. Holding it twice is holding it once. Without effect on a reactor that is stopping or gone.
    pub fn hold(&self, descriptor: Rc<dyn Descriptor>) {
        if self.is_stopping() {
            return;
        }
        let replaced = self.core.descriptors.borrow_mut().hold(&descriptor);
        drop(replaced);
    }

    /// Lets go of an object that has this descriptor: as reader, as writer, and as one that is held.
    pub fn release(&self, descriptor: &(impl AsFd + ?Sized)) {
        let removed = {
            let mut backend = self.core.backend.borrow_mut();
            let mut descriptors = self.core.descriptors.borrow_mut();
            descriptors.release(&mut **backend, descriptor.as_fd())
        };
        drop(removed);
    }

    /// Removes all readers and writers, and those that are held, and gives them back, each object once; none of them is told.
    ///
    /// *Twisted's `removeAll`.*
    pub fn remove_all(&self) -> Vec<Rc<dyn Descriptor>> {
        let removed = {
            let mut backend = self.core.backend.borrow_mut();
            let mut descriptors = self.core.descriptors.borrow_mut();
            descriptors.remove_all(&mut **backend)
        };
        removed.into_iter().flat_map(Watchers::each).collect()
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
    #[track_caller]
    pub fn after_callback(&self, job: Rc<dyn Job>) {
        if self.core.phase.get() != Phase::Closed {
            self.core.jobs.after_callback(job);
        }
    }

    /// Has `job` run at the beginning of the next turn, which does not wait for events before it.
    #[track_caller]
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

    /// The one `T` of this reactor, made when it is first asked for.
    ///
    /// This is how the crates above keep what all their objects on one reactor share, such as buffers.
    #[must_use]
    pub fn extension<T: Default + 'static>(&self) -> Rc<T> {
        let mut extensions = self.core.extensions.borrow_mut();
        let kind = TypeId::of::<T>();
        let known = extensions.iter().find(|(it, _)| *it == kind);
        known
            .and_then(|(_, known)| Rc::clone(known).downcast().ok())
            .unwrap_or_else(|| {
                let new = Rc::new(T::default());
                extensions.push((kind, Rc::clone(&new) as _));
                new
            })
    }

    /// Another handle to the reactor of `core`, which does not own it.
    pub(crate) const fn handle_to(core: Rc<Core>) -> Self {
        Self { core, owner: false }
    }
}

impl Core {
    pub(crate) fn now(&self) -> Duration {
        self.backend.borrow().now()
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase.get(), Phase::Stopping | Phase::Closed)
    }

    /// Whether its owner was dropped, and all with it.
    pub(crate) fn is_gone(&self) -> bool {
        self.phase.get() == Phase::Closed
    }

    /// Whether nothing is left to be done in this run.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    fn backend_for_adding(&self) -> io::Result<RefMut<'_, Box<dyn Backend>>> {
        if self.is_closed() {
            return Err(io::Error::other(
                "the reactor has stopped, and takes no descriptors",
            ));
        }
        Ok(self.backend.borrow_mut())
    }

    /// Drops all that was given to the reactor for later.
    pub(crate) fn clear(&self) {
        self.tasks.clear();
        // First all that work on other threads may wait for, then the work, then what has come of it.
        self.remote.end_run();
        self.parked.clear();
        self.pool.close();
        self.remote.end_run();
        self.calls.clear();
        self.jobs.clear();
        // What they wait for may come in a later run, which it must not end.
        for firing in [self.startup.take(), self.shutdown.take()] {
            firing.inspect(|firing| firing.withdraw());
        }
    }

    /// Refuses calls from other threads, and drops what the crates above keep here.
    pub(crate) fn close(&self) {
        self.remote.close();
        self.events.clear();
        self.handlers.clear();
        self.watch.clear();
        let extensions = self.extensions.take();
        drop(extensions);
    }
}

impl Clone for Reactor {
    /// Another handle to the same reactor, which does not own it.
    fn clone(&self) -> Self {
        Self::handle_to(Rc::clone(&self.core))
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if !self.owner {
            return;
        }
        self.core.orphaned.set(true);
        if self.core.turning.get() {
            // A callback has dropped it: the run ends in order, and then the reactor closes.
            let _ = self.stop();
        } else {
            self.close();
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
