//! The backends that checks run on, and a record of what a reactor asks of one.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use protocols::reactor::backend::{self, Backend, Event, Interest, Key};
use protocols::reactor::{Reactor, RemoteHandle};

/// Makes each of these checks a test on each backend, in a module with the backend's name.
///
/// A check takes a [`&Reactor`](Reactor).
macro_rules! on_every_backend {
    ($($check:ident),+ $(,)?) => {
        $crate::common::on_every_backend! { @each [polling epoll poll select] [$($check)+] }
    };
    (@each [$($backend:ident)+] $checks:tt) => {
        $(mod $backend {
            $crate::common::on_every_backend! { @on $backend $checks }
        })+
    };
    (@on $backend:ident [$($check:ident)+]) => {
        $(#[test]
        fn $check() {
            $crate::common::backends::check_on(stringify!($backend), super::$check);
        })+
    };
}
pub(crate) use on_every_backend;

/// Runs a check on one backend, or says that this platform has none of that name.
pub(crate) fn check_on(name: &str, check: impl FnOnce(&Reactor)) {
    if backend::NAMES.contains(&name) {
        check(&reactor_on(open(name)));
    } else {
        eprintln!("skipped: this platform has no backend {name}");
    }
}

/// One more reactor on the backend of `reactor`.
pub(crate) fn another(reactor: &Reactor) -> Reactor {
    reactor_on(open(reactor.backend_name()))
}

/// One more reactor on the backend of `reactor`, and a record of its waits.
pub(crate) fn recorded(reactor: &Reactor) -> (Reactor, Waits) {
    let waits = Waits::default();
    let recorded = Recorded {
        inner: open(reactor.backend_name()),
        waits: waits.clone(),
    };
    (reactor_on(Box::new(recorded)), waits)
}

fn open(name: &str) -> Box<dyn Backend> {
    backend::from_name(name).expect("the backend opens")
}

fn reactor_on(backend: Box<dyn Backend>) -> Reactor {
    Reactor::with_backend(backend).expect("there are descriptors left")
}

/// What a test has done before a wait.
type Hook = Box<dyn FnMut()>;

/// How often a reactor has waited and has begun to watch a descriptor, and how long it would have waited the last
/// time; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Waits {
    count: Rc<Cell<usize>>,
    registered: Rc<Cell<usize>>,
    last: Rc<Cell<Option<Duration>>>,
    refuses: Rc<Cell<bool>>,
    stop: Rc<RefCell<Option<RemoteHandle>>>,
    before_each: Rc<RefCell<Option<Hook>>>,
}

impl Waits {
    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    pub(crate) fn registered(&self) -> usize {
        self.registered.get()
    }

    pub(crate) fn last(&self) -> Option<Duration> {
        self.last.get()
    }

    /// Has the backend fail whenever a descriptor is to be watched for something else than before.
    pub(crate) fn refuse_changes(&self) {
        self.refuses.set(true);
    }

    /// Has the reactor stop when it waits next, so that its last wait is for what it has left to do.
    pub(crate) fn stop_in_next(&self, reactor: &Reactor) {
        *self.stop.borrow_mut() = Some(reactor.remote_handle());
    }

    /// Has this done before each wait, when all that the reactor has to do is done.
    pub(crate) fn before_each(&self, f: impl FnMut() + 'static) {
        *self.before_each.borrow_mut() = Some(Box::new(f));
    }

    fn note(&self, timeout: Option<Duration>) {
        self.count.set(self.count.get() + 1);
        self.last.set(timeout);
        if let Some(remote) = self.stop.take() {
            remote
                .call_from_thread(|reactor| drop(reactor.stop()))
                .expect("the reactor runs");
        }
        if let Some(f) = &mut *self.before_each.borrow_mut() {
            f();
        }
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
        self.waits.registered.set(self.waits.registered.get() + 1);
        self.inner.register(fd, key, interest)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        if self.waits.refuses.get() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
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
