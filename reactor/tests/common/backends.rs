//! The backends that checks run on, and two that are made for tests.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use reactor::Reactor;
use reactor::backend::{self, Backend, Event, Interest, Key};

/// The name of the backend that a check runs on.
#[derive(Clone, Copy)]
pub(crate) struct BackendName(&'static str);

impl BackendName {
    pub(crate) fn backend(self) -> Box<dyn Backend> {
        backend::from_name(self.0).expect("the backend opens")
    }

    pub(crate) fn reactor(self) -> Reactor {
        Reactor::with_backend(self.backend()).expect("there are descriptors left")
    }

    /// A reactor on this backend, and a record of its waits.
    pub(crate) fn recorded(self) -> (Reactor, Waits) {
        let waits = Waits::default();
        let recorded = Recorded {
            inner: self.backend(),
            waits: waits.clone(),
        };
        let reactor = Reactor::with_backend(Box::new(recorded)).expect("there are descriptors");
        (reactor, waits)
    }
}

impl From<BackendName> for Reactor {
    fn from(name: BackendName) -> Self {
        name.reactor()
    }
}

/// Runs a check on one backend, or says that this platform has none of that name.
pub(crate) fn check_on<T: From<BackendName>>(name: &'static str, check: impl FnOnce(T)) {
    if backend::NAMES.contains(&name) {
        check(BackendName(name).into());
    } else {
        eprintln!("skipped: this platform has no backend {name}");
    }
}

/// The timeout of each wait that a reactor began, in order; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Waits(Rc<RefCell<Vec<Option<Duration>>>>);

impl Waits {
    pub(crate) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    pub(crate) fn timeouts(&self) -> Vec<Option<Duration>> {
        self.0.borrow().clone()
    }

    fn note(&self, timeout: Option<Duration>) {
        self.0.borrow_mut().push(timeout);
    }
}

/// A backend that notes the waits of the one it stands before.
struct Recorded {
    inner: Box<dyn Backend>,
    waits: Waits,
}

impl Backend for Recorded {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.inner.register(fd, key, interest)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.inner.modify(fd, key, interest)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.inner.deregister(fd, key)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        self.waits.note(timeout);
        self.inner.wait(events, timeout)
    }

    fn now(&self) -> Duration {
        self.inner.now()
    }
}

/// The time of a backend without descriptors, where every wait is over at once and takes just as long as
/// it was to take.
///
/// A wait for ever fails, and with it the run: nothing would ever happen. Clones share the time.
#[derive(Clone, Default)]
pub(crate) struct SimulatedTime {
    now: Rc<Cell<Duration>>,
    waits: Waits,
}

impl SimulatedTime {
    /// A reactor in simulated time.
    pub(crate) fn reactor() -> (Reactor, Self) {
        let time = Self::default();
        let reactor = Reactor::with_backend(Box::new(time.clone())).expect("there are descriptors");
        (reactor, time)
    }

    /// Lets time pass, as a callback that takes long would.
    pub(crate) fn pass(&self, duration: Duration) {
        self.now.set(self.now.get() + duration);
    }

    pub(crate) fn waits(&self) -> &Waits {
        &self.waits
    }
}

impl Backend for SimulatedTime {
    fn name(&self) -> &'static str {
        "simulated time"
    }

    fn register(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn modify(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, _: BorrowedFd<'_>, _: Key) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, _: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        self.waits.note(timeout);
        let timeout = timeout.ok_or_else(|| io::Error::other("nothing would ever happen"))?;
        self.pass(timeout);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.now.get()
    }
}
